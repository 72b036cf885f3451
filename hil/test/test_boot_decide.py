# SPDX-License-Identifier: Apache-2.0
"""boot-decide on files: what it prints and stores is the table of images/uboot/README.md, and it stores as U-Boot does. Read and written here
with libubootenv's and U-Boot's own tools."""
import itertools
import os
import subprocess

import pytest

from conftest import ROOT

SIZE = 0x4000
PROGRAM = os.path.join(os.path.dirname(os.environ.get("OTA", f"{ROOT}/build/release/ota")), "boot-decide")
OTHER = {"A": "B", "B": "A"}


def make(folder, flags, **values):
    """Two copies of one environment; `flags` are their counters, None for a copy that is torn."""
    text = "".join(f"{name}={value}\n" for name, value in values.items())
    done = subprocess.run(["mkenvimage", "-r", "-s", str(SIZE), "-o", "-", "-"], input=text.encode(), stdout=subprocess.PIPE, check=True)
    copies = [bytearray(done.stdout) for _ in flags]
    for copy, flag in zip(copies, flags):
        if flag is None:
            copy[SIZE - 1] ^= 1
        else:
            copy[4] = flag
    (folder / "env").write_bytes(b"".join(copies))
    (folder / "config").write_text(f"{folder}/env 0 {SIZE:#x}\n{folder}/env {SIZE:#x} {SIZE:#x}\n")


def run(folder, verb):
    return subprocess.run([PROGRAM, verb, str(folder / "config")], stdout=subprocess.PIPE, text=True, check=True).stdout


def stored(folder):
    done = subprocess.run(["fw_printenv", "-c", str(folder / "config")], stdout=subprocess.PIPE, text=True, check=True)
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


def copies(folder):
    data = (folder / "env").read_bytes()
    return data[:SIZE], data[SIZE:]


@pytest.mark.parametrize("slot,barred,trial,attempts", itertools.product("AB", ("", "A", "B"), (0, 1), (0, 1, 3)))
def test_rows_of_the_table(tmp_path, slot, barred, trial, attempts):
    """Every row in which both slots load: the slot that boots, and what is stored (limit 3)."""
    before = {"bootlimit": "3", "ota_slot": slot, "ota_barred": barred, "upgrade_available": str(trial), "bootcount": str(attempts)}
    before = {name: value for name, value in before.items() if value}
    make(tmp_path, (7, 6), **before)
    assert run(tmp_path, "count") == ""
    assert stored(tmp_path) == {**before, "bootcount": str(attempts + trial)}
    printed = run(tmp_path, "boot").splitlines()
    over, barred_self = trial and attempts == 3, barred == slot
    boots = OTHER[slot] if barred_self or over and barred != OTHER[slot] else slot
    assert printed[-1] == f"ota: slot {boots}"
    if trial and (over or barred_self) and barred != OTHER[slot]:
        assert printed[0] == f"ota: back to {boots}"
        after = {**before, "ota_slot": boots, "ota_barred": slot, "upgrade_available": "0", "bootcount": "0"}
    elif over:
        assert printed[0] == f"ota: trial of {slot} ended"
        after = {**before, "upgrade_available": "0", "bootcount": "0"}
    else:
        assert len(printed) == 1
        after = {**before, "bootcount": str(attempts + trial)}
    assert stored(tmp_path) == after


@pytest.mark.parametrize("flags,written,counter", [((7, 6), 1, 8), ((6, 7), 0, 8), ((254, 255), 0, 0), ((255, 254), 1, 0), ((0, 255), 1, 1),
                                                   ((9, None), 1, 10), ((None, 9), 0, 10)])
def test_the_copy_that_does_not_hold_is_stored(tmp_path, flags, written, counter):
    """One store a count: the other copy whole, its counter one higher, the copy that holds untouched."""
    make(tmp_path, flags, upgrade_available=1, bootlimit=3, bootcount=1, ethaddr="02:00:00:00:00:01")
    before = copies(tmp_path)
    run(tmp_path, "count")
    after = copies(tmp_path)
    assert after[1 - written] == before[1 - written] and after[written][4] == counter
    assert stored(tmp_path) == {"upgrade_available": "1", "bootlimit": "3", "bootcount": "2", "ethaddr": "02:00:00:00:00:01"}


@pytest.mark.parametrize("flags", [(None, None), (7, 6)])
def test_nothing_is_stored_without_a_trial(tmp_path, flags):
    """A healthy device, and one with no environment at all: A boots, and no byte is written."""
    make(tmp_path, flags, ota_slot="A")
    before = copies(tmp_path)
    run(tmp_path, "count")
    assert run(tmp_path, "boot") == "ota: slot A\n" and copies(tmp_path) == before


@pytest.mark.parametrize("arguments", [[], ["count"], ["fly", "config"], ["boot", "/nonexistent"]])
def test_what_cannot_be_done_is_said(arguments):
    done = subprocess.run([PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode in (1, 2) and done.stderr and not done.stdout
