/*
 * grammar.c - a line reader with a recursive descent parser per form.
 *
 *     rule expiry = EX <ttl> | PX <pttl>
 *     command SET weight=20
 *         8: SET <key> <value>
 *         4: SET <key> <value> { <expiry> | NX | XX | GET }
 *     command TTL mode=near:2
 *         TTL <key>
 */
#include "grammar.h"

#include "words.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS_MAX = 512,
    FORMS_MAX = 64,
    STEPS_MAX = 32,
    KIDS_MAX = 64,
    RULES_MAX = 128,
    TOKENS_MAX = 512
};

struct token {
    struct piece text;
    bool is_quoted;
};

struct rule {
    struct piece name;
    struct part *part;
};

struct reader {
    struct arena *arena;
    struct grammar *grammar;
    const char *file;
    int line;
    struct token tokens[TOKENS_MAX];
    uint32_t count, at;
    struct rule rules[RULES_MAX];
    uint32_t rule_count;
    struct row *row; /* the latest `command` */
};

static const char *const mode_names[MODE_COUNT] = {
    [MODE_EXACT] = "exact", [MODE_UNORDERED] = "unordered",
    [MODE_PAIRS] = "pairs", [MODE_NEAR] = "near",
    [MODE_KIND] = "kind",   [MODE_FIELDS] = "fields",
    [MODE_NAMES] = "names", [MODE_HELLO] = "hello",
    [MODE_HELP] = "help",   [MODE_TIME] = "time",
    [MODE_TABLE] = "table", [MODE_DOCS] = "docs",
    [MODE_LIST] = "list",   [MODE_MONITOR] = "monitor",
    [MODE_SCAN] = "scan",
};

_Noreturn static void
wrong(const struct reader *reader, const char *why)
{
    die("%s:%d: %s", reader->file, reader->line, why);
}

/* ---- tokens ---- */

static char
escaped(struct reader *reader, const char **at)
{
    char hex[3] = {0};
    char c = *(*at)++;

    if (c == 'r') return '\r';
    if (c == 'n') return '\n';
    if (c != 'x') return c;
    if (!isxdigit((unsigned char)(*at)[0]) ||
        !isxdigit((unsigned char)(*at)[1])) {
        wrong(reader, "\\x needs two digits");
    }
    memcpy(hex, *at, 2);
    *at += 2;
    return (char)strtol(hex, NULL, 16);
}

static void
add_token(struct reader *reader, const char *data, size_t size, bool is_quoted)
{
    if (reader->count == TOKENS_MAX) wrong(reader, "line too long");
    reader->tokens[reader->count++] =
        (struct token){arena_piece(reader->arena, data, size), is_quoted};
}

static void
split_line(struct reader *reader, const char *at)
{
    reader->count = reader->at = 0;
    while (*at != '\0') {
        struct sink text = {0};
        const char *start = at;

        if (isspace((unsigned char)*at)) {
            at++;
        } else if (*at == '#') {
            return;
        } else if (*at == '"') {
            at++;
            while (*at != '"') {
                char c = *at++;

                if (c == '\0') wrong(reader, "open quotes");
                if (c == '\\') c = escaped(reader, &at);
                sink_put(&text, &c, 1);
            }
            at++;
            add_token(reader, text.data, text.size, true);
            sink_free(&text);
        } else if (strchr("()[]{}|;", *at) != NULL) {
            add_token(reader, at++, 1, false);
        } else {
            while (*at != '\0' && !isspace((unsigned char)*at) &&
                   strchr("()[]{};", *at) == NULL) { /* client|list */
                at++;
            }
            add_token(reader, start, (size_t)(at - start), false);
        }
    }
}

static bool
next_is(const struct reader *reader, const char *text)
{
    return reader->at < reader->count &&
           !reader->tokens[reader->at].is_quoted &&
           piece_is(reader->tokens[reader->at].text, text);
}

static bool
take(struct reader *reader, const char *text)
{
    if (!next_is(reader, text)) return false;
    reader->at++;
    return true;
}

/* ---- parts ---- */

static struct part *
new_part(struct reader *reader, enum part_kind kind)
{
    struct part *part = arena_alloc(reader->arena, sizeof(*part));

    part->kind = kind;
    return part;
}

static void
add_kid(struct reader *reader, struct part *part, struct part *kid)
{
    if (part->kids == NULL) {
        part->kids = arena_alloc(reader->arena, KIDS_MAX * sizeof(kid));
    }
    if (part->count == KIDS_MAX) wrong(reader, "too many parts");
    part->kids[part->count++] = kid;
}

static struct part *parse_choice(struct reader *reader, enum part_kind kind,
                                 const char *end);

static struct part *
parse_name(struct reader *reader, struct piece text)
{
    struct piece name = {text.data + 1, text.size - 2};
    struct part *part;
    uint32_t index;

    for (uint32_t i = 0; i < reader->rule_count; i++) {
        if (!piece_equal(reader->rules[i].name, name)) continue;
        part = new_part(reader, PART_RULE);
        part->word = name;
        part->rule = reader->rules[i].part;
        return part;
    }
    if (!words_find(name, &index)) wrong(reader, "no such <name>");
    part = new_part(reader, PART_TERM);
    part->index = index;
    return part;
}

static struct part *
parse_part(struct reader *reader)
{
    struct token token = reader->tokens[reader->at];
    struct part *part;

    if (take(reader, "(")) return parse_choice(reader, PART_ONE, ")");
    if (take(reader, "[")) return parse_choice(reader, PART_MAYBE, "]");
    if (take(reader, "{")) return parse_choice(reader, PART_MANY, "}");
    reader->at++;
    if (!token.is_quoted && token.text.size > 2 && token.text.data[0] == '<' &&
        token.text.data[token.text.size - 1] == '>') {
        return parse_name(reader, token.text);
    }
    if (!token.is_quoted && token.text.size > 1 && token.text.data[0] == '%') {
        part = new_part(reader, PART_BACK);
        part->index = (uint32_t)strtoul(token.text.data + 1, NULL, 10);
        return part;
    }
    part = new_part(reader, PART_WORD);
    part->word = token.text;
    return part;
}

/* Parts up to the end of the line, `|`, `;`, `=>` or a closing bracket. */
static struct part *
parse_all(struct reader *reader)
{
    struct part *part = new_part(reader, PART_ALL);

    while (reader->at < reader->count && !next_is(reader, "|") &&
           !next_is(reader, ")") && !next_is(reader, "]") &&
           !next_is(reader, "}") && !next_is(reader, ";") &&
           !next_is(reader, "=>")) {
        add_kid(reader, part, parse_part(reader));
    }
    return part;
}

static struct part *
parse_choice(struct reader *reader, enum part_kind kind, const char *end)
{
    struct part *part = new_part(reader, kind);

    do {
        add_kid(reader, part, parse_all(reader));
    } while (take(reader, "|"));
    if (end != NULL && !take(reader, end)) wrong(reader, "open bracket");
    return part;
}

/* ---- lines ---- */

static void
parse_mode(struct reader *reader, const char *text, enum mode *mode,
           int64_t *tolerance)
{
    size_t size = strcspn(text, ":");

    for (int i = 0; i < MODE_COUNT; i++) {
        if (strlen(mode_names[i]) != size ||
            memcmp(mode_names[i], text, size) != 0) {
            continue;
        }
        *mode = (enum mode)i;
        *tolerance = text[size] == ':' ? strtoll(text + size + 1, NULL, 10) : 0;
        return;
    }
    wrong(reader, "no such mode");
}

static void
parse_command(struct reader *reader)
{
    struct grammar *grammar = reader->grammar;
    struct row *row = &grammar->rows[grammar->count];

    if (grammar->count == ROWS_MAX) wrong(reader, "too many commands");
    if (reader->at == reader->count) wrong(reader, "command needs a name");
    grammar->count++;
    row->name = arena_alloc(reader->arena, 64);
    snprintf(row->name, 64, "%.*s", (int)reader->tokens[reader->at].text.size,
             reader->tokens[reader->at].text.data);
    row->weight = 2;
    row->forms = arena_alloc(reader->arena, FORMS_MAX * sizeof(*row->forms));
    for (reader->at++; reader->at < reader->count; reader->at++) {
        const char *text = reader->tokens[reader->at].text.data;

        if (strcmp(text, "fixed") == 0) {
            row->is_fixed = true;
        } else if (strcmp(text, "alone") == 0) {
            row->is_alone = true;
        } else if (strncmp(text, "weight=", 7) == 0) {
            row->weight = (uint32_t)strtoul(text + 7, NULL, 10);
        } else if (strncmp(text, "mode=", 5) == 0) {
            parse_mode(reader, text + 5, &row->mode, &row->tolerance);
        } else {
            wrong(reader, "fixed, alone, weight= or mode= expected");
        }
    }
    reader->row = row;
}

static void
parse_step(struct reader *reader, struct form *form)
{
    struct step *step = &form->steps[form->count];

    if (form->count++ == STEPS_MAX) wrong(reader, "too many steps");
    step->mode = reader->row->mode;
    step->tolerance = reader->row->tolerance;
    for (; reader->at < reader->count; reader->at++) {
        struct token token = reader->tokens[reader->at];

        if (token.is_quoted) break;
        if (piece_is(token.text, "!")) {
            step->is_silent = form->needs_fresh = true;
        } else if (piece_is(token.text, "raw")) {
            step->is_raw = true;
        } else if (token.text.data[0] == '~') {
            parse_mode(reader, token.text.data + 1, &step->mode,
                       &step->tolerance);
        } else if (token.text.data[0] == '@' && token.text.size == 2) {
            step->conn = (uint32_t)(token.text.data[1] - '0');
            form->needs_fresh = true;
        } else {
            break;
        }
    }
    step->body = parse_all(reader);
    if (take(reader, "=>")) step->reference = parse_all(reader);
    if (step->body->count == 0) wrong(reader, "empty command");
}

static void
parse_form(struct reader *reader)
{
    struct row *row = reader->row;
    struct form *form;
    char *end = NULL;
    const char *first = reader->tokens[0].text.data;
    uint32_t weight = (uint32_t)strtoul(first, &end, 10);

    if (row == NULL) wrong(reader, "a form before any command");
    if (row->count == FORMS_MAX) wrong(reader, "too many forms");
    form = &row->forms[row->count++];
    form->weight = 1;
    if (end != first && strcmp(end, ":") == 0) {
        form->weight = weight;
        reader->at++;
    }
    row->total += form->weight;
    form->steps = arena_alloc(reader->arena, STEPS_MAX * sizeof(*form->steps));
    do {
        parse_step(reader, form);
    } while (take(reader, ";"));
    if (reader->at != reader->count) wrong(reader, "cannot read the rest");
}

static void
parse_rule(struct reader *reader)
{
    struct rule *rule = &reader->rules[reader->rule_count];

    if (reader->rule_count++ == RULES_MAX) wrong(reader, "too many rules");
    if (reader->count < 4) wrong(reader, "rule NAME = ...");
    rule->name = reader->tokens[reader->at++].text;
    if (!take(reader, "=")) wrong(reader, "rule NAME = ...");
    rule->part = parse_choice(reader, PART_ONE, NULL);
    if (reader->at != reader->count) wrong(reader, "cannot read the rest");
}

static void
parse_line(struct reader *reader, const char *line)
{
    split_line(reader, line);
    if (reader->count == 0) return;
    if (isspace((unsigned char)line[0])) {
        parse_form(reader);
    } else if (take(reader, "rule")) {
        parse_rule(reader);
    } else if (take(reader, "command")) {
        parse_command(reader);
    } else {
        wrong(reader, "rule, command or an indented form expected");
    }
}

static void
read_file(struct reader *reader, const char *folder, const char *name)
{
    char path[1024];
    char *line = NULL;
    size_t room = 0;
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s.txt", folder, name);
    file = fopen(path, "r");
    if (file == NULL) die("cannot open %s", path);
    reader->file = path;
    reader->line = 0;
    reader->row = NULL;
    while (getline(&line, &room, file) >= 0) {
        reader->line++;
        parse_line(reader, line);
    }
    free(line);
    fclose(file);
}

struct grammar *
grammar_read(const char *folder, const char *const *names, uint32_t count)
{
    struct arena *arena = arena_new();
    struct grammar *grammar = arena_alloc(arena, sizeof(*grammar));
    struct reader *reader = arena_alloc(arena, sizeof(*reader));

    grammar->arena = arena;
    grammar->rows = arena_alloc(arena, ROWS_MAX * sizeof(*grammar->rows));
    reader->arena = arena;
    reader->grammar = grammar;
    for (uint32_t i = 0; i < count; i++)
        read_file(reader, folder, names[i]);
    for (uint32_t i = 0; i < grammar->count; i++) {
        if (grammar->rows[i].count == 0) {
            die("%s has no form", grammar->rows[i].name);
        }
        grammar->total += grammar->rows[i].weight;
    }
    return grammar;
}

void
grammar_free(struct grammar *grammar)
{
    if (grammar != NULL) arena_free(grammar->arena);
}
