/*
 * Every element of a pattern but '*' takes exactly one byte, so only the last
 * star ever has to be moved: when the rest of the pattern fails, the last
 * star takes one byte more and the rest is tried again.
 *
 * Redis's oddities are kept: an unclosed set ends with the pattern, "[a-]" is
 * a range up to ']', an escape inside a set ignores ignore_case, ranges
 * compare signed bytes, and an empty text matches only an empty pattern.
 */
#include "base/glob.h"

static char
fold(char c, bool ignore_case)
{
    return ignore_case && c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool
in_range(signed char from, signed char to, char c, bool ignore_case)
{
    signed char low = from < to ? from : to;
    signed char high = from < to ? to : from;
    signed char value = (signed char)fold(c, ignore_case);

    low = (signed char)fold((char)low, ignore_case);
    high = (signed char)fold((char)high, ignore_case);
    return value >= low && value <= high;
}

/* A set, without its '['. Moves *at behind its ']'. */
static bool
match_set(struct bytes pattern, size_t *at, char c, bool ignore_case)
{
    const char *data = pattern.data;
    size_t i = *at;
    bool is_not = i < pattern.size && data[i] == '^', found = false;

    if (is_not) i++;
    while (i < pattern.size && data[i] != ']') {
        if (data[i] == '\\' && pattern.size - i >= 2) {
            if (data[i + 1] == c) found = true;
            i += 2;
        } else if (pattern.size - i >= 3 && data[i + 1] == '-') {
            if (in_range((signed char)data[i], (signed char)data[i + 2], c,
                         ignore_case)) {
                found = true;
            }
            i += 3;
        } else {
            if (fold(data[i], ignore_case) == fold(c, ignore_case))
                found = true;
            i++;
        }
    }
    *at = i < pattern.size ? i + 1 : i;
    return found != is_not;
}

/* One element that is not a star. Moves *at behind it. */
static bool
match_one(struct bytes pattern, size_t *at, char c, bool ignore_case)
{
    char element = pattern.data[(*at)++];

    if (element == '?') return true;
    if (element == '[') return match_set(pattern, at, c, ignore_case);
    if (element == '\\' && *at < pattern.size) element = pattern.data[(*at)++];
    return fold(element, ignore_case) == fold(c, ignore_case);
}

bool
glob_match(struct bytes pattern, struct bytes text, bool ignore_case)
{
    size_t at = 0, i = 0, star_at = 0, star_text = 0;
    bool has_star = false;

    if (text.size == 0) return pattern.size == 0;
    while (i < text.size) {
        if (at < pattern.size && pattern.data[at] == '*') {
            while (at < pattern.size && pattern.data[at] == '*')
                at++;
            if (at == pattern.size) return true;
            has_star = true;
            star_at = at;
            star_text = i;
        } else if (at < pattern.size &&
                   match_one(pattern, &at, text.data[i], ignore_case)) {
            i++;
        } else if (has_star) {
            at = star_at;
            i = ++star_text;
        } else {
            return false;
        }
    }
    while (at < pattern.size && pattern.data[at] == '*')
        at++;
    return at == pattern.size;
}
