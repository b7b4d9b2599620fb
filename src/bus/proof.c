#include "bus/proof.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

bool
proof_make(struct bytes secret, struct bytes text, uint8_t proof[PROOF_BYTES])
{
    unsigned int size = 0;
    /* a NULL key would mean "the one of the last call" */
    const char *key = secret.size > 0 ? secret.data : "";

    ASSERT(secret.size <= INT_MAX);
    return HMAC(EVP_sha256(), key, (int)secret.size,
                (const unsigned char *)text.data, text.size, proof,
                &size) != NULL &&
           size == PROOF_BYTES;
}

bool
proof_equal(const uint8_t a[PROOF_BYTES], const uint8_t b[PROOF_BYTES])
{
    return CRYPTO_memcmp(a, b, PROOF_BYTES) == 0;
}
