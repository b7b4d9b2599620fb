/*
 * value.h - looking into replies. Over RESP2 a map is an array of names and
 * values in turn, a truth is 0 or 1, a number with a fraction is text. What is
 * not there, or of another kind, reads as 0, "" or NULL: a node may be of
 * another version.
 */
#ifndef CTL_VALUE_H
#define CTL_VALUE_H

#include "base/bytes.h"

#include <hiredis/hiredis.h>

const redisReply *value_find(const redisReply *map, const char *name);
int64_t value_int(const redisReply *map, const char *name);
static inline bool
value_bool(const redisReply *map, const char *name)
{
    return value_int(map, name) != 0;
}
const char *value_text(const redisReply *map, const char *name);
/* An array's length, 0 for anything else; its elements (NULL: not there). */
size_t value_count(const redisReply *array);
const redisReply *value_at(const redisReply *array, size_t index);
int64_t value_number(const redisReply *reply); /* of an integer; else 0 */

#endif
