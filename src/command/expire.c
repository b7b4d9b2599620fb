/*
 * When keys end. A time is kept as Unix milliseconds; one in the past deletes
 * the key at once.
 */
#include "base/number.h"
#include "command/data.h"

enum expire_flag {
    EXPIRE_IF_NONE = 1 << 0,   /* NX */
    EXPIRE_IF_ANY = 1 << 1,    /* XX */
    EXPIRE_IF_LATER = 1 << 2,  /* GT */
    EXPIRE_IF_SOONER = 1 << 3, /* LT */
};

static bool
parse_flags(struct cmd_call *call, uint32_t *flags)
{
    uint32_t i;

    *flags = 0;
    for (i = 3; i < call->arg_count; i++) {
        if (cmd_arg_is(call, i, "nx")) {
            *flags |= EXPIRE_IF_NONE;
        } else if (cmd_arg_is(call, i, "xx")) {
            *flags |= EXPIRE_IF_ANY;
        } else if (cmd_arg_is(call, i, "gt")) {
            *flags |= EXPIRE_IF_LATER;
        } else if (cmd_arg_is(call, i, "lt")) {
            *flags |= EXPIRE_IF_SOONER;
        } else {
            data_option_error(call, call->args[i]);
            return false;
        }
    }
    if ((*flags & EXPIRE_IF_NONE) && *flags != EXPIRE_IF_NONE) {
        reply_error(call->reply, "ERR NX and XX, GT or LT options at the same "
                                 "time are not compatible");
        return false;
    }
    if ((*flags & EXPIRE_IF_LATER) && (*flags & EXPIRE_IF_SOONER)) {
        reply_error(call->reply, "ERR GT and LT options at the same time are "
                                 "not compatible");
        return false;
    }
    return true;
}

/* args[2] as Unix milliseconds; may be negative. */
static bool
parse_time(struct cmd_call *call, enum data_expiry kind, int64_t *at_ms)
{
    bool is_seconds = kind == DATA_EX || kind == DATA_EXAT;
    bool is_relative = kind == DATA_EX || kind == DATA_PX;

    if (!cmd_int_arg(call, 2, at_ms)) return false;
    if ((is_seconds && __builtin_mul_overflow(*at_ms, 1000, at_ms)) ||
        (is_relative && __builtin_add_overflow(*at_ms, call->wall_ms, at_ms))) {
        data_bad_expire_time(call);
        return false;
    }
    return true;
}

/* Whether the flags let a key that ends at `old_ms` (0: never) end at
 * `at_ms` from now on. */
static bool
flags_allow(uint32_t flags, int64_t old_ms, int64_t at_ms)
{
    bool never = old_ms == 0;

    if ((flags & EXPIRE_IF_NONE) && !never) return false;
    if ((flags & EXPIRE_IF_ANY) && never) return false;
    if ((flags & EXPIRE_IF_LATER) && (never || at_ms <= old_ms)) return false;
    if ((flags & EXPIRE_IF_SOONER) && !never && at_ms >= old_ms) return false;
    return true;
}

static void
expire_for(struct cmd_call *call, enum data_expiry kind)
{
    struct object *object;
    uint32_t flags;
    int64_t at_ms;

    if (!parse_flags(call, &flags)) return;
    if (!parse_time(call, kind, &at_ms)) return;
    object = cmd_peek(call, &call->key);
    if (object == NULL ||
        !flags_allow(flags, object_expiry_ms(object), at_ms)) {
        reply_int(call->reply, 0);
        return;
    }
    if (at_ms <= call->wall_ms) {
        store_delete(call->store, &call->key, call->wall_ms);
    } else if (store_set_expiry(call->store, &call->key, at_ms,
                                call->wall_ms) != ERR_OK) {
        data_no_memory(call);
        return;
    }
    reply_int(call->reply, 1);
}

static void
run_expire(struct cmd_call *call)
{
    expire_for(call, DATA_EX);
}

static void
run_pexpire(struct cmd_call *call)
{
    expire_for(call, DATA_PX);
}

static void
run_expireat(struct cmd_call *call)
{
    expire_for(call, DATA_EXAT);
}

static void
run_pexpireat(struct cmd_call *call)
{
    expire_for(call, DATA_PXAT);
}

/* -2: no such key, -1: it does not expire; false after either. */
static bool
read_expiry(struct cmd_call *call, int64_t *at_ms)
{
    struct object *object = data_read_quietly(call, &call->key);

    if (object == NULL) {
        reply_int(call->reply, -2);
        return false;
    }
    *at_ms = object_expiry_ms(object);
    if (*at_ms > 0) return true;
    reply_int(call->reply, -1);
    return false;
}

static int64_t
left_ms(const struct cmd_call *call, int64_t at_ms)
{
    return at_ms > call->wall_ms ? at_ms - call->wall_ms : 0;
}

/* To the nearest second, without overflow at the end of time. */
static int64_t
to_seconds(int64_t ms)
{
    return ms / 1000 + (ms % 1000 >= 500 ? 1 : 0);
}

static void
run_ttl(struct cmd_call *call)
{
    int64_t at_ms;

    if (read_expiry(call, &at_ms))
        reply_int(call->reply, to_seconds(left_ms(call, at_ms)));
}

static void
run_pttl(struct cmd_call *call)
{
    int64_t at_ms;

    if (read_expiry(call, &at_ms)) reply_int(call->reply, left_ms(call, at_ms));
}

static void
run_expiretime(struct cmd_call *call)
{
    int64_t at_ms;

    if (read_expiry(call, &at_ms)) reply_int(call->reply, to_seconds(at_ms));
}

static void
run_pexpiretime(struct cmd_call *call)
{
    int64_t at_ms;

    if (read_expiry(call, &at_ms)) reply_int(call->reply, at_ms);
}

static void
run_persist(struct cmd_call *call)
{
    struct object *object = cmd_peek(call, &call->key);

    if (object == NULL || object_expiry_ms(object) == 0) {
        reply_int(call->reply, 0);
        return;
    }
    if (store_set_expiry(call->store, &call->key, 0, call->wall_ms) != ERR_OK) {
        data_no_memory(call);
        return;
    }
    reply_int(call->reply, 1);
}

/* clang-format off */
const struct cmd_spec cmd_expire_table[] = {
    {.name = "expire", .group = "generic",
     .args_min = 3, .args_max = CMD_ARGS_ANY,
     .flags = CMD_WRITE | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = run_expire, .acl = "keyspace write fast",
     .key_spec = "RW update", .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Lets a key end after some seconds.",
     .syntax = "key seconds [NX | XX | GT | LT]"},
    {.name = "pexpire", .group = "generic",
     .args_min = 3, .args_max = CMD_ARGS_ANY,
     .flags = CMD_WRITE | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = run_pexpire, .acl = "keyspace write fast",
     .key_spec = "RW update", .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Lets a key end after some milliseconds.",
     .syntax = "key milliseconds [NX | XX | GT | LT]"},
    {.name = "expireat", .group = "generic",
     .args_min = 3, .args_max = CMD_ARGS_ANY,
     .flags = CMD_WRITE | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = run_expireat, .acl = "keyspace write fast",
     .key_spec = "RW update", .since = "1.2.0",
     .complexity = "O(1)",
     .summary = "Lets a key end at a Unix time in seconds.",
     .syntax = "key unix-time-seconds [NX | XX | GT | LT]"},
    {.name = "pexpireat", .group = "generic",
     .args_min = 3, .args_max = CMD_ARGS_ANY,
     .flags = CMD_WRITE | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = run_pexpireat, .acl = "keyspace write fast",
     .key_spec = "RW update", .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Lets a key end at a Unix time in milliseconds.",
     .syntax = "key unix-time-milliseconds [NX | XX | GT | LT]"},
    {.name = "ttl", .group = "generic",
     .args_min = 2, .args_max = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = run_ttl, .acl = "keyspace read fast",
     .tips = "nondeterministic_output",
     .key_spec = "RO access", .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Seconds until a key ends.",
     .syntax = "key"},
    {.name = "pttl", .group = "generic",
     .args_min = 2, .args_max = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = run_pttl, .acl = "keyspace read fast",
     .tips = "nondeterministic_output",
     .key_spec = "RO access", .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Milliseconds until a key ends.",
     .syntax = "key"},
    {.name = "expiretime", .group = "generic",
     .args_min = 2, .args_max = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = run_expiretime, .acl = "keyspace read fast",
     .key_spec = "RO access", .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "The Unix time in seconds at which a key ends.",
     .syntax = "key"},
    {.name = "pexpiretime", .group = "generic",
     .args_min = 2, .args_max = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = run_pexpiretime, .acl = "keyspace read fast",
     .key_spec = "RO access", .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "The Unix time in milliseconds at which a key ends.",
     .syntax = "key"},
    {.name = "persist", .group = "generic",
     .args_min = 2, .args_max = 2,
     .flags = CMD_WRITE | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = run_persist, .acl = "keyspace write fast",
     .key_spec = "RW update", .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Takes the expiry of a key away.",
     .syntax = "key"},
    {.name = NULL},
};
/* clang-format on */
