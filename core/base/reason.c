/* SPDX-License-Identifier: Apache-2.0 */
/* The table of reasons: name, text, and the reason for each -errno. */
#include "ota/reason.h"

#include <errno.h>

struct reason {
	const char *name;
	const char *text;
};

/* Generated names would save the column but hide the interface: what scenarios and reports match is written out here.
 */
static const struct reason reasons[OTA_REASON_COUNT] = {
    [OTA_OK] = {"OK", "done"},
    [OTA_BAD_MAGIC] = {"BAD_MAGIC", "the file is not a bundle"},
    [OTA_BAD_FORMAT] = {"BAD_FORMAT", "the format version is unknown or the header is broken"},
    [OTA_TRUNCATED] = {"TRUNCATED", "the bundle ends inside its head"},
    [OTA_TOO_LARGE] = {"TOO_LARGE", "a part of the bundle is larger than its bound"},
    [OTA_TRAILING] = {"TRAILING", "there are bytes after the end"},
    [OTA_NO_SIGNATURE] = {"NO_SIGNATURE", "the bundle is not signed"},
    [OTA_BAD_SIGNATURE] = {"BAD_SIGNATURE", "the signature is malformed or does not match the manifest"},
    [OTA_UNTRUSTED] = {"UNTRUSTED", "the signer's certificate does not lead to the keyring"},
    [OTA_CERT_EXPIRED] = {"CERT_EXPIRED", "a certificate of the signer has expired"},
    [OTA_CERT_NOT_YET_VALID] = {"CERT_NOT_YET_VALID", "a certificate of the signer is not yet valid"},
    [OTA_CERT_PURPOSE] = {"CERT_PURPOSE", "the signer's certificate is not for code signing"},
    [OTA_CERT_REVOKED] = {"CERT_REVOKED", "a certificate of the signer is revoked"},
    [OTA_WEAK_ALGORITHM] = {"WEAK_ALGORITHM", "a key or a digest of the signature is too weak"},
    [OTA_BAD_MANIFEST] = {"BAD_MANIFEST", "the manifest is malformed or contradicts itself"},
    [OTA_INCOMPATIBLE] = {"INCOMPATIBLE", "the update is made for another product"},
    [OTA_HARDWARE] = {"HARDWARE", "the update is made for another hardware revision"},
    [OTA_WRONG_DEVICE] = {"WRONG_DEVICE", "the update is bound to other devices"},
    [OTA_WRONG_CHANNEL] = {"WRONG_CHANNEL", "the update belongs to another channel"},
    [OTA_DOWNGRADE] = {"DOWNGRADE", "the update is older than this device allows"},
    [OTA_FAST_FORWARD] = {"FAST_FORWARD", "the sequence is too far above the version floor"},
    [OTA_ALREADY_INSTALLED] = {"ALREADY_INSTALLED", "this version is already installed"},
    [OTA_EXPIRED] = {"EXPIRED", "the update has expired"},
    [OTA_KNOWN_BAD] = {"KNOWN_BAD", "this version was rolled back before"},
    [OTA_NO_SPACE] = {"NO_SPACE", "an image is larger than its slot"},
    [OTA_LOW_POWER] = {"LOW_POWER", "the device has too little power for an update"},
    [OTA_HOOK_REFUSED] = {"HOOK_REFUSED", "a hook refused the update"},
    [OTA_CHUNK_DECODE] = {"CHUNK_DECODE", "a chunk does not decompress to its size"},
    [OTA_CHUNK_DIGEST] = {"CHUNK_DIGEST", "a chunk holds other bytes than were signed"},
    [OTA_READ_BACK] = {"READ_BACK", "the slot does not hold what was written to it"},
    [OTA_UNREACHABLE] = {"UNREACHABLE", "the server cannot be reached"},
    [OTA_NAME] = {"NAME", "the server's name does not resolve"},
    [OTA_TLS] = {"TLS", "the server's certificate or the TLS handshake was refused"},
    [OTA_HTTP_STATUS] = {"HTTP_STATUS", "the server answered with an error"},
    [OTA_HTTP_RANGE] = {"HTTP_RANGE", "the server sent another range, or the file changed"},
    [OTA_SHORT_BODY] = {"SHORT_BODY", "the answer ended early"},
    [OTA_LONG_BODY] = {"LONG_BODY", "the answer is longer than declared"},
    [OTA_STALLED] = {"STALLED", "the transfer stalled"},
    [OTA_DEADLINE] = {"DEADLINE", "the time allowed is used up"},
    [OTA_BUSY] = {"BUSY", "another update is running"},
    [OTA_SLOT_IN_USE] = {"SLOT_IN_USE", "the target slot is booted or mounted"},
    [OTA_TRIAL_PENDING] = {"TRIAL_PENDING", "a version is on trial: commit it or roll back first"},
    [OTA_NOTHING_TO_DO] = {"NOTHING_TO_DO", "there is nothing to do"},
    [OTA_BOOT_STATE] = {"BOOT_STATE", "the boot state cannot be understood or written"},
    [OTA_BAD_CONFIG] = {"BAD_CONFIG", "the configuration cannot work"},
    [OTA_HEALTH_FAILED] = {"HEALTH_FAILED", "a health check failed"},
    [OTA_HEALTH_TIMEOUT] = {"HEALTH_TIMEOUT", "the health checks gave no answer in time"},
    [OTA_BOOT_LIMIT] = {"BOOT_LIMIT", "the new version did not boot within its attempts"},
    [OTA_MARKED_BAD] = {"MARKED_BAD", "an operator marked the version bad"},
    [OTA_STORAGE] = {"STORAGE", "storage failed"},
    [OTA_NO_MEMORY] = {"NO_MEMORY", "memory or file descriptors ran out"},
    [OTA_INTERNAL] = {"INTERNAL", "an unexpected error"},
};

static const struct reason *find_reason(int reason)
{
	static const struct reason unknown = {"UNKNOWN", "an unknown reason"};
	return reason >= 0 && reason < OTA_REASON_COUNT ? &reasons[reason] : &unknown;
}

const char *ota_reason_name(int reason)
{
	return find_reason(reason)->name;
}

const char *ota_reason_text(int reason)
{
	return find_reason(reason)->text;
}

bool ota_reason_exhausted(int result)
{
	return result == -ENOMEM || result == -EMFILE || result == -ENFILE;
}

enum ota_reason ota_reason_of(int result)
{
	if (result >= 0)
		return result < OTA_REASON_COUNT ? (enum ota_reason)result : OTA_INTERNAL;
	if (ota_reason_exhausted(result))
		return OTA_NO_MEMORY;
	switch (-result) {
	case EIO:
	case ENOSPC:
	case EROFS:
	case ENODEV:
	case ENXIO:
	case ENOENT:
	case EACCES:
	case EPERM:
	case EBUSY:
	case EFBIG:
	case EDQUOT:
	case EREMOTEIO:
	case ENOMEDIUM:
	case ETIMEDOUT:
		return OTA_STORAGE;
	default:
		return OTA_INTERNAL;
	}
}
