/*
 * What a node keeps of the ring in its data directory. The README has the
 * format; a checksum tells a damaged file, which is then as good as none.
 */
#include "base/hash.h"
#include "base/memory.h"
#include "member/inside.h"

#define SAVED_MAGIC 0x3154424du /* "MBT1" */
enum { SAVED_FOUNDER = 1, SAVED_WROTE = 2, SAVED_REMOVED = 4 };

static void
put_rows(struct buf *out, const struct members *members)
{
    uint32_t i, count = 0;

    for (i = 0; i < members->count; i++)
        if (members->rows[i]->is_listed || members->rows[i] == members->self)
            count++;
    wire_put_varint(out, count);
    for (i = 0; i < members->count; i++) {
        const struct member *row = members->rows[i];
        struct buf record = {0};

        if (!row->is_listed && row != members->self) continue;
        facts_put(&record, members, row);
        wire_put_bytes(out, buf_bytes(&record));
        buf_deinit(&record);
    }
}

void
saved_write(struct members *members)
{
    struct buf out = {0};
    uint32_t i;

    members->save_ms = 0;
    wire_put_u32(&out, SAVED_MAGIC);
    wire_put_u8(&out,
                (uint8_t)((members->is_founder ? SAVED_FOUNDER : 0) |
                          (members->has_written ? SAVED_WROTE : 0) |
                          (members->is_self_removed ? SAVED_REMOVED : 0)));
    codec_node_id(&out, &members->self->id);
    codec_node_id(&out, &members->ring);
    wire_put_raw(&out, bytes_of(members->hash_seed, 32));
    wire_put_varint(&out, members->self->number);
    wire_put_u64(&out, members->self->incarnation);
    wire_put_u64(&out, members->settings_version);
    wire_put_bytes(&out, buf_bytes(&members->settings));
    wire_put_varint(&out, members->promise_count);
    for (i = 0; i < members->promise_count; i++) {
        wire_put_varint(&out, members->promises[i].number);
        codec_node_id(&out, &members->promises[i].id);
    }
    probation_put(members, &out);
    put_rows(&out, members);
    wire_put_u64(&out, hash_plain(buf_bytes(&out)));
    members->effects.save(members->effects.self, buf_bytes(&out));
    buf_deinit(&out);
}

void
saved_soon(struct members *members)
{
    if (members->save_ms == 0) members->save_ms = members->now_ms + 1000;
}

static void
read_self(struct members *members, struct facts_record *record)
{
    struct member_facts *facts = &members->self->facts;

    members->self->version = record->version;
    if (facts->token_count > 0 || record->facts.token_count == 0) return;
    mem_free(facts->tokens);
    facts->tokens = record->facts.tokens;
    facts->token_count = record->facts.token_count;
    record->facts.tokens = NULL;
}

static void
read_row(struct members *members, struct bytes bytes)
{
    struct facts_record record;

    if (!facts_read(bytes, members->slot_count, &record)) {
        facts_drop(&record);
        return;
    }
    if (node_id_equal(&record.id, &members->self->id)) {
        if (!record.is_removed) read_self(members, &record);
        facts_drop(&record);
        return;
    }
    (void)facts_merge(members, &record, 0);
}

static bool
read_promises(struct members *members, struct wire_reader *reader)
{
    uint64_t count = wire_varint(reader);

    if (count > PROMISES_MAX) return false;
    while (count-- > 0 && !reader->is_bad) {
        uint64_t number = wire_varint(reader);
        struct node_id id = codec_take_id(reader);

        if (number == 0 || number >= RING_NUMBERS) return false;
        members->promises[members->promise_count++] =
            (struct promise){(uint32_t)number, id};
    }
    return !reader->is_bad;
}

static bool
read_settings(struct members *members, struct wire_reader *reader)
{
    uint64_t version = wire_u64(reader);
    struct bytes bytes = wire_bytes(reader);

    if (reader->is_bad || bytes.size > MEMBER_SETTINGS_MAX) return false;
    members->settings_version = version;
    buf_must_add(&members->settings, bytes.data, bytes.size);
    return true;
}

bool
saved_read(struct members *members, struct bytes bytes)
{
    struct wire_reader reader, tail;
    struct bytes secret;
    struct node_id id;
    uint64_t number, incarnation, count;
    uint32_t flags;

    if (bytes.size < 8) return false;
    tail = wire_reader(bytes_of(bytes.data + bytes.size - 8, 8));
    bytes.size -= 8;
    if (hash_plain(bytes) != wire_u64(&tail)) return false;
    reader = wire_reader(bytes);
    if (wire_u32(&reader) != SAVED_MAGIC) return false;
    flags = wire_u8(&reader);
    id = codec_take_id(&reader);
    if (!node_id_equal(&id, &members->self->id)) return false;
    members->ring = codec_take_id(&reader);
    secret = wire_take(&reader, 32);
    number = wire_varint(&reader);
    incarnation = wire_u64(&reader);
    if (reader.is_bad || secret.data == NULL || number >= RING_NUMBERS)
        return false;
    memcpy(members->hash_seed, secret.data, 32);
    members->is_founder = flags & SAVED_FOUNDER;
    members->has_written = flags & SAVED_WROTE;
    if (members->self->incarnation <= incarnation)
        members->self->incarnation = incarnation + 1;
    rows_set_number(members, members->self, (uint32_t)number);
    if (!read_settings(members, &reader)) return false;
    if (!read_promises(members, &reader)) return false;
    if (!probation_read(members, &reader)) return false;
    count = wire_varint(&reader);
    while (count-- > 0 && !reader.is_bad)
        read_row(members, wire_bytes(&reader));
    if (flags & SAVED_REMOVED) rows_remove(members, members->self);
    return wire_is_done(&reader);
}
