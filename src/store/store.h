/*
 * store.h - all keys of this node, in memory.
 *
 * The unit is the slot: each has its own lock, table, clock and digest. A
 * function that takes a struct store_key wants that key's slot locked by the
 * caller; functions that say "unlocked" take locks themselves and must be
 * called without any (unless `held` says that the caller has locked all
 * slots). Slots are locked in ascending order. A lock is never held over a
 * wait. Time is always an argument: wall_ms, Unix milliseconds.
 *
 * An object pointer is valid until the slot is unlocked or the key is changed.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/bytes.h"
#include "store/object.h"

enum {
    STORE_DBS = 16,
    STORE_KEY_MAX = 512 * 1024 * 1024,
    STORE_VALUE_MAX = 512 * 1024 * 1024, /* bytes, as Redis */
};

enum store_policy { /* the order of the setting's names in config/ */
                    POLICY_NOEVICTION,
                    POLICY_ALLKEYS_LRU,
                    POLICY_ALLKEYS_LFU,
                    POLICY_ALLKEYS_RANDOM,
                    POLICY_VOLATILE_LRU,
                    POLICY_VOLATILE_LFU,
                    POLICY_VOLATILE_RANDOM,
                    POLICY_VOLATILE_TTL,
};

struct store;

struct store_config {
    uint32_t slot_count;   /* 16384; smaller in simulations, a power of two */
    uint32_t node;         /* this node's number, 12 bits */
    uint8_t hash_seed[32]; /* the ring's hash key */
    uint64_t rng_seed;     /* RANDOMKEY, random eviction */
    int64_t wall_ms;       /* when this life began */
    bool is_single;        /* one worker, nobody else: locks do nothing */
};

struct store_key {
    struct bytes name; /* borrowed */
    uint64_t hash;     /* of name and database */
    uint32_t slot, db;
};

struct store *store_new(const struct store_config *config);
void store_free(struct store *store); /* NULL is fine */

/* ---- identity, locks, prefetch: the batch's first waves ---- */
struct store_key store_key(const struct store *store, uint32_t db,
                           struct bytes name);
uint32_t store_slot_count(const struct store *store);
void store_lock(struct store *store, uint32_t slot);
void store_unlock(struct store *store, uint32_t slot);
/* Unlocked, harmless, may be skipped. First the slot of a whole batch, then
 * its buckets, then its objects. */
void store_prefetch_slot(const struct store *store,
                         const struct store_key *key);
void store_prefetch_bucket(const struct store *store,
                           const struct store_key *key);
void store_prefetch_object(const struct store *store,
                           const struct store_key *key);

/* ---- one key; its slot is locked by the caller ---- */

enum store_touch { STORE_TOUCH, STORE_NO_TOUCH };

/* The live object or NULL. An expired one is dropped (and counted). */
struct object *store_get(struct store *store, const struct store_key *key,
                         enum store_touch touch, int64_t wall_ms);

enum store_expire { EXPIRE_NONE, EXPIRE_KEEP, EXPIRE_AT };

/* A new value for a key, gathered from up to three parts, which may point
 * into the key's present object. */
struct store_write {
    enum object_type type;
    struct bytes parts[3];
    uint32_t part_count;
    bool is_raw, is_text;     /* OBJECT_RAW, OBJECT_TEXT */
    enum store_expire expire; /* NONE: forget it; KEEP; AT: expire_ms */
    int64_t expire_ms;        /* > 0 for EXPIRE_AT */
};

/*
 * Writes a new version with a fresh stamp and floor. ERR_MEMORY when there is
 * none (nothing changed). An EXPIRE_AT in the past is the caller's to turn
 * into a delete. *out (if not NULL) gets the new object.
 */
WARN_UNUSED int store_put(struct store *store, const struct store_key *key,
                          const struct store_write *write, int64_t wall_ms,
                          struct object **out);
/* The common case: a plain string in one part without expiry. */
WARN_UNUSED int store_put_plain(struct store *store,
                                const struct store_key *key, struct bytes value,
                                int64_t wall_ms);

/*
 * A private, writable value of exactly `size` bytes for in-place changes
 * (SETRANGE, SETBIT, APPEND): the old text, cut or padded with zeros, in a new
 * version; the expiry stays; OBJECT_RAW is set. Finish with store_edit_done,
 * which makes checksum and digest anew. ERR_MEMORY: nothing changed.
 */
WARN_UNUSED int store_edit(struct store *store, const struct store_key *key,
                           size_t size, int64_t wall_ms, char **value);
void store_edit_done(struct store *store, const struct store_key *key);

/* Adds to a counter; a missing key counts as 0; the expiry stays. A string
 * that is an integer becomes a counter with that base. The caller has checked
 * type and overflow. */
WARN_UNUSED int store_add(struct store *store, const struct store_key *key,
                          int64_t delta, int64_t wall_ms);
/* True if there was a live one. */
bool store_delete(struct store *store, const struct store_key *key,
                  int64_t wall_ms);
/* Sets (expire_ms > 0) or takes away (0) the expiry of a live key, which must
 * exist; the value's stamp stays. */
WARN_UNUSED int store_set_expiry(struct store *store,
                                 const struct store_key *key, int64_t expire_ms,
                                 int64_t wall_ms);

/*
 * The version of the key for WATCH: object_version(), or for an absent key
 * the stamp of the slot's last removal. Equal later: nothing happened to the
 * key (an absent key may answer "changed" when a neighbour was removed).
 */
uint64_t store_watch(struct store *store, const struct store_key *key,
                     int64_t wall_ms);
/* Heat, 0 (cold) .. 255, for OBJECT FREQ; seconds since the last write that
 * nobody has read since, for OBJECT IDLETIME. */
uint32_t store_heat(struct store *store, const struct store_key *key);
int64_t store_idle_s(struct store *store, const struct store_key *key,
                     int64_t wall_ms);
/* Bytes of memory that a key accounts for: cell and its share of the table. */
size_t store_usage(struct store *store, const struct object *object);

/* ---- many keys; unlocked unless all_held ---- */

/* Called with the slot locked; must not change the store. */
typedef void store_visit(void *context, const struct object *object);

/* At least one step, on average about `count` keys of database db; returns the
 * next cursor, 0 at the end. A key present from the first to the last call is
 * visited at least once, whatever grows or shrinks in between. */
uint64_t store_scan(struct store *store, uint32_t db, uint64_t cursor,
                    uint64_t count, bool all_held, int64_t wall_ms,
                    store_visit *visit, void *context);
/* A random live object's key, copied into *name (its memory grows, the caller
 * frees); false if the database is empty. */
struct buf;
bool store_random(struct store *store, uint32_t db, bool all_held,
                  int64_t wall_ms, struct buf *name);
/* Raises the floor of (slot, db) for all slots: db < 0 means all databases. */
void store_flush(struct store *store, int32_t db, bool all_held,
                 int64_t wall_ms);
uint64_t store_count(const struct store *store, uint32_t db);
uint64_t store_count_expires(const struct store *store, uint32_t db);
void store_lock_all(struct store *store);
void store_unlock_all(struct store *store);

/* ---- memory, time; unlocked ---- */

/* maxmemory (0: none) and its policy; takes effect at once. */
void store_limit(struct store *store, uint64_t max_bytes,
                 enum store_policy policy);
/*
 * Before a command that needs memory (`bytes`: what its arguments hold):
 * evicts until there is room. ERR_MEMORY: there is none and nothing may or can
 * be evicted; the client is told -OOM. Cheap when there is room.
 */
WARN_UNUSED int store_make_room(struct store *store, size_t bytes,
                                int64_t wall_ms);
/*
 * Every 100 ms or so: drops expired keys (at most `budget` tables looked
 * through) and learns what the process really uses (rss_bytes; 0: unknown).
 */
void store_tick(struct store *store, uint64_t rss_bytes, uint32_t budget,
                int64_t wall_ms);

struct store_stats {
    uint64_t expired, evicted; /* keys, since the last reset */
    uint64_t object_bytes;     /* in live objects */
    uint64_t heap_bytes;       /* heap memory that objects occupy */
    uint64_t spare_bytes;      /* heap memory without objects, or not there */
    uint64_t table_bytes;      /* tables and slots */
    uint64_t used_bytes;       /* what is compared with maxmemory */
    uint64_t relocations;      /* objects moved to free memory */
};
void store_stats(const struct store *store, struct store_stats *stats);
void store_stats_reset(struct store *store);

/* Digest of a slot: XOR over its live entries of H(key hash, version, check);
 * equal contents give equal digests. Slot locked. */
uint64_t store_digest(const struct store *store, uint32_t slot);
/* Recomputes digest, counts, bounds and checksums of a slot from its entries
 * and compares: the structural check for tests, DEBUG and the scrub. Slot
 * locked. */
bool store_slot_ok(const struct store *store, uint32_t slot);
/* The same for all slots, and all that is counted over them: keys, expiries,
 * heat, bytes of tables and heap. While nobody else uses the store. */
bool store_ok(const struct store *store);

#endif
