/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_UBOOT_UBOOT_PROCESS_H
#define SIM_UBOOT_UBOOT_PROCESS_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The real U-Boot, built as a process (images/uboot-build.mk), up to its decision. It depends on no subject: the caller
 * gives the pattern of the line that shows the decision.
 */
#define YP_UBOOT_ENV_BYTES    0x4000u
#define YP_UBOOT_ENV_OFFSET_0 0x100000
#define YP_UBOOT_ENV_OFFSET_1 0x110000
#define YP_UBOOT_CARD_BYTES   0x200000
#define YP_UBOOT_ENTRIES_MAX  48u
#define YP_UBOOT_ENTRY_MAX    1200u
#define YP_UBOOT_TEXT_MAX     (64u * 1024u)

/* What the default environment says, one "name=value" each. */
struct yp_uboot_defaults {
	char entries[YP_UBOOT_ENTRIES_MAX][YP_UBOOT_ENTRY_MAX];
	unsigned count;
};
/* From the file that was compiled into U-Boot. 0 or -errno. */
int yp_uboot_defaults_load(const char *path, struct yp_uboot_defaults *out) __attribute__((warn_unused_result));

/* What a slot holds: the disks that images/uboot/uboot-disk.sh makes are named by it. */
enum yp_uboot_kernel {
	YP_UBOOT_KERNEL_GOOD,
	YP_UBOOT_KERNEL_MISSING,
	YP_UBOOT_KERNEL_STRANGER,
	YP_UBOOT_KERNEL_FLIPPED
};

struct yp_uboot_case {
	uint8_t raw[2][YP_UBOOT_ENV_BYTES];
	enum yp_uboot_kernel kernel[2];
};
/* What U-Boot did with it. */
enum yp_uboot_end { YP_UBOOT_END_SLOT, YP_UBOOT_END_HALT, YP_UBOOT_END_PROMPT, YP_UBOOT_END_DEADLINE };
struct yp_uboot_run {
	enum yp_uboot_end end;
	char slot;
	unsigned stores;   /* environment stores announced */
	unsigned failures; /* of them, those not done */
	bool defaults;     /* it found no environment */
	char text[YP_UBOOT_TEXT_MAX];
	uint8_t raw[2][YP_UBOOT_ENV_BYTES]; /* afterwards */
};

/* A machine of one's own: a directory with two cards. */
struct yp_uboot_machine {
	char dir[256];
	char program[256], dtb[256], disks[256], config[300];
	int card; /* the first card, open; -1: none */
	regex_t decided;
};
/* All paths absolute. dir becomes the working directory: U-Boot's cards have relative names. decided: the line
 * that ends a boot, as yp_subject_console.decided. 0 or -errno; -EINVAL: no regular expression. */
int yp_uboot_machine_init(struct yp_uboot_machine *machine, const char *dir, const char *build, const char *disks,
			  const char *decided) __attribute__((warn_unused_result));
void yp_uboot_machine_deinit(struct yp_uboot_machine *machine);
/* One boot up to the decision; then the process is killed. 0 or -errno (the rig failed, not U-Boot). */
int yp_uboot_machine_run(struct yp_uboot_machine *machine, const struct yp_uboot_case *c, struct yp_uboot_run *out)
    __attribute__((warn_unused_result));
/* What fw_printenv prints; *status: its exit status. Reads what the card holds now: call it after
 * yp_uboot_machine_put(). */
int yp_uboot_machine_put(struct yp_uboot_machine *machine, const struct yp_uboot_case *c)
    __attribute__((warn_unused_result));
int yp_uboot_machine_printenv(struct yp_uboot_machine *machine, char out[YP_UBOOT_TEXT_MAX], int *status)
    __attribute__((warn_unused_result));

#endif
