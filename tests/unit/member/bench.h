/*
 * bench.h - one members machine on a bench: what it sends, saves and logs is
 * kept; frames of peers that don't exist are made by hand.
 */
#ifndef MEMBER_BENCH_H
#define MEMBER_BENCH_H

#include "member/inside.h"
#include "support/case.h"

enum { BENCH_SENT_MAX = 512, BENCH_SLOTS = 256 };

#define BENCH_WALL INT64_C(1700000000000)

struct bench_frame {
    struct node_id to;
    uint32_t seed;
    bool is_to_seed;
    uint8_t type;
    uint64_t request_id;
    char *payload; /* owned */
    size_t size;
};

struct bench {
    struct members *members;
    struct member_config config;
    int64_t now_ms;
    struct bench_frame sent[BENCH_SENT_MAX]; /* since the last bench_clear */
    uint32_t sent_count;
    struct buf saved;
    uint32_t changes, saves, was_down;
    char log[4096]; /* all lines */
};

struct node_id bench_id(uint8_t first);
/* Fills in a configuration without seeds; not started. */
void bench_init(struct bench *bench, uint8_t id);
void bench_start(struct bench *bench);
/* Stops; starts again with what was saved. */
void bench_restart(struct bench *bench);
void bench_deinit(struct bench *bench);
void bench_clear(struct bench *bench);
/* Time passes, a tick each 100 ms. */
void bench_run(struct bench *bench, int64_t ms);
void bench_give(struct bench *bench, struct node_id from, uint8_t type,
                uint64_t request_id, struct bytes payload);
/* The last frame sent of this type; NULL: none. */
const struct bench_frame *bench_last(const struct bench *bench, uint8_t type);
bool bench_logged(const struct bench *bench, const char *part);

/* A peer: facts and head as it would tell them. */
struct bench_peer {
    struct node_id id;
    uint32_t number;
    uint64_t incarnation, version, heartbeat;
    const char *host, *rack;
    enum member_phase phase;
};
struct bench_peer bench_peer(uint8_t id, uint32_t number);
/* The payload's head, as of a member of the bench's own ring. Owned. */
struct buf bench_head(const struct bench *bench, const struct bench_peer *peer,
                      uint8_t flags);
/* A hot FACTS frame with the peer's record: it belongs to the ring now. */
void bench_meet(struct bench *bench, const struct bench_peer *peer);
/* A FACTS frame with the heartbeat in its head. */
void bench_beat(struct bench *bench, struct bench_peer *peer, uint64_t more);
void bench_news(struct bench *bench, const struct bench_peer *peer,
                const struct news *news);
/* What is known of the member with that number; false: there is none. */
bool bench_view(const struct bench *bench, uint32_t number,
                struct member_view *view);
enum member_health bench_health(const struct bench *bench, uint8_t id);

#endif
