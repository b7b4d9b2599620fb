/*
 * Stories of reads: owners that answer late, stand-ins that are asked, keys
 * that were evicted.
 */
#include "sim/story.h"

#include <stdio.h>
#include <stdlib.h>

enum { LATE_MS = 100 };

static int64_t
took_to_read(struct sim *sim, uint32_t node, uint32_t count)
{
    int64_t from_ms = sim_now_ms(sim);
    uint32_t i;

    for (i = 0; i < count; i++)
        SAYS(sim, node, "GET k", "$1\r\nv\r\n");
    return sim_now_ms(sim) - from_ms;
}

/* A line of INFO ring. */
static uint64_t
info_of(struct sim *sim, uint32_t node, const char *name)
{
    const char *at = strstr(sim_call(sim, node, "INFO ring"), name);

    cr_assert(at != NULL, "no %s", name);
    return strtoull(at + strlen(name) + 1, NULL, 10);
}

/* ---- late answers ---- */

CASE(ring_reads, one_owner_that_answers_late_does_not_make_reads_slow)
{
    struct sim *sim = ring_of(&STRICT, 3, 201);
    uint32_t owners[3];
    int64_t quick_ms;

    owners_of(sim, 3, "k", owners);
    SAYS(sim, owners[2], "SET k v", "+OK\r\n");
    quick_ms = took_to_read(sim, owners[2], 100);
    sim_slow(sim, owners[0], owners[2], LATE_MS);
    cr_expect(took_to_read(sim, owners[2], 100) < quick_ms + 10 * LATE_MS);
    cr_expect(info_of(sim, owners[2], "hedged_reads") > 0);
    cr_expect(info_of(sim, owners[2], "hedged_wins") > 0);
    /* quick again, it is asked again: the other may be late now */
    sim_slow(sim, owners[0], owners[2], 1);
    (void)sim_run_for(sim, 2000);
    (void)took_to_read(sim, owners[2], 2000);
    sim_slow(sim, owners[1], owners[2], LATE_MS);
    cr_expect(took_to_read(sim, owners[2], 100) < quick_ms + 10 * LATE_MS);
    is_equal(sim, 3);
    sim_free(sim);
}

CASE(ring_reads, a_primary_that_answers_late_does_not_make_reads_elsewhere_slow)
{
    struct sim *sim = ring_of(&STRICT, 5, 202);
    uint32_t owners[3], x = 0;
    int64_t quick_ms;

    owners_of(sim, 5, "k", owners);
    while (x == owners[0] || x == owners[1] || x == owners[2])
        x++;
    SAYS(sim, x, "SET k v", "+OK\r\n");
    quick_ms = took_to_read(sim, x, 100);
    sim_slow(sim, owners[0], x, LATE_MS);
    cr_expect(took_to_read(sim, x, 100) < quick_ms + 10 * LATE_MS);
    cr_expect(info_of(sim, x, "hedged_wins") > 0);
    is_equal(sim, 5);
    sim_free(sim);
}

CASE(ring_reads, where_all_are_late_few_reads_are_hedged)
{
    struct sim *sim = ring_of(&STRICT, 3, 203);
    uint32_t i;

    SAYS(sim, 0, "SET k v", "+OK\r\n");
    (void)took_to_read(sim, 0, 100);
    for (i = 1; i < 3; i++)
        sim_slow(sim, i, 0, LATE_MS);
    (void)took_to_read(sim, 0, 400);
    cr_expect(info_of(sim, 0, "hedged_reads") <= 16 + 500 / 32, "%llu",
              (unsigned long long)info_of(sim, 0, "hedged_reads"));
    is_equal(sim, 3);
    sim_free(sim);
}

static void
gather(void *context, struct sim_conn *conn, struct bytes bytes)
{
    (void)conn;
    buf_must_add(context, bytes.data, bytes.size);
}

CASE(ring_reads, a_hedged_read_does_not_see_what_is_written_behind_it)
{
    struct sim *sim = ring_of(&STRICT, 5, 204);
    struct buf sent = {0}, got = {0}, expected = {0};
    struct sim_conn *conn;
    uint32_t owners[3], x = 0, i;

    owners_of(sim, 5, "k", owners);
    while (x == owners[0] || x == owners[1] || x == owners[2])
        x++;
    SAYS(sim, x, "SET k v", "+OK\r\n");
    (void)took_to_read(sim, x, 100);
    sim_slow(sim, x, owners[0], LATE_MS); /* its questions are late, too */
    conn = sim_connect(sim, x, 0, &got, NULL, gather);
    SAYS(sim, x, "SET k 0", "+OK\r\n");
    for (i = 0; i < 40; i++) {
        expected.used = got.used = 0;
        buf_must_printf(&expected, "$%d\r\n%u\r\n+OK\r\n", i < 10 ? 1 : 2, i);
        sim_send(sim, conn, BYTES_LIT("GET k\r\n"));
        (void)sim_run_for(sim, (int64_t)i % 20);
        sent.used = 0;
        buf_must_printf(&sent, "SET k %u\r\n", i + 1);
        sim_send(sim, conn, buf_bytes(&sent));
        (void)sim_run_for(sim, 1000);
        cr_assert(bytes_equal(buf_bytes(&got), buf_bytes(&expected)), "%.*s",
                  (int)got.used, got.data);
    }
    cr_expect(info_of(sim, x, "hedged_reads") > 0);
    sim_disconnect(sim, conn);
    buf_deinit(&sent);
    buf_deinit(&got);
    buf_deinit(&expected);
    is_equal(sim, 5);
    sim_free(sim);
}
