/* SPDX-License-Identifier: Apache-2.0 */
/* The fetch seam over regular files. */
#include "ota/fetch-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ota/reason.h"

#define BUFFER_BYTES ((size_t)128 * 1024)

struct ota_fetch_file {
	bool (*stop)(void *ctx);
	void *stop_ctx;
	uint8_t buffer[BUFFER_BYTES];
};

static void answer_from(const struct stat *st, const struct ota_fetch_request *request, struct ota_fetch_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	answer->status = request->offset_bytes > 0 || request->length_bytes > 0 ? 206 : 200;
	answer->total_bytes = (uint64_t)st->st_size;
	(void)snprintf(answer->etag, sizeof(answer->etag), "\"%llx-%llx-%llx-%llx.%lx\"",
		       (unsigned long long)st->st_dev, (unsigned long long)st->st_ino, (unsigned long long)st->st_size,
		       (unsigned long long)st->st_mtim.tv_sec, (unsigned long)st->st_mtim.tv_nsec);
}

static int deliver_body(struct ota_fetch_file *file, int fd, const struct ota_fetch_request *request, uint64_t end)
{
	uint64_t at = request->offset_bytes;
	int result = 0;

	while (result == 0 && at < end) {
		size_t want = end - at < BUFFER_BYTES ? (size_t)(end - at) : BUFFER_BYTES;
		ssize_t got;

		if (file->stop && file->stop(file->stop_ctx))
			return -EINTR;
		got = pread(fd, file->buffer, want, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue; /* the stop request is looked at first */
		if (got < 0)
			return -errno;
		if (got == 0)
			return OTA_SHORT_BODY;
		at += (uint64_t)got;
		result = request->body(request->ctx, file->buffer, (size_t)got);
	}
	return result;
}

static int file_get(void *ctx, const struct ota_fetch_request *request)
{
	struct ota_fetch_answer answer;
	struct stat st;
	uint64_t end;
	int fd = open(request->url, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int result = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0)
		result = -errno;
	else if (!S_ISREG(st.st_mode))
		result = -EINVAL;
	if (result != 0)
		goto out;
	answer_from(&st, request, &answer);
	end = answer.total_bytes;
	if (request->if_none_match && strcmp(request->if_none_match, answer.etag) == 0)
		result = OTA_NOTHING_TO_DO;
	else if (request->offset_bytes > 0 &&
		 (request->offset_bytes >= end ||
		  (request->if_range && request->if_range[0] != '\0' && strcmp(request->if_range, answer.etag) != 0)))
		result = OTA_HTTP_RANGE;
	if (result != 0)
		goto out;
	if (request->length_bytes > 0 && end - request->offset_bytes > request->length_bytes)
		end = request->offset_bytes + request->length_bytes;
	if (request->head)
		result = request->head(request->ctx, &answer);
	if (result != 0)
		goto out;
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* a hint */
	result = deliver_body(ctx, fd, request, end);
out:
	close(fd); /* opened for reading: close() can lose nothing */
	return result;
}

static int file_post(void *ctx, const char *url, const char *json, size_t size_bytes)
{
	(void)ctx;
	(void)url;
	(void)json;
	(void)size_bytes;
	return OTA_BAD_CONFIG;
}

static const struct ota_fetch_ops file_ops = {.get = file_get, .post = file_post};

int ota_fetch_file_new(bool (*stop)(void *ctx), void *stop_ctx, struct ota_fetch_file **out, struct ota_fetch *fetch)
{
	struct ota_fetch_file *file = malloc(sizeof(*file)); /* the buffer is not cleared: its pages come on use */

	if (!file)
		return -ENOMEM;
	file->stop = stop;
	file->stop_ctx = stop_ctx;
	fetch->ops = &file_ops;
	fetch->fetch = file;
	*out = file;
	return 0;
}

void ota_fetch_file_free(struct ota_fetch_file *file)
{
	free(file);
}
