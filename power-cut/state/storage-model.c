/* SPDX-License-Identifier: Apache-2.0 */
/* The table of storage models. */
#include "power-cut/storage-model.h"

#include <errno.h>
#include <string.h>

/* ROW(model, name, the fields of struct yp_model_row that are not zero) */
#define MODELS(ROW)                                                                                                    \
	ROW(YP_MODEL_VOLATILE_CACHE, "volatile-cache",                                                                 \
	    .sentence = "any subset of the unflushed writes survives, each of them whole", .flush_durable = true,      \
	    .fua_durable = true)                                                                                       \
	ROW(YP_MODEL_ORDERED, "ordered",                                                                               \
	    .sentence = "a prefix of the unflushed writes survives; FUA makes durable what came before it",            \
	    .flush_durable = true, .fua_durable = true, .ordered = true)                                               \
	ROW(YP_MODEL_TORN, "torn",                                                                                     \
	    .sentence = "any subset survives, and one write may be torn at a sector, its rest old, 00 or FF",          \
	    .flush_durable = true, .fua_durable = true, .tears = YP_TEAR_OLD | YP_TEAR_00 | YP_TEAR_FF)                \
	ROW(YP_MODEL_LYING_FLUSH, "lying-flush",                                                                       \
	    .sentence = "any subset of all writes since the log began survives: a flush promises nothing",             \
	    .beyond_contract = true)                                                                                   \
	ROW(YP_MODEL_NOR, "nor",                                                                                       \
	    .sentence = "all complete writes survive; the one in flight stops while erasing or programming",           \
	    .flush_durable = true, .fua_durable = true, .write_through = true, .erase_byte = 0xff)

#define MODEL_ROW(model, text, ...)  [model] = {.name = (text), __VA_ARGS__},
#define MODEL_NAME(model, text, ...) [model] = (text),

const struct yp_model_row yp_model_rows[YP_MODEL_COUNT] = {MODELS(MODEL_ROW)};
const char *const yp_model_names[YP_MODEL_COUNT + 1] = {MODELS(MODEL_NAME)};

int yp_model_find(const char *name, enum yp_model *out)
{
	assert(name && out);
	for (unsigned i = 0; i < YP_MODEL_COUNT; i++) {
		if (strcmp(name, yp_model_names[i]) == 0) {
			*out = (enum yp_model)i;
			return 0;
		}
	}
	return -ENOENT;
}
