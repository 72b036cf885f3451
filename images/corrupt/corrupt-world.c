/* SPDX-License-Identifier: Apache-2.0 */
/* A good bundle under other conditions: other clocks, other devices, a changed running slot, files that change while
 * they are read, versions on trial. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "corrupt/bundle-edit.h"

static int build_good(const struct yp_forge *forge, unsigned version, struct bytes *out)
{
	return bytes_copy(out, forge->site.bundles[version].data, forge->site.bundles[version].size);
}

static int lose_state(struct yp_forge *forge, struct device *device)
{
	(void)forge;
	memset(device->media[DEVICE_STATE].data, 0, device->media[DEVICE_STATE].size_bytes);
	return 0;
}

/* The good bundle without an expiry at n seconds. a: the journal, and with it the last trusted time, is lost; b: the
 * build time is known. */
static int build_clocked(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	struct yp_parts parts;
	struct bytes out;
	int r = yp_parts_init(forge, &parts);
	if (r)
		return r;
	r = manifest_set(&parts.manifest, "update", "expires", NULL, 0, &out);
	if (r == 0) {
		bytes_free(&parts.manifest);
		parts.manifest = out;
		r = yp_parts_seal(forge, &parts, &offer->raw);
	}
	yp_parts_deinit(&parts);
	offer->now_s = row->n;
	offer->prepare = row->a ? lose_state : NULL;
	offer->policy.build_time_s = row->b ? YP_FORGE_NOW_S - 2000 : 0;
	return r;
}

/* The good bundle as it is, expiry and all, at n seconds. */
static int at_time(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	offer->now_s = row->n;
	offer->changed = true;
	return build_good(forge, 2, &offer->raw);
}

/* The clock jumps to n once the head was verified. */
static int build_jumping(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	offer->later_from = 2;
	offer->later_clock_s = row->n;
	offer->changed = true;
	return build_good(forge, 2, &offer->raw);
}

/* An older bundle, n, for a device that lost its journal: what runs is the floor. */
static int build_older(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	offer->prepare = lose_state;
	return build_good(forge, (unsigned)row->n, &offer->raw);
}

enum device_change { DEVICE_COMPATIBLE, DEVICE_HARDWARE, DEVICE_CHANNEL, DEVICE_ID, DEVICE_NO_ID };

/* The good bundle, and a device that is another one. */
static int build_elsewhere(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	struct ota_policy *policy = &offer->policy;
	offer->changed = true;
	switch ((enum device_change)row->n) {
	case DEVICE_COMPATIBLE:
		policy->compatible = "other-board";
		break;
	case DEVICE_HARDWARE:
		policy->hardware = "rev-c";
		break;
	case DEVICE_CHANNEL:
		policy->channel = "testing";
		break;
	case DEVICE_ID:
		policy->device_id = "unit-8";
		break;
	case DEVICE_NO_ID:
		policy->device_id = NULL;
		break;
	}
	return build_good(forge, 2, &offer->raw);
}

/* Chunk 1 of the root filesystem is the same in every version. */
static int change_chunk(struct yp_forge *forge, struct device *device)
{
	(void)forge;
	device->media[DEVICE_A_ROOTFS].data[YP_FORGE_CHUNK_BYTES + 77] ^= 4;
	return 0;
}

static int change_all(struct yp_forge *forge, struct device *device)
{
	struct device_medium *medium = &device->media[DEVICE_A_ROOTFS];
	(void)forge;
	memset(medium->data, 0xff, medium->size_bytes - DEVICE_TAIL_BYTES);
	return 0;
}

static int change_head(struct yp_forge *forge, struct device *device)
{
	struct device_medium *medium = &device->media[DEVICE_A_ROOTFS];
	(void)forge;
	medium->data[medium->size_bytes - DEVICE_TAIL_BYTES + OTA_SLOT_DESCRIPTOR_BYTES + 100] ^= 1;
	return 0;
}

static int change_descriptor(struct yp_forge *forge, struct device *device)
{
	struct device_medium *medium = &device->media[DEVICE_A_ROOTFS];
	(void)forge;
	medium->data[medium->size_bytes - DEVICE_TAIL_BYTES + 20] ^= 1;
	return 0;
}

/* The head that slot A keeps is a genuine one, but of version 3: the wrong precursor. */
static int change_precursor(struct yp_forge *forge, struct device *device)
{
	struct device_medium *medium = &device->media[DEVICE_A_ROOTFS];
	struct layout layout;
	const struct bytes *other = &forge->site.bundles[3];
	if (!layout_read(other->data, other->size, &layout))
		return -EPROTO;
	memcpy(medium->data + medium->size_bytes - DEVICE_TAIL_BYTES + OTA_SLOT_DESCRIPTOR_BYTES, other->data,
	       layout.payload);
	return 0;
}

enum source_change { SOURCE_HONEST, SOURCE_CHUNK, SOURCE_ALL, SOURCE_HEAD, SOURCE_DESCRIPTOR, SOURCE_PRECURSOR };

/* Chunks are copied from the running slot, whose contents have changed. */
static int build_reused(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	static int (*const changes[])(struct yp_forge *, struct device *) = {[SOURCE_HONEST] = NULL,
									     [SOURCE_CHUNK] = change_chunk,
									     [SOURCE_ALL] = change_all,
									     [SOURCE_HEAD] = change_head,
									     [SOURCE_DESCRIPTOR] = change_descriptor,
									     [SOURCE_PRECURSOR] = change_precursor};
	offer->policy.reuse = true;
	offer->prepare = changes[row->n];
	offer->changed = true;
	return build_good(forge, 2, &offer->raw);
}

enum swap { SWAP_OTHER_BUNDLE, SWAP_SAME_VALIDATOR, SWAP_SAME_BUNDLE, SWAP_TO_ZEROS, SWAP_TO_SHORTER };

/* The file is replaced after it was verified: the second request gets the new one. */
static int build_swapped(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	const struct layout *layout = &forge->site.layout;
	enum swap swap = (enum swap)row->n;
	int r = build_good(forge, 2, &offer->raw);
	if (r == 0)
		r = build_good(forge, swap == SWAP_OTHER_BUNDLE ? 3 : 2, &offer->later);
	if (r)
		return r;
	offer->changed = true;
	offer->later_from = 2;
	offer->later_etag = swap == SWAP_OTHER_BUNDLE || swap == SWAP_SAME_BUNDLE;
	if (swap == SWAP_TO_ZEROS)
		memset(offer->later.data, 0, offer->later.size);
	if (swap == SWAP_SAME_VALIDATOR) /* as large, but its payload is turned over */
		for (size_t i = layout->payload, k = layout->size - 1; i < k; i++, k--) {
			uint8_t keep = offer->later.data[i];
			offer->later.data[i] = offer->later.data[k];
			offer->later.data[k] = keep;
		}
	if (swap == SWAP_TO_SHORTER)
		offer->later.size--;
	return 0;
}

static int arm_next(struct yp_forge *forge, struct device *device)
{
	struct ota_result result;
	device->server =
	    (struct device_server){.bundle = forge->site.bundles[3].data, .size_bytes = forge->site.bundles[3].size};
	return ota_install(&device->ota, DEVICE_SOURCE, 0, &result);
}

/* A new update while another one waits for its trial. a: only checked, not installed. */
static int during_trial(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	offer->prepare = arm_next;
	offer->armed = true;
	offer->expected = 3;
	offer->changed = true;
	offer->flags = row->a ? OTA_DRY_RUN : 0;
	return build_good(forge, 2, &offer->raw);
}

/* The good version was tried, an operator marked it bad, the device went back. */
static int condemn_version(struct yp_forge *forge, struct device *device)
{
	struct ota_result result;
	device->server =
	    (struct device_server){.bundle = forge->site.bundles[2].data, .size_bytes = forge->site.bundles[2].size};
	int r = ota_install(&device->ota, DEVICE_SOURCE, 0, &result);
	device->booted[0] = 'B';
	if (r == 0)
		r = ota_mark_bad(&device->ota, &result);
	device->booted[0] = 'A';
	if (r)
		return r;
	r = ota_resume(&device->ota, &result);
	return r == OTA_MARKED_BAD ? 0 : (r ? r : -EPROTO);
}

static int known_bad(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	(void)row;
	offer->prepare = condemn_version;
	offer->retry = 3;
	offer->changed = true;
	return build_good(forge, 2, &offer->raw);
}

static int name_both_alike(struct yp_forge *forge, struct device *device)
{
	(void)forge;
	device->ota.slots[1].bootname[0] = 'A';
	return 0;
}

static int same_slot(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	(void)row;
	offer->prepare = name_both_alike;
	offer->changed = true;
	return build_good(forge, 2, &offer->raw);
}

#define E    YP_CORRUPT_REJ_E
#define L    YP_CORRUPT_REJ_L
#define FINE YP_CORRUPT_IGNORED, REASON(OK)

const struct yp_corrupt_row rows_world[] = {
    {"clk:1970", "CLK-01 CLK-10", FINE, build_clocked, .n = 0,
     .note = "the last trusted time counts: that of the version that runs"},
    {"clk:1970.state-lost", "CLK-01", E, REASON(CERT_NOT_YET_VALID), build_clocked, "lost", .n = 0},
    {"clk:1970.build-time", "CLK-01 CLK-08", FINE, build_clocked, "lost", "build", .n = 0,
     .note = "the build time is a lower bound of the time"},
    {"clk:before-signer", "CLK-02", FINE, build_clocked, .n = TEST_PKI_FROM_S - 1,
     .note = "the last trusted time counts"},
    {"clk:before-signer.state-lost", "CLK-02", E, REASON(CERT_NOT_YET_VALID), build_clocked, "lost",
     .n = TEST_PKI_FROM_S - 1},
    {"clk:after-signer", "CLK-03", E, REASON(CERT_EXPIRED), build_clocked, .n = TEST_PKI_TO_S + 1},
    {"clk:2038-1", "CLK-04", FINE, build_clocked, .n = INT32_MAX, .note = "the signer is valid until 2040"},
    {"clk:2038", "CLK-04", FINE, build_clocked, .n = INT64_C(1) << 31, .note = "the signer is valid until 2040"},
    {"clk:2106", "CLK-05", E, REASON(CERT_EXPIRED), build_clocked, .n = INT64_C(1) << 32},
    {"clk:negative", "CLK-01", FINE, build_clocked, .n = INT64_MIN, .note = "the last trusted time counts"},
    {"clk:largest", "CLK-05", E, REASON(CERT_EXPIRED), build_clocked, .n = INT64_MAX},
    {"clk:spoofed-forward", "CLK-08 MAN-22 MAN-06", E, REASON(EXPIRED), at_time, .n = INT64_C(1) << 31},
    {"clk:jump-forward", "CLK-06", FINE, build_jumping, .n = TEST_PKI_TO_S + 1,
     .note = "what was verified stays so: deadlines use the monotonic clock"},
    {"clk:jump-back", "CLK-06", FINE, build_jumping, .n = 1,
     .note = "what was verified stays so: deadlines use the monotonic clock"},
    {"clk:zone", "CLK-09", .note = "nothing in libota knows zones: all times are seconds since 1970 UTC"},
    {"man:older.state-lost", "MAN-03 MAN-22", E, REASON(DOWNGRADE), build_older, .n = 0},
    {"man:device.compatible", "MAN-01", E, REASON(INCOMPATIBLE), build_elsewhere, .n = DEVICE_COMPATIBLE},
    {"man:device.hardware", "MAN-02", E, REASON(HARDWARE), build_elsewhere, .n = DEVICE_HARDWARE},
    {"man:device.channel", "MAN-19", E, REASON(WRONG_CHANNEL), build_elsewhere, .n = DEVICE_CHANNEL},
    {"man:device.id", "MAN-18", E, REASON(WRONG_DEVICE), build_elsewhere, .n = DEVICE_ID},
    {"man:device.no-id", "MAN-18", E, REASON(WRONG_DEVICE), build_elsewhere, .n = DEVICE_NO_ID},
    {"man:known-bad", "MAN-04", E, REASON(KNOWN_BAD), known_bad, .n = 0},
    {"dlt:honest", "DLT-01", FINE, build_reused, .n = SOURCE_HONEST, .note = "the control of its neighbours"},
    {"dlt:chunk", "DLT-02 DLT-04", FINE, build_reused, .n = SOURCE_CHUNK,
     .note = "a chunk that is not what it was is fetched"},
    {"dlt:all", "DLT-02", FINE, build_reused, .n = SOURCE_ALL,
     .note = "chunks that are not what they were are fetched"},
    {"dlt:head", "DLT-01", FINE, build_reused, .n = SOURCE_HEAD,
     .note = "without a verified head of what runs all is fetched"},
    {"dlt:descriptor", "DLT-01", FINE, build_reused, .n = SOURCE_DESCRIPTOR,
     .note = "all is fetched; the stored floor holds"},
    {"dlt:precursor", "DLT-01", FINE, build_reused, .n = SOURCE_PRECURSOR,
     .note = "the head is not that of what runs: all is fetched"},
    {"dlt:operations", "DLT-03", .note = "there are none: a chunk is copied whole, by digest, or fetched"},
    {"rce:swapped", "RCE-01 HTP-06", L, REASON(HTTP_RANGE), build_swapped, .n = SWAP_OTHER_BUNDLE},
    {"rce:swapped.same-validator", "RCE-01 HTP-07", L, REASON(CHUNK_DECODE), build_swapped, .n = SWAP_SAME_VALIDATOR},
    {"rce:swapped.zeros", "RCE-01", L, REASON(CHUNK_DECODE), build_swapped, .n = SWAP_TO_ZEROS},
    {"rce:swapped.shorter", "RCE-01", L, REASON(HTTP_RANGE), build_swapped, .n = SWAP_TO_SHORTER},
    {"rce:put-again", "RCE-01 HTP-06", FINE, build_swapped, .n = SWAP_SAME_BUNDLE,
     .note = "the head is the same one: it goes on"},
    {"rce:during-trial", "RCE-08", FINE, during_trial, .n = 0,
     .note = "the version on trial comes first: the device reboots into it"},
    {"rce:during-trial.dry-run", "RCE-08", E, REASON(TRIAL_PENDING), during_trial, "dry", .n = 0},
    {"sto:same-slot", "STO-14", E, REASON(BAD_CONFIG), same_slot, .n = 0},
    {"rce:two-installers", "RCE-04", .note = "one lock a device, taken by the platform: the host rig's"},
    {.id = NULL},
};
