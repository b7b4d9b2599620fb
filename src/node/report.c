/*
 * Facts of three owners are put together here: what nodes say of themselves
 * (members, under the ring's lock), what this node knows of its slots (replica,
 * atomics and slot locks), and what follows from the facts (the map, which no
 * one frees during a turn).
 *
 * A node without a ring answers as a ring of one whose slots are all its own.
 */
#include "node/report.h"

#include "base/memory.h"
#include "command/admin.h"
#include "command/info.h"
#include "coord/coord.h"
#include "node/inside.h"
#include "replica/keeper.h"

static const char *const phases[] = {
    [MEMBER_FRESH] = "fresh",         [MEMBER_JOINING] = "joining",
    [MEMBER_RETURNING] = "returning", [MEMBER_NORMAL] = "normal",
    [MEMBER_LEAVING] = "leaving",
};

static const char *const healths[] = {
    [MEMBER_UP] = "up",
    [MEMBER_SUSPECT] = "suspect",
    [MEMBER_DOWN] = "down",
    [MEMBER_REMOVED] = "removed",
};

static const char *const standings[] = {
    [MEMBERS_LOADING] = "loading",
    [MEMBERS_NUMBERED] = "numbered",
    [MEMBERS_CUT_OFF] = "cut-off",
    [MEMBERS_TWIN] = "twin",
};

static const char *const tenures[] = {
    [TENURE_NONE] = "none",
    [TENURE_OPEN] = "open",
    [TENURE_HELD] = "held",
};

/* What one report is made from. */
struct report {
    struct cmd_call *call;
    struct reply *reply;
    struct node *node;
    struct ring *ring;          /* NULL: alone */
    struct replica *replica;    /* likewise */
    const struct ring_map *map; /* NULL: alone, or not placed yet */
    struct share *shares;       /* owned; by number; NULL: not counted */
    uint32_t self;              /* own number, once there is a map */
    uint32_t least, most;       /* copies of a slot, over all */
    uint32_t pending_slots;     /* that wait for a newcomer */
};

struct share {
    uint32_t owned, first, pending; /* slots */
};

static void
report_init(struct report *report, struct cmd_call *call)
{
    struct node *node = call->env->shared->host_self;

    *report = (struct report){
        .call = call, .reply = call->reply, .node = node, .ring = node->ring};
    if (report->ring == NULL) return;
    report->replica = report->ring->replica;
    report->map = replica_map(report->replica);
    if (report->map != NULL) report->self = report->replica->self;
}

/* One walk over the map instead of one per member. */
static void
count_shares(struct report *report)
{
    uint32_t slots = report->map != NULL ? ring_map_slot_count(report->map) : 0;
    uint32_t slot, i;

    if (slots == 0) return;
    report->shares = mem_must_zero(RING_NUMBERS * sizeof(struct share));
    report->least = RING_OWNERS_MAX;
    for (slot = 0; slot < slots; slot++) {
        const struct ring_list *list = ring_map_list(report->map, slot);

        for (i = 0; i < list->count; i++)
            report->shares[list->owners[i]].owned++;
        if (list->count > 0) report->shares[list->owners[0]].first++;
        if (list->pending != RING_NOBODY) {
            report->shares[list->pending].pending++;
            report->pending_slots++;
        }
        if (list->count < report->least) report->least = list->count;
        if (list->count > report->most) report->most = list->count;
    }
}

static uint32_t
load_32(const _Atomic uint32_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static uint64_t
load_64(const _Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

/* ---- pairs of maps ---- */

static void
put_int(struct report *report, const char *name, uint64_t value)
{
    admin_pair_int(report->reply, name, (int64_t)value);
}

static void
put_text(struct report *report, const char *name, const char *text)
{
    reply_bulk_str(report->reply, name);
    reply_bulk_str(report->reply, text);
}

static void
put_bool(struct report *report, const char *name, bool value)
{
    reply_bulk_str(report->reply, name);
    reply_bool(report->reply, value);
}

/* 64 bits that are no quantity: text. */
static void
put_bits(struct report *report, const char *name, uint64_t bits)
{
    reply_bulk_str(report->reply, name);
    reply_bulkf(report->reply, "%llu", (unsigned long long)bits);
}

static void
put_numbers(struct reply *reply, const uint16_t *numbers, uint32_t count)
{
    uint32_t i;

    reply_array(reply, count);
    for (i = 0; i < count; i++)
        reply_int(reply, numbers[i]);
}

/* ---- figures ---- */

struct figures {
    uint64_t hints, dirty, unsettled, keys, memory_bytes, ops_per_s;
};

static uint64_t
all_keys(const struct report *report)
{
    uint64_t keys = 0;
    uint32_t db;

    for (db = 0; db < STORE_DBS; db++)
        keys += store_count(report->call->store, db);
    return keys;
}

/* This node's own, which are newer than what it last told others. */
static struct figures
own_figures(const struct report *report)
{
    struct store_stats stats;
    struct figures figures = {0};

    store_stats(report->call->store, &stats);
    figures.keys = all_keys(report);
    figures.memory_bytes = stats.used_bytes;
    figures.ops_per_s =
        rates_get(&report->call->env->shared->rates, RATE_COMMANDS);
    if (report->replica == NULL) return figures;
    figures.hints = replica_hint_count(report->replica);
    figures.dirty = load_32(&report->replica->dirty_slots);
    figures.unsettled = load_32(&report->replica->unsettled);
    return figures;
}

/* ---- nodes ---- */

static bool
is_reachable(const struct report *report, const struct member_view *view)
{
    if (view->is_self) return true;
    return view->number != RING_NOBODY &&
           (replica_health(report->replica, view->number) & PEER_REACHABLE);
}

enum { NODE_PAIRS = 24 };

static const char *
phase_of(const struct member_facts *facts)
{
    if (facts->phase == MEMBER_NORMAL && facts->is_on_probation)
        return "probation";
    return phases[facts->phase];
}

static void
put_place(struct report *report, const struct member_view *view)
{
    const struct member_facts *facts = view->facts;
    static const struct share nothing;
    const struct share *share =
        report->shares != NULL ? &report->shares[view->number] : &nothing;

    put_text(report, "datacenter", facts->dc);
    put_text(report, "rack", facts->rack);
    put_text(report, "phase", phase_of(facts));
    put_text(report, "health", healths[view->health]);
    put_bool(report, "reachable", is_reachable(report, view));
    reply_bulk_str(report->reply, "weight");
    reply_double(report->reply, facts->weight);
    put_int(report, "tokens", facts->token_count);
    put_int(report, "owns", share->owned);
    put_int(report, "first", share->first);
    put_int(report, "pending", share->pending);
}

static void
put_figures(struct report *report, const struct figures *figures)
{
    put_int(report, "unsettled", figures->unsettled);
    put_int(report, "dirty_slots", figures->dirty);
    put_int(report, "hints", figures->hints);
    put_int(report, "keys", figures->keys);
    put_int(report, "memory_bytes", figures->memory_bytes);
    put_int(report, "ops_per_s", figures->ops_per_s);
}

static void
put_member(struct report *report, const struct member_view *view)
{
    const struct member_facts *facts = view->facts;
    struct figures figures = {
        .hints = facts->hint_count,
        .dirty = facts->dirty_slots,
        .unsettled = facts->unsettled_slots,
        .keys = facts->keys,
        .memory_bytes = facts->memory_bytes,
        .ops_per_s = facts->ops_per_s,
    };
    int64_t now_ms = report->call->env->now_ms;
    int64_t age_ms = now_ms - view->up_since_ms;
    char id[NODE_ID_HEX];

    if (view->is_self) figures = own_figures(report);
    node_id_hex(&view->id, id);
    reply_map(report->reply, NODE_PAIRS);
    put_text(report, "id", id);
    put_int(report, "number", view->number);
    put_text(report, "host", facts->host);
    put_int(report, "port", facts->port);
    put_int(report, "bus_port", facts->bus_port);
    put_place(report, view);
    put_figures(report, &figures);
    put_text(report, "version", facts->version);
    put_int(report, "age_s", age_ms > 0 ? (uint64_t)age_ms / 1000 : 0);
    put_bool(report, "self", view->is_self);
}

/* A node without a ring: it owns all slots, and misses nothing. */
static void
put_alone(struct report *report)
{
    const struct cmd_shared *shared = report->call->env->shared;
    uint32_t slots = store_slot_count(report->call->store);
    struct figures figures = own_figures(report);
    int64_t age_ms = report->call->wall_ms - shared->facts.start_wall_ms;
    struct member_facts facts = {
        .port = (uint16_t)settings_int(shared->settings, SETTING_PORT),
        .weight = 1,
        .phase = MEMBER_NORMAL,
    };
    struct member_view view = {.facts = &facts, .is_self = true};
    struct share share = {.owned = slots, .first = slots};

    report->shares = &share;
    reply_map(report->reply, NODE_PAIRS);
    put_text(report, "id", shared->facts.run_id);
    put_int(report, "number", 0);
    put_text(report, "host", "");
    put_int(report, "port", facts.port);
    put_int(report, "bus_port", 0);
    put_place(report, &view);
    put_figures(report, &figures);
    put_text(report, "version", KULA_VERSION);
    put_int(report, "age_s", age_ms > 0 ? (uint64_t)age_ms / 1000 : 0);
    put_bool(report, "self", true);
    report->shares = NULL;
}

static void
put_nodes(struct report *report)
{
    struct members *members;
    struct member_view view;
    uint32_t count, i;

    if (report->ring == NULL) {
        reply_array(report->reply, 1);
        put_alone(report);
        return;
    }
    lock_take(&report->ring->lock);
    members = report->ring->members;
    count = members_count(members);
    reply_array(report->reply, count);
    for (i = 0; i < count; i++) {
        bool is_there = members_at(members, i, &view);

        ASSERT(is_there);
        put_member(report, &view);
    }
    lock_drop(&report->ring->lock);
}

/* ---- the map ---- */

static uint32_t
copies(const struct report *report)
{
    uint32_t count = 0, i;

    if (report->ring == NULL) return 1;
    if (report->ring->replicas.dc_count == 0)
        return report->ring->replicas.count;
    for (i = 0; i < report->ring->replicas.dc_count; i++)
        count += report->ring->replicas.dcs[i].count;
    return count;
}

static const char *
ring_name(const struct report *report)
{
    return report->ring != NULL ? report->ring->link.name : "";
}

enum { FACT_PAIRS = 7 };

/* What the whole ring agrees on. */
static void
put_facts(struct report *report)
{
    const struct replica *replica = report->replica;
    bool is_strict =
        replica != NULL &&
        atomic_load_explicit(&replica->is_strict, memory_order_relaxed);
    uint64_t hash = report->map != NULL ? ring_map_hash(report->map) : 0;

    put_text(report, "name", ring_name(report));
    put_int(report, "slots", store_slot_count(report->call->store));
    put_int(report, "replicas", copies(report));
    put_int(report, "read_quorum",
            replica != NULL ? load_32(&replica->read_quorum) : 1);
    put_int(report, "write_quorum",
            replica != NULL ? load_32(&replica->write_quorum) : 1);
    put_text(report, "quorum_mode", is_strict ? "strict" : "sloppy");
    reply_bulk_str(report->reply, "map_hash");
    reply_bulkf(report->reply, "%016llx", (unsigned long long)hash);
}

static bool
is_same_list(const struct ring_list *a, const struct ring_list *b)
{
    return a->count == b->count && a->pending == b->pending &&
           !memcmp(a->owners, b->owners, a->count * sizeof(a->owners[0]));
}

/* [from, to, [owners], pending] for each run of slots with one list. */
static void
put_ranges(struct report *report)
{
    const struct ring_map *map = report->map;
    uint32_t slots = map != NULL ? ring_map_slot_count(map) : 0;
    size_t place = reply_defer(report->reply);
    uint32_t from = 0, count = 0, to;

    for (to = 1; to <= slots; to++) {
        const struct ring_list *list = ring_map_list(map, from);

        if (to < slots && is_same_list(list, ring_map_list(map, to))) continue;
        reply_array(report->reply, 4);
        reply_int(report->reply, from);
        reply_int(report->reply, to - 1);
        put_numbers(report->reply, list->owners, list->count);
        reply_int(report->reply, list->pending);
        count++;
        from = to;
    }
    reply_set_array(report->reply, place, count);
}

static uint32_t
member_count(const struct report *report)
{
    struct member_view view;
    uint32_t count = 0, i;

    if (report->ring == NULL) return 1;
    lock_take(&report->ring->lock);
    for (i = 0; members_at(report->ring->members, i, &view); i++) {
        if (view.health != MEMBER_REMOVED) count++;
    }
    lock_drop(&report->ring->lock);
    return count;
}

static void
put_map(struct report *report)
{
    reply_map(report->reply, FACT_PAIRS + 2);
    put_facts(report);
    put_int(report, "members", member_count(report));
    reply_bulk_str(report->reply, "ranges");
    put_ranges(report);
}

/* ---- one slot ---- */

static const struct ring_list *
list_of(const struct report *report)
{
    uint32_t slot = report->call->key.slot;

    if (report->map == NULL) return NULL;
    return ring_map_list(report->map, slot);
}

static void
put_owners(struct report *report)
{
    const struct ring_list *list = list_of(report);
    uint16_t reachable[RING_OWNERS_MAX];
    uint32_t count = 0, i;

    if (report->replica == NULL) list = NULL;
    for (i = 0; list != NULL && i < list->count; i++) {
        uint32_t number = list->owners[i];

        if (number == report->self ||
            replica_health(report->replica, number) & PEER_REACHABLE) {
            reachable[count++] = list->owners[i];
        }
    }
    reply_bulk_str(report->reply, "owners");
    put_numbers(report->reply, list != NULL ? list->owners : NULL,
                list != NULL ? list->count : 0);
    reply_bulk_str(report->reply, "reachable");
    put_numbers(report->reply, reachable, count);
}

static void
put_standins(struct report *report)
{
    uint16_t numbers[RING_OWNERS_MAX];
    uint32_t count = 0;

    if (report->map != NULL) {
        count = ring_map_standins(report->map, report->call->key.slot, numbers,
                                  RING_OWNERS_MAX);
    }
    reply_bulk_str(report->reply, "standins");
    put_numbers(report->reply, numbers, count);
}

/* Owners of the slot that may lack what was written to it here. */
static void
put_dirty_targets(struct report *report)
{
    const struct ring_list *list = list_of(report);
    uint16_t numbers[RING_OWNERS_MAX];
    uint32_t count = 0, i;

    if (report->replica == NULL) list = NULL;
    for (i = 0; list != NULL && i < list->count; i++) {
        if (replica_is_dirty(report->replica, list->owners[i],
                             report->call->key.slot)) {
            numbers[count++] = list->owners[i];
        }
    }
    reply_bulk_str(report->reply, "dirty");
    put_numbers(report->reply, numbers, count);
}

enum { SLOT_PAIRS = 11 };

static void
put_slot(struct report *report)
{
    uint32_t slot = report->call->key.slot, primary = RING_NOBODY;
    const struct ring_list *list = list_of(report);
    struct slot_state state = {.is_settled = true};
    struct store *store = report->call->store;
    struct stamp repaired;
    uint32_t entries;

    if (list != NULL) primary = replica_primary(report->replica, list);
    store_lock(store, slot);
    if (report->replica != NULL) {
        state = report->replica->slots[slot];
        state.is_settled = replica_is_settled(report->replica, slot);
    }
    repaired = store_repaired(store, slot);
    entries = store_slot_entries(store, slot);
    store_unlock(store, slot);
    reply_map(report->reply, SLOT_PAIRS);
    put_int(report, "slot", slot);
    put_owners(report);
    put_standins(report);
    put_int(report, "pending", list != NULL ? list->pending : RING_NOBODY);
    put_int(report, "primary", primary);
    reply_bulk_str(report->reply, "tenure");
    reply_map(report->reply, 3);
    put_bits(report, "stamp", state.promised.bits);
    put_int(report, "holder", state.promised_to);
    put_text(report, "state", tenures[state.tenure]);
    put_bool(report, "settled", state.is_settled);
    put_dirty_targets(report);
    put_int(report, "entries", entries);
    put_bits(report, "repaired_through", repaired.bits);
}

/* ---- hints, repair ---- */

static struct hints *
all_hints(const struct report *report)
{
    if (report->replica == NULL) return NULL;
    return atomic_load_explicit(&report->replica->hints, memory_order_acquire);
}

/* Of the kept copies, and of what points at them. */
static uint64_t
hint_bytes(const struct report *report)
{
    struct hints *hints = all_hints(report);
    struct store_stats stats = {0};
    struct store *held;

    if (hints == NULL) return 0;
    held = atomic_load_explicit(&report->replica->held, memory_order_acquire);
    if (held != NULL) store_stats(held, &stats);
    return stats.object_bytes + hints_count(hints) * HINT_BYTES;
}

static void
put_hints(struct report *report)
{
    struct hints *hints = all_hints(report);
    uint64_t oldest = hints != NULL ? hints_oldest(hints) : UINT64_MAX;
    uint32_t target, count = 0;
    size_t place;

    reply_map(report->reply, 6);
    put_int(report, "total", hints != NULL ? hints_count(hints) : 0);
    put_int(report, "bytes", hint_bytes(report));
    put_int(report, "max_bytes",
            report->replica != NULL ? load_64(&report->replica->hints_max_bytes)
                                    : 0);
    put_bits(report, "oldest", oldest == UINT64_MAX ? 0 : oldest);
    put_int(report, "oldest_ms",
            oldest == UINT64_MAX
                ? 0
                : (uint64_t)stamp_wall_ms((struct stamp){oldest}));
    reply_bulk_str(report->reply, "targets");
    place = reply_defer(report->reply);
    target = hints != NULL ? hints_target(hints, 1) : RING_NOBODY;
    while (target != RING_NOBODY) {
        reply_map(report->reply, 2);
        put_int(report, "number", target);
        put_int(report, "count", hints_count_of(hints, target));
        count++;
        target = hints_target(hints, target + 1);
    }
    reply_set_array(report->reply, place, count);
}

static void
put_dirty_peers(struct report *report)
{
    size_t place;
    uint32_t number, count = 0;

    reply_bulk_str(report->reply, "dirty");
    place = reply_defer(report->reply);
    for (number = 1; report->replica != NULL && number < RING_NUMBERS;
         number++) {
        uint32_t slots = replica_dirty_count(report->replica, number);

        if (slots == 0) continue;
        reply_map(report->reply, 2);
        put_int(report, "number", number);
        put_int(report, "slots", slots);
        count++;
    }
    reply_set_array(report->reply, place, count);
}

static void
put_keeper(struct report *report)
{
    struct keeper_status status = {0};
    int64_t ago_ms = -1;

    if (report->ring != NULL) {
        lock_take(&report->ring->lock);
        status = report->ring->keeper_seen;
        lock_drop(&report->ring->lock);
    }
    if (status.last_round_ms != 0)
        ago_ms = report->call->env->now_ms - status.last_round_ms;
    put_bool(report, "comparing", status.is_comparing);
    put_int(report, "rounds", status.rounds);
    admin_pair_int(report->reply, "last_round_ago_ms", ago_ms);
    put_int(report, "slots_differing", status.slots_differing);
    put_int(report, "keys_sent", status.keys_sent);
    put_int(report, "keys_received", status.keys_received);
    put_int(report, "bytes_sent", status.bytes_sent);
    put_int(report, "waiting_settle", status.waiting_settle);
    put_int(report, "waiting_tenure", status.waiting_tenure);
}

/* Counters of replica/, by name. */
#define COUNTERS(X)                                                            \
    X(repaired_keys)                                                           \
    X(repair_bytes)                                                            \
    X(read_repairs)                                                            \
    X(short_tenures)                                                           \
    X(short_settles)                                                           \
    X(tenures_taken)                                                           \
    X(tenures_lost)                                                            \
    X(stale_writes)

static void
put_repair(struct report *report)
{
    const struct replica *replica = report->replica;
    struct store_ring_stats stats;

    store_ring_stats(report->call->store, &stats);
    reply_map(report->reply, 9 + 8 + 2);
    put_keeper(report);
#define PUT(name)                                                              \
    put_int(report, #name, replica != NULL ? load_64(&replica->name) : 0);
    COUNTERS(PUT)
#undef PUT
    put_int(report, "conflicts", stats.conflicts);
    put_dirty_peers(report);
}

/* ---- the verdict's inputs ---- */

static const char *
standing(struct report *report, uint32_t *majority)
{
    enum member_standing standing;

    *majority = 1;
    if (report->ring == NULL) return "alone";
    lock_take(&report->ring->lock);
    standing = members_standing(report->ring->members);
    *majority = members_majority(report->ring->members);
    lock_drop(&report->ring->lock);
    return standings[standing];
}

static void
put_status(struct report *report)
{
    struct figures figures = own_figures(report);
    uint32_t majority;
    const char *state = standing(report, &majority);

    if (report->ring == NULL) report->least = report->most = 1;
    reply_map(report->reply, FACT_PAIRS + 13);
    put_facts(report);
    put_bool(report, "enabled", report->ring != NULL);
    put_text(report, "standing", state);
    put_bool(report, "loading",
             atomic_load_explicit(&report->call->env->shared->is_loading,
                                  memory_order_relaxed));
    put_int(report, "number", report->self);
    put_int(report, "members", member_count(report));
    put_int(report, "majority", majority);
    put_int(report, "copies_least", report->least);
    put_int(report, "copies_most", report->most);
    put_int(report, "pending", report->pending_slots);
    put_int(report, "unsettled", figures.unsettled);
    put_int(report, "dirty_slots", figures.dirty);
    put_int(report, "hints", figures.hints);
    reply_bulk_str(report->reply, "nodes");
    put_nodes(report);
}

/* ---- INFO ---- */

static void
line(struct report *report, const char *name, uint64_t value)
{
    buf_must_printf(&report->call->env->scratch, "%s:%llu\r\n", name,
                    (unsigned long long)value);
}

static void
info_members(struct report *report)
{
    uint32_t counts[MEMBER_REMOVED + 1] = {0}, joining = 0, i;
    uint32_t probation = 0;
    struct member_view view;

    if (report->ring == NULL) {
        counts[MEMBER_UP] = 1;
    } else {
        lock_take(&report->ring->lock);
        for (i = 0; members_at(report->ring->members, i, &view); i++) {
            counts[view.health]++;
            if (view.facts->phase == MEMBER_JOINING) joining++;
            if (view.facts->is_on_probation) probation++;
        }
        lock_drop(&report->ring->lock);
    }
    line(report, "ring_nodes_up", counts[MEMBER_UP]);
    line(report, "ring_nodes_suspect", counts[MEMBER_SUSPECT]);
    line(report, "ring_nodes_down", counts[MEMBER_DOWN]);
    line(report, "ring_nodes_joining", joining);
    line(report, "ring_nodes_on_probation", probation);
}

static void
info_gossip(struct report *report)
{
    struct member_stats stats = {0};

    if (report->ring != NULL) {
        lock_take(&report->ring->lock);
        members_stats(report->ring->members, &stats);
        lock_drop(&report->ring->lock);
    }
    line(report, "gossip_frames_sent", stats.frames_sent);
    line(report, "gossip_bytes_sent", stats.bytes_sent);
    line(report, "gossip_bad_frames", stats.bad_frames);
    line(report, "gossip_suspicions", stats.suspicions);
    line(report, "gossip_downs", stats.downs);
    line(report, "gossip_refutations", stats.refutations);
}

/* Sums over the workers' coordinators. */
static void
info_coord(struct report *report)
{
    static const struct {
        const char *name;
        size_t at;
    } rows[] = {
        {"coordinator_local", offsetof(struct coord_stats, ops_local)},
        {"coordinator_remote", offsetof(struct coord_stats, ops_remote)},
        {"coordinator_served", offsetof(struct coord_stats, ops_served)},
        {"quorum_failures", offsetof(struct coord_stats, noquorum)},
        {"uncertain_writes", offsetof(struct coord_stats, uncertain)},
        {"retries", offsetof(struct coord_stats, retries)},
        {"fetches", offsetof(struct coord_stats, fetches)},
        {"read_repairs", offsetof(struct coord_stats, read_repairs)},
        {"copies_sent", offsetof(struct coord_stats, copies_sent)},
        {"copies_taken", offsetof(struct coord_stats, copies_taken)},
        {"exec_spanning", offsetof(struct coord_stats, exec_spanning)},
        {"loans", offsetof(struct coord_stats, loans)},
        {"hedged_reads", offsetof(struct coord_stats, hedged_reads)},
        {"hedged_wins", offsetof(struct coord_stats, hedged_wins)},
        {"hints_sent", offsetof(struct coord_stats, hints_sent)},
        {"hints_taken", offsetof(struct coord_stats, hints_taken)},
        {"hints_delivered", offsetof(struct coord_stats, hints_delivered)},
        {"standin_writes", offsetof(struct coord_stats, acted)},
    };
    uint32_t i, worker;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t sum = 0;

        for (worker = 0; worker < report->node->worker_count; worker++) {
            struct coord *coord = report->node->workers[worker].coord;

            if (coord == NULL) continue;
            sum += load_64((
                const _Atomic uint64_t *)(const void *)((const char *)
                                                            coord_stats(coord) +
                                                        rows[i].at));
        }
        line(report, rows[i].name, sum);
    }
}

static void
info_replica(struct report *report)
{
    const struct replica *replica = report->replica;
    struct figures figures = own_figures(report);
    uint32_t slots = store_slot_count(report->call->store);
    struct store_ring_stats stats;

    store_ring_stats(report->call->store, &stats);
    line(report, "ring_owned",
         report->ring == NULL     ? slots
         : report->shares != NULL ? report->shares[report->self].owned
                                  : 0);
    line(report, "ring_pending", report->pending_slots);
    line(report, "ring_unsettled", figures.unsettled);
    line(report, "ring_dirty_slots", figures.dirty);
    line(report, "replication_n", copies(report));
    line(report, "replication_r",
         replica != NULL ? load_32(&replica->read_quorum) : 1);
    line(report, "replication_w",
         replica != NULL ? load_32(&replica->write_quorum) : 1);
    line(report, "hints_pending_count", figures.hints);
    line(report, "hints_pending_bytes", hint_bytes(report));
    line(report, "repair_keys",
         replica != NULL ? load_64(&replica->repaired_keys) : 0);
    line(report, "repair_bytes",
         replica != NULL ? load_64(&replica->repair_bytes) : 0);
    line(report, "conflicts", stats.conflicts);
    line(report, "siblings_lost", stats.siblings_lost);
    line(report, "stale_writes",
         replica != NULL ? load_64(&replica->stale_writes) : 0);
    line(report, "short_tenures",
         replica != NULL ? load_64(&replica->short_tenures) : 0);
}

static void
put_info(struct report *report)
{
    buf_must_printf(&report->call->env->scratch, "ring_name:%s\r\n",
                    ring_name(report));
    line(report, "ring_enabled", report->ring != NULL);
    info_members(report);
    info_gossip(report);
    info_replica(report);
    info_coord(report);
}

void
report_ring(struct cmd_call *call, enum cmd_ring_report what)
{
    struct report report;

    report_init(&report, call);
    switch (what) {
    case CMD_RING_NODES:
        count_shares(&report);
        put_nodes(&report);
        break;
    case CMD_RING_MAP: put_map(&report); break;
    case CMD_RING_SLOT: put_slot(&report); break;
    case CMD_RING_OWNERS:
        put_owners(&report);
        put_dirty_targets(&report);
        break;
    case CMD_RING_HINTS: put_hints(&report); break;
    case CMD_RING_REPAIR: put_repair(&report); break;
    case CMD_RING_STATUS:
        count_shares(&report);
        put_status(&report);
        break;
    case CMD_RING_INFO:
        count_shares(&report);
        put_info(&report);
        break;
    }
    mem_free(report.shares);
}
