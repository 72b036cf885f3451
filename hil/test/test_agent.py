# SPDX-License-Identifier: Apache-2.0
"""The agent on a toy board: its answers about cuts agree with the box; every failure of the lab is reported as the lab's, in bounded time."""
import json
import time

import pytest

UPDATE = "ota install $DIR/www/update.ota"
STEPS = ["S05", "S06", "S07", "S08", "S09", "S10"]


def boot(agent, hold=None):
    agent.good("on")
    found = agent.good("linux", deadline_ms=20000)
    if hold:
        agent.good("shell", command=f"echo hold={hold} >$DIR/bench-unit")
    return found


def test_cut_lands_where_it_was_armed(box, agent):
    """With the hold, each step is hit exactly, the board is off by its own account, and what it does then is right."""
    boot(agent, "all")
    start = UPDATE
    for step in STEPS:
        before = box.status()["cuts"]
        cut = agent.good("cut", step=step, start=start, deadline_ms=20000)
        assert (cut["landed"], cut["overshoot"], cut["held"]) == (step, 0, True)
        assert box.status() == {**box.status(), "cuts": before + 1, "running": False, "power": False}
        start = "on"  # `ota resume` goes on with the install at each boot
    agent.good("on")
    assert agent.good("linux", deadline_ms=30000)["version"] == "2.0"


def test_cut_in_the_bootloader_and_of_the_trial(agent):
    """Steps that only the bootloader shows are seen by what it prints; boots are counted by their banners."""
    boot(agent, "S15")
    agent.good("start", command=UPDATE)
    for step, held in (("S12", False), ("S12", False), ("S15", True), ("R1", False)):
        cut = agent.good("cut", step=step, start="on", deadline_ms=20000)
        # A bootloader has no hold: on a busy machine the power goes a mark or two later, and the answer has that step.
        assert cut["held"] == held and cut["overshoot"] <= (0 if held else 2)
        assert (cut["landed"] == step) == (cut["overshoot"] == 0)
    agent.good("on")
    assert agent.good("linux", deadline_ms=20000)["version"] == "1.0"


def test_release_then_cut_within_the_step(agent):
    """`go`: the hold is released first, and the cut follows after its delay."""
    boot(agent, "all")
    cut = agent.good("cut", step="S06", what="go", delay_us=0, start=UPDATE, deadline_ms=20000)
    assert cut["landed"] >= "S06" and not cut["held"]
    assert cut["command_us"] >= 0


def test_without_the_hold_it_says_what_it_hit(agent):
    """No hold: the cut lands somewhere behind its mark, and the answer names the step that it hit."""
    boot(agent, "none")
    cut = agent.good("cut", step="S05", start=UPDATE, deadline_ms=20000)
    assert not cut["held"]
    assert cut["landed"] >= "S05" and (cut["overshoot"] > 0) == (cut["landed"] != "S05")


def test_a_step_that_never_comes_is_late(agent):
    boot(agent)
    start = time.monotonic()
    answer = agent.ask("cut", step="S16", start="true", deadline_ms=1500)
    assert not answer["ok"] and answer["kind"] == "late" and "S16" in answer["error"]
    assert time.monotonic() - start < 5


def test_nonsense_is_usage(agent):
    for line in ("{", "[]", "7", '{"id": 1}', '{"id": 2, "op": "fly"}', '{"id": 3, "op": "shell"}', '{"id": 4, "op": "cut"}'):
        agent.process.stdin.write(line + "\n")
        agent.process.stdin.flush()
        answer = json.loads(agent.process.stdout.readline())
        assert not answer["ok"] and answer["kind"] == "usage" and "\n" not in answer["error"]
    agent.good("get")


# ---- drills: the lab fails ----
DRILLS = [
    ("stick", "never lost power|still talks"),
    ("500", "reads back on|500"),
    ("hang", "did not answer 'get' within"),
    ("hang-off", "did not answer 'off' within"),
    ("console", "console is gone"),
]


@pytest.mark.parametrize("drill,says", DRILLS)
def test_drill_is_the_labs_fault(box, agent, drill, says):
    """A relay that sticks, an outlet that answers 500 or nothing, a console that dies: kind `lab`, one line, within 15 s."""
    import re
    boot(agent, "all")
    box.put("/box/drill", drill)
    start = time.monotonic()
    answer = agent.ask("cut", step="S06", start=UPDATE, deadline_ms=10000)
    assert time.monotonic() - start < 15
    assert not answer["ok"] and answer["kind"] == "lab", answer
    assert re.search(says, answer["error"]), answer
    assert "\n" not in answer["error"]


def test_a_relay_that_sticks_is_found_behind_a_silent_board(box, agent):
    """A board that hangs says nothing, on or off: then the boot id tells."""
    boot(agent)
    agent.good("start", command="read line")  # it takes what it hears and does not answer
    box.put("/box/drill", "stick")
    agent.ask("off")
    box.put("/box/drill", "none")
    answer = agent.ask("linux", deadline_ms=5000)
    assert not answer["ok"]


def test_console_in_use_is_said_at_once(box, agent):
    """The console is somebody else's: the second agent ends with one line."""
    from conftest import AgentProcess
    agent.good("get")
    second = AgentProcess(box.env)
    if second.hello["ok"]:  # connected, and dropped: the first thing it reads
        answer = second.ask("off")
        assert not answer["ok"] and answer["kind"] == "lab", answer
    second.close()
