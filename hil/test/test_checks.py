# SPDX-License-Identifier: Apache-2.0
"""The checklist on a toy board: each supported line passes there, and fails on a board without that property."""
import json
import subprocess

import pytest

from conftest import ROOT
from test_campaign import yankproof

SKIPPED = {"no-clock": "its clock is that of the machine it runs on", "watchdog-kernel": "it has no kernel of its own"}


def run(box, tmp_path, lines, changes=()):
    """The result of each line: verdict and text. `changes` are made to the environment's text."""
    with open(box.env, encoding="utf-8") as file:
        text = file.read()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    env = tmp_path / "env.yaml"
    env.write_text(text)
    (tmp_path / "lab").mkdir()
    path = tmp_path / "lab" / "checks.yaml"
    path.write_text("name: checks\ntitle: for a test of the lab\ngroup: lab\nrig: board\nfaults:\n"
                    + "".join(f"  - board: {{plan: checks, match: 'check:{line}'}}\n" for line in lines))
    done = subprocess.run([yankproof(), "run", str(path), "-o", str(tmp_path / "out")], cwd=ROOT, env={"LG_ENV": str(env), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=180, check=False)
    assert (tmp_path / "out" / "results.jsonl").exists(), done.stdout
    with open(tmp_path / "out" / "results.jsonl", encoding="utf-8") as file:
        cases = [line for line in map(json.loads, file) if line["type"] == "case"]
    return {case["id"].split("check:")[1]: (case["verdict"], case["text"]) for case in cases}


@pytest.fixture
def fresh(box):
    box.put("/box/drill", "none")
    box.put("/box/restore")
    return box


def test_lines_pass_on_a_good_board(fresh, tmp_path):
    found = run(fresh, tmp_path, [""])
    assert {line: text for line, (verdict, text) in found.items() if verdict == "SKIP"} == SKIPPED
    assert {verdict for line, (verdict, _) in found.items() if line not in SKIPPED} == {"PASS"}, found
    assert len(found) == 14 and found["brown-out"][1] == "3 of 3 dips reset the board"


@pytest.mark.parametrize("line,old,new,verdict,says", [
    ("first-install", "garble: '", "garble: 'echo | dd of=$DIR/slot-$SLOT bs=1 seek=9000 conv=notrunc; ", "FAIL", "not the old image"),  # the running one, too
    ("first-install", "head -c 4194304 /dev/urandom >", "true ", "MISS", "left the other slot as it was"),
    ("torn-environment", "| dd of=$DIR/env bs=512", "| dd of=/dev/null bs=512", "MISS", "left the copy of the environment as it was"),
    ("torn-environment", "tear: '", "tear: 'dd if=/dev/zero of=$DIR/env bs=512 count=128 conv=notrunc; ", "FAIL", "of the other is read: '"),  # both
    ("downgrade", "ln -sfn 1.0.ota", "ln -sfn 2.0.ota", "FAIL", "not refused as a downgrade: ota: install: ALREADY_INSTALLED"),  # nothing older is offered
    ("no-clock", "no_clock: 'its clock is that of the machine it runs on'", "clock: 'true'", "MISS", "its clock was not lost"),
    ("watchdog", "touch $DIR/hung; read never", "read never", "FAIL", "no 'U-Boot 2000' within"),
    ("watchdog-bootloader", "hang_bootloader: 'hang'", "hang_bootloader: 'printenv'", "FAIL", "no 'U-Boot 2000' within"),
    ("brown-out", "curl -sf -X PUT -d @MS@ http://", "true http://", "MISS", "nothing shows that there was one"),
])
def test_lines_can_fail(fresh, tmp_path, line, old, new, verdict, says):
    found = run(fresh, tmp_path, [line], [(old, new), ("boot_timeout: 20", "boot_timeout: 3")])
    assert found[line][0] == verdict and says in found[line][1], found
