#include "store/record.h"

#include "ring/slot.h"
#include "store/cells.h"
#include "store/store.h"
#include "version/counter.h"
#include "version/vector.h"

enum record_flag {
    FLAG_TYPE_MASK = 0x07, /* enum object_type */
    FLAG_RAW = 0x08,
    FLAG_TEXT = 0x10,
    FLAG_FLOOR = 0x20,
    FLAG_EXPIRY = 0x40,
    FLAG_VECTOR = 0x80,
};

enum { KIND_SIBLINGS = 0x80 };

/* Clocks count on from every stamp they hear of: none may be near the end. */
#define STAMP_LIMIT (UINT64_C(1) << 63)

static uint8_t
flags_of(const struct record *record)
{
    uint32_t flags = 0;

    if (record->kind == RECORD_VALUE) {
        flags = (uint32_t)record->type;
        if (record->is_raw) flags |= FLAG_RAW;
        if (record->is_text) flags |= FLAG_TEXT;
        if (record->floor.bits != 0) flags |= FLAG_FLOOR;
    }
    if (record->kind == RECORD_VALUE || record->kind == RECORD_TOMBSTONE) {
        if (record->has_expiry) flags |= FLAG_EXPIRY;
        if (record->vector.size > 0) flags |= FLAG_VECTOR;
    }
    return (uint8_t)flags;
}

static void
put_expiry(struct buf *out, const struct record *record)
{
    wire_put_u64(out, (uint64_t)record->expire_ms);
    wire_put_u64(out, record->expire_stamp.bits);
}

static void
put_vector(struct buf *out, const struct record *record)
{
    wire_put_u8(out, (uint8_t)vector_count(record->vector));
    buf_must_add(out, record->vector.data, record->vector.size);
}

void
record_write(struct buf *out, const struct record *record)
{
    uint8_t flags = flags_of(record);

    wire_put_u8(out, (uint8_t)(record->siblings.size > 0
                                   ? record->kind | KIND_SIBLINGS
                                   : (uint32_t)record->kind));
    wire_put_u8(out, flags);
    wire_put_varint(out, record->db);
    wire_put_bytes(out, record->key);
    wire_put_u64(out, record->stamp.bits);
    switch (record->kind) {
    case RECORD_VALUE:
        if (flags & FLAG_FLOOR) wire_put_u64(out, record->floor.bits);
        if (flags & FLAG_EXPIRY) put_expiry(out, record);
        if (flags & FLAG_VECTOR) put_vector(out, record);
        wire_put_bytes(out, record->value);
        break;
    case RECORD_EXPIRY:
        put_expiry(out, record);
        wire_put_u64(out, record->before);
        break;
    case RECORD_TOMBSTONE:
        if (flags & FLAG_EXPIRY) put_expiry(out, record);
        if (flags & FLAG_VECTOR) put_vector(out, record);
        break;
    case RECORD_FLOOR:
    case RECORD_NOTHING: wire_put_varint(out, record->slot); break;
    }
    if (record->siblings.size > 0) wire_put_bytes(out, record->siblings);
}

static bool
stamp_is_ok(struct stamp stamp)
{
    return stamp.bits > 0 && stamp.bits < STAMP_LIMIT;
}

static bool
read_expiry(struct wire_reader *reader, struct record *record)
{
    record->has_expiry = true;
    record->expire_ms = (int64_t)wire_u64(reader);
    record->expire_stamp.bits = wire_u64(reader);
    return record->expire_ms >= 0 && stamp_is_ok(record->expire_stamp);
}

static bool
read_vector(struct wire_reader *reader, struct record *record)
{
    uint32_t count = wire_u8(reader);

    record->vector = wire_take(reader, 8 * (size_t)count);
    return !reader->is_bad && count > 0 &&
           vector_ok(record->vector, record->stamp);
}

static bool
read_value(struct wire_reader *reader, uint32_t flags, struct record *record)
{
    uint32_t type = flags & FLAG_TYPE_MASK;

    if (type != OBJECT_STRING && type != OBJECT_COUNTER) return false;
    record->type = (enum object_type)type;
    record->is_raw = flags & FLAG_RAW;
    record->is_text = flags & FLAG_TEXT;
    if (flags & FLAG_FLOOR) {
        record->floor.bits = wire_u64(reader);
        if (!stamp_is_ok(record->floor)) return false;
        if (record->floor.bits > record->stamp.bits) return false;
    }
    if ((flags & FLAG_EXPIRY) && !read_expiry(reader, record)) return false;
    if ((flags & FLAG_VECTOR) && !read_vector(reader, record)) return false;
    record->value = wire_bytes(reader);
    if (reader->is_bad || record->value.size > STORE_VALUE_MAX) return false;
    if (record->type == OBJECT_STRING) return true;
    return counter_ok(record->value) &&
           counter_newest(record->value).bits == record->stamp.bits;
}

static bool
read_siblings(struct wire_reader *reader, struct record *record)
{
    if (record->kind != RECORD_VALUE && record->kind != RECORD_TOMBSTONE)
        return false;
    if (record->type != OBJECT_STRING) return false;
    record->siblings = wire_bytes(reader);
    return !reader->is_bad && record->siblings.size > 0 &&
           siblings_ok(record->siblings);
}

static bool
read_fields(struct wire_reader *reader, uint32_t flags, struct record *record)
{
    uint64_t slot;

    switch (record->kind) {
    case RECORD_VALUE: return read_value(reader, flags, record);
    case RECORD_EXPIRY:
        if (flags != 0 || !read_expiry(reader, record)) return false;
        record->before = wire_u64(reader);
        return true;
    case RECORD_TOMBSTONE:
        if (flags & ~(uint32_t)(FLAG_EXPIRY | FLAG_VECTOR)) return false;
        if ((flags & FLAG_EXPIRY) && !read_expiry(reader, record)) return false;
        return !(flags & FLAG_VECTOR) || read_vector(reader, record);
    case RECORD_FLOOR:
    case RECORD_NOTHING:
        slot = wire_varint(reader);
        record->slot = (uint32_t)slot;
        return flags == 0 && record->key.size == 0 && slot < SLOT_COUNT;
    }
    return false; /* no such kind */
}

bool
record_read(struct wire_reader *reader, struct record *record)
{
    uint32_t kind = wire_u8(reader), flags = wire_u8(reader);
    bool has_siblings = kind & KIND_SIBLINGS;
    uint64_t db = wire_varint(reader);

    *record = (struct record){.db = (uint32_t)db};
    record->key = wire_bytes(reader);
    record->stamp.bits = wire_u64(reader);
    kind &= ~(uint32_t)KIND_SIBLINGS;
    if (reader->is_bad || kind < RECORD_VALUE || kind > RECORD_NOTHING)
        return false;
    if (db >= STORE_DBS) return false;
    if (record->key.size > STORE_KEY_MAX || !stamp_is_ok(record->stamp))
        return false;
    record->kind = (enum record_kind)kind;
    if (!read_fields(reader, flags, record)) return false;
    return has_siblings ? read_siblings(reader, record) : !reader->is_bad;
}

bool
record_is_of_key(const struct record *record)
{
    return record->kind != RECORD_FLOOR && record->kind != RECORD_NOTHING;
}
