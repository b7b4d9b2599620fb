/* maxmemory: what is evicted, what is not, and that it holds. */
#include "base/err.h"
#include "base/rng.h"
#include "make.h"
#include "store/inside.h"
#include "support/case.h"

#include <stdio.h>

enum { LIMIT = 24 * 1024 * 1024 };

static int
put_sized(struct store *store, uint32_t n, size_t size, int64_t expire_ms)
{
    static char data[20000];
    struct store_write write = {.type = OBJECT_STRING, .part_count = 1};
    struct store_key key;
    char name[32];
    int err = store_make_room(store, size, WALL);

    if (err != ERR_OK) return err;
    (void)snprintf(name, sizeof(name), "key:%u", n);
    key = make_key(store, 0, name);
    write.parts[0] = bytes_of(data, size);
    write.expire = expire_ms > 0 ? EXPIRE_AT : EXPIRE_NONE;
    write.expire_ms = expire_ms;
    return store_put(store, &key, &write, WALL, NULL);
}

static bool
is_there(struct store *store, uint32_t n)
{
    char name[32];
    struct store_key key;

    (void)snprintf(name, sizeof(name), "key:%u", n);
    key = make_key(store, 0, name);
    return store_get(store, &key, STORE_TOUCH, WALL) != NULL;
}

static uint64_t
used(struct store *store)
{
    struct store_stats stats;

    store_stats(store, &stats);
    return stats.used_bytes;
}

static void
overwrite_mixed(enum store_policy policy)
{
    struct store *store = make_store(1024, true);
    struct rng rng = {11};
    uint32_t i;
    uint64_t evicted;

    store_limit(store, LIMIT, policy);
    for (i = 0; i < 200000; i++) {
        /* sizes drift, so classes must give slabs to each other */
        size_t most = i < 100000 ? 500 : 6000;

        cr_assert(put_sized(store, (uint32_t)rng_below(&rng, 60000),
                            rng_below(&rng, most), WALL + 100000) == ERR_OK);
        if (i % 1000 == 0) cr_assert(used(store) <= LIMIT);
    }
    evicted = atomic_load(&store->evicted);
    cr_expect(evicted > 0);
    cr_expect(heap_free_cell_bytes(store->heap) < LIMIT / 3);
    for (i = 0; i < 1024; i++)
        cr_assert(store_slot_ok(store, i));
    store_free(store);
}

CASE(memory, holds_under_overwrites_of_drifting_sizes_by_heat)
{
    overwrite_mixed(POLICY_ALLKEYS_LRU);
}

CASE(memory, holds_with_random_eviction)
{
    overwrite_mixed(POLICY_ALLKEYS_RANDOM);
}

CASE(memory, holds_when_the_next_to_expire_go_first)
{
    overwrite_mixed(POLICY_VOLATILE_TTL);
}

CASE(memory, holds_when_only_volatile_keys_may_go)
{
    overwrite_mixed(POLICY_VOLATILE_LFU);
}

CASE(memory, without_eviction_a_full_store_says_so_and_loses_nothing)
{
    struct store *store = make_store(64, true);
    uint32_t n = 0, i;

    store_limit(store, LIMIT, POLICY_NOEVICTION);
    while (put_sized(store, n, 1000, 0) == ERR_OK)
        n++;
    cr_expect(n > 20000 && n < 25000, "%u", n);
    for (i = 0; i < n; i++)
        cr_assert(is_there(store, i));
    store_free(store);
}

CASE(memory, keys_without_expiry_are_not_evicted_by_volatile_policies)
{
    struct store *store = make_store(64, true);
    uint32_t n = 0, i;

    store_limit(store, LIMIT, POLICY_VOLATILE_LRU);
    for (i = 0; i < 1000; i++) {
        cr_assert(put_sized(store, i, 1000, 0) == ERR_OK);
    }
    for (n = 1000; n < 60000; n++) {
        cr_assert(put_sized(store, n, 1000, WALL + 100000) == ERR_OK);
    }
    for (i = 0; i < 1000; i++)
        cr_assert(is_there(store, i));
    while (put_sized(store, n, 1000, 0) == ERR_OK)
        n++;
    cr_expect(store_count_expires(store, 0) == 0, "all of them went first");
    store_free(store);
}

CASE(memory, a_scan_of_new_keys_leaves_the_hot_ones)
{
    struct store *store = make_store(256, true);
    uint32_t i, round, kept = 0;

    store_limit(store, LIMIT, POLICY_ALLKEYS_LRU);
    for (i = 0; i < 5000; i++) {
        cr_assert(put_sized(store, i, 1000, 0) == ERR_OK);
    }
    for (round = 0; round < 3; round++) {
        for (i = 0; i < 5000; i++)
            cr_assert(is_there(store, i));
    }
    for (i = 5000; i < 205000; i++) {
        cr_assert(put_sized(store, i, 1000, 0) == ERR_OK);
    }
    for (i = 0; i < 5000; i++)
        kept += is_there(store, i);
    cr_expect(kept > 4900, "%u of 5000", kept);
    store_free(store);
}

CASE(memory, what_has_expired_goes_without_being_read)
{
    struct store *store = make_store(64, true);
    uint32_t i;

    for (i = 0; i < 1000; i++) {
        cr_assert(put_sized(store, i, 10, WALL + 1 + i % 500) == ERR_OK);
    }
    store_tick(store, 0, 1000, WALL + 251);
    cr_expect(store_count(store, 0) < 1000);
    cr_expect(store_count(store, 0) >= 498);
    store_tick(store, 0, 1000, WALL + 1000);
    cr_expect(store_count(store, 0) == 0);
    cr_expect(atomic_load(&store->expired) == 1000);
    store_free(store);
}

CASE(memory, the_tick_looks_through_no_more_tables_than_its_budget)
{
    struct store *store = make_store(64, true);
    uint32_t i;

    for (i = 0; i < 6400; i++) {
        cr_assert(put_sized(store, i, 10, WALL + 1) == ERR_OK);
    }
    store_tick(store, 0, 8, WALL + 1000);
    cr_expect(store_count(store, 0) > 6400 - 2000);
    for (i = 0; i < 8; i++)
        store_tick(store, 0, 8, WALL + 1000);
    cr_expect(store_count(store, 0) == 0);
    store_free(store);
}
