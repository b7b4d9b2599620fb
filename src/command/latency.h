/*
 * latency.h - spikes by event, for LATENCY, and its histograms.
 *
 * An event is a name ("command", "fast-command", "eviction-cycle"...) with its
 * last 160 spikes, one per second at most, as Redis keeps them. Nothing is
 * recorded while latency-monitor-threshold is 0. One per node; own lock.
 */
#ifndef COMMAND_LATENCY_H
#define COMMAND_LATENCY_H

#include "command/command.h"

enum {
    LATENCY_EVENTS_MAX = 32, /* names beyond that are dropped */
    LATENCY_SAMPLES_MAX = 160,
    LATENCY_NAME_MAX = 31
};

struct latency;

struct latency *latency_new(void);
void latency_free(struct latency *latency); /* NULL is fine */

/* Records a spike, if the threshold asks for it. */
void latency_note(struct cmd_shared *shared, const char *event,
                  uint64_t duration_ms, int64_t wall_ms);
/* After every command: event "fast-command" or "command". Cheap when off. */
void latency_note_call(struct cmd_call *call, uint64_t duration_us);

#endif
