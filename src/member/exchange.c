/*
 * Three times a second a node talks to another one:
 *
 *   A                                        B
 *     GOSSIP {head, heartbeats, news, loads} -->
 *     <-- GOSSIP_ANSWER {the same; if the hashes of the tables differ: a
 *                        digest of rows}
 *     GOSSIP_FACTS {records that B lacks, wants for those that A lacks} -->
 *     <-- GOSSIP_FACTS {the wanted ones}
 *
 * In a quiet ring the hashes are equal and the last two are not sent. Partners
 * come in a shuffled order, so each is met in turn; now and then it is a
 * member that is DOWN, or a seed, so that parts of a ring find each other: how
 * often goes with the size, so that the ring as a whole does it some times a
 * second.
 */
#include "base/memory.h"
#include "member/inside.h"

enum { SELDOM = 8, SEED_MS = 1000 };

void
members_send(struct members *members, const struct node_id *to, uint32_t seed,
             uint8_t type, uint64_t request_id)
{
    struct frame frame = {.type = type, .request_id = request_id};

    frame.payload = buf_bytes(&members->out);
    members->stats.frames_sent++;
    members->stats.bytes_sent += FRAME_HEAD_BYTES + members->out.used;
    members->effects.send(members->effects.self, to, seed, &frame);
}

/* What both a question and its answer say. */
static void
put_round(struct members *members, const struct member *about)
{
    if (members->self->number == 0) {
        size_t place = codec_section(&members->out, SECTION_RECORDS);

        codec_put_record(members, members->self);
        codec_section_end(&members->out, place);
    }
    codec_beats(members);
    rumour_put_news(members, false, about);
    codec_loads(members);
}

void
exchange_member(struct members *members, const struct node_id *to)
{
    codec_start(members, 0);
    if (!node_id_is_zero(&members->ring))
        put_round(members, rows_find(members, to));
    else
        codec_fresh(members);
    members_send(members, to, 0, FRAME_GOSSIP, 0);
}

void
exchange_seed(struct members *members, uint32_t seed)
{
    codec_start(members, HEAD_AS_SEED);
    if (node_id_is_zero(&members->ring))
        codec_fresh(members);
    else
        put_round(members, NULL);
    members_send(members, NULL, seed, FRAME_GOSSIP, seed + 1);
}

void
exchange_answer(struct members *members, const struct node_id *to,
                uint64_t request_id, const struct head *head)
{
    const struct member *about = rows_find(members, to);

    codec_start(members, 0);
    if (about != NULL && about->is_removed) {
        size_t place = codec_section(&members->out, SECTION_RECORDS);

        codec_put_record(members, about);
        codec_section_end(&members->out, place);
    }
    put_round(members, about);
    if (head->hash != members->hash) codec_digest(members);
    if (head->number != 0 &&
        (about == NULL || head->incarnation > about->incarnation)) {
        /* a life of it that is not known here */
        size_t place = codec_section(&members->out, SECTION_WANTS);

        wire_put_raw(&members->out, bytes_of(to->bytes, 8));
        codec_section_end(&members->out, place);
    }
    if (head->settings_version < members->settings_version)
        codec_settings(members);
    members_send(members, to, 0, FRAME_GOSSIP_ANSWER, request_id);
}

/* For a node without a ring: the ring's secret and everybody's facts. */
void
exchange_all_records(struct members *members, const struct node_id *to,
                     uint64_t request_id)
{
    uint32_t at = 0;
    size_t place;

    codec_start(members, 0);
    place = codec_section(&members->out, SECTION_SECRET);
    wire_put_raw(&members->out, bytes_of(members->hash_seed, 32));
    codec_section_end(&members->out, place);
    codec_records(members, &at);
    codec_beats(members);
    if (members->settings_version > 0) codec_settings(members);
    members_send(members, to, 0, FRAME_GOSSIP_ANSWER, request_id);
    while (at < members->count) {
        codec_start(members, 0);
        codec_records(members, &at);
        members_send(members, to, 0, FRAME_GOSSIP_FACTS, 0);
    }
}

/* ---- digests ---- */

struct digest_row {
    struct bytes prefix; /* 8 bytes */
    uint64_t incarnation, version;
    bool is_there;
};

static void
take_row(struct wire_reader *reader, struct digest_row *row)
{
    row->is_there = !reader->is_bad && reader->at < reader->end;
    if (!row->is_there) return;
    row->prefix = wire_take(reader, 8);
    row->incarnation = wire_u64(reader);
    row->version = wire_varint(reader);
    if (reader->is_bad || row->prefix.data == NULL) row->is_there = false;
}

struct comparison {
    struct members *members;
    struct buf records, wants;
};

static void
give(struct comparison *comparison, const struct member *row)
{
    struct buf record = {0};

    if (comparison->records.used > CHUNK_BYTES) return;
    facts_put(&record, comparison->members, row);
    wire_put_u32(&comparison->records, (uint32_t)record.used);
    wire_put_raw(&comparison->records, buf_bytes(&record));
    buf_deinit(&record);
}

static void
compare_row(struct comparison *comparison, const struct member *mine,
            const struct digest_row *theirs)
{
    uint64_t incarnation = mine->is_removed ? UINT64_MAX : mine->incarnation;
    uint64_t version = mine->is_removed ? 0 : mine->version;

    if (incarnation > theirs->incarnation ||
        (incarnation == theirs->incarnation && version > theirs->version)) {
        give(comparison, mine);
    } else if (incarnation < theirs->incarnation || version < theirs->version) {
        wire_put_raw(&comparison->wants, theirs->prefix);
    }
}

static void
put_body(struct members *members, enum section tag, struct buf *body)
{
    size_t place = codec_section(&members->out, tag);

    wire_put_raw(&members->out, buf_bytes(body));
    codec_section_end(&members->out, place);
    buf_deinit(body);
}

bool
exchange_digest(struct members *members, const struct node_id *to,
                struct bytes body)
{
    struct wire_reader reader = wire_reader(body);
    struct node_id first = codec_take_id(&reader);
    struct node_id last = codec_take_id(&reader);
    struct comparison comparison = {members, {0}, {0}};
    struct digest_row theirs = {0};
    uint32_t i = 0;

    while (i < members->count &&
           node_id_compare(&members->rows[i]->id, &first) < 0)
        i++;
    take_row(&reader, &theirs);
    for (;;) {
        const struct member *mine = NULL;
        int order;

        while (i < members->count && !members->rows[i]->is_listed)
            i++;
        if (i < members->count &&
            node_id_compare(&members->rows[i]->id, &last) <= 0)
            mine = members->rows[i];
        if (mine == NULL && !theirs.is_there) break;
        order = mine == NULL ? 1
                : !theirs.is_there
                    ? -1
                    : memcmp(mine->id.bytes, theirs.prefix.data, 8);
        if (order == 0) compare_row(&comparison, mine, &theirs);
        if (order < 0) give(&comparison, mine);
        if (order > 0) wire_put_raw(&comparison.wants, theirs.prefix);
        if (order <= 0) i++;
        if (order >= 0) take_row(&reader, &theirs);
    }
    codec_start(members, 0);
    if (!reader.is_bad &&
        (comparison.records.used > 0 || comparison.wants.used > 0)) {
        put_body(members, SECTION_RECORDS, &comparison.records);
        put_body(members, SECTION_WANTS, &comparison.wants);
        members_send(members, to, 0, FRAME_GOSSIP_FACTS, 0);
    }
    buf_deinit(&comparison.records);
    buf_deinit(&comparison.wants);
    return !reader.is_bad;
}

/* The rows wanted are looked for in one walk: at most a window's worth. */
bool
exchange_wants(struct members *members, const struct node_id *to,
               struct bytes body)
{
    size_t place;
    uint32_t i, at = 0;

    if (body.size % 8 != 0 || body.size / 8 > WINDOW_ROWS) return false;
    codec_start(members, 0);
    place = codec_section(&members->out, SECTION_RECORDS);
    for (i = 0; i < members->count && at < body.size; i++) {
        const struct member *row = members->rows[i];
        int order = memcmp(row->id.bytes, body.data + at, 8);

        while (order > 0 && (at += 8) < body.size)
            order = memcmp(row->id.bytes, body.data + at, 8);
        if (at >= body.size || order != 0 || !row->is_listed) continue;
        if (members->out.used - place > CHUNK_BYTES) break;
        codec_put_record(members, row);
    }
    codec_section_end(&members->out, place);
    members_send(members, to, 0, FRAME_GOSSIP_FACTS, 0);
    return true;
}

/* ---- partners ---- */

static void
shuffle(struct members *members)
{
    uint32_t i;

    if (members->order_room < members->numbered) {
        members->order_room = members->numbered * 2;
        members->order = mem_must_array(members->order, members->order_room,
                                        sizeof(*members->order));
    }
    members->order_count = members->order_at = 0;
    for (i = 1; i < members->number_end; i++) {
        const struct member *member = members->by_number[i];

        if (member == NULL || member == members->self) continue;
        if (!rows_is_live(member) || member->is_down) continue;
        if (members->order_count == members->order_room) break;
        members->order[members->order_count++] = (uint16_t)i;
    }
    for (i = members->order_count; i > 1; i--) {
        uint32_t j = (uint32_t)rng_below(&members->rng, i);
        uint16_t number = members->order[i - 1];

        members->order[i - 1] = members->order[j];
        members->order[j] = number;
    }
}

/* One that is silent or that no link reaches is tried one time in four: what it
 * knows comes by others. */
static const struct member *
next_partner(struct members *members)
{
    uint32_t tries;

    for (tries = 0; tries < members->numbered + 4; tries++) {
        const struct member *member;

        if (members->order_at == members->order_count) shuffle(members);
        if (members->order_count == 0) return NULL;
        member = members->by_number[members->order[members->order_at++]];
        if (member == NULL || !rows_is_live(member) || member->is_down)
            continue;
        if ((member->is_unreached || member->suspect_ms != 0) &&
            rng_below(&members->rng, 4) != 0)
            continue;
        return member;
    }
    return NULL;
}

static bool
ask_a_seed(struct members *members)
{
    uint32_t i, at;

    if (members->seed_count == 0) return false;
    at = (uint32_t)rng_below(&members->rng, members->seed_count);
    for (i = 0; i < members->seed_count; i++) {
        uint32_t seed = (at + i) % members->seed_count;

        if (members->seeds[seed].is_self) continue;
        if (members->seeds[seed].has_id &&
            node_id_equal(&members->seeds[seed].id, &members->self->id))
            continue;
        exchange_seed(members, seed);
        return true;
    }
    return false;
}

static const struct member *
some_down(struct members *members)
{
    uint32_t i, at = (uint32_t)rng_below(&members->rng, members->count);

    if (members->down_count == 0) return NULL;
    for (i = 0; i < members->count; i++) {
        const struct member *row = members->rows[(at + i) % members->count];

        if (row->is_down && rows_is_live(row)) return row;
    }
    return NULL;
}

static void
exchange_once(struct members *members)
{
    const struct member *partner = NULL;

    if (members->exchanges++ % SELDOM == SELDOM - 1) {
        uint64_t chance = rng_below(&members->rng, members->numbered + 1);

        if (chance < SELDOM / 2 && ask_a_seed(members)) return;
        if (chance < SELDOM * (uint64_t)members->down_count)
            partner = some_down(members);
    }
    if (partner == NULL) partner = next_partner(members);
    if (partner != NULL) exchange_member(members, &partner->id);
}

void
exchange_tick(struct members *members)
{
    int64_t now_ms = members->now_ms;
    uint32_t count = 0;

    if (members->flushes < FLUSHES_MAX) members->flushes += 5;
    if (members->spreading > 0) rumour_flush(members);
    while (now_ms >= members->next_exchange_ms && count++ < 3) {
        exchange_once(members);
        members->next_exchange_ms += EXCHANGE_MS;
    }
    if (members->next_exchange_ms < now_ms)
        members->next_exchange_ms = now_ms + EXCHANGE_MS;
    /* alone, or not heard by anybody yet: the seeds may know more */
    if ((members->numbered < 2 || !members->has_exchanged) &&
        now_ms >= members->next_seed_ms) {
        members->next_seed_ms = now_ms + SEED_MS;
        (void)ask_a_seed(members);
    }
}
