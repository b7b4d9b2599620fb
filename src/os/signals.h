/*
 * signals.h - signals as bytes in a pipe, read by the first worker's loop.
 */
#ifndef OS_SIGNALS_H
#define OS_SIGNALS_H

#include "base/base.h"

/*
 * Catches TERM, INT, HUP and USR1, ignores PIPE. A second TERM or INT ends
 * the process at once. The descriptor to read, or ERR_SYSTEM. Once per
 * process, before threads start.
 */
int signals_open(void);
/* The next signal's number, 0 if there is none. */
int signals_next(int fd);
/* Blocks all of them in the calling thread, so that the first one serves. */
void signals_block(void);

#endif
