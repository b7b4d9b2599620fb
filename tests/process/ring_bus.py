#!/usr/bin/env python3
"""Strangers, strays and damage on the bus of a real ring.

Random bytes, handshakes that are cut short, altered or replayed, lengths that
can't be, a node of another ring, one with another secret, a copied data
directory, altered and cut frames between nodes, a peer that doesn't read. No
node crashes or grows or changes what it holds; who is refused is named in the
log, once.

KULA_LONG=1: more of everything. KULA_SEED: of the random bytes. Exit 77 where
kula-ctl was not built."""

import json
import os
import random
import shutil
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import ring as rings  # noqa: E402
from ring import Node, Ring, base, check, scaled, wait_until  # noqa: E402
from ring_load import Load  # noqa: E402

MIB = 1 << 20
dice = random.Random(int(os.environ.get("KULA_SEED", "1")))
HEAD_BYTES = 48
WELCOME, REFUSED = 4, 5
SECRET = ["--ring-secret", rings.SECRET]


def types_in(data):
    """The types of the frames in what a node sent."""
    out, at = [], 0
    while at + HEAD_BYTES <= len(data):
        out.append(data[at + 3])
        at += HEAD_BYTES + int.from_bytes(data[at + 4:at + 8], "little")
    return out


class Stranger:
    """A connection to a node's bus."""

    def __init__(self, node):
        self.sock = socket.create_connection(
            ("127.0.0.1", node.port + rings.BUS_ABOVE), 20)
        self.sock.settimeout(20)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.got = b""

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            pass  # thrown out already

    def wait_for(self, size):
        """True if the node sent so much; False if it closed before."""
        try:
            while len(self.got) < size:
                piece = self.sock.recv(65536)
                if not piece:
                    return False
                self.got += piece
        except ConnectionResetError:
            return False
        return True

    def rest(self):
        """What came until the node closed; None if it did not."""
        try:
            while True:
                piece = self.sock.recv(65536)
                if not piece:
                    break
                self.got += piece
        except ConnectionResetError:
            pass
        except TimeoutError:
            return None
        finally:
            self.sock.close()
        return self.got


def state_of(ring, keys):
    """What must not change: members, map, and all copies of some keys."""
    out = []
    for node in ring.nodes:
        facts = node.facts("KULA.STATUS")
        rows = sorted((row["id"], row["number"], row["phase"])
                      for row in map(rings.pairs, facts["nodes"]))
        out.append((facts["members"], facts["map_hash"], rows))
    return out, ring.copies(keys)


class Watch:
    """A node before and after an attack."""

    def __init__(self, node):
        self.node = node
        self.memory, self.descriptors = node.memory(), node.descriptors()

    def compare(self, what, mib=16):
        node = self.node
        check(node.is_there(), f"{what}: node {node.index} lives", node.tail())
        grown = node.memory() - self.memory
        check(grown < mib * MIB, f"{what}: node {node.index} does not grow",
              grown)
        check(wait_until(lambda: node.descriptors() <= self.descriptors + 2),
              f"{what}: its descriptors are free again",
              (self.descriptors, node.descriptors()))


def record_handshakes(ring):
    """What callers say, from real connections that node 0 opens anew: a list
    of tapes; a tape is a list of (direction, bytes)."""
    path = os.path.join(base.root, "tape")
    ring.net.order(record=path)
    ring.net.order(cut=0)
    ring.wait_healthy("links come back")
    client = ring.nodes[0].client()
    for i in range(200):  # commands of all workers: links that carry copies
        client("SET", f"tape:{i}", "x")
    client.close()
    ring.net.order(record=None)
    tapes, i = [], 0
    while os.path.exists(f"{path}.{i}"):
        with open(f"{path}.{i}") as file:
            # the recorder may still be writing the last line
            rows = [json.loads(line) for line in file if line.endswith("\n")]
        tapes.append([(way, bytes.fromhex(data)) for _, way, data in rows])
        i += 1
    tapes = [tape for tape in tapes if len(types_in(b"".join(
        data for way, data in tape if way == ">"))) >= 3]
    check(tapes, "handshakes are recorded", i)
    return tapes


# ---- before a handshake ends ------------------------------------------------

def noise(ring, tapes):
    node = ring.nodes[1]
    for i in range(scaled(100, 5000)):
        stranger = Stranger(node)
        head = dice.choice((b"", b"K", b"Ku", b"Ku\x01", b"Ku\x01\x01"))
        stranger.send(head + dice.randbytes(dice.randrange(1, 3000)))
        stranger.sock.shutdown(socket.SHUT_WR)
        got = stranger.rest()
        if got is None or WELCOME in types_in(got):
            check(False, "random bytes are thrown out", (i, got))
    check(True, "random bytes")


def lengths(ring, tapes):
    """Lengths that can't be: refused at the head."""
    node = ring.nodes[1]
    for kind in (1, 2, 3, 4, 5, 6, 8, 9, 16, 18, 32, 48, 255):
        for size in (4097, 65536, 1 << 30, 1_153_433_601, 0xffffffff):
            stranger = Stranger(node)
            stranger.send(b"Ku\x01" + bytes([kind]) + size.to_bytes(4, "little")
                          + dice.randbytes(40))
            got = stranger.rest()
            check(got is not None and WELCOME not in types_in(got),
                  f"type {kind} of {size} bytes is refused at once", got)
    held = [Stranger(node) for _ in range(scaled(50, 1000))]
    for stranger in held:  # and waits for the rest of a HELLO, not for ever
        stranger.send(b"Ku\x01\x01" + (4096).to_bytes(4, "little"))
    check(all(stranger.rest() is not None for stranger in held),
          "who does not go on is thrown out")


def replays(ring, tapes):
    """A recorded HELLO is answered by a fresh challenge, so the recorded PROOF
    is worth nothing; the frames behind it are never looked at."""
    for tape in tapes[:scaled(10, 100)]:
        said = [data for way, data in tape if way == ">"]
        whole = b"".join(said)
        for node in ring.nodes[1:]:
            stranger = Stranger(node)
            hello = HEAD_BYTES + int.from_bytes(whole[4:8], "little")
            stranger.send(whole[:hello])
            stranger.wait_for(HEAD_BYTES)
            stranger.send(whole[hello:])
            got = stranger.rest()
            check(got is not None and WELCOME not in types_in(got) and
                  REFUSED in types_in(got), "a replay is refused",
                  got and types_in(got))


def cut_short(ring, tapes):
    node = ring.nodes[2]
    whole = b"".join(data for way, data in tapes[0] if way == ">")
    sizes = range(1, min(len(whole), scaled(260, 1000)), scaled(7, 1))
    for size in sizes:
        stranger = Stranger(node)
        stranger.send(whole[:size])
        stranger.sock.shutdown(socket.SHUT_WR)
        got = stranger.rest()
        if got is None or WELCOME in types_in(got):
            check(False, "half a handshake", (size, got))
    check(True, "half a handshake")


def altered(ring, tapes):
    """One bit of the HELLO or of the PROOF is another."""
    node = ring.nodes[2]
    whole = b"".join(data for way, data in tapes[0] if way == ">")
    hello = HEAD_BYTES + int.from_bytes(whole[4:8], "little")
    wrong = []
    for at in range(0, min(len(whole), hello + 80), scaled(3, 1)):
        bad = bytearray(whole)
        bad[at] ^= 1 << dice.randrange(8)
        stranger = Stranger(node)
        stranger.send(bytes(bad))
        stranger.sock.shutdown(socket.SHUT_WR)
        got = stranger.rest()
        if got is None or WELCOME in types_in(got):
            wrong.append((at, got))
    check(not wrong, "an altered handshake", wrong[:3])


def crowd(ring, tapes):
    """More connections than a node keeps, which say nothing."""
    node = ring.nodes[1]
    held = []
    for _ in range(scaled(500, 6000)):
        try:
            held.append(Stranger(node))
        except OSError:
            break
    check(node.ask("PING") == "+PONG", "clients are served meanwhile")
    check(ring.nodes[0].ask("SET", "crowd", "x") == "+OK", "writes go on")
    ended = [stranger.rest() is not None for stranger in held]
    check(all(ended), "the silent are thrown out", ended.count(False))


def test_strangers():
    ring = Ring(3, *SECRET, way="relay", name="abused")
    try:
        ring.start()
        keys = [f"kept:{i}" for i in range(200)]
        client = ring.nodes[0].client()
        for key in keys:
            check(client("SET", key, key) == "+OK", "SET")
        client.close()
        tapes = record_handshakes(ring)
        ring.wait_healthy("healthy before")
        before = state_of(ring, keys)
        for attack in (noise, lengths, replays, cut_short, altered, crowd):
            name = attack.__name__
            watches = [Watch(node) for node in ring.nodes]
            lines = [len(node.log().splitlines()) for node in ring.nodes]
            attack(ring, tapes)
            for watch, count in zip(watches, lines):
                watch.compare(name)
                new = watch.node.log().splitlines()[count:]
                check(len(new) < 30, f"{name}: the log does not fill",
                      (len(new), new[:10]))
        check(state_of(ring, keys) == before, "nothing has changed")
        ring.wait_healthy("healthy afterwards")
        ring.stop()
    finally:
        ring.abandon()


# ---- nodes that don't belong ------------------------------------------------

def stray(ring, what, words, options, name="refused", dir=None):
    """A real server that wants to join and may not."""
    other = Ring(0, *options, name=name)
    node = Node(other, 9, rings.ring_port())
    other.nodes = [node]
    other.seeds = ring.seeds
    if dir is not None:
        node.dir = dir
    lines = [len(n.log().splitlines()) for n in ring.nodes]
    node.start()
    try:
        def named():
            return any(word in line for word in words for n, count in
                       zip(ring.nodes + [node], lines + [0])
                       for line in n.log().splitlines()[count:])

        check(wait_until(named, 30), f"{what}: refused by name",
              [n.tail() for n in ring.nodes + [node]])
        time.sleep(scaled(2, 20))  # it tries again and again
        for n, count in zip(ring.nodes, lines):
            new = [line for line in n.log().splitlines()[count:]
                   if any(word in line for word in words)]
            check(len(new) <= 1, f"{what}: logged once", new)
        refusals = [line for line in node.log().splitlines()
                    if "refused" in line or "itself" in line]
        print(f"{what}:", [line for n, count in zip(ring.nodes, lines)
                           for line in n.log().splitlines()[count:]][:1],
              refusals[:1], flush=True)
        check(node.is_there(), f"{what}: it goes on trying", node.tail())
        reply = node.ask("SET", "stray", "x")
        check(isinstance(reply, str) and reply.startswith("-"),
              f"{what}: it serves nobody", reply)
    finally:
        node.kill()


def test_strays():
    ring = Ring(3, *SECRET, name="refused")
    try:
        ring.start()
        client = ring.nodes[0].client()
        keys = [f"kept:{i}" for i in range(100)]
        for key in keys:
            client("SET", key, key)
        client.close()
        ring.wait_healthy("healthy before")
        before = state_of(ring, keys)
        watches = [Watch(node) for node in ring.nodes]
        stray(ring, "another ring", ["another ring"], SECRET, "elsewhere")
        stray(ring, "another secret", ["secret", "proof"],
              ["--ring-secret", "this is not the secret"])
        stray(ring, "no secret", ["secret", "proof"], [])
        copied(ring)
        for watch in watches:
            watch.compare("strays")
        ring.wait_healthy("healthy afterwards", 30)
        after = state_of(ring, keys)
        check(after == before, "nothing has changed",
              (before[0], after[0]))
        ring.stop()
    finally:
        ring.abandon()


def copied(ring):
    """A second process with the id of a node that runs: it is refused by name
    and serves nobody; the first one goes on. Its start at another address
    later is not taken for one."""
    first = ring.nodes[0]
    copy = os.path.join(base.root, "copied")
    shutil.copytree(first.dir, copy)
    other = Ring(0, *SECRET, name="refused")
    node = Node(other, 8, rings.ring_port())
    other.nodes, other.seeds, node.dir = [node], ring.seeds, copy
    lines = [len(n.log().splitlines()) for n in ring.nodes]
    node.start()
    try:
        def named(n, count):
            return [line for line in n.log().splitlines()[count:]
                    if "a copied data directory" in line]

        check(wait_until(lambda: "IN USE" in node.log() and
                         any(map(named, ring.nodes, lines)), 30),
              "a copied data directory is named by both sides",
              [n.tail() for n in ring.nodes + [node]])
        time.sleep(scaled(2, 20))
        for n, count in zip(ring.nodes, lines):
            check(len(named(n, count)) <= 1, "it is logged once",
                  named(n, count))
        own = [line for line in node.log().splitlines() if "IN USE" in line]
        check(len(own) == 1, "and by the copy", own)
        print("a copied data directory:", own[0],
              [named(n, count) for n, count in zip(ring.nodes, lines)],
              flush=True)
        reply = node.ask("GET", "kept:1")
        check(isinstance(reply, str) and reply.startswith("-DUPLICATE "),
              "the copy serves nobody", reply)
        for n in ring.nodes:
            check(n.ask("GET", "kept:1") == b"kept:1", "the others do")
    finally:
        node.kill()


def writes(node, value):
    try:
        return node.ask("SET", "k", value) == "+OK"
    except OSError:
        return False


def test_quick_starts():
    """Killed and started at once, again and again, also elsewhere, while the
    others may still believe that it is up: nobody takes it for a copy."""
    ring = Ring(3, *SECRET, name="quick")
    try:
        ring.start()
        node = ring.nodes[2]
        for i in range(scaled(6, 60)):
            node.kill()
            if i % 2:
                node.port = rings.ring_port()
            node.start()
            if i % 3 == 2:
                check(wait_until(lambda: writes(node, i), 30),
                      "it serves again", node.tail())
        ring.wait_healthy("healthy after quick starts")
        for n in ring.nodes:
            check("a copied data directory" not in n.log(), "no copy is seen",
                  n.tail())
        ring.stop()
    finally:
        ring.abandon()


# ---- damage between nodes ---------------------------------------------------

def hurt_links(ring, rule, rarity, seconds):
    for source in ring.nodes:
        for target in ring.nodes:
            if source is not target:
                ring.net.rule(rule, source, target, rarity)
    time.sleep(seconds)
    for source in ring.nodes:
        for target in ring.nodes:
            if source is not target:
                ring.net.open(source, target)


def test_damage():
    """Bits turn over and connections end in the middle of frames, under load:
    nothing is lost, nothing wrong is taken in."""
    ring = Ring(3, *SECRET, way="relay", name="damaged")
    try:
        ring.start()
        load = Load(ring, 10, 200).start()
        load.settle()
        watches = [Watch(node) for node in ring.nodes]
        for rule in ("alter", "shorten"):
            hurt_links(ring, rule, 50, scaled(3, 60))
        load.stop()
        ring.wait_healthy("healthy after damage")
        for watch in watches:
            watch.compare("damage", 64)
        check(not load.wrong, "reads", load.wrong[:3])
        for node in ring.nodes:
            load.verify(node, "damage")
        differing = ring.differing(load.keys())
        check(not differing, "all copies agree", list(differing.items())[:3])
        ring.stop()
    finally:
        ring.abandon()


def test_peer_that_does_not_read():
    """Two nodes take 60 MB of writes while the third reads nothing of what they
    send to it, but still speaks to them: the memory they need beyond the values
    is bounded, and no more writes fail than those of two seconds."""
    ring = Ring(3, *SECRET, "--maxmemory", "400mb", way="relay", name="deaf")
    try:
        ring.start()
        a, b, c = ring.nodes
        for node in ring.nodes:  # the links broke: all tenures are taken anew
            client = node.client(60)
            for i in range(400):
                key = f"deaf:{i // 100}:{i % 100}"
                check(wait_until(lambda: client("SET", key, "x") == "+OK"),
                      "SET")
            client.close()
        watches = [Watch(node) for node in (a, b)]
        start = time.monotonic()
        ring.net.stall(a, c)
        ring.net.stall(b, c)
        value = b"x" * 100_000
        failed, count = [], scaled(150, 600)

        def write(node, number):
            client = node.client(60)
            for i in range(count):
                reply = client("SET", f"deaf:{number}:{i % 100}", value)
                if reply != "+OK":
                    failed.append((i, reply))
            client.close()

        threads = [threading.Thread(target=write, args=(node, number))
                   for number, node in enumerate((a, b, a, b))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rate = 4 * count / (time.monotonic() - start)
        check(len(failed) < 2 * rate, "writes go on",
              (len(failed), rate, failed[-3:]))
        # 400 values of 100 KB on each; queues of 64 MB a link
        for watch in watches:
            watch.compare("a deaf peer", 40 + 2 * 2 * 64 + 64)
        grown = [(w.node.memory() - w.memory) // MIB for w in watches]
        print(f"a deaf peer: {grown} MiB more, {len(failed)} writes failed")
        ring.net.open(a, c)
        ring.net.open(b, c)
        ring.wait_healthy("it reads again")
        keys = [f"deaf:{n}:{i}" for n in range(4) for i in range(100)]
        check(not ring.differing(keys), "all copies agree")
        ring.stop()
    finally:
        ring.abandon()


if __name__ == "__main__":
    rings.run_tests(globals())
