/*
 * keeper_inside.h - the keeper's own state; for files of src/replica only.
 *
 * What is needed follows from the slots' states: a plan, made anew whenever
 * something changed, says which slots are to be compared with which peers and
 * which tenures are to be asked for. Comparisons and asks that are under way
 * report what they found; what they find is counted only if they began after
 * the state they are meant for (`seq`, a counter of this keeper).
 *
 *   keeper.c    life, maps, the plan, what a compared slot leads to
 *   tenure.c    asks and promises
 *   compare.c   one comparison with one peer: root, groups, ranges
 *   round.c     anti-entropy, repaired-through
 */
#ifndef REPLICA_KEEPER_INSIDE_H
#define REPLICA_KEEPER_INSIDE_H

#include "base/rng.h"
#include "replica/inside.h"
#include "replica/keeper.h"
#include "replica/range.h"
#include "replica/slots.h"

enum {
    PARTNERS_MAX = 2 * RING_OWNERS_MAX,
    ASKS_MAX = 16,
    ASK_WAIT_MS = 200,     /* for answers to TENURE */
    ASK_LATE_MS = 400,     /* no short tenure before, if they can be reached */
    ASK_MORE_MS = 20,      /* for the rest, once there are enough */
    DUEL_MS = 1000,        /* a tenure taken again so soon is fought for */
    ANSWER_WAIT_MS = 1000, /* for answers to DIGESTS and RANGE; twice as long */
    FAILURES_MOST = 4,     /* after each failure, up to so many */
    LOOK_AGAIN_MS = 50,    /* copies under way have arrived by then */
    YOUNG_MS = 1000,       /* a slot written to this recently */
    PLAN_MS = 100,         /* while something is open */
    PLAN_IDLE_MS = 1000,
    PLAN_WANTED_MS = 10,
    ASK_OTHERS_AGAIN_MS = 1000, /* are you settled now? */
    PUBLISH_MS = 1000,          /* served slots, at most so often */
};

/* What a comparison is for, most urgent first. */
enum level { LEVEL_OPEN, LEVEL_SETTLE, LEVEL_ROUND, LEVELS };

enum role {
    ROLE_NONE,
    ROLE_OWNER,
    ROLE_PENDING,
    ROLE_KEPT, /* an owner before: the copy is kept */
};

/* One slot; worker 0 alone. */
struct kept_slot {
    uint16_t partners[PARTNERS_MAX];    /* the list's other owners, then owners
                                         * of the list before that are not */
    uint8_t partner_count, owner_count; /* of these, owners */
    uint8_t role;                       /* enum role */
    uint8_t before_count; /* owners of the list before, if it was gained from
                           * them; 0: it was not */
    bool is_served;       /* PENDING: filled */
    bool is_asked;        /* a tenure is being asked for */
    bool is_in_round;
    uint16_t before; /* bits of partners: owners before */
    uint16_t done;   /* bits of partners: compared since `since` */
    uint16_t whole;  /* and they counted as settled then */
    uint64_t since;
    struct stamp open;    /* the tenure that these two are of */
    uint64_t open_since;  /* OPEN: promised then */
    uint8_t open_done;    /* bits of slot_state.promisers */
    uint16_t round_done;  /* bits of partners */
    uint16_t round_whole; /* and they were settled */
    uint32_t round_brought;
    uint64_t told;        /* digest when its repaired-through was told last */
    struct stamp above;   /* a tenure must be above this */
    int64_t ask_after_ms; /* not before */
    int64_t won_ms;       /* a tenure was taken last */
    int64_t asked_ms;     /* it was first asked for since; 0: it was not */
    struct stamp yielded; /* the promise that was given way to last */
    uint8_t duels;        /* taken again soon after, so many times */
};

enum phase { PHASE_IDLE, PHASE_ROOT, PHASE_GROUPS, PHASE_PAUSE, PHASE_RANGES };

struct active { /* a slot whose entries are being compared */
    uint32_t slot;
    uint64_t from, to;     /* to: of the entries sent last */
    uint64_t end;          /* of the pieces that are walked now; 0: none */
    uint64_t differing[4]; /* bitmap of pieces still to be walked */
    uint8_t piece_bits;    /* 0: in one piece */
    uint64_t *wants;       /* owned: hashes the peer wants */
    uint32_t want_count, wants_sent;
    bool is_begun, is_walked, is_asked;
    uint8_t part; /* enum range_part: what was sent last */
};

struct compare {
    enum phase phase;
    enum level level;
    bool has_paused;
    uint64_t request, seq;
    int64_t until_ms; /* the answer is awaited, or the pause lasts */
    struct stamp learn;
    uint16_t *slots;      /* owned; ascending; those still to be compared */
    uint32_t count, next; /* RANGES: next to become active */
    struct active active[RANGE_SECTIONS];
    uint32_t active_count;
};

struct peer {
    uint32_t number;
    uint64_t *want[LEVELS]; /* owned; slots to be compared */
    uint32_t want_count[LEVELS];
    int64_t retry_ms;  /* nothing is begun before */
    uint32_t failures; /* less those that went well since */
    struct compare compare;
};

struct ask_peer {
    uint32_t number;
    bool is_answered, is_lost;
};

struct ask_slot {
    uint16_t slot;
    uint32_t list_hash;
    uint8_t answered, granted, settled, equal; /* bits: owners of the list */
    bool is_refused, is_differing;
};

struct ask { /* one stamp, asked for many slots */
    uint64_t request;
    struct stamp stamp;
    int64_t sent_ms, enough_ms; /* enough_ms 0: not yet */
    struct ask_slot *slots;     /* owned */
    uint32_t count;
    struct ask_peer *peers; /* owned */
    uint32_t peer_count;
};

struct round {
    bool is_running;
    bool is_lacking;    /* a peer may be forgotten: who is settled counts */
    struct stamp stamp; /* what is at or below it is compared */
    uint64_t seq;
    int64_t next_ms;
    uint32_t differing;
};

struct keeper {
    struct replica *replica;
    struct keeper_effects effects;
    struct rng rng;
    int64_t repair_ms;
    int64_t now_ms, wall_ms; /* of this step */
    struct kept_slot *slots;
    struct peer *peers; /* ascending by number */
    uint32_t peer_count;
    uint64_t placed[RING_NUMBERS / 64]; /* bitmap: in some list */
    int64_t down_ms[RING_NUMBERS];      /* DOWN since; 0: it is not */
    uint64_t forgot[RING_NUMBERS / 64]; /* bitmap: forgotten, and logged */
    uint64_t seq, request;
    uint32_t wanted_seen;
    int64_t planned_ms, plan_ms, again_ms, publish_ms, settled_ms, scrub_ms;
    uint32_t scrub_slot;
    bool is_served_new, has_waited;
    struct ask asks[ASKS_MAX];
    uint32_t ask_count;
    struct round round;
    int64_t tokens, refill_ms; /* anti-entropy's budget, microseconds */
    uint32_t budget_percent;
    struct keeper_status status;
    struct buf scratch;
};

static inline const struct ring_list *
keeper_list(const struct keeper *keeper, uint32_t slot)
{
    return ring_map_list(replica_map(keeper->replica), slot);
}

static inline bool
bit_is_set(const uint64_t *bits, uint32_t at)
{
    return (bits[at / 64] >> at % 64 & 1) != 0;
}

/* ---- keeper.c ---- */
struct peer *inside_peer(struct keeper *keeper, uint32_t number);
void inside_want(struct keeper *keeper, uint32_t number, uint32_t slot,
                 enum level level);
/* The plan is to be made again now. */
void inside_replan(struct keeper *keeper);
bool inside_send(struct keeper *keeper, uint32_t to, uint8_t type,
                 uint64_t request, struct bytes payload);
/* A comparison of the slot with a peer is complete. */
void inside_compared(struct keeper *keeper, struct peer *peer, uint32_t slot,
                     bool is_settled);
void inside_log(struct keeper *keeper, const char *format, ...)
    PRINTF_LIKE(2, 3);

/* ---- upkeep.c ---- */
/* Takes over what was said by replica_unsettle; true: the unsettled copy is
 * only in doubt. */
bool upkeep_doubts(struct keeper *keeper, uint32_t slot);
/* A slot without a tenure is to be asked for: as its primary, or because who
 * has lent it was not enough. */
bool upkeep_wants(struct keeper *keeper, uint32_t slot,
                  const struct slot_state *state, bool is_primary);
/* A short tenure that is held is to be asked for anew: in full. */
bool upkeep_may_fill(const struct keeper *keeper, uint32_t slot,
                     const struct slot_state *state);
void upkeep_hand_back(struct keeper *keeper);
void upkeep_scrub(struct keeper *keeper);

/* ---- tenure.c ---- */
/* Asks for the tenures of these slots (ascending). */
void tenure_ask(struct keeper *keeper, const uint16_t *slots, uint32_t count);
void tenure_answer(struct keeper *keeper, uint32_t from,
                   const struct frame *frame);
void tenure_tick(struct keeper *keeper);
void tenure_abort_all(struct keeper *keeper);
/* One that was handed over, and not won here, begins to be kept account of.
 * Slot locked. */
void tenure_note_open(struct keeper *keeper, uint32_t slot);
/* An OPEN one has been compared with a promiser. */
void tenure_compared(struct keeper *keeper, uint32_t number, uint32_t slot,
                     uint64_t seq);
int64_t tenure_deadline_ms(const struct keeper *keeper);

/* ---- compare.c ---- */
void compare_tick(struct keeper *keeper, struct peer *peer);
void compare_answer(struct keeper *keeper, struct peer *peer,
                    const struct frame *frame);
void compare_abort(struct peer *peer);
int64_t compare_deadline_ms(const struct keeper *keeper,
                            const struct peer *peer);

/* ---- round.c ---- */
void round_tick(struct keeper *keeper);
void round_compared(struct keeper *keeper, uint32_t partner, uint32_t slot,
                    uint64_t seq, bool is_settled);
void round_stop(struct keeper *keeper);
void round_note_down(struct keeper *keeper, uint32_t number, int64_t now_ms);

#endif
