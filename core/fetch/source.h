/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_FETCH_SOURCE_H
#define CORE_FETCH_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "ota/ota.h"

/* The seam that serves this source: &ota->fetch or &ota->files. */
const struct ota_fetch *ota_source_fetch(const struct ota *ota, const char *source);

/*
 * S01: reads the head of a bundle, whole, in at most two requests, unverified: ota_head_open() judges it. Bounded by
 * the limits of bundle.h before anything is allocated; retried under the policy. if_none_match: strong validator, NULL
 * or "" = none. *answer: what the server said; *raw: free(). *bytes_fetched is added to. Returns 0, OTA_NOTHING_TO_DO
 * (unchanged since if_none_match), -errno, a reason of the structure or network group.
 */
int ota_source_head(struct ota *ota, const char *source, const char *if_none_match, struct ota_fetch_answer *answer,
		    uint8_t **raw, size_t *raw_bytes, uint64_t *bytes_fetched, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));

#endif
