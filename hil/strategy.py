# SPDX-License-Identifier: Apache-2.0
"""The strategy of a board with an A/B updater. It needs only a console with a root shell and a switched supply, and relies on
no state that it has not just observed. Everything that differs between boards is an option in the environment's YAML."""
import os
import re
import subprocess
import sys
import time
from typing import Optional

import attr
from labgrid import target_factory
from labgrid.strategy import Strategy, StrategyError

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from console import Console, Late  # noqa: E402  (labgrid loads this file by its path)
from subject import Subject  # noqa: E402

STATES = ("unknown", "off", "bootloader", "linux-old", "linux-new", "broken")
INTERRUPT_S = 0.05
COMMAND_S = 60


@target_factory.reg_driver
@attr.s(eq=False)
class UpdateStrategy(Strategy):
    """States: off, bootloader (its prompt), linux-old and linux-new (a shell in that version), broken (neither came up)."""

    bindings = {"power": "PowerProtocol", "console": "ConsoleProtocol"}

    banner = attr.ib(default="U-Boot 20", validator=attr.validators.instance_of(str))  # each boot prints it
    prompt = attr.ib(default="=> ", validator=attr.validators.instance_of(str))  # the bootloader's
    interrupt = attr.ib(default=" ", validator=attr.validators.instance_of(str))
    subject = attr.ib(factory=dict, validator=attr.validators.instance_of(dict))  # the updater's words, see subject.py
    # what is printed when a shell is about to be there: only then is it asked for, never earlier in a boot
    kernel = attr.ib(default="Starting kernel|Linux version", validator=attr.validators.instance_of(str))
    version_command = attr.ib(default="cat /etc/version", validator=attr.validators.instance_of(str))
    boot_id_command = attr.ib(default="cat /proc/sys/kernel/random/boot_id", validator=attr.validators.instance_of(str))
    old = attr.ib(default="1.0", validator=attr.validators.instance_of(str))
    new = attr.ib(default="2.0", validator=attr.validators.instance_of(str))
    provision = attr.ib(default="", validator=attr.validators.instance_of(str))  # a command: back to the old version, power off
    boot_timeout = attr.ib(default=60, validator=attr.validators.instance_of(int))
    quiet_ms = attr.ib(default=200, validator=attr.validators.instance_of(int))  # silence that shows the power is off
    drain_ms = attr.ib(default=1000, validator=attr.validators.instance_of(int))  # what was on its way may take so long
    # of the qualification, see README.md; the board's own before the subject's of the same name
    commands = attr.ib(factory=dict, validator=attr.validators.instance_of(dict))
    status = attr.ib(default="unknown", init=False)

    def __attrs_post_init__(self):
        super().__attrs_post_init__()
        self._reader: Optional[Console] = None
        try:
            self.updater = Subject(self.subject)
        except ValueError as error:
            raise StrategyError(str(error)) from error
        self.commands = {**self.updater.commands, **self.commands}

    # labgrid's strategies bind drivers but do not activate them.
    def reader(self) -> Console:
        if self._reader is None:
            self.target.activate(self.console)
            self.target.activate(self.power)
            self._reader = Console(self.console, self.updater)
        return self._reader

    def forget(self) -> None:
        """Resets the known state, after a cut or a failure."""
        self.status = "unknown"

    def force(self, status):
        self._known(status)
        self.status = status

    def _known(self, status) -> None:
        if status not in STATES:
            raise StrategyError(f"there is no state {status!r}; states are {', '.join(STATES)}")

    def transition(self, status, *, step=None):  # pylint: disable=unused-argument
        self._known(status)
        if status in ("unknown", "broken"):
            raise StrategyError(f"{status} is a state that a board is found in, not one to go to")
        if status == self.status and status != "off":
            return
        try:
            if status == "off":
                self.power_off()
            elif status == "bootloader":
                self.to_bootloader()
            else:
                self.to_linux(status)
        except Late as error:
            self.status = "broken"
            raise StrategyError(f"{status} was not reached: {error}") from error
        self.status = status

    def power_off(self) -> None:
        """Off and verified: the outlet reads off, and the console is silent also after input."""
        console = self.reader()
        self.forget()
        self.power.off()
        if self.power.get():
            raise StrategyError("the outlet was switched off, but reads back on")
        console.quiet(self.quiet_ms / 1000, self.drain_ms / 1000)
        start = len(console.log)
        console.write(b"\n")
        console.quiet(self.quiet_ms / 1000, self.quiet_ms / 1000)
        if len(console.log) > start:
            raise StrategyError("the outlet reads back off, but the board still talks: the relay sticks, or powers something else")

    def power_on(self) -> int:
        """On; returns where in the console's log this boot begins."""
        console = self.reader()
        self.forget()
        start = len(console.log)
        self.power.on()
        if not self.power.get():
            raise StrategyError("the outlet was switched on, but reads back off")
        return start

    def wait_banner(self, start: int) -> int:
        """Until the boot's banner; returns where it is."""
        return self.reader().wait(re.compile(self.banner.encode()), self.boot_timeout, start).start()

    def boot_start(self, start: int) -> int:
        """Where the last boot since then begins."""
        found = list(re.finditer(self.banner.encode(), bytes(self.reader().log[start:])))
        return start + found[-1].start() if found else start

    def to_bootloader(self) -> None:
        console = self.reader()
        self.power_off()
        start = self.power_on()
        self.wait_banner(start)
        key = self.interrupt.encode()
        console.wait(re.compile(re.escape(self.prompt).encode() + b"$"), self.boot_timeout, start,
                     idle=lambda: console.write(key), every_s=INTERRUPT_S)
        console.quiet(INTERRUPT_S * 2, 1)

    def bootloader(self, command: str, timeout_s: float = 10) -> str:
        """A command at the bootloader's prompt: its output."""
        console = self.reader()
        start = len(console.log)
        console.write(b"\x03" + command.encode() + b"\n")
        found = console.wait(re.compile(re.escape(command).encode() + rb"\r*\n(.*?)" + re.escape(self.prompt).encode() + b"$", re.S),
                             timeout_s, start)
        return found.group(1).decode("utf-8", "replace").replace("\r", "")

    def _kernel_runs(self, start: int) -> bool:
        """Never type into a bootloader: it would stop there."""
        log = bytes(self.reader().log[start:])
        ends = [max((found.end() for found in re.finditer(text.encode(), log)), default=-1) for text in (self.banner, self.kernel)]
        return ends[1] > ends[0]

    def wait_linux(self, start: int, timeout_s: Optional[float] = None) -> str:
        """From power on to a shell, however many boots that takes: the version that runs."""
        console = self.reader()
        timeout_s = timeout_s or self.boot_timeout
        end = time.monotonic() + timeout_s
        console.wait(re.compile(self.kernel.encode()), timeout_s, start)
        console.shell_ready(max(end - time.monotonic(), 0.1), lambda: self._kernel_runs(start))
        status, text = console.shell(self.version_command, COMMAND_S)
        if status != 0:
            raise Late(f"{self.version_command!r} ended with {status}")
        return text.strip()

    def to_linux(self, status: str) -> None:
        want = self.old if status == "linux-old" else self.new
        self.power_off()
        version = self.wait_linux(self.power_on())
        if version != want and status == "linux-old" and self.provision:
            self.power_off()
            self.run_provision()
            version = self.wait_linux(self.power_on())
        if version != want:
            raise Late(f"version {version} runs, not {want}")

    def run_provision(self) -> None:
        if not self.provision:
            raise StrategyError("the environment has no provision=, so that the board cannot be brought back to the old version")
        done = subprocess.run(self.provision, shell=True, timeout=self.boot_timeout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False)
        if done.returncode:
            raise StrategyError(f"provision= ended with {done.returncode}: {done.stdout.decode('utf-8', 'replace').strip()[-200:]}")

    def run(self, command: str, timeout_s: float = COMMAND_S) -> str:
        """In the shell; its output. For tests."""
        status, text = self.reader().shell(command, timeout_s)
        if status != 0:
            raise StrategyError(f"{command!r} ended with {status}: {text.strip()[-200:]}")
        return text
