/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_STEP_H
#define OTA_STEP_H

/* The steps of a transaction: the ids that marks, scenarios and reports use. */
enum ota_step {
	OTA_S01_POLL = 1,
	OTA_S02_VERIFY_METADATA,
	OTA_S03_POLICY,
	OTA_S04_OPEN_JOURNAL,
	OTA_S05_BAR,    /* one boot store; then the target's first block zeroed and flushed */
	OTA_S06_STREAM, /* verify each chunk, then write it */
	OTA_S07_FLUSH,
	OTA_S08_READ_BACK, /* uncached; header block last */
	OTA_S09_JOURNAL_WRITTEN,
	OTA_S10_ARM, /* one boot store: the commit point of the install */
	OTA_S11_REBOOT,
	OTA_S12_COUNT, /* bootloader */
	OTA_S13_UP,
	OTA_S14_HEALTH,
	OTA_S15_COMMIT, /* one boot store */
	OTA_S16_FLOOR,
	OTA_S17_REPORT,
	OTA_R1_LIMIT,  /* bootloader goes back, one store */
	OTA_R2_RECORD, /* old slot records the failure */
	OTA_R3_REPORT,
	OTA_STEP_COUNT
};

/* "S01" ... "S17", "R1" ... "R3"; static. */
const char *ota_step_name(enum ota_step step);
/* "poll", "verify metadata", ...; static. */
const char *ota_step_text(enum ota_step step);

#endif
