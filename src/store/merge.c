/*
 * Merging, as a join of cells. What is known of a key is
 *
 *     base     a stamp with nothing (removed, expired), a text or a number
 *     shares   of a counter; only those born at or above the base's stamp
 *     expiry   only at or above the base's stamp
 *
 * and each part is a maximum: so the order of merges does not matter. The
 * slot's floor is one more base, of nothing. Where shares stand on a text, it
 * counts as the integer it is, or 0; where they do not, it stays a text.
 *
 * At equal stamps a number is above a text is above nothing, if they mean the
 * same number; texts that differ there are a fault.
 */
#include "store/inside.h"

#include "base/err.h"
#include "base/number.h"
#include "version/counter.h"

#include <string.h>

/* Room for what a join computes. */
struct room {
    uint8_t left[COUNTER_BYTES_MAX], right[COUNTER_BYTES_MAX];
    uint8_t out[COUNTER_BYTES_MAX];
};

/* ---- from objects and records ---- */

static void
cells_of_value(struct cells *cells, enum object_type type, struct stamp stamp,
               struct bytes value)
{
    cells->value = value;
    cells->stamp = stamp;
    switch (type) {
    case OBJECT_STRING: cells->kind = CELLS_TEXT; break;
    case OBJECT_COUNTER:
        cells->kind = CELLS_NUMBER;
        cells->stamp = counter_base_stamp(value);
        break;
    }
}

static struct cells
cells_of_object(const struct object *object)
{
    struct cells cells = {.stamp = STAMP_NEVER};

    if (object == NULL) return cells;
    if (object->flags & OBJECT_TOMBSTONE) {
        cells.stamp = object->stamp;
    } else {
        cells_of_value(&cells, object_type(object), object->stamp,
                       object_value(object));
        cells.is_raw = object->flags & OBJECT_RAW;
        cells.is_text = object->flags & OBJECT_TEXT;
    }
    cells.vector = object_vector(object);
    cells.has_expiry = object->flags & OBJECT_EXPIRY;
    cells.expire_ms = object_expiry_ms(object);
    cells.expire_stamp = object_expiry_stamp(object);
    return cells;
}

/* A record may come with a floor above its counter's base. */
static struct cells
cells_of_record(const struct record *record, uint8_t *room)
{
    struct cells cells = {.stamp = record->stamp};

    if (record->kind == RECORD_VALUE) {
        cells_of_value(&cells, record->type, record->stamp, record->value);
        cells.is_raw = record->is_raw;
        cells.is_text = record->is_text;
        if (cells.kind == CELLS_NUMBER &&
            record->floor.bits > cells.stamp.bits) {
            cells.stamp = record->floor;
            cells.value = bytes_of(
                room, counter_rebase(record->value, 0, record->floor, room));
        }
    }
    cells.vector = record->vector;
    cells.has_expiry = record->has_expiry;
    cells.expire_ms = record->expire_ms;
    cells.expire_stamp = record->expire_stamp;
    return cells;
}

/* ---- join ---- */

/* The base as shares see it. */
static int64_t
base_number(const struct cells *cells)
{
    int64_t number;

    switch (cells->kind) {
    case CELLS_NOTHING: return 0;
    case CELLS_TEXT:
        return number_parse_int(cells->value, &number) ? number : 0;
    case CELLS_NUMBER: return counter_base(cells->value);
    }
    return 0;
}

static int
compare_u64(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int
compare_text(const struct cells *a, const struct cells *b)
{
    size_t common =
        a->value.size < b->value.size ? a->value.size : b->value.size;
    int order = compare_u64(inside_check(a->value), inside_check(b->value));

    if (order != 0) return order;
    if (common > 0) order = memcmp(a->value.data, b->value.data, common);
    if (order != 0) return order;
    order = compare_u64(a->value.size, b->value.size);
    if (order != 0) return order;
    return compare_u64((uint64_t)a->is_raw << 1 | a->is_text,
                       (uint64_t)b->is_raw << 1 | b->is_text);
}

/* One is a copy of the other: the common case, told without reading it. */
static bool
is_same(const struct cells *a, const struct cells *b)
{
    return a->kind == b->kind && a->is_raw == b->is_raw &&
           a->is_text == b->is_text && a->value.data == b->value.data &&
           a->value.size == b->value.size;
}

/* A total order of bases. Numbers first, so that it stays the same order when
 * shares turn texts into numbers. */
static int
compare_base(const struct cells *a, const struct cells *b)
{
    int64_t x, y;

    if (a->stamp.bits != b->stamp.bits)
        return compare_u64(a->stamp.bits, b->stamp.bits);
    if (is_same(a, b)) return 0;
    x = base_number(a);
    y = base_number(b);
    if (x != y) {
        if (x == 0 || y == 0) return x == 0 ? -1 : 1;
        return x < y ? -1 : 1;
    }
    if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
    return a->kind == CELLS_TEXT ? compare_text(a, b) : 0;
}

int
cells_compare(const struct cells *a, const struct cells *b)
{
    return compare_base(a, b);
}

/* Two writes that cannot both have been. */
static bool
is_fault(const struct cells *a, const struct cells *b)
{
    if (a->stamp.bits != b->stamp.bits) return false;
    if (a->kind == CELLS_NOTHING || b->kind == CELLS_NOTHING) return false;
    return (a->kind == b->kind || base_number(a) != base_number(b)) &&
           compare_base(a, b) != 0;
}

static void
join_expiry(struct cells *out, const struct cells *a, const struct cells *b)
{
    const struct cells *top = a;

    if (!a->has_expiry) {
        top = b;
    } else if (b->has_expiry) {
        int order = compare_u64(a->expire_stamp.bits, b->expire_stamp.bits);

        if (order == 0)
            order = compare_u64((uint64_t)a->expire_ms, (uint64_t)b->expire_ms);
        if (order < 0) top = b;
    }
    out->has_expiry =
        top->has_expiry && top->expire_stamp.bits >= out->stamp.bits;
    out->expire_ms = out->has_expiry ? top->expire_ms : 0;
    out->expire_stamp = out->has_expiry ? top->expire_stamp : STAMP_NEVER;
}

/* Gathers the shares that still count, on the base that `out` has. */
static bool
join_shares(struct cells *out, const struct cells *a, const struct cells *b,
            struct room *room)
{
    int64_t number = base_number(out);
    size_t left = COUNTER_BASE_BYTES, right = COUNTER_BASE_BYTES, size;

    counter_begin(room->left, number, out->stamp);
    counter_begin(room->right, number, out->stamp);
    if (a->kind == CELLS_NUMBER)
        left = counter_rebase(a->value, number, out->stamp, room->left);
    if (b->kind == CELLS_NUMBER)
        right = counter_rebase(b->value, number, out->stamp, room->right);
    if (left + right == 2 * COUNTER_BASE_BYTES && out->kind != CELLS_NUMBER)
        return true; /* none */
    size = counter_merge(bytes_of(room->left, left),
                         bytes_of(room->right, right), room->out);
    if (size == 0) return false;
    out->kind = CELLS_NUMBER;
    out->is_raw = out->is_text = false;
    out->value = bytes_of(room->out, size);
    return true;
}

/* False: too many shares. */
static bool
cells_join(const struct cells *a, const struct cells *b, struct stamp floor,
           struct room *room, struct cells *out)
{
    *out = compare_base(a, b) < 0 ? *b : *a;
    if (floor.bits > 0 && out->stamp.bits <= floor.bits) {
        *out = (struct cells){.stamp = floor};
    }
    if (a->kind == CELLS_NUMBER || b->kind == CELLS_NUMBER) {
        if (!join_shares(out, a, b, room)) return false;
    }
    join_expiry(out, a, b);
    return true;
}

static bool
cells_equal(const struct cells *a, const struct cells *b)
{
    if (a->stamp.bits != b->stamp.bits || a->kind != b->kind) return false;
    if (a->is_raw != b->is_raw || a->is_text != b->is_text) return false;
    if (a->has_expiry != b->has_expiry) return false;
    if (a->has_expiry && (a->expire_ms != b->expire_ms ||
                          a->expire_stamp.bits != b->expire_stamp.bits)) {
        return false;
    }
    if (a->value.data == b->value.data) return a->value.size == b->value.size;
    return bytes_equal(a->value, b->value);
}

static struct stamp
cells_newest(const struct cells *cells)
{
    struct stamp newest = cells->stamp;

    if (cells->kind == CELLS_NUMBER) newest = counter_newest(cells->value);
    if (cells->has_expiry && cells->expire_stamp.bits > newest.bits)
        newest = cells->expire_stamp;
    return newest;
}

/* What an expired value leaves. */
static void
cells_end_expired(struct cells *cells)
{
    cells->kind = CELLS_NOTHING;
    cells->value = (struct bytes){NULL, 0};
    cells->is_raw = cells->is_text = false;
    if (cells->stamp.bits == 0) cells->stamp.bits = 1;
}

/* ---- into the store ---- */

/* Nothing that the floor alone does not say. */
static bool
is_trace(const struct cells *cells, struct stamp floor)
{
    return cells->kind != CELLS_NOTHING || cells->has_expiry ||
           cells->stamp.bits > floor.bits;
}

static int
put_cells(struct store *store, struct found *found, const struct store_key *key,
          const struct cells *cells, struct bytes siblings)
{
    const struct tail tail = {.vector = cells->vector, .siblings = siblings};
    bool has_tail = cells->vector.size > 0 || siblings.size > 0;
    struct draft draft = {
        .type = cells->kind == CELLS_NUMBER ? OBJECT_COUNTER : OBJECT_STRING,
        .is_raw = cells->is_raw,
        .is_text = cells->is_text,
        .is_tombstone = cells->kind == CELLS_NOTHING,
        .parts = &cells->value,
        .part_count = 1,
        .value_bytes = cells->value.size,
        .expire_ms = cells->expire_ms,
        .expire_stamp = cells->expire_stamp,
        .has_expiry = cells->has_expiry,
        .stamp = cells->stamp,
        .tail = has_tail ? &tail : NULL,
    };
    struct object *object;

    if (cells->kind == CELLS_NUMBER) draft.stamp = counter_newest(cells->value);
    object = inside_put(store, found, key, &draft);
    if (object == NULL) return ERR_MEMORY;
    inside_seal(found, key, object);
    return ERR_OK;
}

/* The newest of what this node wrote of it and a base at `floor` replaces. */
static struct stamp
own_dot(const struct store *store, const struct cells *cells,
        struct stamp floor)
{
    struct stamp own = STAMP_NEVER;

    if (cells->kind == CELLS_NUMBER)
        own = counter_newest_below(cells->value, store->node, floor);
    return own.bits == 0 && stamp_node(cells->stamp) == store->node
               ? cells->stamp
               : own;
}

/*
 * What is here gives way to what has not seen it: two wrote side by side.
 * Counted where what gives way was written, so that all its copies are one
 * conflict. Not what all owners had (then nobody wrote without seeing it) or
 * what was evicted, nor the tombstone of an expired value.
 */
static bool
is_conflict(const struct store *store, const struct store_key *key,
            const struct cells *here, const struct cells *over)
{
    struct stamp own = own_dot(store, here, over->stamp);

    if (LIKELY(own.bits == 0 || stamp_node(over->stamp) == store->node))
        return false;
    if (here->kind == CELLS_NOTHING && here->has_expiry) return false;
    return own.bits > store_repaired(store, key->slot).bits &&
           own.bits > store_evicted(store, key->slot).bits &&
           !vector_covers(over->stamp, over->vector, own);
}

static void
count_conflict(struct store *store)
{
    atomic_fetch_add_explicit(&store->ring->conflicts, 1, memory_order_relaxed);
}

/* Which cell of the result, if any, beats one of the record's. */
static struct stamp
beaten_by(const struct cells *ours, const struct cells *merged)
{
    uint32_t minter = stamp_node(cells_newest(ours));
    bool is_apart =
        ours->has_expiry && ours->expire_stamp.bits > ours->stamp.bits;

    if (merged->stamp.bits > ours->stamp.bits) {
        /* 1: an expired counter's, see inside_grave_stamp */
        if (stamp_node(merged->stamp) != minter && merged->stamp.bits > 1)
            return merged->stamp;
        return STAMP_NEVER;
    }
    if (is_fault(ours, merged)) return merged->stamp;
    if (is_apart && merged->expire_stamp.bits > ours->expire_stamp.bits &&
        stamp_node(merged->expire_stamp) != stamp_node(ours->expire_stamp)) {
        return merged->expire_stamp;
    }
    return STAMP_NEVER;
}

/* An expiry goes to exactly the version it was set on. */
static enum store_outcome
merge_expiry(struct store *store, struct found *found,
             const struct store_key *key, const struct record *record,
             struct stamp *by)
{
    struct object *object =
        found->place.bucket != NULL ? place_object(found->place) : NULL;
    struct stamp floor = inside_floor(store, key->slot, key->db);
    struct stamp above = STAMP_NEVER;

    if (object != NULL) {
        struct cells here = cells_of_object(object);

        if (here.stamp.bits > floor.bits) floor = here.stamp;
        above = here.expire_stamp;
    }
    if (floor.bits > above.bits) above = floor;
    if (above.bits > record->expire_stamp.bits) {
        if (stamp_node(above) == stamp_node(record->expire_stamp))
            return STORE_COVERED;
        *by = above;
        return STORE_BEATEN;
    }
    if (object == NULL) return STORE_LACKING;
    if (object->flags & OBJECT_TOMBSTONE) return STORE_LACKING;
    if (above.bits == record->expire_stamp.bits)
        return object->stamp.bits == record->stamp.bits ? STORE_COVERED
                                                        : STORE_LACKING;
    if (object_version(object) != record->before) return STORE_LACKING;
    if (inside_put_expiry(store, found, key, record->expire_ms,
                          record->expire_stamp) != ERR_OK) {
        return STORE_FULL;
    }
    return STORE_STORED;
}

static struct stamp
record_newest(const struct record *record)
{
    struct stamp newest = siblings_newest(record->siblings);

    if (record->stamp.bits > newest.bits) newest = record->stamp;
    if (record->has_expiry && record->expire_stamp.bits > newest.bits)
        newest = record->expire_stamp;
    return newest;
}

/* Puts what a join came to in the place of what is here. */
static int
settle(struct store *store, struct found *found, const struct store_key *key,
       const struct cells *merged, int64_t wall_ms)
{
    if (is_trace(merged, inside_floor(store, key->slot, key->db)))
        return put_cells(store, found, key, merged, bytes_of(NULL, 0));
    if (found->place.bucket != NULL)
        inside_drop(store, found, place_object(found->place), key->hash,
                    wall_ms);
    return ERR_OK;
}

/* A tombstone of nothing here, so old that nobody needs it any more. */
static bool
is_needless(const struct store *store, const struct store_key *key,
            const struct found *found, const struct cells *merged,
            int64_t wall_ms)
{
    return found->place.bucket == NULL && merged->kind == CELLS_NOTHING &&
           inside_may_purge(store, key->slot, cells_newest(merged), wall_ms);
}

/* ---- writes side by side ---- */

static struct kin
kin_of(const struct cells *main, struct bytes siblings)
{
    struct kin kin = {.count = 0};

    if (main->stamp.bits > 0) kin_add(&kin, main);
    kin_add_siblings(&kin, siblings);
    return kin;
}

static struct kin
kin_of_object(const struct object *object)
{
    struct cells none = {.stamp = STAMP_NEVER}, main;

    if (object == NULL) return kin_of(&none, bytes_of(NULL, 0));
    main = cells_of_object(object);
    return kin_of(&main, object_siblings(object));
}

static void
kin_end_expired(const struct store *store, struct kin *kin, int64_t wall_ms)
{
    uint32_t i;

    for (i = 0; i < kin->count; i++) {
        struct cells *cells = &kin->all[i];

        if (cells->expire_ms > 0 && cells->kind != CELLS_NOTHING &&
            wall_ms - store->ring->skew_ms > cells->expire_ms) {
            cells_end_expired(cells);
        }
    }
}

static int
put_kin(struct store *store, struct found *found, const struct store_key *key,
        const struct kin *kin)
{
    struct buf siblings = {0};
    int err;

    kin_encode(kin, &siblings);
    err = put_cells(store, found, key, &kin->all[0], buf_bytes(&siblings));
    buf_deinit(&siblings);
    return err;
}

/* What the record's main write lost to, as beaten_by(). */
static struct stamp
beaten_by_kin(const struct kin *kin, const struct cells *ours,
              struct stamp floor)
{
    struct cells none = {.stamp = floor};
    uint32_t i;

    for (i = 0; i < kin->count; i++) {
        if (kin->all[i].stamp.bits == ours->stamp.bits)
            return beaten_by(ours, &kin->all[i]);
    }
    for (i = 0; i < kin->count; i++) {
        if (vector_covers(kin->all[i].stamp, kin->all[i].vector, ours->stamp))
            return beaten_by(ours, &kin->all[i]);
    }
    if (ours->stamp.bits <= floor.bits) return beaten_by(ours, &none);
    return kin->all[0].stamp; /* there was no room */
}

static bool
is_kin_needless(const struct store *store, const struct store_key *key,
                const struct found *found, const struct kin *kin,
                int64_t wall_ms)
{
    uint32_t i;

    for (i = 0; i < kin->count; i++) {
        if (!is_needless(store, key, found, &kin->all[i], wall_ms))
            return false;
    }
    return true;
}

static NOINLINE enum store_outcome
merge_kin(struct store *store, struct found *found, const struct store_key *key,
          const struct record *record, int64_t wall_ms, struct stamp *by)
{
    struct object *object =
        found->place.bucket != NULL ? place_object(found->place) : NULL;
    struct stamp floor = inside_floor(store, key->slot, key->db);
    struct kin had = kin_of_object(object), kin = had;
    struct cells ours = cells_of_record(record, NULL);
    uint32_t lost;

    kin_add(&kin, &ours);
    kin_add_siblings(&kin, record->siblings);
    kin_end_expired(store, &kin, wall_ms);
    lost = kin_settle(&kin, floor);
    atomic_fetch_add_explicit(&store->ring->siblings_lost, lost,
                              memory_order_relaxed);
    *by = beaten_by_kin(&kin, &ours, floor);
    if (!kin_equal(&had, &kin) &&
        !is_kin_needless(store, key, found, &kin, wall_ms)) {
        bool is_over = had.count > 0 &&
                       had.all[0].stamp.bits < ours.stamp.bits &&
                       is_conflict(store, key, &had.all[0], &ours);

        if (kin.count == 0) {
            inside_drop(store, found, object, key->hash, wall_ms);
        } else if (put_kin(store, found, key, &kin) != ERR_OK) {
            return STORE_FULL;
        }
        if (is_over) count_conflict(store);
        if (by->bits == 0) return STORE_STORED;
    }
    return by->bits > 0 ? STORE_BEATEN : STORE_COVERED;
}

/* The one that wins, where siblings are not kept. False: too many shares. */
static bool
fold(struct cells *cells, struct bytes siblings, struct stamp floor,
     struct room *room)
{
    struct kin kin = {.count = 0};
    struct cells out;
    uint32_t i;

    kin_add_siblings(&kin, siblings);
    for (i = 0; i < kin.count; i++) {
        if (!cells_join(cells, &kin.all[i], floor, room, &out)) return false;
        *cells = out;
    }
    return true;
}

static bool
is_number(const struct record *record, const struct object *object)
{
    if (record->kind == RECORD_VALUE && record->type != OBJECT_STRING)
        return true;
    return object != NULL && object_type(object) != OBJECT_STRING;
}

bool
inside_renew(struct store *store, struct found *found, uint64_t hash,
             bool is_expired)
{
    struct object *object = place_object(found->place);
    struct bytes name = object_key(object);
    uint32_t db = object_db(object), slot = slot_index(store, found->slot);
    struct store_key key = {.hash = hash, .slot = slot, .db = db};
    struct kin had = kin_of_object(object), kin = had;
    struct buf copy = {0};
    bool is_kept = true;

    if (is_expired) cells_end_expired(&kin.all[0]);
    (void)kin_settle(&kin, inside_floor(store, slot, db));
    if (kin.count == 0) return false;
    if (kin_equal(&had, &kin)) return true;
    is_kept = buf_add(&copy, name.data, name.size) == ERR_OK;
    key.name = buf_bytes(&copy); /* the object is about to go */
    found->tag = hash_tag(hash, found->table->depth);
    found->is_dead = false; /* what expires is counted by who finds it */
    if (is_kept) is_kept = put_kin(store, found, &key, &kin) == ERR_OK;
    buf_deinit(&copy);
    return is_kept;
}

/* ---- one record ---- */

enum store_outcome
store_merge(struct store *store, const struct store_key *key,
            const struct record *record, int64_t wall_ms, struct stamp *by)
{
    struct found found = inside_find(store, key);
    struct stamp floor = inside_floor(store, key->slot, key->db);
    struct stamp beaten = STAMP_NEVER;
    struct cells here, ours, merged;
    uint8_t rebased[COUNTER_BYTES_MAX];
    enum store_outcome outcome = STORE_COVERED;
    struct object *object =
        found.place.bucket != NULL ? place_object(found.place) : NULL;
    bool has_siblings = object != NULL && object->flags & OBJECT_SIBLINGS;
    struct room room;

    ASSERT(store->ring != NULL && record_is_of_key(record));
    store_learn(store, key->slot, record_newest(record));
    if (record->kind == RECORD_EXPIRY) {
        outcome = merge_expiry(store, &found, key, record, &beaten);
        if (by != NULL) *by = beaten;
        return outcome;
    }
    if (store_keeps_siblings(store, key) && !is_number(record, object)) {
        outcome = merge_kin(store, &found, key, record, wall_ms, &beaten);
        if (by != NULL) *by = beaten;
        return outcome;
    }
    here = cells_of_object(object);
    ours = cells_of_record(record, rebased);
    if (UNLIKELY(has_siblings || record->siblings.size > 0) &&
        (!fold(&here,
               has_siblings ? object_siblings(object) : bytes_of(NULL, 0),
               floor, &room) ||
         !fold(&ours, record->siblings, floor, &room))) {
        return STORE_FULL;
    }
    if (is_fault(&here, &ours))
        atomic_fetch_add_explicit(&store->ring->equal_stamps, 1,
                                  memory_order_relaxed);
    if (!cells_join(&here, &ours, floor, &room, &merged)) return STORE_FULL;
    if (merged.expire_ms > 0 && merged.kind != CELLS_NOTHING &&
        wall_ms - store->ring->skew_ms > merged.expire_ms) {
        cells_end_expired(&merged);
    }
    beaten = beaten_by(&ours, &merged);
    if ((has_siblings || !cells_equal(&here, &merged)) &&
        !is_needless(store, key, &found, &merged, wall_ms)) {
        bool ends_life =
            merged.kind == CELLS_NUMBER &&
            counter_brings(merged.value,
                           here.kind == CELLS_NUMBER ? here.value
                                                     : bytes_of(NULL, 0),
                           store->node, inside_life(store, key->slot));

        bool is_over = here.stamp.bits < ours.stamp.bits &&
                       is_conflict(store, key, &here, &ours);

        if (settle(store, &found, key, &merged, wall_ms) != ERR_OK)
            return STORE_FULL;
        if (is_over) count_conflict(store);
        if (ends_life) inside_end_life(store, key->slot);
        outcome = STORE_STORED;
    }
    if (by != NULL) *by = beaten;
    return beaten.bits > 0 ? STORE_BEATEN : outcome;
}

void
store_give_way(struct store *store, const struct store_key *key,
               const struct record *record, int64_t wall_ms)
{
    struct found found = inside_find(store, key);
    uint8_t rebased[COUNTER_BYTES_MAX];
    struct cells here, ours;
    struct object *object;

    ASSERT(found.place.bucket != NULL);
    object = place_object(found.place);
    here = cells_of_object(object);
    ours = cells_of_record(record, rebased);
    if (is_conflict(store, key, &here, &ours)) count_conflict(store);
    inside_drop(store, &found, object, key->hash, wall_ms);
}

bool
inside_cut(struct store *store, struct found *found, uint64_t hash,
           int64_t wall_ms)
{
    struct object *object = place_object(found->place);
    uint32_t db = object_db(object), slot = slot_index(store, found->slot);
    struct stamp floor = inside_floor(store, slot, db);
    struct cells here = cells_of_object(object), none = {0}, merged;
    struct bytes name = object_key(object);
    struct store_key key = {.hash = hash, .slot = slot, .db = db};
    struct buf copy = {0};
    struct room room;
    bool is_kept;

    if (object->flags & OBJECT_SIBLINGS) {
        if (inside_renew(store, found, hash, false)) return false;
        inside_take_out(store, found, place_object(found->place), hash,
                        wall_ms);
        return true;
    }
    if (here.stamp.bits > floor.bits) return false;
    is_kept = cells_newest(&here).bits > floor.bits &&
              cells_join(&here, &none, floor, &room, &merged) &&
              is_trace(&merged, floor) &&
              buf_add(&copy, name.data, name.size) == ERR_OK;
    if (is_kept) {
        key.name = buf_bytes(&copy); /* the object is about to change */
        is_kept =
            put_cells(store, found, &key, &merged, bytes_of(NULL, 0)) == ERR_OK;
    }
    buf_deinit(&copy);
    if (is_kept) return false;
    inside_take_out(store, found, object, hash, wall_ms);
    return true;
}

/* ---- what is there ---- */

struct stamp
inside_grave_stamp(const struct object *object)
{
    struct cells cells = cells_of_object(object);

    cells_end_expired(&cells);
    return cells.stamp;
}

void
inside_record(const struct object *object, int64_t wall_ms,
              struct record *record)
{
    *record = (struct record){
        .kind = RECORD_VALUE,
        .db = object_db(object),
        .key = object_key(object),
        .stamp = object->stamp,
        .has_expiry = object->flags & OBJECT_EXPIRY,
        .expire_ms = object_expiry_ms(object),
        .expire_stamp = object_expiry_stamp(object),
        .vector = object_vector(object),
        .siblings = object_siblings(object),
    };
    if (object_is_hidden(object, wall_ms)) {
        record->kind = RECORD_TOMBSTONE;
        record->stamp = inside_grave_stamp(object);
        return;
    }
    record->type = object_type(object);
    record->is_raw = object->flags & OBJECT_RAW;
    record->is_text = object->flags & OBJECT_TEXT;
    record->value = object_value(object);
}

bool
store_record(struct store *store, const struct store_key *key, int64_t wall_ms,
             struct record *record)
{
    struct found found = inside_find(store, key);

    if (found.place.bucket == NULL) return false;
    inside_record(place_object(found.place), wall_ms, record);
    return true;
}

uint64_t
store_version(struct store *store, const struct store_key *key)
{
    struct found found = inside_find(store, key);

    return found.place.bucket != NULL
               ? object_version(place_object(found.place))
               : 0;
}

struct stamp
store_newest(struct store *store, const struct store_key *key)
{
    struct found found = inside_find(store, key);

    return found.place.bucket != NULL ? object_newest(place_object(found.place))
                                      : STAMP_NEVER;
}
