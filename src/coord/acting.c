/*
 * No owner of a slot can be reached: a stand-in acts for them, in sloppy mode.
 *
 *   any node   no owner for ACTING_AFTER_MS --> the first stand-in behind the
 *              list that can be reached
 *   there      runs the command on the copies that it keeps for others, leaves
 *              a hint for each owner, sends COPY {hint} to W - 1 other
 * stand-ins later      the owners get it like any other copy that was kept for
 * them
 *
 * What it may run does not ask what the owners have: writes that are blind, and
 * increments, which add up wherever they are merged. All else (APPEND, SET NX,
 * DEL, ...) waits for an owner, and ends as NOQUORUM.
 *
 * Its versions belong to a tenure that nobody has promised, a short one: so
 * they are neither in tenure nor out of it, and the larger stamp wins.
 *
 * A read is answered here if one copy is enough (R = 1) and this one was
 * written as a whole; that a key is not here says nothing.
 */
#include "coord/inside.h"

enum { ACTING_AFTER_MS = 100 };

/* ---- may it ---- */

static bool
is_increment(const struct cmd_spec *spec)
{
    static const char *const names[] = {"incr", "incrby", "decr", "decrby"};
    uint32_t i;

    for (i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(spec->name, names[i]) == 0) return true;
    }
    return false;
}

bool
acting_needs_no_copy(const struct cmd_call *call)
{
    return is_increment(call->spec) ||
           execute_is_blind(call->spec, call->args, call->arg_count);
}

static bool
may_act(const struct cmd_call *call, struct quorum quorum,
        const struct ring_list *list)
{
    if (quorum.mode == MODE_STRICT) return false;
    if (!(call->spec->flags & CMD_WRITE))
        return replica_cut(quorum.r, list) == 1;
    return acting_needs_no_copy(call);
}

uint32_t
acting_node(const struct coord *coord, const struct cmd_call *call,
            uint32_t slot)
{
    const struct ring_list *list =
        ring_map_list(replica_map(coord->replica), slot);
    int64_t since_ms = coord->asker.deadline_ms - coord->timeout_ms;
    uint16_t fit[RING_OWNERS_MAX];
    struct quorum quorum;
    uint32_t i, count;

    if (call->spec->key_shape != CMD_KEYS_ONE || coord->op == NULL ||
        coord_now(coord) - since_ms < ACTING_AFTER_MS ||
        coord->asker.hops >= OP_HOPS_MAX) {
        return RING_NOBODY;
    }
    quorum = route_quorum(coord, call);
    if (!may_act(call, quorum, list)) return RING_NOBODY;
    for (i = 0; i < list->count; i++) {
        if (replica_health(coord->replica, list->owners[i]) & PEER_REACHABLE)
            return RING_NOBODY;
    }
    count = standins_fit(coord, slot, fit, ARRAY_LEN(fit));
    if ((call->spec->flags & CMD_WRITE) &&
        count < replica_cut(quorum.w, list)) {
        return RING_NOBODY;
    }
    return count > 0 ? fit[0] : RING_NOBODY;
}

/* ---- at the copies kept for others; their slot is locked ---- */

/* A tenure of this node that nobody has promised, and none of its full ones is
 * later than. */
static struct stamp
own_short(struct coord *coord, uint32_t slot)
{
    struct replica *replica = coord->replica;
    struct stamp now, tenure;

    store_lock(coord->store, slot);
    now = store_mint(coord->store, slot, coord_wall(coord));
    tenure = replica_short_of(replica, slot, now);
    if (tenure.bits == 0) {
        tenure = now;
        replica_saw_short(replica, slot, tenure);
    }
    store_learn(atomic_load(&replica->held), slot,
                store_clock(coord->store, slot));
    store_unlock(coord->store, slot);
    return tenure;
}

/* The key is this node's own, too: its shares must not be raised here. */
static bool
is_own(struct coord *coord, const struct store_key *key)
{
    uint64_t version;

    store_lock(coord->store, key->slot);
    version = store_version(coord->store, key);
    store_unlock(coord->store, key->slot);
    return version != 0;
}

static bool
enter_write(void *self, struct cmd_call *call)
{
    struct coord *coord = self;
    struct touched *touched;
    struct store_sight sight;
    size_t bytes = 0;
    uint32_t i;

    for (i = 0; i < call->arg_count; i++)
        bytes += call->args[i].size;
    if (!replica_has_hint_room(coord->replica, bytes, RING_OWNERS_MAX) ||
        is_own(coord, &call->key)) {
        return false;
    }
    touched = execute_add_touched(coord, &call->key);
    touched->tenure = own_short(coord, call->key.slot);
    coord->is_short = true;
    if (store_look(call->store, &call->key, coord_wall(coord), &sight))
        touched->version = sight.version;
    return true;
}

static void
leave_write(void *self, struct cmd_call *call)
{
    struct coord *coord = self;
    struct hints *hints = atomic_load(&coord->replica->hints);
    const struct ring_list *list =
        ring_map_list(replica_map(coord->replica), call->key.slot);
    struct touched *touched = &coord->touched[0];
    struct hint hint = {.hash = call->key.hash, .slot = call->key.slot};
    uint32_t i;

    execute_note_after(coord, call->store, &call->key, 0);
    if (!touched->is_changed) return;
    hint.stamp = touched->newest;
    for (i = 0; i < list->count; i++)
        (void)hints_put(hints, list->owners[i], &hint);
    store_note_stamp(coord->store, touched->newest); /* for the ceiling */
    store_lock(coord->store, call->key.slot);
    store_learn(coord->store, call->key.slot, touched->newest);
    store_unlock(coord->store, call->key.slot);
}

/* Increments alone say nothing of what they were added to. */
static bool
enter_read(void *self, struct cmd_call *call)
{
    struct coord *coord = self;
    struct store_sight sight;

    return store_look(call->store, &call->key, coord_wall(coord), &sight) &&
           sight.record.kind == RECORD_VALUE &&
           sight.record.type == OBJECT_STRING;
}

static void
leave_read(void *self, struct cmd_call *call)
{
    (void)self;
    (void)call;
}

void
acting_init(struct coord *coord)
{
    coord->guard_acting_write =
        (struct cmd_guard){enter_write, leave_write, coord};
    coord->guard_acting_read =
        (struct cmd_guard){enter_read, leave_read, coord};
}

/* ---- running ---- */

static void
send_copies(struct coord *coord, struct op *op)
{
    const struct ring_list *list =
        ring_map_list(replica_map(coord->replica), op->touched[0].slot);
    uint32_t i;

    copies_begin(op);
    op->is_acting = true;
    for (i = 0; i < list->count; i++) {
        if (op->standin_count + 1 < replica_cut(op->quorum.w, list))
            (void)standins_send(coord, op, list->owners[i]);
    }
    if (copies_are_enough(coord, op)) op_done(coord, op);
}

void
acting_run(struct coord *coord, struct cmd_call *call, struct op *op)
{
    bool is_write = (call->spec->flags & CMD_WRITE) != 0, has_run;
    size_t start = call->reply->out.used;

    execute_forget(coord);
    coord->quorum = route_quorum(coord, call);
    replica_standin(coord->replica);
    call->store = atomic_load(&coord->replica->held);
    call->guard =
        is_write ? &coord->guard_acting_write : &coord->guard_acting_read;
    has_run = cmd_execute(call, true);
    call->store = coord->store;
    if (!has_run) {
        execute_not_now(coord, call, op);
    } else if (coord->record_count == 0) {
        execute_finish(coord, call, op, start);
    } else {
        stat_add(&coord->stats.acted);
        send_copies(coord, execute_keep(coord, call, op, start));
    }
    execute_forget(coord);
}
