/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_QEMU_SERVICE_H
#define SIM_QEMU_SERVICE_H

#include "origin.h"
#include "store.h"

/* The server that the board polls and reports to, for one run. Each report that it takes is a mark of kind WORLD,
 * "report:ID:EVENT:VERSION:REASON", made before the report is answered. */
struct sim_service {
	struct sim_origin *origin;
	struct sim_store *store; /* NULL: no marks */
	void *bundle;
	size_t bundle_bytes;
	char etag[48];
	char certificate[SIM_QEMU_PATH_MAX], key[SIM_QEMU_PATH_MAX];
	struct sim_rule rule;
};
int sim_service_init(struct sim_service *service, struct sim_store *store, const char *images,
		     const struct sim_qemu_run *run, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
/* What it saw, once the board is off. */
int sim_service_record(struct sim_service *service, struct sim_qemu_result *result) __attribute__((warn_unused_result));
void sim_service_deinit(struct sim_service *service);
/* The mark's text of a report. false: it is no report. */
bool sim_service_report_text(const char *body, char *out, size_t out_bytes);

#endif
