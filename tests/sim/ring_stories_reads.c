/*
 * Stories of reads: owners that answer late, stand-ins that are asked, keys
 * that were evicted.
 */
#include "sim/story.h"

#include <stdio.h>
#include <stdlib.h>

enum { LATE_MS = 100 };

static int64_t
took_to_read(struct sim *sim, uint32_t node, uint32_t count)
{
    int64_t from_ms = sim_now_ms(sim);
    uint32_t i;

    for (i = 0; i < count; i++)
        SAYS(sim, node, "GET k", "$1\r\nv\r\n");
    return sim_now_ms(sim) - from_ms;
}

/* A line of INFO ring. */
static uint64_t
info_of(struct sim *sim, uint32_t node, const char *name)
{
    const char *at = strstr(sim_call(sim, node, "INFO ring"), name);

    cr_assert(at != NULL, "no %s", name);
    return strtoull(at + strlen(name) + 1, NULL, 10);
}

/* ---- late answers ---- */

CASE(ring_reads, one_owner_that_answers_late_does_not_make_reads_slow)
{
    struct sim *sim = ring_of(&STRICT, 3, 201);
    uint32_t owners[3];
    int64_t quick_ms;

    owners_of(sim, 3, "k", owners);
    SAYS(sim, owners[2], "SET k v", "+OK\r\n");
    quick_ms = took_to_read(sim, owners[2], 100);
    sim_slow(sim, owners[0], owners[2], LATE_MS);
    cr_expect(took_to_read(sim, owners[2], 100) < quick_ms + 10 * LATE_MS);
    cr_expect(info_of(sim, owners[2], "hedged_reads") > 0);
    cr_expect(info_of(sim, owners[2], "hedged_wins") > 0);
    /* quick again, it is asked again: the other may be late now */
    sim_slow(sim, owners[0], owners[2], 1);
    (void)sim_run_for(sim, 2000);
    (void)took_to_read(sim, owners[2], 2000);
    sim_slow(sim, owners[1], owners[2], LATE_MS);
    cr_expect(took_to_read(sim, owners[2], 100) < quick_ms + 10 * LATE_MS);
    is_equal(sim, 3);
    sim_free(sim);
}

CASE(ring_reads, a_primary_that_answers_late_does_not_make_reads_elsewhere_slow)
{
    struct sim *sim = ring_of(&STRICT, 5, 202);
    uint32_t owners[3], x = 0;
    int64_t quick_ms;

    owners_of(sim, 5, "k", owners);
    while (x == owners[0] || x == owners[1] || x == owners[2])
        x++;
    SAYS(sim, x, "SET k v", "+OK\r\n");
    quick_ms = took_to_read(sim, x, 100);
    sim_slow(sim, owners[0], x, LATE_MS);
    cr_expect(took_to_read(sim, x, 100) < quick_ms + 10 * LATE_MS);
    cr_expect(info_of(sim, x, "hedged_wins") > 0);
    is_equal(sim, 5);
    sim_free(sim);
}

CASE(ring_reads, where_all_are_late_few_reads_are_hedged)
{
    struct sim *sim = ring_of(&STRICT, 3, 203);
    uint32_t i;

    SAYS(sim, 0, "SET k v", "+OK\r\n");
    (void)took_to_read(sim, 0, 100);
    for (i = 1; i < 3; i++)
        sim_slow(sim, i, 0, LATE_MS);
    (void)took_to_read(sim, 0, 400);
    cr_expect(info_of(sim, 0, "hedged_reads") <= 16 + 500 / 32, "%llu",
              (unsigned long long)info_of(sim, 0, "hedged_reads"));
    is_equal(sim, 3);
    sim_free(sim);
}

static void
gather(void *context, struct sim_conn *conn, struct bytes bytes)
{
    (void)conn;
    buf_must_add(context, bytes.data, bytes.size);
}

CASE(ring_reads, a_hedged_read_does_not_see_what_is_written_behind_it)
{
    struct sim *sim = ring_of(&STRICT, 5, 204);
    struct buf sent = {0}, got = {0}, expected = {0};
    struct sim_conn *conn;
    uint32_t owners[3], x = 0, i;

    owners_of(sim, 5, "k", owners);
    while (x == owners[0] || x == owners[1] || x == owners[2])
        x++;
    SAYS(sim, x, "SET k v", "+OK\r\n");
    (void)took_to_read(sim, x, 100);
    sim_slow(sim, x, owners[0], LATE_MS); /* its questions are late, too */
    conn = sim_connect(sim, x, 0, &got, NULL, gather);
    SAYS(sim, x, "SET k 0", "+OK\r\n");
    for (i = 0; i < 40; i++) {
        expected.used = got.used = 0;
        buf_must_printf(&expected, "$%d\r\n%u\r\n+OK\r\n", i < 10 ? 1 : 2, i);
        sim_send(sim, conn, BYTES_LIT("GET k\r\n"));
        (void)sim_run_for(sim, (int64_t)i * 2);
        sent.used = 0;
        buf_must_printf(&sent, "SET k %u\r\n", i + 1);
        sim_send(sim, conn, buf_bytes(&sent));
        (void)sim_run_for(sim, 1000);
        cr_assert(bytes_equal(buf_bytes(&got), buf_bytes(&expected)), "%.*s",
                  (int)got.used, got.data);
    }
    cr_expect(info_of(sim, x, "hedged_reads") > 0);
    sim_disconnect(sim, conn);
    buf_deinit(&sent);
    buf_deinit(&got);
    buf_deinit(&expected);
    is_equal(sim, 5);
    sim_free(sim);
}

/* ---- stand-ins that act ---- */

/* Of five, those who own no copy of the key. */
static void
strangers_of(struct sim *sim, const char *key, uint32_t out[2], uint32_t *bits)
{
    uint32_t owners[3], count = 0, i;

    owners_of(sim, 5, key, owners);
    for (i = 0; i < 5; i++) {
        if (i != owners[0] && i != owners[1] && i != owners[2])
            out[count++] = i;
    }
    *bits = 1u << out[0] | 1u << out[1];
}

CASE(ring_reads, what_stand_ins_alone_have_acknowledged_is_there_after_healing)
{
    struct sim_ring config = SLOPPY;
    struct sim *sim;
    uint32_t two[2], bits, i;

    config.read_quorum = 1;
    sim = ring_of(&config, 5, 210);
    SAYS(sim, 0, "SET {k}a old", "+OK\r\n");
    SAYS(sim, 0, "SET {k}n 41", "+OK\r\n");
    SAYS(sim, 0, "SET {k}b long", "+OK\r\n");
    strangers_of(sim, "{k}", two, &bits);
    sim_partition(sim, bits, 31u & ~bits);
    SAYS_SOON(sim, two[0], "SET {k}a new", "+OK\r\n");
    SAYS(sim, two[1], "GET {k}a", "$3\r\nnew\r\n");
    SAYS(sim, two[0], "SETEX {k}e 1000 v", "+OK\r\n");
    SAYS(sim, two[1], "INCR {k}n", ":1\r\n"); /* of what is known here */
    SAYS(sim, two[0], "INCRBY {k}n 10", ":11\r\n");
    for (i = 0; i < 2; i++) {
        REFUSES(sim, two[i], "GET {k}n", "-NOQUORUM");
        REFUSES(sim, two[i], "GET {k}b", "-NOQUORUM");
        REFUSES(sim, two[i], "APPEND {k}b x", "-NOQUORUM");
        REFUSES(sim, two[i], "SET {k}b x NX", "-NOQUORUM");
        REFUSES(sim, two[i], "DEL {k}b", "-NOQUORUM");
    }
    sim_heal(sim);
    is_equal(sim, 5);
    for (i = 0; i < 5; i++) {
        SAYS(sim, i, "GET {k}a", "$3\r\nnew\r\n");
        SAYS(sim, i, "GET {k}n", "$2\r\n52\r\n");
        SAYS(sim, i, "GET {k}e", "$1\r\nv\r\n");
        SAYS(sim, i, "GET {k}b", "$4\r\nlong\r\n");
    }
    sim_free(sim);
}

CASE(ring_reads, one_of_the_stand_ins_that_acted_may_die)
{
    struct sim *sim = ring_of(&SLOPPY, 5, 211);
    uint32_t two[2], bits, dead, i;

    for (dead = 0; dead < 2; dead++) {
        char line[32], expected[32];

        strangers_of(sim, "k", two, &bits);
        sim_partition(sim, bits, 31u & ~bits);
        (void)snprintf(line, sizeof(line), "SET k v%u", dead);
        (void)snprintf(expected, sizeof(expected), "$2\r\nv%u\r\n", dead);
        SAYS_SOON(sim, two[0], line, "+OK\r\n");
        sim_crash(sim, two[dead], false);
        sim_heal(sim);
        (void)sim_run_for(sim, 5000);
        for (i = 0; i < 5; i++) {
            if (i != two[dead]) SAYS_SOON(sim, i, "GET k", expected);
        }
        sim_start(sim, two[dead]);
        is_equal(sim, 5);
    }
    sim_free(sim);
}

CASE(ring_reads, in_strict_mode_nobody_acts_for_owners)
{
    struct sim *sim = ring_of(&STRICT, 5, 212);
    uint32_t two[2], bits;

    strangers_of(sim, "k", two, &bits);
    sim_partition(sim, bits, 31u & ~bits);
    (void)sim_run_for(sim, 5000);
    REFUSES(sim, two[0], "SET k v", "-NOQUORUM");
    REFUSES(sim, two[1], "INCR k", "-NOQUORUM");
    sim_heal(sim);
    is_equal(sim, 5);
    sim_free(sim);
}

/* (14d) What there is no room for is not acknowledged. */
CASE(ring_reads, stand_ins_that_are_full_acknowledge_nothing)
{
    struct sim *sim = ring_of(&SLOPPY, 5, 213);
    uint32_t owners[3], two[2], bits, i, kept = 0;
    bool has[100];
    char line[1100];

    strangers_of(sim, "{k}", two, &bits);
    owners_of(sim, 5, "{k}", owners);
    for (i = 0; i < 2; i++)
        SAYS(sim, two[i], "CONFIG SET hints-max-bytes 16384", "+OK\r\n");
    (void)sim_run_for(sim, 2000);
    bits |= 1u << owners[0];
    sim_partition(sim, bits, 31u & ~bits);
    SAYS_SOON(sim, owners[0], "SET {k}first v", "+OK\r\n");
    for (i = 0; i < ARRAY_LEN(has); i++) {
        (void)snprintf(line, sizeof(line), "SET {k}%u %0500u", i, i);
        has[i] = strcmp(sim_call(sim, owners[0], line), "+OK\r\n") == 0;
        kept += has[i];
    }
    cr_expect(kept > 10 && kept < 70, "%u", kept);
    sim_crash(sim, owners[0], true); /* the stand-ins' copies are the only */
    sim_heal(sim);
    (void)sim_run_for(sim, 1000);
    sim_start(sim, owners[0]);
    is_equal(sim, 5);
    for (i = 0; i < ARRAY_LEN(has); i++) {
        char expected[1100];

        (void)snprintf(line, sizeof(line), "GET {k}%u", i);
        (void)snprintf(expected, sizeof(expected), "$500\r\n%0500u\r\n", i);
        if (has[i]) SAYS(sim, i % 5, line, expected);
    }
    sim_free(sim);
}

/* ---- eviction (11) ---- */

/* As its primary would for want of memory; nobody is told. */
static void
evict(struct sim *sim, uint32_t node, const char *name)
{
    struct store *store = sim_store(sim, node);
    struct store_key key = store_key(store, 0, bytes_str(name));
    int64_t wall_ms = sim_wall_ms(sim, node);

    store_lock(store, key.slot);
    cr_expect(store_evict(store, key.slot, key.hash, store_newest(store, &key),
                          wall_ms),
              "node %u has no %s", node, name);
    store_unlock(store, key.slot);
}

static uint32_t
copies_of(struct sim *sim, uint32_t nodes, const char *name)
{
    uint32_t count = 0, i;

    for (i = 0; i < nodes; i++) {
        struct store *store = sim_store(sim, i);
        struct store_key key = store_key(store, 0, bytes_str(name));

        store_lock(store, key.slot);
        count += store_version(store, &key) != 0;
        store_unlock(store, key.slot);
    }
    return count;
}

static void
cut_off(struct sim *sim, uint32_t node)
{
    sim_partition(sim, 1u << node, 7u & ~(1u << node));
}

CASE(ring_reads, an_owner_that_missed_what_was_evicted_serves_no_older_value)
{
    uint32_t asked;

    for (asked = 0; asked < 3; asked++) { /* who is asked first */
        struct sim *sim = ring_of(&STRICT, 3, 220 + asked);
        uint32_t a = primary_of(sim, 0, 3, "k"), b = (a + 1) % 3,
                 c = (a + 2) % 3, i;

        SAYS(sim, a, "SET k v1", "+OK\r\n");
        becomes_quiet(sim, 3, QUIET_MS);
        cut_off(sim, c);
        SAYS_SOON(sim, a, "SET k v2", "+OK\r\n");
        evict(sim, a, "k");
        evict(sim, b, "k");
        sim_heal(sim);
        for (i = 0; i < 100; i++) {
            const char *reply = sim_call(sim, (a + asked + i) % 3, "GET k");

            cr_assert(strcmp(reply, "$-1\r\n") == 0 ||
                          strncmp(reply, "-NOQUORUM", 9) == 0,
                      "%s", reply);
        }
        is_equal(sim, 3);
        cr_expect(copies_of(sim, 3, "k") == 0);
        sim_free(sim);
    }
}

/* The others are not told, and hold what the primary has not any more. */
CASE(ring_reads, a_counter_that_the_primary_evicted_does_not_come_back_in_part)
{
    uint32_t asked;

    for (asked = 0; asked < 3; asked++) {
        struct sim *sim = ring_of(&STRICT, 3, 230 + asked);
        uint32_t a = primary_of(sim, 0, 3, "n"), i;
        char reply[32], number[32], expected[64];

        SAYS(sim, a, "INCRBY n 5", ":5\r\n");
        evict(sim, a, "n");
        (void)snprintf(reply, sizeof(reply), "%s",
                       sim_call(sim, (a + asked) % 3, "INCR n"));
        (void)snprintf(number, sizeof(number), "%.*s",
                       (int)strcspn(reply + 1, "\r"), reply + 1);
        (void)snprintf(expected, sizeof(expected), "$%zu\r\n%s\r\n",
                       strlen(number), number);
        for (i = 0; i < 3; i++)
            SAYS(sim, (a + i) % 3, "GET n", expected);
        is_equal(sim, 3);
        for (i = 0; i < 3; i++)
            SAYS(sim, i, "GET n", expected);
        sim_free(sim);
    }
}

CASE(ring_reads, a_lock_that_the_primary_evicted_has_one_holder)
{
    uint32_t asked;

    for (asked = 0; asked < 3; asked++) {
        struct sim *sim = ring_of(&STRICT, 3, 240 + asked);
        uint32_t a = primary_of(sim, 0, 3, "lock"), i;
        bool is_granted;

        SAYS(sim, a, "SET lock one NX", "+OK\r\n");
        evict(sim, a, "lock");
        is_granted = strcmp(sim_call(sim, (a + asked) % 3, "SET lock two NX"),
                            "+OK\r\n") == 0;
        for (i = 0; i < 6; i++) {
            SAYS(sim, (a + i) % 3, "GET lock",
                 is_granted ? "$3\r\ntwo\r\n" : "$3\r\none\r\n");
            if (i == 2) is_equal(sim, 3);
        }
        sim_free(sim);
    }
}

/* One that holds no tenure any more evicted, and is the primary again. */
CASE(ring_reads, who_takes_over_does_not_bring_back_what_was_evicted)
{
    struct sim *sim = ring_of(&STRICT, 3, 250);
    uint32_t a = primary_of(sim, 0, 3, "n"), b = (a + 1) % 3, i;

    SAYS(sim, a, "INCRBY n 5", ":5\r\n");
    SAYS(sim, a, "SET other v", "+OK\r\n");
    becomes_quiet(sim, 3, QUIET_MS);
    evict(sim, a, "n");
    sim_crash(sim, a, false); /* before it could tell */
    SAYS_SOON(sim, b, "INCR n", ":6\r\n");
    sim_start(sim, a);
    is_equal(sim, 3);
    for (i = 0; i < 3; i++)
        SAYS(sim, i, "GET n", "$1\r\n6\r\n");
    sim_free(sim);
}

CASE(ring_reads, repair_brings_what_an_owner_missed_beside_evicted_keys)
{
    struct sim *sim = ring_of(&STRICT, 3, 251);
    uint32_t a = primary_of(sim, 0, 3, "{k}"), b = (a + 1) % 3, c = (a + 2) % 3,
             i;
    char line[64];

    for (i = 0; i < 40; i++) {
        (void)snprintf(line, sizeof(line), "SET {k}%u old", i);
        SAYS(sim, a, line, "+OK\r\n");
    }
    cut_off(sim, c);
    for (i = 0; i < 40; i++) {
        (void)snprintf(line, sizeof(line), "SET {k}%u new", i);
        SAYS_SOON(sim, a, line, "+OK\r\n");
        (void)snprintf(line, sizeof(line), "{k}%u", i);
        if (i % 4 == 0) evict(sim, a, line);
        if (i % 8 == 0) evict(sim, b, line);
    }
    sim_heal(sim);
    is_equal(sim, 3);
    for (i = 0; i < 40; i++) {
        (void)snprintf(line, sizeof(line), "GET {k}%u", i);
        SAYS(sim, (a + i) % 3, line, i % 4 == 0 ? "$-1\r\n" : "$3\r\nnew\r\n");
        (void)snprintf(line, sizeof(line), "{k}%u", i);
        cr_expect(copies_of(sim, 3, line) == (i % 4 == 0 ? 0u : 3u), "%s",
                  line);
    }
    sim_free(sim);
}

/* A comes back, is the primary, and lacks what is older than what was evicted
 * meanwhile: it was not evicted. */
CASE(ring_reads, what_nobody_evicted_survives_a_takeover_among_evicted_keys)
{
    uint32_t seed;

    for (seed = 0; seed < 8; seed++) {
        struct sim *sim = ring_of(&STRICT, 3, 260 + seed);
        uint32_t a = primary_of(sim, 0, 3, "{k}"), b = (a + 1) % 3,
                 c = (a + 2) % 3, i;
        bool is_told = seed % 2 == 0;
        char line[64];

        cut_off(sim, a);
        for (i = 0; i < 40; i++) {
            (void)snprintf(line, sizeof(line), "SET {k}%u v", i);
            SAYS_SOON(sim, b, line, "+OK\r\n");
            (void)snprintf(line, sizeof(line), "{k}%u", i);
            if (i % 4 != 3) continue;
            evict(sim, primary_of(sim, b, 3, "{k}"), line);
            if (!is_told) continue;
            evict(sim, primary_of(sim, b, 3, "{k}") == b ? c : b, line);
        }
        if (seed >= 4) sim_crash(sim, a, false);
        sim_heal(sim);
        if (seed >= 4) sim_start(sim, a);
        is_equal(sim, 3);
        for (i = 0; i < 40; i++) {
            (void)snprintf(line, sizeof(line), "GET {k}%u", i);
            SAYS(sim, (a + i) % 3, line,
                 i % 4 == 3 ? "$-1\r\n" : "$1\r\nv\r\n");
        }
        sim_free(sim);
    }
}

/* Lost in secret by the others: their evicted-through says that it may have
 * been evicted, but the primary still has it. */
CASE(ring_reads, what_the_primary_has_was_not_evicted_whatever_others_think)
{
    struct sim *sim = ring_of(&STRICT, 3, 270);
    uint32_t a = primary_of(sim, 0, 3, "{k}"), i;

    SAYS(sim, a, "SET {k}x v", "+OK\r\n");
    SAYS(sim, a, "SET {k}y w", "+OK\r\n");
    becomes_quiet(sim, 3, QUIET_MS);
    for (i = 0; i < 3; i++)
        evict(sim, i, "{k}y");
    for (i = 1; i < 3; i++) {
        struct store *store = sim_store(sim, (a + i) % 3);
        struct store_key key = store_key(store, 0, BYTES_LIT("{k}x"));

        store_lock(store, key.slot);
        cr_expect(store_damage_drop(store, &key));
        store_unlock(store, key.slot);
    }
    for (i = 0; i < 3; i++)
        SAYS(sim, a, "GET {k}x", "$1\r\nv\r\n");
    sim_free(sim);
}

/* ---- what is seen, and by how many ---- */

CASE(ring_seen, one_owner_that_is_behind_in_two_keys_counts_once)
{
    struct sim *sim = ring_of(&STRICT, 3, 251);
    uint32_t owners[3], p, b, x;

    owners_of(sim, 3, "{k}1", owners);
    p = owners[0], b = owners[1], x = owners[2];
    (void)sim_call_on(sim, p, 0, "KULA.QUORUM W 1");
    (void)sim_call_on(sim, x, 0, "KULA.QUORUM R 3");
    SAYS(sim, p, "MSET {k}1 a {k}2 a", "+OK\r\n");
    (void)sim_run_for(sim, 3000);
    sim_slow(sim, p, b, 400);
    SAYS(sim, p, "MSET {k}1 b {k}2 b", "+OK\r\n"); /* x has it, b later */
    sim_slow(sim, p, x, 300);
    cr_assert(
        eq(str, (char *)(uintptr_t)sim_call_on(sim, p, 0, "MSET {k}1 c {k}2 c"),
           (char *)(uintptr_t) "+OK\r\n"));
    cr_expect(eq(str,
                 (char *)(uintptr_t)sim_call_on(sim, x, 0, "MGET {k}1 {k}2"),
                 (char *)(uintptr_t) "*2\r\n$1\r\nc\r\n$1\r\nc\r\n"));
    sim_free(sim);
}

CASE(ring_seen, a_read_for_a_peer_does_not_see_what_is_written_behind_it)
{
    struct sim *sim = ring_of(&STRICT, 5, 252);
    struct buf got = {0};
    struct sim_conn *conn;
    uint32_t owners[3], x = 0;

    owners_of(sim, 5, "k", owners);
    while (x == owners[0] || x == owners[1] || x == owners[2])
        x++;
    SAYS(sim, x, "SET k 0", "+OK\r\n");
    (void)sim_run_for(sim, 1000);
    sim_slow(sim, owners[1], owners[0], 100);
    conn = sim_connect(sim, x, 0, &got, NULL, gather);
    sim_send(sim, conn, BYTES_LIT("GET k\r\nSET k 1\r\n"));
    (void)sim_run_for(sim, 40);
    sim_crash(sim, owners[1], false);
    (void)sim_run_for(sim, 3000);
    buf_must_add(&got, "", 1);
    cr_expect(eq(str, got.data, (char *)(uintptr_t) "$1\r\n0\r\n+OK\r\n"));
    sim_disconnect(sim, conn);
    buf_deinit(&got);
    sim_free(sim);
}

/* It runs at the primary, between two writes of its client. What it read was
 * written by another node, in an earlier tenure, so that what the second
 * write left at the owner that is asked in the end may be news. */
CASE(ring_seen, a_read_between_two_writes_is_not_read_again_behind_the_second)
{
    struct sim *sim = ring_of(&STRICT, 3, 254);
    struct buf got = {0};
    struct sim_conn *conn;
    uint32_t owners[3];

    owners_of(sim, 3, "k", owners);
    sim_partition(sim, 1u << owners[0], 7u & ~(1u << owners[0]));
    SAYS_SOON(sim, owners[1], "SET k v", "+OK\r\n");
    sim_heal(sim);
    is_equal(sim, 3);
    SAYS(sim, owners[0], "GET k", "$1\r\nv\r\n");
    sim_slow(sim, owners[0], owners[1], 100);
    conn = sim_connect(sim, owners[2], 0, &got, NULL, gather);
    sim_send(sim, conn,
             BYTES_LIT("PEXPIREAT k 5000000000001\r\nPEXPIRETIME k\r\n"
                       "PEXPIREAT k 5000000000002\r\n"));
    (void)sim_run_for(sim, 3000);
    buf_must_add(&got, "", 1);
    cr_expect(eq(str, got.data,
                 (char *)(uintptr_t) ":1\r\n:5000000000001\r\n:1\r\n"));
    sim_disconnect(sim, conn);
    buf_deinit(&got);
    is_equal(sim, 3);
    sim_free(sim);
}

CASE(ring_seen, flushall_of_twenty_nodes_is_acknowledged)
{
    struct sim_ring many = {.replicas = 3,
                            .read_quorum = 2,
                            .write_quorum = 2,
                            .is_strict = true,
                            .vnodes = 64,
                            .net_delay_ms = 3};
    struct sim_config config = {.seed = 253,
                                .nodes = 20,
                                .ring = &many,
                                .slots = 2048,
                                .delay_most_ms = 2};
    struct sim *sim = sim_new(&config);

    becomes_quiet(sim, 20, UP_MS * 3);
    SAYS(sim, 0, "SET k v", "+OK\r\n");
    (void)sim_run_for(sim, 5000);
    SAYS(sim, 0, "FLUSHALL", "+OK\r\n");
    SAYS(sim, 3, "GET k", "$-1\r\n");
    sim_free(sim);
}

/* A strict SET that was seen, and written over, is not written once more. */
CASE(ring_seen, a_write_that_was_read_does_not_happen_twice)
{
    uint32_t happened = 0, seed;

    for (seed = 300; seed < 340; seed++) {
        struct sim *sim = ring_of(&STRICT, 3, seed);
        struct buf set = {0}, got = {0}, other = {0};
        struct sim_conn *a, *reader, *b;
        uint32_t owners[3], i;
        const char *last;

        owners_of(sim, 3, "{k}", owners);
        SAYS(sim, owners[0], "SET {k} 0", "+OK\r\n");
        sim_partition(sim, 1u << owners[0], 1u << owners[1]);
        (void)sim_run_for(sim, 3000);
        (void)call_until(sim, owners[0], "SET {k} 1", "+OK\r\n", 5000);
        sim_slow(sim, owners[0], owners[2], 60);
        a = sim_connect(sim, owners[0], 0, &set, NULL, gather);
        reader = sim_connect(sim, owners[0], 0, &got, NULL, gather);
        b = sim_connect(sim, owners[1], 0, &other, NULL, gather);
        sim_send(sim, a, BYTES_LIT("SET {k} v\r\n"));
        (void)sim_run_for(sim, 4);
        sim_send(sim, reader, BYTES_LIT("GET {k}\r\n"));
        sim_send(sim, b, BYTES_LIT("SET {k}o 1\r\n"));
        for (i = 0; i < 900 && got.used == 0; i++)
            (void)sim_run_for(sim, 1);
        if (got.used == 7 && memcmp(got.data, "$1\r\nv\r\n", 7) == 0 &&
            set.used == 0) {
            last = sim_call(sim, owners[1], "SET {k} w");
            if (strcmp(last, "+OK\r\n") == 0 && set.used == 0) {
                (void)sim_run_for(sim, 3000);
                sim_heal(sim);
                becomes_quiet(sim, 3, QUIET_MS);
                last = sim_call(sim, owners[2], "GET {k}");
                happened++;
                cr_expect(strcmp(last, "$1\r\nw\r\n") == 0,
                          "seed %u: v was read, w acknowledged, then %s (%.*s)",
                          seed, last, (int)set.used, set.data);
            }
        }
        sim_disconnect(sim, a);
        sim_disconnect(sim, reader);
        sim_disconnect(sim, b);
        buf_deinit(&set);
        buf_deinit(&got);
        buf_deinit(&other);
        sim_free(sim);
    }
    cr_expect(happened > 0);
}
