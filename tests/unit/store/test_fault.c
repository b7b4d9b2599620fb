/* Out of memory at any point: an error, nothing changed, nothing lost. */
#include "base/err.h"
#include "base/rng.h"
#include "make.h"
#include "store/inside.h"
#include "support/case.h"
#include "support/fault.h"

#include <stdio.h>

enum { KEYS = 4000, SIZE_MOST = 40000 };

static char data[SIZE_MOST];

static int
change(struct store *store, const struct store_key *key, uint32_t kind,
       size_t size)
{
    struct store_write write = {.type = OBJECT_STRING, .part_count = 1};
    char *value;
    int err;

    write.parts[0] = bytes_of(data, size);
    switch (kind) {
    case 0: return store_put(store, key, &write, WALL, NULL);
    case 1:
        err = store_edit(store, key, size + 1, WALL, &value);
        if (err == ERR_OK) store_edit_done(store, key);
        return err;
    case 2:
        if (store_get(store, key, STORE_TOUCH, WALL) == NULL) return ERR_OK;
        return store_set_expiry(store, key, WALL + 1000, WALL);
    default:
        if (store_get(store, key, STORE_TOUCH, WALL) != NULL) return ERR_OK;
        return store_add(store, key, 1, WALL);
    }
}

static uint64_t
version_of(struct store *store, const struct store_key *key)
{
    struct object *object = store_get(store, key, STORE_NO_TOUCH, WALL);

    return object != NULL ? object_version(object) : 0;
}

/* All keys in one slot: cells, large blocks, tables, splits, directories. */
CASE(fault, a_change_without_memory_is_an_error_and_changes_nothing)
{
    struct store *store = make_store(1, true);
    struct rng rng = {3};
    uint32_t i, faults = 0;

    for (i = 0; i < KEYS * 4; i++) {
        char name[32];
        size_t size = rng_below(&rng, 20) == 0 ? rng_below(&rng, SIZE_MOST)
                                               : rng_below(&rng, 200);
        uint32_t kind = i < KEYS ? 0 : (uint32_t)rng_below(&rng, 4);
        struct store_key key;
        uint64_t n, before;
        int err;

        (void)snprintf(name, sizeof(name), "{f}%u",
                       (uint32_t)rng_below(&rng, KEYS));
        key = make_key(store, 0, name);
        before = version_of(store, &key);
        for (n = 1;; n++) {
            fault_begin(n);
            err = change(store, &key, kind, size);
            if (!fault_end()) break;
            if (err == ERR_OK) break; /* it could do without */
            faults++;
            cr_assert(err == ERR_MEMORY);
            cr_assert(version_of(store, &key) == before);
        }
        cr_assert(err == ERR_OK);
        if (i % 500 == 0) cr_assert(store_ok(store));
    }
    cr_expect(faults > 300, "%u", faults);
    cr_expect(store->slots[0].dir != NULL);
    cr_assert(store_ok(store));
    store_free(store);
}

CASE(fault, a_store_without_memory_is_not_made_and_leaves_nothing)
{
    uint64_t n;

    for (n = 1; n < 100; n++) {
        struct store *store;

        fault_begin(n);
        store = make_store(64, true);
        if (!fault_end()) {
            store_free(store);
            break;
        }
        cr_assert(store == NULL);
    }
    cr_expect(n > 3 && n < 100);
}

CASE(fault, eviction_and_moving_do_without_memory)
{
    struct store *store = make_store(64, true);
    struct rng rng = {5};
    uint32_t i, refused = 0;

    store_limit(store, 8 * 1024 * 1024, POLICY_ALLKEYS_LRU);
    for (i = 0; i < 30000; i++) {
        char name[32];
        struct store_key key;

        (void)snprintf(name, sizeof(name), "%u", i);
        key = make_key(store, 0, name);
        if (i % 7 == 0) fault_begin(1 + rng_below(&rng, 3));
        if (store_make_room(store, 1000, WALL) != ERR_OK) refused++;
        (void)change(store, &key, 0, rng_below(&rng, 1500));
        (void)fault_end();
    }
    cr_assert(store_ok(store));
    cr_expect(refused == 0, "%u", refused);
    cr_expect(store_count(store, 0) > 1000, "%u",
              (uint32_t)store_count(store, 0));
    store_free(store);
}
