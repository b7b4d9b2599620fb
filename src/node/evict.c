/*
 * Eviction among the nodes of a ring.
 *
 *   any worker, short of memory --> store: slots whose tenure is held here
 *        |  each key that went, under its slot's lock
 *        v
 *   a bounded queue --worker 0, end of its turn--> EVICT to the other owners
 *
 * What the queue or a link has no room for is found by comparing the copies:
 * src/replica/evict.c.
 *
 * A node may be short where others are not: it has less memory. Once a second
 * it tells its fellow owners what it evicted, and lacks, per slot; who evicted
 * less in the slots that both own makes up for it, a step in each tick. So all
 * evict alike, and the least memory of a slot's owners is what the slot has.
 */
#include "node/inside.h"

#include "base/memory.h"
#include "bus/wire.h"

enum {
    QUEUE_MAX = 64 * 1024,        /* keys */
    FRAME_KEYS = 2000,            /* of one EVICT */
    DEBT_MOST = 64 * 1024 * 1024, /* owed to one member */
    DEBT_STEP = 4 * 1024 * 1024,  /* evicted for others in one tick */
    UNEVEN_MOST = 4,
    DEBT_LEAST = 64 * 1024, /* less is not worth it */
};

struct gone {
    uint64_t hash;
    struct stamp newest;
    uint32_t slot;
};

/* One member that is told. */
struct told {
    uint16_t number;
    uint32_t count; /* of keys in `keys` */
    struct buf keys;
};

struct evictions {
    struct lock lock;           /* of the queue */
    struct gone *queue, *taken; /* QUEUE_MAX each, once there are any */
    _Atomic uint32_t count;
    _Atomic uint64_t evicted; /* keys, ever */
    /* worker 0 */
    uint64_t seen, asked; /* keys: of `evicted`, as of the last second; those
                           * evicted for others since */
    struct told told[RING_OWNERS_MAX * 8];
    uint32_t told_count;
    uint64_t debt[RING_NUMBERS]; /* bytes to evict for this member */
    bool has_debt;
};

/* ---- the store's hooks: any worker, the slot is locked ---- */

static bool
may_evict(void *self, uint32_t slot)
{
    const struct ring *ring = self;

    return ring->replica->slots[slot].tenure == TENURE_HELD;
}

static void
evicted(void *self, uint32_t slot, uint64_t hash, struct stamp newest)
{
    struct evictions *evictions = ((struct ring *)self)->evictions;
    uint32_t count;

    atomic_fetch_add_explicit(&evictions->evicted, 1, memory_order_relaxed);
    lock_take(&evictions->lock);
    count = atomic_load(&evictions->count);
    if (evictions->queue == NULL) {
        evictions->queue = mem_must_array(NULL, QUEUE_MAX, sizeof(struct gone));
    }
    if (count < QUEUE_MAX) {
        evictions->queue[count] = (struct gone){hash, newest, slot};
        atomic_store(&evictions->count, count + 1);
    }
    lock_drop(&evictions->lock);
}

/* ---- telling the others ---- */

static void
send_evict(struct worker *worker, uint32_t number, struct bytes payload)
{
    struct frame frame = {.type = FRAME_EVICT, .payload = payload};
    struct link *link = bus_link_to(worker, number);

    if (link == NULL || link_unsent(link) > LINK_OUT_SOFT) return;
    bus_write(worker, (struct bus_link *)(void *)link, &frame, false);
}

static void
flush_told(struct worker *worker, struct told *told)
{
    struct buf *out = &worker->bus->scratch;

    out->used = 0;
    wire_put_varint(out, told->count);
    wire_put_raw(out, buf_bytes(&told->keys));
    send_evict(worker, told->number, buf_bytes(out));
    told->keys.used = 0;
    told->count = 0;
}

/* The place of this member; somebody else is flushed if there is none. */
static struct told *
place_for(struct worker *worker, struct evictions *evictions, uint32_t number)
{
    const uint32_t most = RING_OWNERS_MAX * 8;
    struct told *told;
    uint32_t i;

    for (i = 0; i < evictions->told_count; i++)
        if (evictions->told[i].number == number) return &evictions->told[i];
    if (evictions->told_count < most) {
        told = &evictions->told[evictions->told_count++];
    } else {
        told = &evictions->told[number % most];
        if (told->count > 0) flush_told(worker, told);
    }
    told->number = (uint16_t)number;
    return told;
}

static void
tell(struct worker *worker, const struct gone *gone)
{
    struct ring *ring = worker->node->ring;
    const struct ring_list *list =
        ring_map_list(replica_map(ring->replica), gone->slot);
    uint32_t i;

    for (i = 0; i < list->count; i++) {
        struct told *told;

        if (list->owners[i] == ring->replica->self) continue;
        told = place_for(worker, ring->evictions, list->owners[i]);
        wire_put_u16(&told->keys, (uint16_t)gone->slot);
        wire_put_u64(&told->keys, gone->hash);
        wire_put_u64(&told->keys, gone->newest.bits);
        if (++told->count == FRAME_KEYS) flush_told(worker, told);
    }
}

bool
evict_is_waiting(const struct ring *ring)
{
    return atomic_load_explicit(&ring->evictions->count, memory_order_relaxed) >
           0;
}

void
evict_ship(struct worker *worker)
{
    struct ring *ring = worker->node->ring;
    struct evictions *evictions = ring->evictions;
    struct gone *taken;
    uint32_t count, i;

    if (!evict_is_waiting(ring) || replica_map(ring->replica) == NULL) return;
    if (evictions->taken == NULL) {
        evictions->taken = mem_must_array(NULL, QUEUE_MAX, sizeof(struct gone));
    }
    lock_take(&evictions->lock);
    taken = evictions->queue;
    count = atomic_load(&evictions->count);
    evictions->queue = evictions->taken;
    atomic_store(&evictions->count, 0);
    lock_drop(&evictions->lock);
    evictions->taken = taken;
    for (i = 0; i < count; i++)
        tell(worker, &taken[i]);
    for (i = 0; i < evictions->told_count; i++)
        if (evictions->told[i].count > 0)
            flush_told(worker, &evictions->told[i]);
}

/* ---- asking, and being asked ---- */

struct share {
    struct ring *ring;
    uint32_t number; /* who asks */
};

static bool
is_shared(void *self, uint32_t slot)
{
    const struct share *share = self;

    return ring_list_owns(
        ring_map_list(replica_map(share->ring->replica), slot), share->number);
}

/* Of a member, in the slots that this node owns, too. */
struct fellow {
    uint32_t shared;  /* of the slots that this node is the primary of */
    uint32_t primary; /* it is their primary */
    uint32_t entries; /* in these */
};

/* Returns the slots that this node owns. */
static uint32_t
count_slots(const struct ring *ring, struct fellow *fellows)
{
    const struct replica *replica = ring->replica;
    const struct ring_map *map = replica_map(replica);
    uint32_t owned = 0, slot, i;

    for (slot = 0; slot < replica->slot_count; slot++) {
        const struct ring_list *list = ring_map_list(map, slot);
        uint32_t primary = replica_primary(replica, list);

        if (!ring_list_owns(list, replica->self)) continue;
        owned++;
        fellows[primary].primary++;
        store_lock(replica->store, slot);
        fellows[primary].entries += store_slot_entries(replica->store, slot);
        store_unlock(replica->store, slot);
        if (primary != replica->self) continue;
        for (i = 0; i < list->count; i++)
            fellows[list->owners[i]].shared++;
    }
    return owned;
}

static void
take_debts(struct ring *ring, uint64_t evicted_bytes,
           const struct fellow *fellows)
{
    struct evictions *evictions = ring->evictions;
    uint32_t own = fellows[ring->replica->self].primary, i;

    evictions->has_debt = false;
    for (i = 1; i < RING_NUMBERS; i++) {
        _Atomic uint64_t *asked = &ring->replica->evict_each[i];
        uint64_t each = atomic_load(asked) > 0 ? atomic_exchange(asked, 0) : 0;
        uint64_t due = each * fellows[i].shared, done;

        evictions->debt[i] = 0;
        if (each == 0 || own == 0) continue;
        done = evicted_bytes / own * fellows[i].shared;
        if (due < done + done / 4 + DEBT_LEAST) continue;
        evictions->debt[i] = min_u64(due - done, DEBT_MOST);
        evictions->has_debt = true;
    }
}

/* Who holds more in a slot is to evict more, so that in time all hold alike. */
static uint64_t
bytes_for(const struct fellow *self, const struct fellow *other, uint64_t bytes)
{
    uint64_t own = self->primary > 0 ? self->entries / self->primary + 1 : 1;
    uint64_t its = other->primary > 0 ? other->entries / other->primary + 1 : 1;

    if (self->primary == 0) return bytes;
    if (its > own * UNEVEN_MOST) its = own * UNEVEN_MOST;
    return bytes / own * its;
}

static void
ask_others(struct worker *worker, uint64_t bytes, uint32_t slots,
           const struct fellow *fellows)
{
    uint32_t self = worker->node->ring->replica->self, i;
    struct buf *out = &worker->bus->scratch;

    for (i = 1; i < RING_NUMBERS; i++) {
        if (fellows[i].primary == 0 || i == self) continue;
        out->used = 0;
        wire_put_varint(out, 0);
        wire_put_varint(out, bytes_for(&fellows[self], &fellows[i], bytes));
        wire_put_varint(out, slots);
        send_evict(worker, i, buf_bytes(out));
    }
}

void
evict_second(struct worker *worker)
{
    struct ring *ring = worker->node->ring;
    struct evictions *evictions = ring->evictions;
    struct store *store = ring->node->shared.store;
    uint64_t keys = atomic_load(&evictions->evicted) - evictions->seen;
    uint64_t own_keys = keys - min_u64(keys, evictions->asked);
    uint64_t count = upkeep_key_count(ring), size = 0, bytes, lacks;
    struct fellow *fellows;
    struct store_stats stats;
    uint32_t own, owned;

    if (!ring->is_joined || replica_map(ring->replica) == NULL) return;
    evictions->seen += keys;
    evictions->asked = 0;
    store_stats(store, &stats);
    if (count > 0) size = stats.object_bytes / count;
    fellows = mem_must_zero(RING_NUMBERS * sizeof(*fellows));
    owned = count_slots(ring, fellows);
    own = fellows[ring->replica->self].primary;
    take_debts(ring, keys * size, fellows);
    lacks = store_short_bytes(store);
    bytes = own_keys * size;
    if (owned > 0) bytes += own > 0 ? lacks * own / owned : lacks;
    if (bytes > DEBT_LEAST)
        ask_others(worker, bytes, own > 0 ? own : owned, fellows);
    mem_free(fellows);
}

void
evict_tick(struct worker *worker)
{
    struct ring *ring = worker->node->ring;
    struct evictions *evictions = ring->evictions;
    uint64_t before = atomic_load(&evictions->evicted);
    uint64_t left = DEBT_STEP;
    uint32_t i;

    if (!evictions->has_debt) return;
    evictions->has_debt = false;
    for (i = 1; i < RING_NUMBERS && left > 0; i++) {
        struct share share = {ring, i};
        uint64_t step = min_u64(evictions->debt[i], left);

        if (step == 0) continue;
        (void)store_evict_bytes(ring->node->shared.store, step, is_shared,
                                &share, worker->env->wall_ms);
        evictions->debt[i] -= step;
        left -= step;
        evictions->has_debt = evictions->has_debt || evictions->debt[i] > 0;
    }
    evictions->has_debt = evictions->has_debt || left == 0;
    evictions->asked += atomic_load(&evictions->evicted) - before;
}

/* ---- life ---- */

void
evict_join(struct ring *ring)
{
    struct store_evict_hooks hooks = {may_evict, evicted, ring};

    store_set_evict_hooks(ring->node->shared.store, &hooks);
}

struct evictions *
evict_new(void)
{
    return mem_must_zero(sizeof(struct evictions));
}

void
evict_free(struct evictions *evictions)
{
    uint32_t i;

    for (i = 0; i < evictions->told_count; i++)
        buf_deinit(&evictions->told[i].keys);
    mem_free(evictions->queue);
    mem_free(evictions->taken);
    mem_free(evictions);
}
