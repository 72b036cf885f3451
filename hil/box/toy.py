#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A board without hardware and without QEMU, for tests of the lab: the real `ota` on files, a shell on a terminal, and a bootloader. What the
bootloader decides, `boot-decide` says (sim/subject/ota-script/boot-decide-main.c). Its console is stdin and stdout. It keeps what it wrote
when it is killed: cuts land, but lose nothing.

    toy.py --dir DIR --ota OTA          DIR was made by toy-make.sh; boot-decide lies beside OTA
"""
import argparse
import os
import pty
import select
import subprocess
import sys
import termios
import time
import uuid

BOOT_KEY_S = 0.15  # to stop at the prompt
BOOTS_MAX = 50
KERNEL_S = 0.05  # until a kernel is loaded and runs: a cut at the bootloader's line hits the boot, also on a busy machine
WATCHDOG_S = 0.5  # without a sign of life


class Reset(Exception):
    """The watchdog starts the board anew."""


class Toy:
    def __init__(self, directory, ota):
        self.dir, self.ota = directory, ota
        self.boot_decide = os.path.join(os.path.dirname(ota), "boot-decide")
        self.input = bytearray()

    def say(self, text):
        os.write(1, text.replace("\n", "\r\n").encode())

    def decide(self, verb):
        """What the bootloader does: each line that it prints goes to the console. The last one."""
        line = ""
        with subprocess.Popen([self.boot_decide, verb, "fw_env.config"], cwd=self.dir, stdout=subprocess.PIPE, text=True) as program:
            for line in program.stdout:
                self.say(line)
        if program.returncode:
            sys.exit(f"toy: {self.boot_decide} {verb} ended with {program.returncode}")
        return line

    def key(self, timeout_s):
        if select.select([0], [], [], timeout_s)[0]:
            data = os.read(0, 4096)
            if not data:
                sys.exit(0)  # the box is gone
            self.input += data
            return True
        return False

    # ---- bootloader ----
    def bootloader(self):
        """The slot to boot."""
        self.say("\nU-Boot 2000.00-toy\n\nHit any key to stop autoboot\n")
        self.input.clear()
        self.decide("count")
        if self.key(BOOT_KEY_S):
            self.prompt()
        slot = self.decide("boot").split()[-1]
        if slot not in ("A", "B"):
            raise Reset
        return slot

    def prompt(self):
        self.input.clear()
        self.say("=> ")
        while True:
            self.key(60)
            line, separator, rest = bytes(self.input).partition(b"\n")
            if not separator:
                continue
            self.input[:] = rest
            words = line.decode("utf-8", "replace").strip(" \r\x03").split()
            self.say(" ".join(words) + "\n")
            if words[:1] == ["printenv"]:
                self.printenv(words[1:])
            elif words[:1] in (["boot"], ["reset"]):
                return
            elif words[:1] == ["hang"]:
                time.sleep(WATCHDOG_S)
                raise Reset
            elif words:
                self.say(f"Unknown command '{words[0]}'\n")
            self.say("=> ")

    def printenv(self, names):
        """Of the stored environment, as the other implementation reads it."""
        done = subprocess.run(["fw_printenv", "-c", "fw_env.config"], cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        for line in done.stdout.decode().splitlines():
            if not names or line.partition("=")[0] in names:
                self.say(line + "\n")

    # ---- Linux ----
    def linux(self, slot):
        """Until a reboot."""
        time.sleep(KERNEL_S)
        self.say("Linux version 0-toy\n")
        master, slave = pty.openpty()
        attributes = termios.tcgetattr(slave)
        attributes[1] |= termios.OPOST | termios.ONLCR
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        with open(f"{self.dir}/system.conf.in", encoding="utf-8") as file:
            text = file.read().replace("@SLOT@", slot).replace("@TTY@", os.ttyname(slave)).replace("@DIR@", self.dir)
        with open(f"{self.dir}/system.conf", "w", encoding="utf-8") as file:
            file.write(text)
        reboot, hung = f"{self.dir}/reboot-asked", f"{self.dir}/hung"
        for path in (reboot, hung):
            if os.path.exists(path):
                os.unlink(path)
        environment = {"PATH": f"{self.dir}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "SLOT": slot, "BOOT_ID": str(uuid.uuid4()), "DIR": self.dir, "PS1": "# ",
                       "OTA": self.ota, "TERM": "dumb"}
        init = subprocess.Popen(["/bin/sh", f"{self.dir}/init.sh"], stdin=slave, stdout=slave, stderr=slave, cwd=self.dir, env=environment,
                                start_new_session=False)
        os.close(slave)
        while True:
            ready = select.select([0, master], [], [], 0.05)[0]
            if 0 in ready:
                data = os.read(0, 4096)
                if not data:
                    sys.exit(0)
                os.write(master, data)
            if master in ready:
                try:
                    os.write(1, os.read(master, 65536))
                except OSError:
                    break  # nobody has the terminal open any more
            if os.path.exists(reboot) or init.poll() is not None or (os.path.exists(hung) and time.time() - os.stat(hung).st_mtime > WATCHDOG_S):
                break
        init.kill()
        init.wait()
        os.close(master)

    def run(self):
        for _ in range(BOOTS_MAX):
            try:
                self.linux(self.bootloader())
            except Reset:
                pass
            time.sleep(0.02)


def main():
    parser = argparse.ArgumentParser(description="A toy board; see the head of this file.")
    parser.add_argument("--dir", required=True)
    parser.add_argument("--ota", required=True)
    options = parser.parse_args()
    Toy(os.path.abspath(options.dir), os.path.abspath(options.ota)).run()


if __name__ == "__main__":
    main()
