/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of the `ota` command, as a file: the keys of core/etc/system.conf.example. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "subject/ota-parts.h"

struct text {
	char *out;
	size_t size_bytes, used;
};

static void __attribute__((format(printf, 2, 3))) add_text(struct text *text, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text->out + text->used, text->size_bytes - text->used, format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= text->size_bytes - text->used)
		text->used = text->size_bytes - 1;
	else
		text->used += (size_t)length;
}

static void add_number(struct text *text, const char *key, unsigned value)
{
	if (value != 0)
		add_text(text, "%s=%u\n", key, value);
}

static void add_handlers(struct text *text, const struct yp_subject_settings *s)
{
	add_text(text, "[handlers]\nreboot=/bin/true\n");
	if (s->power_handler != NULL)
		add_text(text, "power=%s\n", s->power_handler);
	if (s->install_hook != NULL)
		add_text(text, "pre-install=%s\n", s->install_hook);
	if (s->boot_backend != NULL)
		add_text(text, "bootloader-custom-backend=%s\n", s->boot_backend);
	if (s->health_dir != NULL)
		add_text(text, "[health]\ndir=%s\ntimeout-ms=%u\n", s->health_dir, s->health_timeout_ms);
}

static void add_network(struct text *text, const struct yp_subject_settings *s)
{
	add_number(text, "connect-timeout-s", s->connect_timeout_s);
	add_number(text, "low-speed-time-s", s->low_speed_time_s);
	add_number(text, "low-speed-bytes", s->low_speed_bytes);
	add_number(text, "deadline-s", s->deadline_s);
	add_number(text, "retry-delay-ms", s->retry_delay_ms);
	add_number(text, "fetch-attempts", s->fetch_attempts);
	if (s->authority != NULL)
		add_text(text, "[tls]\nca=%s/%s.pem\n", s->keys, s->authority);
	if (s->client != NULL)
		add_text(text, "certificate=%s/%s.pem\nkey=%s/%s.key\n", s->keys, s->client, s->keys, s->client);
}

static int write_config(const struct yp_subject_settings *s, char *out, size_t out_bytes)
{
	struct text text = {.out = out, .size_bytes = out_bytes};
	const char *d = s->dir;

	add_text(&text, "[system]\ncompatible=yankproof-net\nbootloader=%s\ndevice-id=%s\n",
		 s->boot_backend != NULL ? "custom" : "uboot", s->device_id);
	add_text(&text, "state=%s/state\nlockfile=%s/lock\nbooted=%s\n", d, d, s->booted);
	add_text(&text, "[keyring]\npath=%s/root.pem\n[uboot]\nconfig=%s/fw_env.config\n", s->keys, d);
	add_handlers(&text, s);
	add_text(&text, "[slot.rootfs.0]\ndevice=%s/a\nbootname=A\n[slot.rootfs.1]\ndevice=%s/b\nbootname=B\n", d, d);
	add_text(&text, "[update]\n");
	if (s->server != NULL)
		add_text(&text, "url=%s/update.ota\nreport-url=%s/report\n", s->server, s->server);
	add_number(&text, "checkpoint-bytes", s->checkpoint_bytes);
	if (s->server != NULL)
		add_network(&text, s);
	return text.used + 1 >= out_bytes ? -ENAMETOOLONG : 0;
}

const struct yp_subject_config yp_ota_config = {.file = "system.conf", .write = write_config};
