/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control line parser on any bytes, and what it accepts run against a server. Invariant: no line reads or writes
 * out of bounds or takes more than its limits; each gets one line back that starts with "ok" or "error".
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/control-socket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int no_wait(void *ctx, unsigned ms)
{
	(void)ctx;
	(void)ms;
	return -1;
}

/* What would reach out of the server: files and processes. */
static bool is_harmless(const struct yp_command *c)
{
	bool file = c->kind == YP_COMMAND_APPLY || c->kind == YP_COMMAND_CRASH || c->kind == YP_COMMAND_SAVE_IMAGE ||
		    c->kind == YP_COMMAND_SAVE_DM || (c->kind == YP_COMMAND_POWER && *c->text);
	return !file && c->cut.kill == 0 && c->fault.cut.kill == 0;
}

static void run_line(struct yp_server *server, const struct yp_command *command)
{
	char out[256];
	if (!is_harmless(command))
		return;
	yp_control_run(server, command, out, sizeof out);
	if ((strncmp(out, "ok", 2) != 0 && strncmp(out, "error ", 6) != 0) || strchr(out, '\n'))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yp_media media;
	struct yp_server *server;
	struct yp_client client;
	char detail[160];
	uint8_t sector[YP_SECTOR_BYTES] = {1};
	yp_media_init(&media);
	if (yp_media_add(&media, "env:16:torn:", detail, sizeof detail) != 0 ||
	    yp_media_complete(&media, detail, sizeof detail) != 0)
		abort();
	struct yp_server_config config = {.media = &media, .wait = no_wait};
	if (yp_server_new(&config, &server) < 0 || yp_server_power(server, NULL) < 0)
		abort();
	while (size > 0) {
		struct yp_command command;
		const uint8_t *end = memchr(data, '\n', size);
		size_t line = end ? (size_t)(end - data) : size;
		int r = yp_command_parse((const char *)data, line, &command, detail, sizeof detail);
		if (r == 0)
			run_line(server, &command);
		else if (r != 1 || !*detail)
			abort();
		if (yp_server_connect(server, yp_media_export(&media, "env"), &client) == 0) {
			(void)!yp_server_write(server, &client, 0, sizeof sector, sector, false);
			(void)!yp_server_read(server, &client, 0, sizeof sector, sector);
		}
		data += end ? line + 1 : line;
		size -= end ? line + 1 : line;
	}
	(void)yp_server_free(server);
	yp_media_deinit(&media);
	return 0;
}
