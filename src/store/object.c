#include "store/object.h"

#include "base/number.h"
#include "version/counter.h"

enum { EMBEDDED_MAX = 44 }; /* Redis's limit for "embstr" */

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

uint64_t
object_version(const struct object *object)
{
    uint64_t version = object->stamp.bits, word;
    const char *at = object->rest + (object->flags & OBJECT_WIDE ? 8 : 0);

    if (object->flags & OBJECT_EXPIRY) {
        memcpy(&word, at, 8);
        version ^= word * 0x9e3779b97f4a7c15u;
        if (object->flags & OBJECT_EXPIRY_STAMP) {
            memcpy(&word, at + 8, 8);
            version ^= (word << 31 | word >> 33) * 0xbf58476d1ce4e5b9u;
        }
    }
    return version;
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

size_t
object_bytes(const struct object *object)
{
    struct bytes value = object_value(object);

    return (size_t)(value.data + value.size - (const char *)object);
}
