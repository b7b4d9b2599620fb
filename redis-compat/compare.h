/*
 * compare.h - are two replies to one command the same, as far as they must be?
 */
#ifndef REDIS_COMPAT_COMPARE_H
#define REDIS_COMPAT_COMPARE_H

#include "stream.h"
#include "tree.h"

enum { RULES = 64 };

/* The numbered list of differences that are allowed. */
struct rules {
    bool is_ring; /* those that only rings may use count */
    bool is_listed[RULES];
    char *text[RULES]; /* the first line of each */
    uint64_t used[RULES];
};

/* Reads redis-compat/DIFFERENCES: lines that start with a number and a dot. */
void rules_read(struct rules *rules, const char *path);
void rules_free(struct rules *rules);

/* One difference of a kind that the list may allow. Numbers are the list's. */
enum rule {
    RULE_VERSION = 1,     /* HELLO, INFO: names and versions of the product */
    RULE_MORE_FIELDS = 2, /* texts and maps of ours have more fields */
    RULE_HELP = 3,        /* the lines of HELP */
    RULE_NOT_BUILT = 4,   /* commands that are missing from tables */
    RULE_NEWER = 5,       /* commands of ours that 7.0 lacks, in tables */
    RULE_DOCS = 6,        /* wording of COMMAND DOCS */
    RULE_FEWER_FIELDS = 7,
    RULE_SETTINGS = 8, /* CONFIG GET of a pattern */
    RULE_MEMORY = 9,
    RULE_SHARED = 10, /* OBJECT REFCOUNT of small integers */
    RULE_STRICT_VALUE = 14,
    RULE_WATCHED = 18, /* in a ring: EXEC with WATCH is refused; what it would
                        * have done is missing from then on */
    RULE_COPY_ENCODING = 19, /* in a ring: a copy that was never lengthened */
};

/*
 * True if `ours` is as good as `reference`. Rules that had to be used are
 * counted. Otherwise *why gets a static text.
 */
bool compare_replies(struct rules *rules, struct arena *arena,
                     const struct op *op, const struct tree *reference,
                     const struct tree *ours, const char **why);

#endif
