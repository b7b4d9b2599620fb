#!/usr/bin/env python3
"""kula-ctl against real servers: a node alone, a ring of three, one of them
killed; exit codes, texts, JSON. Also the commands KULA.* that it uses.
Needs nothing but Python. Exit 77 where kula-ctl was not built."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import test_process as base  # noqa: E402

check, wait_until = base.check, base.wait_until
CTL = os.path.join(os.path.dirname(base.SERVER), "kula-ctl")
VERBS = ("status", "ring", "nodes", "hints", "repair", "version", "help")
next_port = 22000


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
    global next_port
    while True:
        next_port += 1
        if is_free(next_port) and is_free(next_port + 10000):
            return next_port


def ctl(*args, env=None, seconds=90):
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("KULA_URL", "REDISCLI_AUTH")}
    environment.update(env or {})
    done = subprocess.run([CTL, *map(str, args)], env=environment,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=seconds)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def ctl_json(*args, **more):
    code, out, err = ctl("--json", *args, **more)
    try:
        return code, json.loads(out)
    except ValueError as problem:
        check(False, f"{args} prints JSON", (problem, out, err))
        return code, {}


class Node(base.Server):
    def __init__(self, port, ports, *options, dir=None):
        seeds = [f"127.0.0.1:{p + 10000}" for p in ports]
        super().__init__("--bind", "127.0.0.1", "--ring-name", "test-ctl",
                         "--enable-debug-command", "local",
                         *(["--ring-seeds", *seeds] if seeds else []),
                         *options, port=port, dir=dir, wait=False)


def start_ring(count):
    ports = [ring_port() for _ in range(count)]
    return [Node(port, ports, "--rack", f"r{i}", "--io-threads", 2)
            for i, port in enumerate(ports)]


def stop_all(nodes):
    for node in nodes:
        node.stop()


# ---- without a server -------------------------------------------------------

def test_usage():
    for args in ((), ("nonsense",), ("--nonsense", "status"), ("-p", "0"),
                 ("-p", "x", "status"), ("-p",), ("--color=red", "status"),
                 ("repair",), ("repair", "now"), ("demo", "0"), ("demo", "x"),
                 ("help", "nonsense"), ("--json=1", "status"),
                 ("-u", "http://x", "status"), ("--timeout", "-1", "status")):
        code, out, err = ctl(*args)
        check(code == 2 and err.startswith("kula-ctl: ") and not out,
              f"usage error: {args}", (code, out, err))
    code, report = ctl_json("nonsense")
    check(code == 2 and report.get("ok") is False and report.get("error"),
          "a usage error in JSON", report)


def test_help():
    for args in (("help",), ("--help",), ("help", "status"),
                 ("status", "--help")):
        code, out, err = ctl(*args)
        check(code == 0 and "status" in out and not err, f"{args}", (out, err))
    code, out, _ = ctl("help")
    check(all(f"  {verb} " in out for verb in VERBS), "all verbs", out)
    check("Exit codes" in out, "exit codes are in the help", out)
    code, report = ctl_json("help")
    check(code == 0 and report.get("schema") == "kula-ctl.help/1", "JSON help",
          report)
    code, out, _ = ctl("--version")
    check(code == 0 and out.startswith("kula-ctl "), "--version", out)


def test_nobody_there():
    port = ring_port()
    for verb in (["status"], ["ring"], ["ring", "--key", "k"], ["nodes"],
                 ["hints"], ["repair", "status"], ["version"]):
        code, _, err = ctl("-p", port, *verb)
        check(code == 3, f"{verb}: cannot connect", (code, err))
        code, report = ctl_json("-p", port, *verb)
        check(code == 3 and report.get("ok") is False and report.get("error"),
              f"{verb}: cannot connect, JSON", report)
        check(report.get("schema") == f"kula-ctl.{verb[0]}/1", "schema", report)
    code, _, err = ctl("-s", "/nonexistent/socket", "status")
    check(code == 3, "no such socket", (code, err))


def test_no_answer():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", ring_port()))
        listener.listen(8)
        port = listener.getsockname()[1]
        code, _, err = ctl("-p", port, "--timeout", "0.3", "status")
        check(code == 5, "a server that never answers: timed out", (code, err))


# ---- a node alone -----------------------------------------------------------

def test_alone():
    path = os.path.join(tempfile.mkdtemp(dir=base.root), "socket")
    port = ring_port()
    node = Node(port, [], "--unixsocket", path)
    code, out, err = ctl("-p", port, "status", "--wait=20")
    check(code == 0 and out.startswith("HEALTHY"), "a node alone is healthy",
          (code, out, err))
    code, out, err = ctl("-s", path, "status")
    check(code == 0 and out.startswith("HEALTHY"), "by its socket",
          (code, out, err))
    code, out, err = ctl("status", env={"KULA_URL": f"redis://127.0.0.1:{port}"})
    check(code == 0, "by KULA_URL", (code, out, err))
    code, out, _ = ctl("-p", port, "status", "--nodes", 3)
    check(code == 1 and "1 nodes, not 3" in out, "fewer nodes than expected",
          out)
    code, out, _ = ctl("-p", port, "status", "--nodes", 3, "--wait=0.5")
    check(code == 5, "--wait ends", (code, out))
    check("\033[" not in out, "no color in a pipe", out)
    code, out, _ = ctl("-p", port, "--color=always", "status")
    check("\033[" in out, "color when asked for", out)
    for words in (["status"], ["ring"], ["nodes"], ["hints"],
                  ["repair", "status"], ["ring", "--key", "k"], ["version"]):
        code, out, err = ctl("-p", port, *words)
        check(code == 0 and out, f"{words}", (code, out, err))
        code, report = ctl_json("-p", port, *words)
        check(code == 0 and report.get("ok") is True, f"{words}", report)
    node.stop()


def test_password():
    port = ring_port()
    node = Node(port, [], "--requirepass", "secret")
    wait_until(lambda: ctl("-p", port, "-a", "secret", "status")[0] == 0)
    check(ctl("-p", port, "status")[0] == 4, "no password")
    check(ctl("-p", port, "-a", "wrong", "status")[0] == 4, "a wrong password")
    check(ctl("-p", port, "status", env={"REDISCLI_AUTH": "secret"})[0] == 0,
          "the password from the environment")
    check(ctl("-u", f"redis://default:s%65cret@127.0.0.1:{port}",
              "status")[0] == 0, "the password from a URL")
    check(ctl("-p", port, "--user", "nobody", "--pass", "secret",
              "status")[0] == 4, "a wrong user")
    code, report = ctl_json("-p", port, "status")
    check(code == 4 and report.get("ok") is False, "JSON", report)
    node.stop()


def pairs(flat):
    return {flat[i].decode(): flat[i + 1] for i in range(0, len(flat), 2)}


def test_local_copies():
    port = ring_port()
    node = Node(port, [])
    wait_until(lambda: ctl("-p", port, "status")[0] == 0)
    client = node.client()
    check(client("KULA.LOCAL", "k") is None, "nothing is held")
    client("SET", "k", "value")
    value, stamp, kind, expiry = client("KULA.LOCAL", "k")
    check((value, kind, expiry) == (b"value", b"string", ":0"), "a string",
          (value, kind, expiry))
    check(int(stamp) > 0, "its stamp", stamp)
    client("SET", "k", "other", "PX", 100000)
    value, later, kind, expiry = client("KULA.LOCAL", "k")
    check(int(later) > int(stamp), "a later stamp", (stamp, later))
    check(abs(int(expiry[1:]) / 1000 - time.time() - 100) < 50, "its expiry",
          expiry)
    client("INCRBY", "n", 7)
    value, _, kind, _ = client("KULA.LOCAL", "n")
    check((value, kind) == (b"7", b"counter"), "a counter", (value, kind))
    facts = pairs(client("KULA.VERSION", "k"))
    check(facts["stamp"] == later and facts["kind"] == b"string", "its version",
          facts)
    check(client("KULA.RING", "SLOT", 16384).startswith("-ERR"), "no such slot")
    check(client("KULA.RING", "NONSENSE").startswith("-ERR"), "a wrong word")
    check(client("MULTI") == "+OK" and
          client("KULA.LOCAL", "k").startswith("-ERR"), "not inside MULTI")
    client("DISCARD")
    check(client("DEBUG", "KULA-FLIP", "k") == "+OK", "damage")
    check(client("DEBUG", "KULA-DROP", "k") == "+OK", "loss")
    check(client("KULA.LOCAL", "k") is None, "it is lost")
    check(client("DEBUG", "KULA-DROP", "k").startswith("-ERR"), "lost already")
    info = client("INFO", "ring").decode()
    check("# Ring" in info and "ring_enabled:" in info, "INFO ring", info)
    check("# Ring" not in client("INFO").decode(), "not in plain INFO")
    node.stop()


# ---- a ring of three --------------------------------------------------------

def look_at_all_verbs(port):
    code, out, err = ctl("-p", port, "status", "--wait=20")
    lines = out.splitlines()
    check(code == 0 and lines and lines[0].startswith("HEALTHY: ring test-ctl,"
                                                      " 3 nodes, 3 copies"),
          "the verdict", (code, out, err))
    check("N_eff 3 of N 3, R 2, W 2" in out, "N_eff", out)
    check(out.count(" UP ") == 3 and out.count("100.0%") == 6,
          "three nodes own and vouch for all slots", out)
    code, report = ctl_json("-p", port, "status", "--wait=20")
    check(code == 0 and report["ok"] and report["healthy"] and
          report["ring"] == "test-ctl" and not report["problems"], "status",
          report)
    check(sorted(n["number"] for n in report["nodes"]) == [1, 2, 3], "numbers",
          report)
    check(sum(n["first"] for n in report["nodes"]) == report["slots"] == 16384,
          "each slot has one first owner", report)
    code, report = ctl_json("-p", port, "ring")
    covered = sum(r["to"] - r["from"] + 1 for r in report["ranges"])
    check(code == 0 and covered == 16384, "ranges cover all slots", covered)
    check(all(sorted(r["owners"]) == [1, 2, 3] and r["pending"] == 0
              for r in report["ranges"]), "three owners each")
    code, report = ctl_json("-p", port, "nodes")
    check(code == 0 and len(report["nodes"]) == 3 and
          sum(n["self"] for n in report["nodes"]) == 1, "nodes", report)
    check(all(n["reachable"] and n["phase"] == "normal" and n["health"] == "up"
              for n in report["nodes"]), "all are there", report)
    code, report = ctl_json("-p", port, "hints")
    check(code == 0 and report["total"] == 0, "no hints", report)
    code, report = ctl_json("-p", port, "repair", "status")
    check(code == 0 and len(report["nodes"]) == 3 and
          all(n["answers"] for n in report["nodes"]), "repair", report)
    for words in (["ring"], ["nodes"], ["hints"], ["repair", "status"]):
        code, out, err = ctl("-p", port, *words)
        check(code == 0 and out, f"{words} as text", (code, out, err))


def look_at_quorums(nodes):
    first, last = nodes[0].client(), nodes[2].client()
    check(last("KULA.PREFIX", "SET", "session:", "w", 3, "r", 1) == "+OK",
          "a prefix")
    check(last("KULA.PREFIX", "SET", "a \n\xe9", "mode", "strict", "n", 3) ==
          "+OK", "a strange prefix")
    check(first("KULA.PREFIX", "SET", "x", "n", 2, "w", 1).startswith("-ERR n"),
          "another N")

    def listed():
        code, report = ctl_json("-p", nodes[1].port, "prefixes")
        return code == 0 and report["prefixes"] == [
            {"prefix": "session:", "r": 1, "w": 3, "mode": "", "conflict": ""},
            {"prefix": "a \n\xe9", "r": 0, "w": 0, "mode": "strict",
             "conflict": ""}]

    check(wait_until(listed), "all nodes know the prefixes",
          ctl("-p", nodes[1].port, "prefixes"))
    code, out, _ = ctl("-p", nodes[0].port, "prefixes")
    check(code == 0 and "session:  1  3  -" in out, "as a table", out)
    check(first("KULA.PREFIX", "DEL", "a \n\xe9") == "+OK", "DEL")
    check(first("KULA.QUORUM", "W", 3, "MODE", "strict") == "+OK", "QUORUM")
    check(first("SET", "q", "v") == "+OK" and first("WAIT", 2, 5000) == ":2",
          "WAIT", first("WAIT", 2, 5000))
    check(pairs(first("KULA.QUORUM"))["mode"] == b"strict", "it is kept")
    check(first("RESET") == "+RESET" and
          pairs(first("KULA.QUORUM"))["own"] == [], "RESET")


def look_at_a_key(nodes):
    key = 'a "key" \\ with\ttab and \u00fc'
    client = nodes[0].client()
    check(client("SET", key, "value") == "+OK", "SET")
    check(nodes[2].client()("GET", key) == b"value", "GET elsewhere")

    def agree():
        code, report = ctl_json("-p", nodes[1].port, "ring", "--key", key)
        return code == 0 and report["agree"] and report["key"] == key and \
            [c["kind"] for c in report["copies"]] == ["string"] * 3

    check(wait_until(agree), "three copies of a key agree",
          ctl("-p", nodes[1].port, "ring", "--key", key))
    held = [node.client()("KULA.LOCAL", key) for node in nodes]
    check(held[0] == held[1] == held[2] and held[0][0] == b"value",
          "each node holds the same", held)

    def differ():  # again, if the comparison has mended it meanwhile
        nodes[1].client()("DEBUG", "KULA-FLIP", key)
        code, report = ctl_json("-p", nodes[0].port, "ring", "--key", key)
        return code == 1 and report["ok"] is False and not report["agree"]

    check(wait_until(differ), "a damaged copy shows")


def test_ring():
    nodes = start_ring(3)
    code, out, err = ctl("-p", nodes[0].port, "status", "--wait=60", "--nodes",
                         3, seconds=120)
    check(code == 0, "a ring of three comes up", (code, out, err))
    if code != 0:
        stop_all(nodes)
        return
    for node in nodes:
        check(ctl("-p", node.port, "status", "--wait=20")[0] == 0,
              "each node says so")
    look_at_all_verbs(nodes[1].port)
    look_at_a_key(nodes)
    look_at_quorums(nodes)
    numbers = {n["port"]: n["number"]
               for n in ctl_json("-p", nodes[0].port, "nodes")[1]["nodes"]}
    nodes[2].stop(signal.SIGKILL)
    dead = f"127.0.0.1:{nodes[2].port}"
    code, out, err = ctl("-p", nodes[0].port, "status")
    check(code == 1 and out.startswith("NOT HEALTHY") and
          f"node {numbers[nodes[2].port]} ({dead})" in out,
          "a killed node is named at once", (code, out, err))

    def is_down():
        report = ctl_json("-p", nodes[0].port, "status")[1]
        return any(n["state"] == "DOWN" and n["address"] == dead
                   for n in report["nodes"])

    check(wait_until(is_down, 30), "it is DOWN soon")
    code, out, _ = ctl("-p", nodes[0].port, "status")
    check(code == 1 and f"({dead}) is DOWN" in out.splitlines()[0],
          "the verdict says so", out)
    code, report = ctl_json("-p", nodes[0].port, "hints")
    check(code == 5 and report["ok"] is False, "hints: one does not answer",
          report)
    check(ctl("-p", nodes[0].port, "repair", "status")[0] == 5,
          "repair status: one does not answer")
    check(ctl("-p", nodes[0].port, "ring", "--key", "k")[0] == 5,
          "ring --key: one copy does not answer")
    check(nodes[0].client()("SET", "k", "v") == "+OK",
          "two nodes are enough for a write")
    check(nodes[0].client()("SET", "session:k", "v").startswith("-NOQUORUM"),
          "but not where a prefix wants three")
    nodes[2] = Node(nodes[2].port, [node.port for node in nodes], "--rack",
                    "r2", dir=nodes[2].dir)
    code, out, err = ctl("-p", nodes[0].port, "status", "--wait=60", "--nodes",
                         3, seconds=120)
    check(code == 0, "it returns, and the ring is healthy again",
          (code, out, err))
    stop_all(nodes)


def test_demo():
    port = ring_port()
    env = dict(os.environ, TMPDIR=base.root)
    demo = subprocess.Popen([CTL, "--json", "demo", "3", "--port", str(port)],
                            env=env, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)
    line = demo.stdout.readline().decode()
    try:
        report = json.loads(line)
        check(len(report["nodes"]) == 3 and os.path.isdir(report["dir"]),
              "three nodes", report)
        first, last = (report["nodes"][i]["port"] for i in (0, 2))
        check(base.Client(first)("SET", "hello", "world") == "+OK", "SET")
        check(base.Client(last)("GET", "hello") == b"world", "GET elsewhere")
    except (ValueError, KeyError) as problem:
        check(False, "demo", (problem, line))
        report = {"nodes": [], "dir": ""}
    demo.send_signal(signal.SIGINT)
    code = demo.wait(30)
    check(code == 130, "Ctrl-C", (code, demo.stderr.read().decode()))
    check(not os.path.exists(report["dir"]), "its folder is gone", report)
    for node in report["nodes"]:
        check(is_free(node["port"]), "its nodes are gone", node)


if __name__ == "__main__":
    if not os.path.exists(CTL):
        print("kula-ctl was not built (no hiredis)")
        sys.exit(77)
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            setattr(base, name, test)
    for name in [name for name in vars(base) if name.startswith("test_")]:
        if name not in globals():
            delattr(base, name)
    sys.exit(base.main())
