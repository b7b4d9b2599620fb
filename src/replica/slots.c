/*
 * Groups keep a set of slots short on the wire, and let a comparison go from
 * one digest over everything to single slots in two steps.
 */
#include "replica/slots.h"

#include "base/hash.h"

uint32_t
group_next(const struct group *group, uint32_t slot)
{
    uint32_t first = group->index * GROUP_SLOTS;

    for (; slot < first + GROUP_SLOTS; slot++) {
        if (mask_has(&group->mask, slot)) return slot;
    }
    return UINT32_MAX;
}

uint32_t
slots_lists(const struct ring_map *map, const struct group *group)
{
    uint64_t fold = 0;
    uint32_t slot;

    for (slot = group_first(group); slot != UINT32_MAX;
         slot = group_next(group, slot + 1)) {
        fold ^= hash_mix(slot + 1, ring_map_list(map, slot)->hash);
    }
    return (uint32_t)(fold ^ fold >> 32);
}

uint64_t
slots_mix(uint32_t slot, uint64_t digest)
{
    return hash_mix(slot + 1, digest);
}

uint64_t
slots_digest(struct replica *replica, const struct group *group,
             struct stamp learn)
{
    uint64_t fold = 0;
    uint32_t slot;

    for (slot = group_first(group); slot != UINT32_MAX;
         slot = group_next(group, slot + 1)) {
        store_lock(replica->store, slot);
        if (learn.bits != 0) store_learn(replica->store, slot, learn);
        fold ^= slots_mix(slot, store_digest(replica->store, slot));
        store_unlock(replica->store, slot);
    }
    return fold;
}

struct group
slots_group(const struct ring_map *map, const uint16_t *slots, uint32_t count,
            uint32_t *at)
{
    struct group group = {.index = slots[*at] / GROUP_SLOTS};

    ASSERT(*at < count);
    while (*at < count && slots[*at] / GROUP_SLOTS == group.index) {
        mask_set(&group.mask, slots[*at]);
        ++*at;
    }
    group.lists = slots_lists(map, &group);
    return group;
}

uint32_t
slots_group_count(const uint16_t *slots, uint32_t count)
{
    uint32_t i, groups = 0;

    for (i = 0; i < count; i++) {
        groups +=
            i == 0 || slots[i] / GROUP_SLOTS != slots[i - 1] / GROUP_SLOTS;
    }
    return groups;
}

void
slots_put_mask(struct buf *out, const struct mask *mask)
{
    wire_put_u64(out, mask->bits[0]);
    wire_put_u64(out, mask->bits[1]);
}

struct mask
slots_read_mask(struct wire_reader *reader)
{
    struct mask mask;

    mask.bits[0] = wire_u64(reader);
    mask.bits[1] = wire_u64(reader);
    return mask;
}

void
slots_put_group(struct buf *out, const struct group *group)
{
    wire_put_u16(out, (uint16_t)group->index);
    slots_put_mask(out, &group->mask);
    wire_put_u32(out, group->lists);
}

bool
slots_read_group(struct wire_reader *reader, uint32_t slot_count,
                 uint32_t *after, struct group *group)
{
    uint32_t slot, first;

    group->index = wire_u16(reader);
    group->mask = slots_read_mask(reader);
    group->lists = wire_u32(reader);
    if (reader->is_bad || group->index < *after) return false;
    first = group->index * GROUP_SLOTS;
    if (first >= slot_count || mask_count(&group->mask) == 0) return false;
    for (slot = slot_count; slot < first + GROUP_SLOTS; slot++) {
        if (mask_has(&group->mask, slot)) return false;
    }
    *after = group->index + 1;
    return true;
}

bool
slots_read_count(struct wire_reader *reader, uint32_t slot_count,
                 uint32_t *count)
{
    uint64_t read = wire_varint(reader);

    if (reader->is_bad || read > (slot_count + GROUP_SLOTS - 1) / GROUP_SLOTS) {
        return false;
    }
    *count = (uint32_t)read;
    return true;
}
