#include "base/err.h"
#include "config/settings.h"
#include "ring/map.h"
#include "support/case.h"

#include <stdio.h>
#include <string.h>

/* One argument, as CONFIG SET sends it. */
static int
set(struct settings *settings, const char *name, const char *text,
    char why[SETTING_WHY_BYTES])
{
    struct bytes arg = bytes_str(text);
    int id = settings_find(bytes_str(name));

    cr_assert(id >= 0, "%s", name);
    return settings_set(settings, (enum setting)id, &arg, 1, why);
}

static void
expect_show(struct settings *settings, enum setting id, const char *text)
{
    struct buf out = {0};

    settings_show(settings, id, &out);
    cr_expect(bytes_equal(buf_bytes(&out), bytes_str(text)),
              "%s is '%.*s', not '%s'", settings_name(id), (int)out.used,
              out.data, text);
    buf_deinit(&out);
}

CASE(values, each_default_shows_as_a_text_that_sets_it_again)
{
    struct settings *settings = settings_new();
    uint32_t i;

    for (i = 0; i < SETTING_COUNT; i++) {
        enum setting id = (enum setting)i;
        struct buf before = {0}, after = {0};
        char why[SETTING_WHY_BYTES];
        struct bytes arg;
        int err;

        cr_expect(settings_is_default(settings, id));
        settings_show(settings, id, &before);
        arg = buf_bytes(&before);
        err = settings_set(settings, id, &arg, 1, why);
        cr_expect(err == ERR_OK, "%s: %s", settings_name(id), why);
        settings_show(settings, id, &after);
        cr_expect(bytes_equal(arg, buf_bytes(&after)), "%s", settings_name(id));
        cr_expect(settings_is_default(settings, id));
        cr_expect(settings_find(bytes_str(settings_name(id))) == (int)id);
        buf_deinit(&before);
        buf_deinit(&after);
    }
    settings_free(settings);
}

CASE(values, what_does_not_work_has_a_reason)
{
    uint32_t i;

    for (i = 0; i < SETTING_COUNT; i++) {
        enum setting id = (enum setting)i;
        bool works = settings_use(id) == USE_WORKS;

        cr_expect(works == (settings_reason(id) == NULL), "%s",
                  settings_name(id));
    }
}

static const struct {
    const char *name, *text, *why;
} BAD[] = {
    {"port", "65536", "argument must be between 0 and 65535 inclusive"},
    {"port", "-1", "argument must be between 0 and 65535 inclusive"},
    {"port", "x", "argument couldn't be parsed into an integer"},
    {"port", "", "argument couldn't be parsed into an integer"},
    {"port", "1 2", "argument couldn't be parsed into an integer"},
    {"port", "007448", "argument couldn't be parsed into an integer"},
    {"timeout", "-1", "argument must be between 0 and 2147483647 inclusive"},
    {"slowlog-log-slower-than", "-2",
     "argument must be between -1 and 9223372036854775807 inclusive"},
    {"maxclients", "0", "argument must be between 1 and 4294967295 inclusive"},
    {"databases", "17", "argument must be between 1 and 16 inclusive"},
    {"protected-mode", "maybe", "argument must be 'yes' or 'no'"},
    {"maxmemory", "1xb", "argument must be a memory value"},
    {"maxmemory", "-1", "argument must be a memory value"},
    {"maxmemory", "99999999999gb", "argument must be a memory value"},
    {"proto-max-bulk-len", "5",
     "argument must be between 1048576 and 9223372036854775807 inclusive"},
    {"maxmemory-clients", "101%",
     "percentage argument must be less or equal to 100"},
    {"maxmemory-clients", "-5%", "argument must be a memory or percent value"},
    {"maxmemory-clients", "%", "argument must be a memory or percent value"},
    {"maxmemory-policy", "foo",
     "argument(s) must be one of the following: volatile-lru, volatile-lfu, "
     "volatile-random, volatile-ttl, allkeys-lru, allkeys-lfu, "
     "allkeys-random, noeviction"},
    {"loglevel", "loud",
     "argument(s) must be one of the following: debug, verbose, notice, "
     "warning"},
    {"supervised", "x",
     "argument(s) must be one of the following: upstart, systemd, auto, no"},
    {"shutdown-on-sigint", "foo",
     "argument(s) must be one of the following: default, save, nosave, now, "
     "force"},
    {"shutdown-on-sigint", "save nosave",
     "shutdown options SAVE and NOSAVE can't be used simultaneously"},
    {"unixsocketperm", "8", "argument couldn't be parsed as an octal number"},
    {"unixsocketperm", "1000", "argument must be between 0 and 777 inclusive"},
    {"save", "60", "Invalid save parameters"},
    {"save", "a b", "Invalid save parameters"},
    {"save", "0 1", "Invalid save parameters"},
    {"oom-score-adj-values", "1 2", "wrong number of arguments"},
    {"oom-score-adj-values", "1 2 8000",
     "Invalid oom-score-adj-values, elements must be between -2000 and 2000."},
    {"client-output-buffer-limit", "normal 1 2",
     "Wrong number of arguments in buffer limit configuration."},
    {"client-output-buffer-limit", "",
     "Wrong number of arguments in buffer limit configuration."},
    {"client-output-buffer-limit", "master 1 2 3",
     "Invalid client class specified in buffer limit configuration."},
    {"client-output-buffer-limit", "normal 1mb 2 x",
     "Error in hard, soft or soft_seconds setting in buffer limit "
     "configuration."},
    {"latency-tracking-info-percentiles", "50 101",
     "latency-tracking-info-percentiles parameters should sit between "
     "[0.0,100.0]"},
    {"latency-tracking-info-percentiles", "50 a",
     "Invalid latency-tracking-info-percentiles parameters"},
    {"notify-keyspace-events", "Q",
     "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."},
    {"proc-title-template", "{foo}",
     "template format is invalid or contains unknown variables"},
    {"proc-title-template", "{title",
     "template format is invalid or contains unknown variables"},
    {"cluster-announce-hostname", "a b",
     "Hostnames may only contain alphanumeric characters, hyphens or dots"},
    {"dbfilename", "a/b", "dbfilename can't be a path, just a filename"},
    {"appendfilename", "", "appendfilename can't be empty"},
    {"appenddirname", "a/b", "appenddirname can't be a path, just a dirname"},
    {"replicaof", "a", "wrong number of arguments"},
    {"bind", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
     "Too many bind addresses specified."},
    {"appendonly", "yes",
     "not supported yet: nothing is written to disk, and a restart begins "
     "empty"},
    {"cluster-enabled", "yes", "not supported yet"},
    {"tls-port", "6380", "not supported yet"},
    {"notify-keyspace-events", "KEA", "not supported yet"},
    {"ring-name", "", "'' is not a name"},
    {"ring-name", "a b",
     "'a b' may only hold letters, digits, '-', '_' and '.'"},
    {"rack",
     "12345678901234567890123456789012345678901234567890123456789012345",
     "'12345678901234567890123456789012345678901234567890123456789012345' is "
     "longer than 64 characters"},
    {"datacenter", "dc:1",
     "'dc:1' may only hold letters, digits, '-', '_' and '.'"},
    {"ring-seeds", "host", "'host' is not host:port"},
    {"ring-seeds", "host:", "'host:' is not host:port"},
    {"ring-seeds", ":1", "':1' is not host:port"},
    {"ring-seeds", "[]:1", "'[]:1' is not host:port"},
    {"ring-seeds", "a:1 b:x", "'b:x' is not host:port"},
    {"ring-seeds", "a:0", "'a:0' has a port that is not between 1 and 65535"},
    {"ring-seeds", "a:65536",
     "'a:65536' has a port that is not between 1 and 65535"},
    {"ring-seeds", "::1:7000",
     "'::1:7000' has more than one colon: write [address]:port"},
    {"ring-seeds", "a/b:7000", "'a/b' is not a host name or an IP address"},
    {"bus-port", "65536", "argument must be between 0 and 65535 inclusive"},
    {"announce-address", "*", "'*' is not a host name or an IP address"},
    {"cluster-announce-ip", "a b", "'a b' is not a host name or an IP address"},
    {"ring-weight", "x", "'x' is not a decimal number"},
    {"ring-weight", "-1", "'-1' must be 0, or between 0.01 and 1000"},
    {"ring-weight", "0.001", "'0.001' must be 0, or between 0.01 and 1000"},
    {"ring-weight", "inf", "'inf' must be 0, or between 0.01 and 1000"},
    {"vnodes", "0", "argument must be between 1 and 4096 inclusive"},
    {"replicas", "", "'' is not a number of copies"},
    {"replicas", "x", "'x' is not a number of copies"},
    {"replicas", "0", "'0' must be at least 1, and 8 in all"},
    {"replicas", "9", "'9' must be at least 1, and 8 in all"},
    {"replicas", "a:5 b:4", "'b:4' must be at least 1, and 8 in all"},
    {"replicas", "3 2", "'3' is not datacenter:copies"},
    {"replicas", "a:1 a:2", "'a:2' names a data center twice"},
    {"replicas", ":2", "'' is not a name"},
    {"read-quorum", "0", "argument must be between 1 and 8 inclusive"},
    {"write-quorum", "9", "argument must be between 1 and 8 inclusive"},
    {"quorum-mode", "strikt",
     "argument(s) must be one of the following: sloppy, strict"},
    {"quorum-timeout-ms", "0",
     "argument must be between 10 and 60000 inclusive"},
    {"node-timeout-ms", "99",
     "argument must be between 100 and 600000 inclusive"},
    {"hints-max-bytes", "10%", "argument must be a memory value"},
    {"forget-after", "1d", "argument couldn't be parsed into an integer"},
    {"background-budget", "0", "argument must be between 1 and 100 inclusive"},
    {"background-budget", "101",
     "argument must be between 1 and 100 inclusive"},
    {"clock-skew-max-ms", "0",
     "argument must be between 1 and 60000 inclusive"},
    {"conflict-policy", "first",
     "argument(s) must be one of the following: lww, siblings"},
    {"scope", "each", "not supported yet"},
    {"exec-spanning", "no",
     "argument(s) must be one of the following: run, refuse"},
    {"pipeline-order", "no",
     "argument(s) must be one of the following: loose, strict"},
};

CASE(values, bad_ones_are_refused_in_redis_words_and_change_nothing)
{
    struct settings *settings = settings_new();
    uint32_t i;

    for (i = 0; i < ARRAY_LEN(BAD); i++) {
        char why[SETTING_WHY_BYTES];
        int id = settings_find(bytes_str(BAD[i].name));
        int err = set(settings, BAD[i].name, BAD[i].text, why);

        cr_expect(err != ERR_OK, "%s %s", BAD[i].name, BAD[i].text);
        cr_expect(strcmp(why, BAD[i].why) == 0, "%s %s: '%s'", BAD[i].name,
                  BAD[i].text, why);
        cr_expect(settings_is_default(settings, (enum setting)id));
        cr_expect(false == settings_is_set(settings, (enum setting)id));
    }
    settings_free(settings);
}

static const struct {
    const char *name, *text, *shown;
} GOOD[] = {
    {"port", "0", "0"},
    {"PORT", "7000", "7000"},
    {"maxmemory", "100mb", "104857600"},
    {"maxmemory", "1GB", "1073741824"},
    {"maxmemory", "100k", "100000"},
    {"maxmemory", "", "0"},
    {"maxmemory", "0", "0"},
    {"protected-mode", "NO", "no"},
    {"maxmemory-policy", "AllKeys-LRU", "allkeys-lru"},
    {"loglevel", "nothing", "nothing"},
    {"unixsocketperm", "700", "700"},
    {"save", "60 100  3600 1", "60 100 3600 1"},
    {"save", "", ""},
    {"bind", "127.0.0.1   -::1", "127.0.0.1 -::1"},
    {"bind", "", ""},
    {"hz", "0", "1"},
    {"hz", "1000", "500"},
    {"shutdown-on-sigint", "now nosave", "nosave now"},
    {"shutdown-on-sigint", "default", "default"},
    {"client-output-buffer-limit", "replica 1mb 2kb 5",
     "normal 67108864 0 0 slave 1048576 2048 5 pubsub 33554432 8388608 60"},
    {"latency-tracking-info-percentiles", "50 99.95 100", "50 99.95 100"},
    {"latency-tracking-info-percentiles", "", ""},
    {"slave-priority", "5", "5"},
    {"lua-time-limit", "7", "7"},
    {"replicaof", "no one", ""},
    {"masterauth", "", ""},
    {"appendonly", "no", "no"},
    {"requirepass", "a b\"c", "a b\"c"},
    {"ring-name", "shop-1.eu_x", "shop-1.eu_x"},
    {"rack", "", ""},
    {"ring-seeds", "a:1  10.0.0.2:17000 [fe80::1%eth0]:2",
     "a:1 10.0.0.2:17000 [fe80::1%eth0]:2"},
    {"ring-secret", "two words", "two words"},
    {"bus-bind", "127.0.0.1  -::1", "127.0.0.1 -::1"},
    {"cluster-port", "17000", "17000"},
    {"announce-address", "::1", "::1"},
    {"cluster-announce-ip", "10.1.2.3", "10.1.2.3"},
    {"ring-weight", "2.50", "2.50"},
    {"ring-weight", "1000", "1000"},
    {"ring-weight", "0", "0"},
    {"replicas", "8", "8"},
    {"replicas", "dc1:3   dc2:2", "dc1:3 dc2:2"},
    {"cluster-node-timeout", "15000", "15000"},
    {"hints-max-bytes", "64mb", "67108864"},
    {"quorum-mode", "STRICT", "strict"},
    {"exec-spanning", "refuse", "refuse"},
    {"pipeline-order", "strict", "strict"},
    {"conflict-policy", "lww", "lww"},
    {"conflict-policy", "siblings", "siblings"},
    {"scope", "local", "local"},
};

CASE(values, good_ones_show_as_redis_shows_them)
{
    struct settings *settings = settings_new();
    uint32_t i;

    for (i = 0; i < ARRAY_LEN(GOOD); i++) {
        char why[SETTING_WHY_BYTES];
        int id = settings_find(bytes_str(GOOD[i].name));
        int err = set(settings, GOOD[i].name, GOOD[i].text, why);

        cr_expect(err == ERR_OK, "%s %s: %s", GOOD[i].name, GOOD[i].text, why);
        expect_show(settings, (enum setting)id, GOOD[i].shown);
    }
    settings_free(settings);
}

CASE(values, a_zero_byte_is_refused)
{
    struct settings *settings = settings_new();
    struct bytes arg = bytes_of("a\0b", 3);
    char why[SETTING_WHY_BYTES];

    cr_expect(eq(int, settings_set(settings, SETTING_REQUIREPASS, &arg, 1, why),
                 ERR_SYNTAX));
    settings_free(settings);
}

CASE(values, a_wrong_number_of_words_is_refused)
{
    struct settings *settings = settings_new();
    struct bytes args[2] = {BYTES_LIT("1"), BYTES_LIT("2")};
    char why[SETTING_WHY_BYTES];

    cr_expect(settings_set(settings, SETTING_PORT, args, 2, why) != ERR_OK);
    cr_expect(eq(str, why, (char *)"wrong number of arguments"));
    cr_expect(settings_set(settings, SETTING_PORT, args, 0, why) != ERR_OK);
    cr_expect(eq(str, why, (char *)"wrong number of arguments"));
    cr_expect(settings_set(settings, SETTING_SAVE, args, 0, why) != ERR_OK);
    settings_free(settings);
}

CASE(values, frozen_settings_refuse_the_immutable)
{
    struct settings *settings = settings_new();
    char why[SETTING_WHY_BYTES];

    cr_expect(eq(int, set(settings, "io-threads", "2", why), ERR_OK));
    settings_freeze(settings);
    cr_expect(eq(int, set(settings, "io-threads", "3", why), ERR_STATE));
    cr_expect(eq(str, why, (char *)"can't set immutable config"));
    cr_expect(eq(i64, settings_int(settings, SETTING_IO_THREADS), 2));
    cr_expect(eq(int, set(settings, "timeout", "3", why), ERR_OK));
    settings_free(settings);
}

CASE(values, a_backup_undoes_what_was_set)
{
    static const enum setting ids[] = {SETTING_MAXMEMORY, SETTING_REQUIREPASS,
                                       SETTING_CLIENT_OUTPUT_BUFFER_LIMIT};
    struct settings *settings = settings_new();
    struct settings_backup *backup;
    char why[SETTING_WHY_BYTES];

    cr_expect(eq(int, set(settings, "requirepass", "old", why), ERR_OK));
    backup = settings_backup(settings, ids, ARRAY_LEN(ids));
    cr_expect(eq(int, set(settings, "maxmemory", "1mb", why), ERR_OK));
    cr_expect(eq(int, set(settings, "requirepass", "new", why), ERR_OK));
    cr_expect(eq(
        int, set(settings, "client-output-buffer-limit", "normal 1 2 3", why),
        ERR_OK));
    settings_restore(settings, backup);
    settings_forget(backup);
    cr_expect(settings_is_default(settings, SETTING_MAXMEMORY));
    cr_expect(false == settings_is_set(settings, SETTING_MAXMEMORY));
    expect_show(settings, SETTING_REQUIREPASS, "old");
    cr_expect(
        settings_is_default(settings, SETTING_CLIENT_OUTPUT_BUFFER_LIMIT));
    settings_free(settings);
}

CASE(values, a_password_is_compared_as_a_whole)
{
    struct settings *settings = settings_new();
    char why[SETTING_WHY_BYTES];

    cr_expect(settings_text_is(settings, SETTING_REQUIREPASS, bytes_str("")));
    cr_expect(false ==
              settings_text_is(settings, SETTING_REQUIREPASS, bytes_str("x")));
    cr_expect(eq(int, set(settings, "requirepass", "secret", why), ERR_OK));
    cr_expect(
        settings_text_is(settings, SETTING_REQUIREPASS, bytes_str("secret")));
    cr_expect(false == settings_text_is(settings, SETTING_REQUIREPASS,
                                        bytes_str("secre")));
    cr_expect(false == settings_text_is(settings, SETTING_REQUIREPASS,
                                        bytes_str("secretsecret")));
    cr_expect(false ==
              settings_text_is(settings, SETTING_REQUIREPASS, bytes_str("")));
    settings_free(settings);
}

CASE(values, output_limits_and_percentiles_are_read_as_numbers)
{
    struct settings *settings = settings_new();
    struct output_limit limit = settings_output_limit(settings, OUTPUT_PUBSUB);
    double percentiles[8];

    cr_expect(eq(i64, limit.hard_bytes, 32 * 1024 * 1024));
    cr_expect(eq(i64, limit.soft_bytes, 8 * 1024 * 1024));
    cr_expect(eq(i64, limit.soft_s, 60));
    cr_expect(eq(u32, settings_percentiles(settings, percentiles, 8), 3));
    cr_expect(ieee_ulp_eq(dbl, percentiles[2], 99.9, 4));
    cr_expect(eq(u32, settings_percentiles(settings, percentiles, 2), 2));
    settings_free(settings);
}

CASE(values, newer_names_are_listed_once_set_and_by_exact_name)
{
    struct settings *settings = settings_new();
    char why[SETTING_WHY_BYTES];
    enum setting id = SETTING_SET_MAX_LISTPACK_ENTRIES;

    cr_expect(settings_is_listed(settings, SETTING_PORT, false));
    cr_expect(false == settings_is_listed(settings, id, true));
    cr_expect(
        eq(int, set(settings, "set-max-listpack-entries", "9", why), ERR_OK));
    cr_expect(settings_is_listed(settings, id, true));
    cr_expect(false == settings_is_listed(settings, id, false));
    settings_free(settings);
}

CASE(values, redis_names_of_ring_directives_are_synonyms)
{
    cr_expect(
        eq(int, settings_find(bytes_str("cluster-port")), SETTING_BUS_PORT));
    cr_expect(eq(int, settings_find(bytes_str("cluster-node-timeout")),
                 SETTING_NODE_TIMEOUT_MS));
    cr_expect(eq(int, settings_find(bytes_str("cluster-announce-ip")),
                 SETTING_ANNOUNCE_ADDRESS));
    cr_expect(eq(str, (char *)settings_alias(SETTING_BUS_PORT),
                 (char *)"cluster-port"));
}

CASE(values, what_a_ring_was_started_with_stays)
{
    static const enum setting changeable[] = {
        SETTING_READ_QUORUM,       SETTING_WRITE_QUORUM,
        SETTING_QUORUM_MODE,       SETTING_QUORUM_TIMEOUT_MS,
        SETTING_HINTS_MAX_BYTES,   SETTING_EXEC_SPANNING,
        SETTING_PIPELINE_ORDER,    SETTING_NODE_TIMEOUT_MS,
        SETTING_BACKGROUND_BUDGET, SETTING_CONFLICT_POLICY};
    static const enum setting fixed[] = {
        SETTING_RING_NAME,         SETTING_RING_SEEDS, SETTING_RING_SECRET,
        SETTING_RING_SECRET_FILE,  SETTING_BUS_PORT,   SETTING_BUS_BIND,
        SETTING_ANNOUNCE_ADDRESS,  SETTING_RACK,       SETTING_DATACENTER,
        SETTING_RING_WEIGHT,       SETTING_VNODES,     SETTING_REPLICAS,
        SETTING_CLOCK_SKEW_MAX_MS, SETTING_SCOPE};
    struct settings *settings = settings_new();
    uint32_t i;

    for (i = 0; i < ARRAY_LEN(changeable); i++)
        cr_expect(not(settings_is_immutable(changeable[i])), "%s",
                  settings_name(changeable[i]));
    for (i = 0; i < ARRAY_LEN(fixed); i++)
        cr_expect(settings_is_immutable(fixed[i]), "%s",
                  settings_name(fixed[i]));
    for (i = 0; i < ARRAY_LEN(changeable); i++)
        cr_expect(settings_is_listed(settings, changeable[i], false));
    for (i = 0; i < ARRAY_LEN(fixed); i++)
        cr_expect(settings_is_listed(settings, fixed[i], false));
    settings_free(settings);
}

CASE(values, a_weight_is_read_as_a_decimal)
{
    struct settings *settings = settings_new();
    char why[SETTING_WHY_BYTES];

    cr_expect(ieee_ulp_eq(dbl, settings_decimal(settings, SETTING_RING_WEIGHT),
                          0, 1));
    cr_expect(eq(int, set(settings, "ring-weight", "2.5", why), ERR_OK));
    cr_expect(ieee_ulp_eq(dbl, settings_decimal(settings, SETTING_RING_WEIGHT),
                          2.5, 1));
    settings_free(settings);
}

CASE(values, seeds_add_up_until_there_are_too_many)
{
    struct settings *settings = settings_new();
    char why[SETTING_WHY_BYTES];
    struct buf all = {0};
    uint32_t i;

    for (i = 1; i <= 64; i++) {
        char seed[32];

        (void)snprintf(seed, sizeof(seed), "host:%u", i);
        buf_must_printf(&all, "%s%s", i > 1 ? " " : "", seed);
        cr_expect(eq(int, set(settings, "ring-seeds", seed, why), ERR_OK));
    }
    buf_must_add(&all, "", 1);
    expect_show(settings, SETTING_RING_SEEDS, all.data);
    cr_expect(eq(int, set(settings, "ring-seeds", "host:65", why), ERR_RANGE));
    cr_expect(eq(str, why, (char *)"too many in all: at most 64"));
    expect_show(settings, SETTING_RING_SEEDS, all.data);
    cr_expect(eq(int, set(settings, "ring-seeds", "", why), ERR_OK));
    expect_show(settings, SETTING_RING_SEEDS, "");
    cr_expect(eq(int, set(settings, "ring-seeds", "a:1 b:2", why), ERR_OK));
    expect_show(settings, SETTING_RING_SEEDS, "a:1 b:2");
    buf_deinit(&all);
    settings_free(settings);
}

/* Two readings of one syntax: config/ comes before ring/ and can't ask it. */
CASE(values, replicas_are_refused_and_accepted_as_the_ring_reads_them)
{
    static const char *const texts[] = {"1",
                                        "8",
                                        "9",
                                        "0",
                                        "-1",
                                        "03",
                                        "3 2",
                                        "x",
                                        "",
                                        "a:1",
                                        "a:1 b:7",
                                        "a:1 b:8",
                                        "a:1 a:1",
                                        "a:0 b:1",
                                        "a: b:1",
                                        ":1",
                                        "a:1 3",
                                        "3 a:1",
                                        "a:b:1",
                                        "a:+1",
                                        "a:1 b:1 c:1 d:1 e:1 f:1 g:1 h:1",
                                        "99999999999999999999"};
    uint32_t i;

    for (i = 0; i < ARRAY_LEN(texts); i++) {
        struct settings *settings = settings_new();
        struct ring_replicas replicas;
        char why[SETTING_WHY_BYTES];
        int ours = set(settings, "replicas", texts[i], why);

        cr_expect(
            eq(int, ours, ring_replicas_parse(bytes_str(texts[i]), &replicas)),
            "'%s'", texts[i]);
        settings_free(settings);
    }
}
