#!/usr/bin/env python3
"""Hostile clients: none stops, bloats or crashes the server.

Each case is an attack on a fresh server, with one worker and with two. While
it goes on a well-behaved client is served; the server's resident memory grows
by no more than the case's figure, from the first byte to the last; afterwards
all descriptors are closed, and the server stops as it should. Nothing is
measured in time: what takes long here is a hang.

KULA_LONG=1: a million connections, larger everything. KULA_CASE: names of the
cases to run, separated by blanks. KULA_SEED: of the random bytes."""

import os
import random
import resource
import socket
import sys
import time

sys.dont_write_bytecode = True
import hostile_peer as peer  # noqa: E402
from hostile_peer import (LONG, MIB, check, command, drop_all, flood,
                          wait_until)  # noqa: E402

SEED = int(os.environ.get("KULA_SEED", "1"))
DESCRIPTORS = peer.raise_descriptor_limit()
cases = []


def case(mib, *options, auth=()):
    """Registers an attack: at most so many MiB more, server options."""
    def add(attack):
        cases.append((attack, mib, options, auth))
        return attack
    return add


def expect_refusal(client, text, error):
    """The server answers `text` with the error, then closes."""
    client.sock.sendall(text)
    got = client.rest()
    check(got == error, f"reply to {text[:40]!r}", got[:200])
    client.drop()


# ---- requests in pieces ------------------------------------------------------

@case(8)
def drip(server, neighbour):
    """One byte at a time: a long value, many arguments, many clients."""
    size = 300_000 if LONG else 12_000
    value = bytes(i % 251 for i in range(size))
    with server.client() as client:
        words = [word for i in range(size // 100)
                 for word in (f"k{i}", "v" * (i % 7))]
        for text in (command("SET", "big", value), command("MSET", *words)):
            for i in range(len(text)):
                client.sock.send(text[i:i + 1])
            check(client.reply() == b"+OK", "a dripped command")
        check(client("GET", "big") == value, "the dripped value")
    clients = [server.client() for _ in range(50)]
    text = command("SET", "small", b"x" * 100)
    for i in range(len(text)):
        for client in clients:
            client.sock.send(text[i:i + 1])
    check(all(client.reply() == b"+OK" for client in clients),
          "a command dripped by 50 clients")
    drop_all(clients)


@case(8)
def split(server, neighbour):
    """A pipeline cut in two at every byte is answered as if it were whole."""
    parts = [command("SET", "a", b"x\r\n$5\r\ny"), command("GET", "a"),
             b"PING\r\n", b"\r\n", command("MGET", "a", "none"), b"*0\r\n",
             b"SET 'b c' \"\\x41\\n\"\n", b"GET 'b c'\r\n", b"*-1\r\n",
             command("INCR", "b c"), command("nosuch", "a"), b"GET\r\n",
             command("MULTI"), command("GET", "a"), command("EXEC"),
             command("ECHO", b""), b"ECHO \"\"\r\n", command("DEL", "a", "b")]
    text = b"".join(parts)
    with server.client() as client:
        client.sock.sendall(text + command("ECHO", "end"))
        want = read_until_end(client)
        for i in range(1, len(text)):
            client.sock.sendall(text[:i])
            # another client's turn lies between the two pieces
            neighbour.wait(1 if LONG or i % 8 == 0 else 0)
            client.sock.sendall(text[i:] + command("ECHO", "end"))
            got = read_until_end(client)
            if got != want:
                check(False, f"split at {i}", (got, want))
                return
        for byte in text:
            client.sock.send(bytes([byte]))
        client.sock.sendall(command("ECHO", "end"))
        check(read_until_end(client) == want, "split everywhere")


def read_until_end(client):
    got = b""
    while not got.endswith(b"$3\r\nend\r\n"):
        piece = client.sock.recv(65536)
        if not piece:
            raise EOFError(f"closed after {got!r}")
        got += piece
    return got


# ---- sizes that are only said ------------------------------------------------

@case(8)
def declared(server, neighbour):
    """Lengths are taken on trust by nobody: memory comes with the bytes."""
    bad = b"-ERR Protocol error: "
    for text, error in (
            (b"*2147483648\r\n", b"invalid multibulk length"),
            (b"*99999999999999999999\r\n", b"invalid multibulk length"),
            (b"*1x\r\n", b"invalid multibulk length"),
            (b"*1\r\n$-2\r\n", b"invalid bulk length"),
            (b"*1\r\n$536870913\r\n", b"invalid bulk length"),
            (b"*1\r\n$9223372036854775807\r\n", b"invalid bulk length"),
            (b"*1\r\n$99999999999999999999\r\n", b"invalid bulk length"),
            (b"*1\r\n!5\r\n", b"expected '$', got '!'"),
            (b"*" + b"1" * 70_000, b"too big mbulk count string"),
            (b"*1\r\n$" + b"1" * 70_000, b"too big bulk count string")):
        expect_refusal(server.client(), text, bad + error + b"\r\n")
    with server.client() as client:
        client.sock.sendall(b"*-9223372036854775808\r\n*-1\r\n*0\r\n")
        check(client("PING") == b"+PONG", "empty arrays are skipped")
    clients = []
    for text in (b"*1048576\r\n", b"*1048576\r\n$536870912\r\n",
                 b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nabc",
                 b"*1048576\r\n" + b"$0\r\n\r\n" * 100):
        for _ in range(100):
            clients.append(server.client())
            clients[-1].sock.sendall(text)
    neighbour.wait(10)
    drop_all(clients)


@case(384)
def query_limit(server, neighbour):
    """A value that never ends is cut off at client-query-buffer-limit."""
    client = server.client()
    client.sock.sendall(b"*2\r\n$4\r\nECHO\r\n$536870912\r\n")
    sent, closed = flood([client], b"x" * MIB, neighbour, 536870912)
    check(closed == {0} and sent[0] < 128 * MIB, "the connection is closed",
          (sent, closed))
    client.drop()
    clients = [server.client() for _ in range(2)]
    for client in clients:
        client.sock.sendall(b"*1048576\r\n")
    sent, closed = flood(clients, b"$120\r\n%b\r\n" % (b"x" * 120) * 1000,
                         neighbour, 128 * MIB)
    check(len(closed) == 2, "a million arguments of 120 bytes are too much",
          sent)
    drop_all(clients)


@case(32)
def inline(server, neighbour):
    """Lines without end."""
    error = b"-ERR Protocol error: too big inline request\r\n"
    for text in (b"x" * 70_000, b"PING " + b"y" * 70_000, b" " * 70_000,
                 b"\"" * 70_000, b"\0" * 70_000):
        expect_refusal(server.client(), text, error)
    expect_refusal(server.client(), b"SET \"a b\r\n",
                   b"-ERR Protocol error: unbalanced quotes in request\r\n")
    with server.client() as client:
        client.sock.sendall(b"ECHO " + b"x" * 60_000 + b"\r\n")
        check(client.reply() == b"x" * 60_000, "the longest line is no error")
        client.sock.sendall(b"DEL" + b" k" * 30_000 + b"\r\n")
        check(client.reply() == 0, "many words in a line")
        client.sock.sendall(b"\r\n" * 200_000 + b"PING\r\n")
        check(client.reply() == b"+PONG", "empty lines")
    clients = [server.client() for _ in range(200)]
    for client in clients:
        client.sock.sendall(b"ECHO " + b"x" * 60_000)
    neighbour.wait(5)
    drop_all(clients)


@case(160)
def arguments(server, neighbour):
    """A million arguments; one more is refused."""
    most = 1024 * 1024
    bulk = b"$1\r\nk\r\n"
    with server.client() as client:
        client.sock.sendall(b"*%d\r\n$6\r\nEXISTS\r\n" % most)
        client.sock.sendall(bulk * (most - 1))
        check(client.reply() == 0, "EXISTS of a million keys")
        client.sock.sendall(b"*%d\r\n$4\r\nMGET\r\n" % most)
        client.sock.sendall(bulk * (most - 1))
        check(client.reply() == [None] * (most - 1), "MGET of a million keys")
        client.sock.sendall(b"*%d\r\n$3\r\nGET\r\n" % most)
        client.sock.sendall(bulk * (most - 1))
        check(client.reply() == b"-ERR wrong number of arguments for 'get' "
              b"command", "GET of a million keys")
        client.sock.sendall(b"*%d\r\n$6\r\nnosuch\r\n" % most)
        client.sock.sendall(bulk * (most - 1))
        check(client.reply().startswith(b"-ERR unknown command 'nosuch'"),
              "an unknown command with a million arguments")
    neighbour.wait(5)


# ---- replies that nobody reads -----------------------------------------------

@case(64)
def unread(server, neighbour):
    """Endless pipelines: reading stops when replies are not taken."""
    with server.client() as client:
        client("SET", "value", b"v" * 100_000)
    clients = [server.client(receive_room=8192) for _ in range(20)]
    sent, closed = flood(clients, command("GET", "value") * 64, neighbour)
    check(not closed, "they are stopped, not closed", closed)
    check(max(sent) < 32 * MIB, "and they are stopped soon", max(sent))
    # whoever reads after all gets every reply
    text = command("GET", "value")
    client, whole = clients[0], sent[0] // len(text)
    for _ in range(min(whole, 200)):
        if client.reply() != b"v" * 100_000:
            check(False, "a late reader's reply")
            break
    drop_all(clients)


@case(32)
def unread_small(server, neighbour):
    """The same with the smallest requests and replies."""
    count = 1 if peer.SANITIZED else 6
    clients = [server.client(receive_room=8192) for _ in range(count)]
    sent, closed = flood(clients, b"PING\r\n" * 4096, neighbour)
    check(not closed, "they are stopped, not closed", closed)
    client = clients[0]
    for _ in range(sent[0] // 6):
        if client.line() != b"+PONG":
            check(False, "a late reader's reply")
            break
    drop_all(clients)


@case(320)
def giant_reply(server, neighbour):
    """One command whose reply is a thousand times a large value."""
    with server.client() as client:
        client("SET", "value", b"v" * MIB)
    get = command("GET", "value")
    for text in (command("MGET", *["value"] * 1500),
                 command("MULTI") + get * 1500 + command("EXEC")):
        client = server.client()
        client.sock.sendall(text)
        neighbour.wait(30)
        got = len(client.rest())
        check(got < 1000 * MIB, "it is closed at the output limit", got)
        client.drop()
    with server.client() as client:
        check(client("PING") == b"+PONG", "served after giant replies")


@case(192, "--client-output-buffer-limit", "normal 4mb 0 0")
def names(server, neighbour):
    """CLIENT LIST of clients with giant names: one giant bulk."""
    clients = [server.client() for _ in range(12)]
    for client in clients:
        check(client("CLIENT", "SETNAME", b"n" * MIB) == b"+OK", "SETNAME")
    # one bulk may be larger than the limit; it is not kept more than once
    askers = [server.client(receive_room=4096) for _ in range(3)]
    for client in askers:
        client.send("CLIENT", "LIST")
    neighbour.wait(20)
    drop_all(askers)
    drop_all(clients)


@case(32)
def turns(server, neighbour):
    """Costly commands with small replies: others get their turn between."""
    count = 100
    with server.client() as client:
        client("SET", "big", b"\xff" * 8 * MIB)
        before = neighbour.rounds
        client.sock.sendall(b"BITCOUNT big\r\n" * count)
        check(all(client.reply() == 64 * MIB for _ in range(count)),
              "BITCOUNT of 8 MiB")
        rounds = neighbour.rounds - before
        check(rounds >= 10, "others were served meanwhile", rounds)


@case(64)
def slow_reader(server, neighbour):
    """Replies taken by the byte."""
    size = 2 * MIB
    with server.client() as client:
        client("SET", "value", b"v" * size)
    clients = [server.client(receive_room=4096) for _ in range(10)]
    for client in clients:
        client.sock.sendall(command("GET", "value") * 10)
    for _ in range(300):
        for client in clients:
            check_byte = client.sock.recv(1)
            if not check_byte:
                check(False, "a slow reader was closed")
                return
    drop_all(clients[1:])
    rest = 10 * (len(b"$%d\r\n" % size) + size + 2) - 300
    while rest > 0:
        piece = clients[0].sock.recv(65536)
        if not piece:
            break
        rest -= len(piece)
    check(rest == 0, "a slow reader gets all of it", rest)
    clients[0].drop()


@case(96, "--client-output-buffer-limit", "pubsub 4mb 0 0")
def monitors(server, neighbour):
    """MONITOR that is never read, while others send long commands."""
    clients = [server.client(receive_room=4096) for _ in range(8)]
    for client in clients:
        check(client("MONITOR") == b"+OK", "MONITOR")
    with server.client() as client:
        text = command("SET", "key", b"\xff\n" * 8192)
        for _ in range(40 if peer.SANITIZED else 400):
            client.sock.sendall(text * 4)
            for _ in range(4):
                client.reply()
    neighbour.wait(5)
    drop_all(clients)


@case(48)
def client_list(server, neighbour):
    """CLIENT LIST of hundreds, endless and unread."""
    idle = [server.client() for _ in range(500)]
    clients = [server.client(receive_room=4096) for _ in range(8)]
    sent, closed = flood(clients, command("CLIENT", "LIST") * 16, neighbour,
                         4 * MIB)
    check(not closed, "they are stopped, not closed", closed)
    check(max(sent) < 4 * MIB, "and they are stopped soon", max(sent))
    drop_all(clients)
    drop_all(idle)


@case(8)
def reply_off(server, neighbour):
    """Floods that want no reply at all."""
    clients = [server.client() for _ in range(4)]
    for client in clients:
        client.send("CLIENT", "REPLY", "OFF")
    flood(clients, command("SET", "key", b"v" * 900) * 64, neighbour,
          (200 if LONG else 12) * MIB)
    flood(clients, command("nosuch", b"v" * 900) * 64, neighbour, 4 * MIB)
    for client in clients:
        # the last flood may have stopped within a command: it ends with it
        client.drop()
    with server.client() as client:
        client.sock.sendall(command("CLIENT", "REPLY", "OFF")
                            + command("INCR", "count") * 20_000
                            + command("CLIENT", "REPLY", "ON"))
        check(client.reply() == b"+OK", "CLIENT REPLY ON")
        check(client("GET", "count") == b"20000", "all of it was run")
        client.sock.sendall((command("CLIENT", "REPLY", "SKIP")
                             + command("INCR", "count")) * 10_000)
        check(client("GET", "count") == b"30000", "CLIENT REPLY SKIP")


# ---- connections -------------------------------------------------------------

def connect_and(server, port, i):
    """One short connection; five ways to end it."""
    sock = socket.socket()
    sock.settimeout(peer.HANG)
    sock.connect(("127.0.0.1", port))
    if i % 5 == 1:
        sock.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100\r\nhalf")
    if i % 5 == 2:
        sock.send(b"PING\r\n")
    if i % 5 == 3:
        sock.send(b"PING\r\n")
        assert sock.recv(7) == b"+PONG\r\n"
    if i % 5 != 4:  # a reset; the fifth closes in order
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        b"\1\0\0\0\0\0\0\0")
    sock.close()


@case(8)
def churn(server, neighbour):
    """Connections opened and dropped in turn."""
    for i in range(1_000_000 if LONG else 8_000):
        connect_and(server, server.port, i)
        if neighbour.error is not None:
            return


@case(48 if LONG else 12)
def idle(server, neighbour):
    """Thousands of idle clients, each having asked for something once."""
    count = min(9_000 if LONG else 2_000, DESCRIPTORS - 200)
    clients = []
    for i in range(count):
        clients.append(server.client())
        if i % 2 == 0:
            clients[-1].sock.sendall(command("ECHO", b"x" * 5000))
    check(all(clients[i].reply() == b"x" * 5000 for i in range(0, count, 2)),
          "each is answered")
    neighbour.wait(20)
    with server.client() as client:
        got = int(info(client, "connected_clients"))
        check(got >= count, "all of them are connected", got)
    drop_all(clients)


@case(8, "--maxclients", "100")
def too_many(server, neighbour):
    """More than maxclients: told so, closed, forgotten."""
    neighbour.renews = False
    neighbour.wait(2)
    clients = [server.client() for _ in range(80)]
    for _ in range(1000):
        client = server.client()
        try:
            client.sock.send(b"PING\r\n")
            got = client.sock.recv(100)
        except ConnectionError:
            got = b""
        client.drop()
        if got not in (b"", b"-ERR max number of clients reached\r\n",
                       b"+PONG\r\n"):
            check(False, "the refusal", got)
            break
    drop_all(clients)


@case(8)
def no_descriptors(server, neighbour):
    """The process runs out of descriptors; later it serves again."""
    neighbour.renews = False
    neighbour.wait(2)
    soft, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE,
                     (server.descriptors() + 20, hard))
    clients = [server.client() for _ in range(100)]
    for client in clients:
        client.send("PING")
    check(clients[0].reply() == b"+PONG", "the first one is served")
    check(neighbour.wait(50), "those who are connected are served",
          neighbour.error)
    log = server.log()
    check(len(log) < 20_000, "the log is not flooded", len(log))
    drop_all(clients[:90])
    check(all(client.reply() == b"+PONG" for client in clients[90:]),
          "those who waited get their turn")
    drop_all(clients[90:])
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (soft, hard))
    with server.client() as client:
        check(client("PING") == b"+PONG", "new ones are served again")


@case(8, "--timeout", "1", "--tcp-keepalive", "1")
def half_open(server, neighbour):
    """Peers that have closed one half, or are gone without a word."""
    before = server.descriptors()
    closing, silent, gone = [], [], []
    for i in range(100):
        closing.append(server.client())
        closing[-1].sock.sendall(command("SET", "half", i)
                                 + b"*2\r\n$3\r\nGET\r\n$9\r\nabc")
        closing[-1].sock.shutdown(socket.SHUT_WR)
        silent.append(server.client())
        silent[-1].sock.sendall(b"*2\r\n$3\r\nGET\r\n$9\r\nabc")
        silent[-1].sock.shutdown(socket.SHUT_RD)
    for client in closing:
        got = client.rest()
        if got != b"+OK\r\n":
            check(False, "what was whole before the end is answered", got)
            break
    for _ in range(50):
        client = server.client()
        client("PING")
        try:
            # the connection vanishes: not even a FIN is sent
            client.sock.setsockopt(socket.IPPROTO_TCP, 19, 1)
        except OSError:
            client.drop()  # only root may
            break
        client.close()
        gone.append(client)
    ok = wait_until(lambda: server.descriptors() <= before + 8)
    check(ok, "all are closed in the end while their peers do nothing",
          (before, server.descriptors()))
    drop_all(closing + silent)


# ---- passwords ---------------------------------------------------------------

@case(48, "--requirepass", "secret", auth=("AUTH", "secret"))
def unauthenticated(server, neighbour):
    """Floods from those who have no password."""
    bad = b"-ERR Protocol error: unauthenticated "
    for text, error in ((b"*11\r\n", b"multibulk length\r\n"),
                        (b"*1\r\n$16385\r\n", b"bulk length\r\n")):
        expect_refusal(server.client(), text, bad + error)
    no = b"-NOAUTH Authentication required."
    with server.client() as client:
        count = 3000
        client.sock.sendall(command("SET", "neighbour:0", b"v" * 100) * count)
        check(all(client.reply() == no for _ in range(count)), "NOAUTH")
        wrong = (b"-WRONGPASS invalid username-password pair or user is "
                 b"disabled.")
        client.sock.sendall(command("AUTH", b"guess" * 100) * count)
        check(all(client.reply() == wrong for _ in range(count)), "WRONGPASS")
        check(client("MULTI") == no and client("MONITOR") == no,
              "no transactions and no MONITOR")
        check(client("AUTH", "secret") == b"+OK", "AUTH after guesses")
        check(client("PING") == b"+PONG", "PING after AUTH")
    count = 2 if peer.SANITIZED else 16
    clients = [server.client(receive_room=4096) for _ in range(count)]
    _, closed = flood(clients, command("GET", "k") * 512, neighbour)
    check(not closed, "they are stopped, not closed", closed)
    drop_all(clients)


# ---- state that grows --------------------------------------------------------

@case(160)
def multi(server, neighbour):
    """MULTI queues without end."""
    client = server.client()
    check(client("MULTI") == b"+OK", "MULTI")
    text = command("SET", "queued", b"v" * 1000) * 100
    error = None
    for _ in range(1500):
        client.sock.sendall(text)
        for _ in range(100):
            reply = client.reply()
            if reply != b"+QUEUED":
                error = reply
        if error is not None:
            break
    check(error is not None, "a queue of 150 MB is refused", error)
    check(client("EXEC").startswith(b"-EXECABORT"), "EXEC is refused")
    check(client("PING") == b"+PONG", "PING after the refusal")
    check(client("GET", "queued") is None, "nothing of it was run")
    client.drop()


@case(80 if LONG else 40)
def multi_many(server, neighbour):
    """Long queues of the smallest commands, run and given up."""
    count = 300_000 if LONG else 60_000
    with server.client() as client:
        for end in ("EXEC", "DISCARD", "EXEC"):
            client.sock.sendall(command("MULTI"))
            check(client.reply() == b"+OK", "MULTI")
            for _ in range(count // 10_000):
                client.sock.sendall(b"INCR n\r\n" * 10_000)
                for _ in range(10_000):
                    client.line()
            got = client(end)
            check(got == b"+OK" or len(got) == count, f"{end} of {count}",
                  got[:3])
        check(client("GET", "n") == b"%d" % (2 * count), "all were run")
    clients = [server.client() for _ in range(100)]
    for client in clients:  # and dropped within
        client.sock.sendall(command("MULTI") + b"SET a b\r\n" * 1000)
    neighbour.wait(5)
    drop_all(clients)


@case(16)
def watches(server, neighbour):
    """WATCH without end: new keys, and one key over and over."""
    with server.client() as client:
        for i in range(400 if LONG else 12):
            client.send("WATCH", *[f"watched:{i}:{j}" for j in range(500)])
            check(client.reply() == b"+OK", "WATCH of 500 keys")
        client.send("WATCH", *["same"] * 5000)
        check(client.reply() == b"+OK", "WATCH of one key, 5000 times")
        check(client("MULTI") == b"+OK" and client("PING") == b"+QUEUED" and
              client("EXEC") == [b"+PONG"], "EXEC with all of these")
    neighbour.wait(5)


@case(8)
def patterns(server, neighbour):
    """Patterns that would take for ever if each star were tried for itself."""
    with server.client() as client:
        client("SET", "a" * 5000, "v")
        for pattern in ("*a" * 2000 + "b", "a*" * 100 + "b", "[" * 5000,
                        "\\" * 5001, "?*" * 2500 + "b", "[a-" * 1000):
            check(client("KEYS", pattern) == [], "KEYS finds nothing")
            got = client("SCAN", "0", "MATCH", pattern, "COUNT", 1000)
            check(got[1] == [], "SCAN finds nothing")
            check(client("CONFIG", "GET", pattern) == [], "nor CONFIG GET")


@case(24, "--slowlog-log-slower-than", "0", "--slowlog-max-len", "1000",
      "--latency-monitor-threshold", "1")
def logs(server, neighbour):
    """What the server keeps of commands is cut short."""
    with server.client() as client:
        for i in range(40):
            client("SET", "long", b"v" * MIB)
            client(b"n" * MIB, b"v" * MIB)
            client("DEL", *[b"w" * 200] * 1000)
        got = client("SLOWLOG", "GET", 1000)
        check(all(len(entry[3]) <= 32 and
                  all(len(arg) <= 200 for arg in entry[3]) for entry in got),
              "entries of the slow log are short")
        for i in range(3000):
            client.sock.send(command(f"nosuch{i}", "x"))
            client.reply()


@case(96)
def sizes(server, neighbour):
    """Values at the limits: 16 MiB here, and what is beyond 512 MiB."""
    value = os.urandom(16 * MIB)
    error = b"-ERR string exceeds maximum allowed size (proto-max-bulk-len)"
    offset = b"-ERR offset is out of range"
    bit = b"-ERR bit offset is not an integer or out of range"
    with server.client() as client:
        check(client("SET", "giant", value) == b"+OK", "SET of 16 MiB")
        check(client("GET", "giant") == value, "GET of 16 MiB")
        for _ in range(4):
            check(client("SET", "giant", value) == b"+OK", "overwritten")
        for args, want in (
                (("SETRANGE", "giant", 536870912, "x"), error),
                (("SETRANGE", "giant", 9223372036854775807, "x"), error),
                (("SETRANGE", "giant", -1, "x"), offset),
                (("SETBIT", "giant", 4294967296, 1), bit),
                (("SETBIT", "giant", -1, 1), bit),
                (("GETBIT", "giant", 9223372036854775807), bit),
                (("GETRANGE", "giant", -9223372036854775808,
                  -9223372036854775808), value[:1]),
                (("GETRANGE", "giant", 9223372036854775807, -1), b""),
                (("BITCOUNT", "giant", 9223372036854775806,
                  9223372036854775807), 0),
                (("STRLEN", "giant"), 16 * MIB)):
            got = client(*args)
            check(got == want, args, got if got is None or
                  isinstance(got, int) else got[:100])
        check(client("DEL", "giant") == 1, "DEL")
        name = b"k" * MIB
        check(client("SET", name, "v") == b"+OK", "a key of 1 MiB")
        check(client("GET", name) == b"v", "is found again")
        check(client("DEL", name) == 1, "and deleted")


@case(2048 if LONG else 64, "--client-query-buffer-limit", "1gb",
      "--client-output-buffer-limit", "normal 0 0 0")
def proto_max(server, neighbour):
    """A value of proto-max-bulk-len bytes, and one byte more."""
    most = 512 * MIB if LONG else 8 * MIB
    with server.client() as client:
        if not LONG:
            reply = client("CONFIG", "SET", "proto-max-bulk-len", most)
            check(reply == b"+OK", "proto-max-bulk-len", reply)
    with server.client() as client:
        value = b"v" * most
        check(client("SET", "most", value) == b"+OK", "SET")
        check(client("GET", "most") == value, "GET")
        check(client("APPEND", "most", "x").startswith(b"-ERR string exceeds"),
              "APPEND of one byte more")
        check(client("SETRANGE", "most", most - 1, "x") == most, "SETRANGE")
        check(client("DEL", "most") == 1, "DEL")
    with server.client() as client:
        client.sock.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n" %
                            (most + 1))
        check(client.rest() == b"-ERR Protocol error: invalid bulk length\r\n",
              "one byte more")


# ---- chance ------------------------------------------------------------------

def shapes(rng):
    """Something between noise and a command."""
    words = [b"GET", b"SET", b"APPEND", b"SETRANGE", b"INCR", b"MGET", b"MULTI",
             b"EXEC", b"WATCH", b"CLIENT", b"LIST", b"SETBIT", b"BITFIELD",
             b"EXPIRE", b"SCAN", b"COPY", b"OBJECT", b"HELLO", b"3", b"KEYS",
             b"MONITOR", b"RESET", b"QUIT", b"SORT", b"LCS", b"BITOP", b"AND"]
    kind = rng.randrange(8)
    if kind == 0:
        return rng.randbytes(rng.randrange(1, 400))
    if kind == 1:
        return bytes(rng.choice(b"*$+-:_#,(!=%~>|0123456789\r\n")
                     for _ in range(rng.randrange(1, 100)))
    if kind == 2:
        return b" ".join(rng.choice(words) for _ in range(5)) + b"\r\n"
    args = [rng.choice(words)]
    for _ in range(rng.randrange(0, 6)):
        args.append(rng.choice((
            rng.choice(words), b"key%d" % rng.randrange(9), b"", b"*", b"[^",
            b"\\", b"-1", b"0", b"%d" % rng.randrange(-99999, 99999),
            b"9223372036854775807", b"-9223372036854775808", b"1e400", b"nan",
            b"MATCH", b"COUNT", b"STORE", b"EX", b"KEEPTTL", b"u64", b"i8",
            rng.randbytes(rng.randrange(0, 50)))))
    text = bytearray(command(*args))
    if kind == 3:
        for _ in range(rng.randrange(1, 4)):
            text[rng.randrange(len(text))] = rng.randrange(256)
    if kind == 4:
        del text[rng.randrange(len(text))]
    if kind == 5:
        del text[rng.randrange(len(text)):]
    return bytes(text)


@case(16)
def noise(server, neighbour):
    """Random bytes and commands with wrong bytes in them."""
    rng = random.Random(SEED)
    for _ in range(30_000 if LONG else 1_500):
        client = server.client()
        try:
            for _ in range(rng.randrange(1, 12)):
                client.sock.send(shapes(rng))
            if rng.random() < 0.3:
                client.sock.setblocking(False)
                client.sock.recv(65536)
        except OSError:
            pass
        client.drop()
        if neighbour.error is not None:
            return
    with server.client() as client:
        check(client("PING") == b"+PONG", f"served after noise of seed {SEED}")


# ---- the frame of each case --------------------------------------------------

def info(client, field):
    for line in client("INFO", "clients").decode().splitlines():
        if line.startswith(field + ":"):
            return line.split(":")[1]
    return "0"


def run_case(attack, mib, options, auth, threads):
    name = f"{attack.__name__}, {threads} threads"
    begin = time.monotonic()
    server = peer.Server("--io-threads", threads, *options)
    server.warm_up(*auth)
    open_before, base = server.descriptors(), server.rss()
    sampler, neighbour = peer.Sampler(server), peer.Neighbour(server, *auth)
    neighbour.wait(2)
    try:
        attack(server, neighbour)
    except Exception as error:  # the server's end is told below
        check(False, name, repr(error))
    check(neighbour.wait(5), f"{name}: others are served", neighbour.error)
    neighbour.stop()
    check(wait_until(lambda: server.process.poll() is not None or
                     server.descriptors() == open_before),
          f"{name}: descriptors are closed",
          (server.descriptors(), open_before))
    sampler.stop()
    grown = (max(sampler.peak, server.rss_peak()) - base) / MIB
    # a sanitizer's shadow memory says nothing
    check(grown <= mib or peer.SANITIZED,
          f"{name}: grows by at most {mib} MiB", f"{grown:.1f}")
    stop(server, name, auth)
    print(f"{name}: {grown:.1f} of {mib} MiB, "
          f"{neighbour.rounds} rounds of the neighbour, the slowest "
          f"{neighbour.slowest * 1000:.0f} ms; "
          f"{time.monotonic() - begin:.1f} s", flush=True)
    server.clean()


def stop(server, name, auth):
    """Nobody is left, and the end is an orderly one."""
    try:
        with server.client() as client:
            if auth:
                client(*auth)
            check(wait_until(lambda: info(client, "connected_clients") == "1"),
                  f"{name}: no client is left", client("CLIENT", "LIST"))
    except (OSError, EOFError) as error:
        check(False, f"{name}: a last connection", repr(error))
    code = server.stop()
    check(code == 0, f"{name}: exit status", code)
    check(not server.reports(), f"{name}: the log", server.log()[-6000:])


def main():
    chosen = os.environ.get("KULA_CASE", "").split()
    for threads in (1, 2):
        for attack, *rest in cases:
            if chosen and attack.__name__ not in chosen:
                continue
            run_case(attack, *rest, threads)
    peer.finish()


main()
