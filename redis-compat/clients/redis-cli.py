"""redis-cli and redis-benchmark in all their modes: redis-cli.py HOST PORT.

Needs nothing but Python; the interactive mode gets a terminal of its own.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

HOST, PORT = sys.argv[1], sys.argv[2]
CLI = ["redis-cli", "-h", HOST, "-p", PORT]
passed = failed = 0


def check(name, condition, output=""):
    global passed, failed
    if condition:
        passed += 1
    else:
        failed += 1
        print("FAILED", name)
        print("    " + str(output)[-1500:].replace("\n", "\n    "))


def run(*args, given=b"", command=None, limit=60):
    done = subprocess.run((command or CLI) + list(args), input=given,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=limit, check=False)
    return done.stdout.decode("utf-8", "replace")


def wide(fd):
    """A terminal of a known size: redis-cli need not ask for it."""
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))


def run_for(seconds, *args):
    """A mode that does not end: what it shows on a terminal for some time."""
    master, slave = pty.openpty()
    wide(slave)
    shown = b""
    with subprocess.Popen(CLI + list(args), stdout=slave, stdin=slave,
                          stderr=slave) as process:
        os.close(slave)
        end = time.time() + seconds
        while time.time() < end:
            if select.select([master], [], [], 0.1)[0]:
                try:
                    shown += os.read(master, 65536)
                except OSError:
                    break
        process.kill()
    os.close(master)
    return shown.decode("utf-8", "replace").replace("\r", "\n")


def one_shot():
    check("ping", run("PING") == "PONG\n")
    check("set", run("SET", "cli:a", "1") == "OK\n")
    check("from stdin", run("-x", "SET", "cli:x", given=b"a\0b") == "OK\n")
    check("strlen", run("STRLEN", "cli:x") == "3\n")
    check("database", run("-n", "7", "DBSIZE") == "0\n")
    check("error", run("NOSUCH").startswith("ERR unknown command"))
    out = run("-3", "HELLO", "3")
    check("resp3", "proto" in out and "3" in out, out)
    out = run("-3", "--json", "CONFIG", "GET", "maxmemory-policy")
    check("resp3 map as json", '{"maxmemory-policy":"noeviction"}' in out, out)
    check("resp3 nothing", run("-3", "--no-raw", "GET", "cli:none") == "(nil)\n")
    out = run("-3", "INFO", "server")
    check("resp3 text", "redis_version" in out, out)
    out = run("-3", given=b"MULTI\nSET cli:m 1\nGET cli:m\nEXEC\n")
    check("resp3 transaction", out.split() == ["OK", "QUEUED", "QUEUED", "OK", "1"],
          out)
    out = run("-r", "3", "-i", "0.01", "INCR", "cli:r")
    check("repeated", out.split() == ["1", "2", "3"], out)
    check("quoted", run("--no-raw", "ECHO", 'a"b\n') == '"a\\"b\\n"\n')


def pipe():
    lines = [f"*3\r\n$3\r\nSET\r\n${len(f'cli:p:{i}')}\r\ncli:p:{i}\r\n$5\r\nvalue\r\n"
             for i in range(20000)]
    out = run("--pipe", given="".join(lines).encode())
    check("pipe", "errors: 0, replies: 20000" in out, out)
    out = run("--pipe", given=b"SET cli:q 1\r\nINCR cli:q\r\nNOSUCH\r\n")
    check("pipe with an error", "errors: 1, replies: 3" in out, out)


def modes():
    out = run("--scan", "--pattern", "cli:p:*")
    check("scan", len(set(out.split())) == 20000, out)
    out = run("--bigkeys")
    check("bigkeys", "Sampled" in out and "Biggest string found" in out, out)
    out = run("--memkeys")
    check("memkeys", "Sampled" in out and "Biggest string found" in out, out)
    out = run_for(2.5, "--stat")
    check("stat", "keys" in out and len(re.findall(r"^\d+ ", out, re.M)) >= 2, out)
    out = run_for(1.5, "--latency")
    check("latency", len(out.split()) >= 4 and "rror" not in out, out)
    out = run_for(2, "--latency-history", "-i", "1")
    check("latency history", "samples" in out or len(out.split()) >= 4, out)
    out = run("--hotkeys")
    check("hotkeys wants LFU", "LFU" in out or "lfu" in out, out)
    out = run_for(2, "--lru-test", "1000")
    check("lru test", "Gets/sec" in out, out)


def typed(lines, *args):
    """What the interactive mode shows for some lines."""
    shown = b""
    pid, fd = pty.fork()
    if pid == 0:
        wide(0)
        os.environ.update(TERM="xterm", HOME="/nonexistent")
        os.execvp(CLI[0], CLI + list(args))

    def read(seconds):
        nonlocal shown
        end = time.time() + seconds
        while time.time() < end:
            if select.select([fd], [], [], 0.1)[0]:
                try:
                    shown += os.read(fd, 65536)
                except OSError:
                    return
    read(0.7)
    for line in lines:
        os.write(fd, line.encode())
        read(0.4)
    try:
        os.write(fd, b"exit\r")
    except OSError:
        pass
    read(0.3)
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass
    os.waitpid(pid, 0)
    os.close(fd)
    return shown.decode("utf-8", "replace")


def interactive():
    out = typed(["SET cli:i 5\r", "INCR cli:i\r", "SELECT 2\r", "NOSUCH\r"])
    check("interactive", "OK" in out and "(integer) 6" in out, out)
    check("prompt with database", "[2]>" in out, out)
    check("error shown", "(error) ERR unknown command" in out, out)
    out = typed(["HELP SET\r"])
    check("help", "since:" in out or "summary:" in out, out)
    out = typed(["set cli:i "])
    check("hint of arguments", "value" in out, out)
    out = typed(["MULTI\r", "GET cli:i\r", "EXEC\r"])
    check("transaction prompt", "(TX)>" in out and "QUEUED" in out, out)
    out = typed(["HELLO 3\r", "CONFIG GET maxmemory\r"], "-3")
    check("map shown", "1# " in out, out)


def benchmark():
    names = ["ping_inline", "ping_mbulk", "set", "get", "incr", "mset"]
    for extra in ([], ["-P", "16"], ["-3"]):
        out = run("-h", HOST, "-p", PORT, "-n", "5000", "-q", "-t",
                  ",".join(names), *extra, command=["redis-benchmark"])
        check("benchmark " + " ".join(extra),
              out.count("requests per second") == 6
              and "WARN" not in out.upper() and "rror" not in out, out)
    out = run("-h", HOST, "-p", PORT, "-n", "2000", "-t", "set", "--csv",
              command=["redis-benchmark"])
    check("benchmark csv", out.count('"SET"') == 1 and "WARN" not in out, out)


def main():
    if "handshake" in sys.argv:
        check("ping", "PONG" in typed(["PING\r"]))
        check("resp3", run("-3", "PING") == "PONG\n")
        run("-h", HOST, "-p", PORT, "-n", "10", "-t", "get", "-q",
            command=["redis-benchmark"])
    else:
        for part in (one_shot, pipe, modes, interactive, benchmark):
            try:
                part()
            except (OSError, subprocess.SubprocessError) as error:
                check(part.__name__, False, error)
    print(f"{passed} passed, {failed} failed")


main()
