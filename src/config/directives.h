/*
 * directives.h - one row per directive that kula.conf may hold.
 *
 *   X(ID, "name", KIND, USE, FLAGS, "default", least, most, CHOICES, WHY)
 *
 * ID       SETTING_<ID> is its number
 * KIND     how its arguments are read and shown: enum setting_kind
 * USE      what it does here, now: enum setting_use, without USE_
 * FLAGS    F_FIXED (CONFIG SET refuses: Redis's "immutable"), F_GUARDED (its
 *          "protected"), F_HIDDEN (not of Redis 7.0: listed once it was set)
 * default  as CONFIG GET shows it
 * CHOICES  the names of an enum, a row of SETTING_CHOICES; NONE otherwise
 * WHY      why it is kept, refused or not there yet: a row of SETTING_REASONS
 *
 * Sorted by subject as in kula.conf. Redis's older names are in
 * SETTING_ALIASES.
 */
#ifndef CONFIG_DIRECTIVES_H
#define CONFIG_DIRECTIVES_H

#define DIRECTIVES(X)                                                          \
    DIRECTIVES_NET(X)                                                          \
    DIRECTIVES_PROCESS(X)                                                      \
    DIRECTIVES_LIMITS(X)                                                       \
    DIRECTIVES_AUTH(X)                                                         \
    DIRECTIVES_DISK(X)                                                         \
    DIRECTIVES_REPLICA(X)                                                      \
    DIRECTIVES_WATCH(X)                                                        \
    DIRECTIVES_TYPES(X)                                                        \
    DIRECTIVES_RING(X)                                                         \
    DIRECTIVES_QUORUM(X)                                                       \
    DIRECTIVES_CLUSTER(X)                                                      \
    DIRECTIVES_TLS(X)                                                          \
    DIRECTIVES_NEWER(X)                                                        \
    DIRECTIVES_OTHER(X)

/* clang-format off */
#define DIRECTIVES_NET(X) \
X(BIND, "bind", WORDS, WORKS, F_FIXED, "* -::*", 0, 16, NONE, NONE) \
X(BIND_SOURCE_ADDR, "bind-source-addr", TEXT, KEPT, 0, "", 0, 0, NONE, NO_OUTGOING) \
X(PORT, "port", INT, WORKS, F_FIXED, "6379", 0, 65535, NONE, NONE) \
X(TCP_BACKLOG, "tcp-backlog", INT, WORKS, F_FIXED, "511", 0, INT_TOP, NONE, NONE) \
X(TCP_KEEPALIVE, "tcp-keepalive", INT, WORKS, 0, "300", 0, INT_TOP, NONE, NONE) \
X(TIMEOUT, "timeout", INT, WORKS, 0, "0", 0, INT_TOP, NONE, NONE) \
X(UNIXSOCKET, "unixsocket", TEXT, WORKS, F_FIXED, "", 0, 0, NONE, NONE) \
X(UNIXSOCKETPERM, "unixsocketperm", OCTAL, WORKS, F_FIXED, "0", 0, 0777, NONE, NONE) \
X(PROTECTED_MODE, "protected-mode", BOOL, WORKS, 0, "yes", 0, 1, NONE, NONE) \
X(SOCKET_MARK_ID, "socket-mark-id", INT, LATER, F_FIXED, "0", 0, 4294967295, NONE, NOT_YET)

#define DIRECTIVES_PROCESS(X) \
X(DAEMONIZE, "daemonize", BOOL, WORKS, F_FIXED, "no", 0, 1, NONE, NONE) \
X(SUPERVISED, "supervised", ENUM, WORKS, F_FIXED, "no", 0, 0, SUPERVISED, NONE) \
X(PIDFILE, "pidfile", TEXT, WORKS, F_FIXED, "", 0, 0, NONE, NONE) \
X(SET_PROC_TITLE, "set-proc-title", BOOL, KEPT, F_FIXED, "yes", 0, 1, NONE, NO_TITLE) \
X(PROC_TITLE_TEMPLATE, "proc-title-template", TITLE, KEPT, 0, "{title} {listen-addr} {server-mode}", 0, 0, NONE, NO_TITLE) \
X(OOM_SCORE_ADJ, "oom-score-adj", ENUM, WORKS, 0, "no", 0, 0, OOM_SCORE, NONE) \
X(OOM_SCORE_ADJ_VALUES, "oom-score-adj-values", OOM_VALUES, WORKS, 0, "0 200 800", 3, 3, NONE, NONE) \
X(DISABLE_THP, "disable-thp", BOOL, WORKS, F_FIXED, "yes", 0, 1, NONE, NONE) \
X(IO_THREADS, "io-threads", INT, WORKS, F_FIXED, "1", 1, 128, NONE, NONE) \
X(IO_THREADS_DO_READS, "io-threads-do-reads", BOOL, KEPT, F_FIXED, "no", 0, 1, NONE, THREADS) \
X(SERVER_CPULIST, "server_cpulist", TEXT, KEPT, F_FIXED, "", 0, 0, NONE, CPULIST) \
X(BIO_CPULIST, "bio_cpulist", TEXT, KEPT, F_FIXED, "", 0, 0, NONE, CPULIST) \
X(AOF_REWRITE_CPULIST, "aof_rewrite_cpulist", TEXT, KEPT, F_FIXED, "", 0, 0, NONE, CPULIST) \
X(BGSAVE_CPULIST, "bgsave_cpulist", TEXT, KEPT, F_FIXED, "", 0, 0, NONE, CPULIST) \
X(CRASH_LOG_ENABLED, "crash-log-enabled", BOOL, WORKS, F_FIXED, "yes", 0, 1, NONE, NONE) \
X(CRASH_MEMCHECK_ENABLED, "crash-memcheck-enabled", BOOL, KEPT, 0, "yes", 0, 1, NONE, NO_MEMCHECK) \
X(SHUTDOWN_TIMEOUT, "shutdown-timeout", INT, KEPT, 0, "10", 0, INT_TOP, NONE, NO_REPLICAS) \
X(SHUTDOWN_ON_SIGINT, "shutdown-on-sigint", CHOICES, KEPT, 0, "default", 0, 0, SHUTDOWN, NO_SNAPSHOT) \
X(SHUTDOWN_ON_SIGTERM, "shutdown-on-sigterm", CHOICES, KEPT, 0, "default", 0, 0, SHUTDOWN, NO_SNAPSHOT) \
X(ALWAYS_SHOW_LOGO, "always-show-logo", BOOL, KEPT, F_FIXED, "no", 0, 1, NONE, NO_LOGO) \
X(IGNORE_WARNINGS, "ignore-warnings", TEXT, KEPT, 0, "", 0, 0, NONE, NO_WARNINGS) \
X(HZ, "hz", HERTZ, KEPT, 0, "10", 0, INT_TOP, NONE, OWN_TICK) \
X(DYNAMIC_HZ, "dynamic-hz", BOOL, KEPT, 0, "yes", 0, 1, NONE, OWN_TICK) \
X(JEMALLOC_BG_THREAD, "jemalloc-bg-thread", BOOL, KEPT, 0, "yes", 0, 1, NONE, OWN_MEMORY) \
X(LOGLEVEL, "loglevel", ENUM, WORKS, 0, "notice", 0, 0, LOGLEVEL, NONE) \
X(LOGFILE, "logfile", TEXT, WORKS, F_FIXED, "", 0, 0, NONE, NONE) \
X(SYSLOG_ENABLED, "syslog-enabled", BOOL, WORKS, F_FIXED, "no", 0, 1, NONE, NONE) \
X(SYSLOG_IDENT, "syslog-ident", TEXT, WORKS, F_FIXED, "kula", 0, 0, NONE, NONE) \
X(SYSLOG_FACILITY, "syslog-facility", ENUM, WORKS, F_FIXED, "local0", 0, 0, SYSLOG, NONE)

#define DIRECTIVES_LIMITS(X) \
X(MAXCLIENTS, "maxclients", INT, WORKS, 0, "10000", 1, 4294967295, NONE, NONE) \
X(MAXMEMORY, "maxmemory", MEMORY, WORKS, 0, "0", 0, LONG_TOP, NONE, NONE) \
X(MAXMEMORY_POLICY, "maxmemory-policy", ENUM, WORKS, 0, "noeviction", 0, 0, POLICY, NONE) \
X(MAXMEMORY_SAMPLES, "maxmemory-samples", INT, KEPT, 0, "5", 1, INT_TOP, NONE, OWN_EVICTION) \
X(MAXMEMORY_EVICTION_TENACITY, "maxmemory-eviction-tenacity", INT, KEPT, 0, "10", 0, 100, NONE, OWN_EVICTION) \
X(MAXMEMORY_CLIENTS, "maxmemory-clients", PERCENT, LATER, 0, "0", -100, LONG_TOP, NONE, NOT_YET) \
X(CLIENT_OUTPUT_BUFFER_LIMIT, "client-output-buffer-limit", OUTPUT_LIMITS, WORKS, 0, "normal 67108864 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60", 0, 0, NONE, NONE) \
X(CLIENT_QUERY_BUFFER_LIMIT, "client-query-buffer-limit", MEMORY, WORKS, 0, "67108864", 1048576, LONG_TOP, NONE, NONE) \
X(PROTO_MAX_BULK_LEN, "proto-max-bulk-len", MEMORY, WORKS, 0, "536870912", 1048576, LONG_TOP, NONE, NONE) \
X(LFU_LOG_FACTOR, "lfu-log-factor", INT, KEPT, 0, "10", 0, INT_TOP, NONE, OWN_EVICTION) \
X(LFU_DECAY_TIME, "lfu-decay-time", INT, KEPT, 0, "1", 0, INT_TOP, NONE, OWN_EVICTION) \
X(ACTIVE_EXPIRE_EFFORT, "active-expire-effort", INT, KEPT, 0, "1", 1, 10, NONE, OWN_EXPIRY) \
X(LAZYFREE_LAZY_EVICTION, "lazyfree-lazy-eviction", BOOL, KEPT, 0, "no", 0, 1, NONE, OWN_FREEING) \
X(LAZYFREE_LAZY_EXPIRE, "lazyfree-lazy-expire", BOOL, KEPT, 0, "no", 0, 1, NONE, OWN_FREEING) \
X(LAZYFREE_LAZY_SERVER_DEL, "lazyfree-lazy-server-del", BOOL, KEPT, 0, "no", 0, 1, NONE, OWN_FREEING) \
X(LAZYFREE_LAZY_USER_DEL, "lazyfree-lazy-user-del", BOOL, KEPT, 0, "no", 0, 1, NONE, OWN_FREEING) \
X(LAZYFREE_LAZY_USER_FLUSH, "lazyfree-lazy-user-flush", BOOL, KEPT, 0, "no", 0, 1, NONE, OWN_FREEING) \
X(ACTIVEDEFRAG, "activedefrag", BOOL, KEPT, 0, "no", 0, 1, NONE, OWN_MEMORY) \
X(ACTIVE_DEFRAG_IGNORE_BYTES, "active-defrag-ignore-bytes", MEMORY, KEPT, 0, "104857600", 1, LONG_TOP, NONE, OWN_MEMORY) \
X(ACTIVE_DEFRAG_THRESHOLD_LOWER, "active-defrag-threshold-lower", INT, KEPT, 0, "10", 0, 1000, NONE, OWN_MEMORY) \
X(ACTIVE_DEFRAG_THRESHOLD_UPPER, "active-defrag-threshold-upper", INT, KEPT, 0, "100", 0, 1000, NONE, OWN_MEMORY) \
X(ACTIVE_DEFRAG_CYCLE_MIN, "active-defrag-cycle-min", INT, KEPT, 0, "1", 1, 99, NONE, OWN_MEMORY) \
X(ACTIVE_DEFRAG_CYCLE_MAX, "active-defrag-cycle-max", INT, KEPT, 0, "25", 1, 99, NONE, OWN_MEMORY) \
X(ACTIVE_DEFRAG_MAX_SCAN_FIELDS, "active-defrag-max-scan-fields", INT, KEPT, 0, "1000", 1, LONG_TOP, NONE, OWN_MEMORY) \
X(ACTIVEREHASHING, "activerehashing", BOOL, KEPT, 0, "yes", 0, 1, NONE, OWN_TABLES)

#define DIRECTIVES_AUTH(X) \
X(REQUIREPASS, "requirepass", TEXT, WORKS, 0, "", 0, 0, NONE, NONE) \
X(ACLFILE, "aclfile", TEXT, LATER, F_FIXED, "", 0, 0, NONE, NOT_YET) \
X(ACLLOG_MAX_LEN, "acllog-max-len", INT, KEPT, 0, "128", 0, LONG_TOP, NONE, NO_ACL) \
X(ACL_PUBSUB_DEFAULT, "acl-pubsub-default", ENUM, KEPT, 0, "resetchannels", 0, 0, ACL_PUBSUB, NO_ACL) \
X(ENABLE_DEBUG_COMMAND, "enable-debug-command", ENUM, WORKS, F_FIXED, "no", 0, 0, PROTECTED, NONE) \
X(ENABLE_MODULE_COMMAND, "enable-module-command", ENUM, KEPT, F_FIXED, "no", 0, 0, PROTECTED, NO_MODULES) \
X(ENABLE_PROTECTED_CONFIGS, "enable-protected-configs", ENUM, WORKS, F_FIXED, "no", 0, 0, PROTECTED, NONE)

#define DIRECTIVES_DISK(X) \
X(DIR, "dir", TEXT, WORKS, F_GUARDED, ".", 0, 0, NONE, NONE) \
X(DBFILENAME, "dbfilename", FILE_NAME, KEPT, F_GUARDED, "dump.rdb", 0, 0, NONE, NO_SNAPSHOT) \
X(SAVE, "save", SAVE, KEPT, 0, "3600 1 300 100 60 10000", 0, 0, NONE, NO_SNAPSHOT) \
X(RDBCOMPRESSION, "rdbcompression", BOOL, KEPT, 0, "yes", 0, 1, NONE, NO_SNAPSHOT) \
X(RDBCHECKSUM, "rdbchecksum", BOOL, KEPT, F_FIXED, "yes", 0, 1, NONE, NO_SNAPSHOT) \
X(RDB_DEL_SYNC_FILES, "rdb-del-sync-files", BOOL, KEPT, 0, "no", 0, 1, NONE, NO_REPLICAS) \
X(RDB_SAVE_INCREMENTAL_FSYNC, "rdb-save-incremental-fsync", BOOL, KEPT, 0, "yes", 0, 1, NONE, NO_SNAPSHOT) \
X(STOP_WRITES_ON_BGSAVE_ERROR, "stop-writes-on-bgsave-error", BOOL, KEPT, 0, "yes", 0, 1, NONE, NO_SNAPSHOT) \
X(SANITIZE_DUMP_PAYLOAD, "sanitize-dump-payload", ENUM, KEPT, 0, "no", 0, 0, SANITIZE, NO_RESTORE) \
X(APPENDONLY, "appendonly", BOOL, LATER, 0, "no", 0, 1, NONE, APPEND_LATER) \
X(APPENDFSYNC, "appendfsync", ENUM, KEPT, 0, "everysec", 0, 0, APPENDFSYNC, NO_LOG) \
X(APPENDFILENAME, "appendfilename", FILE_NAME, KEPT, F_FIXED, "appendonly.aof", 0, 0, NONE, NO_LOG) \
X(APPENDDIRNAME, "appenddirname", FILE_NAME, KEPT, F_FIXED, "appendonlydir", 0, 0, NONE, NO_LOG) \
X(NO_APPENDFSYNC_ON_REWRITE, "no-appendfsync-on-rewrite", BOOL, KEPT, 0, "no", 0, 1, NONE, NO_LOG) \
X(AUTO_AOF_REWRITE_PERCENTAGE, "auto-aof-rewrite-percentage", INT, KEPT, 0, "100", 0, INT_TOP, NONE, NO_LOG) \
X(AUTO_AOF_REWRITE_MIN_SIZE, "auto-aof-rewrite-min-size", MEMORY, KEPT, 0, "67108864", 0, LONG_TOP, NONE, NO_LOG) \
X(AOF_LOAD_TRUNCATED, "aof-load-truncated", BOOL, KEPT, 0, "yes", 0, 1, NONE, NO_LOG) \
X(AOF_USE_RDB_PREAMBLE, "aof-use-rdb-preamble", BOOL, KEPT, 0, "yes", 0, 1, NONE, NO_LOG) \
X(AOF_TIMESTAMP_ENABLED, "aof-timestamp-enabled", BOOL, KEPT, 0, "no", 0, 1, NONE, NO_LOG) \
X(AOF_REWRITE_INCREMENTAL_FSYNC, "aof-rewrite-incremental-fsync", BOOL, KEPT, 0, "yes", 0, 1, NONE, NO_LOG) \
X(AOF_DISABLE_AUTO_GC, "aof-disable-auto-gc", BOOL, KEPT, 0, "no", 0, 1, NONE, NO_LOG)

#define DIRECTIVES_REPLICA(X) \
X(REPLICAOF, "replicaof", HOST_PORT, REFUSED, F_FIXED, "", 0, 0, NONE, NO_REPLICAOF) \
X(MASTERAUTH, "masterauth", TEXT, REFUSED, 0, "", 0, 0, NONE, NO_MASTERAUTH) \
X(MASTERUSER, "masteruser", TEXT, REFUSED, 0, "", 0, 0, NONE, NO_MASTERAUTH) \
X(REPLICA_SERVE_STALE_DATA, "replica-serve-stale-data", BOOL, KEPT, 0, "yes", 0, 1, NONE, NO_REPLICAS) \
X(REPLICA_READ_ONLY, "replica-read-only", BOOL, KEPT, 0, "yes", 0, 1, NONE, NO_REPLICAS) \
X(REPLICA_IGNORE_MAXMEMORY, "replica-ignore-maxmemory", BOOL, KEPT, 0, "yes", 0, 1, NONE, NO_REPLICAS) \
X(REPLICA_LAZY_FLUSH, "replica-lazy-flush", BOOL, KEPT, 0, "no", 0, 1, NONE, NO_REPLICAS) \
X(REPLICA_PRIORITY, "replica-priority", INT, KEPT, 0, "100", 0, INT_TOP, NONE, NO_REPLICAS) \
X(REPLICA_ANNOUNCED, "replica-announced", BOOL, KEPT, 0, "yes", 0, 1, NONE, NO_REPLICAS) \
X(REPLICA_ANNOUNCE_IP, "replica-announce-ip", TEXT, KEPT, 0, "", 0, 0, NONE, NO_REPLICAS) \
X(REPLICA_ANNOUNCE_PORT, "replica-announce-port", INT, KEPT, 0, "0", 0, 65535, NONE, NO_REPLICAS) \
X(REPLICA_IGNORE_DISK_WRITE_ERRORS, "replica-ignore-disk-write-errors", BOOL, KEPT, 0, "no", 0, 1, NONE, NO_REPLICAS) \
X(REPL_BACKLOG_SIZE, "repl-backlog-size", MEMORY, KEPT, 0, "1048576", 1, LONG_TOP, NONE, NO_REPLICAS) \
X(REPL_BACKLOG_TTL, "repl-backlog-ttl", INT, KEPT, 0, "3600", 0, LONG_TOP, NONE, NO_REPLICAS) \
X(REPL_DISABLE_TCP_NODELAY, "repl-disable-tcp-nodelay", BOOL, KEPT, 0, "no", 0, 1, NONE, NO_REPLICAS) \
X(REPL_DISKLESS_LOAD, "repl-diskless-load", ENUM, KEPT, 0, "disabled", 0, 0, DISKLESS_LOAD, NO_REPLICAS) \
X(REPL_DISKLESS_SYNC, "repl-diskless-sync", BOOL, KEPT, 0, "yes", 0, 1, NONE, NO_REPLICAS) \
X(REPL_DISKLESS_SYNC_DELAY, "repl-diskless-sync-delay", INT, KEPT, 0, "5", 0, INT_TOP, NONE, NO_REPLICAS) \
X(REPL_DISKLESS_SYNC_MAX_REPLICAS, "repl-diskless-sync-max-replicas", INT, KEPT, 0, "0", 0, INT_TOP, NONE, NO_REPLICAS) \
X(REPL_PING_REPLICA_PERIOD, "repl-ping-replica-period", INT, KEPT, 0, "10", 1, INT_TOP, NONE, NO_REPLICAS) \
X(REPL_TIMEOUT, "repl-timeout", INT, KEPT, 0, "60", 1, INT_TOP, NONE, NO_REPLICAS) \
X(MIN_REPLICAS_TO_WRITE, "min-replicas-to-write", INT, LATER, 0, "0", 0, INT_TOP, NONE, NOT_YET) \
X(MIN_REPLICAS_MAX_LAG, "min-replicas-max-lag", INT, KEPT, 0, "10", 0, INT_TOP, NONE, NO_REPLICAS) \
X(PROPAGATION_ERROR_BEHAVIOR, "propagation-error-behavior", ENUM, KEPT, 0, "ignore", 0, 0, PROPAGATION, NO_REPLICAS)

#define DIRECTIVES_WATCH(X) \
X(SLOWLOG_LOG_SLOWER_THAN, "slowlog-log-slower-than", INT, WORKS, 0, "10000", -1, LONG_TOP, NONE, NONE) \
X(SLOWLOG_MAX_LEN, "slowlog-max-len", INT, WORKS, 0, "128", 0, LONG_TOP, NONE, NONE) \
X(LATENCY_MONITOR_THRESHOLD, "latency-monitor-threshold", INT, WORKS, 0, "0", 0, LONG_TOP, NONE, NONE) \
X(LATENCY_TRACKING, "latency-tracking", BOOL, WORKS, 0, "yes", 0, 1, NONE, NONE) \
X(LATENCY_TRACKING_INFO_PERCENTILES, "latency-tracking-info-percentiles", PERCENTILES, WORKS, 0, "50 99 99.9", 0, 16, NONE, NONE) \
X(NOTIFY_KEYSPACE_EVENTS, "notify-keyspace-events", EVENTS, LATER, 0, "", 0, 0, NONE, NOT_YET) \
X(TRACKING_TABLE_MAX_KEYS, "tracking-table-max-keys", INT, KEPT, 0, "1000000", 0, LONG_TOP, NONE, NO_TRACKING)

#define DIRECTIVES_TYPES(X) \
X(DATABASES, "databases", INT, WORKS, F_FIXED, "16", 1, 16, NONE, NONE) \
X(HASH_MAX_LISTPACK_ENTRIES, "hash-max-listpack-entries", INT, KEPT, 0, "512", 0, LONG_TOP, NONE, NO_TYPE) \
X(HASH_MAX_LISTPACK_VALUE, "hash-max-listpack-value", MEMORY, KEPT, 0, "64", 0, LONG_TOP, NONE, NO_TYPE) \
X(LIST_MAX_LISTPACK_SIZE, "list-max-listpack-size", INT, KEPT, 0, "-2", INT32_MIN, INT_TOP, NONE, NO_TYPE) \
X(LIST_COMPRESS_DEPTH, "list-compress-depth", INT, KEPT, 0, "0", 0, INT_TOP, NONE, NO_TYPE) \
X(SET_MAX_INTSET_ENTRIES, "set-max-intset-entries", INT, KEPT, 0, "512", 0, LONG_TOP, NONE, NO_TYPE) \
X(ZSET_MAX_LISTPACK_ENTRIES, "zset-max-listpack-entries", INT, KEPT, 0, "128", 0, LONG_TOP, NONE, NO_TYPE) \
X(ZSET_MAX_LISTPACK_VALUE, "zset-max-listpack-value", MEMORY, KEPT, 0, "64", 0, LONG_TOP, NONE, NO_TYPE) \
X(HLL_SPARSE_MAX_BYTES, "hll-sparse-max-bytes", MEMORY, KEPT, 0, "3000", 0, LONG_TOP, NONE, NO_TYPE) \
X(STREAM_NODE_MAX_BYTES, "stream-node-max-bytes", MEMORY, KEPT, 0, "4096", 0, LONG_TOP, NONE, NO_TYPE) \
X(STREAM_NODE_MAX_ENTRIES, "stream-node-max-entries", INT, KEPT, 0, "100", 0, LONG_TOP, NONE, NO_TYPE) \
X(BUSY_REPLY_THRESHOLD, "busy-reply-threshold", INT, KEPT, 0, "5000", 0, LONG_TOP, NONE, NO_SCRIPTS)

#define DIRECTIVES_RING(X) \
X(RING_NAME, "ring-name", NAME, WORKS, F_FIXED, "kula", 1, 0, NONE, NONE) \
X(RING_SEEDS, "ring-seeds", SEEDS, WORKS, F_FIXED, "", 0, 64, NONE, NONE) \
X(RING_SECRET, "ring-secret", TEXT, WORKS, F_FIXED, "", 0, 0, NONE, NONE) \
X(RING_SECRET_FILE, "ring-secret-file", TEXT, WORKS, F_FIXED, "", 0, 0, NONE, NONE) \
X(BUS_PORT, "bus-port", INT, WORKS, F_FIXED, "0", 0, 65535, NONE, NONE) \
X(BUS_BIND, "bus-bind", WORDS, WORKS, F_FIXED, "127.0.0.1", 0, 16, NONE, NONE) \
X(ANNOUNCE_ADDRESS, "announce-address", ADDRESS, WORKS, F_FIXED, "", 0, 0, NONE, NONE) \
X(DATACENTER, "datacenter", NAME, WORKS, F_FIXED, "dc1", 1, 0, NONE, NONE) \
X(RACK, "rack", NAME, WORKS, F_FIXED, "", 0, 0, NONE, NONE) \
X(RING_WEIGHT, "ring-weight", DECIMAL, WORKS, F_FIXED, "0", 0, 1000, NONE, NONE) \
X(VNODES, "vnodes", INT, WORKS, F_FIXED, "64", 1, 4096, NONE, NONE) \
X(NODE_TIMEOUT_MS, "node-timeout-ms", INT, WORKS, 0, "3000", 100, 600000, NONE, NONE) \
X(HINTS_MAX_BYTES, "hints-max-bytes", MEMORY, WORKS, 0, "0", 0, LONG_TOP, NONE, NONE) \
X(FORGET_AFTER, "forget-after", INT, WORKS, 0, "86400", 60, INT_TOP, NONE, NONE) \
X(BACKGROUND_BUDGET, "background-budget", INT, WORKS, 0, "25", 1, 100, NONE, NONE) \
X(CLOCK_SKEW_MAX_MS, "clock-skew-max-ms", INT, WORKS, F_FIXED, "500", 1, 60000, NONE, NONE)

#define DIRECTIVES_QUORUM(X) \
X(REPLICAS, "replicas", REPLICAS, WORKS, F_FIXED, "3", 1, 8, NONE, NONE) \
X(READ_QUORUM, "read-quorum", INT, WORKS, 0, "2", 1, 8, NONE, NONE) \
X(WRITE_QUORUM, "write-quorum", INT, WORKS, 0, "2", 1, 8, NONE, NONE) \
X(QUORUM_MODE, "quorum-mode", ENUM, WORKS, 0, "sloppy", 0, 0, QUORUM, NONE) \
X(QUORUM_TIMEOUT_MS, "quorum-timeout-ms", INT, WORKS, 0, "1000", 10, 60000, NONE, NONE) \
X(CONFLICT_POLICY, "conflict-policy", ENUM, WORKS, 0, "lww", 0, 0, CONFLICT, NONE) \
X(SCOPE, "scope", ENUM, LATER, F_FIXED, "local", 0, 0, SCOPE, NOT_YET) \
X(EXEC_SPANNING, "exec-spanning", ENUM, WORKS, 0, "run", 0, 0, SPANNING, NONE) \
X(PIPELINE_ORDER, "pipeline-order", ENUM, WORKS, 0, "loose", 0, 0, ORDER, NONE)

#define DIRECTIVES_CLUSTER(X) \
X(CLUSTER_ENABLED, "cluster-enabled", BOOL, LATER, F_FIXED, "no", 0, 1, NONE, NOT_YET) \
X(CLUSTER_CONFIG_FILE, "cluster-config-file", TEXT, KEPT, F_FIXED, "nodes.conf", 0, 0, NONE, NO_CLUSTER) \
X(CLUSTER_ANNOUNCE_HOSTNAME, "cluster-announce-hostname", HOST_NAME, KEPT, 0, "", 0, 0, NONE, NO_CLUSTER) \
X(CLUSTER_ANNOUNCE_PORT, "cluster-announce-port", INT, KEPT, 0, "0", 0, 65535, NONE, NO_CLUSTER) \
X(CLUSTER_ANNOUNCE_TLS_PORT, "cluster-announce-tls-port", INT, KEPT, 0, "0", 0, 65535, NONE, NO_CLUSTER) \
X(CLUSTER_ANNOUNCE_BUS_PORT, "cluster-announce-bus-port", INT, KEPT, 0, "0", 0, 65535, NONE, NO_CLUSTER) \
X(CLUSTER_PREFERRED_ENDPOINT_TYPE, "cluster-preferred-endpoint-type", ENUM, KEPT, 0, "ip", 0, 0, ENDPOINT, NO_CLUSTER) \
X(CLUSTER_REQUIRE_FULL_COVERAGE, "cluster-require-full-coverage", BOOL, KEPT, 0, "yes", 0, 1, NONE, NO_CLUSTER) \
X(CLUSTER_ALLOW_READS_WHEN_DOWN, "cluster-allow-reads-when-down", BOOL, KEPT, 0, "no", 0, 1, NONE, NO_CLUSTER) \
X(CLUSTER_ALLOW_PUBSUBSHARD_WHEN_DOWN, "cluster-allow-pubsubshard-when-down", BOOL, KEPT, 0, "yes", 0, 1, NONE, NO_CLUSTER) \
X(CLUSTER_ALLOW_REPLICA_MIGRATION, "cluster-allow-replica-migration", BOOL, KEPT, 0, "yes", 0, 1, NONE, NO_CLUSTER) \
X(CLUSTER_MIGRATION_BARRIER, "cluster-migration-barrier", INT, KEPT, 0, "1", 0, INT_TOP, NONE, NO_CLUSTER) \
X(CLUSTER_REPLICA_VALIDITY_FACTOR, "cluster-replica-validity-factor", INT, KEPT, 0, "10", 0, INT_TOP, NONE, NO_CLUSTER) \
X(CLUSTER_REPLICA_NO_FAILOVER, "cluster-replica-no-failover", BOOL, KEPT, 0, "no", 0, 1, NONE, NO_CLUSTER) \
X(CLUSTER_LINK_SENDBUF_LIMIT, "cluster-link-sendbuf-limit", MEMORY, KEPT, 0, "0", 0, LONG_TOP, NONE, NO_CLUSTER)

#define DIRECTIVES_TLS(X) \
X(TLS_PORT, "tls-port", INT, LATER, 0, "0", 0, 65535, NONE, NOT_YET) \
X(TLS_CERT_FILE, "tls-cert-file", TEXT, LATER, 0, "", 0, 0, NONE, NOT_YET) \
X(TLS_KEY_FILE, "tls-key-file", TEXT, LATER, 0, "", 0, 0, NONE, NOT_YET) \
X(TLS_KEY_FILE_PASS, "tls-key-file-pass", TEXT, LATER, 0, "", 0, 0, NONE, NOT_YET) \
X(TLS_CLIENT_CERT_FILE, "tls-client-cert-file", TEXT, LATER, 0, "", 0, 0, NONE, NOT_YET) \
X(TLS_CLIENT_KEY_FILE, "tls-client-key-file", TEXT, LATER, 0, "", 0, 0, NONE, NOT_YET) \
X(TLS_CLIENT_KEY_FILE_PASS, "tls-client-key-file-pass", TEXT, LATER, 0, "", 0, 0, NONE, NOT_YET) \
X(TLS_DH_PARAMS_FILE, "tls-dh-params-file", TEXT, LATER, 0, "", 0, 0, NONE, NOT_YET) \
X(TLS_CA_CERT_FILE, "tls-ca-cert-file", TEXT, LATER, 0, "", 0, 0, NONE, NOT_YET) \
X(TLS_CA_CERT_DIR, "tls-ca-cert-dir", TEXT, LATER, 0, "", 0, 0, NONE, NOT_YET) \
X(TLS_AUTH_CLIENTS, "tls-auth-clients", ENUM, LATER, 0, "yes", 0, 0, AUTH_CLIENTS, NOT_YET) \
X(TLS_REPLICATION, "tls-replication", BOOL, LATER, 0, "no", 0, 1, NONE, NOT_YET) \
X(TLS_CLUSTER, "tls-cluster", BOOL, LATER, 0, "no", 0, 1, NONE, NOT_YET) \
X(TLS_PROTOCOLS, "tls-protocols", TEXT, LATER, 0, "", 0, 0, NONE, NOT_YET) \
X(TLS_CIPHERS, "tls-ciphers", TEXT, LATER, 0, "", 0, 0, NONE, NOT_YET) \
X(TLS_CIPHERSUITES, "tls-ciphersuites", TEXT, LATER, 0, "", 0, 0, NONE, NOT_YET) \
X(TLS_PREFER_SERVER_CIPHERS, "tls-prefer-server-ciphers", BOOL, LATER, 0, "no", 0, 1, NONE, NOT_YET) \
X(TLS_SESSION_CACHING, "tls-session-caching", BOOL, LATER, 0, "yes", 0, 1, NONE, NOT_YET) \
X(TLS_SESSION_CACHE_SIZE, "tls-session-cache-size", INT, LATER, 0, "20480", 0, INT_TOP, NONE, NOT_YET) \
X(TLS_SESSION_CACHE_TIMEOUT, "tls-session-cache-timeout", INT, LATER, 0, "300", 0, INT_TOP, NONE, NOT_YET)

/* Redis after 7.0, and Valkey. */
#define DIRECTIVES_NEWER(X) \
X(SET_MAX_LISTPACK_ENTRIES, "set-max-listpack-entries", INT, KEPT, F_HIDDEN, "128", 0, LONG_TOP, NONE, NO_TYPE) \
X(SET_MAX_LISTPACK_VALUE, "set-max-listpack-value", MEMORY, KEPT, F_HIDDEN, "64", 0, LONG_TOP, NONE, NO_TYPE) \
X(LOCALE_COLLATE, "locale-collate", TEXT, KEPT, F_HIDDEN, "", 0, 0, NONE, NO_SCRIPTS) \
X(HIDE_USER_DATA_FROM_LOG, "hide-user-data-from-log", BOOL, KEPT, F_HIDDEN, "yes", 0, 1, NONE, OWN_LOG) \
X(MAX_NEW_CONNECTIONS_PER_CYCLE, "max-new-connections-per-cycle", INT, KEPT, F_HIDDEN, "10", 1, 1000, NONE, OWN_LOOP) \
X(MAX_NEW_TLS_CONNECTIONS_PER_CYCLE, "max-new-tls-connections-per-cycle", INT, KEPT, F_HIDDEN, "1", 1, 1000, NONE, OWN_LOOP) \
X(CLUSTER_ANNOUNCE_HUMAN_NODENAME, "cluster-announce-human-nodename", TEXT, KEPT, F_HIDDEN, "", 0, 0, NONE, NO_CLUSTER) \
X(CLUSTER_ANNOUNCE_CLIENT_IPV4, "cluster-announce-client-ipv4", TEXT, KEPT, F_HIDDEN, "", 0, 0, NONE, NO_CLUSTER) \
X(CLUSTER_ANNOUNCE_CLIENT_IPV6, "cluster-announce-client-ipv6", TEXT, KEPT, F_HIDDEN, "", 0, 0, NONE, NO_CLUSTER) \
X(CLUSTER_ANNOUNCE_CLIENT_PORT, "cluster-announce-client-port", INT, KEPT, F_HIDDEN, "0", 0, 65535, NONE, NO_CLUSTER) \
X(CLUSTER_ANNOUNCE_CLIENT_TLS_PORT, "cluster-announce-client-tls-port", INT, KEPT, F_HIDDEN, "0", 0, 65535, NONE, NO_CLUSTER) \
X(CLUSTER_BLACKLIST_TTL, "cluster-blacklist-ttl", INT, KEPT, F_HIDDEN, "60", 0, INT_TOP, NONE, NO_CLUSTER) \
X(CLUSTER_PING_INTERVAL, "cluster-ping-interval", INT, KEPT, F_HIDDEN, "1000", 0, INT_TOP, NONE, NO_CLUSTER) \
X(CLUSTER_SLOT_STATS_ENABLED, "cluster-slot-stats-enabled", OTHER, KEPT, F_HIDDEN, "no", 0, 0, NONE, NO_CLUSTER) \
X(CLUSTER_MANUAL_FAILOVER_TIMEOUT, "cluster-manual-failover-timeout", INT, KEPT, F_HIDDEN, "5000", 1, INT_TOP, NONE, NO_CLUSTER) \
X(CLUSTER_MIGRATION_MAX_FAILOVER_REPL_LAG, "cluster-migration-max-failover-repl-lag", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, NO_CLUSTER) \
X(CLUSTER_SLOT_MIGRATION_LOG_MAX_LEN, "cluster-slot-migration-log-max-len", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, NO_CLUSTER) \
X(CLUSTER_SLOT_MIGRATION_HANDOFF_MAX_LAG_BYTES, "cluster-slot-migration-handoff-max-lag-bytes", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, NO_CLUSTER) \
X(CLUSTER_SLOT_MIGRATION_WRITE_PAUSE_TIMEOUT, "cluster-slot-migration-write-pause-timeout", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, NO_CLUSTER) \
X(CLUSTER_COMPATIBILITY_SAMPLE_RATIO, "cluster-compatibility-sample-ratio", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, NO_CLUSTER) \
X(REPL_DISKLESS_SYNC_PERIOD, "repl-diskless-sync-period", INT, KEPT, F_HIDDEN, "0", 0, INT_TOP, NONE, NO_REPLICAS) \
X(REPL_RDB_CHANNEL, "repl-rdb-channel", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, NO_REPLICAS) \
X(REPLICA_FULL_SYNC_BUFFER_LIMIT, "replica-full-sync-buffer-limit", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, NO_REPLICAS) \
X(DUAL_CHANNEL_REPLICATION_ENABLED, "dual-channel-replication-enabled", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, NO_REPLICAS) \
X(IMPORT_MODE, "import-mode", BOOL, LATER, F_HIDDEN, "no", 0, 1, NONE, NOT_YET) \
X(AVAILABILITY_ZONE, "availability-zone", TEXT, KEPT, F_HIDDEN, "", 0, 0, NONE, NO_CLUSTER) \
X(EXTENDED_REDIS_COMPATIBILITY, "extended-redis-compatibility", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, OTHER_SERVER) \
X(EVENTS_PER_IO_THREAD, "events-per-io-thread", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, THREADS) \
X(MIN_IO_THREADS_AVOID_COPY_REPLY, "min-io-threads-avoid-copy-reply", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, THREADS) \
X(PREFETCH_BATCH_MAX_SIZE, "prefetch-batch-max-size", INT, KEPT, F_HIDDEN, "16", 0, 128, NONE, OWN_LOOP) \
X(LOOKAHEAD, "lookahead", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, OWN_LOOP) \
X(ACTIVE_DEFRAG_CYCLE_US, "active-defrag-cycle-us", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, OWN_MEMORY) \
X(RDB_VERSION_CHECK, "rdb-version-check", ENUM, KEPT, F_HIDDEN, "strict", 0, 0, RDB_VERSION, NO_RESTORE) \
X(LUA_ENABLE_INSECURE_API, "lua-enable-insecure-api", BOOL, KEPT, F_HIDDEN, "no", 0, 1, NONE, NO_SCRIPTS) \
X(LUA_ENABLE_DEPRECATED_API, "lua-enable-deprecated-api", BOOL, KEPT, F_HIDDEN, "no", 0, 1, NONE, NO_SCRIPTS) \
X(COMMANDLOG_REQUEST_LARGER_THAN, "commandlog-request-larger-than", INT, KEPT, F_HIDDEN, "1048576", -1, LONG_TOP, NONE, NO_COMMANDLOG) \
X(COMMANDLOG_LARGE_REQUEST_MAX_LEN, "commandlog-large-request-max-len", INT, KEPT, F_HIDDEN, "128", 0, LONG_TOP, NONE, NO_COMMANDLOG) \
X(COMMANDLOG_REPLY_LARGER_THAN, "commandlog-reply-larger-than", INT, KEPT, F_HIDDEN, "1048576", -1, LONG_TOP, NONE, NO_COMMANDLOG) \
X(COMMANDLOG_LARGE_REPLY_MAX_LEN, "commandlog-large-reply-max-len", INT, KEPT, F_HIDDEN, "128", 0, LONG_TOP, NONE, NO_COMMANDLOG) \
X(TLS_AUTH_CLIENTS_USER, "tls-auth-clients-user", TEXT, LATER, F_HIDDEN, "", 0, 0, NONE, NOT_YET) \
X(TLS_AUTO_RELOAD_INTERVAL, "tls-auto-reload-interval", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, NO_TLS) \
X(UNIXSOCKETGROUP, "unixsocketgroup", TEXT, LATER, F_HIDDEN | F_FIXED, "", 0, 0, NONE, NOT_YET) \
X(MPTCP, "mptcp", BOOL, LATER, F_HIDDEN | F_FIXED, "no", 0, 1, NONE, NOT_YET) \
X(REPL_MPTCP, "repl-mptcp", BOOL, KEPT, F_HIDDEN, "no", 0, 1, NONE, NO_REPLICAS) \
X(RDMA_PORT, "rdma-port", INT, LATER, F_HIDDEN, "0", 0, 65535, NONE, NOT_YET) \
X(RDMA_BIND, "rdma-bind", OTHER, LATER, F_HIDDEN, "", 0, 0, NONE, NOT_YET) \
X(LOG_FORMAT, "log-format", ENUM, LATER, F_HIDDEN, "legacy", 0, 0, LOG_FORMAT, NOT_YET) \
X(LOG_TIMESTAMP_FORMAT, "log-timestamp-format", ENUM, LATER, F_HIDDEN, "legacy", 0, 0, LOG_TIME, NOT_YET) \
X(HASH_SEED, "hash-seed", TEXT, KEPT, F_HIDDEN | F_FIXED, "", 0, 0, NONE, OWN_TABLES) \
X(MAXMEMORY_SOFT_SCALE, "maxmemory-soft-scale", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, OWN_EVICTION)

/* Redis before 7.0, KeyDB, and our own. */
#define DIRECTIVES_OTHER(X) \
X(LIST_MAX_ZIPLIST_ENTRIES, "list-max-ziplist-entries", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, GONE) \
X(LIST_MAX_ZIPLIST_VALUE, "list-max-ziplist-value", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, GONE) \
X(LUA_REPLICATE_COMMANDS, "lua-replicate-commands", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, GONE) \
X(GOPHER_ENABLED, "gopher-enabled", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, GONE) \
X(HASH_MAX_ZIPMAP_ENTRIES, "hash-max-zipmap-entries", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, GONE) \
X(HASH_MAX_ZIPMAP_VALUE, "hash-max-zipmap-value", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, GONE) \
X(VM_ENABLED, "vm-enabled", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, GONE) \
X(VM_SWAP_FILE, "vm-swap-file", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, GONE) \
X(VM_MAX_MEMORY, "vm-max-memory", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, GONE) \
X(VM_PAGE_SIZE, "vm-page-size", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, GONE) \
X(VM_PAGES, "vm-pages", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, GONE) \
X(VM_MAX_THREADS, "vm-max-threads", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, GONE) \
X(GLUEOUTPUTBUF, "glueoutputbuf", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, GONE) \
X(WATCHDOG_PERIOD, "watchdog-period", INT, KEPT, F_HIDDEN, "0", 0, INT_TOP, NONE, OWN_LOOP) \
X(SERVER_THREADS, "server-threads", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, USE_IO_THREADS) \
X(SERVER_THREAD_AFFINITY, "server-thread-affinity", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, CPULIST) \
X(MIN_CLIENTS_PER_THREAD, "min-clients-per-thread", OTHER, KEPT, F_HIDDEN, "", 0, 0, NONE, THREADS) \
X(ACTIVE_REPLICA, "active-replica", BOOL, REFUSED, F_HIDDEN, "no", 0, 1, NONE, NO_REPLICAOF) \
X(MULTI_MASTER, "multi-master", BOOL, REFUSED, F_HIDDEN, "no", 0, 1, NONE, NO_REPLICAOF) \
X(UNKNOWN_DIRECTIVE, "unknown-directive", ENUM, WORKS, F_HIDDEN | F_FIXED, "stop", 0, 0, UNKNOWN, NONE)
/* clang-format on */

#endif
