/*
 * Stories of versions: who has written without knowing of whom.
 */
#include "sim/story.h"

#include <stdio.h>

/* One copy is enough on either side. */
static const struct sim_ring ONE = {
    .replicas = 3, .read_quorum = 1, .write_quorum = 1, .net_delay_ms = 3};

static uint64_t
conflicts_of(struct sim *sim, uint32_t nodes)
{
    uint64_t sum = 0;
    uint32_t i;

    for (i = 0; i < nodes; i++) {
        struct store_ring_stats stats;

        store_ring_stats(sim_store(sim, i), &stats);
        sum += stats.conflicts;
    }
    return sum;
}

/* One of three alone, and the two others. */
static void
cut_off(struct sim *sim, uint32_t alone)
{
    sim_partition(sim, 1u << alone, 7u & ~(1u << alone));
}

static void
all_say(struct sim *sim, uint32_t nodes, const char *line, const char *reply)
{
    uint32_t i;

    for (i = 0; i < nodes; i++)
        SAYS(sim, i, line, reply);
}

CASE(ring_versions, of_two_sets_on_two_sides_one_is_lost_and_counted_once)
{
    uint32_t turn;

    /* the loser is the one alone; one of the two */
    for (turn = 0; turn < 2; turn++) {
        struct sim *sim = ring_of(&ONE, 3, 301 + turn);
        uint32_t alone = primary_of(sim, 0, 3, "k"), other = (alone + 1) % 3;

        SAYS(sim, alone, "SET k before", "+OK\r\n");
        cut_off(sim, alone);
        (void)sim_run_for(sim, 5000);
        SAYS_SOON(sim, turn == 0 ? alone : other, "SET k lost", "+OK\r\n");
        (void)sim_run_for(sim, 100);
        SAYS_SOON(sim, turn == 0 ? other : alone, "SET k kept", "+OK\r\n");
        cr_expect(eq(u64, conflicts_of(sim, 3), 0));
        sim_heal(sim);
        is_equal(sim, 3);
        all_say(sim, 3, "GET k", "$4\r\nkept\r\n");
        cr_expect(eq(u64, conflicts_of(sim, 3), 1), "turn %u", turn);
        SAYS(sim, other, "SET k after", "+OK\r\n");
        is_equal(sim, 3);
        cr_expect(eq(u64, conflicts_of(sim, 3), 1));
        sim_free(sim);
    }
}

/* The same values and stamps on all nodes; their number. */
static uint32_t
siblings_everywhere(struct sim *sim, uint32_t nodes, const char *key)
{
    char line[64], first[400];
    uint32_t i;

    (void)snprintf(line, sizeof(line), "KULA.SIBLINGS %s", key);
    (void)snprintf(first, sizeof(first), "%s", sim_call(sim, 0, line));
    cr_assert(first[0] == '*');
    for (i = 1; i < nodes; i++)
        SAYS(sim, i, line, first);
    return (uint32_t)(first[1] - '0');
}

/* A ring that keeps siblings; the key's primary, cut off, has run the line. *b:
 * one of the two on the other side. */
static struct sim *
written_apart(uint64_t seed, const char *line, uint32_t *b)
{
    struct sim_ring ring = ONE;
    struct sim *sim;
    uint32_t a;

    ring.keeps_siblings = true;
    sim = ring_of(&ring, 3, seed);
    a = primary_of(sim, 0, 3, "k");
    *b = (a + 1) % 3;
    SAYS(sim, a, "SET k before", "+OK\r\n");
    is_equal(sim, 3);
    cut_off(sim, a);
    (void)sim_run_for(sim, 5000);
    SAYS_SOON(sim, a, line, "+OK\r\n");
    (void)sim_run_for(sim, 100);
    return sim;
}

CASE(ring_versions, siblings_are_kept_on_all_owners_until_they_are_resolved)
{
    uint32_t b;
    struct sim *sim = written_apart(304, "SET k one", &b);

    SAYS_SOON(sim, b, "SET k two", "+OK\r\n");
    sim_heal(sim);
    is_equal(sim, 3);
    cr_expect(eq(u32, siblings_everywhere(sim, 3, "k"), 2));
    all_say(sim, 3, "GET k", "$3\r\ntwo\r\n");
    cr_expect(eq(u64, conflicts_of(sim, 3), 1));
    SAYS(sim, b, "KULA.RESOLVE k three", "+OK\r\n");
    is_equal(sim, 3);
    cr_expect(eq(u32, siblings_everywhere(sim, 3, "k"), 1));
    all_say(sim, 3, "GET k", "$5\r\nthree\r\n");
    sim_free(sim);
}

CASE(ring_versions, a_removal_on_one_side_leaves_what_the_other_has_written)
{
    uint32_t b;
    struct sim *sim = written_apart(305, "SET k after", &b);

    SAYS_SOON(sim, b, "DEL k", ":1\r\n");
    sim_heal(sim);
    is_equal(sim, 3);
    all_say(sim, 3, "GET k", "$5\r\nafter\r\n");
    cr_expect(eq(u32, siblings_everywhere(sim, 3, "k"), 1));
    SAYS(sim, b, "DEL k", ":1\r\n");
    is_equal(sim, 3);
    all_say(sim, 3, "GET k", "$-1\r\n");
    cr_expect(eq(u32, siblings_everywhere(sim, 3, "k"), 0));
    sim_free(sim);
}

CASE(ring_versions, a_primary_that_comes_back_finds_no_conflict)
{
    struct sim *sim = ring_of(&SLOPPY, 3, 303);
    uint32_t a = primary_of(sim, 0, 3, "k"), b = (a + 1) % 3;

    SAYS(sim, a, "SET k one", "+OK\r\n");
    cut_off(sim, a);
    SAYS_SOON(sim, b, "SET k two", "+OK\r\n");
    SAYS_SOON(sim, b, "SET k three", "+OK\r\n");
    sim_heal(sim);
    is_equal(sim, 3);
    SAYS_SOON(sim, a, "SET k four", "+OK\r\n");
    is_equal(sim, 3);
    all_say(sim, 3, "GET k", "$4\r\nfour\r\n");
    cr_expect(eq(u64, conflicts_of(sim, 3), 0));
    sim_free(sim);
}
