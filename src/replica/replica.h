/*
 * replica.h - what a node knows and promises about each slot it may own:
 * tenure, settled, dirty marks; who is healthy; the copies it keeps for others.
 *
 * One struct replica per node, shared by its workers. Per-slot state is touched
 * under the slot's lock (store_lock of `store`) alone. Nothing here waits.
 *
 *   TENURE_NONE --asked, promised by enough--> TENURE_OPEN --compared with the
 *        ^                                        |            promisers
 *        |                                        v
 *        +---- a newer one is promised ------- TENURE_HELD
 *
 * Acting as a slot's primary means holding its tenure: a stamp promised by
 * N_eff - W + 1 settled owners. While it is OPEN, a write first reads its keys
 * from the promisers. A promise is the largest tenure an owner has promised or
 * seen; it refuses writes of older ones.
 *
 * Settled: the copy has forgotten nothing it acknowledged.
 *
 * Sources: Lamport, "Paxos Made Simple" (2001), for promises;
 * docs in src/replica/README.
 */
#ifndef REPLICA_REPLICA_H
#define REPLICA_REPLICA_H

#include "base/lock.h"
#include "bus/frame.h"
#include "replica/hints.h"
#include "ring/map.h"
#include "store/replicate.h"

#include <stdatomic.h>

/* Full tenures known besides the promise, per slot. */
enum { TENURES_KEPT = 8, SHORTS_KEPT = 4 };

enum tenure_state { TENURE_NONE, TENURE_OPEN, TENURE_HELD };

/* Of one slot; under its lock. What each write needs is in the first line of
 * the cache. */
struct slot_state {
    _Alignas(64) struct stamp promised; /* the largest tenure promised, or
                                         * seen */
    uint32_t list_hash;   /* of the list for which settled/tenure hold */
    uint32_t brought;     /* rises when a copy older than the newest writes
                           * came in: by comparison, read repair, hint. While
                           * it rises, repaired-through stays */
    uint32_t merged;      /* rises when what is here changes by a record from
                           * another node */
    uint16_t promised_to; /* its holder's node number */
    uint8_t tenure;       /* enum tenure_state: of this node's own, which
                           * is `promised` while promised_to is itself */
    bool is_settled;
    bool is_short;          /* the tenure has fewer promises than it should */
    bool is_doubtful;       /* unsettled, as the ring took this node for DOWN:
                             * what is here may have been forgotten by the
                             * others; one comparison settles it */
    bool has_lost;          /* unsettled by a coordinator: the keeper begins
                             * its comparisons anew */
    bool is_wanted;         /* a write waits for the tenure here */
    bool is_borrowed;       /* lent to this node: only the command that has
                             * borrowed it (`loan`) may write */
    bool is_away;           /* lent_to has its tenure */
    bool is_lacking;        /* is_short, and more promises are needed: no strict
                             * write is under it. (Where W is N, one promise is
                             * enough, but keeps nobody out) */
    bool is_short_fine;     /* a sloppy write waits here, in a strict ring */
    bool is_kept;           /* no owner any more; the copy was settled, and is
                             * kept until the new owners are */
    uint16_t lent_to;       /* lent to this member, or kept for it: no write
                             * begins here; self: kept for a command here that
                             * is still to get other slots; RING_NOBODY */
    uint8_t promiser_count; /* OPEN: who has promised, self not included */
    struct stamp full[TENURES_KEPT]; /* full tenures seen at work, the newest
                                      * first; their holders are in them */
    struct stamp few[SHORTS_KEPT];   /* short ones, likewise */
    struct stamp few_dropped, full_dropped; /* the newest that had no room */
    uint64_t loan; /* of lent_to, or of is_borrowed: the borrower's number */
    uint16_t promisers[RING_OWNERS_MAX];
    struct stamp compared; /* a round up to this one asked about the copy, which
                            * was not in doubt then */
};

/* Of one slot, any thread: writes that were executed here and ... Both are
 * raised under the slot's lock. */
struct under_way {
    _Atomic uint32_t unanswered; /* are not answered yet */
    _Atomic uint32_t unacked;    /* are not with all other owners yet */
    bool is_shown; /* something was read here, or given to others, since the
                    * first of the unanswered; under the slot's lock */
};

/* How a peer looks from here; bits, set by node/ from links and members. */
enum peer_health {
    PEER_REACHABLE = 1, /* a link is open and answers */
    PEER_RETURNING = 2, /* it says so: no primary, serves settled slots */
    PEER_DOWN = 4,      /* the ring says so (two witnesses) */
    PEER_JOINING = 8,
    PEER_PROBATION = 16, /* it says so: it comes and goes, no primary */
    PEER_PASSIVE = PEER_RETURNING | PEER_PROBATION,
};

struct replica_config {
    struct store *store;
    uint32_t slot_count;
    struct stamp ceiling; /* saved in the last life: the promise of every slot
                           * at the start; STAMP_NEVER at the first */
};

struct replica {
    struct store *store;
    struct store *_Atomic held;  /* copies kept for others; NULL: never one */
    struct hints *_Atomic hints; /* to whom they are to go; likewise */
    struct lock standin_lock;    /* while these two are made */
    _Atomic uint64_t hints_max_bytes;
    uint32_t slot_count;
    uint32_t self;  /* node number */
    bool has_lived; /* before this start: it has forgotten its dirty marks */
    struct slot_state *slots;
    struct under_way *under_way;          /* by slot */
    struct ring_map *_Atomic map;         /* replaced by worker 0; see node.h */
    _Atomic uint8_t health[RING_NUMBERS]; /* enum peer_health; self's too */
    _Atomic uint32_t read_quorum,
        write_quorum;        /* R, W before the cut to N_eff */
    _Atomic bool is_strict;  /* quorum-mode strict */
    _Atomic bool is_alone;   /* a ring of one: nothing of all this */
    _Atomic uint32_t wanted; /* rises when somebody wants the keeper to run:
                              * a tenure is missing, a peer changed */
    struct dirty *_Atomic dirty[RING_NUMBERS]; /* by target; NULL: none ever */
    _Atomic uint32_t dirty_slots;              /* all marks */
    _Atomic int64_t forget_ms;                 /* forget-after */
    _Atomic bool has_pressure; /* tombstones take more than their share */
    _Atomic uint64_t forgotten[RING_NUMBERS];  /* tombstones up to this stamp
                                                * went without this member: what
                                                * it kept for others may be older
                                                * than they; 0: none did */
    _Atomic uint64_t evict_each[RING_NUMBERS]; /* this member asks for so many
                                                * bytes of each slot that both
                                                * own; taken by node/ */
    _Atomic uint32_t unsettled;  /* owned slots that are not settled */
    _Atomic uint64_t loans;      /* numbers of loans drawn so far */
    _Atomic uint32_t loan_waits; /* what waits here for a slot on loan */
    /* counters for INFO and kula-ctl */
    _Atomic uint64_t short_tenures, short_settles, tenures_taken, tenures_lost,
        stale_writes;
    _Atomic uint64_t repaired_keys, repair_bytes, read_repairs;
    _Atomic uint64_t out_of_tenure; /* versions that lost for that */
    _Atomic uint64_t taken_back;    /* own versions that nobody took */
};

struct replica *replica_new(const struct replica_config *config);
void replica_free(struct replica *replica); /* frees held; not store, map */

static inline const struct ring_map *
replica_map(const struct replica *replica)
{
    return atomic_load_explicit(&replica->map, memory_order_acquire);
}

static inline uint32_t
replica_health(const struct replica *replica, uint32_t number)
{
    return atomic_load_explicit(&replica->health[number], memory_order_relaxed);
}

/* The node that should act as the slot's primary as things look from here: the
 * first reachable owner that isn't RETURNING or on probation; if there is none,
 * the first that is only on probation; the first at all; RING_NOBODY. Any
 * thread, no lock. */
uint32_t replica_primary(const struct replica *replica,
                         const struct ring_list *list);
/* A quorum as it counts for this list: cut to N_eff. */
uint32_t replica_cut(uint32_t quorum, const struct ring_list *list);
/* The ring's W and R likewise. */
uint32_t replica_w(const struct replica *replica, const struct ring_list *list);
uint32_t replica_r(const struct replica *replica, const struct ring_list *list);
/* Promises needed for a tenure, settled owners needed to settle. */
static inline uint32_t
replica_overlap(uint32_t n_eff, uint32_t w)
{
    return n_eff >= w ? n_eff - w + 1 : 1;
}

/* The ring took this node for DOWN, and says so: all its copies are in doubt.
 * No lock. */
void replica_doubt_all(struct replica *replica);

/* ---- under the slot's lock ---- */

/* This node may execute a write now: it holds the tenure, OPEN or not, for the
 * list of that hash, and does not keep it for a borrower. */
bool replica_may_write(const struct replica *replica, uint32_t slot,
                       uint32_t list_hash);
/* Not because the tenure is missing: the slot is on loan, and comes back. */
bool replica_is_lent(const struct replica *replica, uint32_t slot);
/* A copy (or a promise asked for) of tenure `tenure` by `holder`. False:
 * refused, an owner has promised a newer one. True: it is, now, the slot's
 * promise; an own tenure that was older ends. */
bool replica_promise(struct replica *replica, uint32_t slot,
                     struct stamp tenure, uint32_t holder);
/* A write came back refused: the own tenure ends. */
void replica_lose(struct replica *replica, uint32_t slot, struct stamp seen);
bool replica_is_settled(const struct replica *replica, uint32_t slot);
/* The copy has forgotten something: settled again by a comparison. */
void replica_unsettle(struct replica *replica, uint32_t slot);
/* What the asker of a round, or who was compared with, says is repaired, and
 * this copy was not asked about: it was forgotten. Else STAMP_NEVER. */
struct stamp replica_forgotten_by(const struct replica *replica, uint32_t slot,
                                  struct stamp repaired);
/* A record that member `from` kept for this node while the ring forgot it. */
bool replica_is_relic(struct replica *replica, uint32_t from,
                      const struct store_key *key, struct stamp newest);
/* A write of this tenure, promised by as many as it should be, was seen. */
void replica_saw_tenure(struct replica *replica, uint32_t slot,
                        struct stamp tenure);
/* The same of one that fewer have promised than should. */
void replica_saw_short(struct replica *replica, uint32_t slot,
                       struct stamp tenure);
/* The tenure that a version of this slot was written under, or one not older
 * than it where it had no room any more; STAMP_NEVER: not known, or short. */
struct stamp replica_tenure_of(const struct replica *replica, uint32_t slot,
                               struct stamp stamp);
/* The version `stamp`, written under `tenure` (STAMP_NEVER: not known), was
 * written after a later tenure of another node had begun. */
bool replica_is_out(const struct replica *replica, uint32_t slot,
                    struct stamp stamp, struct stamp tenure);
/* As far as is known here, nobody else has held a tenure since `tenure`. */
bool replica_is_sole_since(const struct replica *replica, uint32_t slot,
                           struct stamp tenure);
/* The short one that it was written under; STAMP_NEVER: not known, or full. */
struct stamp replica_short_of(const struct replica *replica, uint32_t slot,
                              struct stamp stamp);
/*
 * store_merge, but a version that was written out of tenure (after another
 * node's later one had begun) loses to one in tenure, whatever the stamps: what
 * a primary wrote after it had lost its tenure without knowing must not beat
 * what its successor acknowledged. Counters merge as ever. `tenure`: what came
 * with the record, see replica_tenure_of; STAMP_NEVER: not known.
 */
enum store_outcome replica_merge(struct replica *replica,
                                 const struct store_key *key,
                                 const struct record *record,
                                 struct stamp tenure, int64_t wall_ms,
                                 struct stamp *by);

/* ---- loans: loan.c; under the slot's lock ---- */

/* What goes with a tenure from hand to hand. */
struct handover {
    struct stamp stamp; /* promised by the giver; STAMP_NEVER: it is not */
    bool is_settled;    /* the giver's copy, then: so the promise counts */
    uint64_t digest;    /* of the giver's copy, then */
};

/* The slot is kept for this loan of member `to` (self: reserved) from now on.
 * False: for another. */
bool replica_keep_for(struct replica *replica, uint32_t slot, uint32_t to,
                      uint64_t loan);
/* It is not any more; true: it was. */
bool replica_keep_end(struct replica *replica, uint32_t slot, uint32_t to,
                      uint64_t loan);
/* No write of this node is under way, `whole`: to any of the other owners. */
static inline bool
replica_is_still(const struct replica *replica, uint32_t slot, bool whole)
{
    const struct under_way *under_way = &replica->under_way[slot];

    return atomic_load(&under_way->unanswered) == 0 &&
           (!whole || atomic_load(&under_way->unacked) == 0);
}
static inline void
replica_note_shown(struct replica *replica, uint32_t slot)
{
    struct under_way *under_way = &replica->under_way[slot];

    if (UNLIKELY(atomic_load_explicit(&under_way->unanswered,
                                      memory_order_relaxed) != 0))
        under_way->is_shown = true;
}
static inline void
replica_note_write(struct replica *replica, uint32_t slot)
{
    struct under_way *under_way = &replica->under_way[slot];

    if (atomic_fetch_add_explicit(&under_way->unanswered, 1,
                                  memory_order_relaxed) == 0)
        under_way->is_shown = false;
    atomic_fetch_add_explicit(&under_way->unacked, 1, memory_order_relaxed);
}
/* Gives the own tenure, with no write unanswered, to an owner: it is promised a
 * stamp above everything here and above `above`. stamp: STAMP_NEVER if there is
 * none to be given. */
struct handover replica_hand_over(struct replica *replica, uint32_t slot,
                                  uint32_t to, struct stamp above,
                                  int64_t wall_ms);
enum taken {
    TAKEN_NOT,  /* something newer is promised here */
    TAKEN_PART, /* promised, but not by enough: the keeper is to ask the rest */
    TAKEN,      /* OPEN or HELD */
};
/* Takes what member `from` has handed over. */
enum taken replica_take_over(struct replica *replica, uint32_t slot,
                             const struct ring_list *list, uint32_t from,
                             const struct handover *handover, int64_t wall_ms);
/* The largest stamp here that a tenure of the slot must be above. */
struct stamp replica_top(const struct replica *replica, uint32_t slot);

/* ---- eviction: evict.c; under the slot's lock ---- */

/*
 * A live version `newest` that is here is not at another settled owner, which
 * has evicted up to `evicted`. True: then it counts as evicted, and was dropped
 * here, too; false: the other is to have it, as this node holds the tenure, or
 * nothing says that it was evicted.
 */
bool replica_drop_evicted(struct replica *replica, uint32_t slot, uint64_t hash,
                          struct stamp newest, struct stamp evicted,
                          int64_t wall_ms);
/* This node has the tenure, not this key, and has evicted up to the record. */
bool replica_was_evicted(const struct replica *replica,
                         const struct store_key *key,
                         const struct record *record);
/* What this copy can tell others of eviction: if it is settled. */
struct stamp replica_evicted(const struct replica *replica, uint32_t slot);
/* Another owner has evicted so far; what is not believable is ignored. */
void replica_learn_evicted(struct replica *replica, uint32_t slot,
                           struct stamp evicted, int64_t wall_ms);
/* An EVICT of member `from`; no lock is held. False: malformed. */
bool replica_take_evict(struct replica *replica, uint32_t from,
                        struct bytes payload, int64_t wall_ms);

/* ---- copies kept for others; any thread ---- */

/* Makes `held` and `hints` at the first need. */
void replica_standin(struct replica *replica);
/* The copy, if there is one and no hint points at it any more, is dropped.
 * No lock is held. */
void replica_drop_held(struct replica *replica, uint32_t slot, uint64_t hash,
                       int64_t wall_ms);
uint64_t replica_hint_count(const struct replica *replica);
/* hints-max-bytes allows for a copy of so many bytes, and `hints` hints. */
bool replica_has_hint_room(struct replica *replica, size_t bytes,
                           uint32_t hints);
/* One that is kept for others is this node's own, too: an owner's. The slot is
 * locked. */
void replica_adopt(struct replica *replica, const struct store_key *key,
                   const struct record *record, int64_t wall_ms);
/* The slot has become this node's own, or is to: what it keeps for others is
 * part of its copy. No lock is held. */
void replica_adopt_held(struct replica *replica, uint32_t slot,
                        int64_t wall_ms);

/* ---- dirty marks; any thread, no lock needed ---- */

/* `target` may lack what was written to the slot. */
void replica_mark_dirty(struct replica *replica, uint32_t target,
                        uint32_t slot);
bool replica_is_dirty(const struct replica *replica, uint32_t target,
                      uint32_t slot);
uint32_t replica_dirty_count(const struct replica *replica, uint32_t target);

#endif
