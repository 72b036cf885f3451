#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Marker to cut, over the agent, labgrid, and the box's outlet: from the time in the mark to the outlet's answer, when the board is
already killed. Usage: hil/cut_bench.py DIR [CUTS]"""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"
ADDRESS = "127.98.0.1"
MARK = r"(?P<step>tick) (?P<count>\d+) (?P<uptime_us>\d+)"  # ticker.py's


def quantile(sorted_values, fraction):
    return sorted_values[min(len(sorted_values) - 1, int(fraction * len(sorted_values)))]


def histogram(values, out):
    """Powers of two of milliseconds."""
    edges = [1, 2, 3, 4, 6, 8, 12, 16, 32, 64, float("inf")]
    low = 0
    for edge in edges:
        n = sum(low <= value < edge for value in values)
        if n:
            out.write(f"  {low:>3} to {edge:>3} ms {n:5d} {'#' * max(1, 60 * n // len(values))}\n")
        low = edge


def measure(directory, cuts, driver):
    """Whole times and the outlet's part of them in milliseconds, sorted."""
    os.makedirs(directory, exist_ok=True)
    with open(f"{HERE}/env/toy.yaml", encoding="utf-8") as file:
        text = file.read().replace("NetworkPowerDriver", driver).replace("../", f"{HERE}/")
    text = re.sub(r"( +mark: ).*", lambda found: f"{found.group(1)}'{MARK}'", text)
    with open(f"{directory}/bench.yaml", "w", encoding="utf-8") as file:
        file.write(text)
    box = subprocess.Popen([PYTHON, f"{HERE}/box/box.py", "--with-parent", "--dir", directory, "--address", ADDRESS, "--env", f"{directory}/bench.yaml",
                            "--", PYTHON, f"{HERE}/box/ticker.py"], stdout=subprocess.PIPE)
    whole, switch = [], []
    try:
        if box.stdout.readline() != b"box: ready\n":
            sys.exit("bench: the box did not start")
        agent = subprocess.Popen([PYTHON, f"{HERE}/agent.py", f"{directory}/env.yaml"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        agent.stdout.readline()
        for i in range(cuts):
            agent.stdin.write(json.dumps({"id": i, "op": "cut", "step": "tick", "nth": 2 + i % 5, "start": "on", "deadline_ms": 10000}) + "\n")
            agent.stdin.flush()
            answer = json.loads(agent.stdout.readline())
            if not answer["ok"]:
                sys.exit(f"bench: cut {i}: {answer}")
            whole.append((answer["ack_clock_us"] - answer["uptime_us"]) / 1000)
            switch.append(answer["switch_us"] / 1000)
        agent.kill()
        agent.wait()
    finally:
        box.terminate()
        box.wait()
    return sorted(whole), sorted(switch)


def say(what, whole, switch):
    print(f"{what} {len(whole)} cuts, median {quantile(whole, 0.5):.2f} p99 {quantile(whole, 0.99):.2f} ms (outlet median {quantile(switch, 0.5):.2f} ms)",
          flush=True)


def main():
    directory, cuts = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 200
    say("with labgrid's own driver, a connection each:", *measure(directory, cuts, "NetworkPowerDriver"))
    whole, switch = measure(directory, cuts, "KeptPowerDriver")
    histogram(whole, sys.stdout)
    say("marker-to-cut", whole, switch)


if __name__ == "__main__":
    main()
