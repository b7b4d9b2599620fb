#include "unit/session/talk.h"

CASE(command, names_are_found_in_any_case)
{
    struct bytes args[2] = {BYTES_LIT("gEt"), BYTES_LIT("k")};

    cmd_table_init();
    cr_expect(eq(str, (char *)cmd_find(args, 2)->name, "get"));
    args[0] = BYTES_LIT("INCRBYFLOAT");
    cr_expect(eq(str, (char *)cmd_find(args, 2)->name, "incrbyfloat"));
    args[0] = BYTES_LIT("ge");
    cr_expect(cmd_find(args, 2) == NULL);
    args[0] = BYTES_LIT("gets");
    cr_expect(cmd_find(args, 2) == NULL);
    args[0] = bytes_of("", 0);
    cr_expect(cmd_find(args, 2) == NULL);
}

CASE(command, every_row_is_found_by_its_own_name)
{
    uint32_t i;

    cmd_table_init();
    for (i = 0; i < cmd_count(); i++) {
        const struct cmd_spec *spec = cmd_at(i);
        bool is_sub = strchr(spec->name, '|') != NULL;

        cr_expect(cmd_find_name(bytes_str(spec->name)) == spec, "%s",
                  spec->name);
        cr_expect(eq(u32, spec->index, i));
        cr_expect(is_sub == (spec->parent != NULL), "%s", spec->name);
        cr_expect(spec->run != NULL, "%s", spec->name);
        cr_expect(spec->args_min >= 1, "%s", spec->name);
        cr_expect(spec->key_first == 0 || spec->key_step > 0, "%s", spec->name);
    }
}

CASE(command, containers_lead_to_their_subcommands)
{
    struct bytes args[2] = {BYTES_LIT("Client"), BYTES_LIT("LIST")};

    cmd_table_init();
    cr_expect(eq(str, (char *)cmd_find(args, 2)->name, "client|list"));
    cr_expect(eq(str, (char *)cmd_find(args, 1)->name, "client"));
    args[1] = BYTES_LIT("nope");
    cr_expect(eq(str, (char *)cmd_find(args, 2)->name, "client"));
    cr_expect(cmd_find_name(BYTES_LIT("client|nope")) == NULL);
    cr_expect(cmd_find_name(BYTES_LIT("list")) == NULL);
}

CASE(command, keys_are_told_apart_from_other_arguments)
{
    struct bytes args[5] = {BYTES_LIT("mset"), BYTES_LIT("a"), BYTES_LIT("1"),
                            BYTES_LIT("b"), BYTES_LIT("2")};
    uint32_t at[5];

    cmd_table_init();
    cr_expect(eq(i32, cmd_keys(cmd_find(args, 5), args, 5, at), 2));
    cr_expect(at[0] == 1 && at[1] == 3);
    args[0] = BYTES_LIT("del");
    cr_expect(eq(i32, cmd_keys(cmd_find(args, 5), args, 5, at), 4));
    args[0] = BYTES_LIT("ping");
    cr_expect(eq(i32, cmd_keys(cmd_find(args, 5), args, 5, at), 0));
}

CASE(command, errors_have_the_texts_that_clients_know)
{
    struct talk talk;
    struct talk_peer *peer;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    SAYS(
        peer, "foo a 'b c'\r\n",
        "-ERR unknown command 'foo', with args beginning with: 'a' 'b c' \r\n");
    SAYS(peer, "foo \"a\\r\\nb\"\r\n",
         "-ERR unknown command 'foo', with args beginning with: 'a  b' \r\n");
    SAYS(peer, "client nope x\r\n",
         "-ERR unknown subcommand 'nope'. Try CLIENT HELP.\r\n");
    SAYS(peer, "client\r\n",
         "-ERR wrong number of arguments for 'client' command\r\n");
    SAYS(peer, "client id 1\r\n",
         "-ERR wrong number of arguments for 'client|id' command\r\n");
    SAYS(peer, "get\r\n",
         "-ERR wrong number of arguments for 'get' command\r\n");
    SAYS(peer, "get a b\r\n",
         "-ERR wrong number of arguments for 'get' command\r\n");
    talk_end(&talk);
}

CASE(command, without_memory_writes_are_refused)
{
    struct talk talk;
    struct talk_peer *peer;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    SAYS(peer, "SET a 1\r\nSET stays 1\r\n", "+OK\r\n+OK\r\n");
    store_limit(node_shared(talk.node)->store, 1, POLICY_NOEVICTION);
    SAYS(peer, "SET a 2\r\nGET a\r\nDEL a\r\n",
         "-OOM command not allowed when used memory > 'maxmemory'.\r\n"
         "$1\r\n1\r\n:1\r\n");
    SAYS(peer, "MULTI\r\nGET a\r\nEXEC\r\n",
         "+OK\r\n-OOM command not allowed when used memory > 'maxmemory'.\r\n"
         "-EXECABORT Transaction discarded because of previous errors.\r\n");
    store_limit(node_shared(talk.node)->store, 0, POLICY_NOEVICTION);
    SAYS(peer, "MULTI\r\nSET a 3\r\n", "+OK\r\n+QUEUED\r\n");
    store_limit(node_shared(talk.node)->store, 1, POLICY_NOEVICTION);
    SAYS(peer, "EXEC\r\nEXEC\r\n",
         "-EXECABORT Transaction discarded because of: OOM command not allowed "
         "when used memory > 'maxmemory'.\r\n-ERR EXEC without MULTI\r\n");
    talk_end(&talk);
}

CASE(command, commands_are_counted)
{
    struct talk talk;
    struct talk_peer *peer;
    struct cmd_env *env;
    const struct cmd_stats *get, *incr;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    env = peer->worker->env;
    get = &env->stats[cmd_find_name(BYTES_LIT("get"))->index];
    incr = &env->stats[cmd_find_name(BYTES_LIT("incr"))->index];
    SAYS(peer, "SET a x\r\nGET a\r\nGET b\r\nGET\r\nINCR a\r\nNOPE\r\n",
         "+OK\r\n$1\r\nx\r\n$-1\r\n"
         "-ERR wrong number of arguments for 'get' command\r\n"
         "-ERR value is not an integer or out of range\r\n"
         "-ERR unknown command 'NOPE', with args beginning with: \r\n");
    cr_expect(eq(u64, atomic_load(&get->calls), 2));
    cr_expect(eq(u64, atomic_load(&get->rejected), 1));
    cr_expect(eq(u64, atomic_load(&incr->calls), 1));
    cr_expect(eq(u64, atomic_load(&incr->failed), 1));
    cr_expect(eq(u64, histogram_total(get->latency), 2));
    cr_expect(eq(u64, metric_get(&env->metrics.commands_processed), 4));
    cr_expect(eq(u64, metric_get(&env->metrics.keyspace_hits), 1));
    cr_expect(eq(u64, metric_get(&env->metrics.keyspace_misses), 1));
    cr_expect(eq(u64, metric_get(&env->metrics.error_replies), 3));
    cr_expect(eq(str, env->errors.entries[0].prefix, "ERR"));
    cr_expect(eq(u64, atomic_load(&env->errors.entries[0].count), 3));
    talk_end(&talk);
}

CASE(command, many_keys_take_each_lock_once)
{
    struct talk talk;
    struct talk_peer *peer;
    struct buf text = {0};
    uint32_t i;

    talk_start(&talk, 2); /* with real locks: a second take would hang */
    peer = talk_open(&talk, 0);
    SAYS(peer, "MSET a 1 {a} 2 b 3 a 4 {a}x 5 b 6\r\n", "+OK\r\n");
    SAYS(peer, "MGET a a b {a}x\r\n",
         "*4\r\n$1\r\n4\r\n$1\r\n4\r\n$1\r\n6\r\n$1\r\n5\r\n");
    buf_must_printf(&text, "DEL");
    for (i = 0; i < 500; i++)
        buf_must_printf(&text, " k%u", i % 300);
    buf_must_printf(&text, " a\r\n");
    buf_must_add(&text, "", 1);
    SAYS(peer, text.data, ":1\r\n");
    SAYS(peer, "EXISTS a b {a}x\r\n", ":2\r\n");
    buf_deinit(&text);
    talk_end(&talk);
}
