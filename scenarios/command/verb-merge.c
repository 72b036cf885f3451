/* SPDX-License-Identifier: Apache-2.0 */
/* The verb merge: the results of shards as those of one campaign. */
#include "command/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void merge_help(void)
{
	(void)puts("Usage: yankproof merge OUT DIR...\n"
		   "\n"
		   "Joins the results of shards (yankproof run --shard I/N) into OUT/results.jsonl: as if one "
		   "campaign had run them\n"
		   "all, with the same digest. All N shards must be there, of one selection of scenarios, one seed and "
		   "one subject,\n"
		   "each ended. OUT/results.jsonl must not be there yet.\n"
		   "\n"
		   "Exit status: the campaign's, as of 'yankproof run'; 2 if the results do not fit together,\n3 if "
		   "they cannot be written.");
}

struct merge {
	const char *dir; /* being read */
	int fd;
	json_t *head; /* of the first */
	json_t *names;
	struct yp_result *results;
	size_t count;
	unsigned shards;
	bool seen[YP_SHARDS_MAX + 1];
	bool headed, ended; /* of the one being read */
	uint64_t duration_ms;
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

/* All heads must agree but for the shard and the scenarios. */
static int take_head(struct merge *m, json_t *line)
{
	unsigned shard = 0;
	unsigned shards = 0;
	if (yp_parse_shard(text_of(line, "shard"), &shard, &shards))
		return yp_usage_error("%s: no shard in its head", m->dir);
	if (!m->head) {
		m->head = json_deep_copy(line);
		m->shards = shards;
	}
	static const char *const same[] = {"schema", "seed", "subject", "limits", "selection", "board"};
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		const json_t *first = json_object_get(m->head, same[i]);
		const json_t *other = json_object_get(line, same[i]);
		if (first != other && !json_equal(first, other)) /* two that are missing are NULL and no JSON */
			return yp_usage_error("%s has another %s than the first; merge shards of one campaign", m->dir,
					      same[i]);
	}
	if (shards != m->shards || m->seen[shard])
		return yp_usage_error("%s: shard %u/%u does not fit: one of each of %u is needed", m->dir, shard,
				      shards, m->shards);
	m->seen[shard] = true;
	m->headed = true;
	if (json_array_extend(m->names, json_object_get(line, "scenarios")))
		return yp_usage_error("%s: no list of scenarios in its head", m->dir);
	return 0;
}

static int first_pass(void *ctx, const char *text, size_t bytes, json_t *line)
{
	struct merge *m = ctx;
	struct yp_result result;
	(void)text;
	(void)bytes;
	if (strcmp(text_of(line, "type"), "campaign") == 0)
		return take_head(m, line);
	if (strcmp(text_of(line, "type"), "end") == 0) {
		m->ended = true;
		m->duration_ms += (uint64_t)json_integer_value(json_object_get(line, "duration_ms"));
	}
	if (yp_result_parse(line, &result))
		return 0;
	struct yp_result *more = realloc(m->results, (m->count + 1) * sizeof *more);
	if (!more)
		return -ENOMEM;
	m->results = more;
	more[m->count++] = result;
	return 0;
}

static int second_pass(void *ctx, const char *text, size_t bytes, json_t *line)
{
	struct merge *m = ctx;
	(void)text;
	(void)bytes;
	const char *type = text_of(line, "type");
	if (strcmp(type, "campaign") == 0 || strcmp(type, "end") == 0)
		return 0;
	return yp_results_line(m->fd, json_incref(line));
}

/* 0, an exit status with the error said, or -errno. */
static int read_each(struct merge *m, char *const *dirs, int count, yp_results_sink *sink)
{
	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];
		char detail[YP_DETAIL_MAX] = "";
		m->dir = dirs[i];
		m->headed = false;
		m->ended = false;
		int n = snprintf(path, sizeof path, "%s/%s", dirs[i], YP_RESULTS_FILE);
		int result = n < 0 || (size_t)n >= sizeof path ? -ENAMETOOLONG
							       : yp_results_read(path, sink, m, detail, sizeof detail);
		if (result)
			return *detail ? yp_usage_error("%s", detail) : result;
		if (sink == first_pass && !m->headed)
			return yp_usage_error("%s holds no campaign", path);
		if (sink == first_pass && !m->ended)
			return yp_usage_error("%s did not end; finish it with 'yankproof run --resume'", dirs[i]);
	}
	return 0;
}

/* Same returns. */
static int write_merged(struct merge *m, char *const *dirs, int count)
{
	(void)json_object_set_new(m->head, "shard", json_string("1/1"));
	(void)json_object_set(m->head, "scenarios", m->names);
	int result = yp_results_line(m->fd, json_incref(m->head));
	if (!result)
		result = read_each(m, dirs, count, second_pass);
	if (!result)
		result = yp_results_end(m->fd, m->results, m->count, m->duration_ms);
	return !result && fsync(m->fd) ? -errno : result;
}

/* The first pass checked that everything fits. */
static int put_merged(struct merge *m, const char *out, char *const *dirs, int count)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof path, "%s/%s", out, YP_RESULTS_FILE);
	if (n < 0 || (size_t)n >= sizeof path)
		return yp_usage_error("%s: the path is too long", out);
	if (mkdir(out, 0755) && errno != EEXIST)
		return yp_usage_error("cannot make the folder %s: %s", out, strerror(errno));
	/* O_EXCL: OUT may be one of the folders that are read. */
	m->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (m->fd < 0)
		return errno == EEXIST ? yp_usage_error("%s is there already; give a new folder as OUT", path)
				       : yp_usage_error("cannot make %s: %s", path, strerror(errno));
	int result = write_merged(m, dirs, count);
	if (close(m->fd) && !result)
		result = -errno;
	if (!result)
		return 0;
	(void)unlink(path);
	if (result > 0)
		return result;
	(void)fprintf(stderr, "yankproof: cannot write %s: %s\n", path, strerror(-result));
	return YP_EXIT_ERROR;
}

static int merge_results(const char *out, char *const *dirs, int count)
{
	struct merge m = {.fd = -1, .names = json_array()};
	int status = m.names ? read_each(&m, dirs, count, first_pass) : -ENOMEM;
	if (status < 0) {
		(void)fprintf(stderr, "yankproof: cannot read %s: %s\n", m.dir ? m.dir : dirs[0], strerror(-status));
		status = YP_EXIT_ERROR;
	}
	for (unsigned i = 1; !status && i <= m.shards; i++) {
		if (!m.seen[i])
			status = yp_usage_error("shard %u/%u is missing", i, m.shards);
	}
	if (!status)
		status = put_merged(&m, out, dirs, count);
	if (!status) {
		enum yp_verdict worst = YP_PASS;
		for (size_t i = 0; i < m.count; i++) {
			if (m.results[i].verdict > worst)
				worst = m.results[i].verdict;
		}
		yp_summary_total(stdout, m.results, m.count, m.duration_ms);
		status = yp_verdict_status(worst);
	}
	json_decref(m.head);
	json_decref(m.names);
	free(m.results);
	return status;
}

int yp_verb_merge(int argc, char **argv)
{
	static const struct option long_options[] = {{"help", no_argument, NULL, 'h'}, {0}};
	int option;
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (option != 'h')
			return yp_usage_hint("merge");
		merge_help();
		return 0;
	}
	if (argc - optind < 2)
		return yp_usage_error("give OUT and at least one DIR; see 'yankproof merge --help'");
	return merge_results(argv[optind], argv + optind + 1, argc - optind - 1);
}
