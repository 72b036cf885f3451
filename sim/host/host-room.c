/* SPDX-License-Identifier: Apache-2.0 */
/* The room that a program runs in: media served as files and loop devices, and an environment that names them. */
#include "host/host-room.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/format-detail.h"

#define CONTROL_PATH  YP_PRIVATE_FOLDER "/control"
#define VARIABLES_MAX (YP_MEDIA_MAX + 2u) /* of ours */

extern char **environ;

/* No fault waits here, and no process may hang on a device without power. */
static int refuse_wait(void *ctx, unsigned ms)
{
	(void)ctx;
	(void)ms;
	return -1;
}

static void ignore_quit(void *ctx)
{
	(void)ctx;
}

static void name_medium(const struct yp_host_room *room, unsigned i, char *out, size_t out_bytes)
{
	(void)snprintf(out, out_bytes, "%s/%s", room->media->media[i].loop ? YP_PRIVATE_LOOPS : YP_PRIVATE_MEDIA,
		       room->media->layout.media[i].name);
}

/* ---- environment ---- */

static int put_variable(char ***at, const char *name, const char *value)
{
	size_t bytes = strlen(name) + strlen(value) + 2;
	char *text = malloc(bytes);

	if (!text)
		return -ENOMEM;
	(void)snprintf(text, bytes, "%s=%s", name, value);
	*(*at)++ = text;
	return 0;
}

static bool is_ours(const struct yp_host_room *room, const char *text)
{
	char variable[YP_NAME_MAX];

	for (unsigned i = 0; i < room->media->layout.count; i++) {
		yp_host_variable(room->media->layout.media[i].name, variable);
		if (strncmp(text, variable, strlen(variable)) == 0 && text[strlen(variable)] == '=')
			return true;
	}
	return strncmp(text, "YANKPROOF=", 10) == 0 || strncmp(text, "YANKPROOF_CONTROL=", 18) == 0;
}

/* What this process has, and ours; all strings are our own copies. */
static int make_environment(struct yp_host_room *room)
{
	char self[PATH_MAX];
	char path[PATH_MAX];
	char variable[YP_NAME_MAX];
	size_t count = 0;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	int r = 0;

	self[n > 0 ? n : 0] = 0;
	while (environ[count])
		count++;
	room->environment = calloc(count + VARIABLES_MAX + 1, sizeof *room->environment);
	if (!room->environment)
		return -ENOMEM;
	char **at = room->environment;
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (is_ours(room, environ[i]))
			continue;
		*at = strdup(environ[i]);
		r = *at++ ? 0 : -ENOMEM;
	}
	for (unsigned i = 0; r == 0 && i < room->media->layout.count; i++) {
		yp_host_variable(room->media->layout.media[i].name, variable);
		name_medium(room, i, path, sizeof path);
		r = put_variable(&at, variable, path);
	}
	if (r == 0)
		r = put_variable(&at, "YANKPROOF_CONTROL", CONTROL_PATH);
	return r == 0 ? put_variable(&at, "YANKPROOF", self) : r;
}

/* ---- start and end of the room ---- */

static int block_signals(struct yp_host_room *room)
{
	sigset_t stop;

	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGINT);
	(void)sigaddset(&stop, SIGTERM);
	(void)sigaddset(&stop, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &stop, NULL);
	room->stop_fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
	return room->stop_fd < 0 ? -errno : 0;
}

static int make_server(struct yp_host_room *room, const int *bases, char *detail, size_t detail_bytes)
{
	struct yp_server_config config = {.media = &room->served, .wait = refuse_wait};

	room->served.layout = room->media->layout;
	for (unsigned i = 0; i < YP_MEDIA_MAX; i++)
		room->served.bases[i].fd = bases && i < room->media->layout.count ? bases[i] : -1;
	if (yp_media_complete(&room->served, detail, detail_bytes))
		return -EINVAL;
	return yp_server_new(&config, &room->server);
}

int yp_host_room_init(struct yp_host_room *room, const struct yp_host_media *media, const int *bases, char *detail,
		      size_t detail_bytes)
{
	assert(room && media);
	*room = (struct yp_host_room){.media = media, .stop_fd = -1};
	yp_media_init(&room->served);
	int r = block_signals(room);

	yp_shell_adopt_orphans();
	if (r == 0)
		r = make_server(room, bases, detail, detail_bytes);
	if (r == 0)
		r = make_environment(room);
	if (r == 0) {
		r = yp_private_mounts_enter(&room->mounts, detail, detail_bytes);
		room->entered = r == 0;
	}
	if (r == 0)
		r = yp_fuse_front_start(room->server, &room->served, YP_PRIVATE_MEDIA, &room->front, detail,
					detail_bytes);
	if (r == 0)
		r = yp_control_new(CONTROL_PATH, ignore_quit, NULL, &room->control);
	if (r == 0)
		r = yp_control_start(room->control, room->server);
	if (r < 0 && *detail == 0)
		yp_detail(detail, detail_bytes, "%s", strerror(-r));
	return r;
}

int yp_host_room_deinit(struct yp_host_room *room)
{
	int r = 0;

	for (unsigned i = 0; i < YP_MEDIA_MAX; i++)
		(void)!yp_loop_detach(&room->loops[i]);
	yp_control_free(room->control);
	yp_fuse_front_stop(room->front);
	if (room->entered)
		yp_private_mounts_leave(&room->mounts);
	r = yp_server_free(room->server);
	if (room->media)
		yp_media_deinit(&room->served);
	for (char **at = room->environment; at && *at; at++)
		free(*at);
	free(room->environment);
	if (room->stop_fd >= 0)
		(void)close(room->stop_fd);
	*room = (struct yp_host_room){.stop_fd = -1};
	return r;
}

/* ---- power ---- */

int yp_host_room_start(struct yp_host_room *room, const char *log_path, char *detail, size_t detail_bytes)
{
	const struct yp_layout *layout = &room->media->layout;
	char file[PATH_MAX];
	char node[PATH_MAX];
	int r = yp_server_power(room->server, log_path);

	if (r < 0)
		yp_detail(detail, detail_bytes, "%.200s: %s", log_path ? log_path : "power on", strerror(-r));
	for (unsigned i = 0; r == 0 && i < layout->count; i++) {
		if (!room->media->media[i].loop)
			continue;
		(void)snprintf(file, sizeof file, "%s/%s", YP_PRIVATE_MEDIA, layout->media[i].name);
		name_medium(room, i, node, sizeof node);
		r = yp_loop_attach(file, node, &room->loops[i], detail, detail_bytes);
	}
	return r;
}

int yp_host_room_settle(struct yp_host_room *room)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < room->media->layout.count; i++) {
		if (room->loops[i].attached)
			r = yp_loop_write_out(&room->loops[i]);
	}
	return r;
}

int yp_host_room_end(struct yp_host_room *room, char *detail, size_t detail_bytes)
{
	int worst = 0;

	for (unsigned i = 0; i < room->media->layout.count; i++) {
		int r = yp_loop_detach(&room->loops[i]);

		if (r < 0 && worst == 0) {
			yp_detail(detail, detail_bytes,
				  "the loop device of %s: %s; a command left it mounted or in use",
				  room->media->layout.media[i].name, strerror(-r));
			worst = r;
		}
	}
	int r = yp_server_off(room->server);

	if (r < 0 && worst == 0)
		yp_detail(detail, detail_bytes, "the log: %s", strerror(-r));
	return worst ? worst : r;
}

bool yp_host_room_stopped(const struct yp_host_room *room)
{
	struct pollfd fd = {.fd = room->stop_fd, .events = POLLIN};

	return poll(&fd, 1, 0) > 0;
}
