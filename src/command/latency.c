/*
 * Spikes by event, and LATENCY's view of the histograms that cmd_run keeps.
 */
#include "command/latency.h"

#include "base/lock.h"
#include "base/memory.h"
#include "command/admin.h"

#include <stdio.h>

struct sample {
    int64_t wall_s;
    uint64_t ms;
};

struct event {
    char name[LATENCY_NAME_MAX + 1];
    uint64_t worst_ms;                          /* ever, or since the reset */
    uint32_t next;                              /* where the next sample goes */
    struct sample samples[LATENCY_SAMPLES_MAX]; /* wall_s 0: unused */
};

struct latency {
    struct lock lock;
    uint32_t count;
    struct event *events[LATENCY_EVENTS_MAX]; /* owned */
};

struct latency *
latency_new(void)
{
    return mem_must_zero(sizeof(struct latency));
}

void
latency_free(struct latency *latency)
{
    uint32_t i;

    if (latency == NULL) return;
    for (i = 0; i < latency->count; i++)
        mem_free(latency->events[i]);
    mem_free(latency);
}

static struct event *
find_event(struct latency *latency, struct bytes name)
{
    uint32_t i;

    for (i = 0; i < latency->count; i++) {
        if (bytes_equal(bytes_str(latency->events[i]->name), name)) {
            return latency->events[i];
        }
    }
    return NULL;
}

static struct event *
add_event(struct latency *latency, const char *name)
{
    struct event *event;

    if (latency->count == LATENCY_EVENTS_MAX) return NULL;
    event = mem_must_zero(sizeof(*event));
    (void)snprintf(event->name, sizeof(event->name), "%s", name);
    latency->events[latency->count++] = event;
    return event;
}

static struct sample *
last_sample(struct event *event)
{
    return &event->samples[(event->next + LATENCY_SAMPLES_MAX - 1) %
                           LATENCY_SAMPLES_MAX];
}

static void
add_sample(struct event *event, uint64_t ms, int64_t wall_s)
{
    struct sample *last = last_sample(event);

    if (ms > event->worst_ms) event->worst_ms = ms;
    if (last->wall_s == wall_s) { /* one per second: the worst */
        if (ms > last->ms) last->ms = ms;
        return;
    }
    event->samples[event->next] = (struct sample){wall_s, ms};
    event->next = (event->next + 1) % LATENCY_SAMPLES_MAX;
}

void
latency_note(struct cmd_shared *shared, const char *name, uint64_t duration_ms,
             int64_t wall_ms)
{
    struct latency *latency = shared->latency;
    int64_t threshold_ms =
        settings_int(shared->settings, SETTING_LATENCY_MONITOR_THRESHOLD);
    struct event *event;

    if (threshold_ms <= 0 || duration_ms < (uint64_t)threshold_ms) return;
    if (latency == NULL) return;
    lock_take(&latency->lock);
    event = find_event(latency, bytes_str(name));
    if (event == NULL) event = add_event(latency, name);
    if (event != NULL) add_sample(event, duration_ms, wall_ms / 1000);
    lock_drop(&latency->lock);
}

void
latency_note_call(struct cmd_call *call, uint64_t duration_us)
{
    if (LIKELY(duration_us < 1000)) return;
    latency_note(call->env->shared,
                 call->spec->flags & CMD_FAST ? "fast-command" : "command",
                 duration_us / 1000, call->wall_ms);
}

/* LATENCY LATEST */
void
admin_latency_latest(struct cmd_call *call)
{
    struct latency *latency = call->env->shared->latency;
    uint32_t i;

    lock_take(&latency->lock);
    reply_array(call->reply, latency->count);
    for (i = 0; i < latency->count; i++) {
        struct event *event = latency->events[i];

        reply_array(call->reply, 4);
        reply_bulk_str(call->reply, event->name);
        reply_int(call->reply, last_sample(event)->wall_s);
        reply_int(call->reply, (int64_t)last_sample(event)->ms);
        reply_int(call->reply, (int64_t)event->worst_ms);
    }
    lock_drop(&latency->lock);
}

/* LATENCY HISTORY event */
void
admin_latency_history(struct cmd_call *call)
{
    struct latency *latency = call->env->shared->latency;
    size_t place = reply_defer(call->reply);
    const struct event *event;
    int64_t count = 0;
    uint32_t i;

    lock_take(&latency->lock);
    event = find_event(latency, call->args[2]);
    for (i = 0; event != NULL && i < LATENCY_SAMPLES_MAX; i++) {
        const struct sample *sample =
            &event->samples[(event->next + i) % LATENCY_SAMPLES_MAX];

        if (sample->wall_s == 0) continue;
        reply_array(call->reply, 2);
        reply_int(call->reply, sample->wall_s);
        reply_int(call->reply, (int64_t)sample->ms);
        count++;
    }
    lock_drop(&latency->lock);
    reply_set_array(call->reply, place, count);
}

static bool
is_named(const struct cmd_call *call, const struct event *event)
{
    uint32_t at;

    if (call->arg_count == 2) return true;
    for (at = 2; at < call->arg_count; at++) {
        if (bytes_equal(call->args[at], bytes_str(event->name))) return true;
    }
    return false;
}

/* LATENCY RESET [event ...] */
void
admin_latency_reset(struct cmd_call *call)
{
    struct latency *latency = call->env->shared->latency;
    uint32_t kept = 0, removed = 0, i;

    lock_take(&latency->lock);
    for (i = 0; i < latency->count; i++) {
        if (is_named(call, latency->events[i])) {
            mem_free(latency->events[i]);
            removed++;
        } else {
            latency->events[kept++] = latency->events[i];
        }
    }
    latency->count = kept;
    lock_drop(&latency->lock);
    reply_int(call->reply, removed);
}

/* The head as Redis has it, then a bar per spike, oldest first. */
static void
draw(const struct event *event, int64_t now_s, struct buf *out)
{
    uint64_t low_ms = UINT64_MAX, high_ms = 0;
    uint32_t i;

    for (i = 0; i < LATENCY_SAMPLES_MAX; i++) {
        const struct sample *sample = &event->samples[i];

        if (sample->wall_s == 0) continue;
        if (sample->ms < low_ms) low_ms = sample->ms;
        if (sample->ms > high_ms) high_ms = sample->ms;
    }
    buf_must_printf(
        out, "%s - high %llu ms, low %llu ms (all time high %llu ms)\n",
        event->name, (unsigned long long)high_ms, (unsigned long long)low_ms,
        (unsigned long long)event->worst_ms);
    for (i = 0; i < 80; i++)
        buf_must_add(out, "-", 1);
    buf_must_add(out, "\n", 1);
    for (i = 0; i < LATENCY_SAMPLES_MAX; i++) {
        const struct sample *sample =
            &event->samples[(event->next + i) % LATENCY_SAMPLES_MAX];
        uint64_t bar, j;

        if (sample->wall_s == 0) continue;
        bar = high_ms > 0 ? sample->ms * 50 / high_ms : 0;
        buf_must_printf(out, "%8llds ago |",
                        (long long)(now_s - sample->wall_s));
        for (j = 0; j < bar; j++)
            buf_must_add(out, "#", 1);
        buf_must_printf(out, " %llu ms\n", (unsigned long long)sample->ms);
    }
}

/* LATENCY GRAPH event */
void
admin_latency_graph(struct cmd_call *call)
{
    struct latency *latency = call->env->shared->latency;
    struct buf *out = &call->env->scratch;
    const struct event *event;

    out->used = 0;
    lock_take(&latency->lock);
    event = find_event(latency, call->args[2]);
    if (event != NULL) draw(event, call->wall_ms / 1000, out);
    lock_drop(&latency->lock);
    if (event != NULL) {
        reply_verbatim(call->reply, "txt", buf_bytes(out));
    } else {
        reply_errorf(call->reply, "ERR No samples available for event '%s'",
                     admin_quote(call->args[2]).text);
    }
}

/* LATENCY DOCTOR: the spikes in words. */
void
admin_latency_doctor(struct cmd_call *call)
{
    struct latency *latency = call->env->shared->latency;
    struct buf *out = &call->env->scratch;
    uint32_t i;

    out->used = 0;
    if (settings_int(call->env->shared->settings,
                     SETTING_LATENCY_MONITOR_THRESHOLD) <= 0) {
        buf_must_printf(out, "Latency spikes are not recorded. To record "
                             "those of 100 ms and more: CONFIG SET "
                             "latency-monitor-threshold 100\n");
        reply_verbatim(call->reply, "txt", buf_bytes(out));
        return;
    }
    lock_take(&latency->lock);
    if (latency->count == 0) {
        buf_must_printf(out, "No latency spike has been seen.\n");
    }
    for (i = 0; i < latency->count; i++) {
        struct event *event = latency->events[i];
        uint64_t count = 0, sum = 0;
        uint32_t j;

        for (j = 0; j < LATENCY_SAMPLES_MAX; j++) {
            if (event->samples[j].wall_s == 0) continue;
            count++;
            sum += event->samples[j].ms;
        }
        buf_must_printf(
            out,
            "%u. %s: %llu spikes, mean %llu ms, worst %llu ms, "
            "last %lld s ago.\n",
            i + 1, event->name, (unsigned long long)count,
            (unsigned long long)(count > 0 ? sum / count : 0),
            (unsigned long long)event->worst_ms,
            (long long)(call->wall_ms / 1000 - last_sample(event)->wall_s));
    }
    lock_drop(&latency->lock);
    if (latency->count > 0) {
        buf_must_printf(out, "SLOWLOG GET shows slow commands; INFO "
                             "commandstats shows which are called most.\n");
    }
    reply_verbatim(call->reply, "txt", buf_bytes(out));
}
