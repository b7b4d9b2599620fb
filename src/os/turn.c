/*
 * One turn: a single wait for many events, one reading of the clock, then
 * whatever is ready; at the end those whose state changed from elsewhere, and
 * what all of them have written to other nodes.
 */
#include "os/loop_inside.h"

#include "base/log_line.h"
#include "os/batch.h"
#include "os/clock.h"
#include "os/signals.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

void
turn_listen(struct loop *loop, bool is_on)
{
    struct loops *all = loop->all;
    uint32_t i;

    if (loop->is_listening == is_on) return;
    loop->is_listening = is_on;
    for (i = 0; i < all->listening_count; i++) {
        /* Exclusive: a new connection wakes one idle worker, not all. */
        struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE,
                                    .data.ptr = &all->listening[i]};

        (void)epoll_ctl(loop->epoll_fd, is_on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
                        all->listening[i].source.fd, &event);
    }
}

static _Atomic uint32_t *
counter(struct loop *loop, bool is_bus)
{
    return is_bus ? &loop->peer_count : &loop->conn_count;
}

/* The worker with the fewest connections of the kind; on a tie this one. */
static struct loop *
pick_worker(struct loop *loop, bool is_bus)
{
    struct loop *best = loop;
    uint32_t least = atomic_load(counter(loop, is_bus)), i;

    for (i = 0; i < loop->all->worker_count; i++) {
        struct loop *other = &loop->all->loops[i];
        uint32_t count = atomic_load(counter(other, is_bus));

        if (count >= least) continue;
        least = count;
        best = other;
    }
    return best;
}

static void
open_arrival(struct loop *loop, const struct arrival *arrival)
{
    if (arrival->listener->is_bus) {
        peer_accept(loop, arrival);
    } else {
        conn_open(loop, arrival);
    }
}

static void
accept_some(struct loop *loop, const struct listening *listening)
{
    struct arrival arrival = {.listener = &listening->listener};
    bool is_bus = listening->listener.is_bus;
    uint32_t i;

    for (i = 0; i < LOOP_ACCEPTS_MAX; i++) {
        struct loop *target;

        arrival.fd = socket_accept(listening->source.fd, &arrival.peer);
        if (arrival.fd < 0 && errno == ECONNABORTED) continue;
        if (arrival.fd < 0) break;
        target = pick_worker(loop, is_bus);
        atomic_fetch_add(counter(target, is_bus), 1);
        if (target != loop && inbox_put_arrival(&target->inbox, &arrival)) {
            continue;
        }
        if (target != loop) { /* its inbox is full */
            atomic_fetch_sub(counter(target, is_bus), 1);
            atomic_fetch_add(counter(loop, is_bus), 1);
        }
        open_arrival(loop, &arrival);
    }
    if (i == LOOP_ACCEPTS_MAX || errno == EAGAIN || errno == EINTR) return;
    /* Out of descriptors or memory: the listener stays readable, so look away
     * until the next tick instead of spinning. */
    if (loop->complained_ms == 0 ||
        loop->now_ms - loop->complained_ms >= LOOP_COMPLAINT_MS) {
        loop->complained_ms = loop->now_ms;
        log_line(LOG_LEVEL_WARNING, "cannot accept a connection: %s",
                 strerror(errno));
    }
    turn_listen(loop, false);
}

static void
empty_inbox(struct loop *loop)
{
    struct message *message;
    uint32_t i;

    inbox_take(&loop->inbox, loop->load);
    message = loop->load->first;
    while (message != NULL) {
        struct message *next = *message_link(message);

        worker_deliver(loop->worker, message);
        message = next;
    }
    for (i = 0; i < loop->load->arrival_count; i++) {
        open_arrival(loop, &loop->load->arrivals[i]);
    }
    peer_answers(loop);
}

static void
read_signals(struct loop *loop)
{
    int number;

    while ((number = signals_next(loop->signal_source.fd)) != 0) {
        loop->all->hooks.signalled(loop->all->hooks.self, number);
    }
}

static void
serve_conn(struct loop *loop, struct conn *conn, uint32_t events)
{
    if (conn->session == NULL) return; /* closed earlier in this turn */
    if ((events & (EPOLLERR | EPOLLHUP)) && !(conn->interest & EPOLLIN)) {
        /* Nobody is at the other end, and nothing more will be read. */
        conn_close(loop, conn);
        return;
    }
    if (events & EPOLLOUT) {
        conn_writable(loop, conn);
        if (conn->session == NULL || !(conn->interest & EPOLLIN)) return;
    }
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) conn_readable(loop, conn);
}

/* True if the batch will serve it. */
static bool
join_batch(struct loop *loop, struct conn *conn, uint32_t events)
{
    if (loop->batch == NULL || events != EPOLLIN || conn->is_bulky)
        return false;
    if (conn->session == NULL || conn->session->wants_more) return false;
    return batch_add(loop->batch, conn);
}

static void
serve(struct loop *loop, const struct epoll_event *event)
{
    struct source *source = event->data.ptr;

    switch (source->type) {
    case SOURCE_CONN:
        if (!join_batch(loop, event->data.ptr, event->events)) {
            serve_conn(loop, event->data.ptr, event->events);
        }
        break;
    case SOURCE_PEER: peer_event(loop, event->data.ptr, event->events); break;
    case SOURCE_LISTENER: accept_some(loop, event->data.ptr); break;
    case SOURCE_INBOX: empty_inbox(loop); break;
    case SOURCE_SIGNALS: read_signals(loop); break;
    }
}

/* One more go for each session that has whole commands left. */
static void
run_backlog(struct loop *loop)
{
    const struct session *first = NULL;
    struct session *session;
    uint32_t i;

    for (i = 0; i < LOOP_EVENTS_MAX; i++) {
        session = worker_next_backlog(loop->worker);
        if (session == NULL || session == first) return;
        if (first == NULL) first = session;
        conn_continue(loop, session->loop_data);
    }
}

static bool
is_many(const struct conn *conn)
{
    uint32_t count = 0;

    for (; conn != NULL && count < BATCH_LEAST; conn = conn->next_woken)
        count++;
    return count == BATCH_LEAST;
}

static void
run_woken(struct loop *loop)
{
    struct conn *conn = loop->woken;

    loop->woken = NULL; /* those woken from here on: in the next turn */
    if (loop->batch != NULL && !loop->is_stopping && is_many(conn)) {
        batch_run_woken(loop, conn);
        return;
    }
    while (conn != NULL) {
        struct conn *next = conn->next_woken;

        conn->is_woken = false;
        conn->next_woken = NULL;
        if (conn->session != NULL) conn_continue(loop, conn);
        conn = next;
    }
}

static void
tick(struct loop *loop)
{
    struct loops *all = loop->all;

    loop->next_tick_ms = loop->now_ms + LOOP_TICK_MS;
    if (loop->index == 0) {
        atomic_store_explicit(&all->rss_bytes,
                              all->hooks.ticked(all->hooks.self),
                              memory_order_relaxed);
    }
    worker_tick(loop->worker,
                atomic_load_explicit(&all->rss_bytes, memory_order_relaxed));
    peer_tick(loop);
    if (!loop->is_stopping) turn_listen(loop, true);
}

/* From now on only what is still to be sent. */
static void
begin_stop(struct loop *loop)
{
    struct conn *conn, *next;

    loop->is_stopping = true;
    loop->stop_by_ms = loop->now_ms + LOOP_FLUSH_MS;
    turn_listen(loop, false);
    for (conn = loop->conns; conn != NULL; conn = next) {
        next = conn->next;
        if (!conn->is_full) {
            conn_close(loop, conn);
        } else {
            (void)conn_settle(loop, conn);
        }
    }
}

static int
wait_ms(const struct loop *loop)
{
    int64_t until = loop->next_tick_ms;
    int64_t deadline = worker_deadline_ms(loop->worker);

    if (loop->woken != NULL || loop->woken_peers != NULL) return 0;
    if (loop->has_failed_peers) return 0;
    if (worker_has_backlog(loop->worker) && !loop->is_stopping) return 0;
    if (deadline < until) until = deadline;
    return until > loop->now_ms ? (int)(until - loop->now_ms) : 0;
}

void
turn_run(struct loop *loop)
{
    struct epoll_event events[LOOP_EVENTS_MAX];
    int count, i;

    /* Workers seldom have a core each: whoever waits for this one, clients
     * perhaps, may run first, so that a wait brings more at once. */
    if (loop->is_busy && loop->all->worker_count > 1) (void)sched_yield();
    count = epoll_wait(loop->epoll_fd, events, LOOP_EVENTS_MAX, wait_ms(loop));
    loop->is_busy = count > 0;
    loop->now_ms = clock_mono_ms();
    worker_turn(loop->worker, loop->now_ms, clock_wall_us());
    if (loop->has_failed_peers) peer_close_failed(loop);
    for (i = 0; i < count; i++)
        serve(loop, &events[i]);
    if (loop->batch != NULL) batch_run(loop);
    if (worker_has_backlog(loop->worker) && !loop->is_stopping)
        run_backlog(loop);
    if (loop->now_ms >= loop->next_tick_ms) tick(loop);
    worker_turn_end(loop->worker);
    /* Sessions first: what they have to tell other nodes goes along. */
    if (loop->woken != NULL) run_woken(loop);
    if (loop->woken_peers != NULL) peer_flush_woken(loop);
    if (UNLIKELY(atomic_load_explicit(&loop->all->is_stopping,
                                      memory_order_relaxed)) &&
        !loop->is_stopping) {
        begin_stop(loop);
    }
    if (loop->dead != NULL) conn_bury(loop);
    if (loop->dead_peers != NULL) peer_bury(loop);
}
