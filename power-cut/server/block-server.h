/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_SERVER_BLOCK_SERVER_H
#define POWER_CUT_SERVER_BLOCK_SERVER_H

#include "server/served-media.h"
#include "server/server-command.h"

/*
 * The block server without its transport: media that are logged, cut and made to fail. Thread-safe: one lock, which
 * is also the order of the log. Requests return 0 or -errno.
 *
 * A run is what happens between power on and power off; it has one log. A cut applies the storage models to what the
 * run did not flush, so that the media are one crash state of the run's log. It returns that state as a case.
 */
struct yp_server;
struct yp_server_config {
	const struct yp_media *media; /* borrowed */
	/* Waits up to ms, or until the caller's client is gone or the server is to end (then below zero). */
	int (*wait)(void *ctx, unsigned ms);
	void *wait_ctx;
	void (*on_event)(void *ctx); /* after a cut or a fault; the lock is held. May be NULL */
	void *event_ctx;
};
int yp_server_new(const struct yp_server_config *config, struct yp_server **out) __attribute__((warn_unused_result));
/* Ends the log. NULL is fine. 0 or -errno, if the log is not whole. */
int yp_server_free(struct yp_server *server);

/* Before power on: a log that was applied, or cut; see yp_contents_apply(). *detail: one clause. 0, 1 or -errno. */
int yp_server_load(struct yp_server *server, const char *path, const struct yp_cut *cut, char *detail,
		   size_t detail_bytes) __attribute__((warn_unused_result));
/* Restore will go back to the present contents of the media. */
int yp_server_keep(struct yp_server *server) __attribute__((warn_unused_result));
int yp_server_restore(struct yp_server *server) __attribute__((warn_unused_result));
/* Starts a run; log_path may be NULL. -EALREADY if the power is on. */
int yp_server_power(struct yp_server *server, const char *log_path) __attribute__((warn_unused_result));

/* A client of one export. It does not outlive a power cut: from then on its requests fail. -ESHUTDOWN: no power. */
struct yp_client {
	const struct yp_export *export;
	uint64_t generation;
};
int yp_server_connect(struct yp_server *server, const struct yp_export *export, struct yp_client *out)
    __attribute__((warn_unused_result));
int yp_server_read(struct yp_server *server, const struct yp_client *client, uint64_t offset, uint32_t bytes, void *out)
    __attribute__((warn_unused_result));
/* data NULL: zeros. */
int yp_server_write(struct yp_server *server, const struct yp_client *client, uint64_t offset, uint32_t bytes,
		    const void *data, bool fua) __attribute__((warn_unused_result));
int yp_server_discard(struct yp_server *server, const struct yp_client *client, uint64_t offset, uint32_t bytes)
    __attribute__((warn_unused_result));
int yp_server_flush(struct yp_server *server, const struct yp_client *client) __attribute__((warn_unused_result));

int yp_server_mark(struct yp_server *server, enum yp_mark_kind kind, const char *text)
    __attribute__((warn_unused_result));

/* What a cut did. */
struct yp_cut_report {
	uint64_t number; /* from 1 */
	uint32_t seed;
	unsigned kept, lost, torn; /* elements that were not durable */
	size_t entries;            /* of the run's log */
	char id[YP_CASE_TEXT_MAX]; /* of the crash state, against that log */
};
/* -EALREADY: the power is off. */
int yp_server_cut(struct yp_server *server, const struct yp_power_cut *how, struct yp_cut_report *out)
    __attribute__((warn_unused_result));
/* The last one; number 0: none yet. */
void yp_server_last_cut(struct yp_server *server, struct yp_cut_report *out);

#define YP_FAULTS_MAX 64u
struct yp_fault_state {
	uint32_t id;
	uint64_t seen, hits;
	struct yp_fault_spec spec;
};
/* -ENOSPC: too many; -ENOENT: no such medium. */
int yp_server_fault(struct yp_server *server, const struct yp_fault_spec *spec, uint32_t *id)
    __attribute__((warn_unused_result));
int yp_server_unfault(struct yp_server *server, uint32_t id) __attribute__((warn_unused_result)); /* or -ENOENT */
unsigned yp_server_faults(struct yp_server *server, struct yp_fault_state out[YP_FAULTS_MAX]);

struct yp_server_stats {
	bool on;
	uint64_t reads, writes, flushes, discards, marks; /* of the run */
	uint64_t read_bytes, written_bytes;
	uint64_t entries; /* of the run's log */
	uint64_t cuts, faults_hit;
};
void yp_server_stats(struct yp_server *server, struct yp_server_stats *out);
int yp_server_save_image(struct yp_server *server, const char *medium, const char *path)
    __attribute__((warn_unused_result));
/* Of all that is on a medium. -ENOENT. */
int yp_server_digest(struct yp_server *server, const char *medium, struct yp_hash *out)
    __attribute__((warn_unused_result));
int yp_server_save_dm(struct yp_server *server, const char *path) __attribute__((warn_unused_result));
/* The run's log; no other thread may use the server meanwhile. For tests. */
const struct yp_log *yp_server_log(const struct yp_server *server);

#endif
