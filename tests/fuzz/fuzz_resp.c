/*
 * Any bytes, cut anywhere: the incremental parser sees the same commands as
 * the one that gets all at once, consumes what it says it does, and its
 * arguments lie within the buffer. The first byte chooses the cuts.
 */
#include "resp/parse.h"

#include "base/buf.h"
#include "base/rng.h"

#include <stdint.h>
#include <stdlib.h>

enum { BULK_MAX = 64 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool is_right)
{
    if (!is_right) abort();
}

static void
note(const struct resp_parser *parser, struct bytes buffer, struct buf *seen)
{
    uint32_t i;

    for (i = 0; i < parser->arg_count; i++) {
        struct bytes arg = parser->args[i];

        if (!parser->is_inline_split) {
            check(arg.data >= buffer.data);
            check(arg.data + arg.size <= buffer.data + buffer.size);
        }
        buf_must_printf(seen, "%zu:", arg.size);
        buf_must_add(seen, arg.data, arg.size);
    }
    buf_must_add(seen, "\n", 1);
}

/* Feeds pieces of 1 .. step_max bytes; each call gets a buffer of its own. */
static void
parse_all(const char *data, size_t size, size_t step_max, bool is_trusted,
          struct buf *seen)
{
    struct rng rng = {.state = step_max};
    struct resp_parser parser;
    size_t start = 0, end = 0;
    enum resp_result result = RESP_MORE;

    resp_parser_init(&parser, BULK_MAX);
    parser.is_trusted = is_trusted;
    while (result != RESP_BAD) {
        size_t used;
        char *copy;

        if (result == RESP_MORE) {
            if (end == size) break;
            end += 1 + (size_t)rng_below(&rng, step_max);
            if (end > size) end = size;
        }
        copy = malloc(end - start + 1);
        check(copy != NULL);
        if (end > start) memcpy(copy, data + start, end - start);
        result = resp_parse(&parser, copy, end - start, &used);
        check(used <= end - start);
        check(result == RESP_MORE ? used == 0 : used > 0);
        if (result == RESP_COMPLETE)
            note(&parser, bytes_of(copy, end - start), seen);
        if (result == RESP_BAD)
            buf_must_add(seen, parser.error, strlen(parser.error));
        start += used;
        free(copy);
    }
    resp_parser_deinit(&parser);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = {0}, pieces = {0};
    const char *text = (const char *)data + 1;
    bool is_trusted;

    if (size < 2) return 0;
    is_trusted = data[0] & 1;
    parse_all(text, size - 1, size, is_trusted, &whole);
    /* each piece copies all that is kept: fewer pieces for a long input */
    parse_all(text, size - 1, 1 + (data[0] >> 1) + size / 512, is_trusted,
              &pieces);
    check(bytes_equal(buf_bytes(&whole), buf_bytes(&pieces)));
    buf_deinit(&whole);
    buf_deinit(&pieces);
    return 0;
}
