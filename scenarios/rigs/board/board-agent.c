/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's agent as a process: started, queried line by line, killed when it does not answer. */
#include "rigs/board/board-agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "power-cut/host-calls.h"

#define PYTHON     "/usr/bin/python3" /* Debian's own: it sees Debian's labgrid */
#define AGENT      "hil/agent.py"
#define BOARDS_MAX 16u
#define PATH_ROOM  512u

struct yp_board_agent {
	char environment[PATH_ROOM];
	int lock;
	pid_t pid; /* -1: none */
	int fd;    /* a socket: its end is the agent's stdin and stdout */
	uint64_t number;
	char *line;
	size_t used, room;
};

const char *yp_board_environment(void)
{
	const char *text = getenv("LG_ENV");
	return text && *text ? text : NULL;
}

const char *yp_board_agent_environment(const struct yp_board_agent *agent)
{
	return agent->environment;
}

static void end_agent(struct yp_board_agent *agent)
{
	if (agent->fd >= 0)
		(void)close(agent->fd);
	agent->fd = -1;
	agent->used = 0;
	if (agent->pid <= 0)
		return;
	(void)kill(agent->pid, SIGKILL);
	while (waitpid(agent->pid, NULL, 0) < 0 && errno == EINTR)
		;
	agent->pid = -1;
}

static void run_agent(const char *environment, int fd)
{
	char program[] = PYTHON;
	char script[] = AGENT;
	char path[PATH_ROOM];
	char *argv[] = {program, script, path, NULL};
	(void)snprintf(path, sizeof path, "%s", environment);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it has no more to do than we have */
	if (dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
		_exit(126);
	(void)execv(argv[0], argv);
	_exit(127);
}

/* Up to a whole line, in *text until the next call. 0, -ETIMEDOUT, -EPIPE: it ended. */
static int read_line(struct yp_board_agent *agent, int64_t deadline_ms, char **text)
{
	for (;;) { /* each turn reads bytes, of which there is a maximum, or waits to the deadline */
		char *feed = agent->used ? memchr(agent->line, '\n', agent->used) : NULL;
		if (feed) {
			*feed = 0;
			*text = agent->line;
			return 0;
		}
		if (agent->used + 1 >= agent->room) {
			size_t room = agent->room ? 2 * agent->room : 4096;
			char *more = room > YP_BOARD_LINE_MAX ? NULL : realloc(agent->line, room);
			if (!more)
				return -ENOMEM;
			agent->line = more;
			agent->room = room;
		}
		struct pollfd watched = {.fd = agent->fd, .events = POLLIN};
		int64_t left = deadline_ms - (int64_t)yp_clock_ms();
		int ready = left > 0 ? poll(&watched, 1, (int)left) : 0;
		if (ready < 0 && errno != EINTR)
			return -errno;
		if (ready == 0)
			return -ETIMEDOUT;
		ssize_t n = ready < 0 ? 0 : read(agent->fd, agent->line + agent->used, agent->room - agent->used - 1);
		if (ready > 0 && n <= 0 && errno != EINTR)
			return -EPIPE;
		agent->used += n > 0 ? (size_t)n : 0;
	}
}

/* The line was understood: forget it, keep what came behind it. */
static void drop_line(struct yp_board_agent *agent)
{
	size_t bytes = strlen(agent->line) + 1;
	agent->used -= bytes;
	memmove(agent->line, agent->line + bytes, agent->used);
}

/* The next answer. 0 with *out, or YP_BOARD_LAB. */
static int receive_answer(struct yp_board_agent *agent, uint64_t number, int64_t deadline_ms, json_t **out,
			  char *detail, size_t detail_bytes)
{
	char *text = NULL;
	int result = read_line(agent, deadline_ms, &text);
	if (result) {
		(void)snprintf(detail, detail_bytes, "%s",
			       result == -ETIMEDOUT ? "the agent did not answer in time, and was killed"
			       : result == -EPIPE ? "the agent ended; is python3-labgrid installed ('make setup-hil')?"
						  : strerror(-result));
		end_agent(agent);
		return YP_BOARD_LAB;
	}
	*out = json_loads(text, 0, NULL);
	drop_line(agent);
	if (json_is_object(*out) && (uint64_t)json_integer_value(json_object_get(*out, "id")) == number)
		return 0;
	json_decref(*out);
	*out = NULL;
	(void)snprintf(detail, detail_bytes, "the agent answered something else");
	end_agent(agent);
	return YP_BOARD_LAB;
}

static int read_verdict(json_t *answer, char *detail, size_t detail_bytes)
{
	const char *kind = json_string_value(json_object_get(answer, "kind"));
	const char *error = json_string_value(json_object_get(answer, "error"));
	if (json_is_true(json_object_get(answer, "ok")))
		return 0;
	(void)snprintf(detail, detail_bytes, "%s", error ? error : "the agent refused, without a reason");
	return kind && strcmp(kind, "late") == 0 ? YP_BOARD_LATE : YP_BOARD_LAB;
}

static int start_agent(struct yp_board_agent *agent, char *detail, size_t detail_bytes)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	agent->pid = fork();
	if (agent->pid == 0)
		run_agent(agent->environment, ends[1]);
	int result = agent->pid < 0 ? -errno : 0;
	(void)close(ends[1]);
	agent->fd = ends[0];
	json_t *hello = NULL;
	if (!result)
		result =
		    receive_answer(agent, 0, (int64_t)yp_clock_ms() + YP_BOARD_START_MS, &hello, detail, detail_bytes);
	if (!result)
		result = read_verdict(hello, detail, detail_bytes);
	json_decref(hello);
	if (result)
		end_agent(agent);
	return result;
}

/* The first board that is free; if none is, the first that becomes it. */
static int take_board(struct yp_board_agent *agent, const char *environments, char *detail, size_t detail_bytes)
{
	for (unsigned turn = 0; turn < 2; turn++) {
		const char *at = environments;
		for (unsigned i = 0; i < BOARDS_MAX && *at; i++) {
			size_t length = strcspn(at, ":");
			if (length >= sizeof agent->environment)
				return -ENAMETOOLONG;
			memcpy(agent->environment, at, length);
			agent->environment[length] = 0;
			agent->lock = open(agent->environment, O_RDONLY | O_CLOEXEC);
			if (agent->lock < 0) {
				(void)snprintf(detail, detail_bytes, "LG_ENV=%s: %s", agent->environment,
					       strerror(errno));
				return YP_BOARD_LAB;
			}
			if (flock(agent->lock, turn ? LOCK_EX : LOCK_EX | LOCK_NB) == 0)
				return 0;
			(void)close(agent->lock);
			agent->lock = -1;
			at += length + (at[length] == ':');
		}
	}
	return -EBUSY;
}

int yp_board_agent_new(const char *environments, struct yp_board_agent **out, char *detail, size_t detail_bytes)
{
	struct yp_board_agent *agent = calloc(1, sizeof *agent);
	if (!agent)
		return -ENOMEM;
	agent->pid = -1;
	agent->fd = -1;
	agent->lock = -1;
	int result = take_board(agent, environments, detail, detail_bytes);
	if (!result)
		result = start_agent(agent, detail, detail_bytes);
	if (result) {
		yp_board_agent_free(agent);
		return result;
	}
	*out = agent;
	return 0;
}

void yp_board_agent_free(struct yp_board_agent *agent)
{
	if (!agent)
		return;
	end_agent(agent);
	if (agent->lock >= 0)
		(void)close(agent->lock);
	free(agent->line);
	free(agent);
}

static int send_line(struct yp_board_agent *agent, json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	if (!text)
		return -ENOMEM;
	size_t size = strlen(text);
	text[size++] = '\n'; /* its NUL */
	int result = 0;
	for (size_t done = 0; !result && done < size;) {
		ssize_t n = send(agent->fd, text + done, size - done, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			result = -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	free(text);
	return result;
}

int yp_board_agent_ask(struct yp_board_agent *agent, json_t *request, uint32_t deadline_ms, json_t **answer,
		       char *detail, size_t detail_bytes)
{
	json_t *got = NULL;
	detail[0] = 0;
	int result = request ? 0 : -ENOMEM;
	if (!result && agent->pid < 0)
		result = start_agent(agent, detail, detail_bytes);
	if (!result && (json_object_set_new(request, "id", json_integer((json_int_t)++agent->number)) ||
			json_object_set_new(request, "deadline_ms", json_integer((json_int_t)deadline_ms))))
		result = -ENOMEM;
	if (!result && send_line(agent, request)) {
		(void)snprintf(detail, detail_bytes, "the agent has ended");
		end_agent(agent);
		result = YP_BOARD_LAB;
	}
	if (!result)
		result = receive_answer(agent, agent->number, (int64_t)yp_clock_ms() + deadline_ms + YP_BOARD_GRACE_MS,
					&got, detail, detail_bytes);
	if (!result)
		result = read_verdict(got, detail, detail_bytes);
	if (!result && answer) {
		*answer = got;
		got = NULL;
	}
	json_decref(got);
	json_decref(request);
	return result;
}
