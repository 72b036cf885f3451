/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "transaction/context.h"

int ota_status(struct ota *ota, struct ota_status *out)
{
	struct ota_store store;
	memset(out, 0, sizeof *out);
	int r = ota->system.ops->booted(ota->system.system, out->booted);
	if (r < 0)
		return r;
	r = ota->boot.ops->query(ota->boot.boot, &out->boot);
	if (r < 0)
		return r;
	/* A journal of a newer updater or none at all shows as defaults: status is asked when things are broken. */
	r = ota_store_open(&store, &ota->state, &out->state);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < OTA_SLOTS; i++)
		out->described[i] = ota_slot_describe(&ota->slots[i], &out->slots[i]) == 0;
	return 0;
}
