/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_LOG_BYTES_H
#define POWER_CUT_LOG_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

static inline uint32_t yp_get_le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t yp_get_le64(const uint8_t *p)
{
	return yp_get_le32(p) | (uint64_t)yp_get_le32(p + 4) << 32;
}

static inline void yp_put_le32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static inline void yp_put_le64(uint8_t *p, uint64_t v)
{
	yp_put_le32(p, (uint32_t)v);
	yp_put_le32(p + 4, (uint32_t)(v >> 32));
}

/* A whole file in memory: free(*bytes). 0 or -errno; -EFBIG beyond 16 GiB. */
int yp_file_read(const char *path, uint8_t **bytes, size_t *size) __attribute__((warn_unused_result));
/* A file that is being written. The first error is kept and returned by yp_file_close(), which also makes the file
 * durable; a regular file that failed is removed. */
struct yp_file {
	FILE *stream;
	const char *path;
	int error;
};
int yp_file_create(struct yp_file *file, const char *path) __attribute__((warn_unused_result));
void yp_file_add(struct yp_file *file, const void *bytes, size_t size);
int yp_file_close(struct yp_file *file) __attribute__((warn_unused_result));

#endif
