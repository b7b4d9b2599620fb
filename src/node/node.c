/*
 * A worker keeps its sessions in one list, in the order of their opening, and
 * those that have whole commands left in a second one (the backlog), in which
 * each waits for its next turn behind the others.
 *
 * Waiting takes two forms, both counted, so that a turn without any costs
 * nothing: sleepers (an unfinished DEBUG SLEEP), and sessions that CLIENT
 * PAUSE holds back. Every tick looks after a tenth of the sessions: time-outs,
 * output limits, memory of the idle.
 */
#include "node/inside.h"

#include "base/memory.h"
#include "command/info.h"
#include "command/latency.h"
#include "command/multi.h"
#include "command/slowlog.h"
#include "coord/coord.h"
#include "node/report.h"

#include <limits.h>

enum {
    REPLY_ROOM_KEEP = 4 * 1024 * 1024, /* a larger reply buffer is freed */
    CARE_LEAST = 16, /* sessions looked after in a tick, at least */
    CARE_SHARE = 10, /* else a tenth: everybody once a second */
    IDLE_REST_MS = 2000,
    EXPIRE_BUDGET = 2048, /* tables looked through in a tick: all in 0.8 s */
};

static const char protected_text[] =
    "DENIED Redis is running in protected mode because protected mode is "
    "enabled and no password is set for the default user. In this mode "
    "connections are only accepted from the loopback interface. If you want "
    "to connect from external computers to Redis you may adopt one of the "
    "following solutions: 1) Just disable protected mode sending the command "
    "'CONFIG SET protected-mode no' from the loopback interface by connecting "
    "to Redis from the same host the server is running, however MAKE SURE "
    "Redis is not publicly accessible from internet if you do so. Use CONFIG "
    "REWRITE to make this change permanent. 2) Alternatively you can just "
    "disable the protected mode by editing the Redis configuration file, and "
    "setting the protected mode option to 'no', and then restarting the "
    "server. 3) If you started the server manually just for testing, restart "
    "it with the '--protected-mode no' option. 4) Setup a an authentication "
    "password for the default user. NOTE: You only need to do one of the "
    "above things in order for the server to start accepting connections from "
    "the outside.";

/* ---- what commands ask of the process ---- */

struct worker *
inside_worker(const struct cmd_call *call)
{
    struct node *node = call->env->shared->host_self;

    return &node->workers[call->env->worker];
}

static struct session *
session_of(const struct cmd_call *call)
{
    /* the client is the first member of its session */
    return (struct session *)(void *)call->client;
}

_Static_assert(offsetof(struct session, client) == 0, "see session_of");

void
inside_wake(struct worker *worker, struct session *session)
{
    const struct node_effects *effects = &worker->node->effects;

    effects->wake(effects->self, worker->index, session);
}

static void
host_monitor(struct cmd_call *call)
{
    struct worker *worker = inside_worker(call);

    struct session *session = session_of(call);
    uint32_t count = atomic_load(&worker->monitor_count);

    session->client.flags |= CLIENT_MONITOR;
    atomic_fetch_add(&call->env->shared->monitor_count, 1);
    if (session->is_monitor) return; /* a RESET before it in the same turn */
    session->is_monitor = true;
    worker->monitors = mem_must_array(worker->monitors, (size_t)count + 1,
                                      sizeof(struct session *));
    worker->monitors[count] = session;
    atomic_store(&worker->monitor_count, count + 1);
}

static void
host_sleep(struct cmd_call *call, int64_t until_ms)
{
    struct worker *worker = inside_worker(call);
    struct session *session = session_of(call);

    if (until_ms <= call->env->now_ms) return;
    if (session->sleep_until_ms == 0) worker->sleeper_count++;
    if (worker->sleeper_count == 1 || until_ms < worker->wake_ms)
        worker->wake_ms = until_ms;
    session->sleep_until_ms = until_ms;
    call->client->flags |= CLIENT_WAITING;
}

/* Those whom a pause, now over or softer, held back try again. */
static void
resume(struct worker *worker)
{
    struct session *session;

    if (worker->postponed_count == 0) return;
    worker->postponed_count = 0;
    for (session = worker->first; session != NULL; session = session->next) {
        if (!session->is_postponed) continue;
        session->is_postponed = false;
        inside_wake(worker, session);
    }
}

static void
host_pause(struct cmd_call *call, int64_t until_ms, bool only_writes)
{
    struct cmd_shared *shared = call->env->shared;
    struct worker *worker = inside_worker(call);
    uint32_t i;

    atomic_store(&shared->pause_only_writes, only_writes);
    atomic_store(&shared->pause_until_ms, until_ms);
    resume(worker);
    for (i = 0; i < worker->node->worker_count; i++) {
        struct message *message;

        if (i == worker->index) continue;
        message = mem_must_zero(sizeof(*message));
        message->kind = MESSAGE_RESUME;
        message->origin = worker->index;
        inside_post(worker, i, message);
    }
}

static void
host_shutdown(struct cmd_call *call)
{
    const struct node_effects *effects = &inside_worker(call)->node->effects;

    effects->shutdown(effects->self);
}

static const char *
host_config_rewrite(struct cmd_call *call)
{
    const struct node_effects *effects = &inside_worker(call)->node->effects;

    return effects->config_rewrite(effects->self);
}

static void
host_config_changed(struct cmd_call *call, enum setting id)
{
    const struct node_effects *effects = &inside_worker(call)->node->effects;

    effects->config_changed(effects->self, id);
}

static const struct cmd_host host = {
    .clients = clients_ask,
    .monitor = host_monitor,
    .pause = host_pause,
    .sleep = host_sleep,
    .shutdown = host_shutdown,
    .config_rewrite = host_config_rewrite,
    .config_changed = host_config_changed,
    .feed = monitor_feed,
    .ring = report_ring,
    .prefix = agreed_prefix,
};

/* ---- messages ---- */

struct message **
message_link(struct message *message)
{
    return &message->next;
}

void
message_free(struct message *message)
{
    if (message == NULL) return;
    clients_job_deinit(&message->clients);
    buf_deinit(&message->line);
    mem_free(message);
}

static bool
try_post(struct worker *worker, struct message *message)
{
    const struct node_effects *effects = &worker->node->effects;

    return effects->post(effects->self, worker->index, message->to, message);
}

void
inside_post(struct worker *worker, uint32_t to, struct message *message)
{
    struct message **last = &worker->outbox;

    message->to = to;
    message->next = NULL;
    if (worker->outbox == NULL && try_post(worker, message)) return;
    if (message->kind == MESSAGE_MONITOR) {
        message_free(message); /* a monitor may miss lines, not stop us */
        return;
    }
    while (*last != NULL)
        last = &(*last)->next;
    message->next = NULL;
    *last = message;
}

static void
post_again(struct worker *worker)
{
    while (worker->outbox != NULL) {
        struct message *message = worker->outbox, *next = message->next;

        message->next = NULL;
        if (!try_post(worker, message)) {
            message->next = next;
            return;
        }
        worker->outbox = next;
    }
}

void
worker_deliver(struct worker *worker, struct message *message)
{
    switch (message->kind) {
    case MESSAGE_CLIENTS:
        clients_deliver(worker, message); /* takes it */
        return;
    case MESSAGE_MONITOR:
        monitor_push(worker, buf_bytes(&message->line));
        break;
    case MESSAGE_RESUME: resume(worker); break;
    case MESSAGE_ROUSE: atomic_store(&worker->is_roused, false); break;
    }
    message_free(message);
}

/* ---- the node ---- */

struct node *
node_new(const struct node_config *config)
{
    struct node *node = mem_must_zero(sizeof(*node));
    size_t envs_bytes = config->worker_count * sizeof(struct cmd_env);
    uint32_t i;

    ASSERT(config->worker_count >= 1 && config->worker_count <= 64);
    cmd_table_init();
    node->effects = config->effects;
    node->worker_count = config->worker_count;
    node->shared.settings = config->settings;
    node->shared.store = store_new(&config->store);
    node->shared.slowlog = slowlog_new();
    node->shared.latency = latency_new();
    node->shared.host = &host;
    node->shared.host_self = node;
    node->shared.worker_count = config->worker_count;
    node->shared.envs = mem_try_aligned(envs_bytes, 64);
    ASSERT(node->shared.envs != NULL);
    memset(node->shared.envs, 0, envs_bytes);
    atomic_store(&node->shared.last_save_s, config->store.wall_ms / 1000);
    node->workers =
        mem_must_zero(config->worker_count * sizeof(*node->workers));
    for (i = 0; i < config->worker_count; i++) {
        struct worker *worker = &node->workers[i];

        worker->node = node;
        worker->index = i;
        worker->env = &node->shared.envs[i];
        cmd_env_init(worker->env, &node->shared, i);
        worker->env->wall_ms = config->store.wall_ms;
        worker->env->wall_us = (uint64_t)config->store.wall_ms * 1000;
        reply_init(&worker->reply);
    }
    if (config->ring != NULL) {
        node->ring = ring_new(node, config);
        ring_begin(node);
    }
    return node;
}

static void
worker_deinit(struct worker *worker)
{
    while (worker->first != NULL)
        worker_close(worker, worker->first);
    bus_free(worker);
    if (worker->coord != NULL) coord_free(worker->coord);
    while (worker->outbox != NULL) {
        struct message *next = worker->outbox->next;

        message_free(worker->outbox);
        worker->outbox = next;
    }
    mem_free(worker->monitors);
    reply_deinit(&worker->reply);
    cmd_env_deinit(worker->env);
}

void
node_free(struct node *node)
{
    uint32_t i;

    if (node == NULL) return;
    for (i = 0; i < node->worker_count; i++)
        worker_deinit(&node->workers[i]);
    ring_free(node->ring);
    store_free(node->shared.store);
    slowlog_free(node->shared.slowlog);
    latency_free(node->shared.latency);
    mem_free(node->shared.envs);
    mem_free(node->workers);
    mem_free(node);
}

struct cmd_shared *
node_shared(struct node *node)
{
    return &node->shared;
}

struct worker *
node_worker(struct node *node, uint32_t index)
{
    ASSERT(index < node->worker_count);
    return &node->workers[index];
}

uint64_t
node_client_count(const struct node *node)
{
    uint64_t count = 0;
    uint32_t i;

    for (i = 0; i < node->worker_count; i++)
        count += metric_get(&node->workers[i].env->metrics.clients_connected);
    return count;
}

/* ---- opening and closing ---- */

static bool
has_password(const struct worker *worker)
{
    struct client nobody = {0};

    return cmd_needs_auth(
        &(struct cmd_call){.env = worker->env, .client = &nobody});
}

static const char *
refuses(struct worker *worker, const struct open_info *info, bool is_guarded)
{
    const struct settings *settings = worker->env->shared->settings;

    if (node_client_count(worker->node) >=
        (uint64_t)settings_int(settings, SETTING_MAXCLIENTS)) {
        return "ERR max number of clients reached";
    }
    if (!is_guarded && !info->is_loopback && !info->is_unix &&
        settings_int(settings, SETTING_PROTECTED_MODE) != 0) {
        return protected_text;
    }
    return NULL;
}

static void
copy_address(char to[112], const char *from)
{
    size_t size = strlen(from);

    if (size > 111) size = 111;
    memcpy(to, from, size);
    to[size] = '\0';
}

struct session *
worker_open(struct worker *worker, const struct open_info *info,
            const char **refusal)
{
    struct cmd_env *env = worker->env;
    bool is_guarded = has_password(worker);
    struct session *session;

    metric_add(&env->metrics.connections_received, 1);
    *refusal = refuses(worker, info, is_guarded);
    if (*refusal != NULL) {
        metric_add(&env->metrics.connections_rejected, 1);
        return NULL;
    }
    session = mem_try(sizeof(*session));
    if (session == NULL) {
        *refusal = "ERR out of memory";
        return NULL;
    }
    session_init(session, env);
    session->client.fd = info->fd;
    if (info->is_unix) session->client.flags |= CLIENT_UNIX;
    if (!is_guarded) session->client.flags |= CLIENT_AUTHENTICATED;
    copy_address(session->client.address, info->address);
    copy_address(session->client.local_address, info->local_address);
    session->prev = worker->last;
    if (worker->last != NULL) worker->last->next = session;
    if (worker->last == NULL) worker->first = session;
    worker->last = session;
    worker->session_count++;
    metric_add(&env->metrics.clients_connected, 1);
    return session;
}

static void
backlog_remove(struct worker *worker, struct session *session)
{
    if (!session->is_in_backlog) return;
    if (session->backlog_prev != NULL) {
        session->backlog_prev->backlog_next = session->backlog_next;
    } else {
        worker->backlog = session->backlog_next;
    }
    if (session->backlog_next != NULL) {
        session->backlog_next->backlog_prev = session->backlog_prev;
    } else {
        worker->backlog_end = session->backlog_prev;
    }
    session->backlog_next = session->backlog_prev = NULL;
    session->is_in_backlog = false;
}

static void
backlog_add(struct worker *worker, struct session *session)
{
    if (session->is_in_backlog) return;
    session->backlog_prev = worker->backlog_end;
    if (worker->backlog_end != NULL) {
        worker->backlog_end->backlog_next = session;
    } else {
        worker->backlog = session;
    }
    worker->backlog_end = session;
    session->is_in_backlog = true;
}

/* RESET and the end of the connection end monitoring. */
static void
drop_monitor(struct worker *worker, struct session *session)
{
    uint32_t last = atomic_load(&worker->monitor_count) - 1, i = 0;

    session->is_monitor = false;
    while (worker->monitors[i] != session)
        i++;
    worker->monitors[i] = worker->monitors[last];
    atomic_store(&worker->monitor_count, last);
}

void
worker_close(struct worker *worker, struct session *session)
{
    struct metrics *metrics = &worker->env->metrics;

    if (worker->bus != NULL) ring_session_closed(worker, session);
    if (worker->env->router != NULL) {
        worker->env->router->forget(worker->env->router->self,
                                    &session->client);
    }
    if (session->is_monitor) drop_monitor(worker, session);
    if (session->client.flags & CLIENT_MONITOR)
        atomic_fetch_sub(&worker->env->shared->monitor_count, 1);
    if (session->sleep_until_ms != 0) worker->sleeper_count--;
    if (session->is_postponed) worker->postponed_count--;
    backlog_remove(worker, session);
    if (worker->current == session) {
        worker->current = NULL;
        worker->reply.out.used = 0;
    }
    if (worker->cursor == session) worker->cursor = session->next;
    if (session->prev != NULL) session->prev->next = session->next;
    if (session->prev == NULL) worker->first = session->next;
    if (session->next != NULL) session->next->prev = session->prev;
    if (session->next == NULL) worker->last = session->prev;
    worker->session_count--;
    metric_add(&metrics->clients_connected, (uint64_t)-1);
    metric_add(&metrics->client_buffers_bytes,
               0 - (session->client.query_room + session->client.out_room));
    session_deinit(session);
    mem_free(session);
}

/* ---- bytes ---- */

void
worker_expect(struct worker *worker, const struct expected_input *inputs,
              uint32_t count)
{
    const struct store *store = worker->env->shared->store;
    struct store_key keys[WORKER_EXPECT_MAX];
    uint32_t key_count = 0, i;

    for (i = 0; i < count && key_count < WORKER_EXPECT_MAX; i++) {
        const struct session *session = inputs[i].session;
        struct bytes key;

        if (session->query.used > 0) continue; /* the middle of a command */
        if (!resp_peek_key(inputs[i].data, inputs[i].size, &key)) continue;
        keys[key_count] = store_key(store, session->client.db, key);
        store_prefetch_slot(store, &keys[key_count++]);
    }
    for (i = 0; i < key_count; i++)
        store_prefetch_bucket(store, &keys[i]);
    for (i = 0; i < key_count; i++)
        store_prefetch_object(store, &keys[i]);
}

void
worker_input(struct worker *worker, struct session *session, const char *data,
             size_t size)
{
    struct cmd_env *env = worker->env;
    bool was_postponed = session->is_postponed;

    ASSERT(worker->current == NULL || worker->reply.out.used == 0);
    if (UNLIKELY(session->is_in_backlog)) backlog_remove(worker, session);
    worker->current = session;
    worker->reply.out.used = 0;
    if (size > 0) {
        metric_add(&env->metrics.reads_processed, 1);
        metric_add(&env->metrics.net_input_bytes, size);
    }
    session_input(session, env, &worker->reply, data, size);
    if (UNLIKELY(session->is_postponed && !was_postponed))
        worker->postponed_count++;
    if (UNLIKELY(session->is_monitor &&
                 !(session->client.flags & CLIENT_MONITOR))) {
        drop_monitor(worker, session);
    }
    if (UNLIKELY(session->wants_more)) backlog_add(worker, session);
}

char *
worker_room(struct worker *worker, struct session *session, size_t *room)
{
    return session_room(session, worker->env, room);
}

uint32_t
worker_output(struct worker *worker, struct session *session,
              struct bytes pieces[2])
{
    uint32_t count = 0;

    if (session->client.flags & CLIENT_KILLED) return 0;
    if (UNLIKELY(session->out.used > session->out_at)) {
        pieces[count++] = bytes_of(session->out.data + session->out_at,
                                   session->out.used - session->out_at);
    }
    if (worker->current == session && worker->reply.out.used > 0)
        pieces[count++] = buf_bytes(&worker->reply.out);
    return count;
}

void
worker_sent(struct worker *worker, struct session *session, size_t sent)
{
    struct cmd_env *env = worker->env;
    struct buf *fresh = worker->current == session ? &worker->reply.out : NULL;

    if (sent > 0) {
        metric_add(&env->metrics.writes_processed, 1);
        metric_add(&env->metrics.net_output_bytes, sent);
    }
    if (!(session->client.flags & CLIENT_KILLED)) {
        session_sent(session, env, fresh, sent);
        if (UNLIKELY(session->wants_more)) {
            backlog_add(worker, session);
        } else if (UNLIKELY(session->is_in_backlog)) {
            backlog_remove(worker, session);
        }
    }
    if (worker->current != session) return;
    worker->current = NULL;
    worker->reply.out.used = 0;
    if (UNLIKELY(worker->reply.out.room > REPLY_ROOM_KEEP)) {
        reply_deinit(&worker->reply);
        reply_init(&worker->reply);
    }
}

bool
worker_has_backlog(const struct worker *worker)
{
    return worker->backlog != NULL;
}

struct session *
worker_next_backlog(struct worker *worker)
{
    return worker->backlog;
}

/* ---- time ---- */

static void
wake_sleepers(struct worker *worker)
{
    int64_t next_ms = INT64_MAX;
    struct session *session;

    if (worker->wake_ms > worker->env->now_ms) return;
    for (session = worker->first; session != NULL; session = session->next) {
        if (session->sleep_until_ms == 0) continue;
        if (session->sleep_until_ms > worker->env->now_ms) {
            if (session->sleep_until_ms < next_ms)
                next_ms = session->sleep_until_ms;
            continue;
        }
        worker->sleeper_count--;
        session_finish(session, worker->env, bytes_of(NULL, 0));
        inside_wake(worker, session);
    }
    worker->wake_ms = next_ms;
}

static bool
is_paused(const struct worker *worker)
{
    return atomic_load_explicit(&worker->env->shared->pause_until_ms,
                                memory_order_relaxed) > worker->env->now_ms;
}

void
worker_turn(struct worker *worker, int64_t now_ms, uint64_t wall_us)
{
    struct cmd_env *env = worker->env;

    env->now_ms = now_ms;
    env->wall_us = wall_us;
    env->wall_ms = (int64_t)(wall_us / 1000);
    metric_add(&env->metrics.turns, 1);
    if (worker->bus != NULL) atomic_fetch_add(&worker->turns, 1);
    if (UNLIKELY(worker->sleeper_count > 0)) wake_sleepers(worker);
    if (UNLIKELY(worker->postponed_count > 0) && !is_paused(worker))
        resume(worker);
    if (UNLIKELY(worker->outbox != NULL)) post_again(worker);
}

/* A session's share of the housekeeping. */
static void
look_after(struct worker *worker, struct session *session, int64_t timeout_ms)
{
    struct client *client = &session->client;
    int64_t idle_ms = worker->env->now_ms - client->last_ms;

    if (idle_ms >= IDLE_REST_MS || session->out.used > 0)
        session_rest(session, worker->env);
    if (timeout_ms > 0 && idle_ms > timeout_ms &&
        !(client->flags & (CLIENT_MONITOR | CLIENT_WAITING)) &&
        !session->is_postponed) {
        client->flags |= CLIENT_KILLED;
    }
    if (client->flags & CLIENT_KILLED) inside_wake(worker, session);
}

static void
look_after_some(struct worker *worker)
{
    int64_t timeout_ms =
        1000 * settings_int(worker->env->shared->settings, SETTING_TIMEOUT);
    uint32_t left = worker->session_count / CARE_SHARE + CARE_LEAST;

    if (left > worker->session_count) left = worker->session_count;
    for (; left > 0; left--) {
        struct session *session =
            worker->cursor != NULL ? worker->cursor : worker->first;

        worker->cursor = session->next;
        look_after(worker, session, timeout_ms);
    }
}

void
worker_turn_end(struct worker *worker)
{
    if (worker->bus != NULL) ring_turn_end(worker);
}

void
worker_tick(struct worker *worker, uint64_t rss_bytes)
{
    struct cmd_env *env = worker->env;

    cmd_env_refresh(env);
    look_after_some(worker);
    if (worker->bus != NULL) ring_tick(worker);
    if (worker->index != 0) return;
    mem_decay();
    store_tick(env->shared->store, rss_bytes, EXPIRE_BUDGET, env->wall_ms);
    info_sample(env->shared, env->now_ms);
}

int64_t
worker_deadline_ms(const struct worker *worker)
{
    int64_t deadline = INT64_MAX;

    if (worker->outbox != NULL) deadline = worker->env->now_ms + 1;
    if (worker->postponed_count > 0) {
        deadline = (int64_t)min_u64(
            (uint64_t)deadline,
            (uint64_t)atomic_load_explicit(&worker->env->shared->pause_until_ms,
                                           memory_order_relaxed));
    }
    if (worker->sleeper_count > 0 && worker->wake_ms < deadline)
        deadline = worker->wake_ms;
    if (worker->bus != NULL) {
        int64_t ring_ms = ring_deadline_ms(worker);

        if (ring_ms < deadline) deadline = ring_ms;
    }
    return deadline;
}
