#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The agent: one long-lived process that owns a board's console and power through labgrid, and speaks JSON lines on stdin and stdout.

    agent.py ENVIRONMENT.yaml [TARGET]

A request is one object with `id`, `op`, `deadline_ms` and what the op needs; the answer has the same `id` and `ok`. A refusal has `error`
(one line) and `kind`: "lab" (the rig failed, not the board), "late" (the board did not do it in time), "usage".

    on                    power on                                    cut      step, what (mark, go), nth, delay_us, start
    off                   power off, verified                         linux    from power on to a shell: version, boot id, boots
    state   name          the strategy's transition                   shell    command: status and output
    get                   is it on                                    start    command, not waited for
    restore               the environment's provision=                bootloader command
    console from          the log from there, to print                boots    since: banners seen
    lengths from          how long steps took, undisturbed
    hello   what the environment says                                 dip      step, start, name, values: a command at a mark
    await_boot command    until the next boot                         quit

`cut` waits for the step's mark (`mark`: the cut follows the mark, and a hold holds; `go`: the hold is released first), then delay_us, switches
off, and verifies: the outlet reads off, the console is silent, also after input. `start` is a command for the shell, "on", or nothing. Holds at other
steps are released.
"""
import hashlib
import json
import os
import queue
import re
import subprocess
import sys
import threading
import time

# Libraries may print on stdout: the stream to the runner is moved to another descriptor first.
OUT = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
os.dup2(2, 1)

import gc  # noqa: E402
import importlib.metadata  # noqa: E402
import logging  # noqa: E402

from labgrid import Environment  # noqa: E402

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from console import MARKED, ConsoleDied, Late, lengths  # noqa: E402
from subject import Mark  # noqa: E402

POWER_S = 5  # for one answer of the supply
WORKERS_MAX = 8  # supplies that hang leave a thread behind
DEADLINE_MS = 60000
WENT_ON = ("begin", "released", "timeout")  # marks of an updater that runs


class Lab(Exception):
    """The rig failed."""


class Power:
    """The power driver with a deadline: labgrid's own calls may wait for ever. Calls run one at a time in a thread that is ready."""

    def __init__(self, driver):
        self.driver = driver
        self.workers = 0
        self._new()

    def _new(self):
        if self.workers == WORKERS_MAX:
            raise Lab("the supply hung again and again; mend it and start the agent anew")
        self.workers += 1
        self.jobs = queue.SimpleQueue()
        threading.Thread(target=self._work, args=(self.jobs,), daemon=True).start()

    @staticmethod
    def _work(jobs):
        while True:
            call, not_before_ns, answer = jobs.get()
            wait_s = (not_before_ns - time.monotonic_ns()) / 1e9
            if wait_s > 0:
                time.sleep(wait_s)
            start = time.monotonic_ns()
            try:
                result, error = call(), None
            except Exception as failure:  # pylint: disable=broad-except
                result, error = None, failure  # whatever a driver raises is the lab's
            answer.put((result, error, start, time.monotonic_ns()))

    def submit(self, name, not_before_ns=0):
        answer = queue.SimpleQueue()
        self.jobs.put((getattr(self.driver, name), not_before_ns, answer))
        return answer

    def result(self, name, answer, timeout_s=POWER_S):
        """The result, when the call began and when it was answered."""
        try:
            result, error, start, end = answer.get(timeout=timeout_s)
        except queue.Empty:
            self._new()
            raise Lab(f"the supply did not answer '{name}' within {timeout_s:g} s") from None
        if error:
            raise Lab(f"the supply failed at '{name}': {str(error).splitlines()[0][:160] if str(error) else type(error).__name__}")
        return result, start, end

    def on(self):
        self.result("on", self.submit("on"))

    def off(self):
        self.result("off", self.submit("off"))

    def get(self):
        return self.result("get", self.submit("get"))[0]


class Cut:
    """One armed cut: what it waits for, and what came of it."""

    def __init__(self, step, what="mark", nth=1, delay_us=0, cuts=True):
        self.step, self.what, self.nth, self.delay_us = step, what, nth, delay_us
        self.cuts = cuts  # else only the mark is waited for
        self.seen = 0
        self.going = False  # released, waits for the word
        self.mark = None
        self.answer = None

    def wants(self, mark):
        """Does this mark fire it? A release by us comes first where `go` was asked for."""
        if mark.step != self.step or self.mark:
            return False
        if mark.what in MARKED:
            self.seen += 1
        if self.seen < self.nth:
            return False
        if self.what == "go" and mark.what == "hold":
            self.going = True
            return False
        return mark.what == "released" if self.going else mark.what in MARKED


class Agent:
    def __init__(self, path, role):
        self.env = Environment(path)
        self.target = self.env.get_target(role)
        if self.target is None:
            raise Lab(f"{path} has no target {role!r}")
        self.strategy = self.target.get_driver("UpdateStrategy")
        try:
            self.console = self.strategy.reader()
        except Exception as error:
            raise Lab(f"console or power cannot be opened: {error}") from error
        self.power = self.strategy.power = Power(self.strategy.power)
        self.console.on_mark = self.on_mark
        self.cut = None
        self.boot_start = 0
        self.boot_id = ""
        self.images = {}
        self.must_differ = False  # a cut happened since boot_id was read
        self.disturbed = []  # where in the log the power was switched or dipped

    # ---- marks ----
    def on_mark(self, mark: Mark):
        cut = self.cut
        if cut and cut.wants(mark):
            if cut.cuts:
                cut.answer = self.power.submit("off", mark.time_ns + cut.delay_us * 1000)
            cut.mark = mark
        elif mark.what == "hold" and not (cut and cut.mark):
            self.console.release()

    # ---- ops ----
    def op_hello(self, _):
        s = self.strategy
        return {"labgrid": labgrid_version(), "subject": s.updater.name, "old": s.old, "new": s.new, "commands": s.commands,
                "boot_timeout_ms": s.boot_timeout * 1000, "steps": s.updater.steps, "provision": bool(s.provision),
                "features": sorted(self.env.get_target_features())}

    def op_on(self, _):
        self.boot_start = self.strategy.power_on()
        return {"at": self.boot_start}

    def op_off(self, _):
        try:
            self.strategy.power_off()
        finally:
            self.disturbed.append(len(self.console.log))
        self.must_differ = True
        return {}

    def op_get(self, _):
        return {"on": bool(self.power.get())}

    def op_state(self, request):
        self.disturbed.append(len(self.console.log))
        self.strategy.transition(request["name"])
        return {"state": self.strategy.status}

    def op_restore(self, _):
        self.strategy.run_provision()
        return {}

    def op_linux(self, request):
        timeout_s = request["deadline_ms"] / 1000
        end = time.monotonic() + timeout_s
        version = self.strategy.wait_linux(self.boot_start, timeout_s)
        _, text = self.console.shell(self.strategy.boot_id_command, max(end - time.monotonic(), 1))
        boot_id = text.strip()
        if self.must_differ and boot_id and boot_id == self.boot_id:
            raise Lab(f"the board never lost power: its boot id is still {boot_id}")
        self.boot_id, self.must_differ = boot_id, False
        self.console.quiet(0.02, 1)
        return {"version": version, "boot_id": boot_id, "boots": self.boots(self.boot_start)}

    def boots(self, start):
        return len(re.findall(self.strategy.banner.encode(), bytes(self.console.log[start:])))

    def op_boots(self, request):
        return {"boots": self.boots(request.get("since", self.boot_start))}

    def op_shell(self, request):
        status, text = self.console.shell(request["command"], request["deadline_ms"] / 1000)
        return {"status": status, "output": text}

    def op_start(self, request):
        self.console.shell_start(request["command"])
        return {}

    def op_update(self, request):
        """A command that may end in a reboot: how it ended, or that another boot began."""
        banner = self.strategy.banner.encode()
        start = len(self.console.log)
        self.console.shell_start(f"{request['command']}; echo @@$((0))U$?")
        found = self.console.wait(re.compile(rb"@@0U(\d+)|" + banner), request["deadline_ms"] / 1000, start)
        if found.group(1) is None:
            self.boot_start = found.start()
            return {"rebooted": True}
        self.console.quiet(0.05, 1)
        return {"rebooted": False, "status": int(found.group(1)), "output": self.console.text(start)[-2000:]}

    def op_await_boot(self, request):
        """A command after which the board is to start anew by itself."""
        start = len(self.console.log)
        self.console.shell_start(request["command"])
        found = self.console.wait(re.compile(self.strategy.banner.encode()), request["deadline_ms"] / 1000, start)
        self.boot_start = found.start()
        return {}

    def op_host(self, request):
        """One of the environment's `commands`, run on this machine; none of that name: nothing."""
        command = self.strategy.commands.get(request["name"], "")
        for name, value in request.get("values", {}).items():
            command = command.replace(f"@{name}@", str(value))
        if not command:
            return {"status": 0, "output": "", "known": False}
        try:
            done = subprocess.run(command, shell=True, timeout=request["deadline_ms"] / 1000, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  stdin=subprocess.DEVNULL, check=False)
        except subprocess.TimeoutExpired as error:
            raise Lab(f"{request['name']}: {command!r} did not end in time") from error
        output = done.stdout.decode("utf-8", "replace")
        if done.returncode:
            raise Lab(f"{request['name']}: {command!r} ended with {done.returncode}: {output.strip()[-120:]}")
        return {"status": 0, "output": output, "known": True}

    def op_image(self, request):
        """Size and digest of an image file of the environment."""
        path = self.strategy.commands[request["name"]]
        if path not in self.images:
            digest = hashlib.sha256()
            try:
                with open(path, "rb") as file:
                    for block in iter(lambda: file.read(1 << 20), b""):
                        digest.update(block)
                    self.images[path] = {"bytes": file.tell(), "sha256": digest.hexdigest()}
            except OSError as error:
                raise Lab(f"{request['name']}: {error}") from error
        return self.images[path]

    def op_bootloader(self, request):
        return {"output": self.strategy.bootloader(request["command"], request["deadline_ms"] / 1000)}

    def op_console(self, request):
        return {"text": self.console.text(request.get("from", 0))[-request.get("most", 1 << 20):], "at": len(self.console.log)}

    def op_cut(self, request):
        cut = Cut(request["step"], request.get("what", "mark"), request.get("nth", 1), request.get("delay_us", 0))
        self.cut = cut
        try:
            self.reach(cut, request)
            return self.verify(cut)
        finally:
            self.cut = None
            self.disturbed.append(len(self.console.log))

    def reach(self, cut, request):
        """Until its mark."""
        start = request.get("start", "")
        end = time.monotonic() + request["deadline_ms"] / 1000
        if start == "on":
            self.op_on(request)
        elif not self.power.get():  # and the way to the supply is open by then
            raise Lab("the supply reads off before the cut")
        elif start:
            self.console.shell_start(start)
        while cut.mark is None:
            left = end - time.monotonic()
            if left <= 0:
                raise Late(f"step {cut.step} was not reached: no mark of it; the last was {self.last_step()}")
            self.console.pump(min(left, 0.5))

    def op_dip(self, request):
        """At the mark one of the environment's commands, which disturbs the supply: did that start the board anew, or does it go on?"""
        cut = self.cut = Cut(request["step"], cuts=False)
        try:
            self.reach(cut, request)
            at = len(self.console.log)
            self.op_host(request)
            try:
                reset = self.reset_or_on(at)
            except Late:  # nothing is typed before: a bootloader would stop there
                self.console.release()
                reset = self.reset_or_on(at)
        finally:
            self.cut = None
            self.disturbed.append(len(self.console.log))
        return {"reset": reset}

    def reset_or_on(self, at):
        """Did another boot begin since then (True), or did the updater go on (False)?"""
        banner = re.compile(self.strategy.banner.encode())
        end = time.monotonic() + self.strategy.boot_timeout
        while True:
            found = banner.search(self.console.log, at)
            if found:
                self.boot_start = found.start()
                return True
            if any(mark.offset >= at and mark.what in WENT_ON for mark in self.console.marks):
                return False
            left = end - time.monotonic()
            if left <= 0:
                raise Late(f"neither a boot nor the updater's next mark within {self.strategy.boot_timeout:g} s")
            self.console.pump(min(left, 0.5))

    def op_lengths(self, request):
        """How long each step took, the first time it began since then."""
        start = request["from"]
        marks = [mark for mark in self.console.marks if mark.offset >= start]
        return {"lengths": lengths(marks, [at for at in self.disturbed if at >= start])}

    def last_step(self, start=0):
        steps = [mark.step for mark in self.console.marks if mark.offset >= start and mark.what != "stopped"]
        return steps[-1] if steps else "none"

    def verify(self, cut):
        """The cut was asked for; did the power really go? Then: where."""
        _, start, ack = self.power.result("off", cut.answer, POWER_S + cut.delay_us / 1e6)
        strategy, console = self.strategy, self.console
        strategy.forget()
        if self.power.get():
            raise Lab("the supply acknowledged the cut, but reads back on")
        console.quiet(strategy.quiet_ms / 1000, strategy.drain_ms / 1000)
        at = len(console.log)
        console.write(b"\n" + console.subject.release)  # a board that is only waiting would answer
        console.quiet(strategy.quiet_ms / 1000, strategy.quiet_ms / 1000)
        if len(console.log) > at:
            raise Lab("the supply reads back off, but the board still talks: the relay sticks")
        self.must_differ = True
        after = [mark for mark in console.marks if mark.offset > cut.mark.offset and mark.what in MARKED]
        return {"step": cut.step, "landed": after[-1].step if after else cut.step, "overshoot": len(after),
                "held": cut.mark.what == "hold", "command_us": (start - cut.mark.time_ns) // 1000, "ack_us": (ack - cut.mark.time_ns) // 1000,
                "switch_us": (ack - start) // 1000, "last_us": (console.chunks[-1][1] - cut.mark.time_ns) // 1000, "at": cut.mark.offset,
                "uptime_us": cut.mark.uptime_us, "ack_clock_us": (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns() + ack) // 1000}

    def serve(self, request):
        """The answer to one request."""
        answer = {"id": request.get("id")}
        operation = getattr(self, f"op_{request.get('op')}", None)
        request.setdefault("deadline_ms", DEADLINE_MS)
        try:
            if operation is None:
                return {**answer, "ok": False, "kind": "usage", "error": f"there is no op {request.get('op')!r}"}
            self.console.pump(0)
            return {**answer, "ok": True, **operation(request)}
        except (Lab, ConsoleDied) as error:
            kind, text = "lab", str(error)
        except Late as error:
            kind, text = "late", str(error)
        except KeyError as error:
            kind, text = "usage", f"{request.get('op')} needs {error}"
        except Exception as error:  # pylint: disable=broad-except
            kind, text = "lab", f"{type(error).__name__}: {getattr(error, 'msg', error)}"
        self.strategy.forget()
        return {**answer, "ok": False, "kind": kind, "error": " ".join(text.split())}


def labgrid_version():
    return importlib.metadata.version("labgrid")


def say(answer):
    OUT.write(json.dumps(answer) + "\n")


def be_prompt():
    """A cut that waits for other programs comes late. Without the right to it, it does."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except (AttributeError, OSError):
        pass


def main():
    be_prompt()
    logging.basicConfig(level=logging.ERROR)
    if len(sys.argv) not in (2, 3):
        sys.stderr.write("usage: agent.py ENVIRONMENT.yaml [TARGET]\n")
        os._exit(2)
    try:
        agent = Agent(sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else "main")
    except Exception as error:  # pylint: disable=broad-except
        say({"id": 0, "ok": False, "kind": "lab", "error": " ".join(str(getattr(error, "msg", error)).split()) or type(error).__name__})
        os._exit(3)
    gc.freeze()
    say({"id": 0, "ok": True})
    for line in sys.stdin:
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise ValueError("not an object")
        except ValueError as error:
            say({"id": None, "ok": False, "kind": "usage", "error": f"not a request: {error}"})
            continue
        if request.get("op") == "quit":
            break
        say(agent.serve(request))
    OUT.flush()
    os._exit(0)  # a supply that hangs must not keep us


if __name__ == "__main__":
    main()
