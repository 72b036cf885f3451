/* SPDX-License-Identifier: Apache-2.0 */
/* The verb record: runs any updater on media of ours and keeps what it did to them. */
#include "command/verbs.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "host/host-room.h"
#include "host/recording.h"

static void record_help(void)
{
	(void)puts(
	    "Usage: yankproof record -o DIR --media NAME=FILE:ROLE[,...] [--model NAME=MODEL,...] -- COMMAND [ARG...]\n"
	    "\n"
	    "Runs an updater, one update from old to new, and keeps everything that it did to its media. The updater "
	    "needs no\n"
	    "change: it is told where the media are, as files or devices, by environment variables. The FILEs are "
	    "never written\n"
	    "to. Needs root and /dev/fuse. 'yankproof explore' cuts the power of what was recorded.\n"
	    "\n"
	    "  -o DIR           a folder that is new or empty: the log, what was on the media before, the command\n"
	    "      --media LIST NAME=FILE:ROLE; a variable of that name, in upper case and with '_' for '-', has the "
	    "path\n"
	    "                   (slot-b: SLOT_B). FILE: what is on the medium before, and its size. ROLE:\n"
	    "                     slot, running    a slot; running: the one that runs during the update\n"
	    "                     env, env-pair    the boot environment; env-pair: two copies, the halves of it\n"
	    "                     state, data, other\n"
	    "                   With +loop behind ROLE the updater gets a loop device, else a file.\n"
	    "      --model LIST what a medium may do at a power cut; the default is volatile-cache. 'yankproof --help' "
	    "lists the\n"
	    "                   storage models. MODEL without NAME: of all media\n"
	    "\n"
	    "Flushes are what the updater is judged by. With a file, fsync is the flush ('sync FILE' in a shell); "
	    "'sync' without\n"
	    "a file does not reach it. With +loop, 'sync' writes out what is cached, but only fsync, or 'sync "
	    "DEVICE', flushes.\n"
	    "\n"
	    "Exit status: 0 recorded, 1 recorded, but COMMAND failed, 2 bad usage or DIR is not empty, 3 ERROR, 5 "
	    "stopped.");
}

struct request {
	const char *dir, *media, *models;
	char *const *command;
};

static int parse_request(int argc, char **argv, struct request *out)
{
	static const struct option long_options[] = {{"output", required_argument, NULL, 'o'},
						     {"media", required_argument, NULL, 'm'},
						     {"model", required_argument, NULL, 'M'},
						     {"help", no_argument, NULL, 'h'},
						     {0}};
	int option;

	/* '+': the command has options of its own. */
	while ((option = getopt_long(argc, argv, "+o:h", long_options, NULL)) != -1) {
		if (option == 'o') {
			out->dir = optarg;
		} else if (option == 'm') {
			out->media = optarg;
		} else if (option == 'M') {
			out->models = optarg;
		} else if (option == 'h') {
			record_help();
			return -1;
		} else {
			return yp_usage_hint("record");
		}
	}
	out->command = argv + optind;
	if (!out->dir || !out->media || optind == argc)
		return yp_usage_error(
		    "give -o DIR, --media LIST and a command behind '--'; see 'yankproof record --help'");
	return 0;
}

static int print_error(int result, const char *detail)
{
	(void)fprintf(stderr, "yankproof: %s\n", *detail ? detail : strerror(-result));
	return result > 0 ? YP_EXIT_USAGE : YP_EXIT_ERROR;
}

/* The command, with everything that it does in the log. */
static int run_command(struct yp_host_room *room, const struct request *request, struct yp_command_end *end,
		       char *detail, size_t detail_bytes)
{
	struct yp_shell_command command = {
	    .argv = request->command, .environment = room->environment, .stop_fd = room->stop_fd};
	char path[PATH_MAX];

	(void)snprintf(path, sizeof path, "%s/%s", request->dir, YP_RECORDING_LOG);
	int r = yp_host_room_start(room, path, detail, detail_bytes);
	if (r == 0) {
		r = yp_shell_run(&command, end);
		if (r < 0)
			(void)snprintf(detail, detail_bytes, "%s cannot be started: %s", request->command[0],
				       strerror(-r));
	}
	if (r == 0)
		r = yp_server_mark(room->server, YP_MARK_NOTE, "the command ended");
	if (r == 0)
		r = yp_host_room_settle(room);
	return r;
}

static void print_recorded(const struct yp_host_room *room, const struct request *request, const char *status)
{
	struct yp_server_stats stats;

	yp_server_stats(room->server, &stats);
	(void)printf("recorded %llu writes (%llu bytes), %llu flushes, %llu reads, %llu marks in %s; %s: %s\n",
		     (unsigned long long)stats.writes, (unsigned long long)stats.written_bytes,
		     (unsigned long long)stats.flushes, (unsigned long long)stats.reads,
		     (unsigned long long)stats.marks, request->dir, request->command[0], status);
	if (stats.writes == 0)
		(void)puts("nothing was written: does the command use the paths in the environment?");
}

static int end_recording(struct yp_host_room *room, const struct request *request, const struct yp_command_end *end,
			 char *detail, size_t detail_bytes)
{
	char status[32];
	int r = yp_host_room_end(room, detail, detail_bytes);

	if (end->signal)
		(void)snprintf(status, sizeof status, "signal %d", end->signal);
	else
		(void)snprintf(status, sizeof status, "exit status %d", end->status);
	if (r == 0 && !end->stopped)
		r = yp_recording_end(request->dir, end->signal ? status : status + sizeof "exit status " - 1);
	if (r == 0 && !end->stopped)
		print_recorded(room, request, status);
	return r;
}

static int open_bases(const struct yp_host_media *media, int bases[YP_MEDIA_MAX])
{
	int r = 0;

	for (unsigned i = 0; i < YP_MEDIA_MAX; i++)
		bases[i] = -1;
	for (unsigned i = 0; r == 0 && i < media->layout.count; i++) {
		bases[i] = open(media->media[i].file, O_RDONLY | O_CLOEXEC);
		r = bases[i] < 0 ? -errno : 0;
	}
	return r;
}

static int record_run(const struct request *request, const struct yp_host_media *media)
{
	assert(request->dir && request->command);
	char detail[YP_DETAIL_MAX] = "";
	struct yp_command_end end = {0};
	struct yp_host_room room;
	int bases[YP_MEDIA_MAX];
	int r = open_bases(media, bases);

	if (r < 0)
		return print_error(r, detail);
	r = yp_host_room_init(&room, media, bases, detail, sizeof detail);
	if (r == 0)
		r = run_command(&room, request, &end, detail, sizeof detail);
	if (r == 0)
		r = end_recording(&room, request, &end, detail, sizeof detail);
	int closed = yp_host_room_deinit(&room);
	if (r == 0)
		r = closed;
	if (end.stopped) {
		(void)fprintf(stderr, "yankproof: stopped; %s holds what was recorded until then\n", request->dir);
		return YP_EXIT_STOPPED;
	}
	if (r < 0)
		return print_error(r, detail);
	return end.status || end.signal ? 1 : 0;
}

int yp_verb_record(int argc, char **argv)
{
	struct request request = {0};
	static struct yp_host_media given;
	static struct yp_host_media media;
	char detail[YP_DETAIL_MAX] = "";
	int status = parse_request(argc, argv, &request);

	if (status)
		return status < 0 ? 0 : status;
	int r = yp_host_media_parse(request.media, &given, detail, sizeof detail);
	if (r == 0 && request.models)
		r = yp_host_models_parse(request.models, &given, detail, sizeof detail);
	if (r == 0)
		r = yp_recording_create(request.dir, &given, request.command, &media, detail, sizeof detail);
	return r ? print_error(r, detail) : record_run(&request, &media);
}
