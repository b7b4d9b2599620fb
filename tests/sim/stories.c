/*
 * Scripted stories on one node of two workers. Each reads as what happens.
 */
#include "sim/sim.h"
#include "store/store.h"
#include "support/case.h"

#include <stdio.h>
#include <stdlib.h>

static const struct sim_config TWO = {
    .seed = 1, .workers = 2, .delay_most_ms = 5};

#define SAYS(sim, which, line, reply)                                          \
    cr_assert(eq(str, (char *)(uintptr_t)sim_call_on(sim, 0, which, line),     \
                 (char *)(uintptr_t)(reply)))

CASE(stories, a_value_set_through_one_worker_is_read_through_the_other)
{
    struct sim *sim = sim_new(&TWO);

    SAYS(sim, 0, "SET k v", "+OK\r\n");
    SAYS(sim, 1, "GET k", "$1\r\nv\r\n");
    sim_free(sim);
}

CASE(stories, a_key_is_there_until_its_expiry_and_not_after)
{
    struct sim_config config = {.seed = 2};
    struct sim *sim = sim_new(&config);
    int64_t set_at;

    SAYS(sim, 0, "SET k v PX 1000", "+OK\r\n");
    set_at = sim_now_ms(sim) - 1; /* a call runs its clock on by one */
    (void)sim_run(sim, set_at + 990);
    SAYS(sim, 0, "EXISTS k", ":1\r\n");
    (void)sim_run(sim, set_at + 1010);
    SAYS(sim, 0, "EXISTS k", ":0\r\n");
    SAYS(sim, 0, "PTTL k", ":-2\r\n");
    sim_free(sim);
}

CASE(stories, an_expired_key_goes_by_itself)
{
    struct sim *sim = sim_new(&TWO);

    SAYS(sim, 0, "SET k v PX 500", "+OK\r\n");
    (void)sim_run(sim, sim_now_ms(sim) + 2000);
    cr_expect(store_count(sim_store(sim, 0), 0) == 0);
    sim_free(sim);
}

CASE(stories, exec_is_refused_when_a_watched_key_changed)
{
    struct sim *sim = sim_new(&TWO);

    SAYS(sim, 0, "SET k 1", "+OK\r\n");
    SAYS(sim, 0, "WATCH k", "+OK\r\n");
    SAYS(sim, 1, "INCR k", ":2\r\n");
    SAYS(sim, 0, "MULTI", "+OK\r\n");
    SAYS(sim, 0, "SET k 10", "+QUEUED\r\n");
    SAYS(sim, 0, "EXEC", "*-1\r\n");
    SAYS(sim, 0, "GET k", "$1\r\n2\r\n");
    sim_free(sim);
}

CASE(stories, exec_is_refused_when_a_watched_absent_key_came_and_went)
{
    struct sim *sim = sim_new(&TWO);

    SAYS(sim, 0, "WATCH k", "+OK\r\n");
    SAYS(sim, 1, "SET k v", "+OK\r\n");
    SAYS(sim, 1, "DEL k", ":1\r\n");
    SAYS(sim, 0, "MULTI", "+OK\r\n");
    SAYS(sim, 0, "SET k 10", "+QUEUED\r\n");
    SAYS(sim, 0, "EXEC", "*-1\r\n");
    sim_free(sim);
}

CASE(stories, a_killed_client_is_gone_on_whatever_worker_it_was)
{
    struct sim *sim = sim_new(&TWO);

    SAYS(sim, 1, "CLIENT SETNAME victim", "+OK\r\n");
    SAYS(sim, 1, "CLIENT ID", ":1\r\n");
    SAYS(sim, 0, "CLIENT KILL ID 1", ":1\r\n");
    (void)sim_run(sim, sim_now_ms(sim) + 1000);
    cr_expect(node_client_count(sim_node(sim, 0)) == 1);
    sim_free(sim);
}

static void
ignore_bytes(void *context, struct sim_conn *conn, struct bytes bytes)
{
    size_t *got = context;

    (void)conn;
    *got += bytes.size;
}

CASE(stories, writes_wait_while_clients_are_paused_and_reads_do_not)
{
    struct sim *sim = sim_new(&TWO);
    struct sim_conn *conn;
    size_t got = 0;

    SAYS(sim, 0, "CLIENT PAUSE 5000 WRITE", "+OK\r\n");
    SAYS(sim, 1, "GET k", "$-1\r\n");
    conn = sim_connect(sim, 0, 1, &got, NULL, ignore_bytes);
    sim_send(sim, conn, BYTES_LIT("SET k v\r\n"));
    (void)sim_run(sim, sim_now_ms(sim) + 3000);
    cr_expect(got == 0);
    (void)sim_run(sim, sim_now_ms(sim) + 4000);
    cr_expect(got == 5, "%zu bytes", got);
    SAYS(sim, 1, "GET k", "$1\r\nv\r\n");
    sim_disconnect(sim, conn);
    sim_free(sim);
}

CASE(stories, a_reader_that_stops_reading_is_stopped_then_disconnected)
{
    struct sim_config config = {.seed = 3};
    struct sim *sim = sim_new(&config);
    struct sim_conn *conn;
    size_t got = 0;
    uint32_t i;

    SAYS(sim, 0, "SETRANGE big 999999 x", ":1000000\r\n");
    conn = sim_connect(sim, 0, 0, &got, NULL, ignore_bytes);
    sim_hold_output(sim, conn, true);
    for (i = 0; i < 200; i++)
        sim_send(sim, conn, BYTES_LIT("GET big\r\n"));
    (void)sim_run(sim, sim_now_ms(sim) + 5000);
    cr_expect(session_may_read(sim_session(conn)) == false);
    cr_expect(sim_session(conn)->out.used < 64u * 1024 * 1024);
    sim_hold_output(sim, conn, false);
    (void)sim_run(sim, sim_now_ms(sim) + 60000);
    cr_expect(got == 200 * (1000000u + 12), "%zu bytes", got);
    sim_disconnect(sim, conn);
    sim_free(sim);
}

CASE(stories, a_scan_on_one_worker_goes_on_at_the_other)
{
    struct sim *sim = sim_new(&TWO);
    char line[64];
    const char *reply = "";
    uint64_t cursor = 0;
    uint32_t i, calls = 0, keys = 0;

    for (i = 0; i < 200; i++) {
        (void)snprintf(line, sizeof(line), "SET key:%u v", i);
        SAYS(sim, i % 2, line, "+OK\r\n");
    }
    do {
        const char *at;

        (void)snprintf(line, sizeof(line), "SCAN %llu COUNT 10",
                       (unsigned long long)cursor);
        reply = sim_call_on(sim, 0, calls++ % 2, line);
        at = strchr(reply + 4, '\n');
        cr_assert(at != NULL);
        cursor = strtoull(at + 1, NULL, 10);
        while ((at = strstr(at, "key:")) != NULL) {
            keys++;
            at += 4;
        }
    } while (cursor != 0 && calls < 1000);
    cr_expect(keys == 200, "%u keys", keys);
    cr_expect(calls > 5);
    sim_free(sim);
}

CASE(stories, a_full_store_evicts_and_never_answers_an_old_value)
{
    struct sim_config config = {
        .seed = 4, .max_bytes = 8 * 1024 * 1024, .policy = "allkeys-lru"};
    struct sim *sim = sim_new(&config);
    char line[1200], value[1001] = {0}, expected[1100];
    uint32_t i, there = 0;

    memset(value, 'x', 1000);
    for (i = 0; i < 20000; i++) {
        (void)snprintf(value, 10, "%09u", i);
        value[9] = 'x';
        (void)snprintf(line, sizeof(line), "SET key:%u %s", i % 15000, value);
        SAYS(sim, 0, line, "+OK\r\n");
    }
    for (i = 5000; i < 20000; i++) {
        const char *reply;

        (void)snprintf(value, 10, "%09u", i);
        value[9] = 'x';
        (void)snprintf(line, sizeof(line), "GET key:%u", i % 15000);
        (void)snprintf(expected, sizeof(expected), "$1000\r\n%s\r\n", value);
        reply = sim_call_on(sim, 0, 0, line);
        if (strcmp(reply, "$-1\r\n") == 0) continue;
        cr_assert(eq(str, (char *)(uintptr_t)reply, expected));
        there++;
    }
    cr_expect(there > 3000, "%u", there);
    sim_free(sim);
}

CASE(stories, a_monitor_sees_commands_of_the_other_worker)
{
    struct sim *sim = sim_new(&TWO);
    struct sim_conn *conn;
    size_t got = 0;

    conn = sim_connect(sim, 0, 0, &got, NULL, ignore_bytes);
    sim_send(sim, conn, BYTES_LIT("MONITOR\r\n"));
    (void)sim_run(sim, sim_now_ms(sim) + 100);
    cr_expect(got == 5);
    SAYS(sim, 1, "SET seen 1", "+OK\r\n");
    (void)sim_run(sim, sim_now_ms(sim) + 100);
    cr_expect(got > 40, "%zu bytes", got);
    sim_disconnect(sim, conn);
    sim_free(sim);
}

CASE(stories, two_runs_of_a_seed_are_equal_and_another_seed_is_not)
{
    uint64_t traces[3];
    uint32_t i;

    for (i = 0; i < 3; i++) {
        struct sim_config config = {
            .seed = i < 2 ? 7 : 8, .workers = 2, .delay_most_ms = 20};
        struct sim *sim = sim_new(&config);

        (void)sim_call(sim, 0, "SET k v PX 5000");
        (void)sim_call(sim, 0, "PTTL k");
        (void)sim_call(sim, 0, "TIME");
        traces[i] = sim_trace(sim);
        sim_free(sim);
    }
    cr_expect(traces[0] == traces[1]);
    cr_expect(traces[0] != traces[2]);
}
