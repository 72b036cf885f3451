/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TEST_STREAM_STREAM_LAB_H
#define CORE_TEST_STREAM_STREAM_LAB_H

#include "stream/stream.h"
#include "test/test-pki.h"

/*
 * A place to test streaming in: a signed bundle in memory, slots in memory that know what may be written to them, a
 * server that is as bad as it is told to be, and a clock whose sleep takes no time.
 */

/* A medium. `expected`: the only bytes that may ever be written there. */
struct lab_block {
	uint8_t *data;
	uint64_t size_bytes;
	const uint8_t *expected;
	uint64_t expected_bytes; /* beyond them only zeros */
	unsigned bad_writes;     /* writes with any other byte, into the header block, or out of bounds */
	unsigned writes, flushes, reads;
	unsigned unflushed;                         /* writes since the last flush */
	unsigned fail_write, fail_flush, fail_read; /* the nth such operation fails with -EIO; 0: none */
};

struct lab_net {
	const uint8_t *data;
	size_t size_bytes;
	const char *etag; /* what the server says; NULL: none */
	bool no_total;
	size_t piece_bytes; /* body() sees pieces of so many bytes */
	size_t cut_bytes;   /* each request ends after so many bytes of body with cut_reason; 0: never */
	int cut_reason;
	unsigned cuts_left; /* UINT32_MAX: always */
	int refuse;         /* every request ends with that reason without a body; refuse_status is its status */
	int refuse_status;
	unsigned refusals_left;
	uint32_t retry_after_s;
	uint64_t corrupt_at; /* this byte of the resource has a bit flipped, corruptions_left times that it is sent */
	unsigned corruptions_left;
	unsigned change_request; /* from that request on the resource is `other` */
	const uint8_t *other;
	size_t other_bytes;
	const char *other_etag;
	/* Out. */
	unsigned requests;
	uint64_t bytes_sent;
	uint64_t last_offset;
};

struct lab_clock {
	int64_t now_ms;
	unsigned sleeps;
	uint32_t longest_ms;
	int sleep_says;
	uint32_t step_ms; /* each look at the clock takes so long */
};

#define LAB_IMAGES_MAX 3u
struct lab_spec {
	uint32_t chunk_bytes;
	int zstd_level;
	uint32_t block_bytes;
	unsigned image_count;
	size_t image_bytes[LAB_IMAGES_MAX];
	uint32_t checkpoint_bytes;
	bool pipeline;
	bool reuse; /* a running slot is there; make it differ with lab_age() before lab_publish() */
};

struct lab {
	struct lab_spec spec;
	struct test_pki root, signer;
	struct ota_keyring *keyring;
	uint8_t *images[LAB_IMAGES_MAX];     /* new contents */
	uint8_t *old_images[LAB_IMAGES_MAX]; /* what the running slot holds */
	uint8_t *bundle;
	size_t bundle_bytes;
	struct ota_head *head, *running_head;
	struct lab_block target[LAB_IMAGES_MAX], running[LAB_IMAGES_MAX];
	struct lab_net net;
	struct lab_clock clock;
	struct ota ota;
	struct ota_slot target_slot, running_slot;
	struct ota_stream stream;
	uint32_t checkpoints[4096];
	unsigned checkpoint_count;
	unsigned checkpoints_unflushed; /* with unflushed writes on some block of the target */
	int checkpoint_says;            /* from the checkpoint_fails-th on */
	unsigned checkpoint_fails;
};

/* Images of noise and text, half and half; the old ones are equal. */
struct lab *lab_new(const struct lab_spec *spec);
/* Makes chunk `chunk` of image `image` differ in the old image. */
void lab_age(struct lab *lab, unsigned image, uint32_t chunk);
/* Bundle and heads from the images; call once. */
void lab_publish(struct lab *lab);
/* Fills target blocks as after chunks [0, first_chunk) became durable, header blocks zero. */
void lab_preload(struct lab *lab, uint32_t first_chunk);
int lab_run(struct lab *lab, uint32_t first_chunk);
/* Asserts that target and headers hold the images, and that nothing else was ever written. */
void lab_check_whole(const struct lab *lab, const char *what);
/* Asserts that nothing unverified was ever written. */
void lab_check_clean(const struct lab *lab, const char *what);
/* Forgets the target, counters, headers, network and clock: for another run in the same lab. */
void lab_reset(struct lab *lab);
void lab_free(struct lab *lab);

#endif
