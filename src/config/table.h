/*
 * table.h - the rows of directives.h as a constant table; private to config/.
 */
#ifndef CONFIG_TABLE_H
#define CONFIG_TABLE_H

#include "config/settings.h"

enum setting_kind {
    KIND_INT,
    KIND_BOOL,
    KIND_ENUM,    /* one of the choices; its index */
    KIND_CHOICES, /* several; bits, the first choice is 0 */
    KIND_MEMORY,
    KIND_PERCENT, /* memory, or "5%" kept as -5 */
    KIND_OCTAL,
    KIND_HERTZ, /* a number squeezed into 1 .. 500 */
    /* all further kinds are texts */
    KIND_TEXT,
    KIND_FILE_NAME, /* not empty but for dbfilename, and no slash */
    KIND_HOST_NAME,
    KIND_NAME,    /* may be empty if least is 0 */
    KIND_ADDRESS, /* likewise */
    KIND_DECIMAL, /* 0, or 0.01 to most */
    KIND_TITLE,
    KIND_EVENTS,
    KIND_WORDS, /* several words */
    KIND_OTHER, /* several words, of another server: anything goes */
    KIND_SEEDS, /* at most most */
    KIND_REPLICAS,
    KIND_SAVE,
    KIND_HOST_PORT,
    KIND_OOM_VALUES,
    KIND_PERCENTILES,
    KIND_OUTPUT_LIMITS,
};

enum setting_flag {
    F_FIXED = 1 << 0,
    F_GUARDED = 1 << 1,
    F_HIDDEN = 1 << 2,
};

struct setting_row {
    const char *name;
    enum setting_kind kind;
    enum setting_use use;
    uint32_t flags;
    const char *fallback; /* the default, as CONFIG GET shows it */
    int64_t least, most;
    const char *const *choices; /* ends with NULL; NULL if none */
    const char *reason;         /* NULL if it works */
};

const struct setting_row *table_row(enum setting id);
const char *table_alias(enum setting id);      /* NULL: none */
const char *table_newer_name(enum setting id); /* NULL: none */
/* The choices as Redis's message lists them, if not in their own order. */
const char *table_listed(enum setting id);
/* True if the value is a text, not a number. */
bool table_is_text(enum setting_kind kind);
/* True if a directive takes several words, or one holding them all. */
bool table_takes_words(enum setting_kind kind);

#endif
