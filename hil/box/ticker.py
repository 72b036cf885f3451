#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A board that only sends marks, one each 20 to 40 ms, with the machine's own clock in them: for `make bench-hil`."""
import os
import random
import time

step, count = random.Random(1), 0
os.write(1, b"U-Boot 2000.00-ticker\r\n")
while True:
    time.sleep(step.uniform(0.02, 0.04))
    count += 1
    now_us = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
    os.write(1, f"tick {count} {now_us}\r\n".encode())
