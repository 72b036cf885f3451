/* SPDX-License-Identifier: Apache-2.0 */
/* What 'yankproof explore' stands on: a recording, read and checked, and a room to run commands in. */
#include "command/explore-recording.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command/verbs.h"
#include "host/recording.h"

static const struct yp_rig_terms recorded_terms = {.name = "host"};
static const struct yp_subject recorded_subject = {.name = "recorded command"};

/* ---- reading ---- */

static int open_media(struct yp_recorded *x, char path[PATH_MAX], bool *folder, char *detail, size_t detail_bytes)
{
	const struct yp_explore_request *request = x->request;
	struct stat st;

	(void)snprintf(path, PATH_MAX, "%s", request->log);
	if (stat(request->log, &st) < 0) {
		(void)snprintf(detail, detail_bytes, "%s: %s", request->log, strerror(errno));
		return 1;
	}
	*folder = S_ISDIR(st.st_mode);
	if (*folder && request->media) {
		(void)snprintf(detail, detail_bytes, "%s is a recording: its media are known, leave --media out",
			       request->log);
		return 1;
	}
	if (!*folder && !request->media) {
		(void)snprintf(detail, detail_bytes, "%s is a write log: name its media with --media, in its order",
			       request->log);
		return 1;
	}
	if (!*folder)
		return yp_host_media_parse(request->media, &x->media, detail, detail_bytes);
	int n = snprintf(path, PATH_MAX, "%s/%s", request->log, YP_RECORDING_LOG);
	return n < PATH_MAX ? yp_recording_open(request->log, &x->media, detail, detail_bytes) : -ENAMETOOLONG;
}

/* In our own format, or else in that of dm-log-writes. */
static int load_log(struct yp_recorded *x, const char *path, bool folder, char *detail, size_t detail_bytes)
{
	struct yp_pool *pool = yp_server_pool(x->room.server);
	int r = yp_log_load(path, pool, &x->log, detail, detail_bytes);

	if (r > 0 && !folder)
		r = yp_log_import_dm(path, &x->media.layout, pool, &x->log, detail, detail_bytes);
	else if (r == 0 && *detail)
		(void)fprintf(stderr, "yankproof: %s %s: it is explored as far as it goes\n", path, detail);
	if (r == 0 && yp_log_take_models(x->log, &x->media.layout) < 0) {
		(void)snprintf(detail, detail_bytes, "%.500s has other media than --media says", path);
		r = 1;
	}
	if (r == 0 && yp_log_count(x->log) == 0) {
		(void)snprintf(detail, detail_bytes, "%.500s is empty: nothing was recorded", path);
		r = 1;
	}
	return r;
}

/* A dm log holds no reads, so reading back cannot be checked. */
static void drop_read_back(struct yp_recorded *x)
{
	size_t kept = 0;

	for (size_t i = 0; i < yp_log_count(x->log); i++) {
		if (yp_log_entry(x->log, i)->op == YP_READ)
			return;
	}
	for (size_t i = 0; i < x->finding_count; i++) {
		if (strcmp(x->findings[i].rule, "no-read-back") != 0)
			x->findings[kept++] = x->findings[i];
	}
	x->finding_count = kept;
}

static int study_log(struct yp_recorded *x)
{
	x->phases = calloc(yp_log_count(x->log), sizeof *x->phases);
	int r = x->phases ? yp_phases_derive(x->log, &x->media.roles, false, x->phases) : -ENOMEM;

	if (r == 0)
		r = yp_lint(x->log, &x->media.roles, x->findings, YP_FINDINGS_MAX, &x->finding_count);
	if (x->finding_count > YP_FINDINGS_MAX)
		x->finding_count = YP_FINDINGS_MAX;
	drop_read_back(x);
	return r;
}

/* ---- the scenario that results name ---- */

static enum yp_model model_of(const struct yp_recorded *x, enum yp_role role)
{
	for (unsigned i = 0; i < x->media.layout.count; i++) {
		if (x->media.roles.role[i] == role)
			return x->media.layout.media[i].model;
	}
	return YP_MODEL_VOLATILE_CACHE;
}

/* The last part of the path, as far as ids take it. */
static void name_scenario(struct yp_recorded *x)
{
	struct yp_scenario *s = &x->scenario;
	char path[PATH_MAX];
	size_t used = 0;

	(void)snprintf(path, sizeof path, "%s", x->request->log);
	for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = 0;
	const char *slash = strrchr(path, '/');
	for (const char *at = slash ? slash + 1 : path; *at && used + 1 < sizeof s->name / 2; at++)
		s->name[used++] = isalnum((unsigned char)*at) ? (char)tolower((unsigned char)*at) : '-';
	if (strspn(s->name, "-") == used)
		(void)snprintf(s->name, sizeof s->name, "recording");
	(void)snprintf(s->group, sizeof s->group, "recorded");
	(void)snprintf(s->title, sizeof s->title, "power cuts of a recorded update, judged by %.100s",
		       x->request->check);
	s->rig = &recorded_terms;
	s->subject = &recorded_subject;
	s->slots = model_of(x, YP_ROLE_SLOT);
	s->env = model_of(x, YP_ROLE_ENV);
	s->state = model_of(x, YP_ROLE_STATE);
	s->data = model_of(x, YP_ROLE_DATA);
	s->limits = x->request->limits;
}

/* ---- open and close ---- */

static int open_all(struct yp_recorded *x, char *detail, size_t detail_bytes)
{
	char path[PATH_MAX];
	bool folder = false;
	int r = open_media(x, path, &folder, detail, detail_bytes);

	if (r == 0 && x->request->models)
		r = yp_host_models_parse(x->request->models, &x->media, detail, detail_bytes);
	if (r != 0)
		return r;
	r = yp_host_room_init(&x->room, &x->media, NULL, detail, detail_bytes);
	if (r == 0)
		r = load_log(x, path, folder, detail, detail_bytes);
	if (r == 0)
		r = study_log(x);
	if (r == 0)
		r = yp_host_media_image(&x->media, yp_server_pool(x->room.server), &x->base, detail, detail_bytes);
	if (r == 0)
		r = yp_command_rig_init(&x->rig, &x->room, x->request->recover, x->request->check);
	return r;
}

int yp_recorded_open(struct yp_recorded *x, const struct yp_explore_request *request)
{
	assert(x && request && request->log && request->check);
	char detail[YP_DETAIL_MAX] = "";

	*x = (struct yp_recorded){.request = request, .room.stop_fd = -1};
	int r = open_all(x, detail, sizeof detail);
	if (r != 0) {
		(void)fprintf(stderr, "yankproof: %s\n", *detail ? detail : strerror(-r));
		return r > 0 ? YP_EXIT_USAGE : YP_EXIT_ERROR;
	}
	if (request->command_seconds)
		x->rig.seconds_max = request->command_seconds;
	x->rig.told = request->after ? request->told : NULL;
	x->rig.told_label = request->told_label;
	x->face = yp_command_rig_face(&x->rig);
	x->explore = (struct yp_explore){.rig = &x->face, .base = x->base, .log = x->log, .limits = request->limits};
	name_scenario(x);
	return 0;
}

void yp_recorded_close(struct yp_recorded *x)
{
	yp_command_rig_deinit(&x->rig);
	yp_image_free(x->base);
	yp_log_free(x->log);
	free(x->phases);
	(void)!yp_host_room_deinit(&x->room); /* no log is written here */
}

int yp_recorded_error(const struct yp_recorded *x, int result)
{
	if (x->rig.stopped) {
		(void)fprintf(stderr, "yankproof: stopped\n");
		return YP_EXIT_STOPPED;
	}
	(void)fprintf(stderr, "yankproof: %s\n", *x->rig.error ? x->rig.error : strerror(-result));
	return YP_EXIT_ERROR;
}

const char *yp_recorded_step(const struct yp_recorded *x, const char *marked, uint32_t entry)
{
	if (*marked || entry == 0 || entry > yp_log_count(x->log))
		return marked;
	return yp_phase_name(x->phases[entry - 1]);
}

/* A word of a shell, in quotes unless it needs none. */
static void quote_word(const char *word, char *out, size_t out_bytes)
{
	size_t used = 0;

	if (*word &&
	    strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,@+%") == strlen(word)) {
		(void)snprintf(out, out_bytes, "%s", word);
		return;
	}
	out[used++] = '\'';
	for (; *word && used + 6 < out_bytes; word++) {
		if (*word == '\'')
			used += (size_t)snprintf(out + used, out_bytes - used, "'\\''");
		else
			out[used++] = *word;
	}
	out[used++] = '\'';
	out[used] = 0;
}

void yp_recorded_replay(const struct yp_recorded *x, const char *id, char *out, size_t out_bytes)
{
	const struct yp_explore_request *request = x->request;
	const struct {
		const char *option, *value;
	} parts[] = {{"--log", request->log},
		     {"--media", request->media},
		     {"--model", request->models},
		     {"--check", request->check},
		     {"--recover", request->recover},
		     {"--after", request->after},
		     {"--like", id}};
	size_t used = (size_t)snprintf(out, out_bytes, "yankproof explore");

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		char word[PATH_MAX];

		if (!parts[i].value)
			continue;
		quote_word(parts[i].value, word, sizeof word);
		if (used < out_bytes)
			used += (size_t)snprintf(out + used, out_bytes - used, " %s %s", parts[i].option, word);
	}
}
