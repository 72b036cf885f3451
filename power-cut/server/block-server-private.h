/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_SERVER_BLOCK_SERVER_PRIVATE_H
#define POWER_CUT_SERVER_BLOCK_SERVER_PRIVATE_H

#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

#include "server/block-server.h"

/* One request on one medium. */
struct yp_request {
	enum yp_op op;
	uint16_t medium;
	bool fua;
	uint64_t sector;
	uint32_t sectors;
	const void *data; /* of a write: NULL is zeros */
	uint64_t submit_ns;
	uint64_t flip; /* bit + 1 that a fault flips */
	/* Requests that wait; a cut treats them as in flight. */
	struct yp_request *next, *previous;
};

/* A log that was loaded, kept for the next request; used only if its file has not changed. */
#define YP_LOGS_KEPT_MAX 8u
struct yp_kept_log {
	struct yp_log *log; /* NULL: free */
	char *path;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
	uint64_t used; /* when, by yp_server.uses */
	bool open_ended;
};

struct yp_server {
	struct yp_server_config config;
	const struct yp_layout *layout;
	const bool *sync; /* by medium */
	pthread_mutex_t lock;
	struct yp_pool *pool;
	struct yp_contents contents; /* now */
	struct yp_overlay start;     /* when the run began */
	struct yp_overlay kept;      /* yp_server_keep() */
	struct yp_overlay known;     /* see struct yp_contents */
	struct yp_kept_log logs[YP_LOGS_KEPT_MAX];
	uint64_t uses;
	struct yp_log *log;
	struct yp_stream *stream;
	uint64_t zero_ns;    /* of the log's clock */
	uint64_t generation; /* of clients: one more with each cut */
	bool on, answer_fail;
	bool dirty[YP_MEDIA_MAX]; /* written to since the last flush */
	int broken;               /* -errno: the log cannot go on, so nothing can */
	struct yp_request *waiting;
	struct yp_fault_state faults[YP_FAULTS_MAX];
	unsigned faults_count;
	uint32_t faults_next; /* id */
	struct yp_server_stats stats;
	struct yp_cut_report last;
};

void yp_server_logs_free(struct yp_server *server);
uint64_t yp_server_now(const struct yp_server *server);
/* Sets the times of the log's last entry and appends it to the stream. An error is kept. */
int yp_server_logged(struct yp_server *server, uint64_t submit_ns) __attribute__((warn_unused_result));
int yp_server_log_write(struct yp_server *server, const struct yp_request *request) __attribute__((warn_unused_result));
int yp_server_note(struct yp_server *server, const char *format, ...)
    __attribute__((format(printf, 2, 3), warn_unused_result));
bool yp_server_alive(const struct yp_server *server, const struct yp_client *client);
/* With the lock. `about`: the request that a fault of kind cut struck, or NULL. */
int yp_server_cut_locked(struct yp_server *server, const struct yp_power_cut *how, struct yp_request *about)
    __attribute__((warn_unused_result));
/* Applies the faults that are due. May wait, with the lock released. 0: go on; or the client's error. */
int yp_server_strike(struct yp_server *server, const struct yp_client *client, struct yp_request *request)
    __attribute__((warn_unused_result));
/* Waits, the lock released; -ESHUTDOWN if the client's power went, or the client itself. */
int yp_server_wait(struct yp_server *server, const struct yp_client *client, struct yp_request *request, unsigned ms)
    __attribute__((warn_unused_result));

#endif
