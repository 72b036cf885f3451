/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_REASON_H
#define OTA_REASON_H

#include <stdbool.h>

/*
 * Why an update was refused, given up or rolled back.
 *
 * Every function of libota that can fail returns an int:
 *   below zero   -errno: the platform failed (storage, memory); forwarded unchanged
 *   zero         done
 *   above zero   one of these: an answer about the update, which the caller must handle
 *
 * The names (ota_reason_name) appear in reports, in `ota status` and in scenarios; they are
 * an interface and never change their meaning. ota_reason_of() folds -errno into the
 * STORAGE, NO_MEMORY or INTERNAL reason, for reports.
 */
enum ota_reason {
	OTA_OK = 0,
	/* the bundle's structure: refused before any write */
	OTA_BAD_MAGIC = 1, /* not a bundle */
	OTA_BAD_FORMAT,    /* a bundle of an unknown format version, or a broken header */
	OTA_TRUNCATED,     /* ends inside header, manifest, index or signature */
	OTA_TOO_LARGE,     /* a bound of bundle.h is exceeded */
	OTA_TRAILING,      /* bytes after the end */
	/* the signature: refused before any write */
	OTA_NO_SIGNATURE,  /* none, or an empty one */
	OTA_BAD_SIGNATURE, /* malformed, or does not match the manifest */
	OTA_UNTRUSTED,     /* the chain does not end in the keyring */
	OTA_CERT_EXPIRED,
	OTA_CERT_NOT_YET_VALID,
	OTA_CERT_PURPOSE, /* extended key usage or key usage is not for code signing */
	OTA_CERT_REVOKED,
	OTA_WEAK_ALGORITHM,
	/* the manifest and the policy: refused before any write */
	OTA_BAD_MANIFEST, /* malformed, duplicate or unknown key, inconsistent sizes */
	OTA_INCOMPATIBLE, /* made for another product */
	OTA_HARDWARE,     /* made for another hardware revision */
	OTA_WRONG_DEVICE, /* bound to other devices */
	OTA_WRONG_CHANNEL,
	OTA_DOWNGRADE,         /* below the version floor */
	OTA_FAST_FORWARD,      /* too far above the version floor: would use up the numbers that are left */
	OTA_ALREADY_INSTALLED, /* nothing to do; not a failure */
	OTA_EXPIRED,           /* the update's metadata expired: frozen server? */
	OTA_KNOWN_BAD,         /* this version was rolled back before */
	OTA_NO_SPACE,          /* an image is larger than its slot */
	OTA_LOW_POWER,
	OTA_HOOK_REFUSED, /* the pre-install hook said no */
	/* the payload: refused after writes; the slot stays barred */
	OTA_CHUNK_DECODE, /* does not decompress to its declared size */
	OTA_CHUNK_DIGEST, /* decompresses to other bytes than signed */
	OTA_READ_BACK,    /* the slot does not hold what was written */
	/* the network: retried within bounds */
	OTA_UNREACHABLE, /* refused, no route, connection lost */
	OTA_NAME,        /* host name does not resolve */
	OTA_TLS,         /* certificate or handshake refused */
	OTA_HTTP_STATUS, /* an answer that is neither success nor a redirect we follow */
	OTA_HTTP_RANGE,  /* Range ignored, shifted or malformed; resource changed */
	OTA_SHORT_BODY,  /* ended early */
	OTA_LONG_BODY,   /* more than declared */
	OTA_STALLED,     /* below the low-speed limit for too long */
	OTA_DEADLINE,    /* total time used up */
	/* the device's state */
	OTA_BUSY,          /* another transaction holds the lock */
	OTA_SLOT_IN_USE,   /* the target slot is booted or mounted */
	OTA_TRIAL_PENDING, /* a version is on trial; commit or roll back first */
	OTA_NOTHING_TO_DO, /* e.g. commit without a trial */
	OTA_BOOT_STATE,    /* the boot state cannot be read or written */
	OTA_BAD_CONFIG,    /* the configuration cannot work; message says where */
	/* the trial: rolled back */
	OTA_HEALTH_FAILED,
	OTA_HEALTH_TIMEOUT, /* no answer within the deadline */
	OTA_BOOT_LIMIT,     /* the bootloader gave up after its attempts */
	OTA_MARKED_BAD,     /* an operator said so */
	/* -errno folded for reports */
	OTA_STORAGE,
	OTA_NO_MEMORY, /* memory, or file descriptors, ran out */
	OTA_INTERNAL,
	OTA_REASON_COUNT
};

/* "OK", "BAD_MAGIC", ...: upper case, no prefix; "UNKNOWN" outside the range. Static. */
const char *ota_reason_name(int reason);
/* One clause for a person, such as "the signature does not match the manifest". Static. */
const char *ota_reason_text(int reason);
/* -ENOMEM, -EMFILE, -ENFILE: something ran out here. It says nothing about what was asked for, and may pass. */
bool ota_reason_exhausted(int result);
/* Folds any return value into the enum: 0 and above unchanged, -EIO & co. to STORAGE. */
enum ota_reason ota_reason_of(int result);

#endif
