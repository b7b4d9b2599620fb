#include "ctl/value.h"

size_t
value_count(const redisReply *array)
{
    if (array == NULL || array->type != REDIS_REPLY_ARRAY) return 0;
    return array->elements;
}

const redisReply *
value_at(const redisReply *array, size_t index)
{
    return index < value_count(array) ? array->element[index] : NULL;
}

const redisReply *
value_find(const redisReply *map, const char *name)
{
    size_t count = value_count(map), i;

    for (i = 0; i + 1 < count; i += 2) {
        const redisReply *at = map->element[i];

        if (at->type == REDIS_REPLY_STRING && !strcmp(at->str, name))
            return map->element[i + 1];
    }
    return NULL;
}

int64_t
value_number(const redisReply *reply)
{
    return reply != NULL && reply->type == REDIS_REPLY_INTEGER ? reply->integer
                                                               : 0;
}

int64_t
value_int(const redisReply *map, const char *name)
{
    return value_number(value_find(map, name));
}

const char *
value_text(const redisReply *map, const char *name)
{
    const redisReply *found = value_find(map, name);

    if (found == NULL || (found->type != REDIS_REPLY_STRING &&
                          found->type != REDIS_REPLY_STATUS)) {
        return "";
    }
    return found->str;
}
