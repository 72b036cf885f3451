/* SPDX-License-Identifier: Apache-2.0 */
/* Phases from roles and order alone equal those from a subject's marks; marks refine the rest. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "power-cut/roles.h"

enum { SLOT_A, SLOT_B, ENV, STATE };

static const struct yp_layout layout = {.count = 4,
					.media = {{"slot-a", 16, YP_MODEL_VOLATILE_CACHE, true},
						  {"slot-b", 16, YP_MODEL_VOLATILE_CACHE, true},
						  {"env", 16, YP_MODEL_VOLATILE_CACHE, false},
						  {"state", 16, YP_MODEL_VOLATILE_CACHE, false}}};

/* Names that only this subject uses. */
static const struct yp_phase_mark marks[] = {
    {"asking", YP_PHASE_FETCH},      {"barring", YP_PHASE_BAR},     {"streaming", YP_PHASE_WRITE},
    {"syncing", YP_PHASE_FLUSH},     {"checking", YP_PHASE_VERIFY}, {"arming", YP_PHASE_ARM},
    {"reset", YP_PHASE_SELECT},      {"kernel", YP_PHASE_BOOT},     {"healthy?", YP_PHASE_HEALTH},
    {"committing", YP_PHASE_COMMIT}, {"floor", YP_PHASE_FLOOR},     {"telling", YP_PHASE_REPORT},
    {"back", YP_PHASE_FALL_BACK},
};

/* The letter of each phase in an expectation. */
static const char letters[YP_PHASE_COUNT + 1] = ".fbwlvasohcFrk";

/*
 * A log in shorthand, an operation a letter: slot A or B written (a b), its header (p q), zeroed at its start (m n),
 * read (x y) at its start (X Y); environment stored to copy 1 (e), flushed (E), copy 0 read (r) or 1 (R); state stored
 * (s), read (t), flushed (S); slot flushed (A B); the world told (!). A digit or capital behind ':' is a mark: index
 * into marks, '-' one that is not listed.
 */
static void play_ops(struct yp_log *log, const char *ops)
{
	const uint8_t data[2 * YP_SECTOR_BYTES] = {1};
	for (const char *op = ops; *op; op++) {
		unsigned slot = strchr("apmxXA", *op) ? SLOT_A : SLOT_B;
		int r = -1;
		if (*op == ':') {
			op++;
			r = yp_log_mark(log, YP_MARK_STEP, *op == '-' ? "unlisted" : marks[*op - 'A'].text);
		} else if (strchr("ab", *op)) {
			r = yp_log_write(log, slot, 4, 2, data, false);
		} else if (strchr("pq", *op)) {
			r = yp_log_write(log, slot, 0, 1, data, false);
		} else if (strchr("mn", *op)) {
			r = yp_log_write_zeros(log, slot, 0, 1, false);
		} else if (strchr("xy", *op)) {
			r = yp_log_read(log, slot, 4, 2);
		} else if (strchr("XY", *op)) {
			r = yp_log_read(log, slot, 0, 1);
		} else if (strchr("AB", *op)) {
			r = yp_log_flush(log, slot);
		} else if (strchr("es", *op)) {
			r = yp_log_write(log, *op == 'e' ? ENV : STATE, *op == 'e' ? 8 : 0, 2, data, false);
		} else if (strchr("rRt", *op)) {
			r = yp_log_read(log, *op == 't' ? STATE : ENV, *op == 'R' ? 8 : 0, 2);
		} else if (strchr("ES", *op)) {
			r = yp_log_flush(log, *op == 'E' ? ENV : STATE);
		} else if (*op == '!') {
			r = yp_log_mark(log, YP_MARK_WORLD, "installed");
		}
		cr_assert_eq(r, 0, "%c", *op);
	}
}

/* The phases of a log, a letter each. */
static void derive_phases(const char *ops, bool marked, bool from_boot, char *out)
{
	const struct yp_lint_roles roles = {.role = {YP_ROLE_SLOT, YP_ROLE_SLOT, YP_ROLE_ENV, YP_ROLE_STATE},
					    .slot = {"A", "B"},
					    .running = "A",
					    .env_first = {0, 8},
					    .env_sectors = 8,
					    .marks = marks,
					    .marks_count = marked ? sizeof marks / sizeof *marks : 0};
	enum yp_phase phases[128];
	struct yp_pool *pool;
	struct yp_log *log;
	cr_assert_eq(yp_pool_new(&pool), 0);
	cr_assert_eq(yp_log_new(&layout, pool, &log), 0);
	play_ops(log, ops);
	cr_assert_leq(yp_log_count(log), 128);
	cr_assert_eq(yp_phases_derive(log, &roles, from_boot, phases), 0);
	for (size_t i = 0; i < yp_log_count(log); i++)
		out[i] = letters[phases[i]];
	out[yp_log_count(log)] = 0;
	yp_log_free(log);
	yp_pool_free(pool);
}

static void expect_phases(const char *ops, bool marked, bool from_boot, const char *expected)
{
	char got[129];
	derive_phases(ops, marked, from_boot, got);
	cr_expect_str_eq(got, expected, "%s: %s, not %s", ops, got, expected);
}

Test(phase, names_are_found_again)
{
	for (int i = 1; i < YP_PHASE_COUNT; i++) {
		cr_assert(*yp_phase_name((enum yp_phase)i), "phase %d", i);
		cr_assert_eq((int)yp_phase_find(yp_phase_name((enum yp_phase)i)), i);
	}
	cr_assert_str_eq(yp_phase_name(YP_PHASE_NONE), "");
	cr_assert_str_eq(yp_phase_name(YP_PHASE_FALL_BACK), "fall back");
	cr_assert_eq(yp_phase_find(""), YP_PHASE_NONE);
	cr_assert_eq(yp_phase_find("S06"), YP_PHASE_NONE);
}

struct expectation {
	const char *ops, *phases; /* blanks in them are for people */
};

static void copy_without_blanks(const char *from, char *to)
{
	for (; *from; from++) {
		if (*from != ' ')
			*to++ = *from;
	}
	*to = 0;
}

static void expect_all(const struct expectation *rows, size_t count, bool marked, bool from_boot)
{
	for (size_t i = 0; i < count; i++) {
		char ops[256];
		char phases[256];
		copy_without_blanks(rows[i].ops, ops);
		copy_without_blanks(rows[i].phases, phases);
		expect_phases(ops, marked, from_boot, phases);
	}
}
#define EXPECT_ALL(rows, marked, from_boot) expect_all(rows, sizeof(rows) / sizeof *(rows), marked, from_boot)

/* Kills: a phase that needs a step id. */
Test(phase, an_update_without_marks)
{
	static const struct expectation rows[] = {
	    /* Asked, barred, written, flushed, read back, header last, armed, booted, found healthy, committed, told.
	     */
	    {"tsS reERnB bsb B yy qBYs reER rR eE YytS sS reE s!", "fff bbbbbb www l vv vvvv aaa sssss oooo hh ccc cr"},
	    /* A bar without a store of the environment; no read-back; a flush of something else says nothing. */
	    {"nbbAEBeE", "bwwwwlaa"},
	    /* Never flushed before it is armed: it is armed all the same. */
	    {"bbeE", "wwaa"},
	    /* A flush and a store of the environment that make progress durable are neither the end nor arming. */
	    {"bBebBeE", "wwwwlaa"},
	    /* Nothing was to do. */
	    {"rtXs", "...."},
	    {"", ""},
	};
	EXPECT_ALL(rows, false, false);
}

/* Kills: a boot that is taken for the updater, a second attempt that is taken for the commit. */
Test(phase, boots_of_a_trial)
{
	static const struct expectation rows[] = {
	    {"bBeE reEYs reEYs reE", "wlaa sssoh sssoh ccc"},
	    /* The limit is reached: back in one store, and what the old slot stores then. */
	    {"bBeE reEYt reEX tsS!", "wlaa sssoo kkko okkr"},
	    /* Back, and the same update once more. */
	    {"bBeE reEX s enBbBreE", "wlaa kkko k bbbwlaaa"},
	    /* Not healthy: what runs goes back by itself. */
	    {"bBeE reEY s reERr X s", "wlaa ssso h kkkkk o k"},
	};
	EXPECT_ALL(rows, false, false);
}

/* Kills: a recovery whose bootloader is taken for the updater. */
Test(phase, a_log_that_begins_at_the_power_on)
{
	static const struct expectation rows[] = {
	    {"rRXx", "ssoo"},
	    {"rReEYseE", "ssssohcc"},
	    {"rXtnbBreE", "sofbwlaaa"},
	};
	EXPECT_ALL(rows, false, true);
}

/* Kills: a mark that is ignored, or one that never ends. */
Test(phase, marks_refine)
{
	/* What cannot be derived from roles: the floor in the state medium, and the health check. */
	expect_phases(":IrtY"
		      ":KsS"
		      ":LsS",
		      true, false,
		      "hhhh"
		      "FFF"
		      "rrr");
	/* One that is not listed changes nothing; without the table none does. */
	expect_phases(":Ab:-b", true, false, "ffff");
	expect_phases(":Ab:-b", false, false, "fwww");
	/* A mark that means select is a boot, even where no store says so. */
	expect_phases("bBeE:GrY", true, false, "wlaasss");
}

/* One device that updates from A to B, and prints marks if it is asked to; roles and marks agree on it. */
static void write_update(char *ops, bool marked, bool back)
{
	static const struct {
		char mark;
		const char *ops;
	} steps[] = {{'A', "tsS"}, {'B', "reEnB"}, {'C', "bbsbb"}, {'D', "B"},  {'E', "yyqB"},
		     {'F', "reE"}, {'G', "reE"},   {'H', "Yy"},    {'I', "sS"}, {'J', "reE"}};
	*ops = 0;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		if (back && i >= 7)
			break;
		if (marked)
			(void)sprintf(ops + strlen(ops), ":%c", steps[i].mark);
		(void)strcat(ops, steps[i].ops);
	}
	if (back)
		(void)strcat(ops, marked ? ":GreE:HY:Is:MreE:HX:Ms" : "reEYsreEXs");
}

/* Phases of the entries that are no marks. */
static void drop_marks(const char *ops, char *phases)
{
	size_t kept = 0;
	size_t entry = 0;
	for (const char *op = ops; *op; op++, entry++) {
		if (*op == ':')
			op++;
		else
			phases[kept++] = phases[entry];
	}
	phases[kept] = 0;
}

static void compare_update(bool back)
{
	char plain[200];
	char marked[200];
	char by_roles[200];
	char by_marks[200];
	write_update(plain, false, back);
	write_update(marked, true, back);
	derive_phases(plain, false, false, by_roles);
	derive_phases(marked, true, false, by_marks);
	drop_marks(marked, by_marks);
	cr_assert_str_eq(by_roles, by_marks, "%s: %s, not %s", marked, by_roles, by_marks);
	/* With marks in the log but without a table it is the same again. */
	derive_phases(marked, false, false, by_marks);
	drop_marks(marked, by_marks);
	cr_assert_str_eq(by_roles, by_marks, "%s: %s, not %s", marked, by_roles, by_marks);
}

/* Kills: any rule of the derivation that is wrong on an update as the subjects do it. */
Test(phase, roles_agree_with_marks)
{
	for (unsigned back = 0; back < 2; back++)
		compare_update(back);
}
