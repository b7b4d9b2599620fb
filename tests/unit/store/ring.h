/* Stores of a ring for tests, and records from one to another. */
#ifndef UNIT_STORE_RING_H
#define UNIT_STORE_RING_H

#include "base/err.h"
#include "make.h"
#include "store/replicate.h"

#include <stdlib.h>

enum { SKEW = 500 };

static inline struct store *
ring_store(uint32_t slots, uint32_t node)
{
    struct store_config config = {.slot_count = slots,
                                  .node = node,
                                  .hash_seed = {1, 2, 3},
                                  .rng_seed = 5,
                                  .wall_ms = WALL - 100000,
                                  .is_single = true};
    struct store *store = store_new(&config);

    store_join_ring(store, SKEW);
    return store;
}

static inline struct store_key
key_of(struct store *store, const struct record *record)
{
    return store_key(store, record->db, record->key);
}

/* The whole of a key as bytes; empty: nothing is known of it. */
static inline struct buf
record_bytes_of(struct store *store, const struct store_key *key, int64_t wall)
{
    struct record record;
    struct buf bytes = {0};

    if (store_record(store, key, wall, &record)) record_write(&bytes, &record);
    return bytes;
}

static inline enum store_outcome
merge_bytes(struct store *store, struct bytes bytes, int64_t wall,
            struct stamp *by)
{
    struct wire_reader reader = wire_reader(bytes);
    struct record record;
    struct store_key key;

    if (!record_read(&reader, &record)) return STORE_FULL;
    key = key_of(store, &record);
    return store_merge(store, &key, &record, wall, by);
}

/* One key from one store to another. */
static inline enum store_outcome
copy_key(struct store *from, struct store *to, const char *name, int64_t wall,
         struct stamp *by)
{
    struct store_key key = make_key(from, 0, name);
    struct buf bytes = record_bytes_of(from, &key, wall);
    enum store_outcome outcome =
        bytes.used > 0 ? merge_bytes(to, buf_bytes(&bytes), wall, by)
                       : STORE_COVERED;

    buf_deinit(&bytes);
    return outcome;
}

static inline void
put_text(struct store *store, const char *name, const char *value, int64_t wall)
{
    struct store_key key = make_key(store, 0, name);

    if (store_put_plain(store, &key, bytes_str(value), wall) != ERR_OK) abort();
}

/* True if the key's text is that; NULL: not there. */
static inline bool
text_is(struct store *store, const char *name, const char *value, int64_t wall)
{
    struct store_key key = make_key(store, 0, name);
    struct object *object = store_get(store, &key, STORE_NO_TOUCH, wall);
    char scratch[OBJECT_TEXT_ROOM];

    if (object == NULL || value == NULL) return object == NULL && value == NULL;
    return bytes_equal(object_text(object, scratch), bytes_str(value));
}

#endif
