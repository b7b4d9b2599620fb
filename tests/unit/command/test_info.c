#include "command/info.h"
#include "unit/command/talk.h"

#include <stdlib.h>

CASE(info, sections_come_in_redis_order_whatever_the_order_of_asking)
{
    struct talk *talk = talk_new(NULL);
    const char *text = talk_ask(talk, "INFO keyspace cluster");

    cr_expect(eq(str, (char *)text,
                 "$44\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n"
                 "# Keyspace\r\n\r\n"));
    ANSWERS(talk, "INFO nosuchsection", "$0\r\n\r\n");
    talk_free(talk);
}

CASE(info, keyspace_has_exactly_three_fields)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "SET a 1", "+OK\r\n");
    ANSWERS(talk, "SET b 1 EX 100", "+OK\r\n");
    ANSWER_HAS(talk, "INFO keyspace", "db0:keys=2,expires=1,avg_ttl=0\r\n");
    talk_free(talk);
}

CASE(info, what_clients_look_for_is_there)
{
    static const char *const fields[] = {
        "redis_version:7.2.4\r\n", "redis_mode:standalone\r\n",
        "loading:0\r\n",           "maxmemory_policy:noeviction\r\n",
        "role:master\r\n",         "connected_clients:1\r\n",
        "# Modules\r\n",           "cluster_enabled:0\r\n",
    };
    struct talk *talk = talk_new(NULL);
    size_t i;

    for (i = 0; i < ARRAY_LEN(fields); i++) {
        ANSWER_HAS(talk, "INFO everything", fields[i]);
    }
    ANSWER_HAS(talk, "INFO all", "# Modules\r\n");
    cr_expect(strstr(talk_ask(talk, "INFO"), "# Commandstats") == NULL);
    talk_free(talk);
}

CASE(info, commands_and_errors_are_counted_until_resetstat)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "GET a", "$-1\r\n");
    ANSWERS(talk, "NOSUCH",
            "-ERR unknown command 'NOSUCH', with args beginning with: \r\n");
    ANSWER_HAS(talk, "INFO commandstats", "cmdstat_get:calls=1,usec=");
    ANSWER_HAS(talk, "INFO errorstats", "errorstat_ERR:count=1\r\n");
    ANSWER_HAS(talk, "INFO stats", "keyspace_misses:1\r\n");
    ANSWERS(talk, "CONFIG RESETSTAT", "+OK\r\n");
    cr_expect(strstr(talk_ask(talk, "INFO commandstats"), "cmdstat_get:") ==
              NULL);
    ANSWER_HAS(talk, "INFO stats", "keyspace_misses:0\r\n");
    ANSWER_HAS(talk, "INFO clients", "connected_clients:1\r\n");
    talk_free(talk);
}

CASE(info, sizes_for_people)
{
    char text[24];

    info_human(text, 512);
    cr_expect(eq(str, text, "512B"));
    info_human(text, 1459736);
    cr_expect(eq(str, text, "1.39M"));
    info_human(text, UINT64_MAX);
    cr_expect(eq(str, text, "16.00E"));
}

CASE(info, rates_are_the_mean_of_sixteen_samples)
{
    struct rates rates = {.last_ms = 0};
    uint64_t counters[RATE_COUNT] = {0};
    int64_t i;

    rates_sample(&rates, counters, 1000);
    for (i = 1; i <= RATES_SAMPLES; i++) {
        counters[RATE_COMMANDS] += 10; /* in 100 ms */
        rates_sample(&rates, counters, 1000 + i * 100);
    }
    cr_expect(eq(u64, rates_get(&rates, RATE_COMMANDS), 100));
    counters[RATE_COMMANDS] = 0; /* CONFIG RESETSTAT */
    rates_sample(&rates, counters, 3000);
    cr_expect(rates_get(&rates, RATE_COMMANDS) < 100);
}

CASE(info, errors_are_sorted_by_name)
{
    struct talk *talk = talk_new(NULL);

    ANSWER_HAS(talk, "HELLO 9", "-NOPROTO");
    ANSWER_HAS(talk, "AUTH a b", "-WRONGPASS");
    ANSWER_HAS(talk, "NOSUCH", "-ERR");
    ANSWER_HAS(talk, "INFO errorstats",
               "# Errorstats\r\nerrorstat_ERR:count=1\r\n"
               "errorstat_NOPROTO:count=1\r\n"
               "errorstat_WRONGPASS:count=1\r\n\r\n");
    talk_free(talk);
}

static int64_t
field(struct talk *talk, const char *section, const char *name)
{
    char line[64], wanted[64];
    const char *at;

    (void)snprintf(line, sizeof(line), "INFO %s", section);
    (void)snprintf(wanted, sizeof(wanted), "\n%s:", name);
    at = strstr(talk_ask(talk, line), wanted);
    cr_assert(at != NULL, "%s", name);
    return strtoll(at + strlen(wanted), NULL, 10);
}

CASE(info, used_memory_is_what_lives_not_what_is_resident)
{
    struct talk *talk = talk_new(NULL);
    struct cmd_shared *shared = node_shared(talk->node);
    int64_t before, used;

    atomic_store(&shared->facts.rss_bytes, UINT64_C(1) << 30);
    worker_tick(talk->worker, UINT64_C(1) << 30);
    before = field(talk, "memory", "used_memory");
    cr_expect(lt(i64, before, (int64_t)mem_live_bytes() + 1));
    cr_expect(eq(i64, field(talk, "memory", "used_memory_rss"), 1 << 30));
    ANSWERS(talk, "SETRANGE big 999999 x", ":1000000\r\n");
    used = field(talk, "memory", "used_memory");
    cr_expect(gt(i64, used, before + 999999));
    cr_expect(lt(i64, used, before + 1500000));
    cr_expect(ge(i64, field(talk, "memory", "used_memory_peak"), used));
    ANSWERS(talk, "DEL big", ":1\r\n");
    talk_later(talk, 100);
    cr_expect(lt(i64, field(talk, "memory", "used_memory"), used - 900000));
    talk_free(talk);
}

CASE(info, the_largest_buffers_are_forgotten_after_some_seconds)
{
    struct talk *talk = talk_new(NULL);
    char part[3000];
    uint32_t i;

    memset(part, 'x', sizeof(part));
    worker_input(talk->worker, talk->session, part, sizeof(part));
    cr_expect(eq(str, (char *)talk_collect(talk, talk->session), ""));
    worker_input(talk->worker, talk->session, "\r\n", 2);
    (void)talk_collect(talk, talk->session);
    for (i = 0; i < 7; i++)
        talk_later(talk, 1000);
    cr_expect(ge(i64, field(talk, "clients", "client_recent_max_input_buffer"),
                 3000));
    for (i = 0; i < 2; i++)
        talk_later(talk, 1000);
    cr_expect(
        eq(i64, field(talk, "clients", "client_recent_max_input_buffer"), 0));
    talk_free(talk);
}
