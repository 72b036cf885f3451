#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The least WAMP router that labgrid 0.4.1's coordinator, exporter and client need: Debian has all three, but not the crossbar that routes between
them. One realm, JSON, no authentication: for tests. Usage: router.py PORT; says "router: ready"."""
import asyncio
import itertools
import json
import sys

from autobahn.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol

# The protocol's numbers for what is used of it.
HELLO, WELCOME, GOODBYE, ERROR = 1, 2, 6, 8
PUBLISH, PUBLISHED, SUBSCRIBE, SUBSCRIBED, EVENT = 16, 17, 32, 33, 36
CALL, RESULT, REGISTER, REGISTERED, INVOCATION, YIELD = 48, 50, 64, 65, 68, 70
FEATURES = {"broker": {"features": {"publisher_identification": True}}, "dealer": {"features": {"caller_identification": True}}}


class Router:
    def __init__(self):
        self.number = itertools.count(1)
        self.topics, self.procedures, self.calls = {}, {}, {}

    def publish(self, topic, arguments, but=None):
        subscription, peers = self.topics.get(topic, (0, ()))
        for peer in peers:
            if peer is not but:
                peer.say(EVENT, subscription, next(self.number), {}, *arguments)

    def leave(self, peer):
        for _, peers in self.topics.values():
            peers.discard(peer)
        self.procedures = {name: entry for name, entry in self.procedures.items() if entry[1] is not peer}
        if peer.session:
            self.publish("wamp.session.on_leave", [[peer.session]])


class Peer(WebSocketServerProtocol):
    session, authid = 0, ""

    def onConnect(self, request):  # pylint: disable=invalid-name
        return "wamp.2.json"

    def say(self, *message):
        self.sendMessage(json.dumps(message).encode())

    def onMessage(self, payload, isBinary):  # pylint: disable=invalid-name,unused-argument
        kind, *rest = json.loads(payload)
        handler = {HELLO: self.hello, GOODBYE: self.goodbye, SUBSCRIBE: self.subscribe, REGISTER: self.register, PUBLISH: self.publish,
                   CALL: self.call, YIELD: self.result, ERROR: self.failed}.get(kind)
        if handler:
            handler(*rest)

    def onClose(self, wasClean, code, reason):  # pylint: disable=invalid-name,unused-argument
        self.factory.router.leave(self)

    def hello(self, realm, details):
        router = self.factory.router
        self.session, self.authid = next(router.number), details.get("authid", "")
        who = {"session": self.session, "authid": self.authid, "authrole": "public", "authmethod": "anonymous", "authprovider": "static", "realm": realm}
        self.say(WELCOME, self.session, {"roles": FEATURES, **{key: who[key] for key in who if key != "session"}})
        router.publish("wamp.session.on_join", [[who]])

    def goodbye(self, *_):
        self.say(GOODBYE, {}, "wamp.close.goodbye_and_out")

    def subscribe(self, request, _, topic):
        router = self.factory.router
        subscription, peers = router.topics.setdefault(topic, (next(router.number), set()))
        peers.add(self)
        self.say(SUBSCRIBED, request, subscription)

    def register(self, request, _, procedure):
        router = self.factory.router
        registration = next(router.number)
        router.procedures[procedure] = (registration, self)
        self.say(REGISTERED, request, registration)

    def publish(self, request, options, topic, *arguments):
        self.factory.router.publish(topic, arguments, but=self)
        if options.get("acknowledge"):
            self.say(PUBLISHED, request, next(self.factory.router.number))

    def call(self, request, _, procedure, *arguments):
        router = self.factory.router
        if procedure not in router.procedures:
            self.say(ERROR, CALL, request, {}, "wamp.error.no_such_procedure", [procedure])
            return
        registration, callee = router.procedures[procedure]
        number = next(router.number)
        router.calls[number] = (self, request)
        callee.say(INVOCATION, number, registration, {"caller": self.session, "caller_authid": self.authid}, *arguments)

    def result(self, number, _, *values):
        caller, request = self.factory.router.calls.pop(number)
        caller.say(RESULT, request, {}, *values)

    def failed(self, _, number, details, error, *values):
        caller, request = self.factory.router.calls.pop(number)
        caller.say(ERROR, CALL, request, details, error, *values)


async def main(port):
    factory = WebSocketServerFactory(protocols=["wamp.2.json"])
    factory.protocol, factory.router = Peer, Router()
    await asyncio.get_running_loop().create_server(factory, "127.0.0.1", port)
    print("router: ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
