/*
 * Worker 0 is the calling thread; the others are started by loops_run and
 * joined before it returns. What they share: the listeners (constant while
 * they run), the stop flag, each other's inboxes and connection counts.
 *
 * Stop: the flag is raised and all inboxes are rung. Each worker leaves the
 * listeners, closes what has nothing to send, and waits at most
 * LOOP_FLUSH_MS for the rest.
 */
#include "os/loop_inside.h"

#include "base/err.h"
#include "base/memory.h"
#include "os/batch.h"
#include "os/clock.h"
#include "os/crash.h"
#include "os/signals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static void
loop_deinit(struct loop *loop)
{
    batch_free(loop->batch);
    inbox_deinit(&loop->inbox);
    if (loop->epoll_fd >= 0) (void)close(loop->epoll_fd);
    mem_free(loop->input);
    mem_free(loop->peer_input);
    mem_free(loop->load);
}

static bool
watch(struct loop *loop, struct source *source)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};

    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) == 0;
}

static int
loop_init(struct loop *loop, struct loops *all, uint32_t index)
{
    loop->all = all;
    loop->index = index;
    loop->now_ms = clock_mono_ms();
    loop->input = mem_must(LOOP_INPUT_BYTES);
    loop->load = mem_must(sizeof(*loop->load));
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (inbox_init(&loop->inbox) != ERR_OK || loop->epoll_fd < 0) {
        return ERR_SYSTEM;
    }
    loop->inbox_source = (struct source){SOURCE_INBOX, loop->inbox.event_fd};
    return watch(loop, &loop->inbox_source) ? ERR_OK : ERR_SYSTEM;
}

/* For comparing the two by measurement and for tests of both. */
static bool
is_plain(void)
{
    const char *choice = getenv("KULA_LOOP");

    return choice != NULL && !strcmp(choice, "epoll");
}

/* Called by the resolver's thread. */
static void
ring(void *self, uint32_t worker)
{
    struct loops *all = self;

    inbox_ring(&all->loops[worker].inbox);
}

int
loops_new(struct loops **out, uint32_t worker_count,
          const struct loop_hooks *hooks)
{
    struct loops *all = mem_must_zero(sizeof(*all));
    size_t size = worker_count * sizeof(struct loop);
    uint32_t i;

    ASSERT(worker_count >= 1 && worker_count <= LOOP_WORKERS_MAX);
    *out = NULL;
    all->hooks = *hooks;
    all->has_batches = !is_plain() && batch_is_possible();
    all->loops = mem_try_aligned(size, _Alignof(struct loop));
    ASSERT(all->loops != NULL);
    memset(all->loops, 0, size);
    atomic_store(&all->keepalive_s, LOOP_KEEPALIVE_S);
    all->resolver = resolver_new(worker_count, ring, all);
    for (i = 0; i < worker_count; i++) {
        int err = loop_init(&all->loops[i], all, i);

        all->worker_count = i + 1;
        if (err == ERR_OK) continue;
        loops_free(all);
        return err;
    }
    *out = all;
    return ERR_OK;
}

static void
close_listeners(struct loops *all)
{
    uint32_t i;

    for (i = 0; i < all->listening_count; i++) {
        (void)close(all->listening[i].source.fd);
    }
    all->listening_count = 0;
}

void
loops_free(struct loops *all)
{
    uint32_t i;

    if (all == NULL) return;
    resolver_free(all->resolver);
    for (i = 0; i < all->worker_count; i++)
        loop_deinit(&all->loops[i]);
    close_listeners(all);
    mem_free(all->loops);
    mem_free(all);
}

int
loops_listen(struct loops *all, const struct socket_listener *listener)
{
    struct listening *listening;

    if (all->listening_count == SOCKET_LISTENERS_MAX) return ERR_LIMIT;
    listening = &all->listening[all->listening_count++];
    listening->listener = *listener;
    listening->source = (struct source){SOURCE_LISTENER, listener->fd};
    return ERR_OK;
}

const char *
loops_api(const struct loops *all)
{
    return all->has_batches ? "io_uring" : "epoll";
}

static void
serve_until_stopped(struct loop *loop)
{
    if (loop->all->has_batches) loop->batch = batch_new();
    turn_listen(loop, true);
    loop->now_ms = clock_mono_ms();
    loop->next_tick_ms = loop->now_ms;
    while (!loop->is_stopping ||
           (loop->conns != NULL && loop->now_ms < loop->stop_by_ms)) {
        turn_run(loop);
    }
    while (loop->conns != NULL)
        conn_close(loop, loop->conns);
    peer_close_all(loop);
    inbox_close(&loop->inbox);
}

/* The lists refer to what is freed here: last, and with no events left. */
static void
sweep(struct loop *loop)
{
    struct conn *conn;
    struct peer *peer;

    for (conn = loop->woken; conn != NULL; conn = conn->next_woken) {
        conn->is_woken = false;
    }
    loop->woken = NULL;
    conn_bury(loop);
    for (peer = loop->woken_peers; peer != NULL; peer = peer->next_woken) {
        peer->is_woken = false;
    }
    loop->woken_peers = NULL;
    peer_bury(loop);
}

static void *
thread_main(void *argument)
{
    struct loop *loop = argument;

    crash_thread_begin();
    signals_block();
    serve_until_stopped(loop);
    crash_thread_end();
    return NULL;
}

static int
start_threads(struct loops *all, uint32_t *started)
{
    for (*started = 1; *started < all->worker_count; ++*started) {
        struct loop *loop = &all->loops[*started];
        int code = pthread_create(&loop->thread, NULL, thread_main, loop);

        if (code == 0) continue;
        errno = code;
        return ERR_SYSTEM;
    }
    return ERR_OK;
}

int
loops_run(struct loops *all, struct node *node, int signal_fd)
{
    struct loop *first = &all->loops[0];
    uint32_t started = 1, i;
    int err = ERR_OK, kept;

    all->node = node;
    for (i = 0; i < all->worker_count; i++) {
        all->loops[i].worker = node_worker(node, i);
    }
    first->signal_source = (struct source){SOURCE_SIGNALS, signal_fd};
    if (!watch(first, &first->signal_source)) err = ERR_SYSTEM;
    if (err == ERR_OK) err = start_threads(all, &started);
    kept = errno;
    if (err != ERR_OK) loops_stop(all);
    serve_until_stopped(first);
    for (i = 1; i < started; i++) {
        (void)pthread_join(all->loops[i].thread, NULL);
    }
    for (i = 0; i < all->worker_count; i++)
        sweep(&all->loops[i]);
    /* The next server may start while this one frees its keys. */
    close_listeners(all);
    errno = kept;
    return err;
}

void
loops_stop(struct loops *all)
{
    uint32_t i;

    atomic_store(&all->is_stopping, true);
    for (i = 0; i < all->worker_count; i++)
        inbox_ring(&all->loops[i].inbox);
}

void
loops_keepalive(struct loops *all, int64_t seconds)
{
    uint32_t i;

    atomic_store(&all->keepalive_s, seconds);
    for (i = 0; i < all->listening_count; i++) {
        if (all->listening[i].listener.is_unix) continue;
        socket_keepalive(all->listening[i].source.fd, seconds);
    }
}

bool
loops_post(struct loops *all, uint32_t to, struct message *message)
{
    ASSERT(to < all->worker_count);
    return inbox_put_message(&all->loops[to].inbox, message);
}

void
loops_wake(struct loops *all, uint32_t worker, struct session *session)
{
    struct loop *loop = &all->loops[worker];
    struct conn *conn = session->loop_data;

    /* NULL: woken while it is being opened or closed; it is looked at then. */
    if (conn == NULL || conn->is_woken) return;
    conn->is_woken = true;
    conn->next_woken = loop->woken;
    loop->woken = conn;
}
