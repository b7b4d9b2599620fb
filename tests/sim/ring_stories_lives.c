/*
 * Stories of two nodes with one id: a data directory that was copied; and of
 * starts that look like one.
 */
#include "sim/story.h"

#include "store/replicate.h"

#include <stdio.h>

enum { LONG_MS = 20 * 1000 };

/* Three nodes are up, and a fourth host that has nothing yet. */
static struct sim *
three_and_a_host(uint64_t seed)
{
    static struct sim_ring config; /* the world borrows it */

    config = STRICT;
    config.started = 3;
    config.seeds = 3;
    return ring_of(&config, 4, seed);
}

static bool
is_twin(struct sim *sim, uint32_t node)
{
    return members_standing(sim_members(sim, node)) == MEMBERS_TWIN;
}

CASE(ring_lives, a_copied_node_serves_nobody_and_harms_nobody)
{
    struct sim *sim = three_and_a_host(301);
    struct crowd crowd;

    set_keys(sim, 0, 50, "v");
    (void)sim_run_for(sim, 2000); /* all is saved */
    crowd_start(&crowd, sim, 3);
    sim_copy(sim, 2, 3);
    sim_start(sim, 3);
    (void)sim_run_for(sim, LONG_MS);
    cr_expect(is_twin(sim, 3));
    cr_expect(not(is_twin(sim, 2)));
    REFUSES(sim, 3, "GET key:1", "-DUPLICATE ");
    REFUSES(sim, 3, "SET key:1 x", "-DUPLICATE ");
    cr_expect(crowd.history.unknown == 0, "%u", crowd.history.unknown);
    sim_crash(sim, 3, false);
    crowd_end(&crowd, 3, true);
    has_keys(sim, 2, 50, "v");
    sim_free(sim);
}

CASE(ring_lives, copies_of_all_nodes_harm_nobody)
{
    struct sim_ring config = STRICT;
    struct sim *sim;
    struct crowd crowd;
    uint32_t i;

    config.started = 3;
    config.seeds = 3;
    sim = ring_of(&config, 6, 302);
    set_keys(sim, 0, 50, "v");
    (void)sim_run_for(sim, 2000);
    crowd_start(&crowd, sim, 3);
    for (i = 0; i < 3; i++)
        sim_copy(sim, i, 3 + i);
    for (i = 0; i < 3; i++)
        sim_start(sim, 3 + i);
    (void)sim_run_for(sim, LONG_MS);
    for (i = 0; i < 3; i++) {
        cr_expect(not(is_twin(sim, i)), "node %u", i);
        cr_expect(is_twin(sim, 3 + i), "node %u", 3 + i);
        sim_crash(sim, 3 + i, false);
    }
    crowd_end(&crowd, 3, false);
    sim_free(sim);
}

/* At its old address, or at another; the others notice its end, or do not. */
CASE(ring_lives, a_start_is_no_twin_however_quick_and_wherever_it_is)
{
    uint32_t variant;

    for (variant = 0; variant < 4; variant++) {
        struct sim *sim = three_and_a_host(303);
        bool is_silent = variant & 1;
        uint32_t place = variant & 2 ? 3 : 1, i;

        set_keys(sim, 0, 50, "v");
        (void)sim_run_for(sim, 2000);
        for (i = 0; i < 3; i++) {
            uint32_t from = i % 2 == 0 ? 1 : place;
            uint32_t to = i % 2 == 0 ? place : 1;

            sim_crash(sim, from, is_silent);
            if (from != to) sim_copy(sim, from, to);
            (void)sim_run_for(sim, i * 20);
            sim_start(sim, to);
            (void)sim_run_for(sim, 5000);
            cr_expect(not(is_twin(sim, to)), "variant %u, start %u", variant,
                      i);
            SAYS_SOON(sim, to, "GET key:1", "$2\r\nv1\r\n");
        }
        sim_free(sim);
    }
}

/* While it is away a copy takes its place, and is given what is written. */
CASE(ring_lives, one_that_was_replaced_in_its_sleep_does_not_come_back)
{
    struct sim *sim = three_and_a_host(304);
    struct crowd crowd;

    (void)sim_run_for(sim, 2000);
    crowd_start(&crowd, sim, 2);
    sim_pause(sim, 2, sim_now_ms(sim) + 10 * 1000);
    (void)sim_run_for(sim, 4000);
    sim_copy(sim, 2, 3);
    sim_start(sim, 3);
    (void)sim_run_for(sim, 4000);
    SAYS_SOON(sim, 3, "SET from-the-copy x", "+OK\r\n");
    (void)sim_run_for(sim, LONG_MS);
    cr_assert(is_twin(sim, 2));
    cr_assert(not(is_twin(sim, 3)));
    SAYS_SOON(sim, 3, "GET from-the-copy", "$1\r\nx\r\n");
    sim_crash(sim, 2, false);
    sim_crash(sim, 3, false);
    sim_start(sim, 2);
    SAYS_SOON(sim, 2, "GET from-the-copy", "$1\r\nx\r\n");
    crowd_end(&crowd, 3, false);
    sim_free(sim);
}

/* Both sides of a partition have one of the two. */
CASE(ring_lives, halves_that_know_different_ones_refuse_both_when_they_meet)
{
    struct sim_ring config = STRICT;
    struct sim *sim;
    struct crowd crowd;

    config.started = 5;
    config.seeds = 5;
    sim = ring_of(&config, 6, 305);
    (void)sim_run_for(sim, 2000);
    crowd_start(&crowd, sim, 4); /* clients of those that have no copy */
    sim_partition(sim, 1u << 0 | 1u << 4,
                  1u << 1 | 1u << 2 | 1u << 3 | 1u << 5);
    (void)sim_run_for(sim, 4000);
    sim_copy(sim, 4, 5);
    sim_start(sim, 5);
    (void)sim_run_for(sim, 10 * 1000);
    cr_expect(not(is_twin(sim, 5)));
    sim_heal(sim);
    (void)sim_run_for(sim, LONG_MS);
    /* each has what the other lacks: a start of either compares first */
    cr_assert(is_twin(sim, 4));
    cr_assert(is_twin(sim, 5));
    sim_crash(sim, 5, false);
    sim_crash(sim, 4, false);
    sim_start(sim, 4);
    crowd_end(&crowd, 5, false);
    sim_free(sim);
}

/* What two of one number may have minted before they knew of each other. */
CASE(ring_lives, equal_stamps_with_different_values_end_equal_and_are_counted)
{
    struct sim *sim = ring_of(&STRICT, 3, 306);
    static const char *const values[] = {"one", "other"};
    uint64_t faults = 0;
    uint32_t i;
    const char *reply;
    char first[64];

    SAYS(sim, 0, "SET k first", "+OK\r\n");
    (void)sim_run_for(sim, 2000);
    for (i = 0; i < 2; i++) {
        struct store *store = sim_store(sim, i);
        struct store_key key = store_key(store, 0, BYTES_LIT("k"));
        struct record record;
        int64_t wall_ms = sim_wall_ms(sim, i);

        store_lock(store, key.slot);
        cr_assert(store_record(store, &key, wall_ms, &record));
        record.value = bytes_str(values[i]);
        record.is_text = false;
        record.stamp.bits += 1u << 22; /* the same at both */
        record.floor = record.stamp;
        cr_expect(ne(int, (int)store_merge(store, &key, &record, wall_ms, NULL),
                     STORE_FULL));
        store_unlock(store, key.slot);
    }
    becomes_quiet(sim, 3, QUIET_MS);
    (void)sim_run_for(sim, ROUNDS_MS);
    is_equal(sim, 3);
    reply = sim_call(sim, 0, "GET k");
    (void)snprintf(first, sizeof(first), "%s", reply);
    for (i = 0; i < 3; i++) {
        struct store_ring_stats stats;

        SAYS(sim, i, "GET k", first);
        store_ring_stats(sim_store(sim, i), &stats);
        faults += stats.equal_stamps;
    }
    cr_expect(gt(u64, faults, 0));
    sim_free(sim);
}
