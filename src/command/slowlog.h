/*
 * slowlog.h - the last slow commands, for SLOWLOG.
 *
 * One per node, shared by its workers, with a lock of its own that is taken
 * only when a command was slow or somebody looks. An entry is bounded: at most
 * 32 arguments of at most 128 bytes, the rest is described. The number of
 * entries is bounded by slowlog-max-len.
 */
#ifndef COMMAND_SLOWLOG_H
#define COMMAND_SLOWLOG_H

#include "command/command.h"

struct slowlog;

struct slowlog *slowlog_new(void);
void slowlog_free(struct slowlog *slowlog); /* NULL is fine */

/*
 * After every command: keeps it if it took at least slowlog-log-slower-than
 * microseconds (negative: never) and its flags don't forbid it. The call's
 * arguments are copied. Cheap when the command was fast.
 */
void slowlog_note(struct cmd_call *call, uint64_t duration_us);

#endif
