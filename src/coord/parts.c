/*
 * Commands over keys of several nodes.
 *
 * Those whose reply can be put together again are split, one part for each
 * node, run side by side and joined:
 *
 *     DEL UNLINK EXISTS TOUCH   the sum
 *     MGET                      the values, in the order of the keys
 *     MSET                      OK
 *
 * The others (RENAME, COPY, BITOP, MSETNX, ...) run as a whole at one node that
 * owns all their slots: at the primary of most of them, which borrows the
 * others (loans.c).
 *
 * The same machinery asks all primaries for something (FLUSHALL), and runs the
 * commands of a transaction one after another where they can't be run as one.
 */
#include "coord/inside.h"

#include "base/number.h"
#include "bus/wire.h"

enum join {
    JOIN_SUM,      /* of integers */
    JOIN_VALUES,   /* of arrays, in the order of the keys */
    JOIN_OK,       /* nothing but OK */
    JOIN_ALL,      /* as JOIN_COUNT, but the reply is OK */
    JOIN_COUNT,    /* {slots served, a number} each: their sum */
    JOIN_KEYS,     /* {slots served, names} each: all names */
    JOIN_ANY,      /* a value or none each: the first value */
    JOIN_LEAST,    /* the least of integers, by await.c's leave */
    JOIN_SEQUENCE, /* an array of the replies; run one after another */
};

enum { PARTS_MAX = 4096 };

struct part {
    uint32_t number; /* the node's */
    struct buf args; /* wire form, until it runs; owned */
    uint32_t arg_count;
    struct buf reply;             /* owned */
    size_t at;                    /* of it, consumed by the join */
    const struct ring_list *list; /* of its first key */
    uint8_t db;
};

struct parts {
    enum join join;
    struct part *part; /* owned, of room */
    uint32_t count, room, left, next;
    uint16_t *part_of; /* of each key, in order; owned */
    uint32_t key_count;
    uint8_t proto;
    bool is_direct;  /* each to its own node, whoever owns what */
    bool is_looping; /* go_on() is starting them: what ends at once waits */
};

static const struct {
    const char *name;
    enum join join;
} splits[] = {
    {"del", JOIN_SUM},   {"unlink", JOIN_SUM},  {"exists", JOIN_SUM},
    {"touch", JOIN_SUM}, {"mget", JOIN_VALUES}, {"mset", JOIN_OK},
};

static int
split_of(const struct cmd_spec *spec)
{
    uint32_t i;

    for (i = 0; i < ARRAY_LEN(splits); i++) {
        if (strcmp(spec->name, splits[i].name) == 0) return (int)i;
    }
    return -1;
}

void
parts_free(struct parts *parts)
{
    uint32_t i;

    if (parts == NULL) return;
    for (i = 0; i < parts->count; i++) {
        buf_deinit(&parts->part[i].args);
        buf_deinit(&parts->part[i].reply);
    }
    mem_free(parts->part);
    mem_free(parts->part_of);
    mem_free(parts);
}

/* ---- splitting ---- */

static struct part *
add_part(struct parts *parts, uint32_t number)
{
    struct part *part;

    if (parts->count == PARTS_MAX) return NULL;
    if (parts->count == parts->room) {
        parts->room = parts->room > 0 ? 2 * parts->room : 4;
        parts->part =
            mem_must_array(parts->part, parts->room, sizeof(*parts->part));
    }
    part = &parts->part[parts->count++];
    memset(part, 0, sizeof(*part));
    part->number = number;
    return part;
}

/* A read is compared with other owners: its keys must have the same ones. */
static struct part *
part_for(struct parts *parts, const struct cmd_call *call, uint32_t number,
         const struct ring_list *list)
{
    bool is_write = (call->spec->flags & CMD_WRITE) != 0;
    struct part *part;
    uint32_t i;

    for (i = 0; i < parts->count; i++) {
        part = &parts->part[i];
        if (part->number == number &&
            (is_write || ring_list_same_owners(part->list, list))) {
            return part;
        }
    }
    part = add_part(parts, number);
    if (part == NULL) return NULL;
    part->list = list;
    part->db = (uint8_t)call->client->db;
    wire_put_bytes(&part->args, call->args[0]);
    part->arg_count = 1;
    return part;
}

static struct store_key
key_at(const struct cmd_call *call, uint32_t at)
{
    return call->spec->key_shape == CMD_KEYS_ONE ? call->key : call->keys[at];
}

/* Where each key goes; NULL: somebody can't be reached now. */
static struct parts *
split(struct coord *coord, const struct cmd_call *call, enum join join)
{
    const struct ring_map *map = replica_map(coord->replica);
    bool is_write = (call->spec->flags & CMD_WRITE) != 0;
    struct parts *parts = mem_must_zero(sizeof(*parts));
    uint32_t i;

    parts->join = join;
    parts->proto = call->client->proto;
    parts->key_count = call->key_count;
    parts->part_of =
        mem_must_array(NULL, call->key_count, sizeof(*parts->part_of));
    for (i = 0; i < call->key_count; i++) {
        struct store_key key = key_at(call, i);
        struct cmd_call one = *call;
        struct place place;
        struct part *part;

        one.keys = &key;
        one.key_count = 1;
        place = route_place(coord, &one, is_write);
        part = place.kind == PLACE_NOWHERE || place.kind == PLACE_BEHIND
                   ? NULL
                   : part_for(parts, call, place.number,
                              ring_map_list(map, key.slot));
        if (part == NULL) {
            parts_free(parts);
            return NULL;
        }
        parts->part_of[i] = (uint16_t)(part - parts->part);
        wire_put_bytes(&part->args, call->args[call->key_args[i]]);
        part->arg_count++;
        if (join == JOIN_OK) {
            wire_put_bytes(&part->args, call->args[call->key_args[i] + 1]);
            part->arg_count++;
        }
    }
    return parts;
}

/* ---- joining ---- */

/* Bytes of the element at `at`: a bulk string or a null. 0: something else. */
static size_t
element_bytes(struct bytes text, size_t at)
{
    const char *from = text.data + at, *end;
    int64_t size;

    if (at >= text.size) return 0;
    end = memchr(from, '\n', text.size - at);
    if (end == NULL || end - from < 2) return 0;
    if (from[0] == '_') return (size_t)(end - from) + 1;
    if (from[0] != '$') return 0;
    if (!number_parse_int(bytes_of(from + 1, (size_t)(end - from) - 2), &size))
        return 0;
    if (size < 0) return (size_t)(end - from) + 1;
    if ((uint64_t)size + 2 > text.size - at - (size_t)(end - from) - 1)
        return 0;
    return (size_t)(end - from) + 1 + (size_t)size + 2;
}

static const struct part *
failed_part(const struct parts *parts)
{
    uint32_t i;

    for (i = 0; i < parts->count; i++) {
        const struct buf *reply = &parts->part[i].reply;

        if (reply->used == 0 || reply->data[0] == '-') return &parts->part[i];
    }
    return NULL;
}

/* A part of a write has been carried out, or may have been. */
static bool
may_have_run(const struct parts *parts)
{
    struct bytes uncertain = bytes_str("-UNCERTAIN ");
    uint32_t i;

    for (i = 0; i < parts->count; i++) {
        struct bytes reply = buf_bytes(&parts->part[i].reply);

        if (reply.size == 0) continue;
        if (reply.data[0] != '-') return true;
        if (reply.size > uncertain.size &&
            memcmp(reply.data, uncertain.data, uncertain.size) == 0) {
            return true;
        }
    }
    return false;
}

static int64_t
sum_of(const struct parts *parts)
{
    int64_t sum = 0;
    uint32_t i;

    for (i = 0; i < parts->count; i++) {
        const struct buf *reply = &parts->part[i].reply;
        int64_t value;

        if (reply->used < 4 || reply->data[0] != ':' ||
            !number_parse_int(bytes_of(reply->data + 1, reply->used - 3),
                              &value)) {
            continue;
        }
        sum += value;
    }
    return sum;
}

/* "*2\r\n:slots\r\n" and what follows: an integer, or an array. Takes the two
 * numbers and leaves part->at behind them. */
static bool
unwrap(struct part *part, int64_t *slots, int64_t *number)
{
    const char *at = part->reply.data, *end = at + part->reply.used;
    int64_t *to[2] = {slots, number};
    uint32_t i;

    if (end - at < 4 || memcmp(at, "*2\r\n", 4) != 0) return false;
    at += 4;
    for (i = 0; i < 2; i++) {
        const char *line = memchr(at, '\n', (size_t)(end - at));

        if (line == NULL || line - at < 3 || (*at != ':' && *at != '*'))
            return false;
        if (!number_parse_int(bytes_of(at + 1, (size_t)(line - at) - 2),
                              to[i])) {
            return false;
        }
        at = line + 1;
    }
    part->at = (size_t)(at - part->reply.data);
    return true;
}

/* False: not all slots have been served. */
static bool
join_wrapped(const struct coord *coord, struct parts *parts, struct buf *out)
{
    int64_t all_slots = 0, sum = 0, slots, number;
    uint32_t i;

    for (i = 0; i < parts->count; i++) {
        if (!unwrap(&parts->part[i], &slots, &number)) return false;
        all_slots += slots;
        sum += number;
    }
    if (all_slots < coord->replica->slot_count) return false;
    if (parts->join == JOIN_ALL) {
        buf_must_printf(out, "+OK\r\n");
    } else if (parts->join == JOIN_COUNT) {
        buf_must_printf(out, ":%lld\r\n", (long long)sum);
    } else {
        buf_must_printf(out, "*%lld\r\n", (long long)sum);
        for (i = 0; i < parts->count; i++) {
            const struct part *part = &parts->part[i];

            buf_must_add(out, part->reply.data + part->at,
                         part->reply.used - part->at);
        }
    }
    return true;
}

static void
join_any(const struct parts *parts, struct buf *out)
{
    uint32_t i;

    for (i = 0; i < parts->count; i++) {
        const struct buf *reply = &parts->part[i].reply;

        if (reply->used > 5 && reply->data[0] == '$' && reply->data[1] != '-') {
            buf_must_add(out, reply->data, reply->used);
            return;
        }
    }
    buf_must_printf(out, parts->proto == 3 ? "_\r\n" : "$-1\r\n");
}

static void
join_sequence(const struct parts *parts, struct buf *out)
{
    uint32_t i;

    buf_must_printf(out, "*%u\r\n", parts->count);
    for (i = 0; i < parts->count; i++) {
        const struct buf *reply = &parts->part[i].reply;

        buf_must_add(out, reply->data, reply->used);
    }
}

static void
join_values(struct parts *parts, struct buf *out)
{
    uint32_t i;

    for (i = 0; i < parts->count; i++) {
        const struct buf *reply = &parts->part[i].reply;
        const char *end = memchr(reply->data, '\n', reply->used);

        parts->part[i].at =
            end != NULL ? (size_t)(end - reply->data) + 1 : reply->used;
    }
    buf_must_printf(out, "*%u\r\n", parts->key_count);
    for (i = 0; i < parts->key_count; i++) {
        struct part *part = &parts->part[parts->part_of[i]];
        size_t size = element_bytes(buf_bytes(&part->reply), part->at);

        if (size == 0) {
            buf_must_printf(out, parts->proto == 3 ? "_\r\n" : "$-1\r\n");
            continue;
        }
        buf_must_add(out, part->reply.data + part->at, size);
        part->at += size;
    }
}

/* A node that gave no number has nothing to say for others. */
static void
join_least(struct coord *coord, struct op *op)
{
    const struct parts *parts = op->parts;
    int64_t least = parts->count > 0 ? RING_OWNERS_MAX : 0;
    uint32_t i;

    for (i = 0; i < parts->count; i++) {
        const struct buf *reply = &parts->part[i].reply;
        int64_t value;

        if (reply->used < 4 || reply->data[0] != ':' ||
            !number_parse_int(bytes_of(reply->data + 1, reply->used - 3),
                              &value) ||
            value < 0) {
            value = 0;
        }
        if (value < least) least = value;
    }
    if (await_joined(coord, op, (uint32_t)least)) {
        op->reply.used = 0;
        buf_must_printf(&op->reply, ":%lld\r\n", (long long)least);
        op_done(coord, op);
    } else {
        op_wait(coord, op, coord_now(coord) + RETRY_MS);
    }
}

static void
join(struct coord *coord, struct op *op)
{
    struct parts *parts = op->parts;
    const struct part *failed =
        parts->join != JOIN_SEQUENCE ? failed_part(parts) : NULL;

    if (parts->join == JOIN_LEAST) {
        join_least(coord, op);
        return;
    }

    op->reply.used = 0;
    if (failed != NULL && op->is_write && may_have_run(parts)) {
        op->has_run = true; /* in part: nobody is to be told "nothing" */
        op_fail(coord, op);
        return;
    }
    if (failed != NULL && failed->reply.used > 0) {
        op_set_reply(op, buf_bytes(&failed->reply));
        op_done(coord, op);
        return;
    }
    if (failed != NULL) {
        op_fail(coord, op);
        return;
    }
    switch (parts->join) {
    case JOIN_SUM:
        buf_must_printf(&op->reply, ":%lld\r\n", (long long)sum_of(parts));
        break;
    case JOIN_ALL:
    case JOIN_COUNT:
    case JOIN_KEYS:
        if (!join_wrapped(coord, parts, &op->reply)) {
            op_wait(coord, op, coord_now(coord) + RETRY_MS);
            return;
        }
        break;
    case JOIN_LEAST: break; /* above */
    case JOIN_ANY: join_any(parts, &op->reply); break;
    case JOIN_SEQUENCE: join_sequence(parts, &op->reply); break;
    case JOIN_VALUES: join_values(parts, &op->reply); break;
    case JOIN_OK: buf_must_printf(&op->reply, "+OK\r\n"); break;
    }
    op_done(coord, op);
}

/* ---- running ---- */

static void
run_part(struct coord *coord, struct op *parent, uint32_t at)
{
    struct part *part = &parent->parts->part[at];
    struct cmd_call call = {
        .env = coord->env,
        .client = &coord->proxy,
        .spec = parent->spec,
        .reply = &coord->reply,
        .store = coord->store,
        .wall_ms = coord_wall(coord),
    };
    struct asker asker = {
        .parent = parent,
        .part = at,
        .hops = parent->asker.hops,
        .deadline_ms = coord_now(coord) + coord->timeout_ms,
    };
    bool goes_away =
        parent->parts->is_direct && part->number != coord->replica->self;
    const struct cmd_spec *spec = NULL;
    struct op *op;

    /* that of WAIT may be far off */
    if (asker.deadline_ms > parent->asker.deadline_ms &&
        parent->parts->join != JOIN_LEAST)
        asker.deadline_ms = parent->asker.deadline_ms;
    coord->asker = asker;
    coord->proxy.proto = parent->proto;
    coord->proxy.db = part->db;
    coord->proxy.quorum = parent->own;
    coord->proxy.flags = CLIENT_AUTHENTICATED | parent->flags;
    /* EXEC's are commands of their own */
    if (op_args(coord, buf_bytes(&part->args), part->arg_count))
        spec = cmd_find(coord->args, part->arg_count);
    if (spec != NULL) call.spec = spec;
    op = op_new(coord, &call);
    buf_deinit(&op->args);
    op->args = part->args; /* moved */
    op->arg_count = part->arg_count;
    part->args = (struct buf){0};
    if (goes_away && route_is_usable(coord, part->number)) {
        request_ask(coord, &call, op, part->number);
    } else if (goes_away) {
        op_fail(coord, op);
    } else if (!request_run(coord, &asker, op)) {
        op_error(coord, op, "ERR out of memory");
    }
}

/* A sequence: starts the next as long as those before have ended at once. */
static void
go_on(struct coord *coord, struct op *op)
{
    struct parts *parts = op->parts;

    parts->is_looping = true;
    while (parts->next < parts->count &&
           parts->next == parts->count - parts->left) {
        run_part(coord, op, parts->next++);
    }
    parts->is_looping = false;
    if (parts->left == 0) join(coord, op);
}

static void
run_parts(struct coord *coord, struct op *op)
{
    struct parts *parts = op->parts;
    uint32_t i;

    op_set_step(coord, op, STEP_PARTS);
    parts->left = parts->count;
    if (parts->join == JOIN_SEQUENCE) {
        go_on(coord, op);
        return;
    }
    parts->left++; /* not joined while they are being started */
    for (i = 0; i < parts->count; i++)
        run_part(coord, op, i);
    if (--parts->left == 0) join(coord, op);
}

void
parts_done(struct coord *coord, struct op *parent, uint32_t part,
           struct bytes reply)
{
    struct parts *parts = parent->parts;

    ASSERT(parts != NULL && part < parts->count && parts->left > 0);
    buf_must_add(&parts->part[part].reply, reply.data, reply.size);
    parts->left--;
    if (parts->join == JOIN_SEQUENCE) {
        if (!parts->is_looping) go_on(coord, parent);
    } else if (parts->left == 0) {
        join(coord, parent);
    }
}

static void
start_parts(struct coord *coord, struct op *op, struct parts *parts)
{
    parts_free(op->parts);
    op->parts = parts;
    run_parts(coord, op);
}

/* ---- all at one node ---- */

/* How many keys' primary this owner of all of them is; 0: it does not own all,
 * or can't be asked. */
static uint32_t
share_of(const struct coord *coord, const struct store_key *keys,
         uint32_t count, uint32_t number)
{
    const struct ring_map *map = replica_map(coord->replica);
    uint32_t share = 1, i;

    if (!route_is_usable(coord, number)) return 0;
    for (i = 0; i < count; i++) {
        const struct ring_list *list = ring_map_list(map, keys[i].slot);

        if (!ring_list_owns(list, number)) return 0;
        share += replica_primary(coord->replica, list) == number;
    }
    return share;
}

/* The owner of all keys that is the primary of most of them: always the same,
 * whoever asks. */
static uint32_t
best_place(const struct coord *coord, const struct store_key *keys,
           uint32_t count, bool *has_owner)
{
    const struct ring_map *map = replica_map(coord->replica);
    const struct ring_list *first = ring_map_list(map, keys[0].slot);
    uint32_t best = RING_NOBODY, most = 0, i, k;

    *has_owner = false;
    for (i = 0; i < first->count; i++) {
        uint32_t number = first->owners[i], share;

        for (k = 1; k < count; k++) {
            if (!ring_list_owns(ring_map_list(map, keys[k].slot), number))
                break;
        }
        if (k < count) continue;
        *has_owner = true;
        share = share_of(coord, keys, count, number);
        if (share > most || (share == most && share > 0 && number < best)) {
            best = number;
            most = share;
        }
    }
    return best;
}

static void
ask_for_all(struct coord *coord, struct cmd_call *call, uint32_t number)
{
    struct op *op = coord->op;

    if (op == NULL) {
        op = op_new(coord, call);
        call->is_taken = true;
    }
    op->is_spanning = true;
    request_ask(coord, call, op, number);
}

static void
run_together(struct coord *coord, struct cmd_call *call)
{
    uint32_t count, self = coord->replica->self, number;
    const struct store_key *keys = route_keys(call, &count);
    bool has_owner, is_last = coord->asker.hops >= OP_HOPS_MAX;

    number = best_place(coord, keys, count, &has_owner);
    if (!has_owner) {
        size_t start = call->reply->out.used;

        reply_error(call->reply, "ERR the keys of this command have different "
                                 "owners; a {hash tag} keeps them together");
        execute_finish(coord, call, coord->op, start);
        return;
    }
    if (share_of(coord, keys, count, self) > 0 &&
        (is_last || !(call->spec->flags & CMD_WRITE))) {
        number = self;
    }
    if (!route_is_free(coord, call)) {
        route_wait_behind(coord, call);
    } else if (number == RING_NOBODY || (is_last && number != self)) {
        route_wait(coord, call);
    } else if (number != self) {
        ask_for_all(coord, call, number);
    } else if (call->spec->flags & CMD_WRITE) {
        loans_run(coord, call, coord->op);
    } else {
        execute_read(coord, call, coord->op);
    }
}

void
parts_run(struct coord *coord, struct cmd_call *call)
{
    int which = split_of(call->spec);
    struct op *op = coord->op;
    struct parts *parts;

    if (which < 0 || call->spec->key_shape != CMD_KEYS_MANY) {
        run_together(coord, call);
        return;
    }
    if (splits[which].join == JOIN_OK && call->arg_count % 2 == 0) {
        size_t start = call->reply->out.used;

        reply_error(call->reply,
                    "ERR wrong number of arguments for 'mset' command");
        execute_finish(coord, call, op, start);
        return;
    }
    parts = split(coord, call, splits[which].join);
    if (op == NULL) {
        op = op_new(coord, call);
        call->is_taken = true;
        if (!op_keep_args(op, call)) {
            parts_free(parts);
            op_error(coord, op, "ERR out of memory");
            return;
        }
    }
    op_note_slots(op, call);
    if (parts == NULL) {
        op_wait(coord, op, coord_now(coord) + RETRY_MS);
        return;
    }
    start_parts(coord, op, parts);
}

/* ---- to all nodes, and one after another ---- */

void
parts_run_all(struct coord *coord, struct cmd_call *call, enum join_all how,
              const struct bytes *args, uint32_t arg_count)
{
    static const enum join joins[] = {
        [ALL_OK] = JOIN_ALL,
        [ALL_COUNT] = JOIN_COUNT,
        [ALL_KEYS] = JOIN_KEYS,
        [ALL_ANY] = JOIN_ANY,
    };
    const struct ring_map *map = replica_map(coord->replica);
    struct op *op = coord->op;
    struct parts *parts = mem_must_zero(sizeof(*parts));
    uint32_t slot, i;

    parts->join = joins[how];
    parts->proto = call->client->proto;
    parts->is_direct = true;
    for (slot = 0; slot < coord->replica->slot_count; slot++) {
        uint32_t number =
            replica_primary(coord->replica, ring_map_list(map, slot));

        if (number == RING_NOBODY) continue;
        for (i = 0; i < parts->count && parts->part[i].number != number; i++)
            ;
        if (i == parts->count) (void)add_part(parts, number);
    }
    for (i = 0; i < parts->count; i++) {
        uint32_t k;

        parts->part[i].arg_count = arg_count;
        parts->part[i].db = (uint8_t)call->client->db;
        for (k = 0; k < arg_count; k++)
            wire_put_bytes(&parts->part[i].args, args[k]);
    }
    if (op == NULL) {
        op = op_new(coord, call);
        call->is_taken = true;
        (void)op_keep_args(op, call);
    }
    start_parts(coord, op, parts);
}

struct parts *
parts_sequence(void)
{
    struct parts *parts = mem_must_zero(sizeof(*parts));

    parts->join = JOIN_SEQUENCE;
    return parts;
}

void
parts_sequence_add(struct parts *parts, const struct bytes *args,
                   uint32_t arg_count, uint32_t db)
{
    struct part *part = add_part(parts, RING_NOBODY);
    uint32_t i;

    if (part == NULL) return;
    part->db = (uint8_t)db;
    part->arg_count = arg_count;
    for (i = 0; i < arg_count; i++)
        wire_put_bytes(&part->args, args[i]);
}

void
parts_run_sequence(struct coord *coord, struct cmd_call *call,
                   struct parts *parts)
{
    struct op *op = op_new(coord, call);

    call->is_taken = true;
    start_parts(coord, op, parts);
}

struct parts *
parts_least(uint8_t proto)
{
    struct parts *parts = mem_must_zero(sizeof(*parts));

    parts->join = JOIN_LEAST;
    parts->proto = proto;
    parts->is_direct = true;
    return parts;
}

void
parts_least_add(struct parts *parts, uint32_t number, const struct bytes *args,
                uint32_t arg_count)
{
    struct part *part = add_part(parts, number);
    uint32_t i;

    if (part == NULL) return;
    part->arg_count = arg_count;
    for (i = 0; i < arg_count; i++)
        wire_put_bytes(&part->args, args[i]);
}

void
parts_run_least(struct coord *coord, struct cmd_call *call, struct parts *parts)
{
    struct op *op = coord->op;

    if (op == NULL) {
        op = op_new(coord, call);
        call->is_taken = true;
        (void)op_keep_args(op, call);
    }
    start_parts(coord, op, parts);
}
