/*
 * Memory: what is used, what may go, and moving objects out of sparse slabs.
 * inside.h has the picture of heat and hands.
 *
 * used     = other (resident, neither heap nor tables; learnt with each tick)
 *            + heap slabs and large objects + tables
 * resident = used + idle slabs; grows by whole chunks (huge pages)
 *            + large objects released, as long as the allocator keeps pages
 * aim      = what used may be: maxmemory less some room for clients' buffers
 *
 * Room is kept ahead: a command starts only when there are RESERVE bytes in
 * idle memory or free cells, so no command has to evict while it holds a lock.
 * Free cells serve only their own size class. When whole slabs run short, the
 * sparsest slab of the class with most free cells is emptied by moving its
 * objects; only when no class could lose a slab is more evicted for it.
 *
 * One call's work is bounded, so no client waits for a whole turn of a hand:
 * a search that has judged many entries in vain takes warmer ones, too, and
 * far above the limit (maxmemory was lowered) each call goes down a step.
 */
#include "store/inside.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/memory.h"

#include <string.h>

enum {
    RESERVE_MOST = 4 * 1024 * 1024,
    RESERVE_SHARE = 64, /* at most this part of maxmemory */
    BUFFERS_MOST = 8 * 1024 * 1024,
    BUFFERS_SHARE = 64,       /* at most this part of maxmemory */
    STEP_BYTES = 1024 * 1024, /* a call that freed so much has done its part */
    TICK_STEPS = 16,
    EVICT_BATCH = 16,
    EVICT_EACH = 1024,      /* one more in a batch for so many bytes wanted */
    EVICT_BATCH_MOST = 512, /* evictions between two looks at what is free */
    HAND_BUCKETS = 8,       /* buckets looked at under one lock */
    PATIENCE = 8192,        /* entries judged until warmer ones go, too */
    PATIENCE_EACH = 64,     /* and for each that went so many more */
    LOOK_AGAIN = 16,        /* sweeps until it is asked whether any are left */
    FRESH_SHARE = 10,       /* one in so many entries may be FRESH or AGED */
    ROUNDS_MAX = 100000,    /* if others take what one call frees */
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

/* One call's search for what may go. */
struct search {
    uint32_t policy;
    int64_t wall_ms;
    uint64_t seen, evicted; /* entries, by this call */
    uint64_t bytes;         /* of what it evicted */
    uint32_t barren;        /* looks in a row that saw nothing to judge */
    bool (*may)(void *self, uint32_t slot); /* besides the hooks'; or NULL */
    void *self;
};

/* False: there is no memory for one. */
static bool
leave_tombstone(struct store *store, struct found *found, struct object *object,
                uint64_t hash, int64_t wall_ms)
{
    struct bytes name = object_key(object);
    struct store_key key = {.hash = hash, .db = object_db(object)};
    struct buf copy = {0};
    struct tail seen;

    if (buf_add(&copy, name.data, name.size) != ERR_OK) return false;
    key.slot = slot_index(store, found->slot);
    key.name = buf_bytes(&copy); /* the object is about to go */
    found->tag = hash_tag(hash, found->table->depth);
    inside_bury(store, found, &key, inside_mint(store, found->slot, wall_ms),
                inside_seen(store, found, wall_ms, &seen), false);
    buf_deinit(&copy);
    return true;
}

static void
evict(struct store *store, struct found *found, struct search *search)
{
    struct object *object = place_object(found->place);
    uint64_t hash = inside_hash(store, object_db(object), object_key(object));
    uint32_t slot = slot_index(store, found->slot);
    bool is_buried = false;

    search->bytes += object_bytes(object);
    if (store->hooks.evicted != NULL && !is_volatile_policy(search->policy)) {
        store->hooks.evicted(store->hooks.self, slot, hash,
                             object_newest(object));
        store_raise_evicted(store, slot, object_newest(object));
    }
    if (place_heat(found->place) < HEAT_MAIN) ghost_add(store, hash);
    if (store->hooks.evicted != NULL && is_volatile_policy(search->policy)) {
        is_buried =
            leave_tombstone(store, found, object, hash, search->wall_ms);
    }
    if (!is_buried)
        inside_take_out(store, found, object, hash, search->wall_ms);
    atomic_fetch_add_explicit(&store->evicted, 1, memory_order_relaxed);
}

/* How much warmer than the coldest an entry may be and still go: it grows when
 * many were looked at for few that went. */
static uint32_t
hurry_of(const struct search *search)
{
    uint64_t fair = PATIENCE + search->evicted * PATIENCE_EACH;

    if (LIKELY(search->seen < fair)) return 0;
    return (uint32_t)min_u64((search->seen - fair) / PATIENCE + 1, HEAT_TOP);
}

/* In a ring: only where this node decides. The slot is locked. */
static bool
may_evict(const struct store *store, const struct search *search, uint32_t slot)
{
    if (search->may != NULL && !search->may(search->self, slot)) return false;
    return store->hooks.may_evict == NULL ||
           store->hooks.may_evict(store->hooks.self, slot);
}

/* Judges one entry; true if it has to go. */
static bool
judge(const struct search *search, struct place place, bool is_fresh_hand)
{
    uint32_t heat = place_heat(place);
    uint32_t hurry = hurry_of(search);

    if (hurry == HEAT_TOP) return true;
    if (is_fresh_hand) {
        if (heat >= HEAT_MAIN) return false;
        if (heat == HEAT_FRESH && hurry == 0) {
            place_set_heat(place, HEAT_AGED);
            return false;
        }
    } else {
        if (heat < HEAT_MAIN) return false;
        if (heat > HEAT_MAIN + hurry) {
            place_set_heat(place, heat - 1);
            return false;
        }
    }
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

/* For volatile policies: on to a slot, and there to a table, that may hold
 * something with an expiry. The slots' times are one dense array. */
static void
skip_lasting_slots(struct store *store, struct hand *hand)
{
    uint32_t i;

    for (i = 0; i < store->slot_count; i++) {
        if (atomic_load_explicit(&store->expire_at[hand->slot],
                                 memory_order_relaxed) != EXPIRE_NEVER) {
            return;
        }
        hand_next_slot(store, hand);
    }
}

static bool
has_volatile(const struct table *table)
{
    const uint64_t any = ((UINT64_C(1) << BUCKET_ENTRIES) - 1)
                         << META_EXPIRY_SHIFT;
    uint32_t b;

    for (b = 0; b < table->bucket_count; b++) {
        if (table->buckets[b].meta & any) return true;
    }
    return false;
}

/* As hand_table. The times are lower bounds that stay when keys go, so a
 * table without any expiry is noted: the next turn skips it. */
static struct table *
hand_volatile_table(struct store *store, struct slot *slot, struct hand *hand)
{
    struct table *table = hand_table(slot, hand);

    while (table != NULL) {
        if (table->expire_at != EXPIRE_NEVER &&
            (hand->bucket > 0 || has_volatile(table))) {
            return table;
        }
        table->expire_at = EXPIRE_NEVER;
        if (slot->dir == NULL) {
            atomic_store_explicit(&store->expire_at[hand->slot], EXPIRE_NEVER,
                                  memory_order_relaxed);
        }
        hand->bucket = table->bucket_count;
        table = hand_table(slot, hand);
    }
    return NULL;
}

/* Looks at up to HAND_BUCKETS buckets under one lock. */
static void
sweep(struct store *store, struct hand *hand, bool is_fresh_hand,
      struct search *search)
{
    bool is_volatile = is_volatile_policy(search->policy);
    uint64_t before = search->evicted, seen = search->seen;
    uint32_t at, looked, i;
    struct table *table;
    struct slot *slot;

    if (is_volatile) skip_lasting_slots(store, hand);
    at = hand->slot;
    slot = &store->slots[at];
    store_lock(store, at);
    table = !may_evict(store, search, at) ? NULL
            : is_volatile ? hand_volatile_table(store, slot, hand)
                          : hand_table(slot, hand);
    for (looked = 0; table != NULL && looked < HAND_BUCKETS; looked++) {
        for (i = 0; i < BUCKET_ENTRIES; i++) {
            struct found found = {
                slot, table, {&table->buckets[hand->bucket], i}, 0, false};

            if (found.place.bucket->entry[i] == 0) continue;
            if (place_heat(found.place) == HEAT_TOMBSTONE) continue;
            search->seen++;
            if (is_volatile && !place_has_expiry(found.place)) continue;
            if (!judge(search, found.place, is_fresh_hand)) continue;
            evict(store, &found, search);
            search->evicted++;
        }
        if (++hand->bucket == table->bucket_count) break;
    }
    if (search->evicted > before) inside_shrink(store, table);
    if (table == NULL || hand_table(slot, hand) == NULL)
        hand_next_slot(store, hand);
    search->barren = search->seen > seen ? 0 : search->barren + 1;
    store_unlock(store, at);
}

/* Evicts the entry that expires first, or any for a random policy, of some
 * buckets at the hand. */
static void
sweep_for_one(struct store *store, struct hand *hand, struct search *search)
{
    bool is_volatile = is_volatile_policy(search->policy);
    struct found best = {NULL, NULL, {NULL, 0}, 0, false};
    int64_t best_at = INT64_MAX;
    struct table *table;
    struct slot *slot;
    uint32_t at, i;

    if (is_volatile) skip_lasting_slots(store, hand);
    at = hand->slot;
    slot = &store->slots[at];
    store_lock(store, at);
    table = !may_evict(store, search, at) ? NULL
            : is_volatile ? hand_volatile_table(store, slot, hand)
                          : hand_table(slot, hand);
    for (i = 0; table != NULL && i < HAND_BUCKETS * BUCKET_ENTRIES; i++) {
        uint32_t b = hand->bucket + i / BUCKET_ENTRIES;
        struct place place;
        int64_t expiry;

        if (b >= table->bucket_count) break;
        place = (struct place){&table->buckets[b], i % BUCKET_ENTRIES};
        if (place.bucket->entry[place.at] == 0) continue;
        if (place_heat(place) == HEAT_TOMBSTONE) continue;
        if (is_volatile && !place_has_expiry(place)) continue;
        expiry = search->policy == POLICY_VOLATILE_TTL
                     ? object_expiry_ms(place_object(place))
                     : (int64_t)(rng_next(&store->evictor.rng) >> 1);
        if (expiry > best_at) continue;
        best_at = expiry;
        best.place = place;
    }
    if (best.place.bucket != NULL) {
        best.slot = slot;
        best.table = table;
        evict(store, &best, search);
        search->evicted++;
        inside_shrink(store, table);
    }
    search->barren = best.place.bucket != NULL ? 0 : search->barren + 1;
    hand->bucket += HAND_BUCKETS;
    if (table == NULL || hand_table(slot, hand) == NULL)
        hand_next_slot(store, hand);
    store_unlock(store, at);
}

static uint64_t
total_expires(const struct store *store)
{
    uint64_t total = 0;
    uint32_t db;

    for (db = 0; db < STORE_DBS; db++)
        total += store_count_expires(store, db);
    return total;
}

/* True if nothing is there that the policy lets go. */
static bool
is_nothing_left(const struct store *store, uint32_t policy)
{
    return is_volatile_policy(policy) ? total_expires(store) == 0
                                      : total_keys(store) == 0;
}

/* True if the FRESH and AGED entries are more than their share. */
static bool
is_fresh_turn(const struct store *store, uint64_t total)
{
    int64_t fresh =
        atomic_load_explicit(&store->evictor.fresh_count, memory_order_relaxed);

    return fresh * FRESH_SHARE >= (int64_t)total;
}

/* So many looks in vain are a turn of both hands through slots where nothing
 * may go: only in a ring. */
static uint64_t
barren_most(const struct store *store)
{
    if (store->hooks.may_evict == NULL) return UINT64_MAX;
    return (uint64_t)store->slot_count * 4 +
           (uint64_t)atomic_load_explicit(&store->ring->tombstones,
                                          memory_order_relaxed);
}

/* Evicts `wanted` or a few more; 0: nothing that may be evicted was found. */
static uint32_t
evict_batch(struct store *store, struct search *search, uint32_t wanted)
{
    struct evictor *evictor = &store->evictor;
    uint32_t policy = search->policy;
    uint64_t goal = search->evicted + wanted;
    uint64_t total = total_keys(store), left;
    bool is_heat =
        policy == POLICY_ALLKEYS_LRU || policy == POLICY_ALLKEYS_LFU ||
        policy == POLICY_VOLATILE_LRU || policy == POLICY_VOLATILE_LFU;

    if (policy == POLICY_NOEVICTION) return 0;
    if (is_nothing_left(store, policy)) return 0;
    if (atomic_load_explicit(&evictor->ghosts, memory_order_relaxed) == NULL)
        ghosts_make(store);
    /* two turns at least: patience has run out by then, and all may go */
    left = (store->slot_count + total) * 2 + (uint64_t)PATIENCE * HEAT_TOP;
    left -= left % LOOK_AGAIN; /* beginning with a look */
    for (; search->evicted < goal && left > 0; left--) {
        bool is_fresh = is_fresh_turn(store, total);

        if (left % LOOK_AGAIN == 0 && is_nothing_left(store, policy)) break;
        if (search->barren > barren_most(store)) break;
        if (!is_heat) {
            sweep_for_one(store, &evictor->main, search);
            continue;
        }
        /* volatile entries may all be on the other side */
        if (is_volatile_policy(policy) && (left & 64)) is_fresh = !is_fresh;
        sweep(store, is_fresh ? &evictor->fresh : &evictor->main, is_fresh,
              search);
    }
    return (uint32_t)(search->evicted + wanted - goal);
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

/* What may be used: clients' buffers grow before anything can go for them, and
 * before a tick has seen it. */
static int64_t
aim_bytes(uint64_t max_bytes)
{
    return (int64_t)(max_bytes -
                     min_u64(max_bytes / BUFFERS_SHARE, BUFFERS_MOST));
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
    bool can_purge; /* pages of released objects are worth a call */
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
    int64_t released = (int64_t)heap_released_bytes(store->heap);
    int64_t headroom =
        aim_bytes(max_bytes) - used_bytes(store) - idle - released;
    int64_t slack = idle + growth(store, headroom);
    int64_t cells = (int64_t)heap_free_cell_bytes(store->heap);
    bool is_large = bytes > HEAP_CELL_MAX;
    struct room room;

    room.can_purge = released >= reserve / 2 && released > 0;
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
    uint32_t round, batch = (uint32_t)min_u64(EVICT_BATCH + bytes / EVICT_EACH,
                                              EVICT_BATCH_MOST);
    struct search search = {.policy = policy, .wall_ms = wall_ms};
    int64_t step_end = used_bytes(store) - (int64_t)bytes - STEP_BYTES;

    for (round = 0; round < ROUNDS_MAX; round++) {
        struct room room = look_at_room(store, max_bytes, bytes);

        if (room.is_enough) return ERR_OK;
        if (policy != POLICY_NOEVICTION && used_bytes(store) < step_end)
            return ERR_OK; /* on the way down */
        if (room.can_purge) {
            heap_purge(store->heap);
            continue;
        }
        if (room.must_trim) {
            heap_trim(store->heap, UINT32_MAX);
            continue;
        }
        if (!room.has_slabs && empty_a_slab(store)) continue;
        if (evict_batch(store, &search, batch) == 0) break;
    }
    if (used_bytes(store) + (int64_t)bytes <= aim_bytes(max_bytes))
        return ERR_OK;
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

uint64_t
store_evict_bytes(struct store *store, uint64_t bytes,
                  bool (*may)(void *self, uint32_t slot), void *self,
                  int64_t wall_ms)
{
    struct search search = {.policy = atomic_load_explicit(
                                &store->evictor.policy, memory_order_relaxed),
                            .wall_ms = wall_ms,
                            .may = may,
                            .self = self};

    lock_take(&store->evictor.lock);
    while (search.bytes < bytes &&
           evict_batch(store, &search, EVICT_BATCH) > 0) {
    }
    lock_drop(&store->evictor.lock);
    return search.bytes;
}

uint64_t
store_short_bytes(const struct store *store)
{
    uint64_t max_bytes =
        atomic_load_explicit(&store->evictor.max_bytes, memory_order_relaxed);
    int64_t over;

    if (max_bytes == 0 || look_at_room(store, max_bytes, 0).is_enough) return 0;
    over = used_bytes(store) + reserve_bytes(max_bytes) - aim_bytes(max_bytes);
    return over > 0 ? (uint64_t)over : (uint64_t)reserve_bytes(max_bytes);
}

void
store_limit(struct store *store, uint64_t max_bytes, enum store_policy policy)
{
    atomic_store_explicit(&store->evictor.policy, (uint32_t)policy,
                          memory_order_relaxed);
    heap_set_limit(store->heap, max_bytes);
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
        heap_purge(store->heap);
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
        (int64_t)heap_released_bytes(store->heap) +
        atomic_load_explicit(&store->table_bytes, memory_order_relaxed);
    int64_t other = (int64_t)rss_bytes - known;
    int64_t before =
        atomic_load_explicit(&store->evictor.other_bytes, memory_order_relaxed);
    uint32_t i;

    /* clients' buffers come and go within a tick: a peak is remembered */
    if (other < before - before / 16) other = before - before / 16;
    if (other < 0 || rss_bytes == 0) other = 0;
    atomic_store_explicit(&store->evictor.other_bytes, other,
                          memory_order_relaxed);
    heap_age_released(store->heap);
    inside_expire(store, budget,
                  store->ring != NULL ? wall_ms - store->ring->skew_ms
                                      : wall_ms);
    if (store->ring != NULL) inside_purge(store, budget, wall_ms);
    give_back(store, rss_bytes, max_bytes);
    for (i = 0; max_bytes > 0 && i < TICK_STEPS; i++) {
        if (store_make_room(store, 0, wall_ms) != ERR_OK) return; /* as it is */
        if (used_bytes(store) <= aim_bytes(max_bytes)) return;
    }
}

void
store_stats(const struct store *store, struct store_stats *stats)
{
    stats->expired = atomic_load(&store->expired);
    stats->evicted = atomic_load(&store->evicted);
    stats->heap_bytes = heap_taken_bytes(store->heap);
    stats->spare_bytes = heap_free_cell_bytes(store->heap);
    stats->object_bytes = stats->heap_bytes - stats->spare_bytes;
    stats->spare_bytes +=
        heap_idle_bytes(store->heap) + heap_away_bytes(store->heap);
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
