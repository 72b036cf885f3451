/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_NETWORK_RELAY_RELAY_H
#define SIM_NETWORK_RELAY_RELAY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A TCP relay on the loopback between a client and a server, exact to the byte: a fault set at byte n of a direction
 * happens when n bytes have been passed on in it and no more. "down" is towards the client. One thread.
 */
#define YP_NETWORK_RELAY_CONNECTIONS_MAX 32u

enum yp_network_cut {
	YP_NETWORK_CUT_NONE,
	YP_NETWORK_CUT_RESET,      /* both sides get a RST */
	YP_NETWORK_CUT_CLOSE,      /* both sides get a FIN */
	YP_NETWORK_CUT_STALL,      /* this connection says no more, ever; others do */
	YP_NETWORK_CUT_DRIP,       /* from here on arg bytes a second */
	YP_NETWORK_CUT_FLIP,       /* the bit 0x20 of the next byte is another */
	YP_NETWORK_CUT_DARK,       /* everything stands still for arg ms, then goes on where it was */
	YP_NETWORK_CUT_OFFLINE,    /* connections are reset and new ones refused for arg ms */
	YP_NETWORK_CUT_REFUSE,     /* from now on new connections are refused, until the next spec */
	YP_NETWORK_CUT_BLACK_HOLE, /* from now on new connections are not answered, until the next spec */
	YP_NETWORK_CUT_LARGE, /* more than arg bytes in one piece never arrive, and nothing after them: a path MTU that nobody
			  tells */
	YP_NETWORK_CUT_EVERY, /* each connection is reset after arg bytes down; with cycle_ms also offline every other cycle;
			  byte: at most so many a second, 0: any */
	YP_NETWORK_CUT_COUNT
};
const char *yp_network_cut_name(enum yp_network_cut cut);

enum yp_network_cut_place {
	YP_NETWORK_CUT_DOWN, /* byte: bytes passed down on the connection */
	YP_NETWORK_CUT_UP,
	YP_NETWORK_CUT_RECORD, /* up, byte of the TLS record number `record` (from 1) of the kind application data; -1: its end
			 */
	YP_NETWORK_CUT_CALL, /* yp_network_relay_strike() triggers it */
};

struct yp_network_cut_spec {
	enum yp_network_cut cut;
	enum yp_network_cut_place place;
	unsigned connection; /* the nth accepted since the spec was set, from 1; 0: any */
	unsigned record;
	int64_t byte;
	uint32_t arg;
	uint32_t cycle_ms;
	bool for_ever; /* on every connection, not only the first that gets there */
};

struct yp_network_relay_record {
	unsigned connections; /* accepted since the spec was set */
	unsigned landed;      /* how often the fault happened */
	unsigned connection;  /* where it first did */
	char direction;       /* 'u' or 'd' */
	uint64_t byte;
	int64_t at_ms;                 /* since the spec was set */
	uint64_t up_bytes, down_bytes; /* passed on, all connections */
};

struct yp_network_relay;
int yp_network_relay_new(uint16_t server, struct yp_network_relay **out)
    __attribute__((warn_unused_result)); /* 0 or -errno */
void yp_network_relay_free(struct yp_network_relay *relay);
uint16_t yp_network_relay_port(const struct yp_network_relay *relay);
/* Sets the one fault (YP_NETWORK_CUT_NONE: none, all is as it was) and starts the record anew. Returns when it is in
 * force. */
void yp_network_relay_set(struct yp_network_relay *relay, const struct yp_network_cut_spec *spec);
/*
 * For YP_NETWORK_CUT_CALL. peer 0: now, on all connections; it has happened on return. Else: on the connection whose
 * port on the server's side is peer, once down_bytes were passed down on it. From any thread.
 */
void yp_network_relay_strike(struct yp_network_relay *relay, uint16_t peer, uint64_t down_bytes);
/* Connections accepted from now on go to another server. */
void yp_network_relay_server(struct yp_network_relay *relay, uint16_t server);
void yp_network_relay_record(struct yp_network_relay *relay, struct yp_network_relay_record *out);

#endif
