/*
 * rates.h - how fast some counters grow: INFO's instantaneous figures.
 *
 * The mean of the last 16 samples, taken every 100 ms by worker 0; any thread
 * may read the results.
 */
#ifndef COMMAND_RATES_H
#define COMMAND_RATES_H

#include "base/base.h"

#include <stdatomic.h>

enum rate {
    RATE_COMMANDS,
    RATE_INPUT_BYTES,
    RATE_OUTPUT_BYTES,
    RATE_COUNT,
};

enum { RATES_SAMPLES = 16 };

struct rates {
    /* worker 0's own */
    int64_t last_ms; /* monotonic, of the last sample; 0: none yet */
    uint64_t last[RATE_COUNT];
    uint64_t samples[RATE_COUNT][RATES_SAMPLES]; /* per second */
    uint32_t next;
    /* for all to read */
    _Atomic uint64_t per_second[RATE_COUNT];
    _Atomic uint64_t startup_bytes; /* used memory when the first was taken */
    _Atomic uint64_t peak_bytes;    /* the most used memory of all samples */
};

/* `counters` are totals since some start; one that fell counts as 0. */
void rates_sample(struct rates *rates, const uint64_t counters[RATE_COUNT],
                  int64_t now_ms);
uint64_t rates_get(const struct rates *rates, enum rate which);

#endif
