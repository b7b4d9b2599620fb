/*
 * Placement against a second reading of its rules, on random rings, and what
 * must hold of any two maps when a member comes, joins slot by slot, or goes.
 */
#include "base/err.h"
#include "make.h"
#include "support/case.h"

enum { RINGS = 60 };

/* A ring of 1 to `most` members with random tokens in some racks. */
static struct make *
random_ring(uint64_t seed, uint32_t most)
{
    struct rng rng = {.state = seed * 77 + 5};
    uint32_t slots = 256u << rng_below(&rng, 4);
    struct make *make = make_new(slots, 1 + (uint32_t)rng_below(&rng, 5), seed);
    uint32_t count = 1 + (uint32_t)rng_below(&rng, most);
    uint32_t racks = 1 + (uint32_t)rng_below(&rng, 6), i;

    for (i = 0; i < count; i++) {
        (void)make_random(make, 1 + i * 3, rng_below(&rng, racks),
                          1 + (uint32_t)rng_below(&rng, 16));
    }
    return make;
}

/* Also with data centres 1 to 3, of which 3 may hold none. */
static struct make *
random_dcs(uint64_t seed, uint32_t most)
{
    struct make *make = random_ring(seed, most);
    uint32_t i;

    make->replicas.dc_count = 2 + (uint32_t)rng_below(&make->rng, 2);
    for (i = 0; i < make->replicas.dc_count; i++) {
        make->replicas.dcs[i].dc = i + 1;
        make->replicas.dcs[i].count = 1 + (uint32_t)rng_below(&make->rng, 2);
    }
    for (i = 0; i < make->count; i++)
        make->members[i].dc = 1 + rng_below(&make->rng, 3);
    return make;
}

static void
random_joining(struct make *make)
{
    uint32_t i, slot;

    for (i = 0; i < make->count; i++) {
        if (rng_below(&make->rng, 3) != 0) continue;
        make_joining(make, i);
        for (slot = 0; slot < make->slot_count; slot++) {
            if (rng_below(&make->rng, 2) == 0) make_serve(make, i, slot);
        }
    }
}

/* The model: indexes of the members that have positions, as they come. */
struct order {
    uint32_t count;
    uint32_t members[MAKE_MEMBERS_MAX];
};

/* Members in the order of their numbers: indexes. */
static void
sort_members(const struct make *make, uint32_t *sorted)
{
    uint32_t i, j;

    for (i = 0; i < make->count; i++) {
        for (j = i; j > 0 && make->members[sorted[j - 1]].number >
                                 make->members[i].number;
             j--)
            sorted[j] = sorted[j - 1];
        sorted[j] = i;
    }
}

/* Claims of the whole circle: a bit per position and member. */
struct claims {
    uint32_t sorted[MAKE_MEMBERS_MAX];
    uint64_t *bits; /* by position, MAKE_MEMBERS_MAX / 64 words each */
};

static struct claims *
find_claims(const struct make *make)
{
    struct claims *claims = mem_must(sizeof(*claims));
    uint32_t i, j;

    sort_members(make, claims->sorted);
    claims->bits =
        mem_must_zero((size_t)make->slot_count * MAKE_MEMBERS_MAX / 8);
    for (i = 0; i < make->count; i++) {
        for (j = 0; j < make->members[i].token_count; j++) {
            claims->bits[make->members[i].tokens[j] * (MAKE_MEMBERS_MAX / 64) +
                         i / 64] |= UINT64_C(1) << i % 64;
        }
    }
    return claims;
}

static void
drop_claims(struct claims *claims)
{
    mem_free(claims->bits);
    mem_free(claims);
}

static void
find_order(const struct make *make, const struct claims *claims, uint32_t slot,
           struct order *order)
{
    bool met[MAKE_MEMBERS_MAX] = {false};
    uint32_t i, j;

    order->count = 0;
    for (i = 0; i < make->slot_count && order->count < make->count; i++) {
        const uint64_t *bits = &claims->bits[(slot + i) % make->slot_count *
                                             (MAKE_MEMBERS_MAX / 64)];

        for (j = 0; j < make->count; j++) {
            uint32_t member = claims->sorted[j];

            if (met[member] || !(bits[member / 64] >> member % 64 & 1))
                continue;
            met[member] = true;
            order->members[order->count++] = member;
        }
    }
}

static bool
serves(const struct ring_member *member, uint32_t slot)
{
    if (member->status != RING_JOINING) return true;
    return member->served != NULL &&
           (member->served[slot / 64] >> slot % 64 & 1);
}

static uint32_t *
quota_of(uint64_t dc, struct ring_replicas *left)
{
    static uint32_t none;
    uint32_t i;

    none = 0;
    if (left->dc_count == 0) return &left->count;
    for (i = 0; i < left->dc_count; i++) {
        if (left->dcs[i].dc == dc) return &left->dcs[i].count;
    }
    return &none;
}

/* First pass: members of racks without a copy. Second pass: all others. */
static uint32_t
model_list(const struct make *make, const struct order *order, uint32_t slot,
           bool all_serve, uint16_t *out)
{
    struct ring_replicas left = make->replicas;
    const struct ring_member *taken[RING_OWNERS_MAX];
    uint32_t pass, i, j, count = 0;

    for (pass = 0; pass < 2; pass++) {
        for (i = 0; i < order->count; i++) {
            const struct ring_member *member =
                &make->members[order->members[i]];
            uint32_t *quota = quota_of(member->dc, &left);
            bool is_same_rack = false, is_taken = false;

            if (*quota == 0 || !(all_serve || serves(member, slot))) continue;
            for (j = 0; j < count; j++) {
                is_taken |= taken[j] == member;
                is_same_rack |= taken[j]->dc == member->dc &&
                                taken[j]->rack == member->rack;
            }
            if (is_taken || (pass == 0 && is_same_rack)) continue;
            taken[count] = member;
            out[count++] = (uint16_t)member->number;
            --*quota;
        }
    }
    return count;
}

static uint16_t
model_pending(const struct make *make, const struct order *order, uint32_t slot)
{
    uint16_t target[RING_OWNERS_MAX], pending = RING_NOBODY;
    uint32_t count = model_list(make, order, slot, true, target), i, j;

    for (i = 0; i < count; i++) {
        for (j = 0; j < make->count; j++) {
            if (make->members[j].number != target[i]) continue;
            if (serves(&make->members[j], slot)) continue;
            if (pending == RING_NOBODY || target[i] < pending)
                pending = target[i];
        }
    }
    return pending;
}

static void
expect_model(const struct make *make)
{
    struct claims *claims = find_claims(make);
    struct order *order = mem_must(sizeof(*order));
    struct ring_map *map = make_map(make);
    uint32_t slot, i;

    for (slot = 0; slot < make->slot_count; slot++) {
        const struct ring_list *list = ring_map_list(map, slot);
        uint16_t wanted[RING_OWNERS_MAX];
        uint32_t count;

        find_order(make, claims, slot, order);
        count = model_list(make, order, slot, false, wanted);
        cr_assert(eq(u32, list->count, count), "slot %u", slot);
        for (i = 0; i < count; i++)
            cr_assert(eq(u16, list->owners[i], wanted[i]), "slot %u", slot);
        cr_assert(eq(u16, list->pending, model_pending(make, order, slot)));
        cr_assert(list->hash != 0);
    }
    ring_map_free(map);
    mem_free(order);
    drop_claims(claims);
}

CASE(map, random_rings_are_as_the_model_says)
{
    uint64_t seed;

    for (seed = 1; seed <= RINGS; seed++) {
        struct make *make = random_ring(seed, seed % 10 == 0 ? 200 : 20);

        if (seed % 2 == 0) random_joining(make);
        expect_model(make);
        make_free(make);
    }
}

CASE(map, random_data_centres_are_as_the_model_says)
{
    uint64_t seed;

    for (seed = 1; seed <= RINGS; seed++) {
        struct make *make = random_dcs(seed, seed % 10 == 0 ? 200 : 20);

        if (seed % 2 == 0) random_joining(make);
        expect_model(make);
        make_free(make);
    }
}

/* Members that hold a position, and racks of them. */
static uint32_t
placed_members(const struct make *make, uint32_t *racks)
{
    struct claims *claims = find_claims(make);
    struct order *order = mem_must(sizeof(*order));
    uint32_t i, j, count;

    find_order(make, claims, 0, order);
    *racks = 0;
    for (i = 0; i < order->count; i++) {
        for (j = 0; j < i; j++) {
            if (make->members[order->members[j]].rack ==
                make->members[order->members[i]].rack)
                break;
        }
        if (j == i) ++*racks;
    }
    count = order->count;
    mem_free(order);
    drop_claims(claims);
    return count;
}

CASE(map, every_slot_has_its_copies_on_different_members_and_racks)
{
    uint64_t seed;

    for (seed = 1; seed <= RINGS; seed++) {
        struct make *make = random_ring(seed, 200);
        struct ring_map *map = make_map(make);
        uint32_t racks, members = placed_members(make, &racks), slot, i, j;
        uint32_t n = make->replicas.count;

        for (slot = 0; slot < make->slot_count; slot++) {
            const struct ring_list *list = ring_map_list(map, slot);
            uint32_t rack_count = 0;
            uint64_t racks_met = 0;

            cr_assert(eq(u32, list->count, n < members ? n : members));
            for (i = 0; i < list->count; i++) {
                const struct ring_member *member =
                    &make->members[(list->owners[i] - 1) / 3];

                for (j = 0; j < i; j++)
                    cr_assert(list->owners[i] != list->owners[j]);
                if (!(racks_met >> member->rack & 1)) rack_count++;
                racks_met |= UINT64_C(1) << member->rack;
            }
            cr_assert(eq(u32, rack_count, n < racks ? n : racks));
        }
        ring_map_free(map);
        make_free(make);
    }
}

CASE(map, equal_facts_in_another_order_give_equal_maps)
{
    uint64_t seed;

    for (seed = 1; seed <= RINGS; seed++) {
        struct make *make = random_dcs(seed, 50);
        struct ring_map *one, *two;
        uint32_t i;

        random_joining(make);
        one = make_map(make);
        for (i = make->count - 1; i > 0; i--) {
            uint32_t other = (uint32_t)rng_below(&make->rng, i + 1);
            struct ring_member kept = make->members[i];

            make->members[i] = make->members[other];
            make->members[other] = kept;
        }
        two = make_map(make);
        cr_expect(eq(u64, ring_map_hash(one), ring_map_hash(two)));
        cr_expect(eq(u32, make_moved(one, two), 0));
        ring_map_free(one);
        ring_map_free(two);
        make_free(make);
    }
}

/* Only slots that the member owns in `with` differ, by one owner. */
static void
expect_one_member_apart(const struct ring_map *with,
                        const struct ring_map *without, uint32_t number)
{
    uint32_t slot;

    for (slot = 0; slot < ring_map_slot_count(with); slot++) {
        const struct ring_list *old = ring_map_list(without, slot);
        const struct ring_list *new = ring_map_list(with, slot);

        if (!ring_list_owns(new, number)) {
            cr_assert(eq(u32, old->hash, new->hash));
            continue;
        }
        cr_assert(eq(u32, make_entered(old, new), 1));
        cr_assert(make_entered(new, old) <= 1);
    }
    cr_assert(eq(u32, make_moved(without, with), ring_map_owned(with, number)));
}

CASE(map, adding_or_removing_a_member_moves_its_own_copies_and_no_others)
{
    uint64_t seed;

    for (seed = 1; seed <= RINGS; seed++) {
        struct make *make =
            seed % 2 ? random_ring(seed, 60) : random_dcs(seed, 60);
        struct ring_map *with, *without;
        uint32_t goes = (uint32_t)rng_below(&make->rng, make->count);
        uint32_t number = make->members[goes].number;

        with = make_map(make);
        make_remove(make, goes);
        without = make_map(make);
        expect_one_member_apart(with, without, number);
        ring_map_free(with);
        ring_map_free(without);
        make_free(make);
    }
}

static void
expect_small_steps(const struct ring_map *from, const struct ring_map *to)
{
    uint32_t slot;

    for (slot = 0; slot < ring_map_slot_count(from); slot++) {
        const struct ring_list *old = ring_map_list(from, slot);
        const struct ring_list *new = ring_map_list(to, slot);

        cr_assert(make_entered(old, new) <= 1, "two owners came");
        cr_assert(make_entered(new, old) <= 1, "two owners went");
        if (make_entered(old, new) == 1)
            cr_assert(ring_list_owns(new, old->pending),
                      "one came that was not pending");
        if (old->pending != RING_NOBODY)
            cr_assert(not(ring_list_owns(old, old->pending)));
    }
}

/* Sets bits of slots in which the member is pending; true if any was left. */
static bool
serve_some(struct make *make, const struct ring_map *map, uint32_t index)
{
    uint32_t slot, all = (uint32_t)rng_below(&make->rng, 4) == 0;
    bool is_any = false;

    for (slot = 0; slot < make->slot_count; slot++) {
        if (ring_map_list(map, slot)->pending != make->members[index].number)
            continue;
        is_any = true;
        if (all || rng_below(&make->rng, 3) == 0) make_serve(make, index, slot);
    }
    return is_any;
}

/* Newcomers from `first` on serve their slots bit by bit, then are NORMAL. */
static struct ring_map *
settle_all(struct make *make, struct ring_map *map, uint32_t first)
{
    uint32_t steps, i;
    bool is_any = true;

    for (steps = 0; is_any; steps++) {
        cr_assert(steps < 1000, "joining does not end");
        is_any = false;
        for (i = first; i < make->count; i++) {
            struct ring_map *next;

            if (!serve_some(make, map, i)) continue;
            is_any = true;
            next = make_map(make);
            expect_small_steps(map, next);
            ring_map_free(map);
            map = next;
        }
    }
    for (i = first; i < make->count; i++) {
        struct ring_map *next;

        make->members[i].status = RING_NORMAL;
        next = make_map(make);
        cr_assert(eq(u64, ring_map_hash(map), ring_map_hash(next)),
                  "a member with all its slots served changed a list");
        ring_map_free(map);
        map = next;
    }
    return map;
}

static void
grow(uint64_t seed, uint32_t racks, uint32_t batch)
{
    struct make *make = make_new(1024, 3, seed);
    struct ring_map *map;

    (void)make_picked(make, 40, 0, 1, 16);
    map = make_map(make);
    while (make->count < 16) {
        uint32_t first = make->count, i;

        for (i = 0; i < batch; i++) {
            struct ring_map *next;
            uint32_t number = (make->count * 29) % 64 + 1;

            (void)make_picked(make, number, rng_below(&make->rng, racks), 1,
                              16);
            make_joining(make, make->count - 1);
            next = make_map(make);
            expect_small_steps(map, next);
            cr_assert(eq(u32, ring_map_owned(next, number), 0));
            ring_map_free(map);
            map = next;
        }
        map = settle_all(make, map, first);
        expect_model(make);
    }
    ring_map_free(map);
    make_free(make);
}

CASE(map, a_ring_grows_from_one_by_one_owner_at_a_time)
{
    uint64_t seed;

    for (seed = 1; seed <= 6; seed++)
        grow(seed, (uint32_t)seed, 1);
}

CASE(map, newcomers_that_join_together_enter_a_list_one_by_one)
{
    uint64_t seed;

    for (seed = 1; seed <= 6; seed++)
        grow(seed, (uint32_t)seed, 5);
}

CASE(map, of_two_that_claim_a_position_the_smaller_number_comes_first)
{
    uint16_t at = 10, there[] = {10, 30};
    struct ring_member members[] = {
        {.number = 9, .tokens = there, .token_count = 2},
        {.number = 5, .tokens = &at, .token_count = 1},
        {.number = 4, .tokens = &at, .token_count = 1},
    };
    struct ring_replicas replicas = {.count = 2};
    struct ring_map *map;
    uint16_t next;
    uint32_t i;

    for (i = 0; i < 3; i++)
        members[i].status = RING_NORMAL;
    map = ring_map_new(members, 3, &replicas, 64);
    cr_assert(eq(u8, ring_map_list(map, 3)->count, 2));
    cr_expect(eq(u16, ring_map_list(map, 3)->owners[0], 4));
    cr_expect(eq(u16, ring_map_list(map, 3)->owners[1], 5));
    cr_expect(eq(u32, ring_map_standins(map, 3, &next, 1), 1));
    cr_expect(eq(u16, next, 9));
    cr_expect(eq(u16, ring_map_list(map, 11)->owners[0], 9));
    cr_expect(eq(u16, ring_map_list(map, 11)->owners[1], 4));
    ring_map_free(map);
}

CASE(map, a_walk_begins_at_the_slots_own_position)
{
    uint16_t here = 10, there = 20;
    struct ring_member members[] = {
        {.number = 1, .status = RING_NORMAL, .tokens = &here, .token_count = 1},
        {.number = 2,
         .status = RING_LEAVING,
         .tokens = &there,
         .token_count = 1},
    };
    struct ring_replicas replicas = {.count = 1};
    struct ring_map *map = ring_map_new(members, 2, &replicas, 64);
    uint16_t next[4];

    cr_expect(eq(u16, ring_map_list(map, 10)->owners[0], 1));
    cr_expect(eq(u16, ring_map_list(map, 11)->owners[0], 2));
    cr_expect(eq(u16, ring_map_list(map, 20)->owners[0], 2));
    cr_expect(eq(u16, ring_map_list(map, 21)->owners[0], 1));
    cr_expect(eq(u32, ring_map_first(map, 2), 10));
    cr_expect(eq(u32, ring_map_standins(map, 10, next, 4), 1));
    cr_expect(eq(u16, next[0], 2));
    ring_map_free(map);
}

CASE(map, nobody_holds_a_slot_that_no_member_serves)
{
    struct make *make = make_new(256, 3, 1);
    struct ring_map *map = make_map(make), *second;
    uint16_t next[4];

    cr_expect(eq(u8, ring_map_list(map, 0)->count, 0));
    cr_expect(eq(u16, ring_map_list(map, 0)->pending, RING_NOBODY));
    cr_expect(ring_map_list(map, 0)->hash != 0);
    cr_expect(eq(u32, ring_map_standins(map, 0, next, 4), 0));
    (void)make_random(make, 7, 1, 4);
    (void)make_random(make, 5, 1, 4);
    make_joining(make, 0);
    make_joining(make, 1);
    second = make_map(make);
    cr_expect(eq(u8, ring_map_list(second, 9)->count, 0));
    cr_expect(eq(u16, ring_map_list(second, 9)->pending, 5));
    cr_expect(eq(u32, ring_map_pending(second, 5), 256));
    cr_expect(ring_map_list(second, 9)->hash != ring_map_list(map, 9)->hash);
    cr_expect(ring_map_hash(second) != ring_map_hash(map));
    ring_map_free(map);
    ring_map_free(second);
    make_free(make);
}

CASE(map, standins_are_the_serving_members_behind_the_list_in_order)
{
    uint64_t seed;

    for (seed = 1; seed <= 30; seed++) {
        struct make *make = random_dcs(seed, 40);
        struct claims *claims = find_claims(make);
        struct order *order = mem_must(sizeof(*order));
        struct ring_map *map;
        uint32_t slot, i;

        random_joining(make);
        map = make_map(make);
        for (slot = 0; slot < make->slot_count; slot++) {
            const struct ring_list *list = ring_map_list(map, slot);
            uint16_t found[64];
            uint32_t count = ring_map_standins(map, slot, found, 64);
            uint32_t at = 0;

            find_order(make, claims, slot, order);
            for (i = 0; i < order->count; i++) {
                const struct ring_member *member =
                    &make->members[order->members[i]];

                if (!serves(member, slot)) continue;
                if (member->dc > make->replicas.dc_count) continue;
                if (ring_list_owns(list, member->number)) continue;
                if (list->pending == member->number) continue;
                cr_assert(at < count);
                cr_assert(eq(u32, found[at++], member->number));
            }
            cr_assert(eq(u32, at, count));
            cr_assert(eq(u32, ring_map_standins(map, slot, found, 2),
                         count < 2 ? count : 2));
        }
        ring_map_free(map);
        mem_free(order);
        drop_claims(claims);
        make_free(make);
    }
}

CASE(map, tallies_are_what_the_lists_say)
{
    struct make *make = random_ring(8, 30);
    struct ring_map *map;
    uint32_t i, slot;

    random_joining(make);
    map = make_map(make);
    for (i = 0; i < make->count; i++) {
        uint32_t number = make->members[i].number;
        uint32_t owned = 0, first = 0, pending = 0;

        for (slot = 0; slot < make->slot_count; slot++) {
            const struct ring_list *list = ring_map_list(map, slot);

            owned += ring_list_owns(list, number);
            first += list->count > 0 && list->owners[0] == number;
            pending += list->pending == number;
        }
        cr_expect(eq(u32, ring_map_owned(map, number), owned));
        cr_expect(eq(u32, ring_map_first(map, number), first));
        cr_expect(eq(u32, ring_map_pending(map, number), pending));
    }
    cr_expect(eq(u32, ring_map_owned(map, 4000), 0));
    ring_map_free(map);
    make_free(make);
}

CASE(map, the_same_owners_in_another_order_are_the_same)
{
    struct ring_list a = {.owners = {1, 2, 3}, .count = 3};
    struct ring_list b = {.owners = {3, 1, 2}, .count = 3};
    struct ring_list c = {.owners = {3, 1, 4}, .count = 3};
    struct ring_list d = {.owners = {3, 1}, .count = 2};

    cr_expect(ring_list_same_owners(&a, &b));
    cr_expect(not(ring_list_same_owners(&a, &c)));
    cr_expect(not(ring_list_same_owners(&a, &d)));
    cr_expect(not(ring_list_same_owners(&d, &a)));
}

static int
parse(const char *text, struct ring_replicas *replicas)
{
    return ring_replicas_parse(bytes_str(text), replicas);
}

CASE(replicas, a_count_or_a_count_for_each_data_centre)
{
    struct ring_replicas replicas;

    cr_assert(eq(int, parse("3", &replicas), ERR_OK));
    cr_expect(eq(u32, replicas.count, 3));
    cr_expect(eq(u32, replicas.dc_count, 0));
    cr_assert(eq(int, parse(" dc1:3  east:2 ", &replicas), ERR_OK));
    cr_assert(eq(u32, replicas.dc_count, 2));
    cr_expect(eq(u32, replicas.count, 5));
    cr_expect(eq(u64, replicas.dcs[0].dc, ring_name_hash(BYTES_LIT("dc1"))));
    cr_expect(eq(u32, replicas.dcs[0].count, 3));
    cr_expect(eq(u64, replicas.dcs[1].dc, ring_name_hash(BYTES_LIT("east"))));
    cr_expect(eq(u32, replicas.dcs[1].count, 2));
    cr_expect(eq(int, parse("8", &replicas), ERR_OK));
}

CASE(replicas, what_is_wrong_is_refused)
{
    static const char *const unreadable[] = {
        "",        " ",       "x",  "3 2",   "03",      "dc1", "dc1: :2",
        "dc1:2 3", "3 dc1:2", ":3", "a:1:2", "a:1 a:2", "a:x",
    };
    static const char *const outside[] = {
        "0",
        "9",
        "-1",
        "a:0",
        "a:9",
        "a:5 b:4",
        "a:1 b:1 c:1 d:1 e:1 f:1 g:1 h:1 i:1",
    };
    struct ring_replicas replicas;
    uint32_t i;

    for (i = 0; i < ARRAY_LEN(unreadable); i++) {
        cr_expect(eq(int, parse(unreadable[i], &replicas), ERR_SYNTAX), "'%s'",
                  unreadable[i]);
    }
    for (i = 0; i < ARRAY_LEN(outside); i++) {
        cr_expect(eq(int, parse(outside[i], &replicas), ERR_RANGE), "'%s'",
                  outside[i]);
    }
}
