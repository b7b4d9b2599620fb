/*
 * memory.h - the only way to the heap (jemalloc; libc under a sanitizer).
 *
 * Small bounded state uses mem_must: out of memory there ends the process.
 * What a client or peer can size uses mem_try: NULL, and the error reaches
 * the client. Everything is counted: mem_live_bytes() is what INFO shows.
 * Any thread may free what another has allocated.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include "base/base.h"

/* Uninitialised; aborts when there is no memory. size > 0. */
void *mem_must(size_t size);
/* Zeroed; aborts when there is no memory. */
void *mem_must_zero(size_t size);
/* Uninitialised; NULL when there is no memory. size > 0. */
WARN_UNUSED void *mem_try(size_t size);
/* Like realloc; NULL (and `old` untouched) when there is no memory. */
WARN_UNUSED void *mem_try_resize(void *old, size_t size);
/* Like realloc of count * size bytes; aborts on overflow or no memory. */
WARN_UNUSED void *mem_must_array(void *old, size_t count, size_t size);
/* Aligned to `align` (a power of two); NULL when there is no memory. */
WARN_UNUSED void *mem_try_aligned(size_t size, size_t align);
/* As mem_try_aligned, for big areas: asks the kernel for huge pages. */
WARN_UNUSED void *mem_try_pages(size_t size, size_t align);
/* Whole pages inside a block from mem_try_pages: their content is dropped and
 * their memory goes back until they are touched again (then: zeros). */
void mem_forget_pages(void *start, size_t size);
/* A terminated copy of `size` bytes; aborts when there is no memory. */
char *mem_must_text(const char *data, size_t size);
void mem_free(void *block); /* NULL is fine */
/* Bytes that `block` really occupies, at least what was asked for. */
size_t mem_room(const void *block);
/* What a request of `size` bytes would really occupy. */
size_t mem_good_size(size_t size);

/* Bytes in live blocks, rounded as the allocator rounds them. */
uint64_t mem_live_bytes(void);
uint64_t mem_live_count(void);
/* The largest mem_live_bytes() that anybody has seen. */
uint64_t mem_peak_bytes(void);

/* Allocator facts for INFO and MEMORY STATS; zeros without jemalloc. */
struct mem_facts {
    uint64_t allocated_bytes, active_bytes, resident_bytes;
};
void mem_facts(struct mem_facts *facts);
/* Gives unused pages back to the system: all of them now; or those that have
 * been unused for a second, which the allocator by itself does only while
 * something is taken and given back. */
void mem_purge(void);
void mem_decay(void);
const char *mem_allocator_name(void);

/* For tests: asked before each mem_try*; true makes it fail. NULL: nobody. */
typedef bool mem_fault(size_t size);
void mem_set_fault(mem_fault *fault);

#endif
