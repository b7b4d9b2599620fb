/*
 * Any bytes from a peer: the link breaks or goes on, in memory that follows
 * what has come, and it makes no difference how the bytes are cut. Without the
 * secret nothing opens it.
 *
 * The first byte: bit 0: the link is OPEN already; bit 1: frames are wrapped,
 * that is, the rest is {type, length, payload} rows of which frames with right
 * checksums are made, since no fuzzer guesses those; bits 2 .. 7: the cuts.
 */
#include "bus/link.h"

#include "base/rng.h"

#include <stdlib.h>

enum { WALL_MS = 1000000, COPIES_SENT = 5, ROW_HEAD = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    uint64_t opened, acked;
    struct buf frames;
};

static void
check(bool is_right)
{
    if (!is_right) abort();
}

static void
on_open(void *self, struct link *link)
{
    struct seen *seen = self;

    (void)link;
    seen->opened++;
}

static void
on_frame(void *self, struct link *link, const struct frame *frame)
{
    struct seen *seen = self;
    struct frame answer = {.type = FRAME_REPLY,
                           .request_id = frame->request_id};
    size_t place;

    check(frame_is_known(frame->type));
    check(link_frame_age_ms(link, frame, WALL_MS) >= 0);
    buf_must_printf(&seen->frames, "%u %zu ", frame->type, frame->payload.size);
    buf_must_add(&seen->frames, frame->payload.data, frame->payload.size);
    if (frame->type != FRAME_REQUEST) return;
    place = link_begin(link, &answer, WALL_MS);
    buf_must_add(&link->out, frame->payload.data, frame->payload.size);
    link_end(link, place, true, 1);
}

static void
on_batch(void *self, struct link *link, const struct frame *batch)
{
    (void)self;
    if (batch == NULL) return;
    check(link->state == LINK_OPEN && batch->type == FRAME_BATCH);
}

static void
on_ack(void *self, struct link *link)
{
    struct seen *seen = self;

    check(link->copies_acked <= link->copies_sent);
    seen->acked++;
}

static void
open_link(struct link *link)
{
    uint32_t i;

    link->state = LINK_OPEN;
    link->version = FRAME_VERSION;
    for (i = 0; i < COPIES_SENT; i++) {
        struct frame copy = {.type = FRAME_COPY};

        link_end(link, link_begin(link, &copy, WALL_MS), true, 1);
    }
}

/* Feeds pieces of 1 .. step_max bytes, each from a block of its own. */
static void
feed(struct link *link, struct seen *seen, struct bytes input, size_t step_max)
{
    struct link_events events = {on_open, on_frame, on_batch, on_ack, seen};
    struct rng rng = {.state = step_max};
    size_t at = 0;

    while (at < input.size) {
        size_t size = 1 + (size_t)rng_below(&rng, step_max);
        char *copy;

        if (size > input.size - at) size = input.size - at;
        copy = malloc(size);
        check(copy != NULL);
        memcpy(copy, input.data + at, size);
        link_input(link, &events, bytes_of(copy, size), 1, WALL_MS);
        free(copy);
        at += size;
        check(link->in.room <= 4 * at + 64 * 1024);
        check(link->in.used <= at);
        check(strnlen(link->reason, sizeof(link->reason)) <= LINK_REASON_MAX);
    }
    link_turn(link, 1, WALL_MS);
    link_tick(link, 100000, WALL_MS);
}

static void
wrap_part(struct buf *out, const struct frame *part)
{
    struct frame batch = {.type = FRAME_BATCH, .wall_ms = part->wall_ms};
    size_t whole = frame_begin(out, &batch);
    size_t place = frame_part_begin(out, part);

    buf_must_add(out, part->payload.data, part->payload.size);
    frame_part_end(out, place);
    frame_end(out, whole);
}

static void
wrap(struct buf *out, struct bytes input)
{
    size_t at = 0;

    while (input.size - at >= ROW_HEAD) {
        struct frame frame = {.type = (uint8_t)input.data[at],
                              .wall_ms = (uint64_t)WALL_MS + at};
        size_t size = (uint8_t)input.data[at + 1];

        at += ROW_HEAD;
        if (size > input.size - at) size = input.size - at;
        frame.payload = bytes_of(input.data + at, size);
        if (frame_is_batched(frame.type)) {
            wrap_part(out, &frame);
        } else {
            frame_write(out, &frame);
        }
        at += size;
    }
}

static void
run(struct link *link, const struct link_ring *ring, bool is_open,
    struct bytes input, size_t step_max, struct seen *seen)
{
    static const uint8_t nonce[LINK_NONCE_BYTES] = {1, 2, 3};

    link_init(link, ring, false, NULL, nonce, 0);
    if (is_open) open_link(link);
    feed(link, seen, input, step_max);
    check(seen->opened == 0);
    if (!is_open) check(link->state == LINK_BROKEN && seen->frames.used == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct link_ring ring = {.name = "home",
                                          .secret = "guess this",
                                          .secret_bytes = 10,
                                          .self = {{2}}};
    struct seen whole = {0}, pieces = {0};
    struct link one, other;
    struct buf wrapped = {0};
    struct bytes input;
    bool is_open;

    if (size < 2) return 0;
    is_open = data[0] & 1;
    input = bytes_of(data + 1, size - 1);
    if (data[0] & 2) {
        wrap(&wrapped, input);
        input = buf_bytes(&wrapped);
    }
    run(&one, &ring, is_open, input, input.size + 1, &whole);
    run(&other, &ring, is_open, input, 1 + (data[0] >> 2) + input.size / 512,
        &pieces);
    check(one.state == other.state && one.refusal == other.refusal);
    check(one.copies_taken == other.copies_taken);
    check(one.copies_acked == other.copies_acked);
    check(whole.acked == pieces.acked);
    check(strcmp(one.reason, other.reason) == 0);
    check(bytes_equal(buf_bytes(&whole.frames), buf_bytes(&pieces.frames)));
    check(bytes_equal(link_output(&one), link_output(&other)));
    link_deinit(&one);
    link_deinit(&other);
    buf_deinit(&whole.frames);
    buf_deinit(&pieces.frames);
    buf_deinit(&wrapped);
    return 0;
}
