#include "ctl/json.h"

#include "base/number.h"

static void
put(struct json *json, const char *text)
{
    buf_must_add(json->out, text, strlen(text));
}

/* Bytes of the UTF-8 character that begins the text; 0: none does. */
static size_t
utf8_size(struct bytes text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *at = (const unsigned char *)text.data;
    size_t size = at[0] < 0x80   ? 1
                  : at[0] < 0xc0 ? 0
                  : at[0] < 0xe0 ? 2
                  : at[0] < 0xf0 ? 3
                  : at[0] < 0xf8 ? 4
                                 : 0;
    uint32_t code;
    size_t i;

    if (size <= 1 || size > text.size) return size <= 1 ? size : 0;
    code = at[0] & (0xffu >> (size + 1));
    for (i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) return 0;
        code = code << 6 | (at[i] & 0x3f);
    }
    if (code < least[size] || code > 0x10ffff) return 0;
    return code >= 0xd800 && code <= 0xdfff ? 0 : size;
}

static void
put_quoted(struct json *json, struct bytes text)
{
    put(json, "\"");
    while (text.size > 0) {
        size_t size = utf8_size(text);
        unsigned char c = (unsigned char)text.data[0];

        if (size == 0) {
            put(json, "\\ufffd");
            size = 1;
        } else if (c == '"' || c == '\\') {
            buf_must_printf(json->out, "\\%c", c);
        } else if (c < 0x20 || c == 0x7f) {
            buf_must_printf(json->out, "\\u%04x", c);
        } else {
            buf_must_add(json->out, text.data, size);
        }
        text = bytes_of(text.data + size, text.size - size);
    }
    put(json, "\"");
}

/* The comma before, and the name. */
static void
lead(struct json *json, const char *name)
{
    if (json->has_before) put(json, ",");
    json->has_before = true;
    if (name == NULL) return;
    put_quoted(json, bytes_str(name));
    put(json, ":");
}

void
json_begin(struct json *json, struct buf *out, const char *verb)
{
    *json = (struct json){.out = out};
    put(json, "{");
    lead(json, "schema");
    buf_must_printf(out, "\"kula-ctl.%s/1\"", verb);
}

void
json_finish(struct json *json)
{
    put(json, "}\n");
}

void
json_open(struct json *json, const char *name, char bracket)
{
    lead(json, name);
    buf_must_add(json->out, &bracket, 1);
    json->has_before = false;
}

void
json_close(struct json *json, char bracket)
{
    buf_must_add(json->out, &bracket, 1);
    json->has_before = true;
}

void
json_bytes(struct json *json, const char *name, struct bytes text)
{
    lead(json, name);
    put_quoted(json, text);
}

void
json_text(struct json *json, const char *name, const char *text)
{
    json_bytes(json, name, bytes_str(text));
}

void
json_int(struct json *json, const char *name, int64_t value)
{
    lead(json, name);
    buf_must_printf(json->out, "%lld", (long long)value);
}

void
json_bool(struct json *json, const char *name, bool value)
{
    lead(json, name);
    put(json, value ? "true" : "false");
}

void
json_decimal(struct json *json, const char *name, const char *text)
{
    long double value;
    bool is_plain =
        text[0] != '\0' && strspn(text, "0123456789.-") == strlen(text) &&
        text[strspn(text, "-")] != '.' && text[strlen(text) - 1] != '.';

    lead(json, name);
    if (is_plain && number_parse_float(bytes_str(text), &value)) {
        put(json, text);
    } else {
        put(json, "0");
    }
}
