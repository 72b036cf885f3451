/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_NETWORK_RELAY_RELAY_LINK_H
#define SIM_NETWORK_RELAY_RELAY_LINK_H

#include <pthread.h>
#include <stddef.h>

#include "network/relay/relay.h"
#include "network/wire.h"

#define RELAY_BUFFER_BYTES  65536u
#define RELAY_FILLERS_MAX   4u
#define RELAY_RECORD_HEADER 5u
#define RELAY_NO_LIMIT      UINT64_MAX

enum relay_side { CLIENT, SERVER };

/* What goes one way: from side `from` to the other. */
struct relay_flow {
	uint8_t data[RELAY_BUFFER_BYTES];
	size_t size, at;  /* buffered; of it passed on */
	uint64_t in, out; /* bytes read, passed on */
	uint64_t limit;   /* strikes when out gets here */
	bool ended;       /* the sender sent a FIN */
	bool end_sent;
	/* TLS records, up only */
	uint8_t header[RELAY_RECORD_HEADER];
	unsigned header_got;
	uint32_t record_left;
	unsigned data_records;
};

struct relay_link {
	int fds[2];
	unsigned number;
	uint16_t peer; /* our port towards the server */
	bool stalled;
	bool struck; /* its fault has happened */
	uint32_t drip_bytes_s;
	int64_t drip_next_ms;
	struct relay_flow flows[2]; /* by the side that sends */
};

struct relay_strike {
	uint16_t peer;
	uint64_t down_bytes;
	bool waiting;
};

struct yp_network_relay {
	struct yp_network_port port;
	uint16_t server;
	struct yp_network_wake wake;
	pthread_t thread;
	/* The thread's own. */
	int listener;
	bool listening_full; /* a listener whose queue is full */
	int fillers[RELAY_FILLERS_MAX];
	struct relay_link *links[YP_NETWORK_RELAY_CONNECTIONS_MAX];
	int64_t dark_until_ms, offline_until_ms, set_ms;
	/* Shared. */
	pthread_mutex_t mutex;
	pthread_cond_t applied;
	bool stopping, changed;
	struct yp_network_cut_spec spec;
	struct relay_strike strike;
	struct yp_network_relay_record record;
};

/* All under the relay's lock. */
void relay_note(struct yp_network_relay *relay, const struct relay_link *link, enum relay_side from);
void relay_drop_all(struct yp_network_relay *relay);
/* relay-door.c: whether the door should be open, and how. */
void relay_mind_the_door(struct yp_network_relay *relay, int64_t now_ms);
void relay_close_door(struct yp_network_relay *relay);

#endif
