/* SPDX-License-Identifier: Apache-2.0 */
/* One QEMU: its command line and its three streams. */
#include "emulator/emulated-machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "emulator/monotonic-clock.h"

#define WORDS_MAX       200u
#define TEXT_BYTES      16384u
#define FIRST_FD        3
#define READ_BYTES      16384u
#define READS_MAX       64u /* of one stream in one step */
#define START_MS        20000
#define SEND_MS         5000
#define COMMAND_BYTES   1024u
#define CONSOLE_MAX     1024u
#define LAST_LINE_BYTES 300u

/* The command line: words in one buffer. */
struct words {
	const char *argv[WORDS_MAX + 1];
	unsigned count;
	char text[TEXT_BYTES];
	size_t used;
	bool full;
};

static void add_word(struct words *words, const char *text)
{
	size_t length = strlen(text);
	if (words->count == WORDS_MAX || length >= sizeof words->text - words->used) {
		words->full = true;
		return;
	}
	memcpy(words->text + words->used, text, length + 1);
	words->argv[words->count++] = words->text + words->used;
	words->used += length + 1;
	words->argv[words->count] = NULL;
}

static void add_option(struct words *words, const char *option, const char *value)
{
	add_word(words, option);
	add_word(words, value);
}

struct placeholder {
	const char *name, *value;
};

/* A word with its placeholders replaced. */
static int replace_word(const char *word, const struct placeholder *places, size_t count, char *out, size_t out_bytes)
{
	size_t used = 0;
	while (*word) {
		size_t i = 0;
		while (i < count && strncmp(word, places[i].name, strlen(places[i].name)) != 0)
			i++;
		const char *from = i < count ? places[i].value : word;
		size_t length = i < count ? strlen(from) : 1;
		if (length >= out_bytes - used)
			return -E2BIG;
		memcpy(out + used, from, length);
		used += length;
		word += i < count ? strlen(places[i].name) : 1;
	}
	out[used] = 0;
	return 0;
}

static int add_board_args(struct words *words, const struct yp_emulator_machine_spec *spec,
			  const struct placeholder *places, size_t count)
{
	char path[YP_EMULATOR_PATH_MAX], line[1024], word[2048];
	bool accel = false;
	if (snprintf(path, sizeof path, "%s/board.args", spec->images) >= (int)sizeof path)
		return -ENAMETOOLONG;
	FILE *f = fopen(path, "re");
	if (!f)
		return -errno;
	int r = 0;
	while (r == 0 && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = 0;
		if (!*line || *line == '#')
			continue;
		r = replace_word(accel && spec->accel ? spec->accel : line, places, count, word, sizeof word);
		accel = strcmp(line, "-accel") == 0;
		if (r == 0)
			add_word(words, word);
	}
	if (r == 0 && ferror(f))
		r = -EIO;
	(void)fclose(f);
	return r;
}

static int command_line(struct words *words, const struct yp_emulator_machine_spec *spec)
{
	char chardev[64], channel[64], console[64], port[16], text[YP_EMULATOR_PATH_MAX + 32];
	(void)snprintf(chardev, sizeof chardev, "socket,id=qmp,fd=%d", FIRST_FD + YP_EMULATOR_STREAM_QMP);
	(void)snprintf(channel, sizeof channel, "socket,fd=%d", FIRST_FD + YP_EMULATOR_STREAM_CHANNEL);
	(void)snprintf(console, sizeof console, "socket,fd=%d", FIRST_FD + YP_EMULATOR_STREAM_CONSOLE);
	(void)snprintf(port, sizeof port, "%u", spec->port);
	const struct placeholder places[] = {
	    {"@IMAGES@", spec->images}, {"@CARD@", spec->card}, {"@DISK@", spec->disk},   {"@SERIAL@", console},
	    {"@CHANNEL@", channel},     {"@PORT@", port},       {"@QMP@", "chardev:qmp"},
	};
	add_word(words, spec->qemu);
	add_word(words, "-S");
	add_option(words, "-chardev", chardev);
	/* After the guest shuts down QEMU keeps running until the rig kills it: a QEMU that exits by itself flushes. */
	add_word(words, "-no-shutdown");
	if (!spec->in_place)
		add_word(words, "-no-reboot");
	for (unsigned i = 0; i < spec->nodes_count; i++)
		add_option(words, "-blockdev", spec->nodes[i]);
	int r = add_board_args(words, spec, places, sizeof places / sizeof *places);
	if (spec->gdb) {
		(void)snprintf(text, sizeof text, "unix:%s,server=on,wait=off", spec->gdb);
		add_option(words, "-gdb", text);
	}
	if (spec->incoming)
		add_option(words, "-incoming", "defer");
	return r < 0 ? r : words->full ? -E2BIG : 0;
}

static int open_streams(struct yp_emulator_machine *machine, int theirs[YP_EMULATOR_STREAM_COUNT])
{
	for (unsigned i = 0; i < YP_EMULATOR_STREAM_COUNT; i++) {
		int pair[2];
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
			return -errno;
		machine->fds[i] = pair[0];
		theirs[i] = pair[1];
		if (fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0)
			return -errno;
	}
	return 0;
}

/* QEMU's last line gives the reason. */
static void last_words(const char *path, char *out, size_t out_bytes)
{
	char line[LAST_LINE_BYTES] = "", last[LAST_LINE_BYTES] = "it ended, and said nothing";
	FILE *f = path ? fopen(path, "re") : NULL;
	while (f && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = 0;
		if (*line)
			memcpy(last, line, sizeof last);
	}
	if (f)
		(void)fclose(f);
	(void)snprintf(out, out_bytes, "%s", last);
}

static int await_greeting(struct yp_emulator_machine *machine)
{
	int64_t deadline = yp_emulator_clock_in_ms(START_MS);
	while (!machine->greeted) {
		int r = yp_emulator_machine_step(machine, deadline);
		if (r <= 0)
			return r == 0 ? -ETIMEDOUT : r;
	}
	return yp_emulator_machine_command(machine, "qmp_capabilities", NULL, START_MS);
}

int yp_emulator_machine_start(struct yp_emulator_machine *machine, const struct yp_emulator_machine_spec *spec,
			      char *detail, size_t detail_bytes)
{
	int theirs[YP_EMULATOR_STREAM_COUNT] = {-1, -1, -1};
	struct words *words = calloc(1, sizeof *words);
	machine->process = (struct yp_emulator_process){0};
	machine->greeted = false;
	machine->wait_id = -1;
	for (unsigned i = 0; i < YP_EMULATOR_STREAM_COUNT; i++)
		machine->fds[i] = -1;
	yp_emulator_lines_init(&machine->lines[YP_EMULATOR_STREAM_CHANNEL], YP_EMULATOR_LINE_MAX, false);
	yp_emulator_lines_init(&machine->lines[YP_EMULATOR_STREAM_CONSOLE], CONSOLE_MAX, true);
	yp_emulator_lines_init(&machine->lines[YP_EMULATOR_STREAM_QMP], YP_EMULATOR_LINES_BYTES - 1, false);
	int r = words ? command_line(words, spec) : -ENOMEM;
	if (r < 0)
		(void)snprintf(detail, detail_bytes, "%.120s/board.args: %s", spec->images, strerror(-r));
	if (r == 0)
		r = open_streams(machine, theirs);
	if (r == 0) {
		struct yp_emulator_process_spec process = {
		    .argv = words->argv, .output = spec->output, .fds_count = YP_EMULATOR_STREAM_COUNT};
		memcpy(process.fds, theirs, sizeof theirs);
		r = yp_emulator_process_start(&machine->process, &process);
		if (r < 0)
			(void)snprintf(detail, detail_bytes, "%s: %s; make qemu-images installs it", words->argv[0],
				       strerror(-r));
	}
	for (unsigned i = 0; i < YP_EMULATOR_STREAM_COUNT; i++) {
		if (theirs[i] >= 0)
			(void)close(theirs[i]);
	}
	free(words);
	if (r == 0) {
		r = await_greeting(machine);
		if (r < 0)
			last_words(spec->output, detail, detail_bytes);
	}
	if (r < 0)
		yp_emulator_machine_stop(machine);
	return r;
}

void yp_emulator_machine_stop(struct yp_emulator_machine *machine)
{
	if (machine->process.pid <= 0)
		return;
	yp_emulator_process_kill(&machine->process);
	for (unsigned i = 0; i < YP_EMULATOR_STREAM_COUNT; i++) {
		if (machine->fds[i] >= 0)
			(void)close(machine->fds[i]);
		machine->fds[i] = -1;
	}
}

static void qmp_line(void *ctx, const char *line)
{
	struct yp_emulator_machine *machine = ctx;
	struct yp_emulator_qmp message;
	if (yp_emulator_qmp_parse(line, strlen(line), &message) != 0)
		return; /* nothing of ours */
	if (message.kind == YP_EMULATOR_QMP_GREETING)
		machine->greeted = true;
	if ((message.kind == YP_EMULATOR_QMP_RETURN || message.kind == YP_EMULATOR_QMP_ERROR) &&
	    message.id == machine->wait_id) {
		machine->answered = true;
		machine->answer = message;
	}
	if (message.kind == YP_EMULATOR_QMP_EVENT && machine->on_qmp)
		machine->on_qmp(machine->ctx, &message);
}

static void channel_line(void *ctx, const char *line)
{
	struct yp_emulator_machine *machine = ctx;
	if (machine->on_channel)
		machine->on_channel(machine->ctx, line);
}

static void console_line(void *ctx, const char *line)
{
	struct yp_emulator_machine *machine = ctx;
	if (machine->on_console)
		machine->on_console(machine->ctx, line);
}

/* All that is there. 0, or -ECONNRESET at its end. */
static int drain_stream(struct yp_emulator_machine *machine, enum yp_emulator_stream stream)
{
	static yp_emulator_line_sink *const sinks[YP_EMULATOR_STREAM_COUNT] = {channel_line, console_line, qmp_line};
	char bytes[READ_BYTES];
	for (unsigned i = 0; i < READS_MAX && machine->fds[stream] >= 0; i++) {
		ssize_t n = recv(machine->fds[stream], bytes, sizeof bytes, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n <= 0)
			return -ECONNRESET;
		if (stream == YP_EMULATOR_STREAM_CONSOLE && machine->on_bytes)
			machine->on_bytes(machine->ctx, bytes, (size_t)n);
		yp_emulator_lines_push(&machine->lines[stream], bytes, (size_t)n, sinks[stream], machine);
	}
	return 0;
}

int yp_emulator_machine_step(struct yp_emulator_machine *machine, int64_t deadline_ns)
{
	struct pollfd fds[YP_EMULATOR_STREAM_COUNT];
	int result = 0;
	for (unsigned i = 0; i < YP_EMULATOR_STREAM_COUNT; i++)
		fds[i] = (struct pollfd){.fd = machine->fds[i], .events = POLLIN};
	int r = yp_emulator_clock_poll(fds, YP_EMULATOR_STREAM_COUNT, deadline_ns);
	if (r <= 0)
		return r;
	/* All three, whichever was ready: the guest's last lines must come before the event of its reset. */
	for (unsigned i = 0; i < YP_EMULATOR_STREAM_COUNT; i++) {
		r = drain_stream(machine, (enum yp_emulator_stream)i);
		if (r < 0 && result == 0)
			result = r;
	}
	return result < 0 ? result : 1;
}

static int send_all(int fd, const char *bytes, size_t count)
{
	int64_t deadline = yp_emulator_clock_in_ms(SEND_MS);
	for (size_t done = 0; done < count;) {
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		ssize_t n = send(fd, bytes + done, count - done, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0) {
			done += (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		int r = yp_emulator_clock_poll(&p, 1, deadline);
		if (r <= 0)
			return r == 0 ? -ETIMEDOUT : r;
	}
	return 0;
}

int yp_emulator_machine_command(struct yp_emulator_machine *machine, const char *name, const char *arguments,
				unsigned timeout_ms)
{
	char text[COMMAND_BYTES];
	int64_t deadline = yp_emulator_clock_in_ms(timeout_ms);
	int n = yp_emulator_qmp_command(++machine->next_id, name, arguments, text, sizeof text);
	if (n < 0)
		return n;
	machine->wait_id = machine->next_id;
	machine->answered = false;
	int r = send_all(machine->fds[YP_EMULATOR_STREAM_QMP], text, (size_t)n);
	while (r >= 0 && !machine->answered) {
		r = yp_emulator_machine_step(machine, deadline);
		if (r == 0)
			r = -ETIMEDOUT;
	}
	machine->wait_id = -1;
	if (r < 0 && !machine->answered)
		return r;
	return machine->answer.kind == YP_EMULATOR_QMP_ERROR ? -EPROTO : 0;
}

int yp_emulator_machine_say(struct yp_emulator_machine *machine, const char *line)
{
	char text[YP_EMULATOR_LINE_MAX + 2];
	int n = snprintf(text, sizeof text, "%s\n", line);
	if (n < 0 || (size_t)n >= sizeof text)
		return -EMSGSIZE;
	return send_all(machine->fds[YP_EMULATOR_STREAM_CHANNEL], text, (size_t)n);
}
