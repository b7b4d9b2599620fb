"""What the benchmarks share: servers, the load generator, tables.

A server runs in a folder of its own on a free port, pinned to its cores, and
ends with the script, however that ends. Standard library only.
"""

import ctypes
import json
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
KEY_BYTES = 16
PORTS = range(7600, 7700)
START_SECONDS = 20

ENVIRONMENT = """
environment:
  KULA_LOAD, KULA_SERVER     our binaries (default: in the folder the script is
                             called from, in ./build, or in the source tree)
  REDIS_SERVER, MEMCACHED    the peers' binaries (default: from PATH)
"""


UNAVAILABLE = 77  # exit status of a test that cannot be run here


class Missing(Exception):
    """A program that is needed is not there."""


class Failure(Exception):
    """Something the user must see as one line."""


def find_binary(variable, place):
    """`place` is a path in our build tree, or a name in PATH."""
    given = os.environ.get(variable)
    if given:
        candidates = [given]
    elif "/" in place:
        candidates = [os.path.join(base, place)
                      for base in (os.environ.get("KULA_TOP_BUILDDIR"),
                                   os.getcwd(), "build", ROOT,
                                   os.path.join(ROOT, "build")) if base]
    else:
        candidates = [shutil.which(place), "/usr/sbin/" + place]
    for path in candidates:
        if path and os.access(path, os.X_OK) and os.path.isfile(path):
            return os.path.abspath(path)
    raise Missing(f"no {place}: build or install it, or set {variable}")


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port():
    # In random order, for the sake of two scripts that start together.
    for port in random.sample(PORTS, len(PORTS)):
        if is_free(port):
            return port
    raise Failure(f"no free port in {PORTS.start}-{PORTS.stop - 1}")


LIBC = ctypes.CDLL(None)


def child_setup(cores):
    """The child dies with us, even if we are killed."""
    def setup():
        LIBC.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if cores:
            os.sched_setaffinity(0, cores)
    return setup


def usable_cores(wanted):
    """`wanted` as far as this machine has them; None when it has not."""
    return wanted if set(wanted) <= os.sched_getaffinity(0) else None


class Server:
    """A running server; use it in a `with` statement."""

    protocol = "resp"

    def __init__(self, name, command, port, folder, cores=(0,)):
        self.name, self.port, self.folder = name, port, folder
        self.log = open(os.path.join(folder, "log"), "wb")
        self.process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log, preexec_fn=child_setup(usable_cores(cores)))
        self.pid = self.process.pid

    def __enter__(self):
        try:
            self.wait_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def tail(self):
        with open(os.path.join(self.folder, "log"), "rb") as log:
            return log.read()[-600:].decode("utf-8", "replace").strip()

    def wait_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Failure(f"{self.name} ended at its start:\n{self.tail()}")
            try:
                if self.is_ready():
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise Failure(f"{self.name} did not start:\n{self.tail()}")

    def is_ready(self):
        return self.call("PING") == "PONG"

    def rss_bytes(self):
        try:
            with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError):
            raise Failure(f"{self.name} has ended:\n{self.tail()}") from None

    def settled_rss_bytes(self, least_seconds=1.0, most_seconds=6.0):
        """RSS once it has stopped moving."""
        start = time.monotonic()
        history = []
        while True:
            history.append(self.rss_bytes())
            waited = time.monotonic() - start
            still = history[-6:]
            if waited >= least_seconds and max(still) - min(still) < 65536:
                return history[-1]
            if waited >= most_seconds:
                return history[-1]
            time.sleep(0.2)

    def call(self, *words):
        """One command, one simple reply."""
        request = b"*%d\r\n" % len(words)
        for word in words:
            word = str(word).encode()
            request += b"$%d\r\n%s\r\n" % (len(word), word)
        with socket.create_connection(("127.0.0.1", self.port), 30) as link:
            link.sendall(request)
            reply = link.makefile("rb")
            line = reply.readline().rstrip(b"\r\n").decode()
            if line[:1] == "$" and line != "$-1":
                return reply.read(int(line[1:])).decode()
        if line[:1] == "-":
            raise Failure(f"{self.name}: {' '.join(map(str, words))}: {line}")
        if not line:
            raise OSError("closed")
        return int(line[1:]) if line[0] == ":" else line[1:]

    def key_count(self):
        return self.call("DBSIZE")


class Memcached(Server):
    protocol = "memcache"

    def is_ready(self):
        with socket.create_connection(("127.0.0.1", self.port), 5) as link:
            link.sendall(b"version\r\n")
            return link.recv(64).startswith(b"VERSION")


def start(name, options=(), threads=1, cores=(0,), memory_mib=16384):
    """Starts `kula`, `redis` or `memcached` with further options."""
    port, folder = free_port(), tempfile.mkdtemp(prefix="kula-bench-")
    try:
        if name == "memcached":
            command = [find_binary("MEMCACHED", "memcached"), "-p", str(port),
                       "-l", "127.0.0.1", "-U", "0", "-m", str(memory_mib),
                       "-c", "2048", "-t", str(threads)]
            if os.geteuid() == 0:
                command += ["-u", "root"]
            return Memcached(name, command, port, folder, cores)
        binary = (find_binary("REDIS_SERVER", "redis-server")
                  if name == "redis"
                  else find_binary("KULA_SERVER", "src/kula-server"))
        command = [binary, "--port", str(port), "--bind", "127.0.0.1",
                   "--dir", folder, "--save", "",
                   "--io-threads", str(threads), *map(str, options)]
        return Server(name, command, port, folder, cores)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def load(server, core=1, timeout=900, **options):
    """Runs the generator; gives its figures as a dictionary."""
    command = [find_binary("KULA_LOAD", "utils/bench/kula-load"), "--json",
               "--port", str(server.port), "--pid", str(server.pid),
               "--protocol", server.protocol]
    if core is not None and usable_cores([core]):
        command += ["--cpu", str(core)]
    for option, value in options.items():
        name = "--" + option.replace("_", "-")
        if value is True:
            command.append(name)
        elif value is not None and value is not False:
            command += [name, str(value)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout,
                              text=True, check=False,
                              preexec_fn=child_setup(None))
    except subprocess.TimeoutExpired:
        raise Failure(f"{server.name}: the load did not end") from None
    if done.returncode != 0:
        raise Failure(f"{server.name}: {done.stderr.strip() or done.stdout}"
                      f"\n{server.tail()}")
    return json.loads(done.stdout)


class Sampler:
    """Calls `read` every `seconds` in a thread, keeps what it gives."""

    def __init__(self, read, seconds):
        self.read, self.seconds, self.values = read, seconds, []
        self.failure = None
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def work(self):
        due = time.monotonic()
        while not self.ended.is_set():
            try:
                self.values.append(self.read())
            except (Failure, OSError) as failure:
                self.failure = failure
                return
            due += self.seconds
            self.ended.wait(max(0.0, due - time.monotonic()))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def mean(self):
        return statistics.fmean(self.values)


def medians(runs):
    """The median of each figure over several runs."""
    return {name: statistics.median(run[name] for run in runs)
            for name, value in runs[0].items() if not isinstance(value, str)}


def table(head, rows):
    """Prints columns: the first to the left, the others to the right."""
    lines = [head, *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for number, line in enumerate(lines):
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width)
                  for cell, width in zip(line[1:], widths[1:])]
        print("  ".join(cells).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))
    sys.stdout.flush()


def mark(is_met):
    return "met" if is_met else "MISSED"


def say(text):
    """Progress, beside the results."""
    print(text, file=sys.stderr, flush=True)


def machine():
    model = "unknown processor"
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            names = [line.split(":", 1)[1].strip() for line in file
                     if line.startswith("model name")]
        model = names[0] if names else model
    except OSError:
        pass
    return (f"{model}, {os.cpu_count()} cores, Linux {os.uname().release}; "
            f"load {os.getloadavg()[0]:.2f} at the start")


def version(name):
    try:
        if name == "kula":
            path = find_binary("KULA_SERVER", "src/kula-server")
        elif name == "redis":
            path = find_binary("REDIS_SERVER", "redis-server")
        else:
            path = find_binary("MEMCACHED", "memcached")
        text = subprocess.run([path, "--version"], capture_output=True,
                              text=True, timeout=10, check=False).stdout
    except (Missing, subprocess.TimeoutExpired):
        return name
    return text.strip().split("\n")[0] or name


def server_list(text):
    names = text.split(",")
    for name in names:
        if name not in ("kula", "redis", "memcached"):
            raise Failure(f"unknown server: {name}")
    return names


def run(main):
    """Calls `main`, turns failures into one line and an exit code of 1."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except (Failure, Missing) as failure:
        say(f"{os.path.basename(sys.argv[0])}: {failure}")
        sys.exit(UNAVAILABLE if isinstance(failure, Missing) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
