/*
 * Names of directives: exact, by another name, and the nearest to a misspelt
 * one. Names are looked up at the start and by CONFIG alone, so plain walks
 * through the table do.
 */
#include "config/settings.h"
#include "config/table.h"

enum {
    NAME_BYTES_MAX = 64, /* longer words are not compared */
    FAR = 1000,
};

const char *
settings_name(enum setting id)
{
    return table_row(id)->name;
}

const char *
settings_alias(enum setting id)
{
    return table_alias(id);
}

const char *
settings_reason(enum setting id)
{
    return table_row(id)->reason;
}

enum setting_use
settings_use(enum setting id)
{
    return table_row(id)->use;
}

bool
settings_is_immutable(enum setting id)
{
    return (table_row(id)->flags & F_FIXED) != 0;
}

bool
settings_is_protected(enum setting id)
{
    return (table_row(id)->flags & F_GUARDED) != 0;
}

int
settings_find(struct bytes name)
{
    uint32_t i;

    for (i = 0; i < SETTING_COUNT; i++) {
        const char *alias = table_alias((enum setting)i);
        const char *newer = table_newer_name((enum setting)i);

        if (bytes_is_nocase(name, settings_name((enum setting)i)) ||
            (alias != NULL && bytes_is_nocase(name, alias)) ||
            (newer != NULL && bytes_is_nocase(name, newer))) {
            return (int)i;
        }
    }
    return -1;
}

static unsigned char
lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static uint32_t
least(uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t d = a < b ? a : b;

    return d < c ? d : c;
}

/* Insertions, deletions, replacements, and swaps of neighbours; '_' and '-'
 * count as the same. Optimal string alignment, three rows at a time. */
static uint32_t
distance(struct bytes word, const char *name)
{
    uint32_t rows[3][NAME_BYTES_MAX + 1];
    uint32_t *two = rows[0], *one = rows[1], *now = rows[2];
    size_t size = strlen(name), i, j;

    if (word.size > NAME_BYTES_MAX || size > NAME_BYTES_MAX) return FAR;
    memset(rows, 0, sizeof(rows));
    for (j = 0; j <= size; j++)
        one[j] = (uint32_t)j;
    for (i = 1; i <= word.size; i++) {
        uint32_t *spare = two;
        unsigned char c = lower(word.data[i - 1]);

        if (c == '_') c = '-';
        now[0] = (uint32_t)i;
        for (j = 1; j <= size; j++) {
            unsigned char d = lower(name[j - 1] == '_' ? '-' : name[j - 1]);

            now[j] = least(one[j] + 1, now[j - 1] + 1, one[j - 1] + (c != d));
            if (i > 1 && j > 1 && c == lower(name[j - 2]) &&
                lower(word.data[i - 2]) == d && two[j - 2] + 1 < now[j]) {
                now[j] = two[j - 2] + 1;
            }
        }
        two = one;
        one = now;
        now = spare;
    }
    return one[size];
}

const char *
settings_suggest(struct bytes name)
{
    const char *best = NULL;
    uint32_t best_distance = (uint32_t)(name.size / 4) + 2;
    uint32_t i;

    for (i = 0; i < SETTING_COUNT; i++) {
        const char *names[2] = {settings_name((enum setting)i),
                                table_alias((enum setting)i)};
        uint32_t k;

        for (k = 0; k < ARRAY_LEN(names) && names[k] != NULL; k++) {
            uint32_t far = distance(name, names[k]);

            if (far < best_distance) {
                best_distance = far;
                best = names[k];
            }
        }
    }
    return best;
}
