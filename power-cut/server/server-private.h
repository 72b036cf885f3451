/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_SERVER_SERVER_PRIVATE_H
#define POWER_CUT_SERVER_SERVER_PRIVATE_H

#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

#include "server.h"

/* One request on one medium. */
struct bp_request {
	enum bp_op op;
	uint16_t medium;
	bool fua;
	uint64_t sector;
	uint32_t sectors;
	const void *data; /* of a write: NULL is zeros */
	uint64_t submit_ns;
	uint64_t flip; /* bit + 1 that a fault flips */
	/* Requests that wait, whom a cut finds in flight. */
	struct bp_request *next, *previous;
};

/* A log that was loaded, for when it is asked for again: a file that still is what it was then. */
#define BP_LOGS_KEPT_MAX 8u
struct bp_kept_log {
	struct bp_log *log; /* NULL: free */
	char *path;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
	uint64_t used; /* when, by bp_server.uses */
	bool open_ended;
};

struct bp_server {
	struct bp_server_config config;
	const struct bp_layout *layout;
	const bool *sync; /* by medium */
	pthread_mutex_t lock;
	struct bp_pool *pool;
	struct bp_contents contents; /* now */
	struct bp_overlay start;     /* when the run began */
	struct bp_overlay kept;      /* bp_server_keep() */
	struct bp_overlay known;     /* see struct bp_contents */
	struct bp_kept_log logs[BP_LOGS_KEPT_MAX];
	uint64_t uses;
	struct bp_log *log;
	struct bp_stream *stream;
	uint64_t zero_ns;    /* of the log's clock */
	uint64_t generation; /* of clients: one more with each cut */
	bool on, answer_fail;
	bool dirty[BP_MEDIA_MAX]; /* written to since the last flush */
	int broken;               /* -errno: the log cannot go on, so nothing can */
	struct bp_request *waiting;
	struct bp_fault_state faults[BP_FAULTS_MAX];
	unsigned faults_count;
	uint32_t faults_next; /* id */
	struct bp_server_stats stats;
	struct bp_cut_report last;
};

void bp_server_logs_free(struct bp_server *server);
uint64_t bp_server_now(const struct bp_server *server);
/* Gives the log's last entry its times and hands it to the stream. Sticks on error. */
int bp_server_logged(struct bp_server *server, uint64_t submit_ns) __attribute__((warn_unused_result));
int bp_server_log_write(struct bp_server *server, const struct bp_request *request) __attribute__((warn_unused_result));
int bp_server_note(struct bp_server *server, const char *format, ...)
    __attribute__((format(printf, 2, 3), warn_unused_result));
bool bp_server_alive(const struct bp_server *server, const struct bp_client *client);
/* With the lock. `about`: the request that a fault of kind cut struck, or NULL. */
int bp_server_cut_locked(struct bp_server *server, const struct bp_power_cut *how, struct bp_request *about)
    __attribute__((warn_unused_result));
/* Lets the faults strike that are due; may wait, the lock released meanwhile. 0: go on; or what the client gets. */
int bp_server_strike(struct bp_server *server, const struct bp_client *client, struct bp_request *request)
    __attribute__((warn_unused_result));
/* Waits, the lock released; -ESHUTDOWN if the client's power went, or the client itself. */
int bp_server_wait(struct bp_server *server, const struct bp_client *client, struct bp_request *request, unsigned ms)
    __attribute__((warn_unused_result));

#endif
