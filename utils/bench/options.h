/*
 * options.h - the command line of kula-load.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "keys.h"
#include "wire.h"

#include <stdbool.h>
#include <stdint.h>

struct options {
    const char *host;      /* a numeric address */
    const char *unix_path; /* instead of host and port; may be NULL */
    uint32_t port;
    enum wire_protocol protocol;
    uint32_t server_pid; /* whose processor time is measured; 0: nobody's */
    int32_t cpu;         /* core of the generator; -1: any */
    uint32_t connection_count;
    uint32_t pipeline;
    struct keys_spec keys;
    uint32_t value_bytes_min, value_bytes_max;
    uint32_t get_percent;
    bool is_cache_aside;
    bool preloads;
    bool verifies;
    bool is_json;
    uint64_t request_count; /* 0: no limit */
    double seconds;         /* 0: no limit */
    double warmup_seconds;
    uint64_t rate;
};

enum options_verdict {
    OPTIONS_RUN,
    OPTIONS_HELP,  /* printed; nothing else to do */
    OPTIONS_WRONG, /* said so on stderr */
};

enum options_verdict options_parse(struct options *options, int argc,
                                   char **argv);

#endif
