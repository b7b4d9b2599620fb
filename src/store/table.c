#include "store/table.h"

#include "base/err.h"
#include "base/memory.h"

#include <string.h>

_Static_assert(TABLE_BUCKETS_MAX <= 65535 / 2, "homes fit 32 bits");

/* Bucket counts that waste nothing in an allocator whose classes are a
 * quarter apart. */
static const uint16_t SIZES[] = {
    1,  2,  3,  4,  5,  6,  7,  8,  10,  12,  14,  16,  20,  24,
    28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, TABLE_BUCKETS_MAX};

/* Entries that so many buckets may hold: 25/28 full. */
static uint32_t
limit_of(uint32_t buckets)
{
    return buckets == 1 ? BUCKET_ENTRIES : buckets * 25 / 4;
}

void
table_deinit(struct table *table)
{
    mem_free(table->buckets);
    *table = (struct table){0};
}

static inline bool
is_key(const struct object *object, uint32_t db, struct bytes key)
{
    struct bytes have = object_key(object);

    return have.size == key.size && object_db(object) == db &&
           memcmp(have.data, key.data, key.size) == 0;
}

struct place
table_find(const struct table *table, uint32_t tag, uint32_t db,
           struct bytes key)
{
    uint32_t home, looked, i;

    if (UNLIKELY(table->buckets == NULL)) return (struct place){NULL, 0};
    home = table_home(table, tag);
    for (looked = 0; looked < table->bucket_count; looked++) {
        struct bucket *bucket = &table->buckets[home];

        for (i = 0; i < BUCKET_ENTRIES; i++) {
            uint64_t entry = bucket->entry[i];

            if (entry_tag(entry) == tag && entry != 0 &&
                is_key(entry_object(entry), db, key)) {
                return (struct place){bucket, i};
            }
        }
        if (bucket_passed(bucket) == 0) break;
        if (++home == table->bucket_count) home = 0;
    }
    return (struct place){NULL, 0};
}

struct place
table_find_object(const struct table *table, uint32_t tag,
                  const struct object *object)
{
    uint64_t wanted = entry_make(tag, object);
    uint32_t home, looked, i;

    if (table->buckets == NULL) return (struct place){NULL, 0};
    home = table_home(table, tag);
    for (looked = 0; looked < table->bucket_count; looked++) {
        struct bucket *bucket = &table->buckets[home];

        for (i = 0; i < BUCKET_ENTRIES; i++) {
            if (bucket->entry[i] == wanted) return (struct place){bucket, i};
        }
        if (bucket_passed(bucket) == 0) break;
        if (++home == table->bucket_count) home = 0;
    }
    return (struct place){NULL, 0};
}

static void
passed_change(struct bucket *bucket, int32_t by)
{
    uint32_t passed = bucket_passed(bucket);

    if (passed == META_PASSED_MAX) return; /* lost count: never less */
    bucket->meta &= ~(UINT64_C(255) << META_PASSED_SHIFT);
    bucket->meta |= (uint64_t)((int32_t)passed + by) << META_PASSED_SHIFT;
}

static struct place
put_entry(struct table *table, uint64_t entry)
{
    uint32_t at = table_home(table, entry_tag(entry)), i;

    for (;;) {
        struct bucket *bucket = &table->buckets[at];

        for (i = 0; i < BUCKET_ENTRIES; i++) {
            if (bucket->entry[i] == 0) {
                bucket->entry[i] = entry;
                return (struct place){bucket, i};
            }
        }
        passed_change(bucket, 1);
        if (++at == table->bucket_count) at = 0;
    }
}

static int
resize(struct table *table, uint32_t buckets)
{
    struct table larger = *table;
    uint32_t b, i;

    ASSERT(limit_of(buckets) >= table->used);
    larger.bucket_count = buckets;
    larger.buckets =
        mem_try_aligned((size_t)buckets * sizeof(struct bucket), 64);
    if (larger.buckets == NULL) return ERR_MEMORY;
    memset(larger.buckets, 0, (size_t)buckets * sizeof(struct bucket));
    for (b = 0; b < table->bucket_count; b++) {
        for (i = 0; i < BUCKET_ENTRIES; i++) {
            struct place from = {&table->buckets[b], i}, to;

            if (from.bucket->entry[i] == 0) continue;
            to = put_entry(&larger, from.bucket->entry[i]);
            place_set_heat(to, place_heat(from));
            place_set_expiry(to, place_has_expiry(from));
        }
    }
    mem_free(table->buckets);
    *table = larger;
    return ERR_OK;
}

int
table_reserve(struct table *table)
{
    uint32_t i = 0;

    if (LIKELY(table->buckets != NULL &&
               table->used < limit_of(table->bucket_count))) {
        return ERR_OK;
    }
    if (table->bucket_count == TABLE_BUCKETS_MAX) return ERR_LIMIT;
    while (SIZES[i] <= table->bucket_count)
        i++;
    return resize(table, SIZES[i]);
}

struct place
table_add(struct table *table, uint32_t tag, const struct object *object)
{
    struct place place;

    ASSERT(table->used < limit_of(table->bucket_count));
    place = put_entry(table, entry_make(tag, object));
    table->used++;
    place_set_heat(place, 0);
    place_set_expiry(place, false);
    return place;
}

void
table_remove(struct table *table, struct place place)
{
    uint64_t entry = place.bucket->entry[place.at];
    uint32_t at = table_home(table, entry_tag(entry));

    ASSERT(entry != 0 && table->used > 0);
    while (&table->buckets[at] != place.bucket) {
        passed_change(&table->buckets[at], -1);
        if (++at == table->bucket_count) at = 0;
    }
    place.bucket->entry[place.at] = 0;
    place_set_heat(place, 0);
    place_set_expiry(place, false);
    table->used--;
}

void
table_shrink(struct table *table)
{
    uint32_t i = 0;

    if (table->buckets == NULL) return;
    if (table->used == 0) {
        mem_free(table->buckets);
        table->buckets = NULL;
        table->bucket_count = 0;
        return;
    }
    if (table->used * 3 > limit_of(table->bucket_count)) return;
    while (limit_of(SIZES[i]) < table->used * 3 / 2 + 1)
        i++;
    if (SIZES[i] < table->bucket_count) (void)resize(table, SIZES[i]);
}

/* Counts the buckets that each entry passed over; false if an entry cannot be
 * found from its home. */
static bool
count_passed(const struct table *table, uint32_t passed[TABLE_BUCKETS_MAX],
             uint32_t *used)
{
    uint32_t b, i;

    for (b = 0; b < table->bucket_count; b++) {
        for (i = 0; i < BUCKET_ENTRIES; i++) {
            uint64_t entry = table->buckets[b].entry[i];
            uint32_t at;

            if (entry == 0) continue;
            (*used)++;
            if (table_find_object(table, entry_tag(entry), entry_object(entry))
                    .bucket == NULL) {
                return false;
            }
            at = table_home(table, entry_tag(entry));
            for (; at != b; at = at + 1 == table->bucket_count ? 0 : at + 1)
                passed[at]++;
        }
    }
    return true;
}

bool
table_ok(const struct table *table)
{
    uint32_t passed[TABLE_BUCKETS_MAX] = {0}, used = 0, b, i;

    if (!count_passed(table, passed, &used)) return false;
    for (b = 0; b < table->bucket_count; b++) {
        const struct bucket *bucket = &table->buckets[b];

        if (bucket_passed(bucket) != passed[b] &&
            bucket_passed(bucket) != META_PASSED_MAX) {
            return false;
        }
        for (i = 0; i < BUCKET_ENTRIES; i++) {
            struct place place = {&table->buckets[b], i};

            if (bucket->entry[i] != 0) continue;
            if (place_heat(place) != 0 || place_has_expiry(place)) return false;
        }
    }
    return used == table->used && used <= limit_of(table->bucket_count);
}
