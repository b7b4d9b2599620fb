/*
 * compare.c - one function per mode of grammar.h.
 *
 * Errors are compared byte by byte in all modes, and a reply that is an error
 * on one side only is always a difference.
 */
#include "compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct comparing {
    struct rules *rules;
    struct arena *arena;
    const struct op *op;
    const char *why;
    uint64_t used; /* bit set of rules, counted if all else is the same */
};

static bool
differ(struct comparing *comparing, const char *why)
{
    comparing->why = why;
    return false;
}

/* Uses a rule: true if it is listed. */
static bool
excuse(struct comparing *comparing, enum rule rule, const char *why)
{
    if (!comparing->rules->is_listed[rule]) return differ(comparing, why);
    comparing->used |= (uint64_t)1 << rule;
    return true;
}

/* ---- sets and pairs ---- */

static int
by_raw(const void *a, const void *b)
{
    const struct tree *const *one = a, *const *two = b;

    return piece_order((*one)->raw, (*two)->raw);
}

/* The kids sorted, a pair staying together, ordered by its name. */
static const struct tree **
sorted(struct arena *arena, const struct tree *tree, size_t step)
{
    size_t count = tree->count / step;
    const struct tree **kids = arena_alloc(arena, (count + 1) * sizeof(*kids));

    for (size_t i = 0; i < count; i++)
        kids[i] = &tree->kids[i * step];
    qsort(kids, count, sizeof(*kids), by_raw);
    return kids;
}

static bool
is_word(struct piece piece, const char *word)
{
    return piece.size == strlen(word) &&
           strncasecmp(piece.data, word, piece.size) == 0;
}

/* Settings whose defaults are others on purpose; in the case that was sent. */
static bool
is_own_setting(struct piece name)
{
    return is_word(name, "client-output-buffer-limit") ||
           is_word(name, "client-query-buffer-limit");
}

static bool
is_same_set(struct comparing *comparing, const struct tree *a,
            const struct tree *b, size_t step)
{
    const struct tree **one, **two;

    if (a->type != b->type || !tree_is_aggregate(a)) {
        return differ(comparing, "different types");
    }
    if (a->count != b->count) return differ(comparing, "different counts");
    if (a->count % step != 0) return differ(comparing, "odd count");
    one = sorted(comparing->arena, a, step);
    two = sorted(comparing->arena, b, step);
    for (size_t i = 0; i < a->count / step; i++) {
        for (size_t j = 0; j < step; j++) {
            if (piece_equal(one[i][j].raw, two[i][j].raw)) continue;
            if (j == 1 && is_own_setting(one[i][0].text)) {
                if (!excuse(comparing, RULE_SETTINGS, "a default")) {
                    return false;
                }
                continue;
            }
            return differ(comparing, "different elements");
        }
    }
    return true;
}

static const struct tree *
find_pair(const struct tree *tree, struct piece name)
{
    for (size_t i = 0; i + 1 < tree->count; i += 2) {
        if (piece_equal(tree->kids[i].text, name)) return &tree->kids[i + 1];
    }
    return NULL;
}

static bool
is_same_kind(struct comparing *comparing, const struct tree *a,
             const struct tree *b)
{
    if (a->type != b->type || a->is_nil != b->is_nil) {
        return differ(comparing, "different types");
    }
    return true;
}

static bool
is_near(struct comparing *comparing, const struct tree *a, const struct tree *b)
{
    int64_t one, two;

    if (!is_same_kind(comparing, a, b)) return false;
    if (!tree_int(a, &one) || !tree_int(b, &two) || one < 0 || two < 0) {
        return differ(comparing, "different values");
    }
    if (llabs(one - two) > comparing->op->step->tolerance) {
        return differ(comparing, "too far apart");
    }
    return true;
}

static bool
has_same_names(struct comparing *comparing, const struct tree *a,
               const struct tree *b)
{
    if (a->type != b->type || !tree_is_aggregate(a)) {
        return differ(comparing, "different types");
    }
    for (size_t i = 0; i + 1 < a->count; i += 2) {
        const struct tree *value = find_pair(b, a->kids[i].text);

        /* per-database entries come and go */
        if (a->kids[i].text.size > 3 &&
            memcmp(a->kids[i].text.data, "db.", 3) == 0) {
            continue;
        }
        if (value == NULL) {
            if (!excuse(comparing, RULE_MEMORY, "a name is missing")) {
                return false;
            }
        } else if (value->type != a->kids[i + 1].type) {
            return differ(comparing, "different types of a value");
        }
    }
    for (size_t i = 0; i + 1 < b->count; i += 2) {
        if (find_pair(a, b->kids[i].text) == NULL &&
            !excuse(comparing, RULE_MORE_FIELDS, "a name too many")) {
            return false;
        }
    }
    return true;
}

static bool
is_same_hello(struct comparing *comparing, const struct tree *a,
              const struct tree *b)
{
    if (a->type != b->type || !tree_is_aggregate(a) || a->count != b->count) {
        return differ(comparing, "different types or counts");
    }
    for (size_t i = 0; i + 1 < a->count; i += 2) {
        const struct tree *one = &a->kids[i + 1], *two = &b->kids[i + 1];

        if (!piece_equal(a->kids[i].raw, b->kids[i].raw)) {
            return differ(comparing, "different names");
        }
        if (piece_equal(one->raw, two->raw)) continue;
        if (one->type != two->type) return differ(comparing, "types");
        if (piece_is(a->kids[i].text, "id")) continue;
        if (!piece_is(a->kids[i].text, "version")) {
            return differ(comparing, "different values");
        }
        if (!excuse(comparing, RULE_VERSION, "version")) return false;
    }
    return true;
}

static bool
is_same_help(struct comparing *comparing, const struct tree *a,
             const struct tree *b)
{
    if (piece_equal(a->raw, b->raw)) return true;
    if (a->type != b->type || !tree_is_aggregate(a) || a->count == 0 ||
        b->count == 0 || !piece_equal(a->kids[0].raw, b->kids[0].raw)) {
        return differ(comparing, "different types or first lines");
    }
    for (size_t i = 0; i < b->count; i++) {
        if (b->kids[i].type != '+') return differ(comparing, "not a status");
    }
    return excuse(comparing, RULE_HELP, "different lines");
}

/* TIME: two bulk numbers. */
static bool
is_same_time(struct comparing *comparing, const struct tree *a,
             const struct tree *b)
{
    int64_t one, two, part;

    if (a->type != b->type || a->count != 2 || b->count != 2 ||
        b->kids[0].type != '$' || b->kids[1].type != '$' ||
        !tree_int(&a->kids[0], &one) || !tree_int(&b->kids[0], &two) ||
        !tree_int(&b->kids[1], &part)) {
        return differ(comparing, "not a time");
    }
    if (llabs(one - two) > 2 || part < 0 || part > 999999) {
        return differ(comparing, "too far apart");
    }
    return true;
}

/* ---- texts of fields ---- */

/* The next `name:value` or `name=value` or `# Section`; false at the end. */
static bool
next_field(struct piece *rest, struct piece *name)
{
    while (rest->size > 0) {
        const char *at = rest->data;
        size_t size = 0, mark;

        while (size < rest->size && strchr(" \r\n", at[size]) == NULL)
            size++;
        if (size == 1 && at[0] == '#') { /* a section is a field too */
            while (size < rest->size && at[size] != '\r')
                size++;
        }
        rest->data += size < rest->size ? size + 1 : size;
        rest->size -= size < rest->size ? size + 1 : size;
        if (size == 0) continue;
        for (mark = 0; mark < size && at[mark] != ':' && at[mark] != '=';) {
            mark++;
        }
        *name = (struct piece){at, mark};
        if (mark == size && at[0] != '#') continue; /* the rest of a value */
        return true;
    }
    return false;
}

/* Fields that depend on what happened before, not on what the server is. */
static bool
is_passing(struct piece name)
{
    static const char *const prefixes[] = {"cmdstat_", "errorstat_",
                                           "latency_percentiles_", "db"};

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        size_t size = strlen(prefixes[i]);

        if (name.size >= size && memcmp(name.data, prefixes[i], size) == 0) {
            return true;
        }
    }
    return false;
}

static bool
has_field(struct piece text, struct piece wanted)
{
    struct piece name;

    while (next_field(&text, &name)) {
        if (piece_equal(name, wanted)) return true;
    }
    return false;
}

/* A RESP3 text starts with its format, `txt:`. */
static struct piece
field_text(const struct tree *tree)
{
    struct piece text = tree->text;

    if (tree->type == '=' && text.size > 4) {
        text.data += 4;
        text.size -= 4;
    }
    return text;
}

static bool
has_same_fields(struct comparing *comparing, const struct tree *a,
                const struct tree *b)
{
    struct piece reference = field_text(a), ours = field_text(b);
    struct piece rest = reference, name;

    if (!is_same_kind(comparing, a, b)) return false;
    while (next_field(&rest, &name)) {
        if (is_passing(name) || has_field(ours, name)) continue;
        comparing->why =
            arena_format(comparing->arena, "field %.*s is missing",
                         (int)(name.size < 60 ? name.size : 60), name.data)
                .data;
        if (!excuse(comparing, RULE_FEWER_FIELDS, comparing->why)) return false;
    }
    rest = ours;
    while (next_field(&rest, &name)) {
        if (is_passing(name) || has_field(reference, name)) continue;
        comparing->why =
            arena_format(comparing->arena, "field %.*s is too many",
                         (int)(name.size < 60 ? name.size : 60), name.data)
                .data;
        if (!excuse(comparing, RULE_MORE_FIELDS, comparing->why)) return false;
    }
    return true;
}

/* ---- tables ---- */

/* A text that is equal for equal trees, whatever the order of the kids; `notes`
 * of key specifications are left out if so asked. */
static struct piece
canonical(struct arena *arena, const struct tree *tree, bool has_notes)
{
    struct sink sink = {0};
    size_t count = 0;
    struct tree *kids, **order;
    struct piece result;

    if (!tree_is_aggregate(tree)) return tree->raw;
    kids = arena_alloc(arena, (tree->count + 1) * sizeof(*kids));
    order = arena_alloc(arena, (tree->count + 1) * sizeof(struct tree *));
    for (size_t i = 0; i < tree->count; i++) {
        if (!has_notes && piece_is(tree->kids[i].text, "notes")) {
            i++; /* its value neither */
            continue;
        }
        kids[count].raw = canonical(arena, &tree->kids[i], has_notes);
        order[count] = &kids[count];
        count++;
    }
    qsort(order, count, sizeof(struct tree *), by_raw);
    sink_format(&sink, "%c%zu ", tree->type, count);
    for (size_t i = 0; i < count; i++) {
        sink_put(&sink, order[i]->raw.data, order[i]->raw.size);
    }
    result = arena_piece(arena, sink.data, sink.size);
    sink_free(&sink);
    return result;
}

static bool
is_same_tree(struct comparing *comparing, const struct tree *a,
             const struct tree *b, bool has_notes)
{
    return piece_equal(canonical(comparing->arena, a, has_notes),
                       canonical(comparing->arena, b, has_notes));
}

static const struct tree *
find_entry(const struct tree *table, struct piece name)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct tree *entry = &table->kids[i];

        if (tree_is_aggregate(entry) && entry->count > 0 &&
            piece_equal(entry->kids[0].text, name)) {
            return entry;
        }
    }
    return NULL;
}

static bool is_same_table(struct comparing *comparing, const struct tree *a,
                          const struct tree *b);

/* One row of COMMAND: name, arity, flags, first, last, step, acl, tips, keys,
 * subcommands. */
static bool
is_same_entry(struct comparing *comparing, const struct tree *a,
              const struct tree *b)
{
    static const char *const parts[] = {"name",        "arity",    "flags",
                                        "first key",   "last key", "key step",
                                        "acl classes", "tips",     "key specs"};

    if (a->is_nil && b->is_nil) return a->type == b->type;
    if (a->is_nil && !b->is_nil) {
        return excuse(comparing, RULE_NEWER, "a newer command");
    }
    if (b->is_nil) return excuse(comparing, RULE_NOT_BUILT, "not built");
    if (a->count != 10 || b->count != 10) {
        return differ(comparing, "entry without ten elements");
    }
    for (size_t i = 0; i < 9; i++) {
        if (is_same_tree(comparing, &a->kids[i], &b->kids[i], true)) continue;
        if (is_same_tree(comparing, &a->kids[i], &b->kids[i], false)) {
            if (!excuse(comparing, RULE_DOCS, "different notes")) return false;
            continue;
        }
        return differ(comparing,
                      arena_format(comparing->arena, "%s of %.*s", parts[i],
                                   (int)a->kids[0].text.size,
                                   a->kids[0].text.data)
                          .data);
    }
    if (a->kids[9].type != b->kids[9].type) {
        return differ(comparing,
                      arena_format(comparing->arena, "subcommands of %.*s",
                                   (int)a->kids[0].text.size,
                                   a->kids[0].text.data)
                          .data);
    }
    return is_same_table(comparing, &a->kids[9], &b->kids[9]);
}

static bool
is_same_table(struct comparing *comparing, const struct tree *a,
              const struct tree *b)
{
    if (a->type != b->type) return differ(comparing, "type of a table");
    for (size_t i = 0; i < a->count; i++) {
        const struct tree *one = &a->kids[i], *two;

        if (one->is_nil || one->count == 0) continue;
        two = find_entry(b, one->kids[0].text);
        if (two == NULL) {
            if (!excuse(comparing, RULE_NOT_BUILT, "an entry is missing")) {
                return false;
            }
        } else if (!is_same_entry(comparing, one, two)) {
            return false;
        }
    }
    for (size_t i = 0; i < b->count; i++) {
        const struct tree *two = &b->kids[i];

        if (two->is_nil || two->count == 0) continue;
        if (find_entry(a, two->kids[0].text) == NULL &&
            !excuse(comparing, RULE_NEWER, "an entry too many")) {
            return false;
        }
    }
    return true;
}

static bool
is_same_list(struct comparing *comparing, const struct tree *a,
             const struct tree *b)
{
    if (!is_same_kind(comparing, a, b)) return false;
    if (!tree_is_aggregate(b)) return differ(comparing, "not a list");
    for (int turn = 0; turn < 2; turn++) {
        const struct tree *from = turn == 0 ? a : b, *in = turn == 0 ? b : a;

        for (size_t i = 0; i < from->count; i++) {
            size_t j = 0;

            while (j < in->count &&
                   !piece_equal(in->kids[j].raw, from->kids[i].raw)) {
                j++;
            }
            if (j == in->count &&
                !excuse(comparing, turn == 0 ? RULE_NOT_BUILT : RULE_NEWER,
                        "different names")) {
                return false;
            }
        }
    }
    return true;
}

static bool is_same_docs(struct comparing *comparing, const struct tree *a,
                         const struct tree *b);

static bool
is_same_doc(struct comparing *comparing, const struct tree *a,
            const struct tree *b)
{
    static const char *const exact[] = {"since", "group"};
    const struct tree *one, *two;

    if (a->type != b->type) return differ(comparing, "different types");
    for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++) {
        one = find_pair(a, piece_of(exact[i]));
        two = find_pair(b, piece_of(exact[i]));
        if (one == NULL && two == NULL) continue;
        if (one == NULL || two == NULL || !piece_equal(one->raw, two->raw)) {
            return differ(comparing, exact[i]);
        }
    }
    if (!is_same_tree(comparing, a, b, true) &&
        !excuse(comparing, RULE_DOCS, "different documentation")) {
        return false;
    }
    one = find_pair(a, piece_of("subcommands"));
    two = find_pair(b, piece_of("subcommands"));
    if (one == NULL || two == NULL) return true;
    return is_same_docs(comparing, one, two);
}

static bool
is_same_docs(struct comparing *comparing, const struct tree *a,
             const struct tree *b)
{
    if (a->type != b->type) return differ(comparing, "different types");
    for (size_t i = 0; i + 1 < a->count; i += 2) {
        const struct tree *two = find_pair(b, a->kids[i].text);

        if (two == NULL) {
            if (!excuse(comparing, RULE_NOT_BUILT, "a command is missing")) {
                return false;
            }
        } else if (!is_same_doc(comparing, &a->kids[i + 1], two)) {
            return false;
        }
    }
    for (size_t i = 0; i + 1 < b->count; i += 2) {
        if (find_pair(a, b->kids[i].text) == NULL &&
            !excuse(comparing, RULE_NEWER, "a command too many")) {
            return false;
        }
    }
    return true;
}

/* ---- monitor ---- */

/* "1700000000.123456 [0 127.0.0.1:4000] "get" "k"" without time and address. */
static struct piece
unmonitored(struct piece text)
{
    const char *end = memchr(text.data, ']', text.size);

    if (end == NULL) return text;
    return (struct piece){end, text.size - (size_t)(end - text.data)};
}

static bool
is_same_monitor(struct comparing *comparing, const struct tree *a,
                const struct tree *b)
{
    if (!is_same_kind(comparing, a, b)) return false;
    if (a->type != '+' ||
        !piece_equal(unmonitored(a->text), unmonitored(b->text))) {
        return differ(comparing, "different lines");
    }
    return true;
}

/* Small integers are shared objects there, but not when they were copied; and
 * what a queued SET has stored is still held by the queue. */
static bool
is_shared_count(struct comparing *comparing, const struct tree *a,
                const struct tree *b)
{
    int64_t one, two;

    return strcmp(comparing->op->row->name, "OBJECT|REFCOUNT") == 0 &&
           tree_int(a, &one) && tree_int(b, &two) &&
           ((one == 1 && two == INT32_MAX) || (one == 2 && two == 1)) &&
           excuse(comparing, RULE_SHARED, "shared");
}

/* A memory size that Redis takes for another: cut at a zero byte, or beyond 64
 * bits. */
static bool
is_strict_value(struct comparing *comparing, const struct tree *a,
                const struct tree *b)
{
    static const char text[] = "argument must be a memory value";

    return strcmp(comparing->op->row->name, "CONFIG|SET") == 0 &&
           !tree_is_error(a) && tree_is_error(b) &&
           memmem(b->raw.data, b->raw.size, text, sizeof(text) - 1) != NULL &&
           excuse(comparing, RULE_STRICT_VALUE, "a stricter value");
}

static bool
run_mode(struct comparing *comparing, const struct tree *a,
         const struct tree *b)
{
    switch (comparing->op->step->mode) {
    case MODE_UNORDERED: return is_same_set(comparing, a, b, 1);
    case MODE_PAIRS: return is_same_set(comparing, a, b, 2);
    case MODE_NEAR: return is_near(comparing, a, b);
    case MODE_SCAN:
    case MODE_KIND: return is_same_kind(comparing, a, b);
    case MODE_FIELDS: return has_same_fields(comparing, a, b);
    case MODE_NAMES: return has_same_names(comparing, a, b);
    case MODE_HELLO: return is_same_hello(comparing, a, b);
    case MODE_HELP: return is_same_help(comparing, a, b);
    case MODE_TIME: return is_same_time(comparing, a, b);
    case MODE_TABLE: return is_same_table(comparing, a, b);
    case MODE_DOCS: return is_same_docs(comparing, a, b);
    case MODE_LIST: return is_same_list(comparing, a, b);
    case MODE_MONITOR: return is_same_monitor(comparing, a, b);
    case MODE_EXACT:
        if (is_shared_count(comparing, a, b)) return true;
        break;
    case MODE_COUNT: break;
    }
    return differ(comparing, "different bytes");
}

static bool
is_copy_encoding(struct comparing *comparing, const struct tree *reference,
                 const struct tree *ours)
{
    const struct op *op = comparing->op;

    return comparing->rules->is_ring &&
           strcmp(op->row->name, "OBJECT|ENCODING") == 0 &&
           piece_is(reference->raw, "$3\r\nraw\r\n") &&
           piece_is(ours->raw, "$6\r\nembstr\r\n") &&
           excuse(comparing, RULE_COPY_ENCODING, "another encoding");
}

/* What walks over all keys sees one copy of each. */
static bool
is_walk(struct comparing *comparing, const struct tree *reference,
        const struct tree *ours)
{
    static const char *const names[] = {"KEYS", "DBSIZE", "SCAN", "RANDOMKEY"};

    if (!comparing->rules->is_ring || reference->type != ours->type)
        return false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(comparing->op->row->name, names[i]) == 0)
            return excuse(comparing, RULE_COPY_ENCODING, "another copy");
    }
    return false;
}

bool
compare_replies(struct rules *rules, struct arena *arena, const struct op *op,
                const struct tree *reference, const struct tree *ours,
                const char **why)
{
    struct comparing comparing = {rules, arena, op, "", 0};

    if (piece_equal(reference->raw, ours->raw)) return true;
    if (tree_is_error(reference) || tree_is_error(ours)) {
        if (!is_strict_value(&comparing, reference, ours)) {
            *why = "different errors";
            return false;
        }
    } else if (!is_copy_encoding(&comparing, reference, ours) &&
               !run_mode(&comparing, reference, ours) &&
               !is_walk(&comparing, reference, ours)) {
        *why = comparing.why;
        return false;
    }
    for (uint32_t i = 0; i < RULES; i++) {
        if (comparing.used >> i & 1) rules->used[i]++;
    }
    return true;
}

/* ---- the list ---- */

void
rules_read(struct rules *rules, const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;

    if (file == NULL) die("cannot open %s", path);
    while (getline(&line, &room, file) >= 0) {
        char *end;
        unsigned long number = strtoul(line, &end, 10);

        if (end == line || *end != '.' || number == 0) continue;
        if (number >= RULES) die("%s: number %lu is too large", path, number);
        if (rules->is_listed[number]) die("%s: %lu twice", path, number);
        rules->is_listed[number] = true;
        line[strcspn(line, "\n")] = '\0';
        rules->text[number] = strdup(end + 2);
    }
    free(line);
    fclose(file);
}

void
rules_free(struct rules *rules)
{
    for (uint32_t i = 0; i < RULES; i++)
        free(rules->text[i]);
}
