/*
 * The bus: connections between nodes as streams of bytes over a fake network.
 *
 * What a link wants to send is cut into pieces, each of which arrives after
 * the link's delay, some jitter and its share of the bandwidth, never before
 * an earlier one. At most WINDOW bytes of a direction are on their way; the
 * rest stays with the node, as behind a full socket.
 *
 *   side 0, who called                      side 1, who was called
 *      link --pieces--> sides[1].pieces --> link
 *      link <-- sides[0].pieces <--pieces-- link
 *
 * A cut direction holds its pieces. When they have stood still for longer than
 * the connection bears, its sender gives it up; the other side learns of that
 * when something gets through again, as with TCP. A lost host answers nobody.
 */
#include "sim/inside.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    WINDOW = 256 * 1024,
    SYN_AGAIN_MS = 1000,
    CONNECT_MOST_MS = 10 * 1000,
    STALL_LEAST_MS = 5 * 1000,
    STALL_SPAN_MS = 10 * 1000,
    SLOW_BYTES_PER_MS = 50,
    PIECE_MS = 20,
    FAST_BYTES_PER_MS = 100 * 1000,
};

struct piece {
    int64_t ready_ms;
    struct buf bytes; /* owned */
};

struct side {
    struct conn *conn;
    uint32_t node, worker;
    struct link *link;    /* NULL: not accepted yet, or closed */
    bool is_standing;     /* the node knows it as connected */
    bool is_dead;         /* its host is lost: nobody answers */
    bool is_full;         /* has more to send than the window takes */
    bool is_ending;       /* the other side closed; end_ms: known here */
    bool is_reset;        /* nothing more arrives */
    struct piece *pieces; /* owned; on their way to this side */
    uint32_t count, room;
    size_t bytes_coming;
    int64_t last_ms, busy_ms, end_ms;
    int64_t stalled_ms; /* since; 0: not */
};

struct conn {
    uint64_t id;
    struct side sides[2];
    int64_t give_up_ms; /* of the connecting */
    int64_t bears_ms;   /* a stall of so long */
};

struct net {
    struct conn **conns; /* owned; NULL: free */
    uint32_t room;
    uint64_t made;
    bool is_cut[SIM_NODES_MAX][SIM_NODES_MAX];
    int64_t delay_ms[SIM_NODES_MAX][SIM_NODES_MAX];
    int64_t bytes_per_ms[SIM_NODES_MAX][SIM_NODES_MAX];
    size_t unsent_most;
};

void
net_new(struct sim *sim)
{
    const struct sim_ring *ring = sim->config.ring;
    struct net *net = sim->net = mem_must_zero(sizeof(*net));
    uint32_t i, k;

    for (i = 0; i < SIM_NODES_MAX; i++) {
        for (k = 0; k < SIM_NODES_MAX; k++) {
            /* never none: what is asked again at once must end */
            net->delay_ms[i][k] =
                1 +
                (int64_t)rng_below(&sim->rng, (uint64_t)ring->net_delay_ms + 1);
            net->bytes_per_ms[i][k] = FAST_BYTES_PER_MS;
            if (ring->slow_links > 0 &&
                rng_below(&sim->rng, ring->slow_links) == 0) {
                net->bytes_per_ms[i][k] = SLOW_BYTES_PER_MS;
            }
        }
    }
}

static void
drop_pieces(struct side *side, uint32_t keep)
{
    while (side->count > keep)
        buf_deinit(&side->pieces[--side->count].bytes);
    side->bytes_coming = 0;
    while (keep-- > 0)
        side->bytes_coming += side->pieces[keep].bytes.used;
}

static void
conn_free(struct net *net, struct conn *conn)
{
    uint32_t i;

    for (i = 0; i < 2; i++) {
        drop_pieces(&conn->sides[i], 0);
        mem_free(conn->sides[i].pieces);
    }
    net->conns[conn->id % net->room] = NULL;
    mem_free(conn);
}

void
net_free(struct sim *sim)
{
    struct net *net = sim->net;
    uint32_t i;

    if (net == NULL) return;
    for (i = 0; i < net->room; i++) {
        if (net->conns[i] != NULL) conn_free(net, net->conns[i]);
    }
    mem_free(net->conns);
    mem_free(net);
    sim->net = NULL;
}

static struct conn *
conn_by_id(const struct net *net, uint64_t id)
{
    struct conn *conn = net->room > 0 ? net->conns[id % net->room] : NULL;

    return conn != NULL && conn->id == id ? conn : NULL;
}

/* The ids are so that a connection's place is its id modulo `room`, which
 * grows only here. */
static struct conn *
conn_new(struct net *net)
{
    struct conn *conn = mem_must_zero(sizeof(*conn));
    uint32_t i;

    if (net->room == 0) {
        net->room = 4096; /* of twenty nodes with four workers each */
        net->conns = mem_must_zero(net->room * sizeof(struct conn *));
    }
    for (i = 0; i < net->room && net->conns[i] != NULL; i++)
        continue;
    ASSERT(i < net->room);
    conn->id = ++net->made * net->room + i;
    net->conns[i] = conn;
    return conn;
}

/* ---- events to come ---- */

static void
push(struct sim *sim, const struct side *side, enum event_type type,
     int64_t at_ms)
{
    inside_push(
        sim, (struct event){.at_ms = at_ms > sim->now_ms ? at_ms : sim->now_ms,
                            .type = type,
                            .node = side->node,
                            .worker = side->worker,
                            .side = (uint32_t)(side - side->conn->sides),
                            .conn_id = side->conn->id});
}

static struct side *
other_of(struct side *side)
{
    return &side->conn->sides[side == &side->conn->sides[0]];
}

static bool
is_cut(const struct sim *sim, const struct side *from, const struct side *to)
{
    return sim->net->is_cut[from->node][to->node];
}

static int64_t
delay_of(struct sim *sim, const struct side *from, const struct side *to)
{
    int64_t delay = sim->net->delay_ms[from->node][to->node];

    return delay + (int64_t)rng_below(&sim->rng, (uint64_t)delay / 2 + 1);
}

/* `side` is to learn that the connection has ended, behind what is coming. */
static void
tell_end(struct sim *sim, struct side *side)
{
    if (side->link == NULL || side->is_ending) return;
    side->is_ending = true;
    side->end_ms = sim->now_ms + delay_of(sim, other_of(side), side);
    if (side->end_ms < side->last_ms) side->end_ms = side->last_ms;
    push(sim, side, EVENT_BUS_ARRIVES, side->end_ms);
}

/* The node learns that its link is gone. In a turn of its worker. The
 * connection may be freed. */
static void
close_side(struct sim *sim, struct side *side)
{
    struct link *link = side->link;

    side->link = NULL;
    drop_pieces(side, 0);
    link->loop_data = NULL;
    worker_bus_closed(node_worker(sim->nodes[side->node].node, side->worker),
                      link);
    tell_end(sim, other_of(side));
    if (other_of(side)->link == NULL) conn_free(sim->net, side->conn);
}

/* ---- sending ---- */

static void
add_piece(struct sim *sim, struct side *to, struct bytes bytes)
{
    const struct side *from = other_of(to);
    int64_t rate = sim->net->bytes_per_ms[from->node][to->node];
    struct piece *piece;
    int64_t at_ms;

    if (to->is_reset) return;
    if (to->count == to->room) {
        to->room = to->room * 2 + 8;
        to->pieces = mem_must_array(to->pieces, to->room, sizeof(*to->pieces));
    }
    if (to->busy_ms < sim->now_ms) to->busy_ms = sim->now_ms;
    to->busy_ms += (int64_t)bytes.size / rate;
    at_ms = to->busy_ms + delay_of(sim, from, to);
    if (at_ms < to->last_ms) at_ms = to->last_ms;
    to->last_ms = at_ms;
    piece = &to->pieces[to->count++];
    *piece = (struct piece){.ready_ms = at_ms};
    buf_must_add(&piece->bytes, bytes.data, bytes.size);
    to->bytes_coming += bytes.size;
    push(sim, to, EVENT_BUS_ARRIVES, at_ms);
}

static void
pump(struct sim *sim, struct side *from)
{
    struct side *to = other_of(from);
    struct link *link = from->link;
    int64_t rate = sim->net->bytes_per_ms[from->node][to->node];

    from->is_full = false;
    if (link_unsent(link) > sim->net->unsent_most)
        sim->net->unsent_most = link_unsent(link);
    while (from->is_standing && link_unsent(link) > 0) {
        struct bytes bytes = link_output(link);

        if (link->state != LINK_BROKEN) {
            if (to->bytes_coming >= WINDOW) {
                from->is_full = true;
                break;
            }
            bytes.size = min_u64(bytes.size, WINDOW - to->bytes_coming);
        }
        /* what takes long does not come all at once */
        bytes.size = min_u64(bytes.size, (uint64_t)rate * PIECE_MS);
        if (rng_below(&sim->rng, 4) == 0)
            bytes.size = 1 + rng_below(&sim->rng, bytes.size);
        add_piece(sim, to, bytes);
        link_sent(link, bytes.size);
    }
    if (link->state == LINK_BROKEN) close_side(sim, from);
}

void
net_wake(struct sim *sim, uint32_t node, uint32_t worker, struct link *link)
{
    struct sim_worker *mine = &sim->nodes[node].workers[worker];
    const struct side *side = link->loop_data;

    if (side == NULL) return; /* not accepted yet: looked at then */
    if (mine->woken_count == mine->woken_room) {
        mine->woken_room = mine->woken_room * 2 + 16;
        mine->woken =
            mem_must_array(mine->woken, mine->woken_room, sizeof(*mine->woken));
    }
    mine->woken[mine->woken_count++] =
        side->conn->id * 2 + (side == &side->conn->sides[1]);
}

void
net_flush(struct sim *sim, uint32_t node, uint32_t worker)
{
    struct sim_worker *mine = &sim->nodes[node].workers[worker];
    uint32_t i;

    for (i = 0; i < mine->woken_count; i++) { /* may grow meanwhile */
        struct conn *conn = conn_by_id(sim->net, mine->woken[i] / 2);
        struct side *side;

        if (conn == NULL) continue;
        side = &conn->sides[mine->woken[i] % 2];
        if (side->link != NULL) pump(sim, side);
    }
    mine->woken_count = 0;
}

/* ---- connecting ---- */

void
net_connect(struct sim *sim, uint32_t node, uint32_t worker, struct link *link,
            const char *host, uint16_t port)
{
    struct conn *conn = conn_new(sim->net);
    uint32_t target = SIM_NODES_MAX;

    if (strncmp(host, "node", 4) == 0 && port == BUS_PORT)
        target = (uint32_t)strtoul(host + 4, NULL, 10);
    conn->sides[0] = (struct side){
        .conn = conn, .node = node, .worker = worker, .link = link};
    link->loop_data = &conn->sides[0];
    conn->give_up_ms = sim->now_ms + CONNECT_MOST_MS;
    conn->bears_ms =
        STALL_LEAST_MS + (int64_t)rng_below(&sim->rng, STALL_SPAN_MS);
    conn->sides[1].conn = conn;
    if (target >= sim->config.nodes) { /* nobody of that name */
        conn->sides[1].node = node;
        tell_end(sim, &conn->sides[0]);
        return;
    }
    conn->sides[1].node = target;
    conn->sides[1].worker = (uint32_t)rng_below(&sim->rng, sim->config.workers);
    push(sim, &conn->sides[1], EVENT_BUS_CONNECT,
         sim->now_ms + delay_of(sim, &conn->sides[0], &conn->sides[1]));
}

/* Again a little later, or never. */
static void
connect_again(struct sim *sim, struct side *side, enum event_type type)
{
    if (sim->now_ms < side->conn->give_up_ms)
        push(sim, side, type, sim->now_ms + SYN_AGAIN_MS);
    else
        tell_end(sim, &side->conn->sides[0]);
}

static void
on_connect(struct sim *sim, struct side *side)
{
    const struct sim_node *node = &sim->nodes[side->node];
    struct side *caller = other_of(side);

    if (is_cut(sim, caller, side) || node->is_lost) {
        connect_again(sim, side, EVENT_BUS_CONNECT);
    } else if (node->node == NULL) {
        tell_end(sim, caller); /* refused */
    } else {
        push(sim, side, EVENT_BUS_ACCEPT, sim->now_ms);
        push(sim, caller, EVENT_BUS_STANDS,
             sim->now_ms + delay_of(sim, side, caller));
    }
}

static void
on_accept(struct sim *sim, struct side *side)
{
    struct worker *worker =
        node_worker(sim->nodes[side->node].node, side->worker);
    char address[32];

    (void)snprintf(address, sizeof(address), "node%u:1000",
                   other_of(side)->node);
    side->link = worker_bus_accept(worker, address, false);
    if (side->link == NULL) {
        tell_end(sim, other_of(side));
    } else {
        side->link->loop_data = side;
        side->is_standing = true;
        pump(sim, side); /* it may close the connection */
    }
}

static void
on_stands(struct sim *sim, struct side *side)
{
    if (side->link == NULL || side->is_ending) return;
    if (is_cut(sim, other_of(side), side)) {
        connect_again(sim, side, EVENT_BUS_STANDS);
        return;
    }
    side->is_standing = true;
    net_wake(sim, side->node, side->worker, side->link);
    worker_bus_connected(node_worker(sim->nodes[side->node].node, side->worker),
                         side->link);
}

/* ---- arriving ---- */

static void
stall(struct sim *sim, struct side *side)
{
    if (side->stalled_ms == 0) side->stalled_ms = sim->now_ms;
    push(sim, other_of(side), EVENT_BUS_STALL,
         side->stalled_ms + side->conn->bears_ms);
}

/* Bytes come to where nobody is. */
static void
on_nobody(struct sim *sim, struct side *side)
{
    if (side->is_dead && sim->nodes[side->node].is_lost) {
        stall(sim, side);
        return;
    }
    drop_pieces(side, 0);
    tell_end(sim, other_of(side));
}

/* Takes the pieces that are due. */
static void
take_pieces(struct sim *sim, struct side *side, struct worker *worker)
{
    while (side->count > 0 && side->pieces[0].ready_ms <= sim->now_ms) {
        struct piece piece = side->pieces[0];

        side->count--;
        memmove(side->pieces, side->pieces + 1,
                side->count * sizeof(side->pieces[0]));
        side->bytes_coming -= piece.bytes.used;
        /* the link itself may answer, or break: looked at when the turn ends */
        net_wake(sim, side->node, side->worker, side->link);
        worker_bus_input(worker, side->link, buf_bytes(&piece.bytes));
        buf_deinit(&piece.bytes);
        if (side->link->state == LINK_BROKEN) return;
    }
    if (side->is_ending && side->count == 0 && side->end_ms <= sim->now_ms)
        close_side(sim, side);
    else if (other_of(side)->is_full)
        push(sim, other_of(side), EVENT_BUS_PUMP, sim->now_ms);
}

static void
on_arrives(struct sim *sim, struct side *side)
{
    struct side *from = other_of(side);

    if (is_cut(sim, from, side)) {
        /* a caller that waits for its connection has no one to blame */
        if (side->is_ending && !side->is_standing && side->link != NULL) {
            close_side(sim, side);
            return;
        }
        stall(sim, side);
    } else if (side->link == NULL) {
        on_nobody(sim, side);
    } else {
        side->stalled_ms = 0;
        take_pieces(sim, side,
                    node_worker(sim->nodes[side->node].node, side->worker));
    }
}

/* The sender looks whether what it sent stands still. */
static void
on_stall(struct sim *sim, struct side *side)
{
    struct side *to = other_of(side);

    if (side->link == NULL || to->stalled_ms == 0) return;
    if (to->count == 0) return; /* an end alone: nobody waits for it */
    if (sim->now_ms < to->stalled_ms + side->conn->bears_ms) return;
    drop_pieces(to, 0);
    close_side(sim, side);
}

void
net_event(struct sim *sim, const struct event *event)
{
    struct conn *conn = conn_by_id(sim->net, event->conn_id);
    struct side *side;

    if (conn == NULL) return;
    side = &conn->sides[event->side];
    if (event->type != EVENT_BUS_CONNECT &&
        sim->nodes[event->node].node != NULL) {
        (void)inside_turn(sim, event->node, event->worker);
    }
    switch (event->type) {
    case EVENT_BUS_CONNECT: on_connect(sim, side); return;
    case EVENT_BUS_ACCEPT: on_accept(sim, side); break;
    case EVENT_BUS_STANDS: on_stands(sim, side); break;
    case EVENT_BUS_ARRIVES: on_arrives(sim, side); break;
    case EVENT_BUS_PUMP:
        if (side->link != NULL) pump(sim, side);
        break;
    case EVENT_BUS_STALL: on_stall(sim, side); break;
    case EVENT_INPUT:
    case EVENT_OUTPUT:
    case EVENT_TICK:
    case EVENT_MESSAGE:
    case EVENT_WAKE:
    case EVENT_TURN:
    case EVENT_CALL: ASSERT(false);
    }
    inside_turn_end(sim, event->node, event->worker);
}

/* ---- faults ---- */

/* What is on its way is lost, or some of it. */
static void
lose_pieces(struct sim *sim, struct side *side)
{
    if (side->count > 0)
        drop_pieces(side, (uint32_t)rng_below(&sim->rng, side->count + 1u));
}

void
net_node_gone(struct sim *sim, uint32_t node, bool silent)
{
    struct net *net = sim->net;
    uint32_t i = 0, k, room = net->room;

    while (i < net->room) {
        for (k = 0; k < 2 && net->conns[i] != NULL; k++) {
            struct side *side = &net->conns[i]->sides[k];
            struct side *other = other_of(side);

            if (side->node != node || side->link == NULL) continue;
            worker_bus_closed(inside_turn(sim, node, side->worker), side->link);
            side->link = NULL;
            side->is_dead = silent;
            drop_pieces(side, 0);
            if (!silent) {
                lose_pieces(sim, other);
                tell_end(sim, other);
            }
            if (other->link == NULL) conn_free(net, side->conn);
            if (net->room != room) break; /* it has called somebody */
        }
        /* all have other places then */
        i = net->room != room ? 0 : i + 1;
        room = net->room;
    }
}

void
sim_cut(struct sim *sim, uint32_t from, uint32_t to, bool cut)
{
    struct net *net = sim->net;
    uint32_t i, k;

    if (net->is_cut[from][to] == cut) return;
    net->is_cut[from][to] = cut;
    if (cut) return;
    for (i = 0; i < net->room; i++) {
        for (k = 0; k < 2 && net->conns[i] != NULL; k++) {
            struct side *side = &net->conns[i]->sides[k];

            if (side->node != to || other_of(side)->node != from) continue;
            side->stalled_ms = 0;
            if (side->count > 0 || side->is_ending) {
                push(sim, side, EVENT_BUS_ARRIVES,
                     sim->now_ms + delay_of(sim, other_of(side), side));
            }
        }
    }
}

void
sim_slow(struct sim *sim, uint32_t from, uint32_t to, int64_t delay_ms)
{
    sim->net->delay_ms[from][to] = delay_ms > 0 ? delay_ms : 1;
}

void
sim_partition(struct sim *sim, uint32_t one, uint32_t other)
{
    uint32_t i, k;

    for (i = 0; i < sim->config.nodes; i++) {
        for (k = 0; k < sim->config.nodes; k++) {
            if ((one >> i & 1) == 0 || (other >> k & 1) == 0) continue;
            sim_cut(sim, i, k, true);
            sim_cut(sim, k, i, true);
        }
    }
}

void
sim_heal(struct sim *sim)
{
    uint32_t i, k;

    for (i = 0; i < sim->config.nodes; i++) {
        for (k = 0; k < sim->config.nodes; k++)
            sim_cut(sim, i, k, false);
    }
}

void
sim_reset_one(struct sim *sim)
{
    struct net *net = sim->net;
    uint32_t i, start;

    if (net->room == 0) return;
    start = (uint32_t)rng_below(&sim->rng, 64);
    for (i = 0; i < net->room; i++) {
        struct conn *conn = net->conns[(start + i) % net->room];
        uint32_t k;

        if (conn == NULL || !conn->sides[0].is_standing) continue;
        for (k = 0; k < 2; k++) {
            lose_pieces(sim, &conn->sides[k]);
            conn->sides[k].is_reset = true;
            tell_end(sim, &conn->sides[k]);
        }
        return;
    }
}

size_t
sim_unsent_most(const struct sim *sim)
{
    return sim->net->unsent_most;
}
