/*
 * object.h - one key with its value and version, in one allocation.
 *
 *   0        8       12      14   15   16
 *   | stamp  | check | flags | kl | vl | [lengths] [expiry] [its stamp]
 *                             [floor] key value [vector] [siblings]
 *
 *   stamp    of the newest change of the value
 *   check    low 32 bits of XXH3 of the value
 *   flags    type, database, and which optional parts follow
 *   kl, vl   lengths of key and value; with OBJECT_WIDE both are in `lengths`
 *            (u32 key, u32 value)
 *   expiry   i64 Unix milliseconds; 0: a stamped "no expiry" (PERSIST)
 *   its stamp  when the expiry was not set together with the value
 *   floor    stamp below which no cell counts; absent: the stamp itself for a
 *            string, the base's stamp for a counter
 *   vector   u8 how many, u64 each (version/vector.h): what the value, or the
 *            counter's base, was written upon by other nodes
 *   siblings u32 bytes, and so many: writes beside this one (cells.h)
 *
 * A tombstone has no value and no type; its expiry, if any, is that of the
 * value that expired.
 *
 * Objects live in the store's heap and are only touched under their slot's
 * lock. Everything here is pure.
 */
#ifndef STORE_OBJECT_H
#define STORE_OBJECT_H

#include "base/bytes.h"
#include "version/vector.h"

enum object_type { /* 3 bits of the format; a row each in store/type.c */
                   OBJECT_STRING = 0,
                   OBJECT_COUNTER = 1,
};

enum object_flag {
    OBJECT_TYPE_MASK = 0x0007,
    OBJECT_DB_SHIFT = 3,
    OBJECT_DB_MASK = 0x0078,
    OBJECT_WIDE = 0x0080,
    OBJECT_EXPIRY = 0x0100,       /* i64 expiry follows */
    OBJECT_EXPIRY_STAMP = 0x0200, /* and a stamp of its own */
    OBJECT_FLOOR = 0x0400,
    OBJECT_RAW = 0x0800,  /* built by APPEND and the like: OBJECT ENCODING */
    OBJECT_TEXT = 0x1000, /* never "int", though it reads as one: likewise */
    OBJECT_TOMBSTONE = 0x2000, /* removed; kept only in a ring */
    OBJECT_VECTOR = 0x4000,
    OBJECT_SIBLINGS = 0x8000,
};

struct object {
    struct stamp stamp;
    uint32_t check;
    uint16_t flags;
    uint8_t key_short, value_short;
    char rest[];
};

_Static_assert(sizeof(struct object) == 16, "objects start with 16 bytes");

static inline enum object_type
object_type(const struct object *object)
{
    return (enum object_type)(object->flags & OBJECT_TYPE_MASK);
}

static inline uint32_t
object_db(const struct object *object)
{
    return (uint32_t)(object->flags & OBJECT_DB_MASK) >> OBJECT_DB_SHIFT;
}

static inline size_t
object_lead(uint32_t flags) /* bytes of the optional parts */
{
    return (flags & OBJECT_WIDE ? 8u : 0u) + (flags & OBJECT_EXPIRY ? 8u : 0u) +
           (flags & OBJECT_EXPIRY_STAMP ? 8u : 0u) +
           (flags & OBJECT_FLOOR ? 8u : 0u);
}

static inline struct bytes
object_key(const struct object *object)
{
    uint32_t size = object->key_short;

    if (object->flags & OBJECT_WIDE) memcpy(&size, object->rest, 4);
    return bytes_of(object->rest + object_lead(object->flags), size);
}

/* The value as it is kept: text of a string, the encoding of a counter. */
static inline struct bytes
object_value(const struct object *object)
{
    uint32_t key = object->key_short, value = object->value_short;

    if (object->flags & OBJECT_WIDE) {
        memcpy(&key, object->rest, 4);
        memcpy(&value, object->rest + 4, 4);
    }
    return bytes_of(object->rest + object_lead(object->flags) + key, value);
}

/* Unix milliseconds; 0: never expires. */
static inline int64_t
object_expiry_ms(const struct object *object)
{
    int64_t at = 0;

    if (object->flags & OBJECT_EXPIRY) {
        memcpy(&at, object->rest + (object->flags & OBJECT_WIDE ? 8 : 0), 8);
    }
    return at;
}

enum { OBJECT_TEXT_ROOM = 24 };

/* The value as a client reads it; a counter is written to `scratch`. */
struct bytes object_text(const struct object *object,
                         char scratch[OBJECT_TEXT_ROOM]);
/* True and *value if the value is an integer as Redis's INCR accepts it. */
bool object_int(const struct object *object, int64_t *value);
/* The stamp of the expiry, STAMP_NEVER without one. */
struct stamp object_expiry_stamp(const struct object *object);
/* The newest stamp of any cell. */
struct stamp object_newest(const struct object *object);
/* XOR of H(cell's name, its stamp) over all cells; the value's, the base's and
 * the tombstone's H is the stamp itself, unless there are siblings. Changes
 * with every change of any. */
uint64_t object_version(const struct object *object);
/* The expiry's part of that. */
uint64_t object_expiry_cell(struct stamp stamp);
/* "int", "embstr" or "raw", as Redis would say. */
const char *object_encoding(const struct object *object);
/* What its write has seen of other nodes; usually nothing. */
struct bytes object_vector(const struct object *object);
/* The writes beside it, encoded; usually nothing. */
struct bytes object_siblings(const struct object *object);
/* Bytes of the whole object (its heap cell may be larger). */
size_t object_bytes(const struct object *object);

#endif
