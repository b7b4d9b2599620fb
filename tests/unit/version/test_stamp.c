#include "support/case.h"
#include "version/stamp.h"

enum { NODE = 7 };

CASE(stamp, wall_time_that_moves_on_leads)
{
    struct stamp first = stamp_next(STAMP_NEVER, STAMP_EPOCH_MS + 1000, NODE);
    struct stamp second = stamp_next(first, STAMP_EPOCH_MS + 2000, NODE);

    cr_expect(eq(i64, stamp_wall_ms(first), STAMP_EPOCH_MS + 1000));
    cr_expect(eq(i64, stamp_wall_ms(second), STAMP_EPOCH_MS + 2000));
    cr_expect(eq(u32, stamp_node(second), NODE));
}

CASE(stamp, a_clock_that_stands_or_goes_back_still_gives_larger_stamps)
{
    struct stamp stamp = stamp_next(STAMP_NEVER, STAMP_EPOCH_MS + 1000, NODE);
    int i;

    for (i = 0; i < 3000; i++) {
        struct stamp next = stamp_next(stamp, STAMP_EPOCH_MS + 1000 - i, NODE);

        cr_assert(gt(u64, next.bits, stamp.bits));
        stamp = next;
    }
    /* 1024 stamps to the millisecond, then the next one is borrowed */
    cr_expect(eq(i64, stamp_wall_ms(stamp), STAMP_EPOCH_MS + 1002));
}

CASE(stamp, times_before_the_epoch_count_as_the_epoch)
{
    struct stamp stamp = stamp_next(STAMP_NEVER, 5, NODE);

    cr_expect(eq(i64, stamp_wall_ms(stamp), STAMP_EPOCH_MS));
    cr_expect(gt(u64, stamp.bits, 0));
}

CASE(stamp, a_smaller_node_number_does_not_make_a_stamp_smaller)
{
    struct stamp other = stamp_next(STAMP_NEVER, STAMP_EPOCH_MS + 1, 4095);
    struct stamp mine = stamp_next(other, STAMP_EPOCH_MS + 1, 0);

    cr_expect(gt(u64, mine.bits, other.bits));
    cr_expect(eq(u32, stamp_node(mine), 0));
}
