/* SPDX-License-Identifier: Apache-2.0 */
/* The network of a device, set up from its configuration at the first request. */
#include <stdio.h>
#include <string.h>

#include "linux/fetch-options.h"

static bool stop_wanted(void *ctx)
{
	return ota_stop_requested(ctx);
}

static int start_network(struct ota_network *network)
{
	return network->curl != NULL ? 0 : ota_fetch_curl_new(&network->config, &network->curl, &network->fetch);
}

/* The library's own words, beside the reason that the transaction will give. */
static void send_message(struct ota_network *network, const char *url, int result)
{
	char text[OTA_DETAIL_MAX * 2];

	if (network->curl == NULL || result == 0 || result == OTA_NOTHING_TO_DO || network->events == NULL ||
	    network->events->message == NULL || ota_fetch_curl_detail(network->curl)[0] == '\0')
		return;
	(void)snprintf(text, sizeof(text), "%s: %s", url, ota_fetch_curl_detail(network->curl));
	if (strcmp(text, network->said) == 0)
		return;
	memcpy(network->said, text, sizeof(text));
	network->events->message(network->events->ctx, OTA_LEVEL_WARNING, text);
}

static int network_get(void *fetch, const struct ota_fetch_request *request)
{
	struct ota_network *network = fetch;
	int result = start_network(network);

	if (result == 0)
		result = network->fetch.ops->get(network->fetch.fetch, request);
	send_message(network, request->url, result);
	return result;
}

static int network_post(void *fetch, const char *url, const char *json, size_t size_bytes)
{
	struct ota_network *network = fetch;
	int result = start_network(network);

	if (result == 0)
		result = network->fetch.ops->post(network->fetch.fetch, url, json, size_bytes);
	send_message(network, url, result);
	return result;
}

void ota_network_init(struct ota_network *network, const struct ota_config *config, struct ota_stop *stop,
		      const struct ota_events *events, struct ota_fetch *out)
{
	static const struct ota_fetch_ops ops = {.get = network_get, .post = network_post};

	memset(network, 0, sizeof(*network));
	network->events = events;
	network->config.ca_path = config->tls_ca[0] != '\0' ? config->tls_ca : NULL;
	network->config.certificate_path = config->tls_certificate[0] != '\0' ? config->tls_certificate : NULL;
	network->config.key_path = config->tls_key[0] != '\0' ? config->tls_key : NULL;
	network->config.allow_http = config->allow_http;
	/* The ranges of the configuration fit these types. */
	network->config.connect_timeout_ms = (uint32_t)config->connect_timeout_s * 1000u;
	network->config.low_speed_bytes_s = (uint32_t)config->low_speed_bytes;
	network->config.low_speed_s = (uint32_t)config->low_speed_time_s;
	network->config.deadline_s = (uint32_t)config->deadline_s;
	network->config.stop = stop_wanted;
	network->config.stop_ctx = stop;
	out->ops = &ops;
	out->fetch = network;
}

void ota_network_deinit(struct ota_network *network)
{
	ota_fetch_curl_free(network->curl);
	network->curl = NULL;
}
