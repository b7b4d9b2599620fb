/*
 * A node number, by majority.
 *
 *   claimant                               every numbered member
 *     CLAIM {ring, number} -------------->
 *     <-- CLAIM_ANSWER {verdict, number, members it counts, a free number,
 *                       holder}
 *
 * Grants of more than half of the numbered members within one round, by the
 * largest count that any of them named, make the number ours. A member keeps
 * its promise of a number to an id, durably, before it grants it; it has one
 * promise open at a time, until it sees the number as a fact or 1.5 s have
 * passed, and answers BUSY to others meanwhile: so numbers are given one after
 * the other, and each voter counts all members that came before. Two claimants
 * that hold each other up: the one with the larger id lets go. The first to be
 * asked is the lowest numbered member, alone: that puts many claimants in a row
 * (and decides nothing: if it is silent, the others are asked without it).
 *
 * Only numbered members vote: were the claimants themselves counted, the two
 * halves of a ring could each give the same number away. The numbers of
 * REMOVED members stay taken.
 */
#include "member/inside.h"

enum {
    ROUND_MS = 1000, /* a round's grants count so long; below PENDING_MS */
    RESEND_MS = 150,
    ARBITER_MS = 300, /* how long it alone is waited for */
    PENDING_MS = 1500,
};
enum verdict { GRANTED = 0, TAKEN = 1, BUSY = 2, NO_VOTE = 3 };

static bool
bit(const uint64_t *bits, uint32_t at)
{
    return (bits[at / 64] >> (at % 64)) & 1;
}

static void
set_bit(uint64_t *bits, uint32_t at)
{
    bits[at / 64] |= UINT64_C(1) << (at % 64);
}

/* ---- the voter ---- */

static struct promise *
promise_of(struct members *members, const struct node_id *id)
{
    uint32_t i;

    for (i = 0; i < members->promise_count; i++)
        if (node_id_equal(&members->promises[i].id, id))
            return &members->promises[i];
    return NULL;
}

static void
drop_promise(struct members *members, struct promise *promise)
{
    *promise = members->promises[--members->promise_count];
}

static bool
is_pending(const struct members *members, const struct node_id *claimant)
{
    return members->pending_ms != 0 &&
           members->now_ms - members->pending_ms < PENDING_MS &&
           !node_id_equal(&members->pending, claimant);
}

/* The other holder of a number, NULL: free for `claimant`. */
static const struct node_id *
holder(const struct members *members, uint32_t number,
       const struct node_id *claimant)
{
    const struct member *member = members->by_number[number];
    uint32_t i;

    if (member != NULL && !node_id_equal(&member->id, claimant))
        return &member->id;
    for (i = 0; i < members->promise_count; i++)
        if (members->promises[i].number == number &&
            !node_id_equal(&members->promises[i].id, claimant))
            return &members->promises[i].id;
    return NULL;
}

static void
promise_number(struct members *members, uint32_t number,
               const struct node_id *claimant)
{
    struct promise *promise = promise_of(members, claimant);

    members->pending = *claimant;
    members->pending_ms = members->now_ms;
    if (promise != NULL && promise->number == number) return;
    if (promise == NULL) {
        if (members->promise_count == PROMISES_MAX) {
            memmove(members->promises, members->promises + 1,
                    (PROMISES_MAX - 1) * sizeof(*promise));
            members->promise_count--;
        }
        promise = &members->promises[members->promise_count++];
    }
    *promise = (struct promise){number, *claimant};
    saved_write(members);
}

static void
let_go(struct members *members, const struct node_id *claimant)
{
    struct promise *promise = promise_of(members, claimant);

    if (promise != NULL) drop_promise(members, promise);
    if (node_id_equal(&members->pending, claimant)) members->pending_ms = 0;
}

/* The lowest number that nobody but `claimant` holds; 0: none. */
static uint32_t
free_number(const struct members *members, const struct node_id *claimant)
{
    uint64_t used[NUMBER_WORDS] = {1};
    uint32_t i;

    for (i = 1; i < members->number_end; i++)
        if (members->by_number[i] != NULL) set_bit(used, i);
    for (i = 0; i < members->promise_count; i++)
        if (!node_id_equal(&members->promises[i].id, claimant))
            set_bit(used, members->promises[i].number);
    for (i = 1; i < RING_NUMBERS; i++)
        if (!bit(used, i) && !bit(members->claim.taken, i)) return i;
    return 0;
}

static void
answer(struct members *members, const struct node_id *to, uint64_t round,
       uint32_t number, enum verdict verdict, const struct node_id *other)
{
    static const struct node_id nobody;
    struct buf *out = &members->out;

    out->used = 0;
    wire_put_u8(out, (uint8_t)verdict);
    wire_put_varint(out, number);
    wire_put_varint(out, members->numbered);
    wire_put_varint(out, free_number(members, to));
    codec_node_id(out, other != NULL ? other : &nobody);
    members_send(members, to, 0, FRAME_CLAIM_ANSWER, round);
}

static void
on_claim(struct members *members, const struct node_id *from,
         const struct frame *frame)
{
    struct wire_reader reader = wire_reader(frame->payload);
    struct node_id ring = codec_take_id(&reader);
    uint64_t number = wire_varint(&reader);
    const struct member *member = rows_find(members, from);
    const struct node_id *other;

    if (!wire_is_done(&reader) || number >= RING_NUMBERS) {
        members->stats.bad_frames++;
        return;
    }
    if (!node_id_equal(&ring, &members->ring) || members->is_self_removed ||
        (member != NULL && member->is_removed))
        return;
    if (number == 0) {
        let_go(members, from);
        return;
    }
    other = holder(members, (uint32_t)number, from);
    if (members->self->number == 0) {
        answer(members, from, frame->request_id, (uint32_t)number, NO_VOTE,
               NULL);
    } else if (is_pending(members, from)) {
        answer(members, from, frame->request_id, (uint32_t)number, BUSY,
               &members->pending);
    } else if (other != NULL) {
        answer(members, from, frame->request_id, (uint32_t)number, TAKEN,
               other);
    } else {
        promise_number(members, (uint32_t)number, from);
        answer(members, from, frame->request_id, (uint32_t)number, GRANTED,
               NULL);
    }
}

void
claim_seen(struct members *members, const struct member *member)
{
    if (member->number == 0) return;
    let_go(members, &member->id);
}

/* ---- the claimant ---- */

static void
send_claim(struct members *members, uint32_t number)
{
    uint32_t i;

    members->out.used = 0;
    codec_node_id(&members->out, &members->ring);
    wire_put_varint(&members->out, number);
    for (i = 1; i < members->number_end; i++) {
        const struct member *row = members->by_number[i];

        if (row == NULL || row == members->self || row->is_removed) continue;
        if (number != 0 && bit(members->claim.voted, i)) continue;
        if (members->claim.arbiter != 0 && members->claim.arbiter != i)
            continue;
        members_send(members, &row->id, 0, FRAME_CLAIM, members->claim.round);
    }
}

static uint32_t
pick_arbiter(const struct members *members)
{
    uint32_t i;

    for (i = 1; i < members->number_end; i++) {
        const struct member *row = members->by_number[i];

        if (row != NULL && rows_is_live(row) && !row->is_down &&
            row->suspect_ms == 0 && !row->is_unreached)
            return i;
    }
    return 0;
}

static void
start_round(struct members *members)
{
    struct claim *claim = &members->claim;

    claim->number = free_number(members, &members->self->id);
    if (claim->hint > claim->number && !bit(claim->taken, claim->hint) &&
        holder(members, claim->hint, &members->self->id) == NULL)
        claim->number = claim->hint;
    claim->hint = 0;
    if (claim->number == 0) { /* all refused: they may have become free */
        memset(claim->taken, 0, sizeof(claim->taken));
        claim->next_ms = members->now_ms + ROUND_MS;
        return;
    }
    claim->round++;
    claim->started_ms = members->now_ms;
    claim->resend_ms = members->now_ms + RESEND_MS;
    claim->votes = 0;
    claim->electorate = members->numbered;
    memset(claim->voted, 0, sizeof(claim->voted));
    claim->arbiter = pick_arbiter(members);
    send_claim(members, claim->number);
}

static void
give_up_round(struct members *members, int64_t pause_ms)
{
    members->claim.number = 0;
    members->claim.next_ms =
        members->now_ms + pause_ms +
        (int64_t)rng_below(&members->rng, (uint64_t)pause_ms + 1);
}

/* The number is ours: kept, then told to all who gave their vote. */
static void
win(struct members *members)
{
    uint32_t number = members->claim.number, i;
    size_t place;

    members->claim.number = members->claim.arbiter = 0;
    rows_set_number(members, members->self, number);
    members_make_tokens(members);
    if (members->self->facts.phase == MEMBER_FRESH)
        members->self->facts.phase = MEMBER_JOINING;
    members_own_changed(members);
    members_judge(members);
    saved_write(members);
    members_log(members, "members: this node is number %u, %u tokens", number,
                members->self->facts.token_count);
    codec_start(members, HEAD_HOT);
    place = codec_section(&members->out, SECTION_RECORDS);
    codec_put_record(members, members->self);
    codec_section_end(&members->out, place);
    for (i = 1; i < members->number_end; i++) {
        const struct member *row = members->by_number[i];

        if (row != NULL && row != members->self && !row->is_removed)
            members_send(members, &row->id, 0, FRAME_GOSSIP_FACTS, 0);
    }
}

static void
on_refused(struct members *members, const struct node_id *other, bool is_busy)
{
    struct claim *claim = &members->claim;

    if (!is_busy) {
        set_bit(claim->taken, claim->number);
        send_claim(members, 0);
        give_up_round(members, 10);
    } else if (claim->arbiter != 0) { /* nobody has granted anything yet */
        if (claim->busy_count < 10) claim->busy_count++;
        give_up_round(members, 15 * claim->busy_count);
    } else if (node_id_compare(other, &members->self->id) < 0) {
        send_claim(members, 0); /* lets go of what was granted */
        give_up_round(members, 60);
    } /* else the other one lets go; the claim is sent again */
}

static void
on_answer(struct members *members, const struct node_id *from,
          const struct frame *frame)
{
    struct claim *claim = &members->claim;
    struct wire_reader reader = wire_reader(frame->payload);
    uint32_t verdict = wire_u8(&reader);
    uint64_t number = wire_varint(&reader);
    uint64_t electorate = wire_varint(&reader);
    uint64_t hint = wire_varint(&reader);
    struct node_id other = codec_take_id(&reader);
    const struct member *voter = rows_find(members, from);

    if (!wire_is_done(&reader) || verdict > NO_VOTE ||
        electorate > MEMBER_MAX || hint >= RING_NUMBERS) {
        members->stats.bad_frames++;
        return;
    }
    if (claim->number == 0 || number != claim->number ||
        frame->request_id != claim->round ||
        members->now_ms - claim->started_ms >= ROUND_MS)
        return;
    if (voter == NULL || !rows_is_live(voter)) return;
    if (claim->electorate < electorate)
        claim->electorate = (uint32_t)electorate;
    if (verdict == TAKEN || verdict == BUSY) {
        claim->hint = (uint32_t)hint;
        on_refused(members, &other, verdict == BUSY);
    } else if (verdict == GRANTED && !bit(claim->voted, voter->number)) {
        set_bit(claim->voted, voter->number);
        claim->busy_count = 0;
        if (++claim->votes * 2 > claim->electorate) {
            win(members);
        } else if (claim->arbiter != 0) {
            claim->arbiter = 0;
            send_claim(members, claim->number);
        }
    }
}

void
claim_tick(struct members *members)
{
    struct claim *claim = &members->claim;

    if (members->self->number != 0 || members->is_self_removed) return;
    if (claim->number == 0) {
        if (members->now_ms >= claim->next_ms) start_round(members);
        return;
    }
    if (members->now_ms - claim->started_ms >= ROUND_MS) {
        send_claim(members, 0);
        memset(claim->taken, 0, sizeof(claim->taken));
        give_up_round(members, 100);
    } else if (members->now_ms >= claim->resend_ms) {
        if (members->now_ms - claim->started_ms >= ARBITER_MS)
            claim->arbiter = 0;
        claim->resend_ms = members->now_ms + RESEND_MS;
        send_claim(members, claim->number);
    }
}

void
claim_frame(struct members *members, const struct node_id *from,
            const struct frame *frame)
{
    if (node_id_is_zero(&members->ring)) return;
    if (frame->type == FRAME_CLAIM)
        on_claim(members, from, frame);
    else if (members->self->number == 0)
        on_answer(members, from, frame);
}

void
claim_lost(struct members *members)
{
    members_log(members,
                "members: number %u is another node's too, with a "
                "lower id: this node takes a new one",
                members->self->number);
    rows_set_number(members, members->self, 0);
    members->claim.number = 0;
    members->claim.next_ms = members->now_ms;
    members_own_changed(members);
    members_judge(members);
}
