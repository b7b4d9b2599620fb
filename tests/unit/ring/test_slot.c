#include "base/rng.h"
#include "ring/slot.h"
#include "support/case.h"

/* Bit by bit, as the specification writes it. */
static uint16_t
crc16_by_bits(struct bytes data)
{
    uint32_t crc = 0, bit;
    size_t i;

    for (i = 0; i < data.size; i++) {
        crc ^= (uint32_t)(unsigned char)data.data[i] << 8;
        for (bit = 0; bit < 8; bit++)
            crc = (crc << 1) ^ (crc & 0x8000 ? 0x11021u : 0);
    }
    return (uint16_t)crc;
}

CASE(slot, the_check_value_of_the_specification)
{
    cr_expect(eq(u16, slot_crc16(BYTES_LIT("123456789")), 0x31c3));
    cr_expect(eq(u16, slot_crc16(BYTES_LIT("")), 0));
}

CASE(slot, every_length_agrees_with_the_bitwise_crc)
{
    struct rng rng = {.state = 1};
    char data[100];
    size_t size, i;

    for (size = 0; size <= sizeof(data); size++) {
        for (i = 0; i < size; i++)
            data[i] = (char)rng_next(&rng);
        cr_expect(eq(u16, slot_crc16(bytes_of(data, size)),
                     crc16_by_bits(bytes_of(data, size))));
    }
}

CASE(slot, known_keys_have_the_slots_clients_expect)
{
    cr_expect(eq(u32, slot_of(BYTES_LIT("foo")), 12182));
    cr_expect(eq(u32, slot_of(BYTES_LIT("bar")), 5061));
    cr_expect(eq(u32, slot_of(BYTES_LIT("")), 0));
    cr_expect(eq(u32, slot_of(BYTES_LIT("somekey")), 11058));
}

static void
expect_tag(const char *key, const char *tag)
{
    cr_expect(bytes_equal(slot_tag(bytes_str(key)), bytes_str(tag)),
              "the tag of %s is not %s", key, tag);
}

CASE(slot, a_tag_is_what_stands_between_the_first_braces)
{
    expect_tag("{user1000}.following", "user1000");
    expect_tag("foo{bar}{zap}", "bar");
    expect_tag("foo{{bar}}zap", "{bar");
    expect_tag("{a}b}", "a");
}

CASE(slot, without_a_closed_filled_pair_the_whole_key_counts)
{
    expect_tag("foo{}{bar}", "foo{}{bar}");
    expect_tag("foo{bar", "foo{bar");
    expect_tag("foo}bar{", "foo}bar{");
    expect_tag("plain", "plain");
    expect_tag("", "");
}
