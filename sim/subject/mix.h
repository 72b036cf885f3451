/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_SUBJECT_MIX_H
#define SIM_SUBJECT_MIX_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Hashes of canonical forms: the same in every process, and not cryptographic. */

static inline uint64_t yp_mix(uint64_t h, uint64_t value)
{
	h ^= value + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
	h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
	return h ^ (h >> 31);
}

static inline uint64_t yp_mix_bytes(uint64_t h, const void *data, size_t size_bytes)
{
	const uint8_t *at = data;

	for (size_t i = 0; i < size_bytes; i++)
		h = (h ^ at[i]) * 0x100000001b3u;
	return yp_mix(h, size_bytes);
}

static inline uint64_t yp_mix_text(uint64_t h, const char *text)
{
	return yp_mix_bytes(h, text, strlen(text));
}

#endif
