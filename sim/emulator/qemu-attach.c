/* SPDX-License-Identifier: Apache-2.0 */
/* Attaches QEMU's card and disk to the block server, with optional layers in between. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "emulator/emulator-private.h"

#define DM_ALIGN 4096u

static int add_node(struct yp_emulator_machine_spec *spec, const char *text)
{
	if (spec->nodes_count == sizeof spec->nodes / sizeof *spec->nodes || strlen(text) >= sizeof spec->nodes[0])
		return -E2BIG;
	memcpy(spec->nodes[spec->nodes_count], text, strlen(text) + 1);
	spec->nodes_count++;
	return 0;
}

static int format_nbd(const struct yp_emulator *rig, const char *export, char *out, size_t out_bytes)
{
	int n = snprintf(out, out_bytes, "driver=nbd,server.type=unix,server.path=%s,export=%s,discard=unmap",
			 rig->store.socket, export);
	return n < 0 || (size_t)n >= out_bytes ? -E2BIG : 0;
}

static int format_file(const char *dir, const char *name, char *out, size_t out_bytes)
{
	int n = snprintf(out, out_bytes, "driver=file,filename=%s/%s.img,discard=unmap", dir, name);
	return n < 0 || (size_t)n >= out_bytes ? -E2BIG : 0;
}

/* Every write to both, reads from the block server. */
static int attach_witness(struct yp_emulator_go *go, struct yp_emulator_machine_spec *spec, const char *name, char *out,
			  size_t out_bytes)
{
	char text[512], full[600];
	int r = format_nbd(go->rig, name, text, sizeof text);
	if (r == 0) {
		(void)snprintf(full, sizeof full, "%s,node-name=%s-served", text, name);
		r = add_node(spec, full);
	}
	if (r == 0)
		r = format_file(go->run->witness, name, text, sizeof text);
	if (r == 0) {
		(void)snprintf(full, sizeof full, "%s,node-name=%s-copy", text, name);
		r = add_node(spec, full);
	}
	(void)snprintf(out, out_bytes,
		       "driver=quorum,vote-threshold=1,read-pattern=fifo,children.0=%s-served,children.1=%s-copy", name,
		       name);
	return r;
}

/* Does the export lie at `at` when all media are laid end to end, as the log's format wants it? */
static bool lies_at(const struct yp_emulator *rig, const struct yp_export *export, unsigned first, uint64_t *at)
{
	for (unsigned i = 0; i < export->count; i++) {
		uint64_t bytes = rig->media.layout.media[export->media[i]].sectors * YP_SECTOR_BYTES;
		if (export->media[i] != first + i || bytes % DM_ALIGN != 0)
			return false;
		*at += bytes;
	}
	return true;
}

static int attach_logwrites(struct yp_emulator_go *go, struct yp_emulator_machine_spec *spec)
{
	const struct yp_export *card = yp_media_export(&go->rig->media, "card");
	const struct yp_export *disk = yp_media_export(&go->rig->media, "disk");
	uint64_t card_end = 0, disk_end = 0;
	char text[512], full[600];
	if (!lies_at(go->rig, card, 0, &card_end) || !lies_at(go->rig, disk, card->count, &disk_end))
		return -EINVAL;
	int fd = open(go->run->blklogwrites, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	(void)close(fd);
	int r = format_nbd(go->rig, "", text, sizeof text);
	(void)snprintf(full, sizeof full, "%s,node-name=all-served", text);
	if (r == 0)
		r = add_node(spec, full);
	(void)snprintf(full, sizeof full, "driver=file,filename=%s,cache.no-flush=on,node-name=dm-log",
		       go->run->blklogwrites);
	if (r == 0)
		r = add_node(spec, full);
	if (r == 0)
		r = add_node(spec, "driver=blklogwrites,file=all-served,log=dm-log,log-sector-size=512,"
				   "log-super-update-interval=1,node-name=all");
	(void)snprintf(spec->card, sizeof spec->card, "driver=raw,file=all,offset=0,size=%" PRIu64, card_end);
	(void)snprintf(spec->disk, sizeof spec->disk, "driver=raw,file=all,offset=%" PRIu64 ",size=%" PRIu64, card_end,
		       disk_end);
	return r;
}

int yp_emulator_go_attach(struct yp_emulator_go *go, struct yp_emulator_machine_spec *spec, char *detail,
			  size_t detail_bytes)
{
	const struct yp_emulator_run *run = go->run;
	int r;
	if (run->plain) {
		r = format_file(run->plain, "card", spec->card, sizeof spec->card);
		if (r == 0)
			r = format_file(run->plain, "disk", spec->disk, sizeof spec->disk);
	} else if (run->blklogwrites) {
		r = attach_logwrites(go, spec);
	} else if (run->witness) {
		r = attach_witness(go, spec, "card", spec->card, sizeof spec->card);
		if (r == 0)
			r = attach_witness(go, spec, "disk", spec->disk, sizeof spec->disk);
	} else {
		r = format_nbd(go->rig, "card", spec->card, sizeof spec->card);
		if (r == 0)
			r = format_nbd(go->rig, "disk", spec->disk, sizeof spec->disk);
	}
	if (r < 0)
		(void)snprintf(detail, detail_bytes, "card and disk cannot be attached%s: %s",
			       run->blklogwrites ? " (media must lie as card and disk do, in steps of 4096 bytes)" : "",
			       strerror(-r));
	return r;
}
