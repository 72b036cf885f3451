/* SPDX-License-Identifier: Apache-2.0 */
/* Parses and writes the manifest of a bundle. */
#include "bundle/manifest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ota/reason.h"

#define KEY_MAX 32u

enum kind { TEXT, WORD, LIST, U64, TIME, EXPIRY, CHUNK, DIGEST };

struct key {
	const char *name;
	enum kind kind;
	bool required;
	size_t offset;
	size_t room; /* of strings, with the terminating zero */
};

#define FIELD(type, member) offsetof(struct type, member), sizeof(((struct type *)0)->member)

static const struct key update_keys[] = {
    {"compatible", TEXT, true, FIELD(ota_manifest, compatible)},
    {"version", WORD, true, FIELD(ota_manifest, version)},
    {"sequence", U64, true, FIELD(ota_manifest, sequence)},
    {"hardware", LIST, false, FIELD(ota_manifest, hardware)},
    {"channel", WORD, false, FIELD(ota_manifest, channel)},
    {"devices", LIST, false, FIELD(ota_manifest, devices)},
    {"created", TIME, true, FIELD(ota_manifest, created_s)},
    {"expires", EXPIRY, false, FIELD(ota_manifest, expires_s)},
    {"chunk-bytes", CHUNK, true, FIELD(ota_manifest, chunk_bytes)},
    {"payload-bytes", U64, true, FIELD(ota_manifest, payload_bytes)},
};
static const struct key image_keys[] = {
    {"size", U64, true, FIELD(ota_manifest_image, size_bytes)},
    {"sha256", DIGEST, true, FIELD(ota_manifest_image, sha256)},
};
#define UPDATE_KEYS (sizeof update_keys / sizeof update_keys[0])
#define IMAGE_KEYS  (sizeof image_keys / sizeof image_keys[0])

struct extra {
	unsigned section;
	struct ota_span name;
};

struct parser {
	struct ota_manifest *out;
	char *detail;
	size_t detail_bytes;
	unsigned line;
	unsigned section; /* 0 none yet, 1 [update], 2 + i image i */
	unsigned update_seen;
	unsigned image_seen[OTA_IMAGES_MAX];
	bool update_section;
	unsigned extra_count;
	struct extra extras[OTA_MANIFEST_EXTRA_MAX];
};

static const char *section_name(const struct parser *p)
{
	return p->section >= 2 ? p->out->images[p->section - 2].name : "update";
}

__attribute__((format(printf, 2, 3))) static int refuse_line(const struct parser *p, const char *format, ...)
{
	char what[160];
	va_list arguments;
	va_start(arguments, format);
	if (vsnprintf(what, sizeof what, format, arguments) < 0)
		what[0] = '\0';
	va_end(arguments);
	return ota_detail_write(p->detail, p->detail_bytes, OTA_BAD_MANIFEST, "manifest line %u: %s", p->line, what);
}

static int refuse_key(const struct parser *p, const char *key, const char *what)
{
	return refuse_line(p, "[%s%s] %s: %s", p->section >= 2 ? "image." : "", section_name(p), key, what);
}

static bool is_word(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c != '\0' && strchr("._+~:-", c));
}

static bool is_name(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-';
}

static bool is_text(uint8_t c)
{
	return c >= ' ' && c <= '~' && c != '"' && c != '\\' && c != ';';
}

static bool span_is(struct ota_span span, const char *text)
{
	return span.size_bytes == strlen(text) && memcmp(span.data, text, span.size_bytes) == 0;
}

/* Decimal, without sign, leading zero or overflow. */
static bool parse_u64(struct ota_span in, uint64_t *out)
{
	uint64_t value = 0;
	if (in.size_bytes == 0 || in.size_bytes > 20 || (in.data[0] == '0' && in.size_bytes > 1))
		return false;
	for (size_t i = 0; i < in.size_bytes; i++) {
		if (in.data[i] < '0' || in.data[i] > '9')
			return false;
		uint64_t digit = (uint64_t)(in.data[i] - '0');
		if (value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*out = value;
	return true;
}

static int parse_nibble(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char *parse_digest(struct ota_span in, uint8_t *out)
{
	if (in.size_bytes / 2 != OTA_DIGEST_BYTES || in.size_bytes % 2)
		return "not 64 hex digits";
	for (size_t i = 0; i < OTA_DIGEST_BYTES; i++) {
		int high = parse_nibble(in.data[2 * i]);
		int low = parse_nibble(in.data[2 * i + 1]);
		if (high < 0 || low < 0)
			return "not 64 lower case hex digits";
		out[i] = (uint8_t)(high << 4 | low);
	}
	return NULL;
}

static const char *parse_string(const struct key *key, struct ota_span in, char *out)
{
	if (in.size_bytes >= key->room)
		return "too long";
	for (size_t i = 0; i < in.size_bytes; i++) {
		bool comma = key->kind == LIST && in.data[i] == ',';
		bool lone = comma && (i == 0 || i + 1 == in.size_bytes || in.data[i + 1] == ',');
		if (lone)
			return "an item is empty";
		if (!comma && !(key->kind == TEXT ? is_text(in.data[i]) : is_word(in.data[i])))
			return "a character is not allowed";
	}
	if (key->kind == TEXT && (in.data[0] == ' ' || in.data[in.size_bytes - 1] == ' '))
		return "space at an end";
	memcpy(out, in.data, in.size_bytes);
	out[in.size_bytes] = '\0';
	return NULL;
}

/* NULL, or what is wrong with it. */
static const char *parse_value(const struct key *key, struct ota_span in, void *base)
{
	uint8_t *field = (uint8_t *)base + key->offset;
	uint64_t number = 0;
	if (in.size_bytes == 0)
		return "empty";
	if (key->kind == DIGEST)
		return parse_digest(in, field);
	if (key->kind == TEXT || key->kind == WORD || key->kind == LIST)
		return parse_string(key, in, (char *)field);
	if (!parse_u64(in, &number))
		return "not a decimal number of 64 bits";
	if (key->kind == TIME || key->kind == EXPIRY) {
		if (number > INT64_MAX)
			return "out of range";
		if (key->kind == EXPIRY && number == 0)
			return "zero; leave it out for never";
		const int64_t time_s = (int64_t)number;
		memcpy(field, &time_s, sizeof time_s);
	} else if (key->kind == CHUNK) {
		if (number < OTA_CHUNK_MIN_BYTES || number > OTA_CHUNK_MAX_BYTES || (number & (number - 1)))
			return "not a power of two from 4096 to 1048576";
		const uint32_t bytes = (uint32_t)number;
		memcpy(field, &bytes, sizeof bytes);
	} else {
		memcpy(field, &number, sizeof number);
	}
	return NULL;
}

/* Keys for other tools: remembered only so that none comes twice. */
static int parse_extra(struct parser *p, struct ota_span name, const char *text)
{
	for (unsigned i = 0; i < p->extra_count; i++) {
		const struct extra *e = &p->extras[i];
		if (e->section == p->section && e->name.size_bytes == name.size_bytes &&
		    memcmp(e->name.data, name.data, name.size_bytes) == 0)
			return refuse_key(p, text, "given twice");
	}
	if (p->extra_count == OTA_MANIFEST_EXTRA_MAX)
		return refuse_key(p, text, "too many x- keys");
	p->extras[p->extra_count++] = (struct extra){p->section, name};
	return 0;
}

static int parse_pair(struct parser *p, struct ota_span name, struct ota_span value)
{
	char text[KEY_MAX + 1];
	if (name.size_bytes == 0 || name.size_bytes > KEY_MAX)
		return refuse_line(p, "a key is empty or longer than %u characters", KEY_MAX);
	for (size_t i = 0; i < name.size_bytes; i++) {
		if (!is_name(name.data[i]))
			return refuse_line(p, "a key holds a character that is not allowed");
	}
	memcpy(text, name.data, name.size_bytes);
	text[name.size_bytes] = '\0';
	if (p->section == 0)
		return refuse_line(p, "%s: outside any section", text);
	if (strncmp(text, "x-", 2) == 0)
		return parse_extra(p, name, text);
	bool image = p->section >= 2;
	const struct key *keys = image ? image_keys : update_keys;
	size_t count = image ? IMAGE_KEYS : UPDATE_KEYS;
	unsigned *seen = image ? &p->image_seen[p->section - 2] : &p->update_seen;
	void *base = image ? (void *)&p->out->images[p->section - 2] : (void *)p->out;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(keys[i].name, text) != 0)
			continue;
		if (*seen & 1u << i)
			return refuse_key(p, text, "given twice");
		*seen |= 1u << i;
		const char *wrong = parse_value(&keys[i], value, base);
		return wrong ? refuse_key(p, text, wrong) : 0;
	}
	return refuse_key(p, text, "unknown key");
}

static int parse_section(struct parser *p, struct ota_span name)
{
	static const char prefix[] = "image.";
	const size_t prefix_bytes = sizeof prefix - 1;
	if (span_is(name, "update")) {
		if (p->update_section)
			return refuse_line(p, "[update]: section given twice");
		p->update_section = true;
		p->section = 1;
		return 0;
	}
	if (name.size_bytes <= prefix_bytes || memcmp(name.data, prefix, prefix_bytes) != 0)
		return refuse_line(p, "unknown section");
	name.data += prefix_bytes;
	name.size_bytes -= prefix_bytes;
	if (name.size_bytes >= OTA_NAME_MAX)
		return refuse_line(p, "[image.]: name too long");
	for (size_t i = 0; i < name.size_bytes; i++) {
		if (!is_name(name.data[i]) && name.data[i] != '_')
			return refuse_line(p, "[image.]: a character of the name is not allowed");
	}
	if (name.data[0] == '-' || name.data[0] == '_')
		return refuse_line(p, "[image.]: the name must begin with a letter or a digit");
	if (p->out->image_count == OTA_IMAGES_MAX)
		return refuse_line(p, "[image.]: more than %u images", OTA_IMAGES_MAX);
	for (unsigned i = 0; i < p->out->image_count; i++) {
		if (span_is(name, p->out->images[i].name))
			return refuse_line(p, "[image.%s]: section given twice", p->out->images[i].name);
	}
	memcpy(p->out->images[p->out->image_count].name, name.data, name.size_bytes);
	p->out->image_count++;
	p->section = 1 + p->out->image_count;
	return 0;
}

static int parse_line(struct parser *p, struct ota_span line)
{
	if (line.size_bytes > OTA_MANIFEST_LINE_MAX)
		return refuse_line(p, "longer than %u bytes", OTA_MANIFEST_LINE_MAX);
	for (size_t i = 0; i < line.size_bytes; i++) {
		if (line.data[i] < ' ' || line.data[i] > '~')
			return refuse_line(p, "byte 0x%02x is not printable ASCII", line.data[i]);
	}
	if (line.size_bytes == 0 || line.data[0] == '#')
		return 0;
	if (line.data[0] == '[') {
		if (line.size_bytes < 3 || line.data[line.size_bytes - 1] != ']')
			return refuse_line(p, "malformed section");
		return parse_section(p, (struct ota_span){line.data + 1, line.size_bytes - 2});
	}
	const uint8_t *equals = memchr(line.data, '=', line.size_bytes);
	if (!equals)
		return refuse_line(p, "neither [section], key=value nor # comment");
	size_t name_bytes = (size_t)(equals - line.data);
	return parse_pair(p, (struct ota_span){line.data, name_bytes},
			  (struct ota_span){equals + 1, line.size_bytes - name_bytes - 1});
}

static int check_required(const struct parser *p, const struct key *keys, size_t count, unsigned seen)
{
	for (size_t i = 0; i < count; i++) {
		if (keys[i].required && !(seen & 1u << i))
			return refuse_key(p, keys[i].name, "missing");
	}
	return 0;
}

/* What no single key can say: all there, sizes that fit the index, and dates in order. */
static int check_whole(struct parser *p)
{
	struct ota_manifest *m = p->out;
	uint64_t chunks = 0;
	bool rootfs = false;
	p->section = 1;
	int result = check_required(p, update_keys, UPDATE_KEYS, p->update_seen);
	if (!result && m->expires_s && m->expires_s < m->created_s)
		result = refuse_key(p, "expires", "before created");
	for (unsigned i = 0; !result && i < m->image_count; i++) {
		struct ota_manifest_image *image = &m->images[i];
		p->section = 2 + i;
		result = check_required(p, image_keys, IMAGE_KEYS, p->image_seen[i]);
		if (result)
			break;
		if (image->size_bytes == 0 || image->size_bytes % 512)
			return refuse_key(p, "size", "not a positive multiple of 512");
		uint64_t own = image->size_bytes / m->chunk_bytes + (image->size_bytes % m->chunk_bytes != 0);
		/* Each addend is at most 2^52, so the sum of four cannot wrap. */
		if (chunks + own > OTA_INDEX_MAX_BYTES / OTA_INDEX_RECORD_BYTES)
			return refuse_key(p, "size", "more chunks than an index can hold");
		image->first_chunk = (uint32_t)chunks;
		image->chunks = (uint32_t)own;
		chunks += own;
		rootfs = rootfs || strcmp(image->name, "rootfs") == 0;
	}
	if (!result && !rootfs)
		result = refuse_line(p, "[image.rootfs]: section missing");
	return result;
}

int ota_manifest_parse(struct ota_span text, struct ota_manifest *out, char *detail, size_t detail_bytes)
{
	struct parser p = {.out = out, .detail = detail, .detail_bytes = detail_bytes};
	memset(out, 0, sizeof *out);
	while (text.size_bytes > 0) {
		p.line++;
		const uint8_t *feed = memchr(text.data, '\n', text.size_bytes);
		if (!feed)
			return refuse_line(&p, "does not end in a line feed");
		size_t size = (size_t)(feed - text.data);
		int result = parse_line(&p, (struct ota_span){text.data, size});
		if (result)
			return result;
		text.data += size + 1;
		text.size_bytes -= size + 1;
	}
	return check_whole(&p);
}

struct writer {
	char *out;
	size_t room;
	size_t size;
	bool full;
};

__attribute__((format(printf, 2, 3))) static void put_text(struct writer *w, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int n = w->full ? -1 : vsnprintf(w->out + w->size, w->room - w->size, format, arguments);
	va_end(arguments);
	if (n < 0 || (size_t)n >= w->room - w->size)
		w->full = true;
	else
		w->size += (size_t)n;
}

static void put_string(struct writer *w, const char *key, const char *value)
{
	if (*value)
		put_text(w, "%s=%s\n", key, value);
}

static void put_manifest(struct writer *w, const struct ota_manifest *m)
{
	put_text(w, "[update]\n");
	put_string(w, "compatible", m->compatible);
	put_string(w, "version", m->version);
	put_text(w, "sequence=%" PRIu64 "\n", m->sequence);
	put_string(w, "hardware", m->hardware);
	put_string(w, "channel", m->channel);
	put_string(w, "devices", m->devices);
	put_text(w, "created=%" PRId64 "\n", m->created_s);
	if (m->expires_s)
		put_text(w, "expires=%" PRId64 "\n", m->expires_s);
	put_text(w, "chunk-bytes=%" PRIu32 "\n", m->chunk_bytes);
	put_text(w, "payload-bytes=%" PRIu64 "\n", m->payload_bytes);
	for (unsigned i = 0; i < m->image_count && i < OTA_IMAGES_MAX; i++) {
		put_text(w, "\n[image.%s]\nsize=%" PRIu64 "\nsha256=", m->images[i].name, m->images[i].size_bytes);
		for (unsigned j = 0; j < OTA_DIGEST_BYTES; j++)
			put_text(w, "%02x", m->images[i].sha256[j]);
		put_text(w, "\n");
	}
}

static bool same_strings(const struct ota_manifest *a, const struct ota_manifest *b)
{
	bool same = strcmp(a->compatible, b->compatible) == 0 && strcmp(a->version, b->version) == 0 &&
		    strcmp(a->hardware, b->hardware) == 0 && strcmp(a->channel, b->channel) == 0 &&
		    strcmp(a->devices, b->devices) == 0 && a->image_count == b->image_count;
	for (unsigned i = 0; same && i < a->image_count; i++)
		same = strcmp(a->images[i].name, b->images[i].name) == 0;
	return same;
}

int ota_manifest_encode(const struct ota_manifest *manifest, char *out, size_t room, size_t *size_bytes, char *detail,
			size_t detail_bytes)
{
	struct writer w = {.out = out, .room = room};
	struct ota_manifest parsed;
	put_manifest(&w, manifest);
	if (w.full)
		return ota_detail_write(detail, detail_bytes, -ENOSPC, "manifest: longer than %zu bytes", room);
	int result = ota_manifest_parse((struct ota_span){(const uint8_t *)out, w.size}, &parsed, detail, detail_bytes);
	if (result)
		return result;
	/* A line feed inside a value would have become a line of its own. */
	if (!same_strings(manifest, &parsed))
		return ota_detail_write(detail, detail_bytes, OTA_BAD_MANIFEST, "manifest: a value holds a line feed");
	*size_bytes = w.size;
	return 0;
}

uint32_t ota_manifest_chunk_bytes(const struct ota_manifest *manifest, uint32_t chunk)
{
	for (unsigned i = 0; i < manifest->image_count; i++) {
		const struct ota_manifest_image *image = &manifest->images[i];
		if (chunk < image->first_chunk || chunk - image->first_chunk >= image->chunks)
			continue;
		uint64_t left = image->size_bytes - (uint64_t)(chunk - image->first_chunk) * manifest->chunk_bytes;
		return left < manifest->chunk_bytes ? (uint32_t)left : manifest->chunk_bytes;
	}
	return 0;
}
