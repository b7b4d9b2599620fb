/*
 * choices.h - the names that a directive of a fixed set of words may have.
 *
 * X(SET, "name", ...) in the order of the indexes that settings_int gives,
 * which is also Redis's order in its message, but for those with a text of
 * their own (SETTING_LISTED).
 */
#ifndef CONFIG_CHOICES_H
#define CONFIG_CHOICES_H

/* The order of enum store_policy. */
#define SETTING_CHOICES(X)                                                     \
    X(POLICY, "noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random",    \
      "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl")       \
    X(SUPERVISED, "upstart", "systemd", "auto", "no")                          \
    X(LOGLEVEL, "debug", "verbose", "notice", "warning", "nothing")            \
    X(SYSLOG, "user", "local0", "local1", "local2", "local3", "local4",        \
      "local5", "local6", "local7")                                            \
    X(OOM_SCORE, "no", "yes", "relative", "absolute")                          \
    X(PROTECTED, "no", "yes", "local")                                         \
    X(SHUTDOWN, "default", "save", "nosave", "now", "force")                   \
    X(APPENDFSYNC, "everysec", "always", "no")                                 \
    X(SANITIZE, "no", "yes", "clients")                                        \
    X(ACL_PUBSUB, "allchannels", "resetchannels")                              \
    X(DISKLESS_LOAD, "disabled", "on-empty-db", "swapdb")                      \
    X(PROPAGATION, "ignore", "panic", "panic-on-replicas")                     \
    X(ENDPOINT, "ip", "hostname", "unknown-endpoint")                          \
    X(AUTH_CLIENTS, "no", "yes", "optional")                                   \
    X(RDB_VERSION, "strict", "relaxed")                                        \
    X(LOG_FORMAT, "legacy", "logfmt")                                          \
    X(LOG_TIME, "legacy", "iso8601", "milliseconds")                           \
    X(UNKNOWN, "stop", "warn")                                                 \
    X(QUORUM, "sloppy", "strict")                                              \
    X(CONFLICT, "lww", "siblings")                                             \
    X(SCOPE, "local", "each")                                                  \
    X(SPANNING, "run", "refuse")                                               \
    X(ORDER, "loose", "strict")

enum supervised_mode {
    SUPERVISED_UPSTART,
    SUPERVISED_SYSTEMD,
    SUPERVISED_AUTO,
    SUPERVISED_NO,
};

enum oom_score_mode {
    OOM_SCORE_NO,
    OOM_SCORE_YES, /* the same as relative */
    OOM_SCORE_RELATIVE,
    OOM_SCORE_ABSOLUTE,
};

/* enable-debug-command, enable-module-command, enable-protected-configs */
enum protected_mode {
    PROTECTED_NO,
    PROTECTED_YES,
    PROTECTED_LOCAL, /* to clients over loopback and the unix socket */
};

/* Bits of shutdown-on-sigint, shutdown-on-sigterm; 0: default. */
enum shutdown_bit {
    SHUTDOWN_SAVE = 1 << 0,
    SHUTDOWN_NOSAVE = 1 << 1,
    SHUTDOWN_NOW = 1 << 2,
    SHUTDOWN_FORCE = 1 << 3,
};

/* syslog-facility: user, then local0 to local7 in a row. */
enum syslog_choice { SYSLOG_USER, SYSLOG_LOCAL0 };

enum unknown_choice { UNKNOWN_STOP, UNKNOWN_WARN };

/* quorum-mode: may stand-ins count for W? */
enum quorum_choice { QUORUM_SLOPPY, QUORUM_STRICT };

/* conflict-policy */
enum conflict_choice { CONFLICT_LWW, CONFLICT_SIBLINGS };

/* scope: where R and W are counted */
enum scope_choice { SCOPE_LOCAL, SCOPE_EACH };

/* exec-spanning: MULTI and its like over the slots of several nodes */
enum spanning_choice { SPANNING_RUN, SPANNING_REFUSE };

/* pipeline-order: of one client's commands on different keys */
enum order_choice { ORDER_LOOSE, ORDER_STRICT };

#endif
