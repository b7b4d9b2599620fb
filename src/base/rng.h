/*
 * rng.h - a small seeded generator (splitmix64, Steele et al. 2014).
 * Not for secrets. Every user owns its own, so runs can be replayed.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include "base/base.h"

struct rng {
    uint64_t state;
};

static inline uint64_t
rng_next(struct rng *rng)
{
    uint64_t z = (rng->state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Uniform in [0, bound); bound > 0. */
static inline uint64_t
rng_below(struct rng *rng, uint64_t bound)
{
    __extension__ typedef unsigned __int128 wide;

    return (uint64_t)(((wide)rng_next(rng) * bound) >> 64);
}

#endif
