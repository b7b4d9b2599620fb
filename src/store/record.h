/*
 * record.h - what one node tells another about a key: some or all of its
 * cells, with their stamps. The bus carries records, later the log keeps them.
 *
 *   u8 kind | u8 flags | varint db | varint key bytes, key | kind's fields
 *
 *   VALUE      u64 stamp, [u64 floor], [i64 expiry ms, u64 its stamp],
 *              [u8 how many, u64 each: its vector, version/vector.h],
 *              varint value bytes, value (text; of a counter: its encoding,
 *              version/counter.h). The whole key.
 *   EXPIRY     u64 stamp (of the value it was set on), i64 expiry ms, u64 its
 *              stamp, u64 the key's version before. One cell.
 *   TOMBSTONE  u64 stamp: the key was removed then; it is its floor, too,
 *              [i64 expiry ms, u64 its stamp]: of a value that expired; then
 *              the stamp is the value's (of a counter: its base's),
 *              [vector as above]
 *   With 0x80 in the kind, VALUE and TOMBSTONE end with varint bytes and the
 *   writes beside it, cells.h.
 *   FLOOR      u64 stamp: all keys of (slot, database) were removed then; the
 *              key is empty, a varint slot follows
 *   NOTHING    u64 any stamp, as FLOOR: nothing has changed in that slot; for
 *              who takes it all or not at all, see src/coord/copies.c
 *
 * Src/store/README has it to the byte; a format (golden files).
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "base/buf.h"
#include "bus/wire.h"
#include "store/object.h"

enum record_kind {
    RECORD_VALUE = 1,
    RECORD_EXPIRY = 2,
    RECORD_TOMBSTONE = 3,
    RECORD_FLOOR = 4,
    RECORD_NOTHING = 5,
};

struct record {
    enum record_kind kind;
    uint32_t db;
    struct bytes key; /* borrowed */
    struct stamp stamp;
    struct stamp floor;    /* VALUE: STAMP_NEVER if the type's usual one */
    enum object_type type; /* VALUE */
    bool is_raw, is_text;  /* VALUE of a string: see object.h */
    bool has_expiry;       /* VALUE: also true for a stamped "none"; EXPIRY;
                            * TOMBSTONE of an expired value */
    int64_t expire_ms;     /* 0: a stamped "never" */
    struct stamp expire_stamp;
    struct bytes vector;   /* VALUE, TOMBSTONE; borrowed */
    struct bytes siblings; /* likewise */
    uint64_t before;       /* EXPIRY: object_version() before it */
    uint32_t slot;         /* FLOOR, NOTHING */
    struct bytes value;    /* VALUE; borrowed */
};

void record_write(struct buf *out, const struct record *record);
/* False: not a record (unknown kind, lengths that do not fit, db or sizes out
 * of range, a malformed counter, a stamp of 0). Borrows from the reader. */
bool record_read(struct wire_reader *reader, struct record *record);
/* Neither FLOOR nor NOTHING. */
bool record_is_of_key(const struct record *record);

#endif
