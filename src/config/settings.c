/*
 * Numbers are read on the request path, so each is one atomic word; texts are
 * read rarely and copied under one lock for all of them. A value is parsed and
 * checked before anything is touched: a refused one changes nothing.
 */
#include "config/settings.h"

#include "base/err.h"
#include "base/memory.h"
#include "base/number.h"
#include "config/inside.h"
#include "config/line.h"

#include <stdio.h>

struct settings *
settings_new(void)
{
    struct settings *settings = mem_must_zero(sizeof(*settings));
    uint32_t i;

    settings->lock = &settings->own_lock;
    for (i = 0; i < SETTING_COUNT; i++) {
        struct value value;

        value_fallback((enum setting)i, &value);
        settings_put(settings, (enum setting)i, &value);
    }
    return settings;
}

void
settings_free(struct settings *settings)
{
    uint32_t i;

    if (settings == NULL) return;
    for (i = 0; i < SETTING_COUNT; i++)
        mem_free(settings->entries[i].text);
    mem_free(settings);
}

static void
put_limit(struct settings *settings, uint32_t class,
          const struct output_limit *limit)
{
    _Atomic int64_t *at = settings->limits[class];

    atomic_store_explicit(&at[0], limit->hard_bytes, memory_order_relaxed);
    atomic_store_explicit(&at[1], limit->soft_bytes, memory_order_relaxed);
    atomic_store_explicit(&at[2], limit->soft_s, memory_order_relaxed);
}

void
settings_put(struct settings *settings, enum setting id, struct value *value)
{
    struct entry *entry = &settings->entries[id];
    char *old = NULL;
    uint32_t i;

    lock_take(settings->lock);
    if (table_is_text(table_row(id)->kind)) {
        ASSERT(value->text != NULL);
        old = entry->text;
        entry->text = value->text;
        value->text = NULL;
    }
    for (i = 0; i < OUTPUT_CLASSES; i++) {
        if (value->has_limit[i]) put_limit(settings, i, &value->limits[i]);
    }
    atomic_store_explicit(&entry->number, value->number, memory_order_relaxed);
    lock_drop(settings->lock);
    mem_free(old);
}

int64_t
settings_int(const struct settings *settings, enum setting id)
{
    ASSERT((uint32_t)id < SETTING_COUNT);
    return atomic_load_explicit(&settings->entries[id].number,
                                memory_order_relaxed);
}

char *
settings_text(const struct settings *settings, enum setting id)
{
    char *copy;

    ASSERT(table_is_text(table_row(id)->kind));
    lock_take(settings->lock);
    copy = mem_must_text(settings->entries[id].text,
                         strlen(settings->entries[id].text));
    lock_drop(settings->lock);
    return copy;
}

bool
settings_text_is(const struct settings *settings, enum setting id,
                 struct bytes bytes)
{
    char *text = settings_text(settings, id);
    size_t size = strlen(text);
    unsigned char differs = size != bytes.size;
    size_t i;

    /* Each byte of the guess is looked at, against some byte of ours: only
     * the guess's own length shows in the time taken. */
    for (i = 0; i < bytes.size; i++) {
        differs |=
            (unsigned char)(bytes.data[i] ^ text[size > 0 ? i % size : 0]);
    }
    mem_free(text);
    return differs == 0;
}

struct output_limit
settings_output_limit(const struct settings *settings, enum output_class which)
{
    const _Atomic int64_t *at = settings->limits[which];

    ASSERT((uint32_t)which < OUTPUT_CLASSES);
    return (struct output_limit){
        .hard_bytes = atomic_load_explicit(&at[0], memory_order_relaxed),
        .soft_bytes = atomic_load_explicit(&at[1], memory_order_relaxed),
        .soft_s = atomic_load_explicit(&at[2], memory_order_relaxed),
    };
}

double
settings_decimal(const struct settings *settings, enum setting id)
{
    char *text = settings_text(settings, id);
    long double number = 0;

    ASSERT(table_row(id)->kind == KIND_DECIMAL);
    (void)number_parse_float(bytes_str(text), &number);
    mem_free(text);
    return (double)number;
}

uint32_t
settings_percentiles(const struct settings *settings, double *out,
                     uint32_t room)
{
    char *text =
        settings_text(settings, SETTING_LATENCY_TRACKING_INFO_PERCENTILES);
    char *unquoted = mem_must(strlen(text) + 1);
    struct bytes words[LINE_WORDS_MAX];
    int count = line_split(bytes_str(text), unquoted, words, LINE_WORDS_MAX);
    uint32_t i;

    ASSERT(count >= 0);
    if ((uint32_t)count < room) room = (uint32_t)count;
    for (i = 0; i < room; i++) {
        long double number = 0;

        (void)number_parse_float(words[i], &number);
        out[i] = (double)number;
    }
    mem_free(unquoted);
    mem_free(text);
    return room;
}

void
settings_value(const struct settings *settings, enum setting id,
               struct value *value)
{
    uint32_t i;

    *value = (struct value){.number = settings_int(settings, id)};
    if (table_is_text(table_row(id)->kind)) {
        value->text = settings_text(settings, id);
    }
    if (table_row(id)->kind != KIND_OUTPUT_LIMITS) return;
    for (i = 0; i < OUTPUT_CLASSES; i++) {
        value->limits[i] =
            settings_output_limit(settings, (enum output_class)i);
        value->has_limit[i] = true;
    }
}

void
settings_show(const struct settings *settings, enum setting id, struct buf *out)
{
    struct value value;

    settings_value(settings, id, &value);
    value_show(id, &value, out);
    value_deinit(&value);
}

bool
settings_is_default(const struct settings *settings, enum setting id)
{
    struct value present, fallback;
    bool is_equal;

    settings_value(settings, id, &present);
    value_fallback(id, &fallback);
    is_equal = value_equal(id, &present, &fallback);
    value_deinit(&present);
    value_deinit(&fallback);
    return is_equal;
}

bool
settings_is_set(const struct settings *settings, enum setting id)
{
    bool is_set;

    lock_take(settings->lock);
    is_set = settings->entries[id].is_set;
    lock_drop(settings->lock);
    return is_set;
}

bool
settings_is_changed(const struct settings *settings, enum setting id)
{
    bool is_changed;

    lock_take(settings->lock);
    is_changed = settings->entries[id].is_changed;
    lock_drop(settings->lock);
    return is_changed;
}

bool
settings_is_computed(const struct settings *settings, enum setting id)
{
    bool is_computed;

    lock_take(settings->lock);
    is_computed = settings->entries[id].is_computed;
    lock_drop(settings->lock);
    return is_computed;
}

bool
settings_is_listed(const struct settings *settings, enum setting id,
                   bool by_exact_name)
{
    if (!(table_row(id)->flags & F_HIDDEN)) return true;
    return by_exact_name && settings_is_set(settings, id);
}

void
settings_freeze(struct settings *settings)
{
    settings->is_frozen = true;
}

uint32_t
settings_kept_count(const struct settings *settings)
{
    uint32_t i, count = 0;

    for (i = 0; i < SETTING_COUNT; i++) {
        if (settings_use((enum setting)i) == USE_KEPT &&
            settings_is_set(settings, (enum setting)i)) {
            count++;
        }
    }
    return count;
}

static uint32_t
count_words(const char *text)
{
    uint32_t count = text[0] != '\0';

    for (; *text != '\0'; text++)
        count += *text == ' ';
    return count;
}

/* Lines of a file add up for `save` and `ring-seeds`, until an empty one. */
static int
add_lines(const struct settings *settings, enum setting id, struct value *value,
          char why[SETTING_WHY_BYTES])
{
    const struct setting_row *row = table_row(id);
    char *old, *sum;
    size_t size;

    if (id != SETTING_SAVE && id != SETTING_RING_SEEDS) return ERR_OK;
    if (settings->is_frozen || value->text[0] == '\0') return ERR_OK;
    if (!settings_is_set(settings, id)) return ERR_OK;
    old = settings_text(settings, id);
    if (old[0] != '\0') {
        size = strlen(old) + strlen(value->text) + 2;
        sum = mem_must(size);
        (void)snprintf(sum, size, "%s %s", old, value->text);
        mem_free(value->text);
        value->text = sum;
    }
    mem_free(old);
    if (row->most == 0 || count_words(value->text) <= (uint64_t)row->most)
        return ERR_OK;
    (void)snprintf(why, SETTING_WHY_BYTES, "too many in all: at most %lld",
                   (long long)row->most);
    return ERR_RANGE;
}

/* What is not there yet, or never, may only be set to what it is. */
static int
check_use(enum setting id, const struct value *value,
          char why[SETTING_WHY_BYTES])
{
    const struct setting_row *row = table_row(id);
    struct value fallback;
    bool is_default;

    if (row->use != USE_LATER && row->use != USE_REFUSED) return ERR_OK;
    value_fallback(id, &fallback);
    is_default = value_equal(id, value, &fallback);
    value_deinit(&fallback);
    if (is_default) return ERR_OK;
    (void)snprintf(why, SETTING_WHY_BYTES, "%s", row->reason);
    return ERR_STATE;
}

int
settings_set(struct settings *settings, enum setting id,
             const struct bytes *args, uint32_t arg_count,
             char why[SETTING_WHY_BYTES])
{
    struct value value;
    int err;

    ASSERT((uint32_t)id < SETTING_COUNT);
    why[0] = '\0';
    if (settings->is_frozen && settings_is_immutable(id)) {
        (void)snprintf(why, SETTING_WHY_BYTES, "can't set immutable config");
        return ERR_STATE;
    }
    err = value_parse(id, args, arg_count, &value, why);
    if (err != ERR_OK) return err;
    err = check_use(id, &value, why);
    if (err == ERR_OK) err = add_lines(settings, id, &value, why);
    if (err == ERR_OK) {
        settings_put(settings, id, &value);
        lock_take(settings->lock);
        settings->entries[id].is_set = true;
        settings->entries[id].is_changed |= settings->is_frozen;
        settings->entries[id].is_computed = false;
        lock_drop(settings->lock);
    }
    value_deinit(&value);
    return err;
}

int
settings_compute(struct settings *settings, enum setting id, struct bytes value)
{
    char why[SETTING_WHY_BYTES];
    bool was_set = settings_is_set(settings, id);
    bool was_changed = settings_is_changed(settings, id);
    int err = settings_set(settings, id, &value, 1, why);

    if (err != ERR_OK) return err;
    lock_take(settings->lock);
    settings->entries[id].is_set = was_set;
    settings->entries[id].is_changed = was_changed;
    settings->entries[id].is_computed = !was_changed;
    lock_drop(settings->lock);
    return ERR_OK;
}

struct saved {
    enum setting id;
    bool is_set, is_changed;
    struct value value;
};

struct settings_backup {
    uint32_t count;
    struct saved saved[];
};

struct settings_backup *
settings_backup(const struct settings *settings, const enum setting *ids,
                uint32_t count)
{
    struct settings_backup *backup =
        mem_must(sizeof(*backup) + count * sizeof(backup->saved[0]));
    uint32_t i;

    backup->count = count;
    for (i = 0; i < count; i++) {
        struct saved *saved = &backup->saved[i];

        saved->id = ids[i];
        saved->is_set = settings_is_set(settings, ids[i]);
        saved->is_changed = settings_is_changed(settings, ids[i]);
        settings_value(settings, ids[i], &saved->value);
    }
    return backup;
}

void
settings_restore(struct settings *settings,
                 const struct settings_backup *backup)
{
    uint32_t i;

    for (i = 0; i < backup->count; i++) {
        const struct saved *saved = &backup->saved[i];
        struct value value = saved->value;

        if (value.text != NULL) {
            value.text = mem_must_text(value.text, strlen(value.text));
        }
        settings_put(settings, saved->id, &value);
        lock_take(settings->lock);
        settings->entries[saved->id].is_set = saved->is_set;
        settings->entries[saved->id].is_changed = saved->is_changed;
        lock_drop(settings->lock);
    }
}

void
settings_forget(struct settings_backup *backup)
{
    uint32_t i;

    if (backup == NULL) return;
    for (i = 0; i < backup->count; i++)
        value_deinit(&backup->saved[i].value);
    mem_free(backup);
}
