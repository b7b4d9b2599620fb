/*
 * sim.h - a world in one process: virtual time, nodes, connections, faults.
 *
 * One heap of events, ordered by time and then by order of creation; the
 * earliest is carried out until none is left or time is up. All randomness
 * comes from one seeded generator, so a seed replays its run to the byte;
 * sim->trace is a hash over everything that anybody saw.
 *
 *   client --bytes, delayed, cut anywhere--> connection --> worker of a node
 *          <--bytes, delayed----------------            <--
 *
 * A node's world is node.h's: its events are fed from here, its effects come
 * back here. Clocks are per node: offset and drift to the world's time.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "base/buf.h"
#include "base/rng.h"
#include "node/node.h"

enum { SIM_NODES_MAX = 20, SIM_CONNS_MAX = 64 };

struct sim_config {
    uint64_t seed;
    uint32_t nodes;        /* 1 for now; each is alone */
    uint32_t workers;      /* per node */
    uint32_t slots;        /* 0: 64 */
    uint64_t max_bytes;    /* maxmemory; 0: none */
    const char *policy;    /* maxmemory-policy; NULL: default */
    int64_t delay_most_ms; /* of a connection, each way */
    uint32_t cut_one_in;   /* a piece of bytes is cut this often; 0: never */
};

struct sim;
struct sim_conn;

/* Called when bytes for a client arrive; `bytes` is borrowed. */
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
void sim_set_setting(struct sim *sim, enum setting id, const char *value);
uint64_t sim_trace(const struct sim *sim);
void sim_trace_add(struct sim *sim, struct bytes bytes);

/* A connection to a worker; NULL if the node refused it. */
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

/* A whole conversation on a connection of its own: sends `line` (split as
 * redis-cli would), runs until the reply is whole; the reply's bytes, as a
 * string valid until the next call. */
const char *sim_call(struct sim *sim, uint32_t node, const char *line);
/* The same on a connection that stays (0 .. 7), for MULTI and the like. */
const char *sim_call_on(struct sim *sim, uint32_t node, uint32_t which,
                        const char *line);

/* RESP: bytes of the first whole reply in `bytes`, 0 if it is not whole. */
size_t sim_reply_size(struct bytes bytes);
/* RESP array of the words. */
void sim_command(struct buf *out, const struct bytes *args, uint32_t count);

#endif
