/*
 * fault.h - makes the n-th allocation fail: a test is repeated with the first,
 * the second, the third ... failing, until none of them does.
 *
 *     for (n = 1; fault_begin(n), step(), fault_end(); n++)
 *         check();
 */
#ifndef SUPPORT_FAULT_H
#define SUPPORT_FAULT_H

#include "base/base.h"

/* The n-th mem_try* from now on fails (n >= 1), and all after it. */
void fault_begin(uint64_t n);
/* No more faults; true if one happened. */
bool fault_end(void);

#endif
