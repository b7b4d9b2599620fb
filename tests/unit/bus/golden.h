/*
 * golden.h - compares bytes with a file of tests/golden/.
 *
 * A golden file is text: hexadecimal bytes, blanks and lines as they please,
 * and '#' with a remark up to the end of the line.
 */
#ifndef BUS_GOLDEN_H
#define BUS_GOLDEN_H

#include "base/buf.h"

/* The bytes of tests/golden/<name>, owned by the caller; empty if there is no
 * such file. */
struct buf golden_read(const char *name);
/* Are the bytes those of the file? Prints both where they are not. */
bool golden_is(const char *name, struct bytes bytes);

#endif
