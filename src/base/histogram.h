/*
 * histogram.h - counts of values in buckets that grow with the value: about
 * 3 % precise from 0 to 2^40, a fixed 5 KiB. One writer, any readers.
 * Source: G. Tene, HdrHistogram: log buckets with linear sub-buckets.
 */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include "base/base.h"

#include <stdatomic.h>

enum {
    HISTOGRAM_SUB_BITS = 4, /* 16 sub-buckets per power of two */
    HISTOGRAM_BUCKETS = 16 + (40 - HISTOGRAM_SUB_BITS) * 16
};

struct histogram {
    _Atomic uint64_t counts[HISTOGRAM_BUCKETS];
};

/* Bucket of a value; values from 2^40 on share the last. */
uint32_t histogram_bucket(uint64_t value);
/* The largest value that falls into a bucket. */
uint64_t histogram_top(uint32_t bucket);
/* By the owning thread. */
void histogram_add(struct histogram *histogram, uint64_t value);
uint64_t histogram_total(const struct histogram *histogram);
/* The value below which `percent` (0 .. 100) of all lie; 0 when empty. */
uint64_t histogram_percentile(const struct histogram *histogram,
                              double percent);
/* Adds the counts of `from`. */
void histogram_merge(struct histogram *into, const struct histogram *from);
void histogram_reset(struct histogram *histogram);

#endif
