/*
 * Stories of keys: what counters, deletes, floors, clocks and commands over
 * several keys may do to each other.
 */
#include "sim/story.h"

#include <stdio.h>
#include <stdlib.h>

enum { HOUR_MS = 3600 * 1000, MINUTE_MS = 60 * 1000 };

static uint32_t
all_but(uint32_t nodes, uint32_t node)
{
    return ((1u << nodes) - 1) & ~(1u << node);
}

static void
isolate(struct sim *sim, uint32_t nodes, uint32_t node)
{
    sim_partition(sim, 1u << node, all_but(nodes, node));
}

static void
gather(void *context, struct sim_conn *conn, struct bytes bytes)
{
    (void)conn;
    buf_must_add(context, bytes.data, bytes.size);
}

/* Two clients ask two nodes at one moment. */
static void
ask_both(struct sim *sim, const uint32_t nodes[2], const char *const lines[2],
         struct buf replies[2])
{
    struct sim_conn *conns[2];
    uint32_t i;

    for (i = 0; i < 2; i++) {
        struct bytes end = BYTES_LIT("\r\n");

        replies[i] = (struct buf){0};
        conns[i] = sim_connect(sim, nodes[i], 0, &replies[i], NULL, gather);
        sim_send(sim, conns[i], bytes_str(lines[i]));
        sim_send(sim, conns[i], end);
    }
    (void)sim_run_for(sim, 3000);
    for (i = 0; i < 2; i++) {
        sim_disconnect(sim, conns[i]);
        buf_must_add(&replies[i], "", 1);
    }
}

/* ---- counters, strings, expiries ---- */

CASE(ring_keys, a_share_that_one_owner_missed_is_found_by_the_next_read)
{
    struct sim *sim = ring_of(&STRICT, 3, 101);
    uint32_t a = primary_of(sim, 0, 3, "n"), b = (a + 1) % 3, c = (a + 2) % 3;

    SAYS(sim, a, "INCRBY n 5", ":5\r\n");
    sim_crash(sim, a, false);
    SAYS_SOON(sim, b, "INCRBY n 3", ":8\r\n");
    sim_start(sim, a);
    is_equal(sim, 3);
    isolate(sim, 3, c);
    SAYS_SOON(sim, a, "INCRBY n 2", ":10\r\n");
    sim_heal(sim);
    isolate(sim, 3, b);
    SAYS_SOON(sim, c, "GET n", "$2\r\n10\r\n");
    sim_heal(sim);
    is_equal(sim, 3);
    SAYS(sim, b, "GET n", "$2\r\n10\r\n");
    sim_free(sim);
}

CASE(ring_keys,
     an_expiry_set_at_one_that_lags_does_not_bring_the_old_value_back)
{
    struct sim *sim = ring_of(&STRICT, 3, 102);
    uint32_t a = primary_of(sim, 0, 3, "k"), b = (a + 1) % 3, i;

    SAYS(sim, a, "SET k old", "+OK\r\n");
    isolate(sim, 3, a);
    SAYS_SOON(sim, b, "SET k new", "+OK\r\n");
    sim_heal(sim);
    SAYS_SOON(sim, a, "EXPIRE k 1000", ":1\r\n");
    is_equal(sim, 3);
    for (i = 0; i < 3; i++)
        SAYS(sim, i, "GET k", "$3\r\nnew\r\n");
    sim_free(sim);
}

CASE(ring_keys, a_text_here_and_increments_there_end_alike_everywhere)
{
    struct sim *sim = ring_of(&SLOPPY, 5, 103);
    uint32_t owners[3], two;
    const char *reply;
    char before[32];
    uint32_t i;

    owners_of(sim, 5, "k", owners);
    two = 1u << owners[1] | 1u << owners[2];
    sim_partition(sim, two, 31u & ~two);
    SAYS_SOON(sim, owners[0], "SET k text", "+OK\r\n");
    SAYS_SOON(sim, owners[1], "INCR k", ":1\r\n");
    sim_heal(sim);
    is_equal(sim, 5);
    (void)snprintf(before, sizeof(before), "%s", sim_call(sim, 0, "GET k"));
    for (i = 1; i < 5; i++) {
        reply = sim_call(sim, i, "GET k");
        cr_expect(strcmp(before, reply) == 0, "%s: %s", before, reply);
    }
    sim_free(sim);
}

static void
digests_are_equal(struct sim *sim, uint32_t nodes)
{
    uint32_t slot, i;

    for (slot = 0; slot < sim_replica(sim, 0)->slot_count; slot++) {
        uint64_t first = store_digest(sim_store(sim, 0), slot);

        for (i = 1; i < nodes; i++) {
            cr_expect(store_digest(sim_store(sim, i), slot) == first,
                      "slot %u of node %u", slot, i);
        }
    }
}

/* What comparing costs all nodes in a minute. */
static uint64_t
repair_of_a_minute(struct sim *sim, uint32_t nodes)
{
    uint64_t bytes = 0;
    uint32_t i;

    for (i = 0; i < nodes; i++)
        bytes -= atomic_load(&sim_replica(sim, i)->repair_bytes);
    (void)sim_run_for(sim, MINUTE_MS);
    for (i = 0; i < nodes; i++)
        bytes += atomic_load(&sim_replica(sim, i)->repair_bytes);
    return bytes;
}

CASE(ring_keys, keys_that_expire_at_different_moments_leave_nothing_to_repair)
{
    struct sim_ring config = SLOPPY;
    uint64_t idle, after;
    struct sim *sim;
    char line[64];
    uint32_t i;

    config.clock_offset_ms = 200;
    sim = ring_of(&config, 3, 104);
    idle = repair_of_a_minute(sim, 3);
    for (i = 0; i < 100; i++) {
        (void)snprintf(line, sizeof(line), "SET e%u v PX %u", i, 500 + i * 37);
        SAYS(sim, i % 3, line, "+OK\r\n");
    }
    (void)sim_run_for(sim, 2 * MINUTE_MS);
    is_equal(sim, 3);
    digests_are_equal(sim, 3);
    after = repair_of_a_minute(sim, 3);
    cr_expect(after < idle + idle / 10, "%llu bytes, %llu when empty",
              (unsigned long long)after, (unsigned long long)idle);
    sim_free(sim);
}

/* ---- deletes ---- */

CASE(ring_keys, a_hint_that_was_cut_off_does_not_bring_back_what_was_deleted)
{
    struct sim *sim = ring_of(&SLOPPY, 5, 105);
    uint32_t owners[3], standins, i;

    owners_of(sim, 5, "k", owners);
    standins = 31u & ~(1u << owners[0] | 1u << owners[1] | 1u << owners[2]);
    isolate(sim, 5, owners[2]);
    SAYS_SOON(sim, owners[0], "SET k v", "+OK\r\n");
    sim_partition(sim, standins, 31u & ~standins);
    for (i = 0; i < 2; i++) { /* the owners see each other again */
        sim_cut(sim, owners[i], owners[2], false);
        sim_cut(sim, owners[2], owners[i], false);
    }
    SAYS_SOON(sim, owners[0], "DEL k", ":1\r\n");
    (void)sim_run_for(sim, 10 * MINUTE_MS);
    SAYS_SOON(sim, owners[2], "GET k", "$-1\r\n");
    sim_heal(sim);
    is_equal(sim, 5);
    (void)sim_run_for(sim, MINUTE_MS);
    for (i = 0; i < 5; i++)
        SAYS(sim, i, "GET k", "$-1\r\n");
    sim_free(sim);
}

CASE(ring_keys, what_one_has_that_is_no_owner_any_more_does_not_come_back)
{
    struct sim_ring config = SLOPPY;
    struct sim *sim;
    char line[32];
    uint32_t i;

    config.started = 3;
    config.seeds = 1;
    sim = ring_of(&config, 4, 106);
    set_keys(sim, 1, 60, "v");
    isolate(sim, 4, 0);
    (void)sim_run_for(sim, 6000);
    sim_start(sim, 3); /* its seed is cut off: it knocks until it is not */
    (void)sim_run_for(sim, 2000);
    for (i = 0; i < 60; i++) {
        (void)snprintf(line, sizeof(line), "DEL key:%u", i);
        SAYS_SOON(sim, 1, line, ":1\r\n");
    }
    (void)sim_run_for(sim, 3 * MINUTE_MS);
    sim_heal(sim);
    is_equal(sim, 4);
    (void)sim_run_for(sim, MINUTE_MS);
    for (i = 0; i < 4; i++)
        SAYS(sim, i, "DBSIZE", ":0\r\n");
    for (i = 0; i < 60; i++) {
        (void)snprintf(line, sizeof(line), "GET key:%u", i);
        SAYS(sim, i % 4, line, "$-1\r\n");
    }
    sim_free(sim);
}

CASE(ring_keys, a_repair_that_sat_in_a_sleeper_for_an_hour_changes_nothing)
{
    struct sim *sim = ring_of(&STRICT, 3, 107);
    uint32_t a = primary_of(sim, 0, 3, "k"), b = (a + 1) % 3, c = (a + 2) % 3;
    uint32_t i;

    isolate(sim, 3, c);
    SAYS_SOON(sim, a, "SET k v", "+OK\r\n");
    sim_heal(sim);
    (void)sim_run_for(sim, 100); /* what it missed is on its way */
    sim_pause(sim, c, sim_now_ms(sim) + HOUR_MS);
    SAYS_SOON(sim, b, "DEL k", ":1\r\n");
    (void)sim_run_for(sim, HOUR_MS);
    is_equal(sim, 3);
    for (i = 0; i < 3; i++)
        SAYS(sim, i, "GET k", "$-1\r\n");
    sim_free(sim);
}

/* ---- flushes ---- */

CASE(ring_keys, what_is_set_after_a_flush_stays_however_clocks_differ)
{
    struct sim *sim = ring_of(&STRICT, 3, 108);
    uint32_t round, i;

    for (round = 0; round < 3; round++) {
        sim_clock_jump(sim, round, 200);
        sim_clock_jump(sim, (round + 1) % 3, -200);
        (void)sim_run_for(sim, 200);
        set_keys(sim, round, 50, "old");
        SAYS(sim, (round + 1) % 3, "FLUSHALL", "+OK\r\n");
        SAYS_SOON(sim, (round + 2) % 3, "DBSIZE", ":0\r\n");
        set_keys(sim, (round + 2) % 3, 50, "new");
        is_equal(sim, 3);
        for (i = 0; i < 3; i++)
            has_keys(sim, i, 50, "new");
    }
    sim_free(sim);
}

CASE(ring_keys, a_flush_of_one_database_leaves_the_others)
{
    struct sim *sim = ring_of(&STRICT, 3, 109);
    uint32_t i;

    set_keys(sim, 0, 20, "v");
    for (i = 0; i < 2; i++)
        (void)sim_call_on(sim, i, i, "SELECT 1");
    (void)sim_call_on(sim, 0, 0, "SET key:1 one");
    isolate(sim, 3, 2);
    (void)sim_run_for(sim, 4000);
    cr_expect(strcmp(sim_call_on(sim, 1, 1, "GET key:1"), "$3\r\none\r\n") ==
              0);
    cr_expect(strcmp(sim_call_on(sim, 1, 1, "FLUSHDB"), "+OK\r\n") == 0);
    sim_heal(sim);
    is_equal(sim, 3);
    cr_expect(strcmp(sim_call_on(sim, 0, 0, "GET key:1"), "$-1\r\n") == 0);
    for (i = 0; i < 3; i++)
        has_keys(sim, i, 20, "v");
    sim_free(sim);
}

/* ---- clocks ---- */

CASE(ring_keys, clocks_that_differ_or_strobe_lose_no_later_write)
{
    struct sim *sim = ring_of(&STRICT, 3, 110);
    char line[64], expected[64];
    uint32_t i, k;
    long ttl;

    sim_clock_jump(sim, 0, 200);
    sim_clock_jump(sim, 1, -200);
    for (i = 100; i < 160; i++) {
        uint32_t a = primary_of(sim, 0, 3, "k");

        if (i % 20 == 0) { /* another one mints the next */
            sim_crash(sim, a, false);
            sim_start(sim, a);
        }
        sim_clock_jump(sim, i % 3, i % 2 == 0 ? 150 : -150);
        (void)snprintf(line, sizeof(line), "SET k %u", i);
        SAYS_SOON(sim, (a + 1) % 3, line, "+OK\r\n");
        (void)snprintf(expected, sizeof(expected), "$3\r\n%u\r\n", i);
        SAYS_SOON(sim, (a + 2) % 3, "GET k", expected);
    }
    SAYS_SOON(sim, 0, "SET e v PX 5000", "+OK\r\n");
    for (k = 0; k < 3; k++) {
        ttl = strtol(sim_call(sim, k, "PTTL e") + 1, NULL, 10);
        cr_expect(ttl > 3500 && ttl < 6500, "%ld", ttl);
    }
    is_equal(sim, 3);
    sim_free(sim);
}

CASE(ring_keys, five_thousand_writes_of_one_moment_are_ordered)
{
    struct sim *sim = ring_of(&STRICT, 3, 111);
    uint32_t a = primary_of(sim, 0, 3, "k"), b = (a + 1) % 3, i;
    struct buf sent = {0}, got = {0};
    struct sim_conn *conn = sim_connect(sim, a, 0, &got, NULL, gather);

    for (i = 0; i < 5000; i++)
        buf_must_printf(&sent, "SET k %u\r\n", 1000 + i);
    sim_send(sim, conn, buf_bytes(&sent));
    (void)sim_run_for(sim, 5000);
    cr_expect(got.used == 5000 * strlen("+OK\r\n"), "%zu", got.used);
    SAYS(sim, b, "GET k", "$4\r\n5999\r\n");
    sim_crash(sim, a, false); /* its clock ran ahead: the next one knows */
    SAYS_SOON(sim, b, "SET k next", "+OK\r\n");
    sim_start(sim, a);
    is_equal(sim, 3);
    SAYS(sim, a, "GET k", "$4\r\nnext\r\n");
    sim_disconnect(sim, conn);
    buf_deinit(&sent);
    buf_deinit(&got);
    sim_free(sim);
}

/* ---- promises ---- */

CASE(ring_keys, a_promise_is_kept_by_one_that_has_forgotten_it)
{
    struct sim *sim = ring_of(&STRICT, 3, 112);
    uint32_t a = primary_of(sim, 0, 3, "l"), b = (a + 1) % 3, c = (a + 2) % 3;

    SAYS(sim, a, "SET other 1", "+OK\r\n");
    isolate(sim, 3, a);
    SAYS_SOON(sim, c, "SET l c NX", "+OK\r\n"); /* promised by b */
    sim_crash(sim, b, false);
    sim_cut(sim, a, b, false);
    sim_cut(sim, b, a, false);
    sim_start(sim, b);
    (void)sim_run_for(sim, 300);
    cr_expect(strcmp(sim_call(sim, a, "SET l a NX"), "+OK\r\n") != 0);
    sim_heal(sim);
    is_equal(sim, 3);
    SAYS(sim, a, "GET l", "$1\r\nc\r\n");
    sim_free(sim);
}

CASE(ring_keys, what_one_wrote_alone_with_its_clock_ahead_loses)
{
    struct sim *sim = ring_of(&STRICT, 3, 113);
    uint32_t a = primary_of(sim, 0, 3, "k"), b = (a + 1) % 3, i;

    SAYS(sim, a, "SET k 0", "+OK\r\n");
    sim_clock_jump(sim, a, 400);
    (void)sim_run_for(sim, 50);
    isolate(sim, 3, a);
    cr_expect(strcmp(sim_call(sim, a, "APPEND k x"), ":2\r\n") != 0);
    SAYS_SOON(sim, b, "SET k 1", "+OK\r\n");
    sim_heal(sim);
    is_equal(sim, 3);
    for (i = 0; i < 3; i++)
        SAYS(sim, i, "GET k", "$1\r\n1\r\n");
    sim_free(sim);
}

/* ---- several keys ---- */

CASE(ring_keys, of_two_overlapping_msetnx_one_wins_at_most)
{
    struct sim *sim = ring_of(&STRICT, 3, 114);
    const char *lines[2];
    const uint32_t nodes[2] = {0, 1};
    struct buf replies[2];
    char first[64], second[64];
    uint32_t i, won = 0;

    lines[0] = first;
    lines[1] = second;
    for (i = 0; i < 20; i++) {
        (void)snprintf(first, sizeof(first), "MSETNX {t%u}a 1 {t%u}b 1", i, i);
        (void)snprintf(second, sizeof(second), "MSETNX {t%u}b 2 {t%u}c 2", i,
                       i);
        ask_both(sim, nodes, lines, replies);
        cr_expect(replies[0].data[1] != '1' || replies[1].data[1] != '1');
        won += replies[0].data[1] == '1' || replies[1].data[1] == '1';
        buf_deinit(&replies[0]);
        buf_deinit(&replies[1]);
    }
    cr_expect(won == 20, "%u", won);
    sim_free(sim);
}

CASE(ring_keys, a_renamed_key_takes_along_what_was_there_and_no_more)
{
    struct sim *sim = ring_of(&STRICT, 3, 115);
    const char *lines[2];
    const uint32_t nodes[2] = {0, 1};
    struct buf replies[2];
    char line[64], first[64], second[64], source[32], target[32];
    bool is_right;
    uint32_t i;

    lines[0] = first;
    lines[1] = second;
    for (i = 0; i < 20; i++) {
        (void)snprintf(line, sizeof(line), "SET s%u 1", i);
        SAYS_SOON(sim, 2, line, "+OK\r\n");
        (void)snprintf(first, sizeof(first), "RENAME s%u t%u", i, i);
        (void)snprintf(second, sizeof(second), "SET s%u 2", i);
        ask_both(sim, nodes, lines, replies);
        cr_expect(strncmp(replies[0].data, "+OK", 3) == 0, "%s",
                  replies[0].data);
        (void)snprintf(line, sizeof(line), "GET s%u", i);
        (void)snprintf(source, sizeof(source), "%s", sim_call(sim, 0, line));
        (void)snprintf(line, sizeof(line), "GET t%u", i);
        (void)snprintf(target, sizeof(target), "%s", sim_call(sim, 1, line));
        is_right = strcmp(target, "$1\r\n1\r\n") == 0
                       ? strcmp(source, "$1\r\n2\r\n") == 0
                       : strcmp(target, "$1\r\n2\r\n") == 0 &&
                             strcmp(source, "$-1\r\n") == 0;
        cr_expect(is_right, "%u: source %s target %s", i, source, target);
        buf_deinit(&replies[0]);
        buf_deinit(&replies[1]);
    }
    sim_free(sim);
}

CASE(ring_keys, a_transaction_whose_primary_dies_is_there_as_a_whole_or_not)
{
    uint64_t seed;

    for (seed = 116; seed < 124; seed++) {
        struct sim *sim = ring_of(&STRICT, 3, seed);
        uint32_t a = primary_of(sim, 0, 3, "{t}x");
        struct sim_conn *conn = sim_connect(sim, a, 0, NULL, NULL, NULL);
        char text[32];
        bool is_there;

        sim_send(sim, conn,
                 BYTES_LIT("MULTI\r\nSET {t}x 1\r\nINCR {t}n\r\nSET {t}y "
                           "1\r\nEXEC\r\n"));
        (void)sim_run_for(sim, 1 + (int64_t)(seed % 8));
        sim_crash(sim, a, seed % 2 == 0);
        (void)sim_run_for(sim, 5000);
        sim_disconnect(sim, conn);
        sim_start(sim, a);
        is_equal(sim, 3);
        (void)snprintf(text, sizeof(text), "%s", sim_call(sim, a, "GET {t}x"));
        is_there = strcmp(text, "$1\r\n1\r\n") == 0;
        cr_expect(is_there || strcmp(text, "$-1\r\n") == 0, "%s", text);
        SAYS(sim, a, "GET {t}n", is_there ? "$1\r\n1\r\n" : "$-1\r\n");
        SAYS(sim, a, "GET {t}y", is_there ? "$1\r\n1\r\n" : "$-1\r\n");
        sim_free(sim);
    }
}

/* ---- slots on loan ---- */

/* A key whose primary is this node; `number` of them are left out. */
static void
key_of_primary(struct sim *sim, uint32_t node, uint32_t number, char out[16])
{
    uint32_t i;

    for (i = 0;; i++) {
        (void)snprintf(out, 16, "key%u", i);
        if (primary_of(sim, 0, 3, out) == node && number-- == 0) return;
    }
}

static void
repeat(struct buf *out, uint32_t times, const char *command, const char *one,
       const char *two)
{
    while (times-- > 0)
        buf_must_printf(out, "COPY %s %s REPLACE\r\n%s %s x\r\n", one, two,
                        command, one);
    buf_must_add(out, "PING", 5);
}

static bool
has_failed(const struct buf *reply, uint32_t count)
{
    const char *at = reply->data;
    uint32_t lines = 0;

    for (; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    return strstr(reply->data, "-UNCERTAIN") != NULL ||
           strstr(reply->data, "-NOQUORUM") != NULL || lines != count;
}

CASE(ring_keys, two_that_keep_asking_for_each_others_slots_both_get_on)
{
    struct sim *sim = ring_of(&STRICT, 3, 131);
    const uint32_t nodes[2] = {0, 1};
    char a[16], b[16];
    struct buf lines[2] = {{0}}, replies[2];
    const char *texts[2];
    uint32_t i, k;

    key_of_primary(sim, 0, 0, a);
    key_of_primary(sim, 1, 0, b);
    SAYS(sim, 2, "PING", "+PONG\r\n");
    repeat(&lines[0], 5, "APPEND", a, b);
    repeat(&lines[1], 5, "APPEND", b, a);
    texts[0] = lines[0].data;
    texts[1] = lines[1].data;
    for (i = 0; i < 20; i++) {
        ask_both(sim, nodes, texts, replies);
        for (k = 0; k < 2; k++) {
            cr_expect(not(has_failed(&replies[k], 11)), "%u: %s", i,
                      replies[k].data);
            buf_deinit(&replies[k]);
        }
    }
    buf_deinit(&lines[0]);
    buf_deinit(&lines[1]);
    is_equal(sim, 3);
    sim_free(sim);
}

CASE(ring_keys, what_a_node_that_dies_had_borrowed_is_written_again)
{
    uint64_t seed;

    for (seed = 132; seed < 140; seed++) {
        struct sim *sim = ring_of(&STRICT, 3, seed);
        struct sim_conn *conn = sim_connect(sim, 0, 0, NULL, NULL, NULL);
        struct buf line = {0};
        char a[16], b[16], text[64];

        key_of_primary(sim, 0, 0, a);
        key_of_primary(sim, 1, 0, b);
        repeat(&line, 5, "APPEND", a, b);
        sim_send(sim, conn, buf_bytes(&line));
        (void)sim_run_for(sim, 2 * (int64_t)(seed - 130));
        sim_crash(sim, 0, seed % 2 == 0);
        sim_disconnect(sim, conn);
        (void)snprintf(text, sizeof(text), "SET %s there", b);
        SAYS_SOON(sim, 2, text, "+OK\r\n");
        sim_start(sim, 0);
        is_equal(sim, 3);
        (void)snprintf(text, sizeof(text), "GET %s", b);
        SAYS(sim, 0, text, "$5\r\nthere\r\n");
        buf_deinit(&line);
        sim_free(sim);
    }
}
