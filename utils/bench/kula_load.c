/*
 * kula-load - a lean load generator for Kula, Redis and memcached.
 *
 * Course: connect, preload, warm up, measure, print. What is measured of the
 * server is its processor time over exactly the measured part, so figures
 * hold still on a machine where throughput does not.
 */
#include "engine.h"
#include "options.h"
#include "usage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define PRELOAD_PIPELINE 64u

/* What is printed; times in microseconds, `per request` where it says cost. */
struct report {
    uint64_t preload_count, preload_value_bytes, preload_errors;
    double preload_seconds;
    struct engine_result measured;
    struct usage_split server, generator;
};

static bool
pin_to(int32_t cpu)
{
    cpu_set_t set;

    if (cpu < 0) return true;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set) == 0) return true;
    fprintf(stderr, "kula-load: core %d: %s\n", (int)cpu, strerror(errno));
    return false;
}

static bool
resolve(const struct options *options, struct engine_spec *spec)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    v4.sin_port = v6.sin6_port = htons((uint16_t)options->port);
    if (options->unix_path != NULL) {
        size_t len = strlen(options->unix_path);

        if (len >= sizeof(local.sun_path)) {
            fprintf(stderr, "kula-load: the socket's path is too long\n");
            return false;
        }
        memcpy(local.sun_path, options->unix_path, len);
        memcpy(&spec->address, &local, sizeof(local));
        spec->address_len = sizeof(local);
    } else if (inet_pton(AF_INET, options->host, &v4.sin_addr) == 1) {
        memcpy(&spec->address, &v4, sizeof(v4));
        spec->address_len = sizeof(v4);
    } else if (inet_pton(AF_INET6, options->host, &v6.sin6_addr) == 1) {
        memcpy(&spec->address, &v6, sizeof(v6));
        spec->address_len = sizeof(v6);
    } else {
        fprintf(stderr, "kula-load: no numeric address: %s\n", options->host);
        return false;
    }
    return true;
}

static bool
preload(struct engine *engine, const struct options *options,
        struct report *report)
{
    struct keys_spec order = options->keys;
    struct keys keys;
    struct engine_run run = {
        .keys = &keys,
        .pipeline = PRELOAD_PIPELINE,
        .value_bytes_min = options->value_bytes_min,
        .value_bytes_max = options->value_bytes_max,
        .request_limit = options->keys.count,
    };

    order.order = KEYS_SEQUENTIAL;
    keys_init(&keys, &order);
    if (!engine_run(engine, &run, &report->measured)) return false;
    report->preload_count = report->measured.sets;
    report->preload_value_bytes = report->measured.value_bytes_sent;
    report->preload_errors = report->measured.errors;
    report->preload_seconds = (double)report->measured.elapsed_ns / 1e9;
    return true;
}

static bool
read_usage(const struct options *options, struct usage *server,
           struct usage *generator)
{
    memset(server, 0, sizeof(*server));
    if (options->server_pid != 0 &&
        !usage_read((pid_t)options->server_pid, server)) {
        fprintf(stderr, "kula-load: process %u cannot be read\n",
                (unsigned)options->server_pid);
        return false;
    }
    return usage_read(getpid(), generator);
}

static bool
measure(struct engine *engine, const struct options *options,
        struct report *report)
{
    struct usage server_from, server_to, generator_from, generator_to;
    struct keys keys;
    struct engine_run run = {
        .keys = &keys,
        .pipeline = options->pipeline,
        .get_percent = options->get_percent,
        .value_bytes_min = options->value_bytes_min,
        .value_bytes_max = options->value_bytes_max,
        .is_cache_aside = options->is_cache_aside,
        .rate = options->rate,
    };

    keys_init(&keys, &options->keys);
    if (options->warmup_seconds > 0.0) {
        run.time_limit_ns = (uint64_t)(options->warmup_seconds * 1e9);
        if (!engine_run(engine, &run, &report->measured)) return false;
    }
    memset(&report->measured, 0, sizeof(report->measured));
    if (options->request_count == 0 && options->seconds <= 0.0) return true;

    run.request_limit = options->request_count;
    run.time_limit_ns = (uint64_t)(options->seconds * 1e9);
    if (!read_usage(options, &server_from, &generator_from)) return false;
    if (!engine_run(engine, &run, &report->measured)) return false;
    if (!read_usage(options, &server_to, &generator_to)) return false;
    report->server = usage_between(&server_from, &server_to);
    report->generator = usage_between(&generator_from, &generator_to);
    return true;
}

/* Prints text from the server as a JSON string. */
static void
print_quoted(const char *text)
{
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') putchar('\\');
        putchar(*text >= ' ' && *text <= '~' ? *text : '?');
    }
    putchar('"');
}

struct figure {
    const char *name;
    double value;
};

static size_t
collect(const struct report *report, struct figure *figures)
{
    const struct engine_result *result = &report->measured;
    double count = (double)(result->gets + result->sets);
    double each_us = count > 0.0 ? 1.0 / (count * 1e3) : 0.0;
    double seconds = (double)result->elapsed_ns / 1e9;
    double latency_count = (double)result->latency.total;
    size_t n = 0;

#define FIGURE(label, number) figures[n++] = (struct figure){label, number}
#define QUANTILE(share)                                                        \
    ((double)hist_quantile_ns(&result->latency, share) / 1e3)
    FIGURE("preload_count", (double)report->preload_count);
    FIGURE("preload_value_bytes", (double)report->preload_value_bytes);
    FIGURE("preload_errors", (double)report->preload_errors);
    FIGURE("preload_seconds", report->preload_seconds);
    FIGURE("seconds", seconds);
    FIGURE("requests", count);
    FIGURE("gets", (double)result->gets);
    FIGURE("hits", (double)result->hits);
    FIGURE("sets", (double)result->sets);
    FIGURE("scan_gets", (double)result->scan_gets);
    FIGURE("scan_hits", (double)result->scan_hits);
    FIGURE("errors", (double)result->errors);
    FIGURE("wrong_values", (double)result->mismatches);
    FIGURE("requests_per_second", seconds > 0.0 ? count / seconds : 0.0);
    FIGURE("server_us", report->server.total_ns * each_us);
    FIGURE("server_user_us", report->server.user_ns * each_us);
    FIGURE("server_system_us", report->server.system_ns * each_us);
    FIGURE("generator_us", report->generator.total_ns * each_us);
    FIGURE("latency_mean_us",
           latency_count > 0.0
               ? (double)result->latency.sum_ns / (latency_count * 1e3)
               : 0.0);
    FIGURE("latency_p50_us", QUANTILE(0.50));
    FIGURE("latency_p90_us", QUANTILE(0.90));
    FIGURE("latency_p99_us", QUANTILE(0.99));
    FIGURE("latency_p999_us", QUANTILE(0.999));
    FIGURE("latency_max_us", (double)result->latency.max_ns / 1e3);
#undef QUANTILE
#undef FIGURE
    return n;
}

static void
print_report(const struct options *options, const struct report *report)
{
    struct figure figures[32];
    size_t i, count = collect(report, figures);

    for (i = 0; i < count && options->is_json; i++) {
        printf("%s\"%s\": %.12g", i == 0 ? "{" : ", ", figures[i].name,
               figures[i].value);
    }
    for (i = 0; i < count && !options->is_json; i++) {
        printf("%-20s %.12g\n", figures[i].name, figures[i].value);
    }
    if (options->is_json) {
        printf(", \"first_error\": ");
        print_quoted(report->measured.first_error);
        printf("}\n");
    } else if (report->measured.errors > 0) {
        printf("%-20s %s\n", "first_error", report->measured.first_error);
    }
}

static int
load(const struct options *options)
{
    static struct report report;
    struct engine_spec spec = {
        .protocol = options->protocol,
        .connection_count = options->connection_count,
        .pipeline_max = options->pipeline,
        .value_bytes_max = options->value_bytes_max,
        .verifies = options->verifies,
    };
    struct engine *engine;
    bool is_done;

    if (options->preloads && spec.pipeline_max < PRELOAD_PIPELINE) {
        spec.pipeline_max = PRELOAD_PIPELINE;
    }
    if (!pin_to(options->cpu) || !resolve(options, &spec)) return 1;
    engine = engine_new(&spec);
    if (engine == NULL) return 1;
    is_done = (!options->preloads || preload(engine, options, &report)) &&
              measure(engine, options, &report);
    engine_free(engine);
    if (!is_done) return 1;
    print_report(options, &report);
    return report.measured.mismatches > 0 ? 1 : 0;
}

int
main(int argc, char **argv)
{
    struct options options;

    switch (options_parse(&options, argc, argv)) {
    case OPTIONS_RUN: return load(&options);
    case OPTIONS_HELP: return 0;
    case OPTIONS_WRONG: return 2;
    }
    return 2;
}
