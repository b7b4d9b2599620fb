/*
 * What comes in. Peers have proved that they know the secret, but bytes are
 * bytes: each section is decoded within its bounds, and what makes no sense is
 * counted and dropped.
 */
#include "base/err.h"
#include "member/inside.h"

static bool
take_records(struct members *members, const struct node_id *from,
             struct bytes body, bool is_hot)
{
    struct wire_reader reader = wire_reader(body);
    uint8_t spread = is_hot ? rumour_count(members) : 0;

    /* a few that the digests found: perhaps a rumour that died too soon */
    if (!is_hot && body.size < 4096) spread = FLUSH_FANOUT;
    while (!reader.is_bad && reader.at < reader.end) {
        uint32_t size = wire_u32(&reader);
        struct bytes bytes = wire_take(&reader, size);
        struct facts_record record;

        if (reader.is_bad) return false;
        if (!facts_read(bytes, members->slot_count, &record)) {
            facts_drop(&record);
            return false;
        }
        /* without a number a node speaks only for itself */
        if (record.number == 0 && !record.is_removed &&
            !node_id_equal(&record.id, from) &&
            rows_find(members, &record.id) == NULL)
            facts_drop(&record);
        else
            (void)facts_merge(members, &record, spread);
    }
    return !reader.is_bad;
}

static bool
take_beats(struct members *members, const struct head *head, struct bytes body)
{
    struct wire_reader reader = wire_reader(body);
    uint64_t number = 0;

    while (!reader.is_bad && reader.at < reader.end) {
        uint64_t gap = wire_varint(&reader), count = wire_varint(&reader);

        if (gap >= RING_NUMBERS || count > RING_NUMBERS) return false;
        number += gap;
        if (number + count > RING_NUMBERS) return false;
        for (; count > 0 && !reader.is_bad; count--, number++) {
            uint64_t coded = reader.at < reader.end && !(*reader.at & 0x80)
                                 ? (uint8_t)*reader.at++
                                 : wire_varint(&reader);
            uint64_t beat = codec_unzigzag(head->heartbeat, coded);

            if (reader.is_bad || beat <= members->pulses[number].heartbeat)
                continue;
            if (members->by_number[number] != NULL)
                rows_beat(members, members->by_number[number], beat);
        }
    }
    return !reader.is_bad;
}

static bool
take_news(struct members *members, const struct head *head, struct bytes body)
{
    struct wire_reader reader = wire_reader(body);

    while (!reader.is_bad && reader.at < reader.end) {
        struct news news;
        uint64_t number, observer;

        news.kind = wire_u8(&reader);
        number = wire_varint(&reader);
        news.incarnation = wire_u64(&reader);
        news.heartbeat = codec_unzigzag(head->heartbeat, wire_varint(&reader));
        observer = wire_varint(&reader);
        if (reader.is_bad || number >= RING_NUMBERS || observer >= RING_NUMBERS)
            return false;
        if (news.kind != NEWS_SUSPECT && news.kind != NEWS_DOWN) return false;
        news.number = (uint32_t)number;
        news.observer = (uint32_t)observer;
        detector_news(members, &news);
    }
    return !reader.is_bad;
}

static void
take_load(struct members *members, uint64_t number, uint64_t version,
          const struct member_facts *load)
{
    struct member *member = members->by_number[number];

    if (member == NULL || member == members->self || member->is_removed) return;
    if (version <= member->load_version) return;
    member->load_version = version;
    member->facts.hint_count = load->hint_count;
    member->facts.oldest_held = load->oldest_held;
    member->facts.dirty_slots = load->dirty_slots;
    member->facts.unsettled_slots = load->unsettled_slots;
    member->facts.keys = load->keys;
    member->facts.memory_bytes = load->memory_bytes;
    member->facts.ops_per_s = load->ops_per_s;
    rumour_load(members, member, 2);
}

static bool
take_loads(struct members *members, const struct head *head, struct bytes body)
{
    struct wire_reader reader = wire_reader(body);

    while (!reader.is_bad && reader.at < reader.end) {
        struct member_facts load = {.weight = 1};
        uint64_t number = wire_varint(&reader);
        uint64_t version =
            codec_unzigzag(head->heartbeat, wire_varint(&reader));
        uint64_t dirty, unsettled;

        load.hint_count = wire_varint(&reader);
        load.oldest_held = ~wire_varint(&reader);
        dirty = wire_varint(&reader);
        unsettled = wire_varint(&reader);
        load.keys = wire_varint(&reader);
        load.memory_bytes = wire_varint(&reader);
        load.ops_per_s = wire_varint(&reader);
        if (reader.is_bad || number >= RING_NUMBERS || dirty > UINT32_MAX ||
            unsettled > UINT32_MAX)
            return false;
        load.dirty_slots = (uint32_t)dirty;
        load.unsettled_slots = (uint32_t)unsettled;
        take_load(members, number, version, &load);
    }
    return !reader.is_bad;
}

static bool
take_settings(struct members *members, struct bytes body)
{
    struct wire_reader reader = wire_reader(body);
    uint64_t version = wire_u64(&reader);
    struct bytes bytes = wire_rest(&reader);

    if (reader.is_bad || bytes.size > MEMBER_SETTINGS_MAX || version == 0)
        return false;
    return members_publish_settings(members, version, bytes) == ERR_OK;
}

/* The sender itself is alive. */
static void
take_sender(struct members *members, const struct node_id *from,
            const struct head *head)
{
    struct member *member = rows_find(members, from);

    if (head->number != 0) members->has_exchanged = true;
    if (member == NULL || member->is_removed) return;
    if (head->incarnation >= member->incarnation)
        rows_beat(members, member, head->heartbeat);
}

static bool
take_section(struct members *members, const struct node_id *from,
             const struct head *head, uint8_t tag, struct bytes body)
{
    bool is_hot = head->flags & HEAD_HOT;

    if (tag == SECTION_RECORDS)
        return take_records(members, from, body, is_hot);
    if (tag == SECTION_BEATS) return take_beats(members, head, body);
    if (tag == SECTION_NEWS) return take_news(members, head, body);
    if (tag == SECTION_LOADS) return take_loads(members, head, body);
    if (tag == SECTION_DIGEST) return exchange_digest(members, from, body);
    if (tag == SECTION_WANTS) return exchange_wants(members, from, body);
    if (tag == SECTION_SETTINGS) return take_settings(members, body);
    return true;
}

/* A node without a ring that hears a numbered member takes over its ring: if
 * the frame carries the secret. Otherwise it asks. */
static bool
take_ring(struct members *members, const struct node_id *from,
          const struct head *head, struct wire_reader reader)
{
    struct bytes body;
    uint8_t tag;

    while (codec_next(&reader, &tag, &body)) {
        if (tag != SECTION_SECRET || body.size != 32) continue;
        found_adopt(members, head, (const uint8_t *)body.data);
        return true;
    }
    if (members->now_ms - members->founding.asked_at_ms >= MEMBER_TICK_MS) {
        members->founding.asked_at_ms = members->now_ms;
        exchange_member(members, from);
    }
    return false;
}

static void
take_fresh(struct members *members, const struct node_id *from,
           const struct frame *frame, const struct head *head,
           struct wire_reader reader)
{
    struct bytes body;
    uint8_t tag;

    if (!node_id_is_zero(&members->ring)) {
        if (frame->type != FRAME_GOSSIP) return;
        if (members->self->number != 0) {
            exchange_all_records(members, from, frame->request_id);
        } else {
            codec_start(members, 0);
            members_send(members, from, 0, FRAME_GOSSIP_ANSWER,
                         frame->request_id);
        }
        return;
    }
    found_head(members, from, frame, head);
    while (codec_next(&reader, &tag, &body))
        if (tag == SECTION_FRESH && !found_fresh_list(members, body))
            members->stats.bad_frames++;
    if (frame->type != FRAME_GOSSIP) return;
    codec_start(members, 0);
    codec_fresh(members);
    members_send(members, from, 0, FRAME_GOSSIP_ANSWER, frame->request_id);
}

void
receive_frame(struct members *members, const struct node_id *from,
              const struct frame *frame)
{
    struct wire_reader reader = wire_reader(frame->payload);
    struct head head;
    struct bytes body;
    uint8_t tag;
    bool is_good = true;

    if (!codec_head(&reader, &head)) {
        members->stats.bad_frames++;
        return;
    }
    if (head.flags & HEAD_FRESH) {
        take_fresh(members, from, frame, &head, reader);
        return;
    }
    if (frame->request_id > 0 && frame->request_id <= members->seed_count)
        found_head(members, from, frame, &head);
    if (node_id_is_zero(&members->ring)) {
        if (head.number == 0 || !take_ring(members, from, &head, reader))
            return;
    }
    if (!node_id_equal(&members->ring, &head.ring)) {
        if (frame->type == FRAME_GOSSIP) {
            codec_start(members, 0); /* so that both sides know */
            members_send(members, from, 0, FRAME_GOSSIP_ANSWER,
                         frame->request_id);
        }
        found_foreign(members, from, &head);
        return;
    }
    /* all of it, and nothing else, is about the ring we are in now */
    while (is_good && codec_next(&reader, &tag, &body))
        is_good = take_section(members, from, &head, tag, body);
    if (!is_good || reader.is_bad) members->stats.bad_frames++;
    take_sender(members, from, &head);
    if (frame->type == FRAME_GOSSIP)
        exchange_answer(members, from, frame->request_id, &head);
}
