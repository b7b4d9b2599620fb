/*
 * stream.h - draws the commands of one epoch from the grammar.
 *
 * An epoch is a few thousand commands over a handful of connections, starting
 * with empty servers. It depends on nothing but its seed, so it can be drawn
 * again to replay what it found.
 */
#ifndef REDIS_COMPAT_STREAM_H
#define REDIS_COMPAT_STREAM_H

#include "grammar.h"
#include "words.h"

enum {
    CONNS_STEADY = 4, /* live as long as the epoch */
    CONNS_FRESH = 4,  /* live as long as one form */
    CONNS = CONNS_STEADY + CONNS_FRESH
};

struct op {
    struct row *row;
    const struct step *step;
    struct word *args;
    uint32_t count;
    struct word *reference; /* what the reference gets; NULL: args */
    uint32_t reference_count;
    uint32_t conn;
    uint32_t group; /* ops of one form stay together */
    bool is_inline;
    bool is_group_end; /* the fresh connections are closed */
};

struct stream {
    struct op *ops;
    uint32_t count;
};

/* At least `count` ops (the last form may add a few). */
void stream_draw(struct stream *stream, const struct grammar *grammar,
                 struct arena *arena, uint64_t seed, uint32_t count);

#endif
