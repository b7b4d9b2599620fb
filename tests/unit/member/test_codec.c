#include "../bus/golden.h"
#include "bench.h"

#include "base/memory.h"

/* What facts_put wants: the slot count. */
static const struct members *
surroundings(void)
{
    static const struct members members = {.slot_count = BENCH_SLOTS};

    return &members;
}

static void
fill(struct member *member, uint16_t tokens[3], uint64_t served[4])
{
    memset(member, 0, sizeof(*member));
    member->id = bench_id(5);
    member->number = 300;
    member->incarnation = 1700000000123;
    member->life.began = 1700000000120;
    member->life.nonce = 0x0807060504030201;
    member->version = 200;
    strcpy(member->facts.host, "10.0.0.2");
    strcpy(member->facts.dc, "dc1");
    strcpy(member->facts.rack, "r2");
    strcpy(member->facts.version, "0.3");
    member->facts.port = 6379;
    member->facts.bus_port = 16379;
    member->facts.weight = 1.5;
    member->facts.workers = 2;
    member->facts.phase = MEMBER_JOINING;
    tokens[0] = 0;
    tokens[1] = 7;
    tokens[2] = 255;
    member->facts.tokens = tokens;
    member->facts.token_count = 3;
    memset(served, 0, 4 * sizeof(*served));
    served[0] = 0xff0;
    member->facts.served = served;
}

CASE(codec, a_record_is_what_the_readme_says)
{
    struct member member;
    uint16_t tokens[3];
    uint64_t served[4];
    struct buf out = {0};

    fill(&member, tokens, served);
    facts_put(&out, surroundings(), &member);
    cr_expect(golden_is("member-record", buf_bytes(&out)));
    out.used = 0;
    member.is_removed = true;
    facts_put(&out, surroundings(), &member);
    cr_expect(golden_is("member-record-removed", buf_bytes(&out)));
    buf_deinit(&out);
}

CASE(codec, a_record_is_read_back_as_it_was_written)
{
    struct member member;
    struct facts_record record;
    uint16_t tokens[3];
    uint64_t served[4];
    struct buf out = {0};
    uint32_t variant;

    for (variant = 0; variant < 3; variant++) {
        out.used = 0;
        fill(&member, tokens, served);
        if (variant == 1) member.facts.served = NULL;
        if (variant == 2) memset(served, 0x55, sizeof(served)); /* as bits */
        facts_put(&out, surroundings(), &member);
        cr_assert(facts_read(buf_bytes(&out), BENCH_SLOTS, &record));
        cr_expect(node_id_equal(&record.id, &member.id));
        cr_expect(eq(u32, record.number, 300));
        cr_expect(eq(u64, record.incarnation, member.incarnation));
        cr_expect(node_life_compare(&record.life, &member.life) == 0);
        cr_expect(eq(u64, record.version, 200));
        cr_expect(eq(str, record.facts.host, member.facts.host));
        cr_expect(eq(str, record.facts.rack, member.facts.rack));
        cr_expect(eq(dbl, record.facts.weight, 1.5));
        cr_assert(eq(u32, record.facts.token_count, 3));
        cr_expect(memcmp(record.facts.tokens, tokens, sizeof(tokens)) == 0);
        cr_expect(eq(int, record.facts.served == NULL, variant == 1));
        if (variant != 1)
            cr_expect(memcmp(record.facts.served, served, sizeof(served)) == 0);
        facts_drop(&record);
    }
    buf_deinit(&out);
}

CASE(codec, a_record_cut_anywhere_is_refused)
{
    struct member member;
    struct facts_record record;
    uint16_t tokens[3];
    uint64_t served[4];
    struct buf out = {0};
    size_t size;

    fill(&member, tokens, served);
    facts_put(&out, surroundings(), &member);
    for (size = 0; size < out.used; size++) {
        /* its own block, so that a sanitizer sees reads behind the end */
        char *copy = mem_must(size + 1);

        memcpy(copy, out.data, size);
        cr_expect(not(facts_read(bytes_of(copy, size), BENCH_SLOTS, &record)));
        facts_drop(&record);
        mem_free(copy);
    }
    buf_deinit(&out);
}

CASE(codec, tokens_beyond_the_slots_and_weights_of_nothing_are_refused)
{
    struct member member;
    struct facts_record record;
    uint16_t tokens[3];
    uint64_t served[4];
    struct buf out = {0};

    fill(&member, tokens, served);
    tokens[2] = BENCH_SLOTS;
    facts_put(&out, surroundings(), &member);
    cr_expect(not(facts_read(buf_bytes(&out), BENCH_SLOTS, &record)));
    facts_drop(&record);
    fill(&member, tokens, served);
    out.used = 0;
    member.facts.weight = 0;
    facts_put(&out, surroundings(), &member);
    cr_expect(not(facts_read(buf_bytes(&out), BENCH_SLOTS, &record)));
    facts_drop(&record);
    buf_deinit(&out);
}

CASE(codec, differences_of_heartbeats_survive_any_distance)
{
    static const uint64_t values[] = {0, 1, 63, 64, 1 << 20, UINT64_MAX};
    uint32_t i, j;

    for (i = 0; i < ARRAY_LEN(values); i++)
        for (j = 0; j < ARRAY_LEN(values); j++)
            cr_expect(eq(
                u64,
                codec_unzigzag(values[i], codec_zigzag(values[i], values[j])),
                values[j]));
    cr_expect(eq(u64, codec_zigzag(100, 97), 6));
    cr_expect(eq(u64, codec_zigzag(97, 100), 5));
}

/* ---- whole payloads ---- */

static void
ring_of_three(struct bench *bench)
{
    static uint16_t tokens[] = {3, 99, 200};
    struct bench_peer a = bench_peer(5, 2), b = bench_peer(6, 3);

    bench_init(bench, 9);
    bench->config.facts.tokens = tokens;
    bench->config.facts.token_count = ARRAY_LEN(tokens);
    bench_start(bench);
    bench_run(bench, 100);
    bench_meet(bench, &a);
    bench_meet(bench, &b);
    bench_run(bench, 1500);
    bench_clear(bench);
}

CASE(codec, payloads_are_what_the_readme_says)
{
    struct bench bench;
    struct bench_peer peer = bench_peer(5, 2);
    struct buf question;
    struct buf claim = {0};
    struct node_id ring;

    ring_of_three(&bench);
    members_exchange(bench.members, &peer.id, bench.now_ms, BENCH_WALL);
    cr_assert(bench_last(&bench, FRAME_GOSSIP) != NULL);
    cr_expect(golden_is("member-gossip",
                        bytes_of(bench_last(&bench, FRAME_GOSSIP)->payload,
                                 bench_last(&bench, FRAME_GOSSIP)->size)));
    question = bench_head(&bench, &peer, 0);
    bench_give(&bench, peer.id, FRAME_GOSSIP, 3, buf_bytes(&question));
    buf_deinit(&question);
    cr_expect(
        golden_is("member-gossip-answer",
                  bytes_of(bench_last(&bench, FRAME_GOSSIP_ANSWER)->payload,
                           bench_last(&bench, FRAME_GOSSIP_ANSWER)->size)));
    ring = bench.members->ring;
    codec_node_id(&claim, &ring);
    wire_put_varint(&claim, 4);
    bench_give(&bench, bench_id(7), FRAME_CLAIM, 9, buf_bytes(&claim));
    cr_expect(golden_is("member-claim", buf_bytes(&claim)));
    buf_deinit(&claim);
    cr_expect(
        golden_is("member-claim-answer",
                  bytes_of(bench_last(&bench, FRAME_CLAIM_ANSWER)->payload,
                           bench_last(&bench, FRAME_CLAIM_ANSWER)->size)));
    cr_expect(golden_is("member-saved", buf_bytes(&bench.saved)));
    bench_deinit(&bench);
}

CASE(codec, a_saved_file_of_this_version_is_read)
{
    struct bench bench;
    struct buf saved = golden_read("member-saved");
    struct member_view view;

    bench_init(&bench, 9);
    bench.config.saved = buf_bytes(&saved);
    bench.config.facts.phase = MEMBER_RETURNING;
    bench_start(&bench);
    cr_expect(eq(u32, members_self_number(bench.members), 1));
    cr_expect(eq(u32, members_count(bench.members), 3));
    cr_assert(bench_view(&bench, 3, &view));
    cr_expect(eq(str, (char *)view.facts->host, "10.0.0.2"));
    bench_deinit(&bench);
    buf_deinit(&saved);
}

/* Each answer of the machine, cut and altered, is given back to it. */
CASE(codec, altered_payloads_do_no_harm)
{
    struct rng rng = {7};
    struct bench bench;
    struct member_stats stats;
    struct bench_peer peer = bench_peer(5, 2);
    struct buf bytes = {0};
    uint32_t round;

    ring_of_three(&bench);
    for (round = 0; round < 20000; round++) {
        static const uint8_t types[] = {FRAME_GOSSIP,       FRAME_GOSSIP_ANSWER,
                                        FRAME_GOSSIP_FACTS, FRAME_CLAIM,
                                        FRAME_CLAIM_ANSWER, 60};
        uint8_t type = types[rng_below(&rng, ARRAY_LEN(types))];
        uint32_t flips = (uint32_t)rng_below(&rng, 4);

        if (round % 50 == 0) {
            struct buf question = bench_head(&bench, &peer, 0);

            bench_clear(&bench);
            bench_run(&bench, 100);
            bench_meet(&bench, &peer);
            bench_give(&bench, peer.id, FRAME_GOSSIP, 0, buf_bytes(&question));
            buf_deinit(&question);
        }
        if (bench.sent_count > 0) {
            const struct bench_frame *frame =
                &bench.sent[rng_below(&rng, bench.sent_count)];

            bytes.used = 0;
            buf_must_add(&bytes, frame->payload, frame->size);
        }
        for (; flips > 0 && bytes.used > 0; flips--)
            bytes.data[rng_below(&rng, bytes.used)] = (char)rng_next(&rng);
        if (rng_below(&rng, 4) == 0 && bytes.used > 0)
            bytes.used = rng_below(&rng, bytes.used);
        bench_give(&bench, bench_id((uint8_t)(5 + rng_below(&rng, 3))), type,
                   rng_below(&rng, 3), buf_bytes(&bytes));
    }
    members_stats(bench.members, &stats);
    cr_expect(gt(u64, stats.bad_frames, 1000));
    cr_expect(members_count(bench.members) <= MEMBER_MAX);
    buf_deinit(&bytes);
    bench_deinit(&bench);
}
