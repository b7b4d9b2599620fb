/*
 * pairs.h - what all nodes agree on, as text: lines "name version value".
 *
 * Of two lines with one name the larger version wins, then the larger value.
 * So texts that were changed in several places at once become one again,
 * wherever and in whatever order they meet.
 *
 * The text may come from a peer: lines that make no sense are left out, names
 * that are not known are kept (they may be of a newer server).
 */
#ifndef NODE_PAIRS_H
#define NODE_PAIRS_H

#include "base/buf.h"

enum { PAIRS_MAX = 256 };

struct pair {
    struct bytes name, value; /* borrowed */
    uint64_t version;
};

struct pairs {
    uint32_t count;
    struct pair list[PAIRS_MAX]; /* ascending by name */
};

/* The version of a name; 0: it is not there. */
uint64_t pairs_version(const struct pairs *pairs, struct bytes name);
/* By the rule above. What does not fit any more is left out; borrows. */
void pairs_put(struct pairs *pairs, const struct pair *pair);
/* Puts all lines; borrows from the text. */
void pairs_take(struct pairs *pairs, struct bytes text);
/* Keeps the newest `most` of those whose name begins so and whose value is
 * `value`. */
void pairs_trim(struct pairs *pairs, struct bytes begins, struct bytes value,
                uint32_t most);
void pairs_print(const struct pairs *pairs, struct buf *out);

#endif
