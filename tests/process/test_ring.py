#!/usr/bin/env python3
"""Rings of real servers under load while nodes are killed, stopped, cut off.

Three nodes, three copies, quorums of two. Clients send at fixed times; how many
requests may be bad (an error, or no answer within 100 ms) is counted in what
these clients send in a second, less what is usual on this machine before
anything happens. Everything acknowledged is there afterwards, all copies agree,
and in strict mode no lock is held twice.

KULA_LONG=1: more clients, longer faults. Names of tests as arguments: those
only. Needs nothing but Python; exit 77 where kula-ctl was not built."""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import ring as rings  # noqa: E402
from ring import Ring, base, check, scaled, wait_until  # noqa: E402
from ring_load import TIMEOUT_S, Load, Locks  # noqa: E402

KILL_S, EVENT_S = 1, 2  # how many seconds' worth of requests may be bad


def partition_way():
    if rings.can_have_spaces():
        return "spaces"
    print("no network namespaces here: partitions by a relay on loopback")
    return "relay"


class Story:
    """A ring under load, what is done to it, what that costs."""

    def __init__(self, ring, load):
        self.ring, self.load = ring, load
        self.windows = []  # (what, start, seconds' worth, must all succeed)

    def event(self, what, act, worth, seconds):
        self.windows.append((what, time.monotonic(), worth))
        act()
        time.sleep(seconds)

    def healthy_again(self, what):
        """The ring is whole; then each client goes back to its node. From the
        return on, no request fails."""
        ok = self.ring.wait_healthy(f"{what}: the ring is healthy again")
        if ok:
            self.event(f"{what}, clients are back", self.load.go_home, 0, 2)
        return ok

    def kill_and_restart(self, node, seconds):
        what = f"node {node.index} killed"
        self.event(what, node.kill, KILL_S, seconds)
        self.event(f"{what}, it returns", node.start, 0, 0)
        return self.healthy_again(what)

    def stop_and_continue(self, node, seconds):
        what = f"node {node.index} stopped for {seconds} s"
        self.event(what, node.pause, EVENT_S, seconds)
        self.event(f"{what}, it goes on", node.go_on, EVENT_S, 4)
        return self.healthy_again(what)

    def cut_off(self, node, seconds):
        what = f"node {node.index} cut off for {seconds} s"
        self.event(what, lambda: self.ring.cut([node]), EVENT_S, 0)
        ask_the_smaller_side(self.load, node, seconds)
        self.event(f"{what}, healed", self.ring.heal, EVENT_S, 4)
        return self.healthy_again(what)

    def one_way(self, source, target, seconds):
        what = f"node {source.index} not heard by {target.index}"
        self.event(what, lambda: self.ring.cut_one_way(source, target),
                   EVENT_S, seconds)
        self.event(f"{what}, healed", self.ring.heal, EVENT_S, 4)
        return self.healthy_again(what)

    def judge(self):
        following = self.windows[1:] + [("", time.monotonic(), 0)]
        for (what, start, worth), (_, end, next_worth) in zip(self.windows,
                                                              following):
            # what was under way when the next node was hurt isn't counted
            rows = [row for row in self.load.between(start, end)
                    if worth or not next_worth or row[0] + row[1] < end]
            bad = self.load.bad(rows)
            failed = [row for row in bad if row[2]]
            allowed = worth * self.load.rate + self.load.noise * len(rows)
            last = max([row[0] - start for row in failed], default=0)
            print(f"{what}: {len(rows)} requests, {len(bad)} bad, "
                  f"{len(failed)} failed, the last after {last:.2f} s",
                  flush=True)
            shown = [(round(row[0] - start, 3), round(row[1], 3), *row[2:])
                     for row in failed]
            if worth > 0:
                check(len(bad) <= allowed, f"{what}: fewer bad requests than "
                      f"{worth} s have", (len(bad), allowed, shown[:5]))
            late = [row for row in shown if row[0] > worth]
            check(not late, f"{what}: none fails after {worth} s",
                  (len(late), late[:3], late[-3:]))

    def finish(self, what):
        self.load.stop()
        self.ring.wait_healthy(f"{what}: healthy in the end")
        self.judge()
        check(not self.load.wrong, f"{what}: reads",
              (len(self.load.wrong), self.load.wrong[:5],
               [(w[0], round(w[1], 3)) for w in self.windows]))
        for node in self.ring.nodes:
            self.load.verify(node, what)
        keys = self.load.keys()
        differing = self.ring.differing(keys)
        check(not differing, f"{what}: {len(keys)} keys, all copies agree",
              (len(differing), list(differing.items())[:5]))
        for node in self.ring.nodes:
            hints = node.facts("KULA.HINTS")["total"]
            check(hints == ":0", f"{what}: no hints are left", hints)


def ask_the_smaller_side(load, node, seconds):
    """After two seconds: NOQUORUM within quorum-timeout-ms + 100 ms (and what
    the slowest request took before anything happened)."""
    client = node.client(30)
    limit = int(client("CONFIG", "GET", "quorum-timeout-ms")[1]) / 1000 + 0.1
    limit += load.slowest
    until = time.monotonic() + seconds
    time.sleep(EVENT_S)
    answers = []
    while time.monotonic() < until:
        for words in (("SET", "cut:off", "x"), ("GET", "cut:off"),
                      ("INCR", "cut:number")):
            start = time.monotonic()
            reply = client(*words)
            took = time.monotonic() - start
            answers.append((words[0], round(took, 3), reply))
            check(isinstance(reply, str) and reply.startswith("-NOQUORUM"),
                  "the smaller side says NOQUORUM", answers[-1])
            check(took <= limit or load.metronome.covers(start, start + took),
                  f"within {limit:.3f} s", answers[-1])
    client.close()


def with_ring(story, *args, **more):
    ring = Ring(*args, **more)
    try:
        ring.start()
        story(ring)
        ring.stop()
    finally:
        ring.abandon()


# ---- under load -------------------------------------------------------------

def load_story(ring):
    load = Load(ring, 20, scaled(400, 1000)).start()
    locks = Locks(ring, scaled(15, 50), scaled(12, 40), seed=2).start()
    rate = load.settle(scaled(2, 5))
    print(f"{rate:.0f} requests/s, {100 * load.noise:.1f} % slow as a rule")
    story = Story(ring, load)
    a, b, c = ring.nodes
    ok = story.kill_and_restart(b, scaled(4, 20))
    ok = ok and story.stop_and_continue(c, scaled(8, 30))
    for node in (a, b, c) if rings.LONG else (a,):
        ok = ok and story.cut_off(node, scaled(6, 20))
    if rings.LONG:
        ok = ok and story.one_way(a, b, 20) and story.one_way(c, a, 20)
    for node in ring.nodes:
        ok = ok and story.kill_and_restart(node, scaled(2, 5))
    locks.stop()
    story.finish("under load")
    print(f"sloppy: {locks.taken()} locks taken, {len(locks.doubles())} held "
          "twice", flush=True)


def test_under_load():
    with_ring(load_story, 3, way=partition_way())


# ---- locks ------------------------------------------------------------------

def lock_story(ring):
    locks = Locks(ring, scaled(15, 50), scaled(12, 40), seed=3).start()
    a, b, c = ring.nodes
    phases = [("healthy", lambda: None, lambda: None, 1),
              ("killed", b.kill, b.start, scaled(3, 20)),
              ("stopped", c.pause, c.go_on, scaled(6, 30)),
              ("cut off", lambda: ring.cut([a]), ring.heal, scaled(5, 20)),
              ("stopped shortly", b.pause, b.go_on, 1)]
    if rings.LONG:
        phases += [("one way", lambda: ring.cut_one_way(b, c), ring.heal, 20),
                   ("cut off", lambda: ring.cut([b]), ring.heal, 20)]
        phases += [("killed", n.kill, n.start, 5) for n in ring.nodes]
    for name, hurt, heal, seconds in phases:
        before, start = locks.taken(), time.monotonic()
        hurt()
        time.sleep(seconds)
        during = locks.taken() - before
        heal()
        ok = ring.wait_healthy(f"locks, {name}: the ring is healthy again")
        found = locks.doubles()
        print(f"strict, {name}: {during} locks taken, {len(found)} held twice "
              "so far", flush=True)
        check(during > 0, f"locks are taken while {name}")
        check(not found, f"strict, {name}: no lock is held twice",
              [[(r[0], round(r[1] - start, 3), round(r[2] - start, 3), r[3],
                 r[4]) for r in pair] for pair in found[:3]])
        if not ok:
            break
    locks.stop()
    check(not locks.doubles(), "strict: no lock is held twice")


def test_locks():
    with_ring(lock_story, 3, "--quorum-mode", "strict", way=partition_way())


# ---- anything, in any order -------------------------------------------------

def chaos_story(ring, mode):
    """Short faults that follow each other, some before the last one is mended.
    Only what was acknowledged counts, and the locks in strict mode."""
    seed = int(os.environ.get("KULA_SEED", "1"))
    dice = random.Random(seed)
    load = Load(ring, 20, 400, seed).start()
    locks = Locks(ring, 30, 25, seed=seed).start()
    until = time.monotonic() + int(os.environ.get("KULA_CHAOS_S", "300"))
    done = []
    while time.monotonic() < until:
        node = dice.choice(ring.nodes)
        other = dice.choice([n for n in ring.nodes if n is not node])
        name, hurt, heal = dice.choice((
            ("kill", node.kill, node.start), ("stop", node.pause, node.go_on),
            ("cut off", lambda: ring.cut([node]), ring.heal),
            (f"unheard by {other.index}",
             lambda: ring.cut_one_way(node, other), ring.heal)))
        seconds = dice.choice((0.1, 0.3, 0.6, 1, 2, 5))
        done.append((round(time.monotonic(), 3), node.index, name, seconds))
        hurt()
        time.sleep(seconds)
        heal()
        if dice.random() < 0.5 or name == "kill":  # one memory at a time
            ring.wait_healthy(f"{done[-1]}: the ring is healthy again")
        else:
            time.sleep(dice.random())
        load.go_home()
    locks.stop()
    load.stop()
    ring.wait_healthy("chaos: healthy in the end")
    what = f"{mode} chaos, KULA_SEED={seed}"
    check(not load.wrong, f"{what}: reads",
          (len(load.wrong), load.wrong[:3],
           [f for f in done
            if load.wrong and f[0] < load.wrong[0][0]][-6:]))
    for node in ring.nodes:
        load.verify(node, what)
    differing = ring.differing(load.keys())
    check(not differing, f"{what}: all copies agree",
          (len(differing), list(differing.items())[:5]))
    doubles = locks.doubles()
    print(f"{what}: {len(done)} faults, {locks.taken()} locks taken, "
          f"{len(doubles)} held twice", flush=True)
    if mode == "strict":
        check(not doubles, f"{what}: no lock is held twice",
              (doubles[:3], [f for f in done
                             if doubles and f[0] < doubles[0][1][2]][-4:]))


def test_chaos():
    if not rings.LONG:
        return
    for mode in os.environ.get("KULA_MODES", "strict sloppy").split():
        with_ring(lambda ring: chaos_story(ring, mode), 3, "--quorum-mode",
                  mode, way=partition_way())


# ---- five nodes -------------------------------------------------------------

def five_story(ring):
    nodes = ring.nodes
    keys = [f"five:{i}" for i in range(scaled(500, 20000))]
    for i, node in enumerate(nodes):
        client = node.client()
        check(client("SET", f"from:{i}", i) == "+OK", "SET at each node")
        for other in nodes:
            check(other.ask("GET", f"from:{i}") == str(i).encode(),
                  "GET at each node", (i, other.index))
        client.close()
    nodes[4].kill()
    client = nodes[0].client()
    time.sleep(EVENT_S)
    replies = client.many([("SET", key, key) for key in keys])
    check(set(replies) == {"+OK"}, "four of five nodes take all writes",
          set(map(str, replies)))
    hints = sum(int(n.facts("KULA.HINTS")["total"][1:]) for n in nodes[:4])
    check(hints > 0, "stand-ins keep hints for the fifth", hints)
    nodes[4].start()
    ring.wait_healthy("five: hints drain, the ring is healthy again")
    hints = sum(int(n.facts("KULA.HINTS")["total"][1:]) for n in nodes)
    check(hints == 0, "no hint is left", hints)
    for node in nodes:
        client = node.client()
        got = client.many([("GET", key) for key in keys])
        check(got == [key.encode() for key in keys], "all keys, at each node",
              node.index)
        client.close()
    owners = {int(pairs[b"number"][1:]): i for i, pairs in enumerate(
        dict(zip(row[::2], row[1::2])) for row in own_rows(nodes))}
    held = ring.copies(keys)
    wrong = []
    for key in keys:
        slot = rings.pairs(nodes[0].ask("KULA.RING", "KEY", key))
        want = [held[key][owners[int(number[1:])]] for number in slot["owners"]]
        if len(want) != 3 or want[0] is None or want[1:] != want[:1] * 2:
            wrong.append((key, want))
    check(not wrong, "the three owners of each key hold the same",
          (len(wrong), wrong[:5]))


def own_rows(nodes):
    for node in nodes:
        for row in node.ask("KULA.NODES"):
            if rings.pairs(row)["self"] in (":1", "#t"):
                yield row


def test_five():
    with_ring(five_story, 5)


# ---- utils/start ------------------------------------------------------------

def test_start_script():
    """With the programs of this build, as utils/start would run them in a tree
    that is built in place."""
    if shutil.which("redis-cli") is None:
        print("utils/start not tried: no redis-cli")
        return
    source = os.environ.get("KULA_TOP_SRCDIR") or \
        os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    tree = tempfile.mkdtemp(dir=base.root)
    shutil.copytree(os.path.join(source, "utils"), os.path.join(tree, "utils"))
    for folder in ("src/ctl", "deps"):
        os.makedirs(os.path.join(tree, folder))
    shutil.copy(os.path.join(source, "src/ctl/local.mk"), tree + "/src/ctl")
    os.symlink(base.SERVER, tree + "/src/kula-server")
    os.symlink(rings.CTL, tree + "/src/kula-ctl")
    for name, text in (("config.status", ""), ("deps/install", "#!/bin/sh\n"),
                       ("Makefile", "src/kula-server src/kula-ctl:\n")):
        with open(os.path.join(tree, name), "w") as file:
            file.write(text)
    os.chmod(tree + "/deps/install", 0o755)
    port = rings.ring_port()
    while not all(rings.is_free(p) for i in (1, 2)
                  for p in (port + i, port + i + rings.BUS_ABOVE)):
        port = rings.ring_port()
    rings.ports["next"] = port + 2
    try:
        start_script(tree, port)
    finally:
        code, out = shell(tree + "/utils/stop")
        check(code == 0 and "has stopped" in out, "utils/stop", (code, out))
        check(wait_until(lambda: rings.is_free(port)), "the port is free")


def shell(*words):
    done = subprocess.run(list(map(str, words)), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=120)
    return done.returncode, done.stdout.decode()


def start_script(tree, port):
    start = time.monotonic()
    code, out = shell(tree + "/utils/start", "--port", port, "--",
                      "--maxmemory", "100mb")
    check(code == 0, "utils/start", (code, out))
    check(shell("redis-cli", "-p", port, "set", "gift", "armshell")[1] ==
          "OK\n", "set at the first node")
    check(shell("redis-cli", "-p", port + 2, "get", "gift")[1] ==
          "armshell\n", "get at the last")
    code, out = shell(rings.CTL, "-p", port + 1, "status", "--nodes", 3)
    took = time.monotonic() - start
    check(code == 0 and out.startswith("HEALTHY"), "kula-ctl status",
          (code, out))
    print(f"utils/start: {took:.1f} s")
    check(took < 10, "a healthy ring 10 s after the build's end", took)
    code, out = shell(tree + "/utils/start", "--port", port)
    check(code == 0 and "runs already" in out, "utils/start again", (code, out))


if __name__ == "__main__":
    assert TIMEOUT_S <= EVENT_S
    rings.run_tests(globals())
