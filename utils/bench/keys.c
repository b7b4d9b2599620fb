/*
 * Zipf ranks are drawn by rejection-inversion (Hoermann and Derflinger 1996):
 * the area under x^-theta is inverted, and the few draws that fall outside the
 * steps of the discrete distribution are thrown away. It is exact for any
 * number of keys and needs no table, so it leaves the caches to the sockets.
 *
 * Ranks are scattered over the key numbers by a multiplication with a prime,
 * so that hot keys are not neighbours and a run over neighbouring keys meets
 * hot and cold ones as they come.
 */
#include "keys.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SCATTER_PRIME 2654435761u
#define POOL_OFFSETS 65536u /* fits the second-level cache */

_Static_assert(KEYS_COUNT_MAX < SCATTER_PRIME, "the prime divides no count");

static uint64_t
random_next(struct keys *keys)
{
    uint64_t mixed = keys->random += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

uint32_t
keys_random(struct keys *keys, uint32_t limit)
{
    return (uint32_t)(((random_next(keys) >> 32) * limit) >> 32);
}

/* Evenly from [0, 1). */
static double
random_unit(struct keys *keys)
{
    return (double)(random_next(keys) >> 11) * 0x1p-53;
}

/* The area under x^-theta from 1 to x. */
static double
area_to(double x, double theta)
{
    return (pow(x, 1.0 - theta) - 1.0) / (1.0 - theta);
}

static double
area_inverse(double area, double theta)
{
    return pow(1.0 + area * (1.0 - theta), 1.0 / (1.0 - theta));
}

static uint32_t
zipf_rank(struct keys *keys)
{
    double theta = keys->spec.theta;
    double count = (double)keys->spec.count;

    for (;;) {
        double span = keys->area_first - keys->area_all;
        double area = keys->area_all + random_unit(keys) * span;
        double x = area_inverse(area, theta);
        double rank = floor(x + 0.5);

        if (rank < 1.0) rank = 1.0;
        if (rank > count) rank = count;
        if (rank - x <= keys->shortcut) return (uint32_t)rank - 1;
        if (area >= area_to(rank + 0.5, theta) - pow(rank, -theta)) {
            return (uint32_t)rank - 1;
        }
    }
}

static uint32_t
zipf_key(struct keys *keys)
{
    uint64_t scattered = (uint64_t)zipf_rank(keys) * SCATTER_PRIME;

    return (uint32_t)(scattered % keys->spec.count);
}

static uint32_t
cursor_step(struct keys *keys)
{
    uint32_t key = keys->cursor;

    keys->cursor = key + 1 == keys->spec.count ? 0 : key + 1;
    return key;
}

static uint32_t
scan_mixed_key(struct keys *keys, bool *is_scan)
{
    if (keys->run_left > 0) {
        keys->run_left--;
        *is_scan = true;
        return cursor_step(keys);
    }
    if (--keys->draws_left == 0) {
        keys->draws_left = keys->spec.scan_every;
        keys->run_left = keys->spec.scan_length;
    }
    return zipf_key(keys);
}

void
keys_init(struct keys *keys, const struct keys_spec *spec)
{
    double theta = spec->theta;

    assert(spec->count > 0 && spec->count <= KEYS_COUNT_MAX);
    memset(keys, 0, sizeof(*keys));
    keys->spec = *spec;
    keys->random = spec->seed;
    keys->draws_left = spec->scan_every;
    if (spec->order != KEYS_ZIPF && spec->order != KEYS_SCAN) return;

    assert(theta > 0.0);
    keys->area_first = area_to(1.5, theta) - 1.0;
    keys->area_all = area_to((double)spec->count + 0.5, theta);
    keys->shortcut =
        2.0 - area_inverse(area_to(2.5, theta) - pow(2.0, -theta), theta);
}

uint32_t
keys_next(struct keys *keys, bool *is_scan)
{
    *is_scan = false;
    switch (keys->spec.order) {
    case KEYS_UNIFORM: return keys_random(keys, keys->spec.count);
    case KEYS_ZIPF: return zipf_key(keys);
    case KEYS_SCAN: return scan_mixed_key(keys, is_scan);
    case KEYS_SEQUENTIAL: return cursor_step(keys);
    }
    return 0;
}

void
keys_write(char *out, uint32_t key)
{
    static const char PAIRS[] = "00010203040506070809101112131415161718192021"
                                "22232425262728293031323334353637383940414243"
                                "44454647484950515253545556575859606162636465"
                                "66676869707172737475767778798081828384858687"
                                "888990919293949596979899";
    size_t at;

    out[0] = 'k';
    out[1] = 'e';
    out[2] = 'y';
    out[3] = ':';
    for (at = KEYS_KEY_BYTES - 2; at >= 4; at -= 2) {
        const char *pair = PAIRS + 2 * (size_t)(key % 100);

        out[at] = pair[0];
        out[at + 1] = pair[1];
        key /= 100;
    }
}

bool
keys_pool_init(struct keys_pool *pool, size_t value_bytes_max)
{
    struct keys source = {.random = 20261121};
    size_t size = POOL_OFFSETS + value_bytes_max;
    size_t at;

    pool->bytes = malloc(size);
    if (pool->bytes == NULL) return false;
    for (at = 0; at < size; at++) {
        pool->bytes[at] = (char)(' ' + keys_random(&source, 95));
    }
    return true;
}

void
keys_pool_deinit(struct keys_pool *pool)
{
    free(pool->bytes);
    pool->bytes = NULL;
}

const char *
keys_value(const struct keys_pool *pool, uint32_t key)
{
    return pool->bytes + (key * SCATTER_PRIME >> 16) % POOL_OFFSETS;
}
