/*
 * Slots of several nodes in one place for one command.
 *
 * A write over keys whose slots have different primaries (their homes) runs at
 * one of these, which borrows the other slots' tenures until it is answered:
 *
 *   borrower                            home of some of the slots
 *     | LEND {slots} -------------------> | keeps them: no write begins there;
 *     |                                   | waits until none is under way
 *     | <------------- LENT {tenures} --- |
 *     | (the next home, ...)              |
 *     | runs, COPY, ACK                   |
 *     | BACK {tenures} -----------------> | goes on
 *
 * Homes are asked one after another, by their numbers, and a home keeps slots
 * in their order, its own commands' included: so no two that want the same
 * slots can each have what the other one waits for. Who waits for a slot on
 * loan waits until it comes back; nothing has failed.
 *
 * A loan ends with BACK, with its link, or half a second after the deadline
 * that it was asked for with. Its slots' tenures are then asked for as any
 * others: safety is in the tenures alone (replica/loan.c).
 *
 * LEND payload (timeout: what is left):
 *     u64 loan | u64 stamp that the tenures must be above | varint how many |
 *     each, ascending: varint slot, u32 list hash
 * LENT payload; none: the receiver of LEND is not their home:
 *     u64 loan | varint how many | each, ascending: varint slot, u64 tenure (0:
 *     it has none to give), u8 1 if its copy is settled, u64 digest
 * BACK payload: as LENT; what is not named was not taken. Also sent instead of
 *     waiting any longer for LENT.
 */
#include "coord/inside.h"

#include "bus/wire.h"

#include <stdlib.h>

enum {
    LENDINGS_MAX = 4096,      /* of one worker */
    LENT_LATE_MS = 500,       /* behind the deadline */
    LEND_MOST_MS = 60 * 1000, /* whatever is asked for */
    LINGER_MS = 50, /* for the last copies of a write that is answered */
    LEND_BYTES_LEAST = 5,
    LENT_BYTES_LEAST = 18,
};

struct loan {
    struct link *link; /* on which it was asked for; NULL: not, or lost */
    uint32_t slot;
    uint16_t home;
    bool is_got;
};

struct loans {
    uint64_t id;
    uint32_t count, next; /* next: the first that is not got yet */
    struct loan loan[];
};

/* What this node lends, or is asked to. */
struct lending {
    struct lending *next;
    struct link *link;
    uint64_t request_id, loan;
    struct stamp above;
    int64_t deadline_ms;
    int64_t ask_ms;      /* the keeper is roused again then */
    int64_t patience_ms; /* the last copies are waited for until then; 0: not
                          * yet */
    uint32_t from, count;
    uint32_t kept; /* the first so many are kept for it */
    bool is_lent;
    uint16_t slots[];
};

static bool
is_waited_for(const struct coord *coord)
{
    return UNLIKELY(atomic_load_explicit(&coord->replica->loan_waits,
                                         memory_order_relaxed) != 0);
}

/* Somebody may wait for it, on any worker. */
static void
freed(struct coord *coord)
{
    coord->is_changed = true;
    if (!is_waited_for(coord)) return;
    atomic_store(&coord->replica->loan_waits, 0);
    coord->has_freed = true;
}

static void
note_wait(struct coord *coord)
{
    atomic_store_explicit(&coord->replica->loan_waits, 1, memory_order_relaxed);
}

void
loans_wait(struct coord *coord, struct op *op)
{
    note_wait(coord);
    op_wait(coord, op, coord_now(coord) + RETRY_MS);
}

static bool
ended(_Atomic uint32_t *count)
{
    return atomic_fetch_sub(count, 1) == 1;
}

void
loans_acked(struct coord *coord, struct op *op)
{
    bool has_ended = false;
    uint32_t i;

    op->is_unacked = false;
    for (i = 0; i < op->touched_count; i++) {
        const struct touched *touched = &op->touched[i];

        if (touched->is_changed &&
            ended(&coord->replica->under_way[touched->slot].unacked)) {
            has_ended = true;
        }
    }
    if (has_ended && is_waited_for(coord)) freed(coord);
}

void
loans_answered(struct coord *coord, struct op *op, enum op_step step)
{
    bool has_ended = false;
    uint32_t i;

    for (i = 0; i < op->touched_count; i++) {
        const struct touched *touched = &op->touched[i];

        if (touched->is_changed &&
            ended(&coord->replica->under_way[touched->slot].unanswered)) {
            has_ended = true;
        }
    }
    if (has_ended && is_waited_for(coord)) freed(coord);
    if (step != STEP_DONE) loans_acked(coord, op); /* to be run again */
}

void
loans_linger(struct coord *coord, struct op *op)
{
    op->retry_ms = coord_now(coord) + LINGER_MS;
    if (op->retry_ms < coord->retry_ms) coord->retry_ms = op->retry_ms;
}

static void
put_handover(struct buf *out, uint32_t slot, const struct handover *handover)
{
    wire_put_varint(out, slot);
    wire_put_u64(out, handover->stamp.bits);
    wire_put_u8(out, handover->is_settled);
    wire_put_u64(out, handover->digest);
}

static struct handover
read_handover(struct wire_reader *reader, uint64_t *slot)
{
    struct handover handover;

    *slot = wire_varint(reader);
    handover.stamp.bits = wire_u64(reader);
    handover.is_settled = wire_u8(reader) != 0;
    handover.digest = wire_u64(reader);
    return handover;
}

/* ---- the borrower ---- */

static int
compare_loans(const void *a, const void *b)
{
    const struct loan *left = a, *right = b;

    if (left->home != right->home) return left->home < right->home ? -1 : 1;
    return (left->slot > right->slot) - (left->slot < right->slot);
}

/* NULL: one of the homes can't be reached. */
static struct loans *
loans_of(struct coord *coord, const struct cmd_call *call)
{
    const struct ring_map *map = replica_map(coord->replica);
    uint32_t count, i, kept = 0;
    const struct store_key *keys = route_keys(call, &count);
    struct loans *loans =
        mem_must_zero(sizeof(*loans) + count * sizeof(*loans->loan));

    for (i = 0; i < count; i++) {
        struct loan *loan = &loans->loan[i];

        loan->slot = keys[i].slot;
        loan->home = (uint16_t)replica_primary(coord->replica,
                                               ring_map_list(map, loan->slot));
        if (loan->home == RING_NOBODY || !route_is_usable(coord, loan->home)) {
            mem_free(loans);
            return NULL;
        }
    }
    qsort(loans->loan, count, sizeof(*loans->loan), compare_loans);
    for (i = 0; i < count; i++) {
        if (i == 0 || loans->loan[i].slot != loans->loan[i - 1].slot)
            loans->loan[kept++] = loans->loan[i];
    }
    loans->count = kept;
    loans->id = atomic_fetch_add(&coord->replica->loans, 1) + 1;
    return loans;
}

static bool
is_good(struct coord *coord, const struct loans *loans, const struct loan *loan)
{
    const struct replica *replica = coord->replica;
    const struct slot_state *state = &replica->slots[loan->slot];
    const struct ring_list *list =
        ring_map_list(replica_map(replica), loan->slot);
    bool is;

    if (replica_primary(replica, list) != loan->home) return false;
    if (!loan->is_got) return true;
    if (loan->home != replica->self && loan->link == NULL) return false;
    store_lock(coord->store, loan->slot);
    is = loan->home == replica->self
             ? state->lent_to == replica->self && state->loan == loans->id
             : state->is_borrowed && state->loan == loans->id &&
                   state->promised_to == replica->self;
    store_unlock(coord->store, loan->slot);
    return is;
}

static bool
are_good(struct coord *coord, const struct loans *loans)
{
    uint32_t i;

    for (i = 0; i < loans->count; i++) {
        if (!is_good(coord, loans, &loans->loan[i])) return false;
    }
    return true;
}

/* How many from `at` on have the same home. */
static uint32_t
group_size(const struct loans *loans, uint32_t at)
{
    uint32_t i = at;

    while (i < loans->count && loans->loan[i].home == loans->loan[at].home)
        i++;
    return i - at;
}

static void
send_lend(struct coord *coord, struct op *op, struct link *link, uint32_t count)
{
    const struct ring_map *map = replica_map(coord->replica);
    struct loans *loans = op->loans;
    struct loan *loan = &loans->loan[loans->next];
    int64_t left = op->asker.deadline_ms - coord_now(coord);
    struct frame frame = {.type = FRAME_LEND, .request_id = op->id};
    struct stamp top = STAMP_NEVER;
    size_t place;
    uint32_t i;

    frame.timeout_ms = left < 1           ? 1
                       : left > INT32_MAX ? INT32_MAX
                                          : (uint32_t)left;
    for (i = 0; i < count; i++) {
        store_lock(coord->store, loan[i].slot);
        top.bits =
            max_u64(top.bits, replica_top(coord->replica, loan[i].slot).bits);
        store_unlock(coord->store, loan[i].slot);
        loan[i].link = link;
    }
    place = link_begin(link, &frame, coord_wall(coord));
    wire_put_u64(&link->out, loans->id);
    wire_put_u64(&link->out, top.bits);
    wire_put_varint(&link->out, count);
    for (i = 0; i < count; i++) {
        wire_put_varint(&link->out, loan[i].slot);
        wire_put_u32(&link->out, ring_map_list(map, loan[i].slot)->hash);
    }
    link_end(link, place, true, coord_now(coord));
    op->asked[0] = link;
    op->asked_count = 1;
    op_set_step(coord, op, STEP_BORROWING);
    stat_add(&coord->stats.loans);
    coord->effects.wake(coord->effects.self, link);
}

/* False: it is to wait for the slot. */
static bool
keep_own(struct coord *coord, struct loans *loans)
{
    struct loan *loan = &loans->loan[loans->next];

    store_lock(coord->store, loan->slot);
    loan->is_got = replica_keep_for(coord->replica, loan->slot,
                                    coord->replica->self, loans->id);
    store_unlock(coord->store, loan->slot);
    if (loan->is_got) loans->next++;
    return loan->is_got;
}

/* The next ones; true: all are here. */
static bool
go_on(struct coord *coord, struct op *op)
{
    struct loans *loans = op->loans;

    while (loans->next < loans->count) {
        uint16_t home = loans->loan[loans->next].home;
        struct link *link;

        if (home == coord->replica->self) {
            if (keep_own(coord, loans)) continue;
            loans_wait(coord, op);
            return false;
        }
        link = coord->effects.link(coord->effects.self, home);
        if (link == NULL) {
            loans_end(coord, op);
            loans_wait(coord, op);
        } else {
            send_lend(coord, op, link, group_size(loans, loans->next));
        }
        return false;
    }
    return true;
}

void
loans_run(struct coord *coord, struct cmd_call *call, struct op *op)
{
    if (op == NULL) {
        op = op_new(coord, call);
        call->is_taken = true;
        if (!op_keep_args(op, call)) {
            op_error(coord, op, "ERR out of memory");
            return;
        }
    }
    if (op->loans != NULL && !are_good(coord, op->loans)) loans_end(coord, op);
    if (op->loans == NULL) {
        op_note_slots(op, call);
        op->loans = loans_of(coord, call);
    }
    coord->op = op; /* who waits below is this one */
    if (op->loans == NULL) {
        route_wait(coord, call);
    } else if (go_on(coord, op)) {
        execute_write(coord, call, op);
    }
}

bool
loans_keep_all(struct coord *coord, struct op *op)
{
    const struct replica *replica = coord->replica;
    const struct ring_map *map = replica_map(replica);
    struct loans *loans = op->loans;
    uint32_t slot;

    if (loans == NULL) {
        loans = mem_must_zero(sizeof(*loans) +
                              replica->slot_count * sizeof(*loans->loan));
        loans->id = atomic_fetch_add(&coord->replica->loans, 1) + 1;
        for (slot = 0; slot < replica->slot_count; slot++) {
            if (replica_primary(replica, ring_map_list(map, slot)) !=
                replica->self)
                continue;
            loans->loan[loans->count++] =
                (struct loan){.slot = slot, .home = (uint16_t)replica->self};
        }
        op->loans = loans;
    }
    return go_on(coord, op);
}

/* What is given back of one loan; a command that has failed in the midst of it
 * may have lost the tenure. Slot locked. */
static struct handover
give_back(struct coord *coord, const struct loan *loan)
{
    struct slot_state *state = &coord->replica->slots[loan->slot];

    state->is_borrowed = false;
    if (loan->link == NULL) return (struct handover){.stamp = STAMP_NEVER};
    return replica_hand_over(coord->replica, loan->slot, loan->home,
                             STAMP_NEVER, coord_wall(coord));
}

/* Slots of one home that were asked for, whether they were got or not. */
static void
send_back(struct coord *coord, const struct loans *loans, uint32_t at,
          uint32_t count)
{
    struct link *link = loans->loan[at].link;
    struct frame frame = {.type = FRAME_BACK};
    uint32_t i, given = 0;
    size_t place = 0;

    for (i = at; i < at + count; i++)
        given += loans->loan[i].is_got;
    if (link != NULL) {
        place = link_begin(link, &frame, coord_wall(coord));
        wire_put_u64(&link->out, loans->id);
        wire_put_varint(&link->out, given);
    }
    for (i = at; i < at + count; i++) {
        struct handover handover;

        if (!loans->loan[i].is_got) continue;
        store_lock(coord->store, loans->loan[i].slot);
        handover = give_back(coord, &loans->loan[i]);
        store_unlock(coord->store, loans->loan[i].slot);
        if (link != NULL)
            put_handover(&link->out, loans->loan[i].slot, &handover);
    }
    if (link == NULL) return;
    link_end(link, place, false, coord_now(coord));
    coord->effects.wake(coord->effects.self, link);
}

void
loans_end(struct coord *coord, struct op *op)
{
    struct loans *loans = op->loans;
    uint32_t i, count;

    op->loans = NULL;
    for (i = 0; i < loans->count; i += count) {
        uint32_t k;

        count = group_size(loans, i);
        if (loans->loan[i].home != coord->replica->self) {
            send_back(coord, loans, i, count);
            continue;
        }
        for (k = i; k < i + count; k++) {
            if (!loans->loan[k].is_got) continue;
            store_lock(coord->store, loans->loan[k].slot);
            (void)replica_keep_end(coord->replica, loans->loan[k].slot,
                                   coord->replica->self, loans->id);
            store_unlock(coord->store, loans->loan[k].slot);
        }
        freed(coord);
    }
    mem_free(loans);
}

uint64_t
loans_id(const struct op *op)
{
    return op != NULL && op->loans != NULL ? op->loans->id : 0;
}

void
loans_free(struct op *op)
{
    mem_free(op->loans);
    op->loans = NULL;
}

void
loans_link_lost(struct op *op, const struct link *link)
{
    uint32_t i;

    for (i = 0; op->loans != NULL && i < op->loans->count; i++) {
        if (op->loans->loan[i].link == link) op->loans->loan[i].link = NULL;
    }
}

/* One slot of an answer; true: it is here. */
static bool
take_lent(struct coord *coord, struct loans *loans, struct loan *loan,
          const struct handover *handover)
{
    const struct ring_list *list =
        ring_map_list(replica_map(coord->replica), loan->slot);
    struct slot_state *state = &coord->replica->slots[loan->slot];
    enum taken taken = TAKEN_NOT;

    store_lock(coord->store, loan->slot);
    if (!state->is_borrowed && state->lent_to == RING_NOBODY) {
        taken = replica_take_over(coord->replica, loan->slot, list, loan->home,
                                  handover, coord_wall(coord));
    }
    if (taken != TAKEN_NOT) {
        state->is_borrowed = true;
        state->loan = loans->id;
        loan->is_got = true;
    }
    store_unlock(coord->store, loan->slot);
    if (taken == TAKEN_PART) {
        atomic_fetch_add_explicit(&coord->replica->wanted, 1,
                                  memory_order_relaxed);
    }
    return taken != TAKEN_NOT;
}

static bool
read_lent(struct coord *coord, struct loans *loans, struct wire_reader *reader,
          uint64_t count, bool *is_whole)
{
    uint32_t size = group_size(loans, loans->next), i;

    *is_whole = count == size;
    if (count != 0 && count != size) return false;
    for (i = 0; i < count; i++) {
        struct loan *loan = &loans->loan[loans->next + i];
        uint64_t slot;
        struct handover handover = read_handover(reader, &slot);

        if (reader->is_bad || slot != loan->slot) return false;
        if (!take_lent(coord, loans, loan, &handover)) *is_whole = false;
    }
    return wire_is_done(reader);
}

static void
refuse_lent(struct coord *coord, struct link *link, uint64_t id)
{
    struct frame frame = {.type = FRAME_BACK};
    size_t place = link_begin(link, &frame, coord_wall(coord));

    wire_put_u64(&link->out, id);
    wire_put_varint(&link->out, 0);
    link_end(link, place, false, coord_now(coord));
    coord->effects.wake(coord->effects.self, link);
}

void
loans_lent(struct coord *coord, struct link *link, const struct frame *frame)
{
    struct op *op = op_find(coord, frame->request_id);
    struct wire_reader reader = wire_reader(frame->payload);
    uint64_t id = wire_u64(&reader), count = wire_varint(&reader);
    bool is_whole;

    if (op == NULL || op->step != STEP_BORROWING || op->asked[0] != link ||
        loans_id(op) != id) {
        refuse_lent(coord, link, id); /* nobody waits for it any more */
        return;
    }
    if (reader.is_bad ||
        !read_lent(coord, op->loans, &reader, count, &is_whole)) {
        link_break(link, "a loan without sense");
        return;
    }
    op->asked_count = 0;
    if (is_whole) {
        op->loans->next += (uint32_t)count;
        op_wait(coord, op, coord_now(coord));
        op_again(coord, op);
        return;
    }
    if (count == 0)
        coord->effects.exchange(coord->effects.self,
                                coord_link_of(link)->number);
    loans_end(coord, op);
    loans_wait(coord, op);
}

/* ---- the home ---- */

/* Slots that it does not give back by itself are asked for. */
static void
drop(struct coord *coord, struct lending **place)
{
    struct lending *lending = *place;
    bool is_missing = false;
    uint32_t i;

    for (i = 0; i < lending->kept; i++) {
        uint32_t slot = lending->slots[i];

        store_lock(coord->store, slot);
        if (replica_keep_end(coord->replica, slot, lending->from,
                             lending->loan) &&
            coord->replica->slots[slot].tenure == TENURE_NONE) {
            is_missing = true;
        }
        store_unlock(coord->store, slot);
    }
    if (is_missing) {
        atomic_fetch_add_explicit(&coord->replica->wanted, 1,
                                  memory_order_relaxed);
    }
    *place = lending->next;
    coord->lending_count--;
    mem_free(lending);
    freed(coord);
}

static bool
keep_all(struct coord *coord, struct lending *lending)
{
    bool is_kept = true;

    while (lending->kept < lending->count && is_kept) {
        uint32_t slot = lending->slots[lending->kept];

        store_lock(coord->store, slot);
        is_kept = replica_keep_for(coord->replica, slot, lending->from,
                                   lending->loan);
        store_unlock(coord->store, slot);
        if (is_kept) lending->kept++;
    }
    return is_kept;
}

/* What stands in the way of lending; the least of all slots. */
enum ready { READY_MISSING, READY_WRITTEN, READY_COPIED, READY };

static enum ready
look_at(struct coord *coord, const struct lending *lending)
{
    struct replica *replica = coord->replica;
    enum ready ready = READY;
    uint32_t i;

    for (i = 0; i < lending->count; i++) {
        uint32_t slot = lending->slots[i];
        enum ready one = READY;

        store_lock(coord->store, slot);
        if (replica->slots[slot].tenure == TENURE_NONE) {
            replica->slots[slot].is_wanted = true;
            one = READY_MISSING;
        } else if (!replica_is_still(replica, slot, false)) {
            one = READY_WRITTEN;
        } else if (!replica_is_still(replica, slot, true)) {
            one = READY_COPIED;
        }
        store_unlock(coord->store, slot);
        if (one < ready) ready = one;
    }
    return ready;
}

static bool
is_ready(struct coord *coord, struct lending *lending)
{
    int64_t now_ms = coord_now(coord);

    switch (look_at(coord, lending)) {
    case READY: return true;
    case READY_COPIED:
        if (lending->patience_ms == 0)
            lending->patience_ms = now_ms + LINGER_MS;
        return now_ms >= lending->patience_ms;
    case READY_WRITTEN: return false;
    case READY_MISSING:
        if (now_ms < lending->ask_ms) return false;
        lending->ask_ms = now_ms + RETRY_MS;
        atomic_fetch_add_explicit(&coord->replica->wanted, 1,
                                  memory_order_relaxed);
        return false;
    }
    return false;
}

static void
lend(struct coord *coord, struct lending *lending)
{
    struct frame frame = {.type = FRAME_LENT,
                          .request_id = lending->request_id};
    struct link *link = lending->link;
    size_t place = link_begin(link, &frame, coord_wall(coord));
    uint32_t i;

    wire_put_u64(&link->out, lending->loan);
    wire_put_varint(&link->out, lending->count);
    for (i = 0; i < lending->count; i++) {
        struct handover handover;

        store_lock(coord->store, lending->slots[i]);
        handover =
            replica_hand_over(coord->replica, lending->slots[i], lending->from,
                              lending->above, coord_wall(coord));
        store_unlock(coord->store, lending->slots[i]);
        put_handover(&link->out, lending->slots[i], &handover);
    }
    link_end(link, place, true, coord_now(coord));
    lending->is_lent = true;
    lending->deadline_ms += LENT_LATE_MS;
    coord->effects.wake(coord->effects.self, link);
}

static void
try_lend(struct coord *coord, struct lending *lending)
{
    if (keep_all(coord, lending) && is_ready(coord, lending)) {
        lend(coord, lending);
    } else {
        note_wait(coord);
    }
}

void
loans_turn(struct coord *coord)
{
    struct lending **place = &coord->lendings;

    while (*place != NULL) {
        struct lending *lending = *place;

        if (coord_now(coord) >= lending->deadline_ms) {
            drop(coord, place);
            continue;
        }
        if (!lending->is_lent) try_lend(coord, lending);
        place = &lending->next;
    }
}

int64_t
loans_deadline_ms(const struct coord *coord)
{
    const struct lending *lending;
    int64_t at = INT64_MAX;

    for (lending = coord->lendings; lending != NULL; lending = lending->next) {
        int64_t due_ms = lending->deadline_ms;

        if (!lending->is_lent && coord_now(coord) + RETRY_MS < due_ms)
            due_ms = coord_now(coord) + RETRY_MS;
        if (due_ms < at) at = due_ms;
    }
    return at;
}

void
loans_lost(struct coord *coord, const struct link *link)
{
    struct lending **place = &coord->lendings;

    while (*place != NULL) {
        if (link == NULL || (*place)->link == link) {
            drop(coord, place);
        } else {
            place = &(*place)->next;
        }
    }
}

/* This node is their home, as it sees it, and the lists are the same. */
static bool
read_lend(struct coord *coord, struct wire_reader *reader,
          struct lending *lending, bool *is_home)
{
    const struct ring_map *map = replica_map(coord->replica);
    uint64_t before = 0;
    uint32_t i;

    *is_home = map != NULL;
    for (i = 0; i < lending->count; i++) {
        uint64_t slot = wire_varint(reader);
        uint32_t hash = wire_u32(reader);
        const struct ring_list *list;

        if (reader->is_bad || slot >= coord->replica->slot_count ||
            (i > 0 && slot <= before)) {
            return false;
        }
        before = slot;
        lending->slots[i] = (uint16_t)slot;
        if (!*is_home) continue;
        list = ring_map_list(map, (uint32_t)slot);
        *is_home =
            list->hash == hash && ring_list_owns(list, lending->from) &&
            replica_primary(coord->replica, list) == coord->replica->self;
    }
    return wire_is_done(reader);
}

static void
refuse_lend(struct coord *coord, struct link *link,
            const struct frame *question, uint64_t loan)
{
    struct frame frame = {.type = FRAME_LENT,
                          .request_id = question->request_id};
    size_t place = link_begin(link, &frame, coord_wall(coord));

    wire_put_u64(&link->out, loan);
    wire_put_varint(&link->out, 0);
    link_end(link, place, false, coord_now(coord));
    coord->effects.wake(coord->effects.self, link);
}

static void
add_lending(struct coord *coord, struct lending *lending)
{
    struct lending **place = &coord->lendings;

    while (*place != NULL)
        place = &(*place)->next;
    *place = lending;
    coord->lending_count++;
}

void
loans_lend(struct coord *coord, struct link *link, const struct frame *frame)
{
    struct wire_reader reader = wire_reader(frame->payload);
    uint64_t loan = wire_u64(&reader), above = wire_u64(&reader);
    uint64_t count = wire_varint(&reader);
    int64_t age = link_frame_age_ms(link, frame, coord_wall(coord));
    struct lending *lending;
    bool is_home;

    if (reader.is_bad || count == 0 ||
        count > frame->payload.size / LEND_BYTES_LEAST) {
        link_break(link, "a loan without sense");
        return;
    }
    lending = mem_must_zero(sizeof(*lending) + count * sizeof(uint16_t));
    lending->link = link;
    lending->request_id = frame->request_id;
    lending->loan = loan;
    lending->above.bits = above;
    lending->from = coord_link_of(link)->number;
    lending->count = (uint32_t)count;
    lending->deadline_ms = coord_now(coord) - age;
    lending->deadline_ms +=
        frame->timeout_ms < LEND_MOST_MS ? frame->timeout_ms : LEND_MOST_MS;
    if (!read_lend(coord, &reader, lending, &is_home)) {
        link_break(link, "a loan without sense");
        mem_free(lending);
    } else if (!is_home || coord->lending_count == LENDINGS_MAX ||
               age > (int64_t)frame->timeout_ms) {
        refuse_lend(coord, link, frame, loan);
        mem_free(lending);
    } else {
        add_lending(coord, lending);
        try_lend(coord, lending);
    }
}

static bool
lends(const struct lending *lending, uint64_t slot)
{
    uint32_t i;

    for (i = 0; i < lending->count && lending->slots[i] < slot; i++)
        ;
    return lending->is_lent && i < lending->count && lending->slots[i] == slot;
}

/* One slot that has come back; what is not whole is the keeper's. */
static void
take_back(struct coord *coord, const struct lending *lending, uint32_t slot,
          const struct handover *handover)
{
    const struct ring_list *list =
        ring_map_list(replica_map(coord->replica), slot);
    bool is_held = false;

    store_lock(coord->store, slot);
    if (coord->replica->slots[slot].lent_to == lending->from &&
        coord->replica->slots[slot].loan == lending->loan) {
        (void)replica_take_over(coord->replica, slot, list, lending->from,
                                handover, coord_wall(coord));
    }
    is_held = coord->replica->slots[slot].tenure == TENURE_HELD;
    store_unlock(coord->store, slot);
    if (!is_held) {
        atomic_fetch_add_explicit(&coord->replica->wanted, 1,
                                  memory_order_relaxed);
    }
}

void
loans_back(struct coord *coord, struct link *link, const struct frame *frame)
{
    struct wire_reader reader = wire_reader(frame->payload);
    uint64_t loan = wire_u64(&reader), count = wire_varint(&reader), i, slot;
    struct lending **place = &coord->lendings;

    if (reader.is_bad || count > frame->payload.size / LENT_BYTES_LEAST) {
        link_break(link, "a loan without sense");
        return;
    }
    while (*place != NULL && ((*place)->link != link || (*place)->loan != loan))
        place = &(*place)->next;
    if (*place == NULL) return; /* it was too late */
    for (i = 0; i < count && replica_map(coord->replica) != NULL; i++) {
        struct handover handover = read_handover(&reader, &slot);

        if (reader.is_bad || !lends(*place, slot)) {
            link_break(link, "a loan without sense");
            break;
        }
        take_back(coord, *place, (uint32_t)slot, &handover);
    }
    drop(coord, place);
}
