#include "play.h"

CASE(expire, a_key_ends_at_its_time_and_not_before)
{
    play_begin();
    play("SET k v", "+OK");
    play("PEXPIRE k 1000", ":1");
    play_wait_ms(999);
    play("PTTL k", ":1");
    play_wait_ms(1); /* its last millisecond */
    play("GET k", "$1 v");
    play("PTTL k", ":0");
    play_wait_ms(1);
    play("GET k", "$-1");
    play("PTTL k", ":-2");
    play("EXISTS k", ":0");
    play_end();
}

CASE(expire, a_time_in_the_past_deletes)
{
    play_begin();
    play("SET k v", "+OK");
    play("EXPIRE k -1", ":1");
    play("EXISTS k", ":0");
    play("SET k v", "+OK");
    play("EXPIREAT k 1", ":1");
    play("EXISTS k", ":0");
    play("EXPIRE k 10", ":0");
    play_end();
}

CASE(expire, every_way_to_say_when)
{
    play_begin();
    play("SET k v", "+OK");
    play("EXPIRE k 10", ":1");
    play("PEXPIRETIME k", ":1700000010000");
    play("PEXPIRE k 10", ":1");
    play("PEXPIRETIME k", ":1700000000010");
    play("EXPIREAT k 1800000000", ":1");
    play("EXPIRETIME k", ":1800000000");
    play("PEXPIREAT k 1800000000999", ":1");
    play("EXPIRETIME k", ":1800000001"); /* to the nearest second */
    play("PEXPIRETIME k", ":1800000000999");
    play_end();
}

CASE(expire, conditions)
{
    play_begin();
    play("SET k v", "+OK");
    play("EXPIRE k 10 XX", ":0");
    play("EXPIRE k 10 GT", ":0"); /* never is later than anything */
    play("EXPIRE k 10 LT", ":1");
    play("EXPIRE k 20 NX", ":0");
    play("EXPIRE k 10 GT", ":0");
    play("EXPIRE k 20 GT XX", ":1");
    play("EXPIRE k 20 LT", ":0");
    play("EXPIRE k 5 LT", ":1");
    play("TTL k", ":5");
    play_end();
}

CASE(expire, bad_arguments)
{
    play_begin();
    play("SET k v", "+OK");
    play("EXPIRE k a", NO_INT);
    play("EXPIRE k 10 maybe", "-ERR Unsupported option maybe");
    play("EXPIRE k a maybe", "-ERR Unsupported option maybe");
    play("EXPIRE k 10 NX XX", "-ERR NX and XX, GT or LT options at the same "
                              "time are not compatible");
    play("EXPIRE k 10 GT LT", "-ERR GT and LT options at the same time are "
                              "not compatible");
    play("EXPIRE k 9223372036854775807",
         "-ERR invalid expire time in 'expire' command");
    play("EXPIRE k -9223372036854775808",
         "-ERR invalid expire time in 'expire' command");
    play("PEXPIRE k 9223372036854775807",
         "-ERR invalid expire time in 'pexpire' command");
    play("PEXPIREAT k 9223372036854775807", ":1");
    play("EXPIRETIME k", ":9223372036854776");
    play_end();
}

CASE(expire, persist_takes_it_away)
{
    play_begin();
    play("PERSIST k", ":0");
    play("SET k v EX 10", "+OK");
    play("PERSIST k", ":1");
    play("PERSIST k", ":0");
    play("TTL k", ":-1");
    play_wait_ms(20000);
    play("GET k", "$1 v");
    play_end();
}

CASE(expire, what_does_not_expire_and_what_is_not_there)
{
    play_begin();
    play("SET k v", "+OK");
    play("TTL k", ":-1");
    play("PTTL k", ":-1");
    play("EXPIRETIME k", ":-1");
    play("PEXPIRETIME k", ":-1");
    play("TTL nokey", ":-2");
    play("EXPIRETIME nokey", ":-2");
    play_end();
}

CASE(expire, ttl_rounds_to_the_nearest_second)
{
    play_begin();
    play("SET k v PX 1499", "+OK");
    play("TTL k", ":1");
    play("SET k v PX 1500", "+OK");
    play("TTL k", ":2");
    play("SET k v PX 1", "+OK");
    play("TTL k", ":0");
    play_end();
}
