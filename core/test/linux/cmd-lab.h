/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TEST_LINUX_CMD_LAB_H
#define CORE_TEST_LINUX_CMD_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A device made of files for tests of the command: a directory with a keyring, two slots (rootfs and kernel), an
 * environment, a state and a configuration; and the binary beside the test's own (build/VARIANT/ota), run as a process.
 * Asserts on what cannot happen.
 */
#define LAB_PATH_MAX    200
#define LAB_SLOT_BYTES  (2u * 1024u * 1024u)
#define LAB_IMAGE_BYTES (1024u * 1024u)

struct cmd_lab {
	char dir[64];
	char binary[LAB_PATH_MAX];
	char config[LAB_PATH_MAX];
	bool streams_closed;  /* runs start without stdin, stdout and stderr; then `out` is empty */
	unsigned descriptors; /* that runs may have open; 0: as many as the test */
	char out[16384];      /* stdout and stderr of the last run, together */
};

void cmd_lab_init(struct cmd_lab *lab);
void cmd_lab_deinit(struct cmd_lab *lab);
/* DIR/name. Two of them may be used in one expression. */
const char *cmd_lab_path(const struct cmd_lab *lab, const char *name);
/* Writes the configuration; booted "A" or "B"; extra: more lines, appended. */
void cmd_lab_configure(struct cmd_lab *lab, const char *booted, const char *extra);
void cmd_lab_write(const struct cmd_lab *lab, const char *name, const void *data, size_t size_bytes);
/* An executable shell script. */
void cmd_lab_script(const struct cmd_lab *lab, const char *name, const char *body);
/* Deterministic noise. */
void cmd_lab_image(const struct cmd_lab *lab, const char *name, uint32_t seed, size_t size_bytes);
/* Makes DIR/name from images seeded with the sequence. */
void cmd_lab_bundle(struct cmd_lab *lab, const char *name, const char *version, unsigned sequence);
/* Runs `ota --config=... words`, words split at blanks and not quoted; waits; returns its exit status. */
int cmd_lab_run(struct cmd_lab *lab, const char *words);
/* The same, started only: for signals. */
int cmd_lab_start(struct cmd_lab *lab, const char *words);
int cmd_lab_wait(struct cmd_lab *lab, int pid);
/* Do the first size_bytes of two files agree? */
int cmd_lab_same(const struct cmd_lab *lab, const char *a, const char *b, size_t size_bytes);

#endif
