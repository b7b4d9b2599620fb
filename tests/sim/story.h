/*
 * story.h - what stories of rings are told with: rings that come up, keys that
 * are written and found again, a crowd of clients in the background.
 */
#ifndef SIM_STORY_H
#define SIM_STORY_H

#include "sim/check.h"
#include "store/store.h"
#include "support/case.h"

enum {
    UP_MS = 60 * 1000,
    QUIET_MS = 180 * 1000,
    ROUNDS_MS = 10 * 1000, /* some rounds of comparing */
};

/* N=3, R=2, W=2. */
extern const struct sim_ring STRICT, SLOPPY;

#define SAYS(sim, node, line, reply)                                           \
    cr_assert(eq(str, (char *)(uintptr_t)sim_call(sim, node, line),            \
                 (char *)(uintptr_t)(reply)),                                  \
              "node %u: %s", node, line)

/* Until then there may be others. */
#define SAYS_SOON(sim, node, line, reply)                                      \
    cr_assert(eq(str,                                                          \
                 (char *)(uintptr_t)call_until(sim, node, line, reply, 10000), \
                 (char *)(uintptr_t)(reply)),                                  \
              "node %u: %s", node, line)

#define REFUSES(sim, node, line, word)                                         \
    cr_assert(strncmp(sim_call(sim, node, line), word, strlen(word)) == 0,     \
              "node %u: %s", node, line)

void becomes_quiet(struct sim *sim, uint32_t nodes, int64_t most_ms);
/* Quiet, and the owners have the same. */
void is_equal(struct sim *sim, uint32_t nodes);
/* A ring that is up; SIM_NOISY=1 in the environment prints its logs. */
struct sim *ring_of(const struct sim_ring *ring, uint32_t nodes, uint64_t seed);
/* The node that acts as the key's primary, as node `seen_from` sees it. */
uint32_t primary_of(struct sim *sim, uint32_t seen_from, uint32_t nodes,
                    const char *key);
/* The nodes that own the key, in their order, of a quiet ring. */
void owners_of(struct sim *sim, uint32_t nodes, const char *key,
               uint32_t out[3]);
/* key:0, key:1 ... = value0, value1 ... */
void set_keys(struct sim *sim, uint32_t node, uint32_t count,
              const char *value);
void has_keys(struct sim *sim, uint32_t node, uint32_t count,
              const char *value);
/* The first reply that is `expected`, or the last: until the others serve
 * again after one has gone. */
const char *call_until(struct sim *sim, uint32_t node, const char *line,
                       const char *expected, int64_t most_ms);

/* Clients of all families of keys in the background. */
struct crowd {
    struct sim *sim;
    struct history history;
    struct ring_clients *clients;
};

void crowd_start(struct crowd *crowd, struct sim *sim, uint32_t nodes);
/* After they have stopped: all that they were told was right. */
void crowd_end(struct crowd *crowd, uint32_t nodes, bool healthy);

#endif
