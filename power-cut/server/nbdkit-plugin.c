/* SPDX-License-Identifier: Apache-2.0 */
/* The block server as an nbdkit plugin. nbdkit's interface has no place for state but static variables: all of it is in
 * one struct here, and nowhere else. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "server/control-socket.h"

#define THREAD_MODEL    NBDKIT_THREAD_MODEL_PARALLEL
#define FROM_MAX        YP_CUTS_MAX
#define DETAIL_BYTES    200u
#define PREFERRED_BYTES 4096u

static struct {
	struct yp_media media;
	char *from[FROM_MAX];
	unsigned from_count;
	struct yp_case state;
	char *log, *dm_log, *control_path;
	struct yp_server *server;
	struct yp_control *control;
} plugin;

static int report_error(const char *what, int r)
{
	nbdkit_error("%s: %s", what, strerror(-r));
	return -1;
}

static void plugin_load(void)
{
	yp_media_init(&plugin.media);
}

static void plugin_unload(void)
{
	if (plugin.server && plugin.dm_log) {
		int r = yp_server_save_dm(plugin.server, plugin.dm_log);
		if (r < 0)
			(void)report_error(plugin.dm_log, r);
	}
	int r = yp_server_free(plugin.server);
	if (r < 0)
		(void)report_error("the write log is not whole", r);
	yp_media_deinit(&plugin.media);
	for (unsigned i = 0; i < plugin.from_count; i++)
		free(plugin.from[i]);
	free(plugin.log);
	free(plugin.dm_log);
	free(plugin.control_path);
}

static int config_path(const char *key, const char *value, char **out)
{
	if (*out) {
		nbdkit_error("%s= is given twice", key);
		return -1;
	}
	*out = nbdkit_absolute_path(value);
	return *out ? 0 : -1;
}

static int plugin_config(const char *key, const char *value)
{
	char detail[DETAIL_BYTES] = "";
	int r = 0;
	if (strcmp(key, "medium") == 0)
		r = yp_media_add(&plugin.media, value, detail, sizeof detail);
	else if (strcmp(key, "layout") == 0)
		r = yp_media_load(&plugin.media, value, detail, sizeof detail);
	else if (strcmp(key, "export") == 0)
		r = yp_media_export_add(&plugin.media, value, detail, sizeof detail);
	else if (strcmp(key, "log") == 0)
		return config_path(key, value, &plugin.log);
	else if (strcmp(key, "dm-log") == 0)
		return config_path(key, value, &plugin.dm_log);
	else if (strcmp(key, "control") == 0)
		return config_path(key, value, &plugin.control_path);
	else if (strcmp(key, "from") == 0 && plugin.from_count < FROM_MAX)
		return config_path(key, value, &plugin.from[plugin.from_count++]);
	else if (strcmp(key, "state") == 0 && yp_case_decode(value, &plugin.state) == 0)
		return 0;
	else {
		nbdkit_error("%s=%s: unknown, too many, or no case such as 42.s.5.0", key, value);
		return -1;
	}
	if (r == 0)
		return 0;
	nbdkit_error("%s=: %s", key, detail);
	return -1;
}

static int plugin_config_complete(void)
{
	char detail[DETAIL_BYTES];
	if (yp_media_complete(&plugin.media, detail, sizeof detail) != 0) {
		nbdkit_error("%s", detail);
		return -1;
	}
	if (plugin.state.count > plugin.from_count) {
		nbdkit_error("state= has %u cuts, but there are only %u logs (from=)", plugin.state.count,
			     plugin.from_count);
		return -1;
	}
	return 0;
}

/* nbdkit's sleep ends early when the client or the server goes away. */
static int wait_ms(void *ctx, unsigned ms)
{
	(void)ctx;
	return nbdkit_nanosleep(ms / 1000, ms % 1000 * 1000000u) < 0 ? -ESHUTDOWN : 0;
}

static void on_event(void *ctx)
{
	(void)ctx;
	if (plugin.control)
		yp_control_wake(plugin.control);
}

static void on_quit(void *ctx)
{
	(void)ctx;
	nbdkit_shutdown();
}

static int load_states(void)
{
	char detail[DETAIL_BYTES] = "";
	for (unsigned i = 0; i < plugin.from_count; i++) {
		const struct yp_cut *cut = i < plugin.state.count ? &plugin.state.cuts[i] : NULL;
		if (yp_server_load(plugin.server, plugin.from[i], cut, detail, sizeof detail) != 0) {
			nbdkit_error("%s %s", plugin.from[i], detail);
			return -1;
		}
	}
	return 0;
}

static int plugin_get_ready(void)
{
	struct yp_server_config config = {.media = &plugin.media, .wait = wait_ms, .on_event = on_event};
	int r = yp_server_new(&config, &plugin.server);
	if (r < 0)
		return report_error("block server", r);
	if (load_states() < 0)
		return -1;
	r = yp_server_keep(plugin.server);
	if (r < 0)
		return report_error("block server", r);
	r = yp_server_power(plugin.server, plugin.log);
	if (r < 0)
		return report_error(plugin.log ? plugin.log : "block server", r);
	r = plugin.control_path ? yp_control_new(plugin.control_path, on_quit, NULL, &plugin.control) : 0;
	return r < 0 ? report_error(plugin.control_path, r) : 0;
}

static int plugin_after_fork(void)
{
	int r = plugin.control ? yp_control_start(plugin.control, plugin.server) : 0;
	return r < 0 ? report_error("control", r) : 0;
}

static void plugin_cleanup(void)
{
	yp_control_free(plugin.control);
	plugin.control = NULL;
}

static int plugin_list_exports(int readonly, int is_tls, struct nbdkit_exports *exports)
{
	(void)readonly;
	(void)is_tls;
	for (unsigned i = 0; i < plugin.media.exports_count; i++) {
		if (nbdkit_add_export(exports, plugin.media.exports[i].name, NULL) < 0)
			return -1;
	}
	return 0;
}

static void *plugin_open(int readonly)
{
	(void)readonly;
	const char *name = nbdkit_export_name();
	const struct yp_export *export = name ? yp_media_export(&plugin.media, name) : NULL;
	if (!export) {
		nbdkit_error("there is no export \"%s\"", name ? name : "");
		return NULL;
	}
	struct yp_client *client = malloc(sizeof *client);
	int r = client ? yp_server_connect(plugin.server, export, client) : -ENOMEM;
	if (r < 0) {
		(void)report_error("connect", r);
		free(client);
		return NULL;
	}
	return client;
}

static int64_t plugin_get_size(void *handle)
{
	const struct yp_client *client = handle;
	return (int64_t)client->export->bytes;
}

static int plugin_block_size(void *handle, uint32_t *minimum, uint32_t *preferred, uint32_t *maximum)
{
	(void)handle;
	*minimum = YP_SECTOR_BYTES;
	*preferred = PREFERRED_BYTES;
	*maximum = UINT32_MAX;
	return 0;
}

static int answer_yes(void *handle)
{
	(void)handle;
	return 1;
}

static int fua_native(void *handle)
{
	(void)handle;
	return NBDKIT_FUA_NATIVE;
}

static int answer_client(int r)
{
	if (r == 0)
		return 0;
	nbdkit_set_error(-r);
	return -1;
}

static int plugin_pread(void *handle, void *buffer, uint32_t count, uint64_t offset, uint32_t flags)
{
	(void)flags;
	return answer_client(yp_server_read(plugin.server, handle, offset, count, buffer));
}

static int plugin_pwrite(void *handle, const void *buffer, uint32_t count, uint64_t offset, uint32_t flags)
{
	return answer_client(yp_server_write(plugin.server, handle, offset, count, buffer, flags & NBDKIT_FLAG_FUA));
}

static int plugin_zero(void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
	return answer_client(yp_server_write(plugin.server, handle, offset, count, NULL, flags & NBDKIT_FLAG_FUA));
}

static int plugin_flush(void *handle, uint32_t flags)
{
	(void)flags;
	return answer_client(yp_server_flush(plugin.server, handle));
}

static int plugin_trim(void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
	int r = yp_server_discard(plugin.server, handle, offset, count);
	/* A discard in the log is never durable by itself, so a flush follows it. */
	if (r == 0 && (flags & NBDKIT_FLAG_FUA))
		r = yp_server_flush(plugin.server, handle);
	return answer_client(r);
}

static void plugin_close(void *handle)
{
	free(handle);
}

#define HELP                                                                                                           \
	"medium=NAME:SECTORS:MODEL:FILE[@BYTES]  one medium (again for more); FILE is never written to\n"              \
	"layout=FILE                             a file of such lines, and of export= lines\n"                         \
	"export=NAME:MEDIUM+MEDIUM...            media laid end to end as one disk; each medium is an export "         \
	"anyway,\n"                                                                                                    \
	"                                        and all of them together are \"\"\n"                                  \
	"log=PATH, dm-log=PATH                   the write log of the first run (at the end, as dm-log-writes)\n"      \
	"control=PATH                            unix socket for marks, cuts, faults\n"                                \
	"from=LOG (again for more), state=CASE   start from a crash state: each cut of CASE in its log, the rest "     \
	"whole"

static struct nbdkit_plugin registration = {
    .name = "powercut",
    .longname = "yankproof block server",
    .description = "media that are recorded, cut and made to fail",
    .load = plugin_load,
    .unload = plugin_unload,
    .config = plugin_config,
    .config_complete = plugin_config_complete,
    .config_help = HELP,
    .magic_config_key = "medium",
    .get_ready = plugin_get_ready,
    .after_fork = plugin_after_fork,
    .cleanup = plugin_cleanup,
    .list_exports = plugin_list_exports,
    .open = plugin_open,
    .close = plugin_close,
    .get_size = plugin_get_size,
    .block_size = plugin_block_size,
    .can_write = answer_yes,
    .can_flush = answer_yes,
    .can_trim = answer_yes,
    .can_zero = answer_yes,
    .can_fast_zero = answer_yes,
    .can_multi_conn = answer_yes,
    .can_fua = fua_native,
    .pread = plugin_pread,
    .pwrite = plugin_pwrite,
    .zero = plugin_zero,
    .flush = plugin_flush,
    .trim = plugin_trim,
};

/* nbdkit looks up this symbol; its header does not declare it. */
struct nbdkit_plugin *plugin_init(void);
NBDKIT_REGISTER_PLUGIN(registration)
