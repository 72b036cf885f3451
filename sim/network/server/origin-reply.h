/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_NETWORK_SERVER_ORIGIN_REPLY_H
#define SIM_NETWORK_SERVER_ORIGIN_REPLY_H

#include "network/server/origin-conn.h"

/* An answer before it is sent. */
struct yp_network_reply {
	struct yp_network_rule rule; /* lie YP_NETWORK_HTTP_TRUTH: none */
	unsigned rule_index;
	bool told;
	bool swapped;   /* another file than requested: counted when a byte is sent */
	bool head_only; /* HEAD */
	struct yp_network_served file;
	int status;
	bool ranged;          /* 206 */
	uint64_t first, last; /* said */
	uint64_t total;       /* said */
	uint64_t from, bytes; /* sent, of the file */
	uint64_t sent;
	char etag[64];
	const char *type;
	char extra[512]; /* further header lines */
	bool unsized;    /* no Content-Length */
	bool chunked;
	bool close;         /* after it */
	uint64_t cut_bytes; /* close after so many bytes; UINT64_MAX: never */
};

/* Changes ranges, validators, lengths and codings of a correct answer as its rule demands. */
void yp_network_reply_lie(struct yp_network_reply *reply);

#endif
