/*
 * What goes over many keys: scan, random, flush, counts.
 *
 * A scan's cursor is slot << 32 | leading 32 bits of the hash, so it means the
 * same whatever has grown, shrunk or been split since, and on every node of
 * the ring. Within a slot entries are visited in the order of their hashes, a
 * range of tags at a time.
 */
#include "store/inside.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/memory.h"

#include <string.h>

struct scan {
    uint32_t db;
    int64_t wall_ms;
    store_visit *visit;
    void *context;
};

void
inside_visit_tags(const struct table *table, uint32_t from, uint32_t to,
                  inside_visit *fn, void *context)
{
    uint32_t at, last, looked, i;

    if (table->buckets == NULL || from >= to) return;
    at = table_home(table, from);
    last = table_home(table, to - 1);
    for (looked = 0; looked < table->bucket_count; looked++) {
        const struct bucket *bucket = &table->buckets[at];

        for (i = 0; i < BUCKET_ENTRIES; i++) {
            uint64_t entry = bucket->entry[i];
            uint32_t tag = entry_tag(entry);

            if (entry == 0 || tag < from || tag >= to) continue;
            fn(context, entry_object(entry));
        }
        if (at == last) {
            if (bucket_passed(bucket) == 0) break;
            last = (last + 1) % table->bucket_count; /* some went further */
        }
        if (++at == table->bucket_count) at = 0;
    }
}

static void
visit_live(void *context, struct object *object)
{
    const struct scan *scan = context;

    if (object_db(object) != scan->db) return;
    if (object_is_hidden(object, scan->wall_ms)) return;
    scan->visit(scan->context, object);
}

/* Visits part of one slot from hash position `from`; the next position, or
 * 2^32 at its end. *count goes down by the entries looked at. */
static uint64_t
scan_slot(struct scan *scan, struct slot *slot, uint64_t from, uint64_t *count)
{
    uint32_t bits = dir_bits(slot);

    while (from < (UINT64_C(1) << 32) && *count > 0) {
        struct table *table = slot_table_of(slot, from << 32);
        uint32_t depth = table->depth, tag = hash_tag(from << 32, depth);
        uint64_t span = UINT64_C(1) << (32 - depth); /* of this table */
        uint64_t step = 0x10000, seen = table->used;

        if (table->used > *count) {
            step = *count * 0x10000 / table->used + 1;
            if (step > 0x10000u - tag) step = 0x10000u - tag;
            seen = step * table->used / 0x10000 + 1;
        }
        if (tag + step > 0x10000) step = 0x10000 - tag;
        inside_visit_tags(table, tag, tag + (uint32_t)step, visit_live, scan);
        *count -= seen < *count ? seen : *count;
        /* tags are the 16 bits after `depth` bits: steps of span / 65536 */
        from = (from & ~(span - 1)) + ((uint64_t)tag + step) * (span >> 16);
    }
    ASSERT(bits <= DIR_BITS_MAX);
    return from;
}

uint64_t
store_scan(struct store *store, uint32_t db, uint64_t cursor, uint64_t count,
           bool all_held, int64_t wall_ms, store_visit *visit, void *context)
{
    struct scan scan = {db, wall_ms, visit, context};
    uint64_t at = cursor >> 32, from = cursor & UINT32_MAX;

    if (count == 0) count = 1;
    while (at < store->slot_count && count > 0) {
        struct slot *slot = &store->slots[at];

        if (!all_held) store_lock(store, (uint32_t)at);
        from = slot->used > 0 ? scan_slot(&scan, slot, from, &count)
                              : UINT64_C(1) << 32;
        if (!all_held) store_unlock(store, (uint32_t)at);
        if (from >= UINT64_C(1) << 32) {
            from = 0;
            at++;
        }
    }
    if (at >= store->slot_count) return 0;
    return at << 32 | from;
}

/* A live entry of db in the table, looking on from a random place. */
static struct object *
random_in_table(const struct table *table, uint32_t db, uint64_t dice,
                int64_t wall_ms)
{
    uint32_t n = table->bucket_count * BUCKET_ENTRIES, i;
    uint32_t at = n > 0 ? (uint32_t)(dice % n) : 0;

    for (i = 0; i < n; i++, at = at + 1 == n ? 0 : at + 1) {
        uint64_t entry =
            table->buckets[at / BUCKET_ENTRIES].entry[at % BUCKET_ENTRIES];
        struct object *object = entry_object(entry);

        if (entry != 0 && object_db(object) == db &&
            !object_is_hidden(object, wall_ms)) {
            return object;
        }
    }
    return NULL;
}

static bool
random_in_slot(struct slot *slot, uint32_t db, uint64_t dice, int64_t wall_ms,
               struct buf *name)
{
    uint32_t count = slot_table_count(slot), i;

    for (i = 0; i < count; i++) {
        const struct table *table =
            slot_table(slot, (uint32_t)(dice + i) & (count - 1));
        const struct object *object =
            random_in_table(table, db, dice >> 16, wall_ms);
        struct bytes key;

        if (object == NULL) continue;
        key = object_key(object);
        name->used = 0;
        return buf_add(name, key.data, key.size) == ERR_OK;
    }
    return false;
}

/* Any thread, any locks held: a counter, mixed. */
static uint64_t
roll(struct store *store)
{
    return hash_mix(
        atomic_fetch_add_explicit(&store->dice, 1, memory_order_relaxed),
        store->life.bits);
}

bool
store_random(struct store *store, uint32_t db, bool all_held, int64_t wall_ms,
             struct buf *name)
{
    uint64_t dice = roll(store);
    uint32_t first = (uint32_t)(dice >> 40) & (store->slot_count - 1), i;

    if (store_count(store, db) == 0) return false;
    for (i = 0; i < store->slot_count; i++) {
        uint32_t at = (first + i) & (store->slot_count - 1);
        struct slot *slot = &store->slots[at];
        bool found = false;

        if (!all_held) store_lock(store, at);
        if (slot->used > 0) {
            found = random_in_slot(slot, db, dice, wall_ms, name);
        }
        if (!all_held) store_unlock(store, at);
        if (found) return true;
    }
    return false;
}

static void
flush_table(struct store *store, struct slot *slot, struct table *table,
            int32_t db, int64_t wall_ms)
{
    uint32_t b, i;

    for (b = 0; b < table->bucket_count; b++) {
        for (i = 0; i < BUCKET_ENTRIES; i++) {
            struct found found = {
                slot, table, {&table->buckets[b], i}, 0, false};
            struct object *object;

            if (found.place.bucket->entry[i] == 0) continue;
            object = place_object(found.place);
            if (db >= 0 && object_db(object) != (uint32_t)db) continue;
            inside_take_out(
                store, &found, object,
                inside_hash(store, object_db(object), object_key(object)),
                wall_ms);
        }
    }
    inside_shrink(store, table);
}

/* An emptied slot gives its directory back. */
static void
drop_directory(struct slot *slot)
{
    uint32_t count = slot_table_count(slot), i;

    if (slot->dir == NULL || slot->used > 0) return;
    for (i = 0; i < count;) {
        struct table *table = slot->dir[i];

        i += 1u << (slot->one.depth - table->depth);
        table_deinit(table);
        mem_free(table);
    }
    mem_free(slot->dir);
    slot->dir = NULL;
    slot->one = (struct table){.expire_at = EXPIRE_NEVER};
}

void
inside_wipe(struct store *store, struct slot *slot, int32_t db, int64_t wall_ms)
{
    uint32_t count = slot_table_count(slot), i;

    if (slot->used == 0) return;
    for (i = 0; i < count;) {
        struct table *table = slot_table(slot, i);

        flush_table(store, slot, table, db, wall_ms);
        i += 1u << (dir_bits(slot) - table->depth);
    }
    if (store->ring == NULL) slot->removed = inside_mint(store, slot, wall_ms);
    drop_directory(slot);
}

void
store_flush(struct store *store, int32_t db, bool all_held, int64_t wall_ms)
{
    uint32_t at;

    for (at = 0; at < store->slot_count; at++) {
        if (!all_held) store_lock(store, at);
        if (store->ring != NULL) {
            inside_raise_floors(store, at, db, store_mint(store, at, wall_ms),
                                wall_ms);
        } else {
            inside_wipe(store, &store->slots[at], db, wall_ms);
        }
        if (!all_held) store_unlock(store, at);
    }
}

uint64_t
store_count(const struct store *store, uint32_t db)
{
    int64_t count =
        atomic_load_explicit(&store->keys[db], memory_order_relaxed);

    return count > 0 ? (uint64_t)count : 0;
}

uint64_t
store_count_expires(const struct store *store, uint32_t db)
{
    int64_t count =
        atomic_load_explicit(&store->expires[db], memory_order_relaxed);

    return count > 0 ? (uint64_t)count : 0;
}
