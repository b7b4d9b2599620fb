/*
 * link.h - one connection to each of the two servers, driven in step.
 */
#ifndef REDIS_COMPAT_LINK_H
#define REDIS_COMPAT_LINK_H

#include "stream.h"

enum side { REFERENCE, OURS, SIDES };

enum { BATCH_MAX = 64 };

struct link {
    int fd;
    bool is_closed; /* by the server */
    struct sink in;
    size_t consumed; /* bytes of `in` that the last exchange returned */
    char id[24];
    char address[32], server_address[32];
};

struct pair {
    bool is_open;
    struct link links[SIDES];
    /* what is queued in a transaction on this connection */
    const struct op **queued;
    uint32_t queued_count, queued_room;
};

/* What one batch brought, borrowed until the pair's next exchange. */
struct replies {
    struct piece items[SIDES][BATCH_MAX];
    uint32_t count[SIDES];
    bool is_late[SIDES];   /* waited for more in vain */
    bool is_broken[SIDES]; /* sent something that is not RESP */
};

/* Dies if a server cannot be reached within five seconds. */
void pair_open(struct pair *pair, const int ports[SIDES]);
void pair_close(struct pair *pair);
/* Appends the op as it goes to one side. */
void pair_encode(const struct pair *pair, enum side side, const struct op *op,
                 struct sink *out);
/* Sends `out` to both and waits until each has answered `want` times, closed,
 * or been silent for `patience_ms`. */
void pair_exchange(struct pair *pair, const struct sink out[SIDES],
                   uint32_t want, int patience_ms, struct replies *replies);
/* One side has closed: gives the other half a second to do so too. */
void pair_settle(struct pair *pair);
/* One command without comparison; the reply of `side`. */
struct piece pair_ask(struct pair *pair, enum side side,
                      const char *const *args, uint32_t count);

#endif
