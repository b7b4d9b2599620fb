/*
 * Structural checks: whatever is kept twice (digests, counts, bits, bounds,
 * sums of bytes) is computed again from the entries and compared.
 */
#include "store/inside.h"

#include "base/memory.h"

/* What a slot's entries add up to. */
struct tally {
    uint64_t digest, buckets, large_bytes;
    int64_t fresh;
    int64_t keys[STORE_DBS], expires[STORE_DBS];
    uint32_t used, tombstones;
    uint64_t tombstone_bytes;
};

static bool
tombstone_ok(const struct store *store, uint32_t slot, struct place place,
             struct tally *tally)
{
    const struct object *object = place_object(place);
    uint64_t newest = object_newest(object).bits;

    if (store->ring == NULL || place_heat(place) != HEAT_TOMBSTONE)
        return false;
    if (object_value(object).size > 0 || place_has_expiry(place)) return false;
    if (newest < atomic_load(&store->ring->slots[slot].least)) return false;
    tally->tombstones++;
    tally->tombstone_bytes += object_bytes(object);
    return true;
}

static bool
entry_ok(const struct store *store, uint32_t slot, const struct table *table,
         struct place place, struct tally *tally)
{
    const struct object *object = place_object(place);
    uint32_t db = object_db(object);
    uint64_t hash = inside_hash(store, db, object_key(object));
    int64_t expire_ms = object_expiry_ms(object);

    if (hash_tag(hash, table->depth) !=
        entry_tag(place.bucket->entry[place.at])) {
        return false;
    }
    if (object->check != inside_check_of(object)) return false;
    if (object_newest(object).bits <= inside_floor(store, slot, db).bits)
        return false;
    if (object_newest(object).bits > store->slots[slot].clock.bits)
        return false;
    if (object_bytes(object) > HEAP_CELL_MAX)
        tally->large_bytes += mem_room(object);
    tally->digest ^= inside_digest(hash, object);
    tally->used++;
    if (object->flags & OBJECT_TOMBSTONE)
        return tombstone_ok(store, slot, place, tally);
    if (place_heat(place) > HEAT_TOP) return false;
    if (place_has_expiry(place) != (expire_ms > 0)) return false;
    if (expire_ms > 0 && expire_tick(expire_ms) < table->expire_at)
        return false;
    tally->fresh += place_heat(place) < HEAT_MAIN;
    tally->keys[db]++;
    tally->expires[db] += expire_ms > 0;
    return true;
}

static bool
table_contents_ok(const struct store *store, uint32_t slot,
                  const struct table *table, struct tally *tally)
{
    uint32_t b, i;

    if (!table_ok(table)) return false;
    for (b = 0; b < table->bucket_count; b++) {
        for (i = 0; i < BUCKET_ENTRIES; i++) {
            struct place place = {&table->buckets[b], i};

            if (place.bucket->entry[i] == 0) continue;
            if (!entry_ok(store, slot, table, place, tally)) return false;
        }
    }
    tally->buckets += table->bucket_count;
    return true;
}

/* The tables of a slot, each once, and that the directory repeats them as
 * their depths say. */
static bool
slot_ok(const struct store *store, uint32_t slot_at, struct tally *tally)
{
    struct slot *slot = &store->slots[slot_at];
    uint32_t bound =
        atomic_load_explicit(&store->expire_at[slot_at], memory_order_relaxed);
    uint32_t count = slot_table_count(slot), i, k;
    struct tally own = {0};

    for (i = 0; i < count;) {
        const struct table *table = slot_table(slot, i);
        uint32_t depth = slot->dir != NULL ? table->depth : 0;
        uint32_t span;

        if (depth > dir_bits(slot)) return false;
        span = 1u << (dir_bits(slot) - depth);
        if (i % span != 0) return false;
        for (k = 0; k < span; k++) {
            if (slot_table(slot, i + k) != table) return false;
        }
        if (!table_contents_ok(store, slot_at, table, &own)) return false;
        if (table->used > 0 && table->expire_at < bound) return false;
        i += span;
    }
    for (i = 0; i < STORE_DBS; i++)
        own.digest ^= inside_floor_digest(i, inside_floor(store, slot_at, i));
    if (store->ring != NULL &&
        store->ring->slots[slot_at].tombstones != own.tombstones) {
        return false;
    }
    if (own.used != slot->used || own.digest != slot->digest) return false;
    tally->buckets += own.buckets;
    tally->large_bytes += own.large_bytes;
    tally->fresh += own.fresh;
    tally->tombstones += own.tombstones;
    tally->tombstone_bytes += own.tombstone_bytes;
    for (i = 0; i < STORE_DBS; i++) {
        tally->keys[i] += own.keys[i];
        tally->expires[i] += own.expires[i];
    }
    return true;
}

bool
store_slot_ok(const struct store *store, uint32_t slot)
{
    struct tally tally = {0};

    return slot_ok(store, slot, &tally);
}

bool
store_ok(const struct store *store)
{
    struct tally tally = {0};
    uint32_t i;

    for (i = 0; i < store->slot_count; i++) {
        if (!slot_ok(store, i, &tally)) return false;
    }
    for (i = 0; i < STORE_DBS; i++) {
        if (atomic_load(&store->keys[i]) != tally.keys[i]) return false;
        if (atomic_load(&store->expires[i]) != tally.expires[i]) return false;
    }
    if (store->ring != NULL) {
        struct store_ring_stats stats;

        store_ring_stats(store, &stats);
        if (stats.tombstones != tally.tombstones) return false;
        if (stats.tombstone_bytes != tally.tombstone_bytes) return false;
    }
    return atomic_load(&store->table_bytes) ==
               (int64_t)(tally.buckets * sizeof(struct bucket)) &&
           atomic_load(&store->evictor.fresh_count) == tally.fresh &&
           heap_ok(store->heap, tally.large_bytes);
}
