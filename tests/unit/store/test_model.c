/*
 * Random commands against the store and against a plain map, which must agree
 * on everything a client could see; now and then the store's own structure is
 * checked in full.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/number.h"
#include "base/rng.h"
#include "ring.h"
#include "store/inside.h"
#include "support/case.h"

#include <stdio.h>

enum { NAMES = 500, VALUE_MAX = 20000 };

struct entry {
    bool is_there;
    struct buf value;
    int64_t expire_ms;
};

struct model {
    struct store *store;
    struct entry entries[2][NAMES];
    struct rng rng;
    int64_t wall_ms;
    bool one_tag;         /* all names share one slot */
    struct store *mirror; /* in a ring: gets a record of each change */
};

static struct entry *
look(struct model *model, uint32_t db, uint32_t n)
{
    struct entry *entry = &model->entries[db][n];

    if (entry->is_there && entry->expire_ms > 0 &&
        model->wall_ms > entry->expire_ms) {
        entry->is_there = false;
    }
    return entry;
}

static void
set_entry(struct entry *entry, const char *data, size_t size, int64_t expire)
{
    entry->is_there = true;
    entry->value.used = 0;
    buf_must_add(&entry->value, data, size);
    entry->expire_ms = expire;
}

static void
do_put(struct model *model, const struct store_key *key, struct entry *entry)
{
    static char data[VALUE_MAX];
    size_t size = rng_below(&model->rng, 8) == 0
                      ? rng_below(&model->rng, VALUE_MAX)
                      : rng_below(&model->rng, 300);
    struct store_write write = {.type = OBJECT_STRING, .part_count = 2};
    size_t cut = size > 0 ? rng_below(&model->rng, size) : 0;

    memset(data, (int)rng_below(&model->rng, 256), size);
    write.parts[0] = bytes_of(data, cut);
    write.parts[1] = bytes_of(data + cut, size - cut);
    write.expire = (enum store_expire)rng_below(&model->rng, 3);
    write.expire_ms = model->wall_ms + 1 + (int64_t)rng_below(&model->rng, 500);
    if (!entry->is_there) entry->expire_ms = 0;
    cr_assert(store_put(model->store, key, &write, model->wall_ms, NULL) ==
              ERR_OK);
    set_entry(entry, data, size,
              write.expire == EXPIRE_AT     ? write.expire_ms
              : write.expire == EXPIRE_KEEP ? entry->expire_ms
                                            : 0);
}

static void
do_edit(struct model *model, const struct store_key *key, struct entry *entry)
{
    size_t size = 1 + rng_below(&model->rng, 400), old = 0, i;
    char *value = NULL;

    if (entry->is_there) old = entry->value.used;
    if (!entry->is_there) set_entry(entry, NULL, 0, 0);
    cr_assert(store_edit(model->store, key, size, model->wall_ms, &value) ==
              ERR_OK);
    entry->value.used = size < old ? size : old;
    for (i = entry->value.used; i < size; i++) {
        cr_assert(value[i] == 0);
        buf_must_add(&entry->value, "\0", 1);
    }
    value[size - 1] = entry->value.data[size - 1] = 'e';
    store_edit_done(model->store, key);
}

static void
do_add(struct model *model, const struct store_key *key, struct entry *entry)
{
    int64_t before = 0, delta = (int64_t)rng_below(&model->rng, 1000) - 500;
    char text[NUMBER_INT_ROOM];

    if (entry->is_there &&
        !number_parse_int(buf_bytes(&entry->value), &before)) {
        return;
    }
    cr_assert(store_add(model->store, key, delta, model->wall_ms) == ERR_OK);
    if (!entry->is_there) entry->expire_ms = 0;
    set_entry(entry, text, number_format_int(text, before + delta),
              entry->expire_ms);
}

static void
do_expire(struct model *model, const struct store_key *key, struct entry *entry)
{
    int64_t at = model->wall_ms + 1 + (int64_t)rng_below(&model->rng, 500);

    if (!entry->is_there) return;
    if (rng_below(&model->rng, 3) == 0) at = 0;
    cr_assert(store_set_expiry(model->store, key, at, model->wall_ms) ==
              ERR_OK);
    entry->expire_ms = at;
}

static void
compare(struct model *model, const struct store_key *key, struct entry *entry)
{
    struct object *object =
        store_get(model->store, key, STORE_TOUCH, model->wall_ms);
    char scratch[OBJECT_TEXT_ROOM];

    cr_assert(entry->is_there == (object != NULL), "%.*s", (int)key->name.size,
              key->name.data);
    if (object == NULL) return;
    cr_assert(
        bytes_equal(object_text(object, scratch), buf_bytes(&entry->value)));
    cr_assert(object_expiry_ms(object) == entry->expire_ms);
    cr_assert(bytes_equal(object_key(object), key->name));
}

/* What a change of a key was, as another node hears of it. */
static void
ship(struct model *model, const struct store_key *key, uint64_t before)
{
    struct record record;
    struct buf bytes = {0};
    enum store_outcome outcome;

    if (store_version(model->store, key) == before) return;
    if (!store_record(model->store, key, model->wall_ms, &record)) return;
    if (record.kind == RECORD_VALUE &&
        record.expire_stamp.bits > record.stamp.bits) {
        record.kind = RECORD_EXPIRY; /* or an earlier one: then it lacks */
        record.before = before;
    }
    record_write(&bytes, &record);
    outcome =
        merge_bytes(model->mirror, buf_bytes(&bytes), model->wall_ms, NULL);
    if (outcome == STORE_LACKING) {
        bytes.used = 0;
        cr_assert(store_record(model->store, key, model->wall_ms, &record));
        record_write(&bytes, &record);
        outcome =
            merge_bytes(model->mirror, buf_bytes(&bytes), model->wall_ms, NULL);
    }
    cr_assert(outcome == STORE_STORED || outcome == STORE_COVERED);
    cr_assert(store_version(model->mirror, key) ==
              store_version(model->store, key));
    buf_deinit(&bytes);
}

static void
step(struct model *model)
{
    uint32_t db = (uint32_t)rng_below(&model->rng, 2);
    uint32_t n = (uint32_t)rng_below(&model->rng, NAMES);
    struct entry *entry = look(model, db, n);
    char name[400];
    struct store_key key;
    uint64_t before;

    (void)snprintf(name, sizeof(name), "%skey:%0*u",
                   model->one_tag ? "{t}" : "", n % 7 == 0 ? 300 : 1, n);
    key = make_key(model->store, db, name);
    store_lock(model->store, key.slot);
    before = store_version(model->store, &key);
    switch (rng_below(&model->rng, 8)) {
    case 0:
    case 1:
    case 2: do_put(model, &key, entry); break;
    case 3: do_edit(model, &key, entry); break;
    case 4: do_add(model, &key, entry); break;
    case 5: do_expire(model, &key, entry); break;
    case 6:
        cr_assert(store_delete(model->store, &key, model->wall_ms) ==
                  entry->is_there);
        entry->is_there = false;
        break;
    default: break;
    }
    compare(model, &key, entry);
    if (model->mirror != NULL) ship(model, &key, before);
    store_unlock(model->store, key.slot);
}

static void
check_all(struct model *model)
{
    uint32_t i, count = store_slot_count(model->store);

    for (i = 0; i < count; i++) {
        store_lock(model->store, i);
        cr_assert(store_slot_ok(model->store, i), "slot %u", i);
        store_unlock(model->store, i);
    }
}

static void
count_visit(void *context, const struct object *object)
{
    uint32_t *seen = context;

    (void)object;
    (*seen)++;
}

static void
count_live(struct model *model)
{
    uint32_t db, n, live, seen;

    for (db = 0; db < 2; db++) {
        uint64_t cursor = 0;

        live = seen = 0;
        for (n = 0; n < NAMES; n++)
            live += look(model, db, n)->is_there;
        do {
            cursor = store_scan(model->store, db, cursor,
                                1 + rng_below(&model->rng, 20), false,
                                model->wall_ms, count_visit, &seen);
        } while (cursor != 0);
        cr_assert(seen == live, "%u scanned, %u live", seen, live);
    }
}

/* Both at the same time, both know the same of what is repaired. */
static void
tick_both(struct model *model, uint32_t budget)
{
    struct stamp bound =
        stamp_next(STAMP_NEVER, model->wall_ms - 25000, STAMP_NODE_MAX);
    uint32_t i;

    for (i = 0; i < store_slot_count(model->store); i++) {
        store_set_repaired(model->store, i, bound);
        store_set_repaired(model->mirror, i, bound);
    }
    store_set_purge_bound(model->store, bound);
    store_set_purge_bound(model->mirror, bound);
    store_tick(model->store, 0, budget, model->wall_ms);
    store_tick(model->mirror, 0, budget, model->wall_ms);
}

static void
compare_mirror(struct model *model)
{
    uint32_t i;

    tick_both(model, 100000);
    for (i = 0; i < store_slot_count(model->store); i++) {
        cr_assert(store_slot_ok(model->mirror, i));
        cr_assert(eq(u64, store_digest(model->store, i),
                     store_digest(model->mirror, i)));
    }
    cr_assert(store_ok(model->mirror));
    cr_assert(store_count(model->mirror, 0) == store_count(model->store, 0));
}

static void
step_ring(struct model *model, uint32_t i)
{
    struct store_ring_stats stats;

    if (i % 1000 == 0) model->wall_ms += 2000;
    if (i % 3000 == 0) tick_both(model, 4);
    if (i % 5000 != 0) return;
    compare_mirror(model);
    store_ring_stats(model->store, &stats);
    cr_assert(i == 0 || stats.tombstones > 0);
    cr_assert(stats.tombstones < 2 * NAMES);
}

static void
flush_mirror(struct model *model, uint32_t db)
{
    uint32_t i;

    for (i = 0; i < store_slot_count(model->store); i++) {
        store_raise_floor(model->mirror, i, db,
                          store_floor(model->store, i, db), model->wall_ms);
    }
}

static struct store *
make_mirror(struct model *model)
{
    struct store_config config = {.slot_count = 64,
                                  .node = 2,
                                  .hash_seed = {1, 2, 3},
                                  .rng_seed = 5,
                                  .wall_ms = WALL,
                                  .is_single = true};
    struct store *mirror = store_new(&config);

    store_join_ring(model->store, SKEW);
    store_join_ring(mirror, SKEW);
    return mirror;
}

static void
run_model(uint64_t seed, bool one_tag, bool is_single, bool is_ring)
{
    struct model *model = mem_must_zero(sizeof(*model));
    uint32_t i, db;

    model->store = make_store(64, is_single);
    model->rng.state = seed;
    model->wall_ms = WALL;
    model->one_tag = one_tag;
    if (is_ring) model->mirror = make_mirror(model);
    for (i = 0; i < 60000; i++) {
        step(model);
        if (i % 8 == 0) model->wall_ms += (int64_t)rng_below(&model->rng, 5);
        if (is_ring) {
            step_ring(model, i);
        } else if (i % 3000 == 0)
            store_tick(model->store, 0, 4, model->wall_ms);
        if (i % 5000 == 0) check_all(model);
        if (i % 10000 == 0) {
            count_live(model);
            cr_assert(store_ok(model->store));
        }
        if (i % 25000 == 24999) {
            store_flush(model->store, 1, false, model->wall_ms);
            for (db = 0; db < NAMES; db++)
                model->entries[1][db].is_there = false;
            if (is_ring) flush_mirror(model, 1);
        }
    }
    store_tick(model->store, 0, 1000, model->wall_ms + 2000);
    for (db = 0; db < 2; db++) {
        cr_expect(store_count_expires(model->store, db) == 0);
        for (i = 0; i < NAMES; i++)
            buf_deinit(&model->entries[db][i].value);
    }
    check_all(model);
    store_free(model->mirror);
    store_free(model->store);
    mem_free(model);
}

CASE(model, agrees_with_a_plain_map)
{
    run_model(1, false, true, false);
}

CASE(model, agrees_with_locks_taken)
{
    run_model(2, false, false, false);
}

CASE(model, agrees_when_one_slot_holds_everything)
{
    run_model(3, true, true, false);
}

CASE(model, in_a_ring_it_agrees_and_so_does_another_node)
{
    run_model(4, false, true, true);
}

CASE(model, in_a_ring_it_agrees_when_one_slot_holds_everything)
{
    run_model(5, true, false, true);
}
