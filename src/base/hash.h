/*
 * hash.h - keyed 64-bit hashes (XXH3) of keys and values.
 *
 * One secret per ring: digests, hints, evictions and log footers carry key
 * hashes between nodes and between lives of a node.
 * Source: xxHash 0.8, XXH3_64bits_withSecret.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/bytes.h"

enum { HASH_SECRET_BYTES = 192 };

struct hash_key {
    _Alignas(64) uint8_t secret[HASH_SECRET_BYTES];
};

/* Expands 32 random bytes (the ring's hash key, as kept on disk). */
void hash_key_init(struct hash_key *key, const uint8_t seed[32]);
uint64_t hash_bytes(const struct hash_key *key, struct bytes data);
/* Unkeyed, for checksums of values (4 bytes are kept). */
uint64_t hash_plain(struct bytes data);

/* Mixes two words into one; not keyed. */
static inline uint64_t
hash_mix(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;

    x ^= x >> 29;
    x = (x ^ b) * 0x94d049bb133111ebu;
    return x ^ (x >> 32);
}

#endif
