# SPDX-License-Identifier: Apache-2.0
"""Fixtures: boxes with a toy board for the tests of the lab itself; and, for an environment with the feature `box` (pytest --lg-env
hil/env/box.yaml hil/), the box that it describes, started if it is not there."""
import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
PYTHON = "/usr/bin/python3"  # the one that sees Debian's labgrid
sys.path.insert(0, HERE)


def put(address, path, body=""):
    request = urllib.request.Request(f"http://{address}:4442{path}", data=body.encode(), method="PUT")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


def get(address, path="/box"):
    with urllib.request.urlopen(f"http://{address}:4442{path}", timeout=10) as answer:
        return answer.read().decode()


def group_empty(pgid):
    """Is nothing left of a process group?"""
    try:
        os.killpg(pgid, 0)
    except ProcessLookupError:
        return True
    return False


class ToyBox:
    """A box of its own, on a loopback address of its own."""

    def __init__(self, directory, address):
        self.dir, self.address = directory, address
        self.ota = os.environ.get("OTA", f"{ROOT}/build/release/ota")
        self.env = f"{directory}/env.yaml"
        made = subprocess.run([f"{HERE}/box/toy-make.sh", f"{directory}/toy", self.ota], cwd=ROOT, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        assert made.returncode == 0, made.stdout.decode()
        self.process = subprocess.Popen(
            [PYTHON, f"{HERE}/box/box.py", "--with-parent", "--dir", directory, "--address", address, "--env", f"{HERE}/env/toy.yaml",
             "--snapshot", f"{directory}/toy", "--", PYTHON, f"{HERE}/box/toy.py", "--dir", "@DIR@/toy", "--ota", self.ota],
            stdout=subprocess.PIPE, start_new_session=True)
        assert self.process.stdout.readline() == b"box: ready\n"
        self.put("/box/keep")

    def put(self, path, body=""):
        return put(self.address, path, body)

    def status(self):
        return json.loads(get(self.address))

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=10)


class AgentProcess:
    """The agent as the runner sees it."""

    def __init__(self, env):
        self.process = subprocess.Popen([PYTHON, f"{HERE}/agent.py", env], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.number = 0
        self.hello = json.loads(self.process.stdout.readline())

    def ask(self, op, **more):
        self.number += 1
        self.process.stdin.write(json.dumps({"id": self.number, "op": op, **more}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert answer["id"] == self.number
        return answer

    def good(self, op, **more):
        answer = self.ask(op, **more)
        assert answer["ok"], answer
        return answer

    def close(self):
        self.process.kill()
        self.process.wait()


def runs(address):
    """Is a box running? The outlet shows it: the console accepts only one connection."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, 4442)) == 0


@pytest.fixture(scope="session")
def board(env, target, strategy):
    """The strategy of the board that --lg-env names. Where that is the emulated board's box and none runs there, it is started, and ended again."""
    features = env.get_target_features()
    address = target.get_resource("NetworkSerialPort", wait_avail=False).host if "box" in features else ""
    process = None
    if address and not runs(address):
        assert "toy" not in features, "start the toy's box first (hil/box/toy-make.sh, hil/box/box.py)"
        process = subprocess.Popen([f"{HERE}/box/box-start.sh", f"{ROOT}/build/hil-pytest", address, "18970",
                                    f"{ROOT}/build/release/nbdkit-powercut-plugin.so", f"{ROOT}/build/qemu"], cwd=ROOT, stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"box: ready\n", "the box did not start; 'make hil-pytest' builds what it needs"
    yield strategy
    strategy.transition("off")
    if process:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    if shutil.which("fw_printenv") is None:
        pytest.skip("fw_printenv is not installed")
    pid = os.getpid()
    made = ToyBox(str(tmp_path_factory.mktemp("box")), f"127.{100 + pid % 100}.{pid // 100 % 250}.{1 + pid // 25000}")
    yield made
    made.close()


@pytest.fixture
def agent(box):
    """A new agent, and a board that is off and as it left the factory."""
    box.put("/box/drill", "none")
    box.put("/box/restore")
    made = AgentProcess(box.env)
    yield made
    made.close()
