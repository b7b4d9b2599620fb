/*
 * Reads of a quorum: the value is read here, R - 1 other owners say whether
 * they know a newer version.
 *
 * VERSIONS payload:
 *     varint how many | each: varint slot | u64 key hash | u64 version |
 *     u64 newest stamp (version 0: up to which it may have been evicted)
 * VERSIONS_ANSWER payload:
 *     varint how many | each: u8 what, and for NEWER u64 tenure that it was
 *     written under (0: not known) and a record
 *
 *     SAME       the versions are equal
 *     OLDER      the answerer is behind: it gets the record, and the read is
 *                answered when it has taken it (so a later read cannot find
 *                less than this one did)
 *     NEWER      merged here, and the command runs again
 *     UNSETTLED  says nothing: another owner is asked
 *     EVICTED    not there, and as old as what was evicted: dropped here, too,
 *                and read again; by the primary as OLDER
 *     FLOORED    not there, and as old as a floor (FLUSHALL): the slot's floors
 *                follow (as RANGE, src/replica/README), are taken here, too,
 *                and it is read again if they have changed it; else as OLDER
 */
#include "coord/inside.h"

#include "bus/wire.h"
#include "replica/range.h"

enum version_answer {
    VERSION_SAME = 0,
    VERSION_OLDER = 1,
    VERSION_NEWER = 2,
    VERSION_UNSETTLED = 3,
    VERSION_EVICTED = 4,
    VERSION_FLOORED = 5,
};

enum { VERSION_BYTES_LEAST = 25 };

/* ---- asking ---- */

/* One that returns has much else to do, and is perhaps not settled. */
static uint32_t
late_ms(const struct coord *coord, uint32_t number, const struct link *link)
{
    if (replica_health(coord->replica, number) & PEER_RETURNING)
        return UINT32_MAX / 4;
    return hedge_late_ms(coord, &coord_link_of(link)->versions);
}

/* An owner of all keys that was not asked yet: the first one, unless another is
 * much quicker. */
static struct link *
next_owner(const struct coord *coord, struct op *op)
{
    const struct ring_list *list =
        ring_map_list(replica_map(coord->replica), op->touched[0].slot);
    struct link *best = NULL;
    uint32_t best_ms = UINT32_MAX, at = 0, i;

    for (i = 0; i < list->count; i++) {
        struct link *link;
        uint32_t ms;

        if (list->owners[i] == coord->replica->self || (op->tried >> i & 1) ||
            !(replica_health(coord->replica, list->owners[i]) &
              PEER_REACHABLE) ||
            (op->touched_count > 1 &&
             !route_owns_all(coord, op, list->owners[i]))) {
            continue;
        }
        link = coord->effects.link(coord->effects.self, list->owners[i]);
        if (link == NULL) continue;
        ms = late_ms(coord, list->owners[i], link);
        if (best != NULL && 2 * ms >= best_ms) continue;
        best = link;
        best_ms = ms;
        at = i;
        if (ms <= HEDGE_LEAST_MS) break; /* none is quicker */
    }
    if (best != NULL) op->tried |= 1u << at;
    return best;
}

static void
send_versions(struct coord *coord, const struct op *op, struct link *link)
{
    struct frame frame = {.type = FRAME_VERSIONS, .request_id = op->id};
    size_t place = link_begin(link, &frame, coord_wall(coord));
    uint32_t i;

    wire_put_varint(&link->out, op->touched_count);
    for (i = 0; i < op->touched_count; i++) {
        const struct touched *touched = &op->touched[i];
        struct stamp newest = touched->newest;

        if (touched->version == 0) {
            store_lock(coord->store, touched->slot);
            newest = replica_evicted(coord->replica, touched->slot);
            store_unlock(coord->store, touched->slot);
        }
        wire_put_varint(&link->out, touched->slot);
        wire_put_u64(&link->out, touched->hash);
        wire_put_u64(&link->out, touched->version);
        wire_put_u64(&link->out, newest.bits);
    }
    link_end(link, place, true, coord_now(coord));
    coord->effects.wake(coord->effects.self, link);
}

static void
ask(struct coord *coord, struct op *op, struct link *link)
{
    op->asked[op->asked_count++] = link;
    send_versions(coord, op, link);
    hedge_asked(coord, op, &coord_link_of(link)->versions);
}

void
versions_ask(struct coord *coord, struct op *op)
{
    while (op->acks + op->asked_count < op->acks_needed) {
        struct link *link = next_owner(coord, op);

        if (link == NULL) {
            /* nobody left: from the start, until the deadline */
            op_wait(coord, op, coord_now(coord) + RETRY_MS);
            return;
        }
        ask(coord, op, link);
    }
}

bool
versions_hedge(struct coord *coord, struct op *op)
{
    struct link *link = next_owner(coord, op);

    if (link == NULL) return false;
    op->hedged = (uint16_t)coord_link_of(link)->number;
    ask(coord, op, link);
    return true;
}

/* ---- answering ---- */

/* Small ones, and those of which each side may have what the other lacks, are
 * sent whenever they differ. */
static bool
is_worth_sending(const struct coord *coord, const struct store_key *key,
                 const struct record *record, struct stamp newest,
                 struct stamp asked)
{
    return store_keeps_siblings(coord->store, key) ||
           newest.bits > asked.bits || record->kind == RECORD_TOMBSTONE ||
           record->type == OBJECT_COUNTER || record->value.size <= 64;
}

static bool
is_floored(const struct coord *coord, uint32_t slot, struct stamp newest)
{
    uint32_t db;

    for (db = 0; db < STORE_DBS; db++) {
        if (store_floor(coord->store, slot, db).bits >= newest.bits)
            return true;
    }
    return false;
}

/* True: the slot's floors are to follow. */
static bool
answer_one(struct coord *coord, struct buf *out, uint32_t slot, uint64_t hash,
           uint64_t version, struct stamp newest)
{
    const struct ring_map *map = replica_map(coord->replica);
    struct record record;
    bool is_there;

    if (map == NULL || !replica_is_settled(coord->replica, slot) ||
        !ring_list_owns(ring_map_list(map, slot), coord->replica->self)) {
        wire_put_u8(out, VERSION_UNSETTLED);
        return false;
    }
    is_there =
        store_record_of(coord->store, slot, hash, coord_wall(coord), &record);
    if (!is_there) {
        uint64_t evicted = replica_evicted(coord->replica, slot).bits;

        bool has_floor = version != 0 && newest.bits > evicted &&
                         is_floored(coord, slot, newest);

        wire_put_u8(out, version == 0             ? VERSION_SAME
                         : newest.bits <= evicted ? VERSION_EVICTED
                         : has_floor              ? VERSION_FLOORED
                                                  : VERSION_OLDER);
        return has_floor;
    }
    if (version == 0 && record.kind != RECORD_TOMBSTONE &&
        replica_drop_evicted(coord->replica, slot, hash, newest, newest,
                             coord_wall(coord))) {
        wire_put_u8(out, VERSION_SAME);
        return false;
    }
    {
        struct store_key key = store_key(coord->store, record.db, record.key);

        store_touch(coord->store, &key);
        if (store_version(coord->store, &key) == version) {
            wire_put_u8(out, VERSION_SAME);
        } else if (is_worth_sending(coord, &key, &record,
                                    store_newest(coord->store, &key), newest)) {
            replica_note_shown(coord->replica, slot);
            wire_put_u8(out, VERSION_NEWER);
            wire_put_u64(
                out,
                replica_tenure_of(coord->replica, slot, record.stamp).bits);
            record_write(out, &record);
        } else {
            wire_put_u8(out, VERSION_OLDER);
        }
    }
    return false;
}

void
versions_frame(struct coord *coord, struct link *link,
               const struct frame *frame)
{
    struct wire_reader reader = wire_reader(frame->payload);
    uint64_t count = wire_varint(&reader), i;
    struct frame answer = {.type = FRAME_VERSIONS_ANSWER,
                           .request_id = frame->request_id};
    size_t place;

    if (count == 0 || count > frame->payload.size / VERSION_BYTES_LEAST + 1) {
        link_break(link, "a question without sense");
        return;
    }
    place = link_begin(link, &answer, coord_wall(coord));
    wire_put_varint(&link->out, count);
    for (i = 0; i < count; i++) {
        uint64_t slot = wire_varint(&reader), hash = wire_u64(&reader);
        uint64_t version = wire_u64(&reader);
        struct stamp newest = {wire_u64(&reader)};
        bool has_floor;

        if (reader.is_bad || slot >= coord->replica->slot_count) break;
        store_lock(coord->store, (uint32_t)slot);
        has_floor = answer_one(coord, &link->out, (uint32_t)slot, hash, version,
                               newest);
        store_unlock(coord->store, (uint32_t)slot);
        if (has_floor)
            range_put_floors(coord->replica, (uint32_t)slot, &link->out);
    }
    link_end(link, place, false, coord_now(coord));
    if (i < count) link_break(link, "a question without sense");
    coord->effects.wake(coord->effects.self, link);
}

/* ---- the answer ---- */

/* This node has been the primary since the read. */
static bool
is_primary_since(const struct slot_state *state, const struct touched *touched)
{
    return touched->tenure.bits != 0 && state->tenure == TENURE_HELD &&
           state->promised.bits == touched->tenure.bits;
}

/* And `stamp` is a write of its own, and nobody else's has come in: it had seen
 * all that the read had, and the read all that others had written. (It may not
 * know yet that it is the primary no more; and a counter's stamp is its newest
 * share's.) */
static bool
was_primary(const struct coord *coord, const struct slot_state *state,
            const struct touched *touched, struct stamp stamp)
{
    return is_primary_since(state, touched) &&
           state->merged == touched->merged &&
           stamp_node(stamp) == coord->replica->self;
}

/*
 * A newer record, merged. What it says of the read:
 *   NEWER   it brought something; or something else was written since, which
 *           the read should perhaps have seen: it is done again
 *   OLDER   what was read has won all the same, or is of this node's tenure
 *           and the record is not: the other is to have it
 *   SAME    it is a later write of this node, which was the primary all the
 *           time: the read was before it, and had seen everything
 */
static bool
merge_newer(struct coord *coord, struct wire_reader *reader,
            const struct touched *touched, uint8_t *what)
{
    struct stamp tenure = {wire_u64(reader)};
    struct record record;
    struct store_key key;
    uint64_t before, after;
    bool is_own, is_before;

    if (!record_read(reader, &record) || !record_is_of_key(&record))
        return false;
    key = store_key(coord->store, record.db, record.key);
    store_lock(coord->store, key.slot);
    before = store_version(coord->store, &key);
    coord->replica->slots[key.slot].brought++;
    (void)replica_merge(coord->replica, &key, &record, tenure,
                        coord_wall(coord), NULL);
    after = store_version(coord->store, &key);
    is_own = was_primary(coord, &coord->replica->slots[key.slot], touched,
                         record.stamp);
    is_before = is_primary_since(&coord->replica->slots[key.slot], touched) &&
                record.stamp.bits < touched->tenure.bits;
    store_unlock(coord->store, key.slot);
    if (after == before && (after == touched->version || is_before)) {
        *what = VERSION_OLDER;
    } else if (after == before && is_own) {
        *what = VERSION_SAME;
    }
    return true;
}

/*
 * The other is behind what was read. It gets what is here now, so that has to
 * be what was read, or to include it: a version that was written out of tenure
 * may have been dropped for another's since, and the other is then not behind.
 */
static bool
is_as_read(struct coord *coord, const struct touched *touched)
{
    struct slot_state *state = &coord->replica->slots[touched->slot];
    struct record record;
    bool is_same = touched->version == 0, is_own = false;

    store_lock(coord->store, touched->slot);
    if (store_record_of(coord->store, touched->slot, touched->hash,
                        coord_wall(coord), &record)) {
        struct store_key key = store_key(coord->store, record.db, record.key);

        is_same = store_version(coord->store, &key) == touched->version;
        is_own = was_primary(coord, state, touched, record.stamp);
    }
    store_unlock(coord->store, touched->slot);
    return is_same || is_own;
}

/* The other may have evicted what was read: NEWER if it is gone here, too. */
static uint8_t
take_evicted(struct coord *coord, const struct touched *touched)
{
    bool is_gone;

    store_lock(coord->store, touched->slot);
    is_gone = replica_drop_evicted(coord->replica, touched->slot, touched->hash,
                                   touched->newest, touched->newest,
                                   coord_wall(coord));
    store_unlock(coord->store, touched->slot);
    return is_gone ? VERSION_NEWER : VERSION_OLDER;
}

/* What was read may be below a floor that has not come here yet. False:
 * malformed. */
static bool
take_floored(struct coord *coord, const struct touched *touched,
             struct wire_reader *reader, uint8_t *what)
{
    struct record record;
    bool is_there;

    if (!range_take_floors(coord->replica, touched->slot, reader,
                           coord_wall(coord))) {
        return false;
    }
    store_lock(coord->store, touched->slot);
    is_there = store_record_of(coord->store, touched->slot, touched->hash,
                               coord_wall(coord), &record);
    store_unlock(coord->store, touched->slot);
    *what = is_there ? VERSION_OLDER : VERSION_NEWER;
    return true;
}

struct answers {
    bool has_newer, has_unsettled;
    uint32_t older;
};

static bool
read_answers(struct coord *coord, struct op *op, struct bytes payload,
             struct answers *answers)
{
    struct wire_reader reader = wire_reader(payload);
    uint64_t count = wire_varint(&reader);
    uint32_t i;

    if (count != op->touched_count) return false;
    for (i = 0; i < op->touched_count; i++) {
        uint8_t what = wire_u8(&reader);

        if (reader.is_bad) return false;
        if (what == VERSION_NEWER &&
            !merge_newer(coord, &reader, &op->touched[i], &what)) {
            return false;
        }
        if (what == VERSION_EVICTED)
            what = take_evicted(coord, &op->touched[i]);
        if (what == VERSION_FLOORED &&
            !take_floored(coord, &op->touched[i], &reader, &what)) {
            return false;
        }
        if (what == VERSION_OLDER && !is_as_read(coord, &op->touched[i]))
            what = VERSION_NEWER;
        if (what > VERSION_UNSETTLED) return false;
        if (what == VERSION_NEWER) answers->has_newer = true;
        if (what == VERSION_UNSETTLED) answers->has_unsettled = true;
        /* a dirty mark if it gets lost */
        op->touched[i].is_changed = what == VERSION_OLDER;
        if (what == VERSION_OLDER) answers->older++;
    }
    return wire_is_done(&reader);
}

/* All that the other is behind in, as one copy: it counts once, when it has
 * taken everything. */
static bool
repair(struct coord *coord, struct op *op, uint32_t number)
{
    if (!copies_send_now(coord, op, number, op->touched, op->touched_count,
                         COPY_REPAIR)) {
        return false;
    }
    stat_add(&coord->replica->read_repairs);
    return true;
}

void
versions_answer(struct coord *coord, struct link *link,
                const struct frame *frame)
{
    struct op *op = op_find(coord, frame->request_id);
    struct answers answers = {0};

    if (op == NULL || op->step != STEP_VERSIONS || !hedge_forget(op, link))
        return;
    hedge_answered(coord, op, link, &coord_link_of(link)->versions);
    if (!read_answers(coord, op, frame->payload, &answers)) {
        link_break(link, "an answer without sense");
        return;
    }
    if (answers.has_newer) {
        op_wait(coord, op, coord_now(coord)); /* the command runs again */
        op_again(coord, op);
        return;
    }
    if (!answers.has_unsettled && answers.older > 0 &&
        repair(coord, op, coord_link_of(link)->number)) {
        return;
    }
    if (!answers.has_unsettled) op->acks++; /* else another one is asked */
    if (op->acks >= op->acks_needed) {
        op_done(coord, op);
    } else {
        versions_ask(coord, op);
    }
}

/* A repaired owner has taken its record: it counts now. */
bool
versions_repaired(struct coord *coord, struct op *op)
{
    op->acks++;
    if (op->acks >= op->acks_needed) {
        op_done(coord, op);
        return true;
    }
    return false;
}
