/*
 * Small duties of the keeper: tenures that belong to somebody else, copies that
 * have lost something, the scrub.
 *
 * A tenure is handed back when the node that should act is there again: it is
 * told by a promise asked for above its own, which ends that, and the tenure
 * here ends. It will ask anew, and catches up with this node as a promiser.
 * Without it the returned primary would learn by its first write's refusal.
 *
 * A short tenure is renewed when a strict write waits for a full one (of a
 * connection or a prefix, in a sloppy ring) and enough owners are there again.
 *
 * Slots on loan (loan.c) are left alone: coord/ sees that they come back.
 */
#include "replica/keeper_inside.h"

#include "base/memory.h"

enum {
    YIELD_MS = 100,       /* who has just taken it from us may use it, */
    YIELD_WANTED_MS = 10, /* and so long if somebody waits for it here */
    FILL_MS = 200,        /* between two tries to make a short tenure full */
    SCRUB_MS = 100,       /* between two pieces of the scrub */
    SCRUB_SLOTS = 32,     /* of a piece: all of 16384 in some 50 s */
};

bool
upkeep_doubts(struct keeper *keeper, uint32_t slot)
{
    struct slot_state *state = &keeper->replica->slots[slot];
    struct kept_slot *kept = &keeper->slots[slot];
    bool has_lost, is_doubtful;

    store_lock(keeper->replica->store, slot);
    has_lost = state->has_lost;
    is_doubtful = state->is_doubtful;
    state->has_lost = false;
    store_unlock(keeper->replica->store, slot);
    if (!has_lost) return is_doubtful;
    kept->done = kept->whole = 0; /* what was compared before is void */
    kept->since = ++keeper->seq;
    return is_doubtful;
}

bool
upkeep_wants(struct keeper *keeper, uint32_t slot,
             const struct slot_state *state, bool is_primary)
{
    struct replica *replica = keeper->replica;
    struct kept_slot *kept = &keeper->slots[slot];
    uint32_t holder = state->promised_to;

    /* what was handed over was not enough: the rest is to be asked */
    if (state->is_borrowed) return holder == replica->self;
    if (!is_primary || state->is_away) return false;
    if (holder != replica->self && holder != RING_NOBODY &&
        state->promised.bits != kept->yielded.bits &&
        (replica_health(replica, holder) & PEER_REACHABLE)) {
        kept->yielded = state->promised;
        kept->ask_after_ms = keeper->now_ms + YIELD_MS;
    }
    /* somebody waits for it here: who has it has had time to use it */
    if (state->is_wanted &&
        kept->ask_after_ms > keeper->now_ms + YIELD_WANTED_MS) {
        kept->ask_after_ms = keeper->now_ms + YIELD_WANTED_MS;
    }
    return true;
}

bool
upkeep_may_fill(const struct keeper *keeper, uint32_t slot,
                const struct slot_state *state)
{
    const struct replica *replica = keeper->replica;
    const struct ring_list *list = keeper_list(keeper, slot);
    uint32_t there = 0, i;

    if (!state->is_lacking || !state->is_wanted ||
        keeper->now_ms < keeper->slots[slot].won_ms + FILL_MS) {
        return false;
    }
    for (i = 0; i < list->count; i++) {
        if (list->owners[i] == replica->self ||
            (replica_health(replica, list->owners[i]) & PEER_REACHABLE))
            there++;
    }
    return there >= replica_overlap(list->count, replica_w(replica, list));
}

static void
hand_back_to(struct keeper *keeper, uint32_t number, const uint16_t *slots,
             uint32_t count)
{
    struct replica *replica = keeper->replica;
    const struct ring_map *map = replica_map(replica);
    uint64_t top = 0;
    uint32_t i, at = 0;

    for (i = 0; i < count; i++) {
        store_lock(replica->store, slots[i]);
        top = max_u64(top, replica->slots[slots[i]].promised.bits);
        top = max_u64(top, store_clock(replica->store, slots[i]).bits);
        replica_lose(replica, slots[i], STAMP_NEVER);
        store_unlock(replica->store, slots[i]);
    }
    keeper->scratch.used = 0;
    wire_put_u64(
        &keeper->scratch,
        stamp_next((struct stamp){top}, keeper->wall_ms, replica->self).bits);
    wire_put_varint(&keeper->scratch, slots_group_count(slots, count));
    while (at < count) {
        struct group group = slots_group(map, slots, count, &at);

        slots_put_group(&keeper->scratch, &group);
    }
    (void)inside_send(keeper, number, FRAME_TENURE, 0,
                      buf_bytes(&keeper->scratch));
}

static bool
is_to_go_back(struct keeper *keeper, uint32_t slot, uint32_t *number)
{
    struct replica *replica = keeper->replica;
    bool is_held;

    if (keeper->slots[slot].role != ROLE_OWNER) return false;
    *number = replica_primary(replica, keeper_list(keeper, slot));
    if (*number == replica->self || *number == RING_NOBODY) return false;
    store_lock(replica->store, slot);
    is_held = replica->slots[slot].tenure != TENURE_NONE &&
              !replica->slots[slot].is_borrowed;
    store_unlock(replica->store, slot);
    return is_held;
}

void
upkeep_hand_back(struct keeper *keeper)
{
    struct replica *replica = keeper->replica;
    uint16_t *slots = NULL;
    uint32_t i, slot, number, count;

    for (i = 0; i < keeper->peer_count; i++) {
        count = 0;
        for (slot = 0; slot < replica->slot_count; slot++) {
            if (!is_to_go_back(keeper, slot, &number) ||
                number != keeper->peers[i].number) {
                continue;
            }
            if (slots == NULL) {
                slots =
                    mem_must_array(NULL, replica->slot_count, sizeof(*slots));
            }
            slots[count++] = (uint16_t)slot;
        }
        if (count > 0)
            hand_back_to(keeper, keeper->peers[i].number, slots, count);
    }
    mem_free(slots);
}

void
upkeep_scrub(struct keeper *keeper)
{
    struct replica *replica = keeper->replica;
    uint32_t i;

    if (keeper->now_ms < keeper->scrub_ms) return;
    keeper->scrub_ms = keeper->now_ms + SCRUB_MS;
    if (atomic_load(&replica->is_alone)) return;
    for (i = 0; i < SCRUB_SLOTS && i < replica->slot_count; i++) {
        uint32_t slot = keeper->scrub_slot++ % replica->slot_count;
        bool is_damaged;

        store_lock(replica->store, slot);
        is_damaged = store_scrub_slot(replica->store, slot);
        store_unlock(replica->store, slot);
        if (is_damaged)
            inside_log(keeper, "replica: slot %u was damaged in memory", slot);
    }
}
