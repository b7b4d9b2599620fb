/*
 * A tenure that goes from one owner to another in peace: to one that wants
 * several slots in one place for a command, and back.
 *
 *   the home's                     the borrower's
 *   HELD  <-- keep_for             .
 *   HELD, no write begins          .
 *   still: hand_over  --stamp-->   take_over: HELD if the digests are equal,
 *   NONE, lent                     |          else OPEN
 *   .                              the command
 *   take_over  <------- stamp --   hand_over
 *
 * Who gives promises the stamp to who takes, and who takes promises it to
 * itself: where N - W + 1 is two that makes a tenure like any other, with no
 * third to be asked; else the keeper asks the rest. The giver waits until its
 * writes are with all owners, or answered at least: so none is refused as of an
 * older tenure.
 *
 * Nothing here is trusted to be in step with the other side: who waits for a
 * slot that does not come back asks for its tenure as for any other.
 */
#include "replica/inside.h"

bool
replica_keep_for(struct replica *replica, uint32_t slot, uint32_t to,
                 uint64_t loan)
{
    struct slot_state *state = &replica->slots[slot];

    ASSERT(slot < replica->slot_count);
    ASSERT(to != RING_NOBODY);
    if (state->lent_to != RING_NOBODY)
        return state->lent_to == to && state->loan == loan;
    if (state->is_borrowed) return false; /* not ours to lend */
    state->lent_to = (uint16_t)to;
    state->loan = loan;
    return true;
}

bool
replica_keep_end(struct replica *replica, uint32_t slot, uint32_t to,
                 uint64_t loan)
{
    struct slot_state *state = &replica->slots[slot];

    ASSERT(slot < replica->slot_count);
    if (state->lent_to != to || state->loan != loan) return false;
    state->lent_to = RING_NOBODY;
    state->is_away = false;
    return true;
}

struct stamp
replica_top(const struct replica *replica, uint32_t slot)
{
    struct stamp clock = store_clock(replica->store, slot);

    clock.bits = max_u64(clock.bits, replica->slots[slot].promised.bits);
    return clock;
}

/* Without a word to the keeper: nothing is missing. */
static void
promise(struct replica *replica, uint32_t slot, struct stamp stamp, uint32_t to)
{
    struct slot_state *state = &replica->slots[slot];

    state->tenure = TENURE_NONE;
    state->promiser_count = 0;
    state->is_short = false;
    state->promised = stamp;
    state->promised_to = (uint16_t)to;
    store_note_stamp(replica->store, stamp);
}

struct handover
replica_hand_over(struct replica *replica, uint32_t slot, uint32_t to,
                  struct stamp above, int64_t wall_ms)
{
    struct slot_state *state = &replica->slots[slot];
    struct stamp top = replica_top(replica, slot);
    struct handover handover = {.stamp = STAMP_NEVER};

    if (state->tenure == TENURE_NONE ||
        !replica_is_still(replica, slot, false) ||
        stamp_wall_ms(above) > wall_ms + TENURE_AHEAD_MS) {
        return handover;
    }
    top.bits = max_u64(top.bits, above.bits);
    handover.stamp = stamp_next(top, wall_ms, to);
    handover.is_settled = state->is_settled;
    handover.digest = store_digest(replica->store, slot);
    promise(replica, slot, handover.stamp, to);
    state->is_away = state->lent_to == to;
    return handover;
}

enum taken
replica_take_over(struct replica *replica, uint32_t slot,
                  const struct ring_list *list, uint32_t from,
                  const struct handover *handover, int64_t wall_ms)
{
    struct slot_state *state = &replica->slots[slot];
    uint32_t need = replica_overlap(list->count, replica_w(replica, list));
    uint32_t have = (uint32_t)state->is_settled + handover->is_settled;

    ASSERT(slot < replica->slot_count);
    if (handover->stamp.bits <= replica_top(replica, slot).bits ||
        stamp_node(handover->stamp) != replica->self ||
        stamp_wall_ms(handover->stamp) > wall_ms + TENURE_AHEAD_MS ||
        !ring_list_owns(list, from) || !ring_list_owns(list, replica->self)) {
        return TAKEN_NOT;
    }
    promise(replica, slot, handover->stamp, replica->self);
    if (have < need) return TAKEN_PART;
    state->tenure = TENURE_HELD;
    if (!state->is_settled ||
        (need > 1 && store_digest(replica->store, slot) != handover->digest)) {
        state->tenure = TENURE_OPEN;
        state->promisers[state->promiser_count++] = (uint16_t)from;
    }
    state->is_short = need == 1 && list->count > 1; /* as one taken at once */
    state->is_lacking = false;
    state->is_wanted = false;
    state->list_hash = list->hash;
    store_learn(replica->store, slot, handover->stamp);
    atomic_fetch_add_explicit(&replica->tenures_taken, 1, memory_order_relaxed);
    return TAKEN;
}
