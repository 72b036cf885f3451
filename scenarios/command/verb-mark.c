/* SPDX-License-Identifier: Apache-2.0 */
/* The verb mark: a line in the write log of the run that this process is part of. */
#include "command/verbs.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "power-cut/host-calls.h"

#define MARK_BYTES_MAX 200u

static void mark_help(void)
{
	(void)puts(
	    "Usage: yankproof mark [--world|--note] NAME\n"
	    "\n"
	    "Puts a mark into the write log, from inside of 'yankproof record' or of a command of 'yankproof "
	    "explore', which set\n"
	    "YANKPROOF_CONTROL. YANKPROOF is this program there: \"$YANKPROOF\" mark write.\n"
	    "\n"
	    "  NAME         a step of the update, such as write or flip; stories and reports name it\n"
	    "      --world  what the outside saw and will not forget, such as a report of success; power cuts are "
	    "tried before\n"
	    "               and after it\n"
	    "      --note   for people who read the log\n"
	    "\n"
	    "Exit status: 0, 2 bad usage or no recording, 3 ERROR.");
}

static int connect_control(const char *path, int *out)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof address.sun_path)
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	*out = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*out < 0)
		return -errno;
	return connect(*out, (const struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
}

/* Sends one line and reads the answer, which ends with one. */
static int ask_control(int fd, const char *line, char *answer, size_t answer_bytes)
{
	size_t used = 0;
	int r = yp_write_all(fd, line, strlen(line));

	while (r == 0 && used + 1 < answer_bytes && !(used > 0 && answer[used - 1] == '\n')) {
		ssize_t n = read(fd, answer + used, answer_bytes - 1 - used);

		if (n <= 0)
			r = n < 0 ? -errno : -EPIPE;
		else
			used += (size_t)n;
	}
	answer[used] = 0;
	answer[strcspn(answer, "\n")] = 0;
	return r;
}

int yp_verb_mark(int argc, char **argv)
{
	static const struct option long_options[] = {
	    {"world", no_argument, NULL, 'w'}, {"note", no_argument, NULL, 'n'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *control = getenv("YANKPROOF_CONTROL");
	const char *kind = "step";
	char line[MARK_BYTES_MAX + 32];
	char answer[256] = "";
	int option;
	int fd = -1;

	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (option == 'h') {
			mark_help();
			return 0;
		}
		if (option != 'w' && option != 'n')
			return yp_usage_hint("mark");
		kind = option == 'w' ? "world" : "note";
	}
	if (optind + 1 != argc || !*argv[optind] || strlen(argv[optind]) > MARK_BYTES_MAX ||
	    strpbrk(argv[optind], "\n\r"))
		return yp_usage_error("give one NAME of at most %u characters; see 'yankproof mark --help'",
				      MARK_BYTES_MAX);
	if (!control)
		return yp_usage_error("nothing is being recorded: YANKPROOF_CONTROL is not set; run it from inside of "
				      "'yankproof record'");
	(void)snprintf(line, sizeof line, "mark %s %s\n", kind, argv[optind]);
	int r = connect_control(control, &fd);
	if (r == 0)
		r = ask_control(fd, line, answer, sizeof answer);
	if (fd >= 0)
		(void)close(fd);
	if (r == 0 && strncmp(answer, "ok", 2) == 0)
		return 0;
	(void)fprintf(stderr, "yankproof: the mark was not recorded: %s: %s\n", control, r < 0 ? strerror(-r) : answer);
	return YP_EXIT_ERROR;
}
