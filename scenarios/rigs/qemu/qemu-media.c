/* SPDX-License-Identifier: Apache-2.0 */
/* The emulated board of a scenario: its folders, its media as files, its oracles, and the logs of its runs. */
#include "rigs/qemu/qemu.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/version.h"

#define PLUGIN         "build/release/nbdkit-powercut-plugin.so"
#define UBOOT_BUILD    "build/uboot/sandbox"
#define UBOOT_DISKS    "build/uboot/diff"
#define UBOOT_DEFAULTS "build/uboot/sandbox/default.env"
#define LINE_BYTES     4096u
#define READ_SECTORS   2048u
#define BOOTS_SLACK    6u
#define DEADLINE_MS    240000u

/*
 * File names of the new version's image and bundle (images/qemu-images.mk), and the image's own version, by behaviour.
 * Those that wait mostly wait for a time limit or the watchdog.
 */
static const struct kind {
	enum yp_sim_image_kind kind;
	const char *name, *version;
	bool waits;
} kinds[] = {{YP_SIM_IMAGE_GOOD, "2.0", "2.0", false},
	     {YP_SIM_IMAGE_PANICS, "panic", "2.0-panic", false},
	     {YP_SIM_IMAGE_HANGS, "hang", "2.0-hang", true},
	     {YP_SIM_IMAGE_NO_ROOT, "no-root", "2.0-no-root", false},
	     {YP_SIM_IMAGE_NO_KERNEL, "no-kernel", "2.0-no-kernel", false},
	     {YP_SIM_IMAGE_HEALTH_FAILS, "health-fails", "2.0-health-fails", false},
	     {YP_SIM_IMAGE_HEALTH_HANGS, "health-hangs", "2.0-health-hangs", true}};

static const struct kind *kind_of(const struct yp_scenario *scenario)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (kinds[i].kind == scenario->spec.new_kind)
			return &kinds[i];
	}
	return NULL;
}

static void images_of(const char *given, char out[YP_IMAGES_PATH_MAX])
{
	const char *mutant = yp_mutant_name();
	if (given)
		(void)snprintf(out, YP_IMAGES_PATH_MAX, "%s", given);
	else
		(void)snprintf(out, YP_IMAGES_PATH_MAX, *mutant ? "build/qemu-mutant-%s" : "build/qemu", mutant);
}

bool yp_qemu_absent(const struct yp_scenario *scenario, const char *given, char *why, size_t why_bytes)
{
	char images[YP_IMAGES_PATH_MAX];
	images_of(given, images);
	*why = 0;
	if (!scenario->subject->boot || !scenario->subject->steps) {
		(void)snprintf(why, why_bytes,
			       "the emulated board cannot follow subject %s: it names no boot protocol or no steps",
			       scenario->subject->name);
		return true;
	}
	if (!kind_of(scenario)) {
		(void)snprintf(why, why_bytes, "the emulated board has no image that %s",
			       yp_sim_kind_name(scenario->spec.new_kind));
		return true;
	}
	if (access(PLUGIN, R_OK)) {
		(void)snprintf(why, why_bytes, "%s is not built; run make %s", PLUGIN, PLUGIN);
		return true;
	}
	return !yp_emulator_present(images, why, why_bytes);
}

/* ---- folders ---- */

static int make_folders(const char *path)
{
	char part[YP_QEMU_PATH_MAX];
	for (const char *at = strchr(path + 1, '/');; at = strchr(at + 1, '/')) {
		int length = at ? (int)(at - path) : (int)strlen(path);
		(void)snprintf(part, sizeof part, "%.*s", length, path);
		if (mkdir(part, 0755) && errno != EEXIST)
			return -errno;
		if (!at)
			return 0;
	}
}

/* Recordings and runs: removed, or moved to the folder `to` if that is one (-1: none). *count: how many there were. */
static int clear_kept(const char *dir, int to, unsigned *count)
{
	DIR *folder = opendir(dir);
	struct dirent *entry;
	int result = 0;
	*count = 0;
	if (!folder)
		return -errno;
	while (!result && (entry = readdir(folder))) {
		const char *name = entry->d_name;
		if (strncmp(name, "run-", 4) != 0 && strncmp(name, "story.", 6) != 0)
			continue;
		++*count;
		if (to < 0 ? unlinkat(dirfd(folder), name, 0) : renameat(dirfd(folder), name, to, name))
			result = -errno;
	}
	(void)closedir(folder);
	return result;
}

/* What an earlier exploration kept goes to DIR.old, as its results.jsonl does: its cases are against another recording.
 */
static int put_aside(const char *dir)
{
	char old[YP_QEMU_PATH_MAX];
	unsigned count;
	(void)snprintf(old, sizeof old, "%s.old", dir);
	if (access(dir, R_OK) != 0)
		return -errno;
	char first[YP_QEMU_PATH_MAX];
	(void)snprintf(first, sizeof first, "%s/story.log", dir);
	if (access(first, F_OK) != 0) /* nothing to replay */
		return clear_kept(dir, -1, &count);
	if (mkdir(old, 0755) && errno != EEXIST)
		return -errno;
	int result = clear_kept(old, -1, &count);
	int to = result ? -1 : open(old, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!result && to < 0)
		result = -errno;
	if (!result)
		result = clear_kept(dir, to, &count);
	if (to >= 0)
		(void)close(to);
	return result;
}

/* Two explorations at a time would have twice as many boards as processors, and miss their deadlines. */
static int take_machines(struct yp_qemu *qemu)
{
	char path[YP_QEMU_PATH_MAX];
	(void)snprintf(path, sizeof path, "%s/boards.lock", qemu->images);
	qemu->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (qemu->lock < 0)
		return -errno;
	if (flock(qemu->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	(void)fprintf(stderr, "yankproof: another exploration has the boards of %s; waiting for its end\n",
		      qemu->images);
	return flock(qemu->lock, LOCK_EX) ? -errno : 0;
}

/* The folder of results, or the newest one of this scenario; the newest is from now on this one. */
static int choose_folder(struct yp_qemu *qemu, const char *results, enum yp_qemu_use use)
{
	const char *mutant = yp_mutant_name();
	char link[YP_QEMU_PATH_MAX];
	char path[PATH_MAX];
	(void)snprintf(link, sizeof link, "%s/%s%s%s", YP_QEMU_LAST, qemu->scenario->name, *mutant ? "." : "", mutant);
	if (results)
		(void)snprintf(qemu->dir, sizeof qemu->dir, "%.300s/qemu/%s", results, qemu->scenario->name);
	else
		(void)snprintf(qemu->dir, sizeof qemu->dir, "%.500s", link);
	int result = use != YP_QEMU_REPLAY ? make_folders(qemu->dir) : 0;
	if (!result && !realpath(qemu->dir, path))
		result = -errno;
	if (!result && strlen(path) >= sizeof qemu->dir)
		result = -ENAMETOOLONG;
	if (result)
		return result;
	memcpy(qemu->dir, path, strlen(path) + 1);
	if ((use == YP_QEMU_FRESH || use == YP_QEMU_RESUME) && make_folders(YP_QEMU_LAST) == 0) {
		(void)unlink(link);
		(void)!symlink(qemu->dir, link); /* without it, replay needs --dir */
	}
	return 0;
}

void yp_qemu_path(const struct yp_qemu *qemu, const struct yp_case *c, unsigned again, const char *ext,
		  char out[YP_QEMU_PATH_MAX])
{
	char text[YP_CASE_TEXT_MAX] = "";
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	if (c->count && yp_case_encode(c, text, sizeof text))
		text[0] = 0; /* its file is not found then, and an error is printed */
	for (const char *at = text; *at; at++)
		hash = (hash ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
	if (c->count == 0)
		(void)snprintf(out, YP_QEMU_PATH_MAX, "%s/story.%s", qemu->dir, ext);
	else
		(void)snprintf(out, YP_QEMU_PATH_MAX, "%s/run-%016" PRIx64 "-%u.%s", qemu->dir, hash, again, ext);
}

/* The images' folder, as it was given for the recording that is kept: the second line of story.base. *out empty: not
 * known. */
static void read_recorded_images(const struct yp_qemu *qemu, char out[YP_IMAGES_PATH_MAX])
{
	struct yp_case none = {.count = 0};
	char path[YP_QEMU_PATH_MAX];
	char hash[64];
	yp_qemu_path(qemu, &none, 0, "base", path);
	*out = 0;
	FILE *f = fopen(path, "r");
	if (!f)
		return;
	if (!fgets(hash, sizeof hash, f) || !fgets(out, YP_IMAGES_PATH_MAX, f))
		*out = 0;
	out[strcspn(out, "\n")] = 0;
	(void)fclose(f);
}

static int choose_images(struct yp_qemu *qemu, const char *given, enum yp_qemu_use use, char *detail,
			 size_t detail_bytes)
{
	char kept[YP_IMAGES_PATH_MAX] = "";
	if (use == YP_QEMU_REPLAY && !given)
		read_recorded_images(qemu, kept);
	images_of(*kept ? kept : given, qemu->images);
	return use == YP_QEMU_REPLAY && yp_qemu_absent(qemu->scenario, qemu->images, detail, detail_bytes) ? -ENOENT
													   : 0;
}

/* ---- media ---- */

static enum yp_model model_of(const struct yp_scenario *scenario, const char *name, enum yp_model own)
{
	if (strcmp(name, "card") == 0)
		return scenario->env;
	if (strncmp(name, "slot-", 5) == 0)
		return scenario->slots;
	if (strcmp(name, "state") == 0)
		return scenario->state;
	return strcmp(name, "data") == 0 ? scenario->data : own;
}

/* NAME:SECTORS:MODEL:FILE, FILE relative to the images. */
static int add_medium(struct yp_qemu *qemu, char *line, char *detail, size_t detail_bytes)
{
	char text[LINE_BYTES];
	char *file = line;
	for (unsigned i = 0; file && i < 3; i++)
		file = strchr(file + (i ? 1 : 0), ':');
	if (file && file[1] && file[1] != '/') {
		(void)snprintf(text, sizeof text, "%.*s:%s/%s", (int)(file - line), line, qemu->images, file + 1);
		return yp_media_add(&qemu->media, text, detail, detail_bytes);
	}
	return yp_media_add(&qemu->media, line, detail, detail_bytes);
}

static int load_media(struct yp_qemu *qemu, char *detail, size_t detail_bytes)
{
	char path[YP_QEMU_PATH_MAX];
	char line[LINE_BYTES];
	(void)snprintf(path, sizeof path, "%s/media", qemu->images);
	yp_media_init(&qemu->media);
	FILE *f = fopen(path, "r");
	if (!f) {
		(void)snprintf(detail, detail_bytes, "%s: %s; run make qemu-images", path, strerror(errno));
		return -errno;
	}
	int result = 0;
	while (!result && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = 0;
		if (*line && *line != '#' && strncmp(line, "export=", 7) != 0)
			result = add_medium(qemu, line, detail, detail_bytes);
	}
	(void)fclose(f);
	for (unsigned m = 0; m < qemu->media.layout.count; m++) {
		struct yp_medium *medium = &qemu->media.layout.media[m];
		medium->model = model_of(qemu->scenario, medium->name, medium->model);
	}
	return result > 0 ? -EINVAL : result;
}

static int load_base(struct yp_qemu *qemu)
{
	static const size_t bytes_max = (size_t)READ_SECTORS * YP_SECTOR_BYTES;
	uint8_t *data = malloc(bytes_max);
	int result = data ? 0 : -ENOMEM;
	for (unsigned m = 0; m < qemu->media.layout.count; m++) {
		const struct yp_base *base = &qemu->media.bases[m];
		uint64_t sectors = qemu->media.layout.media[m].sectors;
		for (uint64_t at = 0; !result && base->fd >= 0 && at < sectors; at += READ_SECTORS) {
			uint32_t count = sectors - at < READ_SECTORS ? (uint32_t)(sectors - at) : READ_SECTORS;
			memset(data, 0, bytes_max);
			ssize_t n = pread(base->fd, data, (size_t)count * YP_SECTOR_BYTES,
					  (off_t)(base->offset + at * YP_SECTOR_BYTES));
			result = n < 0 ? -errno : yp_image_write(qemu->base, m, at, count, data);
		}
	}
	free(data);
	return result;
}

static int make_base(struct yp_qemu *qemu)
{
	struct yp_region regions[YP_ORACLE_REGIONS];
	struct stat st;
	unsigned index;
	if (stat(qemu->image_paths[0], &st))
		return -errno;
	qemu->image_sectors = (uint64_t)st.st_size / YP_SECTOR_BYTES;
	int result = yp_oracle_regions(qemu->scenario->subject, &qemu->media.layout, (uint64_t)st.st_size, regions);
	if (!result)
		result = yp_pool_new(&qemu->pool);
	if (!result)
		result = yp_image_new(&qemu->media.layout, qemu->pool, &qemu->base);
	for (unsigned i = 0; !result && i < YP_ORACLE_REGIONS; i++)
		result = yp_image_region_add(qemu->base, &regions[i], &index);
	return result ? result : load_base(qemu);
}

/* ---- oracles ---- */

static int make_oracles(struct yp_qemu *qemu, char *detail, size_t detail_bytes)
{
	const struct yp_scenario *scenario = qemu->scenario;
	struct yp_oracle_config config = {.subject = scenario->subject,
					  .count = 3,
					  .offered = 1,
					  .env_offset = {YP_QEMU_ENV_0, YP_QEMU_ENV_1},
					  .env_bytes = YP_QEMU_ENV_BYTES,
					  .spec = scenario->spec,
					  .expect = scenario->expect,
					  .work = qemu->dir};
	static const struct yp_oracle_version versions[] = {
	    {.label = "old", .version = "1.0", .sequence = 10, .loads = true, .allowed = true},
	    {.label = "new", .version = "2.0", .sequence = 20, .loads = true, .allowed = true},
	    {.label = "older", .version = "0.9", .sequence = 9, .loads = true, .allowed = false}};
	for (unsigned v = 0; v < config.count; v++) {
		config.versions[v] = versions[v];
		config.versions[v].image = qemu->image_paths[v];
	}
	config.versions[1].version = kind_of(scenario)->version;
	config.versions[1].loads = scenario->spec.new_kind != YP_SIM_IMAGE_NO_KERNEL;
	return yp_oracle_new(&config, qemu->base, &qemu->oracles, detail, detail_bytes);
}

int yp_qemu_open(struct yp_qemu *qemu, const struct yp_scenario *scenario, const char *images, uint64_t seed,
		 const char *dir, enum yp_qemu_use use, char *detail, size_t detail_bytes)
{
	*qemu = (struct yp_qemu){.scenario = scenario, .seed = seed, .lock = -1, .runs_left = SIZE_MAX};
	yp_media_init(&qemu->media);
	*detail = 0;
	int result = choose_folder(qemu, dir, use);
	if (result)
		(void)snprintf(detail, detail_bytes, "nothing is kept of %s (%s); run it, or give --dir RESULTS",
			       scenario->name, strerror(-result));
	if (!result)
		result = choose_images(qemu, images, use, detail, detail_bytes);
	if (result)
		return result;
	const struct kind *kind = kind_of(scenario);
	qemu->waits = kind->waits;
	(void)snprintf(qemu->bundle, sizeof qemu->bundle, "%.200s/update-%s.ota", qemu->images, kind->name);
	(void)snprintf(qemu->image_paths[0], sizeof qemu->image_paths[0], "%.200s/rootfs-1.0.img", qemu->images);
	(void)snprintf(qemu->image_paths[1], sizeof qemu->image_paths[1], "%.200s/rootfs-%s.img", qemu->images,
		       kind->name);
	(void)snprintf(qemu->image_paths[2], sizeof qemu->image_paths[2], "%.200s/rootfs-0.9.img", qemu->images);
	bool explores = use == YP_QEMU_FRESH || use == YP_QEMU_RESUME;
	if (explores)
		result = take_machines(qemu);
	if (!result && use == YP_QEMU_FRESH)
		result = put_aside(qemu->dir);
	if (!result)
		result = load_media(qemu, detail, detail_bytes);
	if (!result)
		result = make_base(qemu);
	if (!result)
		result = make_oracles(qemu, detail, detail_bytes);
	if (result && !*detail)
		(void)snprintf(detail, detail_bytes, "the board's media in %s: %s", qemu->images, strerror(-result));
	qemu->explore = (struct yp_explore){.base = qemu->base, .limits = scenario->limits};
	if (qemu->oracles)
		qemu->explore.rig = yp_oracle_rig(qemu->oracles);
	qemu->explore.limits.seed = seed;
	return result;
}

void yp_qemu_close(struct yp_qemu *qemu)
{
	yp_log_free(qemu->log);
	yp_oracle_free(qemu->oracles);
	yp_image_free(qemu->base);
	yp_pool_free(qemu->pool);
	yp_media_deinit(&qemu->media);
	free(qemu->firm);
	if (qemu->lock >= 0)
		(void)close(qemu->lock);
	*qemu = (struct yp_qemu){.lock = -1};
	yp_media_init(&qemu->media);
}

int yp_qemu_real(struct yp_qemu *qemu, struct yp_oracle_real *out)
{
	if (access(UBOOT_BUILD "/u-boot", X_OK) || access(UBOOT_DISKS "/board.dtb", R_OK))
		return -ENOENT;
	return yp_oracle_real(qemu->oracles, UBOOT_BUILD, UBOOT_DISKS, UBOOT_DEFAULTS, out);
}

/* ---- logs ---- */

int yp_qemu_adopt(const struct yp_qemu *qemu, struct yp_log *log)
{
	const struct yp_layout *layout = &qemu->media.layout;
	int result = yp_log_take_models(log, layout);
	/* The card has no cache, and is never flushed. */
	for (unsigned m = 0; !result && m < layout->count; m++) {
		if (yp_model_row(layout->media[m].model)->ordered && strcmp(layout->media[m].name, "card") == 0)
			yp_log_write_through(log, m);
	}
	return result;
}

int yp_qemu_log(const struct yp_qemu *qemu, const char *path, struct yp_log **out, char *detail, size_t detail_bytes)
{
	struct yp_log *log = NULL;
	*detail = 0;
	int result = yp_log_load(path, qemu->pool, &log, detail, detail_bytes);
	if (!result && *detail)
		result = -EIO; /* it was cut short: then it is not what happened */
	if (!result)
		result = yp_qemu_adopt(qemu, log);
	if (!result) {
		*out = log;
		return 0;
	}
	if (!*detail)
		(void)snprintf(detail, detail_bytes, "%.200s: %s", path,
			       result < 0 ? strerror(-result) : "no write log");
	yp_log_free(log);
	return result > 0 ? -EINVAL : result;
}

int yp_qemu_state(struct yp_qemu *qemu, const struct yp_case *c, struct yp_image **out)
{
	struct yp_image *image = NULL;
	struct yp_case parent = {.count = 0};
	int result = yp_image_copy(qemu->base, &image);
	for (unsigned i = 0; !result && i < c->count; i++) {
		struct yp_log *log = NULL;
		char path[YP_QEMU_PATH_MAX];
		char detail[200];
		yp_qemu_path(qemu, &parent, 0, "log", path);
		if (i)
			result = yp_qemu_log(qemu, path, &log, detail, sizeof detail);
		if (!result)
			result = yp_case_state(i ? log : qemu->log, &c->cuts[i], image);
		yp_log_free(log);
		parent.cuts[parent.count++] = c->cuts[i];
	}
	if (result) {
		yp_image_free(image);
		return result;
	}
	*out = image;
	return 0;
}

/* ---- runs ---- */

int yp_qemu_machine(const struct yp_qemu *qemu, unsigned worker, struct yp_emulator **out, char *detail,
		    size_t detail_bytes)
{
	struct yp_emulator_options options = {
	    .images = qemu->images, .work = qemu->dir, .worker = worker, .plugin = PLUGIN};
	return yp_emulator_new(&options, out, detail, detail_bytes);
}

struct yp_emulator_run yp_qemu_how(const struct yp_qemu *qemu)
{
	return (struct yp_emulator_run){.bundle = qemu->scenario->spec.serve ? qemu->bundle : NULL,
					.report_down = qemu->scenario->spec.report_down != 0,
					.until = YP_EMULATOR_UNTIL_IDLE,
					.boots_max = 3 * (qemu->scenario->spec.boot_attempts + 2) + BOOTS_SLACK,
					.deadline_ms = DEADLINE_MS};
}

void yp_qemu_outcome(struct yp_qemu *qemu, const struct yp_emulator_result *result, const struct yp_image *end,
		     struct yp_outcome *out)
{
	unsigned kept = result->boots < YP_EMULATOR_BOOTS_MAX ? result->boots : YP_EMULATOR_BOOTS_MAX;
	const struct yp_emulator_boot *last = kept ? &result->boot[kept - 1] : NULL;
	char slot = last ? last->up_slot : 0;
	*out = (struct yp_outcome){.verdict = YP_PASS, .boots = result->boots};
	(void)snprintf(out->label, sizeof out->label, "%s", end ? yp_oracle_holds(qemu->oracles, end, slot) : "none");
	switch (result->final) {
	case YP_EMULATOR_IDLE:
	case YP_EMULATOR_REACHED:
		(void)snprintf(out->text, sizeof out->text, "ends in %s after %u boots", out->label, out->boots);
		break;
	case YP_EMULATOR_HALTED:
		yp_outcome_fail(out, YP_I1, "the bootloader starts no slot");
		break;
	case YP_EMULATOR_BOOTS:
		yp_outcome_fail(out, YP_I1, "boots again and again, and is never idle");
		break;
	case YP_EMULATOR_DEADLINE:
		yp_outcome_fail(out, YP_I1, "hangs, and nothing resets it");
		break;
	case YP_EMULATOR_ERROR:
		out->verdict = YP_ERROR;
		(void)snprintf(out->text, sizeof out->text, "the rig failed: %.130s", result->detail);
		break;
	}
	if (out->verdict == YP_PASS && last && last->slot && last->slot != slot)
		yp_outcome_fail(out, YP_I5, "what runs calls itself another slot than the bootloader chose");
	if (out->verdict == YP_PASS && result->final == YP_EMULATOR_IDLE && end &&
	    yp_oracle_rest(qemu->oracles, end, slot, out))
		out->verdict = YP_ERROR;
}
