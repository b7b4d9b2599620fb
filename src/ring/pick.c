/*
 * Tokens are chosen one after the other. For each, some free positions are
 * tried out at random, and the one that evens out the ring most is taken: the
 * one with the least sum, over the members, of load squared by weight. Where
 * loads can't be equal (racks, weights), that sum is least when they are as
 * equal as can be. Two loads count: the copies a member owns, and the slots of
 * which it is first, where writes go.
 *
 * The newcomer counts with a fifth of its weight at first, with all of it when
 * the last token is chosen. So the first few take large pieces: without that,
 * stretches with few tokens would stay, too large to be given to anybody later.
 * The others take about as much as each other, from different neighbours. At
 * the end each token is taken back and placed anew, twice.
 *
 * The newcomer alone decides and publishes, so nobody has to agree: floats are
 * fine here.
 */
#include "base/memory.h"
#include "ring/circle.h"

#include <stdlib.h>

enum {
    TRIES_MIN = 8, /* positions per token */
    TRIES_MAX = 192,
    TRIES_ALL = 32768,
    AGAIN = 1, /* times each token is placed anew */
};

/* Tokens passed in walks. Placement with very uneven racks walks far. */
#define STEPS_MAX UINT64_C(40000000)

/* The part of its weight the newcomer counts with at the outset. */
#define PART_AT_FIRST 0.2

struct load {
    double weight;
    int64_t owned, first;
    int64_t owned_change, first_change;
    bool is_touched;
};

struct pick {
    struct circle circle;
    struct rng *rng;
    uint16_t self;      /* index */
    double copies;      /* N: what weighs a first slot against a copy */
    struct load *loads; /* by index */
    uint16_t *touched;  /* whose loads a trial would change */
    uint32_t touched_count;
};

static void
touch(struct pick *pick, uint16_t index, int64_t owned, int64_t first)
{
    struct load *load = &pick->loads[index];

    if (!load->is_touched) {
        load->is_touched = true;
        pick->touched[pick->touched_count++] = index;
    }
    load->owned_change += owned;
    load->first_change += first;
}

/* What `slots` slots with this list give to their owners. */
static void
touch_all(struct pick *pick, const struct circle_owners *owners, int64_t slots)
{
    uint32_t i;

    for (i = 0; i < owners->count; i++)
        touch(pick, owners->members[i], slots, i == 0 ? slots : 0);
}

/* Loads as they are: one walk per token. */
static void
measure(struct pick *pick)
{
    struct circle *circle = &pick->circle;
    uint32_t first, at, i;

    if (circle->token_count == 0) return;
    first = at = circle_at(circle, 0);
    do {
        uint32_t slots = (at - circle->prev[at]) & (circle->slot_count - 1);
        struct circle_owners owners;

        if (slots == 0) slots = circle->slot_count; /* the only token */
        circle_walk(circle, at, CIRCLE_ANY, CIRCLE_ANY, &owners);
        for (i = 0; i < owners.count; i++) {
            pick->loads[owners.members[i]].owned += slots;
            if (i == 0) pick->loads[owners.members[i]].first += slots;
        }
        at = circle->next[at];
    } while (at != first);
}

/*
 * What the newcomer's token at `position`, which is in the circle, changes:
 * backwards from it, as far as walks come by it before all is settled or
 * before another token of the newcomer.
 */
static void
weigh(struct pick *pick, uint32_t position)
{
    struct circle *circle = &pick->circle;
    uint32_t at = position;

    do {
        uint32_t slots = (at - circle->prev[at]) & (circle->slot_count - 1);
        struct circle_owners with, without;

        if (at != position && circle->holder[at] == pick->self + 1) break;
        if (slots == 0) slots = circle->slot_count;
        circle_walk(circle, at, CIRCLE_ANY, CIRCLE_ANY, &with);
        if (!circle_has_seen(circle, pick->self)) break;
        touch_all(pick, &with, slots);
        if (circle->token_count > 1) {
            circle_walk(circle, at == position ? circle->next[at] : at,
                        CIRCLE_ANY, position, &without);
            touch_all(pick, &without, -(int64_t)slots);
        }
        at = circle->prev[at];
    } while (at != position);
}

/* How much the sum of squares would grow; forgets the trial. */
static double
judge(struct pick *pick, double self_part)
{
    double sum = 0;
    uint32_t i;

    for (i = 0; i < pick->touched_count; i++) {
        struct load *load = &pick->loads[pick->touched[i]];
        double owned = (double)load->owned, first = (double)load->first;
        double owned_change = (double)load->owned_change;
        double first_change = (double)load->first_change;
        double weight = load->weight;

        if (pick->touched[i] == pick->self) weight *= self_part;
        sum += owned_change * (2 * owned + owned_change) / weight;
        sum += first_change * (2 * first + first_change) * pick->copies *
               pick->copies / weight;
        load->owned_change = load->first_change = 0;
        load->is_touched = false;
    }
    pick->touched_count = 0;
    return sum;
}

/* Makes the trial the present state: sign 1, or -1 to undo it. */
static void
settle(struct pick *pick, int64_t sign)
{
    uint32_t i;

    for (i = 0; i < pick->touched_count; i++) {
        struct load *load = &pick->loads[pick->touched[i]];

        load->owned += sign * load->owned_change;
        load->first += sign * load->first_change;
        load->owned_change = load->first_change = 0;
        load->is_touched = false;
    }
    pick->touched_count = 0;
}

static uint32_t
free_position(struct pick *pick)
{
    uint32_t mask = pick->circle.slot_count - 1;
    uint32_t at = (uint32_t)rng_below(pick->rng, pick->circle.slot_count);

    while (pick->circle.holder[at] != 0)
        at = (at + 1) & mask;
    return at;
}

/* Places one token where it does most good; returns where. */
static uint32_t
place_token(struct pick *pick, uint32_t tries, double self_part)
{
    uint32_t best = free_position(pick), i;
    double best_growth = 0;

    for (i = 0; i < tries && pick->circle.steps < STEPS_MAX; i++) {
        uint32_t at = i == 0 ? best : free_position(pick);
        double growth;

        circle_insert(&pick->circle, at, pick->self);
        weigh(pick, at);
        growth = judge(pick, self_part);
        circle_remove(&pick->circle, at);
        if (i > 0 && growth >= best_growth) continue;
        best = at;
        best_growth = growth;
    }
    circle_insert(&pick->circle, best, pick->self);
    weigh(pick, best);
    settle(pick, 1);
    return best;
}

static void
place_all(struct pick *pick, uint32_t count, uint16_t *out)
{
    uint32_t tries = TRIES_ALL / count, i;

    if (tries < TRIES_MIN) tries = TRIES_MIN;
    if (tries > TRIES_MAX) tries = TRIES_MAX;
    for (i = 0; i < count; i++) {
        double part = PART_AT_FIRST +
                      (1 - PART_AT_FIRST) * (double)(i + 1) / (double)count;

        out[i] = (uint16_t)place_token(pick, tries, part);
    }
    for (i = 0; i < count * AGAIN && pick->circle.steps < STEPS_MAX; i++) {
        weigh(pick, out[i % count]);
        settle(pick, -1);
        circle_remove(&pick->circle, out[i % count]);
        out[i % count] = (uint16_t)place_token(pick, tries, 1);
    }
}

/* Alone there is nothing to even out. Not at equal distances: whoever has its
 * tokens so is met early in every walk, and would own too much later. */
static void
scatter(struct pick *pick, uint32_t count, uint16_t *out)
{
    uint32_t i;

    for (i = 0; i < count; i++) {
        uint32_t at = free_position(pick);

        circle_insert(&pick->circle, at, pick->self);
        out[i] = (uint16_t)at;
    }
}

static int
by_position(const void *a, const void *b)
{
    const uint16_t *one = a, *two = b;

    return (int)*one - (int)*two;
}

/*
 * vnodes by weight, but no more than the share of half the positions; nor than
 * the share of those that are free, or rings of some hundred members, each of
 * which came with what was its share then, would leave none.
 */
static uint32_t
token_count(const struct pick *pick, double others, double self_weight,
            uint32_t vnodes)
{
    uint32_t slots = pick->circle.slot_count;
    double wanted = (double)vnodes * self_weight + 0.5;
    uint32_t left = slots - pick->circle.token_count;
    double most = left < slots / 2 ? left : slots / 2;
    double share = most * self_weight / (others + self_weight);
    uint32_t count = (uint32_t)(wanted < share ? wanted : share);

    if (count < 1) count = 1;
    return count < left ? count : left;
}

/* The newcomer may have no number yet, and with free positions only it never
 * needs one to settle a claim: any that nobody has. */
static uint32_t
unused_number(const struct ring_member *members, uint32_t count)
{
    uint64_t used[RING_NUMBERS / 64] = {1};
    uint32_t i;

    ASSERT(count < RING_NUMBERS - 1);
    for (i = 0; i < count; i++)
        used[members[i].number / 64] |= UINT64_C(1) << members[i].number % 64;
    for (i = 1; used[i / 64] >> i % 64 & 1; i++)
        ASSERT(i + 1 < RING_NUMBERS);
    return i;
}

/* The members and the newcomer, who has no token yet. */
static double
init_pick(struct pick *pick, const struct ring_member *members,
          const double *weights, uint32_t count, const struct ring_member *self,
          double self_weight, const struct ring_replicas *replicas,
          uint32_t slot_count)
{
    struct ring_member *all = mem_must((size_t)(count + 1) * sizeof(*all));
    double others = 0;
    uint32_t i;

    for (i = 0; i <= count; i++) {
        all[i] = i < count ? members[i] : *self;
        all[i].status = RING_NORMAL;
    }
    all[count].number = unused_number(members, count);
    all[count].tokens = NULL;
    all[count].token_count = 0;
    circle_init(&pick->circle, all, count + 1, replicas, slot_count);
    pick->self = circle_find(&pick->circle, all[count].number);
    mem_free(all);
    pick->loads = mem_must_zero((size_t)(count + 1) * sizeof(*pick->loads));
    pick->touched = mem_must((size_t)(count + 1) * sizeof(*pick->touched));
    pick->loads[pick->self].weight = self_weight;
    for (i = 0; i < count; i++) {
        uint16_t index = circle_find(&pick->circle, members[i].number);

        ASSERT(weights[i] > 0);
        pick->loads[index].weight = weights[i];
        others += weights[i];
    }
    pick->copies = 0;
    for (i = 0; i < pick->circle.group_count; i++)
        pick->copies += pick->circle.groups[i].quota;
    measure(pick);
    return others;
}

uint32_t
ring_pick_tokens(const struct ring_member *members, const double *weights,
                 uint32_t count, const struct ring_member *self,
                 double self_weight, const struct ring_shape *shape,
                 struct rng *rng, uint16_t *out)
{
    struct pick pick = {.rng = rng};
    double others;
    uint32_t n;

    ASSERT(shape->vnodes >= 1 && shape->vnodes <= RING_VNODES_MAX);
    ASSERT(self_weight > 0);
    others = init_pick(&pick, members, weights, count, self, self_weight,
                       shape->replicas, shape->slot_count);
    n = token_count(&pick, others, self_weight, shape->vnodes);
    if (pick.circle.token_count == 0) {
        scatter(&pick, n, out);
    } else if (n > 0) {
        place_all(&pick, n, out);
    }
    qsort(out, n, sizeof(*out), by_position);
    circle_deinit(&pick.circle);
    mem_free(pick.loads);
    mem_free(pick.touched);
    return n;
}
