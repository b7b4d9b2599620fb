/*
 * info.h - what INFO needs besides its command.
 */
#ifndef COMMAND_INFO_H
#define COMMAND_INFO_H

#include "command/command.h"

#define KULA_REDIS_VERSION "7.2.4" /* the series whose clients we serve */
#ifndef KULA_VERSION
#define KULA_VERSION "0.1.0"
#endif

/* Every 100 ms, by worker 0: takes the samples of the instantaneous figures.
 */
void info_sample(struct cmd_shared *shared, int64_t now_ms);

/* Sums over all workers. */
uint64_t info_clients(const struct cmd_shared *shared);

/* What lives: all blocks, without the parts of the store's heap that hold no
 * object. The process is larger by what its allocators keep. */
uint64_t info_used_bytes(const struct cmd_shared *shared);

struct info_memory {
    uint64_t limited_bytes; /* what is compared with maxmemory */
    uint64_t used_bytes, peak_bytes, startup_bytes, dataset_bytes;
    uint64_t overhead_bytes, rss_bytes, clients_bytes;
    uint64_t allocated_bytes, active_bytes, resident_bytes;
    uint64_t keys;
};
void info_memory(const struct cmd_shared *shared, struct info_memory *memory);
/* "1.39M", as Redis writes sizes for people. */
void info_human(char out[24], uint64_t bytes);

#endif
