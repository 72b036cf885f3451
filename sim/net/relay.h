/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_NET_RELAY_H
#define SIM_NET_RELAY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A TCP relay on the loopback between a client and a server, exact to the byte: a fault set at byte n of a direction
 * happens when n bytes have been passed on in it and no more. "down" is towards the client. One thread.
 */
#define SIM_RELAY_CONNECTIONS_MAX 32u

enum sim_cut {
	SIM_CUT_NONE,
	SIM_CUT_RESET,      /* both sides get a RST */
	SIM_CUT_CLOSE,      /* both sides get a FIN */
	SIM_CUT_STALL,      /* this connection says no more, ever; others do */
	SIM_CUT_DRIP,       /* from here on arg bytes a second */
	SIM_CUT_FLIP,       /* the bit 0x20 of the next byte is another */
	SIM_CUT_DARK,       /* everything stands still for arg ms, then goes on where it was */
	SIM_CUT_OFFLINE,    /* connections are reset and new ones refused for arg ms */
	SIM_CUT_REFUSE,     /* from now on new connections are refused, until the next spec */
	SIM_CUT_BLACK_HOLE, /* from now on new connections are not answered, until the next spec */
	SIM_CUT_LARGE, /* more than arg bytes in one piece never arrive, and nothing after them: a path MTU that nobody
			  tells */
	SIM_CUT_EVERY, /* each connection is reset after arg bytes down; with cycle_ms also offline every other cycle;
			  byte: at most so many a second, 0: any */
	SIM_CUT_COUNT
};
const char *sim_cut_name(enum sim_cut cut);

enum sim_cut_place {
	SIM_CUT_DOWN, /* byte: bytes passed down on the connection */
	SIM_CUT_UP,
	SIM_CUT_RECORD, /* up, byte of the TLS record number `record` (from 1) of the kind application data; -1: its end
			 */
	SIM_CUT_CALL,   /* sim_relay_strike() says when */
};

struct sim_cut_spec {
	enum sim_cut cut;
	enum sim_cut_place place;
	unsigned connection; /* the nth accepted since the spec was set, from 1; 0: any */
	unsigned record;
	int64_t byte;
	uint32_t arg;
	uint32_t cycle_ms;
	bool for_ever; /* on every connection, not only the first that gets there */
};

struct sim_relay_record {
	unsigned connections; /* accepted since the spec was set */
	unsigned landed;      /* how often the fault happened */
	unsigned connection;  /* where it first did */
	char direction;       /* 'u' or 'd' */
	uint64_t byte;
	int64_t at_ms;                 /* since the spec was set */
	uint64_t up_bytes, down_bytes; /* passed on, all connections */
};

struct sim_relay;
int sim_relay_new(uint16_t server, struct sim_relay **out) __attribute__((warn_unused_result)); /* 0 or -errno */
void sim_relay_free(struct sim_relay *relay);
uint16_t sim_relay_port(const struct sim_relay *relay);
/* Sets the one fault (SIM_CUT_NONE: none, all is as it was) and starts the record anew. Returns when it is in force. */
void sim_relay_set(struct sim_relay *relay, const struct sim_cut_spec *spec);
/*
 * For SIM_CUT_CALL. peer 0: now, on all connections; it has happened on return. Else: on the connection whose port on the server's side is peer,
 * once down_bytes were passed down on it. From any thread.
 */
void sim_relay_strike(struct sim_relay *relay, uint16_t peer, uint64_t down_bytes);
/* Connections accepted from now on go to another server. */
void sim_relay_server(struct sim_relay *relay, uint16_t server);
void sim_relay_record(struct sim_relay *relay, struct sim_relay_record *out);

#endif
