# SPDX-License-Identifier: Apache-2.0
"""The subject as the lab sees it: the output of a board's updater and boot script, and the shell commands that query or control them. All of it is data,
the block `subject` of the strategy in the environment's YAML. No other file of the lab names an updater.

    name       of the updater
    mark       regex of a line that says in which step the updater is; groups `step`, and if it prints them `count` (number of the mark in its process),
               `uptime_us` and `what`: begin, hold (the updater waits), released, timeout, stopped. No mark: cuts go by `steps` alone
    release    what is typed to end a hold; missing: the updater does not hold
    steps      bootloader steps by what the bootloader prints: {STEP: regex}
    commands   shell commands and templates, see README.md; those of the strategy's own block `commands` are the board's
"""
import re
from typing import Any, Dict, NamedTuple, Optional, Pattern

KEYS = ("name", "mark", "release", "steps", "commands")
TIMED = {"count", "uptime_us"}  # groups of a mark that carries the board's own time


class Mark(NamedTuple):
    step: str
    what: str  # begin, hold, released, timeout, stopped; "seen" for a line that says no more than its step
    count: int
    uptime_us: int
    offset: int  # in the console's log
    time_ns: int  # when it was read


class Subject:
    def __init__(self, description: Optional[Dict[str, Any]] = None):
        """Raises ValueError: a key that is not known, a pattern that is none or has no group `step`."""
        given = description or {}
        unknown = [key for key in given if key not in KEYS]
        if unknown:
            raise ValueError(f"subject: there is no key {unknown[0]!r}; keys are {', '.join(KEYS)}")
        self.name: str = given.get("name", "")
        self.release: bytes = given["release"].encode() + b"\n" if given.get("release") else b""
        self.commands: Dict[str, str] = dict(given.get("commands") or {})
        self.steps: Dict[str, str] = dict(given.get("steps") or {})
        try:
            self.mark: Optional[Pattern[bytes]] = re.compile(given["mark"].encode() + rb"\r*\n") if given.get("mark") else None
            self.patterns = {step: re.compile(text.encode()) for step, text in self.steps.items()}
        except re.error as error:
            raise ValueError(f"subject: {error.pattern!r} is no pattern: {error}") from error
        if self.mark and "step" not in self.mark.groupindex:
            raise ValueError("subject: mark needs a group (?P<step>...)")

    def marks(self, line: bytes, offset: int, now_ns: int):
        """Steps that a whole line of the console shows."""
        found = self.mark.search(line) if self.mark else None
        if found is None:
            return [Mark(step, "seen", 0, 0, offset, now_ns) for step, pattern in self.patterns.items() if pattern.search(line)]
        groups = found.groupdict()
        step, what = groups["step"].decode(), (groups.get("what") or b"begin").decode()
        if not TIMED <= groups.keys():
            return [Mark(step, "seen" if what == "begin" else what, 0, 0, offset, now_ns)]
        return [Mark(step, what, int(groups["count"]), int(groups["uptime_us"]), offset, now_ns)]
