/*
 * member.h - who belongs to the ring, what they say of themselves, and who
 * seems to be alive: membership, gossip, failure detection.
 *
 * Sans I/O: a state machine of events with the time as an argument. It decides
 * nothing about keys. It knows neither sockets nor links: it asks for messages
 * to be sent to a member, or to a seed whose identity it does not know yet.
 *
 *   FRESH --a numbered member's facts, or founding--> MEMBER
 *   MEMBER: number claimed, majority agreed --> numbered
 *   phase (a fact of this node, set from outside):
 *       JOINING --serves all its slots--> NORMAL
 *       RETURNING --settled again--> NORMAL
 *   health, of the others: UP <--> SUSPECT --> DOWN; REMOVED is for ever
 *
 * Facts are versioned; each node publishes its own alone; the higher
 * {incarnation, version} wins. REMOVED outranks all facts of its id.
 *
 * Sources: van Renesse et al., "A Gossip-Style Failure Detection Service"
 * (1998); Das et al., "SWIM" (2002): incarnations, refutation.
 */
#ifndef MEMBER_MEMBER_H
#define MEMBER_MEMBER_H

#include "base/buf.h"
#include "base/node_id.h"
#include "base/rng.h"
#include "bus/frame.h"
#include "ring/map.h"

enum {
    MEMBER_MAX = 4000,
    MEMBER_NAME_MAX = 64,     /* data centre, rack */
    MEMBER_ADDRESS_MAX = 255, /* a host name or an IP address */
    MEMBER_SEEDS_MAX = 64,
    MEMBER_TICK_MS = 100,
    MEMBER_GOSSIP_MS = 1000, /* a heartbeat, and three exchanges */
    MEMBER_SETTINGS_MAX = 64 * 1024,
};

enum member_phase {
    MEMBER_FRESH,
    MEMBER_JOINING,
    MEMBER_RETURNING,
    MEMBER_NORMAL,
    MEMBER_LEAVING
};
enum member_health { MEMBER_UP, MEMBER_SUSPECT, MEMBER_DOWN, MEMBER_REMOVED };

/* What a node says of itself to be reached and placed. */
struct member_facts {
    char host[MEMBER_ADDRESS_MAX + 1];
    uint16_t port, bus_port; /* of clients, of the bus */
    char dc[MEMBER_NAME_MAX + 1], rack[MEMBER_NAME_MAX + 1];
    double weight; /* > 0 */
    uint32_t workers;
    char version[24]; /* the server's */
    uint16_t *tokens; /* owned by the table in views; ascending */
    uint32_t token_count;
    enum member_phase phase;
    bool is_on_probation; /* it comes and goes: no primary; its own verdict */
    uint64_t *served;     /* JOINING: bitmap over all slots; else NULL */
    /* told now and then, without a new version of the rest */
    uint64_t hint_count;  /* copies kept for others */
    uint64_t oldest_held; /* stamp bits: nothing older is kept; UINT64_MAX */
    uint32_t dirty_slots, unsettled_slots;
    uint64_t keys, memory_bytes, ops_per_s;
};

/* A member as others see it. Borrowed until the next step. */
struct member_view {
    struct node_id id;
    uint32_t number; /* 0: none agreed yet */
    enum member_health health;
    const struct member_facts *facts;
    uint64_t incarnation, heartbeat;
    int64_t heard_ms;    /* monotonic: its heartbeat moved last */
    int64_t told_ms;     /* monotonic, about: as of when its load is known;
                          * INT64_MIN: it told none in its present life */
    int64_t up_since_ms; /* its age, by its own account */
    bool is_self;
};

struct member_config {
    struct node_id self;
    uint32_t number;           /* from the data directory; 0: none yet */
    uint64_t incarnation;      /* larger than in any life before (wall ms) */
    struct node_id ring;       /* founding id; all zero: not in a ring yet */
    uint8_t hash_seed[32];     /* the ring's, or what to found one with */
    struct member_facts facts; /* of self; copied. tokens: as saved, or none */
    uint32_t vnodes, slot_count;
    struct ring_replicas replicas; /* for picking tokens */
    struct {
        char host[MEMBER_ADDRESS_MAX + 1];
        uint16_t port;
    } seeds[MEMBER_SEEDS_MAX];
    uint32_t seed_count;     /* those that turn out to be this node itself
                              * don't count */
    int64_t node_timeout_ms; /* node-timeout-ms */
    uint64_t rng_seed;
    struct bytes saved; /* what `save` was given last; may be empty */
};

/* Called during steps. */
struct member_effects {
    /* a message to a member, or with to == NULL to seed number `seed`; may be
     * lost. `payload` is borrowed. */
    void (*send)(void *self, const struct node_id *to, uint32_t seed,
                 const struct frame *frame);
    /* numbers, tokens, phases, served slots, health or settings of somebody
     * have changed: make a new map, look at members_settings() */
    void (*changed)(void *self);
    /* keep this durably before anything else is sent: number, tokens, ring,
     * members with addresses; what config.saved gets at the next start */
    void (*save)(void *self, struct bytes bytes);
    /* one line for the log: a decision with ids (static or on the stack) */
    void (*log)(void *self, const char *line);
    /* the ring took this node for DOWN, and is about to be told that it lives:
     * the others may have gone on without it */
    void (*was_down)(void *self);
    void *self;
};

struct members;

struct members *members_new(const struct member_config *config,
                            const struct member_effects *effects,
                            int64_t now_ms, int64_t wall_ms);
void members_free(struct members *members);

/* Every MEMBER_TICK_MS. */
void members_tick(struct members *members, int64_t now_ms, int64_t wall_ms);
/* A frame of the member family from a peer whose link is proven. Answers are
 * sent with `send` to the same id. Bytes that make no sense are counted and
 * dropped. */
void members_frame(struct members *members, const struct node_id *from,
                   const struct frame *frame, int64_t now_ms, int64_t wall_ms);
/* A seed turned out to be this node. */
void members_seed_is_self(struct members *members, uint32_t seed);
/* A peer with other facts (another list hash) was met: exchange at once. */
void members_exchange(struct members *members, const struct node_id *with,
                      int64_t now_ms, int64_t wall_ms);
/* This worker's links say: reachable or not. For the local view and as one
 * witness, never as a verdict. */
void members_reached(struct members *members, const struct node_id *id,
                     bool is_reached, int64_t now_ms);

/*
 * Two processes with one node id: a copied data directory, or a start of a node
 * whose last process has not ended. Of two that live at one time the one that
 * was there first has the id (lives.c). A proven link shows its peer's life:
 *
 *   MEMBER_WELCOME  it has the id: go on. *ping is not 0: write it a PING with
 *                   this id (LINK_PING_OWN is set); members_shown for its PONG
 *   MEMBER_LATER    not certain yet, or it is over: break the link without a
 *                   word; who lives dials again
 *   MEMBER_TWIN     the other one goes on: refuse it by name
 *
 * since_ms: the link's nonce, which the peer has proved to know, is no older.
 * Asked when a link opens, and again when members have changed. is_counted: the
 * link's own, at first false; members_unlinked when it is lost.
 */
enum member_meeting { MEMBER_WELCOME, MEMBER_LATER, MEMBER_TWIN };
enum member_meeting members_meet(struct members *members,
                                 const struct node_id *id,
                                 const struct node_life *life, int64_t since_ms,
                                 int64_t now_ms, bool *is_counted,
                                 uint64_t *ping);
void members_shown(struct members *members, const struct node_id *id,
                   const struct node_life *life, uint64_t ping);
void members_unlinked(struct members *members, const struct node_id *id,
                      const struct node_life *life);
/* A proven peer, at `where`, has this node's own id: true if this process is
 * one too many: the later one, and the ring has not let it in yet. */
bool members_meet_own(struct members *members, const struct node_life *life,
                      const char *where);
/* This process is the wrong one of two: a proven peer at `where` says so, or is
 * the other one. MEMBERS_TWIN for ever; says nothing any more. */
void members_be_twin(struct members *members, const char *where);
struct node_life members_life(const struct members *members);

/* Own facts. served: bitmap of slot_count bits, copied; NULL: none. */
void members_set_phase(struct members *members, enum member_phase phase);
void members_set_served(struct members *members, const uint64_t *served);
void members_set_load(struct members *members, const struct member_facts *load);

enum member_standing {
    MEMBERS_LOADING,  /* fresh, and no numbered member has been heard */
    MEMBERS_NUMBERED, /* in the ring, with a number: may mint stamps */
    MEMBERS_CUT_OFF,  /* numbered, restarted, and heard nobody in
                       * node-timeout-ms: serves what quorums allow */
    MEMBERS_TWIN,     /* another process has this node's id: serves nobody */
};
enum member_standing members_standing(const struct members *members);
/* True if this node alone made the ring it is in, and is alone in it. */
bool members_is_alone(const struct members *members);
/* A ring of one that acknowledged a write keeps itself; one that did not joins
 * a larger one of its name. Call once it did. */
void members_wrote(struct members *members);

uint32_t members_self_number(const struct members *members);
void members_hash_seed(const struct members *members, uint8_t seed[32]);
uint32_t members_count(const struct members *members); /* REMOVED included */
bool members_at(const struct members *members, uint32_t index,
                struct member_view *view); /* ordered by id */
bool members_find(const struct members *members, const struct node_id *id,
                  struct member_view *view);
/* A new map from the present facts; the caller owns it. NULL: not placed. */
struct ring_map *members_map(const struct members *members,
                             const struct ring_replicas *replicas);
/* More than half of all members that are not REMOVED. */
uint32_t members_majority(const struct members *members);

/* node-timeout-ms is another one now. */
void members_set_timeout(struct members *members, int64_t timeout_ms);
/* Ring-wide settings: opaque to this module; the larger version wins, then the
 * larger bytes. ERR_LIMIT: above MEMBER_SETTINGS_MAX. */
WARN_UNUSED int members_publish_settings(struct members *members,
                                         uint64_t version, struct bytes bytes);
uint64_t members_settings(const struct members *members, struct bytes *bytes);

/* An operator's order, or what the ring agreed: the id is gone for good.
 * ERR_UNKNOWN. */
WARN_UNUSED int members_remove(struct members *members,
                               const struct node_id *id, int64_t now_ms);
bool members_self_is_removed(const struct members *members);

struct member_stats {
    uint64_t bytes_sent, frames_sent, bad_frames;
    uint64_t suspicions, downs, refutations;
};
void members_stats(const struct members *members, struct member_stats *out);

#endif
