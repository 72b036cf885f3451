#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A board in a box: a board (QEMU, or any program that talks on stdin and stdout) behind what a lab has. A serial console over TCP that stays
up while the board is off, a switched outlet over HTTP (labgrid's model `rest`), and storage that loses what was not flushed.

    box.py --dir DIR [--address 127.0.0.1] [--env FILE] [--nbd ARG]... -- COMMAND...

Power off is SIGKILL of the board's process group, and a cut at the block server: killing alone would lose nothing. With --nbd, nbdkit
serves these arguments at DIR/nbd; in COMMAND, @DIR@ is DIR. --env writes FILE's copy for this address to DIR/env.yaml.

The lab's side:  GET, PUT /relay/1/value (0, 1).   The box's own:  GET /box (JSON), /box/cut (JSON: what the medium
says of the last one), /box/sha256/MEDIUM/BYTES; PUT
    /box/drill    none, stick (off is acknowledged, the board runs on), 500, hang (no answer), hang-off (none to a PUT),
                  console (the console dies)
    /box/form     sample, all, none: what survives of unflushed writes; /box/seed N: of the next cut
    /box/restore  power off, media as they were at first; /box/keep: with --snapshot, they are from now on as they are
    /box/offer NAME  DIR/www/update.ota becomes NAME.ota
    /box/clock SECONDS, now: what the board's clock says when it is powered on (in DIR/clock, for COMMAND)
    /box/dip MS      the supply is gone for so long, and the outlet knows nothing of it
    /box/quit

--companion is one more process that lives as long as the box, such as the server that offers updates.
"""
import argparse
import collections
import ctypes
import hashlib
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time

CONSOLE_PORT = 4441
OUTLET_PORT = 4442
CONTROL_S = 10
DIP_MAX_MS = 10000
START_S = 10
HTTP_MAX = 8192
CONSOLE_BUFFER = 1 << 20
LOGS_KEPT = 3
DRILLS = ("none", "stick", "500", "hang", "hang-off", "console")
FORMS = ("sample", "all", "none")


def with_parent(how=signal.SIGKILL):
    """In the child: dies with the box, whatever ends the box; a process group of its own."""
    os.setsid()
    ctypes.CDLL(None).prctl(1, how, 0, 0, 0)


class Media:
    """The block server, over its control socket (power-cut/server/server-command.h)."""

    def __init__(self, directory, arguments):
        self.dir, self.arguments = directory, list(arguments)
        self.process = None
        self.runs = 0
        self.last_cut = ""
        self.form, self.seed = "sample", 1
        self.start()

    def start(self):
        control, nbd = self.dir + "/control", self.dir + "/nbd"
        for path in (control, nbd):
            if os.path.exists(path):
                os.unlink(path)
        with open(self.dir + "/nbdkit.log", "ab") as log:
            self.process = subprocess.Popen(["nbdkit", "-f", "-U", nbd] + self.arguments + ["control=" + control], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, preexec_fn=with_parent)  # pylint: disable=subprocess-popen-preexec-fn
        end = time.monotonic() + START_S
        self.control = socket.socket(socket.AF_UNIX)
        self.control.settimeout(CONTROL_S)
        while True:
            try:
                self.control.connect(control)
                break
            except OSError as error:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise SystemExit(f"box: nbdkit did not start ({error}); see {self.dir}/nbdkit.log") from error
                time.sleep(0.01)  # nbdkit tells nobody when its sockets are there
        self.ask("cut form=all answer=fail")

    def ask(self, line):
        self.control.sendall(line.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            part = self.control.recv(8192)
            if not part:
                raise OSError("the block server ended; see nbdkit.log")
            answer += part
        text = answer.decode().strip()
        if text.startswith("error"):
            raise OSError(f"block server: {line}: {text}")
        return text

    def on(self):
        self.runs += 1
        self.ask(f"power {self.dir}/run-{self.runs}.log")
        stale = f"{self.dir}/run-{self.runs - LOGS_KEPT}.log"
        if os.path.exists(stale):
            os.unlink(stale)

    def cut(self, pid):
        self.last_cut = self.ask(f"cut seed={self.seed} form={self.form} answer=fail" + (f" kill={pid}" if pid else ""))
        self.seed += 1

    def last(self):
        """Of the last cut, with the power off: the epoch of that boot, and what became of its writes that no flush had covered."""
        cut = dict(word.split("=", 1) for word in self.last_cut.split() if "=" in word)
        stats = dict(word.split("=", 1) for word in self.ask("stats").split() if "=" in word)
        return json.dumps({"epoch": int(stats["flushes"]) + 1, **{name: int(cut.get(name, 0)) for name in ("kept", "lost", "torn")}})

    def sha256(self, medium, size):
        """Of what lies on a medium, as a mux would read it."""
        path = f"{self.dir}/mux.img"
        self.ask(f"save-image {medium.lower()} {path}")
        digest, left = hashlib.sha256(), int(size)
        with open(path, "rb") as file:
            while left > 0 and (block := file.read(min(left, 1 << 20))):
                digest.update(block)
                left -= len(block)
        os.unlink(path)
        return digest.hexdigest()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.control.close()


class Box:
    def __init__(self, options):
        self.options = options
        self.dir = os.path.abspath(options.dir)
        self.selector = selectors.DefaultSelector()
        self.media = Media(self.dir, options.nbd) if options.nbd else None
        self.board = self.serial = self.client = None
        self.dying = []
        self.to_client = bytearray()
        self.power = False
        self.drill = "none"
        self.counts = collections.Counter()
        self.ended = False
        self.dip_end = 0.0  # when the supply is back; 0: there is none
        self.listen(CONSOLE_PORT, self.accept_console)
        self.listen(OUTLET_PORT, self.accept_http)
        self.companion = self.start_companion() if options.companion else None

    def start_companion(self):
        with open(self.dir + "/companion.log", "ab") as log:
            return subprocess.Popen(self.options.companion.replace("@DIR@", self.dir), shell=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    preexec_fn=lambda: with_parent(signal.SIGTERM))  # pylint: disable=subprocess-popen-preexec-fn

    def listen(self, port, ready):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self.options.address, port))
        except OSError as error:
            raise SystemExit(f"box: {self.options.address}:{port}: {error.strerror}; end what listens there or give --address") from error
        listener.listen(16)
        listener.setblocking(False)
        self.selector.register(listener, selectors.EVENT_READ, lambda _: ready(listener))
        return listener

    # ---- the board ----
    def start_board(self):
        if self.board:
            return
        self.reap()
        if self.media:
            self.media.on()
        ours, theirs = socket.socketpair()
        command = [word.replace("@DIR@", self.dir) for word in self.options.command]
        with open(self.dir + "/board.log", "ab") as log:
            self.board = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=log, preexec_fn=with_parent)  # pylint: disable=subprocess-popen-preexec-fn
        theirs.close()
        ours.setblocking(False)
        self.serial = ours
        self.selector.register(ours, selectors.EVENT_READ, lambda _: self.from_board())
        self.counts["boots"] += 1

    def dip(self, milliseconds):
        """The supply is gone, and comes back by itself."""
        if not self.power or milliseconds > DIP_MAX_MS:
            raise ValueError(f"a dip is of a board that is on, and at most {DIP_MAX_MS} ms long")
        self.stop_board()
        self.dip_end = time.monotonic() + milliseconds / 1000

    def end_dip(self):
        if self.dip_end and time.monotonic() >= self.dip_end:
            self.dip_end = 0.0
            self.start_board()

    def reap(self):
        while self.dying:
            self.dying.pop().wait()

    def stop_board(self):
        board, self.board = self.board, None
        self.dip_end = 0.0
        if not board and not self.media:
            return
        if self.serial:
            self.selector.unregister(self.serial)
            self.serial.close()
            self.serial = None
        if self.media and board:
            self.media.cut(board.pid)
        if board:
            try:
                os.killpg(board.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.dying.append(board)  # nothing of it runs on; the kernel takes its memory back while we answer
            self.counts["cuts"] += 1

    def from_board(self):
        try:
            data = self.serial.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:  # the board ended by itself; the outlet stays on
            self.selector.unregister(self.serial)
            self.serial.close()
            self.serial = None
            self.counts["exits"] += 1
            return
        if self.client:
            self.to_client += data[:CONSOLE_BUFFER - len(self.to_client)]
            self.flush_client()

    # ---- the console ----
    def accept_console(self, listener):
        client, _ = listener.accept()
        if self.client or self.drill == "console":
            client.close()
            return
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.client = client
        self.to_client.clear()
        self.selector.register(client, selectors.EVENT_READ, self.from_client)

    def drop_client(self):
        if self.client:
            self.selector.unregister(self.client)
            self.client.close()
            self.client = None

    def flush_client(self):
        try:
            sent = self.client.send(self.to_client)
            del self.to_client[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self.drop_client()
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.to_client else 0)
        self.selector.modify(self.client, events, self.from_client)

    def from_client(self, events):
        if events & selectors.EVENT_WRITE:
            self.flush_client()
        if not self.client or not events & selectors.EVENT_READ:
            return
        try:
            data = self.client.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.drop_client()
        elif self.serial:
            try:
                self.serial.send(data)  # a board that does not listen loses it, as a UART would
            except OSError:
                pass

    # ---- the outlet ----
    def accept_http(self, listener):
        client, _ = listener.accept()
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        buffer = bytearray()
        self.selector.register(client, selectors.EVENT_READ, lambda _: self.from_http(client, buffer))

    def from_http(self, client, buffer):
        try:
            data = client.recv(HTTP_MAX)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        buffer += data
        head, separator, body = bytes(buffer).partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n")[1:]:
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        if not data or len(buffer) > HTTP_MAX:
            self.end_http(client)
        elif separator and len(body) >= length:
            buffer.clear()
            method, path = (head.split(b" ") + [b"", b""])[:2]
            answer = self.answer(method.decode(), path.decode(), body[:length].decode("utf-8", "replace").strip())
            if answer is not None:
                status, text = answer
                client.sendall(f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())
            if self.ended:
                self.end_http(client)

    def end_http(self, client):
        self.selector.unregister(client)
        client.close()

    def answer(self, method, path, body):
        try:
            if path == "/relay/1/value":
                return self.relay(method, body)
            if path == "/box" and method == "GET":
                return "200 OK", self.status()
            if path == "/box/cut" and self.media and not self.power:
                return "200 OK", self.media.last()
            if path.startswith("/box/sha256/") and self.media:
                return "200 OK", self.media.sha256(*path.split("/")[3:5])
            if path.startswith("/box/") and method == "PUT":
                return self.own(path[len("/box/"):], body)
        except (OSError, ValueError) as error:
            return "500 Internal Server Error", str(error)
        return "404 Not Found", "no such thing; see box.py"

    def relay(self, method, body):
        if self.drill == "hang" or self.drill == "hang-off" and method == "PUT":
            return None
        if method == "GET":
            return "200 OK", "1" if self.power else "0"
        if self.drill == "500":
            return "500 Internal Server Error", "the relay does not answer"
        if body not in ("0", "1"):
            return "400 Bad Request", "0 or 1"
        self.power = body == "1"
        if self.power:
            self.start_board()
        elif self.drill != "stick":
            self.stop_board()
        return "200 OK", body

    def status(self):
        running = self.board is not None and self.board.poll() is None
        return json.dumps({"power": self.power, "running": running, "drill": self.drill, "boots": self.counts["boots"],
                           "cuts": self.counts["cuts"], "exits": self.counts["exits"],
                           "last_cut": self.media.last_cut if self.media else "", "seed": self.media.seed if self.media else 0})

    def own(self, what, body):
        if what == "drill" and body in DRILLS:
            self.drill = body
            if body == "console":
                self.drop_client()
            if body != "stick" and not self.power:
                self.stop_board()  # the relay lets go
        elif what == "form" and body in FORMS and self.media:
            self.media.form = body
        elif what == "seed" and body.isdigit() and self.media:
            self.media.seed = int(body)
        elif what == "offer" and body.replace(".", "").replace("-", "").isalnum() and os.path.exists(f"{self.dir}/www/{body}.ota"):
            os.symlink(body + ".ota", f"{self.dir}/www/.update.ota")
            os.replace(f"{self.dir}/www/.update.ota", f"{self.dir}/www/update.ota")
        elif what == "clock" and (body == "now" or body.isdigit()):
            self.set_clock(body)
        elif what == "dip" and body.isdigit():
            self.dip(int(body))
        elif what in ("restore", "keep"):
            self.stop_board()
            self.reap()
            self.power = False
            self.set_clock("now")
            if self.media and what == "keep":
                raise ValueError("what --nbd serves is kept in its files")
            if self.media:
                self.media.ask("restore")
            elif self.options.snapshot:
                pair = (self.options.snapshot, self.options.snapshot + ".kept")
                source, target = pair if what == "keep" else pair[::-1]
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(source, target, symlinks=True)
        elif what == "quit":
            self.ended = True
        else:
            return "400 Bad Request", f"{what} {body}: see box.py"
        return "200 OK", "ok"

    def set_clock(self, text):
        with open(f"{self.dir}/clock", "w", encoding="utf-8") as file:
            file.write(text if text == "now" else time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(int(text))))

    def run(self):
        while not self.ended:
            wait_s = max(self.dip_end - time.monotonic(), 0) if self.dip_end else None
            for key, events in self.selector.select(wait_s):
                # An earlier event of this turn may have closed it: a request to switch off closes the console.
                if key in self.selector.get_map().values():
                    key.data(events)
            self.end_dip()

    def close(self):
        self.stop_board()
        self.reap()
        if self.media:
            self.media.stop()
        if self.companion:
            self.companion.terminate()
            self.companion.wait()


def be_prompt():
    """A real outlet and UART do not wait for other programs: the box gets real-time priority, where that is allowed."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except (AttributeError, OSError):
        pass


def write_env(source, address, target, images):
    """The environment for another address, so that several boxes can run on one machine."""
    with open(source, encoding="utf-8") as file:
        text = file.read().replace("127.0.0.1", address)
    text = text.replace("@BOX@", os.path.dirname(os.path.abspath(target))).replace("@IMAGES@", images).replace("../", os.path.dirname(os.path.dirname(os.path.abspath(source))) + "/")
    with open(target, "w", encoding="utf-8") as file:
        file.write(text)


def main():
    parser = argparse.ArgumentParser(description="A board in a box; see the head of this file.")
    parser.add_argument("--dir", required=True)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--env", help="environment to copy for this address")
    parser.add_argument("--nbd", action="append", default=[], help="argument of nbdkit, the plugin first")
    parser.add_argument("--images", default="build/qemu", help="what @IMAGES@ is in the environment")
    parser.add_argument("--companion", help="a command line that runs beside the board")
    parser.add_argument("--snapshot", help="directory that restore and keep copy, where there is no --nbd")
    parser.add_argument("--with-parent", action="store_true", help="end when whoever started the box ends")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    os.makedirs(options.dir, exist_ok=True)
    if options.with_parent:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)
    if options.env:
        write_env(options.env, options.address, options.dir + "/env.yaml", options.images)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    be_prompt()
    box = Box(options)
    print("box: ready", flush=True)
    try:
        box.run()
    finally:
        box.close()


if __name__ == "__main__":
    main()
