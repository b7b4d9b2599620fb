#include "bench.h"

enum { GRANTED, TAKEN, BUSY, NO_VOTE };

static void
claim(struct bench *bench, uint8_t id, uint32_t number)
{
    struct buf out = {0};
    struct node_id ring = bench->members->ring;

    codec_node_id(&out, &ring);
    wire_put_varint(&out, number);
    bench_give(bench, bench_id(id), FRAME_CLAIM, 77, buf_bytes(&out));
    buf_deinit(&out);
}

static int
verdict(const struct bench *bench)
{
    const struct bench_frame *frame = bench_last(bench, FRAME_CLAIM_ANSWER);

    cr_assert(frame != NULL && frame->size > 0);
    cr_expect(eq(u64, frame->request_id, 77));
    return frame->payload[0];
}

static void
founder(struct bench *bench)
{
    bench_init(bench, 9);
    bench_start(bench);
    bench_run(bench, 100);
    bench_clear(bench);
}

CASE(claim, a_promise_is_kept_before_it_is_given)
{
    struct bench bench;

    founder(&bench);
    claim(&bench, 5, 2);
    cr_expect(eq(int, verdict(&bench), GRANTED));
    cr_expect(eq(u32, bench.saves, 1));
    bench_run(&bench, 2000);
    bench_restart(&bench);
    bench_run(&bench, 100);
    claim(&bench, 6, 2);
    cr_expect(eq(int, verdict(&bench), TAKEN), "also in the next life");
    claim(&bench, 5, 2);
    cr_expect(eq(int, verdict(&bench), GRANTED), "the same one may repeat");
    bench_deinit(&bench);
}

CASE(claim, one_promise_is_open_at_a_time)
{
    struct bench bench;
    struct bench_peer peer = bench_peer(5, 2);

    founder(&bench);
    claim(&bench, 5, 2);
    claim(&bench, 6, 3);
    cr_expect(eq(int, verdict(&bench), BUSY));
    bench_meet(&bench, &peer); /* it has become a fact */
    claim(&bench, 6, 3);
    cr_expect(eq(int, verdict(&bench), GRANTED));
    claim(&bench, 6, 0); /* lets go */
    claim(&bench, 7, 3);
    cr_expect(eq(int, verdict(&bench), GRANTED));
    bench_run(&bench, 1600);
    claim(&bench, 8, 4);
    cr_expect(eq(int, verdict(&bench), GRANTED), "not for ever");
    claim(&bench, 8, 3);
    cr_expect(eq(int, verdict(&bench), TAKEN), "but the number is");
    bench_deinit(&bench);
}

CASE(claim, numbers_of_the_living_and_the_removed_are_taken)
{
    struct bench bench;
    struct bench_peer peer = bench_peer(5, 2);

    founder(&bench);
    claim(&bench, 6, 1);
    cr_expect(eq(int, verdict(&bench), TAKEN));
    bench_meet(&bench, &peer);
    cr_assert(members_remove(bench.members, &peer.id, bench.now_ms) == 0);
    claim(&bench, 6, 2);
    cr_expect(eq(int, verdict(&bench), TAKEN));
    bench_clear(&bench);
    claim(&bench, 5, 3);
    cr_expect(bench_last(&bench, FRAME_CLAIM_ANSWER) == NULL,
              "a REMOVED one gets none");
    bench_deinit(&bench);
}

/* ---- the claimant ---- */

/* Node 9, fresh, takes over a ring of `count` others with numbers 1, 2, ... */
static void
joiner(struct bench *bench, uint32_t count, struct bench_peer *peers)
{
    struct buf out;
    struct node_id ring = bench_id(200);
    uint8_t secret[32] = {42};
    size_t place;
    uint32_t i;

    bench_init(bench, 9);
    bench->config.seed_count = 1;
    bench_start(bench);
    bench_run(bench, 100);
    for (i = 0; i < count; i++)
        peers[i] = bench_peer((uint8_t)(1 + i), 1 + i);
    out = bench_head(bench, &peers[0], 0);
    memcpy(out.data + 2, ring.bytes, NODE_ID_BYTES);
    place = codec_section(&out, SECTION_SECRET);
    wire_put_raw(&out, bytes_of(secret, 32));
    codec_section_end(&out, place);
    bench_give(bench, peers[0].id, FRAME_GOSSIP_ANSWER, 1, buf_bytes(&out));
    buf_deinit(&out);
    for (i = 0; i < count; i++)
        bench_meet(bench, &peers[i]);
    bench_clear(bench);
}

static uint32_t
asked(const struct bench *bench, uint64_t *round)
{
    const struct bench_frame *frame = bench_last(bench, FRAME_CLAIM);
    struct wire_reader reader;

    cr_assert(frame != NULL);
    *round = frame->request_id;
    reader = wire_reader(bytes_of(frame->payload, frame->size));
    (void)codec_take_id(&reader);
    return (uint32_t)wire_varint(&reader);
}

static void
vote(struct bench *bench, const struct bench_peer *peer, int what,
     uint32_t electorate)
{
    struct node_id nobody = {{0}};
    struct buf out = {0};
    uint64_t round;
    uint32_t number = asked(bench, &round);

    wire_put_u8(&out, (uint8_t)what);
    wire_put_varint(&out, number);
    wire_put_varint(&out, electorate);
    wire_put_varint(&out, 4);
    codec_node_id(&out, &nobody);
    bench_give(bench, peer->id, FRAME_CLAIM_ANSWER, round, buf_bytes(&out));
    buf_deinit(&out);
}

CASE(claim, a_majority_of_the_numbered_gives_the_lowest_free_number)
{
    struct bench bench;
    struct bench_peer peers[3];
    uint8_t secret[32];
    uint64_t round;

    joiner(&bench, 3, peers);
    members_hash_seed(bench.members, secret);
    cr_expect(eq(u32, secret[0], 42));
    bench_run(&bench, 100);
    cr_expect(eq(u32, asked(&bench, &round), 4));
    vote(&bench, &peers[0], GRANTED, 3);
    cr_expect(eq(u32, members_self_number(bench.members), 0));
    vote(&bench, &peers[0], GRANTED, 3);
    cr_expect(eq(u32, members_self_number(bench.members), 0), "counted once");
    vote(&bench, &peers[2], GRANTED, 3);
    cr_expect(eq(u32, members_self_number(bench.members), 4));
    cr_expect(eq(int, members_standing(bench.members), MEMBERS_NUMBERED));
    cr_expect(bench.saves > 0);
    bench_deinit(&bench);
}

CASE(claim, the_largest_electorate_that_a_voter_names_counts)
{
    struct bench bench;
    struct bench_peer peers[3];

    joiner(&bench, 3, peers);
    bench_run(&bench, 100);
    vote(&bench, &peers[0], GRANTED, 3);
    vote(&bench, &peers[1], GRANTED, 4);
    cr_expect(eq(u32, members_self_number(bench.members), 0));
    vote(&bench, &peers[2], GRANTED, 3);
    cr_expect(eq(u32, members_self_number(bench.members), 4));
    bench_deinit(&bench);
}

CASE(claim, a_number_that_is_taken_is_not_asked_for_again)
{
    struct bench bench;
    struct bench_peer peers[3];
    uint64_t round;

    joiner(&bench, 3, peers);
    bench_run(&bench, 100);
    vote(&bench, &peers[0], TAKEN, 3);
    bench_run(&bench, 200);
    cr_expect(eq(u32, asked(&bench, &round), 5));
    bench_deinit(&bench);
}

CASE(claim, votes_of_an_earlier_round_count_for_nothing)
{
    struct bench bench;
    struct bench_peer peers[3];

    joiner(&bench, 3, peers);
    bench_run(&bench, 100);
    vote(&bench, &peers[0], GRANTED, 3);
    bench.now_ms += 1100;
    vote(&bench, &peers[1], GRANTED, 3);
    cr_expect(eq(u32, members_self_number(bench.members), 0));
    bench_deinit(&bench);
}
