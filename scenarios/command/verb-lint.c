/* SPDX-License-Identifier: Apache-2.0 */
/* The verb lint: checks a write log alone, recorded or from a file. */
#include "command/verbs.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static void lint_help(void)
{
	(void)puts("Usage: yankproof lint SCENARIO [options]\n"
		   "       yankproof lint --log FILE [--media NAME:SECTORS:ROLE,...] [options]\n"
		   "\n"
		   "Checks a write log for wrong orders of writes and flushes, without any crash state: the log of a "
		   "scenario's story, or of\n"
		   "a file. With --media the file is in the dm-log-writes format, its media end to end in this order; "
		   "without, in\n"
		   "yankproof's own. ROLE: slot-X (bootname X), running-X (the slot that runs), env, state, data or "
		   "other; the two\n"
		   "copies of an env are its halves.\n"
		   "\n"
		   "      --log FILE       a write log\n"
		   "      --media LIST     its media\n"
		   "      --scenarios DIR  the scenarios folder (default: scenarios)\n"
		   "\n"
		   "Exit status: 0 nothing found, 1 findings, 2 bad usage or bad input, 3 ERROR.");
}

static int print_findings(const struct yp_log *log, const struct yp_finding *findings, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)printf("%s: entry %zu (%s): %s\n", findings[i].rule, findings[i].entry,
			     yp_log_step(log, findings[i].entry), findings[i].text);
	(void)printf("%zu findings in %zu entries\n", count, yp_log_count(log));
	return count ? 1 : 0;
}

/* The file's media, as the lint needs them. */
struct media {
	struct yp_layout layout;
	struct yp_lint_roles roles;
};

static int parse_role(const char *text, unsigned i, uint64_t sectors, struct yp_lint_roles *roles)
{
	static const struct {
		const char *name;
		enum yp_role role;
	} names[] = {{"env", YP_ROLE_ENV}, {"state", YP_ROLE_STATE}, {"data", YP_ROLE_DATA}, {"other", YP_ROLE_OTHER}};
	for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
		if (strcmp(text, names[k].name) == 0)
			roles->role[i] = names[k].role;
		else
			continue;
		if (roles->role[i] == YP_ROLE_ENV) {
			roles->env_first[1] = sectors / 2;
			roles->env_sectors = sectors / 2;
		}
		return 0;
	}
	bool running = strncmp(text, "running-", 8) == 0;
	const char *bootname = running ? text + 8 : strncmp(text, "slot-", 5) == 0 ? text + 5 : "";
	if (!*bootname || strlen(bootname) >= sizeof roles->running)
		return -EINVAL;
	roles->role[i] = YP_ROLE_SLOT;
	(void)snprintf(roles->slot[i], sizeof roles->slot[i], "%s", bootname);
	if (running)
		(void)snprintf(roles->running, sizeof roles->running, "%s", bootname);
	return 0;
}

/* One NAME:SECTORS:ROLE, which it takes apart. */
static int parse_medium(char *item, struct media *out)
{
	unsigned i = out->layout.count;
	char *sectors = strchr(item, ':');
	char *role = sectors ? strchr(sectors + 1, ':') : NULL;
	if (!role || i == YP_MEDIA_MAX)
		return -EINVAL;
	*sectors++ = 0;
	*role++ = 0;
	struct yp_medium *medium = &out->layout.media[i];
	if (!*item || strlen(item) >= sizeof medium->name || yp_parse_u64(sectors, 1, UINT32_MAX, &medium->sectors) ||
	    parse_role(role, i, medium->sectors, &out->roles))
		return -EINVAL;
	(void)snprintf(medium->name, sizeof medium->name, "%s", item);
	out->layout.count++;
	return 0;
}

static int parse_media(const char *text, struct media *out)
{
	char *copy = strdup(text);
	char *rest = NULL;
	int result = copy ? 0 : -ENOMEM;
	for (char *item = copy ? strtok_r(copy, ",", &rest) : NULL; item && !result; item = strtok_r(NULL, ",", &rest))
		result = parse_medium(item, out);
	free(copy);
	return result ? result : out->layout.count ? 0 : -EINVAL;
}

/* yankproof's own logs carry the media's names: "slot-a" runs unless --media says otherwise. */
static void roles_by_name(const struct yp_layout *layout, struct yp_lint_roles *roles)
{
	for (unsigned i = 0; i < layout->count; i++) {
		const struct yp_medium *m = &layout->media[i];
		size_t length = strlen(m->name);
		bool slot = strncmp(m->name, "slot-", 5) == 0 || strncmp(m->name, "kernel-", 7) == 0;
		if (slot) {
			roles->role[i] = YP_ROLE_SLOT;
			(void)snprintf(roles->slot[i], sizeof roles->slot[i], "%c", m->name[length - 1] & ~0x20);
		} else {
			(void)parse_role(m->name, i, m->sectors, roles);
		}
	}
	(void)snprintf(roles->running, sizeof roles->running, "A");
}

/* dm-log-writes holds no reads, so reading back cannot be checked. */
static size_t drop_read_back(struct yp_finding *findings, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(findings[i].rule, "no-read-back") != 0)
			findings[kept++] = findings[i];
	}
	(void)puts("(dm-log-writes holds no reads: no-read-back is not checked)");
	return kept;
}

/* A log does not name its subject: names of steps are those of the default subject, and others have no meaning. */
static const struct yp_lint_roles *name_phases(struct yp_lint_roles *roles)
{
	const struct yp_subject_steps *steps = yp_subject_find(NULL)->steps;
	roles->marks = steps->marks;
	roles->marks_count = steps->marks_count;
	return roles;
}

static int lint_file(const char *path, const char *media_text)
{
	struct media media = {0};
	struct yp_pool *pool = NULL;
	struct yp_log *log = NULL;
	struct yp_finding findings[YP_FINDINGS_MAX];
	size_t count = 0;
	char detail[YP_DETAIL_MAX] = "";
	if (media_text && parse_media(media_text, &media))
		return yp_usage_error("--media %s: write NAME:SECTORS:ROLE,... with at most %u media", media_text,
				      YP_MEDIA_MAX);
	int result = yp_pool_new(&pool);
	if (!result)
		result = media_text ? yp_log_import_dm(path, &media.layout, pool, &log, detail, sizeof detail)
				    : yp_log_load(path, pool, &log, detail, sizeof detail);
	if (!result && !media_text)
		roles_by_name(yp_log_layout(log), &media.roles);
	if (!result)
		result = yp_lint(log, name_phases(&media.roles), findings, YP_FINDINGS_MAX, &count);
	int status = 0;
	if (result) {
		(void)fprintf(stderr, "%s: %s\n", path, *detail ? detail : strerror(-result));
		status = result > 0 || result == -ENOENT ? YP_EXIT_USAGE : YP_EXIT_ERROR;
	} else {
		count = count > YP_FINDINGS_MAX ? YP_FINDINGS_MAX : count;
		if (media_text)
			count = drop_read_back(findings, count);
		status = print_findings(log, findings, count);
	}
	yp_log_free(log);
	yp_pool_free(pool);
	return status;
}

int yp_verb_lint(int argc, char **argv)
{
	static const struct option long_options[] = {{"log", required_argument, NULL, 'l'},
						     {"media", required_argument, NULL, 'm'},
						     {"scenarios", required_argument, NULL, 's'},
						     {"help", no_argument, NULL, 'h'},
						     {0}};
	const char *file = NULL;
	const char *media = NULL;
	const char *dir = YP_SCENARIOS_DIR;
	int option;
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (option == 'l') {
			file = optarg;
		} else if (option == 'm') {
			media = optarg;
		} else if (option == 's') {
			dir = optarg;
		} else if (option == 'h') {
			lint_help();
			return 0;
		} else {
			return yp_usage_hint("lint");
		}
	}
	if (file && optind == argc)
		return lint_file(file, media);
	if (file || media || optind + 1 != argc)
		return yp_usage_error("give one scenario, or --log FILE; see 'yankproof lint --help'");
	struct yp_scenario scenario;
	struct yp_rig_session session;
	struct yp_rig_story story;
	int status = yp_open_story(dir, argv[optind], &scenario, &session, &story);
	if (!status)
		status = print_findings(story.log, story.findings, story.finding_count);
	yp_rig_session_deinit(&session);
	return status;
}
