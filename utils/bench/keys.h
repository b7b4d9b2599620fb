/*
 * keys.h - which key comes next, and what its value is.
 *
 * Keys are numbered from 0; key 42 is written `key:000000000042`: 16 bytes.
 * The bytes of a value follow from the key's number, its length does not, so
 * a reply can be checked whoever wrote it last and however long it is.
 */
#ifndef BENCH_KEYS_H
#define BENCH_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYS_KEY_BYTES 16
#define KEYS_COUNT_MAX 1000000000u
#define KEYS_VALUE_BYTES_MAX (8u << 20)

enum keys_order {
    KEYS_UNIFORM,    /* every key equally often */
    KEYS_ZIPF,       /* rank r in proportion to r^-theta, ranks scattered */
    KEYS_SCAN,       /* zipf, interrupted by runs over neighbouring keys */
    KEYS_SEQUENTIAL, /* 0, 1, 2, ... and round again */
};

struct keys_spec {
    enum keys_order order;
    uint32_t count;
    double theta;         /* zipf exponent, above 0, not 1 */
    uint64_t scan_every;  /* zipf draws between two runs */
    uint64_t scan_length; /* keys in a run; the next goes on where it ended */
    uint64_t seed;
};

struct keys {
    struct keys_spec spec;
    uint64_t random;     /* state of the generator */
    uint32_t cursor;     /* next key of a run or of the sequence */
    uint64_t run_left;   /* keys until the present run ends */
    uint64_t draws_left; /* zipf draws until the next run */
    double area_first, area_all, shortcut; /* see keys.c */
};

/* Equal specs give equal sequences. */
void keys_init(struct keys *keys, const struct keys_spec *spec);

/* The next key's number; `is_scan` tells whether it is part of a run. */
uint32_t keys_next(struct keys *keys, bool *is_scan);

/* A random number below `limit`, from the same generator. */
uint32_t keys_random(struct keys *keys, uint32_t limit);

/* Writes KEYS_KEY_BYTES bytes. */
void keys_write(char *out, uint32_t key);

/* Bytes that cannot be compressed, from which all values are cut. */
struct keys_pool {
    char *bytes;
};

/* Room for values of `value_bytes_max`; false when out of memory. */
bool keys_pool_init(struct keys_pool *pool, size_t value_bytes_max);
void keys_pool_deinit(struct keys_pool *pool);

/* The value of `key`, as many bytes of it as the pool was made for. */
const char *keys_value(const struct keys_pool *pool, uint32_t key);

#endif
