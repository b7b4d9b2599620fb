/*
 * multi.h - transactions: what is queued between MULTI and EXEC, and what is
 * watched.
 *
 * Queued commands own copies of their arguments. Their bytes and those of
 * watched names are limited by client-query-buffer-limit: a client cannot make
 * the server hold more for it in this way than in its query buffer.
 */
#ifndef COMMAND_MULTI_H
#define COMMAND_MULTI_H

#include "command/command.h"

/* Keeps the command for EXEC and replies QUEUED. */
void multi_queue(struct cmd_call *call);
/* The command was refused: EXEC will abort. Nothing outside MULTI. */
void multi_taint(struct client *client);
/* Ends MULTI: forgets queue and watched keys. For DISCARD, RESET, EXEC. */
void multi_discard(struct client *client);
void multi_unwatch(struct client *client);
/* For CLIENT LIST: -1 outside MULTI, else how many are queued, or in EXEC
 * were; their bytes. */
int64_t multi_count(const struct client *client);
size_t multi_bytes(const struct client *client);
/* All flags of the queued commands, or'ed: enum cmd_flag. */
uint32_t multi_flags(const struct client *client);

void multi_exec(struct cmd_call *call);  /* EXEC, told apart by cmd_run */
void multi_watch(struct cmd_call *call); /* WATCH, likewise by the router */

#endif
