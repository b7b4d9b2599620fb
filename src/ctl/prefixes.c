/*
 * Prefixes of keys that have quorums of their own, as the asked node knows
 * them; and whether all others know the same.
 */
#include "ctl/gather.h"
#include "ctl/json.h"
#include "ctl/table.h"

/* Replies of KULA.PREFIX LIST: names and rules in turn. */
static bool
is_same(const redisReply *one, const redisReply *other)
{
    size_t i;

    if (one->type != other->type) return false;
    if (one->type == REDIS_REPLY_INTEGER) return one->integer == other->integer;
    if (one->type == REDIS_REPLY_STRING)
        return bytes_equal(bytes_of(one->str, one->len),
                           bytes_of(other->str, other->len));
    if (value_count(one) != value_count(other)) return false;
    for (i = 0; i < value_count(one); i++) {
        if (!is_same(one->element[i], other->element[i])) return false;
    }
    return true;
}

static const redisReply *
first_answer(const struct gather *gather)
{
    uint32_t i;

    for (i = 0; i < gather->count; i++) {
        if (gather->nodes[i].is_first) return gather->nodes[i].answer;
    }
    return NULL;
}

/* A node that has another list; NULL: none. */
static const struct gathered *
who_differs(const struct gather *gather, const redisReply *list)
{
    uint32_t i;

    for (i = 0; i < gather->count; i++) {
        const redisReply *answer = gather->nodes[i].answer;

        if (answer != NULL && !is_same(list, answer)) return &gather->nodes[i];
    }
    return NULL;
}

static void
write_json(const redisReply *list, bool is_agreed, struct buf *out)
{
    struct json json;
    size_t i;

    json_begin(&json, out, "prefixes");
    json_bool(&json, "ok", is_agreed);
    json_open(&json, "prefixes", '[');
    for (i = 0; i + 1 < value_count(list); i += 2) {
        const redisReply *name = value_at(list, i),
                         *rule = value_at(list, i + 1);

        json_open(&json, NULL, '{');
        json_bytes(&json, "prefix", bytes_of(name->str, name->len));
        json_int(&json, "r", value_int(rule, "r"));
        json_int(&json, "w", value_int(rule, "w"));
        json_text(&json, "mode", value_text(rule, "mode"));
        json_text(&json, "conflict", value_text(rule, "conflict"));
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_finish(&json);
}

static void
put_count(struct table *table, int64_t count)
{
    table_put(table, TABLE_PLAIN, count > 0 ? "%lld" : "-", (long long)count);
}

static void
put_word(struct table *table, const char *word)
{
    table_put(table, TABLE_PLAIN, "%s", word[0] != '\0' ? word : "-");
}

/* What a terminal can't show is a dot. */
static void
put_name(struct table *table, const redisReply *name)
{
    char text[128];
    size_t i, size = name->len < sizeof(text) ? name->len : sizeof(text) - 1;

    for (i = 0; i < size; i++) {
        unsigned char c = (unsigned char)name->str[i];

        text[i] = c < ' ' || c == 0x7f ? '.' : (char)c;
    }
    text[size] = '\0';
    table_put(table, TABLE_PLAIN, "%s", text);
}

static void
write_table(const struct ctl *ctl, const redisReply *list, struct buf *out)
{
    static const char *const heads[] = {"PREFIX", ">R", ">W", "MODE",
                                        "CONFLICT"};
    struct table table;
    size_t i;

    table_init(&table, heads, ARRAY_LEN(heads), ctl->has_color);
    for (i = 0; i + 1 < value_count(list); i += 2) {
        const redisReply *rule = value_at(list, i + 1);

        put_name(&table, value_at(list, i));
        put_count(&table, value_int(rule, "r"));
        put_count(&table, value_int(rule, "w"));
        put_word(&table, value_text(rule, "mode"));
        put_word(&table, value_text(rule, "conflict"));
    }
    table_write(&table, out);
    table_deinit(&table);
}

int
prefixes_run(struct ctl *ctl)
{
    const char *words[] = {"KULA.PREFIX", "LIST"};
    const struct gathered *other;
    const redisReply *list;
    struct gather gather;
    struct buf out = {0};
    int code = CTL_OK;

    if (!gather_run(&gather, ctl, 2, words)) {
        code = ctl_fail(ctl, gather.code, "%s", gather.error);
        gather_deinit(&gather);
        return code;
    }
    list = first_answer(&gather);
    other = list != NULL ? who_differs(&gather, list) : NULL;
    if (other != NULL) code = CTL_NEGATIVE;
    if (list == NULL || gather.missing > 0) code = CTL_TIMED_OUT;
    if (ctl->is_json) {
        write_json(list, code == CTL_OK, &out);
    } else {
        write_table(ctl, list, &out);
        if (other != NULL)
            buf_must_printf(&out, "node %lld (%s) has other ones\n",
                            (long long)other->number, other->address);
        if (gather.missing > 0)
            buf_must_printf(&out, "%u of %u nodes did not answer\n",
                            gather.missing, gather.count);
    }
    ctl_print(&out);
    gather_deinit(&gather);
    return code;
}
