/* SPDX-License-Identifier: Apache-2.0 */
/* One power cycle: power on, the loop, power off. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/emulator-private.h"
#include "emulator/monotonic-clock.h"

#define BOOT_MS     120000u
#define SILENT_MS   60000u /* any firmware has said something by then, on any host */
#define COMMAND_MS  20000u
#define CUT_WAIT_MS 5000u

static struct yp_emulator_cycle *cycle_of(struct yp_emulator_go *go)
{
	unsigned n = go->result->cycles;
	return &go->result->cycle[n < YP_EMULATOR_CYCLES_MAX ? n : YP_EMULATOR_CYCLES_MAX - 1];
}

/* The log's path, absolute: the server is in another directory. */
static bool log_path(struct yp_emulator_go *go, char *out, size_t out_bytes)
{
	char dir[YP_EMULATOR_PATH_MAX];
	const char *slash = strrchr(go->run->log, '/');
	const char *name = slash ? slash + 1 : go->run->log;
	(void)snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - go->run->log + 1) : 1,
		       slash ? go->run->log : ".");
	char *whole = realpath(dir, NULL);
	int n = !whole                    ? -1
		: go->result->cycles == 0 ? snprintf(out, out_bytes, "%s/%s", whole, name)
					  : snprintf(out, out_bytes, "%s/%s.%u", whole, name, go->result->cycles);
	free(whole);
	if (n < 0 || (size_t)n >= out_bytes)
		yp_emulator_go_fail(go, -ENOENT, "%.150s: no such directory, or too long a path", go->run->log);
	return !go->error;
}

static bool power_on(struct yp_emulator_go *go)
{
	char answer[YP_EMULATOR_ANSWER_MAX], line[YP_EMULATOR_PATH_MAX + 16];
	struct yp_emulator_cycle *cycle = cycle_of(go);
	if (go->run->log && !log_path(go, cycle->log, sizeof cycle->log))
		return false;
	(void)snprintf(line, sizeof line, "power %s", cycle->log);
	go->powered = yp_emulator_go_store(go, answer, sizeof answer, line);
	return go->powered;
}

/*
 * A machine that stands still after a reset has completed its requests, as a disk would. Then QEMU flushes, which no
 * board does. It begins with the card, which no guest flushes: that flush is never answered, and QEMU is killed.
 */
static bool forbid_flush(struct yp_emulator_go *go)
{
	char answer[YP_EMULATOR_ANSWER_MAX], line[YP_NAME_MAX + 40];
	const struct yp_export *card = yp_media_export(&go->rig->media, "card");
	(void)snprintf(line, sizeof line, "fault hang flush %s 1 count=0",
		       go->rig->media.layout.media[card->media[0]].name);
	if (!yp_emulator_go_store(go, answer, sizeof answer, line))
		return false;
	go->silenced = (uint32_t)yp_emulator_store_number(answer, "fault");
	return true;
}

static bool start_machine(struct yp_emulator_go *go)
{
	struct yp_emulator_machine *machine = &go->rig->machine;
	struct yp_emulator_machine_spec spec = {.images = go->rig->images,
						.qemu = go->rig->program,
						.accel = go->rig->options.accel,
						.port = yp_network_origin_port(go->service.origin),
						.gdb = go->run->gdb,
						.in_place = go->run->gdb || go->run->blklogwrites,
						.incoming = go->resume[0]};
	char output[YP_EMULATOR_PATH_MAX + 16], detail[160] = "";
	(void)snprintf(output, sizeof output, "%s/qemu.log", go->rig->dir);
	spec.output = output;
	int r = yp_emulator_go_attach(go, &spec, detail, sizeof detail);
	machine->on_channel = yp_emulator_go_channel;
	machine->on_console = yp_emulator_go_console;
	machine->on_bytes = yp_emulator_go_bytes;
	machine->on_qmp = yp_emulator_go_qmp;
	machine->ctx = go;
	if (r == 0)
		r = yp_emulator_machine_start(machine, &spec, detail, sizeof detail);
	if (r < 0)
		yp_emulator_go_fail(go, r, "QEMU: %s", detail);
	return r == 0;
}

static bool switch_on(struct yp_emulator_go *go)
{
	/* Anew after a cut: what it took is still in QEMU's copies. */
	int r = go->run->witness ? yp_emulator_save(go->rig, NULL, go->run->witness) : 0;
	if (r < 0) {
		yp_emulator_go_fail(go, r, "copies in %.100s: %s", go->run->witness, strerror(-r));
		return false;
	}
	if (!go->run->plain && !power_on(go))
		return false;
	bool needs_flush = go->run->plain || go->run->gdb || go->run->blklogwrites || go->run->snapshot_make;
	if (!needs_flush && go->result->cycles == 0 && !forbid_flush(go))
		return false;
	return start_machine(go) && (!go->powered || yp_emulator_go_arm(go));
}

/* Makes the cut, or (all) ends the cycle: in either case QEMU is killed first, and what it had not finished is decided
 * by the storage model. */
static void power_off(struct yp_emulator_go *go, bool cut)
{
	char answer[YP_EMULATOR_ANSWER_MAX], line[128];
	struct yp_emulator_cycle *cycle = cycle_of(go);
	long rss = yp_emulator_process_rss_kib(&go->rig->machine.process);
	if (rss > go->result->qemu_rss_kib)
		go->result->qemu_rss_kib = rss;
	if (go->powered) {
		(void)snprintf(line, sizeof line, "cut seed=%" PRIu32 " form=%s kill=%d", go->run->cut.seed,
			       cut ? yp_emulator_go_form(go->run->cut.form) : "all", (int)go->rig->machine.process.pid);
		if (yp_emulator_go_store(go, answer, sizeof answer, line)) {
			cycle->entries = yp_emulator_store_number(answer, "entries");
			if (cut)
				(void)yp_emulator_store_word(answer, "id", cycle->cut, sizeof cycle->cut);
		}
	}
	go->powered = go->running = false;
	go->off = true;
	yp_emulator_machine_stop(&go->rig->machine);
	if (cut) {
		go->cut_made = go->result->cut_landed = true;
		go->cut_now = false;
		yp_emulator_go_boot_end(go, YP_EMULATOR_END_CUT);
	}
}

/* QEMU is gone: a fault of the block server has cut the power, or something is wrong. */
static void handle_loss(struct yp_emulator_go *go)
{
	char answer[YP_EMULATOR_ANSWER_MAX];
	struct yp_emulator_cycle *cycle = cycle_of(go);
	int r = -ECONNRESET;
	if (go->powered)
		r = yp_emulator_store_sayf(&go->rig->store, answer, sizeof answer, "wait cut %u", CUT_WAIT_MS);
	if (r != 0) {
		yp_emulator_go_fail(go, r, "QEMU ended by itself; see %.120s/qemu.log", go->rig->dir);
		return;
	}
	cycle->entries = yp_emulator_store_number(answer, "entries");
	(void)yp_emulator_store_word(answer, "id", cycle->cut, sizeof cycle->cut);
	go->powered = go->running = false;
	go->off = true;
	go->cut_made = go->result->cut_landed = true;
	yp_emulator_machine_stop(&go->rig->machine);
	yp_emulator_go_boot_end(go, YP_EMULATOR_END_CUT);
}

static int64_t earlier_of(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The deadline of the next output; that of the first output is shorter. */
static int64_t heard_until(const struct yp_emulator_go *go)
{
	int64_t boot_ns = (go->run->boot_ms ? go->run->boot_ms : BOOT_MS) * INT64_C(1000000);
	int64_t until = go->progress_ns + boot_ns;
	return go->alive ? until : earlier_of(until, go->boot_ns + SILENT_MS * INT64_C(1000000));
}

static void check_time(struct yp_emulator_go *go)
{
	int64_t now = yp_emulator_clock_ns();
	if (go->cut_ns <= now) {
		go->cut_ns = YP_EMULATOR_NEVER;
		go->cut_now = true;
	} else if (!go->run->gdb && go->end_ns <= now) {
		yp_emulator_go_finish(go, YP_EMULATOR_DEADLINE, "the whole run took too long");
	} else if (!go->run->gdb && !go->alive && heard_until(go) <= now) {
		/* The rig's failure: the firmware prints its first line whatever the media contain. */
		yp_emulator_go_fail(
		    go, -ETIMEDOUT,
		    "%.60s starts no guest: nothing on its console; -accel in board.args, is it for this host?",
		    go->rig->program);
	} else if (!go->run->gdb && heard_until(go) <= now) {
		yp_emulator_go_finish(go, YP_EMULATOR_DEADLINE, "nothing was heard of it for too long");
	}
}

static void run_loop(struct yp_emulator_go *go)
{
	struct yp_emulator_machine *machine = &go->rig->machine;
	while (!go->done && !go->off && !go->restart) { /* bounded by the deadlines */
		if (go->cut_now) {
			power_off(go, true);
			return;
		}
		if (go->snapshot_due) {
			yp_emulator_go_snapshot_make(go);
			return;
		}
		if (go->choice && yp_emulator_go_snapshot_find(go, go->choice)) {
			go->restart = true;
			return;
		}
		int64_t deadline = go->run->gdb ? YP_EMULATOR_NEVER : earlier_of(go->end_ns, heard_until(go));
		int r = yp_emulator_machine_step(machine, earlier_of(deadline, go->cut_ns));
		if (r == -ECONNRESET)
			handle_loss(go);
		else if (r < 0)
			yp_emulator_go_fail(go, r, "QEMU: %s", strerror(-r));
		else if (!go->done && !go->entered &&
			 yp_emulator_console_prompt(
			     go->rig->subject->console,
			     yp_emulator_lines_rest(&machine->lines[YP_EMULATOR_STREAM_CONSOLE])))
			yp_emulator_go_finish(go, YP_EMULATOR_HALTED, "the bootloader waits at its prompt");
		if (!go->done && !go->off && !go->restart)
			check_time(go);
	}
}

static void machine_on(struct yp_emulator_go *go)
{
	bool resumed = go->resume[0];
	if (resumed && !yp_emulator_go_snapshot_resume(go))
		return;
	go->running = true;
	go->alive = resumed; /* that one goes on from beyond its first word */
	int r = go->run->gdb || go->done ? 0 : yp_emulator_machine_command(&go->rig->machine, "cont", NULL, COMMAND_MS);
	if (r < 0 && r != -ECONNRESET)
		yp_emulator_go_fail(go, r, "QEMU: cont: %s", strerror(-r));
	if (resumed && !go->done) {
		yp_emulator_go_boot(go)->resumed = true;
		yp_emulator_go_entered(go);
		yp_emulator_go_booted(go);
	}
	if (resumed && !go->done)
		yp_emulator_go_start(go);
	run_loop(go);
}

/* After a reset, or for a snapshot, on the same power: another QEMU. One that resets in place has translated the old
 * kernel's pages, and loads the next kernel over them ten times slower. */
static void machine_again(struct yp_emulator_go *go)
{
	long rss = yp_emulator_process_rss_kib(&go->rig->machine.process);
	if (rss > go->result->qemu_rss_kib)
		go->result->qemu_rss_kib = rss;
	go->restart = go->running = false;
	yp_emulator_machine_stop(&go->rig->machine);
	if (start_machine(go) && yp_emulator_go_arm_again(go)) {
		machine_on(go);
	}
}

void yp_emulator_go_cycle(struct yp_emulator_go *go)
{
	go->off = go->restart = false;
	if (switch_on(go)) {
		if (go->result->boots == 0)
			go->on_ns = yp_emulator_clock_ns();
		yp_emulator_go_boot_new(go);
		yp_emulator_go_boot_marks(go);
		if (go->run->hook) {
			int r = go->run->hook(go->run->hook_ctx, go->rig, YP_EMULATOR_EVENT_POWER, "");
			if (r != 0)
				yp_emulator_go_fail(go, r, "the run's hook: %s", strerror(r < 0 ? -r : EINVAL));
		}
		machine_on(go);
		while (go->restart && !go->done) /* bounded by the boots that are allowed */
			machine_again(go);
	}
	if (!go->off) {
		bool running = go->running;
		power_off(go, false);
		if (running && yp_emulator_go_boot(go)->end_ms < 0)
			yp_emulator_go_boot_end(go, YP_EMULATOR_END_RUNNING);
	}
	go->result->cycles++;
}
