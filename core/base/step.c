/* SPDX-License-Identifier: Apache-2.0 */
/* The table of steps: id and text. */
#include "ota/step.h"

struct step {
	const char *name;
	const char *text;
};

static const struct step steps[OTA_STEP_COUNT] = {
    [OTA_S01_POLL] = {"S01", "poll"},
    [OTA_S02_VERIFY_METADATA] = {"S02", "verify metadata"},
    [OTA_S03_POLICY] = {"S03", "policy"},
    [OTA_S04_OPEN_JOURNAL] = {"S04", "open the journal"},
    [OTA_S05_BAR] = {"S05", "bar the target slot"},
    [OTA_S06_STREAM] = {"S06", "stream"},
    [OTA_S07_FLUSH] = {"S07", "flush"},
    [OTA_S08_READ_BACK] = {"S08", "read back"},
    [OTA_S09_JOURNAL_WRITTEN] = {"S09", "journal \"written\""},
    [OTA_S10_ARM] = {"S10", "arm"},
    [OTA_S11_REBOOT] = {"S11", "reboot"},
    [OTA_S12_COUNT] = {"S12", "count the attempt"},
    [OTA_S13_UP] = {"S13", "kernel and root filesystem up"},
    [OTA_S14_HEALTH] = {"S14", "health check"},
    [OTA_S15_COMMIT] = {"S15", "commit"},
    [OTA_S16_FLOOR] = {"S16", "raise the version floor"},
    [OTA_S17_REPORT] = {"S17", "report"},
    [OTA_R1_LIMIT] = {"R1", "boot limit reached"},
    [OTA_R2_RECORD] = {"R2", "record the failure"},
    [OTA_R3_REPORT] = {"R3", "report the failure"},
};

static const struct step *find_step(enum ota_step step)
{
	static const struct step unknown = {"S00", "no step"};
	return (int)step >= OTA_S01_POLL && (int)step < OTA_STEP_COUNT ? &steps[step] : &unknown;
}

const char *ota_step_name(enum ota_step step)
{
	return find_step(step)->name;
}

const char *ota_step_text(enum ota_step step)
{
	return find_step(step)->text;
}
