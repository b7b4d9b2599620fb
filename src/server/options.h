/*
 * options.h - the command line: kula-server [FILE ...] [--directive value ...]
 */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include "base/base.h"

enum options_task {
    OPTIONS_SERVE,
    OPTIONS_CHECK, /* --check-config */
    OPTIONS_VERSION,
    OPTIONS_HELP,
};

struct options {
    enum options_task task;
    /* owned arrays of borrowed texts */
    const char **files; /* "-" is standard input */
    uint32_t file_count;
    const char **directives; /* "--port", "7000", ... */
    uint32_t directive_count;
};

/* Tells apart; does not judge the directives. */
void options_parse(struct options *options, int argc, char **argv);
void options_deinit(struct options *options);
const char *options_help(void);

#endif
