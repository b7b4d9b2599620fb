/*
 * Is the ring healthy? Every node is asked for its own view of itself and of
 * the others; whatever one of them finds wrong is a problem.
 *
 * Healthy: all members are up, normal, answer and reach each other; every slot
 * has all the copies it can have, none waits for a newcomer; no copy is
 * unsettled, no slot dirty, no hint kept; all have the same map.
 */
#include "ctl/gather.h"
#include "ctl/json.h"
#include "ctl/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

enum { POLL_MS = 200 };

struct status {
    const struct ctl *ctl;
    struct gather gather;
    struct buf problems; /* each ends with a zero byte */
    uint32_t problem_count;
};

static void problem(struct status *status, const char *format, ...)
    PRINTF_LIKE(2, 3);

static void
problem(struct status *status, const char *format, ...)
{
    char text[CTL_ERROR_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    buf_must_add(&status->problems, text, strlen(text) + 1);
    status->problem_count++;
}

/* What a node says of itself, or else what the first one knows of it. */
static const redisReply *
own_row(const struct gathered *node)
{
    const redisReply *rows = value_find(node->answer, "nodes");
    size_t i;

    for (i = 0; i < value_count(rows); i++) {
        if (value_bool(rows->element[i], "self")) return rows->element[i];
    }
    return node->row;
}

static bool
is_text(const redisReply *map, const char *name, const char *text)
{
    return strcmp(value_text(map, name), text) == 0;
}

/* "UP", or what is the matter. */
static struct table_text
state_of(const struct gathered *node)
{
    const char *name = value_text(node->row, "health");
    struct table_text out;
    size_t i;

    if (is_text(node->row, "health", "up")) {
        name = value_text(own_row(node), "phase");
        if (!strcmp(name, "normal"))
            name = node->answer != NULL ? "up" : "silent";
    }
    (void)snprintf(out.text, sizeof(out.text), "%s", name);
    for (i = 0; out.text[i] != '\0'; i++) {
        if (out.text[i] >= 'a' && out.text[i] <= 'z')
            out.text[i] = (char)(out.text[i] - 'a' + 'A');
    }
    return out;
}

/* ---- what is wrong ---- */

static void
check_state(struct status *status, const struct gathered *node)
{
    struct table_text state = state_of(node);
    long long number = (long long)node->number;

    /* on probation it has all its copies, and serves them */
    if (strcmp(state.text, "UP") != 0 && strcmp(state.text, "PROBATION") != 0) {
        problem(status, "node %lld (%s) is %s", number, node->address,
                state.text);
    }
    if (node->answer == NULL)
        problem(status, "node %lld: %s", number, node->error);
    if (is_text(node->answer, "standing", "twin")) {
        problem(status,
                "node %lld: another node has its id (a copied data "
                "directory?); this one serves nobody",
                number);
    } else if (value_bool(node->answer, "loading")) {
        problem(status, "node %lld is loading: it is not yet in a ring",
                number);
    } else if (is_text(node->answer, "standing", "cut-off")) {
        problem(status, "node %lld has heard nobody since its start", number);
    }
}

static void
check_figures(struct status *status, const struct gathered *node)
{
    static const struct {
        const char *name, *text;
    } rows[] = {
        {"unsettled", "slots not settled"},
        {"dirty_slots", "dirty slots"},
        {"hints", "hints kept for others"},
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t value = value_int(own_row(node), rows[i].name);

        if (value == 0) continue;
        problem(status, "node %lld (%s): %lld %s", (long long)node->number,
                node->address, (long long)value, rows[i].text);
    }
}

/* How it sees the others: only what the state column doesn't say already. */
static void
check_view(struct status *status, const struct gathered *node)
{
    const redisReply *rows = value_find(node->answer, "nodes");
    const redisReply *first = status->gather.status;
    size_t i;

    for (i = 0; i < value_count(rows); i++) {
        const redisReply *row = rows->element[i];
        long long other = (long long)value_int(row, "number");

        if (value_bool(row, "self") || is_text(row, "health", "removed"))
            continue;
        if (!is_text(row, "health", "up") && !node->is_first) {
            problem(status, "node %lld sees node %lld as %s",
                    (long long)node->number, other, value_text(row, "health"));
        } else if (is_text(row, "health", "up") &&
                   !value_bool(row, "reachable")) {
            problem(status, "node %lld can't reach node %lld",
                    (long long)node->number, other);
        }
    }
    if (node->answer != NULL && strcmp(value_text(node->answer, "map_hash"),
                                       value_text(first, "map_hash")) != 0) {
        problem(status, "node %lld has another map of the ring",
                (long long)node->number);
    }
}

static void
check_ring(struct status *status)
{
    const redisReply *first = status->gather.status;
    long long pending = (long long)value_int(first, "pending");
    int64_t wanted = value_int(first, "replicas");
    int64_t least = value_int(first, "copies_least");
    int64_t members = status->gather.count;

    if (status->ctl->nodes > 0 && members != status->ctl->nodes) {
        problem(status, "there are %lld nodes, not %lld", (long long)members,
                (long long)status->ctl->nodes);
    }
    if (pending > 0) problem(status, "%lld slots wait for a newcomer", pending);
    if (wanted > members) wanted = members;
    if (least < wanted) {
        problem(status, "some slots have %lld copies, not %lld",
                (long long)least, (long long)wanted);
    }
}

static void
check(struct status *status)
{
    uint32_t i;

    for (i = 0; i < status->gather.count; i++)
        check_state(status, &status->gather.nodes[i]);
    check_ring(status);
    for (i = 0; i < status->gather.count; i++) {
        check_figures(status, &status->gather.nodes[i]);
        check_view(status, &status->gather.nodes[i]);
    }
}

/* ---- text ---- */

static void
put_verdict(const struct status *status, struct buf *out)
{
    const redisReply *first = status->gather.status;
    const char *name = value_text(first, "name");
    long long least = (long long)value_int(first, "copies_least");
    bool is_healthy = status->problem_count == 0, has_color;

    has_color = status->ctl->has_color;
    buf_must_printf(out, "%s%s%s: ",
                    table_paint(is_healthy ? TABLE_GOOD : TABLE_BAD, has_color),
                    is_healthy ? "HEALTHY" : "NOT HEALTHY",
                    table_paint(TABLE_PLAIN, has_color));
    if (!is_healthy) {
        buf_must_printf(out, "%s", status->problems.data);
        if (status->problem_count > 1)
            buf_must_printf(out, " (and %u more)", status->problem_count - 1);
    } else if (value_bool(first, "enabled")) {
        buf_must_printf(out, "ring %s, %u node%s, %lld cop%s of each slot",
                        name, status->gather.count,
                        status->gather.count == 1 ? "" : "s", least,
                        least == 1 ? "y" : "ies");
    } else {
        buf_must_printf(out, "a node without a ring");
    }
    buf_must_add(out, "\n", 1);
}

static void
put_quorums(const struct status *status, struct buf *out)
{
    const redisReply *first = status->gather.status;
    long long least = (long long)value_int(first, "copies_least");
    long long most = (long long)value_int(first, "copies_most");

    if (least == most) {
        buf_must_printf(out, "N_eff %lld", least);
    } else {
        buf_must_printf(out, "N_eff %lld to %lld", least, most);
    }
    buf_must_printf(out, " of N %lld, R %lld, W %lld, %s quorums\n",
                    (long long)value_int(first, "replicas"),
                    (long long)value_int(first, "read_quorum"),
                    (long long)value_int(first, "write_quorum"),
                    value_text(first, "quorum_mode"));
}

static void
put_number(struct table *table, int64_t value, bool is_good_at_zero)
{
    table_put(table, is_good_at_zero && value != 0 ? TABLE_BAD : TABLE_PLAIN,
              "%lld", (long long)value);
}

static void
put_row(const struct status *status, const struct gathered *node,
        struct table *table)
{
    const redisReply *row = own_row(node);
    struct table_text state = state_of(node);
    int64_t slots = value_int(status->gather.status, "slots");
    int64_t owns = value_int(node->row, "owns");
    int64_t unsettled = value_int(row, "unsettled");
    bool is_down = node->answer == NULL;

    table_put(table, TABLE_PLAIN, "%lld", (long long)node->number);
    table_put(table, TABLE_PLAIN, "%s", node->address);
    table_put(table, strcmp(state.text, "UP") != 0 ? TABLE_BAD : TABLE_GOOD,
              "%s", state.text);
    table_put(table, TABLE_PLAIN, "%s", value_text(row, "rack"));
    table_put(table, TABLE_PLAIN, "%s", table_share(owns, slots).text);
    if (is_down) {
        table_put(table, TABLE_PLAIN, "-");
    } else {
        table_put(table, unsettled > 0 ? TABLE_BAD : TABLE_PLAIN, "%s",
                  table_share(owns - unsettled, owns).text);
    }
    put_number(table, value_int(row, "keys"), false);
    table_put(table, TABLE_PLAIN, "%s",
              table_size(value_int(row, "memory_bytes")).text);
    put_number(table, is_down ? 0 : value_int(row, "ops_per_s"), false);
    put_number(table, value_int(row, "hints"), true);
    put_number(table, value_int(row, "dirty_slots"), true);
    table_put(table, TABLE_PLAIN, "%s", value_text(row, "version"));
    table_put(table, TABLE_PLAIN, "%s",
              is_down ? "-" : table_age(value_int(row, "age_s")).text);
}

static void
write_text(const struct status *status, struct buf *out)
{
    static const char *const heads[] = {
        ">NODE", "ADDRESS", "STATE",  "RACK",   ">OWNS",   ">SETTLED", ">KEYS",
        ">MEM",  ">OPS/S",  ">HINTS", ">DIRTY", "VERSION", ">AGE"};
    const char *at = status->problems.data;
    struct table table;
    uint32_t i;

    put_verdict(status, out);
    put_quorums(status, out);
    table_init(&table, heads, ARRAY_LEN(heads), status->ctl->has_color);
    for (i = 0; i < status->gather.count; i++)
        put_row(status, &status->gather.nodes[i], &table);
    buf_must_add(out, "\n", 1);
    table_write(&table, out);
    table_deinit(&table);
    if (status->problem_count > 1) {
        buf_must_add(out, "\n", 1);
        for (i = 0; i < status->problem_count; i++) {
            buf_must_printf(out, "- %s\n", at);
            at += strlen(at) + 1;
        }
    }
}

/* ---- JSON ---- */

static void
json_node(const struct gathered *node, struct json *json)
{
    static const char *const numbers[] = {
        "unsettled",    "hints",     "dirty_slots", "keys",
        "memory_bytes", "ops_per_s", "age_s",
    };
    const redisReply *row = own_row(node);
    size_t i;

    json_open(json, NULL, '{');
    json_int(json, "number", node->number);
    json_text(json, "id", value_text(row, "id"));
    json_text(json, "address", node->address);
    json_text(json, "state", state_of(node).text);
    json_text(json, "health", value_text(node->row, "health"));
    json_text(json, "phase", value_text(row, "phase"));
    json_bool(json, "answers", node->answer != NULL);
    if (node->answer == NULL) json_text(json, "error", node->error);
    json_text(json, "datacenter", value_text(row, "datacenter"));
    json_text(json, "rack", value_text(row, "rack"));
    json_int(json, "owns", value_int(node->row, "owns"));
    json_int(json, "first", value_int(node->row, "first"));
    json_int(json, "pending", value_int(node->row, "pending"));
    for (i = 0; i < ARRAY_LEN(numbers); i++)
        json_int(json, numbers[i], value_int(row, numbers[i]));
    json_text(json, "version", value_text(row, "version"));
    json_close(json, '}');
}

static void
write_json(const struct status *status, struct buf *out)
{
    static const char *const numbers[] = {
        "slots",        "replicas",    "read_quorum", "write_quorum",
        "copies_least", "copies_most", "pending",
    };
    const redisReply *first = status->gather.status;
    const char *at = status->problems.data;
    struct json json;
    uint32_t i;

    json_begin(&json, out, "status");
    json_bool(&json, "ok", status->problem_count == 0);
    json_bool(&json, "healthy", status->problem_count == 0);
    json_text(&json, "ring", value_text(first, "name"));
    json_bool(&json, "enabled", value_bool(first, "enabled"));
    for (i = 0; i < ARRAY_LEN(numbers); i++)
        json_int(&json, numbers[i], value_int(first, numbers[i]));
    json_text(&json, "quorum_mode", value_text(first, "quorum_mode"));
    json_text(&json, "map_hash", value_text(first, "map_hash"));
    json_open(&json, "problems", '[');
    for (i = 0; i < status->problem_count; i++) {
        json_text(&json, NULL, at);
        at += strlen(at) + 1;
    }
    json_close(&json, ']');
    json_open(&json, "nodes", '[');
    for (i = 0; i < status->gather.count; i++)
        json_node(&status->gather.nodes[i], &json);
    json_close(&json, ']');
    json_finish(&json);
}

/* ---- once, or until it is healthy ---- */

static int64_t
clock_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int
look(struct status *status, const struct ctl *ctl)
{
    *status = (struct status){.ctl = ctl};
    if (!gather_run(&status->gather, ctl, 1, (const char *[]){"KULA.STATUS"}))
        return status->gather.code;
    check(status);
    return status->problem_count == 0 ? CTL_OK : CTL_NEGATIVE;
}

static void
status_deinit(struct status *status)
{
    gather_deinit(&status->gather);
    buf_deinit(&status->problems);
}

/* A password will not become right by waiting. */
static bool
may_change(int code)
{
    return code != CTL_OK && code != CTL_NO_AUTH;
}

int
status_run(struct ctl *ctl)
{
    int64_t end_ms = clock_ms() + ctl->wait_ms;
    struct status status;
    struct buf out = {0};
    int code = look(&status, ctl);

    while (ctl->wait_ms >= 0 && may_change(code) && clock_ms() < end_ms) {
        const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};

        status_deinit(&status);
        (void)nanosleep(&pause, NULL);
        code = look(&status, ctl);
    }
    if (status.gather.code != CTL_OK) {
        code = ctl_fail(ctl, code, "%s", status.gather.error);
    } else {
        if (ctl->is_json) {
            write_json(&status, &out);
        } else {
            write_text(&status, &out);
        }
        ctl_print(&out);
        if (ctl->wait_ms >= 0 && code == CTL_NEGATIVE) code = CTL_TIMED_OUT;
    }
    status_deinit(&status);
    return code;
}
