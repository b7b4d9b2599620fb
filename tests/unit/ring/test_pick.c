/*
 * How even rings are that grow by one member at a time. Bounds are against the
 * mean by weight. Where every member must hold everything (N members or
 * fewer) only the slots of which they are first can be even.
 */
#include "make.h"
#include "support/case.h"
#include "support/scaled.h"

/* The largest load by weight, over the mean. */
struct evenness {
    double owned, first;
};

static struct evenness
measure(const struct make *make, const struct ring_map *map)
{
    struct evenness even = {0, 0};
    double weight = 0, owned = 0;
    uint32_t i;

    for (i = 0; i < make->count; i++) {
        weight += make->weights[i];
        owned += ring_map_owned(map, make->members[i].number);
    }
    for (i = 0; i < make->count; i++) {
        uint32_t number = make->members[i].number;
        double share = make->weights[i] / weight;
        double o = ring_map_owned(map, number) / (owned * share);
        double f = ring_map_first(map, number) / (make->slot_count * share);

        if (o > even.owned) even.owned = o;
        if (f > even.first) even.first = f;
    }
    return even;
}

/* Copies that the latest member took, over its ideal share of all copies. */
static double
moved(const struct make *make, const struct ring_map *from,
      const struct ring_map *to)
{
    double weight = 0, copies = 0;
    uint32_t i;

    for (i = 0; i < make->count; i++) {
        weight += make->weights[i];
        copies += ring_map_owned(to, make->members[i].number);
    }
    return make_moved(from, to) /
           (copies * make->weights[make->count - 1] / weight);
}

/* Grows to `count` members and checks each step from `from` members on. */
static void
expect_even(struct make *make, uint32_t count, uint32_t racks, uint32_t vnodes,
            const double *weights, uint32_t from)
{
    struct ring_map *last = make_map(make);

    while (make->count < count) {
        uint32_t k = make->count + 1;
        struct ring_map *map;
        struct evenness even;

        (void)make_picked(make, k, racks > 0 ? k % racks : 0, weights[k % 3],
                          vnodes);
        map = make_map(make);
        even = measure(make, map);
        if (k >= from) {
            cr_assert(even.owned <= 1.05, "%u members: %f", k, even.owned);
            cr_assert(even.first <= 1.05, "%u members: %f", k, even.first);
        }
        if (k > make->replicas.count && k >= from) {
            double share = moved(make, last, map);

            cr_assert(share <= 1.1, "%u members: %f", k, share);
        }
        ring_map_free(last);
        last = map;
    }
    ring_map_free(last);
}

static const double equal[3] = {1, 1, 1};

CASE(pick, a_ring_that_grows_by_one_stays_even)
{
    uint64_t seed;

    for (seed = 1; seed <= SCALED(2, 1); seed++) {
        struct make *make = make_new(SLOT_COUNT, 3, seed);

        expect_even(make, SCALED(100, 40), 0, 64, equal, 2);
        make_free(make);
    }
}

CASE(pick, one_copy_and_five_copies_are_even_too)
{
    struct make *one = make_new(SLOT_COUNT, 1, 9);
    struct make *five = make_new(SLOT_COUNT, 5, 9);

    expect_even(one, SCALED(60, 30), 0, 64, equal, 2);
    expect_even(five, SCALED(50, 20), 0, 64, equal, 8);
    make_free(one);
    make_free(five);
}

CASE(pick, weights_are_followed_where_no_member_must_hold_more_than_one_copy)
{
    static const double weights[3] = {1, 2, 1.5};
    struct make *make = make_new(SLOT_COUNT, 3, 4);

    expect_even(make, 30, 0, 64, weights, 6);
    make_free(make);
}

CASE(pick, racks_that_are_evenly_filled_stay_even)
{
    struct make *make = make_new(SLOT_COUNT, 3, 4);
    struct ring_map *map;
    uint32_t k;

    for (k = 1; k <= SCALED(60, 30); k++) {
        struct evenness even;

        (void)make_picked(make, k, k % 3, 1, 64);
        if (k % 3 != 0) continue;
        map = make_map(make);
        even = measure(make, map);
        cr_assert(even.owned <= 1.05, "%u members: %f", k, even.owned);
        cr_assert(even.first <= 1.05, "%u members: %f", k, even.first);
        ring_map_free(map);
    }
    make_free(make);
}

static void
expect_own_positions(const struct make *make)
{
    bool taken[SLOT_COUNT] = {false};
    uint32_t i, j;

    for (i = 0; i < make->count; i++) {
        const struct ring_member *member = &make->members[i];

        for (j = 0; j < member->token_count; j++) {
            cr_assert(member->tokens[j] < make->slot_count);
            cr_assert(j == 0 || member->tokens[j - 1] < member->tokens[j]);
            cr_assert(not(taken[member->tokens[j]]));
            taken[member->tokens[j]] = true;
        }
    }
}

CASE(pick, tokens_go_with_weight_up_to_the_share_of_half_the_positions)
{
    struct make *make = make_new(1024, 3, 5);

    cr_expect(eq(u32, make_picked(make, 1, 1, 1, 64)->token_count, 64));
    cr_expect(eq(u32, make_picked(make, 2, 1, 2.5, 64)->token_count, 160));
    cr_expect(eq(u32, make_picked(make, 3, 1, 0.001, 64)->token_count, 1));
    cr_expect(eq(u32, make_picked(make, 4, 1, 3.501, 512)->token_count, 256));
    expect_own_positions(make);
    make_free(make);
}

CASE(pick, a_lone_member_takes_half_the_positions_at_most)
{
    struct make *make = make_new(SLOT_COUNT, 3, 5);

    cr_expect(eq(u32, make_picked(make, 1, 1, 100, 4096)->token_count, 8192));
    expect_own_positions(make);
    make_free(make);
}

CASE(pick, far_more_members_than_vnodes_have_room_for_find_a_position)
{
    struct make *make = make_new(1024, 3, 5);
    uint32_t k;

    for (k = 1; k <= 100; k++)
        cr_assert(make_picked(make, k, k % 7, 1, 64)->token_count >= 1);
    expect_own_positions(make);
    make_free(make);
}

CASE(pick, a_full_circle_gives_no_tokens)
{
    struct make *make = make_new(4, 3, 5);
    uint32_t k, count = 0;

    for (k = 1; k <= 4; k++)
        count += make_picked(make, k, 0, 1, 64)->token_count;
    cr_expect(eq(u32, count, 4));
    cr_expect(eq(u32, make_picked(make, 5, 0, 1, 64)->token_count, 0));
    expect_own_positions(make);
    make_free(make);
}

CASE(pick, one_seed_picks_the_same_tokens_again)
{
    struct make *one = make_new(SLOT_COUNT, 3, 6);
    struct make *two = make_new(SLOT_COUNT, 3, 6);
    uint32_t k, i;

    for (k = 1; k <= 8; k++) {
        const struct ring_member *a = make_picked(one, k, k % 2, 1, 32);
        const struct ring_member *b = make_picked(two, k, k % 2, 1, 32);

        cr_assert(eq(u32, a->token_count, b->token_count));
        for (i = 0; i < a->token_count; i++)
            cr_assert(eq(u16, a->tokens[i], b->tokens[i]));
    }
    make_free(one);
    make_free(two);
}

CASE(pick, a_newcomer_without_a_number_can_pick)
{
    struct make *make = make_new(1024, 3, 6);
    uint32_t i;

    for (i = 0; i < 3; i++) {
        struct ring_member *member = make_picked(make, RING_NOBODY, 0, 1, 16);

        cr_assert(eq(u32, member->token_count, 16));
        member->number = 1 + i;
    }
    expect_own_positions(make);
    make_free(make);
}
