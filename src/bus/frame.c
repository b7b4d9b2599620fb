/*
 * The checksum is two short steps instead of one over two places: the hash of
 * the payload, put behind bytes 0 .. 39 of the head, is hashed with them.
 */
#include "bus/frame.h"

#include "base/hash.h"
#include "bus/wire.h"

enum {
    MAGIC = 0x754b,
    VERSION_AT = 2,
    TYPE_AT = 3,
    LENGTH_AT = 4,
    LENGTH_END = 8,
    REQUEST_AT = 8,
    WALL_AT = 16,
    LIST_AT = 24,
    TIMEOUT_AT = 28,
    TENURE_AT = 32,
    CHECKSUM_AT = 40,
    /* of a part */
    PART_TYPE_AT = 0,
    PART_BITS_AT = 1,
    PART_LENGTH_AT = 2,
    PART_FIELDS_AT = 6,
    PART_HEAD_MAX = PART_FIELDS_AT + 8 + 4 + 4,
};

enum part_bit { PART_REQUEST = 1, PART_LIST = 2, PART_TIMEOUT = 4 };

_Static_assert(CHECKSUM_AT + 8 == FRAME_HEAD_BYTES, "checksum ends the head");
_Static_assert(FRAME_HANDSHAKE_MAX < FRAME_PAYLOAD_MAX, "limits");
_Static_assert(FRAME_PAYLOAD_MAX < UINT32_MAX - FRAME_HEAD_BYTES, "u32 length");

static uint64_t
checksum(const char *head, struct bytes payload)
{
    char both[FRAME_HEAD_BYTES];

    memcpy(both, head, CHECKSUM_AT);
    bytes_put_little(both + CHECKSUM_AT, hash_plain(payload), 8);
    return hash_plain(bytes_of(both, sizeof(both)));
}

size_t
frame_begin(struct buf *out, const struct frame *frame)
{
    size_t place = out->used;
    char *head;

    buf_must_reserve(out, FRAME_HEAD_BYTES);
    head = out->data + place;
    memset(head, 0, FRAME_HEAD_BYTES);
    bytes_put_little(head, MAGIC, 2);
    bytes_put_little(head + VERSION_AT, FRAME_VERSION, 1);
    bytes_put_little(head + TYPE_AT, frame->type, 1);
    /* length and checksum are known at the end */
    bytes_put_little(head + REQUEST_AT, frame->request_id, 8);
    bytes_put_little(head + WALL_AT, frame->wall_ms, 8);
    bytes_put_little(head + LIST_AT, frame->list_hash, 4);
    bytes_put_little(head + TIMEOUT_AT, frame->timeout_ms, 4);
    bytes_put_little(head + TENURE_AT, frame->tenure, 8);
    out->used = place + FRAME_HEAD_BYTES;
    return place;
}

void
frame_end(struct buf *out, size_t place)
{
    char *head = out->data + place;
    struct bytes payload;

    ASSERT(out->used - place >= FRAME_HEAD_BYTES);
    payload =
        bytes_of(head + FRAME_HEAD_BYTES, out->used - place - FRAME_HEAD_BYTES);
    ASSERT(payload.size <= FRAME_PAYLOAD_MAX);
    bytes_put_little(head + LENGTH_AT, payload.size, 4);
    bytes_put_little(head + CHECKSUM_AT, checksum(head, payload), 8);
}

void
frame_write(struct buf *out, const struct frame *frame)
{
    size_t place = frame_begin(out, frame);

    wire_put_raw(out, frame->payload);
    frame_end(out, place);
}

/* ---- parts ---- */

bool
frame_is_batched(uint8_t type)
{
    return type >= 16 && type < 32;
}

size_t
frame_part_begin(struct buf *out, const struct frame *part)
{
    size_t place = out->used;
    uint32_t bits = 0;
    char *head, *at;

    ASSERT(frame_is_batched(part->type) && part->tenure == 0);
    buf_must_reserve(out, PART_HEAD_MAX);
    head = out->data + place;
    at = head + PART_FIELDS_AT;
    if (part->request_id != 0) {
        bits |= PART_REQUEST;
        bytes_put_little(at, part->request_id, 8);
        at += 8;
    }
    if (part->list_hash != 0) {
        bits |= PART_LIST;
        bytes_put_little(at, part->list_hash, 4);
        at += 4;
    }
    if (part->timeout_ms != 0) {
        bits |= PART_TIMEOUT;
        bytes_put_little(at, part->timeout_ms, 4);
        at += 4;
    }
    bytes_put_little(head + PART_TYPE_AT, part->type, 1);
    bytes_put_little(head + PART_BITS_AT, bits, 1);
    out->used = place + (size_t)(at - head);
    return place;
}

static size_t
fields_bytes(uint32_t bits)
{
    return (bits & PART_REQUEST ? 8u : 0u) + (bits & PART_LIST ? 4u : 0u) +
           (bits & PART_TIMEOUT ? 4u : 0u);
}

void
frame_part_end(struct buf *out, size_t place)
{
    char *head = out->data + place;
    size_t lead = PART_FIELDS_AT + fields_bytes((uint8_t)head[PART_BITS_AT]);

    ASSERT(out->used - place >= lead);
    ASSERT(out->used - place - lead <= FRAME_PAYLOAD_MAX);
    bytes_put_little(head + PART_LENGTH_AT, out->used - place - lead, 4);
}

bool
frame_part_read(const struct frame *batch, struct bytes *rest,
                struct frame *part)
{
    const char *at = rest->data + PART_FIELDS_AT;
    uint32_t bits;
    size_t length;

    if (rest->size < PART_FIELDS_AT) return false;
    part->type = (uint8_t)rest->data[PART_TYPE_AT];
    bits = (uint8_t)rest->data[PART_BITS_AT];
    length = bytes_little(rest->data + PART_LENGTH_AT, 4);
    if (bits > (PART_REQUEST | PART_LIST | PART_TIMEOUT) ||
        !frame_is_batched(part->type) ||
        rest->size < PART_FIELDS_AT + fields_bytes(bits) ||
        rest->size - PART_FIELDS_AT - fields_bytes(bits) < length) {
        return false;
    }
    part->request_id = bits & PART_REQUEST ? bytes_little(at, 8) : 0;
    at += bits & PART_REQUEST ? 8 : 0;
    part->list_hash = bits & PART_LIST ? (uint32_t)bytes_little(at, 4) : 0;
    at += bits & PART_LIST ? 4 : 0;
    part->timeout_ms = bits & PART_TIMEOUT ? (uint32_t)bytes_little(at, 4) : 0;
    at += bits & PART_TIMEOUT ? 4 : 0;
    part->wall_ms = batch->wall_ms;
    part->tenure = 0;
    part->payload = bytes_of(at, length);
    rest->size -= (size_t)(at - rest->data) + length;
    rest->data = at + length;
    return true;
}

/* ---- reading ---- */

/* What can be said of the first bytes, however few: FRAME_WHOLE if they are
 * all right so far, and *length once it is there. */
static enum frame_result
look(struct bytes bytes, size_t payload_max, uint32_t *length)
{
    struct wire_reader reader = wire_reader(bytes);
    uint8_t version, type;

    if (bytes.size >= 1 && (uint8_t)bytes.data[0] != (MAGIC & 0xff))
        return FRAME_BAD;
    if (bytes.size >= 2 && (uint8_t)bytes.data[1] != MAGIC >> 8)
        return FRAME_BAD;
    if (bytes.size <= TYPE_AT) return FRAME_MORE;
    (void)wire_u16(&reader);
    version = wire_u8(&reader);
    type = wire_u8(&reader);
    /* a node of another version has to be understood so far that it can be
     * refused, and its refusal read */
    if (version != FRAME_VERSION &&
        (version == 0 || (type != FRAME_HELLO && type != FRAME_REFUSED)))
        return FRAME_BAD;
    if (bytes.size < LENGTH_END) return FRAME_MORE;
    *length = wire_u32(&reader);
    return *length > payload_max ? FRAME_BAD : FRAME_WHOLE;
}

bool
frame_is_known(uint8_t type)
{
    switch ((enum frame_type)type) {
    case FRAME_HELLO:
    case FRAME_CHALLENGE:
    case FRAME_PROOF:
    case FRAME_WELCOME:
    case FRAME_REFUSED:
    case FRAME_PING:
    case FRAME_PONG:
    case FRAME_ACK:
    case FRAME_BATCH:
    case FRAME_REQUEST:
    case FRAME_REPLY:
    case FRAME_COPY:
    case FRAME_NACK:
    case FRAME_VERSIONS:
    case FRAME_VERSIONS_ANSWER:
    case FRAME_FETCH:
    case FRAME_RECORDS:
    case FRAME_LEND:
    case FRAME_LENT:
    case FRAME_BACK:
    case FRAME_TENURE:
    case FRAME_PROMISE:
    case FRAME_DIGESTS:
    case FRAME_DIGESTS_ANSWER:
    case FRAME_RANGE:
    case FRAME_RANGE_ANSWER:
    case FRAME_REPAIRED:
    case FRAME_EVICT:
    case FRAME_GOSSIP:
    case FRAME_GOSSIP_ANSWER:
    case FRAME_GOSSIP_FACTS:
    case FRAME_CLAIM:
    case FRAME_CLAIM_ANSWER: return true;
    }
    return false;
}

enum frame_result
frame_read(struct bytes bytes, size_t payload_max, struct frame *frame,
           size_t *used)
{
    struct wire_reader reader = wire_reader(bytes);
    uint32_t length = 0;
    enum frame_result result = look(bytes, payload_max, &length);

    *used = 0;
    if (result != FRAME_WHOLE) return result;
    *used = FRAME_HEAD_BYTES + (size_t)length;
    if (bytes.size < *used) return FRAME_MORE;

    *frame = (struct frame){0};
    (void)wire_take(&reader, TYPE_AT);
    frame->type = wire_u8(&reader);
    (void)wire_u32(&reader);
    frame->request_id = wire_u64(&reader);
    frame->wall_ms = wire_u64(&reader);
    frame->list_hash = wire_u32(&reader);
    frame->timeout_ms = wire_u32(&reader);
    frame->tenure = wire_u64(&reader);
    frame->payload = bytes_of(bytes.data + FRAME_HEAD_BYTES, length);
    if (wire_u64(&reader) != checksum(bytes.data, frame->payload))
        return FRAME_BAD;
    return FRAME_WHOLE;
}
