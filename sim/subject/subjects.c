/* SPDX-License-Identifier: Apache-2.0 */
/* The table of subjects, and queries that hold for all of them. */
#include <assert.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "subject/subjects.h"

#define SUBJECT_ADDRESS(name) &yp_subject_##name,
static const struct yp_subject *const subjects[] = {YP_SUBJECTS(SUBJECT_ADDRESS) NULL};

const struct yp_subject *const *yp_subjects(void)
{
	return subjects;
}

const struct yp_subject *yp_subject_find(const char *name)
{
	for (unsigned i = 0; subjects[i] != NULL; i++) {
		if (name == NULL || strcmp(subjects[i]->name, name) == 0)
			return subjects[i];
	}
	return NULL;
}

bool yp_subject_asks(const struct yp_subject *subject, enum yp_invariant invariant)
{
	assert(subject != NULL);
	switch (invariant) {
	case YP_I1:
	case YP_I11:
		return subject->boot != NULL;
	case YP_I4:
		return subject->records != NULL;
	case YP_I5:
		return subject->reports != NULL || (subject->messages != NULL && subject->messages->outcome != NULL);
	case YP_I6:
		return subject->commands != NULL && subject->commands->install != NULL;
	case YP_I9:
		return subject->records != NULL || subject->reports != NULL;
	case YP_I2:
	case YP_I3:
	case YP_I7:
	case YP_I8:
	case YP_I10:
		return true;
	case YP_I_NONE:
	case YP_INVARIANTS:
		break;
	}
	return false;
}

int yp_subject_exit_status(const struct yp_subject *subject, const char *reason)
{
	const struct yp_subject_exit *exit = subject->messages != NULL ? subject->messages->exits : NULL;

	if (exit == NULL)
		return -1;
	while (exit->reason != NULL && strcmp(exit->reason, reason) != 0)
		exit++;
	return exit->status;
}

const char *yp_subject_phase(const struct yp_subject *subject, const char *step)
{
	const struct yp_subject_steps *steps = subject->steps;

	for (size_t i = 0; steps != NULL && i < steps->marks_count; i++) {
		if (strcmp(steps->marks[i].text, step) == 0)
			return yp_phase_name(steps->marks[i].phase);
	}
	return "";
}

const char *yp_subject_refusal_step(const struct yp_subject *subject, const char *reason)
{
	const struct yp_subject_refusal *row = subject->messages != NULL ? subject->messages->refusals : NULL;
	char word[48];

	(void)snprintf(word, sizeof word, " %s ", reason);
	for (; *reason && row != NULL && row->reasons != NULL; row++) {
		if (strstr(row->reasons, word) != NULL)
			return row->step;
	}
	return "";
}

int yp_subject_medium_index(const struct yp_subject *subject, const struct yp_layout *layout, enum yp_role role,
			    char slot)
{
	assert(role != YP_ROLE_SLOT || slot == 'A' || slot == 'B');
	for (const struct yp_subject_medium *medium = subject->media; medium->name != NULL; medium++) {
		if (medium->role != role || medium->slot != slot)
			continue;
		for (unsigned m = 0; m < layout->count; m++) {
			if (strcmp(layout->media[m].name, medium->name) == 0)
				return (int)m;
		}
	}
	return -1;
}

bool yp_subject_match(const char *pattern, const char *line, char *out, size_t out_bytes)
{
	regmatch_t groups[2];
	regex_t regex;
	bool fits;

	assert(line != NULL && (out == NULL || out_bytes > 0));
	if (out != NULL)
		*out = '\0';
	if (pattern == NULL || regcomp(&regex, pattern, REG_EXTENDED) != 0)
		return false;
	fits = regexec(&regex, line, 2, groups, 0) == 0;
	if (fits && out != NULL && regex.re_nsub >= 1 && groups[1].rm_so >= 0)
		(void)snprintf(out, out_bytes, "%.*s", (int)(groups[1].rm_eo - groups[1].rm_so),
			       line + groups[1].rm_so);
	regfree(&regex);
	return fits;
}
