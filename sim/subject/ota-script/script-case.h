/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_SUBJECT_SCRIPT_CASE_H
#define SIM_SUBJECT_SCRIPT_CASE_H

#include "subject/boot-decision.h"
#include "uboot/uboot-process.h"

/*
 * A test of `ota`'s boot script: the real U-Boot runs it, and its result is compared with the harness's decision table,
 * the library's query and fw_printenv. One case is one environment, made from a seed and a number. All of this is about
 * `ota` and U-Boot alone; another subject brings a test of its own.
 */
#define YP_SCRIPT_DETAIL_MAX 512u

/* How the two copies came about. */
enum yp_script_story {
	YP_SCRIPT_STORY_WHOLE,
	YP_SCRIPT_STORY_TORN,
	YP_SCRIPT_STORY_ONE_BAD,
	YP_SCRIPT_STORY_BOTH_BAD,
	YP_SCRIPT_STORY_COUNT
};

/*
 * Where the readers are known to differ, as bits: each is a property of the case's input, found before anything is run,
 * and has its line in images/uboot/README.md. A difference in a case without such a property fails the run.
 */
enum yp_script_class {
	YP_SCRIPT_CLASS_NUMBER, /* a number that is not plain decimal: sign, leading zero, 0x, larger than 2^31 - 1 */
	YP_SCRIPT_CLASS_QUOTE,  /* a quote or a blank in ota_slot or ota_barred */
	YP_SCRIPT_CLASS_BARE_NAME,  /* an entry without '=' */
	YP_SCRIPT_CLASS_EMPTY_NAME, /* "=x" */
	YP_SCRIPT_CLASS_FLAGS,      /* .flags */
	YP_SCRIPT_CLASS_BACKSLASH,  /* in a value */
	YP_SCRIPT_CLASS_NAME_START, /* a name that begins with a blank or '#' */
	YP_SCRIPT_CLASS_EMPTY,      /* no entry at all */
	YP_SCRIPT_CLASS_NO_COMMAND, /* no boot command */
	YP_SCRIPT_CLASS_COUNT
};

struct yp_script_case {
	struct yp_uboot_case uboot;
	enum yp_script_story story;
	bool wraps, equal;
	bool rebuilt; /* some copy is one that the library made from nothing */
};
void yp_script_case_make(const struct yp_uboot_defaults *defaults, uint64_t seed, uint64_t number,
			 struct yp_script_case *out);

/* The verdict: bits of the classes that the input has, and the first difference of each kind, "" = none. */
enum yp_script_view {
	YP_SCRIPT_VIEW_DECISION, /* which slot boots, or none */
	YP_SCRIPT_VIEW_STORES,   /* how often it stores */
	YP_SCRIPT_VIEW_BYTES,    /* what both copies hold afterwards */
	YP_SCRIPT_VIEW_STATUS,   /* the library's query, before and after */
	YP_SCRIPT_VIEW_PRINTENV, /* fw_printenv */
	YP_SCRIPT_VIEW_COUNT
};
struct yp_script_verdict {
	unsigned classes;
	bool exact; /* numbers read as U-Boot's own code reads them: slot and number of stores agree */
	bool differs[YP_SCRIPT_VIEW_COUNT];
	char detail[YP_SCRIPT_VIEW_COUNT][YP_SCRIPT_DETAIL_MAX];
};
void yp_script_judge(const struct yp_uboot_defaults *defaults, const struct yp_uboot_case *c,
		     const struct yp_uboot_run *run, const char *printenv, int printenv_status,
		     struct yp_script_verdict *out);
/* A difference that no class of the input explains; a number explains one only if reading it exactly takes it away. */
bool yp_script_verdict_unexplained(const struct yp_script_verdict *verdict);
/* The script's decision with numbers read as U-Boot reads them: slot (0: none) and how often it stores. rebuilt: by
 * way of ota_import. */
void yp_script_exact(const struct yp_sim_env *env, const struct yp_sim_boot_variables *v, const bool loads[2],
		     bool rebuilt, char *slot, unsigned *stores);
const char *yp_script_class_name(enum yp_script_class which);
const char *yp_script_view_name(enum yp_script_view which);

#endif
