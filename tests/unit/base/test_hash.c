#include "base/hash.h"

#include "support/case.h"

#include <string.h>

static void
key_of(struct hash_key *key, uint8_t first)
{
    uint8_t seed[32] = {0};

    seed[0] = first;
    hash_key_init(key, seed);
}

CASE(hash, the_same_bytes_hash_alike_under_the_same_key)
{
    struct hash_key a, b;

    key_of(&a, 1);
    key_of(&b, 1);
    cr_expect(eq(u64, hash_bytes(&a, BYTES_LIT("kula")),
                 hash_bytes(&b, BYTES_LIT("kula"))));
}

CASE(hash, another_key_gives_another_hash)
{
    struct hash_key a, b;

    key_of(&a, 1);
    key_of(&b, 2);
    cr_expect(ne(u64, hash_bytes(&a, BYTES_LIT("kula")),
                 hash_bytes(&b, BYTES_LIT("kula"))));
}

/* Hashes of keys are sent to other nodes and kept on disk: they are a format.
 * When this fails, the expansion of the seed or the hash has changed. */
CASE(hash, the_hash_of_a_known_key_never_changes)
{
    struct hash_key key;

    key_of(&key, 7);
    cr_expect(eq(u64, hash_bytes(&key, BYTES_LIT("")), 0x1063f0230061ef45u));
    cr_expect(
        eq(u64, hash_bytes(&key, BYTES_LIT("kula")), 0xdc8d1af840d87920u));
    cr_expect(eq(u64, hash_plain(BYTES_LIT("kula")), 0x20b0226500e2bbeeu));
}

CASE(hash, every_length_up_to_a_kilobyte_can_be_hashed)
{
    struct hash_key key;
    char data[1024];
    uint64_t before = 0;
    size_t size;

    key_of(&key, 1);
    memset(data, 'x', sizeof(data));
    for (size = 0; size <= sizeof(data); size++) {
        uint64_t hash = hash_bytes(&key, bytes_of(data, size));

        cr_expect(ne(u64, hash, before), "size %zu", size);
        before = hash;
    }
}

CASE(hash, each_bit_of_a_hash_is_set_about_half_the_time)
{
    struct hash_key key;
    uint32_t set[64] = {0}, i, bit;

    key_of(&key, 3);
    for (i = 0; i < 10000; i++) {
        uint64_t hash = hash_bytes(&key, bytes_of(&i, sizeof(i)));

        for (bit = 0; bit < 64; bit++)
            set[bit] += (hash >> bit) & 1;
    }
    /* six standard deviations of 50 */
    for (bit = 0; bit < 64; bit++) {
        cr_expect(set[bit] > 4700 && set[bit] < 5300, "bit %u: %u", bit,
                  set[bit]);
    }
}

CASE(hash, mixing_depends_on_both_words_and_their_order)
{
    cr_expect(ne(u64, hash_mix(1, 2), hash_mix(2, 1)));
    cr_expect(ne(u64, hash_mix(1, 2), hash_mix(1, 3)));
    cr_expect(ne(u64, hash_mix(1, 2), hash_mix(3, 2)));
}
