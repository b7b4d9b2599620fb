"""Smoke test with redis-py: redis-py.py HOST PORT [handshake]."""
import sys
import time

import redis

HOST, PORT = sys.argv[1], int(sys.argv[2])
passed = failed = 0


def check(name, condition):
    global passed, failed
    if condition:
        passed += 1
    else:
        failed += 1
        print("FAILED", name)


def raises(kind, text, call):
    try:
        call()
    except kind as error:
        return text in str(error)
    return False


def basics(client):
    binary = bytes(range(256)) * 10
    check("set", client.set("py:a", "1"))
    check("get", client.get("py:a") == b"1")
    check("binary value", client.set("py:b", binary))
    check("binary value back", client.get("py:b") == binary)
    check("binary key", client.set(b"py:\x00\xff\r\n", b"x"))
    check("binary key back", client.get(b"py:\x00\xff\r\n") == b"x")
    check("empty value", client.set("py:e", b"") and client.get("py:e") == b"")
    check("no value", client.get("py:none") is None)
    check("big value", client.set("py:big", b"v" * 5000000))
    check("big value back", len(client.get("py:big")) == 5000000)
    check("mset", client.mset({"py:m1": 1, "py:m2": 2}))
    check("mget", client.mget("py:m1", "py:none", "py:m2") == [b"1", None, b"2"])
    check("incr", client.incr("py:a", 41) == 42)
    check("float", client.incrbyfloat("py:f", 0.5) == 0.5)
    check("nx", client.set("py:a", 2, nx=True) is None)
    check("get option", client.set("py:a", 3, get=True) == b"42")
    check("exists", client.exists("py:a", "py:none") == 1)
    check("type", client.type("py:a") == b"string")
    check("bits", client.setbit("py:bits", 7, 1) == 0
          and client.bitcount("py:bits") == 1)


def expiry(client):
    check("ex", client.set("py:t", 1, ex=100) and 98 <= client.ttl("py:t") <= 100)
    check("pttl", 90000 < client.pttl("py:t") <= 100000)
    check("persist", client.persist("py:t") and client.ttl("py:t") == -1)
    check("no key", client.ttl("py:none") == -2)
    check("px", client.set("py:t", 1, px=60))
    time.sleep(0.2)
    check("expired", client.get("py:t") is None)


def pipelines(client):
    pipe = client.pipeline(transaction=False)
    for i in range(5000):
        pipe.set(f"py:p:{i}", i)
    check("pipeline", pipe.execute() == [True] * 5000)
    pipe = client.pipeline(transaction=True)
    pipe.get("py:p:10").incr("py:p:10").get("py:p:10")
    check("transaction", pipe.execute() == [b"10", 11, b"11"])
    with client.pipeline() as pipe:
        pipe.watch("py:w")
        client.set("py:w", "changed")
        pipe.multi()
        pipe.set("py:w", "mine")
        check("watch", raises(redis.WatchError, "", pipe.execute))
    pipe = client.pipeline()
    pipe.incr("py:b").set("py:x", 1)
    check("error in transaction",
          isinstance(pipe.execute(raise_on_error=False)[0], redis.ResponseError))
    check("scan", len(set(client.scan_iter("py:p:*", count=100))) == 5000)
    check("scan of a type", client.scan(0, _type="list", count=100000)[1] == [])
    check("keys", len(client.keys("py:p:1???")) == 1000)
    names = list(client.scan_iter("py:p:*"))
    check("delete", client.delete(*names[:2500]) == 2500
          and client.unlink(*names[2500:]) == 2500)


def errors(client):
    check("not an integer", raises(redis.ResponseError, "not an integer",
                                   lambda: client.incr("py:b")))
    check("unknown", raises(redis.ResponseError, "unknown command",
                            lambda: client.execute_command("NOSUCH", "x")))
    check("arguments", raises(redis.ResponseError, "wrong number of arguments",
                              lambda: client.execute_command("GET")))
    check("no password set", raises(
        redis.RedisError, "without any password",
        lambda: redis.Redis(HOST, PORT, password="x").ping()))
    check("database out of range", raises(
        redis.ResponseError, "out of range",
        lambda: redis.Redis(HOST, PORT, db=99).ping()))


def databases(client):
    other = redis.Redis(HOST, PORT, db=1)
    other.set("py:a", "other")
    check("databases", client.get("py:a") == b"3" and other.get("py:a") == b"other")
    other.flushdb()
    check("flushdb", other.dbsize() == 0)


def reconnect(client):
    killer = redis.Redis(HOST, PORT)
    mine = client.client_id()
    check("kill", killer.client_kill_filter(_id=mine) == 1)
    check("reconnect", client.ping())
    check("another connection", client.client_id() != mine)


def server(client):
    info = client.info()
    check("info", info["redis_version"] and info["loading"] == 0
          and "maxmemory_policy" in info and info["cluster_enabled"] == 0)
    check("name", client.client_setname("py") and client.client_getname() == "py")
    check("list", any(c["name"] == "py" for c in client.client_list()))
    check("config", "maxmemory" in client.config_get("maxmemory*"))
    check("time", abs(client.time()[0] - time.time()) < 5)
    check("command", "get" in client.command())
    check("memory", client.memory_usage("py:a") > 0)
    check("slowlog", isinstance(client.slowlog_get(), list))
    with client.monitor() as monitor:
        client.get("py:seen")
        check("monitor", "py:seen" in monitor.next_command()["command"])


def main():
    client = redis.Redis(HOST, PORT, client_name="py", health_check_interval=1)
    check("ping", client.ping())
    if "handshake" not in sys.argv:
        for part in (basics, expiry, pipelines, errors, databases, server):
            part(client)
        single = redis.Redis(HOST, PORT, single_connection_client=False)
        reconnect(single)
    print(f"{passed} passed, {failed} failed")


main()
