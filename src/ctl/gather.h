/*
 * gather.h - one question to every node of the ring: the first node tells who
 * there is, then each is asked by its own address.
 *
 * Nodes that do not answer stay in the list, with the reason.
 */
#ifndef CTL_GATHER_H
#define CTL_GATHER_H

#include "ctl/peer.h"
#include "ctl/value.h"

struct gathered {
    const redisReply *row; /* of the first node's list; borrowed */
    int64_t number;
    char address[CTL_HOST_MAX + 8]; /* host:port of clients */
    bool is_first;                  /* the node that was asked first */
    redisReply *answer;             /* owned; NULL: none */
    int code;                       /* why not */
    char error[CTL_ERROR_MAX];
};

struct gather {
    redisReply *status;      /* KULA.STATUS of the first node; owned */
    struct gathered *nodes;  /* owned; without those that were REMOVED */
    uint32_t count, missing; /* missing: without an answer */
    int code;                /* not CTL_OK: not even the first answered */
    char error[CTL_ERROR_MAX];
};

/* Asks everybody for words[0 .. count-1]; 0 words: nobody but the first. False:
 * code and error say why. gather_deinit follows in any case. */
bool gather_run(struct gather *gather, const struct ctl *ctl, int count,
                const char **words);
void gather_deinit(struct gather *gather);
/* NULL: no such node. */
const struct gathered *gather_by_number(const struct gather *gather,
                                        int64_t number);
/* A list of node numbers as "1 (127.0.0.1:6379), 2 (...)"; "" if empty. */
void gather_put_numbers(const struct gather *gather, const redisReply *numbers,
                        struct buf *out);

#endif
