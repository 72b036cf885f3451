/* SPDX-License-Identifier: Apache-2.0 */
#include "server/test/server-fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/content-hash.h"

int yp_fixture_nap(void *ctx, unsigned ms)
{
	(void)ctx;
	usleep(ms * 1000);
	return 0;
}

uint64_t yp_fixture_next(uint64_t *seed)
{
	*seed += UINT64_C(0x9e3779b97f4a7c15);
	return yp_mix64(*seed);
}

void yp_fixture_clients(struct fixture *f)
{
	cr_assert_eq(yp_server_connect(f->server, yp_media_export(&f->media, "disk"), &f->disk), 0);
	cr_assert_eq(yp_server_connect(f->server, yp_media_export(&f->media, "env"), &f->env), 0);
	cr_assert_eq(yp_server_connect(f->server, yp_media_export(&f->media, ""), &f->all), 0);
}

/* disk on a base of random bytes that is shorter than it, env on nothing. */
void yp_fixture_start(struct fixture *f, const char *model, const char *log)
{
	char text[256];
	char detail[160] = "";
	uint64_t seed = 99;
	snprintf(f->dir, sizeof f->dir, "/tmp/block-server-XXXXXX");
	cr_assert(mkdtemp(f->dir));
	snprintf(f->base, sizeof f->base, "%s/base", f->dir);
	snprintf(f->log, sizeof f->log, "%s/log", f->dir);
	memset(f->shadow, 0, sizeof f->shadow);
	for (size_t i = 0; i < BYTES - 3 * YP_SECTOR_BYTES - 17; i++)
		f->shadow[i] = (uint8_t)yp_fixture_next(&seed);
	FILE *file = fopen(f->base, "wb");
	fwrite(f->shadow, 1, BYTES - 3 * YP_SECTOR_BYTES - 17, file);
	fclose(file);
	yp_media_init(&f->media);
	snprintf(text, sizeof text, "disk:%u:%s:%s", SECTORS, model, f->base);
	cr_assert_eq(yp_media_add(&f->media, text, detail, sizeof detail), 0, "%s", detail);
	cr_assert_eq(yp_media_add(&f->media, "env:16:torn", detail, sizeof detail), 0, "%s", detail);
	cr_assert_eq(yp_media_complete(&f->media, detail, sizeof detail), 0);
	struct yp_server_config config = {.media = &f->media, .wait = yp_fixture_nap};
	cr_assert_eq(yp_server_new(&config, &f->server), 0);
	cr_assert_eq(yp_server_keep(f->server), 0);
	cr_assert_eq(yp_server_power(f->server, log), 0);
	yp_fixture_clients(f);
}

int yp_fixture_stop(struct fixture *f)
{
	char command[128];
	int r = yp_server_free(f->server);
	yp_media_deinit(&f->media);
	snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
	cr_assert_eq(system(command), 0);
	return r;
}

void yp_fixture_assert_disk(struct fixture *f, const uint8_t *expected, const char *what)
{
	static uint8_t now[BYTES];
	cr_assert_eq(yp_server_read(f->server, &f->disk, 0, BYTES, now), 0);
	for (size_t i = 0; i < BYTES; i++)
		cr_assert_eq(now[i], expected[i], "%s: sector %zu", what, i / YP_SECTOR_BYTES);
}

/* One random request, kept in the shadow as well. */
void yp_fixture_request(struct fixture *f, uint64_t *seed)
{
	static uint8_t data[16 * YP_SECTOR_BYTES];
	uint32_t sectors = 1 + (uint32_t)(yp_fixture_next(seed) % 16);
	uint64_t at = yp_fixture_next(seed) % (SECTORS - sectors);
	uint64_t offset = at * YP_SECTOR_BYTES;
	uint32_t bytes = sectors * YP_SECTOR_BYTES;
	memset(data, (int)yp_fixture_next(seed), bytes);
	data[0] = (uint8_t)yp_fixture_next(seed);
	switch (yp_fixture_next(seed) % 8) {
	case 0:
		cr_assert_eq(yp_server_flush(f->server, &f->disk), 0);
		return;
	case 1:
		cr_assert_eq(yp_server_discard(f->server, &f->disk, offset, bytes), 0);
		memset(f->shadow + offset, 0, bytes);
		return;
	case 2:
		cr_assert_eq(yp_server_write(f->server, &f->disk, offset, bytes, NULL, false), 0);
		memset(f->shadow + offset, 0, bytes);
		return;
	case 3:
		cr_assert_eq(yp_server_read(f->server, &f->disk, offset, bytes, data), 0);
		cr_assert_eq(memcmp(data, f->shadow + offset, bytes), 0);
		return;
	default:
		cr_assert_eq(yp_server_write(f->server, &f->disk, offset, bytes, data, yp_fixture_next(seed) % 4 == 0),
			     0);
		memcpy(f->shadow + offset, data, bytes);
	}
}
