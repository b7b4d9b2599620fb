/*
 * A frame that lies whole in the bytes handed in is read where it lies. Only
 * an unfinished one at their end is kept, in link->in, which therefore never
 * holds more than one frame; the bytes that complete it are added and nothing
 * else, so that the next frame is again read in place.
 *
 *   bytes:   [ ..end of A | B whole | C whole | start of D.. ]
 *              to in, A     in place  in place  to in
 */
#include "bus/link.h"

#include "base/err.h"
#include "base/memory.h"
#include "bus/handshake.h"
#include "bus/wire.h"

enum {
    ROOM_STEP = 64 * 1024, /* first room for an unfinished frame */
    ROOM_KEPT = 64 * 1024, /* more is given back when it is empty */
    ACK_BYTES = 8,
    SKEW_EASE_MS = 10 * 1000, /* time in which skew_ms rises by 1 */
    CLOCK_STEP_MS = 1000,     /* a wall clock that moves by more was set */
};

void
link_init(struct link *link, const struct link_ring *ring, bool is_caller,
          const struct node_id *expected, const uint8_t nonce[LINK_NONCE_BYTES],
          int64_t now_ms)
{
    ASSERT(ring->secret_bytes <= LINK_SECRET_MAX);
    *link = (struct link){
        .state = LINK_NEW,
        .is_caller = is_caller,
        .ring = ring,
        .expects_peer = expected != NULL,
        .opened_ms = now_ms,
        .heard_ms = now_ms,
        .sent_ms = now_ms,
        .pinged_ms = now_ms,
    };
    if (expected != NULL) link->peer = *expected;
    memcpy(link->own_nonce, nonce, LINK_NONCE_BYTES);
}

void
link_deinit(struct link *link)
{
    buf_deinit(&link->in);
    buf_deinit(&link->out);
    link->out_at = 0;
}

void
link_start(struct link *link, int64_t now_ms, int64_t wall_ms)
{
    if (link->state == LINK_BROKEN) return;
    link->opened_ms = now_ms;
    handshake_start(link, now_ms, wall_ms);
}

void
link_break(struct link *link, const char *reason)
{
    size_t size;

    if (link->state == LINK_BROKEN) return;
    link->state = LINK_BROKEN;
    if (reason == NULL) return;
    size = strnlen(reason, LINK_REASON_MAX);
    memcpy(link->reason, reason, size);
    link->reason[size] = '\0';
}

void
link_refuse(struct link *link, enum link_refusal refusal, const char *reason,
            int64_t wall_ms)
{
    if (link->state == LINK_OPEN)
        handshake_refuse(link, refusal, reason, wall_ms);
}

const char *
link_refusal_text(enum link_refusal refusal)
{
    switch (refusal) {
    case LINK_REFUSED_NONE: return "not refused";
    case LINK_REFUSED_RING: return "another ring";
    case LINK_REFUSED_SECRET: return "a wrong secret";
    case LINK_REFUSED_VERSION: return "no version in common";
    case LINK_REFUSED_SELF: return "both nodes have the same id";
    case LINK_REFUSED_ID: return "another node than the one looked for";
    case LINK_REFUSED_FORMAT: return "bytes that do not belong there";
    case LINK_REFUSED_TIME: return "the handshake took too long";
    case LINK_REFUSED_TWIN: return "another node has this id";
    }
    return "refused";
}

/* ---- clocks ---- */

/* Our wall time less the frame's; no overflow, whatever the peer claims. */
static int64_t
lateness_ms(uint64_t frame_wall_ms, int64_t wall_ms)
{
    const uint64_t most = INT64_MAX / 4;

    return wall_ms - (int64_t)min_u64(frame_wall_ms, most);
}

/*
 * A PONG was written after its PING was sent: it has come no longer than since
 * then, so the difference of the clocks is at least its lateness less that. A
 * clock that was set by little is found out by this.
 */
static void
note_pong(struct link *link, const struct frame *frame, int64_t now_ms,
          int64_t wall_ms)
{
    int64_t late_ms = lateness_ms(frame->wall_ms, wall_ms);

    link->ponged_id = frame->request_id;
    if (frame->request_id != (uint64_t)link->pinged_ms) return;
    if (now_ms < link->pinged_ms || !link->has_skew) return;
    late_ms -= now_ms - link->pinged_ms;
    if (late_ms > link->skew_ms) link->skew_ms = late_ms;
}

/*
 * The smallest lateness is the difference of the clocks and the shortest way.
 * It rises slowly by itself, for clocks that drift apart, and follows a clock
 * that was set: ours is seen beside the monotonic one, the peer's by times
 * that go back, since frames come in the order in which they were written. By
 * how much is not known, as time went on meanwhile: the frame counts as fresh.
 */
static void
note_wall(struct link *link, const struct frame *frame, int64_t now_ms,
          int64_t wall_ms)
{
    int64_t late_ms = lateness_ms(frame->wall_ms, wall_ms);
    int64_t peer_ms = wall_ms - late_ms;
    int64_t own_ms = wall_ms - now_ms;
    int64_t own_step = own_ms - link->own_wall_ms;
    int64_t back_ms = link->peer_wall_ms - peer_ms;

    link->peer_wall_ms = peer_ms;
    link->own_wall_ms = own_ms;
    if (!link->has_skew) {
        link->has_skew = true;
        link->skew_ms = late_ms;
        link->skew_eased_ms = now_ms;
        return;
    }
    if (own_step > CLOCK_STEP_MS || own_step < -CLOCK_STEP_MS)
        link->skew_ms += own_step;
    if (back_ms > CLOCK_STEP_MS) link->skew_ms = late_ms;
    if (now_ms - link->skew_eased_ms >= SKEW_EASE_MS) {
        link->skew_ms += (now_ms - link->skew_eased_ms) / SKEW_EASE_MS;
        link->skew_eased_ms = now_ms;
    }
    if (late_ms < link->skew_ms) link->skew_ms = late_ms;
}

int64_t
link_frame_age_ms(const struct link *link, const struct frame *frame,
                  int64_t wall_ms)
{
    int64_t late_ms = lateness_ms(frame->wall_ms, wall_ms);

    if (!link->has_skew || late_ms < link->skew_ms) return 0;
    return late_ms - link->skew_ms;
}

int64_t
link_silence_ms(const struct link *link, int64_t now_ms)
{
    if (link->asked_ms == 0 || now_ms < link->asked_ms) return 0;
    return now_ms - link->asked_ms;
}

/* ---- writing ---- */

static void
end_batch(struct link *link)
{
    if (link->batch_parts == 0) return;
    link->batch_parts = 0;
    frame_end(&link->out, link->batch);
}

size_t
link_begin(struct link *link, struct frame *frame, int64_t wall_ms)
{
    struct frame batch = {.type = FRAME_BATCH, .wall_ms = (uint64_t)wall_ms};

    ASSERT(link->state == LINK_OPEN || link->state == LINK_BROKEN);
    if (link_unsent(link) > LINK_OUT_HARD)
        link_break(link, "too much is unsent: the peer does not read");
    frame->wall_ms = (uint64_t)wall_ms;
    if (!frame_is_batched(frame->type)) {
        end_batch(link);
        return frame_begin(&link->out, frame);
    }
    if (link->batch_wall_ms != wall_ms) end_batch(link); /* it was not sent */
    if (link->batch_parts == 0) {
        link->batch = frame_begin(&link->out, &batch);
        link->batch_wall_ms = wall_ms;
    }
    link->batch_parts++;
    return frame_part_begin(&link->out, frame);
}

/* Takes back what was begun there. */
static void
drop_from(struct link *link, size_t place)
{
    link->out.used = place;
    if (link->batch_parts == 0) return;
    link->batch_parts--;
    if (link->batch_parts == 0) link->out.used = link->batch;
}

static bool
is_too_large(const struct link *link, size_t place)
{
    return link->out.used - place > FRAME_PAYLOAD_MAX - FRAME_BATCH_BYTES;
}

void
link_end(struct link *link, size_t place, bool is_asking, int64_t now_ms)
{
    struct buf *out = &link->out;
    bool is_part = link->batch_parts > 0;

    ASSERT(place >= link->out_at);
    if (is_too_large(link, place))
        link_break(link, "a frame is too large to be sent");
    if (link->state != LINK_OPEN) { /* perhaps since link_begin */
        drop_from(link, place);
        return;
    }
    if (is_part) {
        frame_part_end(out, place);
        if (out->data[place] == FRAME_COPY) link->copies_sent++;
        if (link->batch_parts == FRAME_BATCH_PARTS ||
            out->used - link->batch >= FRAME_BATCH_BYTES) {
            end_batch(link);
        }
    } else {
        frame_end(out, place);
    }
    link->sent_ms = now_ms;
    if (!is_asking) return;
    link->last_ask_ms = now_ms > 0 ? now_ms : 1;
    if (link->asked_ms == 0) link->asked_ms = link->last_ask_ms;
}

static void
write_empty(struct link *link, enum frame_type type, uint64_t request_id,
            bool is_asking, int64_t now_ms, int64_t wall_ms)
{
    struct frame frame = {.type = (uint8_t)type, .request_id = request_id};
    size_t place = link_begin(link, &frame, wall_ms);

    link_end(link, place, is_asking, now_ms);
}

void
link_turn(struct link *link, int64_t now_ms, int64_t wall_ms)
{
    struct frame frame = {.type = FRAME_ACK};
    size_t place;

    if (link->state != LINK_OPEN || link->acks_sent == link->copies_taken)
        return;
    place = link_begin(link, &frame, wall_ms);
    wire_put_u64(&link->out, link->copies_taken);
    link_end(link, place, false, now_ms);
    link->acks_sent = link->copies_taken;
}

/* Something may still be awaited: the link sees copies and their ACKs, but
 * not which answer belongs to which question. */
static bool
is_awaiting(const struct link *link, int64_t now_ms)
{
    return link->asked_ms != 0 || link->copies_acked < link->copies_sent ||
           (link->last_ask_ms != 0 &&
            now_ms - link->last_ask_ms < LINK_ASKED_MS);
}

void
link_tick(struct link *link, int64_t now_ms, int64_t wall_ms)
{
    int64_t quiet_ms, last_ask_ms;

    if (link->state == LINK_BROKEN) return;
    if (link->state != LINK_OPEN) {
        if (now_ms - link->opened_ms < LINK_GREETING_MS) return;
        if (link->is_caller && link->state == LINK_NEW)
            link_break(link, "no connection"); /* nobody to be told */
        else
            handshake_refuse(link, LINK_REFUSED_TIME, NULL, wall_ms);
        link->refusal = LINK_REFUSED_TIME;
        return;
    }
    quiet_ms = is_awaiting(link, now_ms) ? LINK_PING_MS : LINK_IDLE_PING_MS;
    /* the peer's own PINGs are heard, but owe no answer */
    if (now_ms - link->heard_ms < quiet_ms &&
        link_silence_ms(link, now_ms) < LINK_PING_MS &&
        !(link->wants_clock && now_ms - link->pinged_ms >= LINK_CLOCK_MS))
        return;
    if (now_ms - link->pinged_ms < LINK_PING_MS) return;
    link->pinged_ms = now_ms;
    link->wants_clock = false;
    last_ask_ms = link->last_ask_ms;
    write_empty(link, FRAME_PING, (uint64_t)now_ms, true, now_ms, wall_ms);
    /* a PING is answered at once: its PONG leaves nothing to be awaited */
    link->last_ask_ms = last_ask_ms;
}

void
link_ping(struct link *link, uint64_t id, int64_t now_ms, int64_t wall_ms)
{
    ASSERT(id & LINK_PING_OWN);
    if (link->state == LINK_OPEN)
        write_empty(link, FRAME_PING, id, true, now_ms, wall_ms);
}

struct bytes
link_output(struct link *link)
{
    end_batch(link);
    return bytes_of(link->out.data + link->out_at, link_unsent(link));
}

void
link_sent(struct link *link, size_t bytes)
{
    struct buf *out = &link->out;

    ASSERT(bytes <= link_unsent(link) && link->batch_parts == 0);
    link->out_at += bytes;
    if (link->out_at == out->used) {
        link->out_at = 0;
        out->used = 0;
        if (out->room > ROOM_KEPT) buf_deinit(out);
    } else if (link->out_at > ROOM_KEPT && link->out_at >= out->used / 2) {
        /* moves no more bytes than were sent since the last move */
        out->used -= link->out_at;
        memmove(out->data, out->data + link->out_at, out->used);
        link->out_at = 0;
    }
}

/* ---- reading ---- */

static void
note_sign(struct link *link)
{
    link->asked_ms = 0;
    link->signs++;
}

static void
bad_frame(struct link *link, const char *reason, int64_t wall_ms)
{
    end_batch(link);
    handshake_refuse(link, LINK_REFUSED_FORMAT, reason, wall_ms);
}

static void
on_ack(struct link *link, const struct link_events *events,
       struct bytes payload, int64_t wall_ms)
{
    struct wire_reader reader = wire_reader(payload);
    uint64_t count = wire_u64(&reader);

    if (!wire_is_done(&reader) || count < link->copies_acked ||
        count > link->copies_sent) {
        bad_frame(link, "an ACK of what was not sent", wall_ms);
        return;
    }
    link->copies_acked = count;
    events->on_ack(events->self, link);
}

static void
on_batch(struct link *link, const struct link_events *events,
         const struct frame *batch, int64_t wall_ms)
{
    struct bytes rest = batch->payload;
    uint32_t count = 0;
    struct frame part;

    events->on_batch(events->self, link, batch);
    while (rest.size > 0 && link->state == LINK_OPEN) {
        if (count++ == FRAME_BATCH_PARTS ||
            !frame_part_read(batch, &rest, &part)) {
            bad_frame(link, "a batch without sense", wall_ms);
            break;
        }
        if (!frame_is_known(part.type)) continue;
        if (part.type == FRAME_COPY) link->copies_taken++;
        events->on_frame(events->self, link, &part);
    }
    events->on_batch(events->self, link, NULL);
}

/* A frame of an OPEN link. */
static void
on_open_frame(struct link *link, const struct link_events *events,
              const struct frame *frame, int64_t now_ms, int64_t wall_ms)
{
    note_wall(link, frame, now_ms, wall_ms);
    if (frame->type != FRAME_PING) note_sign(link);
    switch (frame->type) {
    case FRAME_HELLO:
    case FRAME_CHALLENGE:
    case FRAME_PROOF:
    case FRAME_WELCOME: bad_frame(link, "a second handshake", wall_ms); break;
    case FRAME_PING:
    case FRAME_PONG:
        if (frame->payload.size > 0)
            bad_frame(link, "a PING or PONG with a payload", wall_ms);
        else if (frame->type == FRAME_PING)
            write_empty(link, FRAME_PONG, frame->request_id, false, now_ms,
                        wall_ms);
        else
            note_pong(link, frame, now_ms, wall_ms);
        break;
    case FRAME_ACK: on_ack(link, events, frame->payload, wall_ms); break;
    case FRAME_BATCH:
        link->wants_clock = true;
        on_batch(link, events, frame, wall_ms);
        break;
    default:
        if (frame_is_batched(frame->type))
            bad_frame(link, "a frame that belongs into a batch", wall_ms);
        else if (frame_is_known(frame->type))
            events->on_frame(events->self, link, frame);
        break;
    }
}

static void
on_frame(struct link *link, const struct link_events *events,
         const struct frame *frame, int64_t now_ms, int64_t wall_ms)
{
    if (frame->type == FRAME_REFUSED) {
        handshake_refused(link, frame->payload);
    } else if (link->state == LINK_OPEN) {
        on_open_frame(link, events, frame, now_ms, wall_ms);
    } else {
        handshake_frame(link, frame, now_ms, wall_ms);
        if (link->state != LINK_OPEN) return;
        note_wall(link, frame, now_ms, wall_ms);
        note_sign(link);
        link->pinged_ms = now_ms;
        events->on_open(events->self, link);
    }
}

static size_t
payload_max(const struct link *link)
{
    return link->state == LINK_OPEN ? FRAME_PAYLOAD_MAX : FRAME_HANDSHAKE_MAX;
}

/*
 * Keeps bytes of a frame that will have `whole` of them (0: not known yet).
 * Room follows what has arrived: at most twice that, and a step.
 */
static void
keep(struct link *link, struct bytes bytes, size_t whole)
{
    struct buf *in = &link->in;
    size_t used = in->used + bytes.size;
    size_t room = 2 * used + ROOM_STEP / 2;

    if (whole >= used && whole > ROOM_STEP / 2 && room > whole) room = whole;
    if (in->room < used) {
        char *data = mem_try_resize(in->data, room);

        if (data == NULL) {
            link_break(link, "no memory for a frame");
            return;
        }
        in->data = data;
        in->room = room;
    }
    memcpy(in->data + in->used, bytes.data, bytes.size);
    in->used = used;
    if (used > FRAME_HEAD_BYTES) note_sign(link); /* no PING is as long */
}

/* Adds to the unfinished frame what it still wants; what is left of the bytes
 * is returned, nothing if the frame is still not whole. */
static struct bytes
finish(struct link *link, const struct link_events *events, struct bytes bytes,
       int64_t now_ms, int64_t wall_ms)
{
    struct frame frame;
    size_t whole, want;
    enum frame_result result;

    result =
        frame_read(buf_bytes(&link->in), payload_max(link), &frame, &whole);
    ASSERT(result == FRAME_MORE);
    want = (whole > 0 ? whole : FRAME_HEAD_BYTES) - link->in.used;
    if (want > bytes.size) want = bytes.size;
    keep(link, bytes_of(bytes.data, want), whole);
    if (link->state == LINK_BROKEN) return bytes;
    bytes = bytes_of(bytes.data + want, bytes.size - want);

    result =
        frame_read(buf_bytes(&link->in), payload_max(link), &frame, &whole);
    if (result == FRAME_MORE) return bytes;
    if (result == FRAME_BAD)
        bad_frame(link, "a damaged frame", wall_ms);
    else
        on_frame(link, events, &frame, now_ms, wall_ms);
    link->in.used = 0;
    if (link->in.room > ROOM_KEPT) buf_deinit(&link->in);
    return bytes;
}

void
link_input(struct link *link, const struct link_events *events,
           struct bytes bytes, int64_t now_ms, int64_t wall_ms)
{
    if (bytes.size == 0 || link->state == LINK_BROKEN) return;
    link->heard_ms = now_ms;
    while (bytes.size > 0 && link->state != LINK_BROKEN) {
        struct frame frame;
        size_t used;

        if (link->in.used > 0) {
            bytes = finish(link, events, bytes, now_ms, wall_ms);
            continue;
        }
        switch (frame_read(bytes, payload_max(link), &frame, &used)) {
        case FRAME_WHOLE:
            on_frame(link, events, &frame, now_ms, wall_ms);
            bytes = bytes_of(bytes.data + used, bytes.size - used);
            break;
        case FRAME_MORE: keep(link, bytes, used); return;
        case FRAME_BAD: bad_frame(link, "a damaged frame", wall_ms); return;
        }
    }
}
