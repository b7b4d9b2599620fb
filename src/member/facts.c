/*
 * One member's facts as bytes, and when they replace what is known. The
 * README has the format.
 */
#include "base/memory.h"
#include "member/inside.h"

enum { RECORD_FACTS = 1, RECORD_REMOVED = 2 };
enum { PHASE_PROBATION = 128 }; /* added to the phase */
enum { SERVED_NONE = 0, SERVED_BITS = 1, SERVED_RUNS = 2 };

static bool
bit_is_set(const uint64_t *bits, uint32_t at)
{
    return (bits[at / 64] >> (at % 64)) & 1;
}

static uint32_t
run_end(const uint64_t *bits, uint32_t at, uint32_t slot_count, bool value)
{
    while (at < slot_count && bit_is_set(bits, at) == value)
        at++;
    return at;
}

/* Runs of clear and set bits in turn, clear first. */
static void
put_runs(struct buf *out, const uint64_t *bits, uint32_t slot_count)
{
    bool value = false;
    uint32_t at = 0;

    while (at < slot_count) {
        uint32_t end = run_end(bits, at, slot_count, value);

        wire_put_varint(out, end - at);
        at = end;
        value = !value;
    }
}

static uint32_t
run_count(const uint64_t *bits, uint32_t slot_count)
{
    bool value = false;
    uint32_t at = 0, count = 0;

    while (at < slot_count) {
        at = run_end(bits, at, slot_count, value);
        value = !value;
        count++;
    }
    return count;
}

static void
put_served(struct buf *out, const uint64_t *bits, uint32_t slot_count)
{
    uint32_t i;

    if (bits == NULL) {
        wire_put_u8(out, SERVED_NONE);
    } else if (run_count(bits, slot_count) * 2 <= slot_count / 8) {
        wire_put_u8(out, SERVED_RUNS);
        put_runs(out, bits, slot_count);
    } else {
        wire_put_u8(out, SERVED_BITS);
        for (i = 0; i < (slot_count + 63) / 64; i++)
            wire_put_u64(out, bits[i]);
    }
}

static void
put_facts(struct buf *out, const struct member_facts *facts,
          uint32_t slot_count)
{
    uint64_t weight;
    uint32_t i, before = 0;

    memcpy(&weight, &facts->weight, sizeof(weight));
    wire_put_bytes(out, bytes_str(facts->host));
    wire_put_u16(out, facts->port);
    wire_put_u16(out, facts->bus_port);
    wire_put_bytes(out, bytes_str(facts->dc));
    wire_put_bytes(out, bytes_str(facts->rack));
    wire_put_u64(out, weight);
    wire_put_varint(out, facts->workers);
    wire_put_bytes(out, bytes_str(facts->version));
    wire_put_varint(out, facts->token_count);
    for (i = 0; i < facts->token_count; i++) {
        wire_put_varint(out, facts->tokens[i] - before);
        before = facts->tokens[i] + 1u;
    }
    put_served(out, facts->served, slot_count);
}

void
facts_put(struct buf *out, const struct members *members,
          const struct member *member)
{
    wire_put_u8(out, member->is_removed ? RECORD_REMOVED : RECORD_FACTS);
    codec_node_id(out, &member->id);
    wire_put_varint(out, member->number);
    if (member->is_removed) return;
    wire_put_u64(out, member->incarnation);
    wire_put_varint(out, member->incarnation - member->life.began);
    wire_put_u64(out, member->life.nonce);
    wire_put_varint(out, member->version);
    wire_put_u8(out, (uint8_t)((uint32_t)member->facts.phase |
                               (member->facts.is_on_probation
                                    ? (uint32_t)PHASE_PROBATION
                                    : 0)));
    put_facts(out, &member->facts, members->slot_count);
}

static void
take_text(struct wire_reader *reader, char *out, size_t room)
{
    struct bytes text = wire_bytes(reader);

    out[0] = '\0';
    if (text.size == 0) return;
    if (text.size >= room || memchr(text.data, 0, text.size) != NULL) {
        reader->is_bad = true;
        return;
    }
    memcpy(out, text.data, text.size);
    out[text.size] = '\0';
}

static void
take_weight(struct wire_reader *reader, double *weight)
{
    uint64_t bits = wire_u64(reader);

    memcpy(weight, &bits, sizeof(bits));
    /* NaN fails both comparisons */
    if (!(*weight > 0 && *weight <= 1e9)) reader->is_bad = true;
}

static void
take_tokens(struct wire_reader *reader, struct member_facts *facts,
            uint32_t slot_count)
{
    uint64_t count = wire_varint(reader), next = 0;
    uint32_t i;

    /* each takes a byte at least, so memory follows what was received */
    if (reader->is_bad || count > slot_count ||
        count > (uint64_t)(reader->end - reader->at)) {
        reader->is_bad = true;
        return;
    }
    if (count == 0) return;
    facts->tokens = mem_must(count * sizeof(*facts->tokens));
    facts->token_count = (uint32_t)count;
    for (i = 0; i < count; i++) {
        uint64_t gap = wire_varint(reader);

        if (reader->is_bad || gap >= slot_count || next + gap >= slot_count) {
            reader->is_bad = true;
            return;
        }
        facts->tokens[i] = (uint16_t)(next + gap);
        next += gap + 1;
    }
}

static void
take_runs(struct wire_reader *reader, uint64_t *bits, uint32_t slot_count)
{
    uint32_t at = 0;
    bool value = false;

    while (at < slot_count && !reader->is_bad) {
        uint64_t run = wire_varint(reader);

        /* only the first may be empty, or a peer could keep us here */
        if (run > slot_count - at || (run == 0 && (at > 0 || value))) {
            reader->is_bad = true;
            return;
        }
        for (; run > 0; run--, at++)
            if (value) bits[at / 64] |= UINT64_C(1) << (at % 64);
        value = !value;
    }
}

static void
take_served(struct wire_reader *reader, struct member_facts *facts,
            uint32_t slot_count)
{
    uint32_t kind = wire_u8(reader), words = (slot_count + 63) / 64, i;

    if (kind == SERVED_NONE || reader->is_bad) return;
    facts->served = mem_must_zero((size_t)words * 8);
    if (kind == SERVED_RUNS) {
        take_runs(reader, facts->served, slot_count);
    } else if (kind == SERVED_BITS) {
        for (i = 0; i < words; i++)
            facts->served[i] = wire_u64(reader);
    } else {
        reader->is_bad = true;
    }
}

static void
take_facts(struct wire_reader *reader, struct member_facts *facts,
           uint32_t slot_count)
{
    uint64_t workers;

    take_text(reader, facts->host, sizeof(facts->host));
    facts->port = wire_u16(reader);
    facts->bus_port = wire_u16(reader);
    take_text(reader, facts->dc, sizeof(facts->dc));
    take_text(reader, facts->rack, sizeof(facts->rack));
    take_weight(reader, &facts->weight);
    workers = wire_varint(reader);
    if (workers > UINT32_MAX) reader->is_bad = true;
    facts->workers = (uint32_t)workers;
    take_text(reader, facts->version, sizeof(facts->version));
    if (!reader->is_bad) take_tokens(reader, facts, slot_count);
    if (!reader->is_bad) take_served(reader, facts, slot_count);
}

bool
facts_read(struct bytes bytes, uint32_t slot_count, struct facts_record *record)
{
    struct wire_reader reader = wire_reader(bytes);
    uint64_t number, above;
    uint32_t kind, phase;

    memset(record, 0, sizeof(*record));
    kind = wire_u8(&reader);
    record->id = codec_take_id(&reader);
    number = wire_varint(&reader);
    if (number >= RING_NUMBERS || node_id_is_zero(&record->id)) return false;
    record->number = (uint32_t)number;
    if (kind == RECORD_REMOVED) {
        record->is_removed = true;
        return wire_is_done(&reader);
    }
    if (kind != RECORD_FACTS) return false;
    record->incarnation = wire_u64(&reader);
    above = wire_varint(&reader);
    record->life.nonce = wire_u64(&reader);
    record->version = wire_varint(&reader);
    phase = wire_u8(&reader);
    record->facts.is_on_probation = (phase & PHASE_PROBATION) != 0;
    phase &= PHASE_PROBATION - 1;
    if (above > record->incarnation || phase > MEMBER_LEAVING) return false;
    record->life.began = record->incarnation - above;
    record->facts.phase = (enum member_phase)phase;
    take_facts(&reader, &record->facts, slot_count);
    if (wire_is_done(&reader)) return true;
    facts_drop(record);
    return false;
}

void
facts_drop(struct facts_record *record)
{
    facts_deinit(&record->facts);
}

/* Facts told under this node's own id, by others. */
static void
merge_self(struct members *members, struct facts_record *record)
{
    struct member *self = members->self;
    uint64_t beat = record->incarnation / BEAT_MS;

    if (record->incarnation < self->incarnation ||
        (record->incarnation == self->incarnation &&
         record->version <= self->version))
        return;
    lives_meet_self(members, record);
    /* another node, or an earlier life of ours that was later than we thought
     */
    self->incarnation = record->incarnation + 1;
    if (beat >= self->pulse->heartbeat)
        members->beat_extra += beat - self->pulse->heartbeat + 1;
    saved_write(members); /* no later life is to begin below it */
    members_own_changed(members);
}

static void
take_over(struct members *members, struct member *member,
          struct facts_record *record, bool is_new_life)
{
    struct member_facts load = member->facts;
    bool is_moved = member->facts.bus_port != record->facts.bus_port ||
                    strcmp(member->facts.host, record->facts.host) != 0;

    if (is_new_life && is_moved && member->incarnation != 0 &&
        !member->is_down && member->suspect_ms == 0) {
        char hex[NODE_ID_HEX];

        node_id_hex(&member->id, hex);
        members_log(members, "members: %s moved from %s:%u to %s:%u", hex,
                    member->facts.host, member->facts.bus_port,
                    record->facts.host, record->facts.bus_port);
    }
    if (member->facts.is_on_probation != record->facts.is_on_probation)
        members_log(members, "members: node %u (%s:%u) is %s", member->number,
                    record->facts.host, record->facts.bus_port,
                    record->facts.is_on_probation
                        ? "on probation, no primary: it comes and goes"
                        : "no longer on probation");
    facts_deinit(&member->facts);
    member->facts = record->facts;
    record->facts.tokens = NULL;
    record->facts.served = NULL;
    /* a new life's load is unknown until it tells it */
    if (node_life_compare(&member->life, &record->life) != 0) {
        load = (struct member_facts){.weight = 1};
        load.oldest_held = 0;
    }
    member->facts.hint_count = load.hint_count;
    member->facts.oldest_held = load.oldest_held;
    member->facts.dirty_slots = load.dirty_slots;
    member->facts.unsettled_slots = load.unsettled_slots;
    member->facts.keys = load.keys;
    member->facts.memory_bytes = load.memory_bytes;
    member->facts.ops_per_s = load.ops_per_s;
}

bool
facts_merge(struct members *members, struct facts_record *record,
            uint8_t spread)
{
    struct member *member;
    bool is_new_life;

    if (!record->is_removed && node_id_equal(&record->id, &members->self->id)) {
        merge_self(members, record);
        facts_drop(record);
        return false;
    }
    member = rows_find(members, &record->id);
    if (member == NULL) member = rows_add(members, &record->id);
    if (member == NULL || member->is_removed ||
        (!record->is_removed && (record->incarnation < member->incarnation ||
                                 (record->incarnation == member->incarnation &&
                                  record->version <= member->version)))) {
        facts_drop(record);
        return false;
    }
    if (record->is_removed) {
        if (member->number == 0)
            rows_set_number(members, member, record->number);
        rows_remove(members, member);
        return true;
    }
    if (!lives_take_record(members, member, record)) {
        facts_drop(record);
        return false;
    }
    is_new_life = record->incarnation > member->incarnation;
    take_over(members, member, record, is_new_life);
    member->incarnation = record->incarnation;
    member->life = record->life;
    member->version = record->version;
    if (is_new_life) {
        member->pulse->heard_ms = members->now_ms;
        detector_clear(members, member);
    }
    rows_set_number(members, member, record->number);
    rows_refresh(members, member);
    claim_seen(members, member);
    if (spread > 0) {
        rumour_set(members, &member->spread, spread);
        members->is_urgent = true;
    }
    members->is_changed = true;
    saved_soon(members);
    return true;
}
