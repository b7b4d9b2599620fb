/*
 * small_file.h - files that are written as a whole: after a crash there is the
 * new one or the old one, never a piece.
 */
#ifndef OS_SMALL_FILE_H
#define OS_SMALL_FILE_H

#include "base/buf.h"
#include "base/bytes.h"

enum { SMALL_FILE_WHY = 256, SMALL_FILE_NAME_MAX = 64 };

/* Replaces file `name` of the directory, durably before it returns (mode
 * 0600). ERR_SYSTEM: `why` says which step failed; the old one is as it was. */
WARN_UNUSED int small_file_save(int dir_fd, const char *name,
                                struct bytes bytes, char why[SMALL_FILE_WHY]);
/* Appends the contents to `out`. ERR_UNKNOWN: there is no such file;
 * ERR_LIMIT: it has more than `most` bytes; ERR_SYSTEM: `why` and errno. */
WARN_UNUSED int small_file_load(int dir_fd, const char *name, size_t most,
                                struct buf *out, char why[SMALL_FILE_WHY]);

#endif
