/*
 * CONFIG. What a directive may hold and how it is shown is config/'s; here is
 * the command: patterns, several directives at once, and all or nothing.
 */
#include "command/admin.h"

#include "base/err.h"
#include "base/glob.h"

enum {
    GET_MAX = 512, /* names and patterns in one CONFIG GET: each is compared
                    * with all directives, and with those before it */
    SET_MAX = 64,  /* directives changed by one CONFIG SET */
};

static void
show_pair(struct cmd_call *call, struct bytes name, enum setting id)
{
    struct buf *value = &call->env->scratch;

    value->used = 0;
    settings_show(call->env->shared->settings, id, value);
    reply_bulk(call->reply, name);
    reply_bulk(call->reply, buf_bytes(value));
}

static bool
is_pattern(struct bytes text)
{
    size_t i;

    for (i = 0; i < text.size; i++) {
        if (strchr("*?[", text.data[i]) != NULL) return true;
    }
    return false;
}

static bool
any_matches(const struct cmd_call *call, const char *name)
{
    uint32_t at;

    for (at = 2; at < call->arg_count; at++) {
        if (is_pattern(call->args[at]) &&
            glob_match(call->args[at], bytes_str(name), true)) {
            return true;
        }
    }
    return false;
}

/* True if an earlier argument has named the same directive the same way. */
static bool
is_repeated(const struct cmd_call *call, uint32_t at)
{
    uint32_t i;

    for (i = 2; i < at; i++) {
        struct admin_text other = admin_quote(call->args[i]);
        char *c;

        for (c = other.text; *c != '\0'; c++) {
            if (*c >= 'A' && *c <= 'Z') *c = (char)(*c | 0x20);
        }
        if (bytes_is_nocase(call->args[at], other.text)) return true;
    }
    return false;
}

/* All names that match a pattern: a directive's own and its older one. */
static int64_t
show_matching(struct cmd_call *call, enum setting id)
{
    const char *names[2] = {settings_name(id), settings_alias(id)};
    int64_t pairs = 0;
    uint32_t i;

    if (!settings_is_listed(call->env->shared->settings, id, false)) return 0;
    for (i = 0; i < 2; i++) {
        if (names[i] == NULL || !any_matches(call, names[i])) continue;
        show_pair(call, bytes_str(names[i]), id);
        pairs++;
    }
    return pairs;
}

/* CONFIG GET parameter [parameter ...] */
void
admin_config_get(struct cmd_call *call)
{
    const struct settings *settings = call->env->shared->settings;
    bool has_pattern = false;
    int64_t pairs = 0;
    size_t place;
    uint32_t at;
    int id;

    if (call->arg_count - 2 > GET_MAX) {
        reply_error(call->reply, "ERR too many parameters at once");
        return;
    }
    place = reply_defer(call->reply);
    for (at = 2; at < call->arg_count; at++) {
        struct admin_text name = admin_quote(call->args[at]);

        if (is_pattern(call->args[at])) {
            has_pattern = true;
            continue;
        }
        id = settings_find(call->args[at]);
        if (id < 0 || is_repeated(call, at)) continue;
        if (!settings_is_listed(settings, (enum setting)id, true)) continue;
        if (any_matches(call, name.text)) continue; /* comes below */
        show_pair(call, call->args[at], (enum setting)id);
        pairs++;
    }
    for (id = 0; has_pattern && id < SETTING_COUNT; id++) {
        pairs += show_matching(call, (enum setting)id);
    }
    reply_set_map(call->reply, place, pairs);
}

static void
set_failed(struct cmd_call *call, const char *name, const char *why)
{
    reply_errorf(call->reply,
                 "ERR CONFIG SET failed (possibly related to argument '%s') - "
                 "%s",
                 name, why);
}

/* The name that a client means, as the directive has it. */
static const char *
proper_name(struct bytes name, enum setting id)
{
    const char *alias = settings_alias(id);

    return alias != NULL && bytes_is_nocase(name, alias) ? alias
                                                         : settings_name(id);
}

/* Why the directive of argument `at` can't be changed by this client. */
static const char *
why_not(const struct cmd_call *call, uint32_t at, enum setting id,
        const enum setting *before, uint32_t count)
{
    const char *name = proper_name(call->args[at], id);
    uint32_t i;

    if (settings_is_immutable(id)) return "can't set immutable config";
    if (settings_is_protected(id) &&
        !admin_is_allowed(call, SETTING_ENABLE_PROTECTED_CONFIGS)) {
        return "can't set protected config";
    }
    for (i = 0; i < count; i++) {
        /* its older name beside its own is no duplicate: the later one wins */
        if (before[i] == id && proper_name(call->args[2 + 2 * i], id) == name) {
            return "duplicate parameter";
        }
    }
    if (count == SET_MAX) return "too many parameters at once";
    return NULL;
}

/* Finds the directives of all pairs; an error reply and false if one is
 * unknown, can't be changed now, or comes twice. */
static bool
find_changes(struct cmd_call *call, enum setting ids[SET_MAX], uint32_t *count)
{
    const char *why;
    uint32_t at;

    for (at = 2; at < call->arg_count; at += 2) {
        int id = settings_find(call->args[at]);

        if (id < 0) {
            reply_errorf(call->reply,
                         "ERR Unknown option or number of arguments for "
                         "CONFIG SET - '%s'",
                         admin_quote(call->args[at]).text);
            return false;
        }
        why = why_not(call, at, (enum setting)id, ids, *count);
        if (why != NULL) {
            set_failed(call, admin_quote(call->args[at]).text, why);
            return false;
        }
        ids[(*count)++] = (enum setting)id;
    }
    return true;
}

/* CONFIG SET parameter value [parameter value ...] */
void
admin_config_set(struct cmd_call *call)
{
    struct cmd_shared *shared = call->env->shared;
    struct settings_backup *backup;
    enum setting ids[SET_MAX] = {0};
    char why[SETTING_WHY_BYTES] = "";
    uint32_t count = 0, i;

    if (call->arg_count % 2 != 0) {
        admin_syntax_error(call);
        return;
    }
    if (!find_changes(call, ids, &count)) return;
    backup = settings_backup(shared->settings, ids, count);
    for (i = 0; i < count; i++) {
        if (settings_set(shared->settings, ids[i], &call->args[3 + 2 * i], 1,
                         why) == ERR_OK) {
            continue;
        }
        settings_restore(shared->settings, backup);
        set_failed(call, proper_name(call->args[2 + 2 * i], ids[i]), why);
        break;
    }
    settings_forget(backup);
    if (i < count) return;
    for (i = 0; i < count; i++)
        shared->host->config_changed(call, ids[i]);
    reply_ok(call->reply);
}

/* CONFIG REWRITE */
void
admin_config_rewrite(struct cmd_call *call)
{
    const char *error = call->env->shared->host->config_rewrite(call);

    if (error != NULL) {
        reply_errorf(call->reply, "ERR %s", error);
    } else {
        reply_ok(call->reply);
    }
}

static void
reset_counter(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, 0, memory_order_relaxed);
}

/* All but those that say how things are now. */
static void
reset_metrics(struct metrics *metrics)
{
#define RESET_METRIC(name)                                                     \
    if (strcmp(#name, "clients_connected") != 0 &&                             \
        strcmp(#name, "client_buffers_bytes") != 0 &&                          \
        strcmp(#name, "turns") != 0) {                                         \
        reset_counter(&metrics->name);                                         \
    }
    METRICS(RESET_METRIC)
#undef RESET_METRIC
}

/* CONFIG RESETSTAT. Another worker that counts in this very moment may win:
 * its counter then goes on from the old figure. */
void
admin_config_resetstat(struct cmd_call *call)
{
    struct cmd_shared *shared = call->env->shared;
    uint32_t i, j;

    for (i = 0; i < shared->worker_count; i++) {
        struct cmd_env *env = &shared->envs[i];

        reset_metrics(&env->metrics);
        error_stats_reset(&env->errors);
        for (j = 0; j < CMD_SPECS_MAX; j++) {
            struct cmd_stats *stats = &env->stats[j];
            struct histogram *latency =
                atomic_load_explicit(&stats->latency, memory_order_acquire);

            reset_counter(&stats->calls);
            reset_counter(&stats->failed);
            reset_counter(&stats->rejected);
            reset_counter(&stats->ticks);
            if (latency != NULL) histogram_reset(latency);
        }
    }
    store_stats_reset(call->store);
    atomic_store_explicit(&shared->stats_reset_ms, call->wall_ms,
                          memory_order_relaxed);
    reply_ok(call->reply);
}
