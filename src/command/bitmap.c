/*
 * Strings as arrays of bits. Bit 0 is the most significant bit of byte 0.
 */
#include "base/number.h"
#include "command/data.h"

/* The bit argument's offset, or the error. */
static bool
offset_arg(struct cmd_call *call, uint32_t at, int64_t *offset)
{
    if (number_parse_int(call->args[at], offset) && *offset >= 0 &&
        (*offset >> 3) < data_max_bytes(call)) {
        return true;
    }
    reply_error(call->reply,
                "ERR bit offset is not an integer or out of range");
    return false;
}

static bool
bit_at(struct bytes text, int64_t offset)
{
    size_t byte = (size_t)(offset >> 3);

    if (byte >= text.size) return false;
    return ((unsigned char)text.data[byte] >> (7 - (offset & 7)) & 1) != 0;
}

static void
run_setbit(struct cmd_call *call)
{
    char scratch[OBJECT_TEXT_ROOM];
    struct bytes text = {NULL, 0};
    struct object *object;
    int64_t offset, bit;
    size_t byte;
    char *value;
    bool old;

    if (!offset_arg(call, 2, &offset)) return;
    if (!number_parse_int(call->args[3], &bit) || bit < 0 || bit > 1) {
        reply_error(call->reply, "ERR bit is not an integer or out of range");
        return;
    }
    object = cmd_peek(call, &call->key);
    if (object != NULL) {
        if (!data_is_text(call, object)) return;
        text = object_text(object, scratch);
    }
    byte = (size_t)(offset >> 3);
    old = bit_at(text, offset);
    if (byte >= text.size || old != (bit == 1)) {
        size_t size = byte >= text.size ? byte + 1 : text.size;
        unsigned char mask = (unsigned char)(0x80 >> (offset & 7));

        if (store_edit(call->store, &call->key, size, call->wall_ms, &value) !=
            ERR_OK) {
            data_no_memory(call);
            return;
        }
        value[byte] = (char)(bit == 1 ? (unsigned char)value[byte] | mask
                                      : (unsigned char)value[byte] & ~mask);
        store_edit_done(call->store, &call->key);
    } else {
        data_mark_raw(object);
    }
    reply_int(call->reply, old);
}

static void
run_getbit(struct cmd_call *call)
{
    char scratch[OBJECT_TEXT_ROOM];
    struct object *object;
    int64_t offset;
    bool bit = false;

    if (!offset_arg(call, 2, &offset)) return;
    object = cmd_read(call, &call->key);
    if (object != NULL) {
        if (!data_is_text(call, object)) return;
        bit = bit_at(object_text(object, scratch), offset);
    }
    reply_int(call->reply, bit);
}

/* ---- BITCOUNT, BITPOS ---- */

static uint64_t
load_word(const char *at) /* big endian: bit 0 is on top */
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Set bits among first .. last, which are within the text. */
static int64_t
count_bits(struct bytes text, int64_t first, int64_t last)
{
    size_t at = (size_t)(first >> 3), end = (size_t)(last >> 3);
    int64_t count = 0;
    unsigned int edge;

    ASSERT(first <= last && end < text.size);
    /* whole bytes first, then take away what sticks out at both ends */
    edge = (unsigned char)text.data[at] & ~(0xffu >> (first & 7));
    count -= __builtin_popcount(edge);
    edge = (unsigned char)text.data[end] & (0x7fu >> (last & 7));
    count -= __builtin_popcount(edge);
    for (; end - at >= 8; at += 8)
        count += __builtin_popcountll(load_word(text.data + at));
    for (; at <= end; at++)
        count += __builtin_popcount((unsigned char)text.data[at]);
    return count;
}

/* The first position among first .. last that holds `bit`, or -1. */
static int64_t
find_bit(struct bytes text, int64_t first, int64_t last, bool bit)
{
    uint64_t skipped = bit ? 0 : UINT64_MAX;
    int64_t at = first;

    while (at <= last) {
        if ((at & 7) == 0 && last - at >= 63) {
            uint64_t word = load_word(text.data + (at >> 3)) ^ skipped;

            if (word != 0) return at + __builtin_clzll(word);
            at += 64;
        } else {
            if (bit_at(text, at) == bit) return at;
            at++;
        }
    }
    return -1;
}

/* BYTE or BIT at args[at], if there is one; false and an error otherwise. */
static bool
unit_arg(struct cmd_call *call, uint32_t at, bool *is_bit)
{
    *is_bit = false;
    if (call->arg_count <= at) return true;
    *is_bit = cmd_arg_is(call, at, "bit");
    if (*is_bit || cmd_arg_is(call, at, "byte")) return true;
    data_syntax_error(call);
    return false;
}

/* Turns a range of bytes or bits into one of bits; false if it is empty. */
static bool
clip_bits(struct bytes text, bool is_bit, int64_t *first, int64_t *last)
{
    int64_t size = (int64_t)text.size * (is_bit ? 8 : 1);

    if (!data_clip_range(first, last, size)) return false;
    if (!is_bit) {
        *first *= 8;
        *last = *last * 8 + 7;
    }
    return true;
}

static void
run_bitcount(struct cmd_call *call)
{
    struct object *object = cmd_read(call, &call->key);
    char scratch[OBJECT_TEXT_ROOM];
    int64_t first = 0, last = -1;
    struct bytes text;
    bool is_bit = false;

    if (object == NULL) { /* before the other arguments are looked at */
        reply_int(call->reply, 0);
        return;
    }
    if (!data_is_text(call, object)) return;
    text = object_text(object, scratch);
    if (call->arg_count == 3 || call->arg_count > 5) {
        data_syntax_error(call);
        return;
    }
    if (call->arg_count > 3) {
        if (!cmd_int_arg(call, 2, &first)) return;
        if (!cmd_int_arg(call, 3, &last)) return;
        if (first < 0 && last < 0 && first > last) {
            reply_int(call->reply, 0); /* whatever the unit says */
            return;
        }
        if (!unit_arg(call, 4, &is_bit)) return;
    }
    if (!clip_bits(text, is_bit, &first, &last)) {
        reply_int(call->reply, 0);
    } else {
        reply_int(call->reply, count_bits(text, first, last));
    }
}

static void
run_bitpos(struct cmd_call *call)
{
    char scratch[OBJECT_TEXT_ROOM];
    int64_t bit, at, first = 0, last = -1;
    struct object *object;
    struct bytes text;
    bool is_bit = false;

    if (!cmd_int_arg(call, 2, &bit)) return;
    if (bit != 0 && bit != 1) {
        reply_error(call->reply, "ERR The bit argument must be 1 or 0.");
        return;
    }
    object = cmd_read(call, &call->key);
    if (object == NULL) { /* zeros without end */
        reply_int(call->reply, bit ? -1 : 0);
        return;
    }
    if (!data_is_text(call, object)) return;
    text = object_text(object, scratch);
    if (call->arg_count > 6) {
        data_syntax_error(call);
        return;
    }
    if (call->arg_count > 3 && !cmd_int_arg(call, 3, &first)) return;
    if (!unit_arg(call, 5, &is_bit)) return;
    if (call->arg_count > 4 && !cmd_int_arg(call, 4, &last)) return;

    at = -1;
    if (clip_bits(text, is_bit, &first, &last)) {
        at = find_bit(text, first, last, bit == 1);
        /* without an end the text goes on in zeros */
        if (at < 0 && bit == 0 && call->arg_count <= 4) at = last + 1;
    }
    reply_int(call->reply, at);
}

/* ---- BITOP ---- */

enum bit_operation { BIT_AND, BIT_OR, BIT_XOR, BIT_NOT };

static bool
operation_arg(struct cmd_call *call, enum bit_operation *operation)
{
    static const char *const names[] = {"and", "or", "xor", "not"};
    size_t i;

    for (i = 0; i < ARRAY_LEN(names); i++) {
        if (!cmd_arg_is(call, 1, names[i])) continue;
        *operation = (enum bit_operation)i;
        if (*operation != BIT_NOT || call->arg_count == 4) return true;
        reply_error(call->reply, "ERR BITOP NOT must be called with a single "
                                 "source key.");
        return false;
    }
    data_syntax_error(call);
    return false;
}

/* Combines a source, which goes on in zeros, into the result. */
static void
combine(enum bit_operation operation, char *result, size_t size,
        struct bytes source)
{
    size_t i;

    ASSERT(source.size <= size);
    switch (operation) {
    case BIT_AND:
        for (i = 0; i < source.size; i++)
            result[i] &= source.data[i];
        memset(result + source.size, 0, size - source.size);
        break;
    case BIT_OR:
        for (i = 0; i < source.size; i++)
            result[i] |= source.data[i];
        break;
    case BIT_XOR:
        for (i = 0; i < source.size; i++)
            result[i] ^= source.data[i];
        break;
    case BIT_NOT:
        for (i = 0; i < source.size; i++)
            result[i] = (char)~source.data[i];
        break;
    }
}

/* The size of the longest source; false and an error if one is no string. */
static bool
measure_sources(struct cmd_call *call, size_t *longest)
{
    char scratch[OBJECT_TEXT_ROOM];
    uint32_t i;

    *longest = 0;
    for (i = 3; i < call->arg_count; i++) {
        struct store_key key = cmd_key(call, i);
        struct object *object = cmd_read(call, &key);
        size_t size;

        if (object == NULL) continue;
        if (!data_is_text(call, object)) return false;
        size = object_text(object, scratch).size;
        if (size > *longest) *longest = size;
    }
    return true;
}

static void
combine_sources(struct cmd_call *call, enum bit_operation operation,
                char *result, size_t size)
{
    char scratch[OBJECT_TEXT_ROOM];
    uint32_t i;

    memset(result, 0, size);
    for (i = 3; i < call->arg_count; i++) {
        struct store_key key = cmd_key(call, i);
        struct object *object =
            store_get(call->store, &key, STORE_NO_TOUCH, call->wall_ms);
        struct bytes source = {NULL, 0};
        enum bit_operation how = operation;

        if (object != NULL) source = object_text(object, scratch);
        /* the first one is copied */
        if (i == 3 && operation != BIT_NOT) how = BIT_OR;
        combine(how, result, size, source);
    }
}

static void
run_bitop(struct cmd_call *call)
{
    struct buf *result = &call->env->scratch;
    struct store_write write = {.type = OBJECT_STRING, .part_count = 1};
    enum bit_operation operation;
    struct store_key to = cmd_key(call, 2);
    size_t size;

    if (!operation_arg(call, &operation)) return;
    if (!measure_sources(call, &size)) return;
    if (size == 0) {
        store_delete(call->store, &to, call->wall_ms);
        reply_int(call->reply, 0);
        return;
    }
    result->used = 0;
    if (buf_reserve(result, size) != ERR_OK) {
        data_no_memory(call);
        return;
    }
    combine_sources(call, operation, result->data, size);
    write.parts[0] = bytes_of(result->data, size);
    write.is_raw = true;
    if (store_put(call->store, &to, &write, call->wall_ms, NULL) != ERR_OK) {
        data_no_memory(call);
    } else {
        reply_int(call->reply, (int64_t)size);
    }
    data_trim_scratch(call);
}

/* clang-format off */
const struct cmd_spec cmd_bitmap_table[] = {
    {.name = "setbit", .group = "bitmap",
     .args_min = 4, .args_max = 4,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = run_setbit, .acl = "write bitmap slow",
     .key_spec = "RW access update", .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Sets or clears one bit of a value.",
     .syntax = "key offset value"},
    {.name = "getbit", .group = "bitmap",
     .args_min = 3, .args_max = 3,
     .flags = CMD_READONLY | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = run_getbit, .acl = "read bitmap fast",
     .key_spec = "RO access", .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "One bit of a value.",
     .syntax = "key offset"},
    {.name = "bitcount", .group = "bitmap",
     .args_min = 2, .args_max = CMD_ARGS_ANY,
     .flags = CMD_READONLY,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = run_bitcount, .acl = "read bitmap slow",
     .key_spec = "RO access", .since = "2.6.0",
     .complexity = "O(N) for N bytes looked at",
     .summary = "How many bits are set.",
     .syntax = "key [start end [BYTE | BIT]]"},
    {.name = "bitop", .group = "bitmap",
     .args_min = 4, .args_max = CMD_ARGS_ANY,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .key_first = 2, .key_last = -1, .key_step = 1,
     .run = run_bitop, .acl = "write bitmap slow",
     .key_spec = "OW update", .since = "2.6.0",
     .complexity = "O(N) for the longest value of N bytes",
     .summary = "Combines the bits of several values into another key.",
     .syntax = "operation destkey key [key ...]"},
    {.name = "bitpos", .group = "bitmap",
     .args_min = 3, .args_max = CMD_ARGS_ANY,
     .flags = CMD_READONLY,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = run_bitpos, .acl = "read bitmap slow",
     .key_spec = "RO access", .since = "2.8.7",
     .complexity = "O(N) for N bytes looked at",
     .summary = "Where the first set or clear bit is.",
     .syntax = "key bit [start [end [BYTE | BIT]]]"},
    {.name = "bitfield", .group = "bitmap",
     .args_min = 2, .args_max = CMD_ARGS_ANY,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = data_bitfield, .acl = "write bitmap slow",
     .key_spec = "RW access update variable_flags", .since = "3.2.0",
     .complexity = "O(1) for each operation",
     .summary = "Reads and changes integers of any width inside a value.",
     .syntax = "key [GET encoding offset | [OVERFLOW <WRAP | SAT | "
               "FAIL>] <SET encoding offset value | INCRBY encoding "
               "offset increment> [GET encoding offset | [OVERFLOW "
               "<WRAP | SAT | FAIL>] <SET encoding offset value | "
               "INCRBY encoding offset increment> ...]]"},
    {.name = "bitfield_ro", .group = "bitmap",
     .args_min = 2, .args_max = CMD_ARGS_ANY,
     .flags = CMD_READONLY | CMD_FAST,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = data_bitfield_ro, .acl = "read bitmap fast",
     .key_spec = "RO access", .since = "6.0.0",
     .complexity = "O(1) for each operation",
     .summary = "Reads integers of any width inside a value.",
     .syntax = "key [GET encoding offset [GET encoding offset ...]]"},
    {.name = NULL},
};
/* clang-format on */
