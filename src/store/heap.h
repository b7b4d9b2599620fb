/*
 * heap.h - memory for objects: cells of closely spaced sizes in slabs.
 *
 * General allocators space their size classes 1/4 apart; most of what a cache
 * loses at 1 KiB values is lost there. Here classes are at most 1/16 apart up
 * to 1 KiB and one cell-per-slab apart above, and an object can be moved, so
 * sparse slabs can be emptied when memory is scarce.
 *
 *   chunk 2 MiB = 32 slabs of 64 KiB (huge pages where the kernel gives them)
 *   slab        = header | owner[cells] | cell | cell | ...
 *   owner[i]    = slot of the object in cell i, 0xffff: free
 *
 * The owner lets a mover find the lock under which the object is stable: an
 * owner changes only under its slot's lock. Objects above HEAP_CELL_MAX go to
 * the general allocator and are never moved.
 */
#ifndef STORE_HEAP_H
#define STORE_HEAP_H

#include "base/base.h"

enum {
    HEAP_SLAB_BYTES = 64 * 1024,
    HEAP_CHUNK_BYTES = 32 * HEAP_SLAB_BYTES,
    HEAP_CELL_MAX = 16360, /* four to a slab */
    HEAP_OWNER_FREE = 0xffff,
};

struct heap;
struct heap_slab;

/* Not shared: nobody else uses the heap at the same time, no locks needed. */
struct heap *heap_new(bool is_shared);
/* All objects are gone with it, except large ones: release those before. */
void heap_free(struct heap *heap);

/* A cell for `size` bytes that `slot` will own; NULL without memory. */
WARN_UNUSED void *heap_take(struct heap *heap, size_t size, uint32_t slot);
/* `size` as it was asked for (or any size of the same cell). */
void heap_give(struct heap *heap, void *cell, size_t size);
/* True if the cell that was taken for `had` bytes is the right one for `size`
 * bytes, too: an object can be replaced in place. */
bool heap_fits(const void *cell, size_t had, size_t size);
/* Bytes that an object of `size` really occupies; of large sizes what the
 * allocator is expected to give. */
size_t heap_cell_bytes(size_t size);

/* What the heap will be allowed to take (0: no limit): small heaps use fewer
 * classes for what is taken from now on. Any thread. */
void heap_set_limit(struct heap *heap, uint64_t bytes);

/* Memory taken for cells (whole slabs) and large objects; any thread. */
uint64_t heap_taken_bytes(const struct heap *heap);
/* Part of that in free cells; any thread. */
uint64_t heap_free_cell_bytes(const struct heap *heap);
/* Slabs that belong to no class: resident, but free for any. */
uint64_t heap_idle_bytes(const struct heap *heap);
/* Slabs in use by nobody and not resident either: taking one makes the process
 * larger by a slab, while a new chunk makes it larger by a whole one. */
uint64_t heap_away_bytes(const struct heap *heap);
/* Large objects given back since the last heap_purge: the allocator may keep
 * their pages for a while, so they count as resident. */
uint64_t heap_released_bytes(const struct heap *heap);
/* Every 100 ms: the allocator lets such pages go within a second (mem_decay).
 */
void heap_age_released(struct heap *heap);
/* Makes it give them back now. */
void heap_purge(struct heap *heap);
/* Gives the memory of up to `slabs` idle slabs back to the system. */
void heap_trim(struct heap *heap, uint32_t slabs);

/*
 * Moving: takes the sparsest slab it finds of the class with most free cells
 * out of use, so that nothing new goes into it. NULL if no class could lose a
 * slab (an empty class may lose its last). One slab at a time; heap_drain_end
 * puts what is left back to use (an empty slab has gone to the idle ones by
 * itself).
 */
struct heap_slab *heap_drain_begin(struct heap *heap);
void heap_drain_end(struct heap *heap, struct heap_slab *slab);
uint32_t heap_slab_cells(const struct heap_slab *slab);
/* Owner of a cell; a hint unless that slot is locked. */
uint32_t heap_slab_owner(const struct heap_slab *slab, uint32_t index);
void *heap_slab_cell(struct heap_slab *slab, uint32_t index);

/* Structural check: lists, rings, owners, and that the byte counts are the sums
 * they should be; `large_bytes` is what live objects above HEAP_CELL_MAX
 * occupy. Nobody else uses the heap meanwhile. */
bool heap_ok(const struct heap *heap, uint64_t large_bytes);

#endif
