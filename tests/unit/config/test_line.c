#include "config/line.h"
#include "support/case.h"

#include <string.h>

static int
split(const char *line, char out[static 256], struct bytes *words)
{
    return line_split(bytes_str(line), out, words, 4);
}

static bool
is(struct bytes word, const char *text)
{
    return bytes_equal(word, bytes_str(text));
}

CASE(line, words_are_split_at_spaces_and_tabs)
{
    struct bytes words[4];
    char out[256];

    cr_assert(eq(int, split("  save 60\t100 \r\n", out, words), 3));
    cr_expect(is(words[0], "save"));
    cr_expect(is(words[1], "60"));
    cr_expect(is(words[2], "100"));
    cr_expect(eq(int, split("", out, words), 0));
    cr_expect(eq(int, split(" \t ", out, words), 0));
}

CASE(line, double_quotes_know_escapes)
{
    struct bytes words[4];
    char out[256];

    cr_assert(eq(int, split("a \"b c\\n\\x41\\\"\\q\" \"\"", out, words), 3));
    cr_expect(is(words[1], "b c\nA\"q"));
    cr_expect(is(words[2], ""));
    cr_assert(eq(int, split("\"\\xzz\"", out, words), 1));
    cr_expect(is(words[0], "xzz"));
}

CASE(line, single_quotes_know_one_escape)
{
    struct bytes words[4];
    char out[256];

    cr_assert(eq(int, split("'a\\'b\\n' ''", out, words), 2));
    cr_expect(is(words[0], "a'b\\n"));
    cr_expect(is(words[1], ""));
}

CASE(line, a_quote_may_begin_within_a_word_but_not_end_there)
{
    struct bytes words[4];
    char out[256];

    cr_assert(eq(int, split("a\"b c\" d", out, words), 2));
    cr_expect(is(words[0], "ab c"));
    cr_expect(eq(int, split("\"a\"b", out, words), LINE_UNBALANCED));
    cr_expect(eq(int, split("'a'b", out, words), LINE_UNBALANCED));
    cr_expect(eq(int, split("\"a", out, words), LINE_UNBALANCED));
    cr_expect(eq(int, split("'a", out, words), LINE_UNBALANCED));
    cr_expect(eq(int, split("\"a\\\"", out, words), LINE_UNBALANCED));
    cr_expect(eq(int, split("\"a\\", out, words), LINE_UNBALANCED));
}

CASE(line, more_words_than_room_are_an_error)
{
    struct bytes words[4];
    char out[256];

    cr_expect(eq(int, split("1 2 3 4", out, words), 4));
    cr_expect(eq(int, split("1 2 3 4 5", out, words), LINE_TOO_LONG));
}

CASE(line, every_byte_survives_quoting_and_splitting)
{
    char word[256], out[2048];
    struct buf quoted = {0};
    struct bytes words[4];
    uint32_t i;

    for (i = 0; i < 256; i++)
        word[i] = (char)i;
    line_quote(&quoted, bytes_of(word, sizeof(word)));
    cr_assert(quoted.used <= sizeof(out));
    cr_assert(eq(int, line_split(buf_bytes(&quoted), out, words, 4), 1));
    cr_expect(bytes_equal(words[0], bytes_of(word, sizeof(word))));
    buf_deinit(&quoted);
    for (i = 0; i < 256; i++) {
        quoted.used = 0;
        line_quote(&quoted, bytes_of(&word[i], 1));
        cr_assert(eq(int, line_split(buf_bytes(&quoted), out, words, 4), 1));
        cr_expect(bytes_equal(words[0], bytes_of(&word[i], 1)));
        buf_deinit(&quoted);
    }
}

CASE(line, plain_words_stay_bare_and_an_empty_one_gets_quotes)
{
    struct buf out = {0};

    line_quote(&out, bytes_str("/var/lib/kula"));
    line_quote(&out, bytes_str(""));
    line_quote(&out, bytes_str("#1"));
    cr_expect(
        bytes_equal(buf_bytes(&out), bytes_str("/var/lib/kula\"\"\"#1\"")));
    buf_deinit(&out);
}
