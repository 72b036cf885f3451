/* SPDX-License-Identifier: Apache-2.0 */
/* The phases behind the step ids of `ota`. The journal is opened (S04) for the slot that is barred next, and says
 * "written" (S09) once that is verified. */
#include "subject/ota-phases.h"

const struct yp_phase_mark yp_ota_phases[YP_OTA_PHASES_COUNT] = {
    {"S01", YP_PHASE_FETCH},  {"S02", YP_PHASE_FETCH},    {"S03", YP_PHASE_FETCH},    {"S04", YP_PHASE_BAR},
    {"S05", YP_PHASE_BAR},    {"S06", YP_PHASE_WRITE},    {"S07", YP_PHASE_FLUSH},    {"S08", YP_PHASE_VERIFY},
    {"S09", YP_PHASE_VERIFY}, {"S10", YP_PHASE_ARM},      {"S11", YP_PHASE_ARM},      {"S12", YP_PHASE_SELECT},
    {"S13", YP_PHASE_BOOT},   {"S14", YP_PHASE_HEALTH},   {"S15", YP_PHASE_COMMIT},   {"S16", YP_PHASE_FLOOR},
    {"S17", YP_PHASE_REPORT}, {"R1", YP_PHASE_FALL_BACK}, {"R2", YP_PHASE_FALL_BACK}, {"R3", YP_PHASE_REPORT},
};
