/*
 * inside.h - what a struct settings is made of; private to config/.
 */
#ifndef CONFIG_INSIDE_H
#define CONFIG_INSIDE_H

#include "base/lock.h"
#include "config/table.h"
#include "config/value.h"

struct entry {
    _Atomic int64_t number;
    char *text;       /* owned, under the lock; NULL if not a text */
    bool is_set;      /* a file or the command line named it; under the lock */
    bool is_changed;  /* set after the start; under the lock */
    bool is_computed; /* derived from the machine, not asked for; likewise */
};

struct settings {
    struct lock *lock; /* = &own_lock: taken through a const pointer too */
    struct lock own_lock;
    bool is_frozen; /* set before threads start */
    /* client-output-buffer-limit: hard, soft, seconds */
    _Atomic int64_t limits[OUTPUT_CLASSES][3];
    struct entry entries[SETTING_COUNT];
};

/* A copy of the present value; the caller deinits it. */
void settings_value(const struct settings *settings, enum setting id,
                    struct value *value);
/* Puts a value in place and takes its text. */
void settings_put(struct settings *settings, enum setting id,
                  struct value *value);
bool settings_is_changed(const struct settings *settings, enum setting id);
bool settings_is_computed(const struct settings *settings, enum setting id);

#endif
