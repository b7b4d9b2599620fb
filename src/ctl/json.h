/*
 * json.h - writes one JSON object: {"schema":"kula-ctl.<verb>/1", ...}.
 *
 * Text that is not UTF-8 gets U+FFFD in the place of each wrong byte. Numbers
 * that need all 64 bits (stamps) are written as text, since many readers keep
 * only 53.
 */
#ifndef CTL_JSON_H
#define CTL_JSON_H

#include "base/buf.h"

struct json {
    struct buf *out; /* borrowed */
    bool has_before; /* something stands before, in this object or array */
};

void json_begin(struct json *json, struct buf *out, const char *verb);
void json_finish(struct json *json); /* with a newline */
/* In an array, names are NULL. */
void json_open(struct json *json, const char *name, char bracket); /* { or [ */
void json_close(struct json *json, char bracket);                  /* } or ] */
void json_text(struct json *json, const char *name, const char *text);
void json_bytes(struct json *json, const char *name, struct bytes text);
void json_int(struct json *json, const char *name, int64_t value);
void json_bool(struct json *json, const char *name, bool value);
/* A number in decimal, already text; what is none becomes 0. */
void json_decimal(struct json *json, const char *name, const char *text);

#endif
