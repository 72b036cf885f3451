/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "power-cut/explore.h"
#include "power-cut/lint.h"

/*
 * The in-process device: media in memory behind a write log, a bootloader that decides by
 * U-Boot's rules, a kernel that starts what the slot holds, and the *unmodified* objects of core as its updater.
 * Deterministic.
 *
 * Media: "slot-a", "slot-b" (rootfs), "env" (both copies), "state", "data", "kernel-a", "kernel-b" (if asked for), in
 * this order.
 */

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

enum yp_sim_fault_kind {
	YP_SIM_FAULT_NONE,
	YP_SIM_FAULT_READ_EIO,
	YP_SIM_FAULT_WRITE_EIO,
	YP_SIM_FAULT_FLUSH_EIO, /* and what no later flush of the medium made durable is gone at the next boot */
	YP_SIM_FAULT_WRITE_ENOSPC,
	YP_SIM_FAULT_WRITE_BITFLIP, /* the nth write reaches the medium with one bit changed */
	YP_SIM_FAULT_SHORT_ANSWER,  /* the nth fetch ends after half of its bytes */
	YP_SIM_FAULT_NO_MEMORY,     /* the nth allocation fails */
	YP_SIM_FAULT_STOP,          /* the process dies at the nth operation; the device lives */
	YP_SIM_FAULT_POWER,         /* the device dies at the nth operation, everything completed survives */
	YP_SIM_FAULT_CLOCK          /* the clock says clock_s from the start */
};

/* The nth operation of the updater of that kind. A fault that lasts is taken away once the updater has returned. */
struct yp_sim_fault {
	enum yp_sim_fault_kind kind;
	uint64_t nth;  /* counts from 1 */
	bool for_ever; /* not only the nth, all from it on */
	int64_t clock_s;
	int medium; /* -1: any */
};

/* How the bundle on the server lies. Every one but NONE and FLAKY_CHUNK must be refused, and nothing of it may ever
 * run. */
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
	enum yp_model model[YP_MEDIA_MAX]; /* by medium, in the order named above: slot-a, slot-b, env, state, data,
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

struct yp_sim;
/* Refuses what it cannot simulate with -EINVAL. spec and expect are copied. */
int yp_sim_new(const struct yp_sim_spec *spec, const struct yp_sim_expect *expect, struct yp_sim **out)
    __attribute__((warn_unused_result));
void yp_sim_free(struct yp_sim *sim);
const struct yp_layout *yp_sim_layout(const struct yp_sim *sim);
struct yp_pool *yp_sim_pool(const struct yp_sim *sim);
const struct yp_image *yp_sim_base(const struct yp_sim *sim); /* media before the story */
const struct yp_rig *yp_sim_rig(struct yp_sim *sim);          /* recover, canon, judge */
const struct yp_lint_roles *yp_sim_roles(const struct yp_sim *sim);
/* The story without a fault: record it. out->verdict FAIL if even that breaks an invariant. */
int yp_sim_record(struct yp_sim *sim, struct yp_log **log, struct yp_outcome *out) __attribute__((warn_unused_result));
/* The story with one fault, then without it until idle: the same invariants. *landed: the fault really happened. */
int yp_sim_run_fault(struct yp_sim *sim, const struct yp_sim_fault *fault, bool *landed, struct yp_outcome *out)
    __attribute__((warn_unused_result));
/* The step during which the fault of the last yp_sim_run_fault() landed first, "" before any step. */
const char *yp_sim_fault_step(const struct yp_sim *sim);
/* The reason that the server was told last in the last yp_sim_record() or yp_sim_run_fault(), success apart; "" for none. */
const char *yp_sim_told_reason(const struct yp_sim *sim);
/* How many operations of that kind the fault-free story has: the range of yp_sim_fault.nth. */
uint64_t yp_sim_fault_points(struct yp_sim *sim, enum yp_sim_fault_kind kind);
/* What one bench loop needs: CPU-cheap runs without a log. recover() from `start` without recording. */
int yp_sim_run(struct yp_sim *sim, const struct yp_image *start, struct yp_outcome *out)
    __attribute__((warn_unused_result));
/* Names for scenario files: "good", "panics", ...; "none", "no-signature", ...; "write-eio", ... NULL outside the
 * range. */
const char *yp_sim_kind_name(enum yp_sim_image_kind kind);
const char *yp_sim_lie_name(enum yp_sim_lie lie);
const char *yp_sim_fault_name(enum yp_sim_fault_kind kind);
/* The equivalences canon() uses, for the report: name and argument, NULL-terminated pairs. */
const char *const *yp_sim_equivalences(void);

#endif
