/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of batches between fetch, decode and write, with its threads. */
#include "stream/pipeline.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define STACK_BYTES ((size_t)512 * 1024)

/* Writes the oldest batch; called without the lock. */
static void write_next(struct ota_pipe *pipe, struct ota_batch *batch)
{
	int result;

	pthread_mutex_lock(&pipe->lock);
	result = pipe->failure;
	pthread_mutex_unlock(&pipe->lock);
	if (result == 0)
		result = ota_batch_write(batch, &pipe->writer);
	pthread_mutex_lock(&pipe->lock);
	if (pipe->failure == 0)
		pipe->failure = result;
	pipe->written++;
	pthread_cond_broadcast(&pipe->moved);
	pthread_mutex_unlock(&pipe->lock);
}

static void *writer_main(void *ctx)
{
	struct ota_pipe *pipe = ctx;

	for (;;) {
		struct ota_batch *batch = NULL;

		pthread_mutex_lock(&pipe->lock);
		while (!pipe->quit && !pipe->decoded[pipe->written % pipe->batch_count])
			pthread_cond_wait(&pipe->moved, &pipe->lock);
		if (!pipe->quit) {
			pipe->decoded[pipe->written % pipe->batch_count] = false;
			batch = &pipe->batches[pipe->written % pipe->batch_count];
		}
		pthread_mutex_unlock(&pipe->lock);
		if (!batch)
			return NULL;
		write_next(pipe, batch);
	}
}

static void *decoder_main(void *ctx)
{
	struct ota_pipe *pipe = ctx;
	struct ota_decoder *decoder;

	pthread_mutex_lock(&pipe->lock);
	decoder = pipe->decoders[pipe->decoders_taken++];
	while (!pipe->quit) {
		unsigned place;
		bool needed;

		if (pipe->claimed == pipe->filled) {
			pthread_cond_wait(&pipe->moved, &pipe->lock);
			continue;
		}
		place = (unsigned)(pipe->claimed++ % pipe->batch_count);
		needed = pipe->failure == 0; /* else it is dropped anyway */
		pthread_mutex_unlock(&pipe->lock);
		if (needed)
			ota_batch_decode(&pipe->batches[place], pipe->plan, decoder);
		pthread_mutex_lock(&pipe->lock);
		pipe->decoded[place] = true;
		pthread_cond_broadcast(&pipe->moved);
	}
	pthread_mutex_unlock(&pipe->lock);
	return NULL;
}

static int start_thread(struct ota_pipe *pipe, const pthread_attr_t *attr, void *(*body)(void *ctx))
{
	int result = pthread_create(&pipe->threads[pipe->thread_count], attr, body, pipe);

	if (result == 0)
		pipe->thread_count++;
	return -result;
}

static void stop_threads(struct ota_pipe *pipe)
{
	pthread_mutex_lock(&pipe->lock);
	pipe->quit = true;
	pthread_cond_broadcast(&pipe->moved);
	pthread_mutex_unlock(&pipe->lock);
	while (pipe->thread_count > 0)
		pthread_join(pipe->threads[--pipe->thread_count], NULL);
}

/* Signals are the caller's: its wait on the network is what they must end. */
static int start_threads(struct ota_pipe *pipe, unsigned decoders)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int result = -pthread_attr_init(&attr);

	if (result != 0)
		return result;
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES); /* else the system's default, which is larger */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	result = start_thread(pipe, &attr, writer_main);
	for (unsigned i = 0; result == 0 && i < decoders; i++)
		result = start_thread(pipe, &attr, decoder_main);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (result != 0)
		stop_threads(pipe);
	return result;
}

static unsigned decoder_count(bool threaded)
{
	if (!threaded)
		return 1;
	/* Fetching and writing keep less than one processor busy; hashing without instructions for it needs two. */
	return sysconf(_SC_NPROCESSORS_ONLN) > 2 ? OTA_PIPE_DECODERS_MAX : 1;
}

static int alloc_batches(struct ota_pipe *pipe, bool threaded, unsigned decoders)
{
	unsigned batches = 1;
	int result = 0;

	pipe->batch_chunks = ota_batch_chunks(pipe->plan, !threaded);
	if (threaded) {
		uint64_t each = (uint64_t)pipe->batch_chunks *
				(pipe->plan->content_max_bytes + (uint64_t)pipe->plan->stored_max_bytes);
		batches = each > 0 ? (unsigned)(OTA_PIPE_BYTES_MAX / each) : 1;
		batches = batches < 2 ? 2 : batches > OTA_PIPE_BATCHES_MAX ? OTA_PIPE_BATCHES_MAX : batches;
	}
	for (unsigned i = 0; result == 0 && i < decoders; i++)
		result = ota_decoder_new(&pipe->decoders[i]);
	for (pipe->batch_count = 0; result == 0 && pipe->batch_count < batches; pipe->batch_count++)
		result = ota_batch_init(&pipe->batches[pipe->batch_count], pipe->plan, pipe->batch_chunks);
	return result;
}

static void release_batches(struct ota_pipe *pipe)
{
	for (unsigned i = 0; i < pipe->batch_count; i++)
		ota_batch_deinit(&pipe->batches[i]);
	for (unsigned i = 0; i < OTA_PIPE_DECODERS_MAX; i++)
		ota_decoder_free(pipe->decoders[i]);
	pthread_cond_destroy(&pipe->moved);
	pthread_mutex_destroy(&pipe->lock);
}

int ota_pipe_open(struct ota_pipe *pipe, struct ota_stream *stream, const struct ota_plan *plan)
{
	bool threaded = stream->ota->policy.pipeline;
	unsigned decoders = decoder_count(threaded);
	int result;

	assert(stream->checkpoint_bytes > 0);
	memset(pipe, 0, sizeof(*pipe));
	pipe->plan = plan;
	pipe->writer.stream = stream;
	pipe->writer.plan = plan;
	pipe->writer.next = stream->first_chunk;
	pipe->writer.checkpoint = stream->first_chunk;
	pthread_mutex_init(&pipe->lock, NULL); /* with default attributes neither can fail on Linux */
	pthread_cond_init(&pipe->moved, NULL);
	result = alloc_batches(pipe, threaded, decoders);
	if (result != 0) {
		release_batches(pipe);
		return result;
	}
	pipe->threaded = threaded && start_threads(pipe, decoders) == 0;
	return 0;
}

void ota_pipe_close(struct ota_pipe *pipe)
{
	if (pipe->threaded)
		stop_threads(pipe);
	release_batches(pipe);
}

struct ota_batch *ota_pipe_take(struct ota_pipe *pipe)
{
	struct ota_batch *batch = NULL;

	pthread_mutex_lock(&pipe->lock);
	while (pipe->failure == 0 && pipe->filled - pipe->written == pipe->batch_count)
		pthread_cond_wait(&pipe->moved, &pipe->lock);
	if (pipe->failure == 0)
		batch = &pipe->batches[pipe->filled % pipe->batch_count];
	pthread_mutex_unlock(&pipe->lock);
	return batch;
}

void ota_pipe_give(struct ota_pipe *pipe)
{
	struct ota_batch *batch = &pipe->batches[pipe->filled % pipe->batch_count];

	pthread_mutex_lock(&pipe->lock);
	pipe->filled++;
	pthread_cond_broadcast(&pipe->moved);
	pthread_mutex_unlock(&pipe->lock);
	if (!pipe->threaded) {
		ota_batch_decode(batch, pipe->plan, pipe->decoders[0]);
		write_next(pipe, batch);
	}
}

int ota_pipe_drain(struct ota_pipe *pipe)
{
	int failure;

	pthread_mutex_lock(&pipe->lock);
	while (pipe->written < pipe->filled)
		pthread_cond_wait(&pipe->moved, &pipe->lock);
	failure = pipe->failure;
	pipe->failure = 0;
	pthread_mutex_unlock(&pipe->lock);
	return failure;
}
