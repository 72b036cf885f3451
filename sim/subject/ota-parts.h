/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_SUBJECT_OTA_PARTS_H
#define SIM_SUBJECT_OTA_PARTS_H

#include "sim/subject.h"

/* The parts of `ota` as a subject. Rigs take them from yp_subject_find("ota"). */
extern const struct yp_boot_protocol yp_ota_boot;
extern const struct yp_subject_records yp_ota_records;
extern const struct yp_subject_descriptor yp_ota_descriptor;
extern const struct yp_subject_config yp_ota_config;

#endif
