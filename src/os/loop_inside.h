/*
 * loop_inside.h - what the loop's files share; nobody else includes it.
 *
 *   loop.c    threads, start and stop, ticks, what is shared
 *   turn.c    one turn of a worker: wait, then events by kind
 *   conn.c    one connection: receive, run, send, close
 *   batch.c   the same for all readable connections of a turn at once
 *   peer.c    connections to other nodes: accepted, called, sent, closed
 */
#ifndef OS_LOOP_INSIDE_H
#define OS_LOOP_INSIDE_H

#include "os/inbox.h"
#include "os/loop.h"
#include "os/resolver.h"

#include <pthread.h>

enum {
    LOOP_EVENTS_MAX = 256,
    LOOP_INPUT_BYTES = 64 * 1024, /* one receive; the buffer is shared */
    LOOP_BULK_BYTES = 8 * 1024,
    LOOP_ROUNDS_MAX = 4,          /* receives of one large value in a turn */
    LOOP_ACCEPTS_MAX = 64,        /* connections accepted in a row */
    LOOP_PEER_BYTES = 256 * 1024, /* one receive from another node */
    LOOP_CONNECT_MS = 1000,       /* for each address of a node */
    LOOP_LOOKUP_MS = 10 * 1000,   /* for its name */
    LOOP_KEEPALIVE_S = 300,       /* until loops_keepalive says otherwise */
    LOOP_TICK_MS = 100,
    LOOP_FLUSH_MS = 2000,     /* how long a stop waits for slow readers */
    LOOP_COMPLAINT_MS = 5000, /* between two lines about the same trouble */
};

enum source_type {
    SOURCE_LISTENER,
    SOURCE_INBOX,
    SOURCE_SIGNALS,
    SOURCE_CONN,
    SOURCE_PEER,
};

/* What epoll's data points to. */
struct source {
    enum source_type type;
    int fd;
};

struct conn {
    struct source source;     /* first: a source that is one of these */
    uint32_t interest;        /* what epoll watches */
    struct session *session;  /* NULL once closed */
    struct conn *next, *prev; /* all of the worker */
    struct conn *next_woken, *next_dead;
    bool is_woken;
    bool is_full;  /* the socket took less than it was given */
    bool is_ended; /* the peer sends no more; it may still be reading */
    bool is_bulky; /* its last request or reply was large: no use in a batch */
    /* batch.c: taken from the session, not yet by the socket; owned */
    char *pending;
    size_t pending_at, pending_bytes;
};

/* peer.c has the picture */
enum peer_state { PEER_LOOKING, PEER_CONNECTING, PEER_OPEN, PEER_FAILED };

struct peer {
    struct source source; /* first; fd -1: none yet */
    enum peer_state state;
    uint32_t interest;        /* what epoll watches */
    struct link *link;        /* NULL once closed */
    struct peer *next, *prev; /* all of the worker */
    struct peer *next_woken, *next_dead;
    bool is_woken;
    bool is_full;    /* the socket took less than it was given */
    int64_t late_ms; /* not yet OPEN by then: the next address, or failed */
    uint64_t ticket; /* of its look-up */
    union socket_end ends[RESOLVER_ENDS_MAX];
    uint32_t end_count, end_at;
};

struct listening {
    struct source source; /* first */
    struct socket_listener listener;
};

struct batch;

struct loop {
    struct loops *all;
    uint32_t index;
    struct worker *worker;
    int epoll_fd;
    bool is_busy;          /* the last wait brought something */
    bool is_listening;     /* the listeners are in the epoll set */
    int64_t complained_ms; /* about connections that can't be accepted */
    bool is_stopping;
    int64_t now_ms, next_tick_ms, stop_by_ms;
    struct source inbox_source, signal_source;
    struct conn *conns, *woken, *dead;
    struct peer *peers, *woken_peers, *dead_peers;
    bool has_failed_peers;
    bool is_over; /* no peer any more */
    uint64_t last_ticket;
    int64_t resolver_complained_ms;
    char *peer_input;    /* LOOP_PEER_BYTES; NULL until it is needed */
    struct batch *batch; /* NULL: one system call each */
    char *input;         /* LOOP_INPUT_BYTES */
    struct inbox_load *load;
    pthread_t thread;
    /* on their way included */
    _Alignas(64) _Atomic uint32_t conn_count, peer_count;
    struct inbox inbox;
};

struct loops {
    uint32_t worker_count, listening_count;
    bool has_batches; /* batch.c is used */
    struct loop_hooks hooks;
    struct node *node;
    struct resolver *resolver;
    _Atomic int64_t keepalive_s;
    _Atomic bool is_stopping;
    _Atomic uint64_t rss_bytes;
    struct listening listening[SOCKET_LISTENERS_MAX];
    struct loop *loops; /* worker_count */
};

/* ---- turn.c ---- */
/* Adds or removes the listeners. */
void turn_listen(struct loop *loop, bool is_on);
void turn_run(struct loop *loop);

/* ---- conn.c ---- */
void conn_open(struct loop *loop, const struct arrival *arrival);
/* Receives and runs what is there. */
void conn_readable(struct loop *loop, struct conn *conn);
void conn_writable(struct loop *loop, struct conn *conn);
/* Goes on with what the session kept; sends. */
void conn_continue(struct loop *loop, struct conn *conn);
/* Sends what there is, once. False: the connection is gone, and closed. */
bool conn_flush(struct loop *loop, struct conn *conn);
/* Bytes that the session counts as sent and the socket did not take. */
void conn_keep(struct conn *conn, struct bytes rest);
/* After anything happened: closes if that is due, else sets what epoll
 * watches. False: closed. */
bool conn_settle(struct loop *loop, struct conn *conn);
void conn_close(struct loop *loop, struct conn *conn);
/* Frees what was closed in this turn: epoll may have named it until now. */
void conn_bury(struct loop *loop);

/* ---- peer.c ---- */
/* A connection that came to the bus: for this worker. */
void peer_accept(struct loop *loop, const struct arrival *arrival);
void peer_event(struct loop *loop, struct peer *peer, uint32_t events);
/* What the resolver has found. */
void peer_answers(struct loop *loop);
/* Tells the node of connections that could not be made. */
void peer_close_failed(struct loop *loop);
/* Sends what links have, closes those that are broken. */
void peer_flush_woken(struct loop *loop);
void peer_tick(struct loop *loop);
/* The end: no new ones from here on. */
void peer_close_all(struct loop *loop);
void peer_bury(struct loop *loop);

#endif
