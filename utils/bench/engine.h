/*
 * engine.h - drives connections: sends batches, reads replies, counts.
 *
 * One thread, one epoll. A connection sends a batch of `pipeline` requests
 * and the next one when all its replies have come. It does not know options,
 * processes or how results are printed.
 */
#ifndef BENCH_ENGINE_H
#define BENCH_ENGINE_H

#include "hist.h"
#include "keys.h"
#include "wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct engine;

struct engine_spec {
    struct sockaddr_storage address;
    socklen_t address_len;
    enum wire_protocol protocol;
    uint32_t connection_count;
    uint32_t pipeline_max;    /* of all runs */
    uint32_t value_bytes_max; /* of all values sent */
    bool verifies;            /* compare each value that comes */
};

/* One stretch of load: it ends at the first limit that is not 0. */
struct engine_run {
    struct keys *keys;
    uint32_t pipeline;
    uint32_t get_percent;
    uint32_t value_bytes_min, value_bytes_max;
    bool is_cache_aside;    /* a GET that misses is followed by a SET */
    uint64_t request_limit; /* drawn from keys; the SETs after misses not */
    uint64_t time_limit_ns;
    uint64_t rate; /* requests a second over all connections; 0: full speed */
};

struct engine_result {
    uint64_t gets, hits, sets, errors;
    uint64_t scan_gets, scan_hits; /* of gets and hits: those in runs */
    uint64_t mismatches;
    uint64_t value_bytes_sent;
    uint64_t elapsed_ns; /* first request to last reply */
    char first_error[WIRE_LINE_BYTES_MAX];
    struct hist latency; /* with a rate: from when it should have been sent */
};

/* Connects all; NULL with a line on stderr if that fails. */
struct engine *engine_new(const struct engine_spec *spec);
void engine_free(struct engine *engine); /* NULL is fine */

/*
 * Runs until the limit and the last reply. False with a line on stderr if a
 * connection breaks, a reply is no reply or the server says nothing for 10 s.
 */
bool engine_run(struct engine *engine, const struct engine_run *run,
                struct engine_result *result);

#endif
