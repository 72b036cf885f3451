/* SPDX-License-Identifier: Apache-2.0 */
/* Slots, a server and a clock in memory, for tests of streaming. */
#include "test/stream/stream-lab.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[LAB_IMAGES_MAX] = {"rootfs", "kernel", "dtb"};

static bool fault_due(unsigned *counter, unsigned nth)
{
	++*counter;
	return nth != 0 && *counter == nth;
}

static int block_read(void *dev, uint64_t offset_bytes, void *out, size_t size_bytes)
{
	struct lab_block *block = dev;

	if (fault_due(&block->reads, block->fail_read))
		return -EIO;
	memcpy(out, block->data + offset_bytes, size_bytes);
	return 0;
}

static int block_write(void *dev, uint64_t offset_bytes, const void *data, size_t size_bytes)
{
	struct lab_block *block = dev;
	const uint8_t *bytes = data;

	if (fault_due(&block->writes, block->fail_write))
		return -EIO;
	block->unflushed++;
	if (offset_bytes < OTA_SLOT_HEADER_BYTES || offset_bytes + size_bytes > block->size_bytes) {
		block->bad_writes++;
		return -EINVAL;
	}
	for (size_t i = 0; i < size_bytes; i++) {
		uint64_t at = offset_bytes + i;

		if (bytes[i] != (at < block->expected_bytes ? block->expected[at] : 0)) {
			block->bad_writes++;
			break;
		}
	}
	memcpy(block->data + offset_bytes, data, size_bytes);
	return 0;
}

static int block_flush(void *dev)
{
	struct lab_block *block = dev;

	if (fault_due(&block->flushes, block->fail_flush))
		return -EIO;
	block->unflushed = 0;
	return 0;
}

static const struct ota_block_ops block_ops = {block_read, block_read, block_write, block_flush};

static int send_piece(struct lab_net *net, const struct ota_fetch_request *request, const uint8_t *data, uint64_t at,
		      size_t size_bytes)
{
	uint8_t *copy = malloc(size_bytes);
	int result;

	cr_assert(copy);
	memcpy(copy, data + at, size_bytes);
	if (net->corruptions_left > 0 && net->corrupt_at >= at && net->corrupt_at < at + size_bytes) {
		copy[net->corrupt_at - at] ^= 0x10;
		net->corruptions_left--;
	}
	net->bytes_sent += size_bytes;
	result = request->body(request->ctx, copy, size_bytes);
	free(copy);
	return result;
}

static int net_refuse(struct lab_net *net, const struct ota_fetch_request *request)
{
	struct ota_fetch_answer answer = {
	    .status = net->refuse_status, .total_bytes = UINT64_MAX, .retry_after_s = net->retry_after_s};

	net->refusals_left--;
	if (net->refuse_status != 0 && request->head)
		(void)request->head(request->ctx, &answer);
	return net->refuse;
}

static int net_get(void *ctx, const struct ota_fetch_request *request)
{
	struct lab_net *net = ctx;
	struct ota_fetch_answer answer = {.status = 206};
	bool changed = net->change_request != 0 && ++net->requests >= net->change_request;
	const uint8_t *data = changed ? net->other : net->data;
	const char *etag = changed ? net->other_etag : net->etag;
	uint64_t total = changed ? net->other_bytes : net->size_bytes, at = request->offset_bytes, end = total;
	size_t budget = net->cut_bytes > 0 && net->cuts_left > 0 ? net->cut_bytes : SIZE_MAX;
	int result;

	if (net->change_request == 0)
		net->requests++;
	net->last_offset = at;
	if (net->refuse != 0 && net->refusals_left > 0)
		return net_refuse(net, request);
	if (request->if_none_match && etag && strcmp(request->if_none_match, etag) == 0)
		return OTA_NOTHING_TO_DO;
	if (at > 0 && (at >= total || (request->if_range && request->if_range[0] != '\0' &&
				       (!etag || strcmp(etag, request->if_range) != 0))))
		return OTA_HTTP_RANGE;
	if (request->length_bytes > 0 && end - at > request->length_bytes)
		end = at + request->length_bytes;
	answer.total_bytes = net->no_total ? UINT64_MAX : total;
	snprintf(answer.etag, sizeof(answer.etag), "%s", etag ? etag : "");
	result = request->head ? request->head(request->ctx, &answer) : 0;
	while (result == 0 && at < end) {
		size_t piece = end - at < net->piece_bytes ? (size_t)(end - at) : net->piece_bytes;

		piece = piece < budget ? piece : budget;
		if (piece == 0) {
			net->cuts_left -= net->cuts_left != UINT32_MAX;
			return net->cut_reason;
		}
		result = send_piece(net, request, data, at, piece);
		at += piece;
		budget -= budget == SIZE_MAX ? 0 : piece;
	}
	return result;
}

static const struct ota_fetch_ops net_ops = {.get = net_get};

static int64_t clock_realtime(void *clock)
{
	(void)clock;
	return TEST_PKI_NOW_S;
}

static int64_t clock_monotonic(void *ctx)
{
	struct lab_clock *clock = ctx;

	clock->now_ms += clock->step_ms;
	return clock->now_ms;
}

static int clock_sleep(void *ctx, uint32_t ms)
{
	struct lab_clock *clock = ctx;

	clock->sleeps++;
	clock->longest_ms = ms > clock->longest_ms ? ms : clock->longest_ms;
	clock->now_ms += ms;
	return clock->sleep_says;
}

static const struct ota_clock_ops clock_ops = {clock_realtime, clock_monotonic, clock_sleep};

static int on_checkpoint(void *ctx, uint32_t chunks_done)
{
	struct lab *lab = ctx;

	for (unsigned i = 0; i < lab->spec.image_count; i++)
		if (lab->target[i].unflushed > 0)
			lab->checkpoints_unflushed++;
	cr_assert_lt(lab->checkpoint_count, 4096);
	lab->checkpoints[lab->checkpoint_count++] = chunks_done;
	return lab->checkpoint_fails > 0 && lab->checkpoint_count >= lab->checkpoint_fails ? lab->checkpoint_says : 0;
}

static void fill_image(uint8_t *data, size_t size_bytes, uint32_t seed)
{
	for (size_t i = 0; i < size_bytes; i++) {
		seed = seed * 1664525u + 1013904223u;
		data[i] = (i / 2048) % 2 == 0 ? (uint8_t)(seed >> 24) : (uint8_t)("some text, again "[i % 17]);
	}
}

static uint64_t block_size(const struct lab *lab, unsigned i)
{
	uint64_t size = lab->spec.image_bytes[i];

	return (size + 4095) / 4096 * 4096 + 8192;
}

static void init_slot(struct lab *lab, struct ota_slot *slot, struct lab_block *blocks, const char *bootname)
{
	snprintf(slot->bootname, sizeof(slot->bootname), "%s", bootname);
	slot->image_count = lab->spec.image_count;
	for (unsigned i = 0; i < slot->image_count; i++) {
		blocks[i].size_bytes = block_size(lab, i);
		blocks[i].data = calloc(1, blocks[i].size_bytes);
		cr_assert(blocks[i].data);
		snprintf(slot->images[i].name, sizeof(slot->images[i].name), "%s", names[i]);
		slot->images[i].block =
		    (struct ota_block){&block_ops, &blocks[i], blocks[i].size_bytes, lab->spec.block_bytes, names[i]};
	}
}

struct lab *lab_new(const struct lab_spec *spec)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	cr_assert(lab);
	lab->spec = *spec;
	cr_assert_eq(test_pki_make_pair(TEST_PKI_P256, &lab->root, &lab->signer), 0);
	cr_assert_eq(ota_keyring_new(lab->root.certificate_pem, NULL, &lab->keyring), 0);
	for (unsigned i = 0; i < spec->image_count; i++) {
		lab->images[i] = malloc(spec->image_bytes[i]);
		lab->old_images[i] = malloc(spec->image_bytes[i]);
		cr_assert(lab->images[i] && lab->old_images[i]);
		fill_image(lab->images[i], spec->image_bytes[i], 7 + i);
		memcpy(lab->old_images[i], lab->images[i], spec->image_bytes[i]);
	}
	init_slot(lab, &lab->target_slot, lab->target, "B");
	init_slot(lab, &lab->running_slot, lab->running, "A");
	for (unsigned i = 0; i < spec->image_count; i++) {
		lab->target[i].expected = lab->images[i];
		lab->target[i].expected_bytes = spec->image_bytes[i];
	}
	return lab;
}

void lab_age(struct lab *lab, unsigned image, uint32_t chunk)
{
	lab->old_images[image][(size_t)chunk * lab->spec.chunk_bytes] ^= 0x55;
}

static struct ota_head *publish_bundle(struct lab *lab, uint8_t *const *images, uint64_t sequence, uint8_t **bundle,
				       size_t *bundle_bytes)
{
	struct ota_manifest manifest = {.compatible = "lab", .version = "2", .sequence = sequence, .created_s = 1};
	struct ota_bundle_blob blobs[LAB_IMAGES_MAX];
	struct ota_bundle_header header;
	struct ota_head *head;
	char detail[160] = "";

	manifest.chunk_bytes = lab->spec.chunk_bytes;
	for (unsigned i = 0; i < lab->spec.image_count; i++)
		blobs[i] = (struct ota_bundle_blob){names[i], images[i], lab->spec.image_bytes[i]};
	cr_assert_eq(ota_bundle_build(&manifest, blobs, lab->spec.image_count, lab->signer.certificate_pem,
				      lab->signer.key_pem, lab->spec.zstd_level, bundle, bundle_bytes, detail,
				      sizeof(detail)),
		     0, "%s", detail);
	cr_assert_eq(ota_bundle_header_parse(*bundle, &header), 0);
	cr_assert_eq(ota_head_open(*bundle, ota_bundle_head_bytes(&header), lab->keyring, TEST_PKI_NOW_S, &head, detail,
				   sizeof(detail)),
		     0, "%s", detail);
	return head;
}

void lab_publish(struct lab *lab)
{
	uint8_t *old_bundle;
	size_t old_bytes;

	lab->head = publish_bundle(lab, lab->images, 2, &lab->bundle, &lab->bundle_bytes);
	lab->running_head = publish_bundle(lab, lab->old_images, 1, &old_bundle, &old_bytes);
	free(old_bundle);
	for (unsigned i = 0; i < lab->spec.image_count; i++)
		memcpy(lab->running[i].data, lab->old_images[i], lab->spec.image_bytes[i]);
	lab_reset(lab);
}

void lab_reset(struct lab *lab)
{
	for (unsigned i = 0; i < lab->spec.image_count; i++) {
		struct lab_block *block = &lab->target[i];

		*block = (struct lab_block){.data = block->data,
					    .size_bytes = block->size_bytes,
					    .expected = block->expected,
					    .expected_bytes = block->expected_bytes};
		memset(block->data, 0xee, block->size_bytes);
		block = &lab->running[i];
		*block = (struct lab_block){.data = block->data, .size_bytes = block->size_bytes};
	}
	lab->net = (struct lab_net){.data = lab->bundle,
				    .size_bytes = lab->bundle_bytes,
				    .etag = "\"one\"",
				    .piece_bytes = 1460,
				    .cuts_left = UINT32_MAX,
				    .refusals_left = UINT32_MAX};
	lab->clock = (struct lab_clock){.now_ms = 1000};
	lab->ota =
	    (struct ota){.policy = {.pipeline = lab->spec.pipeline, .reuse = lab->spec.reuse, .device_id = "lab-1"}};
	lab->ota.fetch = (struct ota_fetch){&net_ops, &lab->net};
	lab->ota.files = (struct ota_fetch){&net_ops, &lab->net};
	lab->ota.clock = (struct ota_clock){&clock_ops, &lab->clock};
	lab->checkpoint_count = lab->checkpoints_unflushed = lab->checkpoint_fails = 0;
	lab->stream = (struct ota_stream){.ota = &lab->ota,
					  .head = lab->head,
					  .target = &lab->target_slot,
					  .running = &lab->running_slot,
					  .running_head = lab->spec.reuse ? lab->running_head : NULL,
					  .source = "https://lab/update",
					  .etag = "\"one\"",
					  .checkpoint_bytes = lab->spec.checkpoint_bytes,
					  .checkpoint = on_checkpoint,
					  .checkpoint_ctx = lab};
}

void lab_preload(struct lab *lab, uint32_t first_chunk)
{
	const struct ota_manifest *manifest = ota_head_manifest(lab->head);

	for (unsigned i = 0; i < manifest->image_count; i++) {
		const struct ota_manifest_image *image = &manifest->images[i];
		uint64_t done = first_chunk <= image->first_chunk
				    ? 0
				    : (uint64_t)(first_chunk - image->first_chunk) * manifest->chunk_bytes;

		done = done < image->size_bytes ? done : image->size_bytes;
		memcpy(lab->target[i].data, lab->images[i], done);
		if (done == image->size_bytes) /* the rest of the last block was written as zeros */
			memset(lab->target[i].data + done, 0, (0 - done) % lab->spec.block_bytes);
		memset(lab->target[i].data, 0, OTA_SLOT_HEADER_BYTES);
	}
}

int lab_run(struct lab *lab, uint32_t first_chunk)
{
	lab->stream.first_chunk = first_chunk;
	return ota_stream_run(&lab->stream);
}

void lab_check_clean(const struct lab *lab, const char *what)
{
	for (unsigned i = 0; i < lab->spec.image_count; i++)
		cr_assert_eq(lab->target[i].bad_writes, 0, "%s: image %u: %u bad writes", what, i,
			     lab->target[i].bad_writes);
	cr_assert_eq(lab->checkpoints_unflushed, 0, "%s: checkpoint before flush", what);
	for (unsigned i = 0; i < lab->checkpoint_count; i++) {
		cr_assert_gt(lab->checkpoints[i], i > 0 ? lab->checkpoints[i - 1] : lab->stream.first_chunk, "%s",
			     what);
		cr_assert_lt(lab->checkpoints[i], ota_head_chunks(lab->head), "%s", what);
	}
}

void lab_check_whole(const struct lab *lab, const char *what)
{
	lab_check_clean(lab, what);
	for (unsigned i = 0; i < lab->spec.image_count; i++) {
		size_t size = lab->spec.image_bytes[i];
		size_t head = size < OTA_SLOT_HEADER_BYTES ? size : OTA_SLOT_HEADER_BYTES;

		cr_assert(lab->stream.header_known[i], "%s: image %u: no header", what, i);
		cr_assert(memcmp(lab->stream.header[i], lab->images[i], head) == 0, "%s: image %u: header", what, i);
		for (size_t k = head; k < OTA_SLOT_HEADER_BYTES; k++)
			cr_assert_eq(lab->stream.header[i][k], 0, "%s: image %u: header's rest", what, i);
		cr_assert(memcmp(lab->target[i].data + head, lab->images[i] + head, size - head) == 0,
			  "%s: image %u: content", what, i);
		for (size_t k = size; size > head && k % lab->spec.block_bytes != 0; k++)
			cr_assert_eq(lab->target[i].data[k], 0, "%s: image %u: padding", what, i);
	}
}

void lab_free(struct lab *lab)
{
	for (unsigned i = 0; i < lab->spec.image_count; i++) {
		free(lab->images[i]);
		free(lab->old_images[i]);
		free(lab->target[i].data);
		free(lab->running[i].data);
	}
	ota_head_free(lab->head);
	ota_head_free(lab->running_head);
	free(lab->bundle);
	ota_keyring_free(lab->keyring);
	test_pki_free(&lab->root);
	test_pki_free(&lab->signer);
	free(lab);
}
