/* SPDX-License-Identifier: Apache-2.0 */
/* `ota`, the reference updater, as a subject: media, messages, steps, commands and reports. */
#include "subject/ota.h"

#include <string.h>

static const struct yp_subject_medium media[] = {{"card", YP_ROLE_ENV, 0},      {"state", YP_ROLE_STATE, 0},
						 {"slot-a", YP_ROLE_SLOT, 'A'}, {"slot-b", YP_ROLE_SLOT, 'B'},
						 {"data", YP_ROLE_DATA, 0},     {NULL, YP_ROLE_OTHER, 0}};

/* images/uboot/ota.env, images/uboot/sandbox.env */
static const struct yp_subject_console console = {.slot = "^ota: slot ([AB])$",
						  .back = "^ota: back to ([AB])$",
						  .halt = "^ota: no slot can be booted$",
						  .decided = "^ota: decided ([^\n]*)",
						  .prompt = "=> "};

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

/* core/cmd/outcome.c, core/cmd/run-progress.c */
static const struct yp_subject_messages messages = {.outcome = "^ota: [^ :]+: ([A-Z_]+):",
						    .fetched = "^ota: fetched ([0-9]+)",
						    .step = "^ota: ([SR][0-9][^ ]*)",
						    .success = "OK",
						    .older = "DOWNGRADE",
						    .refusals = refusals};

static const char *const install_steps[] = {"S02", "S03", "S04", "S05", "S06", "S07", "S08", "S09", "S10", "S11", NULL};
static const char *const trial_steps[] = {"S13", "S14", "S15", "S16", "S17", NULL};
/* core/include/ota/transaction.h */
static const struct yp_subject_mark marks[] = {{"S01", "fetch", "poll"},
					       {"S02", "fetch", "verify metadata"},
					       {"S03", "fetch", "policy"},
					       {"S04", "record", "open journal"},
					       {"S05", "bar", "bar target"},
					       {"S06", "write", "stream"},
					       {"S07", "flush", "flush"},
					       {"S08", "verify", "read back"},
					       {"S09", "record", "journal written"},
					       {"S10", "arm", "arm"},
					       {"S11", "restart", "reboot"},
					       {"S12", "select", "count"},
					       {"S13", "boot", "up"},
					       {"S14", "health", "health"},
					       {"S15", "commit", "commit"},
					       {"S16", "floor", "floor"},
					       {"S17", "report", "report"},
					       {"R1", "fall back", "limit: go back"},
					       {"R2", "record failure", "record failure"},
					       {"R3", "report", "report failure"},
					       {NULL, NULL, NULL}};
static const struct yp_subject_steps steps = {.select = "S12",
					      .boot = "S13",
					      .fall_back = "R1",
					      .install = install_steps,
					      .trial = trial_steps,
					      .stream = "S06",
					      .name = "^[SR][0-9]",
					      .marks = marks};

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
 * One round: S05 to S15 and R1. Each recovery goes on where the last one was cut, so a chain follows the transaction; many
 * cuts in one update spend few boots. The second chain uses up a trial, so that the bootloader goes back.
 */
static const char *const chains[] = {"S05h0-S05h0-S06h0-S06h0-S07h0-S07h0-S08h0-S08h0-S09h0-S09h0-S10h0-S10h0-S11h0",
				     "S12n0-S13h0-S14h0-R1n0", "S11h0-S15h0-S15h0", NULL};
/* Without the hold: the board decides what it hits. S06 is the longest. */
static const char *const free_steps[] = {"S05", "S06", "S06", "S07", "S08", "S09", "S10", "S11", "S15", NULL};
static const char *const armed[] = {"S11", "S12", "S13", "S14", "S15", NULL};
static const char *const dips[] = {"S06", "S10", "S15", NULL};
static const struct yp_subject_cuts cuts = {.chains = chains,
					    .free_steps = free_steps,
					    .fall_back = "S12n0-S13h0-S14h0-R1n0",
					    .limit = "S13h0-S13h0-S13h0-R1n0",
					    .armed = armed,
					    .dips = dips};

/* The value of a member of a flat JSON object, copied; "" if it is missing. Our own few lines, no parser of the
 * subject's. */
static void read_member(const char *json, size_t size_bytes, const char *name, char *out, size_t out_bytes)
{
	const char *end = json + size_bytes;
	size_t length = strlen(name), used = 0;

	out[0] = '\0';
	for (const char *at = json; at + length < end; at++) {
		if (memcmp(at, name, length) != 0)
			continue;
		at += length;
		while (at < end && (*at == ' ' || *at == '"'))
			at++;
		while (at < end && *at != '"' && *at != ',' && *at != '}' && used + 1 < out_bytes)
			out[used++] = *at++;
		out[used] = '\0';
		return;
	}
}

static bool read_report(const char *body, size_t size_bytes, struct yp_subject_report *out)
{
	read_member(body, size_bytes, "\"id\":", out->id, sizeof out->id);
	read_member(body, size_bytes, "\"event\":", out->event, sizeof out->event);
	read_member(body, size_bytes, "\"version\":", out->version, sizeof out->version);
	read_member(body, size_bytes, "\"reason\":", out->reason, sizeof out->reason);
	return out->event[0] != '\0';
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
					  .reports = &reports,
					  .cuts = &cuts};
