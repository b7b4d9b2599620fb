/*
 * wire.h - writes and reads the fields of payloads: little endian, unaligned.
 *
 * A reader never reads behind its end: the first field that does not fit sets
 * `is_bad`, and everything after reads as zero or empty. So a decoder reads
 * all its fields and asks once, with wire_is_done().
 */
#ifndef BUS_WIRE_H
#define BUS_WIRE_H

#include "base/buf.h"
#include "base/bytes.h"

struct wire_reader {
    const char *at, *end;
    bool is_bad;
};

static inline struct wire_reader
wire_reader(struct bytes bytes)
{
    const char *end = bytes.size > 0 ? bytes.data + bytes.size : bytes.data;

    return (struct wire_reader){bytes.data, end, false};
}

/* `size` bytes of the payload, borrowed. */
static inline struct bytes
wire_take(struct wire_reader *reader, size_t size)
{
    struct bytes bytes = {reader->at, size};

    if (UNLIKELY(reader->is_bad || size > (size_t)(reader->end - reader->at))) {
        reader->is_bad = true;
        return (struct bytes){NULL, 0};
    }
    if (size > 0) reader->at += size;
    return bytes;
}

static inline uint64_t
wire_little(struct wire_reader *reader, size_t size)
{
    struct bytes bytes = wire_take(reader, size);

    return LIKELY(bytes.data != NULL) ? bytes_little(bytes.data, size) : 0;
}

static inline uint8_t
wire_u8(struct wire_reader *reader)
{
    return (uint8_t)wire_little(reader, 1);
}

static inline uint16_t
wire_u16(struct wire_reader *reader)
{
    return (uint16_t)wire_little(reader, 2);
}

static inline uint32_t
wire_u32(struct wire_reader *reader)
{
    return (uint32_t)wire_little(reader, 4);
}

static inline uint64_t
wire_u64(struct wire_reader *reader)
{
    return wire_little(reader, 8);
}

uint64_t wire_varint_slowly(struct wire_reader *reader);
/* LEB128, at most 10 bytes, and no more of them than the number needs. */
static inline uint64_t
wire_varint(struct wire_reader *reader)
{
    if (LIKELY(reader->at < reader->end && !reader->is_bad &&
               (uint8_t)*reader->at < 0x80)) {
        return (uint8_t)*reader->at++;
    }
    return wire_varint_slowly(reader);
}
/* A varint length, then so many bytes, borrowed. */
struct bytes wire_bytes(struct wire_reader *reader);
/* The rest, borrowed. */
struct bytes wire_rest(struct wire_reader *reader);
static inline bool
wire_is_done(const struct wire_reader *reader)
{
    return !reader->is_bad && reader->at == reader->end;
}

/* Writers append to a buf; memory that runs out aborts: sizes are checked
 * against the frame's limit before. */
static inline void
wire_put_little(struct buf *out, uint64_t value, size_t size)
{
    if (UNLIKELY(out->room - out->used < size)) buf_must_reserve(out, size);
    bytes_put_little(out->data + out->used, value, size);
    out->used += size;
}

static inline void
wire_put_u8(struct buf *out, uint8_t value)
{
    wire_put_little(out, value, 1);
}

static inline void
wire_put_u16(struct buf *out, uint16_t value)
{
    wire_put_little(out, value, 2);
}

static inline void
wire_put_u32(struct buf *out, uint32_t value)
{
    wire_put_little(out, value, 4);
}

static inline void
wire_put_u64(struct buf *out, uint64_t value)
{
    wire_put_little(out, value, 8);
}

void wire_put_varint_slowly(struct buf *out, uint64_t value);
static inline void
wire_put_varint(struct buf *out, uint64_t value)
{
    if (LIKELY(value < 0x80)) {
        wire_put_u8(out, (uint8_t)value);
    } else {
        wire_put_varint_slowly(out, value);
    }
}
void wire_put_bytes(struct buf *out, struct bytes bytes); /* length, bytes */
void wire_put_raw(struct buf *out, struct bytes bytes);   /* no length */

#endif
