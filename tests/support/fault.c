#include "support/fault.h"

#include "base/memory.h"

static uint64_t left;
static bool has_failed;

static bool
fails(size_t size)
{
    (void)size;
    if (left > 1) {
        left--;
        return false;
    }
    has_failed = true;
    return true;
}

void
fault_begin(uint64_t n)
{
    left = n;
    has_failed = false;
    mem_set_fault(fails);
}

bool
fault_end(void)
{
    mem_set_fault(NULL);
    return has_failed;
}
