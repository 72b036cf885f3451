/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* accept4, pipe2, POLLRDHUP, nftw */
/* The command as a process: its lines as they come, a deadline, and a kill at a chosen moment. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "network/host-device.h"
#include "network/wire.h"

#define WORDS_MAX 24u
#define TICK_MS   1

/* The real environment would bring proxies, locales and another CA. */
#define ENVIRONMENT_FIXED                                                                                              \
	(char[]){"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, (char[])                                                       \
	{                                                                                                              \
		"TZ=UTC"                                                                                               \
	}

/* A copy of text with one word replaced. 0 or -ENAMETOOLONG. */
static int replace_word(const char *text, const char *word, const char *by, char *out, size_t out_bytes)
{
	const char *at = strstr(text, word);
	int length = at ? snprintf(out, out_bytes, "%.*s%s%s", (int)(at - text), text, by, at + strlen(word))
			: snprintf(out, out_bytes, "%s", text);

	return length < 0 || (size_t)length >= out_bytes ? -ENAMETOOLONG : 0;
}

int yp_network_device_install_words(const struct yp_network_device *device, const char *url, char *out,
				    size_t out_bytes)
{
	return replace_word(device->subject->commands->install, "{url}", url, out, out_bytes);
}

static int start_command(const struct yp_network_device *device, const char *words,
			 const struct yp_network_device_watch *watch, int out, pid_t *pid)
{
	const struct yp_subject_commands *commands = device->subject->commands;
	char text[768], path[YP_NETWORK_DEVICE_PATH + 32], config[YP_NETWORK_DEVICE_PATH + 96];
	char *argv[WORDS_MAX] = {NULL};
	char *save = NULL;
	unsigned count = 0;
	char proxy[96] = "";
	char *const environment[] = {ENVIRONMENT_FIXED, watch->proxy ? proxy : NULL, NULL};
	posix_spawn_file_actions_t actions;
	int result;

	(void)snprintf(path, sizeof(path), "%s/%s", device->dir, device->subject->config->file);
	if (replace_word(commands->config, "{config}", path, config, sizeof(config)) != 0 ||
	    snprintf(text, sizeof(text), "%s %s %s %s", device->wrapper, device->ota, commands->options, words) >=
		(int)sizeof(text))
		return -ENAMETOOLONG;
	if (watch->proxy)
		(void)snprintf(proxy, sizeof(proxy), "https_proxy=%s", watch->proxy);
	for (char *word = strtok_r(text, " ", &save); word && count < WORDS_MAX - 2; word = strtok_r(NULL, " ", &save))
		argv[count++] = word;
	argv[count++] = config;
	if (posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	result = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (result == 0)
		result = posix_spawn_file_actions_adddup2(&actions, out, 1);
	if (result == 0)
		result = posix_spawn_file_actions_adddup2(&actions, out, 2);
	if (result == 0)
		result = posix_spawnp(pid, argv[0], &actions, NULL, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	return -result;
}

static void read_line(const struct yp_subject_messages *messages, struct yp_network_device_run *run, const char *line)
{
	char text[sizeof(run->reason)];
	const char *number = text;

	if (yp_subject_match(messages->fetched, line, text, sizeof(text))) {
		(void)yp_network_wire_number(&number, &run->fetched);
		return;
	}
	if (!yp_subject_match(messages->outcome, line, text, sizeof(text)))
		return;
	memcpy(run->reason, text, sizeof(text));
	(void)snprintf(run->line, sizeof(run->line), "%.255s", line);
}

struct lines {
	char text[1024];
	size_t size;
};

static void split_lines(const struct yp_subject_messages *messages, struct lines *lines, const char *data,
			size_t size_bytes, struct yp_network_device_run *run,
			const struct yp_network_device_watch *watch)
{
	for (size_t i = 0; i < size_bytes; i++) {
		if (data[i] != '\n') {
			if (lines->size < sizeof(lines->text) - 1)
				lines->text[lines->size++] = data[i];
			continue;
		}
		lines->text[lines->size] = '\0';
		lines->size = 0;
		read_line(messages, run, lines->text);
		if (watch->line)
			watch->line(watch->ctx, lines->text);
	}
}

/* Until the command has closed its output: it has ended then, or does so at once. */
static void follow_output(const struct yp_subject_messages *messages, int in, pid_t pid,
			  const struct yp_network_device_watch *watch, struct yp_network_device_run *run)
{
	int64_t start_ms = yp_network_wire_now_ms();
	struct lines lines = {.size = 0};
	size_t used = 0;

	for (;;) {
		struct pollfd ready = {.fd = in, .events = POLLIN};
		int64_t left_ms = start_ms + watch->deadline_ms - yp_network_wire_now_ms();
		char data[2048];
		ssize_t got;

		if (left_ms <= 0 && !run->timed_out) {
			run->timed_out = true;
			(void)kill(pid, SIGKILL);
		}
		if (watch->kill_now && !run->killed && watch->kill_now(watch->ctx)) {
			run->killed = true;
			(void)kill(pid, SIGKILL);
		}
		if (poll(&ready, 1, watch->kill_now ? TICK_MS : left_ms > 0 ? (int)left_ms : -1) <= 0)
			continue;
		got = read(in, data, sizeof(data));
		if (got <= 0)
			break;
		if ((size_t)got < sizeof(run->output) - used) {
			memcpy(run->output + used, data, (size_t)got);
			used += (size_t)got;
			run->output[used] = '\0';
		}
		split_lines(messages, &lines, data, (size_t)got, run, watch);
	}
	run->ms = yp_network_wire_now_ms() - start_ms;
}

int yp_network_device_run(const struct yp_network_device *device, const char *words,
			  const struct yp_network_device_watch *watch, struct yp_network_device_run *out)
{
	int pipe_fds[2];
	int status = 0, result;

	memset(out, 0, sizeof(*out));
	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return -errno;
	result = start_command(device, words, watch, pipe_fds[1], &out->pid);
	close(pipe_fds[1]);
	if (result == 0) {
		follow_output(device->subject->messages, pipe_fds[0], out->pid, watch, out);
		while (waitpid(out->pid, &status, 0) < 0 && errno == EINTR)
			;
		out->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	close(pipe_fds[0]);
	return result;
}
