/*
 * prepare.h - the steps of a start that concern the process: directory, log,
 * limits, background, listeners. Each says in the log what went wrong.
 */
#ifndef SERVER_PREPARE_H
#define SERVER_PREPARE_H

#include "config/settings.h"
#include "os/loop.h"

/* Before the log is open: to standard error. */
WARN_UNUSED int prepare_directory(struct settings *settings);
WARN_UNUSED int prepare_log(const struct settings *settings);
/* Descriptors for maxclients (lowered with a warning if the system does not
 * give so many), transparent huge pages, OOM score. */
void prepare_limits(struct settings *settings);
/* tcp and unix listeners as `bind`, `port` and `unixsocket` say. Those that
 * were opened belong to `loops`. */
WARN_UNUSED int prepare_listeners(const struct settings *settings,
                                  struct loops *loops);
void prepare_oom_score(const struct settings *settings);
/* maxclients as far as descriptors allow: what is allowed now. */
uint64_t prepare_files(uint64_t max_clients);
/* What depends on the machine and nobody has set: maxmemory (80 % of what the
 * machine or the control group has) and io-threads (one per core). */
void prepare_defaults(struct settings *settings);

#endif
