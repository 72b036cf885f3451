/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_ID_H
#define SCENARIOS_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenario.h"

/*
 * The id of a case: everything that is needed to run it again, in one word for a command line.
 *
 *   NAME[+SEED]@CASE                        a crash state; CASE as bp_case_encode() writes it
 *   NAME[+SEED]@fault:none                  the story without a fault
 *   NAME[+SEED]@fault:KIND.NTH[.ever]       a fault of the rig; clock: NTH is the clock's seconds
 *   NAME[+SEED]@lint:RULE.ENTRY             a finding in the story's write log
 *   NAME[+SEED]@image:CASE                  an image that lies, such as image:flp:manifest.1234.5
 *   NAME[+SEED]@CASE                        a network that fails, such as net:reset.payload
 *
 * +SEED is there only if it is not BP_SEED_DEFAULT.
 */
#define BP_SEED_DEFAULT UINT64_C(1)
#define BP_ID_MAX       (BP_SCENARIO_NAME_MAX + BP_CASE_TEXT_MAX + 64u)

enum bp_id_kind { BP_ID_CUT, BP_ID_FAULT, BP_ID_LINT, BP_ID_LISTED };
#define BP_ID_LISTED_MAX 112u
struct bp_id {
	char name[BP_SCENARIO_NAME_MAX];
	uint64_t seed;
	enum bp_id_kind kind;
	struct bp_case cut;
	struct sim_fault fault;
	char rule[24];
	uint64_t entry;
	char listed[BP_ID_LISTED_MAX]; /* the case as its rig calls it */
	bool image;                    /* of rig images */
};

/* 0 or -EINVAL. */
int bp_id_decode(const char *text, struct bp_id *out) __attribute__((warn_unused_result));
/* Each writes at most BP_ID_MAX bytes. */
void bp_id_cut(const char *name, uint64_t seed, const char *case_text, char *out);
void bp_id_fault(const char *name, uint64_t seed, const struct sim_fault *fault, char *out);
void bp_id_listed(const char *name, uint64_t seed, bool image, const char *listed, char *out);
void bp_id_lint(const char *name, uint64_t seed, const char *rule, size_t entry, char *out);

#endif
