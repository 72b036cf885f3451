/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_LINUX_FETCH_OPTIONS_H
#define CORE_LINUX_FETCH_OPTIONS_H

#include "ota/fetch-curl.h"
#include "ota/linux.h"

/* The network, started by the first request: most runs need none, and TLS libraries are large. */
struct ota_network {
	struct ota_fetch_curl_config config;
	const struct ota_events *events;
	struct ota_fetch_curl *curl;
	struct ota_fetch fetch;
	char said[OTA_DETAIL_MAX * 2]; /* last, so that five equal attempts give one line */
};

void ota_network_init(struct ota_network *network, const struct ota_config *config, struct ota_stop *stop,
		      const struct ota_events *events, struct ota_fetch *out);
void ota_network_deinit(struct ota_network *network);

#endif
