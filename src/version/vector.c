#include "version/vector.h"

static void
put_at(struct vector *vector, uint32_t at, struct stamp stamp)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    stamp.bits = __builtin_bswap64(stamp.bits);
#endif
    memcpy(vector->data + 8 * (size_t)at, &stamp.bits, 8);
}

static void
remove_at(struct vector *vector, uint32_t at)
{
    vector->count--;
    memmove(vector->data + 8 * (size_t)at, vector->data + 8 * (size_t)(at + 1),
            8 * (size_t)(vector->count - at));
}

bool
vector_ok(struct bytes vector, struct stamp newest)
{
    uint32_t count = vector_count(vector), i;

    if (vector.size % 8 != 0 || count > VECTOR_OTHERS) return false;
    for (i = 0; i < count; i++) {
        struct stamp stamp = vector_at(vector, i);

        if (stamp.bits == 0 || stamp.bits > newest.bits) return false;
        if (i > 0 && stamp_node(vector_at(vector, i - 1)) >= stamp_node(stamp))
            return false;
    }
    return true;
}

static uint32_t
oldest_of(const struct vector *vector)
{
    struct bytes all = vector_bytes(vector);
    uint32_t at = 0, i;

    for (i = 1; i < vector->count; i++) {
        if (vector_at(all, i).bits < vector_at(all, at).bits) at = i;
    }
    return at;
}

void
vector_see(struct vector *vector, struct stamp dot)
{
    struct bytes all = vector_bytes(vector);
    uint32_t at = 0;

    if (dot.bits == 0) return;
    while (at < vector->count &&
           stamp_node(vector_at(all, at)) < stamp_node(dot))
        at++;
    if (at < vector->count &&
        stamp_node(vector_at(all, at)) == stamp_node(dot)) {
        if (vector_at(all, at).bits < dot.bits) put_at(vector, at, dot);
        return;
    }
    if (vector->count == VECTOR_OTHERS) {
        uint32_t oldest = oldest_of(vector);

        if (vector_at(all, oldest).bits > dot.bits) return;
        remove_at(vector, oldest);
        at -= oldest < at;
    }
    memmove(vector->data + 8 * (size_t)(at + 1), vector->data + 8 * (size_t)at,
            8 * (size_t)(vector->count - at));
    put_at(vector, at, dot);
    vector->count++;
}

void
vector_see_all(struct vector *vector, struct bytes other)
{
    uint32_t i;

    for (i = 0; i < vector_count(other); i++)
        vector_see(vector, vector_at(other, i));
}

void
vector_drop(struct vector *vector, uint32_t node)
{
    struct bytes all = vector_bytes(vector);
    uint32_t i;

    for (i = 0; i < vector->count; i++) {
        if (stamp_node(vector_at(all, i)) != node) continue;
        remove_at(vector, i);
        return;
    }
}

bool
vector_covers(struct stamp dot, struct bytes vector, struct stamp other)
{
    uint32_t i;

    if (stamp_node(dot) == stamp_node(other)) return dot.bits >= other.bits;
    for (i = 0; i < vector_count(vector); i++) {
        struct stamp seen = vector_at(vector, i);

        if (stamp_node(seen) == stamp_node(other))
            return seen.bits >= other.bits;
    }
    return false;
}
