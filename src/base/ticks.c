#include "base/ticks.h"

bool ticks_off;
double ticks_per_us = 1000.0;

void
ticks_calibrate(uint64_t ticks, uint64_t elapsed_us)
{
    if (ticks == 0 || elapsed_us == 0) return;
    ticks_per_us = (double)ticks / (double)elapsed_us;
}
