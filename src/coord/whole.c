/*
 * Commands without keys of their own: those that speak of all keys, and EXEC.
 * All others run here and now.
 *
 *   EXEC       one command with all its keys (command/packed.h): run where all
 *              of them can be; with commands over all keys, or where its keys
 *              have different owners, one after another (counted), or refused:
 *              exec-spanning
 *   FLUSHALL   to each slot's acting primary, which raises the floors; again
 *   FLUSHDB    until all slots have been served
 *   KEYS DBSIZE  here if this node owns all slots and all are settled; else
 *   RANDOMKEY    each acting primary speaks for its slots
 *   SCAN         a step belongs to one slot: here, or at its primary
 */
#include "coord/inside.h"

#include "base/glob.h"
#include "base/hash.h"
#include "base/number.h"
#include "command/multi.h"
#include "command/packed.h"
#include "config/settings.h"

static void
fail_now(struct coord *coord, struct cmd_call *call, const char *text)
{
    size_t start = call->reply->out.used;

    reply_error(call->reply, text);
    execute_finish(coord, call, coord->op, start);
}

/* ---- EXEC ---- */

static void
run_sequence(struct coord *coord, struct cmd_call *call)
{
    struct client *client = call->client;
    struct parts *parts = parts_sequence();
    uint32_t db = client->db, i;

    stat_add(&coord->stats.exec_spanning);
    for (i = 0; i < packed_count(client); i++) {
        const struct cmd_spec *spec;
        uint32_t arg_count;
        const struct bytes *args = packed_at(client, i, &spec, &arg_count);
        int64_t to;

        parts_sequence_add(parts, args, arg_count, db);
        if (strcmp(spec->name, "select") == 0 &&
            number_parse_int(args[1], &to) && to >= 0 && to < STORE_DBS) {
            db = (uint32_t)to;
        }
    }
    packed_leave(client);
    parts_run_sequence(coord, call, parts);
}

/* exec-spanning refuse: nothing has run yet. */
static bool
is_refused(struct coord *coord, struct cmd_call *call)
{
    const struct settings *settings = coord->env->shared->settings;

    if (settings_int(settings, SETTING_EXEC_SPANNING) != SPANNING_REFUSE)
        return false;
    fail_now(coord, call,
             "EXECABORT Transaction discarded because of: keys with different "
             "owners (exec-spanning refuse)");
    multi_discard(call->client);
    return true;
}

/* All keys of the call have the same owners. */
static bool
has_one_list(struct coord *coord, const struct cmd_call *call)
{
    const struct ring_map *map = replica_map(coord->replica);
    uint32_t i;

    for (i = 1; i < call->key_count; i++) {
        if (!ring_list_same_owners(ring_map_list(map, call->keys[0].slot),
                                   ring_map_list(map, call->keys[i].slot))) {
            return false;
        }
    }
    return true;
}

static void
run_packed(struct coord *coord, struct cmd_call *call)
{
    struct client *client = call->client;
    struct cmd_call packed = *call;
    char *numbers;
    struct bytes *args = packed_make(client, &packed.arg_count, &numbers);

    packed.args = args;
    packed.spec = cmd_find(args, packed.arg_count);
    if (!cmd_locate(&packed, false)) {
        fail_now(coord, call, "ERR out of memory");
    } else if (has_one_list(coord, &packed)) {
        route_run(coord, &packed);
        call->is_taken = packed.is_taken;
        packed_leave(client);
    } else if (client->watched_count > 0) {
        fail_now(coord, call,
                 "EXECABORT Transaction discarded because of: watched keys "
                 "with different owners");
        multi_discard(client);
    } else if (!is_refused(coord, call)) {
        run_sequence(coord, call);
    }
    mem_free(args);
    mem_free(numbers);
}

/* False: nothing of it concerns the ring. */
static bool
run_exec(struct coord *coord, struct cmd_call *call)
{
    struct client *client = call->client;

    if (!(client->flags & CLIENT_MULTI) ||
        (client->flags & CLIENT_DIRTY_EXEC)) {
        return false; /* its errors are the local one's */
    }
    switch (packed_kind(client)) {
    case PACKED_HERE: return false;
    case PACKED_WHOLE: run_packed(coord, call); return true;
    case PACKED_MIXED:
        if (client->watched_count > 0) {
            fail_now(coord, call,
                     "EXECABORT Transaction discarded because of: watched "
                     "keys and commands over all keys");
            multi_discard(client);
        } else if (!is_refused(coord, call)) {
            run_sequence(coord, call);
        }
        return true;
    }
    return false;
}

/* ---- FLUSHALL, FLUSHDB ---- */

/* FLUSHALL [ASYNC | SYNC]: its errors are the local one's. */
static bool
run_flush(struct coord *coord, struct cmd_call *call, bool is_all)
{
    struct bytes args[2] = {BYTES_LIT("kula.flush")};
    char text[24];

    if (call->arg_count > 2) return false;
    if (call->arg_count == 2 && !cmd_arg_is(call, 1, "async") &&
        !cmd_arg_is(call, 1, "sync")) {
        return false;
    }
    args[1] = bytes_of(
        text, number_format_int(text, is_all ? -1 : (int64_t)call->client->db));
    parts_run_all(coord, call, ALL_OK, args, 2);
    return true;
}

static void
note_floor(struct coord *coord, struct op *op, uint32_t slot, uint32_t db,
           struct stamp stamp)
{
    const struct slot_state *state = &coord->replica->slots[slot];
    struct record record = {
        .kind = RECORD_FLOOR, .db = db, .slot = slot, .stamp = stamp};

    op->is_short |= execute_note_tenure(coord, slot);
    store_raise_floor(coord->store, slot, db, stamp, coord_wall(coord));
    if (op->touched_count % 1024 == 0 || op->touched == &op->one) {
        struct touched *more =
            mem_must_array(op->touched == &op->one ? NULL : op->touched,
                           (size_t)op->touched_count + 1024, sizeof(*more));

        op->touched = more;
        coord->record_ends =
            mem_must_array(coord->record_ends, (size_t)op->touched_count + 1024,
                           sizeof(*coord->record_ends));
        coord->record_room = op->touched_count + 1024;
    }
    replica_note_write(coord->replica, slot);
    op->touched[op->touched_count++] = (struct touched){
        .slot = slot,
        .db = db,
        .newest = stamp,
        .tenure = state->promised,
        .is_changed = true,
    };
    record_write(&coord->records, &record);
    coord->record_ends[coord->record_count++] = (uint32_t)coord->records.used;
}

/* The slots whose acting primary is this node; returns how many. */
static uint32_t
flush_slots(struct coord *coord, struct op *op, int64_t db)
{
    const struct ring_map *map = replica_map(coord->replica);
    uint32_t slot, count = 0, i;

    for (slot = 0; slot < coord->replica->slot_count; slot++) {
        const struct ring_list *list = ring_map_list(map, slot);
        struct stamp stamp;

        if (replica_primary(coord->replica, list) != coord->replica->self)
            continue;
        store_lock(coord->store, slot);
        if (execute_has_tenure(coord, slot, list->hash)) {
            stamp = store_mint(coord->store, slot, coord_wall(coord));
            for (i = 0; i < STORE_DBS; i++) {
                if (db == (int64_t)i ||
                    (db < 0 && (i == 0 || store_count(coord->store, i) > 0)))
                    note_floor(coord, op, slot, i, stamp);
            }
            count++;
        }
        store_unlock(coord->store, slot);
    }
    return count;
}

/* Between nodes: kula.flush database. */
static void
serve_flush(struct coord *coord, struct cmd_call *call)
{
    struct op *op = coord->op;
    int64_t db = 0;
    uint32_t count;

    if (!number_parse_int(call->args[1], &db) || db < -1 || db >= STORE_DBS) {
        fail_now(coord, call, "ERR a damaged request");
        return;
    }
    if (op == NULL) {
        op = op_new(coord, call);
        call->is_taken = true;
        (void)op_keep_args(op, call);
    }
    if (!loans_keep_all(coord, op)) return; /* or some are always on loan */
    coord->records.used = 0;
    coord->record_count = 0;
    op->touched_count = 0;
    op->has_run = op->is_write = true;
    op->quorum = coord->quorum = route_quorum(coord, call);
    count = flush_slots(coord, op, db);
    op->reply.used = 0;
    buf_must_printf(&op->reply, "*2\r\n:%u\r\n:0\r\n", count);
    await_note(op, NULL, coord_wall(coord));
    op_set_step(coord, op, STEP_COPIES);
    copies_send(coord, op);
}

/* ---- KEYS, DBSIZE, RANDOMKEY ---- */

static bool
owns_all(const struct coord *coord)
{
    const struct replica *replica = coord->replica;

    return ring_map_owned(replica_map(replica), replica->self) ==
               replica->slot_count &&
           atomic_load_explicit(&replica->unsettled, memory_order_relaxed) == 0;
}

/* The live keys of one slot and the client's database. */
static void
visit_slot(struct coord *coord, const struct cmd_call *call, uint32_t slot,
           void (*visit)(void *context, struct bytes name), void *context)
{
    struct store_entry entries[256];
    uint64_t from = 0;

    store_lock(coord->store, slot);
    do {
        uint32_t count = store_entries(coord->store, slot, from,
                                       ARRAY_LEN(entries), entries, &from),
                 i;

        for (i = 0; i < count; i++) {
            struct record record;

            if (entries[i].is_tombstone ||
                !store_record_of(coord->store, slot, entries[i].hash,
                                 coord_wall(coord), &record) ||
                record.kind != RECORD_VALUE || record.db != call->client->db) {
                continue;
            }
            visit(context, record.key);
        }
    } while (from != 0);
    store_unlock(coord->store, slot);
}

/* All slots whose acting primary is this node, settled; returns how many. */
static uint32_t
visit_primaries(struct coord *coord, const struct cmd_call *call,
                void (*visit)(void *context, struct bytes name), void *context)
{
    const struct replica *replica = coord->replica;
    uint32_t slot, count = 0;

    for (slot = 0; slot < replica->slot_count; slot++) {
        const struct ring_list *list =
            ring_map_list(replica_map(replica), slot);
        bool is_settled;

        if (replica_primary(replica, list) != replica->self) continue;
        store_lock(coord->store, slot);
        is_settled = replica_is_settled(replica, slot);
        store_unlock(coord->store, slot);
        if (!is_settled) continue;
        visit_slot(coord, call, slot, visit, context);
        count++;
    }
    return count;
}

struct found_keys {
    struct buf out; /* bulk strings */
    struct bytes pattern;
    uint64_t count;
    uint64_t pick; /* ALL_ANY: the one to be kept */
};

static void
add_key(void *context, struct bytes name)
{
    struct found_keys *found = context;

    if (found->pattern.size > 0 && !glob_match(found->pattern, name, false)) {
        return;
    }
    found->count++;
    buf_must_printf(&found->out, "$%zu\r\n", name.size);
    buf_must_add(&found->out, name.data, name.size);
    buf_must_add(&found->out, "\r\n", 2);
}

static void
count_key(void *context, struct bytes name)
{
    struct found_keys *found = context;

    (void)name;
    found->count++;
}

/* Keeps each with the chance that makes all equally likely in the end. */
static void
pick_key(void *context, struct bytes name)
{
    struct found_keys *found = context;

    found->pick = hash_mix(found->pick, ++found->count);
    if (found->pick % found->count != 0) return;
    found->out.used = 0;
    buf_must_printf(&found->out, "$%zu\r\n", name.size);
    buf_must_add(&found->out, name.data, name.size);
    buf_must_add(&found->out, "\r\n", 2);
}

/* Between nodes: kula.count, kula.keys pattern, kula.random. */
static void
serve_keys(struct coord *coord, struct cmd_call *call)
{
    struct found_keys found = {.pick = (uint64_t)coord_wall(coord)};
    struct reply *reply = call->reply;
    size_t start = reply->out.used;
    uint32_t slots;

    if (strcmp(call->spec->name, "kula.count") == 0) {
        slots = visit_primaries(coord, call, count_key, &found);
        reply_array(reply, 2);
        reply_int(reply, slots);
        reply_int(reply, (int64_t)found.count);
    } else if (strcmp(call->spec->name, "kula.keys") == 0) {
        found.pattern = call->args[1];
        slots = visit_primaries(coord, call, add_key, &found);
        reply_array(reply, 2);
        reply_int(reply, slots);
        reply_array(reply, (int64_t)found.count);
        reply_raw(reply, buf_bytes(&found.out));
    } else {
        (void)visit_primaries(coord, call, pick_key, &found);
        if (found.count > 0) {
            reply_raw(reply, buf_bytes(&found.out));
        } else {
            reply_null(reply);
        }
    }
    buf_deinit(&found.out);
    execute_finish(coord, call, coord->op, start);
}

static bool
run_keys(struct coord *coord, struct cmd_call *call)
{
    const char *name = call->spec->name;
    struct bytes args[2] = {BYTES_LIT("kula.keys")};

    if (owns_all(coord)) return false;
    if (strcmp(name, "keys") == 0) {
        args[1] = call->args[1];
        parts_run_all(coord, call, ALL_KEYS, args, 2);
    } else if (strcmp(name, "dbsize") == 0) {
        args[0] = BYTES_LIT("kula.count");
        parts_run_all(coord, call, ALL_COUNT, args, 1);
    } else {
        args[0] = BYTES_LIT("kula.random");
        parts_run_all(coord, call, ALL_ANY, args, 1);
    }
    return true;
}

/* ---- SCAN ---- */

/* The slot that its cursor is in belongs to somebody else. */
static bool
run_scan(struct coord *coord, struct cmd_call *call)
{
    const struct ring_map *map = replica_map(coord->replica);
    const struct ring_list *list;
    uint32_t slot, number;
    int64_t cursor;
    bool is_settled;

    if (owns_all(coord) || coord->asker.hops >= OP_HOPS_MAX) return false;
    if (!number_parse_int(call->args[1], &cursor)) return false;
    slot = (uint32_t)((uint64_t)cursor >> 32);
    if (slot >= coord->replica->slot_count) return false;
    list = ring_map_list(map, slot);
    store_lock(coord->store, slot);
    is_settled = ring_list_owns(list, coord->replica->self) &&
                 replica_is_settled(coord->replica, slot);
    store_unlock(coord->store, slot);
    if (is_settled) return false;
    number = replica_primary(coord->replica, list);
    if (number == RING_NOBODY || !route_is_usable(coord, number) ||
        number == coord->replica->self) {
        route_wait(coord, call);
        return true;
    }
    request_ask(coord, call, coord->op, number);
    return true;
}

/* ---- the others ---- */

bool
whole_run(struct coord *coord, struct cmd_call *call)
{
    const char *name = call->spec->name;

    if (replica_map(coord->replica) == NULL) return false;
    if (call->spec->run == multi_exec) return run_exec(coord, call);
    if (strcmp(name, "kula.flush") == 0) {
        serve_flush(coord, call);
        return true;
    }
    if (strcmp(name, "kula.wait") == 0) {
        await_serve(coord, call);
        return true;
    }
    if (strncmp(name, "kula.", 5) == 0 && (call->spec->flags & CMD_INTERNAL)) {
        serve_keys(coord, call);
        return true;
    }
    if (strcmp(name, "dbsize") == 0) return run_keys(coord, call);
    if (strcmp(name, "wait") == 0) return await_run(coord, call);
    if (!(call->spec->flags & CMD_WHOLE)) return false;
    if (strcmp(name, "flushall") == 0) return run_flush(coord, call, true);
    if (strcmp(name, "flushdb") == 0) return run_flush(coord, call, false);
    if (strcmp(name, "scan") == 0) return run_scan(coord, call);
    return run_keys(coord, call);
}
