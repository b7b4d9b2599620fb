/*
 * fake_node.h - a node without commands for the loop to drive: it notes what
 * the loop says of links, and a test's `step` at the end of each turn decides
 * what happens next.
 */
#ifndef TESTS_OS_FAKE_NODE_H
#define TESTS_OS_FAKE_NODE_H

#include "os/loop.h"

enum { FAKE_LINKS_MAX = 8 };

/* What became of one link. */
struct fake_link {
    struct link *link; /* NULL once closed */
    bool is_caller, is_connected, is_closed;
    struct buf got;
};

struct worker {
    struct loops *loops;
    struct fake_link links[FAKE_LINKS_MAX];
    uint32_t link_count;
    uint32_t turn_count, tick_count;
    bool refuses;
    void (*step)(struct worker *worker);
    void *self;
};

struct node {
    struct worker worker;
};

/* A loop of one worker with a bus listener on loopback; runs until a step
 * calls loops_stop, and fails the test if that takes 200 ticks. Frees all. */
void fake_run(struct node *node, void (*step)(struct worker *worker));
/* The port of the bus that fake_run has opened. */
uint16_t fake_port(void);
/* A new link that calls. */
struct fake_link *fake_call(struct worker *worker, const char *host,
                            uint16_t port);
void fake_say(struct worker *worker, struct link *link, struct bytes text);

#endif
