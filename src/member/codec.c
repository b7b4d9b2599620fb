/*
 * Payloads: a head, then sections of {u8 tag, u32 length, body}. Sections of
 * tags that are not known are skipped, so a newer version can add some.
 */
#include "member/inside.h"

enum { LOADS = 3 }; /* in one frame */

void
codec_node_id(struct buf *out, const struct node_id *id)
{
    wire_put_raw(out, bytes_of(id->bytes, NODE_ID_BYTES));
}

struct node_id
codec_take_id(struct wire_reader *reader)
{
    struct bytes bytes = wire_take(reader, NODE_ID_BYTES);
    struct node_id id = {{0}};

    if (bytes.size == NODE_ID_BYTES)
        memcpy(id.bytes, bytes.data, NODE_ID_BYTES);
    return id;
}

uint64_t
codec_zigzag(uint64_t base, uint64_t value)
{
    uint64_t gap = base - value; /* modulo 2^64 */

    return (gap << 1) ^ (gap >> 63 ? UINT64_MAX : 0);
}

uint64_t
codec_unzigzag(uint64_t base, uint64_t coded)
{
    uint64_t gap = (coded >> 1) ^ (coded & 1 ? UINT64_MAX : 0);

    return base - gap;
}

void
codec_start(struct members *members, uint8_t flags)
{
    const struct member *self = members->self;
    struct buf *out = &members->out;

    out->used = 0;
    wire_put_u8(out, PAYLOAD_FORMAT);
    wire_put_u8(out, (uint8_t)(flags | found_flags(members)));
    codec_node_id(out, &members->ring);
    wire_put_varint(out, self->number);
    wire_put_u64(out, self->incarnation);
    wire_put_varint(out, self->pulse->heartbeat);
    wire_put_u64(out, members->hash);
    wire_put_varint(out, members->settings_version);
}

bool
codec_head(struct wire_reader *reader, struct head *head)
{
    uint64_t number;

    if (wire_u8(reader) != PAYLOAD_FORMAT) return false;
    head->flags = wire_u8(reader);
    head->ring = codec_take_id(reader);
    number = wire_varint(reader);
    head->incarnation = wire_u64(reader);
    head->heartbeat = wire_varint(reader);
    head->hash = wire_u64(reader);
    head->settings_version = wire_varint(reader);
    if (reader->is_bad || number >= RING_NUMBERS) return false;
    head->number = (uint32_t)number;
    return !(head->flags & HEAD_FRESH) == !node_id_is_zero(&head->ring);
}

size_t
codec_section(struct buf *out, enum section tag)
{
    wire_put_u8(out, (uint8_t)tag);
    wire_put_u32(out, 0);
    return out->used;
}

void
codec_section_end(struct buf *out, size_t place)
{
    size_t size = out->used - place;
    uint32_t i;

    if (size == 0) { /* nothing to say */
        out->used = place - 5;
        return;
    }
    for (i = 0; i < 4; i++)
        out->data[place - 4 + i] = (char)(uint8_t)(size >> (8 * i));
}

bool
codec_next(struct wire_reader *reader, uint8_t *tag, struct bytes *body)
{
    uint32_t size;

    if (reader->is_bad || reader->at == reader->end) return false;
    *tag = wire_u8(reader);
    size = wire_u32(reader);
    *body = wire_take(reader, size);
    return !reader->is_bad;
}

/*
 * Heartbeats in order of numbers, as runs: {numbers left out, numbers in the
 * run, for each the sender's own heartbeat less this one}. Living nodes differ
 * by seconds, so most take one byte. Larger rings: a window, somewhere.
 */
void
codec_beats(struct members *members)
{
    uint64_t base = members->self->pulse->heartbeat;
    uint32_t end = members->number_end, from = 0, at, last = 0, left;
    size_t place = codec_section(&members->out, SECTION_BEATS);

    if (end > BEATS_MAX + 1)
        from = (uint32_t)rng_below(&members->rng, end - BEATS_MAX);
    left = BEATS_MAX;
    for (at = from; at < end && left > 0;) {
        uint32_t stop = at;

        while (stop < end && stop - at < left && members->has_beat[stop])
            stop++;
        if (stop > at) {
            wire_put_varint(&members->out, at - last);
            wire_put_varint(&members->out, stop - at);
            left -= stop - at;
            for (; at < stop; at++)
                wire_put_varint(
                    &members->out,
                    codec_zigzag(base, members->pulses[at].heartbeat));
            last = stop;
        } else {
            at++;
        }
    }
    codec_section_end(&members->out, place);
}

void
codec_put_record(struct members *members, const struct member *member)
{
    struct buf *out = &members->out;
    size_t place = out->used, size;
    uint32_t i;

    wire_put_u32(out, 0);
    facts_put(out, members, member);
    size = out->used - place - 4;
    for (i = 0; i < 4; i++)
        out->data[place + i] = (char)(uint8_t)(size >> (8 * i));
}

void
codec_records(struct members *members, uint32_t *at)
{
    size_t place = codec_section(&members->out, SECTION_RECORDS);

    for (; *at < members->count; (*at)++) {
        if (members->out.used - place > CHUNK_BYTES) break;
        if (members->rows[*at]->is_listed)
            codec_put_record(members, members->rows[*at]);
    }
    codec_section_end(&members->out, place);
}

/*
 * A window over the rows, ordered by id: {first id, last id, for each row the
 * first 8 bytes of its id, incarnation, version}. The window's ends are ids,
 * so a row that the sender lacks shows too.
 */
void
codec_digest(struct members *members)
{
    static const struct node_id lowest;
    struct node_id highest;
    struct buf *out = &members->out;
    uint32_t from = 0, to = members->count, i;
    size_t place = codec_section(out, SECTION_DIGEST);

    memset(&highest, 0xff, sizeof(highest));
    if (members->count > WINDOW_ROWS) {
        from = (uint32_t)rng_below(&members->rng,
                                   members->count - WINDOW_ROWS + 1);
        to = from + WINDOW_ROWS;
    }
    codec_node_id(out, from == 0 ? &lowest : &members->rows[from]->id);
    codec_node_id(out,
                  to == members->count ? &highest : &members->rows[to - 1]->id);
    for (i = from; i < to; i++) {
        const struct member *row = members->rows[i];

        if (!row->is_listed) continue;
        wire_put_raw(out, bytes_of(row->id.bytes, 8));
        wire_put_u64(out, row->is_removed ? UINT64_MAX : row->incarnation);
        wire_put_varint(out, row->is_removed ? 0 : row->version);
    }
    codec_section_end(out, place);
}

void
codec_put_news(struct members *members, const struct news *news)
{
    struct buf *out = &members->out;

    wire_put_u8(out, news->kind);
    wire_put_varint(out, news->number);
    wire_put_u64(out, news->incarnation);
    wire_put_varint(
        out, codec_zigzag(members->self->pulse->heartbeat, news->heartbeat));
    wire_put_varint(out, news->observer);
}

static void
put_load(struct members *members, const struct member *member)
{
    const struct member_facts *facts = &member->facts;
    struct buf *out = &members->out;

    wire_put_varint(out, member->number);
    wire_put_varint(out, codec_zigzag(members->self->pulse->heartbeat,
                                      member->load_version));
    wire_put_varint(out, facts->hint_count);
    wire_put_varint(out, ~facts->oldest_held); /* "nothing": one byte */
    wire_put_varint(out, facts->dirty_slots);
    wire_put_varint(out, facts->unsettled_slots);
    wire_put_varint(out, facts->keys);
    wire_put_varint(out, facts->memory_bytes);
    wire_put_varint(out, facts->ops_per_s);
}

/* New ones first, then in turn, so that a load also reaches those that missed
 * it when it was new. */
void
codec_loads(struct members *members)
{
    size_t place = codec_section(&members->out, SECTION_LOADS);
    uint32_t left = LOADS, at;
    uint32_t tries = members->number_end > 0 ? members->number_end - 1 : 0;

    if (tries > 16) tries = 16;
    for (at = 1; at < members->number_end && left > 0; at++) {
        struct member *member = members->by_number[at];

        if (members->hot_loads == 0) break;
        if (member == NULL || member->load_spread == 0) continue;
        put_load(members, member);
        if (--member->load_spread == 0) members->hot_loads--;
        left--;
    }
    /* at most one time round, so that nobody is told twice */
    for (; tries > 0 && left > 0; tries--) {
        struct member *member;

        if (++members->load_at >= members->number_end) members->load_at = 1;
        member = members->by_number[members->load_at];
        if (member == NULL || !rows_is_live(member)) continue;
        if (member->load_version == 0) continue;
        put_load(members, member);
        left--;
    }
    codec_section_end(&members->out, place);
}

void
codec_settings(struct members *members)
{
    size_t place = codec_section(&members->out, SECTION_SETTINGS);

    wire_put_u64(&members->out, members->settings_version);
    wire_put_raw(&members->out, buf_bytes(&members->settings));
    codec_section_end(&members->out, place);
}

/* Nodes without a ring that were heard by this one itself: ids and whether
 * they are somebody's seed. */
void
codec_fresh(struct members *members)
{
    size_t place = codec_section(&members->out, SECTION_FRESH);
    uint32_t i;

    for (i = 0; i < members->founding.peer_count; i++) {
        const struct fresh_peer *peer = &members->founding.peers[i];

        if (!peer->is_direct || members->now_ms - peer->heard_ms > 2000)
            continue;
        codec_node_id(&members->out, &peer->id);
        wire_put_u8(&members->out, peer->is_seed);
    }
    codec_section_end(&members->out, place);
}
