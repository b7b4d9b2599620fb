/*
 * Commands over keys whatever they hold, and over whole databases.
 */
#include "base/glob.h"
#include "base/number.h"
#include "command/admin.h"
#include "command/data.h"

/* ---- a few keys by name ---- */

static void
run_del(struct cmd_call *call)
{
    uint32_t i;
    int64_t deleted = 0;

    for (i = 1; i < call->arg_count; i++) {
        struct store_key key = cmd_key(call, i);

        if (store_delete(call->store, &key, call->wall_ms)) deleted++;
    }
    reply_int(call->reply, deleted);
}

static void
run_exists(struct cmd_call *call)
{
    uint32_t i;
    int64_t found = 0;

    for (i = 1; i < call->arg_count; i++) {
        struct store_key key = cmd_key(call, i);

        if (data_read_quietly(call, &key) != NULL) found++;
    }
    reply_int(call->reply, found);
}

static void
run_touch(struct cmd_call *call)
{
    uint32_t i;
    int64_t found = 0;

    for (i = 1; i < call->arg_count; i++) {
        struct store_key key = cmd_key(call, i);

        if (cmd_read(call, &key) != NULL) found++;
    }
    reply_int(call->reply, found);
}

static const char *
type_name(const struct object *object)
{
    switch (object_type(object)) {
    case OBJECT_STRING:
    case OBJECT_COUNTER: return "string";
    }
    return "unknown";
}

static void
run_type(struct cmd_call *call)
{
    struct object *object = data_read_quietly(call, &call->key);

    reply_status(call->reply, object == NULL ? "none" : type_name(object));
}

/* ---- the same value under another name or number ---- */

/*
 * Writes the value and expiry of `object` under another key. A counter
 * becomes the string of its sum: its shares belong to the old key's life.
 */
static bool
put_copy(struct cmd_call *call, const struct object *object,
         const struct store_key *key)
{
    char scratch[OBJECT_TEXT_ROOM];
    int64_t expire_ms = object_expiry_ms(object);
    struct store_write write = {
        .type = OBJECT_STRING,
        .parts = {object_text(object, scratch)},
        .part_count = 1,
        .is_raw = (object->flags & OBJECT_RAW) != 0,
        .is_text = (object->flags & OBJECT_TEXT) != 0,
        .expire = expire_ms > 0 ? EXPIRE_AT : EXPIRE_NONE,
        .expire_ms = expire_ms,
    };

    if (store_put(call->store, key, &write, call->wall_ms, NULL) == ERR_OK)
        return true;
    data_no_memory(call);
    return false;
}

/* args[1] to args[2]; false after an error or if NX forbids it. */
static bool
rename_key(struct cmd_call *call, bool only_if_free)
{
    struct object *object = cmd_peek(call, &call->key);
    struct store_key to;

    if (object == NULL) {
        reply_error(call->reply, "ERR no such key");
        return false;
    }
    if (bytes_equal(call->args[1], call->args[2])) {
        if (only_if_free) reply_int(call->reply, 0);
        return !only_if_free;
    }
    to = cmd_key(call, 2);
    if (only_if_free && cmd_peek(call, &to) != NULL) {
        reply_int(call->reply, 0);
        return false;
    }
    if (!put_copy(call, object, &to)) return false;
    store_delete(call->store, &call->key, call->wall_ms);
    return true;
}

static void
run_rename(struct cmd_call *call)
{
    if (rename_key(call, false)) reply_ok(call->reply);
}

static void
run_renamenx(struct cmd_call *call)
{
    if (rename_key(call, true)) reply_int(call->reply, 1);
}

static void
same_object_error(struct cmd_call *call)
{
    reply_error(call->reply, "ERR source and destination objects are the same");
}

static void
run_copy(struct cmd_call *call)
{
    uint32_t db = call->client->db, i;
    struct object *object;
    bool replace = false;
    struct store_key to;

    for (i = 3; i < call->arg_count; i++) {
        if (cmd_arg_is(call, i, "replace")) {
            replace = true;
        } else if (cmd_arg_is(call, i, "db") && i + 1 < call->arg_count) {
            if (!data_db_arg(call, ++i, &db)) return;
        } else {
            data_syntax_error(call);
            return;
        }
    }
    if (db == call->client->db && bytes_equal(call->args[1], call->args[2])) {
        same_object_error(call);
        return;
    }
    object = cmd_read(call, &call->key);
    to = store_key(call->store, db, call->args[2]);
    if (object == NULL || (!replace && cmd_peek(call, &to) != NULL)) {
        reply_int(call->reply, 0);
        return;
    }
    if (put_copy(call, object, &to)) reply_int(call->reply, 1);
}

static void
run_move(struct cmd_call *call)
{
    struct object *object;
    struct store_key to;
    uint32_t db;

    if (!data_db_arg(call, 2, &db)) return;
    if (db == call->client->db) {
        same_object_error(call);
        return;
    }
    object = cmd_peek(call, &call->key);
    to = store_key(call->store, db, call->args[1]);
    if (object == NULL || cmd_peek(call, &to) != NULL) {
        reply_int(call->reply, 0);
        return;
    }
    if (!put_copy(call, object, &to)) return;
    store_delete(call->store, &call->key, call->wall_ms);
    reply_int(call->reply, 1);
}

/* What only the router carries out. */
static void
run_between_nodes(struct cmd_call *call)
{
    reply_error(call->reply, "ERR this command is for nodes of a ring");
}

/* ---- whole databases ---- */

static void
run_randomkey(struct cmd_call *call)
{
    struct buf *name = &call->env->scratch;

    name->used = 0;
    if (store_random(call->store, call->client->db, call->all_held,
                     call->wall_ms, name)) {
        reply_bulk(call->reply, buf_bytes(name));
    } else {
        reply_null(call->reply);
    }
    data_trim_scratch(call);
}

static bool
is_everything(struct bytes pattern)
{
    return pattern.size == 1 && pattern.data[0] == '*';
}

struct keys_visit {
    struct reply *reply;
    struct bytes pattern;
    bool takes_all;
    int64_t count;
};

static void
visit_for_keys(void *context, const struct object *object)
{
    struct keys_visit *visit = context;
    struct bytes name = object_key(object);

    if (!visit->takes_all && !glob_match(visit->pattern, name, false)) return;
    reply_bulk(visit->reply, name);
    visit->count++;
}

static void
run_keys(struct cmd_call *call)
{
    enum { KEYS_STEP = 1000 };
    struct keys_visit visit = {
        .reply = call->reply,
        .pattern = call->args[1],
        .takes_all = is_everything(call->args[1]),
    };
    size_t place = reply_defer(call->reply);
    uint64_t cursor = 0;

    do {
        cursor =
            store_scan(call->store, call->client->db, cursor, KEYS_STEP,
                       call->all_held, call->wall_ms, visit_for_keys, &visit);
    } while (cursor != 0);
    reply_set_array(call->reply, place, visit.count);
}

struct scan_options {
    struct bytes pattern, type;
    bool has_pattern, has_type;
    int64_t count;
};

struct scan_visit {
    const struct scan_options *options;
    struct buf *out; /* bulks, since the cursor is answered before them */
    bool is_broken;  /* no memory */
    int64_t count;
};

/*
 * As strtoul reads it, which is what Redis's clients meet: a sign is fine,
 * nothing at all is 0, and the text ends at the first zero byte.
 */
static bool
parse_cursor(struct bytes text, uint64_t *cursor)
{
    size_t size = text.size > 0 ? strnlen(text.data, text.size) : 0, at = 0;
    bool is_negative = false;

    *cursor = 0;
    if (size == 0) return true;
    if (text.data[0] == '-' || text.data[0] == '+') {
        is_negative = text.data[0] == '-';
        if (++at == size) return false;
    }
    for (; at < size; at++) {
        uint64_t digit = (uint64_t)(unsigned char)text.data[at] - '0';

        if (digit > 9) return false;
        if (__builtin_mul_overflow(*cursor, 10, cursor)) return false;
        if (__builtin_add_overflow(*cursor, digit, cursor)) return false;
    }
    if (is_negative) *cursor = 0 - *cursor;
    return true;
}

static bool
parse_scan_options(struct cmd_call *call, struct scan_options *options)
{
    uint32_t i;

    *options = (struct scan_options){.count = 10};
    for (i = 2; i + 1 < call->arg_count; i += 2) {
        if (cmd_arg_is(call, i, "count")) {
            if (!cmd_int_arg(call, i + 1, &options->count)) return false;
            if (options->count < 1) break;
        } else if (cmd_arg_is(call, i, "match")) {
            options->pattern = call->args[i + 1];
            options->has_pattern = !is_everything(options->pattern);
        } else if (cmd_arg_is(call, i, "type")) {
            options->type = call->args[i + 1];
            options->has_type = true;
        } else {
            break;
        }
    }
    if (i >= call->arg_count) return true;
    data_syntax_error(call);
    return false;
}

static void
visit_for_scan(void *context, const struct object *object)
{
    struct scan_visit *visit = context;
    const struct scan_options *options = visit->options;
    struct bytes name = object_key(object);
    char head[NUMBER_INT_ROOM + 3] = "$";
    size_t size;

    if (options->has_type &&
        !bytes_is_nocase(options->type, type_name(object))) {
        return;
    }
    if (options->has_pattern && !glob_match(options->pattern, name, false))
        return;
    size = 1 + number_format_int(head + 1, (int64_t)name.size);
    head[size++] = '\r';
    head[size++] = '\n';
    if (buf_add(visit->out, head, size) != ERR_OK ||
        buf_add(visit->out, name.data, name.size) != ERR_OK ||
        buf_add(visit->out, "\r\n", 2) != ERR_OK) {
        visit->is_broken = true;
    }
    visit->count++;
}

static void
run_scan(struct cmd_call *call)
{
    struct scan_options options;
    struct scan_visit visit = {.options = &options, .out = &call->env->scratch};
    uint64_t cursor;

    if (!parse_cursor(call->args[1], &cursor)) {
        reply_error(call->reply, "ERR invalid cursor");
        return;
    }
    if (!parse_scan_options(call, &options)) return;

    visit.out->used = 0;
    cursor = store_scan(call->store, call->client->db, cursor,
                        (uint64_t)options.count, call->all_held, call->wall_ms,
                        visit_for_scan, &visit);
    if (visit.is_broken) {
        data_no_memory(call);
    } else {
        reply_array(call->reply, 2);
        reply_bulkf(call->reply, "%llu", (unsigned long long)cursor);
        reply_array(call->reply, visit.count);
        reply_raw(call->reply, buf_bytes(visit.out));
    }
    data_trim_scratch(call);
}

static void
run_dbsize(struct cmd_call *call)
{
    reply_int(call->reply, (int64_t)store_count(call->store, call->client->db));
}

/* Both words are fine: memory is given back in small steps either way. */
static void
flush(struct cmd_call *call, int32_t db)
{
    if (call->arg_count > 2 ||
        (call->arg_count == 2 && !cmd_arg_is(call, 1, "sync") &&
         !cmd_arg_is(call, 1, "async"))) {
        data_syntax_error(call);
        return;
    }
    store_flush(call->store, db, call->all_held, call->wall_ms);
    reply_ok(call->reply);
}

static void
run_flushdb(struct cmd_call *call)
{
    flush(call, (int32_t)call->client->db);
}

static void
run_flushall(struct cmd_call *call)
{
    flush(call, -1);
}

/* ---- OBJECT ---- */

/* The object of OBJECT's key, or NULL after answering nil. */
static struct object *
read_inspected(struct cmd_call *call)
{
    struct object *object = data_read_quietly(call, &call->key);

    if (object == NULL) reply_null(call->reply);
    return object;
}

static int64_t
policy(const struct cmd_call *call)
{
    return settings_int(call->env->shared->settings, SETTING_MAXMEMORY_POLICY);
}

static bool
is_lfu(const struct cmd_call *call)
{
    return policy(call) == POLICY_ALLKEYS_LFU ||
           policy(call) == POLICY_VOLATILE_LFU;
}

static void
run_object_encoding(struct cmd_call *call)
{
    struct object *object = read_inspected(call);

    if (object != NULL) reply_bulk_str(call->reply, object_encoding(object));
}

static void
run_object_freq(struct cmd_call *call)
{
    if (read_inspected(call) == NULL) return;
    if (!is_lfu(call)) {
        reply_error(call->reply,
                    "ERR An LFU maxmemory policy is not selected, access "
                    "frequency not tracked. Please note that when switching "
                    "between policies at runtime LRU and LFU data will take "
                    "some time to adjust.");
        return;
    }
    reply_int(call->reply, store_heat(call->store, &call->key));
}

static void
run_object_idletime(struct cmd_call *call)
{
    if (read_inspected(call) == NULL) return;
    if (is_lfu(call)) {
        reply_error(call->reply,
                    "ERR An LFU maxmemory policy is selected, idle time not "
                    "tracked. Please note that when switching between "
                    "policies at runtime LRU and LFU data will take some time "
                    "to adjust.");
        return;
    }
    reply_int(call->reply,
              store_idle_s(call->store, &call->key, call->wall_ms));
}

/*
 * Nothing is shared here, so the truth would be 1. Small integers answer what
 * Redis answers for the ones it shares: some clients' tests look at it.
 */
static void
run_object_refcount(struct cmd_call *call)
{
    enum { SHARED_INTS = 10000 };
    struct object *object = read_inspected(call);
    int64_t value;

    if (object == NULL) return;
    if (strcmp(object_encoding(object), "int") == 0 &&
        object_int(object, &value) && value >= 0 && value < SHARED_INTS) {
        reply_int(call->reply, INT32_MAX);
        return;
    }
    reply_int(call->reply, 1);
}

/* clang-format off */
const struct cmd_spec cmd_keys_table[] = {
    {.name = "del", .group = "generic",
     .args_min = 2, .args_max = CMD_ARGS_ANY,
     .flags = CMD_WRITE,
     .key_first = 1, .key_last = -1, .key_step = 1,
     .run = run_del, .acl = "keyspace write slow",
     .tips = "request_policy:multi_shard,response_policy:agg_sum",
     .key_spec = "RM delete", .since = "1.0.0",
     .complexity = "O(N) for N keys",
     .summary = "Deletes keys.",
     .syntax = "key [key ...]"},
    {.name = "unlink", .group = "generic",
     .args_min = 2, .args_max = CMD_ARGS_ANY,
     .flags = CMD_WRITE | CMD_FAST,
     .key_first = 1, .key_last = -1, .key_step = 1,
     .run = run_del, .acl = "keyspace write fast",
     .tips = "request_policy:multi_shard,response_policy:agg_sum",
     .key_spec = "RM delete", .since = "4.0.0",
     .complexity = "O(N) for N keys",
     .summary = "Deletes keys; here the same as DEL.",
     .syntax = "key [key ...]"},
    {.name = "exists", .group = "generic",
     .args_min = 2, .args_max = CMD_ARGS_ANY,
     .flags = CMD_READONLY | CMD_FAST,
     .key_first = 1, .key_last = -1, .key_step = 1,
     .run = run_exists, .acl = "keyspace read fast",
     .tips = "request_policy:multi_shard,response_policy:agg_sum",
     .key_spec = "RO", .since = "1.0.0",
     .complexity = "O(N) for N keys",
     .summary = "How many of the keys exist.",
     .syntax = "key [key ...]"},
    {.name = "type", .group = "generic",
     .args_min = 2, .args_max = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = run_type, .acl = "keyspace read fast",
     .key_spec = "RO", .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "What kind of value a key holds.",
     .syntax = "key"},
    {.name = "touch", .group = "generic",
     .args_min = 2, .args_max = CMD_ARGS_ANY,
     .flags = CMD_READONLY | CMD_FAST,
     .key_first = 1, .key_last = -1, .key_step = 1,
     .run = run_touch, .acl = "keyspace read fast",
     .tips = "request_policy:multi_shard,response_policy:agg_sum",
     .key_spec = "RO", .since = "3.2.1",
     .complexity = "O(N) for N keys",
     .summary = "Counts the keys that exist and keeps them warm.",
     .syntax = "key [key ...]"},
    {.name = "rename", .group = "generic",
     .args_min = 3, .args_max = 3,
     .flags = CMD_WRITE,
     .key_first = 1, .key_last = 2, .key_step = 1,
     .run = run_rename, .acl = "keyspace write slow",
     .key_spec = "RW access delete", .since = "1.0.0",
     .complexity = "O(N) for a value of N bytes",
     .summary = "Gives a value another key, over whatever was there.",
     .syntax = "key newkey"},
    {.name = "renamenx", .group = "generic",
     .args_min = 3, .args_max = 3,
     .flags = CMD_WRITE | CMD_FAST,
     .key_first = 1, .key_last = 2, .key_step = 1,
     .run = run_renamenx, .acl = "keyspace write fast",
     .key_spec = "RW access delete", .since = "1.0.0",
     .complexity = "O(N) for a value of N bytes",
     .summary = "Gives a value another key if that is free.",
     .syntax = "key newkey"},
    {.name = "copy", .group = "generic",
     .args_min = 3, .args_max = CMD_ARGS_ANY,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .key_first = 1, .key_last = 2, .key_step = 1,
     .run = run_copy, .acl = "keyspace write slow",
     .key_spec = "RO access", .since = "6.2.0",
     .complexity = "O(N) for a value of N bytes",
     .summary = "Copies a value to another key.",
     .syntax = "source destination [DB destination-db] [REPLACE]"},
    {.name = "move", .group = "generic",
     .args_min = 3, .args_max = 3,
     .flags = CMD_WRITE | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = run_move, .acl = "keyspace write fast",
     .key_spec = "RW access update", .since = "1.0.0",
     .complexity = "O(N) for a value of N bytes",
     .summary = "Moves a key to another database.",
     .syntax = "key db"},
    {.name = "randomkey", .group = "generic",
     .args_min = 1, .args_max = 1,
     .flags = CMD_READONLY | CMD_WHOLE,
     .run = run_randomkey, .acl = "keyspace read slow",
     .tips = "request_policy:all_shards,nondeterministic_output",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "One key, at random.",
     .syntax = ""},
    {.name = "keys", .group = "generic",
     .args_min = 2, .args_max = 2,
     .flags = CMD_READONLY | CMD_WHOLE,
     .run = run_keys, .acl = "keyspace read slow dangerous",
     .tips = "request_policy:all_shards,nondeterministic_output_order",
     .since = "1.0.0",
     .complexity = "O(N) for N keys in the database",
     .summary = "All keys that match a pattern.",
     .syntax = "pattern"},
    {.name = "scan", .group = "generic",
     .args_min = 2, .args_max = CMD_ARGS_ANY,
     .flags = CMD_READONLY | CMD_WHOLE,
     .run = run_scan, .acl = "keyspace read slow",
     .tips = "nondeterministic_output,request_policy:special",
     .since = "2.8.0",
     .complexity = "O(1) per call, O(N) for a whole walk",
     .summary = "Walks over the keys a few at a time.",
     .syntax = "cursor [MATCH pattern] [COUNT count] [TYPE type]"},
    {.name = "dbsize", .group = "server",
     .args_min = 1, .args_max = 1,
     .flags = CMD_READONLY | CMD_FAST,
     .run = run_dbsize, .acl = "keyspace read fast",
     .tips = "request_policy:all_shards,response_policy:agg_sum",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "How many keys the database holds.",
     .syntax = ""},
    {.name = "flushdb", .group = "server",
     .args_min = 1, .args_max = CMD_ARGS_ANY,
     .flags = CMD_WRITE | CMD_WHOLE,
     .run = run_flushdb, .acl = "keyspace write slow dangerous",
     .tips = "request_policy:all_shards,response_policy:all_succeeded",
     .since = "1.0.0",
     .complexity = "O(N) for N keys",
     .summary = "Deletes all keys of the database.",
     .syntax = "[ASYNC | SYNC]"},
    {.name = "flushall", .group = "server",
     .args_min = 1, .args_max = CMD_ARGS_ANY,
     .flags = CMD_WRITE | CMD_WHOLE,
     .run = run_flushall, .acl = "keyspace write slow dangerous",
     .tips = "request_policy:all_shards,response_policy:all_succeeded",
     .since = "1.0.0",
     .complexity = "O(N) for N keys",
     .summary = "Deletes all keys of all databases.",
     .syntax = "[ASYNC | SYNC]"},
    {.name = "kula.flush", .group = "server",
     .args_min = 2, .args_max = 2,
     .flags = CMD_WRITE | CMD_INTERNAL,
     .run = run_between_nodes, .acl = "write slow",
     .since = "1.0.0", .complexity = "O(slots)",
     .summary = "FLUSHALL and FLUSHDB on their way to a primary.",
     .syntax = "database"},
    {.name = "kula.keys", .group = "server",
     .args_min = 2, .args_max = 2,
     .flags = CMD_READONLY | CMD_INTERNAL,
     .run = run_between_nodes, .acl = "read slow",
     .since = "1.0.0", .complexity = "O(keys)",
     .summary = "KEYS on its way to a primary.",
     .syntax = "pattern"},
    {.name = "kula.count", .group = "server",
     .args_min = 1, .args_max = 1,
     .flags = CMD_READONLY | CMD_INTERNAL,
     .run = run_between_nodes, .acl = "read slow",
     .since = "1.0.0", .complexity = "O(keys)",
     .summary = "DBSIZE on its way to a primary.",
     .syntax = ""},
    {.name = "kula.random", .group = "server",
     .args_min = 1, .args_max = 1,
     .flags = CMD_READONLY | CMD_INTERNAL,
     .run = run_between_nodes, .acl = "read slow",
     .since = "1.0.0", .complexity = "O(keys)",
     .summary = "RANDOMKEY on its way to a primary.",
     .syntax = ""},
    {.name = "kula.wait", .group = "server",
     .args_min = 5, .args_max = CMD_ARGS_ANY,
     .flags = CMD_READONLY | CMD_INTERNAL,
     .run = run_between_nodes, .acl = "read slow",
     .since = "1.0.0", .complexity = "O(slots)",
     .summary = "WAIT on its way to who ran the writes.",
     .syntax = "wanted milliseconds written-at moved [slot ...]"},
    {.name = "object", .group = "generic",
     .args_min = 2, .args_max = CMD_ARGS_ANY,
     .flags = CMD_SUBCOMMANDS,
     .run = admin_container, .acl = "slow",
     .since = "2.2.3",
     .complexity = "Depends on the subcommand",
     .summary = "What is known about the inside of a key.",
     .syntax = "subcommand [key]"},
    {.name = "object|encoding", .group = "generic",
     .args_min = 3, .args_max = 3,
     .flags = CMD_READONLY,
     .key_first = 2, .key_last = 2, .key_step = 1,
     .run = run_object_encoding, .acl = "keyspace read slow",
     .tips = "nondeterministic_output",
     .key_spec = "RO", .since = "2.2.3",
     .complexity = "O(1)",
     .summary = "How a value is kept, in Redis's words.",
     .syntax = "key"},
    {.name = "object|freq", .group = "generic",
     .args_min = 3, .args_max = 3,
     .flags = CMD_READONLY,
     .key_first = 2, .key_last = 2, .key_step = 1,
     .run = run_object_freq, .acl = "keyspace read slow",
     .tips = "nondeterministic_output",
     .key_spec = "RO", .since = "4.0.0",
     .complexity = "O(1)",
     .summary = "How hot a key is.",
     .syntax = "key"},
    {.name = "object|help", .group = "generic",
     .args_min = 2, .args_max = 2,
     .flags = CMD_LOADING | CMD_STALE,
     .run = admin_help, .acl = "keyspace slow",
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Lists the subcommands.",
     .syntax = ""},
    {.name = "object|idletime", .group = "generic",
     .args_min = 3, .args_max = 3,
     .flags = CMD_READONLY,
     .key_first = 2, .key_last = 2, .key_step = 1,
     .run = run_object_idletime, .acl = "keyspace read slow",
     .tips = "nondeterministic_output",
     .key_spec = "RO", .since = "2.2.3",
     .complexity = "O(1)",
     .summary = "Seconds since a key was last used.",
     .syntax = "key"},
    {.name = "object|refcount", .group = "generic",
     .args_min = 3, .args_max = 3,
     .flags = CMD_READONLY,
     .key_first = 2, .key_last = 2, .key_step = 1,
     .run = run_object_refcount, .acl = "keyspace read slow",
     .tips = "nondeterministic_output",
     .key_spec = "RO", .since = "2.2.3",
     .complexity = "O(1)",
     .summary = "How often a value is referred to.",
     .syntax = "key"},
    {.name = NULL},
};
/* clang-format on */
