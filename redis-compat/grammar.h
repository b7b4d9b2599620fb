/*
 * grammar.h - reads the files that say what the random stream is made of.
 *
 * The language is described in grammar/README. Parsing gives rows (one per
 * command), each with forms, each with one or more steps; stream.c draws from
 * them.
 */
#ifndef REDIS_COMPAT_GRAMMAR_H
#define REDIS_COMPAT_GRAMMAR_H

#include "arena.h"

/* How two replies to one command are compared; errors always byte by byte. */
enum mode {
    MODE_EXACT,     /* byte by byte */
    MODE_UNORDERED, /* an array as a set */
    MODE_PAIRS,     /* an array of pairs, or a map, in any order */
    MODE_NEAR,      /* integers at most `tolerance` apart, if none is < 0 */
    MODE_KIND,      /* the same type of reply */
    MODE_FIELDS,    /* text: the same field names and sections */
    MODE_NAMES,     /* pairs: the same names, values of the same type */
    MODE_HELLO,     /* pairs: exact but for `id` and `version` */
    MODE_HELP,      /* lines of status; the first one exact */
    MODE_TIME,      /* seconds and microseconds, 2 s apart at most */
    MODE_TABLE,     /* COMMAND and COMMAND INFO */
    MODE_DOCS,      /* COMMAND DOCS */
    MODE_LIST,      /* COMMAND LIST: names that both know */
    MODE_MONITOR,   /* exact but for the time and the address */
    MODE_SCAN,      /* whole loops, the keys as sets */
    MODE_COUNT
};

enum part_kind {
    PART_WORD,  /* itself */
    PART_TERM,  /* <key>, <value>, ...: words.c */
    PART_RULE,  /* <name> of a `rule` line */
    PART_ALL,   /* one after the other */
    PART_ONE,   /* ( a | b ) */
    PART_MAYBE, /* [ a | b ] */
    PART_MANY,  /* { a | b }: one to four times */
    PART_BACK,  /* %2: argument 2 of the command before => */
};

struct part {
    enum part_kind kind;
    struct piece word; /* PART_WORD; the name of a rule */
    uint32_t index;    /* PART_TERM: its number; PART_BACK: argument */
    struct part *rule; /* PART_RULE */
    struct part **kids;
    uint32_t count;
};

struct step {
    uint32_t conn;  /* 0: the current one; 1, 2, ..: fresh ones */
    bool is_silent; /* no reply is expected */
    bool is_raw;    /* the bytes go out as they are */
    enum mode mode;
    int64_t tolerance;
    struct part *body;
    struct part *reference; /* what the reference server gets; NULL: body */
};

struct form {
    uint32_t weight;
    struct step *steps;
    uint32_t count;
    bool needs_fresh; /* has steps on fresh connections, or silent ones */
};

struct row {
    char *name;
    uint32_t weight;
    bool is_fixed; /* never mutated */
    bool is_alone; /* never inside MULTI */
    enum mode mode;
    int64_t tolerance;
    struct form *forms;
    uint32_t count;
    uint64_t total; /* of the forms' weights */
    /* what the run counts */
    uint64_t sent, good, differed;
};

struct grammar {
    struct arena *arena;
    struct row *rows;
    uint32_t count;
    uint64_t total; /* of the rows' weights */
};

/* Reads NAME.txt of the folder for each name; dies on a mistake, naming file
 * and line. */
struct grammar *grammar_read(const char *folder, const char *const *names,
                             uint32_t count);
void grammar_free(struct grammar *grammar);

#endif
