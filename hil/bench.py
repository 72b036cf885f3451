#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Marker to cut, over the agent, labgrid, and the box's outlet: from the time in the mark to the outlet's answer, when the board is
already killed. Usage: hil/bench.py DIR [CUTS]"""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"
ADDRESS = "127.98.0.1"


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


def main():
    directory, cuts = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 200
    os.makedirs(directory, exist_ok=True)
    box = subprocess.Popen([PYTHON, f"{HERE}/box/box.py", "--with-parent", "--dir", directory, "--address", ADDRESS, "--env", f"{HERE}/env/toy.yaml",
                            "--", PYTHON, f"{HERE}/box/ticker.py"], stdout=subprocess.PIPE)
    try:
        if box.stdout.readline() != b"box: ready\n":
            sys.exit("bench: the box did not start")
        agent = subprocess.Popen([PYTHON, f"{HERE}/agent.py", f"{directory}/env.yaml"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        whole, switch, read = [], [], []
        agent.stdout.readline()
        for i in range(cuts):
            agent.stdin.write(json.dumps({"id": i, "op": "cut", "step": "S06", "nth": 2 + i % 5, "start": "on", "deadline_ms": 10000}) + "\n")
            agent.stdin.flush()
            answer = json.loads(agent.stdout.readline())
            if not answer["ok"]:
                sys.exit(f"bench: cut {i}: {answer}")
            whole.append((answer["ack_clock_us"] - answer["uptime_us"]) / 1000)
            switch.append(answer["switch_us"] / 1000)
            read.append(answer["command_us"] / 1000)
        agent.kill()
        agent.wait()
    finally:
        box.terminate()
        box.wait()
    whole.sort()
    switch.sort()
    histogram(whole, sys.stdout)
    print(f"marker-to-cut {len(whole)} cuts, median {quantile(whole, 0.5):.2f} p99 {quantile(whole, 0.99):.2f} ms "
          f"(outlet median {quantile(switch, 0.5):.2f} ms)")


if __name__ == "__main__":
    main()
