/*
 * CRC16 eight bytes at a time ("slicing by 8", Kounavis and Berry 2005): the
 * eight table look-ups of a step do not depend on each other, so a key of 16
 * bytes costs two short chains instead of sixteen.
 */
#include "ring/slot.h"

#include "ring/crc16.h"

_Static_assert((SLOT_COUNT & (SLOT_COUNT - 1)) == 0, "slots are a bit mask");

uint16_t
slot_crc16(struct bytes data)
{
    const uint8_t *at = (const uint8_t *)data.data;
    size_t left = data.size;
    uint32_t crc = 0;

    for (; left >= 8; at += 8, left -= 8) {
        crc = (uint32_t)(crc16_steps[7][at[0] ^ (crc >> 8)] ^
                         crc16_steps[6][at[1] ^ (crc & 0xff)] ^
                         crc16_steps[5][at[2]] ^ crc16_steps[4][at[3]] ^
                         crc16_steps[3][at[4]] ^ crc16_steps[2][at[5]] ^
                         crc16_steps[1][at[6]] ^ crc16_steps[0][at[7]]);
    }
    if (left >= 4) {
        crc = (uint32_t)(crc16_steps[3][at[0] ^ (crc >> 8)] ^
                         crc16_steps[2][at[1] ^ (crc & 0xff)] ^
                         crc16_steps[1][at[2]] ^ crc16_steps[0][at[3]]);
        at += 4;
        left -= 4;
    }
    for (; left > 0; at++, left--) {
        crc = (crc << 8 & 0xffff) ^ crc16_steps[0][(crc >> 8) ^ at[0]];
    }
    return (uint16_t)crc;
}

struct bytes
slot_tag(struct bytes key)
{
    const char *open, *close;
    size_t left;

    if (key.size == 0) return key;
    open = memchr(key.data, '{', key.size);
    if (open == NULL) return key;
    open++;
    left = key.size - (size_t)(open - key.data);
    close = left > 0 ? memchr(open, '}', left) : NULL;
    if (close == NULL || close == open) return key;
    return bytes_of(open, (size_t)(close - open));
}

uint32_t
slot_of(struct bytes key)
{
    return slot_crc16(slot_tag(key)) & (SLOT_COUNT - 1);
}
