/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* nftw */
/* Creates the rig: checks its files and programs, makes its directory, starts its block server. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/emulator-private.h"
#include "server/server-command.h"

#define DEEP_MAX     80u /* bytes of a path: socket names come behind it */
#define OPEN_DIRS    8
#define READ_SECTORS 256u

static bool in_path(const char *program)
{
	const char *path = getenv("PATH");
	char full[YP_EMULATOR_PATH_MAX];
	for (const char *at = path ? path : "/usr/bin:/bin"; *at;) {
		size_t length = strcspn(at, ":");
		int n = snprintf(full, sizeof full, "%.*s/%s", (int)length, at, program);
		if (n > 0 && (size_t)n < sizeof full && access(full, X_OK) == 0)
			return true;
		at += length + (at[length] == ':');
	}
	return false;
}

/* The QEMU that these images are for; "" if they do not say. */
static void program_of(const char *images, char out[YP_EMULATOR_PROGRAM_MAX])
{
	char path[YP_EMULATOR_PATH_MAX + 16];
	(void)snprintf(path, sizeof path, "%s/board.program", images);
	FILE *f = fopen(path, "re");
	if (!f || !fgets(out, YP_EMULATOR_PROGRAM_MAX, f))
		*out = 0;
	if (f)
		(void)fclose(f);
	out[strcspn(out, "\n")] = 0;
}

bool yp_emulator_present(const char *images, char *why, size_t why_bytes)
{
	static const char *const files[] = {"board.args", "board.program", "media",
					    "card.img",   "disk.img",      "u-boot.bin"};
	char qemu[YP_EMULATOR_PROGRAM_MAX];
	const char *const programs[] = {qemu, "nbdkit"};
	char path[YP_EMULATOR_PATH_MAX];
	program_of(images, qemu);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", images, files[i]);
		if (access(path, R_OK) != 0) {
			(void)snprintf(why, why_bytes, "%.120s is not there: make qemu-images", path);
			return false;
		}
	}
	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
		if (!in_path(programs[i])) {
			(void)snprintf(why, why_bytes, "%s is not installed: %s", programs[i],
				       programs[i] == qemu ? "make qemu-images" : "ci/setup-packages.sh server");
			return false;
		}
	}
	return true;
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
	(void)status;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void remove_dir(const char *dir)
{
	if (*dir)
		(void)nftw(dir, remove_one, OPEN_DIRS, FTW_DEPTH | FTW_PHYS);
}

static int make_dir(struct yp_emulator *rig)
{
	char path[YP_EMULATOR_PATH_MAX];
	int n = snprintf(path, sizeof path, "%s/board-%u", rig->options.work, rig->options.worker);
	if (n < 0 || (size_t)n >= sizeof path)
		return -ENAMETOOLONG;
	if (mkdir(rig->options.work, 0700) < 0 && errno != EEXIST)
		return -errno;
	remove_dir(path); /* of a rig that was killed */
	if (mkdir(path, 0700) < 0)
		return -errno;
	char *whole = realpath(path, NULL);
	if (!whole)
		return -errno;
	int r = 0;
	if (strlen(whole) <= DEEP_MAX) {
		(void)snprintf(rig->dir, sizeof rig->dir, "%s", whole);
	} else { /* sockets lie in it, and their paths are short */
		(void)rmdir(whole);
		(void)snprintf(rig->dir, sizeof rig->dir, "/tmp/yankproof-board-XXXXXX");
		if (!mkdtemp(rig->dir)) {
			r = -errno;
			rig->dir[0] = 0;
		}
	}
	free(whole);
	return r;
}

/* The layout file, read with its directory as the current one would be: nbdkit reads it so. */
static int load_media(struct yp_emulator *rig, char *detail, size_t detail_bytes)
{
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = here < 0 || chdir(rig->images) < 0 ? -errno : 0;
	if (r == 0) {
		r = yp_media_load(&rig->media, "media", detail, detail_bytes);
		if (r == 0)
			r = yp_media_complete(&rig->media, detail, detail_bytes);
		if (r > 0)
			r = -EINVAL;
		if (fchdir(here) < 0)
			r = -errno;
	}
	if (here >= 0)
		(void)close(here);
	if (r == 0 && (!yp_media_export(&rig->media, "card") || !yp_media_export(&rig->media, "disk"))) {
		(void)snprintf(detail, detail_bytes, "%.150s/media: there is no export=card:... or no export=disk:...",
			       rig->images);
		r = -EINVAL;
	}
	return r;
}

static uint64_t mix_bytes(uint64_t hash, const void *data, size_t count)
{
	const uint8_t *bytes = data;
	for (size_t i = 0; i < count; i++) /* FNV-1a */
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* Of what makes two boards the same, but for their media. */
static int make_key(struct yp_emulator *rig)
{
	static const char *const files[] = {"board.args", "u-boot.bin", "board.dtb"};
	char path[YP_EMULATOR_PATH_MAX + 16], bytes[4096];
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	hash = mix_bytes(hash, rig->program, strlen(rig->program));
	if (rig->options.accel)
		hash = mix_bytes(hash, rig->options.accel, strlen(rig->options.accel));
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", rig->images, files[i]);
		FILE *f = fopen(path, "re");
		if (!f)
			return -errno;
		for (size_t n = 1; n > 0;) {
			n = fread(bytes, 1, sizeof bytes, f);
			hash = mix_bytes(hash, bytes, n);
		}
		(void)fclose(f);
	}
	rig->board_key = hash;
	return 0;
}

static int start_all(struct yp_emulator *rig, char *detail, size_t detail_bytes)
{
	char *whole = realpath(rig->options.images, NULL);
	int r = whole && strlen(whole) < sizeof rig->images ? 0 : whole ? -ENAMETOOLONG : -errno;
	if (r == 0)
		(void)snprintf(rig->images, sizeof rig->images, "%s", whole);
	free(whole);
	if (r < 0) {
		(void)snprintf(detail, detail_bytes, "%.150s: %s", rig->options.images, strerror(-r));
		return r;
	}
	r = load_media(rig, detail, detail_bytes);
	if (r < 0)
		return r;
	if (rig->options.qemu)
		(void)snprintf(rig->program, sizeof rig->program, "%s", rig->options.qemu);
	else
		program_of(rig->images, rig->program);
	r = make_key(rig);
	if (r == 0)
		r = make_dir(rig);
	if (r < 0) {
		(void)snprintf(detail, detail_bytes, "%.150s: %s", rig->options.work, strerror(-r));
		return r;
	}
	return yp_emulator_store_init(&rig->store, rig->dir, rig->options.plugin, rig->images, detail, detail_bytes);
}

int yp_emulator_new(const struct yp_emulator_options *options, struct yp_emulator **out, char *detail,
		    size_t detail_bytes)
{
	assert(options->images != NULL && options->work != NULL && options->plugin != NULL && out != NULL);
	if (!yp_emulator_present(options->images, detail, detail_bytes))
		return -ENOENT;
	struct yp_emulator *rig = calloc(1, sizeof *rig);
	if (!rig)
		return -ENOMEM;
	rig->options = *options;
	rig->subject = options->subject ? options->subject : yp_subject_find(NULL);
	rig->store.fd = rig->store.mark_fd = -1;
	yp_media_init(&rig->media);
	int r = start_all(rig, detail, detail_bytes);
	if (r < 0) {
		yp_emulator_free(rig);
		return r;
	}
	*out = rig;
	return 0;
}

void yp_emulator_free(struct yp_emulator *rig)
{
	if (!rig)
		return;
	yp_emulator_machine_stop(&rig->machine);
	yp_emulator_store_deinit(&rig->store);
	yp_emulator_reference_deinit(&rig->reference);
	yp_media_deinit(&rig->media);
	remove_dir(rig->dir);
	free(rig);
}

const struct yp_layout *yp_emulator_layout(const struct yp_emulator *rig)
{
	return &rig->media.layout;
}

static int read_medium(const struct yp_contents *contents, unsigned medium, struct yp_image *image, uint8_t *bytes)
{
	uint64_t sectors = contents->layout->media[medium].sectors;
	int r = 0;
	for (uint64_t s = 0; r == 0 && s < sectors; s += READ_SECTORS) {
		uint32_t count = sectors - s < READ_SECTORS ? (uint32_t)(sectors - s) : READ_SECTORS;
		r = yp_contents_read(contents, medium, s, count, bytes);
		if (r == 0)
			r = yp_image_write(image, medium, s, count, bytes);
	}
	return r;
}

int yp_emulator_base(const struct yp_emulator *rig, struct yp_pool *pool, const struct yp_region *regions,
		     unsigned count, struct yp_image **out)
{
	struct yp_contents contents = {.layout = &rig->media.layout, .pool = pool, .bases = rig->media.bases};
	struct yp_image *image = NULL;
	unsigned index;
	uint8_t *bytes = malloc((size_t)READ_SECTORS * YP_SECTOR_BYTES);
	int r = bytes ? yp_overlay_init(&contents.overlay, contents.layout) : -ENOMEM;
	if (r == 0)
		r = yp_image_new(contents.layout, pool, &image);
	for (unsigned i = 0; r == 0 && i < count; i++)
		r = yp_image_region_add(image, &regions[i], &index);
	for (unsigned m = 0; r == 0 && m < contents.layout->count; m++)
		r = read_medium(&contents, m, image, bytes);
	yp_overlay_deinit(&contents.overlay);
	free(bytes);
	if (r == 0)
		*out = image;
	else
		yp_image_free(image);
	return r;
}

int yp_emulator_say(struct yp_emulator *rig, char *out, size_t out_bytes, const char *format, ...)
{
	char line[YP_COMMAND_BYTES_MAX];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof line)
		return -EMSGSIZE;
	return yp_emulator_store_say(&rig->store, out, out_bytes, line);
}

long yp_emulator_store_rss_kib(const struct yp_emulator *rig)
{
	return yp_emulator_process_rss_kib(&rig->store.process);
}

const char *yp_emulator_final_name(enum yp_emulator_final final)
{
	static const char *const names[] = {"idle", "reached", "halted", "boots", "deadline", "error"};
	return (size_t) final < sizeof names / sizeof *names ? names[final] : "unknown";
}

const char *yp_emulator_end_name(enum yp_emulator_end end)
{
	static const char *const names[] = {"running", "reboot", "panic", "watchdog", "cut", "shutdown"};
	return (size_t)end < sizeof names / sizeof *names ? names[end] : "unknown";
}
