/*
 * sim.h - a world in one process: virtual time, nodes, connections, faults.
 *
 * One heap of events, ordered by time and then by order of creation; the
 * earliest is carried out until none is left or time is up. All randomness
 * comes from one seeded generator, so a seed replays its run to the byte;
 * sim->trace is a hash over everything that anybody saw.
 *
 *   client --bytes, delayed, cut anywhere--> connection --> worker of a node
 *          <--bytes, delayed----------------            <--    |       ^
 *                                                              v  net  |
 *                                                        worker of another
 *
 * A node's world is node.h's: its events are fed from here, its effects come
 * back here. Clocks are per node: offset, drift and jumps against the world's
 * time; monotonic time is the world's.
 *
 *   sim.c       the heap, time, clients' connections
 *   sim_node.c  a node's life: start, crash, pause, clock; its effects, files
 *   net.c       the bus: connections between nodes, partitions, resets
 *   sim_call.c  conversations of stories
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "base/buf.h"
#include "base/rng.h"
#include "node/node.h"
#include "replica/replica.h"

enum { SIM_NODES_MAX = 20, SIM_CONNS_MAX = 256 };

/* A ring of all nodes; sim_config.ring == NULL: each node is alone. */
struct sim_ring {
    uint32_t replicas, read_quorum, write_quorum;
    bool is_strict;
    bool keeps_siblings;     /* conflict-policy */
    uint32_t vnodes;         /* 0: 8 */
    uint32_t seeds;          /* how many nodes, from 0 on, are seeds; 0: all */
    uint32_t started;        /* how many start with the world; 0: all */
    int64_t net_delay_ms;    /* at most, of a link one way; jitter on top */
    uint32_t slow_links;     /* one link in so many has 50 KB/s; 0: none */
    int64_t clock_offset_ms; /* at most, either way */
    int64_t drift_ppm;       /* at most, either way */
    int64_t repair_ms;       /* between rounds of anti-entropy; 0: as built */
};

struct sim_config {
    uint64_t seed;
    uint32_t nodes;
    uint32_t workers;      /* per node */
    uint32_t slots;        /* 0: 64 */
    uint64_t max_bytes;    /* maxmemory of node 0; 0: none */
    const char *policy;    /* maxmemory-policy; NULL: default */
    int64_t delay_most_ms; /* of a client's connection, each way */
    uint32_t cut_one_in;   /* a piece of bytes is cut this often; 0: never */
    const struct sim_ring *ring; /* borrowed, outlives the world */
};

struct sim;
struct sim_conn;

/* Called when bytes for a client arrive; `bytes` is borrowed. No bytes: the
 * node has closed the connection. */
typedef void sim_on_bytes(void *context, struct sim_conn *conn,
                          struct bytes bytes);
/* Called right after the node has executed what it was given: `fresh` is what
 * it replied just now, before any delay. The oracle's moment. */
typedef void sim_on_executed(void *context, struct sim_conn *conn,
                             struct bytes fresh, int64_t wall_ms);

struct sim *sim_new(const struct sim_config *config);
void sim_free(struct sim *sim);

struct rng *sim_rng(struct sim *sim);
int64_t sim_now_ms(const struct sim *sim);
/* The civil time that a node's clock shows. */
int64_t sim_wall_ms(const struct sim *sim, uint32_t node);
struct node *sim_node(struct sim *sim, uint32_t node);
struct store *sim_store(struct sim *sim, uint32_t node);
/* What the node's coordinator and keeper share; NULL: not one of a ring. */
struct replica *sim_replica(struct sim *sim, uint32_t node);
struct members *sim_members(struct sim *sim, uint32_t node);
/* Of node 0; in a ring of all nodes. */
void sim_set_setting(struct sim *sim, enum setting id, const char *value);
uint64_t sim_trace(const struct sim *sim);
void sim_trace_add(struct sim *sim, struct bytes bytes);
uint64_t sim_event_count(const struct sim *sim); /* carried out so far */

/* A connection to a worker; NULL if the node refused it or is down. */
struct sim_conn *sim_connect(struct sim *sim, uint32_t node, uint32_t worker,
                             void *context, sim_on_executed *on_executed,
                             sim_on_bytes *on_bytes);
/* The client sends; delivered after the connection's delay, in order. */
void sim_send(struct sim *sim, struct sim_conn *conn, struct bytes bytes);
/* The client closes. The pointer dies. */
void sim_disconnect(struct sim *sim, struct sim_conn *conn);
/* While held, nothing the node sends is taken from it (a slow reader). */
void sim_hold_output(struct sim *sim, struct sim_conn *conn, bool hold);
bool sim_is_closed(const struct sim_conn *conn); /* by the node */
struct session *sim_session(struct sim_conn *conn);

/* Calls back at a time; for clients that think. */
typedef void sim_on_time(void *context);
void sim_at(struct sim *sim, int64_t at_ms, sim_on_time *call, void *context);

/* Runs until `until_ms`; false if nothing is left to do before. */
bool sim_run(struct sim *sim, int64_t until_ms);
static inline bool
sim_run_for(struct sim *sim, int64_t ms)
{
    return sim_run(sim, sim_now_ms(sim) + ms);
}

/* ---- faults ---- */

/* A node that is down starts with the files it saved and no memory. */
void sim_start(struct sim *sim, uint32_t node);
/* Its memory is lost. silent: nobody is told (the host is gone); else its
 * connections are reset at once. */
void sim_crash(struct sim *sim, uint32_t node, bool silent);
bool sim_is_up(const struct sim *sim, uint32_t node);
uint64_t sim_life(const struct sim *sim, uint32_t node); /* counts starts */
/* Forgets the node's files, too: it will be another node. While down. */
void sim_wipe(struct sim *sim, uint32_t node);
/* `to`, which is down, gets a copy of the files that `from` has now: it will be
 * a node with the same id, and a later life of it. */
void sim_copy(struct sim *sim, uint32_t from, uint32_t to);
/* Nothing reaches it until then; clocks go on, all that came is kept. */
void sim_pause(struct sim *sim, uint32_t node, int64_t until_ms);
bool sim_is_paused(const struct sim *sim, uint32_t node);
void sim_clock_jump(struct sim *sim, uint32_t node, int64_t by_ms);
/* Bytes from one node to another stall, or go on again. */
void sim_cut(struct sim *sim, uint32_t from, uint32_t to, bool is_cut);
/* What goes from one node to another takes so long, and half of it on top. */
void sim_slow(struct sim *sim, uint32_t from, uint32_t to, int64_t delay_ms);
/* Both ways between two sets of nodes (bit i: node i). */
void sim_partition(struct sim *sim, uint32_t one, uint32_t other);
void sim_heal(struct sim *sim); /* all links; pauses and crashes stay */
/* Resets a random connection between nodes, if there is one. */
void sim_reset_one(struct sim *sim);
/* Every log line of a node is printed. */
void sim_be_noisy(struct sim *sim);
/* The largest backlog that any link between nodes had. */
size_t sim_unsent_most(const struct sim *sim);

/* ---- conversations ---- */

/* A whole conversation on a connection of its own: sends `line` (split as
 * redis-cli would), runs until the reply is whole; the reply's bytes, as a
 * string valid until the next call; "" if the node closed the connection or
 * is down, or did not answer for a minute. */
const char *sim_call(struct sim *sim, uint32_t node, const char *line);
/* The same on a connection that stays (0 .. 7), for MULTI and the like. */
const char *sim_call_on(struct sim *sim, uint32_t node, uint32_t which,
                        const char *line);

/* RESP: bytes of the first whole reply in `bytes`, 0 if it is not whole. */
size_t sim_reply_size(struct bytes bytes);
/* RESP array of the words. */
void sim_command(struct buf *out, const struct bytes *args, uint32_t count);

#endif
