/*
 * prefix.h - quorums and conflict policy of keys that begin alike.
 *
 * A table is made once and constant from then on (cmd_shared.prefixes): a
 * change is a new table. Which ones are in force, all nodes agree on
 * (node/agreed.c); here is what a rule is, as words and as text, and how a
 * key's is found. Key and database: a rule holds in all databases.
 */
#ifndef COMMAND_PREFIX_H
#define COMMAND_PREFIX_H

#include "base/buf.h"
#include "command/quorum.h"

enum {
    PREFIXES_MAX = 64,
    PREFIX_BYTES_MAX = 64,
    PREFIX_WHY_BYTES = 128,
};

/* The order of conflict-policy's values, after "not said". */
enum prefix_conflict {
    PREFIX_CONFLICT_NOT_SAID,
    PREFIX_CONFLICT_LWW,
    PREFIX_CONFLICT_SIBLINGS,
};

struct prefix_rule {
    struct quorum quorum;
    uint8_t conflict; /* enum prefix_conflict */
    uint8_t size;     /* of the name: 1 .. PREFIX_BYTES_MAX */
    char name[PREFIX_BYTES_MAX];
};

struct prefixes {
    uint64_t first[256 / 64]; /* bits: bytes that a name begins with */
    uint32_t count;
    struct prefix_rule rules[PREFIXES_MAX]; /* the longest names first */
};

/* The same rules, in the same order. */
bool prefixes_equal(const struct prefixes *a, const struct prefixes *b);
/* The rule with the longest name that the key begins with, or NULL. */
const struct prefix_rule *prefixes_find(const struct prefixes *prefixes,
                                        struct bytes key);
/* The rule of exactly that name, or NULL. */
const struct prefix_rule *prefixes_get(const struct prefixes *prefixes,
                                       struct bytes name);
/* Adds one whose name is not there yet; false: the table is full. */
bool prefixes_add(struct prefixes *prefixes, const struct prefix_rule *rule);

/* An empty rule of that name; false: it has no bytes, or too many. */
bool prefix_rule_init(struct prefix_rule *rule, struct bytes name);
/*
 * "r 2 w 2 mode strict conflict lww", any of them, in any order, each once.
 * False: `why` says what is wrong with which word.
 */
bool prefix_rule_parse(struct prefix_rule *rule, const struct bytes *words,
                       uint32_t count, char why[PREFIX_WHY_BYTES]);
/* The same text; nothing for an empty rule. */
void prefix_rule_print(const struct prefix_rule *rule, struct buf *out);
const char *prefix_conflict_name(enum prefix_conflict conflict);

#endif
