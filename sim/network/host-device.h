/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_NETWORK_HOST_DEVICE_H
#define SIM_NETWORK_HOST_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sim/subject.h"

/*
 * A device for the real command: slots, boot environment and state are files in a directory of its own. Slot B runs
 * version 1.0, slot A is the target. Between runs of the command the rig is its bootloader.
 */
#define YP_NETWORK_DEVICE_IMAGE_BYTES (512u * 1024u)
#define YP_NETWORK_DEVICE_SLOT_BYTES  (1024u * 1024u)
#define YP_NETWORK_DEVICE_ENV_BYTES   16384u
#define YP_NETWORK_DEVICE_PATH        160u
#define YP_NETWORK_DEVICE_OUTPUT      16384u

struct yp_network_device {
	const struct yp_subject *subject;
	char dir[YP_NETWORK_DEVICE_PATH];
	int lock; /* on it; -1: none */
	char ota[YP_NETWORK_DEVICE_PATH];
	char zoo[YP_NETWORK_DEVICE_PATH];
	char booted[2];
	/* Beyond the usual; "" or false is none. A fresh device has none of them but its id. */
	char id[24];        /* "": net-1 */
	bool power_handler; /* the program "handler" says whether there is power enough */
	bool install_hook;  /* the program "handler" says whether to install */
	char wrapper[96];   /* words in front of the command, such as "prlimit --nofile=7 --" */
	bool custom;        /* the program "backend" says what boots */
	bool health;        /* checks in the directory "health" */
};

/* The contents of the boot environment. */
struct yp_network_device_env {
	bool readable; /* a copy holds; false: boot is what the bootloader does by its defaults */
	struct yp_sim_boot_variables boot;
};

/* The command's network settings, as in struct yp_subject_settings. */
struct yp_network_limits {
	unsigned connect_timeout_s, low_speed_time_s, low_speed_bytes, deadline_s, retry_delay_ms, fetch_attempts;
	const char *client;
};

/* One run of the command. */
struct yp_network_device_run {
	pid_t pid;       /* while it runs */
	int status;      /* exit status; 128 + signal */
	bool timed_out;  /* killed at the deadline */
	bool killed;     /* by `kill_now` */
	char reason[32]; /* of the one line for the outcome; "" without */
	char line[256];
	int64_t ms;
	unsigned long long fetched;
	char output[YP_NETWORK_DEVICE_OUTPUT];
};

struct yp_network_device_watch {
	void (*line)(void *ctx, const char *line); /* each line as it comes; may be NULL */
	bool (*kill_now)(void *ctx);               /* called about every millisecond; may be NULL */
	void *ctx;
	int deadline_ms;
	const char *proxy; /* "http://HOST:PORT" in the command's environment; NULL: none */
};

/* Makes the directory and the template: version 1.0 is installed from `bundle` by the command itself and committed. */
int yp_network_device_init(struct yp_network_device *device, const struct yp_subject *subject, const char *base,
			   const char *ota, const char *zoo, const void *bundle, size_t bundle_bytes, char *detail,
			   size_t detail_bytes) __attribute__((warn_unused_result));
void yp_network_device_deinit(struct yp_network_device *device);
/* As new from the template, with this configuration: the update and the reports under `server`. NULL: none, and limits
 * are not looked at. */
int yp_network_device_fresh(struct yp_network_device *device, const char *server,
			    const struct yp_network_limits *limits) __attribute__((warn_unused_result));
int yp_network_device_configure(const struct yp_network_device *device, const char *server,
				const struct yp_network_limits *limits) __attribute__((warn_unused_result));
/* words: verb and operands, separated by blanks. 0 or -errno when it cannot be started. */
int yp_network_device_run(const struct yp_network_device *device, const char *words,
			  const struct yp_network_device_watch *watch, struct yp_network_device_run *out)
    __attribute__((warn_unused_result));
/* The words of the command that installs from this URL or path. 0 or -ENAMETOOLONG. */
int yp_network_device_install_words(const struct yp_network_device *device, const char *url, char *out,
				    size_t out_bytes) __attribute__((warn_unused_result));
/* Acts as the bootloader at a start: counts, selects. device->booted is the slot that runs then. 0 or -errno. */
int yp_network_device_boot(struct yp_network_device *device) __attribute__((warn_unused_result));
int yp_network_device_env_read(const struct yp_network_device *device, struct yp_network_device_env *out)
    __attribute__((warn_unused_result));
/* A file of the directory in memory; free() it. NULL on failure. */
uint8_t *yp_network_device_load(const struct yp_network_device *device, const char *name, size_t *size_bytes);
int yp_network_device_store(const struct yp_network_device *device, const char *name, const void *data,
			    size_t size_bytes) __attribute__((warn_unused_result));
/* fw_env.config: where the environment's copies lie; only: the one that is named there, -1: both, as it should be. */
int yp_network_device_env_config(const struct yp_network_device *device, int only) __attribute__((warn_unused_result));
/* One more device in a folder of the first one's, as new: the same template, its own media, id and configuration. */
int yp_network_device_twin(const struct yp_network_device *device, const char *name, struct yp_network_device *out)
    __attribute__((warn_unused_result));

#endif
