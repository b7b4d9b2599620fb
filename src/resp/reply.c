/*
 * Numbers are written by hand: this is where a server's printf time goes.
 * Each function asks once for the most room it may need, then writes.
 */
#include "resp/reply.h"

#include "base/err.h"
#include "base/memory.h"
#include "base/number.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    REPLY_ROOM_FIRST = 16 * 1024,
    HEADER_ROOM = 24, /* lead, 20 digits with sign, CR LF */
    ERROR_MAX = 1024, /* of a formatted error; the rest is cut */
};

void
reply_init(struct reply *reply)
{
    *reply = (struct reply){.proto = 2, .most = SIZE_MAX};
}

void
reply_deinit(struct reply *reply)
{
    buf_deinit(&reply->out);
}

bool
reply_grow(struct reply *reply, size_t more)
{
    size_t want = more < REPLY_ROOM_FIRST ? REPLY_ROOM_FIRST : more;

    if (reply->is_broken) return false;
    if (reply->out.used <= reply->most &&
        buf_reserve(&reply->out, want) == ERR_OK) {
        return true;
    }
    reply->is_broken = true;
    reply->out.room = reply->out.used; /* so that nothing more fits */
    return false;
}

static inline char *
put_pair(char *to, uint32_t below_100)
{
    static const char pairs[] = "00010203040506070809"
                                "10111213141516171819"
                                "20212223242526272829"
                                "30313233343536373839"
                                "40414243444546474849"
                                "50515253545556575859"
                                "60616263646566676869"
                                "70717273747576777879"
                                "80818283848586878889"
                                "90919293949596979899";

    memcpy(to, &pairs[below_100 * 2], 2);
    return to + 2;
}

static NOINLINE char *
put_large(char *to, uint64_t value)
{
    char text[20], *at = text + sizeof(text);

    while (value >= 100) {
        at -= 2;
        (void)put_pair(at, (uint32_t)(value % 100));
        value /= 100;
    }
    if (value >= 10) {
        at -= 2;
        (void)put_pair(at, (uint32_t)value);
    } else {
        *--at = (char)('0' + value);
    }
    memcpy(to, at, (size_t)(text + sizeof(text) - at));
    return to + (text + sizeof(text) - at);
}

static inline char *
put_uint(char *to, uint64_t value)
{
    if (value < 10) {
        *to = (char)('0' + value);
        return to + 1;
    }
    if (value < 100) return put_pair(to, (uint32_t)value);
    if (value < 1000) {
        *to = (char)('0' + value / 100);
        return put_pair(to + 1, (uint32_t)(value % 100));
    }
    return put_large(to, value);
}

static inline char *
put_int(char *to, int64_t value)
{
    if (value >= 0) return put_uint(to, (uint64_t)value);
    *to = '-';
    return put_uint(to + 1, 0 - (uint64_t)value);
}

static inline char *
put_end(char *to)
{
    memcpy(to, "\r\n", 2);
    return to + 2;
}

static inline char *
reply_end(struct reply *reply)
{
    return reply->out.data + reply->out.used;
}

static inline void
reply_end_at(struct reply *reply, const char *at)
{
    reply->out.used = (size_t)(at - reply->out.data);
}

static inline void
put_header(struct reply *reply, char lead, int64_t value)
{
    char *at;

    if (UNLIKELY(!reply_room(reply, HEADER_ROOM))) return;
    at = reply_end(reply);
    *at = lead;
    reply_end_at(reply, put_end(put_int(at + 1, value)));
}

void
reply_raw(struct reply *reply, struct bytes data)
{
    if (data.size == 0 || !reply_room(reply, data.size)) return;
    memcpy(reply_end(reply), data.data, data.size);
    reply->out.used += data.size;
}

void
reply_ok(struct reply *reply)
{
    if (UNLIKELY(!reply_room(reply, 5))) return;
    memcpy(reply_end(reply), "+OK\r\n", 5);
    reply->out.used += 5;
}

void
reply_status(struct reply *reply, const char *text)
{
    size_t size = strlen(text);
    char *at;

    if (!reply_room(reply, size + 3)) return;
    at = reply_end(reply);
    *at = '+';
    memcpy(at + 1, text, size);
    reply_end_at(reply, put_end(at + 1 + size));
}

void
reply_error(struct reply *reply, const char *message)
{
    size_t size = strlen(message), i;
    char *at;

    if (!reply_room(reply, size + 3)) return;
    at = reply_end(reply);
    *at++ = '-';
    for (i = 0; i < size; i++) {
        char c = message[i];

        *at++ = c == '\r' || c == '\n' ? ' ' : c;
    }
    reply->last_error = reply->out.used;
    reply->errors++;
    reply_end_at(reply, put_end(at));
}

void
reply_errorf(struct reply *reply, const char *format, ...)
{
    char message[ERROR_MAX];
    size_t size;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    size = strlen(message);
    while (size > 0 && (message[size - 1] == '\r' || message[size - 1] == '\n'))
        message[--size] = '\0';
    reply_error(reply, message);
}

void
reply_int(struct reply *reply, int64_t value)
{
    put_header(reply, ':', value);
}

void
reply_bulk(struct reply *reply, struct bytes data)
{
    char *at;

    if (UNLIKELY(!reply_room(reply, data.size + HEADER_ROOM + 2))) return;
    at = reply_end(reply);
    *at = '$';
    at = put_end(put_uint(at + 1, data.size));
    if (data.size > 0) memcpy(at, data.data, data.size);
    reply_end_at(reply, put_end(at + data.size));
}

void
reply_bulk_str(struct reply *reply, const char *text)
{
    reply_bulk(reply, bytes_str(text));
}

void
reply_bulk_int(struct reply *reply, int64_t value)
{
    char text[NUMBER_INT_ROOM];

    reply_bulk(reply, bytes_of(text, (size_t)(put_int(text, value) - text)));
}

void
reply_bulkf(struct reply *reply, const char *format, ...)
{
    char text[512], *large;
    va_list args, again;
    int size;

    va_start(args, format);
    va_copy(again, args);
    size = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    ASSERT(size >= 0);
    if ((size_t)size < sizeof(text)) {
        reply_bulk(reply, bytes_of(text, (size_t)size));
    } else if ((large = mem_try((size_t)size + 1)) != NULL) {
        (void)vsnprintf(large, (size_t)size + 1, format, again);
        reply_bulk(reply, bytes_of(large, (size_t)size));
        mem_free(large);
    } else {
        reply->is_broken = true;
        reply->out.room = reply->out.used;
    }
    va_end(again);
}

void
reply_null(struct reply *reply)
{
    if (reply->proto == 3) {
        reply_raw(reply, BYTES_LIT("_\r\n"));
    } else {
        reply_raw(reply, BYTES_LIT("$-1\r\n"));
    }
}

void
reply_null_array(struct reply *reply)
{
    if (reply->proto == 3) {
        reply_raw(reply, BYTES_LIT("_\r\n"));
    } else {
        reply_raw(reply, BYTES_LIT("*-1\r\n"));
    }
}

void
reply_array(struct reply *reply, int64_t count)
{
    put_header(reply, '*', count);
}

void
reply_map(struct reply *reply, int64_t pairs)
{
    if (reply->proto == 3) {
        put_header(reply, '%', pairs);
    } else {
        put_header(reply, '*', pairs * 2);
    }
}

void
reply_set(struct reply *reply, int64_t count)
{
    put_header(reply, reply->proto == 3 ? '~' : '*', count);
}

void
reply_push(struct reply *reply, int64_t count)
{
    put_header(reply, reply->proto == 3 ? '>' : '*', count);
}

void
reply_bool(struct reply *reply, bool value)
{
    if (reply->proto == 3) {
        reply_raw(reply, value ? BYTES_LIT("#t\r\n") : BYTES_LIT("#f\r\n"));
    } else {
        reply_int(reply, value);
    }
}

void
reply_double(struct reply *reply, double value)
{
    char text[64 + 3];
    size_t size;

    if (reply->proto == 3) {
        text[0] = ',';
        size = number_format_double(text + 1, value);
        reply_raw(reply,
                  bytes_of(text, (size_t)(put_end(text + 1 + size) - text)));
    } else {
        size = number_format_double(text, value);
        reply_bulk(reply, bytes_of(text, size));
    }
}

void
reply_verbatim(struct reply *reply, const char *format, struct bytes text)
{
    char *at;

    if (reply->proto != 3) {
        reply_bulk(reply, text);
        return;
    }
    if (!reply_room(reply, text.size + HEADER_ROOM + 4 + 2)) return;
    at = reply_end(reply);
    *at = '=';
    at = put_end(put_uint(at + 1, text.size + 4));
    memcpy(at, format, 3);
    at[3] = ':';
    if (text.size > 0) memcpy(at + 4, text.data, text.size);
    reply_end_at(reply, put_end(at + 4 + text.size));
}

size_t
reply_defer(struct reply *reply)
{
    return reply->out.used;
}

static void
set_header(struct reply *reply, size_t place, char lead, int64_t value)
{
    char header[HEADER_ROOM];
    size_t size;

    if (reply->is_broken) return;
    ASSERT(place <= reply->out.used);
    header[0] = lead;
    size = (size_t)(put_end(put_int(header + 1, value)) - header);
    if (!reply_room(reply, size)) return;
    memmove(reply->out.data + place + size, reply->out.data + place,
            reply->out.used - place);
    memcpy(reply->out.data + place, header, size);
    reply->out.used += size;
}

void
reply_set_array(struct reply *reply, size_t place, int64_t count)
{
    set_header(reply, place, '*', count);
}

void
reply_set_map(struct reply *reply, size_t place, int64_t pairs)
{
    if (reply->proto == 3) {
        set_header(reply, place, '%', pairs);
    } else {
        set_header(reply, place, '*', pairs * 2);
    }
}

void
reply_set_set(struct reply *reply, size_t place, int64_t count)
{
    set_header(reply, place, reply->proto == 3 ? '~' : '*', count);
}
