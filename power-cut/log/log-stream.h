/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_LOG_LOG_STREAM_H
#define POWER_CUT_LOG_LOG_STREAM_H

#include "power-cut/log.h"

/* How the bytes of a stream begin. */
extern const char yp_stream_magic[8];
/* Reads a stream whose magic was found: yp_log_parse() asks for it. Same returns. */
int yp_stream_parse(const uint8_t *bytes, size_t size, struct yp_pool *pool, struct yp_log **out, char *detail,
		    size_t detail_bytes) __attribute__((warn_unused_result));

#endif
