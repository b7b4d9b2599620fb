/*
 * plain.h - for test programs without Criterion: those with threads (Criterion
 * does not run under ThreadSanitizer) and those with thousands of seeds.
 *
 *     static struct plain tally;
 *     PLAIN_CHECK(&tally, sum == 40, "the sum is %d", sum);
 *     return plain_end(&tally);     the last line: "N passed, M failed"
 */
#ifndef SUPPORT_PLAIN_H
#define SUPPORT_PLAIN_H

#include "base/base.h"

#include <stdio.h>

struct plain {
    uint64_t passed, failed;
};

/* For the thread that owns `tally`. What fails is printed with its place. */
#define PLAIN_CHECK(tally, condition, ...)                                     \
    do {                                                                       \
        if (condition) {                                                       \
            (tally)->passed++;                                                 \
        } else {                                                               \
            (tally)->failed++;                                                 \
            printf("%s:%d: failed: %s: ", __FILE__, __LINE__, #condition);     \
            printf(__VA_ARGS__);                                               \
            putchar('\n');                                                     \
        }                                                                      \
    } while (0)

static inline int
plain_end(const struct plain *tally)
{
    printf("%llu passed, %llu failed\n", (unsigned long long)tally->passed,
           (unsigned long long)tally->failed);
    return tally->failed > 0;
}

#endif
