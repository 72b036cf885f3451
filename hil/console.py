# SPDX-License-Identifier: Apache-2.0
"""A board's console, read in bulk through labgrid's ConsoleProtocol: everything is kept with its time, the subject's marks are found as they
arrive, and commands run in a framed channel, so that a kernel message in between does no harm."""
import re
import select
import time
from typing import Callable, Dict, List, Optional, Pattern, Tuple

import pexpect

from subject import Mark, Subject

READ_BYTES = 65536
TAIL_BYTES = 4096  # of unfinished line that is looked at
PROBE_S = 0.4  # between two questions whether a shell is there
MARKED = ("begin", "hold", "seen")  # a step begins


class ConsoleDied(Exception):
    """The console is gone: the lab failed, not the board."""


class Late(Exception):
    """The expected output did not come within its deadline."""


def follows(mark: Mark, after: Mark) -> Optional[int]:
    """How many microseconds one mark came after the other; None: what was in between is not known. Marks of one process carry the board's own
    time; to what a bootloader prints there is the console's."""
    if after.what == "seen":
        return (after.time_ns - mark.time_ns) // 1000
    if after.count != mark.count + 1 or after.uptime_us < mark.uptime_us:
        return None
    return after.uptime_us - mark.uptime_us


def lengths(marks: List[Mark], disturbed: List[int]) -> Dict[str, int]:
    """Microseconds from the first mark of each of the updater's steps to the next step's. Only whole: no hold, no mark missing, no power switched
    in between (`disturbed`: where in the log that was). Later marks of a step do not count: there it may have gone on where it was cut."""
    found, begun = {}, set()
    for i, mark in enumerate(marks):
        if mark.what not in MARKED or mark.step in begun:
            continue
        begun.add(mark.step)
        total = 0
        for before, after in zip(marks[i:], marks[i + 1:]):
            took = follows(before, after)
            if before.what != "begin" or took is None or any(before.offset < at <= after.offset for at in disturbed):
                break
            total += took
            if after.step != mark.step:
                found[mark.step] = total
                break
    return found


class Console:
    """One reader, one thread. `on_mark` is called for each mark as soon as it was read."""

    def __init__(self, driver, subject: Subject):
        self.driver = driver
        self.subject = subject
        self.log = bytearray()
        self.chunks: List[Tuple[int, int]] = []  # offset, time
        self.marks: List[Mark] = []
        self.on_mark: Optional[Callable[[Mark], None]] = None
        self.auto_go = True  # holds that nobody waits for are released
        self._scanned = 0
        self._serial = 0
        self._fd = self._fileno()

    def _fileno(self) -> Optional[int]:
        try:
            return self.driver.serial.fileno()
        except (AttributeError, OSError, ValueError, NotImplementedError):
            return None

    def fileno(self) -> Optional[int]:
        return self._fd

    def pump(self, timeout_s: float = 0.0) -> bytes:
        """Reads what there is, waiting at most timeout_s for the first byte."""
        try:
            if self._fd is not None:
                if not select.select([self._fd], [], [], max(timeout_s, 0))[0]:
                    return b""
                data = self.driver.read(READ_BYTES, timeout=0)
            else:
                data = self.driver.read(1, timeout=max(timeout_s, 0.001))
        except pexpect.TIMEOUT:
            return b""
        except (OSError, ValueError, pexpect.EOF) as error:  # pyserial's errors are OSErrors
            raise ConsoleDied(f"the console is gone: {error}") from error
        if data:
            now = time.monotonic_ns()
            self.chunks.append((len(self.log), now))
            self.log += data
            self._scan(now)
        return bytes(data)

    def _scan(self, now: int) -> None:
        """Marks in whole lines, each once."""
        end = self.log.rfind(b"\n") + 1
        start = self._scanned
        while start < end:
            stop = self.log.index(b"\n", start) + 1
            for mark in self.subject.marks(bytes(self.log[start:stop]), start, now):
                self._found(mark)
            start = stop
        self._scanned = end

    def _found(self, mark: Mark) -> None:
        self.marks.append(mark)
        if self.on_mark:
            self.on_mark(mark)
        elif mark.what == "hold" and self.auto_go:
            self.release()

    def write(self, data: bytes) -> None:
        try:
            self.driver.write(data)
        except (OSError, ValueError) as error:
            raise ConsoleDied(f"the console is gone: {error}") from error

    def release(self) -> None:
        """Ends a hold, where the subject has them."""
        if self.subject.release:
            self.write(self.subject.release)

    def text(self, start: int = 0) -> str:
        return self.log[start:].decode("utf-8", "replace")

    def wait(self, pattern: Pattern[bytes], timeout_s: float, start: Optional[int] = None, idle: Optional[Callable[[], None]] = None,
             every_s: float = PROBE_S):
        """Until `pattern` is in what arrived since `start` (now). `idle` is called each every_s meanwhile."""
        at = len(self.log) if start is None else start
        end = time.monotonic() + timeout_s
        turn = time.monotonic()
        while True:
            found = pattern.search(self.log, at)
            if found:
                return found
            now = time.monotonic()
            if now >= end:
                tail = self.text(max(at, len(self.log) - 200)).strip().splitlines()[-1:] or ["nothing"]
                raise Late(f"no {pattern.pattern.decode()!r} within {timeout_s:g} s; last heard: {tail[0]}")
            if idle and now >= turn:
                idle()
                turn = now + every_s
            self.pump(min(end, turn if idle else end) - now)
            at = max(at, len(self.log) - 2 * READ_BYTES - TAIL_BYTES)

    def quiet(self, silent_s: float, timeout_s: float) -> bool:
        """Is the console silent for silent_s? False: it printed until the deadline."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if not self.pump(silent_s):
                return True
        return False

    def shell_ready(self, timeout_s: float, may_ask: Callable[[], bool] = lambda: True) -> None:
        """Until a shell answers. The input contains `$((7))` and the answer 7, so that an echo is no answer."""
        self._serial += 1
        want = re.compile(b"@@%dR" % self._serial)
        ask = b"\necho @@$((%d))R\n" % self._serial
        self.wait(want, timeout_s, idle=lambda: may_ask() and self.write(ask))

    def shell(self, command: str, timeout_s: float) -> Tuple[int, str]:
        """Runs a command line in the shell that is there: exit status and output."""
        self._serial += 1
        n = self._serial
        start = len(self.log)
        self.write(f"echo @@$(({n}))B; {command}; echo @@$(({n}))E$?\n".encode())
        found = self.wait(re.compile(rb"@@%dB\r*\n(.*?)@@%dE(\d+)" % (n, n), re.S), timeout_s, start)
        return int(found.group(2)), found.group(1).decode("utf-8", "replace").replace("\r", "")

    def shell_start(self, command: str) -> None:
        """Runs a command line without waiting for its end."""
        self.write(f"{command}\n".encode())
