/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_RIGS_LISTED_RIG_H
#define SCENARIOS_RIGS_LISTED_RIG_H

#include "rigs/session.h"

/*
 * A rig that lists its cases beforehand, each with an expectation of its own, and runs them one at a time: the images
 * that lie (in process), the network that fails (the real command over the loopback), and real boards.
 */
struct yp_lab_case {
	char id[YP_ID_LISTED_MAX]; /* as the rig calls it */
	char catalogue[64];        /* ids of the catalogue, blanks between */
	const void *ref;           /* the rig's own */
};

struct yp_lab_result {
	struct yp_outcome outcome;
	bool landed;
	char reason[32];    /* that the subject gave, "" for none */
	char expected[80];  /* "" where the rig does not say */
	char landing[96];   /* where the fault happened */
	char catalogue[64]; /* of the case */
	uint64_t bytes;     /* fetched with the fault */
	uint64_t bytes_honest;
	bool head_flip;  /* a single bit of header, manifest, index or signature ... */
	bool unwritten;  /* ... and not one byte was written to the target slot */
	char cuts[4096]; /* of a board: a JSON list of the power cuts, as RESULTS.md says; "" for none */
	unsigned cut_count;
};

struct yp_lab;
struct yp_lab_rig {
	int (*open)(uint64_t seed, void **rig, char *detail, size_t detail_bytes);
	void (*close)(void *rig);
	/* Calls yp_lab_list() for each case of a fault. 0 or -errno. */
	int (*plan)(void *rig, const struct yp_fault *fault, uint64_t seed, struct yp_lab *lab);
	/* Fills *out for an id. 0, -errno, 1 = there is none. */
	int (*find)(void *rig, const char *id, struct yp_lab_case *out);
	/*
	 * NULL, or: all that was listed has run. Lists more with yp_lab_list(), by what those came to, or nothing: then that
	 * is all. 0 or -errno.
	 */
	int (*more)(void *rig, const struct yp_scenario *scenario, struct yp_lab *lab);
	/* 0 or -errno, when the rig itself failed. */
	int (*run)(void *rig, const struct yp_lab_case *c, struct yp_lab_result *out);
};
extern const struct yp_lab_rig yp_lab_images;
extern const struct yp_lab_rig yp_lab_network;
extern const struct yp_lab_rig yp_lab_hil;

/* Does this scenario's rig list its cases? */
bool yp_lab_lists(const struct yp_scenario *scenario);

/* Removes what killed processes of these rigs left in memory. */
void yp_lab_sweep(void);

#define YP_LAB_CASES_MAX 200000u
struct yp_lab {
	const struct yp_scenario *scenario;
	const struct yp_lab_rig *ops;
	uint64_t seed;
	void *rig;
	struct yp_lab_case *cases;
	size_t count, room;
	/* of the fault that is being planned */
	unsigned sample;
	uint64_t seen;
};

/* Opens the rig and lists all cases. 0 or -errno with *detail; yp_lab_deinit() in any case. */
int yp_lab_init(struct yp_lab *lab, const struct yp_scenario *scenario, uint64_t seed, bool plan, char *detail,
		size_t detail_bytes) __attribute__((warn_unused_result));
void yp_lab_deinit(struct yp_lab *lab);
/* From plan(): one more case; of a sampled fault every Nth is kept, from the seed's on. */
int yp_lab_list(struct yp_lab *lab, const char *id, const char *catalogue, const void *ref)
    __attribute__((warn_unused_result));

/* Runs the scenario's cases into `cases`. 0, or -errno with *detail. */
struct yp_cases;
int yp_lab_execute(const struct yp_scenario *scenario, const struct yp_execute_options *options, struct yp_cases *cases,
		   struct yp_result *out, char *detail, size_t detail_bytes) __attribute__((warn_unused_result));
/* One case again, from its id. Returns as yp_session_replay(). */
int yp_lab_replay(struct yp_lab *lab, const struct yp_id *id, struct yp_outcome *out, char *story, size_t story_bytes)
    __attribute__((warn_unused_result));

#endif
