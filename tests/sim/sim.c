#include "sim/sim.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/ticks.h"

#include <stdio.h>
#include <stdlib.h>

enum { CALL_CONNS = 9, TICK_MS = 100 };

#define START_WALL_MS INT64_C(1790000000000)

enum event_type {
    EVENT_INPUT,  /* bytes reach a node */
    EVENT_OUTPUT, /* bytes reach a client */
    EVENT_TICK,
    EVENT_MESSAGE, /* between workers */
    EVENT_WAKE,    /* a session wants to be looked at */
    EVENT_CALL,
};

struct event {
    int64_t at_ms;
    uint64_t order; /* ties: first created first */
    enum event_type type;
    uint32_t node, worker;
    uint64_t conn_id; /* not a pointer: it may be gone by then */
    struct buf bytes; /* owned */
    struct message *message;
    sim_on_time *call;
    void *context;
};

struct sim_conn {
    uint64_t id; /* 0: free */
    uint32_t node, worker;
    struct session *session; /* NULL: the node has closed it */
    int64_t delay_ms;
    int64_t last_in_ms, last_out_ms; /* order is kept */
    bool is_held;
    void *context;
    sim_on_executed *on_executed;
    sim_on_bytes *on_bytes;
};

struct sim_node {
    struct sim *sim;
    struct node *node;
    struct settings *settings;
    int64_t offset_ms;
    uint32_t index;
    bool is_down;
};

struct caller { /* of sim_call */
    struct sim_conn *conn;
    struct buf got;
};

struct sim {
    struct sim_config config;
    struct rng rng;
    int64_t now_ms;
    uint64_t next_order, next_conn;
    struct event *heap; /* owned; a binary heap */
    size_t heap_count, heap_room;
    struct sim_node nodes[SIM_NODES_MAX];
    struct sim_conn conns[SIM_CONNS_MAX];
    struct caller callers[SIM_NODES_MAX][CALL_CONNS];
    uint64_t trace;
};

/* ---- events ---- */

static bool
is_before(const struct event *a, const struct event *b)
{
    if (a->at_ms != b->at_ms) return a->at_ms < b->at_ms;
    return a->order < b->order;
}

static void
swap(struct event *a, struct event *b)
{
    struct event keep = *a;

    *a = *b;
    *b = keep;
}

static struct event *
push(struct sim *sim, struct event event)
{
    size_t at = sim->heap_count;

    if (at == sim->heap_room) {
        sim->heap_room = sim->heap_room * 2 + 64;
        sim->heap =
            mem_must_array(sim->heap, sim->heap_room, sizeof(*sim->heap));
    }
    event.order = sim->next_order++;
    sim->heap[sim->heap_count++] = event;
    while (at > 0 && is_before(&sim->heap[at], &sim->heap[(at - 1) / 2])) {
        swap(&sim->heap[at], &sim->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    return &sim->heap[at];
}

static struct event
pop(struct sim *sim)
{
    struct event first = sim->heap[0];
    size_t at = 0;

    sim->heap[0] = sim->heap[--sim->heap_count];
    for (;;) {
        size_t least = at, child = 2 * at + 1;

        if (child < sim->heap_count &&
            is_before(&sim->heap[child], &sim->heap[least])) {
            least = child;
        }
        child++;
        if (child < sim->heap_count &&
            is_before(&sim->heap[child], &sim->heap[least])) {
            least = child;
        }
        if (least == at) return first;
        swap(&sim->heap[at], &sim->heap[least]);
        at = least;
    }
}

static void
event_drop(struct event *event)
{
    buf_deinit(&event->bytes);
    if (event->message != NULL) message_free(event->message);
}

/* ---- a node's effects ---- */

static bool
effect_post(void *self, uint32_t from, uint32_t to, struct message *message)
{
    struct sim_node *node = self;
    struct sim *sim = node->sim;

    (void)from;
    (void)push(sim, (struct event){
                        .at_ms = sim->now_ms + (int64_t)rng_below(&sim->rng, 3),
                        .type = EVENT_MESSAGE,
                        .node = node->index,
                        .worker = to,
                        .message = message,
                    });
    return true;
}

static struct sim_conn *
conn_of(struct sim *sim, const struct session *session)
{
    uint32_t i;

    for (i = 0; i < SIM_CONNS_MAX; i++) {
        if (sim->conns[i].id != 0 && sim->conns[i].session == session) {
            return &sim->conns[i];
        }
    }
    return NULL;
}

static void
effect_wake(void *self, uint32_t worker, struct session *session)
{
    struct sim_node *node = self;
    struct sim_conn *conn = conn_of(node->sim, session);

    if (conn == NULL) return;
    (void)push(node->sim, (struct event){.at_ms = node->sim->now_ms,
                                         .type = EVENT_WAKE,
                                         .node = node->index,
                                         .worker = worker,
                                         .conn_id = conn->id});
}

static void
effect_shutdown(void *self)
{
    struct sim_node *node = self;

    node->is_down = true;
}

static const char *
effect_config_rewrite(void *self)
{
    (void)self;
    return NULL;
}

static void
effect_config_changed(void *self, enum setting id)
{
    (void)self;
    (void)id;
}

/* ---- life ---- */

void
sim_set_setting(struct sim *sim, enum setting id, const char *value)
{
    char why[SETTING_WHY_BYTES];
    struct bytes arg = bytes_str(value);

    if (settings_set(sim->nodes[0].settings, id, &arg, 1, why) != ERR_OK) {
        fprintf(stderr, "setting %s: %s\n", value, why);
        abort();
    }
}

static void
start_node(struct sim *sim, uint32_t index)
{
    struct sim_node *node = &sim->nodes[index];
    struct node_config config = {
        .worker_count = sim->config.workers,
        .store = {.slot_count = sim->config.slots,
                  .node = index + 1,
                  .hash_seed = {1, 2, 3},
                  .rng_seed = rng_next(&sim->rng),
                  .is_single = sim->config.workers == 1},
        .effects = {.post = effect_post,
                    .wake = effect_wake,
                    .shutdown = effect_shutdown,
                    .config_rewrite = effect_config_rewrite,
                    .config_changed = effect_config_changed,
                    .self = node},
    };
    uint32_t worker;

    node->sim = sim;
    node->index = index;
    node->offset_ms = (int64_t)rng_below(&sim->rng, 1000) - 500;
    node->settings = settings_new();
    config.settings = node->settings;
    config.store.wall_ms = sim_wall_ms(sim, index);
    node->node = node_new(&config);
    if (node->node == NULL) abort();
    for (worker = 0; worker < sim->config.workers; worker++) {
        (void)push(sim, (struct event){.at_ms = sim->now_ms,
                                       .type = EVENT_TICK,
                                       .node = index,
                                       .worker = worker});
    }
}

struct sim *
sim_new(const struct sim_config *config)
{
    struct sim *sim = mem_must_zero(sizeof(*sim));
    uint32_t i;

    ticks_off = true;
    sim->config = *config;
    if (sim->config.slots == 0) sim->config.slots = 64;
    if (sim->config.workers == 0) sim->config.workers = 1;
    if (sim->config.nodes == 0) sim->config.nodes = 1;
    sim->rng.state = config->seed;
    sim->next_conn = 1;
    sim->now_ms = 1000;
    for (i = 0; i < sim->config.nodes; i++)
        start_node(sim, i);
    if (config->policy != NULL) {
        sim_set_setting(sim, SETTING_MAXMEMORY_POLICY, config->policy);
    }
    if (config->max_bytes > 0) {
        store_limit(sim_store(sim, 0), config->max_bytes,
                    (enum store_policy)settings_int(sim->nodes[0].settings,
                                                    SETTING_MAXMEMORY_POLICY));
    }
    return sim;
}

void
sim_free(struct sim *sim)
{
    uint32_t i, k;

    if (sim == NULL) return;
    while (sim->heap_count > 0) {
        struct event event = pop(sim);

        event_drop(&event);
    }
    for (i = 0; i < sim->config.nodes; i++) {
        node_free(sim->nodes[i].node);
        settings_free(sim->nodes[i].settings);
        for (k = 0; k < CALL_CONNS; k++) {
            buf_deinit(&sim->callers[i][k].got);
        }
    }
    mem_free(sim->heap);
    mem_free(sim);
}

struct rng *
sim_rng(struct sim *sim)
{
    return &sim->rng;
}

int64_t
sim_now_ms(const struct sim *sim)
{
    return sim->now_ms;
}

int64_t
sim_wall_ms(const struct sim *sim, uint32_t node)
{
    return START_WALL_MS + sim->now_ms + sim->nodes[node].offset_ms;
}

struct node *
sim_node(struct sim *sim, uint32_t node)
{
    return sim->nodes[node].node;
}

struct store *
sim_store(struct sim *sim, uint32_t node)
{
    return node_shared(sim->nodes[node].node)->store;
}

uint64_t
sim_trace(const struct sim *sim)
{
    return sim->trace;
}

void
sim_trace_add(struct sim *sim, struct bytes bytes)
{
    sim->trace =
        hash_mix(sim->trace ^ (uint64_t)sim->now_ms, hash_plain(bytes));
}

/* ---- connections ---- */

static struct sim_conn *
conn_by_id(struct sim *sim, uint64_t id)
{
    uint32_t i;

    for (i = 0; i < SIM_CONNS_MAX; i++) {
        if (sim->conns[i].id == id) return &sim->conns[i];
    }
    return NULL;
}

static struct worker *
turn_of(struct sim *sim, uint32_t node, uint32_t worker_at)
{
    struct worker *worker = node_worker(sim->nodes[node].node, worker_at);

    worker_turn(worker, sim->now_ms, (uint64_t)sim_wall_ms(sim, node) * 1000);
    return worker;
}

struct sim_conn *
sim_connect(struct sim *sim, uint32_t node, uint32_t worker, void *context,
            sim_on_executed *on_executed, sim_on_bytes *on_bytes)
{
    struct open_info info = {.fd = 9,
                             .is_loopback = true,
                             .address = "127.0.0.1:5000",
                             .local_address = "127.0.0.1:6379"};
    struct sim_conn *conn = conn_by_id(sim, 0);
    const char *refusal = NULL;

    ASSERT(conn != NULL);
    *conn = (struct sim_conn){.node = node,
                              .worker = worker,
                              .context = context,
                              .on_executed = on_executed,
                              .on_bytes = on_bytes};
    conn->session = worker_open(turn_of(sim, node, worker), &info, &refusal);
    if (conn->session == NULL) return NULL;
    conn->id = sim->next_conn++;
    conn->delay_ms =
        (int64_t)rng_below(&sim->rng, (uint64_t)sim->config.delay_most_ms + 1);
    return conn;
}

/* One piece on its way to the node, after all earlier ones. */
static void
send_piece(struct sim *sim, struct sim_conn *conn, struct bytes piece)
{
    struct event event = {.type = EVENT_INPUT,
                          .node = conn->node,
                          .worker = conn->worker,
                          .conn_id = conn->id};
    int64_t jitter =
        (int64_t)rng_below(&sim->rng, (uint64_t)conn->delay_ms + 1);

    event.at_ms = sim->now_ms + conn->delay_ms + jitter;
    if (event.at_ms < conn->last_in_ms) event.at_ms = conn->last_in_ms;
    conn->last_in_ms = event.at_ms;
    buf_must_add(&event.bytes, piece.data, piece.size);
    (void)push(sim, event);
}

void
sim_send(struct sim *sim, struct sim_conn *conn, struct bytes bytes)
{
    while (bytes.size > 0) {
        size_t size = bytes.size;

        if (sim->config.cut_one_in > 0 &&
            rng_below(&sim->rng, sim->config.cut_one_in) == 0) {
            size = 1 + rng_below(&sim->rng, bytes.size);
        }
        send_piece(sim, conn, bytes_of(bytes.data, size));
        bytes = bytes_of(bytes.data + size, bytes.size - size);
    }
}

static void
close_conn(struct sim *sim, struct sim_conn *conn)
{
    if (conn->session == NULL) return;
    worker_close(turn_of(sim, conn->node, conn->worker), conn->session);
    conn->session = NULL;
}

void
sim_disconnect(struct sim *sim, struct sim_conn *conn)
{
    close_conn(sim, conn);
    *conn = (struct sim_conn){0};
}

void
sim_hold_output(struct sim *sim, struct sim_conn *conn, bool hold)
{
    conn->is_held = hold;
    if (!hold) {
        (void)push(sim, (struct event){.at_ms = sim->now_ms,
                                       .type = EVENT_WAKE,
                                       .node = conn->node,
                                       .worker = conn->worker,
                                       .conn_id = conn->id});
    }
}

bool
sim_is_closed(const struct sim_conn *conn)
{
    return conn->session == NULL;
}

struct session *
sim_session(struct sim_conn *conn)
{
    return conn->session;
}

/* The socket: takes what it likes of the output and sends it on its way. */
static void
take_output(struct sim *sim, struct sim_conn *conn, struct worker *worker)
{
    struct bytes pieces[2];
    uint32_t count = worker_output(worker, conn->session, pieces), i;
    struct event event = {.type = EVENT_OUTPUT, .conn_id = conn->id};
    size_t sent = 0;

    for (i = 0; i < count && !conn->is_held; i++) {
        buf_must_add(&event.bytes, pieces[i].data, pieces[i].size);
        sent += pieces[i].size;
    }
    worker_sent(worker, conn->session, sent);
    if (sent == 0) {
        buf_deinit(&event.bytes);
        return;
    }
    event.at_ms = sim->now_ms + conn->delay_ms;
    if (event.at_ms < conn->last_out_ms) event.at_ms = conn->last_out_ms;
    conn->last_out_ms = event.at_ms;
    (void)push(sim, event);
}

static void
after_turn(struct sim *sim, struct sim_conn *conn, struct worker *worker)
{
    struct session *session = conn->session;
    bool has_output = worker_output(worker, session, (struct bytes[2]){{0}});

    if ((session->client.flags & CLIENT_KILLED) ||
        (session->is_closing && !has_output)) {
        close_conn(sim, conn);
        return;
    }
    if (session->wants_more) {
        (void)push(sim, (struct event){.at_ms = sim->now_ms,
                                       .type = EVENT_WAKE,
                                       .node = conn->node,
                                       .worker = conn->worker,
                                       .conn_id = conn->id});
    }
}

/* Bytes (or none) reach the node. */
static void
feed(struct sim *sim, struct sim_conn *conn, struct bytes bytes)
{
    struct worker *worker;
    struct bytes pieces[2];
    uint32_t count;

    if (conn->session == NULL) return;
    worker = turn_of(sim, conn->node, conn->worker);
    worker_input(worker, conn->session, bytes.data, bytes.size);
    count = worker_output(worker, conn->session, pieces);
    if (conn->on_executed != NULL && count > 0) {
        /* what was kept from before comes first and was seen then */
        bool has_kept = conn->session->out.used > conn->session->out_at;

        if (!has_kept || count == 2) {
            conn->on_executed(conn->context, conn, pieces[count - 1],
                              sim_wall_ms(sim, conn->node));
        }
    }
    take_output(sim, conn, worker);
    after_turn(sim, conn, worker);
}

static void
tick(struct sim *sim, const struct event *event)
{
    struct worker *worker = turn_of(sim, event->node, event->worker);

    worker_tick(worker, 0);
    (void)push(sim, (struct event){.at_ms = sim->now_ms + TICK_MS,
                                   .type = EVENT_TICK,
                                   .node = event->node,
                                   .worker = event->worker});
}

void
sim_at(struct sim *sim, int64_t at_ms, sim_on_time *call, void *context)
{
    (void)push(sim, (struct event){.at_ms = at_ms,
                                   .type = EVENT_CALL,
                                   .call = call,
                                   .context = context});
}

static void
carry_out(struct sim *sim, struct event *event)
{
    struct sim_conn *conn =
        event->conn_id != 0 ? conn_by_id(sim, event->conn_id) : NULL;

    switch (event->type) {
    case EVENT_INPUT:
        if (conn != NULL) feed(sim, conn, buf_bytes(&event->bytes));
        break;
    case EVENT_WAKE:
        if (conn != NULL) feed(sim, conn, bytes_of(NULL, 0));
        break;
    case EVENT_OUTPUT:
        sim_trace_add(sim, buf_bytes(&event->bytes));
        if (conn != NULL && conn->on_bytes != NULL)
            conn->on_bytes(conn->context, conn, buf_bytes(&event->bytes));
        break;
    case EVENT_TICK: tick(sim, event); break;
    case EVENT_MESSAGE:
        worker_deliver(turn_of(sim, event->node, event->worker),
                       event->message);
        event->message = NULL;
        break;
    case EVENT_CALL: event->call(event->context); break;
    }
}

bool
sim_run(struct sim *sim, int64_t until_ms)
{
    while (sim->heap_count > 0 && sim->heap[0].at_ms <= until_ms) {
        struct event event = pop(sim);

        ASSERT(event.at_ms >= sim->now_ms);
        sim->now_ms = event.at_ms;
        carry_out(sim, &event);
        event_drop(&event);
    }
    sim->now_ms = until_ms;
    return sim->heap_count > 0;
}

/* ---- conversations ---- */

void
sim_command(struct buf *out, const struct bytes *args, uint32_t count)
{
    uint32_t i;

    buf_must_printf(out, "*%u\r\n", count);
    for (i = 0; i < count; i++) {
        buf_must_printf(out, "$%zu\r\n", args[i].size);
        buf_must_add(out, args[i].data, args[i].size);
        buf_must_add(out, "\r\n", 2);
    }
}

static size_t
line_size(struct bytes bytes)
{
    const char *end = memchr(bytes.data, '\n', bytes.size);

    return end == NULL ? 0 : (size_t)(end - bytes.data) + 1;
}

size_t
sim_reply_size(struct bytes bytes)
{
    size_t size, part;
    long number, i;

    if (bytes.size == 0 || (size = line_size(bytes)) == 0) return 0;
    number = strtol(bytes.data + 1, NULL, 10);
    switch (bytes.data[0]) {
    case '$':
    case '=':
        if (number < 0) return size;
        size += (size_t)number + 2;
        return size <= bytes.size ? size : 0;
    case '%': number *= 2; break;
    case '*':
    case '~':
    case '>': break;
    default: return size;
    }
    for (i = 0; i < number; i++) {
        if (size >= bytes.size) return 0;
        part = sim_reply_size(bytes_of(bytes.data + size, bytes.size - size));
        if (part == 0) return 0;
        size += part;
    }
    return size;
}

static void
caller_bytes(void *context, struct sim_conn *conn, struct bytes bytes)
{
    struct caller *caller = context;

    (void)conn;
    buf_must_add(&caller->got, bytes.data, bytes.size);
}

const char *
sim_call_on(struct sim *sim, uint32_t node, uint32_t which, const char *line)
{
    struct caller *caller = &sim->callers[node][which];
    struct bytes args[64];
    struct buf command = {0};
    char text[4096];
    int count = resp_split_line(bytes_str(line), text, args, 64);
    uint32_t i;

    ASSERT(count > 0 && which < CALL_CONNS && strlen(line) < sizeof(text));
    if (caller->conn == NULL) {
        caller->conn = sim_connect(sim, node, which % sim->config.workers,
                                   caller, NULL, caller_bytes);
        ASSERT(caller->conn != NULL);
    }
    caller->got.used = 0;
    sim_command(&command, args, (uint32_t)count);
    sim_send(sim, caller->conn, buf_bytes(&command));
    buf_deinit(&command);
    for (i = 0; i < 1000000; i++) {
        if (sim_reply_size(buf_bytes(&caller->got)) > 0) break;
        if (!sim_run(sim, sim->now_ms + 1)) break;
    }
    buf_must_add(&caller->got, "", 1);
    return caller->got.data;
}

const char *
sim_call(struct sim *sim, uint32_t node, const char *line)
{
    return sim_call_on(sim, node, CALL_CONNS - 1, line);
}
