/* Writes side by side, kept until somebody who has seen them writes. */
#include "base/rng.h"
#include "ring.h"
#include "store/cells.h"
#include "support/case.h"

#include <stdio.h>

static struct store *
keeping_store(uint32_t node)
{
    struct store *store = ring_store(1, node);

    store_keep_siblings(store, true);
    return store;
}

static struct kin
kin_here(struct store *store, const char *name, int64_t wall)
{
    struct store_key key = make_key(store, 0, name);
    struct record record;
    struct kin kin = {.count = 0};
    struct cells main = {.kind = CELLS_NOTHING};

    cr_assert(store_ok(store));
    if (!store_record(store, &key, wall, &record)) return kin;
    if (record.kind == RECORD_VALUE) main.kind = CELLS_TEXT;
    main.stamp = record.stamp;
    main.value = record.value;
    main.vector = record.vector;
    kin_add(&kin, &main);
    kin_add_siblings(&kin, record.siblings);
    return kin;
}

/* The texts, main one first, and "-" for each removal. */
static const char *
texts_of(struct store *store, const char *name)
{
    static char text[400];
    struct kin kin = kin_here(store, name, WALL);
    size_t used = 0;
    uint32_t i;

    text[0] = '\0';
    for (i = 0; i < kin.count; i++) {
        struct bytes value = kin.all[i].value;

        if (kin.all[i].kind == CELLS_NOTHING) value = bytes_str("-");
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.*s",
                                 i > 0 ? " " : "", (int)value.size, value.data);
    }
    return text;
}

#define HAS(store, text)                                                       \
    cr_expect(eq(str, (char *)(uintptr_t)texts_of(store, "k"), text))

static void
delete_key(struct store *store, const char *name, int64_t wall)
{
    struct store_key key = make_key(store, 0, name);

    (void)store_delete(store, &key, wall);
}

static void
exchange(struct store *a, struct store *b, int64_t wall)
{
    copy_key(a, b, "k", wall, NULL);
    copy_key(b, a, "k", wall, NULL);
}

CASE(siblings, both_are_kept_and_the_newest_is_read)
{
    struct store *a = keeping_store(1), *b = keeping_store(2);

    put_text(a, "k", "one", WALL);
    put_text(b, "k", "two", WALL + 1);
    cr_expect(copy_key(a, b, "k", WALL, NULL) == STORE_STORED);
    HAS(b, "two one");
    cr_expect(copy_key(a, b, "k", WALL, NULL) == STORE_COVERED);
    exchange(a, b, WALL);
    HAS(a, "two one");
    cr_expect(eq(u64, store_digest(a, 0), store_digest(b, 0)));
    cr_expect(text_is(a, "k", "two", WALL));
    cr_expect(eq(u64, store_count(a, 0), 1));
    store_free(a);
    store_free(b);
}

CASE(siblings, a_write_that_has_seen_them_ends_them_everywhere)
{
    struct store *a = keeping_store(1), *b = keeping_store(2),
                 *c = keeping_store(3);

    put_text(a, "k", "one", WALL);
    put_text(b, "k", "two", WALL + 1);
    copy_key(a, c, "k", WALL, NULL);
    exchange(a, b, WALL);
    put_text(a, "k", "three", WALL + 2);
    HAS(a, "three");
    copy_key(b, c, "k", WALL, NULL);
    HAS(c, "two one");
    copy_key(a, c, "k", WALL, NULL);
    HAS(c, "three");
    cr_expect(copy_key(b, c, "k", WALL, NULL) == STORE_BEATEN);
    HAS(c, "three");
    store_free(a);
    store_free(b);
    store_free(c);
}

CASE(siblings, a_write_that_has_seen_one_of_two_leaves_the_other)
{
    struct store *a = keeping_store(1), *b = keeping_store(2);

    put_text(a, "k", "one", WALL);
    copy_key(a, b, "k", WALL, NULL);
    put_text(a, "k", "two", WALL + 1);
    put_text(b, "k", "three", WALL + 2);
    exchange(a, b, WALL);
    HAS(a, "three two");
    HAS(b, "three two");
    store_free(a);
    store_free(b);
}

CASE(siblings, a_removal_takes_what_it_has_seen_and_no_more)
{
    struct store *a = keeping_store(1), *b = keeping_store(2),
                 *c = keeping_store(3);

    put_text(a, "k", "old", WALL);
    copy_key(a, b, "k", WALL, NULL);
    copy_key(a, c, "k", WALL, NULL);
    put_text(b, "k", "new", WALL + 1);
    delete_key(a, "k", WALL + 2);
    exchange(a, b, WALL);
    HAS(a, "new -");
    HAS(b, "new -");
    cr_expect(text_is(a, "k", "new", WALL));
    cr_expect(eq(u64, store_count(a, 0), 1));
    exchange(a, c, WALL);
    HAS(c, "new -"); /* and the old one does not come back */
    delete_key(c, "k", WALL + 3);
    HAS(c, "-");
    copy_key(c, a, "k", WALL, NULL);
    HAS(a, "-");
    cr_expect(eq(u64, store_count(a, 0), 0));
    store_free(a);
    store_free(b);
    store_free(c);
}

CASE(siblings, each_has_its_own_expiry)
{
    struct store *a = keeping_store(1), *b = keeping_store(2);
    struct store_key key = make_key(a, 0, "k");

    put_text(b, "k", "stays", WALL);
    put_text(a, "k", "goes", WALL + 1);
    exchange(a, b, WALL);
    cr_assert(store_set_expiry(a, &key, WALL + 1000, WALL + 2) == ERR_OK);
    HAS(a, "goes stays");
    exchange(a, b, WALL + 3);
    cr_expect(eq(u64, store_digest(a, 0), store_digest(b, 0)));
    cr_expect(text_is(b, "k", NULL, WALL + 1001));
    store_tick(a, 0, 1000, WALL + 3000);
    cr_expect(text_is(a, "k", "stays", WALL + 3000));
    exchange(a, b, WALL + 3000);
    cr_expect(text_is(b, "k", "stays", WALL + 3000));
    cr_expect(eq(u64, store_digest(a, 0), store_digest(b, 0)));
    cr_expect(store_ok(a) && store_ok(b));
    store_free(a);
    store_free(b);
}

CASE(siblings, a_flush_takes_those_below_its_floor)
{
    struct store *a = keeping_store(1), *b = keeping_store(2);

    put_text(a, "k", "one", WALL);
    put_text(b, "k", "two", WALL + 10);
    exchange(a, b, WALL + 10);
    store_raise_floor(a, 0, 0, stamp_next(STAMP_NEVER, WALL + 5, 3), WALL + 10);
    HAS(a, "two");
    copy_key(b, a, "k", WALL + 10, NULL);
    HAS(a, "two");
    store_raise_floor(a, 0, 0, stamp_next(STAMP_NEVER, WALL + 15, 3),
                      WALL + 15);
    HAS(a, "");
    store_raise_floor(b, 0, 0, stamp_next(STAMP_NEVER, WALL + 15, 3),
                      WALL + 15);
    HAS(b, "");
    cr_expect(eq(u64, store_digest(a, 0), store_digest(b, 0)));
    store_free(a);
    store_free(b);
}

CASE(siblings, commands_that_change_work_upon_the_newest_and_stand_for_all)
{
    struct store *a = keeping_store(1), *b = keeping_store(2);
    struct store_key key = make_key(a, 0, "k");
    char *value;

    put_text(a, "k", "4", WALL);
    put_text(b, "k", "5", WALL + 1);
    exchange(a, b, WALL);
    cr_assert(store_add(a, &key, 1, WALL + 2) == ERR_OK);
    cr_expect(text_is(a, "k", "6", WALL));
    exchange(a, b, WALL + 2);
    cr_expect(text_is(b, "k", "6", WALL));
    cr_expect(eq(u64, store_digest(a, 0), store_digest(b, 0)));
    put_text(a, "k", "x", WALL + 3);
    put_text(b, "k", "y", WALL + 4);
    exchange(a, b, WALL + 4);
    HAS(a, "y x");
    cr_assert(store_edit(a, &key, 2, WALL + 5, &value) == ERR_OK);
    value[1] = 'z';
    store_edit_done(a, &key);
    HAS(a, "yz");
    exchange(a, b, WALL + 5);
    HAS(b, "yz");
    store_free(a);
    store_free(b);
}

CASE(siblings, there_are_eight_at_most_and_the_oldest_goes)
{
    struct store *stores[10];
    struct store_ring_stats stats;
    char text[8];
    uint32_t i, k;

    for (i = 0; i < 10; i++) {
        stores[i] = keeping_store(i + 1);
        (void)snprintf(text, sizeof(text), "%u", i);
        put_text(stores[i], "k", text, WALL + i);
    }
    for (k = 0; k < 2; k++) {
        for (i = 1; i < 10; i++)
            exchange(stores[i], stores[0], WALL + 20);
    }
    for (i = 0; i < 10; i++) {
        HAS(stores[i], "9 8 7 6 5 4 3 2");
        cr_expect(
            eq(u64, store_digest(stores[i], 0), store_digest(stores[0], 0)));
    }
    store_ring_stats(stores[0], &stats);
    cr_expect(gt(u64, stats.siblings_lost, 1));
    for (i = 0; i < 10; i++)
        store_free(stores[i]);
}

CASE(siblings, where_they_are_not_kept_the_newest_of_all_stays)
{
    struct store *a = keeping_store(1), *b = keeping_store(2),
                 *plain = ring_store(1, 3);

    put_text(a, "k", "one", WALL);
    delete_key(b, "k", WALL + 1);
    put_text(b, "k", "two", WALL + 2);
    exchange(a, b, WALL);
    copy_key(a, plain, "k", WALL, NULL);
    HAS(plain, "two");
    store_free(a);
    store_free(b);
    store_free(plain);
}

/* ---- any order ---- */

enum { NODES = 4, WRITES = 24, LETTERS = 60, ROUNDS = 1500 };

/* What a write had seen, truly. */
struct truth {
    struct stamp stamp;
    uint32_t seen; /* bits of writes, itself too */
};

struct world {
    struct rng rng;
    struct store *stores[NODES];
    uint32_t knows[NODES]; /* writes that it or what it got had seen */
    struct truth truth[WRITES];
    uint32_t writes;
    struct buf letters[LETTERS]; /* records of earlier, to come again */
    uint32_t letter_knows[LETTERS];
    uint32_t letter_count;
};

static uint32_t
roll(struct world *world, uint32_t n)
{
    return (uint32_t)rng_below(&world->rng, n);
}

static void
write_somewhere(struct world *world)
{
    uint32_t at = roll(world, NODES);
    struct store *store = world->stores[at];
    struct store_key key = make_key(store, 0, "k");
    struct truth *truth = &world->truth[world->writes];
    int64_t wall = WALL + roll(world, 40);
    struct kin kin;
    char text[16];

    if (roll(world, 4) == 0) {
        struct stamp before = store_newest(store, &key);

        (void)store_delete(store, &key, wall);
        if (store_newest(store, &key).bits == before.bits) return;
    } else {
        (void)snprintf(text, sizeof(text), "write %u", world->writes);
        put_text(store, "k", text, wall);
    }
    kin = kin_here(store, "k", WALL);
    cr_assert(eq(u32, kin.count, 1), "a write stands for all");
    truth->stamp = kin.all[0].stamp;
    truth->seen = world->knows[at] | 1u << world->writes;
    world->knows[at] = truth->seen;
    world->writes++;
}

static void
send_letter(struct world *world)
{
    uint32_t at = roll(world, NODES);
    struct store_key key = make_key(world->stores[at], 0, "k");

    if (world->letter_count == LETTERS) return;
    world->letter_knows[world->letter_count] = world->knows[at];
    world->letters[world->letter_count++] =
        record_bytes_of(world->stores[at], &key, WALL);
}

static void
take_letter(struct world *world, uint32_t at, uint32_t letter)
{
    struct bytes bytes = buf_bytes(&world->letters[letter]);

    if (bytes.size == 0) return;
    cr_assert(merge_bytes(world->stores[at], bytes, WALL, NULL) != STORE_FULL);
    world->knows[at] |= world->letter_knows[letter];
}

/* The set is exactly of those writes that no other write has seen. */
static void
expect_truth(struct world *world, uint32_t at)
{
    struct kin kin = kin_here(world->stores[at], "k", WALL);
    uint32_t i, k, count = 0;

    for (i = 0; i < world->writes; i++) {
        bool is_here = false, is_seen = !(world->knows[at] >> i & 1);

        for (k = 0; k < world->writes; k++) {
            if (k != i && (world->knows[at] >> k & 1) &&
                (world->truth[k].seen >> i & 1))
                is_seen = true;
        }
        for (k = 0; k < kin.count; k++) {
            if (kin.all[k].stamp.bits == world->truth[i].stamp.bits)
                is_here = true;
        }
        cr_assert(is_here == !is_seen, "write %u at %u", i, at);
        count += is_here;
    }
    cr_assert(eq(u32, kin.count, count));
}

static void
one_round(struct world *world)
{
    uint32_t i, k, steps = 10 + roll(world, 60);

    for (i = 0; i < NODES; i++)
        world->stores[i] = keeping_store(i + 1);
    for (i = 0; i < steps; i++) {
        uint32_t dice = roll(world, 6);

        if (dice < 2 && world->writes < WRITES) write_somewhere(world);
        if (dice == 2 || dice == 3) send_letter(world);
        if (dice > 3 && world->letter_count > 0) {
            uint32_t at = roll(world, NODES);

            take_letter(world, at, roll(world, world->letter_count));
            expect_truth(world, at);
        }
    }
    for (i = 0; i < 2 * NODES; i++) {
        uint32_t from = i % NODES, to = (i + 1) % NODES;

        copy_key(world->stores[from], world->stores[to], "k", WALL, NULL);
        world->knows[to] |= world->knows[from];
    }
    for (k = 0; k < NODES; k++) {
        struct store_key key = make_key(world->stores[k], 0, "k");
        struct buf x = record_bytes_of(world->stores[0], &key, WALL);
        struct buf y = record_bytes_of(world->stores[k], &key, WALL);

        expect_truth(world, k);
        cr_assert(bytes_equal(buf_bytes(&x), buf_bytes(&y)));
        cr_assert(eq(u64, store_digest(world->stores[0], 0),
                     store_digest(world->stores[k], 0)));
        buf_deinit(&x);
        buf_deinit(&y);
    }
    for (i = 0; i < NODES; i++)
        store_free(world->stores[i]);
    for (i = 0; i < world->letter_count; i++)
        buf_deinit(&world->letters[i]);
}

/* Whatever comes in whatever order, as often as it likes, old or new: what is
 * kept is what no write has seen, and the same everywhere. */
CASE(siblings, exactly_what_nobody_has_seen_is_kept)
{
    uint32_t round;

    for (round = 0; round < ROUNDS; round++) {
        struct world world = {.rng = {.state = 1000 + round}};

        one_round(&world);
    }
}
