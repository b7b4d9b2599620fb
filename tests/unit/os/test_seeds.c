#include "server/ring_setup.h"
#include "server/seeds.h"

#include "base/err.h"
#include "base/hash.h"
#include "support/case.h"

#include <string.h>

static void
expect_one(const char *word, const char *host, uint16_t port)
{
    char out[MEMBER_ADDRESS_MAX + 1] = "";
    uint16_t out_port = 0;

    cr_assert(seeds_parse_one(word, out, &out_port) == ERR_OK, "%s", word);
    cr_expect(eq(str, out, (char *)host));
    cr_expect(eq(u32, out_port, port));
}

CASE(seeds, hosts_and_ports_are_told_apart)
{
    expect_one("10.0.0.1:7000", "10.0.0.1", 7000);
    expect_one("a.example", "a.example", SEEDS_DEFAULT_PORT);
    expect_one("a.example:65535", "a.example", 65535);
    expect_one("[fe80::1]:1", "fe80::1", 1);
    expect_one("[::1]", "::1", SEEDS_DEFAULT_PORT);
    expect_one("fe80::1:2", "fe80::1:2", SEEDS_DEFAULT_PORT);
}

CASE(seeds, what_is_neither_is_refused)
{
    static const char *const bad[] = {"",        ":1",     "a:",     "a:0",
                                      "a:65536", "a:1x",   "a:-1",   "[::1",
                                      "[]:1",    "[::1]x", "[::1]:", "a:+1"};
    char host[MEMBER_ADDRESS_MAX + 1], big[300];
    uint16_t port;
    size_t i;

    for (i = 0; i < ARRAY_LEN(bad); i++) {
        cr_expect(seeds_parse_one(bad[i], host, &port) == ERR_SYNTAX, "%s",
                  bad[i]);
    }
    memset(big, 'a', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    cr_expect(seeds_parse_one(big, host, &port) == ERR_SYNTAX);
}

CASE(seeds, a_line_has_words_up_to_a_limit)
{
    struct member_config *config = mem_must_zero(sizeof(*config));
    struct buf line = {0};
    char why[256] = "";
    uint32_t i;

    cr_expect(seeds_parse(bytes_str(""), config, why) == ERR_OK);
    cr_expect(eq(u32, config->seed_count, 0));
    cr_expect(seeds_parse(bytes_str(" a:1  b,c:3 "), config, why) == ERR_OK);
    cr_assert(eq(u32, config->seed_count, 3));
    cr_expect(eq(str, config->seeds[1].host, (char *)"b"));
    cr_expect(eq(u32, config->seeds[2].port, 3));
    cr_expect(seeds_parse(bytes_str("a:1 b:x"), config, why) == ERR_SYNTAX);
    cr_expect(strstr(why, "'b:x'") != NULL, "%s", why);
    for (i = 0; i <= MEMBER_SEEDS_MAX; i++)
        buf_must_printf(&line, "h%u ", i);
    cr_expect(seeds_parse(buf_bytes(&line), config, why) == ERR_LIMIT);
    buf_deinit(&line);
    mem_free(config);
}

CASE(seeds, replicas_are_a_number_or_one_for_each_data_centre)
{
    static const char *const bad[] = {"",        "0",       "9",       "x",
                                      "3 2",     "3 dc1:2", "dc1:2 3", ":3",
                                      "a:5 b:4", "a:1x"};
    struct ring_replicas replicas;
    size_t i;

    cr_expect(seeds_parse_replicas(bytes_str("3"), &replicas) == ERR_OK);
    cr_expect(eq(u32, replicas.count, 3));
    cr_expect(eq(u32, replicas.dc_count, 0));
    cr_expect(seeds_parse_replicas(bytes_str("a:3 b:2"), &replicas) == ERR_OK);
    cr_expect(eq(u32, replicas.count, 5));
    cr_assert(eq(u32, replicas.dc_count, 2));
    cr_expect(eq(u64, replicas.dcs[1].dc, hash_plain(bytes_str("b"))));
    cr_expect(eq(u32, replicas.dcs[1].count, 2));
    for (i = 0; i < ARRAY_LEN(bad); i++) {
        cr_expect(seeds_parse_replicas(bytes_str(bad[i]), &replicas) ==
                      ERR_SYNTAX,
                  "%s", bad[i]);
    }
}

CASE(seeds, a_weight_is_that_of_the_scarcer_resource)
{
    const uint64_t gib = UINT64_C(1) << 30;

    cr_expect(ring_setup_weight(4 * gib, 2) == 1.0);
    cr_expect(ring_setup_weight(64 * gib, 2) == 1.0);
    cr_expect(ring_setup_weight(2 * gib, 16) == 0.5);
    cr_expect(ring_setup_weight(gib / 10, 8) == 0.25);
    cr_expect(ring_setup_weight(1024 * gib, 64) == 16.0);
}
