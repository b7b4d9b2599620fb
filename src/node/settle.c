/*
 * What follows when the members have changed: worker 0, at the end of a turn.
 *
 *   1  identity    LOADING until nobody is in a command; store_rekey,
 *                  store_set_node
 *   2  copies      store_join_ring; a ring of one that gets its second member:
 *                  all workers coordinate before the new map is there
 *   3  map         keeper_remap, replica->map; the old one is freed when every
 *                  worker has begun another turn
 *   4  health      RETURNING, on probation, DOWN, JOINING of every number
 *
 * A step that cannot be done yet is tried again in the next turn.
 */
#include "node/inside.h"

#include "base/memory.h"
#include "replica/keeper.h"

#include <string.h>

/* ---- health ---- */

static uint8_t
health_of(const struct member_view *view)
{
    uint8_t health = 0;

    if (view->health == MEMBER_DOWN || view->health == MEMBER_REMOVED)
        health |= PEER_DOWN;
    if (view->facts != NULL && view->facts->phase == MEMBER_RETURNING)
        health |= PEER_RETURNING;
    if (view->facts != NULL && view->facts->is_on_probation)
        health |= PEER_PROBATION;
    if (view->facts != NULL && view->facts->phase == MEMBER_JOINING)
        health |= PEER_JOINING;
    return health;
}

/* Nobody waits for what was kept for a REMOVED one. */
static void
drop_hints(struct worker *worker, uint32_t number)
{
    struct replica *replica = worker->node->ring->replica;
    struct hints *hints = atomic_load(&replica->hints);
    struct hint batch[64];
    uint32_t count, i;

    if (hints == NULL || hints_count_of(hints, number) == 0) return;
    hints_reset(hints, number);
    while ((count = hints_take(hints, number, batch, 64)) > 0) {
        for (i = 0; i < count; i++) {
            hints_done(hints, number, &batch[i]);
            replica_drop_held(replica, batch[i].slot, batch[i].hash,
                              worker->env->wall_ms);
        }
    }
    hints_forget(hints, number);
}

static void
set_health(struct worker *worker)
{
    struct ring *ring = worker->node->ring;
    uint8_t health[RING_NUMBERS] = {0};
    const uint8_t mask = PEER_PASSIVE | PEER_DOWN | PEER_JOINING;
    bool is_gone[RING_NUMBERS] = {false};
    struct member_view view;
    uint32_t count, i;

    ring_enter(worker, NULL);
    count = members_count(ring->members);
    for (i = 0; i < count; i++) {
        if (!members_at(ring->members, i, &view) || view.number == 0 ||
            view.number >= RING_NUMBERS) {
            continue;
        }
        /* a number may be free again and taken by another */
        if (view.health == MEMBER_REMOVED && health[view.number] != 0) continue;
        health[view.number] = health_of(&view) | 128;
        is_gone[view.number] = view.health == MEMBER_REMOVED;
    }
    ring_leave(worker);
    for (i = 1; i < RING_NUMBERS; i++) {
        _Atomic uint8_t *at = &ring->replica->health[i];
        uint8_t now = atomic_load(at), want = health[i] & mask;

        if (is_gone[i]) drop_hints(worker, i);
        if (i == ring->replica->self && !(now & PEER_REACHABLE))
            atomic_fetch_or(at, PEER_REACHABLE);
        if ((now & mask) == want) continue;
        atomic_fetch_or(at, want);
        atomic_fetch_and(at, (uint8_t)(want | (uint8_t)~mask));
    }
}

/* The keeper hears whose health is another than it was. */
void
ring_tell_keeper(struct worker *worker)
{
    struct ring *ring = worker->node->ring;
    struct bus *bus = worker->bus;
    uint32_t epoch = atomic_load(&ring->epoch), i;

    if (epoch == ring->keeper_epoch) return;
    ring->keeper_epoch = epoch;
    for (i = 0; i < bus->peer_count; i++) {
        struct bus_peer *peer = bus->peers[i];
        uint32_t health;

        if (peer->number == 0) continue;
        health = replica_health(ring->replica, peer->number);
        if (health == peer->seen_health) continue;
        peer->seen_health = health;
        keeper_peer_changed(ring->keeper, peer->number, worker->env->now_ms);
        ring->keeper_is_due = true;
    }
}

/* ---- turns: until nobody can be where he was ---- */

static void
note_turns(const struct node *node, uint64_t turns[64])
{
    uint32_t i;

    for (i = 0; i < node->worker_count; i++)
        turns[i] = atomic_load(&node->workers[i].turns);
}

/* Worker 0 itself is in nobody's command when it asks. */
static bool
have_turned(const struct node *node, const uint64_t turns[64])
{
    uint32_t i;

    for (i = 1; i < node->worker_count; i++) {
        if (atomic_load(&node->workers[i].turns) == turns[i]) return false;
    }
    return true;
}

static void
retire(struct ring *ring, struct ring_map *map)
{
    struct ring_retired *retired;

    if (map == NULL) return;
    retired = mem_must_zero(sizeof(*retired));
    retired->map = map;
    note_turns(ring->node, retired->turns);
    retired->next = ring->retired;
    ring->retired = retired;
}

void
ring_retire_prefixes(struct ring *ring, struct prefixes *prefixes)
{
    struct ring_retired *retired;

    if (prefixes == NULL) return;
    retired = mem_must_zero(sizeof(*retired));
    retired->prefixes = prefixes;
    note_turns(ring->node, retired->turns);
    retired->next = ring->old_prefixes;
    ring->old_prefixes = retired;
    atomic_store(&ring->has_old_prefixes, true);
}

static void
free_turned(const struct node *node, struct ring_retired **at)
{
    while (*at != NULL) {
        struct ring_retired *retired = *at;

        if (!have_turned(node, retired->turns)) {
            at = &retired->next;
            continue;
        }
        *at = retired->next;
        ring_map_free(retired->map);
        mem_free(retired->prefixes);
        mem_free(retired);
    }
}

void
ring_free_retired(struct ring *ring)
{
    free_turned(ring->node, &ring->retired);
    if (!atomic_load(&ring->has_old_prefixes)) return;
    lock_take(&ring->lock);
    free_turned(ring->node, &ring->old_prefixes);
    atomic_store(&ring->has_old_prefixes, ring->old_prefixes != NULL);
    lock_drop(&ring->lock);
}

/* ---- what follows from a change ---- */

struct standing {
    enum member_standing standing;
    uint32_t number;
    bool is_alone;
    uint8_t hash_seed[32];
};

static struct standing
look(struct worker *worker)
{
    struct members *members = worker->node->ring->members;
    struct standing now;

    ring_enter(worker, NULL);
    now.standing = members_standing(members);
    now.number = members_self_number(members);
    now.is_alone = members_is_alone(members);
    members_hash_seed(members, now.hash_seed);
    ring_leave(worker);
    if (now.number >= RING_NUMBERS) now.number = 0;
    return now;
}

void
ring_set_loading(struct ring *ring, bool is_loading)
{
    _Atomic bool *flag = &ring->node->shared.is_loading;

    if (!atomic_exchange(flag, is_loading) && is_loading) {
        note_turns(ring->node, ring->quiet_turns);
        ring->is_quieting = true;
    } else if (!is_loading) {
        ring->is_quieting = false;
    }
}

static int64_t
skew_ms(const struct ring *ring)
{
    return upkeep_setting(ring, "clock-skew-max-ms", 500);
}

/* What a ring of one gives up when it joins another: nothing, but what was
 * written in this very moment. */
static void
empty_store(struct ring *ring)
{
    struct store *store = ring->node->shared.store;
    uint32_t slot;

    if (upkeep_key_count(ring) == 0) return;
    store_join_ring(store, skew_ms(ring)); /* slots can be forgotten then */
    for (slot = 0; slot < store_slot_count(store); slot++) {
        store_lock(store, slot);
        store_forget_slot(store, slot);
        store_unlock(store, slot);
    }
}

/* Step 1. False: not yet. */
static bool
take_identity(struct worker *worker, const struct standing *now)
{
    struct ring *ring = worker->node->ring;
    struct replica *replica = ring->replica;
    struct store *store = ring->node->shared.store;
    bool is_other_ring =
        memcmp(now->hash_seed, ring->hash_seed, sizeof(ring->hash_seed)) != 0;

    if (!is_other_ring && now->number == replica->self) return true;
    if (!atomic_load(&ring->node->shared.is_loading)) {
        ring_set_loading(ring, true);
        ring_rouse_all(worker);
    }
    if (ring->is_quieting && !have_turned(ring->node, ring->quiet_turns)) {
        return false;
    }
    if (is_other_ring) {
        empty_store(ring);
        store_rekey(store, now->hash_seed);
        memcpy(ring->hash_seed, now->hash_seed, sizeof(ring->hash_seed));
        agreed_forget(ring);
        /* the map of a ring that is no more says nothing of this one */
        retire(ring, atomic_exchange(&replica->map, NULL));
    }
    if (now->number != replica->self) {
        store_set_node(store, now->number,
                       upkeep_life_ms(ring, worker->env->wall_ms));
        replica->self = now->number;
    }
    return true;
}

/* Step 2. False: not yet. */
static bool
take_copies(struct worker *worker, const struct standing *now)
{
    struct ring *ring = worker->node->ring;
    struct replica *replica = ring->replica;

    if (now->is_alone && !ring->is_joined) {
        atomic_store(&replica->is_alone, true);
        return true;
    }
    if (!ring->is_joined) {
        store_join_ring(ring->node->shared.store, skew_ms(ring));
        evict_join(ring);
        ring->is_joined = true;
        atomic_store(&replica->is_alone, false);
        atomic_store(&ring->is_active, true);
        ring_raise(worker);
    }
    /* a write that no router saw would be missing in the second copy */
    return atomic_load(&ring->active_count) == ring->node->worker_count;
}

/* Own phase, as far as it follows from the map's first appearance. */
static void
set_first_phase(struct worker *worker, bool is_alone)
{
    struct members *members = worker->node->ring->members;
    struct member_view view;

    ring_enter(worker, NULL);
    if (members_find(members, &worker->node->ring->link.self, &view)) {
        if (is_alone && view.facts->phase != MEMBER_NORMAL) {
            members_set_phase(members, MEMBER_NORMAL);
        } else if (!is_alone && view.facts->phase != MEMBER_JOINING) {
            members_set_phase(members, MEMBER_RETURNING);
        }
    }
    ring_leave(worker);
}

/* Step 3. False: there is none. */
static bool
take_map(struct worker *worker, const struct standing *now)
{
    struct ring *ring = worker->node->ring;
    struct replica *replica = ring->replica;
    struct ring_map *from = atomic_load(&replica->map), *to;
    struct cmd_env *env = worker->env;

    if (from == NULL) set_first_phase(worker, now->is_alone);
    ring_enter(worker, NULL);
    to = members_map(ring->members, &ring->replicas);
    ring_leave(worker);
    if (to == NULL) return from != NULL;
    if (from == NULL || ring_map_hash(from) != ring_map_hash(to)) {
        keeper_remap(ring->keeper, from, to, from == NULL && now->is_alone,
                     env->now_ms, env->wall_ms);
        ring->keeper_is_due = true;
    }
    atomic_store_explicit(&replica->map, to, memory_order_release);
    retire(ring, from);
    return true;
}

void
ring_settle(struct worker *worker)
{
    struct ring *ring = worker->node->ring;
    bool is_there = false;
    struct standing now;

    if (atomic_exchange(&ring->is_changed, false)) ring->is_stale = true;
    if (!ring->is_stale) return;
    now = look(worker);
    if (now.standing == MEMBERS_TWIN) {
        atomic_store(&ring->is_twin, true);
        atomic_store(&ring->node->shared.is_twin, true);
    } else if (now.standing != MEMBERS_LOADING && now.number != 0) {
        if (!take_identity(worker, &now) || !take_copies(worker, &now)) return;
        is_there = take_map(worker, &now);
    }
    set_health(worker);
    ring_set_loading(ring, !is_there);
    ring->is_stale = false;
    atomic_fetch_add(&ring->roster, 1);
    ring_raise(worker);
}
