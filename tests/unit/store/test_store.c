/* Single facts about the store that the model does not show. */
#include "base/buf.h"
#include "base/err.h"
#include "make.h"
#include "store/inside.h"
#include "support/case.h"

#include <stdio.h>

static void
put(struct store *store, const char *name, const char *value)
{
    struct store_key key = make_key(store, 0, name);

    cr_assert(store_put_plain(store, &key, bytes_str(value), WALL) == ERR_OK);
}

CASE(store, a_slot_of_100000_keys_is_split_and_scanned_whole)
{
    struct store *store = make_store(64, true);
    uint64_t cursor = 0;
    struct buf name = {0};
    uint32_t i, slot = make_key(store, 0, "{x}0").slot;

    for (i = 0; i < 100000; i++) {
        name.used = 0;
        buf_must_printf(&name, "{x}%u%c", i, 0);
        put(store, name.data, "v");
    }
    cr_expect(store->slots[slot].dir != NULL);
    cr_expect(store_slot_ok(store, slot));
    cr_expect(store_count(store, 0) == 100000);
    for (i = 0; i < 100000; i++) {
        struct store_key key;

        name.used = 0;
        buf_must_printf(&name, "{x}%u%c", i, 0);
        key = make_key(store, 0, name.data);
        cr_assert(store_get(store, &key, STORE_TOUCH, WALL) != NULL);
    }
    (void)cursor;
    store_flush(store, -1, false, WALL);
    cr_expect(store->slots[slot].dir == NULL);
    cr_expect(store_count(store, 0) == 0);
    buf_deinit(&name);
    store_free(store);
}

struct seen {
    uint8_t *marks;
};

static void
mark(void *context, const struct object *object)
{
    struct seen *seen = context;
    unsigned n = 0;
    char text[32] = {0};
    struct bytes key = object_key(object);

    memcpy(text, key.data, key.size < 31 ? key.size : 31);
    if (sscanf(text, "{s}%u", &n) == 1 && n < 1000) seen->marks[n] = 1;
}

CASE(store, a_scan_sees_all_that_stayed_while_the_slot_grew_and_split)
{
    struct store *store = make_store(1, true);
    struct seen seen = {mem_must_zero(1000)};
    char name[64];
    uint64_t cursor = 0;
    uint32_t i, extra = 0;

    for (i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof(name), "{s}%u", i);
        put(store, name, "v");
    }
    do {
        cursor = store_scan(store, 0, cursor, 10, false, WALL, mark, &seen);
        for (i = 0; i < 8; i++) { /* grows to several tables on the way */
            (void)snprintf(name, sizeof(name), "{e}%u", extra++);
            put(store, name, "v");
        }
    } while (cursor != 0 && extra < 200000);
    cr_assert(cursor == 0);
    for (i = 0; i < 1000; i++)
        cr_assert(seen.marks[i], "%u", i);
    mem_free(seen.marks);
    store_free(store);
}

CASE(store, equal_contents_give_equal_digests_only_with_equal_stamps)
{
    struct store *a = make_store(1, true), *b = make_store(1, true);

    put(a, "x", "1");
    put(a, "y", "2");
    put(b, "x", "1");
    put(b, "y", "2");
    cr_expect(store_digest(a, 0) == store_digest(b, 0));
    put(b, "y", "2"); /* the same value, but another version */
    cr_expect(store_digest(a, 0) != store_digest(b, 0));
    store_free(a);
    store_free(b);
}

CASE(store, stamps_of_a_slot_only_grow_even_when_the_clock_goes_back)
{
    struct store *store = make_store(1, true);
    struct store_key key = make_key(store, 0, "k");
    struct stamp last;

    put(store, "k", "a");
    last = store_get(store, &key, STORE_TOUCH, WALL)->stamp;
    cr_assert(store_put_plain(store, &key, bytes_str("b"), WALL - 60000) ==
              ERR_OK);
    cr_expect(store_get(store, &key, STORE_TOUCH, WALL)->stamp.bits >
              last.bits);
    store_free(store);
}

CASE(store, a_watch_sees_value_expiry_and_removal)
{
    struct store *store = make_store(1, true);
    struct store_key key = make_key(store, 0, "k");
    uint64_t absent = store_watch(store, &key, WALL), there, expiring;

    put(store, "k", "a");
    there = store_watch(store, &key, WALL);
    cr_expect(there != absent);
    cr_assert(store_set_expiry(store, &key, WALL + 1000, WALL) == ERR_OK);
    expiring = store_watch(store, &key, WALL);
    cr_expect(expiring != there);
    cr_expect(store_watch(store, &key, WALL + 5000) != expiring);
    cr_expect(store_watch(store, &key, WALL + 5000) != absent,
              "set and gone again is a change");
    store_free(store);
}

CASE(store, a_random_key_is_a_live_one_of_the_database)
{
    struct store *store = make_store(64, true);
    struct buf name = {0};

    cr_expect(store_random(store, 0, false, WALL, &name) == false);
    put(store, "only", "v");
    cr_assert(store_random(store, 0, false, WALL, &name));
    cr_expect(bytes_equal(buf_bytes(&name), bytes_str("only")));
    cr_expect(store_random(store, 3, false, WALL, &name) == false);
    buf_deinit(&name);
    store_free(store);
}

CASE(store, a_counter_counts_in_one_share_even_if_the_clock_steps_back)
{
    struct store *store = make_store(1, true);
    struct store_key key = make_key(store, 0, "k");
    char scratch[OBJECT_TEXT_ROOM];
    struct object *object;
    uint32_t i;

    for (i = 0; i < 200; i++) {
        cr_assert(store_add(store, &key, 1, WALL - 3600000) == ERR_OK);
    }
    object = store_get(store, &key, STORE_TOUCH, WALL);
    cr_expect(bytes_equal(object_text(object, scratch), bytes_str("200")));
    cr_expect(object_value(object).size == 16 + 24);
    store_free(store);
}

CASE(store, an_expiry_is_set_without_moving_a_value_whose_cell_has_room)
{
    struct store *store = make_store(1, true);
    struct store_key key = make_key(store, 0, "k");
    static char big[10000]; /* its cell has room for what is added */
    struct object *object, *again;
    uint32_t i;

    memset(big, 'x', sizeof(big));
    cr_assert(store_put_plain(store, &key, bytes_of(big, sizeof(big)), WALL) ==
              ERR_OK);
    object = store_get(store, &key, STORE_TOUCH, WALL);
    for (i = 0; i < 10; i++) {
        cr_assert(store_set_expiry(store, &key, i % 3 ? WALL + i : 0, WALL) ==
                  ERR_OK);
        again = store_get(store, &key, STORE_TOUCH, WALL);
        cr_assert(again == object, "still the same memory");
        cr_assert(object_expiry_ms(again) == (i % 3 ? WALL + i : 0));
        cr_assert(bytes_equal(object_value(again), bytes_of(big, sizeof(big))));
        cr_assert(store_ok(store));
    }
    store_free(store);
}

/* PERSIST makes an object 8 bytes longer (the expiry gets a stamp of its own),
 * in place only if its block has them: allocators round large sizes each in
 * their own way. */
CASE(store, a_large_value_gets_and_loses_an_expiry_without_touching_more)
{
    struct store *store = make_store(1, true);
    struct store_key key = make_key(store, 0, "k");
    char *data = mem_must_zero(90000);
    size_t size;

    for (size = 16300; size < 90000; size += size < 16400 ? 1 : 977) {
        struct store_write write = {.parts = {{data, size}},
                                    .part_count = 1,
                                    .expire = EXPIRE_AT,
                                    .expire_ms = WALL + 9};

        cr_assert(store_put(store, &key, &write, WALL, NULL) == ERR_OK);
        cr_assert(store_set_expiry(store, &key, 0, WALL) == ERR_OK);
        cr_assert(store_set_expiry(store, &key, WALL + 9, WALL) == ERR_OK);
        cr_assert(store_slot_ok(store, 0));
        data[size - 1] = (char)size;
    }
    mem_free(data);
    store_free(store);
}
