/*
 * hist.h - a histogram of latencies with a bounded relative error.
 *
 * Every power of two is cut into 64 equal steps, so a value is known to
 * within 1/64 from a nanosecond to more than a minute, in 16 KiB.
 */
#ifndef BENCH_HIST_H
#define BENCH_HIST_H

#include <stddef.h>
#include <stdint.h>

#define HIST_STEP_BITS 6
#define HIST_VALUE_BITS 37 /* 137 s; what is longer counts as that */
#define HIST_BUCKETS                                                           \
    ((size_t)(HIST_VALUE_BITS - HIST_STEP_BITS + 1) << HIST_STEP_BITS)

struct hist {
    uint64_t counts[HIST_BUCKETS];
    uint64_t total;
    uint64_t sum_ns;
    uint64_t max_ns;
};

/* Counts `times` values of `value_ns`. */
void hist_add(struct hist *hist, uint64_t value_ns, uint64_t times);

/* The value that `share` (0 to 1) of all do not exceed; 0 when empty. */
uint64_t hist_quantile_ns(const struct hist *hist, double share);

#endif
