/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_STREAM_STREAM_JOB_H
#define CORE_STREAM_STREAM_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ota/ota.h"

/*
 * S06: chunks from a source to a slot. Fetches (from ota->fetch for http:// and https://, else from ota->files),
 * decodes and verifies each chunk, then writes it to its place in the image's block of `target`. No byte is written
 * before its chunk was verified. A chunk that the running slot holds (policy.reuse, running_head) is copied from it,
 * verified all the same.
 *
 * The first OTA_SLOT_HEADER_BYTES of each image (less for a smaller image) are never written here: their content is
 * kept in header[], zero-filled to OTA_SLOT_HEADER_BYTES, for the transaction to write last. header_known[] says which
 * are there. An image's last chunk may end inside a block (sizes are multiples of 512, blocks may be larger): the rest
 * of that block is written as zeros.
 *
 * On a resume (first_chunk > 0) the caller may have restored header[] of images whose first chunk lies below
 * first_chunk, and says so in header_known[]. For each other such image, ota_stream_run() fetches that one chunk again,
 * before the rest, for its header alone.
 *
 * checkpoint   called at most every checkpoint_bytes of content written, after *every* block of the target was flushed
 *              (each flush checked): chunks [0, chunks_done) are durable on the medium, header blocks excepted. Never
 * called with a value at or below the last one, nor for the end of the bundle. Non-zero stops the run, which forwards
 * it.
 *
 * An attempt that fails with a network reason, OTA_CHUNK_DECODE or OTA_CHUNK_DIGEST is repeated under the policy
 * (fetch_attempts without progress, retry_delay_ms, fetch_deadline_s); the last reason is returned. etag ("" = none) is
 * the validator of the resource that the head came from: sent as If-Range, so that another resource is never spliced
 * in.
 *
 * Returns 0 when all chunks were written: *not* yet flushed, S07 is the caller's. Else -errno or a reason; what was
 * written stays, and the last checkpoint holds. detail then says what failed, on what.
 */
struct ota_stream {
	struct ota *ota;
	const struct ota_head *head;
	const struct ota_slot *target;
	const struct ota_slot *running;
	const struct ota_head *running_head; /* of the bundle that the running slot holds; NULL: no reuse */
	const char *source;
	const char *etag; /* "" = none */
	bool
	    size_known; /* the source said the right size when the head was read: another size now is another resource */
	uint32_t first_chunk;      /* chunks [0, first_chunk) are durable already */
	uint32_t checkpoint_bytes; /* never 0 */
	int (*checkpoint)(void *ctx, uint32_t chunks_done);
	void *checkpoint_ctx;
	/* Out; header and header_known are in and out. */
	uint8_t header[OTA_IMAGES_MAX][OTA_SLOT_HEADER_BYTES];
	bool header_known[OTA_IMAGES_MAX];
	uint64_t bytes_fetched;
	uint64_t bytes_reused;
	uint64_t bytes_written;
	char detail[160];
};

#endif
