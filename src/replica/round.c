/*
 * Anti-entropy: every repair_ms each slot whose tenure is held is compared
 * with its other owners.
 *
 * Repaired-through: at the end of a round, a slot's is the round's stamp s (the
 * wall time at its beginning, less a second) if
 *
 * 1. all its other owners were compared with, and
 * 2. nothing old came in meanwhile from anybody (`brought`): what one owner
 *    had, those compared before it may lack. The next round tells.
 *
 * Where there are tombstones, owners that have been DOWN for forget-after need
 * not be compared with, if those compared are settled, more than half of all,
 * and enough to have all that was acknowledged. Who was left out must not bring
 * back what the others have forgotten meanwhile. It cannot: a DOWN node is
 * talked to only once it has heard that it was, and then its copies are in
 * doubt. Until each has been compared with one settled copy, what is not above
 * that one's repaired-through, and other there or unknown, is dropped instead
 * of sent, if no round up to that had asked for it (slot_state.compared). More
 * than half, as else two parts of a ring could forget each other.
 *
 * Then everything at or below s that any owner had is at all owners: what is
 * minted after the comparisons is above s, as all their clocks have learned s,
 * and what was minted before was at its minter, an owner, when compared.
 */
#include "replica/keeper_inside.h"

#include "base/memory.h"

enum {
    BEHIND_MS = 1000,
    BURST_US = 100 * 1000,
    PRESSED_MS = 120 * 1000, /* away so long: forgotten under pressure */
};

void
round_note_down(struct keeper *keeper, uint32_t number, int64_t now_ms)
{
    uint64_t bit = UINT64_C(1) << number % 64;

    if (!(replica_health(keeper->replica, number) & PEER_DOWN)) {
        keeper->down_ms[number] = 0;
        keeper->forgot[number / 64] &= ~bit;
    } else if (keeper->down_ms[number] == 0) {
        keeper->down_ms[number] = now_ms > 0 ? now_ms : 1;
    }
}

bool
keeper_forgets(const struct keeper *keeper, uint32_t number, int64_t now_ms)
{
    int64_t forget_ms =
        atomic_load_explicit(&keeper->replica->forget_ms, memory_order_relaxed);
    int64_t since_ms = keeper->down_ms[number];

    if (since_ms == 0) return false;
    if (atomic_load_explicit(&keeper->replica->has_pressure,
                             memory_order_relaxed) &&
        forget_ms > PRESSED_MS)
        forget_ms = PRESSED_MS;
    return now_ms - since_ms >= forget_ms;
}

static void
log_forgotten(struct keeper *keeper, uint32_t number)
{
    uint64_t bit = UINT64_C(1) << number % 64;

    if (keeper->forgot[number / 64] & bit) return;
    keeper->forgot[number / 64] |= bit;
    inside_log(keeper,
               "replica: node %u has been away for %lld s: what was deleted "
               "is forgotten without it",
               number,
               (long long)(keeper->now_ms - keeper->down_ms[number]) / 1000);
}

static bool
has_tombstones(struct replica *replica, uint32_t slot)
{
    bool has_any;

    store_lock(replica->store, slot);
    has_any = store_slot_tombstones(replica->store, slot) > 0;
    store_unlock(replica->store, slot);
    return has_any;
}

/* All other owners were compared with, or those that were are enough. */
static bool
is_enough(struct keeper *keeper, uint32_t slot)
{
    const struct kept_slot *kept = &keeper->slots[slot];
    const struct ring_list *list = keeper_list(keeper, slot);
    uint32_t missing = ((1u << kept->owner_count) - 1) & ~kept->round_done, i;
    uint32_t need =
        replica_overlap(list->count, replica_w(keeper->replica, list));
    uint32_t have =
        1 + (uint32_t)__builtin_popcount(kept->round_done & kept->round_whole);

    if (missing == 0) return true;
    if (!has_tombstones(keeper->replica, slot)) return false;
    if (need < list->count / 2u + 1) need = list->count / 2u + 1;
    if (have < need) return false;
    for (i = 0; i < kept->owner_count; i++) {
        if ((missing >> i & 1) != 0 &&
            !keeper_forgets(keeper, kept->partners[i], keeper->now_ms))
            return false;
    }
    for (i = 0; i < kept->owner_count; i++) {
        if (missing >> i & 1) log_forgotten(keeper, kept->partners[i]);
    }
    return true;
}

static void
enter_slot(struct keeper *keeper, uint32_t slot)
{
    struct replica *replica = keeper->replica;
    const struct ring_list *list = keeper_list(keeper, slot);
    struct kept_slot *kept = &keeper->slots[slot];
    struct slot_state *state = &replica->slots[slot];
    uint32_t i;

    kept->is_in_round = false;
    if (kept->role != ROLE_OWNER) return;
    store_lock(replica->store, slot);
    kept->is_in_round =
        state->tenure == TENURE_HELD && state->list_hash == list->hash;
    kept->round_brought = state->brought;
    kept->round_done = kept->round_whole = 0;
    if (kept->is_in_round) {
        store_learn(replica->store, slot, keeper->round.stamp);
    }
    store_unlock(replica->store, slot);
    for (i = 0; kept->is_in_round && i < kept->owner_count; i++) {
        inside_want(keeper, kept->partners[i], slot, LEVEL_ROUND);
    }
}

static void
start(struct keeper *keeper)
{
    struct round *round = &keeper->round;
    uint32_t slot, i;

    round->is_running = true;
    round->is_lacking = false;
    for (i = 0; i < keeper->peer_count; i++) {
        if (keeper_forgets(keeper, keeper->peers[i].number, keeper->now_ms))
            round->is_lacking = true;
    }
    round->differing = 0;
    round->seq = ++keeper->seq;
    round->stamp = stamp_next(STAMP_NEVER, keeper->wall_ms - BEHIND_MS, 0);
    round->next_ms = keeper->now_ms + keeper->repair_ms;
    for (slot = 0; slot < keeper->replica->slot_count; slot++) {
        enter_slot(keeper, slot);
    }
}

/* True: raised, and the other owners should hear of it. */
static bool
leave_slot(struct keeper *keeper, uint32_t slot)
{
    struct replica *replica = keeper->replica;
    struct kept_slot *kept = &keeper->slots[slot];
    struct slot_state *state = &replica->slots[slot];
    bool is_told = true;
    uint64_t digest;

    if (!kept->is_in_round) return false;
    kept->is_in_round = false;
    if (!is_enough(keeper, slot)) return false;
    store_lock(replica->store, slot);
    if (state->tenure == TENURE_HELD && state->is_settled &&
        state->brought == kept->round_brought) {
        store_set_repaired(replica->store, slot, keeper->round.stamp);
        digest = slots_mix(slot, store_digest(replica->store, slot));
        is_told = kept->told == digest;
        /* while something newer is there, it is not the last word */
        kept->told = 0;
        if (store_clock(replica->store, slot).bits <=
            keeper->round.stamp.bits) {
            kept->told = digest;
        }
    }
    store_unlock(replica->store, slot);
    return !is_told;
}

static void
tell(struct keeper *keeper, uint32_t number, const uint16_t *slots,
     uint32_t count)
{
    const struct ring_map *map = replica_map(keeper->replica);
    uint16_t *theirs = mem_must_array(NULL, count, sizeof(*theirs));
    struct buf *out = &keeper->scratch;
    uint32_t i, their_count = 0, at = 0;
    bool is_sent = true;

    for (i = 0; i < count; i++) {
        if (!ring_list_owns(keeper_list(keeper, slots[i]), number)) continue;
        theirs[their_count++] = slots[i];
    }
    out->used = 0;
    wire_put_u64(out, keeper->round.stamp.bits);
    wire_put_varint(out, slots_group_count(theirs, their_count));
    while (at < their_count) {
        struct group group = slots_group(map, theirs, their_count, &at);

        slots_put_group(out, &group);
    }
    if (their_count > 0) {
        is_sent =
            inside_send(keeper, number, FRAME_REPAIRED, 0, buf_bytes(out));
    }
    for (i = 0; !is_sent && i < their_count; i++) {
        keeper->slots[theirs[i]].told = 0; /* after the next round, then */
    }
    mem_free(theirs);
}

static void
finish(struct keeper *keeper)
{
    uint32_t slot, i, count = 0, slot_count = keeper->replica->slot_count;
    uint16_t *slots = mem_must_array(NULL, slot_count, sizeof(*slots));

    for (slot = 0; slot < slot_count; slot++) {
        if (leave_slot(keeper, slot)) slots[count++] = (uint16_t)slot;
    }
    for (i = 0; count > 0 && i < keeper->peer_count; i++) {
        tell(keeper, keeper->peers[i].number, slots, count);
    }
    mem_free(slots);
    keeper->round.is_running = false;
    keeper->status.rounds++;
    keeper->status.last_round_ms = keeper->now_ms;
    keeper->status.slots_differing = keeper->round.differing;
}

void
round_tick(struct keeper *keeper)
{
    uint32_t i, left = 0;
    int64_t passed_ms = keeper->now_ms - keeper->refill_ms;

    if (passed_ms > 0) {
        keeper->refill_ms = keeper->now_ms;
        if (passed_ms > 1000) passed_ms = 1000;
        keeper->tokens += passed_ms * keeper->budget_percent * 10;
        if (keeper->tokens > BURST_US) keeper->tokens = BURST_US;
    }
    if (atomic_load(&keeper->replica->is_alone)) return;
    if (!keeper->round.is_running) {
        if (keeper->now_ms >= keeper->round.next_ms) start(keeper);
        return;
    }
    for (i = 0; i < keeper->peer_count; i++) {
        struct peer *peer = &keeper->peers[i];

        if (replica_health(keeper->replica, peer->number) & PEER_REACHABLE) {
            left += peer->want_count[LEVEL_ROUND];
        }
    }
    if (left == 0) finish(keeper);
}

void
round_compared(struct keeper *keeper, uint32_t partner, uint32_t slot,
               uint64_t seq, bool is_settled)
{
    struct kept_slot *kept = &keeper->slots[slot];

    if (!kept->is_in_round || seq <= keeper->round.seq) return;
    kept->round_done |= (uint16_t)(1u << partner);
    if (is_settled) kept->round_whole |= (uint16_t)(1u << partner);
}

void
round_stop(struct keeper *keeper)
{
    uint32_t slot;

    for (slot = 0; slot < keeper->replica->slot_count; slot++) {
        keeper->slots[slot].is_in_round = false;
    }
    keeper->round.is_running = false;
}
