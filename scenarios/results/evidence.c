/* SPDX-License-Identifier: Apache-2.0 */
/* The rules by which a case of the simulated device shows an entry of the catalogue. */
#include "results/evidence.h"

#include <stdio.h>
#include <string.h>

#define YEAR_S INT64_C(31557600)

/* ---- properties of a story ---- */

static bool new_panics(const struct yp_scenario *s)
{
	return s->spec.new_kind == YP_SIM_IMAGE_PANICS;
}

static bool new_hangs(const struct yp_scenario *s)
{
	return s->spec.new_kind == YP_SIM_IMAGE_HANGS;
}

static bool no_root(const struct yp_scenario *s)
{
	return s->spec.new_kind == YP_SIM_IMAGE_NO_ROOT;
}

static bool copy_0_bad(const struct yp_scenario *s)
{
	return s->spec.env_bad & 1;
}

static bool copy_1_bad(const struct yp_scenario *s)
{
	return s->spec.env_bad & 2;
}

static bool both_bad(const struct yp_scenario *s)
{
	return (s->spec.env_bad & 3) == 3;
}

static bool one_bad(const struct yp_scenario *s)
{
	return s->spec.env_bad != 0 && !both_bad(s);
}

static bool env_torn(const struct yp_scenario *s)
{
	return yp_model_splits_writes(s->env);
}

static bool is_cycled(const struct yp_scenario *s)
{
	return s->spec.quick_cycles > 0;
}

static bool report_fails(const struct yp_scenario *s)
{
	return s->spec.report_down > 0 || s->spec.report_url_none;
}

static bool not_served(const struct yp_scenario *s)
{
	return !s->spec.serve;
}

static bool is_flaky(const struct yp_scenario *s)
{
	return s->spec.bundle_lie == YP_SIM_LIE_FLAKY_CHUNK;
}

/* ---- times of a clock ---- */

static bool in_1970(int64_t s)
{
	return s < YEAR_S;
}

static bool before_the_signer(int64_t s)
{
	return s < 50 * YEAR_S; /* what the simulated device installs was signed later */
}

static bool after_the_signer(int64_t s)
{
	return s > 65 * YEAR_S;
}

static bool in_2038(int64_t s)
{
	return s >= INT64_C(0x7fffffff) && s < INT64_C(0x80000000) + YEAR_S;
}

static bool in_2106(int64_t s)
{
	return s >= INT64_C(0xffffffff);
}

/* Alternatives have '|' between; NULL: any. */
struct yp_evidence_row {
	const char *id, *faults, *phases, *forms, *reasons; /* phases: of the subject's marks */
	unsigned cuts_min;
	bool torn, for_ever, stepped; /* stepped: it happened within a step */
	bool (*story)(const struct yp_scenario *scenario);
	bool (*clock)(int64_t clock_s);
};
#define CUT      .faults = "power-cut"
#define STORY    .faults = "none"
#define TOLD(r)  STORY, .reasons = (r)
#define LOSES    .forms = "lost|mixed"
#define ENV_STEP "bar|arm|select|commit|fall back"
#define RECORDS  "record|floor|report|record failure" /* store in the state medium and nowhere else */

static const struct yp_evidence_row rows[] = {
    {"PWR-01", CUT, .cuts_min = 1},
    {"PWR-02", .faults = "power", .stepped = true},
    {"PWR-03", CUT, .cuts_min = 2},
    {"PWR-04", CUT, .cuts_min = 3},
    {"PWR-04", STORY, .story = is_cycled},
    {"PWR-07", CUT, .phases = "select|fall back"},
    {"PWR-08", CUT, .phases = "commit"},
    {"PWR-09", CUT, .phases = "fall back|record failure"},
    {"PWR-10", CUT, .phases = "floor"},
    {"PWR-11", CUT,
     .phases = "restart|floor|record failure"}, /* after the store that acts, before the one that records it */
    {"BTL-01", .faults = "none|power-cut", .story = copy_0_bad},
    {"BTL-02", .faults = "none|power-cut", .story = copy_1_bad},
    {"BTL-03", .faults = "none|power-cut", .story = both_bad},
    {"BTL-04", CUT, .phases = ENV_STEP, .story = env_torn, .torn = true},
    {"BTL-06", TOLD("BOOT_LIMIT")},
    {"BTL-07", .faults = "none|power-cut", .story = is_cycled},
    {"BTL-08", TOLD("BOOT_LIMIT"), .story = new_panics},
    {"BTL-09", TOLD("BOOT_LIMIT"), .story = new_hangs},
    {"BTL-10", TOLD("BOOT_LIMIT"), .story = no_root},
    {"BTL-11", TOLD("HEALTH_FAILED|HEALTH_TIMEOUT")},
    {"BTL-19", STORY, .story = is_cycled},
    {"BTL-20", CUT, .phases = "arm"},
    {"STO-01", .faults = "write-eio", .stepped = true},
    {"STO-02", .faults = "read-eio", .phases = "verify"},
    {"STO-03", .faults = "flush-eio", .stepped = true},
    {"STO-04", .faults = "enospc", .stepped = true},
    {"STO-06", CUT, LOSES},
    {"STO-07", CUT, .torn = true},
    {"STO-07", STORY, .story = one_bad},
    {"STO-08", CUT, .forms = "mixed"},
    {"STO-10", .faults = "write-eio", .for_ever = true, .stepped = true},
    {"STO-11", .faults = "bitflip", .stepped = true},
    {"STO-12", .faults = "write-eio|enospc", .phases = RECORDS},
    {"STO-13", .faults = "bitflip", .phases = RECORDS},
    {"DLT-05", CUT, .phases = "write"},
    {"DLT-06", .faults = "read-eio", .phases = "write"},
    {"RES-05", .faults = "enospc", .phases = "write"},
    {"RES-09", .faults = "no-memory"},
    {"RES-12", .faults = "write-eio|enospc", .phases = RECORDS},
    {"RCE-05", .faults = "stop", .stepped = true},
    {"RCE-06", .faults = "stop", .stepped = true},
    {"RCE-07", .faults = "power", .phases = "record|bar|write|flush|verify"},
    {"HTP-08", .faults = "short-answer"},
    {"HTP-18", STORY, .story = not_served},
    {"NET-01", .faults = "short-answer"},
    {"NET-02", .faults = "short-answer"},
    {"FLP-02", TOLD("BAD_SIGNATURE")},
    {"FLP-03", TOLD("BAD_SIGNATURE")},
    {"FLP-04", TOLD("CHUNK_DIGEST|CHUNK_DECODE")},
    {"FLP-04", STORY, .story = is_flaky},
    {"FLP-10", .faults = "bitflip", .stepped = true},
    {"SIG-01", TOLD("NO_SIGNATURE")},
    {"SIG-02", TOLD("BAD_SIGNATURE|NO_SIGNATURE")},
    {"SIG-04", TOLD("UNTRUSTED")},
    {"SIG-10", TOLD("CERT_PURPOSE")},
    {"MAN-01", TOLD("INCOMPATIBLE")},
    {"MAN-03", TOLD("DOWNGRADE")},
    {"MAN-06", TOLD("EXPIRED")},
    {"RES-01", TOLD("NO_SPACE|TOO_LARGE")},
    {"TRC-08", TOLD("TRUNCATED|SHORT_BODY|HTTP_RANGE")},
    {"RPT-01", .faults = "none|power-cut", .story = report_fails},
    {"RPT-03", CUT, .phases = "report"},
    {"RPT-04", TOLD("HEALTH_FAILED"), .story = report_fails},
    {"CLK-01", .faults = "clock", .clock = in_1970},
    {"CLK-02", .faults = "clock", .clock = before_the_signer},
    {"CLK-03", .faults = "clock", .clock = after_the_signer},
    {"CLK-04", .faults = "clock", .clock = in_2038},
    {"CLK-05", .faults = "clock", .clock = in_2106},
    {"CLK-10", .faults = "clock"},
};
#define ROWS (sizeof rows / sizeof *rows)

static bool is_listed(const char *list, const char *word)
{
	size_t length = strlen(word);
	if (!list)
		return true;
	for (const char *at = list; at; at = strchr(at, '|')) {
		at += *at == '|';
		if (strncmp(at, word, length) == 0 && (at[length] == 0 || at[length] == '|'))
			return length > 0;
	}
	return false;
}

static bool row_shows(const struct yp_evidence_row *row, const struct yp_scenario *scenario, const struct yp_shown *s)
{
	return is_listed(row->faults, s->fault) &&
	       is_listed(row->phases, yp_subject_phase(scenario->subject, s->step)) && is_listed(row->forms, s->form) &&
	       is_listed(row->reasons, s->reason) && s->cuts >= row->cuts_min && (s->torn || !row->torn) &&
	       (s->for_ever || !row->for_ever) && (!row->stepped || *s->step) &&
	       (!row->story || row->story(scenario)) && (!row->clock || row->clock(s->clock_s));
}

bool yp_evidence_known(const char *id)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (strcmp(rows[i].id, id) == 0)
			return true;
	}
	return false;
}

void yp_evidence_init(struct yp_evidence *evidence, const struct yp_scenario *scenario)
{
	*evidence = (struct yp_evidence){.scenario = scenario};
	for (unsigned k = 0; k < scenario->catalogue.count; k++) {
		for (size_t i = 0; i < ROWS && evidence->count < YP_EVIDENCE_ROWS_MAX; i++) {
			if (strcmp(rows[i].id, scenario->catalogue.text[k]) == 0)
				evidence->rows[evidence->count++] = &rows[i];
		}
	}
}

void yp_evidence_of(const struct yp_evidence *evidence, const struct yp_shown *shown, char out[YP_EVIDENCE_TEXT_MAX])
{
	const char *last = ""; /* rows of one id follow each other */
	size_t used = 0;
	out[0] = 0;
	for (unsigned i = 0; i < evidence->count; i++) {
		const struct yp_evidence_row *row = evidence->rows[i];
		if (strcmp(row->id, last) == 0 || !row_shows(row, evidence->scenario, shown))
			continue;
		last = row->id;
		used += (size_t)snprintf(out + used, YP_EVIDENCE_TEXT_MAX - used, "%s%s", used ? " " : "", row->id);
		if (used >= YP_EVIDENCE_TEXT_MAX)
			return;
	}
}
