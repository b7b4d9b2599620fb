/* Stores for tests. */
#ifndef UNIT_STORE_MAKE_H
#define UNIT_STORE_MAKE_H

#include "store/store.h"

#define WALL INT64_C(1790000000000)

static inline struct store *
make_store(uint32_t slots, bool is_single)
{
    struct store_config config = {.slot_count = slots,
                                  .node = 1,
                                  .hash_seed = {1, 2, 3},
                                  .rng_seed = 5,
                                  .wall_ms = WALL,
                                  .is_single = is_single};

    return store_new(&config);
}

static inline struct store_key
make_key(struct store *store, uint32_t db, const char *name)
{
    return store_key(store, db, bytes_str(name));
}

#endif
