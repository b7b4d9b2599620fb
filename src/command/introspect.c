/*
 * COMMAND and COMMAND INFO, COUNT, LIST, GETKEYS: the table of commands, told
 * to clients. Cluster clients find keys by it, so it must be exact.
 */
#include "command/admin.h"

#include "base/glob.h"
#include "base/memory.h"
#include "command/key_specs.h"

#include <stdio.h>

static const struct {
    uint32_t flag;
    const char *name;
} flag_names[] = {
    {CMD_WRITE, "write"},
    {CMD_READONLY, "readonly"},
    {CMD_DENYOOM, "denyoom"},
    {CMD_ADMIN, "admin"},
    {CMD_PUBSUB, "pubsub"},
    {CMD_NOSCRIPT, "noscript"},
    {CMD_BLOCKING, "blocking"},
    {CMD_LOADING, "loading"},
    {CMD_STALE, "stale"},
    {CMD_SKIP_MONITOR, "skip_monitor"},
    {CMD_SKIP_SLOWLOG, "skip_slowlog"},
    {CMD_FAST, "fast"},
    {CMD_NO_AUTH, "no_auth"},
    {CMD_MAY_REPLICATE, "may_replicate"},
    {CMD_NO_ASYNC_LOADING, "no_async_loading"},
    {CMD_NO_MULTI, "no_multi"},
    {CMD_MOVABLEKEYS, "movablekeys"},
    {CMD_ALLOW_BUSY, "allow_busy"},
    {CMD_TOUCHES_ARBITRARY_KEYS, "touches_arbitrary_keys"},
};

static const char *const categories[] = {
    "keyspace",  "read",     "write",     "set",        "sortedset",
    "list",      "hash",     "string",    "bitmap",     "hyperloglog",
    "geo",       "stream",   "pubsub",    "admin",      "fast",
    "slow",      "blocking", "dangerous", "connection", "transaction",
    "scripting",
};

/* True if `word` is one of the words of `text`, which `separator` divides. */
static bool
has_word(const char *text, const char *word, char separator)
{
    size_t size = strlen(word);
    const char *at = text;

    while (at != NULL && *at != '\0') {
        if (!strncmp(at, word, size) &&
            (at[size] == separator || at[size] == '\0')) {
            return true;
        }
        at = strchr(at, separator);
        if (at != NULL) at++;
    }
    return false;
}

static void
reply_flags(struct reply *reply, const struct cmd_spec *spec)
{
    size_t place = reply_defer(reply), i;
    int64_t count = 0;

    if (!(spec->flags & CMD_SUBCOMMANDS) || !strcmp(spec->name, "command")) {
        for (i = 0; i < ARRAY_LEN(flag_names); i++) {
            if (!(spec->flags & flag_names[i].flag)) continue;
            reply_status(reply, flag_names[i].name);
            count++;
        }
    }
    reply_set_set(reply, place, count);
}

static void
reply_categories(struct reply *reply, const struct cmd_spec *spec)
{
    size_t place = reply_defer(reply), i;
    int64_t count = 0;
    char name[32];

    for (i = 0; i < ARRAY_LEN(categories); i++) {
        if (spec->acl == NULL || !has_word(spec->acl, categories[i], ' ')) {
            continue;
        }
        (void)snprintf(name, sizeof(name), "@%s", categories[i]);
        reply_status(reply, name);
        count++;
    }
    reply_set_set(reply, place, count);
}

/* The words of a text, each as a bulk string or a status. */
static void
reply_words(struct reply *reply, const char *text, char separator,
            bool as_status)
{
    size_t place = reply_defer(reply);
    int64_t count = 0;
    char word[64];

    while (text != NULL && *text != '\0') {
        const char *end = strchr(text, separator);
        size_t size = end != NULL ? (size_t)(end - text) : strlen(text);

        (void)snprintf(word, sizeof(word), "%.*s", (int)size, text);
        if (as_status) {
            reply_status(reply, word);
        } else {
            reply_bulk_str(reply, word);
        }
        count++;
        text = end != NULL ? end + 1 : NULL;
    }
    reply_set_set(reply, place, count);
}

static void
reply_key_spec(struct reply *reply, const struct key_spec *key)
{
    reply_map(reply, key->notes != NULL ? 4 : 3);
    if (key->notes != NULL) {
        reply_bulk_str(reply, "notes");
        reply_bulk_str(reply, key->notes);
    }
    reply_bulk_str(reply, "flags");
    reply_words(reply, key->flags, ' ', true);
    reply_bulk_str(reply, "begin_search");
    reply_map(reply, 2);
    reply_bulk_str(reply, "type");
    reply_bulk_str(reply, "index");
    reply_bulk_str(reply, "spec");
    reply_map(reply, 1);
    admin_pair_int(reply, "index", key->first);
    reply_bulk_str(reply, "find_keys");
    reply_map(reply, 2);
    reply_bulk_str(reply, "type");
    reply_bulk_str(reply, "range");
    reply_bulk_str(reply, "spec");
    reply_map(reply, 3);
    admin_pair_int(reply, "lastkey", key->last);
    admin_pair_int(reply, "keystep", key->step);
    admin_pair_int(reply, "limit", 0);
}

static bool
is_child(const struct cmd_spec *spec, const struct cmd_spec *parent)
{
    return spec->parent != NULL && spec->parent->index == parent->index;
}

static void
reply_info(struct reply *reply, const struct cmd_spec *spec)
{
    struct key_spec keys[KEY_SPECS_MAX];
    uint32_t key_count = key_specs(spec, keys), i;
    int64_t children = 0;
    size_t place;

    reply_array(reply, 10);
    reply_bulk_str(reply, spec->name);
    reply_int(reply, spec->args_max == spec->args_min ? spec->args_min
                                                      : -spec->args_min);
    reply_flags(reply, spec);
    reply_int(reply, spec->key_first);
    reply_int(reply, spec->key_last);
    reply_int(reply, spec->key_step);
    reply_categories(reply, spec);
    reply_words(reply, spec->tips, ',', false);
    reply_set(reply, key_count);
    for (i = 0; i < key_count; i++)
        reply_key_spec(reply, &keys[i]);
    place = reply_defer(reply);
    for (i = 0; spec->parent == NULL && i < cmd_count(); i++) {
        if (!is_child(cmd_at(i), spec)) continue;
        reply_info(reply, cmd_at(i)); /* a subcommand has none itself */
        children++;
    }
    /* none is an empty set like those before it, some are a list */
    if (children > 0) {
        reply_set_array(reply, place, children);
    } else {
        reply_set_set(reply, place, 0);
    }
}

static void
reply_all(struct cmd_call *call)
{
    size_t place = reply_defer(call->reply);
    int64_t count = 0;
    uint32_t i;

    for (i = 0; i < cmd_count(); i++) {
        if (cmd_at(i)->parent != NULL || (cmd_at(i)->flags & CMD_INTERNAL)) {
            continue;
        }
        reply_info(call->reply, cmd_at(i));
        count++;
    }
    reply_set_array(call->reply, place, count);
}

/* COMMAND */
void
admin_command(struct cmd_call *call)
{
    if (call->arg_count > 1) {
        admin_container(call);
    } else {
        reply_all(call);
    }
}

/* COMMAND INFO [command-name ...] */
void
admin_command_info(struct cmd_call *call)
{
    uint32_t at;

    if (call->arg_count == 2) {
        reply_all(call);
        return;
    }
    reply_array(call->reply, call->arg_count - 2);
    for (at = 2; at < call->arg_count; at++) {
        const struct cmd_spec *spec = cmd_find_name(call->args[at]);

        if (spec != NULL) {
            reply_info(call->reply, spec);
        } else {
            reply_null(call->reply);
        }
    }
}

/* COMMAND COUNT */
void
admin_command_count(struct cmd_call *call)
{
    int64_t count = 0;
    uint32_t i;

    for (i = 0; i < cmd_count(); i++)
        count +=
            cmd_at(i)->parent == NULL && !(cmd_at(i)->flags & CMD_INTERNAL);
    reply_int(call->reply, count);
}

enum filter { FILTER_NONE, FILTER_MODULE, FILTER_CATEGORY, FILTER_PATTERN };

static bool
passes_filter(const struct cmd_spec *spec, enum filter filter,
              struct bytes value)
{
    struct admin_text category;

    switch (filter) {
    case FILTER_NONE: return true;
    case FILTER_MODULE: return false;
    case FILTER_CATEGORY:
        category = admin_quote(value);
        return value.size > 0 && spec->acl != NULL &&
               has_word(spec->acl, category.text, ' ');
    case FILTER_PATTERN: return glob_match(value, bytes_str(spec->name), true);
    }
    return false;
}

/* COMMAND LIST [FILTERBY <MODULE name | ACLCAT category | PATTERN pattern>] */
void
admin_command_list(struct cmd_call *call)
{
    enum filter filter = FILTER_NONE;
    struct bytes value = bytes_of(NULL, 0);
    int64_t count = 0;
    size_t place;
    uint32_t i;

    if (call->arg_count == 5 && cmd_arg_is(call, 2, "filterby")) {
        if (cmd_arg_is(call, 3, "module")) filter = FILTER_MODULE;
        if (cmd_arg_is(call, 3, "aclcat")) filter = FILTER_CATEGORY;
        if (cmd_arg_is(call, 3, "pattern")) filter = FILTER_PATTERN;
        value = call->args[4];
    }
    if (call->arg_count != 2 && filter == FILTER_NONE) {
        admin_syntax_error(call);
        return;
    }
    place = reply_defer(call->reply);
    for (i = 0; i < cmd_count(); i++) {
        if ((cmd_at(i)->flags & CMD_INTERNAL) ||
            !passes_filter(cmd_at(i), filter, value)) {
            continue;
        }
        reply_bulk_str(call->reply, cmd_at(i)->name);
        count++;
    }
    reply_set_array(call->reply, place, count);
}

/* The command behind COMMAND GETKEYS, and its keys' places; else an error
 * reply and -1. */
static int32_t
keys_of(struct cmd_call *call, const struct cmd_spec **spec, uint32_t *places)
{
    const struct bytes *args = call->args + 2;
    uint32_t arg_count = call->arg_count - 2;
    int32_t count;

    *spec = cmd_find(args, arg_count);
    if (*spec == NULL || ((*spec)->flags & CMD_SUBCOMMANDS)) {
        reply_error(call->reply, "ERR Invalid command specified");
        return -1;
    }
    if ((*spec)->key_first <= 0 && (*spec)->find_keys == NULL) {
        reply_error(call->reply, "ERR The command has no key arguments");
        return -1;
    }
    if ((int64_t)arg_count < (*spec)->args_min ||
        ((*spec)->args_max != CMD_ARGS_ANY &&
         (int64_t)arg_count > (*spec)->args_max)) {
        reply_error(call->reply,
                    "ERR Invalid number of arguments specified for command");
        return -1;
    }
    count = cmd_keys(*spec, args, arg_count, places);
    if (count <= 0) {
        reply_error(call->reply, "ERR Invalid arguments specified for command");
        return -1;
    }
    return count;
}

static void
get_keys(struct cmd_call *call, bool with_flags)
{
    const struct bytes *args = call->args + 2;
    uint32_t arg_count = call->arg_count - 2;
    uint32_t *places = mem_try(arg_count * sizeof(*places));
    const struct cmd_spec *spec;
    int32_t count, i;

    if (places == NULL) {
        reply_error(call->reply, "OOM command not allowed when used memory > "
                                 "'maxmemory'.");
        return;
    }
    count = keys_of(call, &spec, places);
    if (count > 0) reply_array(call->reply, count);
    for (i = 0; i < count; i++) {
        if (with_flags) reply_array(call->reply, 2);
        reply_bulk(call->reply, args[places[i]]);
        if (with_flags) {
            reply_words(call->reply,
                        key_spec_flags(spec, args, arg_count, places[i]), ' ',
                        true);
        }
    }
    mem_free(places);
}

/* COMMAND GETKEYS command [arg ...] */
void
admin_command_getkeys(struct cmd_call *call)
{
    get_keys(call, false);
}

/* COMMAND GETKEYSANDFLAGS command [arg ...] */
void
admin_command_getkeysandflags(struct cmd_call *call)
{
    get_keys(call, true);
}
