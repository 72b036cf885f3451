/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_FILE_SCENARIO_H
#define SCENARIOS_FILE_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "power-cut/explore.h"
#include "sim/device.h"
#include "sim/subject.h"

/* A scenario file: data, no logic. Its shape is documented in scenarios/README.md. */
#define YP_SCENARIO_BYTES_MAX  65536u
#define YP_SCENARIO_NAME_MAX   64u
#define YP_SCENARIO_PATH_MAX   512u
#define YP_SCENARIO_TAGS_MAX   12u
#define YP_SCENARIO_IDS_MAX    40u
#define YP_SCENARIO_FAULTS_MAX 16u
#define YP_SCENARIO_CLOCKS_MAX 12u
#define YP_DETAIL_MAX          1024u
#define YP_SECONDS_MAX         1000000u
#define YP_IMAGES_PATH_MAX     200u /* path of a board's images */
/* The simulated device's clock when a story starts: relative clock values count from it. */
#define YP_SIM_STORY_CLOCK_S INT64_C(1796083200)

struct yp_schema_field;
/* The data of a rig that the loader needs. The rows are those of rigs/rigs.c. */
struct yp_rig_terms {
	const char *name;  /* in files, results and --help */
	const char *fault; /* the one kind of fault whose cases it lists; NULL: it takes those of a story */
	const struct yp_schema_field *options; /* of that fault, in a struct yp_fault; NULL without one */
	const char *subject;                   /* the one that it runs; NULL: any */
	bool takes_seconds;                    /* 'limits: {seconds: N}' is for it */
};
/* The rigs there are, by index from 0; NULL behind the last. */
typedef const struct yp_rig_terms *yp_rig_table(size_t index);

enum yp_recut { YP_RECUT_NONE, YP_RECUT_SAMPLED, YP_RECUT_ALL };
/* Of the network's cases with a power cut in their recovery. */
#define YP_RECUT_SAMPLE 8u

/* One entry of the list `faults`. */
struct yp_fault {
	bool power_cut; /* explore; else a fault of the rig, by kind */
	enum yp_sim_fault_kind kind;
	uint64_t nth; /* 0: every one in turn */
	bool for_ever;
	unsigned clock_count;
	int64_t clock_s[YP_SCENARIO_CLOCKS_MAX];
	unsigned explore; /* 0 closure, 1 one-cut */
	const struct yp_rig_terms
	    *lister;      /* the rig that lists its cases, each with an expectation; NULL: of a story */
	unsigned network; /* index of yp_network_names */
	char match[48];   /* only cases whose id begins so; "": all */
	unsigned sample;  /* every Nth case, which of them by seed; 0 and 1: all */
	unsigned sweep;   /* seeded places per connection fault */
	bool slow;        /* also cases of tens of seconds */
	unsigned recut;   /* enum yp_recut */
	unsigned board;   /* enum yp_board_plan_kind */
	unsigned rounds;  /* of the board's plan, 0: one */
	unsigned
	    budget; /* cuts of the board: what the plan leaves of it goes to the steps that were hit least; 0: none */
};

struct yp_text_list {
	unsigned count;
	char text[YP_SCENARIO_IDS_MAX][32];
};

struct yp_scenario {
	char path[YP_SCENARIO_PATH_MAX];
	char group[32]; /* the folder */
	char name[YP_SCENARIO_NAME_MAX];
	char title[160];
	struct yp_text_list tags;
	struct yp_text_list catalogue;
	const struct yp_rig_terms *rig;
	const struct yp_subject *subject; /* the updater under test; never NULL once a file was read */
	enum yp_model slots, env, state, data;
	unsigned slot_b, report_url; /* as in the file; spec has them too */
	unsigned version;            /* 0 old, 1 new, 2 not said; expect has it too */
	struct yp_sim_spec spec;
	struct yp_sim_expect expect;
	unsigned expect_fail; /* 1: beyond the contract, it must fail */
	unsigned fault_count;
	struct yp_fault faults[YP_SCENARIO_FAULTS_MAX];
	struct yp_limits limits;
	unsigned seconds; /* to YP_SECONDS_MAX; of an exploration on a real machine; 0: no limit */
};

/* Reads a scenario. 0, -errno, or 1 = bad: detail holds "path:line:column: what; what to do". */
int yp_scenario_parse(yp_rig_table *rigs, const char *path, const uint8_t *text, size_t bytes, struct yp_scenario *out,
		      char *detail, size_t detail_bytes) __attribute__((warn_unused_result));
/* The same from a file, whose folder gives the group and whose name must be NAME.yaml. */
int yp_scenario_load(yp_rig_table *rigs, const char *path, struct yp_scenario *out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));

/* Checks the beginning of case ids: the error, or NULL if it is fine. For a rig's options. */
const char *yp_scenario_check_match(const char *text);
/* That option of a rig's fault, by the name it has there: a row of struct yp_schema_field. */
#define YP_OPTION_MATCH(name)                                                                                          \
	{                                                                                                              \
		.key = (name), .type = YP_SCHEMA_TEXT, .offset = offsetof(struct yp_fault, match),                     \
		.bytes = sizeof((struct yp_fault *)0)->match, .check = yp_scenario_check_match                         \
	}

bool yp_scenario_tagged(const struct yp_scenario *scenario, const char *tag);
/* "write-eio" ...; the name in a scenario, in results and in ids. */
const char *yp_fault_text(enum yp_sim_fault_kind kind);
int yp_fault_find(const char *text, size_t length, enum yp_sim_fault_kind *out) __attribute__((warn_unused_result));
/* "slots volatile-cache, env torn, state torn, data volatile-cache" */
void yp_scenario_storage(const struct yp_scenario *scenario, char *out, size_t out_bytes);

/* All scenarios of a folder, sorted by name. Names are unique. */
struct yp_catalog {
	struct yp_scenario *items;
	size_t count;
};
#define YP_CATALOG_MAX 2048u
/* Reads dir/GROUP/NAME.yaml. The first bad file ends it. Same returns; deinit in any case. */
int yp_catalog_read(yp_rig_table *rigs, const char *dir, struct yp_catalog *out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
/* One file, or one folder of files. */
int yp_catalog_add(yp_rig_table *rigs, struct yp_catalog *catalog, const char *path, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
void yp_catalog_sort(struct yp_catalog *catalog);
void yp_catalog_deinit(struct yp_catalog *catalog);
const struct yp_scenario *yp_catalog_find(const struct yp_catalog *catalog, const char *name, size_t length);

#endif
