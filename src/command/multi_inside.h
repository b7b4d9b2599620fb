/*
 * multi_inside.h - a transaction's queue, for multi.c and packed.c alone.
 */
#ifndef COMMAND_MULTI_INSIDE_H
#define COMMAND_MULTI_INSIDE_H

#include "command/multi.h"
#include "command/packed.h"

struct queued {
    const struct cmd_spec *spec;
    struct bytes *args; /* owned; their bytes follow in the same block */
    uint32_t arg_count;
};

struct multi_state {
    struct queued *queue; /* owned */
    uint32_t count, room;
    uint32_t flags; /* of all queued commands */
    size_t bytes;   /* of all queued commands */
};

void multi_free(struct multi_state *multi);

#endif
