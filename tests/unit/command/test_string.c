#include "play.h"

#define TOO_LONG "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"
#define BAD_TIME(name) "-ERR invalid expire time in '" name "' command"

CASE(string, set_and_get)
{
    play_begin();
    play("GET k", "$-1");
    play("SET k v", "+OK");
    play("GET k", "$1 v");
    play("SET k \"\"", "+OK");
    play("GET k", "$0 ");
    play("STRLEN k", ":0");
    play("STRLEN nokey", ":0");
    play_end();
}

CASE(string, set_takes_every_kind_of_time)
{
    play_begin();
    play("SET k v EX 10", "+OK");
    play("PTTL k", ":10000");
    play("SET k v px 1500", "+OK");
    play("PTTL k", ":1500");
    play("SET k v EXAT 1700000020", "+OK");
    play("PTTL k", ":20000");
    play("SET k v PXAT 1700000000070", "+OK");
    play("PTTL k", ":70");
    play("SET k w KEEPTTL", "+OK");
    play("PTTL k", ":70");
    play("SET k v", "+OK");
    play("PTTL k", ":-1");
    play("SET k v EX 10 EX 20", "+OK");
    play("TTL k", ":20");
    play_end();
}

CASE(string, set_with_a_time_in_the_past_leaves_nothing)
{
    play_begin();
    play("SET k v", "+OK");
    play("SET k w PXAT 1", "+OK");
    play("GET k", "$-1");
    play("DBSIZE", ":0");
    play_end();
}

CASE(string, bad_times_are_told_by_the_commands_name)
{
    play_begin();
    play("SET k v EX 0", BAD_TIME("set"));
    play("SET k v PX -5", BAD_TIME("set"));
    play("SET k v EX 9223372036854775807", BAD_TIME("set"));
    play("SET k v PX 9223372036854775807", BAD_TIME("set"));
    play("SET k v EX a", NO_INT);
    play("SETEX k 0 v", BAD_TIME("setex"));
    play("PSETEX k 0 v", BAD_TIME("psetex"));
    play("EXISTS k", ":0");
    play("SET k v", "+OK");
    play("GETEX k PX 0", BAD_TIME("getex"));
    play_end();
}

CASE(string, set_conditions)
{
    play_begin();
    play("SET k v XX", "$-1");
    play("SET k v NX", "+OK");
    play("SET k w NX", "$-1");
    play("SET k w XX", "+OK");
    play("SET k x NX GET", "$1 w");
    play("GET k", "$1 w");
    play("SET k x GET", "$1 w");
    play("SET nokey x XX GET", "$-1");
    play("EXISTS nokey", ":0");
    play("SET fresh x NX GET", "$-1");
    play("GET fresh", "$1 x");
    play_end();
}

CASE(string, set_if_equal)
{
    play_begin();
    play("SET k new IFEQ old", "$-1");
    play("SET k old", "+OK");
    play("SET k new IFEQ other", "$-1");
    play("SET k new IFEQ old", "+OK");
    play("SET k newer IFEQ old GET", "$3 new");
    play("GET k", "$3 new");
    play("SET k 5", "+OK");
    play("INCR k", ":6");
    play("SET k done IFEQ 6 GET", "$1 6");
    play("GET k", "$4 done");
    play("SET k v IFEQ", SYNTAX);
    play("SET k v IFEQ done NX", SYNTAX);
    play("SET k v XX IFEQ done", SYNTAX);
    play_end();
}

CASE(string, options_that_exclude_each_other)
{
    play_begin();
    play("SET k v NX XX", SYNTAX);
    play("SET k v EX 1 PX 1", SYNTAX);
    play("SET k v EX 1 KEEPTTL", SYNTAX);
    play("SET k v KEEPTTL EXAT 1", SYNTAX);
    play("SET k v EX", SYNTAX);
    play("SET k v PERSIST", SYNTAX);
    play("SET k v nonsense", SYNTAX);
    play("GETEX k PERSIST EX 1", SYNTAX);
    play("GETEX k KEEPTTL", SYNTAX);
    play_end();
}

CASE(string, get_and_something_else)
{
    play_begin();
    play("GETSET k a", "$-1");
    play("GETSET k b", "$1 a");
    play("EXPIRE k 100", ":1");
    play("GETSET k c", "$1 b");
    play("TTL k", ":-1");
    play("GETEX k EX 50", "$1 c");
    play("TTL k", ":50");
    play("GETEX k", "$1 c");
    play("TTL k", ":50");
    play("GETEX k PERSIST", "$1 c");
    play("TTL k", ":-1");
    play("GETEX k PXAT 5", "$1 c");
    play("EXISTS k", ":0");
    play("GETEX k EX 0", "$-1"); /* a missing key before a bad time */
    play("SET k d", "+OK");
    play("GETDEL k", "$1 d");
    play("GETDEL k", "$-1");
    play_end();
}

CASE(string, many_at_once)
{
    play_begin();
    play("MSET a 1 b 2 a 3", "+OK");
    play("MGET a nokey b", "*3 $1 3 $-1 $1 2");
    play("MSETNX c 4 a 5", ":0");
    play("EXISTS c", ":0");
    play("MSETNX c 4 d 5", ":1");
    play("MGET c d", "*2 $1 4 $1 5");
    play("MSET a 1 b", "-ERR wrong number of arguments for 'mset' command");
    play("MSETNX a 1 b", "-ERR wrong number of arguments for 'msetnx' command");
    play_end();
}

CASE(string, setnx_answers_numbers)
{
    play_begin();
    play("SETNX k v", ":1");
    play("SETNX k w", ":0");
    play("GET k", "$1 v");
    play_end();
}

CASE(string, counting)
{
    play_begin();
    play("INCR k", ":1");
    play("INCRBY k 41", ":42");
    play("DECR k", ":41");
    play("DECRBY k -9", ":50");
    play("GET k", "$2 50");
    play("STRLEN k", ":2");
    play("APPEND k 0", ":3");
    play("INCR k", ":501");
    play("EXPIRE k 100", ":1");
    play("INCR k", ":502");
    play("TTL k", ":100");
    play_end();
}

CASE(string, counting_has_its_ends)
{
    play_begin();
    play("SET k 9223372036854775807", "+OK");
    play("INCR k", "-ERR increment or decrement would overflow");
    play("DECRBY k -9223372036854775808", "-ERR decrement would overflow");
    play("GET k", "$19 9223372036854775807");
    play("SET k -9223372036854775808", "+OK");
    play("DECR k", "-ERR increment or decrement would overflow");
    play("INCRBY k a", NO_INT);
    play("SET k 01", "+OK");
    play("INCR k", NO_INT);
    play("GET k", "$2 01");
    play_end();
}

CASE(string, counting_with_fractions)
{
    play_begin();
    play("INCRBYFLOAT k 10.50", "$4 10.5");
    play("INCRBYFLOAT k 0.1", "$4 10.6");
    play("INCRBYFLOAT k -5", "$3 5.6");
    play("EXPIRE k 9", ":1");
    play("INCRBYFLOAT k 2.0e2", "$21 205.60000000000000001");
    play("TTL k", ":9");
    play("INCRBYFLOAT k inf", "-ERR increment would produce NaN or Infinity");
    play("INCRBYFLOAT k abc", "-ERR value is not a valid float");
    play("SET k abc", "+OK");
    play("INCRBYFLOAT k 1", "-ERR value is not a valid float");
    play_end();
}

CASE(string, parts)
{
    play_begin();
    play("APPEND k Hello", ":5");
    play("APPEND k \" World\"", ":11");
    play("GETRANGE k 0 3", "$4 Hell");
    play("GETRANGE k -3 -1", "$3 rld");
    play("GETRANGE k 0 -1", "$11 Hello World");
    play("GETRANGE k 10 100", "$1 d");
    play("GETRANGE k 5 3", "$0 ");
    play("GETRANGE k -1 -5", "$0 ");
    play("GETRANGE k -50 -90", "$0 ");
    play("GETRANGE nokey 0 -1", "$0 ");
    play("SUBSTR k 6 -1", "$5 World");
    play("SETRANGE k 6 Redis", ":11");
    play("GET k", "$11 Hello Redis");
    play("SETRANGE nokey 5 \"\"", ":0");
    play("EXISTS nokey", ":0");
    play("SETRANGE k 5 \"\"", ":11");
    play_end();
}

CASE(string, setrange_fills_with_zeros)
{
    size_t size;
    const char *reply;

    play_begin();
    play("SETRANGE k 3 ab", ":5");
    reply = play_run("GET k", &size);
    cr_expect(
        bytes_equal(bytes_of(reply, size), bytes_of("$5\r\n\0\0\0ab\r\n", 11)));
    play_end();
}

CASE(string, values_have_a_longest_size)
{
    play_begin();
    play("SET k v", "+OK");
    play("SETRANGE k 536870911 ab", TOO_LONG);
    play("SETRANGE k 9223372036854775807 a", TOO_LONG);
    play("SETRANGE k -1 a", "-ERR offset is out of range");
    play("GET k", "$1 v");
    play_end();
}

CASE(string, longest_common_subsequence)
{
    play_begin();
    play("MSET a ohmytext b mynewtext", "+OK");
    play("LCS a b", "$6 mytext");
    play("LCS a b LEN", ":6");
    play("LCS a b IDX", "*4 $7 matches *2 *2 *2 :4 :7 *2 :5 :8 "
                        "*2 *2 :2 :3 *2 :0 :1 $3 len :6");
    play("LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN",
         "*4 $7 matches *1 *3 *2 :4 :7 *2 :5 :8 :4 $3 len :6");
    play("LCS a nokey", "$0 ");
    play("LCS a b LEN IDX", "-ERR If you want both the length and indexes, "
                            "please just use IDX.");
    play_end();
}

CASE(string, a_sum_with_a_fraction_is_kept_as_text)
{
    play_begin();
    play("INCRBYFLOAT k 3", "$1 3");
    play("OBJECT ENCODING k", "$6 embstr");
    play("EXPIRE k 100", ":1");
    play("COPY k j", ":1");
    play("OBJECT ENCODING j", "$6 embstr");
    play("OBJECT ENCODING k", "$6 embstr");
    play("INCR k", ":4");
    play("OBJECT ENCODING k", "$3 int");
    play("INCRBYFLOAT k 1", "$1 5");
    play("OBJECT ENCODING k", "$6 embstr");
    play("SET k 5", "+OK");
    play("OBJECT ENCODING k", "$3 int");
    play_end();
}
