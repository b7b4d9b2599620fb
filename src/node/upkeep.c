/*
 * What worker 0 does now and then: steps the keeper, saves the ceiling, tells
 * the others of this node's load.
 *
 * The ceiling is a stamp above all that were minted and promised in this life.
 * The next life begins above it, so it is close: three seconds ahead of the
 * wall clock, saved anew when half of that is used up, and never only because
 * time passes. A stamp that has passed it is saved before anybody hears of it:
 * at the end of the turn, before the links' output.
 */
#include "node/inside.h"

#include "base/memory.h"
#include "replica/keeper.h"

#include <string.h>

enum {
    CEILING_AHEAD_MS = 3000, /* saved so far ahead of the wall clock */
    CEILING_ABOVE_MS = 1000, /* and of what was minted */
    CEILING_LEAST_MS = 1500, /* saved anew when less is left */
    STRAY_SLOTS = 1024,      /* looked at in a tick */
    LOAD_MS = 1000,
    HELD_MS = 10 * 1000, /* a copy is not under way for longer, and no load */
    REPAIR_MS = 2000,
    HINTS_SHARE = 10,      /* of maxmemory, unless hints-max-bytes is set */
    TOMBSTONES_SHARE = 20, /* of maxmemory, while a member is away */
};

/* ---- the keeper ---- */

static bool
keeper_send(void *self, uint32_t number, const struct frame *frame)
{
    struct ring *ring = self;
    struct worker *worker = &ring->node->workers[0];
    struct link *link = bus_link_to(worker, number);
    bool is_asking = frame->type == FRAME_TENURE ||
                     frame->type == FRAME_DIGESTS || frame->type == FRAME_RANGE;

    if (link == NULL || link_unsent(link) > LINK_OUT_SOFT) return false;
    bus_write(worker, (struct bus_link *)(void *)link, frame, is_asking);
    return true;
}

static void
keeper_served(void *self, const uint64_t *served, bool done)
{
    struct ring *ring = self;
    struct worker *worker = &ring->node->workers[0];

    ring_enter(worker, NULL);
    members_set_served(ring->members, served);
    if (done) members_set_phase(ring->members, MEMBER_NORMAL);
    ring_leave(worker);
}

static void
keeper_settled(void *self)
{
    struct ring *ring = self;
    struct worker *worker = &ring->node->workers[0];
    struct member_view view;

    ring_enter(worker, NULL);
    if (members_find(ring->members, &ring->link.self, &view) &&
        view.facts->phase == MEMBER_RETURNING) {
        members_set_phase(ring->members, MEMBER_NORMAL);
    }
    ring_leave(worker);
}

static void
keeper_log(void *self, const char *line)
{
    ring_log(self, line);
}

void
upkeep_keeper(struct worker *worker)
{
    struct ring *ring = worker->node->ring;
    struct cmd_env *env = worker->env;
    uint32_t wanted = atomic_load(&ring->replica->wanted);

    if (!atomic_load(&ring->is_active) || replica_map(ring->replica) == NULL)
        return;
    if (wanted == worker->bus->wanted && !ring->keeper_is_due &&
        env->now_ms < keeper_deadline_ms(ring->keeper)) {
        return;
    }
    worker->bus->wanted = wanted;
    ring->keeper_is_due = false;
    keeper_tick(ring->keeper, env->now_ms, env->wall_ms);
    lock_take(&ring->lock);
    keeper_status(ring->keeper, &ring->keeper_seen); /* for other workers */
    lock_drop(&ring->lock);
}

/* ---- the ceiling ---- */

static struct stamp
stamp_at(int64_t wall_ms)
{
    return stamp_next(STAMP_NEVER, wall_ms, 0);
}

/* Without bound from above, repeated lives could carry it ever further. */
static void
save_ceiling(struct ring *ring, struct stamp noted, int64_t wall_ms)
{
    const struct node_effects *effects = &ring->node->effects;
    int64_t noted_ms = stamp_wall_ms(noted), ceiling_ms, mark_ms;
    struct stamp ceiling;
    char bytes[8];
    uint32_t i;

    ceiling_ms = wall_ms + CEILING_AHEAD_MS;
    if (ceiling_ms < noted_ms + CEILING_ABOVE_MS)
        ceiling_ms = noted_ms + CEILING_ABOVE_MS;
    mark_ms = ceiling_ms - CEILING_LEAST_MS;
    if (mark_ms < noted_ms + CEILING_ABOVE_MS / 2)
        mark_ms = noted_ms + CEILING_ABOVE_MS / 2;
    ceiling = stamp_at(ceiling_ms);
    for (i = 0; i < 8; i++)
        bytes[i] = (char)(ceiling.bits >> (8 * i) & 255);
    effects->save(effects->self, NODE_FILE_CEILING, bytes_of(bytes, 8));
    atomic_store(&ring->ceiling, ceiling.bits);
    atomic_store(&ring->ceiling_mark, stamp_at(mark_ms).bits);
    store_watch_stamps(ring->node->shared.store, stamp_at(mark_ms));
}

void
upkeep_ceiling(struct worker *worker)
{
    struct ring *ring = worker->node->ring;
    struct stamp noted = store_noted(worker->node->shared.store);

    if (noted.bits <= atomic_load(&ring->ceiling_mark)) return;
    if (noted.bits < atomic_load(&ring->ceiling) && worker->index != 0) return;
    lock_take(&ring->ceiling_lock);
    if (noted.bits > atomic_load(&ring->ceiling_mark))
        save_ceiling(ring, noted, worker->env->wall_ms);
    lock_drop(&ring->ceiling_lock);
}

int64_t
upkeep_life_ms(const struct ring *ring, int64_t wall_ms)
{
    int64_t past_ms = stamp_wall_ms(ring->past) + 1;

    return ring->past.bits != 0 && past_ms > wall_ms ? past_ms : wall_ms;
}

/* ---- facts ---- */

uint64_t
upkeep_key_count(const struct ring *ring)
{
    uint64_t count = 0;
    uint32_t db;

    for (db = 0; db < STORE_DBS; db++)
        count += store_count(ring->node->shared.store, db);
    return count;
}

/* A copy of a slot that this node does not own lies outside its owners. The
 * slots are walked over a part at a time; a new map begins a new walk, until
 * whose end there may be any. */
static void
look_for_strays(struct ring *ring)
{
    struct store *store = ring->node->shared.store;
    const struct ring_map *map = replica_map(ring->replica);
    uint32_t count = store_slot_count(store), left;

    if (map == NULL || !ring->is_joined) return;
    if (ring->stray_map != ring_map_hash(map)) {
        ring->stray_map = ring_map_hash(map);
        ring->has_strays = true;
        ring->stray_slot = 0;
    }
    for (left = count < STRAY_SLOTS ? count : STRAY_SLOTS; left > 0; left--) {
        uint32_t slot = ring->stray_slot;

        if (slot == 0) ring->is_stray_seen = false;
        if (!ring_list_owns(ring_map_list(map, slot), ring->replica->self)) {
            store_lock(store, slot);
            if (store_slot_entries(store, slot) > 0) ring->is_stray_seen = true;
            store_unlock(store, slot);
        }
        ring->stray_slot = (slot + 1) & (count - 1);
        if (ring->stray_slot == 0) ring->has_strays = ring->is_stray_seen;
    }
}

/* What this node may keep of others is not older. */
static uint64_t
oldest_held(const struct ring *ring)
{
    struct hints *hints = atomic_load(&ring->replica->hints);

    if (ring->has_strays) return 0;
    return hints != NULL ? hints_oldest(hints) : UINT64_MAX;
}

/* The copies of this member are not older, as far as it is known here. What it
 * was given after it told its load was younger than HELD_MS then. */
static uint64_t
bound_of(const struct member_view *view, const struct cmd_env *env)
{
    int64_t told_ms;

    if (view->told_ms == INT64_MIN) return 0;
    told_ms = env->wall_ms - (env->now_ms - view->told_ms);
    return min_u64(view->facts->oldest_held, stamp_at(told_ms - HELD_MS).bits);
}

/* A forgotten member's copies do not count, but are not taken when it comes
 * back, until it has none as old any more. */
static void
note_forgotten(struct replica *replica, const struct member_view *view,
               bool is_forgotten, uint64_t bound, uint64_t own_bound)
{
    _Atomic uint64_t *at = &replica->forgotten[view->number];

    if (is_forgotten && bound > atomic_load(at)) atomic_store(at, bound);
    if (!is_forgotten && own_bound > atomic_load(at)) atomic_store(at, 0);
}

/* Tombstones below it have no older copy anywhere outside their owners. */
static void
set_purge_bound(struct worker *worker)
{
    struct ring *ring = worker->node->ring;
    uint64_t bound = oldest_held(ring);
    bool is_forgotten[RING_NUMBERS] = {false};
    struct member_view view;
    uint32_t count, i;

    if (!ring->is_joined) return;
    ring_enter(worker, NULL);
    count = members_count(ring->members);
    for (i = 0; i < count; i++) {
        if (!members_at(ring->members, i, &view) || view.is_self ||
            view.number == 0 || view.health == MEMBER_REMOVED) {
            continue;
        }
        is_forgotten[view.number] =
            keeper_forgets(ring->keeper, view.number, worker->env->now_ms);
        if (is_forgotten[view.number]) continue;
        bound = min_u64(bound, bound_of(&view, worker->env));
    }
    for (i = 0; i < count; i++) {
        if (!members_at(ring->members, i, &view) || view.is_self ||
            view.number == 0) {
            continue;
        }
        note_forgotten(ring->replica, &view, is_forgotten[view.number], bound,
                       bound_of(&view, worker->env));
    }
    ring_leave(worker);
    store_set_purge_bound(ring->node->shared.store, (struct stamp){bound});
}

static void
publish_load(struct worker *worker)
{
    struct ring *ring = worker->node->ring;
    struct replica *replica = ring->replica;
    struct member_facts load = {.oldest_held = oldest_held(ring)};
    int64_t since_ms = worker->env->now_ms - ring->load_ms;
    struct store_stats stats;
    uint64_t commands = 0;
    uint32_t i;

    if (since_ms < LOAD_MS) return;
    for (i = 0; i < ring->node->worker_count; i++) {
        commands +=
            metric_get(&ring->node->workers[i].env->metrics.commands_processed);
    }
    load.keys = upkeep_key_count(ring);
    store_stats(ring->node->shared.store, &stats);
    load.memory_bytes = stats.used_bytes;
    load.ops_per_s =
        (commands - ring->load_commands) * 1000 / (uint64_t)since_ms;
    load.hint_count = replica_hint_count(replica);
    load.dirty_slots = atomic_load(&replica->dirty_slots);
    load.unsettled_slots = atomic_load(&replica->unsettled);
    ring->load_commands = commands;
    ring->load_ms = worker->env->now_ms;
    ring_enter(worker, NULL);
    members_set_load(ring->members, &load);
    ring_leave(worker);
    set_purge_bound(worker);
    evict_second(worker);
}

int64_t
upkeep_setting(const struct ring *ring, const char *name, int64_t value)
{
    const struct settings *settings = ring->node->shared.settings;
    int id = settings_find(bytes_str(name));

    return id >= 0 ? settings_int(settings, (enum setting)id) : value;
}

/* What CONFIG SET may have changed: in members and keeper. */
static void
read_paces(struct worker *worker)
{
    struct ring *ring = worker->node->ring;
    int64_t timeout_ms = upkeep_setting(ring, "node-timeout-ms", 3000);

    keeper_set_budget(ring->keeper,
                      (uint32_t)upkeep_setting(ring, "background-budget", 25));
    if (timeout_ms == ring->node_timeout_ms) return;
    ring->node_timeout_ms = timeout_ms;
    ring_enter(worker, NULL);
    members_set_timeout(ring->members, timeout_ms);
    ring_leave(worker);
}

/* And in what workers share. */
static void
read_settings(struct ring *ring)
{
    struct replica *replica = ring->replica;
    const struct settings *settings = ring->node->shared.settings;
    bool keeps_siblings = upkeep_setting(ring, "conflict-policy",
                                         CONFLICT_LWW) == CONFLICT_SIBLINGS;
    struct store *held = atomic_load(&replica->held);
    int64_t hints_bytes = upkeep_setting(ring, "hints-max-bytes", 0);
    int64_t max_bytes = settings_int(settings, SETTING_MAXMEMORY);
    struct store_ring_stats stats;

    atomic_store(&replica->read_quorum,
                 (uint32_t)upkeep_setting(ring, "read-quorum", 2));
    atomic_store(&replica->write_quorum,
                 (uint32_t)upkeep_setting(ring, "write-quorum", 2));
    atomic_store(&replica->is_strict,
                 upkeep_setting(ring, "quorum-mode", 0) == 1);
    store_keep_siblings(replica->store, keeps_siblings);
    if (held != NULL) store_keep_siblings(held, keeps_siblings);
    store_ring_stats(ring->node->shared.store, &stats);
    atomic_store(&replica->has_pressure,
                 max_bytes > 0 && stats.tombstone_bytes >
                                      (uint64_t)max_bytes / TOMBSTONES_SHARE);
    atomic_store(&replica->forget_ms,
                 upkeep_setting(ring, "forget-after", 86400) * 1000);
    if (hints_bytes <= 0) hints_bytes = max_bytes / HINTS_SHARE;
    if (hints_bytes > 0)
        atomic_store(&replica->hints_max_bytes, (uint64_t)hints_bytes);
    if (atomic_load(&replica->hints) != NULL)
        hints_limit(atomic_load(&replica->hints),
                    atomic_load(&replica->hints_max_bytes));
}

void
upkeep_start(struct ring *ring, const struct node_config *config)
{
    struct keeper_effects effects = {keeper_send, keeper_served, keeper_settled,
                                     keeper_log, ring};
    struct keeper_config keeper = {
        .replica = ring->replica,
        .rng_seed = config->ring->member.rng_seed,
        .repair_ms =
            config->ring->repair_ms > 0 ? config->ring->repair_ms : REPAIR_MS,
        .budget_percent =
            (uint32_t)upkeep_setting(ring, "background-budget", 25),
    };

    ring->past = config->ring->ceiling;
    atomic_store(&ring->ceiling, ring->past.bits);
    atomic_store(&ring->ceiling_mark, ring->past.bits);
    store_watch_stamps(ring->node->shared.store, ring->past);
    store_set_node(ring->node->shared.store, config->store.node,
                   upkeep_life_ms(ring, config->store.wall_ms));
    agreed_start(ring);
    read_settings(ring);
    ring->keeper = keeper_new(&keeper, &effects);
}

void
upkeep_tick(struct worker *worker)
{
    struct ring *ring = worker->node->ring;

    agreed_tick(worker);
    read_settings(ring);
    read_paces(worker);
    look_for_strays(ring);
    evict_tick(worker);
    publish_load(worker);
}
