#include "command/info_stats.h"

#include "base/memory.h"
#include "base/ticks.h"

#include <stdlib.h>

static uint64_t
get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void
info_commandstats(struct info *info)
{
    uint32_t i, j;

    for (i = 0; i < cmd_count(); i++) {
        uint64_t calls = 0, failed = 0, rejected = 0, ticks = 0, usec;

        for (j = 0; j < info->shared->worker_count; j++) {
            const struct cmd_stats *stats = &info->shared->envs[j].stats[i];

            calls += get(&stats->calls);
            failed += get(&stats->failed);
            rejected += get(&stats->rejected);
            ticks += get(&stats->ticks);
        }
        if (calls == 0 && failed == 0 && rejected == 0) continue;
        usec = ticks_per_us > 0 ? (uint64_t)((double)ticks / ticks_per_us) : 0;
        buf_must_printf(info->out,
                        "cmdstat_%s:calls=%llu,usec=%llu,usec_per_call=%.2f,"
                        "rejected_calls=%llu,failed_calls=%llu\r\n",
                        cmd_at(i)->name, (unsigned long long)calls,
                        (unsigned long long)usec,
                        calls > 0 ? (double)usec / (double)calls : 0,
                        (unsigned long long)rejected,
                        (unsigned long long)failed);
    }
}

static int
compare_prefixes(const void *a, const void *b)
{
    const struct error_stat *x = a, *y = b;

    return strcmp(x->prefix, y->prefix);
}

void
info_errorstats(struct info *info)
{
    struct error_stats *sum = mem_must_zero(sizeof(*sum));
    uint32_t used, i;

    for (i = 0; i < info->shared->worker_count; i++) {
        error_stats_merge(sum, &info->shared->envs[i].errors);
    }
    used = atomic_load_explicit(&sum->used, memory_order_relaxed);
    qsort(sum->entries, used, sizeof(sum->entries[0]), compare_prefixes);
    for (i = 0; i < used; i++) {
        buf_must_printf(info->out, "errorstat_%s:count=%llu\r\n",
                        sum->entries[i].prefix,
                        (unsigned long long)get(&sum->entries[i].count));
    }
    mem_free(sum);
}

enum { PERCENTILES_MAX = 16 };

void
info_latencystats(struct info *info)
{
    double percents[PERCENTILES_MAX];
    uint32_t count =
        settings_percentiles(info->shared->settings, percents, PERCENTILES_MAX);
    struct histogram *sum;
    uint32_t i, j;

    if (settings_int(info->shared->settings, SETTING_LATENCY_TRACKING) == 0) {
        return;
    }
    sum = mem_must(sizeof(*sum));
    for (i = 0; i < cmd_count(); i++) {
        histogram_reset(sum);
        for (j = 0; j < info->shared->worker_count; j++) {
            const struct cmd_stats *stats = &info->shared->envs[j].stats[i];
            const struct histogram *latency =
                atomic_load_explicit(&stats->latency, memory_order_acquire);

            if (latency != NULL) histogram_merge(sum, latency);
        }
        if (histogram_total(sum) == 0) continue;
        buf_must_printf(info->out,
                        "latency_percentiles_usec_%s:", cmd_at(i)->name);
        for (j = 0; j < count; j++) {
            buf_must_printf(info->out, "%sp%.10g=%.3f", j > 0 ? "," : "",
                            percents[j],
                            (double)histogram_percentile(sum, percents[j]));
        }
        buf_must_add(info->out, "\r\n", 2);
    }
    mem_free(sum);
}
