/*
 * Evicted, or missed? A key that one owner has and another has not.
 *
 * The slot's primary evicts, and tells the others (EVICT). Who evicts, or is
 * told, raises its evicted-through to the version's stamp. What a settled owner
 * does not have and is not above its evicted-through counts as evicted, but
 * where the primary still has it: there it was missed.
 *
 * So nothing that was evicted in a later version comes back in an older one,
 * whoever missed what. The price: while tenures change, or where an owner that
 * is not the primary took a write that another missed (a read at that one,
 * which asks the first, drops it), a key may go that nobody evicted; policies
 * that may not do that leave tombstones instead.
 */
#include "bus/wire.h"
#include "replica/inside.h"
#include "replica/replica.h"

bool
replica_drop_evicted(struct replica *replica, uint32_t slot, uint64_t hash,
                     struct stamp newest, struct stamp evicted, int64_t wall_ms)
{
    const struct slot_state *state = &replica->slots[slot];

    ASSERT(slot < replica->slot_count);
    if (evicted.bits == 0 || newest.bits > evicted.bits) return false;
    if (state->tenure == TENURE_HELD) return false;
    return store_evict(replica->store, slot, hash, newest, wall_ms);
}

bool
replica_was_evicted(const struct replica *replica, const struct store_key *key,
                    const struct record *record)
{
    uint64_t evicted = store_evicted(replica->store, key->slot).bits;

    if (evicted == 0 || replica->slots[key->slot].tenure == TENURE_NONE ||
        !replica->slots[key->slot].is_settled ||
        record->kind == RECORD_TOMBSTONE || record->stamp.bits > evicted ||
        (record->has_expiry && record->expire_stamp.bits > evicted)) {
        return false;
    }
    return store_version(replica->store, key) == 0;
}

struct stamp
replica_evicted(const struct replica *replica, uint32_t slot)
{
    ASSERT(slot < replica->slot_count);
    if (!replica->slots[slot].is_settled) return STAMP_NEVER;
    return store_evicted(replica->store, slot);
}

void
replica_learn_evicted(struct replica *replica, uint32_t slot,
                      struct stamp evicted, int64_t wall_ms)
{
    ASSERT(slot < replica->slot_count);
    if (evicted.bits == 0) return;
    if (stamp_wall_ms(evicted) > wall_ms + FAR_AHEAD_MS) return;
    store_raise_evicted(replica->store, slot, evicted);
}

static bool
take_keys(struct replica *replica, uint32_t from, struct wire_reader *reader,
          int64_t wall_ms)
{
    uint64_t count = wire_varint(reader), i;

    for (i = 0; i < count && !reader->is_bad; i++) {
        uint32_t slot = wire_u16(reader);
        uint64_t hash = wire_u64(reader);
        struct stamp newest = {wire_u64(reader)};

        if (reader->is_bad || slot >= replica->slot_count) return false;
        if (stamp_wall_ms(newest) > wall_ms + FAR_AHEAD_MS) continue;
        store_lock(replica->store, slot);
        if (replica->slots[slot].promised_to == from) {
            (void)store_evict(replica->store, slot, hash, newest, wall_ms);
        }
        store_unlock(replica->store, slot);
    }
    return !reader->is_bad;
}

bool
replica_take_evict(struct replica *replica, uint32_t from, struct bytes payload,
                   int64_t wall_ms)
{
    struct wire_reader reader = wire_reader(payload);

    if (!take_keys(replica, from, &reader, wall_ms)) return false;
    if (reader.at < reader.end) {
        uint64_t bytes = wire_varint(&reader), slots = wire_varint(&reader);

        if (reader.is_bad || slots == 0 || slots > replica->slot_count)
            return false;
        atomic_store(&replica->evict_each[from], bytes / slots);
    }
    return wire_is_done(&reader);
}
