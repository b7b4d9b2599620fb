/*
 * Several threads on one small store under memory pressure: writes, edits,
 * counters, expiry, eviction, moving objects, scans, flushes. Every value
 * carries its key, so a value under a wrong key, torn or freed too early is
 * seen; at the end the whole structure is checked. Meant for ThreadSanitizer.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/rng.h"
#include "make.h"
#include "store/inside.h"
#include "store/replicate.h"
#include "support/plain.h"
#include "support/scaled.h"

#include <pthread.h>

enum {
    THREADS = 3,
    STEPS = SCALED(60000, 15000),
    NAMES = SCALED(30000, 7500), /* as many steps for each */
    ADDS_EACH = SCALED(2000, 500),
    UNIT = SCALED(1024, 256) * 1024, /* of memory */
    VALUE_MOST = 3000,
    LARGE = 20000,
};

struct job {
    struct store *store;
    struct rng rng;
    uint64_t wrong, refused;
    uint32_t index;
    bool is_ring;
    char data[LARGE];
};

static _Atomic int64_t now_ms = WALL;

/* One hash tag holds a third of the keys, so that its slot splits. */
static struct bytes
name_of(char *out, size_t room, uint32_t n)
{
    int size = snprintf(out, room, n % 3 == 0 ? "{tag}%u" : "key:%u", n);

    return bytes_of(out, (size_t)size);
}

/* The value is the name, then one letter over and over. */
static bool
value_ok(struct bytes value, struct bytes name)
{
    size_t i;

    if (value.size < name.size) return false;
    if (memcmp(value.data, name.data, name.size) != 0) return false;
    for (i = name.size; i < value.size; i++) {
        if (value.data[i] != value.data[value.size - 1]) return false;
    }
    return true;
}

static void
write_key(struct job *job, const struct store_key *key, int64_t wall_ms)
{
    size_t size = rng_below(&job->rng, 200) == 0
                      ? LARGE - 100
                      : rng_below(&job->rng, VALUE_MOST);
    struct store_write write = {.type = OBJECT_STRING, .part_count = 2};

    memset(job->data, 'a' + (int)rng_below(&job->rng, 26), size);
    write.parts[0] = key->name;
    write.parts[1] = bytes_of(job->data, size);
    write.expire = (enum store_expire)rng_below(&job->rng, 3);
    write.expire_ms = wall_ms + 1 + (int64_t)rng_below(&job->rng, 2000);
    if (store_put(job->store, key, &write, wall_ms, NULL) != ERR_OK)
        job->refused++;
}

static void
edit_key(struct job *job, const struct store_key *key, int64_t wall_ms)
{
    size_t size = key->name.size + rng_below(&job->rng, VALUE_MOST);
    char *value;

    if (store_edit(job->store, key, size, wall_ms, &value) != ERR_OK) {
        job->refused++;
        return;
    }
    memcpy(value, key->name.data, key->name.size);
    memset(value + key->name.size, 'e', size - key->name.size);
    store_edit_done(job->store, key);
}

static void
read_key(struct job *job, const struct store_key *key, int64_t wall_ms)
{
    struct object *object = store_get(job->store, key, STORE_TOUCH, wall_ms);

    if (object == NULL) return;
    if (!bytes_equal(object_key(object), key->name)) job->wrong++;
    if (!value_ok(object_value(object), key->name)) job->wrong++;
}

static void
one_key(struct job *job, int64_t wall_ms)
{
    char text[32];
    struct bytes name =
        name_of(text, sizeof(text), (uint32_t)rng_below(&job->rng, NAMES));
    struct store_key key = store_key(job->store, 0, name);

    store_prefetch_bucket(job->store, &key);
    store_prefetch_object(job->store, &key);
    if (store_make_room(job->store, LARGE, wall_ms) != ERR_OK) job->refused++;
    store_lock(job->store, key.slot);
    switch (rng_below(&job->rng, 10)) {
    case 0:
    case 1:
    case 2:
    case 3: write_key(job, &key, wall_ms); break;
    case 4: edit_key(job, &key, wall_ms); break;
    case 5: (void)store_delete(job->store, &key, wall_ms); break;
    case 6:
        if (store_get(job->store, &key, STORE_TOUCH, wall_ms) != NULL &&
            store_set_expiry(job->store, &key,
                             (int64_t)rng_below(&job->rng, 2) * (wall_ms + 500),
                             wall_ms) != ERR_OK) {
            job->refused++;
        }
        break;
    default: read_key(job, &key, wall_ms); break;
    }
    store_unlock(job->store, key.slot);
}

static void
check_visit(void *context, const struct object *object)
{
    struct job *job = context;

    if (!value_ok(object_value(object), object_key(object))) job->wrong++;
}

/* The counter lives in a database that nobody flushes. */
static void
add_one(struct job *job, int64_t wall_ms)
{
    struct store_key key = store_key(job->store, 1, BYTES_LIT("counter"));

    store_lock(job->store, key.slot);
    if (store_add(job->store, &key, 1, wall_ms) != ERR_OK) job->refused++;
    store_unlock(job->store, key.slot);
}

/* In a ring: entries and digests are read, old tombstones may go. */
static void
one_slot(struct job *job, int64_t wall_ms)
{
    struct store_entry out[64];
    uint32_t slot = (uint32_t)rng_below(&job->rng, 64), count, i;
    struct stamp bound = stamp_next(STAMP_NEVER, wall_ms, 0);
    uint64_t next;

    store_lock(job->store, slot);
    count =
        store_entries(job->store, slot, rng_next(&job->rng), 64, out, &next);
    for (i = 0; i < count; i++) {
        struct record record;

        if (!store_record_of(job->store, slot, out[i].hash, wall_ms, &record))
            job->wrong++;
        if (record.kind == RECORD_VALUE && record.db == 0 &&
            !value_ok(record.value, record.key)) {
            job->wrong++;
        }
    }
    store_set_repaired(job->store, slot, bound);
    store_unlock(job->store, slot);
    store_set_purge_bound(job->store, bound);
}

static void
many_keys(struct job *job, uint32_t step, int64_t wall_ms)
{
    struct buf name = {0};
    uint64_t cursor = rng_below(&job->rng, 64) << 32;

    (void)store_scan(job->store, 0, cursor, 100, false, wall_ms, check_visit,
                     job);
    (void)store_random(job->store, 0, false, wall_ms, &name);
    buf_deinit(&name);
    if (job->is_ring) one_slot(job, wall_ms);
    if (job->index != 0) return;
    atomic_fetch_add(&now_ms, 100);
    store_tick(job->store, 0, 16, wall_ms);
    if (step == STEPS / 2) store_flush(job->store, 0, false, wall_ms);
    if (step % 5000 == 0) {
        store_lock_all(job->store);
        store_unlock_all(job->store);
    }
}

static void *
work(void *context)
{
    struct job *job = context;
    uint32_t i;

    for (i = 0; i < STEPS; i++) {
        int64_t wall_ms = atomic_load(&now_ms);

        one_key(job, wall_ms);
        if (i % (STEPS / ADDS_EACH) == 0) add_one(job, wall_ms);
        if (i % 500 == 0) many_keys(job, i, wall_ms);
    }
    return NULL;
}

static int64_t
counter_value(struct store *store)
{
    struct store_key key = store_key(store, 1, BYTES_LIT("counter"));
    struct object *object = store_get(store, &key, STORE_TOUCH, WALL);
    int64_t value = 0;

    return object != NULL && object_int(object, &value) ? value : -1;
}

static void
run(struct plain *tally, uint64_t max_bytes, enum store_policy policy,
    bool is_ring)
{
    static struct job jobs[THREADS];
    struct store *store = make_store(64, false);
    struct store_stats stats;
    pthread_t threads[THREADS];
    uint64_t wrong = 0, refused = 0;
    uint32_t i;

    if (is_ring) store_join_ring(store, 100);
    store_limit(store, max_bytes, policy);
    for (i = 0; i < THREADS; i++) {
        jobs[i] = (struct job){
            .store = store, .rng = {i + 1}, .index = i, .is_ring = is_ring};
        if (pthread_create(&threads[i], NULL, work, &jobs[i]) != 0) return;
    }
    for (i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        wrong += jobs[i].wrong;
        refused += jobs[i].refused;
    }
    store_stats(store, &stats);
    PLAIN_CHECK(tally, wrong == 0, "%llu wrong values",
                (unsigned long long)wrong);
    if (policy != POLICY_VOLATILE_LRU) { /* there is always one to evict */
        PLAIN_CHECK(tally, refused == 0, "%llu refused",
                    (unsigned long long)refused);
    }
    PLAIN_CHECK(tally, stats.evicted > 0, "nothing evicted");
    PLAIN_CHECK(tally, stats.relocations > 0, "nothing moved");
    PLAIN_CHECK(tally, store_ok(store), "the structure");
    if (policy == POLICY_VOLATILE_LRU) { /* the counter is safe from it */
        PLAIN_CHECK(tally, counter_value(store) == THREADS * ADDS_EACH,
                    "counted to %lld", (long long)counter_value(store));
    }
    store_free(store);
}

int
main(void)
{
    struct plain tally = {0};

    run(&tally, 16 * UNIT, POLICY_ALLKEYS_LRU, false);
    run(&tally, 8 * UNIT, POLICY_ALLKEYS_RANDOM, false);
    run(&tally, 20 * UNIT, POLICY_VOLATILE_LRU, false);
    run(&tally, 16 * UNIT, POLICY_ALLKEYS_LRU, true);
    run(&tally, 20 * UNIT, POLICY_VOLATILE_LRU, true);
    return plain_end(&tally);
}
