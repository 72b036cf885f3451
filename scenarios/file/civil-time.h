/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_FILE_CIVIL_TIME_H
#define SCENARIOS_FILE_CIVIL_TIME_H

#include <stdint.h>

/*
 * A time as people write it, in UTC: "1970-01-01", "2038-01-19T03:14:08Z", or relative to base_s: "-1d", "+20y"
 * (d = 86,400 s, y = 365.25 d). 0 or -EINVAL.
 */
int yp_civil_parse(const char *text, int64_t base_s, int64_t *out_s) __attribute__((warn_unused_result));

#endif
