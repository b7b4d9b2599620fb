/*
 * The keys of a slot whose tenure is still open are fetched from those who
 * promised it, before they are written: what a promiser acknowledged under an
 * older tenure must not be overlooked.
 *
 * FETCH payload:   varint how many | each: varint slot, u64 key hash
 * RECORDS payload: varint how many | each: u8 1, u64 tenure that it was
 *                  written under (0: not known) and a record, or u8 0, or u8
 *                  2, varint slot, u64 key hash, u64 stamp up to which it may
 *                  have been evicted
 */
#include "coord/inside.h"

#include "bus/wire.h"

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

/* Who promised the tenures of these keys' slots; the stamp of the tenures (all
 * are asked for together; where they differ the keys are tried again). False:
 * one is not open any more. */
static bool
promisers(struct coord *coord, struct op *op, const struct touched *keys,
          uint32_t key_count, uint16_t *numbers, uint32_t *count)
{
    uint32_t i, k, n;

    *count = 0;
    op->fetched = STAMP_NEVER;
    for (i = 0; i < key_count; i++) {
        struct slot_state state;

        store_lock(coord->store, keys[i].slot);
        state = coord->replica->slots[keys[i].slot];
        store_unlock(coord->store, keys[i].slot);
        if (state.tenure != TENURE_OPEN) continue;
        if (op->fetched.bits != 0 && op->fetched.bits != state.promised.bits)
            return false;
        op->fetched = state.promised;
        for (k = 0; k < state.promiser_count; k++) {
            for (n = 0; n < *count && numbers[n] != state.promisers[k]; n++)
                ;
            if (n == *count && *count < RING_OWNERS_MAX)
                numbers[(*count)++] = state.promisers[k];
        }
    }
    return true;
}

void
fetch_ask(struct coord *coord, struct cmd_call *call, struct op *op)
{
    uint16_t numbers[RING_OWNERS_MAX];
    uint32_t count, key_count, i;
    const struct store_key *keys = route_keys(call, &key_count);
    struct touched *wanted = mem_must_array(NULL, key_count, sizeof(*wanted));

    stat_add(&coord->stats.fetches);
    for (i = 0; i < key_count; i++)
        wanted[i] =
            (struct touched){.slot = keys[i].slot, .hash = keys[i].hash};
    op->asked_count = 0;
    if (promisers(coord, op, wanted, key_count, numbers, &count)) {
        for (i = 0; i < count; i++) {
            struct link *link =
                coord->effects.link(coord->effects.self, numbers[i]);

            if (link == NULL) break;
            op->asked[op->asked_count++] = link;
            send_fetch(coord, op, link, wanted, key_count);
        }
        if (i == count && count > 0) {
            op_set_step(coord, op, STEP_FETCHING);
            mem_free(wanted);
            return;
        }
    }
    mem_free(wanted);
    op->asked_count = 0;
    op->fetched = STAMP_NEVER;
    atomic_fetch_add_explicit(&coord->replica->wanted, 1, memory_order_relaxed);
    op_wait(coord, op, coord_now(coord) + RETRY_MS);
}

/* ---- answering ---- */

static void
put_absent(struct coord *coord, struct buf *out, uint32_t slot, uint64_t hash)
{
    struct stamp evicted = replica_evicted(coord->replica, slot);

    wire_put_u8(out, evicted.bits == 0 ? 0 : 2);
    if (evicted.bits == 0) return;
    wire_put_varint(out, slot);
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
        store_lock(coord->store, (uint32_t)slot);
        if (store_record_of(coord->store, (uint32_t)slot, hash,
                            coord_wall(coord), &record)) {
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
take_absent(struct coord *coord, struct wire_reader *reader)
{
    uint64_t slot = wire_varint(reader), hash = wire_u64(reader);
    struct stamp evicted = {wire_u64(reader)};

    if (reader->is_bad || slot >= coord->replica->slot_count) return false;
    store_lock(coord->store, (uint32_t)slot);
    if (coord->replica->slots[slot].tenure == TENURE_OPEN) {
        store_raise_evicted(coord->store, (uint32_t)slot, evicted);
        (void)replica_drop_evicted(coord->replica, (uint32_t)slot, hash,
                                   evicted, evicted, coord_wall(coord));
    }
    store_unlock(coord->store, (uint32_t)slot);
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
        uint8_t what = wire_u8(&reader);

        if (what == 0) continue;
        if (what == 2) {
            if (!take_absent(coord, &reader)) return false;
            continue;
        }
        tenure.bits = wire_u64(&reader);
        if (!record_read(&reader, &record) || record.kind == RECORD_FLOOR)
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

    if (op == NULL || op->step != STEP_FETCHING) return;
    if (!merge_all(coord, frame->payload)) {
        link_break(link, "an answer without sense");
        return;
    }
    for (i = 0; i < op->asked_count; i++) {
        if (op->asked[i] != link) continue;
        op->asked[i] = op->asked[--op->asked_count];
        break;
    }
    if (op->asked_count == 0) op_again(coord, op);
}
