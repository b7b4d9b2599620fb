/*
 * The command line. Options and words may come in any order; what is named
 * there outranks the environment.
 */
#include "ctl/ctl.h"

#include "base/memory.h"
#include "base/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    PORT_USUAL = 6379,
    TIMEOUT_MS = 5000,
    WAIT_MS = 60 * 1000,
    SECONDS_MAX = 24 * 3600,
    DB_MAX = 15,
};

static void
set_text(char **text, const char *data, size_t size)
{
    mem_free(*text);
    *text = mem_must_text(data, size);
}

static int
hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A part of a URL, with its %xx resolved. */
static void
set_part(char **text, const char *data, size_t size)
{
    char *out;
    size_t i, used = 0;

    set_text(text, data, size);
    out = *text;
    for (i = 0; i < size; i++) {
        if (data[i] == '%' && i + 2 < size && hex(data[i + 1]) >= 0 &&
            hex(data[i + 2]) >= 0) {
            out[used++] = (char)(hex(data[i + 1]) * 16 + hex(data[i + 2]));
            i += 2;
        } else {
            out[used++] = data[i];
        }
    }
    out[used] = '\0';
}

static bool
read_number(const char *text, int64_t least, int64_t most, int64_t *value)
{
    return number_parse_int(bytes_str(text), value) && *value >= least &&
           *value <= most;
}

static bool
read_port(struct ctl *ctl, const char *text)
{
    int64_t port;

    if (!read_number(text, 1, UINT16_MAX, &port)) return false;
    ctl->port = (uint16_t)port;
    return true;
}

static bool
read_ms(const char *text, int64_t *ms)
{
    long double seconds;

    if (!number_parse_float(bytes_str(text), &seconds)) return false;
    if (seconds < 0 || seconds > SECONDS_MAX) return false;
    *ms = (int64_t)(seconds * 1000);
    return true;
}

static bool
read_host(struct ctl *ctl, const char *data, size_t size)
{
    if (size == 0 || size >= CTL_HOST_MAX) return false;
    memcpy(ctl->host, data, size);
    ctl->host[size] = '\0';
    ctl->socket_path = NULL;
    return true;
}

/* host, host:port, [v6]:port */
static bool
read_place(struct ctl *ctl, const char *at, size_t size)
{
    const char *colon = memrchr(at, ':', size);
    char port[8];
    size_t host = size;

    if (size > 0 && at[0] == '[') {
        const char *end = memchr(at, ']', size);

        if (end == NULL) return false;
        colon = end + 1 < at + size && end[1] == ':' ? end + 1 : NULL;
        if (!read_host(ctl, at + 1, (size_t)(end - at) - 1)) return false;
    } else {
        if (colon != NULL) host = (size_t)(colon - at);
        if (host > 0 && !read_host(ctl, at, host)) return false;
    }
    if (colon == NULL) return true;
    size -= (size_t)(colon - at) + 1;
    if (size == 0 || size >= sizeof(port)) return false;
    memcpy(port, colon + 1, size);
    port[size] = '\0';
    return read_port(ctl, port);
}

/* redis://[user[:password]@]host[:port][/db] */
static bool
read_url(struct ctl *ctl, const char *url)
{
    const char *at = url, *slash, *sign;
    size_t size;

    if (strncmp(at, "redis://", 8) != 0 && strncmp(at, "kula://", 7) != 0)
        return false;
    at = strstr(at, "://") + 3;
    slash = strchr(at, '/');
    size = slash != NULL ? (size_t)(slash - at) : strlen(at);
    sign = memrchr(at, '@', size);
    if (sign != NULL) {
        size_t login = (size_t)(sign - at);
        const char *colon = memchr(at, ':', login);
        size_t user = colon != NULL ? (size_t)(colon - at) : login;

        if (user > 0) set_part(&ctl->user, at, user);
        if (colon != NULL)
            set_part(&ctl->password, colon + 1, login - user - 1);
        size -= login + 1;
        at = sign + 1;
    }
    if (slash != NULL && slash[1] != '\0' &&
        !read_number(slash + 1, 0, DB_MAX, &ctl->db)) {
        return false;
    }
    return read_place(ctl, at, size);
}

enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

static bool
read_color(enum color *color, const char *text)
{
    static const char *const names[] = {"auto", "always", "never"};
    uint32_t i;

    for (i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i], text) != 0) continue;
        *color = (enum color)i;
        return true;
    }
    return false;
}

enum option {
    OPTION_HOST,
    OPTION_PORT,
    OPTION_SOCKET,
    OPTION_URL,
    OPTION_USER,
    OPTION_PASS,
    OPTION_DB,
    OPTION_JSON,
    OPTION_COLOR,
    OPTION_TIMEOUT,
    OPTION_WAIT,
    OPTION_NODES,
    OPTION_KEY,
    OPTION_BASE,
    OPTION_HELP,
    OPTION_VERSION,
};

enum takes { NOTHING, VALUE, PERHAPS /* with '=' only */ };

static const struct {
    const char *name;
    enum option option;
    enum takes takes;
} rows[] = {
    {"-h", OPTION_HOST, VALUE},         {"--host", OPTION_HOST, VALUE},
    {"-p", OPTION_PORT, VALUE},         {"-s", OPTION_SOCKET, VALUE},
    {"--socket", OPTION_SOCKET, VALUE}, {"-u", OPTION_URL, VALUE},
    {"--url", OPTION_URL, VALUE},       {"--user", OPTION_USER, VALUE},
    {"-a", OPTION_PASS, VALUE},         {"--pass", OPTION_PASS, VALUE},
    {"-n", OPTION_DB, VALUE},           {"--json", OPTION_JSON, NOTHING},
    {"--color", OPTION_COLOR, VALUE},   {"--timeout", OPTION_TIMEOUT, VALUE},
    {"--wait", OPTION_WAIT, PERHAPS},   {"--nodes", OPTION_NODES, VALUE},
    {"--key", OPTION_KEY, VALUE},       {"--port", OPTION_BASE, VALUE},
    {"--help", OPTION_HELP, NOTHING},   {"--version", OPTION_VERSION, NOTHING},
};

struct parse {
    struct ctl *ctl;
    int argc, at;
    char **argv;
    enum color color;
    bool wants_help, wants_version;
    const char *verb;
};

static bool
apply(struct parse *parse, enum option option, const char *value)
{
    struct ctl *ctl = parse->ctl;

    switch (option) {
    case OPTION_HOST: return read_host(ctl, value, strlen(value));
    case OPTION_PORT: return read_port(ctl, value);
    case OPTION_SOCKET: ctl->socket_path = value; return value[0] != '\0';
    case OPTION_URL: return read_url(ctl, value);
    case OPTION_USER: set_text(&ctl->user, value, strlen(value)); return true;
    case OPTION_PASS:
        set_text(&ctl->password, value, strlen(value));
        return true;
    case OPTION_DB: return read_number(value, 0, DB_MAX, &ctl->db);
    case OPTION_JSON: ctl->is_json = true; return true;
    case OPTION_COLOR: return read_color(&parse->color, value);
    case OPTION_TIMEOUT:
        return read_ms(value, &ctl->timeout_ms) && ctl->timeout_ms > 0;
    case OPTION_WAIT:
        ctl->wait_ms = WAIT_MS;
        return value[0] == '\0' || read_ms(value, &ctl->wait_ms);
    case OPTION_NODES: return read_number(value, 1, 4000, &ctl->nodes);
    case OPTION_KEY: ctl->key = value; return true;
    case OPTION_BASE:
        /* of a node to ask, too: --port is what people try */
        ctl->base_port = 0;
        return read_port(ctl, value) &&
               read_number(value, 1, UINT16_MAX, &ctl->base_port);
    case OPTION_HELP: parse->wants_help = true; return true;
    case OPTION_VERSION: parse->wants_version = true; return true;
    }
    return false;
}

static int
usage(const struct ctl *ctl, const char *what, const char *arg)
{
    return ctl_fail(ctl, CTL_USAGE, "%s: %s (try --help)", what, arg);
}

/* The argument at parse->at is an option. */
static int
take_option(struct parse *parse)
{
    const char *arg = parse->argv[parse->at], *value = "";
    size_t size = strcspn(arg, "="), i;

    if (arg[1] != '-') size = strlen(arg);
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        if (strlen(rows[i].name) == size && !memcmp(rows[i].name, arg, size))
            break;
    }
    if (i == ARRAY_LEN(rows)) return usage(parse->ctl, "no such option", arg);
    if (arg[size] == '=') {
        if (rows[i].takes == NOTHING)
            return usage(parse->ctl, "takes no value", arg);
        value = arg + size + 1;
    } else if (rows[i].takes == VALUE) {
        if (parse->at + 1 >= parse->argc)
            return usage(parse->ctl, "needs a value", arg);
        value = parse->argv[++parse->at];
    }
    if (!apply(parse, rows[i].option, value))
        return usage(parse->ctl, "cannot use this value", arg);
    return CTL_OK;
}

static int
take_word(struct parse *parse, const char *word)
{
    struct ctl *ctl = parse->ctl;

    if (parse->verb == NULL) {
        parse->verb = word;
    } else if (ctl->word_count < CTL_WORDS_MAX) {
        ctl->words[ctl->word_count++] = word;
    } else {
        return usage(ctl, "too many words", word);
    }
    return CTL_OK;
}

/* "" if it is not there. */
static const char *
env(const char *name)
{
    const char *value = getenv(name);

    return value != NULL ? value : "";
}

static int
take_environment(struct ctl *ctl)
{
    const char *password = env("REDISCLI_AUTH"), *url = env("KULA_URL");

    if (password[0] != '\0')
        set_text(&ctl->password, password, strlen(password));
    if (url[0] != '\0' && !read_url(ctl, url))
        return usage(ctl, "cannot use this URL", "KULA_URL");
    return CTL_OK;
}

static bool
has_color(enum color color)
{
    if (color != COLOR_AUTO) return color == COLOR_ALWAYS;
    return env("NO_COLOR")[0] == '\0' && isatty(STDOUT_FILENO);
}

static int
find_verb(struct parse *parse)
{
    struct ctl *ctl = parse->ctl;

    if (parse->wants_help) {
        ctl->word_count = parse->verb != NULL;
        ctl->words[0] = parse->verb;
        parse->verb = "help";
    } else if (parse->wants_version) {
        printf("kula-ctl %s\n", KULA_VERSION);
        (void)fflush(stdout);
        ctl->word_count = 0;
        return CTL_OK;
    }
    if (parse->verb == NULL)
        return ctl_fail(ctl, CTL_USAGE, "which verb? (try --help)");
    ctl->verb = ctl_find_verb(parse->verb);
    if (ctl->verb == NULL) return usage(ctl, "no such verb", parse->verb);
    return CTL_OK;
}

int
options_read(struct ctl *ctl, int argc, char **argv)
{
    struct parse parse = {.ctl = ctl, .argc = argc, .argv = argv, .at = 1};
    int i, code;

    *ctl = (struct ctl){.host = "127.0.0.1",
                        .port = PORT_USUAL,
                        .timeout_ms = TIMEOUT_MS,
                        .wait_ms = -1};
    for (i = 1; i < argc; i++) /* so that every error comes in that form */
        if (!strcmp(argv[i], "--json")) ctl->is_json = true;
    code = take_environment(ctl);
    for (; code == CTL_OK && parse.at < argc; parse.at++) {
        const char *arg = argv[parse.at];

        if (arg[0] == '-' && arg[1] != '\0') {
            code = take_option(&parse);
        } else {
            code = take_word(&parse, arg);
        }
    }
    ctl->has_color = has_color(parse.color) && !ctl->is_json;
    return code == CTL_OK ? find_verb(&parse) : code;
}

void
options_deinit(struct ctl *ctl)
{
    mem_free(ctl->user);
    mem_free(ctl->password);
}
