/*
 * key_specs.h - where a command's keys are, and what is done to them: the key
 * specifications of COMMAND INFO.
 *
 * A row's key_first, key_last, key_step and key_spec describe the first one.
 * The few commands with a second one are in a table here.
 */
#ifndef COMMAND_KEY_SPECS_H
#define COMMAND_KEY_SPECS_H

#include "command/command.h"

enum { KEY_SPECS_MAX = 2 };

struct key_spec {
    int32_t first; /* argument index */
    int32_t last;  /* relative to first; negative: from the end */
    int32_t step;
    const char *flags; /* "RW access update" */
    const char *notes; /* NULL: none */
};

/* How many the command has: 0 .. KEY_SPECS_MAX. */
uint32_t key_specs(const struct cmd_spec *spec,
                   struct key_spec out[KEY_SPECS_MAX]);
/* What this very call does to its key that is argument `at`. */
const char *key_spec_flags(const struct cmd_spec *spec,
                           const struct bytes *args, uint32_t arg_count,
                           uint32_t at);

#endif
