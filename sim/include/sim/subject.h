/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_SUBJECT_H
#define SIM_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "power-cut/image.h"
#include "power-cut/lint.h"
#include "power-cut/outcome.h"

/*
 * A subject: the updater under test, with its bootloader. All data about one particular updater are in one struct
 * yp_subject: functions and data, none of it changed while it is used.
 *
 * A part that a subject does not have is NULL. The invariants that need it are then *not checked*, see
 * yp_subject_asks(); they never count as passed.
 *
 * To add a subject: one C file with its boot protocol and its struct, and one line in subjects.c.
 */

/* One copy of the boot environment as variables: subject/uboot-env.h. */
struct yp_sim_env;
/* Results remembered by the contents they were computed from: subject/memo.h. */
struct yp_memo;

/* ---- boot protocol ---- */

/* The stored data that the bootloader decides by, before this boot is counted. */
struct yp_sim_boot_variables {
	char slot;   /* selected: 'A' or 'B' */
	char barred; /* 'A', 'B' or 0: is not started as long as there is another */
	bool trial;  /* the selected slot was not committed yet */
	unsigned long attempts;
	unsigned long limit;
	uint64_t trial_id; /* that the updater gave this trial; 0: none, or the protocol has no such thing */
};

enum yp_sim_boots { YP_SIM_BOOTS_SELECTED, YP_SIM_BOOTS_OTHER, YP_SIM_BOOTS_HALT };
/* What one store of the environment changes. */
enum yp_sim_stores {
	YP_SIM_STORES_NOTHING,
	YP_SIM_STORES_BACK, /* ends the trial, selects the other slot and bars this one */
	YP_SIM_STORES_END,  /* ends the trial and selects nothing new */
	YP_SIM_STORES_COUNT /* one attempt more */
};
struct yp_sim_decision {
	bool counts;               /* YP_SIM_STORES_COUNT comes first, in a store of its own */
	enum yp_sim_stores stores; /* then this, in one store; never YP_SIM_STORES_COUNT */
	enum yp_sim_boots boots;
};

/* Texts "name=value" that yp_boot_protocol.apply makes; an environment borrows them. */
#define YP_BOOT_TEXTS_MAX 8u
#define YP_BOOT_TEXT_MAX  48u
struct yp_boot_texts {
	unsigned count;
	char text[YP_BOOT_TEXTS_MAX][YP_BOOT_TEXT_MAX];
};

/*
 * How updater and bootloader agree on the slot to boot, through an environment of variables in U-Boot's redundant
 * format (subject/uboot-env.h). This is the only place where a boot decision of a subject is written down: the
 * simulated device, the network rig, the oracles and the comparison with the real U-Boot all use it.
 *
 * variables  names that are the protocol's, NULL at the end. All others must survive every update (I8).
 * decisive   those of them whose values tell classes of states apart, NULL at the end. Attempts and ids are not among
 *            them: they are compared by their meaning, through read().
 * passing    names that the bootloader changes by itself at each boot, NULL at the end: they are never compared.
 * read       env NULL: the bootloader's defaults. Always fills *out.
 * decide     pure. loads: whether the slot's kernel can be loaded.
 * apply      puts one store into an environment in memory; `before` is what read() said of it. 0 or -ENOSPC.
 */
struct yp_boot_protocol {
	const char *name;
	const char *const *variables, *const *decisive, *const *passing;
	void (*read)(const struct yp_sim_env *env, struct yp_sim_boot_variables *out);
	struct yp_sim_decision (*decide)(const struct yp_sim_boot_variables *v, bool selected_loads, bool other_loads);
	int (*apply)(struct yp_sim_env *env, const struct yp_sim_boot_variables *before, enum yp_sim_stores what,
		     struct yp_boot_texts *texts);
};

/* ---- what the updater writes ---- */

enum yp_record_phase {
	YP_RECORD_IDLE,
	YP_RECORD_INSTALLING, /* the target is barred or about to be; `progress` units of it are durable */
	YP_RECORD_WRITTEN     /* the target is verified on the medium */
};
#define YP_RECORD_EVENTS_MAX 8u
/* The newest record that the updater keeps on its state medium. */
struct yp_subject_record {
	bool good; /* false: there is none, and the rest is zero */
	enum yp_record_phase phase;
	char target; /* 'A', 'B' or 0 */
	uint32_t progress;
	uint64_t counter;  /* of the record: the highest holds */
	uint64_t trial_id; /* compared with the environment's for equality only */
	uint64_t floor;    /* no version with a lower sequence number is installed */
	unsigned failures; /* of versions that it remembers */
	/* Of everything that decides anything, but what stands above with a meaning of its own. */
	uint64_t hash;
	uint64_t events[YP_RECORD_EVENTS_MAX]; /* ids of reports that wait; 0: free */
};
struct yp_subject_records {
	size_t
	    record_sectors; /* the memo's keys: yp_memo_init(memo, record_sectors, sizeof(struct yp_subject_record)) */
	/* 0 or -ENOMEM. */
	int (*newest)(struct yp_memo *memo, const struct yp_image *image, unsigned medium,
		      struct yp_subject_record *out);
};

/* A block behind the image that describes the slot's contents. */
struct yp_subject_descriptor {
	uint32_t sectors;
	uint32_t tail_sectors; /* it begins so far before the end of the slot's medium */
	/* Whether these bytes are a descriptor; *identity: equal for equal contents, whether valid or not. */
	bool (*read)(const uint8_t *raw, uint64_t *identity);
};

/* ---- what it says ---- */

/*
 * Patterns are POSIX extended regular expressions over one line (yp_subject_match()). NULL: that line does not exist.
 */
struct yp_subject_console {
	const char *slot; /* the bootloader has chosen; group 1: the slot's letter */
	const char *back; /* it goes back from a trial, and stores after this line; group 1: the letter of the slot it
				goes back to */
	const char *halt; /* no slot can be booted */
	const char
	    *decided; /* of the bootloader in a process, which ends there; group 1: a letter, anything else: none */
	const char *prompt; /* text, not a pattern: what an interactive bootloader shows when it waits for a human */
};

/* The exit status that goes with a reason. */
struct yp_subject_exit {
	const char *reason; /* NULL at the end: of all others */
	int status;
};

struct yp_subject_messages {
	const char *outcome;                 /* the one line that says how a command ended; group 1: the reason */
	const char *fetched;                 /* how many bytes came over the network; group 1: the number */
	const char *step;                    /* a step begins; group 1: its name */
	const char *success;                 /* the reason that means success */
	const struct yp_subject_exit *exits; /* NULL: the exit status is not checked */
	const char *older;                   /* the reason that refuses a version below the floor */
	/* Which step a reason is found in; reasons NULL at the end. A reason that is in none can come from any step. */
	const struct yp_subject_refusal {
		const char *reasons, *step; /* reasons: words, with a blank before and behind each */
	} * refusals;
};

/* Names of steps, as the subject's own documents have them. They stand in write logs, case ids and results. */
struct yp_subject_steps {
	/* Of those that a rig sees from outside: the bootloader runs; a kernel runs; the bootloader goes back. */
	const char *select, *boot, *fall_back;
	/* Announced by an install, and by the run after the reboot, in order; NULL at the end. */
	const char *const *install, *const *trial;
	const char *stream; /* of `install`: the target is being written, and other installers must wait */
	const char *name;   /* pattern over a name: what else is no step */
	/* On the channel of an emulated board (sim/emulator.h): the updater begins a step, and may hold there until it
	 * is told to go on; it begins one without holding; it is told. */
	const char *mark, *plain, *go_on;
	/* What each step means, in order, and in the same order what the subject does there, for people. */
	const struct yp_phase_mark *marks;
	size_t marks_count;
	const char *const *texts;
};

/* Power cuts that a board gets: plans are ids of cases without their seed (scenarios/rigs/board/board-cases.h). */
struct yp_subject_cuts {
	const char *const
	    *chains; /* one round: several cuts in one update each, which cover every step; NULL at the end */
	const char *const *free_steps; /* at which a cut without the hold is tried, in turn; NULL at the end */
	const char *fall_back;         /* uses up a trial, and cuts while the bootloader goes back */
	const char *limit;             /* every boot of a trial, up to the limit */
	const char *const
	    *armed;              /* steps at which the new version is whole and selected for a trial; NULL at the end */
	const char *const *dips; /* three steps at which the supply dips; NULL at the end */
};

/* ---- how it is run ---- */

/* Words, separated by blanks; {url} is replaced. NULL: the subject has no such command. */
struct yp_subject_commands {
	const char *options; /* in front of all: say what is done, step by step */
	const char *config;  /* behind all; {config} is replaced by the path */
	const char *install; /* {url} */
	const char *resume;  /* what a device runs at every start */
	const char *poll;    /* what its timer runs */
	const char *query, *commit, *rollback, *version;
	/* In a shell of the device, as they are: prints how many boots are counted; prints the data behind that number.
	 */
	const char *attempts, *describe;
	/* At the bootloader's prompt: shows how many boots are counted. Its answer; group 1: the number. */
	const char *prompt_attempts, *prompt_answer;
};

/* Settings of the real command on a machine where files replace its media: "a", "b", "env" and "state" in dir. */
struct yp_subject_settings {
	const char *dir;  /* also of the lock, and of fw_env.config, which has the place of the environment */
	const char *keys; /* folder of certificates NAME.pem and keys NAME.key; "root" signs updates */
	const char *device_id;
	const char *booted; /* "A" or "B": what runs */
	const char *server; /* "https://HOST:PORT"; NULL: none, and nothing of the network is said */
	/* Programs, NULL: none. They decide whether there is enough power, whether to install, and which slot boots. */
	const char *power_handler, *install_hook, *boot_backend;
	const char *health_dir; /* of programs that say whether the version works; NULL: none */
	unsigned health_timeout_ms, checkpoint_bytes;
	unsigned connect_timeout_s, low_speed_time_s, low_speed_bytes; /* 0: the subject's own, for all of these */
	unsigned deadline_s, retry_delay_ms, fetch_attempts;
	const char *authority; /* name of the certificate that servers must have; NULL: nothing is said */
	const char *client;    /* name of the device's certificate for servers; NULL: none */
};
struct yp_subject_config {
	const char *file; /* its name in dir, and what {config} of the commands stands for */
	/* The file's text, with its zero. 0 or -ENAMETOOLONG. */
	int (*write)(const struct yp_subject_settings *settings, char *out, size_t out_bytes);
};

/* ---- what it reports ---- */

#define YP_REPORT_ID_MAX      32u
#define YP_REPORT_EVENT_MAX   24u
#define YP_REPORT_VERSION_MAX 40u
#define YP_REPORT_REASON_MAX  32u
/* event: "success", "failure", "rollback" or "alarm". */
struct yp_subject_report {
	char id[YP_REPORT_ID_MAX], event[YP_REPORT_EVENT_MAX], version[YP_REPORT_VERSION_MAX],
	    reason[YP_REPORT_REASON_MAX];
};
struct yp_subject_reports {
	/* A report's bytes; what is missing is "", what is too long is cut. False: no report at all. */
	bool (*read)(const char *body, size_t size_bytes, struct yp_subject_report *out);
};

/* ---- the subject ---- */

struct yp_subject_medium {
	const char *name; /* in the layout of a rig */
	enum yp_role role;
	char slot; /* of YP_ROLE_SLOT: 'A' or 'B' */
};

struct yp_subject {
	const char *name;
	const struct yp_subject_medium *media; /* name NULL at the end; others do not matter */
	uint32_t header_sectors; /* zeroed first and written last: with them zero, nothing starts the slot; 0: not so */
	const struct yp_boot_protocol *boot;
	const struct yp_subject_records *records;
	const struct yp_subject_descriptor *descriptor;
	const struct yp_subject_console *console;
	const struct yp_subject_messages *messages;
	const struct yp_subject_steps *steps;
	const struct yp_subject_commands *commands;
	const struct yp_subject_config *config;
	const struct yp_subject_reports *reports;
	const struct yp_subject_cuts *cuts;
};

/* By name; NULL: the default subject, the first of the table. NULL if there is none of that name. */
const struct yp_subject *yp_subject_find(const char *name);
/* All of them, NULL at the end. */
const struct yp_subject *const *yp_subjects(void);
/*
 * Can this invariant be checked for this subject? Not without the part that it needs: I1 and I11 need the boot
 * protocol, I4 the records (a floor), I5 an outcome line or reports, I6 an install command, I9 records or reports.
 */
bool yp_subject_asks(const struct yp_subject *subject, enum yp_invariant invariant);
/* The exit status that goes with a reason, or -1: not checked. */
int yp_subject_exit_status(const struct yp_subject *subject, const char *reason);
/* Where in an update a step stands; "" for one that the subject does not name. */
const char *yp_subject_phase(const struct yp_subject *subject, const char *step);
/* The step in which a reason is found; "" for one that can come from any. */
const char *yp_subject_refusal_step(const struct yp_subject *subject, const char *reason);
/* The media's places in a layout by role: the index, or -1. slot: of YP_ROLE_SLOT, else 0. */
int yp_subject_medium_index(const struct yp_subject *subject, const struct yp_layout *layout, enum yp_role role,
			    char slot);
/*
 * Does the line fit the pattern? Group 1 goes to out ("" without), cut to its size; out may be NULL. A pattern that is
 * NULL or no regular expression fits nothing.
 */
bool yp_subject_match(const char *pattern, const char *line, char *out, size_t out_bytes);

#endif
