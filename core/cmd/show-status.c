/* SPDX-License-Identifier: Apache-2.0 */
/* The verb `status`: the state of the device as text or JSON. */
#include <inttypes.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/json-text.h"

static const char *phase_name(enum ota_phase phase)
{
	return phase == OTA_PHASE_INSTALLING ? "installing" : phase == OTA_PHASE_WRITTEN ? "written" : "idle";
}

static bool is_failed_entry(const struct ota_failed *failed)
{
	static const uint8_t none[OTA_DIGEST_BYTES];

	return memcmp(failed->digest, none, sizeof(none)) != 0;
}

static unsigned reports_waiting(const struct ota_state *state)
{
	unsigned count = 0;

	for (unsigned i = 0; i < OTA_OUTBOX_MAX; i++)
		count += state->outbox[i].id != 0;
	return count;
}

static void json_boot(struct cmd_json *json, const struct ota_boot_state *boot)
{
	cmd_json_open(json, "boot", '{');
	cmd_json_text(json, "selected", boot->selected);
	cmd_json_bool(json, "trial", boot->trial);
	cmd_json_number(json, "attempts", boot->attempts);
	cmd_json_number(json, "limit", boot->limit);
	cmd_json_text(json, "barred", boot->barred);
	cmd_json_bool(json, "readable", boot->readable);
	cmd_json_bool(json, "degraded", boot->degraded);
	cmd_json_close(json, '}');
}

static void json_slots(struct cmd_json *json, const struct ota_config *config, const struct ota_status *status)
{
	char text[CMD_DIGEST_TEXT];

	cmd_json_open(json, "slots", '[');
	for (unsigned s = 0; s < OTA_SLOTS; s++) {
		cmd_json_open(json, NULL, '{');
		cmd_json_text(json, "bootname", config->slots[s].bootname);
		cmd_json_text(json, "device", config->slots[s].images[0].device);
		cmd_json_bool(json, "booted", strcmp(config->slots[s].bootname, status->booted) == 0);
		cmd_json_bool(json, "barred", strcmp(config->slots[s].bootname, status->boot.barred) == 0);
		cmd_json_bool(json, "described", status->described[s]);
		if (status->described[s]) {
			cmd_json_text(json, "version", status->slots[s].version);
			cmd_json_number(json, "sequence", status->slots[s].sequence);
			cmd_json_text(json, "digest", cmd_digest_text(status->slots[s].digest, text));
		}
		cmd_json_close(json, '}');
	}
	cmd_json_close(json, ']');
}

static void print_json(const struct ota_config *config, const struct ota_status *status)
{
	struct cmd_json json = {.out = stdout};
	const struct ota_state *state = &status->state;
	char text[CMD_DIGEST_TEXT];

	cmd_json_open(&json, NULL, '{');
	cmd_json_text(&json, "compatible", config->compatible);
	cmd_json_text(&json, "booted", status->booted);
	json_boot(&json, &status->boot);
	json_slots(&json, config, status);
	cmd_json_open(&json, "journal", '{');
	cmd_json_text(&json, "phase", phase_name(state->phase));
	cmd_json_text(&json, "target", state->target);
	cmd_json_text(&json, "version", state->version);
	cmd_json_text(&json, "source", state->source);
	cmd_json_number(&json, "chunks_done", state->chunks_done);
	cmd_json_close(&json, '}');
	cmd_json_number(&json, "floor", state->floor);
	cmd_json_text(&json, "installed_version", state->installed_version);
	cmd_json_open(&json, "failed", '[');
	for (unsigned i = 0; i < OTA_FAILED_MAX; i++) {
		if (!is_failed_entry(&state->failed[i]))
			continue;
		cmd_json_open(&json, NULL, '{');
		cmd_json_text(&json, "digest", cmd_digest_text(state->failed[i].digest, text));
		cmd_json_text(&json, "reason", ota_reason_name(state->failed[i].reason));
		cmd_json_number(&json, "count", state->failed[i].count);
		cmd_json_close(&json, '}');
	}
	cmd_json_close(&json, ']');
	cmd_json_number(&json, "reports_waiting", reports_waiting(state));
	cmd_json_close(&json, '}');
}

static void print_boot(const struct ota_boot_state *boot)
{
	if (!boot->readable)
		(void)printf("next boot:   %s (the boot state is unreadable; 'ota resume' stores it anew)\n",
			     boot->selected);
	else if (boot->trial)
		(void)printf("next boot:   %s, on trial: %u of %u boots used\n", boot->selected, boot->attempts,
			     boot->limit);
	else
		(void)printf("next boot:   %s%s\n", boot->selected,
			     boot->degraded ? " (one copy of the boot state is bad; the next store mends it)" : "");
}

static void print_text(const struct ota_config *config, const struct ota_status *status)
{
	const struct ota_state *state = &status->state;
	char text[CMD_DIGEST_TEXT];

	(void)printf("compatible:  %s\nbooted:      %s\n", config->compatible, status->booted);
	print_boot(&status->boot);
	for (unsigned s = 0; s < OTA_SLOTS; s++) {
		(void)printf("slot %-7s %s", config->slots[s].bootname, config->slots[s].images[0].device);
		if (status->described[s])
			(void)printf(": version %s, sequence %" PRIu64, status->slots[s].version,
				     status->slots[s].sequence);
		else
			(void)printf(": no version known (empty or a factory image)");
		(void)printf("%s%s\n", strcmp(config->slots[s].bootname, status->booted) == 0 ? ", booted" : "",
			     strcmp(config->slots[s].bootname, status->boot.barred) == 0 ? ", barred" : "");
	}
	(void)printf("journal:     %s", phase_name(state->phase));
	if (state->phase != OTA_PHASE_IDLE)
		(void)printf(": version %s to slot %s from %s, %u chunks durable", state->version, state->target,
			     state->source, state->chunks_done);
	(void)printf("\nfloor:       sequence %" PRIu64 "%s%s\n", state->floor,
		     state->installed_version[0] != '\0' ? ", committed last: version " : "", state->installed_version);
	for (unsigned i = 0; i < OTA_FAILED_MAX; i++) {
		if (is_failed_entry(&state->failed[i]))
			(void)printf("failed:      %.16s %s, %u times\n",
				     cmd_digest_text(state->failed[i].digest, text),
				     ota_reason_name(state->failed[i].reason), state->failed[i].count);
	}
	(void)printf("reports:     %u waiting\n", reports_waiting(state));
}

int cmd_status(struct cmd *cmd)
{
	struct ota_status status;
	struct ota_device *device = NULL;
	char detail[OTA_DETAIL_MAX] = "";
	int result;

	result =
	    ota_device_open(&cmd->config, OTA_ACCESS_READ, cmd->stop, &cmd->events, &device, detail, sizeof(detail));
	if (result == 0)
		result = ota_status(ota_device_ota(device), &status);
	if (result == 0 && cmd->json)
		print_json(&cmd->config, &status);
	else if (result == 0)
		print_text(&cmd->config, &status);
	ota_device_close(device);
	return result == 0 ? CMD_EXIT_OK : cmd_outcome(cmd, result, "", detail);
}
