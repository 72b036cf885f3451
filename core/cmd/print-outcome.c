/* SPDX-License-Identifier: Apache-2.0 */
/* The one line and the one number at the end of a run. */
#include <errno.h>
#include <string.h>

#include "cmd/cmd.h"

struct meaning {
	enum cmd_exit exit;
	const char *advice; /* what to do */
};

static const struct meaning meanings[OTA_REASON_COUNT] = {
    [OTA_OK] = {CMD_EXIT_OK, NULL},
    [OTA_BAD_MAGIC] = {CMD_EXIT_REFUSED, "give a file made by 'ota bundle'"},
    [OTA_BAD_FORMAT] = {CMD_EXIT_REFUSED, "make the bundle with a version of 'ota bundle' that this updater knows"},
    [OTA_TRUNCATED] = {CMD_EXIT_REFUSED, "copy or upload the bundle again"},
    [OTA_TOO_LARGE] = {CMD_EXIT_REFUSED, "make the bundle smaller"},
    [OTA_TRAILING] = {CMD_EXIT_REFUSED, "copy or upload the bundle again"},
    [OTA_NO_SIGNATURE] = {CMD_EXIT_REFUSED, "sign the bundle"},
    [OTA_BAD_SIGNATURE] = {CMD_EXIT_REFUSED, "the bundle was changed or is damaged: get it from its maker again"},
    [OTA_UNTRUSTED] = {CMD_EXIT_REFUSED, "sign with a certificate that the keyring trusts"},
    [OTA_CERT_EXPIRED] = {CMD_EXIT_REFUSED, "sign with a valid certificate, or set the device's clock"},
    [OTA_CERT_NOT_YET_VALID] = {CMD_EXIT_REFUSED, "set the device's clock"},
    [OTA_CERT_PURPOSE] = {CMD_EXIT_REFUSED, "sign with a certificate for code signing"},
    [OTA_CERT_REVOKED] = {CMD_EXIT_REFUSED, "sign with another certificate"},
    [OTA_WEAK_ALGORITHM] = {CMD_EXIT_REFUSED, "sign with SHA-256 and RSA of 2048 bits or ECDSA"},
    [OTA_BAD_MANIFEST] = {CMD_EXIT_REFUSED, "make the bundle with 'ota bundle'"},
    [OTA_INCOMPATIBLE] = {CMD_EXIT_REFUSED, "give the bundle made for this product"},
    [OTA_HARDWARE] = {CMD_EXIT_REFUSED, "give the bundle made for this hardware revision"},
    [OTA_WRONG_DEVICE] = {CMD_EXIT_REFUSED, "give a bundle made for this device"},
    [OTA_WRONG_CHANNEL] = {CMD_EXIT_REFUSED, "give a bundle of this device's channel"},
    [OTA_DOWNGRADE] = {CMD_EXIT_REFUSED, "give a newer version"},
    [OTA_FAST_FORWARD] = {CMD_EXIT_REFUSED, "sign it again with a smaller sequence"},
    [OTA_ALREADY_INSTALLED] = {CMD_EXIT_OK, NULL},
    [OTA_EXPIRED] = {CMD_EXIT_REFUSED, "publish a fresh bundle, or set the device's clock"},
    [OTA_KNOWN_BAD] = {CMD_EXIT_REFUSED, "publish a mended version, or use --force to try this one again"},
    [OTA_NO_SPACE] = {CMD_EXIT_REFUSED, "make the image smaller or the slot larger"},
    [OTA_LOW_POWER] = {CMD_EXIT_BUSY, "charge the device and try again"},
    [OTA_HOOK_REFUSED] = {CMD_EXIT_BUSY, "see what the hook printed, and try again"},
    [OTA_CHUNK_DECODE] = {CMD_EXIT_REFUSED, "copy or upload the bundle again"},
    [OTA_CHUNK_DIGEST] = {CMD_EXIT_REFUSED, "copy or upload the bundle again"},
    [OTA_READ_BACK] = {CMD_EXIT_FAILED, "the medium loses data: check or replace it"},
    [OTA_UNREACHABLE] = {CMD_EXIT_NETWORK, "check the network; 'ota resume' goes on"},
    [OTA_NAME] = {CMD_EXIT_NETWORK, "check the URL and the name server"},
    [OTA_TLS] = {CMD_EXIT_NETWORK, "check [tls] ca=, the server's certificate and the device's clock"},
    [OTA_HTTP_STATUS] = {CMD_EXIT_NETWORK, "check the URL and the server"},
    [OTA_HTTP_RANGE] = {CMD_EXIT_NETWORK, "check that the server answers range requests and the file did not change"},
    [OTA_SHORT_BODY] = {CMD_EXIT_NETWORK, "check the server and proxies; 'ota resume' goes on"},
    [OTA_LONG_BODY] = {CMD_EXIT_NETWORK, "check the server and proxies"},
    [OTA_STALLED] = {CMD_EXIT_NETWORK, "check the network; 'ota resume' goes on"},
    [OTA_DEADLINE] = {CMD_EXIT_NETWORK, "check the network or raise [update] deadline-s=; 'ota resume' goes on"},
    [OTA_BUSY] = {CMD_EXIT_BUSY, "try again when it has ended"},
    [OTA_SLOT_IN_USE] = {CMD_EXIT_BUSY, "unmount it and try again"},
    [OTA_TRIAL_PENDING] = {CMD_EXIT_BUSY,
			   "reboot or 'ota resume' to judge it, 'ota commit' or 'ota rollback' to decide"},
    [OTA_NOTHING_TO_DO] = {CMD_EXIT_OK, NULL},
    [OTA_BOOT_STATE] = {CMD_EXIT_FAILED, "check the boot environment and fw_env.config"},
    [OTA_BAD_CONFIG] = {CMD_EXIT_USAGE, "correct the configuration"},
    [OTA_HEALTH_FAILED] = {CMD_EXIT_ROLLED_BACK, "see why the check failed, and publish a mended version"},
    [OTA_HEALTH_TIMEOUT] = {CMD_EXIT_ROLLED_BACK, "see why the check hung, and publish a mended version"},
    [OTA_BOOT_LIMIT] = {CMD_EXIT_ROLLED_BACK, "see why it did not start, and publish a mended version"},
    [OTA_MARKED_BAD] = {CMD_EXIT_ROLLED_BACK, "publish a mended version"},
    [OTA_STORAGE] = {CMD_EXIT_FAILED, "check the medium and the kernel's log"},
    [OTA_NO_MEMORY] = {CMD_EXIT_FAILED, "end other programs or raise the limits, and try again"},
    [OTA_INTERNAL] = {CMD_EXIT_FAILED, "report this as a defect"},
};

static enum cmd_exit exit_of(int result)
{
	if (result == -EINTR)
		return CMD_EXIT_STOPPED;
	if (result < 0 || result >= OTA_REASON_COUNT)
		return CMD_EXIT_FAILED;
	return meanings[result].exit;
}

/* NAME: what happened (version); what to do */
static void print_outcome(FILE *out, const struct cmd *cmd, int result, const char *version, const char *detail)
{
	enum ota_reason reason = ota_reason_of(result);
	bool known = (int)reason >= 0 && reason < OTA_REASON_COUNT;
	const char *advice = known ? meanings[reason].advice : NULL;

	(void)fprintf(out, "ota: %s: ", cmd->verb->name);
	if (result == -EINTR) {
		(void)fprintf(out, "STOPPED: asked to stop; what was checkpointed is kept, 'ota resume' goes on\n");
		return;
	}
	/* The detail says more than the reason's own clause, so it stands for it. */
	(void)fprintf(out, "%s: %s", ota_reason_name((int)reason),
		      detail[0] != '\0' ? detail : ota_reason_text((int)reason));
	if (version[0] != '\0' && strstr(detail, version) == NULL)
		(void)fprintf(out, " (version %s)", version);
	if (detail[0] == '\0' && result < 0)
		(void)fprintf(out, " (%s)", strerror(-result));
	/* A detail with two clauses says what to do about this very case. */
	if (strchr(detail, ';') != NULL)
		advice = NULL;
	(void)fprintf(out, "%s%s\n", advice != NULL ? "; " : "", advice != NULL ? advice : "");
}

int cmd_outcome(struct cmd *cmd, int result, const char *version, const char *detail)
{
	enum cmd_exit status = exit_of(result);

	if (cmd->progress != NULL)
		cmd_progress_end(cmd->progress);
	print_outcome(status == CMD_EXIT_OK ? stdout : stderr, cmd, result, version, detail);
	return (int)status;
}
