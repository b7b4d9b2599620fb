#include "unit/node/pump.h"

enum { FIRST = 1, SECOND = 2, THIRD = 4 }; /* seeds */

static bool
first_serves(struct pump *pump)
{
    return !pump_is_loading(pump, 0);
}

static uint64_t
ceiling_of(const struct pump *pump, uint32_t place)
{
    const struct buf *file = &pump->nodes[place].files[NODE_FILE_CEILING];
    uint64_t bits;

    cr_assert(eq(u64, file->used, 8));
    memcpy(&bits, file->data, 8);
    return bits;
}

CASE(ring, a_node_without_seeds_founds_a_ring_of_its_own)
{
    struct pump pump;

    pump_start(&pump);
    pump_run(&pump, 0, 0, "");
    cr_expect(pump_is_loading(&pump, 0));
    cr_expect(pump_until(&pump, first_serves, 10000));
    cr_expect(atomic_load(&pump_replica(&pump, 0)->is_alone));
    cr_expect(eq(u32, pump_replica(&pump, 0)->self, 1));
    cr_expect(pump_is_whole(&pump));
    pump_end(&pump);
}

CASE(ring, a_node_that_is_its_only_seed_founds_a_ring)
{
    struct pump pump;

    pump_start(&pump);
    pump_run(&pump, 0, FIRST, "");
    cr_expect(pump_until(&pump, first_serves, 10000));
    pump_time(&pump, 3000);
    cr_expect(eq(u32, pump.nodes[0].connects, 1)); /* and knows it for good */
    buf_must_add(&pump.nodes[0].log, "", 1);
    cr_expect(strstr(pump.nodes[0].log.data, "refused") == NULL);
    pump_end(&pump);
}

CASE(ring, a_fresh_node_is_loading_until_it_finds_a_member)
{
    struct pump pump;

    pump_start(&pump);
    pump_run(&pump, 1, FIRST, "");
    pump_time(&pump, 5000);
    cr_expect(pump_is_loading(&pump, 1));
    pump_run(&pump, 0, 0, "");
    cr_expect(pump_until(&pump, pump_is_whole, 20000));
    cr_expect(not(atomic_load(&pump_replica(&pump, 0)->is_alone)));
    cr_expect(not(atomic_load(&pump_replica(&pump, 1)->is_alone)));
    cr_expect(
        ne(u32, pump_replica(&pump, 1)->self, pump_replica(&pump, 0)->self));
    cr_expect(eq(u64, ring_map_hash(replica_map(pump_replica(&pump, 0))),
                 ring_map_hash(replica_map(pump_replica(&pump, 1)))));
    cr_expect(memcmp(pump.nodes[0].node->ring->hash_seed,
                     pump.nodes[1].node->ring->hash_seed, 32) == 0);
    pump_end(&pump);
}

static void
start_three(struct pump *pump)
{
    pump_start(pump);
    pump_run(pump, 0, 0, "secret");
    pump_run(pump, 1, FIRST | SECOND, "secret");
    pump_run(pump, 2, FIRST | SECOND, "secret");
    cr_assert(pump_until(pump, pump_is_whole, 30000));
    pump_time(pump, 2000);
    cr_assert(pump_is_whole(pump));
}

CASE(ring, three_nodes_find_each_other_and_link_all_their_workers)
{
    struct pump pump;
    uint32_t i, j, w;

    start_three(&pump);
    for (i = 0; i < 3; i++) {
        for (j = 0; j < 3; j++) {
            uint32_t number = pump_replica(&pump, j)->self;

            for (w = 0; i != j && w < PUMP_WORKERS; w++) {
                cr_expect(bus_link_to(node_worker(pump.nodes[i].node, w),
                                      number) != NULL);
            }
        }
    }
    pump_end(&pump);
}

CASE(ring, links_that_are_there_are_not_dialled_again)
{
    struct pump pump;
    uint32_t connects;

    start_three(&pump);
    connects = pump.nodes[0].connects + pump.nodes[1].connects +
               pump.nodes[2].connects;
    pump_time(&pump, 5000);
    cr_expect(eq(u32, connects,
                 pump.nodes[0].connects + pump.nodes[1].connects +
                     pump.nodes[2].connects));
    pump_end(&pump);
}

CASE(ring, a_node_that_is_gone_is_gone_round_at_once)
{
    struct pump pump;
    uint32_t wanted;

    start_three(&pump);
    wanted = atomic_load(&pump_replica(&pump, 0)->wanted);
    pump_stop(&pump, 2);
    cr_expect(not(pump_health(&pump, 0, 2) & PEER_REACHABLE));
    cr_expect(not(pump_health(&pump, 1, 2) & PEER_REACHABLE));
    cr_expect(gt(u32, atomic_load(&pump_replica(&pump, 0)->wanted), wanted));
    pump_time(&pump, 5000);
    cr_expect(not(pump_health(&pump, 0, 2) & PEER_REACHABLE));
    cr_expect(pump_health(&pump, 0, 1) & PEER_REACHABLE);
    pump_end(&pump);
}

CASE(ring, a_node_that_comes_back_is_reachable_again)
{
    struct pump pump;

    start_three(&pump);
    pump_stop(&pump, 2);
    pump_time(&pump, 5000);
    pump_run(&pump, 2, FIRST | SECOND, "secret");
    cr_expect(pump_until(&pump, pump_is_whole, 30000));
    pump_end(&pump);
}

CASE(ring, a_node_that_comes_back_at_another_address_is_dialled_there)
{
    struct pump pump;
    struct bus_peer *peer;

    start_three(&pump);
    pump_stop(&pump, 2);
    pump_time(&pump, 20000);
    pump.nodes[2].has_moved = true;
    pump_run(&pump, 2, FIRST | SECOND, "secret");
    cr_expect(pump_until(&pump, pump_is_whole, 30000));
    pump_time(&pump, 3000);
    peer = bus_find(node_worker(pump.nodes[0].node, 1)->bus,
                    &pump.nodes[2].node->ring->link.self);
    cr_assert(peer != NULL && bus_is_open(peer->dial.link));
    cr_expect(eq(str, peer->dial.link->address, (char *)"h:7006"));
    pump_end(&pump);
}

CASE(ring, a_node_that_falls_silent_is_gone_round_before_it_is_dialled_anew)
{
    struct pump pump;
    uint32_t connects;

    start_three(&pump);
    connects = pump.nodes[0].connects;
    pump.is_cut[2] = true;
    pump_time(&pump, BUS_SILENT_MS + LINK_PING_MS + 200);
    cr_expect(not(pump_health(&pump, 0, 2) & PEER_REACHABLE));
    cr_expect(not(pump_health(&pump, 2, 0) & PEER_REACHABLE));
    cr_expect(pump_health(&pump, 0, 1) & PEER_REACHABLE);
    cr_expect(eq(u32, pump.nodes[0].connects, connects));
    pump_time(&pump, 20000);
    cr_expect(gt(u32, pump.nodes[0].connects, connects));
    cr_expect(not(pump_health(&pump, 0, 2) & PEER_REACHABLE));
    pump.is_cut[2] = false;
    cr_expect(pump_until(&pump, pump_is_whole, 30000));
    pump_end(&pump);
}

CASE(ring, a_node_with_another_secret_is_refused_and_logged_once)
{
    struct pump pump;
    const char *line;

    pump_start(&pump);
    pump_run(&pump, 0, 0, "secret");
    pump_run(&pump, 1, FIRST, "guessed");
    pump_time(&pump, 10000);
    cr_expect(pump_is_loading(&pump, 1));
    cr_expect(gt(u32, pump.nodes[1].connects, 3)); /* it goes on trying */
    buf_must_add(&pump.nodes[0].log, "", 1);
    line = strstr(pump.nodes[0].log.data, "refused");
    cr_assert(line != NULL);
    cr_expect(strstr(line + 1, "refused") == NULL);
    pump_end(&pump);
}

CASE(ring, without_a_secret_only_loopback_is_let_in)
{
    struct pump pump;
    struct worker *worker;

    pump_start(&pump);
    pump_run(&pump, 0, 0, "");
    worker = node_worker(pump.nodes[0].node, 0);
    cr_expect(worker_bus_accept(worker, "10.0.0.9:1", false) == NULL);
    cr_expect(worker_bus_accept(worker, "127.0.0.1:1", true) != NULL);
    pump_stop(&pump, 0);
    pump_run(&pump, 0, 0, "secret");
    worker = node_worker(pump.nodes[0].node, 0);
    cr_expect(worker_bus_accept(worker, "10.0.0.9:1", false) != NULL);
    pump_end(&pump);
}

static int64_t
wall_ms(const struct pump *pump)
{
    return (int64_t)(pump_wall_us(pump) / 1000);
}

static void
write_one(struct pump *pump, uint32_t place)
{
    cr_expect(eq(str,
                 pump_say(pump, pump_client(pump, place, 1), "SET k v\r\n"),
                 (char *)"+OK\r\n"));
    pump_hang_up(&pump->clients[--pump->client_count]);
    pump_step(pump);
}

/* The newest stamp that this node has minted. */
static uint64_t
newest_of(const struct pump *pump, uint32_t place)
{
    struct store *store = pump->nodes[place].node->shared.store;
    struct store_key key = store_key(store, 0, bytes_str("k"));

    return store_newest(store, &key).bits;
}

CASE(ring, the_ceiling_is_above_what_was_minted_and_near_the_clock)
{
    struct pump pump;
    uint32_t i;

    pump_start(&pump);
    pump_run(&pump, 0, 0, "");
    cr_assert(pump_until(&pump, first_serves, 10000));
    for (i = 0; i < 20; i++) {
        int64_t ahead_ms;

        write_one(&pump, 0);
        cr_expect(gt(u64, ceiling_of(&pump, 0), newest_of(&pump, 0)));
        ahead_ms = stamp_wall_ms((struct stamp){ceiling_of(&pump, 0)}) -
                   wall_ms(&pump);
        cr_expect(le(i64, ahead_ms, 4000));
        pump_time(&pump, 100 * (int64_t)i);
    }
    pump_end(&pump);
}

CASE(ring, a_node_that_mints_nothing_saves_no_ceiling)
{
    struct pump pump;
    uint64_t before;

    pump_start(&pump);
    pump_run(&pump, 0, 0, "");
    cr_assert(pump_until(&pump, first_serves, 10000));
    write_one(&pump, 0);
    before = ceiling_of(&pump, 0);
    pump_time(&pump, 60 * 1000);
    cr_expect(eq(u64, ceiling_of(&pump, 0), before));
    write_one(&pump, 0);
    cr_expect(gt(u64, ceiling_of(&pump, 0), newest_of(&pump, 0)));
    pump_end(&pump);
}

CASE(ring, many_lives_do_not_carry_the_clock_away)
{
    struct pump pump;
    uint32_t i;

    pump_start(&pump);
    for (i = 0; i < 10; i++) {
        uint64_t past = i > 0 ? ceiling_of(&pump, 0) : 0;

        pump_run(&pump, 0, 0, "");
        cr_assert(pump_until(&pump, first_serves, 10000));
        pump_time(&pump, 1000);
        write_one(&pump, 0);
        cr_expect(gt(u64, newest_of(&pump, 0), past));
        cr_expect(gt(u64, ceiling_of(&pump, 0), newest_of(&pump, 0)));
        pump_stop(&pump, 0);
    }
    cr_expect(le(i64, stamp_wall_ms((struct stamp){ceiling_of(&pump, 0)}),
                 wall_ms(&pump) + 4000));
    pump_end(&pump);
}

CASE(ring, a_map_is_kept_until_every_worker_has_taken_another_turn)
{
    struct pump pump;
    struct ring *ring;
    uint32_t i;

    start_three(&pump);
    ring = pump.nodes[0].node->ring;
    cr_expect(ring->retired == NULL);
    atomic_store(&ring->is_changed, true);
    worker_turn_end(node_worker(pump.nodes[0].node, 0));
    cr_assert(ring->retired != NULL);
    for (i = 0; i < 3; i++) {
        worker_turn(node_worker(pump.nodes[0].node, 0), pump.now_ms,
                    pump_wall_us(&pump));
        worker_turn_end(node_worker(pump.nodes[0].node, 0));
        cr_expect(ring->retired != NULL);
    }
    pump_step(&pump);
    pump_step(&pump);
    cr_expect(ring->retired == NULL);
    pump_end(&pump);
}

#define SAYS(client, text, reply)                                              \
    cr_expect(eq(str, pump_say(&pump, (client), text "\r\n"), (char *)(reply)))

CASE(ring, whatever_node_a_client_talks_to_it_sees_all_keys)
{
    struct pump pump;
    struct pump_client *first, *second, *third;

    start_three(&pump);
    first = pump_client(&pump, 0, 0);
    second = pump_client(&pump, 1, 1);
    third = pump_client(&pump, 2, 0);
    SAYS(first, "SET k v", "+OK\r\n");
    SAYS(second, "GET k", "$1\r\nv\r\n");
    SAYS(third, "INCR n", ":1\r\n");
    SAYS(second, "INCR n", ":2\r\n");
    SAYS(first, "INCR n", ":3\r\n");
    SAYS(third, "MGET k n", "*2\r\n$1\r\nv\r\n$1\r\n3\r\n");
    pump_end(&pump);
}

CASE(ring, what_was_written_alone_reaches_the_second_node)
{
    struct pump pump;
    struct pump_client *client;

    pump_start(&pump);
    pump_run(&pump, 0, 0, "");
    cr_assert(pump_until(&pump, first_serves, 10000));
    client = pump_client(&pump, 0, 1);
    SAYS(client, "SET k v", "+OK\r\n");
    cr_expect(eq(u64, client->session->client.op_count, 0));
    pump_run(&pump, 1, FIRST, "");
    cr_assert(pump_until(&pump, pump_is_whole, 30000));
    SAYS(pump_client(&pump, 1, 0), "GET k", "$1\r\nv\r\n");
    SAYS(client, "APPEND k w", ":2\r\n"); /* its client stayed */
    SAYS(pump_client(&pump, 1, 1), "GET k", "$2\r\nvw\r\n");
    pump_end(&pump);
}

CASE(ring, while_one_of_three_is_away_the_others_serve)
{
    struct pump pump;
    struct pump_client *first, *second;
    char text[64], reply[64];
    uint32_t i;

    start_three(&pump);
    first = pump_client(&pump, 0, 0);
    second = pump_client(&pump, 1, 1);
    pump_stop(&pump, 2);
    for (i = 0; i < 32; i++) {
        (void)snprintf(text, sizeof(text), "SET key%u %u\r\n", i, 10 + i);
        (void)snprintf(reply, sizeof(reply), "$2\r\n%u\r\n", 10 + i);
        cr_expect(eq(str, pump_say(&pump, first, text), "+OK\r\n"));
        (void)snprintf(text, sizeof(text), "GET key%u\r\n", i);
        cr_expect(eq(str, pump_say(&pump, second, text), reply));
    }
    pump_run(&pump, 2, FIRST | SECOND, "secret");
    cr_assert(pump_until(&pump, pump_is_whole, 30000));
    for (i = 0; i < 32; i++) {
        (void)snprintf(text, sizeof(text), "GET key%u\r\n", i);
        (void)snprintf(reply, sizeof(reply), "$2\r\n%u\r\n", 10 + i);
        cr_expect(eq(str, pump_say(&pump, pump_client(&pump, 2, i % 2), text),
                     reply));
        pump_hang_up(&pump.clients[--pump.client_count]);
    }
    pump_end(&pump);
}

CASE(ring, a_fresh_node_answers_loading)
{
    struct pump pump;
    struct pump_client *client;

    pump_start(&pump);
    pump_run(&pump, 1, FIRST, "");
    client = pump_client(&pump, 1, 1);
    SAYS(client, "GET k",
         "-LOADING Redis is loading the dataset in memory\r\n");
    pump_run(&pump, 0, 0, "");
    cr_assert(pump_until(&pump, pump_is_whole, 30000));
    SAYS(client, "GET k", "$-1\r\n");
    pump_end(&pump);
}

CASE(ring, a_link_that_breaks_is_dialled_again_and_its_peer_reachable)
{
    struct pump pump;
    uint32_t i;

    start_three(&pump);
    for (i = 0; i < 60; i++) {
        struct bus *bus = node_worker(pump.nodes[i % 3].node, i % 2)->bus;

        link_break(&bus->links->link, "for a test");
        pump_time(&pump, 500);
        cr_expect(pump_is_whole(&pump), "after link %u", i);
    }
    pump_end(&pump);
}

/* ---- tombstones ---- */

static uint64_t
tombstones_of(const struct pump *pump, uint32_t place)
{
    struct store_ring_stats stats;

    store_ring_stats(pump->nodes[place].node->shared.store, &stats);
    return stats.tombstones;
}

static bool
digests_agree(const struct pump *pump, uint32_t nodes)
{
    uint32_t slot, i;

    for (slot = 0; slot < PUMP_SLOTS; slot++) {
        for (i = 1; i < nodes; i++) {
            if (store_digest(pump->nodes[i].node->shared.store, slot) !=
                store_digest(pump->nodes[0].node->shared.store, slot)) {
                return false;
            }
        }
    }
    return true;
}

static void
write_and_delete(struct pump *pump, uint32_t place)
{
    struct pump_client *client = pump_client(pump, place, 0);
    char text[64];
    uint32_t i;

    for (i = 0; i < 40; i++) {
        (void)snprintf(text, sizeof(text), "SET key%u v\r\n", i);
        cr_expect(eq(str, pump_say(pump, client, text), (char *)"+OK\r\n"));
        (void)snprintf(text, sizeof(text), "DEL key%u\r\n", i);
        cr_expect(eq(str, pump_say(pump, client, text), (char *)":1\r\n"));
    }
}

static bool
no_tombstones(struct pump *pump)
{
    uint32_t i;

    for (i = 0; i < 3; i++) {
        if (pump->nodes[i].node == NULL) continue;
        if (tombstones_of(pump, i) > 0) return false;
    }
    return true;
}

CASE(ring, tombstones_go_everywhere_when_all_is_quiet)
{
    struct pump pump;
    uint32_t i;

    start_three(&pump);
    write_and_delete(&pump, 1);
    pump_time(&pump, 5000);
    for (i = 0; i < 3; i++)
        cr_expect(eq(u64, tombstones_of(&pump, i), 40));
    cr_expect(pump_until(&pump, no_tombstones, 60000));
    pump_time(&pump, 5000);
    cr_expect(digests_agree(&pump, 3));
    pump_end(&pump);
}

CASE(ring, tombstones_stay_while_somebody_may_have_an_older_copy)
{
    struct pump pump;

    start_three(&pump);
    pump_stop(&pump, 2);
    write_and_delete(&pump, 1);
    pump_time(&pump, 90 * 1000);
    cr_expect(eq(u64, tombstones_of(&pump, 0), 40));
    cr_expect(eq(u64, tombstones_of(&pump, 1), 40));
    pump_run(&pump, 2, FIRST | SECOND, "secret");
    cr_assert(pump_until(&pump, pump_is_whole, 30000));
    cr_expect(pump_until(&pump, no_tombstones, 60000));
    cr_expect(digests_agree(&pump, 3));
    pump_end(&pump);
}

/* ---- eviction ---- */

static struct store *
store_of(const struct pump *pump, uint32_t place)
{
    return pump->nodes[place].node->shared.store;
}

static void
limit_all(struct pump *pump, const uint64_t megabytes[3],
          enum store_policy policy)
{
    uint32_t i;

    for (i = 0; i < 3; i++)
        store_limit(store_of(pump, i), megabytes[i] * 1024 * 1024, policy);
}

static void
write_many(struct pump *pump, uint32_t from, uint32_t to, const char *options)
{
    static char text[4200];
    struct pump_client *clients[3];
    uint32_t i;

    for (i = 0; i < 3; i++)
        clients[i] = pump_client(pump, i, i % PUMP_WORKERS);
    for (i = from; i < to; i++) {
        int used = snprintf(text, sizeof(text), "SET key%u %04000u%s\r\n", i, i,
                            options);

        cr_assert(used > 0 && (size_t)used < sizeof(text));
        cr_assert(
            eq(str, pump_say(pump, clients[i % 3], text), (char *)"+OK\r\n"),
            "key%u", i);
    }
    for (i = 0; i < 3; i++)
        pump_hang_up(&pump->clients[--pump->client_count]);
}

static void
expect_all_within(struct pump *pump, const uint64_t megabytes[3])
{
    uint32_t i;

    for (i = 0; i < 3; i++) {
        struct store_stats stats;

        store_stats(store_of(pump, i), &stats);
        cr_expect(stats.used_bytes <= megabytes[i] * 1024 * 1024,
                  "node %u: %llu bytes", i,
                  (unsigned long long)stats.used_bytes);
        cr_expect(store_ok(store_of(pump, i)));
    }
}

static void
expect_values(struct pump *pump, uint32_t keys)
{
    static char text[64], value[4100];
    struct pump_client *client = pump_client(pump, 0, 0);
    uint32_t i;

    for (i = 0; i < keys; i++) {
        const char *reply;

        (void)snprintf(text, sizeof(text), "GET key%u\r\n", i);
        (void)snprintf(value, sizeof(value), "$4000\r\n%04000u\r\n", i);
        reply = pump_say(pump, client, text);
        cr_expect(strcmp(reply, "$-1\r\n") == 0 || strcmp(reply, value) == 0,
                  "key%u", i);
    }
    pump_hang_up(&pump->clients[--pump->client_count]);
}

CASE(ring, three_full_nodes_evict_the_same_keys)
{
    const uint64_t megabytes[3] = {12, 12, 12};
    struct pump pump;

    start_three(&pump);
    limit_all(&pump, megabytes, POLICY_ALLKEYS_LRU);
    write_many(&pump, 0, 6000, "");
    pump_time(&pump, 10000);
    expect_all_within(&pump, megabytes);
    cr_expect(digests_agree(&pump, 3));
    cr_expect(gt(u64, store_count(store_of(&pump, 0), 0), 1500));
    expect_values(&pump, 6000);
    pump_end(&pump);
}

CASE(ring, a_node_with_less_memory_has_the_others_evict)
{
    const uint64_t megabytes[3] = {24, 10, 24};
    struct pump pump;
    uint32_t i, held[3];

    start_three(&pump);
    limit_all(&pump, megabytes, POLICY_ALLKEYS_LRU);
    for (i = 0; i < 12; i++) {
        write_many(&pump, i * 500, (i + 1) * 500, "");
        pump_time(&pump, 1000);
    }
    pump_time(&pump, 10000);
    expect_all_within(&pump, megabytes);
    cr_expect(digests_agree(&pump, 3));
    memset(held, 0, sizeof(held));
    for (i = 0; i < PUMP_SLOTS; i++) {
        uint32_t owner =
            ring_map_list(replica_map(pump_replica(&pump, 0)), i)->owners[0];
        uint32_t place = 0;

        while (pump_replica(&pump, place)->self != owner)
            place++;
        held[place] += store_slot_entries(store_of(&pump, 0), i);
    }
    /* not only the small one's own slots were emptied */
    cr_expect(held[1] * 4 > held[0] + held[2], "%u %u %u", held[0], held[1],
              held[2]);
    pump_end(&pump);
}

CASE(ring, a_volatile_policy_never_takes_what_has_no_expiry)
{
    const uint64_t megabytes[3] = {12, 12, 12};
    struct pump pump;
    struct pump_client *client;
    char text[64];
    uint32_t i;

    start_three(&pump);
    limit_all(&pump, megabytes, POLICY_VOLATILE_LRU);
    write_many(&pump, 0, 500, "");
    write_many(&pump, 500, 5000, " EX 1000");
    pump_time(&pump, 10000);
    expect_all_within(&pump, megabytes);
    cr_expect(digests_agree(&pump, 3));
    client = pump_client(&pump, 1, 0);
    for (i = 0; i < 500; i++) {
        (void)snprintf(text, sizeof(text), "STRLEN key%u\r\n", i);
        cr_expect(eq(str, pump_say(&pump, client, text), (char *)":4000\r\n"));
    }
    pump_end(&pump);
}

CASE(ring, a_counter_that_was_evicted_begins_anew_though_others_have_it)
{
    struct pump pump;
    struct store_key key;
    uint32_t i;

    start_three(&pump);
    SAYS(pump_client(&pump, 0, 0), "INCRBY n 5", ":5\r\n");
    key = store_key(store_of(&pump, 0), 0, bytes_str("n"));
    for (i = 0; i < 3; i++) { /* the others have not heard of it */
        struct replica *replica = pump_replica(&pump, i);

        if (replica->slots[key.slot].tenure == TENURE_NONE) continue;
        cr_expect(store_evict(replica->store, key.slot, key.hash,
                              store_clock(replica->store, key.slot),
                              wall_ms(&pump)));
    }
    SAYS(pump_client(&pump, 1, 0), "INCR n", ":1\r\n");
    pump_time(&pump, 5000);
    SAYS(pump_client(&pump, 2, 0), "GET n", "$1\r\n1\r\n");
    cr_expect(digests_agree(&pump, 3));
    pump_end(&pump);
}

CASE(ring, an_older_version_of_what_was_evicted_is_not_served)
{
    struct pump pump;
    struct store_key key;
    uint32_t i, stale = 3;
    struct buf old = {0};
    struct record record;

    start_three(&pump);
    SAYS(pump_client(&pump, 0, 0), "SET k old", "+OK\r\n");
    pump_time(&pump, 3000);
    key = store_key(store_of(&pump, 0), 0, bytes_str("k"));
    for (i = 0; i < 3; i++)
        if (pump_replica(&pump, i)->slots[key.slot].tenure == TENURE_NONE)
            stale = i;
    cr_assert(
        store_record(store_of(&pump, stale), &key, wall_ms(&pump), &record));
    record_write(&old, &record);
    SAYS(pump_client(&pump, 1, 0), "SET k new", "+OK\r\n");
    for (i = 0; i < 3; i++) { /* all but one evict it, and that has the old */
        struct store *store = store_of(&pump, i);

        cr_expect(store_evict(store, key.slot, key.hash,
                              store_clock(store, key.slot), wall_ms(&pump)));
    }
    {
        struct wire_reader reader = wire_reader(buf_bytes(&old));

        cr_assert(record_read(&reader, &record));
        cr_expect(store_merge(store_of(&pump, stale), &key, &record,
                              wall_ms(&pump), NULL) == STORE_STORED);
    }
    for (i = 0; i < 3; i++)
        SAYS(pump_client(&pump, i, 1), "GET k", "$-1\r\n");
    pump_time(&pump, 5000);
    cr_expect(digests_agree(&pump, 3));
    cr_expect(eq(u64, store_count(store_of(&pump, stale), 0), 0));
    buf_deinit(&old);
    pump_end(&pump);
}

/* ---- settings of the whole ring ---- */

static bool
all_have_quorum_one(struct pump *pump)
{
    uint32_t i;

    for (i = 0; i < 3; i++) {
        if (pump->nodes[i].node == NULL) continue;
        if (atomic_load(&pump_replica(pump, i)->read_quorum) != 1) return false;
        if (!atomic_load(&pump_replica(pump, i)->is_strict)) return false;
    }
    return true;
}

/* The text that a node publishes for the ring, with N for the versions. */
static void
agreed_text(struct pump *pump, uint32_t place, char *out, size_t room)
{
    struct members *members = pump->nodes[place].node->ring->members;
    struct bytes text;
    size_t i, used = 0;

    (void)members_settings(members, &text);
    for (i = 0; i < text.size && used + 1 < room; i++) {
        out[used++] = text.data[i];
        if (text.data[i] != ' ' || i + 14 >= text.size) continue;
        if (text.data[i + 14] != ' ' || text.data[i + 1] != '1') continue;
        out[used++] = 'N';
        i += 13;
    }
    out[used] = '\0';
}

CASE(ring, what_all_agree_on_is_a_text_of_lines)
{
    static const char *const expected =
        "prefix:00ff N r 1 mode sloppy\n"
        "prefix:6162 N r 2 w 3 mode strict conflict lww\n"
        "prefix:78 N -\n"
        "write-quorum N 1\n";
    char text[512];
    struct pump pump;

    start_three(&pump);
    SAYS(pump_client(&pump, 1, 1),
         "KULA.PREFIX SET ab conflict LWW mode STRICT w 3 r 2", "+OK\r\n");
    SAYS(pump_client(&pump, 1, 0), "KULA.PREFIX SET x w 1", "+OK\r\n");
    pump_time(&pump, 2000);
    SAYS(pump_client(&pump, 0, 0),
         "KULA.PREFIX SET \"\\x00\\xff\" r 1 mode sloppy", "+OK\r\n");
    SAYS(pump_client(&pump, 0, 1), "KULA.PREFIX DEL x", "+OK\r\n");
    SAYS(pump_client(&pump, 2, 1), "CONFIG SET write-quorum 1", "+OK\r\n");
    pump_time(&pump, 5000);
    agreed_text(&pump, 0, text, sizeof(text));
    cr_expect(eq(str, text, (char *)(uintptr_t)expected));
    agreed_text(&pump, 2, text, sizeof(text));
    cr_expect(eq(str, text, (char *)(uintptr_t)expected));
    pump_end(&pump);
}

CASE(ring, there_are_64_prefixes_at_most)
{
    struct pump_client *clients[3];
    struct pump pump;
    char line[64];
    uint32_t i;

    start_three(&pump);
    for (i = 0; i < 3; i++)
        clients[i] = pump_client(&pump, i, i % 2);
    for (i = 0; i < 64; i++) {
        (void)snprintf(line, sizeof(line), "KULA.PREFIX SET p%u r 1\r\n", i);
        cr_expect(eq(str, pump_say(&pump, clients[i % 3], line),
                     (char *)(uintptr_t) "+OK\r\n"));
        if (i % 8 == 0) pump_time(&pump, 3000);
    }
    pump_time(&pump, 5000);
    SAYS(clients[1], "KULA.PREFIX SET q r 1",
         "-ERR there are 64 prefixes already\r\n");
    SAYS(clients[1], "KULA.PREFIX SET p7 r 2", "+OK\r\n");
    SAYS(clients[2], "KULA.PREFIX DEL p8", "+OK\r\n");
    pump_time(&pump, 3000);
    SAYS(clients[1], "KULA.PREFIX SET q r 1", "+OK\r\n");
    pump_end(&pump);
}

CASE(ring, a_quorum_that_is_set_on_one_node_is_set_on_all)
{
    struct pump pump;

    start_three(&pump);
    SAYS(pump_client(&pump, 1, 1),
         "CONFIG SET read-quorum 1 quorum-mode strict", "+OK\r\n");
    cr_expect(pump_until(&pump, all_have_quorum_one, 20000));
    SAYS(pump_client(&pump, 2, 0), "CONFIG GET read-quorum",
         "*2\r\n$11\r\nread-quorum\r\n$1\r\n1\r\n");
    SAYS(pump_client(&pump, 2, 1), "CONFIG SET read-quorum 2", "+OK\r\n");
    pump_time(&pump, 5000);
    cr_expect(eq(u32, atomic_load(&pump_replica(&pump, 1)->read_quorum), 2));
    cr_expect(atomic_load(&pump_replica(&pump, 0)->is_strict));
    pump_end(&pump);
}

CASE(ring, a_node_that_comes_back_takes_over_what_was_set_meanwhile)
{
    struct pump pump;

    start_three(&pump);
    pump_stop(&pump, 2);
    SAYS(pump_client(&pump, 1, 1),
         "CONFIG SET read-quorum 1 quorum-mode strict", "+OK\r\n");
    pump_time(&pump, 2000);
    pump_run(&pump, 2, FIRST | SECOND, "secret");
    cr_assert(pump_until(&pump, pump_is_whole, 30000));
    cr_expect(pump_until(&pump, all_have_quorum_one, 20000));
    buf_must_add(&pump.nodes[2].log, "", 1);
    cr_expect(strstr(pump.nodes[2].log.data, "read-quorum is 1 now") != NULL);
    pump_end(&pump);
}

CASE(ring, a_transaction_over_several_owners_can_be_refused)
{
    struct pump pump;
    struct pump_client *client;
    uint32_t i;

    pump_start(&pump);
    pump.replicas = 1;
    for (i = 0; i < 3; i++)
        pump_run(&pump, i, i == 0 ? 0 : FIRST | SECOND, "secret");
    cr_assert(pump_until(&pump, pump_is_whole, 30000));
    pump_time(&pump, 3000);
    client = pump_client(&pump, 0, 0);
    SAYS(client, "CONFIG SET exec-spanning refuse", "+OK\r\n");
    pump_time(&pump, 2000);
    client = pump_client(&pump, 1, 1);
    SAYS(client, "MULTI", "+OK\r\n");
    for (i = 0; i < 12; i++) {
        char text[64];

        (void)snprintf(text, sizeof(text), "SET key%u v\r\n", i);
        cr_expect(
            eq(str, pump_say(&pump, client, text), (char *)"+QUEUED\r\n"));
    }
    SAYS(client, "EXEC",
         "-EXECABORT Transaction discarded because of: keys with different "
         "owners (exec-spanning refuse)\r\n");
    SAYS(client, "GET key1", "$-1\r\n");
    SAYS(client, "MULTI", "+OK\r\n");
    SAYS(client, "SET key1 v", "+QUEUED\r\n");
    SAYS(client, "EXEC", "*1\r\n+OK\r\n");
    pump_end(&pump);
}
