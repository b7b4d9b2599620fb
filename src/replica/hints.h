/*
 * hints.h - which of the copies that this node keeps for others (replica->held)
 * are still to be handed over, and to whom.
 *
 * A hint is {target, slot, key hash, stamp}: it points at the copy, it is none.
 * Writing a key again for the same target makes no second hint. Bounded by
 * bytes; what does not fit is refused, and the writer marks the slot dirty.
 * Handed over newest first.
 *
 * Own lock inside; any thread.
 */
#ifndef REPLICA_HINTS_H
#define REPLICA_HINTS_H

#include "base/lock.h"
#include "ring/map.h"
#include "version/stamp.h"

enum { HINT_BYTES = 48 /* of memory, the index included */ };

struct hint {
    uint64_t hash;
    uint32_t slot;
    struct stamp stamp; /* the newest of the copy when it was taken */
};

struct hints;

struct hints *hints_new(uint64_t max_bytes);
void hints_free(struct hints *hints); /* NULL is fine */
void hints_limit(struct hints *hints, uint64_t max_bytes);
/* False: no room. */
bool hints_put(struct hints *hints, uint32_t target, const struct hint *hint);
/* Up to `room` of a target's that are not under way, newest first; they are
 * under way now. */
uint32_t hints_take(struct hints *hints, uint32_t target, struct hint *out,
                    uint32_t room);
/* It was handed over (or is worth nothing any more): gone, unless there is a
 * newer one of that key by now. */
void hints_done(struct hints *hints, uint32_t target, const struct hint *hint);
/* It was not: it is not under way any more. */
void hints_failed(struct hints *hints, uint32_t target,
                  const struct hint *hint);
/* All of a target's that were under way are not (its link broke). */
void hints_reset(struct hints *hints, uint32_t target);
/* True if any target still waits for this key. */
bool hints_has(struct hints *hints, uint32_t slot, uint64_t hash);
uint64_t hints_count(struct hints *hints); /* of all targets */
uint32_t hints_count_of(struct hints *hints, uint32_t target);
/* The smallest stamp; UINT64_MAX: none. */
uint64_t hints_oldest(struct hints *hints);
/* The target with the smallest number >= from that has hints; RING_NOBODY. */
uint32_t hints_target(struct hints *hints, uint32_t from);
/* Forgets a target's: it is REMOVED. */
void hints_forget(struct hints *hints, uint32_t target);

#endif
