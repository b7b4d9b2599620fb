/*
 * number.h - numbers as text, strictly: as Redis parses and prints them.
 */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include "base/bytes.h"

enum { NUMBER_INT_ROOM = 21, NUMBER_FLOAT_ROOM = 5 * 1024 };

/* Decimal, optional '-', no leading zeros or '+' or spaces, no "-0". */
bool number_parse_int(struct bytes text, int64_t *value);
/* Writes at most 20 characters, no terminator; returns how many. */
size_t number_format_int(char *out, int64_t value);
/* As strtold on the whole text: no leading space, no NaN; inf is allowed. */
bool number_parse_float(struct bytes text, long double *value);
/* Redis's INCRBYFLOAT format: %.17Lf without trailing zeros; "-0" -> "0". */
size_t number_format_float(char out[NUMBER_FLOAT_ROOM], long double value);
/* RESP3 doubles: shortest %.17g; inf, -inf, nan. */
size_t number_format_double(char out[64], double value);
/* "1gb", "100k" (1000), "100kb" (1024), "5MB", plain bytes; redis.conf. */
bool number_parse_memory(struct bytes text, int64_t *bytes);

#endif
