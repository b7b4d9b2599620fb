/*
 * Values 0 .. 15 have a bucket each; above, every power of two is cut into 16
 * equal parts, so a bucket is never wider than a sixteenth of its values:
 *
 *     0 1 2 ... 15 | 16 17 ... 31 | 32 34 ... 62 | 64 68 ... 124 | ...
 */
#include "base/histogram.h"

enum { SUB_COUNT = 1 << HISTOGRAM_SUB_BITS };

_Static_assert(SUB_COUNT == 16, "HISTOGRAM_BUCKETS counts 16 per power");

uint32_t
histogram_bucket(uint64_t value)
{
    uint32_t power, sub, bucket;

    if (value < SUB_COUNT) return (uint32_t)value;
    power = 63 - (uint32_t)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
    sub = (uint32_t)(value >> power) - SUB_COUNT;
    bucket = SUB_COUNT + power * SUB_COUNT + sub;
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

uint64_t
histogram_top(uint32_t bucket)
{
    uint32_t power, sub;

    ASSERT(bucket < HISTOGRAM_BUCKETS);
    if (bucket < SUB_COUNT) return bucket;
    power = (bucket - SUB_COUNT) / SUB_COUNT;
    sub = (bucket - SUB_COUNT) % SUB_COUNT;
    return ((uint64_t)(SUB_COUNT + sub + 1) << power) - 1;
}

static uint64_t
count_of(const struct histogram *histogram, uint32_t bucket)
{
    return atomic_load_explicit(&histogram->counts[bucket],
                                memory_order_relaxed);
}

/* Only the owner writes, so an add needs no locked instruction. */
static void
raise_by(struct histogram *histogram, uint32_t bucket, uint64_t delta)
{
    atomic_store_explicit(&histogram->counts[bucket],
                          count_of(histogram, bucket) + delta,
                          memory_order_relaxed);
}

void
histogram_add(struct histogram *histogram, uint64_t value)
{
    raise_by(histogram, histogram_bucket(value), 1);
}

uint64_t
histogram_total(const struct histogram *histogram)
{
    uint64_t total = 0;
    uint32_t i;

    for (i = 0; i < HISTOGRAM_BUCKETS; i++)
        total += count_of(histogram, i);
    return total;
}

uint64_t
histogram_percentile(const struct histogram *histogram, double percent)
{
    uint64_t total = histogram_total(histogram), seen = 0, rank;
    uint32_t i;

    if (total == 0) return 0;
    if (percent < 0) percent = 0;
    if (percent > 100) percent = 100;
    rank = (uint64_t)(percent / 100 * (double)total + 0.5);
    if (rank < 1) rank = 1;
    for (i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += count_of(histogram, i);
        if (seen >= rank) return histogram_top(i);
    }
    /* the writer has moved on since the total was taken, or a reset came */
    return histogram_top(HISTOGRAM_BUCKETS - 1);
}

void
histogram_merge(struct histogram *into, const struct histogram *from)
{
    uint32_t i;

    for (i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t more = count_of(from, i);

        if (more > 0) raise_by(into, i, more);
    }
}

void
histogram_reset(struct histogram *histogram)
{
    uint32_t i;

    for (i = 0; i < HISTOGRAM_BUCKETS; i++) {
        atomic_store_explicit(&histogram->counts[i], 0, memory_order_relaxed);
    }
}
