/*
 * batch.h - receives and sends of many connections in two system calls, where
 * the system has io_uring.
 */
#ifndef OS_BATCH_H
#define OS_BATCH_H

#include "os/loop_inside.h"

enum {
    BATCH_MAX = 128,
    BATCH_LEAST = 3, /* below that plain calls are as cheap */
};

/* False: not built in, or the system has none or forbids it. */
bool batch_is_possible(void);
/* For the calling thread alone; NULL if it is not possible after all. */
struct batch *batch_new(void);
void batch_free(struct batch *batch); /* NULL is fine */
/* A readable connection for this turn; false: full, run first. */
bool batch_add(struct batch *batch, struct conn *conn);
/* Serves those that were added; on the worker's own thread. */
void batch_run(struct loop *loop);

/* The same for sessions that have something to say without having been read:
 * a list by next_woken, of connections that are not closed. */
void batch_run_woken(struct loop *loop, struct conn *first);

#endif
