/*
 * Integers are put together byte by byte: compilers make one load or store of
 * it where the machine is little endian, and it is right on the others.
 */
#include "bus/wire.h"

enum { VARINT_BYTES_MAX = 10 };

struct bytes
wire_take(struct wire_reader *reader, size_t size)
{
    struct bytes bytes = {reader->at, size};

    if (reader->is_bad || size > (size_t)(reader->end - reader->at)) {
        reader->is_bad = true;
        return (struct bytes){NULL, 0};
    }
    if (size > 0) reader->at += size;
    return bytes;
}

static uint64_t
take_little(struct wire_reader *reader, size_t size)
{
    struct bytes bytes = wire_take(reader, size);
    uint64_t value = 0;
    size_t i;

    for (i = bytes.size; i > 0; i--)
        value = value << 8 | (uint8_t)bytes.data[i - 1];
    return value;
}

uint8_t
wire_u8(struct wire_reader *reader)
{
    return (uint8_t)take_little(reader, 1);
}

uint16_t
wire_u16(struct wire_reader *reader)
{
    return (uint16_t)take_little(reader, 2);
}

uint32_t
wire_u32(struct wire_reader *reader)
{
    return (uint32_t)take_little(reader, 4);
}

uint64_t
wire_u64(struct wire_reader *reader)
{
    return take_little(reader, 8);
}

uint64_t
wire_varint(struct wire_reader *reader)
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

static void
put_little(struct buf *out, uint64_t value, size_t size)
{
    uint8_t bytes[8];
    size_t i;

    for (i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    buf_must_add(out, bytes, size);
}

void
wire_put_u8(struct buf *out, uint8_t value)
{
    put_little(out, value, 1);
}

void
wire_put_u16(struct buf *out, uint16_t value)
{
    put_little(out, value, 2);
}

void
wire_put_u32(struct buf *out, uint32_t value)
{
    put_little(out, value, 4);
}

void
wire_put_u64(struct buf *out, uint64_t value)
{
    put_little(out, value, 8);
}

void
wire_put_varint(struct buf *out, uint64_t value)
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
