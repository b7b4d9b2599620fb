#!/usr/bin/env python3
"""A full ring: three nodes that evict, one with less memory than the others.
All stay below their limits, go on serving, keep what is hot, and end with the
same copies.

KULA_LONG=1: an hour. KULA_SECONDS: any other time."""

import os
import random
import sys
import time

sys.dont_write_bytecode = True
import ring as rings  # noqa: E402
from ring import base, check, wait_until  # noqa: E402

SECONDS = float(os.environ.get("KULA_SECONDS", rings.scaled(20, 3600)))
MIB = 1024 * 1024
LIMITS = (96, 64, 96)
KEYS, VALUE = 400_000, 700  # 300 MB of them
BATCH = 300


def key_of(rng):
    """A few keys get most reads."""
    return b"key:%d" % int(KEYS * rng.random() ** 4)


def cache(ring, seconds):
    """What a cache does: read; what is not there is set. Hits and reads of the
    last third of the time."""
    rng = random.Random(1)
    blob = rng.randbytes(64 * 1024)
    clients = [node.client() for node in ring.nodes]
    begin, hits, reads, largest = time.monotonic(), 0, 0, [0] * len(clients)
    refused, turn = [], 0
    while time.monotonic() < begin + seconds:
        client = clients[turn % len(clients)]
        turn += 1
        keys = [key_of(rng) for _ in range(BATCH)]
        found = client.many([("GET", key) for key in keys])
        if time.monotonic() > begin + seconds * 2 / 3:
            hits += sum(value is not None for value in found)
            reads += BATCH
        missing = [key for key, value in zip(keys, found) if value is None]
        sets = []
        for key in missing:
            at = rng.randrange(len(blob) - VALUE)
            sets.append(("SET", key, blob[at:at + VALUE]))
        if sets:
            refused += [r for r in client.many(sets) if r != "+OK"]
        if turn % 8 == 0:
            for i, node in enumerate(ring.nodes):
                largest[i] = max(largest[i], node.memory())
    for client in clients:
        client.close()
    return hits / max(reads, 1), reads, refused, largest


def test_full_ring():
    ring = rings.Ring(3)
    common = list(ring.options) + ["--maxmemory-policy", "allkeys-lru"]
    for node, limit in zip(ring.nodes, LIMITS):
        ring.options = common + ["--maxmemory", f"{limit}mb"]
        node.start()
    ring.options = common
    try:
        ring.wait_healthy("a ring of three comes up")
        ratio, reads, refused, largest = cache(ring, SECONDS)
        print(f"{reads} reads at the end, {ratio:.1%} hits, "
              f"{[m // MIB for m in largest]} MiB at most")
        # on a busy machine an answer may come too late, now and then
        late = [r for r in refused if r.startswith("-UNCERTAIN")]
        check(refused == late and len(late) * 1000 <= reads,
              "no write is refused", (len(refused), refused[:3]))
        for limit, most in zip(LIMITS, largest):
            check(most <= limit * MIB * 1.03, f"{limit} MiB are kept",
                  most / MIB)
        check(ratio > 0.45, "what is hot stays", ratio)

        def counts():
            return [node.ask("DBSIZE") for node in ring.nodes]

        check(wait_until(lambda: len(set(counts())) == 1, 60),
              "all count the same keys", counts())
        rng = random.Random(2)
        sample = sorted({key_of(rng).decode() for _ in range(5000)})
        differing = {}

        def alike():
            differing.clear()
            differing.update(ring.differing(sample))
            return not differing

        check(wait_until(alike, 60), "all hold the same copies",
              list(differing.items())[:3])
        print("keys:", counts())
        ring.stop()
    finally:
        ring.abandon()


if __name__ == "__main__":
    rings.run_tests(globals())
