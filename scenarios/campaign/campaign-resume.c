/* SPDX-License-Identifier: Apache-2.0 */
/* Takes up a campaign that was stopped: which scenarios are done, and the file with their lines alone. */
#include "campaign/campaign.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "file/version.h"
#include "power-cut/host-calls.h"

static long find_scenario(const struct yp_campaign *c, const char *name)
{
	for (size_t i = 0; name && i < c->count; i++) {
		if (strcmp(c->scenarios[i]->name, name) == 0)
			return (long)i;
	}
	return -1;
}

static const char *read_type(const json_t *line)
{
	const char *type = json_string_value(json_object_get(line, "type"));
	return type ? type : "";
}

struct reading {
	const struct yp_campaign *campaign;
	struct yp_result *results;
	bool *finished;
	bool headed;
	char *detail;
	size_t detail_bytes;
};

/* Results of another seed, shard or subject would be mixed into one digest. */
static int check_head(struct reading *r, const json_t *line)
{
	const struct yp_campaign_head *head = &r->campaign->head;
	char shard[32];
	(void)snprintf(shard, sizeof shard, "%u/%u", head->shard, head->shards);
	const char *their_shard = json_string_value(json_object_get(line, "shard"));
	const char *mutant = json_string_value(json_object_get(json_object_get(line, "subject"), "mutant"));
	json_int_t states = json_integer_value(json_object_get(json_object_get(line, "limits"), "states"));
	const char *selection = json_string_value(json_object_get(line, "selection"));
	const char *board = json_string_value(json_object_get(line, "board"));
	const char *differs = NULL;
	if ((uint64_t)json_integer_value(json_object_get(line, "seed")) != head->seed)
		differs = "seed";
	else if (!their_shard || strcmp(their_shard, shard) != 0)
		differs = "shard";
	else if (!mutant || strcmp(mutant, yp_mutant_name()) != 0)
		differs = "subject";
	else if ((uint64_t)states != head->states_max)
		differs = "limit of states";
	else if (json_is_false(json_object_get(json_object_get(line, "limits"), "lint")) != head->no_lint)
		differs = "use of the lint";
	else if (strcmp(board ? board : "", head->board ? head->board : "") != 0)
		differs = "board";
	else if (selection && strcmp(selection, head->selection) != 0)
		differs = "selection of scenarios, or other versions of them";
	if (!differs) {
		const char *program = json_string_value(json_object_get(line, "program"));
		/* Another build may contain another subject or only a changed text: the user is warned. */
		if (program && strcmp(program, head->program) != 0)
			(void)fprintf(
			    stderr,
			    "yankproof: %s/%s was begun by another build of this program; its results are kept\n",
			    r->campaign->dir, YP_RESULTS_FILE);
		r->headed = true;
		return 0;
	}
	(void)snprintf(r->detail, r->detail_bytes, "%s/%s was made with another %s; use the same, or another folder",
		       r->campaign->dir, YP_RESULTS_FILE, differs);
	return 1;
}

/* Is there more to run, from what the rig keeps? */
static bool goes_on(const struct yp_scenario *scenario, const struct yp_result *result)
{
	const struct yp_scenario_rig *rig = yp_rig_of(scenario);
	return rig->unfinished && rig->unfinished(result);
}

static int note_line(void *ctx, const char *text, size_t bytes, json_t *line)
{
	struct reading *r = ctx;
	(void)text;
	(void)bytes;
	if (strcmp(read_type(line), "campaign") == 0)
		return check_head(r, line);
	if (strcmp(read_type(line), "scenario") != 0)
		return 0;
	struct yp_result result;
	if (yp_result_parse(line, &result))
		return 0; /* runs anew */
	long i = find_scenario(r->campaign, result.scenario);
	if (i >= 0) {
		r->results[i] = result;
		r->finished[i] = !goes_on(r->campaign->scenarios[i], &result);
	}
	return 0;
}

int yp_campaign_resume(const struct yp_campaign *campaign, struct yp_result *results, bool *finished, char *detail,
		       size_t detail_bytes)
{
	char path[PATH_MAX];
	struct reading reading = {.campaign = campaign,
				  .results = results,
				  .finished = finished,
				  .detail = detail,
				  .detail_bytes = detail_bytes};
	(void)snprintf(path, sizeof path, "%s/%s", campaign->dir, YP_RESULTS_FILE);
	int result = yp_results_read(path, note_line, &reading, detail, detail_bytes);
	if (result == -ENOENT) {
		(void)snprintf(detail, detail_bytes, "%s: there is nothing to resume; run without --resume", path);
		return 1;
	}
	if (result)
		return result;
	if (!reading.headed) {
		(void)snprintf(detail, detail_bytes, "%s holds no campaign; run without --resume", path);
		return 1;
	}
	result = yp_campaign_compact(campaign, finished);
	if (result)
		(void)snprintf(detail, detail_bytes, "cannot write %s anew: %s", path, strerror(-result));
	return result;
}

struct copying {
	const struct yp_campaign *campaign;
	const bool *finished;
	int fd;
};

static int copy_line(void *ctx, const char *text, size_t bytes, json_t *line)
{
	struct copying *c = ctx;
	const char *type = read_type(line);
	const char *scenario = json_string_value(json_object_get(line, "scenario"));
	if (strcmp(type, "end") == 0)
		return 0;
	if (strcmp(type, "campaign") != 0) {
		long i = find_scenario(c->campaign, scenario);
		if (i < 0 || !c->finished[i])
			return 0;
	}
	return yp_write_all(c->fd, text, bytes);
}

int yp_campaign_compact(const struct yp_campaign *campaign, const bool *finished)
{
	char path[PATH_MAX];
	char fresh[PATH_MAX];
	char detail[YP_DETAIL_MAX];
	int n = snprintf(path, sizeof path, "%s/%s", campaign->dir, YP_RESULTS_FILE);
	int m = snprintf(fresh, sizeof fresh, "%s/%s.new", campaign->dir, YP_RESULTS_FILE);
	if (n < 0 || (size_t)n >= sizeof path || m < 0 || (size_t)m >= sizeof fresh)
		return -ENAMETOOLONG;
	struct copying copying = {.campaign = campaign, .finished = finished};
	copying.fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (copying.fd < 0)
		return -errno;
	int result = yp_results_read(path, copy_line, &copying, detail, sizeof detail);
	if (!result && fsync(copying.fd))
		result = -errno;
	if (close(copying.fd) && !result)
		result = -errno;
	if (!result && rename(fresh, path))
		result = -errno;
	if (result)
		(void)unlink(fresh);
	return result > 0 ? -EBADMSG : result;
}
