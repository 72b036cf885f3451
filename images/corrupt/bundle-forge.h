/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IMAGES_CORRUPT_BUNDLE_FORGE_H
#define IMAGES_CORRUPT_BUNDLE_FORGE_H

#include "corrupt/bundle-layout.h"
#include "corrupt/corrupt-device.h"
#include "corrupt/corrupt.h"
#include "test/test-pki.h"

#define YP_FORGE_NOW_S        TEST_PKI_NOW_S
#define YP_FORGE_CHUNK_BYTES  4096u
#define YP_FORGE_VERSIONS     4u /* 0: what slot B holds; 1: what runs; 2: the good update; 3: the one after it */
#define YP_FORGE_FLOOR        10u
#define YP_FORGE_SEQUENCE     20u /* of version 2 */
#define YP_FORGE_ROOTFS_BYTES (96u * 1024u)
#define YP_FORGE_WIDE_BYTES   (4u * 1024u * 1024u + 128u * 1024u)

struct yp_forge_images {
	struct bytes rootfs, kernel;
};

/* A device with its versions and their bundles. */
struct yp_forge_site {
	struct device *device;
	uint8_t *saved; /* its media: slot A runs version 1, slot B holds version 0, nothing pending */
	struct yp_forge_images images[YP_FORGE_VERSIONS];
	struct bytes bundles[YP_FORGE_VERSIONS];
	struct layout layout; /* of bundle 2, the good one */
};

struct yp_forge {
	uint64_t seed;
	struct test_pki root, signer;
	struct ota_keyring *keyring;
	struct ota_policy policy;
	struct yp_forge_site site; /* small: most cases */
	struct yp_forge_site wide; /* several MiB; made when first needed */
	uint64_t honest_bytes;
};

/* The offer to a device, and the conditions around it. */
struct offer {
	struct bytes raw;
	struct bytes later; /* see struct device_server */
	unsigned later_from;
	bool later_etag, unsized;
	struct ota_keyring *keyring; /* NULL: the forge's; else owned */
	int64_t now_s;
	struct ota_policy policy;
	bool changed; /* not the bundle, but the world around it */
	bool wide;
	/* Changes the device before it is offered. 0 or what failed. */
	int (*prepare)(struct yp_forge *forge, struct device *device);
	uint64_t memory_bytes; /* the run gets this much more memory than it has; 0: no limit */
	unsigned flags;        /* enum ota_flag */
	unsigned expected;     /* version that slot B holds when the offer is accepted */
	unsigned retry;        /* version that goes in once the fault is gone */
	int64_t later_clock_s; /* see struct device_server */
	bool armed;            /* a version is on trial already: it comes first */
};

/*
 * A row of the table of named cases. build: fills *offer, which holds the good bundle's world, but no bundle. NULL: not
 * applicable here; the note says why.
 */
struct yp_corrupt_row {
	const char *id;
	const char *catalogue;
	unsigned classes;
	uint64_t reasons;
	int (*build)(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer);
	const char *a, *b, *c;
	int64_t n;
	const char *note;
};

#define REASON(name) (UINT64_C(1) << OTA_##name)

/* Kinds of cases without a row. */
enum case_kind { CASE_ROW, CASE_FLIP, CASE_CUT, CASE_PAYLOAD, CASE_WIDE, CASE_NUMBER };

/* Tables, each ending in a row without id. */
extern const struct yp_corrupt_row rows_structure[];
extern const struct yp_corrupt_row rows_manifest[];
extern const struct yp_corrupt_row rows_signature[];
extern const struct yp_corrupt_row rows_world[];

/* 0, -errno, a reason. */
int yp_forge_wide(struct yp_forge *forge) __attribute__((warn_unused_result));
void yp_forge_offer_free(struct offer *offer);
/* The parts of the good bundle, copied. */
int yp_forge_manifest(const struct yp_forge *forge, struct bytes *out) __attribute__((warn_unused_result));
int yp_forge_index(const struct yp_forge *forge, struct bytes *out) __attribute__((warn_unused_result));
struct bytes yp_forge_payload(const struct yp_forge *forge); /* borrowed */
/* header + manifest + index, signed by the good signer, + payload. */
int yp_forge_seal(const struct yp_forge *forge, const struct bytes *manifest, const struct bytes *index,
		  const struct bytes *payload, struct bytes *out) __attribute__((warn_unused_result));
/* The same with a signature that is given. */
int yp_forge_assemble(const struct bytes *manifest, const struct bytes *index, const struct bytes *signature,
		      const struct bytes *payload, struct bytes *out) __attribute__((warn_unused_result));
/* What a signature of them covers. */
int yp_forge_signed_bytes(const struct bytes *manifest, const struct bytes *index, struct bytes *out)
    __attribute__((warn_unused_result));
/* Deterministic noise. */
uint64_t yp_forge_random(uint64_t *state);
/* Content bytes of a chunk of the good bundle. */
size_t yp_forge_content_bytes(const struct yp_forge_site *site, uint32_t chunk);
#endif
