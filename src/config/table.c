#include "config/table.h"

#define INT_TOP INT32_MAX
#define LONG_TOP INT64_MAX

/* Redis lists these in another order, or lists fewer. */
#define SETTING_LISTED_POLICY                                                  \
    "volatile-lru, volatile-lfu, volatile-random, volatile-ttl, "              \
    "allkeys-lru, allkeys-lfu, allkeys-random, noeviction"
#define SETTING_LISTED_LOGLEVEL "debug, verbose, notice, warning"

#define CHOICES_ARRAY(SET, ...)                                                \
    static const char *const choices_##SET[] = {__VA_ARGS__, NULL};
SETTING_CHOICES(CHOICES_ARRAY)
#undef CHOICES_ARRAY

/* clang-format off */
#define REASON_NONE NULL
#define REASON_NOT_YET "not supported yet"
#define REASON_APPEND_LATER "not supported yet: nothing is written to disk, and a " \
    "restart begins empty"
#define REASON_NO_SNAPSHOT "snapshots are not supported yet: nothing is written to " \
    "disk, and a restart begins empty"
#define REASON_NO_LOG "there is no log on disk yet"
#define REASON_NO_RESTORE "DUMP payloads are not read yet"
#define REASON_NO_REPLICAS "there are no masters and replicas here"
#define REASON_NO_REPLICAOF "replication from a master is not supported: remove the " \
    "line, and let clients write to Kula"
#define REASON_NO_MASTERAUTH "there is no master to log in to: remove the line; " \
    "requirepass sets the password of this server"
#define REASON_NO_CLUSTER "cluster mode is not supported yet"
#define REASON_NO_ACL "users other than the default one are not supported yet"
#define REASON_NO_MODULES "modules are not supported"
#define REASON_NO_SCRIPTS "scripts are not supported yet"
#define REASON_NO_TRACKING "client tracking is not supported yet"
#define REASON_NO_COMMANDLOG "only the slow log is kept"
#define REASON_NO_TLS "TLS is not supported yet"
#define REASON_NO_TYPE "its type is not there yet"
#define REASON_NO_OUTGOING "the server opens no connections"
#define REASON_NO_TITLE "the process keeps its name"
#define REASON_NO_MEMCHECK "the crash report does not test the memory"
#define REASON_NO_LOGO "there is no logo"
#define REASON_NO_WARNINGS "there are no such warnings"
#define REASON_OWN_TICK "the node's ticks have a rate of their own"
#define REASON_OWN_MEMORY "the allocator and the store's layout see to it"
#define REASON_OWN_EVICTION "eviction works without samples and needs no tuning"
#define REASON_OWN_EXPIRY "expiry works within a budget of its own"
#define REASON_OWN_FREEING "freeing never blocks"
#define REASON_OWN_TABLES "the store's tables see to it"
#define REASON_OWN_LOOP "the event loop sees to it"
#define REASON_OWN_LOG "the log holds no data of users"
#define REASON_THREADS "each of io-threads reads, executes and writes"
#define REASON_USE_IO_THREADS "use io-threads"
#define REASON_CPULIST "the system places the threads"
#define REASON_OTHER_SERVER "another server's own"
#define REASON_GONE "Redis 7 has no such directive any more"

/* X(ID, "the other name") */
#define SETTING_ALIASES(X) \
    X(REPLICAOF, "slaveof") \
    X(REPLICA_SERVE_STALE_DATA, "slave-serve-stale-data") \
    X(REPLICA_READ_ONLY, "slave-read-only") \
    X(REPLICA_IGNORE_MAXMEMORY, "slave-ignore-maxmemory") \
    X(REPLICA_LAZY_FLUSH, "slave-lazy-flush") \
    X(REPLICA_PRIORITY, "slave-priority") \
    X(REPLICA_ANNOUNCE_IP, "slave-announce-ip") \
    X(REPLICA_ANNOUNCE_PORT, "slave-announce-port") \
    X(REPL_PING_REPLICA_PERIOD, "repl-ping-slave-period") \
    X(MIN_REPLICAS_TO_WRITE, "min-slaves-to-write") \
    X(MIN_REPLICAS_MAX_LAG, "min-slaves-max-lag") \
    X(CLUSTER_REPLICA_VALIDITY_FACTOR, "cluster-slave-validity-factor") \
    X(CLUSTER_REPLICA_NO_FAILOVER, "cluster-slave-no-failover") \
    X(HASH_MAX_LISTPACK_ENTRIES, "hash-max-ziplist-entries") \
    X(HASH_MAX_LISTPACK_VALUE, "hash-max-ziplist-value") \
    X(LIST_MAX_LISTPACK_SIZE, "list-max-ziplist-size") \
    X(ZSET_MAX_LISTPACK_ENTRIES, "zset-max-ziplist-entries") \
    X(ZSET_MAX_LISTPACK_VALUE, "zset-max-ziplist-value") \
    X(BUSY_REPLY_THRESHOLD, "lua-time-limit") \
    X(BUS_PORT, "cluster-port") \
    X(NODE_TIMEOUT_MS, "cluster-node-timeout") \
    X(ANNOUNCE_ADDRESS, "cluster-announce-ip")

/* Names that Valkey has added: known, and not shown by CONFIG GET. */
#define SETTING_NEWER_NAMES(X) \
    X(MASTERAUTH, "primaryauth") \
    X(MASTERUSER, "primaryuser") \
    X(SLOWLOG_LOG_SLOWER_THAN, "commandlog-execution-slower-than") \
    X(SLOWLOG_MAX_LEN, "commandlog-slow-execution-max-len")
/* clang-format on */

#define choices_NONE NULL

static const struct setting_row rows[SETTING_COUNT] = {
#define ROW(ID, text, KIND, USE, FLAGS, standard, low, high, SET, WHY)         \
    [SETTING_##ID] = {.name = text,                                            \
                      .kind = KIND_##KIND,                                     \
                      .use = USE_##USE,                                        \
                      .flags = FLAGS,                                          \
                      .fallback = standard,                                    \
                      .least = low,                                            \
                      .most = high,                                            \
                      .choices = choices_##SET,                                \
                      .reason = REASON_##WHY},
    DIRECTIVES(ROW)
#undef ROW
};

#define NAME(ID, text) [SETTING_##ID] = text,
static const char *const aliases[SETTING_COUNT] = {SETTING_ALIASES(NAME)};
static const char *const newer_names[SETTING_COUNT] = {
    SETTING_NEWER_NAMES(NAME)};
#undef NAME

const struct setting_row *
table_row(enum setting id)
{
    ASSERT((uint32_t)id < SETTING_COUNT);
    return &rows[id];
}

const char *
table_alias(enum setting id)
{
    ASSERT((uint32_t)id < SETTING_COUNT);
    return aliases[id];
}

const char *
table_newer_name(enum setting id)
{
    ASSERT((uint32_t)id < SETTING_COUNT);
    return newer_names[id];
}

const char *
table_listed(enum setting id)
{
    if (id == SETTING_MAXMEMORY_POLICY) return SETTING_LISTED_POLICY;
    if (id == SETTING_LOGLEVEL) return SETTING_LISTED_LOGLEVEL;
    return NULL;
}

bool
table_is_text(enum setting_kind kind)
{
    return kind >= KIND_TEXT && kind != KIND_OUTPUT_LIMITS;
}

bool
table_takes_words(enum setting_kind kind)
{
    return kind >= KIND_WORDS || kind == KIND_CHOICES;
}
