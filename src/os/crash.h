/*
 * crash.h - a report on the way down: what happened, where, the registers.
 */
#ifndef OS_CRASH_H
#define OS_CRASH_H

#include "base/base.h"

/* Reports on SEGV, BUS, FPE, ILL and ABRT to `fd` and to standard error, then
 * dies of the same signal, so that core files and parents see it. `version`
 * (static) is printed. Once per process. */
void crash_install(int fd, const char *version);
/* A stack of its own for the calling thread's handler, so that overflows are
 * reported too; taken away again before the thread ends. */
void crash_thread_begin(void);
void crash_thread_end(void);

#endif
