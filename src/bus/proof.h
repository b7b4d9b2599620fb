/*
 * proof.h - what shows that a node knows the ring's secret, and shows it to
 * this peer, in this handshake, in this role only.
 */
#ifndef BUS_PROOF_H
#define BUS_PROOF_H

#include "base/buf.h"

enum { PROOF_BYTES = 32 };

/* HMAC-SHA256 (RFC 2104) of `text` under `secret`, which may be empty. False
 * if the library cannot (no memory). */
WARN_UNUSED bool proof_make(struct bytes secret, struct bytes text,
                            uint8_t proof[PROOF_BYTES]);
/* In a time that does not depend on where they differ. */
bool proof_equal(const uint8_t a[PROOF_BYTES], const uint8_t b[PROOF_BYTES]);

#endif
