/*
 * quorum.h - how many copies a request wants read and written, and what counts
 * as one: as a connection, a prefix of keys, or the whole ring says.
 *
 *     connection (KULA.QUORUM) > longest prefix (KULA.PREFIX) > ring (CONFIG)
 *
 * Each field goes by itself: what one does not say, the next one does.
 */
#ifndef COMMAND_QUORUM_H
#define COMMAND_QUORUM_H

#include "base/bytes.h"

enum { QUORUM_MOST = 8 }; /* copies of a key, at most */

enum quorum_mode { MODE_NOT_SAID, MODE_SLOPPY, MODE_STRICT };

struct quorum {
    uint8_t r, w; /* 0: not said; cut to the slot's owners where it counts */
    uint8_t mode; /* enum quorum_mode */
};

/* "1" .. "8"; else 0. */
uint8_t quorum_parse_count(struct bytes word);
/* "sloppy", "strict", case-insensitive; else MODE_NOT_SAID. */
enum quorum_mode quorum_parse_mode(struct bytes word);
/* "sloppy", "strict" */
const char *quorum_mode_name(enum quorum_mode mode);

/* What `more` says, and what only `less` says. */
static inline struct quorum
quorum_over(struct quorum more, struct quorum less)
{
    return (struct quorum){
        .r = more.r != 0 ? more.r : less.r,
        .w = more.w != 0 ? more.w : less.w,
        .mode = more.mode != MODE_NOT_SAID ? more.mode : less.mode,
    };
}

/* Of two full ones, for a command with keys of both. */
static inline struct quorum
quorum_strictest(struct quorum one, struct quorum other)
{
    return (struct quorum){
        .r = one.r > other.r ? one.r : other.r,
        .w = one.w > other.w ? one.w : other.w,
        .mode = one.mode > other.mode ? one.mode : other.mode,
    };
}

#endif
