#include "sim/inside.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/ticks.h"

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

/* With the order that it has already. */
static void
push_again(struct sim *sim, struct event event)
{
    size_t at = sim->heap_count;

    if (at == sim->heap_room) {
        sim->heap_room = sim->heap_room * 2 + 64;
        sim->heap =
            mem_must_array(sim->heap, sim->heap_room, sizeof(*sim->heap));
    }
    sim->heap[sim->heap_count++] = event;
    while (at > 0 && is_before(&sim->heap[at], &sim->heap[(at - 1) / 2])) {
        swap(&sim->heap[at], &sim->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

void
inside_push(struct sim *sim, struct event event)
{
    event.order = sim->next_order++;
    event.life = sim->nodes[event.node].life;
    push_again(sim, event);
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

/* ---- the world ---- */

struct sim *
sim_new(const struct sim_config *config)
{
    struct sim *sim = mem_must_zero(sizeof(*sim));
    uint32_t i, started;

    ticks_off = true;
    sim->config = *config;
    if (sim->config.slots == 0) sim->config.slots = 64;
    if (sim->config.workers == 0) sim->config.workers = 1;
    if (sim->config.nodes == 0) sim->config.nodes = 1;
    ASSERT(sim->config.nodes <= SIM_NODES_MAX);
    ASSERT(sim->config.workers <= WORKERS_MAX);
    sim->rng.state = config->seed;
    sim->now_ms = 1000;
    started = sim->config.nodes;
    if (config->ring != NULL) {
        net_new(sim);
        if (config->ring->started > 0) started = config->ring->started;
    }
    for (i = 0; i < sim->config.nodes; i++) {
        inside_node_init(sim, i);
        if (i < started) sim_start(sim, i);
    }
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
    for (i = 0; i < sim->config.nodes; i++)
        inside_node_deinit(sim, i);
    while (sim->heap_count > 0) {
        struct event event = pop(sim);

        event_drop(&event);
    }
    net_free(sim);
    for (i = 0; i < sim->config.nodes; i++) {
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

uint64_t
sim_trace(const struct sim *sim)
{
    return sim->trace;
}

uint64_t
sim_event_count(const struct sim *sim)
{
    return sim->events;
}

void
sim_trace_add(struct sim *sim, struct bytes bytes)
{
    sim->trace =
        hash_mix(sim->trace ^ (uint64_t)sim->now_ms, hash_plain(bytes));
}

void
sim_be_noisy(struct sim *sim)
{
    sim->is_noisy = true;
}

/* ---- turns ---- */

/* What the worker does after its events, and what it then wants. */
static void
finish_turn(struct sim *sim)
{
    struct sim_turn turn = sim->turn;
    struct sim_worker *mine = &sim->nodes[turn.node].workers[turn.worker];
    struct worker *worker;
    int64_t deadline;

    sim->turn.is_open = false;
    if (sim->nodes[turn.node].node == NULL) return;
    worker = node_worker(sim->nodes[turn.node].node, turn.worker);
    worker_turn_end(worker);
    net_flush(sim, turn.node, turn.worker);
    deadline = worker_deadline_ms(worker);
    if (deadline == INT64_MAX) return;
    if (deadline <= sim->now_ms) deadline = sim->now_ms + 1;
    if (mine->deadline_ms > sim->now_ms && mine->deadline_ms <= deadline)
        return;
    mine->deadline_ms = deadline;
    inside_push(sim, (struct event){.at_ms = deadline,
                                    .type = EVENT_TURN,
                                    .node = turn.node,
                                    .worker = turn.worker});
}

static bool
is_in_turn(const struct sim *sim, uint32_t node, uint32_t worker)
{
    return sim->turn.is_open && sim->turn.node == node &&
           sim->turn.worker == worker && sim->turn.at_ms == sim->now_ms;
}

struct worker *
inside_turn(struct sim *sim, uint32_t node, uint32_t at)
{
    struct worker *worker = node_worker(sim->nodes[node].node, at);

    if (is_in_turn(sim, node, at)) return worker;
    if (sim->turn.is_open) finish_turn(sim);
    worker_turn(worker, sim->now_ms, (uint64_t)sim_wall_ms(sim, node) * 1000);
    if (sim->net != NULL) {
        sim->turn = (struct sim_turn){
            .is_open = true, .node = node, .worker = at, .at_ms = sim->now_ms};
    }
    return worker;
}

/* A turn may take the next event, too, if it comes at the same time: as with
 * epoll, sometimes one, sometimes many. */
void
inside_turn_end(struct sim *sim, uint32_t node, uint32_t at)
{
    if (!is_in_turn(sim, node, at)) return;
    if (!sim->is_running || rng_below(&sim->rng, 4) == 0) finish_turn(sim);
}

/* ---- connections ---- */

static struct sim_conn *
conn_by_id(struct sim *sim, uint64_t id)
{
    struct sim_conn *conn = &sim->conns[id % SIM_CONNS_MAX];

    return id != 0 && conn->id == id ? conn : NULL;
}

static struct sim_conn *
conn_free(struct sim *sim)
{
    uint32_t i;

    for (i = 0; i < SIM_CONNS_MAX; i++) {
        if (sim->conns[i].id == 0) return &sim->conns[i];
    }
    return NULL;
}

static bool
open_session(struct sim *sim, struct sim_conn *conn)
{
    struct open_info info = {.fd = 9,
                             .is_loopback = true,
                             .address = "127.0.0.1:5000",
                             .local_address = "127.0.0.1:6379"};
    const char *refusal = NULL;

    conn->is_waiting = false;
    conn->session = worker_open(inside_turn(sim, conn->node, conn->worker),
                                &info, &refusal);
    if (conn->session != NULL) conn->session->loop_data = conn;
    return conn->session != NULL;
}

struct sim_conn *
sim_connect(struct sim *sim, uint32_t node, uint32_t worker, void *context,
            sim_on_executed *on_executed, sim_on_bytes *on_bytes)
{
    struct sim_conn *conn = conn_free(sim);

    ASSERT(conn != NULL);
    if (sim->nodes[node].node == NULL) return NULL;
    *conn = (struct sim_conn){.node = node,
                              .worker = worker,
                              .context = context,
                              .on_executed = on_executed,
                              .on_bytes = on_bytes};
    if (sim_is_paused(sim, node))
        conn->is_waiting = true;
    else if (!open_session(sim, conn))
        return NULL;
    conn->id =
        ++sim->conn_count * SIM_CONNS_MAX + (uint64_t)(conn - sim->conns);
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
    inside_push(sim, event);
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

/* Tells the client, unless it hears of nothing. */
static void
tell_closed(struct sim *sim, struct sim_conn *conn)
{
    int64_t at_ms = sim->now_ms + conn->delay_ms;

    if (at_ms < conn->last_out_ms) at_ms = conn->last_out_ms;
    inside_push(sim, (struct event){.at_ms = at_ms,
                                    .type = EVENT_OUTPUT,
                                    .conn_id = conn->id});
}

static void
close_conn(struct sim *sim, struct sim_conn *conn)
{
    conn->is_waiting = false;
    if (conn->session == NULL) return;
    worker_close(inside_turn(sim, conn->node, conn->worker), conn->session);
    conn->session = NULL;
}

void
inside_close_all(struct sim *sim, uint32_t node, bool silent)
{
    uint32_t i;

    for (i = 0; i < SIM_CONNS_MAX; i++) {
        struct sim_conn *conn = &sim->conns[i];

        if (conn->id == 0 || conn->node != node) continue;
        if (conn->session == NULL && !conn->is_waiting) continue;
        close_conn(sim, conn);
        if (!silent) tell_closed(sim, conn);
    }
}

void
sim_disconnect(struct sim *sim, struct sim_conn *conn)
{
    bool is_open = conn->session != NULL;
    uint32_t node = conn->node, worker = conn->worker;

    close_conn(sim, conn);
    *conn = (struct sim_conn){0};
    if (is_open) inside_turn_end(sim, node, worker);
}

void
sim_hold_output(struct sim *sim, struct sim_conn *conn, bool hold)
{
    conn->is_held = hold;
    if (!hold) {
        inside_push(sim, (struct event){.at_ms = sim->now_ms,
                                        .type = EVENT_WAKE,
                                        .node = conn->node,
                                        .worker = conn->worker,
                                        .conn_id = conn->id});
    }
}

bool
sim_is_closed(const struct sim_conn *conn)
{
    return conn->session == NULL && !conn->is_waiting;
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
    inside_push(sim, event);
}

static void
after_turn(struct sim *sim, struct sim_conn *conn, struct worker *worker)
{
    struct session *session = conn->session;
    bool has_output = worker_output(worker, session, (struct bytes[2]){{0}});

    if ((session->client.flags & CLIENT_KILLED) ||
        (session->is_closing && !has_output)) {
        close_conn(sim, conn);
        tell_closed(sim, conn);
        return;
    }
    if (session->wants_more) {
        inside_push(sim, (struct event){.at_ms = sim->now_ms,
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

    if (conn->is_waiting && !open_session(sim, conn)) tell_closed(sim, conn);
    if (conn->session == NULL) return;
    worker = inside_turn(sim, conn->node, conn->worker);
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
    inside_turn_end(sim, conn->node, conn->worker);
}

static void
tick(struct sim *sim, const struct event *event)
{
    struct worker *worker = inside_turn(sim, event->node, event->worker);

    worker_tick(worker, 0);
    inside_turn_end(sim, event->node, event->worker);
    inside_push(sim, (struct event){.at_ms = sim->now_ms + TICK_MS,
                                    .type = EVENT_TICK,
                                    .node = event->node,
                                    .worker = event->worker});
}

void
sim_at(struct sim *sim, int64_t at_ms, sim_on_time *call, void *context)
{
    inside_push(sim, (struct event){.at_ms = at_ms,
                                    .type = EVENT_CALL,
                                    .call = call,
                                    .context = context});
}

static void
output(struct sim *sim, struct sim_conn *conn, const struct event *event)
{
    sim_trace_add(sim, buf_bytes(&event->bytes));
    if (conn != NULL && conn->on_bytes != NULL)
        conn->on_bytes(conn->context, conn, buf_bytes(&event->bytes));
}

static void
carry_out(struct sim *sim, struct event *event)
{
    struct sim_conn *conn = conn_by_id(sim, event->conn_id);

    switch (event->type) {
    case EVENT_INPUT:
        if (conn != NULL) feed(sim, conn, buf_bytes(&event->bytes));
        break;
    case EVENT_WAKE:
        if (conn != NULL) feed(sim, conn, bytes_of(NULL, 0));
        break;
    case EVENT_OUTPUT: output(sim, conn, event); break;
    case EVENT_TICK: tick(sim, event); break;
    case EVENT_TURN:
        (void)inside_turn(sim, event->node, event->worker);
        inside_turn_end(sim, event->node, event->worker);
        break;
    case EVENT_MESSAGE:
        worker_deliver(inside_turn(sim, event->node, event->worker),
                       event->message);
        event->message = NULL;
        inside_turn_end(sim, event->node, event->worker);
        break;
    case EVENT_CALL: event->call(event->context); break;
    case EVENT_BUS_CONNECT:
    case EVENT_BUS_ACCEPT:
    case EVENT_BUS_STANDS:
    case EVENT_BUS_ARRIVES:
    case EVENT_BUS_PUMP:
    case EVENT_BUS_STALL: net_event(sim, event); break;
    }
}

/* What happens to a node waits while it is paused, and is lost when it is not
 * the node any more that it was meant for. */
enum fate { FATE_NOW, FATE_LATER, FATE_NEVER };

static enum fate
fate_of(struct sim *sim, const struct event *event)
{
    const struct sim_node *node = &sim->nodes[event->node];

    switch (event->type) {
    case EVENT_OUTPUT:
    case EVENT_CALL:
    case EVENT_BUS_CONNECT: return FATE_NOW;
    case EVENT_INPUT:
    case EVENT_WAKE:
    case EVENT_TICK:
    case EVENT_TURN:
    case EVENT_MESSAGE:
    case EVENT_BUS_ACCEPT:
        if (node->node == NULL || node->life != event->life) return FATE_NEVER;
        break;
    case EVENT_BUS_STANDS: /* these look whose side it is */
    case EVENT_BUS_ARRIVES:
    case EVENT_BUS_PUMP:
    case EVENT_BUS_STALL: break;
    }
    return node->paused_until_ms > sim->now_ms ? FATE_LATER : FATE_NOW;
}

/* The open turn may take this event, too. */
static bool
may_join(const struct sim *sim, const struct event *event)
{
    return event->type != EVENT_CALL && event->type != EVENT_OUTPUT &&
           event->type != EVENT_BUS_CONNECT &&
           event->at_ms == sim->turn.at_ms && event->node == sim->turn.node &&
           event->worker == sim->turn.worker;
}

bool
sim_run(struct sim *sim, int64_t until_ms)
{
    sim->is_running = true;
    for (;;) {
        struct event event;

        if (sim->turn.is_open &&
            (sim->heap_count == 0 || !may_join(sim, &sim->heap[0]))) {
            finish_turn(sim); /* what it makes may come first */
        }
        if (sim->heap_count == 0 || sim->heap[0].at_ms > until_ms) break;
        event = pop(sim);
        ASSERT(event.at_ms >= sim->now_ms);
        sim->now_ms = event.at_ms;
        switch (fate_of(sim, &event)) {
        case FATE_NOW:
            sim->events++;
            carry_out(sim, &event);
            break;
        case FATE_LATER:
            event.at_ms = sim->nodes[event.node].paused_until_ms;
            push_again(sim, event);
            continue;
        case FATE_NEVER: break;
        }
        event_drop(&event);
    }
    sim->is_running = false;
    sim->now_ms = until_ms;
    return sim->heap_count > 0;
}
