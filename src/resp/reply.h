/*
 * reply.h - writes RESP2 or RESP3 into a growing buffer.
 *
 * A reply writer is shared by all commands of one turn of a worker. Memory
 * that runs out, or more than `most`, sets `is_broken`: everything after is
 * dropped, and the session closes the client. Handlers never have to check.
 * A single element may be of any size: `most` is looked at before it.
 */
#ifndef RESP_REPLY_H
#define RESP_REPLY_H

#include "base/buf.h"

struct reply {
    struct buf out;
    size_t most;       /* grows no more once so much is written */
    uint8_t proto;     /* 2 or 3: the client's HELLO */
    bool is_broken;    /* memory ran out, or `most` was passed */
    uint32_t errors;   /* error replies written so far; the caller resets */
    size_t last_error; /* offset in out of the last error's '-' */
};

void reply_init(struct reply *reply);
void reply_deinit(struct reply *reply);

/* Room for `more` bytes; false (and is_broken) when there is no memory. */
bool reply_grow(struct reply *reply, size_t more);

static inline bool
reply_room(struct reply *reply, size_t more)
{
    if (LIKELY(reply->out.room - reply->out.used >= more)) return true;
    return reply_grow(reply, more);
}

void reply_raw(struct reply *reply, struct bytes data);
void reply_ok(struct reply *reply);
void reply_status(struct reply *reply, const char *text); /* +text */
/* -message; no CR or LF in it survives. It starts with its prefix: "ERR ...".
 */
void reply_error(struct reply *reply, const char *message);
void reply_errorf(struct reply *reply, const char *format, ...)
    PRINTF_LIKE(2, 3);
void reply_int(struct reply *reply, int64_t value);
void reply_bulk(struct reply *reply, struct bytes data);
void reply_bulk_str(struct reply *reply, const char *text);
void reply_bulk_int(struct reply *reply, int64_t value); /* "$2\r\n42\r\n" */
void reply_bulkf(struct reply *reply, const char *format, ...)
    PRINTF_LIKE(2, 3);
void reply_null(struct reply *reply);       /* $-1 or _ */
void reply_null_array(struct reply *reply); /* *-1 or _ */
void reply_array(struct reply *reply, int64_t count);
void reply_map(struct reply *reply, int64_t pairs);   /* RESP2: array of 2x */
void reply_set(struct reply *reply, int64_t count);   /* RESP2: array */
void reply_push(struct reply *reply, int64_t count);  /* RESP2: array */
void reply_bool(struct reply *reply, bool value);     /* RESP2: :1 or :0 */
void reply_double(struct reply *reply, double value); /* RESP2: bulk */
/* Verbatim string of a three-letter format; RESP2: bulk. */
void reply_verbatim(struct reply *reply, const char *format, struct bytes text);

/*
 * For arrays whose length is known only afterwards: remembers the place, and
 * later puts the header there (moving what was written since).
 */
size_t reply_defer(struct reply *reply);
void reply_set_array(struct reply *reply, size_t place, int64_t count);
void reply_set_map(struct reply *reply, size_t place, int64_t pairs);
void reply_set_set(struct reply *reply, size_t place, int64_t count);

#endif
