#include "command/data.h"

#include "base/number.h"

enum { SCRATCH_KEPT = 1024 * 1024 /* bytes a scratch buffer may keep */ };

void
data_syntax_error(struct cmd_call *call)
{
    reply_error(call->reply, "ERR syntax error");
}

void
data_no_memory(struct cmd_call *call)
{
    reply_error(call->reply,
                "OOM command not allowed when used memory > 'maxmemory'.");
}

void
data_bad_expire_time(struct cmd_call *call)
{
    reply_errorf(call->reply, "ERR invalid expire time in '%s' command",
                 call->spec->name);
}

void
data_number_error(struct cmd_call *call)
{
    reply_error(call->reply, "ERR value is not an integer or out of range");
}

void
data_option_error(struct cmd_call *call, struct bytes option)
{
    int size = option.size < INT32_MAX ? (int)option.size : INT32_MAX;

    reply_errorf(call->reply, "ERR Unsupported option %.*s", size, option.data);
}

bool
data_is_text(struct cmd_call *call, const struct object *object)
{
    switch (object_type(object)) {
    case OBJECT_STRING:
    case OBJECT_COUNTER: return true;
    }
    reply_error(
        call->reply,
        "WRONGTYPE Operation against a key holding the wrong kind of value");
    return false;
}

void
data_mark_raw(struct object *object)
{
    object->flags = (uint16_t)(object->flags | OBJECT_RAW);
}

struct object *
data_read_quietly(struct cmd_call *call, const struct store_key *key)
{
    struct metrics *metrics = &call->env->metrics;
    struct object *object =
        store_get(call->store, key, STORE_NO_TOUCH, call->wall_ms);

    metric_add(object != NULL ? &metrics->keyspace_hits
                              : &metrics->keyspace_misses,
               1);
    return object;
}

int64_t
data_max_bytes(const struct cmd_call *call)
{
    int64_t most =
        settings_int(call->env->shared->settings, SETTING_PROTO_MAX_BULK_LEN);

    return most < STORE_VALUE_MAX ? most : STORE_VALUE_MAX;
}

bool
data_fits(struct cmd_call *call, int64_t offset, size_t size)
{
    int64_t most = data_max_bytes(call);

    ASSERT(offset >= 0);
    if (offset <= most && size <= (uint64_t)(most - offset)) return true;
    reply_error(call->reply, "ERR string exceeds maximum allowed size "
                             "(proto-max-bulk-len)");
    return false;
}

bool
data_db_arg(struct cmd_call *call, uint32_t at, uint32_t *db)
{
    int64_t value, count;

    if (!cmd_int_arg(call, at, &value)) return false;
    if (value < INT32_MIN || value > INT32_MAX) {
        reply_errorf(call->reply,
                     "ERR value is out of range, value must between %d and %d",
                     INT32_MIN, INT32_MAX);
        return false;
    }
    count = settings_int(call->env->shared->settings, SETTING_DATABASES);
    if (value < 0 || value >= count || value >= STORE_DBS) {
        reply_error(call->reply, "ERR DB index is out of range");
        return false;
    }
    *db = (uint32_t)value;
    return true;
}

bool
data_expiry_arg(struct cmd_call *call, struct bytes arg, enum data_expiry kind,
                int64_t *at_ms)
{
    bool is_seconds = kind == DATA_EX || kind == DATA_EXAT;
    bool is_relative = kind == DATA_EX || kind == DATA_PX;
    int64_t value;

    if (!number_parse_int(arg, &value)) {
        data_number_error(call);
        return false;
    }
    if (value <= 0 || (is_seconds && value > INT64_MAX / 1000)) {
        data_bad_expire_time(call);
        return false;
    }
    if (is_seconds) value *= 1000;
    if (is_relative && __builtin_add_overflow(value, call->wall_ms, &value)) {
        data_bad_expire_time(call);
        return false;
    }
    *at_ms = value;
    return true;
}

bool
data_clip_range(int64_t *first, int64_t *last, int64_t size)
{
    if (*first < 0) *first += size;
    if (*last < 0) *last += size;
    if (*first < 0) *first = 0;
    if (*last < 0) *last = 0;
    if (*last >= size) *last = size - 1;
    return *first <= *last && size > 0;
}

void
data_trim_scratch(struct cmd_call *call)
{
    if (call->env->scratch.room > SCRATCH_KEPT) buf_deinit(&call->env->scratch);
}
