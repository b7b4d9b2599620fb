/*
 * One comparison of a set of slots with one peer.
 *
 *   ROOT --equal--> done          a round of anti-entropy begins here
 *     | differs
 *     v
 *   GROUPS --> equal slots done --> some written to lately? PAUSE, once
 *     | differing slots                                       |
 *     v                                                       v
 *   RANGES: entries, records both ways, slot by slot <--- GROUPS again
 *
 * One question is under way at a time. After each answer, something more
 * urgent for this peer goes first: the comparison ends, and what it has not
 * finished is still wanted. So it does when the answer does not come.
 */
#include "replica/keeper_inside.h"

#include "base/memory.h"

static void
active_free(struct active *active)
{
    mem_free(active->wants);
    *active = (struct active){0};
}

void
compare_abort(struct peer *peer)
{
    struct compare *compare = &peer->compare;
    uint32_t i;

    for (i = 0; i < compare->active_count; i++) {
        active_free(&compare->active[i]);
    }
    mem_free(compare->slots);
    *compare = (struct compare){.phase = PHASE_IDLE};
}

static void
unwant(struct peer *peer, uint32_t slot, uint32_t level)
{
    if (!bit_is_set(peer->want[level], slot)) return;
    peer->want[level][slot / 64] &= ~(UINT64_C(1) << slot % 64);
    peer->want_count[level]--;
}

/* Not now: the lists differ, or there is no memory. */
static void
drop_slot(struct keeper *keeper, struct peer *peer, uint32_t slot)
{
    unwant(peer, slot, peer->compare.level);
    peer->retry_ms = keeper->now_ms + PLAN_MS;
}

static void
finish_slot(struct keeper *keeper, struct peer *peer, uint32_t slot,
            bool is_settled)
{
    uint32_t level;

    for (level = 0; level < LEVELS; level++) {
        unwant(peer, slot, level);
    }
    inside_compared(keeper, peer, slot, is_settled);
}

static void
end_compare(struct keeper *keeper, struct peer *peer)
{
    compare_abort(peer);
    if (peer->failures > 0) peer->failures--; /* it may be slow for long */
    inside_replan(keeper);
}

/* No answer, or none that makes sense. What a round wanted waits for the next
 * one; the rest is planned again. */
static void
fail_compare(struct keeper *keeper, struct peer *peer)
{
    enum level level = peer->compare.level;
    uint32_t words = (keeper->replica->slot_count + 63) / 64;
    int64_t wait_ms = INT64_C(100) << peer->failures;

    if (level == LEVEL_ROUND) {
        memset(peer->want[level], 0, words * sizeof(uint64_t));
        peer->want_count[level] = 0;
    }
    compare_abort(peer);
    if (peer->failures < FAILURES_MOST) peer->failures++;
    peer->retry_ms = keeper->now_ms + wait_ms;
    inside_replan(keeper);
}

/* Sends what is in scratch; the answer is awaited. */
static void
ask(struct keeper *keeper, struct peer *peer, uint8_t type, enum phase phase)
{
    struct compare *compare = &peer->compare;

    compare->phase = phase;
    compare->request = ++keeper->request;
    compare->until_ms =
        keeper->now_ms + ((int64_t)ANSWER_WAIT_MS << peer->failures);
    if (compare->level == LEVEL_ROUND) {
        keeper->tokens -= 10 + (int64_t)keeper->scratch.used / 50;
    }
    if (!inside_send(keeper, peer->number, type, compare->request,
                     buf_bytes(&keeper->scratch))) {
        fail_compare(keeper, peer);
    }
}

static void
ask_root(struct keeper *keeper, struct peer *peer)
{
    struct replica *replica = keeper->replica;
    const struct ring_map *map = replica_map(replica);
    struct stamp learn = peer->compare.learn;
    uint64_t root =
        inside_root(replica, map, replica->self, peer->number, learn);

    keeper->scratch.used = 0;
    wire_put_u8(&keeper->scratch, DIGESTS_ROOT);
    wire_put_u64(&keeper->scratch, learn.bits);
    wire_put_u64(&keeper->scratch, ring_map_hash(map));
    wire_put_u64(&keeper->scratch, root);
    ask(keeper, peer, FRAME_DIGESTS, PHASE_ROOT);
}

static void
ask_groups(struct keeper *keeper, struct peer *peer)
{
    const struct compare *compare = &peer->compare;
    const struct ring_map *map = replica_map(keeper->replica);
    struct buf *out = &keeper->scratch;
    uint32_t at = 0;

    out->used = 0;
    wire_put_u8(out, DIGESTS_GROUPS);
    wire_put_u64(out, compare->learn.bits);
    wire_put_varint(out, slots_group_count(compare->slots, compare->count));
    while (at < compare->count) {
        struct group group =
            slots_group(map, compare->slots, compare->count, &at);

        slots_put_group(out, &group);
        wire_put_u64(out,
                     slots_digest(keeper->replica, &group, compare->learn));
    }
    ask(keeper, peer, FRAME_DIGESTS, PHASE_GROUPS);
}

/* ---- ranges: asking ---- */

static void
put_wants(struct keeper *keeper, struct active *active, struct buf *out)
{
    struct buf records = {0};

    active->wants_sent = 0;
    while (active->wants_sent < active->want_count &&
           (active->wants_sent == 0 ||
            out->used + records.used < RANGE_FRAME_BYTES)) {
        uint64_t hash = active->wants[active->wants_sent++];

        if (range_put_record(keeper->replica, active->slot, hash,
                             keeper->wall_ms, &records)) {
            keeper->status.keys_sent++;
        }
    }
    wire_put_bytes(out, buf_bytes(&records));
    buf_deinit(&records);
}

/* Pieces of some 64 entries; a slot of a few hundred goes in one. */
static uint32_t
bits_for(uint32_t entries)
{
    uint32_t bits = 0;

    if (entries < 2 * RANGE_ENTRIES) return 0;
    while (bits < RANGE_PIECE_BITS_MAX && entries >> bits > 64)
        bits++;
    return bits;
}

/* The next run of pieces that differ; none: all is walked. */
static void
next_pieces(struct active *active)
{
    uint32_t piece = 0, count = 1u << active->piece_bits;
    uint32_t shift = 64u - active->piece_bits;

    if (active->piece_bits == 0) {
        active->is_walked = true;
        return;
    }
    while (piece < count && !bit_is_set(active->differing, piece))
        piece++;
    active->is_walked = piece == count;
    if (active->is_walked) return;
    active->from = (uint64_t)piece << shift;
    while (piece < count && bit_is_set(active->differing, piece)) {
        active->differing[piece / 64] &= ~(UINT64_C(1) << piece % 64);
        piece++;
    }
    active->end = piece == count ? 0 : (uint64_t)piece << shift;
}

static void
put_pieces(struct keeper *keeper, struct active *active, struct buf *out)
{
    uint32_t piece;

    wire_put_u8(out, active->piece_bits);
    for (piece = 0; piece < 1u << active->piece_bits; piece++) {
        wire_put_u64(out, range_piece(keeper->replica, active->slot,
                                      active->piece_bits, piece));
    }
}

static void
put_entries(struct keeper *keeper, struct active *active, struct buf *out)
{
    struct store *store = keeper->replica->store;
    struct store_entry *entries =
        mem_must_array(NULL, RANGE_ENTRIES, sizeof(*entries));
    uint32_t count, i;

    store_lock(store, active->slot);
    count = store_entries(store, active->slot, active->from, RANGE_ENTRIES,
                          entries, &active->to);
    store_unlock(store, active->slot);
    if (active->end != 0 && (active->to == 0 || active->to > active->end)) {
        active->to = active->end;
        while (count > 0 && entries[count - 1].hash >= active->end)
            count--;
    }
    wire_put_u64(out, active->from);
    wire_put_u64(out, active->to);
    wire_put_varint(out, count);
    for (i = 0; i < count; i++) {
        wire_put_u64(out, entries[i].hash);
        wire_put_u64(out, entries[i].version);
        wire_put_u64(out, entries[i].newest.bits);
        wire_put_u8(out, entries[i].is_tombstone);
    }
    mem_free(entries);
}

static void
put_part(struct keeper *keeper, struct active *active, struct buf *out)
{
    struct store *store = keeper->replica->store;

    active->part = RANGE_NOTHING;
    if (!active->is_walked && active->wants_sent == active->want_count) {
        active->part = RANGE_LIST;
        if (!active->is_begun) {
            store_lock(store, active->slot);
            active->piece_bits =
                (uint8_t)bits_for(store_slot_entries(store, active->slot));
            store_unlock(store, active->slot);
            if (active->piece_bits > 0) active->part = RANGE_PIECES;
        }
    }
    wire_put_u8(out, active->part);
    if (active->part == RANGE_PIECES) put_pieces(keeper, active, out);
    if (active->part == RANGE_LIST) put_entries(keeper, active, out);
}

static void
put_section(struct keeper *keeper, struct active *active, struct buf *out)
{
    struct replica *replica = keeper->replica;
    struct stamp repaired, evicted, known;

    store_lock(replica->store, active->slot);
    repaired = range_repaired(replica, active->slot);
    evicted = replica_evicted(replica, active->slot);
    known = range_known(replica, active->slot);
    store_unlock(replica->store, active->slot);
    wire_put_u16(out, (uint16_t)active->slot);
    wire_put_u32(out, keeper_list(keeper, active->slot)->hash);
    wire_put_u64(out, repaired.bits);
    wire_put_u64(out, evicted.bits);
    wire_put_u64(out, known.bits);
    range_put_floors(replica, active->slot, out);
    put_wants(keeper, active, out);
    active->is_asked = true;
    put_part(keeper, active, out);
}

static void
ask_ranges(struct keeper *keeper, struct peer *peer)
{
    struct compare *compare = &peer->compare;
    struct buf sections = {0};
    uint32_t i;

    while (compare->active_count < RANGE_SECTIONS &&
           compare->next < compare->count) {
        compare->active[compare->active_count++] =
            (struct active){.slot = compare->slots[compare->next++]};
    }
    if (compare->active_count == 0) {
        end_compare(keeper, peer);
        return;
    }
    for (i = 0; i < compare->active_count; i++) {
        compare->active[i].is_asked = false;
    }
    for (i = 0; i < compare->active_count && sections.used < RANGE_FRAME_BYTES;
         i++) {
        put_section(keeper, &compare->active[i], &sections);
    }
    keeper->scratch.used = 0;
    wire_put_varint(&keeper->scratch, i);
    wire_put_raw(&keeper->scratch, buf_bytes(&sections));
    buf_deinit(&sections);
    ask(keeper, peer, FRAME_RANGE, PHASE_RANGES);
}

/* ---- beginning ---- */

static bool
is_root_enough(const struct keeper *keeper, const struct peer *peer)
{
    uint32_t i;

    for (i = 0; i < peer->compare.count; i++) {
        if (!inside_in_root(keeper_list(keeper, peer->compare.slots[i]),
                            keeper->replica->self, peer->number)) {
            return false;
        }
    }
    return true;
}

static void
begin(struct keeper *keeper, struct peer *peer, enum level level)
{
    struct replica *replica = keeper->replica;
    struct compare *compare = &peer->compare;
    uint32_t slot;

    ASSERT(compare->phase == PHASE_IDLE);
    *compare = (struct compare){.level = level, .seq = ++keeper->seq};
    compare->slots =
        mem_must_array(NULL, peer->want_count[level], sizeof(uint16_t));
    for (slot = 0; slot < replica->slot_count; slot++) {
        if (!bit_is_set(peer->want[level], slot)) continue;
        ASSERT(compare->count < peer->want_count[level]);
        compare->slots[compare->count++] = (uint16_t)slot;
        inside_dirty_begin(replica, peer->number, slot);
    }
    if (level == LEVEL_ROUND) compare->learn = keeper->round.stamp;
    if (level == LEVEL_ROUND && !keeper->round.is_lacking &&
        is_root_enough(keeper, peer)) {
        ask_root(keeper, peer);
    } else {
        ask_groups(keeper, peer);
    }
}

static bool
has_more_urgent(const struct peer *peer, enum level level)
{
    uint32_t i;

    for (i = 0; i < (uint32_t)level; i++) {
        if (peer->want_count[i] > 0) return true;
    }
    return false;
}

static void
begin_next(struct keeper *keeper, struct peer *peer)
{
    uint32_t level;

    for (level = 0; level < LEVELS; level++) {
        if (peer->want_count[level] == 0) continue;
        if (level == LEVEL_ROUND && keeper->tokens <= 0) return;
        begin(keeper, peer, (enum level)level);
        return;
    }
}

void
compare_tick(struct keeper *keeper, struct peer *peer)
{
    struct compare *compare = &peer->compare;

    if (!(replica_health(keeper->replica, peer->number) & PEER_REACHABLE)) {
        if (compare->phase != PHASE_IDLE) fail_compare(keeper, peer);
        peer->retry_ms = keeper->now_ms;
        return;
    }
    if (compare->phase == PHASE_PAUSE) {
        if (has_more_urgent(peer, compare->level)) {
            end_compare(keeper, peer);
        } else if (keeper->now_ms >= compare->until_ms) {
            ask_groups(keeper, peer);
        }
    } else if (compare->phase != PHASE_IDLE) {
        if (keeper->now_ms >= compare->until_ms) fail_compare(keeper, peer);
    } else if (keeper->now_ms >= peer->retry_ms) {
        begin_next(keeper, peer);
    }
}

int64_t
compare_deadline_ms(const struct keeper *keeper, const struct peer *peer)
{
    uint32_t level;

    if (peer->compare.phase != PHASE_IDLE) return peer->compare.until_ms;
    if (!(replica_health(keeper->replica, peer->number) & PEER_REACHABLE)) {
        return INT64_MAX;
    }
    for (level = 0; level < LEVEL_ROUND; level++) {
        if (peer->want_count[level] > 0) return peer->retry_ms;
    }
    if (peer->want_count[LEVEL_ROUND] == 0) return INT64_MAX;
    return keeper->tokens > 0 ? peer->retry_ms : keeper->now_ms + 10;
}

/* ---- answers ---- */

static bool
take_root(struct keeper *keeper, struct peer *peer, struct wire_reader *reader)
{
    struct compare *compare = &peer->compare;
    uint32_t form = wire_u8(reader), status = wire_u8(reader), i;

    if (form != DIGESTS_ROOT || !wire_is_done(reader)) return false;
    if (status == DIGESTS_EQUAL) {
        for (i = 0; i < compare->count; i++) {
            finish_slot(keeper, peer, compare->slots[i], false);
        }
        end_compare(keeper, peer);
    } else if (status == DIGESTS_DIFFER) {
        ask_groups(keeper, peer);
    } else {
        fail_compare(keeper, peer);
    }
    return true;
}

static bool
is_young(struct keeper *keeper, uint32_t slot)
{
    struct stamp clock;

    store_lock(keeper->replica->store, slot);
    clock = store_clock(keeper->replica->store, slot);
    store_unlock(keeper->replica->store, slot);
    return stamp_wall_ms(clock) > keeper->wall_ms - YOUNG_MS;
}

/* Slots that still differ are left in compare->slots, from 0 to *kept. */
static bool
take_group(struct keeper *keeper, struct peer *peer, const struct group *group,
           struct wire_reader *reader, uint32_t *kept)
{
    struct store *store = keeper->replica->store;
    uint32_t status = wire_u8(reader), slot;
    struct mask settled = group->mask;

    if (status == DIGESTS_EQUAL || status == DIGESTS_DIFFER) {
        settled = slots_read_mask(reader);
    }
    if (reader->is_bad || status > DIGESTS_LISTS_DIFFER) return false;
    for (slot = group_first(group); slot != UINT32_MAX;
         slot = group_next(group, slot + 1)) {
        bool is_equal = true;

        if (status == DIGESTS_LISTS_DIFFER) {
            drop_slot(keeper, peer, slot);
            continue;
        }
        if (status == DIGESTS_DIFFER) {
            uint64_t digest = wire_u64(reader);

            if (reader->is_bad) return false;
            store_lock(store, slot);
            is_equal = store_digest(store, slot) == digest;
            store_unlock(store, slot);
        }
        if (is_equal) {
            finish_slot(keeper, peer, slot, mask_has(&settled, slot));
        } else {
            peer->compare.slots[(*kept)++] = (uint16_t)slot;
        }
    }
    return true;
}

static bool
take_groups(struct keeper *keeper, struct peer *peer,
            struct wire_reader *reader)
{
    struct compare *compare = &peer->compare;
    const struct ring_map *map = replica_map(keeper->replica);
    uint32_t form = wire_u8(reader), at = 0, kept = 0, i;
    uint64_t groups = wire_varint(reader);
    bool is_pause = false;

    if (reader->is_bad || form != DIGESTS_GROUPS ||
        groups != slots_group_count(compare->slots, compare->count)) {
        return false;
    }
    while (at < compare->count) { /* kept never passes at */
        struct group group =
            slots_group(map, compare->slots, compare->count, &at);

        if (!take_group(keeper, peer, &group, reader, &kept)) return false;
    }
    if (!wire_is_done(reader)) return false;
    compare->count = kept;
    if (kept == 0 || has_more_urgent(peer, compare->level)) {
        end_compare(keeper, peer);
        return true;
    }
    for (i = 0; i < kept && !is_pause && !compare->has_paused; i++) {
        is_pause = compare->level == LEVEL_ROUND &&
                   is_young(keeper, compare->slots[i]);
    }
    if (is_pause) {
        compare->has_paused = true;
        compare->phase = PHASE_PAUSE;
        compare->until_ms = keeper->now_ms + LOOK_AGAIN_MS;
        return true;
    }
    if (compare->level == LEVEL_ROUND) keeper->round.differing += kept;
    ask_ranges(keeper, peer);
    return true;
}

/* The pieces that differ. */
static bool
take_pieces(struct active *active, struct bytes wants)
{
    struct wire_reader reader = wire_reader(wants);

    while (reader.at < reader.end) {
        uint64_t piece = wire_u64(&reader);

        if (reader.is_bad || piece >= UINT64_C(1) << active->piece_bits) {
            return false;
        }
        active->differing[piece / 64] |= UINT64_C(1) << piece % 64;
    }
    next_pieces(active);
    return true;
}

static void
take_wants(struct active *active, struct bytes wants)
{
    struct wire_reader reader = wire_reader(wants);
    uint32_t count = (uint32_t)(wants.size / 8);

    if (count == 0) return;
    active->wants = mem_must_array(active->wants, active->want_count + count,
                                   sizeof(*active->wants));
    for (; count > 0; count--) {
        active->wants[active->want_count++] = wire_u64(&reader);
    }
}

/* The other has evicted these; the primary brings them back. */
static void
take_gone(struct keeper *keeper, struct active *active, struct stamp evicted,
          struct bytes gone)
{
    struct replica *replica = keeper->replica;
    struct wire_reader reader = wire_reader(gone);
    bool is_primary;

    store_lock(replica->store, active->slot);
    is_primary = replica->slots[active->slot].tenure == TENURE_HELD;
    while (!is_primary && reader.at < reader.end) {
        (void)replica_drop_evicted(replica, active->slot, wire_u64(&reader),
                                   evicted, evicted, keeper->wall_ms);
    }
    replica_learn_evicted(replica, active->slot, evicted, keeper->wall_ms);
    store_unlock(replica->store, active->slot);
    if (is_primary) take_wants(active, gone);
}

/* The other has forgotten this node: what it names as gone is dropped. */
static void
drop_relics(struct keeper *keeper, const struct active *active,
            struct stamp forgotten, struct bytes gone)
{
    struct replica *replica = keeper->replica;
    struct wire_reader reader = wire_reader(gone);

    store_lock(replica->store, active->slot);
    forgotten = replica_forgotten_by(replica, active->slot, forgotten);
    while (forgotten.bits != 0 && reader.at < reader.end)
        range_drop_relic(replica, active->slot, wire_u64(&reader), forgotten,
                         keeper->wall_ms);
    store_unlock(replica->store, active->slot);
}

/* What a section's answer says about the rest of its slot. */
static bool
advance(struct active *active, uint64_t upto, struct bytes wants)
{
    uint32_t kept = active->want_count - active->wants_sent;

    if (kept > 0) {
        memmove(active->wants, active->wants + active->wants_sent,
                kept * sizeof(*active->wants));
    }
    active->want_count = kept;
    active->wants_sent = 0;
    if (active->part == RANGE_NOTHING) return wants.size == 0;
    active->is_begun = true;
    if (active->part == RANGE_PIECES) return take_pieces(active, wants);
    if (upto == active->to && active->to == active->end) {
        next_pieces(active);
    } else {
        /* it goes on where the answer ends, and never stands still */
        if (upto <= active->from) return false;
        if (active->to != 0 && upto > active->to) return false;
        active->from = upto;
    }
    take_wants(active, wants);
    return true;
}

/* The peer was marked as behind, and knew something all the same: then the
 * other owners, who may have been compared before, may lack that. */
static void
pass_on(struct keeper *keeper, const struct peer *peer, uint32_t slot)
{
    const struct ring_list *list = keeper_list(keeper, slot);
    struct replica *replica = keeper->replica;
    uint32_t i;

    if (!replica_is_dirty(replica, peer->number, slot)) return;
    for (i = 0; i < list->count; i++) {
        uint32_t number = list->owners[i];

        if (number != replica->self && number != peer->number)
            replica_mark_dirty(replica, number, slot);
    }
}

/* False: malformed. *is_over: the slot leaves the active ones. */
static bool
take_section(struct keeper *keeper, struct peer *peer, struct active *active,
             struct wire_reader *reader, bool *is_over)
{
    struct replica *replica = keeper->replica;
    uint32_t slot = wire_u16(reader), status = wire_u8(reader);
    bool is_settled = wire_u8(reader) != 0, is_full = false;
    struct bytes wants, gone, records;
    uint64_t upto, want_count, gone_count, received;
    struct stamp evicted, forgotten;

    *is_over = true;
    received = keeper->status.keys_received;
    if (reader->is_bad || !active->is_asked || slot != active->slot) {
        return false;
    }
    if (status != RANGE_OK) {
        drop_slot(keeper, peer, slot);
        return true;
    }
    if (!range_take_floors(replica, slot, reader, keeper->wall_ms)) {
        return false;
    }
    upto = wire_u64(reader);
    want_count = wire_varint(reader);
    if (want_count > RANGE_ENTRIES) return false;
    wants = wire_take(reader, (size_t)want_count * 8);
    evicted.bits = wire_u64(reader);
    forgotten.bits = wire_u64(reader);
    gone_count = wire_varint(reader);
    if (gone_count > RANGE_ENTRIES) return false;
    gone = wire_take(reader, (size_t)gone_count * 8);
    records = wire_bytes(reader);
    if (reader->is_bad || !advance(active, upto, wants)) return false;
    drop_relics(keeper, active, forgotten, gone);
    if (!range_take_records(replica, slot, records, keeper->wall_ms, &is_full,
                            &keeper->status.keys_received)) {
        return false;
    }
    if (keeper->status.keys_received > received) pass_on(keeper, peer, slot);
    take_gone(keeper, active, evicted, gone);
    if (is_full) {
        drop_slot(keeper, peer, slot);
    } else if (active->is_walked && active->want_count == 0) {
        finish_slot(keeper, peer, slot, is_settled);
    } else {
        *is_over = false;
    }
    return true;
}

static bool
take_ranges(struct keeper *keeper, struct peer *peer,
            struct wire_reader *reader)
{
    struct compare *compare = &peer->compare;
    uint64_t count = wire_varint(reader);
    uint32_t i, kept = 0;

    if (reader->is_bad || count == 0 || count > compare->active_count) {
        return false;
    }
    for (i = 0; i < compare->active_count; i++) {
        struct active active = compare->active[i];
        bool is_over = false;

        compare->active[i] = (struct active){0};
        if (i < count &&
            !take_section(keeper, peer, &active, reader, &is_over)) {
            active_free(&active);
            return false; /* what is left is freed with the comparison */
        }
        if (is_over) {
            active_free(&active);
        } else {
            compare->active[kept++] = active;
        }
    }
    compare->active_count = kept;
    if (!wire_is_done(reader)) return false;
    if (has_more_urgent(peer, compare->level)) {
        end_compare(keeper, peer);
    } else {
        ask_ranges(keeper, peer);
    }
    return true;
}

void
compare_answer(struct keeper *keeper, struct peer *peer,
               const struct frame *frame)
{
    struct compare *compare = &peer->compare;
    struct wire_reader reader = wire_reader(frame->payload);
    bool is_fine = true;

    /* late: the question was given up */
    if (frame->request_id != compare->request) return;
    if (compare->level == LEVEL_ROUND) {
        keeper->tokens -= (int64_t)frame->payload.size / 50;
    }
    if (compare->phase == PHASE_ROOT && frame->type == FRAME_DIGESTS_ANSWER) {
        is_fine = take_root(keeper, peer, &reader);
    } else if (compare->phase == PHASE_GROUPS &&
               frame->type == FRAME_DIGESTS_ANSWER) {
        is_fine = take_groups(keeper, peer, &reader);
    } else if (compare->phase == PHASE_RANGES &&
               frame->type == FRAME_RANGE_ANSWER) {
        is_fine = take_ranges(keeper, peer, &reader);
    }
    if (!is_fine) fail_compare(keeper, peer);
}
