#!/usr/bin/env python3
"""maxmemory is a promise: resident memory stays below it plus 3 %, whatever
sizes are written over each other; and a server that may not evict says so,
and goes on serving.

KULA_LONG=1: an hour. KULA_SECONDS: any other time. KULA_SEED: of the writes."""

import os
import random
import shutil
import sys
import time

sys.dont_write_bytecode = True
import hostile_peer as peer  # noqa: E402
from hostile_peer import LONG, MIB, check, command  # noqa: E402

SEED = int(os.environ.get("KULA_SEED", "1"))
SECONDS = float(os.environ.get("KULA_SECONDS", 3600 if LONG else 14))
OOM = b"-OOM command not allowed when used memory > 'maxmemory'."

# Least and most bytes of a value; a phase draws from some of them. What one
# size leaves behind the next one has to use.
SMALL, MIDDLE, LARGE, HUGE = (1, 100), (100, 4000), (4000, 70_000), \
    (100_000, MIB)
PHASES = ((SMALL,), (MIDDLE,), (SMALL, MIDDLE), (LARGE,),
          (SMALL, MIDDLE, LARGE), (HUGE, SMALL), (SMALL,), (LARGE, MIDDLE),
          (SMALL, MIDDLE, LARGE, HUGE))


def batch(rng, blob, sizes, keys, deletes):
    """Commands of some 256 KiB, and how many."""
    parts, used, count = [], 0, 0
    while used < 256 * 1024 and count < 800:
        key = b"key:%d" % rng.randrange(keys)
        if deletes and rng.random() < 0.02:
            parts.append(command("DEL", key))
        else:
            least, most = rng.choice(sizes)
            # as many of each power of two
            size = min(most, int(least * (most / least) ** rng.random()) + 1)
            at = rng.randrange(len(blob) - size)
            parts.append(b"*3\r\n$3\r\nSET\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" %
                         (len(key), key, size, blob[at:at + size]))
            used += size
        count += 1
    return b"".join(parts), count


def overwrite(server, limit, seconds):
    """Random overwriting at the limit; returns the bytes written."""
    rng = random.Random(SEED)
    blob = rng.randbytes(2 * MIB)
    clients = [server.client() for _ in range(4)]
    begin, written, turn = time.monotonic(), 0, 0
    phase_seconds = min(seconds / len(PHASES), 60)
    while time.monotonic() < begin + seconds:
        sizes = PHASES[int((time.monotonic() - begin) / phase_seconds)
                       % len(PHASES)]
        middle = sum((most - least) / 5 + least for least, most in sizes) \
            / len(sizes)
        keys = max(100, int(3 * limit / middle))  # three times what fits
        waiting = []
        for client in clients:
            text, count = batch(rng, blob, sizes, keys, turn % 3 == 0)
            client.sock.sendall(text)
            written += len(text)
            waiting.append((client, count))
            turn += 1
        for client, count in waiting:
            for _ in range(count):
                line = client.line()
                if line[:1] not in b"+:":
                    check(False, "a write at the limit", line)
                    return written
    for client in clients:
        client.close()
    return written


def memory_used(client):
    fields = dict(line.split(":", 1) for line in
                  client("INFO").decode().splitlines() if ":" in line)
    return fields


def test_evicting(threads, mib, policy, seconds):
    limit = mib * MIB
    server = peer.Server("--io-threads", threads, "--maxmemory", limit,
                         "--maxmemory-policy", policy)
    sampler, neighbour = peer.Sampler(server), peer.Neighbour(server)
    written = overwrite(server, limit, seconds)
    with server.client() as client:
        fields = memory_used(client)
        keys = client("DBSIZE")
    neighbour_error = None
    if policy != "allkeys-random" and neighbour.error is not None:
        # its keys are the hottest of all, yet they may be evicted
        if "wrong replies" not in neighbour.error:
            neighbour_error = neighbour.error
    neighbour.stop()
    sampler.stop()
    peak = max(sampler.peak, server.rss_peak())
    share = peak / limit - 1
    name = f"{policy}, {mib} MiB, {threads} threads"
    check(share <= 0.03 or peer.SANITIZED,
          f"{name}: resident memory is at most 3 % above maxmemory",
          f"{100 * share:.1f} %")
    check(written > 2 * limit, f"{name}: enough was written", written)
    check(int(fields["evicted_keys"]) > 0, f"{name}: keys were evicted")
    check(peer.SANITIZED or keys * 1.0 > 100, f"{name}: keys are left", keys)
    check(neighbour_error is None, f"{name}: others are served",
          neighbour_error)
    check(server.stop() == 0, f"{name}: exit status")
    check(not server.reports(), f"{name}: the log", server.log()[-4000:])
    print(f"{name}: {written // MIB} MiB written, peak {100 * share:+.2f} %, "
          f"{fields['evicted_keys']} evicted, {keys} keys, seed {SEED}",
          flush=True)
    server.clean()


# What a full server refuses, and what it does not. The last column: the reply
# where the same is true whatever was stored before.
FULL = (
    (("SET", "new", "v"), OOM),
    (("SETNX", "new", "v"), OOM),
    (("SETEX", "new", "100", "v"), OOM),
    (("MSET", "new", "v", "newer", "v"), OOM),
    (("APPEND", "new", "v"), OOM),
    (("INCR", "new"), OOM),
    (("INCRBYFLOAT", "new", "1.5"), OOM),
    (("SETRANGE", "new", "0", "v"), OOM),
    (("SETBIT", "new", "0", "1"), OOM),
    (("BITFIELD", "new", "SET", "u8", "0", "1"), OOM),
    (("BITOP", "NOT", "new", "kept"), OOM),
    (("GETSET", "new", "v"), OOM),
    (("COPY", "kept", "new"), OOM),
    (("GET", "kept"), b"value"),
    (("MGET", "kept", "none"), [b"value", None]),
    (("EXISTS", "kept"), 1),
    (("STRLEN", "kept"), 5),
    (("GETRANGE", "kept", "0", "1"), b"va"),
    (("TYPE", "kept"), b"+string"),
    (("EXPIRE", "kept", "1000"), 1),
    (("PERSIST", "kept"), 1),
    (("RENAME", "kept", "kept2"), b"+OK"),
    (("RENAME", "kept2", "kept"), b"+OK"),
    (("GETEX", "kept"), b"value"),
    (("DEL", "none"), 0),
    (("PING",), b"+PONG"),
    (("MULTI",), b"+OK"),
    (("GET", "kept"), OOM),
    (("EXEC",), b"-EXECABORT Transaction discarded because of previous "
                b"errors."),
    (("MULTI",), b"+OK"),
    (("DISCARD",), b"+OK"),
    (("WATCH", "kept"), b"+OK"),
    (("UNWATCH",), b"+OK"),
)


def fill(client, limit):
    """Writes until the server refuses; the names of what it took."""
    names, refused = [], None
    value = b"v" * 10_000
    while refused is None and len(names) * len(value) < 2 * limit:
        block = [f"fill:{len(names) + i}" for i in range(50)]
        client.sock.sendall(b"".join(command("SET", name, value)
                                     for name in block))
        for name in block:
            reply = client.reply()
            if reply == b"+OK":
                names.append(name)
            else:
                refused = reply
    return names, refused


def replies_when_full(program, limit, options):
    """All replies of a server of that program, and its names when full."""
    server = peer.Server("--maxmemory", limit, "--maxmemory-policy",
                         "noeviction", *options, program=program)
    with server.client() as client:
        client("SET", "kept", "value")
        names, refused = fill(client, limit)
        # memory is measured a few times a second: be surely above it
        client("CONFIG", "SET", "maxmemory", limit // 2)
        replies = [client(*args) for args, _ in FULL]
        client("CONFIG", "SET", "maxmemory", limit)
    return server, names, refused, replies


def test_full(threads):
    limit = 64 * MIB
    name = f"noeviction, {threads} threads"
    server, names, refused, replies = replies_when_full(
        peer.SERVER, limit, ("--io-threads", threads))
    check(refused == OOM, f"{name}: the first refusal", refused)
    peak = server.rss_peak() / limit - 1
    check(peak <= 0.03 or peer.SANITIZED, f"{name}: resident memory",
          f"{100 * peak:.1f} %")
    for (args, want), got in zip(FULL, replies):
        check(got == want, f"{name}: {' '.join(args)}", got)
    with server.client() as client:
        lost = sum(client("GET", one) != b"v" * 10_000 for one in names)
        check(lost == 0, f"{name}: all that was taken is there", lost)
        half = len(names) // 2
        check(client("DEL", *names[:half]) == half, f"{name}: DEL")
        check(peer.wait_until(lambda: client("SET", "again", "v") == b"+OK"),
              f"{name}: SET after DEL")
        again = 0
        for i in range(half):
            took = client("SET", f"more:{i}", b"w" * 3000) == b"+OK"
            again += not took
            # what is free is seen a few times a second
            if not took and not peer.wait_until(lambda: client(
                    "SET", f"more:{i}", b"w" * 3000) == b"+OK"):
                check(False, f"{name}: freed memory is used again", (i, half))
                break
        check(again < 20, f"{name}: freed memory is used at once", again)
        check(client("FLUSHALL") == b"+OK" and client("DBSIZE") == 0,
              f"{name}: FLUSHALL")
    check(server.stop() == 0, f"{name}: exit status")
    check(not server.reports(), f"{name}: the log", server.log()[-4000:])
    print(f"{name}: {len(names)} values of 10 KB taken, peak "
          f"{100 * peak:+.2f} %", flush=True)
    server.clean()
    return replies


def test_same_as_redis(ours):
    program = shutil.which("redis-server")
    if program is None:
        print("redis-server is not here: replies are not compared with its")
        return
    server, _, refused, theirs = replies_when_full(program, 16 * MIB, ())
    server.stop()
    server.clean()
    check(refused == OOM, "Redis's refusal is the one that we expect", refused)
    for (args, _), one, other in zip(FULL, ours, theirs):
        check(one == other, f"as Redis: {' '.join(args)}", (one, other))


def main():
    if peer.is_sanitized():
        print("a sanitizer's memory is not what the server asks for")
        sys.exit(77)
    if LONG:
        test_evicting(2, 1024, "allkeys-lru", SECONDS)
    else:
        test_evicting(1, 200, "allkeys-lru", SECONDS * 0.6)
        test_evicting(2, 200, "allkeys-lru", SECONDS * 0.4)
    replies = test_full(1)
    test_full(2)
    test_same_as_redis(replies)
    peer.finish()


main()
