/*
 * model.h - what the keys of one node must be: a plain map with expiry.
 *
 * The oracle of random clients. It is told each command in the order in which
 * the node executed them, with the time, and says what the reply must be. It
 * knows nothing of slots, tables, stamps or eviction.
 */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include "base/buf.h"

enum { MODEL_NAMES = 24, MODEL_DBS = 2, MODEL_QUEUE = 16, MODEL_WATCHES = 16 };

struct model_entry {
    bool is_there;
    struct buf value;  /* owned */
    int64_t expire_ms; /* 0: none */
    uint64_t changes;  /* one more with each change, removal included */
    uint64_t born;     /* model->steps when it last came into being */
};

struct model {
    struct model_entry entries[MODEL_DBS][MODEL_NAMES];
    int64_t wall_ms;
    uint64_t steps;  /* commands run */
    bool may_vanish; /* keys may be evicted: gone at any time, never old */
};

/* A command as the generator makes it: names by number. */
struct model_command {
    enum model_op {
        OP_PING,
        OP_SET,
        OP_SETNX,
        OP_SETXX,
        OP_SETGET,
        OP_SETPX,
        OP_SET_KEEPTTL,
        OP_GET,
        OP_GETDEL,
        OP_GETSET,
        OP_DEL,
        OP_EXISTS,
        OP_INCRBY,
        OP_APPEND,
        OP_STRLEN,
        OP_PEXPIRE,
        OP_PERSIST,
        OP_PTTL,
        OP_MGET,
        OP_MSET,
        OP_MSETNX,
        OP_RENAME,
        OP_SETRANGE,
        OP_GETRANGE,
        OP_SELECT,
        OP_FLUSHDB,
        OP_DBSIZE,
        OP_COPY,
        OP_COPY_REPLACE,
        OP_MOVE,
        OP_GETEX,
        OP_GETEX_PERSIST,
        OP_EXPIREAT_NX,
        OP_EXPIREAT_XX,
        OP_EXPIREAT_GT,
        OP_EXPIREAT_LT,
        OP_SETBIT,
        OP_GETBIT,
        OP_BITOP,
        OP_COUNT,
        /* never inside MULTI */
        OP_MULTI,
        OP_EXEC,
        OP_DISCARD,
        OP_WATCH,
        OP_SCAN /* number: the cursor */
    } op;
    uint32_t a, b; /* names */
    int64_t number;
    struct bytes value; /* borrowed until it was run */
};

/* One client's state, as the server should hold it. */
struct model_client {
    uint32_t db;
    bool in_multi;
    struct model_command queue[MODEL_QUEUE];
    uint32_t queued;
    struct model_watch {
        uint32_t db, name;
        bool was_absent;
        uint64_t changes;
    } watches[MODEL_WATCHES];
    uint32_t watch_count;
};

void model_deinit(struct model *model);

/*
 * Runs a command at model->wall_ms. `actual` is what the node said; `expected`
 * gets what it must say, byte for byte. Where the specification leaves a
 * choice (EXEC may refuse after a watched absent key's neighbour changed;
 * DBSIZE may count what has expired), `actual` decides between allowed ones.
 */
void model_run(struct model *model, struct model_client *client,
               const struct model_command *command, struct bytes actual,
               struct buf *expected);

/*
 * The same where keys may be evicted at any time: what the command names may
 * be gone before it runs. True if the reply is right with some of it gone (and
 * then it is gone in the model, too). Not for transactions.
 */
bool model_run_evicting(struct model *model, struct model_client *client,
                        const struct model_command *command,
                        struct bytes actual, struct buf *expected);

/* The key as it is now, its expiry considered. */
struct model_entry *model_look(struct model *model, uint32_t db, uint32_t n);

/*
 * Judges a reply to SCAN of database db: it names live keys only. Marks them in
 * `seen` and gives the next cursor. A key that was there from `since` (of
 * model->steps) to the end must have been seen: model_scanned().
 */
bool model_scan(struct model *model, uint32_t db, struct bytes actual,
                uint32_t *seen, int64_t *cursor);
bool model_scanned(struct model *model, uint32_t db, uint64_t since,
                   uint32_t seen);

/* The command's bytes as RESP. */
void model_encode(const struct model_command *command, struct buf *out);

#endif
