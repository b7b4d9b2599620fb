#include "base/buf.h"

#include "base/err.h"
#include "support/case.h"

#include <string.h>

CASE(buf, an_empty_one_needs_no_memory)
{
    struct buf buf = {0};

    cr_expect(eq(sz, buf_bytes(&buf).size, 0));
    buf_deinit(&buf);
}

CASE(buf, added_bytes_stand_one_after_the_other)
{
    struct buf buf = {0};

    cr_expect(eq(int, buf_add(&buf, "ring of ", 8), ERR_OK));
    buf_must_add(&buf, "nodes", 5);
    cr_expect(bytes_equal(buf_bytes(&buf), BYTES_LIT("ring of nodes")));
    buf_deinit(&buf);
}

CASE(buf, zeros_are_bytes_like_others)
{
    struct buf buf = {0};

    buf_must_add(&buf, "a\0b", 3);
    cr_expect(bytes_equal(buf_bytes(&buf), BYTES_LIT("a\0b")));
    buf_deinit(&buf);
}

CASE(buf, adding_nothing_changes_nothing)
{
    struct buf buf = {0};

    buf_must_add(&buf, NULL, 0);
    cr_expect(eq(sz, buf.used, 0));
    buf_must_add(&buf, "x", 1);
    buf_must_add(&buf, NULL, 0);
    cr_expect(eq(sz, buf.used, 1));
    buf_deinit(&buf);
}

CASE(buf, bytes_survive_its_growth)
{
    struct buf buf = {0};
    uint32_t i, wrong = 0;

    for (i = 0; i < 100000; i++) {
        buf_must_add(&buf, &i, sizeof(i));
    }
    for (i = 0; i < 100000; i++) {
        wrong += memcmp(buf.data + i * sizeof(i), &i, sizeof(i)) != 0;
    }
    cr_expect(eq(u32, wrong, 0));
    cr_expect(eq(sz, buf.used, 400000));
    buf_deinit(&buf);
}

CASE(buf, it_grows_in_steps_that_become_rarer)
{
    struct buf buf = {0};
    size_t room = 0;
    uint32_t i, growths = 0;

    for (i = 0; i < 1000000; i++) {
        buf_must_add(&buf, "x", 1);
        growths += buf.room != room;
        room = buf.room;
    }
    cr_expect(lt(u32, growths, 40));
    buf_deinit(&buf);
}

CASE(buf, reserved_room_is_not_used_room)
{
    struct buf buf = {0};

    cr_expect(eq(int, buf_reserve(&buf, 1000), ERR_OK));
    cr_expect(eq(sz, buf.used, 0));
    cr_expect(ge(sz, buf.room, 1000));
    buf_deinit(&buf);
}

CASE(buf, what_cannot_be_had_leaves_it_as_it_was)
{
    struct buf buf = {0};
    char *data;
    size_t room;

    buf_must_add(&buf, "kept", 4);
    data = buf.data;
    room = buf.room;
    cr_expect(eq(int, buf_reserve(&buf, SIZE_MAX), ERR_MEMORY));
    cr_expect(eq(int, buf_reserve(&buf, SIZE_MAX / 2), ERR_MEMORY));
    cr_expect(eq(ptr, buf.data, data));
    cr_expect(eq(sz, buf.room, room));
    cr_expect(bytes_equal(buf_bytes(&buf), BYTES_LIT("kept")));
    buf_deinit(&buf);
}

CASE(buf, printed_text_is_as_long_as_it_must_be)
{
    struct buf buf = {0};

    buf_must_printf(&buf, "%s=%d", "port", 6379);
    buf_must_printf(&buf, ",%200s", "");
    cr_expect(eq(sz, buf.used, 210));
    cr_expect(bytes_equal(bytes_of(buf.data, 10), BYTES_LIT("port=6379,")));
    buf_deinit(&buf);
}

CASE(buf, it_can_be_used_again_after_deinit)
{
    struct buf buf = {0};

    buf_must_add(&buf, "first", 5);
    buf_deinit(&buf);
    cr_expect(eq(ptr, buf.data, NULL));
    buf_must_add(&buf, "second", 6);
    cr_expect(bytes_equal(buf_bytes(&buf), BYTES_LIT("second")));
    buf_deinit(&buf);
    buf_deinit(&buf);
}
