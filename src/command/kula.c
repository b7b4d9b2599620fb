/*
 * KULA.*: what this node itself holds of a key, and what it knows of its ring.
 * These are not routed: each answers for the node that was asked, so their rows
 * name no keys. They take locks by themselves, and therefore have no place
 * inside MULTI. KULA.SIBLINGS and KULA.RESOLVE are commands like GET and SET.
 */
#include "command/admin.h"
#include "command/string_inside.h"

#include "base/hash.h"
#include "base/number.h"
#include "store/cells.h"
#include "store/replicate.h"
#include "version/counter.h"

static void
tell(struct cmd_call *call, enum cmd_ring_report what)
{
    const struct cmd_host *host = call->env->shared->host;

    if (host == NULL || host->ring == NULL) {
        reply_error(call->reply, "ERR nothing is known of a ring here");
    } else {
        host->ring(call, what);
    }
}

/* Stamps use all 64 bits: text, so that no client's integers bend them. */
static void
put_stamp(struct reply *reply, struct stamp stamp)
{
    reply_bulkf(reply, "%llu", (unsigned long long)stamp.bits);
}

static const char *
kind_of(const struct record *record)
{
    if (record->kind != RECORD_VALUE) return "tombstone";
    return record->type == OBJECT_COUNTER ? "counter" : "string";
}

static void
put_value(struct reply *reply, const struct record *record)
{
    if (record->kind != RECORD_VALUE) {
        reply_null(reply);
    } else if (record->type == OBJECT_COUNTER) {
        reply_bulk_int(reply, counter_sum(record->value));
    } else {
        reply_bulk(reply, record->value);
    }
}

/* KULA.LOCAL key */
static void
kula_local(struct cmd_call *call)
{
    struct store_key key = cmd_key(call, 1);
    struct record record;

    store_lock(call->store, key.slot);
    if (store_record(call->store, &key, call->wall_ms, &record)) {
        reply_array(call->reply, 4);
        put_value(call->reply, &record);
        put_stamp(call->reply, record.stamp);
        reply_bulk_str(call->reply, kind_of(&record));
        reply_int(call->reply, record.has_expiry ? record.expire_ms : 0);
    } else {
        reply_null(call->reply);
    }
    store_unlock(call->store, key.slot);
}

/* Cells below it do not count. */
static struct stamp
floor_of(const struct record *record, struct stamp of_slot)
{
    struct stamp own = record->stamp;

    if (record->kind == RECORD_VALUE && record->floor.bits != 0) {
        own = record->floor;
    } else if (record->kind == RECORD_VALUE && record->type == OBJECT_COUNTER) {
        own = counter_base_stamp(record->value);
    }
    return own.bits > of_slot.bits ? own : of_slot;
}

/* The write that the value, or the counter's base, came with. */
static struct stamp
dot_of(const struct record *record)
{
    if (record->kind == RECORD_VALUE && record->type == OBJECT_COUNTER)
        return counter_base_stamp(record->value);
    return record->stamp;
}

/* An entry of a vector: [node, stamp]. */
static void
put_dot(struct reply *reply, struct stamp dot)
{
    reply_array(reply, 2);
    reply_int(reply, stamp_node(dot));
    put_stamp(reply, dot);
}

/* The pairs of KULA.VERSION that are about this node's copy. */
enum { VERSION_PAIRS = 8, OWNERS_PAIRS = 3 };

static void
put_version(struct cmd_call *call, const struct store_key *key)
{
    struct reply *reply = call->reply;
    struct record record = {.stamp = STAMP_NEVER};
    struct stamp newest = STAMP_NEVER, floor;
    struct kin kin = {.count = 0};
    uint32_t i, siblings;
    bool is_known;

    store_lock(call->store, key->slot);
    is_known = store_record(call->store, key, call->wall_ms, &record);
    if (is_known) newest = store_newest(call->store, key);
    floor = store_floor(call->store, key->slot, key->db);
    if (is_known) floor = floor_of(&record, floor);
    reply_bulk_str(reply, "slot");
    reply_int(reply, key->slot);
    reply_bulk_str(reply, "kind");
    reply_bulk_str(reply, is_known ? kind_of(&record) : "none");
    reply_bulk_str(reply, "stamp");
    put_stamp(reply, newest);
    reply_bulk_str(reply, "version");
    reply_bulkf(reply, "%016llx",
                (unsigned long long)store_version(call->store, key));
    reply_bulk_str(reply, "check");
    reply_bulkf(reply, "%08x",
                record.kind == RECORD_VALUE ? (uint32_t)hash_plain(record.value)
                                            : 0);
    reply_bulk_str(reply, "floor");
    put_stamp(reply, floor);
    reply_bulk_str(reply, "vector");
    reply_array(reply, is_known ? 1 + vector_count(record.vector) : 0);
    if (is_known) put_dot(reply, dot_of(&record));
    for (i = 0; i < vector_count(record.vector); i++)
        put_dot(reply, vector_at(record.vector, i));
    kin_add_siblings(&kin, record.siblings);
    siblings = kin.count;
    store_unlock(call->store, key->slot);
    reply_bulk_str(reply, "siblings");
    reply_int(reply, siblings);
}

/* KULA.VERSION key */
static void
kula_version(struct cmd_call *call)
{
    const struct cmd_host *host = call->env->shared->host;
    struct store_key key = cmd_key(call, 1);
    bool has_owners = host != NULL && host->ring != NULL;

    reply_map(call->reply, VERSION_PAIRS + (has_owners ? OWNERS_PAIRS : 0));
    put_version(call, &key);
    call->key = key;
    if (has_owners) host->ring(call, CMD_RING_OWNERS);
}

/* KULA.RING [KEY key | SLOT slot] */
static void
kula_ring(struct cmd_call *call)
{
    int64_t slot;

    if (call->arg_count == 1) {
        tell(call, CMD_RING_MAP);
    } else if (call->arg_count == 3 && cmd_arg_is(call, 1, "key")) {
        uint32_t mask = store_slot_count(call->store) - 1;

        call->key = (struct store_key){.slot = slot_of(call->args[2]) & mask};
        tell(call, CMD_RING_SLOT);
    } else if (call->arg_count == 3 && cmd_arg_is(call, 1, "slot")) {
        if (!number_parse_int(call->args[2], &slot) || slot < 0 ||
            slot >= store_slot_count(call->store)) {
            reply_errorf(call->reply, "ERR slots are numbered from 0 to %u",
                         store_slot_count(call->store) - 1);
            return;
        }
        call->key = (struct store_key){.slot = (uint32_t)slot};
        tell(call, CMD_RING_SLOT);
    } else {
        admin_syntax_error(call);
    }
}

/* KULA.NODES */
static void
kula_nodes(struct cmd_call *call)
{
    tell(call, CMD_RING_NODES);
}

/* KULA.HINTS */
static void
kula_hints(struct cmd_call *call)
{
    tell(call, CMD_RING_HINTS);
}

/* KULA.REPAIR STATUS */
static void
kula_repair(struct cmd_call *call)
{
    if (cmd_arg_is(call, 1, "status")) {
        tell(call, CMD_RING_REPAIR);
    } else {
        admin_syntax_error(call);
    }
}

/* KULA.STATUS */
static void
kula_status(struct cmd_call *call)
{
    tell(call, CMD_RING_STATUS);
}

/* ---- commands over a key, anywhere ---- */

static void
put_sibling(struct reply *reply, struct stamp stamp,
            const struct record *record, struct bytes value)
{
    reply_array(reply, 2);
    put_stamp(reply, stamp);
    if (record != NULL) {
        put_value(reply, record);
    } else {
        reply_bulk(reply, value);
    }
}

static bool
is_shown(const struct cells *cells, int64_t wall_ms)
{
    return cells->kind == CELLS_TEXT &&
           (cells->expire_ms == 0 || cells->expire_ms >= wall_ms);
}

/* KULA.SIBLINGS key: [stamp, value] of each, the one that GET answers first */
static void
kula_siblings(struct cmd_call *call)
{
    struct kin kin = {.count = 0};
    struct record record;
    uint32_t count, i;

    if (!store_record(call->store, &call->key, call->wall_ms, &record) ||
        record.kind != RECORD_VALUE) {
        reply_array(call->reply, 0);
        return;
    }
    kin_add_siblings(&kin, record.siblings);
    for (i = 0, count = 1; i < kin.count; i++)
        count += is_shown(&kin.all[i], call->wall_ms);
    reply_array(call->reply, count);
    put_sibling(call->reply, record.stamp, &record, record.value);
    for (i = 0; i < kin.count; i++) {
        if (is_shown(&kin.all[i], call->wall_ms))
            put_sibling(call->reply, kin.all[i].stamp, NULL, kin.all[i].value);
    }
}

/* KULA.RESOLVE key value: a write has seen all that is there, so it is SET. */
static void
kula_resolve(struct cmd_call *call)
{
    if (string_put(call, &call->key, call->args[2], EXPIRE_NONE, 0))
        reply_ok(call->reply);
}

enum {
    SHOWS = CMD_ADMIN | CMD_LOADING | CMD_STALE | CMD_NO_MULTI,
    /* not while loading: then the store may be given another hash key */
    READS = CMD_ADMIN | CMD_READONLY | CMD_STALE | CMD_NO_MULTI,
};

/* clang-format off */
const struct cmd_spec cmd_kula_table[] = {
    {.name = "kula.hints", .group = "server",
     .args_min = 1, .args_max = 1, .flags = SHOWS,
     .run = kula_hints, .acl = "admin slow dangerous",
     .since = "0.1.0", .complexity = "O(N), N nodes with hints",
     .summary = "Copies that this node keeps for others.",
     .syntax = ""},
    {.name = "kula.local", .group = "server",
     .args_min = 2, .args_max = 2, .flags = READS,
     .run = kula_local, .acl = "admin slow dangerous",
     .since = "0.1.0", .complexity = "O(1)",
     .summary = "What this node itself holds of a key.",
     .syntax = "key"},
    {.name = "kula.nodes", .group = "server",
     .args_min = 1, .args_max = 1, .flags = SHOWS,
     .run = kula_nodes, .acl = "admin slow dangerous",
     .tips = "nondeterministic_output",
     .since = "0.1.0", .complexity = "O(N), N nodes",
     .summary = "The nodes of the ring, as this one knows them.",
     .syntax = ""},
    {.name = "kula.prefix", .group = "server",
     .args_min = 2, .args_max = CMD_ARGS_ANY,
     .flags = CMD_ADMIN | CMD_STALE | CMD_NO_MULTI,
     .run = admin_kula_prefix, .acl = "admin slow dangerous",
     .since = "0.1.0", .complexity = "O(N), N prefixes",
     .summary = "Quorums and conflict policy of keys that begin alike.",
     .syntax = "subcommand [prefix] [name value ...]"},
    {.name = "kula.quorum", .group = "connection",
     .args_min = 1, .args_max = CMD_ARGS_ANY,
     .flags = CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_MULTI,
     .run = admin_kula_quorum, .acl = "fast connection",
     .since = "0.1.0", .complexity = "O(1)",
     .summary = "Quorums of this connection's requests.",
     .syntax = "[DEFAULT | RESET | [R r] [W w] [MODE mode]]"},
    {.name = "kula.repair", .group = "server",
     .args_min = 2, .args_max = 2, .flags = SHOWS,
     .run = kula_repair, .acl = "admin slow dangerous",
     .tips = "nondeterministic_output",
     .since = "0.1.0", .complexity = "O(N), N nodes",
     .summary = "How comparing and mending copies goes.",
     .syntax = "STATUS"},
    {.name = "kula.resolve", .group = "string",
     .args_min = 3, .args_max = 3,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = kula_resolve, .acl = "write string slow",
     .key_spec = "OW update", .since = "0.1.0", .complexity = "O(1)",
     .summary = "Stores a value in the place of all that stand side by side.",
     .syntax = "key value"},
    {.name = "kula.ring", .group = "server",
     .args_min = 1, .args_max = CMD_ARGS_ANY, .flags = SHOWS,
     .run = kula_ring, .acl = "admin slow dangerous",
     .since = "0.1.0", .complexity = "O(N), N slots",
     .summary = "Which nodes have which slots; or all about one slot.",
     .syntax = "[KEY key | SLOT slot]"},
    {.name = "kula.siblings", .group = "string",
     .args_min = 2, .args_max = 2, .flags = CMD_READONLY,
     .key_first = 1, .key_last = 1, .key_step = 1,
     .run = kula_siblings, .acl = "read string slow",
     .key_spec = "RO access", .since = "0.1.0",
     .complexity = "O(N), N values",
     .summary = "All values that were written side by side, with their stamps.",
     .syntax = "key"},
    {.name = "kula.status", .group = "server",
     .args_min = 1, .args_max = 1, .flags = SHOWS,
     .run = kula_status, .acl = "admin slow dangerous",
     .tips = "nondeterministic_output",
     .since = "0.1.0", .complexity = "O(N), N nodes",
     .summary = "The ring's health, as this node sees it.",
     .syntax = ""},
    {.name = "kula.version", .group = "server",
     .args_min = 2, .args_max = 2, .flags = READS,
     .run = kula_version, .acl = "admin slow dangerous",
     .since = "0.1.0", .complexity = "O(1)",
     .summary = "The version of a key that this node holds, and its owners.",
     .syntax = "key"},
    {.name = NULL},
};
/* clang-format on */
