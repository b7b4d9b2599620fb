/*
 * Promises and tenures of single slots, the choice of the primary, dirty
 * marks. All small; the keeper makes something of them.
 */
#include "replica/replica.h"

#include "base/memory.h"
#include "replica/inside.h"

/* Until the settings say more. */
#define FORGET_MS (INT64_C(24) * 3600 * 1000)

enum {
    HINTS_BYTES = 64 * 1024 * 1024, /* until the settings say more */
    ADOPT_ENTRIES = 64,
};

struct replica *
replica_new(const struct replica_config *config)
{
    struct replica *replica = mem_must_zero(sizeof(*replica));
    size_t bytes = config->slot_count * sizeof(*replica->slots);
    uint32_t i;

    ASSERT(config->slot_count > 0);
    replica->store = config->store;
    replica->slot_count = config->slot_count;
    replica->has_lived = config->ceiling.bits != 0;
    replica->slots = mem_try_aligned(bytes, _Alignof(struct slot_state));
    ASSERT(replica->slots != NULL);
    memset(replica->slots, 0, bytes);
    replica->under_way =
        mem_must_zero(config->slot_count * sizeof(*replica->under_way));
    for (i = 0; i < config->slot_count; i++) {
        replica->slots[i].promised = config->ceiling;
        replica->slots[i].promised_to = RING_NOBODY;
        replica->slots[i].lent_to = RING_NOBODY;
    }
    atomic_init(&replica->hints_max_bytes, HINTS_BYTES);
    atomic_init(&replica->forget_ms, FORGET_MS);
    atomic_init(&replica->read_quorum, 1);
    atomic_init(&replica->write_quorum, 1);
    return replica;
}

static void
dirty_free(struct dirty *dirty)
{
    if (dirty == NULL) return;
    mem_free(dirty->marked);
    mem_free(dirty->fresh);
    mem_free(dirty);
}

void
replica_free(struct replica *replica)
{
    uint32_t i;

    if (replica == NULL) return;
    for (i = 0; i < RING_NUMBERS; i++) {
        dirty_free(atomic_load(&replica->dirty[i]));
    }
    store_free(atomic_load(&replica->held));
    hints_free(atomic_load(&replica->hints));
    mem_free(replica->slots);
    mem_free(replica->under_way);
    mem_free(replica);
}

uint32_t
replica_primary(const struct replica *replica, const struct ring_list *list)
{
    uint32_t i, second = RING_NOBODY, third = RING_NOBODY;

    for (i = 0; i < list->count; i++) {
        uint32_t health = replica_health(replica, list->owners[i]);

        if (!(health & PEER_REACHABLE)) continue;
        if (!(health & PEER_PASSIVE)) return list->owners[i];
        if (health & PEER_RETURNING) {
            if (third == RING_NOBODY) third = list->owners[i];
        } else if (second == RING_NOBODY) {
            second = list->owners[i];
        }
    }
    return second != RING_NOBODY ? second : third;
}

uint32_t
replica_cut(uint32_t quorum, const struct ring_list *list)
{
    if (quorum > list->count) quorum = list->count;
    return quorum > 0 ? quorum : 1;
}

uint32_t
replica_w(const struct replica *replica, const struct ring_list *list)
{
    return replica_cut(
        atomic_load_explicit(&replica->write_quorum, memory_order_relaxed),
        list);
}

uint32_t
replica_r(const struct replica *replica, const struct ring_list *list)
{
    return replica_cut(
        atomic_load_explicit(&replica->read_quorum, memory_order_relaxed),
        list);
}

/* ---- under the slot's lock ---- */

bool
replica_may_write(const struct replica *replica, uint32_t slot,
                  uint32_t list_hash)
{
    const struct slot_state *state = &replica->slots[slot];

    ASSERT(slot < replica->slot_count);
    if (atomic_load_explicit(&replica->is_alone, memory_order_relaxed)) {
        return true;
    }
    return state->tenure != TENURE_NONE && state->list_hash == list_hash &&
           LIKELY(!replica_is_lent(replica, slot));
}

bool
replica_is_lent(const struct replica *replica, uint32_t slot)
{
    uint32_t to = replica->slots[slot].lent_to;

    return UNLIKELY(to != RING_NOBODY) && to != replica->self;
}

static void
end_tenure(struct replica *replica, struct slot_state *state)
{
    if (state->tenure == TENURE_NONE) return;
    state->tenure = TENURE_NONE;
    state->promiser_count = 0;
    state->is_short = false;
    atomic_fetch_add_explicit(&replica->tenures_lost, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&replica->wanted, 1, memory_order_relaxed);
}

bool
replica_promise(struct replica *replica, uint32_t slot, struct stamp tenure,
                uint32_t holder)
{
    struct slot_state *state = &replica->slots[slot];

    ASSERT(slot < replica->slot_count);
    if (LIKELY(tenure.bits == state->promised.bits)) {
        return holder == state->promised_to;
    }
    if (tenure.bits < state->promised.bits) return false;
    end_tenure(replica, state);
    state->promised = tenure;
    state->promised_to = (uint16_t)holder;
    store_note_stamp(replica->store, tenure); /* for the ceiling */
    return true;
}

void
replica_lose(struct replica *replica, uint32_t slot, struct stamp seen)
{
    struct slot_state *state = &replica->slots[slot];

    ASSERT(slot < replica->slot_count);
    /* a refusal of a tenure that was renewed since says nothing */
    if (seen.bits != 0 && seen.bits <= state->promised.bits) return;
    end_tenure(replica, state);
    if (seen.bits == 0) return;
    state->promised = seen;
    state->promised_to = (uint16_t)stamp_node(seen);
}

bool
replica_is_settled(const struct replica *replica, uint32_t slot)
{
    ASSERT(slot < replica->slot_count);
    return replica->slots[slot].is_settled ||
           atomic_load_explicit(&replica->is_alone, memory_order_relaxed);
}

/* ---- dirty marks ---- */

static struct dirty *
dirty_of(struct replica *replica, uint32_t target)
{
    struct dirty *dirty = atomic_load(&replica->dirty[target]), *seen = NULL;
    size_t bytes = (replica->slot_count + 63) / 64 * sizeof(uint64_t);

    if (dirty != NULL) return dirty;
    dirty = mem_must_zero(sizeof(*dirty));
    dirty->fresh = mem_must_zero(bytes);
    dirty->marked = mem_must_zero(bytes);
    if (!atomic_compare_exchange_strong(&replica->dirty[target], &seen,
                                        dirty)) {
        dirty_free(dirty); /* another thread was first */
        return seen;
    }
    return dirty;
}

static void
set_mark(struct replica *replica, struct dirty *dirty, uint32_t slot)
{
    uint64_t bit = UINT64_C(1) << slot % 64;

    if (atomic_fetch_or(&dirty->marked[slot / 64], bit) & bit) return;
    atomic_fetch_add(&dirty->count, 1);
    atomic_fetch_add(&replica->dirty_slots, 1);
}

static void
take_mark(struct replica *replica, struct dirty *dirty, uint32_t slot)
{
    uint64_t bit = UINT64_C(1) << slot % 64;

    if (!(atomic_fetch_and(&dirty->marked[slot / 64], ~bit) & bit)) return;
    atomic_fetch_sub(&replica->dirty_slots, 1);
    atomic_fetch_sub(&dirty->count, 1);
}

void
replica_mark_dirty(struct replica *replica, uint32_t target, uint32_t slot)
{
    struct dirty *dirty;

    ASSERT(target < RING_NUMBERS);
    ASSERT(slot < replica->slot_count);
    dirty = dirty_of(replica, target);
    atomic_fetch_or(&dirty->fresh[slot / 64], UINT64_C(1) << slot % 64);
    set_mark(replica, dirty, slot);
    atomic_fetch_add_explicit(&replica->wanted, 1, memory_order_relaxed);
}

bool
replica_is_dirty(const struct replica *replica, uint32_t target, uint32_t slot)
{
    const struct dirty *dirty = atomic_load(&replica->dirty[target]);

    ASSERT(slot < replica->slot_count);
    return dirty != NULL &&
           (atomic_load(&dirty->marked[slot / 64]) >> slot % 64 & 1) != 0;
}

uint32_t
replica_dirty_count(const struct replica *replica, uint32_t target)
{
    const struct dirty *dirty = atomic_load(&replica->dirty[target]);

    return dirty != NULL ? atomic_load(&dirty->count) : 0;
}

void
inside_dirty_begin(struct replica *replica, uint32_t target, uint32_t slot)
{
    struct dirty *dirty = atomic_load(&replica->dirty[target]);

    if (dirty == NULL) return;
    atomic_fetch_and(&dirty->fresh[slot / 64], ~(UINT64_C(1) << slot % 64));
}

void
inside_dirty_end(struct replica *replica, uint32_t target, uint32_t slot)
{
    struct dirty *dirty = atomic_load(&replica->dirty[target]);
    uint64_t bit = UINT64_C(1) << slot % 64;

    if (dirty == NULL) return;
    if (atomic_load(&dirty->fresh[slot / 64]) & bit) return;
    take_mark(replica, dirty, slot);
    if (atomic_load(&dirty->fresh[slot / 64]) & bit) {
        set_mark(replica, dirty, slot);
    }
}

void
inside_dirty_drop(struct replica *replica, uint32_t target, uint32_t slot)
{
    struct dirty *dirty = atomic_load(&replica->dirty[target]);

    if (dirty != NULL) take_mark(replica, dirty, slot);
}

void
replica_unsettle(struct replica *replica, uint32_t slot)
{
    struct slot_state *state = &replica->slots[slot];

    ASSERT(slot < replica->slot_count);
    if (!state->is_settled) {
        state->has_lost |= state->is_doubtful; /* more than doubt */
        state->is_doubtful = false;
        return;
    }
    state->is_settled = false;
    state->has_lost = true;
    atomic_fetch_add_explicit(&replica->unsettled, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&replica->wanted, 1, memory_order_relaxed);
}

/* ---- forgotten ---- */

void
replica_doubt_all(struct replica *replica)
{
    uint32_t slot;

    for (slot = 0; slot < replica->slot_count; slot++) {
        store_lock(replica->store, slot);
        if (replica->slots[slot].is_settled) {
            end_tenure(replica, &replica->slots[slot]);
            replica_unsettle(replica, slot);
            replica->slots[slot].is_doubtful = true;
        }
        store_unlock(replica->store, slot);
    }
}

struct stamp
replica_forgotten_by(const struct replica *replica, uint32_t slot,
                     struct stamp repaired)
{
    const struct slot_state *state = &replica->slots[slot];

    if (!state->is_doubtful || repaired.bits <= state->compared.bits ||
        repaired.bits <= store_repaired(replica->store, slot).bits)
        return STAMP_NEVER;
    return repaired;
}

bool
replica_is_relic(struct replica *replica, uint32_t from,
                 const struct store_key *key, struct stamp newest)
{
    return newest.bits <= atomic_load_explicit(&replica->forgotten[from],
                                               memory_order_relaxed) &&
           store_version(replica->store, key) == 0;
}

/* ---- copies kept for others ---- */

void
replica_standin(struct replica *replica)
{
    if (atomic_load_explicit(&replica->hints, memory_order_acquire) != NULL)
        return;
    lock_take(&replica->standin_lock);
    if (atomic_load(&replica->hints) == NULL) {
        atomic_store(&replica->held, store_new_like(replica->store));
        atomic_store_explicit(
            &replica->hints,
            hints_new(atomic_load_explicit(&replica->hints_max_bytes,
                                           memory_order_relaxed)),
            memory_order_release);
    }
    lock_drop(&replica->standin_lock);
}

void
replica_drop_held(struct replica *replica, uint32_t slot, uint64_t hash,
                  int64_t wall_ms)
{
    struct store *held = atomic_load(&replica->held);
    struct hints *hints = atomic_load(&replica->hints);
    struct record record;

    if (held == NULL) return;
    store_lock(held, slot);
    if (!hints_has(hints, slot, hash) &&
        store_record_of(held, slot, hash, wall_ms, &record)) {
        struct store_key key = store_key(held, record.db, record.key);

        (void)store_drop_version(held, slot, hash, store_newest(held, &key),
                                 wall_ms);
    }
    store_unlock(held, slot);
}

bool
replica_has_hint_room(struct replica *replica, size_t bytes, uint32_t hints)
{
    struct store_stats stats = {0};
    uint64_t count = replica_hint_count(replica) + hints;

    store_stats(atomic_load(&replica->held), &stats);
    return stats.object_bytes + bytes + count * HINT_BYTES <=
           atomic_load(&replica->hints_max_bytes);
}

void
replica_adopt(struct replica *replica, const struct store_key *key,
              const struct record *record, int64_t wall_ms)
{
    replica->slots[key->slot].brought++;
    (void)replica_merge(replica, key, record,
                        replica_tenure_of(replica, key->slot, record->stamp),
                        wall_ms, NULL);
}

static void
adopt_held(struct replica *replica, struct store *held, uint32_t slot,
           uint64_t hash, int64_t wall_ms)
{
    struct record record;
    struct store_key key;

    if (!store_record_of(held, slot, hash, wall_ms, &record)) return;
    key = store_key(held, record.db, record.key);
    store_lock(replica->store, slot);
    replica_adopt(replica, &key, &record, wall_ms);
    store_unlock(replica->store, slot);
}

void
replica_adopt_held(struct replica *replica, uint32_t slot, int64_t wall_ms)
{
    struct store *held = atomic_load(&replica->held);
    struct store_entry entries[ADOPT_ENTRIES];
    uint64_t from = 0;

    if (held == NULL) return;
    do {
        uint32_t count, i;

        store_lock(held, slot);
        count = store_entries(held, slot, from, ADOPT_ENTRIES, entries, &from);
        for (i = 0; i < count; i++)
            adopt_held(replica, held, slot, entries[i].hash, wall_ms);
        store_unlock(held, slot);
    } while (from != 0);
}

uint64_t
replica_hint_count(const struct replica *replica)
{
    struct hints *hints =
        atomic_load_explicit(&replica->hints, memory_order_acquire);

    return hints != NULL ? hints_count(hints) : 0;
}
