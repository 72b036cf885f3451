/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_OTA_H
#define OTA_OTA_H

#include <stdbool.h>
#include <stdint.h>

#include "ota/block.h"
#include "ota/boot.h"
#include "ota/bundle.h"
#include "ota/clock.h"
#include "ota/fetch.h"
#include "ota/keyring.h"
#include "ota/reason.h"
#include "ota/slot.h"
#include "ota/state.h"
#include "ota/step.h"
#include "ota/system.h"

/*
 * The transaction: what a device does, from poll to report.
 *
 * libota sees the world only through the structs below; the same objects run on a device and in a simulator. Nothing is
 * global; one struct ota is one device, used by one thread at a time. Every call may be cut at any instruction: the
 * next call to ota_resume() carries on or goes back, from durable state alone.
 *
 * Each call says in *result what happened, and whether the device must reboot now (S11).
 */
#define OTA_SLOTS 2

/* Policy: plain values, borrowed strings. Zero-initialised and then set; 0/NULL = the default given. */
struct ota_policy {
	const char *compatible;     /* required */
	const char *hardware;       /* this device's revision; NULL: not checked */
	const char *channel;        /* NULL: not checked */
	const char *device_id;      /* sent in reports, matched against devices= */
	const char *update_url;     /* what check() polls */
	const char *report_url;     /* NULL: no reports */
	unsigned boot_attempts;     /* 3: boots of a trial before the bootloader goes back */
	uint32_t health_timeout_ms; /* 60000 */
	uint32_t checkpoint_bytes;  /* 16 MiB written between two checkpoints */
	unsigned fetch_attempts;    /* 5: attempts without progress before giving up */
	uint32_t retry_delay_ms;    /* 1000, doubled up to 60000, or Retry-After; bounded, jittered by device_id */
	uint32_t fetch_deadline_s;  /* 14400: in all, for one install */
	int64_t build_time_s;       /* an earlier clock is not trusted */
	bool reuse;                 /* copy chunks that the running slot holds */
	bool pipeline;              /* overlap fetch, verify and write in threads; false: one thread, deterministic */
	bool reinstall;             /* install the same version again */
};

struct ota {
	struct ota_policy policy;
	struct ota_slot slots[OTA_SLOTS];
	struct ota_block state;
	struct ota_boot boot;
	struct ota_fetch fetch; /* used for http:// and https:// sources and for reports */
	struct ota_fetch files; /* used for every other source (a path); same contract */
	struct ota_clock clock;
	struct ota_system system;
	const struct ota_keyring *keyring;
};

struct ota_result {
	enum ota_reason reason;        /* of the refusal, failure or rollback; OTA_OK */
	bool reboot;                   /* the caller must reboot the device now */
	char version[OTA_VERSION_MAX]; /* that this was about; "" if never known */
	char detail[160];              /* one clause for a person */
	uint64_t bytes_fetched;
	uint64_t bytes_reused;
	uint64_t bytes_written;
};

enum ota_flag { OTA_DRY_RUN = 1, OTA_FORCE = 2 /* also a version that was rolled back before */, OTA_NO_REBOOT = 4 };

/*
 * Run at every start of the device, before anything else; idempotent: recovers from whatever
 * the last run left (finish, go on, go back), judges a trial (S14, S15 or roll back), delivers reports.
 * Continues an interrupted install if its source can be reached. All return 0, -errno or a reason; *result is always
 * filled.
 */
int ota_resume(struct ota *ota, struct ota_result *result) __attribute__((warn_unused_result));
/* ota_resume(), then S01 to S11 from policy.update_url if it offers something newer. */
int ota_check(struct ota *ota, struct ota_result *result) __attribute__((warn_unused_result));
/* ota_resume(), then S02 to S11 from source: a URL or a path. flags: enum ota_flag. */
int ota_install(struct ota *ota, const char *source, unsigned flags, struct ota_result *result)
    __attribute__((warn_unused_result));
int ota_commit(struct ota *ota, struct ota_result *result) __attribute__((warn_unused_result)); /* mark-good */
int ota_mark_bad(struct ota *ota, struct ota_result *result)
    __attribute__((warn_unused_result)); /* the running trial, then go back */
int ota_rollback(struct ota *ota, struct ota_result *result)
    __attribute__((warn_unused_result)); /* to the other slot, if it holds a version not below the floor */

struct ota_status {
	char booted[OTA_BOOTNAME_MAX];
	struct ota_boot_state boot;
	struct ota_state state;
	bool described[OTA_SLOTS];
	struct ota_slot_descriptor slots[OTA_SLOTS];
};
/* Reads only, writes nothing. 0 or -errno. */
int ota_status(struct ota *ota, struct ota_status *out) __attribute__((warn_unused_result));

/*
 * Recovery, the pure part: what to do given what durable storage says. See recovery.c for the table.
 */
enum ota_action {
	OTA_ACTION_NONE,           /* nothing pending */
	OTA_ACTION_REPAIR,         /* store the boot state anew: booted slot, no trial */
	OTA_ACTION_CONTINUE,       /* an install was interrupted before "written": go on from the checkpoint */
	OTA_ACTION_ARM,            /* written, not armed: arm */
	OTA_ACTION_REBOOT,         /* armed, but the old slot still runs: reboot into the trial */
	OTA_ACTION_JUDGE,          /* on trial: health, then commit or roll back */
	OTA_ACTION_GO_BACK,        /* the bootloader could not start the trial slot: roll back in the boot state */
	OTA_ACTION_FINISH,         /* committed, not yet recorded: floor, report */
	OTA_ACTION_RECORD_FAILURE, /* rolled back: remember, report */
	OTA_ACTION_COUNT
};
struct ota_facts {
	const char *booted;
	const struct ota_boot_state *boot;
	const struct ota_state *state;
	const struct ota_slot_descriptor *target; /* of the slot that is not booted; NULL: none */
};
enum ota_action ota_recovery_decide(const struct ota_facts *facts);
const char *ota_action_name(enum ota_action action);

#endif
