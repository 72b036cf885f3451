/* SPDX-License-Identifier: Apache-2.0 */
/* `ota`, the reference updater, as a subject: media, messages, steps, commands and reports. */
#include "subject/ota.h"

#include <jansson.h>
#include <stdio.h>

static const struct yp_subject_medium media[] = {{"card", YP_ROLE_ENV, 0},      {"state", YP_ROLE_STATE, 0},
						 {"slot-a", YP_ROLE_SLOT, 'A'}, {"slot-b", YP_ROLE_SLOT, 'B'},
						 {"data", YP_ROLE_DATA, 0},     {NULL, YP_ROLE_OTHER, 0}};

/* images/uboot/ota.env, images/uboot/sandbox.env */
static const struct yp_subject_console console = {.slot = "^ota: slot ([AB])$",
						  .back = "^ota: back to ([AB])$",
						  .halt = "^ota: no slot can be booted$",
						  .decided = "^ota: decided ([^\n]*)",
						  .prompt = "=> "};

/* By core/README.md. */
static const struct yp_subject_exit exits[] = {
    {"OK", 0},           {"ALREADY_INSTALLED", 0}, {"NOTHING_TO_DO", 0},
    {"BAD_CONFIG", 2},   {"UNREACHABLE", 4},       {"NAME", 4},
    {"TLS", 4},          {"HTTP_STATUS", 4},       {"HTTP_RANGE", 4},
    {"SHORT_BODY", 4},   {"LONG_BODY", 4},         {"STALLED", 4},
    {"DEADLINE", 4},     {"STORAGE", 1},           {"BOOT_STATE", 1},
    {"NO_MEMORY", 1},    {"INTERNAL", 1},          {"BUSY", 5},
    {"SLOT_IN_USE", 5},  {"TRIAL_PENDING", 5},     {"LOW_POWER", 5},
    {"HOOK_REFUSED", 5}, {"HEALTH_FAILED", 6},     {"HEALTH_TIMEOUT", 6},
    {"BOOT_LIMIT", 6},   {"MARKED_BAD", 6},        {NULL, 3},
};

/* core/cmd/outcome.c, core/cmd/run-progress.c */
static const struct yp_subject_messages messages = {.outcome = "^ota: [^ :]+: ([A-Z_]+):",
						    .fetched = "^ota: fetched ([0-9]+)",
						    .step = "^ota: ([SR][0-9][^ ]*)",
						    .success = "OK",
						    .exits = exits};

static const char *const install_steps[] = {"S02", "S03", "S04", "S05", "S06", "S07", "S08", "S09", "S10", "S11", NULL};
static const char *const trial_steps[] = {"S13", "S14", "S15", "S16", "S17", NULL};
static const struct yp_subject_steps steps = {.select = "S12",
					      .boot = "S13",
					      .fall_back = "R1",
					      .install = install_steps,
					      .trial = trial_steps,
					      .stream = "S06",
					      .name = "^[SR][0-9]",
					      .mark = "ota-mark:",
					      .plain = "ota-step",
					      .go_on = "ota-go"};

static const struct yp_subject_commands commands = {.options = "--verbose",
						    .config = "--config={config}",
						    .install = "install {url}",
						    .resume = "resume",
						    .poll = "check",
						    .query = "status",
						    .commit = "commit",
						    .rollback = "mark-bad",
						    .version = "--version"};

static void read_member(const json_t *root, const char *name, char *out, size_t out_bytes)
{
	const char *text = json_string_value(json_object_get(root, name));

	(void)snprintf(out, out_bytes, "%s", text != NULL ? text : "");
}

static bool read_report(const char *body, size_t size_bytes, struct yp_subject_report *out)
{
	json_error_t error;
	json_t *root = json_loadb(body, size_bytes, JSON_REJECT_DUPLICATES, &error);
	bool good = json_is_object(root);

	read_member(root, "id", out->id, sizeof out->id);
	read_member(root, "event", out->event, sizeof out->event);
	read_member(root, "version", out->version, sizeof out->version);
	read_member(root, "reason", out->reason, sizeof out->reason);
	json_decref(root);
	return good;
}

static const struct yp_subject_reports reports = {.read = read_report};

#define HEADER_SECTORS 8u /* core/include/ota/slot.h: one block of 4096 bytes */

const struct yp_subject yp_subject_ota = {.name = "ota",
					  .media = media,
					  .header_sectors = HEADER_SECTORS,
					  .boot = &yp_ota_boot,
					  .records = &yp_ota_records,
					  .descriptor = &yp_ota_descriptor,
					  .console = &console,
					  .messages = &messages,
					  .steps = &steps,
					  .commands = &commands,
					  .config = &yp_ota_config,
					  .reports = &reports};
