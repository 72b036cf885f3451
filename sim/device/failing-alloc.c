/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation failures: the nth allocation of core's code fails. */
#include "device/failing-alloc.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

/* The one global of the harness: the allocator has no context argument. */
static _Thread_local struct {
	bool open;
	bool planned;
	bool for_ever;
	bool landed;
	uint64_t nth;
	uint64_t count;
} gate;

void *__real_malloc(size_t size) __attribute__((weak));
void *__real_calloc(size_t count, size_t size) __attribute__((weak));
void *__real_realloc(void *old, size_t size) __attribute__((weak));
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t max);

static bool must_fail(void)
{
	if (!gate.open || !gate.planned)
		return false;
	gate.count++;
	if (gate.nth == 0 || gate.count < gate.nth || (gate.count > gate.nth && !gate.for_ever))
		return false;
	gate.landed = true;
	return true;
}

void yp_sim_alloc_plan(uint64_t nth, bool for_ever)
{
	gate.planned = true;
	gate.for_ever = for_ever;
	gate.landed = false;
	gate.nth = nth;
	gate.count = 0;
}

void yp_sim_alloc_stop(void)
{
	gate.planned = false;
}

bool yp_sim_alloc_gate(bool open)
{
	bool was = gate.open;

	gate.open = open;
	return was;
}

uint64_t yp_sim_alloc_count(void)
{
	return gate.count;
}

bool yp_sim_alloc_landed(void)
{
	return gate.landed;
}

void *__wrap_malloc(size_t size)
{
	return must_fail() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return must_fail() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return must_fail() ? NULL : __real_realloc(old, size);
}

char *__wrap_strndup(const char *text, size_t max)
{
	size_t size = strnlen(text, max);
	char *copy = __wrap_malloc(size + 1);

	if (copy != NULL) {
		memcpy(copy, text, size);
		copy[size] = '\0';
	}
	return copy;
}

char *__wrap_strdup(const char *text)
{
	return __wrap_strndup(text, strlen(text));
}

/* A program linked without --wrap has no __real_*: then malloc is the plain one. */
static void *openssl_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	if (size == 0 || must_fail())
		return NULL;
	return __real_malloc != NULL ? __real_malloc(size) : malloc(size);
}

static void *openssl_realloc(void *old, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	if (size == 0) {
		free(old);
		return NULL;
	}
	if (must_fail())
		return NULL;
	return __real_realloc != NULL ? __real_realloc(old, size) : realloc(old, size);
}

static void openssl_free(void *old, const char *file, int line)
{
	(void)file;
	(void)line;
	free(old);
}

/* Before main, because OpenSSL takes another allocator only until its first allocation. If it is too late, its
 * allocations are not counted: a smaller range, never a false landing. */
__attribute__((constructor)) static void replace_openssl_allocator(void)
{
	(void)CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free);
}
