#include "bus/frame.h"

#include "golden.h"
#include "support/case.h"

static const struct frame full = {
    .type = FRAME_TENURE,
    .request_id = 0x1122334455667788,
    .wall_ms = 1700000000123,
    .list_hash = 0xa1b2c3d4,
    .timeout_ms = 5000,
    .tenure = 0x0102030405060708,
    .payload = {"payload", 7},
};

static struct buf
written(const struct frame *frame)
{
    struct buf out = {0};

    frame_write(&out, frame);
    return out;
}

CASE(frame, what_is_written_is_read_back)
{
    struct buf out = written(&full);
    struct frame frame;
    size_t used;

    cr_assert(eq(int, (int)frame_read(buf_bytes(&out), 7, &frame, &used),
                 FRAME_WHOLE));
    cr_expect(eq(sz, used, FRAME_HEAD_BYTES + 7));
    cr_expect(eq(u8, frame.type, full.type));
    cr_expect(eq(u64, frame.request_id, full.request_id));
    cr_expect(eq(u64, frame.wall_ms, full.wall_ms));
    cr_expect(eq(u32, frame.list_hash, full.list_hash));
    cr_expect(eq(u32, frame.timeout_ms, full.timeout_ms));
    cr_expect(eq(u64, frame.tenure, full.tenure));
    cr_expect(bytes_equal(frame.payload, full.payload));
    cr_expect(eq(ptr, (void *)(uintptr_t)frame.payload.data,
                 (void *)(out.data + FRAME_HEAD_BYTES)));
    buf_deinit(&out);
}

CASE(frame, two_in_a_row_are_read_one_by_one)
{
    struct buf out = {0};
    struct frame frame;
    size_t place, used;

    buf_must_add(&out, "before", 6);
    place = frame_begin(&out, &full);
    cr_expect(eq(sz, place, 6));
    buf_must_add(&out, "first", 5);
    frame_end(&out, place);
    frame_write(&out, &full);

    cr_assert(eq(int,
                 (int)frame_read(bytes_of(out.data + 6, out.used - 6), 100,
                                 &frame, &used),
                 FRAME_WHOLE));
    cr_expect(bytes_equal(frame.payload, BYTES_LIT("first")));
    cr_assert(
        eq(int,
           (int)frame_read(bytes_of(out.data + 6 + used, out.used - 6 - used),
                           100, &frame, &used),
           FRAME_WHOLE));
    cr_expect(bytes_equal(frame.payload, BYTES_LIT("payload")));
    buf_deinit(&out);
}

CASE(frame, cut_anywhere_it_wants_more)
{
    struct buf out = written(&full);
    size_t size;

    for (size = 0; size < out.used; size++) {
        struct frame frame;
        size_t used = 12345;

        cr_expect(eq(
            int, (int)frame_read(bytes_of(out.data, size), 100, &frame, &used),
            FRAME_MORE));
        cr_expect(eq(sz, used, size < 8 ? 0 : out.used), "%zu bytes", size);
    }
    buf_deinit(&out);
}

/* A flipped bit of the length may also make the reader wait for more bytes. */
CASE(frame, no_flipped_bit_goes_unnoticed)
{
    struct buf out = written(&full);
    size_t bit;

    for (bit = 0; bit < out.used * 8; bit++) {
        struct frame frame;
        size_t used;
        enum frame_result result;

        out.data[bit / 8] = (char)(out.data[bit / 8] ^ (1 << bit % 8));
        result = frame_read(buf_bytes(&out), 100, &frame, &used);
        if (bit / 8 >= 4 && bit / 8 < 8 && result == FRAME_MORE)
            cr_expect(gt(sz, used, out.used));
        else
            cr_expect(eq(int, (int)result, FRAME_BAD), "bit %zu", bit);
        out.data[bit / 8] = (char)(out.data[bit / 8] ^ (1 << bit % 8));
    }
    buf_deinit(&out);
}

CASE(frame, a_length_above_the_limit_is_bad_before_anything_has_come)
{
    struct buf out = written(&full);
    struct frame frame;
    size_t used;

    cr_expect(eq(int, (int)frame_read(bytes_of(out.data, 8), 6, &frame, &used),
                 FRAME_BAD));
    cr_expect(eq(int, (int)frame_read(bytes_of(out.data, 8), 7, &frame, &used),
                 FRAME_MORE));
    memset(out.data + 4, 0xff, 4);
    cr_expect(eq(int,
                 (int)frame_read(bytes_of(out.data, 8), FRAME_PAYLOAD_MAX,
                                 &frame, &used),
                 FRAME_BAD));
    buf_deinit(&out);
}

CASE(frame, other_bytes_are_bad_as_soon_as_they_are_seen)
{
    struct frame frame;
    size_t used;

    cr_expect(eq(int, (int)frame_read(BYTES_LIT("G"), 100, &frame, &used),
                 FRAME_BAD));
    cr_expect(eq(int, (int)frame_read(BYTES_LIT("Kz"), 100, &frame, &used),
                 FRAME_BAD));
    cr_expect(eq(int, (int)frame_read(BYTES_LIT("Ku"), 100, &frame, &used),
                 FRAME_MORE));
}

CASE(frame, of_another_version_only_a_greeting_is_understood)
{
    static const uint8_t types[] = {FRAME_HELLO, FRAME_REFUSED, FRAME_CHALLENGE,
                                    FRAME_PING, FRAME_COPY};
    uint32_t i;

    for (i = 0; i < ARRAY_LEN(types); i++) {
        char head[] = {'K', 'u', 2, (char)types[i]};
        bool is_greeting = i < 2;
        struct frame frame;
        size_t used;

        cr_expect(eq(int, (int)frame_read(bytes_of(head, 4), 9, &frame, &used),
                     is_greeting ? FRAME_MORE : FRAME_BAD));
        head[2] = 0;
        cr_expect(eq(int, (int)frame_read(bytes_of(head, 4), 9, &frame, &used),
                     FRAME_BAD));
    }
}

CASE(frame, types_have_names_up_to_the_last)
{
    cr_expect(frame_is_known(FRAME_HELLO));
    cr_expect(frame_is_known(FRAME_CLAIM_ANSWER));
    cr_expect(not(frame_is_known(0)));
    cr_expect(not(frame_is_known(10)));
    cr_expect(not(frame_is_known(255)));
}

/* The head of each type that is not the handshake's, with an empty payload. */
CASE(frame, heads_are_golden)
{
    static const struct {
        uint8_t type;
        const char *file;
    } rows[] = {
        {FRAME_PING, "frame-ping"},
        {FRAME_PONG, "frame-pong"},
        {FRAME_TENURE, "frame-tenure"},
        {FRAME_PROMISE, "frame-promise"},
        {FRAME_DIGESTS, "frame-digests"},
        {FRAME_DIGESTS_ANSWER, "frame-digests-answer"},
        {FRAME_RANGE, "frame-range"},
        {FRAME_RANGE_ANSWER, "frame-range-answer"},
        {FRAME_REPAIRED, "frame-repaired"},
        {FRAME_EVICT, "frame-evict"},
        {FRAME_GOSSIP, "frame-gossip"},
        {FRAME_GOSSIP_ANSWER, "frame-gossip-answer"},
        {FRAME_GOSSIP_FACTS, "frame-gossip-facts"},
        {FRAME_CLAIM, "frame-claim"},
        {FRAME_CLAIM_ANSWER, "frame-claim-answer"},
    };
    uint32_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct frame frame = full;
        struct buf out;

        frame.type = rows[i].type;
        frame.payload = (struct bytes){NULL, 0};
        out = written(&frame);
        cr_expect(golden_is(rows[i].file, buf_bytes(&out)), "%s", rows[i].file);
        buf_deinit(&out);
    }
}

CASE(frame, a_frame_with_a_payload_is_golden)
{
    struct buf out = written(&full);

    cr_expect(golden_is("frame-payload", buf_bytes(&out)));
    buf_deinit(&out);
}

/* ---- batches ---- */

static struct buf
batch_written(void)
{
    struct frame batch = {.type = FRAME_BATCH, .wall_ms = full.wall_ms};
    struct frame request = full, copy = {.type = FRAME_COPY};
    struct frame reply = {.type = FRAME_REPLY, .request_id = 2};
    struct buf out = {0};
    size_t place = frame_begin(&out, &batch), part;

    request.type = FRAME_REQUEST;
    request.tenure = 0; /* a part has none */
    part = frame_part_begin(&out, &request);
    buf_must_add(&out, "payload", 7);
    frame_part_end(&out, part);
    part = frame_part_begin(&out, &copy);
    buf_must_add(&out, "copy", 4);
    frame_part_end(&out, part);
    frame_part_end(&out, frame_part_begin(&out, &reply));
    frame_end(&out, place);
    return out;
}

CASE(frame, a_batch_is_golden)
{
    struct buf out = batch_written();

    cr_expect(golden_is("frame-batch", buf_bytes(&out)));
    buf_deinit(&out);
}

CASE(frame, parts_come_back_as_they_were_written)
{
    struct buf out = batch_written();
    struct frame batch, part;
    struct bytes rest;
    size_t used;

    cr_assert(eq(
        int, (int)frame_read(buf_bytes(&out), FRAME_PAYLOAD_MAX, &batch, &used),
        FRAME_WHOLE));
    rest = batch.payload;
    cr_assert(frame_part_read(&batch, &rest, &part));
    cr_expect(eq(u8, part.type, FRAME_REQUEST));
    cr_expect(eq(u64, part.request_id, full.request_id));
    cr_expect(eq(u64, part.wall_ms, full.wall_ms));
    cr_expect(eq(u32, part.list_hash, full.list_hash));
    cr_expect(eq(u32, part.timeout_ms, full.timeout_ms));
    cr_expect(eq(u64, part.tenure, 0));
    cr_expect(bytes_equal(part.payload, BYTES_LIT("payload")));
    cr_assert(frame_part_read(&batch, &rest, &part));
    cr_expect(eq(u8, part.type, FRAME_COPY));
    cr_expect(eq(u64, part.request_id, 0));
    cr_expect(bytes_equal(part.payload, BYTES_LIT("copy")));
    cr_assert(frame_part_read(&batch, &rest, &part));
    cr_expect(eq(u64, part.request_id, 2));
    cr_expect(eq(sz, part.payload.size, 0));
    cr_expect(eq(sz, rest.size, 0));
    buf_deinit(&out);
}

CASE(frame, a_part_is_read_no_further_than_its_batch)
{
    struct buf out = batch_written();
    struct frame batch = {.type = FRAME_BATCH}, part;
    size_t cut;

    /* the first part has 22 bytes of head and 7 of payload */
    for (cut = 0; cut < 29; cut++) {
        struct bytes rest = bytes_of(out.data + FRAME_HEAD_BYTES, cut);

        cr_expect(not(frame_part_read(&batch, &rest, &part)), "%zu bytes", cut);
    }
    buf_deinit(&out);
}

CASE(frame, parts_of_other_types_or_with_unknown_fields_are_refused)
{
    static const uint8_t types[] = {0,  FRAME_HELLO,  FRAME_ACK, FRAME_BATCH,
                                    15, FRAME_TENURE, 255};
    struct frame batch = {.type = FRAME_BATCH}, part;
    char bytes[6] = {0};
    struct bytes rest;
    uint32_t i;

    for (i = 0; i < ARRAY_LEN(types); i++) {
        bytes[0] = (char)types[i];
        rest = bytes_of(bytes, sizeof(bytes));
        cr_expect(not(frame_part_read(&batch, &rest, &part)), "%u", types[i]);
    }
    bytes[0] = FRAME_COPY;
    rest = bytes_of(bytes, sizeof(bytes));
    cr_expect(frame_part_read(&batch, &rest, &part));
    bytes[1] = 8;
    rest = bytes_of(bytes, sizeof(bytes));
    cr_expect(not(frame_part_read(&batch, &rest, &part)));
}
