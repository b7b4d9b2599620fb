/*
 * keeper.h - what keeps a node's copies whole and its tenures taken: asks for
 * tenures, settles slots, compares with the other owners (anti-entropy), mends
 * what differs, clears dirty marks, raises repaired-through, brings slots into
 * a newcomer.
 *
 * One per node, stepped by worker 0; what it asks of others it asks over
 * worker 0's links, and answers come back there. What others ask is answered
 * by keeper_answer, which keeps no state and may run on any worker.
 *
 *     keeper_tick ----> TENURE, DIGESTS, RANGE, REPAIRED ----> peers
 *     keeper_frame <--- PROMISE, DIGESTS_ANSWER, RANGE_ANSWER
 *
 * A comparison of slots with one peer serves every purpose at once: settling,
 * closing a tenure, clearing dirty marks, anti-entropy, a newcomer's filling:
 *
 *     DIGESTS (groups of slots, then slots) -> differing slots
 *     RANGE (entries by key hash) -> records both ways -> equal
 *
 * Pace: urgent work (tenures, settling, dirty marks) at once; anti-entropy as
 * the budget allows. All of it within `background-budget`.
 */
#ifndef REPLICA_KEEPER_H
#define REPLICA_KEEPER_H

#include "base/buf.h"
#include "replica/replica.h"

struct keeper;

struct keeper_effects {
    /* A frame to a member over worker 0's link; false: no open link, or it is
     * full. frame->payload is borrowed; wall time is filled in. */
    bool (*send)(void *self, uint32_t number, const struct frame *frame);
    /* this newcomer's served slots have grown (bitmap of slot_count bits), or
     * with `done` it serves all: publish */
    void (*served)(void *self, const uint64_t *served, bool done);
    /* all owned slots are settled: RETURNING may end */
    void (*settled)(void *self);
    void (*log)(void *self, const char *line);
    void *self;
};

struct keeper_config {
    struct replica *replica;
    uint64_t rng_seed;
    int64_t repair_ms;       /* between two rounds of anti-entropy: 2000 */
    uint32_t budget_percent; /* of one core; background-budget */
};

struct keeper *keeper_new(const struct keeper_config *config,
                          const struct keeper_effects *effects);
void keeper_free(struct keeper *keeper);
/* background-budget is another one now. */
void keeper_set_budget(struct keeper *keeper, uint32_t percent);

/* The map has changed (from may be NULL): slots that this node came to own are
 * not settled (unless it is alone, or `is_first`: the founder), those it lost
 * are forgotten when their new owners are settled; tenures of changed lists
 * end. Before the new map is published in replica->map. */
void keeper_remap(struct keeper *keeper, const struct ring_map *from,
                  const struct ring_map *to, bool is_first, int64_t now_ms,
                  int64_t wall_ms);
/* A peer's health or phase changed; look at what follows from it soon. */
void keeper_peer_changed(struct keeper *keeper, uint32_t number,
                         int64_t now_ms);
/* This member has been DOWN for so long that tombstones need not wait for it:
 * for forget-after; under pressure for two minutes. */
bool keeper_forgets(const struct keeper *keeper, uint32_t number,
                    int64_t now_ms);
/* Every 10 ms, and when replica->wanted has risen. */
void keeper_tick(struct keeper *keeper, int64_t now_ms, int64_t wall_ms);
/* Monotonic time at which the next tick has something to do. */
int64_t keeper_deadline_ms(const struct keeper *keeper);
/* An answer to what this keeper asked. */
void keeper_frame(struct keeper *keeper, uint32_t from,
                  const struct frame *frame, int64_t now_ms, int64_t wall_ms);

/*
 * Any worker: answers TENURE, DIGESTS, RANGE, REPAIRED, EVICT of member `from`.
 * Appends the answer frame's payload to `out` and its type to *type (0: no
 * answer). False: the bytes made no sense.
 */
bool keeper_answer(struct replica *replica, uint32_t from,
                   const struct frame *frame, int64_t wall_ms, struct buf *out,
                   uint8_t *type);

struct keeper_status {
    bool is_comparing;
    uint32_t rounds;          /* of anti-entropy, finished */
    int64_t last_round_ms;    /* monotonic end of the last; 0: none */
    uint32_t slots_differing; /* found in the last round */
    uint64_t keys_sent, keys_received, bytes_sent; /* received: and stored */
    uint32_t waiting_settle, waiting_tenure;
};
void keeper_status(const struct keeper *keeper, struct keeper_status *out);

#endif
