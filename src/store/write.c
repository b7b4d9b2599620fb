/*
 * What gives a key a new version. Every change goes through inside_put: it
 * lays out the object, in place when the old one's cell fits, and keeps table,
 * digest, counts and expiry times in step.
 */
#include "store/inside.h"

#include "base/err.h"
#include "base/memory.h"
#include "base/number.h"
#include "version/counter.h"

#include <string.h>

static uint32_t
draft_flags(const struct draft *draft, const struct store_key *key)
{
    uint32_t flags = (uint32_t)draft->type | key->db << OBJECT_DB_SHIFT;

    if (key->name.size > 255 || draft->value_bytes > 255) flags |= OBJECT_WIDE;
    if (draft->is_raw) flags |= OBJECT_RAW;
    if (draft->is_text) flags |= OBJECT_TEXT;
    if (draft->is_tombstone) flags |= OBJECT_TOMBSTONE;
    if (UNLIKELY(draft->tail != NULL)) {
        if (draft->tail->vector.size > 0) flags |= OBJECT_VECTOR;
        if (draft->tail->siblings.size > 0) flags |= OBJECT_SIBLINGS;
    }
    if (draft->has_expiry) {
        flags |= OBJECT_EXPIRY;
        if (draft->expire_stamp.bits != draft->stamp.bits) {
            flags |= OBJECT_EXPIRY_STAMP;
        }
    }
    return flags;
}

static inline size_t
draft_bytes(const struct draft *draft, uint32_t flags,
            const struct store_key *key)
{
    size_t size = sizeof(struct object) + object_lead(flags) + key->name.size +
                  draft->value_bytes;

    if (UNLIKELY(flags & OBJECT_VECTOR)) size += 1 + draft->tail->vector.size;
    if (UNLIKELY(flags & OBJECT_SIBLINGS))
        size += 4 + draft->tail->siblings.size;
    return size;
}

static void
fill_head(struct object *object, const struct draft *draft, uint32_t flags,
          const struct store_key *key)
{
    char *at = object->rest;

    object->stamp = draft->stamp;
    object->check = 0;
    object->flags = (uint16_t)flags;
    object->key_short = object->value_short = 0;
    if (flags & OBJECT_WIDE) {
        uint32_t lengths[2] = {(uint32_t)key->name.size,
                               (uint32_t)draft->value_bytes};

        memcpy(at, lengths, 8);
        at += 8;
    } else {
        object->key_short = (uint8_t)key->name.size;
        object->value_short = (uint8_t)draft->value_bytes;
    }
    if (flags & OBJECT_EXPIRY) {
        memcpy(at, &draft->expire_ms, 8);
        at += 8;
    }
    if (flags & OBJECT_EXPIRY_STAMP) {
        memcpy(at, &draft->expire_stamp.bits, 8);
        at += 8;
    }
    memcpy(at, key->name.data, key->name.size);
}

static void
fill_value(struct object *object, const struct draft *draft)
{
    struct bytes value = object_value(object);
    char *at = (char *)object + (value.data - (const char *)object);
    size_t left = draft->value_bytes;
    uint32_t i;

    for (i = 0; i < draft->part_count; i++) {
        size_t size = draft->parts[i].size < left ? draft->parts[i].size : left;

        if (size > 0) memmove(at, draft->parts[i].data, size);
        at += size;
        left -= size;
    }
    if (left > 0) memset(at, 0, left);
}

/* Behind the value. */
static NOINLINE void
fill_tail(struct object *object, const struct tail *tail)
{
    struct bytes value = object_value(object);
    char *at = (char *)object + (value.data - (const char *)object);

    at += value.size;
    if (tail->vector.size > 0) {
        *at++ = (char)vector_count(tail->vector);
        memmove(at, tail->vector.data, tail->vector.size);
        at += tail->vector.size;
    }
    if (tail->siblings.size > 0) {
        uint32_t size = (uint32_t)tail->siblings.size;

        memcpy(at, &size, 4);
        memmove(at + 4, tail->siblings.data, size);
    }
}

static bool
parts_are_inside(const struct draft *draft, const struct object *old,
                 size_t old_bytes)
{
    const char *from = (const char *)old;
    uint32_t i;

    for (i = 0; i < draft->part_count; i++) {
        const char *data = draft->parts[i].data;

        if (draft->parts[i].size > 0 && data >= from && data < from + old_bytes)
            return true;
    }
    /* what follows the value comes from there, or is gathered anew */
    return UNLIKELY(draft->tail != NULL);
}

/* Adds the entry of a key that is not there yet. */
static struct object *
add_object(struct store *store, struct found *found,
           const struct store_key *key, size_t bytes, bool is_tombstone)
{
    struct object *object;

    if (inside_reserve(store, found, key) != ERR_OK) return NULL;
    object = heap_take(store->heap, bytes, key->slot);
    if (object == NULL) return NULL;
    found->place = table_add(found->table, found->tag, object);
    found->slot->used++;
    if (UNLIKELY(is_tombstone)) {
        place_set_heat(found->place, HEAT_TOMBSTONE);
        return object;
    }
    inside_count_key(store, key->db, 1);
    inside_warm_up(store, found->place, key->hash);
    return object;
}

/* In a ring: an entry's old object goes, a live one or a tombstone comes. */
static NOINLINE void
note_replaced(struct store *store, struct found *found,
              const struct store_key *key, const struct object *old,
              bool is_tombstone)
{
    bool was_tombstone = old->flags & OBJECT_TOMBSTONE;

    if (was_tombstone) inside_count_tombstone(store, key->slot, old, -1);
    if (was_tombstone && !is_tombstone) {
        inside_count_key(store, key->db, 1);
        place_set_heat(found->place, HEAT_FRESH);
        inside_warm_up(store, found->place, key->hash);
    } else if (!was_tombstone && is_tombstone) {
        inside_count_key(store, key->db, -1);
        inside_cool_down(store, found->place);
        place_set_heat(found->place, HEAT_TOMBSTONE);
    } else if (found->is_dead && !was_tombstone) {
        atomic_fetch_add_explicit(&store->expired, 1, memory_order_relaxed);
    }
}

static void
settle_expiry(struct store *store, struct found *found,
              const struct store_key *key, int64_t expire_ms)
{
    bool had = place_has_expiry(found->place), has = expire_ms > 0;

    if (has != had) {
        place_set_expiry(found->place, has);
        inside_count_expiry(store, key->db, has ? 1 : -1);
    }
    if (has) inside_note_expiry(store, key->slot, found->table, expire_ms);
}

struct object *
inside_put(struct store *store, struct found *found,
           const struct store_key *key, const struct draft *draft)
{
    uint32_t flags = draft_flags(draft, key);
    size_t bytes = draft_bytes(draft, flags, key);
    struct object *object, *old = NULL;
    size_t old_bytes = 0;

    if (found->place.bucket == NULL) {
        object = add_object(store, found, key, bytes, draft->is_tombstone);
        if (object == NULL) return NULL;
    } else {
        old = object = place_object(found->place);
        old_bytes = object_bytes(old);
        if (!heap_fits(old, old_bytes, bytes) ||
            parts_are_inside(draft, old, old_bytes)) {
            object = heap_take(store->heap, bytes, key->slot);
            if (object == NULL) return NULL;
        }
        found->slot->digest ^= inside_digest(key->hash, old);
        if (UNLIKELY(store->ring != NULL))
            note_replaced(store, found, key, old, draft->is_tombstone);
    }
    fill_head(object, draft, flags, key);
    fill_value(object, draft);
    if (UNLIKELY(draft->tail != NULL)) fill_tail(object, draft->tail);
    if (old != NULL && old != object) {
        found->place.bucket->entry[found->place.at] =
            entry_make(found->tag, object);
        heap_give(store->heap, old, old_bytes);
    }
    settle_expiry(store, found, key,
                  draft->is_tombstone ? 0 : draft->expire_ms);
    if (UNLIKELY(draft->is_tombstone))
        inside_count_tombstone(store, key->slot, object, 1);
    return object;
}

void
inside_seal(struct found *found, const struct store_key *key,
            struct object *object)
{
    object->check = inside_check_of(object);
    found->slot->digest ^= inside_digest(key->hash, object);
}

/* The entry of a key for writing: alone, an expired one is dropped first; in a
 * ring it is dead and what is known of it goes into the new version. */
static struct found
find_live(struct store *store, const struct store_key *key, int64_t wall_ms)
{
    struct found found = inside_find(store, key);

    if (found.place.bucket != NULL) {
        struct object *object = place_object(found.place);

        if (UNLIKELY(object_is_hidden(object, wall_ms))) {
            if (store->ring != NULL) {
                found.is_dead = true;
                return found;
            }
            inside_drop(store, &found, object, key->hash, wall_ms);
            atomic_fetch_add_explicit(&store->expired, 1, memory_order_relaxed);
            found.place.bucket = NULL;
        } else {
            inside_touch(store, found.place);
        }
    }
    return found;
}

/* The expiry is written with the new version, anew: cells below its floor would
 * not count. */
static void
keep_expiry(struct draft *draft, const struct object *old)
{
    if (old == NULL || object_expiry_ms(old) == 0) return;
    draft->has_expiry = true;
    draft->expire_ms = object_expiry_ms(old);
    draft->expire_stamp = draft->stamp;
}

/* A counter's floor stays, so its expiry may. */
static void
keep_expiry_cell(struct draft *draft, const struct object *old)
{
    if (old == NULL || !(old->flags & OBJECT_EXPIRY)) return;
    draft->has_expiry = true;
    draft->expire_ms = object_expiry_ms(old);
    draft->expire_stamp = object_expiry_stamp(old);
}

/* The live object. */
static inline struct object *
found_object(const struct found *found)
{
    if (found->place.bucket == NULL || UNLIKELY(found->is_dead)) return NULL;
    return place_object(found->place);
}

int
store_put(struct store *store, const struct store_key *key,
          const struct store_write *write, int64_t wall_ms, struct object **out)
{
    struct found found = find_live(store, key, wall_ms);
    struct object *old = found_object(&found), *object;
    struct draft draft = {
        .type = write->type,
        .is_raw = write->is_raw,
        .is_text = write->is_text,
        .parts = write->parts,
        .part_count = write->part_count,
    };
    uint8_t encoded[COUNTER_BASE_BYTES];
    struct bytes counter = bytes_of(encoded, sizeof(encoded));
    struct tail seen;
    uint32_t i;

    ASSERT(write->part_count <= ARRAY_LEN(write->parts));
    for (i = 0; i < write->part_count; i++) {
        draft.value_bytes += write->parts[i].size;
    }
    if (draft.value_bytes > STORE_VALUE_MAX || key->name.size > STORE_KEY_MAX)
        return ERR_MEMORY;
    draft.stamp = inside_mint(store, found.slot, wall_ms);
    draft.tail = inside_seen(store, &found, wall_ms, &seen);
    if (UNLIKELY(draft.type == OBJECT_COUNTER)) {
        /* a copy of one: its shares were born under another floor */
        ASSERT(write->part_count == 1 && counter_ok(write->parts[0]));
        counter_begin(encoded, counter_sum(write->parts[0]), draft.stamp);
        draft.parts = &counter;
        draft.value_bytes = counter.size;
    }
    switch (write->expire) {
    case EXPIRE_NONE: break;
    case EXPIRE_KEEP: keep_expiry(&draft, old); break;
    case EXPIRE_AT:
        ASSERT(write->expire_ms > 0);
        draft.has_expiry = true;
        draft.expire_ms = write->expire_ms;
        draft.expire_stamp = draft.stamp;
        break;
    }
    object = inside_put(store, &found, key, &draft);
    if (object == NULL) return ERR_MEMORY;
    inside_seal(&found, key, object);
    if (out != NULL) *out = object;
    return ERR_OK;
}

int
store_put_plain(struct store *store, const struct store_key *key,
                struct bytes value, int64_t wall_ms)
{
    struct found found;
    struct object *object;
    struct tail seen;
    struct draft draft = {.type = OBJECT_STRING,
                          .parts = &value,
                          .part_count = 1,
                          .value_bytes = value.size};

    if (value.size > STORE_VALUE_MAX || key->name.size > STORE_KEY_MAX)
        return ERR_MEMORY;
    found = find_live(store, key, wall_ms);
    draft.stamp = inside_mint(store, found.slot, wall_ms);
    draft.tail = inside_seen(store, &found, wall_ms, &seen);
    object = inside_put(store, &found, key, &draft);
    if (object == NULL) return ERR_MEMORY;
    inside_seal(&found, key, object);
    return ERR_OK;
}

/* True if only head and tail of the present value's memory have to change. */
static bool
can_edit_in_place(const struct object *old, const struct draft *draft,
                  const struct store_key *key)
{
    uint32_t flags = draft_flags(draft, key);
    size_t bytes = draft_bytes(draft, flags, key);

    if (object_type(old) != OBJECT_STRING) return false;
    if (object_lead(flags) != object_lead(old->flags)) return false;
    return heap_fits(old, object_bytes(old), bytes);
}

static char *
value_memory(struct object *object)
{
    return (char *)object + (object_value(object).data - (const char *)object);
}

int
store_edit(struct store *store, const struct store_key *key, size_t size,
           int64_t wall_ms, char **value)
{
    struct found found = find_live(store, key, wall_ms);
    struct object *object = found_object(&found);
    char scratch[OBJECT_TEXT_ROOM];
    struct bytes text = {NULL, 0};
    struct tail seen;
    struct draft draft = {.type = OBJECT_STRING,
                          .is_raw = true,
                          .parts = &text,
                          .part_count = 1,
                          .value_bytes = size};

    if (size > STORE_VALUE_MAX) return ERR_MEMORY;
    if (object != NULL) text = object_text(object, scratch);
    draft.stamp = inside_mint(store, found.slot, wall_ms);
    draft.tail = inside_seen(store, &found, wall_ms, &seen);
    keep_expiry(&draft, object);
    if (object != NULL && can_edit_in_place(object, &draft, key)) {
        size_t old_size = text.size;

        found.slot->digest ^= inside_digest(key->hash, object);
        fill_head(object, &draft, draft_flags(&draft, key), key);
        if (size > old_size) {
            memset(value_memory(object) + old_size, 0, size - old_size);
        }
        if (draft.tail != NULL) fill_tail(object, draft.tail);
    } else {
        object = inside_put(store, &found, key, &draft);
        if (object == NULL) return ERR_MEMORY;
    }
    *value = value_memory(object);
    return ERR_OK;
}

void
store_edit_done(struct store *store, const struct store_key *key)
{
    struct found found = inside_find(store, key);

    ASSERT(found.place.bucket != NULL);
    inside_seal(&found, key, place_object(found.place));
}

/* Below which nothing of a removed or expired key may count in a counter that
 * begins now: its expiry may not either. */
static struct stamp
dead_floor(const struct object *dead, int64_t wall_ms)
{
    int64_t at = object_expiry_ms(dead);

    if (!(dead->flags & OBJECT_EXPIRY)) return object_newest(dead);
    return stamp_next(object_newest(dead), wall_ms > at ? at : 0, 0);
}

/* The key may have been evicted here, and not yet elsewhere: what is there is
 * not to be added. */
static struct stamp
above_evicted(const struct slot *slot)
{
    return (struct stamp){slot->clock.bits + 1};
}

/* The counter that a key's present value is, or becomes. */
static struct bytes
as_counter(const struct object *old, struct stamp floor, uint8_t *out)
{
    int64_t base = 0;

    if (old != NULL && object_type(old) == OBJECT_COUNTER) {
        return object_value(old);
    }
    if (old != NULL) {
        bool is_int = number_parse_int(object_value(old), &base);

        ASSERT(is_int); /* the command has checked */
        floor = old->stamp;
    }
    counter_begin(out, base, floor);
    return bytes_of(out, COUNTER_BASE_BYTES);
}

int
store_add(struct store *store, const struct store_key *key, int64_t delta,
          int64_t wall_ms)
{
    struct found found = inside_find(store, key);
    struct object *object = found_object(&found);
    struct stamp floor = inside_floor(store, key->slot, key->db);
    uint8_t encoded[COUNTER_BYTES_MAX];
    struct bytes value;
    struct tail seen;
    struct draft draft = {
        .type = OBJECT_COUNTER, .parts = &value, .part_count = 1};

    if (object != NULL && object_is_hidden(object, wall_ms))
        floor = dead_floor(object, wall_ms);
    else if (object == NULL && store_evicted(store, key->slot).bits != 0)
        floor = above_evicted(found.slot);
    found = find_live(store, key, wall_ms);
    object = found_object(&found);
    value = as_counter(object, floor, encoded);
    draft.stamp = inside_mint(store, found.slot, wall_ms);
    /* its base stays, or is what is dead there */
    draft.tail = object != NULL ? inside_tail(object, &seen)
                                : inside_seen(store, &found, wall_ms, &seen);
    keep_expiry_cell(&draft, object);
    draft.value_bytes = counter_add(value, delta, draft.stamp,
                                    inside_life(store, key->slot), encoded);
    if (draft.value_bytes == 0 ||
        (object != NULL && object->flags & OBJECT_SIBLINGS)) {
        /* too many lives have added to it, or it stands for its siblings from
         * now on: as if it were set to the sum */
        draft.tail = inside_seen(store, &found, wall_ms, &seen);
        counter_begin(encoded,
                      (int64_t)((uint64_t)counter_sum(value) + (uint64_t)delta),
                      draft.stamp);
        draft.value_bytes = COUNTER_BASE_BYTES;
        draft.expire_stamp = draft.stamp;
    }
    value = bytes_of(encoded, draft.value_bytes);
    object = inside_put(store, &found, key, &draft);
    if (object == NULL) return ERR_MEMORY;
    inside_seal(&found, key, object);
    return ERR_OK;
}

bool
store_delete(struct store *store, const struct store_key *key, int64_t wall_ms)
{
    struct found found = inside_find(store, key);
    struct object *object = found_object(&found);
    struct tail seen;
    bool is_expired;

    if (object == NULL) return false;
    if (store->ring != NULL) {
        bool was_there = !object_is_hidden(object, wall_ms);

        inside_bury(store, &found, key, inside_mint(store, found.slot, wall_ms),
                    inside_seen(store, &found, wall_ms, &seen), false);
        return was_there;
    }
    is_expired = object_is_expired(object, wall_ms);
    inside_drop(store, &found, object, key->hash, wall_ms);
    if (is_expired) {
        atomic_fetch_add_explicit(&store->expired, 1, memory_order_relaxed);
    }
    return !is_expired;
}

/* Writes head and key around a value that stays where it is or moves within
 * the object's cell; the expiry's parts may come, change or go. */
static void
rewrite_head(struct object *object, const struct draft *draft, uint32_t flags,
             const struct store_key *key)
{
    struct bytes value = object_value(object);
    size_t lead = object_lead(flags), was = object_lead(object->flags);
    size_t size = object_bytes(object) - (size_t)(value.data - (char *)object);
    uint32_t check = object->check;

    if (lead != was && size > 0)
        memmove(object->rest + lead + key->name.size, value.data, size);
    fill_head(object, draft, flags, key);
    object->check = check; /* the value is the same */
}

int
inside_put_expiry(struct store *store, struct found *found,
                  const struct store_key *key, int64_t expire_ms,
                  struct stamp stamp)
{
    struct object *object = place_object(found->place);
    struct bytes value;
    struct draft draft = {.parts = &value,
                          .part_count = 1,
                          .has_expiry = true,
                          .expire_ms = expire_ms,
                          .expire_stamp = stamp};
    size_t old_bytes, bytes;
    uint32_t flags, check;
    struct tail tail;

    value = object_value(object);
    check = object->check;
    draft.type = object_type(object);
    draft.is_raw = object->flags & OBJECT_RAW;
    draft.is_text = object->flags & OBJECT_TEXT;
    draft.value_bytes = value.size;
    draft.stamp = object->stamp;
    draft.tail = inside_tail(object, &tail);
    flags = draft_flags(&draft, key);
    old_bytes = object_bytes(object);
    bytes = old_bytes + object_lead(flags) - object_lead(object->flags);
    if (heap_fits(object, old_bytes, bytes)) {
        found->slot->digest ^= inside_digest(key->hash, object);
        rewrite_head(object, &draft, flags, key);
        settle_expiry(store, found, key, expire_ms);
    } else {
        object = inside_put(store, found, key, &draft);
        if (object == NULL) return ERR_MEMORY;
        object->check = check;
    }
    found->slot->digest ^= inside_digest(key->hash, object);
    return ERR_OK;
}

int
store_set_expiry(struct store *store, const struct store_key *key,
                 int64_t expire_ms, int64_t wall_ms)
{
    struct found found = inside_find(store, key);

    ASSERT(found.place.bucket != NULL && expire_ms >= 0);
    return inside_put_expiry(store, &found, key, expire_ms,
                             inside_mint(store, found.slot, wall_ms));
}
