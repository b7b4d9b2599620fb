#include "bench.h"

#include "base/err.h"
#include "base/memory.h"

/* ---- founding and coming back ---- */

CASE(member, a_node_without_seeds_founds_a_ring_with_its_first_tick)
{
    static const struct ring_replicas three = {.count = 3};
    struct bench bench;
    struct member_view view;
    struct node_id ring;
    struct ring_map *map;

    bench_init(&bench, 9);
    bench_start(&bench);
    cr_expect(eq(int, members_standing(bench.members), MEMBERS_LOADING));
    bench_run(&bench, 100);
    cr_expect(eq(int, members_standing(bench.members), MEMBERS_NUMBERED));
    cr_expect(eq(u32, members_self_number(bench.members), 1));
    ring = bench.members->ring;
    cr_expect(not(node_id_is_zero(&ring)));
    cr_expect(members_is_alone(bench.members));
    cr_assert(bench_view(&bench, 1, &view));
    cr_expect(view.is_self);
    cr_expect(eq(int, view.facts->phase, MEMBER_NORMAL));
    cr_expect(eq(u32, view.facts->token_count, 4));
    cr_expect(bench.changes > 0 && bench.saves > 0);
    map = members_map(bench.members, &three);
    cr_assert(map != NULL);
    cr_expect(eq(u32, ring_map_owned(map, 1), BENCH_SLOTS));
    ring_map_free(map);
    bench_deinit(&bench);
}

CASE(member, a_ring_of_one_comes_back_at_once_with_number_ring_and_tokens)
{
    struct bench bench;
    struct member_view view;
    struct node_id ring, ring_after;
    uint64_t incarnation;
    uint16_t token;

    bench_init(&bench, 9);
    bench_start(&bench);
    bench_run(&bench, 100);
    ring = bench.members->ring;
    bench_view(&bench, 1, &view);
    incarnation = view.incarnation;
    token = view.facts->tokens[3];
    bench.config.incarnation -= 5000; /* the clock went back meanwhile */
    bench_restart(&bench);
    cr_expect(eq(int, members_standing(bench.members), MEMBERS_NUMBERED));
    ring_after = bench.members->ring;
    cr_expect(node_id_equal(&ring, &ring_after));
    cr_assert(bench_view(&bench, 1, &view));
    cr_expect(gt(u64, view.incarnation, incarnation));
    cr_expect(eq(int, view.facts->phase, MEMBER_RETURNING));
    cr_expect(eq(u32, view.facts->token_count, 4));
    cr_expect(eq(u32, view.facts->tokens[3], token));
    bench_deinit(&bench);
}

CASE(member, a_member_that_hears_nobody_is_cut_off_after_the_timeout)
{
    struct bench bench;
    struct bench_peer peer = bench_peer(5, 2);

    bench_init(&bench, 9);
    bench_start(&bench);
    bench_run(&bench, 100);
    bench_meet(&bench, &peer);
    bench_run(&bench, 1500);
    bench_restart(&bench);
    bench_run(&bench, 2900);
    cr_expect(eq(int, members_standing(bench.members), MEMBERS_LOADING));
    bench_run(&bench, 200);
    cr_expect(eq(int, members_standing(bench.members), MEMBERS_CUT_OFF));
    cr_expect(eq(u32, members_count(bench.members), 2));
    bench_beat(&bench, &peer, 10);
    cr_expect(eq(int, members_standing(bench.members), MEMBERS_NUMBERED));
    bench_deinit(&bench);
}

CASE(member, a_damaged_saved_file_is_as_good_as_none)
{
    struct bench bench;

    bench_init(&bench, 9);
    bench_start(&bench);
    bench_run(&bench, 100);
    bench.saved.data[20] ^= 1;
    bench_restart(&bench);
    cr_expect(bench_logged(&bench, "damaged"));
    cr_expect(eq(int, members_standing(bench.members), MEMBERS_LOADING));
    cr_expect(eq(u32, members_self_number(bench.members), 0));
    bench_deinit(&bench);
}

CASE(member, a_fresh_node_with_silent_seeds_founds_nothing)
{
    struct bench bench;

    bench_init(&bench, 9);
    bench.config.seed_count = 2;
    bench_start(&bench);
    bench_run(&bench, 60000);
    cr_expect(eq(int, members_standing(bench.members), MEMBERS_LOADING));
    cr_expect(bench_logged(&bench, "no ring yet"));
    members_seed_is_self(bench.members, 0);
    bench_run(&bench, 10000);
    cr_expect(eq(u32, members_self_number(bench.members), 0),
              "one of two is not more than half");
    members_seed_is_self(bench.members, 1);
    cr_expect(eq(u32, members_self_number(bench.members), 1));
    bench_deinit(&bench);
}

/* ---- facts ---- */

CASE(member, newer_facts_replace_older_ones_and_not_the_other_way)
{
    struct bench bench;
    struct bench_peer peer = bench_peer(5, 2);
    struct member_view view;

    bench_init(&bench, 9);
    bench_start(&bench);
    bench_run(&bench, 100);
    bench_meet(&bench, &peer);
    cr_assert(members_find(bench.members, &peer.id, &view));
    cr_expect(eq(int, view.facts->phase, MEMBER_NORMAL));
    peer.version++;
    peer.phase = MEMBER_LEAVING;
    bench_meet(&bench, &peer);
    members_find(bench.members, &peer.id, &view);
    cr_expect(eq(int, view.facts->phase, MEMBER_LEAVING));
    peer.version--;
    peer.phase = MEMBER_NORMAL;
    bench_meet(&bench, &peer);
    members_find(bench.members, &peer.id, &view);
    cr_expect(eq(int, view.facts->phase, MEMBER_LEAVING));
    peer.incarnation++;
    peer.version = 1;
    bench_meet(&bench, &peer);
    members_find(bench.members, &peer.id, &view);
    cr_expect(eq(int, view.facts->phase, MEMBER_NORMAL));
    bench_deinit(&bench);
}

CASE(member, removed_outranks_all_facts_of_its_id_for_ever)
{
    struct bench bench;
    struct bench_peer peer = bench_peer(5, 2);
    struct node_id nobody = bench_id(77);

    bench_init(&bench, 9);
    bench_start(&bench);
    bench_run(&bench, 100);
    bench_meet(&bench, &peer);
    cr_expect(eq(int, members_remove(bench.members, &nobody, bench.now_ms),
                 ERR_UNKNOWN));
    cr_expect(
        eq(int, members_remove(bench.members, &peer.id, bench.now_ms), ERR_OK));
    peer.incarnation += 1000000;
    bench_meet(&bench, &peer);
    cr_expect(eq(int, bench_health(&bench, 5), MEMBER_REMOVED));
    bench_run(&bench, 2000);
    bench_restart(&bench);
    bench_meet(&bench, &peer);
    cr_expect(eq(int, bench_health(&bench, 5), MEMBER_REMOVED));
    cr_expect(eq(u32, members_majority(bench.members), 1));
    bench_deinit(&bench);
}

CASE(member, of_two_with_one_number_the_lower_id_keeps_it)
{
    struct bench bench;
    struct bench_peer low = bench_peer(3, 2), high = bench_peer(5, 2);
    struct bench_peer mine = bench_peer(2, 1);
    struct member_view view;

    bench_init(&bench, 9);
    bench_start(&bench);
    bench_run(&bench, 100);
    bench_meet(&bench, &high);
    bench_meet(&bench, &low);
    cr_assert(bench_view(&bench, 2, &view));
    cr_expect(node_id_equal(&view.id, &low.id));
    bench_meet(&bench, &mine);
    bench_run(&bench, 100);
    cr_expect(eq(u32, members_self_number(bench.members), 0));
    cr_expect(eq(int, members_standing(bench.members), MEMBERS_LOADING));
    cr_expect(bench_last(&bench, FRAME_CLAIM) != NULL);
    bench_deinit(&bench);
}

CASE(member, settings_go_by_version_and_then_by_bytes)
{
    struct bench bench;
    struct bytes bytes;
    char *large = mem_must_zero(MEMBER_SETTINGS_MAX + 1);

    bench_init(&bench, 9);
    bench_start(&bench);
    cr_expect(eq(int,
                 members_publish_settings(bench.members, 3, BYTES_LIT("bb")),
                 ERR_OK));
    cr_expect(eq(int,
                 members_publish_settings(bench.members, 2, BYTES_LIT("zz")),
                 ERR_OK));
    cr_expect(eq(int,
                 members_publish_settings(bench.members, 3, BYTES_LIT("ba")),
                 ERR_OK));
    cr_expect(eq(u64, members_settings(bench.members, &bytes), 3));
    cr_expect(bytes_equal(bytes, BYTES_LIT("bb")));
    cr_expect(eq(int,
                 members_publish_settings(bench.members, 3, BYTES_LIT("bbb")),
                 ERR_OK));
    members_settings(bench.members, &bytes);
    cr_expect(bytes_equal(bytes, BYTES_LIT("bbb")));
    cr_expect(
        eq(int,
           members_publish_settings(bench.members, 9,
                                    bytes_of(large, MEMBER_SETTINGS_MAX + 1)),
           ERR_LIMIT));
    mem_free(large);
    bench_deinit(&bench);
}

CASE(member, a_later_life_from_elsewhere_under_our_id_is_outbid_and_logged_once)
{
    struct bench bench;
    struct bench_peer other = bench_peer(5, 2), twin = bench_peer(9, 1);
    struct member_view view;
    struct buf out;
    size_t place;

    bench_init(&bench, 9);
    bench_start(&bench);
    bench_run(&bench, 100);
    bench_meet(&bench, &other);
    bench_clear(&bench);
    twin.incarnation += 50;
    /* told by the other member */
    out = bench_head(&bench, &other, HEAD_HOT);
    place = codec_section(&out, SECTION_RECORDS);
    {
        struct members around = {.slot_count = BENCH_SLOTS};
        struct member row = {.id = twin.id,
                             .number = 1,
                             .incarnation = twin.incarnation,
                             .life = {twin.incarnation, 7},
                             .version = 1};
        struct buf record = {0};

        strcpy(row.facts.host, "10.9.9.9");
        row.facts.weight = 1.0;
        facts_put(&record, &around, &row);
        wire_put_u32(&out, (uint32_t)record.used);
        wire_put_raw(&out, buf_bytes(&record));
        buf_deinit(&record);
    }
    codec_section_end(&out, place);
    bench_give(&bench, other.id, FRAME_GOSSIP_FACTS, 0, buf_bytes(&out));
    cr_expect(bench_logged(&bench, "10.9.9.9"));
    bench_view(&bench, 1, &view);
    cr_expect(gt(u64, view.incarnation, twin.incarnation));
    cr_expect(ne(str, (char *)view.facts->host, "10.9.9.9"));
    bench_clear(&bench);
    bench_give(&bench, other.id, FRAME_GOSSIP_FACTS, 0, buf_bytes(&out));
    cr_expect(not(bench_logged(&bench, "10.9.9.9")));
    buf_deinit(&out);
    bench_deinit(&bench);
}

/* A link to this member's life that began so many ms after its first one. */
static enum member_meeting
meets(struct bench *bench, const struct bench_peer *peer, uint64_t later,
      int64_t since_ms, bool *is_counted, uint64_t *ping)
{
    struct node_life life = {peer->incarnation + later, 7};

    return members_meet(bench->members, &peer->id, &life, since_ms,
                        bench->now_ms, is_counted, ping);
}

static void
unlink_life(struct bench *bench, const struct bench_peer *peer, uint64_t later)
{
    struct node_life life = {peer->incarnation + later, 7};

    members_unlinked(bench->members, &peer->id, &life);
}

/* A ring of one has met the other member. */
static void
begin(struct bench *bench, const struct bench_peer *other)
{
    bench_init(bench, 9);
    bench_start(bench);
    bench_run(bench, 100);
    bench_meet(bench, other);
    bench_run(bench, 100);
}

CASE(lives, a_later_life_is_welcome_once_the_links_of_the_present_one_are_gone)
{
    struct bench bench;
    struct bench_peer other = bench_peer(5, 2);
    bool first = false, later = false;
    uint64_t ping;

    begin(&bench, &other);
    cr_expect(eq(int,
                 (int)meets(&bench, &other, 0, bench.now_ms, &first, &ping),
                 MEMBER_WELCOME));
    cr_expect(first);
    cr_expect(eq(int,
                 (int)meets(&bench, &other, 9, bench.now_ms, &later, &ping),
                 MEMBER_LATER));
    cr_expect(not(later));
    unlink_life(&bench, &other, 0);
    cr_expect(eq(int,
                 (int)meets(&bench, &other, 9, bench.now_ms, &later, &ping),
                 MEMBER_WELCOME));
    /* a frame of the first that is read only now */
    cr_expect(eq(int,
                 (int)meets(&bench, &other, 0, bench.now_ms - 1, &first, &ping),
                 MEMBER_LATER));
    bench_deinit(&bench);
}

CASE(lives, a_later_life_is_a_twin_if_the_present_one_answers_after_it_came)
{
    struct bench bench;
    struct bench_peer other = bench_peer(5, 2);
    struct node_life life = {other.incarnation, 7};
    bool first = false, later = false;
    uint64_t ping;

    begin(&bench, &other);
    (void)meets(&bench, &other, 0, bench.now_ms, &first, &ping);
    cr_expect(eq(u64, ping, 0));
    (void)meets(&bench, &other, 9, bench.now_ms, &later, &ping);
    (void)meets(&bench, &other, 0, bench.now_ms, &first, &ping);
    cr_expect(ne(u64, ping, 0));
    members_shown(bench.members, &other.id, &life, ping + 1);
    cr_expect(eq(int,
                 (int)meets(&bench, &other, 9, bench.now_ms, &later, &ping),
                 MEMBER_LATER));
    (void)meets(&bench, &other, 0, bench.now_ms, &first, &ping);
    members_shown(bench.members, &other.id, &life, ping);
    cr_expect(eq(int,
                 (int)meets(&bench, &other, 9, bench.now_ms, &later, &ping),
                 MEMBER_TWIN));
    /* its facts, told by others, are not taken either */
    other.incarnation += 9;
    other.host = "10.9.9.9";
    bench_meet(&bench, &other);
    {
        struct member_view view;

        bench_view(&bench, 2, &view);
        cr_expect(ne(str, (char *)view.facts->host, "10.9.9.9"));
    }
    bench_deinit(&bench);
}

CASE(lives, a_present_life_that_is_silent_gives_way)
{
    struct bench bench;
    struct bench_peer other = bench_peer(5, 2);
    bool first = false, later = false;
    uint64_t ping;

    begin(&bench, &other);
    (void)meets(&bench, &other, 0, bench.now_ms, &first, &ping);
    (void)meets(&bench, &other, 9, bench.now_ms, &later, &ping);
    bench_run(&bench, 600);
    cr_expect(eq(int,
                 (int)meets(&bench, &other, 9, bench.now_ms, &later, &ping),
                 MEMBER_WELCOME));
    /* it was asleep, and has a fresh nonce to show for it */
    bench_run(&bench, 100);
    first = false;
    cr_expect(eq(int,
                 (int)meets(&bench, &other, 0, bench.now_ms, &first, &ping),
                 MEMBER_WELCOME));
    cr_expect(
        eq(int, (int)meets(&bench, &other, 9, bench.now_ms - 50, &later, &ping),
           MEMBER_LATER));
    /* asleep for too long: its successor has what it lacks */
    later = first = false;
    unlink_life(&bench, &other, 0);
    bench_run(&bench, 10);
    cr_expect(eq(int,
                 (int)meets(&bench, &other, 9, bench.now_ms, &later, &ping),
                 MEMBER_WELCOME));
    bench_run(&bench, 1500);
    cr_expect(eq(int,
                 (int)meets(&bench, &other, 0, bench.now_ms, &first, &ping),
                 MEMBER_TWIN));
    bench_deinit(&bench);
}

CASE(lives, a_twin_stands_aside_for_good)
{
    struct bench bench;
    struct bench_peer other = bench_peer(5, 2);

    bench_init(&bench, 9);
    bench_start(&bench);
    bench_run(&bench, 100);
    bench_meet(&bench, &other);
    members_be_twin(bench.members, "10.0.0.2:16379");
    cr_expect(eq(int, (int)members_standing(bench.members), MEMBERS_TWIN));
    cr_expect(bench_logged(&bench, "IN USE"));
    bench_clear(&bench);
    bench_beat(&bench, &other, 10);
    bench_run(&bench, 10000);
    members_be_twin(bench.members, "10.0.0.2:16379");
    cr_expect(eq(int, (int)members_standing(bench.members), MEMBERS_TWIN));
    cr_expect(not(bench_logged(&bench, "IN USE")));
    bench_deinit(&bench);
}

CASE(member, what_a_member_may_hold_is_unknown_until_it_says_so)
{
    struct bench bench;
    struct bench_peer peer = bench_peer(5, 2);
    struct member_view view;
    struct buf out;
    size_t place;

    bench_init(&bench, 9);
    bench_start(&bench);
    bench_run(&bench, 100);
    bench_meet(&bench, &peer);
    members_find(bench.members, &peer.id, &view);
    cr_expect(eq(u64, view.facts->oldest_held, 0));
    out = bench_head(&bench, &peer, 0);
    place = codec_section(&out, SECTION_LOADS);
    wire_put_varint(&out, 2);
    wire_put_varint(&out, codec_zigzag(peer.heartbeat, peer.heartbeat));
    wire_put_varint(&out, 7);
    wire_put_varint(&out, ~UINT64_C(1234));
    wire_put_varint(&out, 3);
    wire_put_varint(&out, 4);
    wire_put_varint(&out, 5);
    wire_put_varint(&out, 6);
    wire_put_varint(&out, 8);
    codec_section_end(&out, place);
    bench_give(&bench, peer.id, FRAME_GOSSIP_FACTS, 0, buf_bytes(&out));
    buf_deinit(&out);
    members_find(bench.members, &peer.id, &view);
    cr_expect(eq(u64, view.facts->hint_count, 7));
    cr_expect(eq(u64, view.facts->oldest_held, 1234));
    cr_expect(eq(u32, view.facts->dirty_slots, 3));
    peer.incarnation++; /* a new life */
    bench_meet(&bench, &peer);
    members_find(bench.members, &peer.id, &view);
    cr_expect(eq(u64, view.facts->oldest_held, 0));
    bench_deinit(&bench);
}
