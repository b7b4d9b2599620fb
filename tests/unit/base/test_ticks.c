#include "base/ticks.h"

#include "support/case.h"

CASE(ticks, the_rate_comes_from_two_readings)
{
    ticks_calibrate(3000000, 1000);
    cr_expect(epsilon_eq(dbl, ticks_per_us, 3000.0, 0.001));
}

CASE(ticks, a_useless_reading_keeps_the_rate)
{
    ticks_calibrate(3000000, 1000);
    ticks_calibrate(0, 1000);
    ticks_calibrate(1000, 0);
    cr_expect(epsilon_eq(dbl, ticks_per_us, 3000.0, 0.001));
}

CASE(ticks, switched_off_they_stand_still)
{
    ticks_off = true;
    cr_expect(eq(u64, ticks_now(), 0));
    ticks_off = false;
}
