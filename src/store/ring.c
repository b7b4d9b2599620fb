/*
 * A slot's life among copies: floors, tombstones and when they may go,
 * repaired-through, clocks.
 */
#include "store/inside.h"

#include "base/err.h"
#include "base/memory.h"

#include <string.h>

#define LEAST_NONE UINT64_MAX

void
store_join_ring(struct store *store, int64_t skew_ms)
{
    struct ring *ring = store->ring;
    uint32_t i;

    if (ring != NULL) {
        store_lock_all(store);
        ring->skew_ms = skew_ms;
        store_unlock_all(store);
        return;
    }
    ring = mem_must(sizeof(*ring));
    memset((void *)ring, 0, sizeof(*ring));
    ring->skew_ms = skew_ms;
    ring->slots = mem_must(store->slot_count * sizeof(struct ring_slot));
    memset((void *)ring->slots, 0,
           store->slot_count * sizeof(struct ring_slot));
    for (i = 0; i < store->slot_count; i++) {
        atomic_init(&ring->slots[i].least, LEAST_NONE);
        ring->slots[i].walk_least = LEAST_NONE;
    }
    store_lock_all(store); /* nobody is in the middle of something */
    store->ring = ring;
    store_unlock_all(store);
}

void
store_set_node(struct store *store, uint32_t node, int64_t wall_ms)
{
    uint32_t i;

    ASSERT(node <= STAMP_NODE_MAX);
    store->node = node;
    store->life = stamp_next(STAMP_NEVER, wall_ms, node);
    for (i = 0; i < store->slot_count; i++)
        store_learn(store, i, store->life);
}

void
store_rekey(struct store *store, const uint8_t seed[32])
{
    uint32_t i;

    for (i = 0; i < store->slot_count; i++)
        ASSERT(store->slots[i].used == 0);
    hash_key_init(&store->hash_key, seed);
}

struct store *
store_new_like(const struct store *store)
{
    struct store_config config = {
        .slot_count = store->slot_count,
        .node = store->node,
        .rng_seed = store->evictor.rng.state,
        .wall_ms = stamp_wall_ms(store->life),
        .is_single = store->is_single,
    };
    struct store *like = store_new(&config);

    ASSERT(like != NULL);
    like->hash_key = store->hash_key;
    store_keep_siblings(like, atomic_load(&store->keeps_siblings));
    store_join_ring(like, store->ring != NULL ? store->ring->skew_ms : 0);
    return like;
}

void
store_set_evict_hooks(struct store *store,
                      const struct store_evict_hooks *hooks)
{
    ASSERT(store->ring != NULL);
    lock_take(&store->evictor.lock);
    store_lock_all(store);
    store->hooks = *hooks;
    store_unlock_all(store);
    lock_drop(&store->evictor.lock);
}

void
store_keep_siblings(struct store *store, bool keeps)
{
    atomic_store(&store->keeps_siblings, keeps);
}

bool
store_keeps_siblings(const struct store *store, const struct store_key *key)
{
    (void)key; /* one policy for all */
    return atomic_load_explicit(&store->keeps_siblings, memory_order_relaxed);
}

/* ---- clocks ---- */

struct stamp
store_mint(struct store *store, uint32_t slot, int64_t wall_ms)
{
    return inside_mint(store, &store->slots[slot], wall_ms);
}

void
store_watch_stamps(struct store *store, struct stamp mark)
{
    atomic_store(&store->stamp_mark, mark.bits);
}

void
store_note_stamp(struct store *store, struct stamp promised)
{
    uint64_t known = atomic_load(&store->stamp_top);

    if (promised.bits <= atomic_load(&store->stamp_mark)) return;
    while (known < promised.bits &&
           !atomic_compare_exchange_weak(&store->stamp_top, &known,
                                         promised.bits)) {
    }
}

struct stamp
store_noted(const struct store *store)
{
    return (struct stamp){atomic_load(&store->stamp_top)};
}

struct stamp
store_clock(const struct store *store, uint32_t slot)
{
    return store->slots[slot].clock;
}

void
store_learn(struct store *store, uint32_t slot, struct stamp stamp)
{
    if (stamp.bits > store->slots[slot].clock.bits)
        store->slots[slot].clock = stamp;
}

struct stamp
inside_life(const struct store *store, uint32_t slot)
{
    if (LIKELY(store->ring == NULL)) return store->life;
    return store->ring->slots[slot].life.bits > store->life.bits
               ? store->ring->slots[slot].life
               : store->life;
}

void
inside_end_life(struct store *store, uint32_t slot)
{
    store->ring->slots[slot].life.bits = store->slots[slot].clock.bits + 1;
}

uint64_t
inside_watch_absent(struct store *store, const struct store_key *key)
{
    const uint64_t absent = UINT64_C(0x61627365);
    struct found found = inside_find(store, key);

    if (found.place.bucket != NULL)
        return hash_mix(object_version(place_object(found.place)), absent);
    return hash_mix(inside_floor(store, key->slot, key->db).bits, absent);
}

/* ---- floors ---- */

uint64_t
inside_floor_digest(uint32_t db, struct stamp floor)
{
    const uint64_t name = UINT64_C(0x666c6f6f72000000);

    return floor.bits > 0 ? hash_mix(name + db, floor.bits) : 0;
}

struct stamp
store_floor(const struct store *store, uint32_t slot, uint32_t db)
{
    return inside_floor(store, slot, db);
}

static void
cut_table(struct store *store, struct slot *slot, struct table *table,
          int32_t db, int64_t wall_ms)
{
    uint32_t b, i;
    bool has_gone = false;

    for (b = 0; b < table->bucket_count; b++) {
        for (i = 0; i < BUCKET_ENTRIES; i++) {
            struct found found = {
                slot, table, {&table->buckets[b], i}, 0, false};
            struct object *object;
            uint64_t hash;

            if (found.place.bucket->entry[i] == 0) continue;
            object = place_object(found.place);
            if (db >= 0 && object_db(object) != (uint32_t)db) continue;
            hash = inside_hash(store, object_db(object), object_key(object));
            found.tag = hash_tag(hash, table->depth);
            if (inside_cut(store, &found, hash, wall_ms)) has_gone = true;
        }
    }
    if (has_gone) inside_shrink(store, table);
}

void
inside_raise_floors(struct store *store, uint32_t slot_at, int32_t db,
                    struct stamp stamp, int64_t wall_ms)
{
    struct slot *slot = &store->slots[slot_at];
    struct ring_slot *ring = &store->ring->slots[slot_at];
    uint32_t first = db < 0 ? 0 : (uint32_t)db, i;
    uint32_t last = db < 0 ? STORE_DBS - 1 : first;
    bool has_risen = false;

    ASSERT(first < STORE_DBS);
    store_learn(store, slot_at, stamp);
    if (ring->floors == NULL) {
        ring->floors = mem_must(STORE_DBS * sizeof(struct stamp));
        memset(ring->floors, 0, STORE_DBS * sizeof(struct stamp));
    }
    for (i = first; i <= last; i++) {
        struct stamp *floor = &ring->floors[i];

        if (stamp.bits <= floor->bits) continue;
        slot->digest ^= inside_floor_digest(i, *floor);
        *floor = stamp;
        slot->digest ^= inside_floor_digest(i, *floor);
        has_risen = true;
    }
    for (i = 0; has_risen && slot->used > 0 && i < slot_table_count(slot);) {
        struct table *table = slot_table(slot, i);

        cut_table(store, slot, table, db, wall_ms);
        i += 1u << (dir_bits(slot) - table->depth);
    }
}

void
store_raise_floor(struct store *store, uint32_t slot, uint32_t db,
                  struct stamp stamp, int64_t wall_ms)
{
    ASSERT(db < STORE_DBS);
    inside_raise_floors(store, slot, (int32_t)db, stamp, wall_ms);
}

void
store_forget_slot(struct store *store, uint32_t slot_at)
{
    struct slot *slot = &store->slots[slot_at];
    struct ring_slot *ring = &store->ring->slots[slot_at];

    inside_wipe(store, slot, -1, 0);
    mem_free(ring->floors);
    ring->floors = NULL;
    slot->digest = 0;
    atomic_store_explicit(&ring->repaired, 0, memory_order_relaxed);
    atomic_store_explicit(&ring->evicted, 0, memory_order_relaxed);
}

/* ---- tombstones ---- */

static void
note_least(struct ring_slot *ring, uint64_t newest)
{
    if (newest < atomic_load_explicit(&ring->least, memory_order_relaxed))
        atomic_store_explicit(&ring->least, newest, memory_order_relaxed);
    if (newest < ring->walk_least) ring->walk_least = newest;
}

void
inside_count_tombstone(struct store *store, uint32_t slot,
                       const struct object *object, int32_t delta)
{
    struct ring *ring = store->ring;

    ring->slots[slot].tombstones += (uint32_t)delta;
    if (delta > 0) note_least(&ring->slots[slot], object_newest(object).bits);
    atomic_fetch_add_explicit(&ring->tombstones, delta, memory_order_relaxed);
    atomic_fetch_add_explicit(&ring->tombstone_bytes,
                              delta * (int64_t)object_bytes(object),
                              memory_order_relaxed);
}

/* What is newer must stay. */
static uint64_t
purge_limit(const struct store *store, uint32_t slot, int64_t wall_ms)
{
    uint64_t limit =
        stamp_next(STAMP_NEVER, wall_ms - STORE_TOMBSTONE_MS, 0).bits;

    limit = min_u64(limit, atomic_load_explicit(&store->ring->purge_bound,
                                                memory_order_relaxed));
    return min_u64(limit,
                   atomic_load_explicit(&store->ring->slots[slot].repaired,
                                        memory_order_relaxed));
}

bool
inside_may_purge(const struct store *store, uint32_t slot, struct stamp newest,
                 int64_t wall_ms)
{
    return newest.bits <= purge_limit(store, slot, wall_ms);
}

void
inside_bury(struct store *store, struct found *found,
            const struct store_key *key, struct stamp stamp,
            const struct tail *tail, bool keeps_expiry)
{
    struct object *object = place_object(found->place);
    struct draft draft = {.is_tombstone = true, .stamp = stamp, .tail = tail};

    if (keeps_expiry) {
        draft.has_expiry = true;
        draft.expire_ms = object_expiry_ms(object);
        draft.expire_stamp = object_expiry_stamp(object);
    }
    found->is_dead = false; /* what expires is counted by who finds it */
    object = inside_put(store, found, key, &draft);
    if (object == NULL) {
        inside_take_out(store, found, place_object(found->place), key->hash, 0);
        return;
    }
    inside_seal(found, key, object);
}

void
inside_end_expired(struct store *store, struct found *found,
                   struct object *object, uint64_t hash, int64_t wall_ms)
{
    struct bytes name = object_key(object);
    struct store_key key = {.hash = hash, .db = object_db(object)};
    struct buf copy = {0};
    struct tail tail;

    key.slot = slot_index(store, found->slot);
    if (object->flags & OBJECT_SIBLINGS) {
        if (!inside_renew(store, found, hash, true))
            inside_take_out(store, found, place_object(found->place), hash,
                            wall_ms);
        return;
    }
    if (store->ring == NULL ||
        inside_may_purge(store, key.slot, object_newest(object), wall_ms) ||
        buf_add(&copy, name.data, name.size) != ERR_OK) {
        inside_take_out(store, found, object, hash, wall_ms);
        return;
    }
    key.name = buf_bytes(&copy); /* the object is about to go */
    found->tag = hash_tag(hash, found->table->depth);
    inside_bury(store, found, &key, inside_grave_stamp(object),
                inside_tail(object, &tail), true);
    buf_deinit(&copy);
}

void
inside_met_expired(struct store *store, struct found *found,
                   struct object *object, uint64_t hash, int64_t wall_ms)
{
    if (store->ring != NULL) {
        if (object->flags & OBJECT_TOMBSTONE) return;
        if (!object_is_expired(object, wall_ms - store->ring->skew_ms)) return;
    }
    inside_end_expired(store, found, object, hash, wall_ms);
    inside_shrink(store, found->table);
    atomic_fetch_add_explicit(&store->expired, 1, memory_order_relaxed);
}

/* ---- purging ---- */

static void
purge_table(struct store *store, struct slot *slot, struct table *table,
            uint64_t limit, int64_t wall_ms)
{
    struct ring_slot *ring = &store->ring->slots[slot_index(store, slot)];
    bool has_gone = false;
    uint32_t b, i;

    for (b = 0; b < table->bucket_count; b++) {
        for (i = 0; i < BUCKET_ENTRIES; i++) {
            struct found found = {
                slot, table, {&table->buckets[b], i}, 0, false};
            struct object *object;
            uint64_t newest;

            if (found.place.bucket->entry[i] == 0) continue;
            if (place_heat(found.place) != HEAT_TOMBSTONE) continue;
            object = place_object(found.place);
            newest = object_newest(object).bits;
            if (newest > limit) {
                if (newest < ring->walk_least) ring->walk_least = newest;
                continue;
            }
            inside_take_out(
                store, &found, object,
                inside_hash(store, object_db(object), object_key(object)),
                wall_ms);
            has_gone = true;
        }
    }
    if (has_gone) inside_shrink(store, table);
}

/* Goes on with the slot at the hand; false: the budget ended first. */
static bool
purge_slot(struct store *store, uint32_t at, uint32_t *budget, int64_t wall_ms)
{
    struct slot *slot = &store->slots[at];
    struct ring *ring = store->ring;
    struct ring_slot *own = &ring->slots[at];
    uint64_t limit = purge_limit(store, at, wall_ms);

    if (ring->purge_table == 0) own->walk_least = LEAST_NONE;
    while (ring->purge_table < slot_table_count(slot)) {
        struct table *table = slot_table(slot, ring->purge_table);

        if (*budget == 0) return false;
        (*budget)--;
        purge_table(store, slot, table, limit, wall_ms);
        ring->purge_table += 1u << (dir_bits(slot) - table->depth);
    }
    ring->purge_table = 0;
    atomic_store_explicit(&own->least, own->walk_least, memory_order_relaxed);
    return true;
}

void
inside_purge(struct store *store, uint32_t budget, int64_t wall_ms)
{
    struct ring *ring = store->ring;
    uint32_t i;

    if (atomic_load_explicit(&ring->tombstones, memory_order_relaxed) == 0)
        return;
    for (i = 0; i < store->slot_count; i++) {
        uint32_t at = ring->purge_slot;
        bool is_done = true;

        if (atomic_load_explicit(&ring->slots[at].least,
                                 memory_order_relaxed) <=
            purge_limit(store, at, wall_ms)) {
            store_lock(store, at);
            is_done = purge_slot(store, at, &budget, wall_ms);
            store_unlock(store, at);
        } else {
            ring->purge_table = 0;
        }
        if (!is_done) return;
        ring->purge_slot = (at + 1) & (store->slot_count - 1);
    }
}

uint32_t
store_slot_tombstones(const struct store *store, uint32_t slot)
{
    return store->ring != NULL ? store->ring->slots[slot].tombstones : 0;
}

void
store_set_repaired(struct store *store, uint32_t slot, struct stamp stamp)
{
    _Atomic uint64_t *repaired = &store->ring->slots[slot].repaired;

    if (stamp.bits > atomic_load_explicit(repaired, memory_order_relaxed))
        atomic_store_explicit(repaired, stamp.bits, memory_order_relaxed);
}

struct stamp
store_repaired(const struct store *store, uint32_t slot)
{
    if (store->ring == NULL) return STAMP_NEVER;
    return (struct stamp){atomic_load_explicit(
        &store->ring->slots[slot].repaired, memory_order_relaxed)};
}

struct stamp
store_evicted(const struct store *store, uint32_t slot)
{
    if (store->ring == NULL) return STAMP_NEVER;
    return (struct stamp){atomic_load_explicit(
        &store->ring->slots[slot].evicted, memory_order_relaxed)};
}

void
store_raise_evicted(struct store *store, uint32_t slot, struct stamp stamp)
{
    _Atomic uint64_t *evicted = &store->ring->slots[slot].evicted;

    if (stamp.bits > atomic_load_explicit(evicted, memory_order_relaxed))
        atomic_store_explicit(evicted, stamp.bits, memory_order_relaxed);
}

void
store_set_purge_bound(struct store *store, struct stamp stamp)
{
    atomic_store_explicit(&store->ring->purge_bound, stamp.bits,
                          memory_order_relaxed);
}

void
store_ring_stats(const struct store *store, struct store_ring_stats *out)
{
    const struct ring *ring = store->ring;

    *out = (struct store_ring_stats){0};
    if (ring == NULL) return;
    out->tombstones = (uint64_t)atomic_load(&ring->tombstones);
    out->tombstone_bytes = (uint64_t)atomic_load(&ring->tombstone_bytes);
    out->equal_stamps = atomic_load(&ring->equal_stamps);
    out->conflicts = atomic_load(&ring->conflicts);
    out->siblings_lost = atomic_load(&ring->siblings_lost);
    out->damaged = atomic_load(&ring->damaged);
}
