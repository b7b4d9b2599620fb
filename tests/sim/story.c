/*
 * What stories of rings are told with.
 */
#include "sim/story.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    QUIET_LOOKS = 20, /* until all have heard of the last change */
    TEXT = 120
};

const struct sim_ring STRICT = {.replicas = 3,
                                .read_quorum = 2,
                                .write_quorum = 2,
                                .is_strict = true,
                                .net_delay_ms = 3};
const struct sim_ring SLOPPY = {
    .replicas = 3, .read_quorum = 2, .write_quorum = 2, .net_delay_ms = 3};

void
becomes_quiet(struct sim *sim, uint32_t nodes, int64_t most_ms)
{
    int64_t until_ms = sim_now_ms(sim) + most_ms;
    char why[TEXT] = "";

    uint32_t looks = 0; /* in a row at which it was */

    while (sim_now_ms(sim) < until_ms) {
        looks = check_is_quiet(sim, nodes, why) ? looks + 1 : 0;
        if (looks == QUIET_LOOKS) return;
        (void)sim_run_for(sim, 100);
    }
    cr_assert(false, "not quiet after %lld s: %s", (long long)most_ms / 1000,
              why);
}

void
is_equal(struct sim *sim, uint32_t nodes)
{
    struct verdict verdict = {0};
    uint32_t count;

    becomes_quiet(sim, nodes, QUIET_MS);
    (void)sim_run_for(sim, ROUNDS_MS);
    check_contents(sim, nodes, &verdict);
    if ((count = verdict.count) > 0)
        printf("%.*s", (int)verdict.text.used, verdict.text.data);
    verdict_deinit(&verdict);
    cr_assert(count == 0);
}

struct sim *
ring_of(const struct sim_ring *ring, uint32_t nodes, uint64_t seed)
{
    struct sim_config config = {
        .seed = seed, .nodes = nodes, .ring = ring, .delay_most_ms = 2};
    struct sim *sim = sim_new(&config);

    if (getenv("SIM_NOISY") != NULL) sim_be_noisy(sim);
    becomes_quiet(sim, ring->started > 0 ? ring->started : nodes, UP_MS);
    return sim;
}

uint32_t
primary_of(struct sim *sim, uint32_t seen_from, uint32_t nodes, const char *key)
{
    struct replica *replica = sim_replica(sim, seen_from);
    const struct ring_map *map = replica_map(replica);
    uint32_t slot =
                 store_key(sim_store(sim, seen_from), 0, bytes_str(key)).slot,
             i;
    uint32_t number = replica_primary(replica, ring_map_list(map, slot));

    for (i = 0; i < nodes; i++) {
        if (sim_is_up(sim, i) &&
            members_self_number(sim_members(sim, i)) == number) {
            return i;
        }
    }
    cr_assert(false, "no primary of %s", key);
    return 0;
}

void
owners_of(struct sim *sim, uint32_t nodes, const char *key, uint32_t out[3])
{
    const struct ring_map *map = replica_map(sim_replica(sim, 0));
    uint32_t slot = store_key(sim_store(sim, 0), 0, bytes_str(key)).slot;
    const struct ring_list *list = ring_map_list(map, slot);
    uint32_t i, k;

    cr_assert(list->count == 3);
    for (i = 0; i < 3; i++) {
        for (k = 0; k < nodes; k++) {
            if (members_self_number(sim_members(sim, k)) == list->owners[i])
                out[i] = k;
        }
    }
}

void
set_keys(struct sim *sim, uint32_t node, uint32_t count, const char *value)
{
    char line[64];
    uint32_t i;

    for (i = 0; i < count; i++) {
        (void)snprintf(line, sizeof(line), "SET key:%u %s%u", i, value, i);
        SAYS(sim, node, line, "+OK\r\n");
    }
}

void
has_keys(struct sim *sim, uint32_t node, uint32_t count, const char *value)
{
    char line[64], text[32], expected[64];
    uint32_t i;

    for (i = 0; i < count; i++) {
        (void)snprintf(line, sizeof(line), "GET key:%u", i);
        (void)snprintf(text, sizeof(text), "%s%u", value, i);
        (void)snprintf(expected, sizeof(expected), "$%zu\r\n%s\r\n",
                       strlen(text), text);
        SAYS(sim, node, line, expected);
    }
}

const char *
call_until(struct sim *sim, uint32_t node, const char *line,
           const char *expected, int64_t most_ms)
{
    int64_t until_ms = sim_now_ms(sim) + most_ms;
    const char *reply;

    do {
        reply = sim_call(sim, node, line);
        if (strcmp(reply, expected) == 0) break;
        (void)sim_run_for(sim, 50);
    } while (sim_now_ms(sim) < until_ms);
    return reply;
}

void
crowd_start(struct crowd *crowd, struct sim *sim, uint32_t nodes)
{
    struct ring_clients_config config = {.sim = sim,
                                         .history = &crowd->history,
                                         .clients = 6,
                                         .nodes = nodes,
                                         .workers = 1,
                                         .keys = 4,
                                         .families = (1u << FAMILIES) - 1,
                                         .think_ms = 40,
                                         .patience_ms = 3000};

    *crowd = (struct crowd){.sim = sim};
    crowd->clients = ring_clients_new(&config);
}

void
crowd_end(struct crowd *crowd, uint32_t nodes, bool healthy)
{
    struct check_rules rules = {.keys = 4,
                                .reads_are_fresh = true,
                                .reads_are_linear = healthy,
                                .locks_are_exclusive = true,
                                .keeps_last_write = true,
                                .expiry_slack_ms = 500};
    struct verdict verdict = {0};
    uint32_t family, key, count;

    ring_clients_stop(crowd->clients);
    (void)sim_run_for(crowd->sim, 5000);
    becomes_quiet(crowd->sim, nodes, QUIET_MS);
    (void)sim_run_for(crowd->sim, ROUNDS_MS);
    check_history(&crowd->history, &rules, &verdict);
    check_contents(crowd->sim, nodes, &verdict);
    for (family = 0; family < FAMILIES; family++) {
        for (key = 0; key < 4; key++) {
            char name[16], line[32];

            history_key((enum family)family, key, name);
            (void)snprintf(line, sizeof(line), "GET %s", name);
            check_final(&crowd->history, &rules, (enum family)family, key,
                        bytes_str(sim_call(crowd->sim, 0, line)), &verdict);
        }
    }
    ring_clients_free(crowd->clients);
    history_deinit(&crowd->history);
    if ((count = verdict.count) > 0)
        printf("%.*s", (int)verdict.text.used, verdict.text.data);
    verdict_deinit(&verdict);
    cr_assert(count == 0);
}
