/*
 * server.h - one server process: from settings to serving and back.
 *
 *   server_configure   files and command line into settings
 *   server_run         process set-up, identity, node, listeners, loop
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "base/buf.h"
#include "config/settings.h"
#include "server/options.h"

enum server_exit {
    SERVER_OK = 0,
    SERVER_FAILED = 1,
    SERVER_BAD_CONFIG = 2,
};

/* Loads all files, then the directives of the command line; appends problems,
 * a line each, and returns how many. */
uint32_t server_configure(struct settings *settings,
                          const struct options *options, struct buf *problems);
/* Serves until stopped. An exit code; what went wrong is in the log, or on
 * standard error where there is no log yet. */
int server_run(struct settings *settings, const struct options *options);

#endif
