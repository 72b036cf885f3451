/* SPDX-License-Identifier: Apache-2.0 */
/* U-Boot as a process, up to its decision. It is killed there: its cards are mapped, so what it stored stays. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "power-cut/host-calls.h"
#include "uboot/uboot-process.h"

#define DEADLINE_MS 10000
#define LINE_BYTES  2048u
#define CARD        "env.img"
#define DISK        "disk.img"

extern char **environ;

int yp_uboot_defaults_load(const char *path, struct yp_uboot_defaults *out)
{
	char line[LINE_BYTES];
	FILE *f = fopen(path, "r");
	int error = 0;

	out->count = 0;
	if (f == NULL)
		return -errno;
	while (error == 0 && fgets(line, sizeof line, f) != NULL) {
		size_t bytes = strcspn(line, "\n");

		line[bytes] = '\0';
		if (bytes == 0 || line[0] == '#')
			continue;
		if (bytes >= YP_UBOOT_ENTRY_MAX || out->count == YP_UBOOT_ENTRIES_MAX - 16)
			error = -E2BIG;
		else
			memcpy(out->entries[out->count++], line, bytes + 1);
	}
	(void)fclose(f);
	return error == 0 && out->count == 0 ? -ENODATA : error;
}

static int write_config(const struct yp_uboot_machine *machine)
{
	FILE *f = fopen(machine->config, "w");

	if (f == NULL)
		return -errno;
	(void)fprintf(f, "%s/%s 0x%x 0x%x\n%s/%s 0x%x 0x%x\n", machine->dir, CARD, YP_UBOOT_ENV_OFFSET_0,
		      YP_UBOOT_ENV_BYTES, machine->dir, CARD, YP_UBOOT_ENV_OFFSET_1, YP_UBOOT_ENV_BYTES);
	return fclose(f) == 0 ? 0 : -errno;
}

int yp_uboot_machine_init(struct yp_uboot_machine *machine, const char *dir, const char *build, const char *disks,
			  const char *decided)
{
	char path[300];
	int error;

	assert(dir[0] == '/' && build[0] == '/' && disks[0] == '/' && decided != NULL);
	machine->card = -1;
	if (regcomp(&machine->decided, decided, REG_EXTENDED | REG_NEWLINE) != 0)
		return -EINVAL;

	(void)snprintf(machine->dir, sizeof machine->dir, "%s", dir);
	(void)snprintf(machine->program, sizeof machine->program, "%s/u-boot", build);
	(void)snprintf(machine->dtb, sizeof machine->dtb, "%s/board.dtb", disks);
	(void)snprintf(machine->disks, sizeof machine->disks, "%s/disks", disks);
	(void)snprintf(machine->config, sizeof machine->config, "%s/fw_env.config", dir);
	(void)snprintf(path, sizeof path, "%s/" CARD, dir);
	if (chdir(dir) == 0)
		machine->card = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (machine->card < 0) {
		error = -errno;
		regfree(&machine->decided);
		return error;
	}
	error = ftruncate(machine->card, YP_UBOOT_CARD_BYTES) == 0 ? write_config(machine) : -errno;
	if (error != 0)
		yp_uboot_machine_deinit(machine);
	return error;
}

void yp_uboot_machine_deinit(struct yp_uboot_machine *machine)
{
	if (machine->card < 0)
		return;
	(void)close(machine->card);
	regfree(&machine->decided);
	machine->card = -1;
}

static const off_t offsets[2] = {YP_UBOOT_ENV_OFFSET_0, YP_UBOOT_ENV_OFFSET_1};

int yp_uboot_machine_put(struct yp_uboot_machine *machine, const struct yp_uboot_case *c)
{
	for (unsigned i = 0; i < 2; i++) {
		if (pwrite(machine->card, c->raw[i], YP_UBOOT_ENV_BYTES, offsets[i]) != (ssize_t)YP_UBOOT_ENV_BYTES)
			return -EIO;
	}
	return 0;
}

static int insert_disk(const struct yp_uboot_machine *machine, const struct yp_uboot_case *c)
{
	char path[300], target[300];

	(void)snprintf(path, sizeof path, "%s/" DISK, machine->dir);
	(void)snprintf(target, sizeof target, "%s/disk-%u%u.img", machine->disks, (unsigned)c->kernel[0],
		       (unsigned)c->kernel[1]);
	if (unlink(path) != 0 && errno != ENOENT)
		return -errno;
	return symlink(target, path) == 0 ? 0 : -errno;
}

/* Its output comes out of *fd. */
static int start_program(char *const argv[], pid_t *pid, int *fd)
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

static bool is_decided(const regex_t *pattern, const char *text, struct yp_uboot_run *out)
{
	const char *script = strstr(text, "\nEnvironment size: ");
	regmatch_t groups[2];

	if (script == NULL)
		return false;
	if (regexec(pattern, script, 2, groups, 0) != 0 || strchr(script + groups[0].rm_eo, '\n') == NULL) {
		out->end = YP_UBOOT_END_PROMPT;
		return strstr(script, "\n=> ") != NULL;
	}
	out->end = groups[1].rm_eo - groups[1].rm_so == 1 ? YP_UBOOT_END_SLOT : YP_UBOOT_END_HALT;
	if (out->end == YP_UBOOT_END_SLOT)
		out->slot = script[groups[1].rm_so];
	return true;
}

static void read_until_decided(const regex_t *pattern, int fd, struct yp_uboot_run *out)
{
	uint64_t end_ms = yp_clock_ms() + DEADLINE_MS;
	size_t used = 0;

	out->text[0] = '\0';
	while (!is_decided(pattern, out->text, out)) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left_ms = (int64_t)(end_ms - yp_clock_ms());
		ssize_t n = 0;

		if (left_ms > 0 && used < YP_UBOOT_TEXT_MAX - 1 && poll(&p, 1, (int)left_ms) > 0)
			n = read(fd, out->text + used, YP_UBOOT_TEXT_MAX - 1 - used);
		if (n <= 0) {
			out->end = YP_UBOOT_END_DEADLINE;
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

static unsigned count_words(const char *text, const char *word)
{
	unsigned n = 0;

	for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word))
		n++;
	return n;
}

int yp_uboot_machine_run(struct yp_uboot_machine *machine, const struct yp_uboot_case *c, struct yp_uboot_run *out)
{
	char option[5][3] = {"-d", "-i", "-c"};
	char command[] = "printenv";
	char *argv[] = {machine->program, option[0], machine->dtb, option[1], option[2], command, NULL};
	const char *script;
	pid_t pid = -1;
	int fd = -1, status, error = insert_disk(machine, c);

	if (error == 0)
		error = yp_uboot_machine_put(machine, c);
	if (error == 0)
		error = start_program(argv, &pid, &fd);
	if (error != 0)
		return error;
	out->slot = 0;
	read_until_decided(&machine->decided, fd, out);
	(void)kill(pid, SIGKILL);
	(void)close(fd);
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	script = strstr(out->text, "\nEnvironment size: ");
	out->stores = script == NULL ? 0 : count_words(script, "Saving Environment to MMC... ");
	out->failures = out->stores - (script == NULL ? 0 : count_words(script, "MMC(0)... OK"));
	out->defaults = strstr(out->text, ", using default environment") != NULL;
	for (unsigned i = 0; i < 2; i++) {
		if (pread(machine->card, out->raw[i], YP_UBOOT_ENV_BYTES, offsets[i]) != (ssize_t)YP_UBOOT_ENV_BYTES)
			return -EIO;
	}
	return 0;
}

int yp_uboot_machine_printenv(struct yp_uboot_machine *machine, char out[YP_UBOOT_TEXT_MAX], int *status)
{
	char program[] = "fw_printenv", option[] = "-c";
	char *argv[] = {program, option, machine->config, NULL};
	size_t used = 0;
	ssize_t n = 1;
	pid_t pid = -1;
	int fd = -1, error = start_program(argv, &pid, &fd);

	if (error != 0)
		return error;
	while (n > 0 && used < YP_UBOOT_TEXT_MAX - 1) {
		n = read(fd, out + used, YP_UBOOT_TEXT_MAX - 1 - used);
		used += n > 0 ? (size_t)n : 0;
	}
	out[used] = '\0';
	(void)close(fd);
	if (waitpid(pid, status, 0) != pid)
		return -errno;
	*status = WIFEXITED(*status) ? WEXITSTATUS(*status) : -1;
	return 0;
}
