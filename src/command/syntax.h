/*
 * syntax.h - a command's synopsis as a tree of arguments, for COMMAND DOCS.
 *
 *     "key value [NX | XX] [EX seconds]"
 *
 * Capitals are words of the command itself (tokens), small letters are what
 * the user fills in. [x] may be left out, <a | b> and [a | b] are choices,
 * "x [x ...]" may be repeated. A token belongs to the arguments behind it.
 */
#ifndef COMMAND_SYNTAX_H
#define COMMAND_SYNTAX_H

#include "base/bytes.h"

enum {
    SYNTAX_NODES_MAX = 96,
    SYNTAX_NAME_MAX = 48,
};

enum syntax_type {
    SYNTAX_STRING,
    SYNTAX_INTEGER,
    SYNTAX_DOUBLE,
    SYNTAX_KEY,
    SYNTAX_PATTERN,
    SYNTAX_UNIX_TIME,
    SYNTAX_TOKEN, /* "pure-token" */
    SYNTAX_ONEOF, /* children are choices */
    SYNTAX_BLOCK, /* children come one after the other */
};

struct syntax_node {
    enum syntax_type type;
    char name[SYNTAX_NAME_MAX];
    struct bytes token; /* size 0: none */
    bool is_optional, is_multiple, is_token_multiple;
    struct syntax_node *first, *next; /* child, sibling */
};

struct syntax {
    struct syntax_node nodes[SYNTAX_NODES_MAX];
    uint32_t used;
    struct syntax_node *first; /* top-level arguments; NULL: none */
    bool is_bad;               /* does not parse, or has too many parts */
};

/* The nodes borrow from `text`. */
void syntax_parse(struct syntax *syntax, const char *text);
const char *syntax_type_name(enum syntax_type type);

#endif
