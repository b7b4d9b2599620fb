/*
 * usage.h - processor time that a process has used.
 *
 * The total comes from the scheduler's own count of every thread, exact to
 * the nanosecond; the split into user and system from the process's ticks of
 * 10 ms, so that one needs a second or more of work.
 */
#ifndef BENCH_USAGE_H
#define BENCH_USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct usage {
    uint64_t total_ns;
    uint64_t user_ticks, system_ticks;
};

struct usage_split {
    double total_ns, user_ns, system_ns;
};

/* What `pid` has used since it started; false if it cannot be read. */
bool usage_read(pid_t pid, struct usage *usage);

/* What was used between two readings. */
struct usage_split usage_between(const struct usage *from,
                                 const struct usage *to);

#endif
