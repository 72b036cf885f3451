/* SPDX-License-Identifier: Apache-2.0 */
/* The bundles that the origin serves: small, incompressible, all images different, so that every byte has to be
 * fetched. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "network/network-run.h"
#include "ota/bundle.h"

#define PEM_MAX_BYTES  65536
#define CREATED_S      1750000000 /* later than the template's certificates, earlier than any test */
#define CHUNK_BYTES    4096u
#define SIGNATURES_MAX 1000u

static char *read_text(const char *dir, const char *name)
{
	char path[YP_NETWORK_DEVICE_PATH * 2];
	char *text = calloc(1, PEM_MAX_BYTES);
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "re");
	if (file && text && fread(text, 1, PEM_MAX_BYTES - 1, file) > 0) {
		(void)fclose(file);
		return text;
	}
	if (file)
		(void)fclose(file);
	free(text);
	return NULL;
}

/* xorshift64*, Vigna: noise that does not compress. */
static void fill_image(uint8_t *data, size_t size_bytes, uint64_t seed)
{
	uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;

	for (size_t i = 0; i < size_bytes; i++) {
		x ^= x >> 12;
		x ^= x << 25;
		x ^= x >> 27;
		data[i] = (uint8_t)((x * UINT64_C(0x2545f4914f6cdd1d)) >> 56);
	}
}

static int make_one(struct yp_network *net, enum yp_network_file which, const char *version, uint64_t sequence,
		    const char *signer, char *detail, size_t detail_bytes)
{
	struct ota_manifest manifest = {.sequence = sequence, .created_s = CREATED_S, .chunk_bytes = CHUNK_BYTES};
	struct ota_bundle_blob blob = {.name = "rootfs", .size_bytes = YP_NETWORK_DEVICE_IMAGE_BYTES};
	struct yp_network_bundle *bundle = &net->bundles[which];
	uint8_t *image = malloc(YP_NETWORK_DEVICE_IMAGE_BYTES);
	char name[32];
	char *certificate, *key;
	int result;

	(void)snprintf(name, sizeof(name), "%s.pem", signer);
	certificate = read_text(net->device.zoo, name);
	(void)snprintf(name, sizeof(name), "%s.key", signer);
	key = read_text(net->device.zoo, name);
	(void)snprintf(manifest.compatible, sizeof(manifest.compatible), "yankproof-net");
	(void)snprintf(manifest.version, sizeof(manifest.version), "%s", version);
	if (!image || !certificate || !key) {
		(void)snprintf(detail, detail_bytes, "%s: no %s.pem and %s.key; make them with images/zoo.sh",
			       net->device.zoo, signer, signer);
		result = -ENOENT;
	} else {
		fill_image(image, YP_NETWORK_DEVICE_IMAGE_BYTES, sequence);
		blob.data = image;
		result = ota_bundle_build(&manifest, &blob, 1, certificate, key, 0, &bundle->data, &bundle->size_bytes,
					  detail, detail_bytes);
		if (result > 0)
			result = -EPROTO;
	}
	if (result == 0 && which == YP_NETWORK_FILE_UPDATE) {
		net->image_new = image;
		image = NULL;
	}
	free(image);
	free(certificate);
	free(key);
	return result;
}

static int measure_bundle(struct yp_network *net)
{
	struct ota_bundle_header header;
	struct yp_network_reference *reference = &net->reference;
	const struct yp_network_bundle *bundle = &net->bundles[YP_NETWORK_FILE_UPDATE];
	int result = ota_bundle_header_parse(bundle->data, &header);

	if (result != 0)
		return -EPROTO;
	reference->bundle_bytes = bundle->size_bytes;
	reference->head_bytes = ota_bundle_head_bytes(&header);
	reference->manifest_at = OTA_BUNDLE_HEADER_BYTES;
	reference->index_at = reference->manifest_at + header.manifest_bytes;
	reference->signature_at = reference->index_at + header.index_bytes;
	return 0;
}

uint64_t yp_network_region_at(const struct yp_network_reference *reference, enum yp_network_region region)
{
	switch (region) {
	case YP_NETWORK_HEADER:
		return 0;
	case YP_NETWORK_MANIFEST:
		return reference->manifest_at;
	case YP_NETWORK_INDEX:
		return reference->index_at;
	case YP_NETWORK_SIGNATURE:
		return reference->signature_at;
	case YP_NETWORK_PAYLOAD:
		return reference->head_bytes;
	case YP_NETWORK_END:
		break;
	}
	return reference->bundle_bytes;
}

static bool same_size(const struct yp_network *net)
{
	return net->bundles[YP_NETWORK_FILE_OTHER].size_bytes == net->bundles[YP_NETWORK_FILE_UPDATE].size_bytes;
}

int yp_network_bundles_make(struct yp_network *net, char *detail, size_t detail_bytes)
{
	static const struct {
		enum yp_network_file which;
		const char *version;
		uint64_t sequence;
		const char *signer;
	} specs[] = {{YP_NETWORK_FILE_STALE, "0.9", 1, "sign"},
		     {YP_NETWORK_FILE_RUNNING, "1.0", 2, "sign"},
		     {YP_NETWORK_FILE_UPDATE, YP_NETWORK_VERSION_NEW, 3, "sign"},
		     {YP_NETWORK_FILE_OTHER, "2.1", 4, "sign"},
		     {YP_NETWORK_FILE_EVIL, "6.6", 5, "evil"}};
	int result = 0;

	for (unsigned i = 0; i < sizeof(specs) / sizeof(specs[0]) && result == 0; i++)
		result = make_one(net, specs[i].which, specs[i].version, specs[i].sequence, specs[i].signer, detail,
				  detail_bytes);
	/* A file that takes another's place unseen has its size. Signatures differ in length by a few bytes, at random. */
	for (unsigned i = 0; i < SIGNATURES_MAX && result == 0 && !same_size(net); i++) {
		free(net->bundles[YP_NETWORK_FILE_OTHER].data);
		net->bundles[YP_NETWORK_FILE_OTHER].data = NULL;
		result = make_one(net, YP_NETWORK_FILE_OTHER, "2.1", 4, "sign", detail, detail_bytes);
	}
	return result != 0 ? result : measure_bundle(net);
}
