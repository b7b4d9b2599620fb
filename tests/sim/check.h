/*
 * check.h - the oracles of a ring: what must hold whatever happened.
 *
 * They compare what clients were told (ring_client.h) and what stores contain,
 * never digests. A write whose outcome is unknown may have happened at any
 * time after it was sent, or not at all; one that was refused must never be
 * seen.
 */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include "sim/ring_client.h"

/* What went wrong, in words. */
struct verdict {
    uint32_t count;
    struct buf text; /* owned; the first ten */
};

void verdict_add(struct verdict *verdict, const char *format, ...)
    PRINTF_LIKE(2, 3);
void verdict_deinit(struct verdict *verdict);

/* What the ring has promised in this run. */
struct check_rules {
    uint32_t keys;
    bool is_sloppy;
    /* a read is never older than what was acknowledged before it was asked:
     * R + W > N, and all healthy or strict */
    bool reads_are_fresh;
    /* nor older than what an earlier read gave: all healthy */
    bool reads_are_linear;
    bool locks_are_exclusive;
    /* an acknowledged write is not lost behind one acknowledged before */
    bool keeps_last_write;
    bool keeps_words; /* nor one that was appended */
    /* conflict-policy siblings: nor any, but by one that may have seen it */
    bool keeps_siblings;
    int64_t slack_ms; /* by which clocks may turn two writes round; 0: none */
    int64_t expiry_slack_ms;
};

/* Reads and locks, as they were answered. */
void check_history(const struct history *history,
                   const struct check_rules *rules, struct verdict *verdict);
/* What a key is in the end: a GET's reply. */
void check_final(const struct history *history, const struct check_rules *rules,
                 enum family family, uint32_t key, struct bytes reply,
                 struct verdict *verdict);

/* What KULA.SIBLINGS of a register answers in the end. */
void check_siblings(const struct history *history, uint32_t key,
                    struct bytes reply, struct verdict *verdict);

/* All nodes are up and members, agree on the ring, are settled; nobody has
 * marks or copies for others. `why` (may be NULL) gets the first thing that is
 * not so. */
bool check_is_quiet(struct sim *sim, uint32_t nodes, char why[120]);
/* The owners of each slot have the same records; structure of the stores. */
void check_contents(struct sim *sim, uint32_t nodes, struct verdict *verdict);
/* Backlogs and queues have kept within their limits. */
void check_limits(struct sim *sim, struct verdict *verdict);

/*
 * Versions on one replica, looked at now and then. One may go back only if
 * nobody was told that it is there: a write that all owners refused is put
 * back, one out of tenure loses. Counters never go back.
 */
struct check_versions;
struct check_versions *check_versions_new(struct sim *sim,
                                          const struct history *history,
                                          const struct check_rules *rules,
                                          uint32_t nodes);
void check_versions_look(struct check_versions *versions,
                         struct verdict *verdict);
/* conflict-policy siblings, in the end: an acknowledged register is there, or
 * what is there was written by somebody who had seen it. */
void check_versions_siblings(struct check_versions *versions, uint32_t key,
                             struct verdict *verdict);
/* Prints what changes of the key of that name. */
void check_versions_watch(struct check_versions *versions, const char *name);
void check_versions_free(struct check_versions *versions);

#endif
