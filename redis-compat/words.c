/*
 * words.c - values at the borders, few keys so that they collide, and times so
 * far from now that neither clock matters.
 *
 * Junk never is a small positive number: put in the place of a time to live it
 * would make a key that expires while the two servers are compared.
 */
#include "words.h"

#include <stdio.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define LIT(text)                                                              \
    {                                                                          \
        text, sizeof(text) - 1                                                 \
    }

static const struct piece keys[] = {
    LIT("k0"),
    LIT("k1"),
    LIT("k2"),
    LIT("k3"),
    LIT("k4"),
    LIT("k5"),
    LIT("k6"),
    LIT("k7"),
    LIT("{tag}a"),
    LIT("{tag}b"),
    LIT("x{}y"),
    LIT("foo"),
    LIT("foobar"),
    LIT(""),
    LIT("1"),
    LIT("nul\0in"),
    LIT("\xff\xfe\r\n"),
    LIT("with space"),
    LIT("h*llo"),
    LIT("a key of more than forty-four bytes, "
        "which needs its own object"),
};

static const struct piece numbers[] = {
    LIT("0"),
    LIT("1"),
    LIT("-1"),
    LIT("10"),
    LIT("100"),
    LIT("9999"),
    LIT("10000"),
    LIT("2147483647"),
    LIT("-2147483648"),
    LIT("4294967296"),
    LIT("9223372036854775807"),
    LIT("-9223372036854775808"),
    LIT("9223372036854775806"),
    LIT("4611686018427387904"),
};

static const struct piece odd_numbers[] = {
    LIT("9223372036854775808"),
    LIT("-9223372036854775809"),
    LIT("99999999999999999999"),
    LIT("-0"),
    LIT("+1"),
    LIT(" 1"),
    LIT("1 "),
    LIT("01"),
    LIT("1.0"),
    LIT(""),
    LIT("abc"),
    LIT("1e3"),
    LIT("0x10"),
    LIT("-"),
    LIT("1\0"),
    LIT("18446744073709551615"),
};

static const struct piece floats[] = {
    LIT("0"),     LIT("1.5"),   LIT("-1.5"),
    LIT("3.0"),   LIT("0.1"),   LIT("1e5"),
    LIT("1e-5"),  LIT("5.0e3"), LIT("3.141592653589793238"),
    LIT("-0.25"), LIT("1e17"),  LIT("123456789.987654321"),
    LIT(".5"),    LIT("2."),
};

static const struct piece odd_floats[] = {
    LIT("nan"),  LIT("inf"),      LIT("-inf"),   LIT("abc"),  LIT(""),
    LIT(" 1.5"), LIT("1.5 "),     LIT("1e5000"), LIT("1..5"), LIT("0x1p3"),
    LIT("1,5"),  LIT("infinity"), LIT("1e"),
};

static const struct piece patterns[] = {
    LIT("*"),    LIT("k*"),     LIT("k?"),      LIT("k[0-3]"),  LIT("k[^0-3]"),
    LIT("foo*"), LIT("*o*"),    LIT("h\\*llo"), LIT("h*llo"),   LIT(""),
    LIT("?"),    LIT("[a-"),    LIT("\\"),      LIT("{tag}*"),  LIT("*\0*"),
    LIT("[k]1"), LIT("[3-0]*"), LIT("**"),      LIT("nomatch"), LIT("x{}?"),
};

/* Commands that the two servers both have, for COMMAND INFO and the like. */
static const struct piece commands[] = {
    LIT("get"),
    LIT("SET"),
    LIT("mget"),
    LIT("mset"),
    LIT("del"),
    LIT("config|get"),
    LIT("client|list"),
    LIT("append"),
    LIT("bitop"),
    LIT("expire"),
    LIT("object|encoding"),
    LIT("scan"),
    LIT("ping"),
    LIT("multi"),
    LIT("exec"),
    LIT("watch"),
    LIT("rename"),
    LIT("copy"),
    LIT("getex"),
    LIT("incrbyfloat"),
    LIT("setbit"),
    LIT("memory|usage"),
    LIT("nosuch"),
    LIT("get|nosuch"),
    LIT("config|nosuch"),
    LIT(""),
};

static const struct piece junk[] = {
    LIT("abc"),
    LIT("-1"),
    LIT("0"),
    LIT(""),
    LIT("1.5"),
    LIT("k?"),
    LIT("NX"),
    LIT("99999999999999999999"),
    LIT("k0"),
    LIT("\0"),
    LIT("KEEPTTL"),
    LIT("9223372036854775807"),
    LIT("-9223372036854775808"),
    LIT("GET"),
};

static const struct piece names[] = {
    LIT("app"),       LIT("worker-1"), LIT("a:b"), LIT(""),     LIT("bad name"),
    LIT("new\nline"), LIT("x"),        LIT("!~"),  LIT("\x7f"), LIT("\xc3\xa9"),
};

#define PICK(table, chance) ((table)[chance_below(chance, COUNT_OF(table))])

static struct piece
number_text(struct arena *arena, int64_t number)
{
    return arena_format(arena, "%lld", (long long)number);
}

/* low .. low + span - 1 */
static struct piece
between(struct arena *arena, struct chance *chance, int64_t low, uint64_t span)
{
    return number_text(arena, low + (int64_t)chance_below(chance, span));
}

static struct piece
draw_key(struct arena *arena, struct chance *chance)
{
    (void)arena;
    /* the first few more often: they must meet */
    if (chance_percent(chance, 50)) return keys[chance_below(chance, 6)];
    return PICK(keys, chance);
}

static struct piece
draw_int(struct arena *arena, struct chance *chance)
{
    uint64_t dice = chance_below(chance, 100);

    if (dice < 70) return between(arena, chance, -20, 140);
    if (dice < 92) return PICK(numbers, chance);
    return PICK(odd_numbers, chance);
}

static struct piece
draw_bad_int(struct arena *arena, struct chance *chance)
{
    (void)arena;
    return PICK(odd_numbers, chance);
}

static struct piece
draw_float(struct arena *arena, struct chance *chance)
{
    uint64_t dice = chance_below(chance, 100);

    if (dice < 60) return PICK(floats, chance);
    if (dice < 90) {
        long long whole = (long long)chance_below(chance, 2000) - 1000;
        unsigned part = (unsigned)chance_below(chance, 1000000);

        return arena_format(arena, "%lld.%u", whole, part);
    }
    return PICK(odd_floats, chance);
}

static struct piece
draw_bytes(struct arena *arena, struct chance *chance, size_t size)
{
    char *data = arena_alloc(arena, size + 1);
    bool is_text = chance_percent(chance, 60);

    for (size_t i = 0; i < size; i++) {
        uint64_t c = chance_below(chance, is_text ? 26 : 256);

        data[i] = (char)(is_text ? 'a' + c : c);
    }
    return (struct piece){data, size};
}

static struct piece
draw_value(struct arena *arena, struct chance *chance)
{
    static const size_t border_sizes[] = {
        0, 1, 2, 20, 21, 43, 44, 45, 46, 63, 64, 128, 200, 254, 255, 256, 257};
    uint64_t dice = chance_below(chance, 1000);

    if (dice < 300) return between(arena, chance, -10, 200);
    if (dice < 400) return PICK(numbers, chance);
    if (dice < 450) return PICK(odd_numbers, chance);
    if (dice < 550) return PICK(floats, chance);
    if (dice < 800) {
        return draw_bytes(arena, chance, 1 + chance_below(chance, 16));
    }
    if (dice < 980) {
        return draw_bytes(arena, chance, PICK(border_sizes, chance));
    }
    if (dice < 997) {
        return draw_bytes(arena, chance, chance_below(chance, 3000));
    }
    return draw_bytes(arena, chance, 40000);
}

/* Seconds to live: between a quarter of an hour and a century. */
static struct piece
draw_ttl(struct arena *arena, struct chance *chance)
{
    uint64_t dice = chance_below(chance, 100);

    if (dice < 85) return between(arena, chance, 1000, 3000000000u);
    if (dice < 92) return between(arena, chance, -100, 101);
    return PICK(odd_numbers, chance);
}

static struct piece
draw_pttl(struct arena *arena, struct chance *chance)
{
    uint64_t dice = chance_below(chance, 100);

    if (dice < 85) return between(arena, chance, 1000000, 3000000000000u);
    if (dice < 92) return between(arena, chance, -100, 101);
    return PICK(odd_numbers, chance);
}

/* Times on the clock, in seconds: the years 1970 to 2001, 2100 and later. A
 * few fixed ones, so that GT and LT meet their equals. */
static struct piece
draw_at(struct arena *arena, struct chance *chance)
{
    static const struct piece fixed[] = {
        LIT("4102444800"), LIT("4102444801"), LIT("5000000000"),
        LIT("6000000000"), LIT("9000000000"),
    };
    uint64_t dice = chance_below(chance, 100);

    if (dice < 50) return PICK(fixed, chance);
    if (dice < 80) return between(arena, chance, 4102444800, 1000000000u);
    if (dice < 90) return between(arena, chance, 1, 1000000000u);
    if (dice < 94) return PICK(numbers, chance);
    return PICK(odd_numbers, chance);
}

static struct piece
draw_pat(struct arena *arena, struct chance *chance)
{
    static const struct piece fixed[] = {
        LIT("4102444800000"), LIT("4102444800001"), LIT("5000000000000"),
        LIT("5000000000499"), LIT("5000000000500"), LIT("9000000000000"),
    };
    uint64_t dice = chance_below(chance, 100);

    if (dice < 50) return PICK(fixed, chance);
    if (dice < 80) return between(arena, chance, 4102444800000, 1000000000u);
    if (dice < 90) return between(arena, chance, 1, 1000000000u);
    if (dice < 94) return PICK(numbers, chance);
    return PICK(odd_numbers, chance);
}

static struct piece
draw_offset(struct arena *arena, struct chance *chance)
{
    static const struct piece far[] = {
        LIT("536870911"),  LIT("536870912"), LIT("4294967295"),
        LIT("4294967296"), LIT("-1"),        LIT("9223372036854775807"),
    };
    uint64_t dice = chance_below(chance, 100);

    if (dice < 85) return between(arena, chance, 0, 60);
    if (dice < 93) return between(arena, chance, 0, 3000);
    /* only those that are refused: none is to allocate half a gigabyte */
    if (dice < 97) return far[1 + 2 * chance_below(chance, 3)];
    return PICK(odd_numbers, chance);
}

static struct piece
draw_bit_offset(struct arena *arena, struct chance *chance)
{
    uint64_t dice = chance_below(chance, 100);

    if (dice < 85) return between(arena, chance, 0, 400);
    if (dice < 93) return between(arena, chance, 0, 20000);
    if (dice < 95) return piece_of("4294967296");
    return PICK(odd_numbers, chance);
}

static struct piece
draw_index(struct arena *arena, struct chance *chance)
{
    uint64_t dice = chance_below(chance, 100);

    if (dice < 85) return between(arena, chance, -30, 60);
    if (dice < 95) return PICK(numbers, chance);
    return PICK(odd_numbers, chance);
}

static struct piece
draw_bit(struct arena *arena, struct chance *chance)
{
    uint64_t dice = chance_below(chance, 100);

    if (dice < 94) return between(arena, chance, 0, 2);
    return dice < 97 ? piece_of("2") : PICK(odd_numbers, chance);
    (void)arena;
}

static struct piece
draw_db(struct arena *arena, struct chance *chance)
{
    uint64_t dice = chance_below(chance, 100);

    if (dice < 75) return between(arena, chance, 0, 3);
    if (dice < 90) return between(arena, chance, 0, 16);
    if (dice < 95) return between(arena, chance, 14, 5);
    return PICK(odd_numbers, chance);
}

static struct piece
draw_pattern(struct arena *arena, struct chance *chance)
{
    (void)arena;
    return PICK(patterns, chance);
}

static struct piece
draw_command(struct arena *arena, struct chance *chance)
{
    (void)arena;
    return PICK(commands, chance);
}

static struct piece
draw_name(struct arena *arena, struct chance *chance)
{
    (void)arena;
    return PICK(names, chance);
}

static struct piece
draw_small(struct arena *arena, struct chance *chance)
{
    return between(arena, chance, 1, 100);
}

typedef struct piece draw(struct arena *arena, struct chance *chance);

enum { TERM_KEYS = 100, TERM_ALL_KEYS, TERM_PAIRS };

static const struct term {
    const char *name;
    draw *draw;
    enum word_kind kind;
    int several;
} terms[] = {
    {"key", draw_key, WORD_PLAIN, 0},
    {"value", draw_value, WORD_PLAIN, 0},
    {"int", draw_int, WORD_PLAIN, 0},
    {"bad-int", draw_bad_int, WORD_PLAIN, 0},
    {"float", draw_float, WORD_PLAIN, 0},
    {"ttl", draw_ttl, WORD_PLAIN, 0},
    {"pttl", draw_pttl, WORD_PLAIN, 0},
    {"at", draw_at, WORD_PLAIN, 0},
    {"pat", draw_pat, WORD_PLAIN, 0},
    {"offset", draw_offset, WORD_PLAIN, 0},
    {"bit-offset", draw_bit_offset, WORD_PLAIN, 0},
    {"index", draw_index, WORD_PLAIN, 0},
    {"bit", draw_bit, WORD_PLAIN, 0},
    {"db", draw_db, WORD_PLAIN, 0},
    {"pattern", draw_pattern, WORD_PLAIN, 0},
    {"command", draw_command, WORD_PLAIN, 0},
    {"name", draw_name, WORD_PLAIN, 0},
    {"small", draw_small, WORD_PLAIN, 0},
    {"keys", draw_key, WORD_PLAIN, TERM_KEYS},
    {"all-keys", draw_key, WORD_PLAIN, TERM_ALL_KEYS},
    {"pairs", draw_key, WORD_PLAIN, TERM_PAIRS},
    {"my-id", NULL, WORD_MY_ID, 0},
    {"my-address", NULL, WORD_MY_ADDRESS, 0},
    {"server-address", NULL, WORD_SERVER_ADDRESS, 0},
};

bool
words_find(struct piece name, uint32_t *index)
{
    for (uint32_t i = 0; i < COUNT_OF(terms); i++) {
        if (!piece_is(name, terms[i].name)) continue;
        *index = i;
        return true;
    }
    return false;
}

/* Junk too: it may have taken the place of a key. */
static uint32_t
draw_all_keys(struct word *out)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < COUNT_OF(keys); i++)
        out[count++].text = keys[i];
    for (uint32_t i = 0; i < COUNT_OF(junk); i++)
        out[count++].text = junk[i];
    return count;
}

_Static_assert(COUNT_OF(keys) + COUNT_OF(junk) <= WORDS_MAX, "fit");

uint32_t
words_draw(uint32_t index, struct arena *arena, struct chance *chance,
           struct word out[WORDS_MAX])
{
    const struct term *term = &terms[index];
    uint32_t count = 1;

    memset(out, 0, WORDS_MAX * sizeof(out[0]));
    out[0].kind = term->kind;
    if (term->draw == NULL) return 1;
    if (term->several == TERM_ALL_KEYS) {
        return draw_all_keys(out);
    }
    if (term->several != 0) {
        count = 1 + (uint32_t)chance_below(chance, 5);
        if (chance_percent(chance, 3)) count = 30;
    }
    if (term->several == TERM_PAIRS) count *= 2;
    if (count > WORDS_MAX) count = WORDS_MAX;
    for (uint32_t i = 0; i < count; i++) {
        out[i].text = term->several == TERM_PAIRS && i % 2 == 1
                          ? draw_value(arena, chance)
                          : term->draw(arena, chance);
    }
    return count;
}

struct piece
words_junk(struct arena *arena, struct chance *chance)
{
    (void)arena;
    return PICK(junk, chance);
}
