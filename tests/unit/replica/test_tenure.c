/* Tenures: taken, refused, passed on. */
#include "world.h"

CASE(tenure, first_owners_hold_all_slots_of_a_founded_ring)
{
    struct world *world = world_new(3, 3, 2, 2);
    uint32_t i, held = 0;

    world_map(world, true);
    world_run(world, 100);
    for (i = 1; i <= 3; i++) {
        held += world_tenures(world, i, TENURE_HELD);
        cr_expect(world_tenures(world, i, TENURE_HELD) ==
                  ring_map_first(world->nodes[i].map, i));
        cr_expect(atomic_load(&world->nodes[i].replica->short_tenures) == 0);
    }
    cr_expect(held == WORLD_SLOTS);
    world_free(world);
}

CASE(tenure, a_ring_of_one_takes_them_without_a_frame)
{
    struct world *world = world_new(1, 3, 2, 2);

    world_map(world, true);
    world_run(world, 20);
    cr_expect(world_tenures(world, 1, TENURE_HELD) == WORLD_SLOTS);
    cr_expect(world->frames == 0);
    world_free(world);
}

CASE(tenure, the_next_owner_takes_over_and_gets_what_the_promiser_has)
{
    struct world *world = world_new(3, 3, 2, 2);
    const struct ring_list *list;
    uint32_t a, b, c;

    world_map(world, true);
    world_run(world, 100);
    list = world_list(world, "lock");
    a = list->owners[0], b = list->owners[1], c = list->owners[2];
    world_put(world, a, 1u << c, "lock", "mine"); /* b missed it */
    world_cut(world, a, true);
    world_run(world, 300);
    cr_expect(world_state(world, b, "lock")->tenure == TENURE_HELD);
    cr_expect(world_state(world, b, "lock")->is_short == false);
    cr_expect(strcmp(world_get(world, b, "lock"), "mine") == 0);
    cr_expect(world_state(world, c, "lock")->promised_to == b);
    world_free(world);
}

CASE(tenure, is_open_until_compared_with_its_promisers)
{
    struct world *world = world_new(3, 3, 2, 2);
    const struct ring_list *list;
    uint32_t a, b, c;

    world_map(world, true);
    world_run(world, 100);
    list = world_list(world, "lock");
    a = list->owners[0], b = list->owners[1], c = list->owners[2];
    world_put(world, a, 1u << c, "lock", "mine");
    world->lose_type = FRAME_DIGESTS;
    world_cut(world, a, true);
    world_run(world, 300);
    cr_expect(world_state(world, b, "lock")->tenure == TENURE_OPEN);
    cr_expect(world_state(world, b, "lock")->promiser_count == 1);
    cr_expect(world_state(world, b, "lock")->promisers[0] == c);
    world->lose_type = 0;
    world_run(world, 3000);
    cr_expect(world_state(world, b, "lock")->tenure == TENURE_HELD);
    world_free(world);
}

CASE(tenure, a_returning_first_owner_takes_its_slots_back_and_the_other_ends)
{
    struct world *world = world_new(3, 3, 2, 2);
    const struct ring_list *list;
    uint32_t a, b;

    world_map(world, true);
    world_run(world, 100);
    list = world_list(world, "k");
    a = list->owners[0], b = list->owners[1];
    world_cut(world, a, true);
    world_run(world, 300);
    world_put(world, b, 0, "k", "while away");
    world_cut(world, a, false);
    /* it still believes in its old tenure: a write of it would be refused */
    replica_lose(world->nodes[a].replica, world_slot(world, "k"),
                 world_state(world, b, "k")->promised);
    world_run(world, 500);
    cr_expect(world_state(world, a, "k")->tenure == TENURE_HELD);
    cr_expect(world_state(world, b, "k")->tenure == TENURE_NONE);
    cr_expect(strcmp(world_get(world, a, "k"), "while away") == 0);
    world_free(world);
}

CASE(tenure, without_enough_owners_it_is_short_or_in_strict_mode_not_had)
{
    struct world *world = world_new(3, 3, 2, 2);
    uint32_t a, slot;

    world_map(world, true);
    world_cut(world, 2, true);
    world_cut(world, 3, true);
    world_run(world, 300);
    a = 1;
    cr_expect(world_tenures(world, a, TENURE_NONE) == WORLD_SLOTS,
              "nobody could take a copy");
    for (slot = 0; slot < WORLD_SLOTS; slot++)
        world->nodes[a].replica->slots[slot].is_wanted = true;
    world_run(world, 1300);
    cr_expect(world_tenures(world, a, TENURE_HELD) == WORLD_SLOTS);
    cr_expect(world->nodes[a].replica->slots[0].is_short);
    cr_expect(atomic_load(&world->nodes[a].replica->short_tenures) >=
              WORLD_SLOTS);
    world_free(world);

    world = world_new(3, 3, 2, 2);
    for (a = 1; a <= 3; a++) {
        atomic_store(&world->nodes[a].replica->is_strict, true);
    }
    world_map(world, true);
    world_cut(world, 2, true);
    world_cut(world, 3, true);
    world_run(world, 300);
    cr_expect(world_tenures(world, 1, TENURE_NONE) == WORLD_SLOTS);
    for (slot = 0; slot < WORLD_SLOTS; slot++)
        cr_expect(world->nodes[1].replica->slots[slot].promised.bits == 0);
    world_cut(world, 2, false);
    world_run(world, 500);
    cr_expect(world_tenures(world, 1, TENURE_NONE) +
                  world_tenures(world, 2, TENURE_NONE) ==
              WORLD_SLOTS);
    world_free(world);
}

CASE(tenure, two_askers_end_with_one_holder)
{
    struct world *world = world_new(3, 3, 2, 2);
    uint32_t slot, i, round;

    world_map(world, true);
    world_run(world, 100);
    for (round = 0; round < 20; round++) { /* 1 and 2 disagree about 1 */
        atomic_store(&world->nodes[2].replica->health[1],
                     round % 2 ? PEER_REACHABLE : 0);
        keeper_peer_changed(world->nodes[2].keeper, 1, world->now_ms);
        world_run(world, 17);
        for (slot = 0; slot < WORLD_SLOTS; slot++) {
            uint64_t best = 0;
            uint32_t holders = 0;

            for (i = 1; i <= 3; i++) {
                struct slot_state *state =
                    &world->nodes[i].replica->slots[slot];

                if (state->promised.bits > best) best = state->promised.bits;
            }
            for (i = 1; i <= 3; i++) {
                struct slot_state *state =
                    &world->nodes[i].replica->slots[slot];

                holders += state->tenure != TENURE_NONE &&
                           state->promised.bits == best;
            }
            cr_assert(holders <= 1);
        }
    }
    world_free(world);
}

CASE(tenure, a_forgotten_promise_is_refused_by_the_saved_ceiling)
{
    struct world *world = world_new(3, 3, 2, 2);
    const struct ring_list *list;
    struct stamp ceiling, before;
    uint32_t a, b;

    world_map(world, true);
    world_run(world, 100);
    list = world_list(world, "k");
    a = list->owners[0], b = list->owners[1];
    before = world_state(world, a, "k")->promised;
    ceiling = stamp_next(STAMP_NEVER, world->wall_ms + 2000, 0);
    world_stop(world, b);
    world_start(world, b, ceiling);
    world_map_one(world, b);
    store_lock(world->nodes[b].store, 0);
    cr_expect(replica_promise(world->nodes[b].replica, world_slot(world, "k"),
                              before, a) == false);
    store_unlock(world->nodes[b].store, 0);
    /* the holder learns of it by a refused write, and asks above it */
    replica_lose(world->nodes[a].replica, world_slot(world, "k"), ceiling);
    world_run(world, 500);
    cr_expect(world_state(world, a, "k")->tenure == TENURE_HELD);
    cr_expect(world_state(world, a, "k")->promised.bits > ceiling.bits);
    cr_expect(world_state(world, b, "k")->promised_to == a);
    world_free(world);
}

CASE(tenure, an_unsettled_owner_does_not_count)
{
    struct world *world = world_new(3, 3, 2, 2);
    const struct ring_list *list;
    uint32_t a, b, c;

    world_map(world, true);
    world_run(world, 100);
    list = world_list(world, "k");
    a = list->owners[0], b = list->owners[1], c = list->owners[2];
    atomic_store(&world->nodes[b].replica->is_strict, true);
    world_put(world, a, 1u << c, "k", "v");
    world_cut(world, a, true);
    world_stop(world, c); /* restarts empty: b and c are not enough */
    world_start(world, c, STAMP_NEVER);
    world_cut(world, a, true);
    atomic_store(&world->nodes[c].replica->is_strict, true);
    world_map_one(world, c);
    world_run(world, 1000);
    cr_expect(world_state(world, b, "k")->tenure == TENURE_NONE);
    cr_expect(world_state(world, c, "k")->is_settled == false);
    world_free(world);
}

CASE(tenure, is_asked_for_again_above_a_refusal_even_if_others_were_enough)
{
    struct world *world = world_new(3, 3, 2, 2);
    const struct ring_list *list;
    struct stamp promise, clock;
    uint32_t a, b, c, slot;

    world_map(world, true);
    world_run(world, 100);
    list = world_list(world, "k");
    slot = world_slot(world, "k");
    a = list->owners[0], b = list->owners[1], c = list->owners[2];
    promise = stamp_next(STAMP_NEVER, world->wall_ms + 1000, 9);
    cr_assert(replica_promise(world->nodes[b].replica, slot, promise, 9));
    replica_lose(world->nodes[a].replica, slot, STAMP_NEVER);
    world_run(world, 300);
    cr_expect(world_state(world, a, "k")->tenure == TENURE_HELD);
    cr_expect(world_state(world, a, "k")->promised.bits > promise.bits);
    clock = stamp_next(STAMP_NEVER, world->wall_ms + 5000, 9);
    store_lock(world->nodes[c].store, slot);
    store_learn(world->nodes[c].store, slot, clock);
    store_unlock(world->nodes[c].store, slot);
    replica_lose(world->nodes[a].replica, slot, STAMP_NEVER);
    world_run(world, 300);
    cr_expect(world_state(world, a, "k")->tenure == TENURE_HELD);
    cr_expect(world_state(world, a, "k")->promised.bits > clock.bits);
    world_free(world);
}

CASE(tenure, an_open_one_ends_when_its_promiser_goes_away)
{
    struct world *world = world_new(3, 3, 2, 2);
    const struct ring_list *list;
    uint32_t a, b, c;

    world_map(world, true);
    world_run(world, 100);
    list = world_list(world, "lock");
    a = list->owners[0], b = list->owners[1], c = list->owners[2];
    atomic_store(&world->nodes[b].replica->is_strict, true);
    world_put(world, a, 1u << c, "lock", "mine");
    world->lose_type = FRAME_DIGESTS;
    world_cut(world, a, true);
    world_run(world, 300);
    cr_assert(world_state(world, b, "lock")->tenure == TENURE_OPEN);
    world_cut(world, c, true);
    world_run(world, 300);
    cr_expect(world_state(world, b, "lock")->tenure == TENURE_NONE);
    world_free(world);
}
