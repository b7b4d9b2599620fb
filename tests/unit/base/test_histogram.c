#include "base/histogram.h"
#include "base/log_line.h"
#include "support/case.h"

#include <stdio.h>

CASE(histogram, buckets_follow_each_other_without_gaps)
{
    uint32_t bucket;

    cr_expect(eq(u32, histogram_bucket(0), 0));
    for (bucket = 0; bucket + 1 < HISTOGRAM_BUCKETS; bucket++) {
        uint64_t top = histogram_top(bucket);

        cr_assert(eq(u32, histogram_bucket(top), bucket));
        cr_assert(eq(u32, histogram_bucket(top + 1), bucket + 1));
    }
    cr_expect(eq(u32, histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1));
}

CASE(histogram, a_bucket_is_a_sixteenth_of_its_values_at_most)
{
    uint32_t bucket;

    for (bucket = 17; bucket < HISTOGRAM_BUCKETS; bucket++) {
        uint64_t low = histogram_top(bucket - 1) + 1;

        cr_assert(16 * (histogram_top(bucket) - low) < low + 16);
    }
}

CASE(histogram, percentiles_of_one_to_a_thousand)
{
    struct histogram *histogram = mem_must_zero(sizeof(*histogram));
    uint64_t i, middle;

    cr_expect(eq(u64, histogram_percentile(histogram, 50), 0));
    for (i = 1; i <= 1000; i++)
        histogram_add(histogram, i);
    cr_expect(eq(u64, histogram_total(histogram), 1000));
    middle = histogram_percentile(histogram, 50);
    cr_expect(middle >= 500 && middle < 535);
    cr_expect(eq(u64, histogram_percentile(histogram, 0), 1));
    cr_expect(histogram_percentile(histogram, 100) >= 1000);
    histogram_reset(histogram);
    cr_expect(eq(u64, histogram_total(histogram), 0));
    mem_free(histogram);
}

CASE(histogram, merging_adds)
{
    struct histogram *a = mem_must_zero(sizeof(*a));
    struct histogram *b = mem_must_zero(sizeof(*b));

    histogram_add(a, 3);
    histogram_add(b, 3);
    histogram_add(b, 70000);
    histogram_merge(a, b);
    cr_expect(eq(u64, histogram_total(a), 3));
    cr_expect(eq(u64, histogram_percentile(a, 60), 3));
    cr_expect(histogram_percentile(a, 100) >= 70000);
    mem_free(b);
    mem_free(a);
}

static char last_line[2048];
static uint32_t line_count;

static void
remember(enum log_level level, const char *text)
{
    (void)level;
    (void)snprintf(last_line, sizeof(last_line), "%s", text);
    line_count++;
}

CASE(log_line, only_what_is_important_enough_reaches_the_sink)
{
    log_line(LOG_LEVEL_WARNING, "nobody listens");
    log_set_sink(remember);
    log_set_level(LOG_LEVEL_NOTICE);
    log_line(LOG_LEVEL_VERBOSE, "too small");
    cr_expect(eq(u32, line_count, 0));
    log_line(LOG_LEVEL_NOTICE, "%d of %s", 3, "us");
    cr_expect(eq(str, last_line, "3 of us"));
    log_set_sink(NULL);
}

CASE(log_line, nobody_can_forge_a_second_line)
{
    log_set_sink(remember);
    log_line(LOG_LEVEL_WARNING, "name=%s", "a\nb\rc");
    cr_expect(eq(str, last_line, "name=a b c"));
    log_set_sink(NULL);
}
