#include "unit/command/talk.h"

static void
with_debug(struct talk *talk)
{
    talk_set(talk, "enable-debug-command", "yes");
}

CASE(server, small_facts)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "TIME", "*2\r\n$10\r\n1795269600\r\n$1\r\n0\r\n");
    ANSWERS(talk, "LASTSAVE", ":1795269600\r\n");
    ANSWERS(talk, "ROLE", "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n");
    ANSWERS(talk, "ACL WHOAMI", "$7\r\ndefault\r\n");
    ANSWERS(talk, "FUNCTION FLUSH", "+OK\r\n");
    ANSWERS(talk, "WAIT 1 0", ":0\r\n");
    talk_free(talk);
}

CASE(server, cluster_commands_are_checked_and_refused)
{
    static const char off[] =
        "-ERR This instance has cluster support disabled\r\n";
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "CLUSTER SLOTS", off);
    ANSWERS(talk, "READONLY", off);
    ANSWERS(talk, "ASKING", off);
    ANSWERS(talk, "CLUSTER SLOTS x",
            "-ERR wrong number of arguments for 'cluster|slots' command\r\n");
    ANSWERS(talk, "CLUSTER FOO",
            "-ERR unknown subcommand 'FOO'. Try CLUSTER HELP.\r\n");
    ANSWERS(talk, "CLUSTER",
            "-ERR wrong number of arguments for 'cluster' command\r\n");
    ANSWERS(talk, "CLUSTER HELP", off);
    talk_free(talk);
}

CASE(server, a_transaction_checks_cluster_commands_too)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "MULTI", "+OK\r\n");
    ANSWERS(talk, "CLUSTER INFO", "+QUEUED\r\n");
    ANSWERS(talk, "CLUSTER KEYSLOT",
            "-ERR wrong number of arguments for 'cluster|keyslot' "
            "command\r\n");
    ANSWERS(talk, "CLUSTER FOO",
            "-ERR unknown subcommand 'FOO'. Try CLUSTER HELP.\r\n");
    ANSWER_HAS(talk, "EXEC", "-EXECABORT ");
    talk_free(talk);
}

CASE(server, shutdown_asks_the_host_and_says_nothing)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "SHUTDOWN ABORT", "-ERR No shutdown in progress.\r\n");
    ANSWERS(talk, "SHUTDOWN NOSAVE SAVE", "-ERR syntax error\r\n");
    cr_expect(eq(u32, talk->shutdowns, 0));
    ANSWERS(talk, "SHUTDOWN NOSAVE", "");
    cr_expect(eq(u32, talk->shutdowns, 1));
    talk_free(talk);
}

CASE(server, debug_is_closed_unless_opened)
{
    struct talk *closed = talk_new(NULL), *open = talk_new(with_debug);

    ANSWER_HAS(closed, "DEBUG OBJECT k", "-ERR DEBUG command not allowed.");
    ANSWERS(open, "DEBUG OBJECT k", "-ERR no such key\r\n");
    ANSWERS(open, "SET k 12", "+OK\r\n");
    ANSWER_HAS(open, "DEBUG OBJECT k", " encoding:int serializedlength:");
    ANSWERS(open, "DEBUG PROTOCOL double", "$5\r\n3.141\r\n");
    ANSWERS(open, "DEBUG ERROR \"FOO bar\"", "-FOO bar\r\n");
    talk_free(open);
    talk_free(closed);
}

CASE(server, config_set_is_all_or_nothing)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "CONFIG SET timeout 7 hz abc",
            "-ERR CONFIG SET failed (possibly related to argument 'hz') - "
            "argument couldn't be parsed into an integer\r\n");
    ANSWERS(talk, "CONFIG GET timeout", "*2\r\n$7\r\ntimeout\r\n$1\r\n0\r\n");
    ANSWERS(talk, "CONFIG SET timeout 7 timeout 8",
            "-ERR CONFIG SET failed (possibly related to argument 'timeout') "
            "- duplicate parameter\r\n");
    ANSWERS(talk, "CONFIG SET foo bar",
            "-ERR Unknown option or number of arguments for CONFIG SET - "
            "'foo'\r\n");
    ANSWERS(talk, "CONFIG SET timeout 7 a", "-ERR syntax error\r\n");
    ANSWERS(talk, "CONFIG SET enable-debug-command yes",
            "-ERR CONFIG SET failed (possibly related to argument "
            "'enable-debug-command') - can't set immutable config\r\n");
    cr_expect(eq(u32, talk->changes, 0));
    ANSWERS(talk, "CONFIG SET timeout 7", "+OK\r\n");
    cr_expect(eq(u32, talk->changes, 1));
    ANSWERS(talk, "CONFIG GET TIMEout", "*2\r\n$7\r\nTIMEout\r\n$1\r\n7\r\n");
    ANSWERS(talk, "CONFIG GET nothing", "*0\r\n");
    ANSWERS(talk, "CONFIG GET timeout timeo*",
            "*2\r\n$7\r\ntimeout\r\n$1\r\n7\r\n");
    talk_free(talk);
}

CASE(server, config_rewrite_passes_the_hosts_error_on)
{
    struct talk *talk = talk_new(NULL);

    talk->rewrite_error = "The server is running without a config file";
    ANSWERS(talk, "CONFIG REWRITE",
            "-ERR The server is running without a config file\r\n");
    talk->rewrite_error = NULL;
    ANSWERS(talk, "CONFIG REWRITE", "+OK\r\n");
    talk_free(talk);
}

CASE(server, memory_usage_needs_a_key)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "MEMORY USAGE k", "$-1\r\n");
    ANSWERS(talk, "SET k v", "+OK\r\n");
    cr_expect(talk_ask(talk, "MEMORY USAGE k")[0] == ':');
    ANSWERS(talk, "MEMORY USAGE k SAMPLES -1", "-ERR syntax error\r\n");
    ANSWER_HAS(talk, "MEMORY STATS", "$15\r\ntotal.allocated\r\n:");
    talk_free(talk);
}

CASE(server, help_lists_the_subcommands)
{
    struct talk *talk = talk_new(NULL);

    ANSWER_HAS(talk, "CONFIG HELP",
               "*11\r\n+CONFIG <subcommand> [<arg> [value] [opt] ...]. "
               "Subcommands are:\r\n+GET parameter [parameter ...]\r\n");
    talk_free(talk);
}

CASE(server, config_set_names_a_setting_as_redis_does)
{
    struct talk *talk = talk_new(NULL);

    ANSWER_HAS(talk, "CONFIG SET mAXMeMoRY-POLIcY x",
               "(possibly related to argument 'maxmemory-policy') - arg");
    ANSWER_HAS(talk, "CONFIG SET slave-Priority x",
               "(possibly related to argument 'slave-priority') - arg");
    ANSWER_HAS(talk, "CONFIG SET LOGFILE x",
               "(possibly related to argument 'LOGFILE') - can't set imm");
    ANSWER_HAS(talk, "CONFIG SET TIMEOUT 1 Timeout 2",
               "(possibly related to argument 'Timeout') - duplicate");
    ANSWERS(talk, "CONFIG SET slave-priority 1 replica-priority 2", "+OK\r\n");
    ANSWERS(talk, "CONFIG GET replica-priority",
            "*2\r\n$16\r\nreplica-priority\r\n$1\r\n2\r\n");
    talk_free(talk);
}

CASE(server, what_only_the_next_start_would_read_is_immutable)
{
    static const char *const names[] = {"port",       "bind",
                                        "unixsocket", "logfile",
                                        "io-threads", "crash-log-enabled"};
    struct talk *talk = talk_new(NULL);
    char line[64], wanted[128];
    size_t i;

    for (i = 0; i < ARRAY_LEN(names); i++) {
        (void)snprintf(line, sizeof(line), "CONFIG SET %s 1", names[i]);
        (void)snprintf(wanted, sizeof(wanted),
                       "-ERR CONFIG SET failed (possibly related to argument "
                       "'%s') - can't set immutable config\r\n",
                       names[i]);
        ANSWERS(talk, line, wanted);
    }
    talk_free(talk);
}

CASE(server, maxmemory_can_be_emptied_and_the_host_is_told)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "CONFIG SET maxmemory 100mb", "+OK\r\n");
    ANSWERS(talk, "CONFIG SET maxmemory \"\"", "+OK\r\n");
    ANSWERS(talk, "CONFIG GET maxmemory",
            "*2\r\n$9\r\nmaxmemory\r\n$1\r\n0\r\n");
    ANSWERS(talk, "CONFIG SET maxmemory 0 maxmemory-policy allkeys-lru",
            "+OK\r\n");
    cr_expect(eq(u32, talk->changes, 4));
    talk_free(talk);
}

CASE(server, config_get_takes_so_many_names_and_no_more)
{
    struct talk *talk = talk_new(NULL);
    char line[4096];
    size_t used = 0, i;

    used += (size_t)snprintf(line, sizeof(line), "CONFIG GET");
    for (i = 0; i < 512; i++)
        used += (size_t)snprintf(line + used, sizeof(line) - used, " port");
    ANSWERS(talk, line, "*2\r\n$4\r\nport\r\n$4\r\n6379\r\n");
    (void)snprintf(line + used, sizeof(line) - used, " port");
    ANSWERS(talk, line, "-ERR too many parameters at once\r\n");
    talk_free(talk);
}
