#!/usr/bin/env python3
"""Carries the bus connections of a ring, and can stall or delay them.

Node i announces an address at which not it but this program listens, and each
connection is passed on to where it does. Who calls is read from the HELLO with
which each connection begins (src/bus/README), so a rule can be given for each
direction between two nodes:

    stall   bytes of FROM don't reach TO, until the rule is lifted: loss of
            packets as TCP shows it
    delay   they come so many seconds later
    alter   of 1 / `seconds` pieces one bit is wrong
    shorten of 1 / `seconds` pieces the end is missing; then the connection ends

Standard input, a JSON object per line; each is answered by a line, the number
of bytes carried so far:

    {"listen": [HOST, PORT], "to": [HOST, PORT], "node": N}
    {"id": HEX, "node": N}                  this node id calls itself N
    {"rule": "stall", "from": N, "to": N}
    {"rule": "delay", "from": N, "to": N, "seconds": X}     or alter, shorten
    {"rule": "open", "from": N, "to": N}
    {}                    nothing to do
    {"cut": N}                              breaks all connections of N
    {"record": PATH}      from now on: writes PATH.N, from 0: what the caller
                          of the next connections says (a JSON line each:
                          seconds, direction, hex)

It ends with its standard input."""

import json
import queue
import random
import socket
import sys
import threading
import time

HEAD_BYTES = 48
QUEUED_PIECES = 256

ids = {}
rules = {}  # (from, to) -> (rule, seconds)
changed = threading.Condition()
connections = []
carried = [0, 0]
dice = random.Random(1)
record = {"path": None, "next": 0}


def caller_of(hello):
    """The node id in a HELLO, in hex; None as long as it is not there yet, ""
    if there is none."""
    if hello[:2] != b"Ku"[:len(hello[:2])]:
        return ""
    if len(hello) < HEAD_BYTES + 3:
        return None
    at = HEAD_BYTES + 3 + hello[HEAD_BYTES + 2]
    if len(hello) < at + 16:
        return None
    return hello[at:at + 16].hex()


class Connection:
    def __init__(self, client, server, answerer):
        self.sockets = (client, server)
        self.caller, self.answerer = None, answerer
        self.is_known = threading.Event()
        self.tape = None
        with changed:  # each listener has its thread: one tape for each
            if record["path"]:
                self.tape = open(f"{record['path']}.{record['next']}", "w")
                record["next"] += 1
        self.start = time.monotonic()
        for source, target, is_forward in ((client, server, True),
                                           (server, client, False)):
            pieces = queue.Queue(QUEUED_PIECES)
            for work in (self.read, self.write):
                threading.Thread(target=work, daemon=True, args=(
                    source if work == self.read else target, pieces,
                    is_forward)).start()

    def rule(self, is_forward):
        pair = (self.caller, self.answerer)
        return rules.get(pair if is_forward else pair[::-1], ("open", 0))

    def read(self, source, pieces, is_forward):
        seen = b""
        try:
            while True:
                piece = source.recv(262144)
                if not piece:
                    break
                if is_forward and not self.is_known.is_set():
                    seen += piece
                    who = caller_of(seen)
                    if who is not None:
                        self.caller = ids.get(who)
                        self.is_known.set()
                carried[is_forward] += len(piece)
                if self.tape:
                    self.note(is_forward, piece)
                kind, seconds = self.rule(is_forward)
                if kind != "delay":
                    seconds = 0
                pieces.put((time.monotonic() + seconds, piece))
        except OSError:
            pass
        pieces.put((0, b""))

    def note(self, is_forward, piece):
        with changed:  # both directions write here
            self.tape.write(json.dumps([
                time.monotonic() - self.start, ">" if is_forward else "<",
                piece.hex()]) + "\n")
            self.tape.flush()

    def write(self, target, pieces, is_forward):
        try:
            while True:
                due, piece = pieces.get()
                if not piece:
                    break
                delay = due - time.monotonic()
                if delay > 0:
                    time.sleep(delay)
                if is_forward:
                    self.is_known.wait(1)
                with changed:
                    while self.rule(is_forward)[0] == "stall":
                        changed.wait()
                piece = self.hurt(is_forward, piece)
                target.sendall(piece)
        except OSError:
            pass
        self.close()

    def hurt(self, is_forward, piece):
        kind, rarity = self.rule(is_forward)
        if kind not in ("alter", "shorten") or dice.randrange(rarity) > 0:
            return piece
        at = dice.randrange(len(piece))
        if kind == "shorten":
            self.hurt = self.end
            return piece[:at]
        return piece[:at] + bytes([piece[at] ^ 1 << dice.randrange(8)]) + \
            piece[at + 1:]

    def end(self, is_forward, piece):
        raise ConnectionError("shortened")

    def close(self):
        for end in self.sockets:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def serve(listener, to, node):
    while True:
        client, _ = listener.accept()
        try:
            server = socket.create_connection(to, 5)
        except OSError:
            client.close()
            continue
        for end in (client, server):
            end.settimeout(None)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connections.append(Connection(client, server, node))


def obey(order):
    if "listen" in order:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(tuple(order["listen"]))
        listener.listen(64)
        threading.Thread(target=serve, daemon=True, args=(
            listener, tuple(order["to"]), order["node"])).start()
    elif "id" in order:
        ids[order["id"]] = order["node"]
    elif "rule" in order:
        with changed:
            rules[order["from"], order["to"]] = (order["rule"],
                                                 order.get("seconds", 0))
            changed.notify_all()
    elif "cut" in order:
        for connection in connections:
            if order["cut"] in (connection.caller, connection.answerer):
                connection.close()
    elif "record" in order:
        record["path"], record["next"] = order["record"], 0


def main():
    for line in sys.stdin:
        obey(json.loads(line))
        print(sum(carried), flush=True)


if __name__ == "__main__":
    main()
