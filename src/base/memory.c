/*
 * Counters are kept per thread (one cache line each, written by their thread
 * alone) and summed by whoever asks, so counting costs no shared cache line.
 */
#include "base/memory.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <malloc.h>
#ifdef KULA_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

enum { COUNTERS_MAX = 256 }; /* threads share a counter beyond that */

struct counter {
    _Alignas(64) _Atomic int64_t bytes;
    _Atomic int64_t blocks;
};

static struct counter counters[COUNTERS_MAX];
static _Atomic uint32_t counter_next;
static _Atomic uint64_t peak_bytes;
static _Thread_local struct counter *mine;
static mem_fault *_Atomic fault_hook;

#ifdef KULA_JEMALLOC
/* Pages unused for a second go back: maxmemory speaks of resident memory. */
const char *malloc_conf = "dirty_decay_ms:1000,muzzy_decay_ms:0";
#endif

static NOINLINE struct counter *
counter_claim(void)
{
    uint32_t index =
        atomic_fetch_add_explicit(&counter_next, 1, memory_order_relaxed);

    mine = &counters[index % COUNTERS_MAX];
    return mine;
}

static void
count(int64_t bytes, int64_t blocks)
{
    struct counter *counter = mine != NULL ? mine : counter_claim();

    atomic_fetch_add_explicit(&counter->bytes, bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&counter->blocks, blocks, memory_order_relaxed);
}

static void *
counted(void *block)
{
    if (block != NULL) count((int64_t)malloc_usable_size(block), 1);
    return block;
}

static NORETURN void
out_of_memory(size_t size)
{
    fprintf(stderr, "out of memory: %zu bytes asked for\n", size);
    abort();
}

void
mem_set_fault(mem_fault *fault)
{
    atomic_store(&fault_hook, fault);
}

static inline bool
must_fail(size_t size)
{
    mem_fault *fault = atomic_load_explicit(&fault_hook, memory_order_relaxed);

    return UNLIKELY(fault != NULL) && fault(size);
}

void *
mem_try(size_t size)
{
    ASSERT(size > 0);
    if (must_fail(size)) return NULL;
    return counted(malloc(size));
}

void *
mem_must(size_t size)
{
    void *block;

    ASSERT(size > 0);
    block = counted(malloc(size));
    if (block == NULL) out_of_memory(size);
    return block;
}

void *
mem_must_zero(size_t size)
{
    void *block = mem_must(size);

    memset(block, 0, size);
    return block;
}

static void *
resize(void *old, size_t size)
{
    int64_t before = old != NULL ? (int64_t)malloc_usable_size(old) : 0;
    void *block;

    ASSERT(size > 0);
    block = realloc(old, size);
    if (block == NULL) return NULL;
    count((int64_t)malloc_usable_size(block) - before, old != NULL ? 0 : 1);
    return block;
}

void *
mem_try_resize(void *old, size_t size)
{
    return must_fail(size) ? NULL : resize(old, size);
}

void *
mem_must_array(void *old, size_t number, size_t size)
{
    size_t total;
    void *block;

    if (__builtin_mul_overflow(number, size, &total)) out_of_memory(SIZE_MAX);
    block = resize(old, total > 0 ? total : 1);
    if (block == NULL) out_of_memory(total);
    return block;
}

void *
mem_try_aligned(size_t size, size_t align)
{
    void *block = NULL;

    ASSERT(size > 0 && align >= sizeof(void *) && (align & (align - 1)) == 0);
    if (must_fail(size)) return NULL;
    if (posix_memalign(&block, align, size) != 0) return NULL;
    return counted(block);
}

void *
mem_try_pages(size_t size, size_t align)
{
    void *block = mem_try_aligned(size, align);

    if (block != NULL) (void)madvise(block, size, MADV_HUGEPAGE);
    return block;
}

void
mem_forget_pages(void *start, size_t size)
{
    (void)madvise(start, size, MADV_DONTNEED);
}

char *
mem_must_text(const char *data, size_t size)
{
    char *text = mem_must(size + 1);

    if (size > 0) memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

void
mem_free(void *block)
{
    if (block == NULL) return;
    count(-(int64_t)malloc_usable_size(block), -1);
    free(block);
}

size_t
mem_room(const void *block)
{
    union {
        const void *in;
        void *out;
    } cast = {.in = block};

    return malloc_usable_size(cast.out);
}

size_t
mem_good_size(size_t size)
{
#ifdef KULA_JEMALLOC
    return nallocx(size, 0);
#else
    return (size + 15) & ~(size_t)15;
#endif
}

static int64_t
sum(bool of_bytes)
{
    int64_t total = 0;
    uint32_t i;

    for (i = 0; i < COUNTERS_MAX; i++) {
        total += of_bytes ? atomic_load_explicit(&counters[i].bytes,
                                                 memory_order_relaxed)
                          : atomic_load_explicit(&counters[i].blocks,
                                                 memory_order_relaxed);
    }
    return total > 0 ? total : 0;
}

uint64_t
mem_live_bytes(void)
{
    uint64_t now = (uint64_t)sum(true);

    if (now > atomic_load_explicit(&peak_bytes, memory_order_relaxed)) {
        atomic_store_explicit(&peak_bytes, now, memory_order_relaxed);
    }
    return now;
}

uint64_t
mem_live_count(void)
{
    return (uint64_t)sum(false);
}

uint64_t
mem_peak_bytes(void)
{
    (void)mem_live_bytes();
    return atomic_load_explicit(&peak_bytes, memory_order_relaxed);
}

#ifdef KULA_JEMALLOC
static uint64_t
fact(const char *name)
{
    size_t value = 0, size = sizeof(value);

    if (mallctl(name, &value, &size, NULL, 0) != 0) return 0;
    return value;
}

void
mem_facts(struct mem_facts *facts)
{
    uint64_t epoch = 1;

    (void)mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch));
    facts->allocated_bytes = fact("stats.allocated");
    facts->active_bytes = fact("stats.active");
    facts->resident_bytes = fact("stats.resident");
}

void
mem_purge(void)
{
    /* 4096 is jemalloc's MALLCTL_ARENAS_ALL. */
    (void)mallctl("arena.4096.purge", NULL, NULL, NULL, 0);
}

void
mem_decay(void)
{
    (void)mallctl("arena.4096.decay", NULL, NULL, NULL, 0);
}

const char *
mem_allocator_name(void)
{
    return "jemalloc-5";
}
#else
void
mem_facts(struct mem_facts *facts)
{
    memset(facts, 0, sizeof(*facts));
}

void
mem_purge(void)
{
}

void
mem_decay(void)
{
}

const char *
mem_allocator_name(void)
{
    return "libc";
}
#endif
