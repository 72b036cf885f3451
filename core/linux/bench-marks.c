/* SPDX-License-Identifier: Apache-2.0 */
/* Step marks and holds for a test bench. */
#include "linux/bench-marks.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/monotonic-time.h"
#include "linux/child.h"

#define BENCH_LINE_BYTES 64u   /* of what is heard; longer lines are dropped */
#define BENCH_STALE_MAX  1024u /* reads of what arrived before a mark */

/* Time since the machine started, suspended or not. */
static int64_t read_uptime_us(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

bool ota_bench_hold_parse(const char *text, uint32_t *out)
{
	uint32_t hold = 0;

	if (strcmp(text, "none") == 0 || strcmp(text, "all") == 0) {
		*out = text[0] == 'a' ? UINT32_MAX : 0;
		return true;
	}
	for (unsigned words = 0; words < OTA_STEP_COUNT; words++) {
		size_t length = strcspn(text, ",");
		int step = OTA_S01_POLL;

		while (step < OTA_STEP_COUNT && (strlen(ota_step_name((enum ota_step)step)) != length ||
						 strncmp(text, ota_step_name((enum ota_step)step), length) != 0))
			step++;
		if (step == OTA_STEP_COUNT)
			return false;
		hold |= UINT32_C(1) << step;
		if (text[length] == '\0') {
			*out = hold;
			return true;
		}
		text += length + 1;
	}
	return false;
}

/* Does the line name this key? Then its value. */
static const char *value_of(const char *line, const char *key)
{
	size_t length = strlen(key);

	return strncmp(line, key, length) == 0 && line[length] == '=' ? line + length + 1 : NULL;
}

/* NULL, or what is wrong with the line. */
static const char *unit_line(const char *line, struct ota_bench_unit *unit)
{
	const char *value;
	char *end;

	if ((value = value_of(line, "marks")) != NULL) {
		if (value[0] != '/' || strlen(value) >= sizeof(unit->marks))
			return "marks= is not an absolute path of at most 255 characters";
		memcpy(unit->marks, value, strlen(value) + 1);
		return NULL;
	}
	if ((value = value_of(line, "hold")) != NULL)
		return ota_bench_hold_parse(value, &unit->hold)
			   ? NULL
			   : "hold= is neither none, all nor steps such as S06,S10";
	if ((value = value_of(line, "hold-timeout-ms")) != NULL) {
		errno = 0;
		unit->hold_timeout_ms = strtoull(value, &end, 10);
		if (!isdigit((unsigned char)value[0]) || errno != 0 || *end != '\0' ||
		    unit->hold_timeout_ms < OTA_BENCH_HOLD_MIN_MS || unit->hold_timeout_ms > OTA_BENCH_HOLD_MAX_MS)
			return "hold-timeout-ms= is not a number from 1 to 600000";
		return NULL;
	}
	return "unknown; marks=, hold= and hold-timeout-ms= are known";
}

int ota_bench_unit_parse(const char *text, size_t size_bytes, struct ota_bench_unit *unit, char *detail,
			 size_t detail_bytes)
{
	char line[OTA_PATH_MAX + 16];
	size_t at = 0;

	for (unsigned number = 1; at < size_bytes; number++) { /* each line has at least one byte */
		const char *feed = memchr(text + at, '\n', size_bytes - at);
		size_t length = feed != NULL ? (size_t)(feed - text) - at : size_bytes - at;
		const char *wrong = "longer than 271 characters, or no text";

		if (length < sizeof(line) && memchr(text + at, '\0', length) == NULL) {
			memcpy(line, text + at, length);
			line[length] = '\0';
			wrong = line[0] == '\0' || line[0] == '#' ? NULL : unit_line(line, unit);
		}
		if (wrong != NULL) {
			(void)snprintf(detail, detail_bytes, "%u: %s; correct the line", number, wrong);
			return 1;
		}
		at += length + 1;
	}
	return 0;
}

/* A file that others than root may write does not count as a unit file. Then the length of its text; or -1 with `detail`. */
static ssize_t read_unit(const char *path, char text[OTA_BENCH_UNIT_BYTES], char *detail, size_t detail_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat info;
	ssize_t size = -1;

	if (fd < 0) {
		(void)snprintf(detail, detail_bytes, "%s: %s; without it this is no bench unit", path, strerror(errno));
		return -1;
	}
	if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
		(void)snprintf(detail, detail_bytes, "%s is no regular file; create one", path);
	else if ((info.st_uid != 0 && info.st_uid != geteuid()) || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		(void)snprintf(detail, detail_bytes, "others may write %s; make it root's, mode 0644", path);
	else if ((size = read(fd, text, OTA_BENCH_UNIT_BYTES)) < 0)
		(void)snprintf(detail, detail_bytes, "%s: %s; replace it", path, strerror(errno));
	(void)close(fd);
	if (size == OTA_BENCH_UNIT_BYTES) {
		(void)snprintf(detail, detail_bytes, "%s has more than %u bytes; shorten it", path,
			       OTA_BENCH_UNIT_BYTES - 1);
		size = -1;
	}
	return size;
}

void ota_bench_init(struct ota_bench *bench)
{
	memset(bench, 0, sizeof(*bench));
	bench->fd = -1;
}

static int open_marks(struct ota_bench *bench, const struct ota_bench_unit *unit, char *detail, size_t detail_bytes)
{
	int way = unit->hold != 0 ? O_RDWR : O_WRONLY | O_APPEND;
	struct stat info;

	bench->fd = open(unit->marks, way | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (bench->fd < 0) {
		(void)snprintf(detail, detail_bytes, "marks=%s: %s", unit->marks, strerror(errno));
		return 1;
	}
	/* A file or a pipe would return the marks that were sent. */
	if (unit->hold != 0 && (fstat(bench->fd, &info) != 0 || !S_ISCHR(info.st_mode))) {
		(void)snprintf(detail, detail_bytes, "marks=%s cannot answer; hold= needs a serial port there",
			       unit->marks);
		ota_bench_deinit(bench);
		return 1;
	}
	bench->hold = unit->hold;
	bench->hold_timeout_ms = (int64_t)unit->hold_timeout_ms;
	return 0;
}

int ota_bench_open(struct ota_bench *bench, const struct ota_config *config, char *detail, size_t detail_bytes)
{
	struct ota_bench_unit unit = {.hold_timeout_ms = config->bench_hold_timeout_ms};
	char text[OTA_BENCH_UNIT_BYTES], why[OTA_DETAIL_MAX - 64] = "";
	ssize_t size;
	int result = 1;

	bench->asked = true;
	if (config->bench_unit[0] == '\0')
		return 0;
	memcpy(unit.marks, config->bench_marks, sizeof(unit.marks));
	if (config->bench_hold[0] != '\0' && !ota_bench_hold_parse(config->bench_hold, &unit.hold))
		return 1; /* was checked when it was loaded */
	size = read_unit(config->bench_unit, text, why, sizeof(why));
	if (size >= 0 && ota_bench_unit_parse(text, (size_t)size, &unit, why, sizeof(why)) != 0)
		(void)snprintf(detail, detail_bytes, "[bench] is ignored: %s:%s", config->bench_unit, why);
	else if (size >= 0 && unit.marks[0] == '\0')
		(void)snprintf(detail, detail_bytes, "[bench] is ignored: no marks=, so nothing to send or hold at");
	else if (size < 0 || open_marks(bench, &unit, why, sizeof(why)) != 0)
		(void)snprintf(detail, detail_bytes, "[bench] is ignored: %s", why);
	else
		result = 0;
	return result;
}

/* If the port does not take the line, the run goes on. */
static void send_line(struct ota_bench *bench, enum ota_step step, const char *what)
{
	struct pollfd watched = {.fd = bench->fd, .events = POLLOUT};
	int64_t end_us = ota_monotonic_us() + OTA_BENCH_SEND_MS * INT64_C(1000);
	char line[96];
	int length = snprintf(line, sizeof(line), "ota-mark: %s %u %" PRId64 " %s\n", ota_step_name(step),
			      ++bench->count, read_uptime_us(), what);
	int sent = 0;

	while (sent < length) { /* each turn sends a byte, waits to the end, or ends */
		ssize_t n = write(bench->fd, line + sent, (size_t)(length - sent));
		int64_t left_ms = (end_us - ota_monotonic_us()) / 1000;

		if (n > 0)
			sent += (int)n;
		else if ((n < 0 && errno != EAGAIN && errno != EINTR) || left_ms <= 0 ||
			 (poll(&watched, 1, (int)left_ms) < 0 && errno != EINTR))
			return;
	}
	(void)tcdrain(bench->fd);
}

static void drop_stale(const struct ota_bench *bench)
{
	char bytes[BENCH_LINE_BYTES];

	(void)tcflush(bench->fd, TCIFLUSH);
	for (unsigned i = 0; i < BENCH_STALE_MAX && read(bench->fd, bytes, sizeof(bytes)) > 0; i++) {
	}
}

struct heard {
	char line[BENCH_LINE_BYTES];
	size_t length;
};

/* Was a whole line "ota-go" among these bytes? */
static bool hear_go(struct heard *heard, const char *bytes, size_t size_bytes)
{
	for (size_t i = 0; i < size_bytes; i++) {
		if (bytes[i] == '\n' || bytes[i] == '\r') {
			bool go = heard->length == 6 && memcmp(heard->line, "ota-go", 6) == 0;

			heard->length = 0;
			if (go)
				return true;
		} else if (heard->length < sizeof(heard->line)) {
			heard->line[heard->length++] = bytes[i];
		}
	}
	return false;
}

static const char *hold_step(struct ota_bench *bench, const struct ota_stop *stop, void (*idle)(void *ctx), void *ctx)
{
	struct pollfd watched[2] = {{.fd = bench->fd, .events = POLLIN},
				    {.fd = stop != NULL ? ota_stop_fd(stop) : -1, .events = POLLIN}};
	int64_t end_us = ota_monotonic_us() + bench->hold_timeout_ms * 1000;
	struct heard heard = {.length = 0};
	char bytes[BENCH_LINE_BYTES];

	for (;;) { /* to the deadline: input that never ends does not extend it */
		int64_t left_ms = (end_us - ota_monotonic_us() + 999) / 1000;
		ssize_t n;

		if (left_ms <= 0)
			return "timeout";
		if (poll(watched, 2, left_ms < OTA_PROCESS_TICK_MS ? (int)left_ms : OTA_PROCESS_TICK_MS) < 0 &&
		    errno != EINTR)
			return "stopped";
		idle(ctx);
		if (watched[1].revents != 0)
			return "stopped";
		n = read(bench->fd, bytes, sizeof(bytes));
		if (n > 0 && hear_go(&heard, bytes, (size_t)n))
			return "released";
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return "stopped"; /* the other end of the port is closed */
	}
}

void ota_bench_step(struct ota_bench *bench, enum ota_step step, const struct ota_stop *stop, void (*idle)(void *ctx),
		    void *ctx)
{
	assert(step >= OTA_S01_POLL && step < OTA_STEP_COUNT);
	if (bench->fd < 0)
		return;
	if ((bench->hold & UINT32_C(1) << step) == 0) {
		send_line(bench, step, "begin");
		return;
	}
	drop_stale(bench);
	send_line(bench, step, "hold");
	send_line(bench, step, hold_step(bench, stop, idle, ctx));
}

void ota_bench_deinit(struct ota_bench *bench)
{
	if (bench->fd >= 0)
		(void)close(bench->fd);
	bench->fd = -1;
}
