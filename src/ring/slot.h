/*
 * slot.h - which of the 16384 slots a key belongs to.
 *
 * CRC16 (XMODEM) of the key, or of its {hash tag}, modulo the slot count: the
 * Redis Cluster specification. The slot is the unit of ownership, locking,
 * hash tables, digests, transfer and repair.
 */
#ifndef RING_SLOT_H
#define RING_SLOT_H

#include "base/bytes.h"

enum { SLOT_COUNT = 16384 };

uint16_t slot_crc16(struct bytes data);
/* The part of the key that is hashed: between the first '{' and the next '}'
 * if something is there, else all of it. */
struct bytes slot_tag(struct bytes key);
/* 0 .. SLOT_COUNT - 1 */
uint32_t slot_of(struct bytes key);

#endif
