/*
 * Two ways through. A command that lies complete in the buffer, with at most
 * four-digit lengths, takes parse_whole(): one pass, no state. Everything else
 * takes the incremental way, which remembers how far it came:
 *
 *     *2\r\n $3\r\n GET\r\n $5\r\n he
 *                                 ^ at; args_left 1, bulk_left 5
 *
 * parse_whole() is tried once for a command, so a command that arrives byte by
 * byte is looked at twice at most. While it arrives, args hold offsets in
 * place of pointers: the buffer may be moved between calls.
 *
 * Lenient exactly where Redis is: the byte after '\r' and the two bytes after
 * a bulk are skipped unread.
 */
#include "resp/parse.h"

#include "base/err.h"
#include "base/memory.h"
#include "base/number.h"
#include "config/line.h"

#include <stdio.h>

enum {
    ARGS_ROOM_FIRST = 8,
    ARGS_ROOM_KEEP = 1024, /* a larger array is given back */
    UNTRUSTED_ARGS_MAX = 10,
    UNTRUSTED_BULK_MAX = 16 * 1024,
    WHOLE_LENGTH_END = 10000, /* lengths that parse_whole() reads */
};

void
resp_parser_init(struct resp_parser *parser, int64_t bulk_max)
{
    *parser = (struct resp_parser){.bulk_max = bulk_max, .is_trusted = true};
    resp_parser_restart(parser);
}

void
resp_parser_deinit(struct resp_parser *parser)
{
    resp_parser_restart(parser);
    resp_parser_rest(parser);
}

void
resp_parser_rest(struct resp_parser *parser)
{
    if (parser->args_left >= 0) return;
    mem_free(parser->args);
    mem_free(parser->unquoted);
    parser->args = NULL;
    parser->unquoted = NULL;
    parser->arg_room = parser->arg_count = 0;
    parser->is_inline_split = false;
}

void
resp_parser_restart(struct resp_parser *parser)
{
    parser->args_left = parser->bulk_left = -1;
    parser->at = parser->scanned = 0;
}

static enum resp_result
bad(struct resp_parser *parser, size_t size, size_t *consumed,
    const char *message)
{
    (void)snprintf(parser->error, sizeof(parser->error),
                   "ERR Protocol error: %s", message);
    resp_parser_restart(parser);
    *consumed = size;
    return RESP_BAD;
}

static enum resp_result
bad_lead(struct resp_parser *parser, size_t size, size_t *consumed, char got)
{
    char message[32];

    (void)snprintf(message, sizeof(message), "expected '$', got '%c'", got);
    return bad(parser, size, consumed, message);
}

static bool
args_reserve(struct resp_parser *parser, size_t room)
{
    struct bytes *args;

    if (room <= parser->arg_room) return true;
    if (room < 2 * (size_t)parser->arg_room) room = 2 * parser->arg_room;
    if (room < ARGS_ROOM_FIRST) room = ARGS_ROOM_FIRST;
    args = mem_try_resize(parser->args, room * sizeof(*args));
    if (args == NULL) return false;
    parser->args = args;
    parser->arg_room = (uint32_t)room;
    return true;
}

/* ---- inline commands ---- */

static bool
is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

int
resp_split_line(struct bytes line, char *out, struct bytes *args,
                uint32_t args_max)
{
    const char *end = memchr(line.data, '\0', line.size);
    int count;

    if (end != NULL) line.size = (size_t)(end - line.data);
    count = line_split(line, out, args, args_max);
    if (count == LINE_UNBALANCED) return -1;
    return count == LINE_TOO_LONG ? (int)args_max : count;
}

/* At least as many as the line has arguments. */
static size_t
count_words(struct bytes line)
{
    size_t count = 0, i;
    bool in_space = true;

    for (i = 0; i < line.size; i++) {
        bool space = is_space(line.data[i]);

        if (in_space && !space) count++;
        in_space = space;
    }
    return count;
}

static enum resp_result
parse_inline(struct resp_parser *parser, const char *data, size_t size,
             size_t *consumed)
{
    const char *end =
        memchr(data + parser->scanned, '\n', size - parser->scanned);
    struct bytes line;
    size_t words;
    int count;

    /* the same whether the end has arrived with the rest or not */
    if ((end != NULL ? (size_t)(end - data) : size) > RESP_INLINE_MAX)
        return bad(parser, size, consumed, "too big inline request");
    if (end == NULL) {
        parser->scanned = size;
        return RESP_MORE;
    }
    parser->scanned = 0;
    *consumed = (size_t)(end - data) + 1;
    line = bytes_of(data, (size_t)(end - data));
    if (line.size > 0 && line.data[line.size - 1] == '\r') line.size--;
    words = count_words(line);
    if (words == 0) return RESP_EMPTY;
    mem_free(parser->unquoted);
    parser->unquoted = mem_try(line.size);
    if (parser->unquoted == NULL || !args_reserve(parser, words))
        return bad(parser, size, consumed, "out of memory");
    count =
        resp_split_line(line, parser->unquoted, parser->args, (uint32_t)words);
    if (count < 0)
        return bad(parser, size, consumed, "unbalanced quotes in request");
    parser->is_inline_split = true;
    parser->arg_count = (uint32_t)count;
    return count > 0 ? RESP_COMPLETE : RESP_EMPTY;
}

/* ---- arrays, incrementally ---- */

enum line { LINE_WHOLE, LINE_PART, LINE_ENDLESS };

/* Looks for the '\r' that ends the line at parser->at; *end: its offset. */
static enum line
find_line(struct resp_parser *parser, const char *data, size_t size,
          size_t *end)
{
    size_t from = parser->at + parser->scanned;
    const char *found =
        from < size ? memchr(data + from, '\r', size - from) : NULL;

    if (found == NULL) {
        parser->scanned = size - parser->at;
        return parser->scanned > RESP_INLINE_MAX ? LINE_ENDLESS : LINE_PART;
    }
    *end = (size_t)(found - data);
    parser->scanned = *end - parser->at;
    if (parser->scanned > RESP_INLINE_MAX) return LINE_ENDLESS;
    if (size - *end < 2) return LINE_PART;
    parser->scanned = 0;
    return LINE_WHOLE;
}

static bool
line_number(const char *data, size_t from, size_t end, int64_t *value)
{
    return number_parse_int(bytes_of(data + from, end - from), value);
}

static enum resp_result
parse_count(struct resp_parser *parser, const char *data, size_t size,
            size_t *consumed)
{
    int64_t count;
    size_t end = 0;

    switch (find_line(parser, data, size, &end)) {
    case LINE_PART: return RESP_MORE;
    case LINE_ENDLESS:
        return bad(parser, size, consumed, "too big mbulk count string");
    case LINE_WHOLE: break;
    }
    if (!line_number(data, 1, end, &count) || count > RESP_ARGS_MAX)
        return bad(parser, size, consumed, "invalid multibulk length");
    if (!parser->is_trusted && count > UNTRUSTED_ARGS_MAX)
        return bad(parser, size, consumed, "unauthenticated multibulk length");
    parser->arg_count = 0;
    if (count <= 0) {
        *consumed = end + 2;
        return RESP_EMPTY;
    }
    parser->at = end + 2;
    parser->args_left = count;
    return RESP_COMPLETE;
}

static enum resp_result
parse_length(struct resp_parser *parser, const char *data, size_t size,
             size_t *consumed)
{
    int64_t length;
    size_t end = 0;

    switch (find_line(parser, data, size, &end)) {
    case LINE_PART: return RESP_MORE;
    case LINE_ENDLESS:
        return bad(parser, size, consumed, "too big bulk count string");
    case LINE_WHOLE: break;
    }
    if (data[parser->at] != '$')
        return bad_lead(parser, size, consumed, data[parser->at]);
    if (!line_number(data, parser->at + 1, end, &length) || length < 0 ||
        length > parser->bulk_max) {
        return bad(parser, size, consumed, "invalid bulk length");
    }
    if (!parser->is_trusted && length > UNTRUSTED_BULK_MAX)
        return bad(parser, size, consumed, "unauthenticated bulk length");
    parser->at = end + 2;
    parser->bulk_left = length;
    return RESP_COMPLETE;
}

/* Offsets become pointers, now that the buffer stays where it is. */
static void
rebase(struct resp_parser *parser, const char *data)
{
    uint32_t i;

    for (i = 0; i < parser->arg_count; i++)
        parser->args[i].data = data + (uintptr_t)parser->args[i].data;
}

static enum resp_result
parse_array(struct resp_parser *parser, const char *data, size_t size,
            size_t *consumed)
{
    enum resp_result result;

    if (parser->args_left < 0) {
        result = parse_count(parser, data, size, consumed);
        if (result != RESP_COMPLETE) return result;
    }
    while (parser->args_left > 0) {
        if (parser->bulk_left < 0) {
            result = parse_length(parser, data, size, consumed);
            if (result != RESP_COMPLETE) return result;
        }
        if (size - parser->at < (size_t)parser->bulk_left + 2) return RESP_MORE;
        if (!args_reserve(parser, (size_t)parser->arg_count + 1))
            return bad(parser, size, consumed, "out of memory");
        parser->args[parser->arg_count++] = (struct bytes){
            (const char *)(uintptr_t)parser->at, (size_t)parser->bulk_left};
        parser->at += (size_t)parser->bulk_left + 2;
        parser->bulk_left = -1;
        parser->args_left--;
    }
    rebase(parser, data);
    *consumed = parser->at;
    resp_parser_restart(parser);
    return RESP_COMPLETE;
}

/* ---- the fast way ---- */

/*
 * Reads up to four digits and the two bytes after them. NULL: something else
 * is there, or too little. No leading zeros, as the slow way.
 */
static inline const char *
read_length(const char *at, const char *end, uint32_t *value)
{
    uint32_t digit, number;

    if (UNLIKELY(end - at < 3)) return NULL;
    number = (uint32_t)(unsigned char)*at - '0';
    if (UNLIKELY(number > 9)) return NULL;
    at++;
    if (LIKELY(*at == '\r')) {
        *value = number;
        return at + 2;
    }
    if (UNLIKELY(number == 0)) return NULL;
    while ((digit = (uint32_t)(unsigned char)*at - '0') <= 9) {
        number = number * 10 + digit;
        at++;
        if (UNLIKELY(number >= WHOLE_LENGTH_END || end - at < 2)) return NULL;
    }
    if (UNLIKELY(*at != '\r')) return NULL;
    *value = number;
    return at + 2;
}

/* False: let the slow way look at it. Changes nothing that it relies on. */
static inline bool
parse_whole(struct resp_parser *parser, const char *data, size_t size,
            size_t *consumed)
{
    const char *end = data + size, *at = data + 1;
    struct bytes *args = parser->args;
    uint32_t count, length, i;

    at = read_length(at, end, &count);
    if (UNLIKELY(at == NULL || count == 0 || count > parser->arg_room))
        return false;
    for (i = 0; i < count; i++) {
        if (UNLIKELY(at >= end || *at != '$')) return false;
        at = read_length(at + 1, end, &length);
        if (UNLIKELY(at == NULL || (size_t)(end - at) < (size_t)length + 2))
            return false;
        args[i] = (struct bytes){at, length};
        at += length + 2;
    }
    parser->arg_count = count;
    *consumed = (size_t)(at - data);
    return true;
}

enum resp_result
resp_parse(struct resp_parser *parser, const char *data, size_t size,
           size_t *consumed)
{
    *consumed = 0;
    if (size == 0) return RESP_MORE;
    if (parser->args_left >= 0)
        return parse_array(parser, data, size, consumed);
    if (UNLIKELY(data[0] != '*'))
        return parse_inline(parser, data, size, consumed);
    if (LIKELY(parser->scanned == 0)) {
        if (UNLIKELY(parser->arg_room > ARGS_ROOM_KEEP || parser->unquoted))
            resp_parser_rest(parser);
        if (LIKELY(parser->is_trusted &&
                   parser->bulk_max >= WHOLE_LENGTH_END) &&
            parse_whole(parser, data, size, consumed)) {
            return RESP_COMPLETE;
        }
    }
    return parse_array(parser, data, size, consumed);
}

size_t
resp_parser_wants(const struct resp_parser *parser)
{
    if (parser->bulk_left < 0) return 0;
    return parser->at + (size_t)parser->bulk_left + 2;
}

/* ---- peek ---- */

/* A length line: its mark, up to six digits, CR LF. NULL: not here. */
static const char *
peek_length(const char *at, const char *end, char mark, size_t *length)
{
    size_t digits = 0;

    *length = 0;
    if (end - at < 4 || *at++ != mark) return NULL;
    while (at < end && *at >= '0' && *at <= '9' && digits < 6) {
        *length = *length * 10 + (size_t)(*at++ - '0');
        digits++;
    }
    if (digits == 0 || end - at < 2 || at[0] != '\r' || at[1] != '\n')
        return NULL;
    return at + 2;
}

bool
resp_peek_key(const char *data, size_t size, struct bytes *key)
{
    const char *end = data + size, *at;
    size_t count, length;

    at = peek_length(data, end, '*', &count);
    if (at == NULL || count < 2) return false;
    at = peek_length(at, end, '$', &length);
    if (at == NULL || (size_t)(end - at) < length + 2) return false;
    at = peek_length(at + length + 2, end, '$', &length);
    if (at == NULL || (size_t)(end - at) < length) return false;
    *key = bytes_of(at, length);
    return true;
}
