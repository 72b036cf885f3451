/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_SUBJECT_UBOOT_ENV_H
#define SIM_SUBJECT_UBOOT_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "power-cut/log.h"
#include "sim/subject.h"
#include "subject/memo.h"

/*
 * U-Boot's redundant environment as the bootloader reads it: a codec and an arbiter of our own, written from U-Boot's
 * env/common.c and images/uboot/README.md, not from core's, so that the oracle is not the subject's own code.
 */
#define YP_SIM_ENV_MAX_BYTES     32768u
#define YP_SIM_ENV_HEADER_BYTES  5u
#define YP_SIM_ENV_VARIABLES_MAX 64u
#define YP_SIM_ENV_KEPT          "ethaddr=02:00:00:00:00:01" /* a variable that is none of the updater's business */

struct yp_sim_env_variable {
	const char *name; /* "name=value", NUL-terminated, in the text */
	size_t name_bytes;
};

/* One copy, taken apart. Variables point into the bytes given to yp_sim_env_parse(), or to what was set. */
struct yp_sim_env {
	bool good; /* CRC and shape */
	uint8_t flags;
	unsigned count;
	struct yp_sim_env_variable variables[YP_SIM_ENV_VARIABLES_MAX];
};

/* A copy's meaning, remembered by its contents. */
struct yp_sim_env_copy {
	bool good;
	uint8_t flags;
	struct yp_sim_boot_variables boot;
	bool kept;     /* YP_SIM_ENV_KEPT is still there */
	uint64_t hash; /* of every variable that is decisive or not the protocol's */
};
/* contents: the copy's content ids. memo: yp_memo_init(memo, env_bytes / 512, sizeof(struct yp_sim_env_copy)). 0 or
 * -ENOMEM. */
int yp_sim_env_copy_of(const struct yp_boot_protocol *protocol, struct yp_memo *memo, const struct yp_pool *pool,
		       const uint32_t *contents, struct yp_sim_env_copy *out) __attribute__((warn_unused_result));

/* Is this entry, "name=value" or a bare name, one of the names (NULL at the end)? */
bool yp_sim_env_is_named(const char *const *names, const char *entry);
void yp_sim_env_parse(const uint8_t *raw, size_t size_bytes, struct yp_sim_env *out);
const char *yp_sim_env_get(const struct yp_sim_env *env, const char *name); /* NULL if missing */
/* text is "name=value", borrowed. 0 or -ENOSPC. */
int yp_sim_env_set(struct yp_sim_env *env, const char *text) __attribute__((warn_unused_result));
/* Sorted by name, as U-Boot stores it. 0 or -ENOSPC. */
int yp_sim_env_encode(const struct yp_sim_env *env, uint8_t flags, uint8_t *out, size_t size_bytes)
    __attribute__((warn_unused_result));
/* Which copy holds: 0 or 1, or -1 when both are bad. */
int yp_sim_env_arbitrate(bool good0, uint8_t flags0, bool good1, uint8_t flags1);

#endif
