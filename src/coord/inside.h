/*
 * inside.h - what the files of coord/ share.
 *
 *   coord.c    life, links, dispatch of frames, time
 *   op.c       ops: pool, client's queue, how one ends
 *   route.c    where a command is run
 *   execute.c  running it here: guard, what it changed
 *   copies.c   COPY, ACK, NACK: both ends
 *   shortfall.c  a write whose copies were not enough
 *   versions.c VERSIONS: reads of a quorum, both ends
 *   hedge.c    answers that are late: another owner is asked, too
 *   acting.c   a stand-in runs commands for owners that can't be reached
 *   fetch.c    FETCH: keys of an open tenure, both ends
 *   loans.c    LEND, LENT, BACK: slots of several nodes for one command
 *   request.c  REQUEST, REPLY: commands run elsewhere, both ends
 *   parts.c    commands over keys of several nodes: split and joined
 *   whole.c    commands over all keys, EXEC
 *   await.c    WAIT
 */
#ifndef COORD_INSIDE_H
#define COORD_INSIDE_H

#include "base/memory.h"
#include "bus/wire.h"
#include "coord/coord.h"

enum {
    OPS_MAX = 65536,          /* of one worker */
    OP_ARGS_KEEP = 64 * 1024, /* a longer command is not run a second time */
    OP_BEFORE_MAX = 4096,     /* a larger one is not kept to be put back */
    OP_HOPS_MAX = 3,
    RETRY_MS = 5,
    HEDGE_LEAST_MS = 2, /* no answer is late before */
    COPY_AGE_MAX_MS = 10 * 1000,
    KEYS_ROOM_KEPT = 1024,
};

enum op_step {
    STEP_FREE,
    STEP_RETRY,     /* waits for a tenure, a primary, a map */
    STEP_ASKED,     /* a peer runs it */
    STEP_FETCHING,  /* promisers send what they have of its keys */
    STEP_BORROWING, /* another node is asked for the tenures of slots */
    STEP_COPIES,    /* ran here; waits for acknowledgements */
    STEP_VERSIONS,  /* read here; waits for others' versions */
    STEP_PARTS,     /* its parts are under way */
    STEP_AWAIT,     /* kula.wait: until others have enough */
    STEP_DONE,      /* the reply is whole */
};

/* Who wants a reply. */
struct asker {
    struct client *client; /* of this worker; NULL: */
    struct link *link;     /* a peer's REQUEST (NULL when it is lost), or */
    uint64_t request_id;
    struct op *parent; /* the op that this is a part of */
    uint32_t part;
    uint8_t hops;
    int64_t deadline_ms;
};

/* What an execution changed or read, of one key. */
struct touched {
    uint32_t slot, db;
    uint64_t hash;
    uint64_t version;      /* store_version() before (writes), at (reads) */
    struct stamp newest;   /* after (writes), at (reads) */
    struct stamp tenure;   /* under which it was written */
    struct stamp fetched;  /* open tenure under which its key was fetched */
    uint32_t before_bytes; /* of the record before, in op->before */
    uint32_t merged;       /* of its slot, at reads */
    bool is_before_kept;   /* it is there, or there was none */
    bool is_changed;
    bool is_witness; /* not changed, and no other key of its slot is: that the
                      * slot's tenure stands is to be confirmed, too */
    bool is_counter; /* and it is one: it adds up wherever it is merged */
};

struct op {
    uint64_t id;              /* place in the pool, and a generation */
    struct op *next;          /* in the client's queue; in the free list */
    struct op *older, *newer; /* all live ones, in order of their birth */
    struct asker asker;
    enum op_step step;
    const struct cmd_spec *spec;
    uint32_t flags;       /* the client's, CLIENT_NO_TOUCH */
    struct quorum own;    /* what the connection says */
    struct quorum quorum; /* in full; of the last execution here */
    uint8_t proto;
    uint8_t db;
    bool is_write;
    bool has_lost;     /* a copy of it is perhaps stored somewhere */
    bool is_resent;    /* as repairs: of counters, once */
    bool is_beaten;    /* a newer version was met: its own copy is gone */
    bool is_stale;     /* refused for its tenure */
    bool is_told;      /* the asking peer has the reply: EXECUTED */
    struct link *told; /* on which, until its copy is acknowledged */
    bool is_silent;    /* CLIENT REPLY OFF or SKIP */
    bool is_held;      /* its asker has not taken the reply yet */
    bool has_run;     /* it has changed something here, or may have elsewhere */
    bool is_short;    /* the tenure it was executed under was */
    bool is_spanning; /* over slots of several nodes, which it may wait for */
    bool is_fetched;  /* the keys of open tenures were asked for */
    bool is_unacked;  /* counted as such in its slots, see struct under_way */
    bool wants_retry; /* STEP_COPIES: something is to be sent again; VERSIONS:
                       * another owner is to be asked */
    bool may_hedge;   /* STEP_ASKED: any owner may be asked */
    bool is_acting;   /* it ran here for the owners: this copy counts */
    int64_t retry_ms;
    struct buf args; /* wire form, kept while it may be run again */
    uint32_t arg_count;
    struct buf reply;
    struct buf before; /* records of what was written over, one by one */
    struct buf behind; /* replied at once after it */
    struct link *asked[RING_OWNERS_MAX];
    uint32_t asked_count;       /* answers that are still awaited */
    uint32_t tried;             /* bits: owners asked, by place in the list */
    int64_t asked_ms;           /* when the last of them was asked */
    int64_t late_ms;            /* its answer is, from then on; INT64_MAX */
    uint16_t hedged;            /* asked as well, as others were late */
    uint32_t acks, acks_needed; /* STEP_VERSIONS: answers */
    uint32_t out;               /* copies neither acknowledged nor lost */
    uint32_t run;          /* executions so far: acknowledgements name theirs */
    uint16_t acked_by[64]; /* members, each once */
    uint32_t acked_count;
    uint16_t standins[RING_OWNERS_MAX]; /* asked to keep a copy */
    uint32_t standin_count;
    struct touched one, *touched; /* &one, or owned */
    uint32_t touched_count;
    struct parts *parts; /* owned; STEP_PARTS */
    struct await *await; /* owned; STEP_AWAIT */
    struct loans *loans; /* owned; what it has borrowed until it is DONE */
};

/* A copy under way on a link, in the order they were sent. */
struct sent_copy {
    struct op *op; /* NULL: a hint is handed over */
    struct hint hint;
    uint32_t run;
    uint16_t target; /* whom a stand-in keeps it for; else RING_NOBODY */
    bool is_refused;
};

/* How quick a peer is with one kind of answers. */
struct pace {
    uint32_t late;    /* few of them take longer: 1/1024 ms */
    uint8_t warm;     /* answers so far, few */
    bool is_probe;    /* it was asked after a pause */
    int64_t asked_ms; /* last */
};

/* Of a link: link->coord_data. */
struct coord_link {
    struct coord_link *next, *prev; /* all of this worker */
    struct link *link;              /* whose it is */
    uint64_t serial;                /* of no other link ever */
    uint32_t refusals;              /* copies that were refused */
    uint32_t number;                /* the member's */
    struct sent_copy *sent;         /* owned ring of `room`, a power of two */
    uint32_t room;
    uint64_t first; /* number of the oldest in the ring; copies_sent is last */
    bool last_copy_taken;
    uint32_t hints_out; /* under way on it */
    struct pace versions, requests;
};

/* The copy with this number, counted from 0. */
static inline struct sent_copy *
coord_sent_at(const struct coord_link *to, uint64_t number)
{
    return &to->sent[number & (to->room - 1)];
}

struct coord {
    struct replica *replica;
    struct store *store;
    struct cmd_env *env;
    struct coord_effects effects;
    struct cmd_router router;
    struct cmd_guard guard_write, guard_read;
    struct cmd_guard guard_acting_write, guard_acting_read;
    struct coord_stats stats;
    struct op **pool; /* owned; all ops ever, by place */
    uint32_t pool_count, live_count;
    struct coord_link *links;
    uint64_t serial;  /* of the newest link */
    uint64_t *awaits; /* owned; ids of ops in STEP_AWAIT */
    uint32_t await_count;
    uint64_t taken_seen;      /* replica->tenures_taken */
    uint32_t waiting_count;   /* of ops, see step_waits */
    struct lending *lendings; /* owned; what others have asked for, oldest
                               * first */
    uint32_t lending_count;
    bool has_freed;
    struct op *free;
    struct op *oldest, *newest;
    int64_t retry_ms;   /* the earliest of all ops' */
    int64_t timeout_ms; /* quorum-timeout-ms */
    bool is_changed;
    int64_t standins_ms; /* when hints are looked at next */
    uint32_t hedges;     /* what may be spent on them: hedge.c */
    int64_t hedge_ms;    /* when late answers are looked for next */
    struct client **due; /* owned; clients to be told at the turn's end */
    uint32_t due_count, due_room;
    /* the execution of the moment */
    struct asker asker;
    struct op *op;           /* run again; NULL: for the first time */
    struct quorum quorum;    /* of its keys, in full */
    bool is_short;           /* of the tenures one was promised by too few */
    bool wants_fetch;        /* the guard said no because a tenure is open, */
    bool wants_loan;         /* because a slot is on loan */
    struct touched *touched; /* owned */
    uint32_t touched_count, touched_room;
    struct buf before;     /* their records before, as op->before */
    struct buf records;    /* changed keys, encoded one behind another */
    uint32_t *record_ends; /* owned; as touched[] that are changed */
    uint32_t record_count, record_room;
    struct buf scratch;
    /* keys of the batch that is being read, their names in its bytes */
    struct store_key expected[FRAME_BATCH_PARTS];
    uint32_t expected_count, expected_at;
    struct bytes *args; /* owned; decoded arguments */
    uint32_t args_room;
    struct reply reply;  /* of what is run for a peer or a part */
    struct client proxy; /* who runs it */
};

/* ---- op.c ---- */
void op_init_router(struct coord *coord);
struct op *op_new(struct coord *coord, const struct cmd_call *call);
struct op *op_find(struct coord *coord, uint64_t id); /* NULL: long gone */
/* Keeps a command's arguments; false: too long to be kept. */
bool op_keep_args(struct op *op, const struct cmd_call *call);
/* So that what is behind it, on one of its slots, is known to be. */
void op_note_slots(struct op *op, const struct cmd_call *call);
/* Arguments in wire form to coord->args; false: malformed. */
bool op_args(struct coord *coord, struct bytes wire, uint32_t count);
/* The reply is whole: tells whoever asked. */
void op_done(struct coord *coord, struct op *op);
void op_error(struct coord *coord, struct op *op, const char *text);
/* NOQUORUM or UNCERTAIN, by what may have happened. */
void op_fail(struct coord *coord, struct op *op);
/* One reason less to keep it. */
void op_release(struct coord *coord, struct op *op);
void op_wait(struct coord *coord, struct op *op, int64_t retry_ms);
/* Runs it again from the start. */
void op_again(struct coord *coord, struct op *op);
void op_set_reply(struct op *op, struct bytes reply);

static inline bool
step_waits(enum op_step step)
{
    return step == STEP_RETRY || step == STEP_FETCHING ||
           step == STEP_BORROWING;
}

/* ---- loans.c ---- */
/* Runs a write here once the tenures of all its slots are here. */
void loans_run(struct coord *coord, struct cmd_call *call, struct op *op);
/* Keeps all slots whose primary this node is; false: it is to wait for one. */
bool loans_keep_all(struct coord *coord, struct op *op);
/* Gives back what it has. */
void loans_end(struct coord *coord, struct op *op);
void loans_free(struct op *op);
/* 0: it has none. */
uint64_t loans_id(const struct op *op);
/* One of its slots is on loan: tried again when it comes back. */
void loans_wait(struct coord *coord, struct op *op);
/* A write ends, in this step; it was in STEP_COPIES. */
void loans_answered(struct coord *coord, struct op *op, enum op_step step);
/* It is DONE, and no copy of it is under way. */
void loans_acked(struct coord *coord, struct op *op);
/* It is DONE, and has loans: kept a little, for its last copies. */
void loans_linger(struct coord *coord, struct op *op);
void loans_link_lost(struct op *op, const struct link *link);
void loans_lend(struct coord *coord, struct link *link,
                const struct frame *frame);
void loans_lent(struct coord *coord, struct link *link,
                const struct frame *frame);
void loans_back(struct coord *coord, struct link *link,
                const struct frame *frame);
/* What was asked for on the link, or all (NULL). */
void loans_lost(struct coord *coord, const struct link *link);
void loans_turn(struct coord *coord);
int64_t loans_deadline_ms(const struct coord *coord);

static inline void
op_set_step(struct coord *coord, struct op *op, enum op_step step)
{
    if (step_waits(op->step)) coord->waiting_count--;
    if (step_waits(step)) coord->waiting_count++;
    if (step == STEP_COPIES) op->is_unacked = true;
    if (op->step == STEP_COPIES && step != STEP_COPIES)
        loans_answered(coord, op, step);
    op->step = step;
}

/* ---- expect.c ---- */
/* store_key() of what a peer has sent: perhaps known already. */
struct store_key expect_key(struct coord *coord, uint32_t db,
                            struct bytes name);
/* Something is about to happen in this slot. */
void expect_slot(const struct coord *coord, uint32_t slot);

/* ---- route.c ---- */
enum place_kind {
    PLACE_HERE,
    PLACE_THERE,
    PLACE_ACTING, /* here, for the owners: acting.c */
    PLACE_PARTS,
    PLACE_BEHIND, /* when something of its client before it has run */
    PLACE_NOWHERE,
};
struct place {
    enum place_kind kind;
    uint32_t number; /* THERE */
    bool may_hedge;  /* THERE: any owner will do */
};
/* call->key or call->keys are filled. */
struct place route_place(struct coord *coord, const struct cmd_call *call,
                         bool is_write);
/* Nothing of its client on these slots is still to run, here or elsewhere. */
bool route_is_free(const struct coord *coord, const struct cmd_call *call);
/* Nobody can be asked now: later again, until the deadline. */
void route_wait(struct coord *coord, struct cmd_call *call);
/* Until something of its client has run. */
void route_wait_behind(struct coord *coord, struct cmd_call *call);
void route_run(struct coord *coord, struct cmd_call *call);
bool route_is_usable(const struct coord *coord, uint32_t number);
/* The member owns all the slots that the op names. */
bool route_owns_all(const struct coord *coord, const struct op *op,
                    uint32_t number);
const struct store_key *route_keys(const struct cmd_call *call,
                                   uint32_t *count);
/* What the call's connection, its keys' prefixes and the ring say; of several
 * keys the strictest. */
struct quorum route_quorum(const struct coord *coord,
                           const struct cmd_call *call);

/* ---- execute.c ---- */
void execute_init(struct coord *coord);
void execute_write(struct coord *coord, struct cmd_call *call, struct op *op);
void execute_read(struct coord *coord, struct cmd_call *call, struct op *op);
/* The slot's tenure allows a write of coord->quorum's mode; else the keeper is
 * told what is missing. Slot locked. */
bool execute_has_tenure(struct coord *coord, uint32_t slot, uint32_t list_hash);
/* The slot is about to be written, by a command of coord->quorum: its tenure is
 * one to be remembered. True: a short one, for this command. Slot locked. */
bool execute_note_tenure(const struct coord *coord, uint32_t slot);
/* What it does does not depend on what was there, so doing it twice is no harm,
 * nor is doing it where nothing is known of its keys. */
bool execute_is_blind(const struct cmd_spec *spec, const struct bytes *args,
                      uint32_t count);
void execute_forget(struct coord *coord);
/* It is tried again: not the primary yet, or keys are to be fetched first. */
void execute_not_now(struct coord *coord, struct cmd_call *call, struct op *op);
struct touched *execute_add_touched(struct coord *coord,
                                    const struct store_key *key);
/* What is in `store` now, to coord->records, if it has changed. */
void execute_note_after(struct coord *coord, struct store *store,
                        const struct store_key *key, uint32_t at);
/* Something was changed: the op that brings it to others. */
struct op *execute_keep(struct coord *coord, struct cmd_call *call,
                        struct op *op, size_t start);
/* Takes coord->touched over. */
void execute_keep_touched(struct coord *coord, struct op *op);
/* The reply from `start` on is whole: tells whoever asked. */
void execute_finish(struct coord *coord, struct cmd_call *call, struct op *op,
                    size_t start);
/* What was replied from `start` on belongs to the op. */
void execute_take_reply(struct op *op, struct reply *reply, size_t start);

/* ---- copies.c ---- */
/* Nobody has acknowledged this execution yet. */
void copies_begin(struct op *op);
/* Sends coord->records to the other owners; ends the op if that is enough. */
void copies_send(struct coord *coord, struct op *op);
/* For each changed slot W owners have it, this node and stand-ins included. */
bool copies_are_enough(const struct coord *coord, const struct op *op);
/* How a copy is to be taken; in its flags. */
enum copy_flag {
    COPY_PLAIN = 0,
    COPY_REPAIR = 1, /* no tenure is checked */
    COPY_HINT = 2,   /* to be kept for another */
    COPY_SHORT = 4,  /* of a tenure that fewer have promised than should */
    COPY_ADOPT = 8,  /* of the primary before, to the holder of the tenure */
    COPY_KEPT = 16,  /* REPAIR: a stand-in hands over what it kept */
};
/*
 * The changed records among these that concern the member, as they are now, in
 * one copy: it is taken, and acknowledged, as a whole. False: it can't be sent;
 * or there is no such record; or what is here does not have `touched` in it
 * (REPAIR: is sent anyway).
 */
bool copies_send_now(struct coord *coord, struct op *op, uint32_t number,
                     const struct touched *touched, uint32_t count,
                     enum copy_flag how);
/* Every other member that owns, or is to own, one of the changed slots. */
uint32_t copies_targets(const struct coord *coord, const struct op *op,
                        uint16_t *out, uint32_t room);
/* This node may write the slot, for its present list. Slot locked. */
bool copies_holds_tenure(const struct coord *coord, uint32_t slot);
void copies_frame(struct coord *coord, struct link *link,
                  const struct frame *frame);
void copies_nack(struct coord *coord, struct link *link,
                 const struct frame *frame);
void copies_acked(struct coord *coord, struct link *link);
void copies_lost(struct coord *coord, struct link *link);
/* Owners of the written slots that can be reached, self included, are at least
 * W (coord->quorum) each. */
bool copies_can_reach(struct coord *coord, const struct cmd_call *call);

/* What copies.c and standins.c share. */
void copies_push(struct coord_link *to, const struct link *link,
                 const struct sent_copy *copy);
void copies_put_records(struct coord *coord, const struct op *op,
                        uint32_t number, struct buf *out);
struct incoming {
    uint32_t list_hash, slot, from;
    struct stamp tenure;
    struct record record;
    struct store_key key; /* unless it is a floor */
};
void copies_mark_dirty(struct coord *coord, const struct op *op,
                       uint32_t number);

/* ---- shortfall.c ---- */
/* No more answers will come, and they were not enough. */
void shortfall(struct coord *coord, struct op *op);
/* Its lists or its tenure were others: now again, or in a moment. */
void shortfall_retry(struct coord *coord, struct op *op);
void shortfall_retry_soon(struct coord *coord, struct op *op);

/* ---- standins.c ---- */
/* The changed records that `target` can't be sent go to a stand-in; false: to
 * nobody: there is none, or the op is strict. */
bool standins_send(struct coord *coord, struct op *op, uint32_t target);
/* How many could be asked for this slot. */
uint32_t standins_count(const struct coord *coord, uint32_t slot);
/* Those that could be asked, in their order, this node included. */
uint32_t standins_fit(const struct coord *coord, uint32_t slot, uint16_t *out,
                      uint32_t room);
/* A copy for another: true if it is kept. Takes slot locks. */
bool standins_keep(struct coord *coord, uint32_t target,
                   const struct incoming *incoming, bool is_short);
/* Hands over what is kept for members that can be reached. Worker 0 alone. */
void standins_turn(struct coord *coord);
void standins_delivered(struct coord *coord, uint32_t number,
                        const struct hint *hint);
int64_t standins_deadline_ms(const struct coord *coord);

/* ---- acting.c ---- */
void acting_init(struct coord *coord);
/* A write that does not ask what was there, or adds up wherever it is merged:
 * it may run where the key's copy is missing. */
bool acting_needs_no_copy(const struct cmd_call *call);
/* The node that may run it for the slot's owners, none of which can be reached
 * for a while now; RING_NOBODY. */
uint32_t acting_node(const struct coord *coord, const struct cmd_call *call,
                     uint32_t slot);
/* At such a node. */
void acting_run(struct coord *coord, struct cmd_call *call, struct op *op);

/* ---- versions.c ---- */
void versions_ask(struct coord *coord, struct op *op);
/* One owner more; false: there is none. */
bool versions_hedge(struct coord *coord, struct op *op);
/* One that was behind has taken its record; true: the op has ended. */
bool versions_repaired(struct coord *coord, struct op *op);
void versions_frame(struct coord *coord, struct link *link,
                    const struct frame *frame);
void versions_answer(struct coord *coord, struct link *link,
                     const struct frame *frame);

/* ---- hedge.c ---- */
void hedge_init(struct coord *coord);
void hedge_link_open(struct coord_link *to);
/* How long to wait for this peer before another is asked. */
uint32_t hedge_late_ms(const struct coord *coord, const struct pace *pace);
/* It has been asked; op->late_ms is when the answer is late. */
void hedge_asked(struct coord *coord, struct op *op, struct pace *pace);
void hedge_answered(struct coord *coord, struct op *op, struct link *link,
                    struct pace *pace);
/* Not waited for any more; false: it was not. */
bool hedge_forget(struct op *op, const struct link *link);
/* coord->hedge_ms has come. */
void hedge_turn(struct coord *coord);

/* ---- fetch.c ---- */
/* Of the keys of op_note_slots. */
void fetch_ask(struct coord *coord, struct op *op);
/* For a write that ran and is to be sent again, which it is once the keys are
 * here. False: nobody, or not everybody, can be asked. */
bool fetch_ask_again(struct coord *coord, struct op *op);
/* The key was fetched under this tenure, and by everybody. */
bool fetch_is_done(const struct op *op, const struct touched *touched,
                   struct stamp tenure);
void fetch_frame(struct coord *coord, struct link *link,
                 const struct frame *frame);
void fetch_records(struct coord *coord, struct link *link,
                   const struct frame *frame);

/* ---- request.c ---- */
/* What REQUEST's payload begins with; the arguments follow. */
struct request_head {
    uint8_t hops, proto, db, flags, r, w;
    uint64_t arg_count;
};
static inline struct request_head
request_read_head(struct wire_reader *reader)
{
    struct request_head head = {.hops = wire_u8(reader)};

    head.proto = wire_u8(reader);
    head.db = wire_u8(reader);
    head.flags = wire_u8(reader);
    head.r = wire_u8(reader);
    head.w = wire_u8(reader);
    head.arg_count = wire_varint(reader);
    return head;
}

enum reply_status {
    REPLY_DONE = 0,
    REPLY_EXECUTED = 1, /* your copy came just before: that makes two */
    REPLY_AGAIN = 2,    /* not run: I am not the one, or not yet */
    REPLY_LATE = 3,     /* not run: the deadline has passed */
    REPLY_LIST = 4,     /* not run: your list is another than mine */
};
void request_ask(struct coord *coord, struct cmd_call *call, struct op *op,
                 uint32_t number);
void request_ask_at(struct coord *coord, struct cmd_call *call, struct op *op,
                    const struct place *place);
/* A read: one owner more; false: there is none. */
bool request_hedge(struct coord *coord, struct op *op);
void request_frame(struct coord *coord, struct link *link,
                   const struct frame *frame);
void request_reply(struct coord *coord, struct link *link, uint64_t request_id,
                   enum reply_status status, struct bytes text);
void request_answer(struct coord *coord, struct link *link,
                    const struct frame *frame);
/* Runs kept arguments: for peers, parts, retries. False: no such command. */
bool request_run(struct coord *coord, const struct asker *asker, struct op *op);

/* ---- parts.c ---- */
void parts_run(struct coord *coord, struct cmd_call *call);
void parts_done(struct coord *coord, struct op *parent, uint32_t part,
                struct bytes reply);
void parts_free(struct parts *parts);
/* A command to each acting primary; each answers how many slots it has served,
 * and what it found there: it is done again until they are all. */
enum join_all { ALL_OK, ALL_COUNT, ALL_KEYS, ALL_ANY };
void parts_run_all(struct coord *coord, struct cmd_call *call,
                   enum join_all how, const struct bytes *args,
                   uint32_t arg_count);
/* Commands one after another, their replies as one array. */
struct parts *parts_sequence(void);
void parts_sequence_add(struct parts *parts, const struct bytes *args,
                        uint32_t arg_count, uint32_t db);
void parts_run_sequence(struct coord *coord, struct cmd_call *call,
                        struct parts *parts);
/* Commands to certain nodes, side by side; the least of their numbers. */
struct parts *parts_least(uint8_t proto);
void parts_least_add(struct parts *parts, uint32_t number,
                     const struct bytes *args, uint32_t arg_count);
void parts_run_least(struct coord *coord, struct cmd_call *call,
                     struct parts *parts);

/* ---- await.c ---- */
/* WAIT; false: it is not for the ring. */
bool await_run(struct coord *coord, struct cmd_call *call);
/* All parts have answered; true: and that is the answer. */
bool await_joined(struct coord *coord, struct op *op, uint32_t least);
/* A client's write was run at the other end of the link; NULL: here. */
void await_note(const struct op *op, const struct link *link, int64_t wall_ms);
/* kula.wait */
void await_serve(struct coord *coord, struct cmd_call *call);
void await_turn(struct coord *coord);
int64_t await_deadline_ms(const struct coord *coord);
void await_free(struct await *await);

/* ---- whole.c ---- */
/* True: it has dealt with the command. */
bool whole_run(struct coord *coord, struct cmd_call *call);

static inline int64_t
coord_now(const struct coord *coord)
{
    return coord->env->now_ms;
}

static inline int64_t
coord_wall(const struct coord *coord)
{
    return coord->env->wall_ms;
}

static inline struct coord_link *
coord_link_of(const struct link *link)
{
    return link->coord_data;
}

static inline void
stat_add(_Atomic uint64_t *counter)
{
    uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, old + 1, memory_order_relaxed);
}

#endif
