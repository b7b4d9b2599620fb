#include "play.h"

#include <stdio.h>
#include <stdlib.h>

#define SAME "-ERR source and destination objects are the same"
#define BAD_DB "-ERR DB index is out of range"
#define NOT_IN_INT                                                             \
    "-ERR value is out of range, value must between -2147483648 and "          \
    "2147483647"

CASE(keys, being_there)
{
    play_begin();
    play("MSET a 1 b 2", "+OK");
    play("EXISTS a b a nokey", ":3");
    play("TOUCH a nokey", ":1");
    play("TYPE a", "+string");
    play("TYPE nokey", "+none");
    play("DBSIZE", ":2");
    play("DEL a a nokey", ":1");
    play("UNLINK b", ":1");
    play("DBSIZE", ":0");
    play_end();
}

CASE(keys, renaming)
{
    play_begin();
    play("RENAME nokey k", "-ERR no such key");
    play("RENAME nokey nokey", "-ERR no such key");
    play("SET a v EX 100", "+OK");
    play("SET b w", "+OK");
    play("RENAMENX a b", ":0");
    play("RENAME a b", "+OK");
    play("GET b", "$1 v");
    play("TTL b", ":100");
    play("EXISTS a", ":0");
    play("RENAMENX b a", ":1");
    play("RENAME a a", "+OK");
    play("RENAMENX a a", ":0");
    play("GET a", "$1 v");
    play_end();
}

CASE(keys, a_counter_goes_on_under_its_new_name)
{
    play_begin();
    play("INCRBY a 5", ":5");
    play("RENAME a b", "+OK");
    play("INCR b", ":6");
    play("COPY b c", ":1");
    play("INCR c", ":7");
    play("GET b", "$1 6");
    play("OBJECT ENCODING c", "$3 int");
    play_end();
}

CASE(keys, copying)
{
    play_begin();
    play("SET a v PX 5000", "+OK");
    play("COPY a b", ":1");
    play("PTTL b", ":5000");
    play("SET a w", "+OK");
    play("COPY a b", ":0");
    play("COPY a b REPLACE", ":1");
    play("GET b", "$1 w");
    play("TTL b", ":-1");
    play("COPY nokey b REPLACE", ":0");
    play("COPY a a", SAME);
    play("COPY a a DB 0", SAME);
    play("COPY a a DB 3", ":1");
    play("COPY a b DB 16", BAD_DB);
    play("COPY a b DB 99999999999", NOT_IN_INT);
    play("COPY a b DB x", NO_INT);
    play("COPY a b DB", SYNTAX);
    play_end();
}

CASE(keys, moving_between_databases)
{
    play_begin();
    play("SET a v EX 100", "+OK");
    play("MOVE a 2", ":1");
    play("MOVE a 2", ":0");
    play("EXISTS a", ":0");
    play("SELECT 2", "+OK");
    play("GET a", "$1 v");
    play("TTL a", ":100");
    play("DBSIZE", ":1");
    play("MOVE a 2", SAME);
    play("MOVE a 16", BAD_DB);
    play("MOVE a x", NO_INT);
    play("MOVE a -2147483649", NOT_IN_INT);
    play("SELECT 0", "+OK");
    play("SET a w", "+OK");
    play("MOVE a 2", ":0");
    play_end();
}

CASE(keys, flushing)
{
    play_begin();
    play("SET a v", "+OK");
    play("SELECT 1", "+OK");
    play("MSET a v b v", "+OK");
    play("FLUSHDB nonsense", SYNTAX);
    play("FLUSHALL SYNC ASYNC", SYNTAX);
    play("FLUSHDB ASYNC", "+OK");
    play("DBSIZE", ":0");
    play("GET a", "$-1");
    play("RANDOMKEY", "$-1");
    play("SELECT 0", "+OK");
    play("GET a", "$1 v");
    play("RANDOMKEY", "$1 a");
    play("FLUSHALL SYNC", "+OK");
    play("DBSIZE", ":0");
    play_end();
}

CASE(keys, by_pattern)
{
    play_begin();
    play("KEYS *", "*0");
    play("MSET one 1 two 2", "+OK");
    play("KEYS o*", "*1 $3 one");
    play("KEYS t??", "*1 $3 two");
    play("KEYS z*", "*0");
    play("SELECT 5", "+OK");
    play("KEYS *", "*0");
    play_end();
}

/* Walks with SCAN and counts how often each of k0 .. k99 is seen. */
static void
walk(const char *options, uint32_t seen[100])
{
    char line[128], cursor[32] = "0";

    do {
        const char *at;

        snprintf(line, sizeof(line), "SCAN %s %s", cursor, options);
        at = play_run(line, NULL);
        cr_assert(eq(int, sscanf(at, "*2\r\n$%*d\r\n%31[0-9]", cursor), 1));
        for (at = strstr(at, "\r\nk"); at != NULL; at = strstr(at + 1, "\r\nk"))
            seen[atoi(at + 3)]++;
    } while (strcmp(cursor, "0") != 0);
}

CASE(keys, scan_sees_every_key)
{
    uint32_t seen[100] = {0}, i;
    char line[32];

    play_begin();
    for (i = 0; i < 100; i++) {
        snprintf(line, sizeof(line), "SET k%u v", i);
        play(line, "+OK");
    }
    walk("COUNT 7", seen);
    for (i = 0; i < 100; i++)
        cr_expect(eq(u32, seen[i], 1));
    walk("MATCH k1?", seen);
    for (i = 0; i < 100; i++)
        cr_expect(eq(u32, seen[i], i / 10 == 1 ? 2 : 1));
    walk("TYPE list", seen);
    walk("TYPE String COUNT 1000", seen);
    cr_expect(eq(u32, seen[50], 2));
    play_end();
}

CASE(keys, scan_refuses_what_it_does_not_know)
{
    play_begin();
    play("SCAN a", "-ERR invalid cursor");
    play("SCAN 1a", "-ERR invalid cursor");
    play("SCAN -", "-ERR invalid cursor");
    play("SCAN 18446744073709551616", "-ERR invalid cursor");
    play("SCAN 0 COUNT 0", SYNTAX);
    play("SCAN 0 COUNT", SYNTAX);
    play("SCAN 0 COUNT a", NO_INT);
    play("SCAN 0 LIMIT 5", SYNTAX);
    play_end();
}

CASE(keys, any_cursor_is_safe)
{
    play_begin();
    play("MSET a 1 b 2 c 3", "+OK");
    cr_expect(eq(int, play_run("SCAN -1", NULL)[0], '*'));
    cr_expect(eq(int, play_run("SCAN 18446744073709551615", NULL)[0], '*'));
    cr_expect(eq(int, play_run("SCAN 9223372036854775808", NULL)[0], '*'));
    cr_expect(eq(int, play_run("SCAN 12345678901234567", NULL)[0], '*'));
    play_end();
}

CASE(keys, looking_inside)
{
    play_begin();
    play("OBJECT ENCODING nokey", "$-1");
    play("OBJECT FREQ nokey", "$-1");
    play("SET k 12", "+OK");
    play("OBJECT ENCODING k", "$3 int");
    play("OBJECT REFCOUNT k", ":2147483647");
    play("SET k text", "+OK");
    play("OBJECT ENCODING k", "$6 embstr");
    play("OBJECT REFCOUNT k", ":1");
    play("APPEND k s", ":5");
    play("OBJECT ENCODING k", "$3 raw");
    play("OBJECT IDLETIME k", ":0");
    play("OBJECT nonsense k",
         "-ERR unknown subcommand 'nonsense'. Try OBJECT HELP.");
    play("OBJECT FREQ k",
         "-ERR An LFU maxmemory policy is not selected, access frequency not "
         "tracked. Please note that when switching between policies at "
         "runtime LRU and LFU data will take some time to adjust.");
    play_end();
}

CASE(keys, hits_and_misses_are_counted_for_reads)
{
    const struct metrics *metrics = &play_env()->metrics;

    play_begin();
    play("SET k v", "+OK");
    play("MGET k nokey", "*2 $1 v $-1");
    play("EXISTS k nokey", ":1");
    play("TTL nokey", ":-2");
    play("APPEND k w", ":2");
    play("DEL k nokey", ":1");
    cr_expect(eq(u64, metric_get(&metrics->keyspace_hits), 2));
    cr_expect(eq(u64, metric_get(&metrics->keyspace_misses), 3));
    play_end();
}

CASE(keys, object_help_lists_what_object_can_tell)
{
    const char *reply;

    play_begin();
    reply = play_run("OBJECT HELP", NULL);
    cr_expect(strstr(reply, "+OBJECT <subcommand> [<arg> [value] [opt] ...]. "
                            "Subcommands are:\r\n") != NULL);
    cr_expect(strstr(reply, "+ENCODING key\r\n") != NULL);
    cr_expect(strstr(reply, "+REFCOUNT key\r\n") != NULL);
    play_end();
}
