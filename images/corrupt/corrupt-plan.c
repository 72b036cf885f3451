/* SPDX-License-Identifier: Apache-2.0 */
/* The cases without a table: every bit and every length of the head, and samples of the payload. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "corrupt/corrupt-number.h"
#include "corrupt/flip-reasons.h"

#define CHUNK_SAMPLES    6u /* flips in each chunk of the small bundle, beside first and last byte */
#define WIDE_MIB_SAMPLES 8u
#define MIB              (1024u * 1024u)

static int flip_head(struct yp_forge *forge, struct yp_corrupt_plan_builder *builder, size_t at, unsigned bit)
{
	const struct yp_forge_site *site = &forge->site;
	uint8_t header[LAYOUT_HEADER_BYTES];
	size_t offset;
	const char *region = layout_region(&site->layout, at, &offset);
	struct yp_corrupt_case c = {.kind = CASE_FLIP, .at = at, .bit = bit, .classes = YP_CORRUPT_REJ_E};
	(void)snprintf(c.id, sizeof c.id, "flp:%s.%zu.%u", region, offset, bit);
	if (at < LAYOUT_HEADER_BYTES) {
		memcpy(header, site->bundles[2].data, sizeof header);
		header[at] ^= (uint8_t)(1u << bit);
		c.catalogue = at < LAYOUT_RESERVED ? "FLP-01 TRC-15" : "FLP-01 FLP-05";
		c.reasons = yp_corrupt_plan_header_reasons(header, site->bundles[2].size);
	} else if (at < site->layout.signature) {
		c.catalogue = at < site->layout.index ? "FLP-02 MAN-17" : "FLP-02 FLP-06 FLP-12 RES-11";
		c.reasons = REASON(BAD_SIGNATURE);
	} else {
		c.catalogue = "FLP-03";
		c.reasons = yp_corrupt_plan_signature_reasons(site, offset, bit);
	}
	return yp_corrupt_plan_add(builder, &c);
}

static const char *cut_catalogue(const struct layout *layout, size_t size)
{
	if (size == 0)
		return "TRC-01";
	if (size < LAYOUT_HEADER_BYTES)
		return "TRC-02";
	if (size == LAYOUT_HEADER_BYTES)
		return "TRC-03";
	if (size < layout->index)
		return "TRC-04";
	if (size < layout->signature)
		return "TRC-04 TRC-11";
	if (size == layout->signature)
		return "TRC-05";
	if (size < layout->payload)
		return "TRC-06";
	if (size == layout->payload)
		return "TRC-07";
	return size == layout->size - 1 ? "TRC-10" : "TRC-08";
}

/* unsized: the server does not say how large the file is. */
static int add_cut(struct yp_forge *forge, struct yp_corrupt_plan_builder *builder, size_t size, bool unsized)
{
	const struct layout *layout = &forge->site.layout;
	bool head = size < layout->payload;
	struct yp_corrupt_case c = {.kind = CASE_CUT, .at = size, .bit = unsized};
	(void)snprintf(c.id, sizeof c.id, "trc:%s.%zu%s", head ? "head" : "payload",
		       head ? size : size - layout->payload, unsized ? ".unsized" : "");
	c.catalogue = cut_catalogue(layout, size);
	/* TRC-07: the size is known before the slot is touched, or only from the stream. */
	c.classes = !head && unsized ? YP_CORRUPT_REJ_L : YP_CORRUPT_REJ_E;
	c.reasons = head || !unsized ? REASON(TRUNCATED) : REASON(HTTP_RANGE);
	return yp_corrupt_plan_add(builder, &c);
}

static int add_cuts(struct yp_forge *forge, struct yp_corrupt_plan_builder *builder)
{
	const struct yp_forge_site *site = &forge->site;
	struct layout_record record;
	int r = 0;
	for (size_t size = 0; r == 0 && size < site->layout.payload; size++) {
		r = add_cut(forge, builder, size, false);
		if (r == 0 && size % 16 == 0)
			r = add_cut(forge, builder, size, true);
	}
	for (uint32_t i = 0; r == 0 && i < site->layout.chunks; i++) {
		layout_record(&site->layout, site->bundles[2].data, i, &record);
		for (size_t k = 0; r == 0 && k < 2; k++) {
			r = add_cut(forge, builder, record.payload_offset + k, false);
			if (r == 0)
				r = add_cut(forge, builder, record.payload_offset + k, true);
		}
		if (r == 0 && i > 0)
			r = add_cut(forge, builder, record.payload_offset - 1, false);
	}
	if (r == 0)
		r = add_cut(forge, builder, site->layout.size - 1, false);
	return r ? r : add_cut(forge, builder, site->layout.size - 1, true);
}

/* A flip inside a chunk: it is decoded here to decide what a reader must find. */
static int flip_payload(struct yp_corrupt_plan_builder *builder, const struct yp_forge_site *site, uint32_t chunk,
			size_t at, unsigned bit, bool wide)
{
	struct layout_record record;
	struct yp_corrupt_case c = {
	    .kind = wide ? CASE_WIDE : CASE_PAYLOAD, .at = at, .bit = bit, .catalogue = "FLP-04"};
	uint8_t *byte = site->bundles[2].data + at;
	layout_record(&site->layout, site->bundles[2].data, chunk, &record);
	*byte ^= (uint8_t)(1u << bit);
	int found = layout_chunk_judge(&record, site->bundles[2].data + record.payload_offset,
				       yp_forge_content_bytes(site, chunk));
	*byte ^= (uint8_t)(1u << bit);
	if (found < 0)
		return found;
	c.classes = found == CHUNK_GOOD ? YP_CORRUPT_IGNORED : YP_CORRUPT_REJ_L;
	c.reasons = found == CHUNK_GOOD          ? REASON(OK)
		    : found == CHUNK_UNDECODABLE ? REASON(CHUNK_DECODE)
						 : REASON(CHUNK_DIGEST);
	c.note = found == CHUNK_GOOD ? "it decodes to the same content, which is what is signed" : NULL;
	(void)snprintf(c.id, sizeof c.id, "flp:%s.%zu.%u", wide ? "wide" : "payload", at - site->layout.payload, bit);
	return yp_corrupt_plan_add(builder, &c);
}

static int payload_flips(struct yp_forge *forge, struct yp_corrupt_plan_builder *builder)
{
	const struct yp_forge_site *site = &forge->site;
	uint64_t random = forge->seed ^ 1;
	int r = 0;
	for (uint32_t i = 0; r == 0 && i < site->layout.chunks; i++) {
		struct layout_record record;
		layout_record(&site->layout, site->bundles[2].data, i, &record);
		r = flip_payload(builder, site, i, record.payload_offset, 0, false);
		if (r == 0)
			r = flip_payload(builder, site, i, record.payload_offset + record.stored_bytes - 1, 7, false);
		for (unsigned k = 0; r == 0 && k < CHUNK_SAMPLES; k++) {
			/* Inside, so that no sample is the first or last byte again. */
			size_t inside = 1 + yp_forge_random(&random) % (record.stored_bytes - 2);
			r = flip_payload(builder, site, i, record.payload_offset + inside,
					 (unsigned)(yp_forge_random(&random) % 8), false);
		}
	}
	return r;
}

static uint32_t chunk_at(const struct yp_forge_site *site, size_t at)
{
	struct layout_record record;
	uint32_t chunk = 0;
	size_t offset = site->layout.payload;
	for (; chunk < site->layout.chunks; chunk++) {
		layout_record(&site->layout, site->bundles[2].data, 0, &record);
		offset += layout_get(site->bundles[2].data + site->layout.index + (size_t)chunk * LAYOUT_RECORD_BYTES);
		if (at < offset)
			break;
	}
	return chunk;
}

/* Several MiB: first and last byte, and a seeded sample of each MiB of the file. */
static int wide_flips(struct yp_forge *forge, struct yp_corrupt_plan_builder *builder)
{
	uint64_t random = forge->seed ^ 2;
	int r = yp_forge_wide(forge);
	if (r)
		return r;
	const struct yp_forge_site *site = &forge->wide;
	size_t first = site->layout.payload;
	size_t last = site->layout.size - 1;
	r = flip_payload(builder, site, chunk_at(site, first), first, 0, true);
	if (r == 0)
		r = flip_payload(builder, site, chunk_at(site, last), last, 0, true);
	for (size_t from = first + 1; r == 0 && from < last; from += MIB) {
		size_t span = last - from < MIB ? last - from : MIB;
		for (unsigned k = 0; r == 0 && k < WIDE_MIB_SAMPLES; k++) {
			size_t at = from + yp_forge_random(&random) % span;
			r = flip_payload(builder, site, chunk_at(site, at), at,
					 (unsigned)(yp_forge_random(&random) % 8), true);
		}
	}
	return r;
}

static int add_table(struct yp_corrupt_plan_builder *builder, const struct yp_corrupt_row *rows)
{
	int r = 0;
	for (; r == 0 && rows->id; rows++) {
		struct yp_corrupt_case c = {.catalogue = rows->catalogue,
					    .classes = rows->classes,
					    .reasons = rows->reasons,
					    .note = rows->note,
					    .row = rows,
					    .kind = CASE_ROW};
		(void)snprintf(c.id, sizeof c.id, "%s", rows->id);
		r = yp_corrupt_plan_add(builder, &c);
	}
	return r;
}

int yp_corrupt_plan_new(struct yp_forge *forge, const char *filter, struct yp_corrupt_plan **out)
{
	const struct yp_corrupt_row *const tables[] = {rows_structure, rows_manifest, rows_signature, rows_world};
	struct yp_corrupt_plan *plan = calloc(1, sizeof *plan);
	struct yp_corrupt_plan_builder builder = {.plan = plan, .filter = filter};
	int r = plan ? 0 : -ENOMEM;
	*out = NULL;
	for (size_t bit = 0; r == 0 && yp_corrupt_plan_wants(&builder, "flp:") && bit < 8 * forge->site.layout.payload;
	     bit++)
		r = flip_head(forge, &builder, bit / 8, (unsigned)(bit % 8));
	if (r == 0 && yp_corrupt_plan_wants(&builder, "flp:payload."))
		r = payload_flips(forge, &builder);
	if (r == 0 && yp_corrupt_plan_wants(&builder, "flp:wide."))
		r = wide_flips(forge, &builder);
	if (r == 0 && yp_corrupt_plan_wants(&builder, "trc:"))
		r = add_cuts(forge, &builder);
	for (size_t i = 0; r == 0 && i < sizeof tables / sizeof tables[0]; i++)
		r = add_table(&builder, tables[i]);
	if (r == 0)
		r = yp_corrupt_plan_numbers(forge, &builder);
	if (r) {
		yp_corrupt_plan_free(plan);
		return r;
	}
	*out = plan;
	return 0;
}

void yp_corrupt_plan_free(struct yp_corrupt_plan *plan)
{
	if (!plan)
		return;
	free(plan->cases);
	free(plan);
}
