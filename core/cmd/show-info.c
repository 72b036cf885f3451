/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a bundle: of a file, verified first. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file-io.h"
#include "cmd/cmd.h"
#include "cmd/json-text.h"

/* The head as it lies in the file, not yet verified. */
struct raw_head {
	uint8_t *bytes; /* free() */
	size_t size_bytes;
	struct ota_bundle_header header;
	uint64_t file_bytes;
};

static int read_exactly(int fd, uint8_t *out, size_t size_bytes)
{
	int result = ota_fd_read(fd, out, size_bytes);

	return result == -ENODATA ? OTA_TRUNCATED : result;
}

static int read_head(const char *path, struct raw_head *out)
{
	uint8_t first[OTA_BUNDLE_HEADER_BYTES];
	struct stat status;
	int result;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	result = fstat(fd, &status) == 0 ? 0 : -errno;
	if (result == 0)
		result = read_exactly(fd, first, sizeof(first));
	if (result == 0)
		result = ota_bundle_header_parse(first, &out->header);
	if (result == 0) {
		out->file_bytes = (uint64_t)status.st_size;
		out->size_bytes = ota_bundle_head_bytes(&out->header);
		out->bytes = malloc(out->size_bytes);
		result = out->bytes != NULL ? 0 : -ENOMEM;
	}
	if (result == 0) {
		memcpy(out->bytes, first, sizeof(first));
		result = read_exactly(fd, out->bytes + sizeof(first), out->size_bytes - sizeof(first));
	}
	(void)close(fd); /* opened for reading */
	return result;
}

static void print_json(const struct ota_head *head)
{
	const struct ota_manifest *manifest = ota_head_manifest(head);
	struct cmd_json json = {.out = stdout};
	char text[CMD_DIGEST_TEXT];

	cmd_json_open(&json, NULL, '{');
	cmd_json_bool(&json, "verified", true);
	cmd_json_text(&json, "digest", cmd_digest_text(ota_head_digest(head), text));
	cmd_json_text(&json, "compatible", manifest->compatible);
	cmd_json_text(&json, "version", manifest->version);
	cmd_json_number(&json, "sequence", manifest->sequence);
	cmd_json_text(&json, "hardware", manifest->hardware);
	cmd_json_text(&json, "channel", manifest->channel);
	cmd_json_text(&json, "devices", manifest->devices);
	cmd_json_number(&json, "created", (uint64_t)manifest->created_s);
	cmd_json_number(&json, "expires", (uint64_t)manifest->expires_s);
	cmd_json_number(&json, "chunk_bytes", manifest->chunk_bytes);
	cmd_json_number(&json, "chunks", ota_head_chunks(head));
	cmd_json_number(&json, "head_bytes", ota_head_bytes(head));
	cmd_json_number(&json, "payload_bytes", manifest->payload_bytes);
	cmd_json_open(&json, "images", '[');
	for (unsigned i = 0; i < manifest->image_count; i++) {
		cmd_json_open(&json, NULL, '{');
		cmd_json_text(&json, "name", manifest->images[i].name);
		cmd_json_number(&json, "size", manifest->images[i].size_bytes);
		cmd_json_text(&json, "sha256", cmd_digest_text(manifest->images[i].sha256, text));
		cmd_json_close(&json, '}');
	}
	cmd_json_close(&json, ']');
	cmd_json_close(&json, '}');
}

static void print_text(const struct ota_head *head)
{
	const struct ota_manifest *manifest = ota_head_manifest(head);
	char text[CMD_DIGEST_TEXT];

	(void)printf("verified:    yes\ndigest:      %s\n", cmd_digest_text(ota_head_digest(head), text));
	(void)printf("compatible:  %s\nversion:     %s\nsequence:    %" PRIu64 "\n", manifest->compatible,
		     manifest->version, manifest->sequence);
	if (manifest->hardware[0] != '\0')
		(void)printf("hardware:    %s\n", manifest->hardware);
	if (manifest->channel[0] != '\0')
		(void)printf("channel:     %s\n", manifest->channel);
	if (manifest->devices[0] != '\0')
		(void)printf("devices:     %s\n", manifest->devices);
	(void)printf("created:     %" PRId64 "\n", manifest->created_s);
	if (manifest->expires_s != 0)
		(void)printf("expires:     %" PRId64 "\n", manifest->expires_s);
	(void)printf("size:        %zu bytes head, %" PRIu64 " bytes payload, %u chunks of %u bytes\n",
		     ota_head_bytes(head), manifest->payload_bytes, ota_head_chunks(head), manifest->chunk_bytes);
	for (unsigned i = 0; i < manifest->image_count; i++)
		(void)printf("image:       %s, %" PRIu64 " bytes, sha256 %s\n", manifest->images[i].name,
			     manifest->images[i].size_bytes, cmd_digest_text(manifest->images[i].sha256, text));
}

/* The manifest's own bytes, made safe for a terminal. Nothing is parsed, because nothing is verified. */
static void print_unverified(const struct cmd *cmd, const struct raw_head *raw)
{
	const uint8_t *text = raw->bytes + OTA_BUNDLE_HEADER_BYTES;
	struct cmd_json json = {.out = stdout};
	char *copy = malloc((size_t)raw->header.manifest_bytes + 1);

	if (copy == NULL)
		return;
	for (uint32_t i = 0; i < raw->header.manifest_bytes; i++)
		copy[i] = text[i] == '\n' || (text[i] >= 0x20 && text[i] < 0x7f) ? (char)text[i] : '?';
	copy[raw->header.manifest_bytes] = '\0';
	if (cmd->json) {
		cmd_json_open(&json, NULL, '{');
		cmd_json_bool(&json, "verified", false);
		cmd_json_text(&json, "manifest", copy);
		cmd_json_close(&json, '}');
	} else {
		(void)printf("verified:    no: anybody may have written this\n%s", copy);
	}
	free(copy);
}

static int load_keyring(struct cmd *cmd, struct ota_keyring **out, char *detail, size_t detail_bytes)
{
	const char *roots = cmd->keyring;
	const char *crl = NULL;
	int result;

	if (roots == NULL) {
		result = ota_config_load(cmd->config_path, &cmd->config, detail, detail_bytes);
		if (result != 0)
			return result;
		roots = cmd->config.keyring_path;
		crl = cmd->config.keyring_crl[0] != '\0' ? cmd->config.keyring_crl : NULL;
	}
	result = ota_keyring_load(roots, crl, out);
	if (result == 0)
		return 0;
	(void)snprintf(detail, detail_bytes, "keyring %s: %s", roots,
		       result < 0 ? strerror(-result) : "no certificates that can be read");
	return ota_reason_exhausted(result) ? result : OTA_BAD_CONFIG;
}

static int64_t now_s(const struct cmd *cmd)
{
	struct ota_clock clock;
	int64_t now;

	ota_clock_linux(cmd->stop, &clock);
	now = clock.ops->realtime_s(clock.clock);
	return now > (int64_t)cmd->config.build_time_s ? now : (int64_t)cmd->config.build_time_s;
}

static int check_length(const struct raw_head *raw, const struct ota_head *head)
{
	uint64_t whole = ota_head_bytes(head) + ota_head_manifest(head)->payload_bytes;

	if (raw->file_bytes == whole)
		return 0;
	return raw->file_bytes < whole ? OTA_TRUNCATED : OTA_TRAILING;
}

int cmd_info(struct cmd *cmd)
{
	const char *path = cmd->operands[0];
	struct raw_head raw = {0};
	struct ota_keyring *keyring = NULL;
	struct ota_head *head = NULL;
	char detail[OTA_DETAIL_MAX] = "";
	int result;

	result = read_head(path, &raw);
	if (result == -ENOENT || result == -EACCES || result == -EISDIR) {
		(void)fprintf(stderr, "ota: info: %s: %s; give the path of a bundle\n", path, strerror(-result));
		free(raw.bytes);
		return CMD_EXIT_USAGE;
	}
	if (result == 0 && cmd->no_verify) {
		print_unverified(cmd, &raw);
		goto out;
	}
	if (result == 0)
		result = load_keyring(cmd, &keyring, detail, sizeof(detail));
	if (result == 0)
		result = ota_head_open(raw.bytes, raw.size_bytes, keyring, now_s(cmd), &head, detail, sizeof(detail));
	if (result == 0)
		result = check_length(&raw, head);
	if (result == 0 && cmd->json)
		print_json(head);
	else if (result == 0)
		print_text(head);
out:
	ota_head_free(head);
	ota_keyring_free(keyring);
	free(raw.bytes);
	return result == 0 ? CMD_EXIT_OK : cmd_outcome(cmd, result, "", detail);
}
