/*
 * MULTI EXEC DISCARD WATCH UNWATCH.
 *
 * EXEC holds every slot that its commands and the watched keys live in, from
 * the check of the watched versions to the end of the last command: all or
 * nothing, and nobody sees a part.
 *
 *     slots of watched keys and queued commands -> lock, ascending
 *     versions as at WATCH? --no--> unlock, null
 *     run each with the locks held -> unlock
 */
#include "command/multi.h"

#include "base/err.h"
#include "base/memory.h"
#include "command/families.h"
#include "command/multi_inside.h"

enum { QUEUE_ROOM_FIRST = 8, WATCH_ROOM_FIRST = 4 };

void
multi_taint(struct client *client)
{
    if (client->flags & CLIENT_MULTI) client->flags |= CLIENT_DIRTY_EXEC;
}

void
multi_free(struct multi_state *multi)
{
    uint32_t i;

    if (multi == NULL) return;
    for (i = 0; i < multi->count; i++)
        mem_free(multi->queue[i].args);
    mem_free(multi->queue);
    mem_free(multi);
}

void
multi_unwatch(struct client *client)
{
    uint32_t i;

    for (i = 0; i < client->watched_count; i++)
        mem_free(client->watched[i].name);
    mem_free(client->watched);
    client->watched = NULL;
    client->watched_count = 0;
}

void
multi_discard(struct client *client)
{
    multi_free(client->multi);
    client->multi = NULL;
    client->flags &= ~(uint32_t)(CLIENT_MULTI | CLIENT_DIRTY_EXEC);
    multi_unwatch(client);
}

int64_t
multi_count(const struct client *client)
{
    const struct multi_state *multi =
        client->running != NULL ? client->running : client->multi;

    return multi != NULL ? (int64_t)multi->count : -1;
}

size_t
multi_bytes(const struct client *client)
{
    const struct multi_state *multi =
        client->running != NULL ? client->running : client->multi;

    return multi != NULL ? multi->bytes : 0;
}

uint32_t
multi_flags(const struct client *client)
{
    return client->multi != NULL ? client->multi->flags : 0;
}

static bool
is_too_much(const struct cmd_call *call, size_t bytes)
{
    return bytes > call->env->limits.query_bytes;
}

static void
refuse(struct cmd_call *call, const char *message)
{
    multi_taint(call->client);
    reply_error(call->reply, message);
}

/* One block: the slices, then the bytes they point to. */
static struct bytes *
copy_args(const struct cmd_call *call, size_t bytes)
{
    struct bytes *args = mem_try(bytes);
    char *at;
    uint32_t i;

    if (args == NULL) return NULL;
    at = (char *)(args + call->arg_count);
    for (i = 0; i < call->arg_count; i++) {
        size_t size = call->args[i].size;

        if (size > 0) memcpy(at, call->args[i].data, size);
        args[i] = bytes_of(at, size);
        at += size;
    }
    return args;
}

static bool
queue_reserve(struct multi_state *multi)
{
    uint32_t room = multi->room == 0 ? QUEUE_ROOM_FIRST : multi->room * 2;
    struct queued *queue;

    if (multi->count < multi->room) return true;
    queue = mem_try_resize(multi->queue, room * sizeof(*queue));
    if (queue == NULL) return false;
    multi->queue = queue;
    multi->room = room;
    return true;
}

void
multi_queue(struct cmd_call *call)
{
    struct multi_state *multi = call->client->multi;
    size_t bytes = call->arg_count * sizeof(*call->args);
    struct bytes *args = NULL;
    uint32_t i;

    ASSERT(multi != NULL);
    /* EXEC will refuse anyway: nothing more needs to be kept */
    if (call->client->flags & CLIENT_DIRTY_EXEC) {
        reply_status(call->reply, "QUEUED");
        return;
    }
    for (i = 0; i < call->arg_count; i++)
        bytes += call->args[i].size;
    if (is_too_much(call, multi->bytes + bytes)) {
        refuse(call, "ERR transaction exceeds client-query-buffer-limit");
        return;
    }
    if (queue_reserve(multi)) args = copy_args(call, bytes);
    if (args == NULL) {
        refuse(call, "ERR out of memory");
        return;
    }
    multi->queue[multi->count++] =
        (struct queued){call->spec, args, call->arg_count};
    multi->flags |= call->spec->flags;
    multi->bytes += bytes + sizeof(struct queued);
    reply_status(call->reply, "QUEUED");
}

/* ---- EXEC ---- */

static void
add_slots(struct cmd_call *call, const struct queued *queued)
{
    const struct store *store = call->store;
    uint32_t *at = NULL;
    int32_t count, i;

    if (queued->spec->key_shape == CMD_KEYS_NONE) return;
    if (queued->spec->key_shape == CMD_KEYS_ONE) {
        struct bytes name = queued->args[queued->spec->key_first];

        cmd_slots_add(call->env, store_key(store, 0, name).slot);
        return;
    }
    at = mem_must_array(NULL, queued->arg_count, sizeof(*at));
    count = cmd_keys(queued->spec, queued->args, queued->arg_count, at);
    for (i = 0; i < count; i++) {
        cmd_slots_add(call->env, store_key(store, 0, queued->args[at[i]]).slot);
    }
    mem_free(at);
}

static struct store_key
watched_key(const struct cmd_call *call, const struct watched *watched)
{
    return store_key(call->store, watched->db,
                     bytes_of(watched->name, watched->name_bytes));
}

static void
lock_all_needed(struct cmd_call *call, const struct multi_state *multi)
{
    const struct client *client = call->client;
    uint32_t i;

    if (multi->flags & CMD_WHOLE) {
        store_lock_all(call->store);
        return;
    }
    for (i = 0; i < client->watched_count; i++) {
        cmd_slots_add(call->env, watched_key(call, &client->watched[i]).slot);
    }
    for (i = 0; i < multi->count; i++)
        add_slots(call, &multi->queue[i]);
    cmd_slots_lock(call->env);
}

static void
unlock_all_needed(struct cmd_call *call, const struct multi_state *multi)
{
    if (multi->flags & CMD_WHOLE) {
        store_unlock_all(call->store);
    } else {
        cmd_slots_unlock(call->env);
    }
}

static bool
watched_are_unchanged(struct cmd_call *call)
{
    const struct client *client = call->client;
    uint32_t i;

    for (i = 0; i < client->watched_count; i++) {
        const struct watched *watched = &client->watched[i];
        struct store_key key = watched_key(call, watched);

        if (store_watch(call->store, &key, call->wall_ms) != watched->version)
            return false;
    }
    return true;
}

static void
run_queue(struct cmd_call *call, const struct multi_state *multi)
{
    uint32_t i;

    call->client->running = multi;
    reply_array(call->reply, multi->count);
    for (i = 0; i < multi->count; i++) {
        const struct queued *queued = &multi->queue[i];
        struct cmd_call inner = {
            .env = call->env,
            .client = call->client,
            .spec = queued->spec,
            .args = queued->args,
            .arg_count = queued->arg_count,
            .reply = call->reply,
            .store = call->store,
            .wall_ms = call->wall_ms,
            .all_held = true,
            .is_in_exec = true,
        };

        cmd_run_held(&inner);
        /* HELLO within the transaction decides for what follows */
        call->reply->proto = call->client->proto;
    }
    call->client->running = NULL;
}

void
multi_exec(struct cmd_call *call)
{
    struct client *client = call->client;
    struct multi_state *multi = client->multi;

    if (!(client->flags & CLIENT_MULTI)) {
        reply_error(call->reply, "ERR EXEC without MULTI");
        return;
    }
    if (client->flags & CLIENT_DIRTY_EXEC) {
        multi_discard(client);
        reply_error(call->reply, "EXECABORT Transaction discarded because of "
                                 "previous errors.");
        return;
    }
    client->multi = NULL; /* ours: DISCARD and RESET may be queued */
    client->flags &= ~(uint32_t)CLIENT_MULTI;
    lock_all_needed(call, multi);
    if (watched_are_unchanged(call)) {
        multi_unwatch(client);
        run_queue(call, multi);
    } else {
        multi_unwatch(client);
        reply_null_array(call->reply);
    }
    unlock_all_needed(call, multi);
    multi_free(multi);
}

static void
multi_start(struct cmd_call *call)
{
    struct client *client = call->client;

    if (client->flags & CLIENT_MULTI) {
        reply_error(call->reply, "ERR MULTI calls can not be nested");
        return;
    }
    client->multi = mem_must_zero(sizeof(*client->multi));
    client->flags |= CLIENT_MULTI;
    reply_ok(call->reply);
}

static void
discard(struct cmd_call *call)
{
    if (!(call->client->flags & CLIENT_MULTI)) {
        reply_error(call->reply, "ERR DISCARD without MULTI");
        return;
    }
    multi_discard(call->client);
    reply_ok(call->reply);
}

/* ---- WATCH ---- */

static size_t
watched_bytes(const struct client *client)
{
    size_t bytes = client->watched_count * sizeof(struct watched);
    uint32_t i;

    for (i = 0; i < client->watched_count; i++)
        bytes += client->watched[i].name_bytes;
    return bytes;
}

static bool
is_watched(const struct client *client, const struct store_key *key)
{
    uint32_t i;

    for (i = 0; i < client->watched_count; i++) {
        const struct watched *watched = &client->watched[i];

        if (watched->db == key->db &&
            bytes_equal(bytes_of(watched->name, watched->name_bytes),
                        key->name)) {
            return true;
        }
    }
    return false;
}

static bool
watch_one(struct cmd_call *call, const struct store_key *key)
{
    struct client *client = call->client;
    uint32_t count = client->watched_count;
    struct watched *list = client->watched;
    char *name;

    /* the list doubles when its length is a power of two */
    if (count == 0 || (count >= WATCH_ROOM_FIRST && !(count & (count - 1)))) {
        uint32_t room = count == 0 ? WATCH_ROOM_FIRST : count * 2;

        list = mem_try_resize(list, room * sizeof(*list));
        if (list == NULL) return false;
        client->watched = list;
    }
    name = mem_try(key->name.size + 1);
    if (name == NULL) return false;
    if (key->name.size > 0) memcpy(name, key->name.data, key->name.size);
    list[count] = (struct watched){
        .name = name,
        .name_bytes = key->name.size,
        .db = key->db,
        .version = store_watch(call->store, key, call->wall_ms),
    };
    client->watched_count++;
    return true;
}

void
multi_watch(struct cmd_call *call)
{
    struct client *client = call->client;
    size_t bytes = watched_bytes(client);
    uint32_t i;

    if (client->flags & CLIENT_MULTI) {
        reply_error(call->reply, "ERR WATCH inside MULTI is not allowed");
        return;
    }
    for (i = 1; i < call->arg_count; i++) {
        struct store_key key = cmd_key(call, i);

        if (is_watched(client, &key)) continue;
        bytes += sizeof(struct watched) + key.name.size;
        if (is_too_much(call, bytes)) {
            reply_error(call->reply, "ERR watched keys exceed "
                                     "client-query-buffer-limit");
            return;
        }
        if (!watch_one(call, &key)) {
            reply_error(call->reply, "ERR out of memory");
            return;
        }
    }
    reply_ok(call->reply);
}

static void
unwatch(struct cmd_call *call)
{
    multi_unwatch(call->client);
    reply_ok(call->reply);
}

/* ---- the rows ---- */

enum {
    MULTI_FLAGS =
        CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_ALLOW_BUSY
};

const struct cmd_spec cmd_multi_table[] = {
    {.name = "multi",
     .group = "transactions",
     .args_min = 1,
     .args_max = 1,
     .flags = MULTI_FLAGS | CMD_IN_MULTI,
     .run = multi_start,
     .acl = "fast transaction",
     .since = "1.2.0",
     .complexity = "O(1)",
     .summary = "Starts a transaction: commands are queued until EXEC.",
     .syntax = ""},
    {.name = "exec",
     .group = "transactions",
     .args_min = 1,
     .args_max = 1,
     .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_SKIP_SLOWLOG |
              CMD_IN_MULTI,
     .run = multi_exec,
     .acl = "slow transaction",
     .since = "1.2.0",
     .complexity = "the sum of the queued commands",
     .summary = "Runs the queued commands, all or none of them.",
     .syntax = ""},
    {.name = "discard",
     .group = "transactions",
     .args_min = 1,
     .args_max = 1,
     .flags = MULTI_FLAGS | CMD_IN_MULTI,
     .run = discard,
     .acl = "fast transaction",
     .since = "2.0.0",
     .complexity = "O(N) with N queued commands",
     .summary = "Forgets the queued commands and the watched keys.",
     .syntax = ""},
    {.name = "watch",
     .group = "transactions",
     .args_min = 2,
     .args_max = CMD_ARGS_ANY,
     .flags = MULTI_FLAGS | CMD_IN_MULTI,
     .key_first = 1,
     .key_last = -1,
     .key_step = 1,
     .run = multi_watch,
     .acl = "fast transaction",
     .key_spec = "RO",
     .since = "2.2.0",
     .complexity = "O(1) per key",
     .summary = "Lets the next EXEC run only if the keys stay as they are.",
     .syntax = "key [key ...]"},
    {.name = "unwatch",
     .group = "transactions",
     .args_min = 1,
     .args_max = 1,
     .flags = MULTI_FLAGS,
     .run = unwatch,
     .acl = "fast transaction",
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Forgets the watched keys.",
     .syntax = ""},
    {.name = "kula.exec",
     .group = "transactions",
     .args_min = 4,
     .args_max = CMD_ARGS_ANY,
     .flags = CMD_WRITE | CMD_INTERNAL | CMD_MOVABLEKEYS | CMD_NOSCRIPT,
     .key_first = 1,
     .key_last = -1,
     .key_step = 1,
     .run = packed_run,
     .find_keys = packed_find_keys,
     .acl = "write slow",
     .since = "1.0.0",
     .complexity = "the sum of the commands in it",
     .summary = "A transaction on its way to the node that runs it.",
     .syntax = "databases watched argument [argument ...]"},
    {.name = NULL},
};
