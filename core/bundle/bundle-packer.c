/* SPDX-License-Identifier: Apache-2.0 */
/* Packs images into a bundle: chunks are compressed by two workers, hashed, and handed on in order. */
#include "bundle/bundle-packer.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <zstd.h>

#include "bundle/head.h"
#include "bundle/index.h"
#include "ota/reason.h"

#define WORKERS          2u
#define BATCH_BYTES      (4u * 1024u * 1024u)
#define BATCH_MAX        64u
#define THREAD_MIN_BYTES ((size_t)1024 * 1024) /* a thread costs more than packing less than this */

_Static_assert(OTA_CHUNK_MAX_BYTES *WORKERS <= BATCH_BYTES, "a batch gives each worker a chunk");

struct job {
	uint8_t *content;
	uint8_t *packed; /* room for content_bytes - 1: larger is stored raw */
	size_t content_bytes;
	size_t stored_bytes;
	uint8_t sha256[OTA_DIGEST_BYTES];
	bool zstd;
};

struct worker {
	ZSTD_CCtx *zstd; /* NULL: store raw */
	EVP_MD_CTX *hash;
	struct job *jobs;
	unsigned job_count;
	unsigned first;
	int result;
};

struct ota_packer {
	struct ota_manifest manifest;
	struct ota_packer_source sources[OTA_IMAGES_MAX];
	struct worker workers[WORKERS];
	struct job jobs[BATCH_MAX];
	unsigned batch;  /* jobs in use */
	uint8_t *buffer; /* of all jobs */
	EVP_MD *sha256;
	EVP_MD_CTX *image_hash;
	uint8_t *index;
	uint32_t chunks;
	uint32_t chunks_done;
};

static int pack_chunk(struct worker *worker, struct job *job)
{
	if (EVP_DigestInit_ex2(worker->hash, NULL, NULL) != 1 ||
	    EVP_DigestUpdate(worker->hash, job->content, job->content_bytes) != 1 ||
	    EVP_DigestFinal_ex(worker->hash, job->sha256, NULL) != 1)
		return -ENOMEM;
	job->zstd = false;
	job->stored_bytes = job->content_bytes;
	if (!worker->zstd)
		return 0;
	size_t size =
	    ZSTD_compress2(worker->zstd, job->packed, job->content_bytes - 1, job->content, job->content_bytes);
	/* Not fitting is the only error that a whole chunk in memory can have: it is stored raw. */
	if (!ZSTD_isError(size)) {
		job->zstd = true;
		job->stored_bytes = size;
	}
	return 0;
}

static void *run_worker(void *arg)
{
	struct worker *worker = arg;
	worker->result = 0;
	for (unsigned i = worker->first; !worker->result && i < worker->job_count; i += WORKERS)
		worker->result = pack_chunk(worker, &worker->jobs[i]);
	return NULL;
}

static int pack_batch(struct ota_packer *packer, unsigned count)
{
	pthread_t threads[WORKERS];
	bool started[WORKERS] = {false};
	int result = 0;
	for (unsigned i = 0; i < WORKERS; i++) {
		packer->workers[i].jobs = packer->jobs;
		packer->workers[i].job_count = count;
		packer->workers[i].first = i;
		if (i > 0 && count > i && (size_t)count * packer->manifest.chunk_bytes >= THREAD_MIN_BYTES)
			started[i] = pthread_create(&threads[i], NULL, run_worker, &packer->workers[i]) == 0;
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		if (!started[i]) /* the first always; the others when there is no thread to be had */
			(void)run_worker(&packer->workers[i]);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		if (started[i])
			(void)pthread_join(threads[i], NULL);
		if (!result)
			result = packer->workers[i].result;
	}
	return result;
}

static int init_worker(struct worker *worker, const EVP_MD *sha256, int level)
{
	worker->hash = EVP_MD_CTX_new();
	if (!worker->hash || EVP_DigestInit_ex2(worker->hash, sha256, NULL) != 1)
		return -ENOMEM;
	if (level == 0)
		return 0;
	worker->zstd = ZSTD_createCCtx();
	if (!worker->zstd)
		return -ENOMEM;
	return ZSTD_isError(ZSTD_CCtx_setParameter(worker->zstd, ZSTD_c_compressionLevel, level)) ? OTA_BAD_CONFIG : 0;
}

static int init_buffers(struct ota_packer *packer)
{
	const uint32_t chunk_bytes = packer->manifest.chunk_bytes;
	unsigned room = BATCH_BYTES / chunk_bytes;
	packer->batch = room < BATCH_MAX ? room : BATCH_MAX;
	packer->buffer = malloc((size_t)packer->batch * 2 * chunk_bytes);
	packer->index = malloc((size_t)packer->chunks * OTA_INDEX_RECORD_BYTES);
	packer->image_hash = EVP_MD_CTX_new();
	if (!packer->buffer || !packer->index || !packer->image_hash)
		return -ENOMEM;
	for (unsigned i = 0; i < packer->batch; i++) {
		packer->jobs[i].content = packer->buffer + (size_t)2 * i * chunk_bytes;
		packer->jobs[i].packed = packer->jobs[i].content + chunk_bytes;
	}
	return 0;
}

/* The manifest with its images, sizes known, digests and payload still zero: refuses at once what ota_packer_seal() would refuse. */
static int init_manifest(struct ota_packer *packer, const struct ota_manifest *manifest, unsigned count, char *detail,
			 size_t detail_bytes)
{
	char text[OTA_MANIFEST_WRITTEN_MAX];
	size_t size;
	struct ota_manifest *m = &packer->manifest;
	*m = *manifest;
	m->payload_bytes = 0;
	memset(m->images, 0, sizeof m->images);
	if (count < 1 || count > OTA_IMAGES_MAX)
		return ota_detail_write(detail, detail_bytes, OTA_BAD_CONFIG, "a bundle holds 1 to %u images, not %u",
					OTA_IMAGES_MAX, count);
	m->image_count = count;
	for (unsigned i = 0; i < count; i++) {
		struct ota_manifest_image *image = &m->images[i];
		int n = snprintf(image->name, sizeof image->name, "%s", packer->sources[i].name);
		if (n < 0 || (size_t)n >= sizeof image->name)
			return ota_detail_write(detail, detail_bytes, OTA_BAD_CONFIG,
						"image name longer than %u characters", OTA_NAME_MAX - 1);
		image->size_bytes = packer->sources[i].size_bytes;
	}
	int result = ota_manifest_encode(m, text, sizeof text, &size, detail, detail_bytes);
	if (!result)
		result = ota_manifest_parse((struct ota_span){(const uint8_t *)text, size}, m, detail, detail_bytes);
	for (unsigned i = 0; !result && i < count; i++)
		packer->chunks += m->images[i].chunks;
	return result;
}

int ota_packer_new(const struct ota_manifest *manifest, const struct ota_packer_source *sources, unsigned count,
		   int zstd_level, struct ota_packer **out, char *detail, size_t detail_bytes)
{
	*out = NULL;
	if (zstd_level < 0 || zstd_level > ZSTD_maxCLevel())
		return ota_detail_write(detail, detail_bytes, OTA_BAD_CONFIG, "zstd level %d is not in 0 to %d",
					zstd_level, ZSTD_maxCLevel());
	struct ota_packer *packer = calloc(1, sizeof *packer);
	if (!packer)
		return -ENOMEM;
	for (unsigned i = 0; i < count && i < OTA_IMAGES_MAX; i++)
		packer->sources[i] = sources[i];
	int result = init_manifest(packer, manifest, count, detail, detail_bytes);
	if (!result)
		result = init_buffers(packer);
	if (!result) {
		packer->sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
		result = packer->sha256 ? 0 : -ENOMEM;
	}
	for (unsigned i = 0; !result && i < WORKERS; i++)
		result = init_worker(&packer->workers[i], packer->sha256, zstd_level);
	if (result) {
		ota_packer_free(packer);
		packer = NULL;
	}
	*out = packer;
	return result;
}

void ota_packer_free(struct ota_packer *packer)
{
	if (!packer)
		return;
	for (unsigned i = 0; i < WORKERS; i++) {
		(void)ZSTD_freeCCtx(packer->workers[i].zstd);
		EVP_MD_CTX_free(packer->workers[i].hash);
	}
	EVP_MD_CTX_free(packer->image_hash);
	EVP_MD_free(packer->sha256);
	free(packer->buffer);
	free(packer->index);
	free(packer);
}

/* Reads up to a batch of the image; *count: chunks read. */
static int read_batch(struct ota_packer *packer, const struct ota_packer_source *source, uint64_t *left,
		      unsigned *count)
{
	*count = 0;
	while (*left > 0 && *count < packer->batch) {
		struct job *job = &packer->jobs[*count];
		job->content_bytes =
		    *left < packer->manifest.chunk_bytes ? (size_t)*left : packer->manifest.chunk_bytes;
		int result = source->read(source->ctx, job->content, job->content_bytes);
		if (result)
			return result;
		if (EVP_DigestUpdate(packer->image_hash, job->content, job->content_bytes) != 1)
			return -ENOMEM;
		*left -= job->content_bytes;
		*count += 1;
	}
	return 0;
}

static int write_batch(struct ota_packer *packer, const struct ota_packer_sink *sink, unsigned count)
{
	assert(packer->chunks_done + count <= packer->chunks);
	for (unsigned i = 0; i < count; i++) {
		const struct job *job = &packer->jobs[i];
		int result = sink->write(sink->ctx, job->zstd ? job->packed : job->content, job->stored_bytes);
		if (result)
			return result;
		ota_record_write(packer->index + (size_t)packer->chunks_done * OTA_INDEX_RECORD_BYTES,
				 (uint32_t)job->stored_bytes, job->zstd ? OTA_RECORD_ZSTD : 0, job->sha256);
		packer->chunks_done++;
		packer->manifest.payload_bytes += job->stored_bytes;
	}
	return 0;
}

static int run_image(struct ota_packer *packer, unsigned image, const struct ota_packer_sink *sink, char *detail,
		     size_t detail_bytes)
{
	const struct ota_packer_source *source = &packer->sources[image];
	uint64_t left = source->size_bytes;
	unsigned count;
	if (EVP_DigestInit_ex2(packer->image_hash, packer->sha256, NULL) != 1)
		return -ENOMEM;
	while (left > 0) {
		int result = read_batch(packer, source, &left, &count);
		if (result)
			return ota_detail_write(detail, detail_bytes, result, "reading image %s: %s", source->name,
						strerror(-result));
		result = pack_batch(packer, count);
		if (result)
			return result;
		result = write_batch(packer, sink, count);
		if (result)
			return ota_detail_write(detail, detail_bytes, result, "writing the payload: %s",
						strerror(-result));
	}
	return EVP_DigestFinal_ex(packer->image_hash, packer->manifest.images[image].sha256, NULL) == 1 ? 0 : -ENOMEM;
}

int ota_packer_run(struct ota_packer *packer, const struct ota_packer_sink *sink, char *detail, size_t detail_bytes)
{
	int result = 0;
	packer->manifest.payload_bytes = 0;
	packer->chunks_done = 0;
	for (unsigned i = 0; !result && i < packer->manifest.image_count; i++)
		result = run_image(packer, i, sink, detail, detail_bytes);
	return result;
}

int ota_head_seal(struct ota_span manifest, struct ota_span index, const char *certificate_pem, const char *key_pem,
		  uint8_t **head, size_t *head_bytes, char *detail, size_t detail_bytes)
{
	int result = -ENOMEM;
	uint8_t *signature = NULL;
	size_t signature_bytes = 0;
	*head = NULL;
	struct ota_bundle_header header = {(uint32_t)manifest.size_bytes, (uint32_t)index.size_bytes, 0};
	const size_t signed_bytes = OTA_HEADER_SIGNED_BYTES + manifest.size_bytes + index.size_bytes;
	uint8_t *data = malloc(OTA_BUNDLE_HEADER_BYTES + signed_bytes);
	if (!data)
		return -ENOMEM;
	ota_bundle_header_write(&header, data);
	memcpy(data + OTA_HEADER_SIGNED_BYTES, manifest.data, manifest.size_bytes);
	memcpy(data + OTA_HEADER_SIGNED_BYTES + manifest.size_bytes, index.data, index.size_bytes);
	result = ota_keyring_sign(certificate_pem, key_pem, data, signed_bytes, &signature, &signature_bytes, detail,
				  detail_bytes);
	if (result)
		goto out;
	result = -ENOMEM;
	header.signature_bytes = (uint32_t)signature_bytes;
	const size_t unsigned_bytes = OTA_BUNDLE_HEADER_BYTES - OTA_HEADER_SIGNED_BYTES;
	uint8_t *raw = malloc(signed_bytes + unsigned_bytes + signature_bytes);
	if (!raw)
		goto out;
	ota_bundle_header_write(&header, raw);
	memcpy(raw + OTA_BUNDLE_HEADER_BYTES, data + OTA_HEADER_SIGNED_BYTES, signed_bytes - OTA_HEADER_SIGNED_BYTES);
	memcpy(raw + signed_bytes + unsigned_bytes, signature, signature_bytes);
	*head = raw;
	*head_bytes = signed_bytes + unsigned_bytes + signature_bytes;
	result = 0;
out:
	free(signature);
	free(data);
	return result;
}

int ota_packer_seal(struct ota_packer *packer, const char *certificate_pem, const char *key_pem, uint8_t **head,
		    size_t *head_bytes, char *detail, size_t detail_bytes)
{
	assert(packer->chunks_done == packer->chunks);
	char text[OTA_MANIFEST_WRITTEN_MAX];
	size_t size;
	const struct ota_span index = {packer->index, (size_t)packer->chunks_done * OTA_INDEX_RECORD_BYTES};
	int result = ota_manifest_encode(&packer->manifest, text, sizeof text, &size, detail, detail_bytes);
	if (!result)
		result = ota_index_check(&packer->manifest, index, detail, detail_bytes);
	if (!result)
		result = ota_head_seal((struct ota_span){(const uint8_t *)text, size}, index, certificate_pem, key_pem,
				       head, head_bytes, detail, detail_bytes);
	return result;
}
