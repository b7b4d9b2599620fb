/*
 * log_line.h - one line per event worth an operator's while; never per
 * request. Redis's levels and look: "pid:M 21 Nov 2026 13:00:00.123 * text".
 * The sink is the one global in the pure folders: set once at start.
 */
#ifndef BASE_LOG_LINE_H
#define BASE_LOG_LINE_H

#include "base/base.h"

enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_VERBOSE,
    LOG_LEVEL_NOTICE,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_NOTHING
};

/* Gets complete lines without a line feed; may be called by any thread. */
typedef void log_sink(enum log_level level, const char *text);

void log_set_sink(log_sink *sink); /* NULL: lines are dropped */
void log_set_level(enum log_level level);
void log_line(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
