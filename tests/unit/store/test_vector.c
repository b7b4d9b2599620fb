/* Which writes have seen which, kept with the value; and what is a conflict. */
#include "base/buf.h"
#include "ring.h"
#include "support/case.h"

#include <stdio.h>

/* "2@0 1@5": entries as node@milliseconds after WALL, the own stamp first. */
static const char *
vector_of(struct store *store, const char *name)
{
    static char text[200];
    struct store_key key = make_key(store, 0, name);
    struct record record;
    size_t used;
    uint32_t i;

    text[0] = '\0';
    if (!store_record(store, &key, WALL, &record)) return text;
    used =
        (size_t)snprintf(text, sizeof(text), "%u@%d", stamp_node(record.stamp),
                         (int)(stamp_wall_ms(record.stamp) - WALL));
    for (i = 0; i < vector_count(record.vector); i++) {
        struct stamp dot = vector_at(record.vector, i);

        used +=
            (size_t)snprintf(text + used, sizeof(text) - used, " %u@%d",
                             stamp_node(dot), (int)(stamp_wall_ms(dot) - WALL));
    }
    cr_assert(store_ok(store));
    return text;
}

#define HAS(store, name, text)                                                 \
    cr_expect(eq(str, (char *)(uintptr_t)vector_of(store, name), text))

static uint64_t
conflicts(const struct store *store)
{
    struct store_ring_stats stats;

    store_ring_stats(store, &stats);
    return stats.conflicts;
}

static size_t
object_size(struct store *store, const char *name)
{
    struct store_key key = make_key(store, 0, name);

    return object_bytes(store_get(store, &key, STORE_NO_TOUCH, WALL));
}

static void
append(struct store *store, const char *name, const char *text, int64_t wall)
{
    struct store_key key = make_key(store, 0, name);
    struct object *object = store_get(store, &key, STORE_NO_TOUCH, wall);
    size_t had = object_value(object).size;
    char *value;

    cr_assert(store_edit(store, &key, had + strlen(text), wall, &value) ==
              ERR_OK);
    memcpy(value + had, text, strlen(text));
    store_edit_done(store, &key);
}

static void
add(struct store *store, const char *name, int64_t delta, int64_t wall)
{
    struct store_key key = make_key(store, 0, name);

    cr_assert(store_add(store, &key, delta, wall) == ERR_OK);
}

CASE(vector_store, a_key_of_one_writer_stores_its_stamp_alone)
{
    struct store *a = ring_store(1, 1);
    size_t size;

    put_text(a, "k", "value", WALL);
    size = object_size(a, "k");
    cr_expect(eq(sz, size, sizeof(struct object) + 1 + 5));
    put_text(a, "k", "other", WALL + 1);
    HAS(a, "k", "1@1");
    cr_expect(eq(sz, object_size(a, "k"), size));
    store_free(a);
}

CASE(vector_store, a_write_upon_anothers_names_it_whatever_kind_it_is)
{
    struct store *a = ring_store(1, 1), *b = ring_store(1, 2);
    struct store_key key = make_key(b, 0, "k");

    put_text(a, "k", "7", WALL);
    copy_key(a, b, "k", WALL, NULL);
    HAS(b, "k", "1@0");
    put_text(b, "k", "8", WALL + 1);
    HAS(b, "k", "2@1 1@0");
    append(b, "k", "9", WALL + 2);
    HAS(b, "k", "2@2 1@0");
    append(b, "k", "0123456789", WALL + 3);
    HAS(b, "k", "2@3 1@0");
    cr_assert(store_set_expiry(b, &key, WALL + 9999, WALL + 4) == ERR_OK);
    HAS(b, "k", "2@3 1@0");
    cr_expect(text_is(b, "k", "890123456789", WALL + 4));
    cr_assert(store_delete(b, &key, WALL + 5));
    HAS(b, "k", "2@5 1@0");
    copy_key(b, a, "k", WALL + 5, NULL);
    HAS(a, "k", "2@5 1@0");
    put_text(a, "k", "x", WALL + 6);
    HAS(a, "k", "1@6 2@5");
    store_free(a);
    store_free(b);
}

CASE(vector_store, a_text_over_a_counter_has_seen_all_its_shares)
{
    struct store *a = ring_store(1, 1), *b = ring_store(1, 2),
                 *c = ring_store(1, 3);

    put_text(a, "n", "5", WALL);
    copy_key(a, b, "n", WALL, NULL);
    add(b, "n", 1, WALL + 1);
    copy_key(b, c, "n", WALL + 1, NULL);
    add(c, "n", 1, WALL + 2);
    cr_expect(text_is(c, "n", "7", WALL + 2));
    put_text(c, "n", "text", WALL + 3);
    HAS(c, "n", "3@3 1@0 2@1");
    copy_key(c, b, "n", WALL + 3, NULL);
    copy_key(c, a, "n", WALL + 3, NULL);
    cr_expect(text_is(b, "n", "text", WALL + 3));
    cr_expect(eq(u64, conflicts(a) + conflicts(b), 0));
    store_free(a);
    store_free(b);
    store_free(c);
}

CASE(vector_store, what_all_owners_have_is_forgotten_with_the_next_write)
{
    const int64_t later = WALL + 60000;
    struct store *a = ring_store(1, 1), *b = ring_store(1, 2);

    put_text(a, "k", "one", WALL);
    copy_key(a, b, "k", WALL, NULL);
    put_text(b, "k", "two", WALL + 1);
    put_text(b, "k", "three", WALL + 2);
    HAS(b, "k", "2@2 1@0");
    store_set_repaired(b, 0, stamp_next(STAMP_NEVER, WALL + 10, 0));
    put_text(b, "k", "four", later);
    HAS(b, "k", "2@60000 1@0"); /* somebody outside its owners may have it */
    store_set_repaired(b, 0, stamp_next(STAMP_NEVER, later + 10, 0));
    store_set_purge_bound(b, stamp_next(STAMP_NEVER, later + 10, 0));
    put_text(b, "k", "five", later + 60000);
    HAS(b, "k", "2@120000");
    store_free(a);
    store_free(b);
}

CASE(vector_store, a_write_that_has_seen_the_other_is_no_conflict)
{
    struct store *a = ring_store(1, 1), *b = ring_store(1, 2);

    put_text(a, "k", "one", WALL);
    copy_key(a, b, "k", WALL, NULL);
    put_text(b, "k", "two", WALL + 1);
    copy_key(b, a, "k", WALL + 1, NULL);
    cr_expect(text_is(a, "k", "two", WALL + 1));
    cr_expect(eq(u64, conflicts(a), 0));
    cr_expect(eq(u64, conflicts(b), 0));
    store_free(a);
    store_free(b);
}

CASE(vector_store, of_two_side_by_side_the_loser_is_counted_where_it_was_made)
{
    struct store *a = ring_store(1, 1), *b = ring_store(1, 2),
                 *c = ring_store(1, 3);

    put_text(a, "k", "one", WALL);
    copy_key(a, c, "k", WALL, NULL);
    put_text(b, "k", "two", WALL + 1);
    copy_key(a, b, "k", WALL + 1, NULL);
    copy_key(b, a, "k", WALL + 1, NULL);
    copy_key(b, c, "k", WALL + 1, NULL);
    copy_key(c, a, "k", WALL + 1, NULL);
    cr_expect(text_is(c, "k", "two", WALL + 1));
    cr_expect(eq(u64, conflicts(a), 1));
    cr_expect(eq(u64, conflicts(b), 0));
    cr_expect(eq(u64, conflicts(c), 0));
    store_free(a);
    store_free(b);
    store_free(c);
}

CASE(vector_store, increments_that_a_text_beside_them_replaces_are_a_conflict)
{
    struct store *a = ring_store(1, 1), *b = ring_store(1, 2);

    add(a, "n", 5, WALL);
    put_text(b, "n", "0", WALL + 1);
    copy_key(b, a, "n", WALL + 1, NULL);
    cr_expect(text_is(a, "n", "0", WALL + 1));
    cr_expect(eq(u64, conflicts(a), 1));
    add(a, "n", 5, WALL + 2);
    add(b, "n", 5, WALL + 2);
    copy_key(a, b, "n", WALL + 2, NULL);
    copy_key(b, a, "n", WALL + 2, NULL);
    cr_expect(text_is(a, "n", "10", WALL + 2), "these add up");
    cr_expect(eq(u64, conflicts(a), 1));
    cr_expect(eq(u64, conflicts(b), 0));
    store_free(a);
    store_free(b);
}

CASE(vector_store, what_all_owners_had_is_no_conflict_though_a_vector_forgot_it)
{
    struct store *a = ring_store(1, 1), *b = ring_store(1, 2);

    put_text(a, "k", "one", WALL);
    store_set_repaired(a, 0, stamp_next(STAMP_NEVER, WALL + 10, 0));
    put_text(b, "k", "two", WALL + 20);
    copy_key(b, a, "k", WALL + 20, NULL);
    cr_expect(eq(u64, conflicts(a), 0));
    store_free(a);
    store_free(b);
}
