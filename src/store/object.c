#include "store/object.h"

#include "base/hash.h"
#include "base/number.h"
#include "store/cells.h"
#include "version/counter.h"

enum { EMBEDDED_MAX = 44 }; /* Redis's limit for "embstr" */

#define EXPIRY_NAME UINT64_C(0x7972697078450000) /* of the expiry's cell */

struct bytes
object_text(const struct object *object, char scratch[OBJECT_TEXT_ROOM])
{
    struct bytes value = object_value(object);

    switch (object_type(object)) {
    case OBJECT_STRING: return value;
    case OBJECT_COUNTER:
        return bytes_of(scratch,
                        number_format_int(scratch, counter_sum(value)));
    }
    ASSERT(object_type(object) == OBJECT_STRING); /* no such type */
    return value;
}

bool
object_int(const struct object *object, int64_t *value)
{
    if (object_type(object) == OBJECT_COUNTER) {
        *value = counter_sum(object_value(object));
        return true;
    }
    return number_parse_int(object_value(object), value);
}

struct stamp
object_expiry_stamp(const struct object *object)
{
    struct stamp stamp = object->stamp;

    if (!(object->flags & OBJECT_EXPIRY)) return STAMP_NEVER;
    if (object->flags & OBJECT_EXPIRY_STAMP) {
        memcpy(&stamp.bits,
               object->rest + (object->flags & OBJECT_WIDE ? 16 : 8), 8);
    }
    return stamp;
}

struct stamp
object_newest(const struct object *object)
{
    struct stamp newest = object_expiry_stamp(object), other;

    if (object->stamp.bits > newest.bits) newest = object->stamp;
    if (LIKELY(!(object->flags & OBJECT_SIBLINGS))) return newest;
    other = siblings_newest(object_siblings(object));
    return other.bits > newest.bits ? other : newest;
}

/* Of one that is more than a text. */
static NOINLINE uint64_t
version_of_more(const struct object *object)
{
    uint64_t version = object->stamp.bits;

    if (object->flags & OBJECT_SIBLINGS) {
        version = siblings_main_version(object->stamp) ^
                  siblings_version(object_siblings(object));
    }
    if (object_type(object) == OBJECT_COUNTER)
        version = counter_version(object_value(object));
    if (object->flags & OBJECT_EXPIRY)
        version ^= object_expiry_cell(object_expiry_stamp(object));
    return version;
}

uint64_t
object_version(const struct object *object)
{
    if (LIKELY((object->flags &
                (OBJECT_TYPE_MASK | OBJECT_EXPIRY | OBJECT_SIBLINGS)) == 0))
        return object->stamp.bits;
    return version_of_more(object);
}

uint64_t
object_expiry_cell(struct stamp stamp)
{
    return hash_mix(EXPIRY_NAME, stamp.bits);
}

const char *
object_encoding(const struct object *object)
{
    int64_t ignored;
    struct bytes value = object_value(object);

    if (object->flags & OBJECT_RAW) return "raw";
    if (object->flags & OBJECT_TEXT)
        return value.size <= EMBEDDED_MAX ? "embstr" : "raw";
    if (value.size <= 20 || object_type(object) == OBJECT_COUNTER) {
        if (object_int(object, &ignored)) return "int";
    }
    return value.size <= EMBEDDED_MAX ? "embstr" : "raw";
}

struct bytes
object_vector(const struct object *object)
{
    struct bytes value = object_value(object);
    const char *at = value.data + value.size;

    if (LIKELY(!(object->flags & OBJECT_VECTOR))) return bytes_of(NULL, 0);
    return bytes_of(at + 1, 8 * (size_t)(uint8_t)*at);
}

struct bytes
object_siblings(const struct object *object)
{
    struct bytes value = object_value(object);
    const char *at = value.data + value.size;
    uint32_t size;

    if (LIKELY(!(object->flags & OBJECT_SIBLINGS))) return bytes_of(NULL, 0);
    if (object->flags & OBJECT_VECTOR) at += 1 + object_vector(object).size;
    memcpy(&size, at, 4);
    return bytes_of(at + 4, size);
}

size_t
object_bytes(const struct object *object)
{
    struct bytes value = object_value(object);
    size_t size = (size_t)(value.data + value.size - (const char *)object);

    if (LIKELY(!(object->flags & (OBJECT_VECTOR | OBJECT_SIBLINGS))))
        return size;
    if (object->flags & OBJECT_VECTOR) size += 1 + object_vector(object).size;
    if (object->flags & OBJECT_SIBLINGS)
        size += 4 + object_siblings(object).size;
    return size;
}
