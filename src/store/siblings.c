#include "store/cells.h"

#include "base/hash.h"
#include "bus/wire.h"
#include "store/inside.h"

enum sibling_flag {
    FLAG_NOTHING = 0x01,
    FLAG_RAW = 0x08,
    FLAG_TEXT = 0x10,
    FLAG_EXPIRY = 0x40,
    FLAG_VECTOR = 0x80,
};

#define SIBLING_NAME UINT64_C(0x676e696c62697300) /* of a sibling's cell */

/* Clocks count on from every stamp they hear of: none may be near the end. */
static bool
stamp_is_ok(struct stamp stamp)
{
    return stamp.bits > 0 && stamp.bits < UINT64_C(1) << 63;
}

/* False: not one. */
static bool
read_one(struct wire_reader *reader, struct cells *cells)
{
    uint32_t flags;

    *cells = (struct cells){.stamp = {wire_u64(reader)}};
    flags = wire_u8(reader);
    cells->kind = flags & FLAG_NOTHING ? CELLS_NOTHING : CELLS_TEXT;
    cells->is_raw = flags & FLAG_RAW;
    cells->is_text = flags & FLAG_TEXT;
    cells->has_expiry = flags & FLAG_EXPIRY;
    if (cells->has_expiry) {
        cells->expire_ms = (int64_t)wire_u64(reader);
        cells->expire_stamp.bits = wire_u64(reader);
        if (cells->expire_ms < 0 || !stamp_is_ok(cells->expire_stamp))
            return false;
    }
    if (flags & FLAG_VECTOR) {
        uint32_t count = wire_u8(reader);

        cells->vector = wire_take(reader, 8 * (size_t)count);
        if (count == 0 || !vector_ok(cells->vector, cells->stamp)) return false;
    }
    cells->value = wire_take(reader, wire_u32(reader));
    return !reader->is_bad && stamp_is_ok(cells->stamp) && !(flags & 0x26u) &&
           (cells->kind == CELLS_TEXT || cells->value.size == 0);
}

bool
siblings_ok(struct bytes encoded)
{
    struct wire_reader reader = wire_reader(encoded);
    struct cells cells;
    uint32_t count = 0;

    if (encoded.size > SIBLINGS_BYTES_MAX) return false;
    while (reader.at < reader.end) {
        if (count++ == SIBLINGS_MAX - 1 || !read_one(&reader, &cells))
            return false;
    }
    return true;
}

void
kin_add(struct kin *kin, const struct cells *cells)
{
    ASSERT(kin->count < ARRAY_LEN(kin->all) && cells->kind != CELLS_NUMBER);
    kin->all[kin->count++] = *cells;
}

void
kin_add_siblings(struct kin *kin, struct bytes encoded)
{
    struct wire_reader reader = wire_reader(encoded);
    struct cells cells;

    while (reader.at < reader.end && read_one(&reader, &cells))
        kin_add(kin, &cells);
}

static size_t
encoded_bytes(const struct cells *cells)
{
    return 8 + 1 + (cells->has_expiry ? 16u : 0u) +
           (cells->vector.size > 0 ? 1 + cells->vector.size : 0) + 4 +
           cells->value.size;
}

static void
remove_at(struct kin *kin, uint32_t at)
{
    kin->count--;
    memmove(&kin->all[at], &kin->all[at + 1],
            (kin->count - at) * sizeof(kin->all[0]));
}

/* Of one write that came twice one stays: what differs is its expiry, that it
 * has expired in one place, or, a fault, its value. */
static void
unite(struct kin *kin, uint32_t keep, uint32_t other)
{
    struct cells *a = &kin->all[keep];
    const struct cells *b = &kin->all[other];
    struct cells later = *a;

    if (b->has_expiry &&
        (!a->has_expiry || b->expire_stamp.bits > a->expire_stamp.bits ||
         (b->expire_stamp.bits == a->expire_stamp.bits &&
          b->expire_ms > a->expire_ms))) {
        later = *b;
    }
    if (cells_compare(a, b) < 0) *a = *b;
    a->has_expiry = later.has_expiry;
    a->expire_ms = later.expire_ms;
    a->expire_stamp = later.expire_stamp;
    remove_at(kin, other);
}

/* Somebody who has seen it has written. */
static bool
is_seen(const struct kin *kin, uint32_t at)
{
    uint32_t i;

    for (i = 0; i < kin->count; i++) {
        if (kin->all[i].stamp.bits > kin->all[at].stamp.bits &&
            vector_covers(kin->all[i].stamp, kin->all[i].vector,
                          kin->all[at].stamp)) {
            return true;
        }
    }
    return false;
}

static bool
is_before(const struct cells *a, const struct cells *b)
{
    if (a->kind != b->kind) return a->kind == CELLS_TEXT;
    return a->stamp.bits > b->stamp.bits;
}

static void
sort(struct kin *kin)
{
    uint32_t i, k;

    for (i = 1; i < kin->count; i++) {
        struct cells cells = kin->all[i];

        for (k = i; k > 0 && is_before(&cells, &kin->all[k - 1]); k--)
            kin->all[k] = kin->all[k - 1];
        kin->all[k] = cells;
    }
}

static uint32_t
cut(struct kin *kin)
{
    uint32_t had = kin->count, keep = 1;
    size_t bytes = 0;

    while (keep < kin->count && keep < SIBLINGS_MAX) {
        bytes += encoded_bytes(&kin->all[keep]);
        if (bytes > SIBLINGS_BYTES_MAX) break;
        keep++;
    }
    if (keep < kin->count) kin->count = keep;
    return had - kin->count;
}

uint32_t
kin_settle(struct kin *kin, struct stamp floor)
{
    bool seen[2 * SIBLINGS_MAX];
    uint32_t i, k, count = 0;

    for (i = 0; i < kin->count; i++) {
        for (k = kin->count - 1; k > i; k--) {
            if (kin->all[i].stamp.bits == kin->all[k].stamp.bits)
                unite(kin, i, k);
        }
    }
    for (i = 0; i < kin->count; i++)
        seen[i] = kin->all[i].stamp.bits <= floor.bits || is_seen(kin, i);
    for (i = 0; i < kin->count; i++) {
        if (!seen[i]) kin->all[count++] = kin->all[i];
    }
    kin->count = count;
    sort(kin);
    return cut(kin);
}

bool
kin_equal(const struct kin *a, const struct kin *b)
{
    uint32_t i;

    if (a->count != b->count) return false;
    for (i = 0; i < a->count; i++) {
        const struct cells *x = &a->all[i], *y = &b->all[i];

        if (x->stamp.bits != y->stamp.bits || cells_compare(x, y) != 0 ||
            x->has_expiry != y->has_expiry || x->expire_ms != y->expire_ms ||
            x->expire_stamp.bits != y->expire_stamp.bits) {
            return false;
        }
    }
    return true;
}

void
kin_encode(const struct kin *kin, struct buf *out)
{
    uint32_t i;

    for (i = 1; i < kin->count; i++) {
        const struct cells *cells = &kin->all[i];
        uint32_t flags = cells->kind == CELLS_NOTHING ? FLAG_NOTHING : 0;

        if (cells->is_raw) flags |= FLAG_RAW;
        if (cells->is_text) flags |= FLAG_TEXT;
        if (cells->has_expiry) flags |= FLAG_EXPIRY;
        if (cells->vector.size > 0) flags |= FLAG_VECTOR;
        wire_put_u64(out, cells->stamp.bits);
        wire_put_u8(out, (uint8_t)flags);
        if (cells->has_expiry) {
            wire_put_u64(out, (uint64_t)cells->expire_ms);
            wire_put_u64(out, cells->expire_stamp.bits);
        }
        if (cells->vector.size > 0) {
            wire_put_u8(out, (uint8_t)vector_count(cells->vector));
            buf_must_add(out, cells->vector.data, cells->vector.size);
        }
        wire_put_u32(out, (uint32_t)cells->value.size);
        buf_must_add(out, cells->value.data, cells->value.size);
    }
}

void
siblings_see(struct bytes encoded, struct vector *vector)
{
    struct wire_reader reader = wire_reader(encoded);
    struct cells cells;

    while (reader.at < reader.end && read_one(&reader, &cells)) {
        vector_see(vector, cells.stamp);
        vector_see_all(vector, cells.vector);
    }
}

/* ---- what a key's version and check are made of ---- */

struct stamp
siblings_newest(struct bytes encoded)
{
    struct wire_reader reader = wire_reader(encoded);
    struct stamp newest = STAMP_NEVER;
    struct cells cells;

    while (reader.at < reader.end && read_one(&reader, &cells)) {
        if (cells.stamp.bits > newest.bits) newest = cells.stamp;
        if (cells.expire_stamp.bits > newest.bits) newest = cells.expire_stamp;
    }
    return newest;
}

uint64_t
siblings_main_version(struct stamp stamp)
{
    return hash_mix(SIBLING_NAME, stamp.bits);
}

uint64_t
siblings_version(struct bytes encoded)
{
    struct wire_reader reader = wire_reader(encoded);
    struct cells cells;
    uint64_t version = 0;

    while (reader.at < reader.end && read_one(&reader, &cells)) {
        version ^= siblings_main_version(cells.stamp);
        if (cells.has_expiry) version ^= object_expiry_cell(cells.expire_stamp);
    }
    return version;
}

uint32_t
siblings_check(struct bytes encoded)
{
    struct wire_reader reader = wire_reader(encoded);
    struct cells cells;
    uint32_t check = 0;

    while (reader.at < reader.end && read_one(&reader, &cells)) {
        if (cells.kind == CELLS_TEXT) check ^= inside_check(cells.value);
    }
    return check;
}
