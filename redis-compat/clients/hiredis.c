/*
 * hiredis.c - smoke test with hiredis: hiredis HOST PORT [handshake].
 */
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct test {
    const char *host;
    int port;
    redisContext *context;
    int passed, failed;
};

static void
check(struct test *test, const char *name, bool condition)
{
    if (condition) {
        test->passed++;
    } else {
        test->failed++;
        printf("FAILED %s\n", name);
    }
}

static redisContext *
connect_to(const struct test *test)
{
    struct timeval limit = {5, 0};
    redisContext *context =
        redisConnectWithTimeout(test->host, test->port, limit);

    if (context == NULL || context->err) {
        printf("FAILED connect\n0 passed, 1 failed\n");
        exit(1);
    }
    return context;
}

/* Takes the reply: is it of this type, with this text? NULL: any text. */
static bool
is_reply(void *taken, int type, const char *text)
{
    redisReply *reply = taken;
    bool is_same = reply != NULL && reply->type == type;

    if (is_same && text != NULL) {
        is_same = reply->len == strlen(text) &&
                  memcmp(reply->str, text, (size_t)reply->len) == 0;
    }
    freeReplyObject(reply);
    return is_same;
}

static bool
is_error(void *taken, const char *start)
{
    redisReply *reply = taken;
    bool is_same = reply != NULL && reply->type == REDIS_REPLY_ERROR &&
                   strncmp(reply->str, start, strlen(start)) == 0;

    freeReplyObject(reply);
    return is_same;
}

static long long
integer(void *taken)
{
    redisReply *reply = taken;
    long long value = -99;

    if (reply != NULL && reply->type == REDIS_REPLY_INTEGER) {
        value = reply->integer;
    }
    freeReplyObject(reply);
    return value;
}

static void
basics(struct test *test)
{
    redisContext *c = test->context;
    const struct timespec pause = {0, 200 * 1000 * 1000};
    char binary[256];
    redisReply *reply;

    for (int i = 0; i < 256; i++)
        binary[i] = (char)i;
    check(test, "set",
          is_reply(redisCommand(c, "SET hi:a 1"), REDIS_REPLY_STATUS, "OK"));
    check(test, "get",
          is_reply(redisCommand(c, "GET hi:a"), REDIS_REPLY_STRING, "1"));
    check(test, "nothing",
          is_reply(redisCommand(c, "GET hi:none"), REDIS_REPLY_NIL, NULL));
    freeReplyObject(
        redisCommand(c, "SET hi:b %b", binary, (size_t)sizeof(binary)));
    reply = redisCommand(c, "GET hi:b");
    check(test, "binary",
          reply != NULL && reply->len == 256 &&
              memcmp(reply->str, binary, sizeof(binary)) == 0);
    freeReplyObject(reply);
    check(test, "ttl",
          is_reply(redisCommand(c, "SET hi:t x PX 60"), REDIS_REPLY_STATUS,
                   "OK") &&
              integer(redisCommand(c, "PTTL hi:t")) <= 60);
    nanosleep(&pause, NULL);
    check(test, "expired",
          is_reply(redisCommand(c, "GET hi:t"), REDIS_REPLY_NIL, NULL));
    check(test, "incr", integer(redisCommand(c, "INCR hi:a")) == 2);
    check(test, "an error",
          is_error(redisCommand(c, "INCR hi:b"), "ERR value is not an"));
    check(test, "unknown command",
          is_error(redisCommand(c, "NOSUCH x"), "ERR unknown command"));
}

static void
pipelines(struct test *test)
{
    redisContext *c = test->context;
    redisReply *reply;
    int good = 0;

    for (int i = 0; i < 10000; i++)
        redisAppendCommand(c, "SET hi:p:%d %d", i, i);
    for (int i = 0; i < 10000; i++) {
        void *got = NULL;

        if (redisGetReply(c, &got) == REDIS_OK &&
            is_reply(got, REDIS_REPLY_STATUS, "OK")) {
            good++;
        }
    }
    check(test, "pipeline", good == 10000);
    freeReplyObject(redisCommand(c, "MULTI"));
    check(
        test, "queued",
        is_reply(redisCommand(c, "GET hi:p:1"), REDIS_REPLY_STATUS, "QUEUED"));
    freeReplyObject(redisCommand(c, "INCR hi:p:1"));
    reply = redisCommand(c, "EXEC");
    check(test, "transaction",
          reply != NULL && reply->type == REDIS_REPLY_ARRAY &&
              reply->elements == 2 && reply->element[1]->integer == 2);
    freeReplyObject(reply);
    freeReplyObject(redisCommand(c, "MULTI"));
    freeReplyObject(redisCommand(c, "GET"));
    check(test, "aborted", is_error(redisCommand(c, "EXEC"), "EXECABORT"));
}

static void
scan(struct test *test)
{
    char cursor[32] = "0";
    size_t seen = 0;

    do {
        redisReply *reply = redisCommand(
            test->context, "SCAN %s MATCH hi:p:* COUNT 500", cursor);

        if (reply == NULL || reply->elements != 2) {
            freeReplyObject(reply);
            check(test, "scan", false);
            return;
        }
        snprintf(cursor, sizeof(cursor), "%s", reply->element[0]->str);
        seen += reply->element[1]->elements;
        freeReplyObject(reply);
    } while (strcmp(cursor, "0") != 0);
    check(test, "scan", seen >= 10000);
}

static void
watch_and_reconnect(struct test *test)
{
    redisContext *c = test->context, *other = connect_to(test);
    long long id;

    freeReplyObject(redisCommand(c, "WATCH hi:w"));
    freeReplyObject(redisCommand(other, "SET hi:w x"));
    freeReplyObject(redisCommand(c, "MULTI"));
    freeReplyObject(redisCommand(c, "SET hi:w mine"));
    check(test, "watch",
          is_reply(redisCommand(c, "EXEC"), REDIS_REPLY_NIL, NULL));
    id = integer(redisCommand(c, "CLIENT ID"));
    check(test, "kill",
          integer(redisCommand(other, "CLIENT KILL ID %lld", id)) == 1);
    freeReplyObject(redisCommand(c, "PING"));
    check(test, "closed", c->err != 0);
    check(test, "reconnect", redisReconnect(c) == REDIS_OK);
    check(test, "works again",
          is_reply(redisCommand(c, "PING"), REDIS_REPLY_STATUS, "PONG"));
    redisFree(other);
}

int
main(int argc, char **argv)
{
    struct test test = {0};

    if (argc < 3) return 2;
    test.host = argv[1];
    test.port = atoi(argv[2]);
    test.context = connect_to(&test);
    check(&test, "ping",
          is_reply(redisCommand(test.context, "PING"), REDIS_REPLY_STATUS,
                   "PONG"));
    if (argc < 4) {
        basics(&test);
        pipelines(&test);
        scan(&test);
        watch_and_reconnect(&test);
    }
    redisFree(test.context);
    printf("%d passed, %d failed\n", test.passed, test.failed);
    return test.failed > 0;
}
