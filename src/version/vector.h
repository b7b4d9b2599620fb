/*
 * vector.h - which writes of others a write has seen.
 *
 * A write is named by its stamp, its dot. The vector that comes with it holds,
 * of each other node, the stamp of the newest write of that key which the new
 * one was made upon; older ones of that node are thereby seen, too (Parker et
 * al. 1983, dots after Preguica et al. 2010). The own stamp stands for the own
 * node, so a key that one node alone has written has an empty vector.
 *
 *   a {}        written by node 1
 *   b {1: a}    by node 2 upon it: b dominates a
 *   c {1: a}    by node 3 upon a: b and c are a conflict, both dominate a
 *
 * Made once, with the write, and never changed afterwards, so that copies of
 * one dot need not compare theirs; but a write that all have seen may lose it.
 *
 * Encoded, little endian (a format: it is in objects, on the wire):
 *     u64 stamp ..., ascending by node, VECTOR_OTHERS at most
 */
#ifndef VERSION_VECTOR_H
#define VERSION_VECTOR_H

#include "base/bytes.h"
#include "version/stamp.h"

enum {
    VECTOR_OTHERS = 7, /* and the own stamp */
    VECTOR_BYTES_MAX = 8 * VECTOR_OTHERS,
};

/* One under construction. */
struct vector {
    uint8_t data[VECTOR_BYTES_MAX];
    uint32_t count;
};

static inline uint32_t
vector_count(struct bytes vector)
{
    return (uint32_t)(vector.size / 8);
}

static inline struct stamp
vector_at(struct bytes vector, uint32_t i)
{
    struct stamp stamp;

    memcpy(&stamp.bits, vector.data + 8 * (size_t)i, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    stamp.bits = __builtin_bswap64(stamp.bits);
#endif
    return stamp;
}

static inline struct bytes
vector_bytes(const struct vector *vector)
{
    return bytes_of(vector->data, 8 * (size_t)vector->count);
}

/* True if it is one, of a write with this newest stamp. */
bool vector_ok(struct bytes vector, struct stamp newest);
/*
 * The write (STAMP_NEVER: none) has been seen: of its node, the newer one
 * stays. Of more nodes than there is room for, the one with the oldest stamp is
 * forgotten: what it wrote then looks as if it had not been seen, which makes a
 * conflict where none is, and never hides one.
 */
void vector_see(struct vector *vector, struct stamp dot);
/* All that the other vector names. */
void vector_see_all(struct vector *vector, struct bytes other);
/* Forgets what a node wrote: the new write's own stamp says it. */
void vector_drop(struct vector *vector, uint32_t node);
/* A write `dot` with this vector has seen the write `other` (itself, too). */
bool vector_covers(struct stamp dot, struct bytes vector, struct stamp other);

#endif
