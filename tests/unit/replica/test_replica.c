/* The small functions: promises, the primary, dirty marks. */
#include "replica/inside.h"
#include "world.h"

static struct stamp
at(uint64_t tick, uint32_t node)
{
    return (struct stamp){tick << STAMP_NODE_BITS | node};
}

static struct replica *
make(struct stamp ceiling)
{
    struct store_config store = {.slot_count = WORLD_SLOTS, .is_single = true};
    struct replica_config config = {.store = store_new(&store),
                                    .slot_count = WORLD_SLOTS,
                                    .ceiling = ceiling};
    struct replica *replica = replica_new(&config);

    replica->self = 1;
    return replica;
}

static void
unmake(struct replica *replica)
{
    store_free(replica->store);
    replica_free(replica);
}

CASE(replica, an_older_tenure_than_promised_is_refused)
{
    struct replica *replica = make(STAMP_NEVER);

    cr_expect(replica_promise(replica, 3, at(10, 2), 2));
    cr_expect(replica_promise(replica, 3, at(9, 3), 3) == false);
    cr_expect(replica_promise(replica, 3, at(10, 2), 2), "its own again");
    cr_expect(replica_promise(replica, 3, at(10, 2), 3) == false,
              "not its holder");
    cr_expect(replica_promise(replica, 3, at(11, 3), 3));
    cr_expect(replica->slots[3].promised_to == 3);
    cr_expect(replica_promise(replica, 4, at(9, 3), 3), "another slot");
    unmake(replica);
}

CASE(replica, a_newer_promise_ends_the_own_tenure)
{
    struct replica *replica = make(STAMP_NEVER);
    struct slot_state *state = &replica->slots[5];
    uint32_t wanted;

    cr_expect(replica_promise(replica, 5, at(10, 1), 1));
    state->tenure = TENURE_HELD;
    state->list_hash = 77;
    cr_expect(replica_may_write(replica, 5, 77));
    cr_expect(replica_may_write(replica, 5, 78) == false, "for another list");
    wanted = atomic_load(&replica->wanted);
    cr_expect(replica_promise(replica, 5, at(12, 2), 2));
    cr_expect(replica_may_write(replica, 5, 77) == false);
    cr_expect(atomic_load(&replica->wanted) > wanted);
    cr_expect(atomic_load(&replica->tenures_lost) == 1);
    unmake(replica);
}

CASE(replica, a_refusal_of_a_tenure_renewed_since_says_nothing)
{
    struct replica *replica = make(STAMP_NEVER);
    struct slot_state *state = &replica->slots[5];

    cr_expect(replica_promise(replica, 5, at(20, 1), 1));
    state->tenure = TENURE_HELD;
    replica_lose(replica, 5, at(15, 2));
    cr_expect(state->tenure == TENURE_HELD);
    replica_lose(replica, 5, at(25, 2));
    cr_expect(state->tenure == TENURE_NONE);
    cr_expect(state->promised.bits == at(25, 2).bits);
    unmake(replica);
}

CASE(replica, the_saved_ceiling_is_a_promise_to_nobody)
{
    struct replica *replica = make(at(100, 0));

    cr_expect(replica_promise(replica, 0, at(99, 2), 2) == false);
    cr_expect(replica_promise(replica, 0, at(100, 0), 2) == false);
    cr_expect(replica_promise(replica, 0, at(101, 2), 2));
    unmake(replica);
}

CASE(replica, the_primary_is_the_first_healthy_owner)
{
    struct replica *replica = make(STAMP_NEVER);
    struct ring_list list = {.owners = {4, 2, 3}, .count = 3};

    cr_expect(replica_primary(replica, &list) == RING_NOBODY);
    atomic_store(&replica->health[3], PEER_REACHABLE | PEER_RETURNING);
    cr_expect(replica_primary(replica, &list) == 3, "nobody else");
    atomic_store(&replica->health[2], PEER_REACHABLE);
    cr_expect(replica_primary(replica, &list) == 2);
    atomic_store(&replica->health[4], PEER_REACHABLE | PEER_RETURNING);
    cr_expect(replica_primary(replica, &list) == 2);
    atomic_store(&replica->health[2], PEER_REACHABLE | PEER_PROBATION);
    cr_expect(replica_primary(replica, &list) == 2, "before who returns");
    atomic_store(&replica->health[4], PEER_REACHABLE);
    cr_expect(replica_primary(replica, &list) == 4);
    unmake(replica);
}

CASE(replica, quorums_are_cut_to_the_owners_there_are)
{
    struct replica *replica = make(STAMP_NEVER);
    struct ring_list list = {.count = 2};

    atomic_store(&replica->write_quorum, 3);
    atomic_store(&replica->read_quorum, 1);
    cr_expect(replica_w(replica, &list) == 2);
    cr_expect(replica_r(replica, &list) == 1);
    cr_expect(replica_overlap(3, 2) == 2);
    cr_expect(replica_overlap(3, 1) == 3);
    cr_expect(replica_overlap(3, 3) == 1);
    unmake(replica);
}

CASE(replica, what_a_short_tenure_that_had_no_room_covers_is_in_no_tenure)
{
    struct replica *replica = make(STAMP_NEVER);
    uint32_t i;

    replica_saw_tenure(replica, 3, at(10, 1));
    cr_expect(
        eq(u64, replica_tenure_of(replica, 3, at(15, 1)).bits, at(10, 1).bits));
    replica_saw_short(replica, 3, at(20, 1));
    cr_expect(
        eq(u64, replica_tenure_of(replica, 3, at(15, 1)).bits, at(10, 1).bits));
    for (i = 0; i < SHORTS_KEPT; i++) {
        cr_expect(replica_tenure_of(replica, 3, at(25, 1)).bits == 0);
        replica_saw_short(replica, 3, at(30 + i, 2));
    }
    cr_expect(replica_tenure_of(replica, 3, at(25, 1)).bits == 0);
    replica_saw_tenure(replica, 3, at(50, 1));
    cr_expect(
        eq(u64, replica_tenure_of(replica, 3, at(55, 1)).bits, at(50, 1).bits));
    unmake(replica);
}

CASE(replica, a_dirty_mark_outlives_a_comparison_that_began_before_it)
{
    struct replica *replica = make(STAMP_NEVER);

    replica_mark_dirty(replica, 7, 9);
    replica_mark_dirty(replica, 7, 9);
    replica_mark_dirty(replica, 7, 10);
    cr_expect(replica_dirty_count(replica, 7) == 2);
    cr_expect(atomic_load(&replica->dirty_slots) == 2);
    inside_dirty_begin(replica, 7, 9);
    replica_mark_dirty(replica, 7, 9);
    inside_dirty_end(replica, 7, 9);
    cr_expect(replica_is_dirty(replica, 7, 9));
    inside_dirty_begin(replica, 7, 9);
    inside_dirty_end(replica, 7, 9);
    cr_expect(replica_is_dirty(replica, 7, 9) == false);
    cr_expect(replica_is_dirty(replica, 7, 10));
    cr_expect(replica_dirty_count(replica, 8) == 0);
    inside_dirty_drop(replica, 7, 10);
    cr_expect(atomic_load(&replica->dirty_slots) == 0);
    unmake(replica);
}
