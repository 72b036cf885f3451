# SPDX-License-Identifier: Apache-2.0
"""The kept connection to an outlet: one for all requests; a refused request is an error; a connection that was closed meanwhile is opened again."""
import http.server
import threading
import time

import pytest
from labgrid import Target
from labgrid.resource import NetworkPowerPort

import outlet


class Outlet(http.server.ThreadingHTTPServer):
    """Answers like an LXA TAC; `how` is its fault."""
    daemon_threads = True

    def __init__(self):
        self.state, self.how, self.connections, self.requests = "0", "well", 0, []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def get_request(self):
        self.connections += 1
        return super().get_request()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def handle_one(self, value):
        self.server.requests.append((self.command, self.path, value, self.headers.get("Authorization")))
        if self.server.how == "hangs":
            time.sleep(2)
        if self.server.how == "500":
            return self.answer(500, "the relay does not answer")
        if value is not None:
            self.server.state = value
        self.answer(200, self.server.state)
        if self.server.how == "closes":
            self.close_connection = True  # without a word of it in the answer
        return None

    def do_GET(self):  # pylint: disable=invalid-name
        self.handle_one(None)

    def do_PUT(self):  # pylint: disable=invalid-name
        self.handle_one(self.rfile.read(int(self.headers["Content-Length"])).decode())


@pytest.fixture
def lab():
    server = Outlet()
    yield server
    server.shutdown()
    server.server_close()


def driver(server, host="http://127.0.0.1:{port}/relay/{{index}}/value", **more):
    target = Target("main")
    NetworkPowerPort(target, "port", model="rest", host=host.format(port=server.server_port), index=1)
    made = outlet.KeptPowerDriver(target, "power", **more)
    target.activate(made)
    return made


def test_one_connection(lab):
    power = driver(lab)
    assert power.get() is False
    power.on()
    assert power.get() is True
    power.off()
    assert power.get() is False
    assert lab.connections == 1
    assert [(what, path) for what, path, *_ in lab.requests[:2]] == [("GET", "/relay/1/value"), ("PUT", "/relay/1/value")]


def test_a_refusal_is_an_error(lab):
    power = driver(lab)
    power.on()
    lab.how = "500"
    with pytest.raises(OSError, match="500.*the relay does not answer"):
        power.off()
    lab.how = "well"
    assert power.get() is True


def test_closed_meanwhile(lab):
    power = driver(lab)
    lab.how = "closes"
    for _ in range(3):
        power.on()
        power.off()
    assert lab.connections == 6 and lab.state == "0" and len(lab.requests) == 6


def test_no_answer(lab):
    power = driver(lab, timeout=0.2)
    lab.how = "hangs"
    start = time.monotonic()
    with pytest.raises(OSError):
        power.off()
    assert time.monotonic() - start < 1.5


def test_nobody_listens(lab):
    power = driver(lab)
    lab.shutdown()
    lab.server_close()
    with pytest.raises(OSError):
        power.off()


def test_user_and_password(lab):
    driver(lab, host="http://lab:a%20b@127.0.0.1:{port}/relay/{{index}}/value").on()
    assert lab.requests[0][3] == "Basic bGFiOmEgYg=="


def test_other_models_are_refused(lab):
    target = Target("main")
    NetworkPowerPort(target, "port", model="gude", host="192.0.2.1", index=1)
    with pytest.raises(ValueError, match="NetworkPowerDriver has the others"):
        outlet.KeptPowerDriver(target, "power")
