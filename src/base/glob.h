/*
 * glob.h - Redis's patterns: * ? [a-z] [^x] and backslash. Bounded work:
 * never worse than pattern size times text size.
 */
#ifndef BASE_GLOB_H
#define BASE_GLOB_H

#include "base/bytes.h"

bool glob_match(struct bytes pattern, struct bytes text, bool ignore_case);

#endif
