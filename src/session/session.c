/*
 * A batch is up to 64 commands that lie whole in the buffer. Reading one
 * random key out of millions means three waits for memory (slot, bucket,
 * object); the batch waits for all its keys together:
 *
 *     parse:    cmd 1 .. n, find their rows, hash their keys
 *     prefetch: n slots, then n buckets, then n objects
 *     run:      1 .. n, each finds its key in the cache
 *
 * A batch looks ahead, so whatever a command may change about those behind it
 * is checked again when their turn comes: the database (keys are hashed
 * anew), close, wait, pause, output. An unauthenticated client gets batches
 * of one, because AUTH changes the limits of the parser.
 *
 * What is parsed but not run stays in the buffer and is parsed again.
 */
#include "session/session.h"

#include "base/err.h"
#include "base/memory.h"
#include "base/ticks.h"

struct parsed {
    const struct cmd_spec *spec;
    const struct bytes *args;
    uint32_t arg_count;
    bool has_key;
    struct store_key key;
    size_t end; /* offset behind the command in the batch's bytes */
};

struct batch {
    struct parsed commands[SESSION_BATCH_MAX];
    uint32_t count;
    enum resp_result result; /* of the last parse */
    size_t size;             /* bytes that were parsed */
    uint64_t turn_ends;      /* in ticks; looked at after each command */
    uint32_t args_used;
    struct bytes args[SESSION_BATCH_ARGS_MAX];
};

enum outcome { WENT_ON, STOPPED };

void
session_init(struct session *session, struct cmd_env *env)
{
    int64_t bulk_max =
        settings_int(env->shared->settings, SETTING_PROTO_MAX_BULK_LEN);
    uint64_t id = 1 + atomic_fetch_add_explicit(&env->shared->next_client_id, 1,
                                                memory_order_relaxed);

    memset(session, 0, sizeof(*session));
    client_init(&session->client, id, env->now_ms);
    resp_parser_init(&session->parser, bulk_max);
}

void
session_deinit(struct session *session)
{
    client_deinit(&session->client);
    resp_parser_deinit(&session->parser);
    buf_deinit(&session->query);
    buf_deinit(&session->out);
    buf_deinit(&session->held);
}

/* ---- bookkeeping ---- */

static void
account_buffers(struct session *session, struct cmd_env *env)
{
    struct client *client = &session->client;
    size_t before = client->query_room + client->out_room;

    client->query_used = session->query.used - session->query_at;
    client->query_room = session->query.room;
    client->out_used = session->out.used - session->out_at;
    client->out_room = session->out.room;
    metric_add(&env->metrics.client_buffers_bytes,
               client->query_room + client->out_room - before);
    cmd_env_note_buffers(env, client->query_room, client->out_room);
}

static size_t
unsent(const struct session *session)
{
    return session->out.used - session->out_at;
}

static void
kill_now(struct session *session)
{
    session->client.flags |= CLIENT_KILLED;
    session->wants_more = false;
}

/* Commands may be run: the client is whole, awake and reads its replies. */
static bool
may_run(const struct session *session)
{
    return !(session->client.flags &
             (CLIENT_WAITING | CLIENT_KILLED | CLIENT_CLOSE)) &&
           !session->is_closing && !session->is_postponed &&
           !session->is_behind && unsent(session) < SESSION_OUT_PAUSE;
}

bool
session_may_read(const struct session *session)
{
    return may_run(session) && !session->is_stalled;
}

bool
session_is_done(const struct session *session)
{
    return !(session->client.flags & CLIENT_WAITING) &&
           !session->is_postponed && !session->is_stalled &&
           !session->wants_more && session->client.ops == NULL;
}

/* ---- parse ---- */

static inline void
add_parsed(struct session *session, struct cmd_env *env, struct batch *batch)
{
    const struct resp_parser *parser = &session->parser;
    struct parsed *to = &batch->commands[batch->count++];
    uint32_t i;

    to->arg_count = parser->arg_count;
    if (LIKELY(batch->args_used + to->arg_count <= SESSION_BATCH_ARGS_MAX)) {
        struct bytes *args = &batch->args[batch->args_used];

        for (i = 0; i < to->arg_count; i++)
            args[i] = parser->args[i];
        to->args = args;
        batch->args_used += to->arg_count;
    } else {
        to->args = parser->args; /* the last of its batch */
        batch->args_used = SESSION_BATCH_ARGS_MAX;
    }
    to->end = batch->size;
    to->spec = cmd_find(to->args, to->arg_count);
    /* while loading the store's hash key may change: not read, not kept */
    to->has_key = to->spec != NULL && to->spec->key_shape == CMD_KEYS_ONE &&
                  (uint32_t)to->spec->key_first < to->arg_count &&
                  LIKELY(!atomic_load_explicit(&env->shared->is_loading,
                                               memory_order_acquire));
    if (to->has_key) {
        to->key = store_key(env->shared->store, session->client.db,
                            to->args[to->spec->key_first]);
    }
}

/* The parser's memory is used again by the next parse: an inline command, or
 * one with too many arguments to copy, is the last of its batch. */
static inline bool
is_last(const struct resp_parser *parser, const struct batch *batch)
{
    return batch->args_used >= SESSION_BATCH_ARGS_MAX ||
           parser->is_inline_split || !parser->is_trusted;
}

static void
parse_batch(struct session *session, struct cmd_env *env, struct batch *batch,
            const char *data, size_t size)
{
    struct resp_parser *parser = &session->parser;

    batch->count = batch->args_used = 0;
    batch->size = 0;
    do {
        size_t used;

        batch->result =
            resp_parse(parser, data + batch->size, size - batch->size, &used);
        batch->size += used;
        if (batch->result == RESP_EMPTY) continue;
        if (UNLIKELY(batch->result != RESP_COMPLETE)) return;
        add_parsed(session, env, batch);
    } while (batch->count < SESSION_BATCH_MAX && !is_last(parser, batch));
}

static inline void
prefetch_batch(const struct cmd_env *env, const struct batch *batch)
{
    const struct store *store = env->shared->store;
    const struct cmd_router *router = env->router;
    uint32_t i;

    for (i = 0; i < batch->count; i++) {
        if (!batch->commands[i].has_key) continue;
        store_prefetch_slot(store, &batch->commands[i].key);
        if (router != NULL)
            router->expect(router->self, batch->commands[i].key.slot);
    }
    for (i = 0; i < batch->count; i++) {
        if (batch->commands[i].has_key)
            store_prefetch_bucket(store, &batch->commands[i].key);
    }
    for (i = 0; i < batch->count; i++) {
        if (batch->commands[i].has_key)
            store_prefetch_object(store, &batch->commands[i].key);
    }
}

/* ---- run ---- */

/* CLIENT PAUSE: true if the command has to wait. Wrong ones are answered. */
static NOINLINE bool
is_held_back(struct session *session, const struct cmd_call *call)
{
    const struct cmd_spec *spec = call->spec;
    const struct cmd_shared *shared = call->env->shared;
    bool only_writes =
        atomic_load_explicit(&shared->pause_only_writes, memory_order_relaxed);

    if (spec == NULL || (int64_t)call->arg_count < spec->args_min ||
        (spec->args_max != CMD_ARGS_ANY &&
         (int64_t)call->arg_count > spec->args_max)) {
        return false;
    }
    if (only_writes && !cmd_may_write(call)) return false;
    session->is_postponed = true;
    return true;
}

/* Looks at this node's own copy, whatever its client's writes do elsewhere. */
static bool
is_about_own_copy(const struct cmd_spec *spec)
{
    switch (spec->name[0]) { /* asked for each command behind another */
    case 'w': return strcmp(spec->name, "watch") == 0;
    case 'o': return strncmp(spec->name, "object", 6) == 0;
    case 'd': return strncmp(spec->name, "debug", 5) == 0;
    case 'm': return strncmp(spec->name, "memory", 6) == 0;
    default: return false;
    }
}

/*
 * In a ring several commands of a client may be under way at once. Those that
 * speak of all data or change the connection wait until the ones before them
 * have ended: all without keys, but for a few that touch nothing.
 */
static NOINLINE bool
waits_behind(struct session *session, const struct cmd_env *env,
             const struct cmd_spec *spec)
{
    const struct cmd_router *router = env->router;
    bool is_barrier = spec != NULL && (spec->key_shape == CMD_KEYS_NONE
                                           ? strcmp(spec->name, "ping") != 0 &&
                                                 strcmp(spec->name, "echo") != 0
                                           : is_about_own_copy(spec));

    if (!is_barrier && !env->limits.is_pipeline_strict &&
        session->client.op_count < SESSION_UNDER_WAY_MAX &&
        !router->is_full(router->self)) {
        return false;
    }
    session->is_behind = true;
    return true;
}

/* What a command has replied before it had to wait belongs to its end. */
static NOINLINE void
hold_reply(struct session *session, struct reply *reply, size_t start)
{
    size_t size = reply->out.used - start;

    if (size == 0) return;
    if (buf_add(&session->held, reply->out.data + start, size) != ERR_OK)
        kill_now(session);
    reply->out.used = start;
}

/* A web browser was tricked into talking to us: its next lines are not to be
 * taken for commands. */
static bool
is_http(const struct bytes *args)
{
    return bytes_is_nocase(args[0], "post") ||
           bytes_is_nocase(args[0], "host:");
}

static NOINLINE enum outcome
after_unusual(struct session *session, struct cmd_env *env, struct reply *reply,
              size_t start, uint64_t turn_ends)
{
    struct client *client = &session->client;

    if (reply->is_broken) {
        if (reply->out.used > reply->most)
            metric_add(&env->metrics.output_limit_disconnections, 1);
        reply->is_broken = false;
        reply->out.used = start;
        kill_now(session);
        return STOPPED;
    }
    if (client->flags & CLIENT_WAITING) {
        hold_reply(session, reply, start);
        return STOPPED;
    }
    if (client->flags & CLIENT_CLOSE) session->is_closing = true;
    if (client->flags & (CLIENT_CLOSE | CLIENT_KILLED)) return STOPPED;
    return reply->out.used > SESSION_TURN_MAX || env->ticks > turn_ends
               ? STOPPED
               : WENT_ON;
}

static inline bool
is_usual(const struct session *session, const struct cmd_env *env,
         const struct reply *reply, uint64_t turn_ends)
{
    return !(session->client.flags &
             (CLIENT_WAITING | CLIENT_CLOSE | CLIENT_KILLED)) &&
           !reply->is_broken && reply->out.used <= SESSION_TURN_MAX &&
           env->ticks <= turn_ends;
}

/* Replied at once, but others are under way before it. */
static NOINLINE void
put_behind(struct client *client, struct cmd_env *env, struct reply *reply,
           size_t start)
{
    env->router->behind(
        env->router->self, client,
        bytes_of(reply->out.data + start, reply->out.used - start));
    reply->out.used = start;
}

/* Runs the batch's commands in order; *at: the offset behind the last one
 * that was run. */
static enum outcome
run_batch(struct session *session, struct cmd_env *env, struct reply *reply,
          const struct batch *batch, size_t *at)
{
    struct client *client = &session->client;
    struct cmd_shared *shared = env->shared;
    struct cmd_call call = {
        .env = env,
        .client = client,
        .reply = reply,
        .store = shared->store,
        .wall_ms = env->wall_ms,
    };
    uint32_t i;

    env->ticks = ticks_now();
    for (i = 0; i < batch->count; i++) {
        const struct parsed *next = &batch->commands[i];
        size_t start = reply->out.used;

        call.spec = next->spec;
        call.args = next->args;
        call.arg_count = next->arg_count;
        if (UNLIKELY(atomic_load_explicit(&shared->pause_until_ms,
                                          memory_order_relaxed) >
                     env->now_ms) &&
            is_held_back(session, &call)) {
            return STOPPED;
        }
        if (UNLIKELY(next->spec == NULL) && is_http(next->args)) {
            kill_now(session);
            return STOPPED;
        }
        if (UNLIKELY(client->ops != NULL) &&
            waits_behind(session, env, next->spec)) {
            return STOPPED;
        }
        if (LIKELY(next->has_key)) call.key = next->key;
        client->last_command = next->spec;
        client->commands++;
        cmd_run(&call, next->has_key && next->key.db == client->db);
        *at = next->end;
        if (UNLIKELY(client->ops != NULL) && reply->out.used > start)
            put_behind(client, env, reply, start);
        if (reply->out.used - start > session->out_largest)
            session->out_largest = reply->out.used - start;
        if (UNLIKELY(!is_usual(session, env, reply, batch->turn_ends)) &&
            after_unusual(session, env, reply, start, batch->turn_ends) ==
                STOPPED) {
            return STOPPED;
        }
    }
    *at = batch->size;
    return WENT_ON;
}

static void
protocol_error(struct session *session, struct cmd_env *env,
               struct reply *reply)
{
    reply_error(reply, session->parser.error);
    error_stats_note(&env->errors, bytes_str(session->parser.error));
    metric_add(&env->metrics.error_replies, 1);
    session->is_closing = true;
}

/* Runs what is whole in data[0..size); returns how much of it is done with. */
static size_t
run_bytes(struct session *session, struct cmd_env *env, struct reply *reply,
          const char *data, size_t size)
{
    struct client *client = &session->client;
    struct batch batch;
    size_t done = 0;

    session->is_stalled = false;
    batch.turn_ends = ticks_now() + (uint64_t)(ticks_per_us * SESSION_TURN_US);
    for (;;) {
        size_t at = 0;

        session->parser.is_trusted =
            (client->flags & CLIENT_AUTHENTICATED) != 0 ||
            !cmd_needs_auth(&(struct cmd_call){.env = env, .client = client});
        parse_batch(session, env, &batch, data + done, size - done);
        if (batch.count > 1) prefetch_batch(env, &batch);
        if (run_batch(session, env, reply, &batch, &at) == STOPPED) {
            if (at < batch.size) resp_parser_restart(&session->parser);
            /* a part of a command may be digested already: begin it anew */
            if (batch.result == RESP_MORE)
                resp_parser_restart(&session->parser);
            session->is_stalled = true;
            return done + at;
        }
        done += at;
        if (batch.result == RESP_BAD) {
            protocol_error(session, env, reply);
            return size;
        }
        if (batch.result == RESP_MORE || done == size) return done;
    }
}

/* ---- input ---- */

/* Drops what is executed from the query buffer. */
static void
trim_query(struct session *session)
{
    struct buf *query = &session->query;

    if (session->query_at == query->used) {
        query->used = session->query_at = 0;
        if (query->room > SESSION_QUERY_KEEP) buf_deinit(query);
    } else if (session->query_at > query->used - session->query_at) {
        /* less is moved than was executed, so moving stays linear */
        query->used -= session->query_at;
        memmove(query->data, query->data + session->query_at, query->used);
        session->query_at = 0;
    }
}

static void
keep(struct session *session, struct cmd_env *env, const char *data,
     size_t size)
{
    size_t total = session->query.used - session->query_at + size;

    if (size == 0) return;
    if (total > env->limits.query_bytes) {
        metric_add(&env->metrics.query_limit_disconnections, 1);
        kill_now(session);
    } else if (session->query.used < session->query.room &&
               data == session->query.data + session->query.used) {
        /* received right there, see session_room; behind a full buffer there
         * may lie somebody else's */
        ASSERT(size <= session->query.room - session->query.used);
        session->query.used += size;
    } else if (buf_add(&session->query, data, size) != ERR_OK) {
        kill_now(session);
    }
}

char *
session_room(struct session *session, const struct cmd_env *env, size_t *room)
{
    struct buf *query = &session->query;
    size_t wants = resp_parser_wants(&session->parser);
    size_t arrived = query->used - session->query_at;

    if (LIKELY(arrived < SESSION_ROOM_LEAST) || wants <= arrived ||
        wants - arrived < SESSION_ROOM_LEAST || !session_may_read(session)) {
        return NULL;
    }
    /* memory comes with the bytes: a length alone is worth nothing */
    if (wants > 4 * arrived) wants = 4 * arrived;
    if (wants > env->limits.query_bytes) return NULL;
    if (buf_reserve(query, wants - arrived) != ERR_OK) return NULL;
    *room = min_u64(wants - arrived, SESSION_ROOM_MAX);
    return query->data + query->used;
}

void
session_input(struct session *session, struct cmd_env *env, struct reply *reply,
              const char *data, size_t size)
{
    struct client *client = &session->client;

    session->wants_more = false;
    if (session->is_closing || (client->flags & CLIENT_KILLED)) return;
    if (size > 0) {
        client->last_ms = env->now_ms;
        client->net_in += size;
    }
    reply->proto = client->proto;
    reply->most = env->limits.out_normal.hard_bytes > 0
                      ? env->limits.out_normal.hard_bytes + SESSION_TURN_MAX
                      : SIZE_MAX;
    if (session->out.used == 0) session->out_largest = 0;
    if (session->query.used == 0 && size > 0 && may_run(session)) {
        size_t done = run_bytes(session, env, reply, data, size);

        if (done < size) keep(session, env, data + done, size - done);
    } else {
        keep(session, env, data, size);
        if (session->query.used == session->query_at) {
            session->is_stalled = false;
        } else if (may_run(session)) {
            session->query_at += run_bytes(
                session, env, reply, session->query.data + session->query_at,
                session->query.used - session->query_at);
            trim_query(session);
        } else {
            session->is_stalled = true;
        }
    }
    if (session->is_closing) {
        buf_deinit(&session->query);
        session->query_at = 0;
        session->is_stalled = false;
    }
    session->wants_more = session->is_stalled && may_run(session);
    account_buffers(session, env);
}

/* ---- output ---- */

/* A single reply is let go whole: reply.most has bounded it, and no command
 * runs until most of it is read. */
static void
check_out_limits(struct session *session, struct cmd_env *env)
{
    const struct cmd_out_limit *limit = session->client.flags & CLIENT_MONITOR
                                            ? &env->limits.out_pubsub
                                            : &env->limits.out_normal;
    size_t size = unsent(session);
    bool is_over = limit->hard_bytes > 0 &&
                   size > limit->hard_bytes + session->out_largest;

    if (limit->soft_bytes > 0 && size > limit->soft_bytes) {
        if (session->out_soft_since_ms == 0)
            session->out_soft_since_ms = env->now_ms;
        if (env->now_ms - session->out_soft_since_ms > limit->soft_ms)
            is_over = true;
    } else {
        session->out_soft_since_ms = 0;
    }
    if (!is_over || (session->client.flags & CLIENT_KILLED)) return;
    metric_add(&env->metrics.output_limit_disconnections, 1);
    kill_now(session);
}

void
session_push(struct session *session, struct cmd_env *env, struct bytes text)
{
    if (session->client.flags & CLIENT_KILLED) return;
    if (buf_add(&session->out, text.data, text.size) != ERR_OK)
        kill_now(session);
    check_out_limits(session, env);
    account_buffers(session, env);
}

/* Of a turn's replies all from `at` on. */
static void
keep_replies(struct session *session, struct buf *fresh, size_t at)
{
    size_t rest = fresh->used - at;

    if (session->out.data == NULL && rest >= SESSION_TAKE_LEAST &&
        rest >= fresh->room / 2) {
        session->out = *fresh;
        session->out_at = at;
        *fresh = (struct buf){0};
    } else if (rest > 0 &&
               buf_add(&session->out, fresh->data + at, rest) != ERR_OK) {
        kill_now(session);
    }
}

void
session_sent(struct session *session, struct cmd_env *env, struct buf *fresh,
             size_t sent)
{
    size_t kept = unsent(session), size = fresh != NULL ? fresh->used : 0;

    session->client.net_out += sent;
    if (LIKELY(kept == 0 && sent == size)) return;
    ASSERT(sent <= kept + size);
    if (sent > 0) session->client.last_ms = env->now_ms;
    if (sent < kept) {
        session->out_at += sent;
        sent = 0;
    } else {
        sent -= kept;
        buf_deinit(&session->out);
        session->out_at = 0;
    }
    if (session->out_at > unsent(session)) {
        session->out.used -= session->out_at;
        memmove(session->out.data, session->out.data + session->out_at,
                session->out.used);
        session->out_at = 0;
    }
    if (fresh != NULL) keep_replies(session, fresh, sent);
    check_out_limits(session, env);
    account_buffers(session, env);
    session->wants_more = session->is_stalled && may_run(session);
}

void
session_finish(struct session *session, struct cmd_env *env, struct bytes text)
{
    struct client *client = &session->client;

    ASSERT(client->flags & CLIENT_WAITING);
    client->flags &= ~(uint32_t)CLIENT_WAITING;
    session->sleep_until_ms = 0;
    session_push(session, env, buf_bytes(&session->held));
    buf_deinit(&session->held);
    if (!(client->flags & CLIENT_REPLY_OFF)) session_push(session, env, text);
    if (client->flags & CLIENT_CLOSE) session->is_closing = true;
    session->wants_more = session->is_stalled && may_run(session);
}

void
session_resume(struct session *session, struct cmd_env *env)
{
    struct client *client = &session->client;
    const struct cmd_router *router = env->router;
    bool is_idle;

    if (client->ops == NULL) return;
    is_idle = router->collect(router->self, client, &session->out);
    check_out_limits(session, env);
    account_buffers(session, env);
    if (!is_idle) return;
    session->is_behind = false;
    session->wants_more = session->is_stalled && may_run(session);
}

void
session_rest(struct session *session, struct cmd_env *env)
{
    if (session->query.used == 0) buf_deinit(&session->query);
    if (session->query.used == 0) resp_parser_rest(&session->parser);
    check_out_limits(session, env);
    account_buffers(session, env);
}
