/*
 * lock.h - a four-byte lock for critical sections of some hundred
 * nanoseconds: spins briefly, then sleeps in a futex. Not recursive.
 * Source: U. Drepper, "Futexes Are Tricky" (2011), the three-state mutex.
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include "base/base.h"

#include <stdatomic.h>

struct lock {
    _Atomic uint32_t state; /* 0 free, 1 taken, 2 taken and waited for */
};

void lock_take_slowly(struct lock *lock);
void lock_wake(struct lock *lock);

static inline void
lock_take(struct lock *lock)
{
    uint32_t expected = 0;

    if (UNLIKELY(!atomic_compare_exchange_strong_explicit(
            &lock->state, &expected, 1, memory_order_acquire,
            memory_order_relaxed))) {
        lock_take_slowly(lock);
    }
}

static inline bool
lock_try(struct lock *lock)
{
    uint32_t expected = 0;

    return atomic_compare_exchange_strong_explicit(
        &lock->state, &expected, 1, memory_order_acquire, memory_order_relaxed);
}

static inline void
lock_drop(struct lock *lock)
{
    uint32_t before =
        atomic_exchange_explicit(&lock->state, 0, memory_order_release);

    if (UNLIKELY(before == 2)) lock_wake(lock);
}

static inline bool
lock_is_taken(const struct lock *lock)
{
    return atomic_load_explicit(&lock->state, memory_order_relaxed) != 0;
}

#endif
