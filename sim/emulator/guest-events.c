/* SPDX-License-Identifier: Apache-2.0 */
/* Handles the board's messages. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "emulator/emulator-private.h"
#include "emulator/monotonic-clock.h"

static int64_t since_ms(int64_t from_ns)
{
	return (yp_emulator_clock_ns() - from_ns) / 1000000;
}

struct yp_emulator_boot *yp_emulator_go_boot(struct yp_emulator_go *go)
{
	unsigned n = go->result->boots;
	return &go->result->boot[n == 0 ? 0 : n > YP_EMULATOR_BOOTS_MAX ? YP_EMULATOR_BOOTS_MAX - 1 : n - 1];
}

void yp_emulator_go_boot_new(struct yp_emulator_go *go)
{
	go->result->boots++;
	*yp_emulator_go_boot(go) =
	    (struct yp_emulator_boot){.decision_ms = -1, .ready_ms = -1, .up_ms = -1, .end_ms = -1};
	go->boot_ns = go->progress_ns = yp_emulator_clock_ns();
	go->alive = false;
	go->entered = go->panicked = go->watchdog = go->idle = false;
}

static void mark_step(struct yp_emulator_go *go, const char *step)
{
	if (step)
		yp_emulator_go_mark(go, YP_MARK_STEP, "%s", step);
}

void yp_emulator_go_booted(struct yp_emulator_go *go)
{
	mark_step(go, go->rig->subject->steps ? go->rig->subject->steps->boot : NULL);
}

/* Before the processor runs, or (a reset in place) a tenth of a second before the bootloader reads anything. */
void yp_emulator_go_boot_marks(struct yp_emulator_go *go)
{
	yp_emulator_go_mark(go, YP_MARK_NOTE, "boot");
	mark_step(go, go->rig->subject->steps ? go->rig->subject->steps->select : NULL);
}

void yp_emulator_go_boot_end(struct yp_emulator_go *go, enum yp_emulator_end end)
{
	yp_emulator_go_boot(go)->end = end;
	yp_emulator_go_boot(go)->end_ms = since_ms(go->boot_ns);
}

void yp_emulator_go_finish(struct yp_emulator_go *go, enum yp_emulator_final final, const char *detail)
{
	if (go->done)
		return;
	go->done = true;
	go->result->final = final;
	(void)snprintf(go->result->detail, sizeof go->result->detail, "%s", detail);
}

void yp_emulator_go_fail(struct yp_emulator_go *go, int code, const char *format, ...)
{
	va_list args;
	if (go->error)
		return;
	go->error = go->done = true;
	go->error_code = code < 0 ? code : -EPROTO;
	go->result->final = YP_EMULATOR_ERROR;
	va_start(args, format);
	(void)vsnprintf(go->result->detail, sizeof go->result->detail, format, args);
	va_end(args);
}

void yp_emulator_go_mark(struct yp_emulator_go *go, enum yp_mark_kind kind, const char *format, ...)
{
	char text[200];
	va_list args;
	if (!go->powered)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	int r = yp_emulator_store_mark(&go->rig->store, kind, text);
	/* A cut by a fault may have come first: then there is no log any more, and QEMU is gone in a moment. */
	if (r < 0)
		yp_emulator_go_fail(go, r, "the block server takes no marks: %s", strerror(-r));
}

bool yp_emulator_go_store(struct yp_emulator_go *go, char *answer, size_t answer_bytes, const char *line)
{
	int r = yp_emulator_store_say(&go->rig->store, answer, answer_bytes, line);
	if (r != 0)
		yp_emulator_go_fail(go, r, "block server: %.60s: %.100s", line, r > 0 ? answer : strerror(-r));
	return r == 0;
}

static void call_hook(struct yp_emulator_go *go, enum yp_emulator_event_kind kind, const char *text)
{
	if (!go->run->hook || go->done)
		return;
	int r = go->run->hook(go->run->hook_ctx, go->rig, kind, text);
	if (r < 0)
		yp_emulator_go_fail(go, r, "the run's hook: %s", strerror(-r));
	else if (r > 0)
		yp_emulator_go_finish(go, YP_EMULATOR_REACHED, "");
}

static void note_reached(struct yp_emulator_go *go, enum yp_emulator_until what)
{
	if (go->run->until == what && ++go->nth >= (go->run->until_nth ? go->run->until_nth : 1))
		yp_emulator_go_finish(go, YP_EMULATOR_REACHED, "");
}

/* The cut's trigger has come about once more. */
static void cut_trigger(struct yp_emulator_go *go)
{
	const struct yp_emulator_cut *cut = &go->run->cut;
	if (go->cut_made || ++go->cut_seen != (cut->nth ? cut->nth : 1))
		return;
	if (cut->delay_us == 0)
		go->cut_now = true;
	else
		go->cut_ns = yp_emulator_clock_ns() + (int64_t)cut->delay_us * 1000;
}

static void say_line(struct yp_emulator_go *go, const char *line)
{
	int r = yp_emulator_machine_say(&go->rig->machine, line);
	/* Gone, or about to be: the loop sees it. */
	if (r < 0 && r != -EPIPE && r != -ECONNRESET)
		yp_emulator_go_fail(go, r, "the guest does not read the channel: %s", strerror(-r));
}

static void guest_ready(struct yp_emulator_go *go, const struct yp_emulator_said *said, const char *line)
{
	struct yp_emulator_boot *boot = yp_emulator_go_boot(go);
	if (boot->ready_ms < 0) {
		boot->ready_ms = since_ms(go->boot_ns);
		(void)snprintf(boot->id, sizeof boot->id, "%s", said->boot_id);
		yp_emulator_go_booted(go);
		call_hook(go, YP_EMULATOR_EVENT_READY, line);
		note_reached(go, YP_EMULATOR_UNTIL_READY);
	}
	if (go->run->snapshot_make)
		go->snapshot_due = true;
	else if (!go->done)
		yp_emulator_go_start(go);
}

void yp_emulator_go_start(struct yp_emulator_go *go)
{
	char text[YP_EMULATOR_LINE_MAX];
	say_line(go, go->run->hold ? "config hold=all" : "config hold=none");
	for (unsigned i = 0; go->run->config && go->run->config[i]; i++) {
		(void)snprintf(text, sizeof text, "config %s", go->run->config[i]);
		say_line(go, text);
	}
	say_line(go, "start");
}

static void guest_up(struct yp_emulator_go *go, const struct yp_emulator_said *said, const char *line)
{
	struct yp_emulator_boot *boot = yp_emulator_go_boot(go);
	boot->up_ms = since_ms(go->boot_ns);
	boot->up_slot = said->slot;
	(void)snprintf(boot->version, sizeof boot->version, "%s", said->version);
	(void)snprintf(boot->id, sizeof boot->id, "%s", said->boot_id);
	if (go->result->up_ms < 0)
		go->result->up_ms = since_ms(go->on_ns);
	yp_emulator_go_mark(go, YP_MARK_NOTE, "up: slot %c, version %s", said->slot, said->version);
	call_hook(go, YP_EMULATOR_EVENT_UP, line);
	note_reached(go, YP_EMULATOR_UNTIL_UP);
}

/* The mark first, then the guest goes on. */
static void guest_step(struct yp_emulator_go *go, const struct yp_emulator_said *said)
{
	struct yp_emulator_result *result = go->result;
	if (said->state == YP_EMULATOR_STEP_GOES_ON)
		return;
	if (result->marks < YP_EMULATOR_MARKS_MAX)
		(void)snprintf(result->mark[result->marks], sizeof result->mark[0], "%s", said->step);
	result->marks++;
	yp_emulator_go_mark(go, YP_MARK_STEP, "%s", said->step);
	call_hook(go, YP_EMULATOR_EVENT_MARK, said->step);
	if (go->run->until_mark && strcmp(go->run->until_mark, said->step) == 0)
		note_reached(go, YP_EMULATOR_UNTIL_MARK);
	if (go->run->cut.mark && strcmp(go->run->cut.mark, said->step) == 0)
		cut_trigger(go);
	if (said->state == YP_EMULATOR_STEP_HOLD && !go->done && !go->cut_now)
		say_line(go, go->rig->subject->steps->go_on);
}

static void verb_ended(struct yp_emulator_go *go, const struct yp_emulator_said *said, const char *line)
{
	struct yp_emulator_result *result = go->result;
	if (result->verbs < YP_EMULATOR_VERBS_MAX) {
		struct yp_emulator_verb *verb = &result->verb[result->verbs];
		*verb = (struct yp_emulator_verb){.boot = result->boots - 1, .exit = said->exit};
		memcpy(verb->verb, said->verb, sizeof verb->verb);
		memcpy(verb->reason, said->reason, sizeof verb->reason);
	}
	result->verbs++;
	yp_emulator_go_mark(go, YP_MARK_NOTE, "%.100s", line);
	call_hook(go, YP_EMULATOR_EVENT_VERB, line);
}

/* The next line for an idle guest; after the last one the run is at its end. */
static void guest_idle(struct yp_emulator_go *go)
{
	const char *const *lines = go->run->say;
	if (lines && lines[go->said]) {
		go->idle = false;
		say_line(go, lines[go->said++]);
		return;
	}
	go->idle = true;
	yp_emulator_go_mark(go, YP_MARK_NOTE, "idle");
	call_hook(go, YP_EMULATOR_EVENT_IDLE, "");
	if (go->run->until == YP_EMULATOR_UNTIL_IDLE)
		yp_emulator_go_finish(go, YP_EMULATOR_IDLE, "");
}

static void keep_output(struct yp_emulator_result *result, const char *text)
{
	size_t used = strlen(result->output);
	(void)snprintf(result->output + used, sizeof result->output - used, "%s\n", text);
}

static void count_complaint(struct yp_emulator_result *result, const char *text)
{
	if (result->errors++ == 0)
		(void)snprintf(result->error, sizeof result->error, "%.*s", (int)sizeof result->error - 1, text);
}

void yp_emulator_go_channel(void *ctx, const char *line)
{
	struct yp_emulator_go *go = ctx;
	struct yp_emulator_said said;
	go->progress_ns = yp_emulator_clock_ns();
	if (go->done)
		return;
	if (yp_emulator_guest_parse(go->rig->subject->steps, line, &said) != 0) {
		count_complaint(go->result, line);
		return;
	}
	switch (said.kind) {
	case YP_EMULATOR_SAID_READY:
		guest_ready(go, &said, line);
		break;
	case YP_EMULATOR_SAID_UP:
		guest_up(go, &said, line);
		break;
	case YP_EMULATOR_SAID_MARK:
		guest_step(go, &said);
		break;
	case YP_EMULATOR_SAID_RUN:
		verb_ended(go, &said, line);
		/* A command of ours that has ended: `run` is answered by nothing else. */
		if (go->said > 0)
			guest_idle(go);
		break;
	case YP_EMULATOR_SAID_IDLE:
		if (!go->idle && go->said == 0)
			guest_idle(go);
		break;
	case YP_EMULATOR_SAID_OUT:
		keep_output(go->result, said.text);
		break;
	case YP_EMULATOR_SAID_EXIT:
		go->result->exec_exit = said.exit;
		if (go->said > 0)
			guest_idle(go);
		break;
	case YP_EMULATOR_SAID_ERROR:
		count_complaint(go->result, said.text);
		break;
	case YP_EMULATOR_SAID_BEGIN:
	case YP_EMULATOR_SAID_REBOOT:
		break;
	}
}

void yp_emulator_go_entered(struct yp_emulator_go *go)
{
	struct yp_emulator_boot *boot = yp_emulator_go_boot(go);
	char text[2] = {boot->slot, 0};
	go->entered = true;
	boot->decision_ms = since_ms(go->boot_ns);
	if (go->result->decision_ms < 0)
		go->result->decision_ms = since_ms(go->on_ns);
	yp_emulator_go_mark(go, YP_MARK_NOTE, "kernel");
	call_hook(go, YP_EMULATOR_EVENT_DECISION, text);
	call_hook(go, YP_EMULATOR_EVENT_KERNEL, text);
	note_reached(go, YP_EMULATOR_UNTIL_DECISION);
}

static void board_halted(struct yp_emulator_go *go, const char *why)
{
	yp_emulator_go_boot(go)->slot = 0;
	if (go->result->decision_ms < 0)
		go->result->decision_ms = since_ms(go->on_ns);
	call_hook(go, YP_EMULATOR_EVENT_DECISION, "");
	yp_emulator_go_finish(go, YP_EMULATOR_HALTED, why);
}

void yp_emulator_go_console(void *ctx, const char *line)
{
	struct yp_emulator_go *go = ctx;
	char slot = 0;
	go->progress_ns = yp_emulator_clock_ns();
	if (go->done)
		return;
	if (go->run->cut.console && strstr(line, go->run->cut.console))
		cut_trigger(go);
	/* What a kernel or a program prints is not the bootloader's. */
	enum yp_emulator_console_kind kind =
	    yp_emulator_console_match(go->entered ? NULL : go->rig->subject->console, line, &slot);
	if (kind == YP_EMULATOR_CONSOLE_PANIC)
		go->panicked = true;
	if (go->entered)
		return;
	switch (kind) {
	case YP_EMULATOR_CONSOLE_SLOT:
		yp_emulator_go_boot(go)->slot = slot;
		go->choice = go->run->snapshots && !go->run->snapshot_make ? slot : 0;
		yp_emulator_go_mark(go, YP_MARK_NOTE, "%.100s", line);
		break;
	case YP_EMULATOR_CONSOLE_BACK:
		yp_emulator_go_boot(go)->back = true;
		mark_step(go, go->rig->subject->steps ? go->rig->subject->steps->fall_back : NULL);
		break;
	case YP_EMULATOR_CONSOLE_STARTING:
		yp_emulator_go_entered(go);
		break;
	case YP_EMULATOR_CONSOLE_HALT:
		board_halted(go, "the bootloader: no slot can be booted");
		break;
	case YP_EMULATOR_CONSOLE_PANIC:
	case YP_EMULATOR_CONSOLE_OTHER:
		break;
	}
}

static void keep_bytes(int fd, const char *bytes, size_t count)
{
	while (fd > 0 && count > 0) {
		ssize_t n = write(fd, bytes, count);
		if (n < 0 && errno != EINTR)
			return; /* failing to save the console does not end the run */
		bytes += n > 0 ? n : 0;
		count -= n > 0 ? (size_t)n : 0;
	}
}

void yp_emulator_go_bytes(void *ctx, const char *bytes, size_t count)
{
	struct yp_emulator_go *go = ctx;
	go->alive = true;
	keep_bytes(go->console, bytes, count);
	keep_bytes(go->run->console_fd, bytes, count);
}

static void was_reset(struct yp_emulator_go *go, const char *reason)
{
	yp_emulator_go_boot_end(go, go->watchdog   ? YP_EMULATOR_END_WATCHDOG
				    : go->panicked ? YP_EMULATOR_END_PANIC
						   : YP_EMULATOR_END_REBOOT);
	/* A partial line of the previous boot must not become the start of a line of the next. */
	yp_emulator_lines_drop(&go->rig->machine.lines[YP_EMULATOR_STREAM_CHANNEL]);
	yp_emulator_lines_drop(&go->rig->machine.lines[YP_EMULATOR_STREAM_CONSOLE]);
	yp_emulator_go_mark(go, YP_MARK_NOTE, "reset: %s", go->watchdog ? "watchdog" : go->panicked ? "panic" : reason);
	call_hook(go, YP_EMULATOR_EVENT_RESET, reason);
	if (go->result->boots >= (go->run->boots_max ? go->run->boots_max : YP_EMULATOR_BOOTS_MAX)) {
		yp_emulator_go_finish(go, YP_EMULATOR_BOOTS, "the most boots that were allowed");
		return;
	}
	yp_emulator_go_boot_new(go);
	yp_emulator_go_boot_marks(go);
}

void yp_emulator_go_qmp(void *ctx, const struct yp_emulator_qmp *message)
{
	struct yp_emulator_go *go = ctx;
	if (strcmp(message->name, "MIGRATION") == 0) {
		if (strcmp(message->text, "completed") == 0)
			go->move = YP_EMULATOR_MOVE_DONE;
		else if (strcmp(message->text, "failed") == 0)
			go->move = YP_EMULATOR_MOVE_FAILED;
	}
	if (go->done || !go->running)
		return;
	if (strcmp(message->name, "RESET") == 0) {
		was_reset(go, message->text);
	} else if (strcmp(message->name, "SHUTDOWN") == 0 && strcmp(message->text, "guest-shutdown") != 0) {
		go->restart = true;
		was_reset(go, message->text);
	} else if (strcmp(message->name, "WATCHDOG") == 0) {
		go->watchdog = true;
	} else if (strcmp(message->name, "GUEST_PANICKED") == 0) {
		go->panicked = true;
	} else if (strcmp(message->name, "SHUTDOWN") == 0) {
		yp_emulator_go_boot_end(go, YP_EMULATOR_END_SHUTDOWN);
		yp_emulator_go_finish(go, YP_EMULATOR_HALTED, "the guest has shut down");
	}
}
