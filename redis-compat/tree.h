/*
 * tree.h - one RESP2 or RESP3 reply as a tree, each part with the bytes that
 * it came in.
 */
#ifndef REDIS_COMPAT_TREE_H
#define REDIS_COMPAT_TREE_H

#include "arena.h"

struct tree {
    char type;         /* the RESP type byte: + - : $ * _ , # ( = % ~ > ! */
    bool is_nil;       /* $-1, *-1, _ */
    struct piece raw;  /* all of its bytes, those of the kids included */
    struct piece text; /* of anything but an aggregate */
    struct tree *kids; /* of an aggregate; a map has two per entry */
    size_t count;
};

/* Bytes of the first whole reply; 0: not whole yet; -1: not RESP. */
int64_t tree_size(const char *data, size_t size);
/* Reads a whole reply; the tree borrows `bytes`. */
struct tree *tree_read(struct arena *arena, struct piece bytes);
bool tree_is_aggregate(const struct tree *tree);
bool tree_is_error(const struct tree *tree);
/* True and *value if it is an integer, or a string that is one. */
bool tree_int(const struct tree *tree, int64_t *value);

#endif
