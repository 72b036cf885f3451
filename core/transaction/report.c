/* SPDX-License-Identifier: Apache-2.0 */
/* S17 and R3: the JSON of a report and its delivery. */
#include "transaction/report.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "transaction/outbox.h"

#define REPORT_DEVICE_MAX 128u /* longer device ids are cut: one character may take six bytes */

static size_t put_text(char *out, size_t used, const char *text)
{
	size_t n = strnlen(text, OTA_REPORT_MAX_BYTES - 1 - used);
	memcpy(out + used, text, n);
	return used + n;
}

/* A JSON string. Bytes that are not printable ASCII, which nothing here should hold, become \u00XX: always valid JSON.
 */
static size_t put_string(char *out, size_t used, const char *text, size_t max)
{
	size_t size = strnlen(text, max);
	used = put_text(out, used, "\"");
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];
		char escaped[8] = {(char)c};
		if (c == '"' || c == '\\')
			(void)snprintf(escaped, sizeof escaped, "\\%c", c);
		else if (c < 0x20 || c > 0x7e)
			(void)snprintf(escaped, sizeof escaped, "\\u%04x", c);
		used = put_text(out, used, escaped);
	}
	return put_text(out, used, "\"");
}

static const char *kind_name(unsigned kind)
{
	static const char *const names[] = {"none", "success", "failure", "rollback", "alarm"};
	return kind < sizeof names / sizeof names[0] ? names[kind] : "alarm";
}

size_t ota_report_format(const struct ota_event *event, const char *device, char out[OTA_REPORT_MAX_BYTES])
{
	char id[24];
	size_t used = 0;
	(void)snprintf(id, sizeof id, "%016" PRIx64, event->id);
	used = put_text(out, used, "{\"id\":");
	used = put_string(out, used, id, sizeof id);
	used = put_text(out, used, ",\"device\":");
	used = put_string(out, used, device ? device : "", REPORT_DEVICE_MAX);
	used = put_text(out, used, ",\"event\":");
	used = put_string(out, used, kind_name(event->kind), 16);
	used = put_text(out, used, ",\"version\":");
	used = put_string(out, used, event->version, sizeof event->version);
	used = put_text(out, used, ",\"from\":");
	used = put_string(out, used, event->from_version, sizeof event->from_version);
	used = put_text(out, used, ",\"reason\":");
	used = put_string(out, used, ota_reason_name(event->reason), 64);
	used = put_text(out, used, ",\"detail\":");
	used = put_string(out, used, event->detail, sizeof event->detail);
	used = put_text(out, used, "}");
	out[used] = '\0';
	return used;
}

void ota_report_queue(struct ota_txn *txn, enum ota_event_kind kind, int reason, uint64_t id, const char *version,
		      const char *from_version, const char *detail)
{
	struct ota_event event = {.id = id, .kind = (uint16_t)kind, .reason = (uint16_t)ota_reason_of(reason)};
	assert(id != 0);
	if (!txn->ota->policy.report_url)
		return;
	ota_text_copy(event.version, sizeof event.version, version);
	ota_text_copy(event.from_version, sizeof event.from_version, from_version);
	ota_text_copy(event.detail, sizeof event.detail, detail);
	ota_outbox_add(&txn->state, &event);
}

void ota_report_deliver(struct ota_txn *txn)
{
	const struct ota *ota = txn->ota;
	const struct ota_event *event = ota_outbox_first(&txn->state);
	if (!event || !ota->policy.report_url || !ota->fetch.ops || !ota->fetch.ops->post)
		return;
	ota_txn_step(txn, event->kind == OTA_EVENT_ROLLBACK ? OTA_R3_REPORT : OTA_S17_REPORT);
	bool delivered = false;
	for (unsigned i = 0; event && i < OTA_OUTBOX_MAX; i++) {
		char json[OTA_REPORT_MAX_BYTES];
		size_t size = ota_report_format(event, ota->policy.device_id, json);
		int r = ota->fetch.ops->post(ota->fetch.fetch, ota->policy.report_url, json, size);
		if (r) {
			/* Never a failure of the update: the report waits for the next run. */
			ota_txn_message(txn, OTA_LEVEL_INFO,
					"a report could not be delivered (%s); it is kept for the next run",
					ota_reason_name((int)ota_reason_of(r)));
			break;
		}
		ota_outbox_remove(&txn->state, event->id);
		delivered = true;
		event = ota_outbox_first(&txn->state);
	}
	/* One store for all of them. If it is cut or fails, they are delivered again under the same ids. */
	if (delivered && ota_txn_save(txn) < 0)
		ota_txn_message(txn, OTA_LEVEL_WARNING,
				"delivered reports could not be taken off the list; they will be sent again");
}
