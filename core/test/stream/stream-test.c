/* SPDX-License-Identifier: Apache-2.0 */
/* S06: chunks from a source to a slot, on good and on bad days. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/batch.h"
#include "test/stream/stream-lab.h"

static const struct lab_spec small = {.chunk_bytes = 4096,
				      .zstd_level = 3,
				      .block_bytes = 512,
				      .image_count = 2,
				      .image_bytes = {96 * 1024, 13 * 1024},
				      .checkpoint_bytes = 16 * 1024};

/* Where the stored bytes of a chunk lie in the bundle. */
static uint64_t chunk_at(const struct lab *lab, uint32_t chunk)
{
	struct ota_chunk out;

	ota_head_chunk(lab->head, chunk, &out);
	return ota_head_bytes(lab->head) + out.payload_offset;
}

/* What one run did, to compare runs. */
struct trace {
	int64_t result;
	uint64_t fetched, reused, written, checkpoints, last; /* no padding: compared whole */
};

static struct trace run_traced(struct lab *lab, bool pipeline)
{
	struct trace trace = {0};

	lab_reset(lab);
	lab->ota.policy.pipeline = pipeline;
	trace.result = lab_run(lab, 0);
	trace.fetched = lab->stream.bytes_fetched;
	trace.reused = lab->stream.bytes_reused;
	trace.written = lab->stream.bytes_written;
	trace.checkpoints = lab->checkpoint_count;
	trace.last = lab->checkpoint_count > 0 ? lab->checkpoints[lab->checkpoint_count - 1] : 0;
	return trace;
}

/* Inline and pipeline leave the same bytes, headers, counters and checkpoints, for all shapes of chunks, blocks and
 * images. */
Test(stream, inline_is_pipeline, .timeout = 120)
{
	static const uint32_t chunks[] = {4096, 65536, 1048576};
	static const size_t sizes[][LAB_IMAGES_MAX] = {
	    {3 << 20, 512, 0}, {(1 << 20) + 512, 70 * 1024 + 1536, 4096}, {4608, 65536, 2560}};

	for (unsigned i = 0; i < 3 * 3 * 2 * 2 * 2; i++) {
		struct lab_spec spec = {.chunk_bytes = chunks[i % 3],
					.zstd_level = i / 9 % 2 == 0 ? 3 : 0,
					.block_bytes = i / 18 % 2 == 0 ? 512 : 4096,
					.reuse = i / 36 % 2 == 1,
					.checkpoint_bytes = 100 * 1024};
		struct trace one, two;
		struct lab *lab;
		char what[96];

		for (unsigned k = 0; k < LAB_IMAGES_MAX && sizes[i / 3 % 3][k] > 0; k++)
			spec.image_bytes[spec.image_count++] = sizes[i / 3 % 3][k];
		snprintf(what, sizeof(what), "case %u: chunks of %u, zstd %d, blocks of %u, reuse %d", i,
			 spec.chunk_bytes, spec.zstd_level, spec.block_bytes, spec.reuse);
		lab = lab_new(&spec);
		for (uint32_t k = 0; (k + 1) * 9 * spec.chunk_bytes < spec.image_bytes[0]; k++)
			lab_age(lab, 0, k * 9);
		lab_publish(lab);
		one = run_traced(lab, false);
		cr_assert_eq(one.result, 0, "%s: %s", what, lab->stream.detail);
		lab_check_whole(lab, what);
		two = run_traced(lab, true);
		cr_assert_eq(two.result, 0, "%s: %s", what, lab->stream.detail);
		lab_check_whole(lab, what);
		cr_assert(memcmp(&one, &two, sizeof(one)) == 0, "%s: other counters", what);
		cr_assert_eq(one.reused > 0, spec.reuse, "%s", what);
		if (!spec.reuse)
			cr_assert_eq(one.fetched, ota_head_manifest(lab->head)->payload_bytes, "%s", what);
		lab_free(lab);
	}
}

/* The pipe writes large runs, and one chunk a write inline. */
Test(stream, runs_are_coalesced)
{
	struct lab_spec spec = small;
	struct lab *lab;

	spec.image_count = 1;
	spec.image_bytes[0] = 2 << 20;
	spec.checkpoint_bytes = 16 << 20;
	lab = lab_new(&spec);
	lab_publish(lab);
	lab->ota.policy.pipeline = true;
	cr_assert_eq(lab_run(lab, 0), 0);
	cr_assert_eq(lab->target[0].writes, (2u << 20) / OTA_BATCH_BYTES);
	cr_assert_eq(lab->net.requests, 1);
	lab_reset(lab);
	cr_assert_eq(lab_run(lab, 0), 0);
	cr_assert_eq(lab->target[0].writes, (2u << 20) / 4096 - 1, "the header block is held back");
	lab_free(lab);
}

/* A corrupted chunk never reaches the medium: every chunk in turn, for ever, then once (and the run recovers from
 * that). */
Test(stream, corrupted_chunk_is_never_written, .timeout = 120)
{
	struct lab *lab = lab_new(&small);
	char what[64];

	lab_publish(lab);
	for (uint32_t i = 0; i < ota_head_chunks(lab->head) * 4; i++) {
		uint32_t chunk = i / 4;
		bool pipeline = i % 2, once = i / 2 % 2;
		struct ota_chunk bad;
		int result;

		snprintf(what, sizeof(what), "chunk %u, pipeline %d, once %d", chunk, pipeline, once);
		lab_reset(lab);
		ota_head_chunk(lab->head, chunk, &bad);
		lab->ota.policy.pipeline = pipeline;
		lab->net.corrupt_at = chunk_at(lab, chunk) + bad.stored_bytes - 1 - i % 3;
		lab->net.corruptions_left = once ? 1 : UINT32_MAX;
		result = lab_run(lab, 0);
		if (once) {
			cr_assert_eq(result, 0, "%s: %s", what, lab->stream.detail);
			lab_check_whole(lab, what);
			cr_assert_eq(lab->clock.sleeps, 1, "%s", what);
		} else {
			cr_assert(result == OTA_CHUNK_DIGEST || result == OTA_CHUNK_DECODE, "%s: %d", what, result);
			cr_assert_eq(lab->net.requests, 5, "%s: %u requests", what, lab->net.requests);
			cr_assert(strstr(lab->stream.detail, "chunk"), "%s: %s", what, lab->stream.detail);
		}
		lab_check_clean(lab, what);
	}
	lab_free(lab);
}

/* A local file says the same again: a bad chunk in it is reported at once. */
Test(stream, bad_file_is_not_read_again)
{
	struct lab *lab = lab_new(&small);

	lab_publish(lab);
	lab->stream.source = "/media/update.bundle";
	lab->net.corrupt_at = chunk_at(lab, 3) + 1;
	lab->net.corruptions_left = UINT32_MAX;
	cr_assert_gt(lab_run(lab, 0), 0);
	cr_assert_eq(lab->net.requests, 1);
	cr_assert_eq(lab->clock.sleeps, 0);
	lab_check_clean(lab, "file");
	lab_free(lab);
}

/* A connection cut every K bytes costs no more than the requests: not a byte is fetched twice. */
Test(stream, cuts_cost_nothing, .timeout = 120)
{
	struct lab *lab = lab_new(&small);
	char what[64];

	lab_publish(lab);
	for (size_t cut = 1024; cut < 80000; cut = cut * 3 / 2 + 7)
		for (int pipeline = 0; pipeline < 2; pipeline++) {
			uint64_t payload = ota_head_manifest(lab->head)->payload_bytes;

			snprintf(what, sizeof(what), "cut every %zu bytes, pipeline %d", cut, pipeline);
			lab_reset(lab);
			lab->ota.policy.pipeline = pipeline;
			lab->net.cut_bytes = cut;
			lab->net.cut_reason = pipeline ? OTA_UNREACHABLE : OTA_SHORT_BODY;
			cr_assert_eq(lab_run(lab, 0), 0, "%s: %s", what, lab->stream.detail);
			lab_check_whole(lab, what);
			cr_assert_eq(lab->stream.bytes_fetched, payload, "%s", what);
			cr_assert_leq(lab->net.requests, payload / cut + 1, "%s", what);
		}
	/* A few bytes a connection are no progress: that ends. */
	lab_reset(lab);
	lab->net.cut_bytes = 64;
	lab->net.cut_reason = OTA_STALLED;
	cr_assert_eq(lab_run(lab, 0), OTA_STALLED);
	cr_assert_leq(lab->net.requests, 5u * 1024u / 64u * ota_head_chunks(lab->head));
	lab_free(lab);
}

/* A resume from any checkpoint leaves the same medium, fetches what is left, and the missing header blocks alone. */
Test(stream, resume)
{
	struct lab *lab = lab_new(&small);
	const struct ota_manifest *manifest;
	uint32_t chunks;

	lab_publish(lab);
	manifest = ota_head_manifest(lab->head);
	chunks = ota_head_chunks(lab->head);
	for (uint32_t first = 0; first <= chunks * 2 + 1; first++) {
		bool known = first % 2;
		uint32_t from = first / 2;
		uint64_t left;
		struct ota_chunk chunk;
		char what[64];

		snprintf(what, sizeof(what), "from chunk %u, headers known %d", from, known);
		lab_reset(lab);
		lab_preload(lab, from);
		for (unsigned i = 0; known && i < manifest->image_count; i++) {
			if (manifest->images[i].first_chunk >= from)
				continue;
			memcpy(lab->stream.header[i], lab->images[i], OTA_SLOT_HEADER_BYTES);
			lab->stream.header_known[i] = true;
		}
		left = from < chunks ? lab->bundle_bytes - chunk_at(lab, from) : 0;
		for (unsigned i = 0; !known && i < manifest->image_count; i++) {
			if (manifest->images[i].first_chunk >= from)
				continue;
			ota_head_chunk(lab->head, manifest->images[i].first_chunk, &chunk);
			left += chunk.stored_bytes;
		}
		cr_assert_eq(lab_run(lab, from), 0, "%s: %s", what, lab->stream.detail);
		lab_check_whole(lab, what);
		cr_assert_eq(lab->stream.bytes_fetched, left, "%s", what);
	}
	lab_free(lab);
}

/* Checkpoints come every checkpoint_bytes, flushed, ascending, never for the end (lab_check_clean); a refusal is
 * forwarded and final. */
Test(stream, checkpoints)
{
	for (int pipeline = 0; pipeline < 2; pipeline++) {
		struct lab *lab = lab_new(&small);

		lab_publish(lab);
		lab->ota.policy.pipeline = pipeline;
		cr_assert_eq(lab_run(lab, 0), 0);
		cr_assert_eq(lab->checkpoint_count, 6, "%u", lab->checkpoint_count);
		for (unsigned i = 0; i < lab->checkpoint_count; i++)
			cr_assert_eq(lab->checkpoints[i], (i + 1) * 4);
		lab_check_whole(lab, "checkpoints");
		lab_reset(lab);
		lab->ota.policy.pipeline = pipeline;
		lab->checkpoint_fails = 2;
		lab->checkpoint_says = -EROFS;
		cr_assert_eq(lab_run(lab, 0), -EROFS);
		cr_assert_eq(lab->checkpoint_count, 2);
		lab_free(lab);
	}
}

/* Each write and each flush in turn fails: the error is forwarded unchanged, nothing more is written after it, no
 * checkpoint covers it. */
Test(stream, storage_errors, .timeout = 120)
{
	struct lab *lab = lab_new(&small);

	lab_publish(lab);
	for (unsigned n = 1; n <= 60; n++)
		for (unsigned kind = 0; kind < 4; kind++) {
			bool pipeline = kind % 2, flush = kind / 2;
			struct lab_block *block = &lab->target[0];
			char what[64];
			int result;

			snprintf(what, sizeof(what), "%s %u, pipeline %d", flush ? "flush" : "write", n, pipeline);
			lab_reset(lab);
			lab->ota.policy.pipeline = pipeline;
			block->fail_write = flush ? 0 : n;
			block->fail_flush = flush ? n : 0;
			result = lab_run(lab, 0);
			lab_check_clean(lab, what);
			if ((flush ? block->flushes : block->writes) < n) {
				cr_assert_eq(result, 0, "%s", what);
				continue;
			}
			cr_assert_eq(result, -EIO, "%s: %d", what, result);
			cr_assert_eq(flush ? block->flushes : block->writes, n, "%s: went on", what);
			cr_assert(strstr(lab->stream.detail, "rootfs"), "%s: %s", what, lab->stream.detail);
			cr_assert_eq(lab->net.requests, 1, "%s: fetched again", what);
			if (flush)
				cr_assert_eq(lab->checkpoint_count, n - 1, "%s", what);
		}
	lab_free(lab);
}

/* A target that cannot hold the images is refused before a byte is asked for. */
Test(stream, target_does_not_fit)
{
	struct lab *lab = lab_new(&small);

	lab_publish(lab);
	lab->target_slot.images[1].block.size_bytes = 12 * 1024;
	cr_assert_eq(lab_run(lab, 0), OTA_NO_SPACE);
	lab_reset(lab);
	lab->target_slot.images[1].block.size_bytes = lab->target[1].size_bytes;
	lab->target_slot.images[1].block.block_bytes = 8192;
	cr_assert_eq(lab_run(lab, 0), -EINVAL);
	lab->target_slot.images[1].block.block_bytes = 512;
	lab->target_slot.image_count = 1;
	cr_assert_eq(lab_run(lab, 0), OTA_BAD_CONFIG);
	cr_assert_eq(lab->net.requests, 0);
	lab_free(lab);
}
