/*
 * make.h - rings for tests: members that own their tokens and bitmaps.
 */
#ifndef UNIT_RING_MAKE_H
#define UNIT_RING_MAKE_H

#include "ring/map.h"

enum { MAKE_MEMBERS_MAX = 1024 };

struct make {
    uint32_t slot_count, count;
    struct ring_replicas replicas;
    struct ring_member members[MAKE_MEMBERS_MAX];
    double weights[MAKE_MEMBERS_MAX];
    uint16_t *tokens[MAKE_MEMBERS_MAX];
    uint64_t *served[MAKE_MEMBERS_MAX];
    struct rng rng;
};

/* On the heap: it is large. */
struct make *make_new(uint32_t slot_count, uint32_t replicas, uint64_t seed);
void make_free(struct make *make);
/* A member with `count` random tokens, NORMAL, in data centre 1. */
struct ring_member *make_random(struct make *make, uint32_t number,
                                uint64_t rack, uint32_t count);
/* One whose tokens are picked to even out the ring. */
struct ring_member *make_picked(struct make *make, uint32_t number,
                                uint64_t rack, double weight, uint32_t vnodes);
/* Gives a member an empty bitmap and makes it JOINING. */
void make_joining(struct make *make, uint32_t index);
void make_serve(struct make *make, uint32_t index, uint32_t slot);
void make_remove(struct make *make, uint32_t index);
struct ring_map *make_map(const struct make *make);
/* Owners that a list has and the one before had not; in all slots. */
uint32_t make_entered(const struct ring_list *from, const struct ring_list *to);
uint32_t make_moved(const struct ring_map *from, const struct ring_map *to);

#endif
