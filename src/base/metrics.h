/*
 * metrics.h - a worker's counters. Written by their worker alone, read by
 * anybody: no lock, no shared cache line on the request path.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include "base/base.h"

#include <stdatomic.h>

#define METRICS(X)                                                             \
    X(connections_received)                                                    \
    X(connections_rejected)                                                    \
    X(clients_connected) /* now */                                             \
    X(commands_processed)                                                      \
    X(net_input_bytes)                                                         \
    X(net_output_bytes)                                                        \
    X(reads_processed)                                                         \
    X(writes_processed)                                                        \
    X(keyspace_hits)                                                           \
    X(keyspace_misses)                                                         \
    X(error_replies)                                                           \
    X(output_limit_disconnections)                                             \
    X(query_limit_disconnections)                                              \
    X(auth_failures)                                                           \
    X(client_buffers_bytes) /* now */                                          \
    X(recent_input_bytes)   /* largest buffer of one client, lately */         \
    X(recent_output_bytes)  /* likewise */                                     \
    X(turns)

struct metrics {
#define METRICS_FIELD(name) _Atomic uint64_t name;
    METRICS(METRICS_FIELD)
#undef METRICS_FIELD
};

/* For the owning worker: an add without a locked instruction. */
static inline void
metric_add(_Atomic uint64_t *metric, uint64_t delta)
{
    atomic_store_explicit(
        metric, atomic_load_explicit(metric, memory_order_relaxed) + delta,
        memory_order_relaxed);
}

static inline uint64_t
metric_get(const _Atomic uint64_t *metric)
{
    return atomic_load_explicit(metric, memory_order_relaxed);
}

#endif
