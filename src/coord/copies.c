/*
 * Copies of what a write changed, and their acknowledgements.
 *
 * COPY payload, after the frame's head (its list hash and tenure are those of
 * the first record):
 *     u8 flags (1: a repair, no tenure is checked; 2: to be kept for another,
 *     whose number follows as u16; 4: of a tenure that fewer have promised
 *     than should, with 1: it is only told so; 8: of the primary before, to the
 *     holder of the tenure; 16, with 1: a stand-in hands over what it kept) |
 *     varint how many
 *     each: u32 list hash | u64 tenure | a record (store/record.h)
 * NACK payload:
 *     u64 number of the copy | u8 why | u64 stamp | for BEATEN: u64 tenure of
 *     the record (0: not known), a record
 *
 * All slots of a copy are locked, all its lists and tenures looked at: if one
 * is refused, nothing is merged. Then all its records are; one that is beaten,
 * or has no room, does not keep the others out, but refuses the copy. The link
 * acknowledges by count; a copy that was refused has been named by a NACK
 * before. A slot that the command has read and not changed (COPY's source, a
 * GET in EXEC) is in it with a record of NOTHING: a node that is its primary no
 * more without knowing it is refused the whole.
 *
 *     refused because                the sender
 *       LIST    our lists differ       exchanges facts, sends it again soon
 *       STALE   a newer tenure         loses its own; the copy does not count
 *       BEATEN  a newer version        merges it, runs the command once more
 *       LACKING a cell is not here     sends the whole key
 *       FULL    no memory, too old     marks the slot dirty
 *       LATER   no tenure here yet     hands it over again soon
 *
 * What is not taken in the end, for whatever reason, leaves a dirty mark.
 */
#include "coord/inside.h"

#include "bus/wire.h"
#include "version/vector.h"

enum { COPY_RECORDS_MAX = 1 << 20 };

enum nack_why {
    NACK_LIST = 1,
    NACK_STALE = 2,
    NACK_BEATEN = 3,
    NACK_LACKING = 4,
    NACK_FULL = 5,
    NACK_LATER = 6,
};

/* ---- sending ---- */

void
copies_push(struct coord_link *to, const struct link *link,
            const struct sent_copy *copy)
{
    uint64_t waiting = link->copies_sent - to->first; /* before this one */

    if (waiting + 1 >= to->room) {
        uint32_t room = to->room > 0 ? 2 * to->room : 64;
        struct sent_copy *sent = mem_must_array(NULL, room, sizeof(*sent));
        uint64_t i;

        ASSERT(waiting == 0 || to->room > 0);
        for (i = to->first; i < to->first + waiting; i++)
            sent[i & (room - 1)] = *coord_sent_at(to, i);
        mem_free(to->sent);
        to->sent = sent;
        to->room = room;
    }
    *coord_sent_at(to, link->copies_sent) = *copy;
    if (copy->op != NULL) copy->op->out++;
}

static void
push_sent(struct coord_link *to, const struct link *link, struct op *op)
{
    struct sent_copy copy = {.op = op, .run = op->run};

    copies_push(to, link, &copy);
}

void
copies_mark_dirty(struct coord *coord, const struct op *op, uint32_t number)
{
    const struct ring_map *map = replica_map(coord->replica);
    uint32_t i;

    if (op->is_acting) return; /* there is a hint for each owner */
    for (i = 0; i < op->touched_count; i++) {
        const struct touched *touched = &op->touched[i];
        const struct ring_list *list = ring_map_list(map, touched->slot);

        if (!touched->is_changed) continue;
        if (!ring_list_owns(list, number) && list->pending != number) continue;
        replica_mark_dirty(coord->replica, number, touched->slot);
    }
}

/* The asker's link if that is where the member asked from: the copy is then
 * just before the reply. */
static struct link *
link_to(const struct coord *coord, const struct op *op, uint32_t number)
{
    struct link *link = op->asker.link;

    if (link != NULL && link->state == LINK_OPEN && !op->is_told &&
        coord_link_of(link)->number == number) {
        return link;
    }
    if (!(replica_health(coord->replica, number) & PEER_REACHABLE)) return NULL;
    return coord->effects.link(coord->effects.self, number);
}

static void
put_record(struct coord *coord, struct buf *out, const struct touched *touched,
           struct bytes record)
{
    const struct ring_list *list =
        ring_map_list(replica_map(coord->replica), touched->slot);

    wire_put_u32(out, list->hash);
    wire_put_u64(out, touched->tenure.bits);
    wire_put_raw(out, record);
}

/* Something of it is in the copies. */
static bool
is_sent(const struct touched *touched)
{
    return touched->is_changed || touched->is_witness;
}

static void
put_nothing(struct coord *coord, struct buf *out, const struct touched *touched)
{
    struct record record = {.kind = RECORD_NOTHING,
                            .slot = touched->slot,
                            .stamp = touched->tenure};
    const struct ring_list *list =
        ring_map_list(replica_map(coord->replica), touched->slot);

    wire_put_u32(out, list->hash);
    wire_put_u64(out, touched->tenure.bits);
    record_write(out, &record);
}

static bool
wants_copy(const struct coord *coord, uint32_t slot, uint32_t number)
{
    const struct ring_list *list =
        ring_map_list(replica_map(coord->replica), slot);

    return ring_list_owns(list, number) || list->pending == number;
}

/* Those of coord->records that concern the member. */
void
copies_put_records(struct coord *coord, const struct op *op, uint32_t number,
                   struct buf *out)
{
    uint32_t i, at = 0, from = 0, count = 0;

    for (i = 0; i < op->touched_count; i++) {
        if (is_sent(&op->touched[i]) &&
            wants_copy(coord, op->touched[i].slot, number)) {
            count++;
        }
    }
    wire_put_varint(out, count);
    for (i = 0; i < op->touched_count; i++) {
        struct bytes record;

        if (op->touched[i].is_witness &&
            wants_copy(coord, op->touched[i].slot, number)) {
            put_nothing(coord, out, &op->touched[i]);
        }
        if (!op->touched[i].is_changed) continue;
        record =
            bytes_of(coord->records.data + from, coord->record_ends[at] - from);
        from = coord->record_ends[at++];
        if (wants_copy(coord, op->touched[i].slot, number))
            put_record(coord, out, &op->touched[i], record);
    }
}

static void
send_copy(struct coord *coord, struct op *op, uint32_t number)
{
    struct link *link = link_to(coord, op, number);
    struct frame frame = {.type = FRAME_COPY};
    size_t place;

    if (link == NULL || link_unsent(link) > LINK_OUT_SOFT * 4) {
        if (!standins_send(coord, op, number))
            copies_mark_dirty(coord, op, number);
        return;
    }
    push_sent(coord_link_of(link), link, op);
    place = link_begin(link, &frame, coord_wall(coord));
    wire_put_u8(&link->out, op->is_short ? COPY_SHORT : 0);
    copies_put_records(coord, op, number, &link->out);
    link_end(link, place, true, coord_now(coord));
    stat_add(&coord->stats.copies_sent);
    coord->effects.wake(coord->effects.self, link);
}

uint32_t
copies_targets(const struct coord *coord, const struct op *op, uint16_t *out,
               uint32_t room)
{
    const struct ring_map *map = replica_map(coord->replica);
    uint32_t count = 0, i, k, n;

    for (i = 0; i < op->touched_count; i++) {
        const struct ring_list *list;

        if (!is_sent(&op->touched[i])) continue;
        list = ring_map_list(map, op->touched[i].slot);
        for (k = 0; k <= list->count; k++) {
            uint16_t number = k < list->count ? list->owners[k] : list->pending;

            if (number == RING_NOBODY || number == coord->replica->self)
                continue;
            for (n = 0; n < count && out[n] != number; n++)
                ;
            if (n == count && count < room) out[count++] = number;
        }
    }
    return count;
}

static bool
has_acked(const struct op *op, uint32_t number)
{
    uint32_t i;

    for (i = 0; i < op->acked_count; i++) {
        if (op->acked_by[i] == number) return true;
    }
    return false;
}

bool
copies_are_enough(const struct coord *coord, const struct op *op)
{
    const struct ring_map *map = replica_map(coord->replica);
    uint32_t i, k;

    if (op->is_beaten) return false;
    for (i = 0; i < op->touched_count; i++) {
        const struct ring_list *list;
        uint32_t have = op->is_acting ? 1 : 0;

        if (!is_sent(&op->touched[i])) continue;
        list = ring_map_list(map, op->touched[i].slot);
        for (k = 0; k < list->count; k++) {
            if (list->owners[k] == coord->replica->self ||
                has_acked(op, list->owners[k])) {
                have++;
            }
        }
        for (k = 0; k < op->standin_count; k++) {
            if (has_acked(op, op->standins[k])) have++;
        }
        if (have < replica_cut(op->quorum.w, list)) return false;
    }
    return true;
}

/* True if two copies are enough, this node's and one more. */
static bool
two_will_do(const struct coord *coord, const struct op *op)
{
    const struct ring_map *map = replica_map(coord->replica);
    uint32_t i;

    for (i = 0; i < op->touched_count; i++) {
        if (is_sent(&op->touched[i]) &&
            replica_cut(op->quorum.w, ring_map_list(map, op->touched[i].slot)) >
                2) {
            return false;
        }
    }
    return true;
}

/* A peer that asked, owns all that was changed and has just been sent its copy
 * may answer its client as soon as it has taken that. */
static void
tell_executed(struct coord *coord, struct op *op)
{
    struct link *link = op->asker.link;

    op->is_told = true;
    op->told = link;
    request_reply(coord, link, op->asker.request_id, REPLY_EXECUTED,
                  buf_bytes(&op->reply));
}

static bool
asker_owns_all(const struct coord *coord, const struct op *op)
{
    const struct ring_map *map = replica_map(coord->replica);
    uint32_t number, i;

    if (op->asker.link == NULL || op->asker.link->state != LINK_OPEN)
        return false;
    number = coord_link_of(op->asker.link)->number;
    for (i = 0; i < op->touched_count; i++) {
        if (is_sent(&op->touched[i]) &&
            !ring_list_owns(ring_map_list(map, op->touched[i].slot), number)) {
            return false;
        }
    }
    return true;
}

void
copies_begin(struct op *op)
{
    op->run++;
    op->is_beaten = op->is_stale = op->is_acting = op->wants_retry = false;
    op->acked_count = op->standin_count = 0;
}

void
copies_send(struct coord *coord, struct op *op)
{
    uint16_t numbers[64];
    uint32_t count = copies_targets(coord, op, numbers, ARRAY_LEN(numbers)), i;
    bool is_combined = two_will_do(coord, op) && asker_owns_all(coord, op);

    copies_begin(op);
    for (i = 0; i < count; i++)
        send_copy(coord, op, numbers[i]);
    if (copies_are_enough(coord, op)) {
        op_done(coord, op);
    } else if (is_combined) {
        tell_executed(coord, op);
    }
}

bool
copies_holds_tenure(const struct coord *coord, uint32_t slot)
{
    const struct ring_list *list =
        ring_map_list(replica_map(coord->replica), slot);

    return replica_may_write(coord->replica, slot, list->hash);
}

/* The record that is here is what was written, or has it in it: a later write
 * of this node, nobody else having been the primary meanwhile; and it was
 * written in tenure. Slot locked. */
static bool
is_still_here(struct coord *coord, const struct touched *touched,
              const struct record *record)
{
    struct store_key key;
    struct stamp newest;

    if (touched->is_counter) return true;
    key = store_key(coord->store, record->db, record->key);
    newest = store_newest(coord->store, &key);
    if (replica_is_out(coord->replica, touched->slot, touched->newest,
                       touched->tenure)) {
        return false;
    }
    if (newest.bits == touched->newest.bits) return true;
    return newest.bits > touched->newest.bits &&
           stamp_node(newest) == coord->replica->self &&
           replica_is_sole_since(coord->replica, touched->slot,
                                 touched->tenure);
}

/* What was read under a tenure that has ended may be another value now. */
static bool
put_witness(struct coord *coord, const struct touched *touched, struct buf *out)
{
    const struct slot_state *state = &coord->replica->slots[touched->slot];
    bool stands;

    store_lock(coord->store, touched->slot);
    stands = copies_holds_tenure(coord, touched->slot) &&
             state->promised.bits == touched->tenure.bits;
    store_unlock(coord->store, touched->slot);
    if (stands) put_nothing(coord, out, touched);
    return stands;
}

/* Appends it as it is now; false: see copies_send_now. */
static bool
put_now(struct coord *coord, const struct touched *touched, enum copy_flag how,
        struct buf *out)
{
    const struct ring_list *list =
        ring_map_list(replica_map(coord->replica), touched->slot);
    struct stamp tenure = touched->tenure;
    struct record record;
    bool is_fine;

    if (touched->is_witness) return put_witness(coord, touched, out);
    store_lock(coord->store, touched->slot);
    is_fine = store_record_of(coord->store, touched->slot, touched->hash,
                              coord_wall(coord), &record) &&
              (how == COPY_REPAIR || is_still_here(coord, touched, &record));
    if (is_fine) {
        if (how == COPY_REPAIR) {
            tenure =
                replica_tenure_of(coord->replica, touched->slot, record.stamp);
        } else if (copies_holds_tenure(coord, touched->slot)) {
            /* it may have been renewed since: for another list of owners */
            tenure = coord->replica->slots[touched->slot].promised;
        }
        wire_put_u32(out, list->hash);
        wire_put_u64(out, tenure.bits);
        record_write(out, &record);
    }
    store_unlock(coord->store, touched->slot);
    return is_fine;
}

bool
copies_send_now(struct coord *coord, struct op *op, uint32_t number,
                const struct touched *touched, uint32_t count,
                enum copy_flag how)
{
    struct link *link = coord->effects.link(coord->effects.self, number);
    struct frame frame = {.type = FRAME_COPY};
    uint32_t i, records = 0;
    size_t place;

    if (link == NULL || link_unsent(link) > LINK_OUT_SOFT * 4) return false;
    coord->scratch.used = 0;
    for (i = 0; i < count; i++) {
        if (!is_sent(&touched[i]) ||
            !wants_copy(coord, touched[i].slot, number) ||
            (how == COPY_REPAIR && !touched[i].is_changed)) {
            continue;
        }
        if (!put_now(coord, &touched[i], how, &coord->scratch)) return false;
        records++;
    }
    if (records == 0) return false;
    push_sent(coord_link_of(link), link, op);
    place = link_begin(link, &frame, coord_wall(coord));
    wire_put_u8(&link->out, (uint8_t)(how != COPY_PLAIN ? how
                                      : op->is_short    ? COPY_SHORT
                                                        : COPY_PLAIN));
    wire_put_varint(&link->out, records);
    wire_put_raw(&link->out, buf_bytes(&coord->scratch));
    link_end(link, place, true, coord_now(coord));
    stat_add(&coord->stats.copies_sent);
    coord->effects.wake(coord->effects.self, link);
    return true;
}

bool
copies_can_reach(struct coord *coord, const struct cmd_call *call)
{
    const struct ring_map *map = replica_map(coord->replica);
    uint32_t count, i, k;
    const struct store_key *keys = route_keys(call, &count);

    for (i = 0; i < count; i++) {
        const struct ring_list *list = ring_map_list(map, keys[i].slot);
        uint32_t reached = 0, w = replica_cut(coord->quorum.w, list);

        for (k = 0; k < list->count && reached < w; k++) {
            if (route_is_usable(coord, list->owners[k])) reached++;
        }
        if (reached < w && coord->quorum.mode != MODE_STRICT)
            reached += standins_count(coord, keys[i].slot);
        if (reached < w) return false;
    }
    return true;
}

/* ---- receiving ---- */

static void
nack(struct coord *coord, struct link *link, enum nack_why why,
     struct stamp stamp, struct stamp tenure, const struct record *record)
{
    struct frame frame = {.type = FRAME_NACK};
    size_t place = link_begin(link, &frame, coord_wall(coord));

    wire_put_u64(&link->out, link->copies_taken);
    wire_put_u8(&link->out, (uint8_t)why);
    wire_put_u64(&link->out, stamp.bits);
    if (record != NULL) {
        wire_put_u64(&link->out, tenure.bits);
        record_write(&link->out, record);
    }
    link_end(link, place, false, coord_now(coord));
    coord_link_of(link)->last_copy_taken = false;
    coord->effects.wake(coord->effects.self, link);
}

static bool
read_incoming(struct coord *coord, const struct link *link,
              struct wire_reader *reader, struct incoming *incoming)
{
    incoming->from = coord_link_of(link)->number;
    incoming->list_hash = wire_u32(reader);
    incoming->tenure.bits = wire_u64(reader);
    if (!record_read(reader, &incoming->record)) return false;
    if (!record_is_of_key(&incoming->record)) {
        incoming->slot = incoming->record.slot;
        return incoming->slot < coord->replica->slot_count;
    }
    incoming->key =
        expect_key(coord, incoming->record.db, incoming->record.key);
    incoming->slot = incoming->key.slot;
    return true;
}

/*
 * A read is repaired with what was written after this node had promised another
 * tenure: that node is no primary any more. What its version is based on may be
 * acknowledged, and is still here: it must not be written over. Not asked of
 * what a stand-in kept: that is acknowledged as it is, and has to get
 * somewhere.
 */
static bool
is_stale_repair(const struct coord *coord, const struct incoming *incoming,
                struct stamp *stamp)
{
    const struct slot_state *state = &coord->replica->slots[incoming->slot];
    struct stamp written = incoming->record.stamp;

    if (incoming->tenure.bits == 0 || state->promised_to == RING_NOBODY ||
        state->promised_to == coord->replica->self ||
        state->promised_to == stamp_node(written) ||
        state->promised.bits <= incoming->tenure.bits ||
        state->promised.bits > written.bits) {
        return false;
    }
    *stamp = state->promised;
    return true;
}

/* What is here was written without having seen the version handed over: it can
 * not become what was found any more. */
static bool
is_passed(struct coord *coord, const struct incoming *incoming)
{
    const struct record *record = &incoming->record;
    struct store_sight here;

    return store_look(coord->store, &incoming->key, coord_wall(coord), &here) &&
           here.newest.bits > record->stamp.bits &&
           !vector_covers(here.record.stamp, here.record.vector, record->stamp);
}

/*
 * A write of the primary before this one, which had not got its copies: taken
 * by the holder of a later tenure, as what it finds, it counts like a write of
 * that tenure.
 */
static enum nack_why
check_adopted(struct coord *coord, const struct incoming *incoming,
              struct stamp *stamp)
{
    const struct slot_state *state = &coord->replica->slots[incoming->slot];

    *stamp = state->promised;
    if (state->promised_to != coord->replica->self) return NACK_STALE;
    if (!copies_holds_tenure(coord, incoming->slot)) return NACK_LATER;
    if (state->promised.bits <= incoming->record.stamp.bits ||
        replica_is_out(coord->replica, incoming->slot, incoming->record.stamp,
                       incoming->tenure) ||
        is_passed(coord, incoming)) {
        return NACK_BEATEN;
    }
    return 0;
}

/* 0: may be taken. */
static enum nack_why
check_incoming(struct coord *coord, const struct incoming *incoming,
               uint8_t flags, struct stamp *stamp)
{
    const struct ring_list *list =
        ring_map_list(replica_map(coord->replica), incoming->slot);
    uint32_t self = coord->replica->self;

    if (!ring_list_owns(list, self) && list->pending != self) return NACK_LIST;
    if ((flags & COPY_REPAIR) && (flags & COPY_SHORT)) {
        replica_saw_short(coord->replica, incoming->slot, incoming->tenure);
        return 0;
    }
    if (flags & COPY_REPAIR) {
        bool is_stale =
            !(flags & COPY_KEPT) && is_stale_repair(coord, incoming, stamp);

        return is_stale ? NACK_STALE : 0;
    }
    if (list->hash != incoming->list_hash) return NACK_LIST;
    if ((flags & COPY_ADOPT) && !record_is_of_key(&incoming->record))
        return NACK_FULL; /* it has no key; nobody sends that */
    if (flags & COPY_ADOPT) return check_adopted(coord, incoming, stamp);
    if (!replica_promise(coord->replica, incoming->slot, incoming->tenure,
                         stamp_node(incoming->tenure))) {
        *stamp = coord->replica->slots[incoming->slot].promised;
        return NACK_STALE;
    }
    if (flags & COPY_SHORT) {
        replica_saw_short(coord->replica, incoming->slot, incoming->tenure);
    } else {
        replica_saw_tenure(coord->replica, incoming->slot, incoming->tenure);
    }
    return 0;
}

static enum nack_why
merge_incoming(struct coord *coord, const struct incoming *incoming,
               uint8_t flags, struct stamp *stamp)
{
    const struct record *record = &incoming->record;
    struct stamp tenure = flags & COPY_SHORT ? STAMP_NEVER : incoming->tenure;

    if (record->kind == RECORD_NOTHING) return 0;
    if (record->kind == RECORD_FLOOR) {
        store_raise_floor(coord->store, incoming->slot, record->db,
                          record->stamp, coord_wall(coord));
        return 0;
    }
    if ((flags & COPY_REPAIR) &&
        replica_is_relic(coord->replica, incoming->from, &incoming->key,
                         record->stamp))
        return 0;
    switch (replica_merge(coord->replica, &incoming->key, record, tenure,
                          coord_wall(coord), stamp)) {
    case STORE_STORED:
    case STORE_COVERED: return 0;
    case STORE_BEATEN: return NACK_BEATEN;
    case STORE_LACKING: return NACK_LACKING;
    case STORE_FULL: return NACK_FULL;
    }
    return NACK_FULL;
}

static void
nack_beaten(struct coord *coord, struct link *link,
            const struct incoming *incoming, struct stamp stamp)
{
    const struct store_key *key = &incoming->key;
    struct record record;

    if (store_record(coord->store, key, coord_wall(coord), &record)) {
        nack(coord, link, NACK_BEATEN, stamp,
             replica_tenure_of(coord->replica, key->slot, record.stamp),
             &record);
    } else {
        nack(coord, link, NACK_BEATEN, stamp, STAMP_NEVER, NULL);
    }
}

/* The common case: one record. */
static void
take_one(struct coord *coord, struct link *link,
         const struct incoming *incoming, uint8_t flags)
{
    bool is_repair = (flags & COPY_REPAIR) != 0;
    struct stamp stamp = STAMP_NEVER;
    enum nack_why why;
    bool is_merged;

    store_lock(coord->store, incoming->slot);
    why = check_incoming(coord, incoming, flags, &stamp);
    is_merged = why == 0;
    if (is_merged) why = merge_incoming(coord, incoming, flags, &stamp);
    if (is_repair) coord->replica->slots[incoming->slot].brought++;
    /* what came is in what is here: see is_passed */
    if (why == NACK_BEATEN && (flags & COPY_ADOPT) && is_merged) why = 0;
    if (why == NACK_BEATEN) {
        nack_beaten(coord, link, incoming, stamp);
    } else if (why != 0) {
        nack(coord, link, why, stamp, STAMP_NEVER, NULL);
    }
    store_unlock(coord->store, incoming->slot);
}

/* Several, under all their locks. */
static void
take_many(struct coord *coord, struct link *link, struct incoming *all,
          uint32_t count, uint8_t flags)
{
    bool is_repair = (flags & COPY_REPAIR) != 0;
    struct stamp stamp = STAMP_NEVER;
    enum nack_why why = 0, one;
    bool is_refused;
    uint32_t i;

    for (i = 0; i < count; i++)
        cmd_slots_add(coord->env, all[i].slot);
    cmd_slots_lock(coord->env);
    for (i = 0; i < count && why == 0; i++)
        why = check_incoming(coord, &all[i], flags, &stamp);
    is_refused = why != 0;
    for (i = 0; i < count && !is_refused; i++) {
        one = merge_incoming(coord, &all[i], flags, &stamp);
        if (is_repair) coord->replica->slots[all[i].slot].brought++;
        if (one != 0) why = one;
    }
    cmd_slots_unlock(coord->env);
    if (why != 0) nack(coord, link, why, stamp, STAMP_NEVER, NULL);
}

static void
take_for_another(struct coord *coord, struct link *link,
                 struct wire_reader *reader, uint64_t count, uint32_t target,
                 bool is_short)
{
    bool is_kept = target < RING_NUMBERS && target != RING_NOBODY;
    struct incoming one;
    uint64_t i;

    for (i = 0; i < count; i++) {
        if (!read_incoming(coord, link, reader, &one)) {
            link_break(link, "a copy without sense");
            return;
        }
        if (is_kept) is_kept = standins_keep(coord, target, &one, is_short);
    }
    if (!is_kept) nack(coord, link, NACK_FULL, STAMP_NEVER, STAMP_NEVER, NULL);
}

void
copies_frame(struct coord *coord, struct link *link, const struct frame *frame)
{
    struct wire_reader reader = wire_reader(frame->payload);
    uint8_t flags = wire_u8(&reader);
    uint32_t target = flags & COPY_HINT ? wire_u16(&reader) : RING_NOBODY;
    uint64_t count = wire_varint(&reader), i;
    struct incoming one, *all;

    coord_link_of(link)->last_copy_taken = true;
    stat_add(&coord->stats.copies_taken);
    if (replica_map(coord->replica) == NULL) {
        nack(coord, link, NACK_LIST, STAMP_NEVER, STAMP_NEVER, NULL);
        return;
    }
    if (link_frame_age_ms(link, frame, coord_wall(coord)) > COPY_AGE_MAX_MS) {
        nack(coord, link, NACK_FULL, STAMP_NEVER, STAMP_NEVER, NULL);
        return;
    }
    /* a record has at least 12 bytes before it */
    if (count == 0 || count > frame->payload.size / 12 ||
        count > COPY_RECORDS_MAX) {
        link_break(link, "a copy without sense");
        return;
    }
    if (flags & COPY_HINT) {
        take_for_another(coord, link, &reader, count, target,
                         (flags & COPY_SHORT) != 0);
        return;
    }
    if (LIKELY(count == 1)) {
        if (!read_incoming(coord, link, &reader, &one)) {
            link_break(link, "a copy without sense");
            return;
        }
        take_one(coord, link, &one, flags);
        return;
    }
    all = mem_must_array(NULL, count, sizeof(*all));
    for (i = 0; i < count; i++) {
        if (!read_incoming(coord, link, &reader, &all[i])) break;
    }
    if (i == count) {
        take_many(coord, link, all, (uint32_t)count, flags);
    } else {
        link_break(link, "a copy without sense");
    }
    mem_free(all);
}

/* ---- acknowledgements ---- */

static void
count_ack(struct coord *coord, const struct sent_copy *sent, uint32_t number)
{
    struct op *op = sent->op;

    op->out--;
    if (op->step == STEP_VERSIONS && sent->run == op->run) {
        if (versions_repaired(coord, op)) return;
    } else if (op->step == STEP_COPIES && sent->run == op->run &&
               !has_acked(op, number) &&
               op->acked_count < ARRAY_LEN(op->acked_by)) {
        op->acked_by[op->acked_count++] = (uint16_t)number;
        if (copies_are_enough(coord, op)) {
            op_done(coord, op);
            return;
        }
    }
    if (op->step == STEP_COPIES && op->out == 0 && op->is_beaten) {
        shortfall(coord, op);
        return;
    }
    op_release(coord, op);
}

void
copies_acked(struct coord *coord, struct link *link)
{
    struct coord_link *to = coord_link_of(link);

    while (to->first < link->copies_acked) {
        struct sent_copy sent = *coord_sent_at(to, to->first);

        to->first++;
        if (sent.op == NULL) to->hints_out--;
        if (sent.is_refused) continue;
        if (sent.op == NULL) {
            standins_delivered(coord, to->number, &sent.hint);
        } else {
            count_ack(coord, &sent, to->number);
        }
    }
}

/* Who may lack it now: the member itself, or whom it was to stand in for. */
static void
mark_lost(struct coord *coord, const struct coord_link *to,
          const struct sent_copy *sent)
{
    copies_mark_dirty(coord, sent->op,
                      sent->target != RING_NOBODY ? sent->target : to->number);
}

/* One copy of it less; more may be had in a moment. */
static void
goes_without(struct coord *coord, struct op *op)
{
    op->out--;
    if (op->out == 0 && op->step == STEP_COPIES) {
        shortfall_retry_soon(coord, op);
    } else {
        op_release(coord, op);
    }
}

void
copies_lost(struct coord *coord, struct link *link)
{
    struct coord_link *to = coord_link_of(link);

    for (; to->first < link->copies_sent; to->first++) {
        struct sent_copy *sent = coord_sent_at(to, to->first);
        struct op *op = sent->op;

        if (sent->is_refused) continue;
        if (op == NULL) {
            hints_failed(atomic_load(&coord->replica->hints), to->number,
                         &sent->hint);
            continue;
        }
        mark_lost(coord, to, sent);
        op->has_lost = true;
        goes_without(coord, op);
    }
}

/* ---- refusals ---- */

/* The asking peer's own copy failed: EXECUTED was not enough for it. It is told
 * when enough others have theirs, which may be already. */
static void
note_failed(struct coord *coord, struct op *op, struct link *link)
{
    if (op->told != link) return;
    op->told = NULL;
    op->is_told = false;
    if (op->step == STEP_DONE) {
        request_reply(coord, link, op->asker.request_id, REPLY_DONE,
                      buf_bytes(&op->reply));
    }
}

static void
merge_beating(struct coord *coord, struct bytes rest)
{
    struct wire_reader reader = wire_reader(rest);
    struct stamp tenure = {wire_u64(&reader)};
    struct record record;
    struct store_key key;

    if (rest.size == 0 || !record_read(&reader, &record) ||
        !record_is_of_key(&record)) {
        return;
    }
    key = store_key(coord->store, record.db, record.key);
    store_lock(coord->store, key.slot);
    (void)replica_merge(coord->replica, &key, &record, tenure,
                        coord_wall(coord), NULL);
    store_unlock(coord->store, key.slot);
}

/* A newer tenure was promised there: the own ones end. */
static void
lose_tenures(struct coord *coord, struct op *op, struct stamp seen)
{
    uint32_t i;

    for (i = 0; i < op->touched_count; i++) {
        uint32_t slot = op->touched[i].slot;

        store_lock(coord->store, slot);
        replica_lose(coord->replica, slot, seen);
        store_unlock(coord->store, slot);
    }
    stat_add(&coord->replica->stale_writes);
    op->is_stale = true;
}

/* The copy does not count, and leaves a mark, unless all is sent once more. */
static void
refused(struct coord *coord, struct link *link, struct op *op,
        enum nack_why why, struct stamp stamp, struct bytes rest)
{
    uint32_t number = coord_link_of(link)->number;

    note_failed(coord, op, link);
    switch (why) {
    case NACK_LIST:
        coord->effects.exchange(coord->effects.self, number);
        if (op->step == STEP_COPIES) shortfall_retry_soon(coord, op);
        break;
    case NACK_STALE: lose_tenures(coord, op, stamp); break;
    case NACK_BEATEN:
        merge_beating(coord, rest);
        op->is_beaten = true;
        break;
    case NACK_LACKING:
        if (copies_send_now(coord, op, number, op->touched, op->touched_count,
                            COPY_PLAIN)) {
            return;
        }
        break;
    case NACK_LATER:
        if (op->step == STEP_COPIES) shortfall_retry_soon(coord, op);
        break;
    case NACK_FULL: break;
    }
    copies_mark_dirty(coord, op, number);
    /* a read that mended what it had overlooked: it is done again */
    if (op->step == STEP_VERSIONS && (why == NACK_STALE || why == NACK_BEATEN))
        op_wait(coord, op, coord_now(coord) + RETRY_MS);
}

void
copies_nack(struct coord *coord, struct link *link, const struct frame *frame)
{
    struct wire_reader reader = wire_reader(frame->payload);
    uint64_t number = wire_u64(&reader);
    uint8_t why = wire_u8(&reader);
    struct stamp stamp = {wire_u64(&reader)};
    struct coord_link *to = coord_link_of(link);
    struct sent_copy *sent;
    struct op *op;

    /* numbers count from 1 */
    if (reader.is_bad || number <= to->first || number > link->copies_sent ||
        why < NACK_LIST || why > NACK_LATER) {
        link_break(link, "a refusal without sense");
        return;
    }
    sent = coord_sent_at(to, number - 1);
    if (sent->is_refused) return;
    sent->is_refused = true;
    to->refusals++;
    op = sent->op;
    if (op == NULL) { /* it has something newer, or no use for it */
        if (why == NACK_FULL || why == NACK_LIST) {
            hints_failed(atomic_load(&coord->replica->hints), to->number,
                         &sent->hint);
        } else {
            standins_delivered(coord, to->number, &sent->hint);
        }
        return;
    }
    if (sent->target != RING_NOBODY) {
        mark_lost(coord, to, sent);
        goes_without(coord, op);
        return;
    }
    refused(coord, link, op, (enum nack_why)why, stamp, wire_rest(&reader));
    op->out--;
    if (op->out == 0 && op->step == STEP_COPIES && !op->wants_retry) {
        shortfall(coord, op);
    } else {
        op_release(coord, op);
    }
}
