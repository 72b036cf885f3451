/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_STREAM_STREAM_H
#define CORE_STREAM_STREAM_H

#include "stream/stream-job.h"

/* S06: runs the job; contract and results: see struct ota_stream. */
int ota_stream_run(struct ota_stream *stream) __attribute__((warn_unused_result));

#endif
