#include "play.h"

#define BAD_OFFSET "-ERR bit offset is not an integer or out of range"

CASE(bitmap, one_bit)
{
    play_begin();
    play("SETBIT k 7 1", ":0");
    play("GETBIT k 7", ":1");
    play("GETBIT k 6", ":0");
    play("GETBIT k 100000", ":0");
    play("SETBIT k 7 0", ":1");
    play("STRLEN k", ":1");
    play("SETBIT k 16 0", ":0"); /* grows all the same */
    play("STRLEN k", ":3");
    play("SETBIT k -1 1", BAD_OFFSET);
    play("SETBIT k 4294967296 1", BAD_OFFSET);
    play("SETBIT k 1 2", "-ERR bit is not an integer or out of range");
    play_end();
}

CASE(bitmap, bits_of_a_number_are_those_of_its_text)
{
    play_begin();
    play("INCR k", ":1"); /* '1' is 0x31 */
    play("BITCOUNT k", ":3");
    play("GETBIT k 2", ":1");
    play("SETBIT k 6 1", ":0");
    play("GET k", "$1 3");
    play("INCR k", ":4");
    play_end();
}

CASE(bitmap, counting_bits)
{
    play_begin();
    play("SET k foobar", "+OK");
    play("BITCOUNT k", ":26");
    play("BITCOUNT k 0 0", ":4");
    play("BITCOUNT k 1 1 BYTE", ":6");
    play("BITCOUNT k 5 30 BIT", ":17");
    play("BITCOUNT k -2 -1", ":7");
    play("BITCOUNT k 9 20", ":0");
    play("BITCOUNT k -1 -3 nonsense", ":0");
    play("BITCOUNT k 1", SYNTAX);
    play("BITCOUNT k 1 2 nonsense", SYNTAX);
    play("BITCOUNT k a 2", NO_INT);
    play("BITCOUNT nokey 1", ":0");
    play_end();
}

CASE(bitmap, finding_bits)
{
    play_begin();
    play("SET k \"\\xff\\xf0\\x00\"", "+OK");
    play("BITPOS k 0", ":12");
    play("BITPOS k 1 2", ":-1");
    play("BITPOS k 1 7 15 BIT", ":7");
    play("BITPOS k 0 0 0", ":-1");
    play("BITPOS k 1 2 1", ":-1");
    play("BITPOS k 1 -5 -9", ":0"); /* both are clipped to the first byte */
    play("SET k \"\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\"", "+OK");
    play("BITPOS k 0", ":72");      /* the zeros after the end */
    play("BITPOS k 0 0 -1", ":-1"); /* not with an end given */
    play("BITPOS nokey 0", ":0");
    play("BITPOS nokey 1", ":-1");
    play("BITPOS k 2", "-ERR The bit argument must be 1 or 0.");
    play_end();
}

CASE(bitmap, combining_strings)
{
    play_begin();
    play("MSET a abc b a c \"\"", "+OK");
    play("BITOP AND d a b", ":3");
    play("GETRANGE d 0 0", "$1 a");
    play("BITCOUNT d 1 2", ":0");
    play("BITOP OR d a b", ":3");
    play("GET d", "$3 abc");
    play("BITOP XOR d a a", ":3");
    play("BITCOUNT d", ":0");
    play("BITOP NOT d a", ":3");
    play("BITOP XOR d d a", ":3"); /* onto itself */
    play("BITCOUNT d", ":24");
    play("BITOP AND d nokey c", ":0");
    play("EXISTS d", ":0");
    play("BITOP NOT d a b",
         "-ERR BITOP NOT must be called with a single source key.");
    play("BITOP NAND d a b", SYNTAX);
    play_end();
}

CASE(bitmap, fields)
{
    play_begin();
    play("BITFIELD k SET u8 0 255 GET u4 4 GET i8 0", "*3 :0 :15 :-1");
    play("BITFIELD k INCRBY u8 0 1", "*1 :0");
    play("BITFIELD k OVERFLOW SAT INCRBY u8 0 300", "*1 :255");
    play("BITFIELD k OVERFLOW FAIL INCRBY u8 0 1", "*1 $-1");
    play("BITFIELD k SET i16 #1 -2 GET i16 16", "*2 :0 :-2");
    play("STRLEN k", ":4");
    play("BITFIELD k GET i64 1000000", "*1 :0");
    play("STRLEN k", ":4");
    play("BITFIELD_RO k GET u8 0", "*1 :255");
    play("BITFIELD k", "*0");
    play_end();
}

CASE(bitmap, fields_have_ends)
{
    play_begin();
    play("BITFIELD k OVERFLOW SAT INCRBY i8 0 127 INCRBY i8 0 1 "
         "INCRBY i8 0 -300",
         "*3 :127 :127 :-128");
    play("BITFIELD k OVERFLOW WRAP INCRBY i8 0 -1", "*1 :127");
    play("BITFIELD k SET i64 0 9223372036854775807 INCRBY i64 0 1",
         "*2 :9151314442816847872 :-9223372036854775808");
    play("BITFIELD k OVERFLOW FAIL INCRBY i64 0 -1", "*1 $-1");
    play_end();
}

CASE(bitmap, bad_fields)
{
    play_begin();
    play("BITFIELD k GET u64 0",
         "-ERR Invalid bitfield type. Use something like i16 u8. Note that "
         "u64 is not supported but i64 is.");
    play("BITFIELD k GET u8 #a", BAD_OFFSET);
    play("BITFIELD k GET u8 -1", BAD_OFFSET);
    play("BITFIELD k SET u8 0", SYNTAX);
    play("BITFIELD k SET u8 0 a", NO_INT);
    play("BITFIELD k OVERFLOW never", "-ERR Invalid OVERFLOW type specified");
    play("BITFIELD_RO k SET u8 0 1",
         "-ERR BITFIELD_RO only supports the GET subcommand");
    play("EXISTS k", ":0");
    play_end();
}

CASE(bitmap, looking_at_a_bit_to_write_it_makes_a_value_raw)
{
    play_begin();
    play("SET k 3", "+OK");
    play("SETBIT k 7 1", ":1");
    play("OBJECT ENCODING k", "$3 raw");
    play("EXPIRE k 100", ":1");
    play("OBJECT ENCODING k", "$3 raw");
    play("SET k 3", "+OK");
    play("OBJECT ENCODING k", "$3 int");
    play("BITFIELD k SET u8 0 51", "*1 :51");
    play("OBJECT ENCODING k", "$3 raw");
    play("INCR n", ":1");
    play("SETBIT n 0 0", ":0");
    play("OBJECT ENCODING n", "$3 raw");
    play("INCR n", ":2");
    play("OBJECT ENCODING n", "$3 int");
    play("INCRBYFLOAT n 1", "$1 3");
    play("SETBIT n 0 0", ":0");
    play("OBJECT ENCODING n", "$3 raw");
    play_end();
}
