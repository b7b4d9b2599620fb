/*
 * Who has which slots; and of one key, which copies there are and whether they
 * agree.
 */
#include "ctl/gather.h"
#include "ctl/json.h"
#include "ctl/table.h"

/* ---- all slots ---- */

static void
json_numbers(struct json *json, const char *name, const redisReply *numbers)
{
    size_t i;

    json_open(json, name, '[');
    for (i = 0; i < value_count(numbers); i++)
        json_int(json, NULL, value_number(numbers->element[i]));
    json_close(json, ']');
}

static void
json_facts(struct json *json, const redisReply *ring)
{
    static const char *const numbers[] = {"slots", "replicas", "read_quorum",
                                          "write_quorum", "members"};
    size_t i;

    json_text(json, "ring", value_text(ring, "name"));
    for (i = 0; i < ARRAY_LEN(numbers); i++)
        json_int(json, numbers[i], value_int(ring, numbers[i]));
    json_text(json, "quorum_mode", value_text(ring, "quorum_mode"));
    json_text(json, "map_hash", value_text(ring, "map_hash"));
}

static void
write_ranges_json(const redisReply *ring, struct buf *out)
{
    const redisReply *ranges = value_find(ring, "ranges");
    struct json json;
    size_t i;

    json_begin(&json, out, "ring");
    json_bool(&json, "ok", true);
    json_facts(&json, ring);
    json_open(&json, "ranges", '[');
    for (i = 0; i < value_count(ranges); i++) {
        const redisReply *range = ranges->element[i];

        json_open(&json, NULL, '{');
        json_int(&json, "from", value_number(value_at(range, 0)));
        json_int(&json, "to", value_number(value_at(range, 1)));
        json_numbers(&json, "owners", value_at(range, 2));
        json_int(&json, "pending", value_number(value_at(range, 3)));
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_finish(&json);
}

static void
put_list(struct buf *out, const redisReply *numbers)
{
    size_t i;

    for (i = 0; i < value_count(numbers); i++) {
        buf_must_printf(out, "%s%lld", i > 0 ? " " : "",
                        (long long)value_number(numbers->element[i]));
    }
    buf_must_add(out, "", 1);
}

static void
write_ranges(const struct ctl *ctl, const redisReply *ring, struct buf *out)
{
    static const char *const heads[] = {">FROM", ">TO", "OWNERS", "PENDING"};
    const redisReply *ranges = value_find(ring, "ranges");
    struct table table;
    size_t i;

    buf_must_printf(
        out, "ring %s: %lld slots, %lld nodes, N %lld, map %s\n\n",
        value_text(ring, "name"), (long long)value_int(ring, "slots"),
        (long long)value_int(ring, "members"),
        (long long)value_int(ring, "replicas"), value_text(ring, "map_hash"));
    if (value_count(ranges) == 0) {
        buf_must_printf(out, "this node has all slots to itself\n");
        return;
    }
    table_init(&table, heads, ARRAY_LEN(heads), ctl->has_color);
    for (i = 0; i < value_count(ranges); i++) {
        const redisReply *range = ranges->element[i];
        long long pending = (long long)value_number(value_at(range, 3));
        struct buf owners = {0};

        put_list(&owners, value_at(range, 2));
        table_put(&table, TABLE_PLAIN, "%lld",
                  (long long)value_number(value_at(range, 0)));
        table_put(&table, TABLE_PLAIN, "%lld",
                  (long long)value_number(value_at(range, 1)));
        table_put(&table, TABLE_PLAIN, "%s", owners.data);
        if (pending != 0) {
            table_put(&table, TABLE_BAD, "%lld", pending);
        } else {
            table_put(&table, TABLE_PLAIN, "-");
        }
        buf_deinit(&owners);
    }
    table_write(&table, out);
    table_deinit(&table);
}

static int
run_all(struct ctl *ctl)
{
    struct buf out = {0};
    redisReply *ring = NULL;
    struct peer peer;
    int code = CTL_OK;

    if (peer_open_first(&peer, ctl))
        ring = peer_call(&peer, 1, (const char *[]){"KULA.RING"});
    if (ring == NULL) {
        code = ctl_fail(ctl, peer.code, "%s", peer.error);
    } else if (ctl->is_json) {
        write_ranges_json(ring, &out);
    } else {
        write_ranges(ctl, ring, &out);
    }
    ctl_print(&out);
    freeReplyObject(ring);
    peer_close(&peer);
    return code;
}

/* ---- one key ---- */

struct copies {
    const struct ctl *ctl;
    struct gather gather;
    redisReply *slot; /* KULA.RING KEY of the first node; owned */
    uint32_t owners, answers;
    bool do_agree;
};

static bool
is_owner(const struct copies *copies, const struct gathered *node)
{
    const redisReply *owners = value_find(copies->slot, "owners");
    size_t i;

    if (value_count(owners) == 0) return true; /* alone */
    for (i = 0; i < value_count(owners); i++) {
        if (value_number(owners->element[i]) == node->number) return true;
    }
    return false;
}

static bool
is_same(const redisReply *a, const redisReply *b, const char *name)
{
    return strcmp(value_text(a, name), value_text(b, name)) == 0;
}

static void
compare(struct copies *copies)
{
    const redisReply *before = NULL;
    uint32_t i;

    copies->do_agree = true;
    for (i = 0; i < copies->gather.count; i++) {
        const struct gathered *node = &copies->gather.nodes[i];

        if (!is_owner(copies, node)) continue;
        copies->owners++;
        if (node->answer == NULL) continue;
        copies->answers++;
        if (before != NULL && (!is_same(before, node->answer, "version") ||
                               !is_same(before, node->answer, "check"))) {
            copies->do_agree = false;
        }
        before = node->answer;
    }
}

/* Of an owner, a stand-in or another that still holds something. */
static const char *
role_of(const struct copies *copies, const struct gathered *node)
{
    if (!is_owner(copies, node)) return "other";
    if (value_count(value_find(copies->slot, "owners")) == 0 ||
        value_int(copies->slot, "primary") == node->number) {
        return "primary";
    }
    return "owner";
}

static bool
is_shown(const struct copies *copies, const struct gathered *node)
{
    return is_owner(copies, node) ||
           (node->answer != NULL &&
            strcmp(value_text(node->answer, "kind"), "none") != 0);
}

static void
write_copies_json(const struct copies *copies, struct buf *out)
{
    const redisReply *tenure = value_find(copies->slot, "tenure");
    struct json json;
    uint32_t i;

    json_begin(&json, out, "ring");
    json_bool(&json, "ok",
              copies->do_agree && copies->answers == copies->owners);
    json_text(&json, "key", copies->ctl->key);
    json_int(&json, "slot", value_int(copies->slot, "slot"));
    json_numbers(&json, "owners", value_find(copies->slot, "owners"));
    json_numbers(&json, "standins", value_find(copies->slot, "standins"));
    json_int(&json, "pending", value_int(copies->slot, "pending"));
    json_int(&json, "primary", value_int(copies->slot, "primary"));
    json_open(&json, "tenure", '{');
    json_text(&json, "stamp", value_text(tenure, "stamp"));
    json_int(&json, "holder", value_int(tenure, "holder"));
    json_close(&json, '}');
    json_bool(&json, "agree", copies->do_agree);
    json_open(&json, "copies", '[');
    for (i = 0; i < copies->gather.count; i++) {
        const struct gathered *node = &copies->gather.nodes[i];

        if (!is_shown(copies, node)) continue;
        json_open(&json, NULL, '{');
        json_int(&json, "number", node->number);
        json_text(&json, "address", node->address);
        json_text(&json, "role", role_of(copies, node));
        json_bool(&json, "answers", node->answer != NULL);
        if (node->answer != NULL) {
            json_text(&json, "kind", value_text(node->answer, "kind"));
            json_text(&json, "stamp", value_text(node->answer, "stamp"));
            json_text(&json, "version", value_text(node->answer, "version"));
            json_text(&json, "check", value_text(node->answer, "check"));
        } else {
            json_text(&json, "error", node->error);
        }
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_finish(&json);
}

static void
put_copy(const struct copies *copies, const struct gathered *node,
         struct table *table)
{
    table_put(table, TABLE_PLAIN, "%lld", (long long)node->number);
    table_put(table, TABLE_PLAIN, "%s", node->address);
    table_put(table, TABLE_PLAIN, "%s", role_of(copies, node));
    if (node->answer == NULL) {
        table_put(table, TABLE_BAD, "-");
        table_put(table, TABLE_PLAIN, "-");
        table_put(table, TABLE_PLAIN, "-");
        table_put(table, TABLE_BAD, "%s", node->error);
        return;
    }
    table_put(table, TABLE_PLAIN, "%s", value_text(node->answer, "kind"));
    table_put(table, TABLE_PLAIN, "%s", value_text(node->answer, "stamp"));
    table_put(table, copies->do_agree ? TABLE_GOOD : TABLE_BAD, "%s",
              value_text(node->answer, "version"));
    table_put(table, copies->do_agree ? TABLE_GOOD : TABLE_BAD, "%s",
              value_text(node->answer, "check"));
}

static void
write_copies(const struct copies *copies, struct buf *out)
{
    static const char *const heads[] = {">NODE",  "ADDRESS", "ROLE", "HOLDS",
                                        ">STAMP", "VERSION", "CHECK"};
    const redisReply *standins = value_find(copies->slot, "standins");
    struct table table;
    uint32_t i;

    buf_must_printf(out, "slot %lld: %u of %u copies answer%s\n",
                    (long long)value_int(copies->slot, "slot"), copies->answers,
                    copies->owners,
                    !copies->do_agree     ? ", and they differ"
                    : copies->answers > 1 ? ", and they agree"
                                          : "");
    if (value_count(standins) > 0) {
        buf_must_printf(out, "stand-ins: ");
        gather_put_numbers(&copies->gather, standins, out);
        buf_must_add(out, "\n", 1);
    }
    buf_must_add(out, "\n", 1);
    table_init(&table, heads, ARRAY_LEN(heads), copies->ctl->has_color);
    for (i = 0; i < copies->gather.count; i++) {
        if (is_shown(copies, &copies->gather.nodes[i]))
            put_copy(copies, &copies->gather.nodes[i], &table);
    }
    table_write(&table, out);
    table_deinit(&table);
}

static int
tell(const struct copies *copies)
{
    struct buf out = {0};

    if (copies->ctl->is_json) {
        write_copies_json(copies, &out);
    } else {
        write_copies(copies, &out);
    }
    ctl_print(&out);
    if (!copies->do_agree) return CTL_NEGATIVE;
    return copies->answers < copies->owners ? CTL_TIMED_OUT : CTL_OK;
}

static int
run_key(struct ctl *ctl)
{
    const char *slot[] = {"KULA.RING", "KEY", ctl->key};
    const char *version[] = {"KULA.VERSION", ctl->key};
    struct copies copies = {.ctl = ctl};
    struct peer peer;
    int code;

    if (peer_open_first(&peer, ctl)) copies.slot = peer_call(&peer, 3, slot);
    if (copies.slot == NULL) {
        code = ctl_fail(ctl, peer.code, "%s", peer.error);
    } else if (!gather_run(&copies.gather, ctl, 2, version)) {
        code = ctl_fail(ctl, copies.gather.code, "%s", copies.gather.error);
    } else {
        compare(&copies);
        code = tell(&copies);
    }
    gather_deinit(&copies.gather);
    freeReplyObject(copies.slot);
    peer_close(&peer);
    return code;
}

int
ring_run(struct ctl *ctl)
{
    return ctl->key != NULL ? run_key(ctl) : run_all(ctl);
}
