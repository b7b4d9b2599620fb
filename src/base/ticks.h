/*
 * ticks.h - the CPU's cycle counter, for statistics: no decision may depend on
 * it, but for whose turn it is to be served. The simulator switches it off, so
 * traces stay equal.
 */
#ifndef BASE_TICKS_H
#define BASE_TICKS_H

#include "base/base.h"

extern bool ticks_off;      /* set once, before threads start */
extern double ticks_per_us; /* set once by ticks_calibrate() */

/* Learns the rate from two readings `elapsed_us` apart. */
void ticks_calibrate(uint64_t ticks, uint64_t elapsed_us);

static inline uint64_t
ticks_now(void)
{
    if (UNLIKELY(ticks_off)) return 0;
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t value;

    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(value));
    return value;
#else
    return 0;
#endif
}

#endif
