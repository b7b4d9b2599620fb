#include "node/pairs.h"

#include "support/case.h"

#include <stdio.h>
#include <string.h>

/* The text that both together are, in either order. */
static void
merges(const char *one, const char *other, const char *expected)
{
    const char *const texts[2] = {one, other};
    uint32_t first;

    for (first = 0; first < 2; first++) {
        struct pairs *pairs = mem_must_zero(sizeof(*pairs));
        struct buf out = {0};

        pairs_take(pairs, bytes_str(texts[first]));
        pairs_take(pairs, bytes_str(texts[1 - first]));
        pairs_print(pairs, &out);
        buf_must_add(&out, "", 1);
        cr_expect(eq(str, out.data, (char *)(uintptr_t)expected));
        buf_deinit(&out);
        mem_free(pairs);
    }
}

CASE(pairs, of_one_name_the_later_version_stays)
{
    merges("a 5 old\nb 7 x\n", "a 6 new one\nc 1 y\n",
           "a 6 new one\nb 7 x\nc 1 y\n");
    merges("a 5 one\n", "a 5 two\n", "a 5 two\n");
    merges("", "ab 1 x\na 1 x\nb 1 x\n", "a 1 x\nab 1 x\nb 1 x\n");
}

CASE(pairs, what_makes_no_sense_is_left_out)
{
    merges("a\nb 1\nc x y\nd 0 y\ne -1 y\n 1 y\nf 1 \n\n\ng 1 y",
           "h 99999999999999999999 y\n", "g 1 y\n");
}

CASE(pairs, no_more_than_there_is_room_for)
{
    struct pairs *pairs = mem_must_zero(sizeof(*pairs));
    struct buf text = {0};
    uint32_t i;

    for (i = 0; i < 3 * PAIRS_MAX; i++)
        buf_must_printf(&text, "n%u 1 v\n", i * 7919 % (3 * PAIRS_MAX));
    pairs_take(pairs, buf_bytes(&text));
    cr_expect(eq(u32, pairs->count, PAIRS_MAX));
    for (i = 1; i < pairs->count; i++) {
        cr_expect(strncmp(pairs->list[i - 1].name.data,
                          pairs->list[i].name.data, 4) <= 0);
    }
    buf_deinit(&text);
    mem_free(pairs);
}

CASE(pairs, the_oldest_of_a_kind_are_trimmed)
{
    struct pairs *pairs = mem_must_zero(sizeof(*pairs));
    struct buf out = {0};

    pairs_take(pairs, BYTES_LIT("p:a 3 -\np:b 1 -\np:c 2 -\np:d 1 x\nq 1 -\n"));
    pairs_trim(pairs, BYTES_LIT("p:"), BYTES_LIT("-"), 2);
    pairs_print(pairs, &out);
    buf_must_add(&out, "", 1);
    cr_expect(eq(str, out.data,
                 (char *)(uintptr_t) "p:a 3 -\np:c 2 -\np:d 1 x\nq 1 -\n"));
    buf_deinit(&out);
    mem_free(pairs);
}
