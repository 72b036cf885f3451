/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: what is accepted, and that each mistake is one line that names its place. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ota/linux.h"

#define SYSTEM   "[system]\ncompatible=acme\nbootloader=uboot\nstate=/data/state\n" /* lines 1 to 4 */
#define KEYRING  "[keyring]\npath=/etc/ota/keyring.pem\n"                           /* 5, 6 */
#define ROOTFS_0 "[slot.rootfs.0]\ndevice=/dev/a\nbootname=A\n"                     /* 7 to 9 */
#define ROOTFS_1 "[slot.rootfs.1]\ndevice=/dev/b\nbootname=B\n"                     /* 10 to 12 */
#define GOOD     SYSTEM KEYRING ROOTFS_0 ROOTFS_1

static int load_text(const char *text, struct ota_config *config, char *detail, size_t detail_bytes)
{
	char path[] = "/tmp/ota-config-XXXXXX";
	int fd = mkstemp(path);
	int result;

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	cr_assert_eq(close(fd), 0);
	result = ota_config_load(path, config, detail, detail_bytes);
	(void)unlink(path);
	return result;
}

/* Invariant: what the file says is what the struct holds, and what it does not say has the documented default. */
Test(config, values_and_defaults)
{
	struct ota_config config;
	char detail[OTA_DETAIL_MAX] = "";

	cr_assert_eq(load_text(GOOD "[slot.kernel.1]\ndevice=/dev/kb\nparent=rootfs.1\n"
				    "[slot.kernel.0]\ndevice=/dev/ka\nparent=rootfs.0\n"
				    "[update]\nreuse=no\ndeadline-s=0x10 ; a comment\n",
			       &config, detail, sizeof(detail)),
		     0, "%s", detail);
	cr_assert_str_eq(config.compatible, "acme");
	cr_assert_eq(config.bootloader, OTA_BOOTLOADER_UBOOT);
	cr_assert_str_eq(config.slots[0].bootname, "A");
	cr_assert_str_eq(config.slots[0].images[1].device, "/dev/ka");
	cr_assert_str_eq(config.slots[1].images[1].device, "/dev/kb");
	cr_assert_eq(config.slots[1].image_count, 2);
	cr_assert_not(config.reuse);
	cr_assert(config.pipeline);
	cr_assert_not(config.allow_http);
	cr_assert_eq(config.deadline_s, 16);
	cr_assert_eq(config.boot_attempts, 3);
	cr_assert_eq(config.checkpoint_bytes, 16777216);
	cr_assert_eq(config.health_timeout_ms, 60000);
	cr_assert_str_eq(config.lockfile, "/run/lock/ota.lock");
	cr_assert_str_eq(config.fw_env_config, "/etc/fw_env.config");
	cr_assert_str_eq(config.url, "");
	cr_assert_str_eq(config.bench_unit, "");
	cr_assert_eq(config.bench_hold_timeout_ms, 30000);
}

/* Invariant: the example that is shipped is a configuration that loads. */
Test(config, example_loads)
{
	struct ota_config config;
	char detail[OTA_DETAIL_MAX] = "";

	cr_assert_eq(ota_config_load("core/etc/system.conf.example", &config, detail, sizeof(detail)), 0, "%s", detail);
	cr_assert_eq(config.slots[0].image_count, 2);
}

struct mistake {
	const char *text;
	const char *place; /* ":LINE: " or ": " */
	const char *says;
};

static const struct mistake mistakes[] = {
    {GOOD "[update]\nspeed=9\n", ":14: ", "unknown key speed="},
    {GOOD "[handler]\npower=/x\n", ":13: ", "unknown section [handler]"},
    {GOOD "[handler]\n", ":13: ", "unknown section [handler]"},
    {GOOD "[slot.rootfs]\ndevice=/x\n", ":13: ", "unknown section"},
    {GOOD "[slot.rootfs.x]\ndevice=/x\n", ":13: ", "unknown section"},
    {GOOD "[system]\ncompatible=other\n", ":14: ", "given twice"},
    {GOOD "[slot.rootfs.1]\ndevice=/x\n", ":14: ", "given twice"},
    {GOOD "[update]\nfetch-attempts=0\n", ":14: ", "not a number from 1 to 1000"},
    {GOOD "[update]\nfetch-attempts=-1\n", ":14: ", "not a number"},
    {GOOD "[update]\nfetch-attempts=5x\n", ":14: ", "not a number"},
    {GOOD "[update]\nfetch-attempts=99999999999999999999\n", ":14: ", "not a number"},
    {GOOD "[update]\nreuse=maybe\n", ":14: ", "neither yes nor no"},
    {GOOD "[handlers]\npower=bin/power\n", ":14: ", "not an absolute path"},
    {GOOD "[health]\ndir=\n", ":14: ", "is empty"},
    {GOOD "[health]\nnonsense\n", ":14: ", "neither [section]"},
    {GOOD "[slot.rootfs.2]\ndevice=/x\nbootname=C\n", ":14: ", "third rootfs"},
    {GOOD "[slot.kernel.0]\ndevice=/x\n", ":14: ", "needs parent="},
    {GOOD "[slot.kernel.0]\nparent=rootfs.0\n", ":14: ", "no device="},
    {GOOD "[slot.kernel.0]\ndevice=/x\nparent=rootfs.0\n", ": ", "both need the same classes"},
    {GOOD "[slot.kernel.0]\ndevice=/x\nparent=rootfs.0\nbootname=K\n", ":14: ", "only rootfs slots have one"},
    {GOOD "[slot.kernel.0]\ndevice=/dev/a\nparent=rootfs.0\n[slot.kernel.1]\ndevice=/x\nparent=rootfs.1\n", ": ",
     "/dev/a is used twice"},
    {GOOD "[slot.kernel.0]\ndevice=/x\nparent=rootfs.0\n[slot.kernel.1]\ndevice=/y\nparent=rootfs.0\n",
     ":17: ", "two kernel slots"},
    {SYSTEM KEYRING ROOTFS_0, ": ", "1 rootfs slots"},
    {SYSTEM KEYRING ROOTFS_0 "[slot.rootfs.1]\ndevice=/dev/b\nbootname=A\n", ": ", "both rootfs slots have bootname=A"},
    {SYSTEM KEYRING ROOTFS_0 "[slot.rootfs.1]\ndevice=/dev/b\n", ":11: ", "no bootname="},
    {SYSTEM ROOTFS_0 ROOTFS_1, ": ", "[keyring] has no path="},
    {SYSTEM "booted=C\n" KEYRING ROOTFS_0 ROOTFS_1, ": ", "bootname of no slot"},
    {"[system]\ncompatible=x\nbootloader=grub\nstate=/s\n" KEYRING ROOTFS_0 ROOTFS_1, ": ", "must be uboot or custom"},
    {"[system]\ncompatible=x\nbootloader=custom\nstate=/s\n" KEYRING ROOTFS_0 ROOTFS_1, ": ", "custom-backend="},
    {GOOD "[update]\nurl=http://x/y\n", ": ", "allow-http=yes"},
    {GOOD "[tls]\nkey=/k\n", ": ", "give both or none"},
    {GOOD "[bench]\nmarks=/dev/ttyS1\n", ": ", "[bench] has no unit="},
    {GOOD "[bench]\nhold-timeout-ms=5\n", ": ", "[bench] has no unit="},
    {GOOD "[bench]\nunit=/u\nhold=S06,S99\n", ": ", "hold=S06,S99 is neither"},
    {GOOD "[bench]\nunit=/u\nhold-timeout-ms=600001\n", ":15: ", "not a number from 1 to 600000"},
    {GOOD "[bench]\nunit=u\n", ":14: ", "not an absolute path"},
    {GOOD "[system]\nbench=/dev/ttyS1\n", ":14: ", "unknown key bench="},
    {"", ": ", "0 rootfs slots"},
};

/* Invariant: each mistake is refused, with the file, the line where there is one, and what is wrong. */
Test(config, mistakes_name_their_line)
{
	struct ota_config config;
	char detail[OTA_DETAIL_MAX];

	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		detail[0] = '\0';
		cr_expect_eq(load_text(mistakes[i].text, &config, detail, sizeof(detail)), OTA_BAD_CONFIG, "row %zu",
			     i);
		cr_expect(strncmp(detail, "/tmp/ota-config-", 16) == 0, "row %zu: %s", i, detail);
		cr_expect(strncmp(detail + strlen("/tmp/ota-config-XXXXXX"), mistakes[i].place,
				  strlen(mistakes[i].place)) == 0,
			  "row %zu: %s", i, detail);
		cr_expect(strstr(detail, mistakes[i].says) != NULL, "row %zu: %s", i, detail);
	}
}

/* Invariant: a line that the parser would split is refused, never read as two. */
Test(config, long_line_is_refused)
{
	struct ota_config config;
	char detail[OTA_DETAIL_MAX] = "";
	char text[1024] = GOOD "[update]\nurl=";
	size_t used = strlen(text);

	memset(text + used, 'x', 250);
	memcpy(text + used + 250, "\nreuse=no\n", 11);
	cr_assert_eq(load_text(text, &config, detail, sizeof(detail)), OTA_BAD_CONFIG);
	cr_assert(strstr(detail, ":14: longer than 198 characters") != NULL, "%s", detail);
	cr_assert_eq(ota_config_load("/nonexistent/system.conf", &config, detail, sizeof(detail)), OTA_BAD_CONFIG);
	cr_assert(strstr(detail, "No such file") != NULL && strstr(detail, "--config=") != NULL, "%s", detail);
}
