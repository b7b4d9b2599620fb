/*
 * Where a command is run.
 *
 *   no keys              here, or whole.c
 *   a write              at the primary of its keys' slots, as things look
 *   a read               here if this node owns all of its keys, settled;
 *                        else at an owner, the primary first
 *   keys of several      nodes, and reads of several lists of owners: split
 *                        (parts.c) if the command can be joined again, else at
 *                        the primary of most of them, which borrows the others'
 *                        slots (loans.c)
 *   nobody to be reached wait, until the deadline
 *
 * A read behind a write of the same connection to the same slot goes where that
 * write went, over the same link: so it sees it. Behind one that has not been
 * run or sent yet, reads and writes of that slot wait; writes also behind a
 * read that is not answered yet.
 */
#include "coord/inside.h"

#include "command/multi.h"

bool
route_is_usable(const struct coord *coord, uint32_t number)
{
    if (number == coord->replica->self) return true;
    return (replica_health(coord->replica, number) & PEER_REACHABLE) &&
           coord->effects.link(coord->effects.self, number) != NULL;
}

const struct store_key *
route_keys(const struct cmd_call *call, uint32_t *count)
{
    switch ((enum cmd_key_shape)call->spec->key_shape) {
    case CMD_KEYS_NONE: break;
    case CMD_KEYS_ONE: *count = 1; return &call->key;
    case CMD_KEYS_MANY: *count = call->key_count; return call->keys;
    }
    *count = 0;
    return NULL;
}

static struct quorum
ring_quorum(const struct replica *replica)
{
    return (struct quorum){
        .r = (uint8_t)atomic_load_explicit(&replica->read_quorum,
                                           memory_order_relaxed),
        .w = (uint8_t)atomic_load_explicit(&replica->write_quorum,
                                           memory_order_relaxed),
        .mode = atomic_load_explicit(&replica->is_strict, memory_order_relaxed)
                    ? MODE_STRICT
                    : MODE_SLOPPY,
    };
}

struct quorum
route_quorum(const struct coord *coord, const struct cmd_call *call)
{
    const struct prefixes *prefixes = atomic_load_explicit(
        &coord->env->shared->prefixes, memory_order_acquire);
    struct quorum ring = ring_quorum(coord->replica), all = ring;
    const struct store_key *keys;
    uint32_t count, i;

    if (LIKELY(prefixes == NULL))
        return quorum_over(call->client->quorum, ring);
    keys = route_keys(call, &count);
    for (i = 0; i < count; i++) {
        const struct prefix_rule *rule = prefixes_find(prefixes, keys[i].name);
        struct quorum one =
            rule != NULL ? quorum_over(rule->quorum, ring) : ring;

        all = i == 0 ? one : quorum_strictest(all, one);
    }
    return quorum_over(call->client->quorum, all);
}

bool
route_owns_all(const struct coord *coord, const struct op *op, uint32_t number)
{
    const struct ring_map *map = replica_map(coord->replica);
    uint32_t i;

    for (i = 0; i < op->touched_count; i++) {
        if (!ring_list_owns(ring_map_list(map, op->touched[i].slot), number))
            return false;
    }
    return true;
}

static bool
is_settled(const struct coord *coord, uint32_t slot)
{
    bool is;

    store_lock(coord->store, slot);
    is = replica_is_settled(coord->replica, slot);
    store_unlock(coord->store, slot);
    return is;
}

enum order {
    ORDER_FREE,   /* nothing of this client is before it */
    ORDER_BEHIND, /* a write that is elsewhere: go there, too */
    ORDER_WAIT,   /* something that has not run yet, or elsewhere, over several
                   * slots: it may wait for one of them while others pass */
};

static bool
has_slot(const struct op *op, uint32_t slot)
{
    uint32_t i;

    for (i = 0; i < op->touched_count; i++) {
        if (op->touched[i].slot == slot) return true;
    }
    return false;
}

/* A peer's commands on a slot follow each other over its link: none overtakes
 * one that waits here. */
static enum order
order_on_link(const struct coord *coord, uint32_t slot)
{
    const struct op *op = coord->waiting_count > 0 ? coord->oldest : NULL;

    for (; op != NULL && op != coord->op; op = op->newer) {
        if (op->asker.link == coord->asker.link && step_waits(op->step) &&
            has_slot(op, slot)) {
            return ORDER_WAIT;
        }
    }
    return ORDER_FREE;
}

/* What this client has under way on the slot, before the command. A read that
 * is still being compared, here or where it was asked, may have to run again,
 * there or elsewhere: then it must not see what the client writes behind it.
 * Who has borrowed slots has waited for all this, and must not wait for
 * somebody who waits for them. */
static enum order
order_of(const struct coord *coord, uint32_t slot, bool is_write)
{
    const struct op *parent = coord->asker.parent, *op;
    const struct client *client =
        parent != NULL ? parent->asker.client : coord->asker.client;
    enum order order = ORDER_FREE;

    if (coord->op != NULL && coord->op->loans != NULL) return order;
    if (coord->asker.link != NULL) return order_on_link(coord, slot);
    if (client == NULL) return order;
    for (op = client->ops; op != NULL && op != coord->op && op != parent;
         op = op->next) {
        switch (op->step) {
        case STEP_RETRY:
        case STEP_FETCHING:
        case STEP_BORROWING:
            if (has_slot(op, slot)) return ORDER_WAIT;
            break;
        case STEP_PARTS: return ORDER_WAIT;
        case STEP_ASKED:
            if (!has_slot(op, slot)) break;
            if (op->is_spanning) return ORDER_WAIT;
            if (is_write && !op->is_write) return ORDER_WAIT;
            if (op->is_write) order = ORDER_BEHIND;
            break;
        case STEP_VERSIONS:
            if (is_write && has_slot(op, slot)) return ORDER_WAIT;
            break;
        case STEP_AWAIT:
        case STEP_COPIES: /* it ran here */
        case STEP_DONE:
        case STEP_FREE: break;
        }
    }
    return order;
}

static struct pace *
pace_of(const struct coord *coord, uint32_t number)
{
    struct link *link = coord->effects.link(coord->effects.self, number);

    return &coord_link_of(link)->requests;
}

/* An owner other than this node to read at: the primary, or, if it may be any,
 * one that is much quicker. */
static uint32_t
reader(const struct coord *coord, const struct ring_list *list, bool is_any)
{
    uint32_t best = replica_primary(coord->replica, list), best_ms, ms, i;

    if (best == coord->replica->self ||
        (best != RING_NOBODY && !route_is_usable(coord, best))) {
        best = RING_NOBODY;
    }
    if (best != RING_NOBODY && !is_any) return best;
    best_ms = best != RING_NOBODY ? hedge_late_ms(coord, pace_of(coord, best))
                                  : UINT32_MAX;
    for (i = 0; i < list->count; i++) {
        uint32_t number = list->owners[i];

        if (number == coord->replica->self || number == best ||
            !route_is_usable(coord, number)) {
            continue;
        }
        ms = hedge_late_ms(coord, pace_of(coord, number));
        if (best != RING_NOBODY && 2 * ms >= best_ms) continue;
        best = number;
        best_ms = ms;
    }
    return best;
}

/* A read that is behind nothing, of a quorum that meets each that was written
 * to: all owners give the same answer. */
static bool
may_be_any(const struct coord *coord, const struct cmd_call *call,
           const struct ring_list *list, enum order order)
{
    struct quorum quorum;

    if (order != ORDER_FREE || coord->asker.link != NULL) return false;
    quorum = route_quorum(coord, call);
    return replica_cut(quorum.r, list) + replica_cut(quorum.w, list) >
           list->count;
}

static struct place
place_read(struct coord *coord, const struct cmd_call *call,
           const struct ring_list *list, uint32_t slot)
{
    uint32_t self = coord->replica->self, primary, number;
    enum order order = order_of(coord, slot, false);
    bool is_any;

    if (order == ORDER_WAIT) return (struct place){.kind = PLACE_BEHIND};
    if (order == ORDER_BEHIND) {
        primary = replica_primary(coord->replica, list);
        if (primary == self)
            return (struct place){.kind = PLACE_HERE, .number = self};
        if (primary != RING_NOBODY && route_is_usable(coord, primary))
            return (struct place){.kind = PLACE_THERE, .number = primary};
    }
    if (ring_list_owns(list, self) && is_settled(coord, slot))
        return (struct place){.kind = PLACE_HERE, .number = self};
    if (coord->asker.hops >= OP_HOPS_MAX)
        return (struct place){.kind = PLACE_NOWHERE};
    is_any = may_be_any(coord, call, list, order);
    number = reader(coord, list, is_any);
    if (number == RING_NOBODY) return (struct place){.kind = PLACE_NOWHERE};
    return (struct place){
        .kind = PLACE_THERE, .number = number, .may_hedge = is_any};
}

static struct place
place_write(struct coord *coord, const struct ring_list *list, uint32_t slot)
{
    uint32_t number = replica_primary(coord->replica, list);

    if (order_of(coord, slot, true) == ORDER_WAIT)
        return (struct place){.kind = PLACE_BEHIND};
    if (number == coord->replica->self)
        return (struct place){.kind = PLACE_HERE, .number = number};
    if (number == RING_NOBODY || !route_is_usable(coord, number) ||
        coord->asker.hops >= OP_HOPS_MAX) {
        return (struct place){.kind = PLACE_NOWHERE};
    }
    return (struct place){.kind = PLACE_THERE, .number = number};
}

/* Something of this client's that another node runs; a read, too: what wants
 * several slots does not go to the same node over the same link. */
static bool
is_asked(const struct coord *coord, uint32_t slot)
{
    const struct op *parent = coord->asker.parent, *op;
    const struct client *client =
        parent != NULL ? parent->asker.client : coord->asker.client;

    if (client == NULL) return false;
    for (op = client->ops; op != NULL && op != coord->op && op != parent;
         op = op->next) {
        if (op->step == STEP_ASKED && has_slot(op, slot)) return true;
    }
    return false;
}

bool
route_is_free(const struct coord *coord, const struct cmd_call *call)
{
    bool is_write = (call->spec->flags & CMD_WRITE) != 0;
    uint32_t count, i;
    const struct store_key *keys = route_keys(call, &count);

    if (coord->op != NULL && coord->op->loans != NULL) return true;
    for (i = 0; i < count; i++) {
        if (order_of(coord, keys[i].slot, is_write) != ORDER_FREE ||
            is_asked(coord, keys[i].slot)) {
            return false;
        }
    }
    return true;
}

/* What no owner can do now, a stand-in perhaps can. */
static struct place
place_acting(const struct coord *coord, const struct cmd_call *call,
             uint32_t slot, bool is_write)
{
    uint32_t number = acting_node(coord, call, slot);

    if (number == RING_NOBODY || order_of(coord, slot, is_write) == ORDER_WAIT)
        return (struct place){.kind = PLACE_NOWHERE};
    return (struct place){.kind = number == coord->replica->self ? PLACE_ACTING
                                                                 : PLACE_THERE,
                          .number = number};
}

struct place
route_place(struct coord *coord, const struct cmd_call *call, bool is_write)
{
    const struct ring_map *map = replica_map(coord->replica);
    struct place place = {.kind = PLACE_HERE, .number = coord->replica->self},
                 other;
    const struct ring_list *first = NULL;
    const struct store_key *keys;
    uint32_t count, i;

    if (map == NULL) return (struct place){.kind = PLACE_NOWHERE};
    keys = route_keys(call, &count);
    for (i = 0; i < count; i++) {
        const struct ring_list *list = ring_map_list(map, keys[i].slot);

        if (i > 0 && keys[i].slot == keys[i - 1].slot) continue;
        other = is_write ? place_write(coord, list, keys[i].slot)
                         : place_read(coord, call, list, keys[i].slot);
        if (UNLIKELY(other.kind == PLACE_BEHIND)) return other;
        if (UNLIKELY(other.kind == PLACE_NOWHERE)) {
            if (count == 1)
                return place_acting(coord, call, keys[i].slot, is_write);
            return other;
        }
        if (i == 0) {
            place = other;
            first = list;
            continue;
        }
        place.may_hedge &= other.may_hedge;
        if (other.number != place.number ||
            (!is_write && !ring_list_same_owners(list, first))) {
            return (struct place){.kind = PLACE_PARTS};
        }
    }
    return place;
}

void
route_wait_behind(struct coord *coord, struct cmd_call *call)
{
    struct op *op = coord->op;

    if (op == NULL) {
        op = op_new(coord, call);
        call->is_taken = true;
        if (!op_keep_args(op, call)) {
            op_fail(coord, op);
            return;
        }
    }
    op_note_slots(op, call);
    op_wait(coord, op, coord_now(coord) + RETRY_MS);
}

void
route_wait(struct coord *coord, struct cmd_call *call)
{
    atomic_fetch_add_explicit(&coord->replica->wanted, 1, memory_order_relaxed);
    route_wait_behind(coord, call);
}

/* WATCH remembers what this node's copy says: EXEC compares it at the primary.
 */
static void
run_watch(struct coord *coord, struct cmd_call *call)
{
    size_t start = call->reply->out.used;

    if (route_place(coord, call, false).kind == PLACE_HERE) {
        call->guard = NULL;
        (void)cmd_execute(call, true);
    } else {
        reply_error(call->reply, "ERR WATCH needs a node that owns the keys");
    }
    execute_finish(coord, call, coord->op, start);
}

static void
run_keyed(struct coord *coord, struct cmd_call *call)
{
    bool is_write = (call->spec->flags & CMD_WRITE) != 0;
    struct place place = route_place(coord, call, is_write);

    switch (place.kind) {
    case PLACE_HERE:
        if (is_write) {
            execute_write(coord, call, coord->op);
        } else {
            execute_read(coord, call, coord->op);
        }
        return;
    case PLACE_THERE: request_ask_at(coord, call, coord->op, &place); return;
    case PLACE_ACTING: acting_run(coord, call, coord->op); return;
    case PLACE_PARTS: parts_run(coord, call); return;
    case PLACE_BEHIND: route_wait_behind(coord, call); return;
    case PLACE_NOWHERE: route_wait(coord, call); return;
    }
}

void
route_run(struct coord *coord, struct cmd_call *call)
{
    uint32_t count;

    (void)route_keys(call, &count);
    if (call->spec->run == multi_watch) {
        run_watch(coord, call);
    } else if (count > 0) {
        run_keyed(coord, call);
    } else if (!whole_run(coord, call)) {
        size_t start = call->reply->out.used;

        call->guard = NULL;
        (void)cmd_execute(call, false);
        execute_finish(coord, call, coord->op, start);
    }
}
