/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_STREAM_PIPELINE_H
#define CORE_STREAM_PIPELINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "stream/batch.h"

/*
 * Filled batches on their way to the target, in order: filled by the caller, decoded, written.
 *
 * threaded: one or two threads decode, one writes and checkpoints, so that the slowest of network, processor and medium
 * alone sets the pace. A ring of at most OTA_PIPE_BATCHES_MAX batches bounds the memory. inline: all of it in
 * ota_pipe_give(), one chunk a batch. In both, what is written, in what pieces a checkpoint falls due, and which
 * failure is reported first are the same.
 *
 * The first failure in order of chunks stops everything behind it: later batches are dropped, the caller
 * learns of it from ota_pipe_take() (NULL) and gets it from ota_pipe_drain().
 */
#define OTA_PIPE_BYTES_MAX    (UINT64_C(4) * 1024 * 1024)
#define OTA_PIPE_BATCHES_MAX  4u
#define OTA_PIPE_DECODERS_MAX 2u

struct ota_pipe {
	const struct ota_plan *plan;
	struct ota_writer writer; /* the writer's; the caller's after ota_pipe_drain() */
	unsigned batch_count;
	unsigned batch_chunks; /* most chunks in one */
	struct ota_batch batches[OTA_PIPE_BATCHES_MAX];
	struct ota_decoder *decoders[OTA_PIPE_DECODERS_MAX];
	/* The ring: batch n lies at n % batch_count; written <= claimed <= filled <= written + batch_count. */
	pthread_mutex_t lock;
	pthread_cond_t moved;
	uint64_t filled, claimed, written;
	bool decoded[OTA_PIPE_BATCHES_MAX];
	int failure;
	bool quit;
	bool threaded;
	pthread_t threads[OTA_PIPE_DECODERS_MAX + 1];
	unsigned thread_count;
	unsigned decoders_taken;
};

/* The pipe must not move. 0, -ENOMEM, -errno. Where threads cannot be had, it works inline. */
int ota_pipe_open(struct ota_pipe *pipe, struct ota_stream *stream, const struct ota_plan *plan)
    __attribute__((warn_unused_result));
/* Waits for whatever is being written; drops what is not begun. */
void ota_pipe_close(struct ota_pipe *pipe);

/* A batch to fill; one at a time. NULL: something failed, see ota_pipe_drain(). */
struct ota_batch *ota_pipe_take(struct ota_pipe *pipe) __attribute__((warn_unused_result));
/* Hands over the batch that was taken. */
void ota_pipe_give(struct ota_pipe *pipe);
/* Waits until everything given is written or dropped; the failure, which is forgotten then, or 0. */
int ota_pipe_drain(struct ota_pipe *pipe) __attribute__((warn_unused_result));

#endif
