/* SPDX-License-Identifier: Apache-2.0 */
/* What a run says while it works: lines, and on a terminal one that moves. Quiet in a pipe. */
#include <stdlib.h>
#include <unistd.h>

#include "cmd/cmd.h"

#define PROGRESS_INTERVAL_MS 200

struct cmd_progress {
	pthread_mutex_t mutex; /* the writer of a slot is another thread */
	struct ota_clock clock;
	bool verbose, terminal, shown;
	enum ota_step step;
	uint64_t written_bytes;
	int64_t start_ms, last_ms;
};

static void wipe_line(struct cmd_progress *progress)
{
	if (progress->shown)
		(void)fputs("\r\033[K", stderr);
	progress->shown = false;
}

static void on_message(void *ctx, enum ota_level level, const char *text)
{
	struct cmd_progress *progress = ctx;

	if (level == OTA_LEVEL_DEBUG && !progress->verbose)
		return;
	pthread_mutex_lock(&progress->mutex);
	wipe_line(progress);
	(void)fprintf(stderr, "ota: %s\n", text);
	pthread_mutex_unlock(&progress->mutex);
}

static void on_step(void *ctx, enum ota_step step)
{
	struct cmd_progress *progress = ctx;

	pthread_mutex_lock(&progress->mutex);
	wipe_line(progress);
	progress->step = step;
	if (progress->verbose)
		(void)fprintf(stderr, "ota: %s %s\n", ota_step_name(step), ota_step_text(step));
	pthread_mutex_unlock(&progress->mutex);
}

static void on_wrote(void *ctx, size_t size_bytes)
{
	struct cmd_progress *progress = ctx;
	int64_t now_ms;
	double seconds;

	if (!progress->terminal)
		return;
	pthread_mutex_lock(&progress->mutex);
	now_ms = progress->clock.ops->monotonic_ms(progress->clock.clock);
	if (progress->written_bytes == 0)
		progress->start_ms = now_ms;
	progress->written_bytes += size_bytes;
	if (now_ms - progress->last_ms >= PROGRESS_INTERVAL_MS && now_ms > progress->start_ms) {
		progress->last_ms = now_ms;
		seconds = (double)(now_ms - progress->start_ms) / 1000.0;
		(void)fprintf(stderr, "\r\033[Kota: %s %s: %.1f MiB written, %.1f MiB/s", ota_step_name(progress->step),
			      ota_step_text(progress->step), (double)progress->written_bytes / 1048576.0,
			      (double)progress->written_bytes / 1048576.0 / seconds);
		(void)fflush(stderr);
		progress->shown = true;
	}
	pthread_mutex_unlock(&progress->mutex);
}

int cmd_progress_new(bool verbose, struct ota_events *events, struct cmd_progress **out)
{
	struct cmd_progress *progress = calloc(1, sizeof(*progress));

	if (progress == NULL)
		return -1;
	pthread_mutex_init(&progress->mutex, NULL);
	ota_clock_linux(NULL, &progress->clock);
	progress->verbose = verbose;
	progress->terminal = isatty(STDERR_FILENO) == 1;
	events->message = on_message;
	events->step = on_step;
	events->wrote = on_wrote;
	events->ctx = progress;
	*out = progress;
	return 0;
}

void cmd_progress_end(struct cmd_progress *progress)
{
	pthread_mutex_lock(&progress->mutex);
	wipe_line(progress);
	(void)fflush(stderr);
	pthread_mutex_unlock(&progress->mutex);
}

void cmd_progress_free(struct cmd_progress *progress)
{
	if (progress == NULL)
		return;
	pthread_mutex_destroy(&progress->mutex);
	free(progress);
}
