#include "base/err.h"
#include "base/hash.h"
#include "base/number.h"
#include "ring/map.h"

uint64_t
ring_name_hash(struct bytes name)
{
    return hash_plain(name);
}

/* The next word; false at the end. */
static bool
next_word(struct bytes *left, struct bytes *word)
{
    size_t skip = 0, size = 0;

    while (skip < left->size && left->data[skip] == ' ')
        skip++;
    while (skip + size < left->size && left->data[skip + size] != ' ')
        size++;
    if (size == 0) return false;
    *word = bytes_of(left->data + skip, size);
    *left = bytes_of(left->data + skip + size, left->size - skip - size);
    return true;
}

static int
parse_count(struct bytes text, uint32_t *count)
{
    int64_t number;

    if (!number_parse_int(text, &number)) return ERR_SYNTAX;
    if (number < 1 || number > RING_OWNERS_MAX) return ERR_RANGE;
    *count = (uint32_t)number;
    return ERR_OK;
}

static int
add_dc(struct bytes word, size_t colon, struct ring_replicas *replicas)
{
    uint64_t dc = ring_name_hash(bytes_of(word.data, colon));
    uint32_t i, count = 0;
    int err;

    if (colon == 0) return ERR_SYNTAX;
    err = parse_count(bytes_of(word.data + colon + 1, word.size - colon - 1),
                      &count);
    if (err != ERR_OK) return err;
    if (replicas->dc_count == RING_DCS_MAX) return ERR_RANGE;
    for (i = 0; i < replicas->dc_count; i++) {
        if (replicas->dcs[i].dc == dc) return ERR_SYNTAX;
    }
    replicas->dcs[replicas->dc_count].dc = dc;
    replicas->dcs[replicas->dc_count++].count = count;
    replicas->count += count;
    return replicas->count <= RING_OWNERS_MAX ? ERR_OK : ERR_RANGE;
}

int
ring_replicas_parse(struct bytes text, struct ring_replicas *replicas)
{
    struct bytes word = {NULL, 0}, rest = text;

    *replicas = (struct ring_replicas){0};
    if (!next_word(&rest, &word)) return ERR_SYNTAX;
    if (memchr(word.data, ':', word.size) == NULL) {
        int err = parse_count(word, &replicas->count);

        return err == ERR_OK && next_word(&rest, &word) ? ERR_SYNTAX : err;
    }
    do {
        const char *colon = memchr(word.data, ':', word.size);
        int err;

        if (colon == NULL) return ERR_SYNTAX;
        err = add_dc(word, (size_t)(colon - word.data), replicas);
        if (err != ERR_OK) return err;
    } while (next_word(&rest, &word));
    return ERR_OK;
}
