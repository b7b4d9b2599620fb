/*
 * slots.h - sets of slots on the wire, in groups of 128: which group, which of
 * its slots, and a fold of their lists' hashes, so that nodes with other facts
 * notice. For files of src/replica only.
 *
 *   varint groups | u16 group | u64 u64 mask | u32 lists | ...
 */
#ifndef REPLICA_SLOTS_H
#define REPLICA_SLOTS_H

#include "bus/wire.h"
#include "replica/replica.h"

enum { GROUP_SLOTS = 128 };

struct mask {
    uint64_t bits[2]; /* slots of a group, the lowest is bit 0 */
};

struct group {
    uint32_t index; /* its first slot / GROUP_SLOTS */
    struct mask mask;
    uint32_t lists; /* slots_lists() of the sender */
};

static inline bool
mask_has(const struct mask *mask, uint32_t slot)
{
    return (mask->bits[slot / 64 % 2] >> slot % 64 & 1) != 0;
}

static inline void
mask_set(struct mask *mask, uint32_t slot)
{
    mask->bits[slot / 64 % 2] |= UINT64_C(1) << slot % 64;
}

static inline uint32_t
mask_count(const struct mask *mask)
{
    return (uint32_t)__builtin_popcountll(mask->bits[0]) +
           (uint32_t)__builtin_popcountll(mask->bits[1]);
}

static inline bool
mask_equal(const struct mask *a, const struct mask *b)
{
    return a->bits[0] == b->bits[0] && a->bits[1] == b->bits[1];
}

/* The next slot of the group at or after `slot`; UINT32_MAX: none. */
uint32_t group_next(const struct group *group, uint32_t slot);
/* for (slot = group_first(g); slot != UINT32_MAX; slot = group_next(g, slot +
 * 1)) */
static inline uint32_t
group_first(const struct group *group)
{
    return group_next(group, group->index * GROUP_SLOTS);
}

/* Fold over the lists' hashes of the group's slots. */
uint32_t slots_lists(const struct ring_map *map, const struct group *group);
/* Fold over the contents of the group's slots; takes their locks. Each slot's
 * clock learns `learn` before (STAMP_NEVER: nothing). */
uint64_t slots_digest(struct replica *replica, const struct group *group,
                      struct stamp learn);
/* One slot's part of it. */
uint64_t slots_mix(uint32_t slot, uint64_t digest);

/* The group that begins at slots[*at] of an ascending array; moves *at on. */
struct group slots_group(const struct ring_map *map, const uint16_t *slots,
                         uint32_t count, uint32_t *at);
uint32_t slots_group_count(const uint16_t *slots, uint32_t count);
void slots_put_mask(struct buf *out, const struct mask *mask);
struct mask slots_read_mask(struct wire_reader *reader);
void slots_put_group(struct buf *out, const struct group *group);
/* False: makes no sense (not ascending, empty, out of range). *after: the
 * index that the next one must reach; starts at 0. */
bool slots_read_group(struct wire_reader *reader, uint32_t slot_count,
                      uint32_t *after, struct group *group);
/* How many groups follow; false: more than there are. */
bool slots_read_count(struct wire_reader *reader, uint32_t slot_count,
                      uint32_t *count);

#endif
