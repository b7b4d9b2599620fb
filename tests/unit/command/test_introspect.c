#include "command/error_stats.h"
#include "command/syntax.h"
#include "unit/command/talk.h"

CASE(introspect, command_info_is_as_redis_has_it)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "COMMAND INFO get",
            "*1\r\n*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n"
            ":1\r\n:1\r\n:1\r\n*3\r\n+@read\r\n+@string\r\n+@fast\r\n*0\r\n"
            "*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n"
            "$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n"
            "$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:1\r\n$9\r\nfind_keys\r\n"
            "*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n*6\r\n"
            "$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n"
            ":0\r\n*0\r\n");
    ANSWERS(talk, "COMMAND INFO nosuch", "*1\r\n$-1\r\n");
    talk_free(talk);
}

CASE(introspect, keys_are_found)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "COMMAND GETKEYS mset a 1 b 2",
            "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    ANSWERS(talk, "COMMAND GETKEYS foo bar",
            "-ERR Invalid command specified\r\n");
    ANSWERS(talk, "COMMAND GETKEYS ping x",
            "-ERR The command has no key arguments\r\n");
    ANSWERS(talk, "COMMAND GETKEYS get a b",
            "-ERR Invalid number of arguments specified for command\r\n");
    ANSWERS(talk, "COMMAND GETKEYSANDFLAGS rename a b",
            "*2\r\n*2\r\n$1\r\na\r\n*3\r\n+RW\r\n+access\r\n+delete\r\n"
            "*2\r\n$1\r\nb\r\n*2\r\n+OW\r\n+update\r\n");
    ANSWERS(talk, "COMMAND GETKEYSANDFLAGS set a b GET",
            "*1\r\n*2\r\n$1\r\na\r\n*3\r\n+RW\r\n+access\r\n+update\r\n");
    talk_free(talk);
}

CASE(introspect, the_list_can_be_filtered)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "COMMAND LIST FILTERBY PATTERN pin?", "*1\r\n$4\r\nping\r\n");
    ANSWERS(talk, "COMMAND LIST FILTERBY ACLCAT nosuch", "*0\r\n");
    ANSWERS(talk, "COMMAND LIST FILTERBY MODULE m", "*0\r\n");
    ANSWERS(talk, "COMMAND LIST FOO", "-ERR syntax error\r\n");
    talk_free(talk);
}

CASE(introspect, every_synopsis_parses)
{
    struct talk *talk = talk_new(NULL);
    struct syntax *syntax = mem_must(sizeof(*syntax));
    uint32_t i;

    for (i = 0; i < cmd_count(); i++) {
        const struct cmd_spec *spec = cmd_at(i);

        if (spec->syntax == NULL || spec->flags & CMD_SUBCOMMANDS) continue;
        syntax_parse(syntax, spec->syntax);
        cr_expect(syntax->is_bad == false, "%s: %s", spec->name, spec->syntax);
        cr_expect(spec->summary != NULL && spec->since != NULL, "%s",
                  spec->name);
    }
    mem_free(syntax);
    talk_free(talk);
}

CASE(syntax, tokens_belong_to_what_follows)
{
    struct syntax *syntax = mem_must(sizeof(*syntax));
    const struct syntax_node *node;

    syntax_parse(syntax, "key [EX seconds | KEEPTTL] [GET]");
    cr_assert(syntax->is_bad == false);
    node = syntax->first;
    cr_expect(node->type == SYNTAX_KEY && !node->is_optional);
    node = node->next;
    cr_expect(node->type == SYNTAX_ONEOF && node->is_optional);
    cr_expect(bytes_equal(node->first->token, BYTES_LIT("EX")));
    cr_expect(node->first->type == SYNTAX_INTEGER);
    cr_expect(node->first->next->type == SYNTAX_TOKEN);
    cr_expect(node->next->type == SYNTAX_TOKEN && node->next->is_optional);
    cr_expect(node->next->next == NULL);
    mem_free(syntax);
}

CASE(syntax, repetition_joins_what_is_repeated)
{
    struct syntax *syntax = mem_must(sizeof(*syntax));

    syntax_parse(syntax, "key value [key value ...]");
    cr_assert(syntax->is_bad == false);
    cr_expect(syntax->first->type == SYNTAX_BLOCK);
    cr_expect(syntax->first->is_multiple && syntax->first->next == NULL);
    cr_expect(eq(str, syntax->first->name, "key_value"));
    syntax_parse(syntax, "[PREFIX prefix [PREFIX prefix ...]]");
    cr_assert(syntax->is_bad == false);
    cr_expect(syntax->first->is_multiple && syntax->first->is_optional);
    cr_expect(syntax->first->is_token_multiple);
    mem_free(syntax);
}

CASE(syntax, nonsense_is_told_apart)
{
    static const char *const bad[] = {
        "[",    "]", "a [b", "[a ...]", "<a | >", "[[[[[[[[[[a]]]]]]]]]]",
        "a > b"};
    struct syntax *syntax = mem_must(sizeof(*syntax));
    size_t i;

    for (i = 0; i < ARRAY_LEN(bad); i++) {
        syntax_parse(syntax, bad[i]);
        cr_expect(syntax->is_bad && syntax->first == NULL, "%s", bad[i]);
    }
    mem_free(syntax);
}

CASE(error_stats, prefixes_are_counted_and_bounded)
{
    struct error_stats *stats = mem_must_zero(sizeof(*stats));
    struct error_stats *sum = mem_must_zero(sizeof(*sum));
    char name[32];
    uint32_t i;

    error_stats_note(stats, BYTES_LIT("-ERR no such key"));
    error_stats_note(stats, BYTES_LIT("ERR"));
    error_stats_note(stats, BYTES_LIT(""));
    cr_expect(eq(u32, atomic_load(&stats->used), 1));
    error_stats_merge(sum, stats);
    error_stats_merge(sum, stats);
    cr_expect(eq(u64, atomic_load(&sum->entries[0].count), 4));
    for (i = 0; i < 300; i++) {
        (void)snprintf(name, sizeof(name), "E%u", i);
        error_stats_note(stats, bytes_str(name));
    }
    cr_expect(eq(u32, atomic_load(&stats->used), ERROR_STATS_MAX));
    error_stats_reset(stats);
    cr_expect(eq(u64, atomic_load(&stats->entries[0].count), 0));
    mem_free(sum);
    mem_free(stats);
}

CASE(introspect, subcommands_are_a_list_and_none_of_them_a_set)
{
    struct talk *talk = talk_new(NULL);

    ANSWER_HAS(talk, "HELLO 3", "%7\r\n");
    ANSWER_HAS(talk, "COMMAND INFO function", "~0\r\n~0\r\n*");
    ANSWER_HAS(talk, "COMMAND INFO ping", "~0\r\n~0\r\n");
    ANSWER_HAS(talk, "COMMAND INFO cluster|keyslot",
               "*10\r\n$15\r\ncluster|keyslot\r\n:3\r\n~1\r\n+stale\r\n:0\r\n"
               ":0\r\n:0\r\n~1\r\n+@slow\r\n~0\r\n~0\r\n~0\r\n");
    talk_free(talk);
}

CASE(introspect, keys_of_an_unknown_subcommand_cannot_be_had)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "COMMAND GETKEYS MEMORY NX k",
            "-ERR Invalid command specified\r\n");
    ANSWERS(talk, "COMMAND GETKEYS MEMORY",
            "-ERR wrong number of arguments for 'command|getkeys' "
            "command\r\n");
    ANSWERS(talk, "COMMAND GETKEYS CONFIG SET a b",
            "-ERR The command has no key arguments\r\n");
    talk_free(talk);
}
