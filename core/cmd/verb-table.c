/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs, and the help that goes with each. */
#include <string.h>

#include "cmd/cmd.h"

static const struct cmd_verb verbs[] = {
    {"install", NULL, "FILE|URL", "dfn", CMD_NEEDS_CONFIG, cmd_install, "install an update and start it",
     "Verifies the bundle, writes it to the slot that does not run, reads it back, arms it and reboots. What an\n"
     "earlier run left is finished first. An interrupted install goes on where its last checkpoint was.\n\n"
     "  --dry-run    check everything, write no slot\n"
     "  --force      also a version that was rolled back before, or that is installed already\n"
     "  --no-reboot  arm it, but leave the reboot to you\n\n"
     "Examples:\n"
     "  ota install /media/usb/update-2.0.ota\n"
     "  ota install --no-reboot https://updates.example.com/gateway/latest.ota\n"},
    {"check", NULL, NULL, "nl", CMD_NEEDS_CONFIG, cmd_check, "poll [update] url= once; install what is newer",
     "Writes nothing and ends at once when there is nothing new. Meant to be started by a timer.\n\n"
     "  --no-reboot  arm it, but leave the reboot to you\n"
     "  --loop       poll every [update] interval= seconds, until there is something to reboot into or SIGTERM:\n"
     "               for an init without timers\n\n"
     "Examples:\n"
     "  ota check\n"
     "  ota check --loop\n"},
    {"status", NULL, NULL, "o", CMD_NEEDS_CONFIG, cmd_status, "print what runs, what boots next and what is stored",
     "Reads only; needs no lock and writes nothing.\n\n"
     "  --output-format=text|json\n\n"
     "Examples:\n"
     "  ota status\n"
     "  ota status --output-format=json\n"},
    {"commit", "mark-good", NULL, "", CMD_NEEDS_CONFIG, cmd_commit, "keep the version on trial",
     "Without a trial there is nothing to do. 'ota resume' does it by itself when the health checks pass.\n\n"
     "Example:\n"
     "  ota commit\n"},
    {"mark-bad", NULL, NULL, "n", CMD_NEEDS_CONFIG, cmd_mark_bad, "give up the version on trial and go back",
     "The version is stored as bad and is not installed again without --force.\n\n"
     "  --no-reboot  leave the reboot to you\n\n"
     "Example:\n"
     "  ota mark-bad\n"},
    {"rollback", NULL, NULL, "n", CMD_NEEDS_CONFIG, cmd_rollback, "go back to the version in the other slot",
     "Only to a version that is not below the version floor.\n\n"
     "  --no-reboot  leave the reboot to you\n\n"
     "Example:\n"
     "  ota rollback\n"},
    {"resume", NULL, NULL, "n", CMD_NEEDS_CONFIG, cmd_resume, "finish what the last run left; judge a trial",
     "Run at every start of the device (ota-resume.service). Runs the health checks of a version on trial and commits\n"
     "it or goes back, records and reports a rollback, goes on with an interrupted install. Safe to run at any "
     "time.\n\n"
     "  --no-reboot  leave a reboot that is needed to you\n\n"
     "Example:\n"
     "  ota resume\n"},
    {"info", NULL, "BUNDLE", "okv", 0, cmd_info, "print what is in a bundle",
     "Verified against the keyring of the configuration, or of --keyring.\n\n"
     "  --output-format=text|json\n"
     "  --keyring=FILE  certificates (PEM) that may sign; no configuration is read then\n"
     "  --no-verify     print the manifest without verifying the signature\n\n"
     "Examples:\n"
     "  ota info update-2.0.ota\n"
     "  ota info --keyring=ca.pem --output-format=json update-2.0.ota\n"},
    {"bundle", NULL, "OUT", "BCKVSIHDXTtZL", 0, cmd_bundle, "make and sign a bundle (on a host)",
     "Required:\n"
     "  --compatible=TEXT    the product, as in [system] compatible=\n"
     "  --version=TEXT       for people\n"
     "  --sequence=NUMBER    larger for newer; what the version floor compares\n"
     "  --image=CLASS=PATH   rootfs=..., and as many of kernel=, dtb= ... as the slots have\n"
     "  --certificate=FILE   PEM: the signer's, with extended key usage codeSigning, then intermediates\n"
     "  --key=FILE           PEM\n"
     "Optional:\n"
     "  --channel=TEXT  --hardware=LIST  --devices=LIST    who may install it; comma separated\n"
     "  --created=SECONDS  --expires=SECONDS               since 1970 UTC; created: now, expires: never\n"
     "  --chunk-bytes=N                                    power of two, 4096 to 1048576; default 65536\n"
     "  --level=N                                          zstd 1 to 19; 0 stores as it is; default 3\n\n"
     "Example:\n"
     "  ota bundle --compatible=acme-gateway --version=2.0 --sequence=20 --image=rootfs=rootfs.ext4 \\\n"
     "      --image=kernel=Image --certificate=signer.pem --key=signer.key update-2.0.ota\n"},
};
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

const struct cmd_verb *cmd_verb_find(const char *name)
{
	for (size_t i = 0; i < VERB_COUNT; i++) {
		if (strcmp(verbs[i].name, name) == 0 || (verbs[i].alias != NULL && strcmp(verbs[i].alias, name) == 0))
			return &verbs[i];
	}
	return NULL;
}

void cmd_help_main(FILE *out)
{
	(void)fprintf(
	    out, "Usage: ota [OPTION]... VERB [ARGUMENT]\nInstalls updates that no power cut can brick.\n\nVerbs:\n");
	for (size_t i = 0; i < VERB_COUNT; i++) {
		char name[OTA_NAME_MAX];

		(void)snprintf(name, sizeof(name), "%s%s%s%s%s", verbs[i].name, verbs[i].alias != NULL ? "|" : "",
			       verbs[i].alias != NULL ? verbs[i].alias : "", verbs[i].operand != NULL ? " " : "",
			       verbs[i].operand != NULL ? verbs[i].operand : "");
		(void)fprintf(out, "  %-18s %s\n", name, verbs[i].summary);
	}
	(void)fputs("\nOptions:\n"
		    "  --config=FILE      configuration; default " CMD_CONFIG_DEFAULT "\n"
		    "  --verbose          print each step\n"
		    "  --help             this, or with a verb its own help\n"
		    "  --version          print the version\n\n"
		    "Exit status:\n"
		    "  0  done, or nothing to do\n"
		    "  1  the device failed: storage, memory, boot state\n"
		    "  2  command line or configuration\n"
		    "  3  the update was refused; nothing of it can be booted\n"
		    "  4  the network gave up; 'ota resume' goes on\n"
		    "  5  not now: another run, a trial pending, a slot in use, power, a hook\n"
		    "  6  a version was judged bad: gone back or going back\n"
		    "  7  stopped by a signal; what was checkpointed is kept\n\n"
		    "Example:\n"
		    "  ota install update-2.0.ota && ota status\n",
		    out);
}

void cmd_help_verb(const struct cmd_verb *verb, FILE *out)
{
	(void)fprintf(out,
		      "Usage: ota [OPTION]... %s%s%s\n%c%s.\n\n%s\nCommon options: --config=FILE --verbose --help\n",
		      verb->name, verb->operand != NULL ? " " : "", verb->operand != NULL ? verb->operand : "",
		      verb->summary[0] - 'a' + 'A', verb->summary + 1, verb->help);
}
