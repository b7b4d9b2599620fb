#include "command/info.h"
#include "unit/command/talk.h"

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
    cr_expect(strstr(talk_ask(talk, "INFO all"), "# Modules") == NULL);
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
