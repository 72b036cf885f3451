/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_DEVICE_DEVICE_IMAGES_H
#define SIM_DEVICE_DEVICE_IMAGES_H

#include <stddef.h>
#include <stdint.h>

#include "ota/bundle.h"
#include "sim/device.h"

/* The versions that exist in a simulated world. */
enum yp_sim_version_id {
	YP_SIM_FACTORY, /* what slot B holds at first: below the floor once `old` was committed */
	YP_SIM_OLD,     /* what runs when the story starts */
	YP_SIM_BAD,     /* rolled back in an earlier life of the device (after_rollback) */
	YP_SIM_NEW,     /* what the story offers */
	YP_SIM_OLDER,   /* what a replaying server offers: between factory and old */
	YP_SIM_VERSIONS
};

/* One image that was made: bytes and, for each sector, its content id. */
struct yp_sim_blob {
	uint8_t *data;
	size_t size_bytes;
	uint32_t *contents;
};

struct yp_sim_version {
	const char *label; /* "old", "new" ... */
	const char *version;
	uint64_t sequence;
	enum yp_sim_image_kind kind;
	struct yp_sim_blob rootfs;
	struct yp_sim_blob kernel; /* data NULL: none */
};

/* Seeded noise behind a header that says what it is; a quarter of the chunks is common to all versions. */
int yp_sim_version_make(struct yp_sim_version *v, const struct yp_sim_spec *spec, struct yp_pool *pool)
    __attribute__((warn_unused_result));
void yp_sim_version_deinit(struct yp_sim_version *v);

/* The first bytes of a slot that a bootloader takes for an image. */
#define YP_SIM_IMAGE_MAGIC "SIMIMAGE"

/* A bundle: the same bytes for the same input, in every process. *out: free(). */
int yp_sim_bundle_make(const struct yp_sim_version *v, const struct yp_sim_spec *spec, enum yp_sim_lie lie,
		       uint8_t **out, size_t *out_bytes) __attribute__((warn_unused_result));

/* A payload byte in the middle, of a chunk that no other version has: it must be fetched. 0: there is none. */
size_t yp_sim_bundle_corrupt_at(const uint8_t *bundle);

#define YP_SIM_COMPATIBLE "sim-board"
#define YP_SIM_NOW_S      INT64_C(1796083200) /* 2026-12-01: the clock's time when a device starts */
#define YP_SIM_BUILD_S    INT64_C(1793491200) /* 2026-11-01: when the device's software was built */

#endif
