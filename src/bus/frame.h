/*
 * frame.h - one message between two nodes: a header of 48 bytes, a payload.
 *
 *    0  u16 magic 0x754b ("Ku")   2  u8 version   3  u8 type
 *    4  u32 payload bytes
 *    8  u64 request id       an answer repeats the question's; 0: none
 *   16  u64 wall time, ms    the sender's, when it was written
 *   24  u32 list hash        of the slot's list as the sender knows it; 0: none
 *   28  u32 timeout, ms      a request's, counted from wall time; 0: none
 *   32  u64 tenure           stamp of the tenure a write was made under; 0
 *   40  u64 checksum         XXH3 of bytes 0 .. 39 and the payload's XXH3
 *   48  payload
 *
 * Small messages that are written one after another share a frame, a BATCH:
 * one head, one checksum. Its payload is parts, one behind the other:
 *
 *    0  u8  type    1  u8 which fields follow    2  u32 payload bytes
 *    6  [u64 request id] [u32 list hash] [u32 timeout], payload
 *
 * All little endian. src/bus/README says where each payload is described.
 */
#ifndef BUS_FRAME_H
#define BUS_FRAME_H

#include "base/buf.h"
#include "base/bytes.h"

enum {
    FRAME_HEAD_BYTES = 48,
    FRAME_VERSION = 1,
    /* a value of 512 MiB, its key and what is around them */
    FRAME_PAYLOAD_MAX = 1100 * 1024 * 1024,
    FRAME_HANDSHAKE_MAX = 4096,    /* before the peer has proved itself */
    FRAME_BATCH_PARTS = 64,        /* then a batch ends, */
    FRAME_BATCH_BYTES = 16 * 1024, /* or if its payload is as long as this */
};

enum frame_type {
    /* link.h: the handshake, life signs, acknowledgements */
    FRAME_HELLO = 1,
    FRAME_CHALLENGE = 2,
    FRAME_PROOF = 3,
    FRAME_WELCOME = 4,
    FRAME_REFUSED = 5,
    FRAME_PING = 6,
    FRAME_PONG = 7,
    FRAME_ACK = 8,
    FRAME_BATCH = 9,
    /* coord/: commands and quorums */
    FRAME_REQUEST = 16,  /* a command to be run by the receiver */
    FRAME_REPLY = 17,    /* what it replied */
    FRAME_COPY = 18,     /* records for an owner; acknowledged by count */
    FRAME_NACK = 19,     /* a copy was not taken, and why */
    FRAME_VERSIONS = 20, /* are these the newest versions you know? */
    FRAME_VERSIONS_ANSWER = 21,
    FRAME_FETCH = 22, /* records of these keys, please */
    FRAME_RECORDS = 23,
    FRAME_LEND = 24, /* tenures of these slots, for one command, please */
    FRAME_LENT = 25,
    FRAME_BACK = 26, /* they are yours again */
    /* replica/: tenures, comparison */
    FRAME_TENURE = 32,
    FRAME_PROMISE = 33,
    FRAME_DIGESTS = 34,
    FRAME_DIGESTS_ANSWER = 35,
    FRAME_RANGE = 36,
    FRAME_RANGE_ANSWER = 37,
    FRAME_REPAIRED = 38,
    FRAME_EVICT = 39,
    /* member/ */
    FRAME_GOSSIP = 48,
    FRAME_GOSSIP_ANSWER = 49,
    FRAME_GOSSIP_FACTS = 50,
    FRAME_CLAIM = 51,
    FRAME_CLAIM_ANSWER = 52,
};

struct frame {
    uint8_t type; /* enum frame_type, or one of a newer version */
    uint64_t request_id;
    uint64_t wall_ms;
    uint32_t list_hash;
    uint32_t timeout_ms;
    uint64_t tenure;
    struct bytes payload; /* borrowed */
};

/*
 * Writes a frame: begin appends the head, the caller appends the payload to
 * `out`, end fills in length and checksum. frame->payload is not used. The
 * place that begin returns goes to end.
 */
size_t frame_begin(struct buf *out, const struct frame *frame);
void frame_end(struct buf *out, size_t place);
/* The same in one go, with frame->payload. */
void frame_write(struct buf *out, const struct frame *frame);

/*
 * Parts of a batch, which itself is begun and ended as any frame is: begin
 * appends a part's head, the caller its payload, end fills in the length. The
 * part's wall time is the batch's; it has no tenure.
 */
bool frame_is_batched(uint8_t type); /* types 16 .. 31 */
size_t frame_part_begin(struct buf *out, const struct frame *part);
void frame_part_end(struct buf *out, size_t place);
/* The part that *rest, of the batch's payload, begins with; *rest goes behind
 * it. False: malformed. */
bool frame_part_read(const struct frame *batch, struct bytes *rest,
                     struct frame *part);

/* One of enum frame_type; other types may come from newer versions. */
bool frame_is_known(uint8_t type);

enum frame_result { FRAME_WHOLE, FRAME_MORE, FRAME_BAD };
/*
 * Looks at the bytes of a stream: WHOLE: *frame is filled (payload borrowed
 * from `bytes`) and *used is its length; MORE: not all there, *used is how
 * many bytes the whole frame will have (0: not known yet); BAD: magic, version
 * (of any but HELLO and REFUSED), length above payload_max, or checksum.
 */
enum frame_result frame_read(struct bytes bytes, size_t payload_max,
                             struct frame *frame, size_t *used);

#endif
