/* Cells: close-fitting, distinct, writable, and slabs can be emptied. */
#include "base/rng.h"
#include "store/heap.h"
#include "support/case.h"
#include "support/scaled.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

CASE(heap, a_cell_holds_what_was_asked_for_and_little_more)
{
    size_t size;

    for (size = 1; size <= HEAP_CELL_MAX; size++) {
        size_t cell = heap_cell_bytes(size);

        cr_assert(cell >= size, "%zu in %zu", size, cell);
        if (size > 128 && size <= 1024)
            cr_assert(cell - size <= size / 16 + 8, "%zu in %zu", size, cell);
        if (size > 1024 && size <= 2048)
            cr_assert(cell - size <= size / 16, "%zu in %zu", size, cell);
        if (size > 1) cr_assert(cell >= heap_cell_bytes(size - 1));
    }
}

enum { CELLS = SCALED(20000, 4000) };

CASE(heap, cells_do_not_overlap_and_keep_what_is_written)
{
    struct heap *heap = heap_new(true);
    char **cells = mem_must(CELLS * sizeof(*cells));
    size_t *sizes = mem_must(CELLS * sizeof(*sizes));
    struct rng rng = {7};
    uint32_t i, round;

    for (i = 0; i < CELLS; i++) {
        sizes[i] = 16 + rng_below(&rng, 3000);
        cells[i] = heap_take(heap, sizes[i], i & 0x3fff);
        memset(cells[i], (int)(i & 0xff), sizes[i]);
    }
    for (round = 0; round < CELLS * 4; round++) {
        i = (uint32_t)rng_below(&rng, CELLS);
        cr_assert(cells[i][0] == (char)(i & 0xff));
        cr_assert(cells[i][sizes[i] - 1] == (char)(i & 0xff));
        heap_give(heap, cells[i], sizes[i]);
        sizes[i] = 16 + rng_below(&rng, 20000);
        cells[i] = heap_take(heap, sizes[i], i & 0x3fff);
        memset(cells[i], (int)(i & 0xff), sizes[i]);
    }
    for (i = 0; i < CELLS; i++)
        heap_give(heap, cells[i], sizes[i]);
    /* a slab stays with each class that was used */
    cr_expect(heap_taken_bytes(heap) <= 124u * HEAP_SLAB_BYTES);
    heap_free(heap);
    mem_free(cells);
    mem_free(sizes);
}

CASE(heap, a_drained_slab_becomes_idle_once_its_cells_are_given_back)
{
    struct heap *heap = heap_new(false);
    char *cells[4000];
    struct heap_slab *slab;
    uint64_t before;
    uint32_t i;

    for (i = 0; i < 4000; i++)
        cells[i] = heap_take(heap, 100, i);
    for (i = 0; i < 4000; i++) {
        if (i % 3 != 0) heap_give(heap, cells[i], 100);
    }
    slab = heap_drain_begin(heap);
    cr_assert(slab != NULL);
    before = heap_taken_bytes(heap);
    for (i = 0; i < heap_slab_cells(slab); i++) {
        if (heap_slab_owner(slab, i) == HEAP_OWNER_FREE) continue;
        heap_give(heap, heap_slab_cell(slab, i), 100);
    }
    cr_expect(heap_taken_bytes(heap) == before, "it leaves at the end");
    heap_drain_end(heap, slab);
    cr_expect(heap_taken_bytes(heap) == before - HEAP_SLAB_BYTES);
    heap_free(heap);
}

#ifdef KULA_JEMALLOC /* others, and sanitizers, keep what is freed */
/* Of the process; 0 if the system does not tell. */
static uint64_t
resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long long all, resident = 0;

    if (file == NULL) return 0;
    if (fscanf(file, "%llu %llu", &all, &resident) != 2) resident = 0;
    (void)fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

enum { WIDE = 10000, WIDES = 3000 };

CASE(heap, what_the_heap_does_not_count_any_more_is_not_resident)
{
    struct heap *heap = heap_new(true);
    char **cells = mem_must(WIDES * sizeof(*cells));
    uint64_t before;
    uint32_t i;

    for (i = 0; i < WIDES; i++) {
        cells[i] = heap_take(heap, WIDE, 1);
        memset(cells[i], 1, WIDE);
    }
    before = resident_bytes() - heap_taken_bytes(heap) - heap_idle_bytes(heap);
    for (i = 0; i < WIDES; i++)
        heap_give(heap, cells[i], WIDE);
    cr_expect(le(
        u64, resident_bytes() - heap_taken_bytes(heap) - heap_idle_bytes(heap),
        before + 2 * HEAP_CHUNK_BYTES));
    heap_free(heap);
    mem_free(cells);
}
#endif

CASE(heap, trimmed_slabs_are_not_resident_and_can_be_used_again)
{
    struct heap *heap = heap_new(true);
    char **cells = mem_must(CELLS * sizeof(*cells));
    uint64_t idle;
    uint32_t i;

    for (i = 0; i < CELLS; i++)
        cells[i] = heap_take(heap, 800, 1);
    cr_expect(heap_idle_bytes(heap) < HEAP_CHUNK_BYTES);
    for (i = 100; i < CELLS; i++)
        heap_give(heap, cells[i], 800);
    idle = heap_idle_bytes(heap);
    cr_assert(idle > 0);
    heap_trim(heap, 1);
    cr_expect(heap_idle_bytes(heap) == idle - HEAP_SLAB_BYTES);
    cr_expect(heap_away_bytes(heap) == HEAP_SLAB_BYTES);
    heap_trim(heap, UINT32_MAX);
    cr_expect(heap_idle_bytes(heap) == 0);
    for (i = 100; i < CELLS; i++) {
        cells[i] = heap_take(heap, 800, 1);
        memset(cells[i], 1, 800);
    }
    for (i = 0; i < CELLS; i++)
        heap_give(heap, cells[i], 800);
    heap_free(heap);
    mem_free(cells);
}
