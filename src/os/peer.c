/*
 * A connection to another node. What the loop and the link share is little:
 * bytes come, bytes go, and a broken link is closed after what it has to say
 * was tried once.
 *
 *   bus_connect --a name--> LOOKING --addresses--> CONNECTING --> OPEN
 *               --an address----------------------/     |          |
 *                    FAILED <--- none, all refused, late           |
 *                       |                                          |
 *                       +--> closed, worker_bus_closed <-----------+
 *
 * Output is sent at the end of a turn, once for all that the turn wrote: links
 * that have some are in a list, as woken sessions are. A peer is always read
 * from: what holds back clients must not hold back acknowledgements.
 *
 * Events and list may name a peer until the turn ends, so closed ones are
 * freed then. Look-ups answer with a ticket, for the peer may be gone by then.
 */
#include "os/loop_inside.h"

#include "base/log_line.h"
#include "base/memory.h"
#include "os/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static struct peer *
peer_new(struct loop *loop, struct link *link, int fd)
{
    struct peer *peer = mem_must_zero(sizeof(*peer));

    peer->source = (struct source){SOURCE_PEER, fd};
    peer->link = link;
    peer->next = loop->peers;
    if (peer->next != NULL) peer->next->prev = peer;
    loop->peers = peer;
    link->loop_data = peer;
    atomic_fetch_add(&loop->peer_count, 1);
    return peer;
}

static void
wake(struct loop *loop, struct peer *peer)
{
    if (peer->is_woken) return;
    peer->is_woken = true;
    peer->next_woken = loop->woken_peers;
    loop->woken_peers = peer;
}

static bool
watch(const struct loop *loop, struct peer *peer, int how, uint32_t interest)
{
    struct epoll_event event = {.events = interest, .data.ptr = peer};

    peer->interest = interest;
    return epoll_ctl(loop->epoll_fd, how, peer->source.fd, &event) == 0;
}

static void
close_socket(struct peer *peer)
{
    char ignored[4096];

    if (peer->source.fd < 0) return;
    /* Unread bytes would turn the end into a reset, and a refusal on its way
     * would be lost. */
    if (peer->state == PEER_OPEN) {
        (void)shutdown(peer->source.fd, SHUT_WR);
        if (recv(peer->source.fd, ignored, sizeof(ignored), MSG_DONTWAIT) < 0)
            errno = 0;
    }
    (void)close(peer->source.fd); /* leaves the epoll set by itself */
    peer->source.fd = -1;
}

/* The node frees the link, and may ask for connections or wake others. */
static void
peer_close(struct loop *loop, struct peer *peer)
{
    struct link *link = peer->link;

    ASSERT(link != NULL);
    close_socket(peer);
    peer->link = NULL;
    if (peer->prev != NULL) peer->prev->next = peer->next;
    if (peer->prev == NULL) loop->peers = peer->next;
    if (peer->next != NULL) peer->next->prev = peer->prev;
    peer->next_dead = loop->dead_peers;
    loop->dead_peers = peer;
    atomic_fetch_sub(&loop->peer_count, 1);
    link->loop_data = NULL;
    worker_bus_closed(loop->worker, link);
}

/* ---- accepted ---- */

void
peer_accept(struct loop *loop, const struct arrival *arrival)
{
    char address[SOCKET_NAME_ROOM];
    struct link *link = NULL;
    struct peer *peer;

    if (!loop->is_stopping) {
        socket_name(&arrival->peer, address);
        link = worker_bus_accept(loop->worker, address,
                                 socket_is_loopback(&arrival->peer));
    }
    atomic_fetch_sub(&loop->peer_count, 1); /* as one on its way */
    if (link == NULL) {
        (void)close(arrival->fd);
        return;
    }
    peer = peer_new(loop, link, arrival->fd);
    peer->state = PEER_OPEN;
    if (!watch(loop, peer, EPOLL_CTL_ADD, EPOLLIN)) {
        peer_close(loop, peer);
        return;
    }
    wake(loop, peer);
}

/* ---- called ---- */

/* Told in the next turn. */
static void
fail(struct loop *loop, struct peer *peer)
{
    peer->state = PEER_FAILED;
    loop->has_failed_peers = true;
}

/* The next of its addresses that can be tried at all. */
static void
try_next(struct loop *loop, struct peer *peer)
{
    int64_t keepalive_s = atomic_load(&loop->all->keepalive_s);

    close_socket(peer);
    while (peer->end_at < peer->end_count) {
        peer->source.fd =
            socket_connect(&peer->ends[peer->end_at++], keepalive_s);
        if (peer->source.fd < 0) continue;
        peer->state = PEER_CONNECTING;
        peer->late_ms = loop->now_ms + LOOP_CONNECT_MS;
        if (watch(loop, peer, EPOLL_CTL_ADD, EPOLLOUT)) return;
        close_socket(peer);
    }
    fail(loop, peer);
}

void
loops_bus_connect(struct loops *all, uint32_t worker, struct link *link,
                  const char *host, uint16_t port)
{
    struct loop *loop = &all->loops[worker];
    struct peer *peer;
    char why[256];

    /* The node ends, and frees what it has. */
    if (loop->is_over) return;
    peer = peer_new(loop, link, -1);
    peer->end_count =
        socket_resolve(host, port, true, peer->ends, RESOLVER_ENDS_MAX, why);
    if (loop->is_stopping) {
        fail(loop, peer);
    } else if (peer->end_count > 0) {
        try_next(loop, peer);
    } else {
        peer->ticket = ++loop->last_ticket;
        peer->state = PEER_LOOKING;
        peer->late_ms = loop->now_ms + LOOP_LOOKUP_MS;
        if (!resolver_ask(all->resolver, worker, peer->ticket, host, port))
            fail(loop, peer);
    }
}

static void
complain(struct loop *loop, const char *why)
{
    if (loop->resolver_complained_ms != 0 &&
        loop->now_ms - loop->resolver_complained_ms < LOOP_COMPLAINT_MS) {
        return;
    }
    loop->resolver_complained_ms = loop->now_ms;
    log_line(LOG_LEVEL_WARNING,
             "the name of another node cannot be looked up: %s", why);
}

void
peer_answers(struct loop *loop)
{
    struct resolver_answer *answer, *next;
    struct peer *peer;

    answer = resolver_take(loop->all->resolver, loop->index);
    for (; answer != NULL; answer = next) {
        next = answer->next;
        peer = loop->peers;
        while (peer != NULL && (peer->state != PEER_LOOKING ||
                                peer->ticket != answer->ticket)) {
            peer = peer->next;
        }
        if (peer != NULL) {
            if (answer->count == 0) complain(loop, answer->why);
            memcpy(peer->ends, answer->ends, sizeof(peer->ends));
            peer->end_count = answer->count;
            try_next(loop, peer);
        }
        mem_free(answer);
    }
}

static void
connected(struct loop *loop, struct peer *peer)
{
    if (socket_connect_error(peer->source.fd) != 0 ||
        !watch(loop, peer, EPOLL_CTL_MOD, EPOLLIN)) {
        try_next(loop, peer);
        return;
    }
    peer->state = PEER_OPEN;
    worker_bus_connected(loop->worker, peer->link);
    wake(loop, peer);
}

/* ---- bytes ---- */

static void
receive(struct loop *loop, struct peer *peer)
{
    ssize_t got;

    if (loop->peer_input == NULL) loop->peer_input = mem_must(LOOP_PEER_BYTES);
    got = recv(peer->source.fd, loop->peer_input, LOOP_PEER_BYTES, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        peer_close(loop, peer);
        return;
    }
    worker_bus_input(loop->worker, peer->link,
                     bytes_of(loop->peer_input, (size_t)got));
    /* The link itself may have answered, or have been broken. */
    wake(loop, peer);
}

void
peer_event(struct loop *loop, struct peer *peer, uint32_t events)
{
    if (peer->link == NULL) return; /* closed earlier in this turn */
    if (peer->link->state == LINK_BROKEN) {
        wake(loop, peer);
        return;
    }
    switch (peer->state) {
    case PEER_CONNECTING: connected(loop, peer); return;
    case PEER_LOOKING:
    case PEER_FAILED: return;
    case PEER_OPEN: break;
    }
    if (events & EPOLLOUT) {
        peer->is_full = false;
        wake(loop, peer);
    }
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) receive(loop, peer);
}

/* False: the connection is gone. */
static bool
send_some(struct peer *peer)
{
    struct bytes out = link_output(peer->link);
    ssize_t sent;

    if (out.size == 0) return true;
    sent = send(peer->source.fd, out.data, out.size, MSG_NOSIGNAL);
    if (sent < 0) {
        peer->is_full = true;
        return errno == EAGAIN || errno == EINTR || errno == ENOBUFS;
    }
    link_sent(peer->link, (size_t)sent);
    peer->is_full = (size_t)sent < out.size;
    return true;
}

static void
flush(struct loop *loop, struct peer *peer)
{
    bool is_broken = peer->link->state == LINK_BROKEN;
    uint32_t interest = EPOLLIN;
    bool is_there = true;

    if (peer->state == PEER_OPEN && (is_broken || !peer->is_full))
        is_there = send_some(peer);
    if (is_broken || !is_there) {
        peer_close(loop, peer);
        return;
    }
    if (peer->state != PEER_OPEN) return;
    if (peer->is_full) interest |= EPOLLOUT;
    if (UNLIKELY(interest != peer->interest) &&
        !watch(loop, peer, EPOLL_CTL_MOD, interest)) {
        peer_close(loop, peer);
    }
}

void
loops_bus_wake(struct loops *all, uint32_t worker, struct link *link)
{
    struct peer *peer = link->loop_data;

    /* NULL: woken while it is being made or closed; it is looked at then. */
    if (peer != NULL) wake(&all->loops[worker], peer);
}

/* ---- the turn ---- */

void
peer_flush_woken(struct loop *loop)
{
    struct peer *peer = loop->woken_peers;

    loop->woken_peers = NULL; /* those woken from here on: in the next turn */
    while (peer != NULL) {
        struct peer *next = peer->next_woken;

        peer->is_woken = false;
        peer->next_woken = NULL;
        if (peer->link != NULL) flush(loop, peer);
        peer = next;
    }
}

void
peer_close_failed(struct loop *loop)
{
    struct peer *peer, *next;

    loop->has_failed_peers = false;
    for (peer = loop->peers; peer != NULL; peer = next) {
        next = peer->next; /* new ones are put in front */
        if (peer->state == PEER_FAILED) peer_close(loop, peer);
    }
}

void
peer_tick(struct loop *loop)
{
    struct peer *peer, *next;

    for (peer = loop->peers; peer != NULL; peer = next) {
        next = peer->next;
        if (peer->state == PEER_OPEN || loop->now_ms < peer->late_ms) continue;
        if (peer->state == PEER_CONNECTING) try_next(loop, peer);
        if (peer->state == PEER_LOOKING) fail(loop, peer);
    }
}

void
peer_close_all(struct loop *loop)
{
    loop->is_over = true;
    while (loop->peers != NULL)
        peer_close(loop, loop->peers);
}

void
peer_bury(struct loop *loop)
{
    struct peer *peer, *next, *kept = NULL;

    for (peer = loop->dead_peers; peer != NULL; peer = next) {
        next = peer->next_dead;
        if (peer->is_woken) { /* the list of woken ones still has it */
            peer->next_dead = kept;
            kept = peer;
            continue;
        }
        mem_free(peer);
    }
    loop->dead_peers = kept;
}
