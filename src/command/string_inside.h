/*
 * string_inside.h - what the files of the string family share.
 */
#ifndef COMMAND_STRING_INSIDE_H
#define COMMAND_STRING_INSIDE_H

#include "command/command.h"

/* The text of an object, or nil for NULL. */
void string_reply(struct cmd_call *call, const struct object *object);
/* Stores a string; an EXPIRE_AT in the past deletes the key instead. False
 * and -OOM without memory. */
bool string_put(struct cmd_call *call, const struct store_key *key,
                struct bytes value, enum store_expire expire,
                int64_t expire_ms);
/* Takes reply bytes start .. end back: an error follows them. */
void string_drop_reply(struct reply *reply, size_t start, size_t end);

/* ---- handlers in string_edit.c ---- */
void string_incr(struct cmd_call *call);
void string_decr(struct cmd_call *call);
void string_incrby(struct cmd_call *call);
void string_decrby(struct cmd_call *call);
void string_incrbyfloat(struct cmd_call *call);
void string_append(struct cmd_call *call);
void string_setrange(struct cmd_call *call);
void string_getrange(struct cmd_call *call);
void string_strlen(struct cmd_call *call);

#endif
