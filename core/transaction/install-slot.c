/* SPDX-License-Identifier: Apache-2.0 */
/*
 * S05 to S08: the slot that is not booted, from whatever it held to a verified version. The order of the flushes matters: between two of them a cut may keep any write and lose any other.
 */
#include "transaction/install-slot.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bundle/head.h"
#include "stream/stream.h"

#define CHECKPOINT_BYTES_DEFAULT (16u * 1024u * 1024u)

struct progress {
	struct ota_txn *txn;
	const struct ota_head *head;
	const struct ota_stream *stream;
	bool stashed[OTA_IMAGES_MAX];
};

/* Header blocks are written last, and a later run must not fetch their chunks again. So they are stored in the tail meanwhile. */
static int stash_headers(struct progress *progress, uint32_t chunks_done)
{
	const struct ota_manifest *manifest = ota_head_manifest(progress->head);
	const struct ota_slot *slot = progress->txn->other;
	bool written = false;
	if (!ota_slot_has_stash(slot))
		return 0;
	for (unsigned i = 0; i < manifest->image_count; i++) {
		if (progress->stashed[i] || !progress->stream->header_known[i] ||
		    manifest->images[i].first_chunk >= chunks_done)
			continue;
		int r = ota_slot_stash_put(slot, i, progress->stream->header[i]);
		if (r < 0)
			return r;
		progress->stashed[i] = true;
		written = true;
	}
	return written ? ota_slot_flush(slot) : 0;
}

/* The chunks are durable (the streaming part has flushed them); only then does the journal say so. */
static int store_checkpoint(void *ctx, uint32_t chunks_done)
{
	struct progress *progress = ctx;
	struct ota_txn *txn = progress->txn;
	int r = stash_headers(progress, chunks_done);
	if (r < 0)
		return r;
	txn->state.chunks_done = chunks_done;
	return ota_txn_save(txn);
}

/* The head of what runs, to copy chunks that did not change. Without it everything is fetched. */
static struct ota_head *running_head(struct ota_txn *txn)
{
	struct ota_slot_descriptor running;
	struct ota_head *head = NULL;
	uint8_t *raw = NULL;
	size_t raw_bytes = 0;
	if (!txn->ota->policy.reuse || ota_txn_running(txn, &running) != 0)
		return NULL;
	if (ota_slot_head_read(txn->running, &raw, &raw_bytes) == 0 &&
	    ota_head_known(raw, raw_bytes, running.digest, &head) != 0)
		head = NULL;
	free(raw);
	return head;
}

/* S06. */
static int stream_chunks(struct ota_txn *txn, struct ota_stream *stream, struct progress *progress)
{
	const struct ota_manifest *manifest = ota_head_manifest(stream->head);
	uint32_t checkpoint_bytes = txn->ota->policy.checkpoint_bytes;
	ota_txn_step(txn, OTA_S06_STREAM);
	stream->first_chunk = txn->state.chunks_done;
	stream->checkpoint_bytes = checkpoint_bytes ? checkpoint_bytes : CHECKPOINT_BYTES_DEFAULT;
	if (stream->first_chunk > ota_head_chunks(stream->head))
		stream->first_chunk = 0;
	for (unsigned i = 0; i < manifest->image_count; i++) {
		if (manifest->images[i].first_chunk >= stream->first_chunk)
			continue;
		stream->header_known[i] = ota_slot_stash_get(txn->other, stream->head, i, stream->header[i]) == 0;
		progress->stashed[i] = stream->header_known[i];
	}
	int r = ota_stream_run(stream);
	txn->result->bytes_fetched += stream->bytes_fetched;
	txn->result->bytes_reused += stream->bytes_reused;
	txn->result->bytes_written += stream->bytes_written;
	if (r)
		return ota_txn_fail(txn, r, "%s",
				    stream->detail[0] ? stream->detail : ota_reason_text((int)ota_reason_of(r)));
	for (unsigned i = 0; i < manifest->image_count; i++)
		if (!stream->header_known[i])
			return ota_txn_fail(txn, OTA_INTERNAL, "the first block of image %s is missing",
					    manifest->images[i].name);
	return 0;
}

/* S07 and S08. */
static int seal_slot(struct ota_txn *txn, const struct ota_stream *stream)
{
	const struct ota_slot *slot = txn->other;
	const uint8_t(*header)[OTA_SLOT_HEADER_BYTES] = (const uint8_t(*)[OTA_SLOT_HEADER_BYTES])stream->header;
	struct ota_slot_content content;
	/* S07 before S08: what is read back must be what the medium keeps, not what a cache still holds. */
	ota_txn_step(txn, OTA_S07_FLUSH);
	int r = ota_slot_flush(slot);
	if (r)
		return ota_txn_fail(txn, r, "slot %s cannot be flushed", slot->bootname);
	ota_txn_step(txn, OTA_S08_READ_BACK);
	ota_slot_content_of(slot, stream->head, &content);
	r = ota_slot_verify(slot, &content, header);
	if (r == 0)
		r = ota_slot_seal(slot, stream->head, header);
	return r ? ota_txn_fail(txn, r, "slot %s does not give back what was written to it", slot->bootname) : 0;
}

static int bar_slot(struct ota_txn *txn)
{
	const struct ota_boot *boot = &txn->ota->boot;
	ota_txn_step(txn, OTA_S05_BAR);
	/* Durable before the first write to the slot: from here until S10 no boot ever starts it. */
	int r = boot->ops->rollback(boot->boot, txn->booted, txn->other->bootname);
	if (r)
		return ota_txn_fail(txn, r, "slot %s could not be barred; it was not touched", txn->other->bootname);
	r = ota_slot_clear(txn->other);
	return r ? ota_txn_fail(txn, r, "slot %s cannot be written", txn->other->bootname) : 0;
}

int ota_install_slot(struct ota_txn *txn, const struct ota_head *head, const char *source, bool size_known)
{
	assert(txn->other != txn->running);
	assert(txn->state.phase == OTA_PHASE_INSTALLING);
	int r = bar_slot(txn);
	if (r)
		return r;
	struct ota_stream *stream = calloc(1, sizeof *stream);
	if (!stream)
		return -ENOMEM;
	struct ota_head *running = running_head(txn);
	struct progress progress = {.txn = txn, .head = head, .stream = stream};
	stream->ota = txn->ota;
	stream->head = head;
	stream->target = txn->other;
	stream->running = txn->running;
	stream->running_head = running;
	stream->source = source;
	stream->size_known = size_known;
	stream->etag = txn->state.etag;
	stream->checkpoint = store_checkpoint;
	stream->checkpoint_ctx = &progress;
	r = stream_chunks(txn, stream, &progress);
	if (r == 0)
		r = seal_slot(txn, stream);
	ota_head_free(running);
	free(stream);
	return r;
}
