/*
 * coord.h - one worker's coordinator: where each command is run, and when its
 * client may hear of it.
 *
 * A command is a function over the local store (command.h). The coordinator
 * stands around it: it finds the slot's owners, runs the command here or sends
 * it to a node that can, ships what a write changed to the other owners,
 * counts their acknowledgements, compares the versions of a read, and holds
 * the reply back until enough copies agree.
 *
 *   session --cmd_run--> gates --> coord_route --here--> cmd: enter, run, leave
 *                                      |                        |
 *                                      | elsewhere              v
 *                                      v                  COPY to the owners
 *                               REQUEST to the primary,         |
 *                               or to an owner            W - 1 ACKs, or R - 1
 *                                      |                  same versions
 *                                      v                        |
 *                                    REPLY --> op is done <-----+
 *
 * Ops of one session are answered in order. Everything is per worker: an op
 * begins and ends on one thread. What is under way on a link is remembered in
 * order, so an acknowledgement by count finds its ops; when the link breaks,
 * its copies are perhaps stored: the slot is marked dirty for that peer.
 */
#ifndef COORD_COORD_H
#define COORD_COORD_H

#include "bus/link.h"
#include "command/command.h"
#include "replica/replica.h"

struct coord;

struct coord_effects {
    /* this worker's OPEN link to a member; NULL if there is none */
    struct link *(*link)(void *self, uint32_t number);
    /* frames were written to it */
    void (*wake)(void *self, struct link *link);
    /* a client's op has ended: session_resume() of its session is due; called
     * by coord_turn alone */
    void (*finished)(void *self, struct client *client);
    /* the peer's facts differ from ours: exchange them */
    void (*exchange)(void *self, uint32_t number);
    void *self;
};

struct coord_config {
    struct replica *replica;
    struct cmd_env *env;
    struct coord_effects effects;
};

struct coord *coord_new(const struct coord_config *config);
/* After all sessions are closed and all links lost. */
void coord_free(struct coord *coord);

/* ---- links: called by node/ on this worker's thread ---- */
/* An OPEN link to or from member `number` (its coord_data is ours). */
void coord_link_open(struct coord *coord, struct link *link, uint32_t number);
/* It is broken or closed: what was under way on it is lost. */
void coord_link_lost(struct coord *coord, struct link *link);
/* A frame of types 16 .. 31. */
void coord_frame(struct coord *coord, struct link *link,
                 const struct frame *frame);
/* Before the parts of a batch: their keys are hashed, and asked of the memory,
 * together. With NULL after them, while the batch's bytes are still there. */
void coord_expect(struct coord *coord, const struct frame *batch);
/* link->copies_acked has risen. */
void coord_acked(struct coord *coord, struct link *link);

/* The map, a peer's health or a tenure changed: ops that wait try again. */
void coord_changed(struct coord *coord);
/* After all events of a turn: time-outs, retries. */
void coord_turn(struct coord *coord);
/* Since the last call something came free here that others of this node's
 * workers may wait for: they are to be told (coord_changed). */
bool coord_has_freed(struct coord *coord);
/* Monotonic ms at which coord_turn has something to do; INT64_MAX. */
int64_t coord_deadline_ms(const struct coord *coord);

/* quorum-timeout-ms: of ops that begin from now on. */
void coord_set_timeout(struct coord *coord, int64_t timeout_ms);
/* Routes this worker's commands (env->router), or leaves them to themselves: a
 * ring of one. On the worker's own thread; once on it stays on while anything
 * is under way. */
void coord_set_active(struct coord *coord, bool is_active);

struct coord_stats {
    _Atomic uint64_t ops_local, ops_remote, ops_served;
    _Atomic uint64_t noquorum, uncertain, retries;
    _Atomic uint64_t fetches, read_repairs, copies_sent, copies_taken;
    _Atomic uint64_t exec_spanning, loans;
    _Atomic uint64_t hedged_reads, hedged_wins;
    _Atomic uint64_t hints_sent, hints_taken, hints_delivered;
    _Atomic uint64_t acted; /* writes that ran here for the owners */
};
const struct coord_stats *coord_stats(const struct coord *coord);

#endif
