/*
 * A few keepers with real stores and a toy network between them: every frame
 * takes a millisecond, questions are answered by keeper_answer, and a test may
 * lose what it likes.
 */
#ifndef UNIT_REPLICA_WORLD_H
#define UNIT_REPLICA_WORLD_H

#include "replica/keeper.h"
#include "support/case.h"

#define WALL INT64_C(1790000000000)

enum { WORLD_NODES = 6, WORLD_SLOTS = 64, WORLD_TOKENS = 8 };

struct message {
    uint32_t from, to;
    struct frame frame;
    char *payload; /* owned */
};

struct node_of_world {
    struct world *world;
    uint32_t number;
    struct store *store;
    struct replica *replica;
    struct keeper *keeper;
    struct ring_map *map;
    bool is_on;  /* takes part in the map */
    bool is_cut; /* nothing reaches it, nothing leaves it */
    enum ring_status status;
    uint64_t served; /* what it has published */
    bool is_done;
    uint32_t served_calls, settled_calls;
};

struct world {
    struct node_of_world nodes[WORLD_NODES + 1]; /* by number */
    uint32_t replicas;
    struct message *queue;
    uint32_t queued;
    int64_t now_ms, wall_ms;
    uint64_t bytes, frames, lost;
    uint32_t lose_every; /* 0: none; every n-th frame */
    uint32_t lose_type;  /* enum frame_type; 0: none */
};

/* Nodes 1 .. count in one list each, W and R as said; nobody's map is made. */
struct world *world_new(uint32_t count, uint32_t n, uint32_t r, uint32_t w);
void world_free(struct world *world);
/* Starts node `number`: an empty store, all promises at `ceiling`. */
void world_start(struct world *world, uint32_t number, struct stamp ceiling);
/* Ends it: what it knew is gone. */
void world_stop(struct world *world, uint32_t number);
/* A map of those that are on, given to all of them. is_first: all slots are
 * settled at once, as at a founding. */
void world_map(struct world *world, bool is_first);
/* The same for one node that begins anew. */
void world_map_one(struct world *world, uint32_t number);
/* Reachable or not, both ways. */
void world_cut(struct world *world, uint32_t number, bool is_cut);
void world_health(struct world *world, uint32_t number, uint32_t flag,
                  bool is_set);
void world_run(struct world *world, int64_t ms);

/* Writes at node `at`, and gives copies to the nodes of bit set `others`. */
void world_put(struct world *world, uint32_t at, uint32_t others,
               const char *key, const char *value);
void world_del(struct world *world, uint32_t at, uint32_t others,
               const char *key);
void world_add(struct world *world, uint32_t at, uint32_t others,
               const char *key, int64_t delta);
/* The value that a node has; "" : none. */
const char *world_get(struct world *world, uint32_t at, const char *key);
uint32_t world_slot(struct world *world, const char *key);
struct slot_state *world_state(struct world *world, uint32_t at,
                               const char *key);
const struct ring_list *world_list(struct world *world, const char *key);
/* All owners of each slot have the same content. */
bool world_agrees(struct world *world);
/* Slots of node `at` in that state of tenure. */
uint32_t world_tenures(struct world *world, uint32_t at,
                       enum tenure_state tenure);

#endif
