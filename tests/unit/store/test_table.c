/* The table alone: full fill, overflow counts, every size. */
#include "base/err.h"
#include "base/rng.h"
#include "store/table.h"
#include "support/case.h"

enum { OBJECTS = 1600 };

static struct object *
make(struct object *objects, uint32_t i)
{
    objects[i].key_short = 0;
    return &objects[i];
}

CASE(table, finds_everything_at_every_size_and_stays_full)
{
    struct object *objects = mem_must_zero(OBJECTS * sizeof(*objects));
    uint32_t *tags = mem_must(OBJECTS * sizeof(*tags));
    struct table table = {.expire_at = UINT32_MAX};
    struct rng rng = {3};
    uint32_t i, k;

    for (i = 0; i < OBJECTS; i++) {
        tags[i] = (uint32_t)rng_below(&rng, 65536);
        cr_assert(table_reserve(&table) == ERR_OK);
        (void)table_add(&table, tags[i], make(objects, i));
        if (i > 200) /* 12 bytes a key and a little more right after growth */
            cr_assert(table.bucket_count * 64 <= (i + 1) * 14);
    }
    cr_assert(table_ok(&table));
    for (i = 0; i < OBJECTS; i++) {
        struct place place = table_find_object(&table, tags[i], &objects[i]);

        cr_assert(place.bucket != NULL);
        table_remove(&table, place);
        if (i % 100 == 0) table_shrink(&table);
        for (k = i + 1; k < OBJECTS; k += 97) {
            cr_assert(table_find_object(&table, tags[k], &objects[k]).bucket !=
                      NULL);
        }
    }
    table_shrink(&table);
    cr_expect(table.buckets == NULL);
    table_deinit(&table);
    mem_free(objects);
    mem_free(tags);
}

CASE(table, equal_tags_fill_many_buckets_and_are_all_found)
{
    struct object *objects = mem_must_zero(300 * sizeof(*objects));
    struct table table = {.expire_at = UINT32_MAX};
    uint32_t i;

    for (i = 0; i < 300; i++) {
        cr_assert(table_reserve(&table) == ERR_OK);
        (void)table_add(&table, 65535, make(objects, i));
    }
    for (i = 0; i < 300; i++) {
        struct place place = table_find_object(&table, 65535, &objects[i]);

        cr_assert(place.bucket != NULL);
        if (i % 2) table_remove(&table, place);
    }
    cr_assert(table_ok(&table));
    table_deinit(&table);
    mem_free(objects);
}

CASE(table, is_at_its_end_with_an_error_not_a_crash)
{
    struct object *objects = mem_must_zero(2000 * sizeof(*objects));
    struct table table = {.expire_at = UINT32_MAX};
    struct rng rng = {9};
    uint32_t i = 0;

    while (i < 2000 && table_reserve(&table) == ERR_OK) {
        (void)table_add(&table, (uint32_t)rng_below(&rng, 65536),
                        make(objects, i++));
    }
    cr_expect(i == TABLE_BUCKETS_MAX * 25 / 4);
    cr_expect(table_reserve(&table) == ERR_LIMIT);
    table_deinit(&table);
    mem_free(objects);
}
