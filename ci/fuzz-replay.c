/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds every file named on the command line (or every file of a named directory) to a fuzz target
 * once, so that an ordinary build replays a corpus. Exit 1 if there was nothing to replay: an empty corpus proves
 * nothing.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (!f) {
		perror(path);
		return -1;
	}
	uint8_t *data = NULL;
	size_t size = 0;
	size_t room = 0;
	for (;;) {
		if (size == room) {
			room = room ? room * 2 : 65536;
			uint8_t *more = realloc(data, room);
			if (!more) {
				free(data);
				(void)fclose(f);
				return -1;
			}
			data = more;
		}
		size_t n = fread(data + size, 1, room - size, f);
		if (n == 0)
			break;
		size += n;
	}
	(void)fclose(f);
	(void)LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 0;
}

static int replay(const char *path, unsigned *count)
{
	DIR *dir = opendir(path);
	if (!dir) {
		*count += 1;
		return replay_file(path);
	}
	const struct dirent *entry;
	int result = 0;
	while (!result && (entry = readdir(dir))) {
		char file[4096];
		if (entry->d_name[0] == '.')
			continue;
		int n = snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
		result = n < 0 || (size_t)n >= sizeof file ? -1 : replay_file(file);
		*count += 1;
	}
	(void)closedir(dir);
	return result;
}

int main(int argc, char **argv)
{
	unsigned count = 0;
	for (int i = 1; i < argc; i++) {
		if (replay(argv[i], &count))
			return 1;
	}
	printf("%u inputs replayed\n", count);
	return count == 0;
}
