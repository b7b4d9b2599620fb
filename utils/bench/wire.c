/*
 *            "$n", "VALUE k f n"         memcached
 *   line ---------------------> body ---------------> line (END)
 *    |                           | RESP                |
 *    +---> complete              +---> complete        +---> complete
 *     any other line
 */
#include "wire.h"

#include "keys.h"

#include <string.h>

void
wire_parser_init(struct wire_parser *parser, enum wire_protocol protocol)
{
    memset(parser, 0, sizeof(*parser));
    parser->protocol = protocol;
}

static void
complete(struct wire_parser *parser, enum wire_outcome outcome)
{
    parser->outcome = outcome;
    parser->is_complete = true;
    parser->is_closing = false;
    parser->expected = NULL;
    parser->has_differed = false;
}

static void
complete_error(struct wire_parser *parser, const char *line, size_t len)
{
    if (len >= WIRE_LINE_BYTES_MAX) len = WIRE_LINE_BYTES_MAX - 1;
    memmove(parser->line, line, len);
    parser->line[len] = '\0';
    complete(parser, WIRE_ERROR);
}

static void
start_body(struct wire_parser *parser, const char *digits, size_t len)
{
    uint64_t bytes = 0;
    size_t i;

    for (i = 0; i < len && digits[i] >= '0' && digits[i] <= '9'; i++) {
        bytes = bytes * 10 + (uint64_t)(digits[i] - '0');
    }
    if (i == 0 || i != len || bytes > KEYS_VALUE_BYTES_MAX) {
        parser->is_broken = true;
        return;
    }
    parser->has_body = true;
    parser->body_left = bytes;
    parser->crlf_left = 2;
}

static void
resp_line(struct wire_parser *parser, const char *line, size_t len)
{
    switch (line[0]) {
    case '$':
        if (len > 1 && line[1] == '-') {
            complete(parser, WIRE_MISS);
        } else {
            start_body(parser, line + 1, len - 1);
        }
        break;
    case '_': complete(parser, WIRE_MISS); break;
    case '+':
    case ':': complete(parser, WIRE_DONE); break;
    case '-': complete_error(parser, line + 1, len - 1); break;
    default: parser->is_broken = true; break;
    }
}

static bool
starts_with(const char *line, size_t len, const char *word)
{
    size_t word_len = strlen(word);

    return len >= word_len && memcmp(line, word, word_len) == 0;
}

static void
memcache_line(struct wire_parser *parser, const char *line, size_t len)
{
    size_t at = len;

    if (starts_with(line, len, "VALUE ") && !parser->is_closing) {
        while (at > 0 && line[at - 1] != ' ')
            at--;
        start_body(parser, line + at, len - at);
        parser->is_closing = true;
    } else if (starts_with(line, len, "END")) {
        complete(parser, parser->is_closing ? WIRE_HIT : WIRE_MISS);
    } else if (starts_with(line, len, "STORED")) {
        complete(parser, WIRE_DONE);
    } else {
        complete_error(parser, line, len);
    }
}

static void
take_line(struct wire_parser *parser, const char *line, size_t len)
{
    if (len > 0 && line[len - 1] == '\r') len--;
    if (len == 0) {
        parser->is_broken = true;
    } else if (parser->protocol == WIRE_RESP) {
        resp_line(parser, line, len);
    } else {
        memcache_line(parser, line, len);
    }
}

/* Takes the rest of a line, or stores the piece of it that has come. */
static size_t
feed_line(struct wire_parser *parser, const char *data, size_t len)
{
    const char *end = memchr(data, '\n', len);
    size_t piece = end == NULL ? len : (size_t)(end - data);
    size_t whole;

    if (end != NULL && parser->line_len == 0) {
        take_line(parser, data, piece);
        return piece + 1;
    }
    if (piece > WIRE_LINE_BYTES_MAX - parser->line_len) {
        parser->is_broken = true;
        return len;
    }
    memcpy(parser->line + parser->line_len, data, piece);
    parser->line_len += piece;
    if (end == NULL) return len;
    whole = parser->line_len;
    parser->line_len = 0;
    take_line(parser, parser->line, whole);
    return piece + 1;
}

static size_t
feed_body(struct wire_parser *parser, const char *data, size_t len)
{
    size_t body = len < parser->body_left ? len : (size_t)parser->body_left;
    size_t crlf;

    if (parser->expected != NULL) {
        if (memcmp(parser->expected, data, body) != 0) {
            parser->has_differed = true;
        }
        parser->expected += body;
    }
    parser->body_left -= body;
    if (parser->body_left > 0) return body;

    crlf = len - body;
    if (crlf > parser->crlf_left) crlf = (size_t)parser->crlf_left;
    parser->crlf_left -= crlf;
    if (parser->crlf_left > 0) return body + crlf;

    parser->has_body = false;
    if (parser->has_differed) parser->mismatch_count++;
    if (!parser->is_closing) complete(parser, WIRE_HIT);
    return body + crlf;
}

size_t
wire_feed(struct wire_parser *parser, const char *data, size_t len)
{
    size_t used = 0;

    parser->is_complete = false;
    while (used < len && !parser->is_complete && !parser->is_broken) {
        if (parser->has_body) {
            used += feed_body(parser, data + used, len - used);
        } else {
            used += feed_line(parser, data + used, len - used);
        }
    }
    return used;
}

static char *
put(char *out, const char *bytes, size_t len)
{
    memcpy(out, bytes, len);
    return out + len;
}

static char *
put_key(char *out, uint32_t key)
{
    keys_write(out, key);
    return out + KEYS_KEY_BYTES;
}

static char *
put_number(char *out, size_t number)
{
    char digits[24];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return put(out, digits + at, sizeof(digits) - at);
}

#define PUT_TEXT(out, text) put((out), (text), sizeof(text) - 1)

size_t
wire_put_get(enum wire_protocol protocol, char *out, uint32_t key)
{
    char *end = out;

    if (protocol == WIRE_RESP) {
        end = PUT_TEXT(end, "*2\r\n$3\r\nGET\r\n$16\r\n");
    } else {
        end = PUT_TEXT(end, "get ");
    }
    end = put_key(end, key);
    end = PUT_TEXT(end, "\r\n");
    return (size_t)(end - out);
}

size_t
wire_put_set(enum wire_protocol protocol, char *out, uint32_t key,
             const char *value, size_t value_bytes)
{
    char *end = out;

    if (protocol == WIRE_RESP) {
        end = PUT_TEXT(end, "*3\r\n$3\r\nSET\r\n$16\r\n");
        end = put_key(end, key);
        end = PUT_TEXT(end, "\r\n$");
    } else {
        end = PUT_TEXT(end, "set ");
        end = put_key(end, key);
        end = PUT_TEXT(end, " 0 0 ");
    }
    end = put_number(end, value_bytes);
    end = PUT_TEXT(end, "\r\n");
    end = put(end, value, value_bytes);
    end = PUT_TEXT(end, "\r\n");
    return (size_t)(end - out);
}
