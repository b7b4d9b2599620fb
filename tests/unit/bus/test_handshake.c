#include "bus/link.h"

#include "bus/wire.h"
#include "golden.h"
#include "pair.h"
#include "support/case.h"

/* What the two sides have written in the four steps. */
struct recording {
    struct buf hello, challenge, proof, welcome;
};

static struct buf
output_copy(struct link *link)
{
    struct bytes output = link_output(link);
    struct buf copy = {0};

    buf_must_add(&copy, output.data, output.size);
    return copy;
}

static void
record(struct pair *pair, struct recording *recording)
{
    link_start(&pair->caller, 0, PAIR_WALL_MS);
    recording->hello = output_copy(&pair->caller);
    pair_carry_to(pair, &pair->answerer);
    recording->challenge = output_copy(&pair->answerer);
    pair_carry_to(pair, &pair->caller);
    recording->proof = output_copy(&pair->caller);
    pair_carry_to(pair, &pair->answerer);
    recording->welcome = output_copy(&pair->answerer);
    pair_carry_to(pair, &pair->caller);
}

static void
recording_deinit(struct recording *recording)
{
    buf_deinit(&recording->hello);
    buf_deinit(&recording->challenge);
    buf_deinit(&recording->proof);
    buf_deinit(&recording->welcome);
}

static void
expect_refused(const struct link *refuser, const struct link *refused,
               enum link_refusal refusal)
{
    cr_expect(eq(int, (int)refuser->state, LINK_BROKEN));
    cr_expect(eq(int, (int)refuser->refusal, (int)refusal));
    cr_expect(not(refuser->was_refused_by_peer));
    cr_expect(eq(int, (int)refused->state, LINK_BROKEN));
    cr_expect(eq(int, (int)refused->refusal, (int)refusal));
    cr_expect(refused->was_refused_by_peer);
    cr_expect(eq(str, (char *)refuser->reason, (char *)refused->reason));
    cr_expect(ne(str, (char *)refused->reason, ""));
}

CASE(handshake, both_sides_open_once_and_know_each_other)
{
    struct pair pair;

    pair_init(&pair);
    cr_expect(eq(int, (int)pair.caller.state, LINK_NEW));
    link_start(&pair.caller, 0, PAIR_WALL_MS);
    cr_expect(eq(int, (int)pair.caller.state, LINK_GREETING));
    pair_carry(&pair);

    cr_expect(eq(int, (int)pair.caller.state, LINK_OPEN));
    cr_expect(eq(int, (int)pair.answerer.state, LINK_OPEN));
    cr_expect(eq(u32, pair.caller_seen.opened, 1));
    cr_expect(eq(u32, pair.answerer_seen.opened, 1));
    cr_expect(node_id_equal(&pair.caller.peer, &pair.answerer_ring.self));
    cr_expect(node_id_equal(&pair.answerer.peer, &pair.caller_ring.self));
    cr_expect(eq(u8, pair.caller.version, 1));
    cr_expect(eq(u8, pair.answerer.version, 1));
    cr_expect(eq(str, pair.caller.reason, ""));
    pair_deinit(&pair);
}

CASE(handshake, a_caller_that_has_not_started_has_nothing_to_say)
{
    struct pair pair;

    pair_init(&pair);
    cr_expect(eq(sz, link_output(&pair.caller).size, 0));
    cr_expect(eq(sz, link_output(&pair.answerer).size, 0));
    pair_deinit(&pair);
}

CASE(handshake, the_bytes_may_come_one_by_one)
{
    struct pair pair;

    pair_init(&pair);
    pair.cut = 1;
    pair_open(&pair);
    cr_expect(eq(int, (int)pair.caller.state, LINK_OPEN));
    cr_expect(eq(int, (int)pair.answerer.state, LINK_OPEN));
    pair_deinit(&pair);
}

CASE(handshake, an_empty_secret_is_a_secret_too)
{
    struct pair pair;

    pair_init(&pair);
    pair.caller_ring.secret_bytes = 0;
    pair.answerer_ring.secret_bytes = 0;
    pair_open(&pair);
    cr_expect(eq(int, (int)pair.caller.state, LINK_OPEN));

    pair_renew(&pair, 1, 2);
    pair.answerer_ring.secret_bytes = 1;
    pair_open(&pair);
    expect_refused(&pair.caller, &pair.answerer, LINK_REFUSED_SECRET);
    pair_deinit(&pair);
}

CASE(handshake, its_frames_are_golden)
{
    struct recording recording;
    struct pair pair;

    pair_init(&pair);
    record(&pair, &recording);
    cr_expect(golden_is("handshake-hello", buf_bytes(&recording.hello)));
    cr_expect(
        golden_is("handshake-challenge", buf_bytes(&recording.challenge)));
    cr_expect(golden_is("handshake-proof", buf_bytes(&recording.proof)));
    cr_expect(golden_is("handshake-welcome", buf_bytes(&recording.welcome)));
    recording_deinit(&recording);
    pair_deinit(&pair);
}

CASE(handshake, a_refusal_is_golden)
{
    struct bytes output;
    struct pair pair;

    pair_init(&pair);
    memcpy(pair.caller_ring.name, "away", 5);
    link_start(&pair.caller, 0, PAIR_WALL_MS);
    pair_carry_to(&pair, &pair.answerer);
    output = link_output(&pair.answerer);
    cr_expect(golden_is("handshake-refused", output));
    pair_deinit(&pair);
}

CASE(handshake, another_ring_is_refused_by_both_names)
{
    struct pair pair;

    pair_init(&pair);
    memcpy(pair.caller_ring.name, "away", 5);
    pair_open(&pair);
    expect_refused(&pair.answerer, &pair.caller, LINK_REFUSED_RING);
    cr_expect(ne(ptr, strstr(pair.caller.reason, "\"away\""), NULL));
    cr_expect(ne(ptr, strstr(pair.caller.reason, "\"home\""), NULL));
    cr_expect(eq(u32, pair.caller_seen.opened + pair.answerer_seen.opened, 0));
    pair_deinit(&pair);
}

CASE(handshake, a_caller_refuses_whoever_does_not_know_the_secret)
{
    struct pair pair;

    pair_init(&pair);
    pair.answerer_ring.secret[0] ^= 1;
    pair_open(&pair);
    expect_refused(&pair.caller, &pair.answerer, LINK_REFUSED_SECRET);
    cr_expect(eq(u32, pair.caller_seen.opened + pair.answerer_seen.opened, 0));
    pair_deinit(&pair);
}

/* A caller without the secret that goes on in spite of the wrong CHALLENGE. */
CASE(handshake, an_answerer_refuses_a_wrong_proof)
{
    struct frame frame = {.type = FRAME_PROOF,
                          .payload = {"0123456789abcdef0123456789abcdef", 32}};
    struct buf proof = {0};
    struct pair pair;

    pair_init(&pair);
    frame_write(&proof, &frame);
    link_start(&pair.caller, 0, PAIR_WALL_MS);
    pair_carry_to(&pair, &pair.answerer);
    pair_feed(&pair, &pair.answerer, buf_bytes(&proof));
    pair_carry_to(&pair, &pair.caller);
    cr_expect(eq(int, (int)pair.answerer.state, LINK_BROKEN));
    cr_expect(eq(int, (int)pair.answerer.refusal, LINK_REFUSED_SECRET));
    cr_expect(eq(u32, pair.answerer_seen.opened, 0));
    buf_deinit(&proof);
    pair_deinit(&pair);
}

CASE(handshake, a_node_that_has_called_itself_says_so)
{
    struct pair pair;

    pair_init(&pair);
    pair.caller_ring.self = pair.answerer_ring.self;
    pair.caller_ring.life = pair.answerer_ring.life;
    pair_open(&pair);
    expect_refused(&pair.caller, &pair.answerer, LINK_REFUSED_SELF);
    pair_deinit(&pair);
}

CASE(handshake, two_lives_of_one_id_see_each_other)
{
    struct pair pair;

    pair_init(&pair);
    pair.caller_ring.self = pair.answerer_ring.self;
    pair_open(&pair);
    cr_assert(eq(int, (int)pair.caller.state, LINK_OPEN));
    cr_assert(eq(int, (int)pair.answerer.state, LINK_OPEN));
    cr_expect(node_life_compare(&pair.caller.peer_life,
                                &pair.answerer_ring.life) == 0);
    cr_expect(node_life_compare(&pair.answerer.peer_life,
                                &pair.caller_ring.life) == 0);
    link_refuse(&pair.answerer, LINK_REFUSED_TWIN, "go away", PAIR_WALL_MS);
    pair_carry_to(&pair, &pair.caller);
    expect_refused(&pair.answerer, &pair.caller, LINK_REFUSED_TWIN);
    cr_expect(eq(str, pair.caller.reason, "go away"));
    pair_deinit(&pair);
}

static void
expect_peer(struct link *link, const struct link_ring *ring, uint8_t id)
{
    struct node_id expected;
    uint8_t nonce[LINK_NONCE_BYTES] = {7};
    bool is_caller = link->is_caller;

    memset(expected.bytes, id, NODE_ID_BYTES);
    link_deinit(link);
    link_init(link, ring, is_caller, &expected, nonce, 0);
}

CASE(handshake, the_node_that_is_looked_for_opens)
{
    struct pair pair;

    pair_init(&pair);
    expect_peer(&pair.caller, &pair.caller_ring, 2);
    expect_peer(&pair.answerer, &pair.answerer_ring, 1);
    pair_open(&pair);
    cr_expect(eq(int, (int)pair.caller.state, LINK_OPEN));
    cr_expect(eq(int, (int)pair.answerer.state, LINK_OPEN));
    pair_deinit(&pair);
}

CASE(handshake, another_node_than_the_one_looked_for_refuses)
{
    struct pair pair;

    pair_init(&pair);
    expect_peer(&pair.caller, &pair.caller_ring, 3);
    pair_open(&pair);
    expect_refused(&pair.answerer, &pair.caller, LINK_REFUSED_ID);
    cr_expect(ne(ptr, strstr(pair.caller.reason, "03030303"), NULL));
    cr_expect(ne(ptr, strstr(pair.caller.reason, "02020202"), NULL));
    pair_deinit(&pair);
}

CASE(handshake, an_answerer_may_look_for_a_node_too)
{
    struct pair pair;

    pair_init(&pair);
    expect_peer(&pair.answerer, &pair.answerer_ring, 3);
    pair_open(&pair);
    expect_refused(&pair.answerer, &pair.caller, LINK_REFUSED_ID);
    pair_deinit(&pair);
}

/* An answerer that claims to be somebody else, or the caller itself. */
static void
challenge_from(struct pair *pair, uint8_t id, uint8_t version)
{
    struct frame frame = {.type = FRAME_CHALLENGE};
    struct buf out = {0};
    uint8_t rest[LINK_NONCE_BYTES + 16 + 32] = {0};
    size_t place = frame_begin(&out, &frame);
    struct node_id from;

    memset(from.bytes, id, NODE_ID_BYTES);
    wire_put_u8(&out, version);
    wire_put_raw(&out, bytes_of(from.bytes, NODE_ID_BYTES));
    wire_put_raw(&out, bytes_of(rest, sizeof(rest)));
    frame_end(&out, place);
    link_start(&pair->caller, 0, PAIR_WALL_MS);
    pair_feed(pair, &pair->caller, buf_bytes(&out));
    buf_deinit(&out);
}

CASE(handshake, a_caller_checks_who_answers)
{
    static const struct {
        uint8_t id, version;
        enum link_refusal refusal;
    } rows[] = {
        {1, 1, LINK_REFUSED_ID},     {3, 1, LINK_REFUSED_ID},
        {2, 1, LINK_REFUSED_SECRET}, {0, 1, LINK_REFUSED_FORMAT},
        {2, 0, LINK_REFUSED_FORMAT}, {2, 2, LINK_REFUSED_FORMAT},
    };
    uint32_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct pair pair;

        pair_init(&pair);
        expect_peer(&pair.caller, &pair.caller_ring, 2);
        challenge_from(&pair, rows[i].id, rows[i].version);
        cr_expect(eq(int, (int)pair.caller.state, LINK_BROKEN));
        cr_expect(eq(int, (int)pair.caller.refusal, (int)rows[i].refusal),
                  "row %u", i);
        pair_deinit(&pair);
    }
}

CASE(handshake, a_recorded_caller_is_refused)
{
    struct recording recording;
    struct pair pair;

    pair_init(&pair);
    record(&pair, &recording);
    cr_assert(eq(int, (int)pair.answerer.state, LINK_OPEN));

    pair_renew(&pair, 0xa0, 0xc1);
    pair_feed(&pair, &pair.answerer, buf_bytes(&recording.hello));
    cr_expect(eq(int, (int)pair.answerer.state, LINK_GREETING));
    pair_feed(&pair, &pair.answerer, buf_bytes(&recording.proof));
    cr_expect(eq(int, (int)pair.answerer.state, LINK_BROKEN));
    cr_expect(eq(int, (int)pair.answerer.refusal, LINK_REFUSED_SECRET));
    cr_expect(eq(u32, pair.answerer_seen.opened, 1), "only the first time");
    recording_deinit(&recording);
    pair_deinit(&pair);
}

CASE(handshake, a_recorded_answerer_is_refused)
{
    struct recording recording;
    struct pair pair;

    pair_init(&pair);
    record(&pair, &recording);
    pair_renew(&pair, 0xa1, 0xc0);
    link_start(&pair.caller, 0, PAIR_WALL_MS);
    pair_feed(&pair, &pair.caller, buf_bytes(&recording.challenge));
    cr_expect(eq(int, (int)pair.caller.state, LINK_BROKEN));
    cr_expect(eq(int, (int)pair.caller.refusal, LINK_REFUSED_SECRET));
    recording_deinit(&recording);
    pair_deinit(&pair);
}

/* The proof of the CHALLENGE, sent back as PROOF. */
CASE(handshake, a_proof_does_not_serve_its_reader)
{
    struct frame frame = {.type = FRAME_PROOF};
    struct recording recording;
    struct buf mirrored = {0};
    struct pair pair;

    pair_init(&pair);
    record(&pair, &recording);
    frame.payload =
        bytes_of(recording.challenge.data + recording.challenge.used - 32, 32);
    frame_write(&mirrored, &frame);
    pair_renew(&pair, 0xa0, 0xc0);
    pair_feed(&pair, &pair.answerer, buf_bytes(&recording.hello));
    pair_feed(&pair, &pair.answerer, buf_bytes(&mirrored));
    cr_expect(eq(int, (int)pair.answerer.refusal, LINK_REFUSED_SECRET));
    buf_deinit(&mirrored);
    recording_deinit(&recording);
    pair_deinit(&pair);
}

/* The same nonces, but HELLO was changed on its way: the offered versions, the
 * sender. Whoever changes it can put the checksum right. */
CASE(handshake, a_hello_that_was_changed_leads_to_a_wrong_proof)
{
    static const size_t places[] = {1, 7};
    uint32_t i;

    for (i = 0; i < ARRAY_LEN(places); i++) {
        struct buf hello;
        struct pair pair;

        pair_init(&pair);
        link_start(&pair.caller, 0, PAIR_WALL_MS);
        hello = output_copy(&pair.caller);
        hello.data[FRAME_HEAD_BYTES + places[i]] += 8;
        frame_end(&hello, 0);
        pair_feed(&pair, &pair.answerer, buf_bytes(&hello));
        cr_expect(eq(int, (int)pair.answerer.state, LINK_GREETING));
        pair_carry_to(&pair, &pair.caller);
        cr_expect(eq(int, (int)pair.caller.refusal, LINK_REFUSED_SECRET));
        buf_deinit(&hello);
        pair_deinit(&pair);
    }
}

static void
hello_of(struct buf *out, uint8_t lowest, uint8_t highest, const char *tail)
{
    struct frame frame = {.type = FRAME_HELLO};
    size_t place = frame_begin(out, &frame);
    uint8_t ids[2 * NODE_ID_BYTES] = {9};
    uint8_t nonce_and_life[LINK_NONCE_BYTES + 16] = {1};

    wire_put_u8(out, lowest);
    wire_put_u8(out, highest);
    wire_put_bytes(out, BYTES_LIT("home"));
    wire_put_raw(out, bytes_of(ids, sizeof(ids)));
    wire_put_raw(out, bytes_of(nonce_and_life, sizeof(nonce_and_life)));
    wire_put_raw(out, bytes_str(tail));
    frame_end(out, place);
}

CASE(handshake, the_highest_version_in_common_is_taken)
{
    static const struct {
        uint8_t lowest, highest;
        enum link_refusal refusal;
    } rows[] = {
        {1, 1, LINK_REFUSED_NONE},    {1, 9, LINK_REFUSED_NONE},
        {2, 9, LINK_REFUSED_VERSION}, {255, 255, LINK_REFUSED_VERSION},
        {0, 1, LINK_REFUSED_FORMAT},  {2, 1, LINK_REFUSED_FORMAT},
        {0, 0, LINK_REFUSED_FORMAT},
    };
    uint32_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf hello = {0};
        struct pair pair;

        pair_init(&pair);
        hello_of(&hello, rows[i].lowest, rows[i].highest, "");
        pair_feed(&pair, &pair.answerer, buf_bytes(&hello));
        cr_expect(eq(int, (int)pair.answerer.refusal, (int)rows[i].refusal),
                  "row %u", i);
        if (rows[i].refusal == LINK_REFUSED_NONE)
            cr_expect(eq(u8, pair.answerer.version, 1));
        buf_deinit(&hello);
        pair_deinit(&pair);
    }
}

CASE(handshake, a_newer_node_may_say_more_in_its_hello)
{
    struct buf hello = {0};
    struct pair pair;

    pair_init(&pair);
    hello_of(&hello, 1, 3, "what we do not know yet");
    pair_feed(&pair, &pair.answerer, buf_bytes(&hello));
    cr_expect(eq(int, (int)pair.answerer.state, LINK_GREETING));
    buf_deinit(&hello);
    pair_deinit(&pair);
}

/* The head's version byte is not ours, so only the refusal is. */
CASE(handshake, a_hello_of_a_newer_format_is_answered_in_ours)
{
    struct buf hello = {0};
    struct bytes output;
    struct frame frame;
    struct pair pair;
    size_t used;

    pair_init(&pair);
    hello_of(&hello, 2, 3, "");
    hello.data[2] = 2;
    frame_end(&hello, 0);
    pair_feed(&pair, &pair.answerer, buf_bytes(&hello));
    cr_expect(eq(int, (int)pair.answerer.refusal, LINK_REFUSED_VERSION));
    output = link_output(&pair.answerer);
    cr_assert(
        eq(int, (int)frame_read(output, 1000, &frame, &used), FRAME_WHOLE));
    cr_expect(eq(u8, frame.type, FRAME_REFUSED));
    buf_deinit(&hello);
    pair_deinit(&pair);
}

CASE(handshake, a_short_hello_is_refused)
{
    struct buf hello = {0};
    size_t size;

    hello_of(&hello, 1, 1, "");
    for (size = 0; size < hello.used - FRAME_HEAD_BYTES; size++) {
        struct frame frame = {.type = FRAME_HELLO};
        struct buf cut = {0};
        struct pair pair;

        pair_init(&pair);
        frame.payload = bytes_of(hello.data + FRAME_HEAD_BYTES, size);
        frame_write(&cut, &frame);
        pair_feed(&pair, &pair.answerer, buf_bytes(&cut));
        cr_expect(eq(int, (int)pair.answerer.refusal, LINK_REFUSED_FORMAT),
                  "%zu bytes", size);
        buf_deinit(&cut);
        pair_deinit(&pair);
    }
    buf_deinit(&hello);
}

CASE(handshake, before_it_no_other_frame_is_acted_on)
{
    uint32_t type;

    for (type = 0; type < 256; type++) {
        struct frame frame = {.type = (uint8_t)type};
        struct buf out = {0};
        struct pair pair;

        if (type == FRAME_REFUSED) continue;
        frame_write(&out, &frame);
        pair_init(&pair);
        link_start(&pair.caller, 0, PAIR_WALL_MS);
        pair_feed(&pair, &pair.caller, buf_bytes(&out));
        pair_feed(&pair, &pair.answerer, buf_bytes(&out));
        cr_expect(eq(int, (int)pair.caller.refusal, LINK_REFUSED_FORMAT),
                  "type %u", type);
        cr_expect(eq(int, (int)pair.answerer.refusal, LINK_REFUSED_FORMAT),
                  "type %u", type);
        cr_expect(eq(u32, pair.answerer_seen.frames, 0));
        buf_deinit(&out);
        pair_deinit(&pair);
    }
}

CASE(handshake, frames_do_not_come_twice_or_too_early)
{
    struct recording recording;
    struct pair pair;
    uint32_t i;

    pair_init(&pair);
    record(&pair, &recording);
    for (i = 0; i < 4; i++) {
        pair_renew(&pair, 0xa0, 0xc0);
        if (i < 2) link_start(&pair.caller, 0, PAIR_WALL_MS);
        switch (i) {
        case 0: /* welcomed without having proved anything */
            pair_feed(&pair, &pair.caller, buf_bytes(&recording.welcome));
            break;
        case 1:
            pair_feed(&pair, &pair.caller, buf_bytes(&recording.challenge));
            pair_feed(&pair, &pair.caller, buf_bytes(&recording.challenge));
            break;
        case 2:
            pair_feed(&pair, &pair.answerer, buf_bytes(&recording.proof));
            break;
        case 3:
            pair_feed(&pair, &pair.answerer, buf_bytes(&recording.hello));
            pair_feed(&pair, &pair.answerer, buf_bytes(&recording.hello));
            break;
        }
        cr_expect(eq(int, (int)(i < 2 ? &pair.caller : &pair.answerer)->refusal,
                     LINK_REFUSED_FORMAT),
                  "round %u", i);
    }
    recording_deinit(&recording);
    pair_deinit(&pair);
}

CASE(handshake, a_long_payload_is_refused_before_it_has_come)
{
    struct frame frame = {.type = FRAME_HELLO};
    struct buf out = {0};
    struct pair pair;

    pair_init(&pair);
    frame_write(&out, &frame);
    out.data[4] = 1; /* 0x1001 = 4097 */
    out.data[5] = 0x10;
    pair_feed(&pair, &pair.answerer, bytes_of(out.data, 8));
    cr_expect(eq(int, (int)pair.answerer.refusal, LINK_REFUSED_FORMAT));
    buf_deinit(&out);
    pair_deinit(&pair);
}

static void
refusal_of(struct buf *out, uint8_t code, struct bytes reason)
{
    struct frame frame = {.type = FRAME_REFUSED};
    size_t place = frame_begin(out, &frame);

    wire_put_u8(out, code);
    wire_put_bytes(out, reason);
    frame_end(out, place);
}

CASE(handshake, the_reason_of_a_refusal_is_made_safe_for_the_log)
{
    char text[LINK_REASON_MAX + 50];
    struct buf out = {0};
    struct pair pair;

    memset(text, 'x', sizeof(text));
    memcpy(text, "a\033[31m\n\r\0\x7f\x9b z", 13);
    pair_init(&pair);
    link_start(&pair.caller, 0, PAIR_WALL_MS);
    link_sent(&pair.caller, link_unsent(&pair.caller));
    refusal_of(&out, LINK_REFUSED_RING, bytes_of(text, sizeof(text)));
    pair_feed(&pair, &pair.caller, buf_bytes(&out));
    cr_expect(pair.caller.was_refused_by_peer);
    cr_expect(eq(int, (int)pair.caller.refusal, LINK_REFUSED_RING));
    cr_expect(eq(sz, strlen(pair.caller.reason), LINK_REASON_MAX));
    cr_expect(eq(int, strncmp(pair.caller.reason, "a?[31m????? zxxx", 16), 0),
              "%s", pair.caller.reason);
    cr_expect(eq(sz, link_unsent(&pair.caller), 0),
              "a refusal is not answered");
    buf_deinit(&out);
    pair_deinit(&pair);
}

CASE(handshake, a_refusal_that_cannot_be_read_is_one_all_the_same)
{
    static const uint8_t codes[] = {0, LINK_REFUSED_TWIN + 1, 255};
    struct frame frame = {.type = FRAME_REFUSED};
    struct buf out = {0};
    struct pair pair;
    uint32_t i;

    pair_init(&pair);
    frame_write(&out, &frame);
    pair_feed(&pair, &pair.answerer, buf_bytes(&out));
    cr_expect(eq(int, (int)pair.answerer.state, LINK_BROKEN));
    cr_expect(eq(int, (int)pair.answerer.refusal, LINK_REFUSED_FORMAT));
    cr_expect(ne(str, pair.answerer.reason, ""));
    for (i = 0; i < ARRAY_LEN(codes); i++) {
        pair_renew(&pair, 1, 2);
        out.used = 0;
        refusal_of(&out, codes[i], BYTES_LIT("why"));
        pair_feed(&pair, &pair.answerer, buf_bytes(&out));
        cr_expect(eq(int, (int)pair.answerer.refusal, LINK_REFUSED_FORMAT));
        cr_expect(eq(str, pair.answerer.reason, "why"));
    }
    buf_deinit(&out);
    pair_deinit(&pair);
}

CASE(handshake, no_flipped_bit_of_it_opens_a_link)
{
    struct recording recording;
    struct pair pair;
    size_t bit;

    pair_init(&pair);
    record(&pair, &recording);
    for (bit = 0; bit < recording.proof.used * 8; bit++) {
        char *byte = &recording.proof.data[bit / 8];

        pair_renew(&pair, 0xa0, 0xc0);
        pair.answerer_seen.opened = 0;
        pair_feed(&pair, &pair.answerer, buf_bytes(&recording.hello));
        *byte = (char)(*byte ^ (1 << bit % 8));
        pair_feed(&pair, &pair.answerer, buf_bytes(&recording.proof));
        /* with its checksum put right, it is the proof that is wrong */
        if (bit / 8 >= FRAME_HEAD_BYTES) {
            pair_renew(&pair, 0xa0, 0xc0);
            pair_feed(&pair, &pair.answerer, buf_bytes(&recording.hello));
            frame_end(&recording.proof, 0);
            pair_feed(&pair, &pair.answerer, buf_bytes(&recording.proof));
            cr_expect(eq(int, (int)pair.answerer.refusal, LINK_REFUSED_SECRET));
        }
        *byte = (char)(*byte ^ (1 << bit % 8));
        frame_end(&recording.proof, 0);
        cr_expect(eq(u32, pair.answerer_seen.opened, 0), "bit %zu", bit);
    }
    recording_deinit(&recording);
    pair_deinit(&pair);
}

CASE(handshake, it_ends_after_its_time)
{
    struct pair pair;

    pair_init(&pair);
    link_start(&pair.caller, 0, PAIR_WALL_MS);
    pair.now_ms = LINK_GREETING_MS - 1;
    pair_tick(&pair, &pair.caller);
    pair_tick(&pair, &pair.answerer);
    cr_expect(eq(int, (int)pair.caller.state, LINK_GREETING));
    cr_expect(eq(int, (int)pair.answerer.state, LINK_NEW));

    pair.now_ms = LINK_GREETING_MS;
    pair_tick(&pair, &pair.answerer);
    cr_expect(eq(int, (int)pair.answerer.refusal, LINK_REFUSED_TIME));
    pair_carry_to(&pair, &pair.caller);
    expect_refused(&pair.answerer, &pair.caller, LINK_REFUSED_TIME);
    pair_deinit(&pair);
}

CASE(handshake, a_call_that_nobody_takes_ends_as_well)
{
    struct pair pair;

    pair_init(&pair);
    pair.now_ms = LINK_GREETING_MS;
    pair_tick(&pair, &pair.caller);
    cr_expect(eq(int, (int)pair.caller.state, LINK_BROKEN));
    cr_expect(eq(int, (int)pair.caller.refusal, LINK_REFUSED_TIME));
    cr_expect(eq(sz, link_unsent(&pair.caller), 0));
    link_start(&pair.caller, 0, PAIR_WALL_MS);
    cr_expect(eq(int, (int)pair.caller.state, LINK_BROKEN));
    pair_deinit(&pair);
}
