/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_LOG_SECTOR_POOL_H
#define POWER_CUT_LOG_SECTOR_POOL_H

#include "power-cut/hash.h"
#include "power-cut/log.h"

/* Ids that every pool has from the start. */
#define YP_CONTENT_00 0u
#define YP_CONTENT_FF 1u

/* What a discard leaves in a sector of a medium of this model. */
static inline uint32_t yp_content_erased(enum yp_model model)
{
	return yp_model_row(model)->erase_byte ? YP_CONTENT_FF : YP_CONTENT_00;
}

/* Both halves of the hash of a content; yp_pool_hash() is the lower one. The id is one of this pool's. */
struct yp_hash yp_pool_hash128(const struct yp_pool *pool, uint32_t id);

#endif
