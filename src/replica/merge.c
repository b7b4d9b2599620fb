/*
 * Versions in tenure and out of it.
 *
 *   full tenures of a slot    t1 of A          t2 of B
 *   time            ----------+----------------+------------------->
 *   written by A                 in    in          out
 *   written by B                                      in   in
 *
 * Nobody can know all tenures; those known are enough: what was acknowledged
 * under t2 is at an owner that has seen t2 at work.
 */
#include "replica/replica.h"

void
replica_saw_tenure(struct replica *replica, uint32_t slot, struct stamp tenure)
{
    struct stamp *full = replica->slots[slot].full;
    uint32_t at = 0, i;

    if (LIKELY(full[0].bits == tenure.bits)) return;
    while (at < TENURES_KEPT && full[at].bits > tenure.bits)
        at++;
    if (at == TENURES_KEPT || full[at].bits == tenure.bits) return;
    for (i = TENURES_KEPT - 1; i > at; i--)
        full[i] = full[i - 1];
    full[at] = tenure;
}

static bool
is_in_tenure(const struct slot_state *state, struct stamp stamp)
{
    uint32_t i;

    for (i = 0; i < TENURES_KEPT; i++) {
        if (state->full[i].bits == 0)
            return true; /* before all that is known */
        if (state->full[i].bits <= stamp.bits)
            return stamp_node(state->full[i]) == stamp_node(stamp);
    }
    return true;
}

static bool
is_plain(const struct record *record)
{
    return record->kind == RECORD_TOMBSTONE ||
           (record->kind == RECORD_VALUE && record->type == OBJECT_STRING);
}

enum store_outcome
replica_merge(struct replica *replica, const struct store_key *key,
              const struct record *record, int64_t wall_ms, struct stamp *by)
{
    struct store *store = replica->store;
    const struct slot_state *state = &replica->slots[key->slot];
    struct record local;
    bool is_local_in, is_record_in;

    if (LIKELY(is_in_tenure(state, record->stamp)) &&
        LIKELY(is_in_tenure(state, store_newest(store, key)))) {
        return store_merge(store, key, record, wall_ms, by);
    }
    if (!is_plain(record) || !store_record(store, key, wall_ms, &local) ||
        !is_plain(&local) || local.stamp.bits == record->stamp.bits) {
        return store_merge(store, key, record, wall_ms, by);
    }
    is_local_in = is_in_tenure(state, local.stamp);
    is_record_in = is_in_tenure(state, record->stamp);
    if (is_local_in == is_record_in)
        return store_merge(store, key, record, wall_ms, by);
    atomic_fetch_add_explicit(&replica->out_of_tenure, 1, memory_order_relaxed);
    if (is_local_in) return STORE_COVERED;
    (void)store_evict(store, key->slot, key->hash, store_newest(store, key),
                      wall_ms);
    return store_merge(store, key, record, wall_ms, by);
}
