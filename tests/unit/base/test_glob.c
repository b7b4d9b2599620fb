#include "base/glob.h"
#include "support/case.h"

static void
expect(bool wanted, const char *pattern, const char *text)
{
    bool got = glob_match(bytes_str(pattern), bytes_str(text), false);

    cr_expect(got == wanted, "\"%s\" and \"%s\"", pattern, text);
}

CASE(glob, plain_text_matches_itself_alone)
{
    expect(true, "hello", "hello");
    expect(false, "hello", "hell");
    expect(false, "hell", "hello");
    expect(false, "hello", "Hello");
}

CASE(glob, a_question_mark_is_one_byte)
{
    expect(true, "h?llo", "hallo");
    expect(false, "h?llo", "hllo");
    expect(false, "?", "");
}

CASE(glob, a_star_is_any_run_of_bytes)
{
    expect(true, "h*llo", "hllo");
    expect(true, "h*llo", "heeeello");
    expect(true, "*", "x");
    expect(true, "a**", "a");
    expect(true, "*a*b*", "xxaxxbxx");
    expect(false, "*a*b", "xxaxxbx");
    expect(true, "*ab", "aab");
}

CASE(glob, an_empty_text_matches_only_an_empty_pattern)
{
    expect(true, "", "");
    expect(false, "*", "");
    expect(false, "", "a");
}

CASE(glob, a_set_is_one_of_its_bytes_or_ranges)
{
    expect(true, "h[ae]llo", "hello");
    expect(false, "h[ae]llo", "hillo");
    expect(true, "[a-c]x", "bx");
    expect(true, "[c-a]x", "bx");
    expect(false, "[^a-c]x", "bx");
    expect(true, "[^a-c]x", "dx");
    expect(true, "[\\]]", "]");
}

CASE(glob, odd_sets_do_what_clients_know)
{
    expect(true, "[ab", "b");
    expect(false, "[", "a");
    expect(true, "[^", "a");
    expect(true, "[a-]x", "]");
    expect(false, "[]a]", "a");
    expect(false, "*[", "[");
}

CASE(glob, a_backslash_takes_the_next_byte_as_it_is)
{
    expect(true, "\\*", "*");
    expect(false, "\\*", "a");
    expect(true, "a\\", "a\\");
    expect(true, "\\a", "a");
}

CASE(glob, ranges_compare_signed_bytes)
{
    expect(true, "[a-\xff]", "\x05"); /* -1 .. 97 */
    expect(false, "[a-\xff]", "\x80");
}

CASE(glob, case_is_ignored_where_asked)
{
    cr_expect(glob_match(BYTES_LIT("HE[L-M]?o*"), BYTES_LIT("helLOw"), true));
    cr_expect(not(glob_match(BYTES_LIT("HE"), BYTES_LIT("hx"), true)));
    cr_expect(not(glob_match(BYTES_LIT("[\\A]"), BYTES_LIT("a"), true)));
}

CASE(glob, zero_bytes_are_bytes)
{
    cr_expect(glob_match(bytes_of("a\0*", 3), bytes_of("a\0b", 3), false));
    cr_expect(not(glob_match(bytes_of("a\0b", 3), bytes_of("a", 1), false)));
}

/* Backtracking over every star would take longer than the world has. */
CASE(glob, many_stars_stay_cheap)
{
    char pattern[2001], text[4000];
    size_t i;

    for (i = 0; i < 1000; i++) {
        pattern[2 * i] = '*';
        pattern[2 * i + 1] = 'a';
    }
    pattern[2000] = 'b';
    memset(text, 'a', sizeof(text));
    cr_expect(not(glob_match(bytes_of(pattern, sizeof(pattern)),
                             bytes_of(text, sizeof(text)), false)));
}
