#include "bench.h"

/* Node 9 on the bench, numbers 2, 3, 4 of ids 5, 6, 7. */
static void
four(struct bench *bench)
{
    uint32_t i;

    bench_init(bench, 9);
    bench_start(bench);
    bench_run(bench, 100);
    for (i = 0; i < 3; i++) {
        struct bench_peer peer = bench_peer((uint8_t)(5 + i), 2 + i);

        bench_meet(bench, &peer);
    }
}

static void
reach(struct bench *bench, uint32_t count, bool is_reached)
{
    uint32_t i;

    for (i = 0; i < count; i++) {
        struct node_id id = bench_id((uint8_t)(5 + i));

        members_reached(bench->members, &id, is_reached, bench->now_ms);
    }
}

static void
cut(struct bench *bench, uint32_t count)
{
    reach(bench, count, false);
    bench_run(bench, 1000);
    reach(bench, count, true);
    bench_run(bench, 3000);
}

static bool
is_on(const struct bench *bench)
{
    return bench->members->self->facts.is_on_probation;
}

CASE(probation, who_is_cut_off_three_times_is_on_it_for_half_a_minute)
{
    struct bench bench;
    uint64_t version;

    four(&bench);
    cut(&bench, 2);
    cut(&bench, 2);
    cr_expect(is_on(&bench) == false);
    version = bench.members->self->version;
    cut(&bench, 2);
    cr_expect(is_on(&bench));
    cr_expect(bench.members->self->version > version, "others hear of it");
    cr_expect(bench_logged(&bench, "was cut off): on probation"));
    bench_run(&bench, 26 * 1000);
    cr_expect(is_on(&bench));
    bench_run(&bench, 2000);
    cr_expect(is_on(&bench) == false);
    bench_deinit(&bench);
}

CASE(probation, who_loses_half_of_the_others_is_not_the_one_that_is_away)
{
    struct bench bench;
    uint32_t i;

    four(&bench);
    for (i = 0; i < 9; i++)
        cut(&bench, 1);
    cr_expect(is_on(&bench) == false);
    bench_deinit(&bench);
}

CASE(probation, what_is_seldom_is_forgiven)
{
    struct bench bench;
    uint32_t i;

    four(&bench);
    for (i = 0; i < 6; i++) {
        cut(&bench, 3);
        bench_run(&bench, 150 * 1000);
    }
    cr_expect(is_on(&bench) == false);
    bench_deinit(&bench);
}

CASE(probation, the_term_begins_anew_each_time_and_doubles)
{
    struct bench bench;
    uint32_t i;

    four(&bench);
    for (i = 0; i < 3; i++)
        cut(&bench, 3);
    for (i = 0; i < 20; i++) {
        bench_run(&bench, 20 * 1000);
        cut(&bench, 3);
        cr_expect(is_on(&bench), "%u", i);
    }
    bench_run(&bench, 28 * 1000);
    cr_expect(is_on(&bench) == false);
    cut(&bench, 3);
    cr_expect(is_on(&bench));
    bench_run(&bench, 55 * 1000);
    cr_expect(is_on(&bench));
    bench_run(&bench, 5000);
    cr_expect(is_on(&bench) == false);
    bench_deinit(&bench);
}

CASE(probation, who_stands_still_was_away)
{
    struct bench bench;
    uint32_t i;

    four(&bench);
    for (i = 0; i < 3; i++) {
        bench.now_ms += 4000;
        bench_run(&bench, 1000);
    }
    cr_expect(is_on(&bench));
    cr_expect(bench_logged(&bench, "stood still"));
    bench_deinit(&bench);
}

CASE(probation, starts_count_over_lives)
{
    struct bench bench;
    uint32_t i;

    four(&bench);
    for (i = 0; i < 3; i++) {
        cr_expect(is_on(&bench) == false);
        bench_run(&bench, 4000);
        bench_restart(&bench);
    }
    cr_expect(is_on(&bench));
    cr_expect(bench_logged(&bench, "was started): on probation"));
    bench_run(&bench, 4000);
    bench_restart(&bench);
    cr_expect(is_on(&bench), "still");
    bench_run(&bench, 31 * 1000);
    cr_expect(is_on(&bench) == false);
    bench_deinit(&bench);
}
