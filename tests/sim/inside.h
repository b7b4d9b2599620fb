/*
 * inside.h - what the files of the world share.
 */
#ifndef SIM_INSIDE_H
#define SIM_INSIDE_H

#include "sim/sim.h"

enum { CALL_CONNS = 9, TICK_MS = 100, FILES = 2, WORKERS_MAX = 4 };

#define START_WALL_MS INT64_C(1790000000000)
#define BUS_PORT 16379

enum event_type {
    EVENT_INPUT,  /* bytes reach a node */
    EVENT_OUTPUT, /* bytes reach a client */
    EVENT_TICK,
    EVENT_MESSAGE, /* between workers */
    EVENT_WAKE,    /* a session wants to be looked at */
    EVENT_TURN,    /* a worker's deadline */
    EVENT_CALL,
    EVENT_BUS_CONNECT, /* a host hears of a new connection */
    EVENT_BUS_ACCEPT,  /* and its process */
    EVENT_BUS_STANDS,  /* the caller learns that it stands */
    EVENT_BUS_ARRIVES, /* bytes, or an end, at one side */
    EVENT_BUS_PUMP,    /* a side has room to send again */
    EVENT_BUS_STALL,   /* has it stood still for too long? */
};

struct event {
    int64_t at_ms;
    uint64_t order; /* ties: first created first */
    enum event_type type;
    uint32_t node, worker;
    uint32_t side;    /* EVENT_BUS_*: which end it is for */
    uint64_t life;    /* of the node; an event of an earlier one is dropped */
    uint64_t conn_id; /* not a pointer: it may be gone by then */
    struct buf bytes; /* owned */
    struct message *message;
    sim_on_time *call;
    void *context;
};

struct sim_conn {
    uint64_t id; /* 0: free */
    uint32_t node, worker;
    struct session *session; /* NULL: the node has closed it */
    bool is_waiting;         /* the node is paused: not accepted yet */
    int64_t delay_ms;
    int64_t last_in_ms, last_out_ms; /* order is kept */
    bool is_held;
    void *context;
    sim_on_executed *on_executed;
    sim_on_bytes *on_bytes;
};

struct sim_worker {
    int64_t deadline_ms; /* an EVENT_TURN is on its way for then; 0: none */
    uint64_t *woken;     /* owned; ids of bus sides with something to send */
    uint32_t woken_count, woken_room;
};

struct sim_node {
    struct sim *sim;
    struct node *node; /* NULL: not started, or crashed */
    struct settings *settings;
    struct sim_worker workers[WORKERS_MAX];
    uint64_t life; /* counts starts */
    int64_t offset_ms, drift_ppm;
    int64_t paused_until_ms;
    uint32_t index;
    bool is_down;     /* it wants to be shut down */
    bool is_crashing; /* its effects go nowhere */
    bool is_lost;     /* down, and its host answers nobody */
    struct node_id id;
    bool has_id;
    uint8_t hash_seed[32];
    struct buf files[FILES]; /* owned; what `save` wrote */
};

/* The turn of a worker that is not over yet. */
struct sim_turn {
    bool is_open;
    uint32_t node, worker;
    int64_t at_ms;
};

struct caller { /* of sim_call */
    struct sim_conn *conn;
    struct buf got;
};

struct net; /* net.c */

struct sim {
    struct sim_config config;
    struct rng rng;
    int64_t now_ms;
    uint64_t next_order, conn_count;
    struct event *heap; /* owned; a binary heap */
    size_t heap_count, heap_room;
    struct sim_node nodes[SIM_NODES_MAX];
    struct sim_conn conns[SIM_CONNS_MAX];
    struct caller callers[SIM_NODES_MAX][CALL_CONNS];
    struct net *net; /* NULL without a ring */
    uint64_t trace, events;
    struct sim_turn turn; /* with a ring alone */
    bool is_running, is_noisy;
};

/* sim.c */
void inside_push(struct sim *sim, struct event event);
/* Begins a turn of a node's worker. The node is up. */
struct worker *inside_turn(struct sim *sim, uint32_t node, uint32_t worker);
/* It may end now: links' output is sent, the deadline noted. */
void inside_turn_end(struct sim *sim, uint32_t node, uint32_t worker);
/* All clients' connections of a node that ends. */
void inside_close_all(struct sim *sim, uint32_t node, bool silent);

/* sim_node.c */
void inside_node_init(struct sim *sim, uint32_t index);
void inside_node_deinit(struct sim *sim, uint32_t index);

/* net.c */
void net_new(struct sim *sim);
void net_free(struct sim *sim);
void net_connect(struct sim *sim, uint32_t node, uint32_t worker,
                 struct link *link, const char *host, uint16_t port);
/* The link has output, or is broken: remember it for the turn's end. */
void net_wake(struct sim *sim, uint32_t node, uint32_t worker,
              struct link *link);
void net_flush(struct sim *sim, uint32_t node, uint32_t worker);
void net_event(struct sim *sim, const struct event *event);
/* The node's ends are gone; called before it is freed. */
void net_node_gone(struct sim *sim, uint32_t node, bool silent);

#endif
