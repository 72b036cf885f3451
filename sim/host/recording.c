/* SPDX-License-Identifier: Apache-2.0 */
/* The folder that a recording is kept in. */
#include "host/recording.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/format-detail.h"

#define COPY_BYTES   ((size_t)1024 * 1024)
#define BLOCK_BYTES  4096u
#define DIGEST_BYTES 32u
#define DIGEST_TEXT  (2 * DIGEST_BYTES + 1)
#define LINE_BYTES   256u

/* ---- files ---- */

static int name_file(char out[PATH_MAX], const char *dir, const char *folder, const char *name)
{
	int n = snprintf(out, PATH_MAX, "%s/%s%s%s", dir, folder, *folder ? "/" : "", name);

	return n > 0 && n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* Writes a small file, durable. */
static int put_file(const char *dir, const char *name, int (*print)(FILE *f, const void *what), const void *what)
{
	char path[PATH_MAX];
	int r = name_file(path, dir, "", name);
	FILE *f = r == 0 ? fopen(path, "we") : NULL;

	if (!f)
		return r ? r : -errno;
	r = print(f, what);
	if (r == 0 && (fflush(f) != 0 || fsync(fileno(f)) < 0))
		r = -errno;
	if (fclose(f) != 0 && r == 0)
		r = -errno;
	return r;
}

static bool is_zero(const uint8_t *bytes, size_t count)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0;
}

/* What is not zero goes to the same place of `to`. */
static int put_sparse(int to, const uint8_t *bytes, size_t count, off_t at)
{
	for (size_t i = 0; i < count; i += BLOCK_BYTES) {
		size_t part = count - i < BLOCK_BYTES ? count - i : BLOCK_BYTES;

		if (!is_zero(bytes + i, part) && pwrite(to, bytes + i, part, at + (off_t)i) != (ssize_t)part)
			return errno ? -errno : -EIO;
	}
	return 0;
}

/* Reads a file to its end: its digest, and a sparse copy of it if `to` is a file. */
static int read_through(int from, int to, EVP_MD_CTX *context, uint8_t *buffer, off_t *bytes)
{
	for (*bytes = 0;;) {
		ssize_t n = read(from, buffer, COPY_BYTES);

		if (n <= 0)
			return n < 0 ? -errno : 0;
		if (EVP_DigestUpdate(context, buffer, (size_t)n) != 1)
			return -ENOMEM;
		int r = to >= 0 ? put_sparse(to, buffer, (size_t)n, *bytes) : 0;
		if (r < 0)
			return r;
		*bytes += n;
	}
}

static void print_digest(const uint8_t digest[DIGEST_BYTES], char out[DIGEST_TEXT])
{
	for (unsigned i = 0; i < DIGEST_BYTES; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* The digest of a file, and a durable sparse copy unless copy is NULL. */
static int digest_file(const char *path, const char *copy, char out[DIGEST_TEXT])
{
	uint8_t digest[DIGEST_BYTES];
	uint8_t *buffer = malloc(COPY_BYTES);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int from = open(path, O_RDONLY | O_CLOEXEC);
	int to = copy ? open(copy, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
	off_t bytes = 0;
	int r = from < 0 || (copy && to < 0) ? -errno : 0;

	if (r == 0 && (!buffer || !context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1))
		r = -ENOMEM;
	if (r == 0)
		r = read_through(from, to, context, buffer, &bytes);
	if (r == 0 && EVP_DigestFinal_ex(context, digest, NULL) != 1)
		r = -ENOMEM;
	if (r == 0 && copy && (ftruncate(to, bytes) < 0 || fsync(to) < 0))
		r = -errno;
	if (r == 0)
		print_digest(digest, out);
	if (from >= 0)
		(void)close(from);
	if (to >= 0 && close(to) < 0 && r == 0)
		r = -errno;
	EVP_MD_CTX_free(context);
	free(buffer);
	return r;
}

/* ---- create ---- */

static int make_folder(const char *dir, char *detail, size_t detail_bytes)
{
	char path[PATH_MAX];
	DIR *folder;
	const struct dirent *entry;
	bool used = false;

	if (mkdir(dir, 0777) < 0 && errno != EEXIST) {
		int r = -errno;
		yp_detail(detail, detail_bytes, "%.200s: %s", dir, strerror(-r));
		return r;
	}
	folder = opendir(dir);
	while (folder && (entry = readdir(folder)) != NULL)
		used = used || (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0);
	if (folder)
		(void)closedir(folder);
	if (!folder || used) {
		yp_detail(detail, detail_bytes, "%.200s %s; name a folder that is new or empty", dir,
			  folder ? "has something in it" : "is not a folder");
		return 1;
	}
	int r = name_file(path, dir, "bases", "");
	return r == 0 && mkdir(path, 0777) < 0 ? -errno : r;
}

static int print_media(FILE *f, const void *what)
{
	const struct yp_host_media *media = what;

	for (unsigned i = 0; i < media->layout.count; i++)
		(void)fprintf(f, "%s %s%s %s %" PRIu64 "\n", media->layout.media[i].name, media->media[i].role,
			      media->media[i].loop ? "+loop" : "", yp_model_row(media->layout.media[i].model)->name,
			      media->layout.media[i].sectors);
	return ferror(f) ? -EIO : 0;
}

static int print_command(FILE *f, const void *what)
{
	for (char *const *at = what; *at; at++)
		(void)fprintf(f, "%s\n", *at);
	return ferror(f) ? -EIO : 0;
}

struct digests {
	const struct yp_host_media *media;
	char text[YP_MEDIA_MAX][DIGEST_TEXT];
};

static int print_digests(FILE *f, const void *what)
{
	const struct digests *digests = what;

	for (unsigned i = 0; i < digests->media->layout.count; i++)
		(void)fprintf(f, "%s  bases/%s\n", digests->text[i], digests->media->layout.media[i].name);
	return ferror(f) ? -EIO : 0;
}

int yp_recording_create(const char *dir, const struct yp_host_media *given, char *const *command,
			struct yp_host_media *out, char *detail, size_t detail_bytes)
{
	assert(dir && given && command && out);
	struct digests digests = {.media = given};
	int r = make_folder(dir, detail, detail_bytes);

	*out = *given;
	for (unsigned i = 0; r == 0 && i < given->layout.count; i++) {
		r = name_file(out->media[i].file, dir, "bases", given->layout.media[i].name);
		if (r == 0)
			r = digest_file(given->media[i].file, out->media[i].file, digests.text[i]);
		if (r < 0)
			yp_detail(detail, detail_bytes, "a copy of %.200s: %s", given->media[i].file, strerror(-r));
	}
	if (r == 0)
		r = put_file(dir, "sha256", print_digests, &digests);
	if (r == 0)
		r = put_file(dir, "command", print_command, command);
	if (r == 0)
		r = put_file(dir, "media", print_media, given);
	if (r < 0 && *detail == 0)
		yp_detail(detail, detail_bytes, "%.200s: %s", dir, strerror(-r));
	return r;
}

static int print_text(FILE *f, const void *what)
{
	return fprintf(f, "%s\n", (const char *)what) < 0 ? -EIO : 0;
}

int yp_recording_end(const char *dir, const char *status)
{
	assert(dir && status);
	return put_file(dir, "status", print_text, status);
}

/* ---- open ---- */

static int take_line(const char *dir, char *line, struct yp_host_media *out, char *detail, size_t detail_bytes)
{
	char *rest = NULL;
	const char *name = strtok_r(line, " \n", &rest);
	char *role = strtok_r(NULL, " \n", &rest);
	const char *model = strtok_r(NULL, " \n", &rest);
	const char *sectors = strtok_r(NULL, " \n", &rest);
	char *plus = role ? strrchr(role, '+') : NULL;
	bool loop = plus && strcmp(plus, "+loop") == 0;
	char path[PATH_MAX];
	char *end = NULL;
	uint64_t count = sectors ? strtoull(sectors, &end, 10) : 0;
	enum yp_model found;

	if (!sectors || *end || count > UINT32_MAX || yp_model_find(model, &found) < 0) {
		yp_detail(detail, detail_bytes, "%.200s/media: a line is not NAME ROLE MODEL SECTORS", dir);
		return 1;
	}
	if (loop)
		*plus = 0;
	int r = name_file(path, dir, "bases", name);
	if (r == 0)
		r = yp_host_media_add(out, name, path, role, loop, count * YP_SECTOR_BYTES, detail, detail_bytes);
	if (r == 0)
		out->layout.media[out->layout.count - 1].model = found;
	return r;
}

static int read_media(const char *dir, struct yp_host_media *out, char *detail, size_t detail_bytes)
{
	char path[PATH_MAX];
	char line[LINE_BYTES];
	int r = name_file(path, dir, "", "media");
	FILE *f = r == 0 ? fopen(path, "re") : NULL;

	if (!f) {
		r = r ? r : -errno;
		yp_detail(detail, detail_bytes, "%.200s: %s; it is no folder of 'yankproof record'", path,
			  strerror(-r));
		return r;
	}
	while (r == 0 && fgets(line, sizeof line, f))
		r = take_line(dir, line, out, detail, detail_bytes);
	(void)fclose(f);
	if (r == 0 && out->layout.count == 0) {
		yp_detail(detail, detail_bytes, "%.200s names no medium", path);
		r = 1;
	}
	return r;
}

static int check_digests(const char *dir, const struct yp_host_media *media, char *detail, size_t detail_bytes)
{
	char path[PATH_MAX];
	char line[LINE_BYTES];
	char digest[DIGEST_TEXT];
	int r = name_file(path, dir, "", "sha256");
	FILE *f = r == 0 ? fopen(path, "re") : NULL;

	if (!f)
		return r ? r : -errno;
	for (unsigned i = 0; r == 0 && i < media->layout.count; i++) {
		r = fgets(line, sizeof line, f) ? digest_file(media->media[i].file, NULL, digest) : -EIO;
		if (r < 0)
			yp_detail(detail, detail_bytes, "%.200s: %s", media->media[i].file, strerror(-r));
		else if (strncmp(line, digest, DIGEST_TEXT - 1) != 0)
			r = 1;
		if (r > 0)
			yp_detail(detail, detail_bytes, "%.200s is not what was recorded (see %.200s); record it again",
				  media->media[i].file, path);
	}
	(void)fclose(f);
	return r;
}

int yp_recording_open(const char *dir, struct yp_host_media *out, char *detail, size_t detail_bytes)
{
	assert(dir && out);
	*out = (struct yp_host_media){0};
	int r = read_media(dir, out, detail, detail_bytes);

	if (r == 0)
		r = check_digests(dir, out, detail, detail_bytes);
	if (r < 0 && *detail == 0)
		yp_detail(detail, detail_bytes, "%.200s: %s", dir, strerror(-r));
	return r;
}
