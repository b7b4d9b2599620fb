#!/usr/bin/env python3
"""Configuration of a real server: files, includes, stdin, the command line,
refusals, CONFIG REWRITE. Needs nothing but Python; redis-server's names are
compared where it is installed."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

SERVER = os.environ.get("KULA_SERVER", "src/kula-server")
STOCK = "/etc/redis/redis.conf"
passed = failed = 0


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


class Client:
    def __init__(self, port):
        deadline = time.monotonic() + 20
        while True:
            try:
                self.sock = socket.create_connection(("127.0.0.1", port), 20)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        self.file = self.sock.makefile("rb")

    def reply(self):
        line = self.file.readline().rstrip(b"\r\n").decode()
        kind, rest = line[:1], line[1:]
        if kind == "$":
            if rest == "-1":
                return None
            return self.file.read(int(rest) + 2)[:-2].decode()
        if kind == "*":
            return [self.reply() for _ in range(int(rest))]
        return line

    def __call__(self, *args):
        out = f"*{len(args)}\r\n"
        for arg in args:
            out += f"${len(arg.encode())}\r\n{arg}\r\n"
        self.sock.sendall(out.encode())
        return self.reply()

    def config(self, pattern="*"):
        flat = self("CONFIG", "GET", pattern)
        return dict(zip(flat[::2], flat[1::2]))

    def close(self):
        self.file.close()
        self.sock.close()


class Server:
    def __init__(self, folder, *args, program=SERVER, text=None, port=None):
        self.port = port or free_port()
        extra = [] if port else ["--port", str(self.port)]
        self.log = open(os.path.join(folder, "out.log"), "w+")
        self.process = subprocess.Popen(
            [program, *args, *extra], cwd=folder, stdout=self.log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.PIPE if text is not None else subprocess.DEVNULL)
        if text is not None:
            self.process.stdin.write(text.encode())
            self.process.stdin.close()
        try:
            self.client = Client(self.port)
            while str(self.client("PING")).startswith("-LOADING"):
                time.sleep(0.01)  # until it has founded its ring of one
        except OSError:
            self.client = None

    def __enter__(self):
        if self.client is None:
            self.log.seek(0)
            text = self.log.read()[-2000:]
            self.__exit__()
            raise RuntimeError("did not start: " + text)
        return self.client

    def __exit__(self, *_):
        if self.client is not None:
            self.client.close()
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(30)
        self.log.close()


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def refusal(folder, *args, text=None):
    """Output of a start that must not succeed."""
    done = subprocess.run([SERVER, *args], cwd=folder, input=text or "",
                          capture_output=True, text=True, timeout=30)
    check(done.returncode not in (0, None) and done.returncode > 0,
          f"start with {args} stops", done.returncode)
    return done.stdout + done.stderr


def test_stock(folder):
    """Debian's file, unedited; what must differ stands on the command line."""
    if not os.access(STOCK, os.R_OK):
        print(f"{STOCK} is not here: skipped")
        return
    with Server(folder, STOCK, "--dir", folder, "--daemonize", "no",
                "--pidfile", "", "--logfile", "") as client:
        check(client("PING") == "+PONG", "PING under Debian's redis.conf")
        check(client.config("bind")["bind"] == "127.0.0.1 -::1", "its bind")
        limits = client.config("client-output-buffer-limit")
        check(limits["client-output-buffer-limit"].startswith("normal 0 0 0"),
              "its output limits", limits)


def test_refusals(folder):
    path = write(folder, "typo.conf", "# x\nmaxmemry 1gb\nport 99999\n")
    out = refusal(folder, path)
    check(f"{path}:2: " in out and "did you mean 'maxmemory'?" in out,
          "a typo is told with file, line and suggestion", out)
    check(f"{path}:3: " in out and "between 0 and 65535" in out,
          "all problems are told at once", out)
    for line in ("appendonly yes", "tls-port 6380", "cluster-enabled yes",
                 "aclfile users.acl", "user x on"):
        path = write(folder, "later.conf", line + "\n")
        out = refusal(folder, path)
        check(f"{path}:1: " in out and "not supported yet" in out, line, out)
    out = refusal(folder, write(folder, "slave.conf", "slaveof 1.2.3.4 1\n"))
    check("is not supported" in out, "slaveof", out)
    out = refusal(folder, os.path.join(folder, "missing.conf"))
    check("missing.conf" in out, "a missing file is named", out)
    out = refusal(folder, "--timeout", "x")
    check("command line:1: " in out, "a bad value on the command line", out)
    out = refusal(folder, "-", text="foo 1\n")
    check("stdin:1: " in out, "a bad line on stdin", out)


def test_places(folder):
    """Files, includes, several files, stdin, and the last one wins."""
    os.mkdir(os.path.join(folder, "conf.d"))
    write(folder, "conf.d/1.conf", "timeout 11\nslowlog-max-len 11\n")
    write(folder, "conf.d/2.conf", "timeout 12\n")
    main = write(folder, "main.conf", "timeout 1\nmaxclients 77\n"
                 "include conf.d/*.conf\ninclude none/*.conf\nhz 20\n")
    more = write(folder, "more.conf", "maxclients 78\n")
    with Server(folder, main, more, "--maxmemory", "100mb", "--save", "",
                "--requirepass", "") as client:
        seen = client.config()
        check(seen["timeout"] == "12", "the last include", seen["timeout"])
        check(seen["slowlog-max-len"] == "11", "the first include")
        check(seen["maxclients"] == "78", "the second file")
        check(seen["hz"] == "20", "a line after an include")
        check(seen["maxmemory"] == "104857600", "the command line")
        check(seen["save"] == "", "an empty value on the command line")
    with Server(folder, "-", text="timeout 5\n") as client:
        check(client.config("timeout") == {"timeout": "5"}, "stdin")
        reply = client("CONFIG", "REWRITE")
        check(reply == "-ERR The server is running without a config file",
              "no file to rewrite", reply)


def test_rewrite(folder):
    port = free_port()
    path = write(folder, "kula.conf", f"# mine\nport {port}\ntimeout 1\n"
                 "# last\n")
    os.chmod(path, 0o640)
    with Server(folder, path, port=port) as client:
        check(client("CONFIG", "SET", "timeout", "9") == "+OK", "CONFIG SET")
        client("CONFIG", "SET", "maxmemory", "5mb")
        reply = client("CONFIG", "REWRITE")
        check(reply == "+OK", "CONFIG REWRITE", reply)
    with open(path) as file:
        text = file.read()
    check(text.startswith(f"# mine\nport {port}\ntimeout 9\n# last\n"),
          "comments and order stay", text)
    check("\nmaxmemory 5mb\n" in text, "new lines come last", text)
    check(os.stat(path).st_mode & 0o777 == 0o640, "the mode stays")
    left = [name for name in os.listdir(folder) if name.startswith("kula.conf.")]
    check(not left, "no temporary file stays", left)
    with Server(folder, path, port=port) as client:
        check(client.config("timeout") == {"timeout": "9"},
              "the new file is read")


def test_names(folder):
    """CONFIG GET * has each name that redis-server has, with its default."""
    program = shutil.which("redis-server")
    if program is None:
        print("redis-server is not here: names are not compared")
        return
    with Server(folder) as client:
        ours = client.config()
    with Server(folder, program=program) as client:
        theirs = client.config()
    missing = sorted(set(theirs) - set(ours))
    check(not missing, "names that redis-server has", missing)
    # ours by intent, of this machine, or of this run
    differs = {"cluster-node-timeout", "client-output-buffer-limit", "client-query-buffer-limit",
               "syslog-ident", "port", "io-threads", "maxmemory"}
    for name in sorted(set(theirs) & set(ours) - differs):
        check(ours[name] == theirs[name], f"default of {name}",
              f"{ours[name]!r}, not {theirs[name]!r}")


def main():
    for test in (test_stock, test_refusals, test_places, test_rewrite,
                 test_names):
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(os.path.realpath(folder))
            except Exception as error:  # the other tests still run
                check(False, test.__name__, repr(error))
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
