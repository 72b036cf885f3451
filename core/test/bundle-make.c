/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a small bundle for tests. */
#include "test/bundle-make.h"

#include <stdio.h>
#include <string.h>

void make_images(struct make_images *images)
{
	uint32_t noise = 1;
	for (size_t i = 0; i < sizeof images->rootfs; i++)
		images->rootfs[i] = (uint8_t)(i / 512);
	memset(images->rootfs, 0, 2 * 4096); /* two equal chunks */
	for (size_t i = 0; i < sizeof images->kernel; i++) {
		noise = noise * 1664525u + 1013904223u;
		images->kernel[i] = (uint8_t)(noise >> 24);
	}
}

void make_manifest(struct ota_manifest *manifest)
{
	*manifest = (struct ota_manifest){
	    .sequence = 7, .created_s = TEST_PKI_NOW_S, .expires_s = TEST_PKI_NOW_S + 86400, .chunk_bytes = 4096};
	(void)snprintf(manifest->compatible, sizeof manifest->compatible, "Example Board 2");
	(void)snprintf(manifest->version, sizeof manifest->version, "2026.11-rc1+git~7");
	(void)snprintf(manifest->hardware, sizeof manifest->hardware, "rev-a,rev-b");
	(void)snprintf(manifest->channel, sizeof manifest->channel, "stable");
	(void)snprintf(manifest->devices, sizeof manifest->devices, "00:11:22:33:44:55,unit-7");
}

int make_bundle(const char *certificate_pem, const char *key_pem, uint8_t **out, size_t *out_bytes)
{
	struct make_images images;
	struct ota_manifest manifest;
	char detail[160] = "";
	make_images(&images);
	make_manifest(&manifest);
	const struct ota_bundle_blob blobs[] = {{"rootfs", images.rootfs, sizeof images.rootfs},
						{"kernel", images.kernel, sizeof images.kernel}};
	int result =
	    ota_bundle_build(&manifest, blobs, 2, certificate_pem, key_pem, 3, out, out_bytes, detail, sizeof detail);
	if (result)
		(void)fprintf(stderr, "make_bundle: %d %s\n", result, detail);
	return result;
}

size_t make_head_bytes(const uint8_t *bundle, size_t size_bytes)
{
	struct ota_bundle_header header;
	if (size_bytes < OTA_BUNDLE_HEADER_BYTES || ota_bundle_header_parse(bundle, &header))
		return 0;
	return ota_bundle_head_bytes(&header);
}
