/* SPDX-License-Identifier: Apache-2.0 */
/* Makes seeded boot environments for tests. */
#include "test/boot/env-random.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/number-bytes.h"
#include "boot/env.h"
#include "test/test-helpers.h"

uint32_t env_random_below(uint64_t *seed, uint32_t n)
{
	return test_random_next(seed) % n;
}

static void random_value(uint64_t *seed, char *out, size_t room)
{
	static const char *const values[] = {"",   "0",           "1",  "2x",     "-1",           "007",
					     "A",  "B",           "C",  "a=b=c",  "run x; run y", " A",
					     "B ", "caf\xc3\xa9", "#x", "a\\b\\", "99999999999",  "00000000000000ff"};
	const uint32_t fixed = sizeof values / sizeof values[0];
	uint32_t pick = env_random_below(seed, fixed + 2);

	if (pick < fixed) {
		(void)snprintf(out, room, "%s", values[pick]);
		return;
	}
	size_t n = env_random_below(seed, pick == fixed ? 20 : 300);
	for (size_t i = 0; i < n; i++)
		out[i] = (char)(' ' + env_random_below(seed, 95));
	out[n] = '\0';
}

static void random_name(uint64_t *seed, char *out, size_t room)
{
	static const char *const names[] = {
	    "ota_slot", "ota_barred", "ota_trial", "upgrade_available", "bootcount", "bootlimit", "bootcmd", "a", "zz"};
	const uint32_t fixed = sizeof names / sizeof names[0];
	uint32_t pick = env_random_below(seed, fixed + 4);

	if (pick < fixed)
		(void)snprintf(out, room, "%s", names[pick]);
	else
		(void)snprintf(out, room, "v%u", env_random_below(seed, 50));
}

void env_random_list(uint64_t *seed, struct env_list *list, enum env_special special)
{
	char name[32];
	char value[320];

	list->count = env_random_below(seed, ENV_ENTRIES_MAX - 1);
	for (unsigned i = 0; i < list->count; i++) {
		random_name(seed, name, sizeof name);
		random_value(seed, value, sizeof value);
		(void)snprintf(list->entries[i], ENV_ENTRY_BYTES, "%s=%s", name, value);
	}
	if (special == ENV_PLAIN)
		return;
	/* In the middle, so that there is something before and behind. */
	unsigned at = list->count / 2;
	memmove(list->entries[at + 1], list->entries[at], (list->count - at) * sizeof list->entries[0]);
	list->count++;
	random_name(seed, name, sizeof name);
	/* One that stands before, if there is any. */
	if (special == ENV_BARE_NAME && at)
		(void)snprintf(name, sizeof name, "%.*s", (int)strcspn(list->entries[0], "="), list->entries[0]);
	if (special == ENV_BARE_NAME)
		(void)snprintf(list->entries[at], ENV_ENTRY_BYTES, "%s", name);
	else
		(void)snprintf(list->entries[at], ENV_ENTRY_BYTES, "%s",
			       special == ENV_EMPTY_NAME ? "=x" : ".flags=zz:sa");
}

void env_random_copy(const struct env_list *list, uint8_t flags, uint8_t pad, uint8_t raw[ENV_TEST_BYTES])
{
	size_t at = OTA_ENV_HEADER_BYTES;

	memset(raw, pad, ENV_TEST_BYTES);
	for (unsigned i = 0; i < list->count; i++) {
		size_t n = strlen(list->entries[i]) + 1;
		memcpy(raw + at, list->entries[i], n);
		at += n;
	}
	cr_assert_lt(at, ENV_TEST_BYTES - 1);
	raw[at] = 0;
	ota_number_put(raw, ota_env_crc32(raw + OTA_ENV_HEADER_BYTES, ENV_TEST_BYTES - OTA_ENV_HEADER_BYTES), 4);
	raw[4] = flags;
}

/* A copy as a cut store leaves it: some sectors of `new` from the front or the back, the rest `old` or a fill. */
void env_random_tear(uint64_t *seed, const uint8_t old[ENV_TEST_BYTES], const uint8_t new[ENV_TEST_BYTES],
		     uint8_t out[ENV_TEST_BYTES])
{
	uint32_t fill = env_random_below(seed, 3);
	uint32_t bytes = env_random_below(seed, ENV_TEST_BYTES / 512 + 1) * 512;
	uint32_t from = env_random_below(seed, 2) ? ENV_TEST_BYTES - bytes : 0;

	memcpy(out, old, ENV_TEST_BYTES);
	if (fill)
		memset(out, fill == 1 ? 0 : 0xff, ENV_TEST_BYTES);
	memcpy(out + from, new + from, bytes);
}
