/*
 * The answerer walks its own entries and the asker's side by side, both in
 * ascending order of hash, a piece at a time under the slot's lock.
 */
#include "replica/range.h"

#include "base/memory.h"
#include "replica/inside.h"

/* Copies older than this may be missing elsewhere too: see `brought`. */
enum { OLD_MS = 500, MERGE_BATCH = 16 };

/* The slot's full tenures, which decide between versions. */
static void
put_tenures(const struct slot_state *state, struct buf *out)
{
    uint32_t count = 0, i;

    while (count < TENURES_KEPT && state->full[count].bits != 0)
        count++;
    wire_put_u8(out, (uint8_t)count);
    for (i = 0; i < count; i++)
        wire_put_u64(out, state->full[i].bits);
    wire_put_u64(out, state->few[0].bits);
}

static bool
take_tenures(struct replica *replica, uint32_t slot, struct wire_reader *reader)
{
    uint8_t count = wire_u8(reader);
    struct stamp few;
    uint32_t i;

    if (count > TENURES_KEPT) return false;
    store_lock(replica->store, slot);
    for (i = 0; i < count; i++) {
        struct stamp tenure = {wire_u64(reader)};

        if (tenure.bits != 0) replica_saw_tenure(replica, slot, tenure);
    }
    few.bits = wire_u64(reader);
    if (few.bits != 0) replica_saw_short(replica, slot, few);
    store_unlock(replica->store, slot);
    return !reader->is_bad;
}

void
range_put_floors(struct replica *replica, uint32_t slot, struct buf *out)
{
    struct stamp floors[STORE_DBS];
    uint32_t db, count = 0;

    store_lock(replica->store, slot);
    put_tenures(&replica->slots[slot], out);
    for (db = 0; db < STORE_DBS; db++) {
        floors[db] = store_floor(replica->store, slot, db);
        count += floors[db].bits != 0;
    }
    store_unlock(replica->store, slot);
    wire_put_varint(out, count);
    for (db = 0; db < STORE_DBS; db++) {
        if (floors[db].bits == 0) continue;
        wire_put_varint(out, db);
        wire_put_u64(out, floors[db].bits);
    }
}

bool
range_take_floors(struct replica *replica, uint32_t slot,
                  struct wire_reader *reader, int64_t wall_ms)
{
    uint64_t count, i;

    if (!take_tenures(replica, slot, reader)) return false;
    count = wire_varint(reader);
    if (count > STORE_DBS) return false;
    for (i = 0; i < count; i++) {
        uint64_t db = wire_varint(reader);
        struct stamp floor = {wire_u64(reader)};

        if (reader->is_bad || db >= STORE_DBS || floor.bits == 0) return false;
        store_lock(replica->store, slot);
        if (store_floor(replica->store, slot, (uint32_t)db).bits < floor.bits) {
            store_raise_floor(replica->store, slot, (uint32_t)db, floor,
                              wall_ms);
            replica->slots[slot].brought++;
        }
        store_unlock(replica->store, slot);
    }
    return !reader->is_bad;
}

/* A plain copy of a write that is on its way anyway brings nothing old. */
static bool
is_old(const struct record *record, int64_t wall_ms)
{
    int64_t since_ms = wall_ms - OLD_MS;

    if (record->kind == RECORD_VALUE && record->type != OBJECT_STRING) {
        return true;
    }
    if (record->kind == RECORD_VALUE && record->has_expiry &&
        record->expire_stamp.bits != 0 &&
        stamp_wall_ms(record->expire_stamp) < since_ms) {
        return true;
    }
    return stamp_wall_ms(record->stamp) < since_ms;
}

/* Slot locked. False: it is not of this slot, or no record of a key. */
static bool
merge_one(struct replica *replica, uint32_t slot, const struct record *record,
          struct stamp tenure, int64_t wall_ms, bool *is_full, uint64_t *stored)
{
    enum store_outcome outcome;
    struct store_key key;

    if (!record_is_of_key(record) || record->db >= STORE_DBS) return false;
    key = store_key(replica->store, record->db, record->key);
    if (key.slot != slot) return false;
    outcome = replica_merge(replica, &key, record, tenure, wall_ms, NULL);
    if (outcome == STORE_FULL) *is_full = true;
    if (outcome == STORE_STORED) {
        if (is_old(record, wall_ms)) replica->slots[slot].brought++;
        ++*stored;
        atomic_fetch_add_explicit(&replica->repaired_keys, 1,
                                  memory_order_relaxed);
    }
    return true;
}

bool
range_take_records(struct replica *replica, uint32_t slot, struct bytes records,
                   int64_t wall_ms, bool *is_full, uint64_t *stored)
{
    struct wire_reader reader = wire_reader(records);
    bool is_fine = true;

    while (is_fine && reader.at < reader.end) {
        uint32_t i;

        store_lock(replica->store, slot);
        for (i = 0; is_fine && i < MERGE_BATCH && reader.at < reader.end; i++) {
            struct stamp tenure = {wire_u64(&reader)};
            struct record record;

            is_fine = record_read(&reader, &record) &&
                      merge_one(replica, slot, &record, tenure, wall_ms,
                                is_full, stored);
        }
        store_unlock(replica->store, slot);
    }
    return is_fine;
}

bool
range_put_record(struct replica *replica, uint32_t slot, uint64_t hash,
                 int64_t wall_ms, struct buf *out)
{
    struct record record;
    bool is_there;

    store_lock(replica->store, slot);
    is_there = store_record_of(replica->store, slot, hash, wall_ms, &record);
    if (is_there) {
        wire_put_u64(out, replica_tenure_of(replica, slot, record.stamp).bits);
        replica_note_shown(replica, slot);
        record_write(out, &record);
    }
    store_unlock(replica->store, slot);
    return is_there;
}

uint64_t
range_piece(struct replica *replica, uint32_t slot, uint32_t bits,
            uint32_t piece)
{
    uint64_t from = (uint64_t)piece << (64 - bits), digest;
    uint64_t to = from + (UINT64_C(1) << (64 - bits)); /* 0 after the last */
    uint32_t count;

    ASSERT(bits > 0 && bits <= RANGE_PIECE_BITS_MAX);
    store_lock(replica->store, slot);
    digest = store_range_digest(replica->store, slot, from, to, &count);
    store_unlock(replica->store, slot);
    return digest;
}

/* ---- who was forgotten ---- */

struct stamp
range_repaired(const struct replica *replica, uint32_t slot)
{
    if (!replica->slots[slot].is_settled) return STAMP_NEVER;
    return store_repaired(replica->store, slot);
}

struct stamp
range_known(const struct replica *replica, uint32_t slot)
{
    const struct slot_state *state = &replica->slots[slot];
    uint64_t repaired = store_repaired(replica->store, slot).bits;

    if (!state->is_doubtful) return STAMP_NEVER;
    return (struct stamp){max_u64(1, max_u64(repaired, state->compared.bits))};
}

bool
range_drop_relic(struct replica *replica, uint32_t slot, uint64_t hash,
                 struct stamp forgotten, int64_t wall_ms)
{
    struct record record;
    struct store_key key;
    struct stamp newest;

    if (!store_record_of(replica->store, slot, hash, wall_ms, &record))
        return false;
    key = store_key(replica->store, record.db, record.key);
    newest = store_newest(replica->store, &key);
    return newest.bits <= forgotten.bits &&
           store_drop_version(replica->store, slot, hash, newest, wall_ms);
}

/* ---- the answerer ---- */

/* A section as it was asked. */
struct section {
    uint32_t slot;
    struct stamp repaired; /* the asker's */
    struct stamp evicted;  /* likewise: evicted-through */
    struct stamp known;    /* its copy is in doubt: see range_known */
    uint64_t from, to;     /* to 0: no bound */
    uint32_t count;
    struct store_entry *entries; /* the asker's; RANGE_ENTRIES */
};

struct walk {
    struct replica *replica;
    const struct section *section;
    int64_t wall_ms;
    size_t limit;          /* of records.used */
    struct stamp repaired; /* ours */
    struct stamp evicted;
    struct stamp forgotten;    /* by us: the asker drops what is not newer */
    struct stamp forgotten_by; /* the asker: we drop it */
    struct buf wants, gone, records; /* gone: evicted here, or forgotten */
    uint32_t want_count, gone_count;
    uint32_t theirs; /* theirs: index of the asker's next entry */
    uint64_t upto;
};

static void
want(struct walk *walk, const struct store_entry *entry)
{
    /* it was here before, and all have forgotten it or will */
    if (entry->is_tombstone && entry->newest.bits <= walk->repaired.bits) {
        return;
    }
    wire_put_u64(&walk->wants, entry->hash);
    walk->want_count++;
}

static void
note_gone(struct walk *walk, const struct store_entry *entry)
{
    wire_put_u64(&walk->gone, entry->hash);
    walk->gone_count++;
}

/* An entry of theirs that is not here. */
static void
want_or_gone(struct walk *walk, const struct store_entry *entry)
{
    uint64_t evicted = entry->is_tombstone ? 0 : walk->evicted.bits;

    if (entry->newest.bits <= max_u64(evicted, walk->forgotten.bits)) {
        note_gone(walk, entry);
    } else {
        want(walk, entry);
    }
}

/* Ours, which they have not or in another version, while they forgot us. */
static bool
drop_relic(struct walk *walk, const struct store_entry *entry)
{
    struct store *store = walk->replica->store;
    bool is_dropped;

    if (entry->newest.bits > walk->forgotten_by.bits) return false;
    store_lock(store, walk->section->slot);
    is_dropped =
        range_drop_relic(walk->replica, walk->section->slot, entry->hash,
                         walk->forgotten_by, walk->wall_ms);
    store_unlock(store, walk->section->slot);
    return is_dropped;
}

/* They have evicted it: dropped here, too. */
static bool
drop_evicted(struct walk *walk, const struct store_entry *entry)
{
    struct store *store = walk->replica->store;
    bool is_dropped;

    if (entry->newest.bits > walk->section->evicted.bits) return false;
    store_lock(store, walk->section->slot);
    is_dropped = replica_drop_evicted(walk->replica, walk->section->slot,
                                      entry->hash, entry->newest,
                                      walk->section->evicted, walk->wall_ms);
    store_unlock(store, walk->section->slot);
    return is_dropped;
}

static void
give(struct walk *walk, const struct store_entry *entry, bool is_lacking)
{
    if (is_lacking && entry->is_tombstone &&
        entry->newest.bits <= walk->section->repaired.bits) {
        return;
    }
    if (is_lacking && drop_evicted(walk, entry)) return;
    (void)range_put_record(walk->replica, walk->section->slot, entry->hash,
                           walk->wall_ms, &walk->records);
}

/* The asker's entries below `hash` (0: all that are left) are not here. */
static void
want_below(struct walk *walk, uint64_t hash)
{
    const struct section *section = walk->section;

    while (walk->theirs < section->count &&
           (hash == 0 || section->entries[walk->theirs].hash < hash)) {
        want_or_gone(walk, &section->entries[walk->theirs++]);
    }
}

/* One of our entries against theirs. */
static void
match(struct walk *walk, const struct store_entry *ours)
{
    const struct section *section = walk->section;
    const struct store_entry *theirs;

    if (ours->hash != 0) want_below(walk, ours->hash);
    theirs =
        walk->theirs < section->count ? &section->entries[walk->theirs] : NULL;
    if (theirs == NULL || theirs->hash != ours->hash) {
        if (!drop_relic(walk, ours)) give(walk, ours, true);
        return;
    }
    walk->theirs++;
    if (theirs->version == ours->version) return;
    if (!drop_relic(walk, ours)) give(walk, ours, false);
    if (theirs->newest.bits <= walk->forgotten.bits) {
        note_gone(walk, theirs); /* it gets ours as if it had nothing */
    } else {
        want(walk, theirs);
    }
}

/* Through the range, or until `limit`: then `upto` is where it stopped. */
static void
walk_range(struct walk *walk)
{
    const struct section *section = walk->section;
    struct store_entry *ours =
        mem_must_array(NULL, RANGE_ENTRIES, sizeof(*ours));
    uint64_t at = section->from;
    bool is_end = false;

    while (!is_end) {
        uint64_t next;
        uint32_t count, i;

        store_lock(walk->replica->store, section->slot);
        count = store_entries(walk->replica->store, section->slot, at,
                              RANGE_ENTRIES, ours, &next);
        store_unlock(walk->replica->store, section->slot);
        for (i = 0; i < count; i++) {
            if (section->to != 0 && ours[i].hash >= section->to) break;
            if (walk->records.used >= walk->limit && ours[i].hash != at) {
                want_below(walk, ours[i].hash);
                walk->upto = ours[i].hash;
                mem_free(ours);
                return;
            }
            match(walk, &ours[i]);
        }
        is_end =
            i < count || next == 0 || (section->to != 0 && next >= section->to);
        at = next;
    }
    want_below(walk, 0);
    walk->upto = section->to;
    mem_free(ours);
}

/* Reads entries; strictly ascending and within the range. */
static bool
read_entries(struct wire_reader *reader, struct section *section)
{
    uint64_t count, i, after = 0;

    section->from = wire_u64(reader);
    section->to = wire_u64(reader);
    count = wire_varint(reader);
    if (reader->is_bad || count > RANGE_ENTRIES) return false;
    if (section->to != 0 && section->to <= section->from) return false;
    for (i = 0; i < count; i++) {
        struct store_entry *entry = &section->entries[i];

        *entry = (struct store_entry){.hash = wire_u64(reader)};
        entry->version = wire_u64(reader);
        entry->newest.bits = wire_u64(reader);
        entry->is_tombstone = wire_u8(reader) & 1;
        if (reader->is_bad || entry->hash < section->from ||
            (section->to != 0 && entry->hash >= section->to) ||
            (i > 0 && entry->hash <= after)) {
            return false;
        }
        after = entry->hash;
    }
    section->count = (uint32_t)count;
    return true;
}

static void
put_section(struct replica *replica, const struct ring_map *map,
            const struct walk *walk, enum range_status status, struct buf *out)
{
    uint32_t slot = walk->section->slot;
    bool is_settled;

    store_lock(replica->store, slot);
    is_settled = inside_counts(replica, map, slot);
    store_unlock(replica->store, slot);
    wire_put_u16(out, (uint16_t)slot);
    wire_put_u8(out, (uint8_t)status);
    wire_put_u8(out, is_settled);
    if (status != RANGE_OK) return;
    range_put_floors(replica, slot, out);
    wire_put_u64(out, walk->upto);
    wire_put_varint(out, walk->want_count);
    wire_put_raw(out, buf_bytes(&walk->wants));
    wire_put_u64(out, walk->evicted.bits);
    wire_put_u64(out, walk->forgotten.bits);
    wire_put_varint(out, walk->gone_count);
    wire_put_raw(out, buf_bytes(&walk->gone));
    wire_put_bytes(out, buf_bytes(&walk->records));
}

static bool
has_slot(const struct replica *replica, const struct ring_map *map,
         uint32_t slot)
{
    const struct ring_list *list = ring_map_list(map, slot);
    bool is_kept;

    if (ring_list_owns(list, replica->self)) return true;
    if (list->pending == replica->self) return true;
    store_lock(replica->store, slot);
    is_kept = replica->slots[slot].is_kept;
    store_unlock(replica->store, slot);
    return is_kept;
}

/* Which pieces differ; `has_it` false: only reads. */
static bool
match_pieces(struct walk *walk, struct wire_reader *reader, bool has_it)
{
    uint32_t bits = wire_u8(reader), piece;

    if (reader->is_bad || bits == 0 || bits > RANGE_PIECE_BITS_MAX) {
        return false;
    }
    for (piece = 0; piece < 1u << bits; piece++) {
        uint64_t digest = wire_u64(reader);

        if (reader->is_bad) return false;
        if (!has_it || digest == range_piece(walk->replica, walk->section->slot,
                                             bits, piece)) {
            continue;
        }
        wire_put_u64(&walk->wants, piece);
        walk->want_count++;
    }
    return true;
}

/* Floors and records; the slot must be here. */
static bool
take_head(struct replica *replica, uint32_t slot, struct wire_reader *reader,
          int64_t wall_ms, bool *is_full)
{
    struct bytes records;
    uint64_t count = 0;

    if (!range_take_floors(replica, slot, reader, wall_ms)) return false;
    records = wire_bytes(reader);
    return !reader->is_bad &&
           range_take_records(replica, slot, records, wall_ms, is_full, &count);
}

static bool
skip_head(struct wire_reader *reader)
{
    uint64_t count = wire_u8(reader);

    if (count > TENURES_KEPT) return false;
    for (; count > 0; count--)
        (void)wire_u64(reader);
    (void)wire_u64(reader); /* the newest short tenure */
    count = wire_varint(reader);
    if (count > STORE_DBS) return false;
    for (; count > 0; count--) {
        (void)wire_varint(reader);
        (void)wire_u64(reader);
    }
    (void)wire_bytes(reader);
    return !reader->is_bad;
}

static bool
match_part(struct walk *walk, struct section *section,
           struct wire_reader *reader, bool has_it)
{
    struct store *store = walk->replica->store;
    uint32_t part = wire_u8(reader);

    section->count = 0;
    if (part == RANGE_PIECES) return match_pieces(walk, reader, has_it);
    if (part == RANGE_NOTHING) return !reader->is_bad;
    if (part != RANGE_LIST || !read_entries(reader, section)) return false;
    if (!has_it) return true;
    store_lock(store, section->slot);
    walk->repaired = store_repaired(store, section->slot);
    walk->evicted = replica_evicted(walk->replica, section->slot);
    if (section->known.bits != 0) {
        struct stamp repaired = range_repaired(walk->replica, section->slot);

        if (repaired.bits > section->known.bits) walk->forgotten = repaired;
    }
    walk->forgotten_by =
        replica_forgotten_by(walk->replica, section->slot, section->repaired);
    store_unlock(store, section->slot);
    walk_range(walk);
    return true;
}

static bool
answer_section(struct replica *replica, struct wire_reader *reader,
               struct section *section, int64_t wall_ms, struct buf *out)
{
    const struct ring_map *map = replica_map(replica);
    struct walk walk = {.replica = replica,
                        .section = section,
                        .wall_ms = wall_ms,
                        .limit = RANGE_FRAME_BYTES > out->used
                                     ? RANGE_FRAME_BYTES - out->used
                                     : 1};
    enum range_status status = RANGE_OK;
    bool is_full = false, is_fine, has_it;
    uint32_t lists;

    section->slot = wire_u16(reader);
    lists = wire_u32(reader);
    section->repaired.bits = wire_u64(reader);
    section->evicted.bits = wire_u64(reader);
    section->known.bits = wire_u64(reader);
    if (reader->is_bad || section->slot >= replica->slot_count) return false;
    has_it = lists == ring_map_list(map, section->slot)->hash &&
             has_slot(replica, map, section->slot);
    is_fine = has_it
                  ? take_head(replica, section->slot, reader, wall_ms, &is_full)
                  : skip_head(reader);
    is_fine = is_fine && match_part(&walk, section, reader, has_it);
    if (is_fine && has_it) {
        store_lock(replica->store, section->slot);
        replica_learn_evicted(replica, section->slot, section->evicted,
                              wall_ms);
        store_unlock(replica->store, section->slot);
    }
    if (!has_it) status = RANGE_LISTS_DIFFER;
    if (is_full) status = RANGE_FULL;
    if (is_fine) put_section(replica, map, &walk, status, out);
    buf_deinit(&walk.wants);
    buf_deinit(&walk.gone);
    buf_deinit(&walk.records);
    return is_fine;
}

bool
range_answer(struct replica *replica, struct bytes payload, int64_t wall_ms,
             struct buf *out)
{
    struct wire_reader reader = wire_reader(payload);
    uint64_t count = wire_varint(&reader), i;
    struct section section = {0};
    struct buf sections = {0};
    bool is_fine = true;

    if (reader.is_bad || count > RANGE_SECTIONS) return false;
    section.entries =
        mem_must_array(NULL, RANGE_ENTRIES, sizeof(*section.entries));
    for (i = 0; is_fine && i < count && sections.used < RANGE_FRAME_BYTES;
         i++) {
        is_fine =
            answer_section(replica, &reader, &section, wall_ms, &sections);
    }
    if (is_fine) {
        wire_put_varint(out, i);
        wire_put_raw(out, buf_bytes(&sections));
    }
    buf_deinit(&sections);
    mem_free(section.entries);
    return is_fine;
}
