/*
 * info_stats.h - the sections of INFO with a line per command or error.
 */
#ifndef COMMAND_INFO_STATS_H
#define COMMAND_INFO_STATS_H

#include "command/command.h"

/* One INFO being written. */
struct info {
    struct cmd_call *call;
    const struct cmd_shared *shared;
    struct buf *out;
};

void info_commandstats(struct info *info);
void info_errorstats(struct info *info);
void info_latencystats(struct info *info);

#endif
