/*
 * The generator has one core and must leave the server as the bottleneck, so
 * it does little per request: a request is copied from literals, digits and
 * the value pool; a reply is a search for a line end and a jump over the body.
 * One receive buffer serves all connections and stays in the cache.
 *
 *   fill: ops[] drawn, bytes built --> send --> wait --> receive, match each
 *    ^                                            reply with its op
 *    +--------------- last op of the batch answered ----------+
 *
 * With a rate, batches fall due at fixed times, whatever the server does, and
 * the first idle connection takes the next. Latency is counted from the due
 * time: a server that stalls is charged for all who would have waited.
 */
#include "engine.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define RECEIVE_BYTES (256u << 10)
#define EVENTS_MAX 256
#define SILENCE_MS 10000
#define SILENCE_NS ((uint64_t)SILENCE_MS * 1000000u)

struct op {
    uint32_t key;
    bool is_set, is_scan;
};

struct conn {
    int fd;
    bool is_blocked;            /* out has bytes that the socket did not take */
    uint32_t op_count, op_next; /* batch under way; equal: idle */
    uint32_t missed_count;
    uint64_t since_ns; /* when the batch was sent, or was due */
    struct op *ops;    /* pipeline_max of them */
    uint32_t *missed;  /* keys to SET next, pipeline_max of them */
    char *out;
    size_t out_len, out_sent;
    struct wire_parser parser;
};

struct engine {
    struct engine_spec spec;
    struct keys_pool pool;
    struct conn *conns;
    int epoll_fd;
    char *received;

    /* The present run. */
    const struct engine_run *run;
    struct engine_result *result;
    uint64_t start_ns, drawn;
    uint64_t heard_ns;   /* when a reply came last */
    uint32_t busy_count; /* connections with a batch under way */
    uint32_t idle_from;  /* where to look for an idle one */
    bool is_over;        /* nothing new is drawn */
};

static uint64_t
clock_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool
complain_silence(void)
{
    fprintf(stderr, "kula-load: no reply for %d ms\n", SILENCE_MS);
    return false;
}

static bool
complain(const char *what)
{
    fprintf(stderr, "kula-load: %s: %s\n", what, strerror(errno));
    return false;
}

static bool
conn_open(struct engine *engine, struct conn *conn)
{
    const struct engine_spec *spec = &engine->spec;
    const struct sockaddr *address = (const struct sockaddr *)&spec->address;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    size_t batch = spec->pipeline_max;
    int on = 1;

    conn->ops = calloc(batch, sizeof(*conn->ops));
    conn->missed = calloc(batch, sizeof(*conn->missed));
    conn->out = malloc(
        batch * (WIRE_REQUEST_BYTES_MAX + (size_t)spec->value_bytes_max));
    if (conn->ops == NULL || conn->missed == NULL || conn->out == NULL) {
        return complain("connection");
    }
    wire_parser_init(&conn->parser, spec->protocol);

    conn->fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (conn->fd < 0) return complain("socket");
    if (connect(conn->fd, address, spec->address_len) != 0) {
        return complain("connect");
    }
    if (address->sa_family != AF_UNIX) {
        setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    if (epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, conn->fd, &event) != 0) {
        return complain("epoll_ctl");
    }
    return true;
}

struct engine *
engine_new(const struct engine_spec *spec)
{
    struct engine *engine = calloc(1, sizeof(*engine));
    uint32_t i, pool_bytes = spec->value_bytes_max;

    /* What others stored may be longer than what is sent now. */
    if (spec->verifies) pool_bytes = KEYS_VALUE_BYTES_MAX;

    assert(spec->pipeline_max > 0 && spec->connection_count > 0);
    if (engine == NULL) return NULL;
    engine->spec = *spec;
    engine->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    engine->received = malloc(RECEIVE_BYTES);
    engine->conns = calloc(spec->connection_count, sizeof(*engine->conns));
    if (engine->conns != NULL) {
        for (i = 0; i < spec->connection_count; i++) {
            engine->conns[i].fd = -1;
        }
    }
    if (engine->epoll_fd < 0 || engine->received == NULL ||
        engine->conns == NULL || !keys_pool_init(&engine->pool, pool_bytes)) {
        complain("start");
        goto fail;
    }
    for (i = 0; i < spec->connection_count; i++) {
        if (!conn_open(engine, &engine->conns[i])) goto fail;
    }
    return engine;
fail:
    engine_free(engine);
    return NULL;
}

void
engine_free(struct engine *engine)
{
    uint32_t i;

    if (engine == NULL) return;
    for (i = 0; engine->conns != NULL && i < engine->spec.connection_count;
         i++) {
        struct conn *conn = &engine->conns[i];

        if (conn->fd >= 0) close(conn->fd);
        free(conn->ops);
        free(conn->missed);
        free(conn->out);
    }
    if (engine->epoll_fd >= 0) close(engine->epoll_fd);
    keys_pool_deinit(&engine->pool);
    free(engine->conns);
    free(engine->received);
    free(engine);
}

static void
put_op(struct engine *engine, struct conn *conn, struct op op)
{
    const struct engine_run *run = engine->run;
    char *out = conn->out + conn->out_len;
    uint32_t bytes = run->value_bytes_min;
    uint32_t spread = run->value_bytes_max - run->value_bytes_min;

    assert(conn->op_count < engine->spec.pipeline_max);
    conn->ops[conn->op_count++] = op;
    if (!op.is_set) {
        conn->out_len += wire_put_get(engine->spec.protocol, out, op.key);
        return;
    }
    if (spread > 0) bytes += keys_random(run->keys, spread + 1);
    conn->out_len += wire_put_set(engine->spec.protocol, out, op.key,
                                  keys_value(&engine->pool, op.key), bytes);
    engine->result->value_bytes_sent += bytes;
}

/* Whether another request may be drawn. */
static bool
may_draw(struct engine *engine)
{
    const struct engine_run *run = engine->run;

    if (run->request_limit > 0 && engine->drawn >= run->request_limit) {
        engine->is_over = true;
    }
    return !engine->is_over;
}

/* Builds the next batch; it stays empty when the run is over. */
static void
conn_fill(struct engine *engine, struct conn *conn)
{
    const struct engine_run *run = engine->run;
    uint32_t i, percent = run->get_percent;

    assert(conn->op_next == conn->op_count && conn->out_sent == conn->out_len);
    conn->op_count = conn->op_next = 0;
    conn->out_len = conn->out_sent = 0;
    for (i = 0; i < conn->missed_count; i++) {
        put_op(engine, conn, (struct op){conn->missed[i], true, false});
    }
    conn->missed_count = 0;
    while (conn->op_count < run->pipeline && may_draw(engine)) {
        struct op op = {0};

        op.key = keys_next(run->keys, &op.is_scan);
        op.is_set = percent == 0 ||
                    (percent < 100 && keys_random(run->keys, 100) >= percent);
        engine->drawn++;
        put_op(engine, conn, op);
    }
}

static bool
conn_watch(struct engine *engine, struct conn *conn, bool is_blocked)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};

    if (is_blocked == conn->is_blocked) return true;
    if (is_blocked) event.events |= EPOLLOUT;
    conn->is_blocked = is_blocked;
    if (epoll_ctl(engine->epoll_fd, EPOLL_CTL_MOD, conn->fd, &event) != 0) {
        return complain("epoll_ctl");
    }
    return true;
}

static bool
conn_send(struct engine *engine, struct conn *conn)
{
    while (conn->out_sent < conn->out_len) {
        ssize_t sent =
            send(conn->fd, conn->out + conn->out_sent,
                 conn->out_len - conn->out_sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) break;
        if (sent < 0) return complain("send");
        conn->out_sent += (size_t)sent;
    }
    return conn_watch(engine, conn, conn->out_sent < conn->out_len);
}

/* Starts the next batch of an idle connection, if there is one. */
static bool
conn_start(struct engine *engine, struct conn *conn, uint64_t since_ns)
{
    conn_fill(engine, conn);
    if (conn->op_count == 0) return true;
    engine->busy_count++;
    conn->since_ns = since_ns;
    return conn_send(engine, conn);
}

static void
count_reply(struct engine *engine, struct conn *conn, const struct op *op)
{
    struct engine_result *result = engine->result;
    enum wire_outcome outcome = conn->parser.outcome;
    bool is_hit = outcome == WIRE_HIT;

    if (outcome == WIRE_ERROR && result->errors++ == 0) {
        memcpy(result->first_error, conn->parser.line,
               sizeof(result->first_error));
    }
    if (op->is_set) {
        result->sets++;
        return;
    }
    result->gets++;
    if (is_hit) result->hits++;
    if (op->is_scan) {
        result->scan_gets++;
        if (is_hit) result->scan_hits++;
    }
    if (outcome == WIRE_MISS && engine->run->is_cache_aside) {
        conn->missed[conn->missed_count++] = op->key;
    }
}

/* Matches what came with the batch; false if it is not what was asked for. */
static bool
take_replies(struct engine *engine, struct conn *conn, size_t len,
             uint32_t *taken)
{
    struct wire_parser *parser = &conn->parser;
    const char *data = engine->received;
    uint32_t first = conn->op_next;

    while (len > 0 && conn->op_next < conn->op_count) {
        const struct op *op = &conn->ops[conn->op_next];
        size_t used;

        if (engine->spec.verifies && !parser->has_body) {
            parser->expected = keys_value(&engine->pool, op->key);
        }
        used = wire_feed(parser, data, len);
        data += used;
        len -= used;
        if (parser->is_broken) break;
        if (!parser->is_complete) continue;
        count_reply(engine, conn, op);
        conn->op_next++;
    }
    *taken = conn->op_next - first;
    if (len == 0 && !parser->is_broken) return true;
    fprintf(stderr, "kula-load: a reply that belongs to no request\n");
    return false;
}

static bool
conn_receive(struct engine *engine, struct conn *conn)
{
    ssize_t got = recv(conn->fd, engine->received, RECEIVE_BYTES, MSG_DONTWAIT);
    uint64_t now_ns;
    uint32_t taken;

    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (got < 0) return complain("receive");
    if (got == 0) {
        fprintf(stderr, "kula-load: the server closed a connection\n");
        return false;
    }
    if (!take_replies(engine, conn, (size_t)got, &taken)) return false;
    if (taken == 0) return true;

    now_ns = clock_now_ns();
    engine->heard_ns = now_ns;
    hist_add(&engine->result->latency, now_ns - conn->since_ns, taken);
    if (conn->op_next < conn->op_count) return true;

    engine->busy_count--;
    if (engine->run->time_limit_ns > 0 &&
        now_ns - engine->start_ns >= engine->run->time_limit_ns) {
        engine->is_over = true;
    }
    if (engine->run->rate > 0 && !engine->is_over) return true;
    return conn_start(engine, conn, now_ns);
}

/* With a rate: starts all batches that are due and find an idle connection. */
static bool
start_due(struct engine *engine)
{
    const struct engine_run *run = engine->run;
    uint32_t count = engine->spec.connection_count;
    uint64_t now_ns = clock_now_ns();

    if (run->time_limit_ns > 0 &&
        now_ns - engine->start_ns >= run->time_limit_ns) {
        engine->is_over = true;
    }
    if (engine->busy_count == 0) engine->heard_ns = now_ns;
    if (now_ns - engine->heard_ns > SILENCE_NS) return complain_silence();
    while (engine->busy_count < count && may_draw(engine)) {
        double due = (double)engine->drawn * 1e9 / (double)run->rate;
        uint64_t due_ns = engine->start_ns + (uint64_t)due;
        struct conn *conn;

        if (due_ns > now_ns) break;
        do {
            conn = &engine->conns[engine->idle_from];
            engine->idle_from = (engine->idle_from + 1) % count;
        } while (conn->op_next < conn->op_count);
        if (!conn_start(engine, conn, due_ns)) return false;
    }
    return true;
}

static bool
start_all(struct engine *engine)
{
    uint32_t i;

    for (i = 0; i < engine->spec.connection_count; i++) {
        struct conn *conn = &engine->conns[i];

        if (!conn_start(engine, conn, clock_now_ns())) return false;
    }
    return true;
}

/* One turn of the loop. */
static bool
serve_events(struct engine *engine, int wait_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int i, count = epoll_wait(engine->epoll_fd, events, EVENTS_MAX, wait_ms);

    if (count < 0 && errno != EINTR) return complain("epoll_wait");
    if (count == 0 && wait_ms > 0) return complain_silence();
    for (i = 0; i < count; i++) {
        struct conn *conn = events[i].data.ptr;

        if (conn->is_blocked && (events[i].events & EPOLLOUT) != 0 &&
            !conn_send(engine, conn)) {
            return false;
        }
        if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0 &&
            !conn_receive(engine, conn)) {
            return false;
        }
    }
    return true;
}

bool
engine_run(struct engine *engine, const struct engine_run *run,
           struct engine_result *result)
{
    uint32_t i;

    assert(run->pipeline > 0 && run->pipeline <= engine->spec.pipeline_max);
    assert(run->request_limit > 0 || run->time_limit_ns > 0);
    memset(result, 0, sizeof(*result));
    engine->run = run;
    engine->result = result;
    engine->drawn = 0;
    engine->is_over = false;
    engine->start_ns = engine->heard_ns = clock_now_ns();

    if (run->rate == 0 && !start_all(engine)) return false;
    while (engine->busy_count > 0 || (run->rate > 0 && !engine->is_over)) {
        /* With a rate it spins: a sleep would end late. */
        if (run->rate > 0 && !start_due(engine)) return false;
        if (!serve_events(engine, run->rate > 0 ? 0 : SILENCE_MS)) {
            return false;
        }
    }
    result->elapsed_ns = clock_now_ns() - engine->start_ns;
    for (i = 0; i < engine->spec.connection_count; i++) {
        result->mismatches += engine->conns[i].parser.mismatch_count;
        engine->conns[i].parser.mismatch_count = 0;
    }
    return true;
}
