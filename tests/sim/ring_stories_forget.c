/*
 * Stories of nodes that are away for longer than others remember what was
 * deleted.
 */
#include "sim/story.h"

#include <stdio.h>

enum { MINUTE_MS = 60 * 1000 };

static struct sim *
forgetful(const struct sim_ring *ring, uint32_t nodes, uint64_t seed)
{
    struct sim *sim = ring_of(ring, nodes, seed);
    uint32_t i;

    for (i = 0; i < nodes; i++)
        SAYS(sim, i, "CONFIG SET forget-after 60", "+OK\r\n");
    return sim;
}

static uint64_t
tombstone_bytes(struct sim *sim, uint32_t node)
{
    struct store_ring_stats stats;

    store_ring_stats(sim_store(sim, node), &stats);
    return stats.tombstone_bytes;
}

CASE(ring_forget, a_deleted_key_does_not_come_back_with_who_was_away_for_long)
{
    struct sim *sim = forgetful(&STRICT, 3, 301);
    uint32_t i;

    set_keys(sim, 0, 40, "v");
    SAYS(sim, 0, "INCRBY n 100", ":100\r\n");
    (void)sim_run_for(sim, ROUNDS_MS);
    sim_partition(sim, 4u, 3u);
    (void)sim_run_for(sim, 5000);
    SAYS(sim, 0, "DEL key:0 key:1 key:2 n", ":4\r\n");
    SAYS(sim, 1, "SET key:3 w3", "+OK\r\n");
    (void)sim_run_for(sim, MINUTE_MS / 2);
    cr_expect(tombstone_bytes(sim, 0) > 0, "it may come back");
    (void)sim_run_for(sim, 2 * MINUTE_MS);
    cr_expect(eq(u64, tombstone_bytes(sim, 0), 0), "not waited for any more");
    cr_expect(eq(u64, tombstone_bytes(sim, 1), 0));
    SAYS(sim, 0, "INCR n", ":1\r\n");
    sim_heal(sim);
    SAYS_SOON(sim, 2, "GET key:0", "$-1\r\n");
    is_equal(sim, 3);
    for (i = 0; i < 3; i++) {
        SAYS(sim, i, "EXISTS key:0 key:1 key:2", ":0\r\n");
        SAYS(sim, i, "GET n", "$1\r\n1\r\n");
        SAYS(sim, i, "GET key:3", "$2\r\nw3\r\n");
        SAYS(sim, i, "GET key:39", "$3\r\nv39\r\n");
    }
    sim_free(sim);
}

CASE(ring_forget, who_slept_for_long_serves_nothing_of_old)
{
    struct sim *sim = forgetful(&STRICT, 3, 307);
    uint32_t sleeper = primary_of(sim, 0, 3, "k"), other = (sleeper + 1) % 3, i;

    SAYS(sim, 0, "SET k v", "+OK\r\n");
    SAYS(sim, 0, "SET n 100", "+OK\r\n");
    (void)sim_run_for(sim, ROUNDS_MS);
    sim_pause(sim, sleeper, sim_now_ms(sim) + 3 * MINUTE_MS);
    (void)sim_run_for(sim, 5000);
    SAYS_SOON(sim, other, "DEL k n", ":2\r\n");
    (void)sim_run_for(sim, 3 * MINUTE_MS - 5000 - 100);
    cr_expect(eq(u64, tombstone_bytes(sim, other), 0));
    for (i = 0; i < 100; i++) { /* asked from before it wakes up */
        const char *reply = sim_call(sim, sleeper, "APPEND k w");

        if (reply[0] == ':') break;
        (void)sim_run_for(sim, 5);
    }
    cr_expect(i < 100);
    is_equal(sim, 3);
    for (i = 0; i < 3; i++) {
        SAYS(sim, i, "GET k", "$1\r\nw\r\n");
        SAYS(sim, i, "GET n", "$-1\r\n");
    }
    sim_free(sim);
}

CASE(ring_forget, who_comes_back_in_time_brings_what_it_has)
{
    struct sim *sim = forgetful(&SLOPPY, 3, 302);
    uint32_t i;

    for (i = 0; i < 3; i++)
        SAYS(sim, i, "CONFIG SET write-quorum 1", "+OK\r\n");
    set_keys(sim, 0, 20, "v");
    (void)sim_run_for(sim, ROUNDS_MS);
    sim_partition(sim, 4u, 3u);
    (void)sim_run_for(sim, 5000);
    SAYS_SOON(sim, 0, "DEL key:0", ":1\r\n");
    SAYS_SOON(sim, 2, "SET alone x", "+OK\r\n");
    (void)sim_run_for(sim, 40 * 1000);
    sim_heal(sim);
    is_equal(sim, 3);
    for (i = 0; i < 3; i++) {
        SAYS(sim, i, "GET key:0", "$-1\r\n");
        SAYS(sim, i, "GET alone", "$1\r\nx\r\n");
    }
    sim_free(sim);
}

/* The price: of a slot in which something was deleted meanwhile, what those
 * that were away have alone is taken for deleted, too, even if it was
 * acknowledged (sloppy mode: with a stand-in). What they wrote after the
 * others' last comparison is newer, and stays. */
CASE(ring_forget, what_they_alone_have_is_forgotten_where_keys_were_deleted)
{
    struct sim *sim = forgetful(&SLOPPY, 5, 303);
    uint32_t owners[3], away, two, i;

    owners_of(sim, 5, "{k}", owners);
    two = 1u << owners[0] | 1u << owners[1];
    for (i = 0; i < 5; i++) {
        if (i != owners[2] && (two >> i & 1) == 0) break;
    }
    away = 1u << owners[2] | 1u << i;
    SAYS(sim, 0, "SET {k} v", "+OK\r\n");
    (void)sim_run_for(sim, ROUNDS_MS);
    sim_partition(sim, away, 31u & ~away);
    (void)sim_run_for(sim, 5000);
    SAYS_SOON(sim, owners[2], "SET {k}alone x", "+OK\r\n");
    SAYS_SOON(sim, owners[0], "DEL {k}", ":1\r\n");
    (void)sim_run_for(sim, 4 * MINUTE_MS);
    SAYS_SOON(sim, owners[2], "SET {k}late x", "+OK\r\n");
    sim_heal(sim);
    is_equal(sim, 5);
    for (i = 0; i < 5; i++) {
        SAYS(sim, i, "GET {k}", "$-1\r\n");
        SAYS(sim, i, "GET {k}alone", "$-1\r\n");
        SAYS(sim, i, "GET {k}late", "$1\r\nx\r\n");
    }
    sim_free(sim);
}

CASE(ring_forget, a_stand_in_that_was_away_for_long_hands_over_nothing_deleted)
{
    struct sim *sim = forgetful(&SLOPPY, 5, 304);
    uint32_t owners[3], last, others, i;

    owners_of(sim, 5, "k", owners);
    last = 1u << owners[2];
    others = 31u & ~(1u << owners[0] | 1u << owners[1] | last);
    sim_partition(sim, last, 31u & ~last);
    (void)sim_run_for(sim, 2000);
    SAYS_SOON(sim, owners[0], "SET k v", "+OK\r\n");
    sim_partition(sim, others, 31u & ~others);
    (void)sim_run_for(sim, 1000);
    sim_heal(sim);
    sim_partition(sim, others, 31u & ~others);
    SAYS_SOON(sim, owners[0], "DEL k", ":1\r\n");
    (void)sim_run_for(sim, 4 * MINUTE_MS);
    for (i = 0; i < 3; i++)
        cr_expect(eq(u64, tombstone_bytes(sim, owners[i]), 0));
    sim_heal(sim);
    is_equal(sim, 5);
    for (i = 0; i < 5; i++)
        SAYS(sim, i, "GET k", "$-1\r\n");
    sim_free(sim);
}

/* Two parts of a ring never forget each other: more than half must agree. */
CASE(ring_forget, of_two_owners_none_forgets_the_other)
{
    struct sim_ring config = STRICT;
    struct sim *sim;
    uint32_t i;

    config.replicas = 2;
    config.write_quorum = 2;
    sim = forgetful(&config, 4, 305);
    set_keys(sim, 0, 40, "v");
    (void)sim_run_for(sim, ROUNDS_MS);
    sim_partition(sim, 3u, 12u);
    for (i = 0; i < 40; i++) {
        char line[32];

        (void)snprintf(line, sizeof(line), "DEL key:%u", i);
        (void)sim_call(sim, i % 4, line); /* some succeed */
    }
    (void)sim_run_for(sim, 5 * MINUTE_MS);
    sim_heal(sim);
    is_equal(sim, 4);
    sim_free(sim);
}

/* A full cache for half an hour with one node down: 34. */
CASE(ring_forget, tombstones_stay_within_their_share_while_a_node_is_away)
{
    struct sim *sim = ring_of(&STRICT, 3, 306);
    static char line[400];
    uint64_t most = 0;
    uint32_t round, i;

    for (i = 0; i < 3; i++)
        SAYS(sim, i, "CONFIG SET maxmemory 16mb", "+OK\r\n");
    set_keys(sim, 0, 20, "v");
    sim_partition(sim, 4u, 3u);
    (void)sim_run_for(sim, 5000);
    for (round = 0; round < 60; round++) {
        for (i = 0; i < 100; i++) {
            (void)snprintf(line, sizeof(line), "SET %0250u x", round * 100 + i);
            SAYS(sim, 0, line, "+OK\r\n");
            (void)snprintf(line, sizeof(line), "DEL %0250u", round * 100 + i);
            SAYS(sim, 0, line, ":1\r\n");
        }
        (void)sim_run_for(sim, 25 * 1000);
        if (tombstone_bytes(sim, 0) > most) most = tombstone_bytes(sim, 0);
    }
    /* 1.6 MB in all */
    cr_expect(most > 16 * 1024 * 1024 / 30, "%llu bytes: too few to tell",
              (unsigned long long)most);
    cr_expect(most < 16 * 1024 * 1024 / 18, "%llu bytes",
              (unsigned long long)most);
    sim_heal(sim);
    is_equal(sim, 3);
    SAYS(sim, 2, "DBSIZE", ":20\r\n");
    has_keys(sim, 2, 20, "v");
    sim_free(sim);
}
