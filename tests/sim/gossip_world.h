/*
 * gossip_world.h - a world of members machines: one heap of events (ties broken
 * by sequence), one clock, a network that delays, loses, and may be cut in
 * parts or in one direction. A starved node sees its frames and its tick only
 * when it gets to run.
 */
#ifndef SIM_GOSSIP_WORLD_H
#define SIM_GOSSIP_WORLD_H

#include "member/inside.h"
#include "support/plain.h"

enum { NODES_MAX = 1000, SLOTS = 1024, WALL0 = 1700000000 };

enum kind { EVENT_TICK, EVENT_FRAME, EVENT_SELF_SEED };

struct event {
    int64_t at_us;
    uint64_t order;
    enum kind kind;
    uint32_t node, life; /* receiver */
    uint32_t from;
    struct frame frame;
    char *payload; /* owned */
};

struct world;

struct host {
    struct world *world;
    uint32_t index, life, place; /* place: its address */
    struct members *members;     /* NULL: not running */
    uint32_t seeds[8], seed_count;
    char rack[16];
    uint32_t part; /* nodes of different parts don't hear each other */
    bool is_starved, is_mute;
    int64_t offset_us; /* of its monotonic clock */
    int64_t skew_ms;   /* of its wall clock */
    struct buf saved;
    struct event *inbox; /* of a starved node */
    uint32_t inbox_count, inbox_room;
    uint64_t changes, loud;
    struct node_id id;
};

struct world {
    struct event *heap;
    size_t count, room;
    uint64_t order;
    int64_t now_us;
    struct rng rng;
    uint32_t node_count;
    uint32_t loss_percent;
    int64_t delay_us; /* largest */
    struct host nodes[NODES_MAX];
    bool deaf[8][8]; /* [from][to] */
    uint64_t wrong_downs;
    bool is_loud;
};

extern struct plain world_tally; /* of all checks */
extern uint64_t world_seed;      /* before the first world_new */

/* Monotonic, of this node. */
int64_t world_clock_ms(const struct world *world, const struct host *node);
int64_t world_wall_ms(const struct world *world);
void world_start(struct world *world, uint32_t index);
void world_stop(struct world *world, uint32_t index);
void world_run_until(struct world *world, int64_t until_us);
void world_run_ms(struct world *world, int64_t ms);
struct world *world_new(uint32_t node_count);
void world_free(struct world *world);
/* The addresses that a node is configured with. */
void world_seeds(struct world *world, uint32_t node, uint32_t count,
                 const uint32_t *list);
uint32_t world_number_of(const struct world *world, uint32_t index);
bool world_are_numbered(const struct world *world);
/* Running nodes that hold `index` to be of this health. */
uint32_t world_seen_as(const struct world *world, uint32_t index,
                       enum member_health health);
bool world_is_one_ring(const struct world *world);
bool world_all_know(const struct world *world, uint32_t count);
bool world_same_maps(const struct world *world);
/* Nobody is SUSPECT or DOWN in anybody's eyes. */
bool world_all_up(const struct world *world);
/* Runs until it holds; ms, or -1 after limit_ms. */
int64_t world_wait_for(struct world *world, bool (*holds)(const struct world *),
                       int64_t limit_ms);
/* A ring that has settled, all NORMAL; all seeds are node 0. */
struct world *world_ring_of(uint32_t count);

#endif
