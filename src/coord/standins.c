/*
 * Stand-ins: when an owner can't be reached, a node behind the list keeps its
 * copy (sloppy quorums), with a hint to whom it belongs, and hands it over when
 * the owner is back.
 *
 *   writer   COPY {hint, target} --> stand-in: held copy + hint, ACK: it counts
 *   later    stand-in: COPY {repair} --> owner: ACK: the hint goes, and the
 * copy when no other hint points at it
 *
 * Held copies live in a store of their own (replica->held): nothing that reads,
 * scans, counts or evicts keys sees them. At most HINTS_WINDOW are under way to
 * one owner: its acknowledgements are the credits for more, so it is never
 * flooded.
 */
#include "coord/inside.h"

#include "bus/wire.h"

enum {
    STANDINS_MAX = 8,  /* looked at behind a list */
    HINTS_WINDOW = 64, /* under way to one owner */
    HINTS_MS = 20,     /* between two looks */
};

static bool
is_fit(const struct coord *coord, uint32_t number)
{
    return number != coord->replica->self && route_is_usable(coord, number) &&
           !(replica_health(coord->replica, number) & PEER_PASSIVE);
}

uint32_t
standins_fit(const struct coord *coord, uint32_t slot, uint16_t *out,
             uint32_t room)
{
    uint16_t numbers[STANDINS_MAX];
    uint32_t count = ring_map_standins(replica_map(coord->replica), slot,
                                       numbers, STANDINS_MAX),
             fit = 0, i;

    for (i = 0; i < count && fit < room; i++) {
        if (numbers[i] == coord->replica->self || is_fit(coord, numbers[i]))
            out[fit++] = numbers[i];
    }
    return fit;
}

uint32_t
standins_count(const struct coord *coord, uint32_t slot)
{
    uint16_t fit[STANDINS_MAX];
    uint32_t count = standins_fit(coord, slot, fit, STANDINS_MAX), i;
    uint32_t others = 0;

    for (i = 0; i < count; i++)
        others += fit[i] != coord->replica->self;
    return others;
}

static bool
is_asked(const struct op *op, uint32_t number)
{
    uint32_t i;

    for (i = 0; i < op->standin_count; i++) {
        if (op->standins[i] == number) return true;
    }
    return false;
}

/* The first behind the list of the first changed slot that is not asked yet. */
static uint32_t
choose(const struct coord *coord, const struct op *op)
{
    const struct ring_map *map = replica_map(coord->replica);
    uint16_t numbers[STANDINS_MAX];
    uint32_t count, i, at = 0;

    while (at < op->touched_count && !op->touched[at].is_changed)
        at++;
    if (at == op->touched_count || op->standin_count == RING_OWNERS_MAX)
        return RING_NOBODY;
    count = ring_map_standins(map, op->touched[at].slot, numbers, STANDINS_MAX);
    for (i = 0; i < count; i++) {
        if (is_fit(coord, numbers[i]) && !is_asked(op, numbers[i]))
            return numbers[i];
    }
    return RING_NOBODY;
}

bool
standins_send(struct coord *coord, struct op *op, uint32_t target)
{
    struct frame frame = {.type = FRAME_COPY};
    struct sent_copy copy = {
        .op = op, .run = op->run, .target = (uint16_t)target};
    uint32_t number =
        op->quorum.mode == MODE_STRICT ? RING_NOBODY : choose(coord, op);
    struct link *link;
    size_t place;

    if (number == RING_NOBODY) return false;
    link = coord->effects.link(coord->effects.self, number);
    if (link == NULL || link_unsent(link) > LINK_OUT_SOFT) return false;
    op->standins[op->standin_count++] = (uint16_t)number;
    copies_push(coord_link_of(link), link, &copy);
    place = link_begin(link, &frame, coord_wall(coord));
    wire_put_u8(&link->out, op->is_short ? COPY_HINT | COPY_SHORT : COPY_HINT);
    wire_put_u16(&link->out, (uint16_t)target);
    copies_put_records(coord, op, target, &link->out);
    link_end(link, place, true, coord_now(coord));
    stat_add(&coord->stats.copies_sent);
    stat_add(&coord->stats.hints_sent);
    coord->effects.wake(coord->effects.self, link);
    return true;
}

/* ---- keeping ---- */

/* A slot that has become this node's own: what was kept for others is its copy
 * as well. Returns the tenure that it was written under; *few: if too few had
 * promised that. */
static struct stamp
adopt(struct coord *coord, const struct store_key *key,
      const struct record *record, struct stamp *few)
{
    const struct ring_list *list =
        ring_map_list(replica_map(coord->replica), key->slot);
    struct stamp tenure;

    store_lock(coord->store, key->slot);
    tenure = replica_tenure_of(coord->replica, key->slot, record->stamp);
    *few = replica_short_of(coord->replica, key->slot, record->stamp);
    if (ring_list_owns(list, coord->replica->self)) {
        replica_adopt(coord->replica, key, record, coord_wall(coord));
    }
    store_unlock(coord->store, key->slot);
    return tenure;
}

bool
standins_keep(struct coord *coord, uint32_t target,
              const struct incoming *incoming, bool is_short)
{
    struct replica *replica = coord->replica;
    const struct record *record = &incoming->record;
    struct store *held;
    struct store_key key;
    struct hint hint;
    struct stamp few;
    enum store_outcome outcome;
    bool is_kept = false;

    if (record->kind == RECORD_NOTHING) return true;
    if (record->kind == RECORD_FLOOR || record->kind == RECORD_EXPIRY)
        return false; /* not the whole key: a dirty mark does better */
    replica_standin(replica);
    if (!replica_has_hint_room(replica, record->key.size + record->value.size,
                               1)) {
        return false;
    }
    if (incoming->slot < replica->slot_count) {
        store_lock(replica->store, incoming->slot);
        if (is_short) {
            replica_saw_short(replica, incoming->slot, incoming->tenure);
        } else {
            replica_saw_tenure(replica, incoming->slot, incoming->tenure);
        }
        store_unlock(replica->store, incoming->slot);
    }
    held = atomic_load(&replica->held);
    key = store_key(held, record->db, record->key);
    store_lock(held, key.slot);
    outcome = store_merge(held, &key, record, coord_wall(coord), NULL);
    hint = (struct hint){
        .hash = key.hash, .slot = key.slot, .stamp = store_newest(held, &key)};
    /* before anybody can find the copy without a hint, and drop it */
    if (outcome != STORE_FULL && outcome != STORE_LACKING)
        is_kept = hints_put(atomic_load(&replica->hints), target, &hint);
    if (is_kept) (void)adopt(coord, &key, record, &few);
    store_unlock(held, key.slot);
    if (!is_kept) {
        replica_drop_held(replica, key.slot, key.hash, coord_wall(coord));
        return false;
    }
    stat_add(&coord->stats.hints_taken);
    return true;
}

/* ---- handing over ---- */

static bool
is_target(const struct coord *coord, uint32_t number, uint32_t slot)
{
    const struct ring_list *list =
        ring_map_list(replica_map(coord->replica), slot);

    return ring_list_owns(list, number) || list->pending == number;
}

static void
hand_over(struct coord *coord, struct link *link, const struct hint *hint)
{
    struct replica *replica = coord->replica;
    struct store *held = atomic_load(&replica->held);
    struct coord_link *to = coord_link_of(link);
    struct sent_copy copy = {.hint = *hint};
    struct frame frame = {.type = FRAME_COPY};
    struct record record;
    struct store_key key;
    struct stamp tenure, few;
    size_t place;

    coord->scratch.used = 0;
    store_lock(held, hint->slot);
    if (!store_record_of(held, hint->slot, hint->hash, coord_wall(coord),
                         &record)) {
        store_unlock(held, hint->slot);
        hints_done(atomic_load(&replica->hints), to->number, hint);
        return;
    }
    record_write(&coord->scratch, &record);
    key = store_key(held, record.db, record.key);
    tenure = adopt(coord, &key, &record, &few);
    store_unlock(held, hint->slot);
    if (!is_target(coord, to->number, hint->slot)) {
        standins_delivered(coord, to->number, hint); /* no owner any more */
        return;
    }
    copies_push(to, link, &copy);
    to->hints_out++;
    place = link_begin(link, &frame, coord_wall(coord));
    wire_put_u8(&link->out,
                (uint8_t)(COPY_REPAIR | COPY_KEPT |
                          (few.bits != 0 ? COPY_SHORT : COPY_PLAIN)));
    wire_put_varint(&link->out, 1);
    wire_put_u32(&link->out,
                 ring_map_list(replica_map(replica), hint->slot)->hash);
    wire_put_u64(&link->out, few.bits != 0 ? few.bits : tenure.bits);
    wire_put_raw(&link->out, buf_bytes(&coord->scratch));
    link_end(link, place, true, coord_now(coord));
    coord->effects.wake(coord->effects.self, link);
}

void
standins_delivered(struct coord *coord, uint32_t number,
                   const struct hint *hint)
{
    hints_done(atomic_load(&coord->replica->hints), number, hint);
    replica_drop_held(coord->replica, hint->slot, hint->hash,
                      coord_wall(coord));
    stat_add(&coord->stats.hints_delivered);
    coord->standins_ms = coord_now(coord); /* there is room for more */
}

static void
serve_target(struct coord *coord, struct hints *hints, uint32_t target)
{
    struct hint some[HINTS_WINDOW];
    struct link *link;
    uint32_t count, i, room;

    if (!route_is_usable(coord, target)) return;
    link = coord->effects.link(coord->effects.self, target);
    if (link == NULL || coord_link_of(link)->hints_out >= HINTS_WINDOW) return;
    room = HINTS_WINDOW - coord_link_of(link)->hints_out;
    count = hints_take(hints, target, some, room);
    for (i = 0; i < count; i++) {
        if (link->state == LINK_OPEN && link_unsent(link) < LINK_OUT_SOFT) {
            hand_over(coord, link, &some[i]);
        } else {
            hints_failed(hints, target, &some[i]);
        }
    }
}

void
standins_turn(struct coord *coord)
{
    struct hints *hints =
        atomic_load_explicit(&coord->replica->hints, memory_order_acquire);
    uint32_t target;

    if (hints == NULL || coord->env->worker != 0) return;
    if (coord_now(coord) < coord->standins_ms) return;
    coord->standins_ms = coord_now(coord) + HINTS_MS;
    for (target = hints_target(hints, 0); target != RING_NOBODY;
         target = hints_target(hints, target + 1)) {
        serve_target(coord, hints, target);
    }
}

int64_t
standins_deadline_ms(const struct coord *coord)
{
    if (coord->env->worker != 0 || replica_hint_count(coord->replica) == 0)
        return INT64_MAX;
    return coord->standins_ms;
}
