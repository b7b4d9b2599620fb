/*
 * What worker 0 does now and then: steps the keeper, saves the ceiling, tells
 * the others of this node's load.
 *
 * The ceiling is a stamp that no clock of this life has reached. It is saved a
 * minute ahead and renewed ten seconds before it is reached, so it costs one
 * write of a small file in fifty seconds.
 */
#include "node/inside.h"

#include "base/memory.h"
#include "replica/keeper.h"

#include <string.h>

enum {
    CEILING_AHEAD_MS = 60 * 1000, /* saved so far ahead */
    CEILING_LEAST_MS = 10 * 1000, /* and anew before less is left */
    CEILING_SLOTS = 1024,         /* clocks looked at in a tick */
    LOAD_MS = 1000,
    REPAIR_MS = 2000,
    HINTS_SHARE = 10, /* of maxmemory, unless hints-max-bytes is set */
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

/* The clocks are walked over a part at a time. */
static void
look_at_clocks(struct ring *ring)
{
    struct store *store = ring->node->shared.store;
    uint32_t count = store_slot_count(store), left;

    for (left = count < CEILING_SLOTS ? count : CEILING_SLOTS; left > 0;
         left--) {
        uint32_t slot = ring->ceiling_slot++ & (count - 1);
        struct stamp clock;

        store_lock(store, slot);
        clock = store_clock(store, slot);
        store_unlock(store, slot);
        if (clock.bits > ring->highest.bits) ring->highest = clock;
    }
}

static void
save_ceiling(struct ring *ring, int64_t wall_ms)
{
    const struct node_effects *effects = &ring->node->effects;
    int64_t highest_ms = stamp_wall_ms(ring->highest);
    char bytes[8];
    uint32_t i;

    if (highest_ms < wall_ms) highest_ms = wall_ms;
    if (ring->ceiling.bits > stamp_at(highest_ms + CEILING_LEAST_MS).bits)
        return;
    ring->ceiling = stamp_at(highest_ms + CEILING_AHEAD_MS);
    for (i = 0; i < 8; i++)
        bytes[i] = (char)(ring->ceiling.bits >> (8 * i) & 255);
    effects->save(effects->self, NODE_FILE_CEILING, bytes_of(bytes, 8));
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

static void
publish_load(struct worker *worker)
{
    struct ring *ring = worker->node->ring;
    struct replica *replica = ring->replica;
    struct member_facts load = {.oldest_held = UINT64_MAX};
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
    load.dirty_slots = atomic_load(&replica->dirty_slots);
    load.unsettled_slots = atomic_load(&replica->unsettled);
    ring->load_commands = commands;
    ring->load_ms = worker->env->now_ms;
    ring_enter(worker, NULL);
    members_set_load(ring->members, &load);
    ring_leave(worker);
}

int64_t
upkeep_setting(const struct ring *ring, const char *name, int64_t value)
{
    const struct settings *settings = ring->node->shared.settings;
    int id = settings_find(bytes_str(name));

    return id >= 0 ? settings_int(settings, (enum setting)id) : value;
}

/* What CONFIG SET may have changed. */
static void
read_settings(struct ring *ring)
{
    struct replica *replica = ring->replica;
    const struct settings *settings = ring->node->shared.settings;
    int64_t hints_bytes = upkeep_setting(ring, "hints-max-bytes", 0);

    atomic_store(&replica->read_quorum,
                 (uint32_t)upkeep_setting(ring, "read-quorum", 2));
    atomic_store(&replica->write_quorum,
                 (uint32_t)upkeep_setting(ring, "write-quorum", 2));
    atomic_store(&replica->is_strict,
                 upkeep_setting(ring, "quorum-mode", 0) == 1);
    if (hints_bytes <= 0)
        hints_bytes = settings_int(settings, SETTING_MAXMEMORY) / HINTS_SHARE;
    if (hints_bytes > 0)
        atomic_store(&replica->hints_max_bytes, (uint64_t)hints_bytes);
}

void
upkeep_start(struct ring *ring, const struct node_config *config)
{
    struct keeper_effects effects = {keeper_send, keeper_served, keeper_settled,
                                     keeper_log, ring};
    struct keeper_config keeper = {
        .replica = ring->replica,
        .rng_seed = config->ring->member.rng_seed,
        .repair_ms = REPAIR_MS,
        .budget_percent =
            (uint32_t)upkeep_setting(ring, "background-budget", 25),
    };

    ring->past = ring->highest = config->ring->ceiling;
    save_ceiling(ring, config->store.wall_ms);
    read_settings(ring);
    ring->keeper = keeper_new(&keeper, &effects);
}

void
upkeep_tick(struct worker *worker)
{
    struct ring *ring = worker->node->ring;

    read_settings(ring);
    look_at_clocks(ring);
    save_ceiling(ring, worker->env->wall_ms);
    publish_load(worker);
}
