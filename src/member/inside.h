/*
 * inside.h - what the files of this folder share: the table of members, the
 * state of each small protocol, and the names of payload parts.
 *
 *   members.c   life, steps, own facts, views, the map
 *   rows.c      rows by id and by number; newer facts replace older ones
 *   facts.c     one member's facts as bytes        saved.c   the saved file
 *   codec.c     payloads: head and sections
 *   exchange.c  who is talked to, and what is told  rumour.c  urgent news
 *   receive.c   what is done with what comes in
 *   lives.c     two nodes with one id: which of them is the member
 *   detector.c  SUSPECT, DOWN, refutation
 *   probation.c this node comes and goes
 *   claim.c     a node number by majority           found.c   a ring begins
 */
#ifndef MEMBER_INSIDE_H
#define MEMBER_INSIDE_H

#include "bus/wire.h"
#include "member/member.h"

enum {
    BEAT_MS = 250, /* a heartbeat's unit: finer than the rounds, so that each
                    * message of a node shows it alive */
    EXCHANGE_MS = MEMBER_GOSSIP_MS / 3,
    WITNESSES_MAX = 4,
    WINDOW_ROWS = 48,       /* digest rows in one answer */
    BEATS_MAX = 2048,       /* heartbeats in one frame */
    CHUNK_BYTES = 48 << 10, /* of records in one frame */
    PROMISES_MAX = 256,
    FRESH_MAX = 64,        /* nodes without a ring that are remembered */
    UNNUMBERED_MS = 30000, /* a silent one is forgotten then */
    DOUBT_MS = 500,        /* a life has so long to show that it is one */
    DOUBT_KEPT_MS = 3000,  /* then another may be asked about */
    HOME_MS = 1000,        /* after that a life is not sent away any more */
    FLUSHES_MAX = 20,      /* immediate pushes saved up; 5 more per tick */
    FLUSH_FANOUT = 3,
    NUMBER_WORDS = RING_NUMBERS / 64,
    PROBATION_TIMES = 3,
};

/* A heartbeat as it is known here; dense by number, as rounds run over it. */
struct pulse {
    uint64_t heartbeat;
    int64_t heard_ms; /* monotonic: it moved last */
};

/* Which life of a node is the present one, while another claims to be. */
struct doubt {
    struct node_life other;
    uint64_t ping; /* which the present one is to answer; 0: no doubt */
    int64_t since_ms;
    bool is_shown; /* it has answered */
};

/* Somebody else suspects a member. */
struct witness {
    uint32_t number;    /* of the observer; 0: free */
    uint64_t heartbeat; /* the last that the observer knows */
    int64_t at_ms;
    uint8_t spread; /* transmissions left */
};

struct member {
    struct node_id id;
    uint32_t number; /* by its own facts */
    uint64_t incarnation, version;
    struct node_life life; /* whose facts these are; began: its first
                            * incarnation */
    bool is_removed;
    bool is_listed; /* had a number, or is REMOVED: counted in the digest */
    bool is_down;   /* this incarnation was declared so */
    bool is_unreached;
    bool has_told;         /* own suspicion was spread */
    int64_t suspect_ms;    /* own suspicion since; 0: none */
    int64_t pushed_ms;     /* last exchange out of turn */
    uint64_t digest;       /* its part of the table's hash */
    uint64_t load_version; /* its heartbeat when the load was told */
    uint8_t spread;        /* transmissions of its facts left */
    uint8_t news_spread;   /* of its DOWN, or of our suspicion */
    uint8_t load_spread;   /* of its load */
    struct pulse *pulse;   /* own_pulse, or members->pulses[number] */
    struct pulse own_pulse;
    struct witness witnesses[WITNESSES_MAX];
    /* lives.c */
    struct node_life present; /* who has this id now; all zero: not known */
    struct node_life past;    /* who had it before */
    int64_t present_ms;       /* that was learned */
    uint32_t links;           /* open ones to it */
    struct doubt doubt;
    struct member_facts facts; /* tokens and served are owned */
};

struct seed {
    bool is_self;
    bool has_id;
    struct node_id id;   /* who answered there last */
    bool was_fresh;      /* and had no ring */
    bool was_complete;   /* and had heard all its own seeds */
    int64_t answered_ms; /* 0: never */
};

/* A node without a ring that was heard, or heard of, lately. */
struct fresh_peer {
    struct node_id id;
    bool is_seed;
    bool is_direct;
    int64_t heard_ms;
};

struct founding {
    int64_t started_ms, next_ask_ms, next_log_ms;
    int64_t complete_ms; /* all seeds answered since; 0: not */
    int64_t asked_at_ms; /* an answer of a numbered member was asked for */
    bool is_asked_seed;  /* somebody has this node among its seeds */
    struct fresh_peer peers[FRESH_MAX];
    uint32_t peer_count;
};

struct claim {
    uint32_t number;  /* asked for now; 0: nothing */
    uint32_t arbiter; /* the only one asked so far; 0: all are */
    uint32_t hint;    /* a number that is free, as a voter says; 0: none */
    uint32_t busy_count;
    uint64_t round;
    int64_t started_ms, resend_ms, next_ms;
    uint32_t votes, electorate;
    uint64_t voted[NUMBER_WORDS]; /* by number: granted in this round */
    uint64_t taken[NUMBER_WORDS]; /* numbers refused */
};

/* How this node has come and gone lately. */
struct probation {
    int64_t times_ms[PROBATION_TIMES]; /* monotonic; the last `count` count,
                                        * the newest last; may be from before
                                        * this life */
    int64_t steady_ms;                 /* not away since */
    uint32_t count;
    uint32_t level; /* probations lately: the term doubles */
    bool is_cut;
};

struct promise {
    uint32_t number;
    struct node_id id;
};

struct members {
    struct member_effects effects;
    struct rng rng;
    uint32_t vnodes, slot_count;
    struct ring_replicas replicas;
    int64_t timeout_ms;

    struct node_id ring; /* all zero: none */
    uint8_t hash_seed[32];
    enum member_standing standing;
    int64_t stands_ms; /* as it does now */
    bool is_founder, has_written, is_self_removed;
    bool is_twin;        /* an earlier life of this node goes on elsewhere */
    bool is_twin_logged; /* a later one was met */
    uint64_t pings;      /* asked for in doubt, so far */
    bool has_exchanged;  /* with a numbered member, in this life */

    struct member **rows; /* owned, ordered by id; self included */
    uint32_t count, room;
    struct member *self;
    struct member *by_number[RING_NUMBERS];
    struct pulse pulses[RING_NUMBERS];
    bool has_beat[RING_NUMBERS]; /* told in rounds: not DOWN, not REMOVED */
    uint32_t number_end;         /* above all numbers in by_number */
    uint32_t numbered;           /* with a number and not REMOVED */
    uint32_t down_count, suspect_count, unnumbered_count;
    uint64_t hash; /* XOR of the rows' digests */

    struct seed seeds[MEMBER_SEEDS_MAX];
    uint32_t seed_count;
    struct founding founding;
    struct claim claim;
    struct probation probation;
    struct promise promises[PROMISES_MAX];
    uint32_t promise_count;
    struct node_id pending; /* the last promise, not yet seen as a fact */
    int64_t pending_ms;     /* 0: none */

    uint64_t settings_version;
    struct buf settings;
    uint8_t settings_spread;

    int64_t now_ms, wall_ms, started_ms, ticked_ms, grace_ms;
    int64_t mass_ms;     /* is_mass was true last */
    uint64_t beat_extra; /* heartbeats beyond what time gives */
    int64_t next_exchange_ms, next_seed_ms, save_ms; /* save_ms 0: no need */
    int64_t load_told_ms;
    uint64_t load_told_hints, load_told_oldest;
    bool has_load;
    uint32_t exchanges;
    uint16_t *order; /* shuffled partners */
    uint32_t order_count, order_at, order_room;
    uint32_t load_at, down_at;
    uint32_t hot_loads; /* rows with load_spread > 0 */
    uint32_t spreading; /* things with transmissions left */
    uint32_t flushes;   /* immediate pushes that may be made */
    uint32_t depth;     /* steps within steps (effects that call setters) */
    bool is_changed, is_urgent, is_mass, is_foreign_logged, is_full_logged;
    struct buf out; /* the payload being built */
    struct member_stats stats;
};

/* ---- members.c ---- */
void members_step_begin(struct members *members);
void members_step_end(struct members *members);
void members_log(struct members *members, const char *format, ...)
    PRINTF_LIKE(2, 3);
void members_send(struct members *members, const struct node_id *to,
                  uint32_t seed, uint8_t type, uint64_t request_id);
/* Own facts have changed: a new version, told to all. */
void members_own_changed(struct members *members);
void members_own_beat(struct members *members);
void members_make_tokens(struct members *members);
/* Looks again at what members_standing tells. */
void members_judge(struct members *members);

/* ---- rows.c ---- */
struct member *rows_find(const struct members *members,
                         const struct node_id *id);
/* The row of `id`, made if there is none; NULL: the table is full. */
struct member *rows_add(struct members *members, const struct node_id *id);
void rows_drop(struct members *members, struct member *member);
void rows_clear_others(struct members *members);
void rows_free(struct members *members);
/* After incarnation, version, number or is_removed have changed. */
void rows_refresh(struct members *members, struct member *member);
void rows_set_number(struct members *members, struct member *member,
                     uint32_t number);
void rows_beat(struct members *members, struct member *member,
               uint64_t heartbeat);
bool rows_is_live(const struct member *member); /* numbered, not REMOVED */
void rows_remove(struct members *members, struct member *member);
/* After is_down or is_removed of the number's holder have changed. */
void rows_mark_beat(struct members *members, uint32_t number);
void facts_deinit(struct member_facts *facts);
/* Copies; tokens and served too, load too. */
void facts_copy(struct member_facts *to, const struct member_facts *from,
                uint32_t slot_count);

/* ---- facts.c ---- */
struct facts_record {
    struct node_id id;
    bool is_removed;
    uint32_t number;
    uint64_t incarnation, version;
    struct node_life life;
    struct member_facts facts; /* tokens, served: owned by the record */
};
void facts_put(struct buf *out, const struct members *members,
               const struct member *member);
/* False: makes no sense. True: facts_drop or facts_merge it. */
bool facts_read(struct bytes bytes, uint32_t slot_count,
                struct facts_record *record);
void facts_drop(struct facts_record *record);
/* Takes the record's facts if they are newer; spread: how often to pass them
 * on. True if something was new. */
bool facts_merge(struct members *members, struct facts_record *record,
                 uint8_t spread);

/* ---- lives.c ---- */
/* A record of another life than the one that has the id: may it be taken? If
 * so, its life has the id from now on. */
bool lives_take_record(struct members *members, struct member *member,
                       const struct facts_record *record);
/* Facts of another life, later than ours, under our id. */
void lives_meet_self(struct members *members,
                     const struct facts_record *record);

/* ---- codec.c: payloads ---- */
enum { PAYLOAD_FORMAT = 1 };
enum head_flag {
    HEAD_FRESH = 1,     /* has no ring */
    HEAD_ALONE = 2,     /* made its ring and is alone in it */
    HEAD_WROTE = 4,     /* acknowledged a write in it */
    HEAD_AS_SEED = 8,   /* sent to an address from the sender's seeds */
    HEAD_COMPLETE = 16, /* all the sender's seeds have answered */
    HEAD_IS_SEED = 32,  /* the sender is somebody's seed */
    HEAD_HOT = 64,      /* news: pass it on */
};
enum section {
    SECTION_RECORDS = 1,
    SECTION_BEATS = 2,
    SECTION_NEWS = 3,
    SECTION_LOADS = 4,
    SECTION_DIGEST = 5,
    SECTION_WANTS = 6,
    SECTION_SETTINGS = 7,
    SECTION_FRESH = 8,
    SECTION_SECRET = 9,
};
enum news_kind { NEWS_SUSPECT = 1, NEWS_DOWN = 2 };
struct head {
    uint8_t flags;
    struct node_id ring;
    uint32_t number;
    uint64_t incarnation, heartbeat, hash, settings_version;
};
struct news {
    uint8_t kind;
    uint32_t number, observer;
    uint64_t incarnation, heartbeat;
};
/* Starts members->out with the head. */
void codec_start(struct members *members, uint8_t flags);
size_t codec_section(struct buf *out, enum section tag);
void codec_section_end(struct buf *out, size_t place);
bool codec_head(struct wire_reader *reader, struct head *head);
/* The next section; false: no more, or reader->is_bad. */
bool codec_next(struct wire_reader *reader, uint8_t *tag, struct bytes *body);
void codec_beats(struct members *members);
void codec_put_record(struct members *members, const struct member *member);
/* Rows from `*at` on, until about CHUNK_BYTES; moves *at on. */
void codec_records(struct members *members, uint32_t *at);
void codec_digest(struct members *members);
void codec_put_news(struct members *members, const struct news *news);
void codec_loads(struct members *members);
void codec_settings(struct members *members);
void codec_fresh(struct members *members);
void codec_node_id(struct buf *out, const struct node_id *id);
struct node_id codec_take_id(struct wire_reader *reader);
uint64_t codec_zigzag(uint64_t base, uint64_t value); /* of base - value */
uint64_t codec_unzigzag(uint64_t base, uint64_t coded);

/* ---- exchange.c ---- */
void exchange_tick(struct members *members);
void exchange_member(struct members *members, const struct node_id *to);
void exchange_seed(struct members *members, uint32_t seed);
void exchange_answer(struct members *members, const struct node_id *to,
                     uint64_t request_id, const struct head *head);
void exchange_all_records(struct members *members, const struct node_id *to,
                          uint64_t request_id);
/* Compares a digest window; sends what the peer lacks and asks for the rest. */
bool exchange_digest(struct members *members, const struct node_id *to,
                     struct bytes body);
bool exchange_wants(struct members *members, const struct node_id *to,
                    struct bytes body);

/* ---- rumour.c ---- */
uint8_t rumour_count(const struct members *members);
void rumour_set(struct members *members, uint8_t *spread, uint8_t count);
/* A new load of this member: told with the next rounds. */
void rumour_load(struct members *members, struct member *member, uint8_t count);
void rumour_flush(struct members *members);
/* The section NEWS: what is hot if `is_hot`, some DOWN members in turn, and
 * what is thought of `about` (NULL: nobody). */
void rumour_put_news(struct members *members, bool is_hot,
                     const struct member *about);

/* ---- receive.c ---- */
void receive_frame(struct members *members, const struct node_id *from,
                   const struct frame *frame);

/* ---- detector.c ---- */
void detector_tick(struct members *members);
void detector_clear(struct members *members, struct member *member);
void detector_news(struct members *members, const struct news *news);
/* What we think of a member that isn't UP; false: it is. */
bool detector_opinion(const struct members *members,
                      const struct member *member, struct news *news);

/* ---- probation.c ---- */
/* This node was away: `what` it did, for the log. */
void probation_away(struct members *members, const char *what);
void probation_tick(struct members *members);
void probation_put(const struct members *members, struct buf *out);
/* False: the bytes make no sense. */
bool probation_read(struct members *members, struct wire_reader *reader);

/* ---- claim.c ---- */
void claim_tick(struct members *members);
void claim_frame(struct members *members, const struct node_id *from,
                 const struct frame *frame);
void claim_lost(struct members *members); /* somebody else has our number */
void claim_seen(struct members *members, const struct member *member);

/* ---- found.c ---- */
void found_tick(struct members *members);
void found_head(struct members *members, const struct node_id *from,
                const struct frame *frame, const struct head *head);
bool found_fresh_list(struct members *members, struct bytes body);
void found_adopt(struct members *members, const struct head *head,
                 const uint8_t secret[32]);
/* A frame of another ring's member. */
void found_foreign(struct members *members, const struct node_id *from,
                   const struct head *head);
uint8_t found_flags(const struct members *members);

/* ---- saved.c ---- */
void saved_write(struct members *members); /* now */
void saved_soon(struct members *members);  /* within a second */
bool saved_read(struct members *members, struct bytes bytes);

static inline bool
node_id_is_zero(const struct node_id *id)
{
    static const struct node_id zero;

    return node_id_equal(id, &zero);
}

#endif
