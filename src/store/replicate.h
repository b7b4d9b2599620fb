/*
 * replicate.h - the door for what makes copies: records in and out of slots,
 * ranges of entries, floors, tombstones, repaired-through.
 *
 * Two modes. Alone (the start): nobody else has copies, nothing removed is
 * remembered. In a ring: a removed key stays as a tombstone, an expired one
 * becomes one at expiry + the allowed clock skew, until neither may be needed:
 * its stamp is at or below both the slot's repaired-through and the store's
 * purge bound, and it is STORE_TOMBSTONE_MS old. store_get() and all counts
 * never see tombstones; digests do.
 *
 * Merging (each cell by itself; commutative, associative, idempotent):
 *   floor    the larger one; a cell counts only at or above it
 *   string   one cell, and its stamp is the floor
 *   counter  base and shares, version/counter.h; its base's stamp is its floor
 *   expiry   the larger stamp; at or above the floor
 *   types    a tombstone or string at s against a counter: what of the counter
 *            is not below s stays (on base 0, or on the string if that is an
 *            integer); otherwise the larger stamp
 *   equal stamps, unequal content: a value wins over none, an integer over
 *            other texts (so that shares see the same base), then the larger
 *            check; counted, but for none, which is how a value looks where it
 *            has expired: a later expiry that came elsewhere brings it back
 * object_version() is XOR of H(cell's name, its stamp) over all cells, so a
 * missing cell shows.
 *
 * As in store.h: functions of a key or slot want that slot locked.
 */
#ifndef STORE_REPLICATE_H
#define STORE_REPLICATE_H

#include "store/record.h"
#include "store/store.h"

enum { STORE_TOMBSTONE_MS = 20 * 1000 };

/* From now on copies exist elsewhere; `skew_ms`: clock-skew-max-ms. All slots
 * take part. No lock is held, and other threads may use the store meanwhile;
 * once, or again with another skew. */
void store_join_ring(struct store *store, int64_t skew_ms);
/* This node's number is known now (stamps minted before would have had 0):
 * before the first write. Life begins anew. Unlocked. */
void store_set_node(struct store *store, uint32_t node, int64_t wall_ms);

/* From now on the largest stamp above `mark` that is minted here, or promised,
 * is remembered: what store_noted() tells, STAMP_NEVER if there was none. At
 * the start nothing is. Any thread, no lock. */
void store_watch_stamps(struct store *store, struct stamp mark);
void store_note_stamp(struct store *store, struct stamp promised);
struct stamp store_noted(const struct store *store);

/* conflict-policy: what two wrote without knowing of each other is kept side by
 * side, if it is texts or removals. Any thread, no lock. */
void store_keep_siblings(struct store *store, bool keeps);
/* The policy of a key. */
bool store_keeps_siblings(const struct store *store,
                          const struct store_key *key);

/* A fresh node learns its ring's hash key: while the store is empty. Unlocked.
 */
void store_rekey(struct store *store, const uint8_t seed[32]);

/* An empty store with the slots, the hash key, the node number of another one,
 * in ring mode: for copies that are kept apart. Aborts without memory. */
struct store *store_new_like(const struct store *store);

/* What the key is now: its whole record (a tombstone's too; an expired value's
 * as a TOMBSTONE of the same stamp), or false: nothing is known of it. Borrows
 * the object until it changes. */
bool store_record(struct store *store, const struct store_key *key,
                  int64_t wall_ms, struct record *record);
/* object_version() of what is there, tombstones included; 0: nothing. */
uint64_t store_version(struct store *store, const struct store_key *key);
/* The newest stamp of any cell; STAMP_NEVER: nothing. */
struct stamp store_newest(struct store *store, const struct store_key *key);

/* store_record, store_version and store_newest in one; false: nothing. */
struct store_sight {
    struct record record; /* borrows the object until it changes */
    uint64_t version;
    struct stamp newest;
};
bool store_look(struct store *store, const struct store_key *key,
                int64_t wall_ms, struct store_sight *sight);

enum store_outcome {
    STORE_STORED,  /* its cells are here now */
    STORE_COVERED, /* they were, or a later write of the same minter is */
    STORE_BEATEN,  /* a cell of another minter has a larger stamp: *by */
    STORE_LACKING, /* an EXPIRY on a version that is not here: send it whole */
    STORE_FULL,    /* no memory */
};
/* Merges a record (not FLOOR) into the key; the slot's clock learns. by may be
 * NULL. */
enum store_outcome store_merge(struct store *store, const struct store_key *key,
                               const struct record *record, int64_t wall_ms,
                               struct stamp *by);

/* Drops what is here, which must be something: it loses to the record whatever
 * their stamps are. */
void store_give_way(struct store *store, const struct store_key *key,
                    const struct record *record, int64_t wall_ms);

/* Removes all of (slot, db) that is not above `stamp`, now and when it comes
 * later; larger floors stay. db < STORE_DBS. */
void store_raise_floor(struct store *store, uint32_t slot, uint32_t db,
                       struct stamp stamp, int64_t wall_ms);
struct stamp store_floor(const struct store *store, uint32_t slot, uint32_t db);
/* A stamp for (slot) now: for floors. */
struct stamp store_mint(struct store *store, uint32_t slot, int64_t wall_ms);

struct stamp store_clock(const struct store *store, uint32_t slot);
/* The slot's clock is at least this from now on. */
void store_learn(struct store *store, uint32_t slot, struct stamp stamp);

/* An entry as comparison sees it. */
struct store_entry {
    uint64_t hash;    /* of key and database */
    uint64_t version; /* object_version() mixed with the value's check */
    struct stamp newest;
    uint32_t bytes; /* of its record, about */
    bool is_tombstone;
};
/*
 * Entries of a slot with from <= hash, in ascending order of hash, at most
 * `room`; returns how many. *next: where the next call goes on, 0 at the end
 * (all entries below *next with hash >= from are in `out`). room >= 64: entries
 * with equal leading hash bits are never torn apart.
 */
uint32_t store_entries(struct store *store, uint32_t slot, uint64_t from,
                       uint32_t room, struct store_entry *out, uint64_t *next);
/* XOR of entries' digests with from <= hash < to (to 0: no bound); floors are
 * not in it. The whole slot with its floors is store_digest(), O(1). */
uint64_t store_range_digest(struct store *store, uint32_t slot, uint64_t from,
                            uint64_t to, uint32_t *count);
/* The record of an entry; false: gone. Borrows. */
bool store_record_of(struct store *store, uint32_t slot, uint64_t hash,
                     int64_t wall_ms, struct record *record);
uint32_t store_slot_entries(const struct store *store, uint32_t slot);
uint32_t store_slot_tombstones(const struct store *store, uint32_t slot);

/* All owners had the same content up to `stamp`: never goes back. */
void store_set_repaired(struct store *store, uint32_t slot, struct stamp stamp);
struct stamp store_repaired(const struct store *store, uint32_t slot);
/* No copy older than this lies outside its owners anywhere. Unlocked. */
void store_set_purge_bound(struct store *store, struct stamp stamp);

/* Forgets all of a slot, without a trace (the node is no owner any more, or
 * begins anew): content, floors, repaired-through; the clock stays. */
void store_forget_slot(struct store *store, uint32_t slot);

/*
 * Eviction in a ring is the acting primary's: with a filter set,
 * store_make_room evicts in slots for which it says true (called with the slot
 * locked), and tells what it evicted. A volatile policy leaves tombstones, as
 * other keys of the slot may never go: all others raise evicted-through.
 * No lock is held; set once, whoever uses the store meanwhile.
 */
struct store_evict_hooks {
    bool (*may_evict)(void *self, uint32_t slot);
    void (*evicted)(void *self, uint32_t slot, uint64_t hash,
                    struct stamp newest);
    void *self;
};
void store_set_evict_hooks(struct store *store,
                           const struct store_evict_hooks *hooks);
/* Drops this version and what is older without a trace but evicted-through,
 * which rises to it; false: nothing such is there. */
bool store_evict(struct store *store, uint32_t slot, uint64_t hash,
                 struct stamp newest, int64_t wall_ms);
/* It was read elsewhere, which is to count where eviction is decided. */
void store_touch(struct store *store, const struct store_key *key);
/* Evicted-through: a key that is not here may have been evicted in a version
 * up to this one. */
struct stamp store_evicted(const struct store *store, uint32_t slot);
void store_raise_evicted(struct store *store, uint32_t slot,
                         struct stamp stamp);
/* Evicts about so many bytes where the hooks and `may` allow it (called like
 * may_evict), whatever is free; returns how many went. */
uint64_t store_evict_bytes(struct store *store, uint64_t bytes,
                           bool (*may)(void *self, uint32_t slot), void *self,
                           int64_t wall_ms);
/* How many bytes are missing for the next command; 0: none. */
uint64_t store_short_bytes(const struct store *store);

/* The same for a copy that should not be here, tombstones included. */
bool store_drop_version(struct store *store, uint32_t slot, uint64_t hash,
                        struct stamp newest, int64_t wall_ms);

/* For DEBUG and tests: behind the digest's back, as damage would. False: no
 * such key. */
bool store_damage_drop(struct store *store, const struct store_key *key);
bool store_damage_flip(struct store *store, const struct store_key *key);
/* Recomputes a slot's digest from its entries, checks values' checksums, drops
 * what is damaged and mends the digest; true: something was wrong. The scrub.
 */
bool store_scrub_slot(struct store *store, uint32_t slot);

struct store_ring_stats {
    uint64_t tombstones, tombstone_bytes;
    uint64_t equal_stamps; /* equal stamps with unequal content, ever */
    uint64_t conflicts;    /* writes of this node that gave way to others' which
                            * were made without having seen them, ever */
    uint64_t siblings_lost; /* writes side by side beyond the limits, ever */
    uint64_t damaged;       /* entries found damaged, ever */
};
void store_ring_stats(const struct store *store, struct store_ring_stats *out);

#endif
