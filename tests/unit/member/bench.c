#include "bench.h"

#include "base/memory.h"

#include <stdio.h>

struct node_id
bench_id(uint8_t first)
{
    struct node_id id = {{first, 7}};

    return id;
}

/* ---- effects ---- */

static void
on_send(void *self, const struct node_id *to, uint32_t seed,
        const struct frame *frame)
{
    struct bench *bench = self;
    struct bench_frame *sent = &bench->sent[bench->sent_count];

    if (bench->sent_count == BENCH_SENT_MAX) return;
    bench->sent_count++;
    *sent = (struct bench_frame){.is_to_seed = to == NULL,
                                 .seed = seed,
                                 .type = frame->type,
                                 .request_id = frame->request_id,
                                 .size = frame->payload.size};
    if (to != NULL) sent->to = *to;
    sent->payload = mem_must(frame->payload.size + 1);
    if (sent->size > 0) memcpy(sent->payload, frame->payload.data, sent->size);
}

static void
on_changed(void *self)
{
    ((struct bench *)self)->changes++;
}

static void
on_save(void *self, struct bytes bytes)
{
    struct bench *bench = self;

    bench->saves++;
    bench->saved.used = 0;
    buf_must_add(&bench->saved, bytes.data, bytes.size);
}

static void
on_log(void *self, const char *line)
{
    struct bench *bench = self;
    size_t used = strlen(bench->log);

    (void)snprintf(bench->log + used, sizeof(bench->log) - used, "%s\n", line);
}

static void
on_was_down(void *self)
{
    struct bench *bench = self;

    bench->was_down++;
}

/* ---- life ---- */

void
bench_init(struct bench *bench, uint8_t id)
{
    memset(bench, 0, sizeof(*bench));
    bench->now_ms = 5000;
    bench->config.self = bench_id(id);
    bench->config.incarnation = (uint64_t)BENCH_WALL;
    bench->config.vnodes = 4;
    bench->config.slot_count = BENCH_SLOTS;
    bench->config.replicas.count = 3;
    bench->config.node_timeout_ms = 3000;
    bench->config.rng_seed = id;
    strcpy(bench->config.facts.host, "10.0.0.1");
    strcpy(bench->config.facts.dc, "dc1");
    strcpy(bench->config.facts.rack, "rack1");
    strcpy(bench->config.facts.version, "1.0");
    bench->config.facts.port = 6379;
    bench->config.facts.bus_port = 16379;
    bench->config.facts.weight = 1.0;
    bench->config.facts.workers = 2;
    bench->config.facts.oldest_held = UINT64_MAX;
}

void
bench_start(struct bench *bench)
{
    const struct member_effects effects = {on_send, on_changed,  on_save,
                                           on_log,  on_was_down, bench};

    bench->members = members_new(&bench->config, &effects, bench->now_ms,
                                 BENCH_WALL + bench->now_ms);
}

void
bench_restart(struct bench *bench)
{
    struct buf saved = {0};

    members_free(bench->members);
    buf_must_add(&saved, bench->saved.data, bench->saved.used);
    bench->config.saved = buf_bytes(&saved);
    bench->config.facts.phase = MEMBER_RETURNING;
    bench_start(bench);
    buf_deinit(&saved);
}

void
bench_deinit(struct bench *bench)
{
    bench_clear(bench);
    members_free(bench->members);
    buf_deinit(&bench->saved);
}

void
bench_clear(struct bench *bench)
{
    uint32_t i;

    for (i = 0; i < bench->sent_count; i++)
        mem_free(bench->sent[i].payload);
    bench->sent_count = 0;
    bench->changes = bench->saves = 0;
    bench->log[0] = '\0';
}

void
bench_run(struct bench *bench, int64_t ms)
{
    int64_t until_ms = bench->now_ms + ms;

    while (bench->now_ms < until_ms) {
        bench->now_ms += MEMBER_TICK_MS;
        members_tick(bench->members, bench->now_ms, BENCH_WALL + bench->now_ms);
    }
}

void
bench_give(struct bench *bench, struct node_id from, uint8_t type,
           uint64_t request_id, struct bytes payload)
{
    struct frame frame = {
        .type = type, .request_id = request_id, .payload = payload};

    members_frame(bench->members, &from, &frame, bench->now_ms,
                  BENCH_WALL + bench->now_ms);
}

const struct bench_frame *
bench_last(const struct bench *bench, uint8_t type)
{
    uint32_t i;

    for (i = bench->sent_count; i > 0; i--)
        if (bench->sent[i - 1].type == type) return &bench->sent[i - 1];
    return NULL;
}

bool
bench_logged(const struct bench *bench, const char *part)
{
    return strstr(bench->log, part) != NULL;
}

/* ---- peers ---- */

struct bench_peer
bench_peer(uint8_t id, uint32_t number)
{
    return (struct bench_peer){.id = bench_id(id),
                               .number = number,
                               .incarnation = (uint64_t)BENCH_WALL,
                               .version = 3,
                               .heartbeat = (uint64_t)BENCH_WALL / BEAT_MS,
                               .host = "10.0.0.2",
                               .rack = "rack2",
                               .phase = MEMBER_NORMAL};
}

struct buf
bench_head(const struct bench *bench, const struct bench_peer *peer,
           uint8_t flags)
{
    struct buf out = {0};

    wire_put_u8(&out, PAYLOAD_FORMAT);
    wire_put_u8(&out, flags);
    if (flags & HEAD_FRESH) {
        static const struct node_id nobody;

        codec_node_id(&out, &nobody);
    } else {
        struct node_id ring = bench->members->ring;

        codec_node_id(&out, &ring);
    }
    wire_put_varint(&out, peer->number);
    wire_put_u64(&out, peer->incarnation);
    wire_put_varint(&out, peer->heartbeat);
    wire_put_u64(&out, 0);
    wire_put_varint(&out, 0);
    return out;
}

static void
put_record(struct buf *out, const struct bench_peer *peer)
{
    struct members around = {.slot_count = BENCH_SLOTS};
    struct member member = {.id = peer->id,
                            .number = peer->number,
                            .incarnation = peer->incarnation,
                            .life = {peer->incarnation, 7},
                            .version = peer->version};
    struct buf record = {0};
    uint16_t tokens[2];

    tokens[0] = (uint16_t)(peer->id.bytes[0] % 100);
    tokens[1] = (uint16_t)(100 + peer->id.bytes[0] % 100);
    strcpy(member.facts.host, peer->host);
    strcpy(member.facts.rack, peer->rack);
    strcpy(member.facts.dc, "dc1");
    member.facts.weight = 1.0;
    member.facts.bus_port = 16379;
    member.facts.phase = peer->phase;
    member.facts.tokens = tokens;
    member.facts.token_count = 2;
    facts_put(&record, &around, &member);
    wire_put_u32(out, (uint32_t)record.used);
    wire_put_raw(out, buf_bytes(&record));
    buf_deinit(&record);
}

void
bench_meet(struct bench *bench, const struct bench_peer *peer)
{
    struct buf out = bench_head(bench, peer, HEAD_HOT);
    size_t place = codec_section(&out, SECTION_RECORDS);

    put_record(&out, peer);
    codec_section_end(&out, place);
    bench_give(bench, peer->id, FRAME_GOSSIP_FACTS, 0, buf_bytes(&out));
    buf_deinit(&out);
}

void
bench_beat(struct bench *bench, struct bench_peer *peer, uint64_t more)
{
    struct buf out;

    peer->heartbeat += more;
    out = bench_head(bench, peer, 0);
    bench_give(bench, peer->id, FRAME_GOSSIP_FACTS, 0, buf_bytes(&out));
    buf_deinit(&out);
}

void
bench_news(struct bench *bench, const struct bench_peer *peer,
           const struct news *news)
{
    struct buf out = bench_head(bench, peer, HEAD_HOT);
    size_t place = codec_section(&out, SECTION_NEWS);

    wire_put_u8(&out, news->kind);
    wire_put_varint(&out, news->number);
    wire_put_u64(&out, news->incarnation);
    wire_put_varint(&out, codec_zigzag(peer->heartbeat, news->heartbeat));
    wire_put_varint(&out, news->observer);
    codec_section_end(&out, place);
    bench_give(bench, peer->id, FRAME_GOSSIP_FACTS, 0, buf_bytes(&out));
    buf_deinit(&out);
}

bool
bench_view(const struct bench *bench, uint32_t number, struct member_view *view)
{
    uint32_t i;

    for (i = 0; members_at(bench->members, i, view); i++) {
        if (view->number == number) return true;
    }
    return false;
}

enum member_health
bench_health(const struct bench *bench, uint8_t id)
{
    struct node_id whole = bench_id(id);
    struct member_view view;

    cr_assert(members_find(bench->members, &whole, &view));
    return view.health;
}
