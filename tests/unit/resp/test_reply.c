#include "resp/reply.h"
#include "support/case.h"

#include <math.h>

static void
expect_text(struct reply *reply, const char *text)
{
    cr_expect(bytes_equal(buf_bytes(&reply->out), bytes_str(text)), "%.*s",
              (int)reply->out.used, reply->out.data);
    reply->out.used = 0;
}

CASE(reply, numbers_of_every_length)
{
    struct reply reply;

    reply_init(&reply);
    reply_int(&reply, 0);
    reply_int(&reply, -1);
    reply_int(&reply, 42);
    reply_int(&reply, 999);
    reply_int(&reply, 1000);
    reply_int(&reply, -12345);
    expect_text(&reply, ":0\r\n:-1\r\n:42\r\n:999\r\n:1000\r\n:-12345\r\n");
    reply_int(&reply, INT64_MAX);
    reply_int(&reply, INT64_MIN);
    expect_text(&reply, ":9223372036854775807\r\n:-9223372036854775808\r\n");
    reply_bulk_int(&reply, -100);
    reply_bulk_int(&reply, 7);
    expect_text(&reply, "$4\r\n-100\r\n$1\r\n7\r\n");
    reply_deinit(&reply);
}

CASE(reply, bulks_keep_every_byte)
{
    struct reply reply;

    reply_init(&reply);
    reply_bulk(&reply, bytes_of(NULL, 0));
    reply_bulk(&reply, BYTES_LIT("a\r\nb"));
    reply_bulk_str(&reply, "text");
    reply_bulkf(&reply, "%d-%s", 5, "x");
    expect_text(&reply,
                "$0\r\n\r\n$4\r\na\r\nb\r\n$4\r\ntext\r\n$3\r\n5-x\r\n");
    reply_bulkf(&reply, "%600d", 1);
    cr_expect(eq(sz, reply.out.used, 600 + 8));
    reply_deinit(&reply);
}

CASE(reply, an_error_is_one_line_and_is_counted)
{
    struct reply reply;

    reply_init(&reply);
    reply_ok(&reply);
    reply_error(&reply, "ERR two\r\nlines");
    cr_expect(eq(u32, reply.errors, 1));
    cr_expect(eq(sz, reply.last_error, 5));
    reply_errorf(&reply, "ERR '%s'\r\n", "x\ny");
    cr_expect(eq(u32, reply.errors, 2));
    expect_text(&reply, "+OK\r\n-ERR two  lines\r\n-ERR 'x y'\r\n");
    reply_deinit(&reply);
}

static void
one_of_each(struct reply *reply)
{
    reply_null(reply);
    reply_null_array(reply);
    reply_array(reply, 2);
    reply_map(reply, 2);
    reply_set(reply, 3);
    reply_push(reply, 1);
    reply_bool(reply, true);
    reply_bool(reply, false);
    reply_double(reply, 1.5);
    reply_double(reply, -INFINITY);
    reply_verbatim(reply, "txt", BYTES_LIT("hi"));
    reply_status(reply, "PONG");
}

CASE(reply, the_two_protocols_differ)
{
    struct reply reply;

    reply_init(&reply);
    one_of_each(&reply);
    expect_text(&reply, "$-1\r\n*-1\r\n*2\r\n*4\r\n*3\r\n*1\r\n:1\r\n:0\r\n"
                        "$3\r\n1.5\r\n$4\r\n-inf\r\n$2\r\nhi\r\n+PONG\r\n");
    reply.proto = 3;
    one_of_each(&reply);
    expect_text(&reply, "_\r\n_\r\n*2\r\n%2\r\n~3\r\n>1\r\n#t\r\n#f\r\n"
                        ",1.5\r\n,-inf\r\n=6\r\ntxt:hi\r\n+PONG\r\n");
    reply_deinit(&reply);
}

CASE(reply, a_header_can_come_afterwards)
{
    struct reply reply;
    size_t outer, inner;

    reply_init(&reply);
    reply_ok(&reply);
    outer = reply_defer(&reply);
    reply_int(&reply, 1);
    inner = reply_defer(&reply);
    reply_int(&reply, 2);
    reply_set_map(&reply, inner, 6);
    reply_set_array(&reply, outer, 2);
    expect_text(&reply, "+OK\r\n*2\r\n:1\r\n*12\r\n:2\r\n");
    reply.proto = 3;
    outer = reply_defer(&reply);
    reply_set_set(&reply, outer, 0);
    expect_text(&reply, "~0\r\n");
    reply_deinit(&reply);
}

CASE(reply, without_memory_it_is_broken_and_stays_as_it_was)
{
    struct reply reply;

    reply_init(&reply);
    reply_ok(&reply);
    cr_expect(not(reply_grow(&reply, SIZE_MAX - 2)));
    cr_expect(reply.is_broken);
    reply_int(&reply, 5);
    reply_bulk_str(&reply, "lost");
    expect_text(&reply, "+OK\r\n");
    reply_deinit(&reply);
}
