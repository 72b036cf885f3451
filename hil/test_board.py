# SPDX-License-Identifier: Apache-2.0
"""A board, the way a labgrid user runs it: /usr/bin/python3 -m pytest --lg-env hil/env/box.yaml hil/  (real boards: their own YAML)."""
import subprocess

import pytest


def host(board, name):
    """One of the environment's commands for this machine."""
    command = board.commands.get(name)
    if not command:
        pytest.skip(f"the environment has no command {name!r}")
    subprocess.run(command, shell=True, check=True, timeout=60, stdout=subprocess.DEVNULL)


def filled(board, name, **values):
    """One of the environment's commands for the board, with its placeholders filled in."""
    command = board.commands.get(name)
    if not command:
        pytest.skip(f"the environment has no command {name!r}")
    for key, value in values.items():
        command = command.replace(f"@{key}@", value)
    return command


@pytest.fixture(scope="module", autouse=True)
def factory(board):
    """Every run begins with the old version."""
    if board.provision:
        board.power_off()
        board.run_provision()
        host(board, "offer_old")


def test_off_is_off(board):
    board.transition("off")
    assert not board.power.get()


def test_old_version_runs(board):
    board.transition("linux-old")
    assert board.run(board.version_command).strip() == board.old


def test_no_trial_is_pending(board):
    board.transition("linux-old")
    assert board.run(board.commands["pending"]).strip() in ("", "0")


def test_bootloader_reads_what_linux_stores(board):
    """The redundant environment, seen from both sides."""
    enable = board.commands.get("bootloader_stop")
    if "no_prompt" in board.commands:
        pytest.skip(f"the bootloader has no prompt: {board.commands['no_prompt']}")
    board.transition("linux-old")
    board.run((enable + "; " if enable else "") + filled(board, "env_set", NAME="hil_probe", VALUE="pytest"))
    board.transition("bootloader")
    assert "hil_probe=pytest" in board.bootloader(filled(board, "env_show", NAME="hil_probe"))


def test_new_version_installs_and_stays(board):
    board.transition("linux-old")
    host(board, "offer_new")
    console = board.reader()
    start = len(console.log)
    console.shell_start(board.commands["update"])
    board.wait_banner(start)
    assert board.wait_linux(board.boot_start(start), 3 * board.boot_timeout) == board.new
    board.transition("linux-new")
    assert board.run(board.commands["pending"]).strip() in ("", "0")
