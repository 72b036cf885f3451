/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's port: open, refusing, or not answering. */
#include <unistd.h>

#include "network/relay/relay-link.h"

void relay_close_door(struct yp_network_relay *relay)
{
	if (relay->listener >= 0)
		close(relay->listener);
	relay->listener = -1;
	for (unsigned i = 0; i < RELAY_FILLERS_MAX; i++) {
		if (relay->fillers[i] >= 0)
			close(relay->fillers[i]);
		relay->fillers[i] = -1;
	}
	relay->listening_full = false;
}

/* Whether the door should be open, and how; under the lock. */
void relay_mind_the_door(struct yp_network_relay *relay, int64_t now_ms)
{
	const struct yp_network_cut_spec *spec = &relay->spec;
	bool refuse = spec->cut == YP_NETWORK_CUT_REFUSE || now_ms < relay->offline_until_ms;
	bool hole = spec->cut == YP_NETWORK_CUT_BLACK_HOLE;

	if (spec->cut == YP_NETWORK_CUT_EVERY && spec->cycle_ms > 0 &&
	    (now_ms - relay->set_ms) / spec->cycle_ms % 2 == 1) {
		refuse = true;
		relay_drop_all(relay);
	}
	if (relay->listening_full != hole || refuse)
		relay_close_door(relay);
	if (refuse && spec->cut == YP_NETWORK_CUT_REFUSE && relay->record.landed == 0)
		relay_note(relay, NULL, CLIENT); /* in force; that the client came is seen from what it says */
	if (refuse || relay->listener >= 0)
		return;
	relay->listener = yp_network_port_listen(&relay->port, hole ? 0 : 32);
	for (unsigned i = 0; hole && i < RELAY_FILLERS_MAX; i++)
		relay->fillers[i] = yp_network_port_connect(relay->port.number);
	relay->listening_full = hole;
	if (hole && relay->record.landed == 0)
		relay_note(relay, NULL, CLIENT);
}
