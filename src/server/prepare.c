#include "server/prepare.h"

#include "base/err.h"
#include "base/log_line.h"
#include "base/memory.h"
#include "config/choices.h"
#include "os/log_file.h"
#include "os/process.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    RESERVED_FILES = 32, /* log, listeners, epoll and the like */
    MEMORY_SHARE_PERCENT = 80,
};

int
prepare_directory(struct settings *settings)
{
    char *dir = settings_text(settings, SETTING_DIR), full[PATH_MAX];
    int err = ERR_OK;

    if (dir[0] != '\0' && chdir(dir) < 0) {
        fprintf(stderr, "cannot change to the directory '%s': %s\n", dir,
                strerror(errno));
        err = ERR_SYSTEM;
    } else if (getcwd(full, sizeof(full)) != NULL) {
        err = settings_compute(settings, SETTING_DIR, bytes_str(full));
    }
    mem_free(dir);
    return err;
}

int
prepare_log(const struct settings *settings)
{
    static const char *const facilities[] = {"user",   "local0", "local1",
                                             "local2", "local3", "local4",
                                             "local5", "local6", "local7"};
    char *path = settings_text(settings, SETTING_LOGFILE);
    char *ident = settings_text(settings, SETTING_SYSLOG_IDENT);
    bool to_syslog = settings_int(settings, SETTING_SYSLOG_ENABLED) != 0;
    struct log_file_config config = {
        .path = path,
        .syslog_ident = to_syslog ? ident : NULL,
        .syslog_facility =
            facilities[settings_int(settings, SETTING_SYSLOG_FACILITY)]};
    int err = log_file_open(&config);

    if (err != ERR_OK) {
        fprintf(stderr, "cannot open the log file '%s': %s\n", path,
                strerror(errno));
    }
    log_set_level((enum log_level)settings_int(settings, SETTING_LOGLEVEL));
    mem_free(path);
    mem_free(ident);
    return err;
}

uint64_t
prepare_files(uint64_t max_clients)
{
    uint64_t got = process_raise_files(max_clients + RESERVED_FILES);

    if (got >= max_clients + RESERVED_FILES) return max_clients;
    return got > RESERVED_FILES ? got - RESERVED_FILES : 1;
}

static void
set_number(struct settings *settings, enum setting id, uint64_t number)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%" PRIu64, number);
    if (settings_compute(settings, id, bytes_str(text)) != ERR_OK) {
        log_line(LOG_LEVEL_WARNING, "%s cannot be %s", settings_name(id), text);
    }
}

void
prepare_oom_score(const struct settings *settings)
{
    enum oom_score_mode mode =
        (enum oom_score_mode)settings_int(settings, SETTING_OOM_SCORE_ADJ);
    struct buf values = {0};
    long long score = 0;

    if (mode == OOM_SCORE_NO) return;
    /* The first of three: this process is neither a replica nor a child. */
    settings_show(settings, SETTING_OOM_SCORE_ADJ_VALUES, &values);
    buf_must_add(&values, "", 1);
    if (sscanf(values.data, "%lld", &score) == 1 &&
        process_oom_score(score, mode != OOM_SCORE_ABSOLUTE) != ERR_OK) {
        log_line(LOG_LEVEL_WARNING, "cannot write the OOM score: %s",
                 strerror(errno));
    }
    buf_deinit(&values);
}

void
prepare_limits(struct settings *settings)
{
    uint64_t wanted = (uint64_t)settings_int(settings, SETTING_MAXCLIENTS);
    uint64_t allowed = prepare_files(wanted);

    if (allowed < wanted) {
        log_line(LOG_LEVEL_WARNING,
                 "maxclients %" PRIu64 " needs %" PRIu64
                 " open files, the system allows fewer: maxclients is now "
                 "%" PRIu64 " (raise 'ulimit -n')",
                 wanted, wanted + RESERVED_FILES, allowed);
        set_number(settings, SETTING_MAXCLIENTS, allowed);
    }
    if (settings_int(settings, SETTING_DISABLE_THP) &&
        process_disable_thp() != ERR_OK) {
        log_line(LOG_LEVEL_WARNING, "cannot do without huge pages: %s",
                 strerror(errno));
    }
    prepare_oom_score(settings);
}

/* What a system without one of the protocols says: no reason to stop. */
static bool
is_unsupported(int code)
{
    return code == ENOPROTOOPT || code == EPROTONOSUPPORT ||
           code == ESOCKTNOSUPPORT || code == EPFNOSUPPORT ||
           code == EAFNOSUPPORT;
}

/* One word of `bind`; a leading '-': the address may be missing. */
static int
listen_on(const struct settings *settings, struct loops *loops,
          const char *host, uint32_t *count)
{
    uint16_t port = (uint16_t)settings_int(settings, SETTING_PORT);
    int backlog = (int)settings_int(settings, SETTING_TCP_BACKLOG);
    bool is_optional = host[0] == '-';
    struct socket_listener listener;
    char why[256];
    int err;

    if (is_optional) host++;
    err = socket_listen_tcp(&listener, host, port, backlog, why);
    if (err != ERR_OK) {
        bool may_lack =
            is_unsupported(errno) || (is_optional && errno == EADDRNOTAVAIL);

        log_line(may_lack ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING,
                 "cannot listen on %s: %s", listener.name, why);
        return may_lack ? ERR_OK : err;
    }
    socket_keepalive(listener.fd,
                     settings_int(settings, SETTING_TCP_KEEPALIVE));
    ++*count;
    return loops_listen(loops, &listener);
}

static int
listen_tcp(const struct settings *settings, struct loops *loops)
{
    struct buf words = {0};
    char *word, *rest = NULL;
    uint32_t count = 0;
    int err = ERR_OK;

    settings_show(settings, SETTING_BIND, &words);
    buf_must_add(&words, "", 1);
    for (word = strtok_r(words.data, " ", &rest); word != NULL && err == ERR_OK;
         word = strtok_r(NULL, " ", &rest)) {
        err = listen_on(settings, loops, word, &count);
    }
    buf_deinit(&words);
    if (err == ERR_OK && count == 0) {
        log_line(LOG_LEVEL_WARNING, "no address of 'bind' can be had");
        return ERR_SYSTEM;
    }
    return err;
}

static int
listen_unix(const struct settings *settings, struct loops *loops)
{
    char *path = settings_text(settings, SETTING_UNIXSOCKET);
    unsigned mode = (unsigned)settings_int(settings, SETTING_UNIXSOCKETPERM);
    int backlog = (int)settings_int(settings, SETTING_TCP_BACKLOG);
    struct socket_listener listener;
    char why[256];
    int err = ERR_OK;

    if (path[0] != '\0') {
        err = socket_listen_unix(&listener, path, mode, backlog, why);
        if (err == ERR_OK) {
            err = loops_listen(loops, &listener);
        } else {
            log_line(LOG_LEVEL_WARNING, "cannot listen on %s: %s", path, why);
        }
    }
    mem_free(path);
    return err;
}

int
prepare_listeners(const struct settings *settings, struct loops *loops)
{
    int err = ERR_OK;

    if (settings_int(settings, SETTING_PORT) != 0) {
        err = listen_tcp(settings, loops);
    }
    if (err == ERR_OK) err = listen_unix(settings, loops);
    return err;
}

void
prepare_defaults(struct settings *settings)
{
    if (!settings_is_set(settings, SETTING_MAXMEMORY)) {
        set_number(settings, SETTING_MAXMEMORY,
                   process_memory_limit() / 100 * MEMORY_SHARE_PERCENT);
    }
    if (!settings_is_set(settings, SETTING_IO_THREADS)) {
        set_number(settings, SETTING_IO_THREADS,
                   min_u64(process_core_count(), LOOP_WORKERS_MAX));
    }
}
