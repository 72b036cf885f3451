/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state records and slot descriptors of `ota`, read from their bytes: written from the format's description in
 * core/include/ota/state.h and slot.h, not with the updater's own codec, so that an oracle does not depend on the code
 * it judges.
 */
#include <errno.h>
#include <openssl/sha.h>
#include <string.h>

#include "subject/memo.h"
#include "subject/mix.h"
#include "subject/ota-parts.h"

/* ---- state records ---- */

#define RECORD_BYTES   4096u
#define RECORD_SECTORS (RECORD_BYTES / YP_SECTOR_BYTES)
#define RECORD_PLACES  8u
#define SUM_AT         (RECORD_BYTES - SHA256_DIGEST_LENGTH)
#define SCHEMA         1u
#define SCHEMA_AT      8u
#define COUNTER_AT     12u
#define FIELDS_AT      20u
#define BOOTNAME_BYTES 16u
#define DIGEST_BYTES   32u
#define VERSION_BYTES  64u
#define SOURCE_BYTES   512u
#define ETAG_BYTES     128u
#define DETAIL_BYTES   64u
#define FAILED_PLACES  8u
#define LIMIT_TRIALS   2u /* trials that a version gets which the boot limit ends */

struct reader {
	const uint8_t *at;
	bool bad; /* a string without an end */
};

static uint64_t read_number(struct reader *r, unsigned size_bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size_bytes; i++)
		value |= (uint64_t)*r->at++ << (8 * i);
	return value;
}

static const uint8_t *read_bytes(struct reader *r, size_t size_bytes)
{
	const uint8_t *bytes = r->at;

	r->at += size_bytes;
	return bytes;
}

static const char *read_string(struct reader *r, size_t size_bytes)
{
	const char *text = (const char *)read_bytes(r, size_bytes);

	if (memchr(text, '\0', size_bytes) == NULL) {
		r->bad = true;
		return "";
	}
	return text;
}

/* The journal: what is being installed. */
static uint64_t read_journal(struct reader *r, struct yp_subject_record *record)
{
	uint64_t phase = read_number(r, 4), h = yp_mix(1, phase);
	const char *target = read_string(r, BOOTNAME_BYTES);

	r->bad = r->bad || phase > YP_RECORD_WRITTEN;
	record->phase = (enum yp_record_phase)phase;
	record->target = target[0];
	record->trial_id = read_number(r, 8);
	h = yp_mix_text(h, target);
	h = yp_mix_bytes(h, read_bytes(r, DIGEST_BYTES), DIGEST_BYTES);
	h = yp_mix_text(h, read_string(r, VERSION_BYTES));
	h = yp_mix(h, read_number(r, 8));
	h = yp_mix_text(h, read_string(r, SOURCE_BYTES));
	h = yp_mix_text(h, read_string(r, ETAG_BYTES));
	record->progress = (uint32_t)read_number(r, 4);
	h = yp_mix(h, read_number(r, 2));
	r->bad = r->bad || (phase != YP_RECORD_IDLE && (record->trial_id == 0 || target[0] == '\0'));
	return h;
}

/* The memory: floor, what is installed, failed versions, reports that wait. */
static uint64_t read_memory(struct reader *r, struct yp_subject_record *record, uint64_t h)
{
	record->floor = read_number(r, 8);
	h = yp_mix(h, record->floor);
	(void)read_number(r, 8); /* the trusted time */
	h = yp_mix_bytes(h, read_bytes(r, DIGEST_BYTES), DIGEST_BYTES);
	h = yp_mix_text(h, read_string(r, VERSION_BYTES));
	for (unsigned i = 0; i < FAILED_PLACES; i++) {
		unsigned count;

		h = yp_mix_bytes(h, read_bytes(r, DIGEST_BYTES), DIGEST_BYTES);
		h = yp_mix(h, read_number(r, 2));
		count = (unsigned)read_number(r, 2);
		count = count < LIMIT_TRIALS ? count : LIMIT_TRIALS;
		h = yp_mix(h, count);
		record->failures += count;
	}
	for (unsigned i = 0; i < YP_RECORD_EVENTS_MAX; i++) {
		uint64_t kind;

		record->events[i] = read_number(r, 8);
		h = yp_mix(h, record->events[i] != 0);
		kind = read_number(r, 2);
		h = yp_mix(h, kind << 16 | read_number(r, 2));
		h = yp_mix_text(h, read_string(r, VERSION_BYTES));
		h = yp_mix_text(h, read_string(r, VERSION_BYTES));
		h = yp_mix_text(h, read_string(r, DETAIL_BYTES));
	}
	return h;
}

static bool ends_in_its_sum(const uint8_t *raw, size_t size_bytes, uint8_t sum[SHA256_DIGEST_LENGTH])
{
	SHA256(raw, size_bytes - SHA256_DIGEST_LENGTH, sum);
	return memcmp(raw + size_bytes - SHA256_DIGEST_LENGTH, sum, SHA256_DIGEST_LENGTH) == 0;
}

static void decode_record(const uint8_t raw[RECORD_BYTES], struct yp_subject_record *out)
{
	uint8_t sum[SHA256_DIGEST_LENGTH];
	struct reader head = {.at = raw + SCHEMA_AT}, r = {.at = raw + FIELDS_AT};

	if (memcmp(raw, "OTASTAT\n", 8) != 0 || !ends_in_its_sum(raw, RECORD_BYTES, sum) ||
	    read_number(&head, 4) != SCHEMA)
		return;
	out->counter = read_number(&head, 8);
	out->hash = read_memory(&r, out, read_journal(&r, out));
	out->good = !r.bad && out->counter != 0;
	if (!out->good)
		*out = (struct yp_subject_record){.good = false};
}

static int read_record(struct yp_memo *memo, const struct yp_image *image, unsigned medium, unsigned place,
		       struct yp_subject_record *out)
{
	uint32_t contents[RECORD_SECTORS];
	uint8_t raw[RECORD_BYTES];
	struct yp_subject_record *record;
	bool found;

	for (unsigned s = 0; s < RECORD_SECTORS; s++)
		contents[s] = yp_image_get(image, medium, (uint64_t)place * RECORD_SECTORS + s);
	record = yp_memo_at(memo, contents, &found);
	if (record == NULL)
		return -ENOMEM;
	if (!found) {
		yp_image_read(image, medium, (uint64_t)place * RECORD_SECTORS, RECORD_SECTORS, raw);
		decode_record(raw, record);
	}
	*out = *record;
	return 0;
}

static int newest_record(struct yp_memo *memo, const struct yp_image *image, unsigned medium,
			 struct yp_subject_record *out)
{
	*out = (struct yp_subject_record){.good = false};
	for (unsigned place = 0; place < RECORD_PLACES; place++) {
		struct yp_subject_record record;
		int error = read_record(memo, image, medium, place, &record);

		if (error != 0)
			return error;
		if (record.good && (!out->good || record.counter > out->counter))
			*out = record;
	}
	return 0;
}

const struct yp_subject_records yp_ota_records = {.record_sectors = RECORD_SECTORS, .newest = newest_record};

/* ---- slot descriptors ---- */

#define DESCRIPTOR_BYTES 4096u
#define TAIL_BYTES       (512u * 1024u)

/* A descriptor ends in the SHA-256 over the rest of its block. */
static bool read_descriptor(const uint8_t *raw, uint64_t *identity)
{
	uint8_t sum[SHA256_DIGEST_LENGTH];
	bool good = ends_in_its_sum(raw, DESCRIPTOR_BYTES, sum);

	memcpy(identity, sum, sizeof *identity);
	return good;
}

const struct yp_subject_descriptor yp_ota_descriptor = {.sectors = DESCRIPTOR_BYTES / YP_SECTOR_BYTES,
							.tail_sectors = TAIL_BYTES / YP_SECTOR_BYTES,
							.read = read_descriptor};
