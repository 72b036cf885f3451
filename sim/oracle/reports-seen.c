/* SPDX-License-Identifier: Apache-2.0 */
/* Reports as a part of a canonical form: ids renamed in order of appearance, repetitions left out (E4). */
#include "oracle/reports-seen.h"

#include <stdlib.h>
#include <string.h>

#include "subject/mix.h"

static size_t first_with_id(const struct yp_world *world, size_t event)
{
	size_t id_bytes = strcspn(world->events[event] + strcspn(world->events[event], ":") + 1, ":") +
			  strcspn(world->events[event], ":") + 1;

	for (size_t i = 0; i < event; i++) {
		if (strncmp(world->events[i], world->events[event], id_bytes + 1) == 0)
			return i;
	}
	return event;
}

/* How many different ids appeared before: reports that were repeated in between do not count. */
static size_t rank_of(const struct yp_world *world, size_t first)
{
	size_t rank = 0;

	for (size_t i = 0; i < first; i++)
		rank += first_with_id(world, i) == i;
	return rank;
}

uint64_t yp_oracle_past_hash(const struct yp_world *world, uint64_t h)
{
	for (size_t i = 0; i < world->count; i++) {
		size_t first = first_with_id(world, i);
		const char *after = strchr(world->events[i], ':');

		/* The same report again, word for word, changes nothing. */
		if (first < i && strcmp(world->events[first], world->events[i]) == 0)
			continue;
		if (after != NULL)
			after = strchr(after + 1, ':');
		h = yp_mix_text(yp_mix(h, rank_of(world, first)), after != NULL ? after : world->events[i]);
	}
	return h;
}

bool yp_oracle_past_delivered(const struct yp_world *world, uint64_t id)
{
	for (size_t i = 0; i < world->count; i++) {
		const char *colon = strchr(world->events[i], ':');

		if (colon != NULL && strtoull(colon + 1, NULL, 16) == id)
			return true;
	}
	return false;
}
