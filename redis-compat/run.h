/*
 * run.h - sends ops to both servers and finds the first difference.
 */
#ifndef REDIS_COMPAT_RUN_H
#define REDIS_COMPAT_RUN_H

#include "compare.h"
#include "link.h"

enum { NODES_MAX = 20 };

struct runner {
    int reference_port;
    int ports[NODES_MAX]; /* ours: connections take turns */
    uint32_t nodes;
    struct rules rules;
    struct pair pairs[CONNS];
    struct pair control; /* for FLUSHALL and the like; opened on demand */
    struct arena *arena; /* trees of one batch */
    bool is_counting;    /* off while a difference is shrunk */
    uint64_t passed;
    int patience_ms;
};

struct finding {
    const struct op *op; /* NULL: no difference */
    const char *why;     /* owned by the finding's arena */
    struct piece replies[SIDES];
};

/* Empties both servers, sets what ops may have changed back, and closes all
 * connections. */
void run_reset(struct runner *runner);
/*
 * Runs the ops after a reset, until the first difference. `kept` owns what the
 * finding needs. True if there was none.
 */
bool run_ops(struct runner *runner, const struct op *const *ops, uint32_t count,
             struct arena *kept, struct finding *finding);
void run_close(struct runner *runner);

#endif
