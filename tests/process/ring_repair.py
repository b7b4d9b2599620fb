#!/usr/bin/env python3
"""Copies that silently differ are found and mended without a read, and that
costs little traffic.

DEBUG KULA-DROP and KULA-FLIP lose and alter one node's copy of a key, behind
the digest's back. All bytes between the nodes pass a relay, which counts them;
what an idle ring sends in the same time is subtracted, as measured before.

KULA_LONG=1: a million keys. Exit 77 where kula-ctl was not built."""

import os
import statistics
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import ring as rings  # noqa: E402
from ring import Ring, base, check, scaled  # noqa: E402

KEYS = scaled(10_000, 1_000_000)
COST_MAX = 16 * 1024
rings.ports["next"] += 1000  # it runs beside other tests
MENDED_S = 300  # only to end a hang


def fill(ring):
    client = ring.nodes[0].client(60)
    for at in range(0, KEYS, 1000):
        words = ["MSET"]
        for i in range(at, min(at + 1000, KEYS)):
            words += [f"key:{i}", f"value of {i}"]
        start = time.monotonic()
        reply = client(*words)
        check(reply == "+OK", f"MSET from key:{at}",
              (reply, time.monotonic() - start))
    client.close()


class Traffic:
    """Bytes between the nodes, a sample a second."""

    def __init__(self, ring):
        self.ring = ring

    def now(self):
        return self.ring.net.order()

    def usual(self, seconds):
        """The mean of a quiet second, and how much ten of them vary."""
        samples = [self.now()]
        for _ in range(seconds):
            time.sleep(1)
            samples.append(self.now())
        steps = [b - a for a, b in zip(samples, samples[1:])]
        return statistics.mean(steps), steps

    def wait_quiet(self):
        """Until what follows a bulk of writes is over."""
        quiet = 0
        for _ in range(120):
            before = self.now()
            time.sleep(1)
            quiet = quiet + 1 if self.now() - before < 32768 else 0
            if quiet == 3:
                return
        check(False, "an idle ring becomes quiet", self.now() - before)


def sent_by_keepers(ring):
    return sum(int(node.facts("KULA.REPAIR", "STATUS")["bytes_sent"][1:])
               for node in ring.nodes)


def damage(ring, traffic, usual, kind, node, key):
    what = f"{kind} {key} at node {node.index}"
    clients = [n.client(60) for n in ring.nodes]
    good = [client("KULA.LOCAL", key) for client in clients]
    check(good[0] is not None and good[1:] == good[:1] * 2, f"{what}: before",
          good)
    before, keepers = traffic.now(), sent_by_keepers(ring)
    start = time.monotonic()
    reply = clients[node.index]("DEBUG", kind, key)
    check(reply == "+OK", what, reply)
    hurt = clients[node.index]("KULA.LOCAL", key)
    check(hurt != good[0], f"{what}: it is hurt", hurt)
    now = hurt
    while now != good[0] and time.monotonic() - start < MENDED_S:
        time.sleep(0.1)
        now = clients[node.index]("KULA.LOCAL", key)
    took = time.monotonic() - start
    check(now == good[0], f"{what}: mended, without a read", now)
    check([client("KULA.LOCAL", key) for client in clients] == good,
          f"{what}: the others are as before")
    time.sleep(1)  # what is still under way
    seconds = time.monotonic() - start
    cost = traffic.now() - before - usual * seconds
    print(f"{what}: mended after {took:.1f} s, {cost / 1024:.1f} KB more than "
          f"idle in {seconds:.1f} s; keepers sent "
          f"{(sent_by_keepers(ring) - keepers) / 1024:.1f} KB in all",
          flush=True)
    for client in clients:
        client.close()
    return cost, seconds


def test_repair():
    ring = Ring(3, way="relay")
    try:
        ring.start()
        fill(ring)
        ring.wait_healthy("healthy after filling", 300)
        traffic = Traffic(ring)
        traffic.wait_quiet()
        usual, steps = traffic.usual(scaled(5, 60))
        print(f"{KEYS} keys; an idle ring sends {usual / 1024:.2f} KB/s in all "
              f"({min(steps)} to {max(steps)} bytes)", flush=True)
        hurts = [("KULA-DROP", 0), ("KULA-FLIP", 1)]
        if rings.LONG:
            hurts += [("KULA-FLIP", 2), ("KULA-DROP", 1), ("KULA-FLIP", 0),
                      ("KULA-DROP", 2)]
        for place, (kind, at) in enumerate(hurts):
            node = ring.nodes[at]
            cost, seconds = damage(ring, traffic, usual, kind, node,
                                   f"key:{KEYS // 3 + place}")
            check(cost < COST_MAX, f"{kind}: costs less than {COST_MAX} bytes",
                  (cost, seconds))
            traffic.wait_quiet()
        keys = [f"key:{i}" for i in range(0, KEYS, scaled(10, 100))]
        check(not ring.differing(keys), "copies agree")
        ring.stop()
    finally:
        ring.abandon()


if __name__ == "__main__":
    rings.run_tests(globals())
