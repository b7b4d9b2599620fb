/*
 * inside.h - the store's own structures; for files of src/store only.
 *
 *   store --slots[16384]--> slot --+-- one table (up to some 1,600 keys)
 *                                  +-- or a directory of 2^bits tables, by the
 *                                      leading bits of the hash (extendible
 *                                      hashing, Fagin et al. 1979): one table
 *                                      is split at a time, so nothing pauses
 *                                      even if one hash tag holds everything
 *
 * Expiry: each table and each slot knows a time before which nothing in it
 * expires, in ticks of 250 ms since 2020. The slots' times lie in one dense
 * array, so looking for what is due reads 64 KiB, not the keys.
 *
 * Heat, 4 bits an entry (after S3-FIFO, Yang et al. 2023, without queues):
 *
 *      new --> 0 FRESH --hand--> 1 AGED --hand--> gone (a ghost remains)
 *                 \------ read -----/
 *                         v
 *      ghost hit --> 2 MAIN .. HEAT_TOP: read +1, hand -1; at 2: gone
 *
 * Two hands sweep the tables: one takes from FRESH and AGED while these are
 * more than a tenth of all, the other from MAIN. A scan passes through the
 * first and never reaches the second.
 *
 * In a ring (store->ring is there) a removed key stays as a tombstone, in the
 * tables and the digest but in no count; what a slot then needs besides lies
 * in an array beside the slots, so that a slot stays one cache line.
 */
#ifndef STORE_INSIDE_H
#define STORE_INSIDE_H

#include "base/hash.h"
#include "base/lock.h"
#include "base/rng.h"
#include "store/cells.h"
#include "store/heap.h"
#include "store/replicate.h"
#include "store/table.h"

#include <stdatomic.h>

enum {
    HEAT_FRESH = 0,
    HEAT_AGED = 1,
    HEAT_MAIN = 2,
    HEAT_TOP = 6,
    HEAT_TOMBSTONE = HEAT_MAX, /* not heat: the hands pass such entries by */
    DIR_BITS_MAX = 16,
    EXPIRE_TICK_MS = 250,
};

#define EXPIRE_NEVER UINT32_MAX

struct slot {
    struct lock lock;
    uint32_t used;        /* entries in all tables, expired ones included */
    struct table one;     /* used while dir == NULL; depth 0 */
    struct table **dir;   /* owned; 2^dir_bits pointers, tables may repeat */
    struct stamp clock;   /* of the newest stamp minted or seen */
    struct stamp removed; /* when the last key was removed */
    uint64_t digest;
};

struct hand {
    uint32_t slot, table, bucket;
};

struct evictor {
    struct lock lock; /* one worker evicts at a time */
    struct hand fresh, main, drain;
    struct rng rng;
    _Atomic uint64_t max_bytes; /* maxmemory; 0: none */
    _Atomic uint32_t policy;
    _Atomic int64_t other_bytes;   /* resident, but neither heap nor tables */
    _Atomic int64_t fresh_count;   /* entries that are FRESH or AGED */
    struct ghosts *_Atomic ghosts; /* owned; NULL until needed */
};

/* A slot's part of being in a ring; under its lock, but for the atomics, which
 * are read before it is taken. */
struct ring_slot {
    struct stamp *floors;      /* owned; STORE_DBS of them, NULL: none yet */
    struct stamp life;         /* STAMP_NEVER, or as store->life and later:
                                * see inside_end_life */
    _Atomic uint64_t repaired; /* repaired-through */
    _Atomic uint64_t evicted;  /* evicted-through */
    _Atomic uint64_t least;    /* no tombstone's newest stamp is below */
    uint64_t walk_least;       /* the same, being found anew by the purge */
    uint32_t tombstones;
};

struct ring {
    struct ring_slot *slots;
    int64_t skew_ms;
    uint32_t purge_slot, purge_table; /* where the next purge goes on */
    _Atomic uint64_t purge_bound;
    _Atomic int64_t tombstones, tombstone_bytes;
    _Atomic uint64_t equal_stamps, conflicts, siblings_lost, damaged;
};

struct store {
    struct slot *slots;
    _Atomic uint32_t *expire_at; /* per slot */
    struct heap *heap;
    uint32_t slot_count;
    uint32_t node;
    bool is_single;
    _Atomic bool keeps_siblings; /* conflict-policy */
    struct stamp life;           /* no share born before this is our own */
    _Atomic uint64_t stamp_mark; /* stamps above it are noted: in stamp_top */
    _Atomic uint64_t stamp_top;
    struct ring *_Atomic ring; /* owned; NULL: alone; set under all locks */
    struct store_evict_hooks hooks;
    struct hash_key hash_key;
    uint32_t expire_hand;  /* slot that the next tick begins at */
    uint32_t expire_table; /* and table in its directory */
    struct evictor evictor;
    _Alignas(64) _Atomic int64_t keys[STORE_DBS];
    _Atomic int64_t expires[STORE_DBS];
    _Alignas(64) _Atomic int64_t table_bytes;
    _Atomic uint64_t expired, evicted, relocations;
    _Atomic uint64_t dice; /* for RANDOMKEY */
};

/* An entry with everything around it. */
struct found {
    struct slot *slot;
    struct table *table;
    struct place place; /* bucket NULL: not there */
    uint32_t tag;
    bool is_dead; /* a tombstone, or (in a ring) an expired value */
};

/* What follows an object's value. */
struct tail {
    struct bytes vector, siblings; /* borrowed */
    struct vector room;            /* of a vector made for it */
};

/* A new version in full. */
struct draft {
    enum object_type type;
    bool is_raw, is_text, is_tombstone;
    const struct bytes *parts;
    uint32_t part_count;
    size_t value_bytes; /* of all parts; more: zeros follow */
    int64_t expire_ms;  /* 0: none */
    struct stamp expire_stamp;
    bool has_expiry; /* also true for a stamped "no expiry" */
    struct stamp stamp;
    const struct tail *tail; /* borrowed; NULL: nothing follows the value */
};

static inline uint32_t
dir_bits(const struct slot *slot)
{
    return slot->dir != NULL ? slot->one.depth : 0;
}

static inline uint32_t
slot_table_count(const struct slot *slot)
{
    return 1u << dir_bits(slot);
}

/* Repeats itself for tables that fewer bits tell apart. */
static inline struct table *
slot_table(struct slot *slot, uint32_t index)
{
    return slot->dir != NULL ? slot->dir[index] : &slot->one;
}

static inline struct table *
slot_table_of(struct slot *slot, uint64_t hash)
{
    if (LIKELY(slot->dir == NULL)) return &slot->one;
    return slot->dir[hash >> (64 - slot->one.depth)];
}

/* The table's tag for a hash. */
static inline uint32_t
hash_tag(uint64_t hash, uint32_t depth)
{
    return (uint32_t)(hash >> (48 - depth)) & 0xffff;
}

static inline uint32_t
expire_tick(int64_t wall_ms)
{
    int64_t tick = (wall_ms - STAMP_EPOCH_MS) / EXPIRE_TICK_MS;

    if (tick < 0) return 0;
    return tick >= (int64_t)EXPIRE_NEVER ? EXPIRE_NEVER - 1 : (uint32_t)tick;
}

static inline bool
object_is_expired(const struct object *object, int64_t wall_ms)
{
    int64_t at = object_expiry_ms(object);

    return at > 0 && wall_ms > at;
}

/* Not there for a client. */
static inline bool
object_is_hidden(const struct object *object, int64_t wall_ms)
{
    if (LIKELY(!(object->flags & (OBJECT_EXPIRY | OBJECT_TOMBSTONE))))
        return false;
    return (object->flags & OBJECT_TOMBSTONE) ||
           object_is_expired(object, wall_ms);
}

static inline uint32_t
slot_index(const struct store *store, const struct slot *slot)
{
    return (uint32_t)(slot - store->slots);
}

/* STAMP_NEVER if alone or never raised. */
static inline struct stamp
inside_floor(const struct store *store, uint32_t slot, uint32_t db)
{
    if (store->ring == NULL || store->ring->slots[slot].floors == NULL)
        return STAMP_NEVER;
    return store->ring->slots[slot].floors[db];
}

/* The vector of a write upon what is there, in `room`. */
const struct tail *inside_see(const struct store *store,
                              const struct found *found,
                              const struct object *object, int64_t wall_ms,
                              struct tail *room);
/* What follows an object's value, in `room`; NULL: nothing. */
const struct tail *inside_tail(const struct object *object, struct tail *room);
/* The same, found quickly where there is none (NULL): all that is there is this
 * node's own. */
static inline const struct tail *
inside_seen(const struct store *store, const struct found *found,
            int64_t wall_ms, struct tail *room)
{
    const struct object *object;

    if (found->place.bucket == NULL || store->ring == NULL) return NULL;
    object = place_object(found->place);
    if (LIKELY((object->flags &
                (OBJECT_VECTOR | OBJECT_SIBLINGS | OBJECT_TYPE_MASK)) == 0 &&
               stamp_node(object->stamp) == store->node)) {
        return NULL;
    }
    return inside_see(store, found, object, wall_ms, room);
}

uint64_t inside_hash(const struct store *store, uint32_t db, struct bytes name);
uint64_t inside_digest(uint64_t hash, const struct object *object);
struct found inside_find(struct store *store, const struct store_key *key);
/* Room for one more key; found->table and tag may change by a split. */
WARN_UNUSED int inside_reserve(struct store *store, struct found *found,
                               const struct store_key *key);
/* Takes an entry and its object out of everything. */
void inside_drop(struct store *store, struct found *found,
                 struct object *object, uint64_t hash, int64_t wall_ms);
/* The same, but leaves the table its size: for loops over it. */
void inside_take_out(struct store *store, struct found *found,
                     struct object *object, uint64_t hash, int64_t wall_ms);
struct stamp inside_mint(struct store *store, struct slot *slot,
                         int64_t wall_ms);
/* Remembers that something in this table expires at `expire_ms`. */
void inside_note_expiry(struct store *store, uint32_t slot, struct table *table,
                        int64_t expire_ms);
void inside_count_key(struct store *store, uint32_t db, int64_t delta);
void inside_count_expiry(struct store *store, uint32_t db, int64_t delta);
void inside_touch(struct store *store, struct place place);
/* Heat of a new entry: MAIN if a ghost remembers it. */
void inside_warm_up(struct store *store, struct place place, uint64_t hash);
/* An entry that is no live key any more does not count as fresh. */
void inside_cool_down(struct store *store, struct place place);
void inside_resized(struct store *store, int64_t buckets);
/* table_shrink, accounted for; places in it become invalid. */
void inside_shrink(struct store *store, struct table *table);
/* Drops what has expired, looking through `budget` tables at most. */
void inside_expire(struct store *store, uint32_t budget, int64_t wall_ms);
uint32_t inside_check(struct bytes value);
/* What an object's check should be. */
uint32_t inside_check_of(const struct object *object);
/* Puts a version in the place of whatever is there; NULL without memory.
 * inside_seal() afterwards makes check and digest. */
struct object *inside_put(struct store *store, struct found *found,
                          const struct store_key *key,
                          const struct draft *draft);
void inside_seal(struct found *found, const struct store_key *key,
                 struct object *object);
/* Changes the expiry alone. */
WARN_UNUSED int inside_put_expiry(struct store *store, struct found *found,
                                  const struct store_key *key,
                                  int64_t expire_ms, struct stamp stamp);

/* Calls fn for the entries with tags in [from, to). */
typedef void inside_visit(void *context, struct object *object);
void inside_visit_tags(const struct table *table, uint32_t from, uint32_t to,
                       inside_visit *fn, void *context);
/* Takes everything of a database (< 0: all) out of a locked slot. */
void inside_wipe(struct store *store, struct slot *slot, int32_t db,
                 int64_t wall_ms);

/* ---- in a ring ---- */

/* An expired value that was met: gone if alone or past its time, else left for
 * later. */
void inside_met_expired(struct store *store, struct found *found,
                        struct object *object, uint64_t hash, int64_t wall_ms);
/* Makes an entry a tombstone; of an expired value, its stamp and expiry stay.
 * Without memory the entry goes. */
void inside_bury(struct store *store, struct found *found,
                 const struct store_key *key, struct stamp stamp,
                 const struct tail *tail, bool keeps_expiry);
/* An expired value ends: a tombstone, or nothing if none is needed. */
void inside_end_expired(struct store *store, struct found *found,
                        struct object *object, uint64_t hash, int64_t wall_ms);
/* The record of what is there: an expired value's is a tombstone's. */
void inside_record(const struct object *object, int64_t wall_ms,
                   struct record *record);
/* The stamp that an expired value's tombstone has. */
struct stamp inside_grave_stamp(const struct object *object);
/* store_watch() of a key that is not there: what is left of it tells. */
uint64_t inside_watch_absent(struct store *store, const struct store_key *key);
/* True if a tombstone of this age may be forgotten. */
bool inside_may_purge(const struct store *store, uint32_t slot,
                      struct stamp newest, int64_t wall_ms);
/* A tombstone came (+1) or goes (-1). */
void inside_count_tombstone(struct store *store, uint32_t slot,
                            const struct object *object, int32_t delta);
/* Forgets tombstones that nobody needs, looking through `budget` tables. */
void inside_purge(struct store *store, uint32_t budget, int64_t wall_ms);
/* Raises the floor of one database, or of all (db < 0). */
void inside_raise_floors(struct store *store, uint32_t slot, int32_t db,
                         struct stamp stamp, int64_t wall_ms);
uint64_t inside_floor_digest(uint32_t db, struct stamp floor);
/* Merges nothing into an entry: what the slot's floor leaves of it stays.
 * True if the entry itself went. */
bool inside_cut(struct store *store, struct found *found, uint64_t hash,
                int64_t wall_ms);
/* What the slot's floor leaves of several writes side by side, the main one of
 * which may have expired. False: nothing, and the entry is to go. */
bool inside_renew(struct store *store, struct found *found, uint64_t hash,
                  bool is_expired);
/* An own share came back from elsewhere, perhaps not its newest: none that was
 * born in this slot until now is to be added to. */
void inside_end_life(struct store *store, uint32_t slot);
/* Shares born since then are this node's to add to. */
struct stamp inside_life(const struct store *store, uint32_t slot);

#endif
