#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char HELP[] =
    "Usage: kula-load [option...]\n"
    "\n"
    "Sends GET and SET to a server and measures it. Keys are 16 bytes,\n"
    "`key:` and twelve digits from 000000000000 on.\n"
    "\n"
    "Server\n"
    "  --host ADDRESS        numeric IPv4 or IPv6 address (127.0.0.1)\n"
    "  --port N              (6379)\n"
    "  --unix PATH           a unix socket instead\n"
    "  --protocol NAME       resp or memcache (resp)\n"
    "  --pid N               measure this process's processor time\n"
    "\n"
    "Load\n"
    "  --connections N       (50)\n"
    "  --pipeline N          requests in a batch; the next batch is sent when\n"
    "                        all replies have come (1)\n"
    "  --keys N              number of different keys (1000000)\n"
    "  --value-size N|A-B    bytes, or drawn evenly from A to B (100)\n"
    "  --gets PERCENT        GETs; the others are SETs (100)\n"
    "  --cache-aside         only GETs, and a SET after each miss\n"
    "  --order NAME          uniform, zipf, scan or sequential (uniform)\n"
    "  --theta X             exponent of zipf and scan (0.99)\n"
    "  --scan-every N        order scan: draws between two runs (400000)\n"
    "  --scan-length N       order scan: keys in a run (100000)\n"
    "  --seed N              equal seeds draw equal keys (1)\n"
    "  --rate N              requests a second over all connections; latency\n"
    "                        then counts from when a request was due\n"
    "\n"
    "Course\n"
    "  --preload             first SET every key once, in order\n"
    "  --warmup SECONDS      load that is not measured (0)\n"
    "  --requests N          end after so many; 0 with --preload: only that\n"
    "  --seconds S           end after so long (3, unless --requests)\n"
    "  --cpu N               stay on this core\n"
    "  --verify              compare every value that comes\n"
    "  --json                print one JSON object\n"
    "  --help\n"
    "\n"
    "Exit status: 0 measured, 1 failed or a value was wrong, 2 usage.\n";

enum option_id {
    OPT_HOST = 256,
    OPT_PORT,
    OPT_UNIX,
    OPT_PROTOCOL,
    OPT_PID,
    OPT_CONNECTIONS,
    OPT_PIPELINE,
    OPT_KEYS,
    OPT_VALUE_SIZE,
    OPT_GETS,
    OPT_CACHE_ASIDE,
    OPT_ORDER,
    OPT_THETA,
    OPT_SCAN_EVERY,
    OPT_SCAN_LENGTH,
    OPT_SEED,
    OPT_RATE,
    OPT_PRELOAD,
    OPT_WARMUP,
    OPT_REQUESTS,
    OPT_SECONDS,
    OPT_CPU,
    OPT_VERIFY,
    OPT_JSON,
    OPT_HELP,
};

static const struct option OPTIONS[] = {
    {"host", required_argument, NULL, OPT_HOST},
    {"port", required_argument, NULL, OPT_PORT},
    {"unix", required_argument, NULL, OPT_UNIX},
    {"protocol", required_argument, NULL, OPT_PROTOCOL},
    {"pid", required_argument, NULL, OPT_PID},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"pipeline", required_argument, NULL, OPT_PIPELINE},
    {"keys", required_argument, NULL, OPT_KEYS},
    {"value-size", required_argument, NULL, OPT_VALUE_SIZE},
    {"gets", required_argument, NULL, OPT_GETS},
    {"cache-aside", no_argument, NULL, OPT_CACHE_ASIDE},
    {"order", required_argument, NULL, OPT_ORDER},
    {"theta", required_argument, NULL, OPT_THETA},
    {"scan-every", required_argument, NULL, OPT_SCAN_EVERY},
    {"scan-length", required_argument, NULL, OPT_SCAN_LENGTH},
    {"seed", required_argument, NULL, OPT_SEED},
    {"rate", required_argument, NULL, OPT_RATE},
    {"preload", no_argument, NULL, OPT_PRELOAD},
    {"warmup", required_argument, NULL, OPT_WARMUP},
    {"requests", required_argument, NULL, OPT_REQUESTS},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"cpu", required_argument, NULL, OPT_CPU},
    {"verify", no_argument, NULL, OPT_VERIFY},
    {"json", no_argument, NULL, OPT_JSON},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

/* The number that `text` starts with; `end` gets what follows it. */
static bool
number_prefix(const char *text, uint64_t most, uint64_t *number, char **end)
{
    if (*text < '0' || *text > '9') return false;
    errno = 0;
    *number = strtoull(text, end, 10);
    return errno == 0 && *number <= most;
}

static bool
parse_u64(const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
    char *end;

    return number_prefix(text, most, number, &end) && *end == '\0' &&
           *number >= least;
}

static bool
parse_u32(const char *text, uint32_t least, uint32_t most, uint32_t *number)
{
    uint64_t wide;

    if (!parse_u64(text, least, most, &wide)) return false;
    *number = (uint32_t)wide;
    return true;
}

static bool
parse_real(const char *text, double most, double *number)
{
    char *end;

    errno = 0;
    *number = strtod(text, &end);
    return errno == 0 && end != text && *end == '\0' && isfinite(*number) &&
           *number >= 0.0 && *number <= most;
}

/* "100" or "16-2048" */
static bool
parse_sizes(const char *text, struct options *options)
{
    uint64_t least;
    char *end;

    if (!number_prefix(text, KEYS_VALUE_BYTES_MAX, &least, &end)) return false;
    options->value_bytes_min = options->value_bytes_max = (uint32_t)least;
    if (*end == '\0') return true;
    return *end == '-' &&
           parse_u32(end + 1, options->value_bytes_min, KEYS_VALUE_BYTES_MAX,
                     &options->value_bytes_max);
}

/* Finds `text` among `names`, which ends with NULL. */
static bool
parse_name(const char *text, const char *const *names, uint32_t *index)
{
    for (*index = 0; names[*index] != NULL; (*index)++) {
        if (strcmp(names[*index], text) == 0) return true;
    }
    return false;
}

static bool
parse_order(const char *text, enum keys_order *order)
{
    static const char *const NAMES[] = {"uniform", "zipf", "scan", "sequential",
                                        NULL};
    uint32_t index;

    if (!parse_name(text, NAMES, &index)) return false;
    *order = (enum keys_order)index;
    return true;
}

static bool
parse_protocol(const char *text, enum wire_protocol *protocol)
{
    static const char *const NAMES[] = {"resp", "memcache", NULL};
    uint32_t index;

    if (!parse_name(text, NAMES, &index)) return false;
    *protocol = (enum wire_protocol)index;
    return true;
}

static bool
parse_cpu(const char *text, int32_t *cpu)
{
    uint32_t number;

    if (!parse_u32(text, 0, 1023, &number)) return false;
    *cpu = (int32_t)number;
    return true;
}

/* Takes one option; false if its value is wrong. */
static bool
take(struct options *o, int id, const char *value)
{
    switch (id) {
    case OPT_HOST: o->host = value; return true;
    case OPT_PORT: return parse_u32(value, 1, 65535, &o->port);
    case OPT_UNIX: o->unix_path = value; return true;
    case OPT_PROTOCOL: return parse_protocol(value, &o->protocol);
    case OPT_PID: return parse_u32(value, 1, INT32_MAX, &o->server_pid);
    case OPT_CONNECTIONS:
        return parse_u32(value, 1, 60000, &o->connection_count);
    case OPT_PIPELINE: return parse_u32(value, 1, 10000, &o->pipeline);
    case OPT_KEYS: return parse_u32(value, 1, KEYS_COUNT_MAX, &o->keys.count);
    case OPT_VALUE_SIZE: return parse_sizes(value, o);
    case OPT_GETS: return parse_u32(value, 0, 100, &o->get_percent);
    case OPT_CACHE_ASIDE: o->is_cache_aside = true; return true;
    case OPT_ORDER: return parse_order(value, &o->keys.order);
    case OPT_THETA: return parse_real(value, 10.0, &o->keys.theta);
    case OPT_SCAN_EVERY:
        return parse_u64(value, 1, UINT32_MAX, &o->keys.scan_every);
    case OPT_SCAN_LENGTH:
        return parse_u64(value, 1, UINT32_MAX, &o->keys.scan_length);
    case OPT_SEED: return parse_u64(value, 0, UINT64_MAX, &o->keys.seed);
    case OPT_RATE: return parse_u64(value, 1, 100000000, &o->rate);
    case OPT_PRELOAD: o->preloads = true; return true;
    case OPT_WARMUP: return parse_real(value, 86400.0, &o->warmup_seconds);
    case OPT_REQUESTS:
        return parse_u64(value, 0, UINT64_MAX, &o->request_count);
    case OPT_SECONDS: return parse_real(value, 86400.0, &o->seconds);
    case OPT_CPU: return parse_cpu(value, &o->cpu);
    case OPT_VERIFY: o->verifies = true; return true;
    case OPT_JSON: o->is_json = true; return true;
    default: return false;
    }
}

static const char *
option_name(int id)
{
    size_t i;

    for (i = 0; OPTIONS[i].name != NULL; i++) {
        if (OPTIONS[i].val == id) return OPTIONS[i].name;
    }
    return "";
}

static enum options_verdict
wrong(const char *what)
{
    fprintf(stderr, "kula-load: %s (see --help)\n", what);
    return OPTIONS_WRONG;
}

static enum options_verdict
check(struct options *options, bool has_requests, bool has_seconds)
{
    double theta = options->keys.theta;

    if (!has_requests && !has_seconds) options->seconds = 3.0;
    if (!options->preloads && options->request_count == 0 &&
        options->seconds <= 0.0) {
        return wrong("nothing to do: --requests or --seconds");
    }
    if (theta < 1e-6 || fabs(theta - 1.0) < 1e-6) {
        return wrong("--theta must be above 0 and not 1");
    }
    if (options->is_cache_aside && options->get_percent != 100) {
        return wrong("--cache-aside makes its own SETs");
    }
    return OPTIONS_RUN;
}

enum options_verdict
options_parse(struct options *options, int argc, char **argv)
{
    bool has_requests = false, has_seconds = false;
    int id;

    *options = (struct options){
        .host = "127.0.0.1",
        .port = 6379,
        .cpu = -1,
        .connection_count = 50,
        .pipeline = 1,
        .keys = {.order = KEYS_UNIFORM,
                 .count = 1000000,
                 .theta = 0.99,
                 .scan_every = 400000,
                 .scan_length = 100000,
                 .seed = 1},
        .value_bytes_min = 100,
        .value_bytes_max = 100,
        .get_percent = 100,
    };
    while ((id = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        if (id == '?') return wrong("unknown option");
        if (id == OPT_HELP) {
            fputs(HELP, stdout);
            return OPTIONS_HELP;
        }
        if (!take(options, id, optarg)) {
            fprintf(stderr, "kula-load: wrong value for --%s: %s\n",
                    option_name(id), optarg);
            return OPTIONS_WRONG;
        }
        has_requests = has_requests || id == OPT_REQUESTS;
        has_seconds = has_seconds || id == OPT_SECONDS;
    }
    if (optind < argc) return wrong("an argument that is no option");
    return check(options, has_requests, has_seconds);
}
