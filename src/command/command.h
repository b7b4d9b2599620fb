/*
 * command.h - what a command is, and how one is run.
 *
 * A command is a function over the local store, written once, that knows
 * nothing of rings, sockets or threads. It finds its keys' slots locked,
 * reads its arguments, changes the store through store.h, and appends exactly
 * one reply. cmd_run() wraps it: gates (auth, arity, memory), locks,
 * statistics.
 *
 *     session --args--> cmd_find --> cmd_run --> gates --> locks --> spec->run
 *
 * A command over several keys gets all their slots locked. One with CMD_WHOLE
 * walks the keyspace by itself (store_scan and the like take locks) and passes
 * call->all_held on, which is true inside EXEC.
 */
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

#include "base/bytes.h"
#include "base/histogram.h"
#include "base/metrics.h"
#include "command/client.h"
#include "command/error_stats.h"
#include "command/prefix.h"
#include "command/rates.h"
#include "config/settings.h"
#include "resp/reply.h"
#include "ring/slot.h"
#include "store/store.h"

enum { CMD_ARGS_ANY = -1 };

enum cmd_flag { /* names as COMMAND INFO shows them, lower-cased */
                CMD_WRITE = 1 << 0,
                CMD_READONLY = 1 << 1,
                CMD_DENYOOM = 1 << 2,
                CMD_ADMIN = 1 << 3,
                CMD_PUBSUB = 1 << 4,
                CMD_NOSCRIPT = 1 << 5,
                CMD_BLOCKING = 1 << 6,
                CMD_LOADING = 1 << 7,
                CMD_STALE = 1 << 8,
                CMD_SKIP_MONITOR = 1 << 9,
                CMD_SKIP_SLOWLOG = 1 << 10,
                CMD_FAST = 1 << 11,
                CMD_NO_AUTH = 1 << 12,
                CMD_MAY_REPLICATE = 1 << 13,
                CMD_NO_ASYNC_LOADING = 1 << 14,
                CMD_NO_MULTI = 1 << 15,
                CMD_MOVABLEKEYS = 1 << 16,
                CMD_ALLOW_BUSY = 1 << 17,
                CMD_TOUCHES_ARBITRARY_KEYS = 1 << 18,
                /* ours, never shown */
                CMD_WHOLE = 1 << 24, /* walks the keyspace; locks by itself */
                CMD_SUBCOMMANDS =
                    1 << 25, /* a container: args[1] names the command */
                CMD_IN_MULTI =
                    1 << 26, /* runs at once inside MULTI (EXEC, DISCARD...) */
                CMD_INTERNAL = 1 << 27, /* between nodes; no client's */
};

struct cmd_call;

/*
 * A row of the command table. Each family has one constant table of rows, that
 * command/table.c lists; cmd_table_init() copies them into one array, in which
 * index and parent are known. All pointers that cmd_find() and the like give
 * point into that array.
 */
struct cmd_spec {
    const char *name;  /* lower case; "set", or "client|list" */
    const char *group; /* as COMMAND DOCS: "string", "generic", ... */
    int32_t args_min;  /* the name included (both words of a subcommand) */
    int32_t args_max;  /* CMD_ARGS_ANY, or args_min */
    uint32_t flags;    /* enum cmd_flag */
    int32_t key_first, key_last, key_step; /* as COMMAND INFO; 0: no keys */
    void (*run)(struct cmd_call *call);
    /* for keys that key_first.. can't describe (CMD_MOVABLEKEYS), else NULL:
     * writes argument indexes to `at` (room for arg_count), returns how many,
     * -1 if the arguments make no sense */
    int32_t (*find_keys)(const struct bytes *args, uint32_t arg_count,
                         uint32_t *at);
    const char *acl;      /* "write string slow", without '@' */
    const char *tips;     /* comma separated, as COMMAND INFO; NULL: none */
    const char *key_spec; /* "RW access update": flags of the first key spec */
    const char *since;    /* "1.0.0" */
    const char *complexity;
    const char *summary; /* our words, one line */
    const char *syntax;  /* argument synopsis: "key value [NX | XX]" */
    uint32_t index;      /* set by cmd_table_init: 0.. for statistics */
    uint32_t key_shape;  /* enum cmd_key_shape; set by init */
    const struct cmd_spec *parent; /* of a subcommand; set by init */
};

enum cmd_key_shape { CMD_KEYS_NONE, CMD_KEYS_ONE, CMD_KEYS_MANY };

enum { CMD_SPECS_MAX = 256 };

/* Statistics of one command on one worker; written by that worker alone. */
struct cmd_stats {
    _Atomic uint64_t calls, failed, rejected, ticks;
    struct histogram *_Atomic latency; /* NULL until the first call; us */
};

/* CLIENT LIST and CLIENT KILL filters. */
struct client_query {
    bool is_kill;      /* else: list */
    bool is_old_style; /* CLIENT KILL addr: OK or an error, not a count */
    uint64_t *ids;     /* borrowed; NULL: all */
    uint32_t id_count;
    struct bytes address, local_address, user; /* size 0: any */
    const char *type; /* "normal", "pubsub", "replica", "master"; NULL: any */
    bool skip_me;
};

/* What cmd_host.ring tells. */
enum cmd_ring_report {
    CMD_RING_NODES,  /* an array with a map for each member */
    CMD_RING_MAP,    /* a map: the ring's facts, and who has which slots */
    CMD_RING_SLOT,   /* a map: all that is known here of slot call->key.slot */
    CMD_RING_OWNERS, /* two pairs of a map: that slot's owners; those that can
                      * be reached from here */
    CMD_RING_HINTS,  /* a map: copies kept for others */
    CMD_RING_REPAIR, /* a map: how the comparing and mending goes */
    CMD_RING_STATUS, /* a map: all that a verdict on the ring needs */
    CMD_RING_INFO,   /* lines of INFO, appended to env->scratch */
};

/* What a command may ask of the process around it. node/ implements it. */
struct cmd_host {
    /* CLIENT LIST, INFO and KILL reach over all workers: they answer later.
     * The host copies what it needs of the call and finishes the reply. */
    void (*clients)(struct cmd_call *call, const struct client_query *query);
    void (*monitor)(struct cmd_call *call); /* the client becomes a monitor */
    void (*pause)(struct cmd_call *call, int64_t until_ms, bool only_writes);
    /* the client's next command waits until then (DEBUG SLEEP) */
    void (*sleep)(struct cmd_call *call, int64_t until_ms);
    void (*shutdown)(struct cmd_call *call);
    /* CONFIG REWRITE; NULL, or the error text for the client */
    const char *(*config_rewrite)(struct cmd_call *call);
    /* applies what CONFIG SET changed and a setting's value alone does not do
     */
    void (*config_changed)(struct cmd_call *call, enum setting id);
    /* a command was run and somebody is monitoring */
    void (*feed)(struct cmd_call *call);
    /* what this node knows of its ring (or that it is alone): the reply */
    void (*ring)(struct cmd_call *call, enum cmd_ring_report what);
    /* KULA.PREFIX SET and DEL (rule->quorum and conflict say nothing): all
     * nodes are told; NULL, or the error text for the client */
    const char *(*prefix)(struct cmd_call *call,
                          const struct prefix_rule *rule);
};

/*
 * What stands around commands in a ring; coord/ implements it. A worker whose
 * env->router is NULL is alone: its commands see the local store and nothing
 * else.
 */
struct cmd_router {
    /* A command has passed its gates. Runs it (cmd_execute), or sets
     * call->is_taken: its reply comes later, in the client's order. */
    void (*run)(void *self, struct cmd_call *call, bool has_key);
    /* A hint: commands on this slot are about to be run. */
    void (*expect)(void *self, uint32_t slot);
    /* The client has commands under way (client->ops): text that was replied
     * at once waits behind them. */
    void (*behind)(void *self, struct client *client, struct bytes text);
    /* Moves replies that are due to `out`; true: nothing is under way. */
    bool (*collect)(void *self, struct client *client, struct buf *out);
    /* The client goes away; what is under way goes on without it. */
    void (*forget)(void *self, struct client *client);
    /* Too much is under way: nothing more is to be read. */
    bool (*is_full)(void *self);
    void *self;
};

/* Around one execution; both are called with the command's slots locked. */
struct cmd_guard {
    bool (*enter)(void *self, struct cmd_call *call); /* false: not now */
    void (*leave)(void *self, struct cmd_call *call);
    void *self;
};

/* Facts about the process that the loop refreshes with each tick. */
struct process_facts {
    _Atomic uint64_t rss_bytes;
    _Atomic uint64_t rss_peak_bytes;
    _Atomic uint64_t cpu_user_us, cpu_sys_us; /* the whole process */
    /* written once before the workers start */
    uint64_t total_memory_bytes;
    int64_t pid;
    int64_t start_wall_ms;
    char executable[1024], config_file[1024], os[256];
    char multiplexing_api[16];
    char run_id[41];
    char supervised[16];
};

struct slowlog;
struct latency;

/* One per node, shared by its workers. */
struct cmd_shared {
    struct store *store;
    struct settings *settings;
    struct process_facts facts;
    struct slowlog *slowlog; /* own lock inside */
    struct latency *latency; /* LATENCY LATEST events; own lock inside */
    struct cmd_env *envs;    /* one per worker */
    uint32_t worker_count;
    const struct cmd_host *host;
    void *host_self;
    _Atomic uint64_t next_client_id;
    _Atomic uint32_t monitor_count;
    _Atomic int64_t pause_until_ms; /* monotonic; 0: not paused */
    _Atomic bool pause_only_writes;
    _Atomic bool is_loading; /* not yet one of its ring: LOADING */
    _Atomic bool is_twin;    /* and never will be: another has its id */
    _Atomic int64_t last_save_s;
    /* replaced whole; valid until the worker's turn ends; NULL: none */
    struct prefixes *_Atomic prefixes;
    _Atomic int64_t stats_reset_ms;
    struct rates rates; /* sampled by worker 0: info_sample() */
};

/* A class of client-output-buffer-limit; 0: no limit. */
struct cmd_out_limit {
    uint64_t hard_bytes, soft_bytes;
    int64_t soft_ms;
};

/* Settings that the path of every command asks for, copied with each tick. */
struct cmd_limits {
    struct cmd_out_limit out_normal, out_pubsub;
    uint64_t query_bytes; /* client-query-buffer-limit */
    uint64_t slow_us;     /* from here on the slow log and LATENCY are told */
    double us_per_tick;
    bool tracks_latency;
    bool is_pipeline_strict; /* pipeline-order strict */
};

/* The largest buffers of one client in each of the last seconds. */
enum { CMD_RECENT_SECONDS = 8 };
struct cmd_recent {
    size_t input[CMD_RECENT_SECONDS], output[CMD_RECENT_SECONDS];
    uint32_t at;    /* the present second's */
    int64_t second; /* monotonic, of the last refresh */
};

/* One per worker. */
struct cmd_env {
    _Alignas(64) struct cmd_shared *shared;
    const struct cmd_router *router; /* NULL: alone */
    uint32_t worker;
    int64_t now_ms;         /* monotonic, of this turn */
    int64_t wall_ms;        /* Unix milliseconds, of this turn */
    uint64_t wall_us;       /* Unix microseconds, of this turn: TIME, MONITOR */
    struct metrics metrics; /* base/metrics.h */
    struct cmd_stats stats[CMD_SPECS_MAX]; /* by spec->index */
    struct error_stats errors;             /* by first word */
    struct buf scratch;       /* for a handler's use during one call */
    struct cmd_limits limits; /* cmd_env_refresh() */
    struct cmd_recent recent;
    uint64_t ticks;         /* when the command before ended, this one began */
    struct store_key *keys; /* of the present command; owned, grows */
    uint32_t *key_args;     /* argument indexes, the same count; owned */
    uint32_t key_room;
    uint64_t slot_set[SLOT_COUNT / 64]; /* slots to lock; empty in between */
    uint16_t *slots; /* the same as an ascending list; owned, SLOT_COUNT */
    uint32_t slot_count;
};

/* Zeroed memory in, ready for commands out. */
void cmd_env_init(struct cmd_env *env, struct cmd_shared *shared,
                  uint32_t worker);
void cmd_env_deinit(struct cmd_env *env);
/* Reads the limits anew: with each tick, and after commands that may set them.
 */
void cmd_env_refresh(struct cmd_env *env);

/* How large a client's buffers are now, for INFO. */
static inline void
cmd_env_note_buffers(struct cmd_env *env, size_t input, size_t output)
{
    struct cmd_recent *recent = &env->recent;
    uint32_t at = recent->at;

    if (UNLIKELY(input > recent->input[at])) recent->input[at] = input;
    if (UNLIKELY(output > recent->output[at])) recent->output[at] = output;
}

struct cmd_call {
    struct cmd_env *env;
    struct client *client;
    const struct cmd_spec *spec;
    const struct bytes *args; /* args[0] is the name as it was sent */
    uint32_t arg_count;
    struct reply *reply;
    struct store *store; /* env->shared->store */
    int64_t wall_ms;     /* env->wall_ms */
    bool all_held;       /* inside EXEC: every lock needed is held */
    bool is_in_exec;
    bool is_taken;   /* set by the router: the reply comes later */
    bool is_refused; /* set by cmd_execute: the guard said no */
    const struct cmd_guard *guard; /* NULL: none */
    /* the first key, made by the batch or by cmd_run; valid if key_first > 0
     */
    struct store_key key;
    /* all keys of a command with several (NULL otherwise): cmd_key() finds
     * them there instead of hashing anew */
    const struct store_key *keys;
    const uint32_t *key_args;
    uint32_t key_count;
};

/* Once, before any other function: builds the name index. */
void cmd_table_init(void);
/* All rows, containers and subcommands alike; index 0 .. count-1. */
uint32_t cmd_count(void);
const struct cmd_spec *cmd_at(uint32_t index);
/* NULL if there is no such command. Containers resolve to the subcommand when
 * args[1] names one, else to the container itself. Case does not matter. */
const struct cmd_spec *cmd_find(const struct bytes *args, uint32_t arg_count);
const struct cmd_spec *cmd_find_name(struct bytes name); /* "client|list" */

/*
 * Runs one command for a client: unknown-command and arity errors, auth,
 * MULTI queueing, -OOM, locks, statistics, slow log. Exactly one reply is
 * appended, unless the command set CLIENT_WAITING, or replies are off.
 * call->spec is NULL when cmd_find found nothing; call->key is filled by the
 * caller if has_key, else here.
 */
void cmd_run(struct cmd_call *call, bool has_key);

/*
 * True if the command changes something, or may: CLIENT PAUSE WRITE holds it
 * back. EXEC does if a queued command does.
 */
bool cmd_may_write(const struct cmd_call *call);

/* Runs spec->run with the locks already held: EXEC, later scripts. */
void cmd_run_held(struct cmd_call *call);

/* For the router: keys, locks, guard, spec->run, statistics, without gates.
 * False (and call->is_refused): the guard said no, nothing was run or replied.
 */
bool cmd_execute(struct cmd_call *call, bool has_key);
/* The gate of commands that need memory: makes room, or replies -OOM. */
bool cmd_check_room(struct cmd_call *call);
/* Fills call->key, keys, key_args and key_count, which stay valid until the
 * next command of this worker; false: no memory. */
bool cmd_locate(struct cmd_call *call, bool has_key);
/* Tells MONITOR of a client's command; a router does so itself, as the command
 * may be run elsewhere, or more than once. */
void cmd_feed_monitors(struct cmd_call *call);

/*
 * For EXEC: the slots of its commands are added one by one, locked in
 * ascending order, and unlocked together.
 */
void cmd_slots_add(struct cmd_env *env, uint32_t slot);
void cmd_slots_lock(struct cmd_env *env);
void cmd_slots_unlock(struct cmd_env *env);

/* ---- helpers for handlers ---- */

/* The key that is argument `at`, in the client's database. */
struct store_key cmd_key(const struct cmd_call *call, uint32_t at);
/* store_get with the client's NO-TOUCH; counts keyspace hits and misses. */
struct object *cmd_read(struct cmd_call *call, const struct store_key *key);
/* The same for a write command: counts neither. */
struct object *cmd_peek(struct cmd_call *call, const struct store_key *key);
/* Fills the indexes of all key arguments of a well-formed command; at has room
 * for arg_count; the number, 0 for none, or -1. */
int32_t cmd_keys(const struct cmd_spec *spec, const struct bytes *args,
                 uint32_t arg_count, uint32_t *at);
/* True if the client has not authenticated and must. */
bool cmd_needs_auth(const struct cmd_call *call);
/* Integer argument or the usual error reply and false. */
bool cmd_int_arg(struct cmd_call *call, uint32_t at, int64_t *value);
bool cmd_arg_is(const struct cmd_call *call, uint32_t at, const char *lower);

#endif
