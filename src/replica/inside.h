/*
 * inside.h - dirty marks as the keeper clears them; for files of src/replica.
 *
 * Marks are set by any thread without a lock, and cleared by the keeper alone
 * after a comparison that began after them. Two bitmaps tell: `marked` is what
 * the peer may lack, `fresh` what was marked since the last comparison began.
 *
 *   mark    fresh = 1, then marked = 1
 *   begin   fresh = 0, then the comparison takes its digest
 *   end     if fresh == 0: marked = 0; then, if fresh == 1: marked = 1
 *
 * A mark that comes in between two steps of `end` is either seen by the second
 * look, or finds marked == 0 and sets it itself.
 */
#ifndef REPLICA_INSIDE_H
#define REPLICA_INSIDE_H

#include "replica/replica.h"

/* Beyond this a wall time is a fault of the peer's clock: nothing learns it,
 * and what it says has been repaired or evicted is not believed. */
enum { FAR_AHEAD_MS = 60 * 1000 };

struct dirty {
    _Atomic uint32_t count;  /* bits in marked */
    _Atomic uint64_t *fresh; /* bitmaps of slot_count bits */
    _Atomic uint64_t *marked;
};

/* A comparison of the slot with `target` begins: its digest is taken after. */
void inside_dirty_begin(struct replica *replica, uint32_t target,
                        uint32_t slot);
/* It is complete: clears the mark if none came since. */
void inside_dirty_end(struct replica *replica, uint32_t target, uint32_t slot);
/* What is marked whatever came: the target is no owner of the slot any more. */
void inside_dirty_drop(struct replica *replica, uint32_t target, uint32_t slot);

/* ---- DIGESTS: one digest over all slots that the asker is the first owner of
 * and the answerer another, or over groups of slots ---- */

enum { PROMISE_DIGESTS_MAX = 256 }; /* slots asked for, to get digests too */

/* A tenure further ahead of the wall than this is a fault, not a clock. */
#define TENURE_AHEAD_MS (INT64_C(366) * 24 * 3600 * 1000)

enum digests_form { DIGESTS_ROOT = 0, DIGESTS_GROUPS = 1 };
enum digests_status {
    DIGESTS_EQUAL_SETTLED = 0,
    DIGESTS_EQUAL = 1,
    DIGESTS_DIFFER = 2,
    DIGESTS_LISTS_DIFFER = 3,
};

/* This node's copy of the slot counts for settling others: settled, or that of
 * an owner before, kept. Slot locked. */
bool inside_counts(const struct replica *replica, const struct ring_map *map,
                   uint32_t slot);
static inline bool
inside_in_root(const struct ring_list *list, uint32_t asker, uint32_t other)
{
    return list->count > 0 && list->owners[0] == asker &&
           ring_list_owns(list, other);
}
uint64_t inside_root(struct replica *replica, const struct ring_map *map,
                     uint32_t asker, uint32_t other, struct stamp learn);

#endif
