/*
 * Merging as a join: whatever cells come in whatever order, as often as they
 * like, alone or gathered in another store's record, the stores end equal.
 */
#include "base/rng.h"
#include "ring.h"
#include "support/case.h"
#include "version/counter.h"

#include <stdio.h>

enum {
    TEXTS = 1,
    NUMBERS = 2, /* texts that are integers */
    TOMBSTONES = 4,
    COUNTERS = 8,
    EXPIRIES = 16,
    PAST = 32, /* expiries that have been */
    FLOORS = 64,
    FAULTS = 128, /* equal stamps with unequal content */

    TIMES = 24,
    ITEMS = 10,
    STORES = 3,
    ROUNDS = 3000,
};

struct item {
    struct record record;
    char text[24];
    uint8_t counter[COUNTER_BYTES_MAX];
    struct vector vector;
};

struct world {
    struct rng rng;
    uint32_t kinds;
    struct item items[ITEMS];
    uint32_t count;
    struct store *stores[STORES];
};

static struct stamp
stamp_at(uint32_t time)
{
    uint64_t ms = (uint64_t)(WALL - STAMP_EPOCH_MS) - 1000 + time;

    if (time == 0) return STAMP_NEVER;
    return (struct stamp){ms << STAMP_MS_SHIFT | (time % 3 + 1)};
}

static uint32_t
roll(struct world *world, uint32_t n)
{
    return (uint32_t)rng_below(&world->rng, n);
}

/* What was written at a time: always the same, unless it is a fault. */
static uint32_t
content_at(struct world *world, uint32_t time)
{
    if (world->kinds & FAULTS) return roll(world, 4);
    return time * 7 % 4;
}

/* What the write of a time has seen, which is part of it. */
static void
fill_vector(struct item *item, uint32_t time)
{
    uint32_t i;

    for (i = 1; i < 3 && i < time; i++) {
        if (time * 5 % (i + 2) != 0)
            vector_see(&item->vector, stamp_at(time - i));
    }
    item->record.vector = vector_bytes(&item->vector);
}

static int64_t
number_at(uint32_t time)
{
    return (int64_t)time * 10 - 75;
}

static void
fill_counter(struct world *world, struct item *item)
{
    uint32_t base = roll(world, 3) == 0 ? 0 : roll(world, TIMES), birth = base;
    uint32_t content = content_at(world, base), newest;
    size_t size = COUNTER_BASE_BYTES;
    uint32_t shares = roll(world, 4) + (base == 0), i;

    counter_begin(item->counter,
                  base > 0 && content % 2 == 1 ? number_at(base) : 0,
                  stamp_at(base));
    for (i = 0; i < shares; i++) {
        birth += 1 + roll(world, 4);
        newest = birth + 3 * roll(world, 3);
        size = counter_add(bytes_of(item->counter, size), birth,
                           stamp_at(birth), stamp_at(birth), item->counter);
        if (newest > birth) {
            size =
                counter_add(bytes_of(item->counter, size), newest * 100,
                            stamp_at(newest), stamp_at(birth), item->counter);
        }
    }
    item->record.type = OBJECT_COUNTER;
    item->record.value = bytes_of(item->counter, size);
    item->record.stamp = counter_newest(item->record.value);
    fill_vector(item, base);
}

static void
fill_expiry(struct world *world, struct record *record)
{
    uint32_t time = 1 + roll(world, TIMES);

    if (!(world->kinds & EXPIRIES) || roll(world, 2) == 0) return;
    record->has_expiry = true;
    record->expire_stamp = stamp_at(time);
    record->expire_ms = time % 4 == 0 ? 0 : WALL + 100000 + time;
    if ((world->kinds & PAST) && time % 4 == 1)
        record->expire_ms = WALL - 5000 + time;
}

static void
fill_text(struct world *world, struct item *item, uint32_t time)
{
    uint32_t content = content_at(world, time);

    if (content == 2 && (world->kinds & TOMBSTONES)) {
        item->record.kind = RECORD_TOMBSTONE;
    } else if (content % 2 == 1 && (world->kinds & NUMBERS)) {
        (void)snprintf(item->text, sizeof(item->text), "%lld",
                       (long long)number_at(time));
    } else {
        (void)snprintf(item->text, sizeof(item->text), "text %u", time);
        if (world->kinds & FAULTS) item->text[0] += (char)roll(world, 2);
    }
    item->record.stamp = stamp_at(time);
    item->record.value = bytes_str(item->text);
    fill_vector(item, time);
}

static void
fill_item(struct world *world, struct item *item)
{
    *item = (struct item){.record.kind = RECORD_VALUE};
    item->record.key = bytes_str("key");
    if ((world->kinds & FLOORS) && roll(world, 6) == 0) {
        item->record.kind = RECORD_FLOOR;
        item->record.stamp = stamp_at(1 + roll(world, TIMES));
        item->record.stamp.bits |= 64; /* nobody else's */
        return;
    }
    if ((world->kinds & COUNTERS) && roll(world, 2) == 0) {
        fill_counter(world, item);
    } else {
        fill_text(world, item, 1 + roll(world, TIMES));
    }
    fill_expiry(world, &item->record);
}

static void
give(struct world *world, struct store *store, const struct item *item)
{
    struct buf bytes = {0};
    enum store_outcome outcome;

    (void)world;
    if (item->record.kind == RECORD_FLOOR) {
        store_raise_floor(store, 0, 0, item->record.stamp, WALL);
        return;
    }
    record_write(&bytes, &item->record);
    outcome = merge_bytes(store, buf_bytes(&bytes), WALL, NULL);
    cr_assert(outcome == STORE_STORED || outcome == STORE_COVERED ||
              outcome == STORE_BEATEN);
    buf_deinit(&bytes);
}

/* All of them in a random order, some twice. */
static void
give_all(struct world *world, struct store *store, uint32_t from, uint32_t to)
{
    uint32_t order[ITEMS], n = to - from, i;

    for (i = 0; i < n; i++)
        order[i] = from + i;
    for (i = n; i > 1; i--) {
        uint32_t k = roll(world, i), swap = order[k];

        order[k] = order[i - 1];
        order[i - 1] = swap;
    }
    for (i = 0; i < n; i++) {
        give(world, store, &world->items[order[i]]);
        if (roll(world, 3) == 0)
            give(world, store, &world->items[order[roll(world, i + 1)]]);
    }
}

static void
expect_equal(struct store *a, struct store *b)
{
    struct store_key key = make_key(a, 0, "key");
    struct buf x = record_bytes_of(a, &key, WALL);
    struct buf y = record_bytes_of(b, &key, WALL);

    cr_assert(bytes_equal(buf_bytes(&x), buf_bytes(&y)));
    cr_assert(eq(u64, store_digest(a, 0), store_digest(b, 0)));
    cr_assert(eq(u64, store_version(a, &key), store_version(b, &key)));
    cr_assert(eq(u64, store_floor(a, 0, 0).bits, store_floor(b, 0, 0).bits));
    cr_assert(store_ok(a));
    buf_deinit(&x);
    buf_deinit(&y);
}

/* What has expired on one may have been prolonged on another: whoever still
 * has the value gives it back. */
static void
exchange(struct world *world)
{
    uint32_t i;

    for (i = 0; i < 2 * STORES; i++)
        copy_key(world->stores[i % STORES], world->stores[(i + 1) % STORES],
                 "key", WALL, NULL);
}

/* The third store gets half of it from a record that a store made of it. */
static void
one_round(struct world *world)
{
    struct store *half = ring_store(1, 3);
    struct stamp floor;
    uint32_t i, cut;

    world->count = 2 + roll(world, ITEMS - 1);
    cut = roll(world, world->count);
    for (i = 0; i < world->count; i++)
        fill_item(world, &world->items[i]);
    for (i = 0; i < STORES; i++)
        world->stores[i] = ring_store(1, 1 + i);
    give_all(world, world->stores[0], 0, world->count);
    give_all(world, world->stores[1], 0, world->count);
    give_all(world, half, 0, cut);
    give_all(world, world->stores[2], cut, world->count);
    floor = store_floor(half, 0, 0);
    if (floor.bits > 0) store_raise_floor(world->stores[2], 0, 0, floor, WALL);
    copy_key(half, world->stores[2], "key", WALL, NULL);
    if (world->kinds & PAST) exchange(world);
    expect_equal(world->stores[0], world->stores[1]);
    expect_equal(world->stores[1], world->stores[2]);
    copy_key(world->stores[0], world->stores[1], "key", WALL, NULL);
    expect_equal(world->stores[0], world->stores[1]);
    for (i = 0; i < STORES; i++)
        store_free(world->stores[i]);
    store_free(half);
}

static void
rounds(uint32_t kinds)
{
    struct world world = {.rng = {kinds}, .kinds = kinds};
    uint32_t i;

    for (i = 0; i < ROUNDS; i++)
        one_round(&world);
}

CASE(merge, texts_in_any_order)
{
    rounds(TEXTS | NUMBERS | EXPIRIES);
}

CASE(merge, texts_and_tombstones_in_any_order)
{
    rounds(TEXTS | TOMBSTONES | EXPIRIES);
}

CASE(merge, counters_in_any_order)
{
    rounds(COUNTERS | NUMBERS | EXPIRIES);
}

CASE(merge, counters_and_tombstones_in_any_order)
{
    rounds(COUNTERS | NUMBERS | TOMBSTONES | EXPIRIES);
}

CASE(merge, counters_and_texts_in_any_order)
{
    rounds(COUNTERS | TEXTS | NUMBERS | EXPIRIES);
}

CASE(merge, everything_with_floors_in_any_order)
{
    rounds(COUNTERS | TEXTS | NUMBERS | TOMBSTONES | EXPIRIES | FLOORS);
}

CASE(merge, expired_texts_in_any_order)
{
    rounds(TEXTS | TOMBSTONES | EXPIRIES | PAST);
}

CASE(merge, equal_stamps_with_unequal_content_in_any_order)
{
    rounds(TEXTS | NUMBERS | TOMBSTONES | COUNTERS | FAULTS);
}
