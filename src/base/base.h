/*
 * base.h - what every file needs: assertions, attributes, tiny helpers.
 *
 * An assertion states a programmer's mistake. It stays in release builds.
 * Bytes from a client, a peer or a file must never be able to reach one.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WARN_UNUSED __attribute__((warn_unused_result))
#define NORETURN __attribute__((noreturn))
#define NOINLINE __attribute__((noinline))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Prints where and what to stderr, then abort(). */
NORETURN void base_assert_failed(const char *file, int line,
                                 const char *condition);

#define ASSERT(condition)                                                      \
    do {                                                                       \
        if (UNLIKELY(!(condition)))                                            \
            base_assert_failed(__FILE__, __LINE__, #condition);                \
    } while (0)

/* For checks that cost more than O(1); on with --enable-checked. */
#ifdef KULA_CHECKED
#define ASSERT_SLOW(condition) ASSERT(condition)
#else
#define ASSERT_SLOW(condition)                                                 \
    do {                                                                       \
        (void)sizeof(condition);                                               \
    } while (0)
#endif

static inline uint64_t
min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t
max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

#endif
