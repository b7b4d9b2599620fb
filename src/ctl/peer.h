/*
 * peer.h - a connection to one node: hiredis, with its failures sorted by exit
 * code.
 */
#ifndef CTL_PEER_H
#define CTL_PEER_H

#include "ctl/ctl.h"

#include <hiredis/hiredis.h>

struct peer {
    redisContext *context; /* owned; NULL: not connected */
    int code;              /* of the last failure; CTL_OK: none */
    char error[CTL_ERROR_MAX];
};

/* Connects, authenticates, selects the database. False: code and error say
 * why. peer_close follows in any case. */
bool peer_open(struct peer *peer, const struct ctl *ctl, const char *host,
               uint16_t port, int64_t timeout_ms);
/* The node that the command line names. */
bool peer_open_first(struct peer *peer, const struct ctl *ctl);
void peer_close(struct peer *peer);
/* The reply, which the caller frees (freeReplyObject). NULL: an error, or an
 * error reply; code and error say which. */
redisReply *peer_call(struct peer *peer, int count, const char **words);

#endif
