/*
 * range.h - the entries of slots, compared and mended: the payloads of RANGE
 * and RANGE_ANSWER, and what the answerer does. For files of src/replica; the
 * floors for coord/fetch.c, too.
 *
 * A RANGE frame has sections, one a slot:
 *
 *   asker:    floors, records the other wants, entries of a range of hashes
 *   answerer: floors, how far it came, hashes it wants, hashes it evicted,
 *             records the other lacks or has in another version
 *
 * Entries in one version on both sides cost nothing. Each side merges what it
 * gets; a section that the answerer had no room for is simply not answered.
 */
#ifndef REPLICA_RANGE_H
#define REPLICA_RANGE_H

#include "bus/wire.h"
#include "replica/replica.h"

enum {
    RANGE_ENTRIES = 256,            /* of one section */
    RANGE_SECTIONS = 32,            /* of one frame */
    RANGE_FRAME_BYTES = 192 * 1024, /* after which no section is begun, and
                                     * no record is added */
};

/* What follows the records of a section. */
enum range_part {
    RANGE_NOTHING = 0,
    RANGE_LIST = 1,   /* entries of a range */
    RANGE_PIECES = 2, /* digests of all of a big slot, in 2^bits equal pieces
                       * of the hashes; the answer's "wants" are the numbers of
                       * those that differ */
};

enum { RANGE_PIECE_BITS_MAX = 8 };

enum range_status {
    RANGE_OK = 0,
    RANGE_LISTS_DIFFER = 1, /* or the answerer has no such slot */
    RANGE_FULL = 2,         /* no memory for what was sent */
};

/* What a side knows of the slot's tenures and floors: put, and merged. The slot
 * is not locked. */
void range_put_floors(struct replica *replica, uint32_t slot, struct buf *out);
bool range_take_floors(struct replica *replica, uint32_t slot,
                       struct wire_reader *reader, int64_t wall_ms);

/* Merges records of one slot that follow each other in `records`. False:
 * malformed. *is_full: some had no room. *stored grows by those that were
 * lacking here. */
bool range_take_records(struct replica *replica, uint32_t slot,
                        struct bytes records, int64_t wall_ms, bool *is_full,
                        uint64_t *stored);
/* Appends the record of an entry; false: it is gone. */
bool range_put_record(struct replica *replica, uint32_t slot, uint64_t hash,
                      int64_t wall_ms, struct buf *out);

/* Slot locked. What this copy can say is repaired: STAMP_NEVER if unsettled. */
struct stamp range_repaired(const struct replica *replica, uint32_t slot);
/* Slot locked. Of a copy in doubt: up to where it was repaired or asked about;
 * STAMP_NEVER: it is not in doubt. */
struct stamp range_known(const struct replica *replica, uint32_t slot);
/* Slot locked. Drops an entry that is not newer than `forgotten`; false: it is,
 * or is not there. */
bool range_drop_relic(struct replica *replica, uint32_t slot, uint64_t hash,
                      struct stamp forgotten, int64_t wall_ms);

/* Digest of one of 2^bits pieces. */
uint64_t range_piece(struct replica *replica, uint32_t slot, uint32_t bits,
                     uint32_t piece);

/* Answers a RANGE. False: malformed. */
bool range_answer(struct replica *replica, struct bytes payload,
                  int64_t wall_ms, struct buf *out);

#endif
