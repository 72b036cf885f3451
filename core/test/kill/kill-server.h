/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TEST_KILL_KILL_SERVER_H
#define CORE_TEST_KILL_KILL_SERVER_H

#include <stdint.h>

#include "test/kill/kill-lab.h"

/* nginx on a free port of localhost, as ci/serve.sh sets it up; rate as nginx writes it ("60m"), "0" = none. */
int server_start(struct lab *lab, const char *rate) __attribute__((warn_unused_result));
void server_stop(struct lab *lab);

/* What was sent since the last call, as the server logged it. Waits until no connection is open: then all of it is. */
struct traffic {
	unsigned requests;
	uint64_t sent_bytes;
	uint64_t head_bytes;  /* of those, of the bundle's head */
	uint64_t again_bytes; /* of those, of the payload below durable_end */
};
/* durable_end: offset in the bundle below which the payload should not be fetched any more. */
int server_traffic(struct lab *lab, uint64_t durable_end, struct traffic *out) __attribute__((warn_unused_result));

#endif
