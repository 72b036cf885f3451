/* SPDX-License-Identifier: Apache-2.0 */
/* Media as the user of a command line names them: files, roles, storage models. */
#include "host/host-media.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/format-detail.h"

#define CHUNK_SECTORS 2048u

void yp_host_variable(const char *name, char out[YP_NAME_MAX])
{
	size_t n = 0;

	for (; name[n] && n + 1 < YP_NAME_MAX; n++)
		out[n] = name[n] == '-' ? '_' : (char)toupper((unsigned char)name[n]);
	out[n] = 0;
}

/* Variables that a shell or the loader lives on: a medium may not take their place. */
static bool is_reserved(const char *variable)
{
	static const char *const reserved[] = {"PATH", "HOME", "IFS", "PWD", "SHELL", "USER", "TMPDIR", "LANG"};

	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
		if (strcmp(variable, reserved[i]) == 0)
			return true;
	}
	return strncmp(variable, "LD_", 3) == 0 || strncmp(variable, "YANKPROOF", 9) == 0;
}

static int check_name(const struct yp_host_media *media, const char *name, char *detail, size_t detail_bytes)
{
	char variable[YP_NAME_MAX];
	size_t length = strlen(name);

	if (length == 0 || length >= YP_NAME_MAX || !islower((unsigned char)name[0]) ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != length) {
		yp_detail(detail, detail_bytes,
			  "'%.40s' cannot name a medium: use a-z, 0-9 and '-', a letter first, at most %u characters",
			  name, YP_NAME_MAX - 1);
		return 1;
	}
	yp_host_variable(name, variable);
	if (is_reserved(variable)) {
		yp_detail(detail, detail_bytes, "the variable %s has another meaning; name the medium otherwise",
			  variable);
		return 1;
	}
	for (unsigned i = 0; i < media->layout.count; i++) {
		if (strcmp(media->layout.media[i].name, name) == 0) {
			yp_detail(detail, detail_bytes, "there are two media of the name %s", name);
			return 1;
		}
	}
	return 0;
}

/* What follows `word-`; of the word alone what follows the last '-' of the medium's name. NULL: it is not that role. */
static const char *boot_name(const char *role, const char *word, const char *medium)
{
	size_t length = strlen(word);
	const char *dash = strrchr(medium, '-');

	if (strncmp(role, word, length) != 0)
		return NULL;
	if (role[length] == '-' && role[length + 1])
		return role + length + 1;
	return role[length] ? NULL : dash && dash[1] ? dash + 1 : medium;
}

static int take_role(struct yp_host_media *media, unsigned i, const char *role)
{
	static const struct {
		const char *name;
		enum yp_role role;
	} names[] = {{"env", YP_ROLE_ENV},
		     {"env-pair", YP_ROLE_ENV},
		     {"state", YP_ROLE_STATE},
		     {"data", YP_ROLE_DATA},
		     {"other", YP_ROLE_OTHER}};
	struct yp_lint_roles *roles = &media->roles;
	struct yp_medium *medium = &media->layout.media[i];
	const char *running = boot_name(role, "running", medium->name);
	const char *slot = running ? running : boot_name(role, "slot", medium->name);

	if (slot) {
		roles->role[i] = YP_ROLE_SLOT;
		medium->bulk = true;
		for (size_t k = 0; slot[k] && k + 1 < sizeof roles->slot[i]; k++)
			roles->slot[i][k] = (char)toupper((unsigned char)slot[k]);
		if (running)
			memcpy(roles->running, roles->slot[i], sizeof roles->running);
		return 0;
	}
	for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
		if (strcmp(role, names[k].name) != 0)
			continue;
		roles->role[i] = names[k].role;
		if (strcmp(role, "env-pair") == 0)
			roles->env_first[1] = roles->env_sectors = medium->sectors / 2;
		return 0;
	}
	return 1;
}

int yp_host_media_add(struct yp_host_media *media, const char *name, const char *file, const char *role, bool loop,
		      uint64_t bytes, char *detail, size_t detail_bytes)
{
	assert(media && name && file && role);
	unsigned i = media->layout.count;

	if (i == YP_MEDIA_MAX) {
		yp_detail(detail, detail_bytes, "there are more than %u media", YP_MEDIA_MAX);
		return 1;
	}
	if (check_name(media, name, detail, detail_bytes))
		return 1;
	if (bytes == 0 || bytes % YP_SECTOR_BYTES != 0) {
		yp_detail(detail, detail_bytes,
			  "%.200s has %llu bytes; a medium has a multiple of 512: make it so with truncate -s", file,
			  (unsigned long long)bytes);
		return 1;
	}
	media->layout.media[i] = (struct yp_medium){.sectors = bytes / YP_SECTOR_BYTES};
	media->media[i] = (struct yp_host_medium){.loop = loop};
	(void)snprintf(media->layout.media[i].name, YP_NAME_MAX, "%s", name);
	if (take_role(media, i, role) || strlen(role) >= YP_HOST_ROLE_MAX) {
		yp_detail(detail, detail_bytes,
			  "'%.40s' is no role: slot, running, env, env-pair, state, data or other, with +loop behind "
			  "it for a loop device",
			  role);
		return 1;
	}
	(void)snprintf(media->media[i].file, PATH_MAX, "%s", file);
	(void)snprintf(media->media[i].role, YP_HOST_ROLE_MAX, "%s", role);
	media->layout.count++;
	return 0;
}

/* One NAME=FILE:ROLE[+loop], which it takes apart. */
static int parse_item(char *item, struct yp_host_media *out, char *detail, size_t detail_bytes)
{
	char *file = strchr(item, '=');
	char *role = file ? strrchr(file, ':') : NULL;
	char *plus = role ? strrchr(role, '+') : NULL;
	bool loop = plus && strcmp(plus, "+loop") == 0;
	struct stat st;

	if (!role) {
		yp_detail(detail, detail_bytes, "'%.80s': write NAME=FILE:ROLE, such as slot-a=a.img:running", item);
		return 1;
	}
	*file++ = 0;
	*role++ = 0;
	if (loop)
		*plus = 0;
	if (stat(file, &st) < 0 || !S_ISREG(st.st_mode)) {
		yp_detail(detail, detail_bytes, "%.200s: %s", file,
			  errno == ENOENT ? "there is no such file" : "is not a file that can be read");
		return 1;
	}
	return yp_host_media_add(out, item, file, role, loop, (uint64_t)st.st_size, detail, detail_bytes);
}

/* Calls `take` for each part between commas, until one fails. */
static int each_item(const char *text, struct yp_host_media *media,
		     int (*take)(char *item, struct yp_host_media *media, char *detail, size_t detail_bytes),
		     char *detail, size_t detail_bytes)
{
	char *copy = strdup(text);
	char *rest = NULL;
	int r = copy ? 0 : -ENOMEM;

	for (char *item = copy ? strtok_r(copy, ",", &rest) : NULL; item && r == 0; item = strtok_r(NULL, ",", &rest))
		r = take(item, media, detail, detail_bytes);
	free(copy);
	return r;
}

int yp_host_media_parse(const char *text, struct yp_host_media *out, char *detail, size_t detail_bytes)
{
	assert(text && out);
	int r = each_item(text, out, parse_item, detail, detail_bytes);

	if (r == 0 && out->layout.count == 0) {
		yp_detail(detail, detail_bytes, "no medium is named; write NAME=FILE:ROLE,...");
		r = 1;
	}
	return r;
}

static int parse_model(char *item, struct yp_host_media *media, char *detail, size_t detail_bytes)
{
	char *name = strchr(item, '=');
	const char *model = name ? name + 1 : item;
	enum yp_model found;
	bool used = false;

	if (name)
		*name = 0;
	if (yp_model_find(model, &found) < 0) {
		yp_detail(detail, detail_bytes, "'%.40s' is no storage model; 'yankproof --help' lists them", model);
		return 1;
	}
	for (unsigned i = 0; i < media->layout.count; i++) {
		if (name && strcmp(media->layout.media[i].name, item) != 0)
			continue;
		media->layout.media[i].model = found;
		used = true;
	}
	if (!used)
		yp_detail(detail, detail_bytes, "'%.40s' is no medium of this run", item);
	return used ? 0 : 1;
}

int yp_host_models_parse(const char *text, struct yp_host_media *media, char *detail, size_t detail_bytes)
{
	assert(text && media);
	return each_item(text, media, parse_model, detail, detail_bytes);
}

static int read_file(const char *path, unsigned medium, struct yp_image *image)
{
	uint64_t sectors = yp_image_layout(image)->media[medium].sectors;
	uint8_t *buffer = malloc((size_t)CHUNK_SECTORS * YP_SECTOR_BYTES);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : !buffer ? -ENOMEM : 0;

	for (uint64_t at = 0; r == 0 && at < sectors; at += CHUNK_SECTORS) {
		uint32_t part = (uint32_t)(sectors - at < CHUNK_SECTORS ? sectors - at : CHUNK_SECTORS);
		size_t bytes = (size_t)part * YP_SECTOR_BYTES;
		ssize_t n = pread(fd, buffer, bytes, (off_t)(at * YP_SECTOR_BYTES));

		if (n < 0) {
			r = -errno;
			break;
		}
		memset(buffer + n, 0, bytes - (size_t)n);
		r = yp_image_write(image, medium, at, part, buffer);
	}
	if (fd >= 0)
		(void)close(fd);
	free(buffer);
	return r;
}

int yp_host_media_image(const struct yp_host_media *media, struct yp_pool *pool, struct yp_image **out, char *detail,
			size_t detail_bytes)
{
	assert(media && pool && out);
	struct yp_image *image = NULL;
	int r = yp_image_new(&media->layout, pool, &image);

	for (unsigned i = 0; r == 0 && i < media->layout.count; i++) {
		r = read_file(media->media[i].file, i, image);
		if (r < 0)
			yp_detail(detail, detail_bytes, "%.200s: %s", media->media[i].file, strerror(-r));
	}
	if (r < 0)
		yp_image_free(image);
	else
		*out = image;
	return r;
}

static int write_file(const char *path, unsigned medium, const struct yp_image *image)
{
	uint64_t sectors = yp_image_layout(image)->media[medium].sectors;
	uint8_t sector[YP_SECTOR_BYTES];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int r = fd < 0 || ftruncate(fd, (off_t)(sectors * YP_SECTOR_BYTES)) < 0 ? -errno : 0;

	for (uint64_t at = 0; r == 0 && at < sectors; at++) {
		if (yp_image_get(image, medium, at) == 0)
			continue; /* zeros */
		yp_image_read(image, medium, at, 1, sector);
		if (pwrite(fd, sector, sizeof sector, (off_t)(at * YP_SECTOR_BYTES)) != (ssize_t)sizeof sector)
			r = errno ? -errno : -EIO;
	}
	if (fd >= 0 && close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

int yp_host_media_save(const struct yp_host_media *media, const struct yp_image *image, const char *dir, char *detail,
		       size_t detail_bytes)
{
	assert(media && image && dir);
	char path[PATH_MAX];
	int r = mkdir(dir, 0777) < 0 && errno != EEXIST ? -errno : 0;

	for (unsigned i = 0; r == 0 && i < media->layout.count; i++) {
		int n = snprintf(path, sizeof path, "%s/%s", dir, media->layout.media[i].name);

		r = n < (int)sizeof path ? write_file(path, i, image) : -ENAMETOOLONG;
	}
	if (r < 0)
		yp_detail(detail, detail_bytes, "%.200s: %s", dir, strerror(-r));
	return r;
}
