#include "bus/link.h"

#include "bus/wire.h"
#include "golden.h"
#include "pair.h"
#include "support/case.h"

static const struct bytes NOTHING = {NULL, 0};

static void
send_type(struct pair *pair, struct link *from, enum frame_type type,
          const char *payload)
{
    struct frame frame = {.type = (uint8_t)type};

    pair_send(pair, from, &frame, bytes_str(payload), false);
}

static void
send_ack(struct pair *pair, struct link *from, uint64_t count)
{
    struct frame frame = {.type = FRAME_ACK};
    struct buf payload = {0};

    wire_put_u64(&payload, count);
    pair_send(pair, from, &frame, buf_bytes(&payload), false);
    buf_deinit(&payload);
}

CASE(link, frames_pass_both_ways_untouched)
{
    struct frame frame = {.type = FRAME_TENURE,
                          .request_id = 77,
                          .list_hash = 1234,
                          .timeout_ms = 500,
                          .tenure = 99};
    struct pair pair;

    pair_init(&pair);
    pair_open(&pair);
    pair.now_ms = 50;
    pair_send(&pair, &pair.caller, &frame, BYTES_LIT("there"), true);
    send_type(&pair, &pair.answerer, FRAME_GOSSIP, "back");
    pair_carry(&pair);

    cr_expect(eq(u32, pair.answerer_seen.frames, 1));
    cr_expect(eq(u8, pair.answerer_seen.last.type, FRAME_TENURE));
    cr_expect(eq(u64, pair.answerer_seen.last.request_id, 77));
    cr_expect(eq(u64, pair.answerer_seen.last.wall_ms, PAIR_WALL_MS + 50));
    cr_expect(eq(u32, pair.answerer_seen.last.list_hash, 1234));
    cr_expect(eq(u32, pair.answerer_seen.last.timeout_ms, 500));
    cr_expect(eq(u64, pair.answerer_seen.last.tenure, 99));
    cr_expect(bytes_equal(buf_bytes(&pair.answerer_seen.payloads),
                          BYTES_LIT("there")));
    cr_expect(
        bytes_equal(buf_bytes(&pair.caller_seen.payloads), BYTES_LIT("back")));
    pair_deinit(&pair);
}

CASE(link, bytes_may_be_cut_anywhere)
{
    size_t cut;

    for (cut = 1; cut < 200; cut++) {
        struct pair pair;
        uint32_t i;

        pair_init(&pair);
        pair_open(&pair);
        pair.cut = cut;
        for (i = 0; i < 5; i++)
            send_type(&pair, &pair.caller, FRAME_COPY, "0123456789abcdef");
        send_type(&pair, &pair.caller, FRAME_REPLY, "");
        pair_carry(&pair);
        cr_expect(eq(u32, pair.answerer_seen.frames, 6), "pieces of %zu", cut);
        cr_expect(eq(sz, pair.answerer_seen.payloads.used, 80));
        cr_expect(eq(u64, pair.answerer.copies_taken, 5));
        cr_expect(eq(int, (int)pair.answerer.state, LINK_OPEN));
        pair_deinit(&pair);
    }
}

/* What the caller wrote, in two pieces; where did the payload lie? */
CASE(link, a_frame_that_has_come_whole_is_not_copied)
{
    struct bytes output;
    struct pair pair;

    pair_init(&pair);
    pair_open(&pair);
    send_type(&pair, &pair.caller, FRAME_RANGE, "one");
    send_type(&pair, &pair.caller, FRAME_RANGE, "two");
    send_type(&pair, &pair.caller, FRAME_RANGE, "three");
    output = link_output(&pair.caller);
    pair_feed(&pair, &pair.answerer, bytes_of(output.data, 10));
    pair_feed(&pair, &pair.answerer,
              bytes_of(output.data + 10, output.size - 20));
    cr_expect(eq(u32, pair.answerer_seen.frames, 2));
    cr_expect(eq(ptr, (void *)(uintptr_t)pair.answerer_seen.last_payload,
                 (void *)(uintptr_t)(output.data + 2 * FRAME_HEAD_BYTES + 3)));
    cr_expect(eq(sz, pair.answerer.in.used, FRAME_HEAD_BYTES + 5 - 10));
    pair_feed(&pair, &pair.answerer,
              bytes_of(output.data + output.size - 10, 10));
    cr_expect(eq(u32, pair.answerer_seen.frames, 3));
    cr_expect(eq(sz, pair.answerer.in.used, 0));
    pair_deinit(&pair);
}

CASE(link, memory_follows_what_has_come_not_what_was_announced)
{
    enum { CHUNK = 1000, COUNT = 3000 };
    struct frame frame = {.type = FRAME_COPY};
    static char zeros[CHUNK * COUNT];
    struct bytes output;
    struct pair pair;
    size_t at;

    pair_init(&pair);
    pair_open(&pair);
    pair_send(&pair, &pair.caller, &frame, bytes_of(zeros, sizeof(zeros)),
              false);
    output = link_output(&pair.caller);
    for (at = 0; at < output.size; at += CHUNK) {
        size_t size = output.size - at < CHUNK ? output.size - at : CHUNK;

        pair_feed(&pair, &pair.answerer, bytes_of(output.data + at, size));
        cr_assert(le(sz, pair.answerer.in.room, 4 * (at + size) + 65536));
    }
    cr_expect(eq(u32, pair.answerer_seen.frames, 1));
    cr_expect(eq(sz, pair.answerer_seen.payloads.used, sizeof(zeros)));
    cr_expect(le(sz, pair.answerer.in.room, 65536), "given back");
    pair_deinit(&pair);
}

static bool
no_memory(size_t size)
{
    return size > 1000;
}

CASE(link, without_memory_for_a_frame_it_breaks)
{
    struct frame frame = {.type = FRAME_COPY};
    struct bytes output;
    struct pair pair;

    pair_init(&pair);
    pair_open(&pair);
    pair_send(&pair, &pair.caller, &frame, BYTES_LIT("x"), false);
    output = link_output(&pair.caller);
    mem_set_fault(no_memory);
    pair_feed(&pair, &pair.answerer, bytes_of(output.data, 20));
    mem_set_fault(NULL);
    cr_expect(eq(int, (int)pair.answerer.state, LINK_BROKEN));
    cr_expect(ne(str, pair.answerer.reason, ""));
    pair_deinit(&pair);
}

CASE(link, a_damaged_frame_breaks_it_and_what_follows_is_not_read)
{
    struct pair pair;

    pair_init(&pair);
    pair_open(&pair);
    send_type(&pair, &pair.caller, FRAME_RANGE, "good");
    send_type(&pair, &pair.caller, FRAME_RANGE, "bad");
    send_type(&pair, &pair.caller, FRAME_RANGE, "good again");
    pair.caller.out.data[FRAME_HEAD_BYTES + 4 + 20] ^= 1;
    pair_carry_to(&pair, &pair.answerer);
    cr_expect(eq(u32, pair.answerer_seen.frames, 1));
    cr_expect(eq(int, (int)pair.answerer.state, LINK_BROKEN));
    cr_expect(eq(int, (int)pair.answerer.refusal, LINK_REFUSED_FORMAT));
    pair_carry_to(&pair, &pair.caller);
    cr_expect(eq(int, (int)pair.caller.state, LINK_BROKEN));
    cr_expect(pair.caller.was_refused_by_peer);
    pair_deinit(&pair);
}

CASE(link, an_impossible_length_breaks_it)
{
    char head[] = {'K', 'u', 1, FRAME_COPY, -1, -1, -1, -1};
    struct pair pair;

    pair_init(&pair);
    pair_open(&pair);
    pair_feed(&pair, &pair.answerer, bytes_of(head, 8));
    cr_expect(eq(int, (int)pair.answerer.state, LINK_BROKEN));
    cr_expect(eq(sz, pair.answerer.in.room, 0));
    pair_deinit(&pair);
}

CASE(link, on_frame_may_break_it)
{
    struct pair pair;

    pair_init(&pair);
    pair_open(&pair);
    pair.answerer_seen.break_with = "enough";
    send_type(&pair, &pair.caller, FRAME_REPLY, "one");
    send_type(&pair, &pair.caller, FRAME_REPLY, "two");
    pair_carry_to(&pair, &pair.answerer);
    cr_expect(eq(u32, pair.answerer_seen.frames, 1));
    cr_expect(eq(str, pair.answerer.reason, "enough"));
    link_break(&pair.answerer, "more than enough");
    cr_expect(eq(str, pair.answerer.reason, "enough"), "the first counts");
    send_type(&pair, &pair.answerer, FRAME_REPLY, "to nobody");
    cr_expect(eq(sz, link_unsent(&pair.answerer), 0));
    pair_deinit(&pair);
}

/* ---- batches ---- */

static uint32_t
frames_in(struct bytes bytes)
{
    struct frame frame;
    uint32_t count = 0;
    size_t used;

    while (bytes.size > 0) {
        cr_assert(eq(int,
                     (int)frame_read(bytes, FRAME_PAYLOAD_MAX, &frame, &used),
                     FRAME_WHOLE));
        bytes = bytes_of(bytes.data + used, bytes.size - used);
        count++;
    }
    return count;
}

CASE(link, what_the_coordinator_writes_shares_a_frame_in_its_order)
{
    struct frame request = {
        .type = FRAME_REQUEST, .request_id = 7, .timeout_ms = 9};
    struct pair pair;

    pair_init(&pair);
    pair_open(&pair);
    send_type(&pair, &pair.caller, FRAME_COPY, "a");
    send_type(&pair, &pair.caller, FRAME_REPLY, "b");
    send_type(&pair, &pair.caller, FRAME_DIGESTS, "c");
    send_type(&pair, &pair.caller, FRAME_COPY, "d");
    pair.now_ms = 3;
    pair_send(&pair, &pair.caller, &request, BYTES_LIT("e"), true);
    cr_expect(eq(u32, frames_in(link_output(&pair.caller)), 4));
    pair_carry(&pair);
    cr_expect(eq(u32, pair.answerer_seen.batches, 3));
    cr_expect(eq(u32, pair.answerer_seen.frames, 5));
    cr_expect(bytes_equal(buf_bytes(&pair.answerer_seen.payloads),
                          BYTES_LIT("abcde")));
    cr_expect(eq(u64, pair.answerer_seen.last.request_id, 7));
    cr_expect(eq(u32, pair.answerer_seen.last.timeout_ms, 9));
    cr_expect(eq(u64, pair.answerer_seen.last.wall_ms, PAIR_WALL_MS + 3),
              "written later, so in a batch of its own");
    cr_expect(eq(u64, pair.caller.copies_sent, 2));
    cr_expect(eq(u64, pair.answerer.copies_taken, 2));
    pair_deinit(&pair);
}

CASE(link, a_batch_ends_when_it_is_full)
{
    static char block[FRAME_BATCH_BYTES];
    struct frame reply = {.type = FRAME_REPLY};
    struct pair pair;
    uint32_t i;

    pair_init(&pair);
    pair_open(&pair);
    for (i = 0; i < FRAME_BATCH_PARTS + 1; i++)
        send_type(&pair, &pair.caller, FRAME_REPLY, "x");
    cr_expect(eq(u32, frames_in(link_output(&pair.caller)), 2));
    pair_carry(&pair);
    pair_send(&pair, &pair.caller, &reply, bytes_of(block, sizeof(block)),
              false);
    send_type(&pair, &pair.caller, FRAME_REPLY, "x");
    cr_expect(eq(u32, frames_in(link_output(&pair.caller)), 2));
    pair_carry(&pair);
    cr_expect(eq(u32, pair.answerer_seen.frames, FRAME_BATCH_PARTS + 3));
    pair_deinit(&pair);
}

CASE(link, what_was_begun_when_it_broke_is_not_sent)
{
    struct frame copy = {.type = FRAME_COPY};
    struct pair pair;
    size_t place;

    pair_init(&pair);
    pair_open(&pair);
    place = link_begin(&pair.caller, &copy, PAIR_WALL_MS);
    link_break(&pair.caller, "for a test");
    link_end(&pair.caller, place, false, 0);
    cr_expect(eq(sz, link_unsent(&pair.caller), 0));
    cr_expect(eq(u64, pair.caller.copies_sent, 0));

    send_type(&pair, &pair.answerer, FRAME_REPLY, "before");
    place = link_begin(&pair.answerer, &copy, PAIR_WALL_MS);
    link_break(&pair.answerer, "for a test");
    link_end(&pair.answerer, place, false, 0);
    cr_expect(eq(u32, frames_in(link_output(&pair.answerer)), 1));
    cr_expect(eq(u64, pair.answerer.copies_sent, 0));
    pair_deinit(&pair);
}

static void
feed_alone(struct pair *pair, uint8_t type, struct bytes payload)
{
    struct frame frame = {.type = type, .payload = payload};
    struct buf out = {0};

    frame_write(&out, &frame);
    pair_feed(pair, &pair->answerer, buf_bytes(&out));
    buf_deinit(&out);
}

CASE(link, a_part_without_sense_or_outside_a_batch_breaks_it)
{
    char many[FRAME_BATCH_PARTS + 1][6];
    struct pair pair;
    uint32_t i;

    pair_init(&pair);
    pair_open(&pair);
    feed_alone(&pair, FRAME_BATCH, NOTHING);
    feed_alone(&pair, FRAME_BATCH, BYTES_LIT("\x12\0\1\0\0\0c"));
    cr_expect(eq(int, (int)pair.answerer.state, LINK_OPEN));
    cr_expect(eq(u64, pair.answerer.copies_taken, 1));
    feed_alone(&pair, FRAME_BATCH, BYTES_LIT("\x12\0\1\0\0\0c\x12\0\2\0\0\0c"));
    cr_expect(eq(int, (int)pair.answerer.refusal, LINK_REFUSED_FORMAT));
    cr_expect(eq(u64, pair.answerer.copies_taken, 2), "those before it are");
    pair_deinit(&pair);

    pair_init(&pair);
    pair_open(&pair);
    for (i = 0; i <= FRAME_BATCH_PARTS; i++)
        memcpy(many[i], "\x12\0\0\0\0", 6);
    feed_alone(&pair, FRAME_BATCH, bytes_of(many, 6 * FRAME_BATCH_PARTS));
    cr_expect(eq(int, (int)pair.answerer.state, LINK_OPEN));
    feed_alone(&pair, FRAME_BATCH, bytes_of(many, sizeof(many)));
    cr_expect(eq(int, (int)pair.answerer.refusal, LINK_REFUSED_FORMAT));
    cr_expect(eq(u64, pair.answerer.copies_taken, 2 * FRAME_BATCH_PARTS));
    pair_deinit(&pair);

    pair_init(&pair);
    pair_open(&pair);
    feed_alone(&pair, FRAME_COPY, BYTES_LIT("c"));
    cr_expect(eq(int, (int)pair.answerer.refusal, LINK_REFUSED_FORMAT));
    cr_expect(eq(u64, pair.answerer.copies_taken, 0));
    pair_deinit(&pair);
}

CASE(link, frames_of_unknown_types_are_skipped)
{
    struct pair pair;
    uint32_t type;

    pair_init(&pair);
    pair_open(&pair);
    for (type = 100; type < 256; type++)
        send_type(&pair, &pair.caller, (enum frame_type)type, "what?");
    send_type(&pair, &pair.caller, FRAME_REPLY, "known");
    pair_carry(&pair);
    cr_expect(eq(int, (int)pair.answerer.state, LINK_OPEN));
    cr_expect(eq(u32, pair.answerer_seen.frames, 1));
    pair_deinit(&pair);
}

CASE(link, a_second_handshake_breaks_it)
{
    uint32_t type;

    for (type = FRAME_HELLO; type <= FRAME_WELCOME; type++) {
        struct pair pair;

        pair_init(&pair);
        pair_open(&pair);
        send_type(&pair, &pair.caller, (enum frame_type)type, "");
        pair_carry_to(&pair, &pair.answerer);
        cr_expect(eq(int, (int)pair.answerer.state, LINK_BROKEN));
        pair_deinit(&pair);
    }
}

/* ---- copies ---- */

CASE(link, copies_are_counted_and_acknowledged_once_per_turn)
{
    struct pair pair;

    pair_init(&pair);
    pair_open(&pair);
    send_type(&pair, &pair.caller, FRAME_COPY, "1");
    send_type(&pair, &pair.caller, FRAME_REQUEST, "not a copy");
    send_type(&pair, &pair.caller, FRAME_COPY, "2");
    cr_expect(eq(u64, pair.caller.copies_sent, 2));
    pair_carry(&pair);
    cr_expect(eq(u64, pair.answerer.copies_taken, 2));
    cr_expect(eq(u64, pair.caller.copies_acked, 0), "the turn is not over");

    link_turn(&pair.answerer, 0, PAIR_WALL_MS);
    pair_carry(&pair);
    cr_expect(eq(u64, pair.caller.copies_acked, 2));
    cr_expect(eq(u32, pair.caller_seen.acked, 1));
    cr_expect(eq(u32, pair.caller_seen.frames, 0));
    link_turn(&pair.answerer, 0, PAIR_WALL_MS);
    cr_expect(eq(sz, link_unsent(&pair.answerer), 0), "nothing new");
    pair_deinit(&pair);
}

CASE(link, an_ack_is_golden)
{
    struct pair pair;

    pair_init(&pair);
    pair_open(&pair);
    send_type(&pair, &pair.caller, FRAME_COPY, "1");
    send_type(&pair, &pair.caller, FRAME_COPY, "2");
    pair_carry(&pair);
    link_turn(&pair.answerer, 0, PAIR_WALL_MS);
    cr_expect(golden_is("frame-ack", link_output(&pair.answerer)));
    pair_deinit(&pair);
}

CASE(link, an_ack_neither_falls_nor_runs_ahead)
{
    static const struct {
        uint64_t count;
        bool is_good;
    } rows[] = {{3, true},  {2, true},  {4, false},
                {1, false}, {0, false}, {UINT64_MAX, false}};
    uint32_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct pair pair;

        pair_init(&pair);
        pair_open(&pair);
        send_type(&pair, &pair.caller, FRAME_COPY, "1");
        send_type(&pair, &pair.caller, FRAME_COPY, "2");
        send_type(&pair, &pair.caller, FRAME_COPY, "3");
        send_ack(&pair, &pair.answerer, 2);
        pair_carry_to(&pair, &pair.caller);
        cr_assert(eq(u64, pair.caller.copies_acked, 2));
        send_ack(&pair, &pair.answerer, rows[i].count);
        pair_carry_to(&pair, &pair.caller);
        cr_expect(eq(int, pair.caller.state == LINK_OPEN, rows[i].is_good),
                  "row %u", i);
        if (!rows[i].is_good)
            cr_expect(eq(int, (int)pair.caller.refusal, LINK_REFUSED_FORMAT));
        pair_deinit(&pair);
    }
}

CASE(link, frames_of_its_own_have_their_size)
{
    static const struct {
        enum frame_type type;
        const char *payload;
    } rows[] = {{FRAME_ACK, ""},
                {FRAME_ACK, "1234567"},
                {FRAME_ACK, "123456789"},
                {FRAME_PING, "x"},
                {FRAME_PONG, "x"}};
    uint32_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct pair pair;

        pair_init(&pair);
        pair_open(&pair);
        send_type(&pair, &pair.caller, rows[i].type, rows[i].payload);
        pair_carry_to(&pair, &pair.answerer);
        cr_expect(eq(int, (int)pair.answerer.state, LINK_BROKEN), "row %u", i);
        pair_deinit(&pair);
    }
}

/* ---- signs of life ---- */

CASE(link, an_idle_link_pings_and_a_pong_ends_the_silence)
{
    struct pair pair;

    pair_init(&pair);
    pair_open(&pair);
    pair.now_ms = LINK_IDLE_PING_MS - 1;
    pair_tick(&pair, &pair.caller);
    cr_expect(eq(sz, link_unsent(&pair.caller), 0));
    pair.now_ms = LINK_IDLE_PING_MS;
    cr_expect(eq(i64, link_silence_ms(&pair.caller, pair.now_ms), 0));
    pair_tick(&pair, &pair.caller);
    cr_expect(eq(sz, link_unsent(&pair.caller), FRAME_HEAD_BYTES));

    pair.now_ms += 300;
    cr_expect(eq(i64, link_silence_ms(&pair.caller, pair.now_ms), 300));
    pair_carry(&pair);
    cr_expect(eq(i64, link_silence_ms(&pair.caller, pair.now_ms), 0));
    cr_expect(eq(u32, pair.caller_seen.frames + pair.answerer_seen.frames, 0));
    pair.now_ms += LINK_PING_MS;
    pair_tick(&pair, &pair.caller);
    cr_expect(eq(sz, link_unsent(&pair.caller), 0), "idle: not yet");
    pair_deinit(&pair);
}

CASE(link, a_pong_repeats_the_request_id)
{
    struct frame ping = {.type = FRAME_PING, .request_id = 4711}, frame;
    struct pair pair;
    size_t used;

    pair_init(&pair);
    pair_open(&pair);
    pair_send(&pair, &pair.caller, &ping, NOTHING, true);
    pair_carry_to(&pair, &pair.answerer);
    cr_assert(
        eq(int, (int)frame_read(link_output(&pair.answerer), 10, &frame, &used),
           FRAME_WHOLE));
    cr_expect(eq(u8, frame.type, FRAME_PONG));
    cr_expect(eq(u64, frame.request_id, 4711));
    cr_expect(eq(sz, frame.payload.size, 0));
    pair_deinit(&pair);
}

CASE(link, silence_counts_from_the_first_question)
{
    struct frame frame = {.type = FRAME_REQUEST};
    struct pair pair;

    pair_init(&pair);
    pair_open(&pair);
    pair.now_ms = 100;
    send_type(&pair, &pair.caller, FRAME_REPLY, "asks nothing");
    cr_expect(eq(i64, link_silence_ms(&pair.caller, 500), 0));
    pair_send(&pair, &pair.caller, &frame, NOTHING, true);
    pair.now_ms = 200;
    pair_send(&pair, &pair.caller, &frame, NOTHING, true);
    cr_expect(eq(i64, link_silence_ms(&pair.caller, 500), 400));
    pair_deinit(&pair);
}

CASE(link, who_awaits_something_pings_sooner_and_again)
{
    struct frame frame = {.type = FRAME_TENURE};
    struct pair pair;
    uint32_t i;

    pair_init(&pair);
    pair_open(&pair);
    pair_send(&pair, &pair.caller, &frame, NOTHING, true);
    link_sent(&pair.caller, link_unsent(&pair.caller));
    for (i = 1; i <= 3; i++) {
        pair.now_ms = i * LINK_PING_MS;
        pair_tick(&pair, &pair.caller);
        pair_tick(&pair, &pair.caller);
        cr_expect(eq(sz, link_unsent(&pair.caller), i * FRAME_HEAD_BYTES));
    }
    cr_expect(
        eq(i64, link_silence_ms(&pair.caller, pair.now_ms), pair.now_ms - 1));
    /* one answer has come, the other has not: it goes on */
    send_type(&pair, &pair.answerer, FRAME_REPLY, "one of two");
    pair_carry(&pair);
    cr_expect(eq(i64, link_silence_ms(&pair.caller, pair.now_ms), 0));
    pair.now_ms += LINK_PING_MS;
    pair_tick(&pair, &pair.caller);
    cr_expect(eq(sz, link_unsent(&pair.caller), FRAME_HEAD_BYTES));
    pair_deinit(&pair);
}

CASE(link, who_only_asks_may_be_deaf)
{
    struct frame request = {.type = FRAME_REQUEST}, ping = {.type = FRAME_PING};
    struct pair pair;
    size_t unsent;

    pair_init(&pair);
    pair_open(&pair);
    pair_send(&pair, &pair.caller, &request, NOTHING, true);
    link_sent(&pair.caller, link_output(&pair.caller).size); /* gets lost */
    pair.now_ms = 150;
    pair_send(&pair, &pair.answerer, &ping, NOTHING, true);
    pair_carry_to(&pair, &pair.caller);
    link_sent(&pair.caller,
              link_output(&pair.caller).size); /* the PONG as well */
    cr_expect(ge(i64, link_silence_ms(&pair.caller, pair.now_ms), 149));
    /* it is asked, although it was heard just now */
    pair.now_ms = LINK_PING_MS + 1;
    unsent = link_unsent(&pair.caller);
    pair_tick(&pair, &pair.caller);
    cr_expect(eq(sz, link_unsent(&pair.caller) - unsent, FRAME_HEAD_BYTES));
    cr_expect(ge(i64, link_silence_ms(&pair.caller, pair.now_ms), 200));
    pair_carry(&pair);
    cr_expect(eq(i64, link_silence_ms(&pair.caller, pair.now_ms), 0));
    pair_deinit(&pair);
}

CASE(link, a_copy_that_is_not_acknowledged_is_awaited)
{
    struct pair pair;

    pair_init(&pair);
    pair_open(&pair);
    send_type(&pair, &pair.caller, FRAME_COPY, "x");
    pair_carry(&pair);
    pair.now_ms = LINK_PING_MS;
    pair_tick(&pair, &pair.caller);
    pair_tick(&pair, &pair.answerer);
    cr_expect(eq(sz, link_unsent(&pair.caller), FRAME_HEAD_BYTES));
    cr_expect(eq(sz, link_unsent(&pair.answerer), 0));
    pair_deinit(&pair);
}

/* ---- wall clocks ---- */

static int64_t
age_at_answerer(struct pair *pair, int64_t written_ms, int64_t wall_ms)
{
    struct frame frame = {.wall_ms = (uint64_t)(PAIR_WALL_MS + written_ms)};

    return link_frame_age_ms(&pair->answerer, &frame, PAIR_WALL_MS + wall_ms);
}

CASE(link, the_difference_of_clocks_does_not_make_frames_old)
{
    static const int64_t offsets[] = {0, 60 * 1000, -60 * 1000};
    uint32_t i;

    for (i = 0; i < ARRAY_LEN(offsets); i++) {
        struct pair pair;

        pair_init(&pair);
        pair.answerer_wall_off = offsets[i];
        pair_open(&pair);
        cr_expect(eq(i64, age_at_answerer(&pair, 10, offsets[i] + 10), 0));
        cr_expect(eq(i64, age_at_answerer(&pair, 10, offsets[i] + 250), 240));
        cr_expect(eq(i64, age_at_answerer(&pair, 10, offsets[i]), 0));
        pair_deinit(&pair);
    }
}

/* Feeds the answerer a frame that was written `late_ms` ago. */
static void
hear(struct pair *pair, int64_t late_ms)
{
    struct frame frame = {.type = FRAME_REPLY};
    size_t place = link_begin(&pair->caller, &frame,
                              PAIR_WALL_MS + pair->now_ms - late_ms);

    link_end(&pair->caller, place, false, pair->now_ms);
    pair_carry_to(pair, &pair->answerer);
}

CASE(link, the_shortest_way_counts_and_is_forgotten_slowly)
{
    struct pair pair;
    int64_t skew_ms;

    pair_init(&pair);
    pair_open(&pair);
    hear(&pair, -5);
    skew_ms = pair.answerer.skew_ms;
    cr_expect(eq(i64, skew_ms, -5));
    hear(&pair, 100);
    cr_expect(eq(i64, pair.answerer.skew_ms, skew_ms));
    pair.now_ms = 60 * 1000;
    hear(&pair, 100);
    cr_expect(eq(i64, pair.answerer.skew_ms, skew_ms + 6));
    pair_deinit(&pair);
}

CASE(link, a_clock_that_is_set_is_followed)
{
    struct pair pair;

    pair_init(&pair);
    pair_open(&pair);
    /* ours goes forward by 30 s, then back by 90 */
    pair.now_ms = 1000;
    pair.answerer_wall_off = 30 * 1000;
    hear(&pair, 20);
    cr_expect(eq(i64, age_at_answerer(&pair, 1000, 31100), 100));
    pair.now_ms = 2000;
    pair.answerer_wall_off = -60 * 1000;
    hear(&pair, 20);
    cr_expect(eq(i64, age_at_answerer(&pair, 2000, -57900), 100));
    /* the peer's goes back by 10 s between two frames 5 s apart */
    pair.now_ms = 7000;
    hear(&pair, 10 * 1000);
    cr_expect(eq(i64, age_at_answerer(&pair, 7000 - 10000, -52900), 100));
    pair_deinit(&pair);
}

CASE(link, a_clock_that_is_set_by_little_is_found_out_while_the_link_is_used)
{
    struct pair pair;

    pair_init(&pair);
    pair_open(&pair);
    pair.now_ms = 1000;
    hear(&pair, 5);
    pair.answerer_wall_off = 900;
    hear(&pair, 5);
    cr_expect(eq(i64, age_at_answerer(&pair, 1000, 1905), 900 + 5));
    pair_tick(&pair, &pair.answerer);
    pair_carry_to(&pair, &pair.caller);
    pair.now_ms = 1010; /* the PONG took ten at most */
    pair_carry_to(&pair, &pair.answerer);
    cr_expect(eq(i64, age_at_answerer(&pair, 1010, 1915), 5));
    /* until something comes whose age counts, that is known */
    pair_tick(&pair, &pair.answerer);
    pair.now_ms = 1600;
    cr_expect(eq(sz, link_unsent(&pair.answerer), 0));
    hear(&pair, 5);
    pair_tick(&pair, &pair.answerer);
    cr_expect(eq(sz, link_unsent(&pair.answerer), FRAME_HEAD_BYTES));
    pair_deinit(&pair);
}

CASE(link, impossible_times_do_no_harm)
{
    static const uint64_t times[] = {
        UINT64_MAX, 0, INT64_MAX, 1, (uint64_t)INT64_MAX + 1, 0};
    struct pair pair;
    uint32_t i;

    pair_init(&pair);
    pair_open(&pair);
    for (i = 0; i < ARRAY_LEN(times); i++) {
        struct frame frame = {.type = FRAME_RANGE, .wall_ms = times[i]};
        struct buf out = {0};

        frame_write(&out, &frame);
        pair_feed(&pair, &pair.answerer, buf_bytes(&out));
        cr_expect(ge(i64, link_frame_age_ms(&pair.answerer, &frame, 5), 0));
        buf_deinit(&out);
    }
    cr_expect(eq(u32, pair.answerer_seen.frames, ARRAY_LEN(times)));
    pair_deinit(&pair);
}

/* ---- output ---- */

CASE(link, output_is_sent_in_any_pieces)
{
    struct buf all = {0};
    struct bytes output;
    struct pair pair;
    uint32_t i;

    pair_init(&pair);
    pair_open(&pair);
    for (i = 0; i < 3000; i++) {
        struct frame frame = {.type = FRAME_REPLY, .request_id = i};
        size_t size;

        pair_send(&pair, &pair.caller, &frame, BYTES_LIT("0123456789"), false);
        if (i % 3 != 0) continue;
        output = link_output(&pair.caller);
        size = output.size < 100 ? output.size : 100;
        buf_must_add(&all, output.data, size);
        link_sent(&pair.caller, size);
        cr_assert(eq(sz, link_unsent(&pair.caller), output.size - size));
    }
    output = link_output(&pair.caller);
    buf_must_add(&all, output.data, output.size);
    link_sent(&pair.caller, output.size);
    cr_expect(eq(sz, link_unsent(&pair.caller), 0));
    pair_feed(&pair, &pair.answerer, buf_bytes(&all));
    cr_expect(eq(u32, pair.answerer_seen.frames, 3000));
    cr_expect(eq(u64, pair.answerer_seen.last.request_id, 2999));
    buf_deinit(&all);
    pair_deinit(&pair);
}

CASE(link, sent_bytes_make_room_for_others)
{
    static char block[64 * 1024];
    struct frame frame = {.type = FRAME_REPLY};
    struct pair pair;
    uint32_t i;

    pair_init(&pair);
    pair_open(&pair);
    for (i = 0; i < 500; i++) {
        pair_send(&pair, &pair.caller, &frame, bytes_of(block, sizeof(block)),
                  false);
        if (i > 2) link_sent(&pair.caller, sizeof(block) + FRAME_HEAD_BYTES);
        cr_assert(lt(sz, pair.caller.out.room, 20 * sizeof(block)));
    }
    pair_deinit(&pair);
}

CASE(link, a_peer_that_does_not_read_is_given_up)
{
    static char block[4 << 20];
    struct frame frame = {.type = FRAME_COPY};
    struct pair pair;
    uint64_t count = 0;

    pair_init(&pair);
    pair_open(&pair);
    while (pair.caller.state == LINK_OPEN && count < 100) {
        pair_send(&pair, &pair.caller, &frame, bytes_of(block, sizeof(block)),
                  false);
        count++;
    }
    cr_expect(eq(int, (int)pair.caller.state, LINK_BROKEN));
    cr_expect(ne(str, pair.caller.reason, ""));
    cr_expect(eq(u64, count, 17), "64 MiB, and the one that was too much");
    cr_expect(eq(u64, pair.caller.copies_sent, 16));
    pair_deinit(&pair);
}

CASE_ABORTS(link, nothing_is_written_before_it_is_open)
{
    struct frame frame = {.type = FRAME_REPLY};
    struct pair pair;

    pair_init(&pair);
    pair_send(&pair, &pair.caller, &frame, NOTHING, false);
}
