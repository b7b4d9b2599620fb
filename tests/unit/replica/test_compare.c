/* Comparison: what differs is found and mended, at a small cost. */
#include "world.h"

#include <stdio.h>

static struct world *
make_three(void)
{
    struct world *world = world_new(3, 3, 2, 2);

    world_map(world, true);
    world_run(world, 100);
    return world;
}

CASE(compare, one_differing_key_is_mended_both_ways)
{
    struct world *world = make_three();

    world_put(world, 1, 0, "only at one", "1");
    world_put(world, 2, 0, "only at two", "2");
    world_put(world, 1, 1u << 2 | 1u << 3, "newer at three", "old");
    world_put(world, 3, 0, "newer at three", "new");
    world_run(world, 1500);
    cr_expect(world_agrees(world));
    cr_expect(strcmp(world_get(world, 3, "only at one"), "1") == 0);
    cr_expect(strcmp(world_get(world, 1, "only at two"), "2") == 0);
    cr_expect(strcmp(world_get(world, 1, "newer at three"), "new") == 0);
    cr_expect(strcmp(world_get(world, 2, "newer at three"), "new") == 0);
    world_free(world);
}

CASE(compare, a_delete_that_one_missed_stays_deleted)
{
    struct world *world = make_three();
    uint32_t a = world_list(world, "k")->owners[0];

    world_put(world, a, 0xe, "k", "v");
    world_run(world, 300);
    world_del(world, a, 0xe & ~(1u << (a % 3 + 1)), "k");
    cr_expect(strcmp(world_get(world, a % 3 + 1, "k"), "v") == 0);
    world_run(world, 1500);
    cr_expect(world_agrees(world));
    cr_expect(strcmp(world_get(world, 1, "k"), "") == 0);
    cr_expect(strcmp(world_get(world, 2, "k"), "") == 0);
    cr_expect(strcmp(world_get(world, 3, "k"), "") == 0);
    world_free(world);
}

CASE(compare, counters_of_both_sides_add_up)
{
    struct world *world = make_three();

    world_add(world, 1, 0, "n", 5);
    world_add(world, 2, 0, "n", 7);
    world_add(world, 3, 0, "n", 1);
    world_run(world, 2500);
    cr_expect(world_agrees(world));
    cr_expect(strcmp(world_get(world, 1, "n"), "13") == 0);
    cr_expect(strcmp(world_get(world, 3, "n"), "13") == 0);
    world_free(world);
}

CASE(compare, a_floor_goes_first_and_takes_older_keys_with_it)
{
    struct world *world = make_three();
    uint32_t slot = world_slot(world, "k");
    struct store *one = world->nodes[1].store;
    struct stamp stamp;

    world_put(world, 1, 0xe, "k", "old");
    world_run(world, 50);
    store_lock(one, slot);
    stamp = store_mint(one, slot, world->wall_ms);
    store_raise_floor(one, slot, 0, stamp, world->wall_ms);
    store_unlock(one, slot);
    world_run(world, 1500);
    cr_expect(world_agrees(world));
    cr_expect(strcmp(world_get(world, 2, "k"), "") == 0);
    cr_expect(strcmp(world_get(world, 1, "k"), "") == 0);
    world_free(world);
}

CASE(compare, damage_behind_the_digest_of_one_copy_is_mended_without_a_read)
{
    struct world *world = make_three();
    struct store *store;
    struct store_key key;
    uint32_t b = world_list(world, "k")->owners[1];

    world_put(world, 1, 0xe, "k", "v");
    world_run(world, 500);
    store = world->nodes[b].store;
    key = store_key(store, 0, bytes_str("k"));
    store_lock(store, key.slot);
    cr_assert(store_damage_drop(store, &key));
    (void)store_scrub_slot(store, key.slot);
    store_unlock(store, key.slot);
    world_run(world, 1500);
    cr_expect(strcmp(world_get(world, b, "k"), "v") == 0);
    cr_expect(world_agrees(world));
    world_free(world);
}

CASE(compare, an_idle_round_costs_next_to_nothing)
{
    struct world *world = make_three();
    uint64_t bytes;
    uint32_t rounds;
    char key[16];
    struct keeper_status status;

    for (rounds = 0; rounds < 500; rounds++) {
        (void)snprintf(key, sizeof(key), "k%u", rounds);
        world_put(world, 1, 0xe, key, "v");
    }
    world_run(world, 3000);
    keeper_status(world->nodes[1].keeper, &status);
    rounds = status.rounds;
    bytes = world->bytes;
    world_run(world, 2000);
    keeper_status(world->nodes[1].keeper, &status);
    rounds = status.rounds - rounds;
    bytes = world->bytes - bytes;
    cr_assert(rounds >= 5);
    /* six ordered pairs of nodes, question and answer */
    cr_expect(bytes / rounds <= 6 * 150, "%lu bytes a round",
              (unsigned long)(bytes / rounds));
    world_free(world);
}

CASE(compare, one_differing_key_among_many_costs_little)
{
    struct world *world = make_three();
    uint64_t bytes;
    char key[16];
    uint32_t i;

    for (i = 0; i < 61 * WORLD_SLOTS; i++) {
        (void)snprintf(key, sizeof(key), "k%u", i);
        world_put(world, 1, 0xe, key, "v");
    }
    world_run(world, 3000);
    world_put(world, 2, 1u << 3, "k17", "w");
    bytes = world->bytes;
    world_run(world, 2000);
    cr_expect(world_agrees(world));
    cr_expect(world->bytes - bytes < 16 * 1024 + 10 * 6 * 150, "%lu",
              (unsigned long)(world->bytes - bytes));
    world_free(world);
}

CASE(compare, dirty_marks_are_cleared_when_the_peer_has_what_it_missed)
{
    struct world *world = make_three();
    uint32_t a = world_list(world, "k")->owners[0];
    uint32_t b = world_list(world, "k")->owners[1];
    uint32_t slot = world_slot(world, "k");

    world_cut(world, b, true);
    world_put(world, a, 0, "k", "missed");
    replica_mark_dirty(world->nodes[a].replica, b, slot);
    world_run(world, 300);
    cr_expect(replica_is_dirty(world->nodes[a].replica, b, slot));
    world_cut(world, b, false);
    world_run(world, 100);
    cr_expect(replica_is_dirty(world->nodes[a].replica, b, slot) == false);
    cr_expect(strcmp(world_get(world, b, "k"), "missed") == 0);
    world_free(world);
}

CASE(compare, lost_frames_are_asked_for_again)
{
    struct world *world = make_three();
    uint32_t i;
    char key[16];

    world->lose_every = 3;
    for (i = 0; i < 200; i++) {
        (void)snprintf(key, sizeof(key), "k%u", i);
        world_put(world, i % 3 + 1, 0, key, "v");
    }
    world_run(world, 60000);
    cr_expect(world->lost > 10);
    world->lose_every = 0;
    world_run(world, 20000); /* by now it waits for long for an answer */
    cr_expect(world_agrees(world));
    world_free(world);
}

CASE(compare, a_big_slot_is_gone_through_in_pieces)
{
    struct world *world = make_three();
    char key[32];
    uint32_t i, slot = world_slot(world, "{x}0");

    for (i = 0; i < 5000; i++) {
        (void)snprintf(key, sizeof(key), "{x}%u", i);
        world_put(world, i % 2 ? 1 : 2, i % 5 ? 1u << 3 : 0, key, "value");
    }
    world_run(world, 5000);
    cr_expect(world_agrees(world));
    for (i = 1; i <= 3; i++) {
        cr_expect(store_slot_entries(world->nodes[i].store, slot) == 5000);
        cr_expect(store_slot_ok(world->nodes[i].store, slot));
    }
    world_free(world);
}

CASE(compare, large_values_go_a_frame_at_a_time)
{
    struct world *world = make_three();
    char *big = mem_must_zero(100001);
    char key[32];
    uint32_t i;

    memset(big, 'x', 100000);
    for (i = 0; i < 30; i++) {
        (void)snprintf(key, sizeof(key), "{y}%u", i);
        world_put(world, i % 3 + 1, 0, key, big);
    }
    world_run(world, 3000);
    cr_expect(world_agrees(world));
    cr_expect(store_slot_entries(world->nodes[2].store,
                                 world_slot(world, "{y}0")) == 30);
    mem_free(big);
    world_free(world);
}

static struct stamp
repaired(struct world *world, uint32_t at, const char *key)
{
    struct store *store = world->nodes[at].store;
    uint32_t slot = world_slot(world, key);
    struct stamp stamp;

    store_lock(store, slot);
    stamp = store_repaired(store, slot);
    store_unlock(store, slot);
    return stamp;
}

CASE(compare, repaired_through_rises_at_all_owners_and_not_without_one)
{
    struct world *world = make_three();
    uint32_t i, c = world_list(world, "k")->owners[2];
    struct stamp written, before;

    world_put(world, 1, 0xe, "k", "v");
    written = stamp_next(STAMP_NEVER, world->wall_ms, 0);
    world_run(world, 5000);
    for (i = 1; i <= 3; i++)
        cr_expect(repaired(world, i, "k").bits > written.bits, "%u", i);
    world_cut(world, c, true);
    world_run(world, 300);
    world_put(world, 1, 0xe & ~(1u << c), "k", "w");
    before = repaired(world, 1, "k");
    world_run(world, 5000);
    cr_expect(repaired(world, 1, "k").bits == before.bits);
    world_cut(world, c, false);
    world_run(world, 5000);
    for (i = 1; i <= 3; i++)
        cr_expect(repaired(world, i, "k").bits > before.bits, "%u", i);
    cr_expect(strcmp(world_get(world, c, "k"), "w") == 0);
    world_free(world);
}

CASE(compare, one_differing_key_of_a_big_slot_costs_a_piece_of_it)
{
    struct world *world = make_three();
    uint64_t bytes;
    char key[32];
    uint32_t i;

    for (i = 0; i < 20000; i++) {
        (void)snprintf(key, sizeof(key), "{x}%u", i);
        world_put(world, 1, 0xe, key, "value");
    }
    world_run(world, 3000);
    cr_expect(world_agrees(world));
    world_put(world, 2, 0, "{x}777", "other");
    bytes = world->bytes;
    world_run(world, 2000);
    cr_expect(world_agrees(world));
    cr_expect(strcmp(world_get(world, 1, "{x}777"), "other") == 0);
    cr_expect(world->bytes - bytes < 24 * 1024 + 10 * 6 * 150, "%lu",
              (unsigned long)(world->bytes - bytes));
    world_free(world);
}

CASE(compare, repaired_through_never_covers_what_an_owner_lacks)
{
    struct world *world = make_three();
    uint32_t c = world_list(world, "k")->owners[2], i, step;
    struct stamp written;

    for (i = 1; i <= 3; i++) /* c alone shall not become a primary */
        atomic_store(&world->nodes[i].replica->is_strict, true);
    world_run(world, 2000);
    world_cut(world, c, true);
    world_put(world, c, 0, "k", "c alone");
    written = store_newest(
        world->nodes[c].store,
        &(struct store_key){
            .name = bytes_str("k"),
            .hash = store_key(world->nodes[c].store, 0, bytes_str("k")).hash,
            .slot = world_slot(world, "k")});
    cr_assert(written.bits != 0);
    world_run(world, 3000);
    world_cut(world, c, false);
    for (step = 0; step < 3000; step++) {
        uint32_t have = 0, through = 0;

        world_run(world, 1);
        for (i = 1; i <= 3; i++) {
            have += strcmp(world_get(world, i, "k"), "c alone") == 0;
            through += repaired(world, i, "k").bits >= written.bits;
        }
        cr_assert(through == 0 || have == 3, "%u of %u", through, have);
    }
    cr_expect(repaired(world, 1, "k").bits > written.bits);
    world_free(world);
}
