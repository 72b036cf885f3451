/* SPDX-License-Identifier: Apache-2.0 */
/* A device in memory: made by a factory, cut, booted and looked at by tests. */
#include "test/transaction/fake-device.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/slot-io.h"
#include "test/test-helpers.h"
#include "test/test-pki.h"

static const char *const names[FAKE_MEDIA] = {"A.rootfs", "A.kernel", "B.rootfs", "B.kernel", "state"};

void fake_world_init(struct fake_world *world)
{
	struct test_pki root;
	struct test_pki signer;
	cr_assert_eq(test_pki_make_pair(TEST_PKI_P256, &root, &signer), 0);
	cr_assert_eq(ota_keyring_new(root.certificate_pem, NULL, &world->keyring), 0);
	world->certificate_pem = signer.certificate_pem;
	world->key_pem = signer.key_pem;
	test_pki_free(&root);
}

void fake_world_deinit(struct fake_world *world)
{
	ota_keyring_free(world->keyring);
	free(world->certificate_pem);
	free(world->key_pem);
}

/* Every 512-byte sector of an image says its kind, version and number: a mixture is seen anywhere. */
static void image_fill(uint8_t *out, size_t size_bytes, char kind, unsigned version, char class)
{
	for (size_t at = 0; at < size_bytes; at += 512) {
		memset(out + at, (int)(version + at / 512), 512);
		(void)snprintf((char *)out + at, 32, "%c%u %c %zu", kind, version, class, at / 512);
	}
}

struct fake_bundle fake_bundle_make(const struct fake_world *world, unsigned version, char kind,
				    void (*change)(struct ota_manifest *manifest))
{
	static uint8_t rootfs[FAKE_ROOTFS_USED];
	static uint8_t kernel[FAKE_KERNEL_USED];
	char detail[160] = "";
	struct fake_bundle bundle = {0};
	struct ota_manifest manifest = {.sequence = 10ull * version,
					.created_s = TEST_PKI_NOW_S - 1000,
					.chunk_bytes = 4096,
					.compatible = "fake-board"};
	(void)snprintf(manifest.version, sizeof manifest.version, "%u", version);
	if (change)
		change(&manifest);
	image_fill(rootfs, sizeof rootfs, kind, version, 'r');
	image_fill(kernel, sizeof kernel, kind, version, 'k');
	struct ota_bundle_blob images[2] = {{"rootfs", rootfs, sizeof rootfs}, {"kernel", kernel, sizeof kernel}};
	int r = ota_bundle_build(&manifest, images, 2, world->certificate_pem, world->key_pem, 0, &bundle.raw,
				 &bundle.size_bytes, detail, sizeof detail);
	cr_assert_eq(r, 0, "bundle: %d %s", r, detail);
	return bundle;
}

/* What a factory does: images, descriptor and head. */
static void install_factory(struct fake *fake, const struct fake_world *world)
{
	static uint8_t header[OTA_IMAGES_MAX][OTA_SLOT_HEADER_BYTES];
	struct fake_bundle bundle = fake_bundle_make(world, 1, 'G', NULL);
	struct ota_bundle_header sizes;
	struct ota_head *head;
	cr_assert_eq(ota_bundle_header_parse(bundle.raw, &sizes), 0);
	cr_assert_eq(
	    ota_head_open(bundle.raw, ota_bundle_head_bytes(&sizes), world->keyring, TEST_PKI_NOW_S, &head, NULL, 0),
	    0);
	image_fill(fake->media[0].cache, FAKE_ROOTFS_USED, 'G', 1, 'r');
	image_fill(fake->media[1].cache, FAKE_KERNEL_USED, 'G', 1, 'k');
	memcpy(header[0], fake->media[0].cache, OTA_SLOT_HEADER_BYTES);
	memcpy(header[1], fake->media[1].cache, OTA_SLOT_HEADER_BYTES);
	for (unsigned i = 0; i < 2; i++)
		memcpy(fake->media[i].durable, fake->media[i].cache, sizeof fake->media[i].cache);
	cr_assert_eq(ota_slot_seal(&fake->ota.slots[0], head, (const uint8_t(*)[OTA_SLOT_HEADER_BYTES])header), 0);
	ota_head_free(head);
	free(bundle.raw);
}

static void wire_seams(struct fake *fake)
{
	struct ota *ota = &fake->ota;
	for (unsigned i = 0; i < FAKE_MEDIA; i++) {
		struct fake_medium *medium = &fake->media[i];
		struct ota_block block = {&fake_block_ops, medium, medium->size_bytes, 512, medium->name};
		medium->fake = fake;
		if (i == FAKE_STATE)
			ota->state = block;
		else
			ota->slots[i / 2].images[i % 2].block = block;
	}
	ota->boot = (struct ota_boot){&fake_boot_ops, fake};
	ota->fetch = (struct ota_fetch){&fake_fetch_ops, fake};
	ota->files = ota->fetch;
	ota->clock = (struct ota_clock){&fake_clock_ops, fake};
	ota->system = (struct ota_system){&fake_system_ops, fake};
}

struct fake *fake_new(const struct fake_world *world, uint32_t tail_bytes)
{
	struct fake *fake = calloc(1, sizeof *fake);
	cr_assert_not_null(fake);
	struct ota *ota = &fake->ota;
	for (unsigned i = 0; i < FAKE_MEDIA; i++) {
		(void)snprintf(fake->media[i].name, sizeof fake->media[i].name, "%s", names[i]);
		fake->media[i].size_bytes = i == FAKE_STATE ? OTA_STATE_BYTES
					    : i % 2 == 0    ? FAKE_ROOTFS_BYTES
							    : FAKE_KERNEL_BYTES;
	}
	for (unsigned i = 0; i < OTA_SLOTS; i++) {
		(void)snprintf(ota->slots[i].bootname, sizeof ota->slots[i].bootname, "%s", i ? "B" : "A");
		(void)snprintf(ota->slots[i].images[0].name, OTA_NAME_MAX, "rootfs");
		(void)snprintf(ota->slots[i].images[1].name, OTA_NAME_MAX, "kernel");
		ota->slots[i].image_count = 2;
		ota->slots[i].tail_bytes = tail_bytes;
	}
	ota->policy = (struct ota_policy){.compatible = "fake-board",
					  .device_id = "dev-1",
					  .update_url = "https://fake/update",
					  .report_url = "https://fake/report",
					  .boot_attempts = 3,
					  .checkpoint_bytes = 12288,
					  .fetch_attempts = 2,
					  .retry_delay_ms = 1};
	ota->keyring = world->keyring;
	wire_seams(fake);
	(void)snprintf(fake->env.selected, sizeof fake->env.selected, "A");
	fake->env.readable = true;
	fake->clock_s = TEST_PKI_NOW_S;
	install_factory(fake, world);
	fake->ops = 0;
	for (unsigned i = 0; i < FAKE_MEDIA; i++)
		fake->media[i].writes = fake->media[i].flushes = 0;
	return fake;
}

struct fake *fake_copy(const struct fake *fake)
{
	struct fake *copy = malloc(sizeof *copy);
	cr_assert_not_null(copy);
	memcpy(copy, fake, sizeof *copy);
	wire_seams(copy);
	return copy;
}

void fake_offer(struct fake *fake, const struct fake_bundle *bundle, const char *etag)
{
	fake->bundle = bundle ? bundle->raw : NULL;
	fake->bundle_bytes = bundle ? bundle->size_bytes : 0;
	(void)snprintf(fake->etag, sizeof fake->etag, "%s", etag);
}

void fake_power(struct fake *fake, enum fake_cut cut, uint64_t seed)
{
	for (unsigned i = 0; i < fake->pending_count; i++) {
		const struct fake_pending *p = &fake->pending[i];
		uint32_t keep = cut == FAKE_KEEP ? p->size : 0;
		if (cut == FAKE_MIXED && test_random_next(&seed) % 2)
			keep = test_random_next(&seed) % 4 ? p->size
							   : (test_random_next(&seed) % (p->size / 512 + 1)) * 512;
		memcpy(fake->media[p->medium].durable + p->offset, fake->pending_data[i], keep);
	}
	fake->pending_count = 0;
	for (unsigned i = 0; i < FAKE_MEDIA; i++)
		memcpy(fake->media[i].cache, fake->media[i].durable, sizeof fake->media[i].cache);
	fake->dead = false;
	fake->die_at = 0;
}

/* The kernel, loaded past its header block too: what the bootloader can start. */
static char slot_kind(const struct fake *fake, const char *slot)
{
	return (char)fake->media[slot[0] == 'B' ? 2 : 0].durable[0];
}

static bool kernel_loads(const struct fake *fake, const char *slot)
{
	char kind = slot_kind(fake, slot);
	return kind && kind != 'L' && strcmp(fake->env.barred, slot) != 0;
}

static bool boot_once(struct fake *fake)
{
	struct ota_boot_state *env = &fake->env;
	char other[OTA_BOOTNAME_MAX];
	if (!env->readable) {
		memset(env, 0, sizeof *env); /* the compiled-in defaults; nothing is stored */
		env->selected[0] = 'A';
	}
	(void)snprintf(other, sizeof other, "%s", strcmp(env->selected, "A") ? "A" : "B");
	if (env->trial) {
		struct ota_boot_state counted = *env;
		counted.attempts++;
		if (fake_env_store(fake, &counted))
			return false;
	}
	bool over = env->trial && env->attempts > env->limit;
	if (!over && kernel_loads(fake, env->selected)) {
		memcpy(fake->booted, env->selected, sizeof other);
		return true;
	}
	if (env->trial) {
		struct ota_boot_state back = *env;
		memcpy(back.barred, env->selected, sizeof other);
		memcpy(back.selected, other, sizeof other);
		back.trial = false;
		back.attempts = 0;
		if (fake_env_store(fake, &back))
			return false;
	}
	memcpy(fake->booted, other, sizeof other);
	return kernel_loads(fake, other);
}

bool fake_boot(struct fake *fake)
{
	for (unsigned i = 0; i < FAKE_BOOTS_MAX; i++) {
		if (fake->dead || !boot_once(fake))
			return false;
		if (slot_kind(fake, fake->booted) != 'P')
			return true;
	}
	return false;
}

bool fake_settle(struct fake *fake, struct ota_result *result, int *returned)
{
	for (unsigned i = 0; i < FAKE_BOOTS_MAX; i++) {
		if (!fake_boot(fake))
			return false;
		*returned = ota_resume(&fake->ota, result);
		if (fake->dead)
			return false;
		if (!result->reboot)
			return true;
	}
	return false;
}

unsigned fake_writes(const struct fake *fake)
{
	unsigned writes = fake->env_stores;
	for (unsigned i = 0; i < FAKE_MEDIA; i++)
		writes += fake->media[i].writes;
	return writes;
}

char fake_running_version(const struct fake *fake)
{
	unsigned first = fake->booted[0] == 'B' ? 2 : 0;
	static uint8_t want[FAKE_ROOTFS_USED];
	const uint8_t *rootfs = fake->media[first].durable;
	char kind = (char)rootfs[0];
	char version = (char)rootfs[1];
	if (version < '1' || version > '9')
		return 0;
	image_fill(want, FAKE_ROOTFS_USED, kind, (unsigned)(version - '0'), 'r');
	if (memcmp(want, rootfs, FAKE_ROOTFS_USED) != 0)
		return 0;
	image_fill(want, FAKE_KERNEL_USED, kind, (unsigned)(version - '0'), 'k');
	return memcmp(want, fake->media[first + 1].durable, FAKE_KERNEL_USED) == 0 ? version : 0;
}

unsigned fake_reports(const struct fake *fake, const char *event, const char *version)
{
	char want_event[64];
	char want_version[64];
	unsigned count = 0;
	(void)snprintf(want_event, sizeof want_event, "\"event\":\"%s\"", event ? event : "");
	(void)snprintf(want_version, sizeof want_version, "\"version\":\"%s\"", version ? version : "");
	for (unsigned i = 0; i < fake->post_count; i++) {
		bool again = false;
		for (unsigned k = 0; k < i; k++)
			again |= strncmp(fake->posts[i], fake->posts[k], strlen("{\"id\":\"0123456789abcdef\"")) == 0;
		count += !again && (!event || strstr(fake->posts[i], want_event)) &&
			 (!version || strstr(fake->posts[i], want_version));
	}
	return count;
}

void fake_state(struct fake *fake, struct ota_state *state)
{
	struct ota_store store;
	cr_assert_eq(ota_store_open(&store, &fake->ota.state, state), 0);
}
