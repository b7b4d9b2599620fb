/*
 * Stories of quorums that are not the ring's: of a connection, of a prefix of
 * keys; and of what all nodes agree on.
 */
#include "sim/story.h"

#include <stdio.h>

#define SAYS_ON(sim, node, which, line, reply)                                 \
    cr_assert(eq(str, (char *)(uintptr_t)sim_call_on(sim, node, which, line),  \
                 (char *)(uintptr_t)(reply)),                                  \
              "node %u: %s", node, line)

#define REFUSES_ON(sim, node, which, line, word)                               \
    cr_assert(                                                                 \
        strncmp(sim_call_on(sim, node, which, line), word, strlen(word)) == 0, \
        "node %u: %s", node, line)

enum { NODES = 5 };

/* Cuts the slot's first owner, and those that own nothing of it, off from its
 * other two owners; fills in who is who. */
static void
cut_first_owner(struct sim *sim, const char *key, uint32_t owners[3])
{
    uint32_t others;

    owners_of(sim, NODES, key, owners);
    others = 1u << owners[1] | 1u << owners[2];
    sim_partition(sim, others, ((1u << NODES) - 1) & ~others);
    (void)sim_run_for(sim, 3000);
}

/* Until all nodes answer so. */
static void
all_say(struct sim *sim, uint32_t nodes, const char *line, const char *reply)
{
    uint32_t i;

    for (i = 0; i < nodes; i++)
        SAYS_SOON(sim, i, line, reply);
}

/* ---- of a connection ---- */

CASE(ring_quorum, a_connection_that_wants_all_three_waits_for_the_third)
{
    struct sim *sim = ring_of(&SLOPPY, 3, 401);

    SAYS_ON(sim, 0, 0, "KULA.QUORUM W 3 R 1", "+OK\r\n");
    SAYS_ON(sim, 0, 0, "SET k all", "+OK\r\n");
    sim_crash(sim, 2, true);
    (void)sim_run_for(sim, 3000);
    REFUSES_ON(sim, 0, 0, "SET k more", "-NOQUORUM");
    SAYS_ON(sim, 0, 0, "GET k", "$3\r\nall\r\n");
    SAYS_ON(sim, 0, 1, "SET k two", "+OK\r\n"); /* another connection */
    SAYS_ON(sim, 0, 0, "KULA.QUORUM DEFAULT", "+OK\r\n");
    SAYS_ON(sim, 0, 0, "SET k again", "+OK\r\n");
    SAYS_ON(sim, 0, 0, "KULA.QUORUM W 3", "+OK\r\n");
    SAYS_ON(sim, 0, 0, "RESET", "+RESET\r\n");
    SAYS_ON(sim, 0, 0, "SET k last", "+OK\r\n");
    sim_free(sim);
}

CASE(ring_quorum, what_a_connection_wants_travels_with_its_requests)
{
    struct sim *sim = ring_of(&SLOPPY, 3, 402);
    uint32_t a = primary_of(sim, 0, 3, "k"), b = (a + 1) % 3;

    SAYS(sim, a, "SET k old", "+OK\r\n");
    SAYS_ON(sim, b, 0, "KULA.QUORUM W 3", "+OK\r\n");
    sim_crash(sim, (a + 2) % 3, true);
    REFUSES_ON(sim, b, 0, "SET k new", "-UNCERTAIN"); /* not noticed yet */
    (void)sim_run_for(sim, 3000);
    REFUSES_ON(sim, b, 0, "SET k new", "-NOQUORUM");
    SAYS_ON(sim, b, 0, "KULA.QUORUM W 2", "+OK\r\n");
    SAYS_ON(sim, b, 0, "SET k new", "+OK\r\n");
    sim_free(sim);
}

CASE(ring_quorum, a_connection_that_reads_one_copy_reads_when_cut_off)
{
    struct sim *sim = ring_of(&SLOPPY, 3, 403);

    SAYS_ON(sim, 0, 1, "KULA.QUORUM W 3", "+OK\r\n");
    SAYS_ON(sim, 0, 1, "SET k v", "+OK\r\n");
    sim_partition(sim, 1u, 6u);
    (void)sim_run_for(sim, 3000);
    REFUSES_ON(sim, 0, 0, "GET k", "-NOQUORUM");
    SAYS_ON(sim, 0, 0, "KULA.QUORUM R 1", "+OK\r\n");
    SAYS_ON(sim, 0, 0, "GET k", "$1\r\nv\r\n");
    SAYS_ON(sim, 0, 0, "MGET k k", "*2\r\n$1\r\nv\r\n$1\r\nv\r\n");
    REFUSES_ON(sim, 0, 0, "SET k w", "-NOQUORUM");
    sim_free(sim);
}

static void
gather(void *context, struct sim_conn *conn, struct bytes bytes)
{
    (void)conn;
    buf_must_add(context, bytes.data, bytes.size);
}

CASE(ring_quorum, it_keeps_its_place_in_a_pipeline)
{
    struct sim *sim = ring_of(&SLOPPY, 3, 404);
    struct buf replies = {0};
    struct sim_conn *conn;

    sim_crash(sim, 2, true);
    (void)sim_run_for(sim, 5000);
    conn = sim_connect(sim, 0, 0, &replies, NULL, gather);
    sim_send(sim, conn,
             BYTES_LIT("SET a 1\r\nSET b 1\r\nKULA.QUORUM W 3\r\nSET a 2\r\n"
                       "KULA.QUORUM W 2\r\nSET b 2\r\nGET a\r\nGET b\r\n"));
    (void)sim_run_for(sim, 5000);
    buf_must_add(&replies, "", 1);
    cr_expect(
        eq(str, replies.data,
           (char *)(uintptr_t) "+OK\r\n+OK\r\n+OK\r\n-NOQUORUM too few "
                               "owners of the key can be reached, nothing "
                               "was written\r\n+OK\r\n+OK\r\n$1\r\n1\r\n"
                               "$1\r\n2\r\n"));
    sim_disconnect(sim, conn);
    buf_deinit(&replies);
    sim_free(sim);
}

/* ---- of a prefix ---- */

CASE(ring_quorum, a_strict_prefix_of_a_sloppy_ring_is_refused_where_few_are)
{
    struct sim *sim = ring_of(&SLOPPY, NODES, 405);
    uint32_t owners[3];

    SAYS(sim, 1, "KULA.PREFIX SET lock: mode strict", "+OK\r\n");
    all_say(sim, NODES, "KULA.PREFIX GET lock:",
            "*8\r\n$1\r\nr\r\n$-1\r\n$1\r\nw\r\n$-1\r\n$4\r\nmode\r\n$6\r\n"
            "strict\r\n$8\r\nconflict\r\n$-1\r\n");
    cut_first_owner(sim, "{k}", owners);
    SAYS_SOON(sim, owners[0], "SET free:{k} one", "+OK\r\n");
    REFUSES(sim, owners[0], "SET lock:{k} one NX", "-NOQUORUM");
    SAYS_SOON(sim, owners[1], "SET lock:{k} two NX", "+OK\r\n");
    SAYS_SOON(sim, owners[1], "SET free:{k} two", "+OK\r\n");
    REFUSES(sim, owners[0], "SET lock:{k} one NX", "-NOQUORUM");
    sim_heal(sim);
    SAYS_SOON(sim, owners[0], "GET lock:{k}", "$3\r\ntwo\r\n");
    SAYS_SOON(sim, owners[0], "DEL lock:{k}", ":1\r\n");
    is_equal(sim, NODES);
    sim_free(sim);
}

/* The tenure that was taken with too few promises is made a full one for the
 * strict write that waits. */
CASE(ring_quorum, a_short_tenure_becomes_full_for_a_strict_write)
{
    struct sim *sim = ring_of(&SLOPPY, NODES, 406);
    uint32_t owners[3];

    SAYS(sim, 0, "KULA.PREFIX SET lock: mode strict", "+OK\r\n");
    (void)sim_run_for(sim, 2000);
    owners_of(sim, NODES, "{k}", owners);
    sim_crash(sim, owners[1], true);
    sim_crash(sim, owners[2], true);
    (void)sim_run_for(sim, 6000);
    SAYS_SOON(sim, owners[0], "SET free:{k} one", "+OK\r\n");
    REFUSES(sim, owners[0], "SET lock:{k} one NX", "-NOQUORUM");
    sim_start(sim, owners[1]);
    sim_start(sim, owners[2]);
    SAYS_SOON(sim, owners[0], "SET lock:{k} one NX", "+OK\r\n");
    is_equal(sim, NODES);
    sim_free(sim);
}

CASE(ring_quorum, a_sloppy_prefix_of_a_strict_ring_goes_on)
{
    struct sim *sim = ring_of(&STRICT, NODES, 407);
    uint32_t owners[3];

    SAYS(sim, 1, "KULA.PREFIX SET free: mode sloppy", "+OK\r\n");
    SAYS(sim, 1, "SET lock:{k} old", "+OK\r\n");
    (void)sim_run_for(sim, 2000);
    cut_first_owner(sim, "{k}", owners);
    REFUSES(sim, owners[0], "SET lock:{k} one", "-NOQUORUM");
    SAYS_SOON(sim, owners[0], "SET free:{k} one", "+OK\r\n");
    REFUSES(sim, owners[0], "SET lock:{k} one", "-NOQUORUM");
    SAYS_SOON(sim, owners[1], "SET lock:{k} two", "+OK\r\n");
    sim_heal(sim);
    SAYS_SOON(sim, owners[0], "GET free:{k}", "$3\r\none\r\n");
    SAYS_SOON(sim, owners[0], "GET lock:{k}", "$3\r\ntwo\r\n");
    is_equal(sim, NODES);
    sim_free(sim);
}

CASE(ring_quorum, the_longest_prefix_counts_and_a_connection_over_it)
{
    struct sim *sim = ring_of(&SLOPPY, 3, 408);

    SAYS(sim, 0, "KULA.PREFIX SET a w 3", "+OK\r\n");
    SAYS(sim, 1, "KULA.PREFIX SET a: w 1 r 1", "+OK\r\n");
    (void)sim_run_for(sim, 3000);
    sim_crash(sim, 2, true);
    (void)sim_run_for(sim, 3000);
    REFUSES(sim, 0, "SET ab v", "-NOQUORUM");
    SAYS(sim, 0, "SET b v", "+OK\r\n");
    SAYS(sim, 0, "SET a: v", "+OK\r\n");
    REFUSES(sim, 0, "MSET b v {b}a v", "+OK"); /* neither begins with a */
    SAYS_ON(sim, 1, 0, "KULA.QUORUM W 2", "+OK\r\n");
    SAYS_ON(sim, 1, 0, "SET ab v", "+OK\r\n");
    SAYS_ON(sim, 1, 0, "KULA.QUORUM W 3", "+OK\r\n");
    REFUSES_ON(sim, 1, 0, "SET a: v", "-NOQUORUM");
    sim_crash(sim, 1, true);
    (void)sim_run_for(sim, 3000);
    SAYS(sim, 0, "GET a:", "$1\r\nv\r\n");
    REFUSES(sim, 0, "GET b", "-NOQUORUM");
    sim_free(sim);
}

/* ---- what all agree on ---- */

CASE(ring_quorum, prefixes_of_both_sides_of_a_cut_are_all_kept)
{
    static const char x[] = "*8\r\n$1\r\nr\r\n$-1\r\n$1\r\nw\r\n:1\r\n$4\r\n"
                            "mode\r\n$-1\r\n$8\r\nconflict\r\n$-1\r\n";
    static const char later[] =
        "*8\r\n$1\r\nr\r\n$-1\r\n$1\r\nw\r\n:3\r\n$4\r\n"
        "mode\r\n$-1\r\n$8\r\nconflict\r\n$3\r\nlww\r\n";
    struct sim *sim = ring_of(&SLOPPY, 3, 409);

    SAYS(sim, 0, "KULA.PREFIX SET gone: w 3", "+OK\r\n");
    (void)sim_run_for(sim, 3000);
    sim_partition(sim, 1u, 6u);
    (void)sim_run_for(sim, 3000);
    SAYS(sim, 0, "KULA.PREFIX SET one: w 1", "+OK\r\n");
    SAYS(sim, 2, "KULA.PREFIX SET two: w 1", "+OK\r\n");
    SAYS(sim, 0, "KULA.PREFIX SET both: w 2", "+OK\r\n");
    SAYS(sim, 1, "KULA.PREFIX DEL gone:", "+OK\r\n");
    (void)sim_run_for(sim, 3000);
    SAYS(sim, 1, "KULA.PREFIX SET both: w 3 conflict lww n 3", "+OK\r\n");
    SAYS(sim, 0, "CONFIG SET read-quorum 1", "+OK\r\n");
    SAYS(sim, 1, "CONFIG SET write-quorum 3", "+OK\r\n");
    (void)sim_run_for(sim, 3000);
    sim_heal(sim);
    all_say(sim, 3, "KULA.PREFIX GET one:", x);
    all_say(sim, 3, "KULA.PREFIX GET two:", x);
    all_say(sim, 3, "KULA.PREFIX GET both:", later);
    all_say(sim, 3, "KULA.PREFIX GET gone:", "$-1\r\n");
    all_say(sim, 3, "CONFIG GET read-quorum",
            "*2\r\n$11\r\nread-quorum\r\n$1\r\n1\r\n");
    all_say(sim, 3, "CONFIG GET write-quorum",
            "*2\r\n$12\r\nwrite-quorum\r\n$1\r\n3\r\n");
    sim_free(sim);
}

static bool
is_down(struct sim *sim, uint32_t seen_from, uint32_t node)
{
    uint32_t number = members_self_number(sim_members(sim, node));

    return (replica_health(sim_replica(sim, seen_from), number) & PEER_DOWN) !=
           0;
}

CASE(ring_quorum, a_time_out_that_is_set_on_one_node_counts_on_all)
{
    struct sim *sim = ring_of(&SLOPPY, 4, 411);

    SAYS(sim, 0, "CONFIG SET node-timeout-ms 600000", "+OK\r\n");
    all_say(sim, 4, "CONFIG GET cluster-node-timeout",
            "*2\r\n$20\r\ncluster-node-timeout\r\n$6\r\n600000\r\n");
    sim_partition(sim, 1u << 3, 7u);
    (void)sim_run_for(sim, 30000);
    cr_expect(not(is_down(sim, 1, 3)));
    SAYS(sim, 1, "CONFIG SET node-timeout-ms 3000", "+OK\r\n");
    (void)sim_run_for(sim, 10000);
    cr_expect(is_down(sim, 1, 3));
    cr_expect(is_down(sim, 2, 3));
    sim_free(sim);
}

CASE(ring_quorum, prefixes_and_settings_survive_a_restart_of_all)
{
    static const char x[] = "*8\r\n$1\r\nr\r\n:1\r\n$1\r\nw\r\n$-1\r\n$4\r\n"
                            "mode\r\n$-1\r\n$8\r\nconflict\r\n$-1\r\n";
    struct sim *sim = ring_of(&SLOPPY, 3, 410);
    uint32_t i;

    SAYS(sim, 1, "KULA.PREFIX SET x r 1", "+OK\r\n");
    SAYS(sim, 2, "KULA.PREFIX SET y r 1", "+OK\r\n");
    SAYS(sim, 1, "CONFIG SET node-timeout-ms 2000", "+OK\r\n");
    all_say(sim, 3, "KULA.PREFIX GET y", x);
    SAYS(sim, 1, "KULA.PREFIX DEL y", "+OK\r\n");
    (void)sim_run_for(sim, 5000);
    for (i = 0; i < 3; i++)
        sim_crash(sim, i, false);
    for (i = 0; i < 3; i++)
        sim_start(sim, i);
    becomes_quiet(sim, 3, UP_MS);
    all_say(sim, 3, "KULA.PREFIX GET x", x);
    all_say(sim, 3, "KULA.PREFIX GET y", "$-1\r\n");
    all_say(sim, 3, "CONFIG GET node-timeout-ms",
            "*2\r\n$15\r\nnode-timeout-ms\r\n$4\r\n2000\r\n");
    sim_free(sim);
}

/* ---- WAIT ---- */

CASE(ring_wait, it_counts_the_other_nodes_that_have_what_was_written)
{
    struct sim *sim = ring_of(&SLOPPY, 3, 421);
    uint32_t i;

    for (i = 0; i < 3; i++) {
        SAYS_ON(sim, i, 0, "WAIT 2 100", ":2\r\n"); /* nothing was written */
        SAYS_ON(sim, i, 0, "SET k v", "+OK\r\n");
        SAYS_ON(sim, i, 0, "WAIT 2 0", ":2\r\n");
        SAYS_ON(sim, i, 0, "WAIT 7 0", ":2\r\n"); /* there are no more */
        SAYS_ON(sim, i, 0, "INCR n",
                i == 0   ? ":1\r\n"
                : i == 1 ? ":2\r\n"
                         : ":3\r\n");
        SAYS_ON(sim, i, 0, "FLUSHDB", "+OK\r\n");
        SAYS_ON(sim, i, 0, "WAIT 2 5000", ":2\r\n");
        SAYS_ON(sim, i, 0, "SET n 0", "+OK\r\n");
        SAYS_ON(sim, i, 0, "WAIT 1 x",
                "-ERR timeout is not an integer or out of range\r\n");
        SAYS_ON(sim, i, 0, "INCRBY n 1", ":1\r\n");
        SAYS_ON(sim, i, 0, i == 0 ? "SET n 1" : "SET n 2", "+OK\r\n");
    }
    sim_free(sim);
}

CASE(ring_wait, one_that_is_away_is_waited_for)
{
    struct sim *sim = ring_of(&SLOPPY, 3, 422);
    char line[32];
    int64_t begin_ms;
    uint32_t i;

    sim_crash(sim, 2, true);
    (void)sim_run_for(sim, 3000);
    SAYS_ON(sim, 0, 0, "SET k v", "+OK\r\n");
    SAYS_ON(sim, 0, 0, "WAIT 1 0", ":1\r\n");
    begin_ms = sim_now_ms(sim);
    SAYS_ON(sim, 0, 0, "WAIT 2 3000", ":1\r\n");
    cr_expect(sim_now_ms(sim) - begin_ms >= 3000);
    for (i = 0; i < 20; i++) { /* more than are remembered one by one */
        (void)snprintf(line, sizeof(line), "SET key:%u v", i);
        SAYS_ON(sim, 1, 0, line, "+OK\r\n");
    }
    SAYS_ON(sim, 1, 0, "WAIT 2 50", ":1\r\n");
    sim_start(sim, 2);
    SAYS_ON(sim, 0, 0, "WAIT 2 30000", ":2\r\n");
    SAYS_ON(sim, 1, 0, "WAIT 2 0", ":2\r\n");
    sim_free(sim);
}

/* Who ran it is gone for good: nobody knows who has acknowledged it, until the
 * owners that are left, and the one that comes back, have been compared. */
CASE(ring_wait, it_does_not_wait_for_ever_for_a_primary_that_is_gone)
{
    struct sim *sim = ring_of(&SLOPPY, 3, 423);
    uint32_t a = primary_of(sim, 0, 3, "k"), b = (a + 1) % 3;

    SAYS_ON(sim, b, 0, "SET k v", "+OK\r\n");
    sim_crash(sim, a, true);
    SAYS_ON(sim, b, 0, "WAIT 1 5000", ":0\r\n");
    sim_start(sim, a);
    SAYS_ON(sim, b, 0, "WAIT 2 60000", ":2\r\n");
    sim_free(sim);
}

CASE(ring_wait, nodes_that_do_not_own_it_do_not_matter)
{
    struct sim *sim = ring_of(&SLOPPY, NODES, 424);
    uint32_t owners[3], other = 0;

    owners_of(sim, NODES, "k", owners);
    while (other == owners[0] || other == owners[1] || other == owners[2])
        other++;
    sim_crash(sim, other, true);
    (void)sim_run_for(sim, 3000);
    SAYS_ON(sim, owners[1], 0, "SET k v", "+OK\r\n");
    SAYS_ON(sim, owners[1], 0, "WAIT 2 0", ":2\r\n");
    sim_free(sim);
}

CASE(ring_wait, in_a_transaction_it_does_not_wait)
{
    struct sim *sim = ring_of(&SLOPPY, 3, 425);
    struct sim_conn *conn;
    struct buf replies = {0};

    sim_crash(sim, 2, true);
    (void)sim_run_for(sim, 3000);
    SAYS_ON(sim, 0, 0, "MULTI", "+OK\r\n");
    SAYS_ON(sim, 0, 0, "SET k v", "+QUEUED\r\n");
    SAYS_ON(sim, 0, 0, "WAIT 2 0", "+QUEUED\r\n");
    SAYS_ON(sim, 0, 0, "EXEC", "*2\r\n+OK\r\n:1\r\n");
    /* one that goes away while it waits */
    conn = sim_connect(sim, 0, 0, &replies, NULL, gather);
    sim_send(sim, conn, BYTES_LIT("SET k v\r\nWAIT 2 0\r\nPING\r\n"));
    (void)sim_run_for(sim, 2000);
    buf_must_add(&replies, "", 1);
    cr_expect(eq(str, replies.data, (char *)(uintptr_t) "+OK\r\n"));
    sim_disconnect(sim, conn);
    (void)sim_run_for(sim, 2000);
    SAYS_ON(sim, 0, 0, "SET k w", "+OK\r\n");
    buf_deinit(&replies);
    sim_free(sim);
}

/* ---- order, and transactions over several lists ---- */

/* What node 0 says of `b` while `a`, sent before it, can't be written. */
static void
is_seen_early(const char *order, const char *expected)
{
    struct sim *sim = ring_of(&STRICT, NODES, 431);
    char line[64], own[32], others[32];
    struct buf replies = {0};
    struct sim_conn *conn;
    uint32_t owners[3], node, i, free_at = 0;

    (void)snprintf(line, sizeof(line), "CONFIG SET pipeline-order %s", order);
    owners_of(sim, NODES, "a", owners);
    for (node = 0; node == owners[1] || node == owners[2]; node++)
        ;
    SAYS(sim, node, line, "+OK\r\n");
    cut_first_owner(sim, "a", owners); /* two of a's are on the other side */
    for (i = 0; i < 200 && free_at == 0; i++) {
        (void)snprintf(own, sizeof(own), "SET b%u 0", i);
        if (strcmp(sim_call(sim, node, own), "+OK\r\n") == 0) free_at = i + 1;
    }
    cr_assert(free_at > 0);
    (void)snprintf(own, sizeof(own), "GET b%u", free_at - 1);
    (void)snprintf(others, sizeof(others), "SET a 1\r\nSET b%u 1\r\n",
                   free_at - 1);
    conn = sim_connect(sim, node, 0, &replies, NULL, gather);
    sim_send(sim, conn, bytes_str(others));
    (void)sim_run_for(sim, 400);
    SAYS(sim, node, own, expected);
    (void)sim_run_for(sim, 3000);
    SAYS(sim, node, own, "$1\r\n1\r\n");
    buf_must_add(&replies, "", 1);
    cr_expect(strncmp(replies.data, "-NOQUORUM", 9) == 0);
    cr_expect(strstr(replies.data, "\r\n+OK\r\n") != NULL);
    sim_disconnect(sim, conn);
    buf_deinit(&replies);
    sim_free(sim);
}

CASE(ring_order, writes_to_different_keys_overtake_each_other)
{
    is_seen_early("loose", "$1\r\n1\r\n");
}

CASE(ring_order, in_strict_order_they_do_not)
{
    is_seen_early("strict", "$1\r\n0\r\n");
}

CASE(ring_order, a_transaction_over_several_lists_is_refused_if_so_wished)
{
    struct sim *sim = ring_of(&SLOPPY, NODES, 432);
    uint32_t one[3], other[3], i = 0;
    char line[32], get[32];

    owners_of(sim, NODES, "a", one);
    do {
        (void)snprintf(get, sizeof(get), "b%u", i++);
        owners_of(sim, NODES, get, other);
    } while (memcmp(one, other, sizeof(one)) == 0);
    (void)snprintf(line, sizeof(line), "SET b%u 1", i - 1);
    (void)snprintf(get, sizeof(get), "EXISTS a b%u", i - 1);
    SAYS(sim, 1, "CONFIG SET exec-spanning refuse", "+OK\r\n");
    (void)sim_run_for(sim, 3000);
    SAYS_ON(sim, 0, 0, "MULTI", "+OK\r\n");
    SAYS_ON(sim, 0, 0, "SET a 1", "+QUEUED\r\n");
    SAYS_ON(sim, 0, 0, line, "+QUEUED\r\n");
    REFUSES_ON(sim, 0, 0, "EXEC", "-EXECABORT");
    SAYS(sim, 2, get, ":0\r\n");
    SAYS(sim, 1, "CONFIG SET exec-spanning run", "+OK\r\n");
    (void)sim_run_for(sim, 3000);
    SAYS_ON(sim, 0, 0, "MULTI", "+OK\r\n");
    SAYS_ON(sim, 0, 0, "SET a 1", "+QUEUED\r\n");
    SAYS_ON(sim, 0, 0, line, "+QUEUED\r\n");
    SAYS_ON(sim, 0, 0, "EXEC", "*2\r\n+OK\r\n+OK\r\n");
    SAYS(sim, 2, get, ":2\r\n");
    sim_free(sim);
}
