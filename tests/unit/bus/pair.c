#include "pair.h"

#include "bus/wire.h"

#include <stdio.h>

static void
on_open(void *self, struct link *link)
{
    struct pair_seen *seen = self;

    (void)link;
    seen->opened++;
    if (seen->frames == 0) seen->opened_before_frames++;
}

static void
on_frame(void *self, struct link *link, const struct frame *frame)
{
    struct pair_seen *seen = self;

    seen->frames++;
    seen->last = *frame;
    seen->last.payload = (struct bytes){NULL, 0};
    seen->last_payload = frame->payload.data;
    buf_must_add(&seen->payloads, frame->payload.data, frame->payload.size);
    if (seen->break_with != NULL) link_break(link, seen->break_with);
}

static void
on_batch(void *self, struct link *link, const struct frame *batch)
{
    struct pair_seen *seen = self;

    (void)link;
    if (batch != NULL) seen->batches++;
}

static void
on_ack(void *self, struct link *link)
{
    struct pair_seen *seen = self;

    (void)link;
    seen->acked++;
}

static void
set_ring(struct link_ring *ring, uint8_t id)
{
    static const char secret[] = "a secret that both know";

    *ring = (struct link_ring){.secret_bytes = sizeof(secret) - 1};
    (void)snprintf(ring->name, sizeof(ring->name), "home");
    memcpy(ring->secret, secret, sizeof(secret) - 1);
    memset(ring->self.bytes, id, NODE_ID_BYTES);
    memset(&ring->life.nonce, 16 + id, sizeof(ring->life.nonce));
    ring->life.began = UINT64_C(1700000000000) + id;
}

static void
init_link(struct link *link, const struct link_ring *ring, bool is_caller,
          uint8_t first)
{
    uint8_t nonce[LINK_NONCE_BYTES];
    uint32_t i;

    for (i = 0; i < LINK_NONCE_BYTES; i++)
        nonce[i] = (uint8_t)(first + i);
    link_init(link, ring, is_caller, NULL, nonce, 0);
}

void
pair_init(struct pair *pair)
{
    *pair = (struct pair){0};
    set_ring(&pair->caller_ring, 1);
    set_ring(&pair->answerer_ring, 2);
    init_link(&pair->caller, &pair->caller_ring, true, 0xa0);
    init_link(&pair->answerer, &pair->answerer_ring, false, 0xc0);
}

void
pair_renew(struct pair *pair, uint8_t caller_nonce, uint8_t answerer_nonce)
{
    link_deinit(&pair->caller);
    link_deinit(&pair->answerer);
    init_link(&pair->caller, &pair->caller_ring, true, caller_nonce);
    init_link(&pair->answerer, &pair->answerer_ring, false, answerer_nonce);
}

void
pair_deinit(struct pair *pair)
{
    link_deinit(&pair->caller);
    link_deinit(&pair->answerer);
    buf_deinit(&pair->caller_seen.payloads);
    buf_deinit(&pair->answerer_seen.payloads);
}

static int64_t
wall_of(const struct pair *pair, const struct link *link)
{
    return PAIR_WALL_MS + pair->now_ms +
           (link == &pair->answerer ? pair->answerer_wall_off : 0);
}

void
pair_feed(struct pair *pair, struct link *to, struct bytes bytes)
{
    struct link_events events = {on_open, on_frame, on_batch, on_ack,
                                 to == &pair->caller ? &pair->caller_seen
                                                     : &pair->answerer_seen};

    while (bytes.size > 0) {
        size_t size = bytes.size;

        if (pair->cut > 0 && size > pair->cut) size = pair->cut;
        link_input(to, &events, bytes_of(bytes.data, size), pair->now_ms,
                   wall_of(pair, to));
        bytes = bytes_of(bytes.data + size, bytes.size - size);
    }
}

void
pair_carry_to(struct pair *pair, struct link *to)
{
    struct link *from = to == &pair->caller ? &pair->answerer : &pair->caller;
    struct bytes output = link_output(from);
    struct buf copy = {0};

    buf_must_add(&copy, output.data, output.size);
    link_sent(from, output.size);
    pair_feed(pair, to, buf_bytes(&copy));
    buf_deinit(&copy);
}

void
pair_carry(struct pair *pair)
{
    while (link_unsent(&pair->caller) > 0 || link_unsent(&pair->answerer) > 0) {
        pair_carry_to(pair, &pair->answerer);
        pair_carry_to(pair, &pair->caller);
    }
}

void
pair_open(struct pair *pair)
{
    link_start(&pair->caller, pair->now_ms, wall_of(pair, &pair->caller));
    pair_carry(pair);
}

void
pair_send(struct pair *pair, struct link *from, struct frame *frame,
          struct bytes payload, bool is_asking)
{
    size_t place = link_begin(from, frame, wall_of(pair, from));

    wire_put_raw(&from->out, payload);
    link_end(from, place, is_asking, pair->now_ms);
}

void
pair_tick(struct pair *pair, struct link *link)
{
    link_tick(link, pair->now_ms, wall_of(pair, link));
}
