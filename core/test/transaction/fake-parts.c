/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a fake device and the seams over them. */
#include "test/transaction/fake-parts.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void fake_log(struct fake *fake, const char *format, ...)
{
	char line[96];
	va_list arguments;
	if (!fake->logging)
		return;
	va_start(arguments, format);
	int n = vsnprintf(line, sizeof line - 1, format, arguments);
	va_end(arguments);
	cr_assert(n > 0 && (size_t)n < sizeof line - 1);
	line[n] = '\n';
	size_t size = (size_t)n + 1;
	if (fake->log_used >= size && memcmp(fake->log + fake->log_used - size, line, size) == 0 &&
	    (fake->log_used == size || fake->log[fake->log_used - size - 1] == '\n'))
		return;
	cr_assert(fake->log_used + size < sizeof fake->log);
	memcpy(fake->log + fake->log_used, line, size);
	fake->log_used += size;
}

static bool count_operation(struct fake *fake)
{
	fake->ops++;
	if (fake->die_at && fake->ops >= fake->die_at)
		fake->dead = true;
	return !fake->dead;
}

static unsigned index_of(const struct fake_medium *medium)
{
	return (unsigned)(medium - medium->fake->media);
}

static int block_read(void *dev, uint64_t offset_bytes, void *out, size_t size_bytes)
{
	struct fake_medium *medium = dev;
	cr_assert(offset_bytes + size_bytes <= medium->size_bytes && (offset_bytes | size_bytes) % 512 == 0);
	if (!count_operation(medium->fake))
		return -EIO;
	memcpy(out, medium->cache + offset_bytes, size_bytes);
	return 0;
}

static int block_read_uncached(void *dev, uint64_t offset_bytes, void *out, size_t size_bytes)
{
	struct fake_medium *medium = dev;
	cr_assert(offset_bytes + size_bytes <= medium->size_bytes && (offset_bytes | size_bytes) % 512 == 0);
	if (!count_operation(medium->fake))
		return -EIO;
	fake_log(medium->fake, "%s read-back", medium->name);
	memcpy(out, (medium->fake->device_cache ? medium->cache : medium->durable) + offset_bytes, size_bytes);
	return 0;
}

static int block_write(void *dev, uint64_t offset_bytes, const void *data, size_t size_bytes)
{
	struct fake_medium *medium = dev;
	struct fake *fake = medium->fake;
	const uint8_t *bytes = data;
	cr_assert(offset_bytes + size_bytes <= medium->size_bytes && (offset_bytes | size_bytes) % 512 == 0);
	cr_assert(fake->booted[0] != medium->name[0], "the running slot is written");
	if (!count_operation(fake) || fake->fail_write_medium == index_of(medium) + 1)
		return -EIO;
	fake_log(fake, "%s write%s", medium->name,
		 offset_bytes == 0 && index_of(medium) != FAKE_STATE ? " header" : "");
	medium->writes++;
	memcpy(medium->cache + offset_bytes, data, size_bytes);
	for (size_t at = 0; at < size_bytes; at += 4096) {
		cr_assert(fake->pending_count < FAKE_PENDING_MAX);
		struct fake_pending *p = &fake->pending[fake->pending_count];
		p->medium = index_of(medium);
		p->offset = (uint32_t)(offset_bytes + at);
		p->size = (uint32_t)(size_bytes - at < 4096 ? size_bytes - at : 4096);
		memcpy(fake->pending_data[fake->pending_count++], bytes + at, p->size);
	}
	if (fake->flip_write && --fake->flip_write == 0)
		fake->pending_data[fake->pending_count - 1][100] ^= 4;
	return 0;
}

static int block_flush(void *dev)
{
	struct fake_medium *medium = dev;
	struct fake *fake = medium->fake;
	unsigned kept = 0;
	if (!count_operation(fake) || fake->fail_flush_medium == index_of(medium) + 1)
		return -EIO;
	if (fake->fail_flush_nth && --fake->fail_flush_nth == 0)
		return -EIO;
	fake_log(fake, "%s flush", medium->name);
	medium->flushes++;
	for (unsigned i = 0; i < fake->pending_count; i++) {
		struct fake_pending p = fake->pending[i];
		if (p.medium == index_of(medium)) {
			memcpy(medium->durable + p.offset, fake->pending_data[i], p.size);
			continue;
		}
		fake->pending[kept] = p;
		if (kept != i)
			memcpy(fake->pending_data[kept], fake->pending_data[i], p.size);
		kept++;
	}
	fake->pending_count = kept;
	return 0;
}

const struct ota_block_ops fake_block_ops = {block_read, block_read_uncached, block_write, block_flush};

int fake_env_store(struct fake *fake, const struct ota_boot_state *state)
{
	struct ota_boot_state next = *state;
	next.readable = true;
	next.degraded = false;
	if (memcmp(&next, &fake->env, sizeof next) == 0)
		return 0;
	if (!count_operation(fake) || fake->env_fails)
		return -EIO;
	fake_log(fake, "env selected=%s barred=%s trial=%d", next.selected, next.barred, next.trial);
	fake->env = next;
	fake->env_stores++;
	return 0;
}

static int boot_query(void *boot, struct ota_boot_state *out)
{
	struct fake *fake = boot;
	if (!count_operation(fake))
		return -EIO;
	*out = fake->env;
	return 0;
}

static int boot_set(struct fake *fake, const char *selected, const char *barred, bool trial, uint64_t id,
		    unsigned limit)
{
	struct ota_boot_state next;
	memset(&next, 0, sizeof next);
	(void)snprintf(next.selected, sizeof next.selected, "%s", selected);
	(void)snprintf(next.barred, sizeof next.barred, "%s", barred);
	next.trial = trial;
	next.trial_id = id;
	next.limit = limit;
	return fake_env_store(fake, &next);
}

static int boot_try(void *boot, const char *slot, uint64_t trial_id, unsigned limit)
{
	return boot_set(boot, slot, "", true, trial_id, limit);
}

static int boot_commit(void *boot, const char *slot)
{
	struct fake *fake = boot;
	return boot_set(fake, slot, "", false, fake->env.trial_id, fake->env.limit);
}

static int boot_rollback(void *boot, const char *keep, const char *bad)
{
	struct fake *fake = boot;
	cr_assert_str_neq(keep, bad, "kept and barred");
	return boot_set(fake, keep, bad, false, fake->env.trial_id, fake->env.limit);
}

const struct ota_boot_ops fake_boot_ops = {boot_query, boot_try, boot_commit, boot_rollback};

static int fetch_get(void *ctx, const struct ota_fetch_request *request)
{
	struct fake *fake = ctx;
	struct ota_fetch_answer answer = {.status = request->offset_bytes || request->length_bytes ? 206 : 200,
					  .total_bytes = fake->bundle_bytes};
	fake->gets++;
	if (fake->dead)
		return -EIO;
	if (fake->server_down || !fake->bundle)
		return OTA_UNREACHABLE;
	(void)snprintf(answer.etag, sizeof answer.etag, "%s", fake->etag);
	if (request->if_none_match && strcmp(request->if_none_match, fake->etag) == 0)
		return OTA_NOTHING_TO_DO;
	if (request->offset_bytes > 0 && request->if_range && strcmp(request->if_range, fake->etag) != 0)
		return OTA_HTTP_RANGE;
	if (request->offset_bytes >= fake->bundle_bytes)
		return OTA_HTTP_RANGE;
	size_t left = fake->bundle_bytes - (size_t)request->offset_bytes;
	if (request->length_bytes && request->length_bytes < left)
		left = (size_t)request->length_bytes;
	int r = request->head ? request->head(request->ctx, &answer) : 0;
	for (size_t at = 0; r == 0 && at < left; at += 1000) {
		size_t piece = left - at < 1000 ? left - at : 1000;
		fake->fetched_bytes += piece;
		r = request->body(request->ctx, fake->bundle + request->offset_bytes + at, piece);
	}
	return r;
}

static int fetch_post(void *ctx, const char *url, const char *json, size_t size_bytes)
{
	struct fake *fake = ctx;
	cr_assert_str_eq(url, fake->ota.policy.report_url);
	cr_assert_eq(json[size_bytes], '\0');
	if (fake->dead)
		return -EIO;
	if (fake->server_down || fake->reports_down)
		return OTA_UNREACHABLE;
	cr_assert(fake->post_count < FAKE_POSTS_MAX);
	(void)snprintf(fake->posts[fake->post_count++], sizeof fake->posts[0], "%s", json);
	fake_log(fake, "post");
	return 0;
}

const struct ota_fetch_ops fake_fetch_ops = {fetch_get, fetch_post};

static int64_t clock_realtime(void *ctx)
{
	struct fake *fake = ctx;
	return fake->clock_s;
}

static int64_t clock_monotonic(void *ctx)
{
	struct fake *fake = ctx;
	return fake->monotonic_ms++;
}

static int clock_sleep(void *ctx, uint32_t ms)
{
	struct fake *fake = ctx;
	fake->monotonic_ms += ms;
	return 0;
}

const struct ota_clock_ops fake_clock_ops = {clock_realtime, clock_monotonic, clock_sleep};

static int system_booted(void *ctx, char out[OTA_BOOTNAME_MAX])
{
	struct fake *fake = ctx;
	memcpy(out, fake->booted, OTA_BOOTNAME_MAX);
	return 0;
}

static int system_hook(void *ctx, enum ota_hook hook, const char *bundle_version)
{
	struct fake *fake = ctx;
	(void)bundle_version;
	fake_log(fake, "hook %d", (int)hook);
	return fake->hook_refuses && hook == OTA_HOOK_PRE_INSTALL ? OTA_HOOK_REFUSED : 0;
}

static int system_health(void *ctx, uint32_t deadline_ms, char *detail, size_t detail_bytes)
{
	struct fake *fake = ctx;
	char kind = (char)fake->media[fake->booted[0] == 'B' ? 2 : 0].durable[0];
	fake->health_runs++;
	cr_assert(deadline_ms > 0);
	if (fake->health_errno)
		return fake->health_errno;
	if (kind == 'G')
		return 0;
	(void)snprintf(detail, detail_bytes, "app");
	return kind == 'T' ? OTA_HEALTH_TIMEOUT : OTA_HEALTH_FAILED;
}

static int system_power(void *ctx)
{
	struct fake *fake = ctx;
	return fake->low_power ? OTA_LOW_POWER : 0;
}

static int system_reboot(void *ctx)
{
	struct fake *fake = ctx;
	fake->reboots++;
	fake_log(fake, "reboot");
	return 0;
}

static void system_step(void *ctx, enum ota_step step)
{
	fake_log(ctx, "%s", ota_step_name(step));
}

static void system_message(void *ctx, enum ota_level level, const char *text)
{
	(void)ctx;
	(void)level;
	cr_assert_null(strchr(text, '\n'));
}

static void system_watchdog(void *ctx, bool release)
{
	struct fake *fake = ctx;
	fake->watchdog_releases += release;
}

const struct ota_system_ops fake_system_ops = {.booted = system_booted,
					       .hook = system_hook,
					       .health = system_health,
					       .power = system_power,
					       .reboot = system_reboot,
					       .step = system_step,
					       .message = system_message,
					       .watchdog = system_watchdog};
