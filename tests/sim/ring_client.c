#include "sim/ring_client.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>

enum { PENDING = 16, KEYS_PER_COMMAND = 4, PAD = 20 * 1024 };

struct pending {
    uint32_t first, count; /* items */
    uint32_t ignored;      /* replies before its own */
    int64_t sent_ms;
};

struct ring_client {
    struct ring_clients *all;
    struct sim_conn *conn;
    uint32_t at, node;
    bool is_pipelining;
    bool was_closed; /* by the node: come back elsewhere */
    uint32_t asides; /* replies to come that are of no item */
    struct pending pending[PENDING];
    uint32_t first, count;
    struct buf replies; /* owned */
    /* the lock it holds, or has asked for and doesn't know */
    uint32_t lock;
    uint64_t token; /* 0: none */
    bool is_holder;
    int64_t hold_until_ms;
};

struct ring_clients {
    struct ring_clients_config config;
    struct ring_client *clients; /* owned array */
    bool is_stopping;
    uint32_t progress;
    char pad[PAD];
};

void
history_key(enum family family, uint32_t key, char out[16])
{
    static const char letters[] = "rclae";

    (void)snprintf(out, 16, "%c%u", letters[family], key % 100000);
}

uint64_t
history_value(struct bytes text)
{
    if (text.size < 3 || text.data[0] != 'v') return 0;
    return strtoull(text.data + 1, NULL, 10); /* ends at '.' */
}

void
history_deinit(struct history *history)
{
    mem_free(history->items);
    mem_free(history->by_value);
    buf_deinit(&history->texts);
}

const struct item *
history_item(const struct history *history, enum family family, uint32_t key,
             uint64_t value)
{
    const struct item *item;

    if (value == 0 || value > history->next_value) return NULL;
    item = &history->items[history->by_value[value]];
    return item->family == family && item->key == key ? item : NULL;
}

static void
note_value(struct history *history, struct item *item)
{
    item->value = ++history->next_value;
    if (item->value >= history->value_room) {
        history->value_room = history->value_room * 2 + 256;
        history->by_value = mem_must_array(
            history->by_value, history->value_room, sizeof(*history->by_value));
    }
    history->by_value[item->value] = (uint32_t)(item - history->items);
}

static struct item *
add_item(struct ring_client *client, enum family family, enum item_kind kind,
         uint32_t key)
{
    struct history *history = client->all->config.history;
    struct item *item;

    if (history->count == history->room) {
        history->room = history->room * 2 + 256;
        history->items = mem_must_array(history->items, history->room,
                                        sizeof(*history->items));
    }
    item = &history->items[history->count++];
    *item = (struct item){.family = family,
                          .key = key,
                          .kind = kind,
                          .client = client->at,
                          .node = client->node,
                          .invoked_ms = sim_now_ms(client->all->config.sim),
                          .replied_ms = INT64_MAX};
    if (kind == ITEM_SET || kind == ITEM_APPEND) note_value(history, item);
    return item;
}

/* ---- commands ---- */

static void
word(struct buf *out, const char *text, size_t size)
{
    buf_must_printf(out, "$%zu\r\n", size);
    buf_must_add(out, text, size);
    buf_must_add(out, "\r\n", 2);
}

static void
text_word(struct buf *out, const char *text)
{
    word(out, text, strlen(text));
}

static void
key_word(struct buf *out, const struct item *item)
{
    char name[16];

    history_key(item->family, item->key, name);
    text_word(out, name);
}

static void
value_word(struct ring_client *client, struct buf *out, const struct item *item)
{
    const struct ring_clients_config *config = &client->all->config;
    struct buf text = {0};

    buf_must_printf(&text, "v%llu.", (unsigned long long)item->value);
    if (item->kind == ITEM_SET && config->large_one_in > 0 &&
        rng_below(sim_rng(config->sim), config->large_one_in) == 0) {
        buf_must_add(&text, client->all->pad, PAD);
    }
    word(out, text.data, text.used);
    buf_deinit(&text);
}

static void
number_word(struct buf *out, int64_t number)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%lld", (long long)number);
    text_word(out, text);
}

/* SET of a key that nobody else uses, then RENAME or COPY to a register. */
static void
move_command(struct ring_client *client, struct buf *out, struct item *item,
             bool is_copy)
{
    char name[32];

    (void)snprintf(name, sizeof(name), "t%llu",
                   (unsigned long long)item->value);
    buf_must_printf(out, "*3\r\n");
    text_word(out, "SET");
    text_word(out, name);
    value_word(client, out, item);
    buf_must_printf(out, "*%u\r\n", is_copy ? 4 : 3);
    text_word(out, is_copy ? "COPY" : "RENAME");
    text_word(out, name);
    key_word(out, item);
    if (is_copy) text_word(out, "REPLACE");
}

/* MULTI, SET, GET ..., EXEC: a transaction over several slots. */
static void
multi_command(struct ring_client *client, struct buf *out, struct rng *rng,
              uint32_t first, uint32_t count)
{
    uint32_t keys = client->all->config.keys, i;

    buf_must_printf(out, "*1\r\n");
    text_word(out, "MULTI");
    for (i = 0; i < count; i++) {
        bool is_set = rng_below(rng, 2) == 0;
        struct item *item = add_item(
            client, REGISTER, is_set ? ITEM_SET : ITEM_GET, (first + i) % keys);

        buf_must_printf(out, is_set ? "*3\r\n" : "*2\r\n");
        text_word(out, is_set ? "SET" : "GET");
        key_word(out, item);
        if (is_set) value_word(client, out, item);
    }
    buf_must_printf(out, "*1\r\n");
    text_word(out, "EXEC");
}

/* Several slots in one place. Returns how many replies come before its own. */
static uint32_t
several_command(struct ring_client *client, struct buf *out, struct rng *rng)
{
    uint32_t keys = client->all->config.keys, i;
    uint32_t first = (uint32_t)rng_below(rng, keys);
    uint32_t count = 2 + (uint32_t)rng_below(rng, KEYS_PER_COMMAND - 1);

    if (count > keys) count = keys;
    switch (rng_below(rng, 4)) {
    case 0:
    case 1:
        move_command(client, out, add_item(client, REGISTER, ITEM_SET, first),
                     rng_below(rng, 2) == 0);
        return 1;
    case 2: multi_command(client, out, rng, first, count); return 1 + count;
    default:
        buf_must_printf(out, "*%u\r\n", 1 + 2 * count);
        text_word(out, "MSETNX");
        for (i = 0; i < count; i++) {
            struct item *item =
                add_item(client, REGISTER, ITEM_SET, (first + i) % keys);

            key_word(out, item);
            value_word(client, out, item);
        }
        return 0;
    }
}

static void
register_command(struct ring_client *client, struct buf *out, struct rng *rng)
{
    static const char *const names[] = {"SET", "DEL", "GET", "EXISTS"};
    static const enum item_kind kinds[] = {ITEM_SET, ITEM_DELETE, ITEM_GET,
                                           ITEM_EXISTS};
    uint32_t dice = (uint32_t)rng_below(rng, 20), i, count = 1, which;
    uint32_t keys = client->all->config.keys;
    uint32_t first = (uint32_t)rng_below(rng, keys);

    which = dice < 8 ? 0 : dice < 10 ? 1 : dice < 19 ? 2 : 3;
    if (which % 2 == 0 && rng_below(rng, 10) == 0 && keys >= KEYS_PER_COMMAND) {
        count = 2 + (uint32_t)rng_below(rng, KEYS_PER_COMMAND - 1);
        buf_must_printf(out, "*%u\r\n", which == 0 ? 1 + 2 * count : 1 + count);
        text_word(out, which == 0 ? "MSET" : "MGET");
    } else {
        buf_must_printf(out, "*%u\r\n", which == 0 ? 3 : 2);
        text_word(out, names[which]);
    }
    for (i = 0; i < count; i++) {
        struct item *item =
            add_item(client, REGISTER, kinds[which], (first + i) % keys);

        key_word(out, item);
        if (which == 0) value_word(client, out, item);
    }
}

static void
counter_command(struct ring_client *client, struct buf *out, struct rng *rng)
{
    uint32_t key = (uint32_t)rng_below(rng, client->all->config.keys);
    struct item *item;

    if (rng_below(rng, 4) == 0) {
        item = add_item(client, COUNTER, ITEM_GET, key);
        buf_must_printf(out, "*2\r\n");
        text_word(out, "GET");
        key_word(out, item);
        return;
    }
    item = add_item(client, COUNTER, ITEM_ADD, key);
    item->amount = rng_below(rng, 2) == 0 ? 1 : (int64_t)rng_below(rng, 100);
    buf_must_printf(out, "*%u\r\n", item->amount == 1 ? 2 : 3);
    text_word(out, item->amount == 1 ? "INCR" : "INCRBY");
    key_word(out, item);
    if (item->amount != 1) number_word(out, item->amount);
}

/* Takes a lock, holds it a while, gives it back; one that it may have got
 * without hearing of it is looked at first. */
static void
lock_command(struct ring_client *client, struct buf *out, struct rng *rng)
{
    struct item *item;

    if (client->token == 0) {
        client->lock = (uint32_t)rng_below(rng, client->all->config.keys);
        item = add_item(client, LOCK, ITEM_SET, client->lock);
        client->token = item->value;
        client->is_holder = false;
        buf_must_printf(out, "*4\r\n");
        text_word(out, "SET");
        key_word(out, item);
        value_word(client, out, item);
        text_word(out, "NX");
        return;
    }
    item = add_item(client, LOCK,
                    client->is_holder && sim_now_ms(client->all->config.sim) >=
                                             client->hold_until_ms
                        ? ITEM_DELETE
                        : ITEM_GET,
                    client->lock);
    buf_must_printf(out, "*2\r\n");
    text_word(out, item->kind == ITEM_GET ? "GET" : "DEL");
    key_word(out, item);
    if (item->kind == ITEM_DELETE) {
        item->value = client->token; /* whose it is */
        client->token = 0;
    }
}

static void
list_command(struct ring_client *client, struct buf *out, struct rng *rng)
{
    struct item *item =
        add_item(client, LIST, rng_below(rng, 3) == 0 ? ITEM_GET : ITEM_APPEND,
                 (uint32_t)rng_below(rng, client->all->config.keys));

    buf_must_printf(out, "*%u\r\n", item->kind == ITEM_GET ? 2 : 3);
    text_word(out, item->kind == ITEM_GET ? "GET" : "APPEND");
    key_word(out, item);
    if (item->kind == ITEM_APPEND) value_word(client, out, item);
}

static void
expiring_command(struct ring_client *client, struct buf *out, struct rng *rng)
{
    struct item *item =
        add_item(client, EXPIRING, rng_below(rng, 2) == 0 ? ITEM_GET : ITEM_SET,
                 (uint32_t)rng_below(rng, client->all->config.keys));

    buf_must_printf(out, "*%u\r\n", item->kind == ITEM_GET ? 2 : 5);
    text_word(out, item->kind == ITEM_GET ? "GET" : "SET");
    key_word(out, item);
    if (item->kind == ITEM_GET) return;
    item->amount = 100 + (int64_t)rng_below(rng, 3000);
    value_word(client, out, item);
    text_word(out, "PX");
    number_word(out, item->amount);
}

/* Appends one command; false: nothing to say now. */
static void
send_one(struct ring_client *client, struct buf *out)
{
    const struct ring_clients_config *config = &client->all->config;
    struct rng *rng = sim_rng(config->sim);
    struct pending *pending =
        &client->pending[(client->first + client->count) % PENDING];
    enum family family;

    do {
        family = (enum family)rng_below(rng, FAMILIES);
    } while ((config->families >> family & 1) == 0 ||
             (family == LOCK && client->is_pipelining &&
              config->families != 1u << LOCK));
    pending->first = config->history->count;
    pending->sent_ms = sim_now_ms(config->sim);
    pending->ignored = 0;
    switch (family) {
    case REGISTER:
        if (config->several > 0 && rng_below(rng, config->several) == 0) {
            pending->ignored = several_command(client, out, rng);
        } else {
            register_command(client, out, rng);
        }
        break;
    case COUNTER: counter_command(client, out, rng); break;
    case LOCK: lock_command(client, out, rng); break;
    case LIST: list_command(client, out, rng); break;
    case EXPIRING: expiring_command(client, out, rng); break;
    case FAMILIES: ASSERT(false);
    }
    pending->count = config->history->count - pending->first;
    client->count++;
}

/* ---- replies ---- */

static void
strange(struct history *history, struct bytes reply)
{
    if (history->strange++ == 0) {
        (void)snprintf(history->strange_text, sizeof(history->strange_text),
                       "%.*s", (int)min_u64(reply.size, 100), reply.data);
    }
}

/* What is between "$n\r\n" and "\r\n". */
static struct bytes
bulk(struct bytes reply)
{
    const char *end = memchr(reply.data, '\n', reply.size);
    size_t head;

    if (end == NULL) return bytes_of("", 0);
    head = (size_t)(end - reply.data) + 1;
    if (reply.size < head + 2) return bytes_of("", 0);
    return bytes_of(reply.data + head, reply.size - head - 2);
}

static void
take_value(struct history *history, struct item *item, struct bytes reply)
{
    struct bytes text = bulk(reply);

    item->found = reply.data[0] == '$' && reply.data[1] != '-';
    if (!item->found) return;
    if (item->family == COUNTER) {
        item->amount = strtoll(text.data, NULL, 10); /* ends at '\r' */
    } else if (item->family == LIST) {
        item->text_at = (uint32_t)history->texts.used;
        item->text_size = (uint32_t)text.size;
        buf_must_add(&history->texts, text.data, text.size);
    } else {
        item->value = history_value(text);
        if (item->value == 0) strange(history, reply);
    }
}

static bool
begins(struct bytes reply, const char *with)
{
    return reply.size >= strlen(with) &&
           memcmp(reply.data, with, strlen(with)) == 0;
}

static enum outcome
outcome_of(struct history *history, const struct item *item, struct bytes reply)
{
    /* those with ERR: what came before it has failed */
    static const char *const refusals[] = {
        "-NOQUORUM", "-LOADING", "-ERR no such key", "-EXECABORT",
        "-ERR the keys of this command have different owners"};
    bool fits = false;
    uint32_t i;

    for (i = 0; i < ARRAY_LEN(refusals); i++) {
        if (begins(reply, refusals[i])) return OUTCOME_REFUSED;
    }
    if (begins(reply, "-UNCERTAIN") || begins(reply, "-ERR EXEC without"))
        return OUTCOME_UNKNOWN;
    switch (item->kind) {
    case ITEM_SET:
        /* of COPY and MSETNX */
        if (item->family == REGISTER && begins(reply, ":0"))
            return OUTCOME_REFUSED;
        fits = begins(reply, "+OK") ||
               (item->family == REGISTER && begins(reply, ":1")) ||
               (item->family == LOCK && begins(reply, "$-1"));
        break;
    case ITEM_GET: fits = begins(reply, "$"); break;
    case ITEM_DELETE:
    case ITEM_EXISTS: fits = begins(reply, ":0") || begins(reply, ":1"); break;
    case ITEM_ADD:
    case ITEM_APPEND: fits = begins(reply, ":"); break;
    }
    if (!fits) strange(history, reply);
    return fits ? OUTCOME_DONE : OUTCOME_UNKNOWN;
}

/* The holder of a lock, or one who doubts, learns something. */
static void
lock_reply(struct ring_client *client, const struct item *item)
{
    struct sim *sim = client->all->config.sim;

    if (item->kind == ITEM_SET) {
        if (item->outcome == OUTCOME_DONE && item->found) {
            client->is_holder = true;
            client->hold_until_ms =
                sim_now_ms(sim) + (int64_t)rng_below(sim_rng(sim), 500);
        } else if (item->outcome != OUTCOME_UNKNOWN) {
            client->token = 0;
        }
    } else if (item->kind == ITEM_GET && !client->is_holder &&
               item->outcome == OUTCOME_DONE) {
        if (item->value == client->token && item->found) {
            client->is_holder = true; /* for giving it back only */
            client->hold_until_ms = 0;
        } else {
            client->token = 0;
        }
    }
}

static void
take_item(struct ring_client *client, struct item *item, struct bytes reply)
{
    struct history *history = client->all->config.history;

    item->outcome = outcome_of(history, item, reply);
    if (item->outcome != OUTCOME_UNKNOWN)
        item->replied_ms = sim_now_ms(client->all->config.sim);
    if (item->outcome == OUTCOME_DONE) {
        switch (item->kind) {
        case ITEM_GET: take_value(history, item, reply); break;
        case ITEM_SET:
            item->found = reply.data[0] == '+' || reply.data[0] == ':';
            break;
        case ITEM_DELETE:
        case ITEM_EXISTS: item->found = reply.data[1] == '1'; break;
        case ITEM_ADD:
        case ITEM_APPEND: break;
        }
    }
    if (item->family == LOCK) lock_reply(client, item);
}

static void
take_reply(struct ring_client *client, struct bytes reply)
{
    struct history *history = client->all->config.history;
    struct pending *pending = &client->pending[client->first];
    struct item *items = history->items + pending->first;
    uint32_t i;

    if (pending->ignored > 0) {
        pending->ignored--;
        return;
    }
    if (reply.data[0] == '*') { /* MGET, EXEC: each has its own */
        const char *end = memchr(reply.data, '\n', reply.size);
        size_t at = (size_t)(end - reply.data) + 1;

        for (i = 0; i < pending->count && at < reply.size; i++) {
            struct bytes part = bytes_of(reply.data + at, reply.size - at);

            part.size = sim_reply_size(part);
            take_item(client, &items[i], part);
            at += part.size;
        }
    } else {
        for (i = 0; i < pending->count; i++)
            take_item(client, &items[i], reply);
    }
    switch (items[0].outcome) {
    case OUTCOME_DONE:
        history->done++;
        client->all->progress++;
        break;
    case OUTCOME_REFUSED: history->refused++; break;
    case OUTCOME_UNKNOWN: history->unknown++; break;
    }
    client->first = (client->first + 1) % PENDING;
    client->count--;
}

static void
on_bytes(void *context, struct sim_conn *conn, struct bytes bytes)
{
    struct ring_client *client = context;
    size_t at = 0;

    (void)conn;
    if (bytes.size == 0) {
        client->was_closed = true;
        return;
    }
    buf_must_add(&client->replies, bytes.data, bytes.size);
    while (at < client->replies.used) {
        struct bytes rest =
            bytes_of(client->replies.data + at, client->replies.used - at);

        rest.size = sim_reply_size(rest);
        if (rest.size == 0) break;
        if (client->asides > 0) {
            client->asides--;
            at += rest.size;
            continue;
        }
        if (client->count == 0) {
            strange(client->all->config.history, rest);
            break;
        }
        take_reply(client, rest);
        at += rest.size;
    }
    client->replies.used -= at;
    memmove(client->replies.data, client->replies.data + at,
            client->replies.used);
}

/* ---- life ---- */

/* Nothing more is heard of what was under way. */
static void
give_up(struct ring_client *client)
{
    if (client->conn != NULL)
        sim_disconnect(client->all->config.sim, client->conn);
    client->conn = NULL;
    client->was_closed = false;
    client->all->config.history->unknown += client->count;
    client->first = client->count = client->asides = 0;
    client->replies.used = 0;
}

static void
ask_for_more(struct ring_client *client)
{
    static const char *const lines[] = {NULL, "KULA.QUORUM W 3\r\n",
                                        "KULA.QUORUM R 3 MODE strict\r\n",
                                        "KULA.QUORUM W 3 R 3\r\n"};
    const char *line = lines[client->at % ARRAY_LEN(lines)];

    if (client->conn == NULL || line == NULL) return;
    client->asides = 1;
    sim_send(client->all->config.sim, client->conn, bytes_str(line));
}

static void
come_back(struct ring_client *client)
{
    struct ring_clients_config *config = &client->all->config;
    struct rng *rng = sim_rng(config->sim);

    client->node = (uint32_t)rng_below(rng, config->nodes);
    client->conn = sim_connect(config->sim, client->node,
                               (uint32_t)rng_below(rng, config->workers),
                               client, NULL, on_bytes);
    if (config->has_quorums) ask_for_more(client);
}

static void
think(void *context)
{
    struct ring_client *client = context;
    struct ring_clients_config *config = &client->all->config;
    struct rng *rng = sim_rng(config->sim);
    int64_t now_ms = sim_now_ms(config->sim);
    uint32_t burst =
        client->is_pipelining ? 1 + (uint32_t)rng_below(rng, 8) : 1;
    struct buf bytes = {0};

    if (client->was_closed ||
        (client->count > 0 && now_ms - client->pending[client->first].sent_ms >
                                  config->patience_ms)) {
        give_up(client);
    }
    if (client->all->is_stopping && client->count == 0) return;
    if (client->conn == NULL && !client->all->is_stopping) come_back(client);
    if (client->conn != NULL && !client->all->is_stopping &&
        (client->count == 0 ||
         (client->is_pipelining && client->count + burst <= PENDING))) {
        while (burst-- > 0)
            send_one(client, &bytes);
        sim_send(config->sim, client->conn, buf_bytes(&bytes));
        buf_deinit(&bytes);
    }
    sim_at(config->sim,
           now_ms + 1 + (int64_t)rng_below(rng, (uint64_t)config->think_ms),
           think, client);
}

struct ring_clients *
ring_clients_new(const struct ring_clients_config *config)
{
    struct ring_clients *all = mem_must_zero(sizeof(*all));
    uint32_t i;

    all->config = *config;
    memset(all->pad, 'x', sizeof(all->pad));
    all->clients = mem_must_zero(config->clients * sizeof(*all->clients));
    for (i = 0; i < config->clients; i++) {
        struct ring_client *client = &all->clients[i];

        client->all = all;
        client->at = i;
        client->is_pipelining =
            config->pipelines > 0 && i % config->pipelines == 0;
        sim_at(config->sim, sim_now_ms(config->sim) + (int64_t)i, think,
               client);
    }
    return all;
}

void
ring_clients_stop(struct ring_clients *clients)
{
    clients->is_stopping = true;
}

bool
ring_clients_are_idle(const struct ring_clients *clients)
{
    uint32_t i;

    for (i = 0; i < clients->config.clients; i++) {
        if (clients->clients[i].count > 0) return false;
    }
    return true;
}

uint32_t
ring_clients_progress(struct ring_clients *clients)
{
    uint32_t progress = clients->progress;

    clients->progress = 0;
    return progress;
}

void
ring_clients_free(struct ring_clients *clients)
{
    uint32_t i;

    if (clients == NULL) return;
    for (i = 0; i < clients->config.clients; i++) {
        give_up(&clients->clients[i]);
        buf_deinit(&clients->clients[i].replies);
    }
    mem_free(clients->clients);
    mem_free(clients);
}
