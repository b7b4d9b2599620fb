/*
 * resolver.h - looks up host names on a thread of its own, for they may take
 * seconds and workers may not wait.
 *
 * The thread starts with the first name. Bounded: a full queue refuses. All
 * that ask for one name while it is looked up get the one answer, and so do
 * those that ask within RESOLVER_FRESH_MS after it: an asker may have given up
 * on a slow look-up and ask again.
 */
#ifndef OS_RESOLVER_H
#define OS_RESOLVER_H

#include "os/socket.h"

enum {
    RESOLVER_HOST_ROOM = 256,
    RESOLVER_ENDS_MAX = 4, /* addresses of a name that are tried */
    RESOLVER_QUEUE_MAX = 256,
    RESOLVER_FRESH_MS = 3000,
    RESOLVER_RECENT = 16, /* names remembered so long */
};

struct resolver_answer {
    uint64_t ticket; /* the asker's */
    uint32_t count;  /* of ends; 0: none found, `why` says why */
    union socket_end ends[RESOLVER_ENDS_MAX];
    char why[256];
    struct resolver_answer *next;
};

struct resolver;

/* `ring(self, worker)` is called on the resolver's thread when there is an
 * answer for that worker. */
struct resolver *resolver_new(uint32_t worker_count,
                              void (*ring)(void *self, uint32_t worker),
                              void *self);
/* Does not wait for a look-up under way: `ring` is not called any more. */
void resolver_free(struct resolver *resolver); /* NULL is fine */
/* False: the queue is full, the name too long, or there is no thread. */
bool resolver_ask(struct resolver *resolver, uint32_t worker, uint64_t ticket,
                  const char *host, uint16_t port);
/* The worker's answers so far, chained; the caller frees each with mem_free. */
struct resolver_answer *resolver_take(struct resolver *resolver,
                                      uint32_t worker);

#endif
