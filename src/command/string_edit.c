/*
 * Commands over parts of a string and over numbers kept as strings.
 */
#include "base/number.h"
#include "command/data.h"
#include "command/string_inside.h"

#include <math.h>

/* The object of a write; false and an error if it is no string. */
static bool
peek_text(struct cmd_call *call, struct object **object)
{
    *object = cmd_peek(call, &call->key);
    return *object == NULL || data_is_text(call, *object);
}

/* The text of the read key, empty if it is missing; false and an error if it
 * is no string. */
static bool
read_text(struct cmd_call *call, struct bytes *text,
          char scratch[OBJECT_TEXT_ROOM])
{
    struct object *object = cmd_read(call, &call->key);

    *text = bytes_of("", 0);
    if (object == NULL) return true;
    if (!data_is_text(call, object)) return false;
    *text = object_text(object, scratch);
    return true;
}

/* ---- numbers ---- */

static void
add_int(struct cmd_call *call, int64_t delta)
{
    struct object *object;
    int64_t value = 0;

    if (!peek_text(call, &object)) return;
    if (object != NULL && !object_int(object, &value)) {
        data_number_error(call);
        return;
    }
    if (__builtin_add_overflow(value, delta, &value)) {
        reply_error(call->reply, "ERR increment or decrement would overflow");
        return;
    }
    if (store_add(call->store, &call->key, delta, call->wall_ms) != ERR_OK) {
        data_no_memory(call);
        return;
    }
    reply_int(call->reply, value);
}

void
string_incr(struct cmd_call *call)
{
    add_int(call, 1);
}

void
string_decr(struct cmd_call *call)
{
    add_int(call, -1);
}

void
string_incrby(struct cmd_call *call)
{
    int64_t delta;

    if (cmd_int_arg(call, 2, &delta)) add_int(call, delta);
}

void
string_decrby(struct cmd_call *call)
{
    int64_t delta;

    if (!cmd_int_arg(call, 2, &delta)) return;
    if (delta == INT64_MIN) {
        reply_error(call->reply, "ERR decrement would overflow");
        return;
    }
    add_int(call, -delta);
}

void
string_incrbyfloat(struct cmd_call *call)
{
    char text[NUMBER_FLOAT_ROOM], scratch[OBJECT_TEXT_ROOM];
    long double value = 0, delta;
    struct store_write write = {.type = OBJECT_STRING,
                                .part_count = 1,
                                .is_text = true,
                                .expire = EXPIRE_KEEP};
    struct object *object;

    if (!peek_text(call, &object)) return;
    if ((object != NULL &&
         !number_parse_float(object_text(object, scratch), &value)) ||
        !number_parse_float(call->args[2], &delta)) {
        reply_error(call->reply, "ERR value is not a valid float");
        return;
    }
    value += delta;
    if (isnan(value) || isinf(value)) {
        reply_error(call->reply, "ERR increment would produce NaN or Infinity");
        return;
    }
    write.parts[0] = bytes_of(text, number_format_float(text, value));
    if (store_put(call->store, &call->key, &write, call->wall_ms, NULL) !=
        ERR_OK) {
        data_no_memory(call);
        return;
    }
    reply_bulk(call->reply, write.parts[0]);
}

/* ---- parts ---- */

static size_t
text_size(const struct object *object)
{
    char scratch[OBJECT_TEXT_ROOM];

    return object == NULL ? 0 : object_text(object, scratch).size;
}

/* Puts `part` at `offset` of the value, which grows to fit. */
static void
write_part(struct cmd_call *call, size_t old_size, size_t offset,
           struct bytes part)
{
    size_t size = offset + part.size;
    char *value;

    if (size < old_size) size = old_size;
    if (store_edit(call->store, &call->key, size, call->wall_ms, &value) !=
        ERR_OK) {
        data_no_memory(call);
        return;
    }
    if (part.size > 0) memcpy(value + offset, part.data, part.size);
    store_edit_done(call->store, &call->key);
    reply_int(call->reply, (int64_t)size);
}

void
string_append(struct cmd_call *call)
{
    struct bytes part = call->args[2];
    struct object *object;
    size_t size;

    if (!peek_text(call, &object)) return;
    size = text_size(object);
    if (object == NULL) {
        if (store_put_plain(call->store, &call->key, part, call->wall_ms) !=
            ERR_OK) {
            data_no_memory(call);
            return;
        }
        reply_int(call->reply, (int64_t)part.size);
        return;
    }
    if (data_fits(call, (int64_t)size, part.size))
        write_part(call, size, size, part);
}

void
string_setrange(struct cmd_call *call)
{
    struct bytes part = call->args[3];
    struct object *object;
    int64_t offset;
    size_t size;

    if (!cmd_int_arg(call, 2, &offset)) return;
    if (offset < 0) {
        reply_error(call->reply, "ERR offset is out of range");
        return;
    }
    if (!peek_text(call, &object)) return;
    size = text_size(object);
    if (part.size == 0) {
        reply_int(call->reply, (int64_t)size);
        return;
    }
    if (data_fits(call, offset, part.size))
        write_part(call, size, (size_t)offset, part);
}

void
string_getrange(struct cmd_call *call)
{
    char scratch[OBJECT_TEXT_ROOM];
    int64_t first, last;
    struct bytes text;

    if (!cmd_int_arg(call, 2, &first)) return;
    if (!cmd_int_arg(call, 3, &last)) return;
    if (!read_text(call, &text, scratch)) return;
    /* in the wrong order before the start: nothing, though clipping both to
     * the first byte would leave it */
    if ((first < 0 && last < 0 && first > last) ||
        !data_clip_range(&first, &last, (int64_t)text.size)) {
        reply_bulk(call->reply, bytes_of("", 0));
        return;
    }
    reply_bulk(call->reply,
               bytes_of(text.data + first, (size_t)(last - first + 1)));
}

void
string_strlen(struct cmd_call *call)
{
    char scratch[OBJECT_TEXT_ROOM];
    struct bytes text;

    if (read_text(call, &text, scratch))
        reply_int(call->reply, (int64_t)text.size);
}
