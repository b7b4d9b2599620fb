/*
 * settings.h - every directive of kula.conf: its name, default, range and
 * present value. Pure: knows text, not files.
 *
 * Numbers, booleans, enums and memory sizes are one atomic int64 each, read
 * without a lock on the request path. Texts are copied out under a lock.
 */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "base/buf.h"
#include "base/bytes.h"

#include <stdatomic.h>

/* Indexes of enums' values. */
#include "config/choices.h"
/* One id per directive: SETTING_PORT, SETTING_MAXMEMORY_POLICY, ...; the rows
 * are in config/directives.h, an X-macro list that this file includes. */
#include "config/directives.h"

enum setting {
#define SETTING_ID(id, ...) SETTING_##id,
    DIRECTIVES(SETTING_ID)
#undef SETTING_ID
        SETTING_COUNT
};

enum setting_use {
    USE_WORKS,   /* has its documented effect, now */
    USE_KEPT,    /* accepted, shown, rewritten; has no effect here */
    USE_LATER,   /* will work; anything but the default stops the start */
    USE_REFUSED, /* will never work here; settings_reason says what does */
};

enum { SETTING_WHY_BYTES = 256 };

/* Classes of client-output-buffer-limit. */
enum output_class {
    OUTPUT_NORMAL,
    OUTPUT_REPLICA,
    OUTPUT_PUBSUB,
    OUTPUT_CLASSES
};

struct output_limit {
    int64_t hard_bytes, soft_bytes; /* 0: none */
    int64_t soft_s;                 /* how long soft_bytes may be exceeded */
};

struct settings;

struct settings *settings_new(void); /* all defaults */
void settings_free(struct settings *settings);

/* Present value of a number, boolean (0, 1), enum (its index), memory size. */
int64_t settings_int(const struct settings *settings, enum setting id);
/* A copy of a text; the caller frees it with mem_free. */
char *settings_text(const struct settings *settings, enum setting id);
/* ring-weight: a text that is a decimal number. */
double settings_decimal(const struct settings *settings, enum setting id);
/* True if the text's bytes are exactly `bytes`; takes the same time wherever
 * they differ (requirepass). */
bool settings_text_is(const struct settings *settings, enum setting id,
                      struct bytes bytes);
/* Without a lock; the three numbers of a class may be of two settings for an
 * instant. */
struct output_limit settings_output_limit(const struct settings *settings,
                                          enum output_class which);
/* latency-tracking-info-percentiles; writes at most `room`, returns how many.
 */
uint32_t settings_percentiles(const struct settings *settings, double *out,
                              uint32_t room);

const char *settings_name(enum setting id);
/* Redis's other name for it (slave-priority), or NULL. CONFIG GET lists both.
 */
const char *settings_alias(enum setting id);
/* Why it is kept, not there yet, or refused; NULL if it works. */
const char *settings_reason(enum setting id);
/* True if CONFIG GET shows it: newer names than 7.0's only when they were set
 * and asked for by their exact name. */
bool settings_is_listed(const struct settings *settings, enum setting id,
                        bool by_exact_name);
enum setting_use settings_use(enum setting id);
bool settings_is_immutable(enum setting id); /* CONFIG SET refuses */
/* CONFIG SET refuses unless enable-protected-configs allows it to the client;
 * the caller looks at that: "can't set protected config". */
bool settings_is_protected(enum setting id);

/* By the name of the directive or of a synonym; -1: unknown. Case-blind. */
int settings_find(struct bytes name);
/* The known name nearest to a misspelt one, or NULL. */
const char *settings_suggest(struct bytes name);

/*
 * Sets a value from a directive's arguments (without its name); for those of
 * several words one argument is split at its spaces, as CONFIG SET sends it.
 * `why` gets Redis's text for a bad value ("argument must be 'yes' or 'no'").
 * Codes: ERR_SYNTAX, ERR_RANGE: a bad value; ERR_STATE: immutable, not
 * supported yet, refused. Nothing has changed then.
 *
 * Before settings_freeze lines of one file add up where Redis adds them up
 * (save), and for ring-seeds; after it each call replaces the value, and
 * immutable ones are refused.
 */
WARN_UNUSED int settings_set(struct settings *settings, enum setting id,
                             const struct bytes *args, uint32_t arg_count,
                             char why[SETTING_WHY_BYTES]);
/*
 * For several at once (CONFIG SET a 1 b 2): what `ids` were, to be put back
 * when a later one fails. Owned by the caller; freed by settings_forget.
 */
struct settings_backup;
struct settings_backup *settings_backup(const struct settings *settings,
                                        const enum setting *ids,
                                        uint32_t count);
void settings_restore(struct settings *settings,
                      const struct settings_backup *backup);
void settings_forget(struct settings_backup *backup); /* NULL is fine */
/*
 * Puts in force what the machine allows or the process found out (cores,
 * memory, open files, the full path of a directory). CONFIG GET shows it;
 * CONFIG REWRITE leaves the file as it was.
 */
WARN_UNUSED int settings_compute(struct settings *settings, enum setting id,
                                 struct bytes value);
/* The value as CONFIG GET answers it; owned by the caller's buf. */
void settings_show(const struct settings *settings, enum setting id,
                   struct buf *out);
/* True if a file, the command line or CONFIG SET named it. */
bool settings_is_set(const struct settings *settings, enum setting id);
bool settings_is_default(const struct settings *settings, enum setting id);
void settings_freeze(struct settings *settings);

/*
 * Loads the text of one file. Problems are appended to `problems`, one line
 * each: "FILE:LINE: 'directive ...': why (did you mean ...?)"; returns how
 * many were found. `include` is called for an include line: it finds the
 * files of the pattern, reads and loads each at `depth`, and returns the
 * problems of all of them (1, and a line, if it can't). NULL: not possible
 * here, as in the simulator.
 */
enum { SETTINGS_DEPTH_MAX = 8 };

typedef uint32_t settings_include(void *context, struct bytes pattern,
                                  struct settings *settings,
                                  struct buf *problems, uint32_t depth);
uint32_t settings_load(struct settings *settings, const char *file_name,
                       struct bytes text, uint32_t depth,
                       settings_include *include, void *context,
                       struct buf *problems);
/*
 * The command line after the file: "--port" "7000" "--save" "60" "100" as the
 * lines of a file ("port 7000"), for settings_load. ERR_SYNTAX: the first
 * argument is not a directive.
 */
WARN_UNUSED int settings_from_arguments(const char *const *args, uint32_t count,
                                        struct buf *lines);
/* How many directives were set that have no effect here, for the notice. */
uint32_t settings_kept_count(const struct settings *settings);

/*
 * The text of a file that would give the present values: `old` with changed
 * lines replaced in place, new ones appended, comments kept (CONFIG REWRITE).
 */
void settings_rewrite(const struct settings *settings, struct bytes old,
                      struct buf *out);

#endif
