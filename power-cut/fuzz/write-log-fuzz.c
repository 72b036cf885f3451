/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both readers of write logs on any bytes. Invariant: no input makes them read or write out of bounds, or loop. Every
 * entry of an accepted log lies within its media.
 */
#include <stdint.h>
#include <stdlib.h>

#include "power-cut/lint.h"
#include "power-cut/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_log(const struct yp_log *log)
{
	const struct yp_layout *layout = yp_log_layout(log);
	struct yp_lint_roles roles = {.role = {YP_ROLE_SLOT, YP_ROLE_ENV}, .env_first = {0, 8}, .env_sectors = 8};
	struct yp_finding findings[4];
	size_t count;
	for (size_t i = 0; i < yp_log_count(log); i++) {
		const struct yp_entry *e = yp_log_entry(log, i);
		if (e->op != YP_MARK &&
		    (e->medium >= layout->count || e->sector + e->sectors > layout->media[e->medium].sectors))
			abort();
		for (uint32_t k = 0; e->op == YP_WRITE && k < e->sectors; k++)
			(void)yp_log_content(log, e, k);
		(void)yp_log_text(log, e);
	}
	/* The lint keeps a byte for each sector of a slot. */
	if (layout->media[0].sectors < 1u << 20 && yp_lint(log, &roles, findings, 4, &count) < 0)
		abort();
	enum yp_phase *phases = calloc(yp_log_count(log) + 1, sizeof *phases);
	if (!phases || yp_phases_derive(log, &roles, false, phases) < 0)
		abort();
	for (size_t i = 0; i < yp_log_count(log); i++)
		(void)yp_phase_name(phases[i]);
	free(phases);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct yp_layout layout = {
	    .count = 2, .media = {{"slot-a", 64, YP_MODEL_VOLATILE_CACHE, true}, {"env", 16, YP_MODEL_TORN, false}}};
	struct yp_pool *pool;
	struct yp_log *log;
	char detail[128];
	if (yp_pool_new(&pool) < 0)
		return 0;
	if (yp_log_parse(data, size, pool, &log, detail, sizeof detail) == 0) {
		check_log(log);
		yp_log_free(log);
	}
	if (yp_log_parse_dm(data, size, &layout, pool, &log, detail, sizeof detail) == 0) {
		check_log(log);
		yp_log_free(log);
	}
	yp_pool_free(pool);
	return 0;
}
