/*
 * Commands over whole strings: GET, SET and their kin, MGET and MSET. Those
 * over parts of strings and over numbers are in string_edit.c.
 *
 * Where an old value is answered and then replaced, the reply is written
 * first, since the object dies with the write; it is taken back if the write
 * finds no memory.
 */
#include "command/data.h"
#include "command/string_inside.h"

/* The last time option of SET or GETEX; those exclude each other. */
enum expiry_option {
    OPTION_NONE,
    OPTION_EX,
    OPTION_PX,
    OPTION_EXAT,
    OPTION_PXAT,
    OPTION_KEEPTTL,
    OPTION_PERSIST,
};

struct set_options {
    enum expiry_option expiry;
    struct bytes expiry_arg; /* of EX, PX, EXAT, PXAT */
    bool nx, xx, get, ifeq;
    struct bytes compare; /* of IFEQ */
};

void
string_reply(struct cmd_call *call, const struct object *object)
{
    char scratch[OBJECT_TEXT_ROOM];

    if (object == NULL) {
        reply_null(call->reply);
    } else {
        reply_bulk(call->reply, object_text(object, scratch));
    }
}

static bool
put_plain(struct cmd_call *call, const struct store_key *key,
          struct bytes value)
{
    if (LIKELY(store_put_plain(call->store, key, value, call->wall_ms) ==
               ERR_OK)) {
        return true;
    }
    data_no_memory(call);
    return false;
}

bool
string_put(struct cmd_call *call, const struct store_key *key,
           struct bytes value, enum store_expire expire, int64_t expire_ms)
{
    struct store_write write = {
        .type = OBJECT_STRING,
        .parts = {value},
        .part_count = 1,
        .expire = expire,
        .expire_ms = expire_ms,
    };

    if (expire == EXPIRE_AT && expire_ms < call->wall_ms) {
        if (store_delete(call->store, key, call->wall_ms)) return true;
        /* who watches the absent key shall see that it was there */
        if (!put_plain(call, key, value)) return false;
        store_delete(call->store, key, call->wall_ms);
        return true;
    }
    if (store_put(call->store, key, &write, call->wall_ms, NULL) == ERR_OK)
        return true;
    data_no_memory(call);
    return false;
}

/* Answers the old value, or nil; false and an error if it is no string. */
static bool
reply_old(struct cmd_call *call, struct object **old)
{
    *old = cmd_read(call, &call->key);
    if (*old != NULL && !data_is_text(call, *old)) return false;
    string_reply(call, *old);
    return true;
}

/* ---- options of SET and GETEX ---- */

static bool
is_option(struct bytes arg, const char *name, bool allowed)
{
    return allowed && bytes_is_nocase(arg, name);
}

/* A time option with its argument; false if it is none or not allowed. */
static bool
parse_expiry(struct bytes arg, const struct bytes *next,
             struct set_options *options)
{
    static const struct {
        const char *name;
        enum expiry_option option;
    } rows[] = {
        {"ex", OPTION_EX},
        {"px", OPTION_PX},
        {"exat", OPTION_EXAT},
        {"pxat", OPTION_PXAT},
    };
    size_t i;

    if (next == NULL) return false;
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        if (!bytes_is_nocase(arg, rows[i].name)) continue;
        if (options->expiry != OPTION_NONE && options->expiry != rows[i].option)
            return false;
        options->expiry = rows[i].option;
        options->expiry_arg = *next;
        return true;
    }
    return false;
}

/* KEEPTTL of SET, PERSIST of GETEX: time options without an argument. */
static bool
parse_word(struct bytes arg, const char *name, enum expiry_option option,
           struct set_options *options)
{
    if (!bytes_is_nocase(arg, name)) return false;
    if (options->expiry != OPTION_NONE && options->expiry != option)
        return false;
    options->expiry = option;
    return true;
}

static bool
parse_set_options(const struct cmd_call *call, struct set_options *options)
{
    uint32_t i;

    *options = (struct set_options){.expiry = OPTION_NONE};
    for (i = 3; i < call->arg_count; i++) {
        struct bytes arg = call->args[i];
        const struct bytes *next =
            i + 1 < call->arg_count ? &call->args[i + 1] : NULL;

        if (is_option(arg, "nx", !options->xx && !options->ifeq)) {
            options->nx = true;
        } else if (is_option(arg, "xx", !options->nx && !options->ifeq)) {
            options->xx = true;
        } else if (is_option(arg, "get", true)) {
            options->get = true;
        } else if (is_option(arg, "ifeq",
                             next != NULL && !options->nx && !options->xx)) {
            options->ifeq = true;
            options->compare = *next;
            i++;
        } else if (parse_expiry(arg, next, options)) {
            i++;
        } else if (!parse_word(arg, "keepttl", OPTION_KEEPTTL, options)) {
            return false;
        }
    }
    return true;
}

static bool
parse_getex_options(const struct cmd_call *call, struct set_options *options)
{
    uint32_t i;

    *options = (struct set_options){.expiry = OPTION_NONE};
    for (i = 2; i < call->arg_count; i++) {
        struct bytes arg = call->args[i];
        const struct bytes *next =
            i + 1 < call->arg_count ? &call->args[i + 1] : NULL;

        if (parse_expiry(arg, next, options)) {
            i++;
        } else if (!parse_word(arg, "persist", OPTION_PERSIST, options)) {
            return false;
        }
    }
    return true;
}

/* What an option asks of the store; false and an error for a bad time. */
static bool
resolve_expiry(struct cmd_call *call, const struct set_options *options,
               enum store_expire *expire, int64_t *expire_ms)
{
    enum data_expiry kind = DATA_EX;

    *expire_ms = 0;
    *expire = EXPIRE_NONE;
    switch (options->expiry) {
    case OPTION_NONE:
    case OPTION_PERSIST: return true;
    case OPTION_KEEPTTL: *expire = EXPIRE_KEEP; return true;
    case OPTION_EX: kind = DATA_EX; break;
    case OPTION_PX: kind = DATA_PX; break;
    case OPTION_EXAT: kind = DATA_EXAT; break;
    case OPTION_PXAT: kind = DATA_PXAT; break;
    }
    *expire = EXPIRE_AT;
    return data_expiry_arg(call, options->expiry_arg, kind, expire_ms);
}

/* ---- SET and its kin ---- */

/* Whether the conditions of NX, XX and IFEQ hold for the present object. */
static bool
condition_holds(const struct set_options *options, const struct object *object)
{
    char scratch[OBJECT_TEXT_ROOM];

    if (options->nx) return object == NULL;
    if (options->xx) return object != NULL;
    if (options->ifeq) {
        return object != NULL &&
               bytes_equal(object_text(object, scratch), options->compare);
    }
    return true;
}

static NOINLINE void
set_with_options(struct cmd_call *call)
{
    struct reply *reply = call->reply;
    size_t start = reply->out.used, end;
    struct object *old = NULL;
    struct set_options options;
    enum store_expire expire;
    int64_t expire_ms;

    if (!parse_set_options(call, &options)) {
        data_syntax_error(call);
        return;
    }
    if (!resolve_expiry(call, &options, &expire, &expire_ms)) return;

    if (options.get) {
        if (!reply_old(call, &old)) return;
    } else if (options.nx || options.xx || options.ifeq) {
        old = cmd_peek(call, &call->key);
        if (options.ifeq && old != NULL && !data_is_text(call, old)) return;
    }
    if (!condition_holds(&options, old)) {
        if (!options.get) reply_null(reply);
        return;
    }
    if (!options.get) {
        if (string_put(call, &call->key, call->args[2], expire, expire_ms))
            reply_ok(reply);
        return;
    }
    /* the old value stays as the reply only if the write works */
    end = reply->out.used;
    if (!string_put(call, &call->key, call->args[2], expire, expire_ms))
        string_drop_reply(reply, start, end);
}

void
string_drop_reply(struct reply *reply, size_t start, size_t end)
{
    size_t size = reply->out.used - end;

    if (reply->is_broken) return;
    ASSERT(start <= end && end <= reply->out.used);
    memmove(reply->out.data + start, reply->out.data + end, size);
    reply->out.used = start + size;
    reply->last_error = start;
}

static void
run_set(struct cmd_call *call)
{
    if (LIKELY(call->arg_count == 3)) {
        if (put_plain(call, &call->key, call->args[2])) reply_ok(call->reply);
        return;
    }
    set_with_options(call);
}

static void
set_for(struct cmd_call *call, enum data_expiry kind)
{
    int64_t expire_ms;

    if (!data_expiry_arg(call, call->args[2], kind, &expire_ms)) return;
    if (string_put(call, &call->key, call->args[3], EXPIRE_AT, expire_ms))
        reply_ok(call->reply);
}

static void
run_setex(struct cmd_call *call)
{
    set_for(call, DATA_EX);
}

static void
run_psetex(struct cmd_call *call)
{
    set_for(call, DATA_PX);
}

static void
run_setnx(struct cmd_call *call)
{
    if (cmd_peek(call, &call->key) != NULL) {
        reply_int(call->reply, 0);
    } else if (put_plain(call, &call->key, call->args[2])) {
        reply_int(call->reply, 1);
    }
}

/* ---- GET and its kin ---- */

static void
run_get(struct cmd_call *call)
{
    struct object *object = cmd_read(call, &call->key);
    char scratch[OBJECT_TEXT_ROOM];

    if (object == NULL) {
        reply_null(call->reply);
    } else if (LIKELY(data_is_text(call, object))) {
        reply_bulk(call->reply, object_text(object, scratch));
    }
}

static void
run_getset(struct cmd_call *call)
{
    size_t start = call->reply->out.used, end;
    struct object *old;

    if (!reply_old(call, &old)) return;
    end = call->reply->out.used;
    if (!put_plain(call, &call->key, call->args[2]))
        string_drop_reply(call->reply, start, end);
}

static void
run_getdel(struct cmd_call *call)
{
    struct object *old;

    if (!reply_old(call, &old)) return;
    if (old != NULL) store_delete(call->store, &call->key, call->wall_ms);
}

static void
run_getex(struct cmd_call *call)
{
    size_t start = call->reply->out.used, end;
    struct set_options options;
    enum store_expire expire;
    struct object *object;
    int64_t expire_ms;

    if (!parse_getex_options(call, &options)) {
        data_syntax_error(call);
        return;
    }
    object = cmd_read(call, &call->key);
    if (object == NULL) {
        reply_null(call->reply);
        return;
    }
    if (!data_is_text(call, object)) return;
    if (!resolve_expiry(call, &options, &expire, &expire_ms)) return;
    string_reply(call, object);
    end = call->reply->out.used;

    if (options.expiry == OPTION_NONE) return;
    if (expire == EXPIRE_AT && expire_ms <= call->wall_ms) {
        store_delete(call->store, &call->key, call->wall_ms);
        return;
    }
    if (expire == EXPIRE_NONE && object_expiry_ms(object) == 0) return;
    if (store_set_expiry(call->store, &call->key, expire_ms, call->wall_ms) !=
        ERR_OK) {
        data_no_memory(call);
        string_drop_reply(call->reply, start, end);
    }
}

/* ---- many keys ---- */

static void
run_mget(struct cmd_call *call)
{
    uint32_t i;

    reply_array(call->reply, call->arg_count - 1);
    for (i = 1; i < call->arg_count; i++) {
        struct store_key key = cmd_key(call, i);
        struct object *object = cmd_read(call, &key);

        /* what is no string reads as missing here */
        string_reply(call, object);
    }
}

/* Key and value in turns; false and an error if one is left over. */
static bool
has_pairs(struct cmd_call *call)
{
    if (call->arg_count % 2 == 1) return true;
    reply_errorf(call->reply, "ERR wrong number of arguments for '%s' command",
                 call->spec->name);
    return false;
}

static bool
set_pairs(struct cmd_call *call)
{
    uint32_t i;

    for (i = 1; i < call->arg_count; i += 2) {
        struct store_key key = cmd_key(call, i);

        if (!put_plain(call, &key, call->args[i + 1])) return false;
    }
    return true;
}

static void
run_mset(struct cmd_call *call)
{
    if (has_pairs(call) && set_pairs(call)) reply_ok(call->reply);
}

static void
run_msetnx(struct cmd_call *call)
{
    uint32_t i;

    if (!has_pairs(call)) return;
    for (i = 1; i < call->arg_count; i += 2) {
        struct store_key key = cmd_key(call, i);

        if (cmd_peek(call, &key) == NULL) continue;
        reply_int(call->reply, 0);
        return;
    }
    if (set_pairs(call)) reply_int(call->reply, 1);
}

/* clang-format off */
const struct cmd_spec cmd_string_table[] = {
    {.name = "get", .group = "string",
     .args_min = 2, .args_max = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = run_get, .acl = "read string fast",
     .key_spec = "RO access", .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "The value of a key.",
     .syntax = "key"},
    {.name = "set", .group = "string",
     .args_min = 3, .args_max = CMD_ARGS_ANY,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = run_set, .acl = "write string slow",
     .key_spec = "RW access update variable_flags", .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Stores a value, on conditions and for a time if asked to.",
     .syntax = "key value [NX | XX | IFEQ comparison-value] [GET] [EX "
               "seconds | PX milliseconds | EXAT unix-time-seconds | "
               "PXAT unix-time-milliseconds | KEEPTTL]"},
    {.name = "setex", .group = "string",
     .args_min = 4, .args_max = 4,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = run_setex, .acl = "write string slow",
     .key_spec = "OW update", .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Stores a value for some seconds.",
     .syntax = "key seconds value"},
    {.name = "psetex", .group = "string",
     .args_min = 4, .args_max = 4,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = run_psetex, .acl = "write string slow",
     .key_spec = "OW update", .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Stores a value for some milliseconds.",
     .syntax = "key milliseconds value"},
    {.name = "setnx", .group = "string",
     .args_min = 3, .args_max = 3,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = run_setnx, .acl = "write string fast",
     .key_spec = "OW insert", .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Stores a value only where there was none.",
     .syntax = "key value"},
    {.name = "getset", .group = "string",
     .args_min = 3, .args_max = 3,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = run_getset, .acl = "write string fast",
     .key_spec = "RW access update", .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Stores a value and answers the one before.",
     .syntax = "key value"},
    {.name = "getex", .group = "string",
     .args_min = 2, .args_max = CMD_ARGS_ANY,
     .flags = CMD_WRITE | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = run_getex, .acl = "write string fast",
     .key_spec = "RW access update", .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "The value of a key, whose expiry it may change.",
     .syntax = "key [EX seconds | PX milliseconds | EXAT "
               "unix-time-seconds | PXAT unix-time-milliseconds | "
               "PERSIST]"},
    {.name = "getdel", .group = "string",
     .args_min = 2, .args_max = 2,
     .flags = CMD_WRITE | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = run_getdel, .acl = "write string fast",
     .key_spec = "RW access delete", .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "The value of a key, which is deleted.",
     .syntax = "key"},
    {.name = "mget", .group = "string",
     .args_min = 2, .args_max = CMD_ARGS_ANY,
     .flags = CMD_READONLY | CMD_FAST,
     .key_first = 1, .key_last = -1, .key_step = 1,
     .run = run_mget, .acl = "read string fast",
     .tips = "request_policy:multi_shard",
     .key_spec = "RO access", .since = "1.0.0",
     .complexity = "O(N) for N keys",
     .summary = "The values of several keys.",
     .syntax = "key [key ...]"},
    {.name = "mset", .group = "string",
     .args_min = 3, .args_max = CMD_ARGS_ANY,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .key_first = 1, .key_last = -1, .key_step = 2,
     .run = run_mset, .acl = "write string slow",
     .tips = "request_policy:multi_shard,response_policy:all_succeeded",
     .key_spec = "OW update", .since = "1.0.1",
     .complexity = "O(N) for N keys",
     .summary = "Stores several keys at once.",
     .syntax = "key value [key value ...]"},
    {.name = "msetnx", .group = "string",
     .args_min = 3, .args_max = CMD_ARGS_ANY,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .key_first = 1, .key_last = -1, .key_step = 2,
     .run = run_msetnx, .acl = "write string slow",
     .tips = "request_policy:multi_shard,response_policy:agg_min",
     .key_spec = "OW insert", .since = "1.0.1",
     .complexity = "O(N) for N keys",
     .summary = "Stores several keys at once, or none if one of them exists.",
     .syntax = "key value [key value ...]"},
    {.name = "incr", .group = "string",
     .args_min = 2, .args_max = 2,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = string_incr, .acl = "write string fast",
     .key_spec = "RW access update", .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Adds one to a number.",
     .syntax = "key"},
    {.name = "decr", .group = "string",
     .args_min = 2, .args_max = 2,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = string_decr, .acl = "write string fast",
     .key_spec = "RW access update", .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Takes one off a number.",
     .syntax = "key"},
    {.name = "incrby", .group = "string",
     .args_min = 3, .args_max = 3,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = string_incrby, .acl = "write string fast",
     .key_spec = "RW access update", .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Adds to a number.",
     .syntax = "key increment"},
    {.name = "decrby", .group = "string",
     .args_min = 3, .args_max = 3,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = string_decrby, .acl = "write string fast",
     .key_spec = "RW access update", .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Takes some off a number.",
     .syntax = "key decrement"},
    {.name = "incrbyfloat", .group = "string",
     .args_min = 3, .args_max = 3,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = string_incrbyfloat, .acl = "write string fast",
     .key_spec = "RW access update", .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Adds to a number with a fraction.",
     .syntax = "key increment"},
    {.name = "append", .group = "string",
     .args_min = 3, .args_max = 3,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = string_append, .acl = "write string fast",
     .key_spec = "RW insert", .since = "2.0.0",
     .complexity = "O(1) amortized over a growing value",
     .summary = "Adds text to the end of a value.",
     .syntax = "key value"},
    {.name = "setrange", .group = "string",
     .args_min = 4, .args_max = 4,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = string_setrange, .acl = "write string slow",
     .key_spec = "RW update", .since = "2.2.0",
     .complexity = "O(M) for M new bytes",
     .summary = "Overwrites a part of a value.",
     .syntax = "key offset value"},
    {.name = "getrange", .group = "string",
     .args_min = 4, .args_max = 4,
     .flags = CMD_READONLY,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = string_getrange, .acl = "read string slow",
     .key_spec = "RO access", .since = "2.4.0",
     .complexity = "O(N) for N bytes answered",
     .summary = "A part of a value, by positions.",
     .syntax = "key start end"},
    {.name = "substr", .group = "string",
     .args_min = 4, .args_max = 4,
     .flags = CMD_READONLY,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = string_getrange, .acl = "read string slow",
     .key_spec = "RO access", .since = "1.0.0",
     .complexity = "O(N) for N bytes answered",
     .summary = "The older name of GETRANGE.",
     .syntax = "key start end"},
    {.name = "strlen", .group = "string",
     .args_min = 2, .args_max = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = string_strlen, .acl = "read string fast",
     .key_spec = "RO", .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "How many bytes a value has.",
     .syntax = "key"},
    {.name = "lcs", .group = "string",
     .args_min = 3, .args_max = CMD_ARGS_ANY,
     .flags = CMD_READONLY,
     .key_first = 1, .key_last = 2, .key_step = 1,
     .run = data_lcs, .acl = "read string slow",
     .key_spec = "RO access", .since = "7.0.0",
     .complexity = "O(N*M) for values of N and M bytes",
     .summary = "The longest text that two values have in common, in order.",
     .syntax = "key1 key2 [LEN] [IDX] [MINMATCHLEN len] "
               "[WITHMATCHLEN]"},
    {.name = NULL},
};
/* clang-format on */
