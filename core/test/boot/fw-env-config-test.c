/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of fw_env.config. */
#include "ota/fw-env-config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "ota/reason.h"

static int parse_text(const char *text, struct ota_fw_env *out, char detail[200])
{
	detail[0] = '\0';
	return ota_fw_env_parse(text, strlen(text), "fw_env.config", out, detail, 200);
}

/* What the field's files look like is read as the field's tools read it: sizes are hexadecimal, offsets are not. */
Test(env_config, good)
{
	struct ota_fw_env config;
	char detail[200];
	uint64_t offset;

	cr_assert_eq(parse_text("# two copies\n\n/dev/mmcblk0\t0x100000  0x4000\r\n  /dev/mmcblk0 1114112 4000 200 20",
				&config, detail),
		     0, "%s", detail);
	cr_assert(config.redundant);
	cr_assert_str_eq(config.copies[1].device, "/dev/mmcblk0");
	cr_assert_eq(config.copies[0].offset_bytes, 0x100000);
	cr_assert_eq(config.copies[1].offset_bytes, 0x110000);
	cr_assert_eq(config.env_bytes, 0x4000u);
	cr_assert_eq(ota_fw_env_offset(&config, 1, 0x114000, &offset), 0);
	cr_assert_eq(offset, 0x110000u);
	cr_assert_eq(ota_fw_env_offset(&config, 1, 0x113fff, &offset), OTA_BAD_CONFIG);
	cr_assert_eq(ota_fw_env_offset(&config, 1, 0x1000, &offset), OTA_BAD_CONFIG);

	cr_assert_eq(parse_text("/dev/mtdblock0 -0x2000 0x2000\n", &config, detail), 0, "%s", detail);
	cr_assert(!config.redundant);
	cr_assert_eq(ota_fw_env_offset(&config, 0, 0x10000, &offset), 0);
	cr_assert_eq(offset, 0xe000u);
	cr_assert_eq(ota_fw_env_offset(&config, 0, 0x1000, &offset), OTA_BAD_CONFIG);
}

/* Bad input is one clear line that names file and line. */
Test(env_config, bad)
{
	static const struct {
		const char *text;
		const char *detail;
	} rows[] = {
	    {"", "fw_env.config:0: no line tells where the environment lies"},
	    {"# nothing\n", "fw_env.config:1: no line tells where the environment lies"},
	    {"\n/dev/x 0\n", "fw_env.config:2: expected: device offset size [sector size [sectors]]"},
	    {"/dev/x 0 1000 1 1 1\n", "fw_env.config:1: expected: device offset size [sector size [sectors]]"},
	    {"/dev/x 0k 1000\n", "fw_env.config:1: offset '0k' is not a number"},
	    {"/dev/x 0 zz\n", "fw_env.config:1: size 'zz' is not a number"},
	    {"/dev/x 0 1000 y\n", "fw_env.config:1: sector size 'y' is not a number"},
	    {"/dev/x 0 1000 1 -1\n", "fw_env.config:1: sectors is negative"},
	    {"/dev/x 0 100\n", "fw_env.config:1: size 0x100 is not a multiple of 0x200 from 0x200 to 0x40000"},
	    {"/dev/x 0 80000\n", "fw_env.config:1: size 0x80000 is not a multiple of 0x200 from 0x200 to 0x40000"},
	    {"/dev/x 1 1000\n", "fw_env.config:1: offset 1 is not a multiple of 0x200"},
	    {"/dev/x 0 1000\n/dev/x 0x1000 2000\n",
	     "fw_env.config:2: size 0x2000 differs from the first copy's 0x1000"},
	    {"/dev/x 0 1000\n/dev/x 0x800 1000\n", "fw_env.config:2: the two copies overlap"},
	    {"/dev/x 0 1000\n/dev/x -0x1000 1000\n/dev/y 0 1000\n",
	     "fw_env.config:3: a third copy: there are at most two"},
	    {"/dev/mtd0 0 1000\n",
	     "fw_env.config:1: /dev/mtd0 is raw flash, which is not supported: use a block device"},
	    {"/dev/ubi0:env 0 1000\n",
	     "fw_env.config:1: /dev/ubi0:env is raw flash, which is not supported: use a block device"},
	};
	struct ota_fw_env config;
	char detail[200];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cr_assert_eq(parse_text(rows[i].text, &config, detail), OTA_BAD_CONFIG, "row %zu", i);
		cr_assert_str_eq(detail, rows[i].detail);
		cr_assert_eq(ota_fw_env_parse(rows[i].text, strlen(rows[i].text), "f", &config, NULL, 0),
			     OTA_BAD_CONFIG);
	}
	cr_assert_eq(ota_fw_env_parse("/dev/x\0 0 1000", 14, "f", &config, detail, 200), OTA_BAD_CONFIG);
	cr_assert_str_eq(detail, "f:1: line is too long or not text");
}

/* From a file: what cannot be opened is an errno, and a file without bound is refused. */
Test(env_config, files)
{
	char path[] = "/tmp/ota-fw-env-XXXXXX";
	struct ota_fw_env config;
	char detail[200];
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, "/dev/a 0 1000\n/dev/b 0 1000\n", 28), 28);
	cr_assert_eq(ota_fw_env_load(path, &config, detail, sizeof detail), 0, "%s", detail);
	cr_assert_str_eq(config.copies[1].device, "/dev/b");
	cr_assert_eq(ftruncate(fd, OTA_FW_ENV_BYTES_MAX + 1), 0);
	cr_assert_eq(ota_fw_env_load(path, &config, detail, sizeof detail), OTA_BAD_CONFIG);
	cr_assert(strstr(detail, "larger than"));
	cr_assert_eq(close(fd), 0);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(ota_fw_env_load(path, &config, detail, sizeof detail), -ENOENT);
}
