/*
 * Life, locks, keys, and what finds, adds and removes entries. What writes
 * values is in write.c; walks, memory and time have a file each.
 */
#include "store/inside.h"

#include "base/err.h"
#include "base/memory.h"
#include "ring/slot.h"

#include <string.h>

_Static_assert(sizeof(struct slot) == 64, "a slot is a cache line");

struct store *
store_new(const struct store_config *config)
{
    struct store *store = mem_try_aligned(sizeof(*store), 64);
    uint32_t i;

    ASSERT((config->slot_count & (config->slot_count - 1)) == 0);
    ASSERT(config->slot_count > 0 && config->slot_count <= SLOT_COUNT);
    ASSERT(config->node <= STAMP_NODE_MAX);
    if (store == NULL) return NULL;
    memset(store, 0, sizeof(*store));
    store->slot_count = config->slot_count;
    store->node = config->node;
    store->is_single = config->is_single;
    hash_key_init(&store->hash_key, config->hash_seed);
    store->life = stamp_next(STAMP_NEVER, config->wall_ms, config->node);
    store->evictor.rng.state = config->rng_seed;
    atomic_init(&store->dice, config->rng_seed);
    atomic_init(&store->stamp_mark, UINT64_MAX);
    store->slots = mem_try_aligned(store->slot_count * sizeof(struct slot), 64);
    store->expire_at = mem_try(store->slot_count * sizeof(uint32_t));
    store->heap = heap_new(!store->is_single);
    if (store->slots == NULL || store->expire_at == NULL ||
        store->heap == NULL) {
        mem_free(store->slots);
        mem_free(store->expire_at);
        heap_free(store->heap);
        mem_free(store);
        return NULL;
    }
    memset(store->slots, 0, store->slot_count * sizeof(struct slot));
    for (i = 0; i < store->slot_count; i++) {
        atomic_init(&store->expire_at[i], EXPIRE_NEVER);
        store->slots[i].one.expire_at = EXPIRE_NEVER;
        store->slots[i].clock = store->life; /* even if the clock goes back */
    }
    return store;
}

void
store_free(struct store *store)
{
    uint32_t i;

    if (store == NULL) return;
    for (i = 0; i < store->slot_count; i++) {
        inside_wipe(store, &store->slots[i], -1, STAMP_EPOCH_MS);
        if (store->ring != NULL) mem_free(store->ring->slots[i].floors);
    }
    if (store->ring != NULL) mem_free(store->ring->slots);
    mem_free(store->ring);
    heap_free(store->heap);
    mem_free(store->slots);
    mem_free(store->expire_at);
    mem_free(atomic_load(&store->evictor.ghosts));
    mem_free(store);
}

uint64_t
inside_hash(const struct store *store, uint32_t db, struct bytes name)
{
    uint64_t hash = hash_bytes(&store->hash_key, name);

    return db == 0 ? hash : hash_mix(hash, db);
}

struct store_key
store_key(const struct store *store, uint32_t db, struct bytes name)
{
    return (struct store_key){
        .name = name,
        .hash = inside_hash(store, db, name),
        .slot = slot_of(name) & (store->slot_count - 1),
        .db = db,
    };
}

uint32_t
store_slot_count(const struct store *store)
{
    return store->slot_count;
}

void
store_lock(struct store *store, uint32_t slot)
{
    if (!store->is_single) lock_take(&store->slots[slot].lock);
}

void
store_unlock(struct store *store, uint32_t slot)
{
    if (!store->is_single) lock_drop(&store->slots[slot].lock);
}

void
store_lock_all(struct store *store)
{
    uint32_t i;

    for (i = 0; i < store->slot_count; i++)
        store_lock(store, i);
}

void
store_unlock_all(struct store *store)
{
    uint32_t i;

    for (i = 0; i < store->slot_count; i++)
        store_unlock(store, i);
}

void
store_prefetch_slot(const struct store *store, const struct store_key *key)
{
    const struct ring *ring =
        atomic_load_explicit(&store->ring, memory_order_acquire);

    __builtin_prefetch(&store->slots[key->slot], 1);
    if (ring != NULL) __builtin_prefetch(&ring->slots[key->slot]);
}

/* The first bucket of the key, or NULL. */
static const struct bucket *
home_bucket(struct slot *slot, uint64_t hash, uint32_t *tag)
{
    const struct table *table = slot_table_of(slot, hash);

    if (table->buckets == NULL) return NULL;
    *tag = hash_tag(hash, table->depth);
    return &table->buckets[table_home(table, *tag)];
}

/*
 * With other workers about, a look at a table takes its lock; if somebody has
 * it, the hint is not worth waiting for.
 */
void
store_prefetch_bucket(const struct store *store, const struct store_key *key)
{
    struct slot *slot = &store->slots[key->slot];
    uint32_t tag;

    if (!store->is_single && !lock_try(&slot->lock)) return;
    __builtin_prefetch(home_bucket(slot, key->hash, &tag), 1);
    if (!store->is_single) lock_drop(&slot->lock);
}

void
store_prefetch_object(const struct store *store, const struct store_key *key)
{
    struct slot *slot = &store->slots[key->slot];
    const struct bucket *bucket;
    uint32_t tag = 0, i;

    if (!store->is_single && !lock_try(&slot->lock)) return;
    bucket = home_bucket(slot, key->hash, &tag);
    for (i = 0; bucket != NULL && i < BUCKET_ENTRIES; i++) {
        if (entry_tag(bucket->entry[i]) == tag) {
            const char *object = (char *)entry_object(bucket->entry[i]);

            __builtin_prefetch(object);
            __builtin_prefetch(object + 64);
            __builtin_prefetch(object + 128);
        }
    }
    if (!store->is_single) lock_drop(&slot->lock);
}

struct found
inside_find(struct store *store, const struct store_key *key)
{
    struct found found;

    found.slot = &store->slots[key->slot];
    found.table = slot_table_of(found.slot, key->hash);
    found.tag = hash_tag(key->hash, found.table->depth);
    found.place = table_find(found.table, found.tag, key->db, key->name);
    found.is_dead = false;
    return found;
}

struct stamp
inside_mint(struct store *store, struct slot *slot, int64_t wall_ms)
{
    slot->clock = stamp_next(slot->clock, wall_ms, store->node);
    if (UNLIKELY(slot->clock.bits > atomic_load_explicit(&store->stamp_mark,
                                                         memory_order_relaxed)))
        store_note_stamp(store, slot->clock);
    return slot->clock;
}

uint64_t
inside_digest(uint64_t hash, const struct object *object)
{
    return hash_mix(hash ^ object_version(object), object->check);
}

/* 4 KiB blocks, so a change in place costs one block (a format: digests). */
uint32_t
inside_check(struct bytes value)
{
    enum { BLOCK = 4096 };
    uint64_t check = 0, index = 0;

    while (value.size > BLOCK) {
        uint64_t block = hash_plain(bytes_of(value.data, BLOCK));

        check ^= index > 0 ? hash_mix(block, index) : block;
        value = bytes_of(value.data + BLOCK, value.size - BLOCK);
        index++;
    }
    {
        uint64_t block = hash_plain(value);

        check ^= index > 0 ? hash_mix(block, index) : block;
    }
    return (uint32_t)check;
}

uint32_t
inside_check_of(const struct object *object)
{
    const uint32_t more = OBJECT_TOMBSTONE | OBJECT_SIBLINGS;

    if (LIKELY((object->flags & more) == 0))
        return inside_check(object_value(object));
    return (object->flags & OBJECT_TOMBSTONE
                ? 0
                : inside_check(object_value(object))) ^
           siblings_check(object_siblings(object));
}

static void
add(const struct store *store, _Atomic int64_t *counter, int64_t delta)
{
    if (store->is_single) {
        atomic_store_explicit(
            counter,
            atomic_load_explicit(counter, memory_order_relaxed) + delta,
            memory_order_relaxed);
    } else {
        atomic_fetch_add_explicit(counter, delta, memory_order_relaxed);
    }
}

void
inside_count_key(struct store *store, uint32_t db, int64_t delta)
{
    add(store, &store->keys[db], delta);
}

void
inside_count_expiry(struct store *store, uint32_t db, int64_t delta)
{
    add(store, &store->expires[db], delta);
}

void
inside_resized(struct store *store, int64_t buckets)
{
    add(store, &store->table_bytes, buckets * (int64_t)sizeof(struct bucket));
}

void
inside_cool_down(struct store *store, struct place place)
{
    if (place_heat(place) < HEAT_MAIN)
        add(store, &store->evictor.fresh_count, -1);
}

void
inside_touch(struct store *store, struct place place)
{
    uint32_t heat = place_heat(place);

    if (heat == HEAT_TOP) return;
    if (heat < HEAT_MAIN) {
        add(store, &store->evictor.fresh_count, -1);
        heat = HEAT_MAIN;
    }
    place_set_heat(place, heat + 1);
}

void
inside_note_expiry(struct store *store, uint32_t slot, struct table *table,
                   int64_t expire_ms)
{
    uint32_t tick = expire_tick(expire_ms);

    if (tick < table->expire_at) table->expire_at = tick;
    if (tick <
        atomic_load_explicit(&store->expire_at[slot], memory_order_relaxed)) {
        atomic_store_explicit(&store->expire_at[slot], tick,
                              memory_order_relaxed);
    }
}

/* ---- tables of a slot ---- */

static int
directory_grow(struct slot *slot)
{
    uint32_t bits = dir_bits(slot), count = 1u << bits, i;
    struct table **dir;

    if (bits == DIR_BITS_MAX) return ERR_MEMORY;
    dir = mem_try((size_t)count * 2 * sizeof(struct table *));
    if (dir == NULL) return ERR_MEMORY;
    if (slot->dir == NULL) {
        struct table *first = mem_try(sizeof(*first));

        if (first == NULL) {
            mem_free(dir);
            return ERR_MEMORY;
        }
        *first = slot->one;
        dir[0] = dir[1] = first;
        slot->one = (struct table){.expire_at = EXPIRE_NEVER};
    } else {
        for (i = 0; i < count; i++)
            dir[2 * i] = dir[2 * i + 1] = slot->dir[i];
    }
    mem_free(slot->dir);
    slot->dir = dir;
    slot->one.depth = bits + 1;
    return ERR_OK;
}

static void
move_entries(struct store *store, struct table *from, struct table *halves[2])
{
    uint32_t b, i;

    for (b = 0; b < from->bucket_count; b++) {
        for (i = 0; i < BUCKET_ENTRIES; i++) {
            struct place place = {&from->buckets[b], i}, to;
            struct object *object;
            struct table *half;
            uint64_t hash;

            if (place.bucket->entry[i] == 0) continue;
            object = place_object(place);
            hash = inside_hash(store, object_db(object), object_key(object));
            half = halves[hash >> (63 - from->depth) & 1];
            to = table_add(half, hash_tag(hash, half->depth), object);
            place_set_heat(to, place_heat(place));
            place_set_expiry(to, place_has_expiry(place));
        }
    }
}

/* Reserves in each half as much as the whole has: any share fits. */
static int
split_halves(const struct table *whole, struct table *halves[2])
{
    uint32_t i;

    for (i = 0; i < 2; i++) {
        halves[i] = mem_try(sizeof(struct table));
        if (halves[i] == NULL) return ERR_MEMORY;
        *halves[i] = (struct table){.depth = whole->depth + 1,
                                    .expire_at = whole->expire_at,
                                    .bucket_count = whole->bucket_count};
        halves[i]->buckets = mem_try_aligned(
            (size_t)whole->bucket_count * sizeof(struct bucket), 64);
        if (halves[i]->buckets == NULL) return ERR_MEMORY;
        memset(halves[i]->buckets, 0,
               (size_t)whole->bucket_count * sizeof(struct bucket));
    }
    return ERR_OK;
}

/* Splits the full table of `hash` in two by the next bit of the hash. */
static int
split_table(struct store *store, struct slot *slot, uint64_t hash)
{
    struct table *whole = slot_table_of(slot, hash), *halves[2] = {NULL, NULL};
    uint32_t first, span, i, bits;
    int64_t before = whole->bucket_count, after;

    if (whole->depth == dir_bits(slot)) {
        if (directory_grow(slot) != ERR_OK) return ERR_MEMORY;
        whole = slot_table_of(slot, hash);
    }
    if (split_halves(whole, halves) != ERR_OK) {
        for (i = 0; i < 2; i++) {
            if (halves[i] != NULL) mem_free(halves[i]->buckets);
            mem_free(halves[i]);
        }
        return ERR_MEMORY;
    }
    move_entries(store, whole, halves);
    bits = dir_bits(slot);
    span = 1u << (bits - whole->depth);
    first = (uint32_t)(hash >> (64 - bits)) & ~(span - 1);
    for (i = 0; i < span; i++)
        slot->dir[first + i] = halves[i >= span / 2];
    table_shrink(halves[0]);
    table_shrink(halves[1]);
    after = (int64_t)halves[0]->bucket_count + halves[1]->bucket_count;
    inside_resized(store, after - before);
    table_deinit(whole);
    mem_free(whole);
    return ERR_OK;
}

int
inside_reserve(struct store *store, struct found *found,
               const struct store_key *key)
{
    uint32_t tries;

    for (tries = 0; tries <= DIR_BITS_MAX; tries++) {
        int64_t before = found->table->bucket_count;
        int err = table_reserve(found->table);

        if (err == ERR_OK) {
            int64_t more = (int64_t)found->table->bucket_count - before;

            if (more != 0) inside_resized(store, more);
            return ERR_OK;
        }
        if (err != ERR_LIMIT) return err;
        err = split_table(store, found->slot, key->hash);
        if (err != ERR_OK) return err;
        found->table = slot_table_of(found->slot, key->hash);
        found->tag = hash_tag(key->hash, found->table->depth);
    }
    return ERR_MEMORY;
}

void
inside_take_out(struct store *store, struct found *found, struct object *object,
                uint64_t hash, int64_t wall_ms)
{
    struct slot *slot = found->slot;
    uint32_t db = object_db(object);

    slot->digest ^= inside_digest(hash, object);
    slot->used--;
    if (LIKELY(store->ring == NULL))
        slot->removed = inside_mint(store, slot, wall_ms);
    if (UNLIKELY(object->flags & OBJECT_TOMBSTONE)) {
        inside_count_tombstone(store, slot_index(store, slot), object, -1);
    } else {
        inside_count_key(store, db, -1);
    }
    if (place_has_expiry(found->place)) inside_count_expiry(store, db, -1);
    inside_cool_down(store, found->place);
    table_remove(found->table, found->place);
    heap_give(store->heap, object, object_bytes(object));
}

void
inside_shrink(struct store *store, struct table *table)
{
    int64_t before = table->bucket_count;

    table_shrink(table);
    if (before != table->bucket_count) {
        inside_resized(store, (int64_t)table->bucket_count - before);
    }
}

void
inside_drop(struct store *store, struct found *found, struct object *object,
            uint64_t hash, int64_t wall_ms)
{
    inside_take_out(store, found, object, hash, wall_ms);
    inside_shrink(store, found->table);
}

struct object *
store_get(struct store *store, const struct store_key *key,
          enum store_touch touch, int64_t wall_ms)
{
    struct found found = inside_find(store, key);
    struct object *object;

    if (found.place.bucket == NULL) return NULL;
    object = place_object(found.place);
    if (UNLIKELY(object_is_hidden(object, wall_ms))) {
        inside_met_expired(store, &found, object, key->hash, wall_ms);
        return NULL;
    }
    if (touch == STORE_TOUCH) inside_touch(store, found.place);
    return object;
}

uint64_t
store_watch(struct store *store, const struct store_key *key, int64_t wall_ms)
{
    struct object *object = store_get(store, key, STORE_NO_TOUCH, wall_ms);

    if (object != NULL) return object_version(object);
    if (store->ring != NULL) return inside_watch_absent(store, key);
    return store->slots[key->slot].removed.bits;
}

uint32_t
store_heat(struct store *store, const struct store_key *key)
{
    struct found found = inside_find(store, key);

    if (found.place.bucket == NULL) return 0;
    if (place_heat(found.place) == HEAT_TOMBSTONE) return 0;
    return place_heat(found.place) * 255 / HEAT_TOP;
}

int64_t
store_idle_s(struct store *store, const struct store_key *key, int64_t wall_ms)
{
    struct found found = inside_find(store, key);
    int64_t age_ms;

    if (found.place.bucket == NULL) return 0;
    if (place_heat(found.place) > HEAT_MAIN) return 0;
    age_ms = wall_ms - stamp_wall_ms(place_object(found.place)->stamp);
    return age_ms > 0 ? age_ms / 1000 : 0;
}

size_t
store_usage(struct store *store, const struct object *object)
{
    (void)store;
    return heap_cell_bytes(object_bytes(object)) + 12;
}

uint64_t
store_digest(const struct store *store, uint32_t slot)
{
    return store->slots[slot].digest;
}
