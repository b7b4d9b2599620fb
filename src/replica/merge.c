/*
 * Versions in tenure and out of it.
 *
 *   full tenures of a slot    t1 of A          t2 of B
 *   time            ----------+----------------+------------------->
 *   written by A                 in    in          out
 *   written by B                                      in   in
 *
 * Nobody knows all tenures, so a version is said to be out only on evidence: it
 * comes with the tenure it was written under (of those that its sender knows
 * the last one before it that its minter held), and here a later one of
 * somebody else is known that began before it. Both sides of a comparison judge
 * by the same rule, and tell each other what they know as they do.
 */
#include "replica/replica.h"

/* Into an array of `room`, the newest first. The oldest falls out, and is the
 * newest of the dropped then. */
static void
insert(struct stamp *tenures, uint32_t room, struct stamp *dropped,
       struct stamp tenure)
{
    struct stamp out = tenures[room - 1];
    uint32_t at = 0, i;

    while (at < room && tenures[at].bits > tenure.bits)
        at++;
    if (at < room && tenures[at].bits == tenure.bits) return;
    if (at == room) out = tenure;
    for (i = room - 1; i > at; i--)
        tenures[i] = tenures[i - 1];
    if (at < room) tenures[at] = tenure;
    dropped->bits = max_u64(dropped->bits, out.bits);
}

void
replica_saw_tenure(struct replica *replica, uint32_t slot, struct stamp tenure)
{
    struct slot_state *state = &replica->slots[slot];

    if (LIKELY(state->full[0].bits == tenure.bits)) return;
    insert(state->full, TENURES_KEPT, &state->full_dropped, tenure);
}

void
replica_saw_short(struct replica *replica, uint32_t slot, struct stamp tenure)
{
    struct slot_state *state = &replica->slots[slot];

    if (state->few[0].bits == tenure.bits) return;
    insert(state->few, SHORTS_KEPT, &state->few_dropped, tenure);
}

/* The latest of its minter's that began before it; STAMP_NEVER. */
static struct stamp
latest_of(const struct stamp *tenures, uint32_t count, struct stamp stamp)
{
    uint32_t i;

    for (i = 0; i < count && tenures[i].bits != 0; i++) {
        if (tenures[i].bits <= stamp.bits &&
            stamp_node(tenures[i]) == stamp_node(stamp)) {
            return tenures[i];
        }
    }
    return STAMP_NEVER;
}

struct stamp
replica_short_of(const struct replica *replica, uint32_t slot,
                 struct stamp stamp)
{
    const struct slot_state *state = &replica->slots[slot];
    struct stamp full = latest_of(state->full, TENURES_KEPT, stamp);
    struct stamp few = latest_of(state->few, SHORTS_KEPT, stamp);

    return few.bits > full.bits ? few : STAMP_NEVER;
}

/* A version written under a tenure that fewer have promised than should, or
 * perhaps under one of those that had no room, is neither in tenure nor out of
 * it. */
struct stamp
replica_tenure_of(const struct replica *replica, uint32_t slot,
                  struct stamp stamp)
{
    const struct slot_state *state = &replica->slots[slot];
    struct stamp full = latest_of(state->full, TENURES_KEPT, stamp);
    struct stamp few = latest_of(state->few, SHORTS_KEPT, stamp);

    if (max_u64(few.bits, state->few_dropped.bits) > full.bits)
        return STAMP_NEVER;
    /* whoever has a version was told its tenure: that one was dropped */
    return full.bits != 0 ? full : state->full_dropped;
}

static bool
has_other_since(const struct stamp *tenures, uint32_t count, uint32_t self,
                struct stamp tenure)
{
    uint32_t i;

    for (i = 0; i < count && tenures[i].bits > tenure.bits; i++) {
        if (stamp_node(tenures[i]) != self) return true;
    }
    return false;
}

bool
replica_is_sole_since(const struct replica *replica, uint32_t slot,
                      struct stamp tenure)
{
    const struct slot_state *state = &replica->slots[slot];
    uint32_t self = replica->self;

    return state->promised_to == self &&
           state->full_dropped.bits <= tenure.bits &&
           state->few_dropped.bits <= tenure.bits &&
           !has_other_since(state->full, TENURES_KEPT, self, tenure) &&
           !has_other_since(state->few, SHORTS_KEPT, self, tenure);
}

/* The version `stamp`, written under `tenure` (STAMP_NEVER: not known), was
 * written after a later one had begun: a full one, or one promised by this
 * node, which then refuses such writes in whatever way they come. */
static bool
is_out(const struct slot_state *state, struct stamp stamp, struct stamp tenure)
{
    uint32_t i;

    if (tenure.bits == 0) return false;
    for (i = 0; i < TENURES_KEPT && state->full[i].bits > tenure.bits; i++) {
        if (state->full[i].bits > stamp.bits) continue;
        return stamp_node(state->full[i]) != stamp_node(stamp);
    }
    return false;
}

bool
replica_is_out(const struct replica *replica, uint32_t slot, struct stamp stamp,
               struct stamp tenure)
{
    return is_out(&replica->slots[slot], stamp, tenure);
}

static bool
is_plain(const struct record *record)
{
    return record->kind == RECORD_TOMBSTONE ||
           (record->kind == RECORD_VALUE && record->type == OBJECT_STRING);
}

/* In sloppy mode a version out of tenure may have been acknowledged. */
static bool
keeps_both(const struct replica *replica, const struct store_key *key)
{
    return store_keeps_siblings(replica->store, key) &&
           !atomic_load_explicit(&replica->is_strict, memory_order_relaxed);
}

/* One of the two, the record and what is here, may be out of tenure. */
static NOINLINE enum store_outcome
merge_judged(struct replica *replica, const struct store_key *key,
             const struct record *record, struct stamp tenure, int64_t wall_ms,
             struct stamp *by)
{
    struct store *store = replica->store;
    const struct slot_state *state = &replica->slots[key->slot];
    struct store_sight local;
    struct stamp local_tenure;
    bool is_record_out, is_local_out;

    if (keeps_both(replica, key) || !is_plain(record) ||
        !store_look(store, key, wall_ms, &local) || !is_plain(&local.record) ||
        local.record.stamp.bits == record->stamp.bits) {
        return store_merge(store, key, record, wall_ms, by);
    }
    local_tenure = replica_tenure_of(replica, key->slot, local.record.stamp);
    is_record_out = is_out(state, record->stamp, tenure);
    is_local_out = is_out(state, local.record.stamp, local_tenure);
    if (is_record_out == is_local_out)
        return store_merge(store, key, record, wall_ms, by);
    /* an out version loses to a later tenure's alone: what its own had
     * acknowledged before, its writer had seen, and it is part of it */
    if (is_record_out &&
        (local_tenure.bits == 0 || tenure.bits >= local_tenure.bits)) {
        return store_merge(store, key, record, wall_ms, by);
    }
    if (is_local_out &&
        (tenure.bits == 0 || local_tenure.bits >= tenure.bits)) {
        return store_merge(store, key, record, wall_ms, by);
    }
    atomic_fetch_add_explicit(&replica->out_of_tenure, 1, memory_order_relaxed);
    if (is_record_out) {
        if (by != NULL) *by = local.newest;
        return STORE_BEATEN;
    }
    store_give_way(store, key, record, wall_ms);
    return store_merge(store, key, record, wall_ms, by);
}

static inline enum store_outcome
merge(struct replica *replica, const struct store_key *key,
      const struct record *record, struct stamp tenure, int64_t wall_ms,
      struct stamp *by)
{
    const struct slot_state *state = &replica->slots[key->slot];
    enum store_outcome outcome;

    if (tenure.bits != 0) replica_saw_tenure(replica, key->slot, tenure);
    if (UNLIKELY(state->tenure != TENURE_NONE) &&
        replica_was_evicted(replica, key, record)) {
        return STORE_COVERED;
    }
    if (UNLIKELY(state->full[0].bits != tenure.bits ||
                 store_keeps_siblings(replica->store, key)))
        return merge_judged(replica, key, record, tenure, wall_ms, by);
    /* of the latest tenure: it wins by its stamp, or has to be looked at */
    outcome = store_merge(replica->store, key, record, wall_ms, by);
    if (LIKELY(outcome == STORE_STORED)) return outcome;
    return merge_judged(replica, key, record, tenure, wall_ms, by);
}

enum store_outcome
replica_merge(struct replica *replica, const struct store_key *key,
              const struct record *record, struct stamp tenure, int64_t wall_ms,
              struct stamp *by)
{
    enum store_outcome outcome =
        merge(replica, key, record, tenure, wall_ms, by);

    /* what was beaten may have brought something all the same: a share */
    if (outcome == STORE_STORED || outcome == STORE_BEATEN)
        replica->slots[key->slot].merged++;
    return outcome;
}
