/*
 * pump.h - several nodes of one ring in a test, and what carries their bytes.
 *
 * Its own loop: a network without delay that can be cut, a clock that is moved
 * by hand, files that are the last bytes saved. A node's address is its bus
 * port, BASE_PORT + its place; the connections that it accepts go to its
 * workers in turn.
 */
#ifndef UNIT_NODE_PUMP_H
#define UNIT_NODE_PUMP_H

#include "base/ticks.h"
#include "node/inside.h"
#include "support/case.h"

#include <stdio.h>
#include <string.h>

enum {
    PUMP_NODES = 4,
    PUMP_WORKERS = 2,
    PUMP_CONNS = 256,
    PUMP_PORT = 7000,
    PUMP_SLOTS = 64,
    PUMP_STEP_MS = 10,
    PUMP_CLIENTS = 8,
};

/* One connection: side 0 dialled. */
struct pump_conn {
    struct link *links[2]; /* NULL: that end is closed */
    uint32_t nodes[2], workers[2];
    uint16_t port;
    bool is_used, is_made;
};

/* One client. */
struct pump_client {
    struct session *session;
    struct worker *worker;
    struct buf heard;
    bool is_woken;
};

struct pump;

struct pump_node {
    struct pump *pump;
    struct node *node; /* NULL: it does not run */
    struct settings *settings;
    struct message *inbox[PUMP_WORKERS];
    struct buf files[2]; /* by enum node_file */
    struct buf log;
    uint32_t place, lives, next_worker, connects, number;
    bool has_moved; /* its address is another one, until it moves back */
};

struct pump {
    struct pump_node nodes[PUMP_NODES];
    struct pump_conn conns[PUMP_CONNS];
    struct pump_client clients[PUMP_CLIENTS];
    uint32_t client_count;
    bool is_cut[PUMP_NODES]; /* its bytes go nowhere, and none come */
    int64_t now_ms;
    uint32_t replicas;
    uint64_t nonce;
};

static inline void
pump_start(struct pump *pump)
{
    uint32_t i;

    ticks_off = true;
    memset(pump, 0, sizeof(*pump));
    pump->now_ms = 1000;
    pump->replicas = 3;
    for (i = 0; i < PUMP_NODES; i++)
        pump->nodes[i] = (struct pump_node){.pump = pump, .place = i};
}

/* ---- effects ---- */

static inline bool
pump_post(void *self, uint32_t from, uint32_t to, struct message *message)
{
    struct message **last = &((struct pump_node *)self)->inbox[to];

    (void)from;
    while (*last != NULL)
        last = message_link(*last);
    *message_link(message) = NULL;
    *last = message;
    return true;
}

static inline void
pump_wake(void *self, uint32_t worker, struct session *session)
{
    struct pump_client *client = session->loop_data;

    (void)self;
    (void)worker;
    client->is_woken = true;
}

static inline void
pump_shutdown(void *self)
{
    (void)self;
}

static inline void
pump_changed(void *self, enum setting id)
{
    (void)self;
    (void)id;
}

static inline void
pump_connect(void *self, uint32_t worker, struct link *link, const char *host,
             uint16_t port)
{
    struct pump_node *node = self;
    uint32_t i;

    (void)host;
    node->connects++;
    for (i = 0; node->pump->conns[i].is_used; i++)
        cr_assert(i + 1 < PUMP_CONNS, "too many connections");
    node->pump->conns[i] = (struct pump_conn){.links = {link, NULL},
                                              .nodes = {node->place, 0},
                                              .workers = {worker, 0},
                                              .port = port,
                                              .is_used = true};
}

static inline void
pump_bus_wake(void *self, uint32_t worker, struct link *link)
{
    (void)self;
    (void)worker;
    (void)link; /* all links are looked at in every step */
}

static inline void
pump_save(void *self, enum node_file file, struct bytes bytes)
{
    struct buf *to = &((struct pump_node *)self)->files[file];

    to->used = 0;
    buf_must_add(to, bytes.data, bytes.size);
}

static inline void
pump_random(void *self, void *out, size_t size)
{
    struct pump *pump = ((struct pump_node *)self)->pump;

    memset(out, 0, size);
    pump->nonce++;
    memcpy(out, &pump->nonce, sizeof(pump->nonce));
}

static inline void
pump_log(void *self, const char *line)
{
    buf_must_printf(&((struct pump_node *)self)->log, "%s\n", line);
}

/* ---- nodes ---- */

static inline uint64_t
pump_wall_us(const struct pump *pump)
{
    return UINT64_C(1800000000000000) + (uint64_t)pump->now_ms * 1000;
}

/* Starts the node at `place`; a bit of `seeds` for each place that is one. */
static inline uint16_t
pump_port(const struct pump_node *node)
{
    return (uint16_t)(PUMP_PORT + node->place +
                      (node->has_moved ? PUMP_NODES : 0));
}

static inline void
pump_run(struct pump *pump, uint32_t place, uint32_t seeds, const char *secret)
{
    struct pump_node *node = &pump->nodes[place];
    struct node_ring *ring = mem_must_zero(sizeof(*ring));
    struct member_config *member = &ring->member;
    bool is_founder = (seeds & ~(1u << place)) == 0;
    struct node_config config = {
        .worker_count = PUMP_WORKERS,
        .store = {.slot_count = PUMP_SLOTS,
                  .node = node->number,
                  .wall_ms = (int64_t)(pump_wall_us(pump) / 1000)},
        .ring = ring,
        .effects = {.post = pump_post,
                    .wake = pump_wake,
                    .shutdown = pump_shutdown,
                    .config_changed = pump_changed,
                    .bus_connect = pump_connect,
                    .bus_wake = pump_bus_wake,
                    .save = pump_save,
                    .random = pump_random,
                    .log = pump_log,
                    .self = node}};

    cr_assert(node->node == NULL);
    if (is_founder && node->lives == 0) config.store.node = 1;
    memset(config.store.hash_seed, (int)place + 1, 32);
    memset(member->hash_seed, (int)place + 1, 32);
    ring->link.self.bytes[15] = (uint8_t)(place + 1);
    (void)snprintf(ring->link.name, sizeof(ring->link.name), "ring");
    ring->link.secret_bytes = (uint32_t)strlen(secret);
    memcpy(ring->link.secret, secret, strlen(secret));
    ring->now_ms = pump->now_ms;
    if (node->files[NODE_FILE_CEILING].used == 8) {
        memcpy(&ring->ceiling.bits, node->files[NODE_FILE_CEILING].data, 8);
    }
    member->self = ring->link.self;
    member->incarnation = ++node->lives;
    (void)snprintf(member->facts.host, sizeof(member->facts.host), "h");
    member->facts.bus_port = pump_port(node);
    member->facts.port = (uint16_t)(6000 + place);
    (void)snprintf(member->facts.dc, sizeof(member->facts.dc), "dc1");
    (void)snprintf(member->facts.rack, sizeof(member->facts.rack), "rack%u",
                   place);
    member->facts.weight = 1;
    member->facts.workers = PUMP_WORKERS;
    member->vnodes = 8;
    member->slot_count = PUMP_SLOTS;
    member->replicas.count = pump->replicas;
    member->node_timeout_ms = 3000;
    member->rng_seed = place + 1;
    member->number = node->number;
    member->saved = buf_bytes(&node->files[NODE_FILE_MEMBERS]);
    for (uint32_t i = 0; i < PUMP_NODES; i++) {
        if (!(seeds & 1u << i)) continue;
        (void)snprintf(member->seeds[member->seed_count].host,
                       sizeof(member->seeds[0].host), "h");
        member->seeds[member->seed_count++].port = (uint16_t)(PUMP_PORT + i);
    }
    node->settings = config.settings = settings_new();
    node->node = node_new(&config);
    mem_free(ring);
}

static inline void
pump_hang_up(struct pump_client *client)
{
    if (client->session != NULL) worker_close(client->worker, client->session);
    client->session = NULL;
    buf_deinit(&client->heard);
}

/* One end is closed by its own node; the other hears of it. */
static inline void
pump_close(struct pump *pump, struct pump_conn *conn)
{
    uint32_t side;

    for (side = 0; side < 2; side++) {
        struct pump_node *node = &pump->nodes[conn->nodes[side]];
        struct link *link = conn->links[side];

        conn->links[side] = NULL;
        if (link == NULL || node->node == NULL) continue;
        worker_bus_closed(node_worker(node->node, conn->workers[side]), link);
    }
    conn->is_used = false;
}

static inline void
pump_stop(struct pump *pump, uint32_t place)
{
    struct pump_node *node = &pump->nodes[place];
    uint32_t i;

    if (node->node == NULL) return;
    for (i = 0; i < pump->client_count; i++) {
        if (pump->clients[i].worker != NULL &&
            pump->clients[i].worker->node == node->node) {
            pump_hang_up(&pump->clients[i]);
            pump->clients[i].worker = NULL;
        }
    }
    node->number = node->node->ring->replica->self;
    for (i = 0; i < PUMP_CONNS; i++) {
        struct pump_conn *conn = &pump->conns[i];

        if (conn->is_used &&
            (conn->nodes[0] == place ||
             (conn->links[1] != NULL && conn->nodes[1] == place))) {
            pump_close(pump, conn);
        }
    }
    for (i = 0; i < PUMP_WORKERS; i++) {
        while (node->inbox[i] != NULL) {
            struct message *message = node->inbox[i];

            node->inbox[i] = *message_link(message);
            message_free(message);
        }
    }
    node_free(node->node);
    settings_free(node->settings);
    node->node = NULL;
}

static inline void
pump_end(struct pump *pump)
{
    uint32_t i;

    for (i = 0; i < PUMP_NODES; i++) {
        pump_stop(pump, i);
        buf_deinit(&pump->nodes[i].files[0]);
        buf_deinit(&pump->nodes[i].files[1]);
        buf_deinit(&pump->nodes[i].log);
    }
}

/* ---- the network ---- */

static inline struct worker *
pump_worker(struct pump *pump, const struct pump_conn *conn, uint32_t side)
{
    return node_worker(pump->nodes[conn->nodes[side]].node,
                       conn->workers[side]);
}

static inline void
pump_make(struct pump *pump, struct pump_conn *conn)
{
    uint32_t place = ((uint32_t)conn->port - PUMP_PORT) % PUMP_NODES;
    struct pump_node *node;

    cr_assert(place < PUMP_NODES);
    node = &pump->nodes[place];
    if (pump->is_cut[place] || pump->is_cut[conn->nodes[0]]) return;
    if (node->node != NULL && conn->port == pump_port(node)) {
        conn->nodes[1] = place;
        conn->workers[1] = node->next_worker++ % PUMP_WORKERS;
        conn->links[1] = worker_bus_accept(
            node_worker(node->node, conn->workers[1]), "127.0.0.1:5", true);
    }
    if (conn->links[1] == NULL) {
        pump_close(pump, conn);
        return;
    }
    conn->is_made = true;
    worker_bus_connected(pump_worker(pump, conn, 0), conn->links[0]);
}

/* True if bytes went over. */
static inline bool
pump_carry(struct pump *pump, struct pump_conn *conn, uint32_t side)
{
    struct bytes bytes = link_output(conn->links[side]);
    struct buf copy = {0};

    if (bytes.size == 0) return false;
    if (pump->is_cut[conn->nodes[0]] || pump->is_cut[conn->nodes[1]])
        return false;
    buf_must_add(&copy, bytes.data, bytes.size);
    link_sent(conn->links[side], bytes.size);
    worker_bus_input(pump_worker(pump, conn, 1 - side), conn->links[1 - side],
                     buf_bytes(&copy));
    buf_deinit(&copy);
    return true;
}

static inline bool
pump_network(struct pump *pump)
{
    bool is_busy = false;
    uint32_t i, side;

    for (i = 0; i < PUMP_CONNS; i++) {
        struct pump_conn *conn = &pump->conns[i];

        if (!conn->is_used) continue;
        if (!conn->is_made && conn->links[0]->state != LINK_BROKEN)
            pump_make(pump, conn);
        for (side = 0; side < 2 && conn->is_used && conn->is_made; side++)
            is_busy = pump_carry(pump, conn, side) || is_busy;
        if (!conn->is_used) continue;
        if (conn->links[0]->state == LINK_BROKEN ||
            (conn->is_made && conn->links[1]->state == LINK_BROKEN)) {
            for (side = 0; side < 2 && conn->is_made; side++)
                (void)pump_carry(pump, conn, side); /* why, above all */
            pump_close(pump, conn);
            is_busy = true;
        }
    }
    return is_busy;
}

static inline void
pump_node_turn(struct pump *pump, struct pump_node *node, bool is_tick)
{
    uint32_t i;

    for (i = 0; i < PUMP_WORKERS; i++) {
        struct worker *worker = node_worker(node->node, i);
        struct message *message = node->inbox[i];

        worker_turn(worker, pump->now_ms, pump_wall_us(pump));
        node->inbox[i] = NULL;
        while (message != NULL) {
            struct message *next = *message_link(message);

            worker_deliver(worker, message);
            message = next;
        }
        if (is_tick) worker_tick(worker, 0);
    }
}

static inline void
pump_flush(struct pump_client *client)
{
    struct bytes pieces[2];
    uint32_t count = worker_output(client->worker, client->session, pieces), i;
    size_t all = 0;

    for (i = 0; i < count; i++) {
        buf_must_add(&client->heard, pieces[i].data, pieces[i].size);
        all += pieces[i].size;
    }
    worker_sent(client->worker, client->session, all);
}

static inline void
pump_clients(struct pump *pump)
{
    uint32_t i;

    for (i = 0; i < pump->client_count; i++) {
        struct pump_client *client = &pump->clients[i];

        if (client->session == NULL || !client->is_woken) continue;
        client->is_woken = false;
        worker_input(client->worker, client->session, NULL, 0);
        pump_flush(client);
    }
}

static inline void
pump_step(struct pump *pump)
{
    bool is_tick;
    uint32_t i, w, rounds = 0;

    pump->now_ms += PUMP_STEP_MS;
    is_tick = pump->now_ms % 100 == 0;
    for (i = 0; i < PUMP_NODES; i++) {
        if (pump->nodes[i].node != NULL)
            pump_node_turn(pump, &pump->nodes[i], is_tick);
    }
    do {
        for (i = 0; i < PUMP_NODES; i++) {
            for (w = 0; pump->nodes[i].node != NULL && w < PUMP_WORKERS; w++)
                worker_turn_end(node_worker(pump->nodes[i].node, w));
        }
        pump_clients(pump);
    } while (pump_network(pump) && ++rounds < 4);
}

static inline void
pump_time(struct pump *pump, int64_t ms)
{
    for (; ms > 0; ms -= PUMP_STEP_MS)
        pump_step(pump);
}

/* Until `is_so`, at most so long; false: never. */
static inline bool
pump_until(struct pump *pump, bool (*is_so)(struct pump *pump), int64_t ms)
{
    for (; ms > 0 && !is_so(pump); ms -= PUMP_STEP_MS)
        pump_step(pump);
    return is_so(pump);
}

/* ---- clients ---- */

static inline struct pump_client *
pump_client(struct pump *pump, uint32_t place, uint32_t worker)
{
    struct open_info info = {.fd = 7,
                             .is_loopback = true,
                             .address = "127.0.0.1:5000",
                             .local_address = "127.0.0.1:6379"};
    struct pump_client *client = &pump->clients[pump->client_count++];
    const char *refusal = NULL;

    cr_assert(pump->client_count <= PUMP_CLIENTS);
    client->worker = node_worker(pump->nodes[place].node, worker);
    client->session = worker_open(client->worker, &info, &refusal);
    cr_assert(client->session != NULL);
    client->session->loop_data = client;
    return client;
}

/* An inline command; the reply (within a second), valid until the next. */
static inline char *
pump_say(struct pump *pump, struct pump_client *client, const char *text)
{
    uint32_t i;

    client->heard.used = 0;
    worker_input(client->worker, client->session, text, strlen(text));
    pump_flush(client);
    for (i = 0; client->heard.used == 0 && i < 1000 / PUMP_STEP_MS; i++)
        pump_step(pump);
    buf_must_add(&client->heard, "", 1);
    return client->heard.data;
}

/* ---- looking ---- */

static inline struct replica *
pump_replica(struct pump *pump, uint32_t place)
{
    return pump->nodes[place].node->ring->replica;
}

static inline bool
pump_is_loading(struct pump *pump, uint32_t place)
{
    return atomic_load(&node_shared(pump->nodes[place].node)->is_loading);
}

/* What node `from` thinks of the one at `to`: enum peer_health. */
static inline uint32_t
pump_health(struct pump *pump, uint32_t from, uint32_t to)
{
    struct node *other = pump->nodes[to].node;
    uint32_t number =
        other != NULL ? other->ring->replica->self : pump->nodes[to].number;

    return number == 0 ? 0 : replica_health(pump_replica(pump, from), number);
}

/* All that run serve, reach each other, and own slots. */
static inline bool
pump_is_whole(struct pump *pump)
{
    uint32_t i, j, running = 0;

    for (i = 0; i < PUMP_NODES; i++)
        running += pump->nodes[i].node != NULL;
    for (i = 0; i < PUMP_NODES; i++) {
        if (pump->nodes[i].node == NULL) continue;
        if (pump_is_loading(pump, i)) return false;
        for (j = 0; j < PUMP_NODES; j++) {
            if (pump->nodes[j].node != NULL &&
                pump_health(pump, i, j) != PEER_REACHABLE) {
                return false;
            }
        }
        for (j = 0; j < PUMP_SLOTS; j++) {
            const struct ring_map *map = replica_map(pump_replica(pump, i));

            if (ring_map_list(map, j)->count !=
                min_u64(running, pump->replicas)) {
                return false;
            }
        }
    }
    return true;
}

#endif
