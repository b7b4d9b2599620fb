/*
 * table.h - a hash table of objects that fills its memory well at any size.
 *
 *   bucket (one cache line)
 *   | meta | tag:addr | tag:addr | ... 7 entries |
 *
 *   entry   16 bits of hash above a 48-bit address; 0: free
 *   meta    per entry 4 bits of heat and one "has an expiry"; and how many
 *           entries passed over this bucket because it was full
 *
 * The home bucket of an entry is tag * buckets / 65536, so the order of homes
 * is the order of tags at every size: a table is made larger or smaller
 * without touching one object, and a scan by tag ranges is stable. A full home
 * passes its entry to the next bucket and counts it (the overflow count of
 * Facebook's F14): a lookup stops at the first bucket that nobody passed.
 *
 * A table ends at TABLE_BUCKETS_MAX buckets (a directory of tables takes
 * over, see inside.h), so no change of size takes long.
 */
#ifndef STORE_TABLE_H
#define STORE_TABLE_H

#include "base/bytes.h"
#include "store/object.h"

enum {
    BUCKET_ENTRIES = 7,
    TABLE_BUCKETS_MAX = 256,
    HEAT_MAX = 15,
};

struct bucket {
    uint64_t meta;
    uint64_t entry[BUCKET_ENTRIES];
};

_Static_assert(sizeof(struct bucket) == 64, "a bucket is a cache line");

struct table {
    struct bucket *buckets; /* owned; NULL while empty */
    uint32_t bucket_count;
    uint32_t used;
    uint32_t depth;     /* leading hash bits that all its entries share; the tag
                           is the 16 bits after those */
    uint32_t expire_at; /* no entry expires before this (inside.h) */
};

/* Where an entry is; valid until the table changes. */
struct place {
    struct bucket *bucket; /* NULL: nowhere */
    uint32_t at;
};

#define ENTRY_ADDRESS_MASK ((UINT64_C(1) << 48) - 1)

static inline struct object *
entry_object(uint64_t entry)
{
    return (struct object *)(uintptr_t)(entry & ENTRY_ADDRESS_MASK);
}

static inline uint32_t
entry_tag(uint64_t entry)
{
    return (uint32_t)(entry >> 48);
}

static inline uint64_t
entry_make(uint32_t tag, const struct object *object)
{
    return (uint64_t)tag << 48 | (uint64_t)(uintptr_t)object;
}

static inline struct object *
place_object(struct place place)
{
    return entry_object(place.bucket->entry[place.at]);
}

/* ---- meta ---- */
enum {
    META_HEAT_BITS = 4,
    META_EXPIRY_SHIFT = BUCKET_ENTRIES * META_HEAT_BITS, /* 28 */
    META_PASSED_SHIFT = 40,
    META_PASSED_MAX = 255, /* stays there: the count is lost */
};

static inline uint32_t
place_heat(struct place place)
{
    return (uint32_t)(place.bucket->meta >> (place.at * META_HEAT_BITS)) & 15;
}

static inline void
place_set_heat(struct place place, uint32_t heat)
{
    uint32_t shift = place.at * META_HEAT_BITS;

    place.bucket->meta = (place.bucket->meta & ~(UINT64_C(15) << shift)) |
                         (uint64_t)heat << shift;
}

static inline bool
place_has_expiry(struct place place)
{
    return place.bucket->meta >> (META_EXPIRY_SHIFT + place.at) & 1;
}

static inline void
place_set_expiry(struct place place, bool has)
{
    uint64_t bit = UINT64_C(1) << (META_EXPIRY_SHIFT + place.at);

    place.bucket->meta =
        has ? place.bucket->meta | bit : place.bucket->meta & ~bit;
}

static inline uint32_t
bucket_passed(const struct bucket *bucket)
{
    return (uint32_t)(bucket->meta >> META_PASSED_SHIFT) & 255;
}

static inline uint32_t
table_home(const struct table *table, uint32_t tag)
{
    return tag * table->bucket_count >> 16;
}

void table_deinit(struct table *table); /* the objects are not its own */

/* The entry of this key and database. */
struct place table_find(const struct table *table, uint32_t tag, uint32_t db,
                        struct bytes key);
/* The entry that holds this very object. */
struct place table_find_object(const struct table *table, uint32_t tag,
                               const struct object *object);
/* Room for one more, or ERR_MEMORY; ERR_LIMIT: the table is at its end and
 * must be split. */
WARN_UNUSED int table_reserve(struct table *table);
/* Puts a new entry in (after table_reserve); heat 0, no expiry. */
struct place table_add(struct table *table, uint32_t tag,
                       const struct object *object);
/* Takes an entry out; gives memory back when the table is nearly empty. */
void table_remove(struct table *table, struct place place);
/* Makes a table smaller if that is worth it; places become invalid. */
void table_shrink(struct table *table);
/* Structural check. */
bool table_ok(const struct table *table);

#endif
