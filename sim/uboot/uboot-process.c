/* SPDX-License-Identifier: Apache-2.0 */
/* U-Boot as a process, up to its decision. It is killed there: its cards are mapped, so what it stored stays. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "uboot/uboot-process.h"

#define DEADLINE_MS 10000
#define CARD        "env.img"
#define DISK        "disk.img"

extern char **environ;

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int write_config(const struct uboot_board *board)
{
	FILE *f = fopen(board->config, "w");

	if (f == NULL)
		return -errno;
	(void)fprintf(f, "%s/%s 0x%x 0x%x\n%s/%s 0x%x 0x%x\n", board->dir, CARD, UBOOT_ENV_OFFSET_0, UBOOT_ENV_BYTES,
		      board->dir, CARD, UBOOT_ENV_OFFSET_1, UBOOT_ENV_BYTES);
	return fclose(f) == 0 ? 0 : -errno;
}

int uboot_board_init(struct uboot_board *board, const char *dir, const char *build, const char *disks)
{
	char path[300];
	int error;

	(void)snprintf(board->dir, sizeof board->dir, "%s", dir);
	(void)snprintf(board->program, sizeof board->program, "%s/u-boot", build);
	(void)snprintf(board->dtb, sizeof board->dtb, "%s/board.dtb", disks);
	(void)snprintf(board->disks, sizeof board->disks, "%s/disks", disks);
	(void)snprintf(board->config, sizeof board->config, "%s/fw_env.config", dir);
	(void)snprintf(path, sizeof path, "%s/" CARD, dir);
	board->card = -1;
	if (chdir(dir) == 0)
		board->card = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (board->card < 0)
		return -errno;
	error = ftruncate(board->card, UBOOT_CARD_BYTES) == 0 ? write_config(board) : -errno;
	if (error != 0)
		uboot_board_deinit(board);
	return error;
}

void uboot_board_deinit(struct uboot_board *board)
{
	if (board->card >= 0)
		(void)close(board->card);
	board->card = -1;
}

static const off_t offsets[2] = {UBOOT_ENV_OFFSET_0, UBOOT_ENV_OFFSET_1};

int uboot_board_put(struct uboot_board *board, const struct uboot_case *c)
{
	for (unsigned i = 0; i < 2; i++) {
		if (pwrite(board->card, c->raw[i], UBOOT_ENV_BYTES, offsets[i]) != (ssize_t)UBOOT_ENV_BYTES)
			return -EIO;
	}
	return 0;
}

static int insert_disk(const struct uboot_board *board, const struct uboot_case *c)
{
	char path[300], target[300];

	(void)snprintf(path, sizeof path, "%s/" DISK, board->dir);
	(void)snprintf(target, sizeof target, "%s/disk-%u%u.img", board->disks, (unsigned)c->kernel[0],
		       (unsigned)c->kernel[1]);
	if (unlink(path) != 0 && errno != ENOENT)
		return -errno;
	return symlink(target, path) == 0 ? 0 : -errno;
}

/* Its output comes out of *fd. */
static int start(char *const argv[], pid_t *pid, int *fd)
{
	posix_spawn_file_actions_t actions;
	int fds[2], error;

	if (pipe(fds) != 0)
		return -errno;
	(void)fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	(void)fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	error = -posix_spawn_file_actions_init(&actions);
	if (error == 0) {
		(void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
		(void)posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
		(void)posix_spawn_file_actions_adddup2(&actions, fds[1], STDERR_FILENO);
		error = -posix_spawnp(pid, argv[0], &actions, NULL, argv, environ);
		(void)posix_spawn_file_actions_destroy(&actions);
	}
	(void)close(fds[1]);
	if (error != 0)
		(void)close(fds[0]);
	*fd = fds[0];
	return error;
}

/* A line that begins with `word`, behind `from`; NULL: none that is complete. */
static const char *line_of(const char *from, const char *word)
{
	const char *at = from;

	while ((at = strstr(at, word)) != NULL) {
		if ((at == from || at[-1] == '\n') && strchr(at, '\n') != NULL)
			return at;
		at++;
	}
	return NULL;
}

static bool decided(const char *text, struct uboot_run *out)
{
	const char *script = strstr(text, "\nEnvironment size: ");
	const char *at = script == NULL ? NULL : line_of(script, "ota: decided ");

	if (script == NULL)
		return false;
	out->end = UBOOT_END_SLOT;
	if (at == NULL) {
		out->end = UBOOT_END_PROMPT;
		return strstr(script, "\n=> ") != NULL;
	}
	at += strlen("ota: decided ");
	if (strncmp(at, "halt", 4) == 0)
		out->end = UBOOT_END_HALT;
	else
		out->slot = *at;
	return true;
}

static void read_until_decided(int fd, struct uboot_run *out)
{
	int64_t end_ms = now_ms() + DEADLINE_MS;
	size_t used = 0;

	out->text[0] = '\0';
	while (!decided(out->text, out)) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left_ms = end_ms - now_ms();
		ssize_t n = 0;

		if (left_ms > 0 && used < UBOOT_TEXT_MAX - 1 && poll(&p, 1, (int)left_ms) > 0)
			n = read(fd, out->text + used, UBOOT_TEXT_MAX - 1 - used);
		if (n <= 0) {
			out->end = UBOOT_END_DEADLINE;
			return;
		}
		/* A serial line ends with CR and LF; a zero must not hide the rest. */
		for (size_t i = used, end = used + (size_t)n; i < end; i++) {
			char byte = out->text[i];

			if (byte != '\r')
				out->text[used++] = byte == '\0' ? '?' : byte;
		}
		out->text[used] = '\0';
	}
}

static unsigned count_of(const char *text, const char *word)
{
	unsigned n = 0;

	for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word))
		n++;
	return n;
}

int uboot_board_run(struct uboot_board *board, const struct uboot_case *c, struct uboot_run *out)
{
	char option[5][3] = {"-d", "-i", "-c"};
	char command[] = "printenv";
	char *argv[] = {board->program, option[0], board->dtb, option[1], option[2], command, NULL};
	const char *script;
	pid_t pid = -1;
	int fd = -1, status, error = insert_disk(board, c);

	if (error == 0)
		error = uboot_board_put(board, c);
	if (error == 0)
		error = start(argv, &pid, &fd);
	if (error != 0)
		return error;
	out->slot = 0;
	read_until_decided(fd, out);
	(void)kill(pid, SIGKILL);
	(void)close(fd);
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	script = strstr(out->text, "\nEnvironment size: ");
	out->stores = script == NULL ? 0 : count_of(script, "Saving Environment to MMC... ");
	out->failures = out->stores - (script == NULL ? 0 : count_of(script, "MMC(0)... OK"));
	out->defaults = strstr(out->text, ", using default environment") != NULL;
	for (unsigned i = 0; i < 2; i++) {
		if (pread(board->card, out->raw[i], UBOOT_ENV_BYTES, offsets[i]) != (ssize_t)UBOOT_ENV_BYTES)
			return -EIO;
	}
	return 0;
}

int uboot_board_printenv(struct uboot_board *board, char out[UBOOT_TEXT_MAX], int *status)
{
	char program[] = "fw_printenv", option[] = "-c";
	char *argv[] = {program, option, board->config, NULL};
	size_t used = 0;
	ssize_t n = 1;
	pid_t pid = -1;
	int fd = -1, error = start(argv, &pid, &fd);

	if (error != 0)
		return error;
	while (n > 0 && used < UBOOT_TEXT_MAX - 1) {
		n = read(fd, out + used, UBOOT_TEXT_MAX - 1 - used);
		used += n > 0 ? (size_t)n : 0;
	}
	out[used] = '\0';
	(void)close(fd);
	if (waitpid(pid, status, 0) != pid)
		return -errno;
	*status = WIFEXITED(*status) ? WEXITSTATUS(*status) : -1;
	return 0;
}
