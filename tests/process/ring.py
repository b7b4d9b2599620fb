"""Rings of real servers: started, hurt, looked at. A library.

A ring lives on loopback, its bus connections through tests/support/relay.py if
it is to be partitioned there; or in network namespaces, one for each node, on
a bridge (root and `ip netns` are needed): then a partition is a neighbour
entry that leads nowhere, so packets vanish in one direction, silently."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import test_process as base  # noqa: E402

check, wait_until = base.check, base.wait_until
LONG = os.environ.get("KULA_LONG") == "1"
CTL = os.path.join(os.path.dirname(base.SERVER), "kula-ctl")
RELAY = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir,
                     "support", "relay.py")
BUS_ABOVE = 10000
SECRET = "a secret of sixteen bytes or more"
# Below those that the kernel gives to clients, and so is the bus above it.
ports = {"next": int(os.environ.get("KULA_PORT", "21000"))}


# Ended from outside, a test still ends its nodes.
signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))


def scaled(short, long):
    return long if LONG else short


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def ring_port():
    """A port that is free, as is the one of the bus above it."""
    while True:
        ports["next"] += 1
        port = ports["next"]
        if is_free(port) and is_free(port + BUS_ABOVE):
            return port


class Conn:
    """A connection with just enough RESP; any failure is an OSError."""

    def __init__(self, host, port, timeout=20):
        self.sock = socket.create_connection((host, port), timeout)
        self.sock.settimeout(timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile("rb", 65536)

    @staticmethod
    def pack(args):
        out = [b"*%d\r\n" % len(args)]
        for arg in args:
            data = arg if isinstance(arg, bytes) else str(arg).encode()
            out.append(b"$%d\r\n%s\r\n" % (len(data), data))
        return b"".join(out)

    def reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            if rest == b"-1":
                return None
            data = self.file.read(int(rest) + 2)
            if len(data) != int(rest) + 2:
                raise ConnectionError("closed")
            return data[:-2]
        if kind == b"*":
            return None if rest == b"-1" else \
                [self.reply() for _ in range(int(rest))]
        return line[:-2].decode(errors="replace")

    def __call__(self, *args):
        self.sock.sendall(self.pack(args))
        return self.reply()

    def many(self, commands):
        """Replies to all, sent in batches."""
        out = []
        for at in range(0, len(commands), 200):
            batch = commands[at:at + 200]
            self.sock.sendall(b"".join(map(self.pack, batch)))
            out += [self.reply() for _ in batch]
        return out

    def close(self):
        self.file.close()
        self.sock.close()


def pairs(flat):
    return {flat[i].decode(): flat[i + 1] for i in range(0, len(flat), 2)}


class Node:
    """One server: its folder, its log, its process (None: not running)."""

    def __init__(self, ring, index, port):
        self.ring, self.index, self.port = ring, index, port
        self.dir = tempfile.mkdtemp(dir=base.root)
        self.log_path = self.dir + ".log"
        self.process, self.host = None, "127.0.0.1"
        self.space, self.announced = None, "127.0.0.1"
        self.is_stopped = False

    def start(self):
        words = [base.SERVER, "--port", self.port, "--dir", self.dir,
                 "--rack", f"r{self.index}", "--ring-name", self.ring.name,
                 "--enable-debug-command", "yes", "--ring-seeds",
                 *self.ring.seeds()]
        if self.space:
            words[:0] = ["ip", "netns", "exec", self.space]
            words += ["--bind", self.host, "--bus-bind", self.host,
                      "--protected-mode", "no"]
        else:
            words += ["--bind", "127.0.0.1", *([self.announced] if
                      self.announced != "127.0.0.1" else [])]
            if self.announced != "127.0.0.1":
                words += ["--announce-address", self.announced]
        words += self.ring.options
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                list(map(str, words)), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT)
        return self

    def log(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def client(self, timeout=20):
        return Conn(self.host, self.port, timeout)

    def ask(self, *args):
        client = self.client()
        try:
            return client(*args)
        finally:
            client.close()

    def facts(self, *args):
        return pairs(self.ask(*args))

    def is_there(self):
        return self.process is not None and self.process.poll() is None

    def memory(self):
        with open(f"/proc/{self.process.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def kill(self):
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.is_stopped = True
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)
        self.is_stopped = False

    def stop(self):
        """Ends it as it should end."""
        if not self.is_there():
            return
        if self.is_stopped:
            self.go_on()
        self.process.terminate()
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
            check(False, f"node {self.index} ends within 30 s", self.tail())
        check(code == 0, f"node {self.index} ends with 0", (code, self.tail()))

    def tail(self):
        return "\n" + "".join(self.log().splitlines(True)[-15:])

    def look_at_log(self):
        log = self.log()
        for word in ("Sanitizer", "runtime error", "crash report",
                     "Assertion", "assertion"):
            check(word not in log, f"node {self.index}: {word}",
                  self.tail() if word in log else "")


class Relay:
    """tests/support/relay.py, running."""

    def __init__(self, nodes):
        self.process = subprocess.Popen(
            [sys.executable, RELAY], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)
        for node in nodes:
            node.announced = f"127.0.1.{node.index + 1}"
            bus = node.port + BUS_ABOVE
            self.order(listen=[node.announced, bus], to=["127.0.0.1", bus],
                       node=node.index)

    def order(self, **order):
        order = {name.rstrip("_"): value for name, value in order.items()}
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def learn(self, nodes):
        for node in nodes:
            if node.is_there():
                self.order(id=node.ring.id_of(node), node=node.index)

    def stall(self, source, target):
        self.order(rule="stall", from_=source.index, to=target.index)

    def rule(self, rule, source, target, seconds):
        """delay, or alter or shorten one of so many pieces."""
        self.order(rule=rule, from_=source.index, to=target.index,
                   seconds=seconds)

    def open(self, source, target):
        self.order(rule="open", from_=source.index, to=target.index)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


def ip(*words):
    return subprocess.run(["ip", *map(str, words)], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


class Spaces:
    """A network namespace for each node, a bridge between them."""
    count = 0

    def __init__(self, nodes):
        Spaces.count += 1
        self.tag = f"k{os.getpid() % 100000}{chr(96 + Spaces.count)}"
        self.net = f"10.{200 + os.getpid() % 50}.{Spaces.count}"
        self.names = []
        ok = ip("link", "add", self.tag, "type", "bridge") and \
            ip("addr", "add", f"{self.net}.254/24", "dev", self.tag) and \
            ip("link", "set", self.tag, "up")
        for node in nodes:
            ok = ok and self.add(node)
        if not ok:
            self.close()
            raise OSError("no network namespaces here")

    def add(self, node):
        space, veth = f"{self.tag}n{node.index}", f"{self.tag}v{node.index}"
        if not ip("netns", "add", space):
            return False
        self.names.append(space)
        node.host = f"{self.net}.{node.index + 1}"
        node.space = space
        return ip("link", "add", veth, "type", "veth", "peer", "name", "eth0",
                  "netns", space) and \
            ip("link", "set", veth, "master", self.tag, "up") and \
            ip("-n", space, "addr", "add", f"{node.host}/24", "dev",
               "eth0") and \
            ip("-n", space, "link", "set", "lo", "up") and \
            ip("-n", space, "link", "set", "eth0", "up")

    def learn(self, nodes):
        pass

    def stall(self, source, target):
        """What source sends to target is lost."""
        if not ip("-n", source.space, "neigh", "replace", target.host, "lladdr",
                  "02:00:00:00:00:01", "dev", "eth0", "nud", "permanent"):
            raise OSError("cannot drop packets")

    def open(self, source, target):
        ip("-n", source.space, "neigh", "del", target.host, "dev", "eth0")

    def close(self):
        for name in self.names:
            ip("netns", "del", name)
        ip("link", "del", self.tag)


def can_have_spaces():
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    try:
        Spaces([Node(None, 0, 0)]).close()
    except OSError:
        return False
    return True


class Ring:
    """way: "" loopback, "relay" loopback with a relay, "spaces"."""

    def __init__(self, count, *options, way="", name="test-ring"):
        self.name = name
        self.options = list(options) + ["--io-threads", "2"]
        self.nodes = [Node(self, i, ring_port()) for i in range(count)]
        self.net = None
        if way == "relay":
            self.net = Relay(self.nodes)
        elif way == "spaces":
            self.net = Spaces(self.nodes)
            self.options += ["--ring-secret", SECRET]
        self.cuts = []

    def seeds(self):
        return [f"{node.host if node.space else node.announced}:"
                f"{node.port + BUS_ABOVE}" for node in self.nodes]

    def start(self):
        for node in self.nodes:
            node.start()
        self.wait_healthy("a ring of %d comes up" % len(self.nodes))
        if self.net:
            self.net.learn(self.nodes)
        if isinstance(self.net, Relay):
            for node in self.nodes:  # so that all callers are known
                self.net.order(cut=node.index)
            self.wait_healthy("it is healthy after all links broke")
        return self

    def status(self, *more, node=None):
        node = node or next(n for n in self.nodes
                            if n.is_there() and not n.is_stopped)
        done = subprocess.run(
            [CTL, "-h", node.host, "-p", str(node.port), *more],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=400)
        return done.returncode, done.stdout.decode()

    def wait_healthy(self, what, seconds=120):
        """True once every node that runs calls the ring healthy."""
        for node in self.nodes:
            if not node.is_there():
                continue
            code, out = self.status("status", "--nodes", str(len(self.nodes)),
                                    f"--wait={seconds}", node=node)
            check(code == 0, what, (code, out,
                                    [n.tail() for n in self.nodes]
                                    if code != 0 else ""))
            if code != 0:
                return False
        return True

    def id_of(self, node):
        own = [n for n in map(pairs, node.ask("KULA.NODES"))
               if n["self"] in (":1", "#t")]
        return own[0]["id"].decode()

    def cut(self, one_side):
        """Nothing passes between these nodes and the others."""
        self.cuts = [(a, b) for a in self.nodes for b in self.nodes
                     if (a in one_side) != (b in one_side)]
        for source, target in self.cuts:
            self.net.stall(source, target)

    def cut_one_way(self, source, target):
        self.cuts.append((source, target))
        self.net.stall(source, target)

    def heal(self):
        for source, target in self.cuts:
            self.net.open(source, target)
        self.cuts = []

    def copies(self, keys):
        """What each node holds of these keys: {key: [answers]}."""
        columns = []
        for node in self.nodes:
            client = node.client(60)
            columns.append(client.many([("KULA.LOCAL", k) for k in keys]))
            client.close()
        return {key: [column[i] for column in columns]
                for i, key in enumerate(keys)}

    def differing(self, keys):
        """A copy that is not there and a tombstone are the same to a reader,
        so they are here."""
        def seen(copy):
            return None if copy is None or isinstance(copy, str) or \
                copy[0] is None else copy

        return {key: row for key, row in self.copies(keys).items()
                if any(seen(copy) != seen(row[0]) for copy in row)}

    def stop(self):
        try:
            for node in self.nodes:
                node.stop()
                if node.process is not None:
                    node.look_at_log()
        finally:
            if self.net:
                self.net.close()

    def abandon(self):
        """After a failure of the test itself: leave no process."""
        for node in self.nodes:
            if node.is_there():
                node.process.kill()
                node.process.wait()
        if self.net:
            self.net.close()


def run_tests(names):
    """Ends the process: the test_ functions of the dictionary NAMES, instead
    of those of one node, are run as test_process runs its own."""
    if not os.path.exists(CTL):
        print("kula-ctl was not built (no hiredis)")
        sys.exit(77)
    for name in [name for name in vars(base) if name.startswith("test_")]:
        delattr(base, name)
    for name, test in list(names.items()):
        if name.startswith("test_"):
            setattr(base, name, test)
    sys.exit(base.main())
