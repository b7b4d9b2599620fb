/*
 * packed.h - a transaction as one command with keys of its own (KULA.EXEC), so
 * that it can be sent, kept and run as a whole like any other:
 *
 *     kula.exec databases watched {database key version}
 *               commands {how many arguments, argument ...}
 *
 * databases: a decimal mask of those that its keys may be in. Numbers are
 * decimal text. Clients can't send it.
 */
#ifndef COMMAND_PACKED_H
#define COMMAND_PACKED_H

#include "command/command.h"

enum packed_kind {
    PACKED_WHOLE, /* has keys, and nothing that looks beyond them */
    PACKED_HERE,  /* no keys at all */
    PACKED_MIXED, /* commands over all keys, or that change the client */
};

/* What the client has queued, which is neither tainted nor empty of MULTI. */
enum packed_kind packed_kind(const struct client *client);
uint32_t packed_count(const struct client *client); /* queued commands */
/* Command `at`, borrowed until the queue is freed. */
const struct bytes *packed_at(const struct client *client, uint32_t at,
                              const struct cmd_spec **spec,
                              uint32_t *arg_count);

/* Its arguments. They borrow from the client's queue and from *numbers. Both
 * are the caller's to free with mem_free. */
struct bytes *packed_make(const struct client *client, uint32_t *arg_count,
                          char **numbers);
/* The client is out of MULTI; its database is what the last SELECT said. */
void packed_leave(struct client *client);

void packed_run(struct cmd_call *call);
int32_t packed_find_keys(const struct bytes *args, uint32_t arg_count,
                         uint32_t *at);

/* Databases, as a mask, that the keys a command names may be changed in. */
uint32_t packed_dbs(const struct cmd_call *call);

#endif
