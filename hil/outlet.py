# SPDX-License-Identifier: Apache-2.0
"""A power driver for NetworkPowerPorts of model `rest` (GET and PUT of 0 and 1, as the LXA TAC has them) over one connection that stays open:
a cut then waits for no look-up and no handshake. An answer other than 2xx is an error, and so is none within `timeout` seconds."""
import base64
import http.client
import socket
import time
import urllib.parse
from typing import Optional

import attr
from labgrid import target_factory
from labgrid.driver import Driver
from labgrid.driver.powerdriver import PowerResetMixin
from labgrid.protocol import PowerProtocol
from labgrid.step import step

ANSWER_MAX = 4096
# Errors of a connection that the outlet closed while it was idle.
CLOSED = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


@target_factory.reg_driver
@attr.s(eq=False)
class KeptPowerDriver(Driver, PowerResetMixin, PowerProtocol):
    bindings = {"port": "NetworkPowerPort"}
    delay = attr.ib(default=2.0, validator=attr.validators.instance_of(float))
    timeout = attr.ib(default=5.0, validator=attr.validators.instance_of(float))

    def __attrs_post_init__(self):
        super().__attrs_post_init__()
        self._connection: Optional[http.client.HTTPConnection] = None
        self._used = False  # an answer came over it
        if self.port.model != "rest":
            raise ValueError(f"KeptPowerDriver is for ports of model rest, not {self.port.model}; NetworkPowerDriver has the others")
        url = urllib.parse.urlsplit(self.port.host.format(index=self.port.index))
        self._make = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}.get(url.scheme)
        if self._make is None or not url.hostname:
            raise ValueError(f"{self.port.host}: not an http or https URL")
        self._place = (url.hostname, url.port)
        self._path = (url.path or "/") + ("?" + url.query if url.query else "")
        self._headers = {"Content-Type": "text/plain"}
        if url.username is not None:
            secret = f"{urllib.parse.unquote(url.username)}:{urllib.parse.unquote(url.password or '')}"
            self._headers["Authorization"] = "Basic " + base64.b64encode(secret.encode()).decode()

    def on_deactivate(self):
        self._close()

    def _close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None
        self._used = False

    def _connect(self) -> http.client.HTTPConnection:
        if self._connection is None:
            self._connection = self._make(*self._place, timeout=self.timeout)
            self._connection.connect()
            self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._connection

    def _ask(self, method: str, body: Optional[bytes]) -> str:
        """One request. Asking for the same state twice does no harm: where a kept connection proves closed, it is asked over a new one."""
        while True:
            used = self._used
            try:
                connection = self._connect()
                connection.request(method, self._path, body, self._headers)
                answer = connection.getresponse()
                text = answer.read(ANSWER_MAX).decode("utf-8", "replace").strip()
                whole = answer.isclosed()
            except CLOSED:
                self._close()
                if used:
                    continue
                raise
            except (OSError, http.client.HTTPException):
                self._close()
                raise
            self._used = True
            if answer.will_close or not whole:
                self._close()
            if not 200 <= answer.status < 300:
                raise OSError(f"{method} {self._path}: {answer.status} {answer.reason}: {text[:80]}")
            return text

    @Driver.check_active
    @step()
    def on(self):
        self._ask("PUT", b"1")

    @Driver.check_active
    @step()
    def off(self):
        self._ask("PUT", b"0")

    @Driver.check_active
    @step()
    def cycle(self):
        self.off()
        time.sleep(self.delay)
        self.on()

    @Driver.check_active
    def get(self):
        return self._ask("GET", None) == "1"
