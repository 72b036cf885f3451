/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_HOST_HOST_MEDIA_H
#define SIM_HOST_HOST_MEDIA_H

#include <limits.h>

#include "power-cut/image.h"
#include "power-cut/roles.h"

/*
 * The media of a program that knows nothing of the harness, as its user names them: NAME=FILE:ROLE[+loop], with commas
 * between. FILE is what is on the medium before the run, and how large it is: a multiple of 512 bytes.
 *
 * ROLE is one of
 *   slot, running   a slot; `running` is the one that runs during the update. Its boot name is what follows the last '-'
 *                   of NAME, in upper case (slot-b is B); or give it: slot-NAME, running-NAME
 *   env, env-pair   the boot environment; env-pair: two copies of it, the halves of the medium
 *   state, data, other
 * +loop: the program sees a loop device instead of a file.
 *
 * The program finds each path in an environment variable: NAME in upper case, '-' as '_'.
 */
#define YP_HOST_ROLE_MAX 32u

struct yp_host_medium {
	char file[PATH_MAX];
	char role[YP_HOST_ROLE_MAX]; /* as it was given, without +loop */
	bool loop;
};

struct yp_host_media {
	struct yp_layout layout;
	struct yp_lint_roles roles;
	struct yp_host_medium media[YP_MEDIA_MAX];
};

/* Each: 0, -errno, or 1 = bad: *detail says what, and what to do. */
int yp_host_media_parse(const char *text, struct yp_host_media *out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
/* NAME=MODEL,...; MODEL alone: of every medium. */
int yp_host_models_parse(const char *text, struct yp_host_media *media, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
/* Adds one medium of a known size; its storage model is the default. */
int yp_host_media_add(struct yp_host_media *media, const char *name, const char *file, const char *role, bool loop,
		      uint64_t bytes, char *detail, size_t detail_bytes) __attribute__((warn_unused_result));
/* "SLOT_B" of "slot-b". */
void yp_host_variable(const char *name, char out[YP_NAME_MAX]);
/* What the files hold, in a new image. Zeros where a file is shorter than its medium. */
int yp_host_media_image(const struct yp_host_media *media, struct yp_pool *pool, struct yp_image **out, char *detail,
			size_t detail_bytes) __attribute__((warn_unused_result));
/* Each medium as a sparse file DIR/NAME; the folder is made. */
int yp_host_media_save(const struct yp_host_media *media, const struct yp_image *image, const char *dir, char *detail,
		       size_t detail_bytes) __attribute__((warn_unused_result));

#endif
