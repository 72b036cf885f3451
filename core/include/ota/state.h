/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_STATE_H
#define OTA_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "ota/block.h"
#include "ota/boot.h"
#include "ota/bundle.h"

/*
 * Everything the updater remembers: journal, version floor, failure memory, report outbox. One
 * record holds it all, so that every change is one atomic store.
 *
 * On the medium: a ring of OTA_STATE_RING records of OTA_STATE_RECORD_BYTES each, from offset 0. A record is
 * magic, u32 schema, u64 counter, fields, and SHA-256 over all before it. The valid record with the
 * highest counter holds; a store writes the next place in the ring and flushes: the record that holds is never
 * overwritten. A torn record is invalid, so the one before it holds. No valid record: the defaults (nothing known),
 * which never stops a boot. A newer schema is left alone: defaults, read-only, OTA_BAD_FORMAT.
 */
#define OTA_STATE_RECORD_BYTES 4096u
#define OTA_STATE_RING         8u
#define OTA_STATE_BYTES        (OTA_STATE_RECORD_BYTES * OTA_STATE_RING)
#define OTA_FAILED_MAX         8u
#define OTA_OUTBOX_MAX         8u
/*
 * Trials that a version gets whose end was the boot limit. The limit does not tell a version that cannot boot from a
 * supply that was cut in every boot of the trial, so one more is granted; a verdict (health, an operator) is final at
 * once.
 */
#define OTA_LIMIT_TRIALS 2u

enum ota_phase {
	OTA_PHASE_IDLE = 0,
	OTA_PHASE_INSTALLING, /* target barred or about to be; chunks_done may be durable */
	OTA_PHASE_WRITTEN,    /* target verified on the medium; armed once boot.trial_id equals trial_id */
};

struct ota_failed {
	uint8_t digest[OTA_DIGEST_BYTES]; /* of the head; all zero = free entry */
	uint16_t reason;                  /* enum ota_reason */
	uint16_t count;                   /* saturates */
};

/* A report that still has to be delivered. The id makes delivery idempotent for the server. */
struct ota_event {
	uint64_t id;     /* derived from trial_id and kind: the same event always has the same id; 0 = free entry */
	uint16_t kind;   /* enum ota_event_kind */
	uint16_t reason; /* enum ota_reason */
	char version[OTA_VERSION_MAX];
	char from_version[OTA_VERSION_MAX];
	char detail[64];
};
enum ota_event_kind { OTA_EVENT_NONE, OTA_EVENT_SUCCESS, OTA_EVENT_FAILURE, OTA_EVENT_ROLLBACK, OTA_EVENT_ALARM };

struct ota_state {
	/* journal */
	enum ota_phase phase;
	char target[OTA_BOOTNAME_MAX];
	uint64_t trial_id;                /* of this transaction; never 0 while a phase is on */
	uint8_t digest[OTA_DIGEST_BYTES]; /* of the head being installed */
	char version[OTA_VERSION_MAX];
	uint64_t sequence;
	char source[512]; /* URL or path, to resume */
	char etag[128];
	uint32_t chunks_done; /* durable on the medium */
	uint16_t verdict;     /* reason noted on the trial slot before it rolls back: enum ota_reason */
	/* memory */
	uint64_t floor;                             /* no sequence below this is installed */
	int64_t trusted_time_s;                     /* an earlier clock is not trusted */
	uint8_t installed_digest[OTA_DIGEST_BYTES]; /* of the version committed last */
	char installed_version[OTA_VERSION_MAX];
	struct ota_failed failed[OTA_FAILED_MAX];
	struct ota_event outbox[OTA_OUTBOX_MAX];
};

/* A state medium, with the place of its newest record. */
struct ota_store {
	struct ota_block block;
	uint64_t counter; /* of the record that holds; 0 = none */
	unsigned place;   /* its place in the ring */
	bool read_only;   /* newer schema found */
};

/* Reads the ring. 0 (also with nothing valid: defaults), -errno on a medium that cannot be read,
 * OTA_BAD_FORMAT for a newer schema, OTA_BAD_CONFIG for a medium smaller than OTA_STATE_BYTES. */
int ota_store_open(struct ota_store *store, const struct ota_block *block, struct ota_state *out)
    __attribute__((warn_unused_result));
/* One atomic durable store; nothing is written when the bytes would be the same. 0 or -errno. */
int ota_store_save(struct ota_store *store, const struct ota_state *state) __attribute__((warn_unused_result));

/* Codec, pure: for tests, tools and fuzzing. decode: 0, OTA_TRUNCATED, OTA_BAD_MAGIC, OTA_BAD_FORMAT (newer schema),
 * OTA_CHUNK_DIGEST (checksum). */
void ota_state_encode(const struct ota_state *state, uint64_t counter, uint8_t out[OTA_STATE_RECORD_BYTES]);
int ota_state_decode(const uint8_t raw[OTA_STATE_RECORD_BYTES], struct ota_state *out, uint64_t *counter)
    __attribute__((warn_unused_result));

#endif
