/* SPDX-License-Identifier: Apache-2.0 */
/* Writes results.jsonl, line by line. */
#include "results/results.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "file/version.h"
#include "power-cut/host-calls.h"

static int lock_file(int fd, short type)
{
	struct flock whole = {.l_type = type, .l_whence = SEEK_SET};
	while (fcntl(fd, F_SETLKW, &whole)) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* The length up to the last whole line. */
static int cut_half_line(int fd, off_t *bytes)
{
	char tail[4096];
	struct stat st;
	if (fstat(fd, &st))
		return -errno;
	for (*bytes = st.st_size; *bytes > 0;) {
		size_t part = *bytes < (off_t)sizeof tail ? (size_t)*bytes : sizeof tail;
		if (pread(fd, tail, part, *bytes - (off_t)part) != (ssize_t)part)
			return -EIO;
		while (part && tail[part - 1] != '\n') {
			part--;
			--*bytes;
		}
		if (part)
			break;
	}
	return *bytes == st.st_size || ftruncate(fd, *bytes) == 0 ? 0 : -errno;
}

/* The file's end is shared by all workers. The lock goes with its process, however that ends. */
static int append_line(int fd, const char *text, size_t bytes)
{
	off_t end = 0;
	struct stat st;
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return yp_write_all(fd, text, bytes);
	int result = lock_file(fd, F_WRLCK);
	if (result)
		return result;
	result = cut_half_line(fd, &end);
	if (!result) {
		result = yp_write_all(fd, text, bytes);
		if (result)
			(void)!ftruncate(fd, end); /* else the next writer does */
	}
	(void)lock_file(fd, F_UNLCK);
	return result;
}

int yp_results_line(int fd, json_t *line)
{
	if (!line)
		return -ENOMEM;
	char *text = json_dumps(line, JSON_COMPACT);
	json_decref(line);
	if (!text)
		return -ENOMEM;
	size_t bytes = strlen(text);
	text[bytes] = '\n'; /* its NUL: lengths are explicit from here on */
	int result = append_line(fd, text, bytes + 1);
	free(text);
	return result;
}

static void write_now(char *out, size_t out_bytes)
{
	struct tm utc;
	time_t now = time(NULL);
	if (!gmtime_r(&now, &utc) || !strftime(out, out_bytes, "%Y-%m-%dT%H:%M:%SZ", &utc))
		(void)snprintf(out, out_bytes, "1970-01-01T00:00:00Z");
}

/* The subject's steps, in order; an empty list for one that marks none. */
static json_t *make_steps(const struct yp_subject *subject)
{
	const struct yp_subject_steps *steps = subject->steps;
	json_t *list = json_array();
	for (size_t i = 0; list && steps && i < steps->marks_count; i++)
		(void)json_array_append_new(list,
					    json_pack("{s:s, s:s, s:s}", "step", steps->marks[i].text, "phase",
						      yp_phase_name(steps->marks[i].phase), "text", steps->texts[i]));
	return list;
}

/* Each subject of the scenarios once. */
static json_t *make_subjects(const struct yp_scenario *const *scenarios, size_t count)
{
	json_t *list = json_array();
	for (const struct yp_subject *const *at = yp_subjects(); list && *at; at++) {
		bool used = false;
		for (size_t i = 0; i < count && !used; i++)
			used = scenarios[i]->subject == *at;
		if (used)
			(void)json_array_append_new(
			    list, json_pack("{s:s, s:o}", "name", (*at)->name, "steps", make_steps(*at)));
	}
	return list;
}

/* All invariants, as power-cut/outcome.h has them. */
static json_t *make_invariants(void)
{
	json_t *list = json_array();
	for (unsigned i = YP_I_NONE + 1; list && i < YP_INVARIANTS; i++) {
		const struct yp_invariant_row *row = yp_invariant_row((enum yp_invariant)i);
		(void)json_array_append_new(
		    list, json_pack("{s:s, s:s, s:s}", "id", row->id, "name", row->name, "sentence", row->sentence));
	}
	return list;
}

int yp_results_campaign(int fd, const struct yp_campaign_head *head, const struct yp_scenario *const *scenarios,
			size_t count, json_t *rigs, json_t *equivalences)
{
	char started[32];
	char shard[32];
	struct utsname host = {0};
	write_now(started, sizeof started);
	(void)snprintf(shard, sizeof shard, "%u/%u", head->shard, head->shards);
	(void)uname(&host);
	json_t *names = json_array();
	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(names, json_string(scenarios[i]->name));
	json_t *line = json_pack(
	    "{s:s, s:i, s:s, s:I, s:{s:s, s:s, s:s}, s:s, s:{s:s, s:i}, s:o, s:s, s:s, s:o, s:{s:I, s:b, s:b}}", "type",
	    "campaign", "schema", 1, "started", started, "seed", (json_int_t)head->seed, "subject", "name",
	    head->subjects, "version", YP_VERSION, "mutant", yp_mutant_name(), "program", head->program, "host",
	    "kernel", host.release, "cpus", (int)sysconf(_SC_NPROCESSORS_ONLN), "scenarios", names, "selection",
	    head->selection, "shard", shard, "equivalences", equivalences, "limits", "states",
	    (json_int_t)head->states_max, "fail_fast", (int)head->fail_fast, "lint", (int)!head->no_lint);
	if (line) {
		(void)json_object_set_new(line, "rigs", rigs);
		(void)json_object_set_new(line, "subjects", make_subjects(scenarios, count));
		(void)json_object_set_new(line, "invariants", make_invariants());
	}
	if (line && head->board)
		(void)json_object_set_new(line, "board", json_string(head->board));
	return yp_results_line(fd, line);
}

static const char *name_op(enum yp_op op)
{
	static const char *const texts[] = {"?", "write", "read", "flush", "discard", "mark"};
	return (unsigned)op <= YP_MARK ? texts[op] : texts[0];
}

static json_t *make_entry(const struct yp_log *log, size_t i)
{
	const struct yp_entry *e = yp_log_entry(log, i);
	const char *medium = e->op == YP_MARK ? "" : yp_log_layout(log)->media[e->medium].name;
	const char *text = e->op == YP_MARK ? yp_log_text(log, e) : "";
	return json_pack("{s:I, s:s, s:s, s:I, s:I, s:b, s:s, s:s}", "i", (json_int_t)i, "op", name_op(e->op), "medium",
			 medium, "sector", (json_int_t)e->sector, "sectors", (json_int_t)e->sectors, "fua", (int)e->fua,
			 "step", yp_log_step(log, i), "text", text);
}

int yp_results_log(int fd, const char *scenario, const struct yp_log *log, const struct yp_finding *findings,
		   size_t finding_count)
{
	const struct yp_layout *layout = yp_log_layout(log);
	json_t *media = json_array();
	json_t *entries = json_array();
	json_t *found = json_array();
	for (unsigned i = 0; i < layout->count; i++)
		(void)json_array_append_new(media, json_pack("{s:s, s:I}", "name", layout->media[i].name, "sectors",
							     (json_int_t)layout->media[i].sectors));
	for (size_t i = 0; i < yp_log_count(log); i++)
		(void)json_array_append_new(entries, make_entry(log, i));
	for (size_t i = 0; i < finding_count; i++)
		(void)json_array_append_new(found, json_pack("{s:s, s:I, s:s}", "rule", findings[i].rule, "entry",
							     (json_int_t)findings[i].entry, "text", findings[i].text));
	return yp_results_line(fd, json_pack("{s:s, s:s, s:o, s:o, s:o}", "type", "log", "scenario", scenario, "media",
					     media, "entries", entries, "findings", found));
}

int yp_results_classes(int fd, const char *scenario, json_t *classes)
{
	return yp_results_line(
	    fd, json_pack("{s:s, s:s, s:o}", "type", "classes", "scenario", scenario, "classes", classes));
}

json_t *yp_results_case(const char *scenario, const struct yp_case_line *line)
{
	json_t *out =
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:i, s:s, s:s, s:s, s:s, s:b, s:I, s:s}", "type", "case",
		      "scenario", scenario, "id", line->id, "fault", line->fault, "step", line->step, "entry",
		      (json_int_t)line->entry, "cuts", (int)line->cuts, "verdict", yp_verdict_text(line->verdict),
		      "label", line->label, "invariant", line->invariant, "text", line->text, "settled",
		      (int)line->settled, "boots", (json_int_t)line->boots, "form", line->form);
	if (out && line->reason && *line->reason)
		(void)json_object_set_new(out, "reason", json_string(line->reason));
	if (out && line->landings && *line->landings)
		(void)json_object_set_new(out, "landings", json_loads(line->landings, 0, NULL));
	if (!out || !line->catalogue || (!*line->catalogue && !line->bytes_honest))
		return out;
	json_t *ids = json_array();
	for (const char *at = line->catalogue + strspn(line->catalogue, " "); *at; at += strspn(at, " ")) {
		size_t length = strcspn(at, " ");
		(void)json_array_append_new(ids, json_stringn(at, length));
		at += length;
	}
	(void)json_object_set_new(out, "catalogue", ids);
	if (!line->bytes_honest)
		return out;
	(void)json_object_set_new(out, "bytes", json_integer((json_int_t)line->bytes));
	(void)json_object_set_new(out, "bytes_honest", json_integer((json_int_t)line->bytes_honest));
	return out;
}

static json_t *make_texts(const struct yp_text_list *list)
{
	json_t *array = json_array();
	for (unsigned i = 0; i < list->count; i++)
		(void)json_array_append_new(array, json_string(list->text[i]));
	return array;
}

static json_t *make_stats(const struct yp_result *result)
{
	const struct yp_stats *s = &result->stats;
	json_t *out = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "enumerated",
				(json_int_t)s->enumerated, "distinct", (json_int_t)s->distinct, "canonical",
				(json_int_t)s->canonical, "run", (json_int_t)s->run, "settled", (json_int_t)s->settled,
				"audited", (json_int_t)s->audited, "disagreed", (json_int_t)s->disagreed, "failed",
				(json_int_t)s->failed, "depth", (json_int_t)s->depth);
	if (!out)
		return NULL;
	(void)json_object_set_new(out, "sampled", json_integer((json_int_t)s->sampled));
	(void)json_object_set_new(out, "closed", json_boolean(s->closed));
	(void)json_object_set_new(out, "explored", json_boolean(result->explored));
	if (result->by_class)
		(void)json_object_set_new(out, "by_class", json_true());
	(void)json_object_set_new(out, "cases", json_integer((json_int_t)result->cases));
	(void)json_object_set_new(out, "fails", json_integer((json_int_t)result->fails));
	if (result->bytes_honest) {
		(void)json_object_set_new(out, "bytes", json_integer((json_int_t)result->bytes));
		(void)json_object_set_new(out, "bytes_most", json_integer((json_int_t)result->bytes_most));
		(void)json_object_set_new(out, "bytes_honest", json_integer((json_int_t)result->bytes_honest));
	}
	if (result->head_flips) {
		(void)json_object_set_new(out, "head_flips", json_integer((json_int_t)result->head_flips));
		(void)json_object_set_new(out, "head_flips_rejected",
					  json_integer((json_int_t)result->head_flips_rejected));
	}
	if (*result->note) {
		(void)json_object_set_new(out, "settled_by_reads", json_integer((json_int_t)s->settled_firm));
		(void)json_object_set_new(out, "not_run", json_integer((json_int_t)s->unrun));
		(void)json_object_set_new(out, "boots", json_integer((json_int_t)s->boots));
		(void)json_object_set_new(out, "note", json_string(result->note));
	}
	(void)json_object_set_new(out, "bounded_by", json_string(result->bounded_by));
	return out;
}

int yp_results_scenario(int fd, const struct yp_scenario *scenario, const struct yp_result *result)
{
	char storage[160];
	char replay[YP_ID_MAX + 32] = "";
	yp_scenario_storage(scenario, storage, sizeof storage);
	if (*result->failing)
		(void)snprintf(replay, sizeof replay, "yankproof replay %s", result->failing);
	json_t *line =
	    json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:s, s:s, s:s, s:I, s:o, s:s, s:s, s:s, s:s}", "type",
		      "scenario", "scenario", scenario->name, "title", scenario->title, "group", scenario->group,
		      "tags", make_texts(&scenario->tags), "catalogue", make_texts(&scenario->catalogue), "rig",
		      scenario->rig->name, "storage", storage, "verdict", yp_verdict_text(result->verdict), "reason",
		      result->reason, "duration_ms", (json_int_t)result->duration_ms, "stats", make_stats(result),
		      "expected", result->beyond ? "expected to fail" : "", "digest", result->digest, "sentence",
		      result->sentence, "replay", result->replay ? result->replay : replay);
	if (line)
		(void)json_object_set_new(line, "subject", json_string(scenario->subject->name));
	return yp_results_line(fd, line);
}

static enum yp_verdict find_worst(const struct yp_result *results, size_t count, unsigned tally[YP_FAIL + 1])
{
	enum yp_verdict worst = YP_PASS;
	for (size_t i = 0; i < count; i++) {
		tally[results[i].verdict]++;
		if (results[i].verdict > worst)
			worst = results[i].verdict;
	}
	return worst;
}

int yp_results_end(int fd, const struct yp_result *results, size_t count, uint64_t duration_ms)
{
	unsigned tally[YP_FAIL + 1] = {0};
	enum yp_verdict worst = find_worst(results, count, tally);
	char digest[YP_DIGEST_TEXT];
	yp_results_digest(results, count, digest);
	/* A SKIP beside a PASS gives PASS: all scenarios that ran have passed. */
	if (worst == YP_SKIP && tally[YP_PASS])
		worst = YP_PASS;
	return yp_results_line(fd, json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:I}", "type", "end", "verdict",
					     yp_verdict_text(worst), "digest", digest, "passed", (int)tally[YP_PASS],
					     "failed", (int)tally[YP_FAIL], "errors", (int)tally[YP_ERROR], "missed",
					     (int)tally[YP_MISS], "skipped", (int)tally[YP_SKIP], "duration_ms",
					     (json_int_t)duration_ms));
}
