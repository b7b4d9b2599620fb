/*
 * Many random runs: owners are cut off, slowed by lost frames, restarted empty
 * (one at a time: two copies of three survive), and a node joins, while keys
 * are written by whoever may. Strict mode, N = 3, W = R = 2. Must hold:
 *
 *   1. who executes a write that W owners take has what was acknowledged
 *   2. a read of two settled copies finds what was acknowledged
 *   3. after quiet all copies are equal, settled and clean
 */
#include "world.h"

#include "base/rng.h"
#include "replica/inside.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEYS = 24, SEEDS = 60 };

struct swarm {
    struct world *world;
    struct rng rng;
    uint32_t acked[KEYS]; /* the number written last that is acknowledged */
    uint32_t next;
    uint32_t writes, acks, reads, restarts;
    bool is_joining;
};

static uint32_t
number_at(struct swarm *swarm, uint32_t at, const char *key)
{
    return (uint32_t)strtoul(world_get(swarm->world, at, key), NULL, 10);
}

static bool
is_live(struct swarm *swarm, uint32_t number)
{
    return swarm->world->nodes[number].keeper != NULL &&
           !swarm->world->nodes[number].is_cut;
}

/* One owner's answer to a copy, as the coordinator's would be. */
static bool
takes(struct swarm *swarm, uint32_t number, const char *key,
      const struct ring_list *list, const struct slot_state *holder)
{
    struct node_of_world *node = &swarm->world->nodes[number];
    uint32_t slot = world_slot(swarm->world, key);

    if (!is_live(swarm, number) || rng_below(&swarm->rng, 20) == 0) {
        return false;
    }
    if (ring_map_list(node->map, slot)->hash != list->hash) return false;
    return replica_promise(node->replica, slot, holder->promised,
                           holder->promised_to);
}

static void
write_at(struct swarm *swarm, uint32_t at, uint32_t index)
{
    struct node_of_world *node = &swarm->world->nodes[at];
    const struct ring_list *list;
    struct slot_state holder;
    char key[16], value[16];
    uint32_t i, slot, had, copies = 1, others = 0, missed = 0;

    (void)snprintf(key, sizeof(key), "k%u", index);
    slot = world_slot(swarm->world, key);
    if (!is_live(swarm, at)) return;
    list = ring_map_list(node->map, slot);
    holder = node->replica->slots[slot];
    if (!ring_list_owns(list, at)) return;
    if (holder.tenure != TENURE_HELD) return; /* OPEN would ask first */
    if (!replica_may_write(node->replica, slot, list->hash)) return;
    had = number_at(swarm, at, key);
    for (i = 0; i < list->count; i++) {
        if (list->owners[i] == at) continue;
        if (takes(swarm, list->owners[i], key, list, &holder)) {
            others |= 1u << list->owners[i];
            copies++;
        } else {
            missed |= 1u << list->owners[i];
        }
    }
    if (list->pending != RING_NOBODY) {
        if (takes(swarm, list->pending, key, list, &holder)) {
            others |= 1u << list->pending;
        } else {
            missed |= 1u << list->pending;
        }
    }
    (void)snprintf(value, sizeof(value), "%u", ++swarm->next);
    world_put(swarm->world, at, others, key, value);
    for (i = 1; i <= WORLD_NODES; i++) {
        if (missed >> i & 1) {
            replica_mark_dirty(node->replica, i, slot);
        }
    }
    swarm->writes++;
    if (copies < replica_w(node->replica, list)) return; /* uncertain */
    cr_assert(had >= swarm->acked[index],
              "%s executed at %u on %u, acknowledged was %u", key, at, had,
              swarm->acked[index]);
    swarm->acked[index] = swarm->next;
    swarm->acks++;
}

static void
read_key(struct swarm *swarm, uint32_t index)
{
    const struct ring_list *list;
    uint32_t i, found = 0, copies = 0, skip = 0, slot;
    char key[16];

    (void)snprintf(key, sizeof(key), "k%u", index);
    slot = world_slot(swarm->world, key);
    list = world_list(swarm->world, key);
    skip = (uint32_t)rng_below(&swarm->rng, 4); /* this one is not asked */
    for (i = 0; i < list->count && copies < 2; i++) {
        struct node_of_world *node = &swarm->world->nodes[list->owners[i]];
        uint32_t number;

        if (i == skip || !is_live(swarm, list->owners[i])) continue;
        if (ring_map_list(node->map, slot)->hash != list->hash) continue;
        if (!replica_is_settled(node->replica, slot)) continue;
        number = number_at(swarm, list->owners[i], key);
        if (number > found) found = number;
        copies++;
    }
    if (copies < 2) return;
    swarm->reads++;
    cr_assert(found >= swarm->acked[index], "%s: %u, acknowledged was %u", key,
              found, swarm->acked[index]);
}

static void
set_strict(struct world *world)
{
    uint32_t i;

    for (i = 1; i <= WORLD_NODES; i++) {
        if (world->nodes[i].replica == NULL) continue;
        atomic_store(&world->nodes[i].replica->is_strict, true);
    }
}

/* Nobody's memory may be lost while another's is. */
static bool
all_settled(struct world *world)
{
    uint32_t i;

    for (i = 1; i <= WORLD_NODES; i++) {
        if (world->nodes[i].keeper == NULL) continue;
        if (world->nodes[i].is_cut) return false;
        if (atomic_load(&world->nodes[i].replica->unsettled) > 0) return false;
        if (atomic_load(&world->nodes[i].replica->dirty_slots) > 0) {
            return false;
        }
    }
    return true;
}

static void
restart(struct swarm *swarm, uint32_t number)
{
    struct world *world = swarm->world;
    struct stamp ceiling = /* clocks agree: versions out of tenure are not
                            * this test's */
        stamp_next(STAMP_NEVER, world->wall_ms, STAMP_NODE_MAX);

    world_stop(world, number);
    world_start(world, number, ceiling);
    set_strict(world);
    world_map_one(world, number);
    swarm->restarts++;
}

static void
calm(struct world *world, int64_t ms)
{
    uint32_t i;

    world->lose_every = 0;
    for (i = 1; i <= 4; i++) {
        if (world->nodes[i].keeper != NULL) world_cut(world, i, false);
    }
    world_run(world, ms);
}

static void
begin_join(struct swarm *swarm)
{
    struct world *world = swarm->world;

    swarm->is_joining = true;
    world_start(world, 4, STAMP_NEVER);
    set_strict(world);
    world->nodes[4].status = RING_JOINING;
    world_health(world, 4, PEER_JOINING, true);
    world_map(world, false);
}

static void
event(struct swarm *swarm)
{
    struct world *world = swarm->world;
    uint32_t number = 1 + (uint32_t)rng_below(&swarm->rng, 3);

    switch (rng_below(&swarm->rng, 8)) {
    case 0:
    case 1: world_cut(world, number, true); break;
    case 2:
    case 3:
    case 4: world_cut(world, number, false); break;
    case 5: world->lose_every = (uint32_t)rng_below(&swarm->rng, 12); break;
    case 6:
    case 7:
        if (swarm->is_joining) break;
        calm(world, 700);
        if (all_settled(world)) restart(swarm, number);
        break;
    }
}

static void
quiet(struct swarm *swarm)
{
    struct world *world = swarm->world;
    uint32_t i, calls = 0;

    calm(world, 0);
    for (i = 0; i < 100; i++) {
        world_run(world, 100);
        if (world->nodes[4].served_calls == calls) continue;
        calls = world->nodes[4].served_calls;
        world_map(world, false);
    }
    cr_assert(world_agrees(world));
    cr_assert(all_settled(world));
    for (i = 0; i < KEYS; i++)
        read_key(swarm, i);
}

CASE(swarm, nothing_acknowledged_is_lost_whatever_happens)
{
    uint64_t seed;
    uint32_t acks = 0, reads = 0, restarts = 0, joins = 0;

    for (seed = 1; seed <= SEEDS; seed++) {
        struct swarm swarm = {.world = world_new(3, 3, 2, 2),
                              .rng = {seed * 7919}};
        uint32_t step, calls = 0;

        set_strict(swarm.world);
        world_map(swarm.world, true);
        for (step = 0; step < 8000; step++) {
            struct node_of_world *four = &swarm.world->nodes[4];

            world_run(swarm.world, 1);
            if (step % 100 == 0) event(&swarm);
            if (step == 3000 && seed % 2 == 0) begin_join(&swarm);
            write_at(&swarm, 1 + (uint32_t)rng_below(&swarm.rng, 4),
                     (uint32_t)rng_below(&swarm.rng, KEYS));
            read_key(&swarm, (uint32_t)rng_below(&swarm.rng, KEYS));
            if (four->served_calls == calls) continue;
            calls = four->served_calls; /* others hear of it one by one */
            world_map_one(swarm.world, 1 + (uint32_t)rng_below(&swarm.rng, 4));
            world_run(swarm.world, 5);
            world_map(swarm.world, false);
        }
        quiet(&swarm);
        acks += swarm.acks;
        reads += swarm.reads;
        restarts += swarm.restarts;
        joins += swarm.is_joining;
        world_free(swarm.world);
    }
    cr_expect(acks > 1000 * SEEDS / 2, "%u acknowledged", acks);
    cr_expect(reads > 1000 * SEEDS, "%u read", reads);
    cr_expect(restarts > SEEDS / 2, "%u restarts", restarts);
    cr_expect(joins > SEEDS / 6, "%u joins", joins);
}
