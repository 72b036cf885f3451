/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_SERVER_SERVED_MEDIA_H
#define POWER_CUT_SERVER_SERVED_MEDIA_H

#include "server/media-contents.h"

/* An export: media laid end to end. Each medium is one by its name; the default export "" is all of them. */
#define YP_EXPORTS_MAX (2u * YP_MEDIA_MAX)
struct yp_export {
	char name[YP_NAME_MAX];
	unsigned count;
	uint16_t media[YP_MEDIA_MAX];
	uint64_t bytes;
};

/* Media, what lies below them, and exports. */
struct yp_media {
	struct yp_layout layout;
	struct yp_base bases[YP_MEDIA_MAX];
	bool sync[YP_MEDIA_MAX]; /* a medium without a cache: each write is durable once it is answered */
	unsigned exports_count;
	struct yp_export exports[YP_EXPORTS_MAX];
};

void yp_media_init(struct yp_media *media);
void yp_media_deinit(struct yp_media *media);
/*
 * NAME:SECTORS:MODEL:FILE[@BYTES]. MODEL is one of volatile-cache (also if empty), ordered, torn, lying-flush, nor,
 * with "+bulk" behind it for a medium whose contiguous writes are one chain, or "+sync" for one without a cache, whose
 * writes are durable once they are answered, such as an SD card that its host never flushes. Without FILE the medium is all zeros;
 * without SECTORS it is as large as FILE from BYTES on. 0, 1 = malformed or -errno, *detail being one clause.
 */
int yp_media_add(struct yp_media *media, const char *text, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
/* A file of such lines, and of lines "export=NAME:MEDIUM+MEDIUM..."; empty ones and those that start with # are skipped. */
int yp_media_load(struct yp_media *media, const char *path, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
/* NAME:MEDIUM+MEDIUM..., after the media. */
int yp_media_export_add(struct yp_media *media, const char *text, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
/* Adds the default export and one for each medium, unless their names are taken. 0 or 1. */
int yp_media_complete(struct yp_media *media, char *detail, size_t detail_bytes) __attribute__((warn_unused_result));
/* -1: there is none of that name. */
int yp_media_find(const struct yp_layout *layout, const char *name);
const struct yp_export *yp_media_export(const struct yp_media *media, const char *name); /* or NULL */

#endif
