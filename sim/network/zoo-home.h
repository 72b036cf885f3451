/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_NETWORK_ZOO_HOME_H
#define SIM_NETWORK_ZOO_HOME_H

#include <stddef.h>

/* In memory where possible. */
const char *yp_network_home_base(void);
/* A new directory below base, in dir ("" on failure), held by *lock. 0 or -errno; yp_network_home_remove() in any case.
 */
int yp_network_home_make(const char *base, char *dir, size_t dir_bytes, int *lock) __attribute__((warn_unused_result));
/* With all that is in it. dir "" and a negative lock are fine. */
void yp_network_home_remove(const char *dir, int lock);

#endif
