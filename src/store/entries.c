/*
 * The entries of a slot as copies compare them: in the order of their hashes,
 * a window of tags at a time (table.h: homes are ordered as tags are, and
 * tags as hashes). And what removes or alters single entries by their hash.
 */
#include "store/inside.h"

#include "base/memory.h"

#include <string.h>

/* ---- windows ---- */

enum { WINDOW = 24 }; /* entries that a window should hold */

struct window {
    struct table *table;
    uint32_t from, to; /* tags */
    uint64_t next;     /* hash at which the next one begins; 0: the end */
};

/* The window that hash `from` lies in, up to about `wanted` entries. */
static struct window
window_at(struct slot *slot, uint64_t from, uint32_t wanted)
{
    struct window window = {.table = slot_table_of(slot, from)};
    uint32_t depth = window.table->depth;
    uint64_t step = 0x10000, start;

    window.from = hash_tag(from, depth);
    if (window.table->used > wanted)
        step = (uint64_t)wanted * 0x10000 / window.table->used;
    if (step == 0) step = 1;
    if (step > 0x10000u - window.from) step = 0x10000u - window.from;
    window.to = window.from + (uint32_t)step;
    start = depth > 0 ? from >> (64 - depth) << (64 - depth) : 0;
    /* past the last tag of the last table this is 2^64, that is 0 */
    window.next = window.to < 0x10000
                      ? start + ((uint64_t)window.to << (48 - depth))
                  : depth > 0 ? start + (UINT64_C(1) << (64 - depth))
                              : 0;
    return window;
}

static uint64_t
hash_of(const struct store *store, const struct object *object)
{
    return inside_hash(store, object_db(object), object_key(object));
}

/* ---- lists ---- */

struct listing {
    const struct store *store;
    struct store_entry *out;
    uint32_t count, first, room; /* first: of this window, in `out` */
    uint64_t from;
    bool is_cut; /* entries above the last one of `out` were left out */
};

static uint32_t
record_bytes(const struct object *object)
{
    enum { HEAD = 48 }; /* kind, flags, lengths, stamps */
    size_t size = object_key(object).size + object_value(object).size +
                  object_siblings(object).size + HEAD;

    return size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
}

/* Into the order; the largest goes if there are too many. */
static void
list_entry(void *context, struct object *object)
{
    struct listing *listing = context;
    struct store_entry entry = {.hash = hash_of(listing->store, object)};
    uint32_t at = listing->count;

    if (entry.hash < listing->from) return;
    if (listing->count == listing->room) {
        listing->is_cut = true;
        if (at == listing->first || listing->out[at - 1].hash <= entry.hash)
            return;
        at--;
    } else {
        listing->count++;
    }
    entry.version = hash_mix(object_version(object), object->check);
    entry.newest = object_newest(object);
    entry.bytes = record_bytes(object);
    entry.is_tombstone = object->flags & OBJECT_TOMBSTONE;
    for (; at > listing->first && listing->out[at - 1].hash > entry.hash; at--)
        listing->out[at] = listing->out[at - 1];
    listing->out[at] = entry;
}

uint32_t
store_entries(struct store *store, uint32_t slot_at, uint64_t from,
              uint32_t room, struct store_entry *out, uint64_t *next)
{
    struct slot *slot = &store->slots[slot_at];
    struct listing listing = {
        .store = store, .out = out, .room = room, .from = from};

    ASSERT(room > 0);
    *next = 0;
    while (slot->used > 0) {
        struct window window = window_at(slot, from, WINDOW);
        uint32_t before = listing.count;

        listing.first = before;
        inside_visit_tags(window.table, window.from, window.to, list_entry,
                          &listing);
        if (listing.is_cut) {
            /* a window that does not fit waits; one that never would is torn */
            if (before > 0) {
                listing.count = before;
                *next = from;
            } else {
                *next = out[listing.count - 1].hash + 1;
            }
            break;
        }
        if (window.next == 0) break;
        from = listing.from = window.next;
        if (listing.count == room) {
            *next = from;
            break;
        }
    }
    return listing.count;
}

struct range {
    const struct store *store;
    uint64_t from, to, digest;
    uint32_t count;
};

static void
add_to_range(void *context, struct object *object)
{
    struct range *range = context;
    uint64_t hash = hash_of(range->store, object);

    if (hash < range->from || (range->to > 0 && hash >= range->to)) return;
    range->digest ^= inside_digest(hash, object);
    range->count++;
}

uint64_t
store_range_digest(struct store *store, uint32_t slot_at, uint64_t from,
                   uint64_t to, uint32_t *count)
{
    struct slot *slot = &store->slots[slot_at];
    struct range range = {.store = store, .from = from, .to = to};

    while (slot->used > 0 && (to == 0 || from < to)) {
        struct window window = window_at(slot, from, UINT32_MAX);

        inside_visit_tags(window.table, window.from, window.to, add_to_range,
                          &range);
        from = window.next;
        if (from == 0) break;
    }
    if (count != NULL) *count = range.count;
    return range.digest;
}

uint32_t
store_slot_entries(const struct store *store, uint32_t slot)
{
    return store->slots[slot].used;
}

/* ---- single entries ---- */

struct wanted {
    const struct store *store;
    uint64_t hash;
    struct object *object;
};

static void
look_at(void *context, struct object *object)
{
    struct wanted *wanted = context;

    if (hash_of(wanted->store, object) == wanted->hash) wanted->object = object;
}

static struct found
find_hash(struct store *store, uint32_t slot, uint64_t hash)
{
    struct found found = {.slot = &store->slots[slot]};
    struct wanted wanted = {.store = store, .hash = hash};

    found.table = slot_table_of(found.slot, hash);
    found.tag = hash_tag(hash, found.table->depth);
    inside_visit_tags(found.table, found.tag, found.tag + 1, look_at, &wanted);
    if (wanted.object != NULL) {
        found.place = table_find_object(found.table, found.tag, wanted.object);
    }
    return found;
}

bool
store_record_of(struct store *store, uint32_t slot, uint64_t hash,
                int64_t wall_ms, struct record *record)
{
    struct found found = find_hash(store, slot, hash);

    if (found.place.bucket == NULL) return false;
    inside_record(place_object(found.place), wall_ms, record);
    return true;
}

void
store_touch(struct store *store, const struct store_key *key)
{
    struct found found = inside_find(store, key);

    if (found.place.bucket != NULL && place_heat(found.place) != HEAT_TOMBSTONE)
        inside_touch(store, found.place);
}

bool
store_evict(struct store *store, uint32_t slot, uint64_t hash,
            struct stamp newest, int64_t wall_ms)
{
    struct found found = find_hash(store, slot, hash);
    struct object *object;

    store_raise_evicted(store, slot, newest);
    if (found.place.bucket == NULL) return false;
    object = place_object(found.place);
    if (object->flags & OBJECT_TOMBSTONE) return false;
    if (object_newest(object).bits > newest.bits) return false;
    inside_drop(store, &found, object, hash, wall_ms);
    atomic_fetch_add_explicit(&store->evicted, 1, memory_order_relaxed);
    return true;
}

bool
store_drop_version(struct store *store, uint32_t slot, uint64_t hash,
                   struct stamp newest, int64_t wall_ms)
{
    struct found found = find_hash(store, slot, hash);
    struct object *object;

    if (found.place.bucket == NULL) return false;
    object = place_object(found.place);
    if (object_newest(object).bits != newest.bits) return false;
    inside_drop(store, &found, object, hash, wall_ms);
    return true;
}

/* ---- damage ---- */

bool
store_damage_drop(struct store *store, const struct store_key *key)
{
    struct found found = inside_find(store, key);
    uint64_t digest = found.slot->digest;

    if (found.place.bucket == NULL) return false;
    inside_drop(store, &found, place_object(found.place), key->hash, 0);
    found.slot->digest = digest;
    return true;
}

bool
store_damage_flip(struct store *store, const struct store_key *key)
{
    struct found found = inside_find(store, key);
    struct object *object;
    struct bytes value;

    if (found.place.bucket == NULL) return false;
    object = place_object(found.place);
    value = object_value(object);
    if (value.size == 0) {
        object->check ^= 1;
    } else {
        char *memory = (char *)object + (value.data - (const char *)object);

        memory[value.size / 2] ^= 1;
    }
    return true;
}

static bool
scrub_table(struct store *store, struct slot *slot, struct table *table)
{
    bool has_gone = false;
    uint32_t b, i;

    for (b = 0; b < table->bucket_count; b++) {
        for (i = 0; i < BUCKET_ENTRIES; i++) {
            struct found found = {
                slot, table, {&table->buckets[b], i}, 0, false};
            struct object *object;

            if (found.place.bucket->entry[i] == 0) continue;
            object = place_object(found.place);
            if (object->check == inside_check_of(object)) continue;
            inside_take_out(store, &found, object, hash_of(store, object),
                            stamp_wall_ms(slot->clock));
            has_gone = true;
            atomic_fetch_add_explicit(&store->ring->damaged, 1,
                                      memory_order_relaxed);
        }
    }
    if (has_gone) inside_shrink(store, table);
    return has_gone;
}

bool
store_scrub_slot(struct store *store, uint32_t slot_at)
{
    struct slot *slot = &store->slots[slot_at];
    uint64_t digest = 0;
    bool is_wrong = false;
    uint32_t i;

    ASSERT(store->ring != NULL);
    for (i = 0; slot->used > 0 && i < slot_table_count(slot);) {
        struct table *table = slot_table(slot, i);

        if (scrub_table(store, slot, table)) is_wrong = true;
        i += 1u << (dir_bits(slot) - table->depth);
    }
    digest = store_range_digest(store, slot_at, 0, 0, NULL);
    for (i = 0; i < STORE_DBS; i++)
        digest ^= inside_floor_digest(i, inside_floor(store, slot_at, i));
    if (digest != slot->digest) is_wrong = true;
    slot->digest = digest;
    return is_wrong;
}
