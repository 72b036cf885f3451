/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests signed by the good key that are wrong, or for another device. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "corrupt/bundle-edit.h"
#include "ota/bundle.h"

#define HUGE_ENTRIES 1000000u
#define LIMIT_TEXT   (63u * 1024u)

static int build_sealed(struct yp_forge *forge, struct yp_parts *parts, int r, struct offer *offer)
{
	if (r == 0)
		r = yp_parts_seal(forge, parts, &offer->raw);
	yp_parts_deinit(parts);
	return r;
}

/* b (n bytes; 0: a string) in place of the first a. */
static int build_replaced(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	struct yp_parts parts;
	int r = yp_parts_init(forge, &parts);
	if (r)
		return r;
	r = yp_parts_replace(&parts.manifest, row->a, row->b, row->n ? (size_t)row->n : strlen(row->b));
	return build_sealed(forge, &parts, r, offer);
}

/* The first a becomes a line b=ccc... with n characters c. */
static int build_lengthened(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	struct yp_parts parts;
	size_t before = strlen(row->b);
	size_t n = (size_t)row->n;
	char *line = malloc(before + n + 2);
	if (!line)
		return -ENOMEM;
	memcpy(line, row->b, before);
	memset(line + before, row->c[0], n);
	line[before + n] = row->c[1] ? row->c[1] : '\n'; /* "a]": the end of a section's name, and of its line */
	line[before + n + 1] = '\n';
	int r = yp_parts_init(forge, &parts);
	if (r == 0)
		r = build_sealed(forge, &parts,
				 yp_parts_replace(&parts.manifest, row->a, line, before + n + (row->c[1] ? 2 : 1)),
				 offer);
	free(line);
	return r;
}

/* The line a, n times, behind the manifest. */
static int build_repeated(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	struct yp_parts parts;
	size_t line = strlen(row->a);
	int r = yp_parts_init(forge, &parts);
	if (r)
		return r;
	size_t size = parts.manifest.size + line * (size_t)row->n;
	uint8_t *data = realloc(parts.manifest.data, size);
	if (!data) {
		yp_parts_deinit(&parts);
		return -ENOMEM;
	}
	for (size_t i = 0; i < (size_t)row->n; i++)
		memcpy(data + parts.manifest.size + i * line, row->a, line);
	parts.manifest = (struct bytes){data, size};
	offer->memory_bytes = 8u * 1024u * 1024u;
	return build_sealed(forge, &parts, 0, offer);
}

/*
 * A rootfs of n bytes in chunks of 1 MiB, its index complete and consistent: 12 stored bytes a chunk. Nothing but the
 * size is wrong with it.
 */
static int build_oversized(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	const uint64_t chunk = 1024u * 1024u;
	const uint32_t stored = 12;
	struct yp_parts parts;
	uint64_t chunks = ((uint64_t)row->n + chunk - 1) / chunk;
	int r = yp_parts_init(forge, &parts);
	if (r)
		return r;
	size_t kernel = LAYOUT_RECORD_BYTES;
	offer->memory_bytes = 48u * 1024u * 1024u; /* a head has 8 MiB at most, and is held twice */
	uint8_t *index = calloc(chunks + 1, LAYOUT_RECORD_BYTES);
	if (!index) {
		yp_parts_deinit(&parts);
		return -ENOMEM;
	}
	for (uint64_t i = 0; i <= chunks; i++) {
		layout_put(index + i * LAYOUT_RECORD_BYTES, stored);
		layout_put(index + i * LAYOUT_RECORD_BYTES + 4, 1);
	}
	free(parts.index.data);
	parts.index = (struct bytes){index, chunks * LAYOUT_RECORD_BYTES + kernel};
	r = yp_parts_number(&parts, "update", "chunk-bytes", chunk);
	if (r == 0)
		r = yp_parts_number(&parts, "update", "payload-bytes", (chunks + 1) * stored);
	if (r == 0)
		r = yp_parts_number(&parts, "image.rootfs", "size", (uint64_t)row->n);
	uint8_t *payload = r == 0 ? realloc(parts.payload.data, (chunks + 1) * stored) : NULL;
	if (payload) {
		memset(payload, 0, (chunks + 1) * stored);
		parts.payload = (struct bytes){payload, (chunks + 1) * stored};
	}
	return build_sealed(forge, &parts, r ? r : (payload ? 0 : -ENOMEM), offer);
}

/* created=n, no expiry; b in place of a. */
static int build_dated(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	struct yp_parts parts;
	struct bytes out;
	int r = yp_parts_init(forge, &parts);
	if (r)
		return r;
	r = yp_parts_number(&parts, "update", "created", (uint64_t)row->n);
	if (r == 0)
		r = manifest_set(&parts.manifest, "update", "expires", NULL, 0, &out);
	if (r == 0) {
		bytes_free(&parts.manifest);
		parts.manifest = out;
		r = row->a ? yp_parts_replace(&parts.manifest, row->a, row->b, strlen(row->b)) : 0;
	}
	return build_sealed(forge, &parts, r, offer);
}

enum images { IMAGES_EXTRA, IMAGES_MISSING, IMAGES_SWAPPED };

/* A whole and consistent bundle of other images. n: enum images. */
static int build_imaged(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	char detail[160];
	const struct yp_forge_images *images = &forge->site.images[2];
	bool swapped = row->n == IMAGES_SWAPPED;
	const struct bytes *first = swapped ? &images->kernel : &images->rootfs;
	const struct bytes *second = swapped ? &images->rootfs : &images->kernel;
	const struct ota_bundle_blob blobs[] = {{"rootfs", first->data, first->size},
						{"kernel", second->data, second->size},
						{"dtb", images->kernel.data, 512}};
	const struct ota_manifest manifest = {.sequence = YP_FORGE_SEQUENCE,
					      .created_s = YP_FORGE_NOW_S - 1000,
					      .chunk_bytes = YP_FORGE_CHUNK_BYTES,
					      .compatible = "corrupt-board",
					      .version = "2.0"};
	unsigned count = row->n == IMAGES_EXTRA ? 3 : (row->n == IMAGES_MISSING ? 1 : 2);
	return ota_bundle_build(&manifest, blobs, count, forge->signer.certificate_pem, forge->signer.key_pem, 0,
				&offer->raw.data, &offer->raw.size, detail, sizeof detail);
}

/* The device as it is, and an older genuine bundle: n its version. */
static int build_replayed(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	const struct bytes *bundle = &forge->site.bundles[row->n];
	return bytes_copy(&offer->raw, bundle->data, bundle->size);
}

#define E    YP_CORRUPT_REJ_E
#define BAD  YP_CORRUPT_REJ_E, REASON(BAD_MANIFEST), build_replaced
#define FINE YP_CORRUPT_IGNORED, REASON(OK), build_replaced
#define KEPT .note = "what it says does not matter here"

const struct yp_corrupt_row rows_manifest[] = {
    {"man:compatible", "MAN-01", E, REASON(INCOMPATIBLE), build_replaced, "=corrupt-board", "=corrupt-boarD", .n = 0},
    {"man:compatible.prefix", "MAN-01", E, REASON(INCOMPATIBLE), build_replaced, "=corrupt-board", "=corrupt", .n = 0},
    {"man:compatible.longer", "MAN-01", E, REASON(INCOMPATIBLE), build_replaced, "=corrupt-board", "=corrupt-board2",
     .n = 0},
    {"man:compatible.missing", "MAN-01", BAD, "compatible=corrupt-board\n", "", .n = 0},
    {"man:compatible.empty", "MAN-01", BAD, "=corrupt-board\n", "=\n", .n = 0},
    {"man:hardware", "MAN-02", E, REASON(HARDWARE), build_replaced, "rev-a,rev-b", "rev-a,rev-c", .n = 0},
    {"man:hardware.prefix", "MAN-02", E, REASON(HARDWARE), build_replaced, "rev-a,rev-b", "rev-b1,rev", .n = 0},
    {"man:hardware.empty-item", "MAN-02", BAD, "rev-a,rev-b", "rev-b,,rev-a", .n = 0},
    {"man:hardware.any", "MAN-02", FINE, "hardware=rev-a,rev-b\n", "", KEPT},
    {"man:channel", "MAN-19", E, REASON(WRONG_CHANNEL), build_replaced, "=stable", "=testing", .n = 0},
    {"man:channel.case", "MAN-19", E, REASON(WRONG_CHANNEL), build_replaced, "=stable", "=Stable", .n = 0},
    {"man:devices", "MAN-18", E, REASON(WRONG_DEVICE), build_replaced, "unit-7,unit-9", "unit-9", .n = 0},
    {"man:devices.prefix", "MAN-18", E, REASON(WRONG_DEVICE), build_replaced, "unit-7,unit-9", "unit-77,unit", .n = 0},
    {"man:devices.any", "MAN-18", FINE, "devices=unit-7,unit-9\n", "", KEPT},
    {"man:older", "MAN-03 MAN-07", E, REASON(DOWNGRADE), build_replayed, .n = 0},
    {"man:same", "MAN-04", E, REASON(ALREADY_INSTALLED), build_replayed, .n = 1},
    {"man:duplicate-key", "MAN-12", BAD, "sequence=20\n", "sequence=20\nsequence=20\n", .n = 0},
    {"man:conflicting-key", "MAN-12", BAD, "sequence=20\n", "sequence=20\nsequence=21\n", .n = 0},
    {"man:duplicate-digest", "MAN-12", BAD, "\n[image.kernel]\n",
     "sha256=0000000000000000000000000000000000000000000000000000000000000000\n\n[image.kernel]\n", .n = 0},
    {"man:duplicate-section", "MAN-12", BAD, "\n[image.rootfs]\n", "\n[update]\n[image.rootfs]\n", .n = 0},
    {"man:duplicate-image", "MAN-12 MAN-09", BAD, "[image.kernel]", "[image.rootfs]", .n = 0},
    {"man:unknown-key", "MAN-14", BAD, "version=2.0\n", "version=2.0\ncritical=1\n", .n = 0},
    {"man:unknown-section", "MAN-14", BAD, "\n[image.rootfs]\n", "\n[hooks]\nrun=/bin/sh\n[image.rootfs]\n", .n = 0},
    {"man:unknown-x-key", "MAN-14", FINE, "version=2.0\n", "version=2.0\nx-build=77\n",
     .note = "keys that begin with x- are for other tools"},
    {"man:key-outside", "MAN-14", BAD, "[update]\n", "version=2.0\n[update]\n", .n = 0},
    {"man:key-case", "MAN-14", BAD, "version=2.0", "Version=2.0", .n = 0},
    {"man:digest.sha1", "MAN-15", BAD, "\n[image.kernel]\n",
     "sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709\n\n[image.kernel]\n", .n = 0},
    {"man:digest.md5-only", "MAN-15", BAD, "sha256=", "md5=", .n = 0},
    {"man:digest.short", "MAN-15", BAD, "sha256=", "sha256=00", .n = 0},
    {"man:digest.missing", "MAN-15", BAD, "sha256=", "x-sha256=", .n = 0},
    {"man:extra-image", "MAN-10 FLP-12", BAD, "\n[image.kernel]\n",
     "\n[image.dtb]\nsize=512\nsha256=0000000000000000000000000000000000000000000000000000000000000000\n\n"
     "[image.kernel]\n",
     .n = 0},
    {"man:extra-image.whole", "MAN-10", E, REASON(INCOMPATIBLE), build_imaged, .n = IMAGES_EXTRA},
    {"man:missing-image", "MAN-09", E, REASON(INCOMPATIBLE), build_imaged, .n = IMAGES_MISSING},
    {"man:other-image", "MAN-10 FLP-12", E, REASON(INCOMPATIBLE), build_replaced, "[image.kernel]", "[image.initrd]",
     .n = 0},
    {"man:no-rootfs", "MAN-09", BAD, "[image.rootfs]", "[image.initrd]", .n = 0},
    {"man:swapped-images", "FLP-11", E, REASON(NO_SPACE), build_imaged, .n = IMAGES_SWAPPED},
    {"man:version.long", "TRC-19", E, REASON(BAD_MANIFEST), build_lengthened, "version=2.0\n", "version=", "1",
     .n = 64},
    {"man:version.4096", "TRC-18 TRC-19", E, REASON(BAD_MANIFEST), build_lengthened, "version=2.0\n", "version=", "1",
     .n = 4096},
    {"man:compatible.long", "TRC-19", E, REASON(BAD_MANIFEST), build_lengthened, "compatible=corrupt-board\n",
     "compatible=", "c", .n = 64},
    {"man:version.utf8", "TRC-19", BAD, "version=2.0", "version=2.\xc3\xa9", .n = 0},
    {"man:version.not-utf8", "TRC-19", BAD, "version=2.0", "version=2.\xff\xfe", .n = 0},
    {"man:version.format", "TRC-19", BAD, "version=2.0", "version=%n%s%n%s", .n = 0},
    {"man:version.nul", "TRC-18 TRC-19", BAD, "version=2.0", "version=2.0\0x", .n = 13},
    {"man:version.escape", "TRC-19", BAD, "version=2.0", "version=\x1b[2J", .n = 0},
    {"man:compatible.format", "TRC-19", E, REASON(INCOMPATIBLE), build_replaced, "=corrupt-board", "=%n%s%n%s%1000000d",
     .n = 0},
    {"man:compatible.quote", "TRC-19", BAD, "=corrupt-board", "=corrupt\"board", .n = 0},
    {"man:crlf", "TRC-19", BAD, "version=2.0\n", "version=2.0\r\n", .n = 0},
    {"man:bom", "TRC-19", BAD, "[update]", "\xef\xbb\xbf[update]", .n = 0},
    {"man:no-line-feed", "TRC-04", BAD, "[update]\n", "[update]", .n = 0},
    {"man:name.parent", "TRC-18", BAD, "[image.kernel]", "[image.../../etc/passwd]", .n = 0},
    {"man:name.absolute", "TRC-18", BAD, "[image.kernel]", "[image./dev/sda]", .n = 0},
    {"man:name.nul", "TRC-18", BAD, "[image.kernel]", "[image.ker\0el]", .n = 14},
    {"man:name.long", "TRC-18", E, REASON(BAD_MANIFEST), build_lengthened, "[image.kernel]\n", "[image.", "k]",
     .n = 32},
    {"man:name.4096", "TRC-18", E, REASON(BAD_MANIFEST), build_lengthened, "[image.kernel]\n", "[image.", "k]",
     .n = 4096},
    {"man:name.format", "TRC-19", BAD, "[image.kernel]", "[image.%n%s]", .n = 0},
    {"man:name.empty", "TRC-18", BAD, "[image.kernel]", "[image.]", .n = 0},
    {"man:name.not-utf8", "TRC-19", BAD, "[image.kernel]", "[image.\xff]", .n = 0},
    {"man:expired", "MAN-06", E, REASON(EXPIRED), build_replaced, "expires=179", "expires=1789999999\nx-was=179",
     .n = 0},
    {"man:expires-now", "MAN-06", E, REASON(EXPIRED), build_replaced, "expires=179", "expires=1790000000\nx-was=179",
     .n = 0},
    /* A date after the signer's certificate: if it were trusted, every later update would be judged at that date. */
    {"man:created.after-signer", "MAN-05 CLK-08", E, REASON(CERT_EXPIRED), build_dated, .n = TEST_PKI_TO_S + 1},
    {"man:created.2106", "MAN-05 CLK-05", E, REASON(CERT_EXPIRED), build_dated, .n = INT64_C(4294967296)},
    {"man:created.max", "MAN-05 CLK-08", E, REASON(CERT_EXPIRED), build_dated, .n = INT64_MAX},
    {"man:created.max.other-product", "MAN-05 CLK-08", E, REASON(CERT_EXPIRED), build_dated, "=corrupt-board", "=other",
     .n = INT64_MAX},
    {"man:created.next-year.other-product", "MAN-05 CLK-08", E, REASON(INCOMPATIBLE), build_dated, "=corrupt-board",
     "=other", .n = YP_FORGE_NOW_S + 365 * 86400},
    {"man:created.next-year", "MAN-05 CLK-08", YP_CORRUPT_IGNORED, REASON(OK), build_dated,
     .n = YP_FORGE_NOW_S + 365 * 86400,
     .note = "a device without a clock is as old as what it runs; the signer's certificate bounds it"},
    {"res:one-block-over", "RES-01", E, REASON(NO_SPACE), build_oversized,
     .n = YP_FORGE_ROOTFS_BYTES - DEVICE_TAIL_BYTES + 512},
    {"res:slot-with-tail", "RES-01", E, REASON(NO_SPACE), build_oversized, .n = YP_FORGE_ROOTFS_BYTES},
    {"res:2g", "RES-01 RES-06", E, REASON(NO_SPACE), build_oversized, .n = INT64_C(1) << 31},
    {"res:4g", "RES-01 RES-06", E, REASON(NO_SPACE), build_oversized, .n = INT64_C(1) << 32},
    {"res:4g-512", "RES-01 RES-06", E, REASON(NO_SPACE), build_oversized, .n = (INT64_C(1) << 32) + 512},
    {"res:huge-index", "RES-11 RES-06", E, REASON(NO_SPACE), build_oversized, .n = INT64_C(209000) << 20},
    {"res:sections", "RES-07", E, REASON(BAD_MANIFEST), build_repeated, "[image.x]\n", .n = LIMIT_TEXT / 10},
    {"res:keys", "RES-07", E, REASON(BAD_MANIFEST), build_repeated, "x-a=1\n", .n = LIMIT_TEXT / 6},
    {"res:comments", "RES-07", YP_CORRUPT_IGNORED, REASON(OK), build_repeated, "#\n", .n = LIMIT_TEXT / 2,
     .note = "comments are allowed, and bounded with the manifest"},
    {"res:million-entries", "RES-07", E, REASON(TOO_LARGE), build_repeated, "x-a=1\n", .n = HUGE_ENTRIES},
    {"res:threshold", "SIG-16", .note = "no thresholds: every signer must verify, see sig:second-stranger"},
    {.id = NULL},
};
