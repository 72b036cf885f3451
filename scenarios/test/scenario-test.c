/* SPDX-License-Identifier: Apache-2.0 */
/* The loader of scenarios, on good files and on every kind of bad one. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/case-text.h"
#include "file/civil-time.h"
#include "file/scenario.h"
#include "results/evidence.h"
#include "rigs/rig.h"

#define HEAD   "name: a\ntitle: t\ngroup: g\nrig: sim\n"
#define EXPECT "expect: {version: new}\n"
/* All but the faults of a file whose rig lists its cases. */
#define LISTED(rig) "name: a\ntitle: b\ngroup: c\nrig: " rig "\n"

static int parse(const char *text, struct yp_scenario *out, char *detail)
{
	return yp_scenario_parse(yp_rig_terms_at, "f.yaml", (const uint8_t *)text, strlen(text), out, detail,
				 YP_DETAIL_MAX);
}

static const struct {
	const char *text, *detail;
} bad_files[] = {
    {"", "f.yaml:1:1: no document; write at least name and title"},
    {"- a\n", "f.yaml:1:1: not a mapping; write 'key: value' lines here, such as 'name:'"},
    {"name: [\n", "f.yaml:2:1: did not find expected node content; correct the YAML here"},
    {"name: a\ntitle: b: c\n", "f.yaml:2:9: mapping values are not allowed in this context; correct the YAML here"},
    {HEAD EXPECT "---\nname: b\n", "f.yaml:7:1: a second document; write one scenario a file"},
    {HEAD, "f.yaml:1:1: 'expect' is missing; add 'expect: ...'"},
    {HEAD EXPECT "limits: {seconds: 9}\n",
     "f.yaml:1:1: 'seconds' does not limit rig sim; remove it, or write 'states' or 'runs'"},
    {HEAD EXPECT "titel: x\n", "f.yaml:6:1: unknown key 'titel'; did you mean 'title'?"},
    {HEAD EXPECT "name: b\n", "f.yaml:6:1: 'name' is here twice; keep one"},
    {"name: A\n", "f.yaml:1:7: 'name' is 'A': use a-z, 0-9 and '-' only"},
    {"name: ''\n", "f.yaml:1:7: 'name' is empty; write something"},
    {"name: \"a\\0b\"\n", "f.yaml:1:7: 'name' holds a NUL byte; remove it"},
    {"title: \"a\\nb\"\n", "f.yaml:1:8: 'title' holds a control character; write one line of text"},
    {"name: {a: b}\n", "f.yaml:1:7: 'name' is a mapping; write a single value"},
    {"subject: rauc\n", "f.yaml:1:10: 'subject' is 'rauc'; choose one of: ota, "},
    {"rig: car\n", "f.yaml:1:6: 'rig' is 'car'; choose one of: sim, "},
    {"tags: demo\n", "f.yaml:1:7: 'tags' is not a list; write [one, two]"},
    {"tags: [a, a]\n", "f.yaml:1:11: 'a' is in the list twice; keep one"},
    {"catalogue: [pwr-01]\n", "f.yaml:1:13: 'catalogue' is 'pwr-01': use A-Z, 0-9 and '-' only"},
    {"story:\n  slot-kib: many\n", "f.yaml:2:13: 'slot-kib' is 'many'; write a whole number from 16 to 65536"},
    {"story:\n  slot-kib: '64'\n", "f.yaml:2:13: 'slot-kib' is '64'; write a whole number from 16 to 65536"},
    {"story:\n  slot-kib: 8\n", "f.yaml:2:13: 'slot-kib' is 8, out of range; choose 16 to 65536"},
    {"story:\n  env-counter: 256\n", "f.yaml:2:16: 'env-counter' is 256, out of range; choose 0 to 255"},
    {"story:\n  serve: yes\n", "f.yaml:2:10: 'serve' is 'yes'; write true or false"},
    {"story:\n  report-down: [1]\n", "f.yaml:2:16: 'report-down' is a list; write a single value"},
    {"storage: {env: thorn}\n", "f.yaml:1:16: 'env' is 'thorn'; choose one of: volatile-cache, "},
    {"faults: {power-cut: {}}\n", "f.yaml:1:9: 'faults' is not a list; write '- power-cut: {explore: closure}'"},
    {"faults:\n  - stop\n", "f.yaml:2:5: not one fault; write '- KIND: {options}'"},
    {"faults:\n  - stop: {}\n", "f.yaml:2:5: where does the fault fall? Write either 'at: every' or 'nth: N'"},
    {"faults:\n  - stop: {at: every, nth: 3}\n",
     "f.yaml:2:5: where does the fault fall? Write either 'at: every' or 'nth: N'"},
    {"faults:\n  - stop: {nth: 0}\n", "f.yaml:2:17: 'nth' is 0, out of range; choose 1 to 1000000000"},
    {"faults:\n  - none: {at: every}\n", "f.yaml:2:5: unknown fault 'none'; choose one of: power-cut, "
					 "read-eio, write-eio, flush-eio, enospc, bitflip, "
					 "short-answer, no-memory, stop, power, clock, image, network, board"},
    {"faults:\n  - power-cut: {audit: 1.5}\n",
     "f.yaml:2:24: 'audit' is '1.5'; write a fraction from 0 to 1, such as 0.02"},
    {"faults:\n  - power-cut: {}\n  - power-cut: {}\n",
     "f.yaml:3:5: a second power-cut; keep one, it explores them all"},
    {"faults:\n  - clock: {}\n", "f.yaml:2:12: 'at' is missing; add 'at: ...'"},
    {"faults:\n  - clock: {at: [noon]}\n",
     "f.yaml:2:18: 'noon' is no time; write 1970-01-01, 2038-01-19T03:14:08Z, -1d or +20y"},
    {"expect: {version: 3}\n", "f.yaml:1:19: 'version' is '3'; choose one of: old, new"},
    {"expect: {version: new, reason: bad}\n",
     "f.yaml:1:32: 'reason' is 'bad': write a reason's name, such as HEALTH_FAILED"},
    {LISTED("sim") "faults: [{image: {}}]\n" EXPECT,
     "f.yaml:1:1: rig sim takes other faults only; fault 1 is of another kind"},
    {LISTED("images") "faults: [{image: {}}, {stop: {nth: 1}}]\n",
     "f.yaml:1:1: rig images takes image faults only; fault 2 is of another kind"},
    {LISTED("network") "faults: [{image: {}}]\n",
     "f.yaml:1:1: rig network takes network faults only; fault 1 is of another kind"},
    {LISTED("images"), "f.yaml:1:1: 'faults' is missing; write '- image: {...}'"},
    {LISTED("images") "faults: [{image: {}}]\n" EXPECT,
     "f.yaml:1:1: each case of rig images says what it expects; remove 'expect'"},
    {"faults: [{image: {group: 'flp: x'}}]\n",
     "f.yaml:1:26: 'group' is 'flp: x': write the beginning of case ids, such as flp:header"},
    {"faults: [{image: {sample: 0}}]\n", "f.yaml:1:27: 'sample' is 0, out of range; choose 1 to 1000000"},
    {"faults: [{network: {}}]\n", "f.yaml:1:20: 'plan' is missing; add 'plan: ...'"},
    {"faults: [{network: {plan: all}}]\n", "f.yaml:1:27: 'plan' is 'all'; choose one of: http, tls, "
					   "connection, places, report, names, device"},
    {"limits: {states: 0}\n", "f.yaml:1:18: 'states' is 0, out of range; choose 1 to 1000000000"},
    {"limits: {depth: 99999999999999999999}\n",
     "f.yaml:1:17: 'depth' is '99999999999999999999'; write a whole number from 1 to 64"},
};

/* Invariant: an error in a file is refused with file, line, column and a remedy.
 */
Test(scenario, bad_files_name_the_place)
{
	for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
		struct yp_scenario scenario;
		char detail[YP_DETAIL_MAX] = "";
		cr_expect_eq(parse(bad_files[i].text, &scenario, detail), 1, "accepted: %s", bad_files[i].text);
		/* A list of choices goes on with the rows of its table, which may grow. */
		size_t length = strlen(bad_files[i].detail);
		if (length > 2 && strcmp(bad_files[i].detail + length - 2, ", ") == 0)
			detail[length] = 0;
		cr_expect_str_eq(detail, bad_files[i].detail, "for: %s\nsaid: %s", bad_files[i].text, detail);
	}
}

/* Invariant: each member of a good file arrives where the rig reads it; what is left out has its documented default. */
Test(scenario, good_file_arrives)
{
	static const char text[] =
	    "name: full-1\ntitle: All of it\ngroup: power\ntags: [one, two]\ncatalogue: [PWR-01]\nrig: sim\n"
	    "storage: {slots: ordered, env: torn, state: nor, data: lying-flush}\n"
	    "story: {slot-kib: 64, tail-kib: 32, kernel-kib: 16, env-bytes: 2048, chunk-bytes: 8192, checkpoint-kib: "
	    "8,\n"
	    "  boot-attempts: 5, new-image: health-hangs, slot-b: empty, serve: true, downgrade: true, after-rollback: "
	    "true,\n"
	    "  committed: true, env-counter: 254, env-bad: both, quick-cycles: 3, bundle-lie: untrusted, report-down: "
	    "for-ever,\n"
	    "  report-url: none}\n"
	    "faults:\n  - power-cut: {explore: one-cut, subset-writes: 4, samples: 7, audit: 0.25}\n"
	    "  - write-eio: {at: every, for-ever: true}\n  - stop: {nth: 12}\n  - clock: {at: [1970-01-02, -1d, +1y]}\n"
	    "expect: {version: old, strict: true, reason: HEALTH_FAILED, verdict: FAIL}\n"
	    "limits: {states: 1000, runs: 100, depth: 3}\n";
	struct yp_scenario s;
	char detail[YP_DETAIL_MAX] = "";
	cr_assert_eq(parse(text, &s, detail), 0, "%s", detail);
	cr_expect_str_eq(s.name, "full-1");
	cr_expect(yp_scenario_tagged(&s, "two") && !yp_scenario_tagged(&s, "three"));
	cr_expect_str_eq(s.catalogue.text[0], "PWR-01");
	cr_expect_str_eq(s.subject->name, "ota");
	cr_expect(s.slots == YP_MODEL_ORDERED && s.env == YP_MODEL_TORN && s.state == YP_MODEL_NOR &&
		  s.data == YP_MODEL_LYING_FLUSH);
	cr_expect(s.spec.slot_kib == 64 && s.spec.tail_kib == 32 && s.spec.kernel_kib == 16 &&
		  s.spec.env_bytes == 2048);
	cr_expect(s.spec.chunk_bytes == 8192 && s.spec.checkpoint_kib == 8 && s.spec.boot_attempts == 5);
	cr_expect(s.spec.new_kind == YP_SIM_IMAGE_HEALTH_HANGS && s.spec.slot_b_empty && s.spec.serve &&
		  s.spec.downgrade);
	cr_expect(s.spec.after_rollback && s.spec.committed && s.spec.env_counter == 254 && s.spec.env_bad == 3);
	cr_expect(s.spec.quick_cycles == 3 && s.spec.bundle_lie == YP_SIM_LIE_UNTRUSTED);
	cr_expect(s.spec.report_down == YP_SIM_FOR_EVER && s.spec.report_url_none);
	cr_expect(s.fault_count == 4 && s.faults[0].power_cut && s.faults[0].explore == 1);
	cr_expect(s.limits.subset_writes == 4 && s.limits.samples == 7);
	cr_expect_float_eq(s.limits.audit_fraction, 0.25, 1e-9);
	cr_expect(s.faults[1].kind == YP_SIM_FAULT_WRITE_EIO && s.faults[1].nth == 0 && s.faults[1].for_ever);
	cr_expect(s.faults[2].kind == YP_SIM_FAULT_STOP && s.faults[2].nth == 12 && !s.faults[2].for_ever);
	cr_expect(s.faults[3].clock_count == 3 && s.faults[3].clock_s[0] == 86400);
	cr_expect_eq(s.faults[3].clock_s[1], YP_SIM_STORY_CLOCK_S - 86400);
	cr_expect_str_eq(s.expect.version, "old");
	cr_expect_str_eq(s.expect.reason, "HEALTH_FAILED");
	cr_expect(s.expect.strict && s.expect_fail == 1);
	cr_expect(s.limits.states_max == 1000 && s.limits.runs_max == 100 && s.limits.depth_max == 3);

	cr_assert_eq(parse(HEAD EXPECT, &s, detail), 0, "%s", detail);
	cr_expect(s.spec.serve && s.spec.slot_kib == 96 && s.spec.boot_attempts == 3 && !s.fault_count);
	cr_expect(s.limits.subset_writes == 10 && s.limits.samples == 64 && s.env == YP_MODEL_VOLATILE_CACHE);
}

/* Invariant: the names in files are the simulated device's own, in its order. */
Test(scenario, names_are_those_of_the_rig)
{
	char text[512];
	char detail[YP_DETAIL_MAX] = "";
	struct yp_scenario s;
	unsigned kinds = 0;
	unsigned lies = 0;
	for (unsigned i = 0; yp_sim_kind_name((enum yp_sim_image_kind)i); i++, kinds++) {
		(void)snprintf(text, sizeof text, HEAD EXPECT "story: {new-image: %s}\n",
			       yp_sim_kind_name((enum yp_sim_image_kind)i));
		cr_assert_eq(parse(text, &s, detail), 0, "%s", detail);
		cr_expect_eq((unsigned)s.spec.new_kind, i);
	}
	for (unsigned i = 0; i < YP_SIM_LIE_COUNT; i++, lies++) {
		(void)snprintf(text, sizeof text, HEAD EXPECT "story: {bundle-lie: %s}\n",
			       yp_sim_lie_name((enum yp_sim_lie)i));
		cr_assert_eq(parse(text, &s, detail), 0, "%s", detail);
		cr_expect_eq((unsigned)s.spec.bundle_lie, i);
	}
	cr_expect(kinds == 8 && lies == YP_SIM_LIE_COUNT);
}

/* Invariant: a file's options for listed cases reach their rig. */
Test(scenario, listed_cases_arrive)
{
	static const char text[] =
	    LISTED("network") "faults:\n  - network: {plan: places, match: 'net:reset.', sample: 3, "
			      "sweep: 4, slow: true, power-cut: sampled}\n  - network: {plan: http}\n";
	struct yp_scenario s;
	char detail[YP_DETAIL_MAX] = "";
	cr_assert_eq(parse(text, &s, detail), 0, "%s", detail);
	cr_expect(s.rig == &yp_rig_network.terms && s.fault_count == 2);
	const struct yp_fault *f = &s.faults[0];
	cr_expect(f->lister == s.rig && f->sample == 3 && f->sweep == 4 && f->slow);
	cr_expect(f->recut == YP_RECUT_SAMPLED && strcmp(yp_network_names[f->network], "places") == 0);
	cr_expect_str_eq(f->match, "net:reset.");
	f = &s.faults[1];
	cr_expect(f->lister == s.rig && f->network == 0 && !*f->match && f->sample == 0 && !f->slow);
	cr_expect_eq(f->recut, YP_RECUT_NONE);
}

/* Invariant: a case's id comes back as the same case, and nothing else is taken for an id. */
Test(scenario, ids_come_back)
{
	const struct yp_sim_fault faults[] = {
	    {.kind = YP_SIM_FAULT_NONE, .medium = -1},
	    {.kind = YP_SIM_FAULT_WRITE_EIO, .nth = 7, .medium = -1},
	    {.kind = YP_SIM_FAULT_NO_MEMORY, .nth = 1, .for_ever = true, .medium = -1},
	    {.kind = YP_SIM_FAULT_CLOCK, .clock_s = -5, .medium = -1}};
	char text[YP_ID_MAX];
	struct yp_id id;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		yp_id_fault("a-b", 9, &faults[i], text);
		cr_assert_eq(yp_id_decode(text, &id), 0, "%s", text);
		cr_expect(id.kind == YP_ID_FAULT && id.seed == 9 && id.fault.kind == faults[i].kind);
		cr_expect(id.fault.nth == faults[i].nth && id.fault.for_ever == faults[i].for_ever);
		cr_expect_eq(id.fault.clock_s, faults[i].clock_s);
	}
	cr_expect_str_eq(text, "a-b+9@fault:clock.-5");
	const struct yp_case cut = {.count = 1,
				    .cuts = {{.entry = 12, .form = YP_FORM_OMIT, .a = 1, .b = 2, .torn = -1}}};
	char encoded[YP_CASE_TEXT_MAX];
	cr_assert_eq(yp_case_encode(&cut, encoded, sizeof encoded), 0);
	yp_id_cut("x", YP_SEED_DEFAULT, encoded, text);
	cr_assert_eq(yp_id_decode(text, &id), 0, "%s", text);
	cr_expect(id.kind == YP_ID_CUT && id.seed == YP_SEED_DEFAULT && id.cut.count == 1);
	cr_expect(id.cut.cuts[0].entry == 12 && id.cut.cuts[0].b == 2);
	yp_id_lint("x", 1, "no-read-back", 44, text);
	cr_assert_eq(yp_id_decode(text, &id), 0, "%s", text);
	cr_expect(id.kind == YP_ID_LINT && id.entry == 44 && strcmp(id.rule, "no-read-back") == 0);
	yp_id_listed("x", 7, true, "flp:manifest.12.3", text);
	cr_expect_str_eq(text, "x+7@image:flp:manifest.12.3");
	cr_assert_eq(yp_id_decode(text, &id), 0, "%s", text);
	cr_expect(id.kind == YP_ID_LISTED && id.image && id.seed == 7 && strcmp(id.listed, "flp:manifest.12.3") == 0);
	yp_id_listed("x", YP_SEED_DEFAULT, false, "net:reset.file-0/kill.b3", text);
	cr_assert_eq(yp_id_decode(text, &id), 0, "%s", text);
	cr_expect(id.kind == YP_ID_LISTED && !id.image && strcmp(id.listed, "net:reset.file-0/kill.b3") == 0);
	static const char *const bad[] = {"",
					  "x",
					  "x@image:",
					  "x@image:flp",
					  "x@net:",
					  "x@net: a",
					  "@fault:none",
					  "x@",
					  "x@fault:",
					  "x@fault:none.1",
					  "x@fault:stop",
					  "x@fault:stop.",
					  "x@fault:stop.1x",
					  "x@fault:stop.-1",
					  "x+@fault:none",
					  "x+1y@fault:none",
					  "x@lint:rule",
					  "x@lint:rule.",
					  "x@fault:sleep.1",
					  "x@fault:stop.1.evermore",
					  "x@12",
					  "x@12.z.0.0",
					  "+1@fault:none"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_expect_neq(yp_id_decode(bad[i], &id), 0, "taken for an id: %s", bad[i]);
}

/* Invariant: times are read as UTC in the Gregorian calendar, and what is no time is refused. */
Test(scenario, times)
{
	static const struct {
		const char *text;
		int64_t s;
	} good[] = {{"1970-01-01", 0},
		    {"2000-02-29", 951782400},
		    {"2038-01-19T03:14:08Z", 2147483648},
		    {"2106-02-07T06:28:16Z", 4294967296},
		    {"-1d", 1000000 - 86400},
		    {"+20y", 1000000 + INT64_C(20) * 31557600}};
	static const char *const bad[] = {"",
					  "-",
					  "+1",
					  "+1h",
					  "1969-12-31",
					  "2001-02-29",
					  "2000-13-01",
					  "2000-00-10",
					  "2000-01-01T24:00:00Z",
					  "2000-01-01T00:00:00",
					  "2000-1-1",
					  "+123456y"};
	int64_t s = 0;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		cr_assert_eq(yp_civil_parse(good[i].text, 1000000, &s), 0, "%s", good[i].text);
		cr_expect_eq(s, good[i].s, "%s gave %lld", good[i].text, (long long)s);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_expect_neq(yp_civil_parse(bad[i], 0, &s), 0, "taken for a time: %s", bad[i]);
}

/* Invariant: a file that cannot be read is an error; its scenario is never silently left out. */
Test(scenario, dangling_links_are_told)
{
	char dir[] = "/tmp/yankproof-catalog-XXXXXX";
	char group[64];
	char path[80];
	char detail[YP_DETAIL_MAX] = "";
	struct yp_catalog catalog;
	cr_assert(mkdtemp(dir));
	(void)snprintf(group, sizeof group, "%s/g", dir);
	(void)snprintf(path, sizeof path, "%s/gone.yaml", group);
	cr_assert(mkdir(group, 0755) == 0 && symlink("/nonexistent/x.yaml", path) == 0);
	cr_expect_eq(yp_catalog_read(yp_rig_terms_at, dir, &catalog, detail, sizeof detail), 1);
	cr_expect(strncmp(detail, path, strlen(path)) == 0, "%s", detail);
	yp_catalog_deinit(&catalog);
	cr_assert(unlink(path) == 0 && rmdir(group) == 0 && rmdir(dir) == 0);
}

/* Invariant: each entry that a scenario of the simulated device names can be shown by one of its cases. */
Test(scenario, every_claim_can_be_shown)
{
	static char detail[YP_DETAIL_MAX];
	struct yp_catalog catalog;
	cr_assert_eq(yp_catalog_read(yp_rig_terms_at, "scenarios", &catalog, detail, sizeof detail), 0, "%s", detail);
	for (size_t i = 0; i < catalog.count; i++) {
		const struct yp_scenario *s = &catalog.items[i];
		for (unsigned k = 0; s->rig == &yp_rig_sim.terms && k < s->catalogue.count; k++)
			cr_expect(yp_evidence_known(s->catalogue.text[k]), "%s: %s", s->name, s->catalogue.text[k]);
	}
	yp_catalog_deinit(&catalog);
}

/* Invariant: a case shows its own entry and no other entry that its scenario names. */
Test(scenario, a_case_shows_only_itself)
{
	static struct yp_scenario scenario;
	struct yp_evidence evidence;
	char detail[YP_DETAIL_MAX];
	char out[YP_EVIDENCE_TEXT_MAX];
	cr_assert_eq(parse(HEAD EXPECT "catalogue: [PWR-01, PWR-03, PWR-08, STO-07, BTL-06]\n", &scenario, detail), 0,
		     "%s", detail);
	yp_evidence_init(&evidence, &scenario);
	yp_evidence_of(&evidence, &(struct yp_shown){.fault = "none", .step = "", .form = "", .reason = ""}, out);
	cr_expect_str_eq(out, "");
	yp_evidence_of(&evidence, &(struct yp_shown){.fault = "none", .step = "", .form = "", .reason = "BOOT_LIMIT"},
		       out);
	cr_expect_str_eq(out, "BTL-06");
	struct yp_shown cut = {.fault = "power-cut", .step = "S06", .form = "plain", .reason = "", .cuts = 1};
	yp_evidence_of(&evidence, &cut, out);
	cr_expect_str_eq(out, "PWR-01");
	cut = (struct yp_shown){
	    .fault = "power-cut", .step = "S15", .form = "mixed", .reason = "", .cuts = 2, .torn = true};
	yp_evidence_of(&evidence, &cut, out);
	cr_expect_str_eq(out, "PWR-01 PWR-03 PWR-08 STO-07");
}
