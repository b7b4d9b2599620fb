/*
 * Classes.   size <= 256: steps of 8     (0 .. 31)
 *            size <= 512: steps of 16   (32 .. 47)
 *            size <= 1024: steps of 32  (48 .. 63)
 *            above: as many cells as fit a slab, 62 .. 4 (64 .. 122)
 *
 * Every class in use holds a slab at least, 8 MiB in all: in a heap that may
 * not grow to several times that, groups of classes share their largest one.
 *
 * A slab is in one of four places: in its class's ring of slabs with free
 * cells, nowhere (full), draining, or idle in its chunk's mask.
 *
 * Locks: one per class for its slabs; one for chunks. A class lock may be
 * held when the chunk lock is taken, never the other way round.
 */
#include "store/heap.h"

#include "base/err.h"
#include "base/lock.h"
#include "base/memory.h"

#include <string.h>

enum {
    SLAB_HEADER = 64,
    CHUNK_SLABS = 32,
    CLASS_SMALL = 64, /* classes up to 1 KiB */
    CELLS_MOST_ABOVE = 62,
    CELLS_LEAST_ABOVE = 4,
    CLASS_COUNT = CLASS_SMALL + CELLS_MOST_ABOVE - CELLS_LEAST_ABOVE + 1,
    COARSE_BELOW = 64 * 1024 * 1024,   /* limit: a fourth of the classes */
    COARSEST_BELOW = 24 * 1024 * 1024, /* an eighth */
    DRAIN_LOOK = 32,                   /* slabs looked at for the sparsest */
    IDLE_KEEP = CHUNK_SLABS, /* idle slabs kept when a chunk could go */
};

struct free_cell {
    struct free_cell *next;
};

struct heap_slab {
    struct heap_slab *next, *prev; /* in its class's ring; NULL: not there */
    struct free_cell *free;
    uint32_t cell_bytes;
    uint16_t cells; /* that fit */
    uint16_t fresh; /* cells never used yet: the last `fresh` ones */
    uint16_t used;  /* live cells */
    uint16_t index; /* in its chunk */
    uint32_t chunk_at;
    bool is_draining;
    uint32_t class_at;
    _Atomic uint16_t *owner;
    char *first; /* cell 0 */
};

_Static_assert(sizeof(struct heap_slab) <= SLAB_HEADER, "slab header");

struct class_state {
    _Alignas(64) struct lock lock;
    struct heap_slab *open; /* ring of slabs with free cells */
    uint64_t slabs, used;   /* draining ones included */
    uint32_t cell_bytes;
    uint32_t cells_per_slab;
};

struct chunk {
    char *base;         /* HEAP_CHUNK_BYTES, aligned to as much */
    uint32_t idle_mask; /* bit i: slab i belongs to no class */
    uint32_t away_mask; /* of those: trimmed, not resident */
};

struct heap {
    struct class_state classes[CLASS_COUNT];
    _Alignas(64) struct lock lock; /* chunks */
    struct chunk *chunks;
    size_t chunk_count, chunk_room;
    size_t chunk_hint; /* no chunk below this has an idle slab */
    _Atomic uint64_t taken_bytes, idle_bytes, away_bytes, free_cell_bytes;
    _Atomic uint64_t released_bytes;
    _Atomic uint32_t coarse; /* class indices are taken with these bits set */
    bool is_shared;
};

static inline uint32_t
class_of(size_t size)
{
    uint32_t bytes = (uint32_t)size;

    if (bytes <= 256) return bytes == 0 ? 0 : (bytes - 1) >> 3;
    if (bytes <= 512) return 32 + ((bytes - 257) >> 4);
    if (bytes <= 1024) return 48 + ((bytes - 513) >> 5);
    {
        /* two bytes of owner per cell; offsets rounded to 8 */
        uint32_t cells =
            (HEAP_SLAB_BYTES - SLAB_HEADER - 8) / (((bytes + 7) & ~7u) + 2);

        if (cells > CELLS_MOST_ABOVE) cells = CELLS_MOST_ABOVE;
        return CLASS_SMALL + CELLS_MOST_ABOVE - cells;
    }
}

static uint32_t
class_cell_bytes(uint32_t class_at)
{
    uint32_t cells;

    if (class_at < 32) return (class_at + 1) * 8 < 16 ? 16 : (class_at + 1) * 8;
    if (class_at < 48) return 256 + (class_at - 31) * 16;
    if (class_at < 64) return 512 + (class_at - 47) * 32;
    cells = CLASS_SMALL + CELLS_MOST_ABOVE - class_at;
    return (((HEAP_SLAB_BYTES - SLAB_HEADER - 8) / cells) - 2) & ~7u;
}

static uint32_t
class_cells(uint32_t cell_bytes)
{
    uint32_t cells = (HEAP_SLAB_BYTES - SLAB_HEADER) / (cell_bytes + 2);

    while (SLAB_HEADER + ((cells * 2 + 7) & ~7u) + cells * cell_bytes >
           HEAP_SLAB_BYTES) {
        cells--;
    }
    return cells;
}

static inline void
enter(const struct heap *heap, struct lock *lock)
{
    if (heap->is_shared) lock_take(lock);
}

static inline void
leave(const struct heap *heap, struct lock *lock)
{
    if (heap->is_shared) lock_drop(lock);
}

static inline void
tally(const struct heap *heap, _Atomic uint64_t *counter, uint64_t delta)
{
    if (heap->is_shared) {
        atomic_fetch_add_explicit(counter, delta, memory_order_relaxed);
    } else {
        atomic_store_explicit(
            counter,
            atomic_load_explicit(counter, memory_order_relaxed) + delta,
            memory_order_relaxed);
    }
}

struct heap *
heap_new(bool is_shared)
{
    struct heap *heap = mem_try_aligned(sizeof(*heap), 64);
    uint32_t i;

    if (heap == NULL) return NULL;
    memset(heap, 0, sizeof(*heap));
    heap->is_shared = is_shared;
    for (i = 0; i < CLASS_COUNT; i++) {
        heap->classes[i].cell_bytes = class_cell_bytes(i);
        heap->classes[i].cells_per_slab =
            class_cells(heap->classes[i].cell_bytes);
    }
    return heap;
}

void
heap_free(struct heap *heap)
{
    size_t i;

    if (heap == NULL) return;
    for (i = 0; i < heap->chunk_count; i++)
        mem_free(heap->chunks[i].base);
    mem_free(heap->chunks);
    mem_free(heap);
}

static bool
chunk_add(struct heap *heap)
{
    char *base = mem_try_pages(HEAP_CHUNK_BYTES, HEAP_CHUNK_BYTES);
    size_t at;

    if (base == NULL) return false;
    for (at = 0; at < heap->chunk_count; at++) {
        if (heap->chunks[at].base == NULL) break; /* a gap to fill */
    }
    if (at == heap->chunk_room) {
        size_t room = heap->chunk_room * 2 + 16;
        struct chunk *more =
            mem_try_resize(heap->chunks, room * sizeof(*heap->chunks));

        if (more == NULL) {
            mem_free(base);
            return false;
        }
        heap->chunks = more;
        heap->chunk_room = room;
    }
    if (at == heap->chunk_count) heap->chunk_count++;
    heap->chunks[at] = (struct chunk){.base = base, .idle_mask = UINT32_MAX};
    /* a huge page is resident as a whole with the first touch */
    tally(heap, &heap->idle_bytes, HEAP_CHUNK_BYTES);
    if (at < heap->chunk_hint) heap->chunk_hint = at;
    return true;
}

static void
chunk_drop(struct heap *heap, struct chunk *chunk)
{
    uint64_t away = (uint64_t)__builtin_popcount(chunk->away_mask);

    tally(heap, &heap->idle_bytes, -((CHUNK_SLABS - away) * HEAP_SLAB_BYTES));
    tally(heap, &heap->away_bytes, -(away * HEAP_SLAB_BYTES));
    mem_forget_pages(chunk->base,
                     HEAP_CHUNK_BYTES); /* no allocator's to keep */
    mem_free(chunk->base);
    *chunk = (struct chunk){0};
}

/* An idle slab, lowest chunk first so that high ones can empty. */
static struct heap_slab *
slab_take(struct heap *heap)
{
    struct heap_slab *slab = NULL;
    struct chunk *chunk;
    uint32_t index;

    enter(heap, &heap->lock);
    for (;;) {
        while (heap->chunk_hint < heap->chunk_count &&
               heap->chunks[heap->chunk_hint].idle_mask == 0) {
            heap->chunk_hint++;
        }
        if (heap->chunk_hint < heap->chunk_count) break;
        if (!chunk_add(heap)) goto out;
    }
    chunk = &heap->chunks[heap->chunk_hint];
    index = (uint32_t)__builtin_ctz(chunk->idle_mask);
    chunk->idle_mask &= ~(1u << index);
    slab = (struct heap_slab *)(void *)(chunk->base +
                                        (size_t)index * HEAP_SLAB_BYTES);
    memset(slab, 0, sizeof(*slab));
    slab->index = (uint16_t)index;
    slab->chunk_at = (uint32_t)heap->chunk_hint;
    tally(heap,
          chunk->away_mask & 1u << index ? &heap->away_bytes
                                         : &heap->idle_bytes,
          -(uint64_t)HEAP_SLAB_BYTES);
    chunk->away_mask &= ~(1u << index);
    tally(heap, &heap->taken_bytes, HEAP_SLAB_BYTES);
out:
    leave(heap, &heap->lock);
    return slab;
}

static void
slab_give(struct heap *heap, struct heap_slab *slab)
{
    char *base = (char *)slab - (size_t)slab->index * HEAP_SLAB_BYTES;
    size_t at = slab->chunk_at;

    enter(heap, &heap->lock);
    ASSERT(at < heap->chunk_count && heap->chunks[at].base == base);
    heap->chunks[at].idle_mask |= 1u << slab->index;
    if (at < heap->chunk_hint) heap->chunk_hint = at;
    tally(heap, &heap->taken_bytes, -(uint64_t)HEAP_SLAB_BYTES);
    tally(heap, &heap->idle_bytes, HEAP_SLAB_BYTES);
    if (heap->chunks[at].idle_mask == UINT32_MAX &&
        atomic_load_explicit(&heap->idle_bytes, memory_order_relaxed) >=
            (uint64_t)(CHUNK_SLABS + IDLE_KEEP) * HEAP_SLAB_BYTES) {
        chunk_drop(heap, &heap->chunks[at]);
    }
    leave(heap, &heap->lock);
}

static void
ring_add(struct class_state *class, struct heap_slab *slab)
{
    if (class->open == NULL) {
        slab->next = slab->prev = slab;
        class->open = slab;
        return;
    }
    slab->next = class->open;
    slab->prev = class->open->prev;
    slab->prev->next = slab;
    slab->next->prev = slab;
}

static void
ring_remove(struct class_state *class, struct heap_slab *slab)
{
    ASSERT(slab->next != NULL && slab->prev != NULL);
    if (slab->next == slab) {
        class->open = NULL;
    } else {
        slab->prev->next = slab->next;
        slab->next->prev = slab->prev;
        if (class->open == slab) class->open = slab->next;
    }
    slab->next = slab->prev = NULL;
}

static void
slab_set_up(struct heap_slab *slab, uint32_t class_at,
            const struct class_state *class)
{
    uint32_t cells = class->cells_per_slab, i;

    slab->class_at = class_at;
    slab->cell_bytes = class->cell_bytes;
    slab->cells = slab->fresh = (uint16_t)cells;
    slab->owner = (_Atomic uint16_t *)(void *)((char *)slab + SLAB_HEADER);
    slab->first =
        (char *)slab + HEAP_SLAB_BYTES - (size_t)cells * class->cell_bytes;
    slab->first -= (uintptr_t)slab->first & 7;
    for (i = 0; i < cells; i++) {
        atomic_store_explicit(&slab->owner[i], HEAP_OWNER_FREE,
                              memory_order_relaxed);
    }
}

static inline uint32_t
cell_index(const struct heap_slab *slab, const void *cell)
{
    return (uint32_t)((const char *)cell - slab->first) / slab->cell_bytes;
}

void *
heap_take(struct heap *heap, size_t size, uint32_t slot)
{
    struct class_state *class;
    struct heap_slab *slab;
    void *cell;
    uint32_t class_at;

    ASSERT(size > 0);
    if (UNLIKELY(size > HEAP_CELL_MAX)) {
        cell = mem_try(size);
        if (cell != NULL) tally(heap, &heap->taken_bytes, mem_room(cell));
        return cell;
    }
    class_at = class_of(size) |
               atomic_load_explicit(&heap->coarse, memory_order_relaxed);
    if (UNLIKELY(class_at >= CLASS_COUNT)) class_at = CLASS_COUNT - 1;
    class = &heap->classes[class_at];
    enter(heap, &class->lock);
    slab = class->open;
    if (UNLIKELY(slab == NULL)) {
        slab = slab_take(heap);
        if (slab == NULL) {
            leave(heap, &class->lock);
            return NULL;
        }
        slab_set_up(slab, class_at, class);
        class->slabs++;
        ring_add(class, slab);
        tally(heap, &heap->free_cell_bytes,
              (uint64_t)slab->cells * slab->cell_bytes);
    }
    if (slab->free != NULL) {
        cell = slab->free;
        slab->free = slab->free->next;
    } else {
        cell = slab->first +
               (size_t)(slab->cells - slab->fresh) * slab->cell_bytes;
        slab->fresh--;
    }
    slab->used++;
    class->used++;
    if (slab->used == slab->cells) ring_remove(class, slab);
    atomic_store_explicit(&slab->owner[cell_index(slab, cell)], (uint16_t)slot,
                          memory_order_relaxed);
    tally(heap, &heap->free_cell_bytes, -(uint64_t)slab->cell_bytes);
    leave(heap, &class->lock);
    return cell;
}

void
heap_give(struct heap *heap, void *cell, size_t size)
{
    struct heap_slab *slab;
    struct class_state *class;
    struct free_cell *entry = cell;
    bool is_idle = false;

    if (UNLIKELY(size > HEAP_CELL_MAX)) {
        tally(heap, &heap->taken_bytes, -(uint64_t)mem_room(cell));
        tally(heap, &heap->released_bytes, mem_room(cell));
        mem_free(cell);
        return;
    }
    slab = (struct heap_slab *)((uintptr_t)cell &
                                ~(uintptr_t)(HEAP_SLAB_BYTES - 1));
    class = &heap->classes[slab->class_at];
    enter(heap, &class->lock);
    ASSERT(slab->used > 0);
    atomic_store_explicit(&slab->owner[cell_index(slab, cell)], HEAP_OWNER_FREE,
                          memory_order_relaxed);
    entry->next = slab->free;
    slab->free = entry;
    if (slab->used == slab->cells && !slab->is_draining) ring_add(class, slab);
    slab->used--;
    class->used--;
    tally(heap, &heap->free_cell_bytes, slab->cell_bytes);
    if (slab->used == 0 && !slab->is_draining && class->open != NULL &&
        class->open->next != class->open) { /* never the class's last */
        ring_remove(class, slab);
        class->slabs--;
        tally(heap, &heap->free_cell_bytes,
              -((uint64_t)slab->cells * slab->cell_bytes));
        is_idle = true;
    }
    leave(heap, &class->lock);
    if (is_idle) slab_give(heap, slab);
}

bool
heap_fits(const void *cell, size_t had, size_t size)
{
    size_t room;

    if (LIKELY(had <= HEAP_CELL_MAX || size <= HEAP_CELL_MAX)) {
        return had <= HEAP_CELL_MAX && size <= HEAP_CELL_MAX &&
               class_of(had) == class_of(size);
    }
    room = mem_room(cell); /* not what any allocator promises: what it gave */
    return size <= room && room - size <= room / 4;
}

size_t
heap_cell_bytes(size_t size)
{
    if (size > HEAP_CELL_MAX) return mem_good_size(size);
    return class_cell_bytes(class_of(size));
}

void
heap_set_limit(struct heap *heap, uint64_t bytes)
{
    uint32_t coarse = 0;

    if (bytes > 0 && bytes < COARSE_BELOW) coarse = 3;
    if (bytes > 0 && bytes < COARSEST_BELOW) coarse = 7;
    atomic_store_explicit(&heap->coarse, coarse, memory_order_relaxed);
}

uint64_t
heap_taken_bytes(const struct heap *heap)
{
    return atomic_load_explicit(&heap->taken_bytes, memory_order_relaxed);
}

uint64_t
heap_free_cell_bytes(const struct heap *heap)
{
    return atomic_load_explicit(&heap->free_cell_bytes, memory_order_relaxed);
}

uint64_t
heap_idle_bytes(const struct heap *heap)
{
    return atomic_load_explicit(&heap->idle_bytes, memory_order_relaxed);
}

uint64_t
heap_away_bytes(const struct heap *heap)
{
    return atomic_load_explicit(&heap->away_bytes, memory_order_relaxed);
}

uint64_t
heap_released_bytes(const struct heap *heap)
{
    return atomic_load_explicit(&heap->released_bytes, memory_order_relaxed);
}

void
heap_age_released(struct heap *heap)
{
    tally(heap, &heap->released_bytes, -(heap_released_bytes(heap) / 8));
}

void
heap_purge(struct heap *heap)
{
    atomic_store_explicit(&heap->released_bytes, 0, memory_order_relaxed);
    mem_purge();
}

void
heap_trim(struct heap *heap, uint32_t slabs)
{
    size_t at;

    enter(heap, &heap->lock);
    for (at = heap->chunk_hint; at < heap->chunk_count && slabs > 0; at++) {
        struct chunk *chunk = &heap->chunks[at];
        uint32_t resident = chunk->idle_mask & ~chunk->away_mask;

        for (; resident != 0 && slabs > 0; slabs--) {
            uint32_t index = (uint32_t)__builtin_ctz(resident);

            mem_forget_pages(chunk->base + (size_t)index * HEAP_SLAB_BYTES,
                             HEAP_SLAB_BYTES);
            resident &= ~(1u << index);
            chunk->away_mask |= 1u << index;
            tally(heap, &heap->idle_bytes, -(uint64_t)HEAP_SLAB_BYTES);
            tally(heap, &heap->away_bytes, HEAP_SLAB_BYTES);
        }
    }
    leave(heap, &heap->lock);
}

/* Bytes of a class's free cells if it could lose a slab: they must fill more
 * than one, or the class be empty (its last slab stays with it otherwise). */
static uint64_t
loose_bytes(const struct class_state *class)
{
    uint64_t cells = class->slabs * class->cells_per_slab - class->used;

    if (class->used > 0 && cells <= class->cells_per_slab) return 0;
    return cells * class->cell_bytes;
}

static struct class_state *
loosest_class(struct heap *heap)
{
    struct class_state *best = NULL;
    uint64_t best_bytes = 0;
    uint32_t i;

    for (i = 0; i < CLASS_COUNT; i++) {
        struct class_state *class = &heap->classes[i];
        uint64_t bytes;

        enter(heap, &class->lock);
        bytes = loose_bytes(class);
        leave(heap, &class->lock);
        if (bytes > best_bytes) {
            best = class;
            best_bytes = bytes;
        }
    }
    return best;
}

struct heap_slab *
heap_drain_begin(struct heap *heap)
{
    struct class_state *class = loosest_class(heap);
    struct heap_slab *best = NULL, *slab;
    uint32_t looked = 0;

    if (class == NULL) return NULL;
    enter(heap, &class->lock);
    slab = class->open;
    while (slab != NULL && looked < DRAIN_LOOK) {
        if (best == NULL || slab->used < best->used) best = slab;
        slab = slab->next;
        looked++;
        if (slab == class->open) break;
    }
    if (best != NULL) {
        class->open = slab != NULL ? slab : class->open; /* look on there */
        ring_remove(class, best);
        best->is_draining = true;
    }
    leave(heap, &class->lock);
    return best;
}

void
heap_drain_end(struct heap *heap, struct heap_slab *slab)
{
    struct class_state *class = &heap->classes[slab->class_at];
    bool is_idle;

    enter(heap, &class->lock);
    slab->is_draining = false;
    is_idle = slab->used == 0;
    if (is_idle) {
        class->slabs--;
        tally(heap, &heap->free_cell_bytes,
              -((uint64_t)slab->cells * slab->cell_bytes));
    } else if (slab->used < slab->cells) {
        ring_add(class, slab);
    }
    leave(heap, &class->lock);
    if (is_idle) slab_give(heap, slab);
}

uint32_t
heap_slab_cells(const struct heap_slab *slab)
{
    return slab->cells;
}

uint32_t
heap_slab_owner(const struct heap_slab *slab, uint32_t index)
{
    ASSERT(index < slab->cells);
    return atomic_load_explicit(&slab->owner[index], memory_order_relaxed);
}

void *
heap_slab_cell(struct heap_slab *slab, uint32_t index)
{
    return slab->first + (size_t)index * slab->cell_bytes;
}

/* ---- structural check ---- */

static bool
slab_ok(const struct heap_slab *slab, uint32_t index, uint64_t *ring)
{
    const struct free_cell *cell;
    uint32_t owned = 0, listed = 0, i;

    if (slab->index != index || slab->class_at >= CLASS_COUNT) return false;
    for (i = 0; i < slab->cells; i++)
        owned += heap_slab_owner(slab, i) != HEAP_OWNER_FREE;
    for (cell = slab->free; cell != NULL; cell = cell->next) {
        if (listed++ == slab->cells) return false; /* a loop */
    }
    if (slab->next != NULL) {
        (*ring)++;
        if (slab->next->prev != slab || slab->prev->next != slab) return false;
    }
    return owned == slab->used && listed + slab->fresh + owned == slab->cells &&
           (slab->next != NULL) ==
               (slab->used < slab->cells && !slab->is_draining);
}

struct census {
    uint64_t slabs[CLASS_COUNT], used[CLASS_COUNT], in_rings;
    uint64_t taken, idle, away, free_cell;
};

static bool
chunk_ok(const struct chunk *chunk, size_t at, struct census *census)
{
    uint32_t i;

    if (chunk->away_mask & ~chunk->idle_mask) return false;
    census->away += (uint64_t)__builtin_popcount(chunk->away_mask);
    census->idle +=
        (uint64_t)__builtin_popcount(chunk->idle_mask & ~chunk->away_mask);
    for (i = 0; i < CHUNK_SLABS; i++) {
        const struct heap_slab *slab =
            (const void *)(chunk->base + (size_t)i * HEAP_SLAB_BYTES);

        if (chunk->idle_mask & 1u << i) continue;
        if (slab->chunk_at != at || !slab_ok(slab, i, &census->in_rings))
            return false;
        census->taken++;
        census->slabs[slab->class_at]++;
        census->used[slab->class_at] += slab->used;
        census->free_cell +=
            (uint64_t)(slab->cells - slab->used) * slab->cell_bytes;
    }
    return true;
}

static bool
classes_ok(const struct heap *heap, const struct census *census)
{
    uint64_t in_rings = 0;
    uint32_t i;

    for (i = 0; i < CLASS_COUNT; i++) {
        const struct class_state *class = &heap->classes[i];
        const struct heap_slab *slab = class->open;

        if (class->slabs != census->slabs[i] || class->used != census->used[i])
            return false;
        while (slab != NULL) {
            if (slab->class_at != i || ++in_rings > census->in_rings)
                return false;
            slab = slab->next != class->open ? slab->next : NULL;
        }
    }
    return in_rings == census->in_rings;
}

bool
heap_ok(const struct heap *heap, uint64_t large_bytes)
{
    struct census census = {0};
    size_t at;

    for (at = 0; at < heap->chunk_count; at++) {
        const struct chunk *chunk = &heap->chunks[at];

        if (chunk->base == NULL) {
            if (chunk->idle_mask != 0) return false;
            continue;
        }
        if (at < heap->chunk_hint && chunk->idle_mask != 0) return false;
        if (!chunk_ok(chunk, at, &census)) return false;
    }
    return classes_ok(heap, &census) &&
           heap_taken_bytes(heap) ==
               census.taken * HEAP_SLAB_BYTES + large_bytes &&
           heap_idle_bytes(heap) == census.idle * HEAP_SLAB_BYTES &&
           heap_away_bytes(heap) == census.away * HEAP_SLAB_BYTES &&
           heap_free_cell_bytes(heap) == census.free_cell;
}
