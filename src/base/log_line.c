/*
 * The sink adds time, process and level mark: they need a clock, which this
 * folder has not. A line is built on the stack, so that logging works when
 * memory does not.
 */
#include "base/log_line.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

enum { LINE_MAX_BYTES = 1024 }; /* longer ones are cut */

static log_sink *_Atomic sink;
static _Atomic int least_level = LOG_LEVEL_NOTICE;

void
log_set_sink(log_sink *new_sink)
{
    atomic_store_explicit(&sink, new_sink, memory_order_release);
}

void
log_set_level(enum log_level level)
{
    atomic_store_explicit(&least_level, (int)level, memory_order_relaxed);
}

void
log_line(enum log_level level, const char *format, ...)
{
    log_sink *out = atomic_load_explicit(&sink, memory_order_acquire);
    char text[LINE_MAX_BYTES];
    va_list args;
    char *at;

    if (out == NULL) return;
    if ((int)level < atomic_load_explicit(&least_level, memory_order_relaxed)) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    /* a name from a client must not be able to forge a second line */
    for (at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 && *at != '\t') *at = ' ';
    }
    out(level, text);
}
