/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_STORY_H
#define SIM_STORY_H

#include <stdbool.h>
#include <stdint.h>

#include "power-cut/log.h"

/* The story of a scenario as data for any rig: the device, the offered version, and what must hold at the end. */

/* How an image behaves once it is booted. Its header block says so; the rest is seeded noise. */
enum yp_sim_image_kind {
	YP_SIM_IMAGE_GOOD,
	YP_SIM_IMAGE_PANICS,
	YP_SIM_IMAGE_HANGS,
	YP_SIM_IMAGE_NO_ROOT,
	YP_SIM_IMAGE_HEALTH_FAILS,
	YP_SIM_IMAGE_HEALTH_HANGS,
	YP_SIM_IMAGE_CRASH_LOOPS,
	YP_SIM_IMAGE_NO_KERNEL /* of rigs with a real bootloader; the simulated device refuses it */
};

/* What is wrong with the bundle on the server. Every one but NONE and FLAKY_CHUNK must be refused, and no part of it
 * may ever run. */
enum yp_sim_lie {
	YP_SIM_LIE_NONE,
	YP_SIM_LIE_NO_SIGNATURE,     /* signature_bytes is 0 */
	YP_SIM_LIE_EMPTY_SIGNATURE,  /* a CMS structure without a signer */
	YP_SIM_LIE_BAD_SIGNATURE,    /* one bit of the signature flipped */
	YP_SIM_LIE_WRONG_PURPOSE,    /* signed by a certificate of the right root, for TLS servers */
	YP_SIM_LIE_UNTRUSTED,        /* signed for code, under another root */
	YP_SIM_LIE_CORRUPT_MANIFEST, /* one byte of the manifest changed after signing */
	YP_SIM_LIE_CORRUPT_CHUNK,    /* one byte of the payload changed */
	YP_SIM_LIE_INCOMPATIBLE,     /* well signed, for another product */
	YP_SIM_LIE_EXPIRED,          /* well signed, the metadata expired long ago */
	YP_SIM_LIE_TOO_BIG,          /* well signed, an image larger than the slot */
	YP_SIM_LIE_TRUNCATED,        /* the file ends in the middle of the payload */
	YP_SIM_LIE_FLAKY_CHUNK,      /* as CORRUPT_CHUNK, but only in the first download: the next one is good */
	YP_SIM_LIE_COUNT
};
#define YP_SIM_FOR_EVER 0xffffffffu

/* A device and its story, made from a scenario. Zero-initialised, then set; 0 = the default given. */
struct yp_sim_spec {
	unsigned slot_kib;       /* 96 */
	unsigned kernel_kib;     /* 0: none */
	unsigned tail_kib;       /* 64: of each rootfs medium, behind slot_kib; below 64 there is no stash of headers */
	unsigned env_bytes;      /* 4096, of each copy */
	unsigned chunk_bytes;    /* 4096 */
	unsigned checkpoint_kib; /* 16 */
	unsigned boot_attempts;  /* 3 */
	enum yp_model model[YP_MEDIA_MAX]; /* by medium, in the order of sim/device.h: slot-a, slot-b, env, state, data,
					      kernel-a, kernel-b */
	enum yp_sim_image_kind new_kind;   /* what the offered version does */
	bool slot_b_empty;                 /* first install */
	bool serve;                        /* the server offers the new version */
	bool downgrade;                    /* it offers a version below the floor instead */
	bool after_rollback;               /* an earlier version was rolled back on this device before */
	bool committed;                    /* the story starts after the commit: nothing to do */
	uint8_t env_counter;               /* of the holding copy at the start */
	unsigned env_bad;                  /* bit 0/1: copy 0/1 is torn at the start */
	unsigned quick_cycles;             /* power cycles right after the end, each a plain cut at user space */
	uint64_t seed;
	enum yp_sim_lie bundle_lie;
	unsigned report_down; /* the server refuses the first n reports; YP_SIM_FOR_EVER: all */
	bool report_url_none; /* no reports are configured */
};

/* What must hold in the end. */
struct yp_sim_expect {
	char version[16]; /* "old" or "new": what runs in the end without faults; crash states may end in either unless
			     strict */
	bool strict;      /* every state must end there */
	char reason[32];  /* name of the reason that the report must carry, "" = any */
};

#endif
