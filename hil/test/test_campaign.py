# SPDX-License-Identifier: Apache-2.0
"""The runner over the lab: a campaign of cuts passes on a good board; a failure of the lab is ERROR, in one line, in bounded time, and
leaves nothing running."""
import json
import os
import signal
import subprocess
import time

import pytest

from conftest import ROOT

BROKEN_S = 60
SCENARIO = """name: {name}
title: for a test of the lab
group: {group}
rig: board
faults:
  - board: {{plan: {plan}, match: '{match}'{more}}}
"""


def yankproof():
    return os.environ.get("OTA", f"{ROOT}/build/release/ota").replace("/ota", "/yankproof")


def start(box, tmp_path, plan="cuts", match="cut:S11", more=""):
    folder = tmp_path / "lab"
    folder.mkdir()
    path = folder / "a-board.yaml"
    path.write_text(SCENARIO.format(name="a-board", group="lab", plan=plan, match=match, more=more))
    return subprocess.Popen([yankproof(), "run", str(path), "-o", str(tmp_path / "out")], cwd=ROOT, env={**os.environ, "LG_ENV": box.env},
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def end(process, timeout_s=120):
    output, _ = process.communicate(timeout=timeout_s)
    return process.returncode, output


def agents(box):
    """Agents of this box that run."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if any(word.endswith(b"agent.py") for word in words) and box.env.encode() in words:
            found.append(int(pid))
    return found


def cases(tmp_path):
    with open(tmp_path / "out" / "results.jsonl", encoding="utf-8") as file:
        return [line for line in map(json.loads, file) if line["type"] == "case"]


@pytest.fixture
def fresh(box):
    box.put("/box/drill", "none")
    box.put("/box/restore")
    yield box
    box.put("/box/drill", "none")


def test_cuts_pass_on_a_good_board(fresh, tmp_path):
    status, output = end(start(fresh, tmp_path))
    assert status == 0, output
    (case,) = cases(tmp_path)
    assert [cut["landed"] for cut in case["landings"]] == ["S11", "S15", "S15"] and case["label"] == "new"
    done = subprocess.run([yankproof(), "cuts", str(tmp_path / "out")], stdout=subprocess.PIPE, text=True, check=True)
    assert "3 cuts verified with the hold, 3 of them in the step they were meant for (100 %)" in done.stdout, done.stdout


def test_the_budget_goes_to_what_was_hit_least(fresh, tmp_path):
    """S11 once and S15 twice by the plan; of two more cuts the first goes to S11, the second to the later of two that are even."""
    status, output = end(start(fresh, tmp_path, more=", budget: 5"))
    assert status == 0, output
    assert [[cut["landed"] for cut in case["landings"]] for case in cases(tmp_path)] == [["S11", "S15", "S15"], ["S11"], ["S15"]]


@pytest.mark.parametrize("drill,says", [("stick", "relay sticks"), ("500", "reads back"), ("hang", "did not answer"), ("console", "console")])
def test_a_broken_lab_is_an_error(fresh, tmp_path, drill, says):
    fresh.put("/box/drill", drill)
    began = time.monotonic()
    status, output = end(start(fresh, tmp_path))
    assert status == 3 and says in output, output
    assert time.monotonic() - began < BROKEN_S
    assert agents(fresh) == []


def test_an_agent_that_is_killed_is_an_error(fresh, tmp_path):
    process = start(fresh, tmp_path)
    deadline = time.monotonic() + 20
    while fresh.status()["boots"] == 0 or not agents(fresh):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for pid in agents(fresh):
        os.kill(pid, signal.SIGKILL)
    status, output = end(process)
    assert status == 3 and "the agent ended" in output, output
    assert agents(fresh) == []


def test_a_box_that_is_killed_takes_its_board_with_it(tmp_path):
    """After SIGKILL of the box itself all its processes are gone."""
    from conftest import ToyBox
    own = ToyBox(str(tmp_path / "box"), "127.99.0.1")
    own.put("/relay/1/value", "1")
    children = subprocess.run(["pgrep", "-P", str(own.process.pid)], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    assert children
    own.process.kill()
    own.process.wait()
    deadline = time.monotonic() + 10
    while any(os.path.exists(f"/proc/{pid}") for pid in children):
        assert time.monotonic() < deadline, children
        time.sleep(0.05)


def test_free_cuts_are_planned_from_what_was_measured(fresh, tmp_path):
    """Whatever the first cut hits, later steps are measured by it or in its recovery. From then on a delay lies within the step, less what the
    switch takes; the id carries it."""
    status, output = end(start(fresh, tmp_path, plan="free-cuts", match="cut:S0"), 240)
    assert status == 0, output
    found = [(case["id"], cut) for case in cases(tmp_path) for cut in case["landings"]]
    assert [cut["step"] for _, cut in found] == ["S05", "S06", "S06", "S07", "S08", "S09"] and "length_us" not in found[0][1]
    for name, cut in found:
        assert f"@cut:{cut['step']}n{cut['delay_us']}/" in name
    planned = [cut for _, cut in found if "length_us" in cut]
    assert planned, found
    for cut in planned:
        assert cut["delay_us"] <= max(cut["length_us"] - cut["switch_us"], 0)
    done = subprocess.run([yankproof(), "cuts", str(tmp_path / "out")], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.count(": the step ") == len({cut["step"] for cut in planned}), done.stdout
    assert done.stdout.count("not hittable") == len({cut["step"] for cut in planned if cut["length_us"] < cut["switch_us"]}), done.stdout
