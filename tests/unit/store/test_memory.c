/* maxmemory: what is evicted, what is not, and that it holds. */
#include "base/err.h"
#include "base/rng.h"
#include "make.h"
#include "store/inside.h"
#include "support/case.h"

#include <stdio.h>
#include <time.h>

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

/* CPU seconds; the bounds below are a hundred times what is needed. */
static double
cpu_s(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static void
fill(struct store *store, uint32_t from, uint32_t to, int64_t expire_ms)
{
    for (; from < to; from++)
        cr_assert(put_sized(store, from, 50, expire_ms) == ERR_OK);
}

CASE(memory, few_volatile_keys_among_many_are_found_without_searching_all)
{
    struct store *store = make_store(1024, true);
    uint32_t i, refused = 0;
    double start;

    fill(store, 0, 200000, WALL + 100000);
    for (i = 0; i < 200000; i++) { /* the slots' times are stale from now on */
        char name[32];
        struct store_key key;

        (void)snprintf(name, sizeof(name), "key:%u", i);
        key = make_key(store, 0, name);
        cr_assert(store_set_expiry(store, &key, 0, WALL) == ERR_OK);
    }
    store_limit(store, used(store), POLICY_VOLATILE_LRU);
    start = cpu_s();
    for (i = 0; i < 2000; i++)
        refused += put_sized(store, 300000 + i, 50, 0) != ERR_OK;
    for (i = 0; i < 2000; i++) {
        struct store_key key = make_key(store, 0, "volatile");
        struct store_write write = {
            .part_count = 0, .expire = EXPIRE_AT, .expire_ms = WALL + 1000};

        cr_assert(store_put(store, &key, &write, WALL, NULL) == ERR_OK);
        refused += put_sized(store, 400000, 50, 0) != ERR_OK;
    }
    cr_expect(refused > 1000, "%u", refused);
    cr_expect(cpu_s() - start < 2.0, "%.1f s", cpu_s() - start);
    cr_expect(atomic_load(&store->evicted) > 0);
    cr_assert(store_ok(store));
    store_free(store);
}

/* maxmemory was lowered: each call goes down a step, none all the way. */
CASE(memory, one_call_does_not_evict_gigabytes)
{
    struct store *store = make_store(1024, true);
    uint64_t before, first;

    fill(store, 0, 300000, 0);
    before = used(store);
    store_limit(store, before / 4, POLICY_ALLKEYS_LRU);
    cr_assert(store_make_room(store, 100, WALL) == ERR_OK);
    first = used(store);
    cr_expect(first < before && first > before - 8 * 1024 * 1024);
    for (uint32_t i = 0; i < 40 && used(store) > before / 4; i++)
        store_tick(store, 0, 100, WALL);
    cr_expect(used(store) <= before / 4);
    cr_assert(store_ok(store));
    store_free(store);
}

CASE(memory, a_search_among_hot_keys_gives_up_its_standards_in_time)
{
    struct store *store = make_store(1024, true);
    uint32_t i, round;
    uint64_t seen = 0;

    fill(store, 0, 200000, 0);
    for (round = 0; round < HEAT_TOP; round++) {
        for (i = 0; i < 200000; i++)
            cr_assert(is_there(store, i));
    }
    store_limit(store, used(store) + LIMIT, POLICY_ALLKEYS_LRU);
    for (i = 200000; atomic_load(&store->evicted) == 0; i++) {
        cr_assert(put_sized(store, i, 50, 0) == ERR_OK);
        /* no new key shall be easier to take */
        cr_assert(is_there(store, i) && is_there(store, i));
        for (round = 0; round < HEAT_TOP; round++)
            cr_assert(is_there(store, i));
    }
    for (i = 0; i < 1024; i++) { /* most are hot still */
        struct slot *slot = &store->slots[i];
        uint32_t b, k;

        for (b = 0; b < slot->one.bucket_count; b++) {
            for (k = 0; k < BUCKET_ENTRIES; k++) {
                struct place place = {&slot->one.buckets[b], k};

                seen += place.bucket->entry[k] != 0 &&
                        place_heat(place) > HEAT_MAIN;
            }
        }
    }
    cr_expect(seen > 100000, "%llu", (unsigned long long)seen);
    store_free(store);
}

/* Every size class in use needs a slab: a small heap uses fewer. */
CASE(memory, a_small_limit_holds_keys_of_all_sizes)
{
    static const uint64_t LIMITS_MIB[] = {4, 8, 16, 32};
    struct rng rng = {5};
    uint32_t i, k;

    for (k = 0; k < ARRAY_LEN(LIMITS_MIB); k++) {
        struct store *store = make_store(64, true);
        uint64_t limit = LIMITS_MIB[k] << 20, live;

        store_limit(store, limit, POLICY_ALLKEYS_LRU);
        for (i = 0; i < 60000; i++) {
            cr_assert(put_sized(store, i, rng_below(&rng, 4000), 0) == ERR_OK);
            cr_assert(used(store) <= limit);
        }
        live = store_count(store, 0) * 2000;
        cr_expect(live > limit / 4, "%llu of %llu", (unsigned long long)live,
                  (unsigned long long)limit);
        cr_assert(store_ok(store));
        store_free(store);
    }
}
