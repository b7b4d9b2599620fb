/*
 * The keys of a slot whose tenure is still open are fetched from those who
 * promised it, before they are written: what a promiser acknowledged under an
 * older tenure must not be overlooked.
 *
 * FETCH payload:   varint how many | each: varint slot, u64 key hash
 * RECORDS payload: varint how many | each: varint slot, its floors (as RANGE,
 *                  src/replica/README), then u8 1, u64 tenure that it was
 *                  written under (0: not known) and a record, or u8 0, or u8
 *                  2, u64 key hash, u64 stamp up to which it may have been
 *                  evicted
 */
#include "coord/inside.h"

#include "bus/wire.h"
#include "replica/range.h"

enum { FETCH_BYTES_LEAST = 9 };

/* ---- asking ---- */

static void
send_fetch(struct coord *coord, struct op *op, struct link *link,
           const struct touched *keys, uint32_t count)
{
    struct frame frame = {.type = FRAME_FETCH, .request_id = op->id};
    size_t place = link_begin(link, &frame, coord_wall(coord));
    uint32_t i;

    wire_put_varint(&link->out, count);
    for (i = 0; i < count; i++) {
        wire_put_varint(&link->out, keys[i].slot);
        wire_put_u64(&link->out, keys[i].hash);
    }
    link_end(link, place, true, coord_now(coord));
    coord->effects.wake(coord->effects.self, link);
}

/* Who promised the open tenures of these keys' slots, which are noted. False:
 * more than can be asked at once; the keeper compares with them, too. */
static bool
promisers(struct coord *coord, struct touched *keys, uint32_t key_count,
          uint16_t *numbers, uint32_t *count)
{
    uint32_t i, k, n;

    *count = 0;
    for (i = 0; i < key_count; i++) {
        struct slot_state state;

        store_lock(coord->store, keys[i].slot);
        state = coord->replica->slots[keys[i].slot];
        store_unlock(coord->store, keys[i].slot);
        keys[i].fetched = STAMP_NEVER;
        if (state.tenure != TENURE_OPEN) continue;
        keys[i].fetched = state.promised;
        for (k = 0; k < state.promiser_count; k++) {
            for (n = 0; n < *count && numbers[n] != state.promisers[k]; n++)
                ;
            if (n < *count) continue;
            if (*count == RING_OWNERS_MAX) return false;
            numbers[(*count)++] = state.promisers[k];
        }
    }
    return true;
}

/* False: one of them can't be asked. */
static bool
ask_all(struct coord *coord, struct op *op)
{
    uint16_t numbers[RING_OWNERS_MAX];
    uint32_t count, i;

    op->asked_count = 0;
    if (!promisers(coord, op->touched, op->touched_count, numbers, &count))
        return false;
    for (i = 0; i < count; i++) {
        struct link *link =
            coord->effects.link(coord->effects.self, numbers[i]);

        if (link == NULL) return false;
        op->asked[op->asked_count++] = link;
        send_fetch(coord, op, link, op->touched, op->touched_count);
    }
    return count > 0; /* else none is open any more */
}

void
fetch_ask(struct coord *coord, struct op *op)
{
    stat_add(&coord->stats.fetches);
    op->is_fetched = ask_all(coord, op);
    if (op->is_fetched) {
        op_set_step(coord, op, STEP_FETCHING);
        return;
    }
    atomic_fetch_add_explicit(&coord->replica->wanted, 1, memory_order_relaxed);
    op_wait(coord, op, coord_now(coord) + RETRY_MS);
}

bool
fetch_ask_again(struct coord *coord, struct op *op)
{
    stat_add(&coord->stats.fetches);
    op->id += (uint64_t)1 << 32; /* answers to an earlier ask find nobody */
    op->is_fetched = ask_all(coord, op);
    if (!op->is_fetched) op->asked_count = 0;
    return op->is_fetched;
}

bool
fetch_is_done(const struct op *op, const struct touched *touched,
              struct stamp tenure)
{
    return op->is_fetched && op->asked_count == 0 &&
           touched->fetched.bits == tenure.bits;
}

/* ---- answering ---- */

static void
put_absent(struct coord *coord, struct buf *out, uint32_t slot, uint64_t hash)
{
    struct stamp evicted = replica_evicted(coord->replica, slot);

    wire_put_u8(out, evicted.bits == 0 ? 0 : 2);
    if (evicted.bits == 0) return;
    wire_put_u64(out, hash);
    wire_put_u64(out, evicted.bits);
}

void
fetch_frame(struct coord *coord, struct link *link, const struct frame *frame)
{
    struct wire_reader reader = wire_reader(frame->payload);
    uint64_t count = wire_varint(&reader), i;
    struct frame answer = {.type = FRAME_RECORDS,
                           .request_id = frame->request_id};
    struct record record;
    size_t place;

    if (count == 0 || count > frame->payload.size / FETCH_BYTES_LEAST + 1) {
        link_break(link, "a question without sense");
        return;
    }
    place = link_begin(link, &answer, coord_wall(coord));
    wire_put_varint(&link->out, count);
    for (i = 0; i < count; i++) {
        uint64_t slot = wire_varint(&reader), hash = wire_u64(&reader);

        if (reader.is_bad || slot >= coord->replica->slot_count) break;
        wire_put_varint(&link->out, slot);
        range_put_floors(coord->replica, (uint32_t)slot, &link->out);
        store_lock(coord->store, (uint32_t)slot);
        if (store_record_of(coord->store, (uint32_t)slot, hash,
                            coord_wall(coord), &record)) {
            replica_note_shown(coord->replica, (uint32_t)slot);
            wire_put_u8(&link->out, 1);
            wire_put_u64(
                &link->out,
                replica_tenure_of(coord->replica, (uint32_t)slot, record.stamp)
                    .bits);
            record_write(&link->out, &record);
        } else {
            put_absent(coord, &link->out, (uint32_t)slot, hash);
        }
        store_unlock(coord->store, (uint32_t)slot);
    }
    link_end(link, place, false, coord_now(coord));
    if (i < count) link_break(link, "a question without sense");
    coord->effects.wake(coord->effects.self, link);
}

/* ---- the answer ---- */

/* What was evicted there is not to come back from elsewhere. */
static bool
take_absent(struct coord *coord, uint32_t slot, struct wire_reader *reader)
{
    uint64_t hash = wire_u64(reader);
    struct stamp evicted = {wire_u64(reader)};

    if (reader->is_bad) return false;
    store_lock(coord->store, slot);
    if (coord->replica->slots[slot].tenure == TENURE_OPEN) {
        store_raise_evicted(coord->store, slot, evicted);
        (void)replica_drop_evicted(coord->replica, slot, hash, evicted, evicted,
                                   coord_wall(coord));
    }
    store_unlock(coord->store, slot);
    return true;
}

static bool
merge_all(struct coord *coord, struct bytes payload)
{
    struct wire_reader reader = wire_reader(payload);
    uint64_t count = wire_varint(&reader), i;

    for (i = 0; i < count && !reader.is_bad; i++) {
        struct record record;
        struct store_key key;
        struct stamp tenure;
        uint64_t slot = wire_varint(&reader);
        uint8_t what;

        if (reader.is_bad || slot >= coord->replica->slot_count ||
            !range_take_floors(coord->replica, (uint32_t)slot, &reader,
                               coord_wall(coord))) {
            return false;
        }
        what = wire_u8(&reader);
        if (what == 0) continue;
        if (what == 2) {
            if (!take_absent(coord, (uint32_t)slot, &reader)) return false;
            continue;
        }
        tenure.bits = wire_u64(&reader);
        if (!record_read(&reader, &record) || !record_is_of_key(&record))
            return false;
        key = store_key(coord->store, record.db, record.key);
        store_lock(coord->store, key.slot);
        (void)replica_merge(coord->replica, &key, &record, tenure,
                            coord_wall(coord), NULL);
        store_unlock(coord->store, key.slot);
    }
    return wire_is_done(&reader);
}

void
fetch_records(struct coord *coord, struct link *link, const struct frame *frame)
{
    struct op *op = op_find(coord, frame->request_id);
    uint32_t i;

    if (op == NULL || op->asked_count == 0) return;
    if (op->step != STEP_FETCHING && op->step != STEP_COPIES) return;
    if (!merge_all(coord, frame->payload)) {
        link_break(link, "an answer without sense");
        return;
    }
    for (i = 0; i < op->asked_count; i++) {
        if (op->asked[i] != link) continue;
        op->asked[i] = op->asked[--op->asked_count];
        break;
    }
    if (op->asked_count > 0) return;
    if (op->step == STEP_COPIES) {
        shortfall_retry(coord, op);
    } else {
        op_again(coord, op);
    }
}
