/*
 * counter.h - the value of a counter: a base plus shares.
 *
 * A base is what the last SET (or nothing) left; each life of each node adds
 * to a share of its own, named by the stamp of its birth. So increments made
 * on both sides of a partition add up, and a node that forgot its share starts
 * a new one instead of overwriting the old (a PN-counter whose actors are
 * lives, not nodes; Shapiro et al. 2011).
 *
 * Encoded, little endian (a format: it is in objects, on the wire, on disk):
 *     i64 base | u64 base stamp | { u64 birth | u64 stamp | i64 amount } ...
 * Shares are sorted by birth. Sums wrap; the command checks for overflow
 * before it adds.
 */
#ifndef VERSION_COUNTER_H
#define VERSION_COUNTER_H

#include "base/bytes.h"
#include "version/stamp.h"
#include "version/vector.h"

enum {
    COUNTER_BASE_BYTES = 16,
    COUNTER_SHARE_BYTES = 24,
    COUNTER_SHARES_MAX = 64, /* the own share is folded in before more */
    COUNTER_BYTES_MAX =
        COUNTER_BASE_BYTES + COUNTER_SHARES_MAX * COUNTER_SHARE_BYTES
};

/* True if `value` is a well-formed counter. */
bool counter_ok(struct bytes value);
int64_t counter_sum(struct bytes value);
/* A counter of `base` without shares. `out` has COUNTER_BASE_BYTES. */
void counter_begin(uint8_t *out, int64_t base, struct stamp base_stamp);

int64_t counter_base(struct bytes value);
struct stamp counter_base_stamp(struct bytes value);
/* The newest stamp in it. */
struct stamp counter_newest(struct bytes value);
/* What somebody has seen who has seen the counter. */
void counter_see(struct bytes value, struct vector *vector);
/* The newest stamp that this node gave to one of its shares born before
 * `floor`; STAMP_NEVER: there is none. */
struct stamp counter_newest_below(struct bytes value, uint32_t node,
                                  struct stamp floor);
/* The base's stamp XOR H(birth, stamp) over the shares: what object_version()
 * needs. */
uint64_t counter_version(struct bytes value);
/* True if `value` holds a share of this node, born at or after `life`, that
 * `had` (empty: nothing) does not hold just so. */
bool counter_brings(struct bytes value, struct bytes had, uint32_t node,
                    struct stamp life);
/* The counter on another base: shares born below its stamp are gone. `out` has
 * COUNTER_BYTES_MAX bytes and may be `value.data`. Returns the bytes written.
 */
size_t counter_rebase(struct bytes value, int64_t base, struct stamp stamp,
                      uint8_t *out);

/*
 * Adds `delta` at `stamp` to the share that this life of this node gave birth
 * to (birth >= life, same node number as stamp), or to a new one. `out` has
 * COUNTER_BYTES_MAX bytes and may be `value.data`. Returns the bytes written;
 * 0 if a new share is needed and there are COUNTER_SHARES_MAX already.
 */
size_t counter_add(struct bytes value, int64_t delta, struct stamp stamp,
                   struct stamp life, uint8_t *out);

/*
 * Merges two copies of one counter: the base with the larger stamp, and of
 * each share at or above that base's stamp the one with the larger stamp.
 * Commutative, associative, idempotent. `out` has COUNTER_BYTES_MAX bytes
 * and overlaps neither. Returns the bytes written, 0 if there is no room.
 */
size_t counter_merge(struct bytes a, struct bytes b, uint8_t *out);

#endif
