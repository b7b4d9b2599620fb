#include "base/rng.h"
#include "support/case.h"
#include "version/counter.h"

struct counter {
    uint8_t data[COUNTER_BYTES_MAX];
    size_t size;
};

/* Life `life` of node `node`; stamps are made by hand: time, then node. */
static struct stamp
stamp(uint64_t time, uint32_t node)
{
    return (struct stamp){time << STAMP_NODE_BITS | node};
}

static struct bytes
bytes(const struct counter *counter)
{
    return bytes_of(counter->data, counter->size);
}

static struct counter
begin(int64_t base, uint64_t time)
{
    struct counter counter = {.size = COUNTER_BASE_BYTES};

    counter_begin(counter.data, base, stamp(time, 0));
    return counter;
}

static void
add(struct counter *counter, int64_t delta, uint64_t time, uint32_t node,
    uint64_t life)
{
    size_t size = counter_add(bytes(counter), delta, stamp(time, node),
                              stamp(life, node), counter->data);

    cr_assert(ne(sz, size, 0));
    counter->size = size;
    cr_assert(counter_ok(bytes(counter)));
}

static struct counter
merge(const struct counter *a, const struct counter *b)
{
    struct counter out;

    out.size = counter_merge(bytes(a), bytes(b), out.data);
    cr_assert(ne(sz, out.size, 0));
    cr_assert(counter_ok(bytes(&out)));
    return out;
}

static bool
equal(const struct counter *a, const struct counter *b)
{
    return bytes_equal(bytes(a), bytes(b));
}

static size_t
share_count(const struct counter *counter)
{
    return (counter->size - COUNTER_BASE_BYTES) / COUNTER_SHARE_BYTES;
}

CASE(counter, a_new_one_is_its_base)
{
    struct counter counter = begin(-42, 1);

    cr_expect(counter_ok(bytes(&counter)));
    cr_expect(eq(i64, counter_sum(bytes(&counter)), -42));
}

CASE(counter, a_life_adds_to_one_share)
{
    struct counter counter = begin(10, 1);

    add(&counter, 5, 2, 1, 2);
    add(&counter, -7, 3, 1, 2);
    cr_expect(eq(i64, counter_sum(bytes(&counter)), 8));
    cr_expect(eq(sz, share_count(&counter), 1));
}

CASE(counter, another_node_and_another_life_have_shares_of_their_own)
{
    struct counter counter = begin(0, 1);

    add(&counter, 1, 2, 1, 2);
    add(&counter, 10, 3, 2, 2);
    add(&counter, 100, 9, 1, 8);
    add(&counter, 1000, 10, 1, 8);
    cr_expect(eq(i64, counter_sum(bytes(&counter)), 1111));
    cr_expect(eq(sz, share_count(&counter), 3));
}

CASE(counter, the_format_is_fixed)
{
    static const uint8_t golden[] = {
        0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* base -2 */
        0x00, 0x10, 0,    0,    0,    0,    0,    0,    /* its stamp */
        0x03, 0x20, 0,    0,    0,    0,    0,    0,    /* birth */
        0x03, 0x30, 0,    0,    0,    0,    0,    0,    /* stamp */
        0x04, 0x01, 0,    0,    0,    0,    0,    0,    /* amount 260 */
    };
    struct counter counter = begin(-2, 1);

    add(&counter, 4, 2, 3, 2);
    add(&counter, 256, 3, 3, 2);
    cr_expect(bytes_equal(bytes(&counter), bytes_of(golden, sizeof(golden))));
}

CASE(counter, sums_wrap)
{
    struct counter counter = begin(INT64_MAX, 1);

    add(&counter, 1, 2, 1, 2);
    cr_expect(eq(i64, counter_sum(bytes(&counter)), INT64_MIN));
}

CASE(counter, there_is_an_end_to_shares_but_old_ones_still_grow)
{
    struct counter counter = begin(0, 1);
    uint64_t i;

    for (i = 0; i < COUNTER_SHARES_MAX; i++)
        add(&counter, 1, 10 + i, 1, 10 + i);
    cr_expect(eq(sz,
                 counter_add(bytes(&counter), 1, stamp(500, 1), stamp(400, 1),
                             counter.data),
                 0));
    add(&counter, 1, 501, 1, 10 + COUNTER_SHARES_MAX - 1);
    cr_expect(eq(i64, counter_sum(bytes(&counter)), COUNTER_SHARES_MAX + 1));
}

CASE(counter, both_sides_of_a_partition_add_up)
{
    struct counter a = begin(5, 1), b, merged;

    add(&a, 10, 2, 1, 2);
    b = a;
    add(&a, 3, 3, 1, 2);
    add(&b, 4, 4, 2, 4);
    merged = merge(&a, &b);
    cr_expect(eq(i64, counter_sum(bytes(&merged)), 22));
}

CASE(counter, a_newer_base_ends_the_shares_born_before_it)
{
    struct counter old = begin(5, 1), fresh = begin(100, 7), merged;

    add(&old, 10, 2, 1, 2);
    add(&old, 10, 9, 1, 2); /* grew on, but counts from before the SET */
    add(&old, 1, 8, 2, 8);  /* born after it */
    merged = merge(&old, &fresh);
    cr_expect(eq(i64, counter_sum(bytes(&merged)), 101));
}

CASE(counter, broken_encodings_are_refused)
{
    struct counter counter = begin(0, 5), bad;

    add(&counter, 1, 6, 1, 6);
    add(&counter, 1, 7, 2, 7);
    cr_expect(not(counter_ok(bytes_of(counter.data, 15))));
    cr_expect(not(counter_ok(bytes_of(counter.data, counter.size - 1))));
    cr_expect(not(counter_ok(bytes_of(counter.data, 0))));

    bad = counter; /* twice the same birth */
    memcpy(bad.data + 40, bad.data + 16, 8);
    cr_expect(not(counter_ok(bytes(&bad))));
    bad = counter; /* a share from before the base */
    memset(bad.data + 16, 0, 8);
    cr_expect(not(counter_ok(bytes(&bad))));
    bad = counter; /* changed before it was born */
    memset(bad.data + 24, 0, 8);
    cr_expect(not(counter_ok(bytes(&bad))));
}

/* Any history of one key on three nodes that copy from each other. */
static void
scramble(struct rng *rng, struct counter copies[3])
{
    uint64_t time = 1;
    int i;

    copies[0] = begin(0, time);
    copies[1] = copies[2] = copies[0];
    for (i = 0; i < 40; i++) {
        uint32_t at = (uint32_t)rng_below(rng, 3);
        uint32_t from = (uint32_t)rng_below(rng, 3);

        time++;
        switch (rng_below(rng, 8)) {
        case 0: copies[at] = begin((int64_t)rng_below(rng, 100), time); break;
        case 1: copies[at] = merge(&copies[at], &copies[from]); break;
        default:
            add(&copies[at], (int64_t)rng_below(rng, 9) - 4, time, at,
                time / 10 * 10);
            break;
        }
    }
}

CASE(counter, merges_commute_associate_and_repeat)
{
    struct rng rng = {.state = 3};
    struct counter copy[3], ab, ba, bc, left, right;
    int i;

    for (i = 0; i < 500; i++) {
        scramble(&rng, copy);
        ab = merge(&copy[0], &copy[1]);
        ba = merge(&copy[1], &copy[0]);
        bc = merge(&copy[1], &copy[2]);
        left = merge(&ab, &copy[2]);
        right = merge(&copy[0], &bc);
        cr_assert(equal(&ab, &ba));
        cr_assert(equal(&left, &right));
        right = merge(&left, &copy[1]);
        cr_assert(equal(&left, &right));
        right = merge(&left, &left);
        cr_assert(equal(&left, &right));
    }
}
