#include "base/lock.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SPINS = 200 }; /* about a microsecond: longer than a critical section */

static void
pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

void
lock_take_slowly(struct lock *lock)
{
    uint32_t i;

    for (i = 0; i < SPINS; i++) {
        if (!lock_is_taken(lock) && lock_try(lock)) return;
        pause_briefly();
    }
    while (atomic_exchange_explicit(&lock->state, 2, memory_order_acquire) !=
           0) {
        (void)syscall(SYS_futex, &lock->state, FUTEX_WAIT_PRIVATE, 2, NULL,
                      NULL, 0);
    }
}

void
lock_wake(struct lock *lock)
{
    (void)syscall(SYS_futex, &lock->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL,
                  0);
}
