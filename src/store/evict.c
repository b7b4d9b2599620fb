/*
 * Memory: what is used, what may go, and moving objects out of sparse slabs.
 * inside.h has the picture of heat and hands.
 *
 * used     = other (resident, neither heap nor tables; learnt with each tick)
 *            + heap slabs and large objects + tables
 * resident = used + idle slabs; grows by whole chunks (huge pages)
 *
 * Room is kept ahead: a command starts only when there are RESERVE bytes in
 * idle memory or free cells, so no command has to evict while it holds a lock.
 * Free cells serve only their own size class. When whole slabs run short, the
 * sparsest slab of the class with most free cells is emptied by moving its
 * objects; only when no class could lose a slab is more evicted for it.
 */
#include "store/inside.h"

#include "base/err.h"
#include "base/memory.h"

#include <string.h>

enum {
    RESERVE_MOST = 512 * 1024,
    RESERVE_SHARE = 64, /* at most this part of maxmemory */
    EVICT_BATCH = 16,
    HAND_BUCKETS = 8,    /* buckets looked at under one lock */
    FRESH_SHARE = 10,    /* one in so many entries may be FRESH or AGED */
    ROUNDS_MAX = 100000, /* a bound on one call's work */
    IDLE_MUCH = 8 * 1024 * 1024,
    TRIM_SLABS = 64, /* each tick */
    GHOST_BITS_LEAST = 10,
    GHOST_BITS_MOST = 28,
};

/* Fingerprints of entries that left FRESH, by hash; newer ones replace. */
struct ghosts {
    uint32_t bits;
    _Atomic uint16_t mark[];
};

static uint64_t
total_keys(const struct store *store)
{
    uint64_t total = 0;
    uint32_t db;

    for (db = 0; db < STORE_DBS; db++)
        total += store_count(store, db);
    return total;
}

/* ---- ghosts ---- */

static void
ghosts_make(struct store *store)
{
    uint64_t total = total_keys(store);
    uint32_t bits = GHOST_BITS_LEAST;
    struct ghosts *ghosts;
    size_t bytes;

    while (bits < GHOST_BITS_MOST && (UINT64_C(1) << bits) < total)
        bits++;
    bytes = sizeof(*ghosts) + ((size_t)sizeof(uint16_t) << bits);
    ghosts = mem_try(bytes);
    if (ghosts == NULL) return; /* it does without */
    memset((void *)ghosts, 0, bytes);
    ghosts->bits = bits;
    atomic_store_explicit(&store->evictor.ghosts, ghosts, memory_order_release);
}

static uint16_t
ghost_mark(uint64_t hash)
{
    return (uint16_t)(hash >> 32 | 1);
}

static void
ghost_add(struct store *store, uint64_t hash)
{
    struct ghosts *ghosts =
        atomic_load_explicit(&store->evictor.ghosts, memory_order_acquire);

    if (ghosts == NULL) return;
    atomic_store_explicit(&ghosts->mark[hash >> (64 - ghosts->bits)],
                          ghost_mark(hash), memory_order_relaxed);
}

void
inside_warm_up(struct store *store, struct place place, uint64_t hash)
{
    struct ghosts *ghosts =
        atomic_load_explicit(&store->evictor.ghosts, memory_order_acquire);

    if (ghosts != NULL &&
        atomic_load_explicit(&ghosts->mark[hash >> (64 - ghosts->bits)],
                             memory_order_relaxed) == ghost_mark(hash)) {
        place_set_heat(place, HEAT_MAIN);
        return;
    }
    if (store->is_single) {
        atomic_store_explicit(&store->evictor.fresh_count,
                              atomic_load_explicit(&store->evictor.fresh_count,
                                                   memory_order_relaxed) +
                                  1,
                              memory_order_relaxed);
    } else {
        atomic_fetch_add_explicit(&store->evictor.fresh_count, 1,
                                  memory_order_relaxed);
    }
}

/* ---- hands ---- */

static bool
is_volatile_policy(uint32_t policy)
{
    return policy >= POLICY_VOLATILE_LRU;
}

static void
evict(struct store *store, struct found *found, int64_t wall_ms)
{
    struct object *object = place_object(found->place);
    uint64_t hash = inside_hash(store, object_db(object), object_key(object));

    if (place_heat(found->place) < HEAT_MAIN) ghost_add(store, hash);
    inside_take_out(store, found, object, hash, wall_ms);
    atomic_fetch_add_explicit(&store->evicted, 1, memory_order_relaxed);
}

/* Judges one entry; true if it was evicted. */
static bool
judge(struct store *store, struct found *found, bool is_fresh_hand,
      int64_t wall_ms)
{
    uint32_t heat = place_heat(found->place);

    if (is_fresh_hand) {
        if (heat >= HEAT_MAIN) return false;
        if (heat == HEAT_FRESH) {
            place_set_heat(found->place, HEAT_AGED);
            return false;
        }
    } else {
        if (heat < HEAT_MAIN) return false;
        if (heat > HEAT_MAIN) {
            place_set_heat(found->place, heat - 1);
            return false;
        }
    }
    evict(store, found, wall_ms);
    return true;
}

/* The hand's present table, moved on past ends; NULL when the slot is done. */
static struct table *
hand_table(struct slot *slot, struct hand *hand)
{
    while (hand->table < slot_table_count(slot)) {
        struct table *table = slot_table(slot, hand->table);

        if (hand->bucket < table->bucket_count) return table;
        hand->bucket = 0;
        hand->table += 1u << (dir_bits(slot) - table->depth);
    }
    return NULL;
}

static void
hand_next_slot(struct store *store, struct hand *hand)
{
    hand->slot = (hand->slot + 1) & (store->slot_count - 1);
    hand->table = hand->bucket = 0;
}

/* Looks at up to HAND_BUCKETS buckets under one lock; how many were evicted.
 */
static uint32_t
sweep(struct store *store, struct hand *hand, bool is_fresh_hand,
      uint32_t policy, int64_t wall_ms)
{
    struct slot *slot = &store->slots[hand->slot];
    uint32_t at = hand->slot, evicted = 0, looked, i;
    struct table *table;

    store_lock(store, at);
    table = hand_table(slot, hand);
    for (looked = 0; table != NULL && looked < HAND_BUCKETS; looked++) {
        for (i = 0; i < BUCKET_ENTRIES; i++) {
            struct found found = {
                slot, table, {&table->buckets[hand->bucket], i}, 0};

            if (found.place.bucket->entry[i] == 0) continue;
            if (is_volatile_policy(policy) && !place_has_expiry(found.place))
                continue;
            if (judge(store, &found, is_fresh_hand, wall_ms)) evicted++;
        }
        if (++hand->bucket == table->bucket_count) break;
    }
    if (evicted > 0) inside_shrink(store, table);
    if (hand_table(slot, hand) == NULL) hand_next_slot(store, hand);
    store_unlock(store, at);
    return evicted;
}

/* Evicts the entry that expires first, or any for a random policy, of some
 * buckets at the hand. */
static uint32_t
sweep_for_one(struct store *store, struct hand *hand, uint32_t policy,
              int64_t wall_ms)
{
    struct slot *slot = &store->slots[hand->slot];
    struct found best = {slot, NULL, {NULL, 0}, 0};
    uint32_t at = hand->slot, i;
    int64_t best_at = INT64_MAX;
    struct table *table;

    store_lock(store, at);
    table = hand_table(slot, hand);
    for (i = 0; table != NULL && i < HAND_BUCKETS * BUCKET_ENTRIES; i++) {
        uint32_t b = hand->bucket + i / BUCKET_ENTRIES;
        struct place place;
        int64_t expiry;

        if (b >= table->bucket_count) break;
        place = (struct place){&table->buckets[b], i % BUCKET_ENTRIES};
        if (place.bucket->entry[place.at] == 0) continue;
        if (is_volatile_policy(policy) && !place_has_expiry(place)) continue;
        expiry = policy == POLICY_VOLATILE_TTL
                     ? object_expiry_ms(place_object(place))
                     : (int64_t)(rng_next(&store->evictor.rng) >> 1);
        if (expiry <= best_at) {
            best_at = expiry;
            best.place = place;
        }
    }
    best.table = table;
    if (best.place.bucket != NULL) {
        evict(store, &best, wall_ms);
        inside_shrink(store, table);
    }
    hand->bucket += HAND_BUCKETS;
    if (hand_table(slot, hand) == NULL) hand_next_slot(store, hand);
    store_unlock(store, at);
    return best.place.bucket != NULL;
}

/* Evicts a few; 0: nothing that may be evicted was found anywhere. */
static uint32_t
evict_batch(struct store *store, uint32_t policy, int64_t wall_ms)
{
    struct evictor *evictor = &store->evictor;
    uint64_t total = total_keys(store), left;
    uint32_t evicted = 0;
    bool is_heat =
        policy == POLICY_ALLKEYS_LRU || policy == POLICY_ALLKEYS_LFU ||
        policy == POLICY_VOLATILE_LRU || policy == POLICY_VOLATILE_LFU;

    if (total == 0 || policy == POLICY_NOEVICTION) return 0;
    if (atomic_load_explicit(&evictor->ghosts, memory_order_relaxed) == NULL)
        ghosts_make(store);
    /* enough turns of both hands to cool everything down */
    left = (store->slot_count + total / BUCKET_ENTRIES) * 2 * (HEAT_TOP + 2);
    while (evicted < EVICT_BATCH && left > 0) {
        int64_t fresh =
            atomic_load_explicit(&evictor->fresh_count, memory_order_relaxed);
        bool is_fresh = fresh * FRESH_SHARE >= (int64_t)total;

        if (!is_heat) {
            evicted += sweep_for_one(store, &evictor->main, policy, wall_ms);
        } else {
            /* volatile entries may all be on the other side */
            if (is_volatile_policy(policy) && (left & 64)) is_fresh = !is_fresh;
            evicted += sweep(store, is_fresh ? &evictor->fresh : &evictor->main,
                             is_fresh, policy, wall_ms);
        }
        left--;
    }
    return evicted;
}

/* ---- moving ---- */

/* Moves the object in a cell elsewhere; its slot is locked. */
static bool
move_object(struct store *store, struct slot *slot, uint32_t slot_at,
            struct object *object)
{
    uint64_t hash = inside_hash(store, object_db(object), object_key(object));
    struct table *table = slot_table_of(slot, hash);
    uint32_t tag = hash_tag(hash, table->depth);
    struct place place = table_find_object(table, tag, object);
    size_t bytes = object_bytes(object);
    void *cell;

    ASSERT(place.bucket != NULL);
    cell = heap_take(store->heap, bytes, slot_at);
    if (cell == NULL) return false;
    memcpy(cell, object, bytes);
    place.bucket->entry[place.at] = entry_make(tag, cell);
    heap_give(store->heap, object, bytes);
    return true;
}

/* Empties the sparsest slab; false if that gained nothing. */
static bool
empty_a_slab(struct store *store)
{
    uint64_t before = heap_taken_bytes(store->heap);
    struct heap_slab *slab = heap_drain_begin(store->heap);
    uint32_t cells, i;

    if (slab == NULL) return false;
    cells = heap_slab_cells(slab);
    for (i = 0; i < cells; i++) {
        uint32_t at = heap_slab_owner(slab, i);

        if (at == HEAP_OWNER_FREE) continue;
        store_lock(store, at);
        /* it may have gone, even to another slot, before the lock was ours */
        if (heap_slab_owner(slab, i) == at &&
            move_object(store, &store->slots[at], at,
                        heap_slab_cell(slab, i))) {
            atomic_fetch_add_explicit(&store->relocations, 1,
                                      memory_order_relaxed);
        }
        store_unlock(store, at);
    }
    heap_drain_end(store->heap, slab);
    return heap_taken_bytes(store->heap) < before;
}

/* ---- room ---- */

static int64_t
used_bytes(const struct store *store)
{
    return atomic_load_explicit(&store->evictor.other_bytes,
                                memory_order_relaxed) +
           (int64_t)heap_taken_bytes(store->heap) +
           atomic_load_explicit(&store->table_bytes, memory_order_relaxed);
}

static int64_t
reserve_bytes(uint64_t max_bytes)
{
    uint64_t share = max_bytes / RESERVE_SHARE;

    return (int64_t)(share < RESERVE_MOST ? share : RESERVE_MOST);
}

struct room {
    bool is_enough; /* a command may start */
    bool has_slabs; /* whole slabs (and large objects) fit, too */
    bool must_trim; /* idle slabs are in the way of a large object */
};

/* By how much the heap's slabs may still grow the process, given that it may
 * grow by `headroom`. */
static int64_t
growth(const struct store *store, int64_t headroom)
{
    int64_t away = (int64_t)heap_away_bytes(store->heap);

    if (headroom <= away) return headroom;
    return away + (headroom - away) / HEAP_CHUNK_BYTES * HEAP_CHUNK_BYTES;
}

static struct room
look_at_room(const struct store *store, uint64_t max_bytes, size_t bytes)
{
    int64_t reserve = reserve_bytes(max_bytes);
    int64_t idle = (int64_t)heap_idle_bytes(store->heap);
    int64_t headroom = (int64_t)max_bytes - used_bytes(store) - idle;
    int64_t slack = idle + growth(store, headroom);
    int64_t cells = (int64_t)heap_free_cell_bytes(store->heap);
    bool is_large = bytes > HEAP_CELL_MAX;
    struct room room;

    room.must_trim = is_large && headroom < (int64_t)bytes && idle > 0;
    room.has_slabs = slack >= reserve / 2 && !room.must_trim &&
                     (!is_large || headroom >= (int64_t)bytes);
    room.is_enough =
        room.has_slabs && slack + cells >= reserve + (int64_t)bytes;
    return room;
}

static NOINLINE int
find_room(struct store *store, uint64_t max_bytes, size_t bytes,
          int64_t wall_ms)
{
    uint32_t policy =
        atomic_load_explicit(&store->evictor.policy, memory_order_relaxed);
    uint32_t round;

    for (round = 0; round < ROUNDS_MAX; round++) {
        struct room room = look_at_room(store, max_bytes, bytes);

        if (room.is_enough) return ERR_OK;
        if (room.must_trim) {
            heap_trim(store->heap, UINT32_MAX);
            continue;
        }
        if (!room.has_slabs && empty_a_slab(store)) continue;
        if (evict_batch(store, policy, wall_ms) == 0) break;
    }
    if (used_bytes(store) + (int64_t)bytes <= (int64_t)max_bytes) return ERR_OK;
    return ERR_MEMORY;
}

int
store_make_room(struct store *store, size_t bytes, int64_t wall_ms)
{
    uint64_t max_bytes =
        atomic_load_explicit(&store->evictor.max_bytes, memory_order_relaxed);
    int err;

    if (max_bytes == 0) return ERR_OK;
    if (LIKELY(look_at_room(store, max_bytes, bytes).is_enough)) return ERR_OK;
    lock_take(&store->evictor.lock);
    err = find_room(store, max_bytes, bytes, wall_ms);
    lock_drop(&store->evictor.lock);
    return err;
}

void
store_limit(struct store *store, uint64_t max_bytes, enum store_policy policy)
{
    atomic_store_explicit(&store->evictor.policy, (uint32_t)policy,
                          memory_order_relaxed);
    atomic_store_explicit(&store->evictor.max_bytes, max_bytes,
                          memory_order_relaxed);
}

/* Idle memory goes back at once above maxmemory, else little by little while
 * there is much of it. */
static void
give_back(struct store *store, uint64_t rss_bytes, uint64_t max_bytes)
{
    uint64_t idle = heap_idle_bytes(store->heap);

    if (max_bytes > 0 && rss_bytes > max_bytes) {
        heap_trim(store->heap, UINT32_MAX);
        mem_purge();
    } else if (idle > IDLE_MUCH + heap_taken_bytes(store->heap) / 8) {
        heap_trim(store->heap, TRIM_SLABS);
    }
}

void
store_tick(struct store *store, uint64_t rss_bytes, uint32_t budget,
           int64_t wall_ms)
{
    uint64_t max_bytes =
        atomic_load_explicit(&store->evictor.max_bytes, memory_order_relaxed);
    int64_t known =
        (int64_t)heap_taken_bytes(store->heap) +
        (int64_t)heap_idle_bytes(store->heap) +
        atomic_load_explicit(&store->table_bytes, memory_order_relaxed);
    int64_t other = (int64_t)rss_bytes - known;

    atomic_store_explicit(&store->evictor.other_bytes, other > 0 ? other : 0,
                          memory_order_relaxed);
    inside_expire(store, budget, wall_ms);
    give_back(store, rss_bytes, max_bytes);
    if (store_make_room(store, 0, wall_ms) != ERR_OK) return; /* as it is */
}

void
store_stats(const struct store *store, struct store_stats *stats)
{
    stats->expired = atomic_load(&store->expired);
    stats->evicted = atomic_load(&store->evicted);
    stats->heap_bytes = heap_taken_bytes(store->heap);
    stats->object_bytes = stats->heap_bytes - heap_free_cell_bytes(store->heap);
    stats->table_bytes = (uint64_t)atomic_load(&store->table_bytes) +
                         store->slot_count * sizeof(struct slot);
    stats->used_bytes = (uint64_t)used_bytes(store);
    stats->relocations = atomic_load(&store->relocations);
}

void
store_stats_reset(struct store *store)
{
    atomic_store(&store->expired, 0);
    atomic_store(&store->evicted, 0);
}
