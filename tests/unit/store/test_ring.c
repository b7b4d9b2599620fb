/* Life in a ring: tombstones, floors, what a merge answers, eviction, damage.
 */
#include "ring.h"
#include "store/inside.h"
#include "support/case.h"
#include "version/counter.h"

#include <stdio.h>

static const int64_t LATER = WALL + 60000;

static uint64_t
tombstones(struct store *store)
{
    struct store_ring_stats stats;

    store_ring_stats(store, &stats);
    return stats.tombstones;
}

static bool
delete_key(struct store *store, const char *name, int64_t wall)
{
    struct store_key key = make_key(store, 0, name);

    return store_delete(store, &key, wall);
}

static void
add(struct store *store, const char *name, int64_t delta, int64_t wall)
{
    struct store_key key = make_key(store, 0, name);

    if (store_add(store, &key, delta, wall) != ERR_OK) abort();
}

static void
expire(struct store *store, const char *name, int64_t at, int64_t wall)
{
    struct store_key key = make_key(store, 0, name);

    if (store_set_expiry(store, &key, at, wall) != ERR_OK) abort();
}

static void
visit_none(void *context, const struct object *object)
{
    (void)object;
    *(bool *)context = true;
}

/* Everything up to the time is repaired everywhere. */
static void
all_repaired(struct store *store, int64_t wall)
{
    struct stamp bound = stamp_next(STAMP_NEVER, wall, STAMP_NODE_MAX);
    uint32_t i;

    for (i = 0; i < store_slot_count(store); i++)
        store_set_repaired(store, i, bound);
    store_set_purge_bound(store, bound);
}

CASE(ring, a_deleted_key_stays_as_a_tombstone_that_no_client_sees)
{
    struct store *store = ring_store(16, 1);
    struct buf name = {0};
    bool is_seen = false;

    put_text(store, "k", "v", WALL);
    cr_expect(delete_key(store, "k", WALL));
    cr_expect(not(delete_key(store, "k", WALL)));
    cr_expect(not(delete_key(store, "other", WALL)));
    cr_expect(eq(u64, tombstones(store), 1));
    cr_expect(text_is(store, "k", NULL, WALL));
    cr_expect(eq(u64, store_count(store, 0), 0));
    store_scan(store, 0, 0, 1000, false, WALL, visit_none, &is_seen);
    cr_expect(not(is_seen));
    cr_expect(not(store_random(store, 0, false, WALL, &name)));
    cr_expect(store_ok(store));
    put_text(store, "k", "new", WALL);
    cr_expect(eq(u64, tombstones(store), 0));
    cr_expect(text_is(store, "k", "new", WALL));
    cr_expect(store_ok(store));
    buf_deinit(&name);
    store_free(store);
}

CASE(ring, a_tombstone_goes_when_it_is_old_repaired_and_nowhere_else)
{
    struct store *store = ring_store(16, 1);

    put_text(store, "k", "v", WALL);
    delete_key(store, "k", WALL);
    store_tick(store, 0, 100, LATER);
    cr_expect(eq(u64, tombstones(store), 1), "not repaired");
    all_repaired(store, WALL - 1);
    store_tick(store, 0, 100, LATER);
    cr_expect(eq(u64, tombstones(store), 1), "younger than what is repaired");
    all_repaired(store, WALL + 1);
    store_tick(store, 0, 100, WALL + STORE_TOMBSTONE_MS - 1);
    cr_expect(eq(u64, tombstones(store), 1), "too young");
    store_set_purge_bound(store, STAMP_NEVER);
    store_tick(store, 0, 100, LATER);
    cr_expect(eq(u64, tombstones(store), 1), "somebody may have it");
    all_repaired(store, WALL + 1);
    store_tick(store, 0, 100, LATER);
    cr_expect(eq(u64, tombstones(store), 0));
    cr_expect(store_ok(store));
    store_free(store);
}

CASE(ring, an_expired_key_is_hidden_at_once_and_a_tombstone_later)
{
    struct store *a = ring_store(16, 1), *b = ring_store(16, 2);
    struct store_key key = make_key(a, 0, "k");
    uint64_t before;

    put_text(a, "k", "v", WALL);
    expire(a, "k", WALL + 10, WALL);
    before = store_version(a, &key);
    cr_expect(text_is(a, "k", NULL, WALL + 11));
    cr_expect(eq(u64, tombstones(a), 0));
    cr_expect(eq(u64, store_version(a, &key), before));
    cr_expect(copy_key(a, b, "k", WALL + 11, NULL) == STORE_STORED);
    cr_expect(eq(u64, tombstones(b), 1), "values that expired are not sent");
    store_tick(a, 0, 100, WALL + SKEW + 1000);
    cr_expect(eq(u64, tombstones(a), 1));
    cr_expect(eq(u64, store_version(a, &key), before));
    cr_expect(store_ok(a));
    store_free(a);
    store_free(b);
}

CASE(ring, a_prolonged_key_survives_where_only_one_heard_of_it)
{
    struct store *a = ring_store(1, 1), *b = ring_store(1, 2);

    put_text(a, "k", "v", WALL);
    expire(a, "k", WALL + 10, WALL);
    copy_key(a, b, "k", WALL, NULL);
    expire(a, "k", 0, WALL + 1);
    store_tick(b, 0, 100, WALL + SKEW + 1000);
    cr_expect(eq(u64, tombstones(b), 1));
    cr_expect(copy_key(b, a, "k", LATER, NULL) == STORE_COVERED);
    cr_expect(copy_key(a, b, "k", LATER, NULL) == STORE_STORED);
    cr_expect(text_is(b, "k", "v", LATER));
    cr_expect(eq(u64, store_digest(a, 0), store_digest(b, 0)));
    store_free(a);
    store_free(b);
}

CASE(ring, a_merge_answers_what_became_of_it)
{
    struct store *a = ring_store(1, 1), *b = ring_store(1, 2);
    struct store_key key = make_key(a, 0, "k");
    struct stamp by;

    put_text(a, "k", "one", WALL);
    cr_expect(copy_key(a, b, "k", WALL, &by) == STORE_STORED);
    cr_expect(copy_key(a, b, "k", WALL, &by) == STORE_COVERED, "the same");
    put_text(b, "k", "two", WALL);
    cr_expect(copy_key(a, b, "k", WALL, &by) == STORE_BEATEN);
    cr_expect(eq(u64, by.bits, store_newest(b, &key).bits));
    cr_expect(text_is(b, "k", "two", WALL));
    cr_expect(copy_key(b, a, "k", WALL, &by) == STORE_STORED);
    cr_expect(eq(u64, store_digest(a, 0), store_digest(b, 0)));
    store_free(a);
    store_free(b);
}

CASE(ring, an_older_write_of_the_same_minter_is_covered)
{
    struct store *a = ring_store(1, 1), *b = ring_store(1, 2);
    struct store_key key = make_key(a, 0, "k");
    struct buf old;
    struct stamp by;

    put_text(a, "k", "one", WALL);
    old = record_bytes_of(a, &key, WALL);
    put_text(a, "k", "two", WALL);
    copy_key(a, b, "k", WALL, NULL);
    cr_expect(merge_bytes(b, buf_bytes(&old), WALL, &by) == STORE_COVERED);
    cr_expect(text_is(b, "k", "two", WALL));
    buf_deinit(&old);
    store_free(a);
    store_free(b);
}

CASE(ring, a_write_after_a_merge_is_newer_than_it)
{
    struct store *a = ring_store(1, 1), *b = ring_store(1, 2);

    put_text(a, "k", "ahead", WALL + 300);
    copy_key(a, b, "k", WALL, NULL);
    put_text(b, "k", "later", WALL);
    copy_key(b, a, "k", WALL, NULL);
    cr_expect(text_is(a, "k", "later", WALL));
    store_free(a);
    store_free(b);
}

CASE(ring, increments_on_two_sides_add_up)
{
    struct store *a = ring_store(1, 1), *b = ring_store(1, 2);

    put_text(a, "n", "10", WALL);
    copy_key(a, b, "n", WALL, NULL);
    add(a, "n", 5, WALL + 1);
    add(b, "n", 7, WALL + 1);
    cr_expect(copy_key(a, b, "n", WALL, NULL) == STORE_STORED);
    cr_expect(copy_key(b, a, "n", WALL, NULL) == STORE_STORED);
    cr_expect(text_is(a, "n", "22", WALL + 2));
    cr_expect(text_is(b, "n", "22", WALL + 2));
    cr_expect(eq(u64, store_digest(a, 0), store_digest(b, 0)));
    store_free(a);
    store_free(b);
}

CASE(ring, a_counter_over_a_tombstone_begins_at_nothing)
{
    struct store *a = ring_store(1, 1), *b = ring_store(1, 2);

    add(a, "n", 5, WALL);
    copy_key(a, b, "n", WALL, NULL);
    delete_key(a, "n", WALL);
    add(a, "n", 1, WALL);
    cr_expect(text_is(a, "n", "1", WALL));
    add(b, "n", 100, WALL + 1000); /* a share born before the removal */
    copy_key(b, a, "n", WALL + 1000, NULL);
    copy_key(a, b, "n", WALL + 1000, NULL);
    cr_expect(text_is(a, "n", "101", WALL + 1000));
    cr_expect(text_is(b, "n", "101", WALL + 1000));
    store_free(a);
    store_free(b);
}

CASE(ring, a_counter_over_an_expired_value_does_not_inherit_its_expiry)
{
    struct store *a = ring_store(1, 1);

    put_text(a, "n", "5", WALL);
    expire(a, "n", WALL, WALL);
    add(a, "n", 1, WALL + 1);
    cr_expect(text_is(a, "n", "1", WALL + 1));
    store_tick(a, 0, 100, LATER);
    cr_expect(text_is(a, "n", "1", LATER));
    cr_expect(store_ok(a));
    store_free(a);
}

/* Its old share may come back from somebody who had not the newest of it. */
CASE(ring, a_share_that_was_lost_here_is_not_added_to)
{
    struct store *a = ring_store(1, 1), *b = ring_store(1, 2);
    struct store *c = ring_store(1, 3);
    struct store_key key = make_key(a, 0, "n");

    add(a, "n", 1, WALL);
    copy_key(a, b, "n", WALL, NULL);
    add(a, "n", 1, WALL);
    copy_key(a, c, "n", WALL, NULL);
    cr_expect(store_evict(a, 0, key.hash, store_newest(a, &key), WALL));
    copy_key(b, a, "n", WALL, NULL);
    add(a, "n", 1, WALL);
    copy_key(c, a, "n", WALL, NULL);
    cr_expect(text_is(a, "n", "3", WALL));
    store_free(a);
    store_free(b);
    store_free(c);
}

CASE(ring, removals_of_other_keys_do_not_end_a_share)
{
    struct store *store = ring_store(1, 1);
    struct store_key key = make_key(store, 0, "n"), other;
    struct object *object;
    uint32_t i;

    for (i = 0; i < 200; i++) {
        add(store, "n", 1, WALL + i);
        put_text(store, "other", "v", WALL + i);
        if (i % 2 == 0) delete_key(store, "other", WALL + i);
        other = make_key(store, 0, "other");
        (void)store_evict(store, 0, other.hash, store_newest(store, &other),
                          WALL + i);
    }
    object = store_get(store, &key, STORE_TOUCH, WALL + 200);
    cr_assert(object != NULL);
    cr_expect(eq(sz, object_value(object).size,
                 COUNTER_BASE_BYTES + COUNTER_SHARE_BYTES));
    store_free(store);
}

CASE(ring, a_counter_of_too_many_lives_begins_anew_at_its_sum)
{
    struct store *store = ring_store(1, 1);
    struct store_key key = make_key(store, 0, "n");
    struct object *object;
    uint32_t i;

    add(store, "n", 1, WALL);
    expire(store, "n", LATER, WALL);
    for (i = 1; i < 100; i++) {
        store_set_node(store, 1 + i % 3, WALL + i);
        add(store, "n", 1, WALL + i);
        object = store_get(store, &key, STORE_NO_TOUCH, WALL + i);
        cr_assert(object != NULL);
        cr_assert(eq(i64, counter_sum(object_value(object)), i + 1));
        cr_assert(eq(i64, object_expiry_ms(object), LATER));
        cr_assert(object_expiry_stamp(object).bits >=
                  counter_base_stamp(object_value(object)).bits);
    }
    cr_expect(store_ok(store));
    store_free(store);
}

CASE(ring, an_old_tombstone_that_nobody_needs_is_not_taken_in_again)
{
    struct store *a = ring_store(1, 1), *b = ring_store(1, 2);

    put_text(a, "k", "v", WALL);
    delete_key(a, "k", WALL);
    all_repaired(b, WALL + 1);
    cr_expect(copy_key(a, b, "k", LATER, NULL) == STORE_COVERED);
    cr_expect(eq(u64, tombstones(b), 0));
    cr_expect(copy_key(a, b, "k", WALL + 1, NULL) == STORE_STORED);
    cr_expect(eq(u64, tombstones(b), 1));
    store_free(a);
    store_free(b);
}

static enum store_outcome
send_expiry(struct store *from, struct store *to, uint64_t before)
{
    struct store_key key = make_key(from, 0, "k");
    struct record record;

    if (!store_record(from, &key, WALL, &record)) abort();
    record.kind = RECORD_EXPIRY;
    record.before = before;
    return store_merge(to, &key, &record, WALL, NULL);
}

CASE(ring, an_expiry_alone_goes_only_to_the_version_it_was_set_on)
{
    struct store *a = ring_store(1, 1), *b = ring_store(1, 2);
    struct store_key key = make_key(a, 0, "k");
    uint64_t before;

    put_text(a, "k", "v", WALL);
    before = store_version(a, &key);
    expire(a, "k", LATER, WALL);
    cr_expect(send_expiry(a, b, before) == STORE_LACKING);
    cr_expect(text_is(b, "k", NULL, WALL));
    copy_key(a, b, "k", WALL, NULL);
    cr_expect(send_expiry(a, b, before) == STORE_COVERED);
    before = store_version(a, &key);
    expire(a, "k", LATER + 1, WALL);
    cr_expect(send_expiry(a, b, before) == STORE_STORED);
    cr_expect(eq(u64, store_digest(a, 0), store_digest(b, 0)));
    put_text(b, "k", "newer", WALL + 1);
    cr_expect(send_expiry(a, b, before) == STORE_BEATEN);
    store_free(a);
    store_free(b);
}

CASE(ring, a_floor_removes_what_is_below_it_now_and_later)
{
    struct store *a = ring_store(1, 1), *b = ring_store(1, 2);
    struct store_key key = make_key(a, 0, "old");
    struct stamp floor, by;
    struct buf old;

    put_text(a, "old", "v", WALL);
    delete_key(a, "old", WALL);
    put_text(a, "old", "v", WALL);
    put_text(b, "kept", "v", WALL + 5000);
    copy_key(b, a, "kept", WALL, NULL);
    old = record_bytes_of(a, &key, WALL);
    floor = stamp_next(STAMP_NEVER, WALL + 100, 3);
    store_raise_floor(a, 0, 0, floor, WALL);
    store_raise_floor(a, 0, 0, STAMP_NEVER, WALL);
    cr_expect(text_is(a, "old", NULL, WALL));
    cr_expect(text_is(a, "kept", "v", WALL));
    cr_expect(eq(u64, tombstones(a), 0));
    cr_expect(merge_bytes(a, buf_bytes(&old), WALL, &by) == STORE_BEATEN);
    cr_expect(eq(u64, by.bits, floor.bits));
    cr_expect(text_is(a, "old", NULL, WALL));
    cr_expect(store_digest(a, 0) != store_digest(b, 0));
    store_raise_floor(b, 0, 0, floor, WALL);
    cr_expect(eq(u64, store_digest(a, 0), store_digest(b, 0)));
    cr_expect(store_ok(a));
    buf_deinit(&old);
    store_free(a);
    store_free(b);
}

CASE(ring, a_flush_raises_the_floors_of_its_databases)
{
    struct store *store = ring_store(4, 1);
    struct store_key key = make_key(store, 2, "k");
    uint32_t i;

    put_text(store, "k", "v", WALL);
    cr_assert(store_put_plain(store, &key, bytes_str("v"), WALL) == ERR_OK);
    store_flush(store, 0, false, WALL);
    cr_expect(eq(u64, store_count(store, 0), 0));
    cr_expect(eq(u64, store_count(store, 2), 1));
    for (i = 0; i < 4; i++) {
        cr_expect(store_floor(store, i, 0).bits > 0);
        cr_expect(eq(u64, store_floor(store, i, 2).bits, 0));
    }
    store_flush(store, -1, false, WALL);
    cr_expect(eq(u64, store_count(store, 2), 0));
    cr_expect(store_floor(store, 3, 15).bits > 0);
    cr_expect(store_ok(store));
    store_free(store);
}

CASE(ring, a_forgotten_slot_has_no_trace_but_its_clock)
{
    struct store *store = ring_store(1, 1);
    struct stamp clock;

    put_text(store, "k", "v", WALL);
    delete_key(store, "k", WALL);
    put_text(store, "l", "v", WALL);
    store_flush(store, 3, false, WALL);
    all_repaired(store, WALL);
    clock = store_clock(store, 0);
    store_forget_slot(store, 0);
    cr_expect(eq(u64, store_digest(store, 0), 0));
    cr_expect(eq(u64, store_slot_entries(store, 0), 0));
    cr_expect(eq(u64, store_repaired(store, 0).bits, 0));
    cr_expect(eq(u64, store_floor(store, 0, 3).bits, 0));
    cr_expect(eq(u64, store_clock(store, 0).bits, clock.bits));
    cr_expect(store_ok(store));
    store_free(store);
}

CASE(ring, watch_tells_apart_what_happened_to_an_absent_key)
{
    struct store *store = ring_store(1, 1);
    struct store_key key = make_key(store, 0, "k");
    uint64_t absent = store_watch(store, &key, WALL), value;

    put_text(store, "other", "v", WALL);
    delete_key(store, "other", WALL);
    cr_expect(eq(u64, store_watch(store, &key, WALL), absent));
    put_text(store, "k", "v", WALL);
    value = store_watch(store, &key, WALL);
    cr_expect(ne(u64, value, absent));
    expire(store, "k", WALL, WALL);
    value = store_watch(store, &key, WALL);
    cr_expect(ne(u64, store_watch(store, &key, WALL + 1), value));
    delete_key(store, "k", WALL + 1);
    cr_expect(ne(u64, store_watch(store, &key, WALL + 1), absent));
    store_free(store);
}

struct evictions {
    struct store *store;
    uint32_t allowed, count;
    bool is_wrong;
};

static bool
may_evict(void *self, uint32_t slot)
{
    struct evictions *evictions = self;

    return slot % evictions->allowed == 0;
}

static void
evicted(void *self, uint32_t slot, uint64_t hash, struct stamp newest)
{
    struct evictions *evictions = self;

    evictions->count++;
    if (slot % evictions->allowed != 0 || newest.bits == 0 || hash == 0)
        evictions->is_wrong = true;
}

static void
fill(struct store *store, uint32_t keys)
{
    char name[32], value[1000];
    uint32_t i;

    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    for (i = 0; i < keys; i++) {
        (void)snprintf(name, sizeof(name), "key:%u", i);
        put_text(store, name, value, WALL);
        if (i % 4 == 0) delete_key(store, name, WALL);
    }
}

static void
evict_where_allowed(enum store_policy policy)
{
    struct store *store = ring_store(64, 1);
    struct evictions evictions = {.store = store, .allowed = 4};
    struct store_evict_hooks hooks = {may_evict, evicted, &evictions};
    uint32_t i, held = 0;
    uint64_t dead;
    int err = ERR_OK;

    store_set_evict_hooks(store, &hooks);
    fill(store, 20000);
    dead = tombstones(store);
    store_limit(store, 10 * 1024 * 1024, policy);
    for (i = 0; i < 1000 && evictions.count < 3000; i++)
        if (store_make_room(store, 1000, WALL) != ERR_OK) break;
    cr_expect(evictions.count > 3000);
    cr_expect(not(evictions.is_wrong));
    cr_expect(eq(u64, tombstones(store), dead));
    for (i = 0; i < 64; i++)
        held += i % 4 != 0 ? store_slot_entries(store, i) : 0;
    cr_expect(held > 14000, "%u", held);
    evictions.allowed = 1000; /* slot 0 alone, and nothing is left there */
    for (i = 0; i < 20; i++)
        err = store_make_room(store, 1000, WALL);
    cr_expect(err == ERR_MEMORY);
    cr_expect(store_ok(store));
    store_free(store);
}

CASE(ring, only_slots_that_may_are_evicted_from)
{
    evict_where_allowed(POLICY_ALLKEYS_LRU);
}

CASE(ring, only_slots_that_may_are_evicted_from_at_random)
{
    evict_where_allowed(POLICY_ALLKEYS_RANDOM);
}

CASE(ring, eviction_drops_that_version_and_older_ones)
{
    struct store *store = ring_store(1, 1);
    struct store_key key = make_key(store, 0, "k");
    struct stamp old;

    put_text(store, "k", "v", WALL);
    old = store_newest(store, &key);
    put_text(store, "k", "w", WALL);
    cr_expect(not(store_evict(store, 0, key.hash, old, WALL)));
    cr_expect(text_is(store, "k", "w", WALL));
    cr_expect(eq(u64, store_evicted(store, 0).bits, old.bits));
    cr_expect(store_evict(store, 0, key.hash, store_newest(store, &key), WALL));
    cr_expect(eq(u64, store_slot_entries(store, 0), 0));
    cr_expect(not(store_evict(store, 0, key.hash, old, WALL)));
    put_text(store, "k", "v", WALL);
    cr_expect(
        store_evict(store, 0, key.hash, store_mint(store, 0, WALL + 1), WALL));
    cr_expect(eq(u64, store_digest(store, 0), 0));
    store_free(store);
}

CASE(ring, damage_is_found_and_the_digest_mended)
{
    struct store *store = ring_store(1, 1);
    struct store_key a = make_key(store, 0, "a"), b = make_key(store, 0, "b");
    uint64_t digest;
    struct store_ring_stats stats;

    put_text(store, "a", "value", WALL);
    put_text(store, "b", "value", WALL);
    store_flush(store, 1, false, WALL);
    digest = store_digest(store, 0);
    cr_expect(not(store_scrub_slot(store, 0)));
    cr_expect(store_damage_drop(store, &a));
    cr_expect(eq(u64, store_digest(store, 0), digest), "behind its back");
    cr_expect(store_scrub_slot(store, 0));
    cr_expect(ne(u64, store_digest(store, 0), digest));
    cr_expect(store_slot_ok(store, 0));
    cr_expect(store_damage_flip(store, &b));
    cr_expect(not(store_slot_ok(store, 0)));
    cr_expect(store_scrub_slot(store, 0));
    cr_expect(store_slot_ok(store, 0));
    cr_expect(text_is(store, "b", NULL, WALL));
    store_ring_stats(store, &stats);
    cr_expect(eq(u64, stats.damaged, 1));
    cr_expect(not(store_damage_drop(store, &a)));
    store_free(store);
}

CASE(ring, a_number_learnt_late_is_in_every_stamp_from_then_on)
{
    struct store *store = ring_store(4, 0);
    struct store_key key = make_key(store, 0, "k");
    uint8_t seed[32] = {9};
    uint64_t hash = key.hash;

    store_rekey(store, seed);
    store_set_node(store, 77, WALL);
    put_text(store, "k", "v", WALL);
    key = make_key(store, 0, "k");
    cr_expect(ne(u64, key.hash, hash));
    cr_expect(eq(u32, stamp_node(store_newest(store, &key)), 77));
    store_free(store);
}
