#include "config/check.h"

#include "base/err.h"
#include "base/number.h"

#include <stdarg.h>
#include <stdio.h>

enum { SHOWN_MAX = 100 }; /* of a bad word in a message */

static int bad(char why[SETTING_WHY_BYTES], int err, struct bytes word,
               const char *format, ...) PRINTF_LIKE(4, 5);

/* 'the word' and what is wrong with it. */
static int
bad(char why[SETTING_WHY_BYTES], int err, struct bytes word, const char *format,
    ...)
{
    va_list args;
    size_t shown = word.size < SHOWN_MAX ? word.size : SHOWN_MAX, i;
    size_t used = 0;

    why[used++] = '\'';
    for (i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)word.data[i];

        why[used++] = c < ' ' || c == 0x7f ? '?' : (char)c;
    }
    used += (size_t)snprintf(why + used, SETTING_WHY_BYTES - used, "%s' ",
                             word.size > shown ? "..." : "");
    va_start(args, format);
    (void)vsnprintf(why + used, SETTING_WHY_BYTES - used, format, args);
    va_end(args);
    return err;
}

static bool
is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

int
check_name(struct bytes word, char why[SETTING_WHY_BYTES])
{
    size_t i;

    if (word.size == 0) return bad(why, ERR_SYNTAX, word, "is not a name");
    if (word.size > CHECK_NAME_MAX) {
        return bad(why, ERR_RANGE, word, "is longer than %d characters",
                   CHECK_NAME_MAX);
    }
    for (i = 0; i < word.size; i++) {
        if (is_plain(word.data[i])) continue;
        return bad(why, ERR_SYNTAX, word,
                   "may only hold letters, digits, '-', '_' and '.'");
    }
    return ERR_OK;
}

int
check_host(struct bytes word, char why[SETTING_WHY_BYTES])
{
    size_t i;

    if (word.size == 0) return bad(why, ERR_SYNTAX, word, "is not an address");
    if (word.size > CHECK_HOST_MAX) {
        return bad(why, ERR_RANGE, word, "is longer than %d characters",
                   CHECK_HOST_MAX);
    }
    for (i = 0; i < word.size; i++) {
        char c = word.data[i];

        if (is_plain(c) || c == ':' || c == '%') continue;
        return bad(why, ERR_SYNTAX, word,
                   "is not a host name or an IP address");
    }
    return ERR_OK;
}

int
check_seed(struct bytes word, char why[SETTING_WHY_BYTES])
{
    size_t colon = word.size;
    struct bytes host;
    int64_t port;

    while (colon > 0 && word.data[colon - 1] != ':')
        colon--;
    if (colon < 2) goto fail;
    host = bytes_of(word.data, colon - 1);
    if (host.data[0] == '[') {
        if (host.size < 3 || host.data[host.size - 1] != ']') goto fail;
        host = bytes_of(host.data + 1, host.size - 2);
    } else if (memchr(host.data, ':', host.size) != NULL) {
        return bad(why, ERR_SYNTAX, word,
                   "has more than one colon: write [address]:port");
    }
    if (!number_parse_int(bytes_of(word.data + colon, word.size - colon),
                          &port))
        goto fail;
    if (port < 1 || port > 65535) {
        return bad(why, ERR_RANGE, word,
                   "has a port that is not between 1 and 65535");
    }
    return check_host(host, why);
fail:
    return bad(why, ERR_SYNTAX, word, "is not host:port");
}

/* The count behind a name, if there is one; adds it to the sum. */
static int
check_copies(struct bytes word, bool has_name, int64_t *sum,
             char why[SETTING_WHY_BYTES])
{
    const char *colon =
        word.size > 0 ? memchr(word.data, ':', word.size) : NULL;
    size_t name_size = colon != NULL ? (size_t)(colon - word.data) : 0;
    struct bytes number = word;
    int64_t count;

    if (has_name) {
        if (colon == NULL)
            return bad(why, ERR_SYNTAX, word, "is not datacenter:copies");
        if (check_name(bytes_of(word.data, name_size), why) != ERR_OK)
            return ERR_SYNTAX;
        number = bytes_of(colon + 1, word.size - name_size - 1);
    }
    if (!number_parse_int(number, &count))
        return bad(why, ERR_SYNTAX, word, "is not a number of copies");
    if (count < 1 || count > CHECK_COPIES_MAX ||
        *sum + count > CHECK_COPIES_MAX)
        return bad(why, ERR_RANGE, word, "must be at least 1, and %d in all",
                   CHECK_COPIES_MAX);
    *sum += count;
    return ERR_OK;
}

static struct bytes
name_of(struct bytes word)
{
    const char *colon = memchr(word.data, ':', word.size);

    ASSERT(colon != NULL);
    return bytes_of(word.data, (size_t)(colon - word.data));
}

int
check_replicas(const struct bytes *words, uint32_t count,
               char why[SETTING_WHY_BYTES])
{
    bool has_names;
    int64_t sum = 0;
    uint32_t i, j;

    if (count == 0) {
        return bad(why, ERR_SYNTAX, bytes_of("", 0),
                   "is not a number of copies");
    }
    has_names =
        count > 1 || (words[0].size > 0 &&
                      memchr(words[0].data, ':', words[0].size) != NULL);
    for (i = 0; i < count; i++) {
        int err = check_copies(words[i], has_names, &sum, why);

        if (err != ERR_OK) return err;
        for (j = 0; j < i; j++) {
            if (bytes_equal(name_of(words[i]), name_of(words[j])))
                return bad(why, ERR_SYNTAX, words[i],
                           "names a data center twice");
        }
    }
    return ERR_OK;
}

int
check_weight(struct bytes word, int64_t most, char why[SETTING_WHY_BYTES])
{
    long double number;

    if (!number_parse_float(word, &number))
        return bad(why, ERR_SYNTAX, word, "is not a decimal number");
    if (number == 0 || (number >= 0.01L && number <= (long double)most))
        return ERR_OK;
    return bad(why, ERR_RANGE, word, "must be 0, or between 0.01 and %lld",
               (long long)most);
}
