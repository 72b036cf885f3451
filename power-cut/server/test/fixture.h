/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_SERVER_TEST_FIXTURE_H
#define POWER_CUT_SERVER_TEST_FIXTURE_H

#include "server.h"

/* The block server in process, no nbdkit needed: two media, "disk" and "env". Asserts on what cannot happen. */
#define SECTORS 256u
#define BYTES   (SECTORS * BP_SECTOR_BYTES)

struct fixture {
	char dir[64], base[96], log[96];
	struct bp_media media;
	struct bp_server *server;
	struct bp_client disk, env, all;
	uint8_t shadow[BYTES]; /* what disk should hold */
};

/* disk on a base of random bytes that is shorter than it, env on nothing. log: NULL for none. */
void bp_fixture_start(struct fixture *f, const char *model, const char *log);
/* Removes all files; what bp_server_free() said. */
int bp_fixture_stop(struct fixture *f);
/* Connects all three clients, again. */
void bp_fixture_clients(struct fixture *f);
void bp_fixture_assert_disk(struct fixture *f, const uint8_t *expected, const char *what);
/* One random request of disk, kept in the shadow as well. */
void bp_fixture_request(struct fixture *f, uint64_t *seed);
uint64_t bp_fixture_next(uint64_t *seed);
int bp_fixture_nap(void *ctx, unsigned ms);

#endif
