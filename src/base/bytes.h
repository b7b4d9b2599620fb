/*
 * bytes.h - a borrowed run of bytes: where and how many. Never owns.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include "base/base.h"

#include <string.h>

struct bytes {
    const char *data; /* may be NULL when size is 0; not terminated */
    size_t size;
};

#define BYTES_LIT(literal) ((struct bytes){(literal), sizeof(literal) - 1})

static inline struct bytes
bytes_of(const void *data, size_t size)
{
    return (struct bytes){(const char *)data, size};
}

static inline struct bytes
bytes_str(const char *text)
{
    return (struct bytes){text, strlen(text)};
}

static inline bool
bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || !memcmp(a.data, b.data, a.size));
}

/* ASCII only; `lower` must already be in lower case. */
static inline bool
bytes_is_nocase(struct bytes a, const char *lower)
{
    size_t i;

    for (i = 0; i < a.size; i++) {
        unsigned char c = (unsigned char)a.data[i];

        if (c >= 'A' && c <= 'Z') c |= 0x20;
        if (lower[i] == '\0' || c != (unsigned char)lower[i]) return false;
    }
    return lower[a.size] == '\0';
}

/* Little endian, unaligned, the lowest `size` bytes, 8 at most. With a constant
 * size one store or load on machines that are little endian. */
static inline void
bytes_put_little(char *at, uint64_t value, size_t size)
{
    if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
        value = __builtin_bswap64(value);
    memcpy(at, &value, size);
}

static inline uint64_t
bytes_little(const char *at, size_t size)
{
    uint64_t value = 0;

    memcpy(&value, at, size);
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? value
                                                     : __builtin_bswap64(value);
}

#endif
