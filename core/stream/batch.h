/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_STREAM_BATCH_H
#define CORE_STREAM_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "stream/fetch-plan.h"

/*
 * A batch: consecutive chunks of one image, which are verified one by one and then written as one run.
 * The two halves, ota_batch_decode() and ota_batch_write(), touch nothing in common but the batch.
 */
#define OTA_BATCH_BYTES      (256u * 1024u)
#define OTA_BATCH_CHUNKS_MAX (OTA_BATCH_BYTES / OTA_CHUNK_MIN_BYTES)
#define OTA_BUFFER_ALIGN     4096u /* fit for O_DIRECT */

/* Private answer: the running slot does not hold what its head says. */
#define OTA_STREAM_MISMATCH (OTA_REASON_COUNT + 1)

struct ota_batch {
	uint32_t first_chunk;
	unsigned count;
	bool header_only; /* keep the header block, write nothing */
	bool checkpoint;  /* due once this batch is written */
	unsigned image;
	uint64_t offset_bytes; /* of the first chunk on the target */
	/* Set by decoding: the first `good` items are verified; result says why no more, 0 = all. */
	unsigned good;
	int result;
	uint8_t *stored;  /* stride_bytes for each compressed chunk */
	uint8_t *content; /* chunks back to back */
	uint32_t stride_bytes;
	bool reused[OTA_BATCH_CHUNKS_MAX]; /* read from the running slot, not fetched */
};

/* How many chunks a batch may hold. */
unsigned ota_batch_chunks(const struct ota_plan *plan, bool single);
/* One allocation each; the memory is touched only as far as it is used. 0 or -ENOMEM. */
int ota_batch_init(struct ota_batch *batch, const struct ota_plan *plan, unsigned chunks)
    __attribute__((warn_unused_result));
void ota_batch_deinit(struct ota_batch *batch);

/* Where the bytes of an item go before they are verified: a raw chunk's to where its content will be, unmoved. */
uint8_t *ota_batch_input(const struct ota_batch *batch, const struct ota_plan *plan, unsigned item, bool zstd);

/* Verifies every chunk into content; sets good and result. */
void ota_batch_decode(struct ota_batch *batch, const struct ota_plan *plan, struct ota_decoder *decoder);

/* What has reached the target; owned by the thread that writes. */
struct ota_writer {
	struct ota_stream *stream;
	const struct ota_plan *plan;
	uint32_t next;          /* chunks [0, next) are written */
	uint32_t checkpoint;    /* value of the last one */
	uint64_t pending_bytes; /* content written since */
	uint64_t written_bytes;
	uint64_t reused_bytes;
	char detail[160];
};

/* Writes the good part, then checkpoints if due. 0, the batch's result, -errno, or what checkpoint() said. */
int ota_batch_write(struct ota_batch *batch, struct ota_writer *writer) __attribute__((warn_unused_result));

#endif
