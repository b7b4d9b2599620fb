/*
 * Asking for tenures: one stamp for many slots, one frame for each owner.
 *
 * 1. The stamp is above all clocks and promises of these slots here.
 * 2. This node promises it to itself.
 * 3. TENURE goes to the slots' other owners that can be reached.
 * 4. All have answered, or enough have and the rest is late, or time is up:
 *    each slot is won, won short (sloppy: some owner could not be reached), or
 *    asked for again, above the stamps that stood against it. Who is slow, and
 *    can be reached, is asked again for longer: what it has, others have seen.
 *
 * An ask dies with its map: an answer for other lists is worth nothing.
 */
#include "replica/keeper_inside.h"

#include "base/memory.h"

static bool
is_reachable(const struct keeper *keeper, uint32_t number)
{
    return (replica_health(keeper->replica, number) & PEER_REACHABLE) != 0;
}

/* A stamp that no clock shows: it is not asked for again above it. */
static bool
is_absurd(const struct keeper *keeper, uint64_t bits)
{
    return stamp_wall_ms((struct stamp){bits}) >
           keeper->wall_ms + TENURE_AHEAD_MS;
}

static struct stamp
wall_stamp(const struct keeper *keeper)
{
    return stamp_next(STAMP_NEVER, keeper->wall_ms, keeper->replica->self);
}

/* The largest stamp that a tenure of this slot must be above. Slot locked. */
static uint64_t
slot_top(const struct keeper *keeper, uint32_t slot)
{
    const struct replica *replica = keeper->replica;
    uint64_t top = replica->slots[slot].promised.bits;

    top = max_u64(top, store_clock(replica->store, slot).bits);
    return max_u64(top, keeper->slots[slot].above.bits);
}

/* Slot locked. */
static void
take(struct keeper *keeper, uint32_t slot, const struct ring_list *list,
     struct stamp stamp, enum tenure_state tenure)
{
    struct replica *replica = keeper->replica;
    struct slot_state *state = &replica->slots[slot];
    struct kept_slot *kept = &keeper->slots[slot];

    state->tenure = (uint8_t)tenure;
    state->list_hash = list->hash;
    kept->above = STAMP_NEVER;
    kept->asked_ms = 0;
    /* two that both think it theirs take it in turns, ever more slowly; but
     * where somebody waits for it, it changes hands as fast as it is used */
    kept->duels = kept->won_ms != 0 && keeper->now_ms - kept->won_ms < DUEL_MS
                      ? (uint8_t)(kept->duels + (kept->duels < 6))
                      : 0;
    if (state->is_wanted) kept->duels = 0;
    state->is_wanted = false;
    kept->won_ms = keeper->now_ms;
    if (kept->duels > 0) {
        kept->ask_after_ms = keeper->now_ms + (INT64_C(5) << kept->duels);
    }
    /* versions written under it are above it */
    store_learn(replica->store, slot, stamp);
    atomic_fetch_add_explicit(&replica->tenures_taken, 1, memory_order_relaxed);
}

/* A settled owner whose promise is enough: no comparison is needed, but the
 * others are told, so that their older tenures end. */
static bool
take_at_once(struct keeper *keeper, uint32_t slot)
{
    struct replica *replica = keeper->replica;
    const struct ring_list *list = keeper_list(keeper, slot);
    struct slot_state *state = &replica->slots[slot];
    struct stamp stamp = STAMP_NEVER;
    uint32_t i, at = 0;
    uint16_t one = (uint16_t)slot;
    struct group group;

    if (replica_overlap(list->count, replica_w(replica, list)) > 1) {
        return false;
    }
    store_lock(replica->store, slot);
    if (state->is_settled) {
        stamp.bits = slot_top(keeper, slot);
        stamp = stamp_next(stamp, keeper->wall_ms, replica->self);
        (void)replica_promise(replica, slot, stamp, replica->self);
        state->promiser_count = 0;
        /* promised by nobody else: it excludes nobody */
        state->is_short = list->count > 1;
        state->is_lacking = false;
        take(keeper, slot, list, stamp, TENURE_HELD);
        if (state->is_short) {
            replica_saw_short(replica, slot, stamp);
        } else {
            replica_saw_tenure(replica, slot, stamp);
        }
    }
    store_unlock(replica->store, slot);
    if (stamp.bits == 0) return false;
    group = slots_group(replica_map(replica), &one, 1, &at);
    for (i = 0; i < list->count; i++) {
        if (list->owners[i] == replica->self ||
            !is_reachable(keeper, list->owners[i])) {
            continue;
        }
        keeper->scratch.used = 0;
        wire_put_u64(&keeper->scratch, stamp.bits);
        wire_put_varint(&keeper->scratch, 1);
        slots_put_group(&keeper->scratch, &group);
        (void)inside_send(keeper, list->owners[i], FRAME_TENURE, 0,
                          buf_bytes(&keeper->scratch));
    }
    return true;
}

/* ---- asking ---- */

static uint32_t
owner_index(const struct ring_list *list, uint32_t number)
{
    uint32_t i;

    for (i = 0; i < list->count && list->owners[i] != number; i++) {
    }
    return i;
}

static struct ask_peer *
ask_peer(struct ask *ask, uint32_t number)
{
    uint32_t i;

    for (i = 0; i < ask->peer_count; i++) {
        if (ask->peers[i].number == number) return &ask->peers[i];
    }
    return NULL;
}

static void
ask_free(struct ask *ask)
{
    mem_free(ask->slots);
    mem_free(ask->peers);
    *ask = (struct ask){0};
}

/* The slots of an ask that a peer owns, ascending. Caller frees. */
static uint16_t *
slots_of_peer(const struct keeper *keeper, const struct ask *ask,
              uint32_t number, uint32_t *count)
{
    uint16_t *slots = mem_must_array(NULL, ask->count, sizeof(*slots));
    uint32_t i;

    *count = 0;
    for (i = 0; i < ask->count; i++) {
        if (ring_list_owns(keeper_list(keeper, ask->slots[i].slot), number)) {
            slots[(*count)++] = ask->slots[i].slot;
        }
    }
    return slots;
}

static void
send_ask(struct keeper *keeper, struct ask *ask, struct ask_peer *peer)
{
    const struct ring_map *map = replica_map(keeper->replica);
    uint32_t count, at = 0;
    uint16_t *slots = slots_of_peer(keeper, ask, peer->number, &count);

    ASSERT(count > 0);
    keeper->scratch.used = 0;
    wire_put_u64(&keeper->scratch, ask->stamp.bits);
    wire_put_varint(&keeper->scratch, slots_group_count(slots, count));
    while (at < count) {
        struct group group = slots_group(map, slots, count, &at);

        slots_put_group(&keeper->scratch, &group);
    }
    mem_free(slots);
    peer->is_lost = !is_reachable(keeper, peer->number) ||
                    !inside_send(keeper, peer->number, FRAME_TENURE,
                                 ask->request, buf_bytes(&keeper->scratch));
}

static void
add_peers(struct keeper *keeper, struct ask *ask, const struct ring_list *list)
{
    uint32_t i;

    for (i = 0; i < list->count; i++) {
        if (list->owners[i] == keeper->replica->self) continue;
        if (ask_peer(ask, list->owners[i]) != NULL) continue;
        ask->peers = mem_must_array(ask->peers, ask->peer_count + 1,
                                    sizeof(*ask->peers));
        ask->peers[ask->peer_count++] =
            (struct ask_peer){.number = list->owners[i]};
    }
}

/* Step 2 for one slot. */
static void
add_slot(struct keeper *keeper, struct ask *ask, uint32_t slot)
{
    struct replica *replica = keeper->replica;
    const struct ring_list *list = keeper_list(keeper, slot);
    uint8_t self_bit = (uint8_t)(1u << owner_index(list, replica->self));
    struct ask_slot *entry = &ask->slots[ask->count];
    bool is_promised, is_settled;

    store_lock(replica->store, slot);
    is_promised = replica_promise(replica, slot, ask->stamp, replica->self);
    is_settled = replica->slots[slot].is_settled;
    store_unlock(replica->store, slot);
    if (!is_promised) return; /* somebody was faster: the next plan sees it */
    *entry = (struct ask_slot){.slot = (uint16_t)slot,
                               .list_hash = list->hash,
                               .answered = self_bit,
                               .granted = self_bit,
                               .settled = is_settled ? self_bit : 0,
                               .equal = self_bit};
    ask->count++;
    keeper->slots[slot].is_asked = true;
    if (keeper->slots[slot].asked_ms == 0 ||
        keeper->now_ms > keeper->slots[slot].asked_ms + 2 * ASK_LATE_MS) {
        keeper->slots[slot].asked_ms = keeper->now_ms;
    }
    add_peers(keeper, ask, list);
}

static void
ask_batch(struct keeper *keeper, const uint16_t *slots, uint32_t count,
          uint64_t top)
{
    struct ask *ask;
    uint32_t i;

    if (count == 0 || keeper->ask_count == ASKS_MAX) return;
    ask = &keeper->asks[keeper->ask_count];
    *ask =
        (struct ask){.request = ++keeper->request, .sent_ms = keeper->now_ms};
    ask->stamp =
        stamp_next((struct stamp){top}, keeper->wall_ms, keeper->replica->self);
    ask->slots = mem_must_array(NULL, count, sizeof(*ask->slots));
    for (i = 0; i < count; i++) {
        add_slot(keeper, ask, slots[i]);
    }
    if (ask->count == 0) {
        ask_free(ask);
        return;
    }
    keeper->ask_count++;
    for (i = 0; i < ask->peer_count; i++) {
        send_ask(keeper, ask, &ask->peers[i]);
    }
}

void
tenure_ask(struct keeper *keeper, const uint16_t *slots, uint32_t count)
{
    uint16_t *now, *ahead; /* those whose stamps run ahead go by themselves */
    uint64_t wall = wall_stamp(keeper).bits, top = 0, ahead_top = 0;
    uint32_t i, now_count = 0, ahead_count = 0;

    if (count == 0 || keeper->ask_count + 2 > ASKS_MAX) return;
    now = mem_must_array(NULL, count, sizeof(*now));
    ahead = mem_must_array(NULL, count, sizeof(*ahead));
    for (i = 0; i < count; i++) {
        uint64_t bits;

        if (take_at_once(keeper, slots[i])) continue;
        store_lock(keeper->replica->store, slots[i]);
        bits = slot_top(keeper, slots[i]);
        store_unlock(keeper->replica->store, slots[i]);
        if (bits < wall) {
            now[now_count++] = slots[i];
            top = max_u64(top, bits);
        } else {
            ahead[ahead_count++] = slots[i];
            ahead_top = max_u64(ahead_top, bits);
        }
    }
    ask_batch(keeper, now, now_count, top);
    ask_batch(keeper, ahead, ahead_count, ahead_top);
    mem_free(now);
    mem_free(ahead);
}

/* ---- answers ---- */

struct verdict { /* of one group of a PROMISE */
    uint32_t status;
    struct mask newer, ahead, settled;
};

static struct ask_slot *
find_slot(struct ask *ask, uint32_t slot)
{
    uint32_t low = 0, high = ask->count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (ask->slots[middle].slot < slot) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < ask->count && ask->slots[low].slot == slot ? &ask->slots[low]
                                                            : NULL;
}

static void
take_verdict(struct keeper *keeper, struct ask *ask, uint32_t from,
             uint32_t slot, const struct verdict *verdict, uint64_t top)
{
    struct ask_slot *entry = find_slot(ask, slot);
    uint8_t bit = (uint8_t)(1u << owner_index(keeper_list(keeper, slot), from));

    ASSERT(entry != NULL);
    entry->answered |= bit;
    if (verdict->status == 2) {
        entry->is_differing = true;
        return;
    }
    if (verdict->status == 1 &&
        (mask_has(&verdict->newer, slot) || mask_has(&verdict->ahead, slot))) {
        struct stamp *above = &keeper->slots[slot].above;

        entry->is_refused = true;
        if (!is_absurd(keeper, top)) above->bits = max_u64(above->bits, top);
        return;
    }
    entry->granted |= bit;
    if (verdict->status == 0 || mask_has(&verdict->settled, slot)) {
        entry->settled |= bit;
    }
}

static void
take_digest(struct keeper *keeper, struct ask *ask, uint32_t from,
            uint32_t slot, uint64_t digest)
{
    struct replica *replica = keeper->replica;
    struct ask_slot *entry = find_slot(ask, slot);
    uint64_t own;

    store_lock(replica->store, slot);
    own = store_digest(replica->store, slot);
    store_unlock(replica->store, slot);
    if (own != digest) return;
    entry->equal |=
        (uint8_t)(1u << owner_index(keeper_list(keeper, slot), from));
}

static bool
take_group(struct keeper *keeper, struct ask *ask, uint32_t from,
           const struct group *group, struct wire_reader *reader, uint64_t top,
           bool has_digests)
{
    struct verdict verdict = {.status = wire_u8(reader)};
    uint32_t slot;

    if (verdict.status == 1) {
        verdict.newer = slots_read_mask(reader);
        verdict.ahead = slots_read_mask(reader);
        verdict.settled = slots_read_mask(reader);
    }
    if (reader->is_bad || verdict.status > 2) return false;
    for (slot = group_first(group); slot != UINT32_MAX;
         slot = group_next(group, slot + 1)) {
        bool is_granted =
            verdict.status == 0 ||
            (verdict.status == 1 && !mask_has(&verdict.newer, slot) &&
             !mask_has(&verdict.ahead, slot));

        take_verdict(keeper, ask, from, slot, &verdict, top);
        if (!is_granted || !has_digests) continue;
        take_digest(keeper, ask, from, slot, wire_u64(reader));
        if (reader->is_bad) return false;
    }
    return true;
}

static bool
take_promise(struct keeper *keeper, struct ask *ask, uint32_t from,
             const uint16_t *slots, uint32_t count, struct bytes payload)
{
    const struct ring_map *map = replica_map(keeper->replica);
    struct wire_reader reader = wire_reader(payload);
    uint64_t stamp = wire_u64(&reader), promised = wire_u64(&reader);
    uint64_t clock = wire_u64(&reader), groups;
    bool has_digests = wire_u8(&reader) != 0;
    uint32_t at = 0;

    groups = wire_varint(&reader);
    if (reader.is_bad || stamp != ask->stamp.bits ||
        groups != slots_group_count(slots, count)) {
        return false;
    }
    while (at < count) {
        struct group group = slots_group(map, slots, count, &at);

        if (!take_group(keeper, ask, from, &group, &reader,
                        max_u64(promised, clock), has_digests)) {
            return false;
        }
    }
    return wire_is_done(&reader);
}

void
tenure_answer(struct keeper *keeper, uint32_t from, const struct frame *frame)
{
    uint32_t i, count;
    uint16_t *slots;

    for (i = 0; i < keeper->ask_count; i++) {
        struct ask *ask = &keeper->asks[i];
        struct ask_peer *peer = ask_peer(ask, from);

        if (ask->request != frame->request_id || peer == NULL) continue;
        if (peer->is_answered) return;
        slots = slots_of_peer(keeper, ask, from, &count);
        peer->is_answered = true;
        peer->is_lost =
            !take_promise(keeper, ask, from, slots, count, frame->payload);
        mem_free(slots);
        return;
    }
}

/* ---- deciding ---- */

/* Promises that count, and those that are needed. */
static bool
has_enough(const struct keeper *keeper, const struct ask_slot *entry)
{
    const struct ring_list *list = keeper_list(keeper, entry->slot);
    uint32_t need =
        replica_overlap(list->count, replica_w(keeper->replica, list));

    return (uint32_t)__builtin_popcount(entry->granted & entry->settled) >=
           need;
}

static void
ask_again(struct keeper *keeper, const struct ask_slot *entry)
{
    struct kept_slot *kept = &keeper->slots[entry->slot];
    int64_t wait_ms = 50;

    if (entry->is_refused) wait_ms = 1 + (int64_t)rng_below(&keeper->rng, 10);
    kept->ask_after_ms = keeper->now_ms + wait_ms;
}

/* Lists who has promised and must be compared with, as many as needed; true:
 * all of them have what we have. Slot locked. */
static bool
list_promisers(struct keeper *keeper, const struct ask_slot *entry,
               const struct ring_list *list, bool is_short)
{
    struct slot_state *state = &keeper->replica->slots[entry->slot];
    uint32_t need =
        replica_overlap(list->count, replica_w(keeper->replica, list));
    uint8_t counted =
        is_short ? entry->granted : entry->granted & entry->settled;
    uint8_t self_bit =
        (uint8_t)(1u << owner_index(list, keeper->replica->self));
    uint32_t i, have = state->is_settled && (counted & self_bit) ? 1 : 0;
    bool is_equal = true;

    state->promiser_count = 0;
    keeper->slots[entry->slot].open_done = 0;
    for (i = 0; i < list->count && have < need; i++) {
        if ((counted >> i & 1) == 0 || (self_bit >> i & 1) != 0) continue;
        if (entry->equal >> i & 1) {
            keeper->slots[entry->slot].open_done |=
                (uint8_t)(1u << state->promiser_count);
        } else {
            is_equal = false;
        }
        state->promisers[state->promiser_count++] = list->owners[i];
        have++;
    }
    return is_equal;
}

static void
win(struct keeper *keeper, const struct ask *ask, const struct ask_slot *entry,
    bool is_short)
{
    struct replica *replica = keeper->replica;
    const struct ring_list *list = keeper_list(keeper, entry->slot);
    struct slot_state *state = &replica->slots[entry->slot];
    bool is_equal;

    store_lock(replica->store, entry->slot);
    if (state->promised.bits == ask->stamp.bits &&
        list->hash == entry->list_hash) {
        is_equal = list_promisers(keeper, entry, list, is_short);
        take(keeper, entry->slot, list, ask->stamp,
             is_equal ? TENURE_HELD : TENURE_OPEN);
        state->is_short = state->is_lacking = is_short;
        state->is_short_fine = false;
        keeper->slots[entry->slot].open = ask->stamp;
        keeper->slots[entry->slot].open_since = ++keeper->seq;
        if (!is_short) {
            replica_saw_tenure(replica, entry->slot, ask->stamp);
        } else {
            replica_saw_short(replica, entry->slot, ask->stamp);
            atomic_fetch_add_explicit(&replica->short_tenures, 1,
                                      memory_order_relaxed);
        }
    }
    store_unlock(replica->store, entry->slot);
}

/* In sloppy mode; and in strict mode for the sake of a sloppy write: strict
 * ones are not executed under it. */
static bool
may_be_short(const struct keeper *keeper, uint32_t slot)
{
    struct replica *replica = keeper->replica;
    bool is_fine;

    if (!atomic_load(&replica->is_strict)) return true;
    store_lock(replica->store, slot);
    is_fine = replica->slots[slot].is_short_fine;
    store_unlock(replica->store, slot);
    return is_fine;
}

/* An owner that can be reached has not answered, and has not had long. */
static bool
is_awaited(const struct keeper *keeper, const struct ask *ask,
           const struct ask_slot *entry)
{
    const struct ring_list *list = keeper_list(keeper, entry->slot);
    uint32_t i;

    if (keeper->now_ms >= keeper->slots[entry->slot].asked_ms + ASK_LATE_MS)
        return false;
    for (i = 0; i < ask->peer_count; i++) {
        const struct ask_peer *peer = &ask->peers[i];

        if (!peer->is_answered && !peer->is_lost &&
            ring_list_owns(list, peer->number)) {
            return true;
        }
    }
    return false;
}

static void
decide(struct keeper *keeper, struct ask *ask)
{
    uint32_t i;

    for (i = 0; i < ask->count; i++) {
        struct ask_slot *entry = &ask->slots[i];
        uint32_t all = (1u << keeper_list(keeper, entry->slot)->count) - 1;

        keeper->slots[entry->slot].is_asked = false;
        if (entry->is_refused || entry->is_differing) {
            ask_again(keeper, entry);
        } else if (has_enough(keeper, entry)) {
            win(keeper, ask, entry, false);
        } else if (entry->answered != all && !is_awaited(keeper, ask, entry) &&
                   may_be_short(keeper, entry->slot)) {
            win(keeper, ask, entry, true); /* the rest can't be reached */
        } else {
            ask_again(keeper, entry);
        }
    }
    ask_free(ask);
    inside_replan(keeper);
}

static bool
is_decided(struct keeper *keeper, struct ask *ask)
{
    bool is_waiting = false, is_enough = true;
    uint32_t i;

    for (i = 0; i < ask->peer_count; i++) {
        struct ask_peer *peer = &ask->peers[i];

        if (!is_reachable(keeper, peer->number)) peer->is_lost = true;
        if (!peer->is_answered && !peer->is_lost) is_waiting = true;
    }
    if (!is_waiting || keeper->now_ms >= ask->sent_ms + ASK_WAIT_MS) {
        return true;
    }
    for (i = 0; i < ask->count && is_enough; i++) {
        is_enough = has_enough(keeper, &ask->slots[i]);
    }
    if (!is_enough) return false;
    if (ask->enough_ms == 0) ask->enough_ms = keeper->now_ms;
    return keeper->now_ms >= ask->enough_ms + ASK_MORE_MS;
}

void
tenure_tick(struct keeper *keeper)
{
    uint32_t i, kept = 0;

    for (i = 0; i < keeper->ask_count; i++) {
        if (is_decided(keeper, &keeper->asks[i])) {
            decide(keeper, &keeper->asks[i]);
        } else {
            keeper->asks[kept++] = keeper->asks[i];
        }
    }
    keeper->ask_count = kept;
}

void
tenure_abort_all(struct keeper *keeper)
{
    uint32_t i, j;

    for (i = 0; i < keeper->ask_count; i++) {
        for (j = 0; j < keeper->asks[i].count; j++) {
            keeper->slots[keeper->asks[i].slots[j].slot].is_asked = false;
        }
        ask_free(&keeper->asks[i]);
    }
    keeper->ask_count = 0;
}

int64_t
tenure_deadline_ms(const struct keeper *keeper)
{
    int64_t deadline_ms = INT64_MAX;
    uint32_t i;

    for (i = 0; i < keeper->ask_count; i++) {
        const struct ask *ask = &keeper->asks[i];
        int64_t due_ms = ask->enough_ms != 0 ? ask->enough_ms + ASK_MORE_MS
                                             : ask->sent_ms + ASK_WAIT_MS;

        if (due_ms < deadline_ms) deadline_ms = due_ms;
    }
    return deadline_ms;
}

void
tenure_note_open(struct keeper *keeper, uint32_t slot)
{
    struct kept_slot *kept = &keeper->slots[slot];
    struct stamp promised = keeper->replica->slots[slot].promised;

    if (kept->open.bits == promised.bits) return;
    kept->open = promised;
    kept->open_since = ++keeper->seq;
    kept->open_done = 0;
}

void
tenure_compared(struct keeper *keeper, uint32_t number, uint32_t slot,
                uint64_t seq)
{
    struct replica *replica = keeper->replica;
    struct slot_state *state = &replica->slots[slot];
    struct kept_slot *kept = &keeper->slots[slot];
    uint32_t i;

    store_lock(replica->store, slot);
    if (state->tenure == TENURE_OPEN) tenure_note_open(keeper, slot);
    if (state->tenure == TENURE_OPEN && seq > kept->open_since) {
        for (i = 0; i < state->promiser_count; i++) {
            if (state->promisers[i] == number) {
                kept->open_done |= (uint8_t)(1u << i);
            }
        }
        if (kept->open_done == (1u << state->promiser_count) - 1) {
            state->tenure = TENURE_HELD;
            state->promiser_count = 0;
        }
    }
    store_unlock(replica->store, slot);
}
