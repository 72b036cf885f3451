/* SPDX-License-Identifier: Apache-2.0 */
/* `ota`, the reference updater, as a subject: media, messages, steps, commands and reports. */
#include "subject/ota-parts.h"
#include "subject/subjects.h"

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
/* core/include/ota/reason.h */
static const struct yp_subject_refusal refusals[] = {
    {" BAD_MAGIC BAD_FORMAT TRUNCATED TOO_LARGE TRAILING NO_SIGNATURE BAD_SIGNATURE UNTRUSTED CERT_EXPIRED "
     "CERT_NOT_YET_VALID CERT_PURPOSE CERT_REVOKED WEAK_ALGORITHM BAD_MANIFEST ",
     "S02"},
    {" INCOMPATIBLE HARDWARE WRONG_DEVICE WRONG_CHANNEL DOWNGRADE ALREADY_INSTALLED EXPIRED KNOWN_BAD NO_SPACE "
     "LOW_POWER HOOK_REFUSED TRIAL_PENDING SLOT_IN_USE ",
     "S03"},
    {" CHUNK_DECODE CHUNK_DIGEST ", "S06"},
    {" READ_BACK ", "S08"},
    {NULL, NULL}};

/* core/cmd/print-outcome.c, core/cmd/run-progress.c */
static const struct yp_subject_messages messages = {.outcome = "^ota: [^ :]+: ([A-Z_]+):",
						    .fetched = "^ota: fetched ([0-9]+)",
						    .step = "^ota: ([SR][0-9][^ ]*)",
						    .success = "OK",
						    .exits = exits,
						    .older = "DOWNGRADE",
						    .refusals = refusals};

static const char *const install_steps[] = {"S02", "S03", "S04", "S05", "S06", "S07", "S08", "S09", "S10", "S11", NULL};
static const char *const trial_steps[] = {"S13", "S14", "S15", "S16", "S17", NULL};
/* core/include/ota/transaction.h */
static const struct yp_phase_mark marks[] = {
    {"S01", YP_PHASE_FETCH},  {"S02", YP_PHASE_FETCH},    {"S03", YP_PHASE_FETCH},         {"S04", YP_PHASE_RECORD},
    {"S05", YP_PHASE_BAR},    {"S06", YP_PHASE_WRITE},    {"S07", YP_PHASE_FLUSH},         {"S08", YP_PHASE_VERIFY},
    {"S09", YP_PHASE_RECORD}, {"S10", YP_PHASE_ARM},      {"S11", YP_PHASE_RESTART},       {"S12", YP_PHASE_SELECT},
    {"S13", YP_PHASE_BOOT},   {"S14", YP_PHASE_HEALTH},   {"S15", YP_PHASE_COMMIT},        {"S16", YP_PHASE_FLOOR},
    {"S17", YP_PHASE_REPORT}, {"R1", YP_PHASE_FALL_BACK}, {"R2", YP_PHASE_RECORD_FAILURE}, {"R3", YP_PHASE_REPORT}};
static const char *const texts[] = {"poll",
				    "verify metadata",
				    "policy",
				    "open journal",
				    "bar target",
				    "stream",
				    "flush",
				    "read back",
				    "journal written",
				    "arm",
				    "reboot",
				    "count",
				    "up",
				    "health",
				    "commit",
				    "floor",
				    "report",
				    "limit: go back",
				    "record failure",
				    "report failure"};
_Static_assert(sizeof texts / sizeof *texts == sizeof marks / sizeof *marks, "one text a step");
static const struct yp_subject_steps steps = {.select = "S12",
					      .boot = "S13",
					      .fall_back = "R1",
					      .install = install_steps,
					      .trial = trial_steps,
					      .stream = "S06",
					      .name = "^[SR][0-9]",
					      .mark = "ota-mark:",
					      .plain = "ota-step",
					      .go_on = "ota-go",
					      .marks = marks,
					      .marks_count = sizeof marks / sizeof *marks,
					      .texts = texts};

static const struct yp_subject_commands commands = {.options = "--verbose",
						    .config = "--config={config}",
						    .install = "install {url}",
						    .resume = "resume",
						    .poll = "check",
						    .query = "status",
						    .commit = "commit",
						    .rollback = "mark-bad",
						    .version = "--version",
						    .attempts = "fw_printenv -n bootcount",
						    .describe = "fw_printenv; ota status",
						    .prompt_attempts = "printenv bootcount",
						    .prompt_answer = "bootcount=([0-9]+)"};

/*
 * One round: S05 to S15 and R1. Each recovery goes on where the last one was cut, so a chain follows the transaction;
 * many cuts in one update spend few boots. The second chain uses up a trial, so that the bootloader goes back.
 */
static const char *const chains[] = {"S05h0-S05h0-S06h0-S06h0-S07h0-S07h0-S08h0-S08h0-S09h0-S09h0-S10h0-S10h0-S11h0",
				     "S12n0-S13h0-S14h0-R1n0", "S11h0-S15h0-S15h0", NULL};
/* Without the hold: the step that is hit depends on the board's speed. S06 is the longest. */
static const char *const free_steps[] = {"S05", "S06", "S06", "S07", "S08", "S09", "S10", "S11", "S15", NULL};
static const char *const armed[] = {"S11", "S12", "S13", "S14", "S15", NULL};
static const char *const dips[] = {"S06", "S10", "S15", NULL};
static const struct yp_subject_cuts cuts = {.chains = chains,
					    .free_steps = free_steps,
					    .fall_back = "S12n0-S13h0-S14h0-R1n0",
					    .limit = "S13h0-S13h0-S13h0-R1n0",
					    .armed = armed,
					    .dips = dips};

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
					  .reports = &reports,
					  .cuts = &cuts};
