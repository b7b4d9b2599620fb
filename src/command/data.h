/*
 * data.h - what the commands over strings, bitmaps, keys and expiry share.
 *
 * These commands only read arguments and change the store; slots are locked
 * by cmd_run, counters of hits and misses by cmd_read and data_read_quietly.
 */
#ifndef COMMAND_DATA_H
#define COMMAND_DATA_H

#include "base/err.h"
#include "command/families.h"

/* Handlers with a file of their own. */
void data_lcs(struct cmd_call *call);
void data_bitfield(struct cmd_call *call);
void data_bitfield_ro(struct cmd_call *call);

void data_syntax_error(struct cmd_call *call);
/* The store had no memory for a write: -OOM. */
void data_no_memory(struct cmd_call *call);
void data_bad_expire_time(struct cmd_call *call);
void data_number_error(struct cmd_call *call);
void data_option_error(struct cmd_call *call, struct bytes option);

/* True if clients may treat the object as a string, else -WRONGTYPE. */
bool data_is_text(struct cmd_call *call, const struct object *object);
/* Notes that a command unpacked the value to write parts of it, and wrote
 * nothing: only OBJECT ENCODING tells. */
void data_mark_raw(struct object *object);
/* As cmd_read, but never warms the key: EXISTS, TTL, TYPE, OBJECT. */
struct object *data_read_quietly(struct cmd_call *call,
                                 const struct store_key *key);

/* The longest value that a command may build. */
int64_t data_max_bytes(const struct cmd_call *call);
/* False and an error if `size` bytes at `offset` would be longer. */
bool data_fits(struct cmd_call *call, int64_t offset, size_t size);

/* A database number, or the errors of COPY and MOVE and false. */
bool data_db_arg(struct cmd_call *call, uint32_t at, uint32_t *db);

enum data_expiry {            /* the four ways to write an expiry */
                   DATA_EX,   /* seconds from now */
                   DATA_PX,   /* milliseconds from now */
                   DATA_EXAT, /* Unix seconds */
                   DATA_PXAT, /* Unix milliseconds */
};

/* For SET and its kin, which take positive times only; *at_ms may be past. */
bool data_expiry_arg(struct cmd_call *call, struct bytes arg,
                     enum data_expiry kind, int64_t *at_ms);
/* Two relative indexes (negative: from the end) into `size` units, clipped;
 * false if nothing is left. */
bool data_clip_range(int64_t *first, int64_t *last, int64_t size);
/* Gives a scratch buffer's memory back if a call made it huge. */
void data_trim_scratch(struct cmd_call *call);

#endif
