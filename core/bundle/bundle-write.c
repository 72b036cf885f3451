/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a bundle to a file, or to memory. */
#include "ota/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file-io.h"
#include "bundle/bundle-packer.h"
#include "ota/reason.h"

#define IMAGE_UNIT_BYTES 512u
#define COPY_BYTES       ((size_t)1024 * 1024)
#define PEM_MAX_BYTES    (1024L * 1024L)
#define TEMPORARY_MAX    16u

/* Exactly size_bytes. A file that ends early is -EIO: it changed while it was read. */
static int read_all(int fd, uint8_t *out, size_t size_bytes)
{
	int result = ota_fd_read(fd, out, size_bytes);
	return result == -ENODATA ? -EIO : result;
}

static int read_file(void *ctx, uint8_t *out, size_t size_bytes)
{
	const int *fd = ctx;
	return read_all(*fd, out, size_bytes);
}

static int write_file(void *ctx, const uint8_t *data, size_t size_bytes)
{
	const int *fd = ctx;
	return ota_fd_write(*fd, data, size_bytes);
}

/* A text file whole; *out: free(). */
static int read_pem(const char *path, char **out, char *detail, size_t detail_bytes)
{
	int result = 0;
	off_t size = 0;
	char *text = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ota_detail_write(detail, detail_bytes, -errno, "%s: %s", path, strerror(errno));
	size = lseek(fd, 0, SEEK_END);
	if (size < 0 || size > PEM_MAX_BYTES || lseek(fd, 0, SEEK_SET) != 0) {
		result = ota_detail_write(detail, detail_bytes, OTA_BAD_CONFIG, "%s: not a file of at most %ld bytes",
					  path, PEM_MAX_BYTES);
		goto out;
	}
	text = malloc((size_t)size + 1);
	result = text ? read_all(fd, (uint8_t *)text, (size_t)size) : -ENOMEM;
	if (result) {
		(void)ota_detail_write(detail, detail_bytes, result, "%s: %s", path, strerror(-result));
		goto out;
	}
	text[size] = '\0';
	*out = text;
	text = NULL;
out:
	free(text);
	(void)close(fd);
	return result;
}

/* Opens the images: fds[i] is -1 or the caller's to close. */
static int open_images(const struct ota_bundle_spec *spec, int *fds, struct ota_packer_source *sources, char *detail,
		       size_t detail_bytes)
{
	if (spec->image_count < 1 || spec->image_count > OTA_IMAGES_MAX)
		return ota_detail_write(detail, detail_bytes, OTA_BAD_CONFIG, "a bundle holds 1 to %u images, not %u",
					OTA_IMAGES_MAX, spec->image_count);
	for (unsigned i = 0; i < spec->image_count; i++) {
		const char *path = spec->images[i].path;
		fds[i] = open(path, O_RDONLY | O_CLOEXEC);
		struct stat status;
		off_t size = fds[i] < 0 || fstat(fds[i], &status) ? -1 : lseek(fds[i], 0, SEEK_END);
		if (size >= 0 && S_ISDIR(status.st_mode))
			return ota_detail_write(detail, detail_bytes, -EISDIR, "%s: %s", path, strerror(EISDIR));
		if (size < 0 || lseek(fds[i], 0, SEEK_SET) != 0)
			return ota_detail_write(detail, detail_bytes, -errno, "%s: %s", path, strerror(errno));
		if (size == 0 || size % IMAGE_UNIT_BYTES != 0)
			return ota_detail_write(
			    detail, detail_bytes, OTA_BAD_CONFIG,
			    "%s: %lld bytes are no image, for devices have whole sectors; pad it to a "
			    "multiple of %u",
			    path, (long long)size, IMAGE_UNIT_BYTES);
		sources[i] = (struct ota_packer_source){spec->images[i].name, (uint64_t)size, read_file, &fds[i]};
	}
	return 0;
}

/* A device or a pipe would be replaced by the file under its name. */
static int check_target(const char *out_path, char *detail, size_t detail_bytes)
{
	struct stat status;
	if (stat(out_path, &status) || S_ISREG(status.st_mode))
		return 0;
	return ota_detail_write(detail, detail_bytes, OTA_BAD_CONFIG,
				"%s: is there and no regular file; give another path", out_path);
}

/* A new file beside out_path, with the permissions that the umask leaves. */
static int open_beside(const char *out_path, char *name, size_t name_bytes, int *fd)
{
	for (unsigned i = 0; i < TEMPORARY_MAX; i++) {
		int n = snprintf(name, name_bytes, "%s.%ld-%u.tmp", out_path, (long)getpid(), i);
		if (n < 0 || (size_t)n >= name_bytes)
			return -ENAMETOOLONG;
		*fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (*fd >= 0 || errno != EEXIST)
			return *fd < 0 ? -errno : 0;
	}
	return -EEXIST;
}

static int copy_payload(int from, int to, uint64_t size_bytes)
{
	int result = 0;
	uint8_t *buffer = malloc(COPY_BYTES);
	if (!buffer)
		return -ENOMEM;
	if (lseek(from, 0, SEEK_SET) != 0)
		result = -errno;
	while (!result && size_bytes > 0) {
		size_t n = size_bytes < COPY_BYTES ? (size_t)size_bytes : COPY_BYTES;
		result = read_all(from, buffer, n);
		if (!result)
			result = ota_fd_write(to, buffer, n);
		size_bytes -= n;
	}
	free(buffer);
	return result;
}

/* Head and payload under a temporary name, then renamed: a reader sees no bundle, the old one or the new one. */
static int publish_bundle(const char *out_path, const uint8_t *head, size_t head_bytes, int payload_fd)
{
	char name[PATH_MAX];
	int fd = -1;
	int result = open_beside(out_path, name, sizeof name, &fd);
	if (result)
		return result;
	off_t payload_bytes = lseek(payload_fd, 0, SEEK_END);
	result = payload_bytes < 0 ? -errno : ota_fd_write(fd, head, head_bytes);
	if (!result)
		result = copy_payload(payload_fd, fd, (uint64_t)payload_bytes);
	if (!result && fsync(fd))
		result = -errno;
	if (close(fd) && !result)
		result = -errno;
	if (!result && rename(name, out_path))
		result = -errno;
	if (result)
		(void)unlink(name);
	else
		result = ota_directory_sync(out_path);
	return result;
}

static int pack_to_file(const struct ota_bundle_spec *spec, const struct ota_packer_source *sources,
			const char *certificate_pem, const char *key_pem, const char *out_path, char *detail,
			size_t detail_bytes)
{
	char name[PATH_MAX];
	int payload_fd = -1;
	uint8_t *head = NULL;
	size_t head_bytes = 0;
	struct ota_packer *packer = NULL;
	int result =
	    ota_packer_new(spec->manifest, sources, spec->image_count, spec->zstd_level, &packer, detail, detail_bytes);
	if (result)
		return result;
	result = open_beside(out_path, name, sizeof name, &payload_fd);
	if (result) {
		(void)ota_detail_write(detail, detail_bytes, result, "%s: %s", out_path, strerror(-result));
		goto out;
	}
	(void)unlink(name); /* the file of the payload is removed when its descriptor is closed */
	const struct ota_packer_sink sink = {write_file, &payload_fd};
	result = ota_packer_run(packer, &sink, detail, detail_bytes);
	if (!result)
		result = ota_packer_seal(packer, certificate_pem, key_pem, &head, &head_bytes, detail, detail_bytes);
	if (!result) {
		result = publish_bundle(out_path, head, head_bytes, payload_fd);
		if (result)
			(void)ota_detail_write(detail, detail_bytes, result, "%s: %s", out_path, strerror(-result));
	}
out:
	if (payload_fd >= 0)
		(void)close(payload_fd);
	free(head);
	ota_packer_free(packer);
	return result;
}

int ota_bundle_write(const struct ota_bundle_spec *spec, const char *out_path, char *detail, size_t detail_bytes)
{
	int fds[OTA_IMAGES_MAX] = {-1, -1, -1, -1};
	struct ota_packer_source sources[OTA_IMAGES_MAX];
	char *certificate_pem = NULL;
	char *key_pem = NULL;
	int result = check_target(out_path, detail, detail_bytes);
	if (!result)
		result = open_images(spec, fds, sources, detail, detail_bytes);
	if (!result)
		result = read_pem(spec->certificate_path, &certificate_pem, detail, detail_bytes);
	if (!result)
		result = read_pem(spec->key_path, &key_pem, detail, detail_bytes);
	if (!result)
		result = pack_to_file(spec, sources, certificate_pem, key_pem, out_path, detail, detail_bytes);
	for (unsigned i = 0; i < OTA_IMAGES_MAX; i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]);
	}
	free(certificate_pem);
	free(key_pem);
	return result;
}

struct memory {
	const uint8_t *at;
};

static int read_memory(void *ctx, uint8_t *out, size_t size_bytes)
{
	struct memory *memory = ctx;
	memcpy(out, memory->at, size_bytes);
	memory->at += size_bytes;
	return 0;
}

struct blob {
	uint8_t *data;
	size_t size_bytes;
	size_t room;
};

static int write_memory(void *ctx, const uint8_t *data, size_t size_bytes)
{
	struct blob *blob = ctx;
	if (size_bytes > blob->room - blob->size_bytes) {
		if (blob->room > SIZE_MAX / 4 || size_bytes > SIZE_MAX / 4)
			return -ENOMEM;
		size_t room = 2 * blob->room + size_bytes;
		uint8_t *more = realloc(blob->data, room);
		if (!more)
			return -ENOMEM;
		blob->data = more;
		blob->room = room;
	}
	memcpy(blob->data + blob->size_bytes, data, size_bytes);
	blob->size_bytes += size_bytes;
	return 0;
}

int ota_bundle_build(const struct ota_manifest *manifest, const struct ota_bundle_blob *images, unsigned image_count,
		     const char *certificate_pem, const char *key_pem, int zstd_level, uint8_t **out, size_t *out_bytes,
		     char *detail, size_t detail_bytes)
{
	struct memory memory[OTA_IMAGES_MAX];
	struct ota_packer_source sources[OTA_IMAGES_MAX];
	struct ota_packer *packer = NULL;
	struct blob payload = {0};
	uint8_t *head = NULL;
	size_t head_bytes = 0;
	*out = NULL;
	for (unsigned i = 0; i < image_count && i < OTA_IMAGES_MAX; i++) {
		memory[i].at = images[i].data;
		sources[i] = (struct ota_packer_source){images[i].name, images[i].size_bytes, read_memory, &memory[i]};
	}
	const struct ota_packer_sink sink = {write_memory, &payload};
	int result = ota_packer_new(manifest, sources, image_count, zstd_level, &packer, detail, detail_bytes);
	if (!result)
		result = ota_packer_run(packer, &sink, detail, detail_bytes);
	if (!result)
		result = ota_packer_seal(packer, certificate_pem, key_pem, &head, &head_bytes, detail, detail_bytes);
	if (!result) {
		uint8_t *whole = realloc(head, head_bytes + payload.size_bytes);
		result = whole ? 0 : -ENOMEM;
		if (whole) {
			memcpy(whole + head_bytes, payload.data, payload.size_bytes);
			*out = whole;
			*out_bytes = head_bytes + payload.size_bytes;
			head = NULL;
		}
	}
	free(head);
	free(payload.data);
	ota_packer_free(packer);
	return result;
}
