/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks that the running slot holds are copied from it, verified all the same. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/fetch-plan.h"
#include "test/stream/stream-lab.h"

#define IMAGE_BYTES (4u << 20)
#define CHUNK       4096u
#define CHUNKS      (IMAGE_BYTES / CHUNK)

/* Raw chunks, so that bytes can be counted: 64 of them make a gap, and 8 once the link is known: here it costs no time. */
static const struct lab_spec large = {.chunk_bytes = CHUNK,
				      .block_bytes = 4096,
				      .image_count = 1,
				      .image_bytes = {IMAGE_BYTES},
				      .checkpoint_bytes = 1 << 20,
				      .reuse = true};

static struct lab *aged_lab(const uint32_t *chunks, unsigned count)
{
	struct lab *lab = lab_new(&large);

	for (unsigned i = 0; i < count; i++)
		lab_age(lab, 0, chunks[i]);
	lab_publish(lab);
	return lab;
}

/* Only what changed is fetched; a short gap is fetched through, a long one costs a request instead. */
Test(reuse, fetches_what_changed)
{
	static const struct {
		uint32_t changed[4];
		unsigned count;
		unsigned requests;
		uint64_t fetched_chunks;
	} cases[] = {
	    {{0}, 0, 0, 0},
	    {{0}, 1, 1, 1},
	    {{CHUNKS - 1}, 1, 1, 1},
	    {{500}, 1, 1, 1},
	    {{500, 501}, 2, 1, 2},
	    {{500, 563}, 2, 1, 64},
	    {{500, 564}, 2, 1, 65},
	    {{500, 565}, 2, 2, 2},
	    {{10, 70, 800, 808}, 4, 2, 61 + 9},
	    {{10, 70, 800, 809}, 4, 3, 61 + 2},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int pipeline = 0; pipeline < 2; pipeline++) {
			struct lab *lab = aged_lab(cases[i].changed, cases[i].count);
			char what[64];

			snprintf(what, sizeof(what), "case %zu, pipeline %d", i, pipeline);
			lab->ota.policy.pipeline = pipeline;
			cr_assert_eq(lab_run(lab, 0), 0, "%s: %s", what, lab->stream.detail);
			lab_check_whole(lab, what);
			cr_assert_eq(lab->net.requests, cases[i].requests, "%s: %u requests", what, lab->net.requests);
			cr_assert_eq(lab->stream.bytes_fetched, cases[i].fetched_chunks * CHUNK, "%s: %llu", what,
				     (unsigned long long)lab->stream.bytes_fetched);
			cr_assert_eq(lab->stream.bytes_reused, IMAGE_BYTES - lab->stream.bytes_fetched, "%s", what);
			cr_assert_eq(lab->stream.bytes_written, IMAGE_BYTES - OTA_SLOT_HEADER_BYTES, "%s", what);
			lab_free(lab);
		}
}

/* The policy decides: without it nothing is read from the running slot. */
Test(reuse, off)
{
	struct lab *lab = aged_lab(NULL, 0);

	lab->ota.policy.reuse = false;
	cr_assert_eq(lab_run(lab, 0), 0);
	cr_assert_eq(lab->running[0].reads, 0);
	cr_assert_eq(lab->stream.bytes_fetched, IMAGE_BYTES);
	lab_free(lab);
}

/* A running slot that does not hold what its head says, or that cannot be read, costs a fetch of that chunk, never a
 * wrong byte. */
Test(reuse, mismatch_is_fetched)
{
	for (unsigned count = 1; count <= 20; count += 3)
		for (int kind = 0; kind < 4; kind++) {
			struct lab *lab = aged_lab(NULL, 0);
			char what[64];

			snprintf(what, sizeof(what), "%u chunks, kind %d", count, kind);
			lab->ota.policy.pipeline = kind % 2;
			for (unsigned i = 0; i < count; i++)
				if (kind / 2 == 0)
					lab->running[0].data[(size_t)(100 + i * 40) * CHUNK + 77] ^= 1;
			if (kind / 2 == 1)
				lab->running[0].fail_read = 100 + count;
			cr_assert_eq(lab_run(lab, 0), 0, "%s: %s", what, lab->stream.detail);
			lab_check_whole(lab, what);
			if (kind / 2 == 1 || count < OTA_REUSE_MISMATCH_MAX)
				cr_assert_eq(lab->stream.bytes_fetched, (kind / 2 == 1 ? 1 : count) * CHUNK, "%s",
					     what);
			else
				cr_assert_leq(lab->net.requests, OTA_REUSE_MISMATCH_MAX, "%s", what);
			cr_assert_eq(lab->clock.sleeps, 0, "%s", what);
			lab_free(lab);
		}
}

/* Reuse, cuts and corruption together end in the image. */
Test(reuse, all_together, .timeout = 120)
{
	for (unsigned seed = 1; seed <= 24; seed++) {
		struct lab *lab = lab_new(&large);
		uint32_t random = seed;
		char what[64];

		snprintf(what, sizeof(what), "seed %u", seed);
		for (unsigned i = 0; i < 40; i++) {
			random = random * 1664525u + 1013904223u;
			lab_age(lab, 0, (random >> 8) % CHUNKS);
		}
		lab_publish(lab);
		lab->ota.policy.pipeline = seed % 2;
		lab->net.cut_bytes = 3000 + (random >> 8) % 60000;
		lab->net.cut_reason = OTA_UNREACHABLE;
		lab->net.corrupt_at = ota_head_bytes(lab->head) + (random >> 4) % IMAGE_BYTES;
		lab->net.corruptions_left = 2;
		lab->running[0].data[(random >> 6) % IMAGE_BYTES] ^= 1;
		cr_assert_eq(lab_run(lab, 0), 0, "%s: %s", what, lab->stream.detail);
		lab_check_whole(lab, what);
		lab_free(lab);
	}
}
