/*
 * identity.h - who this node is: kula.node in the data directory.
 *
 * The key hash seed belongs to the ring, the node id to this node; both are
 * made once, at the first start, and must outlive it: digests and logs refer
 * to them. A text file:
 *
 *     # made by Kula at the first start here; do not edit or copy
 *     version 1
 *     node-id <32 hex digits>
 *     hash-seed <64 hex digits>
 *     node-number 1
 *     check <16 hex digits: XXH3 of the lines above>
 */
#ifndef SERVER_IDENTITY_H
#define SERVER_IDENTITY_H

#include "base/base.h"

enum { IDENTITY_ID_BYTES = 16, IDENTITY_SEED_BYTES = 32 };

struct identity {
    uint8_t node_id[IDENTITY_ID_BYTES];
    uint8_t hash_seed[IDENTITY_SEED_BYTES];
    uint32_t node_number; /* in stamps; 12 bits */
    bool is_kept;         /* on disk; else this life's only */
    int dir_fd;           /* holds the lock of the directory until the process
                           * ends: two nodes can't share one */
};

/*
 * Reads the file of directory `dir`, or makes one, durably. Where the
 * directory can't be written the identity is this process's alone (is_kept
 * false). The directory is locked (flock): ERR_SYSTEM if it is by another
 * process. ERR_SYNTAX: the file is damaged; ERR_SYSTEM: it could not be read or
 * written although it should (`why` says how).
 */
WARN_UNUSED int identity_load(struct identity *identity, const char *dir,
                              char why[256]);

#endif
