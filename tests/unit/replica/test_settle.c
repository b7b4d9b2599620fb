/* Copies: settled after a restart, filled in a newcomer, given up. */
#include "world.h"

#include <stdio.h>

static uint32_t
unsettled(struct world *world, uint32_t at)
{
    return atomic_load(&world->nodes[at].replica->unsettled);
}

static void
fill(struct world *world, uint32_t count)
{
    char key[16], value[16];
    uint32_t i, j;

    for (i = 0; i < count; i++) {
        const struct ring_list *list;
        uint32_t others = 0;

        (void)snprintf(key, sizeof(key), "key:%u", i);
        (void)snprintf(value, sizeof(value), "v%u", i);
        list = world_list(world, key);
        for (j = 1; j < list->count; j++)
            others |= 1u << list->owners[j];
        if (list->pending != RING_NOBODY) others |= 1u << list->pending;
        world_put(world, list->owners[0], others, key, value);
    }
}

CASE(settle, an_empty_owner_settles_from_two_others_and_has_all)
{
    struct world *world = world_new(3, 3, 2, 2);

    world_map(world, true);
    world_run(world, 50);
    fill(world, 500);
    world_put(world, 1, 1u << 3, "half", "1 and 3");
    world_stop(world, 2);
    world_start(world, 2, STAMP_NEVER);
    world_map_one(world, 2);
    cr_expect(unsettled(world, 2) == WORLD_SLOTS);
    world_health(world, 2, PEER_RETURNING, true);
    world_run(world, 1000);
    cr_expect(unsettled(world, 2) == 0);
    cr_expect(world->nodes[2].settled_calls > 0);
    cr_expect(world_agrees(world));
    cr_expect(strcmp(world_get(world, 2, "key:77"), "v77") == 0);
    cr_expect(strcmp(world_get(world, 2, "half"), "1 and 3") == 0);
    world_health(world, 2, PEER_RETURNING, false);
    world_run(world, 600);
    cr_expect(world_tenures(world, 2, TENURE_HELD) ==
              ring_map_first(world->nodes[2].map, 2));
    world_free(world);
}

CASE(settle, one_other_is_not_enough)
{
    struct world *world = world_new(3, 3, 2, 2);

    world_map(world, true);
    world_run(world, 50);
    world_put(world, 1, 1u << 3, "k", "1 and 3");
    world_cut(world, 3, true);
    world_stop(world, 1);
    world_start(world, 1, STAMP_NEVER);
    world_cut(world, 3, true);
    world_map_one(world, 1);
    world_run(world, 1000);
    cr_expect(unsettled(world, 1) == WORLD_SLOTS);
    world_health(world, 3, PEER_DOWN, true); /* sloppy: counted */
    atomic_store(&world->nodes[1].replica->health[3], PEER_DOWN);
    world_run(world, 1000);
    cr_expect(unsettled(world, 1) == 0);
    cr_expect(atomic_load(&world->nodes[1].replica->short_settles) ==
              WORLD_SLOTS);
    world_free(world);
}

CASE(settle, in_strict_mode_a_down_owner_keeps_it_unsettled)
{
    struct world *world = world_new(3, 3, 2, 2);

    world_map(world, true);
    world_run(world, 50);
    world_stop(world, 1);
    world_start(world, 1, STAMP_NEVER);
    atomic_store(&world->nodes[1].replica->is_strict, true);
    world_cut(world, 3, true);
    atomic_store(&world->nodes[1].replica->health[3], PEER_DOWN);
    world_map_one(world, 1);
    world_run(world, 1000);
    cr_expect(unsettled(world, 1) == WORLD_SLOTS);
    world_cut(world, 3, false);
    world_run(world, 1000);
    cr_expect(unsettled(world, 1) == 0);
    world_free(world);
}

CASE(settle, two_empty_owners_get_out_of_it_by_the_third)
{
    struct world *world = world_new(3, 3, 2, 2);

    world_map(world, true);
    world_run(world, 50);
    fill(world, 300);
    world_stop(world, 1);
    world_stop(world, 2);
    world_start(world, 1, STAMP_NEVER);
    world_start(world, 2, STAMP_NEVER);
    world_map_one(world, 1);
    world_map_one(world, 2);
    world_run(world, 2500);
    cr_expect(unsettled(world, 1) == 0);
    cr_expect(unsettled(world, 2) == 0);
    cr_expect(world_agrees(world));
    cr_expect(strcmp(world_get(world, 1, "key:5"), "v5") == 0);
    world_free(world);
}

CASE(settle, all_empty_settle_from_each_other)
{
    struct world *world = world_new(3, 3, 2, 2);
    uint32_t i;

    world_map(world, false);
    for (i = 1; i <= 3; i++)
        world_health(world, i, PEER_RETURNING, true);
    world_run(world, 300);
    for (i = 1; i <= 3; i++) {
        cr_expect(unsettled(world, i) == 0);
        cr_expect(world->nodes[i].settled_calls > 0);
    }
    world_free(world);
}

/* Publishes what it fills, as its node would. */
static void
join(struct world *world, uint32_t number, int64_t ms)
{
    uint32_t calls = world->nodes[number].served_calls;

    for (; ms > 0 && !world->nodes[number].is_done; ms -= 10) {
        world_run(world, 10);
        if (world->nodes[number].served_calls == calls) continue;
        calls = world->nodes[number].served_calls;
        world_map(world, false);
    }
}

static void
begin_join(struct world *world, uint32_t number)
{
    world_start(world, number, STAMP_NEVER);
    world->nodes[number].status = RING_JOINING;
    world_health(world, number, PEER_JOINING, true);
    world_map(world, false);
}

CASE(settle, a_newcomer_fills_its_slots_and_serves_them)
{
    struct world *world = world_new(3, 3, 2, 2);
    uint32_t slot, i, kept = 0;

    world_map(world, true);
    world_run(world, 50);
    fill(world, 500);
    begin_join(world, 4);
    cr_expect(ring_map_owned(world->nodes[1].map, 4) == 0);
    cr_expect(ring_map_pending(world->nodes[1].map, 4) > 0);
    while (world->nodes[4].served_calls == 0)
        world_run(world, 1);
    for (slot = 0; slot < WORLD_SLOTS; slot++) { /* what it says, it has */
        const struct ring_list *list = ring_map_list(world->nodes[1].map, slot);

        if ((world->nodes[4].served >> slot & 1) == 0) continue;
        cr_expect(store_digest(world->nodes[4].store, slot) ==
                  store_digest(world->nodes[list->owners[0]].store, slot));
    }
    world_map(world, false);
    join(world, 4, 8000);
    cr_expect(world->nodes[4].is_done);
    cr_expect(world->nodes[4].served_calls <= 4);
    world_run(world, 3000);
    cr_expect(unsettled(world, 4) == 0);
    cr_expect(world_agrees(world));
    for (slot = 0; slot < WORLD_SLOTS; slot++) {
        for (i = 1; i <= 4; i++) {
            struct node_of_world *node = &world->nodes[i];

            if (ring_list_owns(ring_map_list(node->map, slot), i)) continue;
            store_lock(node->store, slot);
            kept += store_slot_entries(node->store, slot);
            store_unlock(node->store, slot);
        }
    }
    cr_expect(kept == 0, "%u entries of lost slots are still there", kept);
    world_free(world);
}

CASE(settle, a_ring_grows_from_one_to_two_to_three)
{
    struct world *world = world_new(1, 3, 2, 2);

    world_map(world, true);
    world_run(world, 50);
    fill(world, 300);
    begin_join(world, 2);
    join(world, 2, 8000);
    cr_expect(world->nodes[2].is_done);
    world->nodes[2].status = RING_NORMAL;
    world_health(world, 2, PEER_JOINING, false);
    world_map(world, false);
    begin_join(world, 3);
    join(world, 3, 8000);
    world_run(world, 2000);
    cr_expect(world->nodes[3].is_done);
    cr_expect(unsettled(world, 2) == 0);
    cr_expect(unsettled(world, 3) == 0);
    cr_expect(world_agrees(world));
    cr_expect(strcmp(world_get(world, 3, "key:200"), "v200") == 0);
    world_free(world);
}

CASE(settle, what_a_newcomer_missed_while_pending_reaches_it_when_it_is_owner)
{
    struct world *world = world_new(3, 3, 2, 2);
    const struct ring_list *list;
    char key[16] = "";
    uint32_t i;

    world_map(world, true);
    world_run(world, 50);
    begin_join(world, 4);
    for (i = 0; i < 1000; i++) {
        (void)snprintf(key, sizeof(key), "k%u", i);
        if (world_list(world, key)->pending == 4) break;
    }
    list = world_list(world, key);
    cr_assert(list->pending == 4);
    world_run(world, 100); /* filled and published; the map is not there yet */
    cr_assert(world->nodes[4].served_calls > 0);
    world_put(world, list->owners[0], 1u << list->owners[2], key, "late");
    world_map(world, false);
    cr_expect(ring_list_owns(world_list(world, key), 4));
    for (i = 0; i < 3000 && !world_state(world, 4, key)->is_settled; i++) {
        cr_expect(i > 0 || strcmp(world_get(world, 4, key), "late") != 0);
        world_run(world, 1);
    }
    cr_expect(i > 0);
    cr_expect(world_state(world, 4, key)->is_settled);
    cr_expect(strcmp(world_get(world, 4, key), "late") == 0);
    world_free(world);
}

CASE(settle, a_gained_copy_waits_for_enough_owners_of_the_list_before)
{
    struct world *world = world_new(3, 3, 2, 2);
    struct replica *replica;
    uint32_t slot, i, settled = 0;

    world_map(world, true);
    world_run(world, 50);
    fill(world, 300);
    begin_join(world, 4);
    world_run(world, 100);
    cr_assert(world->nodes[4].served_calls > 0);
    world_cut(world, 1, true); /* two of three know the list that follows */
    world_map_one(world, 4);
    world_map_one(world, 2);
    world_run(world, 1500);
    replica = world->nodes[4].replica;
    for (slot = 0; slot < WORLD_SLOTS; slot++)
        settled += replica->slots[slot].is_settled;
    cr_expect(settled == 0, "%u", settled);
    /* nor is the copy of those that lost it forgotten meanwhile */
    for (slot = 0, i = 0; slot < WORLD_SLOTS; slot++)
        i += world->nodes[2].replica->slots[slot].is_kept;
    cr_expect(i > 0);
    world_map_one(world, 3);
    world_run(world, 1500);
    cr_expect(unsettled(world, 4) == 0);
    world_free(world);
}

CASE(settle, a_stand_in_that_becomes_an_owner_has_what_it_kept_for_others)
{
    struct world *world = world_new(4, 3, 2, 2);
    struct replica *replica = world->nodes[4].replica;
    struct record record;
    struct store_key key;
    char name[16] = "";
    uint32_t i;

    world_map(world, true);
    world_run(world, 50);
    for (i = 0; i < 1000; i++) { /* one that node 4 is no owner of */
        (void)snprintf(name, sizeof(name), "k%u", i);
        if (!ring_list_owns(world_list(world, name), 4)) break;
    }
    world_put(world, 1, 0, name, "kept");
    key = store_key(world->nodes[1].store, 0, bytes_str(name));
    replica_standin(replica);
    cr_assert(
        store_record(world->nodes[1].store, &key, world->wall_ms, &record));
    cr_assert(store_merge(atomic_load(&replica->held), &key, &record,
                          world->wall_ms, NULL) == STORE_STORED);
    cr_expect(world_get(world, 4, name)[0] == '\0');
    world->nodes[3].is_on = false;
    world_map(world, false);
    cr_assert(ring_list_owns(world_list(world, name), 4));
    cr_expect(strcmp(world_get(world, 4, name), "kept") == 0);
    world_free(world);
}

CASE(settle, unsettled_others_are_not_enough_while_a_settled_one_is_away)
{
    struct world *world = world_new(5, 5, 3, 3);
    uint32_t i;

    for (i = 1; i <= 5; i++)
        atomic_store(&world->nodes[i].replica->is_strict, true);
    world_map(world, true);
    world_run(world, 100);
    world_cut(world, 5, true);
    for (i = 1; i <= 3; i++) {
        world_stop(world, i);
        world_start(world, i, STAMP_NEVER);
    }
    world_cut(world, 5, true);
    for (i = 1; i <= 3; i++) {
        struct replica *replica = world->nodes[i].replica;

        atomic_store(&replica->read_quorum, 3);
        atomic_store(&replica->write_quorum, 3);
        atomic_store(&replica->is_strict, true);
        world_map_one(world, i);
    }
    world_run(world, 3000);
    for (i = 1; i <= 3; i++)
        cr_expect(unsettled(world, i) == WORLD_SLOTS);
    world_cut(world, 5, false);
    world_run(world, 5000);
    for (i = 1; i <= 3; i++)
        cr_expect(unsettled(world, i) == 0);
    world_free(world);
}
