/*
 * ring_setup.h - what makes this process one of a ring: the bus's listeners,
 * the shared secret, seeds, what the node says of itself, and the small files
 * of its last life.
 *
 *   kula.members   what node_effects.save gave for NODE_FILE_MEMBERS
 *   kula.ceiling   8 bytes, little endian: a stamp above all that were minted
 */
#ifndef SERVER_RING_SETUP_H
#define SERVER_RING_SETUP_H

#include "base/lock.h"
#include "config/settings.h"
#include "node/node.h"
#include "os/loop.h"
#include "server/identity.h"

struct ring_setup {
    struct node_ring ring;
    bool has_bus; /* false: no port for it; this node stays alone */
    struct buf saved;
    int dir_fd; /* of the data directory at the start */
    struct lock save_lock;
    bool cannot_save; /* and it was said */
};

/* Opens the bus and fills `ring`; the listeners belong to `loops`. Anything
 * but ERR_OK ends the start; the log says why. ring_setup_deinit follows in
 * any case. */
WARN_UNUSED int ring_setup_init(struct ring_setup *setup,
                                const struct settings *settings,
                                const struct identity *identity,
                                struct loops *loops);
void ring_setup_deinit(struct ring_setup *setup);
/* node_effects.save; any thread. */
void ring_setup_save(struct ring_setup *setup, enum node_file file,
                     struct bytes bytes);
/* ring-weight when nobody has set it: the scarcer of memory (1 for 4 GiB) and
 * workers (1 for 2), in quarters, from 0.25 to 16. */
double ring_setup_weight(uint64_t memory_bytes, uint32_t worker_count);

#endif
