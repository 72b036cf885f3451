/* SPDX-License-Identifier: Apache-2.0 */
/* The lint finds each mistake in a log, and nothing in a log without one. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "power-cut/lint.h"

enum { SLOT_A, SLOT_B, ENV, STATE };

/* A log in shorthand, a letter an operation: slot a or b written (a b), flushed (A B), read back (x y); environment
 * copy 0 or 1 written (0 1), flushed (E); state written (s), flushed (S); "6": step S06, "!": step S10, "?": step S01.
 */
static void run_lint(const char *ops, struct yp_finding *findings, size_t max, size_t *count)
{
	static const struct yp_layout layout = {.count = 4,
						.media = {{"slot-a", 16, YP_MODEL_VOLATILE_CACHE, true},
							  {"slot-b", 16, YP_MODEL_VOLATILE_CACHE, true},
							  {"env", 16, YP_MODEL_VOLATILE_CACHE, false},
							  {"state", 16, YP_MODEL_VOLATILE_CACHE, false}}};
	static const struct yp_phase_mark marks[] = {
	    {"S01", YP_PHASE_FETCH}, {"S06", YP_PHASE_WRITE}, {"S10", YP_PHASE_ARM}};
	static const struct yp_lint_roles roles = {.role = {YP_ROLE_SLOT, YP_ROLE_SLOT, YP_ROLE_ENV, YP_ROLE_STATE},
						   .slot = {"A", "B"},
						   .running = "A",
						   .env_first = {0, 8},
						   .env_sectors = 8,
						   .marks = marks,
						   .marks_count = 3};
	const uint8_t data[2 * YP_SECTOR_BYTES] = {1};
	struct yp_pool *pool;
	struct yp_log *log;
	cr_assert_eq(yp_pool_new(&pool), 0);
	cr_assert_eq(yp_log_new(&layout, pool, &log), 0);
	for (const char *op = ops; *op; op++) {
		int r = -1;
		switch (*op) {
		case 'a':
		case 'b':
			r = yp_log_write(log, *op == 'a' ? SLOT_A : SLOT_B, 4, 2, data, false);
			break;
		case 'x':
		case 'y':
			r = yp_log_read(log, *op == 'x' ? SLOT_A : SLOT_B, 0, 16);
			break;
		case '0':
		case '1':
			r = yp_log_write(log, ENV, *op == '0' ? 0 : 8, 2, data, false);
			break;
		case 's':
			r = yp_log_write(log, STATE, 0, 2, data, false);
			break;
		case 'A':
		case 'B':
		case 'E':
		case 'S':
			r = yp_log_flush(log, *op == 'A' ? SLOT_A : *op == 'B' ? SLOT_B : *op == 'E' ? ENV : STATE);
			break;
		default:
			r = yp_log_mark(log, YP_MARK_STEP, *op == '6' ? "S06" : *op == '!' ? "S10" : "S01");
		}
		cr_assert_eq(r, 0, "%c", *op);
	}
	cr_assert_eq(yp_lint(log, &roles, findings, max, count), 0);
	yp_log_free(log);
	yp_pool_free(pool);
}

/* Invariant: each rule finds its defect, at its place, and nothing else does; the sound sequence is silent. */
Test(lint, each_rule_finds_its_defect_only)
{
	static const struct {
		const char *ops, *rules; /* rules found, each with its entry */
	} cases[] = {
	    {"6bBy!0E1E", ""},
	    {"6abAByx!0E", "running-slot@1 "},
	    {"6by!0EB", "flip-unflushed@4 "},
	    {"6bBy!01E", "both-copies@6 "},
	    {"6bBy!0E1E0E", ""},
	    {"6bB!0E", "no-read-back@4 "},
	    {"6bBy6bB!0E", "no-read-back@8 "},
	    {"0EbBy1E", ""},
	    {"6bB0Ey!1E", ""},
	    {"6byS!0EB", "flip-unflushed@5 wrong-flush@3 "},
	    {"6bySB!0E", ""},
	    {"6bSBby!0EB", "flip-unflushed@7 "},
	    {"?sS", "write-in-idle@1 "},
	    {"?", ""},
	    {"sS", ""},
	    {"?6sS", ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct yp_finding findings[8];
		size_t count;
		char found[256] = "";
		run_lint(cases[i].ops, findings, 8, &count);
		cr_assert_leq(count, 8);
		for (size_t k = 0; k < count; k++) {
			size_t used = strlen(found);
			(void)snprintf(found + used, sizeof found - used, "%.23s@%zu ", findings[k].rule,
				       findings[k].entry);
			cr_assert_neq(findings[k].text[0], 0);
		}
		cr_assert_str_eq(found, cases[i].rules, "%s: %s", cases[i].ops, found);
	}
}

/* Invariant: no more findings are written than there is room for, and all are counted. */
Test(lint, findings_are_bounded)
{
	struct yp_finding finding[2];
	size_t count;
	memset(finding, 0, sizeof finding);
	run_lint("6b!0E0E0E", finding, 1, &count);
	cr_assert_gt(count, 2);
	cr_assert_neq(finding[0].rule[0], 0);
	cr_assert_eq(finding[1].rule[0], 0);
	cr_assert_str_eq(finding[0].text, "env + 0 (S10) written while slot-b + 2048 (S06) is not flushed");
}
