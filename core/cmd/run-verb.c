/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs that drive a transaction. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cmd/cmd.h"

/* What a success means, for the line at the end. */
static void describe_success(const struct cmd *cmd, const struct ota_result *result, bool rebooting, char *out,
			     size_t out_bytes)
{
	if (result->detail[0] != '\0')
		(void)snprintf(out, out_bytes, "%s", result->detail);
	else if (cmd->dry_run)
		(void)snprintf(out, out_bytes, "version %s would be installed", result->version);
	else if (result->reboot)
		(void)snprintf(out, out_bytes, "version %s is ready; %s", result->version,
			       rebooting ? "rebooting to go on" : "reboot to go on");
}

static int device_run(struct cmd *cmd, enum ota_access access, cmd_call *call)
{
	struct ota_result result = {0};
	struct ota_device *device = NULL;
	char detail[OTA_DETAIL_MAX] = "";
	bool reboot = false;
	int outcome;

	outcome = ota_device_open(&cmd->config, access, cmd->stop, &cmd->events, &device, detail, sizeof(detail));
	if (outcome != 0)
		return cmd_outcome(cmd, outcome, "", detail);
	if (cmd->no_reboot)
		ota_device_hold_reboot(device);
	outcome = call(ota_device_ota(device), cmd, &result);
	if (outcome == 0)
		outcome = (int)result.reason;
	reboot = result.reboot && !cmd->no_reboot && !cmd->dry_run;
	describe_success(cmd, &result, reboot, detail, sizeof(detail));
	if (cmd->verbose)
		(void)fprintf(stderr, "ota: fetched %llu, reused %llu, wrote %llu bytes\n",
			      (unsigned long long)result.bytes_fetched, (unsigned long long)result.bytes_reused,
			      (unsigned long long)result.bytes_written);
	outcome = cmd_outcome(cmd, outcome, result.version, detail);
	(void)fflush(stdout);
	if (reboot && ota_device_reboot(device) != 0)
		outcome = CMD_EXIT_FAILED;
	ota_device_close(device);
	cmd->loop = cmd->loop && !result.reboot;
	return outcome;
}

static bool is_url(const char *source)
{
	return strncasecmp(source, "http://", 7) == 0 || strncasecmp(source, "https://", 8) == 0;
}

static int call_install(struct ota *ota, struct cmd *cmd, struct ota_result *result)
{
	unsigned flags =
	    (cmd->dry_run ? OTA_DRY_RUN : 0u) | (cmd->force ? OTA_FORCE : 0u) | (cmd->no_reboot ? OTA_NO_REBOOT : 0u);

	ota->policy.reinstall = cmd->force;
	return ota_install(ota, cmd->operands[0], flags, result);
}

int cmd_install(struct cmd *cmd)
{
	char *absolute = NULL;
	int status;

	if (strncasecmp(cmd->operands[0], "http://", 7) == 0 && !cmd->config.allow_http)
		return cmd_outcome(cmd, OTA_BAD_CONFIG, "",
				   "plain http:// is off; use https:// or set [update] allow-http=yes");
	if (!is_url(cmd->operands[0])) {
		/* Absolute, so that a run from another directory can go on with it. */
		absolute = realpath(cmd->operands[0], NULL);
		if (absolute == NULL) {
			(void)fprintf(stderr, "ota: install: %s: %s; give the path or URL of a bundle\n",
				      cmd->operands[0], strerror(errno));
			return CMD_EXIT_USAGE;
		}
		cmd->operands[0] = absolute;
	}
	status = device_run(cmd, cmd->dry_run ? OTA_ACCESS_RUN : OTA_ACCESS_WRITE, call_install);
	free(absolute);
	return status;
}

static int call_check(struct ota *ota, struct cmd *cmd, struct ota_result *result)
{
	(void)cmd;
	return ota_check(ota, result);
}

int cmd_check(struct cmd *cmd)
{
	struct ota_clock clock;
	int status;

	if (cmd->config.url[0] == '\0')
		return cmd_outcome(cmd, OTA_BAD_CONFIG, "", "[update] has no url= to poll");
	ota_clock_linux(cmd->stop, &clock);
	status = device_run(cmd, OTA_ACCESS_WRITE, call_check);
	/* A poll that failed is no reason to end: the next one may not. */
	while (cmd->loop && status != CMD_EXIT_STOPPED) {
		for (uint64_t i = 0; i < cmd->config.interval_s; i++) {
			if (clock.ops->sleep_ms(clock.clock, 1000) != 0)
				return CMD_EXIT_OK;
		}
		status = device_run(cmd, OTA_ACCESS_WRITE, call_check);
	}
	return status;
}

static int call_commit(struct ota *ota, struct cmd *cmd, struct ota_result *result)
{
	(void)cmd;
	return ota_commit(ota, result);
}

int cmd_commit(struct cmd *cmd)
{
	return device_run(cmd, OTA_ACCESS_RUN, call_commit);
}

static int call_mark_bad(struct ota *ota, struct cmd *cmd, struct ota_result *result)
{
	(void)cmd;
	return ota_mark_bad(ota, result);
}

int cmd_mark_bad(struct cmd *cmd)
{
	return device_run(cmd, OTA_ACCESS_RUN, call_mark_bad);
}

static int call_rollback(struct ota *ota, struct cmd *cmd, struct ota_result *result)
{
	(void)cmd;
	return ota_rollback(ota, result);
}

int cmd_rollback(struct cmd *cmd)
{
	return device_run(cmd, OTA_ACCESS_RUN, call_rollback);
}

static int call_resume(struct ota *ota, struct cmd *cmd, struct ota_result *result)
{
	(void)cmd;
	return ota_resume(ota, result);
}

int cmd_resume(struct cmd *cmd)
{
	return device_run(cmd, OTA_ACCESS_RUN, call_resume);
}
