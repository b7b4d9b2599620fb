/*
 * ring_client.h - random clients of a ring, and the history of what they saw.
 *
 * A client talks to one node at a time; when it hears nothing for a while, or
 * its connection ends, it goes to another. Whatever it was told is kept with
 * the world's time of question and answer; check.h judges it. Keys come in
 * families, each with the commands whose outcome can be judged alone:
 *
 *   register  SET, GET, DEL, EXISTS, MSET, MGET of unique values; RENAME and
 *             COPY of a value that was set for it, MSETNX, MULTI
 *   counter   INCR, INCRBY, GET
 *   lock      SET NX with a unique token, DEL by its holder alone, GET
 *   list      APPEND of unique words, GET
 *   expiring  SET PX, GET
 */
#ifndef SIM_RING_CLIENT_H
#define SIM_RING_CLIENT_H

#include "sim/sim.h"

enum family { REGISTER, COUNTER, LOCK, LIST, EXPIRING, FAMILIES };

enum item_kind {
    ITEM_SET,    /* value; of LOCK: NX */
    ITEM_DELETE, /* found: it was there */
    ITEM_GET,    /* found, value (0: none); COUNTER: amount */
    ITEM_EXISTS, /* found */
    ITEM_ADD,    /* amount */
    ITEM_APPEND, /* value */
};

enum outcome {
    OUTCOME_UNKNOWN, /* no answer, or one that says nothing */
    OUTCOME_DONE,
    OUTCOME_REFUSED, /* it has surely not happened */
};

/* One key of one command. */
struct item {
    enum family family;
    uint32_t key;
    enum item_kind kind;
    enum outcome outcome;
    uint32_t client, node;
    int64_t invoked_ms, replied_ms; /* replied: INT64_MAX while UNKNOWN */
    uint64_t value;                 /* unique among all items; 0: none */
    int64_t amount;                 /* EXPIRING: time to live, ms */
    bool found;
    uint32_t text_at, text_size; /* LIST, GET: into history->texts */
};

struct history {
    struct item *items; /* owned; in the order of invocation */
    uint32_t count, room;
    struct buf texts;
    uint64_t next_value;
    uint32_t *by_value; /* owned; the item that brought a value */
    uint32_t value_room;
    uint32_t refused, unknown, done; /* commands */
    uint32_t strange;                /* replies that fit nothing */
    char strange_text[120];          /* the first of them */
};

struct ring_clients;

struct ring_clients_config {
    struct sim *sim;
    struct history *history;
    uint32_t clients, nodes, workers;
    uint32_t keys;         /* of each family */
    uint32_t families;     /* bits: 1 << family */
    uint32_t pipelines;    /* one client in so many sends several at once */
    uint32_t several;      /* one command for registers in so many wants several
                            * slots in one place; 0: none */
    uint32_t large_one_in; /* one value in so many has 20 KB; 0: none */
    bool has_quorums;      /* some ask for more copies than the ring does */
    int64_t think_ms;      /* at most, between commands */
    int64_t patience_ms;   /* how long a reply is waited for */
};

struct ring_clients *ring_clients_new(const struct ring_clients_config *config);
/* No new commands; what is under way may still be answered. */
void ring_clients_stop(struct ring_clients *clients);
bool ring_clients_are_idle(const struct ring_clients *clients);
/* After the world has ended, or has no events of theirs any more. */
void ring_clients_free(struct ring_clients *clients);
/* Commands done since the last call. */
uint32_t ring_clients_progress(struct ring_clients *clients);

void history_deinit(struct history *history);
/* "r3": what a key is called. */
void history_key(enum family family, uint32_t key, char out[16]);
/* The value that a reply's text is, 0: it is none of ours. */
uint64_t history_value(struct bytes text);
/* The SET or APPEND that brought a value to that key; NULL: none did. */
const struct item *history_item(const struct history *history,
                                enum family family, uint32_t key,
                                uint64_t value);

#endif
