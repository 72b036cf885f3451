/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TEST_KILL_KILL_LAB_H
#define CORE_TEST_KILL_KILL_LAB_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A device of plain files, an update for it and an HTTPS server (nginx, ci/serve.sh) that has it, all in one temporary
 * directory. Functions return 0, or -1 with the cause in lab->why.
 */
#define LAB_IMAGES   2
#define LAB_PATH_MAX 256

/* An image of the update and the slots that take it. */
struct lab_image {
	const char *name; /* slot class */
	uint64_t size_bytes;
	uint8_t *content; /* of the new version */
	char slot[2][LAB_PATH_MAX];
};

struct lab {
	char why[2 * LAB_PATH_MAX + 128];
	char root[LAB_PATH_MAX]; /* of the sources: ci/, images/ */
	char ota[LAB_PATH_MAX];
	char dir[LAB_PATH_MAX];
	char config[LAB_PATH_MAX];
	char log[LAB_PATH_MAX]; /* what the commands of the current case printed */
	struct lab_image images[LAB_IMAGES];
	uint8_t *environment; /* both copies, as mkenvimage made them */
	size_t environment_bytes;
	/* The bundle: where each chunk begins in the file, and its end. */
	uint64_t *chunk_offset;
	uint32_t chunks;
	uint64_t head_bytes;
	/* The server. */
	pid_t server;
	int server_fd; /* pidfd */
	unsigned port;
	char url[LAB_PATH_MAX];
	char access_log[LAB_PATH_MAX];
	long log_position;
};

int lab_fail(struct lab *lab, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* DIR/name in out. */
void lab_path(const struct lab *lab, char out[LAB_PATH_MAX], const char *name);

/* Everything but the server. */
int lab_init(struct lab *lab, uint64_t seed) __attribute__((warn_unused_result));
/* The directory goes unless keep. */
void lab_deinit(struct lab *lab, bool keep);
/* The device as it left the factory: version 1 in A, an older one in B, no state, no lock. */
int lab_reset(struct lab *lab) __attribute__((warn_unused_result));
int lab_read(struct lab *lab, const char *path, uint8_t **out, size_t *out_bytes) __attribute__((warn_unused_result));

/* The block that B holds before an install, at the start of each image; the rest of it is zeros. */
#define LAB_OLD_BYTES 4096
void lab_old_header(uint8_t out[LAB_OLD_BYTES]);

uint64_t lab_random(uint64_t *state);

#endif
