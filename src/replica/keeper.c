/*
 * The keeper's frame: maps in, the plan, what a compared slot leads to.
 *
 * The plan looks at every slot's state and says what is missing: comparisons
 * go to the peers' lists of wanted slots, tenures to one ask. It is made from
 * scratch each time, so nothing has to be taken back when the state changes.
 */
#include "replica/keeper_inside.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>

struct keeper *
keeper_new(const struct keeper_config *config,
           const struct keeper_effects *effects)
{
    struct keeper *keeper = mem_must_zero(sizeof(*keeper));

    keeper->replica = config->replica;
    keeper->effects = *effects;
    keeper->rng.state = config->rng_seed;
    keeper->repair_ms = config->repair_ms > 0 ? config->repair_ms : 2000;
    keeper_set_budget(keeper, config->budget_percent);
    keeper->slots =
        mem_must_zero(keeper->replica->slot_count * sizeof(*keeper->slots));
    return keeper;
}

static void
peers_free(struct peer *peers, uint32_t count)
{
    uint32_t i, level;

    for (i = 0; i < count; i++) {
        compare_abort(&peers[i]);
        for (level = 0; level < LEVELS; level++) {
            mem_free(peers[i].want[level]);
        }
    }
    mem_free(peers);
}

void
keeper_free(struct keeper *keeper)
{
    if (keeper == NULL) return;
    tenure_abort_all(keeper);
    peers_free(keeper->peers, keeper->peer_count);
    buf_deinit(&keeper->scratch);
    mem_free(keeper->slots);
    mem_free(keeper);
}

void
keeper_set_budget(struct keeper *keeper, uint32_t percent)
{
    keeper->budget_percent = percent > 0 ? percent : 1;
}

/* ---- what the other files use ---- */

struct peer *
inside_peer(struct keeper *keeper, uint32_t number)
{
    uint32_t i;

    for (i = 0; i < keeper->peer_count; i++) {
        if (keeper->peers[i].number == number) return &keeper->peers[i];
    }
    return NULL;
}

void
inside_want(struct keeper *keeper, uint32_t number, uint32_t slot,
            enum level level)
{
    struct peer *peer = inside_peer(keeper, number);
    uint64_t bit = UINT64_C(1) << slot % 64;

    if (peer == NULL) return;
    if (!(replica_health(keeper->replica, number) & PEER_REACHABLE)) return;
    if (peer->want[level][slot / 64] & bit) return;
    peer->want[level][slot / 64] |= bit;
    peer->want_count[level]++;
}

void
inside_replan(struct keeper *keeper)
{
    keeper->plan_ms = keeper->now_ms;
}

bool
inside_send(struct keeper *keeper, uint32_t to, uint8_t type, uint64_t request,
            struct bytes payload)
{
    struct frame frame = {.type = type,
                          .request_id = request,
                          .wall_ms = (uint64_t)keeper->wall_ms,
                          .payload = payload};

    if (!keeper->effects.send(keeper->effects.self, to, &frame)) return false;
    keeper->status.bytes_sent += FRAME_HEAD_BYTES + payload.size;
    atomic_fetch_add_explicit(&keeper->replica->repair_bytes,
                              FRAME_HEAD_BYTES + payload.size,
                              memory_order_relaxed);
    return true;
}

void
inside_log(struct keeper *keeper, const char *format, ...)
{
    char line[200];
    va_list args;

    if (keeper->effects.log == NULL) return;
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    keeper->effects.log(keeper->effects.self, line);
}

/* ---- maps ---- */

static bool
is_placed(const struct keeper *keeper, uint32_t number)
{
    return bit_is_set(keeper->placed, number);
}

static void
place(struct keeper *keeper, const struct ring_map *map)
{
    uint32_t slot, i;

    memset(keeper->placed, 0, sizeof(keeper->placed));
    for (slot = 0; slot < keeper->replica->slot_count; slot++) {
        const struct ring_list *list = ring_map_list(map, slot);

        for (i = 0; i < list->count; i++) {
            keeper->placed[list->owners[i] / 64] |= UINT64_C(1)
                                                    << list->owners[i] % 64;
        }
        if (list->pending == RING_NOBODY) continue;
        keeper->placed[list->pending / 64] |= UINT64_C(1) << list->pending % 64;
    }
}

/* Peers of the new map; what was wanted of the old ones is planned again. */
static void
make_peers(struct keeper *keeper)
{
    size_t bytes = (keeper->replica->slot_count + 63) / 64 * sizeof(uint64_t);
    struct peer *peers = NULL;
    uint32_t number, level, count = 0;

    for (number = 1; number < RING_NUMBERS; number++) {
        struct peer *peer;

        if (!is_placed(keeper, number) || number == keeper->replica->self) {
            continue;
        }
        peers = mem_must_array(peers, count + 1, sizeof(*peers));
        peer = &peers[count++];
        *peer = (struct peer){.number = number};
        for (level = 0; level < LEVELS; level++) {
            peer->want[level] = mem_must_zero(bytes);
        }
    }
    peers_free(keeper->peers, keeper->peer_count);
    keeper->peers = peers;
    keeper->peer_count = count;
}

static uint32_t
partner_index(const struct kept_slot *kept, uint32_t number)
{
    uint32_t i;

    for (i = 0; i < kept->partner_count && kept->partners[i] != number; i++) {
    }
    return i;
}

static void
add_before(struct keeper *keeper, struct kept_slot *kept, uint32_t number)
{
    uint32_t at = partner_index(kept, number);

    if (number == keeper->replica->self || !is_placed(keeper, number)) return;
    if (at == PARTNERS_MAX) return;
    if (at == kept->partner_count) {
        kept->partners[kept->partner_count++] = (uint16_t)number;
    }
    kept->before |= (uint16_t)(1u << at);
}

/* The list's other owners, and those of the list that the slot was gained
 * from: of the present step, or of an earlier one that is not settled yet. */
static void
set_partners(struct keeper *keeper, struct kept_slot *kept,
             const struct ring_list *list, const struct ring_list *gained_from)
{
    struct kept_slot old = *kept;
    uint32_t i;

    kept->partner_count = 0;
    kept->before = 0;
    kept->done = 0;
    kept->whole = 0;
    kept->since = keeper->seq;
    for (i = 0; i < list->count; i++) {
        if (list->owners[i] == keeper->replica->self) continue;
        kept->partners[kept->partner_count++] = list->owners[i];
    }
    kept->owner_count = kept->partner_count;
    if (gained_from != NULL) {
        kept->before_count = gained_from->count;
        for (i = 0; i < gained_from->count; i++) {
            add_before(keeper, kept, gained_from->owners[i]);
        }
    } else if (kept->before_count > 0) {
        for (i = 0; i < old.partner_count; i++) {
            if (old.before >> i & 1) add_before(keeper, kept, old.partners[i]);
        }
    }
    if (kept->before == 0) kept->before_count = 0;
}

static void
become_owner(struct keeper *keeper, uint32_t slot, const struct ring_list *old,
             const struct ring_list *list, bool is_first)
{
    struct slot_state *state = &keeper->replica->slots[slot];
    struct kept_slot *kept = &keeper->slots[slot];
    uint32_t self = keeper->replica->self;
    bool was_owner = old != NULL && ring_list_owns(old, self);

    kept->role = ROLE_OWNER;
    kept->is_served = true;
    state->is_kept = false;
    if (was_owner) {
        if (state->is_settled) kept->before_count = 0;
        set_partners(keeper, kept, list, NULL);
        return;
    }
    kept->before_count = 0;
    set_partners(keeper, kept, list, old);
    state->is_settled = is_first || kept->partner_count == 0;
}

/* The slot's list is another one. Slot locked. */
static void
change_list(struct keeper *keeper, uint32_t slot, const struct ring_list *old,
            const struct ring_list *list, bool is_first)
{
    struct slot_state *state = &keeper->replica->slots[slot];
    struct kept_slot *kept = &keeper->slots[slot];
    uint32_t self = keeper->replica->self;

    state->tenure = TENURE_NONE;
    state->promiser_count = 0;
    state->is_short = false;
    state->list_hash = list->hash;
    kept->told = 0;
    kept->ask_after_ms = 0;
    state->is_doubtful = false;
    if (kept->role == ROLE_NONE) /* nothing is here that could be too old */
        state->compared = stamp_next(STAMP_NEVER, keeper->wall_ms, 0);
    if (ring_list_owns(list, self)) {
        become_owner(keeper, slot, old, list, is_first);
        return;
    }
    if (old != NULL && ring_list_owns(old, self)) {
        state->is_kept = state->is_settled;
        kept->role = ROLE_KEPT;
    } else if (list->pending == self) {
        kept->role = ROLE_PENDING;
    } else if (kept->role == ROLE_PENDING) {
        kept->role = ROLE_KEPT; /* filled in part, for nobody */
    }
    state->is_settled = false;
    kept->is_served = false;
    kept->before_count = 0;
    set_partners(keeper, kept, list, NULL);
}

static void
count_unsettled(struct keeper *keeper)
{
    struct replica *replica = keeper->replica;
    uint32_t slot, count = 0;

    for (slot = 0; slot < replica->slot_count; slot++) {
        if (keeper->slots[slot].role != ROLE_OWNER) continue;
        store_lock(replica->store, slot);
        count += !replica->slots[slot].is_settled;
        store_unlock(replica->store, slot);
    }
    atomic_store(&replica->unsettled, count);
}

void
keeper_remap(struct keeper *keeper, const struct ring_map *from,
             const struct ring_map *to, bool is_first, int64_t now_ms,
             int64_t wall_ms)
{
    struct replica *replica = keeper->replica;
    uint32_t slot;

    ASSERT(ring_map_slot_count(to) == replica->slot_count);
    keeper->now_ms = now_ms;
    keeper->wall_ms = wall_ms;
    inside_replan(keeper);
    if (from != NULL && ring_map_hash(from) == ring_map_hash(to)) return;
    keeper->seq++;
    tenure_abort_all(keeper);
    round_stop(keeper);
    place(keeper, to);
    make_peers(keeper);
    for (slot = 0; slot < replica->slot_count; slot++) {
        const struct ring_list *list = ring_map_list(to, slot);
        const struct ring_list *old =
            from != NULL ? ring_map_list(from, slot) : NULL;

        if (old != NULL && old->hash == list->hash) continue;
        if (ring_list_owns(list, replica->self) ||
            list->pending == replica->self) {
            replica_adopt_held(replica, slot, wall_ms);
        }
        store_lock(replica->store, slot);
        change_list(keeper, slot, old, list, is_first);
        store_unlock(replica->store, slot);
    }
    count_unsettled(keeper);
    keeper->is_served_new = true;
}

void
keeper_peer_changed(struct keeper *keeper, uint32_t number, int64_t now_ms)
{
    struct peer *peer = inside_peer(keeper, number);
    uint32_t slot;

    keeper->plan_ms = now_ms;
    round_note_down(keeper, number, now_ms);
    if (peer == NULL) return;
    peer->retry_ms = now_ms;
    peer->failures = 0;
    for (slot = 0; slot < keeper->replica->slot_count; slot++) {
        keeper->slots[slot].told = 0; /* it may not have heard */
    }
}

/* ---- what a compared slot leads to ---- */

static bool
all_down(const struct keeper *keeper, const struct kept_slot *kept,
         uint32_t bits)
{
    uint32_t i;

    for (i = 0; i < kept->partner_count; i++) {
        if ((bits >> i & 1) == 0) continue;
        if (!(replica_health(keeper->replica, kept->partners[i]) & PEER_DOWN)) {
            return false;
        }
    }
    return true;
}

enum filled { FILLED_NO, FILLED_SHORT, FILLED_YES };

/* Compared with so many settled owners that nothing acknowledged can be
 * missing; with all of them, if too few are settled; in sloppy mode, with all
 * but those that are down. */
static enum filled
is_filled(const struct keeper *keeper, const struct kept_slot *kept,
          const struct ring_list *list, bool is_doubtful)
{
    const struct replica *replica = keeper->replica;
    uint32_t asked = (1u << kept->owner_count) - 1, need, missing;

    need = replica_overlap(list->count, replica_w(replica, list));
    if (kept->before_count > 0) {
        struct ring_list before = {.count = kept->before_count};
        uint32_t w = replica_w(replica, &before);
        uint32_t r = replica_r(replica, &before);

        asked = kept->before;
        need = kept->before_count - (w < r ? w : r) + 1;
    }
    if (is_doubtful) need = 1; /* nothing is lost: only too much is here */
    if ((uint32_t)__builtin_popcount(kept->whole & asked) >= need) {
        return FILLED_YES;
    }
    missing = asked & ~(uint32_t)kept->done;
    if (missing == 0) return FILLED_YES;
    if (atomic_load(&replica->is_strict)) return FILLED_NO;
    return all_down(keeper, kept, missing) ? FILLED_SHORT : FILLED_NO;
}

/* What this node knew that others lack is forgotten with its memory: any of
 * them may lack anything. */
static void
mark_all(struct keeper *keeper, uint32_t slot)
{
    const struct ring_list *list = keeper_list(keeper, slot);
    uint32_t i;

    for (i = 0; i < list->count; i++) {
        if (list->owners[i] == keeper->replica->self) continue;
        replica_mark_dirty(keeper->replica, list->owners[i], slot);
    }
}

static void
settle(struct keeper *keeper, uint32_t slot, enum filled filled)
{
    struct replica *replica = keeper->replica;
    struct slot_state *state = &replica->slots[slot];
    bool is_new = false;

    store_lock(replica->store, slot);
    if (!state->is_settled) {
        state->is_settled = true;
        state->is_doubtful = false;
        state->compared = stamp_next(STAMP_NEVER, keeper->wall_ms, 0);
        is_new = true;
    }
    store_unlock(replica->store, slot);
    keeper->slots[slot].before_count = 0;
    if (!is_new) return;
    if (atomic_fetch_sub(&replica->unsettled, 1) == 1) {
        inside_log(keeper, "replica: all %u owned slots are settled",
                   ring_map_owned(replica_map(replica), replica->self));
    }
    if (filled == FILLED_SHORT) atomic_fetch_add(&replica->short_settles, 1);
    if (replica->has_lived) mark_all(keeper, slot);
    inside_replan(keeper);
}

static void
forget(struct keeper *keeper, uint32_t slot)
{
    struct replica *replica = keeper->replica;

    store_lock(replica->store, slot);
    store_forget_slot(replica->store, slot);
    replica->slots[slot].is_kept = false;
    store_unlock(replica->store, slot);
    keeper->slots[slot].role = ROLE_NONE;
}

/* The slot has come to where it was to come, or not. */
static void
evaluate(struct keeper *keeper, uint32_t slot, bool is_settled)
{
    struct kept_slot *kept = &keeper->slots[slot];
    const struct ring_list *list = keeper_list(keeper, slot);
    uint32_t owners = (1u << kept->owner_count) - 1;
    enum filled filled;

    if (kept->role == ROLE_OWNER && !is_settled) {
        filled = is_filled(keeper, kept, list, upkeep_doubts(keeper, slot));
        if (filled != FILLED_NO) settle(keeper, slot, filled);
    } else if (kept->role == ROLE_PENDING && !kept->is_served) {
        filled = is_filled(keeper, kept, list, false);
        /* somebody has it, so somebody must have been asked */
        if (filled == FILLED_SHORT && kept->done == 0) filled = FILLED_NO;
        if (filled == FILLED_NO) return;
        kept->is_served = true;
        keeper->is_served_new = true;
    } else if (kept->role == ROLE_KEPT && list->count > 0 &&
               (kept->done & kept->whole & owners) == owners) {
        forget(keeper, slot);
    }
}

void
inside_compared(struct keeper *keeper, struct peer *peer, uint32_t slot,
                bool is_settled)
{
    struct replica *replica = keeper->replica;
    struct kept_slot *kept = &keeper->slots[slot];
    uint32_t at = partner_index(kept, peer->number);
    uint64_t seq = peer->compare.seq;
    bool was_settled;

    inside_dirty_end(replica, peer->number, slot);
    tenure_compared(keeper, peer->number, slot, seq);
    if (at == kept->partner_count || seq <= kept->since) return;
    kept->done |= (uint16_t)(1u << at);
    if (is_settled) kept->whole |= (uint16_t)(1u << at);
    if (at < kept->owner_count)
        round_compared(keeper, at, slot, seq, is_settled);
    store_lock(replica->store, slot);
    was_settled = replica->slots[slot].is_settled;
    store_unlock(replica->store, slot);
    evaluate(keeper, slot, was_settled);
}

/* ---- the plan ---- */

static void
want_partners(struct keeper *keeper, uint32_t slot, bool is_asking_again)
{
    struct kept_slot *kept = &keeper->slots[slot];
    uint32_t i;

    if (is_asking_again) kept->done &= kept->whole;
    for (i = 0; i < kept->partner_count; i++) {
        if (kept->done >> i & 1) continue;
        inside_want(keeper, kept->partners[i], slot, LEVEL_SETTLE);
    }
}

/* Promisers to compare with; one that can't be reached any more ends it. */
static void
want_promisers(struct keeper *keeper, uint32_t slot,
               const struct slot_state *state)
{
    struct replica *replica = keeper->replica;
    uint32_t i;

    for (i = 0; i < state->promiser_count; i++) {
        if (keeper->slots[slot].open_done >> i & 1) continue;
        if (replica_health(replica, state->promisers[i]) & PEER_REACHABLE) {
            inside_want(keeper, state->promisers[i], slot, LEVEL_OPEN);
            continue;
        }
        store_lock(replica->store, slot);
        replica_lose(replica, slot, STAMP_NEVER);
        store_unlock(replica->store, slot);
        return;
    }
}

/* This node should act for the slot, and can: an ask is a promise to oneself
 * that ends another's tenure, so one that nobody can grant only disturbs, once
 * the asker is reached again. */
static bool
is_to_act(const struct keeper *keeper, const struct ring_list *list,
          const struct slot_state *state)
{
    const struct replica *replica = keeper->replica;
    uint32_t w = replica_w(replica, list), i, owners = 0, others = 0;

    if (replica_primary(replica, list) != replica->self) return false;
    for (i = 0; i < list->count; i++)
        owners += replica_health(replica, list->owners[i]) & PEER_REACHABLE;
    if (owners >= replica_overlap(list->count, w)) return true;
    if (atomic_load(&replica->is_strict) && !state->is_short_fine) return false;
    if (state->is_wanted) return true;
    for (i = 0; i < keeper->peer_count; i++)
        others +=
            replica_health(replica, keeper->peers[i].number) & PEER_REACHABLE;
    return others + 1 >= w; /* stand-ins may take the copies */
}

struct plan {
    uint16_t *asks; /* slots whose tenure is wanted now */
    uint32_t ask_count, unsettled, unserved, tenures;
    bool is_asking_again;
};

static void
plan_slot(struct keeper *keeper, uint32_t slot, struct plan *plan)
{
    struct replica *replica = keeper->replica;
    struct kept_slot *kept = &keeper->slots[slot];
    const struct ring_list *list = keeper_list(keeper, slot);
    struct slot_state state;

    if (kept->role == ROLE_NONE) return;
    store_lock(replica->store, slot);
    state = replica->slots[slot];
    store_unlock(replica->store, slot);
    evaluate(keeper, slot, state.is_settled);
    if (kept->role == ROLE_KEPT ||
        (kept->role == ROLE_PENDING && !kept->is_served)) {
        plan->unserved += kept->role == ROLE_PENDING;
        want_partners(keeper, slot, plan->is_asking_again);
    }
    if (kept->role != ROLE_OWNER) return;
    store_lock(replica->store, slot);
    state = replica->slots[slot];
    if (state.tenure == TENURE_OPEN) tenure_note_open(keeper, slot);
    store_unlock(replica->store, slot);
    if (!state.is_settled) {
        plan->unsettled++;
        want_partners(keeper, slot, plan->is_asking_again);
    }
    if (state.tenure == TENURE_OPEN) {
        plan->tenures++;
        want_promisers(keeper, slot, &state);
    } else if (state.tenure == TENURE_HELD
                   ? upkeep_may_fill(keeper, slot, &state)
                   : upkeep_wants(keeper, slot, &state,
                                  is_to_act(keeper, list, &state))) {
        plan->tenures++;
        if (kept->is_asked || keeper->now_ms < kept->ask_after_ms) return;
        plan->asks[plan->ask_count++] = (uint16_t)slot;
    }
}

/* Any owner that holds a mark compares the slot itself. */
static uint32_t
plan_dirty(struct keeper *keeper)
{
    struct replica *replica = keeper->replica;
    uint32_t number, slot, wanted = 0;

    if (atomic_load(&replica->dirty_slots) == 0) return 0;
    for (number = 1; number < RING_NUMBERS; number++) {
        if (replica_dirty_count(replica, number) == 0) continue;
        for (slot = 0; slot < replica->slot_count; slot++) {
            const struct ring_list *list;

            if (!replica_is_dirty(replica, number, slot)) continue;
            list = keeper_list(keeper, slot);
            if (keeper->slots[slot].role == ROLE_NONE ||
                (!ring_list_owns(list, number) && list->pending != number)) {
                inside_dirty_drop(replica, number, slot);
                continue;
            }
            inside_want(keeper, number, slot, LEVEL_SETTLE);
            wanted++;
        }
    }
    return wanted;
}

static void
clear_wants(struct keeper *keeper)
{
    size_t bytes = (keeper->replica->slot_count + 63) / 64 * sizeof(uint64_t);
    uint32_t i, level;

    for (i = 0; i < keeper->peer_count; i++) {
        for (level = 0; level < LEVEL_ROUND; level++) {
            if (keeper->peers[i].want_count[level] == 0) continue;
            memset(keeper->peers[i].want[level], 0, bytes);
            keeper->peers[i].want_count[level] = 0;
        }
    }
}

/* The earliest time at which a tenure is to be asked for again. */
static int64_t
next_ask_ms(const struct keeper *keeper)
{
    int64_t next_ms = keeper->now_ms + PLAN_MS;
    uint32_t slot;

    for (slot = 0; slot < keeper->replica->slot_count; slot++) {
        int64_t at_ms = keeper->slots[slot].ask_after_ms;

        if (at_ms > keeper->now_ms && at_ms < next_ms) next_ms = at_ms;
    }
    return next_ms;
}

static void
make_plan(struct keeper *keeper)
{
    struct replica *replica = keeper->replica;
    struct plan plan = {
        .asks = mem_must_array(NULL, replica->slot_count, sizeof(uint16_t))};
    uint32_t slot, dirty;

    clear_wants(keeper);
    plan.is_asking_again = keeper->now_ms >= keeper->again_ms;
    if (plan.is_asking_again) {
        keeper->again_ms = keeper->now_ms + ASK_OTHERS_AGAIN_MS;
    }
    for (slot = 0; slot < replica->slot_count; slot++) {
        plan_slot(keeper, slot, &plan);
    }
    dirty = plan_dirty(keeper);
    upkeep_hand_back(keeper);
    tenure_ask(keeper, plan.asks, plan.ask_count);
    mem_free(plan.asks);
    keeper->status.waiting_settle = plan.unsettled + plan.unserved;
    keeper->status.waiting_tenure = plan.tenures;
    keeper->planned_ms = keeper->now_ms;
    keeper->plan_ms = keeper->now_ms + PLAN_IDLE_MS;
    if (plan.unsettled + plan.unserved + plan.tenures + dirty > 0) {
        keeper->plan_ms = next_ask_ms(keeper);
    }
}

/* ---- publishing ---- */

/* Somebody who isn't DOWN is on its way into a list: it may be our turn after.
 * Who can only not be reached may go on there. */
static bool
is_turn_to_come(const struct keeper *keeper, uint32_t *pending)
{
    uint32_t slot, self = keeper->replica->self;
    bool is_other = false;

    *pending = 0;
    for (slot = 0; slot < keeper->replica->slot_count; slot++) {
        uint32_t number = keeper_list(keeper, slot)->pending;

        if (number == self) {
            ++*pending;
        } else if (number != RING_NOBODY &&
                   !(replica_health(keeper->replica, number) & PEER_DOWN)) {
            is_other = true;
        }
    }
    return is_other;
}

/* Two sides of a partition, each with a newcomer, would change a list into two
 * that have no quorum in common. */
static bool
is_with_most(const struct keeper *keeper)
{
    uint32_t i, reached = 1;

    for (i = 0; i < keeper->peer_count; i++) {
        reached += replica_health(keeper->replica, keeper->peers[i].number) &
                   PEER_REACHABLE;
    }
    return 2 * reached > keeper->peer_count + 1;
}

static void
publish(struct keeper *keeper)
{
    struct replica *replica = keeper->replica;
    const struct ring_map *map = replica_map(replica);
    uint32_t slot, pending, served = 0, filling = 0;
    uint64_t *bits;
    bool is_done;

    if (!(replica_health(replica, replica->self) & PEER_JOINING)) return;
    if (keeper->now_ms < keeper->publish_ms || !is_with_most(keeper)) return;
    bits = mem_must_zero((replica->slot_count + 63) / 64 * sizeof(uint64_t));
    for (slot = 0; slot < replica->slot_count; slot++) {
        const struct kept_slot *kept = &keeper->slots[slot];

        filling += kept->role == ROLE_PENDING && !kept->is_served;
        if (kept->role != ROLE_OWNER &&
            !(kept->role == ROLE_PENDING && kept->is_served)) {
            continue;
        }
        bits[slot / 64] |= UINT64_C(1) << slot % 64;
        served++;
    }
    is_done = !is_turn_to_come(keeper, &pending) && pending == 0 &&
              ring_map_owned(map, replica->self) > 0;
    if (is_done || (keeper->is_served_new && served > 0 &&
                    (filling == 0 || keeper->has_waited))) {
        keeper->effects.served(keeper->effects.self, bits, is_done);
        keeper->publish_ms = keeper->now_ms + PUBLISH_MS;
        keeper->is_served_new = false;
        keeper->has_waited = true;
    } else if (!keeper->has_waited && filling > 0 && served > 0) {
        keeper->has_waited = true; /* a second's worth in one piece */
        keeper->publish_ms = keeper->now_ms + PUBLISH_MS;
    }
    mem_free(bits);
}

static void
tell_settled(struct keeper *keeper)
{
    struct replica *replica = keeper->replica;

    if (!(replica_health(replica, replica->self) & PEER_RETURNING)) return;
    if (atomic_load(&replica->unsettled) > 0) return;
    if (keeper->now_ms < keeper->settled_ms) return;
    keeper->settled_ms = keeper->now_ms + PUBLISH_MS;
    keeper->effects.settled(keeper->effects.self);
}

/* ---- steps ---- */

/* Those who wait say so every few milliseconds; a plan looks at all slots. */
static int64_t
wanted_plan_ms(const struct keeper *keeper)
{
    return keeper->planned_ms + PLAN_WANTED_MS;
}

void
keeper_tick(struct keeper *keeper, int64_t now_ms, int64_t wall_ms)
{
    struct replica *replica = keeper->replica;
    uint32_t wanted = atomic_load(&replica->wanted), i;

    keeper->now_ms = now_ms;
    keeper->wall_ms = wall_ms;
    if (replica_map(replica) == NULL || replica->self == RING_NOBODY) return;
    if (wanted != keeper->wanted_seen && now_ms >= wanted_plan_ms(keeper)) {
        keeper->wanted_seen = wanted;
        inside_replan(keeper);
    }
    tenure_tick(keeper);
    if (now_ms >= keeper->plan_ms) make_plan(keeper);
    tenure_tick(keeper); /* nobody to wait for: decided at once */
    round_tick(keeper);
    for (i = 0; i < keeper->peer_count; i++) {
        compare_tick(keeper, &keeper->peers[i]);
    }
    upkeep_scrub(keeper);
    publish(keeper);
    tell_settled(keeper);
}

int64_t
keeper_deadline_ms(const struct keeper *keeper)
{
    int64_t deadline_ms = keeper->plan_ms, due_ms;
    uint32_t i;

    if (replica_map(keeper->replica) == NULL) return INT64_MAX;
    due_ms = wanted_plan_ms(keeper);
    if (atomic_load(&keeper->replica->wanted) != keeper->wanted_seen &&
        due_ms < deadline_ms) {
        deadline_ms = due_ms;
    }
    due_ms = tenure_deadline_ms(keeper);
    if (due_ms < deadline_ms) deadline_ms = due_ms;
    if (keeper->scrub_ms < deadline_ms &&
        !atomic_load(&keeper->replica->is_alone))
        deadline_ms = keeper->scrub_ms;
    if (keeper->round.next_ms < deadline_ms && !keeper->round.is_running &&
        !atomic_load(&keeper->replica->is_alone)) {
        deadline_ms = keeper->round.next_ms;
    }
    for (i = 0; i < keeper->peer_count; i++) {
        due_ms = compare_deadline_ms(keeper, &keeper->peers[i]);
        if (due_ms < deadline_ms) deadline_ms = due_ms;
    }
    return deadline_ms;
}

void
keeper_frame(struct keeper *keeper, uint32_t from, const struct frame *frame,
             int64_t now_ms, int64_t wall_ms)
{
    struct peer *peer = inside_peer(keeper, from);

    keeper->now_ms = now_ms;
    keeper->wall_ms = wall_ms;
    if (peer == NULL) return;
    if (frame->type == FRAME_PROMISE) {
        tenure_answer(keeper, from, frame);
        tenure_tick(keeper);
    } else if (peer->compare.phase != PHASE_IDLE) {
        compare_answer(keeper, peer, frame);
    }
    if (keeper->plan_ms <= now_ms) make_plan(keeper);
    compare_tick(keeper, peer);
}

void
keeper_status(const struct keeper *keeper, struct keeper_status *out)
{
    uint32_t i;

    *out = keeper->status;
    out->is_comparing = false;
    for (i = 0; i < keeper->peer_count; i++) {
        if (keeper->peers[i].compare.phase != PHASE_IDLE) {
            out->is_comparing = true;
        }
    }
}
