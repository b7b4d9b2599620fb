/*
 * parse.h - from a client's bytes to commands: RESP arrays of bulk strings
 * and inline commands. Fed piece by piece; never reads a byte twice.
 *
 * The parser keeps offsets, not pointers, so the buffer may move between
 * calls as long as its bytes from the start of the present command stay.
 * Source: the Redis serialization protocol specification.
 */
#ifndef RESP_PARSE_H
#define RESP_PARSE_H

#include "base/bytes.h"

enum {
    RESP_ARGS_MAX = 1024 * 1024, /* as Redis before 7.0, which has no limit */
    RESP_INLINE_MAX = 64 * 1024, /* bytes of an inline command, as Redis */
};

enum resp_result {
    RESP_COMPLETE, /* one command; parser->args, parser->arg_count */
    RESP_EMPTY,    /* an empty line or array: consumed, nothing to do */
    RESP_MORE,     /* needs more bytes */
    RESP_BAD,      /* parser->error says why; close after replying */
};

struct resp_parser {
    struct bytes *args;   /* owned; into the buffer of the last call */
    uint32_t arg_count;   /* valid entries of args when RESP_COMPLETE */
    uint32_t arg_room;    /* entries allocated */
    int64_t args_left;    /* still to come; -1: before the '*' line */
    int64_t bulk_left;    /* length of the bulk being read; -1: none yet */
    size_t at;            /* bytes of the present command digested */
    size_t scanned;       /* bytes of the present line searched for '\n' */
    int64_t bulk_max;     /* proto-max-bulk-len */
    bool is_trusted;      /* false before AUTH: 10 args, 16 KiB bulks */
    bool is_inline_split; /* args point into unquoted, owned copies */
    char *unquoted;       /* owned; inline arguments after unquoting */
    char error[128];      /* "ERR Protocol error: ..." when RESP_BAD */
};

void resp_parser_init(struct resp_parser *parser, int64_t bulk_max);
void resp_parser_deinit(struct resp_parser *parser);

/*
 * Looks for the next command in data[0..size). data[0] is the first byte of
 * the present command on every call until it is complete. On COMPLETE, EMPTY
 * and BAD, *consumed says how many bytes it took; the args stay valid until
 * the next call or until the buffer changes. On MORE *consumed is 0.
 * Memory for args grows as they arrive, never by a declared count.
 */
enum resp_result resp_parse(struct resp_parser *parser, const char *data,
                            size_t size, size_t *consumed);

/* Forgets the command begun: the next call starts with its first byte. */
void resp_parser_restart(struct resp_parser *parser);
/* Between commands: gives the memory for arguments back. */
void resp_parser_rest(struct resp_parser *parser);

/* A hint: the least bytes of buffer that the present command needs in all
 * (0: unknown). Never more than bulk_max + 64 KiB beyond what has arrived. */
size_t resp_parser_wants(const struct resp_parser *parser);

/*
 * A guess, for prefetching: the second argument of the RESP array that data
 * begins with, if all of it is there. Changes nothing, promises nothing.
 */
bool resp_peek_key(const char *data, size_t size, struct bytes *key);

/*
 * Splits a line the way Redis's inline commands, redis.conf and redis-cli do
 * (double quotes with escapes, single quotes). Writes the unquoted arguments
 * to `out` (at least size bytes, borrowed by args) and at most args_max
 * slices. Returns their count, or -1 for unbalanced quotes.
 */
int resp_split_line(struct bytes line, char *out, struct bytes *args,
                    uint32_t args_max);

#endif
