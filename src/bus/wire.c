/*
 * What is not short enough to be inline.
 */
#include "bus/wire.h"

enum { VARINT_BYTES_MAX = 10 };

uint64_t
wire_varint_slowly(struct wire_reader *reader)
{
    uint64_t value = 0;
    uint32_t i;

    for (i = 0; i < VARINT_BYTES_MAX; i++) {
        uint64_t byte = wire_u8(reader);

        if (reader->is_bad) return 0;
        value |= (byte & 0x7f) << (7 * i);
        if (byte & 0x80) continue;
        /* one way to write each number: no zeros on top, no bit beyond 64 */
        if ((i > 0 && byte == 0) || (i == VARINT_BYTES_MAX - 1 && byte > 1))
            break;
        return value;
    }
    reader->is_bad = true;
    return 0;
}

struct bytes
wire_bytes(struct wire_reader *reader)
{
    uint64_t size = wire_varint(reader);

    if (size > SIZE_MAX) reader->is_bad = true;
    return wire_take(reader, (size_t)size);
}

struct bytes
wire_rest(struct wire_reader *reader)
{
    if (reader->is_bad) return (struct bytes){NULL, 0};
    return wire_take(reader, (size_t)(reader->end - reader->at));
}

void
wire_put_varint_slowly(struct buf *out, uint64_t value)
{
    uint8_t bytes[VARINT_BYTES_MAX];
    size_t count = 0;

    while (value >= 0x80) {
        bytes[count++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[count++] = (uint8_t)value;
    buf_must_add(out, bytes, count);
}

void
wire_put_bytes(struct buf *out, struct bytes bytes)
{
    wire_put_varint(out, bytes.size);
    wire_put_raw(out, bytes);
}

void
wire_put_raw(struct buf *out, struct bytes bytes)
{
    buf_must_add(out, bytes.data, bytes.size);
}
