#include "base/rng.h"
#include "support/case.h"
#include "version/vector.h"

static struct stamp
dot(uint64_t ms, uint32_t node)
{
    return (struct stamp){ms << STAMP_MS_SHIFT | node};
}

CASE(vector, a_write_covers_itself_and_what_its_node_wrote_before)
{
    struct bytes none = bytes_of(NULL, 0);

    cr_expect(vector_covers(dot(5, 1), none, dot(5, 1)));
    cr_expect(vector_covers(dot(5, 1), none, dot(4, 1)));
    cr_expect(not(vector_covers(dot(5, 1), none, dot(6, 1))));
    cr_expect(not(vector_covers(dot(5, 1), none, dot(4, 2))));
}

CASE(vector, a_write_covers_what_it_was_made_upon_and_nothing_beside)
{
    struct vector vector = {.count = 0};
    struct bytes bytes;

    vector_see(&vector, dot(4, 2));
    bytes = vector_bytes(&vector);
    cr_expect(vector_covers(dot(5, 1), bytes, dot(4, 2)));
    cr_expect(vector_covers(dot(5, 1), bytes, dot(3, 2)));
    cr_expect(not(vector_covers(dot(5, 1), bytes, dot(6, 2))));
    cr_expect(not(vector_covers(dot(5, 1), bytes, dot(4, 3))));
}

CASE(vector, one_entry_a_node_the_newest_in_the_order_of_nodes)
{
    struct vector vector = {.count = 0};
    struct bytes bytes;

    vector_see(&vector, dot(4, 9));
    vector_see(&vector, dot(7, 2));
    vector_see(&vector, dot(3, 9));
    vector_see(&vector, dot(8, 2));
    bytes = vector_bytes(&vector);
    cr_assert(eq(u32, vector_count(bytes), 2));
    cr_expect(eq(u64, vector_at(bytes, 0).bits, dot(8, 2).bits));
    cr_expect(eq(u64, vector_at(bytes, 1).bits, dot(4, 9).bits));
    vector_drop(&vector, 2);
    vector_drop(&vector, 5);
    cr_assert(eq(u32, vector.count, 1));
    cr_expect(
        eq(u64, vector_at(vector_bytes(&vector), 0).bits, dot(4, 9).bits));
}

CASE(vector, of_too_many_nodes_the_oldest_is_forgotten)
{
    struct vector vector = {.count = 0};
    uint32_t node;

    for (node = 1; node <= VECTOR_OTHERS; node++)
        vector_see(&vector, dot(10 + node, node));
    vector_see(&vector, dot(5, 100));
    cr_expect(
        not(vector_covers(dot(99, 0), vector_bytes(&vector), dot(5, 100))));
    vector_see(&vector, dot(50, 100));
    cr_expect(eq(u32, vector.count, VECTOR_OTHERS));
    cr_expect(vector_ok(vector_bytes(&vector), dot(50, 100)));
    cr_expect(vector_covers(dot(99, 0), vector_bytes(&vector), dot(50, 100)));
    cr_expect(
        not(vector_covers(dot(99, 0), vector_bytes(&vector), dot(11, 1))));
    cr_expect(vector_covers(dot(99, 0), vector_bytes(&vector), dot(12, 2)));
}

CASE(vector, what_is_not_one)
{
    struct vector vector = {.count = 0};
    uint8_t long_one[8 * (VECTOR_OTHERS + 1)] = {1};

    vector_see(&vector, dot(4, 1));
    vector_see(&vector, dot(5, 2));
    cr_expect(vector_ok(vector_bytes(&vector), dot(6, 3)));
    cr_expect(not(vector_ok(vector_bytes(&vector), dot(4, 3))));
    cr_expect(not(vector_ok(bytes_of(vector.data, 15), dot(6, 3))));
    cr_expect(not(vector_ok(bytes_of(long_one, sizeof(long_one)), dot(6, 3))));
    memcpy(vector.data + 8, vector.data, 8); /* one node twice */
    cr_expect(not(vector_ok(vector_bytes(&vector), dot(6, 3))));
}

/* In whatever order, as often as one likes. */
CASE(vector, seeing_commutes_and_may_be_repeated)
{
    struct rng rng = {.state = 17};
    uint32_t round, i;

    for (round = 0; round < 2000; round++) {
        struct vector a = {.count = 0}, b = {.count = 0}, again;
        struct stamp dots[6];

        for (i = 0; i < ARRAY_LEN(dots); i++)
            dots[i] = dot(1 + rng_below(&rng, 20),
                          (uint32_t)rng_below(&rng, VECTOR_OTHERS));
        for (i = 0; i < ARRAY_LEN(dots); i++) {
            vector_see(&a, dots[i]);
            vector_see(&b, dots[ARRAY_LEN(dots) - 1 - i]);
        }
        cr_assert(bytes_equal(vector_bytes(&a), vector_bytes(&b)));
        again = a;
        vector_see_all(&again, vector_bytes(&b));
        cr_assert(bytes_equal(vector_bytes(&a), vector_bytes(&again)));
    }
}
