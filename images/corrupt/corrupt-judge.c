/* SPDX-License-Identifier: Apache-2.0 */
/* One case: the offer, the refusal, and everything that must be true afterwards. */
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "corrupt/corrupt-offer.h"

#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_IS_COUNTED false /* a sanitizer's own memory is many times the program's */
#else
#define MEMORY_IS_COUNTED true
#endif
#define SLACK_BYTES 4096u /* beside the offer: the first request's probe */

struct trial {
	struct yp_forge *forge;
	struct yp_forge_site *site;
	struct device *device;
	const struct yp_corrupt_case *c;
	struct offer offer;
	uint8_t *before; /* the media when the offer came */
	struct ota_result result;
	int returned;
	struct yp_corrupt_outcome *out;
};

const char *yp_corrupt_class_name(unsigned class)
{
	switch (class) {
	case YP_CORRUPT_REJ_E:
		return "REJ-E";
	case YP_CORRUPT_REJ_L:
		return "REJ-L";
	case YP_CORRUPT_IGNORED:
		return "accepted";
	case YP_CORRUPT_ROLLBACK:
		return "ROLLBACK";
	default:
		return "unclear";
	}
}

bool yp_corrupt_is_head_flip(const struct yp_corrupt_case *c)
{
	return c->kind == CASE_FLIP;
}

__attribute__((format(printf, 3, 4))) static bool fail_case(struct trial *t, enum yp_invariant invariant,
							    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	yp_outcome_vfail(&t->out->outcome, invariant, format, args);
	va_end(args);
	return false;
}

/* Whether media from `first` to `last` hold what they held when the offer came. */
static bool same_media(const struct trial *t, unsigned first, unsigned last)
{
	const struct device *device = t->device;
	const uint8_t *from = device->media[first].data;
	const uint8_t *to = device->media[last].data + device->media[last].size_bytes;
	return memcmp(from, t->before + (from - device->arena), (size_t)(to - from)) == 0;
}

static bool is_zero(const uint8_t *data, size_t size)
{
	return data[0] == 0 && memcmp(data, data + 1, size - 1) == 0;
}

/* Nothing in slot B starts: header blocks and descriptor are zero. */
static bool slot_invalid(const struct device *device)
{
	const struct device_medium *rootfs = &device->media[DEVICE_B_ROOTFS];
	return is_zero(rootfs->data, OTA_SLOT_HEADER_BYTES) &&
	       is_zero(device->media[DEVICE_B_KERNEL].data, OTA_SLOT_HEADER_BYTES) &&
	       is_zero(rootfs->data + rootfs->size_bytes - DEVICE_TAIL_BYTES, OTA_SLOT_DESCRIPTOR_BYTES);
}

/* Slot B holds exactly these images, and behind them what it held before. */
static bool slot_holds(const struct trial *t, const struct yp_forge_images *images)
{
	const struct device *device = t->device;
	const struct bytes *wanted[] = {&images->rootfs, &images->kernel};
	for (unsigned i = 0; i < 2; i++) {
		const struct device_medium *medium = &device->media[DEVICE_B_ROOTFS + i];
		const uint8_t *saved = t->site->saved + (medium->data - device->arena);
		size_t used = wanted[i]->size;
		size_t end = medium->size_bytes - (i == 0 ? DEVICE_TAIL_BYTES : 0);
		if (memcmp(medium->data, wanted[i]->data, used) != 0 ||
		    memcmp(medium->data + used, saved + used, end - used) != 0)
			return false;
	}
	return true;
}

static unsigned classify_end(struct trial *t)
{
	struct ota_boot_state boot;
	const struct device *device = t->device;
	if (device->ota.boot.ops->query(device->ota.boot.boot, &boot)) {
		(void)fail_case(t, YP_I1, "the boot state cannot be read afterwards");
		return 0;
	}
	if (t->returned == 0) {
		if (t->result.reboot && boot.trial && strcmp(boot.selected, "B") == 0)
			return YP_CORRUPT_IGNORED;
		(void)fail_case(t, YP_I5, "returned success, but nothing is armed");
		return 0;
	}
	if (!t->offer.armed && (boot.trial || strcmp(boot.selected, "A") != 0)) {
		(void)fail_case(t, YP_I3, "refused, and yet slot %s is selected", boot.selected);
		return 0;
	}
	if (device_target_writes(device) == 0 && device->media[DEVICE_ENV].writes == 0 &&
	    same_media(t, DEVICE_B_ROOTFS, DEVICE_B_KERNEL) && same_media(t, DEVICE_ENV, DEVICE_ENV))
		return YP_CORRUPT_REJ_E;
	if (strcmp(boot.barred, "B") == 0 && slot_invalid(device))
		return YP_CORRUPT_REJ_L;
	(void)fail_case(t, YP_I3, "refused after writes, and slot B is %sbarred and %s", boot.barred[0] ? "" : "not ",
			slot_invalid(device) ? "invalid" : "could start");
	return 0;
}

/* Reasons without a report: nothing is wrong with the offer, it was reported at the rollback, or the network cannot
 * carry a report. */
static bool is_silent(int reason)
{
	return reason == OTA_ALREADY_INSTALLED || reason == OTA_TRIAL_PENDING || reason == OTA_NO_MEMORY ||
	       reason == OTA_UNREACHABLE || reason == OTA_BAD_CONFIG || reason == OTA_KNOWN_BAD;
}

/* Structure and signature reasons: no value of the manifest may have been used. */
static bool is_unverified(int reason)
{
	return reason >= OTA_BAD_MAGIC && reason <= OTA_BAD_MANIFEST && reason != OTA_TRUNCATED &&
	       reason != OTA_TRAILING;
}

static bool check_report(struct trial *t)
{
	char want[64];
	const struct device *device = t->device;
	unsigned wanted = t->returned == 0 || is_silent(t->returned) ? 0 : 1;
	const char *post = device->posts[0];
	t->out->reports = device->post_count;
	if (device->post_count != wanted)
		return fail_case(t, YP_I5, "%u reports instead of %u: %.80s", device->post_count, wanted,
				 device->post_count ? post : "");
	if (wanted == 0)
		return true;
	(void)snprintf(want, sizeof want, "\"reason\":\"%s\"", ota_reason_name((int)t->result.reason));
	if (!strstr(post, want) || !(strstr(post, "\"event\":\"failure\"") || strstr(post, "\"event\":\"alarm\"")))
		return fail_case(t, YP_I5, "the report says something else than %s: %.120s",
				 ota_reason_name((int)t->result.reason), post);
	if (is_unverified(t->returned) && !strstr(post, "\"version\":\"\""))
		return fail_case(t, YP_I5, "the report names a version that was never verified");
	/* Without the journal the running version is unknown. */
	return t->offer.prepare || strstr(post, "\"from\":\"1.0\"")
		   ? true
		   : fail_case(t, YP_I5, "the report says another running version");
}

static bool check_result(struct trial *t)
{
	int reason = (int)t->result.reason;
	t->out->reason = t->result.reason;
	t->out->fetched_bytes = t->device->served_bytes;
	t->out->slot_writes = device_target_writes(t->device);
	if (ota_reason_of(t->returned) != t->result.reason)
		return fail_case(t, YP_I5, "returned %d, but the result says %s", t->returned, ota_reason_name(reason));
	t->out->class = classify_end(t);
	(void)snprintf(t->out->outcome.label, sizeof t->out->outcome.label, "%s", yp_corrupt_class_name(t->out->class));
	if (!(t->c->reasons >> reason & 1u))
		return fail_case(t, YP_I5, "reason %s: %s", ota_reason_name(reason), t->result.detail);
	if (!(t->c->classes & t->out->class))
		return fail_case(t, YP_I3, "ended as %s with %s: %s", yp_corrupt_class_name(t->out->class),
				 ota_reason_name(reason), t->result.detail);
	if (t->returned && t->result.detail[0] == '\0')
		return fail_case(t, YP_I9, "refused without a word");
	if (!same_media(t, DEVICE_A_ROOTFS, DEVICE_A_KERNEL))
		return fail_case(t, YP_I1, "the running slot was changed");
	uint64_t most =
	    t->forge->policy.fetch_attempts * (uint64_t)t->offer.raw.size + t->offer.later.size + SLACK_BYTES;
	if (t->device->served_bytes > most)
		return fail_case(t, YP_I7, "%llu bytes were fetched of an offer of %zu",
				 (unsigned long long)t->device->served_bytes, t->offer.raw.size);
	return check_report(t);
}

static void install_offer(struct trial *t)
{
	memset(&t->result, 0, sizeof t->result);
	t->returned = ota_install(&t->device->ota, DEVICE_SOURCE, t->offer.flags, &t->result);
}

/* Bytes of writable memory in use, stack included; 0 if unknown. */
static uint64_t data_bytes(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r"); /* proc(5): the sixth number */
	if (file) {
		char text[256] = "";
		char *at = text;
		if (fgets(text, sizeof text, file)) {
			for (unsigned i = 0; i < 6; i++)
				pages = strtoul(at, &at, 10);
		}
		(void)fclose(file);
	}
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* I7: a child with a memory limit refuses it too, for the same reason. */
static bool check_memory(struct trial *t)
{
	int status = 0;
	if (t->offer.memory_bytes == 0 || !MEMORY_IS_COUNTED)
		return true;
	(void)malloc_trim(0); /* free memory that the process keeps would come on top */
	rlim_t most = data_bytes() + t->offer.memory_bytes;
	pid_t child = fork();
	if (child == 0) {
		const struct rlimit limit = {most, most};
		if (setrlimit(RLIMIT_DATA, &limit))
			_exit(2);
		install_offer(t);
		_exit(t->c->reasons >> (int)t->result.reason & 1u ? 0 : 1);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) == 2)
		return fail_case(t, YP_I7, "it could not be run with little memory");
	return WEXITSTATUS(status) == 0 ? true
					: fail_case(t, YP_I7, "with %llu bytes more memory it ends otherwise",
						    (unsigned long long)t->offer.memory_bytes);
}

/* The same offer again: the same answer, and no second report. */
static bool check_again(struct trial *t)
{
	unsigned posts = t->device->post_count;
	int before = t->returned;
	if (before == 0 || t->offer.later.data || t->c->kind != CASE_ROW)
		return true;
	install_offer(t);
	if (t->returned != before)
		return fail_case(t, YP_I5, "offered again it ends with %s instead",
				 ota_reason_name((int)t->result.reason));
	return t->device->post_count == posts ? true : fail_case(t, YP_I5, "offered again it is reported again");
}

static unsigned reports_of(const struct device *device, const char *event)
{
	unsigned count = 0;
	for (unsigned i = 0; i < device->post_count && i < DEVICE_POSTS_MAX; i++)
		count += strstr(device->posts[i], event) != NULL;
	return count;
}

/* What is armed boots, is committed, and is reported as a success, once. */
static bool check_boots(struct trial *t, const char *what)
{
	struct ota_boot_state boot;
	struct device *device = t->device;
	int r = device_boot(device, &t->result);
	if (r || strcmp(device->booted, "B") != 0)
		return fail_case(t, YP_I6, "%s does not come up: %s: %s", what, ota_reason_name((int)ota_reason_of(r)),
				 t->result.detail);
	if (device->ota.boot.ops->query(device->ota.boot.boot, &boot) || boot.trial || strcmp(boot.selected, "B") != 0)
		return fail_case(t, YP_I6, "%s was not committed", what);
	if (reports_of(device, "\"event\":\"success\"") != 1 || device->post_count != t->out->reports + 1)
		return fail_case(t, YP_I5, "%u reports of success, %u reports in all after %s",
				 reports_of(device, "\"event\":\"success\""), device->post_count, what);
	return true;
}

/* I6: after the fault the good bundle is installed without help. */
static bool check_retry(struct trial *t)
{
	struct yp_forge_site *site = t->site;
	struct device *device = t->device;
	if (t->returned == 0 && !slot_holds(t, &site->images[t->offer.expected]))
		return fail_case(t, YP_I2, "accepted, but the slot holds something else");
	if (t->returned == 0 || t->offer.armed)
		return check_boots(t, t->offer.armed ? "the version on trial" : "what was accepted");
	device_reset(device, NULL, &t->forge->policy, t->forge->keyring, YP_FORGE_NOW_S);
	device->post_count = t->out->reports;
	device->server = (struct device_server){.bundle = site->bundles[t->offer.retry].data,
						.size_bytes = site->bundles[t->offer.retry].size};
	t->offer.flags = 0;
	memcpy(device->arena, site->saved,
	       device->media[DEVICE_A_ROOTFS].size_bytes + device->media[DEVICE_A_KERNEL].size_bytes);
	install_offer(t);
	if (t->returned || !t->result.reboot)
		return fail_case(t, YP_I6, "the good bundle is refused afterwards: %s: %s",
				 ota_reason_name((int)t->result.reason), t->result.detail);
	if (!slot_holds(t, &site->images[t->offer.retry]))
		return fail_case(t, YP_I2, "the good bundle was installed wrongly afterwards");
	return check_boots(t, "the good bundle afterwards");
}

static bool has_landed(const struct trial *t)
{
	const struct bytes *good = &t->site->bundles[2];
	return t->offer.changed || t->offer.raw.size != good->size ||
	       memcmp(t->offer.raw.data, good->data, good->size) != 0;
}

/* Changes planned before or during the reading of the offer must have happened.
 */
static bool has_happened(const struct trial *t)
{
	const struct device *device = t->device;
	const struct offer *offer = &t->offer;
	if (offer->later_from > 0 && device->gets < offer->later_from)
		return false;
	return !offer->prepare || memcmp(t->before, t->site->saved, device->arena_bytes) != 0 ||
	       strcmp(device->ota.slots[0].bootname, device->ota.slots[1].bootname) == 0;
}

static int run_command(struct trial *t)
{
	struct device *device = t->device;
	const struct offer *offer = &t->offer;
	device_reset(device, t->site->saved, &offer->policy, offer->keyring ? offer->keyring : t->forge->keyring,
		     offer->now_s);
	if (offer->prepare) {
		int r = offer->prepare(t->forge, device);
		if (r)
			return r;
		for (unsigned i = 0; i < DEVICE_MEDIA; i++)
			device->media[i].writes = 0;
		device->post_count = 0;
		device->gets = 0;
		device->served_bytes = 0;
		t->before = malloc(device->arena_bytes);
		if (!t->before)
			return -ENOMEM;
		memcpy(t->before, device->arena, device->arena_bytes);
	}
	device->server = (struct device_server){.bundle = offer->raw.data,
						.size_bytes = offer->raw.size,
						.later = offer->later.data,
						.later_bytes = offer->later.size,
						.later_from = offer->later_from,
						.later_etag = offer->later_etag,
						.later_clock_s = offer->later_clock_s,
						.unsized = offer->unsized};
	if (!check_memory(t))
		return 0;
	install_offer(t);
	t->out->landed = has_happened(t);
	if (t->out->landed && check_result(t) && check_again(t))
		(void)check_retry(t);
	return 0;
}

int yp_corrupt_run(struct yp_forge *forge, const struct yp_corrupt_case *c, struct yp_corrupt_outcome *out)
{
	struct trial t = {.forge = forge, .c = c, .out = out};
	memset(out, 0, sizeof *out);
	if (c->kind == CASE_ROW && !c->row->build) {
		out->outcome.verdict = YP_SKIP;
		(void)snprintf(out->outcome.text, sizeof out->outcome.text, "%s", c->note);
		return 0;
	}
	int r = yp_corrupt_offer_make(forge, c, &t.offer);
	t.site = t.offer.wide ? &forge->wide : &forge->site;
	t.device = t.site->device;
	t.before = t.site->saved;
	if (r == 0) {
		out->landed = has_landed(&t);
		if (out->landed)
			r = run_command(&t);
		if (!out->landed)
			out->outcome.verdict = YP_MISS;
	}
	if (r)
		out->outcome.verdict = YP_ERROR;
	if (r || !out->landed)
		(void)snprintf(out->outcome.text, sizeof out->outcome.text, "%s",
			       r ? "the case could not be made" : "nothing was changed");
	out->outcome.boots = 1;
	if (t.before != t.site->saved)
		free(t.before);
	yp_forge_offer_free(&t.offer);
	return r;
}
