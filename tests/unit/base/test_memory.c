#include "base/memory.h"

#include "support/case.h"

#include <stdint.h>
#include <string.h>
#include <time.h>

CASE(memory, a_block_is_counted_until_it_is_freed)
{
    uint64_t bytes = mem_live_bytes(), count = mem_live_count();
    void *block = mem_must(1000);

    cr_expect(eq(u64, mem_live_count(), count + 1));
    cr_expect(eq(u64, mem_live_bytes(), bytes + mem_room(block)));
    mem_free(block);
    cr_expect(eq(u64, mem_live_count(), count));
    cr_expect(eq(u64, mem_live_bytes(), bytes));
}

CASE(memory, a_block_has_at_least_the_room_asked_for)
{
    size_t size;

    for (size = 1; size < 100000; size = size * 3 + 1) {
        void *block = mem_must(size);

        cr_expect(ge(sz, mem_room(block), size));
        cr_expect(ge(sz, mem_good_size(size), size));
        memset(block, 0xff, size);
        mem_free(block);
    }
}

CASE(memory, zeroed_blocks_are_zero_even_where_memory_was_used_before)
{
    unsigned char *block = mem_must(4096);
    size_t i, others = 0;

    memset(block, 0xff, 4096);
    mem_free(block);
    block = mem_must_zero(4096);
    for (i = 0; i < 4096; i++)
        others += block[i] != 0;
    cr_expect(eq(sz, others, 0));
    mem_free(block);
}

CASE(memory, a_resized_block_keeps_its_bytes_and_stays_one_block)
{
    uint64_t count = mem_live_count();
    char *block = mem_must_text("kula", 4), *larger;

    larger = mem_try_resize(block, 100000);
    cr_assert(ne(ptr, larger, NULL));
    cr_expect(eq(str, larger, "kula"));
    cr_expect(eq(u64, mem_live_count(), count + 1));
    mem_free(larger);
}

CASE(memory, resizing_nothing_allocates)
{
    uint64_t count = mem_live_count();
    void *block = mem_try_resize(NULL, 10);

    cr_assert(ne(ptr, block, NULL));
    cr_expect(eq(u64, mem_live_count(), count + 1));
    mem_free(block);
}

CASE(memory, more_than_there_can_be_is_refused_not_fatal)
{
    uint64_t bytes = mem_live_bytes();
    /* volatile: the compiler knows that this cannot work, and would say so */
    volatile size_t size = SIZE_MAX / 2;
    char *block = mem_must_text("kept", 4);

    cr_expect(eq(ptr, mem_try(size), NULL));
    cr_expect(eq(ptr, mem_try_aligned(size, 64), NULL));
    cr_expect(eq(ptr, mem_try_resize(block, size), NULL));
    cr_expect(eq(str, block, "kept"));
    mem_free(block);
    cr_expect(eq(u64, mem_live_bytes(), bytes));
}

CASE(memory, aligned_blocks_are_aligned)
{
    size_t align;

    for (align = 8; align <= 4096; align *= 2) {
        void *block = mem_try_aligned(24, align);

        cr_assert(ne(ptr, block, NULL));
        cr_expect(eq(sz, (uintptr_t)block % align, 0));
        mem_free(block);
    }
}

CASE(memory, text_is_copied_and_terminated)
{
    char *text = mem_must_text("abcdef", 3), *empty = mem_must_text(NULL, 0);

    cr_expect(eq(str, text, "abc"));
    cr_expect(eq(str, empty, ""));
    mem_free(text);
    mem_free(empty);
}

CASE(memory, freeing_null_does_nothing)
{
    mem_free(NULL);
}

CASE(memory, the_peak_stays_when_memory_goes)
{
    void *block = mem_must(1 << 20);
    uint64_t peak = mem_peak_bytes();

    mem_free(block);
    cr_expect(ge(u64, peak, 1 << 20));
    cr_expect(ge(u64, mem_peak_bytes(), peak));
}

CASE(memory, an_array_grows_and_keeps_its_elements)
{
    uint32_t *array = NULL, i;

    for (i = 0; i < 100; i++) {
        array = mem_must_array(array, i + 1, sizeof(*array));
        array[i] = i;
    }
    for (i = 0; i < 100; i++)
        cr_expect(eq(u32, array[i], i));
    mem_free(array);
}

CASE_ABORTS(memory, an_array_whose_size_overflows_ends_the_process)
{
    mem_free(mem_must_array(NULL, SIZE_MAX / 2, 16));
}

CASE_ABORTS(memory, a_block_of_no_size_is_a_mistake)
{
    mem_free(mem_must(0));
}

CASE_ABORTS(memory, what_must_be_had_and_is_not_ends_the_process)
{
    volatile size_t size = SIZE_MAX / 2;

    mem_free(mem_must(size));
}

#ifdef KULA_JEMALLOC
static uint64_t
resident(void)
{
    struct mem_facts facts;

    mem_facts(&facts);
    return facts.resident_bytes;
}

enum { BLOCKS = 1600, BLOCK = 20000, HANG_MS = 60000 };

CASE(memory, what_is_unused_goes_back_though_nothing_is_taken_or_given)
{
    static void *blocks[BLOCKS];
    uint64_t before;
    uint32_t i, ms;

    for (i = 0; i < BLOCKS; i++) {
        blocks[i] = mem_must(BLOCK);
        memset(blocks[i], 1, BLOCK);
    }
    before = resident();
    for (i = 0; i < BLOCKS; i++)
        mem_free(blocks[i]);
    for (ms = 0; ms < HANG_MS && resident() > before - BLOCKS * BLOCK / 2;
         ms += 100) {
        struct timespec pause = {0, 100 * 1000 * 1000};

        (void)nanosleep(&pause, NULL);
        mem_decay();
    }
    cr_expect(lt(u64, resident(), before - BLOCKS * BLOCK / 2));
}
#endif
