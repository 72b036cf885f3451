/* SPDX-License-Identifier: Apache-2.0 */
/* Host side: makes and signs a bundle. */
#include <errno.h>
#include <string.h>

#include "cmd/cmd.h"

#define CHUNK_BYTES_DEFAULT 65536u

/* The first required option that is missing, or NULL. */
static const char *find_missing(const struct cmd *cmd)
{
	bool rootfs = false;

	for (unsigned i = 0; i < cmd->image_count; i++)
		rootfs = rootfs || strcmp(cmd->images[i].name, "rootfs") == 0;
	if (cmd->manifest.compatible[0] == '\0')
		return "--compatible=TEXT";
	if (cmd->manifest.version[0] == '\0')
		return "--version=TEXT";
	if (!cmd->sequence_given)
		return "--sequence=NUMBER";
	if (!rootfs)
		return "--image=rootfs=PATH";
	if (cmd->certificate == NULL)
		return "--certificate=FILE";
	return cmd->key == NULL ? "--key=FILE" : NULL;
}

/* A path that cannot be used is an error of the command line, not of the medium. */
static bool is_path_error(int result)
{
	switch (-result) {
	case ENOENT:
	case EACCES:
	case EISDIR:
	case ENOTDIR:
	case ENAMETOOLONG:
	case ELOOP:
		return true;
	default:
		return false;
	}
}

int cmd_bundle(struct cmd *cmd)
{
	struct ota_bundle_spec spec = {
	    .manifest = &cmd->manifest,
	    .images = cmd->images,
	    .image_count = cmd->image_count,
	    .certificate_path = cmd->certificate,
	    .key_path = cmd->key,
	    .zstd_level = cmd->level,
	};
	char detail[OTA_DETAIL_MAX] = "";
	struct ota_clock clock;
	const char *option = find_missing(cmd);
	int result;

	if (option != NULL) {
		(void)fprintf(stderr, "ota: bundle needs %s; see 'ota bundle --help'\n", option);
		return CMD_EXIT_USAGE;
	}
	if (cmd->manifest.chunk_bytes == 0)
		cmd->manifest.chunk_bytes = CHUNK_BYTES_DEFAULT;
	if (!cmd->created_given) {
		ota_clock_linux(cmd->stop, &clock);
		cmd->manifest.created_s = clock.ops->realtime_s(clock.clock);
	}
	result = ota_bundle_write(&spec, cmd->operands[0], detail, sizeof(detail));
	if (is_path_error(result)) {
		(void)fprintf(stderr, "ota: bundle: %s; give another path\n",
			      detail[0] != '\0' ? detail : strerror(-result));
		return CMD_EXIT_USAGE;
	}
	if (result == 0)
		(void)snprintf(detail, sizeof(detail), "written to %s", cmd->operands[0]);
	return cmd_outcome(cmd, result, cmd->manifest.version, detail);
}
