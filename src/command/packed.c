/*
 * KULA.EXEC: packing what a client has queued, and running it. Who runs it
 * holds the locks of all its keys' slots, watched ones included, so it is all
 * or nothing there; what it changed leaves in one frame.
 */
#include "command/packed.h"

#include "base/memory.h"
#include "base/number.h"
#include "command/multi_inside.h"

#include <stdio.h>

enum { NUMBER_ROOM = 24 };

/* ---- reading ---- */

struct cursor {
    const struct bytes *args;
    uint32_t count, at;
};

static bool
next_number(struct cursor *cursor, int64_t *value)
{
    if (cursor->at >= cursor->count) return false;
    return number_parse_int(cursor->args[cursor->at++], value) && *value >= 0;
}

struct inner {
    const struct cmd_spec *spec;
    const struct bytes *args;
    uint32_t arg_count, first; /* place of its first argument */
};

static bool
next_command(struct cursor *cursor, struct inner *inner)
{
    int64_t count;

    if (!next_number(cursor, &count) || count < 1 ||
        count > (int64_t)(cursor->count - cursor->at)) {
        return false;
    }
    inner->first = cursor->at;
    inner->args = &cursor->args[cursor->at];
    inner->arg_count = (uint32_t)count;
    cursor->at += (uint32_t)count;
    inner->spec = cmd_find(inner->args, inner->arg_count);
    return inner->spec != NULL && !(inner->spec->flags & CMD_INTERNAL) &&
           count >= inner->spec->args_min &&
           (inner->spec->args_max == CMD_ARGS_ANY ||
            count <= inner->spec->args_max);
}

static bool
skip_watched(struct cursor *cursor, int64_t *watched)
{
    cursor->at = 2;
    if (!next_number(cursor, watched) ||
        *watched > (int64_t)(cursor->count - cursor->at) / 3) {
        return false;
    }
    cursor->at += 3 * (uint32_t)*watched;
    return true;
}

int32_t
packed_find_keys(const struct bytes *args, uint32_t arg_count, uint32_t *at)
{
    struct cursor cursor = {args, arg_count, 0};
    int64_t watched, commands, i;
    int32_t count = 0, k, keys;

    if (!skip_watched(&cursor, &watched)) return -1;
    for (i = 0; i < watched; i++)
        at[count++] = 3 + 3 * (uint32_t)i + 1;
    if (!next_number(&cursor, &commands)) return -1;
    for (i = 0; i < commands; i++) {
        struct inner inner;

        if (!next_command(&cursor, &inner)) return -1;
        keys = cmd_keys(inner.spec, inner.args, inner.arg_count, at + count);
        for (k = 0; k < keys; k++)
            at[count + k] += inner.first;
        if (keys > 0) count += keys;
    }
    return count;
}

/* ---- running ---- */

static bool
watched_are_unchanged(struct cmd_call *call, int64_t watched)
{
    int64_t i;

    for (i = 0; i < watched; i++) {
        const struct bytes *of = &call->args[3 + 3 * i];
        int64_t db, version;
        struct store_key key;

        if (!number_parse_int(of[0], &db) || db < 0 || db >= STORE_DBS)
            return false;
        if (!number_parse_int(of[2], &version)) return false;
        key = store_key(call->store, (uint32_t)db, of[1]);
        if (store_watch(call->store, &key, call->wall_ms) !=
            (uint64_t)version) {
            return false;
        }
    }
    return true;
}

static void
run_commands(struct cmd_call *call, struct cursor *cursor, int64_t count)
{
    struct inner command;
    int64_t i;

    for (i = 0; i < count && next_command(cursor, &command); i++) {
        struct cmd_call inner = {
            .env = call->env,
            .client = call->client,
            .spec = command.spec,
            .args = command.args,
            .arg_count = command.arg_count,
            .reply = call->reply,
            .store = call->store,
            .wall_ms = call->wall_ms,
            .all_held = true,
            .is_in_exec = true,
        };

        cmd_run_held(&inner);
    }
}

void
packed_run(struct cmd_call *call)
{
    struct cursor cursor = {call->args, call->arg_count, 0};
    const struct cmd_guard *guard = call->guard;
    struct cmd_env *env = call->env;
    struct store_key *keys = env->keys;
    uint32_t *key_args = env->key_args, key_room = env->key_room;
    uint32_t db = call->client->db;
    int64_t watched, commands;

    if (!skip_watched(&cursor, &watched) || !next_number(&cursor, &commands)) {
        reply_error(call->reply, "ERR a damaged transaction");
        return;
    }
    if (!watched_are_unchanged(call, watched)) {
        reply_null_array(call->reply);
        return;
    }
    reply_array(call->reply, commands);
    /* its own keys are looked at again behind it: they and the database stay
     * what they are while its commands find theirs, or SELECT another */
    env->keys = NULL;
    env->key_args = NULL;
    env->key_room = 0;
    run_commands(call, &cursor, commands);
    mem_free(env->keys);
    mem_free(env->key_args);
    env->keys = keys;
    env->key_args = key_args;
    env->key_room = key_room;
    call->client->db = db;
    call->guard = guard;
}

/* ---- packing ---- */

/* Those without keys that a transaction may hold and still go anywhere. */
static bool
is_harmless(const struct cmd_spec *spec)
{
    return strcmp(spec->name, "ping") == 0 || strcmp(spec->name, "echo") == 0 ||
           strcmp(spec->name, "time") == 0 || strcmp(spec->name, "select") == 0;
}

enum packed_kind
packed_kind(const struct client *client)
{
    const struct multi_state *multi = client->multi;
    bool has_keys = client->watched_count > 0, is_mixed = false;
    uint32_t i;

    for (i = 0; i < multi->count; i++) {
        const struct cmd_spec *spec = multi->queue[i].spec;

        if (spec->key_shape != CMD_KEYS_NONE) {
            has_keys = true;
        } else if (!is_harmless(spec)) {
            is_mixed = true;
        }
        if (spec->flags & CMD_WHOLE) has_keys = true;
        /* does it run at all? then what is behind goes to another database */
        if (client->watched_count > 0 && strcmp(spec->name, "select") == 0)
            is_mixed = true;
    }
    if (!has_keys) return PACKED_HERE;
    return is_mixed ? PACKED_MIXED : PACKED_WHOLE;
}

uint32_t
packed_count(const struct client *client)
{
    return client->multi->count;
}

const struct bytes *
packed_at(const struct client *client, uint32_t at,
          const struct cmd_spec **spec, uint32_t *arg_count)
{
    const struct queued *queued = &client->multi->queue[at];

    *spec = queued->spec;
    *arg_count = queued->arg_count;
    return queued->args;
}

/* The database that COPY or MOVE names besides the client's; STORE_DBS: none.
 */
static uint32_t
other_db(const struct cmd_spec *spec, const struct bytes *args, uint32_t count)
{
    int64_t db = STORE_DBS;
    uint32_t i;

    if (strcmp(spec->name, "move") == 0 && count == 3) {
        if (!number_parse_int(args[2], &db)) return STORE_DBS;
    } else if (strcmp(spec->name, "copy") == 0) {
        for (i = 3; i + 1 < count; i++) {
            if (bytes_is_nocase(args[i], "db") &&
                !number_parse_int(args[i + 1], &db)) {
                return STORE_DBS;
            }
        }
    }
    return db < 0 || db > STORE_DBS ? STORE_DBS : (uint32_t)db;
}

/* The database that a SELECT leads to. */
static uint32_t
selected(const struct queued *queued, uint32_t db)
{
    int64_t to;

    if (strcmp(queued->spec->name, "select") != 0) return db;
    if (!number_parse_int(queued->args[1], &to) || to < 0 || to >= STORE_DBS)
        return db;
    return (uint32_t)to;
}

static uint32_t
db_mask(const struct client *client)
{
    const struct multi_state *multi = client->multi;
    uint32_t db = client->db, mask = 1u << db, i;

    for (i = 0; i < client->watched_count; i++)
        mask |= 1u << client->watched[i].db;
    for (i = 0; i < multi->count; i++) {
        const struct queued *queued = &multi->queue[i];
        uint32_t other =
            other_db(queued->spec, queued->args, queued->arg_count);

        db = selected(queued, db);
        mask |= 1u << db;
        if (other < STORE_DBS) mask |= 1u << other;
    }
    return mask;
}

uint32_t
packed_dbs(const struct cmd_call *call)
{
    uint32_t mask = 1u << call->client->db, other;
    int64_t packed;

    if (call->spec->run == packed_run) {
        if (number_parse_int(call->args[1], &packed))
            mask |= (uint32_t)packed & ((1u << STORE_DBS) - 1);
        return mask;
    }
    other = other_db(call->spec, call->args, call->arg_count);
    return other < STORE_DBS ? mask | 1u << other : mask;
}

struct packer {
    struct bytes *args;
    char *numbers;
    uint32_t arg_count, number_count;
};

static void
pack_number(struct packer *packer, int64_t value)
{
    char *at = packer->numbers + (size_t)NUMBER_ROOM * packer->number_count++;
    int size = snprintf(at, NUMBER_ROOM, "%lld", (long long)value);

    packer->args[packer->arg_count++] = bytes_of(at, (size_t)size);
}

struct bytes *
packed_make(const struct client *client, uint32_t *arg_count, char **numbers)
{
    const struct multi_state *multi = client->multi;
    uint32_t room = 4 + 3 * client->watched_count, i, k;
    uint32_t number_room = 3 + 2 * client->watched_count + multi->count;
    struct packer packer = {0};

    for (i = 0; i < multi->count; i++)
        room += 1 + multi->queue[i].arg_count;
    packer.args = mem_must_array(NULL, room, sizeof(*packer.args));
    packer.numbers = mem_must_array(NULL, number_room, NUMBER_ROOM);
    packer.args[packer.arg_count++] = BYTES_LIT("kula.exec");
    pack_number(&packer, db_mask(client));
    pack_number(&packer, client->watched_count);
    for (i = 0; i < client->watched_count; i++) {
        const struct watched *watched = &client->watched[i];

        pack_number(&packer, watched->db);
        packer.args[packer.arg_count++] =
            bytes_of(watched->name, watched->name_bytes);
        pack_number(&packer, (int64_t)watched->version);
    }
    pack_number(&packer, multi->count);
    for (i = 0; i < multi->count; i++) {
        pack_number(&packer, multi->queue[i].arg_count);
        for (k = 0; k < multi->queue[i].arg_count; k++)
            packer.args[packer.arg_count++] = multi->queue[i].args[k];
    }
    *arg_count = packer.arg_count;
    *numbers = packer.numbers;
    return packer.args;
}

void
packed_leave(struct client *client)
{
    const struct multi_state *multi = client->multi;
    uint32_t i;

    for (i = 0; i < multi->count; i++)
        client->db = selected(&multi->queue[i], client->db);
    multi_discard(client);
}
