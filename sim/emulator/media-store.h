/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_EMULATOR_MEDIA_STORE_H
#define SIM_EMULATOR_MEDIA_STORE_H

#include <pthread.h>

#include "emulator/qemu-process.h"
#include "sim/emulator.h"

/* The media: an nbdkit with the block server, for the life of a rig. */
#define YP_EMULATOR_STORE_PATH 100u
struct yp_emulator_store {
	struct yp_emulator_process process;
	char socket[YP_EMULATOR_STORE_PATH]; /* NBD: exports card, disk, "" */
	char control[YP_EMULATOR_STORE_PATH];
	int fd; /* the rig's connection to the control socket */
	/* Another one, for marks that come from other threads. */
	pthread_mutex_t lock;
	int mark_fd;
};

/* dir: absolute, for sockets and output; media: the layout file, in images. Returns once it serves. 0 or -errno with one
 * clause. Deinit also after a failure. */
int yp_emulator_store_init(struct yp_emulator_store *store, const char *dir, const char *plugin, const char *images,
			   char *detail, size_t detail_bytes) __attribute__((warn_unused_result));
void yp_emulator_store_deinit(struct yp_emulator_store *store);
/* One line and its answer. 0; 1: an error, which *out says; -errno. */
int yp_emulator_store_say(struct yp_emulator_store *store, char *out, size_t out_bytes, const char *line)
    __attribute__((warn_unused_result));
int yp_emulator_store_sayf(struct yp_emulator_store *store, char *out, size_t out_bytes, const char *format, ...)
    __attribute__((format(printf, 4, 5), warn_unused_result));
/* From any thread. Same returns. */
int yp_emulator_store_mark(struct yp_emulator_store *store, enum yp_mark_kind kind, const char *text)
    __attribute__((warn_unused_result));
/* NAME=NUMBER of an answer, 0 without. */
uint64_t yp_emulator_store_number(const char *answer, const char *name);
/* NAME=WORD of an answer; false without. */
bool yp_emulator_store_word(const char *answer, const char *name, char *out, size_t out_bytes);

#endif
