#include "command/syntax.h"

#include <stdio.h>

enum { DEPTH_MAX = 8, LIST_MAX = 32 };

struct parser {
    struct syntax *syntax;
    const char *at;
    uint32_t depth;
};

/* What stands between two brackets, or two bars. */
struct list {
    struct syntax_node *items[LIST_MAX];
    uint32_t count;
    bool repeats; /* ended by "..." */
};

static struct list parse_list(struct parser *parser);

static struct syntax_node *
node_new(struct parser *parser, enum syntax_type type, const char *name)
{
    struct syntax *syntax = parser->syntax;
    struct syntax_node *node;

    if (syntax->used == SYNTAX_NODES_MAX) {
        syntax->is_bad = true;
        return &syntax->nodes[SYNTAX_NODES_MAX - 1];
    }
    node = &syntax->nodes[syntax->used++];
    memset(node, 0, sizeof(*node));
    node->type = type;
    (void)snprintf(node->name, sizeof(node->name), "%s", name);
    return node;
}

static struct syntax_node *
chain(struct list *list)
{
    uint32_t i;

    for (i = 0; i < list->count; i++) {
        list->items[i]->next = i + 1 < list->count ? list->items[i + 1] : NULL;
    }
    return list->count > 0 ? list->items[0] : NULL;
}

/* Several arguments as one, named after all of them. */
static struct syntax_node *
as_one(struct parser *parser, struct list *list)
{
    struct syntax_node *block;
    size_t used = 0;
    uint32_t i;

    if (list->count == 1) return list->items[0];
    block = node_new(parser, SYNTAX_BLOCK, "");
    for (i = 0; i < list->count && used < sizeof(block->name); i++) {
        used +=
            (size_t)snprintf(block->name + used, sizeof(block->name) - used,
                             "%s%s", i > 0 ? "_" : "", list->items[i]->name);
    }
    block->first = chain(list);
    return block;
}

static void
add(struct parser *parser, struct list *list, struct syntax_node *node)
{
    if (list->count == LIST_MAX) {
        parser->syntax->is_bad = true;
        return;
    }
    list->items[list->count++] = node;
}

static void
skip_spaces(struct parser *parser)
{
    while (*parser->at == ' ')
        parser->at++;
}

static struct bytes
word(struct parser *parser)
{
    const char *from = parser->at;

    while (*parser->at != '\0' && strchr(" []<>|", *parser->at) == NULL) {
        parser->at++;
    }
    return bytes_of(from, (size_t)(parser->at - from));
}

/* In capitals: a word of the command. */
static bool
is_token(struct bytes text)
{
    size_t i;

    for (i = 0; i < text.size; i++) {
        if (text.data[i] >= 'a' && text.data[i] <= 'z') return false;
    }
    return text.size > 0 && ((text.data[0] >= 'A' && text.data[0] <= 'Z'));
}

static enum syntax_type
type_of(struct bytes name)
{
    static const struct {
        const char *name;
        enum syntax_type type;
    } known[] = {
        {"key", SYNTAX_KEY},
        {"key1", SYNTAX_KEY},
        {"key2", SYNTAX_KEY},
        {"destkey", SYNTAX_KEY},
        {"destination", SYNTAX_KEY},
        {"newkey", SYNTAX_KEY},
        {"source", SYNTAX_KEY},
        {"pattern", SYNTAX_PATTERN},
        {"bit", SYNTAX_INTEGER},
        {"client-id", SYNTAX_INTEGER},
        {"count", SYNTAX_INTEGER},
        {"cursor", SYNTAX_INTEGER},
        {"db", SYNTAX_INTEGER},
        {"decrement", SYNTAX_INTEGER},
        {"end", SYNTAX_INTEGER},
        {"destination-db", SYNTAX_INTEGER},
        {"increment", SYNTAX_INTEGER},
        {"index", SYNTAX_INTEGER},
        {"index1", SYNTAX_INTEGER},
        {"index2", SYNTAX_INTEGER},
        {"len", SYNTAX_INTEGER},
        {"milliseconds", SYNTAX_INTEGER},
        {"offset", SYNTAX_INTEGER},
        {"numreplicas", SYNTAX_INTEGER},
        {"port", SYNTAX_INTEGER},
        {"protover", SYNTAX_INTEGER},
        {"seconds", SYNTAX_INTEGER},
        {"start", SYNTAX_INTEGER},
        {"timeout", SYNTAX_INTEGER},
        {"unix-time-seconds", SYNTAX_UNIX_TIME},
        {"unix-time-milliseconds", SYNTAX_UNIX_TIME},
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(known); i++) {
        if (bytes_is_nocase(name, known[i].name)) return known[i].type;
    }
    return SYNTAX_STRING;
}

static struct syntax_node *
argument(struct parser *parser, struct bytes name)
{
    struct syntax_node *node = node_new(parser, type_of(name), "");

    (void)snprintf(node->name, sizeof(node->name), "%.*s", (int)name.size,
                   name.data);
    return node;
}

/* What is between brackets, up to and with the closing one. */
static struct syntax_node *
parse_group(struct parser *parser, char close, struct list *only)
{
    struct list choices = {.count = 0}, list = {.count = 0};
    struct syntax_node *node;

    if (++parser->depth > DEPTH_MAX) parser->syntax->is_bad = true;
    do {
        parser->at++; /* the opening bracket, or a bar */
        if (parser->syntax->is_bad) break;
        list = parse_list(parser);
        if (list.count == 0)
            parser->syntax->is_bad = true;
        else
            add(parser, &choices, as_one(parser, &list));
    } while (*parser->at == '|');
    parser->depth--;
    if (*parser->at != close) parser->syntax->is_bad = true;
    if (parser->syntax->is_bad) return NULL;
    parser->at++;
    *only = list;
    if (choices.count == 1) return choices.items[0];
    node = node_new(parser, SYNTAX_ONEOF, "option");
    node->first = chain(&choices);
    return node;
}

static struct syntax_node *
parse_token(struct parser *parser, struct bytes token)
{
    struct list args = {.count = 0};
    struct syntax_node *node;
    size_t i;

    skip_spaces(parser);
    if (*parser->at == '<') {
        node = parse_group(parser, '>', &args);
        if (node == NULL) return NULL;
        node->token = token;
        return node;
    }
    while (*parser->at >= 'a' && *parser->at <= 'z') {
        add(parser, &args, argument(parser, word(parser)));
        skip_spaces(parser);
    }
    if (args.count > 0) {
        node = as_one(parser, &args);
    } else {
        node = argument(parser, token);
        node->type = SYNTAX_TOKEN;
        for (i = 0; node->name[i] != '\0'; i++) {
            if (node->name[i] >= 'A' && node->name[i] <= 'Z') {
                node->name[i] = (char)(node->name[i] | 0x20);
            }
        }
    }
    node->token = token;
    return node;
}

/* "[x ...]" behind x: the last items of the list may be repeated. */
static void
repeat(struct parser *parser, struct list *list, const struct list *again,
       char first)
{
    struct list tail = {.count = 0};
    struct syntax_node *node;
    uint32_t i;

    if (again->count > list->count) {
        parser->syntax->is_bad = true;
        return;
    }
    for (i = 0; i < again->count; i++) {
        add(parser, &tail, list->items[list->count - again->count + i]);
    }
    list->count -= again->count;
    node = as_one(parser, &tail);
    node->is_multiple = true;
    node->is_token_multiple =
        node->token.size > 0 && first >= 'A' && first <= 'Z';
    add(parser, list, node);
}

static struct list
parse_list(struct parser *parser)
{
    struct list list = {.count = 0}, inner;
    struct syntax_node *node;
    struct bytes text;
    char first;

    for (;;) {
        skip_spaces(parser);
        if (parser->syntax->is_bad || *parser->at == '\0' ||
            strchr("]>|", *parser->at) != NULL) {
            return list;
        }
        inner = (struct list){.count = 0};
        if (*parser->at == '[') {
            first = parser->at[1];
            node = parse_group(parser, ']', &inner);
            if (node == NULL) return list;
            if (inner.repeats) {
                repeat(parser, &list, &inner, first);
                continue;
            }
            node->is_optional = true;
        } else if (*parser->at == '<') {
            node = parse_group(parser, '>', &inner);
        } else {
            text = word(parser);
            if (bytes_equal(text, BYTES_LIT("..."))) {
                list.repeats = true;
                continue;
            }
            node = is_token(text) ? parse_token(parser, text)
                                  : argument(parser, text);
        }
        if (node == NULL) return list;
        add(parser, &list, node);
    }
}

void
syntax_parse(struct syntax *syntax, const char *text)
{
    struct parser parser = {.syntax = syntax, .at = text};
    struct list list;

    syntax->used = 0;
    syntax->first = NULL;
    syntax->is_bad = false;
    list = parse_list(&parser);
    if (*parser.at != '\0') syntax->is_bad = true;
    if (!syntax->is_bad) syntax->first = chain(&list);
}

const char *
syntax_type_name(enum syntax_type type)
{
    switch (type) {
    case SYNTAX_STRING: return "string";
    case SYNTAX_INTEGER: return "integer";
    case SYNTAX_DOUBLE: return "double";
    case SYNTAX_KEY: return "key";
    case SYNTAX_PATTERN: return "pattern";
    case SYNTAX_UNIX_TIME: return "unix-time";
    case SYNTAX_TOKEN: return "pure-token";
    case SYNTAX_ONEOF: return "oneof";
    case SYNTAX_BLOCK: return "block";
    }
    return "string";
}
