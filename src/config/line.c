#include "config/line.h"

struct splitter {
    struct bytes line;
    size_t at;   /* next byte of line */
    char *out;   /* unquoted bytes so far */
    size_t used; /* how many */
};

static bool
is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static char
unescape(char c)
{
    switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    default: return c;
    }
}

/* After a backslash within double quotes. */
static void
take_escape(struct splitter *split)
{
    const char *c = split->line.data + split->at;
    size_t left = split->line.size - split->at;

    if (left >= 3 && c[0] == 'x' && hex_digit(c[1]) >= 0 &&
        hex_digit(c[2]) >= 0) {
        split->out[split->used++] =
            (char)(hex_digit(c[1]) * 16 + hex_digit(c[2]));
        split->at += 3;
        return;
    }
    split->out[split->used++] = unescape(c[0]);
    split->at++;
}

/* From after the opening quote to after the closing one. */
static bool
take_quoted(struct splitter *split, char quote)
{
    while (split->at < split->line.size) {
        char c = split->line.data[split->at++];
        bool has_next = split->at < split->line.size;

        if (c == quote) {
            return !has_next || is_space(split->line.data[split->at]);
        }
        if (c == '\\' && has_next && quote == '"') {
            take_escape(split);
        } else if (c == '\\' && has_next &&
                   split->line.data[split->at] == '\'') {
            split->out[split->used++] = '\'';
            split->at++;
        } else {
            split->out[split->used++] = c;
        }
    }
    return false;
}

/* A word ends at fewer characters than may stand between words, as in Redis.
 */
static bool
take_word(struct splitter *split)
{
    while (split->at < split->line.size) {
        char c = split->line.data[split->at];

        if (c == ' ' || c == '\n' || c == '\r' || c == '\t') return true;
        split->at++;
        if (c == '"' || c == '\'') return take_quoted(split, c);
        split->out[split->used++] = c;
    }
    return true;
}

int
line_split(struct bytes line, char *out, struct bytes *words,
           uint32_t words_max)
{
    struct splitter split = {.line = line, .out = out};
    uint32_t count = 0;

    for (;;) {
        size_t start;

        while (split.at < line.size && is_space(line.data[split.at])) {
            split.at++;
        }
        if (split.at == line.size) return (int)count;
        start = split.used;
        if (!take_word(&split)) return LINE_UNBALANCED;
        if (count == words_max) return LINE_TOO_LONG;
        words[count++] = bytes_of(out + start, split.used - start);
        ASSERT(split.used <= split.at);
    }
}

static bool
is_bare(struct bytes word)
{
    size_t i;

    if (word.size == 0 || word.data[0] == '#') return false;
    for (i = 0; i < word.size; i++) {
        unsigned char c = (unsigned char)word.data[i];

        if (c <= ' ' || c == '"' || c == '\'' || c == '\\' || c == 0x7f) {
            return false;
        }
    }
    return true;
}

void
line_quote(struct buf *out, struct bytes word)
{
    size_t i;

    if (is_bare(word)) {
        buf_must_add(out, word.data, word.size);
        return;
    }
    buf_must_add(out, "\"", 1);
    for (i = 0; i < word.size; i++) {
        unsigned char c = (unsigned char)word.data[i];

        if (c == '"' || c == '\\') {
            buf_must_printf(out, "\\%c", c);
        } else if (c < ' ' || c == 0x7f) {
            buf_must_printf(out, "\\x%02x", c);
        } else {
            buf_must_add(out, &word.data[i], 1);
        }
    }
    buf_must_add(out, "\"", 1);
}

struct bytes
line_trim(struct bytes line)
{
    while (line.size > 0 && is_space(line.data[0])) {
        line.data++;
        line.size--;
    }
    while (line.size > 0 && is_space(line.data[line.size - 1]))
        line.size--;
    return line;
}
