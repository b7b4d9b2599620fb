/*
 * A pattern and a text, separated by the first zero byte. Patterns made only of
 * letters, '?' and '*' are compared with a table of all prefixes against all
 * prefixes, which is another way to the same answer.
 */
#include "base/glob.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SMALL = 64 };

static bool
is_plain(struct bytes pattern)
{
    size_t i;

    for (i = 0; i < pattern.size; i++) {
        if (pattern.data[i] == '[' || pattern.data[i] == '\\') return false;
    }
    return true;
}

static bool
match_by_table(struct bytes pattern, struct bytes text)
{
    bool row[SMALL + 1] = {true};
    size_t i, j;

    for (i = 0; i < pattern.size; i++) {
        char c = pattern.data[i];
        bool diagonal = row[0];

        row[0] = row[0] && c == '*';
        for (j = 1; j <= text.size; j++) {
            bool above = row[j];

            row[j] = c == '*' ? row[j - 1] || above
                              : diagonal && (c == '?' || c == text.data[j - 1]);
            diagonal = above;
        }
    }
    return row[text.size];
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
    size_t cut = zero != NULL ? (size_t)(zero - data) : size;
    size_t skip = zero != NULL ? cut + 1 : size;
    struct bytes pattern = bytes_of(data, cut);
    struct bytes text = bytes_of(data + skip, size - skip);
    bool matches = glob_match(pattern, text, false);

    (void)glob_match(pattern, text, true);
    if (text.size > 0 && text.size <= SMALL && is_plain(pattern) &&
        match_by_table(pattern, text) != matches) {
        abort();
    }
    return 0;
}
