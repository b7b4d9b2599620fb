/*
 * arena.c - blocks in a chain; a request larger than a block gets its own.
 */
#include "arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 1 << 20 };

struct block {
    struct block *next;
    size_t used, room;
    max_align_t data[];
};

struct arena {
    struct block *first;
};

_Noreturn void
die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("differ: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(2);
}

static void *
must(void *memory)
{
    if (memory == NULL) die("out of memory");
    return memory;
}

struct arena *
arena_new(void)
{
    return must(calloc(1, sizeof(struct arena)));
}

void
arena_free(struct arena *arena)
{
    if (arena == NULL) return;
    while (arena->first != NULL) {
        struct block *next = arena->first->next;

        free(arena->first);
        arena->first = next;
    }
    free(arena);
}

void *
arena_alloc(struct arena *arena, size_t size)
{
    size_t align = sizeof(max_align_t);
    size_t want = (size + align - 1) / align * align;
    struct block *block = arena->first;
    char *at;

    if (block == NULL || block->room - block->used < want) {
        size_t room = want > BLOCK_BYTES ? want : BLOCK_BYTES;

        block = must(malloc(sizeof(*block) + room));
        block->used = 0;
        block->room = room;
        block->next = arena->first;
        arena->first = block;
    }
    at = (char *)block->data + block->used;
    block->used += want;
    memset(at, 0, size);
    return at;
}

struct piece
arena_piece(struct arena *arena, const char *data, size_t size)
{
    char *copy = arena_alloc(arena, size + 1);

    if (size > 0) memcpy(copy, data, size);
    return (struct piece){copy, size};
}

struct piece
arena_format(struct arena *arena, const char *format, ...)
{
    char text[512];
    va_list args;
    int size;

    va_start(args, format);
    size = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (size < 0 || (size_t)size >= sizeof(text)) die("text too long");
    return arena_piece(arena, text, (size_t)size);
}

void
sink_put(struct sink *sink, const char *data, size_t size)
{
    if (size == 0) return;
    if (sink->room - sink->size < size) {
        sink->room = (sink->size + size) * 2 + 64;
        sink->data = must(realloc(sink->data, sink->room));
    }
    memcpy(sink->data + sink->size, data, size);
    sink->size += size;
}

void
sink_text(struct sink *sink, const char *text)
{
    sink_put(sink, text, strlen(text));
}

void
sink_format(struct sink *sink, const char *format, ...)
{
    char text[1024];
    va_list args;
    int size;

    va_start(args, format);
    size = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (size < 0 || (size_t)size >= sizeof(text)) die("text too long");
    sink_put(sink, text, (size_t)size);
}

void
sink_quoted(struct sink *sink, struct piece bytes)
{
    sink_text(sink, "\"");
    for (size_t i = 0; i < bytes.size; i++) {
        unsigned char c = (unsigned char)bytes.data[i];

        if (c == '"' || c == '\\') {
            sink_format(sink, "\\%c", c);
        } else if (c >= 32 && c < 127) {
            sink_put(sink, &bytes.data[i], 1);
        } else {
            sink_format(sink, "\\x%02x", c);
        }
    }
    sink_text(sink, "\"");
}

void
sink_free(struct sink *sink)
{
    free(sink->data);
    *sink = (struct sink){0};
}

struct piece
piece_of(const char *text)
{
    return (struct piece){text, strlen(text)};
}

bool
piece_equal(struct piece a, struct piece b)
{
    return a.size == b.size &&
           (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int
piece_order(struct piece a, struct piece b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

    if (order != 0) return order;
    return (a.size > b.size) - (a.size < b.size);
}

bool
piece_is(struct piece piece, const char *text)
{
    return piece_equal(piece, piece_of(text));
}

bool
piece_is_word(struct piece piece, const char *lower)
{
    if (piece.size != strlen(lower)) return false;
    for (size_t i = 0; i < piece.size; i++) {
        char c = piece.data[i];

        if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
        if (c != lower[i]) return false;
    }
    return true;
}

/* SplitMix64: any seed is a good seed, neighbours included. */
uint64_t
chance_next(struct chance *chance)
{
    uint64_t z = (chance->state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t
chance_below(struct chance *chance, uint64_t limit)
{
    return chance_next(chance) % limit;
}

bool
chance_percent(struct chance *chance, uint32_t percent)
{
    return chance_below(chance, 100) < percent;
}
