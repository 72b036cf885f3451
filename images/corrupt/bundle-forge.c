/* SPDX-License-Identifier: Apache-2.0 */
/* What all cases share: keys, versions, good bundles, and a device that was updated before. */
#include "corrupt/bundle-forge.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ota/bundle.h"

#define ROOTFS_BYTES (20u * 1024u + 1024u)
#define KERNEL_BYTES 4608u
#define ZSTD_LEVEL   3
#define MMAP_BYTES   (64 * 1024)

uint64_t yp_forge_random(uint64_t *state)
{
	/* splitmix64, Steele, Lea and Flood 2014. */
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Every third chunk is noise, which is stored raw; every fourth is the same in all versions, for reuse; one is zeros.
 */
static int image_make(uint64_t seed, unsigned version, char class, size_t size, struct bytes *out)
{
	*out = (struct bytes){calloc(1, size), size};
	if (!out->data)
		return -ENOMEM;
	for (size_t at = 0; at < size; at += 512) {
		size_t chunk = at / YP_FORGE_CHUNK_BYTES;
		unsigned shown = class == 'r' && chunk < 2 ? 0 : version;
		uint64_t state = seed ^ (uint64_t)shown << 56 ^ (uint64_t) class << 48 ^ at;
		if (chunk == 4)
			continue;
		for (size_t i = 0; chunk % 3 == 2 && i < 512; i += 8) {
			uint64_t noise = yp_forge_random(&state);
			memcpy(out->data + at + i, &noise, 8);
		}
		if (chunk % 3 != 2)
			(void)snprintf((char *)out->data + at, 64, "%c version %u sector %zu", class, shown, at / 512);
	}
	return 0;
}

static int bundle_make(const struct yp_forge *forge, const struct yp_forge_images *images, unsigned version,
		       struct bytes *out)
{
	static const uint64_t sequences[YP_FORGE_VERSIONS] = {5, YP_FORGE_FLOOR, YP_FORGE_SEQUENCE, 30};
	char detail[160] = "";
	struct ota_manifest manifest = {.sequence = sequences[version],
					.created_s = YP_FORGE_NOW_S - 1000,
					.expires_s = YP_FORGE_NOW_S + 30 * 86400,
					.chunk_bytes = YP_FORGE_CHUNK_BYTES,
					.compatible = "corrupt-board",
					.hardware = "rev-a,rev-b",
					.channel = "stable",
					.devices = "unit-7,unit-9"};
	(void)snprintf(manifest.version, sizeof manifest.version, "%u.0", version);
	const struct ota_bundle_blob blobs[] = {{"rootfs", images->rootfs.data, images->rootfs.size},
						{"kernel", images->kernel.data, images->kernel.size}};
	return ota_bundle_build(&manifest, blobs, 2, forge->signer.certificate_pem, forge->signer.key_pem, ZSTD_LEVEL,
				&out->data, &out->size, detail, sizeof detail);
}

/* Installs a version, boots and commits it, as on a real device. */
static int site_install(struct yp_forge_site *site, unsigned version)
{
	struct ota_result result;
	site->device->server =
	    (struct device_server){.bundle = site->bundles[version].data, .size_bytes = site->bundles[version].size};
	int r = ota_install(&site->device->ota, DEVICE_SOURCE, 0, &result);
	return r ? r : device_boot(site->device, &result);
}

static int site_init(const struct yp_forge *forge, struct yp_forge_site *site, uint32_t medium_bytes,
		     size_t rootfs_bytes)
{
	int r = device_new(medium_bytes, forge->keyring, &site->device);
	for (unsigned i = 0; r == 0 && i < YP_FORGE_VERSIONS; i++) {
		r = image_make(forge->seed, i, 'r', rootfs_bytes, &site->images[i].rootfs);
		if (r == 0)
			r = image_make(forge->seed, i, 'k', KERNEL_BYTES, &site->images[i].kernel);
		if (r == 0)
			r = bundle_make(forge, &site->images[i], i, &site->bundles[i]);
	}
	if (r)
		return r;
	if (!layout_read(site->bundles[2].data, site->bundles[2].size, &site->layout))
		return -EPROTO;
	device_reset(site->device, NULL, &forge->policy, forge->keyring, YP_FORGE_NOW_S);
	r = site_install(site, 0);
	if (r == 0)
		r = site_install(site, 1);
	if (r)
		return r;
	site->saved = malloc(site->device->arena_bytes);
	if (!site->saved)
		return -ENOMEM;
	memcpy(site->saved, site->device->arena, site->device->arena_bytes);
	return strcmp(site->device->booted, "A") == 0 ? 0 : -EPROTO;
}

static void site_deinit(struct yp_forge_site *site)
{
	for (unsigned i = 0; i < YP_FORGE_VERSIONS; i++) {
		bytes_free(&site->images[i].rootfs);
		bytes_free(&site->images[i].kernel);
		bytes_free(&site->bundles[i]);
	}
	free(site->saved);
	device_free(site->device);
}

int yp_forge_wide(struct yp_forge *forge)
{
	return forge->wide.saved ? 0 : site_init(forge, &forge->wide, YP_FORGE_WIDE_BYTES, 4u * 1024u * 1024u - 512u);
}

static int honest_measure(struct yp_forge *forge)
{
	struct ota_result result;
	struct device *device = forge->site.device;
	device_reset(device, forge->site.saved, &forge->policy, forge->keyring, YP_FORGE_NOW_S);
	int r = site_install(&forge->site, 2);
	forge->honest_bytes = device->served_bytes;
	if (r == 0)
		r = device_boot(device, &result);
	return r;
}

int yp_forge_new(uint64_t seed, struct yp_forge **out)
{
	struct yp_forge *forge = calloc(1, sizeof *forge);
	*out = NULL;
	if (!forge)
		return -ENOMEM;
	/* Otherwise glibc would keep the memory of a large bundle, and the bound on memory would not work. */
	(void)mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
	forge->seed = seed;
	forge->policy = (struct ota_policy){.compatible = "corrupt-board",
					    .hardware = "rev-b",
					    .channel = "stable",
					    .device_id = "unit-7",
					    .update_url = DEVICE_SOURCE,
					    .report_url = "https://updates.example/report",
					    .boot_attempts = 3,
					    .checkpoint_bytes = 16384,
					    .fetch_attempts = 2,
					    .retry_delay_ms = 1};
	/* RSA: signatures have a fixed length, so that an id always names the same place. */
	int r = test_pki_make_pair(TEST_PKI_RSA_2048, &forge->root, &forge->signer) ? -EPROTO : 0;
	if (r == 0)
		r = ota_keyring_new(forge->root.certificate_pem, NULL, &forge->keyring);
	if (r == 0)
		r = site_init(forge, &forge->site, YP_FORGE_ROOTFS_BYTES, ROOTFS_BYTES);
	if (r == 0)
		r = honest_measure(forge);
	if (r) {
		yp_forge_free(forge);
		return r;
	}
	*out = forge;
	return 0;
}

void yp_forge_free(struct yp_forge *forge)
{
	if (!forge)
		return;
	site_deinit(&forge->site);
	site_deinit(&forge->wide);
	ota_keyring_free(forge->keyring);
	test_pki_free(&forge->root);
	test_pki_free(&forge->signer);
	free(forge);
}

uint64_t yp_corrupt_honest_bytes(const struct yp_forge *forge)
{
	return forge->honest_bytes;
}

int yp_forge_manifest(const struct yp_forge *forge, struct bytes *out)
{
	return bytes_copy(out, forge->site.bundles[2].data + LAYOUT_HEADER_BYTES, forge->site.layout.manifest_bytes);
}

int yp_forge_index(const struct yp_forge *forge, struct bytes *out)
{
	return bytes_copy(out, forge->site.bundles[2].data + forge->site.layout.index, forge->site.layout.index_bytes);
}

struct bytes yp_forge_payload(const struct yp_forge *forge)
{
	const struct layout *layout = &forge->site.layout;
	return (struct bytes){forge->site.bundles[2].data + layout->payload, layout->size - layout->payload};
}

static void header_write(uint8_t *raw, size_t manifest_bytes, size_t index_bytes, size_t signature_bytes)
{
	static const uint8_t magic[8] = {'O', 'T', 'A', 'B', 'N', 'D', 'L', '\n'};
	memset(raw, 0, LAYOUT_HEADER_BYTES);
	memcpy(raw, magic, sizeof magic);
	layout_put(raw + LAYOUT_FORMAT, 1);
	layout_put(raw + LAYOUT_MANIFEST_BYTES, (uint32_t)manifest_bytes);
	layout_put(raw + LAYOUT_INDEX_BYTES, (uint32_t)index_bytes);
	layout_put(raw + LAYOUT_SIGNATURE_BYTES, (uint32_t)signature_bytes);
}

static uint8_t *append_part(uint8_t *at, const struct bytes *part)
{
	if (part->size > 0)
		memcpy(at, part->data, part->size);
	return at + part->size;
}

int yp_forge_signed_bytes(const struct bytes *manifest, const struct bytes *index, struct bytes *out)
{
	uint8_t header[LAYOUT_HEADER_BYTES];
	*out = (struct bytes){malloc(LAYOUT_SIGNED_BYTES + manifest->size + index->size),
			      LAYOUT_SIGNED_BYTES + manifest->size + index->size};
	if (!out->data)
		return -ENOMEM;
	header_write(header, manifest->size, index->size, 0);
	memcpy(out->data, header, LAYOUT_SIGNED_BYTES);
	(void)append_part(append_part(out->data + LAYOUT_SIGNED_BYTES, manifest), index);
	return 0;
}

int yp_forge_assemble(const struct bytes *manifest, const struct bytes *index, const struct bytes *signature,
		      const struct bytes *payload, struct bytes *out)
{
	size_t size = LAYOUT_HEADER_BYTES + manifest->size + index->size + signature->size + payload->size;
	*out = (struct bytes){malloc(size), size};
	if (!out->data)
		return -ENOMEM;
	header_write(out->data, manifest->size, index->size, signature->size);
	(void)append_part(
	    append_part(append_part(append_part(out->data + LAYOUT_HEADER_BYTES, manifest), index), signature),
	    payload);
	return 0;
}

int yp_forge_seal(const struct yp_forge *forge, const struct bytes *manifest, const struct bytes *index,
		  const struct bytes *payload, struct bytes *out)
{
	char detail[160];
	struct bytes content;
	struct bytes signature = {0};
	int r = yp_forge_signed_bytes(manifest, index, &content);
	if (r)
		return r;
	r = ota_keyring_sign(forge->signer.certificate_pem, forge->signer.key_pem, content.data, content.size,
			     &signature.data, &signature.size, detail, sizeof detail);
	if (r == 0)
		r = yp_forge_assemble(manifest, index, &signature, payload, out);
	bytes_free(&signature);
	bytes_free(&content);
	return r;
}

size_t yp_forge_content_bytes(const struct yp_forge_site *site, uint32_t chunk)
{
	const struct bytes *images[] = {&site->images[2].rootfs, &site->images[2].kernel};
	for (unsigned i = 0; i < 2; i++) {
		uint32_t chunks = (uint32_t)((images[i]->size + YP_FORGE_CHUNK_BYTES - 1) / YP_FORGE_CHUNK_BYTES);
		if (chunk < chunks) {
			size_t left = images[i]->size - (size_t)chunk * YP_FORGE_CHUNK_BYTES;
			return left < YP_FORGE_CHUNK_BYTES ? left : YP_FORGE_CHUNK_BYTES;
		}
		chunk -= chunks;
	}
	return 0;
}

void yp_forge_offer_free(struct offer *offer)
{
	bytes_free(&offer->raw);
	bytes_free(&offer->later);
	ota_keyring_free(offer->keyring);
	offer->keyring = NULL;
}
