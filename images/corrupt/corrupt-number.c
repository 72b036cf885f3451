/* SPDX-License-Identifier: Apache-2.0 */
/* Every numeric field at every edge. A model of the format's text gives the expected outcome, field by field. */
#include "corrupt/corrupt-number.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "corrupt/bundle-edit.h"
#include "corrupt/flip-reasons.h"

/* Fields of the manifest hold text, those of header and index 32 bits. */
enum field_kind { FIELD_MANIFEST, FIELD_HEADER, FIELD_HEADER_SIGNED, FIELD_RECORD, FIELD_RECORD_SUMMED };

struct field {
	const char *name;
	enum field_kind kind;
	const char *section, *key; /* of the manifest */
	size_t at;                 /* in the header, or in a record */
	uint32_t chunk;
};

static const struct field fields[] = {
    {"sequence", FIELD_MANIFEST, "update", "sequence", 0, 0},
    {"created", FIELD_MANIFEST, "update", "created", 0, 0},
    {"expires", FIELD_MANIFEST, "update", "expires", 0, 0},
    {"chunk-bytes", FIELD_MANIFEST, "update", "chunk-bytes", 0, 0},
    {"payload-bytes", FIELD_MANIFEST, "update", "payload-bytes", 0, 0},
    {"rootfs.size", FIELD_MANIFEST, "image.rootfs", "size", 0, 0},
    {"kernel.size", FIELD_MANIFEST, "image.kernel", "size", 0, 0},
    {"header.format", FIELD_HEADER, NULL, NULL, LAYOUT_FORMAT, 0},
    {"header.manifest-bytes", FIELD_HEADER, NULL, NULL, LAYOUT_MANIFEST_BYTES, 0},
    {"header.index-bytes", FIELD_HEADER, NULL, NULL, LAYOUT_INDEX_BYTES, 0},
    {"header.signature-bytes", FIELD_HEADER, NULL, NULL, LAYOUT_SIGNATURE_BYTES, 0},
    {"header.reserved", FIELD_HEADER, NULL, NULL, LAYOUT_RESERVED, 0},
    {"header.format.signed", FIELD_HEADER_SIGNED, NULL, NULL, LAYOUT_FORMAT, 0},
    {"header.manifest-bytes.signed", FIELD_HEADER_SIGNED, NULL, NULL, LAYOUT_MANIFEST_BYTES, 0},
    {"header.index-bytes.signed", FIELD_HEADER_SIGNED, NULL, NULL, LAYOUT_INDEX_BYTES, 0},
    {"record0.stored-bytes", FIELD_RECORD, NULL, NULL, 0, 0},
    {"record2.stored-bytes", FIELD_RECORD, NULL, NULL, 0, 2},
    {"record0.flags", FIELD_RECORD, NULL, NULL, 4, 0},
    {"record0.stored-bytes.summed", FIELD_RECORD_SUMMED, NULL, NULL, 0, 0},
    {"record2.stored-bytes.summed", FIELD_RECORD_SUMMED, NULL, NULL, 0, 2},
};
#define FIELDS (sizeof fields / sizeof fields[0])

/* "=" what is there, with an offset; else the text itself. */
static const char *const values[] = {"0",
				     "1",
				     "-1",
				     "=-1",
				     "=+1",
				     "=-512",
				     "=+512",
				     "9",
				     "10",
				     "2147483647",
				     "2147483648",
				     "4294967295",
				     "4294967296",
				     "9223372036854775807",
				     "9223372036854775808",
				     "18446744073709551615",
				     "18446744073709551616",
				     "340282366920938463463374607431768211456",
				     "",
				     "020",
				     "+20",
				     " 20",
				     "20 ",
				     "0x14",
				     "2e1",
				     "20.0",
				     "NaN"};
#define VALUES (sizeof values / sizeof values[0])

/* The decimal numbers that the format allows; false for any other text. */
static bool number_of(const char *text, uint64_t *out)
{
	char again[24];
	errno = 0;
	char *end;
	*out = strtoull(text, &end, 10);
	(void)snprintf(again, sizeof again, "%" PRIu64, *out);
	return errno == 0 && *end == '\0' && strcmp(again, text) == 0;
}

static bool field_current(const struct yp_forge *forge, const struct field *field, uint64_t *out)
{
	const struct yp_forge_site *site = &forge->site;
	const uint8_t *raw = site->bundles[2].data;
	const struct bytes text = {site->bundles[2].data + LAYOUT_HEADER_BYTES, site->layout.manifest_bytes};
	char value[24];
	if (field->kind == FIELD_MANIFEST)
		return manifest_get(&text, field->section, field->key, value, sizeof value) && number_of(value, out);
	if (field->kind == FIELD_HEADER || field->kind == FIELD_HEADER_SIGNED)
		*out = layout_get(raw + field->at);
	else
		*out = layout_get(raw + site->layout.index + field->chunk * LAYOUT_RECORD_BYTES + field->at);
	return true;
}

/* The text of a case's value. False: it is what is there already. */
static bool value_of(const struct yp_forge *forge, const struct yp_corrupt_case *c, char out[64])
{
	const char *value = values[c->bit];
	char current[24];
	uint64_t now;
	if (!field_current(forge, &fields[c->at], &now))
		return false;
	(void)snprintf(current, sizeof current, "%" PRIu64, now);
	if (value[0] == '=')
		(void)snprintf(out, 64, "%" PRIu64, now + (uint64_t)strtoll(value + 1, NULL, 10));
	else
		(void)snprintf(out, 64, "%s", value);
	return strcmp(out, current) != 0;
}

struct expectation {
	unsigned classes;
	uint64_t reasons;
};

static const struct expectation refused = {YP_CORRUPT_REJ_E, REASON(BAD_MANIFEST)};
static const struct expectation accepted = {YP_CORRUPT_IGNORED, REASON(OK)};

/* A size that leaves the number of chunks as it is only shows when the last chunk is decoded. */
static struct expectation size_expected(const struct yp_forge *forge, const struct field *field, uint64_t value)
{
	const struct yp_forge_site *site = &forge->site;
	bool rootfs = strcmp(field->section, "image.rootfs") == 0;
	uint64_t now = rootfs ? site->images[2].rootfs.size : site->images[2].kernel.size;
	uint32_t last = rootfs ? (uint32_t)((now - 1) / YP_FORGE_CHUNK_BYTES) : site->layout.chunks - 1;
	struct layout_record record;
	layout_record(&site->layout, site->bundles[2].data, last, &record);
	uint64_t content = value % YP_FORGE_CHUNK_BYTES ? value % YP_FORGE_CHUNK_BYTES : YP_FORGE_CHUNK_BYTES;
	if (value == 0 || value % 512 || (value - 1) / YP_FORGE_CHUNK_BYTES != (now - 1) / YP_FORGE_CHUNK_BYTES)
		return refused;
	if (record.flags & 1u ? record.stored_bytes >= content : record.stored_bytes != content)
		return refused;
	return (struct expectation){YP_CORRUPT_REJ_L, REASON(CHUNK_DECODE)};
}

static struct expectation manifest_expected(const struct yp_forge *forge, const struct field *field, const char *text)
{
	uint64_t value;
	const uint64_t created = (uint64_t)(YP_FORGE_NOW_S - 1000);
	const uint64_t expires = (uint64_t)(YP_FORGE_NOW_S + 30 * 86400);
	if (!number_of(text, &value))
		return refused;
	if (strcmp(field->key, "sequence") == 0) {
		if (value < YP_FORGE_FLOOR)
			return (struct expectation){YP_CORRUPT_REJ_E, REASON(DOWNGRADE)};
		/* Fast-forward: a number that leaves no room for later versions is refused. */
		if (value - YP_FORGE_FLOOR > UINT64_C(1) << 48)
			return (struct expectation){YP_CORRUPT_REJ_E, REASON(FAST_FORWARD)};
		return accepted;
	}
	if (strcmp(field->key, "created") == 0)
		return value > expires ? refused : accepted;
	if (strcmp(field->key, "expires") == 0)
		return value == 0 || value < created || value > INT64_MAX ? refused : accepted;
	if (strcmp(field->key, "size") == 0)
		return size_expected(forge, field, value);
	return refused; /* chunk-bytes and payload-bytes follow from the rest */
}

static struct expectation header_expected(const struct yp_forge *forge, const struct field *field, uint64_t value)
{
	uint8_t header[LAYOUT_HEADER_BYTES];
	memcpy(header, forge->site.bundles[2].data, sizeof header);
	layout_put(header + field->at, (uint32_t)value);
	return (struct expectation){YP_CORRUPT_REJ_E,
				    yp_corrupt_plan_header_reasons(header, forge->site.bundles[2].size)};
}

static struct expectation record_expected(const struct yp_forge *forge, const struct field *field, uint64_t value)
{
	struct layout_record record;
	layout_record(&forge->site.layout, forge->site.bundles[2].data, field->chunk, &record);
	bool possible = field->at == 0 && record.flags & 1u && value > 0 && value < YP_FORGE_CHUNK_BYTES;
	if (field->kind != FIELD_RECORD_SUMMED || !possible)
		return refused;
	/* Manifest and index agree; then the file is shorter or longer than both say. */
	return (struct expectation){YP_CORRUPT_REJ_E,
				    value > record.stored_bytes ? REASON(TRUNCATED) : REASON(TRAILING)};
}

static int add_number(struct yp_forge *forge, struct yp_corrupt_plan_builder *builder, size_t f, unsigned v)
{
	const struct field *field = &fields[f];
	struct yp_corrupt_case c = {.kind = CASE_NUMBER, .at = f, .bit = v, .catalogue = "TRC-14"};
	struct expectation e;
	char text[64];
	uint64_t value;
	if (!value_of(forge, &c, text))
		return 0;
	bool binary = field->kind != FIELD_MANIFEST;
	bool number = number_of(text, &value);
	if (binary && (!number || value > UINT32_MAX))
		return 0; /* does not fit in 32 bits */
	if (!binary)
		e = manifest_expected(forge, field, text);
	else if (field->kind == FIELD_HEADER || field->kind == FIELD_HEADER_SIGNED)
		e = header_expected(forge, field, value);
	else
		e = record_expected(forge, field, value);
	if (!binary && strcmp(field->key, "sequence") == 0)
		c.catalogue = "TRC-14 MAN-05";
	else if (!binary && strcmp(field->key, "size") == 0)
		c.catalogue = "TRC-14 MAN-16";
	c.classes = e.classes;
	c.reasons = e.reasons;
	c.note = e.classes == YP_CORRUPT_IGNORED ? "a signer may say so" : NULL;
	(void)snprintf(c.id, sizeof c.id, "num:%s.%u", field->name, v);
	return yp_corrupt_plan_add(builder, &c);
}

int yp_corrupt_plan_numbers(struct yp_forge *forge, struct yp_corrupt_plan_builder *builder)
{
	int r = 0;
	for (size_t f = 0; f < FIELDS; f++)
		for (unsigned v = 0; r == 0 && v < VALUES; v++)
			r = add_number(forge, builder, f, v);
	return r;
}

static int offer_manifest(struct yp_parts *parts, const struct field *field, const char *text)
{
	struct bytes out;
	int r = manifest_set(&parts->manifest, field->section, field->key, text, strlen(text), &out);
	if (r == 0) {
		bytes_free(&parts->manifest);
		parts->manifest = out;
	}
	return r;
}

/* Signed over the changed header, as a signer with a bug would. */
static int offer_header(const struct yp_forge *forge, const struct yp_parts *parts, const struct field *field,
			uint32_t value, struct offer *offer)
{
	char detail[160];
	struct bytes content = {0};
	struct bytes signature = {0};
	int r = yp_forge_signed_bytes(&parts->manifest, &parts->index, &content);
	if (r == 0) {
		layout_put(content.data + field->at, value);
		r = ota_keyring_sign(forge->signer.certificate_pem, forge->signer.key_pem, content.data, content.size,
				     &signature.data, &signature.size, detail, sizeof detail);
	}
	if (r == 0)
		r = yp_forge_assemble(&parts->manifest, &parts->index, &signature, &parts->payload, &offer->raw);
	if (r == 0)
		layout_put(offer->raw.data + field->at, value);
	bytes_free(&content);
	bytes_free(&signature);
	return r;
}

static int offer_record(struct yp_parts *parts, const struct field *field, uint32_t value)
{
	uint8_t *at = parts->index.data + field->chunk * LAYOUT_RECORD_BYTES + field->at;
	uint64_t payload = (uint64_t)parts->payload.size - layout_get(at) + value;
	layout_put(at, value);
	if (field->kind != FIELD_RECORD_SUMMED)
		return 0;
	return yp_parts_number(parts, "update", "payload-bytes", payload);
}

int yp_corrupt_number_offer(struct yp_forge *forge, const struct yp_corrupt_case *c, struct offer *offer)
{
	const struct field *field = &fields[c->at];
	const struct bytes *good = &forge->site.bundles[2];
	struct yp_parts parts;
	char text[64];
	if (!value_of(forge, c, text))
		return -EINVAL;
	uint32_t value = (uint32_t)strtoull(text, NULL, 10);
	if (field->kind == FIELD_HEADER) {
		int r = bytes_copy(&offer->raw, good->data, good->size);
		if (r == 0)
			layout_put(offer->raw.data + field->at, value);
		return r;
	}
	int r = yp_parts_init(forge, &parts);
	if (r)
		return r;
	if (field->kind == FIELD_HEADER_SIGNED)
		r = offer_header(forge, &parts, field, value, offer);
	else if (field->kind == FIELD_MANIFEST)
		r = offer_manifest(&parts, field, text);
	else
		r = offer_record(&parts, field, value);
	if (r == 0 && field->kind != FIELD_HEADER_SIGNED)
		r = yp_parts_seal(forge, &parts, &offer->raw);
	yp_parts_deinit(&parts);
	return r;
}
