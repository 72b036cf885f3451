/* SPDX-License-Identifier: Apache-2.0 */
/* Machines that wait at `ready`, in files: QEMU's migration, to and from cat. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "emulator/emulator-private.h"
#include "emulator/monotonic-clock.h"

#define MOVE_MS    60000u
#define COMMAND_MS 20000u

/* The shell has the path between quotes. */
static bool path_good(const char *path)
{
	return strlen(path) < YP_EMULATOR_PATH_MAX && !strpbrk(path, "'\"\\");
}

static int move_state(struct yp_emulator_go *go, const char *command, const char *way, const char *path)
{
	struct yp_emulator_machine *machine = &go->rig->machine;
	char text[2 * YP_EMULATOR_PATH_MAX];
	int64_t deadline = yp_emulator_clock_in_ms(MOVE_MS);
	go->move = YP_EMULATOR_MOVE_NOT;
	if (!path_good(path))
		return -EINVAL;
	(void)snprintf(text, sizeof text, "{\"uri\":\"exec:cat %s'%s'\"}", way, path);
	int r =
	    yp_emulator_machine_command(machine, "migrate-set-capabilities",
					"{\"capabilities\":[{\"capability\":\"events\",\"state\":true}]}", COMMAND_MS);
	if (r == 0)
		r = yp_emulator_machine_command(machine, command, text, COMMAND_MS);
	while (r >= 0 && go->move == YP_EMULATOR_MOVE_NOT) {
		r = yp_emulator_machine_step(machine, deadline);
		if (r == 0)
			r = -ETIMEDOUT;
	}
	return r < 0 ? r : go->move == YP_EMULATOR_MOVE_DONE ? 0 : -EIO;
}

static bool digest_medium(struct yp_emulator_go *go, const char *medium, char *out, size_t out_bytes)
{
	char answer[YP_EMULATOR_ANSWER_MAX], line[YP_NAME_MAX + 16];
	(void)snprintf(line, sizeof line, "digest %.31s", medium);
	return yp_emulator_go_store(go, answer, sizeof answer, line) &&
	       yp_emulator_store_word(answer, "digest", out, out_bytes);
}

/* The file of a snapshot; its name contains everything that a boot depends on up to `ready`. */
static bool file_of(struct yp_emulator_go *go, char slot, char *out, size_t out_bytes)
{
	char name[YP_NAME_MAX], contents[40], table[40] = "";
	(void)snprintf(name, sizeof name, "slot-%c", slot == 'A' ? 'a' : 'b');
	if (yp_media_find(&go->rig->media.layout, name) < 0 || !digest_medium(go, name, contents, sizeof contents))
		return false;
	if (yp_media_find(&go->rig->media.layout, "gpt") >= 0 && !digest_medium(go, "gpt", table, sizeof table))
		return false;
	int n = snprintf(out, out_bytes, "%s/%c-%016" PRIx64 "-%s-%.16s", go->run->snapshots, slot, go->rig->board_key,
			 contents, table);
	return n > 0 && (size_t)n < out_bytes;
}

static bool may_cut(const struct yp_emulator_go *go)
{
	return go->powered && !go->error;
}

void yp_emulator_go_snapshot_make(struct yp_emulator_go *go)
{
	char file[YP_EMULATOR_PATH_MAX] = "", part[YP_EMULATOR_PATH_MAX + 8];
	go->snapshot_due = false;
	if (!may_cut(go) || !file_of(go, yp_emulator_go_boot(go)->slot, file, sizeof file)) {
		yp_emulator_go_fail(go, -EINVAL, "snapshot: there is no slot that it could be of");
		return;
	}
	(void)snprintf(part, sizeof part, "%s.%u", file, go->rig->options.worker);
	int r = access(file, R_OK) == 0 ? 0 : move_state(go, "migrate", ">", part);
	if (r == 0 && access(file, R_OK) != 0 && rename(part, file) < 0)
		r = -errno;
	if (r < 0)
		yp_emulator_go_fail(go, r, "snapshot %.150s: %s", part, strerror(-r));
	else
		yp_emulator_go_finish(go, YP_EMULATOR_REACHED, "");
}

bool yp_emulator_go_snapshot_find(struct yp_emulator_go *go, char slot)
{
	go->choice = 0;
	if (!may_cut(go) || !file_of(go, slot, go->resume, sizeof go->resume) || access(go->resume, R_OK) != 0)
		go->resume[0] = 0;
	return go->resume[0];
}

bool yp_emulator_go_snapshot_resume(struct yp_emulator_go *go)
{
	int r = move_state(go, "migrate-incoming", "", go->resume);
	if (r < 0)
		yp_emulator_go_fail(go, r, "snapshot %.150s: %s", go->resume, strerror(-r));
	go->resume[0] = 0;
	return r == 0;
}
