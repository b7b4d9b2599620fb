/* A slot's entries in order, in parts, and the digests of ranges. */
#include "base/rng.h"
#include "ring.h"
#include "store/inside.h"
#include "support/case.h"

#include <stdio.h>

enum { ROOM_MAX = 500 };

static struct store *
filled(uint32_t keys)
{
    struct store *store = ring_store(1, 1);
    char name[32];
    uint32_t i;

    for (i = 0; i < keys; i++) {
        struct store_key key;

        (void)snprintf(name, sizeof(name), "key:%u", i);
        key = make_key(store, i % 3, name);
        if (store_put_plain(store, &key, bytes_str("v"), WALL) != ERR_OK)
            abort();
        if (i % 5 == 0) store_delete(store, &key, WALL);
    }
    return store;
}

/* From one end to the other in steps of `room`. */
static void
walk(struct store *store, uint32_t keys, uint32_t room)
{
    static struct store_entry out[ROOM_MAX];
    uint64_t from = 0, next, last = 0, digest = 0, seen = 0, dead = 0;
    uint32_t count, i, part;

    do {
        count = store_entries(store, 0, from, room, out, &next);
        cr_assert(count <= room);
        cr_assert(next == 0 || next > from);
        for (i = 0; i < count; i++) {
            struct record record;

            cr_assert(out[i].hash >= from);
            cr_assert(next == 0 || out[i].hash < next);
            cr_assert(seen == 0 || out[i].hash > last);
            last = out[i].hash;
            seen++;
            dead += out[i].is_tombstone;
            cr_assert(store_record_of(store, 0, last, WALL, &record));
            cr_assert(record.stamp.bits == out[i].newest.bits);
        }
        digest ^= store_range_digest(store, 0, from, next, &part);
        cr_assert(eq(u32, part, count));
        from = next;
    } while (next != 0);
    cr_expect(eq(u64, seen, keys));
    cr_expect(eq(u64, dead, (keys + 4) / 5));
    cr_expect(eq(u64, digest, store_digest(store, 0)));
}

CASE(entries, come_in_order_each_once_whatever_the_room)
{
    static const uint32_t KEYS[] = {0, 1, 7, 300, 1500, 20000};
    static const uint32_t ROOMS[] = {1, 3, 64, 100, ROOM_MAX};
    uint32_t k, r;

    for (k = 0; k < ARRAY_LEN(KEYS); k++) {
        struct store *store = filled(KEYS[k]);

        cr_expect(eq(u32, store_slot_entries(store, 0), KEYS[k]));
        for (r = 0; r < ARRAY_LEN(ROOMS); r++) {
            if (KEYS[k] > 2000 && ROOMS[r] < 64) continue;
            walk(store, KEYS[k], ROOMS[r]);
        }
        store_free(store);
    }
}

CASE(entries, a_version_tells_a_tombstone_and_other_content_apart)
{
    struct store *a = ring_store(1, 1), *b = ring_store(1, 1);
    struct store_entry x, y;
    uint64_t next;

    put_text(a, "k", "one", WALL);
    put_text(b, "k", "two", WALL); /* the same stamp: a fault */
    store_entries(a, 0, 0, 1, &x, &next);
    store_entries(b, 0, 0, 1, &y, &next);
    cr_expect(eq(u64, x.hash, y.hash));
    cr_expect(eq(u64, x.newest.bits, y.newest.bits));
    cr_expect(ne(u64, x.version, y.version));
    cr_expect(x.bytes > 4 && x.bytes < 100);
    store_free(a);
    store_free(b);
}
