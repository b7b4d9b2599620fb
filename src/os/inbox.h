/*
 * inbox.h - what other threads leave for a worker: node messages and accepted
 * connections. Bounded; an eventfd wakes the owner.
 *
 * Any thread puts, the owner alone takes. The lock is held for some stores.
 */
#ifndef OS_INBOX_H
#define OS_INBOX_H

#include "base/lock.h"
#include "node/node.h"
#include "os/socket.h"

enum {
    INBOX_MESSAGES_MAX = 64 * 1024,
    INBOX_ARRIVALS_MAX = 256, /* more are served where they were accepted */
};

struct arrival {
    int fd;
    const struct socket_listener *listener;
    union socket_end peer;
};

struct inbox {
    int event_fd; /* readable when there may be something */
    struct lock lock;
    bool is_closed;
    bool is_signalled;             /* event_fd was written and not yet read */
    struct message *first, **last; /* chained by message_link */
    uint32_t message_count;
    uint32_t arrival_count;
    struct arrival arrivals[INBOX_ARRIVALS_MAX];
};

/* What the owner takes in one go. */
struct inbox_load {
    struct message *first;
    uint32_t arrival_count;
    struct arrival arrivals[INBOX_ARRIVALS_MAX];
};

WARN_UNUSED int inbox_init(struct inbox *inbox);
/* Takes nothing any more; frees and closes what lies there. */
void inbox_close(struct inbox *inbox);
void inbox_deinit(struct inbox *inbox);
/* False: full or closed; the caller keeps it. */
bool inbox_put_message(struct inbox *inbox, struct message *message);
bool inbox_put_arrival(struct inbox *inbox, const struct arrival *arrival);
/* Wakes the owner without leaving anything. */
void inbox_ring(struct inbox *inbox);
void inbox_take(struct inbox *inbox, struct inbox_load *load);

#endif
