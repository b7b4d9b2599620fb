/*
 * Scripted stories of rings, N=3, R=2, W=2 unless said otherwise. Each reads
 * as what happens.
 */
#include "sim/story.h"

#include <stdio.h>

/* ---- coming up (33) ---- */

CASE(ring, three_fresh_nodes_with_one_seed_become_a_ring)
{
    struct sim_ring config = SLOPPY;
    struct sim *sim;

    config.seeds = 1;
    sim = ring_of(&config, 3, 1);
    cr_expect(sim_now_ms(sim) < 15000, "%lld ms", (long long)sim_now_ms(sim));
    SAYS(sim, 0, "SET k v", "+OK\r\n");
    SAYS(sim, 1, "GET k", "$1\r\nv\r\n");
    SAYS(sim, 2, "GET k", "$1\r\nv\r\n");
    is_equal(sim, 3);
    sim_free(sim);
}

CASE(ring, a_ring_of_one_is_a_ring)
{
    struct sim *sim = ring_of(&SLOPPY, 1, 2);

    set_keys(sim, 0, 20, "v");
    has_keys(sim, 0, 20, "v");
    SAYS(sim, 0, "DBSIZE", ":20\r\n");
    sim_free(sim);
}

CASE(ring, any_node_answers_any_key)
{
    struct sim *sim = ring_of(&SLOPPY, 5, 3);
    uint32_t node;

    set_keys(sim, 3, 50, "v");
    for (node = 0; node < 5; node++)
        has_keys(sim, node, 50, "v");
    SAYS(sim, 1, "DBSIZE", ":50\r\n");
    SAYS(sim, 2, "MGET key:1 nothing key:2",
         "*3\r\n$2\r\nv1\r\n$-1\r\n$2\r\nv2\r\n");
    SAYS(sim, 4, "DEL key:1 key:2 key:3", ":3\r\n");
    SAYS(sim, 0, "EXISTS key:1 key:2 key:3 key:4", ":1\r\n");
    SAYS(sim, 3, "MSET a 1 b 2 c 3", "+OK\r\n");
    SAYS(sim, 0, "INCRBY b 40", ":42\r\n");
    SAYS(sim, 1, "APPEND c x", ":2\r\n");
    SAYS(sim, 2, "GET b", "$2\r\n42\r\n");
    SAYS(sim, 4, "GET c", "$2\r\n3x\r\n");
    is_equal(sim, 5);
    sim_free(sim);
}

CASE(ring, two_workers_each_have_their_own_links)
{
    struct sim_config config = {
        .seed = 4, .nodes = 3, .workers = 2, .ring = &SLOPPY};
    struct sim *sim = sim_new(&config);
    uint32_t i;

    becomes_quiet(sim, 3, UP_MS);
    for (i = 0; i < 20; i++) {
        char line[32], reply[32];

        (void)snprintf(line, sizeof(line), "INCR n%u", i % 4);
        (void)snprintf(reply, sizeof(reply), ":%u\r\n", i / 4 + 1);
        cr_assert(eq(str,
                     (char *)(uintptr_t)sim_call_on(sim, i % 3, i % 2, line),
                     reply));
    }
    is_equal(sim, 3);
    sim_free(sim);
}

CASE(ring, all_three_are_killed_and_started_at_once)
{
    struct sim *sim = ring_of(&STRICT, 3, 5);
    uint32_t i;

    set_keys(sim, 0, 10, "v");
    for (i = 0; i < 3; i++)
        sim_crash(sim, i, false);
    for (i = 0; i < 3; i++)
        sim_start(sim, i);
    becomes_quiet(sim, 3, QUIET_MS);
    SAYS(sim, 1, "SET again 1", "+OK\r\n");
    SAYS(sim, 2, "GET again", "$1\r\n1\r\n");
    sim_free(sim);
}

CASE(ring, one_of_three_started_alone_serves_nothing_and_founds_nothing)
{
    struct sim *sim = ring_of(&STRICT, 3, 6);
    uint32_t i;

    set_keys(sim, 0, 10, "v");
    for (i = 0; i < 3; i++)
        sim_crash(sim, i, false);
    sim_start(sim, 1);
    (void)sim_run_for(sim, 20000);
    cr_expect(strncmp(sim_call(sim, 1, "SET k v"), "-NOQUORUM", 9) == 0);
    cr_expect(strncmp(sim_call(sim, 1, "GET key:1"), "-NOQUORUM", 9) == 0);
    sim_start(sim, 0);
    sim_start(sim, 2);
    becomes_quiet(sim, 3, QUIET_MS);
    SAYS(sim, 1, "SET k v", "+OK\r\n");
    sim_free(sim);
}

/* ---- deaths ---- */

CASE(ring, a_lock_is_not_granted_again_by_the_one_who_takes_over)
{
    struct sim *sim = ring_of(&STRICT, 3, 7);
    uint32_t primary = primary_of(sim, 0, 3, "lock"), other, i;

    SAYS(sim, 0, "SET lock me NX", "+OK\r\n");
    sim_crash(sim, primary, true);
    other = (primary + 1) % 3;
    for (i = 0; i < 100; i++) {
        const char *reply = sim_call(sim, other, "SET lock you NX");

        cr_assert(strncmp(reply, "+OK", 3) != 0, "granted twice");
        if (strcmp(reply, "$-1\r\n") == 0) break;
        (void)sim_run_for(sim, 100);
    }
    cr_expect(i < 100, "no answer");
    SAYS(sim, (primary + 2) % 3, "GET lock", "$2\r\nme\r\n");
    sim_start(sim, primary);
    is_equal(sim, 3);
    SAYS(sim, primary, "SET lock you NX", "$-1\r\n");
    sim_free(sim);
}

/* What an empty node that starts again must never say. */
static void
never_forgets(struct sim *sim, uint32_t node, int64_t for_ms)
{
    int64_t until_ms = sim_now_ms(sim) + for_ms;

    while (sim_now_ms(sim) < until_ms) {
        const char *reply = sim_call(sim, node, "GET k");

        cr_assert(strcmp(reply, "$-1\r\n") != 0, "node %u has forgotten k",
                  node);
        reply = sim_call(sim, node, "SET k other NX");
        cr_assert(strncmp(reply, "+OK", 3) != 0, "node %u grants k again",
                  node);
        (void)sim_run_for(sim, 20);
    }
}

CASE(ring, a_node_restarted_empty_says_not_found_to_nobody)
{
    struct sim *sim = ring_of(&STRICT, 3, 8);
    uint32_t a = primary_of(sim, 0, 3, "k"), b = (a + 1) % 3;
    uint32_t i;

    /* B misses it */
    sim_partition(sim, 1u << b, 7u & ~(1u << b));
    SAYS_SOON(sim, a, "SET k v", "+OK\r\n");
    sim_crash(sim, a, false);
    sim_heal(sim);
    sim_start(sim, a);
    for (i = 0; i < 3; i++)
        never_forgets(sim, (a + i) % 3, 1000);
    is_equal(sim, 3);
    for (i = 0; i < 3; i++)
        SAYS(sim, i, "GET k", "$1\r\nv\r\n");
    sim_free(sim);
}

CASE(ring, all_three_restart_empty_one_after_the_other_and_nothing_is_lost)
{
    struct sim *sim = ring_of(&STRICT, 3, 9);
    uint32_t i;

    set_keys(sim, 1, 60, "v");
    SAYS(sim, 1, "INCRBY n 1000", ":1000\r\n");
    for (i = 0; i < 3; i++) {
        sim_crash(sim, i, i == 1);
        (void)sim_run_for(sim, 5000);
        sim_start(sim, i);
        becomes_quiet(sim, 3, QUIET_MS);
        SAYS(sim, i, "INCR n",
             i == 0   ? ":1001\r\n"
             : i == 1 ? ":1002\r\n"
                      : ":1003\r\n");
    }
    for (i = 0; i < 3; i++)
        has_keys(sim, i, 60, "v");
    is_equal(sim, 3);
    sim_free(sim);
}

CASE(ring, two_that_restart_empty_together_get_out_of_it)
{
    struct sim *sim = ring_of(&STRICT, 3, 25);
    uint32_t i;

    set_keys(sim, 0, 40, "v");
    becomes_quiet(sim, 3, QUIET_MS);
    sim_crash(sim, 0, false);
    sim_crash(sim, 1, true);
    (void)sim_run_for(sim, 2000);
    sim_start(sim, 0);
    sim_start(sim, 1);
    is_equal(sim, 3);
    for (i = 0; i < 3; i++)
        has_keys(sim, i, 40, "v");
    sim_free(sim);
}

CASE(ring, an_older_value_does_not_come_back_when_a_newer_one_expires)
{
    struct sim *sim = ring_of(&SLOPPY, 3, 26);
    uint32_t owners[3], b, i;

    SAYS(sim, 0, "SET k v1", "+OK\r\n");
    becomes_quiet(sim, 3, QUIET_MS);
    owners_of(sim, 3, "k", owners);
    b = owners[2];
    sim_partition(sim, 1u << b, 7u & ~(1u << b));
    (void)sim_run_for(sim, 3000);
    SAYS_SOON(sim, owners[0], "SET k v2 PX 3000", "+OK\r\n");
    (void)sim_run_for(sim, 10000);
    sim_heal(sim);
    is_equal(sim, 3);
    for (i = 0; i < 3; i++)
        SAYS(sim, i, "GET k", "$-1\r\n");
    sim_free(sim);
}

CASE(ring, a_counter_that_was_set_anew_does_not_get_its_old_shares_back)
{
    struct sim *sim = ring_of(&SLOPPY, 3, 27);
    uint32_t owners[3], i;

    SAYS(sim, 0, "INCRBY k 50", ":50\r\n");
    owners_of(sim, 3, "k", owners);
    /* the primary has shares, then misses the SET */
    sim_partition(sim, 1u << owners[0], 7u & ~(1u << owners[0]));
    SAYS_SOON(sim, owners[1], "SET k 0", "+OK\r\n");
    sim_heal(sim);
    becomes_quiet(sim, 3, QUIET_MS);
    SAYS(sim, owners[0], "INCR k", ":1\r\n");
    is_equal(sim, 3);
    for (i = 0; i < 3; i++)
        SAYS(sim, i, "GET k", "$1\r\n1\r\n");
    sim_free(sim);
}

CASE(ring, a_counter_made_anew_after_its_expiry_begins_at_nothing)
{
    struct sim *sim = ring_of(&SLOPPY, 3, 28);
    uint32_t owners[3], i;

    SAYS(sim, 0, "INCRBY k 50", ":50\r\n");
    SAYS(sim, 0, "PEXPIRE k 2000", ":1\r\n");
    owners_of(sim, 3, "k", owners);
    sim_partition(sim, 1u << owners[2], 7u & ~(1u << owners[2]));
    (void)sim_run_for(sim, 5000);
    SAYS_SOON(sim, owners[0], "SET other 1", "+OK\r\n");
    SAYS(sim, owners[0], "INCR k", ":1\r\n");
    sim_heal(sim);
    is_equal(sim, 3);
    for (i = 0; i < 3; i++) {
        SAYS(sim, i, "GET k", "$1\r\n1\r\n");
        SAYS(sim, i, "PTTL k", ":-1\r\n");
    }
    sim_free(sim);
}

CASE(ring, a_copy_that_was_dropped_or_altered_in_secret_is_mended_unread)
{
    struct sim *sim = ring_of(&SLOPPY, 3, 29);
    struct store *store;
    struct store_key key;
    int64_t until_ms;
    uint32_t i;

    set_keys(sim, 0, 20, "v");
    becomes_quiet(sim, 3, QUIET_MS);
    for (i = 0; i < 2; i++) {
        bool done;

        store = sim_store(sim, 1);
        key = store_key(store, 0,
                        i == 0 ? BYTES_LIT("key:3") : BYTES_LIT("key:4"));
        store_lock(store, key.slot);
        done = i == 0 ? store_damage_drop(store, &key)
                      : store_damage_flip(store, &key);
        store_unlock(store, key.slot);
        cr_assert(done);
    }
    until_ms = sim_now_ms(sim) + 1800 * 1000;
    for (;;) {
        struct verdict verdict = {0};
        uint32_t count;

        (void)sim_run_for(sim, 5000);
        check_contents(sim, 3, &verdict);
        count = verdict.count;
        verdict_deinit(&verdict);
        if (count == 0) break;
        cr_assert(sim_now_ms(sim) < until_ms, "not mended in half an hour");
    }
    has_keys(sim, 1, 20, "v");
    sim_free(sim);
}

/* ---- stand-ins ---- */

CASE(ring, a_stand_in_keeps_a_write_for_owners_that_are_cut_off)
{
    struct sim *sim = ring_of(&SLOPPY, 5, 30);
    uint32_t owners[3], absent, i;

    owners_of(sim, 5, "k", owners);
    absent = 1u << owners[1] | 1u << owners[2];
    sim_partition(sim, absent, 31u & ~absent);
    SAYS_SOON(sim, owners[0], "SET k v", "+OK\r\n");
    sim_crash(sim, owners[0], true); /* the stand-in's copy is the only one */
    sim_heal(sim);
    (void)sim_run_for(sim, 1000);
    sim_start(sim, owners[0]);
    is_equal(sim, 5);
    for (i = 0; i < 5; i++)
        SAYS(sim, i, "GET k", "$1\r\nv\r\n");
    sim_free(sim);
}

CASE(ring, a_stand_in_does_not_append_to_what_it_has_never_seen)
{
    struct sim *sim = ring_of(&SLOPPY, 5, 31);
    uint32_t owners[3], alone, i;

    SAYS(sim, 0, "SET k long", "+OK\r\n");
    owners_of(sim, 5, "k", owners);
    alone = 31u & ~(1u << owners[0] | 1u << owners[1] | 1u << owners[2]);
    sim_partition(sim, alone, 31u & ~alone);
    (void)sim_run_for(sim, 5000);
    for (i = 0; i < 5; i++) {
        if ((alone >> i & 1) == 0) continue;
        cr_expect(strncmp(sim_call(sim, i, "APPEND k x"), "-NOQUORUM", 9) == 0);
        cr_expect(strncmp(sim_call(sim, i, "SET k x NX"), "-NOQUORUM", 9) == 0);
    }
    sim_heal(sim);
    is_equal(sim, 5);
    SAYS(sim, 0, "GET k", "$4\r\nlong\r\n");
    sim_free(sim);
}

/* ---- clients throughout ---- */

CASE(ring, a_healthy_ring_is_linear_and_fails_nobody)
{
    struct sim *sim = ring_of(&SLOPPY, 3, 10);
    struct crowd crowd;

    crowd_start(&crowd, sim, 3);
    (void)sim_run_for(sim, 20000);
    cr_expect(crowd.history.refused == 0, "%u", crowd.history.refused);
    cr_expect(crowd.history.unknown == 0, "%u", crowd.history.unknown);
    crowd_end(&crowd, 3, true);
    sim_free(sim);
}

CASE(ring, clients_write_on_while_one_is_killed_and_comes_back)
{
    struct sim *sim = ring_of(&STRICT, 3, 11);
    struct crowd crowd;
    uint32_t failed;

    crowd_start(&crowd, sim, 3);
    (void)sim_run_for(sim, 5000);
    sim_crash(sim, 1, false);
    (void)sim_run_for(sim, 3000);
    (void)ring_clients_progress(crowd.clients);
    failed = crowd.history.refused + crowd.history.unknown;
    (void)sim_run_for(sim, 5000);
    cr_expect(ring_clients_progress(crowd.clients) > 300);
    cr_expect(crowd.history.refused + crowd.history.unknown == failed,
              "%u failed while it is dead",
              crowd.history.refused + crowd.history.unknown - failed);
    sim_start(sim, 1);
    (void)sim_run_for(sim, 10000);
    crowd_end(&crowd, 3, false);
    sim_free(sim);
}

/* ---- partitions ---- */

CASE(ring, the_side_without_a_quorum_says_so_in_time_and_the_other_goes_on)
{
    struct sim *sim = ring_of(&STRICT, 3, 12);
    const char *reply;
    int64_t from_ms;

    set_keys(sim, 0, 20, "old");
    sim_partition(sim, 1, 6);
    (void)sim_run_for(sim, 5000);
    from_ms = sim_now_ms(sim);
    reply = sim_call(sim, 0, "SET key:1 lost");
    cr_expect(strncmp(reply, "-NOQUORUM", 9) == 0, "%s", reply);
    cr_expect(sim_now_ms(sim) - from_ms <= 1200, "%lld ms",
              (long long)(sim_now_ms(sim) - from_ms));
    reply = sim_call(sim, 0, "GET key:1");
    cr_expect(strncmp(reply, "-NOQUORUM", 9) == 0, "%s", reply);
    set_keys(sim, 1, 20, "new");
    has_keys(sim, 2, 20, "new");
    sim_heal(sim);
    is_equal(sim, 3);
    has_keys(sim, 0, 20, "new");
    sim_free(sim);
}

CASE(ring, what_one_missed_is_marked_dirty_and_delivered)
{
    struct sim *sim = ring_of(&SLOPPY, 3, 13);
    uint32_t dirty;

    set_keys(sim, 0, 30, "old");
    sim_partition(sim, 4, 3);
    (void)sim_run_for(sim, 3000);
    set_keys(sim, 0, 30, "new");
    dirty = atomic_load(&sim_replica(sim, 0)->dirty_slots) +
            atomic_load(&sim_replica(sim, 1)->dirty_slots);
    cr_expect(dirty > 0);
    sim_heal(sim);
    is_equal(sim, 3);
    has_keys(sim, 2, 30, "new");
    sim_free(sim);
}

CASE(ring, increments_on_both_sides_of_a_partition_add_up)
{
    struct sim_ring config = SLOPPY;
    struct sim *sim;
    uint32_t i;

    config.read_quorum = config.write_quorum = 1;
    sim = ring_of(&config, 3, 14);
    sim_partition(sim, 1, 6);
    (void)sim_run_for(sim, 6000);
    SAYS(sim, 0, "INCRBY absent 5", ":5\r\n");
    SAYS(sim, 1, "INCRBY absent 30", ":30\r\n");
    SAYS(sim, 0, "INCR absent", ":6\r\n");
    SAYS(sim, 2, "INCRBY absent 200", ":230\r\n");
    sim_heal(sim);
    is_equal(sim, 3);
    for (i = 0; i < 3; i++)
        SAYS(sim, i, "GET absent", "$3\r\n236\r\n");
    sim_free(sim);
}

CASE(ring, a_flush_reaches_the_one_that_was_cut_off)
{
    struct sim *sim = ring_of(&SLOPPY, 3, 15);

    set_keys(sim, 0, 30, "v");
    sim_partition(sim, 4, 3);
    (void)sim_run_for(sim, 5000);
    SAYS(sim, 0, "FLUSHALL", "+OK\r\n");
    SAYS(sim, 0, "SET after 1", "+OK\r\n");
    sim_heal(sim);
    is_equal(sim, 3);
    SAYS(sim, 2, "DBSIZE", ":1\r\n");
    SAYS(sim, 2, "GET key:1", "$-1\r\n");
    SAYS(sim, 2, "GET after", "$1\r\n1\r\n");
    sim_free(sim);
}

CASE(ring, a_deleted_key_does_not_come_back_with_the_one_that_missed_it)
{
    struct sim *sim = ring_of(&SLOPPY, 3, 16);
    uint32_t i;

    set_keys(sim, 0, 20, "v");
    sim_partition(sim, 4, 3);
    (void)sim_run_for(sim, 5000);
    for (i = 0; i < 20; i++) {
        char line[32];

        (void)snprintf(line, sizeof(line), "DEL key:%u", i);
        SAYS(sim, i % 2, line, ":1\r\n");
    }
    (void)sim_run_for(sim, 60000); /* tombstones must wait for it */
    sim_heal(sim);
    is_equal(sim, 3);
    SAYS(sim, 2, "DBSIZE", ":0\r\n");
    (void)sim_run_for(sim, 60000);
    SAYS(sim, 2, "DBSIZE", ":0\r\n");
    sim_free(sim);
}

/* ---- pauses ---- */

CASE(ring, a_primary_that_slept_for_30_seconds_grants_nothing_from_its_past)
{
    struct sim *sim = ring_of(&STRICT, 3, 17);
    uint32_t a = primary_of(sim, 0, 3, "lock"), b = (a + 1) % 3;
    struct sim_conn *conn;

    SAYS(sim, a, "SET log 1", "+OK\r\n");
    conn = sim_connect(sim, a, 0, NULL, NULL, NULL);
    cr_assert(conn != NULL);
    sim_pause(sim, a, sim_now_ms(sim) + 30000);
    sim_send(sim, conn, BYTES_LIT("SET lock old NX\r\nAPPEND log old\r\n"));
    SAYS_SOON(sim, b, "SET lock new NX", "+OK\r\n");
    SAYS_SOON(sim, b, "SET log 2", "+OK\r\n");
    (void)sim_run_for(sim, 40000);
    is_equal(sim, 3);
    SAYS(sim, a, "GET lock", "$3\r\nnew\r\n");
    cr_expect(sim_call(sim, a, "GET log")[4] == '2', "the later write is gone");
    sim_disconnect(sim, conn);
    sim_free(sim);
}

CASE(ring, a_write_forwarded_to_a_sleeper_does_not_undo_a_later_one)
{
    struct sim *sim = ring_of(&STRICT, 3, 18);
    uint32_t a = primary_of(sim, 0, 3, "k"), x = (a + 1) % 3, i;
    struct sim_conn *conn = sim_connect(sim, x, 0, NULL, NULL, NULL);

    cr_assert(conn != NULL);
    sim_pause(sim, a, sim_now_ms(sim) + 10000);
    sim_send(sim, conn, BYTES_LIT("SET k 1\r\n"));
    (void)sim_run_for(sim, 2500);
    SAYS_SOON(sim, x, "SET k 2", "+OK\r\n");
    (void)sim_run_for(sim, 20000);
    is_equal(sim, 3);
    for (i = 0; i < 3; i++)
        SAYS(sim, i, "GET k", "$1\r\n2\r\n");
    sim_disconnect(sim, conn);
    sim_free(sim);
}

/* ---- growth, clocks, connections ---- */

CASE(ring, a_ring_grows_from_one_to_three_and_no_request_fails)
{
    struct sim_ring config = SLOPPY;
    struct sim *sim;
    struct crowd crowd;

    config.started = 1;
    config.seeds = 1;
    sim = ring_of(&config, 3, 19);
    set_keys(sim, 0, 200, "v");
    crowd_start(&crowd, sim, 1); /* clients of node 0 alone */
    (void)sim_run_for(sim, 2000);
    sim_start(sim, 1);
    becomes_quiet(sim, 2, QUIET_MS);
    sim_start(sim, 2);
    becomes_quiet(sim, 3, QUIET_MS);
    (void)sim_run_for(sim, 2000);
    cr_expect(crowd.history.refused == 0, "%u", crowd.history.refused);
    cr_expect(crowd.history.unknown == 0, "%u", crowd.history.unknown);
    crowd_end(&crowd, 3, true);
    has_keys(sim, 1, 200, "v");
    has_keys(sim, 2, 200, "v");
    sim_free(sim);
}

CASE(ring, a_clock_that_jumps_loses_no_later_write)
{
    struct sim *sim = ring_of(&STRICT, 3, 20);
    uint32_t a = primary_of(sim, 0, 3, "k");

    SAYS(sim, 0, "SET k 0", "+OK\r\n");
    sim_clock_jump(sim, a, 60000);
    (void)sim_run_for(sim, 500);
    SAYS_SOON(sim, 0, "SET k 1", "+OK\r\n");
    sim_clock_jump(sim, a, -60000);
    (void)sim_run_for(sim, 500);
    SAYS_SOON(sim, 1, "SET k 2", "+OK\r\n");
    sim_crash(sim, a, false);
    SAYS_SOON(sim, (a + 1) % 3, "SET k 3", "+OK\r\n");
    sim_start(sim, a);
    is_equal(sim, 3);
    SAYS(sim, a, "GET k", "$1\r\n3\r\n");
    sim_free(sim);
}

static void
gather(void *context, struct sim_conn *conn, struct bytes bytes)
{
    (void)conn;
    buf_must_add(context, bytes.data, bytes.size);
}

CASE(ring, one_connection_is_answered_in_its_order)
{
    struct sim *sim = ring_of(&SLOPPY, 3, 21);
    struct buf sent = {0}, got = {0}, expected = {0};
    struct sim_conn *conn = sim_connect(sim, 0, 0, &got, NULL, gather);
    int64_t from_ms = sim_now_ms(sim);
    uint32_t i;

    for (i = 0; i < 64; i++) {
        buf_must_printf(&sent, "INCR n\r\n");
        buf_must_printf(&expected, ":%u\r\n", i + 1);
    }
    for (i = 0; i < 8; i++) {
        buf_must_printf(&sent,
                        "SET a%u %u\r\nGET a%u\r\nDEL a%u\r\nGET a%u\r\n", i, i,
                        i, i, i);
        buf_must_printf(&expected, "+OK\r\n$1\r\n%u\r\n:1\r\n$-1\r\n", i);
    }
    buf_must_printf(&sent, "SET b 1\r\nDBSIZE\r\nPING\r\n");
    buf_must_printf(&expected, "+OK\r\n:2\r\n+PONG\r\n");
    sim_send(sim, conn, buf_bytes(&sent));
    while (got.used < expected.used && sim_now_ms(sim) < from_ms + 10000)
        (void)sim_run_for(sim, 1);
    cr_expect(bytes_equal(buf_bytes(&got), buf_bytes(&expected)), "%.*s",
              (int)got.used, got.data);
    /* not a round trip of ten milliseconds for each of them */
    cr_expect(sim_now_ms(sim) - from_ms < 300, "%lld ms",
              (long long)(sim_now_ms(sim) - from_ms));
    sim_disconnect(sim, conn);
    buf_deinit(&sent);
    buf_deinit(&got);
    buf_deinit(&expected);
    sim_free(sim);
}

CASE(ring, a_ring_of_two_with_both_needed_stops_writing_while_one_is_dead)
{
    struct sim *sim = ring_of(&STRICT, 2, 22);
    const char *reply;

    SAYS(sim, 0, "SET k v", "+OK\r\n");
    sim_crash(sim, 1, false);
    (void)sim_run_for(sim, 2000);
    reply = sim_call(sim, 0, "SET k w");
    cr_expect(strncmp(reply, "-NOQUORUM", 9) == 0, "%s", reply);
    sim_start(sim, 1);
    becomes_quiet(sim, 2, QUIET_MS);
    SAYS(sim, 1, "GET k", "$1\r\nv\r\n");
    SAYS(sim, 1, "SET k w", "+OK\r\n");
    is_equal(sim, 2);
    sim_free(sim);
}

CASE(ring, two_runs_of_a_seed_are_equal)
{
    uint64_t traces[3];
    uint32_t i;

    for (i = 0; i < 3; i++) {
        struct sim *sim = ring_of(&SLOPPY, 3, i < 2 ? 23 : 24);

        set_keys(sim, 0, 10, "v");
        sim_crash(sim, 1, false);
        (void)sim_run_for(sim, 5000);
        sim_start(sim, 1);
        (void)sim_run_for(sim, 5000);
        traces[i] = sim_trace(sim);
        sim_free(sim);
    }
    cr_expect(traces[0] == traces[1]);
    cr_expect(traces[0] != traces[2]);
}
