/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_EMULATOR_HOST_SERVICE_H
#define SIM_EMULATOR_HOST_SERVICE_H

#include "emulator/media-store.h"
#include "network/server/lying-origin.h"
#include "sim/subject.h"

/* The server that the board polls and reports to, for one run. Each report that it takes is a mark of kind WORLD,
 * "report:ID:EVENT:VERSION:REASON", made before the report is answered. */
struct yp_emulator_service {
	const struct yp_subject *subject;
	struct yp_network_origin *origin;
	struct yp_emulator_store *store; /* NULL: no marks */
	void *bundle;
	size_t bundle_bytes;
	char etag[48];
	char certificate[YP_EMULATOR_PATH_MAX], key[YP_EMULATOR_PATH_MAX];
	struct yp_network_rule rule;
};
int yp_emulator_service_init(struct yp_emulator_service *service, const struct yp_subject *subject,
			     struct yp_emulator_store *store, const char *images, const struct yp_emulator_run *run,
			     char *detail, size_t detail_bytes) __attribute__((warn_unused_result));
/* The server's record, once the board is off. */
int yp_emulator_service_record(struct yp_emulator_service *service, struct yp_emulator_result *result)
    __attribute__((warn_unused_result));
void yp_emulator_service_deinit(struct yp_emulator_service *service);
/* The mark's text of a report. False: it is no report, or the subject reports nothing (NULL). */
bool yp_emulator_service_report_text(const struct yp_subject_reports *reports, const char *body, char *out,
				     size_t out_bytes);

#endif
