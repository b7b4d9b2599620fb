/*
 * arena.h - memory and chance for the differential test.
 *
 * Everything that belongs to one epoch of the stream is allocated here and
 * freed at once, so no part of the test has to say who owns what.
 */
#ifndef REDIS_COMPAT_ARENA_H
#define REDIS_COMPAT_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/* Some bytes; not terminated by NUL. */
struct piece {
    const char *data;
    size_t size;
};

/* Bytes that grow; `data` is owned, freed by sink_free. */
struct sink {
    char *data;
    size_t size, room;
};

struct arena *arena_new(void);
void arena_free(struct arena *arena); /* NULL is fine */
/* Zeroed, aligned for anything; never NULL. */
void *arena_alloc(struct arena *arena, size_t size);
struct piece arena_piece(struct arena *arena, const char *data, size_t size);
struct piece arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void sink_put(struct sink *sink, const char *data, size_t size);
void sink_text(struct sink *sink, const char *text);
void sink_format(struct sink *sink, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Bytes as a shell or redis-cli reads them back: plain, or in quotes. */
void sink_quoted(struct sink *sink, struct piece bytes);
void sink_free(struct sink *sink);

struct piece piece_of(const char *text);
bool piece_is(struct piece piece, const char *text);       /* case matters */
bool piece_is_word(struct piece piece, const char *lower); /* case-blind */
bool piece_equal(struct piece a, struct piece b);
int piece_order(struct piece a, struct piece b); /* as memcmp */

/* The same numbers from the same seed, on any machine. */
struct chance {
    uint64_t state;
};

uint64_t chance_next(struct chance *chance);
uint64_t chance_below(struct chance *chance, uint64_t limit); /* limit > 0 */
bool chance_percent(struct chance *chance, uint32_t percent);

_Noreturn void die(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#endif
