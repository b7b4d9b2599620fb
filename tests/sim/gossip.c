/*
 * gossip.c - many members machines and nothing else: founding, numbers, who is
 * taken for dead and when, traffic.
 *
 *     tests/sim/gossip [--long] [--seed N] [story ...]
 */
#include "gossip_world.h"

#include "base/err.h"
#include "base/memory.h"
#include "support/scaled.h"

#include <stdlib.h>

static bool is_long;

/* ---- stories ---- */

/* Three fresh nodes whose seeds are all node 1, node 1's being itself; all
 * killed and started at once; one alone after that. */
static void
starting_together(void)
{
    struct world *world = world_ring_of(3);
    uint32_t i, numbers[3];
    int64_t ms;

    PLAIN_CHECK(&world_tally, world_number_of(world, 0) == 1,
                "the seed founds");
    for (i = 0; i < 3; i++)
        numbers[i] = world_number_of(world, i);
    world_run_ms(world, 2000);
    for (i = 0; i < 3; i++)
        world_stop(world, i);
    world_run_ms(world, 5000);
    for (i = 0; i < 3; i++)
        world_start(world, i);
    ms = world_wait_for(world, world_are_numbered, 10000);
    PLAIN_CHECK(&world_tally, ms >= 0 && ms < 1500, "together again in %lld ms",
                (long long)ms);
    for (i = 0; i < 3; i++)
        PLAIN_CHECK(&world_tally, numbers[i] == world_number_of(world, i),
                    "number kept");
    world_run_ms(world, 4000);
    PLAIN_CHECK(&world_tally, world_same_maps(world) && world_all_up(world),
                "one ring");
    for (i = 0; i < 3; i++)
        world_stop(world, i);
    world_run_ms(world, 100); /* what was under way has arrived nowhere */
    world_start(world, 1);
    world_run_ms(world, 2900);
    PLAIN_CHECK(&world_tally,
                members_standing(world->nodes[1].members) == MEMBERS_LOADING,
                "alone, and not sure of it");
    world_run_ms(world, 300);
    PLAIN_CHECK(&world_tally,
                members_standing(world->nodes[1].members) == MEMBERS_CUT_OFF,
                "alone, and knows");
    PLAIN_CHECK(&world_tally, world_number_of(world, 1) == numbers[1],
                "number kept");
    world_start(world, 0);
    PLAIN_CHECK(&world_tally,
                world_wait_for(world, world_are_numbered, 3000) >= 0,
                "two again");
    world_free(world);
}

/* Three fresh nodes that all have the same list of three. */
static void
founding_by_list(void)
{
    static const uint32_t all[] = {0, 1, 2};
    uint32_t i, variant;

    for (variant = 0; variant < 12; variant++) {
        struct world *world = world_new(3);
        int64_t ms;

        world->rng.state += variant * 1000003;
        for (i = 0; i < 3; i++)
            world->nodes[i].id.bytes[0] = (uint8_t)rng_next(&world->rng);
        for (i = 0; i < 3; i++)
            world_seeds(world, i, 3, all);
        if (variant % 3 == 1) world->loss_percent = 20;
        /* the third comes late, or never */
        world_start(world, 0);
        world_run_ms(world, (int64_t)rng_below(&world->rng, 5000));
        world_start(world, 1);
        if (variant % 4 != 3) {
            world_run_ms(world, (int64_t)rng_below(&world->rng, 5000));
            world_start(world, 2);
        }
        ms = world_wait_for(world, world_are_numbered, 20000);
        PLAIN_CHECK(&world_tally, ms >= 0, "variant %u", variant);
        world_run_ms(world, 3000);
        PLAIN_CHECK(&world_tally, world_is_one_ring(world), "variant %u",
                    variant);
        PLAIN_CHECK(&world_tally,
                    world_all_know(world, variant % 4 != 3 ? 3 : 2),
                    "variant %u", variant);
        world_free(world);
    }
}

/* One of three founds nothing: it might be the one that is cut off. */
static void
one_of_three_waits(void)
{
    static const uint32_t all[] = {0, 1, 2};
    struct world *world = world_new(3);
    uint32_t i;

    for (i = 0; i < 3; i++) {
        world_seeds(world, i, 3, all);
        world->nodes[i].part = i; /* nobody hears anybody */
        world_start(world, i);
    }
    world_run_ms(world, 60000);
    for (i = 0; i < 3; i++)
        PLAIN_CHECK(&world_tally, world_number_of(world, i) == 0,
                    "node %u founded", i);
    world->nodes[1].part = 2;
    world_run_ms(world, 5000);
    PLAIN_CHECK(&world_tally,
                world_number_of(world, 1) && world_number_of(world, 2),
                "two of three found");
    world->nodes[0].part = 2;
    PLAIN_CHECK(&world_tally,
                world_wait_for(world, world_are_numbered, 5000) >= 0,
                "the third");
    PLAIN_CHECK(&world_tally, world_is_one_ring(world), "one ring");
    world_free(world);
}

/* Two rings of one, made before they knew each other. */
static void
two_rings_of_one(bool has_one_written, bool have_both_written)
{
    static const uint32_t zero[] = {0}, one[] = {1};
    struct world *world = world_new(2);
    struct node_id kept;

    world_seeds(world, 0, 1, zero);
    world_start(world, 0);
    world_seeds(world, 1, 1, one);
    world_start(world, 1);
    world_run_ms(world, 1000);
    PLAIN_CHECK(&world_tally, !world_is_one_ring(world), "two rings");
    if (has_one_written) members_wrote(world->nodes[1].members);
    if (have_both_written) members_wrote(world->nodes[0].members);
    kept = world->nodes[1].members->ring;
    /* node 0 is started anew with the other as its seed */
    world_stop(world, 0);
    world_seeds(world, 0, 1, one);
    world_start(world, 0);
    world_run_ms(world, 10000);
    if (have_both_written) {
        PLAIN_CHECK(&world_tally, !world_is_one_ring(world), "never merged");
        PLAIN_CHECK(&world_tally, world->nodes[0].loud == 1, "%llu lines",
                    (unsigned long long)world->nodes[0].loud);
    } else {
        PLAIN_CHECK(&world_tally,
                    world_is_one_ring(world) && world_are_numbered(world),
                    "merged");
    }
    if (has_one_written) {
        struct node_id now = world->nodes[1].members->ring;

        PLAIN_CHECK(&world_tally, node_id_equal(&now, &kept),
                    "writes are kept");
    }
    world_free(world);
}

/* Many fresh nodes at once, on a bad network: nobody shares a number. */
static void
numbers(void)
{
    static const uint32_t some[] = {0, 1};
    uint32_t round, i, j;

    for (round = 0; round < 4; round++) {
        struct world *world = world_new(12);
        int64_t ms;

        world->rng.state += round;
        world->loss_percent = round * 8;
        world->delay_us = round == 3 ? 80000 : 1000;
        for (i = 0; i < 12; i++) {
            world_seeds(world, i, i == 0 ? 1 : 2, some);
            world_start(world, i);
        }
        ms = world_wait_for(world, world_are_numbered, 60000);
        PLAIN_CHECK(&world_tally, ms >= 0, "round %u", round);
        printf("numbers: 12 nodes, %u %% lost: %lld ms\n", round * 8,
               (long long)ms);
        for (i = 0; i < 12; i++)
            for (j = 0; j < i; j++)
                PLAIN_CHECK(&world_tally,
                            world_number_of(world, i) !=
                                world_number_of(world, j),
                            "nodes %u and %u are both %u", i, j,
                            world_number_of(world, i));
        world_free(world);
    }
}

/* Two nodes claim in two halves: only the larger half gives a number. */
static void
numbers_in_two_halves(void)
{
    static const uint32_t zero[] = {0}, four[] = {4};
    struct world *world = world_new(7);
    uint32_t i;

    for (i = 0; i < 5; i++) {
        world_seeds(world, i, 1, zero);
        world_start(world, i);
    }
    PLAIN_CHECK(&world_tally,
                world_wait_for(world, world_are_numbered, 30000) >= 0, "five");
    world_run_ms(world, 2000);
    for (i = 3; i < 5; i++)
        world->nodes[i].part = 1;
    world->nodes[6].part = 1;
    world_seeds(world, 5, 1, zero);
    world_seeds(world, 6, 1, four);
    world_start(world, 5);
    world_start(world, 6);
    world_run_ms(world, 20000);
    PLAIN_CHECK(&world_tally, world_number_of(world, 5) == 6,
                "the larger half: %u", world_number_of(world, 5));
    PLAIN_CHECK(&world_tally, world_number_of(world, 6) == 0,
                "the smaller half: %u", world_number_of(world, 6));
    for (i = 0; i < 7; i++)
        world->nodes[i].part = 0;
    PLAIN_CHECK(&world_tally,
                world_wait_for(world, world_are_numbered, 10000) >= 0,
                "healed");
    world_run_ms(world, 5000);
    PLAIN_CHECK(&world_tally,
                world_is_one_ring(world) && world_all_know(world, 7), "healed");
    PLAIN_CHECK(&world_tally, world_same_maps(world) && world_all_up(world),
                "healed");
    world_free(world);
}

/* ---- deaths ---- */

static void
report_traffic(struct world *world, double limit_bytes)
{
    struct member_stats before[NODES_MAX], after;
    double sum = 0, largest = 0;
    uint32_t i, count = 0, seconds = world->node_count > 100 ? 8 : 60;

    for (i = 0; i < world->node_count; i++)
        if (world->nodes[i].members != NULL)
            members_stats(world->nodes[i].members, &before[i]);
    world_run_ms(world, seconds * 1000);
    for (i = 0; i < world->node_count; i++) {
        double rate;

        if (world->nodes[i].members == NULL) continue;
        members_stats(world->nodes[i].members, &after);
        rate = (double)(after.bytes_sent - before[i].bytes_sent) / seconds;
        sum += rate;
        if (rate > largest) largest = rate;
        count++;
        PLAIN_CHECK(&world_tally, after.bad_frames == 0, "bad frames");
    }
    printf("traffic: %u nodes: %.0f B/s sent per node, at most %.0f\n", count,
           sum / count, largest);
    PLAIN_CHECK(&world_tally, largest <= limit_bytes, "%.0f B/s", largest);
}

/* Kills one; when do all know? */
static void
time_of_death(struct world *world, uint32_t dead, int64_t limit_ms)
{
    uint32_t count = world->node_count;
    int64_t started_us, first = -1, all = -1;

    world_stop(world, dead);
    started_us = world->now_us;
    while (world->now_us - started_us < 1000 * (limit_ms + 2000) && all < 0) {
        uint32_t seen;

        world_run_ms(world, 20);
        seen = world_seen_as(world, dead, MEMBER_DOWN);
        if (seen > 0 && first < 0) first = (world->now_us - started_us) / 1000;
        if (seen == count - 1) all = (world->now_us - started_us) / 1000;
    }
    printf("death: %u nodes: first DOWN after %lld ms, all after %lld ms\n",
           count, (long long)first, (long long)all);
    PLAIN_CHECK(&world_tally, all >= 0 && all <= limit_ms, "%lld ms",
                (long long)all);
    PLAIN_CHECK(&world_tally, first > 2500, "too early: %lld ms",
                (long long)first);
}

static uint32_t
downs(const struct world *world)
{
    uint32_t i, count = 0;

    for (i = 0; i < world->node_count; i++) {
        struct member_stats stats;

        if (world->nodes[i].members == NULL) continue;
        members_stats(world->nodes[i].members, &stats);
        count += (uint32_t)stats.downs;
    }
    return count;
}

static void
set_loads(struct world *world)
{
    uint32_t i;

    for (i = 0; i < world->node_count; i++) {
        struct member_facts load = {.hint_count = 0,
                                    .oldest_held = UINT64_MAX,
                                    .keys = rng_below(&world->rng, 1 << 24),
                                    .memory_bytes =
                                        rng_below(&world->rng, 1 << 30),
                                    .ops_per_s = 12345};

        if (world->nodes[i].members != NULL)
            members_set_load(world->nodes[i].members, &load);
    }
}

static void
deaths(uint32_t count, double limit_bytes, int64_t limit_ms)
{
    struct world *world = world_ring_of(count);
    uint32_t i;

    set_loads(world);
    world_run_ms(world, 20000);
    PLAIN_CHECK(&world_tally, downs(world) == 0, "false DOWN");
    report_traffic(world, limit_bytes);
    for (i = 1; i < 4 && i < count; i++) {
        time_of_death(world, i, limit_ms);
        world_start(world, i);
        world_run_ms(world, 5000);
        PLAIN_CHECK(&world_tally, world_all_up(world), "back again");
    }
    world_free(world);
}

/* ---- a ring of a thousand, from facts ---- */

static struct world *
large_ring(uint32_t count)
{
    struct world *world = world_new(count);
    struct facts_record record;
    uint32_t i, j;

    for (i = 0; i < count; i++) {
        struct host *node = &world->nodes[i];

        world_start(world, i);
        node->members->ring = world->nodes[0].id;
        rows_set_number(node->members, node->members->self, i + 1);
        members_make_tokens(node->members);
        node->members->self->facts.phase = MEMBER_NORMAL;
        node->members->has_exchanged = true;
        rows_refresh(node->members, node->members->self);
        members_own_beat(node->members);
    }
    for (i = 0; i < count; i++) {
        struct buf bytes = {0};

        facts_put(&bytes, world->nodes[i].members,
                  world->nodes[i].members->self);
        for (j = 0; j < count; j++) {
            if (i == j) continue;
            ASSERT(facts_read(buf_bytes(&bytes), SLOTS, &record));
            (void)facts_merge(world->nodes[j].members, &record, 0);
            world->nodes[j].members->save_ms = 0;
        }
        buf_deinit(&bytes);
    }
    return world;
}

static void
large(uint32_t count, double limit_bytes, int64_t limit_ms)
{
    struct world *world = large_ring(count);

    world_run_ms(world, 6000);
    PLAIN_CHECK(&world_tally, downs(world) == 0, "false DOWN");
    PLAIN_CHECK(&world_tally, world_all_know(world, count), "members");
    set_loads(world);
    report_traffic(world, limit_bytes);
    time_of_death(world, 7, limit_ms);
    world_free(world);
}

/* ---- trouble ---- */

/* One node gets to run only now and then: nobody is declared DOWN. */
static void
starved(uint32_t count, int64_t minutes)
{
    struct world *world = world_ring_of(count);
    struct member_stats stats;
    uint32_t i;
    uint64_t suspicions = 0, own;

    world->nodes[2].is_starved = true;
    world_run_ms(world, minutes * 60000);
    for (i = 0; i < count; i++) {
        members_stats(world->nodes[i].members, &stats);
        if (i != 2) suspicions += stats.suspicions;
    }
    members_stats(world->nodes[2].members, &stats);
    own = stats.suspicions;
    printf("starved: %u nodes, %lld minutes: %u DOWN, suspected %llu times, "
           "suspects %llu\n",
           count, (long long)minutes, downs(world),
           (unsigned long long)suspicions, (unsigned long long)own);
    PLAIN_CHECK(&world_tally, downs(world) == 0, "false DOWN");
    world_free(world);
}

static void
ring_of_two(void)
{
    struct world *world = world_ring_of(2);

    world_stop(world, 1);
    world_run_ms(world, 60000);
    PLAIN_CHECK(&world_tally, world_seen_as(world, 1, MEMBER_SUSPECT) == 1,
                "suspected");
    PLAIN_CHECK(&world_tally, world_seen_as(world, 1, MEMBER_DOWN) == 0,
                "not declared");
    PLAIN_CHECK(&world_tally,
                members_standing(world->nodes[0].members) == MEMBERS_NUMBERED,
                "still a member");
    world_start(world, 1);
    PLAIN_CHECK(&world_tally,
                world_wait_for(world, world_are_numbered, 2000) >= 0, "back");
    world_run_ms(world, 2000);
    PLAIN_CHECK(&world_tally, world_all_up(world), "back");
    world_free(world);
}

static void
partition_and_healing(void)
{
    struct world *world = world_ring_of(5);
    uint32_t i, round;

    for (round = 0; round < 3; round++) {
        int64_t ms;

        for (i = 0; i < 2; i++)
            world->nodes[i].part = 1;
        world_run_ms(world, 5500);
        for (i = 0; i < 2; i++)
            PLAIN_CHECK(&world_tally, world_seen_as(world, i, MEMBER_DOWN) == 3,
                        "the larger side knows");
        for (i = 2; i < 5; i++)
            PLAIN_CHECK(&world_tally, world_seen_as(world, i, MEMBER_DOWN) == 0,
                        "the smaller side gives no verdict");
        world_run_ms(world, 60000);
        for (i = 0; i < 2; i++)
            world->nodes[i].part = 0;
        ms = world_wait_for(world, world_all_up, 20000);
        printf("partition 2|3 healed: all UP after %lld ms\n", (long long)ms);
        PLAIN_CHECK(&world_tally, ms >= 0 && ms <= 3000, "%lld ms",
                    (long long)ms);
        PLAIN_CHECK(&world_tally, world_same_maps(world), "maps");
    }
    world_free(world);
}

/* A large ring in two parts: one gives verdicts, the other suspects itself. */
static void
large_partition(void)
{
    struct world *world = world_ring_of(100);
    uint32_t i;
    int64_t ms;

    for (i = 0; i < 40; i++)
        world->nodes[i].part = 1;
    world_run_ms(world, 30000);
    for (i = 0; i < 100; i++)
        PLAIN_CHECK(&world_tally,
                    world_seen_as(world, i, MEMBER_DOWN) == (i < 40 ? 60 : 0),
                    "node %u is DOWN to %u", i,
                    world_seen_as(world, i, MEMBER_DOWN));
    for (i = 0; i < 40; i++)
        world->nodes[i].part = 0;
    ms = world_wait_for(world, world_all_up, 30000);
    printf("partition 40|60 healed: all UP after %lld ms\n", (long long)ms);
    PLAIN_CHECK(&world_tally, ms >= 0 && ms <= 10000, "%lld ms", (long long)ms);
    world_run_ms(world, 3000);
    PLAIN_CHECK(&world_tally,
                world_same_maps(world) && world_all_know(world, 100), "maps");
    world_free(world);
}

/* Node 0 hears nobody, or is heard by nobody, or only one pair is deaf. */
static void
one_way(void)
{
    struct world *world = world_ring_of(5);
    uint32_t i;

    world->deaf[0][1] = true;
    world->deaf[2][3] = true;
    world_run_ms(world, 60000);
    PLAIN_CHECK(&world_tally, downs(world) == 0 && world_all_up(world),
                "two deaf pairs");
    memset(world->deaf, 0, sizeof(world->deaf));
    world->nodes[0].is_mute = true;
    world_run_ms(world, 6000);
    PLAIN_CHECK(&world_tally, world_seen_as(world, 0, MEMBER_DOWN) == 4,
                "a mute node");
    world_run_ms(world, 60000);
    for (i = 1; i < 5; i++)
        PLAIN_CHECK(&world_tally, world_seen_as(world, i, MEMBER_DOWN) == 0,
                    "the mute one convinces nobody");
    world->nodes[0].is_mute = false;
    PLAIN_CHECK(&world_tally, world_wait_for(world, world_all_up, 5000) >= 0,
                "speaks again");
    for (i = 1; i < 5; i++)
        world->deaf[i][0] = true;
    world_run_ms(world, 60000);
    PLAIN_CHECK(&world_tally, downs(world) <= 4, "a deaf node accuses: %u",
                downs(world));
    for (i = 1; i < 5; i++)
        PLAIN_CHECK(&world_tally, world_seen_as(world, i, MEMBER_DOWN) == 0,
                    "a deaf node convinces nobody");
    memset(world->deaf, 0, sizeof(world->deaf));
    PLAIN_CHECK(&world_tally, world_wait_for(world, world_all_up, 5000) >= 0,
                "hears again");
    world_free(world);
}

/* Down for 6 s, up for 6 s, again and again: the others stay calm. */
static void
flapping(void)
{
    struct world *world = world_ring_of(6);
    uint32_t i, round;

    for (round = 0; round < 20; round++) {
        world_stop(world, 3);
        world_run_ms(world, 6000);
        PLAIN_CHECK(&world_tally, world_seen_as(world, 3, MEMBER_DOWN) == 5,
                    "round %u", round);
        world_start(world, 3);
        world_run_ms(world, 6000);
        PLAIN_CHECK(&world_tally, world_all_up(world), "round %u", round);
    }
    for (i = 0; i < 6; i++)
        PLAIN_CHECK(&world_tally, world_number_of(world, i) != 0, "node %u", i);
    PLAIN_CHECK(&world_tally,
                world_all_know(world, 6) && world_same_maps(world), "members");
    world_free(world);
}

static void
restarted_at_once(void)
{
    struct world *world = world_ring_of(20);
    uint32_t i;
    int64_t ms;

    for (i = 0; i < 20; i++)
        world_stop(world, i);
    for (i = 0; i < 20; i++) {
        world->nodes[i].seed_count = 0; /* the saved list is enough */
        world->nodes[i].place += 100;   /* and all have moved */
        world_start(world, i);
    }
    ms = world_wait_for(world, world_are_numbered, 10000);
    PLAIN_CHECK(&world_tally, ms >= 0 && ms < 1500, "%lld ms", (long long)ms);
    world_run_ms(world, 5000);
    PLAIN_CHECK(&world_tally, downs(world) == 0 && world_all_up(world),
                "health");
    PLAIN_CHECK(&world_tally,
                world_is_one_ring(world) && world_all_know(world, 20),
                "members");
    for (i = 0; i < 20; i++) {
        struct member_view view;

        (void)members_find(world->nodes[(i + 1) % 20].members,
                           &world->nodes[i].id, &view);
        PLAIN_CHECK(&world_tally, strstr(view.facts->host, "10.0.0.1") != NULL,
                    "moved: %s", view.facts->host);
    }
    world_free(world);
}

static bool
is_phase_known(const struct world *world)
{
    uint32_t i, count = 0;

    for (i = 0; i < world->node_count; i++) {
        struct member_view view;

        if (members_find(world->nodes[i].members, &world->nodes[1].id, &view) &&
            view.facts->phase == MEMBER_LEAVING)
            count++;
    }
    return count == world->node_count;
}

/* A change of facts, and of settings, is everywhere soon. */
static void
news(uint32_t count, int64_t limit_ms)
{
    struct world *world = world_ring_of(count);
    uint32_t i;
    int64_t ms;

    members_set_phase(world->nodes[1].members, MEMBER_LEAVING);
    ms = world_wait_for(world, is_phase_known, 10000);
    printf("news: %u nodes: everywhere after %lld ms\n", count, (long long)ms);
    PLAIN_CHECK(&world_tally, ms >= 0 && ms <= limit_ms, "%lld ms",
                (long long)ms);
    PLAIN_CHECK(&world_tally,
                members_publish_settings(world->nodes[0].members, 5,
                                         BYTES_LIT("n=3")) == ERR_OK,
                "settings");
    world_run_ms(world, limit_ms);
    for (i = 0; i < count; i++) {
        struct bytes bytes;

        PLAIN_CHECK(&world_tally,
                    members_settings(world->nodes[i].members, &bytes) == 5 &&
                        bytes_equal(bytes, BYTES_LIT("n=3")),
                    "settings at node %u", i);
    }
    PLAIN_CHECK(&world_tally,
                members_remove(world->nodes[0].members, &world->nodes[2].id,
                               world_clock_ms(world, &world->nodes[0])) ==
                    ERR_OK,
                "remove");
    world_run_ms(world, limit_ms + 2000);
    PLAIN_CHECK(&world_tally,
                world_seen_as(world, 2, MEMBER_REMOVED) == count - 1,
                "REMOVED everywhere");
    PLAIN_CHECK(&world_tally, members_self_is_removed(world->nodes[2].members),
                "it knows too");
    world_stop(world, 2);
    world_start(world, 2);
    world_run_ms(world, 5000);
    PLAIN_CHECK(&world_tally,
                world_seen_as(world, 2, MEMBER_REMOVED) == count - 1,
                "for ever");
    PLAIN_CHECK(&world_tally, members_self_is_removed(world->nodes[2].members),
                "for ever");
    world_free(world);
}

/* ---- the list ---- */

static void
run_large(void)
{
    large(SCALED(1000, 300), 16384, 10000);
}
static void
run_ten(void)
{
    deaths(10, 2048, 5000);
}
static void
run_fifty(void)
{
    deaths(50, 2048, 5000);
}
static void
run_hundred(void)
{
    deaths(100, 4096, 5000);
}
static void
run_three(void)
{
    deaths(3, 2048, 5000);
}

static void
run_starved(void)
{
    starved(5, is_long ? 30 : 10);
    starved(30, is_long ? 30 : 10);
}

static void
run_rings_of_one(void)
{
    two_rings_of_one(false, false);
    two_rings_of_one(true, false);
    two_rings_of_one(true, true);
}

static void
run_news(void)
{
    news(3, 50);
    news(100, 1000);
}

static const struct story {
    const char *name;
    void (*run)(void);
} stories[] = {
    {"together", starting_together},
    {"list", founding_by_list},
    {"waits", one_of_three_waits},
    {"rings-of-one", run_rings_of_one},
    {"numbers", numbers},
    {"halves", numbers_in_two_halves},
    {"three", run_three},
    {"ten", run_ten},
    {"fifty", run_fifty},
    {"hundred", run_hundred},
    {"starved", run_starved},
    {"two", ring_of_two},
    {"partition", partition_and_healing},
    {"large-partition", large_partition},
    {"one-way", one_way},
    {"flapping", flapping},
    {"restart", restarted_at_once},
    {"news", run_news},
    {"thousand", run_large},
};

static bool
is_wanted(const char *name, int count, char **arguments)
{
    bool has_names = false;
    int i;

    for (i = 1; i < count; i++) {
        if (!strcmp(arguments[i], "--seed"))
            i++;
        else if (arguments[i][0] != '-')
            has_names = true;
        if (i < count && !strcmp(arguments[i], name)) return true;
    }
    return !has_names;
}

int
main(int count, char **arguments)
{
    size_t i;
    int j;

    for (j = 1; j < count; j++) {
        if (!strcmp(arguments[j], "--long")) is_long = true;
        if (!strcmp(arguments[j], "--seed") && j + 1 < count)
            world_seed = strtoull(arguments[j + 1], NULL, 10);
    }
    for (i = 0; i < ARRAY_LEN(stories); i++) {
        uint64_t before = mem_live_count(), failed = world_tally.failed;

        if (!is_wanted(stories[i].name, count, arguments)) continue;
        stories[i].run();
        PLAIN_CHECK(&world_tally, mem_live_count() == before, "blocks left");
        if (world_tally.failed > failed)
            printf("story %s failed: tests/sim/gossip --seed %llu %s\n",
                   stories[i].name, (unsigned long long)world_seed,
                   stories[i].name);
        fflush(stdout);
    }
    return plain_end(&world_tally);
}
