/*
 * Text that may be a number: what parses is printed, and the print parses to
 * the same value; integers print as the very text they came from.
 */
#include "base/number.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_int(struct bytes text)
{
    char out[NUMBER_INT_ROOM];
    int64_t value;

    if (!number_parse_int(text, &value)) return;
    if (!bytes_equal(bytes_of(out, number_format_int(out, value)), text))
        abort();
}

static void
try_float(struct bytes text)
{
    char out[NUMBER_FLOAT_ROOM];
    long double value, again;
    size_t size;

    if (!number_parse_float(text, &value)) return;
    size = number_format_float(out, value);
    if (!number_parse_float(bytes_of(out, size), &again)) abort();
    if (isinf(value) ? again != value
                     : fabsl(value - again) > 1e-17L + fabsl(value) * 1e-17L)
        abort();
}

static void
try_memory(struct bytes text)
{
    int64_t value = -1;

    if (number_parse_memory(text, &value) && value < 0) abort();
}

static void
try_double(struct bytes text)
{
    char out[64];
    double value, again;

    if (text.size < sizeof(value)) return;
    memcpy(&value, text.data, sizeof(value));
    out[number_format_double(out, value)] = '\0';
    again = strtod(out, NULL);
    if (isnan(value) ? !isnan(again) : memcmp(&value, &again, sizeof(value)))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_of(data, size);

    try_int(text);
    try_float(text);
    try_memory(text);
    try_double(text);
    return 0;
}
