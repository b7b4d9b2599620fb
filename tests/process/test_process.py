#!/usr/bin/env python3
"""A real server process: start, stop, signals, sockets, limits, exit codes.
Needs nothing but Python."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

SERVER = os.path.abspath(os.environ.get("KULA_SERVER", "src/kula-server"))
passed = failed = 0
root = tempfile.mkdtemp(prefix="kula-process-")


def check(ok, what, detail=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print(f"FAILED: {what}: {detail}", flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


class Client:
    """A connection with just enough RESP."""

    def __init__(self, port=None, host="127.0.0.1", path=None):
        if path is not None:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(path)
        else:
            self.sock = socket.create_connection((host, port), 20)
        self.sock.settimeout(20)
        self.file = self.sock.makefile("rb")

    def send(self, *args):
        out = b"*%d\r\n" % len(args)
        for arg in args:
            data = arg if isinstance(arg, bytes) else str(arg).encode()
            out += b"$%d\r\n%s\r\n" % (len(data), data)
        self.sock.sendall(out)

    def reply(self):
        line = self.file.readline().rstrip(b"\r\n").decode()
        kind, rest = line[:1], line[1:]
        if kind == "$":
            return None if rest == "-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == "*":
            return [self.reply() for _ in range(int(rest))]
        return line

    def __call__(self, *args):
        self.send(*args)
        return self.reply()

    def is_closed(self):
        """True if the server has closed the connection."""
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True

    def close(self):
        self.file.close()
        self.sock.close()


class Server:
    """A server in a directory of its own."""

    def __init__(self, *options, port=None, dir=None, wait=True):
        self.port = free_port() if port is None else port
        self.dir = dir or tempfile.mkdtemp(dir=root)
        self.process = subprocess.Popen(
            [SERVER, "--port", str(self.port), "--dir", self.dir,
             *map(str, options)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        self.lines = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        if wait and not wait_until(lambda: "Ready to accept" in self.log()
                                   or self.process.poll() is not None):
            raise RuntimeError("no start: " + self.log())
        if wait:
            time.sleep(0.25)  # it founds its ring of one in its first tick

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.decode(errors="replace"))

    def log(self):
        return "".join(self.lines)

    def client(self):
        return Client(self.port)

    def wait(self):
        code = self.process.wait(30)
        self.reader.join(5)
        for word in ("Sanitizer", "runtime error"):
            check(word not in self.log() or code == -signal.SIGSEGV,
                  "a sanitizer's report", self.log())
        return code

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()


def run(*args, stdin=None, cwd=None):
    done = subprocess.run([SERVER, *map(str, args)], input=stdin, cwd=cwd,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


# ---- the command line -------------------------------------------------------

def test_texts():
    for option in ("--version", "-v"):
        code, out, _ = run(option)
        check(code == 0 and re.match(r"Kula server v=\d+\.\d+\.\d+", out),
              option, (code, out))
    for option in ("--help", "-h"):
        code, out, _ = run(option)
        check(code == 0 and "Usage: kula-server" in out and "Exit codes" in out,
              option, (code, out))


def test_check_config():
    dir = tempfile.mkdtemp(dir=root)
    good, bad = os.path.join(dir, "good.conf"), os.path.join(dir, "bad.conf")
    with open(good, "w") as file:
        file.write("port 7000\nmaxmemory 100mb\n")
    with open(bad, "w") as file:
        file.write("port 7000\nmaxmemmory 100mb\n")
    code, out, err = run("--check-config", good)
    check(code == 0 and out, "a good file", (code, out, err))
    code, out, err = run(bad, "--check-config")
    check(code == 2 and "bad.conf:2" in err and "maxmemory" in err,
          "a misspelt directive is named with its line", (code, out, err))
    code, _, err = run("--check-config", "-", stdin=b"port 99999\n")
    check(code == 2 and err, "a port out of range on stdin", (code, err))
    code, _, err = run("--check-config", "--port", "x")
    check(code == 2 and err, "a bad port on the command line", (code, err))
    code, _, err = run("--check-config", os.path.join(dir, "none.conf"))
    check(code == 2 and "none.conf" in err, "a file that is not there",
          (code, err))


def test_directory_that_is_missing():
    code, out, err = run("--port", free_port(), "--dir", root + "/none")
    check(code == 1 and "No such file or directory" in out + err,
          "dir must exist", (code, out, err))


# ---- start and stop ---------------------------------------------------------

def test_stop_by_signal():
    for number in (signal.SIGTERM, signal.SIGINT):
        server = Server()
        client = server.client()
        check(client("PING") == "+PONG", "PING")
        check(server.stop(number) == 0, "exit code 0", number)
        check(client.is_closed(), "connections are closed")
        check("stopping" in server.log(), "the log says so", server.log())


def test_stop_by_command():
    server = Server()
    client = server.client()
    client.send("SHUTDOWN", "NOSAVE")
    check(server.wait() == 0, "exit code 0 after SHUTDOWN")
    check(client.is_closed(), "SHUTDOWN has no reply")


def test_stop_with_a_slow_reader():
    server = Server("--io-threads", 2)
    client = server.client()
    client("SET", "big", b"x" * 8_000_000)
    client.send("GET", "big")
    wait_until(lambda: len(client.sock.recv(10, socket.MSG_PEEK)) > 0)
    server.process.send_signal(signal.SIGTERM)
    data = client.reply()
    check(data is not None and len(data) == 8_000_000,
          "a reply under way is delivered before the end",
          data and len(data))
    start = time.monotonic()
    check(server.wait() == 0, "exit code 0")
    check(time.monotonic() - start < 1.5, "the end waits for nobody else",
          time.monotonic() - start)

    server = Server()
    client = server.client()
    client("SET", "big", b"x" * 30_000_000)
    client.send("GET", "big")
    time.sleep(0.3)
    start = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    check(server.wait() == 0 and time.monotonic() - start < 10,
          "one that never reads does not hold it up")


def test_second_start_on_a_port():
    server = Server("--io-threads", 2)
    second = Server(port=server.port)
    check(second.wait() == 1, "exit code 1")
    check("Address already in use" in second.log(), "why", second.log())
    check(server.client()("PING") == "+PONG", "the first one still serves")
    server.stop()
    again = Server(port=server.port)
    check(again.client()("PING") == "+PONG", "the port is free at once")
    again.stop()


def test_second_start_in_a_directory():
    server = Server()
    second = Server(dir=server.dir)
    check(second.wait() == 1, "exit code 1")
    check("another kula-server runs in this directory" in second.log(), "why",
          second.log())
    check(server.client()("PING") == "+PONG", "the first one still serves")
    server.process.kill()
    server.wait()
    again = Server(dir=server.dir)
    check(again.client()("PING") == "+PONG", "a killed one leaves no lock")
    again.stop()


def test_identity():
    server = Server()
    file = os.path.join(server.dir, "kula.node")
    with open(file) as opened:
        first = opened.read()
    check(os.stat(file).st_mode & 0o777 == 0o600, "kula.node is private")
    server.stop()
    server = Server(dir=server.dir)
    with open(file) as opened:
        check(opened.read() == first, "the identity stays")
    server.stop()
    with open(file, "w") as opened:
        opened.write(first.replace("node-id ", "node-id 0"))
    server = Server(dir=server.dir)
    check(server.wait() == 1 and "damaged" in server.log(),
          "a damaged identity stops the start", server.log())


def test_read_only_directory():
    if os.geteuid() == 0:
        return  # root may write anywhere
    dir = tempfile.mkdtemp(dir=root)
    os.chmod(dir, 0o500)
    server = Server(dir=dir)
    check("this run only" in server.log(), "a notice", server.log())
    server.stop()


def test_daemonize_and_pid_file():
    dir = tempfile.mkdtemp(dir=root)
    port, pid_file = free_port(), os.path.join(dir, "kula.pid")
    args = ("--port", port, "--dir", dir, "--daemonize", "yes", "--pidfile",
            pid_file, "--logfile", os.path.join(dir, "log"))
    code, out, err = run(*args)
    check(code == 0, "the parent exits with 0 when it is ready",
          (code, out, err))
    time.sleep(0.25)  # it founds its ring of one in its first tick
    check(Client(port)("PING") == "+PONG", "it serves at once")
    with open(pid_file) as opened:
        pid = int(opened.read())
    check(os.getsid(pid) == pid, "a session of its own")
    code, out, err = run(*args[:-3], os.path.join(dir, "other.pid"),
                         "--logfile", os.path.join(dir, "log2"))
    check(code == 1, "the parent of one that cannot start exits with 1",
          (code, out, err))
    os.kill(pid, signal.SIGTERM)
    check(wait_until(lambda: not os.path.exists(pid_file)),
          "the pid file is removed")


def test_crash_in_the_background():
    dir = tempfile.mkdtemp(dir=root)
    port, log = free_port(), os.path.join(dir, "log")
    pid_file = os.path.join(dir, "kula.pid")
    code, out, err = run("--port", port, "--dir", dir, "--daemonize", "yes",
                         "--pidfile", pid_file, "--logfile", log)
    check(code == 0, "start", (code, out, err))
    with open(pid_file) as opened:
        pid = int(opened.read())
    # where a failed assertion writes its text
    check(os.readlink(f"/proc/{pid}/fd/2") == log,
          "standard error goes to the log", os.readlink(f"/proc/{pid}/fd/2"))
    os.rename(log, log + ".1")
    os.kill(pid, signal.SIGUSR1)
    check(wait_until(lambda: os.path.exists(log) and
                     os.readlink(f"/proc/{pid}/fd/2") == log),
          "and to the new one")
    os.kill(pid, signal.SIGABRT)
    check(wait_until(lambda: "end of the crash report" in open(log).read() or
                     "Sanitizer" in open(log).read()), "a report")
    time.sleep(0.1)
    check(open(log).read().count("Kula crash report") <= 1, "one, not two",
          open(log).read())


# ---- signals ----------------------------------------------------------------

def test_log_reopen():
    dir = tempfile.mkdtemp(dir=root)
    log, old = os.path.join(dir, "log"), os.path.join(dir, "log.1")
    server = Server("--logfile", log, dir=dir, wait=False)
    check(wait_until(lambda: os.path.exists(log) and
                     "Ready" in open(log).read()), "the log is a file")
    check(re.match(r"\d+:M \d\d \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3} [.*#-] ",
                   open(log).read()), "Redis's format", open(log).read())
    os.rename(log, old)
    server.process.send_signal(signal.SIGUSR1)
    check(wait_until(lambda: os.path.exists(log) and
                     "opened anew" in open(log).read()),
          "USR1 opens the log anew")
    server.process.send_signal(signal.SIGHUP)
    check(wait_until(lambda: "SIGHUP" in open(log).read()),
          "HUP is logged, and that is all")
    check(server.client()("PING") == "+PONG", "it still serves")
    check(server.stop() == 0, "exit code 0")
    check("has stopped" not in open(old).read(), "nothing in the old file")


def test_crash_report():
    server = Server()
    server.process.send_signal(signal.SIGSEGV)
    code = server.wait()
    if "AddressSanitizer" in server.log() or code > 0:
        return  # a sanitizer's handler came first
    log = server.log()
    check(code == -signal.SIGSEGV, "it dies of its signal", code)
    for word in ("crash report", "version", "SIGSEGV", "registers", "stack"):
        check(word in log, "the report has " + word, log)


# ---- sockets ----------------------------------------------------------------

def test_unix_socket():
    dir = tempfile.mkdtemp(dir=root)
    path = os.path.join(dir, "s")
    server = Server("--unixsocket", path, "--unixsocketperm", "700", dir=dir)
    check(os.stat(path).st_mode & 0o777 == 0o700, "unixsocketperm")
    client = Client(path=path)
    check(client("SET", "a", "1") == "+OK", "the unix socket serves")
    check(server.client()("GET", "a") == b"1", "and shares the keys")
    info = client("CLIENT", "LIST").decode()
    check(f"addr={path}:0" in info, "CLIENT LIST names the path", info)
    second = Server("--unixsocket", path)
    check(second.wait() == 1 and "Address already in use" in second.log(),
          "a socket in use is not taken away", second.log())
    server.process.kill()
    server.wait()
    server = Server("--unixsocket", path, dir=dir)
    check(Client(path=path)("GET", "a") is None, "a stale one is replaced")
    server.stop()
    check(not os.path.exists(path), "it is removed at the end")


def test_unix_socket_that_is_a_file():
    path = os.path.join(tempfile.mkdtemp(dir=root), "precious")
    with open(path, "w") as file:
        file.write("data")
    server = Server("--unixsocket", path)
    check(server.wait() == 1 and "File exists" in server.log(),
          "a file stops the start", server.log())
    with open(path) as file:
        check(file.read() == "data", "and stays")


def test_port_0():
    dir = tempfile.mkdtemp(dir=root)
    path = os.path.join(dir, "s")
    server = Server("--unixsocket", path, port=0, dir=dir)
    check(Client(path=path)("PING") == "+PONG", "only the unix socket")
    server.stop()


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def test_addresses():
    server = Server("--bind", "127.0.0.1", "-::1", "-192.0.2.1")
    check(server.client()("PING") == "+PONG", "an optional one may be missing",
          server.log())
    if has_ipv6():
        client = Client(server.port, "::1")
        info = client("CLIENT", "LIST").decode()
        check("addr=[::1]:" in info, "IPv6", info)
    server.stop()
    server = Server("--bind", "127.0.0.1", "192.0.2.1")
    check(server.wait() == 1 and "Cannot assign requested" in server.log(),
          "a missing address stops the start", server.log())
    server = Server("--bind", "127.0.0.2")
    try:
        server.client()
        check(False, "127.0.0.1 should not be listened on")
    except OSError:
        check(True, "bind")
    check(Client(server.port, "127.0.0.2")("PING") == "+PONG", "127.0.0.2")
    server.stop()


# ---- clients ----------------------------------------------------------------

def test_maxclients():
    server = Server("--maxclients", 3)
    clients = [server.client() for _ in range(3)]
    for client in clients:
        check(client("PING") == "+PONG", "within the limit")
    extra = server.client()
    check(extra.reply() == "-ERR max number of clients reached", "the refusal")
    check(extra.is_closed(), "and the close")
    clients.pop().close()

    def serves():
        client = server.client()
        try:
            return client("PING") == "+PONG"
        except OSError:
            return False
    check(wait_until(serves), "one gone, the next may come")
    check(clients[0]("CONFIG", "SET", "maxclients", "50") == "+OK", "CONFIG SET")
    more = [server.client() for _ in range(20)]
    check(all(client("PING") == "+PONG" for client in more), "takes effect")
    server.stop()


# Runs in a network of its own, where a foreign address can be had.
STRANGER = r"""
import socket, subprocess, sys
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
subprocess.run(["ip", "addr", "add", "10.9.9.1/32", "dev", "lo"], check=True)
server = subprocess.Popen([sys.argv[1], "--port", "7000", "--bind", "*",
                           "--dir", sys.argv[2]], stdout=subprocess.PIPE)
for line in server.stdout:
    if b"Ready to accept" in line:
        break
sock = socket.create_connection(("10.9.9.1", 7000), 20)
sock.sendall(b"PING\r\n")
said = b""
while True:
    some = sock.recv(65536)
    if not some:
        break
    said += some
server.terminate()
server.wait()
sys.stdout.buffer.write(b"SAID" + said)
"""


def test_protected_mode():
    can = subprocess.run(["unshare", "-rn", "ip", "link"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if can.returncode != 0:
        print("no network of its own: protected mode is not tested")
        return
    done = subprocess.run(
        ["unshare", "-rn", sys.executable, "-c", STRANGER, SERVER,
         tempfile.mkdtemp(dir=root)], stdout=subprocess.PIPE, timeout=60)
    said = done.stdout.partition(b"SAID")[2]
    check(said.startswith(b"-DENIED Redis is running in protected mode"),
          "a stranger is refused", said)
    check(said.endswith(b".\r\n") and said.isascii() and b"\0" not in said,
          "with the whole text and nothing else", said)


def test_timeout():
    server = Server("--timeout", 1)
    idle = server.client()
    check(idle("PING") == "+PONG", "PING")
    start = time.monotonic()
    check(idle.is_closed(), "an idle client is disconnected")
    check(0.9 < time.monotonic() - start < 5, "after the time-out",
          time.monotonic() - start)
    server.stop()


def test_clients_are_spread():
    server = Server("--io-threads", 4)
    clients = [server.client() for _ in range(40)]
    for client in clients:
        check(client("PING") == "+PONG", "PING")
    ids = clients[0]("CLIENT", "LIST").decode().strip().split("\n")
    check(len(ids) == 40, "CLIENT LIST sees all workers' clients", len(ids))
    threads = f"/proc/{server.process.pid}/task"
    check(len(os.listdir(threads)) >= 4, "a thread per worker")
    port = clients[1].sock.getsockname()[1]
    check(clients[0]("CLIENT", "KILL", f"127.0.0.1:{port}") == "+OK", "KILL")
    check(clients[1].is_closed(), "a client of another worker is closed")
    check(server.stop() == 0, "exit code 0")


def test_large_requests_and_replies():
    server = Server()
    client = server.client()
    value = os.urandom(1 << 20) * 20
    check(client("SET", "k", value) == "+OK", "20 MiB in")
    check(client("GET", "k") == value, "20 MiB out")
    count = 20000
    sender = threading.Thread(target=lambda: client.sock.sendall(
        b"*2\r\n$3\r\nGET\r\n$1\r\nx\r\n" * count))
    client("SET", "x", "y" * 100)
    sender.start()
    good = sum(client.reply() == b"y" * 100 for _ in range(count))
    sender.join()
    check(good == count, "a long pipeline", good)
    for byte in b"*1\r\n$4\r\nPING\r\n":
        client.sock.sendall(bytes([byte]))
        time.sleep(0.002)
    check(client.reply() == "+PONG", "byte by byte")
    server.stop()


def test_many_at_once():
    """Enough ready connections in one wake-up to be served as a batch."""
    serve_many()
    os.environ["KULA_LOOP"] = "epoll"
    serve_many()
    del os.environ["KULA_LOOP"]


def serve_many():
    server = Server("--io-threads", 1)
    api = "epoll" if "KULA_LOOP" in os.environ else "(epoll|io_uring)"
    check(re.search("over " + api, server.log()), api, server.log())
    clients = [server.client() for _ in range(200)]
    for turn in range(20):
        for i, client in enumerate(clients):
            client.send("SET", f"k{i}", "v" * (i * turn))
        good = sum(client.reply() == "+OK" for client in clients)
        check(good == len(clients), "SET", good)
        for i, client in enumerate(clients):
            client.send("GET", f"k{i}")
        good = sum(client.reply() == b"v" * (i * turn)
                   for i, client in enumerate(clients))
        check(good == len(clients), "GET", good)
    for client in clients[::2]:
        client.send("GET", "k1")
        client.close()
    check(clients[1]("PING") == "+PONG", "half of them leave")
    check(server.stop() == 0, "exit code 0")


def read_all(client):
    data = bytearray()
    while True:
        piece = client.sock.recv(1 << 20)
        if not piece:
            return bytes(data)
        data += piece


def test_half_closed():
    """A client that ends its side gets all replies, then the end."""
    dir = tempfile.mkdtemp(dir=root)
    path = os.path.join(dir, "s")
    server = Server("--io-threads", 3, "--unixsocket", path, dir=dir)
    server.client()("SET", "big", b"x" * 3_000_000)
    for client in (server.client(), Client(path=path)):
        for _ in range(10):
            client.send("GET", "big")
        client.send("CLIENT", "LIST")  # asks all workers
        client.send("PING")
        client.sock.shutdown(socket.SHUT_WR)
        time.sleep(0.3)
        data = read_all(client)
        check(len(data) > 30_000_000 and data.endswith(b"\r\n+PONG\r\n"),
              "large replies and the last one", (len(data), data[-20:]))
    idle, waiting = server.client(), server.client()
    idle.send("GET", "none")
    idle.sock.shutdown(socket.SHUT_WR)
    check(read_all(idle) == b"$-1\r\n", "a small reply")
    server.client()("CLIENT", "PAUSE", "300", "WRITE")
    waiting.send("SET", "a", "1")
    waiting.sock.shutdown(socket.SHUT_WR)
    check(read_all(waiting) == b"+OK\r\n", "a paused command")
    clients = [server.client() for _ in range(60)]  # enough for a batch
    for client in clients:
        client.send("PING")
        client.sock.shutdown(socket.SHUT_WR)
    good = sum(read_all(client) == b"+PONG\r\n" for client in clients)
    check(good == len(clients), "many at once", good)
    watcher = server.client()
    check(wait_until(lambda: watcher("CLIENT", "LIST").count(b"id=") == 1),
          "nobody is left", watcher("CLIENT", "LIST"))
    check(server.stop() == 0, "exit code 0")


def test_killing_oneself():
    for threads in (1, 3):
        server = Server("--io-threads", threads)
        client, other = server.client(), server.client()
        check(other("PING") == "+PONG", "both are there")
        check(client("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no") ==
              ":2", "the answer comes first")
        check(client.is_closed() and other.is_closed(), "then the end")
        server.stop()


def test_one_value_above_the_output_limit():
    server = Server("--client-output-buffer-limit", "normal", "2mb", "0", "0")
    client = server.client()
    value = os.urandom(1 << 20) * 24
    check(client("SET", "big", value) == "+OK", "SET")
    client.send("GET", "big")
    client.send("GET", "big")
    time.sleep(0.3)  # the socket is full long before the end
    check(client.reply() == value and client.reply() == value,
          "it is delivered however slowly it is read")
    client("CONFIG", "RESETSTAT")
    client.send("MGET", *["big"] * 50)
    check(client.is_closed(), "so much at once is not")
    info = server.client()("INFO", "stats").decode()
    check("client_output_buffer_limit_disconnections:1" in info,
          "and it is counted", info)
    server.stop()


def test_others_beside_an_endless_pipeline():
    server = Server("--io-threads", 1)
    busy = [server.client() for _ in range(3)]
    stop = threading.Event()

    def flood(client):
        try:
            while not stop.is_set():
                client.sock.sendall(b"PING\r\n" * 100_000)
        except OSError:
            pass

    def drain(client):
        try:
            while client.sock.recv(1 << 20):
                pass
        except OSError:
            pass
    for client in busy:
        threading.Thread(target=flood, args=(client,), daemon=True).start()
        threading.Thread(target=drain, args=(client,), daemon=True).start()
    time.sleep(0.2)
    client, start = server.client(), time.monotonic()
    good = sum(client("PING") == "+PONG" for _ in range(100))
    check(good == 100 and time.monotonic() - start < 10,
          "a hundred round trips", time.monotonic() - start)
    stop.set()
    check(server.stop() == 0, "it stops under load")


def test_facts():
    server = Server("--io-threads", 1)
    client = server.client()
    info = client("INFO").decode()
    facts = dict(line.split(":", 1) for line in info.split("\r\n")
                 if ":" in line)
    check(facts.get("process_id") == str(server.process.pid), "process_id")
    check(facts.get("tcp_port") == str(server.port), "tcp_port")
    check(facts.get("multiplexing_api") in ("epoll", "io_uring"),
          "multiplexing_api", facts.get("multiplexing_api"))
    check(re.fullmatch("[0-9a-f]{40}", facts.get("run_id", "")), "run_id")
    check(int(facts.get("used_memory_rss", 0)) > 1 << 20, "used_memory_rss")
    check(int(facts.get("maxmemory", 0)) > 1 << 20,
          "maxmemory is by default a share of what there is")
    check(client("CONFIG", "SET", "loglevel", "debug") == "+OK", "loglevel")
    check(client("CONFIG", "SET", "maxmemory", "0") == "+OK", "maxmemory")
    server.stop()


def test_supervisor_is_told():
    path = os.path.join(root, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.settimeout(20)
        os.environ["NOTIFY_SOCKET"] = path
        server = Server("--supervised", "systemd")
        del os.environ["NOTIFY_SOCKET"]
        check(b"READY=1" in listener.recv(1000), "READY=1")
        server.process.send_signal(signal.SIGTERM)
        check(b"STOPPING=1" in listener.recv(1000), "STOPPING=1")
        check(server.wait() == 0, "exit code 0")


def main():
    only = sys.argv[1:]
    try:
        for name, test in list(globals().items()):
            if not name.startswith("test_") or (only and name not in only):
                continue
            try:
                test()
            except Exception as problem:  # the others still mean something
                check(False, name, repr(problem))
    finally:
        shutil.rmtree(root, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
