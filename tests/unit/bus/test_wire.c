#include "bus/wire.h"

#include "support/case.h"

CASE(wire, what_is_written_is_read_back)
{
    static const uint64_t numbers[] = {
        0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX, 300, 1 << 21};
    struct buf out = {0};
    struct wire_reader reader;
    uint32_t i;

    wire_put_u8(&out, 0xfe);
    wire_put_u16(&out, 0xfedc);
    wire_put_u32(&out, 0xfedcba98);
    wire_put_u64(&out, 0xfedcba9876543210);
    for (i = 0; i < ARRAY_LEN(numbers); i++)
        wire_put_varint(&out, numbers[i]);
    wire_put_bytes(&out, BYTES_LIT("some"));
    wire_put_bytes(&out, (struct bytes){NULL, 0});
    wire_put_raw(&out, BYTES_LIT("rest"));

    reader = wire_reader(buf_bytes(&out));
    cr_expect(eq(u8, wire_u8(&reader), 0xfe));
    cr_expect(eq(u16, wire_u16(&reader), 0xfedc));
    cr_expect(eq(u32, wire_u32(&reader), 0xfedcba98));
    cr_expect(eq(u64, wire_u64(&reader), 0xfedcba9876543210));
    for (i = 0; i < ARRAY_LEN(numbers); i++)
        cr_expect(eq(u64, wire_varint(&reader), numbers[i]));
    cr_expect(bytes_equal(wire_bytes(&reader), BYTES_LIT("some")));
    cr_expect(eq(sz, wire_bytes(&reader).size, 0));
    cr_expect(not(wire_is_done(&reader)));
    cr_expect(bytes_equal(wire_rest(&reader), BYTES_LIT("rest")));
    cr_expect(wire_is_done(&reader));
    buf_deinit(&out);
}

CASE(wire, integers_are_little_endian)
{
    struct buf out = {0};

    wire_put_u32(&out, 0x04030201);
    wire_put_varint(&out, 300);
    cr_expect(bytes_equal(buf_bytes(&out), BYTES_LIT("\1\2\3\4\xac\2")));
    buf_deinit(&out);
}

CASE(wire, a_reader_stops_at_its_end_and_stays_bad)
{
    struct wire_reader reader = wire_reader(BYTES_LIT("\1\2\3"));

    cr_expect(eq(u16, wire_u16(&reader), 0x201));
    cr_expect(eq(u16, wire_u16(&reader), 0));
    cr_expect(reader.is_bad);
    cr_expect(eq(u8, wire_u8(&reader), 0), "there was a byte, but too late");
    cr_expect(eq(sz, wire_rest(&reader).size, 0));
    cr_expect(eq(u64, wire_varint(&reader), 0));
    cr_expect(not(wire_is_done(&reader)));
}

CASE(wire, nothing_can_be_read_from_nothing)
{
    struct wire_reader reader = wire_reader((struct bytes){NULL, 0});

    cr_expect(wire_is_done(&reader));
    cr_expect(eq(sz, wire_rest(&reader).size, 0));
    cr_expect(eq(sz, wire_take(&reader, 0).size, 0));
    cr_expect(wire_is_done(&reader));
    cr_expect(eq(u64, wire_u64(&reader), 0));
    cr_expect(reader.is_bad);
}

CASE(wire, a_length_beyond_the_end_is_bad)
{
    static const char *const texts[] = {
        "\5four",
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1x",
        "\x80",
    };
    uint32_t i;

    for (i = 0; i < ARRAY_LEN(texts); i++) {
        struct wire_reader reader = wire_reader(bytes_str(texts[i]));

        cr_expect(eq(sz, wire_bytes(&reader).size, 0));
        cr_expect(reader.is_bad, "text %u", i);
    }
}

CASE(wire, a_varint_has_one_form_and_64_bits)
{
    static const struct bytes wrong[] = {
        {"\x81\x00", 2},                                  /* 1, too long */
        {"\x80\x80\x00", 3},                              /* 0, too long */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10}, /* 65 bits */
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11},
    };
    uint32_t i;

    for (i = 0; i < ARRAY_LEN(wrong); i++) {
        struct wire_reader reader = wire_reader(wrong[i]);

        cr_expect(eq(u64, wire_varint(&reader), 0));
        cr_expect(reader.is_bad, "varint %u", i);
    }
}
