/*
 * The way of every command:
 *
 *     passes() --no--> reject: an error, MULTI is tainted
 *        | yes
 *     in MULTI? --yes--> multi_queue()
 *        | no
 *     run_unlocked(): keys -> slots -> locks -> spec->run -> unlock
 *        |
 *     account(): calls, ticks, latency, errors; slow log; monitors
 *
 * The gates stand in Redis's order, so that a command with two faults gets the
 * same error. Most commands pass them all by one comparison of flags.
 */
#include "command/command.h"

#include "base/err.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/ticks.h"
#include "command/latency.h"
#include "command/multi.h"
#include "command/slowlog.h"

#include <stdio.h>

enum {
    KEYS_ROOM_FIRST = 16,
    SLOTS_SORTED_MAX = 16, /* up to here, sorting beats the bit set */
    KEYS_WARM_MAX = 256,   /* prefetched together; more would push others out */
    KEYS_ROOM_KEPT = 4096, /* more is given back with the next tick */
    UNKNOWN_ARGS_MAX = 128, /* bytes of arguments shown, as Redis */
};

static const char oom_text[] =
    "OOM command not allowed when used memory > 'maxmemory'.";

/* ---- the worker's environment ---- */

void
cmd_env_init(struct cmd_env *env, struct cmd_shared *shared, uint32_t worker)
{
    env->shared = shared;
    env->worker = worker;
    env->slots = mem_must_array(NULL, SLOT_COUNT, sizeof(*env->slots));
    cmd_env_refresh(env);
}

void
cmd_env_deinit(struct cmd_env *env)
{
    uint32_t i;

    for (i = 0; i < CMD_SPECS_MAX; i++) {
        mem_free(env->stats[i].latency);
        env->stats[i].latency = NULL;
    }
    mem_free(env->slots);
    mem_free(env->keys);
    mem_free(env->key_args);
    buf_deinit(&env->scratch);
}

static struct cmd_out_limit
out_limit(const struct settings *settings, enum output_class which)
{
    struct output_limit limit = settings_output_limit(settings, which);

    return (struct cmd_out_limit){.hard_bytes = (uint64_t)limit.hard_bytes,
                                  .soft_bytes = (uint64_t)limit.soft_bytes,
                                  .soft_ms = limit.soft_s * 1000};
}

/* What one command over very many keys has made large. */
static void
keys_trim(struct cmd_env *env)
{
    if (env->key_room <= KEYS_ROOM_KEPT) return;
    mem_free(env->keys);
    mem_free(env->key_args);
    env->keys = NULL;
    env->key_args = NULL;
    env->key_room = 0;
}

/* Publishes the maxima, and makes room for those of a new second. */
static void
refresh_recent(struct cmd_env *env)
{
    struct cmd_recent *recent = &env->recent;
    int64_t second = env->now_ms / 1000;
    uint64_t input = 0, output = 0;
    uint32_t i;

    for (i = 0; i < CMD_RECENT_SECONDS; i++) {
        input = max_u64(input, recent->input[i]);
        output = max_u64(output, recent->output[i]);
    }
    atomic_store_explicit(&env->metrics.recent_input_bytes, input,
                          memory_order_relaxed);
    atomic_store_explicit(&env->metrics.recent_output_bytes, output,
                          memory_order_relaxed);
    if (recent->second == second) return;
    recent->second = second;
    recent->at = (recent->at + 1) % CMD_RECENT_SECONDS;
    recent->input[recent->at] = recent->output[recent->at] = 0;
}

void
cmd_env_refresh(struct cmd_env *env)
{
    const struct settings *settings = env->shared->settings;
    int64_t slow = settings_int(settings, SETTING_SLOWLOG_LOG_SLOWER_THAN);
    int64_t spike = settings_int(settings, SETTING_LATENCY_MONITOR_THRESHOLD);
    uint64_t slow_us = slow < 0 ? UINT64_MAX : (uint64_t)slow;

    if (spike > 0) slow_us = min_u64(slow_us, (uint64_t)spike * 1000);
    env->limits.slow_us = slow_us;
    env->limits.us_per_tick = ticks_per_us > 0 ? 1 / ticks_per_us : 0;
    env->limits.tracks_latency =
        settings_int(settings, SETTING_LATENCY_TRACKING) != 0;
    env->limits.is_pipeline_strict =
        settings_int(settings, SETTING_PIPELINE_ORDER) == ORDER_STRICT;
    env->limits.query_bytes =
        (uint64_t)settings_int(settings, SETTING_CLIENT_QUERY_BUFFER_LIMIT);
    keys_trim(env);
    env->limits.out_normal = out_limit(settings, OUTPUT_NORMAL);
    env->limits.out_pubsub = out_limit(settings, OUTPUT_PUBSUB);
    refresh_recent(env);
}

/* ---- gates ---- */

bool
cmd_needs_auth(const struct cmd_call *call)
{
    char *password;
    bool is_set;

    if (call->client->flags & CLIENT_AUTHENTICATED) return false;
    password = settings_text(call->env->shared->settings, SETTING_REQUIREPASS);
    is_set = password != NULL && password[0] != '\0';
    mem_free(password);
    return is_set;
}

/* `message` without '-'; EXEC that is refused ends its transaction. */
static void
reject(struct cmd_call *call, const char *message)
{
    struct cmd_env *env = call->env;
    const char *text = message;

    multi_taint(call->client);
    if (call->spec != NULL) {
        atomic_fetch_add_explicit(&env->stats[call->spec->index].rejected, 1,
                                  memory_order_relaxed);
    }
    if (call->spec != NULL && call->spec->run == multi_exec) {
        multi_discard(call->client);
        if (strncmp(text, "ERR ", 4) == 0) text += 4;
        reply_errorf(call->reply,
                     "EXECABORT Transaction discarded because of: %s", text);
        error_stats_note(&env->errors, BYTES_LIT("EXECABORT"));
    } else {
        reply_error(call->reply, text);
        error_stats_note(&env->errors, bytes_str(text));
    }
    metric_add(&env->metrics.error_replies, 1);
}

static void
reject_unknown(struct cmd_call *call)
{
    char args[UNKNOWN_ARGS_MAX + 8] = "", message[512];
    size_t used = 0;
    uint32_t i;

    for (i = 1; i < call->arg_count && used < UNKNOWN_ARGS_MAX; i++) {
        size_t room = UNKNOWN_ARGS_MAX - used;
        size_t size = min_u64(call->args[i].size, room);

        used += (size_t)snprintf(args + used, sizeof(args) - used, "'%.*s' ",
                                 (int)size, call->args[i].data);
    }
    (void)snprintf(message, sizeof(message),
                   "ERR unknown command '%.*s', with args beginning with: %s",
                   (int)min_u64(call->args[0].size, 128), call->args[0].data,
                   args);
    reject(call, message);
}

static void
reject_subcommand(struct cmd_call *call)
{
    char name[64], message[256];
    size_t i;

    for (i = 0; i < call->args[0].size && i < sizeof(name) - 1; i++) {
        char c = call->args[0].data[i];

        name[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    name[i] = '\0';
    (void)snprintf(
        message, sizeof(message), "ERR unknown subcommand '%.*s'. Try %s HELP.",
        (int)min_u64(call->args[1].size, 128), call->args[1].data, name);
    call->spec = NULL; /* as Redis: nobody's rejection */
    reject(call, message);
}

static bool
arity_is_right(const struct cmd_call *call)
{
    const struct cmd_spec *spec = call->spec;
    int64_t count = call->arg_count;

    return count >= spec->args_min &&
           (spec->args_max == CMD_ARGS_ANY || count <= spec->args_max);
}

static void
reject_arity(struct cmd_call *call)
{
    char message[160];

    (void)snprintf(message, sizeof(message),
                   "ERR wrong number of arguments for '%s' command",
                   call->spec->name);
    reject(call, message);
}

static inline bool
has_room(struct cmd_call *call)
{
    size_t bytes = multi_bytes(call->client);
    uint32_t i;

    for (i = 1; i < call->arg_count; i++)
        bytes += call->args[i].size;
    return store_make_room(call->store, bytes, call->wall_ms) == ERR_OK;
}

/* In a transaction everything that would be kept needs room. */
static bool
wants_room(const struct cmd_call *call)
{
    uint32_t flags = call->spec->flags;

    if (call->spec->run == multi_exec) flags = multi_flags(call->client);
    if (flags & CMD_DENYOOM) return true;
    return (call->client->flags & CLIENT_MULTI) &&
           !(call->spec->flags & CMD_IN_MULTI);
}

static inline bool
is_loading(const struct cmd_call *call)
{
    /* acquire: the store's hash key is as it was made while loading */
    return atomic_load_explicit(&call->env->shared->is_loading,
                                memory_order_acquire);
}

/* Nothing that names or holds keys: what they hash to may be changing. */
static bool
runs_while_loading(const struct cmd_call *call)
{
    const struct cmd_spec *spec = call->spec;

    if (!(spec->flags & CMD_LOADING) || spec->key_shape != CMD_KEYS_NONE)
        return false;
    return spec->run != multi_exec ||
           !(multi_flags(call->client) & (CMD_WRITE | CMD_READONLY));
}

static NOINLINE bool
passes_slowly(struct cmd_call *call)
{
    const struct cmd_spec *spec = call->spec;

    if (spec == NULL || (spec->flags & CMD_INTERNAL)) {
        call->spec = NULL;
        reject_unknown(call);
        return false;
    }
    if ((spec->flags & CMD_SUBCOMMANDS) && call->arg_count >= 2) {
        reject_subcommand(call);
        return false;
    }
    if (!arity_is_right(call)) {
        reject_arity(call);
        return false;
    }
    if (!(spec->flags & CMD_NO_AUTH) && cmd_needs_auth(call)) {
        reject(call, "NOAUTH Authentication required.");
        return false;
    }
    if (is_loading(call) && !runs_while_loading(call)) {
        reject(call, atomic_load(&call->env->shared->is_twin)
                         ? "DUPLICATE another node has this node's id (a "
                           "copied data directory?); this one serves nobody"
                         : "LOADING Redis is loading the dataset in memory");
        return false;
    }
    if ((call->client->flags & CLIENT_MULTI) && (spec->flags & CMD_NO_MULTI)) {
        reject(call, "ERR Command not allowed inside a transaction");
        return false;
    }
    if (wants_room(call) && !has_room(call)) {
        reject(call, oom_text);
        return false;
    }
    if ((call->client->flags & CLIENT_MONITOR) &&
        (spec->flags & (CMD_WRITE | CMD_READONLY | CMD_MAY_REPLICATE))) {
        reject(call, "ERR Replica can't interact with the keyspace");
        return false;
    }
    return true;
}

static inline bool
passes(struct cmd_call *call)
{
    const struct cmd_spec *spec = call->spec;
    const uint32_t watched =
        CLIENT_AUTHENTICATED | CLIENT_MULTI | CLIENT_MONITOR;

    if (UNLIKELY(spec == NULL ||
                 (spec->flags & (CMD_SUBCOMMANDS | CMD_INTERNAL)) ||
                 !arity_is_right(call) || is_loading(call) ||
                 (call->client->flags & watched) != CLIENT_AUTHENTICATED)) {
        return passes_slowly(call);
    }
    if ((spec->flags & CMD_DENYOOM) && UNLIKELY(!has_room(call))) {
        reject(call, oom_text);
        return false;
    }
    return true;
}

bool
cmd_may_write(const struct cmd_call *call)
{
    uint32_t flags = call->spec != NULL ? call->spec->flags : 0;

    if (call->spec != NULL && call->spec->run == multi_exec)
        flags |= multi_flags(call->client);
    return (flags & (CMD_WRITE | CMD_MAY_REPLICATE)) != 0;
}

/* ---- keys ---- */

int32_t
cmd_keys(const struct cmd_spec *spec, const struct bytes *args,
         uint32_t arg_count, uint32_t *at)
{
    int64_t last, i;
    int32_t count = 0;

    if (spec->find_keys != NULL) return spec->find_keys(args, arg_count, at);
    if (spec->key_first <= 0) return 0;
    last = spec->key_last >= 0 ? spec->key_last
                               : (int64_t)arg_count + spec->key_last;
    if (last >= (int64_t)arg_count) last = (int64_t)arg_count - 1;
    for (i = spec->key_first; i <= last; i += spec->key_step)
        at[count++] = (uint32_t)i;
    return count;
}

static bool
keys_reserve(struct cmd_env *env, uint32_t room)
{
    struct store_key *keys;
    uint32_t *key_args;

    if (room <= env->key_room) return true;
    if (room < KEYS_ROOM_FIRST) room = KEYS_ROOM_FIRST;
    keys = mem_try_resize(env->keys, room * sizeof(*keys));
    if (keys == NULL) return false;
    env->keys = keys;
    key_args = mem_try_resize(env->key_args, room * sizeof(*key_args));
    if (key_args == NULL) return false;
    env->key_args = key_args;
    env->key_room = room;
    return true;
}

/* Before anything is locked, in the same three waves as a session's batch. */
static void
warm_up(struct cmd_call *call)
{
    uint32_t count = (uint32_t)min_u64(call->key_count, KEYS_WARM_MAX), i;

    for (i = 0; i < count; i++)
        store_prefetch_slot(call->store, &call->keys[i]);
    for (i = 0; i < count; i++)
        store_prefetch_bucket(call->store, &call->keys[i]);
    for (i = 0; i < count; i++)
        store_prefetch_object(call->store, &call->keys[i]);
}

/* Finds and hashes the keys of a command with several; false: no memory. */
static bool
locate(struct cmd_call *call)
{
    struct cmd_env *env = call->env;
    int32_t count;
    uint32_t i;

    if (!keys_reserve(env, call->arg_count)) return false;
    count = cmd_keys(call->spec, call->args, call->arg_count, env->key_args);
    call->key_count = count > 0 ? (uint32_t)count : 0;
    call->keys = env->keys;
    call->key_args = env->key_args;
    for (i = 0; i < call->key_count; i++) {
        env->keys[i] = store_key(call->store, call->client->db,
                                 call->args[env->key_args[i]]);
    }
    if (call->key_count > 0) call->key = env->keys[0];
    return true;
}

struct store_key
cmd_key(const struct cmd_call *call, uint32_t at)
{
    uint32_t place = 0;

    if (call->spec->key_shape == CMD_KEYS_ONE &&
        at == (uint32_t)call->spec->key_first) {
        return call->key;
    }
    if (call->key_count > 0 && call->spec->find_keys == NULL &&
        at >= call->key_args[0]) {
        place = (at - call->key_args[0]) / (uint32_t)call->spec->key_step;
    }
    if (place >= call->key_count || call->key_args[place] != at)
        return store_key(call->store, call->client->db, call->args[at]);
    return call->keys[place];
}

/* ---- slots and their locks ---- */

void
cmd_slots_add(struct cmd_env *env, uint32_t slot)
{
    env->slot_set[slot / 64] |= (uint64_t)1 << slot % 64;
}

void
cmd_slots_lock(struct cmd_env *env)
{
    uint32_t word, i;

    env->slot_count = 0;
    for (word = 0; word < ARRAY_LEN(env->slot_set); word++) {
        uint64_t bits = env->slot_set[word];

        for (; bits != 0; bits &= bits - 1) {
            env->slots[env->slot_count++] =
                (uint16_t)(word * 64 + (uint32_t)__builtin_ctzll(bits));
        }
        env->slot_set[word] = 0;
    }
    for (i = 0; i < env->slot_count; i++)
        store_lock(env->shared->store, env->slots[i]);
}

void
cmd_slots_unlock(struct cmd_env *env)
{
    uint32_t i;

    for (i = 0; i < env->slot_count; i++)
        store_unlock(env->shared->store, env->slots[i]);
    env->slot_count = 0;
}

/* Few keys: into env->slots, ascending, each once. */
static void
lock_sorted(struct cmd_call *call)
{
    struct cmd_env *env = call->env;
    uint32_t count = 0, i, at;

    for (i = 0; i < call->key_count; i++) {
        uint16_t slot = (uint16_t)call->keys[i].slot;

        for (at = count; at > 0 && env->slots[at - 1] > slot; at--)
            ;
        if (at > 0 && env->slots[at - 1] == slot) continue;
        memmove(&env->slots[at + 1], &env->slots[at],
                (count - at) * sizeof(*env->slots));
        env->slots[at] = slot;
        count++;
    }
    env->slot_count = count;
    for (i = 0; i < count; i++)
        store_lock(env->shared->store, env->slots[i]);
}

/* With the slots locked; the guard may refuse. */
static inline void
run_guarded(struct cmd_call *call)
{
    const struct cmd_guard *guard = call->guard;

    if (LIKELY(guard == NULL)) {
        call->spec->run(call);
    } else if (guard->enter(guard->self, call)) {
        call->spec->run(call);
        guard->leave(guard->self, call);
    } else {
        call->is_refused = true;
    }
}

static NOINLINE void
run_many(struct cmd_call *call)
{
    struct cmd_env *env = call->env;
    uint32_t i;

    if (!locate(call)) {
        reply_error(call->reply, oom_text);
        return;
    }
    warm_up(call);
    if (call->key_count <= SLOTS_SORTED_MAX) {
        lock_sorted(call);
    } else {
        for (i = 0; i < call->key_count; i++)
            cmd_slots_add(env, call->keys[i].slot);
        cmd_slots_lock(env);
    }
    run_guarded(call);
    cmd_slots_unlock(env);
}

static inline void
run_unlocked(struct cmd_call *call, bool has_key)
{
    const struct cmd_spec *spec = call->spec;

    if (LIKELY(spec->key_shape == CMD_KEYS_ONE)) {
        uint32_t slot;

        if (UNLIKELY(!has_key)) {
            call->key = store_key(call->store, call->client->db,
                                  call->args[spec->key_first]);
        }
        slot = call->key.slot;
        store_lock(call->store, slot);
        run_guarded(call);
        store_unlock(call->store, slot);
    } else if (spec->key_shape == CMD_KEYS_NONE) {
        spec->run(call);
    } else {
        run_many(call);
    }
}

/* ---- statistics ---- */

static NOINLINE void
account_errors(struct cmd_call *call, struct cmd_stats *stats)
{
    const struct reply *reply = call->reply;
    size_t at = reply->last_error;

    metric_add(&stats->failed, 1);
    metric_add(&call->env->metrics.error_replies, reply->errors);
    if (at < reply->out.used) {
        error_stats_note(&call->env->errors,
                         bytes_of(reply->out.data + at, reply->out.used - at));
    }
    call->reply->errors = 0;
}

static NOINLINE struct histogram *
new_histogram(struct cmd_stats *stats)
{
    stats->latency = mem_must_zero(sizeof(*stats->latency));
    return stats->latency;
}

static NOINLINE void
account_slow(struct cmd_call *call, uint64_t duration_us)
{
    slowlog_note(call, duration_us);
    latency_note_call(call, duration_us);
}

void
cmd_feed_monitors(struct cmd_call *call)
{
    const struct cmd_shared *shared = call->env->shared;

    if (UNLIKELY(atomic_load_explicit(&shared->monitor_count,
                                      memory_order_relaxed) > 0) &&
        !(call->spec->flags & (CMD_SKIP_MONITOR | CMD_ADMIN))) {
        shared->host->feed(call);
    }
}

static inline void
account(struct cmd_call *call)
{
    struct cmd_env *env = call->env;
    struct cmd_stats *stats = &env->stats[call->spec->index];
    uint64_t now = ticks_now(), elapsed = now - env->ticks;
    uint64_t elapsed_us = (uint64_t)((double)elapsed * env->limits.us_per_tick);

    env->ticks = now;
    /* CONFIG SET may have changed a limit, which then counts for it, too */
    if (UNLIKELY(call->spec->flags & CMD_ADMIN)) cmd_env_refresh(env);
    metric_add(&stats->calls, 1);
    metric_add(&stats->ticks, elapsed);
    metric_add(&env->metrics.commands_processed, 1);
    if (LIKELY(env->limits.tracks_latency)) {
        struct histogram *latency = stats->latency;

        if (UNLIKELY(latency == NULL)) latency = new_histogram(stats);
        histogram_add(latency, elapsed_us);
    }
    if (UNLIKELY(call->reply->errors > 0)) account_errors(call, stats);
    if (UNLIKELY(elapsed_us >= env->limits.slow_us))
        account_slow(call, elapsed_us);
    if (env->router == NULL) cmd_feed_monitors(call);
}

/* ---- the ways in ---- */

bool
cmd_execute(struct cmd_call *call, bool has_key)
{
    call->is_refused = false;
    run_unlocked(call, has_key);
    if (UNLIKELY(call->is_refused)) return false;
    account(call);
    return true;
}

bool
cmd_check_room(struct cmd_call *call)
{
    if (LIKELY(has_room(call))) return true;
    reject(call, oom_text);
    return false;
}

bool
cmd_locate(struct cmd_call *call, bool has_key)
{
    const struct cmd_spec *spec = call->spec;

    switch ((enum cmd_key_shape)spec->key_shape) {
    case CMD_KEYS_NONE: return true;
    case CMD_KEYS_ONE:
        if (!has_key) {
            call->key = store_key(call->store, call->client->db,
                                  call->args[spec->key_first]);
        }
        return true;
    case CMD_KEYS_MANY: return locate(call);
    }
    return false;
}

void
cmd_run(struct cmd_call *call, bool has_key)
{
    struct client *client = call->client;
    size_t start = call->reply->out.used;

    call->reply->errors = 0;
    call->keys = NULL;
    call->key_count = 0;
    call->is_taken = false;
    if (LIKELY(passes(call))) {
        const struct cmd_router *router = call->env->router;

        if (UNLIKELY((client->flags & CLIENT_MULTI) &&
                     !(call->spec->flags & CMD_IN_MULTI))) {
            multi_queue(call);
        } else if (UNLIKELY(router != NULL)) {
            router->run(router->self, call, has_key);
        } else {
            run_unlocked(call, has_key);
            account(call);
        }
    }
    if (UNLIKELY(client->flags & (CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP |
                                  CLIENT_REPLY_SKIP_NEXT))) {
        if (client->flags & (CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP))
            call->reply->out.used = start;
        client->flags &= ~(uint32_t)CLIENT_REPLY_SKIP;
        if (client->flags & CLIENT_REPLY_SKIP_NEXT) {
            client->flags &= ~(uint32_t)CLIENT_REPLY_SKIP_NEXT;
            client->flags |= CLIENT_REPLY_SKIP;
        }
    }
}

void
cmd_run_held(struct cmd_call *call)
{
    call->keys = NULL;
    call->key_count = 0;
    call->reply->errors = 0;
    switch ((enum cmd_key_shape)call->spec->key_shape) {
    case CMD_KEYS_NONE: break;
    case CMD_KEYS_ONE:
        call->key = store_key(call->store, call->client->db,
                              call->args[call->spec->key_first]);
        break;
    case CMD_KEYS_MANY:
        if (!locate(call)) {
            reply_error(call->reply, oom_text);
            account(call);
            return;
        }
        break;
    }
    call->spec->run(call);
    account(call);
    call->reply->errors = 0;
}

/* ---- helpers for handlers ---- */

struct object *
cmd_peek(struct cmd_call *call, const struct store_key *key)
{
    enum store_touch touch =
        call->client->flags & CLIENT_NO_TOUCH ? STORE_NO_TOUCH : STORE_TOUCH;

    return store_get(call->store, key, touch, call->wall_ms);
}

struct object *
cmd_read(struct cmd_call *call, const struct store_key *key)
{
    struct object *object = cmd_peek(call, key);
    struct metrics *metrics = &call->env->metrics;

    metric_add(object != NULL ? &metrics->keyspace_hits
                              : &metrics->keyspace_misses,
               1);
    return object;
}

bool
cmd_int_arg(struct cmd_call *call, uint32_t at, int64_t *value)
{
    if (number_parse_int(call->args[at], value)) return true;
    reply_error(call->reply, "ERR value is not an integer or out of range");
    return false;
}

bool
cmd_arg_is(const struct cmd_call *call, uint32_t at, const char *lower)
{
    return bytes_is_nocase(call->args[at], lower);
}
