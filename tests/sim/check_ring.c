/*
 * The oracles that look into the nodes: quiet, contents, limits.
 */
#include "sim/check.h"

#include "base/memory.h"
#include "store/replicate.h"

#include <stdio.h>

enum { ENTRIES = 256 };

/* ---- quiet ---- */

static uint64_t
held_count(const struct replica *replica)
{
    uint64_t count = 0;
    uint32_t slot;

    if (replica->held == NULL) return 0;
    for (slot = 0; slot < replica->slot_count; slot++)
        count += store_slot_entries(replica->held, slot);
    return count;
}

/* What is not quiet about one node; NULL: nothing. */
static const char *
unrest(struct sim *sim, uint32_t node, uint32_t nodes, uint64_t *map_hash)
{
    struct members *members;
    struct replica *replica;
    struct member_view view;
    uint32_t i, up = 0;

    if (!sim_is_up(sim, node)) return "is down";
    if (sim_is_paused(sim, node)) return "is paused";
    members = sim_members(sim, node);
    replica = sim_replica(sim, node);
    if (members == NULL || replica == NULL) return "is not one of a ring";
    if (members_standing(members) == MEMBERS_LOADING) return "is loading";
    for (i = 0; members_at(members, i, &view); i++) {
        if (view.health == MEMBER_REMOVED) continue;
        if (view.is_self && view.facts->phase != MEMBER_NORMAL)
            return "is not NORMAL";
        if (view.number == 0) return "sees a member without a number";
        if (!view.is_self && view.health != MEMBER_UP)
            return "sees a member that is not UP";
        up++;
    }
    if (up != nodes) return "does not know all members";
    if (replica_map(replica) == NULL) return "has no map";
    if (*map_hash == 0) *map_hash = ring_map_hash(replica_map(replica));
    if (*map_hash != ring_map_hash(replica_map(replica)))
        return "has another map";
    if (nodes == 1) return NULL;
    if (atomic_load(&replica->unsettled) > 0) return "has unsettled slots";
    if (atomic_load(&replica->dirty_slots) > 0) return "has dirty slots";
    if (held_count(replica) > 0) return "holds copies for others";
    return NULL;
}

bool
check_is_quiet(struct sim *sim, uint32_t nodes, char why[120])
{
    uint64_t map_hash = 0;
    uint32_t i;

    for (i = 0; i < nodes; i++) {
        const char *what = unrest(sim, i, nodes, &map_hash);

        if (what == NULL) continue;
        if (why != NULL) (void)snprintf(why, 120, "node %u %s", i, what);
        return false;
    }
    return true;
}

/* ---- contents ---- */

/* Live records of a slot, one after the other, in the order of their hashes;
 * and where each begins. */
struct contents {
    struct buf bytes;
    struct {
        uint64_t hash;
        size_t at;
    } * rows; /* owned */
    uint32_t count, room;
};

static void
contents_deinit(struct contents *contents)
{
    buf_deinit(&contents->bytes);
    mem_free(contents->rows);
}

static void
add_record(struct contents *contents, uint64_t hash,
           const struct record *record)
{
    if (contents->count == contents->room) {
        contents->room = contents->room * 2 + 64;
        contents->rows = mem_must_array(contents->rows, contents->room,
                                        sizeof(*contents->rows));
    }
    contents->rows[contents->count].hash = hash;
    contents->rows[contents->count++].at = contents->bytes.used;
    record_write(&contents->bytes, record);
}

/* Of the clock that is most ahead: where clocks differ, a value has expired
 * here and not there for so long. */
static int64_t
latest_wall_ms(struct sim *sim, uint32_t nodes)
{
    int64_t wall_ms = 0;
    uint32_t i;

    for (i = 0; i < nodes; i++)
        if (sim_wall_ms(sim, i) > wall_ms) wall_ms = sim_wall_ms(sim, i);
    return wall_ms;
}

static void
read_contents(struct sim *sim, uint32_t node, uint32_t slot, int64_t wall_ms,
              struct contents *contents)
{
    struct store *store = sim_store(sim, node);
    struct store_entry entries[ENTRIES];
    uint64_t from = 0;

    *contents = (struct contents){0};
    store_lock(store, slot);
    do {
        uint32_t count =
            store_entries(store, slot, from, ENTRIES, entries, &from);
        uint32_t i;

        for (i = 0; i < count; i++) {
            struct record record;

            if (entries[i].is_tombstone) continue;
            if (!store_record_of(store, slot, entries[i].hash,
                                 sim_wall_ms(sim, node), &record)) {
                continue;
            }
            if (record.has_expiry && record.expire_ms <= wall_ms) continue;
            if (record.kind == RECORD_VALUE)
                add_record(contents, entries[i].hash, &record);
        }
    } while (from != 0);
    store_unlock(store, slot);
}

static struct bytes
row(const struct contents *contents, uint32_t at)
{
    size_t from = contents->rows[at].at;
    size_t to = at + 1 < contents->count ? contents->rows[at + 1].at
                                         : contents->bytes.used;

    return bytes_of(contents->bytes.data + from, to - from);
}

static void
describe(const struct contents *contents, uint64_t hash, char *out, size_t room)
{
    uint32_t i;

    for (i = 0; i < contents->count; i++) {
        struct wire_reader reader;
        struct record record;

        if (contents->rows[i].hash != hash) continue;
        reader = wire_reader(row(contents, i));
        if (!record_read(&reader, &record)) break;
        (void)snprintf(
            out, room, "%.*s=%.*s (type %u, stamp %llx, expiry %lld)",
            (int)min_u64(record.key.size, 12), record.key.data,
            record.type == OBJECT_STRING ? (int)min_u64(record.value.size, 16)
                                         : 0,
            record.value.data, (unsigned)record.type,
            (unsigned long long)record.stamp.bits, (long long)record.expire_ms);
        return;
    }
    (void)snprintf(out, room, "nothing");
}

static void
compare(uint32_t slot, const uint32_t nodes[2], const struct contents *a,
        const struct contents *b, struct verdict *verdict)
{
    uint32_t i = 0, k = 0;

    while (i < a->count || k < b->count) {
        uint64_t left = i < a->count ? a->rows[i].hash : UINT64_MAX;
        uint64_t right = k < b->count ? b->rows[k].hash : UINT64_MAX;
        char here[120], there[120];

        if (left == right && i < a->count && k < b->count &&
            bytes_equal(row(a, i), row(b, k))) {
            i++;
            k++;
            continue;
        }
        describe(a, left < right ? left : right, here, sizeof(here));
        describe(b, left < right ? left : right, there, sizeof(there));
        verdict_add(verdict, "slot %u: node %u has %s, node %u has %s", slot,
                    nodes[0], here, nodes[1], there);
        return;
    }
}

static uint32_t
node_of(struct sim *sim, uint32_t nodes, uint32_t number)
{
    uint32_t i;

    for (i = 0; i < nodes; i++) {
        if (members_self_number(sim_members(sim, i)) == number) return i;
    }
    return UINT32_MAX;
}

static void
compare_slot(struct sim *sim, uint32_t nodes, uint32_t slot,
             struct verdict *verdict)
{
    const struct ring_list *list =
        ring_map_list(replica_map(sim_replica(sim, 0)), slot);
    int64_t wall_ms = latest_wall_ms(sim, nodes);
    struct contents first, other;
    uint32_t pair[2], i;

    if (list->count == 0) return;
    pair[0] = node_of(sim, nodes, list->owners[0]);
    if (pair[0] == UINT32_MAX) return;
    read_contents(sim, pair[0], slot, wall_ms, &first);
    for (i = 1; i < list->count; i++) {
        pair[1] = node_of(sim, nodes, list->owners[i]);
        if (pair[1] == UINT32_MAX) continue;
        read_contents(sim, pair[1], slot, wall_ms, &other);
        compare(slot, pair, &first, &other, verdict);
        contents_deinit(&other);
    }
    contents_deinit(&first);
}

void
check_contents(struct sim *sim, uint32_t nodes, struct verdict *verdict)
{
    uint32_t slot, i;

    if (replica_map(sim_replica(sim, 0)) == NULL) return;
    for (slot = 0; slot < sim_replica(sim, 0)->slot_count; slot++)
        compare_slot(sim, nodes, slot, verdict);
    for (i = 0; i < nodes; i++) {
        if (!store_ok(sim_store(sim, i)))
            verdict_add(verdict, "node %u: the store is damaged", i);
    }
}

void
check_limits(struct sim *sim, struct verdict *verdict)
{
    if (sim_unsent_most(sim) > LINK_OUT_HARD) {
        verdict_add(verdict, "a link had %zu bytes unsent",
                    sim_unsent_most(sim));
    }
}
