/*
 * ctl.h - kula-ctl: asks any node of a ring, tells a person or a script.
 *
 * One run, one verb. A verb opens connections (peer.h), looks into the answers
 * (value.h), and writes a table (table.h) or one JSON object (json.h) to
 * standard output; errors go to standard error, or into that object.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "base/buf.h"

enum ctl_exit {
    CTL_OK = 0,
    CTL_NEGATIVE = 1, /* not healthy, or the answer is no */
    CTL_USAGE = 2,
    CTL_NO_CONNECTION = 3,
    CTL_NO_AUTH = 4,
    CTL_TIMED_OUT = 5, /* or only some of the nodes answered */
    CTL_INTERRUPTED = 130,
};

enum { CTL_WORDS_MAX = 8, CTL_HOST_MAX = 256, CTL_ERROR_MAX = 512 };

struct ctl_verb;

/* What the command line and the environment ask for. */
struct ctl {
    const struct ctl_verb *verb;
    const char *words[CTL_WORDS_MAX]; /* behind the verb */
    uint32_t word_count;
    char host[CTL_HOST_MAX];
    uint16_t port;
    const char *socket_path; /* NULL: TCP */
    char *user, *password;   /* owned; NULL: none */
    int64_t db;
    int64_t timeout_ms; /* for each answer */
    int64_t wait_ms;    /* status: until healthy; -1: no */
    int64_t nodes;      /* status: so many are expected; 0: any */
    const char *key;    /* ring; NULL: all slots */
    int64_t base_port;  /* demo; 0: any */
    bool is_json, has_color;
};

/*
 * X(ID, name, words behind it, function, summary). The function gets what was
 * asked and returns the exit code.
 */
#define CTL_VERBS(X)                                                           \
    X(STATUS, "status", "[--wait[=SECONDS]] [--nodes N]", status_run,          \
      "Is the ring healthy? A verdict, then its nodes.")                       \
    X(RING, "ring", "[--key KEY]", ring_run,                                   \
      "Which nodes have which slots; or which copies of KEY agree.")           \
    X(NODES, "nodes", "", nodes_run,                                           \
      "All that is known of each node, as the asked one sees it.")             \
    X(HINTS, "hints", "", hints_run,                                           \
      "Copies that nodes keep for others that could not be reached.")          \
    X(REPAIR, "repair", "status", repair_run,                                  \
      "How comparing and mending copies goes, on each node.")                  \
    X(PREFIXES, "prefixes", "", prefixes_run,                                  \
      "Keys that begin alike and have quorums of their own.")                  \
    X(DEMO, "demo", "[N] [--port PORT]", demo_run,                             \
      "Starts N throw-away nodes here (3), until Ctrl-C.")                     \
    X(VERSION, "version", "", version_run,                                     \
      "The version of this program, and of the node that answers.")            \
    X(HELP, "help", "[VERB]", help_run, "This text, or that of a verb.")

struct ctl_verb {
    const char *name, *words;
    int (*run)(struct ctl *ctl);
    const char *summary;
};

#define X(id, name, words, run, summary) int run(struct ctl *ctl);
CTL_VERBS(X)
#undef X

/* NULL: no such verb. */
const struct ctl_verb *ctl_find_verb(const char *name);
/* Says what went wrong, in the form that was asked for; returns `code`. */
int ctl_fail(const struct ctl *ctl, int code, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* Writes it to standard output and frees it. */
void ctl_print(struct buf *text);

/* options.c: from the command line and the environment. CTL_OK (verb NULL: all
 * was said already), or CTL_USAGE and the reason is told. */
int options_read(struct ctl *ctl, int argc, char **argv);
void options_deinit(struct ctl *ctl);

#endif
