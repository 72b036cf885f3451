/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the boot script and U-Boot parse numbers, digit by digit: a number that is not plain decimal has another value
 * for U-Boot than for a decimal reader.
 *
 * Sources: U-Boot 2023.01 lib/strto.c (a leading 0x is taken in base 10 too, a leading 0 is octal where the base is
 * left open), include/bootcount.h, drivers/bootcount/bootcount_env.c (upgrade_available is cut to an int), cmd/test.c
 * (signed, base left open), images/uboot/ota.env.
 */
#include <stdlib.h>
#include <string.h>

#include "subject/ota-script/script-case.h"

static unsigned digit(char c)
{
	return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
	       : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
	       : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
				      : 99;
}

static unsigned long unsigned_of(const char *text, unsigned base)
{
	unsigned long value = 0;

	if (text == NULL)
		return 0;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	} else if (base == 0) {
		base = text[0] == '0' ? 8 : 10;
	}
	for (; digit(*text) < base; text++)
		value = value * base + digit(*text);
	return value;
}

/* As `test` compares. ota_import sets a variable anew from its words: a blank in front goes. */
static long signed_of(const char *text, bool imported)
{
	while (text != NULL && imported && *text == ' ')
		text++;
	if (text != NULL && *text == '-')
		return (long)(0 - unsigned_of(text + 1, 0));
	return (long)unsigned_of(text, 0);
}

void yp_script_exact(const struct yp_sim_env *env, const struct yp_sim_boot_variables *v, const bool loads[2],
		     bool rebuilt, char *slot, unsigned *stores)
{
	const char *available = yp_sim_env_get(env, "upgrade_available");
	const char *limit = yp_sim_env_get(env, "bootlimit");
	bool counts = (int)unsigned_of(available, 10) != 0;
	unsigned long count = counts ? unsigned_of(yp_sim_env_get(env, "bootcount"), 10) + 1 : 1;
	unsigned long most = unsigned_of(limit, 10);
	bool on_trial = signed_of(available, rebuilt) != 0;
	bool over = counts && most != 0 && count > most;
	char other = v->slot == 'A' ? 'B' : 'A';

	/* The script's own check stands in where no limit is stored. */
	over = over || (on_trial && signed_of(limit, rebuilt) < 1 && count > 3);
	*stores = counts;
	*slot = v->slot;
	if (!over && v->barred != v->slot && loads[v->slot == 'B'])
		return;
	*stores += over || on_trial;
	if (over && v->barred == other && loads[v->slot == 'B'])
		return;
	*slot = v->barred != other && loads[other == 'B'] ? other : 0;
}
