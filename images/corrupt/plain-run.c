/* SPDX-License-Identifier: Apache-2.0 */
/* The corrupters as a command on any file: flip, truncate, splice. */
#include "corrupt/plain-run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "corrupt/bundle-layout.h"

#define FILE_MAX_BYTES ((size_t)1 << 30)

static int file_read(const char *path, struct bytes *out)
{
	FILE *file = fopen(path, "rb");
	long size = -1;
	int result = -1;
	*out = (struct bytes){0};
	if (!file)
		return -1;
	if (fseek(file, 0, SEEK_END) == 0)
		size = ftell(file);
	if (size >= 0 && (size_t)size <= FILE_MAX_BYTES && fseek(file, 0, SEEK_SET) == 0) {
		*out = (struct bytes){malloc((size_t)size + 1), (size_t)size};
		if (out->data && fread(out->data, 1, out->size, file) == out->size)
			result = 0;
	}
	if (fclose(file) != 0)
		result = -1;
	if (result)
		bytes_free(out);
	return result;
}

static int file_write(const char *path, const struct bytes *in)
{
	FILE *file = fopen(path, "wb");
	if (!file)
		return -1;
	int result = fwrite(in->data, 1, in->size, file) == in->size ? 0 : -1;
	return fclose(file) == 0 ? result : -1;
}

/* "12" or "12.3", to the end; the second number is 0 where one alone is wanted. */
static bool read_numbers(const char *text, bool two, size_t *first, size_t *second)
{
	char *end = NULL;
	if (*text < '0' || *text > '9')
		return false;
	*first = strtoull(text, &end, 10);
	*second = 0;
	if (two && *end == '.' && end[1] >= '0' && end[1] <= '9')
		*second = strtoull(end + 1, &end, 10);
	else if (two)
		return false;
	return *end == 0;
}

static int change_file(const char *what, const struct bytes *in, const struct bytes *other, struct bytes *out)
{
	size_t at;
	size_t second;
	if (strncmp(what, "flip:", 5) == 0 && read_numbers(what + 5, true, &at, &second) && second < 8)
		return plain_flip(in, at, (unsigned)second, out);
	if (strncmp(what, "cut:", 4) == 0 && read_numbers(what + 4, false, &at, &second))
		return plain_truncate(in, at, out);
	if (other->data && strncmp(what, "splice:", 7) == 0 && read_numbers(what + 7, true, &at, &second))
		return plain_splice(in, at, other, second, out);
	return -ENOTSUP;
}

static const char *print_result(int result)
{
	switch (result) {
	case -EINVAL:
		return "there is nothing to change";
	case -ENOTSUP:
		return "not flip:BYTE.BIT, cut:BYTES or, with a second file, splice:BYTES.FROM";
	default:
		return "cannot be read, changed or written";
	}
}

int plain_main(int argc, char **argv)
{
	struct bytes in = {0};
	struct bytes other = {0};
	struct bytes out = {0};
	int result = argc < 3 ? -ENOTSUP : 0;
	if (result == 0 && (file_read(argv[1], &in) || (argc > 3 && file_read(argv[3], &other))))
		result = -EIO;
	if (result == 0)
		result = change_file(argv[0], &in, &other, &out);
	if (result == 0 && out.size == in.size && memcmp(out.data, in.data, in.size) == 0)
		result = -EINVAL;
	if (result == 0 && file_write(argv[2], &out))
		result = -EIO;
	if (result)
		(void)fprintf(stderr, "corrupt-run: %s: %s\n", argv[0], print_result(result));
	bytes_free(&in);
	bytes_free(&other);
	bytes_free(&out);
	return result == 0 ? 0 : (result == -ENOTSUP ? 2 : (result == -EINVAL ? 4 : 3));
}
