"""What hostile.py and memory.py share: a server whose memory and descriptors
are watched, a well-behaved client beside it, and ways to flood a socket."""

import atexit
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

SERVER = os.path.abspath(os.environ.get("KULA_SERVER") or os.path.join(
    os.environ.get("KULA_TOP_BUILDDIR", "."), "src/kula-server"))
MIB = 1024 * 1024
PAGE = os.sysconf("SC_PAGE_SIZE")


def is_sanitized():
    if not os.path.exists(SERVER):
        sys.exit(f"{SERVER} is not there: build it, or set KULA_TOP_BUILDDIR")
    with open(SERVER, "rb") as file:
        program = file.read()
    return b"__asan_init" in program or b"__tsan_init" in program


SANITIZED = is_sanitized()
HANG = 240 if SANITIZED else 60  # seconds: nothing here is about speed
LONG = os.environ.get("KULA_LONG") == "1"

passed = failed = 0
servers = []


def end_servers():
    """However the test ends, no server of its own outlives it."""
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()


atexit.register(end_servers)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def check(ok, what, detail=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print(f"FAILED: {what}: {detail}", flush=True)


def finish():
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition):
    deadline = time.monotonic() + HANG
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def command(*args):
    out = [b"*%d\r\n" % len(args)]
    for arg in args:
        data = arg if isinstance(arg, bytes) else str(arg).encode()
        out.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(out)


class Client:
    """A connection with just enough RESP2."""

    def __init__(self, port, receive_room=None):
        self.sock = socket.socket()
        if receive_room is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                 receive_room)
        self.sock.settimeout(HANG)
        self.sock.connect(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile("rb")

    def send(self, *args):
        self.sock.sendall(command(*args))

    def line(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError(f"connection closed after {line[:80]!r}")
        return line[:-2]

    def reply(self):
        line = self.line()
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            if rest == b"-1":
                return None
            return [self.reply() for _ in range(int(rest))]
        return int(rest) if kind == b":" else line

    def __call__(self, *args):
        self.send(*args)
        return self.reply()

    def rest(self):
        """Everything until the server closes."""
        try:
            return self.file.read()
        except ConnectionError:
            return b""

    def drop(self):
        """Closes with a reset: no trace is left in TIME_WAIT."""
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, 0))
        except OSError:
            pass
        self.close()

    def close(self):
        self.file.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Server:
    """A server in a directory of its own."""

    def __init__(self, *options, program=SERVER):
        self.port = free_port()
        self.folder = tempfile.TemporaryDirectory(prefix="kula-hostile-")
        self.path = os.path.join(self.folder.name, "log")
        environment = dict(os.environ)
        # freed memory is to be seen as free
        environment.setdefault(
            "ASAN_OPTIONS", "allocator_may_return_null=1:quarantine_size_mb=16")

        with open(self.path, "wb") as log:
            self.process = subprocess.Popen(
                [program, "--port", str(self.port), "--bind", "127.0.0.1",
                 "--dir", self.folder.name, "--save", "",
                 *map(str, options)],
                env=environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT)
        servers.append(self)
        self.pid = self.process.pid
        wait_until(lambda: "Ready to accept" in self.log()
                   or self.process.poll() is not None)
        if self.process.poll() is not None:
            raise RuntimeError("no start: " + self.log())
        wait_until(self.is_serving)

    def is_serving(self):
        """It answers -LOADING until it has founded its ring of one."""
        with self.client() as client:
            reply = client("PING")
        return not (reply or b"").startswith(b"-LOADING")

    def warm_up(self, *auth):
        """All threads have served somebody, and nobody is connected."""
        clients = [self.client() for _ in range(8)]
        for client in clients:
            if auth:
                client(*auth)
            client("PING")
        opened = self.descriptors() - len(clients)
        drop_all(clients)
        wait_until(lambda: self.descriptors() <= opened)

    def log(self):
        with open(self.path, errors="replace") as file:
            return file.read()

    def client(self, **options):
        return Client(self.port, **options)

    def rss(self):
        """Resident bytes now; 0 once the process is gone."""
        try:
            with open(f"/proc/{self.pid}/statm") as file:
                return int(file.read().split()[1]) * PAGE
        except (OSError, IndexError):
            return 0

    def rss_peak(self):
        try:
            with open(f"/proc/{self.pid}/status") as file:
                for line in file:
                    if line.startswith("VmHWM:"):
                        return int(line.split()[1]) * 1024
        except OSError:
            pass
        return 0

    def descriptors(self):
        """Open ones; those that the server opens for a moment to read its own
        /proc do not count."""
        try:
            return min(len(os.listdir(f"/proc/{self.pid}/fd"))
                       for _ in range(4))
        except OSError:
            return -1

    def stop(self):
        """The exit status of a graceful stop."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(HANG)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = "none: it did not stop"
        return code

    def reports(self):
        """Lines of the log that no healthy server writes."""
        words = ("Sanitizer", "runtime error", "crash", "ssertion", "BUG")
        return [line for line in self.log().splitlines()
                if any(word in line for word in words)]

    def clean(self):
        self.folder.cleanup()


class Neighbour(threading.Thread):
    """A well-behaved client: what it writes it reads again, on several
    connections at once and now and then on a new one."""

    def __init__(self, server, *auth):
        super().__init__(daemon=True)
        self.server = server
        self.auth = auth
        self.connections = 3
        self.renews = True
        self.rounds = 0
        self.slowest = 0.0
        self.error = None
        self.is_done = False
        self.start()

    def connect(self):
        client = self.server.client()
        if self.auth:
            client(*self.auth)
        return client

    def serve(self, client, number):
        key, value = f"neighbour:{number}", f"{self.rounds}"
        begin = time.monotonic()
        replies = [client("SET", key, value), client("GET", key)]
        self.slowest = max(self.slowest, time.monotonic() - begin)
        if replies != [b"+OK", value.encode()]:
            raise ValueError(f"wrong replies {replies}")

    def run(self):
        clients = []
        try:
            clients = [self.connect() for _ in range(self.connections)]
            while not self.is_done:
                for number, client in enumerate(clients):
                    self.serve(client, number)
                if self.renews and self.rounds % 16 == 0:
                    clients[0].drop()
                    clients[0] = self.connect()
                self.rounds += 1
                time.sleep(0.003)
        except Exception as error:  # told by whoever started the thread
            self.error = repr(error)
        for client in clients:
            client.drop()

    def wait(self, rounds):
        """Until it was served so many times more; False: not served."""
        until = self.rounds + rounds
        return wait_until(lambda: self.rounds >= until or self.error) and \
            self.error is None

    def stop(self):
        self.is_done = True
        self.join(2 * HANG)


class Sampler(threading.Thread):
    """Reads the server's resident memory all the time."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.peak = 0
        self.is_done = False
        self.start()

    def run(self):
        while not self.is_done:
            self.peak = max(self.peak, self.server.rss())
            time.sleep(0.005)

    def stop(self):
        self.is_done = True
        self.join()


def flood(clients, data, neighbour, most=None):
    """
    Sends `data` again and again to all clients and reads nothing, until the
    server has stopped reading all of them (nothing moves while the neighbour is
    served on), has closed them, or `most` bytes have gone to each. Returns the
    bytes sent to each and the set of those that were closed.
    """
    sent = [0] * len(clients)
    closed = set()
    by_fd = {client.sock.fileno(): i for i, client in enumerate(clients)}
    poll = select.poll()
    for client in clients:
        client.sock.setblocking(False)
        poll.register(client.sock, select.POLLOUT)
    view = memoryview(data)
    left = len(clients)
    since, rounds = time.monotonic(), neighbour.rounds
    while left > 0 and neighbour.error is None:
        ready = poll.poll(20)
        for fd, _ in ready:
            i = by_fd[fd]
            try:
                sent[i] += clients[i].sock.send(view[sent[i] % len(data):])
                done = most is not None and sent[i] >= most
            except BlockingIOError:
                done = False
            except OSError:
                closed.add(i)
                done = True
            if done:
                poll.unregister(fd)
                left -= 1
        if ready:
            since, rounds = time.monotonic(), neighbour.rounds
        elif neighbour.rounds > rounds + 10 and \
                time.monotonic() > since + 0.25:
            break
    for client in clients:
        client.sock.settimeout(HANG)
    return sent, closed


def drop_all(clients):
    for client in clients:
        client.drop()


def raise_descriptor_limit():
    """Descriptors that this process may open."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > 65536:
        hard = 65536
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
