/* SPDX-License-Identifier: Apache-2.0 */
/* S03: whether a verified update is for this device, now. Nothing is written before it agrees. */
#include "transaction/policy.h"

#include <inttypes.h>
#include <string.h>

#include "transaction/outbox.h"

/* True if a comma separated list holds the name; spaces around names do not count. */
static bool list_has(const char *list, const char *name)
{
	size_t want = strlen(name);
	for (const char *at = list; *at;) {
		const char *end = at + strcspn(at, ",");
		const char *first = at + strspn(at, " ");
		size_t length = end > first ? (size_t)(end - first) : 0;
		while (length > 0 && first[length - 1] == ' ')
			length--;
		if (length == want && want > 0 && memcmp(first, name, want) == 0)
			return true;
		at = *end ? end + 1 : end;
	}
	return false;
}

uint64_t ota_policy_floor(struct ota_txn *txn)
{
	struct ota_slot_descriptor running;
	uint64_t floor = txn->state.floor;
	/* The running version is proven: even with the stored floor lost, nothing older than it is installed. */
	if (ota_txn_running(txn, &running) == 0 && running.sequence > floor)
		floor = running.sequence;
	return floor;
}

static int check_device(struct ota_txn *txn, const struct ota_manifest *manifest)
{
	const struct ota_policy *policy = &txn->ota->policy;
	if (!policy->compatible || policy->compatible[0] == '\0')
		return ota_txn_fail(txn, OTA_BAD_CONFIG, "[system] compatible= is not set");
	if (strcmp(policy->compatible, manifest->compatible) != 0)
		return ota_txn_fail(txn, OTA_INCOMPATIBLE, "the update is for \"%s\", this device is \"%s\"",
				    manifest->compatible, policy->compatible);
	if (policy->hardware && manifest->hardware[0] && !list_has(manifest->hardware, policy->hardware))
		return ota_txn_fail(txn, OTA_HARDWARE, "the update is for hardware %s, this is %s", manifest->hardware,
				    policy->hardware);
	if (policy->channel && manifest->channel[0] && strcmp(manifest->channel, policy->channel) != 0)
		return ota_txn_fail(txn, OTA_WRONG_CHANNEL, "the update is of channel %s, this device follows %s",
				    manifest->channel, policy->channel);
	if (manifest->devices[0] && !(policy->device_id && list_has(manifest->devices, policy->device_id)))
		return ota_txn_fail(txn, OTA_WRONG_DEVICE, "the update is bound to other devices");
	return 0;
}

static int check_version(struct ota_txn *txn, const struct ota_head *head, bool resuming)
{
	const struct ota_manifest *manifest = ota_head_manifest(head);
	const uint8_t *digest = ota_head_digest(head);
	struct ota_slot_descriptor running;
	if (!txn->ota->policy.reinstall && ota_txn_running(txn, &running) == 0 &&
	    memcmp(running.digest, digest, OTA_DIGEST_BYTES) == 0)
		return ota_txn_fail(txn, OTA_ALREADY_INSTALLED, "%s runs already", manifest->version);
	uint64_t floor = ota_policy_floor(txn);
	if (manifest->sequence < floor)
		return ota_txn_fail(txn, OTA_DOWNGRADE,
				    "sequence %" PRIu64 " of %s is below the version floor %" PRIu64,
				    manifest->sequence, manifest->version, floor);
	if (manifest->sequence - floor > OTA_SEQUENCE_STEP_MAX)
		return ota_txn_fail(txn, OTA_FAST_FORWARD,
				    "sequence %" PRIu64 " of %s is too far above the version floor %" PRIu64,
				    manifest->sequence, manifest->version, floor);
	if (manifest->expires_s != 0 && ota_txn_now(txn) >= manifest->expires_s)
		return ota_txn_fail(txn, OTA_EXPIRED, "the offer of %s has expired; the server may be stale",
				    manifest->version);
	const struct ota_failed *failed = ota_failed_find(&txn->state, digest);
	bool final = failed && (failed->reason != OTA_BOOT_LIMIT || failed->count >= OTA_LIMIT_TRIALS);
	if (final && !resuming && !(txn->flags & OTA_FORCE))
		return ota_txn_fail(txn, OTA_KNOWN_BAD,
				    "%s was rolled back before (%s, %u times); force it to try again",
				    manifest->version, ota_reason_name((int)failed->reason), failed->count);
	return 0;
}

/* The set of images must be the slot's, no more and no less: what is left out would stay of the old version. */
static int check_images(struct ota_txn *txn, const struct ota_manifest *manifest)
{
	const struct ota_slot *slot = txn->other;
	for (unsigned i = 0; i < manifest->image_count; i++) {
		const struct ota_manifest_image *image = &manifest->images[i];
		const struct ota_slot_image *place = ota_slot_image(slot, image->name);
		if (!place)
			return ota_txn_fail(txn, OTA_INCOMPATIBLE, "slot %s has no place for image %s", slot->bootname,
					    image->name);
		uint64_t capacity = ota_slot_capacity(slot, place);
		if (image->size_bytes > capacity)
			return ota_txn_fail(txn, OTA_NO_SPACE,
					    "image %s has %" PRIu64 " bytes, slot %s room for %" PRIu64, image->name,
					    image->size_bytes, slot->bootname, capacity);
	}
	if (manifest->image_count != slot->image_count)
		return ota_txn_fail(txn, OTA_INCOMPATIBLE, "the update has %u images, slot %s needs %u",
				    manifest->image_count, slot->bootname, slot->image_count);
	return 0;
}

static int check_slot(struct ota_txn *txn)
{
	const struct ota_slot *slot = txn->other;
	const struct ota_slot_image *rootfs = ota_slot_image(slot, "rootfs");
	if (strcmp(slot->bootname, txn->booted) == 0)
		return ota_txn_fail(txn, OTA_SLOT_IN_USE, "slot %s is booted", slot->bootname);
	if (!rootfs || slot->tail_bytes < OTA_SLOT_DESCRIPTOR_BYTES || slot->tail_bytes % OTA_SLOT_HEADER_BYTES != 0 ||
	    rootfs->block.size_bytes < slot->tail_bytes + OTA_SLOT_HEADER_BYTES)
		return ota_txn_fail(txn, OTA_BAD_CONFIG, "slot %s has no rootfs with room for a descriptor",
				    slot->bootname);
	for (unsigned i = 0; i < slot->image_count; i++)
		if (slot->images[i].block.block_bytes > OTA_SLOT_HEADER_BYTES)
			return ota_txn_fail(txn, OTA_BAD_CONFIG, "%s of slot %s has blocks above %u bytes",
					    slot->images[i].name, slot->bootname, OTA_SLOT_HEADER_BYTES);
	return 0;
}

int ota_policy_check(struct ota_txn *txn, const struct ota_head *head, bool resuming)
{
	const struct ota_manifest *manifest = ota_head_manifest(head);
	const struct ota_system *system = &txn->ota->system;
	if (txn->boot.trial)
		return ota_txn_fail(txn, OTA_TRIAL_PENDING, "slot %s is on trial; commit it or mark it bad first",
				    txn->boot.selected);
	int r = check_slot(txn);
	if (r == 0)
		r = check_device(txn, manifest);
	if (r == 0)
		r = check_version(txn, head, resuming);
	if (r == 0)
		r = check_images(txn, manifest);
	if (r)
		return r;
	r = system->ops->power ? system->ops->power(system->system) : 0;
	if (r)
		return ota_txn_fail(txn, r, "not enough power to install %s", manifest->version);
	if (txn->flags & OTA_DRY_RUN)
		return 0;
	r = ota_txn_hook(txn, OTA_HOOK_PRE_INSTALL, manifest->version);
	return r ? ota_txn_fail(txn, r, "the pre-install hook did not agree to %s", manifest->version) : 0;
}
