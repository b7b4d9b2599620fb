#include "command/rates.h"

static uint64_t
mean(const uint64_t samples[RATES_SAMPLES])
{
    uint64_t sum = 0;
    uint32_t i;

    for (i = 0; i < RATES_SAMPLES; i++)
        sum += samples[i];
    return sum / RATES_SAMPLES;
}

void
rates_sample(struct rates *rates, const uint64_t counters[RATE_COUNT],
             int64_t now_ms)
{
    int64_t elapsed_ms = now_ms - rates->last_ms;
    uint32_t i;

    if (rates->last_ms != 0 && elapsed_ms <= 0) return;
    for (i = 0; i < RATE_COUNT; i++) {
        uint64_t grown =
            counters[i] > rates->last[i] ? counters[i] - rates->last[i] : 0;

        rates->last[i] = counters[i];
        if (rates->last_ms == 0) continue;
        rates->samples[i][rates->next] = grown * 1000 / (uint64_t)elapsed_ms;
        atomic_store_explicit(&rates->per_second[i], mean(rates->samples[i]),
                              memory_order_relaxed);
    }
    if (rates->last_ms != 0) rates->next = (rates->next + 1) % RATES_SAMPLES;
    rates->last_ms = now_ms;
}

uint64_t
rates_get(const struct rates *rates, enum rate which)
{
    return atomic_load_explicit(&rates->per_second[which],
                                memory_order_relaxed);
}
