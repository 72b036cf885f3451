/* SPDX-License-Identifier: Apache-2.0 */
/* A device made of files, on which tests run the command. */
#include "test/linux/cmd-lab.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/test-helpers.h"
#include "test/test-pki.h"

#define WORDS_MAX 32

const char *cmd_lab_path(const struct cmd_lab *lab, const char *name)
{
	static char paths[2][LAB_PATH_MAX];
	static unsigned turn;

	turn = 1 - turn;
	(void)snprintf(paths[turn], LAB_PATH_MAX, "%s/%s", lab->dir, name);
	return paths[turn];
}

void cmd_lab_write(const struct cmd_lab *lab, const char *name, const void *data, size_t size_bytes)
{
	test_file_write(cmd_lab_path(lab, name), data, size_bytes);
}

static void write_text(const struct cmd_lab *lab, const char *name, const char *text)
{
	cmd_lab_write(lab, name, text, strlen(text));
}

void cmd_lab_script(const struct cmd_lab *lab, const char *name, const char *body)
{
	char text[1024];

	cr_assert_lt(snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", body), (int)sizeof(text));
	write_text(lab, name, text);
	cr_assert_eq(chmod(cmd_lab_path(lab, name), 0755), 0);
}

void cmd_lab_image(const struct cmd_lab *lab, const char *name, uint32_t seed, size_t size_bytes)
{
	uint8_t *data = malloc(size_bytes);

	cr_assert_not_null(data);
	for (size_t i = 0; i < size_bytes; i++) {
		seed = seed * 1664525u + 1013904223u;
		data[i] = (uint8_t)(i % 65536 < 20000 ? seed >> 24 : i >> 8); /* part of it compresses */
	}
	cmd_lab_write(lab, name, data, size_bytes);
	free(data);
}

void cmd_lab_configure(struct cmd_lab *lab, const char *booted, const char *extra)
{
	char text[4096];
	const char *d = lab->dir;
	int length =
	    snprintf(text, sizeof(text),
		     "[system]\ncompatible=lab\nbootloader=uboot\nstate=%s/state\nlockfile=%s/lock\nbooted=%s\n"
		     "[keyring]\npath=%s/root.pem\n[uboot]\nconfig=%s/fw_env.config\n"
		     "[slot.rootfs.0]\ndevice=%s/a\nbootname=A\n[slot.kernel.0]\ndevice=%s/ka\nparent=rootfs.0\n"
		     "[slot.rootfs.1]\ndevice=%s/b\nbootname=B\n[slot.kernel.1]\ndevice=%s/kb\nparent=rootfs.1\n%s",
		     d, d, booted, d, d, d, d, d, d, extra);

	cr_assert_lt(length, (int)sizeof(text));
	write_text(lab, "system.conf", text);
}

static void make_signer(struct cmd_lab *lab)
{
	struct test_pki root, signer;

	cr_assert_eq(test_pki_make_pair(TEST_PKI_P256, &root, &signer), 0);
	write_text(lab, "root.pem", root.certificate_pem);
	write_text(lab, "signer.pem", signer.certificate_pem);
	write_text(lab, "signer.key", signer.key_pem);
	test_pki_free(&root);
	test_pki_free(&signer);
}

void cmd_lab_init(struct cmd_lab *lab)
{
	static const char *const slots[] = {"a", "b", "ka", "kb"};
	char self[LAB_PATH_MAX] = "";
	char text[512];
	uint8_t *zeros = calloc(1, LAB_SLOT_BYTES);

	memset(lab, 0, sizeof(*lab));
	(void)snprintf(lab->dir, sizeof(lab->dir), "/tmp/ota-cmd-XXXXXX");
	cr_assert_not_null(mkdtemp(lab->dir));
	cr_assert_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	cr_assert_lt(snprintf(lab->binary, LAB_PATH_MAX, "%s/ota", dirname(dirname(self))), LAB_PATH_MAX);
	(void)snprintf(lab->config, LAB_PATH_MAX, "%s/system.conf", lab->dir);
	make_signer(lab);
	for (unsigned i = 0; i < 4; i++)
		cmd_lab_write(lab, slots[i], zeros, LAB_SLOT_BYTES);
	cmd_lab_write(lab, "env", zeros, 65536);
	free(zeros);
	(void)snprintf(text, sizeof(text), "%s/env 0 0x4000\n%s/env 0x8000 0x4000\n", lab->dir, lab->dir);
	write_text(lab, "fw_env.config", text);
	cmd_lab_configure(lab, "A", "");
}

void cmd_lab_deinit(struct cmd_lab *lab)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf %s", lab->dir);
	cr_assert_eq(system(command), 0);
}

int cmd_lab_start(struct cmd_lab *lab, const char *words)
{
	char copy[2048], option[LAB_PATH_MAX + 16], program[LAB_PATH_MAX], limit[32];
	char limiter[] = "prlimit", rest[] = "--";
	char *argv[WORDS_MAX + 3] = {limiter, limit, rest, program, option};
	char **own = lab->descriptors > 0 ? argv : argv + 3;
	unsigned count = 5;
	char *save = NULL;
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;

	(void)snprintf(program, sizeof(program), "%s", lab->binary);
	(void)snprintf(option, sizeof(option), "--config=%s", lab->config);
	(void)snprintf(limit, sizeof(limit), "--nofile=%u", lab->descriptors);
	cr_assert_lt(snprintf(copy, sizeof(copy), "%s", words), (int)sizeof(copy));
	for (char *word = strtok_r(copy, " ", &save); word != NULL && count < WORDS_MAX + 2;
	     word = strtok_r(NULL, " ", &save))
		argv[count++] = word;
	cr_assert_eq(posix_spawn_file_actions_init(&actions), 0);
	cr_assert_eq(posix_spawn_file_actions_addopen(&actions, 1, cmd_lab_path(lab, "output"),
						      O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600),
		     0);
	cr_assert_eq(posix_spawn_file_actions_adddup2(&actions, 1, 2), 0);
	for (int fd = 0; lab->streams_closed && fd < 3; fd++)
		cr_assert_eq(posix_spawn_file_actions_addclose(&actions, fd), 0);
	cr_assert_eq(posix_spawnp(&pid, own[0], &actions, NULL, own, NULL), 0, "%s is not built", program);
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

int cmd_lab_wait(struct cmd_lab *lab, int pid)
{
	int status = 0;
	size_t length;

	cr_assert_eq(waitpid(pid, &status, 0), pid);
	length = test_file_read(cmd_lab_path(lab, "output"), lab->out, sizeof(lab->out) - 1);
	lab->out[length] = '\0';
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int cmd_lab_run(struct cmd_lab *lab, const char *words)
{
	return cmd_lab_wait(lab, cmd_lab_start(lab, words));
}

void cmd_lab_bundle(struct cmd_lab *lab, const char *name, const char *version, unsigned sequence)
{
	char words[1024];
	const char *d = lab->dir;

	cmd_lab_image(lab, "rootfs", sequence, LAB_IMAGE_BYTES);
	cmd_lab_image(lab, "kernel", sequence + 1000, LAB_IMAGE_BYTES / 2);
	(void)snprintf(
	    words, sizeof(words),
	    "bundle --compatible=lab --version=%s --sequence=%u --image=rootfs=%s/rootfs "
	    "--image=kernel=%s/kernel --certificate=%s/signer.pem --key=%s/signer.key --chunk-bytes=4096 %s/%s",
	    version, sequence, d, d, d, d, d, name);
	cr_assert_eq(cmd_lab_run(lab, words), 0, "%s", lab->out);
}

int cmd_lab_same(const struct cmd_lab *lab, const char *a, const char *b, size_t size_bytes)
{
	uint8_t *da = malloc(2 * size_bytes);
	uint8_t *db = da + size_bytes;
	int same;

	cr_assert_not_null(da);
	same = test_file_read(cmd_lab_path(lab, a), da, size_bytes) == size_bytes &&
	       test_file_read(cmd_lab_path(lab, b), db, size_bytes) == size_bytes && memcmp(da, db, size_bytes) == 0;
	free(da);
	return same;
}
