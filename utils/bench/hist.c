/*
 * Bucket numbers, with 64 steps per power of two:
 *
 *   value    0 .. 63     64 .. 127    128 .. 255     256 .. 511
 *   bucket   0 .. 63     64 .. 127    128 .. 191     192 .. 255
 *   width       1           1             2              4
 */
#include "hist.h"

#include <assert.h>

#define STEPS (1u << HIST_STEP_BITS)

static size_t
bucket_of(uint64_t value_ns)
{
    unsigned top, shift;

    if (value_ns < STEPS) return (size_t)value_ns;
    if (value_ns >> HIST_VALUE_BITS != 0) return HIST_BUCKETS - 1;
    top = 63u - (unsigned)__builtin_clzll(value_ns);
    shift = top - HIST_STEP_BITS;
    return ((size_t)(shift + 1) << HIST_STEP_BITS) +
           (size_t)((value_ns >> shift) & (STEPS - 1));
}

/* The largest value that falls into the bucket. */
static uint64_t
bucket_end(size_t bucket)
{
    uint64_t shift, step;

    if (bucket < STEPS) return bucket;
    shift = (bucket >> HIST_STEP_BITS) - 1;
    step = (bucket & (STEPS - 1)) + STEPS;
    return ((step + 1) << shift) - 1;
}

void
hist_add(struct hist *hist, uint64_t value_ns, uint64_t times)
{
    size_t bucket = bucket_of(value_ns);

    assert(bucket < HIST_BUCKETS);
    hist->counts[bucket] += times;
    hist->total += times;
    hist->sum_ns += value_ns * times;
    if (value_ns > hist->max_ns) hist->max_ns = value_ns;
}

uint64_t
hist_quantile_ns(const struct hist *hist, double share)
{
    uint64_t seen = 0;
    uint64_t wanted = (uint64_t)(share * (double)hist->total);
    size_t bucket;

    if (hist->total == 0) return 0;
    if (wanted == 0) wanted = 1;
    for (bucket = 0; bucket < HIST_BUCKETS; bucket++) {
        seen += hist->counts[bucket];
        if (seen >= wanted) break;
    }
    if (bucket == HIST_BUCKETS) return hist->max_ns;
    if (bucket_end(bucket) > hist->max_ns) return hist->max_ns;
    return bucket_end(bucket);
}
