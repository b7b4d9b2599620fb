/*
 * cells.h - a key's cells as merging sees them (merge.c), and the writes of a
 * key that stand side by side (siblings.c); for files of src/store only.
 *
 * With conflict-policy siblings a key is a set of writes: texts and removals,
 * each with its stamp, vector and expiry. Joining two sets unites them and
 * leaves out what another one has seen. One of them is the main one, which
 * clients see: the newest text, or, without a text, the newest removal. The
 * others follow in that order. Encoded (a format: records, objects), little
 * endian, one behind the other:
 *
 *     u64 stamp | u8 flags | [i64 expiry | u64 its stamp]
 *     | [u8 how many | u64 each: its vector] | u32 value bytes | value
 *
 *     flags  0x01 a removal, 0x08 raw, 0x10 never "int", 0x40 with an expiry,
 *            0x80 with a vector
 */
#ifndef STORE_CELLS_H
#define STORE_CELLS_H

#include "base/buf.h"
#include "version/vector.h"

enum {
    SIBLINGS_MAX = 8,             /* the main one included */
    SIBLINGS_BYTES_MAX = 1 << 20, /* of the others, encoded */
};

enum cells_kind { CELLS_NOTHING, CELLS_TEXT, CELLS_NUMBER };

struct cells {
    struct stamp stamp; /* of the base */
    enum cells_kind kind;
    bool is_raw, is_text;
    struct bytes value;  /* TEXT: it; NUMBER: the counter, shares and all */
    struct bytes vector; /* what the base was written upon */
    bool has_expiry;
    int64_t expire_ms;
    struct stamp expire_stamp;
};

/* Writes of one key, borrowed from wherever they lie. */
struct kin {
    struct cells all[2 * SIBLINGS_MAX];
    uint32_t count;
};

/* False: bytes that are none, or too many. */
bool siblings_ok(struct bytes encoded);
void kin_add(struct kin *kin, const struct cells *cells);
/* All of an encoding that is ok. */
void kin_add_siblings(struct kin *kin, struct bytes encoded);
/* To the order above, without what is seen by others, at or below the floor,
 * or beyond the limits. Returns how many these were. */
uint32_t kin_settle(struct kin *kin, struct stamp floor);
/* Are they the same, but for their vectors? */
bool kin_equal(const struct kin *a, const struct kin *b);
/* All but the first. */
void kin_encode(const struct kin *kin, struct buf *out);

/* What somebody has seen who has seen them. */
void siblings_see(struct bytes encoded, struct vector *vector);
/* Of the others' parts of a key: the newest stamp of any cell; version and
 * check (XOR, as their order is not part of them). */
struct stamp siblings_newest(struct bytes encoded);
uint64_t siblings_version(struct bytes encoded);
uint32_t siblings_check(struct bytes encoded);
/* The same of the main one, when there are others. */
uint64_t siblings_main_version(struct stamp stamp);

/* merge.c: the order of two bases with one stamp; also of texts. */
int cells_compare(const struct cells *a, const struct cells *b);

#endif
