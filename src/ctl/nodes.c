/*
 * Lists: the nodes as one of them knows them; and of every node, what it keeps
 * for others and what it mends.
 */
#include "ctl/gather.h"
#include "ctl/json.h"
#include "ctl/table.h"

/* ---- nodes ---- */

enum field_kind { FIELD_INT, FIELD_TEXT, FIELD_BOOL, FIELD_DECIMAL };

static const struct field {
    const char *name;
    enum field_kind kind;
} node_fields[] = {
    {"number", FIELD_INT},      {"id", FIELD_TEXT},
    {"host", FIELD_TEXT},       {"port", FIELD_INT},
    {"bus_port", FIELD_INT},    {"datacenter", FIELD_TEXT},
    {"rack", FIELD_TEXT},       {"phase", FIELD_TEXT},
    {"health", FIELD_TEXT},     {"reachable", FIELD_BOOL},
    {"weight", FIELD_DECIMAL},  {"tokens", FIELD_INT},
    {"owns", FIELD_INT},        {"first", FIELD_INT},
    {"pending", FIELD_INT},     {"unsettled", FIELD_INT},
    {"dirty_slots", FIELD_INT}, {"hints", FIELD_INT},
    {"keys", FIELD_INT},        {"memory_bytes", FIELD_INT},
    {"ops_per_s", FIELD_INT},   {"version", FIELD_TEXT},
    {"age_s", FIELD_INT},       {"self", FIELD_BOOL},
};

static void
json_field(struct json *json, const redisReply *map, const struct field *field)
{
    switch (field->kind) {
    case FIELD_INT:
        json_int(json, field->name, value_int(map, field->name));
        break;
    case FIELD_TEXT:
        json_text(json, field->name, value_text(map, field->name));
        break;
    case FIELD_BOOL:
        json_bool(json, field->name, value_bool(map, field->name));
        break;
    case FIELD_DECIMAL:
        json_decimal(json, field->name, value_text(map, field->name));
        break;
    }
}

static void
put_field(struct buf *out, const redisReply *map, const struct field *field)
{
    buf_must_printf(out, "  %-13s ", field->name);
    switch (field->kind) {
    case FIELD_INT:
        buf_must_printf(out, "%lld", (long long)value_int(map, field->name));
        break;
    case FIELD_TEXT:
    case FIELD_DECIMAL:
        buf_must_printf(out, "%s", value_text(map, field->name));
        break;
    case FIELD_BOOL:
        buf_must_printf(out, "%s", value_bool(map, field->name) ? "yes" : "no");
        break;
    }
    buf_must_add(out, "\n", 1);
}

static void
write_nodes_json(const redisReply *rows, struct buf *out)
{
    struct json json;
    size_t i, at;

    json_begin(&json, out, "nodes");
    json_bool(&json, "ok", true);
    json_open(&json, "nodes", '[');
    for (i = 0; i < value_count(rows); i++) {
        json_open(&json, NULL, '{');
        for (at = 0; at < ARRAY_LEN(node_fields); at++)
            json_field(&json, rows->element[i], &node_fields[at]);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_finish(&json);
}

static void
write_nodes(const redisReply *rows, struct buf *out)
{
    size_t i, at;

    for (i = 0; i < value_count(rows); i++) {
        const redisReply *row = rows->element[i];

        buf_must_printf(out, "%snode %lld  %s:%lld%s\n", i > 0 ? "\n" : "",
                        (long long)value_int(row, "number"),
                        value_text(row, "host"),
                        (long long)value_int(row, "port"),
                        value_bool(row, "self") ? "  (this one answers)" : "");
        for (at = 1; at + 1 < ARRAY_LEN(node_fields); at++)
            put_field(out, row, &node_fields[at]);
    }
}

int
nodes_run(struct ctl *ctl)
{
    struct buf out = {0};
    redisReply *rows = NULL;
    struct peer peer;
    int code = CTL_OK;

    if (peer_open_first(&peer, ctl))
        rows = peer_call(&peer, 1, (const char *[]){"KULA.NODES"});
    if (rows == NULL) {
        code = ctl_fail(ctl, peer.code, "%s", peer.error);
    } else if (ctl->is_json) {
        write_nodes_json(rows, &out);
    } else {
        write_nodes(rows, &out);
    }
    ctl_print(&out);
    freeReplyObject(rows);
    peer_close(&peer);
    return code;
}

/* ---- what both lists below share ---- */

/* The nodes that did not answer, for people. */
static void
put_missing(const struct gather *gather, struct buf *out)
{
    uint32_t i;

    for (i = 0; i < gather->count; i++) {
        const struct gathered *node = &gather->nodes[i];

        if (node->answer != NULL) continue;
        buf_must_printf(out, "node %lld (%s) does not answer: %s\n",
                        (long long)node->number, node->address, node->error);
    }
}

static void
json_lead(struct json *json, const struct gathered *node)
{
    json_open(json, NULL, '{');
    json_int(json, "number", node->number);
    json_text(json, "address", node->address);
    json_bool(json, "answers", node->answer != NULL);
    if (node->answer == NULL) json_text(json, "error", node->error);
}

/* The array `name` of an answer: maps of a node's number and a count. */
static void
json_counts(struct json *json, const redisReply *answer, const char *name,
            const char *count)
{
    const redisReply *rows = value_find(answer, name);
    size_t i;

    json_open(json, name, '[');
    for (i = 0; i < value_count(rows); i++) {
        json_open(json, NULL, '{');
        json_int(json, "number", value_int(rows->element[i], "number"));
        json_int(json, count, value_int(rows->element[i], count));
        json_close(json, '}');
    }
    json_close(json, ']');
}

static int
run_everywhere(struct ctl *ctl, int count, const char **words,
               void (*write)(const struct ctl *ctl, const struct gather *gather,
                             struct buf *out))
{
    struct gather gather;
    struct buf out = {0};
    int code = CTL_OK;

    if (!gather_run(&gather, ctl, count, words)) {
        code = ctl_fail(ctl, gather.code, "%s", gather.error);
    } else {
        write(ctl, &gather, &out);
        ctl_print(&out);
        if (gather.missing > 0) code = CTL_TIMED_OUT;
    }
    gather_deinit(&gather);
    return code;
}

/* ---- hints ---- */

static void
write_hints_json(const struct gather *gather, struct buf *out)
{
    struct json json;
    int64_t total = 0;
    uint32_t i;

    json_begin(&json, out, "hints");
    json_bool(&json, "ok", gather->missing == 0);
    json_open(&json, "nodes", '[');
    for (i = 0; i < gather->count; i++) {
        const redisReply *answer = gather->nodes[i].answer;

        json_lead(&json, &gather->nodes[i]);
        if (answer != NULL) {
            total += value_int(answer, "total");
            json_int(&json, "total", value_int(answer, "total"));
            json_int(&json, "bytes", value_int(answer, "bytes"));
            json_int(&json, "max_bytes", value_int(answer, "max_bytes"));
            json_text(&json, "oldest", value_text(answer, "oldest"));
            json_int(&json, "oldest_ms", value_int(answer, "oldest_ms"));
            json_counts(&json, answer, "targets", "count");
        }
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_int(&json, "total", total);
    json_finish(&json);
}

static void
put_hint_rows(const struct gather *gather, const struct gathered *node,
              struct table *table)
{
    const redisReply *targets = value_find(node->answer, "targets");
    size_t i;

    for (i = 0; i < value_count(targets); i++) {
        int64_t number = value_int(targets->element[i], "number");
        const struct gathered *target = gather_by_number(gather, number);

        table_put(table, TABLE_PLAIN, "%lld", (long long)node->number);
        table_put(table, TABLE_PLAIN, "%s", node->address);
        table_put(table, TABLE_PLAIN, "%lld", (long long)number);
        table_put(table, TABLE_PLAIN, "%s",
                  target != NULL ? target->address : "-");
        table_put(table, TABLE_PLAIN, "%lld",
                  (long long)value_int(targets->element[i], "count"));
    }
}

static void
write_hints(const struct ctl *ctl, const struct gather *gather, struct buf *out)
{
    static const char *const heads[] = {">KEEPER", "ADDRESS", ">FOR", "ADDRESS",
                                        ">HINTS"};
    int64_t total = 0, bytes = 0;
    struct table table;
    uint32_t i;

    if (ctl->is_json) {
        write_hints_json(gather, out);
        return;
    }
    table_init(&table, heads, ARRAY_LEN(heads), ctl->has_color);
    for (i = 0; i < gather->count; i++) {
        total += value_int(gather->nodes[i].answer, "total");
        bytes += value_int(gather->nodes[i].answer, "bytes");
        put_hint_rows(gather, &gather->nodes[i], &table);
    }
    buf_must_printf(out, "%lld hints, %s\n", (long long)total,
                    table_size(bytes).text);
    put_missing(gather, out);
    if (table.count > 0) {
        buf_must_add(out, "\n", 1);
        table_write(&table, out);
    }
    table_deinit(&table);
}

int
hints_run(struct ctl *ctl)
{
    return run_everywhere(ctl, 1, (const char *[]){"KULA.HINTS"}, write_hints);
}

/* ---- repair ---- */

static const struct field repair_fields[] = {
    {"comparing", FIELD_BOOL},        {"rounds", FIELD_INT},
    {"last_round_ago_ms", FIELD_INT}, {"slots_differing", FIELD_INT},
    {"keys_sent", FIELD_INT},         {"keys_received", FIELD_INT},
    {"bytes_sent", FIELD_INT},        {"waiting_settle", FIELD_INT},
    {"waiting_tenure", FIELD_INT},    {"repaired_keys", FIELD_INT},
    {"repair_bytes", FIELD_INT},      {"read_repairs", FIELD_INT},
    {"conflicts", FIELD_INT},         {"short_tenures", FIELD_INT},
    {"short_settles", FIELD_INT},     {"tenures_taken", FIELD_INT},
    {"tenures_lost", FIELD_INT},      {"stale_writes", FIELD_INT},
};

static void
write_repair_json(const struct gather *gather, struct buf *out)
{
    struct json json;
    uint32_t i;
    size_t at;

    json_begin(&json, out, "repair");
    json_bool(&json, "ok", gather->missing == 0);
    json_open(&json, "nodes", '[');
    for (i = 0; i < gather->count; i++) {
        const redisReply *answer = gather->nodes[i].answer;

        json_lead(&json, &gather->nodes[i]);
        for (at = 0; answer != NULL && at < ARRAY_LEN(repair_fields); at++)
            json_field(&json, answer, &repair_fields[at]);
        if (answer != NULL) json_counts(&json, answer, "dirty", "slots");
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_finish(&json);
}

static int64_t
dirty_slots(const redisReply *answer)
{
    const redisReply *rows = value_find(answer, "dirty");
    int64_t slots = 0;
    size_t i;

    for (i = 0; i < value_count(rows); i++)
        slots += value_int(rows->element[i], "slots");
    return slots;
}

static void
put_repair_row(const struct gathered *node, struct table *table)
{
    const redisReply *answer = node->answer;
    int64_t ago_ms = value_int(answer, "last_round_ago_ms");

    table_put(table, TABLE_PLAIN, "%lld", (long long)node->number);
    table_put(table, TABLE_PLAIN, "%s", node->address);
    table_put(table, TABLE_PLAIN, "%lld",
              (long long)value_int(answer, "rounds"));
    table_put(table, TABLE_PLAIN, "%s",
              ago_ms < 0 ? "-" : table_age(ago_ms / 1000).text);
    table_put(table, TABLE_PLAIN, "%lld",
              (long long)value_int(answer, "slots_differing"));
    table_put(table, TABLE_PLAIN, "%lld",
              (long long)value_int(answer, "repaired_keys"));
    table_put(table, TABLE_PLAIN, "%s",
              table_size(value_int(answer, "repair_bytes")).text);
    table_put(table, TABLE_PLAIN, "%lld",
              (long long)value_int(answer, "waiting_settle"));
    table_put(table, TABLE_PLAIN, "%lld",
              (long long)value_int(answer, "waiting_tenure"));
    table_put(table, TABLE_PLAIN, "%lld", (long long)dirty_slots(answer));
}

static void
write_repair(const struct ctl *ctl, const struct gather *gather,
             struct buf *out)
{
    static const char *const heads[] = {
        ">NODE",   "ADDRESS", ">ROUNDS",   ">LAST",   ">DIFFERING",
        ">MENDED", ">BYTES",  ">SETTLING", ">TENURE", ">DIRTY"};
    struct table table;
    uint32_t i;

    if (ctl->is_json) {
        write_repair_json(gather, out);
        return;
    }
    table_init(&table, heads, ARRAY_LEN(heads), ctl->has_color);
    for (i = 0; i < gather->count; i++) {
        if (gather->nodes[i].answer != NULL)
            put_repair_row(&gather->nodes[i], &table);
    }
    table_write(&table, out);
    table_deinit(&table);
    put_missing(gather, out);
}

int
repair_run(struct ctl *ctl)
{
    if (ctl->word_count != 1 || strcmp(ctl->words[0], "status") != 0)
        return ctl_fail(ctl, CTL_USAGE, "repair what? (repair status)");
    return run_everywhere(ctl, 2, (const char *[]){"KULA.REPAIR", "STATUS"},
                          write_repair);
}
