/*
 * clock.h - the only place that reads the time.
 */
#ifndef OS_CLOCK_H
#define OS_CLOCK_H

#include "base/base.h"

int64_t clock_mono_ms(void);
uint64_t clock_mono_us(void);
uint64_t clock_wall_us(void); /* Unix time */
/* Compares the cycle counter with the clock for some milliseconds; before
 * threads start. */
void clock_calibrate_ticks(void);

#endif
