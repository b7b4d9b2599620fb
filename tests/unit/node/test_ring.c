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

CASE(ring, the_ceiling_stays_ahead_of_the_clock)
{
    struct pump pump;
    uint64_t first, now;
    uint32_t i;

    pump_start(&pump);
    pump_run(&pump, 0, 0, "");
    first = ceiling_of(&pump, 0);
    for (i = 0; i < 12; i++) {
        pump_time(&pump, 10000);
        now = stamp_next(STAMP_NEVER, (int64_t)(pump_wall_us(&pump) / 1000), 0)
                  .bits;
        cr_expect(gt(u64, ceiling_of(&pump, 0), now));
    }
    cr_expect(gt(u64, ceiling_of(&pump, 0), first));
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
