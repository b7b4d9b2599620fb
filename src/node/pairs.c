#include "node/pairs.h"

#include "base/number.h"

#include <string.h>

static int
compare(struct bytes one, struct bytes other)
{
    size_t common = one.size < other.size ? one.size : other.size;
    int order = common > 0 ? memcmp(one.data, other.data, common) : 0;

    if (order != 0) return order;
    return one.size < other.size ? -1 : one.size > other.size;
}

/* Where the name is, or would be. */
static uint32_t
place_of(const struct pairs *pairs, struct bytes name)
{
    uint32_t low = 0, high = pairs->count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (compare(pairs->list[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool
is_at(const struct pairs *pairs, uint32_t at, struct bytes name)
{
    return at < pairs->count && bytes_equal(pairs->list[at].name, name);
}

uint64_t
pairs_version(const struct pairs *pairs, struct bytes name)
{
    uint32_t at = place_of(pairs, name);

    return is_at(pairs, at, name) ? pairs->list[at].version : 0;
}

void
pairs_put(struct pairs *pairs, const struct pair *pair)
{
    uint32_t at = place_of(pairs, pair->name);
    struct pair *there = &pairs->list[at];

    if (is_at(pairs, at, pair->name)) {
        if (pair->version > there->version ||
            (pair->version == there->version &&
             compare(pair->value, there->value) > 0)) {
            *there = *pair;
        }
        return;
    }
    if (pairs->count == PAIRS_MAX) return;
    memmove(there + 1, there, (pairs->count - at) * sizeof(*there));
    *there = *pair;
    pairs->count++;
}

/* One line, without its end. */
static bool
read_line(struct bytes line, struct pair *pair)
{
    const char *first = memchr(line.data, ' ', line.size), *second;
    size_t left;
    int64_t version;

    if (first == NULL || first == line.data) return false;
    left = line.size - (size_t)(first + 1 - line.data);
    second = memchr(first + 1, ' ', left);
    if (second == NULL) return false;
    if (!number_parse_int(bytes_of(first + 1, (size_t)(second - first) - 1),
                          &version) ||
        version <= 0) {
        return false;
    }
    pair->name = bytes_of(line.data, (size_t)(first - line.data));
    pair->version = (uint64_t)version;
    pair->value = bytes_of(second + 1, left - (size_t)(second - first));
    return pair->value.size > 0;
}

void
pairs_take(struct pairs *pairs, struct bytes text)
{
    size_t at = 0;

    while (at < text.size) {
        const char *line = text.data + at;
        const char *end = memchr(line, '\n', text.size - at);
        size_t size = end != NULL ? (size_t)(end - line) : text.size - at;
        struct pair pair;

        if (read_line(bytes_of(line, size), &pair)) pairs_put(pairs, &pair);
        at += size + 1;
    }
}

static bool
is_like(const struct pair *pair, struct bytes begins, struct bytes value)
{
    return pair->name.size >= begins.size &&
           memcmp(pair->name.data, begins.data, begins.size) == 0 &&
           bytes_equal(pair->value, value);
}

void
pairs_trim(struct pairs *pairs, struct bytes begins, struct bytes value,
           uint32_t most)
{
    for (;;) {
        uint32_t count = 0, oldest = 0, i;

        for (i = 0; i < pairs->count; i++) {
            if (!is_like(&pairs->list[i], begins, value)) continue;
            if (count++ == 0 ||
                pairs->list[i].version < pairs->list[oldest].version)
                oldest = i;
        }
        if (count <= most) return;
        pairs->count--;
        memmove(&pairs->list[oldest], &pairs->list[oldest + 1],
                (pairs->count - oldest) * sizeof(*pairs->list));
    }
}

void
pairs_print(const struct pairs *pairs, struct buf *out)
{
    uint32_t i;

    for (i = 0; i < pairs->count; i++) {
        const struct pair *pair = &pairs->list[i];

        buf_must_add(out, pair->name.data, pair->name.size);
        buf_must_printf(out, " %llu ", (unsigned long long)pair->version);
        buf_must_add(out, pair->value.data, pair->value.size);
        buf_must_add(out, "\n", 1);
    }
}
