/*
 * error_stats.h - how often each kind of error was answered: INFO errorstats.
 *
 * One table per worker, written by that worker alone. A prefix is the first
 * word of an error without its '-': "ERR", "WRONGTYPE". Any thread may read:
 * entries are only appended, and their number is published after the name.
 */
#ifndef COMMAND_ERROR_STATS_H
#define COMMAND_ERROR_STATS_H

#include "base/bytes.h"

#include <stdatomic.h>

enum {
    ERROR_STATS_MAX = 128, /* further prefixes are not counted */
    ERROR_PREFIX_MAX = 31  /* longer ones are cut */
};

struct error_stat {
    char prefix[ERROR_PREFIX_MAX + 1]; /* set once, terminated */
    _Atomic uint64_t count;
};

struct error_stats {
    struct error_stat entries[ERROR_STATS_MAX];
    _Atomic uint32_t used;
};

/* By the owning worker. `prefix` may be the whole error text: what follows
 * the first space, and a leading '-', are left out. */
void error_stats_note(struct error_stats *stats, struct bytes prefix);
/* Adds the counts of `from`; `into` belongs to the caller. */
void error_stats_merge(struct error_stats *into,
                       const struct error_stats *from);
/* Sets all counts to 0 (names stay); may lose a concurrent count. */
void error_stats_reset(struct error_stats *stats);

#endif
