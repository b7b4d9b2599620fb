/*
 * What others ask, answered on any worker: no state but the slots', each
 * touched under its lock alone. Everything from the peer is checked.
 */
#include "replica/inside.h"
#include "replica/keeper.h"
#include "replica/range.h"
#include "replica/slots.h"

/* ---- TENURE ---- */

struct promise {
    struct stamp stamp, promised, clock; /* the largest that refused */
    uint32_t from;
    bool has_digests;
};

/* Owns both, or the group's lists are not those we know. */
static bool
group_is_shared(const struct replica *replica, const struct ring_map *map,
                uint32_t from, const struct group *group)
{
    uint32_t slot;

    for (slot = group_first(group); slot != UINT32_MAX;
         slot = group_next(group, slot + 1)) {
        const struct ring_list *list = ring_map_list(map, slot);

        if (!ring_list_owns(list, from) ||
            !ring_list_owns(list, replica->self)) {
            return false;
        }
    }
    return true;
}

static void
promise_group(struct replica *replica, struct promise *promise,
              const struct group *group, struct buf *out)
{
    struct mask newer = {{0}}, ahead = {{0}}, settled = {{0}};
    uint64_t digests[GROUP_SLOTS];
    uint32_t slot, granted = 0, i;
    bool is_plain;

    for (slot = group_first(group); slot != UINT32_MAX;
         slot = group_next(group, slot + 1)) {
        struct slot_state *state = &replica->slots[slot];
        struct stamp clock;

        store_lock(replica->store, slot);
        clock = store_clock(replica->store, slot);
        if (state->is_settled) mask_set(&settled, slot);
        if (clock.bits > promise->stamp.bits) {
            mask_set(&ahead, slot);
            promise->clock.bits = max_u64(promise->clock.bits, clock.bits);
        } else if (!replica_promise(replica, slot, promise->stamp,
                                    promise->from)) {
            mask_set(&newer, slot);
            promise->promised.bits =
                max_u64(promise->promised.bits, state->promised.bits);
        } else {
            digests[granted++] = store_digest(replica->store, slot);
        }
        store_unlock(replica->store, slot);
    }
    is_plain = mask_count(&newer) + mask_count(&ahead) == 0 &&
               mask_equal(&settled, &group->mask);
    wire_put_u8(out, is_plain ? 0 : 1);
    if (!is_plain) {
        slots_put_mask(out, &newer);
        slots_put_mask(out, &ahead);
        slots_put_mask(out, &settled);
    }
    for (i = 0; promise->has_digests && i < granted; i++) {
        wire_put_u64(out, digests[i]);
    }
}

static bool
answer_tenure(struct replica *replica, uint32_t from, struct bytes payload,
              int64_t wall_ms, struct buf *out)
{
    const struct ring_map *map = replica_map(replica);
    struct wire_reader reader = wire_reader(payload), ahead;
    struct promise promise = {.from = from};
    uint32_t count, i, after = 0, slots = 0;
    struct group group;
    struct buf groups = {0};

    promise.stamp.bits = wire_u64(&reader);
    if (stamp_node(promise.stamp) != from) return false;
    if (stamp_wall_ms(promise.stamp) > wall_ms + TENURE_AHEAD_MS) return false;
    if (!slots_read_count(&reader, replica->slot_count, &count)) return false;
    ahead = reader;
    for (i = 0; i < count; i++) {
        if (!slots_read_group(&ahead, replica->slot_count, &after, &group)) {
            return false;
        }
        slots += mask_count(&group.mask);
    }
    if (!wire_is_done(&ahead)) return false;
    promise.has_digests = slots <= PROMISE_DIGESTS_MAX;
    for (i = 0, after = 0; i < count; i++) {
        (void)slots_read_group(&reader, replica->slot_count, &after, &group);
        if (slots_lists(map, &group) != group.lists ||
            !group_is_shared(replica, map, from, &group)) {
            wire_put_u8(&groups, 2);
        } else {
            promise_group(replica, &promise, &group, &groups);
        }
    }
    wire_put_u64(out, promise.stamp.bits);
    wire_put_u64(out, promise.promised.bits);
    wire_put_u64(out, promise.clock.bits);
    wire_put_u8(out, promise.has_digests);
    wire_put_varint(out, count);
    wire_put_raw(out, buf_bytes(&groups));
    buf_deinit(&groups);
    return true;
}

/* ---- DIGESTS ---- */

bool
inside_counts(const struct replica *replica, const struct ring_map *map,
              uint32_t slot)
{
    const struct slot_state *state = &replica->slots[slot];

    if (ring_list_owns(ring_map_list(map, slot), replica->self)) {
        return state->is_settled;
    }
    return state->is_kept;
}

/* A round asks for the copy. */
static void
note_round(struct replica *replica, uint32_t slot, struct stamp learn)
{
    struct slot_state *state = &replica->slots[slot];

    if (learn.bits == 0) return;
    store_learn(replica->store, slot, learn);
    if (!state->is_doubtful && learn.bits > state->compared.bits)
        state->compared = learn;
}

uint64_t
inside_root(struct replica *replica, const struct ring_map *map, uint32_t asker,
            uint32_t other, struct stamp learn)
{
    uint64_t fold = 0;
    uint32_t slot;

    for (slot = 0; slot < replica->slot_count; slot++) {
        const struct ring_list *list = ring_map_list(map, slot);

        if (!inside_in_root(list, asker, other)) continue;
        store_lock(replica->store, slot);
        note_round(replica, slot, learn);
        fold ^= slots_mix(slot, store_digest(replica->store, slot));
        store_unlock(replica->store, slot);
    }
    return fold;
}

static void
digests_group(struct replica *replica, const struct ring_map *map,
              const struct group *group, uint64_t digest, struct stamp learn,
              struct buf *out)
{
    uint64_t digests[GROUP_SLOTS], fold = 0;
    struct mask settled = {{0}};
    uint32_t slot, count = 0, i;

    for (slot = group_first(group); slot != UINT32_MAX;
         slot = group_next(group, slot + 1)) {
        store_lock(replica->store, slot);
        note_round(replica, slot, learn);
        digests[count] = store_digest(replica->store, slot);
        if (inside_counts(replica, map, slot)) mask_set(&settled, slot);
        store_unlock(replica->store, slot);
        fold ^= slots_mix(slot, digests[count++]);
    }
    if (fold == digest && mask_equal(&settled, &group->mask)) {
        wire_put_u8(out, DIGESTS_EQUAL_SETTLED);
        return;
    }
    wire_put_u8(out, fold == digest ? DIGESTS_EQUAL : DIGESTS_DIFFER);
    slots_put_mask(out, &settled);
    for (i = 0; fold != digest && i < count; i++) {
        wire_put_u64(out, digests[i]);
    }
}

static bool
answer_groups(struct replica *replica, struct wire_reader *reader,
              struct stamp learn, struct buf *out)
{
    const struct ring_map *map = replica_map(replica);
    uint32_t count, i, after = 0;

    if (!slots_read_count(reader, replica->slot_count, &count)) return false;
    wire_put_u8(out, DIGESTS_GROUPS);
    wire_put_varint(out, count);
    for (i = 0; i < count; i++) {
        struct group group;
        uint64_t digest;

        if (!slots_read_group(reader, replica->slot_count, &after, &group)) {
            return false;
        }
        digest = wire_u64(reader);
        if (reader->is_bad) return false;
        if (slots_lists(map, &group) != group.lists) {
            wire_put_u8(out, DIGESTS_LISTS_DIFFER);
        } else {
            digests_group(replica, map, &group, digest, learn, out);
        }
    }
    return wire_is_done(reader);
}

static bool
answer_digests(struct replica *replica, uint32_t from, struct bytes payload,
               struct buf *out)
{
    const struct ring_map *map = replica_map(replica);
    struct wire_reader reader = wire_reader(payload);
    uint32_t form = wire_u8(&reader);
    struct stamp learn = {wire_u64(&reader)};
    uint64_t map_hash, digest;

    if (form == DIGESTS_GROUPS) {
        return answer_groups(replica, &reader, learn, out);
    }
    map_hash = wire_u64(&reader);
    digest = wire_u64(&reader);
    if (form != DIGESTS_ROOT || !wire_is_done(&reader)) return false;
    wire_put_u8(out, DIGESTS_ROOT);
    if (map_hash != ring_map_hash(map)) {
        wire_put_u8(out, DIGESTS_LISTS_DIFFER);
    } else {
        bool is_equal =
            inside_root(replica, map, from, replica->self, learn) == digest;

        wire_put_u8(out, is_equal ? DIGESTS_EQUAL : DIGESTS_DIFFER);
    }
    return true;
}

/* ---- REPAIRED ---- */

static bool
take_repaired(struct replica *replica, uint32_t from, struct bytes payload)
{
    const struct ring_map *map = replica_map(replica);
    struct wire_reader reader = wire_reader(payload);
    struct stamp stamp = {wire_u64(&reader)};
    uint32_t count, i, slot, after = 0;

    if (!slots_read_count(&reader, replica->slot_count, &count)) return false;
    for (i = 0; i < count; i++) {
        struct group group;

        if (!slots_read_group(&reader, replica->slot_count, &after, &group)) {
            return false;
        }
        if (slots_lists(map, &group) != group.lists ||
            !group_is_shared(replica, map, from, &group)) {
            continue;
        }
        for (slot = group_first(&group); slot != UINT32_MAX;
             slot = group_next(&group, slot + 1)) {
            store_lock(replica->store, slot);
            /* what was compared is forgotten if the copy is not settled */
            if (replica->slots[slot].is_settled) {
                store_set_repaired(replica->store, slot, stamp);
            }
            store_unlock(replica->store, slot);
        }
    }
    return wire_is_done(&reader);
}

/* A round of a peer whose wall clock is wrong: it makes sense, but is not
 * taken part in. */
static bool
is_of_far_ahead(const struct frame *frame, int64_t wall_ms)
{
    struct wire_reader reader = wire_reader(frame->payload);
    struct stamp stamp;

    if (frame->type == FRAME_DIGESTS) {
        (void)wire_u8(&reader);
    } else if (frame->type != FRAME_REPAIRED) {
        return false;
    }
    stamp.bits = wire_u64(&reader);
    return !reader.is_bad && stamp_wall_ms(stamp) > wall_ms + FAR_AHEAD_MS;
}

bool
keeper_answer(struct replica *replica, uint32_t from, const struct frame *frame,
              int64_t wall_ms, struct buf *out, uint8_t *type)
{
    size_t used = out->used;
    bool is_fine = false;

    *type = 0;
    if (replica_map(replica) == NULL || from == RING_NOBODY ||
        from >= RING_NUMBERS) {
        return true; /* not placed yet: nothing to say */
    }
    if (is_of_far_ahead(frame, wall_ms)) return true;
    if (frame->type == FRAME_TENURE) {
        *type = FRAME_PROMISE;
        is_fine = answer_tenure(replica, from, frame->payload, wall_ms, out);
    } else if (frame->type == FRAME_DIGESTS) {
        *type = FRAME_DIGESTS_ANSWER;
        is_fine = answer_digests(replica, from, frame->payload, out);
    } else if (frame->type == FRAME_RANGE) {
        *type = FRAME_RANGE_ANSWER;
        is_fine = range_answer(replica, frame->payload, wall_ms, out);
    } else if (frame->type == FRAME_REPAIRED) {
        is_fine = take_repaired(replica, from, frame->payload);
    } else if (frame->type == FRAME_EVICT) {
        is_fine = replica_take_evict(replica, from, frame->payload, wall_ms);
    }
    if (!is_fine) {
        out->used = used;
        *type = 0;
    }
    return is_fine;
}
