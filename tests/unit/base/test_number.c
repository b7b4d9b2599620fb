#include "base/number.h"
#include "support/case.h"

#include <math.h>

static void
expect_int(const char *text, int64_t wanted)
{
    char out[NUMBER_INT_ROOM];
    int64_t value = ~wanted;

    cr_expect(number_parse_int(bytes_str(text), &value), "%s", text);
    cr_expect(eq(i64, value, wanted));
    cr_expect(bytes_equal(bytes_of(out, number_format_int(out, wanted)),
                          bytes_str(text)));
}

static void
refuse_int(const char *text)
{
    int64_t value;

    cr_expect(not(number_parse_int(bytes_str(text), &value)), "%s", text);
}

CASE(number, integers_parse_and_print_to_both_ends)
{
    expect_int("0", 0);
    expect_int("7", 7);
    expect_int("-1", -1);
    expect_int("1234567890", 1234567890);
    expect_int("9223372036854775807", INT64_MAX);
    expect_int("-9223372036854775808", INT64_MIN);
}

CASE(number, integers_beyond_64_bits_are_refused)
{
    refuse_int("9223372036854775808");
    refuse_int("-9223372036854775809");
    refuse_int("99999999999999999999");
    refuse_int("100000000000000000000000");
}

CASE(number, integers_have_one_spelling)
{
    refuse_int("");
    refuse_int("-");
    refuse_int("-0");
    refuse_int("+1");
    refuse_int("01");
    refuse_int("-01");
    refuse_int(" 1");
    refuse_int("1 ");
    refuse_int("1.0");
    refuse_int("0x1");
    refuse_int("one");
}

static void
expect_float(const char *text, const char *printed)
{
    char out[NUMBER_FLOAT_ROOM];
    long double value;

    cr_assert(number_parse_float(bytes_str(text), &value), "%s", text);
    out[number_format_float(out, value)] = '\0';
    cr_expect(eq(str, out, (char *)printed));
}

static void
refuse_float(const char *text)
{
    long double value;

    cr_expect(not(number_parse_float(bytes_str(text), &value)), "%s", text);
}

CASE(number, floats_print_without_trailing_zeros)
{
    expect_float("10.50", "10.5");
    expect_float("3.0e3", "3000");
    expect_float("-0", "0");
    expect_float("-1e-30", "0");
    expect_float("1e-17", "0.00000000000000001");
    expect_float("5.0", "5");
    expect_float("100", "100");
    expect_float("0x10", "16");
    expect_float("inf", "inf");
    expect_float("-Infinity", "-inf");
}

CASE(number, floats_that_are_none_are_refused)
{
    refuse_float("");
    refuse_float("nan");
    refuse_float(" 1");
    refuse_float("1 ");
    refuse_float("1e");
    refuse_float("abc");
    refuse_float("1e5000");
    refuse_float("-1e5000");
    refuse_float("1e-5000");
}

CASE(number, the_largest_float_fits_its_room)
{
    char out[NUMBER_FLOAT_ROOM];
    size_t size = number_format_float(out, -1.18e4932L);

    cr_expect(eq(sz, size, 4934));
}

CASE(number, doubles_print_17_digits)
{
    char out[64];

    out[number_format_double(out, 0.1)] = '\0';
    cr_expect(eq(str, out, (char *)"0.10000000000000001"));
    out[number_format_double(out, -3)] = '\0';
    cr_expect(eq(str, out, (char *)"-3"));
    out[number_format_double(out, (double)-INFINITY)] = '\0';
    cr_expect(eq(str, out, (char *)"-inf"));
    out[number_format_double(out, (double)NAN)] = '\0';
    cr_expect(eq(str, out, (char *)"nan"));
}

static void
expect_memory(const char *text, int64_t wanted)
{
    int64_t value = -1;

    cr_expect(number_parse_memory(bytes_str(text), &value), "%s", text);
    cr_expect(eq(i64, value, wanted));
}

CASE(number, memory_units_are_those_of_the_configuration_file)
{
    expect_memory("0", 0);
    expect_memory("12", 12);
    expect_memory("12b", 12);
    expect_memory("1k", 1000);
    expect_memory("1Kb", 1024);
    expect_memory("5MB", 5 * 1024 * 1024);
    expect_memory("2m", 2000000);
    expect_memory("1g", 1000000000);
    expect_memory("3gb", INT64_C(3) << 30);
}

CASE(number, memory_sizes_that_are_none_are_refused)
{
    static const char *const texts[] = {"",
                                        "kb",
                                        "-1",
                                        "1tb",
                                        "1 kb",
                                        "1.5",
                                        "kb1",
                                        "9223372036854775808",
                                        "9007199254740993kb"};
    int64_t value;
    size_t i;

    for (i = 0; i < ARRAY_LEN(texts); i++) {
        cr_expect(not(number_parse_memory(bytes_str(texts[i]), &value)), "%s",
                  texts[i]);
    }
}
