# SPDX-License-Identifier: Apache-2.0
"""A board that is a coordinator's place: labgrid's own coordinator, exporter and client, and the toy board behind them. Between them routes what Debian
has not (router.py instead of crossbar)."""
import os
import re
import socket
import subprocess
import time

import pytest

from conftest import HERE, PYTHON, AgentProcess

DEADLINE_S = 30


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def place(box, tmp_path):
    """An environment whose resources are those of an acquired place."""
    port = free_port()
    environment = {**os.environ, "WS": f"ws://127.0.0.1:{port}/ws", "LG_CROSSBAR": f"ws://127.0.0.1:{port}/ws", "PYTHONUNBUFFERED": "1"}
    processes = []

    def start(ready, *words):
        log = open(tmp_path / f"{len(processes)}.log", "wb")  # pylint: disable=consider-using-with
        processes.append(subprocess.Popen([PYTHON, *words], cwd=tmp_path, env=environment, stdout=log, stderr=log))
        end = time.monotonic() + DEADLINE_S
        while ready.encode() not in (tmp_path / f"{len(processes) - 1}.log").read_bytes():
            assert processes[-1].poll() is None and time.monotonic() < end, (words, (tmp_path / f"{len(processes) - 1}.log").read_text())
            time.sleep(0.05)

    def client(*words):
        return subprocess.run([PYTHON, "-m", "labgrid.remote.client", *words], cwd=tmp_path, env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=DEADLINE_S, check=True).stdout

    try:
        with open(box.env, encoding="utf-8") as file:
            text = file.read()
        resources = re.search(r"    resources:\n((?:      .*\n)+)", text)
        exported = tmp_path / "exporter.yaml"
        exported.write_text("toy:\n" + re.sub("^    ", "", resources.group(1), flags=re.M))
        start("router: ready", f"{HERE}/test/router.py", str(port))
        start("Coordinator ready.", "-m", "labgrid.remote.coordinator")
        start("exporter name", "-m", "labgrid.remote.exporter", "--name", "lab", str(exported))
        client("-p", "toy", "create")
        client("-p", "toy", "add-match", "lab/toy/*")
        end = time.monotonic() + DEADLINE_S
        while "lab/toy/NetworkSerialPort" not in client("resources"):
            assert time.monotonic() < end
        client("-p", "toy", "acquire")
        path = tmp_path / "env.yaml"
        path.write_text(text.replace(resources.group(0), "    resources:\n      RemotePlace: {name: toy}\n").replace(
            "imports:", f"options:\n  crossbar_url: '{environment['LG_CROSSBAR']}'\nimports:"))
        yield str(path)
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(timeout=10)


def test_a_cut_through_a_place(box, place):
    """The same agent, strategy and drivers; only the resources come from elsewhere."""
    box.put("/box/restore")
    agent = AgentProcess(place)
    try:
        assert agent.hello["ok"], agent.hello
        agent.good("on")
        assert agent.good("linux", deadline_ms=20000)["version"] == "1.0"
        agent.good("shell", command="echo hold=S06 >$DIR/bench-unit")
        cut = agent.good("cut", step="S06", start="ota install $DIR/www/update.ota", deadline_ms=20000)
        assert (cut["landed"], cut["held"]) == ("S06", True)
        assert not box.status()["running"]
    finally:
        agent.close()


def test_no_coordinator_is_the_labs_fault(box, tmp_path):
    with open(box.env, encoding="utf-8") as file:
        text = re.sub(r"    resources:\n(?:      .*\n)+", "    resources:\n      RemotePlace: {name: toy}\n", file.read())
    path = tmp_path / "env.yaml"
    path.write_text(text.replace("imports:", f"options:\n  crossbar_url: 'ws://127.0.0.1:{free_port()}/ws'\nimports:"))
    agent = AgentProcess(str(path))
    assert agent.hello["kind"] == "lab" and "coordinator" in agent.hello["error"]
    agent.close()
