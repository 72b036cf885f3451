/* SPDX-License-Identifier: Apache-2.0 */
/* Slots: the descriptor, clearing, verification. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/slot-io.h"
#include "test/transaction/fake-device.h"

struct fixture {
	struct fake_world world;
	struct fake *fake;
};

static void setup_fixture(struct fixture *f)
{
	fake_world_init(&f->world);
	f->fake = fake_new(&f->world, FAKE_STASH_TAIL);
}

static void teardown_fixture(struct fixture *f)
{
	free(f->fake);
	fake_world_deinit(&f->world);
}

/* A slot says what it holds, head included; an empty one says nothing, and that is no error. */
Test(slot, describes_itself)
{
	struct fixture f;
	struct ota_slot_descriptor found;
	struct ota_head *head = NULL;
	uint8_t *raw;
	size_t raw_bytes;
	setup_fixture(&f);
	const struct ota_slot *slots = f.fake->ota.slots;
	cr_assert_eq(ota_slot_describe(&slots[0], &found), 0);
	cr_assert_str_eq(found.version, "1");
	cr_assert_eq(found.sequence, 10);
	cr_assert_eq(ota_slot_head_read(&slots[0], &raw, &raw_bytes), 0);
	cr_assert_eq(ota_head_open(raw, raw_bytes, f.world.keyring, f.fake->clock_s, &head, NULL, 0), 0);
	cr_assert_arr_eq(ota_head_digest(head), found.digest, OTA_DIGEST_BYTES);
	ota_head_free(head);
	free(raw);
	cr_assert_eq(ota_slot_describe(&slots[1], &found), OTA_NOTHING_TO_DO);
	cr_assert_eq(found.sequence, 0);
	cr_assert_eq(ota_slot_head_read(&slots[1], &raw, &raw_bytes), OTA_NOTHING_TO_DO);
	cr_assert_null(ota_slot_image(&slots[0], "dtb"));
	struct ota_slot bare = {.tail_bytes = FAKE_SMALL_TAIL};
	cr_assert_eq(ota_slot_describe(&bare, &found), OTA_NOTHING_TO_DO);
	f.fake->dead = true;
	cr_assert_eq(ota_slot_describe(&slots[0], &found), -EIO);
	teardown_fixture(&f);
}

/* No damaged descriptor is believed, whichever bit of it changed. */
Test(slot, damaged_descriptor)
{
	struct fixture f;
	struct ota_slot_descriptor found;
	setup_fixture(&f);
	uint8_t *at = f.fake->media[0].cache + FAKE_ROOTFS_BYTES - FAKE_STASH_TAIL;
	for (unsigned i = 0; i < OTA_SLOT_DESCRIPTOR_BYTES; i++) {
		at[i] ^= (uint8_t)(1u << i % 8);
		cr_assert_eq(ota_slot_describe(&f.fake->ota.slots[0], &found), OTA_NOTHING_TO_DO, "byte %u", i);
		at[i] ^= (uint8_t)(1u << i % 8);
	}
	cr_assert_eq(ota_slot_describe(&f.fake->ota.slots[0], &found), 0);
	teardown_fixture(&f);
}

/* Verification reads the medium itself and sees any changed sector of any image. Kills no-read-back. */
Test(slot, verify_sees_every_sector)
{
	struct fixture f;
	struct ota_slot_content content;
	setup_fixture(&f);
	const struct ota_slot *slot = &f.fake->ota.slots[0];
	cr_assert_eq(ota_slot_content_read(slot, &content), 0);
	cr_assert_eq(ota_slot_verify(slot, &content, NULL), 0);
	static const unsigned used[] = {FAKE_ROOTFS_USED, FAKE_KERNEL_USED};
	for (unsigned image = 0; image < 2; image++) {
		for (unsigned at = 511; at < used[image]; at += 512) {
			f.fake->media[image].durable[at] ^= 0x10; /* the cache still holds the right bytes */
			cr_assert_eq(ota_slot_verify(slot, &content, NULL), OTA_READ_BACK, "%u at %u", image, at);
			f.fake->media[image].durable[at] ^= 0x10;
		}
	}
	f.fake->dead = true;
	cr_assert_eq(ota_slot_verify(slot, &content, NULL), -EIO);
	teardown_fixture(&f);
}

/* Cleared: neither bootable nor described, durably; and clearing again writes nothing. */
Test(slot, clear)
{
	struct fixture f;
	struct ota_slot_descriptor found;
	setup_fixture(&f);
	const struct ota_slot *slot = &f.fake->ota.slots[0];
	cr_assert_eq(ota_slot_clear(slot), 0);
	fake_power(f.fake, FAKE_DROP, 0);
	cr_assert_eq(f.fake->media[0].durable[0], 0);
	cr_assert_eq(f.fake->media[1].durable[0], 0);
	cr_assert_eq(ota_slot_describe(slot, &found), OTA_NOTHING_TO_DO);
	unsigned writes = fake_writes(f.fake);
	cr_assert_eq(ota_slot_clear(slot), 0);
	cr_assert_eq(fake_writes(f.fake), writes);
	/* Zeros in a cache are no zeros on the medium. */
	f.fake->media[0].durable[0] = 'G';
	cr_assert_eq(ota_slot_clear(slot), 0);
	cr_assert_eq(f.fake->media[0].durable[0], 0);
	f.fake->fail_flush_medium = 2;
	cr_assert_eq(ota_slot_clear(slot), -EIO);
	teardown_fixture(&f);
}
