/*
 * tree.c - reads replies recursively; the test trusts its servers not to nest
 * deeper than the stack, and refuses lengths that cannot be true.
 */
#include "tree.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 64, COUNT_MAX = 1 << 24 };

/* The line that starts at data[at], without CR LF; -1: not whole. */
static int64_t
line_size(const char *data, size_t size, size_t at)
{
    const char *end = memchr(data + at, '\r', size - at);

    if (end == NULL || (size_t)(end - data) + 1 >= size) return -1;
    return end - (data + at);
}

static bool
is_aggregate(char type)
{
    return type == '*' || type == '%' || type == '~' || type == '>';
}

static bool
is_sized(char type)
{
    return type == '$' || type == '=' || type == '!';
}

static int64_t
size_at(const char *data, size_t size, size_t start, int depth)
{
    size_t at = start + 1;
    int64_t line, length;

    if (start >= size) return 0;
    if (strchr("+-:$*_,#(=%~>!", data[start]) == NULL || depth > DEPTH_MAX) {
        return -1;
    }
    line = line_size(data, size, at);
    if (line < 0) return 0;
    at += (size_t)line + 2;
    if (!is_aggregate(data[start]) && !is_sized(data[start])) {
        return (int64_t)(at - start);
    }
    length = strtoll(data + start + 1, NULL, 10);
    if (length < 0) return (int64_t)(at - start);
    if (is_sized(data[start])) {
        if (size - at < (size_t)length + 2) return 0;
        return (int64_t)(at - start) + length + 2;
    }
    if (length > COUNT_MAX) return -1;
    if (data[start] == '%') length *= 2;
    for (int64_t i = 0; i < length; i++) {
        int64_t kid = size_at(data, size, at, depth + 1);

        if (kid <= 0) return kid;
        at += (size_t)kid;
    }
    return (int64_t)(at - start);
}

int64_t
tree_size(const char *data, size_t size)
{
    return size_at(data, size, 0, 0);
}

static void
read_into(struct arena *arena, struct piece bytes, struct tree *tree)
{
    int64_t line = line_size(bytes.data, bytes.size, 1);
    int64_t length = strtoll(bytes.data + 1, NULL, 10);
    size_t at = (size_t)line + 3;

    tree->type = bytes.data[0];
    tree->text = (struct piece){bytes.data + 1, (size_t)line};
    tree->raw = (struct piece){bytes.data, at};
    tree->is_nil = tree->type == '_';
    if (!is_aggregate(tree->type) && !is_sized(tree->type)) return;
    if (length < 0) {
        tree->is_nil = true;
        return;
    }
    if (is_sized(tree->type)) {
        tree->text = (struct piece){bytes.data + at, (size_t)length};
        tree->raw.size += (size_t)length + 2;
        return;
    }
    tree->count = (size_t)length * (tree->type == '%' ? 2 : 1);
    tree->kids = arena_alloc(arena, (tree->count + 1) * sizeof(*tree->kids));
    for (size_t i = 0; i < tree->count; i++) {
        read_into(arena, (struct piece){bytes.data + at, bytes.size - at},
                  &tree->kids[i]);
        at += tree->kids[i].raw.size;
    }
    tree->raw.size = at;
}

struct tree *
tree_read(struct arena *arena, struct piece bytes)
{
    struct tree *tree = arena_alloc(arena, sizeof(*tree));

    read_into(arena, bytes, tree);
    return tree;
}

bool
tree_is_aggregate(const struct tree *tree)
{
    return is_aggregate(tree->type) && !tree->is_nil;
}

bool
tree_is_error(const struct tree *tree)
{
    return tree->type == '-' || tree->type == '!';
}

bool
tree_int(const struct tree *tree, int64_t *value)
{
    char text[32], *end;

    if (tree_is_aggregate(tree) || tree->is_nil || tree->text.size == 0 ||
        tree->text.size >= sizeof(text)) {
        return false;
    }
    memcpy(text, tree->text.data, tree->text.size);
    text[tree->text.size] = '\0';
    *value = strtoll(text, &end, 10);
    return *end == '\0';
}
