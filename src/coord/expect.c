/*
 * Looks ahead into a batch that a peer has sent: the keys of its parts are
 * asked of the memory together, in the same three waves as a client's batch,
 * so that the waits overlap. Only hints: whatever makes no sense is left to
 * those who read it for good.
 */
#include "coord/inside.h"

#include "bus/wire.h"

static bool
key_of_copy(const struct coord *coord, struct bytes payload,
            struct store_key *key)
{
    struct wire_reader reader = wire_reader(payload);
    uint8_t flags = wire_u8(&reader);
    uint64_t db;
    struct bytes name;

    if (flags & COPY_HINT) return false;
    (void)wire_varint(&reader);   /* how many */
    (void)wire_take(&reader, 12); /* list hash, tenure */
    (void)wire_take(&reader, 2);  /* kind, flags */
    db = wire_varint(&reader);
    name = wire_bytes(&reader);
    if (reader.is_bad || db >= STORE_DBS) return false;
    *key = store_key(coord->store, (uint32_t)db, name);
    return true;
}

static bool
key_of_request(const struct coord *coord, struct bytes payload,
               struct store_key *key)
{
    struct wire_reader reader = wire_reader(payload);
    struct request_head head = request_read_head(&reader);
    struct bytes name;

    if (head.arg_count < 2) return false;
    (void)wire_bytes(&reader); /* the command's name */
    name = wire_bytes(&reader);
    if (reader.is_bad || head.db >= STORE_DBS) return false;
    *key = store_key(coord->store, head.db, name);
    return true;
}

static bool
key_of_versions(const struct coord *coord, struct bytes payload,
                struct store_key *key)
{
    struct wire_reader reader = wire_reader(payload);
    uint64_t slot;

    (void)wire_varint(&reader); /* how many */
    slot = wire_varint(&reader);
    *key =
        (struct store_key){.hash = wire_u64(&reader), .slot = (uint32_t)slot};
    return !reader.is_bad && slot < coord->replica->slot_count;
}

static bool
key_of(const struct coord *coord, const struct frame *frame,
       struct store_key *key)
{
    switch (frame->type) {
    case FRAME_COPY: return key_of_copy(coord, frame->payload, key);
    case FRAME_REQUEST: return key_of_request(coord, frame->payload, key);
    case FRAME_VERSIONS: return key_of_versions(coord, frame->payload, key);
    default: return false;
    }
}

/* Parts are read in their order, so names come with rising addresses. Where a
 * name lies says which it is: the batch's bytes do not change meanwhile. */
struct store_key
expect_key(struct coord *coord, uint32_t db, struct bytes name)
{
    const struct store_key *key;
    uint32_t at = coord->expected_at;

    while (at < coord->expected_count &&
           coord->expected[at].name.data < name.data)
        at++;
    coord->expected_at = at;
    key = &coord->expected[at];
    if (at < coord->expected_count && key->name.data == name.data &&
        key->name.size == name.size && key->db == db) {
        return *key;
    }
    return store_key(coord->store, db, name);
}

void
expect_slot(const struct coord *coord, uint32_t slot)
{
    const struct ring_map *map = replica_map(coord->replica);

    __builtin_prefetch(&coord->replica->slots[slot], 1);
    if (map != NULL) ring_map_prefetch(map, slot);
}

void
coord_expect(struct coord *coord, const struct frame *batch)
{
    struct store_key *keys = coord->expected;
    struct bytes rest = batch != NULL ? batch->payload : bytes_of(NULL, 0);
    uint32_t count = 0, i;
    struct frame part;

    while (count < FRAME_BATCH_PARTS && rest.size > 0 &&
           frame_part_read(batch, &rest, &part)) {
        if (!key_of(coord, &part, &keys[count])) continue;
        store_prefetch_slot(coord->store, &keys[count]);
        expect_slot(coord, keys[count].slot);
        count++;
    }
    coord->expected_count = count;
    coord->expected_at = 0;
    if (count < 2) return; /* no waits that could overlap */
    for (i = 0; i < count; i++)
        store_prefetch_bucket(coord->store, &keys[i]);
    for (i = 0; i < count; i++)
        store_prefetch_object(coord->store, &keys[i]);
}
