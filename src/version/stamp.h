/*
 * stamp.h - the version of one write: 64 bits, unique, totally ordered.
 *
 *   63                      22 21        12 11         0
 *   | milliseconds since 2020 |  counter   | node number |
 *
 * A stamp is a hybrid logical clock reading (Kulkarni et al. 2014) with the
 * minter's number in it, so it is also a dot. Stamps are minted per slot:
 * a new one is larger than every one the slot has seen. 0 is "never".
 */
#ifndef VERSION_STAMP_H
#define VERSION_STAMP_H

#include "base/base.h"

#define STAMP_EPOCH_MS INT64_C(1577836800000) /* 2020-01-01T00:00:00Z */

enum {
    STAMP_NODE_BITS = 12,
    STAMP_COUNTER_BITS = 10,
    STAMP_MS_SHIFT = STAMP_NODE_BITS + STAMP_COUNTER_BITS,
    STAMP_NODE_MAX = (1 << STAMP_NODE_BITS) - 1
};

struct stamp {
    uint64_t bits;
};

#define STAMP_NEVER ((struct stamp){0})

/* Milliseconds (Unix time) when the stamp was minted, as its minter's clock
 * or a clock it had heard of had it. */
static inline int64_t
stamp_wall_ms(struct stamp stamp)
{
    return (int64_t)(stamp.bits >> STAMP_MS_SHIFT) + STAMP_EPOCH_MS;
}

static inline uint32_t
stamp_node(struct stamp stamp)
{
    return (uint32_t)(stamp.bits & STAMP_NODE_MAX);
}

/*
 * The next stamp after `last` at `wall_ms` by `node`: wall time if that is
 * ahead, else one tick (of the counter, carrying into the milliseconds) after
 * `last`. Wall times before 2020 count as 2020.
 */
static inline struct stamp
stamp_next(struct stamp last, int64_t wall_ms, uint32_t node)
{
    uint64_t ms =
        wall_ms > STAMP_EPOCH_MS ? (uint64_t)(wall_ms - STAMP_EPOCH_MS) : 0;
    uint64_t wall = ms << STAMP_COUNTER_BITS;
    uint64_t after = (last.bits >> STAMP_NODE_BITS) + 1;
    uint64_t tick = wall > after ? wall : after;

    return (struct stamp){tick << STAMP_NODE_BITS | node};
}

#endif
