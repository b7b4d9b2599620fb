/*
 * pair.h - two links that talk to each other through buffers, with a clock
 * that the test turns.
 */
#ifndef BUS_PAIR_H
#define BUS_PAIR_H

#include "bus/link.h"

enum { PAIR_WALL_MS = 1000000 }; /* wall time when now_ms is 0 */

/* What a link's events have said. */
struct pair_seen {
    uint32_t opened, acked;
    uint32_t frames, batches;
    struct frame last; /* without its payload */
    struct buf payloads;
    const char *last_payload; /* where it lay: never to be read */
    const char *break_with;   /* on_frame breaks the link with this reason */
    uint32_t opened_before_frames;
};

struct pair {
    struct link_ring caller_ring, answerer_ring;
    struct link caller, answerer;
    struct pair_seen caller_seen, answerer_seen;
    int64_t now_ms;
    int64_t answerer_wall_off; /* the answerer's wall clock is ahead by */
    size_t cut;                /* bytes handed over at once; 0: all */
};

/* Both know each other's secret and ring; ids 01 01 .. and 02 02 .., nonces
 * a0 a1 .. and c0 c1 ..; nothing is sent yet. */
void pair_init(struct pair *pair);
/* The same rings and ids, new links with these nonces. */
void pair_renew(struct pair *pair, uint8_t caller_nonce,
                uint8_t answerer_nonce);
void pair_deinit(struct pair *pair);
/* HELLO, and everything that follows from it. */
void pair_open(struct pair *pair);
/* Carries bytes both ways until none are left. */
void pair_carry(struct pair *pair);
/* Only what the one has written, to the other. */
void pair_carry_to(struct pair *pair, struct link *to);
void pair_feed(struct pair *pair, struct link *to, struct bytes bytes);
void pair_send(struct pair *pair, struct link *from, struct frame *frame,
               struct bytes payload, bool is_asking);
void pair_tick(struct pair *pair, struct link *link);

#endif
