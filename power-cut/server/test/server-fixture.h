/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_SERVER_TEST_SERVER_FIXTURE_H
#define POWER_CUT_SERVER_TEST_SERVER_FIXTURE_H

#include "server/block-server.h"

/* The block server in process, no nbdkit needed: two media, "disk" and "env". Asserts on what cannot happen. */
#define SECTORS 256u
#define BYTES   (SECTORS * YP_SECTOR_BYTES)

struct fixture {
	char dir[64], base[96], log[96];
	struct yp_media media;
	struct yp_server *server;
	struct yp_client disk, env, all;
	uint8_t shadow[BYTES]; /* what disk should hold */
};

/* disk on a base of random bytes that is shorter than it, env on nothing. log: NULL for none. */
void yp_fixture_start(struct fixture *f, const char *model, const char *log);
/* Removes all files. Returns the result of yp_server_free(). */
int yp_fixture_stop(struct fixture *f);
/* Connects all three clients, again. */
void yp_fixture_clients(struct fixture *f);
void yp_fixture_assert_disk(struct fixture *f, const uint8_t *expected, const char *what);
/* One random request of disk, kept in the shadow as well. */
void yp_fixture_request(struct fixture *f, uint64_t *seed);
uint64_t yp_fixture_next(uint64_t *seed);
int yp_fixture_nap(void *ctx, unsigned ms);

#endif
