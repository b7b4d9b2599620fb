#include "base/bytes.h"

#include "support/case.h"

/* Not inlined: gcc's -Warray-bounds does not see the loop's early return. */
static NOINLINE bool
is_nocase(struct bytes text, const char *lower)
{
    return bytes_is_nocase(text, lower);
}

CASE(bytes, equal_means_the_same_length_and_the_same_bytes)
{
    cr_expect(bytes_equal(BYTES_LIT("abc"), BYTES_LIT("abc")));
    cr_expect(not(bytes_equal(BYTES_LIT("abc"), BYTES_LIT("ab"))));
    cr_expect(not(bytes_equal(BYTES_LIT("abc"), BYTES_LIT("abd"))));
    cr_expect(not(bytes_equal(BYTES_LIT("a\0b"), BYTES_LIT("a\0c"))));
}

CASE(bytes, nothing_equals_nothing_wherever_it_points)
{
    cr_expect(bytes_equal(bytes_of(NULL, 0), BYTES_LIT("")));
    cr_expect(bytes_equal(bytes_of("x", 0), bytes_of(NULL, 0)));
}

CASE(bytes, case_is_ignored_for_letters_only)
{
    cr_expect(is_nocase(BYTES_LIT("GeT"), "get"));
    cr_expect(is_nocase(BYTES_LIT("no-evict"), "no-evict"));
    cr_expect(is_nocase(BYTES_LIT(""), ""));
    /* '@' + 0x20 is '`', '[' + 0x20 is '{': not letters */
    cr_expect(not(is_nocase(BYTES_LIT("@"), "`")));
    cr_expect(not(is_nocase(BYTES_LIT("["), "{")));
}

CASE(bytes, a_beginning_is_not_the_whole_word)
{
    cr_expect(not(is_nocase(BYTES_LIT("ge"), "get")));
    cr_expect(not(is_nocase(BYTES_LIT("gets"), "get")));
    cr_expect(not(is_nocase(BYTES_LIT(""), "get")));
    cr_expect(not(is_nocase(BYTES_LIT("get\0"), "get")));
}

CASE(bytes, text_ends_at_its_zero)
{
    cr_expect(eq(sz, bytes_str("kula").size, 4));
    cr_expect(eq(sz, BYTES_LIT("a\0b").size, 3));
}
