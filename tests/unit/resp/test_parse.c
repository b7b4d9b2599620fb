#include "resp/parse.h"

#include "base/buf.h"
#include "support/case.h"

struct feeder {
    struct resp_parser parser;
    struct buf seen; /* "GET|a;" for each command */
    char *error;     /* the parser's, when it gave up */
};

static void
take(struct feeder *feeder)
{
    uint32_t i;

    for (i = 0; i < feeder->parser.arg_count; i++) {
        struct bytes arg = feeder->parser.args[i];

        if (i > 0) buf_must_add(&feeder->seen, "|", 1);
        buf_must_add(&feeder->seen, arg.data, arg.size);
    }
    buf_must_add(&feeder->seen, ";", 1);
}

/* Feeds `step` bytes more at a time, from a buffer that moves each time. */
static void
feed(struct feeder *feeder, struct bytes all, size_t step)
{
    size_t start = 0, end = 0, used;

    while (start < all.size && feeder->error == NULL) {
        char *copy;
        enum resp_result result;

        end = end + step < all.size ? end + step : all.size;
        copy = mem_must_text(all.data + start, end - start);
        for (size_t at = 0;; at += used) {
            result =
                resp_parse(&feeder->parser, copy + at, end - start - at, &used);
            if (result == RESP_COMPLETE) take(feeder);
            if (result == RESP_MORE || result == RESP_BAD) {
                start += at + used;
                break;
            }
        }
        if (result == RESP_BAD) feeder->error = feeder->parser.error;
        mem_free(copy);
        if (end == all.size && result == RESP_MORE) return;
    }
}

static void
expect_parse(struct bytes all, const char *seen, const char *error)
{
    size_t step;

    for (step = 1; step <= all.size; step++) {
        struct feeder feeder = {0};

        resp_parser_init(&feeder.parser, 1024);
        if (step % 2) feeder.parser.bulk_max = 1 << 20; /* the fast way too */
        feed(&feeder, all, step);
        buf_must_add(&feeder.seen, "", 1);
        cr_assert(eq(str, feeder.seen.data, (char *)seen), "step %zu", step);
        if (error == NULL) {
            cr_assert(feeder.error == NULL, "step %zu", step);
        } else {
            cr_assert(feeder.error != NULL, "step %zu", step);
            cr_assert(eq(str, feeder.error, (char *)error), "step %zu", step);
        }
        buf_deinit(&feeder.seen);
        resp_parser_deinit(&feeder.parser);
    }
}

CASE(parse, arrays_come_out_whole_however_they_arrive)
{
    expect_parse(BYTES_LIT("*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
                           "*1\r\n$4\r\nPING\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n"
                           "$12\r\nhello\r\nworld\r\n"),
                 "GET|a;PING;SET|k|hello\r\nworld;", NULL);
}

CASE(parse, empty_arguments_and_empty_commands)
{
    expect_parse(BYTES_LIT("*0\r\n*-1\r\n\r\n\n*2\r\n$0\r\n\r\n$1\r\nx\r\n"),
                 "|x;", NULL);
}

CASE(parse, inline_commands_and_their_quotes)
{
    expect_parse(BYTES_LIT("SET a \"b \\x41\\n\\\"\"\r\n  GET\ta  \n"
                           "ECHO 'it\\'s' \"\"\r\n"),
                 "SET|a|b A\n\";GET|a;ECHO|it's|;", NULL);
}

CASE(parse, arrays_and_inline_commands_alternate)
{
    expect_parse(BYTES_LIT("PING\r\n*1\r\n$4\r\nECHO\r\nPING x\r\n"
                           "*1\r\n$1\r\nz\r\n"),
                 "PING;ECHO;PING|x;z;", NULL);
}

CASE(parse, wrong_counts_and_lengths_have_their_texts)
{
    expect_parse(BYTES_LIT("*x\r\n"), "",
                 "ERR Protocol error: invalid multibulk length");
    expect_parse(BYTES_LIT("*01\r\n"), "",
                 "ERR Protocol error: invalid multibulk length");
    expect_parse(BYTES_LIT("*1048577\r\n"), "",
                 "ERR Protocol error: invalid multibulk length");
    expect_parse(BYTES_LIT("*1\r\n$-1\r\n"), "",
                 "ERR Protocol error: invalid bulk length");
    expect_parse(BYTES_LIT("*1\r\n$9999999999\r\n"), "",
                 "ERR Protocol error: invalid bulk length");
    expect_parse(BYTES_LIT("*1\r\n$1x\r\n"), "",
                 "ERR Protocol error: invalid bulk length");
    expect_parse(BYTES_LIT("PING\r\n*1\r\nx4\r\n"), "PING;",
                 "ERR Protocol error: expected '$', got 'x'");
    expect_parse(BYTES_LIT("\"open\r\n"), "",
                 "ERR Protocol error: unbalanced quotes in request");
    expect_parse(BYTES_LIT("GET 'a'b\r\n"), "",
                 "ERR Protocol error: unbalanced quotes in request");
}

CASE(parse, lines_without_an_end_are_cut_off)
{
    static const struct {
        const char *lead, *error;
    } rows[] = {
        {"*", "ERR Protocol error: too big mbulk count string"},
        {"*1\r\n$", "ERR Protocol error: too big bulk count string"},
        {"", "ERR Protocol error: too big inline request"},
    };
    size_t size = RESP_INLINE_MAX + 100, used, i;
    char *text = mem_must(size);

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct resp_parser parser;

        resp_parser_init(&parser, 1024);
        memset(text, '1', size);
        memcpy(text, rows[i].lead, strlen(rows[i].lead));
        cr_expect(resp_parse(&parser, text, RESP_INLINE_MAX - 10, &used) ==
                  RESP_MORE);
        cr_expect(resp_parse(&parser, text, size, &used) == RESP_BAD);
        cr_expect(eq(str, parser.error, (char *)rows[i].error));
        resp_parser_deinit(&parser);
    }
    mem_free(text);
}

CASE(parse, strangers_get_small_limits)
{
    static const char *const rows[][2] = {
        {"*11\r\n", "ERR Protocol error: unauthenticated multibulk length"},
        {"*1\r\n$16385\r\n", "ERR Protocol error: unauthenticated bulk length"},
    };
    size_t i, used;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct resp_parser parser;

        resp_parser_init(&parser, 1 << 20);
        parser.is_trusted = false;
        cr_expect(resp_parse(&parser, rows[i][0], strlen(rows[i][0]), &used) ==
                  RESP_BAD);
        cr_expect(eq(str, parser.error, (char *)rows[i][1]));
        resp_parser_deinit(&parser);
    }
}

CASE(parse, a_declared_count_takes_no_memory)
{
    struct resp_parser parser;
    uint64_t before = mem_live_bytes();
    size_t used;

    resp_parser_init(&parser, 512 * 1024 * 1024);
    cr_expect(resp_parse(&parser, "*1048576\r\n", 10, &used) == RESP_MORE);
    cr_expect(resp_parse(&parser, "*1048576\r\n$536870912\r\n", 22, &used) ==
              RESP_MORE);
    cr_expect(mem_live_bytes() - before < 4096);
    cr_expect(eq(sz, resp_parser_wants(&parser), 22 + 536870912 + 2));
    resp_parser_deinit(&parser);
}

CASE(parse, a_million_arguments_drip_in_linear_time)
{
    enum { COUNT = 100 * 1000 };
    struct resp_parser parser;
    struct buf all = {0};
    size_t used, size;
    uint32_t i;

    buf_must_printf(&all, "*%d\r\n", COUNT);
    for (i = 0; i < COUNT; i++)
        buf_must_add(&all, "$1\r\nx\r\n", 7);
    resp_parser_init(&parser, 1024 * 1024);
    for (size = 1; size < all.used; size++)
        cr_assert(resp_parse(&parser, all.data, size, &used) == RESP_MORE);
    cr_assert(resp_parse(&parser, all.data, size, &used) == RESP_COMPLETE);
    cr_expect(eq(u32, parser.arg_count, COUNT));
    cr_expect(parser.args[COUNT - 1].data == all.data + all.used - 3);
    resp_parser_rest(&parser);
    cr_expect(parser.args == NULL);
    resp_parser_deinit(&parser);
    buf_deinit(&all);
}

CASE(parse, a_restart_begins_the_command_anew)
{
    struct resp_parser parser;
    const char text[] = "*2\r\n$3\r\nGET\r\n$1\r\na\r\n";
    size_t used;

    resp_parser_init(&parser, 1024 * 1024);
    cr_expect(resp_parse(&parser, text, 10, &used) == RESP_MORE);
    resp_parser_restart(&parser);
    cr_expect(resp_parse(&parser, text, sizeof(text) - 1, &used) ==
              RESP_COMPLETE);
    cr_expect(eq(u32, parser.arg_count, 2));
    resp_parser_deinit(&parser);
}

CASE(parse, a_line_is_split_into_at_most_so_many)
{
    struct bytes args[2];
    char out[32];

    cr_expect(
        eq(int, resp_split_line(BYTES_LIT(" a  \"b c\" d "), out, args, 2), 2));
    cr_expect(bytes_equal(args[1], BYTES_LIT("b c")));
    cr_expect(eq(int, resp_split_line(BYTES_LIT(" \t "), out, args, 2), 0));
    cr_expect(eq(int, resp_split_line(BYTES_LIT("a \"b"), out, args, 2), -1));
}
