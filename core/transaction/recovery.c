/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recovery, the pure part: a table over what durable storage says. The first row that matches wins; the last matches
 * everything. Columns are questions, an empty cell does not matter. The rules behind the rows:
 *
 *   - the boot state outranks the journal: a trial is judged or ended whatever the journal says, so a lost journal
 * never stops a boot;
 *   - boot.trial_id == journal.trial_id ("armed") tells a slot that was tried from one that was only written;
 *   - the slot that runs is never barred, never written, and never left selected on trial without a judgement;
 *   - nothing is armed unless the slot itself says that it holds what the journal says.
 */
#include <assert.h>
#include <string.h>

#include "ota/ota.h"

enum cell { ANY = 0, NO, YES };

struct row {
	enum cell readable; /* the boot state was found, and selects a slot */
	enum cell trial;    /* a trial is pending */
	enum cell booted_selected;
	enum cell booted_barred;
	enum cell selected_barred;
	enum cell counted; /* boots were counted in this trial */
	enum cell idle;    /* the journal is closed, or lost */
	enum cell written; /* the journal says WRITTEN */
	enum cell armed;
	enum cell booted_target; /* the journal's target runs */
	enum cell condemned;     /* the journal holds a verdict */
	enum cell described;     /* the slot that is not booted holds what the journal says */
	enum ota_action action;
};

static const struct row rows[] = {
    /* Both copies of the boot state are bad: the bootloader runs on defaults. Nothing can be decided before it is
       mended. */
    {.readable = NO, .action = OTA_ACTION_REPAIR},
    /* The version on trial runs: judge it, with or without a journal. */
    {.trial = YES, .booted_selected = YES, .action = OTA_ACTION_JUDGE},
    /* Condemned, but the store that goes back was cut. */
    {.trial = YES, .armed = YES, .condemned = YES, .action = OTA_ACTION_GO_BACK},
    /* Boots were counted, and yet the other slot runs: the bootloader could not start the version on trial. */
    {.trial = YES, .counted = YES, .action = OTA_ACTION_GO_BACK},
    /* The bootloader will not boot what is barred: this trial cannot begin. */
    {.trial = YES, .selected_barred = YES, .action = OTA_ACTION_GO_BACK},
    /* Armed, not rebooted yet. */
    {.trial = YES, .action = OTA_ACTION_REBOOT},
    /* No trial from here on. Selected and barred at once: no verb stores that; storing the state anew corrects it. */
    {.selected_barred = YES, .action = OTA_ACTION_REPAIR},
    /* Gone back from the slot that still runs: the reboot was cut. */
    {.booted_selected = NO, .booted_barred = YES, .action = OTA_ACTION_REBOOT},
    /* Nothing is under way. */
    {.idle = YES, .action = OTA_ACTION_NONE},
    /* The target runs, and nothing says that it was ever on trial: the back-end keeps no trials (custom), or an
       operator selected it. Nothing is committed unjudged. */
    {.booted_selected = YES, .written = YES, .armed = NO, .booted_target = YES, .action = OTA_ACTION_JUDGE},
    /* The target runs and is selected: committed, not recorded yet. */
    {.booted_selected = YES, .written = YES, .booted_target = YES, .action = OTA_ACTION_FINISH},
    /* The same, where the record "written" was lost: an armed slot was written before. */
    {.booted_selected = YES, .armed = YES, .booted_target = YES, .action = OTA_ACTION_FINISH},
    /* The target runs, an operator selected the other slot, which is not barred: the next boot decides. */
    {.booted_selected = NO, .armed = YES, .booted_target = YES, .action = OTA_ACTION_NONE},
    /* Committed once, but the bootloader cannot start it and runs the old slot, anew at each boot: stay there. */
    {.booted_selected = NO, .armed = YES, .booted_target = NO, .action = OTA_ACTION_GO_BACK},
    /* Tried, and the old slot runs and is selected: the trial failed. */
    {.armed = YES, .booted_target = NO, .action = OTA_ACTION_RECORD_FAILURE},
    /* As above, where the boot state was lost and mended in between: the verdict tells that it was tried. */
    {.booted_target = NO, .condemned = YES, .action = OTA_ACTION_RECORD_FAILURE},
    /* Written and verified, and the slot still says so: arm. */
    {.written = YES, .booted_target = NO, .described = YES, .action = OTA_ACTION_ARM},
    /* Written, but the slot says otherwise; or not written yet; or the journal speaks of the slot that runs: the
     * install goes on from its checkpoint, starts anew, or is given up. */
    {.action = OTA_ACTION_CONTINUE},
};

static enum cell cell_of(bool yes)
{
	return yes ? YES : NO;
}

/* An empty name is no slot: "nothing barred" is not equal to "booted slot unknown". */
static enum cell cell_same(const char *a, const char *b)
{
	return cell_of(a[0] != '\0' && strcmp(a, b) == 0);
}

static bool cell_fits(enum cell want, enum cell is)
{
	return want == ANY || want == is;
}

static bool row_fits(const struct row *row, const struct row *facts)
{
	return cell_fits(row->readable, facts->readable) && cell_fits(row->trial, facts->trial) &&
	       cell_fits(row->booted_selected, facts->booted_selected) &&
	       cell_fits(row->booted_barred, facts->booted_barred) &&
	       cell_fits(row->selected_barred, facts->selected_barred) && cell_fits(row->counted, facts->counted) &&
	       cell_fits(row->idle, facts->idle) && cell_fits(row->written, facts->written) &&
	       cell_fits(row->armed, facts->armed) && cell_fits(row->booted_target, facts->booted_target) &&
	       cell_fits(row->condemned, facts->condemned) && cell_fits(row->described, facts->described);
}

enum ota_action ota_recovery_decide(const struct ota_facts *facts)
{
	assert(facts->booted && facts->boot && facts->state);
	const struct ota_boot_state *boot = facts->boot;
	const struct ota_state *state = facts->state;
	bool open = state->phase != OTA_PHASE_IDLE;
	const struct row is = {
	    .readable = cell_of(boot->readable && boot->selected[0] != '\0'),
	    .trial = cell_of(boot->trial),
	    .booted_selected = cell_same(facts->booted, boot->selected),
	    .booted_barred = cell_same(facts->booted, boot->barred),
	    .selected_barred = cell_same(boot->selected, boot->barred),
	    .counted = cell_of(boot->attempts > 0),
	    .idle = cell_of(!open),
	    .written = cell_of(state->phase == OTA_PHASE_WRITTEN),
	    .armed = cell_of(open && state->trial_id != 0 && state->trial_id == boot->trial_id),
	    .booted_target = open ? cell_same(facts->booted, state->target) : NO,
	    .condemned = cell_of(open && state->verdict != OTA_OK),
	    .described =
		cell_of(open && facts->target && memcmp(facts->target->digest, state->digest, OTA_DIGEST_BYTES) == 0),
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (row_fits(&rows[i], &is))
			return rows[i].action;
	return OTA_ACTION_NONE;
}

const char *ota_action_name(enum ota_action action)
{
	static const char *const names[OTA_ACTION_COUNT] = {
	    [OTA_ACTION_NONE] = "NONE",
	    [OTA_ACTION_REPAIR] = "REPAIR",
	    [OTA_ACTION_CONTINUE] = "CONTINUE",
	    [OTA_ACTION_ARM] = "ARM",
	    [OTA_ACTION_REBOOT] = "REBOOT",
	    [OTA_ACTION_JUDGE] = "JUDGE",
	    [OTA_ACTION_GO_BACK] = "GO_BACK",
	    [OTA_ACTION_FINISH] = "FINISH",
	    [OTA_ACTION_RECORD_FAILURE] = "RECORD_FAILURE",
	};
	return (unsigned)action < OTA_ACTION_COUNT ? names[action] : "UNKNOWN";
}
