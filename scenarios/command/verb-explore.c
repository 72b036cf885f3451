/* SPDX-License-Identifier: Apache-2.0 */
/* The verb explore: cuts the power of a recorded update everywhere, and runs the user's own check. */
#include "command/verbs.h"

#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "command/explore-recording.h"

#define FAILURES_MORE  3u
#define SECONDS_MORE   5u
#define AUDIT_FRACTION 0.1
#define COMMAND_S      30u

static void explore_help(void)
{
	(void)puts(
	    "Usage: yankproof explore --log DIR --check CMD [--recover CMD] [options]\n"
	    "       yankproof explore --log FILE --media NAME=FILE:ROLE[,...] --check CMD [options]\n"
	    "\n"
	    "Works out every state that a power cut can leave behind during a recorded update, and offers each to CMD, "
	    "as files or\n"
	    "devices in the same variables as in 'yankproof record'. Needs root and /dev/fuse.\n"
	    "\n"
	    "      --log DIR        a folder of 'yankproof record'; or a write log, of our format or of dm-log-writes\n"
	    "      --media LIST     of a write log: its media in its order, FILE being what was there before\n"
	    "      --check CMD      a line of shell. Its exit status says whether the device is whole:\n"
	    "                         0 whole; a last line of one word is the label of the state, such as old or new\n"
	    "                         1 I2: a mixture of versions       3 I1: nothing boots\n"
	    "                         4 I8: user data is lost           5 I5: an untrue report\n"
	    "                       Any other is I2 too; 126 and 127 are an ERROR: it cannot be started. The last line "
	    "that it\n"
	    "                       prints says what is broken. What it writes to the media is thrown away\n"
	    "      --recover CMD    what the device does by itself after a power cut, before the check. Its own writes "
	    "are cut,\n"
	    "                       too, until nothing new appears. It must end with 0, else I6\n"
	    "      --after MARK=LABEL   once 'yankproof mark --world MARK' was made, every state must have that label, "
	    "else I5:\n"
	    "                       what was reported is not so any more\n"
	    "      --model LIST     other storage models than recorded: NAME=MODEL,... or MODEL\n"
	    "      --like ID        run that one case again, with its story and what CMD prints\n"
	    "      --save DIR       with --like: keep the media of that state as files\n"
	    "  -o DIR               results.jsonl, for 'yankproof report DIR'\n"
	    "      --limit-seconds N   stop then; the verdict is bounded\n"
	    "      --limit-states N    the same by distinct states\n"
	    "      --max-failures N    go on after the first failure until N more (3), or 5 seconds\n"
	    "      --command-seconds N deadline of each CMD (30); missing it is I7\n"
	    "\n"
	    "CMD must depend on the media alone. A state that reads the same as one that ran is settled without a run; "
	    "some are\n"
	    "run all the same, and commands that are not repeatable end in an ERROR.\n"
	    "\n"
	    "Exit status: 0 PASS, 1 FAIL, 2 bad usage or bad input, 3 ERROR, 5 stopped.");
}

enum {
	OPT_LOG = 256,
	OPT_MEDIA,
	OPT_MODEL,
	OPT_CHECK,
	OPT_RECOVER,
	OPT_AFTER,
	OPT_LIKE,
	OPT_SAVE,
	OPT_SECONDS,
	OPT_STATES,
	OPT_FAILURES,
	OPT_COMMAND
};

static const struct option long_options[] = {{"log", required_argument, NULL, OPT_LOG},
					     {"media", required_argument, NULL, OPT_MEDIA},
					     {"model", required_argument, NULL, OPT_MODEL},
					     {"check", required_argument, NULL, OPT_CHECK},
					     {"recover", required_argument, NULL, OPT_RECOVER},
					     {"after", required_argument, NULL, OPT_AFTER},
					     {"like", required_argument, NULL, OPT_LIKE},
					     {"save", required_argument, NULL, OPT_SAVE},
					     {"output", required_argument, NULL, 'o'},
					     {"limit-seconds", required_argument, NULL, OPT_SECONDS},
					     {"limit-states", required_argument, NULL, OPT_STATES},
					     {"max-failures", required_argument, NULL, OPT_FAILURES},
					     {"command-seconds", required_argument, NULL, OPT_COMMAND},
					     {"help", no_argument, NULL, 'h'},
					     {0}};

/* Where the text of an option goes; NULL: it has a number. */
static const char **text_of(int option, struct yp_explore_request *request)
{
	switch (option) {
	case OPT_LOG:
		return &request->log;
	case OPT_MEDIA:
		return &request->media;
	case OPT_MODEL:
		return &request->models;
	case OPT_CHECK:
		return &request->check;
	case OPT_RECOVER:
		return &request->recover;
	case OPT_AFTER:
		return &request->after;
	case OPT_LIKE:
		return &request->like;
	case OPT_SAVE:
		return &request->save;
	case 'o':
		return &request->out;
	default:
		return NULL;
	}
}

static int take_number(int option, const char *text, struct yp_explore_request *request)
{
	uint64_t value = 0;

	if (yp_parse_u64(text, option == OPT_FAILURES ? 0 : 1, YP_SECONDS_MAX, &value))
		return yp_usage_error("'%s' is no number from %d to %u", text, option == OPT_FAILURES ? 0 : 1,
				      YP_SECONDS_MAX);
	if (option == OPT_SECONDS)
		request->limit_seconds = value;
	else if (option == OPT_STATES)
		request->limits.states_max = value;
	else if (option == OPT_FAILURES)
		request->failures_more = value;
	else
		request->command_seconds = (unsigned)value;
	return 0;
}

/* MARK=LABEL: 0, or -1. */
static int split_after(struct yp_explore_request *request)
{
	const char *equals = strrchr(request->after, '=');

	if (!equals || equals == request->after || !equals[1] || equals - request->after >= (ptrdiff_t)YP_TOLD_MAX)
		return -1;
	memcpy(request->told, request->after, (size_t)(equals - request->after));
	request->told_label = equals + 1;
	return 0;
}

/* 0, an exit status, or -1: help was printed. */
static int parse_request(int argc, char **argv, struct yp_explore_request *out)
{
	int option;

	while ((option = getopt_long(argc, argv, "o:h", long_options, NULL)) != -1) {
		const char **text = text_of(option, out);

		if (option == 'h') {
			explore_help();
			return -1;
		}
		if (option == '?')
			return yp_usage_hint("explore");
		int status = text ? 0 : take_number(option, optarg, out);

		if (status)
			return status;
		if (text)
			*text = optarg;
	}
	if (!out->log || !out->check || optind != argc)
		return yp_usage_error("give --log DIR and --check CMD; see 'yankproof explore --help'");
	if (out->after && split_after(out))
		return yp_usage_error("'--after %s': write MARK=LABEL, such as done=new", out->after);
	if (out->save && !out->like)
		return yp_usage_error("--save keeps the media of one case: name it with --like");
	return 0;
}

int yp_verb_explore(int argc, char **argv)
{
	struct yp_explore_request request = {.limits = {.seed = YP_SEED_DEFAULT, .audit_fraction = AUDIT_FRACTION},
					     .command_seconds = COMMAND_S,
					     .failures_more = FAILURES_MORE,
					     .seconds_more = SECONDS_MORE};
	int status = parse_request(argc, argv, &request);

	if (status)
		return status < 0 ? 0 : status;
	struct yp_recorded *recorded = calloc(1, sizeof *recorded);
	if (!recorded)
		return yp_no_memory();
	status = yp_recorded_open(recorded, &request);
	if (status == 0)
		status = request.like ? yp_explore_one(recorded) : yp_explore_all(recorded);
	yp_recorded_close(recorded);
	free(recorded);
	return status;
}
