/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_UBOOT_UBOOT_PROCESS_H
#define SIM_UBOOT_UBOOT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "ota/boot.h"
#include "subject/uboot-env.h"

/*
 * The real U-Boot, built as a process, against everything here that claims to know what it does: the decision table of
 * the simulator, the library's query, fw_printenv. One case is one environment, made from a seed and a number.
 */
#define UBOOT_ENV_BYTES    0x4000u
#define UBOOT_ENV_OFFSET_0 0x100000
#define UBOOT_ENV_OFFSET_1 0x110000
#define UBOOT_CARD_BYTES   0x200000
#define UBOOT_ENTRIES_MAX  48u
#define UBOOT_ENTRY_MAX    1200u
#define UBOOT_TEXT_MAX     (64u * 1024u)
#define UBOOT_DETAIL_MAX   512u

/* What the default environment says, one "name=value" each. */
struct uboot_defaults {
	char entries[UBOOT_ENTRIES_MAX][UBOOT_ENTRY_MAX];
	unsigned count;
};
/* From the file that was compiled into U-Boot. 0 or -errno. */
int uboot_defaults_load(const char *path, struct uboot_defaults *out) __attribute__((warn_unused_result));

/* What a slot holds: the disks that images/uboot/uboot-disk.sh makes are named by it. */
enum uboot_kernel { UBOOT_KERNEL_GOOD, UBOOT_KERNEL_MISSING, UBOOT_KERNEL_STRANGER, UBOOT_KERNEL_FLIPPED };

/* How the two copies came about. */
enum uboot_story { UBOOT_STORY_WHOLE, UBOOT_STORY_TORN, UBOOT_STORY_ONE_BAD, UBOOT_STORY_BOTH_BAD, UBOOT_STORY_COUNT };

/*
 * Where the readers are known to differ, as bits: each is a property of the case's input, found before anything is run,
 * and has its line in images/uboot/README.md. A difference in a case without such a property fails the run.
 */
enum uboot_class {
	UBOOT_CLASS_NUMBER,     /* a number that is not plain decimal: sign, leading zero, 0x, larger than 2^31 - 1 */
	UBOOT_CLASS_QUOTE,      /* a quote or a blank in ota_slot or ota_barred */
	UBOOT_CLASS_BARE_NAME,  /* an entry without '=' */
	UBOOT_CLASS_EMPTY_NAME, /* "=x" */
	UBOOT_CLASS_FLAGS,      /* .flags */
	UBOOT_CLASS_BACKSLASH,  /* in a value */
	UBOOT_CLASS_NAME_START, /* a name that begins with a blank or '#' */
	UBOOT_CLASS_EMPTY,      /* no entry at all */
	UBOOT_CLASS_NO_COMMAND, /* no boot command */
	UBOOT_CLASS_COUNT
};

struct uboot_case {
	uint8_t raw[2][UBOOT_ENV_BYTES];
	enum uboot_kernel kernel[2];
	enum uboot_story story;
	bool wraps, equal;
	bool rebuilt; /* some copy is one that the library made from nothing */
};
void uboot_case_make(const struct uboot_defaults *defaults, uint64_t seed, uint64_t number, struct uboot_case *out);

/* What U-Boot did with it. */
enum uboot_end { UBOOT_END_SLOT, UBOOT_END_HALT, UBOOT_END_PROMPT, UBOOT_END_DEADLINE };
struct uboot_run {
	enum uboot_end end;
	char slot;
	unsigned stores;   /* environment stores announced */
	unsigned failures; /* of them, those not done */
	bool defaults;     /* it found no environment */
	char text[UBOOT_TEXT_MAX];
	uint8_t raw[2][UBOOT_ENV_BYTES]; /* afterwards */
};

/* A board of one's own: a directory with two cards. */
struct uboot_board {
	char dir[256];
	char program[256], dtb[256], disks[256], config[300];
	int card; /* the first card, open */
};
/* All paths absolute. dir becomes the working directory: U-Boot's cards have relative names. 0 or -errno. */
int uboot_board_init(struct uboot_board *board, const char *dir, const char *build, const char *disks)
    __attribute__((warn_unused_result));
void uboot_board_deinit(struct uboot_board *board);
/* One boot up to the decision; then the process is killed. 0 or -errno (the rig failed, not U-Boot). */
int uboot_board_run(struct uboot_board *board, const struct uboot_case *c, struct uboot_run *out)
    __attribute__((warn_unused_result));
/* What fw_printenv prints; *status: its exit status. Reads what the card holds now: call it after uboot_board_put(). */
int uboot_board_put(struct uboot_board *board, const struct uboot_case *c) __attribute__((warn_unused_result));
int uboot_board_printenv(struct uboot_board *board, char out[UBOOT_TEXT_MAX], int *status)
    __attribute__((warn_unused_result));

/* The verdict: bits of the classes that the input has, and the first difference of each kind, "" = none. */
enum uboot_view {
	UBOOT_VIEW_DECISION, /* which slot boots, or none */
	UBOOT_VIEW_STORES,   /* how often it stores */
	UBOOT_VIEW_BYTES,    /* what both copies hold afterwards */
	UBOOT_VIEW_STATUS,   /* the library's query, before and after */
	UBOOT_VIEW_PRINTENV, /* fw_printenv */
	UBOOT_VIEW_COUNT
};
struct uboot_verdict {
	unsigned classes;
	bool exact; /* numbers read as U-Boot's own code reads them: slot and number of stores agree */
	bool differs[UBOOT_VIEW_COUNT];
	char detail[UBOOT_VIEW_COUNT][UBOOT_DETAIL_MAX];
};
void uboot_judge(const struct uboot_defaults *defaults, const struct uboot_case *c, const struct uboot_run *run,
		 const char *printenv, int printenv_status, struct uboot_verdict *out);
/* A difference that no class of the input explains; a number explains one only if reading it exactly takes it away. */
bool uboot_verdict_unexplained(const struct uboot_verdict *verdict);
/* The script's decision with numbers read as U-Boot reads them: slot (0: none) and how often it stores. rebuilt: by
 * way of ota_import. */
void uboot_exact(const struct yp_sim_env *env, const struct yp_sim_boot_variables *v, const bool loads[2], bool rebuilt,
		 char *slot, unsigned *stores);
const char *uboot_class_name(enum uboot_class which);
const char *uboot_view_name(enum uboot_view which);

#endif
