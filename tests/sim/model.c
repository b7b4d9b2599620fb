#include "sim/model.h"

#include "base/memory.h"
#include "base/number.h"
#include "sim/sim.h"

#include <stdio.h>
#include <stdlib.h>

void
model_deinit(struct model *model)
{
    uint32_t db, n;

    for (db = 0; db < MODEL_DBS; db++) {
        for (n = 0; n < MODEL_NAMES; n++) {
            buf_deinit(&model->entries[db][n].value);
        }
    }
}

struct model_entry *
model_look(struct model *model, uint32_t db, uint32_t n)
{
    struct model_entry *entry = &model->entries[db][n];

    if (entry->is_there && entry->expire_ms > 0 &&
        model->wall_ms > entry->expire_ms) {
        entry->is_there = false;
        entry->changes++;
    }
    return entry;
}

static struct model_entry *
look(struct model *model, uint32_t db, uint32_t n)
{
    return model_look(model, db, n);
}

static void
put(const struct model *model, struct model_entry *entry, struct bytes value)
{
    struct buf copy = {0};

    buf_must_add(&copy, value.data, value.size);
    buf_deinit(&entry->value);
    entry->value = copy;
    if (!entry->is_there) {
        entry->expire_ms = 0;
        entry->born = model->steps;
    }
    entry->is_there = true;
    entry->changes++;
}

static bool
take_away(struct model_entry *entry)
{
    if (!entry->is_there) return false;
    entry->is_there = false;
    entry->changes++;
    return true;
}

/* ---- replies ---- */

static void
say_int(struct buf *out, int64_t value)
{
    buf_must_printf(out, ":%lld\r\n", (long long)value);
}

static void
say_bulk(struct buf *out, struct bytes value)
{
    buf_must_printf(out, "$%zu\r\n", value.size);
    buf_must_add(out, value.data, value.size);
    buf_must_add(out, "\r\n", 2);
}

static void
say(struct buf *out, const char *text)
{
    buf_must_add(out, text, strlen(text));
}

static void
say_entry(struct buf *out, const struct model_entry *entry)
{
    if (!entry->is_there)
        say(out, "$-1\r\n");
    else
        say_bulk(out, buf_bytes(&entry->value));
}

/* ---- commands ---- */

static void
run_set(struct model *model, struct model_client *client,
        const struct model_command *c, struct buf *out)
{
    struct model_entry *entry = look(model, client->db, c->a);

    if (c->op == OP_SETGET || c->op == OP_GETSET) say_entry(out, entry);
    if ((c->op == OP_SETNX && entry->is_there) ||
        (c->op == OP_SETXX && !entry->is_there)) {
        say(out, "$-1\r\n");
        return;
    }
    put(model, entry, c->value);
    if (c->op != OP_SET_KEEPTTL)
        entry->expire_ms = c->op == OP_SETPX ? model->wall_ms + c->number : 0;
    if (c->op != OP_SETGET && c->op != OP_GETSET) say(out, "+OK\r\n");
}

static void
run_incr(const struct model *model, struct model_entry *entry, int64_t delta,
         struct buf *out)
{
    int64_t value = 0;
    char text[NUMBER_INT_ROOM];

    if (entry->is_there &&
        !number_parse_int(buf_bytes(&entry->value), &value)) {
        say(out, "-ERR value is not an integer or out of range\r\n");
        return;
    }
    if (__builtin_add_overflow(value, delta, &value)) {
        say(out, "-ERR increment or decrement would overflow\r\n");
        return;
    }
    put(model, entry, bytes_of(text, number_format_int(text, value)));
    say_int(out, value);
}

static void
run_append(const struct model *model, struct model_entry *entry,
           struct bytes more, struct buf *out)
{
    if (!entry->is_there) {
        put(model, entry, more);
    } else {
        buf_must_add(&entry->value, more.data, more.size);
        entry->changes++;
    }
    say_int(out, (int64_t)entry->value.used);
}

static void
grow(struct model_entry *entry, size_t size)
{
    static const char zeros[4096];

    while (entry->value.used < size) {
        size_t more = size - entry->value.used;

        if (more > sizeof(zeros)) more = sizeof(zeros);
        buf_must_add(&entry->value, zeros, more);
    }
}

static void
run_setrange(const struct model *model, struct model_entry *entry, size_t at,
             struct bytes value, struct buf *out)
{
    if (value.size == 0) {
        say_int(out, entry->is_there ? (int64_t)entry->value.used : 0);
        return;
    }
    if (!entry->is_there) put(model, entry, bytes_of(NULL, 0));
    grow(entry, at + value.size);
    memcpy(entry->value.data + at, value.data, value.size);
    entry->changes++;
    say_int(out, (int64_t)entry->value.used);
}

static void
run_getrange(const struct model_entry *entry, int64_t from, int64_t to,
             struct buf *out)
{
    int64_t size = entry->is_there ? (int64_t)entry->value.used : 0;

    if (to >= size) to = size - 1;
    if (from > to)
        say_bulk(out, bytes_of(NULL, 0));
    else
        say_bulk(out,
                 bytes_of(entry->value.data + from, (size_t)(to - from + 1)));
}

static void
run_expiry(struct model *model, struct model_entry *entry,
           const struct model_command *c, struct buf *out)
{
    if (c->op == OP_PTTL) {
        if (!entry->is_there)
            say_int(out, -2);
        else if (entry->expire_ms == 0)
            say_int(out, -1);
        else
            say_int(out, entry->expire_ms - model->wall_ms);
        return;
    }
    if (!entry->is_there) {
        say_int(out, 0);
        return;
    }
    if (c->op == OP_PERSIST) {
        say_int(out, entry->expire_ms > 0);
        if (entry->expire_ms > 0) entry->changes++;
        entry->expire_ms = 0;
        return;
    }
    say_int(out, 1);
    if (c->number <= 0) {
        (void)take_away(entry);
    } else {
        entry->expire_ms = model->wall_ms + c->number;
        entry->changes++;
    }
}

static void
run_two(struct model *model, struct model_client *client,
        const struct model_command *c, struct buf *out)
{
    struct model_entry *a = look(model, client->db, c->a);
    struct model_entry *b = look(model, client->db, c->b);
    bool were_there = a->is_there || b->is_there;

    if (c->op == OP_MGET) {
        say(out, "*2\r\n");
        say_entry(out, a);
        say_entry(out, b);
        return;
    }
    if (c->op == OP_MSETNX && were_there) {
        say_int(out, 0);
        return;
    }
    put(model, a, c->value);
    a->expire_ms = 0;
    put(model, b, c->value);
    b->expire_ms = 0;
    if (c->op == OP_MSET)
        say(out, "+OK\r\n");
    else
        say_int(out, 1);
}

static void
run_rename(struct model *model, struct model_client *client,
           const struct model_command *c, struct buf *out)
{
    struct model_entry *a = look(model, client->db, c->a);
    struct model_entry *b = look(model, client->db, c->b);
    int64_t expire_ms = a->expire_ms;

    if (!a->is_there) {
        say(out, "-ERR no such key\r\n");
        return;
    }
    if (a != b) {
        put(model, b, buf_bytes(&a->value));
        b->expire_ms = expire_ms;
        (void)take_away(a);
    }
    say(out, "+OK\r\n");
}

static void
run_copy(struct model *model, struct model_client *client,
         const struct model_command *c, struct buf *out)
{
    bool is_move = c->op == OP_MOVE;
    uint32_t to_db = is_move ? c->b % MODEL_DBS : client->db;
    struct model_entry *a = look(model, client->db, c->a);
    struct model_entry *b = look(model, to_db, is_move ? c->a : c->b);

    if (a == b) {
        say(out, "-ERR source and destination objects are the same\r\n");
        return;
    }
    if (!a->is_there || (b->is_there && c->op != OP_COPY_REPLACE)) {
        say_int(out, 0);
        return;
    }
    put(model, b, buf_bytes(&a->value));
    b->expire_ms = a->expire_ms;
    if (is_move) (void)take_away(a);
    say_int(out, 1);
}

static void
run_getex(struct model *model, struct model_entry *entry,
          const struct model_command *c, struct buf *out)
{
    say_entry(out, entry);
    if (!entry->is_there) return;
    if (c->op == OP_GETEX) {
        entry->expire_ms = model->wall_ms + c->number;
        entry->changes++;
    } else if (entry->expire_ms > 0) {
        entry->expire_ms = 0;
        entry->changes++;
    }
}

static void
run_expire_at(struct model *model, struct model_entry *entry,
              const struct model_command *c, struct buf *out)
{
    int64_t now = entry->expire_ms;
    bool is_meant = (c->op == OP_EXPIREAT_NX && now == 0) ||
                    (c->op == OP_EXPIREAT_XX && now > 0) ||
                    (c->op == OP_EXPIREAT_GT && now > 0 && c->number > now) ||
                    (c->op == OP_EXPIREAT_LT && (now == 0 || c->number < now));

    if (!entry->is_there || !is_meant) {
        say_int(out, 0);
        return;
    }
    say_int(out, 1);
    if (c->number <= model->wall_ms) {
        (void)take_away(entry);
    } else {
        entry->expire_ms = c->number;
        entry->changes++;
    }
}

static void
run_bit(const struct model *model, struct model_entry *entry,
        const struct model_command *c, struct buf *out)
{
    size_t at = (size_t)c->number >> 3;
    unsigned mask = 0x80u >> (c->number & 7), bit = c->b & 1, old = 0;
    char *byte;

    if (entry->is_there && at < entry->value.used)
        old = ((unsigned char)entry->value.data[at] & mask) != 0;
    say_int(out, old);
    if (c->op == OP_GETBIT) return;
    if (entry->is_there && at < entry->value.used && old == bit) return;
    if (!entry->is_there) put(model, entry, bytes_of(NULL, 0));
    grow(entry, at + 1);
    byte = &entry->value.data[at];
    *byte = (char)(bit ? (unsigned char)*byte | mask
                       : (unsigned char)*byte & ~mask);
    entry->changes++;
}

/* BITOP XOR b a b */
static void
run_bitop(struct model *model, struct model_client *client,
          const struct model_command *c, struct buf *out)
{
    struct model_entry *a = look(model, client->db, c->a);
    struct model_entry *b = look(model, client->db, c->b);
    size_t a_size = a->is_there ? a->value.used : 0;
    size_t b_size = b->is_there ? b->value.used : 0, i;
    struct buf sum = {0};

    for (i = 0; i < a_size || i < b_size; i++) {
        char byte = (char)((i < a_size ? a->value.data[i] : 0) ^
                           (i < b_size ? b->value.data[i] : 0));

        buf_must_add(&sum, &byte, 1);
    }
    say_int(out, (int64_t)sum.used);
    if (sum.used > 0) {
        put(model, b, buf_bytes(&sum));
        b->expire_ms = 0;
    } else {
        (void)take_away(b);
    }
    buf_deinit(&sum);
}

static void
run_dbsize(struct model *model, uint32_t db, struct bytes actual,
           struct buf *out)
{
    int64_t live = 0, most = 0, said = -1;
    uint32_t n;

    for (n = 0; n < MODEL_NAMES; n++) {
        /* what has expired may still be counted until somebody looks */
        live += look(model, db, n)->is_there;
        most++;
    }
    if (actual.size > 3) {
        (void)number_parse_int(bytes_of(actual.data + 1, actual.size - 3),
                               &said);
    }
    if (model->may_vanish) live = 0;
    say_int(out, said >= live && said <= most ? said : live);
}

static void
flush(struct model *model, uint32_t db)
{
    uint32_t n;

    for (n = 0; n < MODEL_NAMES; n++) {
        (void)take_away(look(model, db, n));
    }
}

static void
run_plain(struct model *model, struct model_client *client,
          const struct model_command *c, struct bytes actual, struct buf *out)
{
    struct model_entry *entry = look(model, client->db, c->a);

    switch (c->op) {
    case OP_PING: say(out, "+PONG\r\n"); break;
    case OP_SET:
    case OP_SETNX:
    case OP_SETXX:
    case OP_SETGET:
    case OP_SETPX:
    case OP_SET_KEEPTTL:
    case OP_GETSET: run_set(model, client, c, out); break;
    case OP_GETDEL:
        say_entry(out, entry);
        (void)take_away(entry);
        break;
    case OP_GET: say_entry(out, entry); break;
    case OP_DEL: say_int(out, take_away(entry)); break;
    case OP_EXISTS: say_int(out, entry->is_there); break;
    case OP_INCRBY: run_incr(model, entry, c->number, out); break;
    case OP_APPEND: run_append(model, entry, c->value, out); break;
    case OP_STRLEN:
        say_int(out, entry->is_there ? (int64_t)entry->value.used : 0);
        break;
    case OP_PEXPIRE:
    case OP_PERSIST:
    case OP_PTTL: run_expiry(model, entry, c, out); break;
    case OP_MGET:
    case OP_MSET:
    case OP_MSETNX: run_two(model, client, c, out); break;
    case OP_RENAME: run_rename(model, client, c, out); break;
    case OP_SETRANGE:
        run_setrange(model, entry, (size_t)c->number, c->value, out);
        break;
    case OP_GETRANGE:
        run_getrange(entry, c->number, c->number + 20, out);
        break;
    case OP_SELECT:
        client->db = c->a % MODEL_DBS;
        say(out, "+OK\r\n");
        break;
    case OP_FLUSHDB:
        flush(model, client->db);
        say(out, "+OK\r\n");
        break;
    case OP_DBSIZE: run_dbsize(model, client->db, actual, out); break;
    case OP_COPY:
    case OP_COPY_REPLACE:
    case OP_MOVE: run_copy(model, client, c, out); break;
    case OP_GETEX:
    case OP_GETEX_PERSIST: run_getex(model, entry, c, out); break;
    case OP_EXPIREAT_NX:
    case OP_EXPIREAT_XX:
    case OP_EXPIREAT_GT:
    case OP_EXPIREAT_LT: run_expire_at(model, entry, c, out); break;
    case OP_SETBIT:
    case OP_GETBIT: run_bit(model, entry, c, out); break;
    case OP_BITOP: run_bitop(model, client, c, out); break;
    case OP_MULTI:
    case OP_EXEC:
    case OP_DISCARD:
    case OP_WATCH:
    case OP_SCAN:
    case OP_COUNT: ASSERT(c->op < OP_COUNT); break;
    }
}

/* ---- transactions ---- */

static void
end_multi(struct model_client *client)
{
    uint32_t i;

    for (i = 0; i < client->queued; i++) {
        mem_free((void *)(uintptr_t)client->queue[i].value.data);
    }
    client->queued = 0;
    client->watch_count = 0;
    client->in_multi = false;
}

static void
run_exec(struct model *model, struct model_client *client, struct bytes actual,
         struct buf *out)
{
    bool is_null = bytes_equal(actual, BYTES_LIT("*-1\r\n"));
    bool is_dirty = false;
    uint32_t i;

    for (i = 0; i < client->watch_count; i++) {
        const struct model_watch *watch = &client->watches[i];

        if (look(model, watch->db, watch->name)->changes != watch->changes ||
            (watch->was_absent && is_null)) {
            is_dirty = true;
        }
    }
    if (is_dirty) {
        say(out, "*-1\r\n");
    } else {
        size_t at = 4;

        buf_must_printf(out, "*%u\r\n", client->queued);
        if (client->queued > 9) at = 5;
        for (i = 0; i < client->queued; i++) {
            struct bytes rest = {NULL, 0};

            if (at < actual.size)
                rest = bytes_of(actual.data + at, actual.size - at);
            rest.size = sim_reply_size(rest);
            run_plain(model, client, &client->queue[i], rest, out);
            at += rest.size;
        }
    }
    end_multi(client);
}

static void
run_watch(struct model *model, struct model_client *client,
          const struct model_command *c)
{
    struct model_entry *entry = look(model, client->db, c->a);

    ASSERT(client->watch_count < MODEL_WATCHES);
    client->watches[client->watch_count++] =
        (struct model_watch){.db = client->db,
                             .name = c->a,
                             .was_absent = !entry->is_there,
                             .changes = entry->changes};
}

void
model_run(struct model *model, struct model_client *client,
          const struct model_command *command, struct bytes actual,
          struct buf *expected)
{
    model->steps++;
    switch ((int)command->op) {
    case OP_MULTI:
        client->in_multi = true;
        say(expected, "+OK\r\n");
        return;
    case OP_EXEC: run_exec(model, client, actual, expected); return;
    case OP_DISCARD:
        end_multi(client);
        say(expected, "+OK\r\n");
        return;
    case OP_WATCH:
        run_watch(model, client, command);
        say(expected, "+OK\r\n");
        return;
    default: break;
    }
    if (client->in_multi) {
        struct model_command *queued = &client->queue[client->queued++];

        ASSERT(client->queued <= MODEL_QUEUE);
        *queued = *command;
        queued->value.data =
            mem_must_text(command->value.data, command->value.size);
        say(expected, "+QUEUED\r\n");
        return;
    }
    run_plain(model, client, command, actual, expected);
}

/* ---- encoding ---- */

/* ---- eviction ---- */

/* What a command can name: two keys, in any database. */
enum { NAMED = 2 * MODEL_DBS };

static struct model_entry *
named(struct model *model, const struct model_command *command, uint32_t i)
{
    return &model->entries[i / 2][i % 2 ? command->b : command->a];
}

static void
copy_entry(struct model_entry *to, const struct model_entry *from)
{
    struct buf value = to->value;

    value.used = 0;
    buf_must_add(&value, from->value.data, from->value.used);
    *to = *from;
    to->value = value;
}

bool
model_run_evicting(struct model *model, struct model_client *client,
                   const struct model_command *command, struct bytes actual,
                   struct buf *expected)
{
    struct model_entry kept[NAMED] = {{0}};
    uint32_t gone, i;
    bool is_right = false;

    for (i = 0; i < NAMED; i++)
        copy_entry(&kept[i], named(model, command, i));
    for (gone = 0; gone < 1u << NAMED && !is_right; gone++) {
        for (i = 0; gone > 0 && i < NAMED; i++)
            copy_entry(named(model, command, i), &kept[i]);
        for (i = 0; i < NAMED; i++) {
            if (gone & 1u << i) (void)take_away(named(model, command, i));
        }
        expected->used = 0;
        model_run(model, client, command, actual, expected);
        is_right = bytes_equal(actual, buf_bytes(expected));
    }
    for (i = 0; i < NAMED; i++)
        buf_deinit(&kept[i].value);
    return is_right;
}

/* ---- scans ---- */

static struct bytes
next_line(struct bytes *rest)
{
    const char *end =
        rest->size > 0 ? memchr(rest->data, '\r', rest->size) : NULL;
    struct bytes line = {rest->data, 0};

    if (end == NULL) return line;
    line.size = (size_t)(end - rest->data);
    rest->size -= line.size + 2;
    rest->data = end + 2;
    return line;
}

bool
model_scan(struct model *model, uint32_t db, struct bytes actual,
           uint32_t *seen, int64_t *cursor)
{
    struct bytes line;

    model->steps++;
    if (!bytes_equal(next_line(&actual), BYTES_LIT("*2"))) return false;
    (void)next_line(&actual);
    if (!number_parse_int(next_line(&actual), cursor)) return false;
    line = next_line(&actual);
    if (line.size < 2 || line.data[0] != '*') return false;
    while (actual.size > 0) {
        int64_t n;

        (void)next_line(&actual);
        line = next_line(&actual);
        if (line.size < 2 || line.data[0] != 'n') return false;
        if (!number_parse_int(bytes_of(line.data + 1, line.size - 1), &n) ||
            n < 0 || n >= MODEL_NAMES) {
            return false;
        }
        if (!model_look(model, db, (uint32_t)n)->is_there) return false;
        *seen |= 1u << n;
    }
    return true;
}

bool
model_scanned(struct model *model, uint32_t db, uint64_t since, uint32_t seen)
{
    uint32_t n;

    for (n = 0; n < MODEL_NAMES && !model->may_vanish; n++) {
        const struct model_entry *entry = model_look(model, db, n);

        if (entry->is_there && entry->born < since && !(seen & 1u << n))
            return false;
    }
    return true;
}

static const char *const WORDS[] = {
    [OP_PING] = "PING",
    [OP_SET] = "SET a v",
    [OP_SETNX] = "SET a v NX",
    [OP_SETXX] = "SET a v XX",
    [OP_SETGET] = "SET a v GET",
    [OP_SETPX] = "SET a v PX n",
    [OP_GET] = "GET a",
    [OP_GETDEL] = "GETDEL a",
    [OP_SET_KEEPTTL] = "SET a v KEEPTTL",
    [OP_GETSET] = "GETSET a v",
    [OP_DEL] = "DEL a",
    [OP_EXISTS] = "EXISTS a",
    [OP_INCRBY] = "INCRBY a n",
    [OP_APPEND] = "APPEND a v",
    [OP_STRLEN] = "STRLEN a",
    [OP_PEXPIRE] = "PEXPIRE a n",
    [OP_PERSIST] = "PERSIST a",
    [OP_PTTL] = "PTTL a",
    [OP_MGET] = "MGET a b",
    [OP_MSET] = "MSET a v b v",
    [OP_MSETNX] = "MSETNX a v b v",
    [OP_RENAME] = "RENAME a b",
    [OP_SETRANGE] = "SETRANGE a n v",
    [OP_GETRANGE] = "GETRANGE a n m",
    [OP_SELECT] = "SELECT d",
    [OP_FLUSHDB] = "FLUSHDB",
    [OP_DBSIZE] = "DBSIZE",
    [OP_COPY] = "COPY a b",
    [OP_COPY_REPLACE] = "COPY a b REPLACE",
    [OP_MOVE] = "MOVE a e",
    [OP_GETEX] = "GETEX a PX n",
    [OP_GETEX_PERSIST] = "GETEX a PERSIST",
    [OP_EXPIREAT_NX] = "PEXPIREAT a n NX",
    [OP_EXPIREAT_XX] = "PEXPIREAT a n XX",
    [OP_EXPIREAT_GT] = "PEXPIREAT a n GT",
    [OP_EXPIREAT_LT] = "PEXPIREAT a n LT",
    [OP_SETBIT] = "SETBIT a n k",
    [OP_GETBIT] = "GETBIT a n",
    [OP_BITOP] = "BITOP XOR b a b",
    [OP_SCAN] = "SCAN n COUNT k",
    [OP_MULTI] = "MULTI",
    [OP_EXEC] = "EXEC",
    [OP_DISCARD] = "DISCARD",
    [OP_WATCH] = "WATCH a",
};

void
model_encode(const struct model_command *command, struct buf *out)
{
    struct bytes args[8];
    char text[8][32];
    const char *at = WORDS[command->op];
    uint32_t count = 0;

    while (*at != '\0') {
        size_t size = strcspn(at, " ");
        int used = -1;

        args[count] = bytes_of(at, size);
        if (size == 1) {
            switch (*at) {
            case 'a':
                used = snprintf(text[count], 32, "n%u", command->a);
                break;
            case 'b':
                used = snprintf(text[count], 32, "n%u", command->b);
                break;
            case 'd':
                used = snprintf(text[count], 32, "%u", command->a % MODEL_DBS);
                break;
            case 'e':
                used = snprintf(text[count], 32, "%u", command->b % MODEL_DBS);
                break;
            case 'k': /* a bit, or a small count */
                used = snprintf(text[count], 32, "%u",
                                command->op == OP_SCAN ? 1 + command->b
                                                       : command->b & 1);
                break;
            case 'n':
                used = snprintf(text[count], 32, "%lld",
                                (long long)command->number);
                break;
            case 'm':
                used = snprintf(text[count], 32, "%lld",
                                (long long)command->number + 20);
                break;
            default: args[count] = command->value; break;
            }
        }
        if (used >= 0) args[count] = bytes_of(text[count], (size_t)used);
        count++;
        at += size;
        at += *at == ' ';
    }
    sim_command(out, args, count);
}
