#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

_Static_assert(HASH_SECRET_BYTES >= XXH3_SECRET_SIZE_MIN,
               "the secret must be long enough for XXH3");

void
hash_key_init(struct hash_key *key, const uint8_t seed[32])
{
    uint64_t word = 0;
    uint32_t i;

    for (i = 0; i < HASH_SECRET_BYTES; i += 8) {
        uint8_t block[40];

        memcpy(block, seed, 32);
        memcpy(block + 32, &i, 4);
        memset(block + 36, 0, 4);
        word = XXH3_64bits_withSeed(block, sizeof(block), word);
        memcpy(key->secret + i, &word, 8);
    }
}

uint64_t
hash_bytes(const struct hash_key *key, struct bytes data)
{
    return XXH3_64bits_withSecret(data.data, data.size, key->secret,
                                  HASH_SECRET_BYTES);
}

uint64_t
hash_plain(struct bytes data)
{
    return XXH3_64bits(data.data, data.size);
}
