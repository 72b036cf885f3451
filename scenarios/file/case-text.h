/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_FILE_CASE_TEXT_H
#define SCENARIOS_FILE_CASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "file/scenario.h"

/*
 * The id of a case: everything that is needed to run it again, in one word for a command line.
 *
 *   NAME[+SEED]@CASE                        a crash state; CASE as yp_case_encode() writes it
 *   NAME[+SEED]@fault:none                  the story without a fault
 *   NAME[+SEED]@fault:KIND.NTH[.ever]       a fault of the rig; clock: NTH is the clock's seconds
 *   NAME[+SEED]@lint:RULE.ENTRY             a finding in the story's write log
 *   NAME[+SEED]@image:CASE                  a corrupted bundle, such as image:flp:manifest.1234.5
 *   NAME[+SEED]@CASE                        a network fault, such as net:reset.payload
 *
 * +SEED is there only if it is not YP_SEED_DEFAULT.
 */
#define YP_SEED_DEFAULT UINT64_C(1)
#define YP_ID_MAX       (YP_SCENARIO_NAME_MAX + YP_CASE_TEXT_MAX + 64u)

enum yp_id_kind { YP_ID_CUT, YP_ID_FAULT, YP_ID_LINT, YP_ID_LISTED };
#define YP_ID_LISTED_MAX 112u
struct yp_id {
	char name[YP_SCENARIO_NAME_MAX];
	uint64_t seed;
	enum yp_id_kind kind;
	struct yp_case cut;
	struct yp_sim_fault fault;
	char rule[24];
	uint64_t entry;
	char listed[YP_ID_LISTED_MAX]; /* the case as its rig calls it */
	bool image;                    /* of rig images */
};

/* 0 or -EINVAL. */
int yp_id_decode(const char *text, struct yp_id *out) __attribute__((warn_unused_result));
/* Each writes at most YP_ID_MAX bytes. */
void yp_id_cut(const char *name, uint64_t seed, const char *case_text, char *out);
void yp_id_fault(const char *name, uint64_t seed, const struct yp_sim_fault *fault, char *out);
void yp_id_listed(const char *name, uint64_t seed, bool image, const char *listed, char *out);
void yp_id_lint(const char *name, uint64_t seed, const char *rule, size_t entry, char *out);

#endif
