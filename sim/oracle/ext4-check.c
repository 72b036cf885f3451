/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data partition as ext4 sees it: on a scratch file that is brought to a state's contents, e2fsck replays the journal and
 * checks everything, as the board does before it mounts; then the user's file must be there, byte for byte.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oracle/oracle-private.h"

#define E2FSCK           "/sbin/e2fsck"
#define DEBUGFS          "/sbin/debugfs"
#define CANARY_BYTES_MAX (1024u * 1024u)
#define UNKNOWN          UINT32_MAX
#define PIECE_SECTORS    2048u
#define INCOMPAT_AT      (1024u + 0x60u)
#define INCOMPAT_RECOVER 0x4u
#define E2FSCK_REPAIRED  1 /* with -p only what a power cut explains */
#define PATH_BYTES       600u

extern char **environ;

struct yp_oracle_ext4 {
	char path[PATH_BYTES];
	int fd;
	unsigned medium;
	uint64_t sectors;
	uint32_t *there; /* content ids that the scratch file holds, or UNKNOWN */
	uint8_t *piece;
	char *canary, *found;
	size_t canary_bytes;
};

/* Its standard output, up to max bytes; *status: exit status. 0 or -errno. */
static int run_program(char *const argv[], char *out, size_t max, size_t *used, int *status)
{
	posix_spawn_file_actions_t actions;
	int fds[2], error, ended;
	pid_t pid;
	ssize_t n = 1;

	*used = 0;
	if (pipe(fds) != 0)
		return -errno;
	(void)fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	(void)fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	error = -posix_spawn_file_actions_init(&actions);
	if (error == 0) {
		(void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
		(void)posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
		(void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
		error = -posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
		(void)posix_spawn_file_actions_destroy(&actions);
	}
	(void)close(fds[1]);
	while (error == 0 && n > 0) {
		char rest[512];
		bool room = *used < max;

		n = read(fds[0], room ? out + *used : rest, room ? max - *used : sizeof rest);
		if (n > 0 && room)
			*used += (size_t)n;
	}
	(void)close(fds[0]);
	if (error != 0)
		return error;
	if (waitpid(pid, &ended, 0) != pid)
		return -errno;
	*status = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
	return 0;
}

static int read_canary(const struct yp_oracle_ext4 *ext4, char *out, size_t *bytes, int *status)
{
	char program[] = DEBUGFS, request[] = "-R", command[] = "cat /canary";
	char path[PATH_BYTES];
	char *argv[] = {program, request, command, path, NULL};

	memcpy(path, ext4->path, sizeof path);
	return run_program(argv, out, CANARY_BYTES_MAX, bytes, status);
}

/* Writes what differs from the image. */
static int bring_contents(struct yp_oracle_ext4 *ext4, const struct yp_image *image)
{
	for (uint64_t s = 0; s < ext4->sectors;) {
		uint64_t first = s;
		uint32_t count = 0;
		ssize_t bytes;

		for (; s < ext4->sectors && count < PIECE_SECTORS; s++, count++) {
			uint32_t content = yp_image_get(image, ext4->medium, s);

			if (content == ext4->there[s])
				break;
			memcpy(ext4->piece + (size_t)count * YP_SECTOR_BYTES,
			       yp_pool_sector(yp_image_pool(image), content), YP_SECTOR_BYTES);
			ext4->there[s] = content;
		}
		if (count == 0) {
			s++;
			continue;
		}
		bytes = (ssize_t)count * (ssize_t)YP_SECTOR_BYTES;
		if (pwrite(ext4->fd, ext4->piece, (size_t)bytes, (off_t)(first * YP_SECTOR_BYTES)) != bytes)
			return -EIO;
	}
	return 0;
}

/* What the programs changed is unknown from here on. */
static int notice_changes(struct yp_oracle_ext4 *ext4, const struct yp_pool *pool)
{
	for (uint64_t s = 0; s < ext4->sectors;) {
		uint64_t left = ext4->sectors - s;
		uint32_t count = left < PIECE_SECTORS ? (uint32_t)left : PIECE_SECTORS;
		ssize_t bytes = (ssize_t)count * (ssize_t)YP_SECTOR_BYTES;

		if (pread(ext4->fd, ext4->piece, (size_t)bytes, (off_t)(s * YP_SECTOR_BYTES)) != bytes)
			return -EIO;
		for (uint32_t k = 0; k < count; k++, s++) {
			if (memcmp(ext4->piece + (size_t)k * YP_SECTOR_BYTES, yp_pool_sector(pool, ext4->there[s]),
				   YP_SECTOR_BYTES) != 0)
				ext4->there[s] = UNKNOWN;
		}
	}
	return 0;
}

static int check_data(struct yp_oracle_ext4 *ext4, struct yp_oracle_data_check *out)
{
	char program[] = E2FSCK, how[] = "-fp";
	char path[PATH_BYTES];
	char *argv[] = {program, how, path, NULL};
	uint8_t incompat[4];
	char text[64];
	size_t bytes;
	int status = -1, error;

	if (pread(ext4->fd, incompat, sizeof incompat, INCOMPAT_AT) != (ssize_t)sizeof incompat)
		return -EIO;
	out->state = incompat[0] & INCOMPAT_RECOVER ? YP_ORACLE_DATA_REPLAY : YP_ORACLE_DATA_CLEAN;
	memcpy(path, ext4->path, sizeof path);
	error = run_program(argv, text, sizeof text, &bytes, &status);
	if (error != 0)
		return error;
	if (status < 0 || status > E2FSCK_REPAIRED) {
		out->state = YP_ORACLE_DATA_BROKEN;
		(void)snprintf(out->text, sizeof out->text, "e2fsck ends with %d", status);
		return 0;
	}
	error = read_canary(ext4, ext4->found, &bytes, &status);
	if (error != 0)
		return error;
	if (status != 0 || bytes != ext4->canary_bytes || memcmp(ext4->found, ext4->canary, bytes) != 0) {
		out->state = YP_ORACLE_DATA_BROKEN;
		(void)snprintf(out->text, sizeof out->text, "the user's file is lost or changed");
	}
	return 0;
}

int yp_oracle_ext4_check(struct yp_oracle_ext4 *ext4, const struct yp_image *image, struct yp_oracle_data_check *out)
{
	int error = bring_contents(ext4, image);

	if (error == 0)
		error = check_data(ext4, out);
	return error != 0 ? error : notice_changes(ext4, yp_image_pool(image));
}

int yp_oracle_ext4_new(const char *work, const struct yp_image *base, unsigned medium, struct yp_oracle_ext4 **out,
		       char *detail, size_t detail_bytes)
{
	struct yp_oracle_ext4 *ext4 = calloc(1, sizeof *ext4);
	struct yp_oracle_data_check first = {.state = YP_ORACLE_DATA_CLEAN};
	int status = 0, error = 0;

	if (ext4 == NULL)
		return -ENOMEM;
	ext4->medium = medium;
	ext4->sectors = yp_image_layout(base)->media[medium].sectors;
	ext4->there = calloc(ext4->sectors, sizeof *ext4->there);
	ext4->piece = malloc((size_t)PIECE_SECTORS * YP_SECTOR_BYTES);
	ext4->canary = malloc(CANARY_BYTES_MAX);
	ext4->found = malloc(CANARY_BYTES_MAX);
	(void)snprintf(ext4->path, sizeof ext4->path, "%.*s/data-%d.img", YP_ORACLE_PATH_MAX, work, (int)getpid());
	ext4->fd = open(ext4->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (ext4->there == NULL || ext4->piece == NULL || ext4->canary == NULL || ext4->found == NULL)
		error = -ENOMEM;
	else if (ext4->fd < 0 || ftruncate(ext4->fd, (off_t)(ext4->sectors * YP_SECTOR_BYTES)) != 0)
		error = -errno;
	if (error == 0)
		error = bring_contents(ext4, base);
	if (error == 0)
		error = read_canary(ext4, ext4->canary, &ext4->canary_bytes, &status);
	if (error == 0 && (status != 0 || ext4->canary_bytes == 0)) {
		error = -EINVAL;
		(void)snprintf(detail, detail_bytes, "the data partition holds no file called canary");
	}
	if (error == 0)
		error = yp_oracle_ext4_check(ext4, base, &first);
	if (error == 0 && first.state == YP_ORACLE_DATA_BROKEN) {
		error = -EINVAL;
		(void)snprintf(detail, detail_bytes, "the data partition at the start: %s", first.text);
	}
	if (error != 0) {
		yp_oracle_ext4_free(ext4);
		return error;
	}
	*out = ext4;
	return 0;
}

void yp_oracle_ext4_free(struct yp_oracle_ext4 *ext4)
{
	if (ext4 == NULL)
		return;
	if (ext4->fd >= 0) {
		(void)close(ext4->fd);
		(void)unlink(ext4->path);
	}
	free(ext4->there);
	free(ext4->piece);
	free(ext4->canary);
	free(ext4->found);
	free(ext4);
}
