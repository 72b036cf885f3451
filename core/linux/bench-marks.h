/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_LINUX_BENCH_MARKS_H
#define CORE_LINUX_BENCH_MARKS_H

#include "ota/linux.h"

/*
 * Marks and holds for a test bench: [bench] of system.conf, on a device that the unit file makes a bench unit. On any
 * other device nothing here has an effect but one line that says so.
 *
 * Lines out, each sent whole before the step begins (or goes on), the port drained:
 *     ota-mark: STEP COUNT UPTIME_US begin|hold|released|timeout|stopped
 * COUNT numbers the lines of this process from 1; UPTIME_US is CLOCK_BOOTTIME in microseconds. "hold" = waits for a line
 * "ota-go" on the same port, "released", "timeout" or "stopped" = goes on, and why. What arrived before the
 * mark was sent releases nothing. A port that cannot be written costs at most OTA_BENCH_SEND_MS a line.
 */
#define OTA_BENCH_SEND_MS    1000
#define OTA_BENCH_UNIT_BYTES 1024u /* a unit file is shorter */

struct ota_bench {
	int fd;        /* -1: no marks */
	bool asked;    /* configuration and unit file were looked at */
	uint32_t hold; /* bit of each enum ota_step to hold at */
	int64_t hold_timeout_ms;
	unsigned count;
};

/* The values of marks= and hold= after the unit file was read. */
struct ota_bench_unit {
	char marks[OTA_PATH_MAX];
	uint32_t hold;
	uint64_t hold_timeout_ms;
};

/* "none", "all", or names of steps joined by commas. false: none of these; *out is unchanged. */
bool ota_bench_hold_parse(const char *text, uint32_t *out) __attribute__((warn_unused_result));
/*
 * Lines marks=, hold= and hold-timeout-ms= over what *unit has; empty lines and # comments. 0, or 1 with `detail` =
 * "LINE: what, what to do"; *unit is then not to be used.
 */
int ota_bench_unit_parse(const char *text, size_t size_bytes, struct ota_bench_unit *unit, char *detail,
			 size_t detail_bytes) __attribute__((warn_unused_result));

void ota_bench_init(struct ota_bench *bench);
/* 0 = marks are sent, or nothing is configured; 1 = ignored, with one line in `detail`. */
int ota_bench_open(struct ota_bench *bench, const struct ota_config *config, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
/* Sends the mark, and holds where that is configured. `idle` is called at least each OTA_PROCESS_TICK_MS meanwhile. */
void ota_bench_step(struct ota_bench *bench, enum ota_step step, const struct ota_stop *stop, void (*idle)(void *ctx),
		    void *ctx);
void ota_bench_deinit(struct ota_bench *bench);

#endif
