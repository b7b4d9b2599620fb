/*
 * The steps, as numbered in the tests:
 *
 *   1  caller    HELLO      I offer these versions, I am .., I look for ..
 *   2  answerer  CHALLENGE  this version, I am .., and can prove it
 *   3  caller    PROOF      so can I
 *   4  answerer  WELCOME
 *
 * Both nonces are in both proofs: what was recorded in one handshake proves
 * nothing in the next, whichever side it is played to. The role is in them so
 * that a proof cannot be sent back to its maker, the offered versions so that
 * nobody between the two can talk them down to an older one.
 *
 * Two ends with one id are let through, if they are two processes: which of
 * them is to go is for those to say who know the ring (member/).
 *
 * Who asks for the wrong ring, or for another node, is told so before any
 * proof: names of rings and ids of nodes are no secrets.
 */
#include "bus/handshake.h"

#include "bus/proof.h"
#include "bus/wire.h"

#include <stdio.h>

enum { VERSION_LOWEST = 1, VERSION_HIGHEST = FRAME_VERSION };
enum role { ROLE_CALLER = 1, ROLE_ANSWERER = 2 };

static const char proof_label[] = "kula bus";

struct hello {
    uint8_t lowest, highest;
    struct bytes ring;
    struct node_id from, to; /* to: all zero if any will do */
    struct bytes nonce;
    struct node_life life;
};

static const struct node_id nobody;

/* ---- refusing ---- */

/* Texts of a peer go to the log: nothing that a terminal would obey. */
static void
set_reason(struct link *link, struct bytes text)
{
    size_t size = text.size < LINK_REASON_MAX ? text.size : LINK_REASON_MAX;
    size_t i;

    for (i = 0; i < size; i++) {
        char c = text.data[i];

        link->reason[i] = c >= ' ' && c <= '~' ? c : '?';
    }
    link->reason[size] = '\0';
}

void
handshake_refuse(struct link *link, enum link_refusal refusal,
                 const char *reason, int64_t wall_ms)
{
    struct frame frame = {.type = FRAME_REFUSED, .wall_ms = (uint64_t)wall_ms};
    size_t place;

    ASSERT(link->state != LINK_BROKEN);
    ASSERT(refusal != LINK_REFUSED_NONE);
    link->state = LINK_BROKEN;
    link->refusal = refusal;
    if (reason == NULL) reason = link_refusal_text(refusal);
    set_reason(link, bytes_str(reason));

    place = frame_begin(&link->out, &frame);
    wire_put_u8(&link->out, (uint8_t)refusal);
    wire_put_bytes(&link->out, bytes_str(link->reason));
    frame_end(&link->out, place);
}

void
handshake_refused(struct link *link, struct bytes payload)
{
    struct wire_reader reader = wire_reader(payload);
    uint8_t code = wire_u8(&reader);
    struct bytes reason = wire_bytes(&reader);

    link->state = LINK_BROKEN;
    link->was_refused_by_peer = true;
    /* a code of a newer version is kept as what we can name */
    link->refusal = code > LINK_REFUSED_NONE && code <= LINK_REFUSED_TWIN
                        ? (enum link_refusal)code
                        : LINK_REFUSED_FORMAT;
    if (reader.is_bad || reason.size == 0)
        reason = bytes_str(link_refusal_text(link->refusal));
    set_reason(link, reason);
}

/* ---- proofs ---- */

static void
put_id(struct buf *out, const struct node_id *id)
{
    wire_put_raw(out, bytes_of(id->bytes, NODE_ID_BYTES));
}

static void
put_nonce(struct buf *out, const uint8_t nonce[LINK_NONCE_BYTES])
{
    wire_put_raw(out, bytes_of(nonce, LINK_NONCE_BYTES));
}

static void
put_life(struct buf *out, const struct node_life *life)
{
    wire_put_u64(out, life->began);
    wire_put_u64(out, life->nonce);
}

/* The proof of the side with `role` in this link's handshake. */
static bool
make_proof(const struct link *link, enum role role, uint8_t proof[PROOF_BYTES])
{
    const struct link_ring *ring = link->ring;
    bool is_caller = link->is_caller;
    struct buf text = {0};
    bool is_made;

    wire_put_raw(&text, bytes_str(proof_label));
    wire_put_u8(&text, (uint8_t)role);
    wire_put_u8(&text, link->version);
    wire_put_u8(&text, link->versions[0]);
    wire_put_u8(&text, link->versions[1]);
    wire_put_bytes(&text, bytes_str(ring->name));
    put_id(&text, is_caller ? &ring->self : &link->peer);
    put_id(&text, is_caller ? &link->peer : &ring->self);
    put_nonce(&text, is_caller ? link->own_nonce : link->peer_nonce);
    put_nonce(&text, is_caller ? link->peer_nonce : link->own_nonce);
    put_life(&text, is_caller ? &ring->life : &link->peer_life);
    put_life(&text, is_caller ? &link->peer_life : &ring->life);
    is_made = proof_make(bytes_of(ring->secret, ring->secret_bytes),
                         buf_bytes(&text), proof);
    buf_deinit(&text);
    return is_made;
}

/* Is this the proof of the side with `role`? */
static bool
is_proved(const struct link *link, enum role role, struct bytes shown)
{
    uint8_t proof[PROOF_BYTES];

    return shown.size == PROOF_BYTES && make_proof(link, role, proof) &&
           proof_equal(proof, (const uint8_t *)shown.data);
}

/* ---- writing ---- */

static size_t
begin(struct link *link, enum frame_type type, int64_t now_ms, int64_t wall_ms)
{
    struct frame frame = {.type = (uint8_t)type, .wall_ms = (uint64_t)wall_ms};

    link->sent_ms = now_ms;
    return frame_begin(&link->out, &frame);
}

void
handshake_start(struct link *link, int64_t now_ms, int64_t wall_ms)
{
    struct buf *out = &link->out;
    size_t place;

    ASSERT(link->is_caller);
    ASSERT(link->state == LINK_NEW);
    link->state = LINK_GREETING;
    link->versions[0] = VERSION_LOWEST;
    link->versions[1] = VERSION_HIGHEST;

    place = begin(link, FRAME_HELLO, now_ms, wall_ms);
    wire_put_u8(out, VERSION_LOWEST);
    wire_put_u8(out, VERSION_HIGHEST);
    wire_put_bytes(out, bytes_str(link->ring->name));
    put_id(out, &link->ring->self);
    put_id(out, link->expects_peer ? &link->peer : &nobody);
    put_nonce(out, link->own_nonce);
    put_life(out, &link->ring->life);
    frame_end(out, place);
}

/* The PROOF, or the end of a CHALLENGE. False: no memory for it. */
static bool
put_proof(struct link *link, enum role role)
{
    uint8_t proof[PROOF_BYTES];

    if (!make_proof(link, role, proof)) return false;
    wire_put_raw(&link->out, bytes_of(proof, PROOF_BYTES));
    return true;
}

static void
write_challenge(struct link *link, int64_t now_ms, int64_t wall_ms)
{
    struct buf *out = &link->out;
    size_t place = begin(link, FRAME_CHALLENGE, now_ms, wall_ms);

    wire_put_u8(out, link->version);
    put_id(out, &link->ring->self);
    put_nonce(out, link->own_nonce);
    put_life(out, &link->ring->life);
    if (!put_proof(link, ROLE_ANSWERER)) {
        out->used = place;
        link_break(link, "no memory for a proof");
        return;
    }
    frame_end(out, place);
    link->state = LINK_GREETING;
}

static void
write_proof(struct link *link, int64_t now_ms, int64_t wall_ms)
{
    size_t place = begin(link, FRAME_PROOF, now_ms, wall_ms);

    if (!put_proof(link, ROLE_CALLER)) {
        link->out.used = place;
        link_break(link, "no memory for a proof");
        return;
    }
    frame_end(&link->out, place);
    link->is_challenged = true;
}

/* ---- the steps ---- */

static struct node_id
take_id(struct wire_reader *reader)
{
    struct bytes bytes = wire_take(reader, NODE_ID_BYTES);
    struct node_id id = {{0}};

    if (bytes.size == NODE_ID_BYTES) memcpy(id.bytes, bytes.data, bytes.size);
    return id;
}

static struct node_life
take_life(struct wire_reader *reader)
{
    struct node_life life;

    life.began = wire_u64(reader);
    life.nonce = wire_u64(reader);
    return life;
}

/* What follows the life belongs to newer versions. */
static bool
read_hello(struct bytes payload, struct hello *hello)
{
    struct wire_reader reader = wire_reader(payload);

    hello->lowest = wire_u8(&reader);
    hello->highest = wire_u8(&reader);
    hello->ring = wire_bytes(&reader);
    hello->from = take_id(&reader);
    hello->to = take_id(&reader);
    hello->nonce = wire_take(&reader, LINK_NONCE_BYTES);
    hello->life = take_life(&reader);
    return !reader.is_bad && hello->lowest > 0 &&
           hello->lowest <= hello->highest &&
           hello->ring.size <= LINK_RING_NAME_MAX &&
           !node_id_equal(&hello->from, &nobody);
}

static void
refuse_version(struct link *link, const struct hello *hello, int64_t wall_ms)
{
    char reason[LINK_REASON_MAX + 1];

    (void)snprintf(reason, sizeof(reason),
                   "no version in common: %u to %u are offered, %u to %u are "
                   "spoken here",
                   hello->lowest, hello->highest, (unsigned)VERSION_LOWEST,
                   (unsigned)VERSION_HIGHEST);
    handshake_refuse(link, LINK_REFUSED_VERSION, reason, wall_ms);
}

static void
refuse_ring(struct link *link, struct bytes asked, int64_t wall_ms)
{
    char reason[LINK_REASON_MAX + 1];

    (void)snprintf(reason, sizeof(reason),
                   "another ring: \"%.*s\" is looked for, this is \"%s\"",
                   (int)asked.size, asked.data, link->ring->name);
    handshake_refuse(link, LINK_REFUSED_RING, reason, wall_ms);
}

static void
refuse_id(struct link *link, const struct node_id *meant,
          const struct node_id *found, int64_t wall_ms)
{
    char meant_hex[NODE_ID_HEX], found_hex[NODE_ID_HEX];
    char reason[LINK_REASON_MAX + 1];

    node_id_hex(meant, meant_hex);
    node_id_hex(found, found_hex);
    (void)snprintf(reason, sizeof(reason),
                   "another node: %s is looked for, this is %s", meant_hex,
                   found_hex);
    handshake_refuse(link, LINK_REFUSED_ID, reason, wall_ms);
}

/* Step 1, the answerer's side of it. */
static void
on_hello(struct link *link, struct bytes payload, int64_t now_ms,
         int64_t wall_ms)
{
    const struct link_ring *ring = link->ring;
    struct hello hello = {0};

    if (!read_hello(payload, &hello)) {
        handshake_refuse(link, LINK_REFUSED_FORMAT, NULL, wall_ms);
        return;
    }
    if (hello.lowest > VERSION_HIGHEST || hello.highest < VERSION_LOWEST) {
        refuse_version(link, &hello, wall_ms);
        return;
    }
    if (!bytes_equal(hello.ring, bytes_str(ring->name))) {
        refuse_ring(link, hello.ring, wall_ms);
        return;
    }
    if (!node_id_equal(&hello.to, &nobody) &&
        !node_id_equal(&hello.to, &ring->self)) {
        refuse_id(link, &hello.to, &ring->self, wall_ms);
        return;
    }
    if (link->expects_peer && !node_id_equal(&hello.from, &link->peer)) {
        refuse_id(link, &link->peer, &hello.from, wall_ms);
        return;
    }
    link->version =
        hello.highest < VERSION_HIGHEST ? hello.highest : VERSION_HIGHEST;
    link->versions[0] = hello.lowest;
    link->versions[1] = hello.highest;
    link->peer = hello.from;
    memcpy(link->peer_nonce, hello.nonce.data, LINK_NONCE_BYTES);
    link->peer_life = hello.life;
    write_challenge(link, now_ms, wall_ms);
}

/* Step 2, the caller's side of it. */
static void
on_challenge(struct link *link, struct bytes payload, int64_t now_ms,
             int64_t wall_ms)
{
    struct wire_reader reader = wire_reader(payload);
    uint8_t version = wire_u8(&reader);
    struct node_id id = take_id(&reader);
    struct bytes nonce = wire_take(&reader, LINK_NONCE_BYTES);
    struct node_life life = take_life(&reader);
    struct bytes proof = wire_take(&reader, PROOF_BYTES);

    if (!wire_is_done(&reader) || version < VERSION_LOWEST ||
        version > VERSION_HIGHEST || node_id_equal(&id, &nobody)) {
        handshake_refuse(link, LINK_REFUSED_FORMAT, NULL, wall_ms);
        return;
    }
    if (link->expects_peer && !node_id_equal(&id, &link->peer)) {
        refuse_id(link, &link->peer, &id, wall_ms);
        return;
    }
    link->version = version;
    link->peer = id;
    link->peer_life = life;
    memcpy(link->peer_nonce, nonce.data, LINK_NONCE_BYTES);
    if (!is_proved(link, ROLE_ANSWERER, proof)) {
        handshake_refuse(link, LINK_REFUSED_SECRET, NULL, wall_ms);
        return;
    }
    /* only now: who says so may believe it, and count its seeds by it */
    if (node_id_equal(&id, &link->ring->self) &&
        node_life_compare(&life, &link->ring->life) == 0) {
        handshake_refuse(link, LINK_REFUSED_SELF, NULL, wall_ms);
        return;
    }
    write_proof(link, now_ms, wall_ms);
}

/* Step 3, the answerer's side of it. */
static void
on_proof(struct link *link, struct bytes payload, int64_t now_ms,
         int64_t wall_ms)
{
    size_t place;

    if (payload.size != PROOF_BYTES) {
        handshake_refuse(link, LINK_REFUSED_FORMAT, NULL, wall_ms);
        return;
    }
    if (!is_proved(link, ROLE_CALLER, payload)) {
        handshake_refuse(link, LINK_REFUSED_SECRET, NULL, wall_ms);
        return;
    }
    place = begin(link, FRAME_WELCOME, now_ms, wall_ms);
    frame_end(&link->out, place);
    link->state = LINK_OPEN;
}

void
handshake_frame(struct link *link, const struct frame *frame, int64_t now_ms,
                int64_t wall_ms)
{
    bool is_greeting = link->state == LINK_GREETING;

    ASSERT(link->state == LINK_NEW || link->state == LINK_GREETING);
    if (frame->type == FRAME_HELLO && !link->is_caller && !is_greeting)
        on_hello(link, frame->payload, now_ms, wall_ms);
    else if (frame->type == FRAME_CHALLENGE && link->is_caller && is_greeting &&
             !link->is_challenged)
        on_challenge(link, frame->payload, now_ms, wall_ms);
    else if (frame->type == FRAME_PROOF && !link->is_caller && is_greeting)
        on_proof(link, frame->payload, now_ms, wall_ms);
    else if (frame->type == FRAME_WELCOME && link->is_challenged &&
             frame->payload.size == 0)
        link->state = LINK_OPEN; /* step 4 */
    else
        handshake_refuse(link, LINK_REFUSED_FORMAT, NULL, wall_ms);
}
