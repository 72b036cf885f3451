# SPDX-License-Identifier: Apache-2.0
"""The bulk reader: each mark whole and once, also between noise; lines that only resemble marks are ignored."""
import os
import selectors
import socket

import pexpect

import pytest
import yaml

from box.box import Box
from conftest import HERE
from console import Console, lengths
from subject import Mark, Subject

with open(f"{HERE}/env/toy.yaml", encoding="utf-8") as environment:
    OTA = yaml.safe_load(environment)["targets"]["main"]["drivers"]["UpdateStrategy"]["subject"]


class Pipe:
    """A console driver over a pipe."""

    def __init__(self):
        self.source, self.sink = os.pipe()
        self.serial = self
        self.written = b""

    def fileno(self):
        return self.source

    def read(self, size=1, timeout=0.0):  # pylint: disable=unused-argument
        data = os.read(self.source, size)
        if not data:
            raise pexpect.TIMEOUT("nothing")
        return data

    def write(self, data):
        self.written += data

    def feed(self, data):
        os.write(self.sink, data)


def reader(subject=None):
    pipe = Pipe()
    return pipe, Console(pipe, Subject(subject or OTA))


def test_marks_in_pieces():
    pipe, console = reader()
    line = b"noise ota-mark: S06 3 81234567 begin\r\nota-mark: S07 4 81234600 begin\r\r\n"
    for i in range(len(line)):
        pipe.feed(line[i:i + 1])
        console.pump(0.1)
    assert [(m.step, m.count, m.uptime_us, m.what) for m in console.marks] == [("S06", 3, 81234567, "begin"), ("S07", 4, 81234600, "begin")]


def test_what_is_no_mark():
    pipe, console = reader()
    for line in (b"ota-mark: S06 3 81234567 begin", b" more\n", b"ota-mark: S6x 3 8 begin\n", b"ota-mark: S06 3 begin\n", b"ota-mark: S06 -1 8 hold\n",
                 b"ota-mark: S06 1 8 holding\n", b"ota-mark: S06 1 [  3.2] usb: new device\n8 hold\n"):
        pipe.feed(line)
        console.pump(0.1)
    assert console.marks == [] and pipe.written == b""


def test_holds_nobody_waits_for_are_released():
    pipe, console = reader()
    pipe.feed(b"ota-mark: S05 1 5 hold\nota-mark: S05 2 6 released\n")
    console.pump(0.1)
    assert pipe.written == b"ota-go\n"


def test_patterns_are_steps():
    pipe, console = reader()
    pipe.feed(b"U-Boot\r\nota: back to A\r\nota: slot A\r\n")
    console.pump(0.1)
    assert [(m.step, m.what) for m in console.marks] == [("R1", "seen"), ("S12", "seen")]


def test_another_updater_says_it_otherwise():
    """Two subjects that are not `ota`: one whose marks are its log's lines and that never holds; one that prints no marks."""
    pipe, console = reader({"name": "sh", "mark": r"updater\[\d+\]: (?P<step>fetch|write|switch)", "steps": {"select": "booting "}})
    pipe.feed(b"updater[71]: fetch\r\nota-mark: S06 3 8 hold\nupdater[71]: switch\nbooting B\nupdater[71]: write error\n")
    console.pump(0.1)
    console.release()
    assert [(m.step, m.what) for m in console.marks] == [("fetch", "seen"), ("switch", "seen"), ("select", "seen")] and pipe.written == b""
    pipe, console = reader({"name": "silent"})
    pipe.feed(b"ota-mark: S06 3 8 hold\n")
    console.pump(0.1)
    assert console.marks == []


@pytest.mark.parametrize("wrong,says", [({"marks": "x"}, "no key 'marks'"), ({"mark": "("}, "no pattern"), ({"mark": "step"}, "needs a group"),
                                        ({"steps": {"S12": "["}}, "no pattern")])
def test_a_subject_that_is_described_wrongly(wrong, says):
    with pytest.raises(ValueError, match=says):
        Subject(wrong)


def test_shell_output_between_noise():
    pipe, console = reader()
    pipe.feed(b"# echo @@$((1))B; cat x; echo @@$((1))E$?\r\n@@1B\r\nline\r\n[ 1.0] kernel says\r\n@@1E3\r\n# ")
    assert console.shell("cat x", 1) == (3, "line\n[ 1.0] kernel says\n")


def test_many_bytes_are_quick():
    """Ten megabytes of chatter before a mark: seconds would be a cut that comes too late."""
    import threading
    import time
    pipe, console = reader()
    chatter = (b"x" * 99 + b"\n") * 100

    def feed():
        for _ in range(1000):
            pipe.feed(chatter)
        pipe.feed(b"ota-mark: S10 1 5 begin\n")
    threading.Thread(target=feed, daemon=True).start()
    start = time.monotonic()
    while not console.marks:
        console.pump(1)
    assert time.monotonic() - start < 5


def marks_of(*rows):
    """One a row: step, what, number in its process, uptime, place in the log; read a millisecond later a place."""
    return [Mark(step, what, count, uptime, at, at * 1000000) for step, what, count, uptime, at in rows]


def test_a_step_is_as_long_as_it_takes_to_the_next():
    """S06 comes in several marks; to the bootloader's line there is only the console's time."""
    marks = marks_of(("S05", "begin", 1, 1000, 1), ("S06", "begin", 2, 1700, 2), ("S06", "begin", 3, 2500, 3), ("S11", "begin", 4, 4000, 4),
                     ("S12", "seen", 0, 0, 9), ("S15", "begin", 1, 100, 12), ("S16", "begin", 2, 130, 13))
    assert lengths(marks, []) == {"S05": 700, "S06": 2300, "S11": 5000, "S15": 30}


def test_only_whole_steps_are_measured():
    """Not one with a hold, a lost mark, a cut or another process in between; and not one that was begun before."""
    assert not lengths(marks_of(("S05", "hold", 1, 10, 1), ("S05", "released", 2, 900, 2), ("S06", "begin", 3, 1000, 3)), [])
    assert not lengths(marks_of(("S05", "begin", 1, 10, 1), ("S07", "begin", 3, 50, 2)), [])
    assert not lengths(marks_of(("S05", "begin", 1, 10, 1), ("S06", "begin", 2, 5, 2)), [])
    assert not lengths(marks_of(("S10", "begin", 9, 10, 1), ("S12", "seen", 0, 0, 8)), [5])
    cut = marks_of(("S06", "begin", 1, 10, 1), ("S06", "begin", 1, 10, 3), ("S07", "begin", 2, 20, 4), ("S08", "begin", 3, 50, 5))
    assert lengths(cut, [2]) == {"S07": 30}


def test_what_an_event_closed_gets_none_in_the_box():
    """A request may switch the board off while its console has something to say: in one turn of the box, either first."""
    box = Box.__new__(Box)
    box.selector, box.dip_end, box.ended = selectors.DefaultSelector(), 0.0, False
    pairs, called = [socket.socketpair() for _ in range(2)], []

    def ready(mine):
        called.append(mine)
        box.selector.unregister(pairs[1 - mine][0])
        box.ended = True

    for i, (ours, theirs) in enumerate(pairs):
        box.selector.register(ours, selectors.EVENT_READ, lambda _, i=i: ready(i))
        theirs.send(b"x")
    box.run()
    assert len(called) == 1
    for pair in pairs:
        for end in pair:
            end.close()
