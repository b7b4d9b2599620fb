/*
 * loop.h - drives a node: one thread per worker, each with its own epoll.
 *
 * Knows sockets, time and threads, not commands. All workers wait on the same
 * listeners; the one that accepts hands the connection to the worker with the
 * fewest. The calling thread is worker 0, which also reads signals and gives
 * the process its ticks.
 */
#ifndef OS_LOOP_H
#define OS_LOOP_H

#include "node/node.h"
#include "os/socket.h"

enum { LOOP_WORKERS_MAX = 64 };

struct loops;

/* Called on worker 0's thread. */
struct loop_hooks {
    void (*signalled)(void *self, int number);
    /* every 100 ms: returns the resident memory, 0 if unknown */
    uint64_t (*ticked)(void *self);
    void *self;
};

/* ERR_SYSTEM when descriptors ran out (errno). The hooks are copied. */
WARN_UNUSED int loops_new(struct loops **loops, uint32_t worker_count,
                          const struct loop_hooks *hooks);
void loops_free(struct loops *loops); /* NULL is fine; closes listeners */
/* Takes the listener's descriptor; before loops_run. What comes to one that
 * is_bus is another node. ERR_LIMIT: too many. */
WARN_UNUSED int loops_listen(struct loops *loops,
                             const struct socket_listener *listener);
/* "epoll" or "io_uring": what the workers will use. */
const char *loops_api(const struct loops *loops);
/*
 * Serves until loops_stop; then flushes, closes all sessions and joins the
 * threads. `signal_fd` gives signals (signals.h). ERR_SYSTEM: a thread could
 * not be started; errno says why.
 */
WARN_UNUSED int loops_run(struct loops *loops, struct node *node,
                          int signal_fd);
/* A graceful stop; any thread, repeated calls are fine. */
void loops_stop(struct loops *loops);
/* tcp-keepalive of connections to come, both ways; any thread. */
void loops_keepalive(struct loops *loops, int64_t seconds);

/* For struct node_effects. */
bool loops_post(struct loops *loops, uint32_t to, struct message *message);
void loops_wake(struct loops *loops, uint32_t worker, struct session *session);
/* On the worker's own thread, as its effects are. */
void loops_bus_connect(struct loops *loops, uint32_t worker, struct link *link,
                       const char *host, uint16_t port);
void loops_bus_wake(struct loops *loops, uint32_t worker, struct link *link);

#endif
