/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_SUBJECT_OTA_PHASES_H
#define SIM_SUBJECT_OTA_PHASES_H

#include "power-cut/phase.h"

/* What the step marks of `ota` mean: S01 to S17, R1 to R3. */
#define YP_OTA_PHASES_COUNT 20u
extern const struct yp_phase_mark yp_ota_phases[YP_OTA_PHASES_COUNT];

#endif
