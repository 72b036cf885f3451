/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JUnit XML in the subset that every consumer takes: one testsuite a scenario, one testcase for each step and
 * fault (thousands of crash states would drown a CI page), the first failing cases with their replay
 * commands in the failure's text. failure = an invariant is broken, error = the rig failed or the fault did not land.
 */
#include "report/report-results.h"

#include <errno.h>
#include <libxml/xmlwriter.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_MAX 5u
#define XML       (const xmlChar *)/* BAD_CAST drops const */

struct tally {
	json_int_t pass, fail, error, skip;
};

static void write_attribute(xmlTextWriter *w, const char *name, const char *value)
{
	(void)xmlTextWriterWriteAttribute(w, XML name, XML value);
}

static void attribute_number(xmlTextWriter *w, const char *name, json_int_t value)
{
	char text[32];
	(void)snprintf(text, sizeof text, "%lld", (long long)value);
	write_attribute(w, name, text);
}

static void attribute_seconds(xmlTextWriter *w, json_int_t ms)
{
	char text[32];
	(void)snprintf(text, sizeof text, "%lld.%03lld", (long long)(ms / 1000), (long long)(ms % 1000));
	write_attribute(w, "time", text);
}

static void tally_add(struct tally *tally, const char *verdict, json_int_t count)
{
	if (!strcmp(verdict, "PASS"))
		tally->pass += count;
	else if (!strcmp(verdict, "FAIL"))
		tally->fail += count;
	else if (!strcmp(verdict, "SKIP"))
		tally->skip += count;
	else
		tally->error += count;
}

/* Beyond the contract: its cases are meant to fail, and the scenario's own verdict says whether they did. */
static bool meant_to_fail(const json_t *scenario)
{
	return *results_text(scenario, "expected") != '\0' && !strcmp(results_text(scenario, "verdict"), "PASS");
}

/* The cells of one (step, fault), summed; false if an earlier cell already stood for it. */
static bool group_at(const json_t *scenario, size_t at, struct tally *tally)
{
	const json_t *matrix = json_object_get(scenario, "matrix");
	const json_t *first = json_array_get(matrix, at);
	const char *step = results_text(first, "step");
	const char *fault = results_text(first, "fault");
	for (size_t i = 0; i < json_array_size(matrix); i++) {
		const json_t *cell = json_array_get(matrix, i);
		if (strcmp(results_text(cell, "step"), step) != 0 || strcmp(results_text(cell, "fault"), fault) != 0)
			continue;
		if (i < at)
			return false;
		tally_add(tally, meant_to_fail(scenario) ? "PASS" : results_text(cell, "verdict"),
			  results_number(cell, "count"));
	}
	return true;
}

/* The scenario as a whole: its verdict includes results that no single case shows, such as a disagreeing audit. */
static struct tally scenario_tally(const json_t *scenario)
{
	struct tally tally = {0};
	tally_add(&tally, results_text(scenario, "verdict"), 1);
	return tally;
}

static void write_outcome(xmlTextWriter *w, const json_t *scenario, const struct tally *tally, const char *step,
			  const char *fault)
{
	const char *element = tally->fail ? "failure" : tally->error ? "error" : NULL;
	if (!element && tally->skip && !tally->pass) {
		(void)xmlTextWriterStartElement(w, XML "skipped");
		write_attribute(w, "message", results_text(scenario, "reason"));
		(void)xmlTextWriterEndElement(w);
	}
	if (!element)
		return;
	char message[256];
	(void)snprintf(message, sizeof message, "%lld of %lld cases",
		       (long long)(tally->fail ? tally->fail : tally->error),
		       (long long)(tally->pass + tally->fail + tally->error + tally->skip));
	(void)xmlTextWriterStartElement(w, XML element);
	write_attribute(w, "message",
			step                                  ? message
			: *results_text(scenario, "sentence") ? results_text(scenario, "sentence")
							      : results_text(scenario, "reason"));
	write_attribute(w, "type", tally->fail ? "invariant" : "rig");
	const json_t *failures = json_object_get(scenario, "failures");
	unsigned shown = 0;
	for (size_t i = 0; i < json_array_size(failures) && shown < SHOWN_MAX; i++) {
		const json_t *line = json_array_get(failures, i);
		if (step &&
		    (strcmp(results_text(line, "step"), step) != 0 || strcmp(results_text(line, "fault"), fault) != 0))
			continue;
		(void)xmlTextWriterWriteFormatString(w, "%s %s\nreplay: yankproof replay %s\n",
						     results_text(line, "invariant"), results_text(line, "text"),
						     results_text(line, "id"));
		shown++;
	}
	(void)xmlTextWriterEndElement(w);
}

static void write_testcase(xmlTextWriter *w, const json_t *scenario, const struct tally *tally, const char *step,
			   const char *fault)
{
	char name[128];
	if (step)
		(void)snprintf(name, sizeof name, "%s at %s", fault, *step ? step : "start");
	else
		(void)snprintf(name, sizeof name, "verdict");
	(void)xmlTextWriterStartElement(w, XML "testcase");
	write_attribute(w, "classname", results_text(scenario, "scenario"));
	write_attribute(w, "name", name);
	attribute_seconds(w, step ? 0 : results_number(scenario, "duration_ms"));
	write_outcome(w, scenario, tally, step, fault);
	(void)xmlTextWriterEndElement(w);
}

static void count_suite(const json_t *scenario, json_int_t count[4])
{
	const json_t *matrix = json_object_get(scenario, "matrix");
	for (size_t i = 0; i <= json_array_size(matrix); i++) {
		struct tally tally = {0};
		if (i == json_array_size(matrix))
			tally = scenario_tally(scenario);
		else if (!group_at(scenario, i, &tally))
			continue;
		count[0]++;
		if (tally.fail)
			count[1]++;
		else if (tally.error)
			count[2]++;
		else if (tally.skip && !tally.pass)
			count[3]++;
	}
}

static void write_counts(xmlTextWriter *w, const json_int_t count[4], bool skipped)
{
	attribute_number(w, "tests", count[0]);
	attribute_number(w, "failures", count[1]);
	attribute_number(w, "errors", count[2]);
	if (skipped)
		attribute_number(w, "skipped", count[3]);
}

static void write_suite(xmlTextWriter *w, const json_t *results, const json_t *scenario, size_t id)
{
	json_int_t count[4] = {0};
	count_suite(scenario, count);
	(void)xmlTextWriterStartElement(w, XML "testsuite");
	write_attribute(w, "name", results_text(scenario, "scenario"));
	write_counts(w, count, true);
	attribute_seconds(w, results_number(scenario, "duration_ms"));
	write_attribute(w, "timestamp", results_text(json_object_get(results, "campaign"), "started"));
	write_attribute(w, "hostname", "localhost");
	attribute_number(w, "id", (json_int_t)id);
	write_attribute(w, "package", "yankproof");
	const json_t *matrix = json_object_get(scenario, "matrix");
	for (size_t i = 0; i < json_array_size(matrix); i++) {
		struct tally tally = {0};
		const json_t *cell = json_array_get(matrix, i);
		if (group_at(scenario, i, &tally))
			write_testcase(w, scenario, &tally, results_text(cell, "step"), results_text(cell, "fault"));
	}
	struct tally tally = scenario_tally(scenario);
	write_testcase(w, scenario, &tally, NULL, NULL);
	(void)xmlTextWriterEndElement(w);
}

/* Whether the campaign was complete: otherwise missing cases would look like passed ones. */
static void write_campaign(xmlTextWriter *w, const json_t *results, size_t id)
{
	(void)xmlTextWriterStartElement(w, XML "testsuite");
	write_attribute(w, "name", "campaign");
	write_counts(w, (const json_int_t[4]){1, 0, 1, 0}, true);
	attribute_seconds(w, 0);
	write_attribute(w, "timestamp", results_text(json_object_get(results, "campaign"), "started"));
	write_attribute(w, "hostname", "localhost");
	attribute_number(w, "id", (json_int_t)id);
	write_attribute(w, "package", "yankproof");
	(void)xmlTextWriterStartElement(w, XML "testcase");
	write_attribute(w, "classname", "campaign");
	write_attribute(w, "name", "end");
	attribute_seconds(w, 0);
	(void)xmlTextWriterStartElement(w, XML "error");
	write_attribute(w, "message",
			"the campaign was stopped before its end; continue it with 'yankproof run --resume'");
	write_attribute(w, "type", "rig");
	(void)xmlTextWriterEndElement(w);
	(void)xmlTextWriterEndElement(w);
	(void)xmlTextWriterEndElement(w);
}

static int write_document(xmlTextWriter *w, const json_t *results)
{
	json_int_t count[4] = {0};
	json_int_t duration_ms = 0;
	const json_t *scenarios = json_object_get(results, "scenarios");
	bool ended = json_is_object(json_object_get(results, "end"));
	for (size_t i = 0; i < json_array_size(scenarios); i++) {
		count_suite(json_array_get(scenarios, i), count);
		duration_ms += results_number(json_array_get(scenarios, i), "duration_ms");
	}
	count[0] += !ended;
	count[2] += !ended;
	(void)xmlTextWriterSetIndent(w, 1);
	(void)xmlTextWriterStartDocument(w, NULL, "UTF-8", NULL);
	(void)xmlTextWriterStartElement(w, XML "testsuites");
	write_attribute(w, "name", "yankproof");
	attribute_seconds(w, duration_ms);
	write_counts(w, count, false);
	for (size_t i = 0; i < json_array_size(scenarios); i++)
		write_suite(w, results, json_array_get(scenarios, i), i);
	if (!ended)
		write_campaign(w, results, json_array_size(scenarios));
	(void)xmlTextWriterEndElement(w);
	return xmlTextWriterEndDocument(w) < 0 ? -ENOMEM : 0;
}

static int put_file(const char *path, const xmlBuffer *text)
{
	FILE *f = fopen(path, "w");
	if (!f)
		return -errno;
	size_t bytes = (size_t)xmlBufferLength(text);
	bool bad = fwrite(xmlBufferContent(text), 1, bytes, f) != bytes;
	if (fclose(f) || bad)
		return errno ? -errno : -EIO;
	return 0;
}

/* In memory first: on a full disk libxml2 returns no error and prints a message of its own. */
int junit_write(const json_t *results, const char *path)
{
	xmlBuffer *text = xmlBufferCreate();
	xmlTextWriter *w = text ? xmlNewTextWriterMemory(text, 0) : NULL;
	int result = w ? write_document(w, results) : -ENOMEM;
	xmlFreeTextWriter(w);
	if (!result)
		result = put_file(path, text);
	if (text)
		xmlBufferFree(text);
	return result;
}
