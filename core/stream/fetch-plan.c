/* SPDX-License-Identifier: Apache-2.0 */
/* Decides for each chunk where it comes from, where it goes, and which chunks one request fetches. */
#include "stream/fetch-plan.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static uint64_t round_up(uint64_t bytes, uint32_t block_bytes)
{
	return (bytes + block_bytes - 1) / block_bytes * block_bytes;
}

static int check_target(const struct ota_plan *plan, unsigned i, struct ota_stream *stream)
{
	const struct ota_manifest_image *image = &plan->manifest->images[i];
	const struct ota_block *block = plan->target[i];

	if (!block) {
		(void)snprintf(stream->detail, sizeof(stream->detail), "slot %s has no place for image %s",
			       stream->target->bootname, image->name);
		return OTA_BAD_CONFIG;
	}
	if (block->block_bytes == 0 || block->block_bytes > OTA_SLOT_HEADER_BYTES) {
		(void)snprintf(stream->detail, sizeof(stream->detail), "%s: blocks of %u bytes are not supported",
			       block->name ? block->name : image->name, (unsigned)block->block_bytes);
		return -EINVAL;
	}
	if (image->size_bytes > block->size_bytes ||
	    round_up(image->size_bytes, block->block_bytes) > block->size_bytes) {
		(void)snprintf(stream->detail, sizeof(stream->detail), "%s: image %s does not fit",
			       block->name ? block->name : "slot", image->name);
		return OTA_NO_SPACE;
	}
	return 0;
}

static const struct ota_block *find_block(const struct ota_slot *slot, const char *name)
{
	for (unsigned i = 0; slot && i < slot->image_count; i++)
		if (strcmp(slot->images[i].name, name) == 0)
			return &slot->images[i].block;
	return NULL;
}

static void init_reuse(struct ota_plan *plan, const struct ota_stream *stream)
{
	const struct ota_manifest *manifest;

	if (!stream->ota->policy.reuse || !stream->running_head || !stream->running)
		return;
	plan->running_head = stream->running_head;
	manifest = ota_head_manifest(plan->running_head);
	for (unsigned i = 0; i < manifest->image_count; i++) {
		const struct ota_block *block = find_block(stream->running, manifest->images[i].name);

		if (block && block->block_bytes > 0 && block->block_bytes <= OTA_SLOT_HEADER_BYTES)
			plan->running[i] = block;
	}
}

int ota_plan_init(struct ota_plan *plan, struct ota_stream *stream)
{
	struct ota_chunk chunk;

	assert(stream->head && stream->target);
	memset(plan, 0, sizeof(*plan));
	plan->head = stream->head;
	plan->manifest = ota_head_manifest(stream->head);
	plan->chunks = ota_head_chunks(stream->head);
	plan->forced = -1;
	plan->wait_ms = -1;
	plan->gap_bytes = OTA_GAP_MAX_BYTES;
	for (unsigned i = 0; i < plan->manifest->image_count; i++) {
		int result;

		plan->target[i] = find_block(stream->target, plan->manifest->images[i].name);
		result = check_target(plan, i, stream);
		if (result != 0)
			return result;
	}
	for (uint32_t i = 0; i < plan->chunks; i++) {
		ota_head_chunk(plan->head, i, &chunk);
		if (chunk.stored_bytes == 0 || chunk.content_bytes == 0)
			return OTA_BAD_FORMAT; /* the parser refuses it; here it would never end */
		if (chunk.stored_bytes > plan->stored_max_bytes)
			plan->stored_max_bytes = chunk.stored_bytes;
		if (chunk.content_bytes > plan->content_max_bytes)
			plan->content_max_bytes = chunk.content_bytes;
	}
	init_reuse(plan, stream);
	return 0;
}

void ota_plan_place(const struct ota_plan *plan, uint32_t chunk, struct ota_place *out)
{
	unsigned image = 0;

	assert(chunk < plan->chunks);
	while (image + 1 < plan->manifest->image_count && chunk >= plan->manifest->images[image + 1].first_chunk)
		image++;
	out->image = image;
	out->index = chunk - plan->manifest->images[image].first_chunk;
	out->offset_bytes = (uint64_t)out->index * plan->manifest->chunk_bytes;
	out->last = out->index + 1 == plan->manifest->images[image].chunks;
}

bool ota_plan_reuse(const struct ota_plan *plan, uint32_t chunk, const struct ota_block **block, uint64_t *offset_bytes)
{
	const struct ota_manifest *manifest;
	struct ota_chunk want;
	int64_t found;
	unsigned image = 0;

	if (!plan->running_head || chunk == plan->forced)
		return false;
	ota_head_chunk(plan->head, chunk, &want);
	found = ota_head_find(plan->running_head, want.sha256, want.content_bytes);
	if (found < 0)
		return false;
	manifest = ota_head_manifest(plan->running_head);
	while (image + 1 < manifest->image_count && found >= manifest->images[image + 1].first_chunk)
		image++;
	if (!plan->running[image])
		return false;
	*block = plan->running[image];
	*offset_bytes = ((uint64_t)found - manifest->images[image].first_chunk) * manifest->chunk_bytes;
	return *offset_bytes + round_up(want.content_bytes, (*block)->block_bytes) <= (*block)->size_bytes;
}

uint32_t ota_plan_fetch_end(const struct ota_plan *plan, uint32_t first, uint32_t end)
{
	const struct ota_block *block;
	uint64_t offset_bytes, gap_bytes = 0;
	uint32_t run_end = first + 1;
	struct ota_chunk chunk;

	assert(first < end && end <= plan->chunks);
	if (!plan->running_head)
		return end;
	for (uint32_t i = run_end; i < end && gap_bytes < plan->gap_bytes; i++) {
		if (ota_plan_reuse(plan, i, &block, &offset_bytes)) {
			ota_head_chunk(plan->head, i, &chunk);
			gap_bytes += chunk.stored_bytes;
		} else {
			gap_bytes = 0;
			run_end = i + 1;
		}
	}
	return run_end;
}

/* Of waits the shortest: a server that hesitated once is not the link. Of rates the mean: bodies come in bursts. */
void ota_plan_learn(struct ota_plan *plan, int64_t wait_ms, int64_t body_ms, uint64_t body_bytes)
{
	uint64_t gap_bytes;

	if (wait_ms < 0 || body_ms < 0)
		return;
	if (wait_ms > OTA_GAP_WAIT_MAX_MS)
		wait_ms = OTA_GAP_WAIT_MAX_MS;
	if (plan->wait_ms < 0 || wait_ms < plan->wait_ms)
		plan->wait_ms = wait_ms;
	if (body_bytes >= OTA_GAP_BODY_MIN_BYTES && body_bytes <= OTA_GAP_BODY_MAX_BYTES) {
		plan->body_bytes += body_bytes;
		plan->body_ms += (uint64_t)body_ms;
	}
	if (plan->body_bytes == 0)
		return;
	gap_bytes = plan->body_bytes * (uint64_t)plan->wait_ms / (plan->body_ms > 0 ? plan->body_ms : 1);
	plan->gap_bytes = gap_bytes < OTA_GAP_MIN_BYTES   ? OTA_GAP_MIN_BYTES
			  : gap_bytes > OTA_GAP_MAX_BYTES ? OTA_GAP_MAX_BYTES
							  : gap_bytes;
}

void ota_plan_mismatch(struct ota_plan *plan, uint32_t chunk)
{
	plan->forced = chunk;
	if (++plan->mismatches >= OTA_REUSE_MISMATCH_MAX)
		plan->running_head = NULL;
}
