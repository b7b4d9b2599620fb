#include "unit/command/talk.h"

static void
with_password(struct talk *talk)
{
    talk_set(talk, "requirepass", "sesame");
}

CASE(connection, ping_and_echo_give_back_what_they_got)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "PING", "+PONG\r\n");
    ANSWERS(talk, "ping hello", "$5\r\nhello\r\n");
    ANSWERS(talk, "PING a b",
            "-ERR wrong number of arguments for 'ping' command\r\n");
    ANSWERS(talk, "ECHO hi", "$2\r\nhi\r\n");
    talk_free(talk);
}

CASE(connection, select_takes_sixteen_databases)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "SELECT 15", "+OK\r\n");
    ANSWERS(talk, "SELECT 16", "-ERR DB index is out of range\r\n");
    ANSWERS(talk, "SELECT -1", "-ERR DB index is out of range\r\n");
    ANSWERS(talk, "SELECT x",
            "-ERR value is not an integer or out of range\r\n");
    ANSWERS(talk, "SELECT 99999999999",
            "-ERR value is out of range, value must between -2147483648 and "
            "2147483647\r\n");
    talk_free(talk);
}

CASE(connection, without_the_password_hardly_anything_is_allowed)
{
    struct talk *talk = talk_new(with_password);

    ANSWERS(talk, "PING", "-NOAUTH Authentication required.\r\n");
    ANSWERS(talk, "AUTH wrong",
            "-WRONGPASS invalid username-password pair or user is "
            "disabled.\r\n");
    ANSWERS(talk, "AUTH bob sesame",
            "-WRONGPASS invalid username-password pair or user is "
            "disabled.\r\n");
    ANSWER_HAS(talk, "HELLO 3", "-NOAUTH HELLO must be called");
    ANSWERS(talk, "AUTH sesame", "+OK\r\n");
    ANSWERS(talk, "PING", "+PONG\r\n");
    ANSWERS(talk, "RESET", "+RESET\r\n");
    ANSWERS(talk, "PING", "-NOAUTH Authentication required.\r\n");
    ANSWER_HAS(talk, "HELLO 3 AUTH default sesame SETNAME me",
               "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n");
    ANSWERS(talk, "CLIENT GETNAME", "$2\r\nme\r\n");
    talk_free(talk);
}

CASE(connection, auth_without_a_password_set_is_told_so)
{
    struct talk *talk = talk_new(NULL);

    ANSWER_HAS(talk, "AUTH foo",
               "-ERR AUTH <password> called without any password configured");
    ANSWERS(talk, "AUTH default foo", "+OK\r\n");
    ANSWERS(talk, "AUTH a b c", "-ERR syntax error\r\n");
    talk_free(talk);
}

CASE(connection, hello_switches_the_protocol)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "HELLO 4", "-NOPROTO unsupported protocol version\r\n");
    ANSWERS(talk, "HELLO x",
            "-ERR Protocol version is not an integer or out of range\r\n");
    ANSWERS(talk, "HELLO 3 FOO", "-ERR Syntax error in HELLO option 'FOO'\r\n");
    ANSWER_HAS(talk, "HELLO 3 AUTH nobody pw FOO", "-WRONGPASS ");
    ANSWERS(talk, "CLIENT GETNAME", "$-1\r\n");
    ANSWER_HAS(talk, "HELLO 3", "$5\r\nproto\r\n:3\r\n");
    ANSWERS(talk, "CLIENT GETNAME", "_\r\n");
    ANSWER_HAS(talk, "HELLO 2", "*14\r\n");
    talk_free(talk);
}

CASE(connection, names_have_no_spaces)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "CLIENT SETNAME \"a b\"",
            "-ERR Client names cannot contain spaces, newlines or special "
            "characters.\r\n");
    ANSWERS(talk, "CLIENT SETNAME ab", "+OK\r\n");
    ANSWERS(talk, "CLIENT SETINFO lib-name kula-test", "+OK\r\n");
    ANSWERS(talk, "CLIENT SETINFO lib-ver 1.0", "+OK\r\n");
    ANSWERS(talk, "CLIENT SETINFO foo bar",
            "-ERR Unrecognized option 'foo'\r\n");
    ANSWERS(talk, "CLIENT SETINFO lib-ver \"1 0\"",
            "-ERR lib-ver cannot contain spaces, newlines or special "
            "characters.\r\n");
    ANSWER_HAS(talk, "CLIENT INFO", " name=ab age=0 idle=0 flags=N db=0 ");
    ANSWER_HAS(talk, "CLIENT INFO", " lib-name=kula-test lib-ver=1.0\n");
    ANSWERS(talk, "CLIENT SETNAME \"\"", "+OK\r\n");
    ANSWERS(talk, "CLIENT GETNAME", "$-1\r\n");
    talk_free(talk);
}

CASE(connection, replies_can_be_switched_off)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "CLIENT REPLY OFF", "");
    ANSWERS(talk, "PING", "");
    ANSWERS(talk, "CLIENT REPLY ON", "+OK\r\n");
    ANSWERS(talk, "CLIENT REPLY SKIP", "");
    ANSWERS(talk, "PING", "");
    ANSWERS(talk, "PING", "+PONG\r\n");
    talk_free(talk);
}

CASE(connection, list_and_kill_find_the_others)
{
    struct talk *talk = talk_new(NULL);
    struct session *other = talk_open(talk, "10.0.0.9:1234");

    talk_as(talk, other, "CLIENT SETNAME other");
    ANSWER_HAS(talk, "CLIENT LIST", "name=other");
    ANSWER_HAS(talk, "CLIENT LIST", "cmd=client|list");
    ANSWERS(talk, "CLIENT LIST TYPE pubsub", "$0\r\n\r\n");
    ANSWERS(talk, "CLIENT LIST TYPE foo", "-ERR Unknown client type 'foo'\r\n");
    ANSWERS(talk, "CLIENT LIST ID x", "-ERR Invalid client ID\r\n");
    ANSWERS(talk, "CLIENT KILL 1.2.3.4:5", "-ERR No such client\r\n");
    ANSWERS(talk, "CLIENT KILL ID 0",
            "-ERR client-id should be greater than 0\r\n");
    ANSWERS(talk, "CLIENT KILL USER bob", "-ERR No such user 'bob'\r\n");
    ANSWERS(talk, "CLIENT KILL ADDR 10.0.0.9:1234", ":1\r\n");
    cr_expect(other->is_closing || other->client.flags & CLIENT_KILLED);
    talk_free(talk);
}

CASE(connection, unknown_subcommands_are_named)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "CLIENT MAINT_NOTIFICATIONS ON",
            "-ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT "
            "HELP.\r\n");
    ANSWERS(talk, "CLIENT",
            "-ERR wrong number of arguments for 'client' command\r\n");
    ANSWERS(talk, "CLIENT PAUSE 0 WRITE x",
            "-ERR unknown subcommand or wrong number of arguments for "
            "'PAUSE'. Try CLIENT HELP.\r\n");
    talk_free(talk);
}

CASE(connection, hello_carries_out_its_options_one_by_one)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "HELLO 3 SETNAME me FOO",
            "-ERR Syntax error in HELLO option 'FOO'\r\n");
    ANSWERS(talk, "CLIENT GETNAME", "$2\r\nme\r\n");
    talk_free(talk);
}

CASE(connection, hello_may_log_in_before_it_fails)
{
    struct talk *talk = talk_new(with_password);

    ANSWERS(talk, "HELLO 3 AUTH default sesame FOO",
            "-ERR Syntax error in HELLO option 'FOO'\r\n");
    ANSWERS(talk, "PING", "+PONG\r\n");
    talk_free(talk);
}

CASE(connection, list_by_id_is_in_the_order_of_the_ids)
{
    struct talk *talk = talk_new(NULL);
    struct session *other = talk_open(talk, "127.0.0.1:50001");
    const char *text, *first, *second, *third;

    text = talk_ask(talk, "CLIENT LIST ID 2 1 99 2");
    first = strstr(text, "id=2 ");
    cr_assert(first != NULL);
    second = strstr(first, "\nid=1 ");
    cr_assert(second != NULL);
    third = strstr(second, "\nid=2 ");
    cr_assert(third != NULL);
    cr_expect(strstr(third + 1, "\nid=") == NULL);
    worker_close(talk->worker, other);
    talk_free(talk);
}
