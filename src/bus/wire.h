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

uint8_t wire_u8(struct wire_reader *reader);
uint16_t wire_u16(struct wire_reader *reader);
uint32_t wire_u32(struct wire_reader *reader);
uint64_t wire_u64(struct wire_reader *reader);
/* LEB128, at most 10 bytes, and no more of them than the number needs. */
uint64_t wire_varint(struct wire_reader *reader);
/* `size` bytes of the payload, borrowed. */
struct bytes wire_take(struct wire_reader *reader, size_t size);
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
void wire_put_u8(struct buf *out, uint8_t value);
void wire_put_u16(struct buf *out, uint16_t value);
void wire_put_u32(struct buf *out, uint32_t value);
void wire_put_u64(struct buf *out, uint64_t value);
void wire_put_varint(struct buf *out, uint64_t value);
void wire_put_bytes(struct buf *out, struct bytes bytes); /* length, bytes */
void wire_put_raw(struct buf *out, struct bytes bytes);   /* no length */

#endif
