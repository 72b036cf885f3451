/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a slot holds, read and written: descriptor, head, images, header blocks and the stash.
 *
 * The descriptor block: magic "OTASLOT\n", u32 schema, u32 images, u64 sequence, version[64], digest[32], u32
 * head_bytes, u32 zero, then for each image name[32], u64 size, sha256[32]; zeros; SHA-256 over all before it in the
 * last 32 bytes.
 */
#include "store/slot-io.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/number-bytes.h"
#include "base/sha256.h"
#include "ota/reason.h"

#define DESCRIPTOR_SCHEMA    1u
#define DESCRIPTOR_SUM_AT    (OTA_SLOT_DESCRIPTOR_BYTES - 32u)
#define DESCRIPTOR_IMAGES_AT 128u
#define DESCRIPTOR_IMAGE     (OTA_NAME_MAX + 8u + OTA_DIGEST_BYTES)
#define STASH_BYTES          (OTA_IMAGES_MAX * OTA_SLOT_HEADER_BYTES)

static const uint8_t descriptor_magic[8] = {'O', 'T', 'A', 'S', 'L', 'O', 'T', '\n'};

static size_t smaller_size(uint64_t a, uint64_t b)
{
	return (size_t)(a < b ? a : b);
}

/* Only the first block of an image is its header: a smaller image has a smaller one on the medium. */
static size_t header_bytes(const struct ota_block *block)
{
	return smaller_size(OTA_SLOT_HEADER_BYTES, block->size_bytes);
}

const struct ota_slot_image *ota_slot_image(const struct ota_slot *slot, const char *name)
{
	for (unsigned i = 0; i < slot->image_count; i++)
		if (strcmp(slot->images[i].name, name) == 0)
			return &slot->images[i];
	return NULL;
}

/* The medium that has the tail, and where it begins; NULL for a slot that cannot have one. */
static const struct ota_block *slot_tail(const struct ota_slot *slot, uint64_t *at)
{
	const struct ota_slot_image *rootfs = ota_slot_image(slot, "rootfs");
	if (!rootfs || slot->tail_bytes < OTA_SLOT_DESCRIPTOR_BYTES ||
	    rootfs->block.size_bytes < slot->tail_bytes + OTA_SLOT_HEADER_BYTES)
		return NULL;
	*at = rootfs->block.size_bytes - slot->tail_bytes;
	return &rootfs->block;
}

uint64_t ota_slot_capacity(const struct ota_slot *slot, const struct ota_slot_image *image)
{
	if (strcmp(image->name, "rootfs") != 0)
		return image->block.size_bytes;
	return image->block.size_bytes < slot->tail_bytes ? 0 : image->block.size_bytes - slot->tail_bytes;
}

bool ota_slot_has_stash(const struct ota_slot *slot)
{
	return slot->tail_bytes >= OTA_SLOT_STASH_TAIL_BYTES;
}

static uint32_t head_room(const struct ota_slot *slot)
{
	return slot->tail_bytes - OTA_SLOT_DESCRIPTOR_BYTES - (ota_slot_has_stash(slot) ? STASH_BYTES : 0);
}

void ota_slot_content_of(const struct ota_slot *slot, const struct ota_head *head, struct ota_slot_content *out)
{
	const struct ota_manifest *manifest = ota_head_manifest(head);
	memset(out, 0, sizeof *out);
	out->descriptor.sequence = manifest->sequence;
	memcpy(out->descriptor.version, manifest->version, sizeof out->descriptor.version);
	memcpy(out->descriptor.digest, ota_head_digest(head), OTA_DIGEST_BYTES);
	/* A head that does not fit is left out: the slot can be booted and described, only not reused chunk by chunk.
	 */
	out->descriptor.head_bytes = ota_head_bytes(head) <= head_room(slot) ? (uint32_t)ota_head_bytes(head) : 0;
	out->image_count = manifest->image_count;
	for (unsigned i = 0; i < manifest->image_count; i++) {
		memcpy(out->images[i].name, manifest->images[i].name, OTA_NAME_MAX);
		out->images[i].size_bytes = manifest->images[i].size_bytes;
		memcpy(out->images[i].sha256, manifest->images[i].sha256, OTA_DIGEST_BYTES);
	}
}

static void content_encode(const struct ota_slot_content *content, uint8_t out[OTA_SLOT_DESCRIPTOR_BYTES])
{
	assert(content->image_count <= OTA_IMAGES_MAX);
	memset(out, 0, OTA_SLOT_DESCRIPTOR_BYTES);
	memcpy(out, descriptor_magic, sizeof descriptor_magic);
	ota_number_put(out + 8, DESCRIPTOR_SCHEMA, 4);
	ota_number_put(out + 12, content->image_count, 4);
	ota_number_put(out + 16, content->descriptor.sequence, 8);
	memcpy(out + 24, content->descriptor.version, strnlen(content->descriptor.version, OTA_VERSION_MAX - 1));
	memcpy(out + 88, content->descriptor.digest, OTA_DIGEST_BYTES);
	ota_number_put(out + 120, content->descriptor.head_bytes, 4);
	for (unsigned i = 0; i < content->image_count; i++) {
		uint8_t *at = out + DESCRIPTOR_IMAGES_AT + i * DESCRIPTOR_IMAGE;
		memcpy(at, content->images[i].name, strnlen(content->images[i].name, OTA_NAME_MAX - 1));
		ota_number_put(at + OTA_NAME_MAX, content->images[i].size_bytes, 8);
		memcpy(at + OTA_NAME_MAX + 8, content->images[i].sha256, OTA_DIGEST_BYTES);
	}
	ota_hash_once(out, DESCRIPTOR_SUM_AT, out + DESCRIPTOR_SUM_AT);
}

static int content_decode(const uint8_t raw[OTA_SLOT_DESCRIPTOR_BYTES], const struct ota_slot *slot,
			  struct ota_slot_content *out)
{
	uint8_t sum[OTA_DIGEST_BYTES];
	memset(out, 0, sizeof *out);
	if (memcmp(raw, descriptor_magic, sizeof descriptor_magic) != 0)
		return OTA_NOTHING_TO_DO;
	ota_hash_once(raw, DESCRIPTOR_SUM_AT, sum);
	if (memcmp(sum, raw + DESCRIPTOR_SUM_AT, sizeof sum) != 0)
		return OTA_NOTHING_TO_DO;
	uint64_t images = ota_number_get(raw + 12, 4);
	uint64_t head = ota_number_get(raw + 120, 4);
	if (ota_number_get(raw + 8, 4) != DESCRIPTOR_SCHEMA || images > OTA_IMAGES_MAX || head > head_room(slot) ||
	    raw[24 + OTA_VERSION_MAX - 1] != 0)
		return OTA_NOTHING_TO_DO;
	out->descriptor.sequence = ota_number_get(raw + 16, 8);
	memcpy(out->descriptor.version, raw + 24, OTA_VERSION_MAX);
	memcpy(out->descriptor.digest, raw + 88, OTA_DIGEST_BYTES);
	out->descriptor.head_bytes = (uint32_t)head;
	out->image_count = (unsigned)images;
	for (unsigned i = 0; i < out->image_count; i++) {
		const uint8_t *at = raw + DESCRIPTOR_IMAGES_AT + i * DESCRIPTOR_IMAGE;
		memcpy(out->images[i].name, at, OTA_NAME_MAX - 1);
		out->images[i].size_bytes = ota_number_get(at + OTA_NAME_MAX, 8);
		memcpy(out->images[i].sha256, at + OTA_NAME_MAX + 8, OTA_DIGEST_BYTES);
	}
	return 0;
}

int ota_slot_content_read(const struct ota_slot *slot, struct ota_slot_content *out)
{
	uint8_t raw[OTA_SLOT_DESCRIPTOR_BYTES];
	uint64_t at;
	const struct ota_block *block = slot_tail(slot, &at);
	memset(out, 0, sizeof *out);
	if (!block)
		return OTA_NOTHING_TO_DO;
	int r = block->ops->read(block->dev, at, raw, sizeof raw);
	return r < 0 ? r : content_decode(raw, slot, out);
}

int ota_slot_describe(const struct ota_slot *slot, struct ota_slot_descriptor *out)
{
	struct ota_slot_content content;
	int r = ota_slot_content_read(slot, &content);
	*out = content.descriptor;
	return r;
}

int ota_slot_head_read(const struct ota_slot *slot, uint8_t **out, size_t *out_bytes)
{
	struct ota_slot_content content;
	uint64_t at;
	const struct ota_block *block = slot_tail(slot, &at);
	*out = NULL;
	int r = ota_slot_content_read(slot, &content);
	if (r)
		return r;
	if (!block || content.descriptor.head_bytes == 0)
		return OTA_NOTHING_TO_DO;
	size_t padded =
	    ((size_t)content.descriptor.head_bytes + block->block_bytes - 1) & ~((size_t)block->block_bytes - 1);
	uint8_t *raw = malloc(padded);
	if (!raw)
		return -ENOMEM;
	r = block->ops->read(block->dev, at + OTA_SLOT_DESCRIPTOR_BYTES, raw, padded);
	if (r < 0) {
		free(raw);
		return r;
	}
	*out = raw;
	*out_bytes = content.descriptor.head_bytes;
	return 0;
}

int ota_slot_flush(const struct ota_slot *slot)
{
	for (unsigned i = 0; i < slot->image_count; i++) {
		const struct ota_block *block = &slot->images[i].block;
		int r = block->ops->flush(block->dev);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_zero(const uint8_t *data, size_t size_bytes)
{
	return size_bytes == 0 || (data[0] == 0 && memcmp(data, data + 1, size_bytes - 1) == 0);
}

/* Zeroes one block unless it is zero on the medium. The read is uncached: a cache may hold zeros that were never
 * flushed. Sectors that cannot be read are written. */
static int block_zero(const struct ota_block *block, uint64_t at, size_t size_bytes)
{
	uint8_t data[OTA_SLOT_HEADER_BYTES];
	if (block->ops->read_uncached(block->dev, at, data, size_bytes) == 0 && is_zero(data, size_bytes))
		return 0;
	memset(data, 0, sizeof data);
	return block->ops->write(block->dev, at, data, size_bytes);
}

int ota_slot_clear(const struct ota_slot *slot)
{
	uint64_t at;
	const struct ota_block *tail = slot_tail(slot, &at);
	int r = tail ? block_zero(tail, at, OTA_SLOT_DESCRIPTOR_BYTES) : 0;
	for (unsigned i = 0; r == 0 && i < slot->image_count; i++)
		r = block_zero(&slot->images[i].block, 0, header_bytes(&slot->images[i].block));
	/* Flushed before the first chunk is written: else a cut could keep an old header block before a new body, and
	 * the bootloader, its bar lost with its environment, would start that. */
	return r < 0 ? r : ota_slot_flush(slot);
}

/* Hashes [from, to) of a block as the medium holds it; `to` may lie inside a block. */
static int block_hash(const struct ota_block *block, uint64_t from, uint64_t to, bool uncached, uint8_t *buffer,
		      struct ota_hash *hash)
{
	uint64_t mask = block->block_bytes - 1u;
	assert(from % block->block_bytes == 0);
	while (from < to) {
		size_t wanted = smaller_size(to - from, OTA_SLOT_IO_BYTES);
		size_t padded = (size_t)((wanted + mask) & ~mask);
		int r = uncached ? block->ops->read_uncached(block->dev, from, buffer, padded)
				 : block->ops->read(block->dev, from, buffer, padded);
		if (r < 0)
			return r;
		ota_hash_update(hash, buffer, wanted);
		from += wanted;
	}
	return 0;
}

int ota_slot_verify(const struct ota_slot *slot, const struct ota_slot_content *content,
		    const uint8_t (*header)[OTA_SLOT_HEADER_BYTES])
{
	uint8_t *buffer = malloc(OTA_SLOT_IO_BYTES);
	if (!buffer)
		return -ENOMEM;
	int r = 0;
	for (unsigned i = 0; r == 0 && i < content->image_count; i++) {
		const struct ota_slot_image *image = ota_slot_image(slot, content->images[i].name);
		uint64_t size = content->images[i].size_bytes;
		uint8_t sum[OTA_DIGEST_BYTES];
		struct ota_hash hash;
		if (!image || size > ota_slot_capacity(slot, image)) {
			r = OTA_READ_BACK;
			break;
		}
		ota_hash_init(&hash);
		if (header)
			ota_hash_update(&hash, header[i], smaller_size(size, OTA_SLOT_HEADER_BYTES));
		r = block_hash(&image->block, header ? OTA_SLOT_HEADER_BYTES : 0, size, true, buffer, &hash);
		ota_hash_final(&hash, sum);
		if (r == 0 && memcmp(sum, content->images[i].sha256, sizeof sum) != 0)
			r = OTA_READ_BACK;
	}
	free(buffer);
	return r;
}

/* Writes, flushes and reads back uncached. The medium's answer counts, not the cache's. */
static int block_put(const struct ota_block *block, uint64_t at, const uint8_t *data, size_t size_bytes,
		     uint8_t *buffer)
{
	int r = block->ops->write(block->dev, at, data, size_bytes);
	if (r < 0)
		return r;
	r = block->ops->flush(block->dev);
	if (r < 0)
		return r;
	r = block->ops->read_uncached(block->dev, at, buffer, size_bytes);
	if (r < 0)
		return r;
	return memcmp(data, buffer, size_bytes) == 0 ? 0 : OTA_READ_BACK;
}

static int seal_tail(const struct ota_slot *slot, const struct ota_head *head)
{
	struct ota_slot_content content;
	uint64_t at;
	const struct ota_block *block = slot_tail(slot, &at);
	if (!block)
		return OTA_BAD_CONFIG;
	ota_slot_content_of(slot, head, &content);
	/* Descriptor and head in one write: bounded by the tail, whole blocks. */
	size_t used = OTA_SLOT_DESCRIPTOR_BYTES + content.descriptor.head_bytes;
	size_t padded = (used + block->block_bytes - 1) & ~((size_t)block->block_bytes - 1);
	uint8_t *data = calloc(2, padded);
	if (!data)
		return -ENOMEM;
	content_encode(&content, data);
	memcpy(data + OTA_SLOT_DESCRIPTOR_BYTES, ota_head_raw(head), content.descriptor.head_bytes);
	int r = block_put(block, at, data, padded, data + padded);
	free(data);
	return r;
}

/* The last write of an install. In two steps where blocks are smaller than it: a tear then leaves the first sector
 * zero, and with it nothing that a bootloader takes for an image, even one that has lost its bar together with its
 * environment. */
static int header_put(const struct ota_block *block, const uint8_t header[OTA_SLOT_HEADER_BYTES], bool in_steps)
{
	uint8_t back[OTA_SLOT_HEADER_BYTES];
	size_t size = header_bytes(block);
	size_t first = in_steps ? block->block_bytes : size;
	int r = size > first ? block_put(block, first, header + first, size - first, back) : 0;
	return r ? r : block_put(block, 0, header, first, back);
}

int ota_slot_seal(const struct ota_slot *slot, const struct ota_head *head,
		  const uint8_t (*header)[OTA_SLOT_HEADER_BYTES])
{
	const struct ota_manifest *manifest = ota_head_manifest(head);
	/* The tail is durable before any header block: whatever can be mounted also says what it is. */
	int r = seal_tail(slot, head);
	/* Then the others, then rootfs: its header block is what a bootloader looks for, so it makes the set whole.
	 * Each is flushed before the next is written, or a cut could keep rootfs' and lose a kernel's. */
	for (unsigned pass = 0; r == 0 && pass < 2; pass++) {
		for (unsigned i = 0; r == 0 && i < manifest->image_count; i++) {
			const char *name = manifest->images[i].name;
			const struct ota_slot_image *image = ota_slot_image(slot, name);
			if ((strcmp(name, "rootfs") == 0) != (pass == 1))
				continue;
			r = image ? header_put(&image->block, header[i], pass == 1) : OTA_BAD_CONFIG;
		}
	}
	return r;
}

static uint64_t stash_at(const struct ota_block *block, unsigned image)
{
	return block->size_bytes - (uint64_t)(image + 1) * OTA_SLOT_HEADER_BYTES;
}

int ota_slot_stash_put(const struct ota_slot *slot, unsigned image, const uint8_t header[OTA_SLOT_HEADER_BYTES])
{
	uint64_t at;
	const struct ota_block *block = slot_tail(slot, &at);
	if (!block || !ota_slot_has_stash(slot) || image >= OTA_IMAGES_MAX)
		return 0;
	return block->ops->write(block->dev, stash_at(block, image), header, OTA_SLOT_HEADER_BYTES);
}

int ota_slot_stash_get(const struct ota_slot *slot, const struct ota_head *head, unsigned image,
		       uint8_t header[OTA_SLOT_HEADER_BYTES])
{
	assert(image < ota_head_manifest(head)->image_count);
	uint64_t at;
	const struct ota_block *block = slot_tail(slot, &at);
	const struct ota_manifest_image *described = &ota_head_manifest(head)->images[image];
	const struct ota_slot_image *place = ota_slot_image(slot, described->name);
	struct ota_chunk chunk;
	struct ota_hash hash;
	uint8_t sum[OTA_DIGEST_BYTES];
	if (!block || !place || !ota_slot_has_stash(slot) || described->chunks == 0)
		return OTA_NOTHING_TO_DO;
	int r = block->ops->read(block->dev, stash_at(block, image), header, OTA_SLOT_HEADER_BYTES);
	if (r < 0)
		return r;
	uint8_t *buffer = malloc(OTA_SLOT_IO_BYTES);
	if (!buffer)
		return -ENOMEM;
	/* No sum of its own: the signed sum of the first chunk covers the stash and what the slot holds of that chunk.
	 */
	ota_head_chunk(head, described->first_chunk, &chunk);
	ota_hash_init(&hash);
	ota_hash_update(&hash, header, smaller_size(chunk.content_bytes, OTA_SLOT_HEADER_BYTES));
	r = block_hash(&place->block, OTA_SLOT_HEADER_BYTES, chunk.content_bytes, false, buffer, &hash);
	ota_hash_final(&hash, sum);
	free(buffer);
	if (r < 0)
		return r;
	return memcmp(sum, chunk.sha256, sizeof sum) == 0 ? 0 : OTA_NOTHING_TO_DO;
}
