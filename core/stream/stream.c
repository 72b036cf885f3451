/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches the chunks of a bundle, hands them to the pipeline, and repeats what failed. */
#include "stream/stream.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fetch/retry.h"
#include "fetch/source.h"
#include "stream/pipeline.h"

/* Private answer: the pipe failed; ota_pipe_drain() says how. */
#define PIPE_FAILED (OTA_REASON_COUNT + 2)
/* So far an attempt must get beyond the best one to count as progress: a server that sends a byte a connection does
 * not. */
#define PROGRESS_MIN_BYTES 1024u

struct run {
	struct ota_stream *stream;
	struct ota_plan plan;
	struct ota_pipe pipe;
	struct ota_retry retry;       /* of requests: progress is a byte beyond the furthest so far */
	struct ota_retry chunk_retry; /* of bad chunks: progress is a later chunk */
	const struct ota_fetch *fetch;
	bool check_range; /* If-Range is sent; false once the head was read again */
	/* Filling. */
	bool header_only;
	uint32_t chunk, end; /* next chunk to fill; end of the range to do */
	uint32_t fetch_end;  /* end of the request under way */
	struct ota_chunk current;
	struct ota_batch *batch;
	uint32_t got_bytes; /* of the current chunk's stored bytes */
	uint64_t due_bytes; /* content since the last checkpoint fell due */
	/* The last answer. */
	int status;
	uint32_t retry_after_s;
	int64_t head_ms; /* when it began */
	/* Progress. */
	uint64_t best_bytes; /* of the payload: furthest that an attempt got */
	int64_t bad_chunk;   /* where the last chunk failed */
};

/* Opens the current chunk in a batch. */
static int begin_chunk(struct run *run, bool reused)
{
	struct ota_place place;

	if (!run->batch) {
		run->batch = ota_pipe_take(&run->pipe);
		if (!run->batch)
			return PIPE_FAILED;
		ota_plan_place(&run->plan, run->chunk, &place);
		run->batch->first_chunk = run->chunk;
		run->batch->count = 0;
		run->batch->header_only = run->header_only;
		run->batch->checkpoint = false;
		run->batch->image = place.image;
		run->batch->offset_bytes = place.offset_bytes;
	}
	ota_head_chunk(run->plan.head, run->chunk, &run->current);
	run->batch->reused[run->batch->count] = reused;
	return 0;
}

static void give_batch(struct run *run)
{
	if (!run->batch)
		return;
	run->batch = NULL;
	ota_pipe_give(&run->pipe);
}

/* The current chunk is complete. A batch ends with its image, when it is full, and where a checkpoint falls due. */
static void end_chunk(struct run *run)
{
	struct ota_batch *batch = run->batch;
	struct ota_place place;

	assert(batch->count < run->pipe.batch_chunks);
	ota_plan_place(&run->plan, run->chunk, &place);
	batch->count++;
	run->chunk++;
	run->got_bytes = 0;
	if (!run->header_only)
		run->due_bytes += run->current.content_bytes;
	if (run->due_bytes >= run->stream->checkpoint_bytes) {
		batch->checkpoint = true;
		run->due_bytes = 0;
	}
	if (batch->checkpoint || place.last || batch->count == run->pipe.batch_chunks)
		give_batch(run);
}

static int64_t now_ms(const struct run *run)
{
	const struct ota_clock *clock = &run->stream->ota->clock;

	return clock->ops->monotonic_ms(clock->clock);
}

static int on_head(void *ctx, const struct ota_fetch_answer *answer)
{
	struct run *run = ctx;
	uint64_t expected = ota_head_bytes(run->plan.head) + run->plan.manifest->payload_bytes;

	run->status = answer->status;
	run->retry_after_s = answer->retry_after_s;
	run->head_ms = now_ms(run);
	if ((answer->status != 200 && answer->status != 206) || answer->total_bytes == UINT64_MAX ||
	    answer->total_bytes == expected)
		return 0;
	/* From the start it was so, or it is no longer the resource that this run began with. */
	if (!run->stream->size_known && run->stream->first_chunk == 0 && run->stream->bytes_fetched == 0)
		return answer->total_bytes > expected ? OTA_TRAILING : OTA_TRUNCATED;
	return OTA_HTTP_RANGE;
}

static int on_body(void *ctx, const void *data, size_t size_bytes)
{
	struct run *run = ctx;
	const uint8_t *from = data;

	run->stream->bytes_fetched += size_bytes;
	if (ota_retry_expired(&run->retry))
		return OTA_DEADLINE;
	while (size_bytes > 0) {
		size_t take;

		if (run->chunk >= run->fetch_end)
			return OTA_LONG_BODY;
		if (run->got_bytes == 0 || !run->batch) {
			int result = begin_chunk(run, false);

			if (result != 0)
				return result;
		}
		take = run->current.stored_bytes - run->got_bytes;
		if (take > size_bytes)
			take = size_bytes;
		memcpy(ota_batch_input(run->batch, &run->plan, run->batch->count, run->current.zstd) + run->got_bytes,
		       from, take);
		run->got_bytes += (uint32_t)take;
		from += take;
		size_bytes -= take;
		if (run->got_bytes == run->current.stored_bytes)
			end_chunk(run);
	}
	return 0;
}

/* One request for chunks [chunk, fetch_end), from where the current one stands. */
static int fetch_run(struct run *run)
{
	struct ota_fetch_request request = {.url = run->stream->source, .head = on_head, .body = on_body, .ctx = run};
	uint64_t fetched_before = run->stream->bytes_fetched;
	struct ota_chunk first, last;
	int64_t start_ms;
	int result;

	run->fetch_end = ota_plan_fetch_end(&run->plan, run->chunk, run->end);
	ota_head_chunk(run->plan.head, run->chunk, &first);
	ota_head_chunk(run->plan.head, run->fetch_end - 1, &last);
	request.offset_bytes = ota_head_bytes(run->plan.head) + first.payload_offset + run->got_bytes;
	request.length_bytes = last.payload_offset + last.stored_bytes - first.payload_offset - run->got_bytes;
	if (run->check_range)
		request.if_range = run->stream->etag;
	run->status = 0;
	run->retry_after_s = 0;
	start_ms = run->head_ms = now_ms(run);
	result = run->fetch->ops->get(run->fetch->fetch, &request);
	if (result == 0 && run->chunk < run->fetch_end)
		result = OTA_SHORT_BODY;
	if (result == 0)
		ota_plan_learn(&run->plan, run->head_ms - start_ms, now_ms(run) - run->head_ms,
			       run->stream->bytes_fetched - fetched_before);
	return result;
}

/* Takes the current chunk from the running slot; unverified, as if it had been fetched. */
static int reuse_chunk(struct run *run, const struct ota_block *block, uint64_t offset_bytes)
{
	uint32_t read_bytes;
	int result = begin_chunk(run, true);

	if (result != 0)
		return result;
	read_bytes = (run->current.content_bytes + block->block_bytes - 1) / block->block_bytes * block->block_bytes;
	result = block->ops->read(block->dev, offset_bytes,
				  ota_batch_input(run->batch, &run->plan, run->batch->count, false), read_bytes);
	if (result == 0)
		end_chunk(run);
	else if (result != -ENOMEM)
		ota_plan_mismatch(&run->plan, run->chunk); /* a bad sector there is no reason not to update */
	return result == -ENOMEM ? result : 0;
}

/* Fills until `end`: 0, or why it stopped. */
static int fill_batches(struct run *run)
{
	const struct ota_block *block;
	uint64_t offset_bytes;
	int result = 0;

	while (result == 0 && run->chunk < run->end) {
		if (run->got_bytes == 0 && ota_plan_reuse(&run->plan, run->chunk, &block, &offset_bytes))
			result = reuse_chunk(run, block, offset_bytes);
		else
			result = fetch_run(run);
	}
	if (result == 0)
		give_batch(run);
	return result;
}

/* Compares what the source says now with the head that is being installed. */
struct compare {
	struct run *run;
	size_t at;
};

static int compare_body(void *ctx, const void *data, size_t size_bytes)
{
	struct compare *compare = ctx;
	const struct ota_head *head = compare->run->plan.head;

	compare->run->stream->bytes_fetched += size_bytes;
	if (size_bytes > ota_head_bytes(head) - compare->at ||
	    memcmp(ota_head_raw(head) + compare->at, data, size_bytes) != 0)
		return OTA_HTTP_RANGE;
	compare->at += size_bytes;
	return 0;
}

static int compare_head(void *ctx, const struct ota_fetch_answer *answer)
{
	struct compare *compare = ctx;

	return on_head(compare->run, answer);
}

/* The validator changed, but the bundle may be the same, uploaded again: 0 if its head is the same. */
static int revalidate_source(struct run *run)
{
	struct compare compare = {.run = run};
	struct ota_fetch_request request = {.url = run->stream->source,
					    .length_bytes = ota_head_bytes(run->plan.head),
					    .head = compare_head,
					    .body = compare_body,
					    .ctx = &compare};
	int result;

	run->status = 0;
	result = run->fetch->ops->get(run->fetch->fetch, &request);
	if (result == 0 && compare.at < request.length_bytes)
		result = OTA_SHORT_BODY;
	return result;
}

static void explain_result(struct run *run, int result)
{
	struct ota_stream *stream = run->stream;

	if (result == OTA_HTTP_STATUS && run->status != 0)
		(void)snprintf(stream->detail, sizeof(stream->detail), "HTTP status %d: %s", run->status,
			       stream->source);
	else
		(void)snprintf(stream->detail, sizeof(stream->detail), "%s: %s",
			       result > 0 ? ota_reason_text(result) : strerror(-result), stream->source);
}

static uint64_t position_bytes(const struct run *run)
{
	struct ota_chunk chunk;

	if (run->chunk >= run->plan.chunks)
		return run->plan.manifest->payload_bytes;
	ota_head_chunk(run->plan.head, run->chunk, &chunk);
	return chunk.payload_offset + run->got_bytes;
}

/* Goes back to the first chunk that is not written; whatever was filled beyond it is forgotten. */
static void rewind_to(struct run *run, uint32_t chunk)
{
	run->chunk = chunk;
	run->batch = NULL;
	run->got_bytes = 0;
	run->due_bytes = run->pipe.writer.pending_bytes;
	run->best_bytes = position_bytes(run);
}

/* The attempt ended where `chunk` now stands. */
static int wait_again(struct run *run, int result, bool chunk_failed)
{
	uint64_t reached = position_bytes(run);
	bool progress = reached >= run->best_bytes + PROGRESS_MIN_BYTES;

	if (chunk_failed) {
		progress = (int64_t)run->chunk > run->bad_chunk;
		run->bad_chunk = run->chunk;
		return ota_retry_wait(&run->chunk_retry, result, progress, 0);
	}
	if (progress)
		run->best_bytes = reached;
	return ota_retry_wait(&run->retry, result, progress, run->retry_after_s);
}

/* An attempt failed: 0 to go on, else what the run ends with. */
static int prepare_retry(struct run *run, int result, bool chunk_failed)
{
	const struct ota_system *system = &run->stream->ota->system;

	if (!ota_retry_worthwhile(result, run->status))
		return result;
	if (chunk_failed && run->fetch == &run->stream->ota->files)
		return result; /* a file says the same again */
	if (result == OTA_HTTP_RANGE && run->check_range) {
		result = revalidate_source(run);
		if (result == 0) {
			run->check_range = false; /* each chunk's digest still decides */
			return 0;
		}
		explain_result(run, result);
		if (result == OTA_HTTP_RANGE || !ota_retry_worthwhile(result, run->status))
			return result;
	}
	if (system->ops && system->ops->message)
		system->ops->message(system->system, OTA_LEVEL_WARNING, run->stream->detail);
	return wait_again(run, result, chunk_failed);
}

/* Brings chunks [first, end) to the target, or their header blocks alone. */
static int run_range(struct run *run, uint32_t first, uint32_t end, bool header_only)
{
	int result;

	run->bad_chunk = first;
	run->header_only = header_only;
	run->end = end;
	rewind_to(run, first);
	for (;;) { /* bounded by the retries of the policy, and by the mismatches that fetch-plan.c takes */
		int failure;

		result = fill_batches(run);
		failure = ota_pipe_drain(&run->pipe);
		if (result == 0 && failure == 0)
			return 0;
		if (failure != 0) {
			rewind_to(run, header_only ? first : run->pipe.writer.next);
			memcpy(run->stream->detail, run->pipe.writer.detail, sizeof(run->stream->detail));
			result = failure;
		} else {
			explain_result(run, result);
		}
		if (result == OTA_STREAM_MISMATCH) {
			ota_plan_mismatch(&run->plan, run->chunk);
			continue;
		}
		result = prepare_retry(run, result, failure != 0);
		if (result != 0)
			return result;
	}
}

static int run_all(struct run *run)
{
	struct ota_stream *stream = run->stream;
	int result = 0;

	for (unsigned i = 0; result == 0 && i < run->plan.manifest->image_count; i++) {
		uint32_t first = run->plan.manifest->images[i].first_chunk;

		if (first < stream->first_chunk && !stream->header_known[i])
			result = run_range(run, first, first + 1, true);
	}
	if (result == 0 && stream->first_chunk < run->plan.chunks)
		result = run_range(run, stream->first_chunk, run->plan.chunks, false);
	return result;
}

int ota_stream_run(struct ota_stream *stream)
{
	struct run run = {.stream = stream};
	int result;

	assert(stream->head && stream->target && stream->source && stream->etag);
	assert(stream->checkpoint_bytes > 0);
	stream->detail[0] = '\0';
	run.fetch = ota_source_fetch(stream->ota, stream->source);
	run.check_range = true;
	result = ota_plan_init(&run.plan, stream);
	if (result != 0)
		return result;
	ota_retry_start(&run.retry, stream->ota);
	run.chunk_retry = run.retry;
	result = ota_pipe_open(&run.pipe, stream, &run.plan);
	if (result != 0)
		return result;
	result = run_all(&run);
	ota_pipe_close(&run.pipe);
	stream->bytes_written += run.pipe.writer.written_bytes;
	stream->bytes_reused += run.pipe.writer.reused_bytes;
	if (result == 0)
		stream->detail[0] = '\0';
	return result;
}
