/* SPDX-License-Identifier: Apache-2.0 */
/* ota: the command. Parses, loads the configuration, runs one verb, ends with one line and one number. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"

static int prepare_run(struct cmd *cmd)
{
	char detail[OTA_DETAIL_MAX] = "";
	int result;

	result = ota_stop_new(&cmd->stop);
	if (result != 0)
		return cmd_outcome(cmd, result, "", "");
	if (cmd_progress_new(cmd->verbose, &cmd->events, &cmd->progress) != 0)
		return cmd_outcome(cmd, -ENOMEM, "", "");
	if ((cmd->verb->flags & CMD_NEEDS_CONFIG) == 0)
		return 0;
	result = ota_config_load(cmd->config_path, &cmd->config, detail, sizeof(detail));
	return result == 0 ? 0 : cmd_outcome(cmd, result, "", detail);
}

/* If a standard stream is closed at the start, the next file that is opened takes its place: messages could be written into a slot. */
static int hold_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		/* The lowest that is free is this one. */
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct cmd cmd = {.level = 3};
	int status;

	if (hold_streams() != 0)
		return CMD_EXIT_FAILED;
	/* An ignored SIGCHLD is inherited. Then the status of a child cannot be read, and the health check of a good version would count as failed. */
	(void)signal(SIGCHLD, SIG_DFL);
	status = cmd_options_parse(&cmd, argc, argv);

	if (status == 0) {
		/* One heap for all threads: their own would cost memory that is never given back. */
		(void)mallopt(M_ARENA_MAX, 1);
		(void)signal(SIGPIPE, SIG_IGN);
		status = prepare_run(&cmd);
		if (status == 0)
			status = cmd.verb->run(&cmd);
		cmd_progress_free(cmd.progress);
		ota_stop_free(cmd.stop);
	}
	if (status == -1)
		status = CMD_EXIT_OK;
	if (fflush(stdout) != 0 || ferror(stdout)) {
		(void)fprintf(stderr, "ota: the output could not be written: %s\n", strerror(errno));
		status = status == CMD_EXIT_OK ? CMD_EXIT_FAILED : status;
	}
	return status;
}
