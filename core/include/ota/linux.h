/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_LINUX_H
#define OTA_LINUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ota/ota.h"

/*
 * The Linux platform (Linux 5.4 or newer): from a system.conf to a struct ota that works on this
 * machine's devices. Everything here is for one process and one run; nothing is global but the signal mask.
 */
#define OTA_PATH_MAX   256u /* with the terminating zero */
#define OTA_DETAIL_MAX 512u
/* How long a mark of [bench] may hold. */
#define OTA_BENCH_HOLD_MIN_MS UINT64_C(1)
#define OTA_BENCH_HOLD_MAX_MS UINT64_C(600000)

enum ota_bootloader { OTA_BOOTLOADER_NONE, OTA_BOOTLOADER_UBOOT, OTA_BOOTLOADER_CUSTOM };

/* One [slot.CLASS.INDEX] of a group: an image's device. */
struct ota_config_image {
	char name[OTA_NAME_MAX];
	char device[OTA_PATH_MAX];
};

/* A rootfs slot with the slots that name it as their parent. images[0] is the rootfs. */
struct ota_config_slot {
	char bootname[OTA_BOOTNAME_MAX];
	unsigned index; /* of [slot.rootfs.INDEX] */
	unsigned image_count;
	struct ota_config_image images[OTA_IMAGES_MAX];
};

/*
 * system.conf, checked; "" = not set. core/etc/system.conf.example gives the meaning and default of each key.
 * Numbers are uint64_t so that one table can fill them; their ranges are checked.
 */
struct ota_config {
	char path[OTA_PATH_MAX]; /* of the file */
	/* [system] */
	char compatible[OTA_NAME_MAX * 2];
	char bootloader_name[OTA_NAME_MAX];
	enum ota_bootloader bootloader;
	char hardware[OTA_NAME_MAX];
	char channel[OTA_NAME_MAX];
	char device_id[OTA_NAME_MAX * 2];
	char device_id_file[OTA_PATH_MAX];
	char state[OTA_PATH_MAX];
	char lockfile[OTA_PATH_MAX];
	char booted[OTA_BOOTNAME_MAX];
	uint64_t boot_attempts;
	uint64_t build_time_s;
	/* [keyring] */
	char keyring_path[OTA_PATH_MAX];
	char keyring_crl[OTA_PATH_MAX];
	/* [update] */
	char url[512];
	char report_url[512];
	uint64_t interval_s;
	uint64_t checkpoint_bytes;
	uint64_t fetch_attempts;
	uint64_t retry_delay_ms;
	uint64_t deadline_s;
	uint64_t connect_timeout_s;
	uint64_t low_speed_bytes;
	uint64_t low_speed_time_s;
	bool reuse;
	bool pipeline;
	bool allow_http; /* also plain http: bundles are signed, reports and what is installed are visible */
	/* [tls] */
	char tls_ca[OTA_PATH_MAX];
	char tls_certificate[OTA_PATH_MAX];
	char tls_key[OTA_PATH_MAX];
	/* [handlers] */
	char pre_install[OTA_PATH_MAX];
	char post_install[OTA_PATH_MAX];
	char pre_reboot[OTA_PATH_MAX];
	char post_commit[OTA_PATH_MAX];
	char power[OTA_PATH_MAX];
	char reboot[OTA_PATH_MAX];
	char custom_backend[OTA_PATH_MAX];
	uint64_t handler_timeout_ms;
	/* [health] */
	char health_dir[OTA_PATH_MAX];
	uint64_t health_timeout_ms;
	/* [uboot], [watchdog] */
	char fw_env_config[OTA_PATH_MAX];
	char watchdog[OTA_PATH_MAX];
	/* [bench]: without effect where the file `bench_unit` is not */
	char bench_unit[OTA_PATH_MAX];
	char bench_marks[OTA_PATH_MAX];
	char bench_hold[OTA_PATH_MAX]; /* "none", "all" or steps joined by commas */
	uint64_t bench_hold_timeout_ms;
	/* [slot.*] */
	struct ota_config_slot slots[OTA_SLOTS];
};

/*
 * Reads and checks a system.conf. 0, OTA_BAD_CONFIG with `detail` = "FILE:LINE: what, what to do", or -errno when
 * descriptors ran out. Opens no device.
 */
int ota_config_load(const char *path, struct ota_config *out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));

/*
 * SIGTERM, SIGINT and SIGHUP become a request to stop: they are blocked for the process and for its threads made
 * later, and asked for where waiting is safe. A run that is asked to stop ends with -EINTR at its next fetch, wait or
 * write to a slot; what was checkpointed stays.
 */
struct ota_stop;
int ota_stop_new(struct ota_stop **out) __attribute__((warn_unused_result));
void ota_stop_free(struct ota_stop *stop);
bool ota_stop_requested(struct ota_stop *stop);
int ota_stop_fd(const struct ota_stop *stop); /* for poll(): readable = asked to stop */
/* The clock of the machine; `stop` ends a sleep early with -EINTR and must outlive it. */
void ota_clock_linux(struct ota_stop *stop, struct ota_clock *out);

/*
 * A partition, a whole block device or a regular file as an ota_block.
 *
 * Direct I/O (O_DIRECT) where the file system and the device take it, else buffered. Contiguous small writes are
 * joined, in a buffer of OTA_FILE_JOIN_BYTES, before they are sent: an error can therefore surface at a later write or
 * at flush(), never after it. flush() is fdatasync(); once one has failed, all later ones of this handle fail too: the
 * kernel forgets which data was lost. With OTA_FILE_EXCLUSIVE a block device is claimed (O_EXCL): the kernel refuses
 * while it is mounted, in swap, or part of a device-mapper or RAID device, in any mount namespace.
 */
#define OTA_FILE_JOIN_BYTES (256u * 1024u)
enum ota_file_flag { OTA_FILE_WRITE = 1, OTA_FILE_EXCLUSIVE = 2 };
struct ota_file_options {
	unsigned flags;                              /* enum ota_file_flag */
	uint64_t size_bytes;                         /* 0 = what is there; more than is there: -ENOSPC */
	struct ota_stop *stop;                       /* may be NULL; a request ends write() with -EINTR */
	void (*wrote)(void *ctx, size_t size_bytes); /* may be NULL; after each write() */
	void *wrote_ctx;
};
struct ota_file;
/* *block borrows `path`. 0 or -errno: -EBUSY = claimed by another program, -ENOTSUP = neither a block device nor a
 * regular file. */
int ota_file_open(const char *path, const struct ota_file_options *options, struct ota_file **out,
		  struct ota_block *block) __attribute__((warn_unused_result));
/* Closes without flushing. */
void ota_file_close(struct ota_file *file);
/* Creates a zeroed regular file of that size, durably (file and directory), if nothing is there. 0 or -errno. */
int ota_file_create(const char *path, uint64_t size_bytes) __attribute__((warn_unused_result));

/* One transaction at a time. A killed process leaves no stale lock (flock). *holder: its pid or 0. 0, OTA_BUSY or
 * -errno. */
struct ota_lock;
int ota_lock_take(const char *path, struct ota_lock **out, long *holder) __attribute__((warn_unused_result));
void ota_lock_release(struct ota_lock *lock);

/* Events for the program that started the run. Each may be NULL. `wrote` may be called from another thread, one at a
 * time. */
struct ota_events {
	void (*message)(void *ctx, enum ota_level level, const char *text);
	void (*step)(void *ctx, enum ota_step step);
	void (*wrote)(void *ctx, size_t size_bytes); /* to a slot */
	void *ctx;
};

/*
 * How the media are opened.
 *   READ   nothing is ever written, nothing is created; no lock
 *   RUN    lock taken; the target slot is read-only (writes: -EROFS) while it is in use
 *   WRITE  as RUN, but a target slot in use is refused: OTA_SLOT_IN_USE
 */
enum ota_access { OTA_ACCESS_READ, OTA_ACCESS_RUN, OTA_ACCESS_WRITE };

/* All that one run needs: owns the files, the lock, the back-ends and the struct ota over them. */
struct ota_device;
/*
 * 0, -errno, OTA_BAD_CONFIG, OTA_BUSY, OTA_SLOT_IN_USE or OTA_BOOT_STATE; `detail` says what and what to do.
 * `config`, `stop` and `events` are borrowed until ota_device_close().
 */
int ota_device_open(const struct ota_config *config, enum ota_access access, struct ota_stop *stop,
		    const struct ota_events *events, struct ota_device **out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
void ota_device_close(struct ota_device *device);
struct ota *ota_device_ota(struct ota_device *device);
/* From now on no reboot happens: the program that started the run does it (struct ota_result says whether one is due).
 */
void ota_device_hold_reboot(struct ota_device *device);
/* Reboots, unless the run already asked for it or reboots are held: [handlers] reboot=, else systemctl reboot. 0 or
 * -errno. */
int ota_device_reboot(struct ota_device *device) __attribute__((warn_unused_result));

#endif
