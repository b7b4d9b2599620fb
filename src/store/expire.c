/*
 * Active expiry: looks through the slots' dense array of times, then only
 * through tables in which something is due.
 */
#include "store/inside.h"

/* Drops what has expired; returns the time of the next expiry. */
static uint32_t
expire_table(struct store *store, struct slot *slot, struct table *table,
             int64_t wall_ms)
{
    uint32_t next = EXPIRE_NEVER, b, i;
    uint64_t dropped = 0;

    for (b = 0; b < table->bucket_count; b++) {
        for (i = 0; i < BUCKET_ENTRIES; i++) {
            struct found found = {
                slot, table, {&table->buckets[b], i}, 0, false};
            struct object *object;
            uint32_t tick;

            if (!place_has_expiry(found.place)) continue;
            object = place_object(found.place);
            if (object_is_expired(object, wall_ms)) {
                inside_end_expired(
                    store, &found, object,
                    inside_hash(store, object_db(object), object_key(object)),
                    wall_ms);
                dropped++;
                /* a sibling may stand there now, with an expiry of its own */
                if (!place_has_expiry(found.place)) continue;
                object = place_object(found.place);
            }
            tick = expire_tick(object_expiry_ms(object));
            if (tick < next) next = tick;
        }
    }
    if (dropped > 0) {
        inside_shrink(store, table);
        atomic_fetch_add_explicit(&store->expired, dropped,
                                  memory_order_relaxed);
    }
    return next;
}

/* Goes on with what is due in one slot, from the table where the last tick
 * ended; false if the budget ended first. Always starting with the first table
 * would starve the last ones of a slot that holds more than a budget. */
static bool
expire_slot(struct store *store, uint32_t at, uint32_t now, int64_t wall_ms,
            uint32_t *budget)
{
    struct slot *slot = &store->slots[at];
    uint32_t count = slot_table_count(slot), next = EXPIRE_NEVER, i;
    uint32_t from = at == store->expire_hand ? store->expire_table : 0;

    for (i = 0; i < count; i++) {
        uint32_t index = (from + i) & (count - 1);
        struct table *table = slot_table(slot, index);

        if (table->expire_at < now) {
            if (*budget == 0) {
                store->expire_table = index;
                return false;
            }
            (*budget)--;
            table->expire_at = expire_table(store, slot, table, wall_ms);
        }
        if (table->expire_at < next) next = table->expire_at;
    }
    atomic_store_explicit(&store->expire_at[at], next, memory_order_relaxed);
    return true;
}

void
inside_expire(struct store *store, uint32_t budget, int64_t wall_ms)
{
    uint32_t now = expire_tick(wall_ms), i;

    for (i = 0; i < store->slot_count; i++) {
        uint32_t at = (store->expire_hand + i) & (store->slot_count - 1);
        bool is_done;

        if (atomic_load_explicit(&store->expire_at[at], memory_order_relaxed) >=
            now) {
            continue;
        }
        store_lock(store, at);
        is_done = expire_slot(store, at, now, wall_ms, &budget);
        store_unlock(store, at);
        if (!is_done) {
            store->expire_hand = at;
            return;
        }
    }
}
