/*
 * wire.h - GET and SET in two protocols: requests out, replies in.
 *
 * Knows nothing of sockets. A reply may arrive in pieces of any size; bodies
 * are skipped (or compared), never stored.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a request needs at most beside its value. */
#define WIRE_REQUEST_BYTES_MAX 96
#define WIRE_LINE_BYTES_MAX 128

enum wire_protocol {
    WIRE_RESP,
    WIRE_MEMCACHE, /* the text protocol */
};

enum wire_outcome {
    WIRE_DONE,  /* a write was accepted */
    WIRE_HIT,   /* a value came */
    WIRE_MISS,  /* no such key */
    WIRE_ERROR, /* the text is in parser.line */
};

struct wire_parser {
    enum wire_protocol protocol;
    enum wire_outcome outcome; /* valid when is_complete */
    bool is_complete;          /* the last feed ended a reply */
    bool has_body;             /* body and its line end are being skipped */
    bool is_closing;           /* memcached: END must follow */
    bool is_broken;            /* not a reply of this protocol */
    uint64_t body_left;        /* bytes of value still to come */
    uint64_t crlf_left;        /* bytes of its line end still to come */
    const char *expected;      /* rest of the value to compare with, or NULL */
    uint64_t mismatch_count;   /* bodies that differed from it */
    bool has_differed;         /* the present one did */
    size_t line_len;
    char line[WIRE_LINE_BYTES_MAX]; /* a line that came in pieces; errors */
};

void wire_parser_init(struct wire_parser *parser, enum wire_protocol protocol);

/*
 * Takes bytes up to the end of one reply, returns how many it took. When
 * is_complete is set the reply has ended and the rest belongs to the next.
 * `expected` must be set before the first byte of a reply.
 */
size_t wire_feed(struct wire_parser *parser, const char *data, size_t len);

/* Append one request at `out`; return its length. */
size_t wire_put_get(enum wire_protocol protocol, char *out, uint32_t key);
size_t wire_put_set(enum wire_protocol protocol, char *out, uint32_t key,
                    const char *value, size_t value_bytes);

#endif
