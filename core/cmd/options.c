/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: all options in one table, each verb says by letter which it takes. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"

#define OPTIONS_MAX 64u /* given on one command line */

/* The letters are only names for the table: the command has long options alone. */
static const struct option options[] = {
    {"config", required_argument, NULL, 'c'},
    {"verbose", no_argument, NULL, 'y'},
    {"help", no_argument, NULL, 'h'},
    {"version", optional_argument, NULL, 'V'},
    {"dry-run", no_argument, NULL, 'd'},
    {"force", no_argument, NULL, 'f'},
    {"no-reboot", no_argument, NULL, 'n'},
    {"loop", no_argument, NULL, 'l'},
    {"output-format", required_argument, NULL, 'o'},
    {"keyring", required_argument, NULL, 'k'},
    {"no-verify", no_argument, NULL, 'v'},
    {"compatible", required_argument, NULL, 'B'},
    {"certificate", required_argument, NULL, 'C'},
    {"key", required_argument, NULL, 'K'},
    {"sequence", required_argument, NULL, 'S'},
    {"image", required_argument, NULL, 'I'},
    {"channel", required_argument, NULL, 'H'},
    {"hardware", required_argument, NULL, 'D'},
    {"devices", required_argument, NULL, 'X'},
    {"expires", required_argument, NULL, 'T'},
    {"created", required_argument, NULL, 't'},
    {"chunk-bytes", required_argument, NULL, 'Z'},
    {"level", required_argument, NULL, 'L'},
    {NULL, 0, NULL, 0},
};

static const char *option_name(int letter)
{
	for (unsigned i = 0; options[i].name != NULL; i++) {
		if (options[i].val == letter)
			return options[i].name;
	}
	return "?";
}

static int bad_value(int letter, const char *value, const char *wanted)
{
	(void)fprintf(stderr, "ota: --%s=%s: give %s\n", option_name(letter), value, wanted);
	return CMD_EXIT_USAGE;
}

static int set_text(int letter, const char *value, char *out, size_t out_bytes)
{
	if (value[0] == '\0' || strlen(value) >= out_bytes) {
		(void)fprintf(stderr, "ota: --%s: give 1 to %zu characters\n", option_name(letter), out_bytes - 1);
		return CMD_EXIT_USAGE;
	}
	memcpy(out, value, strlen(value) + 1);
	return 0;
}

static int set_number(int letter, const char *value, uint64_t max, uint64_t *out)
{
	char *end = NULL;

	errno = 0;
	*out = strtoull(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || errno != 0 || *end != '\0' || *out > max) {
		(void)fprintf(stderr, "ota: --%s=%s: give a number from 0 to %" PRIu64 "\n", option_name(letter), value,
			      max);
		return CMD_EXIT_USAGE;
	}
	return 0;
}

static int add_image(struct cmd *cmd, const char *value)
{
	const char *equals = strchr(value, '=');
	unsigned i = cmd->image_count;

	if (equals == NULL || equals == value || equals[1] == '\0' || (size_t)(equals - value) >= OTA_NAME_MAX)
		return bad_value('I', value, "CLASS=PATH, such as rootfs=rootfs.ext4");
	if (i == OTA_IMAGES_MAX)
		return bad_value('I', value, "at most 4 images");
	memcpy(cmd->image_names[i], value, (size_t)(equals - value));
	cmd->images[i].name = cmd->image_names[i];
	cmd->images[i].path = equals + 1;
	cmd->image_count++;
	return 0;
}

static int set_bundle_option(struct cmd *cmd, int letter, const char *value)
{
	struct ota_manifest *manifest = &cmd->manifest;
	uint64_t number = 0;
	int result = 0;

	switch (letter) {
	case 'B':
		return set_text(letter, value, manifest->compatible, sizeof(manifest->compatible));
	case 'V':
		return set_text(letter, value, manifest->version, sizeof(manifest->version));
	case 'H':
		return set_text(letter, value, manifest->channel, sizeof(manifest->channel));
	case 'D':
		return set_text(letter, value, manifest->hardware, sizeof(manifest->hardware));
	case 'X':
		return set_text(letter, value, manifest->devices, sizeof(manifest->devices));
	case 'S':
		cmd->sequence_given = true;
		return set_number(letter, value, UINT64_MAX, &manifest->sequence);
	case 'T':
		result = set_number(letter, value, INT64_MAX, &number);
		manifest->expires_s = (int64_t)number;
		return result;
	case 't':
		result = set_number(letter, value, INT64_MAX, &number);
		manifest->created_s = (int64_t)number;
		cmd->created_given = true;
		return result;
	case 'Z':
		result = set_number(letter, value, OTA_CHUNK_MAX_BYTES, &number);
		if (result == 0 && (number < OTA_CHUNK_MIN_BYTES || (number & (number - 1)) != 0))
			return bad_value(letter, value, "a power of two from 4096 to 1048576");
		manifest->chunk_bytes = (uint32_t)number;
		return result;
	case 'L':
		result = set_number(letter, value, 19, &number);
		cmd->level = (int)number;
		return result;
	case 'I':
		return add_image(cmd, value);
	case 'C':
		cmd->certificate = value;
		return 0;
	default:
		cmd->key = value;
		return 0;
	}
}

static int set_option(struct cmd *cmd, int letter, const char *value)
{
	switch (letter) {
	case 'c':
		cmd->config_path = value;
		return 0;
	case 'y':
		cmd->verbose = true;
		return 0;
	case 'd':
		cmd->dry_run = true;
		return 0;
	case 'f':
		cmd->force = true;
		return 0;
	case 'n':
		cmd->no_reboot = true;
		return 0;
	case 'l':
		cmd->loop = true;
		return 0;
	case 'v':
		cmd->no_verify = true;
		return 0;
	case 'k':
		cmd->keyring = value;
		return 0;
	case 'o':
		cmd->json = strcmp(value, "json") == 0;
		return cmd->json || strcmp(value, "text") == 0 ? 0 : bad_value(letter, value, "text or json");
	default:
		return set_bundle_option(cmd, letter, value);
	}
}

/* Picks the verb and its operands from what is left behind the options. */
static int take_operands(struct cmd *cmd, int count, char **operands, bool help)
{
	if (count == 0) {
		(void)fprintf(stderr, "ota: no verb given; see 'ota --help'\n");
		return CMD_EXIT_USAGE;
	}
	cmd->verb = cmd_verb_find(operands[0]);
	if (cmd->verb == NULL) {
		(void)fprintf(stderr, "ota: unknown verb '%s'; see 'ota --help'\n", operands[0]);
		return CMD_EXIT_USAGE;
	}
	if (help) {
		cmd_help_verb(cmd->verb, stdout);
		return -1;
	}
	cmd->operand_count = count - 1;
	cmd->operands = operands + 1;
	if (cmd->operand_count != (cmd->verb->operand != NULL ? 1 : 0)) {
		if (cmd->verb->operand != NULL)
			(void)fprintf(stderr, "ota: %s takes one argument, %s; see 'ota %s --help'\n", cmd->verb->name,
				      cmd->verb->operand, cmd->verb->name);
		else
			(void)fprintf(stderr, "ota: %s takes no argument; see 'ota %s --help'\n", cmd->verb->name,
				      cmd->verb->name);
		return CMD_EXIT_USAGE;
	}
	return 0;
}

int cmd_options_parse(struct cmd *cmd, int argc, char **argv)
{
	struct {
		int letter;
		const char *value;
	} given[OPTIONS_MAX];
	unsigned count = 0;
	bool help = false, version = false;
	int letter;
	int result;

	cmd->config_path = CMD_CONFIG_DEFAULT;
	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (letter == '?' || count == OPTIONS_MAX)
			return CMD_EXIT_USAGE; /* getopt_long() said why */
		help = help || letter == 'h';
		version = version || (letter == 'V' && optarg == NULL);
		given[count].letter = letter;
		given[count++].value = optarg;
	}
	if (version || (help && optind == argc)) {
		if (help)
			cmd_help_main(stdout);
		else
			(void)printf("ota %s\n", CMD_VERSION);
		return -1;
	}
	result = take_operands(cmd, argc - optind, argv + optind, help);
	for (unsigned i = 0; i < count && result == 0; i++) {
		if (strchr("cyh", given[i].letter) == NULL && strchr(cmd->verb->options, given[i].letter) == NULL) {
			(void)fprintf(stderr, "ota: %s does not take --%s; see 'ota %s --help'\n", cmd->verb->name,
				      option_name(given[i].letter), cmd->verb->name);
			return CMD_EXIT_USAGE;
		}
		result = set_option(cmd, given[i].letter, given[i].value);
	}
	return result;
}
