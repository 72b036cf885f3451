/* SPDX-License-Identifier: Apache-2.0 */
/* `boot-decide`: the boot decision as a program, on the files of a redundant boot environment. For boards made of scripts. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "subject/ota-parts.h"
#include "subject/uboot-env.h"

#define PATH_BYTES 4096

static const char usage[] =
    "usage: boot-decide count|boot FW_ENV_CONFIG\n"
    "  count  what U-Boot does before its prompt: counts this boot, if a trial is pending\n"
    "  boot   what its boot script does then: decides, stores, prints what the script prints; \"ota: slot A\" is the "
    "end\n"
    "FW_ENV_CONFIG has two lines as fw_printenv reads them: FILE OFFSET BYTES. Every slot is taken to be loadable.\n";

/* The two copies, and the one that holds, taken apart. */
struct environment {
	struct {
		char path[PATH_BYTES];
		long offset_bytes;
	} place[2];
	size_t size_bytes;
	uint8_t raw[2][YP_SIM_ENV_MAX_BYTES + 1]; /* a zero ends a search in a text that does not end */
	struct yp_sim_env copy[2];
	int holding; /* -1: both are bad */
};

/* One line, "FILE OFFSET BYTES". */
static int read_place(char *line, struct environment *e, unsigned i)
{
	char *rest = NULL, *end = NULL;
	const char *path = strtok_r(line, " \t\n", &rest), *offset = strtok_r(NULL, " \t\n", &rest);
	const char *size = strtok_r(NULL, " \t\n", &rest);
	long size_bytes;

	if (path == NULL || offset == NULL || size == NULL)
		return -EINVAL;
	(void)snprintf(e->place[i].path, sizeof e->place[i].path, "%s", path);
	e->place[i].offset_bytes = strtol(offset, &end, 0);
	if (*end != '\0')
		return -EINVAL;
	size_bytes = strtol(size, &end, 0);
	if (*end != '\0' || size_bytes <= (long)YP_SIM_ENV_HEADER_BYTES || size_bytes > (long)YP_SIM_ENV_MAX_BYTES ||
	    (i > 0 && (size_t)size_bytes != e->size_bytes))
		return -EINVAL;
	e->size_bytes = (size_t)size_bytes;
	return 0;
}

static int read_places(const char *config, struct environment *e)
{
	FILE *file = fopen(config, "r");
	char line[PATH_BYTES];
	unsigned lines = 0;
	int error = 0;

	if (file == NULL)
		return -errno;
	while (error == 0 && lines < 2 && fgets(line, sizeof line, file) != NULL) {
		if (line[0] != '#' && line[0] != '\n')
			error = read_place(line, e, lines++);
	}
	(void)fclose(file);
	return error != 0 ? error : lines == 2 ? 0 : -EINVAL;
}

static int read_copies(struct environment *e)
{
	for (unsigned i = 0; i < 2; i++) {
		int fd = open(e->place[i].path, O_RDONLY | O_CLOEXEC);
		ssize_t got = fd < 0 ? -1 : pread(fd, e->raw[i], e->size_bytes, e->place[i].offset_bytes);

		if (fd >= 0)
			(void)close(fd);
		if (got != (ssize_t)e->size_bytes)
			return -EIO;
		yp_sim_env_parse(e->raw[i], e->size_bytes, &e->copy[i]);
	}
	e->holding = yp_sim_env_arbitrate(e->copy[0].good, e->copy[0].flags, e->copy[1].good, e->copy[1].flags);
	return 0;
}

/* As U-Boot stores: the copy that does not hold, whole, its counter one higher. */
static int store_copy(const struct environment *e, const struct yp_sim_env *env)
{
	unsigned to = e->holding == 0 ? 1 : 0;
	uint8_t out[YP_SIM_ENV_MAX_BYTES];
	int error = yp_sim_env_encode(env, (uint8_t)(env->flags + 1), out, e->size_bytes);
	int fd = error == 0 ? open(e->place[to].path, O_WRONLY | O_CLOEXEC) : -1;

	if (error != 0 || fd < 0)
		return error != 0 ? error : -errno;
	if (pwrite(fd, out, e->size_bytes, e->place[to].offset_bytes) != (ssize_t)e->size_bytes || fsync(fd) != 0)
		error = -EIO;
	return close(fd) != 0 && error == 0 ? -EIO : error;
}

/* One store, as the protocol has it. */
static int apply_store(const struct environment *e, const struct yp_sim_boot_variables *v, enum yp_sim_stores what)
{
	struct yp_sim_env env = e->copy[e->holding];
	struct yp_boot_texts texts = {.count = 0};
	int error = yp_ota_boot.apply(&env, v, what, &texts);

	return error != 0 ? error : store_copy(e, &env);
}

static int count_boot(const struct environment *e, const struct yp_sim_boot_variables *v)
{
	return yp_ota_boot.decide(v, true, true).counts ? apply_store(e, v, YP_SIM_STORES_COUNT) : 0;
}

static int go_back(const struct environment *e, enum yp_sim_stores what, const struct yp_sim_boot_variables *v)
{
	if (what == YP_SIM_STORES_BACK)
		(void)printf("ota: back to %c\n", v->slot == 'A' ? 'B' : 'A');
	else
		(void)printf("ota: trial of %c ended\n", v->slot);
	return apply_store(e, v, what);
}

static int decide_boot(const struct environment *e, struct yp_sim_boot_variables *v)
{
	struct yp_sim_decision d;
	int error = 0;

	if (v->trial && v->attempts == 0)
		return -EINVAL; /* not counted */
	if (v->trial)
		v->attempts--; /* the table speaks of the count as it was before this boot */
	d = yp_ota_boot.decide(v, true, true);
	if (d.stores != YP_SIM_STORES_NOTHING)
		error = go_back(e, d.stores, v);
	if (error != 0)
		return error;
	if (d.boots == YP_SIM_BOOTS_HALT)
		(void)printf("ota: no slot can be booted\n");
	else
		(void)printf("ota: slot %c\n", (d.boots == YP_SIM_BOOTS_SELECTED) == (v->slot == 'A') ? 'A' : 'B');
	return fflush(stdout) != 0 ? -EIO : 0;
}

int main(int argc, char **argv)
{
	static struct environment e;
	struct yp_sim_boot_variables v;
	int error;

	if (argc != 3 || (strcmp(argv[1], "count") != 0 && strcmp(argv[1], "boot") != 0)) {
		(void)fputs(usage, argc == 2 && strcmp(argv[1], "--help") == 0 ? stdout : stderr);
		return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 2;
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0); /* what is printed comes before what is stored */
	error = read_places(argv[2], &e);
	if (error == 0)
		error = read_copies(&e);
	if (error == 0) {
		yp_ota_boot.read(e.holding < 0 ? NULL : &e.copy[e.holding], &v);
		error = strcmp(argv[1], "count") == 0 ? count_boot(&e, &v) : decide_boot(&e, &v);
	}
	if (error != 0)
		(void)fprintf(stderr, "boot-decide: %s: %s: %s\n", argv[1], argv[2], strerror(-error));
	return error != 0;
}
