/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_CMD_CMD_H
#define CORE_CMD_CMD_H

#include <pthread.h>
#include <stdio.h>

#include "ota/linux.h"

#define CMD_VERSION        "0.1"
#define CMD_CONFIG_DEFAULT "/etc/ota/system.conf"

/* Exit status; the table for people is in core/README.md and `ota --help`. */
enum cmd_exit {
	CMD_EXIT_OK = 0,          /* done, or nothing to do */
	CMD_EXIT_FAILED = 1,      /* the device failed: storage, memory, boot state */
	CMD_EXIT_USAGE = 2,       /* command line or configuration */
	CMD_EXIT_REFUSED = 3,     /* the update was refused: nothing of it can be booted */
	CMD_EXIT_NETWORK = 4,     /* the network gave up */
	CMD_EXIT_BUSY = 5,        /* not now: another run, a trial, a slot in use, power */
	CMD_EXIT_ROLLED_BACK = 6, /* a version was judged bad */
	CMD_EXIT_STOPPED = 7,     /* by a signal; checkpoints are kept */
};

struct cmd_verb;

/* One run of the command: what was asked for. */
struct cmd {
	const struct cmd_verb *verb;
	const char *config_path;
	bool verbose, json, dry_run, force, no_reboot, no_verify, loop;
	const char *keyring;
	/* bundle */
	const char *certificate, *key;
	unsigned image_count;
	struct ota_bundle_image images[OTA_IMAGES_MAX];
	char image_names[OTA_IMAGES_MAX][OTA_NAME_MAX];
	struct ota_manifest manifest;
	bool sequence_given, created_given;
	int level;
	/* operands behind the verb */
	int operand_count;
	char **operands;
	struct ota_config config;
	struct ota_stop *stop;
	struct ota_events events;
	struct cmd_progress *progress;
};

enum cmd_flag { CMD_NEEDS_CONFIG = 1 };
struct cmd_verb {
	const char *name;
	const char *alias;   /* or NULL */
	const char *operand; /* "FILE|URL", or NULL for none */
	const char *options; /* letters of the options it takes besides the common ones */
	unsigned flags;      /* enum cmd_flag */
	int (*run)(struct cmd *cmd);
	const char *summary;
	const char *help;
};
const struct cmd_verb *cmd_verb_find(const char *name);

/* 0, or CMD_EXIT_USAGE after a line on stderr; -1: help or version was printed. */
int cmd_options_parse(struct cmd *cmd, int argc, char **argv);
void cmd_help_main(FILE *out);
void cmd_help_verb(const struct cmd_verb *verb, FILE *out);

/* Messages, marks and progress on stderr. */
int cmd_progress_new(bool verbose, struct ota_events *events, struct cmd_progress **out);
void cmd_progress_free(struct cmd_progress *progress);
void cmd_progress_end(struct cmd_progress *progress); /* the line that moves, if any, is wiped */

/* One line for the outcome; returns the exit status. `result` is 0, -errno or a reason. */
int cmd_outcome(struct cmd *cmd, int result, const char *version, const char *detail);
/* Runs a verb of libota on the device of the configuration, reboots if that is asked for, says the outcome. */
typedef int cmd_call(struct ota *ota, struct cmd *cmd, struct ota_result *result);

int cmd_install(struct cmd *cmd);
int cmd_check(struct cmd *cmd);
int cmd_commit(struct cmd *cmd);
int cmd_mark_bad(struct cmd *cmd);
int cmd_rollback(struct cmd *cmd);
int cmd_resume(struct cmd *cmd);
int cmd_status(struct cmd *cmd);
int cmd_info(struct cmd *cmd);
int cmd_bundle(struct cmd *cmd);

#endif
