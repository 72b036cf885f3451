/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TEST_FAKE_PARTS_H
#define CORE_TEST_FAKE_PARTS_H

#include "test/fake-device.h"

/* The seams of a fake device. */
extern const struct ota_block_ops fake_block_ops;
extern const struct ota_boot_ops fake_boot_ops;
extern const struct ota_fetch_ops fake_fetch_ops;
extern const struct ota_clock_ops fake_clock_ops;
extern const struct ota_system_ops fake_system_ops;
int fake_env_store(struct fake *fake, const struct ota_boot_state *state);
/* One line; a line equal to the last is left out. */
void fake_log(struct fake *fake, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
