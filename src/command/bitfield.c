/*
 * BITFIELD: a string as an array of integers of 1 to 64 bits.
 *
 * The arguments are walked twice with the same parser: once to find errors
 * and how far the string must reach, once to carry the operations out. So no
 * list of operations has to be kept.
 */
#include "base/number.h"
#include "command/data.h"

__extension__ typedef __int128 wide;

enum overflow { OVERFLOW_WRAP, OVERFLOW_SAT, OVERFLOW_FAIL };
enum field_kind { FIELD_GET, FIELD_SET, FIELD_INCRBY };

struct field {
    enum field_kind kind;
    bool is_signed;
    uint32_t bits;    /* 1 .. 64; unsigned: .. 63 */
    uint64_t offset;  /* of its first bit */
    int64_t argument; /* of SET and INCRBY */
};

struct fields {
    struct cmd_call *call;
    uint32_t at; /* the next argument */
    enum overflow overflow;
};

enum next { NEXT_FIELD, NEXT_END, NEXT_ERROR };

/* ---- arguments ---- */

static bool
parse_type(struct cmd_call *call, struct bytes text, struct field *field)
{
    int64_t bits;

    if (text.size > 1 && (text.data[0] == 'i' || text.data[0] == 'u')) {
        field->is_signed = text.data[0] == 'i';
        if (number_parse_int(bytes_of(text.data + 1, text.size - 1), &bits) &&
            bits >= 1 && bits <= (field->is_signed ? 64 : 63)) {
            field->bits = (uint32_t)bits;
            return true;
        }
    }
    reply_error(call->reply, "ERR Invalid bitfield type. Use something like "
                             "i16 u8. Note that u64 is not supported but i64 "
                             "is.");
    return false;
}

/* "17" counts bits, "#17" fields. */
static bool
parse_offset(struct cmd_call *call, struct bytes text, struct field *field)
{
    bool counts_fields = text.size > 0 && text.data[0] == '#';
    size_t skip = counts_fields ? 1 : 0;
    int64_t scale = counts_fields ? field->bits : 1, offset;

    if (!number_parse_int(bytes_of(text.data + skip, text.size - skip),
                          &offset) ||
        __builtin_mul_overflow(offset, scale, &offset) || offset < 0 ||
        (offset >> 3) >= data_max_bytes(call)) {
        reply_error(call->reply,
                    "ERR bit offset is not an integer or out of range");
        return false;
    }
    field->offset = (uint64_t)offset;
    return true;
}

static bool
parse_overflow(struct fields *fields)
{
    static const char *const names[] = {"wrap", "sat", "fail"};
    size_t i;

    for (i = 0; i < ARRAY_LEN(names); i++) {
        if (!cmd_arg_is(fields->call, fields->at + 1, names[i])) continue;
        fields->overflow = (enum overflow)i;
        fields->at += 2;
        return true;
    }
    reply_error(fields->call->reply, "ERR Invalid OVERFLOW type specified");
    return false;
}

static enum next
next_field(struct fields *fields, struct field *field)
{
    struct cmd_call *call = fields->call;
    const struct bytes *args;
    uint32_t left;

    for (;;) {
        if (fields->at >= call->arg_count) return NEXT_END;
        left = call->arg_count - fields->at - 1;
        if (!cmd_arg_is(call, fields->at, "overflow") || left < 1) break;
        if (!parse_overflow(fields)) return NEXT_ERROR;
    }
    args = &call->args[fields->at];
    if (left >= 2 && cmd_arg_is(call, fields->at, "get")) {
        field->kind = FIELD_GET;
    } else if (left >= 3 && cmd_arg_is(call, fields->at, "set")) {
        field->kind = FIELD_SET;
    } else if (left >= 3 && cmd_arg_is(call, fields->at, "incrby")) {
        field->kind = FIELD_INCRBY;
    } else {
        data_syntax_error(call);
        return NEXT_ERROR;
    }
    if (!parse_type(call, args[1], field)) return NEXT_ERROR;
    if (!parse_offset(call, args[2], field)) return NEXT_ERROR;
    if (field->kind == FIELD_GET) {
        fields->at += 3;
        return NEXT_FIELD;
    }
    if (!cmd_int_arg(call, fields->at + 3, &field->argument)) return NEXT_ERROR;
    fields->at += 4;
    return NEXT_FIELD;
}

/* The first walk: false after an error. *bytes: how long the string must be
 * for all writes, 0 if there are none. */
static bool
check_fields(struct cmd_call *call, uint32_t *count, size_t *bytes)
{
    struct fields fields = {.call = call, .at = 2};
    struct field field = {.kind = FIELD_GET};

    *count = 0;
    *bytes = 0;
    for (;;) {
        switch (next_field(&fields, &field)) {
        case NEXT_ERROR: return false;
        case NEXT_END: return true;
        case NEXT_FIELD: break;
        }
        (*count)++;
        if (field.kind != FIELD_GET) {
            size_t end = (size_t)((field.offset + field.bits + 7) / 8);

            if (end > *bytes) *bytes = end;
        }
    }
}

/* ---- values ---- */

static uint64_t
load_bits(struct bytes text, uint64_t offset, uint32_t bits)
{
    uint64_t value = 0, at;

    for (at = offset; at < offset + bits; at++) {
        uint64_t byte = at / 8;
        uint32_t bit = 0;

        if (byte < text.size)
            bit = (uint32_t)(unsigned char)text.data[byte] >> (7 - at % 8) & 1;
        value = value << 1 | bit;
    }
    return value;
}

static void
save_bits(char *text, uint64_t offset, uint32_t bits, uint64_t value)
{
    uint32_t i;

    for (i = 0; i < bits; i++) {
        uint64_t at = offset + i;
        unsigned char mask = (unsigned char)(0x80 >> (at % 8));
        unsigned char byte = (unsigned char)text[at / 8];

        byte = value >> (bits - 1 - i) & 1 ? (unsigned char)(byte | mask)
                                           : (unsigned char)(byte & ~mask);
        text[at / 8] = (char)byte;
    }
}

/* The low bits of a sum, read as the field's type. */
static wide
wrap(wide value, const struct field *field)
{
    uint64_t low = (uint64_t)value << (64 - field->bits);

    if (field->is_signed) return (int64_t)low >> (64 - field->bits);
    return (wide)(low >> (64 - field->bits));
}

static wide
read_field(struct bytes text, const struct field *field)
{
    return wrap((wide)load_bits(text, field->offset, field->bits), field);
}

/*
 * Redis computes the distance to the top in 64 bits, where it wraps for a SET
 * of a number near the least one: that saturates at the wrong end.
 */
static bool
wraps_upwards(wide value, const struct field *field)
{
    wide most = ((wide)1 << (field->bits - 1)) - 1;

    return field->kind == FIELD_SET && field->is_signed && field->bits < 64 &&
           value < most - INT64_MAX;
}

/* Brings a value into the field's range; false: it must not be stored. */
static bool
fit(wide *value, const struct field *field, enum overflow overflow)
{
    uint32_t bits = field->is_signed ? field->bits - 1 : field->bits;
    wide most = ((wide)1 << bits) - 1, least = field->is_signed ? -most - 1 : 0;

    if (*value >= least && *value <= most) return true;
    switch (overflow) {
    case OVERFLOW_WRAP: *value = wrap(*value, field); return true;
    case OVERFLOW_SAT:
        *value = *value > most || wraps_upwards(*value, field) ? most : least;
        return true;
    case OVERFLOW_FAIL: break;
    }
    return false;
}

/* What a write makes of the field; false: it must not be stored. */
static bool
fresh_value(const struct field *field, enum overflow overflow, wide old,
            wide *fresh)
{
    if (field->kind == FIELD_INCRBY) {
        *fresh = old + field->argument;
    } else if (field->is_signed) {
        *fresh = field->argument;
    } else { /* a negative number counts as a large one */
        *fresh = (wide)(uint64_t)field->argument;
    }
    return fit(fresh, field, overflow);
}

static void
change_field(struct reply *reply, const struct field *field,
             enum overflow overflow, struct bytes text, char *value)
{
    wide old = read_field(text, field), fresh;

    if (!fresh_value(field, overflow, old, &fresh)) {
        reply_null(reply);
        return;
    }
    if (value != NULL)
        save_bits(value, field->offset, field->bits, (uint64_t)fresh);
    reply_int(reply, (int64_t)(field->kind == FIELD_SET ? old : fresh));
}

/* The second walk: true if a write would change a bit. Those before the first
 * that does leave the text as it is, so the text need not be copied. */
static bool
would_change(struct cmd_call *call, struct bytes text)
{
    struct fields fields = {.call = call, .at = 2};
    struct field field = {.kind = FIELD_GET};

    while (next_field(&fields, &field) == NEXT_FIELD) {
        wide old, fresh;

        if (field.kind == FIELD_GET) continue;
        old = read_field(text, &field);
        if (fresh_value(&field, fields.overflow, old, &fresh) && fresh != old)
            return true;
    }
    return false;
}

/* The last walk. `value`, which is `text`, is NULL if no bit changes. */
static void
run_fields(struct cmd_call *call, struct bytes text, char *value)
{
    struct fields fields = {.call = call, .at = 2};
    struct field field = {.kind = FIELD_GET};

    while (next_field(&fields, &field) == NEXT_FIELD) {
        if (field.kind == FIELD_GET) {
            reply_int(call->reply, (int64_t)read_field(text, &field));
        } else {
            change_field(call->reply, &field, fields.overflow, text, value);
        }
    }
}

static void
bitfield(struct cmd_call *call, bool is_read_only)
{
    char scratch[OBJECT_TEXT_ROOM];
    struct bytes text = {NULL, 0};
    struct object *object;
    char *value = NULL;
    uint32_t count;
    size_t size;

    if (!check_fields(call, &count, &size)) return;
    if (size > 0 && is_read_only) {
        reply_error(call->reply,
                    "ERR BITFIELD_RO only supports the GET subcommand");
        return;
    }
    object = size > 0 ? cmd_peek(call, &call->key) : cmd_read(call, &call->key);
    if (object != NULL) {
        if (!data_is_text(call, object)) return;
        text = object_text(object, scratch);
    }
    if (size > 0 && size <= text.size && !would_change(call, text)) {
        data_mark_raw(object);
    } else if (size > 0) {
        if (size < text.size) size = text.size;
        if (store_edit(call->store, &call->key, size, call->wall_ms, &value) !=
            ERR_OK) {
            data_no_memory(call);
            return;
        }
        text = bytes_of(value, size);
    }
    reply_array(call->reply, count);
    run_fields(call, text, value);
    if (value != NULL) store_edit_done(call->store, &call->key);
}

void
data_bitfield(struct cmd_call *call)
{
    bitfield(call, false);
}

void
data_bitfield_ro(struct cmd_call *call)
{
    bitfield(call, true);
}
