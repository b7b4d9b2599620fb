/*
 * map.h - which nodes hold a slot: a pure function of the members' facts.
 *
 * The ring is a circle of slot positions. Each member holds some of them as
 * its tokens. A slot's owners are the first N distinct members clockwise from
 * it, skipping those that would put two copies in one rack while another rack
 * is free; the members after them, in order, are its stand-ins. Equal facts
 * give equal maps on every node, so there is no coordinator and no vote.
 *
 * It does not know who is alive, nor how anybody is reached.
 *
 * A newcomer (JOINING) does not own a slot at once. Of the members of the
 * slot's list as it will be, those that do not serve the slot yet enter it one
 * at a time, lowest number first: that one is the slot's `pending` (it gets
 * every write, and counts for nothing). When it has published that it serves
 * the slot, the list is the next one, and the last of the old list leaves it.
 *
 * Source: DeCandia et al., "Dynamo" (2007), 4.2, 6.2 (strategy 3).
 */
#ifndef RING_MAP_H
#define RING_MAP_H

#include "base/rng.h"
#include "ring/slot.h"

enum {
    RING_NUMBERS = 4096, /* node numbers: 0 is nobody's */
    RING_OWNERS_MAX = 8, /* N, in all data centres together */
    RING_DCS_MAX = 8,
    RING_VNODES_MAX = 4096,
    RING_NOBODY = 0,
};

enum ring_status {
    RING_JOINING, /* holds tokens, serves the slots of its bitmap */
    RING_NORMAL,  /* serves all slots that are its */
    RING_LEAVING, /* kept for later: treated as NORMAL */
};

/* What placement needs of a member. Borrowed until ring_map_new returns. */
struct ring_member {
    uint32_t number;   /* node number, 1 .. RING_NUMBERS - 1 */
    uint64_t dc, rack; /* hashes of their names */
    enum ring_status status;
    const uint16_t *tokens; /* slot positions, ascending, distinct */
    uint32_t token_count;
    const uint64_t *served; /* JOINING: bitmap of slots; NULL: none */
};

/* How many copies: in all, or per data centre. */
struct ring_replicas {
    uint32_t count; /* N without data centres; used if dc_count == 0 */
    uint32_t dc_count;
    struct {
        uint64_t dc;
        uint32_t count;
    } dcs[RING_DCS_MAX];
};

/* The owners of one slot, most preferred first. */
struct ring_list {
    uint16_t owners[RING_OWNERS_MAX]; /* node numbers; all serve the slot */
    uint8_t count;                    /* N_eff: min(N, members that serve it) */
    uint16_t pending; /* node number of the newcomer, or RING_NOBODY */
    uint32_t hash;    /* over owners and pending: two nodes that compute
                       * another hash have other facts */
};

struct ring_map; /* immutable */

/*
 * Members may come in any order; numbers are distinct. Two members that claim
 * one position: the smaller number has it, the other follows right behind, as
 * if there were room between (so a newcomer's claim moves nobody's copies but
 * its own). A slot that no member serves (all are JOINING and
 * none serves it) has count 0. slot_count: a power of two, SLOT_COUNT but in
 * simulations; tokens are below it. Never fails (mem_must).
 */
struct ring_map *ring_map_new(const struct ring_member *members, uint32_t count,
                              const struct ring_replicas *replicas,
                              uint32_t slot_count);
void ring_map_free(struct ring_map *map); /* NULL is fine */

/* Borrowed until the map is freed. */
const struct ring_list *ring_map_list(const struct ring_map *map,
                                      uint32_t slot);
/* So that it is in the cache when it is asked for. */
void ring_map_prefetch(const struct ring_map *map, uint32_t slot);
uint32_t ring_map_slot_count(const struct ring_map *map);
/* Hash over all lists: equal maps, equal hashes. */
uint64_t ring_map_hash(const struct ring_map *map);
/* The members behind the owners, in order, that are not in the list; writes at
 * most `room`, returns how many. */
uint32_t ring_map_standins(const struct ring_map *map, uint32_t slot,
                           uint16_t *out, uint32_t room);
/* True if `number` is an owner of the slot (pending is none). */
bool ring_list_owns(const struct ring_list *list, uint32_t number);
/* Slots of which `number` is an owner; of which it is the first one; of which
 * it is pending. */
uint32_t ring_map_owned(const struct ring_map *map, uint32_t number);
uint32_t ring_map_first(const struct ring_map *map, uint32_t number);
uint32_t ring_map_pending(const struct ring_map *map, uint32_t number);
/* True if both lists have the same set of owners, in whatever order. */
bool ring_list_same_owners(const struct ring_list *a,
                           const struct ring_list *b);

/*
 * Tokens for a newcomer, which even out the present ring: the most loaded
 * member holds at most 1.05 times the mean by weight as far as whole slots
 * allow, and adding it moves at most 1.1 times its ideal share of the copies.
 * `self` has number, dc, rack and weight of the newcomer; its tokens are
 * ignored. weights: of `members`, in their order (token counts go with
 * weight). Writes `vnodes` * self_weight tokens, at most its share of half the
 * positions (8192 of 16384) and of those that are free, and at least 1 as long
 * as one is free, ascending, none of them another member's; returns how many.
 * `out` has room for slot_count / 2. self->number is not looked at.
 */
struct ring_shape { /* what all members have in common */
    const struct ring_replicas *replicas;
    uint32_t vnodes, slot_count;
};
uint32_t ring_pick_tokens(const struct ring_member *members,
                          const double *weights, uint32_t count,
                          const struct ring_member *self, double self_weight,
                          const struct ring_shape *shape, struct rng *rng,
                          uint16_t *out);

/* "3", or "dc1:3 dc2:2". ERR_SYNTAX, ERR_RANGE (a count of 0 or above
 * RING_OWNERS_MAX in all). Names are hashed by ring_name_hash. */
WARN_UNUSED int ring_replicas_parse(struct bytes text,
                                    struct ring_replicas *replicas);
uint64_t ring_name_hash(struct bytes name);

#endif
