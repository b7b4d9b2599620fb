/*
 * node_id.h - the identity of a node: 16 random bytes, made once, kept in its
 * data directory. Ordered as bytes; all zero is nobody. A node has one life
 * from each start to the end that follows it.
 */
#ifndef BASE_NODE_ID_H
#define BASE_NODE_ID_H

#include "base/base.h"

#include <string.h>

enum { NODE_ID_BYTES = 16, NODE_ID_HEX = 33 /* with the zero byte */ };

struct node_id {
    uint8_t bytes[NODE_ID_BYTES];
};

static inline int
node_id_compare(const struct node_id *a, const struct node_id *b)
{
    return memcmp(a->bytes, b->bytes, NODE_ID_BYTES);
}

static inline bool
node_id_equal(const struct node_id *a, const struct node_id *b)
{
    return node_id_compare(a, b) == 0;
}

static inline void
node_id_hex(const struct node_id *id, char out[NODE_ID_HEX])
{
    static const char digits[] = "0123456789abcdef";
    uint32_t i;

    for (i = 0; i < NODE_ID_BYTES; i++) {
        out[2 * i] = digits[id->bytes[i] >> 4];
        out[2 * i + 1] = digits[id->bytes[i] & 15];
    }
    out[NODE_ID_HEX - 1] = '\0';
}

/* Of two lives the smaller one began earlier; all zero is none. */
struct node_life {
    uint64_t began; /* Unix ms; above that of all lives before in its data
                     * directory, as far as that knows */
    uint64_t nonce; /* random: tells two of one millisecond apart */
};

static inline int
node_life_compare(const struct node_life *a, const struct node_life *b)
{
    if (a->began != b->began) return a->began < b->began ? -1 : 1;
    if (a->nonce != b->nonce) return a->nonce < b->nonce ? -1 : 1;
    return 0;
}

#endif
