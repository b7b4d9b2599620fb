/*
 * The messages are Redis's: clients and people search for them.
 *
 * A text that consists of words is kept as CONFIG GET shows it, one space
 * between words; whoever needs the words splits it again.
 */
#include "config/value.h"

#include "base/err.h"
#include "base/memory.h"
#include "base/number.h"
#include "config/check.h"
#include "config/line.h"

#include <stdarg.h>
#include <stdio.h>

/* What is being read; passed down instead of five parameters. */
struct reading {
    enum setting id;
    const struct setting_row *row;
    const struct bytes *args;
    uint32_t count;
    struct value *value;
    char *why;
};

static int bad(struct reading *in, int err, const char *format, ...)
    PRINTF_LIKE(3, 4);

static int
bad(struct reading *in, int err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(in->why, SETTING_WHY_BYTES, format, args);
    va_end(args);
    return err;
}

static int
in_range(struct reading *in, int64_t number)
{
    if (number < in->row->least || number > in->row->most) {
        return bad(in, ERR_RANGE,
                   "argument must be between %lld and %lld inclusive",
                   (long long)in->row->least, (long long)in->row->most);
    }
    in->value->number = number;
    return ERR_OK;
}

static int
read_int(struct reading *in)
{
    int64_t number;

    if (!number_parse_int(in->args[0], &number)) {
        return bad(in, ERR_SYNTAX,
                   "argument couldn't be parsed into an integer");
    }
    return in_range(in, number);
}

static int
read_hertz(struct reading *in)
{
    int err = read_int(in);

    if (err != ERR_OK) return err;
    if (in->value->number < 1) in->value->number = 1;
    if (in->value->number > 500) in->value->number = 500;
    return ERR_OK;
}

static int
read_bool(struct reading *in)
{
    in->value->number = bytes_is_nocase(in->args[0], "yes");
    if (in->value->number == 1 || bytes_is_nocase(in->args[0], "no")) {
        return ERR_OK;
    }
    return bad(in, ERR_SYNTAX, "argument must be 'yes' or 'no'");
}

/* Nothing at all is 0, as in Redis. */
static bool
memory_number(struct bytes text, int64_t *number)
{
    *number = 0;
    return text.size == 0 || number_parse_memory(text, number);
}

static int
read_memory(struct reading *in)
{
    int64_t number;

    if (!memory_number(in->args[0], &number)) {
        return bad(in, ERR_SYNTAX, "argument must be a memory value");
    }
    return in_range(in, number);
}

static int
read_percent(struct reading *in)
{
    struct bytes arg = in->args[0];
    int64_t number;

    if (arg.size > 1 && arg.data[arg.size - 1] == '%') {
        arg.size--;
        if (!number_parse_int(arg, &number) || number < 0) goto fail;
        if (number > 100) {
            return bad(in, ERR_RANGE,
                       "percentage argument must be less or equal to 100");
        }
        return in_range(in, -number);
    }
    if (memory_number(arg, &number)) return in_range(in, number);
fail:
    return bad(in, ERR_SYNTAX, "argument must be a memory or percent value");
}

static int
read_octal(struct reading *in)
{
    struct bytes arg = in->args[0];
    int64_t number = 0;
    size_t i;

    for (i = 0; i < arg.size && i < 8; i++) {
        if (arg.data[i] < '0' || arg.data[i] > '7') break;
        number = number * 8 + (arg.data[i] - '0');
    }
    if (i == 0 || i < arg.size) {
        return bad(in, ERR_SYNTAX,
                   "argument couldn't be parsed as an octal number");
    }
    if (number > in->row->most) {
        return bad(in, ERR_RANGE,
                   "argument must be between %llo and %llo inclusive",
                   (unsigned long long)in->row->least,
                   (unsigned long long)in->row->most);
    }
    in->value->number = number;
    return ERR_OK;
}

/* Index of the choice, or -1. */
static int
find_choice(const struct setting_row *row, struct bytes name)
{
    int i;

    for (i = 0; row->choices[i] != NULL; i++) {
        if (bytes_is_nocase(name, row->choices[i])) return i;
    }
    return -1;
}

static int
not_a_choice(struct reading *in)
{
    const char *listed = table_listed(in->id);
    struct buf names = {0};
    uint32_t i;

    for (i = 0; listed == NULL && in->row->choices[i] != NULL; i++) {
        buf_must_printf(&names, "%s%s", i > 0 ? ", " : "", in->row->choices[i]);
    }
    (void)bad(in, ERR_SYNTAX, "argument(s) must be one of the following: %.*s",
              listed != NULL ? (int)strlen(listed) : (int)names.used,
              listed != NULL ? listed : names.data);
    buf_deinit(&names);
    return ERR_SYNTAX;
}

static int
read_enum(struct reading *in)
{
    int choice = find_choice(in->row, in->args[0]);

    if (choice < 0) return not_a_choice(in);
    in->value->number = choice;
    return ERR_OK;
}

static int
read_choices(struct reading *in)
{
    uint32_t i;

    if (in->count == 0) return not_a_choice(in);
    for (i = 0; i < in->count; i++) {
        int choice = find_choice(in->row, in->args[i]);

        if (choice < 0) return not_a_choice(in);
        if (choice > 0) in->value->number |= INT64_C(1) << (choice - 1);
    }
    if ((in->value->number & SHUTDOWN_SAVE) &&
        (in->value->number & SHUTDOWN_NOSAVE)) {
        return bad(in, ERR_SYNTAX,
                   "shutdown options SAVE and NOSAVE can't be used "
                   "simultaneously");
    }
    return ERR_OK;
}

/* The words with one space between them become the text. */
static int
keep_words(struct reading *in)
{
    struct buf text = {0};
    uint32_t i;

    for (i = 0; i < in->count; i++) {
        if (i > 0) buf_must_add(&text, " ", 1);
        buf_must_add(&text, in->args[i].data, in->args[i].size);
    }
    in->value->text = mem_must_text(text.data, text.used);
    buf_deinit(&text);
    return ERR_OK;
}

static int
read_file_name(struct reading *in)
{
    struct bytes arg = in->args[0];

    if (arg.size == 0 && in->id != SETTING_DBFILENAME) {
        return bad(in, ERR_SYNTAX, "%s can't be empty", in->row->name);
    }
    if (arg.size > 0 && memchr(arg.data, '/', arg.size) != NULL) {
        return bad(in, ERR_SYNTAX, "%s can't be a path, just a %s",
                   in->row->name,
                   in->id == SETTING_APPENDDIRNAME ? "dirname" : "filename");
    }
    return keep_words(in);
}

static int
read_host_name(struct reading *in)
{
    struct bytes arg = in->args[0];
    size_t i;

    if (arg.size >= 256) {
        return bad(in, ERR_RANGE, "Hostnames must be less than 256 characters");
    }
    for (i = 0; i < arg.size; i++) {
        char c = arg.data[i];
        bool is_ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9') || c == '-' || c == '.';

        if (!is_ok) {
            return bad(in, ERR_SYNTAX,
                       "Hostnames may only contain alphanumeric characters, "
                       "hyphens or dots");
        }
    }
    return keep_words(in);
}

static bool
title_knows(struct bytes name)
{
    static const char *const names[] = {
        "title",    "listen-addr", "server-mode", "port",
        "tls-port", "unixsocket",  "config-file",
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(names); i++) {
        if (bytes_equal(name, bytes_str(names[i]))) return true;
    }
    return false;
}

static int
read_title(struct reading *in)
{
    struct bytes left = in->args[0];

    while (left.size > 0) {
        const char *open = memchr(left.data, '{', left.size);
        const char *end;
        size_t room;

        if (open == NULL) break;
        room = left.size - (size_t)(open - left.data);
        end = memchr(open, '}', room);
        if (end == NULL ||
            !title_knows(bytes_of(open + 1, (size_t)(end - open) - 1))) {
            return bad(in, ERR_SYNTAX,
                       "template format is invalid or contains unknown "
                       "variables");
        }
        left = bytes_of(end + 1, room - (size_t)(end - open) - 1);
    }
    return keep_words(in);
}

static int
read_events(struct reading *in)
{
    static const char known[] = "Ag$lshzxeKEtmdn";
    size_t i;

    for (i = 0; i < in->args[0].size; i++) {
        char c = in->args[0].data[i];

        if (c == '\0' || strchr(known, c) == NULL) {
            return bad(in, ERR_SYNTAX,
                       "Invalid event class character. Use '%s'.", known);
        }
    }
    return keep_words(in);
}

static int
read_bind(struct reading *in)
{
    if (in->count > (uint64_t)in->row->most) {
        return bad(in, ERR_RANGE, "Too many bind addresses specified.");
    }
    return keep_words(in);
}

/* A name or an address; nothing at all where that has a meaning. */
static int
read_checked(struct reading *in, int (*check)(struct bytes, char *))
{
    if (in->args[0].size > 0 || in->row->least > 0) {
        int err = check(in->args[0], in->why);

        if (err != ERR_OK) return err;
    }
    return keep_words(in);
}

static int
read_decimal(struct reading *in)
{
    int err = check_weight(in->args[0], in->row->most, in->why);

    return err == ERR_OK ? keep_words(in) : err;
}

static int
read_seeds(struct reading *in)
{
    uint32_t i;

    if (in->count > (uint64_t)in->row->most) {
        return bad(in, ERR_RANGE, "too many seeds: at most %lld",
                   (long long)in->row->most);
    }
    for (i = 0; i < in->count; i++) {
        int err = check_seed(in->args[i], in->why);

        if (err != ERR_OK) return err;
    }
    return keep_words(in);
}

static int
read_replicas(struct reading *in)
{
    int err = check_replicas(in->args, in->count, in->why);

    return err == ERR_OK ? keep_words(in) : err;
}

static int
read_save(struct reading *in)
{
    uint32_t i;

    if (in->count % 2 != 0) goto fail;
    for (i = 0; i < in->count; i += 2) {
        int64_t seconds, changes;

        if (!number_parse_int(in->args[i], &seconds) || seconds < 1 ||
            seconds > INT32_MAX ||
            !number_parse_int(in->args[i + 1], &changes) || changes < 0 ||
            changes > INT32_MAX) {
            goto fail;
        }
    }
    return keep_words(in);
fail:
    return bad(in, ERR_SYNTAX, "Invalid save parameters");
}

static int
read_host_port(struct reading *in)
{
    int64_t port;

    if (in->count == 0) return keep_words(in);
    if (in->count != 2) return bad(in, ERR_SYNTAX, "wrong number of arguments");
    if (bytes_is_nocase(in->args[0], "no") &&
        bytes_is_nocase(in->args[1], "one")) {
        in->count = 0;
    } else if (!number_parse_int(in->args[1], &port) || port < 0 ||
               port > 65535) {
        return bad(in, ERR_SYNTAX, "Invalid master port");
    }
    return keep_words(in);
}

static int
read_oom_values(struct reading *in)
{
    uint32_t i;

    if (in->count != 3) return bad(in, ERR_SYNTAX, "wrong number of arguments");
    for (i = 0; i < in->count; i++) {
        int64_t number;

        if (!number_parse_int(in->args[i], &number) || number < -2000 ||
            number > 2000) {
            return bad(in, ERR_RANGE,
                       "Invalid oom-score-adj-values, elements must be "
                       "between -2000 and 2000.");
        }
    }
    return keep_words(in);
}

static int
read_percentiles(struct reading *in)
{
    uint32_t i;

    if (in->count > (uint64_t)in->row->most) {
        return bad(in, ERR_RANGE, "too many percentiles: at most %lld",
                   (long long)in->row->most);
    }
    for (i = 0; i < in->count; i++) {
        long double number;

        if (!number_parse_float(in->args[i], &number)) {
            return bad(in, ERR_SYNTAX,
                       "Invalid latency-tracking-info-percentiles parameters");
        }
        if (number < 0 || number > 100) {
            return bad(in, ERR_RANGE,
                       "latency-tracking-info-percentiles parameters should "
                       "sit between [0.0,100.0]");
        }
    }
    return keep_words(in);
}

static int
find_class(struct bytes name)
{
    if (bytes_is_nocase(name, "normal")) return OUTPUT_NORMAL;
    if (bytes_is_nocase(name, "slave")) return OUTPUT_REPLICA;
    if (bytes_is_nocase(name, "replica")) return OUTPUT_REPLICA;
    if (bytes_is_nocase(name, "pubsub")) return OUTPUT_PUBSUB;
    return -1;
}

static int
read_output_limits(struct reading *in)
{
    uint32_t i;

    if (in->count == 0 || in->count % 4 != 0) {
        return bad(in, ERR_SYNTAX,
                   "Wrong number of arguments in buffer limit configuration.");
    }
    for (i = 0; i < in->count; i += 4) {
        int class = find_class(in->args[i]);
        struct output_limit limit;

        if (class < 0) {
            return bad(in, ERR_SYNTAX,
                       "Invalid client class specified in buffer limit "
                       "configuration.");
        }
        if (!number_parse_memory(in->args[i + 1], &limit.hard_bytes) ||
            !number_parse_memory(in->args[i + 2], &limit.soft_bytes) ||
            !number_parse_int(in->args[i + 3], &limit.soft_s) ||
            limit.soft_s < 0 || limit.soft_s > INT32_MAX) {
            return bad(in, ERR_SYNTAX,
                       "Error in hard, soft or soft_seconds setting in buffer "
                       "limit configuration.");
        }
        in->value->limits[class] = limit;
        in->value->has_limit[class] = true;
    }
    return ERR_OK;
}

static int
read_kind(struct reading *in)
{
    switch (in->row->kind) {
    case KIND_INT: return read_int(in);
    case KIND_BOOL: return read_bool(in);
    case KIND_ENUM: return read_enum(in);
    case KIND_CHOICES: return read_choices(in);
    case KIND_MEMORY: return read_memory(in);
    case KIND_PERCENT: return read_percent(in);
    case KIND_OCTAL: return read_octal(in);
    case KIND_HERTZ: return read_hertz(in);
    case KIND_TEXT:
    case KIND_OTHER: return keep_words(in);
    case KIND_FILE_NAME: return read_file_name(in);
    case KIND_HOST_NAME: return read_host_name(in);
    case KIND_NAME: return read_checked(in, check_name);
    case KIND_ADDRESS: return read_checked(in, check_host);
    case KIND_DECIMAL: return read_decimal(in);
    case KIND_TITLE: return read_title(in);
    case KIND_EVENTS: return read_events(in);
    case KIND_WORDS: return read_bind(in);
    case KIND_SEEDS: return read_seeds(in);
    case KIND_REPLICAS: return read_replicas(in);
    case KIND_SAVE: return read_save(in);
    case KIND_HOST_PORT: return read_host_port(in);
    case KIND_OOM_VALUES: return read_oom_values(in);
    case KIND_PERCENTILES: return read_percentiles(in);
    case KIND_OUTPUT_LIMITS: return read_output_limits(in);
    }
    ASSERT(false);
    return ERR_SYNTAX;
}

/* Splits one argument that holds several words. */
static uint32_t
split_spaces(struct bytes text, struct bytes *words, uint32_t room)
{
    uint32_t count = 0;
    size_t at = 0;

    while (at < text.size && count <= room) {
        size_t start;

        while (at < text.size && text.data[at] == ' ')
            at++;
        start = at;
        while (at < text.size && text.data[at] != ' ')
            at++;
        if (at == start) break;
        if (count < room) {
            words[count] = bytes_of(text.data + start, at - start);
        }
        count++;
    }
    return count;
}

int
value_parse(enum setting id, const struct bytes *args, uint32_t arg_count,
            struct value *value, char why[SETTING_WHY_BYTES])
{
    struct bytes words[LINE_WORDS_MAX] = {{NULL, 0}};
    struct reading in = {
        .id = id,
        .row = table_row(id),
        .args = args,
        .count = arg_count,
        .value = value,
        .why = why,
    };
    uint32_t i;

    *value = (struct value){0};
    why[0] = '\0';
    if (table_takes_words(in.row->kind)) {
        if (arg_count == 1) {
            in.count = split_spaces(args[0], words, LINE_WORDS_MAX);
            in.args = words;
        } else if (arg_count == 0) {
            return bad(&in, ERR_SYNTAX, "wrong number of arguments");
        }
    } else if (arg_count != 1) {
        return bad(&in, ERR_SYNTAX, "wrong number of arguments");
    }
    if (in.count > LINE_WORDS_MAX) {
        return bad(&in, ERR_RANGE, "too many words: at most %d",
                   LINE_WORDS_MAX);
    }
    /* numbers and choices refuse it by themselves, in their own words */
    for (i = 0; in.row->kind >= KIND_MEMORY && i < in.count; i++) {
        if (in.args[i].size > 0 &&
            memchr(in.args[i].data, '\0', in.args[i].size) != NULL) {
            return bad(&in, ERR_SYNTAX, "argument must not hold a zero byte");
        }
    }
    return read_kind(&in);
}

void
value_deinit(struct value *value)
{
    mem_free(value->text);
    value->text = NULL;
}

static void
show_choices(const struct setting_row *row, int64_t bits, struct buf *out)
{
    bool is_first = true;
    uint32_t i;

    if (bits == 0) {
        buf_must_printf(out, "%s", row->choices[0]);
        return;
    }
    for (i = 1; row->choices[i] != NULL; i++) {
        if (!(bits & (INT64_C(1) << (i - 1)))) continue;
        buf_must_printf(out, "%s%s", is_first ? "" : " ", row->choices[i]);
        is_first = false;
    }
}

static void
show_limits(const struct value *value, struct buf *out)
{
    static const char *const names[OUTPUT_CLASSES] = {"normal", "slave",
                                                      "pubsub"};
    uint32_t i;

    for (i = 0; i < OUTPUT_CLASSES; i++) {
        const struct output_limit *limit = &value->limits[i];

        buf_must_printf(out, "%s%s %lld %lld %lld", i > 0 ? " " : "", names[i],
                        (long long)limit->hard_bytes,
                        (long long)limit->soft_bytes, (long long)limit->soft_s);
    }
}

void
value_show(enum setting id, const struct value *value, struct buf *out)
{
    const struct setting_row *row = table_row(id);
    long long number = (long long)value->number;

    if (table_is_text(row->kind)) {
        buf_must_add(out, value->text, strlen(value->text));
    } else if (row->kind == KIND_BOOL) {
        buf_must_printf(out, "%s", number ? "yes" : "no");
    } else if (row->kind == KIND_ENUM) {
        buf_must_printf(out, "%s", row->choices[number]);
    } else if (row->kind == KIND_CHOICES) {
        show_choices(row, number, out);
    } else if (row->kind == KIND_OCTAL) {
        buf_must_printf(out, "%llo", (unsigned long long)number);
    } else if (row->kind == KIND_OUTPUT_LIMITS) {
        show_limits(value, out);
    } else if (row->kind == KIND_PERCENT && number < 0) {
        buf_must_printf(out, "%lld%%", -number);
    } else {
        buf_must_printf(out, "%lld", number);
    }
}

void
value_fallback(enum setting id, struct value *value)
{
    struct bytes text = bytes_str(table_row(id)->fallback);
    char why[SETTING_WHY_BYTES];
    int err = value_parse(id, &text, 1, value, why);

    ASSERT(err == ERR_OK);
}

bool
value_equal(enum setting id, const struct value *a, const struct value *b)
{
    struct buf one = {0}, two = {0};
    bool is_equal;

    value_show(id, a, &one);
    value_show(id, b, &two);
    is_equal = bytes_equal(buf_bytes(&one), buf_bytes(&two));
    buf_deinit(&one);
    buf_deinit(&two);
    return is_equal;
}
