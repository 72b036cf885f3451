/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gives every environment of a state to the real U-Boot. It runs as a process with cards of its own: the
 * protocol's variables are the state's, the script around them is that of the sandbox (how slots are loaded and
 * started differs, nothing else); a copy that is bad stays so.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oracle/oracle-private.h"
#include "uboot/uboot-process.h"

struct question {
	uint8_t raw[2][YP_UBOOT_ENV_BYTES + 1];
	struct yp_sim_env env[2];
	struct yp_sim_boot_variables v;
	bool loads[2];
};

static int translate_env(const struct yp_boot_protocol *boot, const struct yp_uboot_defaults *defaults,
			 const struct yp_sim_env *env, const uint8_t *raw, uint8_t *out)
{
	struct yp_sim_env made = {.good = true};
	int error = 0;

	if (!env->good) {
		memcpy(out, raw, YP_UBOOT_ENV_BYTES);
		return 0;
	}
	for (unsigned i = 0; error == 0 && i < defaults->count; i++)
		error = yp_sim_env_set(&made, defaults->entries[i]);
	for (size_t k = 0; error == 0 && boot->variables[k] != NULL; k++) {
		const char *value = yp_sim_env_get(env, boot->variables[k]);

		if (value != NULL)
			error = yp_sim_env_set(&made, value - strlen(boot->variables[k]) - 1);
	}
	return error != 0 ? error : yp_sim_env_encode(&made, env->flags, out, YP_UBOOT_ENV_BYTES);
}

static int pose_question(const struct yp_oracle *oracle, const struct yp_uboot_defaults *defaults, size_t i,
			 struct question *q, struct yp_uboot_case *out)
{
	const uint32_t *key = oracle->real_memo.keys + i * oracle->real_memo.key_count;
	int holding, error = 0;

	memset(out, 0, sizeof *out);
	for (unsigned c = 0; error == 0 && c < 2; c++) {
		for (size_t s = 0; s < YP_UBOOT_ENV_BYTES / YP_SECTOR_BYTES; s++)
			memcpy(q->raw[c] + s * YP_SECTOR_BYTES, yp_pool_sector(oracle->pool, *key++), YP_SECTOR_BYTES);
		q->raw[c][YP_UBOOT_ENV_BYTES] = 0;
		yp_sim_env_parse(q->raw[c], YP_UBOOT_ENV_BYTES, &q->env[c]);
		error = translate_env(oracle->subject->boot, defaults, &q->env[c], q->raw[c], out->raw[c]);
	}
	for (unsigned slot = 0; slot < 2; slot++) {
		q->loads[slot] = *key++ != 0;
		out->kernel[slot] = q->loads[slot] ? YP_UBOOT_KERNEL_GOOD : YP_UBOOT_KERNEL_MISSING;
	}
	holding = yp_sim_env_arbitrate(q->env[0].good, q->env[0].flags, q->env[1].good, q->env[1].flags);
	oracle->subject->boot->read(holding < 0 ? NULL : &q->env[holding], &q->v);
	return error;
}

/* Compares U-Boot's decision with the table. The first difference as a clause, "" for none. */
static void compare_run(const struct yp_boot_protocol *boot, const struct question *q, const struct yp_uboot_run *run,
			char *detail, size_t detail_bytes)
{
	bool selected = q->v.slot == 'B';
	struct yp_sim_decision d = boot->decide(&q->v, q->loads[selected], q->loads[!selected]);
	unsigned stores = (unsigned)d.counts + (d.stores != YP_SIM_STORES_NOTHING);
	char other = q->v.slot == 'A' ? 'B' : 'A';
	char slot = d.boots == YP_SIM_BOOTS_HALT ? '-' : d.boots == YP_SIM_BOOTS_SELECTED ? q->v.slot : other;
	char real = run->slot != 0 ? run->slot : '-';

	*detail = '\0';
	if (run->end > YP_UBOOT_END_HALT)
		(void)snprintf(detail, detail_bytes, "U-Boot does not decide");
	else if (real != slot)
		(void)snprintf(detail, detail_bytes, "the table boots %c, U-Boot %c", slot, real);
	else if (run->stores != stores || run->failures != 0)
		(void)snprintf(detail, detail_bytes, "the table stores %u times, U-Boot %u, of them %u failed", stores,
			       run->stores, run->failures);
}

static void keep_environment(const char *work, size_t i, const struct question *q)
{
	char path[YP_ORACLE_PATH_MAX + 32];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/env-%zu.bin", work, i);
	f = fopen(path, "we");
	if (f == NULL)
		return;
	for (unsigned c = 0; c < 2; c++)
		(void)fwrite(q->raw[c], 1, YP_UBOOT_ENV_BYTES, f);
	(void)fclose(f);
}

static int decide_all(const struct yp_oracle *oracle, const char *dir, const char *build, const char *disks,
		      const char *defaults_path, struct yp_oracle_real *out)
{
	struct yp_uboot_defaults *defaults = malloc(sizeof *defaults);
	struct yp_uboot_case *c = malloc(sizeof *c);
	struct yp_uboot_run *run = malloc(sizeof *run);
	struct question *q = malloc(sizeof *q);
	struct yp_uboot_machine uboot = {.card = -1};
	int error = defaults && c && run && q ? yp_uboot_defaults_load(defaults_path, defaults) : -ENOMEM;

	if (error == 0)
		error = yp_uboot_machine_init(&uboot, dir, build, disks, oracle->subject->console->decided);
	for (size_t i = 0; error == 0 && i < oracle->real_memo.count; i++) {
		char detail[160];

		error = pose_question(oracle, defaults, i, q, c);
		if (error == 0)
			error = yp_uboot_machine_run(&uboot, c, run);
		if (error != 0)
			break;
		out->decided++;
		compare_run(oracle->subject->boot, q, run, detail, sizeof detail);
		if (*detail == '\0')
			continue;
		if (out->disagreed++ == 0)
			(void)snprintf(out->detail, sizeof out->detail, "environment %zu: %s", i, detail);
		keep_environment(oracle->config.work, i, q);
	}
	yp_uboot_machine_deinit(&uboot);
	free(defaults);
	free(c);
	free(run);
	free(q);
	return error;
}

/* In a process of its own: U-Boot's cards lie in the working directory. */
int yp_oracle_real(struct yp_oracle *oracle, const char *build, const char *disks, const char *defaults,
		   struct yp_oracle_real *out)
{
	struct {
		int error;
		struct yp_oracle_real real;
	} answer = {.error = 0};
	char paths[3][PATH_MAX];
	char dir[YP_ORACLE_PATH_MAX + 32];
	int fds[2], status;
	pid_t pid;
	ssize_t n;

	assert(build != NULL && disks != NULL && defaults != NULL && out != NULL);
	*out = (struct yp_oracle_real){.decided = 0};
	if (oracle->config.env_bytes != YP_UBOOT_ENV_BYTES || oracle->subject->console == NULL ||
	    oracle->subject->console->decided == NULL)
		return -EINVAL;
	(void)snprintf(dir, sizeof dir, "%.*s/uboot", YP_ORACLE_PATH_MAX, oracle->config.work);
	if (realpath(build, paths[0]) == NULL || realpath(disks, paths[1]) == NULL ||
	    realpath(defaults, paths[2]) == NULL)
		return -errno;
	if ((mkdir(dir, 0700) != 0 && errno != EEXIST) || pipe(fds) != 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		char absolute[PATH_MAX];

		(void)close(fds[0]);
		if (realpath(dir, absolute) == NULL)
			answer.error = -errno;
		else
			answer.error = decide_all(oracle, absolute, paths[0], paths[1], paths[2], &answer.real);
		_exit(write(fds[1], &answer, sizeof answer) == (ssize_t)sizeof answer ? 0 : 1);
	}
	(void)close(fds[1]);
	n = pid < 0 ? -1 : read(fds[0], &answer, sizeof answer);
	(void)close(fds[0]);
	if (pid < 0)
		return -EAGAIN;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (n != (ssize_t)sizeof answer)
		return -EIO;
	*out = answer.real;
	return answer.error;
}
