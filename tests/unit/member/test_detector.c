#include "bench.h"

/* Nodes 9 (on the bench, rack1), 5, 6, 7; 5 and 6 in rack2, 7 in rack1. */
static struct bench_peer peers[3];

static void
four(struct bench *bench)
{
    uint32_t i;

    bench_init(bench, 9);
    bench_start(bench);
    bench_run(bench, 100);
    for (i = 0; i < 3; i++) {
        peers[i] = bench_peer((uint8_t)(5 + i), 2 + i);
        if (i == 2) peers[i].rack = "rack1";
        bench_meet(bench, &peers[i]);
    }
}

/* Time passes; the peers of `mask` live. */
static void
live(struct bench *bench, int64_t ms, uint32_t mask)
{
    for (; ms > 0; ms -= 500) {
        uint32_t i;

        bench_run(bench, 500);
        for (i = 0; i < 3; i++)
            if (mask & (1u << i)) bench_beat(bench, &peers[i], 2);
    }
}

static void
testify(struct bench *bench, uint32_t who)
{
    bench_news(bench, &peers[who],
               &(struct news){NEWS_SUSPECT, 2, peers[who].number,
                              peers[0].incarnation, peers[0].heartbeat});
}

CASE(detector, one_observer_alone_suspects_and_declares_nothing)
{
    struct bench bench;

    four(&bench);
    live(&bench, 2500, 6);
    cr_expect(eq(int, bench_health(&bench, 5), MEMBER_UP));
    live(&bench, 1000, 6);
    cr_expect(eq(int, bench_health(&bench, 5), MEMBER_SUSPECT));
    live(&bench, 60000, 6);
    cr_expect(eq(int, bench_health(&bench, 5), MEMBER_SUSPECT));
    bench_beat(&bench, &peers[0], 1);
    cr_expect(eq(int, bench_health(&bench, 5), MEMBER_UP));
    bench_deinit(&bench);
}

CASE(detector, a_witness_of_another_rack_makes_it_a_verdict)
{
    struct bench bench;

    four(&bench);
    live(&bench, 3500, 6);
    testify(&bench, 1);
    cr_expect(eq(int, bench_health(&bench, 5), MEMBER_SUSPECT));
    live(&bench, 1500, 6);
    cr_expect(eq(int, bench_health(&bench, 5), MEMBER_DOWN));
    bench_beat(&bench, &peers[0], 1);
    cr_expect(eq(int, bench_health(&bench, 5), MEMBER_DOWN),
              "a heartbeat doesn't lift a verdict");
    peers[0].incarnation++;
    bench_meet(&bench, &peers[0]);
    cr_expect(eq(int, bench_health(&bench, 5), MEMBER_UP));
    bench_deinit(&bench);
}

CASE(detector, a_witness_of_the_own_rack_is_none_while_others_live)
{
    struct bench bench;

    four(&bench);
    live(&bench, 3500, 6);
    testify(&bench, 2);
    live(&bench, 5000, 6);
    cr_expect(eq(int, bench_health(&bench, 5), MEMBER_SUSPECT));
    bench_deinit(&bench);
}

CASE(detector, a_testimony_older_than_a_known_heartbeat_is_void)
{
    struct bench bench;

    four(&bench);
    live(&bench, 1000, 7);
    peers[0].heartbeat -= 2;
    live(&bench, 3500, 6);
    testify(&bench, 1);
    live(&bench, 3000, 6);
    cr_expect(eq(int, bench_health(&bench, 5), MEMBER_SUSPECT));
    bench_deinit(&bench);
}

CASE(detector, a_node_that_suspects_most_others_suspects_itself)
{
    struct bench bench;

    four(&bench);
    live(&bench, 3500, 4);
    cr_expect(eq(int, bench_health(&bench, 5), MEMBER_SUSPECT));
    cr_expect(eq(int, bench_health(&bench, 6), MEMBER_SUSPECT));
    cr_expect(bench_logged(&bench, "suspects itself"));
    testify(&bench, 1);
    testify(&bench, 2);
    live(&bench, 3000, 4);
    cr_expect(eq(int, bench_health(&bench, 5), MEMBER_SUSPECT));
    bench_deinit(&bench);
}

CASE(detector, a_late_tick_gives_everybody_the_full_time_again)
{
    struct bench bench;

    four(&bench);
    live(&bench, 1000, 7);
    bench.now_ms += 2500; /* this node did not run */
    bench_run(&bench, 2900);
    cr_expect(eq(int, bench_health(&bench, 5), MEMBER_UP));
    bench_run(&bench, 300);
    cr_expect(eq(int, bench_health(&bench, 5), MEMBER_SUSPECT));
    bench_deinit(&bench);
}

CASE(detector, a_node_that_is_called_down_raises_its_incarnation)
{
    struct bench bench;
    struct member_view before, after;
    struct member_stats stats;

    four(&bench);
    bench_view(&bench, 1, &before);
    bench_clear(&bench);
    bench_news(&bench, &peers[1],
               &(struct news){NEWS_DOWN, 1, 3, before.incarnation, 0});
    bench_view(&bench, 1, &after);
    cr_expect(gt(u64, after.incarnation, before.incarnation));
    members_stats(bench.members, &stats);
    cr_expect(eq(u64, stats.refutations, 1));
    cr_expect(bench_last(&bench, FRAME_GOSSIP_FACTS) != NULL, "told at once");
    cr_expect(eq(u32, bench.was_down, 1));
    bench_news(&bench, &peers[1],
               &(struct news){NEWS_DOWN, 1, 3, before.incarnation, 0});
    bench_view(&bench, 1, &before);
    cr_expect(eq(u64, after.incarnation, before.incarnation), "once");
    bench_deinit(&bench);
}

CASE(detector, a_verdict_on_a_member_that_was_just_heard_is_not_believed)
{
    struct bench bench;

    four(&bench);
    live(&bench, 1000, 7);
    bench_clear(&bench);
    bench_news(&bench, &peers[1],
               &(struct news){NEWS_DOWN, 2, 3, peers[0].incarnation,
                              peers[0].heartbeat - 3});
    cr_expect(eq(int, bench_health(&bench, 5), MEMBER_UP));
    cr_assert(bench_last(&bench, FRAME_GOSSIP) != NULL);
    cr_expect(
        node_id_equal(&bench_last(&bench, FRAME_GOSSIP)->to, &peers[0].id),
        "the accused is told");
    bench_news(&bench, &peers[1],
               &(struct news){NEWS_DOWN, 2, 3, peers[0].incarnation,
                              peers[0].heartbeat});
    cr_expect(eq(int, bench_health(&bench, 5), MEMBER_DOWN));
    bench_deinit(&bench);
}

CASE(detector, in_a_ring_of_two_nobody_is_declared_down)
{
    struct bench bench;
    struct bench_peer peer = bench_peer(5, 2), ghost = bench_peer(6, 3);

    bench_init(&bench, 9);
    bench_start(&bench);
    bench_run(&bench, 100);
    bench_meet(&bench, &peer);
    bench_run(&bench, 3500);
    bench_news(
        &bench, &ghost,
        &(struct news){NEWS_SUSPECT, 2, 3, peer.incarnation, peer.heartbeat});
    bench_run(&bench, 10000);
    cr_expect(eq(int, bench_health(&bench, 5), MEMBER_SUSPECT));
    bench_deinit(&bench);
}
