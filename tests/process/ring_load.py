"""Clients that load a ring and remember what they were told. A library.

Load: clients send at fixed times, whether the answers come or not: what waits
for a ring that stands still is late from the moment at which it was due. Each
keeps what was acknowledged and what may have happened, and says afterwards
what is lost.

Locks: clients that take locks by SET NX PX through all nodes, and note from
when to when they held them."""

import os
import random
import threading
import time

from ring import Conn, check, pairs

SLOW_S = 0.1
TIMEOUT_S = 2.0       # a client's patience, above quorum-timeout-ms
LATE_START_S = 0.03   # this program's own delay: not the ring's fault


class Metronome:
    """When this program itself did not get to run."""

    def __init__(self):
        self.gaps, self.is_on = [], True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        last = time.monotonic()
        while self.is_on:
            time.sleep(0.01)
            now = time.monotonic()
            if now - last > 0.01 + LATE_START_S:
                self.gaps.append((last, now))
            last = now

    def covers(self, start, end):
        return any(a < end and b > start for a, b in self.gaps)


class Sender:
    """One client: a thread, a connection to one node at a time."""

    def __init__(self, load, index):
        self.load, self.index = load, index
        self.random = random.Random(load.seed * 1000 + index)
        self.requests = []  # (due, seconds, error or None, node, what)
        self.once = {}      # key: value; acknowledged, written once
        self.last, self.maybe = 0, set()  # of "roll:": acknowledged; perhaps
        self.added, self.perhaps = 0, 0   # of "count:"
        self.serial = 0
        self.written = []   # of "roll:": (when, number, node, answer)
        self.at = self.home = index % len(load.nodes)
        self.home_seen = 0
        self.conn = None
        self.thread = threading.Thread(target=self.run, daemon=True)

    def connect(self):
        if self.home_seen != self.load.homes:
            self.home_seen = self.load.homes
            if self.at != self.home:
                self.drop()
                self.at = self.home
        if self.conn is None:
            node = self.load.nodes[self.at]
            self.conn = Conn(node.host, node.port, TIMEOUT_S)
        return self.conn

    def drop(self):
        if self.conn is not None:
            self.conn.close()
            self.conn = None

    def go_elsewhere(self):
        self.drop()
        self.at = (self.at + 1) % len(self.load.nodes)

    def run(self):
        due = time.monotonic() + self.random.random() * self.load.interval
        errors = 0
        while self.load.is_on:
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            node = self.at
            try:
                error = self.step()
            except OSError as problem:
                error = repr(problem)
                self.go_elsewhere()
            # a node that is cut off says so; its clients go to another
            errors = errors + 1 if error else 0
            if error and (errors > 1 or error.startswith("-LOADING")):
                self.go_elsewhere()
            self.requests.append((due, time.monotonic() - due, error, node,
                                  self.what))
            due += self.load.interval
        self.drop()

    def step(self):
        act = self.random.choice(
            (self.set_once, self.set_once, self.roll, self.count, self.get_once,
             self.get_once, self.get_roll, self.get_other))
        self.what = act.__name__
        return act()

    def wrong(self, what, key, *detail):
        """Also what each node holds now, and who leads the key's slot."""
        seen = []
        for node in self.load.nodes:
            try:
                conn = Conn(node.host, node.port, 0.5)
                slot = pairs(conn("KULA.RING", "KEY", key))
                seen.append((conn("KULA.LOCAL", key), slot["primary"],
                             slot["tenure"], slot["settled"], slot["dirty"]))
                conn.close()
            except (OSError, TypeError) as problem:
                seen.append(repr(problem))
        self.load.wrong.append((round(time.monotonic(), 3), what, self.index,
                                self.at, key, *detail, seen,
                                self.written[-5:]))

    def set_once(self):
        conn = self.connect()
        self.serial += 1
        key = f"once:{self.index}:{self.serial}"
        value = f"{key}={self.random.random()}"
        self.load.asked.append(key)
        reply = conn("SET", key, value)
        if reply != "+OK":
            return reply
        self.once[key] = value.encode()
        return None

    def get_once(self):
        if not self.once:
            return None
        key = f"once:{self.index}:{self.random.randint(1, self.serial)}"
        if key not in self.once:
            return None
        reply = self.connect()("GET", key)
        if isinstance(reply, str):
            return reply
        if reply != self.once[key]:
            self.wrong("an acknowledged value is not read", key, reply)
        return None

    def roll(self):
        conn = self.connect()
        self.serial += 1
        number = self.serial
        self.maybe.add(number)
        reply = conn("SET", f"roll:{self.index}", number)
        self.written.append((round(time.monotonic(), 3), number, self.at,
                             reply))
        if reply != "+OK":
            if reply.startswith("-NOQUORUM"):
                self.maybe.discard(number)
            return reply
        self.maybe.discard(number)
        self.last = number
        return None

    def get_roll(self):
        if self.last == 0:
            return None
        reply = self.connect()("GET", f"roll:{self.index}")
        if isinstance(reply, str):
            return reply
        if reply is None or (int(reply) != self.last and
                             int(reply) not in self.maybe):
            self.wrong("an old or unknown value is read", f"roll:{self.index}",
                       reply, self.last, sorted(self.maybe)[-5:])
        return None

    def count(self):
        conn = self.connect()
        self.perhaps += 1
        reply = conn("INCR", f"count:{self.index}")
        if reply.startswith(":"):
            self.perhaps -= 1
            self.added += 1
            return None
        if reply.startswith("-NOQUORUM"):
            self.perhaps -= 1
        return reply

    def get_other(self):
        reply = self.connect()("GET", f"roll:{(self.index + 1) % 7}")
        return reply if isinstance(reply, str) else None

    def verify(self, conn, say):
        keys = list(self.once)
        for key, reply in zip(keys, conn.many([("GET", k) for k in keys])):
            if reply != self.once[key]:
                say("lost", key, reply)
        reply = conn("GET", f"roll:{self.index}")
        if self.last and (reply is None or isinstance(reply, str) or
                          int(reply) not in self.maybe | {self.last}):
            say("lost", f"roll:{self.index}", reply, self.last)
        reply = conn("GET", f"count:{self.index}")
        number = int(reply or 0) if not isinstance(reply, str) else -1
        if not self.added <= number <= self.added + self.perhaps:
            say("counter", f"count:{self.index}", reply, self.added,
                self.perhaps)


class Load:
    def __init__(self, ring, clients, rate, seed=1):
        self.nodes, self.seed = ring.nodes, seed
        self.interval = clients / rate
        self.is_on, self.homes = True, 0
        self.wrong, self.asked = [], []
        self.metronome = Metronome()
        self.senders = [Sender(self, i) for i in range(clients)]

    def start(self):
        for sender in self.senders:
            sender.thread.start()
        return self

    def settle(self, seconds=2):
        """Slower until this machine keeps up; then measures what is usual."""
        while True:
            time.sleep(1)
            start = time.monotonic()
            time.sleep(seconds)
            rows = self.between(start, time.monotonic() - SLOW_S)
            self.usual = self.bad(rows)
            self.rate = len(rows) / max(seconds - SLOW_S, 0.1)
            self.noise = len(self.usual) / max(len(rows), 1)
            self.slowest = max([row[1] for row in rows], default=0)
            if self.noise < 0.02 or self.interval > 1:
                return self.rate
            self.interval *= 1.5

    def go_home(self):
        """Each client to its own node again, before its next request."""
        self.homes += 1

    def between(self, start, end):
        return sorted((row for sender in self.senders
                       for row in list(sender.requests)
                       if start <= row[0] < end), key=lambda row: row[0])

    def bad(self, rows):
        return [row for row in rows if row[2] is not None or
                (row[1] > SLOW_S and
                 not self.metronome.covers(row[0], row[0] + row[1]))]

    def stop(self):
        self.is_on = False
        for sender in self.senders:
            sender.thread.join(30)
        self.metronome.is_on = False

    def keys(self):
        return self.asked + [f"{kind}:{sender.index}"
                             for sender in self.senders
                             for kind in ("roll", "count")]

    def verify(self, node, what):
        losses = []
        conn = node.client(60)
        for sender in self.senders:
            sender.verify(conn, lambda *words: losses.append(words))
        conn.close()
        check(not losses, f"{what}: nothing acknowledged is lost, asking node "
              f"{node.index}", (len(losses), losses[:10]))


class Locker:
    """Takes locks, and gives half of them back; the others expire."""

    def __init__(self, locks, index):
        self.locks, self.index = locks, index
        self.random = random.Random(locks.seed * 1000 + index)
        self.at = index % len(locks.nodes)
        self.held = []  # (lock, from, to, token, node)
        self.tries = self.failures = 0
        self.conn = None
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while self.locks.is_on:
            time.sleep(self.random.random() * 2 * self.locks.pause)
            try:
                if self.conn is None:
                    node = self.locks.nodes[self.at]
                    self.conn = Conn(node.host, node.port, TIMEOUT_S)
                self.take()
            except OSError:
                self.failures += 1
                if self.conn is not None:
                    self.conn.close()
                    self.conn = None
                self.at = self.random.randrange(len(self.locks.nodes))
        if self.conn is not None:
            self.conn.close()

    def take(self):
        lock = f"lock:{self.random.randrange(self.locks.count)}"
        token = f"{self.index}.{os.urandom(8).hex()}"
        self.tries += 1
        sent = time.monotonic()
        reply = self.conn("SET", lock, token, "NX", "PX", self.locks.px_ms)
        got = time.monotonic()
        if reply != "+OK":
            if reply is not None:
                self.failures += 1
            if self.random.random() < 0.1:  # through all nodes
                self.conn.close()
                self.conn = None
                self.at = self.random.randrange(len(self.locks.nodes))
            return
        end = sent + self.locks.px_ms / 1000 - self.locks.margin_s
        if end <= got:
            return
        place = len(self.held)
        self.held.append((lock, got, end, token, self.at))
        if self.random.random() < 0.5:
            time.sleep(self.random.random() * (end - got) / 2)
            self.give_back(lock, token, place)

    def give_back(self, lock, token, place):
        """Without scripts: only if nobody else has it meanwhile."""
        if not self.conn("WATCH", lock).startswith("+OK"):
            return
        mine = self.conn("GET", lock) == token.encode()
        if not mine:
            self.conn("UNWATCH")
            return
        self.conn("MULTI")
        self.conn("DEL", lock)
        lock, got, end, token, node = self.held[place]
        self.held[place] = (lock, got, min(end, time.monotonic()), token, node)
        self.conn("EXEC")


class Locks:
    def __init__(self, ring, clients, count, px_ms=300, pause=0.05, seed=1):
        self.nodes, self.count, self.px_ms = ring.nodes, count, px_ms
        self.pause, self.seed, self.is_on = pause, seed, True
        self.margin_s = 0.02
        self.lockers = [Locker(self, i) for i in range(clients)]

    def start(self):
        for locker in self.lockers:
            locker.thread.start()
        return self

    def stop(self):
        self.is_on = False
        for locker in self.lockers:
            locker.thread.join(30)

    def taken(self):
        return sum(len(locker.held) for locker in self.lockers)

    def doubles(self):
        """Pairs that held one lock at the same time."""
        rows = sorted(row for locker in self.lockers for row in locker.held)
        found, widest = [], None
        for row in rows:
            if widest is not None and widest[0] == row[0] and \
                    row[1] < widest[2] and row[1] < row[2]:
                found.append((widest, row))
            if widest is None or widest[0] != row[0] or row[2] > widest[2]:
                widest = row
        return found
