/*
 * case.h - CASE(suite, name): a Criterion test that also fails when its body
 * leaves memory behind.
 *
 * Criterion prints what LeakSanitizer finds but lets the test pass, and does
 * not count what fails after the body; so live blocks are compared in the
 * body. A name reads as a sentence: CASE(glob, a_star_matches_nothing_too).
 */
#ifndef SUPPORT_CASE_H
#define SUPPORT_CASE_H

#include "base/memory.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>

#define CASE(suite, name)                                                      \
    static void suite##_##name##_body(void);                                   \
    Test(suite, name)                                                          \
    {                                                                          \
        uint64_t before = mem_live_count();                                    \
                                                                               \
        suite##_##name##_body();                                               \
        cr_assert(mem_live_count() == before, "blocks still allocated");       \
    }                                                                          \
    static void suite##_##name##_body(void)

/* The body must end in abort(): a failed ASSERT, or no memory. */
#define CASE_ABORTS(suite, name)                                               \
    static void suite##_##name##_body(void);                                   \
    Test(suite, name, .signal = SIGABRT)                                       \
    {                                                                          \
        suite##_##name##_body();                                               \
    }                                                                          \
    static void suite##_##name##_body(void)

#endif
