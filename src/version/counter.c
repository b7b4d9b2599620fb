/*
 * Where a share stands against the base is decided by its birth, not by its
 * newest stamp: an amount is counted from its birth on, so a share born
 * before the last SET holds increments that the SET has already replaced.
 */
#include "version/counter.h"

#include "base/hash.h"

struct share {
    uint64_t birth, stamp;
    int64_t amount;
};

static uint64_t
get_u64(const char *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

static void
put_u64(uint8_t *at, uint64_t value)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    memcpy(at, &value, sizeof(value));
}

static size_t
share_count(struct bytes value)
{
    ASSERT(value.size >= COUNTER_BASE_BYTES);
    ASSERT((value.size - COUNTER_BASE_BYTES) % COUNTER_SHARE_BYTES == 0);
    return (value.size - COUNTER_BASE_BYTES) / COUNTER_SHARE_BYTES;
}

static struct share
share_get(struct bytes value, size_t index)
{
    const char *at =
        value.data + COUNTER_BASE_BYTES + index * COUNTER_SHARE_BYTES;

    return (struct share){get_u64(at), get_u64(at + 8),
                          (int64_t)get_u64(at + 16)};
}

static void
share_put(uint8_t *out, size_t index, struct share share)
{
    uint8_t *at = out + COUNTER_BASE_BYTES + index * COUNTER_SHARE_BYTES;

    put_u64(at, share.birth);
    put_u64(at + 8, share.stamp);
    put_u64(at + 16, (uint64_t)share.amount);
}

bool
counter_ok(struct bytes value)
{
    uint64_t least, count, i;

    if (value.size < COUNTER_BASE_BYTES || value.size > COUNTER_BYTES_MAX)
        return false;
    if ((value.size - COUNTER_BASE_BYTES) % COUNTER_SHARE_BYTES != 0)
        return false;
    count = share_count(value);
    least = get_u64(value.data + 8); /* the base's stamp, then the last birth */
    for (i = 0; i < count; i++) {
        struct share share = share_get(value, i);

        if (share.birth < least || share.stamp < share.birth) return false;
        if (i > 0 && share.birth == least) return false;
        least = share.birth;
    }
    return true;
}

int64_t
counter_sum(struct bytes value)
{
    size_t count = share_count(value), i;
    uint64_t sum = get_u64(value.data);

    for (i = 0; i < count; i++)
        sum += (uint64_t)share_get(value, i).amount;
    return (int64_t)sum;
}

void
counter_begin(uint8_t *out, int64_t base, struct stamp base_stamp)
{
    put_u64(out, (uint64_t)base);
    put_u64(out + 8, base_stamp.bits);
}

int64_t
counter_base(struct bytes value)
{
    return (int64_t)get_u64(value.data);
}

struct stamp
counter_base_stamp(struct bytes value)
{
    return (struct stamp){get_u64(value.data + 8)};
}

struct stamp
counter_newest(struct bytes value)
{
    struct stamp newest = counter_base_stamp(value);
    size_t count = share_count(value), i;

    for (i = 0; i < count; i++) {
        uint64_t stamp = share_get(value, i).stamp;

        if (stamp > newest.bits) newest.bits = stamp;
    }
    return newest;
}

void
counter_see(struct bytes value, struct vector *vector)
{
    size_t count = share_count(value), i;

    vector_see(vector, counter_base_stamp(value));
    for (i = 0; i < count; i++)
        vector_see(vector, (struct stamp){share_get(value, i).stamp});
}

struct stamp
counter_newest_below(struct bytes value, uint32_t node, struct stamp floor)
{
    struct stamp newest = STAMP_NEVER;
    size_t count = share_count(value), i;

    for (i = 0; i < count; i++) {
        struct share share = share_get(value, i);
        struct stamp stamp = {share.stamp};

        if (share.birth < floor.bits && stamp_node(stamp) == node &&
            stamp.bits > newest.bits)
            newest = stamp;
    }
    return newest;
}

uint64_t
counter_version(struct bytes value)
{
    uint64_t version = counter_base_stamp(value).bits;
    size_t count = share_count(value), i;

    for (i = 0; i < count; i++) {
        struct share share = share_get(value, i);

        version ^= hash_mix(share.birth, share.stamp);
    }
    return version;
}

static bool
holds(struct bytes value, struct share wanted)
{
    size_t count = value.size > 0 ? share_count(value) : 0, i;

    for (i = 0; i < count; i++) {
        struct share share = share_get(value, i);

        if (share.birth == wanted.birth) return share.stamp == wanted.stamp;
    }
    return false;
}

bool
counter_brings(struct bytes value, struct bytes had, uint32_t node,
               struct stamp life)
{
    size_t count = share_count(value), i;

    for (i = 0; i < count; i++) {
        struct share share = share_get(value, i);

        if (share.birth < life.bits) continue;
        if (stamp_node((struct stamp){share.birth}) != node) continue;
        if (!holds(had, share)) return true;
    }
    return false;
}

size_t
counter_rebase(struct bytes value, int64_t base, struct stamp stamp,
               uint8_t *out)
{
    size_t count = share_count(value), kept = 0, i;

    for (i = 0; i < count; i++) {
        struct share share = share_get(value, i);

        if (share.birth >= stamp.bits) share_put(out, kept++, share);
    }
    counter_begin(out, base, stamp);
    return COUNTER_BASE_BYTES + kept * COUNTER_SHARE_BYTES;
}

size_t
counter_add(struct bytes value, int64_t delta, struct stamp stamp,
            struct stamp life, uint8_t *out)
{
    size_t count = share_count(value), size = value.size, i;
    struct share share;
    uint8_t *gap;

    if ((const char *)out != value.data) memmove(out, value.data, size);
    for (i = count; i > 0; i--) { /* own births are the newest, mostly */
        share = share_get(value, i - 1);
        if (share.birth < life.bits) break;
        if (stamp_node((struct stamp){share.birth}) != stamp_node(stamp))
            continue;
        share.stamp = stamp.bits;
        share.amount = (int64_t)((uint64_t)share.amount + (uint64_t)delta);
        share_put(out, i - 1, share);
        return size;
    }

    if (count >= COUNTER_SHARES_MAX) return 0;
    for (i = count; i > 0; i--) {
        share = share_get(value, i - 1);
        ASSERT(share.birth != stamp.bits);
        if (share.birth < stamp.bits) break;
    }
    gap = out + COUNTER_BASE_BYTES + i * COUNTER_SHARE_BYTES;
    memmove(gap + COUNTER_SHARE_BYTES, gap, (count - i) * COUNTER_SHARE_BYTES);
    share_put(out, i, (struct share){stamp.bits, stamp.bits, delta});
    return size + COUNTER_SHARE_BYTES;
}

/* Equal stamps with unequal contents are a fault; both sides settle it alike.
 */
static bool
is_newer(uint64_t stamp, int64_t amount, uint64_t than, int64_t than_amount)
{
    return stamp != than ? stamp > than : amount > than_amount;
}

static bool
base_is_newer(struct bytes a, struct bytes b)
{
    return is_newer(get_u64(a.data + 8), (int64_t)get_u64(a.data),
                    get_u64(b.data + 8), (int64_t)get_u64(b.data));
}

size_t
counter_merge(struct bytes a, struct bytes b, uint8_t *out)
{
    size_t a_count = share_count(a), b_count = share_count(b);
    size_t a_at = 0, b_at = 0, count = 0;
    struct bytes base = base_is_newer(b, a) ? b : a;
    uint64_t floor = get_u64(base.data + 8);

    memcpy(out, base.data, COUNTER_BASE_BYTES);
    while (a_at < a_count || b_at < b_count) {
        const struct share none = {UINT64_MAX, 0, 0};
        struct share x = a_at < a_count ? share_get(a, a_at) : none;
        struct share y = b_at < b_count ? share_get(b, b_at) : none;
        struct share share;

        if (x.birth == y.birth) {
            share = is_newer(y.stamp, y.amount, x.stamp, x.amount) ? y : x;
            a_at++;
            b_at++;
        } else if (x.birth < y.birth) {
            share = x;
            a_at++;
        } else {
            share = y;
            b_at++;
        }
        if (share.birth < floor) continue;
        if (count >= COUNTER_SHARES_MAX) return 0;
        share_put(out, count++, share);
    }
    return COUNTER_BASE_BYTES + count * COUNTER_SHARE_BYTES;
}
