/*
 * LATENCY HISTOGRAM: how many calls took at most so many microseconds, by
 * powers of two from 1.024 us on, cumulative.
 */
#include "command/admin.h"

#include "base/memory.h"

enum { LEVELS = 21 };

/* What Redis shows as the name of a level: the largest number of microseconds
 * that its own histogram counts into it. */
static uint64_t
level_us(uint32_t level)
{
    uint64_t top_ns = ((uint64_t)1024 << level) + ((uint64_t)8 << level) - 1;

    return level + 1 < LEVELS ? top_ns / 1000 : 1073741;
}

/* Sums one command over the workers; the number of calls. */
static uint64_t
gather(const struct cmd_shared *shared, const struct cmd_spec *spec,
       struct histogram *sum)
{
    uint64_t calls = 0;
    uint32_t i;

    histogram_reset(sum);
    for (i = 0; i < shared->worker_count; i++) {
        const struct cmd_stats *stats = &shared->envs[i].stats[spec->index];
        const struct histogram *latency =
            atomic_load_explicit(&stats->latency, memory_order_acquire);

        calls += atomic_load_explicit(&stats->calls, memory_order_relaxed);
        if (latency != NULL) histogram_merge(sum, latency);
    }
    return calls;
}

static bool
reply_one(struct cmd_call *call, const struct cmd_spec *spec,
          struct histogram *sum)
{
    uint64_t calls = gather(call->env->shared, spec, sum), seen = 0, told = 0;
    uint32_t level, bucket = 0;
    int64_t pairs = 0;
    size_t place;

    if (calls == 0 || histogram_total(sum) == 0) return false;
    reply_bulk_str(call->reply, spec->name);
    reply_map(call->reply, 2);
    admin_pair_int(call->reply, "calls", (int64_t)histogram_total(sum));
    reply_bulk_str(call->reply, "histogram_usec");
    place = reply_defer(call->reply);
    for (level = 0; level < LEVELS; level++) {
        uint64_t top = level + 1 < LEVELS ? level_us(level) : UINT64_MAX;

        while (bucket < HISTOGRAM_BUCKETS && histogram_top(bucket) <= top) {
            seen += atomic_load_explicit(&sum->counts[bucket++],
                                         memory_order_relaxed);
        }
        if (seen == told) continue;
        reply_int(call->reply, (int64_t)level_us(level));
        reply_int(call->reply, (int64_t)seen);
        told = seen;
        pairs++;
    }
    reply_set_map(call->reply, place, pairs);
    return true;
}

/* LATENCY HISTOGRAM [command ...] */
void
admin_latency_histogram(struct cmd_call *call)
{
    size_t place = reply_defer(call->reply);
    struct histogram *sum = mem_must(sizeof(*sum));
    int64_t pairs = 0;
    uint32_t at, i;

    for (i = 0; call->arg_count == 2 && i < cmd_count(); i++) {
        pairs += reply_one(call, cmd_at(i), sum);
    }
    for (at = 2; at < call->arg_count; at++) {
        const struct cmd_spec *named = cmd_find_name(call->args[at]);

        if (named == NULL) continue;
        if (!(named->flags & CMD_SUBCOMMANDS)) {
            pairs += reply_one(call, named, sum);
            continue;
        }
        for (i = 0; i < cmd_count(); i++) {
            const struct cmd_spec *spec = cmd_at(i);

            if (spec == named || spec->parent == named) {
                pairs += reply_one(call, spec, sum);
            }
        }
    }
    mem_free(sum);
    reply_set_map(call->reply, place, pairs);
}
