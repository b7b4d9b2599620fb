/*
 * COMMAND DOCS: what redis-cli shows while one types. The arguments come from
 * the synopsis of the row.
 */
#include "command/admin.h"

#include "base/memory.h"
#include "command/key_specs.h"
#include "command/syntax.h"

static const struct {
    const char *name, *since, *instead;
} deprecated[] = {
    {"cluster|slaves", "5.0.0", "`CLUSTER REPLICAS`"},
    {"cluster|slots", "7.0.0", "`CLUSTER SHARDS`"},
    {"getset", "6.2.0", "`SET` with the `!GET` argument"},
    {"slaveof", "5.0.0", "`REPLICAOF`"},
    {"substr", "2.0.0", "`GETRANGE`"},
};

struct docs {
    struct reply *reply;
    uint32_t key_specs; /* how many the command has */
    uint32_t keys_seen;
};

static void
pair(struct reply *reply, const char *name, const char *value)
{
    reply_bulk_str(reply, name);
    reply_bulk_str(reply, value);
}

static void
reply_arg_flags(struct reply *reply, const struct syntax_node *node)
{
    reply_bulk_str(reply, "flags");
    reply_set(reply,
              node->is_optional + node->is_multiple + node->is_token_multiple);
    if (node->is_optional) reply_status(reply, "optional");
    if (node->is_multiple) reply_status(reply, "multiple");
    if (node->is_token_multiple) reply_status(reply, "multiple_token");
}

static void
reply_args(struct docs *docs, const struct syntax_node *node)
{
    struct reply *reply = docs->reply;
    size_t place = reply_defer(reply);
    int64_t count = 0;

    for (; node != NULL; node = node->next) {
        bool has_flags = node->is_optional || node->is_multiple;
        bool has_key = node->type == SYNTAX_KEY && docs->key_specs > 0;

        reply_map(reply, 2 + has_key + (node->token.size > 0) + has_flags +
                             (node->first != NULL));
        pair(reply, "name", node->name);
        pair(reply, "type", syntax_type_name(node->type));
        if (has_key) {
            uint32_t which = docs->keys_seen++;

            if (which >= docs->key_specs) which = docs->key_specs - 1;
            admin_pair_int(reply, "key_spec_index", which);
        }
        if (node->token.size > 0) {
            reply_bulk_str(reply, "token");
            reply_bulk(reply, node->token);
        }
        if (has_flags) reply_arg_flags(reply, node);
        if (node->first != NULL) {
            reply_bulk_str(reply, "arguments");
            reply_args(docs, node->first);
        }
        count++;
    }
    reply_set_array(reply, place, count);
}

static int64_t
reply_flags(struct reply *reply, const struct cmd_spec *spec)
{
    bool is_internal =
        !strcmp(spec->name, "debug") || !strcmp(spec->name, "replconf");
    size_t i;

    for (i = 0; i < ARRAY_LEN(deprecated); i++) {
        if (strcmp(spec->name, deprecated[i].name) != 0) continue;
        reply_bulk_str(reply, "doc_flags");
        reply_set(reply, 1);
        reply_status(reply, "deprecated");
        pair(reply, "deprecated_since", deprecated[i].since);
        pair(reply, "replaced_by", deprecated[i].instead);
        return 3;
    }
    if (!is_internal) return 0;
    reply_bulk_str(reply, "doc_flags");
    reply_set(reply, 1);
    reply_status(reply, "syscmd");
    return 1;
}

static int64_t
reply_arguments(struct reply *reply, const struct cmd_spec *spec,
                struct syntax *syntax)
{
    struct key_spec keys[KEY_SPECS_MAX];
    struct docs docs = {.reply = reply};

    if (spec->flags & CMD_SUBCOMMANDS || spec->syntax == NULL) return 0;
    docs.key_specs = key_specs(spec, keys);
    syntax_parse(syntax, spec->syntax);
    if (syntax->first == NULL) return 0;
    reply_bulk_str(reply, "arguments");
    reply_args(&docs, syntax->first);
    return 1;
}

static void reply_docs(struct reply *reply, const struct cmd_spec *spec,
                       struct syntax *syntax);

static int64_t
reply_children(struct reply *reply, const struct cmd_spec *spec,
               struct syntax *syntax)
{
    int64_t count = 0;
    size_t place;
    uint32_t i;

    if (!(spec->flags & CMD_SUBCOMMANDS)) return 0;
    reply_bulk_str(reply, "subcommands");
    place = reply_defer(reply);
    for (i = 0; i < cmd_count(); i++) {
        const struct cmd_spec *child = cmd_at(i);

        if (child->parent == NULL || child->parent->index != spec->index) {
            continue;
        }
        reply_docs(reply, child, syntax);
        count++;
    }
    reply_set_map(reply, place, count);
    return 1;
}

/* A name and its map. */
static void
reply_docs(struct reply *reply, const struct cmd_spec *spec,
           struct syntax *syntax)
{
    int64_t pairs = 3;
    size_t place;

    reply_bulk_str(reply, spec->name);
    place = reply_defer(reply);
    pair(reply, "summary", spec->summary);
    pair(reply, "since", spec->since);
    pair(reply, "group", spec->group);
    if (spec->complexity != NULL) {
        pair(reply, "complexity", spec->complexity);
        pairs++;
    }
    pairs += reply_flags(reply, spec);
    pairs += reply_arguments(reply, spec, syntax);
    pairs += reply_children(reply, spec, syntax);
    reply_set_map(reply, place, pairs);
}

/* COMMAND DOCS [command-name ...] */
void
admin_command_docs(struct cmd_call *call)
{
    struct syntax *syntax = mem_must(sizeof(*syntax));
    size_t place = reply_defer(call->reply);
    int64_t count = 0;
    uint32_t i;

    for (i = 0; call->arg_count == 2 && i < cmd_count(); i++) {
        if (cmd_at(i)->parent != NULL || (cmd_at(i)->flags & CMD_INTERNAL)) {
            continue;
        }
        reply_docs(call->reply, cmd_at(i), syntax);
        count++;
    }
    for (i = 2; i < call->arg_count; i++) {
        const struct cmd_spec *spec = cmd_find_name(call->args[i]);

        if (spec == NULL) continue;
        reply_docs(call->reply, spec, syntax);
        count++;
    }
    reply_set_map(call->reply, place, count);
    mem_free(syntax);
}
