/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes, verifies and writes a batch: consecutive chunks of one image. */
#include "stream/batch.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t align_up(size_t bytes, size_t align)
{
	return (bytes + align - 1) / align * align;
}

unsigned ota_batch_chunks(const struct ota_plan *plan, bool single)
{
	uint32_t chunk_bytes = plan->manifest->chunk_bytes;

	if (single || chunk_bytes >= OTA_BATCH_BYTES)
		return 1;
	return OTA_BATCH_BYTES / chunk_bytes < OTA_BATCH_CHUNKS_MAX ? OTA_BATCH_BYTES / chunk_bytes
								    : OTA_BATCH_CHUNKS_MAX;
}

int ota_batch_init(struct ota_batch *batch, const struct ota_plan *plan, unsigned chunks)
{
	size_t largest =
	    plan->stored_max_bytes > plan->content_max_bytes ? plan->stored_max_bytes : plan->content_max_bytes;
	size_t content_bytes = align_up((size_t)chunks * plan->content_max_bytes, OTA_BUFFER_ALIGN);
	void *memory;

	assert(chunks > 0 && chunks <= OTA_BATCH_CHUNKS_MAX);
	memset(batch, 0, sizeof(*batch));
	batch->stride_bytes = (uint32_t)align_up(largest, OTA_BUFFER_ALIGN);
	if (posix_memalign(&memory, OTA_BUFFER_ALIGN, content_bytes + (size_t)chunks * batch->stride_bytes) != 0)
		return -ENOMEM;
	batch->content = memory;
	batch->stored = batch->content + content_bytes;
	return 0;
}

void ota_batch_deinit(struct ota_batch *batch)
{
	free(batch->content);
	batch->content = NULL;
}

uint8_t *ota_batch_input(const struct ota_batch *batch, const struct ota_plan *plan, unsigned item, bool zstd)
{
	assert(item < OTA_BATCH_CHUNKS_MAX);
	return zstd ? batch->stored + (size_t)item * batch->stride_bytes
		    : batch->content + (size_t)item * plan->manifest->chunk_bytes;
}

void ota_batch_decode(struct ota_batch *batch, const struct ota_plan *plan, struct ota_decoder *decoder)
{
	struct ota_chunk chunk;

	assert(batch->count > 0 && batch->count <= OTA_BATCH_CHUNKS_MAX);
	batch->result = 0;
	for (batch->good = 0; batch->good < batch->count; batch->good++) {
		bool reused = batch->reused[batch->good];

		ota_head_chunk(plan->head, batch->first_chunk + batch->good, &chunk);
		if (reused) {
			chunk.zstd = false;
			chunk.stored_bytes = chunk.content_bytes;
		}
		batch->result =
		    ota_decoder_chunk(decoder, &chunk, ota_batch_input(batch, plan, batch->good, chunk.zstd),
				      ota_batch_input(batch, plan, batch->good, false));
		if (reused && batch->result > 0)
			batch->result = OTA_STREAM_MISMATCH;
		if (batch->result != 0)
			return;
	}
}

static const char *block_name(const struct ota_block *block)
{
	return block->name ? block->name : "slot";
}

static int flush_all(struct ota_writer *writer)
{
	for (unsigned i = 0; i < writer->plan->manifest->image_count; i++) {
		const struct ota_block *block = writer->plan->target[i];
		int result = block->ops->flush(block->dev);

		if (result != 0) {
			(void)snprintf(writer->detail, sizeof(writer->detail), "%s: flush: %s", block_name(block),
				       result < 0 ? strerror(-result) : "refused");
			return result;
		}
	}
	return 0;
}

static int store_checkpoint(struct ota_writer *writer)
{
	struct ota_stream *stream = writer->stream;
	int result;

	if (writer->next <= writer->checkpoint || writer->next >= writer->plan->chunks)
		return 0;
	result = flush_all(writer);
	if (result == 0 && stream->checkpoint)
		result = stream->checkpoint(stream->checkpoint_ctx, writer->next);
	if (result != 0)
		return result;
	writer->checkpoint = writer->next;
	writer->pending_bytes = 0;
	return 0;
}

/* The header block is held back: the transaction writes it last. */
static size_t keep_header(const struct ota_batch *batch, struct ota_writer *writer, size_t size_bytes)
{
	struct ota_stream *stream = writer->stream;
	size_t header_bytes = size_bytes < OTA_SLOT_HEADER_BYTES ? size_bytes : OTA_SLOT_HEADER_BYTES;

	if (batch->offset_bytes != 0)
		return 0;
	memset(stream->header[batch->image], 0, OTA_SLOT_HEADER_BYTES);
	memcpy(stream->header[batch->image], batch->content, header_bytes);
	stream->header_known[batch->image] = true;
	return header_bytes;
}

static int write_run(const struct ota_batch *batch, struct ota_writer *writer, size_t size_bytes)
{
	const struct ota_block *block = writer->plan->target[batch->image];
	size_t skip_bytes = keep_header(batch, writer, size_bytes);
	size_t padded_bytes = align_up(size_bytes, block->block_bytes);
	int result;

	if (batch->header_only || size_bytes <= skip_bytes)
		return 0;
	memset(batch->content + size_bytes, 0, padded_bytes - size_bytes);
	result = block->ops->write(block->dev, batch->offset_bytes + skip_bytes, batch->content + skip_bytes,
				   padded_bytes - skip_bytes);
	if (result != 0) {
		(void)snprintf(writer->detail, sizeof(writer->detail), "%s: write of %zu bytes at %" PRIu64 ": %s",
			       block_name(block), padded_bytes - skip_bytes, batch->offset_bytes + skip_bytes,
			       result < 0 ? strerror(-result) : "refused");
		return result;
	}
	writer->written_bytes += padded_bytes - skip_bytes;
	return 0;
}

int ota_batch_write(struct ota_batch *batch, struct ota_writer *writer)
{
	size_t size_bytes = 0;
	uint64_t reused_bytes = 0;
	struct ota_chunk chunk;
	int result = 0;

	assert(batch->good <= batch->count);
	for (unsigned i = 0; i < batch->good; i++) {
		ota_head_chunk(writer->plan->head, batch->first_chunk + i, &chunk);
		size_bytes += chunk.content_bytes;
		if (batch->reused[i])
			reused_bytes += chunk.content_bytes;
	}
	if (batch->good > 0)
		result = write_run(batch, writer, size_bytes);
	if (result != 0)
		return result;
	writer->reused_bytes += reused_bytes;
	if (!batch->header_only) {
		writer->pending_bytes += size_bytes;
		writer->next = batch->first_chunk + batch->good;
	}
	if (batch->result != 0) {
		(void)snprintf(writer->detail, sizeof(writer->detail), "chunk %u of image %s: %s",
			       (unsigned)(batch->first_chunk + batch->good -
					  writer->plan->manifest->images[batch->image].first_chunk),
			       writer->plan->manifest->images[batch->image].name,
			       batch->result > 0 ? ota_reason_text(batch->result) : strerror(-batch->result));
		return batch->result;
	}
	return batch->checkpoint ? store_checkpoint(writer) : 0;
}
