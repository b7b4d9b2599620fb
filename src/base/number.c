#include "base/number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

bool
number_parse_int(struct bytes text, int64_t *value)
{
    size_t at = 0;
    bool is_negative = false;
    uint64_t limit = INT64_MAX, sum;

    if (text.size == 0 || text.size > 20) return false;
    if (text.data[0] == '-') {
        is_negative = true;
        limit++;
        at++;
        if (text.size == 1) return false;
    }
    if (text.data[at] == '0') { /* only as "0": no leading zeros, no "-0" */
        *value = 0;
        return text.size == 1;
    }
    for (sum = 0; at < text.size; at++) {
        uint32_t digit = (uint32_t)(unsigned char)text.data[at] - '0';

        if (digit > 9) return false;
        if (sum > limit / 10 || sum * 10 > limit - digit) return false;
        sum = sum * 10 + digit;
    }
    *value = is_negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return true;
}

size_t
number_format_int(char *out, int64_t value)
{
    char digits[NUMBER_INT_ROOM];
    char *at = digits + sizeof(digits);
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    size_t size;

    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (value < 0) *--at = '-';
    size = (size_t)(digits + sizeof(digits) - at);
    memcpy(out, at, size);
    return size;
}

static bool
is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool
number_parse_float(struct bytes text, long double *value)
{
    char copy[NUMBER_FLOAT_ROOM];
    char *end;
    long double parsed;

    if (text.size == 0 || text.size >= sizeof(copy)) return false;
    if (is_space(text.data[0])) return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    errno = 0;
    parsed = strtold(copy, &end);
    if (end != copy + text.size || isnan(parsed)) return false;
    /* too large or too small to tell from zero; denormal is fine */
    if (errno == ERANGE && (isinf(parsed) || fpclassify(parsed) == FP_ZERO))
        return false;
    *value = parsed;
    return true;
}

size_t
number_format_float(char out[NUMBER_FLOAT_ROOM], long double value)
{
    int printed;
    size_t size;

    if (isinf(value)) {
        memcpy(out, value > 0 ? "inf" : "-inf", value > 0 ? 4 : 5);
        return value > 0 ? 3 : 4;
    }
    printed = snprintf(out, NUMBER_FLOAT_ROOM, "%.17Lf", value);
    ASSERT(printed > 0 && printed < NUMBER_FLOAT_ROOM);
    size = (size_t)printed;
    if (memchr(out, '.', size) != NULL) {
        while (out[size - 1] == '0')
            size--;
        if (out[size - 1] == '.') size--;
    }
    if (size == 2 && out[0] == '-' && out[1] == '0') {
        out[0] = '0';
        size = 1;
    }
    return size;
}

size_t
number_format_double(char out[64], double value)
{
    int printed;

    if (isinf(value)) {
        memcpy(out, value > 0 ? "inf" : "-inf", value > 0 ? 4 : 5);
        return value > 0 ? 3 : 4;
    }
    if (isnan(value)) {
        memcpy(out, "nan", 4);
        return 3;
    }
    printed = snprintf(out, 64, "%.17g", value);
    ASSERT(printed > 0 && printed < 64);
    return (size_t)printed;
}

/* A memory unit's size, 0 if there is no such unit. */
static int64_t
unit_bytes(struct bytes unit)
{
    static const struct {
        const char *name;
        int64_t size;
    } units[] = {
        {"", 1},           {"b", 1},
        {"k", 1000},       {"kb", INT64_C(1) << 10},
        {"m", 1000000},    {"mb", INT64_C(1) << 20},
        {"g", 1000000000}, {"gb", INT64_C(1) << 30},
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(units); i++) {
        if (bytes_is_nocase(unit, units[i].name)) return units[i].size;
    }
    return 0;
}

bool
number_parse_memory(struct bytes text, int64_t *bytes)
{
    size_t at = 0;
    int64_t sum = 0, unit;

    while (at < text.size && text.data[at] >= '0' && text.data[at] <= '9') {
        int64_t digit = text.data[at] - '0';

        if (sum > (INT64_MAX - digit) / 10) return false;
        sum = sum * 10 + digit;
        at++;
    }
    if (at == 0) return false;
    unit = unit_bytes(bytes_of(text.data + at, text.size - at));
    if (unit == 0 || sum > INT64_MAX / unit) return false;
    *bytes = sum * unit;
    return true;
}
