/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_SCENARIO_H
#define SCENARIOS_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "power-cut/explore.h"
#include "sim/sim.h"

/* A scenario file: data, no logic. Its shape is documented in scenarios/README.md. */
#define BP_SCENARIO_BYTES_MAX  65536u
#define BP_SCENARIO_NAME_MAX   64u
#define BP_SCENARIO_PATH_MAX   512u
#define BP_SCENARIO_TAGS_MAX   12u
#define BP_SCENARIO_IDS_MAX    40u
#define BP_SCENARIO_FAULTS_MAX 16u
#define BP_SCENARIO_CLOCKS_MAX 12u
#define BP_DETAIL_MAX          1024u
#define BP_SECONDS_MAX         1000000u
#define BP_BOARD_MAX           200u /* path of a board's images */
/* What the simulated device's clock says when a story starts: relative clock values count from it. */
#define SIM_STORY_CLOCK_S INT64_C(1796083200)

enum bp_rig_name { BP_RIG_SIM, BP_RIG_HOST, BP_RIG_QEMU, BP_RIG_BOARD, BP_RIG_IMAGES };

/*
 * Faults whose cases a rig lists beforehand, each with an expectation of its own: images that lie (rig images), a
 * network that fails (rig host), and what is done to a real board (rig board).
 */
enum bp_list { BP_LIST_NONE, BP_LIST_IMAGE, BP_LIST_NETWORK, BP_LIST_BOARD };
enum bp_recut { BP_RECUT_NONE, BP_RECUT_SAMPLED, BP_RECUT_ALL };
/* Of the network's cases with a power cut in their recovery. */
#define BP_RECUT_SAMPLE 8u

/* One entry of the list `faults`. */
struct bp_fault {
	bool power_cut; /* explore; else a fault of the rig, by kind */
	enum sim_fault_kind kind;
	uint64_t nth; /* 0: every one in turn */
	bool for_ever;
	unsigned clock_count;
	int64_t clock_s[BP_SCENARIO_CLOCKS_MAX];
	unsigned explore; /* 0 closure, 1 one-cut */
	enum bp_list list;
	unsigned network; /* index of the rig's group, in the order of bp_network_names */
	char match[48];   /* only cases whose id begins so; "": all */
	unsigned sample;  /* every Nth case, which of them by seed; 0 and 1: all */
	unsigned sweep;   /* seeded places per connection fault */
	bool slow;        /* also cases of tens of seconds */
	unsigned recut;   /* enum bp_recut */
	unsigned board;   /* index of bp_hil_names */
	unsigned rounds;  /* of the board's plan, 0: one */
	unsigned
	    budget; /* cuts of the board: what the plan leaves of it goes to the steps that were hit least; 0: none */
};

struct bp_text_list {
	unsigned count;
	char text[BP_SCENARIO_IDS_MAX][32];
};

struct bp_scenario {
	char path[BP_SCENARIO_PATH_MAX];
	char group[32]; /* the folder */
	char name[BP_SCENARIO_NAME_MAX];
	char title[160];
	struct bp_text_list tags;
	struct bp_text_list catalogue;
	enum bp_rig_name rig;
	enum bp_model slots, env, state, data;
	unsigned slot_b, report_url; /* as in the file; spec has them too */
	unsigned version;            /* 0 old, 1 new, 2 not said; expect has it too */
	struct sim_spec spec;
	struct sim_expect expect;
	unsigned expect_fail; /* 1: beyond the contract, it must fail */
	unsigned fault_count;
	struct bp_fault faults[BP_SCENARIO_FAULTS_MAX];
	struct bp_limits limits;
	unsigned seconds; /* to BP_SECONDS_MAX; of an exploration on a real machine; 0: no limit */
};

/* Reads a scenario. 0, -errno, or 1 = bad: detail holds "path:line:column: what; what to do". */
int bp_scenario_parse(const char *path, const uint8_t *text, size_t bytes, struct bp_scenario *out, char *detail,
		      size_t detail_bytes) __attribute__((warn_unused_result));
/* The same from a file, whose folder gives the group and whose name must be NAME.yaml. */
int bp_scenario_load(const char *path, struct bp_scenario *out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));

extern const char *const bp_network_names[]; /* http, tls ...; ends with NULL */
extern const char *const bp_hil_names[];     /* checks, cuts, free-cuts; ends with NULL */

bool bp_scenario_tagged(const struct bp_scenario *scenario, const char *tag);
const char *bp_rig_text(enum bp_rig_name rig);
const char *bp_model_text(enum bp_model model);
/* "write-eio" ...; the name in a scenario, in results and in ids. */
const char *bp_fault_text(enum sim_fault_kind kind);
int bp_fault_find(const char *text, size_t length, enum sim_fault_kind *out) __attribute__((warn_unused_result));
/* "slots volatile-cache, env torn, state torn, data volatile-cache" */
void bp_scenario_storage(const struct bp_scenario *scenario, char *out, size_t out_bytes);

/* All scenarios of a folder, sorted by name. Names are unique. */
struct bp_catalog {
	struct bp_scenario *items;
	size_t count;
};
#define BP_CATALOG_MAX 2048u
/* Reads dir/GROUP/NAME.yaml. The first bad file ends it. Same returns; deinit in any case. */
int bp_catalog_read(const char *dir, struct bp_catalog *out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
/* One file, or one folder of files. */
int bp_catalog_add(struct bp_catalog *catalog, const char *path, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
void bp_catalog_sort(struct bp_catalog *catalog);
void bp_catalog_deinit(struct bp_catalog *catalog);
const struct bp_scenario *bp_catalog_find(const struct bp_catalog *catalog, const char *name, size_t length);

#endif
