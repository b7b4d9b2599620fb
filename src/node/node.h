/*
 * node.h - wires the machines of one node: store, sessions, commands.
 *
 * Sans I/O: the loop (os/) or the simulator delivers events and carries out
 * effects. A worker is one thread's share; its functions are called by that
 * thread alone. What concerns another worker's clients travels as a message
 * through `post`, an effect, and comes back as worker_deliver, an event.
 *
 *   os loop / simulator
 *      | turn, open, input, sent, close, tick, deliver          (events)
 *      v
 *   worker --> session --> command --> store (shared, slot locks)
 *      | post, shutdown, stop reading, close                    (effects)
 *      v
 *   os loop / simulator
 */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include "bus/link.h"
#include "member/member.h"
#include "session/session.h"

struct node;
struct worker;
struct message; /* owned by whoever holds it; freed by worker_deliver */

/* Small files that a node keeps in its data directory. */
enum node_file {
    NODE_FILE_MEMBERS, /* what member_effects.save gave */
    NODE_FILE_CEILING, /* 8 bytes: a stamp above all that were minted */
};

/* What a worker may ask of the loop; called during events. */
struct node_effects {
    /* hands `message` to worker `to`'s thread (its bounded inbox); false if
     * the inbox is full or gone: the caller keeps the message */
    bool (*post)(void *self, uint32_t from, uint32_t to,
                 struct message *message);
    /* a session's state changed outside its own input event (killed, finished
     * by a message, unpaused): look at it again in this turn */
    void (*wake)(void *self, uint32_t worker, struct session *session);
    void (*shutdown)(void *self);
    /* CONFIG REWRITE; NULL or an error text (static) */
    const char *(*config_rewrite)(void *self);
    /* log file, level, limits: a directive that the loop carries out changed */
    void (*config_changed)(void *self, enum setting id);
    /* ---- the bus; may all be NULL where node_config.ring is NULL ---- */
    /* opens a connection for this link (an address or a name): later one of
     * worker_bus_connected, worker_bus_closed, never during this call */
    void (*bus_connect)(void *self, uint32_t worker, struct link *link,
                        const char *host, uint16_t port);
    /* the link has output, or is BROKEN: look at it before this turn ends */
    void (*bus_wake)(void *self, uint32_t worker, struct link *link);
    /* writes one of the node's small files durably, before it returns */
    void (*save)(void *self, enum node_file file, struct bytes bytes);
    void (*random)(void *self, void *out, size_t size); /* for nonces */
    void (*log)(void *self, const char *line);
    void *self;
};

/* What a node needs to be one of a ring; borrowed until node_new returns. */
struct node_ring {
    struct member_config member;
    struct link_ring link;
    struct stamp ceiling; /* NODE_FILE_CEILING of the last life */
    int64_t now_ms;       /* monotonic, when node_new is called */
    int64_t repair_ms;    /* between rounds of anti-entropy; 0: 2 s */
};

struct node_config {
    struct settings *settings; /* borrowed, outlives the node */
    uint32_t worker_count;     /* 1 .. 64 */
    struct store_config store;
    const struct node_ring *ring; /* NULL: alone for ever, no bus */
    struct node_effects effects;
};

struct node *node_new(const struct node_config *config);
void node_free(struct node *node); /* all sessions are closed first */
struct cmd_shared *node_shared(struct node *node);
struct worker *node_worker(struct node *node, uint32_t index);
/* Connected clients of all workers; any thread. */
uint64_t node_client_count(const struct node *node);

/* Starts a turn: the time until the next one. */
void worker_turn(struct worker *worker, int64_t now_ms, uint64_t wall_us);

struct open_info {
    int fd; /* for CLIENT LIST */
    bool is_unix;
    bool is_loopback;                    /* protected mode lets these in */
    const char *address, *local_address; /* "ip:port" */
};
/*
 * A connection was accepted. NULL: refused, and *refusal (a static text,
 * without "-" or CR LF) is to be sent before closing: maxclients, protected
 * mode.
 */
struct session *worker_open(struct worker *worker, const struct open_info *info,
                            const char **refusal);
/*
 * An optional hint before the worker_inputs of several sessions in one turn:
 * the keys of their first commands are prefetched together, so that the waits
 * for memory overlap. At most WORKER_EXPECT_MAX count.
 */
enum { WORKER_EXPECT_MAX = 128 };
struct expected_input {
    const struct session *session;
    const char *data;
    size_t size;
};
void worker_expect(struct worker *worker, const struct expected_input *inputs,
                   uint32_t count);
/* Bytes for a session: runs its commands. Size 0 goes on with what it kept. */
void worker_input(struct worker *worker, struct session *session,
                  const char *data, size_t size);
/* Where to receive the next bytes of a large value, see session_room. */
char *worker_room(struct worker *worker, struct session *session, size_t *room);
/* What is to be sent now: first what was kept, then this turn's replies. At
 * most two pieces; returns how many. Borrowed until the next call. */
uint32_t worker_output(struct worker *worker, struct session *session,
                       struct bytes pieces[2]);
/* The socket took `sent` bytes of that; must follow each worker_input before
 * the next session's (the reply buffer is shared). */
void worker_sent(struct worker *worker, struct session *session, size_t sent);
/* The connection is gone or is to be closed: frees the session. */
void worker_close(struct worker *worker, struct session *session);
void worker_deliver(struct worker *worker, struct message *message);
/* Every 100 ms: time-outs, PAUSE ends, output limits; on worker 0 also the
 * store's tick. rss_bytes 0: unknown. */
void worker_tick(struct worker *worker, uint64_t rss_bytes);
/* Unix milliseconds and monotonic time at which something wants a turn, or
 * INT64_MAX. */
int64_t worker_deadline_ms(const struct worker *worker);
/* Commands parsed, and sessions with whole commands left to run: the loop
 * gives these another turn before it waits. */
bool worker_has_backlog(const struct worker *worker);
/* The first of the sessions with backlog, NULL if none. */
struct session *worker_next_backlog(struct worker *worker);

/* ---- the bus: connections to other nodes; see bus/link.h ---- */

/* A peer's connection was accepted by this worker. NULL: refused (too many,
 * not on loopback without a secret); close it. */
struct link *worker_bus_accept(struct worker *worker, const char *address,
                               bool is_loopback);
/* The connection that bus_connect asked for stands. */
void worker_bus_connected(struct worker *worker, struct link *link);
void worker_bus_input(struct worker *worker, struct link *link,
                      struct bytes bytes);
/* What is to be sent is link_output(link); then link_sent. When the state is
 * LINK_BROKEN, send what is there once, close, and call this. */
/* The connection is gone, or could not be made: the link is freed. */
void worker_bus_closed(struct worker *worker, struct link *link);
/* Once per turn, after all its events and before the output of woken links
 * and sessions is sent: acknowledgements, time-outs, control work. */
void worker_turn_end(struct worker *worker);

/* For the inbox: messages are chained by the loop. */
struct message **message_link(struct message *message);
void message_free(struct message *message);

#endif
