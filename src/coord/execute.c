/*
 * Running a command here, under its slots' locks:
 *
 *   enter   a write: the tenure of each slot is this node's, and its keys are
 *           caught up; a read of a quorum: each slot is settled. Each key's
 *           version is noted.
 *   run
 *   leave   keys whose version is another now have changed: their records go
 *           to coord->records, encoded once. A read notes what it has seen.
 *
 * So a command says nothing about what it changes: whatever it does to the keys
 * it names is found by looking. What it does to others it must not do.
 */
#include "coord/inside.h"

#include "command/packed.h"

/* ---- the keys of the execution ---- */

struct touched *
execute_add_touched(struct coord *coord, const struct store_key *key)
{
    struct touched *to;

    if (coord->touched_count == coord->touched_room) {
        coord->touched_room =
            coord->touched_room > 0 ? 2 * coord->touched_room : 16;
        coord->touched = mem_must_array(coord->touched, coord->touched_room,
                                        sizeof(*coord->touched));
    }
    to = &coord->touched[coord->touched_count++];
    *to = (struct touched){.slot = key->slot, .db = key->db, .hash = key->hash};
    return to;
}

/* Calls `each` for all keys that the command may change or read. */
static void
for_keys(struct coord *coord, const struct cmd_call *call,
         void (*each)(struct coord *coord, const struct store_key *key,
                      uint32_t at))
{
    uint32_t count, at = 0, i, dbs = 0;
    const struct store_key *keys = route_keys(call, &count);

    if (call->spec->flags & CMD_WRITE) {
        dbs = packed_dbs(call) & ~(1u << call->client->db);
    }
    for (i = 0; i < count; i++) {
        uint32_t left = dbs;

        each(coord, &keys[i], at++);
        for (; UNLIKELY(left != 0); left &= left - 1) {
            struct store_key key = store_key(
                coord->store, (uint32_t)__builtin_ctz(left), keys[i].name);

            each(coord, &key, at++);
        }
    }
}

/*
 * Strict writes are not under a tenure that lacks promises. One that is short
 * all the same has W = N: no strict write of another's can have its copies
 * without this node, so for them it is like any other. Sloppy ones may, from
 * stand-ins.
 */
bool
execute_note_tenure(const struct coord *coord, uint32_t slot)
{
    const struct slot_state *state = &coord->replica->slots[slot];
    bool is_short = state->is_short && coord->quorum.mode != MODE_STRICT;

    if (is_short) {
        replica_saw_short(coord->replica, slot, state->promised);
    } else {
        replica_saw_tenure(coord->replica, slot, state->promised);
    }
    return is_short;
}

static void
note_before(struct coord *coord, const struct store_key *key, uint32_t at)
{
    const struct slot_state *state = &coord->replica->slots[key->slot];
    struct touched *touched = execute_add_touched(coord, key);
    struct store_sight sight;
    size_t from = coord->before.used;

    (void)at;
    touched->tenure = state->promised;
    coord->is_short |= execute_note_tenure(coord, key->slot);
    /* what is about to be written over is kept, should nobody take the write */
    touched->is_before_kept = true;
    if (!store_look(coord->store, key, coord_wall(coord), &sight)) return;
    touched->version = sight.version;
    touched->newest = sight.newest;
    touched->is_before_kept = sight.record.value.size <= OP_BEFORE_MAX &&
                              sight.record.key.size <= OP_BEFORE_MAX;
    if (!touched->is_before_kept) return;
    record_write(&coord->before, &sight.record);
    touched->before_bytes = (uint32_t)(coord->before.used - from);
}

static bool
is_named_before(const struct coord *coord, uint32_t at)
{
    const struct touched *touched = coord->touched;
    uint32_t i;

    for (i = 0; i < at; i++) {
        if (touched[i].hash == touched[at].hash &&
            touched[i].slot == touched[at].slot) {
            return true;
        }
    }
    return false;
}

void
execute_note_after(struct coord *coord, struct store *store,
                   const struct store_key *key, uint32_t at)
{
    struct touched *touched = &coord->touched[at];
    struct store_sight sight;

    if (!store_look(store, key, coord_wall(coord), &sight)) return;
    if (sight.version == touched->version) /* read, perhaps */
        replica_note_shown(coord->replica, key->slot);
    if (sight.version == touched->version || is_named_before(coord, at)) return;
    touched->is_changed = true;
    touched->is_counter = sight.record.kind == RECORD_VALUE &&
                          sight.record.type == OBJECT_COUNTER;
    touched->newest = sight.newest;
    replica_note_write(coord->replica, key->slot);
    if (coord->record_count == coord->record_room) {
        coord->record_room =
            coord->record_room > 0 ? 2 * coord->record_room : 16;
        coord->record_ends =
            mem_must_array(coord->record_ends, coord->record_room,
                           sizeof(*coord->record_ends));
    }
    record_write(&coord->records, &sight.record);
    coord->record_ends[coord->record_count++] = (uint32_t)coord->records.used;
}

static void
note_after(struct coord *coord, const struct store_key *key, uint32_t at)
{
    execute_note_after(coord, coord->store, key, at);
}

static void
note_seen(struct coord *coord, const struct store_key *key, uint32_t at)
{
    const struct slot_state *state = &coord->replica->slots[key->slot];
    struct touched *touched = execute_add_touched(coord, key);
    struct store_sight sight;

    (void)at;
    replica_note_shown(coord->replica, key->slot);
    (void)store_look(coord->store, key, coord_wall(coord), &sight);
    touched->version = sight.version;
    touched->newest = sight.newest;
    touched->merged = state->merged;
    if (state->tenure == TENURE_HELD) touched->tenure = state->promised;
}

/* ---- the guards ---- */

bool
execute_has_tenure(struct coord *coord, uint32_t slot, uint32_t list_hash)
{
    struct slot_state *state = &coord->replica->slots[slot];
    bool is_strict = coord->quorum.mode == MODE_STRICT;

    if (replica_may_write(coord->replica, slot, list_hash) &&
        !(is_strict && state->is_lacking)) {
        return true;
    }
    state->is_wanted = true;
    if (!is_strict) state->is_short_fine = true;
    return false;
}

/* The keys' tenure is open: they have been fetched from its promisers. */
static bool
is_fetched(const struct op *op, uint32_t at, struct stamp tenure)
{
    return op != NULL && at < op->touched_count &&
           fetch_is_done(op, &op->touched[at], tenure);
}

/* The slots' state allows a write now. */
static bool
may_write(struct coord *coord, const struct cmd_call *call)
{
    const struct ring_map *map = replica_map(coord->replica);
    uint32_t count, i;
    const struct store_key *keys = route_keys(call, &count);

    for (i = 0; i < count; i++) {
        uint32_t slot = keys[i].slot;
        const struct ring_list *list = ring_map_list(map, slot);
        const struct slot_state *state = &coord->replica->slots[slot];

        if (UNLIKELY(
                replica_is_lent(coord->replica, slot) ||
                (state->is_borrowed && state->loan != loans_id(coord->op)))) {
            coord->wants_loan = true;
            return false;
        }
        if (!execute_has_tenure(coord, slot, list->hash)) return false;
        /* promised by too few, who say nothing of what the others have */
        if (UNLIKELY(state->is_short && !state->is_settled) &&
            !acting_needs_no_copy(call)) {
            return false;
        }
        if (state->tenure == TENURE_OPEN &&
            !is_fetched(coord->op, i, state->promised)) {
            coord->wants_fetch = true;
            return false;
        }
    }
    return true;
}

void
execute_forget(struct coord *coord)
{
    coord->touched_count = coord->record_count = 0;
    coord->records.used = coord->before.used = 0;
    coord->wants_fetch = coord->wants_loan = coord->is_short = false;
}

static bool
enter_write(void *self, struct cmd_call *call)
{
    struct coord *coord = self;

    if (!may_write(coord, call)) return false;
    for_keys(coord, call, note_before);
    return true;
}

static void
leave_write(void *self, struct cmd_call *call)
{
    for_keys(self, call, note_after);
}

static bool
enter_read(void *self, struct cmd_call *call)
{
    const struct coord *coord = self;
    uint32_t count, i;
    const struct store_key *keys = route_keys(call, &count);

    for (i = 0; i < count; i++) {
        if (!replica_is_settled(coord->replica, keys[i].slot)) return false;
    }
    return true;
}

static void
leave_read(void *self, struct cmd_call *call)
{
    for_keys(self, call, note_seen);
}

void
execute_init(struct coord *coord)
{
    coord->guard_write = (struct cmd_guard){enter_write, leave_write, coord};
    coord->guard_read = (struct cmd_guard){enter_read, leave_read, coord};
}

/* ---- after it ---- */

/* SET key value [EX|PX|EXAT|PXAT time]: no more than that. */
static bool
is_blind_set(const struct bytes *args, uint32_t count)
{
    static const char *const options[] = {"ex", "px", "exat", "pxat"};
    uint32_t i;

    for (i = 0; count == 5 && i < ARRAY_LEN(options); i++) {
        if (bytes_is_nocase(args[3], options[i])) return true;
    }
    return count == 3;
}

bool
execute_is_blind(const struct cmd_spec *spec, const struct bytes *args,
                 uint32_t count)
{
    static const char *const names[] = {"setex", "psetex", "mset",
                                        "kula.flush"};
    uint32_t i;

    if (strcmp(spec->name, "set") == 0) return is_blind_set(args, count);
    for (i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(spec->name, names[i]) == 0) return true;
    }
    return false;
}

void
execute_take_reply(struct op *op, struct reply *reply, size_t start)
{
    op_set_reply(op,
                 bytes_of(reply->out.data + start, reply->out.used - start));
    reply->out.used = start;
}

/* Answered at once. */
void
execute_finish(struct coord *coord, struct cmd_call *call, struct op *op,
               size_t start)
{
    const struct asker *asker = &coord->asker;
    struct reply *reply = call->reply;
    struct bytes text =
        bytes_of(reply->out.data + start, reply->out.used - start);

    if (op != NULL) {
        execute_take_reply(op, reply, start);
        op_done(coord, op);
        return;
    }
    if (asker->client != NULL) {
        stat_add(&coord->stats.ops_local);
        return;
    }
    if (asker->link != NULL) {
        request_reply(coord, asker->link, asker->request_id, REPLY_DONE, text);
    } else if (asker->parent != NULL) {
        parts_done(coord, asker->parent, asker->part, text);
    }
    reply->out.used = start;
}

void
execute_keep_touched(struct coord *coord, struct op *op)
{
    uint32_t count = coord->touched_count;

    if (op->touched != &op->one) mem_free(op->touched);
    op->touched = &op->one;
    if (count > 1) {
        op->touched = coord->touched;
        coord->touched = NULL;
        coord->touched_room = 0;
    } else if (count == 1) {
        op->one = coord->touched[0];
    }
    op->touched_count = count;
    coord->touched_count = 0;
}

void
execute_not_now(struct coord *coord, struct cmd_call *call, struct op *op)
{
    bool wants_fetch = coord->wants_fetch, wants_loan = coord->wants_loan;

    execute_forget(coord);
    if (op == NULL) {
        op = op_new(coord, call);
        call->is_taken = true;
        if (!op_keep_args(op, call)) {
            op_fail(coord, op);
            return;
        }
    }
    op_note_slots(op, call);
    if (wants_fetch) {
        fetch_ask(coord, op);
        return;
    }
    if (wants_loan) {
        loans_wait(coord, op);
        return;
    }
    atomic_fetch_add_explicit(&coord->replica->wanted, 1, memory_order_relaxed);
    op_wait(coord, op, coord_now(coord) + RETRY_MS);
}

/* How many owners a read of these keys is compared with, itself included. */
static uint32_t
most_readers(const struct coord *coord, const struct cmd_call *call)
{
    const struct ring_map *map = replica_map(coord->replica);
    uint32_t count, i, most = 0;
    const struct store_key *keys = route_keys(call, &count);

    for (i = 0; i < count; i++) {
        uint32_t r =
            replica_cut(coord->quorum.r, ring_map_list(map, keys[i].slot));

        if (r > most) most = r;
    }
    return most;
}

/* The reply is held until others have said that there is nothing newer. */
static void
ask_others(struct coord *coord, struct cmd_call *call, struct op *op,
           size_t start, uint32_t most)
{
    if (op == NULL) {
        op = op_new(coord, call);
        call->is_taken = true;
        if (!op_keep_args(op, call)) {
            op_fail(coord, op);
            return;
        }
    }
    execute_take_reply(op, call->reply, start);
    execute_keep_touched(coord, op);
    op->run++;
    op->acks = op->tried = op->asked_count = 0;
    op->hedged = RING_NOBODY;
    op->late_ms = INT64_MAX;
    op->acks_needed = most - 1;
    op_set_step(coord, op, STEP_VERSIONS);
    versions_ask(coord, op);
    execute_forget(coord);
}

/* A transaction that has changed nothing is a read, and this node may be a
 * primary that is none any more: nobody has refused it. */
static bool
is_read(const struct coord *coord, const struct cmd_call *call)
{
    const struct ring_map *map = replica_map(coord->replica);
    uint32_t count, i;
    const struct store_key *keys = route_keys(call, &count);

    if (call->spec->run != packed_run || count == 0) return false;
    for (i = 1; i < count; i++) {
        if (!ring_list_same_owners(ring_map_list(map, keys[0].slot),
                                   ring_map_list(map, keys[i].slot))) {
            return false;
        }
    }
    return most_readers(coord, call) > 1;
}

/* Marks one key of each slot in which keys were read, and none changed. */
static void
note_witnesses(struct coord *coord)
{
    uint64_t seen[SLOT_COUNT / 64] = {0};
    uint32_t i;

    for (i = 0; i < coord->touched_count; i++) {
        uint32_t slot = coord->touched[i].slot;

        if (coord->touched[i].is_changed)
            seen[slot / 64] |= UINT64_C(1) << slot % 64;
    }
    for (i = 0; i < coord->touched_count; i++) {
        uint32_t slot = coord->touched[i].slot;
        uint64_t bit = UINT64_C(1) << slot % 64;

        coord->touched[i].is_witness = (seen[slot / 64] & bit) == 0;
        seen[slot / 64] |= bit;
    }
}

struct op *
execute_keep(struct coord *coord, struct cmd_call *call, struct op *op,
             size_t start)
{
    if (op == NULL) {
        op = op_new(coord, call);
        call->is_taken = true;
        if (call->arg_count < 16 && coord->records.used <= OP_ARGS_KEEP)
            (void)op_keep_args(op, call);
    }
    op->has_run = true;
    op->asked_count = 0;
    op->quorum = coord->quorum;
    op->is_short = coord->is_short;
    execute_take_reply(op, call->reply, start);
    execute_keep_touched(coord, op);
    await_note(op, NULL, coord_wall(coord));
    op->before.used = 0;
    buf_must_add(&op->before, coord->before.data, coord->before.used);
    op_set_step(coord, op, STEP_COPIES);
    return op;
}

void
execute_write(struct coord *coord, struct cmd_call *call, struct op *op)
{
    size_t start = call->reply->out.used;

    execute_forget(coord);
    coord->quorum = route_quorum(coord, call);
    if (!copies_can_reach(coord, call)) {
        execute_not_now(coord, call, op);
        return;
    }
    call->guard = &coord->guard_write;
    if (!cmd_execute(call, true)) {
        execute_not_now(coord, call, op);
        return;
    }
    if (coord->record_count == 0 && is_read(coord, call)) {
        ask_others(coord, call, op, start, most_readers(coord, call));
        return;
    }
    if (coord->record_count == 0) {
        execute_finish(coord, call, op, start);
        execute_forget(coord);
        return;
    }
    if (coord->touched_count > 1) note_witnesses(coord);
    op = execute_keep(coord, call, op, start);
    copies_send(coord, op);
    execute_forget(coord);
}

void
execute_read(struct coord *coord, struct cmd_call *call, struct op *op)
{
    size_t start = call->reply->out.used;
    uint32_t most;

    coord->quorum = route_quorum(coord, call);
    most = most_readers(coord, call);
    execute_forget(coord);
    call->guard = &coord->guard_read;
    if (!cmd_execute(call, true)) {
        execute_not_now(coord, call, op);
        return;
    }
    if (most <= 1) {
        execute_finish(coord, call, op, start);
        execute_forget(coord);
        return;
    }
    ask_others(coord, call, op, start, most);
}
