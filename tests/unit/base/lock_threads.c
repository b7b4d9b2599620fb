/*
 * Threads that fight for a lock. A plain program, because ThreadSanitizer,
 * which has most to say about it, does not get on with Criterion.
 */
#include "base/lock.h"

#include "base/memory.h"
#include "support/plain.h"

#include <pthread.h>
#include <sched.h>

enum { THREADS = 8, TURNS = 20000 };

static struct plain tally;

struct shared {
    struct lock lock;
    uint64_t sum;              /* by lock */
    uint32_t inside;           /* by lock: threads in the critical section */
    uint32_t collisions;       /* by lock */
    _Atomic uint64_t refusals; /* of lock_try */
};

static void
enter_and_leave(struct shared *shared, bool yields)
{
    shared->inside++;
    if (shared->inside != 1) shared->collisions++;
    /* a holder that is scheduled away sends the others to the futex */
    if (yields) (void)sched_yield();
    shared->sum++;
    shared->inside--;
}

static void *
take_turns(void *argument)
{
    struct shared *shared = argument;
    uint32_t i;

    for (i = 0; i < TURNS; i++) {
        lock_take(&shared->lock);
        enter_and_leave(shared, i % 64 == 0);
        lock_drop(&shared->lock);
    }
    return NULL;
}

static void *
try_turns(void *argument)
{
    struct shared *shared = argument;
    uint32_t done = 0;

    while (done < TURNS) {
        if (!lock_try(&shared->lock)) {
            atomic_fetch_add(&shared->refusals, 1);
            (void)sched_yield();
            continue;
        }
        enter_and_leave(shared, false);
        lock_drop(&shared->lock);
        done++;
    }
    return NULL;
}

static void
run_threads(void *(*body)(void *), void *argument)
{
    pthread_t threads[THREADS];
    uint32_t i;

    for (i = 0; i < THREADS; i++) {
        PLAIN_CHECK(&tally,
                    pthread_create(&threads[i], NULL, body, argument) == 0,
                    "thread %u", i);
    }
    for (i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
}

static void
one_thread_at_a_time(void *(*body)(void *))
{
    struct shared shared = {0};

    run_threads(body, &shared);
    PLAIN_CHECK(&tally, shared.sum == (uint64_t)THREADS * TURNS, "sum %llu",
                (unsigned long long)shared.sum);
    PLAIN_CHECK(&tally, shared.collisions == 0, "%u collisions",
                shared.collisions);
    PLAIN_CHECK(&tally, !lock_is_taken(&shared.lock), "%s", "left taken");
}

static void
a_taken_lock_is_not_given_twice(void)
{
    struct lock lock = {0};

    lock_take(&lock);
    PLAIN_CHECK(&tally, lock_is_taken(&lock), "%s", "free");
    PLAIN_CHECK(&tally, !lock_try(&lock), "%s", "given twice");
    lock_drop(&lock);
    PLAIN_CHECK(&tally, lock_try(&lock), "%s", "not given");
    lock_drop(&lock);
}

static void *
wait_for(void *argument)
{
    struct shared *shared = argument;

    lock_take(&shared->lock);
    shared->sum++;
    lock_drop(&shared->lock);
    return NULL;
}

/* Until somebody sleeps in the kernel (state 2) the holder keeps the lock. */
static void
a_sleeper_is_woken(void)
{
    struct shared shared = {0};
    pthread_t thread;

    lock_take(&shared.lock);
    PLAIN_CHECK(&tally, pthread_create(&thread, NULL, wait_for, &shared) == 0,
                "%s", "no thread");
    while (atomic_load(&shared.lock.state) != 2)
        (void)sched_yield();
    lock_drop(&shared.lock);
    (void)pthread_join(thread, NULL);
    PLAIN_CHECK(&tally, shared.sum == 1, "%s", "still asleep");
}

struct blocks {
    void *blocks[THREADS * 1000];
    _Atomic uint32_t used;
};

static void *
allocate_some(void *argument)
{
    struct blocks *all = argument;
    uint32_t i;

    for (i = 0; i < 1000; i++) {
        all->blocks[atomic_fetch_add(&all->used, 1)] = mem_must(i + 1);
    }
    return NULL;
}

/* memory.h: any thread may free what another has allocated. */
static void
counts_of_memory_add_up_over_threads(void)
{
    static struct blocks all;
    uint64_t count = mem_live_count(), bytes = mem_live_bytes(), i;

    run_threads(allocate_some, &all);
    PLAIN_CHECK(&tally, mem_live_count() == count + (uint64_t)THREADS * 1000,
                "%llu", (unsigned long long)mem_live_count());
    for (i = 0; i < (uint64_t)THREADS * 1000; i++)
        mem_free(all.blocks[i]);
    PLAIN_CHECK(&tally, mem_live_count() == count, "%s", "blocks");
    PLAIN_CHECK(&tally, mem_live_bytes() == bytes, "%s", "bytes");
}

int
main(void)
{
    a_taken_lock_is_not_given_twice();
    one_thread_at_a_time(take_turns);
    one_thread_at_a_time(try_turns);
    a_sleeper_is_woken();
    counts_of_memory_add_up_over_threads();
    return plain_end(&tally);
}
