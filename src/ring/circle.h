/*
 * circle.h - the positions with their tokens, and the walk over them that
 * placement is made of; private to ring/.
 *
 * Members are known by their index: they are sorted by number, so the order
 * in which they were given does not matter. A member without a token is not on
 * the circle: it owns nothing. Of several that claim one position the walk
 * meets the smallest number first and the others right behind it; so nobody's
 * coming or going takes a position from, or gives one to, somebody else.
 */
#ifndef RING_CIRCLE_H
#define RING_CIRCLE_H

#include "ring/map.h"

enum {
    CIRCLE_NONE = UINT16_MAX, /* no member; no group */
    CIRCLE_GROUPS_MAX = RING_DCS_MAX,
    CIRCLE_SHARED = 0x8000, /* others claim the position too */
};

/* A member as the walk sees it. */
struct circle_member {
    uint16_t number;
    uint16_t group;   /* whose copies it counts among: its data centre's, or the
                       * only one; CIRCLE_NONE: it holds none */
    uint16_t rack;    /* index into racks */
    uint32_t tokens;  /* positions that it claims */
    bool serves_all;  /* not JOINING */
    uint64_t *served; /* own copy; NULL: none */
    uint32_t seen;    /* by the walk of this number */
};

struct circle_rack {
    uint64_t dc, name;
    uint32_t members; /* on the circle */
    uint32_t walk;    /* the two below are of this walk */
    uint32_t seen;
    bool has_copy;
};

struct circle_group {
    uint32_t quota;          /* copies */
    uint32_t members, racks; /* on the circle */
};

struct circle {
    uint32_t slot_count, member_count, rack_count, group_count;
    uint32_t joining_count; /* on the circle and JOINING */
    uint32_t token_count;   /* positions with a token */
    uint32_t walks;
    uint64_t steps; /* tokens passed so far, to bound work */
    struct circle_member *members;
    struct circle_rack *racks;
    struct circle_group groups[CIRCLE_GROUPS_MAX];
    /* By position: index + 1 of the smallest number that claims it, or 0, and
     * CIRCLE_SHARED; of a position with a token its neighbours. */
    uint16_t *holder, *next, *prev;
    /* Claims behind the first: position << 16 | index, ascending. */
    uint32_t *shared;
    uint32_t shared_count;
    /* Members of racks all of whose members are JOINING, rack by rack. */
    uint16_t *lonely;
    uint32_t lonely_count;
};

/* What a walk found, most preferred first: members' indexes. */
struct circle_owners {
    uint16_t members[RING_OWNERS_MAX];
    uint32_t count;
};

void circle_init(struct circle *circle, const struct ring_member *members,
                 uint32_t count, const struct ring_replicas *replicas,
                 uint32_t slot_count);
void circle_deinit(struct circle *circle);
/* Index of a member, or CIRCLE_NONE. */
uint16_t circle_find(const struct circle *circle, uint32_t number);
/* The first position with a token at or after `slot`, going round; there must
 * be one. */
uint32_t circle_at(const struct circle *circle, uint32_t slot);
/* The next one before `position`, which need not have one. */
uint32_t circle_before(const struct circle *circle, uint32_t position);
/* Index of the first that claims a position, which somebody does. */
static inline uint16_t
circle_holder(const struct circle *circle, uint32_t position)
{
    return (uint16_t)((circle->holder[position] & ~CIRCLE_SHARED) - 1);
}
/* Where the others begin in `shared`. */
uint32_t circle_others(const struct circle *circle, uint32_t position);
bool circle_serves(const struct circle_member *member, uint32_t slot);
/* Gives a free position to a member; takes an unshared one back. */
void circle_insert(struct circle *circle, uint32_t position, uint16_t member);
void circle_remove(struct circle *circle, uint32_t position);
/*
 * The owners of a slot whose walk begins at the token at `position`. With
 * `slot` only members that serve it count; CIRCLE_ANY: all do. Passing over
 * the token at `skip` as if it were not there (CIRCLE_ANY: none).
 */
enum { CIRCLE_ANY = UINT32_MAX >> 1 };
void circle_walk(struct circle *circle, uint32_t position, uint32_t slot,
                 uint32_t skip, struct circle_owners *out);
/* True if the latest walk came by a token of this member. */
bool circle_has_seen(const struct circle *circle, uint16_t member);

#endif
