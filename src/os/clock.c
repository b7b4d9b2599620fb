#include "os/clock.h"

#include "base/ticks.h"

#include <time.h>

enum { CALIBRATE_US = 4000 };

static uint64_t
read_us(clockid_t which)
{
    struct timespec now;

    (void)clock_gettime(which, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int64_t
clock_mono_ms(void)
{
    return (int64_t)(read_us(CLOCK_MONOTONIC) / 1000);
}

uint64_t
clock_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

uint64_t
clock_wall_us(void)
{
    return read_us(CLOCK_REALTIME);
}

void
clock_calibrate_ticks(void)
{
    struct timespec pause = {0, CALIBRATE_US * 1000};
    uint64_t from_us = clock_mono_us(), from_ticks = ticks_now();

    (void)nanosleep(&pause, NULL);
    ticks_calibrate(ticks_now() - from_ticks, clock_mono_us() - from_us);
}
